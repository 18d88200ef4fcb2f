// @ts-check
// What a chart draws where: its axes, and curves as SVG paths in an inner drawing of 1000 by 1000
// units, as quizserver/web/charts.py computes them. tests/web/chart_numbers.json holds both to the
// same numbers.

import { thinPoints } from "./line-geometry.js";
import { roundHalfEven } from "./number-text.js";
import { fitFrame, fitScale, isDrawable, isNumber, largest, Scale, smallest } from "./scales.js";

/** @import { AxisSpec, ChartState, CurveLines, Point, ScaleName, Value } from "./types" */
/**
 * `fitted` is false where no value of y could be drawn.
 *
 * @typedef {{ x: Scale, y: Scale, fitted?: boolean }} Scales
 */
/** @typedef {{ edge: "top" | "bottom", point: number, across: number }} LineExit */
/** @typedef {{ point: number, place: Point | null }} LineEnd */

// Values closer together than this share of their size are one value.
const DUST = 1e-9;

/**
 * The scales on which a chart shows its curves and the described one. While a run is under way,
 * those of the last picture only grow.
 *
 * @param {Pick<ChartState, "described" | "log" | "live" | "xRange"> & { curves: CurveLines[] }}
 *   state
 * @param {{ x: Pick<AxisSpec, "scale"> }} axes
 * @param {Scales | null} last
 * @returns {Scales}
 */
export function fitScales({ curves, described, log, live, xRange }, axes, last = null) {
  const points = described ?? [];
  const across = [...(xRange ?? []), ...curves.flatMap((curve) => curve.x)];
  const x = fitAcross([...across, ...points.map(([px]) => px)].filter(isDrawable), axes.x.scale);
  const lines = [...curves.map((curve) => curve.median), points.map(([, py]) => py)];
  const bands = curves.flatMap((curve) => [...(curve.low ?? []), ...(curve.high ?? [])]);
  const upright = fitFrame(lines, log ? "log" : "linear", bands);
  const y = upright ?? new Scale(0, 1);
  const fitted = upright !== null;
  if (!live || !last || !last.fitted || !fitted || last.y.name !== y.name) return { x, y, fitted };
  const [low, high] = [Math.min(last.y.low, y.low), Math.max(last.y.high, y.high)];
  return { x, y: new Scale(low, high, y.name), fitted };
}

/**
 * The x axis spans its values exactly.
 *
 * @param {number[]} values
 * @param {ScaleName} name
 */
function fitAcross(values, name) {
  const shown = name === "log" ? values.filter((value) => value > 0) : values;
  if (!shown.length) return values.length ? fitScale(values) : new Scale(0, 1);
  const [low, high] = [smallest(shown), largest(shown)];
  const wide = high - low > DUST * Math.max(Math.abs(low), Math.abs(high));
  return wide ? new Scale(low, high, name) : fitScale(shown);
}

/**
 * Stretches of points where a line has values, in the inner drawing's units, x and y in turn.
 *
 * @param {Scales} scales
 * @param {ArrayLike<Value>} x
 * @param {ArrayLike<Value>} y
 * @returns {number[][]}
 */
function unbrokenLine(scales, x, y) {
  /** @type {number[]} */
  let stretch = [];
  const stretches = [stretch];
  for (let i = 0; i < x.length; i += 1) {
    const across = isDrawable(x[i]) ? scales.x.position(x[i]) : null;
    const up = scales.y.position(y[i]);
    if (across !== null && up !== null) {
      stretch.push(roundHalfEven(1000 * across), unitsDown(up));
    } else if (stretch.length) {
      stretch = [];
      stretches.push(stretch);
    }
  }
  return stretches.filter((points) => points.length);
}

/** @param {number} position */
function unitsDown(position) {
  return roundHalfEven(1000 * (1 - clipPosition(position)));
}

/**
 * Far outside is as good as just outside: the inner drawing clips, and short numbers stay short.
 *
 * @param {number} position
 */
function clipPosition(position) {
  return Math.min(3, Math.max(-2, position));
}

/**
 * The path of a line; empty when no point of it can be drawn.
 *
 * @param {Scales} scales
 * @param {ArrayLike<Value>} x
 * @param {ArrayLike<Value>} y
 */
export function lineData(scales, x, y) {
  // A lone point between gaps would vanish: a zero-length segment shows as a dot (round caps).
  return unbrokenLine(scales, x, y)
    .map((points) => (points.length > 2 ? thinPoints(points) : [...points, ...points]))
    .map((points) => `M${points.join(" ")}`)
    .join("");
}

