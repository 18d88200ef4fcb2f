// @ts-check
// The values behind the chart: a row for each curve, and the table of the current one.

import { armClass } from "./chart.js";
import { valuesAt } from "./chart-geometry.js";
import { createElement, createSvg, findElement, findPart, setText } from "./dom.js";
import { formatNumber } from "./number-text.js";
import { isNumber } from "./scales.js";
import { gettext } from "./translation.js";

/** @import { Curve } from "./types" */

/**
 * The stroke that a curve has in the chart.
 *
 * @param {Curve} curve
 */
function createSwatch(curve) {
  const name = curve.source ? `dash-${curve.dash}` : "";
  return createSvg(
    "svg",
    {
      class: "marks stroke",
      width: 34,
      height: 10,
      "aria-hidden": "true",
      focusable: "false",
    },
    createSvg("path", { class: `swatch-line ${name}`, d: "M1 5H33" }),
  );
}

/**
 * What a curve is called in its row.
 *
 * @param {Curve} curve
 */
function curveName({ source, label, title }) {
  return source ? `${label}: ${title}` : title;
}

export class Legend {
  /**
   * @param {ParentNode} root
   * @param {string} label the name of x
   * @param {(run: Curve) => void} onRemove is called when a saved run is to leave the chart
   */
  constructor(root, label, onRemove) {
    this.list = findPart(root, "kept", HTMLElement);
    this.table = findPart(root, "rows", HTMLElement);
    this.label = label;
    this.onRemove = onRemove;
    /** The runs that the rows show. @type {(Curve | undefined)[]} */
    this.shown = [];
    /** @type {Map<Curve, HTMLButtonElement>} */
    this.removeButtons = new Map();
  }

  /**
   * One row for each curve: its name, its value at the reading line, a button that removes a saved
   * run.
   *
   * @param {Curve[]} curves
   * @param {number | null} readAt
   */
  showCurves(curves, readAt) {
    const shown = curves.map((curve) => curve.source);
    const isSame =
      shown.length === this.shown.length && shown.every((run, i) => run === this.shown[i]);
    if (!isSame) this.createRows(curves);
    this.shown = shown;
    // The current curve changes with every point that arrives, and its row stays.
    curves.forEach((curve, i) => {
      const row = this.list.children[i];
      row.className = armClass(curve);
      setText(findElement(row, ".kept-name", HTMLElement), curveName(curve));
    });
    this.showValues(curves, readAt);
  }

  /** @param {Curve[]} curves */
  createRows(curves) {
    const focused = [...this.removeButtons].find(([, button]) => button === document.activeElement);
    this.removeButtons = new Map();
    const rows = curves.map((curve) => {
      const row = createElement("li");
      row.append(
        createSwatch(curve),
        createElement("span", { className: "kept-name" }),
        createElement("span", { className: "kept-value" }),
      );
      if (curve.source) row.append(this.createRemoveButton(curve.source, curveName(curve)));
      return row;
    });
    this.list.replaceChildren(...rows);
    if (focused) this.removeButtons.get(focused[0])?.focus({ preventScroll: true });
  }

  /**
   * @param {Curve} run
   * @param {string} name
   */
  createRemoveButton(run, name) {
    const button = createElement("button", { type: "button", textContent: gettext("Remove") });
    button.setAttribute("aria-label", gettext("Remove %(name)s", { name }));
    button.addEventListener("click", () => this.onRemove(run));
    this.removeButtons.set(run, button);
    return button;
  }

  /**
   * Every curve's value at the reading line, or its last one when there is none.
   *
   * @param {Curve[]} curves
   * @param {number | null} readAt
   */
  showValues(curves, readAt) {
    const cells = this.list.querySelectorAll(".kept-value");
    curves.forEach((curve, i) => {
      const x = readAt ?? curve.x.at(-1);
      if (cells[i]) setText(cells[i], x === undefined ? "" : this.describeValues(curve, x));
    });
  }

  /**
   * @param {Curve} curve
   * @param {number} x
   */
  describeValues(curve, x) {
    const values = valuesAt(curve, x);
    if (!values) return "";
    const { median, low, high } = values;
    const place = `${this.label} ${formatNumber(x, 6)}`;
    const value = formatNumber(median);
    if (!isNumber(low)) return `${place}: ${value}`;
    const [from, to] = [formatNumber(low), formatNumber(high)];
    return gettext("%(place)s: %(value)s (%(from)s to %(to)s)", { place, value, from, to });
  }

  /**
   * Fills the data table with one curve; without one it stays empty.
   *
   * @param {Curve | null} curve
   */
  fillTable(curve) {
    const { x, median, low, high } = curve ?? { x: [], median: [], low: [], high: [] };
    const rows = x.map((value, i) => {
      const row = createElement("tr");
      const numbers = [median[i], low[i], high[i]].map((number) => formatNumber(number, 4));
      for (const textContent of [formatNumber(value, 6), ...numbers]) {
        row.append(createElement("td", { textContent }));
      }
      return row;
    });
    this.table.replaceChildren(...rows);
  }
}
