// @ts-check
// A knob that chooses among kinds: a list of names for the values of a whole number.

import { findPart } from "./dom.js";
import { knobValueText } from "./map-axis.js";
import { gettext } from "./translation.js";

/** @import { BenchKnob, KnobSpec } from "./types" */

/** @implements {BenchKnob} */
export class ChoiceKnob {
  /**
   * @param {HTMLElement} box
   * @param {KnobSpec} spec
   * @param {() => void} onChange is called at every change that a person makes
   */
  constructor(box, spec, onChange) {
    this.spec = spec;
    this.box = box;
    this.list = findPart(box, "number", HTMLSelectElement);
    this.error = findPart(box, "error", HTMLElement);
    this.reset = findPart(box, "reset", HTMLButtonElement);
    /** What Reset goes back to. */
    this.resetValue = spec.default;
    /** What a person chose before the script was there. @type {number | null} */
    this.chosenEarly = this.value === spec.default ? null : this.value;
    this.list.addEventListener("change", () => {
      this.refresh();
      onChange();
    });
    this.reset.addEventListener("click", () => {
      this.setValue(this.resetValue);
      onChange();
      this.focus();
    });
    this.setValue(spec.default);
  }

  /** The value, or NaN while nothing is chosen. */
  get value() {
    return this.list.value === "" ? NaN : Number(this.list.value);
  }

  get valueText() {
    return knobValueText(this.spec, this.value);
  }

  get changed() {
    return this.value !== this.resetValue;
  }

  /** Puts back what was chosen before the script came; whether anything was. */
  restoreTyped() {
    if (this.chosenEarly === null) return false;
    this.setValue(this.chosenEarly);
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
    this.list.value = String(value);
    this.validate();
    this.refresh();
  }

  /** A link may hold a value that the list does not; true when the server would take it. */
  validate() {
    const { label } = this.spec;
    const message = Number.isNaN(this.value)
      ? gettext("%(label)s: choose one of the list.", { label })
      : "";
    this.showError(message);
    return !message;
  }

  /** @param {string} message what is wrong; empty when nothing is */
  showError(message) {
    this.error.textContent = message;
    this.error.hidden = !message;
    this.list.toggleAttribute("aria-invalid", false);
    if (message) this.list.setAttribute("aria-invalid", "true");
  }

  focus() {
    this.list.focus();
  }

  /** Brings the style of a changed knob and Reset in line with the value. */
  refresh() {
    this.box.classList.toggle("changed", this.changed);
    this.reset.disabled = !this.changed;
    if (!Number.isNaN(this.value)) this.showError("");
  }
}
