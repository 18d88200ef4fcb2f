// @ts-check
// From values to positions on a chart: the same scales, ranges and ticks as in
// quizserver/web/scales.py. tests/web/chart_numbers.json holds both to the same numbers.

/** @import { ScaleName, Value } from "./types" */

const MARGIN = 0.08;
// A run that diverges passes any bound. Past these a value is as good as infinite, or as zero.
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
 * Whether a value can have a position on a chart at all.
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
   * Where a value stands, 0 at the low end and 1 at the high; null when it has no position.
   *
   * @param {Value | undefined} value
   * @returns {number | null}
   */
  position(value) {
    if (!isDrawable(value)) return null;
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

// A linear axis shows at most this many times the highest start or end of its lines; an end this
// many times the highest start is a run that diverged.
const FRAME = 1.6;
const DIVERGED = 10;

/**
 * The ends of a linear axis that reaches from zero to just above where lines start and end, so that
 * swings don't flatten all else; null where values below zero, or none above it, need another axis.
 *
 * Beside other lines, the end of one that diverged does not count.
 *
 * @param {number[][]} lines their values with a position
 * @returns {[low: number, high: number] | null}
 */
export function framedRange(lines) {
  const drawn = lines.filter((line) => line.length);
  const values = drawn.flat();
  const most = largest(values);
  if (!values.length || smallest(values) < 0 || most === 0) return null;
  const starts = drawn.map((line) => line[0]);
  const highest = largest(starts);
  const ends = drawn
    .map((line) => line[line.length - 1])
    .filter((end) => drawn.length < 2 || !highest || end <= DIVERGED * highest);
  const top = Math.min(most, FRAME * largest([...starts, ...ends])) || most;
  return [0, top * (1 + MARGIN)];
}
