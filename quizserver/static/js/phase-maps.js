// @ts-check
// The phase maps of a bench: which one is shown, the learner's setting in it, maps on request.

import { setEnabled } from "./disable-button.js";
import { createElement, findElement, findPart, showDetail } from "./dom.js";
import { toServerError } from "./http.js";
import { knobValueText, lowerLabel, MapAxis } from "./map-axis.js";
import { MapDot } from "./map-dot.js";
import { drawMap, fillCells, fillMapTable } from "./map-picture.js";
import { ProgressBar, timeLeftClause, waitingMessage } from "./progress-bar.js";
import * as client from "./run-client.js";

/** @import { BenchForm } from "./bench-form.js" */
/** @import { LiveMap } from "./live-map.js" */
/** @import { BenchConfig, Knobs, KnobSpec, MapHost, MapRequest, MapRun, RecordedMap } from "./types" */
/** @import { RunCells, RunEnd, RunJob, RunRequest, RunState, Value } from "./types" */

/**
 * A map that can be shown. `names` are those of its two knobs.
 *
 * @typedef {object} PhaseMap
 * @property {[x: string, y: string]} names
 * @property {MapAxis} x
 * @property {MapAxis} y
 * @property {string} shape
 * @property {string | null} series
 * @property {Knobs} setting the values of all knobs; the other ones stay there
 * @property {number} n
 * @property {Value[][]} counts
 * @property {HTMLElement} figure
 * @property {HTMLElement} box
 * @property {MapDot} dot
 */

// The name of the figure that holds the map computed on request.
const LIVE = "live";

export class PhaseMaps {
  /**
   * @param {HTMLElement} bench
   * @param {BenchConfig} config
   * @param {BenchForm} form
   * @param {MapHost} host
   */
  constructor(bench, config, form, host) {
    this.bench = bench;
    this.root = findPart(bench, "map", HTMLElement);
    this.config = config;
    this.form = form;
    this.host = host;
    this.busy = false;
    /** The map that this browser trains. @type {LiveMap | null} */
    this.trained = null;
    /** The request that this browser trained last, to be checked. @type {RunRequest | null} */
    this.request = null;
    /** What the server's counts are to be compared with. @type {Value[][] | null} */
    this.compared = null;
    /** The map that is being computed. @type {RunJob | null} */
    this.job = null;
    this.stopFollowing = () => {};
    this.shownList = findPart(this.root, "map-shown", HTMLSelectElement);
    this.xList = findPart(this.root, "map-x", HTMLSelectElement);
    this.yList = findPart(this.root, "map-y", HTMLSelectElement);
    this.shapeList = findPart(this.root, "map-shape", HTMLSelectElement);
    this.seriesList = findPart(this.root, "map-series", HTMLSelectElement);
    this.computeButton = findPart(this.root, "map-compute", HTMLButtonElement);
    this.againButton = findPart(this.root, "map-again", HTMLButtonElement);
    this.stopButton = findPart(this.root, "map-stop", HTMLButtonElement);
    this.note = findPart(this.root, "map-note", HTMLElement);
    this.progressBox = findPart(this.root, "map-going", HTMLElement);
    this.error = findPart(this.root, "map-error", HTMLElement);
    this.detail = findPart(this.root, "map-error-detail", HTMLElement);
    this.origin = findPart(this.root, "map-origin", HTMLElement);
    this.originWords = findPart(this.root, "map-origin-words", HTMLElement);
    this.checkButton = findPart(this.root, "map-check", HTMLButtonElement);
    this.bar = new ProgressBar(this.root, "map-");
    /** @type {Map<string, PhaseMap>} */
    this.maps = new Map();
    this.shownName = "0";
    (config.maps ?? []).forEach((map, i) => this.addMap(String(i), map));
    this.listen();
    this.setBusy(false);
    this.showMap("0");
    this.proposeMap();
  }

  /** @param {string} name */
  findKnob(name) {
    const knob = this.config.knobs.find((spec) => spec.name === name);
    if (!knob) throw new Error(`There is no knob ${name}.`);
    return knob;
  }

