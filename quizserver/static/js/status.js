// @ts-check
// The status of a bench: how far a run is, what happened, what is wrong.

import { findPart, showDetail } from "./dom.js";
import { ProgressBar } from "./progress-bar.js";

export class BenchStatus {
  /** @param {ParentNode} root */
  constructor(root) {
    this.bar = new ProgressBar(root);
    this.error = findPart(root, "form-error", HTMLElement);
    this.detail = findPart(root, "form-error-detail", HTMLElement);
  }

  /**
   * Sets the bar to `share` (null leaves it where it is) and says where the run stands.
   *
   * @param {number | null} share
   * @param {string} message
   */
  showProgress(share, message) {
    this.bar.show(share, message);
  }

  /**
   * For eyes and screen readers alike: the outcome of something that a person just did.
   *
   * @param {string} message
   */
  showMessage(message) {
    this.bar.status.textContent = message;
    this.announce(message);
  }

  /**
   * Read out by screen readers. Only starts and ends: a number every moment would drown the rest.
   *
   * @param {string} message
   */
  announce(message) {
    this.bar.announce(message);
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
