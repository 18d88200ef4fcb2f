// What every page does: boxes that scroll sideways become reachable by keyboard wherever they really have
// to scroll, and a page that the browser kept is loaded anew.

import "./once.js";

const BOXES = [
  [".prose pre, .code-box", "region", "Code"],
  [".prose table", null, "Table"],
  [".formula", "group", "Formula"],
];

function update(box, role, name) {
  const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
  if (scrolls && !box.hasAttribute("tabindex")) {
    box.tabIndex = 0;
    if (role) box.setAttribute("role", role);
    if (!box.hasAttribute("aria-label")) box.setAttribute("aria-label", name);
  }
}

for (const [selector, role, name] of BOXES) {
  for (const box of document.querySelectorAll(selector)) {
    update(box, role, name);
    new ResizeObserver(() => update(box, role, name)).observe(box);
  }
}

// It shows what was true then, perhaps to somebody else now. A question's form and the editor hold what was
// written in them, and see to it themselves.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted && !document.querySelector("form[data-answer], [data-editor]")) window.location.reload();
});
