// A setting: the arm it started from, every knob, and the seeds.

import { Choice } from "./choice.js";
import { Knob, same } from "./knobs.js";

export class Setting {
  /** `onChange()` hears every change that a person makes, `onArm(words)` that an arm was chosen. */
  constructor(root, config, onChange, onArm) {
    this.config = config;
    this.buttons = [...root.querySelectorAll("[data-arm]")];
    this.replicas = root.querySelector('[data-part="replicas"]');
    this.first = root.querySelector('[data-part="first"]');
    this.replicas.max = String(config.replicas_max);
    const changed = () => {
      this.mark();
      onChange();
    };
    this.knobs = config.knobs.map((spec) => {
      const box = root.querySelector(`[data-knob="${CSS.escape(spec.name)}"]`);
      return spec.choices?.length ? new Choice(box, spec, () => changed()) : new Knob(box, spec, () => changed());
    });
    this.changed = changed;
    for (const button of this.buttons) {
      button.addEventListener("click", () => {
        this.choose(button.dataset.arm);
        this.mark();
        onArm(`${this.from.label}. Press Run.`);
      });
    }
    for (const input of [this.replicas, this.first]) input.addEventListener("input", () => changed());
  }

  arm(name) {
    return this.config.arms.find((arm) => arm.name === name) ?? this.config.arms[0];
  }

  /** Sets every knob to an arm's value, then to `knobs` where they differ, and the seeds if given. */
  choose(name, knobs = {}, { first = null, replicas = null } = {}) {
    this.from = this.arm(name);
    for (const knob of this.knobs) {
      knob.startFrom(this.from.knobs[knob.spec.name] ?? knob.spec.default);
      const own = knobs[knob.spec.name];
      if (own !== undefined && !same(own, knob.home)) knob.write(own);
    }
    if (first !== null) this.first.value = String(first);
    if (replicas !== null) this.replicas.value = String(replicas);
    this.mark();
  }

  /** Turns some knobs, as a person would: `knobs` maps names to values. */
  turn(knobs) {
    for (const knob of this.knobs) {
      if (knob.spec.name in knobs) knob.write(knobs[knob.spec.name]);
    }
    this.changed();
  }

  get value() {
    return {
      arm: this.from.name,
      knobs: Object.fromEntries(this.knobs.map((knob) => [knob.spec.name, knob.value])),
      first: Number(this.first.value),
      replicas: Number(this.replicas.value),
    };
  }

  /** The knobs that no longer stand where the arm put them. */
  get turned() {
    const turned = this.knobs.filter((knob) => knob.changed);
    return Object.fromEntries(turned.map((knob) => [knob.spec.name, knob.value]));
  }

  /** What a person would call the setting: its arm, and each knob that was turned since. */
  get words() {
    const own = this.own;
    if (!own) return this.from.label;
    const plain = this.knobs.every((knob) => same(knob.home, knob.spec.default));
    return plain ? own : `${own}, from ${this.from.label}`;
  }

  /** Only what was turned, for where there is little room; empty when nothing was. */
  get own() {
    const turned = this.knobs.filter((knob) => knob.changed);
    const words = turned.map((knob) => `${knob.spec.label} ${knob.words}`).join(", ");
    return words && words[0] + words.slice(1).replace(/(?<=, )\p{Lu}(?=\p{Ll})/gu, (letter) => letter.toLowerCase());
  }

  /** Shows on the buttons which arm the knobs stand at, if any. */
  mark() {
    const untouched = !this.knobs.some((knob) => knob.changed);
    for (const button of this.buttons) {
      const here = untouched && button.dataset.arm === this.from.name;
      button.setAttribute("aria-pressed", String(here));
    }
  }

  /** What keeps the setting from being run: null when nothing does. Moves the focus there. */
  fault() {
    const faulty = this.knobs.filter((knob) => !knob.check());
    if (faulty.length) {
      faulty[0].focus();
      return ""; // the knob itself says what is wrong
    }
    const { first, replicas } = this.value;
    const most = this.config.replicas_max;
    if (!Number.isInteger(replicas) || replicas < 1 || replicas > most) {
      this.replicas.focus();
      return `Seeds must be a whole number from 1 to ${most}.`;
    }
    if (!Number.isInteger(first) || first < 0) {
      this.first.focus();
      return "The first seed must be a whole number, 0 or more.";
    }
    return null;
  }
}
