// @ts-check
// The bench's chart: the structure and classes of the server's charts (quizserver/web/charts.py),
// redrawn as points arrive, and a reading line that follows the pointer or the arrow keys.

import * as geometry from "./chart-geometry.js";
import { createElement, createSvg, updateSvg } from "./dom.js";
import { describeFate, describeRuns, drawSigns, findFate, listSigns } from "./frame-exits.js";
import { axisNameBox, placeLabel } from "./label-placement.js";
import { smoothCurve } from "./line-geometry.js";
import { formatPercent, tickText } from "./number-text.js";
import { isNumber, scaleTicks } from "./scales.js";
import { gettext } from "./translation.js";

/** @import { AxisSpec, ChartState, Curve, Point } from "./types" */
/** @import { SvgShape } from "./dom.js" */
/** @import { Scales } from "./chart-geometry.js" */
/** @import { LineFate } from "./frame-exits.js" */
/** @typedef {{ x: AxisSpec, y: AxisSpec }} Axes */

// The narrowest plot that a reader gets, in CSS pixels: labels that fit there fit everywhere.
/** @type {[width: number, height: number]} */
const NARROWEST = [240, 160];
const ARM_COLOURS = 12;
/** The `arm` of a curve whose setting is no arm's. */
export const OWN = -1;
// A sign at an edge has its middle this share of the plot's height inside.
const SIGN_MIDDLE = 0.03;
// Letters at the lines' ends stand at least this share of the plot's height apart.
const LETTER_DISTANCE = 0.055;
// How many points of the curve a key moves the reading line by.
/** @type {Record<string, number>} */
const KEY_STEPS = {
  ArrowRight: 1,
  ArrowUp: 1,
  ArrowLeft: -1,
  ArrowDown: -1,
  PageUp: 10,
  PageDown: -10,
  Home: -1e9,
  End: 1e9,
};

/**
 * The class that gives a curve its colour.
 *
 * @param {{ arm: number }} curve
 */
export function armClass(curve) {
  return curve.arm === OWN ? "arm-own" : `arm-${curve.arm % ARM_COLOURS}`;
}

export class Chart {
  /**
   * @param {HTMLElement} box is emptied for the chart when that is first drawn
   * @param {string} ident the beginning of its elements' ids
   * @param {Axes} axes
   * @param {(x: number | null, target: HTMLElement) => void} onRead is called whenever the reading
   *   line moves or its values change; `target` is the slider that has it
   */
  constructor(box, ident, axes, onRead) {
    this.axes = axes;
    this.onRead = onRead;
    /** @type {Scales | null} */
    this.scales = null;
    /** @type {Curve[]} */
    this.curves = [];
    /** What the frame doesn't show: of medians, and of the single runs that are drawn. */
    this.words = "";
    this.runsWords = "";
    /** The x of the reading line; null while there is none. @type {number | null} */
    this.readAt = null;
    this.namedLines = "";
    this.title = createSvg("title", { id: `${ident}-title` });
    this.text = createSvg("desc", { id: `${ident}-desc` });
    this.frame = createSvg("g");
    this.drawing = createSvg("svg", {
      class: "marks",
      viewBox: "0 0 1000 1000",
      preserveAspectRatio: "none",
      width: "100%",
      height: "100%",
    });
    this.names = createSvg("g");
    this.signs = createSvg("g");
    this.cross = createSvg("g", { class: "cross" });
    this.plot = createSvg(
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
      this.drawing,
      this.names,
      this.signs,
      this.cross,
    );
    this.target = createReadingTarget(this);
    this.box = box;
    this.chart = createElement("div", { className: "chart chart-bench" });
    this.chart.append(this.plot, this.target);
  }

  /** Whether it has taken the place of what the page had in its box. */
  get isDrawn() {
    return this.chart.isConnected;
  }

  /** @param {ChartState} state */
  draw(state) {
    if (!this.isDrawn) this.box.replaceChildren(this.chart);
    const scales = geometry.fitScales(state, this.axes, this.scales);
    this.scales = scales;
    this.curves = state.curves;
    const fates = state.curves.map(({ x, median }) => findFate(scales, x, median));
    const runs = state.curves.map(({ x, replicas }) =>
      (replicas ?? []).map((values) => findFate(scales, x, values)),
    );
    const sentences = state.curves.map((curve, i) =>
      describeFate(curve.label, this.axes.x.label, curve, fates[i]),
    );
    this.words = sentences.filter(Boolean).join(" ");
    this.runsWords = describeRuns(runs.flat());
    updateSvg(this.title, [state.title]);
    updateSvg(this.text, [`${state.description} ${this.words}`.trim()]);
    const empty = !state.described && !state.curves.some((curve) => curve.x.length);
    updateSvg(this.frame, drawFrame(scales, this.axes, empty));
    const described = state.described ? smoothCurve(state.described) : null;
    const drawn = state.curves.flatMap((curve) => drawCurve(scales, curve));
    if (described) drawn.push(...drawPath("described", geometry.lineData(scales, ...described)));
    updateSvg(this.drawing, drawn);
    updateSvg(this.signs, [
      ...drawLetters(scales, state.curves, fates),
      ...state.curves.flatMap((curve, i) => [
        ...drawRunsSigns(runs[i], armClass(curve)),
        ...drawSigns(fates[i], armClass(curve)),
      ]),
    ]);
    const namedLines = state.curves.map((_, i) => lineName(state, i)).join("\n");
    if (!state.live || namedLines !== this.namedLines) {
      updateSvg(this.names, drawNames(scales, this.axes, state, described, fates));
      this.namedLines = namedLines;
    }
    this.moveReading(this.readAt);
  }

