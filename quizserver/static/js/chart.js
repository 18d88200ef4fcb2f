// The bench's chart: the structure and classes of the server's charts, redrawn as points arrive,
// and a reading line that follows the pointer or the arrow keys.

import { axisName, place } from "./labels.js";
import { drawable, fit, scale, tickText, ticks } from "./scales.js";

const SVG = "http://www.w3.org/2000/svg";
const NARROWEST = [240, 280];
const ARM_COLOURS = 12;
const BAND_HEADROOM = 1.6;
// A linear axis shows at most this many times the starts and ends of the lines; an end this many
// times the highest start is a run that diverged, which no longer counts.
const FRAME = 1.6;
const DIVERGED = 10;
// Letters at the lines' ends stand at least this share of the plot's height apart.
const APART = 0.055;

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

const percent = (share) => `${Number((100 * share).toFixed(2))}%`;
export const armClass = (curve) => `arm-${curve.arm % ARM_COLOURS}`;
const finite = (values) => values.filter(drawable);

export class Chart {
  /** `axes` is {x, y} with label, unit and scale; `onRead(x or null)` hears the reading line. */
  constructor(box, ident, axes, onRead) {
    this.axes = axes;
    this.ident = ident;
    this.onRead = onRead;
    this.title = svg("title", { id: `${ident}-title` });
    this.text = svg("desc", { id: `${ident}-desc` });
    this.frame = svg("g");
    this.marks = svg("svg", {
      class: "marks",
      viewBox: "0 0 1000 1000",
      preserveAspectRatio: "none",
      width: "100%",
      height: "100%",
    });
    this.names = svg("g");
    this.signs = svg("g");
    this.cross = svg("g", { class: "cross" });
    this.plot = svg(
      "svg",
      {
        class: "plot",
        width: "100%",
        height: "100%",
        role: "img",
        "aria-labelledby": `${ident}-title ${ident}-desc`,
      },
      this.title,
      this.text,
      this.frame,
      this.marks,
      this.names,
      this.signs,
      this.cross,
    );
    this.target = readingLine(this);
    const chart = document.createElement("div");
    chart.className = "chart chart-bench";
    chart.append(this.plot, this.target);
    box.replaceChildren(chart);
  }

  /**
   * Draws {curves, described, log, title, description, live, xRange}. A curve is {x, median, low,
   * high, replicas, label, arm, source, dash}: `source` marks a kept one, whose label is a letter. While `live`, the axes only grow
   * and names stay put.
   */
  draw(state) {
    const held = state.live ? this.scales : null;
    this.scales = fitted(state, this.axes, held);
    this.curves = state.curves;
    this.beyond = state.curves.filter((curve) => leaves(this.scales, curve) !== null);
    this.title.textContent = state.title;
    this.text.textContent = state.description;
    const empty = !state.described && !state.curves.some((curve) => curve.x.length);
    this.frame.replaceChildren(...grid(this.scales, this.axes, empty));
    const described = state.described ? smooth(state.described) : null;
    const drawn = state.curves.flatMap((curve) => curveMarks(this.scales, curve));
    if (described) drawn.push(path("described", line(this.scales, ...described)));
    this.marks.replaceChildren(...drawn.filter(Boolean));
    this.signs.replaceChildren(...letters(this.scales, state.curves), ...this.beyond.map((curve) => sign(this.scales, curve)));
    const called = state.curves.map((curve) => curve.label).join("\n");
    if (!state.live || called !== this.called) {
      this.names.replaceChildren(...names(this.scales, this.axes, state, described));
      this.called = called;
    }
    this.read(this.at ?? null);
  }

  /** Puts the reading line at the point of the first curve nearest to `x`, or takes it away. */
  read(x) {
    const points = this.curves?.[0]?.x ?? [];
    this.at = x === null || !points.length ? null : nearest(points, x);
    this.cross.replaceChildren();
    if (this.at !== null) this.cross.append(...crossMarks(this.scales, this.curves, this.at));
    this.onRead(this.at, this.target);
  }

  step(by) {
    const points = this.curves?.[0]?.x ?? [];
    if (!points.length) return;
    const now = this.at === null ? (by > 0 ? -1 : points.length) : points.indexOf(this.at);
    this.read(points[Math.min(points.length - 1, Math.max(0, now + by))]);
  }
}

/** A slider over the plot: the pointer and the arrow keys move it, screen readers hear values. */
function readingLine(chart) {
  const target = document.createElement("div");
  target.className = "plot-target";
  target.tabIndex = 0;
  target.setAttribute("role", "slider");
  target.setAttribute("aria-label", "Read values along the curves");
  target.addEventListener("pointermove", (event) => {
    const box = target.getBoundingClientRect();
    if (chart.scales) chart.read(chart.scales.x.value((event.clientX - box.left) / box.width));
  });
  target.addEventListener("pointerleave", () => chart.read(null));
  target.addEventListener("blur", () => chart.read(null));
  target.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -1e9, End: 1e9 }[event.key];
    if (event.key === "Escape") chart.read(null);
    if (by === undefined) return;
    event.preventDefault();
    chart.step(by);
  });
  return target;
}

