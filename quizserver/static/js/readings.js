// The values behind the chart: a row for each curve, and the table of the current one.

import { armClass, svg, valueAt } from "./chart.js";
import { number } from "./scales.js";

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

/** The stroke that a curve has in the chart. */
function swatch(curve) {
  const name = curve.source ? `dash-${curve.dash}` : "";
  const stroke = svg("path", { class: `swatch-line ${name}`, d: "M1 5H33" });
  return svg("svg", { class: "marks stroke", width: 34, height: 10, "aria-hidden": "true", focusable: "false" }, stroke);
}

export class Readings {
  /** `label` names x; `onRemove(run)` hears that a kept run is to leave the chart. */
  constructor(root, label, onRemove) {
    this.rows = root.querySelector('[data-part="kept"]');
    this.body = root.querySelector('[data-part="rows"]');
    this.label = label;
    this.onRemove = onRemove;
  }

  /** One row for each curve: its name, its value at the reading line `x`, a way out. */
  list(curves, x) {
    // The rows are made anew with every point that arrives: the focus goes along with its row.
    const held = [...this.removers ?? []].find(([, button]) => button === document.activeElement)?.[0];
    this.removers = new Map();
    const rows = curves.map((curve) => {
      const row = element("li", { className: armClass(curve) });
      const name = (curve.source ? `${curve.label}: ` : "") + curve.title;
      row.append(
        swatch(curve),
        element("span", { className: "kept-name", textContent: name }),
        element("span", { className: "kept-value" }),
      );
      if (curve.source) row.append(this.remover(curve, name));
      return row;
    });
    this.rows.replaceChildren(...rows);
    this.removers.get(held)?.focus({ preventScroll: true });
    this.values(curves, x);
  }

  remover(curve, name) {
    const button = element("button", { type: "button", textContent: "Remove" });
    button.setAttribute("aria-label", `Remove ${name}`);
    button.addEventListener("click", () => this.onRemove(curve.source));
    this.removers.set(curve.source, button);
    return button;
  }

  /** Every curve's value at `x`, or its last one when `x` is null. */
  values(curves, x) {
    const cells = this.rows.querySelectorAll(".kept-value");
    curves.forEach((curve, i) => {
      const at = x ?? curve.x.at(-1);
      const found = at === undefined ? null : valueAt(curve, at);
      const band = found && curve.low?.length ? ` (${number(found.low)} to ${number(found.high)})` : "";
      const words = found ? `${this.label} ${number(at, 6)}: ${number(found.median)}${band}` : "";
      if (cells[i]) cells[i].textContent = words;
    });
  }

  table(curve) {
    const { x = [], median = [], low = [], high = [] } = curve ?? {};
    const rows = x.map((value, i) => {
      const cells = [number(value, 6), number(median[i], 4), number(low[i], 4), number(high[i], 4)];
      const row = document.createElement("tr");
      row.append(...cells.map((textContent) => element("td", { textContent })));
      return row;
    });
    this.body.replaceChildren(...rows);
  }
}
