// @ts-check
// From values to positions on a chart: the same scales, ranges and ticks as in
// quizserver/web/scales.py. tests/web/chart_numbers.json holds both to the same numbers.

/** @import { ScaleName, Value } from "./types" */

const MARGIN = 0.08;
// A run that diverges passes any bound. Past these no axis is made for a value, as for ∞ or 0.
const HUGE = 1e30;
const TINY = 1e-300;
// A linear axis no wider than this is flat; the smallest start that a log axis may have.
const FLAT = 1e-30;
const LOWEST = 1e-307;
// What logarithms and quotients may be off by.
const DUST = 1e-9;
// More digits than this after the point can't be rounded to.
const MOST_DIGITS = 100;

/**
 * Whether a line goes on with this value, which may be infinite.
 *
 * @param {unknown} value
 * @returns {value is number}
 */
export function isNumber(value) {
  return typeof value === "number" && !Number.isNaN(value);
}

/**
 * Whether an axis may be fitted to a value; one that is not may still leave the frame.
 *
 * @param {unknown} value
 * @returns {value is number}
 */
export function isDrawable(value) {
  return typeof value === "number" && Math.abs(value) <= HUGE;
}

/** Maps low…high onto 0…1. */
export class Scale {
  /**
   * @param {number} low
   * @param {number} high
   * @param {ScaleName} name
   */
  constructor(low, high, name = "linear") {
    this.low = low;
    this.high = high;
    this.name = name;
    // Differences of logarithms: a quotient of such values could pass the largest float.
    this.start = name === "log" ? Math.log(low) : low;
    this.span = (name === "log" ? Math.log(high) : high) - this.start;
  }

  /**
   * Where a value stands: 0 at the low end, 1 at the high; far outside, or infinite, too. Null when
   * it has no position: it is no number, or a log scale has none for it.
   *
   * @param {Value | undefined} value
   * @returns {number | null}
   */
  position(value) {
    if (!isNumber(value)) return null;
    if (this.name === "linear") return (value - this.start) / this.span;
    return value >= TINY ? (Math.log(value) - this.start) / this.span : null;
  }

  /**
   * The value that stands at a position.
   *
   * @param {number} position
   */
  valueAt(position) {
    const place = this.start + position * this.span;
    return this.name === "linear" ? place : Math.exp(place);
  }
}

/**
 * A scale that shows `values` with a little headroom; linear ones start at 0 if they may. A log
 * scale with no value above 0 can't be drawn and becomes a linear one.
 *
 * @param {number[]} values
 * @param {ScaleName} name
 */
export function fitScale(values, name = "linear") {
  if (name === "log") {
    const positive = values.filter((value) => value >= TINY);
    if (positive.length) {
      const [low, high] = [smallest(positive), largest(positive)];
      const margin = Math.max((Math.log(high) - Math.log(low)) * MARGIN, 0.1);
      return new Scale(Math.max(low * Math.exp(-margin), LOWEST), high * Math.exp(margin), "log");
    }
  }
  const [low, high] = [Math.min(0, smallest(values)), Math.max(0, largest(values))];
  if (high - low < FLAT) return new Scale(0, 1);
  const margin = (high - low) * MARGIN;
  return new Scale(low < 0 ? low - margin : low, high + margin);
}

/**
 * The smallest of the values, which may be too many to be arguments of a function.
 *
 * @param {number[]} values
 */
export function smallest(values) {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}

/**
 * The largest of the values.
 *
 * @param {number[]} values
 */
export function largest(values) {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}

/**
 * Round numbers along a scale as [position, value], from low to high.
 *
 * @param {Scale} scale
 * @param {number} about how many there should be on a linear scale
 * @returns {[position: number, value: number][]}
 */
export function scaleTicks(scale, about = 5) {
  const values = scale.name === "log" ? logTicks(scale) : linearTicks(scale, about);
  return values.flatMap((value) => {
    const position = scale.position(value);
    return position === null ? [] : [[position, value]];
  });
}

/**
 * The multiples of a round step.
 *
 * @param {Scale} scale
 * @param {number} about
 */
