// @ts-check
// This visitor's runs that are under way on the server: a page that has lost them, as by a reload,
// finds them again; and those that are in the way of another one are named, and can be stopped.

import { createElement } from "./dom.js";
import { getJson, toServerError } from "./http.js";
import { parseJson } from "./json.js";
import * as client from "./run-client.js";
import { gettext } from "./translation.js";

/** @import { FoundRun, OwnRun, RunJob, RunKind, StartedRun } from "./types" */

const RUN_ADDRESS = /^\/runs\/\w+$/;
const CURRENT_FOR = 2000; // milliseconds: one answer is enough for all that a page asks as it opens
/** @type {Promise<OwnRun[]> | null} */
let ownRuns = null;

/**
 * The addresses of the runs that this tab has begun at a bench and not seen the end of.
 */
export class RunMemory {
  /** @param {{ topic: string, simulation: string }} bench */
  constructor({ topic, simulation }) {
    this.key = `runs:${topic}/${simulation}`;
  }

  /** @returns {Partial<Record<RunKind, string>>} */
  read() {
    try {
      /** @type {unknown} */
      const stored = parseJson(sessionStorage.getItem(this.key) ?? "{}");
      const entries = Object.entries(stored ?? {});
      return Object.fromEntries(
        entries.filter(([, url]) => typeof url === "string" && RUN_ADDRESS.test(url)),
      );
    } catch {
      return {}; // a browser without storage knows nothing of this tab
    }
  }

  /**
   * @param {RunKind} kind
   * @param {{ url: string } | null} job null once its end was seen
   */
  note(kind, job) {
    try {
      const urls = { ...this.read(), [kind]: job?.url };
      sessionStorage.setItem(this.key, JSON.stringify(urls));
    } catch {
      // The server knows the run as well.
    }
  }
}

/**
 * The run of a kind that this visitor has begun at a bench and that the page knows nothing of: the
 * one of this tab, also if it has ended meanwhile, else the newest that is under way, of any tab or
 * browser. Null without one, or where the server can't tell.
 *
 * @param {{ topic: string, simulation: string, runs_url: string }} bench
 * @param {RunKind} kind
 * @param {{ ofThisTab: boolean }} options `ofThisTab` leaves out those of others
 * @returns {Promise<FoundRun | null>}
 */
export async function findLostRun(bench, kind, { ofThisTab }) {
  const memory = new RunMemory(bench);
  const own = memory.read()[kind];
  /** @type {RunJob | undefined} */
  let job;
  if (own) {
    job = { state: "", url: own, events: `${own}/events`, csv: `${own}.csv` };
  } else if (!ofThisTab) {
    job = (await listOwnRuns(bench.runs_url)).find(
      (run) =>
        run.kind === kind &&
        run.is_open &&
        run.topic === bench.topic &&
        run.simulation === bench.simulation,
    );
  }
  if (!job) return null;
  try {
    /** @type {StartedRun} */
    const run = await client.fetchRun(job);
    // Whoever stopped it saw that, if in another tab.
    if (run.state !== "stopped") return { kind, job: { ...job, state: run.state }, run };
  } catch (thrown) {
    // Else the next reload may find it.
    if (![403, 404].includes(toServerError(thrown).status ?? 0)) return null;
  }
  memory.note(kind, null);
  return null;
}

/** @param {string} url of all runs */
function listOwnRuns(url) {
  if (!ownRuns) {
    ownRuns = getJson(`${url}/own`).then(
      (/** @type {{ runs: OwnRun[] }} */ { runs }) => runs,
      () => [],
    );
    setTimeout(() => (ownRuns = null), CURRENT_FOR);
  }
  return ownRuns;
}

/** The runs that are in the way of another one, listed below a refusal, each with a button. */
export class RunsInTheWay {
  /**
   * @param {HTMLElement} error the element that says that it was refused
   * @param {HTMLElement} next what has the focus once there is nothing to stop any more
   */
  constructor(error, next) {
    this.list = createElement("ul", { hidden: true });
    this.list.setAttribute("aria-label", gettext("Your runs that are under way"));
    this.status = createElement("p", { className: "visually-hidden" });
    this.status.setAttribute("role", "status");
    this.next = next;
    const box = createElement("div", { className: "runs-in-the-way" });
    box.append(this.list, this.status);
    error.after(box);
  }

  /** @param {OwnRun[]} runs none hides the list */
  show(runs) {
    this.list.replaceChildren(...runs.map((run) => this.createLine(run)));
    this.list.hidden = !runs.length;
    this.say("", "visually-hidden");
  }

  /**
   * @param {string} text
   * @param {string} className
   */
  say(text, className) {
    Object.assign(this.status, { textContent: text, className });
  }

  /** @param {OwnRun} run */
  createLine(run) {
    const { title, state, points_done: done, points_total: total } = run;
    const share = `${total ? Math.floor((100 * done) / total) : 0} %`;
    const progress = state === "queued" ? gettext("waits") : gettext("%(share)s done", { share });
    const line = createElement("li");
    const words = createElement("span", { textContent: `${title} (${progress})` });
    const button = createElement("button", {
      type: "button",
      className: "button-quiet",
      textContent: gettext("Stop it"),
    });
    button.setAttribute("aria-label", gettext("Stop: %(title)s", { title }));
    button.addEventListener("click", () => void this.stop(run, line, button));
    line.append(words, " ", button);
    return line;
  }

  /**
   * @param {OwnRun} run
   * @param {HTMLElement} line
   * @param {HTMLButtonElement} button
   */
  async stop(run, line, button) {
    button.setAttribute("aria-disabled", "true");
    try {
      await client.stopRun(run);
    } catch (thrown) {
      const error = toServerError(thrown);
      if (error.status !== 404) {
        button.removeAttribute("aria-disabled");
        const { message } = error;
        this.say(gettext("It could not be stopped: %(message)s", { message }), "error");
        return;
      }
    }
    line.remove();
    this.list.hidden = !this.list.children.length;
    const { title } = run;
    this.say(gettext("Stopped: %(title)s. You can run another one now.", { title }), "help");
    const other = this.list.querySelector("button");
    (other ?? this.next).focus();
  }
}