  /**
   * Puts the reading line at the point of the first curve that is nearest to `x`, or takes it away.
   *
   * @param {number | null} x
   */
  moveReading(x) {
    const points = this.curves[0]?.x ?? [];
    this.readAt = x === null || !points.length ? null : geometry.nearestPoint(points, x);
    const { scales, readAt } = this;
    const isShown = scales && readAt !== null;
    updateSvg(this.cross, isShown ? drawCross(scales, this.curves, readAt) : []);
    this.onRead(this.readAt, this.target);
  }

  /**
   * Moves the reading line by so many points of the first curve.
   *
   * @param {number} steps
   */
  stepReading(steps) {
    const points = this.curves[0]?.x ?? [];
    if (!points.length) return;
    const outside = steps > 0 ? -1 : points.length;
    const index = this.readAt === null ? outside : points.indexOf(this.readAt);
    this.moveReading(points[Math.min(points.length - 1, Math.max(0, index + steps))]);
  }
}

/**
 * A slider over the plot: the pointer and the arrow keys move it, screen readers hear values.
 *
 * @param {Chart} chart
 */
function createReadingTarget(chart) {
  const target = createElement("div", { className: "plot-target", tabIndex: 0 });
  target.setAttribute("role", "slider");
  target.setAttribute("aria-label", gettext("Read values along the curves"));
  target.addEventListener("pointermove", (event) => {
    const box = target.getBoundingClientRect();
    const position = (event.clientX - box.left) / box.width;
    if (chart.scales) chart.moveReading(chart.scales.x.valueAt(position));
  });
  target.addEventListener("pointerleave", () => chart.moveReading(null));
  target.addEventListener("blur", () => chart.moveReading(null));
  target.addEventListener("keydown", (event) => {
    if (event.key === "Escape") chart.moveReading(null);
    if (!(event.key in KEY_STEPS)) return;
    event.preventDefault();
    chart.stepReading(KEY_STEPS[event.key]);
  });
  return target;
}

/**
 * A path with these data, unless there are none.
 *
 * @param {string} name
 * @param {string} data
 * @returns {SvgShape[]}
 */
function drawPath(name, data) {
  return data ? [["path", { class: name, d: data }]] : [];
}

/**
 * @param {Scales} scales
 * @param {Curve} curve
 * @returns {SvgShape[]}
 */
function drawCurve(scales, curve) {
  const arm = armClass(curve);
  const shapes = drawPath(`band ${arm}`, geometry.bandData(scales, curve));
  if (curve.replicas?.length) {
    const paths = curve.replicas.flatMap((values) =>
      drawPath("replica", geometry.lineData(scales, curve.x, values)),
    );
    shapes.push(["g", { class: `replicas ${arm}` }, ...paths]);
  }
  const name = curve.source ? `kept-line dash-${curve.dash}` : "median";
  shapes.push(...drawPath(`${name} ${arm}`, geometry.lineData(scales, curve.x, curve.median)));
  return shapes;
}

/**
 * The signs of single runs, which are shown with them. Many leave the frame at the same place.
 *
 * @param {LineFate[]} fates
 * @param {string} arm the class that gives them their colour
 * @returns {SvgShape[]}
 */
function drawRunsSigns(fates, arm) {
  const signs = fates.flatMap((fate) => drawSigns(fate, arm));
  const byPlace = new Map(signs.map((sign) => [JSON.stringify(sign), sign]));
  return signs.length ? [["g", { class: "replicas" }, ...byPlace.values()]] : [];
}

/**
 * The letters of saved runs, each at its curve's end, or at the sign where it left the frame, and
 * none upon another.
 *
 * @param {Scales} scales
 * @param {Curve[]} curves
 * @param {LineFate[]} fates of the curves
 * @returns {SvgShape[]}
 */
