// A knob along one side of a phase map: where its values stand, as the server places them.

import { number, scale, ticks } from "./scales.js";

// An axis with no more values than this has a tick at each.
const FEW = 8;

export class Side {
  /** `spec` is the knob; `values` rise, at least two. */
  constructor(spec, values) {
    this.spec = spec;
    this.values = values;
    this.height = (value) => (spec.scale === "log" ? Math.log(value) : value);
    this.at = values.map(this.height);
  }

  get text() {
    return this.spec.unit ? `${this.spec.label} (${this.spec.unit})` : this.spec.label;
  }

  /** 0 at the one edge and 1 at the other; the middle of a cell is its value. */
  spot(value) {
    const { at } = this;
    const here = this.height(value);
    const after = at.findIndex((each) => each >= here);
    const first = Math.min(Math.max((after < 0 ? at.length - 1 : after) - 1, 0), at.length - 2);
    return (first + (here - at[first]) / (at[first + 1] - at[first]) + 0.5) / at.length;
  }

  /** The cell that a spot, or else the nearest edge, lies in. */
  cell(spot) {
    return Math.min(this.values.length - 1, Math.max(0, Math.floor(spot * this.values.length)));
  }

  words(value) {
    return valueWords(this.spec, value);
  }

  /** [place 0…1, value or name] of names, of a few whole numbers, or of round numbers. */
  ticks() {
    const { spec, values } = this;
    const middle = (i) => (i + 0.5) / values.length;
    if (spec.choices?.length) return values.map((value, i) => [middle(i), this.words(value)]);
    if (spec.integer && values.length <= FEW) return values.map((value, i) => [middle(i), value]);
    return ticks(scale(values[0], values.at(-1), spec.scale))
      .map(([, value]) => [this.spot(value), value])
      .filter(([spot, value]) => spot >= 0 && spot <= 1 && !(spec.integer && Math.abs(value - Math.round(value)) > 1e-6));
  }
}

/** A knob's value as people read it: its name where the knob chooses among kinds. */
export function valueWords({ choices, low, unit }, value) {
  if (choices?.length) return choices[Math.round(value - low)] ?? String(value);
  return number(value, 4) + (unit ? ` ${unit}` : "");
}

/** A label within a sentence; an abbreviation stays as it is. */
export function lower(label) {
  return /^\p{Lu}\p{Ll}/u.test(label) ? label[0].toLowerCase() + label.slice(1) : label;
}
