// @ts-check
// The training of a phase map on request: in this browser where that can be, else on the server.

import { setEnabled } from "./disable-button.js";
import { findPart, showDetail } from "./dom.js";
import { toServerError } from "./http.js";
import { ProgressBar, timeLeftClause, waitingMessage } from "./progress-bar.js";
import * as client from "./run-client.js";
import { RunMemory, RunsInTheWay } from "./running-runs.js";
import { gettext, ngettext } from "./translation.js";

/** @import { LiveMap } from "./live-map.js" */
/** @import { PhaseMaps } from "./phase-maps.js" */
/** @import { FoundRun, MapRequest, MapRun, RunCells, RunEnd, RunJob, RunRequest } from "./types" */
/** @import { RunState, Value } from "./types" */

const HERE = gettext("Trained in your browser.");

export class MapTraining {
  /** @param {PhaseMaps} maps which show what is trained */
  constructor(maps) {
    const { root } = maps;
    this.maps = maps;
    this.busy = false;
    /** The map that this browser trains. @type {LiveMap | null} */
    this.trained = null;
    /** The request that this browser trained last, to be checked. @type {RunRequest | null} */
    this.request = null;
    /** What the server's counts are to be compared with. @type {Value[][] | null} */
    this.compared = null;
    /** The map that the server trains. @type {RunJob | null} */
    this.job = null;
    this.stopFollowing = () => {};
    this.stopButton = findPart(root, "map-stop", HTMLButtonElement);
    this.progressBox = findPart(root, "map-going", HTMLElement);
    this.error = findPart(root, "map-error", HTMLElement);
    this.detail = findPart(root, "map-error-detail", HTMLElement);
    this.origin = findPart(root, "map-origin", HTMLElement);
    this.originWords = findPart(root, "map-origin-words", HTMLElement);
    this.checkButton = findPart(root, "map-check", HTMLButtonElement);
    this.bar = new ProgressBar(root, "map-");
    this.memory = new RunMemory(maps.config);
    this.inTheWay = new RunsInTheWay(this.error, maps.computeButton);
    this.stopButton.addEventListener("click", () => void this.stop());
    this.checkButton.addEventListener("click", () => void this.check());
    this.setBusy(false);
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
      this.showError(gettext("Choose two different knobs."));
      this.maps.yList.focus();
      return;
    }
    const fault = this.maps.form.findFault();
    if (fault !== null) {
      this.showError(fault || gettext("One of the knobs above has a value that it can't have."));
      return;
    }
    const { arm, knobs, first } = this.maps.form.setting;
    const { topic, simulation } = this.maps.config;
    /** @type {RunRequest} */
    const request = { topic, simulation, arm, knobs, first_seed: first, map };
    this.request = null;
    this.compared = null;
    this.inTheWay.show([]);
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
    const { live: urls } = this.maps.config;
    if (!urls || !this.maps.host.mayTrain()) return false;
    this.bar.show(0, gettext("Getting ready to train in your browser…"));
    try {
      const { LiveMap } = await import("./live-map.js");
      this.trained = await LiveMap.open(this.maps.config, urls, request);
    } catch {
      return false; // the server says what is wrong, if anything is
    }
    this.request = request;
    this.begin(this.trained.run);
    this.sayOrigin(HERE);
    setEnabled(this.stopButton, true);
    this.trained.start({
      onCells: (data) => this.add(data),
      onEnd: (end) => this.end(end),
      onFailure: () => {
        this.trained = null;
        this.request = null;
        void this.trainOnServer(request);
      },
      mayTrain: () => this.maps.host.mayTrain(),
      isDisturbed: () => this.maps.host.isTraining(),
    });
    return true;
  }

  /** @param {RunRequest} request */
  async trainOnServer(request) {
    this.bar.show(0, gettext("Asking for the map…"));
    /** @type {RunJob} */
    let job;
    /** @type {MapRun} */
    let run;
    try {
      job = await client.startRun(this.maps.config.runs_url, request);
      this.job = job;
      this.memory.note("map", job);
      run = await client.fetchRun(job);
    } catch (error) {
      this.showRefusal(error);
      return;
    }
    this.followMap(job, run);
  }

  /**
   * Goes on with a map that was asked for before this page was opened.
   *
   * @param {FoundRun} found
   */
  async takeUp({ job }) {
    if (this.busy) return;
    this.setBusy(true);
    this.job = job;
    /** @type {MapRun} */
    let run;
    try {
      run = await client.fetchRun(job);
    } catch (error) {
      this.showRefusal(error);
      return;
    }
    this.followMap(job, run, false);
    this.maps.proposeMap();
  }

  /**
   * Shows what the server trains of a map as it comes.
   *
   * @param {RunJob} job
   * @param {MapRun} run
   * @param {boolean} [isAsked] whether it was asked for just now
   */
  followMap(job, run, isAsked = true) {
    this.begin(run, isAsked);
    if (run.state === "done") {
      this.end(run);
      return;
    }
    setEnabled(this.stopButton, true);
    this.stopFollowing = client.followRun(job, {
      state: (data) => this.showWaiting(data),
      cells: (data) => this.add(data),
      end: (data) => this.end(data),
      lost: (isFirst) => this.bar.showLostConnection(isFirst),
    });
  }

  /** The server trains the map that was trained here; their counts are compared. */
  async check() {
    const counts = this.maps.computedCounts;
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
    if (!others) {
      return ngettext(
        "Checked: the server counts the same in the %(num)s cell.",
        "Checked: the server counts the same in all %(num)s cells.",
        cells.length,
      );
    }
    return ngettext(
      "The server counts otherwise in %(others)s of %(num)s cell.",
      "The server counts otherwise in %(others)s of %(num)s cells.",
      cells.length,
      { others },
    );
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
    const { detail, field, lost, message, ownRuns } = toServerError(thrown);
    this.job = null;
    this.inTheWay.show(ownRuns);
    this.setBusy(false);
    const outcome = this.compared
      ? gettext("The map could not be compared.")
      : gettext("No map was computed.");
    this.bar.show(0, outcome);
    this.compared = null;
    const advised = lost
      ? gettext("%(message)s Check the connection, then ask for the map again.", { message })
      : message;
    this.showError(advised, detail);
    if (field?.startsWith("map.")) {
      const list = this.maps.root.querySelector(`[data-part="${field.replace(".", "-")}"]`);
      if (list instanceof HTMLElement) list.focus();
    }
  }

  /**
   * Shows what a run has of a map so far.
   *
   * @param {MapRun} run
   * @param {boolean} [isAsked] whether it was asked for just now, and so comes into view
   */
  begin(run, isAsked = true) {
    const title = this.maps.beginMap(run, isAsked);
    if (isAsked) this.progressBox.scrollIntoView({ block: "nearest" });
    this.sayOrigin("");
    this.bar.announce(gettext("The map is being computed: %(title)s.", { title }));
  }

  /** @param {RunState} data */
  showWaiting({ state, waiting }) {
    if (state === "queued") this.bar.show(0, waitingMessage(waiting));
  }

  /** @param {RunCells} data */
  add(data) {
    this.maps.addCells(data);
    const { done, total } = data;
    const cells = ngettext("%(done)s of %(num)s cell", "%(done)s of %(num)s cells", total, {
      done,
    });
    this.bar.show(done / total, cells + timeLeftClause(data));
  }

  /** @param {RunEnd} end */
  end({ state, error, error_detail: detail, sentence }) {
    this.stopFollowing();
    this.stopFollowing = () => {};
    const isDone = state === "done";
    const message = endMessage(state, error ?? gettext("The map failed. Try again."));
    this.bar.show(isDone ? 1 : null, message);
    showDetail(this.detail, state === "failed" ? detail : null);
    const counts = this.maps.computedCounts ?? [];
    const here = this.trained?.createCsv(counts);
    const name = here ? `${this.maps.config.simulation}-map-browser.csv` : "";
    this.maps.endMap(sentence ?? "", message, {
      href: here ?? this.job?.csv ?? "",
      download: name,
    });
    if (this.trained) this.sayOrigin(HERE, isDone);
    else if (isDone) this.sayOrigin(this.compareCounts(counts));
    this.compared = null;
    if (this.job) this.memory.note("map", null);
    this.job = null;
    this.trained = null;
    this.setBusy(false);
    const origin = this.originWords.textContent;
    this.bar.announce([message, origin, sentence].filter(Boolean).join(" "));
  }

  async stop() {
    this.trained?.end("stopped");
    if (!this.job) return;
    setEnabled(this.stopButton, false);
    this.bar.show(null, gettext("Stopping…"));
    try {
      await client.stopRun(this.job);
    } catch (thrown) {
      setEnabled(this.stopButton, this.busy);
      const { message } = toServerError(thrown);
      this.showError(gettext("It could not be stopped: %(message)s", { message }));
    }
  }

  /** @param {boolean} busy whether a map is being computed */
  setBusy(busy) {
    this.busy = busy;
    if (busy) this.progressBox.hidden = false;
    const { computeButton, againButton } = this.maps;
    for (const button of [computeButton, againButton]) setEnabled(button, !busy);
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
  if (state === "done") return gettext("Done.");
  if (state === "stopped") return gettext("Stopped. The cells so far stay in the picture.");
  return state === "failed" ? error : state;
}
