// The lab bench: turns the recorded bench of the page into one that runs.

import { Chart, valueAt } from "./chart.js";
import { Kept } from "./kept.js";
import { Knob, same } from "./knobs.js";
import * as link from "./link.js";
import { Readings } from "./readings.js";
import * as runs from "./runs.js";
import { number } from "./scales.js";
import { Told } from "./told.js";

const LETTERS = "ABCD";

class Bench {
  constructor(root) {
    this.root = root;
    this.config = JSON.parse(root.dataset.bench);
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    [this.series] = Object.keys(this.config.series);
    this.told = new Told(root);
    this.readings = new Readings(root, this.config.x.label, (run) => this.forget(run));
    this.kept = new Kept(`${this.config.topic}/${this.config.simulation}`);
    this.knobs = this.config.knobs.map((spec) => {
      const box = root.querySelector(`[data-knob="${CSS.escape(spec.name)}"]`);
      return new Knob(box, spec, () => this.changed());
    });
    this.chart = new Chart(this.part("chart"), `${root.id}-live`, {
      x: this.config.x,
      y: this.config.series[this.series],
    }, (x, target) => this.read(x, target));
    this.replicas = this.part("replicas");
    this.first = this.part("first");
    this.replicas.max = String(this.config.replicas_max);
    this.begin();
    this.listen();
    this.fromAddress();
  }

  /** The first picture: the recorded curve, under the setting that the page proposes. */
  begin() {
    const { initial, recorded } = this.config;
    this.choose(initial.arm ?? this.config.arms[0].name, initial.knobs);
    this.replicas.value = String(this.config.replicas);
    this.current = recorded && this.curve(recorded.arm, recorded, {
      title: `${this.arm(recorded.arm).label}, recorded`,
      recorded: true,
    });
    this.part("key-described").hidden = !this.config.described;
    this.xRange = recorded ? [recorded.x[0], recorded.x.at(-1)] : null;
    this.redraw();
    this.changed();
  }

