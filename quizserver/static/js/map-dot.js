// @ts-check
// The dot on a phase map: the learner's setting, dragged by hand or moved by two linked sliders.

import { createElement } from "./dom.js";
import { gettext } from "./translation.js";

/** @import { MapAxis } from "./map-axis.js" */

const PAGE = 4; // cells
/** @type {Record<string, number>} */
const ACROSS = { ArrowRight: 1, ArrowLeft: -1 };
/** @type {Record<string, number>} */
const UP = { ArrowUp: 1, ArrowDown: -1, PageUp: PAGE, PageDown: -PAGE };
/** @type {Record<string, number>} */
const ENDS = { Home: -1e9, End: 1e9 };

export class MapDot {
  /**
   * Lies over the plot of `box`. `onMove` hears which cell a person puts it in, `onRun` that Enter
   * was pressed there.
   *
   * @param {HTMLElement} box
   * @param {{ onMove: (column: number, row: number) => void, onRun: () => void }} handlers
   */
  constructor(box, { onMove, onRun }) {
    this.box = box;
    this.onMove = onMove;
    this.onRun = onRun;
    /** What `show` was last given. @type {{ x: MapAxis, y: MapAxis, values: number[] } | null} */
    this.shown = null;
    /** The pointer that drags the dot. @type {number | null} */
    this.dragging = null;
    this.target = createElement("div", { className: "map-target" });
    this.dot = createElement("div", { className: "map-dot" });
    this.across = this.createSlider("horizontal");
    this.up = this.createSlider("vertical");
    this.dot.append(this.across, this.up);
    this.target.append(this.dot);
    box.append(this.target);
    new ResizeObserver(() => this.coverPlot()).observe(box);
    this.listen();
  }

  /** @param {"horizontal" | "vertical"} orientation */
  createSlider(orientation) {
    const slider = createElement("div", { tabIndex: 0 });
    slider.setAttribute("role", "slider");
    slider.setAttribute("aria-orientation", orientation);
    slider.addEventListener("keydown", (event) => this.handleKey(event, orientation));
    return slider;
  }

  /** Covers exactly the plot, wherever the chart's padding has put it. */
  coverPlot() {
    const plot = this.box.querySelector(".untrained");
    if (!plot) return;
    const [outer, inner] = [this.box.getBoundingClientRect(), plot.getBoundingClientRect()];
    if (!inner.width) return;
    this.target.style.left = `${inner.left - outer.left}px`;
    this.target.style.top = `${inner.top - outer.top}px`;
    this.target.style.width = `${inner.width}px`;
    this.target.style.height = `${inner.height}px`;
  }

  listen() {
    const { target, dot } = this;
    /** @param {PointerEvent} event */
    const isBeside = (event) =>
      event.pointerType === "touch" && event.target instanceof Node && !dot.contains(event.target);
    target.addEventListener("pointerdown", (event) => {
      // A finger that lands beside the dot may be about to scroll: only its tap counts (click).
      if (event.button || isBeside(event)) return;
      event.preventDefault();
      this.across.focus({ preventScroll: true });
      this.dragging = event.pointerId;
      target.setPointerCapture(event.pointerId);
      dot.classList.add("dragged");
      this.moveToPointer(event);
    });
    target.addEventListener("pointermove", (event) => {
      if (event.pointerId === this.dragging) this.moveToPointer(event);
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      target.addEventListener(name, () => {
        this.dragging = null;
        dot.classList.remove("dragged");
      });
    }
    target.addEventListener("click", (event) => {
      if (event instanceof PointerEvent && isBeside(event)) this.moveToPointer(event);
    });
  }

  /** @param {PointerEvent} event */
  moveToPointer(event) {
    if (!this.shown) return;
    const box = this.target.getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width;
    const up = 1 - (event.clientY - box.top) / box.height;
    this.onMove(this.shown.x.cellAt(across), this.shown.y.cellAt(up));
  }

  /**
   * @param {KeyboardEvent} event
   * @param {"horizontal" | "vertical"} orientation
   */
  handleKey(event, orientation) {
    if (event.ctrlKey || event.altKey || event.metaKey || !this.shown) return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.onRun();
      return;
    }
    const end = ENDS[event.key];
    const isHorizontal = orientation === "horizontal";
    const across = ACROSS[event.key] ?? (isHorizontal ? end : undefined);
    const up = UP[event.key] ?? (isHorizontal ? undefined : end);
    if (across === undefined && up === undefined) return;
    event.preventDefault();
    // The focus goes along with the direction, so that what is read out is what moved.
    (across === undefined ? this.up : this.across).focus();
    const { x, y, values } = this.shown;
    /**
     * @param {MapAxis} axis
     * @param {number} value
     * @param {number} steps
     */
    const cellBeside = (axis, value, steps) =>
      Math.min(axis.values.length - 1, Math.max(0, axis.cellAt(axis.position(value)) + steps));
    this.onMove(cellBeside(x, values[0], across ?? 0), cellBeside(y, values[1], up ?? 0));
  }

  /**
   * Shows a setting on a map with these axes.
   *
   * @param {MapAxis} x
   * @param {MapAxis} y
   * @param {number[]} values of the two knobs
   * @param {string} text what is read out
   */
  show(x, y, values, text) {
    const isNewMap = this.shown?.x !== x || this.shown.y !== y;
    this.shown = { x, y, values };
    const [across, up] = [x.position(values[0]), y.position(values[1])];
    /** @param {number} position */
    const inside = (position) => Math.min(1, Math.max(0, position));
    this.dot.style.left = `${100 * inside(across)}%`;
    this.dot.style.top = `${100 * (1 - inside(up))}%`;
    this.dot.classList.toggle("beyond", inside(across) !== across || inside(up) !== up);
    const acrossName = gettext("%(knob)s, across in the map", { knob: x.spec.label });
    const upName = gettext("%(knob)s, upwards in the map", { knob: y.spec.label });
    describeSlider(this.across, x, values[0], acrossName, text);
    describeSlider(this.up, y, values[1], upName, text);
    if (isNewMap) this.coverPlot();
  }
}

/**
 * @param {HTMLElement} slider
 * @param {MapAxis} axis
 * @param {number} value
 * @param {string} name
 * @param {string} text
 */
function describeSlider(slider, axis, value, name, text) {
  const [low, high] = [axis.values[0], axis.values[axis.values.length - 1]];
  slider.setAttribute("aria-label", name);
  slider.setAttribute("aria-valuemin", String(low));
  slider.setAttribute("aria-valuemax", String(high));
  slider.setAttribute("aria-valuenow", String(Math.min(high, Math.max(low, value))));
  slider.setAttribute("aria-valuetext", text);
}
