// @ts-check
// Reloads the page when the files that it is made of have changed, where the reader was in it.

import { findElement, findPart } from "./dom.js";
import { getJson } from "./http.js";
import { parseJson } from "./json.js";

/**
 * Where the reader was: how far down the page, or down its content (`inContent`) when errors stood
 * above it.
 *
 * @typedef {{ path: string, inContent: boolean, y: number, focus: string }} ReadingPosition
 */

const POLL_MS = 400;
const PENDING_MS = 1000;
// The key in the browser's storage; it outlives a reload.
const POSITION_KEY = "preview-place";

const bar = findElement(document, "[data-preview]", HTMLElement);
const status = findPart(bar, "live", HTMLElement);
let isServerGone = false;

/** @param {string} message */
function showStatus(message) {
  if (status.textContent !== message) status.textContent = message;
}

function contentTop() {
  return document.getElementById("main")?.offsetTop ?? 0;
}

function reload() {
  // Errors come and go above the page: a position in the content counts from where that begins.
  const top = scrollY > contentTop() ? contentTop() : 0;
  /** @type {ReadingPosition} */
  const position = {
    path: location.pathname + location.search,
    inContent: top > 0,
    y: scrollY - top,
    focus: document.activeElement?.id ?? "",
  };
  sessionStorage.setItem(POSITION_KEY, JSON.stringify(position));
  history.scrollRestoration = "manual";
  location.reload();
}

function restorePosition() {
  const stored = sessionStorage.getItem(POSITION_KEY);
  /** @type {ReadingPosition | null} */
  const position = parseJson(stored ?? "null");
  sessionStorage.removeItem(POSITION_KEY);
  history.scrollRestoration = "auto";
  if (position?.path !== location.pathname + location.search) return;
  if (position.focus) document.getElementById(position.focus)?.focus({ preventScroll: true });
  const top = position.inContent ? contentTop() : 0;
  scrollTo({ top: position.y + top, behavior: "instant" });
}

async function reloadIfChanged() {
  if (document.hidden) return;
  try {
    /** @type {{ revision: string }} */
    const { revision } = await getJson(bar.dataset.state ?? "");
    if (revision !== bar.dataset.revision) {
      reload();
      return;
    }
    if (isServerGone) showStatus("Live again");
    isServerGone = false;
  } catch {
    isServerGone = true;
    showStatus("The preview has stopped; start it again and this page goes on.");
  }
}

async function poll() {
  await reloadIfChanged();
  setTimeout(() => void poll(), isServerGone ? 5 * POLL_MS : POLL_MS);
}

if (document.readyState === "complete") restorePosition();
else addEventListener("load", restorePosition);
if ("live" in bar.dataset) {
  showStatus("Live");
  document.addEventListener("visibilitychange", () => void reloadIfChanged());
  void poll();
  if (document.querySelector("[data-preview-pending]")) setTimeout(reload, PENDING_MS);
}
