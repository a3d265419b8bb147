// Charts, drawn by Plotly in the colours of the page; what is zoomed into is fetched in full detail.
"use strict";

const CHART_EVERY = 15000; // ms between two drawings of what changed

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
  const shown = themed(layout, narrow);
  if (plot.span) shown.xaxis = { ...shown.xaxis, range: plot.span.map((at) => at * 1000), autorange: false };
  await Plotly.react(plot, data, shown, { displayModeBar: false, responsive: true });
  if (plot.painted) return;
  plot.painted = true;
  plot.on("plotly_click", (event) => {
    const address = event.points[0].customdata;
    if (typeof address === "string" && address.startsWith("/")) location.assign(address);
  });
  plot.on("plotly_relayout", (change) => zoomed(plot, change));
  for (const button of plot.parentElement.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => show(plot, button));
  }
  plot.parentElement.querySelector(".zoom")?.removeAttribute("hidden");
}

/** What people drag or double-click: the chart of just this span is fetched. */
function zoomed(plot, change) {
  if (change["xaxis.autorange"]) zoom(plot, null);
  else if ("xaxis.range[0]" in change) {
    zoom(plot, [0, 1].map((end) => Date.parse(`${change[`xaxis.range[${end}]`]}Z`.replace(" ", "T")) / 1000));
  }
}

/** The last so many seconds of event time, or everything. */
function show(plot, button) {
  const seconds = Number(button.dataset.zoom);
  const last = Math.max(...plot.figure.data.flatMap((trace) => trace.x.slice(-1))) / 1000;
  zoom(plot, seconds && Number.isFinite(last) ? [last - seconds, last] : null);
}

function zoom(plot, span) {
  if (span && !span.every(Number.isFinite)) return;
  plot.span = span;
  for (const button of plot.parentElement.querySelectorAll("[data-zoom]")) {
    const wide = span ? Math.round(span[1] - span[0]) : 0;
    button.setAttribute("aria-pressed", String(Number(button.dataset.zoom) === wide));
  }
  draw(plot).catch(() => {});
}

async function draw(plot) {
  const spanned = plot.span && plot.dataset.spans ? `?since=${plot.span[0]}&until=${plot.span[1]}` : "";
  const answer = await fetch(plot.dataset.chart + spanned);
  if (!answer.ok) return;
  const text = spanned + (await answer.text());
  if (text === plot.text) return;
  plot.text = text;
  plot.figure = JSON.parse(text.slice(spanned.length));
  if (plot.span || plot.figure.data.some((trace) => trace.x.length)) await paint(plot);
}

const plots = [...document.querySelectorAll("[data-chart]")];
let drawn = 0;

function drawAll() {
  drawn = Date.now();
  return Promise.all(plots.map(draw)).catch(() => {}); // the page's script says when nobody answers
}

drawAll();
document.addEventListener("fluvial:refreshed", () => { if (Date.now() - drawn > CHART_EVERY) drawAll(); });
dark.addEventListener("change", () => plots.filter((plot) => plot.painted).forEach(paint));