export function nearest(points, x) {
  return points.reduce((best, point) => (Math.abs(point - x) < Math.abs(best - x) ? point : best));
}

/** The value of a curve's line at x: {median, low, high}, or null where it has no such point. */
export function valueAt(curve, x) {
  const i = curve.x.indexOf(x);
  if (i < 0) return null;
  return { median: curve.median[i], low: curve.low?.[i], high: curve.high?.[i] };
}

function fitted({ curves, described, log, xRange, live }, axes, held) {
  const across = finite([...(xRange ?? []), ...curves.flatMap((curve) => curve.x)]);
  const medians = finite([
    ...curves.flatMap((curve) => curve.median),
    ...(described ?? []).map(([, y]) => y),
  ]);
  const top = log ? Infinity : frame(curves, described);
  const upright = medians.length ? medians.map((value) => Math.min(value, top)) : [0, 1];
  const ceiling = Math.max(...medians) > top ? top : Math.max(...upright) * BAND_HEADROOM;
  for (const value of finite(curves.flatMap((curve) => [...(curve.low ?? []), ...(curve.high ?? [])]))) {
    upright.push(Math.min(value, Math.max(ceiling, ...upright)));
  }
  let y = fit(upright, log ? "log" : "linear");
  if (live && held && held.y.name === y.name) {
    y = scale(Math.min(held.y.low, y.low), Math.max(held.y.high, y.high), y.name);
  }
  const [low, high] = across.length ? [Math.min(...across), Math.max(...across)] : [0, 1];
  return { x: low < high ? scale(low, high, axes.x.scale) : fit(across), y };
}

/** The highest value that a linear axis need show: swings and diverged runs don't flatten the rest. */
function frame(curves, described) {
  const lines = curves.map((curve) => finite(curve.median)).filter((line) => line.length);
  if (lines.some((line) => Math.min(...line) < 0)) return Infinity;
  const starts = [...lines.map((line) => line[0]), ...(described ?? []).map(([, y]) => y)];
  const highest = Math.max(0, ...starts);
  const ends = lines.map((line) => line.at(-1)).filter((end) => !highest || end <= DIVERGED * highest);
  return FRAME * Math.max(highest, ...ends) || Infinity;
}

/** Where a curve's median first leaves the frame: x, or null when it stays inside. */
function leaves(scales, curve) {
  const i = curve.median.findIndex((value) => scales.y.spot(value) > 1 + 1e-9);
  return i < 0 ? null : curve.x[i];
}

function sign(scales, curve) {
  const x = percent(scales.x.spot(leaves(scales, curve)));
  return svg("text", { class: `beyond ${armClass(curve)}`, x, y: 0, dy: "0.85em" }, "▲");
}

/** The letters of kept curves, each at its curve's end and none upon another. */
function letters(scales, curves) {
  const ends = [];
  for (const curve of curves.filter((one) => one.source)) {
    const last = curve.median.findLastIndex(drawable);
    const up = scales.y.spot(curve.median[last]);
    if (up !== null) ends.push({ curve, x: scales.x.spot(curve.x[last]), y: 1 - Math.min(1, Math.max(0, up)) });
  }
  ends.sort((a, b) => a.y - b.y);
  ends.forEach((end, i) => {
    if (i) end.y = Math.max(end.y, ends[i - 1].y + APART);
  });
  // Those that were pushed below the axis push the ones above them back up.
  ends.reduceRight((lowest, end) => (end.y = Math.min(end.y, lowest)) - APART, 1);
  return ends.map(({ curve, x, y }) => svg("text", { class: `label letter ${armClass(curve)}`, x: percent(x), y: percent(y), dx: 3, dy: "0.32em" }, curve.label));
}

function path(name, data) {
  return data ? svg("path", { class: name, d: data }) : null;
}

function runs(scales, x, ...lines) {
  const found = [[]];
  x.forEach((value, i) => {
    const across = scales.x.spot(value);
    const ups = lines.map((values) => scales.y.spot(values[i]));
    if (across === null || ups.includes(null)) found.push([]);
    else found.at(-1).push([Math.round(1000 * across), ...ups.map(unitY)]);
  });
  return found.filter((run) => run.length);
}

const unitY = (spot) => Math.round(1000 * (1 - Math.min(3, Math.max(-2, spot))));
const pairs = (points) => points.map(([x, y]) => `${x} ${y}`).join(" ");

function line(scales, x, y) {
  return runs(scales, x, y).map((run) => `M${pairs(run.length > 1 ? run : [run[0], run[0]])}`).join("");
}

function band(scales, curve) {
  return runs(scales, curve.x, curve.low, curve.high)
    .map((run) => {
      const back = [...run].reverse();
      return `M${pairs(run.map(([x, , high]) => [x, high]))} ${pairs(back)}Z`;
    })
    .join("");
}

