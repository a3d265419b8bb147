// Keys of the inbox; everything they do can be done by mouse, by tab and without them.
"use strict";

const OFF = "fluvial-keys-off";
const help = document.getElementById("keys");
const off = document.getElementById("keys-off");

const rows = () => [...document.querySelectorAll(".incidents > li")];
const current = () => rows().findIndex((row) => row.contains(document.activeElement));

/** Go to the incident so many places on; the focus is what shows which one it is. */
function move(by) {
  const all = rows();
  const at = current();
  const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), all.length - 1);
  all[next]?.querySelector("a.headline")?.focus();
  all[next]?.scrollIntoView({ block: "nearest" });
}

/** Unfold the form of the incident and go to what is still to be said. */
function take() {
  const form = rows()[Math.max(current(), 0)]?.querySelector("details.take");
  if (!form) return;
  form.open = true;
  const [who, reason] = ["who", "reason"].map((name) => form.querySelector(`[name=${name}]`));
  const field = who && who.type !== "hidden" && !who.value ? who : reason;
  field?.focus();
  field?.select();
}

const DEEDS = {
  j: () => move(1),
  k: () => move(-1),
  o: () => rows()[current()]?.querySelector("a.headline")?.click(),
  a: take,
  "/": () => document.querySelector(".filter [name=text]")?.focus(),
  "?": () => help.showModal(),
};

document.addEventListener("keydown", (event) => {
  // A dialog that was just closed keeps the focus until the next frame: its keys are those of the page again.
  const dialog = event.target.closest?.("dialog");
  const inside = dialog ? dialog.open : event.target.closest?.("input, textarea, select");
  if (event.key === "Escape" && event.target.closest?.("details.take")) {
    const form = event.target.closest("details.take");
    form.open = false;
    form.closest("li").querySelector("a.headline").focus();
  }
  if (inside || event.ctrlKey || event.altKey || event.metaKey || localStorage.getItem(OFF)) return;
  const deed = Object.hasOwn(DEEDS, event.key) ? DEEDS[event.key] : null;
  if (!deed) return;
  event.preventDefault();
  deed();
});

const button = document.getElementById("show-keys");
button.hidden = false;
button.addEventListener("click", () => help.showModal());
off.checked = Boolean(localStorage.getItem(OFF));
off.addEventListener("change", () => (off.checked ? localStorage.setItem(OFF, "1") : localStorage.removeItem(OFF)));