/**
 * The outline of the band between a curve's low and high line.
 *
 * @param {Scales} scales
 * @param {CurveLines} curve
 */
export function bandData(scales, { x, low = [], high = [] }) {
  // Both lines break where one of them has no value.
  const both = x.map((value, i) => (canBePlaced(scales, low[i], high[i]) ? value : null));
  const lows = unbrokenLine(scales, both, low);
  return unbrokenLine(scales, both, high)
    .map((points, i) => {
      const there = thinPoints(points);
      const back = reversePoints(thinPoints(lows[i]));
      return `M${[...there, ...back].join(" ")}Z`;
    })
    .join("");
}

/**
 * @param {Scales} scales
 * @param {...(Value | undefined)} values
 */
function canBePlaced({ y }, ...values) {
  return values.every((value) => y.position(value) !== null);
}

/**
 * @param {number[]} points x and y in turn
 * @returns {number[]}
 */
function reversePoints(points) {
  const reversed = [];
  for (let i = points.length - 2; i >= 0; i -= 2) reversed.push(points[i], points[i + 1]);
  return reversed;
}

/**
 * The points of a line that lie in the frame, as shares of the plot: its name stands beside what is
 * seen of it, not beside what left the frame.
 *
 * @param {Scales} scales
 * @param {Value[]} x
 * @param {Value[]} y
 * @returns {Point[]}
 */
export function pointsInFrame(scales, x, y) {
  /** @type {Point[]} */
  const inside = [];
  for (const points of unbrokenLine(scales, x, y)) {
    for (let i = 0; i < points.length; i += 2) {
      const [across, down] = [points[i] / 1000, points[i + 1] / 1000];
      if (down >= 0 && down <= 1) inside.push([across, down]);
    }
  }
  return inside;
}

/**
 * Where the line, as it is drawn, first crosses the frame's upper or lower edge: the point that is
 * outside, and a share of the width.
 *
 * @param {Scales} scales
 * @param {ArrayLike<Value>} x
 * @param {ArrayLike<Value>} y
 * @returns {LineExit | null}
 */
export function findExit(scales, x, y) {
  /** @type {Point | null} */
  let before = null;
  for (let point = 0; point < x.length; point += 1) {
    let across = isDrawable(x[point]) ? scales.x.position(x[point]) : null;
    const up = scales.y.position(y[point]);
    if (across === null || up === null) {
      before = null;
    } else if (up >= 0 && up <= 1) {
      before = [across, up];
    } else {
      const edge = up > 1 ? "top" : "bottom";
      if (before) {
        const [start, height] = before;
        const share = ((up > 1 ? 1 : 0) - height) / (clipPosition(up) - height);
        across = start + share * (across - start);
      }
      return { edge, point, across };
    }
  }
  return null;
}

/**
 * From which point on a line has no number, and where it ends, as shares of the plot (y downwards):
 * at its last number, or on the axis where it never had one. The place is null where the line has
 * left the frame before; all is null where the last point has a number.
 *
 * @param {Scales} scales
 * @param {ArrayLike<Value>} x
 * @param {ArrayLike<Value>} y
 * @returns {LineEnd | null}
 */
export function findEnd(scales, x, y) {
  let last = y.length - 1;
  while (last >= 0 && !isNumber(y[last])) last -= 1;
  if (last === y.length - 1) return null;
  const first = Math.max(0, last);
  const across = isDrawable(x[first]) ? scales.x.position(x[first]) : null;
  const up = last < 0 ? 0 : scales.y.position(y[last]);
  const isInside = across !== null && up !== null && up >= 0 && up <= 1;
  return { point: last + 1, place: isInside ? [across, 1 - up] : null };
}

/**
 * The value of `points` that is nearest to `x`.
 *
 * @param {number[]} points at least one
 * @param {number} x
 */
export function nearestPoint(points, x) {
  return points.reduce((best, point) => (Math.abs(point - x) < Math.abs(best - x) ? point : best));
}

/**
 * The values of a curve's lines at x, or null where it has no such point.
 *
 * @param {CurveLines} curve
 * @param {number} x
 */
export function valuesAt(curve, x) {
  const i = curve.x.indexOf(x);
  if (i < 0) return null;
  return { median: curve.median[i], low: curve.low?.[i], high: curve.high?.[i] };
}
