// @ts-check
// A knob along one side of a phase map: where its values stand, as in
// quizserver/web/phase_chart.py.

import { formatNumber, tickText } from "./number-text.js";
import { Scale, scaleTicks } from "./scales.js";

/** @import { KnobSpec } from "./types" */

// An axis with no more values than this has a tick at each.
const FEW = 8;

export class MapAxis {
  /**
   * @param {KnobSpec} spec
   * @param {number[]} values rising, at least two
   */
  constructor(spec, values) {
    this.spec = spec;
    this.values = values;
    this.heights = values.map((value) => this.heightOf(value));
  }

  /** The knob's label with its unit. */
  get text() {
    return this.spec.unit ? `${this.spec.label} (${this.spec.unit})` : this.spec.label;
  }

  /**
   * Where a value stands before the cells share the axis out evenly.
   *
   * @param {number} value
   */
  heightOf(value) {
    if (this.spec.scale !== "log") return value;
    return value > 0 ? Math.log(value) : -Infinity;
  }

  /**
   * 0 at the one edge and 1 at the other, beyond them for a value outside the map; the middle of a
   * cell is its value.
   *
   * @param {number} value
   */
  position(value) {
    const { heights } = this;
    const height = this.heightOf(value);
    const above = heights.findIndex((other) => other >= height);
    const next = above < 0 ? heights.length - 1 : above;
    const first = Math.min(Math.max(next - 1, 0), heights.length - 2);
    const share = (height - heights[first]) / (heights[first + 1] - heights[first]);
    return (first + share + 0.5) / heights.length;
  }

  /**
   * The cell that a position lies in, or else the one at the nearest edge.
   *
   * @param {number} position
   */
  cellAt(position) {
    const cell = Math.floor(position * this.values.length);
    return Math.min(this.values.length - 1, Math.max(0, cell));
  }

  /** @param {number} value */
  valueText(value) {
    return knobValueText(this.spec, value);
  }

  /**
   * Names, a few whole numbers, or round numbers, each with its position and a raised exponent or
   * "".
   *
   * @returns {[position: number, text: string, exponent: string][]}
   */
  listTicks() {
    const { spec, values } = this;
    /** @param {number} i */
    const middle = (i) => (i + 0.5) / values.length;
    if (spec.choices.length) {
      return values.map((value, i) => [middle(i), this.valueText(value), ""]);
    }
    if (spec.integer && values.length <= FEW) {
      return values.map((value, i) => [middle(i), ...tickText(value)]);
    }
    const scale = new Scale(values[0], values[values.length - 1], spec.scale);
    return scaleTicks(scale)
      .map(([, value]) => value)
      .filter((value) => !spec.integer || Math.abs(value - Math.round(value)) < 1e-6)
      .map((value) => [this.position(value), ...tickText(value)]);
  }
}

/**
 * A knob's value as people read it: its name where the knob chooses among kinds.
 *
 * @param {Pick<KnobSpec, "choices" | "low" | "unit">} spec
 * @param {number} value
 */
export function knobValueText({ choices, low, unit }, value) {
  if (choices.length) return choices[Math.round(value - low)] ?? String(value);
  return formatNumber(value, 4) + (unit ? ` ${unit}` : "");
}

/**
 * A label within a sentence; an abbreviation stays as it is.
 *
 * @param {string} label
 */
export function lowerLabel(label) {
  return /^\p{Lu}\p{Ll}/u.test(label) ? label[0].toLowerCase() + label.slice(1) : label;
}
