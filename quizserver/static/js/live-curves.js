// @ts-check
// What the kernel recorded in this browser, as curves: their bands as quizserver/lab/curves.py and
// quizserver/worker/summary.py compute them, their digest, and their CSV.

import { constantRows } from "./live-plan.js";

/** @import { Band, PlanSeriesEntry } from "./types" */
/** @import { LivePlan } from "./live-plan.js" */
/** @import { Share } from "./live-training.js" */

const LINES = /** @type {const} */ ([
  ["median", 0.5],
  ["low", 0.1],
  ["high", 0.9],
]);
const DIGITS = 6; // of x in the CSV

/** The curves of a setting, `points` of them long so far: the values of each series by point. */
export class LiveCurves {
  /**
   * @param {LivePlan} plan
   * @param {number} points
   * @param {Share[]} shares
   */
  constructor(plan, points, shares) {
    this.head = plan.head;
    this.points = points;
    this.shares = shares;
    this.constants = constantRows(plan);
    this.x = plan.head.x.slice(0, points);
    /** @type {Map<string, Float64Array[]>} */
    this.known = new Map();
  }

  get isWhole() {
    return this.points === this.head.x.length;
  }

  /**
   * The values of all replicas at each point.
   *
   * @param {string} series
   */
  valuesOf(series) {
    const known = this.known.get(series);
    if (known) return known;
    const entries = this.head.series[series].slice(0, this.points);
    const values = entries.map((entry) => this.readEntry(entry));
    this.known.set(series, values);
    return values;
  }

  /**
   * @param {PlanSeriesEntry} entry
   * @returns {Float64Array}
   */
  readEntry(entry) {
    const { replicas } = this.head;
    if (typeof entry === "object" && !Array.isArray(entry)) {
      return this.constants.subarray(entry.row * replicas, (entry.row + 1) * replicas);
    }
    const [first, ...others] = [entry].flat().map((output) => this.readOutput(output));
    for (const other of others) {
      // The smallest; NaN where one of them is.
      other.forEach((value, i) => {
        if (!(first[i] <= value)) first[i] = Number.isNaN(first[i]) ? NaN : value;
      });
    }
    return first;
  }

  /** @param {number} output */
  readOutput(output) {
    const { lanes: width, replicas } = this.head;
    const values = new Float64Array(replicas);
    for (const { first, lanes, outputs } of this.shares) {
      const start = first * width;
      const count = Math.min(lanes, replicas - start);
      values.set(outputs.subarray(output * lanes, output * lanes + count), start);
    }
    return values;
  }

  /**
   * @param {string} series
   * @returns {Band}
   */
  bandOf(series) {
    /** @type {Band} */
    const band = { median: [], low: [], high: [] };
    const ranking = new Ranking(this.head.replicas);
    for (const values of this.valuesOf(series)) {
      const ordered = ranking.order(values);
      for (const [line, share] of LINES) {
        const value = quantile(ordered, share);
        band[line].push(Number.isFinite(value) ? value : null);
      }
    }
    return band;
  }

  /**
   * One list of values for each replica.
   *
   * @param {string} series
   */
  replicasOf(series) {
    const values = this.valuesOf(series);
    return this.head.seeds.map((_, replica) => Float64Array.from(values, (row) => row[replica]));
  }

  /** All values as bytes: by point, then series, then replica; every NaN has the same bits. */
  toBytes() {
    const { replicas, series } = this.head;
    const names = Object.keys(series);
    const bytes = new DataView(new ArrayBuffer(8 * this.points * names.length * replicas));
    let at = 0;
    for (let point = 0; point < this.points; point += 1) {
      for (const name of names) {
        for (const value of this.valuesOf(name)[point]) {
          if (Number.isNaN(value)) bytes.setUint32(at + 4, 0x7ff80000, true);
          else bytes.setFloat64(at, value, true);
          at += 8;
        }
      }
    }
    return bytes.buffer;
  }

  /** The SHA-256 of all values in hexadecimal; null where the browser computes none here. */
  async digest() {
    // Only addresses that are safe have it.
    if (!globalThis.crypto?.subtle) return null;
    const digest = await crypto.subtle.digest("SHA-256", this.toBytes());
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /**
   * The curves as the server writes them: one line a seed and point.
   *
   * @param {string} label of x
   */
  toCsv(label) {
    const names = Object.keys(this.head.series);
    const lines = [["seed", label, ...names].map(csvCell)];
    this.head.seeds.forEach((seed, replica) => {
      this.x.forEach((x, point) => {
        const values = names.map((name) => this.valuesOf(name)[point][replica]);
        // The lines' x has as many digits as a chart can show.
        lines.push([String(seed), ...[Number(x.toPrecision(DIGITS)), ...values].map(floatText)]);
      });
    });
    return lines.map((cells) => `${cells.join(",")}\r\n`).join("");
  }
}

/** Puts the values of one point after another in order. */
class Ranking {
  /** @param {number} count of values at each point */
  constructor(count) {
    this.replicas = Uint32Array.from({ length: count }, (_, i) => i);
    this.ordered = new Float64Array(count);
  }

  /**
   * The values from low to high, those that are not finite last. They are good until the next call.
   *
   * @param {Float64Array} values of all replicas
   */
  order(values) {
    const { replicas, ordered } = this;
    // Neighbouring points have nearly the same order: few values move, and those not far.
    for (let i = 0; i < replicas.length; i += 1) {
      const replica = replicas[i];
      const value = Number.isFinite(values[replica]) ? values[replica] : Infinity;
      let place = i;
      for (; place > 0 && ordered[place - 1] > value; place -= 1) {
        ordered[place] = ordered[place - 1];
        replicas[place] = replicas[place - 1];
      }
      ordered[place] = value;
      replicas[place] = replica;
    }
    return ordered;
  }
}

/**
 * Linear between neighbours; infinite where it falls among values that are.
 *
 * @param {Float64Array} ordered
 * @param {number} share
 */
export function quantile(ordered, share) {
  const position = share * (ordered.length - 1);
  const below = Math.floor(position);
  const weight = position - below;
  if (weight === 0) return ordered[below];
  return (1 - weight) * ordered[below] + weight * ordered[below + 1];
}

/** @param {string} text */
function csvCell(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A number as Python writes a float.
 *
 * @param {number} value
 */
export function floatText(value) {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  if (Object.is(value, -0)) return "-0.0";
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-4 && size < 1e16)) {
    return Number.isInteger(value) ? `${value}.0` : String(value);
  }
  const [digits, exponent] = value.toExponential().split("e");
  const sign = exponent[0] === "-" ? "-" : "+";
  return `${digits}e${sign}${exponent.slice(1).padStart(2, "0")}`;
}
