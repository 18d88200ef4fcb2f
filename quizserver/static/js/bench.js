// The lab bench: turns the recorded bench of the page into one that runs.

import { Chart, valueAt } from "./chart.js";
import { Kept } from "./kept.js";
import * as link from "./link.js";
import { Maps } from "./maps.js";
import { timeLeft } from "./progress.js";
import { Readings } from "./readings.js";
import * as runs from "./runs.js";
import { number } from "./scales.js";
import { Setting } from "./setting.js";
import { Told } from "./told.js";
import { usable } from "./usable.js";

const LETTERS = "ABCD";
// For kept runs whose own colour is taken: the arms' colours, the least alike first.
const COLOURS = [2, 3, 1, 0, 4, 5];

class Bench {
  constructor(root) {
    this.root = root;
    this.config = JSON.parse(root.dataset.bench);
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    [this.series] = Object.keys(this.config.series);
    this.told = new Told(root);
    this.readings = new Readings(root, this.config.x.label, (run) => this.forget(run));
    this.kept = new Kept(`${this.config.topic}/${this.config.simulation}`);
    this.setting = new Setting(root, this.config, () => this.changed(), (words) => {
      this.changed();
      this.show();
      this.told.say(words);
    });
    this.chart = new Chart(this.part("chart"), `${root.id}-live`, {
      x: this.config.x,
      y: this.config.series[this.series],
    }, (x, target) => this.read(x, target));
    this.begin();
    this.maps = this.part("map") && new Maps(root, this.config, this.setting, () => this.runFromMap());
    this.listen();
    for (const waiting of root.querySelectorAll("[data-waits]")) waiting.disabled = false;
    root.querySelector("[data-late]")?.remove();
    this.fromAddress();
  }

  /** The first picture: the recorded curve, under the setting that the page proposes. */
  begin() {
    const { initial, recorded } = this.config;
    this.setting.choose(initial.arm, initial.knobs, { first: 0, replicas: this.config.replicas });
    for (const knob of this.setting.knobs) knob.catchUp();
    this.setting.mark();
    this.working(false);
    this.current = recorded && this.recorded(recorded.arm, recorded);
    this.part("key-described").hidden = !this.config.described;
    const axis = this.config.series[this.series];
    // What is described is drawn to scale; else the simulation knows what its series needs.
    this.part("log").checked = axis.scale === "log" && !this.config.described;
    this.xRange = recorded ? [recorded.x[0], recorded.x.at(-1)] : null;
    this.redraw();
    this.changed();
  }

  recorded(arm, { x, n, sentence, ...band }) {
    const { label } = this.setting.arm(arm);
    return this.curve(arm, { x, ...band }, { title: n ? `${label}, ${n} seeds, recorded` : `${label}, recorded`, recorded: true, sentence: sentence ?? "" });
  }

  /** What is on record of the present setting, or an empty chart: never another setting's curve. */
  show() {
    if (this.busy) return;
    if (!this.current?.recorded) this.keepCurrent(null);
    this.current = this.onRecord();
    if (!this.current) this.fetchRecorded();
    this.part("csv").hidden = true;
    this.told.progress(0, "");
    this.redraw();
  }

  /** The recorded curve of the setting as it stands; null while none is known. */
  onRecord() {
    const { recorded, recorded_arms: others } = this.config;
    const arm = this.setting.from.name;
    if (Object.keys(this.setting.turned).length) return null;
    const found = others?.arms[arm];
    if (found) return this.recorded(arm, { ...found, x: others.x });
    return recorded?.arm === arm ? this.recorded(arm, recorded) : null;
  }

  /** The other arms' recorded curves come when the first of them is wanted, and only once. */
  async fetchRecorded() {
    const { recorded_url: url } = this.config;
    if (!url || this.fetched) return;
    this.fetched = true;
    try {
      this.config.recorded_arms = await runs.recorded(url);
    } catch (error) {
      this.fetched = false;
      // An arm without its recorded curve can still be run.
      if (!this.current && !this.busy) this.told.say(`Its recorded curve did not come: ${error.message} Press Run to train it.`);
      return;
    }
    // Whatever is on record of the arm that is chosen by now; a curve that was run stays.
    if (this.current || this.busy) return;
    this.current = this.onRecord();
    if (this.current) this.redraw();
  }

