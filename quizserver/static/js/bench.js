// @ts-check
// The lab bench: turns the recorded bench of the page into one that runs.

import { BenchForm } from "./bench-form.js";
import { Chart, OWN } from "./chart.js";
import { valuesAt } from "./chart-geometry.js";
import { setEnabled } from "./disable-button.js";
import { findPart, setText } from "./dom.js";
import { toServerError } from "./http.js";
import { parseJson } from "./json.js";
import { fetchBenchesNearby } from "./lesson-benches.js";
import { Legend } from "./legend.js";
import { isSameNumber } from "./number-knob.js";
import { formatNumber } from "./number-text.js";
import { OptionLinks } from "./option-links.js";
import { timeLeftClause, waitingMessage } from "./progress-bar.js";
import * as client from "./run-client.js";
import { findLostRun, RunMemory, RunsInTheWay } from "./running-runs.js";
import { SavedRuns } from "./saved-runs.js";
import { isDrawable, isNumber } from "./scales.js";
import { parseSettingLink, writeSettingLink } from "./setting-link.js";
import { BenchStatus } from "./status.js";
import { gettext, ngettext } from "./translation.js";

/** @import { Band, BenchConfig, CurveRun, LiveCurve, RecordedCurve, RunJob } from "./types" */
/** @import { FoundRun, Setting } from "./types" */
/** @import { Curve, RunEnd, RunPoints, RunState, Value } from "./types" */
/** @import { LiveBench } from "./live-bench.js" */
/** @import { ShownSetting } from "./option-links.js" */
/** @import { PhaseMaps } from "./phase-maps.js" */

const LETTERS = "ABCD";
// For saved runs whose own colour is taken: the arms' colours, the least alike first.
const COLOURS = [2, 3, 1, 0, 4, 5];

