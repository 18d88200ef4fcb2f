// @ts-check
// A phase map that is trained in this browser: the cells and seeds that the server would train, coarse
// to fine, a cell at a time in each worker. What can't be trained here is thrown, in words.

import { getBytes, postJson, toServerError } from "./http.js";
import { floatText, LiveCurves } from "./live-curves.js";
import { fitsSetting, isTrainable, readPlan } from "./live-plan.js";
import { ShapeAxis } from "./live-shapes.js";
import { replicasLimit, startWorker, workerCount } from "./live-training.js";
import { gettext } from "./translation.js";

/** @import { BenchConfig, Knobs, LiveAnswer, LiveUrls, MapPlane, MapRun, RunCells } from "./types" */
/** @import { RunEnd, RunRequest, Value } from "./types" */
/** @import { LivePlan } from "./live-plan.js" */
/** @typedef {{ plan: LivePlan, number: number, axis: ShapeAxis }} MapPlan */
/** @typedef {{ cell: number, knobs: Knobs }} Cell */
/** @typedef {{ worker: Worker, plan: MapPlan | null, cell: Cell | null, isNew: boolean }} Trainer */

/**
 * `onFailure` is called where the rest can't be trained here after all; `mayTrain` says whether it
 * still may, `isDisturbed` whether curves are trained here, for which the map waits.
 *
 * @typedef {object} MapHandlers
 * @property {(cells: RunCells) => void} onCells
 * @property {(end: RunEnd) => void} onEnd
 * @property {() => void} onFailure
 * @property {() => boolean} mayTrain
 * @property {() => boolean} isDisturbed
 */

const MOST_PLANS = 12; // a structural knob of more values is the server's
const REPORT = 200; // milliseconds between two reports of cells, since each draws the map anew
const PLAN_TRIES = 3; // a plan that a worker has yet to make comes at another try
const PLAN_PAUSE = 1000; // milliseconds between them
const PAUSE = 50; // milliseconds until it is looked again whether curves are trained here

export class LiveMap {
  /**
   * Gets what the training of a map takes. Throws where it can't be had, or not be trained here.
   *
   * @param {BenchConfig} config
   * @param {LiveUrls} urls
   * @param {RunRequest} request
   */
  static async open(config, urls, request) {
    // Which type its plans are in is not known yet: that of float64 trains both.
    const laidOut = /** @type {Promise<MapPlane>} */ (postJson(urls.plane, request));
    const [plane, kernel] = await Promise.all([laidOut, getBytes(urls.kernels.float64)]);
    if (plane.map.n > replicasLimit()) throw new Error("This device has too little memory.");
    const map = new LiveMap(config, urls, plane, kernel);
    await map.fetchPlan(map.cellAt(plane.levels[0][0]));
    map.sortCells();
    return map;
  }

  /**
   * @param {BenchConfig} config
   * @param {LiveUrls} urls
   * @param {MapPlane} plane
   * @param {ArrayBuffer} kernel
   */
  constructor(config, urls, plane, kernel) {
    this.config = config;
    this.urls = urls;
    this.plane = plane;
    this.kernel = kernel;
    this.series = plane.map.series ?? Object.keys(config.series)[0];
    this.total = plane.levels.flat().length;
    /** @type {MapPlan[]} */
    this.plans = [];
    /** The cells of each level that wait, by the values of their structural knobs. */
    this.levels = /** @type {Map<string, Cell[]>[]} */ ([]);
    /** A cell for each plan. @type {Map<string, Cell>} */
    this.examples = new Map();
    this.work = 0; // multiplications
    /** @type {Trainer[]} */
    this.trainers = [];
    /** Counts that are not reported yet. @type {[cell: number, count: number][]} */
    this.counted = [];
    /** All counts, in the order in which they came. @type {number[]} */
    this.counts = [];
    this.startedAt = 0;
    this.timer = 0;
    this.isOver = false;
    this.handleHidden = () => {
      if (document.hidden) this.end("stopped");
    };
    /** @type {MapHandlers | null} */
    this.handlers = null;
  }

  /** How many cells are trained. */
  get done() {
    return this.counts.length;
  }

  /** What a run of the server would be at its beginning. @returns {MapRun} */
  get run() {
    const counts = this.plane.map.counts.map((row) => [...row]);
    return { state: "running", knobs: this.plane.knobs, map: { ...this.plane.map, counts } };
  }

  /** @param {number} cell @returns {Cell} */
  cellAt(cell) {
    const { x, y, x_values: across, y_values: up } = this.plane.map;
    const knobs = {
      ...this.plane.knobs,
      [x]: across[cell % across.length],
      [y]: up[Math.floor(cell / across.length)],
    };
    return { cell, knobs };
  }

