// @ts-check
// Trains the claims of the page as it stands in the editor, and shows how far it is.

import { setEnabled } from "./disable-button.js";
import { findPart } from "./dom.js";
import { fetchText, postJson, toServerError } from "./http.js";
import { ProgressBar, timeLeftClause } from "./progress-bar.js";
import * as client from "./run-client.js";

/** @import { EditorHost, RunEnd, RunProgress, RunState, VerificationJob } from "./types" */

export class Verification {
  /**
   * @param {HTMLElement} root
   * @param {EditorHost} editor
   */
  constructor(root, editor) {
    this.editor = editor;
    this.form = findPart(root, "verify-form", HTMLFormElement);
    this.startButton = findPart(root, "verify-start", HTMLButtonElement);
    this.stopButton = findPart(root, "verify-stop", HTMLButtonElement);
    this.progressBox = findPart(root, "verify-progress-box", HTMLElement);
    this.result = findPart(root, "verify-result", HTMLElement);
    this.bar = new ProgressBar(root, "verify-");
    /** @type {VerificationJob | null} */
    this.job = null;
    this.stopFollowing = () => {};
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.start();
    });
    this.stopButton.addEventListener("click", () => void this.stop());
    this.setBusy(false);
  }

  async start() {
    this.job = null;
    this.setBusy(true);
    this.result.replaceChildren();
    this.showProgress(0, "Asking for it…");
    /** @type {VerificationJob} */
    let job;
    try {
      await this.editor.check();
      if (!this.editor.saved) throw new Error("What is not saved can't be verified.");
      job = await postJson(this.form.action, {});
    } catch (thrown) {
      const { lost, message } = toServerError(thrown);
      this.fail(lost ? `${message} Press Verify claims again in a moment.` : message);
      return;
    }
    this.job = job;
    if (job.events) this.follow(job.url, job.events);
    else await this.end({ state: "done" });
  }

  /**
   * Takes up a verification that goes on, after the page was left and opened again.
   *
   * @param {VerificationJob} job
   */
  takeUp(job) {
    this.job = job;
    this.setBusy(true);
    this.result.replaceChildren();
    this.showProgress(0, "It goes on…");
    this.follow(job.url, job.events ?? "");
  }

  /**
   * @param {string} url
   * @param {string} events
   */
  follow(url, events) {
    this.stopButton.hidden = false;
    this.stopFollowing = client.followRun(
      { url, events },
      {
        state: (data) => this.showState(data),
        share: (data) => this.showShare(data),
        end: (data) => void this.end(data),
        lost: (isFirst) => {
          this.setBad(false);
          this.bar.showLostConnection(isFirst);
        },
      },
    );
  }

  /** @param {RunState} data */
  showState({ state, waiting }) {
    if (state === "running") this.showProgress(null, "Training…");
    else if (state === "queued") {
      this.showProgress(0, waiting ? `Waiting: ${waiting} ahead.` : "Waiting for a worker…");
    }
  }

  /** @param {RunProgress} progress */
  showShare(progress) {
    const { done, total } = progress;
    const percent = Math.floor((100 * done) / total);
    this.showProgress(done / total, `${percent} % trained${timeLeftClause(progress)}`);
  }

  /** @param {RunEnd} end */
  async end({ state, error, sentence }) {
    if (state !== "done") {
      if (state === "stopped") this.finish("Stopped.");
      else this.fail(error ?? "It failed. Try again.");
      return;
    }
    try {
      const { ok, status, text } = await fetchText(this.job?.result ?? "");
      if (!ok) throw new Error(`The server answered ${status}.`);
      this.result.innerHTML = text;
    } catch (thrown) {
      const { message } = toServerError(thrown);
      this.fail(
        `It is done, but what came out could not be fetched: ${message}` +
          " Press Verify claims again; nothing is trained twice.",
      );
      return;
    }
    this.setBusy(false);
    this.showProgress(1, sentence || "Done.");
    this.bar.announce(sentence || "Verified.");
  }

  async stop() {
    if (!this.job) return;
    try {
      const { state } = await client.stopRun(this.job);
      if (state !== "queued" && state !== "running") return; // the stream says so
      this.stopFollowing();
      this.finish("You no longer wait for it. Somebody else does, so it goes on.");
    } catch (thrown) {
      const message = `✗ It could not be stopped: ${toServerError(thrown).message}`;
      this.showProgress(null, message, true);
      this.bar.announce(message);
    }
  }

  /** @param {string} message */
  fail(message) {
    this.finish(`✗ ${message}`, true);
  }

  /**
   * Nothing is trained any more, or nothing that this page waits for.
   *
   * @param {string} message
   * @param {boolean} isBad
   */
  finish(message, isBad = false) {
    this.setBusy(false);
    this.showProgress(0, message, isBad);
    this.bar.announce(message);
  }

  /**
   * @param {number | null} share
   * @param {string} message
   * @param {boolean} isBad
   */
  showProgress(share, message, isBad = false) {
    this.bar.show(share, message);
    this.setBad(isBad);
  }

  /** @param {boolean} isBad */
  setBad(isBad) {
    this.bar.status.classList.toggle("mark-bad", isBad);
  }

  /** @param {boolean} busy whether a verification is under way */
  setBusy(busy) {
    const stopHasFocus = document.activeElement === this.stopButton;
    setEnabled(this.startButton, !busy);
    this.stopButton.hidden = !busy || !this.job;
    if (!busy && stopHasFocus) this.startButton.focus();
    if (busy) this.progressBox.hidden = false;
  }
}
