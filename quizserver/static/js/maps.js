// The phase maps of a bench: which one is shown, the learner's setting in it, maps on request.

import { Dot } from "./map-dot.js";
import { draw, fill, table } from "./map-picture.js";
import { lower, Side, valueWords } from "./map-side.js";
import { Progress, timeLeft } from "./progress.js";
import * as runs from "./runs.js";
import { usable } from "./usable.js";

const LIVE = "live";

export class Maps {
  /** `run()` runs the curves of the setting as it stands. */
  constructor(root, config, setting, run) {
    this.root = root.querySelector('[data-part="map"]');
    this.config = config;
    this.setting = setting;
    this.run = run;
    this.part = (name) => this.root.querySelector(`[data-part="${name}"]`);
    this.knobs = new Map(config.knobs.map((spec) => [spec.name, spec]));
    this.progress = new Progress(this.root, "map-");
    this.maps = new Map();
    (config.maps ?? []).forEach((map, i) => this.add(String(i), map));
    this.listen();
    this.busy(false);
    this.show("0");
    this.propose();
  }

  /** Knows a map under its figure's name: the data, its sides, its dot. */
  add(name, map) {
    const figure = this.root.querySelector(`[data-map="${name}"]`);
    const sides = { x: new Side(this.knobs.get(map.x), map.x_values), y: new Side(this.knobs.get(map.y), map.y_values) };
    const box = figure.querySelector('[data-part="map-box"]');
    const dot = this.maps.get(name)?.dot ?? new Dot(box, { move: (column, row) => this.move(column, row), run: () => this.run() });
    this.maps.set(name, { ...map, ...sides, names: [map.x, map.y], figure, box, dot });
  }

