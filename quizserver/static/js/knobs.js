// Knobs: a range and a number that hold one value, its limits, and what is wrong with it.

import { number } from "./scales.js";

const STEPS = 1000;

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
      this.write(this.fromStep(Number(this.part("range").value)));
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
      this.part("range").setAttribute("aria-valuetext", number(value));
    }
    this.box.classList.toggle("changed", this.changed);
    this.part("reset").disabled = !this.changed;
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

/** Whether two settings are the same number but for the last bits. */
export function same(a, b) {
  return a === b || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}