function drawLetters(scales, curves, fates) {
  const ends = curves.flatMap((curve, i) => {
    if (!curve.source) return [];
    const signs = listSigns(fates[i]);
    const last = curve.median.findLastIndex(isNumber);
    const [across, up] = [scales.x.position(curve.x[last]), scales.y.position(curve.median[last])];
    const isInside = across !== null && up !== null && up >= 0 && up <= 1;
    const place = isInside ? [across, 1 - up] : signs.at(-1)?.[1];
    // Beside a sign, which stands on its line.
    return place ? [{ curve, x: place[0], y: place[1], dx: signs.length ? 9 : 3 }] : [];
  });
  ends.sort((a, b) => a.y - b.y);
  for (let i = 1; i < ends.length; i += 1) {
    ends[i].y = Math.max(ends[i].y, ends[i - 1].y + LETTER_DISTANCE);
  }
  // Those that were pushed below the axis push the ones above them back up.
  let lowest = 1;
  for (let i = ends.length - 1; i >= 0; i -= 1) {
    ends[i].y = Math.min(ends[i].y, lowest);
    lowest = ends[i].y - LETTER_DISTANCE;
  }
  return ends.map(({ curve, x, y, dx }) => [
    "text",
    {
      class: `label letter ${armClass(curve)}`,
      x: formatPercent(x),
      y: formatPercent(y),
      dx,
      dy: "0.32em",
    },
    curve.label,
  ]);
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {number} value
 * @returns {SvgShape}
 */
function drawTick(name, attributes, value) {
  const [text, exponent] = tickText(value);
  /** @type {SvgShape[]} */
  const raised = exponent ? [["tspan", { class: "raised", dy: "-0.4em" }, exponent]] : [];
  return ["text", { class: name, ...attributes }, text, ...raised];
}

/** @param {AxisSpec} axis */
function axisText({ label, unit }) {
  return unit ? `${label} (${unit})` : label;
}

/**
 * The grid, the axis, the ticks and the axes' names.
 *
 * @param {Scales} scales
 * @param {Axes} axes
 * @param {boolean} empty whether there is nothing that ticks could be about
 * @returns {SvgShape[]}
 */
function drawFrame(scales, axes, empty) {
  const rows = empty || !scales.fitted ? [] : scaleTicks(scales.y);
  const columns = empty ? [] : scaleTicks(scales.x);
  /** @type {SvgShape[]} */
  const lines = rows.map(([position]) => {
    const y = formatPercent(1 - position);
    return ["line", { x1: 0, x2: "100%", y1: y, y2: y }];
  });
  return [
    ["g", { class: "grid" }, ...lines],
    ["line", { class: "axis", x1: 0, x2: "100%", y1: "100%", y2: "100%" }],
    ...rows.map(([position, value]) => {
      const y = formatPercent(1 - position);
      return drawTick("tick-y", { x: 0, dx: -8, y, dy: "0.32em" }, value);
    }),
    ...columns.map(([position, value]) => {
      const x = formatPercent(position);
      return drawTick("tick-x", { x, y: "100%", dy: "1.5em" }, value);
    }),
    ["text", { class: "axis-y", x: 0, y: 0, dx: -8, dy: "-0.9em" }, axisText(axes.y)],
    ["text", { class: "axis-x", x: "100%", y: "100%", dy: "2.9em" }, axisText(axes.x)],
  ];
}

/**
 * What stands beside the line of a curve. A saved run has its letter instead, and a run that is
 * under way gets none beside a line that still moves.
 *
 * @param {ChartState} state
 * @param {number} i
 */
function lineName({ curves, live }, i) {
  return curves[i].source || (live && i === 0) ? "" : curves[i].label;
}

/**
 * The names of the lines.
 *
 * @param {Scales} scales
 * @param {Axes} axes
 * @param {ChartState} state
 * @param {[xs: number[], ys: number[]] | null} described
 * @param {LineFate[]} fates of the curves
 * @returns {SvgShape[]}
 */
function drawNames(scales, axes, state, described, fates) {
  /** @type {{ className: string, text: string, line: Point[] }[]} */
  const lines = state.curves.map((curve, i) => {
    const line = geometry.pointsInFrame(scales, curve.x, curve.median);
    // Of some lines nothing but their signs is seen.
    if (!line.length) {
      for (const [, [x, y]] of listSigns(fates[i])) {
        line.push([x, Math.min(1 - SIGN_MIDDLE, Math.max(SIGN_MIDDLE, y))]);
      }
    }
    return { className: `label ${armClass(curve)}`, text: lineName(state, i), line };
  });
  if (described) {
    const line = geometry.pointsInFrame(scales, ...described);
    lines.push({ className: "label ink", text: gettext("as described"), line });
  }
  const others = lines.map(({ line }) => line);
  const taken = [axisNameBox(axisText(axes.y), NARROWEST)];
  const named = lines.filter(({ text, line }) => text && line.length);
  return named.map(({ className, text, line }) => {
    const box = placeLabel(text, line, others, taken, NARROWEST);
    taken.push(box);
    const [x, y] = [formatPercent(box.x), formatPercent(box.y)];
    return ["text", { class: className, x, y, dy: "0.32em" }, text];
  });
}

/**
 * The reading line, with a dot on each curve that has a value there.
 *
 * @param {Scales} scales
 * @param {Curve[]} curves
 * @param {number} x
 * @returns {SvgShape[]}
 */
function drawCross(scales, curves, x) {
  const across = formatPercent(scales.x.position(x) ?? 0);
  /** @type {SvgShape[]} */
  const shapes = [["line", { x1: across, x2: across, y1: 0, y2: "100%" }]];
  for (const curve of curves) {
    const up = scales.y.position(geometry.valuesAt(curve, x)?.median);
    if (up !== null && up >= 0 && up <= 1) {
      const cy = formatPercent(1 - up);
      shapes.push(["circle", { class: armClass(curve), cx: across, cy, r: 4 }]);
    }
  }
  return shapes;
}