  /** Cells that differ in a structural knob of the first plan wait for plans of their own. */
  sortCells() {
    const names = Object.keys(this.plans[0].plan.head.structural);
    this.levels = this.plane.levels.map((cells) => {
      /** @type {Map<string, Cell[]>} */
      const lists = new Map();
      for (const cell of cells.map((number) => this.cellAt(number))) {
        const key = names.map((name) => cell.knobs[name]).join();
        if (!this.examples.has(key)) this.examples.set(key, cell);
        lists.set(key, [...(lists.get(key) ?? []), cell]);
      }
      return lists;
    });
    if (this.examples.size > MOST_PLANS) throw new Error("It takes too many plans.");
    this.checkPlan(this.plans[0]);
  }

  /** @param {Cell} example */
  async fetchPlan({ knobs }) {
    const url = new URL(this.urls.plans, window.location.href);
    const seeds = { first_seed: this.plane.first_seed, replicas: this.plane.map.n };
    for (const [name, value] of Object.entries({ ...knobs, ...seeds })) {
      url.searchParams.set(name, String(value));
    }
    const plan = readPlan(await getPlan(url));
    if (!fitsSetting(plan.head, knobs)) throw new Error("The plan is another setting's.");
    const axis = new ShapeAxis(plan.head.x, this.config.thresholds);
    this.plans.push({ plan, number: this.plans.length + 1, axis });
    return this.plans[this.plans.length - 1];
  }

  /**
   * Throws where one of a plan's cells can't be trained with it, or all are too much work.
   *
   * @param {MapPlan} known
   */
  checkPlan({ plan: { head } }) {
    const cells = this.levels
      .flatMap((lists) => [...lists.values()].flat())
      .filter(({ knobs }) => fitsSetting(head, knobs));
    if (!cells.every(({ knobs }) => isTrainable(head, knobs))) {
      throw new Error("Its layers or schedules can't work with these numbers.");
    }
    this.work += cells.length * head.multiplications;
    if (this.work > this.plane.multiplications_max) throw new Error("It is too much work.");
  }

  /**
   * Trains all cells.
   *
   * @param {MapHandlers} handlers
   */
  start(handlers) {
    this.handlers = handlers;
    document.addEventListener("visibilitychange", this.handleHidden);
    this.startedAt = performance.now();
    this.timer = setInterval(() => this.report(), REPORT);
    const count = Math.min(workerCount(navigator.hardwareConcurrency || 1), this.total);
    for (let i = 0; i < count; i += 1) this.trainers.push(this.createTrainer());
    for (const trainer of this.trainers) this.trainNext(trainer);
    void this.fetchOtherPlans();
  }

  async fetchOtherPlans() {
    const [, ...others] = this.examples.values();
    try {
      for (const example of others) {
        if (this.isOver) return;
        this.checkPlan(await this.fetchPlan(example));
        for (const trainer of this.trainers) if (!trainer.cell) this.trainNext(trainer);
      }
    } catch {
      this.fail();
    }
  }

  /** @returns {Trainer} */
  createTrainer() {
    /** @type {Trainer} */
    const trainer = {
      worker: startWorker(
        (answer) => this.take(trainer, answer),
        () => this.fail(),
      ),
      plan: null,
      cell: null,
      isNew: true,
    };
    return trainer;
  }

  /**
   * Gives a worker its next cell, if possible one of the plan that it has.
   *
   * @param {Trainer} trainer
   */
  trainNext(trainer) {
    if (document.hidden || !this.handlers?.mayTrain()) this.end("stopped");
    if (this.isOver) return;
    if (this.handlers?.isDisturbed()) {
      setTimeout(() => this.trainNext(trainer), PAUSE);
      return;
    }
    if (trainer.cell) return;
    const next = this.takeCell(trainer.plan);
    if (!next) return;
    const hasPlan = trainer.plan === next.known;
    trainer.plan = next.known;
    trainer.cell = next.cell;
    if (hasPlan) {
      this.orderCell(trainer, next.cell);
      return;
    }
    const { plan, number } = next.known;
    const kernel = trainer.isNew ? this.kernel : null;
    trainer.isNew = false;
    trainer.worker.postMessage({
      kind: "open",
      plan: number,
      kernel,
      image: plan.image,
      first: 0,
      last: plan.head.blocks,
    });
  }

