// @ts-check
// What curves that were trained in this browser do, in the words of quizserver/lab/shape_text.py;
// tests/lab/curve_shapes.json holds both to the same sentences.

import { quantile } from "./live-curves.js";
import { ShapeAxis } from "./live-shapes.js";
import { formatRounded } from "./number-text.js";
import { gettext, ngettext } from "./translation.js";

/** @import { ShapeSpec, ShapeThresholds } from "./types" */
/** @typedef {{ shapes: Record<string, ShapeSpec>, thresholds: ShapeThresholds }} ShapeConfig */

/**
 * Which shapes the curves have, and where their median begins and ends.
 *
 * @param {number[]} x
 * @param {ArrayLike<number>[]} curves
 * @param {string} label of x
 * @param {ShapeConfig} config
 */
export function describeShapes(x, curves, label, { shapes, thresholds }) {
  const shown = new ShapeAxis(x, thresholds).findShapes(curves, Object.keys(shapes));
  return `${shapesSentence(shown, curves.length, shapes)} ${medianSentence(x, curves, label)}`;
}

/**
 * The shapes that more than half of the curves have; where there is none, all that any has.
 *
 * @param {Record<string, boolean[]>} shown
 * @param {number} runs
 * @param {Record<string, ShapeSpec>} shapes
 */
function shapesSentence(shown, runs, shapes) {
  const told = toldCounts(shown, runs, shapes);
  const common = told.filter(([, count]) => 2 * count > runs);
  /** @type {(entry: [string, number]) => string} */
  const verb = ([name, count]) => shapes[name].verbs[count === 1 ? 0 : 1];
  if (common.length) {
    const parts = common.map((entry) =>
      // Translators: "3 of 64 fall steadily"; what they do comes as a verb.
      gettext("%(count)s of %(runs)s %(verb)s", { count: entry[1], runs, verb: verb(entry) }),
    );
    return `${parts.join("; ")}.`;
  }
  if (!told.length) return gettext("None of %(runs)s shows a named shape.", { runs });
  const parts = told.map((entry) =>
    gettext("%(count)s %(verb)s", { count: entry[1], verb: verb(entry) }),
  );
  const lists = Object.values(shown);
  const others = lists[0].filter((_, i) => lists.every((curves) => !curves[i])).length;
  if (others) parts.push(ngettext("%(num)s shows none", "%(num)s show none", others));
  return gettext("No shape is shown by more than half of %(runs)s: %(list)s.", {
    runs,
    list: parts.join("; "),
  });
}

/**
 * How many curves have each shape that any has, the most frequent first. A shape is left out where a
 * narrower one says as much: of as many curves, or of most.
 *
 * @param {Record<string, boolean[]>} shown
 * @param {number} runs
 * @param {Record<string, ShapeSpec>} shapes
 * @returns {[name: string, count: number][]}
 */
function toldCounts(shown, runs, shapes) {
  const counts = new Map(
    Object.keys(shapes).map((name) => [name, shown[name].filter(Boolean).length]),
  );
  const wider = new Set();
  for (const [name, count] of counts) {
    const { within } = shapes[name];
    if (within && (2 * count > runs || count === counts.get(within))) wider.add(within);
  }
  return [...counts]
    .filter(([name, count]) => count && !wider.has(name))
    .sort(([, first], [, second]) => second - first);
}

/**
 * Where the median begins and ends, or from where on it is no number. Where it has one to the end,
 * also how many runs have none.
 *
 * @param {number[]} x
 * @param {ArrayLike<number>[]} curves
 * @param {string} label
 */
function medianSentence(x, curves, label) {
  const subject = curves.length > 1 ? gettext("The median") : gettext("The run");
  const rows = x.map((_, point) => Float64Array.from(curves, (curve) => curve[point]));
  const median = rows.map((values) =>
    quantile(values.map((value) => (Number.isFinite(value) ? value : Infinity)).sort(), 0.5),
  );
  /** @param {number} point */
  const place = (point) => `${label} ${formatRounded(x[point])}`;
  const last = median.findLastIndex(Number.isFinite);
  if (last < 0) {
    return gettext("%(subject)s is %(lack)s from %(place)s on.", {
      subject,
      lack: lackText(rows),
      place: place(0),
    });
  }
  const way = {
    subject,
    start: Number.isFinite(median[0]) ? formatRounded(median[0]) : gettext("no finite number"),
    from: place(0),
    end: formatRounded(median[last]),
    to: place(last),
  };
  if (last < x.length - 1) {
    return gettext(
      "%(subject)s goes from %(start)s at %(from)s to %(end)s at %(to)s and is %(lack)s from %(place)s on.",
      { ...way, lack: lackText(rows.slice(last + 1)), place: place(last + 1) },
    );
  }
  const sentence = gettext(
    "%(subject)s goes from %(start)s at %(from)s to %(end)s at %(to)s.",
    way,
  );
  const lost = rows[last].filter((value) => !Number.isFinite(value)).length;
  if (!lost) return sentence;
  const lostSentence = ngettext(
    "%(num)s of %(runs)s is %(lack)s at the end.",
    "%(num)s of %(runs)s are %(lack)s at the end.",
    lost,
    { runs: curves.length, lack: lackText(rows.slice(last)) },
  );
  return `${sentence} ${lostSentence}`;
}

/**
 * What those of the values are that are no finite numbers.
 *
 * @param {Float64Array[]} rows
 */
function lackText(rows) {
  const lacking = rows.flatMap((values) => [...values].filter((value) => !Number.isFinite(value)));
  if (lacking.every(Number.isNaN)) return gettext("not a number");
  return lacking.some(Number.isNaN) ? gettext("no finite number") : gettext("infinite");
}
