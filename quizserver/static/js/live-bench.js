// @ts-check
// The part of a bench that trains in this browser: it gets the kernel and a plan when a knob is first
// touched, and from then on the curves move with the knob. What it can't train, the server does.

import { getBytes, postJson, toServerError } from "./http.js";
import { LiveCurves } from "./live-curves.js";
import { fitsSetting, isTrainable, readPlan } from "./live-plan.js";
import { describeShapes } from "./live-sentences.js";
import { LiveTraining, replicasLimit } from "./live-training.js";
import * as client from "./run-client.js";
import { findPart } from "./dom.js";
import { gettext, ngettext } from "./translation.js";

/** @import { CheckedRun, Knobs, LiveHost, LiveUrls, PlanHead, RunJob, Setting } from "./types" */
/** @import { LivePlan } from "./live-plan.js" */
/** @typedef {{ plan: LivePlan, texts: import("./types").CurveTexts }} Task */
/** @typedef {Task & { curves: LiveCurves }} Trained */

const PLANS_KEPT = 4;
const PLAN_DELAY = 300; // milliseconds in which no knob moves, before another plan is fetched
const QUIET = 500; // milliseconds without a change, after which a setting is announced
const STILL = 200; // milliseconds likewise, after which it is drawn for those who want no motion
const IDLE = 120_000; // milliseconds without input, after which the workers end

export class LiveBench {
  /**
   * @param {LiveHost} host
   * @param {LiveUrls} urls
   */
  constructor(host, urls) {
    this.host = host;
    this.urls = urls;
    this.note = findPart(host.root, "live-note", HTMLElement);
    this.words = findPart(host.root, "live-words", HTMLElement);
    this.checkButton = findPart(host.root, "live-check", HTMLButtonElement);
    this.toggle = findPart(host.root, "live-toggle", HTMLInputElement);
    this.reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");
    /** @type {LiveTraining | null} */
    this.training = null;
    /** The kernel's modules, by the type of plans that they train. @type {Map<string, ArrayBuffer>} */
    this.kernels = new Map();
    /** Those that were used last, the newest first. @type {LivePlan[]} */
    this.plans = [];
    /** Why there is no plan, by the address that refused it. @type {Map<string, string>} */
    this.refusals = new Map();
    /** What each setting that was given to the workers is called. @type {WeakMap<Knobs, Task>} */
    this.tasks = new WeakMap();
    /** What was trained here last. @type {Trained | null} */
    this.latest = null;
    this.isFetching = false;
    /** Whether a setting waits for what is being fetched. */
    this.isWaiting = false;
    this.isReported = false;
    this.isBroken = false;
    /** The frame before which nothing is drawn again. */
    this.frame = 0;
    /** Whether what was trained last is drawn. */
    this.isDrawn = true;
    this.planTimer = 0;
    this.quietTimer = 0;
    this.idleTimer = 0;
    this.listen();
  }

