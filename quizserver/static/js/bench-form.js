// @ts-check
// The form of a bench: the arm that a setting started from, every knob, and the seeds.

import { ChoiceKnob } from "./choice-knob.js";
import { findElement, findPart } from "./dom.js";
import { isSameNumber, NumberKnob } from "./number-knob.js";
import { gettext, ngettext } from "./translation.js";

/** @import { ArmSpec, BenchConfig, BenchKnob, Knobs, Setting } from "./types" */

export class BenchForm {
  /**
   * @param {ParentNode} root
   * @param {BenchConfig} config
   * @param {{ onChange: () => void, onArm: (message: string) => void }} handlers `onChange` is
   *   called at every change of a knob or the seeds, `onArm` when an arm was chosen
   */
  constructor(root, config, { onChange, onArm }) {
    this.config = config;
    /** The arm that the setting started from. @type {ArmSpec} */
    this.arm = config.arms[0];
    this.replicas = findPart(root, "replicas", HTMLInputElement);
    this.first = findPart(root, "first", HTMLInputElement);
    this.replicas.max = String(config.replicas_max);
    this.handleChange = () => {
      this.updateArmButtons();
      onChange();
    };
    this.knobs = config.knobs.map((spec) => {
      const box = findElement(root, `[data-knob="${CSS.escape(spec.name)}"]`, HTMLElement);
      /** @type {BenchKnob} */
      const knob = spec.choices.length
        ? new ChoiceKnob(box, spec, this.handleChange)
        : new NumberKnob(box, spec, this.handleChange);
      return knob;
    });
    this.armButtons = [...root.querySelectorAll("[data-arm]")];
    for (const button of this.armButtons) {
      button.addEventListener("click", () => {
        this.startFromArm(button.getAttribute("data-arm") ?? "");
        onArm(gettext("%(arm)s. Press Run.", { arm: this.arm.label }));
      });
      // Browsers leave a button that is half in sight where it is.
      if (button instanceof HTMLElement) {
        button.addEventListener("focus", () => showInRow(button));
      }
    }
    for (const input of [this.replicas, this.first]) {
      input.addEventListener("input", this.handleChange);
    }
  }

  /**
   * The arm of that name, or the first one.
   *
   * @param {string} name
   */
  findArm(name) {
    return this.config.arms.find((arm) => arm.name === name) ?? this.config.arms[0];
  }

  /**
   * Sets every knob to an arm's value, then to `knobs` where they differ, and the seeds if given.
   *
   * @param {string} name
   * @param {Knobs} knobs
   * @param {{ first: number, replicas: number } | null} seeds
   */
  startFromArm(name, knobs = {}, seeds = null) {
    this.arm = this.findArm(name);
    for (const knob of this.knobs) {
      knob.startFrom(this.arm.knobs[knob.spec.name] ?? knob.spec.default);
      const value = knobs[knob.spec.name];
      if (value !== undefined && !isSameNumber(value, knob.resetValue)) knob.setValue(value);
    }
    if (seeds) {
      this.first.value = String(seeds.first);
      this.replicas.value = String(seeds.replicas);
    }
    this.updateArmButtons();
  }

  /**
   * Sets what can be set of a link's setting. Gives what can't: each as the part of a sentence.
   *
   * @param {{ arm: string, knobs: Knobs, seeds: { first: number, replicas: number } | null }} link
   */
  startFromLink({ arm, knobs, seeds }) {
    this.startFromArm(arm, knobs, seeds);
    const known = new Map(this.knobs.map((knob) => [knob.spec.name, knob]));
    const faults = [];
    if (this.arm.name !== arm) faults.push(gettext("there is no arm “%(arm)s”", { arm }));
    for (const [name, value] of Object.entries(knobs)) {
      const knob = known.get(name);
      if (!knob) faults.push(gettext("there is no knob “%(name)s”", { name }));
      else if (!knob.validate()) {
        faults.push(gettext("%(knob)s can’t be %(value)s", { knob: knob.spec.label, value }));
      }
    }
    const most = this.config.replicas_max;
    if (seeds && seeds.replicas > most) {
      faults.push(
        ngettext("a run has at most %(num)s seed", "a run has at most %(num)s seeds", most),
      );
    }
    return faults;
  }

