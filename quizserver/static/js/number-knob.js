// @ts-check
// A knob for a quantity: a range and a number that hold one value, its limits, and what is wrong
// with it.

import { findPart } from "./dom.js";
import { formatNumber } from "./number-text.js";
import { gettext } from "./translation.js";

/** @import { BenchKnob, KnobSpec } from "./types" */

const RANGE_STEPS = 1000;
const DIGITS = 6; // of a value in the name of a setting
// One press of an arrow key: this factor on a log scale, about this share of a linear one.
const KEY_FACTOR = 1.025;
const KEY_SHARE = 0.01;
const PAGE = 10; // presses
/** @type {Record<string, number>} */
const KEYS = {
  ArrowRight: 1,
  ArrowUp: 1,
  ArrowLeft: -1,
  ArrowDown: -1,
  PageUp: PAGE,
  PageDown: -PAGE,
};

/** @implements {BenchKnob} */
export class NumberKnob {
  /**
   * @param {HTMLElement} box
   * @param {KnobSpec} spec
   * @param {() => void} onChange is called at every change that a person makes
   */
  constructor(box, spec, onChange) {
    this.spec = spec;
    this.box = box;
    this.range = findPart(box, "range", HTMLInputElement);
    this.number = findPart(box, "number", HTMLInputElement);
    this.error = findPart(box, "error", HTMLElement);
    this.reset = findPart(box, "reset", HTMLButtonElement);
    this.isLog = spec.scale === "log" && spec.low > 0;
    /** What Reset goes back to. */
    this.resetValue = spec.default;
    const { value, defaultValue } = this.number;
    /** What a person typed before the script was there. @type {string | null} */
    this.typedEarly = value === defaultValue ? null : value;
    findPart(box, "limits", HTMLElement).textContent = gettext("From %(low)s to %(high)s.", {
      low: formatNumber(spec.low),
      high: formatNumber(spec.high),
    });
    this.range.addEventListener("input", () => {
      this.moveRange(Number(this.range.value));
      onChange();
    });
    this.range.addEventListener("keydown", (event) => {
      if (!(event.key in KEYS) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      this.setValue(this.valueBeside(KEYS[event.key]));
      onChange();
    });
    this.number.addEventListener("input", () => {
      this.validate();
      this.refresh();
      onChange();
    });
    this.reset.addEventListener("click", () => {
      this.setValue(this.resetValue);
      onChange();
      this.range.focus();
    });
    this.setValue(spec.default);
  }

  /** The value, or NaN while the text is no number. */
  get value() {
    const text = this.number.value.trim().replace(",", ".").replace("−", "-");
    return text === "" ? NaN : Number(text);
  }

  get valueText() {
    return formatNumber(this.value, DIGITS);
  }

  get changed() {
    return !isSameNumber(this.value, this.resetValue);
  }

  /** Puts back what was typed before the script came; whether anything was. */
  restoreTyped() {
    if (this.typedEarly === null) return false;
    this.setText(this.typedEarly);
    return true;
  }

  /**
   * Sets the value and what Reset goes back to: the arm's that the setting starts from.
   *
   * @param {number} value
   */
  startFrom(value) {
    this.resetValue = value;
    this.setValue(value);
  }

  /** @param {number} value */
  setValue(value) {
    this.setText(String(value));
  }

  /** @param {string} text */
  setText(text) {
    this.number.value = text;
    this.validate();
    this.refresh();
  }

  /** Shows what is wrong with the value, if anything; true when the server would take it. */
  validate() {
    const { low, high, integer, label } = this.spec;
    const value = this.value;
    let message = "";
    if (!Number.isFinite(value)) {
      const example = formatNumber(this.resetValue);
      message = gettext("%(label)s needs a number, such as %(example)s.", { label, example });
    } else if (value < low || value > high) {
      message = gettext("%(label)s must lie between %(low)s and %(high)s.", {
        label,
        low: formatNumber(low),
        high: formatNumber(high),
      });
    } else if (integer && !Number.isInteger(value)) {
      message = gettext("%(label)s must be a whole number.", { label });
    }
    this.showError(message);
    return !message;
  }

  /** @param {string} message what is wrong; empty when nothing is */
  showError(message) {
    this.error.textContent = message;
    this.error.hidden = !message;
    this.number.toggleAttribute("aria-invalid", false);
    if (message) this.number.setAttribute("aria-invalid", "true");
  }

  focus() {
    this.number.focus();
  }

  /** Brings the range, the style of a changed knob and Reset in line with the value. */
  refresh() {
    const value = this.value;
    if (Number.isFinite(value)) {
      this.range.value = String(this.toRangeStep(value));
      const unit = this.spec.unit ? ` ${this.spec.unit}` : "";
      this.range.setAttribute("aria-valuetext", formatNumber(value, 4) + unit);
    }
    this.box.classList.toggle("changed", this.changed);
    this.reset.disabled = !this.changed;
  }

  /**
   * Takes the value at a step of the range. However small a move is, the value must follow it.
   *
   * @param {number} step
   */
  moveRange(step) {
    const value = this.valueAtStep(step);
    const from = this.toRangeStep(this.value);
    const isStuck = Number.isFinite(this.value) && isSameNumber(value, this.value) && step !== from;
    this.setValue(isStuck ? this.valueBeside(Math.sign(step - from)) : value);
  }

  /**
   * The value so many presses of an arrow key away: always another one, except at the limits.
   *
   * @param {number} presses
   */
  valueBeside(presses) {
    const { low, high, integer } = this.spec;
    /** @param {number} value */
    const clip = (value) => Math.min(high, Math.max(low, value));
    const value = clip(Number.isFinite(this.value) ? this.value : this.resetValue);
    if (this.isLog) {
      const next = value * KEY_FACTOR ** presses;
      if (!integer) return clip(Number(next.toPrecision(3)));
      const whole = Math.round(next);
      return clip(whole === value ? value + Math.sign(presses) : whole);
    }
    // On multiples of a round step, so that no press leaves a long tail of digits.
    const rounded = roundStep((high - low) * KEY_SHARE);
    const step = integer ? Math.max(1, Math.round(rounded)) : rounded;
    const steps = value / step;
    const next = presses > 0 ? Math.floor(steps + 1e-9) : Math.ceil(steps - 1e-9);
    return clip(Number(((next + presses) * step).toPrecision(12)));
  }

  /** @param {number} value */
  toRangeStep(value) {
    const { low, high } = this.spec;
    const share = this.isLog
      ? Math.log(value / low) / Math.log(high / low)
      : (value - low) / (high - low);
    return Math.round(RANGE_STEPS * Math.min(1, Math.max(0, share)));
  }

  /** @param {number} step */
  valueAtStep(step) {
    const { low, high, integer } = this.spec;
    if (step <= 0) return low;
    if (step >= RANGE_STEPS) return high;
    const share = step / RANGE_STEPS;
    const value = this.isLog ? low * (high / low) ** share : low + (high - low) * share;
    // Two digits on a log scale and a thousandth of a linear one: finer than a hand can set.
    if (integer) return Math.round(value);
    if (this.isLog) return Number(value.toPrecision(2));
    return Number(value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(high - low)))));
  }
}

/**
 * 1, 2 or 5 times a power of ten, near `size`.
 *
 * @param {number} size
 */
function roundStep(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  const steps = [1, 2, 5].map((factor) => factor * power);
  return steps.find((step) => step >= 0.75 * size) ?? 10 * power;
}

/**
 * Whether two values are the same number but for the last bits.
 *
 * @param {number} a
 * @param {number} b
 */
export function isSameNumber(a, b) {
  return a === b || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}
