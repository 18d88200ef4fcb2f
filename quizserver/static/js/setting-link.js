// @ts-check
// The address that reproduces a setting: #run=arm:low-rate,learning_rate:0.06,seeds:0:32

/** @import { Knobs } from "./types" */

// The bench of a question's page, which its links need not name.
const DEFAULT_BENCH = "bench";

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
 * it, too.
 *
 * @param {string} hash
 */
export function parseSettingLink(hash) {
  if (!hash.startsWith("#run=")) return null;
  let benchId = DEFAULT_BENCH;
  let arm = "";
  /** @type {Knobs} */
  const knobs = {};
  /** @type {{ first: number, replicas: number } | null} */
  let seeds = null;
  for (const part of hash.slice(5).split(",")) {
    const [name, ...values] = part.split(":").map(decode);
    if (name === "arm") arm = values[0] ?? "";
    else if (name === "at") benchId = values[0] ?? "";
    else if (name === "seeds") {
      const [from, to] = values.map(Number);
      if (Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to > from) {
        seeds = { first: from, replicas: to - from };
      }
    } else if (values.length === 1 && Number.isFinite(Number(values[0]))) {
      knobs[name] = Number(values[0]);
    }
  }
  return { benchId, arm, knobs, seeds };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