  /**
   * Enters a map under its figure's name.
   *
   * @param {string} name
   * @param {RecordedMap} map
   * @returns {PhaseMap}
   */
  addMap(name, map) {
    const figure = findElement(this.root, `[data-map="${name}"]`, HTMLElement);
    const box = findPart(figure, "map-box", HTMLElement);
    const dot =
      this.maps.get(name)?.dot ??
      new MapDot(box, {
        onMove: (column, row) => this.moveDot(column, row),
        onRun: () => this.host.runSetting(),
      });
    /** @type {PhaseMap} */
    const entry = {
      names: [map.x, map.y],
      x: new MapAxis(this.findKnob(map.x), map.x_values),
      y: new MapAxis(this.findKnob(map.y), map.y_values),
      shape: map.shape,
      series: map.series ?? null,
      setting: map.setting,
      n: map.n,
      counts: map.counts,
      figure,
      box,
      dot,
    };
    this.maps.set(name, entry);
    return entry;
  }

  listen() {
    this.shownList.addEventListener("change", () => this.showMap(this.shownList.value));
    findPart(this.root, "map-run", HTMLElement).addEventListener("click", () =>
      this.host.runSetting(),
    );
    this.againButton.addEventListener("click", () => {
      if (!this.shownMap) return;
      const { names, shape, series } = this.shownMap;
      void this.computeMap({ x: names[0], y: names[1], shape, series });
    });
    findPart(this.root, "map-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.computeMap(this.readRequest());
    });
    this.stopButton.addEventListener("click", () => void this.stop());
    this.checkButton.addEventListener("click", () => void this.check());
  }

  get shownMap() {
    return this.maps.get(this.shownName);
  }

  /**
   * Shows one map and hides the others.
   *
   * @param {string} name
   */
  showMap(name) {
    this.shownName = name;
    for (const figure of this.root.querySelectorAll("[data-map]")) {
      figure.toggleAttribute("hidden", figure.getAttribute("data-map") !== name);
    }
    findPart(this.root, "map-here", HTMLElement).hidden = !this.shownMap;
    findPart(this.root, "map-choice", HTMLElement).hidden = this.shownList.options.length < 2;
    this.shownList.value = name;
    this.showSetting();
  }

  /** Sets the lists for another map to what is shown, or to the first two knobs. */
  proposeMap() {
    const [first, second] = this.config.knobs;
    const map = this.shownMap;
    [this.xList.value, this.yList.value] = map ? map.names : [first.name, second.name];
    if (map) this.shapeList.value = map.shape;
    if (map?.series) this.seriesList.value = map.series;
  }

  /**
   * The dot was put into a cell: the two knobs take its values.
   *
   * @param {number} column
   * @param {number} row
   */
  moveDot(column, row) {
    if (!this.shownMap) return;
    const { x, y, names } = this.shownMap;
    this.form.turnKnobs({ [names[0]]: x.values[column], [names[1]]: y.values[row] });
  }

  /** Brings the dot, the words and the note in line with the setting. */
  showSetting() {
    const map = this.shownMap;
    if (!map) return;
    const { knobs } = this.form.setting;
    const values = map.names.map((name) => knobs[name]);
    if (values.some(Number.isNaN)) return; // the knob itself says what is wrong
    const text = this.describeCell(map, values);
    findPart(this.root, "map-readout", HTMLElement).textContent = text;
    map.dot.show(map.x, map.y, values, text);
    const others = this.config.knobs.filter(
      ({ name }) => !map.names.includes(name) && !isClose(knobs[name], map.setting[name]),
    );
    this.note.hidden = !others.length;
    this.againButton.hidden = !others.length;
    this.note.textContent = others.length ? noteText(others, map.setting, knobs) : "";
  }

  /**
   * The setting and the count of its cell, as a sentence.
   *
   * @param {PhaseMap} map
   * @param {number[]} values of the two knobs
   */
  describeCell({ x, y, n, counts, shape }, [across, up]) {
    const settingText = `${x.spec.label} ${x.valueText(across)}, ${lowerLabel(y.spec.label)} ${y.valueText(up)}`;
    const positions = [x.position(across), y.position(up)];
    if (Math.min(...positions) < 0 || Math.max(...positions) > 1) {
      return `${settingText}: outside this map.`;
    }
    const [column, row] = [x.cellAt(positions[0]), y.cellAt(positions[1])];
    const count = counts[row][column];
    if (count === null) return `${settingText}: this cell is not trained yet.`;
    const result = `${count} of ${n} replicas show ${this.shapeTitle(shape)}.`;
    const middles = [];
    if (!isClose(x.values[column], across)) middles.push(axisValueText(x, x.values[column]));
    if (!isClose(y.values[row], up)) middles.push(axisValueText(y, y.values[row]));
    if (!middles.length) return `${settingText}: ${result}`;
    return `${settingText}: in this cell, trained at ${middles.join(" and ")}, ${result}`;
  }

  /** @param {string} shape */
  shapeTitle(shape) {
    return lowerLabel(this.config.shapes[shape].title);
  }

  /**
   * The map that the lists ask for.
   *
   * @returns {MapRequest}
   */
  readRequest() {
    const [first] = Object.keys(this.config.series);
    const series = this.seriesList.value;
    return {
      x: this.xList.value,
      y: this.yList.value,
      shape: this.shapeList.value,
      series: series === first ? null : series,
    };
  }

  /**
   * Has a map trained with the setting as it stands, and shows it as its cells arrive.
   *
   * @param {MapRequest} map
   */
  async computeMap(map) {
    if (this.busy) return;
    this.showError("");
    if (map.x === map.y) {
      this.showError("Choose two different knobs.");
      this.yList.focus();
      return;
    }
    const fault = this.form.findFault();
    if (fault !== null) {
      this.showError(fault || "One of the knobs above has a value that it can't have.");
      return;
    }
    const { arm, knobs, first } = this.form.setting;
    const { topic, simulation } = this.config;
    /** @type {RunRequest} */
    const request = { topic, simulation, arm, knobs, first_seed: first, map };
    this.request = null;
    this.compared = null;
    this.setBusy(true);
    if (await this.trainHere(request)) return;
    await this.trainOnServer(request);
  }

  /**
   * Trains a map in this browser; false where it can't be trained here.
   *
   * @param {RunRequest} request
   */
  async trainHere(request) {
    const { live: urls } = this.config;
    if (!urls || !this.host.mayTrain()) return false;
    this.bar.show(0, "Getting ready to train in your browser…");
    try {
      const { LiveMap } = await import("./live-map.js");
      this.trained = await LiveMap.open(this.config, urls, request);
    } catch {
      return false; // the server says what is wrong, if anything is
    }
    this.request = request;
    this.beginMap(this.trained.run);
    this.sayOrigin("Trained in your browser.");
    setEnabled(this.stopButton, true);
    this.trained.start({
      onCells: (data) => this.addCells(data),
      onEnd: (end) => this.endMap(end),
      onFailure: () => {
        this.trained = null;
        this.request = null;
        void this.trainOnServer(request);
      },
      mayTrain: () => this.host.mayTrain(),
      isDisturbed: () => this.host.isTraining(),
    });
    return true;
  }

  /** @param {RunRequest} request */
  async trainOnServer(request) {
    this.bar.show(0, "Asking for the map…");
    /** @type {RunJob} */
    let job;
    /** @type {MapRun} */
    let run;
    try {
      job = await client.startRun(this.config.runs_url, request);
      this.job = job;
      run = await client.fetchRun(job);
    } catch (error) {
      this.showRefusal(error);
      return;
    }
    this.beginMap(run);
    if (run.state === "done") return;
    setEnabled(this.stopButton, true);
    this.stopFollowing = client.followRun(job, {
      state: (data) => this.showWaiting(data),
      cells: (data) => this.addCells(data),
      end: (data) => this.endMap(data),
      lost: (isFirst) => this.bar.showLostConnection(isFirst),
    });
  }

  /** The server trains the map that was trained here; their counts are compared. */
  async check() {
    const counts = this.maps.get(LIVE)?.counts;
    if (this.busy || !this.request || !counts) return;
    this.showError("");
    this.compared = counts;
    this.setBusy(true);
    await this.trainOnServer(this.request);
  }

  /**
   * What the comparison with the server's counts has shown; empty where none was wanted.
   *
   * @param {Value[][]} counts the server's
   */
  compareCounts(counts) {
    const here = this.compared;
    this.compared = null;
    if (!here) return "";
    const cells = here.flat();
    const others = counts.flat().filter((count, cell) => count !== cells[cell]).length;
    if (!others) return `Checked: the server counts the same in all ${cells.length} cells.`;
    return `The server counts otherwise in ${others} of ${cells.length} cells.`;
  }

  /**
   * Says where the map was trained.
   *
   * @param {string} words empty for a map that the server trained
   * @param {boolean} canBeChecked
   */
  sayOrigin(words, canBeChecked = false) {
    this.origin.hidden = !words;
    this.originWords.textContent = words;
    this.checkButton.hidden = !canBeChecked;
  }

  /** @param {unknown} thrown */
  showRefusal(thrown) {
    const { detail, field, lost, message } = toServerError(thrown);
    this.job = null;
    this.setBusy(false);
    this.bar.show(0, this.compared ? "The map could not be compared." : "No map was computed.");
    this.compared = null;
    const advice = lost ? " Check the connection, then ask for the map again." : "";
    this.showError(message + advice, detail);
    if (field?.startsWith("map.")) {
      const list = this.root.querySelector(`[data-part="${field.replace(".", "-")}"]`);
      if (list instanceof HTMLElement) list.focus();
    }
  }

  /**
   * Shows what a run has of a map: an empty map, the cells so far, or all of them.
   *
   * @param {MapRun} run
   */
  beginMap(run) {
    const setting = { ...run.knobs };
    const map = this.addMap(LIVE, { ...run.map, setting });
    const { x, y, figure, box, names } = map;
    const seriesNote = run.map.series ? ` (${this.config.series[run.map.series].label})` : "";
    const { title: shape, words } = this.config.shapes[map.shape];
    const title = `${shape}${seriesNote}: ${lowerLabel(x.spec.label)} × ${lowerLabel(y.spec.label)}`;
    const axis = this.config.series[run.map.series ?? Object.keys(this.config.series)[0]];
    const others = this.config.knobs
      .filter(({ name }) => !names.includes(name))
      .map((spec) => `${lowerLabel(spec.label)} ${knobValueText(spec, setting[spec.name])}`);
    const heldText = others.length ? `In every cell: ${others.join(", ")}.` : "";
    findPart(figure, "map-title", HTMLElement).textContent = title;
    const rule = `A replica counts when its ${axis.label} ${words}.`;
    findPart(figure, "map-rule", HTMLElement).textContent = rule;
    findPart(figure, "map-held", HTMLElement).textContent = heldText;
    const arms = this.findArmsIn(map);
    findPart(figure, "map-key", HTMLElement).replaceChildren(...arms.map(createKeyLine));
    drawMap(box, `${this.bench.id}-live-map`, {
      ...map,
      title,
      description: "Cells appear as they are trained.",
      markers: arms,
    });
    const name = `${x.spec.label} × ${lowerLabel(y.spec.label)}`;
    this.offerMap(`${name}: ${this.shapeTitle(map.shape)}${seriesNote}`);
    this.showMap(LIVE);
    // From the button that was pressed, or is gone, the focus goes to what it brought.
    const focused = document.activeElement;
    if (
      focused === document.body ||
      focused === this.computeButton ||
      focused === this.againButton
    ) {
      map.dot.across.focus({ preventScroll: true });
    }
    this.progressBox.scrollIntoView({ block: "nearest" });
    this.sayOrigin("");
    findPart(figure, "map-csv", HTMLElement).hidden = true;
    this.bar.announce(`The map is being computed: ${title}.`);
    if (run.state === "done") this.endMap(run);
  }

  /**
   * The arms that lie in a map, each with its position and the number that stands for it.
   *
   * @param {PhaseMap} map
   */
  findArmsIn({ x, y, names, setting }) {
    const arms = [];
    for (const { knobs, index, label } of this.config.arms) {
      const isHeld = Object.entries(setting).every(
        ([name, value]) => names.includes(name) || isClose(knobs[name], value),
      );
      const [across, up] = [x.position(knobs[names[0]]), y.position(knobs[names[1]])];
      if (isHeld && Math.min(across, up) >= 0 && Math.max(across, up) <= 1) {
        arms.push({ x: across, y: up, number: arms.length + 1, arm: index, label });
      }
    }
    return arms;
  }

  /**
   * Puts the computed map into the list of those that can be shown.
   *
   * @param {string} title
   */
  offerMap(title) {
    let option = [...this.shownList.options].find(({ value }) => value === LIVE);
    if (!option) {
      option = new Option("", LIVE);
      this.shownList.append(option);
    }
    option.textContent = `Yours: ${title}`;
  }

  /** @param {RunState} data */
  showWaiting({ state, waiting }) {
    if (state === "queued") this.bar.show(0, waitingMessage(waiting));
  }

  /** @param {RunCells} data */
  addCells({ cells, counts, ...progress }) {
    const map = this.maps.get(LIVE);
    if (!map) return;
    const width = map.x.values.length;
    cells.forEach((cell, i) => {
      map.counts[Math.floor(cell / width)][cell % width] = counts[i];
    });
    fillCells(map.box, map.counts, map.n);
    if (this.shownName === LIVE) this.showSetting();
    const { done, total } = progress;
    this.bar.show(done / total, `${done} of ${total} cells${timeLeftClause(progress)}`);
  }

  /** @param {RunEnd} end */
  endMap({ state, error, error_detail: detail, sentence }) {
    this.stopFollowing();
    this.stopFollowing = () => {};
    const map = this.maps.get(LIVE);
    if (!map) return;
    const message = endMessage(state, error ?? "The map failed. Try again.");
    this.bar.show(state === "done" ? 1 : null, message);
    showDetail(this.detail, state === "failed" ? detail : null);
    findPart(map.figure, "map-sentence", HTMLElement).textContent = sentence ?? "";
    findElement(map.figure, ".plot desc", SVGElement).textContent = sentence ?? message;
    fillMapTable(findPart(map.figure, "map-table", HTMLElement), map);
    const csv = findPart(map.figure, "map-csv", HTMLAnchorElement);
    csv.hidden = false;
    csv.href = this.job?.csv ?? this.trained?.createCsv(map.counts) ?? "";
    csv.download = this.job ? "" : `${this.config.simulation}-map-browser.csv`;
    const isDone = state === "done";
    if (this.trained) this.sayOrigin("Trained in your browser.", isDone);
    else if (isDone) this.sayOrigin(this.compareCounts(map.counts));
    this.compared = null;
    fillCells(map.box, map.counts, map.n);
    this.job = null;
    this.trained = null;
    this.setBusy(false);
    const origin = this.originWords.textContent;
    this.bar.announce([message, origin, sentence].filter(Boolean).join(" "));
    this.showSetting();
  }

  async stop() {
    this.trained?.end("stopped");
    if (!this.job) return;
    setEnabled(this.stopButton, false);
    this.bar.show(null, "Stopping…");
    try {
      await client.stopRun(this.job);
    } catch (thrown) {
      setEnabled(this.stopButton, this.busy);
      this.showError(`It could not be stopped: ${toServerError(thrown).message}`);
    }
  }

  /** @param {boolean} busy whether a map is being computed */
  setBusy(busy) {
    this.busy = busy;
    if (busy) this.progressBox.hidden = false;
    for (const button of [this.computeButton, this.againButton]) setEnabled(button, !busy);
    setEnabled(this.stopButton, false);
  }

  /**
   * @param {string} message what is wrong; empty when nothing is
   * @param {string | null} [detail] what the simulation's code said, for its author
   */
  showError(message, detail) {
    this.error.textContent = message;
    this.error.hidden = !message;
    showDetail(this.detail, detail);
  }
}

