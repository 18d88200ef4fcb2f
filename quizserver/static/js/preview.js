// Reloads the page when the files that it is made of have changed, where the reader was in it.

import { ask } from "./server.js";

const LOOK_MS = 400;
const PENDING_MS = 1000;
const KEPT = "preview-place";

const bar = document.querySelector("[data-preview]");
const said = bar.querySelector('[data-part="live"]');
let away = false;

function say(text) {
  if (said.textContent !== text) said.textContent = text;
}

// Errors come and go above the page: a place in it counts from where it begins.
function pageTop() {
  const begins = document.getElementById("main").offsetTop;
  return scrollY > begins ? begins : 0;
}

function reload() {
  const from = pageTop();
  const path = location.pathname + location.search;
  const place = { path, within: from > 0, y: scrollY - from, focus: document.activeElement?.id ?? "" };
  sessionStorage.setItem(KEPT, JSON.stringify(place));
  history.scrollRestoration = "manual";
  location.reload();
}

function goBack() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  sessionStorage.removeItem(KEPT);
  history.scrollRestoration = "auto";
  if (kept === null || kept.path !== location.pathname + location.search) return;
  if (kept.focus) document.getElementById(kept.focus)?.focus({ preventScroll: true });
  const from = kept.within ? document.getElementById("main").offsetTop : 0;
  scrollTo({ top: kept.y + from, behavior: "instant" });
}

async function look() {
  if (document.hidden) return;
  try {
    const { revision } = await ask(bar.dataset.state);
    if (revision !== bar.dataset.revision) return reload();
    if (away) say("Live again");
    away = false;
  } catch {
    away = true;
    say("The preview has stopped; start it again and this page goes on.");
  }
}

async function follow() {
  await look();
  setTimeout(follow, away ? 5 * LOOK_MS : LOOK_MS);
}

if (document.readyState === "complete") goBack();
else addEventListener("load", goBack);
if ("live" in bar.dataset) {
  say("Live");
  document.addEventListener("visibilitychange", look);
  follow();
  if (document.querySelector("[data-preview-pending]")) setTimeout(reload, PENDING_MS);
}