  /**
   * The next cell of the coarsest picture that is not whole yet, and its plan; null while that has not
   * come.
   *
   * @param {MapPlan | null} preferred
   * @returns {{ cell: Cell, known: MapPlan } | null}
   */
  takeCell(preferred) {
    const level = this.levels.find((lists) => [...lists.values()].some((cells) => cells.length));
    if (!level) return null;
    const lists = [...level.values()].filter((cells) => cells.length);
    const plans = preferred ? [preferred, ...this.plans] : this.plans;
    for (const known of plans) {
      const cells = lists.find(([{ knobs }]) => fitsSetting(known.plan.head, knobs));
      const cell = cells?.shift();
      if (cell) return { cell, known };
    }
    return null;
  }

  /**
   * @param {Trainer} trainer
   * @param {Cell} cell
   */
  orderCell({ worker }, { cell, knobs }) {
    worker.postMessage({ kind: "train", job: cell, knobs });
  }

  /**
   * @param {Trainer} trainer
   * @param {LiveAnswer} answer
   */
  take(trainer, answer) {
    const { plan: known, cell } = trainer;
    if (this.isOver || !known || !cell) return;
    if (answer.kind === "failed") {
      this.fail();
    } else if (answer.kind === "ready") {
      this.orderCell(trainer, cell);
    } else if (answer.job === cell.cell && answer.points === known.plan.head.x.length) {
      trainer.cell = null;
      this.trainNext(trainer);
      const { shape } = this.plane.map;
      const curves = new LiveCurves(known.plan, answer.points, [answer]).replicasOf(this.series);
      const shown = known.axis.findShapes(curves, [shape])[shape];
      const count = shown.filter(Boolean).length;
      this.counted.push([cell.cell, count]);
      this.counts.push(count);
      if (this.done === this.total) this.end("done");
    }
  }

  report() {
    if (!this.counted.length) return;
    const seconds = (performance.now() - this.startedAt) / 1000;
    const [cells, counts] = [0, 1].map((i) => this.counted.map((entry) => entry[i]));
    this.counted = [];
    const { done, total } = this;
    this.handlers?.onCells({
      cells,
      counts,
      done,
      total,
      seconds_left: (seconds / done) * (total - done),
    });
  }

  /** @param {"done" | "stopped"} state */
  end(state) {
    if (this.isOver) return;
    this.report();
    this.close();
    const isDone = state === "done";
    this.handlers?.onEnd({
      state,
      sentence: isDone ? describeMap(this.counts, this.plane.map.n) : null,
    });
    if (this.done) void this.reportUse();
  }

  fail() {
    if (this.isOver) return;
    this.close();
    this.handlers?.onFailure();
  }

  close() {
    this.isOver = true;
    clearInterval(this.timer);
    document.removeEventListener("visibilitychange", this.handleHidden);
    for (const { worker } of this.trainers) worker.terminate();
  }

  /** Tells the server that the experiment was run: no setting, no result. */
  async reportUse() {
    try {
      await postJson(this.urls.used);
    } catch {
      // The next map or setting tells it.
    }
  }

  /**
   * The address of the CSV as the server writes it: one line a trained cell.
   *
   * @param {Value[][]} counts
   */
  createCsv(counts) {
    const { x, y, x_values: across, y_values: up, n } = this.plane.map;
    const lines = counts.flatMap((row, i) =>
      row.flatMap((count, j) =>
        count === null ? [] : [[floatText(across[j]), floatText(up[i]), count, n].join()],
      ),
    );
    const text = [[x, y, "k", "n"].join(), ...lines].map((line) => `${line}\r\n`);
    return URL.createObjectURL(new Blob(text, { type: "text/csv" }));
  }
}

/**
 * @param {URL} url
 * @returns {Promise<ArrayBuffer>}
 */
async function getPlan(url, tries = PLAN_TRIES) {
  try {
    return await getBytes(url);
  } catch (thrown) {
    if (tries === 1 || !toServerError(thrown).lost) throw thrown;
    await new Promise((resolve) => setTimeout(resolve, PLAN_PAUSE));
    return getPlan(url, tries - 1);
  }
}

/**
 * How many cells most, all and none of the replicas show the shape in, as `phase_map_sentence` in
 * quizserver/lab/phase_maps.py says it.
 *
 * @param {number[]} cells the count of each
 * @param {number} n
 */
export function describeMap(cells, n) {
  const [most, every, none] = [
    cells.filter((count) => count >= Math.floor(n / 2) + 1),
    cells.filter((count) => count >= n),
    cells.filter((count) => !count),
  ].map((found) => found.length);
  return gettext(
    "In %(most)s of %(cells)s cells most of %(n)s replicas show it. All %(n)s do in %(every)s, none does in %(none)s.",
    { most, cells: cells.length, n, every, none },
  );
}
