// Knobs: a range and a number that hold one value, its limits, and what is wrong with it.

import { number } from "./scales.js";

const STEPS = 1000;
// One press of an arrow key: this factor on a log scale, about this share of a linear one.
const FACTOR = 1.025;
const SHARE = 0.01;
const MANY = 10;
const KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: MANY, PageDown: -MANY };

export class Knob {
  /** `onChange()` hears every change that a person makes. */
  constructor(box, spec, onChange) {
    this.spec = spec;
    this.box = box;
    this.part = (name) => box.querySelector(`[data-part="${name}"]`);
    this.log = spec.scale === "log" && spec.low > 0;
    this.home = spec.default;
    const { value, defaultValue } = this.part("number");
    this.early = value === defaultValue ? null : value;
    this.part("limits").textContent = `From ${number(spec.low)} to ${number(spec.high)}.`;
    this.part("range").addEventListener("input", () => {
      this.slide(Number(this.part("range").value));
      onChange();
    });
    this.part("range").addEventListener("keydown", (event) => {
      const by = KEYS[event.key];
      if (by === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      this.write(this.beside(by));
      onChange();
    });
    this.part("number").addEventListener("input", () => {
      this.check();
      this.follow();
      onChange();
    });
    this.part("reset").addEventListener("click", () => {
      this.write(this.home);
      onChange();
      this.part("range").focus();
    });
    this.write(spec.default);
  }

  /** The value, or NaN while the text is no number. */
  get value() {
    const text = this.part("number").value.trim().replace(",", ".").replace("−", "-");
    return text === "" ? NaN : Number(text);
  }

  get words() {
    return number(this.value, 4);
  }

  get changed() {
    return !same(this.value, this.home);
  }

  /** Takes up what a person wrote before the script was there. */
  catchUp() {
    if (this.early !== null) this.write(this.early);
  }

  /** Sets what Reset goes back to: the value of the arm that the setting started from. */
  startFrom(value) {
    this.home = value;
    this.write(value);
  }

  write(value) {
    this.part("number").value = String(value);
    this.check();
    this.follow();
  }

  /** Shows what is wrong with the value, if anything; true when the server would take it. */
  check() {
    const { low, high, integer, label } = this.spec;
    const value = this.value;
    let fault = "";
    if (!Number.isFinite(value)) fault = `${label} needs a number, such as ${number(this.home)}.`;
    else if (value < low || value > high) fault = `${label} must lie between ${number(low)} and ${number(high)}.`;
    else if (integer && !Number.isInteger(value)) fault = `${label} must be a whole number.`;
    this.complain(fault);
    return !fault;
  }

  complain(fault) {
    this.part("error").textContent = fault;
    this.part("error").hidden = !fault;
    this.part("number").toggleAttribute("aria-invalid", false);
    if (fault) this.part("number").setAttribute("aria-invalid", "true");
  }

  focus() {
    this.part("number").focus();
  }

  follow() {
    const value = this.value;
    if (Number.isFinite(value)) {
      this.part("range").value = String(this.toStep(value));
      const unit = this.spec.unit ? ` ${this.spec.unit}` : "";
      this.part("range").setAttribute("aria-valuetext", number(value, 4) + unit);
    }
    this.box.classList.toggle("changed", this.changed);
    this.part("reset").disabled = !this.changed;
  }

  /** Takes the range's place. However small a move is, the value must follow it. */
  slide(step) {
    const value = this.fromStep(step);
    const from = this.toStep(this.value);
    const stuck = Number.isFinite(this.value) && same(value, this.value) && step !== from;
    this.write(stuck ? this.beside(Math.sign(step - from)) : value);
  }

  /** The value `by` presses of an arrow key away: always another one, except at the limits. */
  beside(by) {
    const { low, high, integer } = this.spec;
    const clip = (value) => Math.min(high, Math.max(low, value));
    const value = clip(Number.isFinite(this.value) ? this.value : this.home);
    if (this.log) {
      const next = value * FACTOR ** by;
      if (!integer) return clip(Number(next.toPrecision(3)));
      const whole = Math.round(next);
      return clip(whole === value ? value + Math.sign(by) : whole);
    }
    // On multiples of a round step, so that no press leaves a long tail of digits.
    const step = integer ? Math.max(1, Math.round(round((high - low) * SHARE))) : round((high - low) * SHARE);
    const places = value / step;
    const next = by > 0 ? Math.floor(places + 1e-9) + by : Math.ceil(places - 1e-9) + by;
    return clip(Number((next * step).toPrecision(12)));
  }

  toStep(value) {
    const { low, high } = this.spec;
    const share = this.log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    return Math.round(STEPS * Math.min(1, Math.max(0, share)));
  }

  fromStep(step) {
    const { low, high, integer } = this.spec;
    if (step <= 0) return low;
    if (step >= STEPS) return high;
    const share = step / STEPS;
    const value = this.log ? low * (high / low) ** share : low + (high - low) * share;
    // Two digits on a log scale and a thousandth of a linear one: finer than a hand can set.
    if (integer) return Math.round(value);
    if (this.log) return Number(value.toPrecision(2));
    return Number(value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(high - low)))));
  }
}

/** 1, 2 or 5 times a power of ten, near `size`. */
function round(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  return [1, 2, 5, 10].map((f) => f * power).find((step) => step >= 0.75 * size);
}

/** Whether two settings are the same number but for the last bits. */
export function same(a, b) {
  return a === b || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}
