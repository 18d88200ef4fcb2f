// @ts-check
// Requests to the server. Whatever goes wrong comes back as a ServerError in words, within a time
// limit.

import { parseJson } from "./json.js";
import { gettext } from "./translation.js";

/** @import { OwnRun, Refusal } from "./types" */

const TOKEN = 'meta[name="csrf-token"]';
const TIMEOUT = 20_000; // milliseconds until an answer that has not come counts as lost
const UPLOAD_TIMEOUT = 180_000; // an image on a slow line takes its time

/**
 * What went wrong, in words. `field` names the input concerned, or is null; `lost` says that no
 * answer of this server came; `status` is that of an answer that came; `detail` is for authors alone;
 * `ownRuns` are the visitor's that are in the way.
 */
export class ServerError extends Error {
  /**
   * @param {string} message
   * @param {{
   *   detail?: string | null,
   *   field?: string | null,
   *   lost?: boolean,
   *   ownRuns?: OwnRun[],
   *   status?: number | null,
   * }} details
   */
  constructor(message, details = {}) {
    const { detail = null, field = null, lost = false, ownRuns = [], status = null } = details;
    super(message);
    this.detail = detail;
    this.status = status;
    this.field = field;
    this.lost = lost;
    this.ownRuns = ownRuns;
  }
}

/**
 * What was thrown, as a ServerError; an error of another kind keeps its message.
 *
 * @param {unknown} error
 * @returns {ServerError}
 */
export function toServerError(error) {
  if (error instanceof ServerError) return error;
  return new ServerError(error instanceof Error ? error.message : String(error));
}

/**
 * The status, headers and text of an answer. Throws ServerError when none comes whole within the
 * time.
 *
 * @param {string | URL} url
 * @param {RequestInit} options
 * @param {number} timeout milliseconds
 */
export async function fetchText(url, options = {}, timeout = TIMEOUT) {
  const { body: text, ...answer } = await fetchBody(url, options, timeout, (all) => all.text());
  return { ...answer, text };
}

/**
 * The bytes at an address. Throws ServerError.
 *
 * @param {string | URL} url
 * @returns {Promise<ArrayBuffer>}
 */
export async function getBytes(url) {
  const { ok, status, body } = await fetchBody(url, {}, TIMEOUT, (all) => all.arrayBuffer());
  if (ok) return body;
  /** @type {{ error?: string, reason?: string }} */
  let refusal = {};
  try {
    refusal = parseJson(new TextDecoder().decode(body));
  } catch {
    // An answer of something between here and the server.
  }
  const known = refusal.reason ?? refusal.error;
  const message = known ?? gettext("The server answered %(status)s.", { status });
  // Too many requests, too: the same one may be answered later.
  const lost = known === undefined || status === 429 || status >= 500;
  throw new ServerError(message, { lost, status });
}

/**
 * @template T
 * @param {string | URL} url
 * @param {RequestInit} options
 * @param {number} timeout milliseconds
 * @param {(response: Response) => Promise<T>} read
 */
async function fetchBody(url, options, timeout, read) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeout);
  try {
    const response = await fetch(url, {
      credentials: "same-origin",
      ...options,
      signal: abort.signal,
    });
    const { ok, status, headers } = response;
    return { ok, status, headers, body: await read(response) };
  } catch {
    const message = abort.signal.aborted
      ? gettext("The server did not answer within %(seconds)s s.", { seconds: timeout / 1000 })
      : gettext("The server can't be reached.");
    throw new ServerError(message, { lost: true });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The JSON at an address. Throws ServerError.
 *
 * @template T
 * @param {string | URL} url
 * @returns {Promise<T>}
 */
export async function getJson(url) {
  return parseAnswer(await fetchText(url, { headers: { Accept: "application/json" } }));
}

/**
 * Sends an object as JSON, or a form as it is, and gives the JSON of the answer. Throws
 * ServerError.
 *
 * @template T
 * @param {string | URL} url
 * @param {object | FormData} body
 * @returns {Promise<T>}
 */
export async function postJson(url, body = {}) {
  let answer = await send(url, body);
  // Whoever signed out and in again, perhaps in another tab, has a new token.
  if ([400, 404].includes(answer.status) && (await renewToken())) answer = await send(url, body);
  return parseAnswer(answer);
}

/**
 * @param {string | URL} url
 * @param {object | FormData} body
 */
function send(url, body) {
  const token = document.querySelector(TOKEN)?.getAttribute("content") ?? "";
  const headers = { "X-CSRFToken": token, Accept: "application/json" };
  if (body instanceof FormData) {
    body.delete("csrf_token"); // the header's is the newer one
    return fetchText(url, { method: "POST", headers, body }, UPLOAD_TIMEOUT);
  }
  return fetchText(url, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/**
 * @template T
 * @param {{ ok: boolean, status: number, headers: Headers, text: string }} answer
 * @returns {T}
 */
function parseAnswer({ ok, status, headers, text }) {
  /** @type {unknown} */
  let body = null;
  try {
    if ((headers.get("Content-Type") ?? "").includes("json")) body = JSON.parse(text);
  } catch {
    // An answer that was cut short is none.
  }
  if (ok && body !== null) return /** @type {T} */ (body);
  const refusal = /** @type {Refusal | null} */ (body);
  if (!ok && refusal?.error) {
    const { error, error_detail: detail = null, field = null, own_runs: ownRuns = [] } = refusal;
    throw new ServerError(error, { detail, field, ownRuns, status });
  }
  const message = ok
    ? gettext("The answer was cut short, or came from something between here and the server.")
    : gettext("The server answered %(status)s.", { status });
  throw new ServerError(message, { lost: true, status });
}

/** Takes the token of this page as it is now; whether it is another one than before. */
async function renewToken() {
  const meta = document.querySelector(TOKEN);
  try {
    const { ok, text } = await fetchText(location.pathname, { headers: { Accept: "text/html" } });
    if (!ok) return false;
    const page = new DOMParser().parseFromString(text, "text/html");
    const token = page.querySelector(TOKEN)?.getAttribute("content");
    if (!meta || !token || token === meta.getAttribute("content")) return false;
    meta.setAttribute("content", token);
    for (const field of document.querySelectorAll('input[name="csrf_token"]')) {
      if (field instanceof HTMLInputElement) field.value = token;
    }
    return true;
  } catch {
    return false;
  }
}
