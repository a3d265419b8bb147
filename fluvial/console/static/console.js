// Charts, and pages that stay fresh. Reading and deciding work without it.
"use strict";

const PAGE_EVERY = 5000; // ms
const CHART_EVERY = 15000; // ms

const dark = matchMedia("(prefers-color-scheme: dark)");

/** The value of a colour variable of the page's theme. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The figure's layout with the colours of the page's theme. */
function themed(layout, narrow) {
  const axis = { gridcolor: colour("--line"), linecolor: colour("--line"), automargin: true };
  const copy = {
    ...layout,
    font: { family: "inherit", size: narrow ? 11 : 12, color: colour("--text") },
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    hoverlabel: { bgcolor: colour("--card"), bordercolor: colour("--line"), font: { color: colour("--text") } },
    uirevision: "kept", // a refresh keeps what was zoomed
  };
  for (const name of Object.keys(copy)) {
    if (/^[xy]axis/.test(name)) copy[name] = { ...axis, ...copy[name] };
  }
  return copy;
}

async function paint(plot) {
  const { data, layout } = plot.figure;
  if (!plot.painted) {
    plot.replaceChildren();
    plot.classList.add("painted");
  }
  const narrow = plot.clientWidth < 500;
  await Plotly.react(plot, data, themed(layout, narrow), { displayModeBar: false, responsive: true });
  if (plot.painted) return;
  plot.painted = true;
  plot.on("plotly_click", (event) => {
    const address = event.points[0].customdata;
    if (typeof address === "string" && address.startsWith("/")) location.assign(address);
  });
}

async function draw(plot) {
  const answer = await fetch(plot.dataset.chart);
  if (!answer.ok) return;
  const text = await answer.text();
  if (text === plot.text) return;
  plot.text = text;
  plot.figure = JSON.parse(text);
  if (plot.figure.data.some((trace) => trace.x.length)) await paint(plot);
}

/** Replace one part of the page, keeping what is unfolded; not while the visitor is in it. */
function renew(old, fresh) {
  if (!fresh || old.contains(document.activeElement)) return;
  for (const unfolded of old.querySelectorAll("details[id]")) {
    const same = fresh.querySelector(`#${CSS.escape(unfolded.id)}`);
    if (same) same.open = unfolded.open;
  }
  if (old.outerHTML !== fresh.outerHTML) old.replaceWith(document.adoptNode(fresh));
}

/** A form stays as it was opened, so that a decision is about what was seen; say if that is old. */
function tellOfChange() {
  const changed = document.getElementById("changed");
  const now = document.getElementById("live-version");
  if (changed && now) changed.hidden = changed.dataset.version === now.dataset.version;
}

async function refresh() {
  const connection = document.getElementById("connection");
  try {
    const answer = await fetch(document.body.dataset.source);
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-live]")) renew(old, fresh.getElementById(old.id));
    tellOfChange();
    connection.textContent = "";
  } catch {
    connection.textContent = "No connection: what you see may be old.";
  }
}

function every(wait, what) {
  setInterval(() => { if (!document.hidden) what(); }, wait);
}

const plots = [...document.querySelectorAll("[data-chart]")];
const drawAll = () => Promise.all(plots.map(draw)).catch(() => {}); // refresh() says when nobody answers
drawAll();
every(PAGE_EVERY, refresh);
every(CHART_EVERY, drawAll);
dark.addEventListener("change", () => plots.filter((plot) => plot.painted).forEach(paint));
