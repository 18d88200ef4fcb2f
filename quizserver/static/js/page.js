// Boxes that scroll sideways become reachable by keyboard wherever they really have to scroll.

const BOXES = [
  [".prose pre, .code-box", "Code"],
  [".prose table", "Table"],
  ['.prose math[display="block"]', "Formula"],
];

function update(box, name) {
  const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
  if (scrolls && !box.hasAttribute("tabindex")) {
    box.tabIndex = 0;
    if (box.localName !== "table" && box.localName !== "math") box.setAttribute("role", "region");
    if (!box.hasAttribute("aria-label") && box.localName !== "math") box.setAttribute("aria-label", name);
  }
}

for (const [selector, name] of BOXES) {
  for (const box of document.querySelectorAll(selector)) {
    update(box, name);
    new ResizeObserver(() => update(box, name)).observe(box);
  }
}