function linearTicks({ low, high }, about) {
  const rough = (high - low) / about;
  const power = Math.floor(Math.log10(rough));
  const steps = [1, 2, 2.5, 5, 10].map((factor) => Number(`${factor}e${power}`));
  const step = steps.find((candidate) => candidate >= rough * 0.999) ?? rough;
  const first = Math.ceil(low / step - DUST);
  const last = Math.floor(high / step + DUST);
  // Rounded to the digits of the step: 3 * 0.1 must be written 0.3.
  const digits = Math.min(MOST_DIGITS, Math.max(0, 2 - Math.floor(Math.log10(step))));
  const values = [];
  for (let i = first; i <= last; i += 1) values.push(Number((i * step).toFixed(digits)));
  return values;
}

/**
 * The powers of ten, on a short scale with 2 and 5 times them; the ends where there is none.
 *
 * @param {Scale} scale
 */
function logTicks({ low, high }) {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const stride = Math.max(1, Math.ceil((to - from) / 6 - DUST));
  const factors = to - from < 2 - DUST ? [1, 2, 5] : [1];
  const values = [];
  for (let power = Math.floor(from); power <= Math.ceil(to); power += 1) {
    if (power % stride === 0) {
      values.push(...factors.map((factor) => Number(`${factor}e${power}`)));
    }
  }
  const inside = values.filter((value) => value >= low && value <= high);
  return inside.length ? inside : [low, high];
}

// A linear axis from zero shows at most this many times the highest start or end of its lines, a log
// axis so many times it.
const FRAME = 1.6;
const LOG_FRAME = 1e6;
// An end so many times as high as its start, and as the calmest line, is one of a run that diverged;
// so is any past that many times the lowest start, even where no line is calmer.
const DIVERGED = 10;
const UNREADABLE = 1000;

/**
 * The upright scale of a chart, fitted to what can be read of its lines, as `fit_frame` in
 * quizserver/web/scales.py says. Null where there is no number of a size that can be drawn.
 *
 * @param {Value[][]} lines
 * @param {ScaleName} name
 * @param {Value[]} band may enlarge an axis that doesn't begin at zero
 */
export function fitFrame(lines, name, band = []) {
  let values = lines.flat().filter(isNumber);
  if (!values.some(isDrawable)) return null;
  let [least, most] = [smallest(values), largest(values)];
  const counted = highestCounted(lines);
  if (name === "log" && most >= TINY) {
    most = Math.min(most, Math.max(counted, 1) * LOG_FRAME);
    values = values.map((value) => Math.min(value, most));
  } else if (least >= 0 && most > 0) {
    const top = Math.min(most, FRAME * counted) || Math.min(most, UNREADABLE);
    return new Scale(0, top * (1 + MARGIN));
  } else {
    const limit = DIVERGED * counted || UNREADABLE;
    values = [least, most] = [Math.max(least, -limit), Math.min(most, limit)];
  }
  const ceiling = most > 0 ? most * FRAME : most;
  const floor = least < 0 ? least * FRAME : -Infinity;
  const shown = band.filter(isDrawable).map((value) => Math.min(Math.max(value, floor), ceiling));
  return fitScale([...values, ...shown], name);
}

/**
 * The highest start or end, in size, of lines that don't diverge; one of them has a number.
 *
 * @param {Value[][]} lines
 */
function highestCounted(lines) {
  const spans = lines.flatMap((line) => {
    const sizes = line.filter(isDrawable).map(Math.abs);
    if (!sizes.length) return [];
    const end = isDrawable(line.at(-1)) ? sizes[sizes.length - 1] : Infinity;
    return [[sizes[0], end]];
  });
  const lowest = smallest(spans.map(([start]) => start));
  let calmest = smallest(spans.map((span) => largest(span)));
  if (calmest > UNREADABLE * Math.max(lowest, 1)) calmest = lowest;
  const counted = spans.flatMap(([start, end]) => {
    if (end <= DIVERGED * Math.max(start, calmest)) return [start, end];
    return start <= DIVERGED * calmest ? [start] : [];
  });
  return largest(counted);
}