function curveMarks(scales, curve) {
  const arm = armClass(curve);
  const main = curve.source ? `kept-line dash-${curve.dash}` : "median";
  const marks = [path(`${main} ${arm}`, line(scales, curve.x, curve.median))];
  if (curve.replicas?.length) {
    const lines = curve.replicas.map((values) => path("replica", line(scales, curve.x, values)));
    marks.unshift(svg("g", { class: `replicas ${arm}` }, ...lines.filter(Boolean)));
  }
  if (curve.low?.length) marks.unshift(path(`band ${arm}`, band(scales, curve)));
  return marks;
}

/** Monotone cubic interpolation, as the server's: a plateau stays flat. */
function smooth(points, stepsEach = 12) {
  if (points.length < 2) return [points.map(([x]) => x), points.map(([, y]) => y)];
  const widths = points.slice(1).map(([x], i) => x - points[i][0]);
  const slopes = points.slice(1).map(([, y], i) => (y - points[i][1]) / widths[i]);
  const tangents = points.map((_, i) => {
    if (i === 0) return slopes[0];
    if (i === slopes.length) return slopes.at(-1);
    const [a, b] = [slopes[i - 1], slopes[i]];
    return a * b <= 0 ? 0 : (2 * a * b) / (a + b);
  });
  const [xs, ys] = [[points[0][0]], [points[0][1]]];
  widths.forEach((width, i) => {
    for (let step = 1; step <= stepsEach; step += 1) {
      const t = step / stepsEach;
      xs.push(points[i][0] + t * width);
      ys.push(
        (1 + 2 * t) * (1 - t) ** 2 * points[i][1] +
          t * (1 - t) ** 2 * width * tangents[i] +
          t ** 2 * (3 - 2 * t) * points[i + 1][1] +
          t ** 2 * (t - 1) * width * tangents[i + 1],
      );
    }
  });
  return [xs, ys];
}

function tick(name, attributes, value) {
  const [text, raised] = tickText(value);
  const element = svg("text", { class: name, ...attributes }, text);
  if (raised) element.append(svg("tspan", { class: "raised", dy: "-0.4em" }, raised));
  return element;
}

const axisText = ({ label, unit }) => (unit ? `${label} (${unit})` : label);

function grid(scales, axes, empty) {
  const rows = empty ? [] : ticks(scales.y);
  const columns = empty ? [] : ticks(scales.x);
  return [
    svg(
      "g",
      { class: "grid" },
      ...rows.map(([spot]) => svg("line", { x1: 0, x2: "100%", y1: percent(1 - spot), y2: percent(1 - spot) })),
    ),
    svg("line", { class: "axis", x1: 0, x2: "100%", y1: "100%", y2: "100%" }),
    ...rows.map(([spot, value]) => tick("tick-y", { x: 0, dx: -8, y: percent(1 - spot), dy: "0.32em" }, value)),
    ...columns.map(([spot, value]) => tick("tick-x", { x: percent(spot), y: "100%", dy: "1.5em" }, value)),
    svg("text", { class: "axis-y", x: 0, y: 0, dx: -8, dy: "-0.9em" }, axisText(axes.y)),
    svg("text", { class: "axis-x", x: "100%", y: "100%", dy: "2.9em" }, axisText(axes.x)),
  ];
}

function names(scales, axes, state, described) {
  // A name stands beside what is seen of its line, not beside what left the frame.
  const points = (x, y) => runs(scales, x, y).flat().filter(([, py]) => py >= 0 && py <= 1000).map(([px, py]) => [px / 1000, py / 1000]);
  const named = state.curves.map((curve) => ({
    name: `label ${armClass(curve)}`,
    text: curve.source || (state.live && curve === state.curves[0]) ? "" : curve.label,
    line: points(curve.x, curve.median),
  }));
  if (described) named.push({ name: "label ink", text: "as described", line: points(...described) });
  const lines = named.map((entry) => entry.line);
  const taken = [axisName(axisText(axes.y), NARROWEST)];
  return named
    .filter((entry) => entry.text && entry.line.length)
    .map((entry) => {
      const box = place(entry.text, entry.line, lines, taken, NARROWEST);
      taken.push(box);
      return svg("text", { class: entry.name, x: percent(box.x), y: percent(box.y), dy: "0.32em" }, entry.text);
    });
}

function crossMarks(scales, curves, x) {
  const across = percent(scales.x.spot(x));
  const marks = [svg("line", { x1: across, x2: across, y1: 0, y2: "100%" })];
  for (const curve of curves) {
    const spot = scales.y.spot(valueAt(curve, x)?.median);
    if (spot !== null && spot >= 0 && spot <= 1) {
      marks.push(svg("circle", { class: armClass(curve), cx: across, cy: percent(1 - spot), r: 4 }));
    }
  }
  return marks;
}