  listen() {
    for (const button of this.root.querySelectorAll("[data-arm]")) {
      button.addEventListener("click", () => {
        this.choose(button.dataset.arm);
        this.changed();
        this.told.say(`${this.arm(button.dataset.arm).label}. Press Run.`);
      });
    }
    this.part("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
    for (const input of [this.replicas, this.first]) input.addEventListener("input", () => this.changed());
    this.part("stop").addEventListener("click", () => this.stop());
    this.part("log").addEventListener("change", () => this.redraw());
    this.part("replica-lines").addEventListener("change", () => this.showReplicas());
    this.part("link").addEventListener("click", () => this.copyLink());
    window.addEventListener("hashchange", () => this.fromAddress());
  }

  arm(name) {
    return this.config.arms.find((arm) => arm.name === name) ?? this.config.arms[0];
  }

  /** Sets every knob to an arm's setting, then to `knobs` where they differ. */
  choose(name, knobs = {}) {
    const arm = this.arm(name);
    this.from = arm;
    for (const knob of this.knobs) {
      knob.startFrom(arm.knobs[knob.spec.name] ?? knob.spec.default);
      const own = knobs[knob.spec.name];
      if (own !== undefined && !same(own, knob.home)) knob.write(own);
    }
  }

  get setting() {
    return {
      arm: this.from.name,
      knobs: Object.fromEntries(this.knobs.map((knob) => [knob.spec.name, knob.value])),
      first: Number(this.first.value),
      replicas: Number(this.replicas.value),
    };
  }

  /** What a person would call the setting: its arm, and each knob that was turned since. */
  get words() {
    const turned = this.knobs.filter((knob) => knob.changed);
    const own = turned.map((knob) => `${knob.spec.label.toLowerCase()} ${number(knob.value, 4)}`);
    return [this.from.label, ...own].join(", ");
  }

  changed() {
    for (const button of this.root.querySelectorAll("[data-arm]")) {
      const here = button.dataset.arm === this.from.name;
      button.setAttribute("aria-pressed", String(here && !this.knobs.some((knob) => knob.changed)));
    }
    this.told.complain("");
    const { arm, knobs, first, replicas } = this.setting;
    const turned = Object.fromEntries(this.knobs.filter((knob) => knob.changed).map((knob) => [knob.spec.name, knobs[knob.spec.name]]));
    this.part("link").href = link.write({ arm, knobs: turned, first, replicas });
  }

  fromAddress() {
    const asked = link.read(window.location.hash);
    if (!asked) return;
    this.choose(asked.arm, asked.knobs);
    if (asked.replicas) this.replicas.value = String(asked.replicas);
    if (asked.first !== null) this.first.value = String(asked.first);
    this.changed();
    this.root.scrollIntoView({ block: "start" });
    this.told.say("The setting comes from the address. Press Run.");
  }

  async copyLink() {
    try {
      await navigator.clipboard.writeText(new URL(this.part("link").href, window.location.href).href);
      this.told.say("Link copied. It is in the address bar, too.");
    } catch {
      this.told.say("The link is in the address bar.");
    }
  }

  /** Whether knobs and seeds can be run; shows what is wrong and goes there otherwise. */
  ready() {
    const faulty = this.knobs.filter((knob) => !knob.check());
    if (faulty.length) {
      faulty[0].focus();
      return false;
    }
    const { first, replicas } = this.setting;
    const most = this.config.replicas_max;
    if (!Number.isInteger(replicas) || replicas < 1 || replicas > most) {
      this.told.complain(`Seeds must be a whole number from 1 to ${most}.`);
      this.replicas.focus();
      return false;
    }
    if (!Number.isInteger(first) || first < 0) {
      this.told.complain("The first seed must be a whole number, 0 or more.");
      this.first.focus();
      return false;
    }
    return true;
  }

  async run() {
    if (this.busy || !this.ready()) return;
    const { arm, knobs, first, replicas } = this.setting;
    const words = this.words;
    this.working(true);
    this.told.progress(0, "Asking for a run…");
    try {
      const { topic, simulation, runs_url: url } = this.config;
      this.job = await runs.start(url, { topic, simulation, arm, knobs, replicas, first_seed: first });
    } catch (error) {
      this.refused(error);
      return;
    }
    this.keepCurrent(words);
    const empty = { x: [], median: [], low: [], high: [] };
    this.current = this.curve(arm, empty, { title: `${words}, ${replicas} seeds`, run: this.job, words });
    this.redraw(true);
    this.told.announce(`Run started: ${words}.`);
    if (this.job.state === "done" && (await this.whole())) return;
    this.unfollow = runs.follow(this.job, {
      state: (data) => this.waiting(data),
      points: (data) => this.points(data),
      end: (data) => this.ended(data),
      lost: () => this.told.progress(null, "The connection was lost. Taking it up again…"),
    });
  }

  /** A finished run comes whole; false when it could not be had, so that the stream may try. */
  async whole() {
    try {
      const run = await runs.whole(this.job);
      Object.assign(this.current, { x: run.x, ...run.series[this.series] });
      this.ended(run);
      return true;
    } catch {
      return false;
    }
  }

  waiting({ state, waiting }) {
    if (state !== "queued") return;
    const ahead = waiting === 1 ? "1 run is" : `${waiting} runs are`;
    this.told.progress(0, waiting ? `Waiting: ${ahead} ahead.` : "Waiting for a worker…");
  }

  points({ x, series, done, total, seconds_left: left }) {
    const fresh = series[this.series];
    const curve = this.current;
    x.forEach((value, i) => {
      // A stream that was taken up again may repeat points: only later ones count.
      if (curve.x.length && value <= curve.x.at(-1)) return;
      curve.x.push(value);
      for (const name of ["median", "low", "high"]) curve[name].push(fresh[name][i]);
    });
    if (curve.x.length > 1) this.xRange = [curve.x[0], curve.x[0] + (total - 1) * (curve.x[1] - curve.x[0])];
    this.redraw(true);
    const { label } = this.config.x;
    const end = this.xRange?.[1];
    const time = Number.isFinite(left) ? `, about ${seconds(left)} left` : "";
    const where = done < total && end ? `${label} ${number(x.at(-1), 6)} of ${number(end, 6)}` : `${done} of ${total} points`;
    this.told.progress(done / total, where + time);
  }

  ended({ state, error, sentence }) {
    this.unfollow?.();
    this.working(false);
    const words = { done: "Done.", stopped: "Stopped.", failed: error ?? "The run failed. Press Run to try again." }[state] ?? state;
    if (state === "failed") this.told.complain(words);
    this.told.progress(state === "done" ? 1 : null, state === "failed" ? "The run failed." : words);
    this.current.sentence = sentence ?? "";
    this.redraw();
    this.part("csv").hidden = state !== "done";
    this.part("csv").href = this.job.csv;
    if (state === "done" && this.part("replica-lines").checked) this.showReplicas();
    this.told.announce([words, sentence].filter(Boolean).join(" "));
  }

  refused(error) {
    this.working(false);
    this.told.progress(0, "Nothing was run.");
    const knob = this.knobs.find((one) => one.spec.name === error.field);
    if (knob) {
      knob.complain(error.message);
      knob.focus();
    } else {
      this.told.complain(error.message);
    }
  }

  async stop() {
    if (!this.busy || !this.job) return;
    this.part("stop").disabled = true;
    this.told.progress(null, "Stopping…");
    try {
      await runs.stop(this.job);
    } catch (error) {
      this.part("stop").disabled = false;
      this.told.complain(error.message);
    }
  }

  async showReplicas() {
    const wanted = this.part("replica-lines").checked;
    const curve = this.current;
    if (wanted && curve && !curve.replicas && curve.run && !this.busy) {
      try {
        const run = await runs.whole(curve.run, true);
        curve.replicas = run.replicas?.[this.series] ?? [];
      } catch (error) {
        this.told.complain(error.message);
      }
    }
    this.redraw(this.busy);
  }

  /** Keeps the run in the chart for comparison with "next", unless it is the recorded twin of it. */
  keepCurrent(next) {
    if (this.current?.recorded && this.current.label === next) return;
    if (this.current?.x.length > 1) this.kept.add({ ...this.current, replicas: null, run: null });
  }

  forget(run) {
    this.kept.remove(run);
    this.redraw(this.busy);
    this.part("log").focus();
  }

  curve(arm, { x, median, low, high, replicas }, more) {
    const { label, index } = this.arm(arm);
    return { x: [...x], median: [...median], low: [...low], high: [...high], replicas, arm: index, label: more.words ?? label, ...more };
  }

  /** The current run first, then the kept ones, which show as plain lines with a letter. */
  get curves() {
    const kept = this.kept.runs.map((run, i) => ({ ...run, label: LETTERS[i], low: [], high: [], source: run }));
    return this.current ? [this.current, ...kept] : kept;
  }

  redraw(live = false) {
    const curves = this.curves;
    const { label } = this.config.series[this.series];
    this.part("replica-lines").disabled = !(this.current?.replicas || this.current?.run);
    this.root.querySelector(".bench-figure").classList.toggle("with-replicas", this.part("replica-lines").checked);
    this.chart.draw({
      curves,
      described: this.config.described ?? null,
      log: this.part("log").checked,
      live,
      xRange: this.xRange,
      title: `${label} by ${this.config.x.label}: ${this.current?.title ?? "no run yet"}`,
      description: this.current?.sentence || "Median over the seeds, with a band from the 10 % to the 90 % quantile.",
    });
    this.part("caption").textContent = this.current?.sentence ?? "";
    this.readings.list(curves, this.chart.at ?? null);
    if (!live) this.readings.table(this.current);
  }

  /** Hears the reading line: values into the rows, and into the slider for screen readers. */
  read(x, target) {
    const points = this.current?.x ?? [];
    this.readings.values(this.curves, x);
    if (!target || !points.length) return;
    const at = x ?? points.at(-1);
    const { median, low, high } = valueAt(this.current, at) ?? {};
    target.setAttribute("aria-valuemin", points[0]);
    target.setAttribute("aria-valuemax", points.at(-1));
    target.setAttribute("aria-valuenow", at);
    target.setAttribute("aria-valuetext", `${this.config.x.label} ${number(at, 6)}: ${number(median)}, from ${number(low)} to ${number(high)}`);
  }

  working(busy) {
    this.busy = busy;
    this.part("run").disabled = busy;
    this.part("stop").disabled = !busy;
    this.root.toggleAttribute("aria-busy", false);
    if (busy) {
      this.told.complain("");
      this.root.setAttribute("aria-busy", "true");
      this.part("csv").hidden = true;
    }
  }

}

function seconds(left) {
  if (left < 1.5) return "1 s";
  return left < 90 ? `${Math.round(left)} s` : `${Math.round(left / 60)} min`;
}

for (const root of document.querySelectorAll("[data-bench]")) new Bench(root);