/**
 * @param {string} state
 * @param {string} error
 */
function endMessage(state, error) {
  if (state === "done") return "Done.";
  if (state === "stopped") return "Stopped. The cells so far stay in the picture.";
  return state === "failed" ? error : state;
}

/**
 * @param {MapAxis} axis
 * @param {number} value
 */
function axisValueText(axis, value) {
  return `${lowerLabel(axis.spec.label)} ${axis.valueText(value)}`;
}

/**
 * Says where a map holds its other knobs and the learner's setting does not.
 *
 * @param {KnobSpec[]} specs
 * @param {Knobs} setting the map's
 * @param {Knobs} knobs the learner's
 */
function noteText(specs, setting, knobs) {
  const differences = specs.map((spec) => {
    const [mapValue, ownValue] = [setting[spec.name], knobs[spec.name]];
    const label = lowerLabel(spec.label);
    return `${label} at ${knobValueText(spec, mapValue)}; yours is ${knobValueText(spec, ownValue)}`;
  });
  return `But this map holds ${differences.join(", and ")}. Its counts are not those of your setting.`;
}

/** @param {{ number: number, arm: number, label: string }} arm */
function createKeyLine({ number, arm, label }) {
  const line = createElement("li", { className: `arm-${arm % 12}` });
  const sign = createElement("span", { className: "map-number", textContent: String(number) });
  line.append(sign, ` ${label}`);
  return line;
}

/**
 * Whether two values of a knob are the same but for how they were written.
 *
 * @param {number} a
 * @param {number} b
 */
function isClose(a, b) {
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}
