// @ts-check
// A bar and words that say how far something is.

import { findPart } from "./dom.js";
import { gettext, ngettext } from "./translation.js";

export class ProgressBar {
  /**
   * @param {ParentNode} root
   * @param {string} prefix of the parts' names, which sets several bars in one place apart
   */
  constructor(root, prefix = "") {
    this.bar = findPart(root, `${prefix}progress`, HTMLElement);
    this.done = findPart(root, `${prefix}progress-done`, SVGElement);
    this.status = findPart(root, `${prefix}status`, HTMLElement);
    this.announcement = findPart(root, `${prefix}announce`, HTMLElement);
  }

  /**
   * Sets the bar to `share` (null leaves it where it is) and says where it stands.
   *
   * @param {number | null} share
   * @param {string} message
   */
  show(share, message) {
    if (share !== null) {
      const percent = Math.round(100 * share);
      this.bar.setAttribute("aria-valuenow", String(percent));
      this.done.setAttribute("width", `${percent}%`);
    }
    this.bar.setAttribute("aria-valuetext", message);
    this.status.textContent = message;
  }

  /**
   * Read out by screen readers.
   *
   * @param {string} message
   */
  announce(message) {
    this.announcement.textContent = message;
  }

  /**
   * The stream of a run's progress was dropped; read out only the first time.
   *
   * @param {boolean} first
   */
  showLostConnection(first) {
    const message = gettext("The connection was lost. Taking it up again…");
    this.show(null, message);
    if (first) this.announce(message);
  }
}

/**
 * How long something will take, as people say it.
 *
 * @param {number} seconds
 */
export function formatTimeLeft(seconds) {
  if (seconds < 90) return gettext("%(number)s s", { number: Math.max(1, Math.round(seconds)) });
  return gettext("%(number)s min", { number: Math.round(seconds / 60) });
}

/**
 * How long a run will take, as the end of a sentence; empty where nobody knows.
 *
 * @param {{ done: number, total: number, seconds_left: number | null }} progress
 */
export function timeLeftClause({ done, total, seconds_left: seconds }) {
  if (done >= total || seconds === null || !Number.isFinite(seconds)) return "";
  return gettext(", about %(time)s left", { time: formatTimeLeft(seconds) });
}

/**
 * How many runs are served before one that waits.
 *
 * @param {number} count
 */
export function waitingMessage(count) {
  if (!count) return gettext("Waiting for a worker…");
  return ngettext("Waiting: %(num)s run is ahead.", "Waiting: %(num)s runs are ahead.", count);
}
