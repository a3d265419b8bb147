// Pages that stay fresh: the console says what changed, the page fetches itself. All works without it.
"use strict";

const FIGURES_EVERY = 5000; // ms; workers report each second, nobody reads as fast
const POLL_EVERY = 15000; // ms; while the console does not say what changed
const AGAIN = 30000; // ms; until a console that is full is asked again
const OLD = "No connection: what you see may be old.";

/** Replace one part of the page, keeping what is unfolded; not while the visitor is in it. */
function renew(old, fresh) {
  if (!fresh || old.outerHTML === fresh.outerHTML) return;
  for (const details of old.querySelectorAll("details[id]")) {
    const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
    if (same) same.open = details.open;
  }
  if (!old.contains(document.activeElement)) old.replaceWith(document.adoptNode(fresh));
  else if (old.matches("ul, ol")) renewRows(old, fresh);
  else for (const part of [...old.children].filter((one) => one.id)) renew(part, fresh.querySelector(`#${CSS.escape(part.id)}`));
}

/** Replace the rows of a list, but for the one that the visitor is in: it stays, and stays in its place. */
function renewRows(old, fresh) {
  const held = [...old.children].find((row) => row.contains(document.activeElement));
  const rows = [...fresh.children].map((row) => document.adoptNode(row));
  const place = rows.findIndex((row) => row.id === held.id);
  for (const row of [...old.children]) if (row !== held) row.remove();
  held.before(...rows.slice(0, Math.max(place, 0)));
  held.after(...rows.slice(place + 1));
}

/** A form stays as it was opened, so that a decision is about what was seen; say if that is old. */
function tellOfChange() {
  const changed = document.getElementById("changed");
  const now = document.getElementById("live-version");
  if (changed && now) changed.hidden = changed.dataset.version === now.dataset.version;
}

function say(text) {
  const connection = document.getElementById("connection");
  if (connection.textContent !== text) connection.textContent = text;
}

async function refresh() {
  try {
    const answer = await fetch(document.body.dataset.source || location.href);
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-live]")) renew(old, fresh.getElementById(old.id));
    tellOfChange();
    document.dispatchEvent(new Event("fluvial:refreshed"));
    return true;
  } catch {
    say(OLD);
    return false;
  }
}

/** Listens while the page is seen: a browser has few connections for one address, and many tabs. */
class Listener {
  constructor() {
    this.known = null;
    this.due = 0;
    this.fetched = 0;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    addEventListener("pageshow", (event) => { if (event.persisted) this.open(); });
    setInterval(() => this.poll(), POLL_EVERY);
    if (!document.hidden) this.open();
  }

  open() {
    this.close();
    this.source = new EventSource("/api/v1/stream");
    this.source.addEventListener("open", () => say(""));
    this.source.addEventListener("change", (event) => this.changed(JSON.parse(event.data)));
    this.source.addEventListener("trouble", () => say("The store does not answer: what you see may be old."));
    this.source.addEventListener("error", () => this.lost());
  }

  close() {
    if (this.source) this.source.close();
    this.source = null;
  }

  lost() {
    say(OLD);
    if (!this.source || this.source.readyState !== EventSource.CLOSED) return; // it tries again by itself
    this.source = null;
    setTimeout(() => { if (!document.hidden && !this.source) this.open(); }, AGAIN);
  }

  /** What people decided is shown at once, what workers count now and then. */
  changed(versions) {
    say("");
    const mine = document.body.dataset.pipeline;
    const desk = JSON.stringify(Object.entries(versions).map(([name, one]) => [name, one.desk]));
    const figures = JSON.stringify(mine ? versions[mine] : versions);
    const [before, known] = [this.known, { desk, figures }];
    this.known = known;
    if (!before || before.desk !== desk) this.fetchIn(0);
    else if (before.figures !== figures) this.fetchIn(this.fetched + FIGURES_EVERY - Date.now());
  }

  fetchIn(wait) {
    const at = Date.now() + Math.max(wait, 0);
    if (this.timer && this.due <= at) return;
    clearTimeout(this.timer);
    this.due = at;
    this.timer = setTimeout(() => { this.timer = 0; this.fetched = Date.now(); refresh(); }, Math.max(wait, 0));
  }

  async poll() {
    const connected = this.source && this.source.readyState === EventSource.OPEN;
    if (!document.hidden && !connected && (await refresh())) say("");
  }
}

if (document.querySelector("[data-live]")) new Listener();
