// @ts-check
// The benches of a lesson: each comes from the page that shows it alone, once the reader is near it.

import { findElement } from "./dom.js";
import { fetchText } from "./http.js";
import { parseSettingLink } from "./setting-link.js";

// How far below the window a bench is fetched, so that it is there when the reader is.
const NEARBY = "800px";

/** @param {(root: HTMLElement) => void} start is called with each bench that came */
export function fetchBenchesNearby(start) {
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting || !(target instanceof HTMLElement)) continue;
        observer.unobserve(target);
        void replaceBench(target, start);
      }
    },
    { rootMargin: NEARBY },
  );
  const linkedId = parseSettingLink(window.location.hash)?.benchId;
  for (const place of document.querySelectorAll("[data-bench-page]")) {
    if (!(place instanceof HTMLElement)) continue;
    if (place.id === linkedId) void replaceBench(place, start);
    else observer.observe(place);
  }
}

/**
 * Puts the bench in its place. Where it does not come, the picture and the link to its page stay.
 *
 * @param {HTMLElement} place
 * @param {(root: HTMLElement) => void} start
 */
async function replaceBench(place, start) {
  let bench;
  try {
    const { ok, text } = await fetchText(place.dataset.benchPage ?? "");
    if (!ok) return;
    const page = new DOMParser().parseFromString(text, "text/html");
    bench = document.adoptNode(findElement(page, "[data-bench]", HTMLElement));
  } catch {
    return;
  }
  const hadFocus = place.contains(document.activeElement);
  place.replaceWith(bench);
  start(bench);
  if (hadFocus) findElement(bench, "button, input", HTMLElement).focus();
}