  listen() {
    this.part("map-shown").addEventListener("change", (event) => this.show(event.target.value));
    this.part("map-run").addEventListener("click", () => this.run());
    this.part("map-again").addEventListener("click", () => this.compute(this.asked(this.current)));
    this.part("map-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.compute(this.chosen());
    });
    this.part("map-stop").addEventListener("click", () => this.stop());
  }

  get current() {
    return this.maps.get(this.shown);
  }

  /** Shows one map and hides the others. */
  show(name) {
    this.shown = name;
    for (const figure of this.root.querySelectorAll("[data-map]")) figure.hidden = figure.dataset.map !== name;
    this.part("map-here").hidden = !this.current;
    this.part("map-choice").hidden = this.part("map-shown").options.length < 2;
    this.part("map-shown").value = name;
    this.follow();
  }

  /** What the lists for another map stand at first: what is shown, or the first two knobs. */
  propose() {
    const [first, second] = this.config.knobs;
    const map = this.current ?? { names: [first.name, second.name] };
    [this.part("map-x").value, this.part("map-y").value] = map.names;
    if (map.shape) this.part("map-shape").value = map.shape;
    if (map.series) this.part("map-series").value = map.series;
  }

  /** A dot was put into a cell: the two knobs take its values. */
  move(column, row) {
    const { x, y, names } = this.current;
    this.setting.turn({ [names[0]]: x.values[column], [names[1]]: y.values[row] });
  }

  /** The setting has changed: the dot, the words and the note go along. */
  follow() {
    const map = this.current;
    if (!map) return;
    const { knobs } = this.setting.value;
    const at = map.names.map((name) => knobs[name]);
    if (at.some(Number.isNaN)) return; // the knob itself says what is wrong
    const words = this.reading(map, at);
    this.part("map-readout").textContent = words;
    map.dot.show(map.x, map.y, at, words);
    const other = this.config.knobs.filter(({ name }) => !map.names.includes(name) && !close(knobs[name], map.setting[name]));
    this.part("map-note").hidden = !other.length;
    this.part("map-again").hidden = !other.length;
    this.part("map-note").textContent = other.length ? noteOn(other, map.setting, knobs) : "";
  }

  /** The setting and the count of its cell, as a sentence. */
  reading({ x, y, n, counts, shape }, [across, up]) {
    const says = (values) => `${x.spec.label} ${x.words(values[0])}, ${lower(y.spec.label)} ${y.words(values[1])}`;
    const [spotX, spotY] = [x.spot(across), y.spot(up)];
    if (Math.min(spotX, spotY) < 0 || Math.max(spotX, spotY) > 1) return `${says([across, up])}: outside this map.`;
    const [column, row] = [x.cell(spotX), y.cell(spotY)];
    const middle = [x.values[column], y.values[row]];
    const count = counts[row][column];
    const title = lower(this.config.shapes[shape].title);
    if (count === null) return `${says([across, up])}: this cell is not trained yet.`;
    const told = `${count} of ${n} replicas show ${title}.`;
    const off = [[x, middle[0], across], [y, middle[1], up]].filter(([, value, own]) => !close(value, own));
    if (!off.length) return `${says([across, up])}: ${told}`;
    const where = off.map(([side, value]) => `${lower(side.spec.label)} ${side.words(value)}`).join(" and ");
    return `${says([across, up])}: in this cell, trained at ${where}, ${told}`;
  }

  chosen() {
    const [series] = Object.keys(this.config.series);
    const wanted = this.part("map-series").value;
    return {
      x: this.part("map-x").value,
      y: this.part("map-y").value,
      shape: this.part("map-shape").value,
      series: wanted === series ? null : wanted,
    };
  }

  asked({ names, shape, series }) {
    return { x: names[0], y: names[1], shape, series: series ?? null };
  }

  /** Has a map trained with the setting as it stands, and shows it as its cells arrive. */
  async compute(map) {
    if (this.working) return;
    this.complain("");
    if (map.x === map.y) {
      this.complain("Choose two different knobs.");
      this.part("map-y").focus();
      return;
    }
    const fault = this.setting.fault();
    if (fault !== null) {
      this.complain(fault || "One of the knobs above has a value that it can't have.");
      return;
    }
    const { arm, knobs, first } = this.setting.value;
    const { topic, simulation, runs_url: url } = this.config;
    this.busy(true);
    this.progress.say(0, "Asking for the map…");
    let run;
    try {
      this.job = await runs.start(url, { topic, simulation, arm, knobs, first_seed: first, map });
      run = await runs.whole(this.job);
    } catch (error) {
      this.refused(error);
      return;
    }
    this.begin(run);
    if (run.state === "done") return;
    usable(this.part("map-stop"), true);
    this.unfollow = runs.follow(this.job, {
      state: ({ state, waiting }) => this.waiting(state, waiting),
      cells: (data) => this.cells(data),
      end: (data) => this.ended(data),
      lost: (first) => this.progress.lost(first),
    });
  }

  refused(error) {
    this.job = null;
    this.busy(false);
    this.progress.say(0, "No map was computed.");
    this.complain(error.lost ? `${error.message} Check the connection, then ask for the map again.` : error.message);
    const list = error.field?.startsWith("map.") && this.part(error.field.replace(".", "-"));
    if (list) list.focus();
  }

  /** The run's own account of itself: an empty map, the cells so far, or all of them. */
  begin(run) {
    const held = { ...run.knobs };
    this.add(LIVE, { ...run.map, setting: held });
    const map = this.maps.get(LIVE);
    const { x, y, figure, box, names } = map;
    const of = run.map.series ? ` (${this.config.series[run.map.series].label})` : "";
    map.title = `${this.config.shapes[map.shape].title}${of}: ${lower(x.spec.label)} × ${lower(y.spec.label)}`;
    const told = (name, words) => (figure.querySelector(`[data-part="${name}"]`).textContent = words);
    told("map-title", map.title);
    const axis = this.config.series[run.map.series ?? Object.keys(this.config.series)[0]];
    told("map-rule", `A replica counts when its ${axis.label} ${this.config.shapes[map.shape].words}.`);
    const others = this.config.knobs.filter(({ name }) => !names.includes(name));
    told("map-held", others.length ? `In every cell: ${others.map((spec) => `${lower(spec.label)} ${valueWords(spec, held[spec.name])}`).join(", ")}.` : "");
    const key = this.armsIn(map);
    figure.querySelector('[data-part="map-key"]').replaceChildren(...key.map(keyLine));
    draw(box, `${this.root.closest("[data-bench]").id}-live-map`, { ...map, description: "Cells appear as they are trained.", marks: key });
    this.offer(`${x.spec.label} × ${lower(y.spec.label)}: ${lower(this.config.shapes[map.shape].title)}${of}`);
    this.show(LIVE);
    // From the button that was pressed, or is gone, the focus goes to what it brought.
    const from = document.activeElement;
    if ([document.body, this.part("map-compute"), this.part("map-again")].includes(from)) map.dot.across.focus({ preventScroll: true });
    this.part("map-going").scrollIntoView({ block: "nearest" });
    this.part("map-announce").textContent = `The map is being computed: ${map.title}.`;
    if (run.state === "done") this.ended(run);
  }

  /** The arms that lie in a map, each with its place and the number that stands for it. */
  armsIn({ x, y, names, setting }) {
    const found = [];
    for (const arm of this.config.arms) {
      const held = Object.entries(setting).every(([name, value]) => names.includes(name) || close(arm.knobs[name], value));
      const [spotX, spotY] = [x.spot(arm.knobs[names[0]]), y.spot(arm.knobs[names[1]])];
      if (held && Math.min(spotX, spotY) >= 0 && Math.max(spotX, spotY) <= 1) {
        found.push({ spotX, spotY, number: found.length + 1, arm: arm.index, label: arm.label });
      }
    }
    return found;
  }

  /** Puts the computed map into the list of those that can be shown. */
  offer(title) {
    const list = this.part("map-shown");
    let option = [...list.options].find((one) => one.value === LIVE);
    if (!option) list.append((option = new Option("", LIVE)));
    option.textContent = `Yours: ${title}`;
  }

  waiting(state, waiting) {
    if (state !== "queued") return;
    const ahead = waiting === 1 ? "1 run is" : `${waiting} runs are`;
    this.progress.say(0, waiting ? `Waiting: ${ahead} ahead.` : "Waiting for a worker…");
  }

  cells({ cells, counts, done, total, seconds_left: left }) {
    const map = this.maps.get(LIVE);
    const width = map.x.values.length;
    cells.forEach((cell, i) => {
      map.counts[Math.floor(cell / width)][cell % width] = counts[i];
    });
    fill(map.box, map.counts, map.n);
    if (this.shown === LIVE) this.follow();
    const time = done < total && Number.isFinite(left) ? `, about ${timeLeft(left)} left` : "";
    this.progress.say(done / total, `${done} of ${total} cells${time}`);
  }

  ended({ state, error, sentence }) {
    this.unfollow?.();
    this.unfollow = null;
    const map = this.maps.get(LIVE);
    const words = { done: "Done.", stopped: "Stopped. The cells so far stay in the picture.", failed: error ?? "The map failed. Try again." }[state] ?? state;
    this.progress.say(state === "done" ? 1 : null, words);
    map.figure.querySelector('[data-part="map-sentence"]').textContent = sentence ?? "";
    map.figure.querySelector(".plot desc").textContent = sentence ?? words;
    table(map.figure.querySelector('[data-part="map-table"]'), map);
    const csv = map.figure.querySelector('[data-part="map-csv"]');
    csv.hidden = false;
    csv.href = this.job.csv;
    fill(map.box, map.counts, map.n);
    this.job = null;
    this.busy(false);
    this.part("map-announce").textContent = [words, sentence].filter(Boolean).join(" ");
    this.follow();
  }

  async stop() {
    usable(this.part("map-stop"), false);
    this.progress.say(null, "Stopping…");
    try {
      await runs.stop(this.job);
    } catch (error) {
      usable(this.part("map-stop"), this.working);
      this.complain(`It could not be stopped: ${error.message}`);
    }
  }

  busy(busy) {
    this.working = busy;
    if (busy) this.part("map-going").hidden = false;
    for (const name of ["map-compute", "map-again"]) usable(this.part(name), !busy);
    usable(this.part("map-stop"), false);
  }

  complain(fault) {
    this.part("map-error").textContent = fault;
    this.part("map-error").hidden = !fault;
  }
}

function noteOn(specs, setting, knobs) {
  const parts = specs.map((spec) => `${lower(spec.label)} at ${valueWords(spec, setting[spec.name])}; yours is ${valueWords(spec, knobs[spec.name])}`);
  return `But this map holds ${parts.join(", and ")}. Its counts are not those of your setting.`;
}

function keyLine({ number, arm, label }) {
  const line = document.createElement("li");
  line.className = `arm-${arm % 12}`;
  const sign = document.createElement("span");
  sign.className = "map-number";
  sign.textContent = String(number);
  line.append(sign, ` ${label}`);
  return line;
}

/** Whether two settings of a knob are the same but for how they were written. */
function close(a, b) {
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}
