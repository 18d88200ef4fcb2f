// @ts-check
// The address that reproduces a setting: #run=arm:low-rate,learning_rate:0.06,seeds:0:32

import { gettext } from "./translation.js";

/** @import { Knobs } from "./types" */

// The bench of a question's page, which its links need not name.
export const DEFAULT_BENCH = "bench";

/**
 * The link to a setting; `knobs` are only those that differ from the arm.
 *
 * @param {string} benchId
 * @param {{ arm: string, knobs: Knobs, first: number, replicas: number }} setting
 */
export function writeSettingLink(benchId, { arm, knobs, first, replicas }) {
  const parts = [`arm:${encodeURIComponent(arm)}`];
  for (const [name, value] of Object.entries(knobs)) {
    parts.push(`${encodeURIComponent(name)}:${value}`);
  }
  parts.push(`seeds:${first}:${first + replicas}`);
  if (benchId !== DEFAULT_BENCH) parts.push(`at:${encodeURIComponent(benchId)}`);
  return `#run=${parts.join(",")}`;
}

/**
 * The setting in an address's fragment, or null when there is none. Knobs that nobody knows are in
 * it, too; `faults` names what could not be read.
 *
 * @param {string} hash
 */
export function parseSettingLink(hash) {
  const text = unescapeLink(hash);
  if (!text.startsWith("#run=")) return null;
  let benchId = DEFAULT_BENCH;
  let arm = "";
  /** @type {Knobs} */
  const knobs = {};
  /** @type {{ first: number, replicas: number } | null} */
  let seeds = null;
  /** @type {string[]} */
  const faults = [];
  for (const part of text.slice(5).split(",")) {
    const [name, ...values] = part.split(":");
    if (name === "arm") arm = values[0] ?? "";
    else if (name === "at") benchId = values[0] ?? "";
    else if (name === "seeds") {
      const [from, to] = values.map(Number);
      if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to > from) {
        seeds = { first: from, replicas: to - from };
      } else {
        faults.push(gettext("“%(part)s” names no seeds", { part }));
      }
    } else if (values.length === 1 && values[0].trim() && Number.isFinite(Number(values[0]))) {
      knobs[name] = Number(values[0]);
    } else {
      faults.push(gettext("“%(part)s” is no knob with a number", { part }));
    }
  }
  return { benchId, arm, knobs, seeds, faults };
}

/**
 * What a fragment says, also where a mail program has escaped its `=`, `:` and `,`, perhaps twice.
 * The names of arms and knobs hold none of these.
 *
 * @param {string} hash
 */
function unescapeLink(hash) {
  let text = hash;
  try {
    for (let i = 0; i < 2; i += 1) text = decodeURIComponent(text);
  } catch {
    // A lone percent sign: what was read so far is all that there is.
  }
  return text;
}
