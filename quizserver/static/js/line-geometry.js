// @ts-check
// The geometry of drawn lines, as in quizserver/web/line_geometry.py: fewer points that look the
// same, smooth lines through a few. tests/web/chart_numbers.json holds both to the same numbers.

/** @import { Point } from "./types" */

/**
 * The points without which no part of the line moves by more than one unit (swinging door). A
 * thousandth of the plot's height is less than a pixel; a plateau becomes a single stroke.
 *
 * Points are numbers in a row, x and y in turn: the lines of all replicas are drawn at every move of
 * a knob, and a list for each point would cost more than all else.
 *
 * @param {number[]} points at least one, rising in x or with the same x
 * @returns {number[]}
 */
export function thinPoints(points) {
  let [anchorX, anchorY] = points;
  let [lastX, lastY] = points;
  let [flattest, steepest] = [-Infinity, Infinity];
  const corners = [anchorX, anchorY];
  for (let i = 2; i < points.length; i += 2) {
    let [width, rise] = [points[i] - anchorX, points[i + 1] - anchorY];
    const slope = width ? rise / width : flattest;
    if (!(flattest <= slope && slope <= steepest)) {
      [anchorX, anchorY] = [lastX, lastY];
      corners.push(anchorX, anchorY);
      [width, rise] = [points[i] - anchorX, points[i + 1] - anchorY];
      [flattest, steepest] = [-Infinity, Infinity];
    }
    // Lines from the anchor that pass the point within a unit; of two points that stand above each
    // other further apart than that, no line does.
    if (width) {
      flattest = Math.max(flattest, (rise - 1) / width);
      steepest = Math.min(steepest, (rise + 1) / width);
    } else if (Math.abs(rise) > 1) {
      [flattest, steepest] = [Infinity, -Infinity];
    }
    [lastX, lastY] = [points[i], points[i + 1]];
  }
  if (points.length > 2) corners.push(lastX, lastY);
  return corners;
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
