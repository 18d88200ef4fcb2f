// @ts-check
// Runs saved for comparison: at most four, for as long as this tab lives.

import { parseJson } from "./json.js";

/** @import { Curve } from "./types" */

const CAPACITY = 4;

export class SavedRuns {
  /** @param {string} name of the simulation whose runs they are */
  constructor(name) {
    this.key = `bench:${name}`;
    /** @type {Curve[]} */
    this.runs = [];
    try {
      /** @type {unknown} */
      const stored = parseJson(sessionStorage.getItem(this.key) ?? "[]");
      if (Array.isArray(stored)) this.runs = stored.filter(isCurve).slice(-CAPACITY);
    } catch {
      // A browser without storage keeps runs until the page is left.
    }
  }

  /**
   * Adds a finished run; the oldest leaves when there are too many, and a setting is there only
   * once, by its exact values.
   *
   * @param {Curve} run
   */
  addRun(run) {
    this.runs = [...this.runs.filter((other) => other.key !== run.key), run].slice(-CAPACITY);
    this.storeRuns();
  }

  /** @param {Curve} run */
  removeRun(run) {
    this.runs = this.runs.filter((other) => other !== run);
    this.storeRuns();
  }

  storeRuns() {
    const withoutReplicas = this.runs.map((run) => ({ ...run, replicas: undefined }));
    try {
      sessionStorage.setItem(this.key, JSON.stringify(withoutReplicas));
    } catch {
      // Full or forbidden storage: the runs stay in the page all the same.
    }
  }
}

/**
 * Whether something from the storage has what a chart needs.
 *
 * @param {unknown} stored
 * @returns {stored is Curve}
 */
function isCurve(stored) {
  const run = /** @type {Partial<Curve> | null | undefined} */ (stored);
  return Array.isArray(run?.x) && Array.isArray(run?.median);
}