  listen() {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.stop();
    });
    this.toggle.addEventListener("change", () => {
      if (this.toggle.checked) {
        this.change();
        return;
      }
      this.hide();
      this.stop();
      this.host.status.showMessage(
        gettext("Nothing is trained in your browser any more. Press Run."),
      );
    });
    this.checkButton.addEventListener("click", () => void this.check());
  }

  get isOn() {
    return this.toggle.checked && !this.isBroken && !document.hidden;
  }

  /** Somebody is about to turn a knob: what training needs is fetched. */
  touch() {
    this.watchIdleness();
    const isNeeded = this.isOn && !this.plans.length && !this.isFetching && !this.refusals.size;
    if (isNeeded && this.host.form.isComplete) void this.fetchPlan(this.host.form.setting);
  }

  /** A knob or the seeds were changed. */
  change() {
    this.watchIdleness();
    clearTimeout(this.planTimer);
    clearTimeout(this.quietTimer);
    const { form, busy } = this.host;
    if (!this.isOn || busy || !form.isComplete) return;
    const { setting } = form;
    const plan = this.findPlan(setting);
    if (plan) {
      this.train(plan, setting);
      return;
    }
    this.training?.cancel();
    const refusal = this.refusals.get(this.planAddress(setting));
    if (refusal !== undefined) {
      this.refuse(refusal);
      return;
    }
    this.say(gettext("Getting ready to train in your browser…"));
    this.isWaiting = true;
    if (this.isFetching) return;
    const delay = this.plans.length ? PLAN_DELAY : 0;
    this.planTimer = setTimeout(() => {
      // A touched knob may have begun meanwhile; its end comes back here.
      if (!this.isFetching) void this.fetchPlan(setting);
    }, delay);
  }

  /** Another curve takes the place of what is trained here. */
  hide() {
    clearTimeout(this.planTimer);
    clearTimeout(this.quietTimer);
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.isWaiting = false;
    this.training?.cancel();
    this.latest = null;
    this.say("");
  }

  /** Ends the workers; the next change starts them again. */
  stop() {
    clearTimeout(this.idleTimer);
    this.training?.stop();
  }

  watchIdleness() {
    clearTimeout(this.idleTimer);
    this.idleTimer = setTimeout(() => this.stop(), IDLE);
  }

  /** @param {Setting} setting */
  replicasOf({ replicas }) {
    return Math.min(replicas, replicasLimit());
  }

  /** @param {Setting} setting */
  findPlan(setting) {
    const replicas = this.replicasOf(setting);
    return this.plans.find(
      ({ head }) =>
        head.seeds[0] === setting.first &&
        head.replicas === replicas &&
        fitsSetting(head, setting.knobs),
    );
  }

  /**
   * Where the plan of a setting is. Knobs that are mere numbers of a plan stand at their defaults,
   * so that it has one address wherever they are turned.
   *
   * @param {Setting} setting
   */
  planAddress(setting) {
    const structural = this.plans[0]?.head.structural;
    const url = new URL(this.urls.plans, window.location.href);
    for (const { name, default: usual } of this.host.config.knobs) {
      const isNumber = structural !== undefined && !(name in structural);
      url.searchParams.set(name, String(isNumber ? usual : setting.knobs[name]));
    }
    url.searchParams.set("first_seed", String(setting.first));
    url.searchParams.set("replicas", String(this.replicasOf(setting)));
    return url.href;
  }

  /**
   * Fetches the plan of a setting, and the kernel with the first one.
   *
   * @param {Setting} setting
   */
  async fetchPlan(setting) {
    const address = this.planAddress(setting);
    this.isFetching = true;
    try {
      // Most plans are in float32.
      const [image] = await Promise.all([getBytes(address), this.fetchKernel("float32")]);
      const plan = readPlan(image);
      await this.fetchKernel(plan.head.dtype);
      this.plans = [plan, ...this.plans].slice(0, PLANS_KEPT);
      this.training ??= this.createTraining();
      if (!this.findPlan(setting)) {
        this.refusals.set(address, gettext("The plan is another setting's."));
      }
      // The workers start before a knob is turned, unless there is nobody to watch any more.
      else if (this.isOn) this.training?.usePlan(plan);
    } catch (thrown) {
      const { lost, message } = toServerError(thrown);
      // A server that can't be reached may be back at the next change.
      if (!lost) this.refusals.set(address, message);
      else if (this.isWaiting) this.refuse(message);
      if (lost) this.isWaiting = false;
    } finally {
      this.isFetching = false;
    }
    if (!this.isWaiting) return;
    this.isWaiting = false;
    this.change();
  }

  /** @param {PlanHead["dtype"]} dtype of the plans that the kernel is to train */
  async fetchKernel(dtype) {
    const isThere = this.kernels.has(dtype);
    if (!isThere) this.kernels.set(dtype, await getBytes(this.urls.kernels[dtype]));
  }

  createTraining() {
    return new LiveTraining(this.kernels, {
      onShares: (knobs, points, shares) => {
        const task = this.tasks.get(knobs);
        if (task) this.takeCurves({ ...task, curves: new LiveCurves(task.plan, points, shares) });
      },
      onFailure: (message) => {
        this.isBroken = true;
        this.toggle.checked = false;
        this.toggle.disabled = true;
        this.refuse(message);
      },
    });
  }

  /**
   * @param {LivePlan} plan
   * @param {Setting} setting
   */
  train(plan, { knobs }) {
    const { training, host } = this;
    if (!training) return;
    if (!isTrainable(plan.head, knobs)) {
      training.cancel();
      this.refuse(gettext("Its layers or schedules can't work with these numbers."));
      return;
    }
    this.plans = [plan, ...this.plans.filter((other) => other !== plan)];
    this.tasks.set(knobs, { plan, texts: host.describeCurve(plan.head.replicas) });
    training.usePlan(plan);
    training.train(knobs);
  }

  /** @param {Trained} trained */
  takeCurves(trained) {
    this.latest = trained;
    if (!this.reducedMotion.matches) this.drawSoon();
    clearTimeout(this.quietTimer);
    if (!trained.curves.isWhole) return;
    const delay = this.reducedMotion.matches ? STILL : QUIET;
    this.quietTimer = setTimeout(() => this.settle(), delay);
  }

  /** Draws what was trained last: at once, but no more than once a frame. */
  drawSoon() {
    this.isDrawn = !this.frame;
    if (this.frame) return;
    this.draw();
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.isDrawn) this.drawSoon();
    });
  }

  /**
   * Draws what was trained last; `settled` once no knob moves any more.
   *
   * @param {boolean} settled
   */
  draw(settled = false) {
    if (!this.latest) return;
    const { curves, texts } = this.latest;
    const { series } = this.host;
    this.host.showLive({
      x: curves.x,
      band: curves.bandOf(series),
      replicas: this.host.replicasToggle.checked ? curves.replicasOf(series) : null,
      texts,
      sentence: settled ? this.describe(this.latest) : "",
      settled,
    });
    this.say(this.provenance(curves.head.replicas), curves.isWhole);
  }

  /** The curve is drawn as a finished one, and said to those who can't see it. */
  settle() {
    if (!this.latest) return;
    this.draw(true);
    const { title } = this.latest.texts;
    const outcome = this.describe(this.latest);
    this.host.status.announce(
      gettext("%(title)s: trained in your browser. %(outcome)s", { title, outcome }),
    );
    void this.reportUse();
  }

  /**
   * Which shapes the curves have, and where their median begins and ends.
   *
   * @param {Trained} trained
   */
  describe({ curves }) {
    const { config, series } = this.host;
    return describeShapes(curves.x, curves.replicasOf(series), config.x.label, config);
  }

  /** @param {number} replicas */
  provenance(replicas) {
    const asked = Number(this.host.form.replicas.value);
    if (replicas >= asked) return gettext("Trained in your browser.");
    return ngettext(
      "Trained in your browser: %(replicas)s of %(num)s seed, as this device has little memory.",
      "Trained in your browser: %(replicas)s of %(num)s seeds, as this device has little memory.",
      asked,
      { replicas },
    );
  }

  /**
   * The server trains what can't be trained here, as where nothing can be.
   *
   * @param {string} reason why it can't
   */
  refuse(reason) {
    this.isWaiting = false;
    this.latest = null;
    const neverDid = !this.plans.length && !this.isBroken;
    this.say(neverDid ? "" : gettext("The server trains this setting: press Run."));
    this.note.title = reason;
  }

  /**
   * @param {string} words where the curve was trained; empty when it was not trained here
   * @param {boolean} canBeChecked
   */
  say(words, canBeChecked = false) {
    if (this.words.textContent !== words) this.words.textContent = words;
    this.note.hidden = !words;
    this.note.title = "";
    this.checkButton.hidden = !canBeChecked;
  }

  /** Tells the server, once, that the experiment was run: no setting, no result. */
  async reportUse() {
    if (this.isReported) return;
    this.isReported = true;
    try {
      await postJson(this.urls.used);
    } catch {
      this.isReported = false; // the next setting tries again
    }
  }

  /** The server trains the same; its numbers are compared with those that were trained here. */
  async check() {
    const trained = this.latest;
    if (!trained?.curves.isWhole) return;
    const { curves } = trained;
    const digest = await curves.digest();
    this.say(gettext("The server trains the same…"));
    this.host.status.announce(gettext("The server trains the same."));
    const job = await this.host.trainOnServer(curves.head.replicas);
    if (!job) {
      this.say(gettext("The server has not trained it, so that it could not be compared."));
      return;
    }
    const message = await this.compare(curves, digest, job);
    this.say(message);
    this.host.status.announce(message);
  }

  /**
   * @param {LiveCurves} curves
   * @param {string | null} digest
   * @param {RunJob} job
   */
  async compare(curves, digest, job) {
    try {
      /** @type {CheckedRun} */
      const run = await client.fetchRun(job);
      const theirs = run.outputs_sha256;
      if (!digest || !theirs) return await this.compareNumbers(curves, job);
      const code = `SHA-256 ${theirs.slice(0, 12)}…`;
      if (digest === theirs) {
        return gettext("Checked: the server trained the same, to the last bit (%(code)s).", {
          code,
        });
      }
      return gettext("The server's curves differ from those trained here (%(here)s, %(there)s).", {
        here: `${digest.slice(0, 12)}…`,
        there: code,
      });
    } catch (thrown) {
      const { message } = toServerError(thrown);
      return gettext("It could not be compared: %(message)s", { message });
    }
  }

  /**
   * Where no digest can be had: number by number.
   *
   * @param {LiveCurves} curves
   * @param {RunJob} job
   */
  async compareNumbers(curves, job) {
    /** @type {CheckedRun} */
    const run = await client.fetchRun(job, { replicas: true });
    const isSame = Object.keys(curves.head.series).every((name) => {
      const here = curves.replicasOf(name);
      return run.replicas?.[name]?.every((values, replica) =>
        values.every((value, point) => {
          const mine = here[replica][point];
          return value === (Number.isFinite(mine) ? mine : null);
        }),
      );
    });
    return isSame
      ? gettext("Checked: the server trained the same, number by number.")
      : gettext("The server's curves differ from those trained here.");
  }

  /**
   * Makes the CSV of what was trained here, for the link that was pressed.
   *
   * @param {HTMLAnchorElement} link
   */
  fillCsv(link) {
    if (!this.latest) return;
    const text = this.latest.curves.toCsv(this.host.config.x.label);
    const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    Object.assign(link, { href: url, download: `${this.host.config.simulation}-browser.csv` });
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
}
