// @ts-check
// Which shapes curves have, by the rules of quizserver/lab/shapes/single.py: the same operations in
// the same order, so that both count the same. The numbers in the rules come with the page;
// tests/lab/curve_shapes.json holds both to the same answers.

/** @import { ShapeThresholds } from "./types" */

/**
 * A curve, and the same over its start: NaN where one of them is no finite number. `end` is the
 * median of its last part.
 *
 * @typedef {object} RelativeCurve
 * @property {ArrayLike<number>} values
 * @property {Float64Array} relative
 * @property {number} end
 * @property {boolean} isFinite from a start above zero on
 */

/** @type {Record<string, (x: ShapeAxis, curve: RelativeCurve) => boolean>} */
const RULES = {
  "plateau-then-drop": (x, { relative, end, isFinite }) => {
    const { limits, sudden } = x;
    const stays = relative
      .subarray(0, x.countUntil(limits.plateau_length))
      .every((value) => Math.abs(value - 1) <= limits.plateau_band);
    if (!(isFinite && stays && end < limits.low)) return false;
    const falls = relative.map((value, i) => value - relative[sudden[i]]);
    return largest(falls) >= limits.sudden_share * (1 - end);
  },
  "steady-decrease": (x, curve) => {
    let lowest = Infinity;
    const isSteady = curve.relative.every((value) => {
      lowest = Math.min(lowest, value);
      return value - lowest <= x.limits.rise;
    });
    return isSteady && dropsEarly(x, curve);
  },
  "early-drop": (x, curve) => dropsEarly(x, curve),
  flat: ({ limits }, { relative }) =>
    relative.every((value) => Math.abs(value - 1) <= limits.flat_band),
  oscillates: ({ limits }, { relative }) => countSwings(relative, limits) >= limits.swings,
  diverges: ({ limits }, { values, end }) =>
    !Array.prototype.every.call(values, Number.isFinite) || end > limits.diverged,
  "stalls-above": ({ limits, stallFrom }, { relative, end, isFinite }) => {
    const last = relative.subarray(stallFrom);
    const isStill = largest(last) - smallest(last) <= limits.stall_band;
    return isFinite && end >= limits.low && end <= limits.diverged && isStill;
  },
};

/** What the rules need of the x of curves. */
export class ShapeAxis {
  /**
   * @param {number[]} x increasing
   * @param {ShapeThresholds} limits
   */
  constructor(x, limits) {
    const [first, last] = [x[0], x[x.length - 1]];
    this.limits = limits;
    /** How much of the run has passed at each point. */
    this.fraction = Float64Array.from(x, (value) => (value - first) / (last - first));
    this.endFrom = this.fraction.findIndex((share) => share >= limits.end_from);
    const stalled = 1 - limits.stall_length - limits.edge;
    this.stallFrom = this.fraction.findIndex((share) => share >= stalled);
    /** The last point of a sudden fall that begins at each point. */
    let next = 0;
    this.sudden = this.fraction.map((share) => {
      while (this.fraction[next] < share + limits.sudden_length + limits.edge) next += 1;
      return next - 1;
    });
  }

  /**
   * How many points lie within this share of the run.
   *
   * @param {number} share
   */
  countUntil(share) {
    const next = this.fraction.findIndex((other) => !(other <= share + this.limits.edge));
    return next < 0 ? this.fraction.length : next;
  }

  /**
   * For each of these shapes, which of the curves have it.
   *
   * @param {ArrayLike<number>[]} curves the values of each at every point
   * @param {string[]} names
   * @returns {Record<string, boolean[]>}
   */
  findShapes(curves, names) {
    const isLong = this.fraction.length >= this.limits.shortest;
    const related = isLong ? curves.map((values) => this.relate(values)) : [];
    return Object.fromEntries(
      names.map((name) => [
        name,
        isLong ? related.map((curve) => RULES[name](this, curve)) : curves.map(() => false),
      ]),
    );
  }

  /**
   * @param {ArrayLike<number>} values
   * @returns {RelativeCurve}
   */
  relate(values) {
    const start = values[0];
    const hasStart = Number.isFinite(start) && start > 0;
    const relative = Float64Array.from(values, (value) => {
      const share = hasStart ? value / start : NaN;
      return Number.isFinite(share) ? share : NaN;
    });
    return {
      values,
      relative,
      end: median(relative.subarray(this.endFrom)),
      isFinite: hasStart && Array.prototype.every.call(values, Number.isFinite),
    };
  }
}

/**
 * NaN where one of the values is.
 *
 * @param {Float64Array} values
 */
function largest(values) {
  return values.reduce((found, value) => Math.max(found, value));
}

/**
 * NaN where one of the values is.
 *
 * @param {Float64Array} values
 */
function smallest(values) {
  return values.reduce((found, value) => Math.min(found, value));
}

/**
 * @param {ShapeAxis} x
 * @param {RelativeCurve} curve
 */
function dropsEarly(x, { relative, end, isFinite }) {
  const { early, plateau_band: band, low } = x.limits;
  const beginning = relative.subarray(0, x.countUntil(early));
  return isFinite && end < low && beginning.some((value) => value < 1 - band);
}

/**
 * How often a curve rises by a swing from a low, after falling by as much from a high.
 *
 * @param {Float64Array} relative
 * @param {ShapeThresholds} limits
 */
function countSwings(relative, { swing, swing_edge: edge }) {
  let [count, high, low, isRising] = [0, relative[0], relative[0], false];
  for (const value of relative.subarray(1)) {
    // A value that is no number is neither a high nor a low.
    if (!(high >= value) && !Number.isNaN(value)) high = value;
    if (!(low <= value) && !Number.isNaN(value)) low = value;
    const turnsUp = !isRising && value - low >= swing - edge;
    const turnsDown = isRising && high - value >= swing - edge;
    if (turnsUp) [count, high] = [count + 1, value];
    if (turnsDown) low = value;
    isRising = (isRising || turnsUp) && !turnsDown;
  }
  return count;
}

/**
 * The middle of some numbers; NaN where one of them is.
 *
 * @param {Float64Array} values
 */
function median(values) {
  if (values.some(Number.isNaN)) return NaN;
  const ordered = values.slice().sort();
  const half = ordered.length >> 1;
  return ordered.length % 2 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2;
}
