// @ts-check
// The server's runs: starts one, follows its events, stops it.

import { getJson, postJson, toServerError } from "./http.js";
import { parseJson } from "./json.js";
import { gettext } from "./translation.js";

/** @import { RecordedArms, Run, RunEnd, RunJob, RunListeners, RunRequest } from "./types" */
/** @import { Value } from "./types" */

const UNREACHABLE = gettext(
  "The server can't be reached. Check the connection, then try again; what is trained is kept.",
);
const NO_STREAM = gettext(
  "The run goes on, but can't be shown live now. Ask for it again to see how far it is.",
);
const RETRIES = 10; // about a minute: a server that is restarted is back by then
// The server sends something at least every 10 s: after this long the connection is dead, or the
// machine has slept.
const SILENCE = 30_000; // milliseconds

/**
 * The recorded curves of every arm.
 *
 * @param {string} url
 * @returns {Promise<RecordedArms>}
 */
export function fetchRecordedArms(url) {
  return getJson(url);
}

/**
 * The recorded single runs of one arm.
 *
 * @param {string} url
 * @param {string} arm
 * @returns {Promise<Value[][]>}
 */
export async function fetchRecordedReplicas(url, arm) {
  /** @type {{ replicas: Value[][] }} */
  const { replicas } = await getJson(`${url}?replicas=${encodeURIComponent(arm)}`);
  return replicas;
}

/**
 * @param {string} url
 * @param {RunRequest} request
 * @returns {Promise<RunJob>}
 */
export function startRun(url, request) {
  return postJson(url, request);
}

/**
 * @param {{ url: string }} job
 * @returns {Promise<{ state: string }>}
 */
export function stopRun(job) {
  return postJson(`${job.url}/stop`);
}

/**
 * The run with all of its points or cells so far.
 *
 * @template {Run} R
 * @param {{ url: string }} job
 * @param {{ replicas?: boolean }} options `replicas` asks for the curves of single seeds as well
 * @returns {Promise<R>}
 */
export function fetchRun(job, { replicas = false } = {}) {
  return getJson(job.url + (replicas ? "?replicas=1" : ""));
}

/**
 * Why a run can't be followed any more; null while it may be that it can. Throws ServerError when
 * the server gives no answer at all.
 *
 * @param {{ url: string }} job
 */
async function fetchRefusal(job) {
  try {
    await getJson(job.url);
  } catch (thrown) {
    const error = toServerError(thrown);
    if (error.status === null) throw error;
    if ([401, 403, 404].includes(error.status)) return error.message;
  }
  return null;
}

/**
 * Follows a run's event stream and calls the listeners with the events' data; `lost(first)` is
 * called while a dropped stream is opened again. Gives a function that stops following.
 *
 * @param {{ url: string, events: string }} job
 * @param {RunListeners} listeners
 */
export function followRun(job, listeners) {
  /** @type {EventSource | undefined} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let reopenTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silenceTimer;
  /** @type {string | null} */
  let lastEventId = null;
  let failures = 0;
  let closed = false;

  function close() {
    closed = true;
    clearTimeout(reopenTimer);
    clearTimeout(silenceTimer);
    source?.close();
  }

  /** @param {string} error */
  function fail(error) {
    close();
    listeners.end({ state: "failed", error, sentence: null });
  }

  function watchForSilence() {
    clearTimeout(silenceTimer);
    silenceTimer = setTimeout(() => void handleDrop(), SILENCE);
  }

  async function handleDrop() {
    if (closed) return;
    clearTimeout(silenceTimer);
    source?.close();
    failures += 1;
    listeners.lost(failures === 1);
    if (failures > 1) {
      // A stream can't say why it was refused: the run's own address can.
      let message = failures > RETRIES ? NO_STREAM : null;
      try {
        message = (await fetchRefusal(job)) ?? message;
      } catch {
        if (message) message = UNREACHABLE;
      }
      if (closed) return;
      if (message) {
        fail(message);
        return;
      }
    }
    reopenTimer = setTimeout(open, Math.min(8000, 250 * 2 ** failures));
  }

  function open() {
    // A stream that is opened again cannot send Last-Event-ID itself: the address carries it.
    const after = lastEventId === null ? "" : `?after=${encodeURIComponent(lastEventId)}`;
    const stream = new EventSource(job.events + after);
    source = stream;
    watchForSilence();
    /**
     * @template T
     * @param {string} name
     * @param {(data: T) => void} handle
     */
    const listen = (name, handle) =>
      stream.addEventListener(name, (/** @type {MessageEvent<string>} */ event) => {
        if (closed) return;
        failures = 0;
        watchForSilence();
        if (event.lastEventId) lastEventId = event.lastEventId;
        handle(parseJson(event.data));
      });
    if (listeners.state) listen("state", listeners.state);
    if (listeners.points) listen("points", listeners.points);
    if (listeners.cells) listen("cells", listeners.cells);
    if (listeners.share) listen("share", listeners.share);
    listen("alive", () => {});
    listen("end", (/** @type {RunEnd} */ data) => {
      close();
      listeners.end(data);
    });
    stream.onerror = () => void handleDrop();
  }

  open();
  return close;
}
