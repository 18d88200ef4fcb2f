// @ts-check
// The phase maps of a bench: which one is shown, and the learner's setting in it.

import { createElement, findElement, findPart } from "./dom.js";
import { fetchText, ServerError } from "./http.js";
import { parseJson } from "./json.js";
import { knobValueText, lowerLabel, MapAxis } from "./map-axis.js";
import { MapDot } from "./map-dot.js";
import { drawMap, fillCells, fillMapTable } from "./map-picture.js";
import { MapTraining } from "./map-training.js";
import { describeCell, describeOthers, isClose } from "./map-words.js";
import { gettext } from "./translation.js";

/** @import { BenchForm } from "./bench-form.js" */
/** @import { BenchConfig, Knobs, MapHost, MapRequest, MapRun, RecordedMap } from "./types" */
/** @import { RunCells, Value } from "./types" */

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

/**
 * The recorded maps of a bench, from the page that shows them to those without scripts: what works on
 * them is put into the bench, and their figures before the one for maps on request. Throws
 * ServerError.
 *
 * @param {HTMLElement} root
 * @returns {Promise<RecordedMap[]>}
 */
export async function fetchRecordedMaps(root) {
  const { ok, status, text } = await fetchText(root.dataset.maps ?? "");
  if (!ok) {
    throw new ServerError(gettext("The server answered %(status)s.", { status }), { status });
  }
  const page = new DOMParser().parseFromString(text, "text/html");
  const view = findElement(page, "[data-maps]", HTMLElement);
  const controls = findPart(page, "map-controls", HTMLTemplateElement);
  findPart(root, "map-body", HTMLElement).append(controls.content);
  findPart(root, "map-view", HTMLElement).prepend(...view.children);
  return parseJson(view.dataset.maps ?? "");
}

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
    this.shownList = findPart(this.root, "map-shown", HTMLSelectElement);
    this.xList = findPart(this.root, "map-x", HTMLSelectElement);
    this.yList = findPart(this.root, "map-y", HTMLSelectElement);
    this.shapeList = findPart(this.root, "map-shape", HTMLSelectElement);
    this.seriesList = findPart(this.root, "map-series", HTMLSelectElement);
    this.computeButton = findPart(this.root, "map-compute", HTMLButtonElement);
    this.againButton = findPart(this.root, "map-again", HTMLButtonElement);
    this.note = findPart(this.root, "map-note", HTMLElement);
    this.training = new MapTraining(this);
    /** @type {Map<string, PhaseMap>} */
    this.maps = new Map();
    this.shownName = "0";
    (config.maps ?? []).forEach((map, i) => this.addMap(String(i), map));
    this.listen();
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
      void this.training.computeMap({ x: names[0], y: names[1], shape, series });
    });
    findPart(this.root, "map-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.training.computeMap(this.readRequest());
    });
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
    const text = describeCell(map, values, this.shapeTitle(map.shape));
    findPart(this.root, "map-readout", HTMLElement).textContent = text;
    map.dot.show(map.x, map.y, values, text);
    const others = this.config.knobs.filter(
      ({ name }) => !map.names.includes(name) && !isClose(knobs[name], map.setting[name]),
    );
    this.note.hidden = !others.length;
    this.againButton.hidden = !others.length;
    this.note.textContent = others.length ? describeOthers(others, map.setting, knobs) : "";
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
   * Shows what a run has of a map: an empty map, the cells so far, or all of them. Gives its title.
   *
   * @param {MapRun} run
   * @param {boolean} [isAsked] whether it was asked for just now, and so has the focus
   */
  beginMap(run, isAsked = true) {
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
    const heldText = others.length
      ? gettext("In every cell: %(knobs)s.", { knobs: others.join(", ") })
      : "";
    findPart(figure, "map-title", HTMLElement).textContent = title;
    const rule = gettext("A replica counts when its %(series)s %(words)s.", {
      series: axis.label,
      words,
    });
    findPart(figure, "map-rule", HTMLElement).textContent = rule;
    findPart(figure, "map-held", HTMLElement).textContent = heldText;
    const arms = this.findArmsIn(map);
    findPart(figure, "map-key", HTMLElement).replaceChildren(...arms.map(createKeyLine));
    drawMap(box, `${this.bench.id}-live-map`, {
      ...map,
      title,
      description: gettext("Cells appear as they are trained."),
      markers: arms,
    });
    const name = `${x.spec.label} × ${lowerLabel(y.spec.label)}`;
    this.offerMap(`${name}: ${this.shapeTitle(map.shape)}${seriesNote}`);
    this.showMap(LIVE);
    // From the button that was pressed, or is gone, the focus goes to what it brought.
    const { checkButton } = this.training;
    const pressed = [document.body, this.computeButton, this.againButton, checkButton];
    if (isAsked && pressed.some((element) => element === document.activeElement)) {
      map.dot.across.focus({ preventScroll: true });
    }
    findPart(figure, "map-csv", HTMLElement).hidden = true;
    return title;
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
    option.textContent = gettext("Yours: %(title)s", { title });
  }

  /** The counts of the map that was computed on request; null while there is none. */
  get computedCounts() {
    return this.maps.get(LIVE)?.counts ?? null;
  }

  /** @param {RunCells} data */
  addCells({ cells, counts }) {
    const map = this.maps.get(LIVE);
    if (!map) return;
    const width = map.x.values.length;
    cells.forEach((cell, i) => {
      map.counts[Math.floor(cell / width)][cell % width] = counts[i];
    });
    fillCells(map.box, map.counts, map.n);
    if (this.shownName === LIVE) this.showSetting();
  }

  /**
   * The map that was computed on request is as far as it gets.
   *
   * @param {string} sentence empty where the map is not whole
   * @param {string} message how it ended
   * @param {{ href: string, download: string }} csv
   */
  endMap(sentence, message, csv) {
    const map = this.maps.get(LIVE);
    if (!map) return;
    findPart(map.figure, "map-sentence", HTMLElement).textContent = sentence;
    findElement(map.figure, ".plot desc", SVGElement).textContent = sentence || message;
    fillMapTable(findPart(map.figure, "map-table", HTMLElement), map);
    const link = findPart(map.figure, "map-csv", HTMLAnchorElement);
    Object.assign(link, csv, { hidden: false });
    fillCells(map.box, map.counts, map.n);
    this.showSetting();
  }
}

/** @param {{ number: number, arm: number, label: string }} arm */
function createKeyLine({ number, arm, label }) {
  const line = createElement("li", { className: `arm-${arm % 12}` });
  const sign = createElement("span", { className: "map-number", textContent: String(number) });
  line.append(sign, ` ${label}`);
  return line;
}
