// @ts-check
// The geometry of drawn lines, as in quizserver/web/line_geometry.py: fewer points that look the
// same, smooth lines through a few. tests/web/chart_numbers.json holds both to the same numbers.

/** @import { Point } from "./types" */

/**
 * The points without which no part of the line moves by more than one unit (swinging door). A
 * thousandth of the plot's height is less than a pixel; a plateau becomes a single stroke.
 *
 * @param {Point[]} points at least one, rising in x or with the same x
 * @returns {Point[]}
 */
export function thinPoints(points) {
  let anchor = points[0];
  let last = anchor;
  const corners = [anchor];
  let [flattest, steepest] = [-Infinity, Infinity];
  for (const point of points.slice(1)) {
    const [low, high] = slopesTo(anchor, point);
    const width = point[0] - anchor[0];
    const slope = width ? (point[1] - anchor[1]) / width : flattest;
    if (flattest <= slope && slope <= steepest) {
      [flattest, steepest] = [Math.max(flattest, low), Math.min(steepest, high)];
    } else {
      corners.push(last);
      anchor = last;
      [flattest, steepest] = slopesTo(anchor, point);
    }
    last = point;
  }
  return last === anchor ? corners : [...corners, last];
}

/**
 * The flattest and the steepest line from one point that passes another within a unit; of two that
 * stand above each other further apart than that, no line does.
 *
 * @param {Point} from
 * @param {Point} to
 * @returns {[flattest: number, steepest: number]}
 */
function slopesTo(from, to) {
  const [width, rise] = [to[0] - from[0], to[1] - from[1]];
  if (width) return [(rise - 1) / width, (rise + 1) / width];
  return Math.abs(rise) <= 1 ? [-Infinity, Infinity] : [Infinity, -Infinity];
}

/**
 * Monotone cubic interpolation: no overshoot, so a plateau stays flat (Fritsch-Carlson 1980).
 *
 * @param {Point[]} points rising in x
 * @param {number} steps for each stretch between neighbours
 * @returns {[xs: number[], ys: number[]]}
 */
export function smoothCurve(points, steps = 12) {
  if (points.length < 2) return [points.map(([x]) => x), points.map(([, y]) => y)];
  const widths = points.slice(1).map(([x], i) => x - points[i][0]);
  const slopes = points.slice(1).map(([, y], i) => (y - points[i][1]) / widths[i]);
  const tangents = points.map((_, i) => {
    if (i === 0) return slopes[0];
    if (i === slopes.length) return slopes[i - 1];
    const [before, after] = [slopes[i - 1], slopes[i]];
    // The harmonic mean keeps the curve monotone; at a turning point the tangent is level.
    return before * after <= 0 ? 0 : (2 * before * after) / (before + after);
  });
  const [xs, ys] = [[points[0][0]], [points[0][1]]];
  widths.forEach((width, i) => {
    for (let step = 1; step <= steps; step += 1) {
      const t = step / steps;
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
