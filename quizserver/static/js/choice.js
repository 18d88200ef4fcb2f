// A knob that chooses among kinds: a list of names for the values of a whole number.

import { valueWords } from "./map-side.js";

export class Choice {
  /** `onChange()` hears every change that a person makes. */
  constructor(box, spec, onChange) {
    this.spec = spec;
    this.box = box;
    this.part = (name) => box.querySelector(`[data-part="${name}"]`);
    this.home = spec.default;
    this.list = this.part("number");
    this.early = this.value === spec.default ? null : this.value;
    this.list.addEventListener("change", () => {
      this.follow();
      onChange();
    });
    this.part("reset").addEventListener("click", () => {
      this.write(this.home);
      onChange();
      this.focus();
    });
    this.write(spec.default);
  }

  get value() {
    return this.list.value === "" ? NaN : Number(this.list.value);
  }

  get changed() {
    return this.value !== this.home;
  }

  get words() {
    return valueWords(this.spec, this.value);
  }

  /** Takes up what a person chose before the script was there. */
  catchUp() {
    if (this.early !== null) this.write(this.early);
  }

  /** Sets what Reset goes back to: the value of the arm that the setting started from. */
  startFrom(value) {
    this.home = value;
    this.write(value);
  }

  write(value) {
    this.list.value = String(value);
    this.check();
    this.follow();
  }

  /** A link may hold a value that the list does not; true when the server would take it. */
  check() {
    const fault = Number.isNaN(this.value) ? `${this.spec.label}: choose one of the list.` : "";
    this.complain(fault);
    return !fault;
  }

  complain(fault) {
    this.part("error").textContent = fault;
    this.part("error").hidden = !fault;
    this.list.toggleAttribute("aria-invalid", false);
    if (fault) this.list.setAttribute("aria-invalid", "true");
  }

  focus() {
    this.list.focus();
  }

  follow() {
    this.box.classList.toggle("changed", this.changed);
    this.part("reset").disabled = !this.changed;
    if (!Number.isNaN(this.value)) this.complain("");
  }
}