  /**
   * Turns some knobs, as a person would.
   *
   * @param {Knobs} knobs
   */
  turnKnobs(knobs) {
    for (const knob of this.knobs) {
      if (knob.spec.name in knobs) knob.setValue(knobs[knob.spec.name]);
    }
    this.handleChange();
  }

  /** @returns {Setting} */
  get setting() {
    return {
      arm: this.arm.name,
      knobs: Object.fromEntries(this.knobs.map((knob) => [knob.spec.name, knob.value])),
      first: Number(this.first.value),
      replicas: Number(this.replicas.value),
    };
  }

  /** The knobs that no longer stand where the arm put them. */
  get changedKnobs() {
    const changed = this.knobs.filter((knob) => knob.changed);
    return Object.fromEntries(changed.map((knob) => [knob.spec.name, knob.value]));
  }

  /** What a person would call the setting: its arm, and each knob that was turned since. */
  get settingText() {
    const changes = this.changesText;
    if (!changes) return this.arm.label;
    const isDefault = this.knobs.every((knob) => isSameNumber(knob.resetValue, knob.spec.default));
    if (isDefault) return changes;
    return gettext("%(changes)s, from %(arm)s", { changes, arm: this.arm.label });
  }

  /** Only the knobs that were turned, for where there is little space; empty when none was. */
  get changesText() {
    const changed = this.knobs.filter((knob) => knob.changed);
    const text = changed.map((knob) => `${knob.spec.label} ${knob.valueText}`).join(", ");
    // Labels after the first stand within the sentence.
    return text.replace(/(?<=, )\p{Lu}(?=\p{Ll})/gu, (letter) => letter.toLowerCase());
  }

  /** Shows on the buttons which arm the knobs stand at, if any. */
  updateArmButtons() {
    const unchanged = !this.knobs.some((knob) => knob.changed);
    for (const button of this.armButtons) {
      const isPressed = unchanged && button.getAttribute("data-arm") === this.arm.name;
      button.setAttribute("aria-pressed", String(isPressed));
      if (isPressed && button instanceof HTMLElement) showInRow(button);
    }
  }

  /** Whether the setting could be run; knobs that keep it from that say so beside themselves. */
  get isComplete() {
    const { first, replicas } = this.setting;
    const isSeeded = Number.isInteger(first) && first >= 0 && Number.isInteger(replicas);
    const fits = replicas >= 1 && replicas <= this.config.replicas_max;
    return this.knobs.map((knob) => knob.validate()).every(Boolean) && isSeeded && fits;
  }

  /**
   * What keeps the setting from being run, where the focus then moves to: null when nothing does,
   * empty when a knob shows it beside itself.
   */
  findFault() {
    const faulty = this.knobs.filter((knob) => !knob.validate());
    if (faulty.length) {
      faulty[0].focus();
      return "";
    }
    const { first, replicas } = this.setting;
    const most = this.config.replicas_max;
    if (!Number.isInteger(replicas) || replicas < 1 || replicas > most) {
      this.replicas.focus();
      return gettext("Seeds must be a whole number from 1 to %(most)s.", { most });
    }
    if (!Number.isInteger(first) || first < 0) {
      this.first.focus();
      return gettext("The first seed must be a whole number, 0 or more.");
    }
    return null;
  }
}

/**
 * Brings a button into view within its row, which scrolls sideways where it is narrow. The page stays
 * where it is.
 *
 * @param {HTMLElement} button
 */
function showInRow(button) {
  const row = button.parentElement;
  if (!row || row.scrollWidth <= row.clientWidth) return;
  row.scrollLeft = button.offsetLeft - row.offsetLeft - (row.clientWidth - button.offsetWidth) / 2;
}
