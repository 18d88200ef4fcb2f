// @ts-check
// The workers that train a plan in this browser. They share its blocks of replicas out; the newest
// setting wins.

import { gettext } from "./translation.js";

/** @import { Knobs, LiveAnswer, LiveOrder } from "./types" */
/** @import { LivePlan } from "./live-plan.js" */
/** @typedef {{ first: number, lanes: number, points: number, outputs: Float64Array }} Share */

const SCRIPT = new URL("./live-worker.js", import.meta.url);
const MOST_WORKERS = 4;
// A training that a newer setting finds under way goes on for so long: else a knob that is dragged
// faster than a training takes would show nothing.
const PATIENCE = 150; // milliseconds
const SMALL_MEMORY = 2; // GB
const SMALL_REPLICAS = 16;

/** How many replicas this device trains at most. */
export function replicasLimit() {
  const { deviceMemory } = /** @type {{ deviceMemory?: number }} */ (navigator);
  return (deviceMemory ?? Infinity) <= SMALL_MEMORY ? SMALL_REPLICAS : Infinity;
}

/**
 * How many workers may train: half of the cores, so that the page and everything else go on.
 *
 * @param {number} cores
 */
export function workerCount(cores) {
  return Math.min(MOST_WORKERS, Math.max(1, Math.floor(cores / 2)));
}

/**
 * @param {(answer: LiveAnswer) => void} onAnswer
 * @param {(message: string) => void} onFailure
 */
export function startWorker(onAnswer, onFailure) {
  const worker = new Worker(SCRIPT, { type: "module" });
  worker.onmessage = (/** @type {MessageEvent<LiveAnswer>} */ { data }) => onAnswer(data);
  worker.onerror = (event) => {
    event.preventDefault();
    onFailure(event.message || gettext("A worker could not be started."));
  };
  return worker;
}

export class LiveTraining {
  /**
   * @param {Map<string, ArrayBuffer>} kernels the modules, by the type of plans that they train
   * @param {{
   *   onShares: (knobs: Knobs, points: number, shares: Share[]) => void,
   *   onFailure: (message: string) => void,
   * }} handlers `onShares` is called with what is trained so far of one setting, the points that
   *   all workers have reached
   */
  constructor(kernels, { onShares, onFailure }) {
    this.kernels = kernels;
    this.onShares = onShares;
    this.onFailure = onFailure;
    this.most = workerCount(navigator.hardwareConcurrency || 1);
    /** @type {Worker[]} */
    this.workers = [];
    /** @type {LivePlan | null} */
    this.plan = null;
    this.planNumber = 0;
    this.waitingFor = 0; // workers that do not have the plan yet
    this.job = 0;
    /** @type {{ knobs: Knobs, job: number, startedAt: number } | null} */
    this.current = null;
    /** What comes next. @type {Knobs | null} */
    this.next = null;
    /** @type {Map<Worker, Share>} */
    this.shares = new Map();
    /** Those that have trained on since the curves were last given. @type {Set<Worker>} */
    this.ahead = new Set();
    this.timer = 0;
  }

  /** Whether a setting is trained, or is about to be. */
  get isBusy() {
    return this.current !== null || this.next !== null;
  }

  /** Whether there are workers, at work or waiting for some. */
  get isOpen() {
    return this.workers.length > 0;
  }

  /**
   * Gives the workers this plan; they are started where there are none.
   *
   * @param {LivePlan} plan
   */
  usePlan(plan) {
    if (this.isOpen && this.plan === plan) return;
    const { blocks } = plan.head;
    const count = Math.min(this.most, blocks);
    while (this.workers.length > count) this.workers.pop()?.terminate();
    const known = this.workers.length;
    while (this.workers.length < count) this.workers.push(this.startWorker());
    const isSameType = this.plan?.head.dtype === plan.head.dtype;
    const kernel = this.kernels.get(plan.head.dtype) ?? null;
    this.plan = plan;
    this.planNumber += 1;
    this.waitingFor = count;
    this.current = null;
    this.next = null;
    this.shares.clear();
    this.ahead.clear();
    this.workers.forEach((worker, i) => {
      this.order(worker, {
        kind: "open",
        plan: this.planNumber,
        kernel: i < known && isSameType ? null : kernel,
        image: plan.image,
        first: Math.floor((i * blocks) / count),
        last: Math.floor(((i + 1) * blocks) / count),
      });
    });
  }

  startWorker() {
    const worker = startWorker(
      (answer) => this.take(worker, answer),
      (message) => this.fail(message),
    );
    return worker;
  }

  /**
   * @param {Worker} worker
   * @param {LiveOrder} order
   */
  order(worker, order) {
    worker.postMessage(order);
  }

  /**
   * Trains this setting, as soon as what is under way has had its time.
   *
   * @param {Knobs} knobs
   */
  train(knobs) {
    this.next = knobs;
    this.startNext();
  }

  startNext() {
    clearTimeout(this.timer);
    if (!this.next || this.waitingFor) return;
    const now = performance.now();
    const patience = this.current ? this.current.startedAt + PATIENCE - now : 0;
    if (patience > 0) {
      this.timer = setTimeout(() => this.startNext(), patience);
      return;
    }
    this.job += 1;
    this.current = { knobs: this.next, job: this.job, startedAt: now };
    this.next = null;
    this.shares.clear();
    this.ahead.clear();
    for (const worker of this.workers) {
      this.order(worker, { kind: "train", job: this.job, knobs: this.current.knobs });
    }
  }

  /**
   * @param {Worker} worker
   * @param {LiveAnswer} answer
   */
  take(worker, answer) {
    if (!this.workers.includes(worker)) return;
    if (answer.kind === "failed") {
      this.fail(answer.message);
    } else if (answer.kind === "ready") {
      if (answer.plan !== this.planNumber) return;
      this.waitingFor -= 1;
      this.startNext();
    } else if (this.current && answer.job === this.current.job && this.plan) {
      this.shares.set(worker, answer);
      this.ahead.add(worker);
      this.giveShares(this.current.knobs, this.plan.head.x.length);
    }
  }

  /**
   * Gives what is trained so far, once every worker that is not done has trained on.
   *
   * @param {Knobs} knobs
   * @param {number} end how many points there are
   */
  giveShares(knobs, end) {
    const shares = this.workers.map((worker) => {
      const share = this.shares.get(worker);
      return share?.points === end || this.ahead.has(worker) ? share : undefined;
    });
    if (!shares.every((share) => share !== undefined)) return;
    this.ahead.clear();
    const points = Math.min(...shares.map((share) => share.points));
    if (points === end) this.current = null;
    // The next setting is being trained while this one is drawn.
    this.startNext();
    this.onShares(knobs, points, shares);
  }

  /** What is under way is not wanted any more. */
  cancel() {
    clearTimeout(this.timer);
    this.current = null;
    this.next = null;
  }

  /** @param {string} message */
  fail(message) {
    this.stop();
    this.onFailure(message);
  }

  /** Ends all workers; a plan has to be given again. */
  stop() {
    this.cancel();
    for (const worker of this.workers) worker.terminate();
    this.workers = [];
    this.plan = null;
    this.shares.clear();
    this.ahead.clear();
  }
}