class Bench {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {BenchConfig} */
    this.config = parseJson(
      findPart(root, "config", HTMLTemplateElement).content.textContent ?? "",
    );
    // The chart shows the first series.
    this.series = Object.keys(this.config.series)[0];
    this.figure = findPart(root, "figure", HTMLElement);
    this.data = findPart(root, "data", HTMLDetailsElement);
    this.caption = findPart(root, "caption", HTMLElement);
    this.beyond = findPart(root, "beyond", HTMLElement);
    this.runButton = findPart(root, "run", HTMLButtonElement);
    this.stopButton = findPart(root, "stop", HTMLButtonElement);
    this.logToggle = findPart(root, "log", HTMLInputElement);
    this.replicasToggle = findPart(root, "replica-lines", HTMLInputElement);
    this.link = findPart(root, "link", HTMLAnchorElement);
    this.csv = findPart(root, "csv", HTMLAnchorElement);
    this.busy = false;
    this.recordedRequested = false;
    this.mapsRequested = false;
    /** The run that was last asked for. @type {RunJob | null} */
    this.job = null;
    /** The curve that is being drawn or was drawn last. @type {Curve | null} */
    this.current = null;
    /** @type {[number, number] | null} */
    this.xRange = null;
    /** When the current run began to be followed. */
    this.startedAt = 0;
    this.stopFollowing = () => {};
    /** Is told how the current run ended. @type {(isDone: boolean) => void} */
    this.onEnd = () => {};
    /** What trains in this browser, once it is loaded. @type {LiveBench | null} */
    this.live = null;
    this.liveRequested = false;
    /** What it is to do once it is loaded. @type {Set<"touch" | "change">} */
    this.pendingActs = new Set();
    /** @type {PhaseMaps | null} */
    this.maps = null;
    this.status = new BenchStatus(root);
    this.legend = new Legend(root, this.config.x.label, (run) => this.removeSaved(run));
    this.saved = new SavedRuns(`${this.config.topic}/${this.config.simulation}`);
    this.memory = new RunMemory(this.config);
    this.inTheWay = new RunsInTheWay(
      findPart(root, "form-error", HTMLElement),
      findPart(root, "run", HTMLElement),
    );
    this.form = new BenchForm(root, this.config, {
      onChange: () => {
        // Training begins first: the rest is done while the workers train.
        this.useLive("change");
        this.handleChange();
      },
      onArm: (message) => {
        this.handleChange();
        this.live?.hide();
        this.showRecorded();
        this.status.showMessage(message);
      },
    });
    this.chart = new Chart(
      findPart(root, "chart", HTMLElement),
      `${root.id}-live`,
      { x: this.config.x, y: this.config.series[this.series] },
      (x, target) => this.showReading(x, target),
    );
    this.options = new OptionLinks(root.closest(".experiment") ?? root, this);
    this.drawInitial();
    this.listen();
    enableWaiting(root);
    root.querySelector("[data-late]")?.remove();
    this.applyLink();
    void this.takeUpRuns();
  }

  /**
   * The setting that the page proposes. Its recorded curve is in the page as a picture, which stays
   * until its numbers come or another curve is drawn.
   */
  drawInitial() {
    const { initial, x_range: xRange, replicas, described } = this.config;
    this.form.startFromArm(initial.arm, initial.knobs, { first: 0, replicas });
    const turnedEarly = this.form.knobs.filter((knob) => knob.restoreTyped());
    this.form.updateArmButtons();
    this.setBusy(false);
    findPart(this.root, "key-described", HTMLElement).hidden = !described;
    const axis = this.config.series[this.series];
    // What is described is drawn to scale; else the simulation knows what its series needs.
    this.logToggle.checked = axis.scale === "log" && !described;
    this.xRange = xRange;
    if (xRange) void this.fetchRecorded();
    else this.redraw();
    this.handleChange();
    if (turnedEarly.length) this.useLive("change");
  }

  /**
   * @param {string} arm
   * @param {RecordedCurve} recorded
   * @returns {Curve}
   */
  recordedCurve(arm, { x, n, sentence, ...band }) {
    const { label } = this.form.findArm(arm);
    const title = n
      ? ngettext("%(label)s, %(num)s seed, recorded", "%(label)s, %(num)s seeds, recorded", n, {
          label,
        })
      : gettext("%(label)s, recorded", { label });
    const curve = this.createCurve(arm, x, band, { title });
    return { ...curve, recorded: true, sentence: sentence ?? "" };
  }

  /**
   * @param {string} name the arm's
   * @param {number[]} x
   * @param {Band} band
   * @param {{ title: string, label?: string, key?: string, isTurned?: boolean }} texts
   * @returns {Curve}
   */
  createCurve(name, x, { median, low, high }, { title, label, key, isTurned }) {
    const arm = this.form.findArm(name);
    return {
      x: [...x],
      median: [...median],
      low: [...low],
      high: [...high],
      // The colours are the arms': a setting of one's own is drawn as ink.
      arm: isTurned ? OWN : arm.index,
      name,
      label: label ?? arm.label,
      title,
      key: key ?? title,
    };
  }

  /** What is recorded of the present setting, or an empty chart: never another setting's curve. */
  showRecorded() {
    if (this.busy) return;
    if (!this.current?.recorded) this.saveCurrent(null);
    this.current = this.findRecorded();
    if (!this.current) void this.fetchRecorded();
    this.csv.hidden = true;
    this.status.showProgress(0, "");
    this.redraw();
    if (this.replicasToggle.checked) void this.showReplicas();
  }

  /** The recorded curve of the setting as it stands; null while none is known. */
  findRecorded() {
    const { recorded_arms: fetched } = this.config;
    const arm = this.form.arm.name;
    if (this.hasTurnedKnobs) return null;
    const curve = fetched?.arms[arm];
    return fetched && curve ? this.recordedCurve(arm, { ...curve, x: fetched.x }) : null;
  }

  /** The recorded curves of all arms: they come once. */
  async fetchRecorded() {
    const { recorded_url: url } = this.config;
    if (!url || this.recordedRequested) return;
    this.recordedRequested = true;
    try {
      this.config.recorded_arms = await client.fetchRecordedArms(url);
    } catch (thrown) {
      const { message } = toServerError(thrown);
      this.recordedRequested = false;
      // An arm without its recorded curve can still be run.
      if (!this.current && !this.busy) {
        this.status.showMessage(
          this.chart.isDrawn
            ? gettext("Its recorded curve did not come: %(message)s Press Run to train it.", {
                message,
              })
            : gettext("The numbers of the recorded curve did not come: %(message)s", { message }),
        );
      }
      return;
    }
    // Whatever is recorded of the arm that is chosen by now; a curve that was run stays.
    if (this.current || this.busy) return;
    this.current = this.findRecorded();
    if (this.current) this.redraw();
  }

  listen() {
    findPart(this.root, "form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      void this.run();
    });
    this.stopButton.addEventListener("click", () => void this.stop());
    this.logToggle.addEventListener("change", () => {
      // The picture that came with the page stays until there are numbers to draw another.
      if (this.current || this.chart.isDrawn) this.redraw();
      else void this.fetchRecorded();
    });
    this.replicasToggle.addEventListener("change", () => void this.showReplicas());
    this.link.addEventListener("click", () => void this.copyLink());
    this.csv.addEventListener("click", () => {
      if (this.current?.live) this.live?.fillCsv(this.csv);
    });
    this.data.addEventListener("toggle", () => {
      this.fillTable();
      if (this.data.open && !this.current) void this.fetchRecorded();
    });
    const map = this.root.querySelector('[data-part="map"]');
    if (map instanceof HTMLDetailsElement) {
      map.addEventListener("toggle", () => {
        if (map.open) void this.openMaps(map);
      });
      // Somebody may have been quicker than the script.
      if (map.open) void this.openMaps(map);
    }
    for (const knobs of this.root.querySelectorAll(".knobs")) {
      for (const name of ["focusin", "pointerdown"]) {
        knobs.addEventListener(name, () => this.useLive("touch"));
      }
    }
    window.addEventListener("hashchange", () => {
      // The link's own address is the setting that stands already, with its curve.
      if (window.location.hash !== this.link.hash) this.applyLink();
    });
  }

  /**
   * The recorded maps come when they are opened, and with them what computes others.
   *
   * @param {HTMLDetailsElement} root
   */
  async openMaps(root) {
    if (this.maps || this.mapsRequested) return;
    this.mapsRequested = true;
    const lost = findPart(root, "map-lost", HTMLElement);
    lost.hidden = true;
    try {
      const module = await import("./phase-maps.js");
      const recorded = await module.fetchRecordedMaps(root);
      const toggle = this.root.querySelector('[data-part="live-toggle"]');
      this.maps = new module.PhaseMaps(this.root, { ...this.config, maps: recorded }, this.form, {
        runSetting: () => this.runFromMap(),
        mayTrain: () => toggle instanceof HTMLInputElement && toggle.checked && canTrain(),
        isTraining: () => this.live?.training?.isBusy ?? false,
      });
      this.maps.showSetting();
      enableWaiting(root);
    } catch (thrown) {
      const { message } = toServerError(thrown);
      lost.textContent = gettext(
        "The maps did not come: %(message)s Close and open this part to try again.",
        { message },
      );
      lost.hidden = false;
    } finally {
      this.mapsRequested = false;
    }
  }

  /**
   * Sets the knobs to an option's setting and shows what is recorded of it.
   *
   * @param {ShownSetting} setting
   * @param {boolean} isAsked whether the curve itself was asked for: then it is brought into view
   */
  showSetting({ arm, knobs }, isAsked) {
    if (this.busy || this.form.findArm(arm).name !== arm) return;
    this.form.startFromArm(arm, knobs);
    this.handleChange();
    this.live?.hide();
    this.showRecorded();
    if (!this.current && this.hasTurnedKnobs) this.useLive("change");
    if (!isAsked) return;
    this.status.showMessage(`${this.form.settingText}.`);
    this.figure.scrollIntoView({ block: "nearest" });
  }

  get hasTurnedKnobs() {
    return Object.keys(this.form.changedKnobs).length > 0;
  }

  /** @param {ShownSetting} setting */
  hasSetting({ arm, knobs }) {
    const changed = this.form.changedKnobs;
    const names = new Set([...Object.keys(changed), ...Object.keys(knobs)]);
    return (
      this.form.arm.name === arm &&
      [...names].every((name) => isSameNumber(changed[name] ?? NaN, knobs[name] ?? NaN))
    );
  }

  handleChange() {
    this.status.showError("");
    this.options.update();
    this.maps?.showSetting();
    const setting = { ...this.form.setting, knobs: this.form.changedKnobs };
    this.link.href = writeSettingLink(this.root.id, setting);
  }

  /**
   * Lets what trains in this browser act, which is loaded when it is needed first. Where nothing
   * does, or the browser can't, nothing happens.
   *
   * @param {"touch" | "change"} act
   */
  useLive(act) {
    const { live: urls } = this.config;
    if (this.live) {
      this.live[act]();
      return;
    }
    this.pendingActs.add(act);
    if (!urls || this.liveRequested || !canTrain()) return;
    this.liveRequested = true;
    import("./live-bench.js").then(
      (module) => {
        const live = new module.LiveBench(this, urls);
        this.live = live;
        this.pendingActs.forEach((pending) => live[pending]());
        this.pendingActs.clear();
      },
      () => {
        this.liveRequested = false; // the next touch tries again
      },
    );
  }

  /**
   * Draws curves that were trained in this browser in the place of the last ones. A recorded curve or
   * a run stays in the chart for comparison.
   *
   * @param {LiveCurve} curve
   */
  showLive({ x, band, replicas, texts, sentence, settled }) {
    if (this.busy) return;
    if (!this.current?.live) {
      this.saveCurrent(null);
      this.status.showProgress(0, gettext("Run has the server train and keep this setting."));
    }
    const curve = this.createCurve(texts.arm, x, band, texts);
    this.current = { ...curve, live: true, replicas, sentence };
    this.csv.hidden = !settled;
    this.csv.href = "#";
    this.redraw(!settled);
  }

  /**
   * What a curve of the setting as it stands is called, for people, and by its exact values.
   *
   * @param {number} replicas
   */
  describeCurve(replicas) {
    const { changesText, settingText, setting, arm } = this.form;
    return {
      arm: arm.name,
      title: `${settingText}, ${seedsText(setting.first, replicas)}`,
      label: changesText || settingText,
      isTurned: Boolean(changesText),
      key: JSON.stringify([arm.name, setting.knobs, setting.first, replicas]),
    };
  }

  /**
   * Runs the setting for so many seeds. Gives the run; null where it did not come to its end.
   *
   * @param {number} replicas
   * @returns {Promise<RunJob | null>}
   */
  trainOnServer(replicas) {
    return new Promise((resolve) => {
      this.onEnd = (isDone) => resolve(isDone ? this.job : null);
      void this.run(replicas);
    });
  }

  /** Sets the form to what the address says, if it is about this bench. */
  applyLink() {
    const link = parseSettingLink(window.location.hash);
    if (link?.benchId !== this.root.id) return;
    const faults = [...link.faults, ...this.form.startFromLink(link)];
    this.handleChange();
    this.live?.hide();
    this.showRecorded();
    // A setting of which nothing is recorded is trained at once, where this browser can.
    if (!faults.length && this.hasTurnedKnobs) this.useLive("change");
    this.root.scrollIntoView({ block: "start" });
    this.status.showMessage(linkMessage(faults));
  }

  /**
   * Goes on with what this visitor has running at this bench, which the page knows nothing of: after
   * a reload, in another tab or another browser. A link in the address, or a knob that was turned
   * meanwhile, comes before the runs of other tabs.
   */
  async takeUpRuns() {
    const untouched = JSON.stringify(this.form.setting);
    const ofThisTab = parseSettingLink(window.location.hash)?.benchId === this.root.id;
    const mapPart = this.root.querySelector('[data-part="map"]');
    const [curves, map] = await Promise.all([
      findLostRun(this.config, "curves", { ofThisTab }),
      mapPart && findLostRun(this.config, "map", { ofThisTab }),
    ]);
    if (this.busy || JSON.stringify(this.form.setting) !== untouched) return;
    const shown = curves ?? map;
    if (!shown) return;
    this.showSettingOf(shown);
    if (curves) {
      const { setting, changesText, settingText } = this.form;
      this.setBusy(true);
      this.status.announce(gettext("Your run goes on: %(setting)s.", { setting: settingText }));
      void this.followRun(curves.job, setting, changesText ? null : setting.arm);
    } else {
      this.showRecorded();
    }
    if (map && mapPart instanceof HTMLDetailsElement) {
      mapPart.open = true;
      await this.openMaps(mapPart);
      await this.maps?.training.takeUp(map);
    }
  }

  /** @param {FoundRun} found */
  showSettingOf({ kind, run: { arm, knobs, seeds } }) {
    // Of a map, the seeds are those of a cell: the form's stay.
    const [first, end] = seeds;
    const ownSeeds = kind === "curves" ? { first, replicas: end - first } : null;
    this.form.startFromArm(arm ?? this.form.arm.name, knobs, ownSeeds);
    this.handleChange();
  }

  async copyLink() {
    try {
      await navigator.clipboard.writeText(new URL(this.link.href, window.location.href).href);
      this.status.showMessage(gettext("Link copied. It is in the address bar, too."));
    } catch {
      this.status.showMessage(gettext("The link is in the address bar."));
    }
  }

  /** Runs the setting under the map's dot, and brings the curve into view. */
  runFromMap() {
    void this.run();
    this.figure.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} [fewer] seeds than the form asks for */
  async run(fewer) {
    if (this.busy) return;
    const fault = this.form.findFault();
    if (fault !== null) {
      this.status.showError(fault);
      this.tellEnd(false);
      return;
    }
    const { settingText, changesText, setting } = this.form;
    const { arm, knobs, first } = setting;
    const replicas = fewer ?? setting.replicas;
    if (fewer === undefined) this.live?.hide();
    this.setBusy(true);
    this.inTheWay.show([]);
    this.status.showProgress(0, gettext("Asking for a run…"));
    /** @type {RunJob} */
    let job;
    try {
      const { topic, simulation, runs_url: url } = this.config;
      const request = { topic, simulation, arm, knobs, replicas, first_seed: first };
      job = await client.startRun(url, request);
    } catch (error) {
      this.showRefusal(error);
      return;
    }
    this.status.announce(gettext("Run started: %(setting)s.", { setting: settingText }));
    await this.followRun(job, { ...setting, replicas }, changesText ? null : arm);
  }

  /**
   * Draws a run of this setting as it comes.
   *
   * @param {RunJob} job
   * @param {Setting} setting
   * @param {string | null} namedArm the arm that it runs; null when it has other knobs
   */
  async followRun(job, { arm, replicas }, namedArm) {
    this.job = job;
    this.memory.note("curves", job);
    this.saveCurrent(namedArm);
    const texts = this.describeCurve(replicas);
    const curve = this.createCurve(arm, [], { median: [], low: [], high: [] }, texts);
    this.current = { ...curve, run: job };
    this.startedAt = performance.now();
    this.redraw(true);
    if (job.state === "done" && (await this.takeStoredRun(job))) return;
    setEnabled(this.stopButton, true);
    this.stopFollowing = client.followRun(job, {
      state: (data) => this.showWaiting(data),
      points: (data) => this.addPoints(data),
      end: (data) => this.endRun(data),
      lost: (isFirst) => this.status.bar.showLostConnection(isFirst),
    });
  }

  /**
   * A finished run comes whole; false when it could not be had, so that the stream may try.
   *
   * @param {RunJob} job
   */
  async takeStoredRun(job) {
    try {
      /** @type {CurveRun} */
      const run = await client.fetchRun(job);
      if (this.current) Object.assign(this.current, { x: run.x, ...run.series[this.series] });
      this.endRun(run);
      return true;
    } catch {
      return false;
    }
  }

  /** @param {RunState} data */
  showWaiting({ state, waiting }) {
    if (state === "queued") this.status.showProgress(0, waitingMessage(waiting));
  }

  /** @param {RunPoints} data */
  addPoints({ x, series, ...progress }) {
    const band = series[this.series];
    const curve = this.current;
    if (!curve) return;
    x.forEach((value, i) => {
      // A stream that was taken up again may repeat points: only later ones count.
      const last = curve.x.at(-1);
      if (last !== undefined && value <= last) return;
      curve.x.push(value);
      curve.median.push(band.median[i]);
      curve.low.push(band.low[i]);
      curve.high.push(band.high[i]);
    });
    const { done, total } = progress;
    // Where the run will end is known from the recorded one, or guessed where the steps are even.
    const isEven = !this.config.x_range && this.config.x.scale !== "log";
    if (isEven && curve.x.length > 1) {
      const [first, second] = curve.x;
      this.xRange = [first, first + (total - 1) * (second - first)];
    }
    this.redraw(true);
    const end = this.xRange?.[1];
    const isUnderWay = done < total && Boolean(end);
    const reached = `${this.config.x.label} ${formatNumber(x.at(-1), 6)}`;
    const position = isUnderWay
      ? gettext("%(reached)s of %(end)s", { reached, end: formatNumber(end, 6) })
      : ngettext("%(done)s of %(num)s point", "%(done)s of %(num)s points", total, { done });
    // The first points say little of how long the rest will take.
    const isTelling = curve.x.length >= 5 && performance.now() - this.startedAt >= 1000;
    const timeLeft = isTelling ? timeLeftClause(progress) : "";
    this.status.showProgress(done / total, position + timeLeft);
  }

  /** @param {RunEnd} end */
  endRun({ state, error, error_detail: detail, sentence }) {
    this.stopFollowing();
    this.memory.note("curves", null);
    this.setBusy(false);
    const isDone = state === "done";
    const hasFailed = state === "failed";
    const message = endMessage(state, error ?? gettext("The run failed. Press Run to try again."));
    if (hasFailed) this.status.showError(message, detail);
    this.status.showProgress(isDone ? 1 : null, hasFailed ? gettext("The run failed.") : message);
    if (this.current) this.current.sentence = sentence ?? "";
    this.redraw();
    // What a run had shown before it was stopped is kept, too.
    this.csv.hidden = !isDone && (hasFailed || !this.current?.x.length);
    this.csv.href = this.job?.csv ?? "";
    this.csv.download = "";
    if (isDone && this.replicasToggle.checked) void this.showReplicas();
    this.status.announce([message, sentence].filter(Boolean).join(" "));
    this.tellEnd(isDone);
  }

  /** @param {boolean} isDone */
  tellEnd(isDone) {
    this.onEnd(isDone);
    this.onEnd = () => {};
  }

  /** @param {unknown} thrown */
  showRefusal(thrown) {
    const { detail, field, lost, message, ownRuns } = toServerError(thrown);
    this.setBusy(false);
    this.inTheWay.show(ownRuns);
    this.status.showProgress(0, gettext("Nothing was run."));
    const knob = this.form.knobs.find(({ spec }) => spec.name === field);
    if (knob) {
      knob.showError(message);
      knob.focus();
    } else {
      const advised = lost
        ? gettext("%(message)s Check the connection, then press Run again.", { message })
        : message;
      this.status.showError(advised, detail);
    }
    this.tellEnd(false);
  }

  async stop() {
    if (!this.job) return;
    setEnabled(this.stopButton, false);
    this.status.showProgress(null, gettext("Stopping…"));
    try {
      await client.stopRun(this.job);
    } catch (thrown) {
      setEnabled(this.stopButton, this.busy);
      const { message } = toServerError(thrown);
      this.status.showError(gettext("It could not be stopped: %(message)s", { message }));
    }
  }

  async showReplicas() {
    const curve = this.current;
    if (curve?.live) {
      this.live?.draw(true);
      return;
    }
    if (this.replicasToggle.checked && curve && !curve.replicas && !this.busy) {
      this.status.showError("");
      try {
        curve.replicas = await this.fetchReplicas(curve);
      } catch (thrown) {
        this.status.showError(toServerError(thrown).message);
      }
    }
    this.redraw(this.busy);
  }

  /**
   * The single runs of a curve that the server trained, now or when it was recorded.
   *
   * @param {Curve} curve
   * @returns {Promise<Value[][]>}
   */
  async fetchReplicas(curve) {
    if (curve.recorded) {
      return client.fetchRecordedReplicas(this.config.recorded_url, curve.name);
    }
    if (!curve.run) return [];
    /** @type {CurveRun} */
    const run = await client.fetchRun(curve.run, { replicas: true });
    return run.replicas?.[this.series] ?? [];
  }

  /**
   * Saves the current run for comparison, unless it is the recorded twin of the run that comes
   * next.
   *
   * @param {string | null} nextArm the arm of the next run; null when that has other knobs
   */
  saveCurrent(nextArm) {
    const curve = this.current;
    // What was trained in this browser is kept by Run, which has the server train it.
    if (!curve || curve.live || (curve.recorded && curve.name === nextArm)) return;
    if (curve.x.length > 1) this.saved.addRun({ ...curve, replicas: null, run: null });
  }

  /** @param {Curve} run */
  removeSaved(run) {
    const index = this.saved.runs.indexOf(run);
    this.saved.removeRun(run);
    this.redraw(this.busy);
    // On to the next saved run, as whoever clears several would go.
    const next = this.saved.runs[Math.min(index, this.saved.runs.length - 1)];
    (this.legend.removeButtons.get(next) ?? this.logToggle).focus();
    this.status.announce(gettext("Removed: %(title)s.", { title: run.title }));
  }

  /** The current run first, then the saved ones, which show as plain lines with a letter. */
  get curves() {
    const colours = new Set(this.current ? [this.current.arm] : []);
    const saved = this.saved.runs.map((run, i) => {
      // Runs that began at the same arm would share its colour: the later ones get a free one.
      const wanted = run.arm === OWN ? COLOURS : [run.arm, ...COLOURS];
      const arm = wanted.find((colour) => !colours.has(colour)) ?? run.arm;
      colours.add(arm);
      return { ...run, label: LETTERS[i], dash: i, arm, low: [], high: [], source: run };
    });
    return this.current ? [this.current, ...saved] : saved;
  }

  /** @param {boolean} live whether a run is under way */
  redraw(live = false) {
    const curves = this.curves;
    const curve = this.current;
    const hasReplicas = curve?.replicas ?? curve?.run ?? curve?.live ?? curve?.recorded;
    this.replicasToggle.disabled = !hasReplicas;
    this.figure.classList.toggle("with-replicas", this.replicasToggle.checked);
    const { label } = this.config.series[this.series];
    this.chart.draw({
      curves,
      described: this.config.described,
      log: this.logToggle.checked,
      live,
      xRange: this.xRange,
      title: gettext("%(y)s by %(x)s: %(run)s", {
        y: label,
        x: this.config.x.label,
        run: curve?.title ?? gettext("no run yet"),
      }),
      description:
        curve?.sentence ||
        gettext("Median over the seeds, with a band from the 10 % to the 90 % quantile."),
    });
    setText(this.caption, curve?.sentence ?? "");
    const { words, runsWords } = this.chart;
    const top = this.chart.scales?.y.high ?? Infinity;
    const isHigher =
      !this.logToggle.checked &&
      curves.some(({ median }) => median.some((value) => isDrawable(value) && value > top));
    const parts = [words, isHigher && gettext("The log scale shows more of it.")];
    if (this.replicasToggle.checked) parts.push(runsWords);
    setText(this.beyond, parts.filter(Boolean).join(" "));
    this.legend.showCurves(curves, this.chart.readAt);
    if (!live) this.fillTable();
  }

  /** The table is long: it is made when somebody looks at it. */
  fillTable() {
    if (this.data.open) this.legend.fillTable(this.current);
  }

  /**
   * Shows the values at the reading line in the legend, and in the slider for screen readers.
   *
   * @param {number | null} readAt
   * @param {HTMLElement} target the slider
   */
  showReading(readAt, target) {
    this.legend.showValues(this.curves, readAt);
    const curve = this.current;
    const last = curve?.x.at(-1);
    if (!curve || last === undefined) {
      setSliderValue(target, 0, 0, 0, gettext("No curve yet"));
      return;
    }
    const x = readAt ?? last;
    const { median, low, high } = valuesAt(curve, x) ?? {};
    const value = formatNumber(median);
    const [from, to] = [formatNumber(low), formatNumber(high)];
    const text = isNumber(low)
      ? gettext("%(value)s, from %(from)s to %(to)s", { value, from, to })
      : value;
    const reading = `${this.config.x.label} ${formatNumber(x, 6)}: ${text}`;
    setSliderValue(target, curve.x[0], last, x, reading);
  }

  /** @param {boolean} busy whether a run is under way */
  setBusy(busy) {
    this.busy = busy;
    setEnabled(this.runButton, !busy);
    setEnabled(this.stopButton, false);
    // Only the picture: what is said within something busy may not be read out.
    this.figure.toggleAttribute("aria-busy", false);
    if (busy) {
      this.status.showError("");
      this.figure.setAttribute("aria-busy", "true");
      this.csv.hidden = true;
    }
  }
}

