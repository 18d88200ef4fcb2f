// @ts-check
// Where lines leave a chart's frame, or end for want of a number: as signs, and in words, as in
// quizserver/web/frame_words.py and frame_signs.py. tests/web/chart_numbers.json holds both to the same.

import { findEnd, findExit } from "./chart-geometry.js";
import { formatPercent, formatPlainNumber } from "./number-text.js";
import { isNumber, largest, smallest } from "./scales.js";
import { gettext, ngettext } from "./translation.js";

/** @import { CurveLines, Point, Value } from "./types" */
/** @import { LineEnd, LineExit, Scales } from "./chart-geometry.js" */
/** @import { SvgShape } from "./dom.js" */
/** @typedef {{ gone: LineExit | null, end: LineEnd | null }} LineFate */

const EXIT_SIGNS = { top: "▲", bottom: "▼" };
const END_SIGN = "■";

/**
 * @param {Scales} scales
 * @param {ArrayLike<Value>} x
 * @param {ArrayLike<Value>} y
 * @returns {LineFate}
 */
export function findFate(scales, x, y) {
  return { gone: findExit(scales, x, y), end: findEnd(scales, x, y) };
}

/**
 * The signs of a line with their places, as shares of the plot, and what moves them into it.
 *
 * @param {LineFate} fate
 * @returns {[sign: string, place: Point, dy: string][]}
 */
export function listSigns({ gone, end }) {
  /** @type {[string, Point, string][]} */
  const signs = [];
  if (gone) {
    const isTop = gone.edge === "top";
    const place = /** @type {Point} */ ([gone.across, isTop ? 0 : 1]);
    signs.push([EXIT_SIGNS[gone.edge], place, isTop ? "0.85em" : "-0.15em"]);
  }
  if (end?.place) signs.push([END_SIGN, end.place, "0.32em"]);
  return signs;
}

/**
 * @param {LineFate} fate
 * @param {string} armClass
 * @returns {SvgShape[]}
 */
export function drawSigns(fate, armClass) {
  return listSigns(fate).map(([sign, place, dy]) => {
    const [x, y] = place.map(formatPercent);
    return ["text", { class: `beyond ${armClass}`, x, y, dy }, sign];
  });
}

/**
 * Sentences on what the frame doesn't show of a curve's median; empty when it shows all of it. They
 * begin with the signs that stand in the chart.
 *
 * @param {string} curveName may be empty
 * @param {string} label of x
 * @param {CurveLines} curve
 * @param {LineFate} fate
 */
export function describeFate(curveName, label, { x, median }, { gone, end }) {
  const name = curveName || gettext("The line");
  /** @param {number} point */
  const placeText = (point) => `${label} ${formatPlainNumber(x[point])}`;
  const words = [
    listSigns({ gone, end })
      .map(([sign]) => sign)
      .join(""),
  ];
  if (gone) {
    const numbers = median.filter(isNumber);
    const place = placeText(gone.point);
    if (gone.edge === "top") {
      const value = formatPlainNumber(largest(numbers));
      words.push(
        gettext("%(name)s goes beyond the frame at %(place)s, up to %(value)s.", {
          name,
          place,
          value,
        }),
      );
    } else {
      const value = formatPlainNumber(smallest(numbers));
      words.push(
        gettext("%(name)s goes below the frame at %(place)s, down to %(value)s.", {
          name,
          place,
          value,
        }),
      );
    }
  }
  if (end) {
    const place = placeText(end.point);
    words.push(
      gone
        ? gettext("From %(place)s on it is no finite number.", { place })
        : gettext("%(name)s is no finite number from %(place)s on.", { name, place }),
    );
  }
  return words.filter(Boolean).join(" ");
}

/**
 * How many single runs leave the frame, and how many end; empty when none does.
 *
 * @param {LineFate[]} fates
 */
export function describeRuns(fates) {
  const n = fates.length;
  const [gone, ended] = [fates.filter((fate) => fate.gone), fates.filter((fate) => fate.end)];
  const words = [
    gone.length &&
      ngettext(
        "%(num)s of %(n)s single runs leaves the frame.",
        "%(num)s of %(n)s single runs leave the frame.",
        gone.length,
        { n },
      ),
    ended.length &&
      ngettext(
        "%(num)s of %(n)s single runs ends at no finite number.",
        "%(num)s of %(n)s single runs end at no finite number.",
        ended.length,
        { n },
      ),
  ];
  return words.filter(Boolean).join(" ");
}
