// @ts-check
// What every page does: moments are told on the reader's clocks, boxes that scroll sideways can be
// reached by keyboard wherever they really have to scroll, and a page from the browser's back-forward cache is loaded again.

import "./double-submit.js";
import "./local-times.js";
import { gettext } from "./translation.js";

/** @type {[selector: string, role: string | null, name: string][]} */
const BOXES = [
  [".prose pre, .code-box", "region", gettext("Code")],
  [".prose table", null, gettext("Table")],
  [".formula", "group", gettext("Formula")],
];

/**
 * @param {Element} box
 * @param {string | null} role
 * @param {string} name
 */
function makeReachable(box, role, name) {
  const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
  if (scrolls && !box.hasAttribute("tabindex")) {
    box.setAttribute("tabindex", "0");
    if (role) box.setAttribute("role", role);
    if (!box.hasAttribute("aria-label")) box.setAttribute("aria-label", name);
  }
}

for (const [selector, role, name] of BOXES) {
  for (const box of document.querySelectorAll(selector)) {
    makeReachable(box, role, name);
    new ResizeObserver(() => makeReachable(box, role, name)).observe(box);
  }
}

// It shows what was true then, perhaps to somebody else now. A question's form and the editor hold
// what was written in them, and see to it themselves.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted && !document.querySelector("form[data-answer], [data-editor]")) {
    window.location.reload();
  }
});