/**
 * Controls that waited for their script can be used.
 *
 * @param {ParentNode} root
 */
function enableWaiting(root) {
  for (const control of root.querySelectorAll("[data-waits]")) {
    control.toggleAttribute("disabled", false);
  }
}

/**
 * Whether this browser has what training takes: workers, and WebAssembly with vectors, which it is
 * asked about with the smallest module that uses one.
 */
function canTrain() {
  if (typeof Worker !== "function" || typeof WebAssembly !== "object") return false;
  const header = [0, 97, 115, 109, 1, 0, 0, 0];
  const types = [1, 5, 1, 96, 0, 1, 123];
  const functions = [3, 2, 1, 0];
  const code = [10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
  return WebAssembly.validate(new Uint8Array([...header, ...types, ...functions, ...code]));
}

/**
 * @param {HTMLElement} slider
 * @param {number} low
 * @param {number} high
 * @param {number} value
 * @param {string} text
 */
function setSliderValue(slider, low, high, value, text) {
  slider.setAttribute("aria-valuemin", String(low));
  slider.setAttribute("aria-valuemax", String(high));
  slider.setAttribute("aria-valuenow", String(value));
  slider.setAttribute("aria-valuetext", text);
}

/**
 * @param {string} state
 * @param {string} error
 */
function endMessage(state, error) {
  if (state === "done") return gettext("Done.");
  if (state === "stopped") return gettext("Stopped.");
  return state === "failed" ? error : state;
}

/** @param {string[]} faults what of the address's setting could not be set */
function linkMessage(faults) {
  if (!faults.length) return gettext("The setting comes from the address. Press Run.");
  return gettext(
    "The address can’t be followed wholly: %(faults)s. Look at the setting before you run it.",
    { faults: faults.join("; ") },
  );
}

/**
 * @param {number} first
 * @param {number} count
 */
function seedsText(first, count) {
  if (!first) return ngettext("%(num)s seed", "%(num)s seeds", count);
  if (count === 1) return gettext("seed %(first)s", { first });
  return gettext("seeds %(first)s to %(last)s", { first, last: first + count - 1 });
}

for (const root of document.querySelectorAll("[data-bench]")) {
  if (root instanceof HTMLElement) new Bench(root);
}
fetchBenchesNearby((root) => new Bench(root));