  listen() {
    this.part("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.run();
    });
    this.part("stop").addEventListener("click", () => this.stop());
    this.part("log").addEventListener("change", () => this.redraw());
    this.part("replica-lines").addEventListener("change", () => this.showReplicas());
    this.part("link").addEventListener("click", () => this.copyLink());
    window.addEventListener("hashchange", () => {
      // The link's own address is the setting that stands already, with its curve.
      if (window.location.hash !== this.part("link").hash) this.fromAddress();
    });
  }

  changed() {
    this.told.complain("");
    this.maps?.follow();
    this.part("link").href = link.write({ at: this.root.id, ...this.setting.value, knobs: this.setting.turned });
  }

  fromAddress() {
    const asked = link.read(window.location.hash);
    if (!asked || asked.at !== this.root.id) return;
    this.setting.choose(asked.arm, asked.knobs, asked);
    this.changed();
    this.show();
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

  /** Runs the setting under the dot, and brings the curve into view. */
  runFromMap() {
    this.run();
    this.root.querySelector(".bench-figure").scrollIntoView({ block: "nearest" });
  }

  async run() {
    if (this.busy) return;
    const fault = this.setting.fault();
    if (fault !== null) {
      this.told.complain(fault);
      return;
    }
    const { words, own, value } = this.setting;
    const { arm, knobs, first, replicas } = value;
    this.working(true);
    this.told.progress(0, "Asking for a run…");
    try {
      const { topic, simulation, runs_url: url } = this.config;
      this.job = await runs.start(url, { topic, simulation, arm, knobs, replicas, first_seed: first });
    } catch (error) {
      this.refused(error);
      return;
    }
    this.keepCurrent(own ? null : arm);
    const empty = { x: [], median: [], low: [], high: [] };
    this.current = this.curve(arm, empty, { title: `${words}, ${seedWords(first, replicas)}`, run: this.job, label: own || words });
    this.started = performance.now();
    this.redraw(true);
    this.told.announce(`Run started: ${words}.`);
    if (this.job.state === "done" && (await this.whole())) return;
    usable(this.part("stop"), true);
    this.unfollow = runs.follow(this.job, {
      state: (data) => this.waiting(data),
      points: (data) => this.points(data),
      end: (data) => this.ended(data),
      lost: (first) => this.told.bar.lost(first),
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
    // Where the run will end is known from the recorded one, or guessed where the steps are even.
    const even = !this.config.recorded && this.config.x.scale !== "log";
    if (even && curve.x.length > 1) this.xRange = [curve.x[0], curve.x[0] + (total - 1) * (curve.x[1] - curve.x[0])];
    this.redraw(true);
    const { label } = this.config.x;
    const end = this.xRange?.[1];
    // The first points say little of how long the rest will take.
    const telling = curve.x.length >= 5 && performance.now() - this.started >= 1000;
    const time = telling && done < total && Number.isFinite(left) ? `, about ${timeLeft(left)} left` : "";
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
    const knob = this.setting.knobs.find((one) => one.spec.name === error.field);
    if (knob) {
      knob.complain(error.message);
      knob.focus();
    } else {
      this.told.complain(error.lost ? `${error.message} Check the connection, then press Run again.` : error.message);
    }
  }

  async stop() {
    usable(this.part("stop"), false);
    this.told.progress(null, "Stopping…");
    try {
      await runs.stop(this.job);
    } catch (error) {
      usable(this.part("stop"), this.busy);
      this.told.complain(`It could not be stopped: ${error.message}`);
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

  /** Keeps the run in the chart for comparison, unless it is the recorded twin of `arm`'s next. */
  keepCurrent(arm) {
    if (this.current?.recorded && this.current.name === arm) return;
    if (this.current?.x.length > 1) this.kept.add({ ...this.current, replicas: null, run: null });
  }

  forget(run) {
    const place = this.kept.runs.indexOf(run);
    this.kept.remove(run);
    this.redraw(this.busy);
    // On to the next kept run, as whoever clears several wants.
    const next = this.kept.runs[Math.min(place, this.kept.runs.length - 1)];
    (this.readings.removers.get(next) ?? this.part("log")).focus();
    this.told.announce(`Removed: ${run.title}.`);
  }

  curve(arm, { x, median, low, high, replicas }, more) {
    const { label, index } = this.setting.arm(arm);
    return { x: [...x], median: [...median], low: [...low], high: [...high], replicas, arm: index, name: arm, label, ...more };
  }

  /** The current run first, then the kept ones, which show as plain lines with a letter. */
  get curves() {
    const used = new Set(this.current ? [this.current.arm] : []);
    const kept = this.kept.runs.map((run, i) => {
      // Runs that began at the same arm would share its colour: the later ones get a free one.
      const arm = [run.arm, ...COLOURS].find((colour) => !used.has(colour)) ?? run.arm;
      used.add(arm);
      return { ...run, label: LETTERS[i], dash: i, arm, low: [], high: [], source: run };
    });
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
    this.part("beyond").textContent = beyondWords(this.chart.beyond);
    this.readings.list(curves, this.chart.at ?? null);
    if (!live) this.readings.table(this.current);
  }

  /** Hears the reading line: values into the rows, and into the slider for screen readers. */
  read(x, target) {
    const points = this.current?.x ?? [];
    this.readings.values(this.curves, x);
    if (!target) return;
    if (!points.length) {
      for (const name of ["min", "max", "now"]) target.setAttribute(`aria-value${name}`, "0");
      target.setAttribute("aria-valuetext", "No curve yet");
      return;
    }
    const at = x ?? points.at(-1);
    const { median, low, high } = valueAt(this.current, at) ?? {};
    target.setAttribute("aria-valuemin", points[0]);
    target.setAttribute("aria-valuemax", points.at(-1));
    target.setAttribute("aria-valuenow", at);
    target.setAttribute("aria-valuetext", `${this.config.x.label} ${number(at, 6)}: ${number(median)}, from ${number(low)} to ${number(high)}`);
  }

  working(busy) {
    this.busy = busy;
    usable(this.part("run"), !busy);
    usable(this.part("stop"), false);
    // Only the picture: what is said within something busy may not be read out.
    const figure = this.root.querySelector(".bench-figure");
    figure.toggleAttribute("aria-busy", false);
    if (busy) {
      this.told.complain("");
      figure.setAttribute("aria-busy", "true");
      this.part("csv").hidden = true;
    }
  }
}

function seedWords(first, count) {
  return first ? `seeds ${first} to ${first + count - 1}` : `${count} seeds`;
}

function beyondWords(curves) {
  if (!curves.length) return "";
  const names = curves.map((curve) => curve.label).join(", ");
  return `▲ ${names} ${curves.length > 1 ? "go" : "goes"} beyond the frame; the log scale shows all of it.`;
}

for (const root of document.querySelectorAll("[data-bench]")) new Bench(root);
