// @ts-check
// A phase map's picture and table, in the structure and classes of the server's
// (quizserver/web/phase_chart.py), as cells arrive.

import { createElement, createSvg, findElement } from "./dom.js";
import { formatPercent } from "./number-text.js";
import { gettext } from "./translation.js";

/** @import { MapAxis } from "./map-axis.js" */
/** @import { Value } from "./types" */
/** @typedef {{ x: MapAxis, y: MapAxis, counts: Value[][], n: number }} MapCells */
/** @typedef {{ x: number, y: number, number: number, arm: number }} ArmMarker */

const LEVELS = 8;
const ARM_COLOURS = 12;

/**
 * Draws a map into `box`, in place of the picture that is there.
 *
 * @param {HTMLElement} box
 * @param {string} ident the beginning of its elements' ids
 * @param {MapCells & { title: string, description: string, markers: ArmMarker[] }} map
 */
export function drawMap(box, ident, { x, y, counts, n, title, description, markers }) {
  const plot = createSvg(
    "svg",
    {
      class: "plot",
      width: "100%",
      height: "100%",
      overflow: "visible",
      role: "img",
      "aria-labelledby": `${ident}-title ${ident}-desc`,
    },
    createSvg("title", { id: `${ident}-title` }, title),
    createSvg("desc", { id: `${ident}-desc` }, description),
    createSvg("svg", {
      class: "cells",
      viewBox: `0 0 ${x.values.length} ${y.values.length}`,
      preserveAspectRatio: "none",
      width: "100%",
      height: "100%",
    }),
    ...drawAxes(x, y),
    ...markers.flatMap(drawMarker),
  );
  const named = y.spec.choices.length ? " named-rows" : "";
  const chart = createElement("div", { className: `chart chart-map${named}` });
  chart.append(plot);
  box.querySelector(".chart")?.remove();
  box.prepend(chart);
  fillCells(box, counts, n);
}

/** @param {ArmMarker} marker */
function drawMarker({ x, y, number, arm }) {
  const [left, top] = [formatPercent(x), formatPercent(1 - y)];
  const name = `arm-mark arm-${arm % ARM_COLOURS}`;
  return [
    createSvg("circle", { class: name, cx: left, cy: top, r: 9 }),
    createSvg("text", { class: "arm-number", x: left, y: top, dy: "0.34em" }, String(number)),
  ];
}

/**
 * Draws the cells of a picture again.
 *
 * @param {HTMLElement} box
 * @param {Value[][]} counts null is a cell that is not trained yet
 * @param {number} n
 */
export function fillCells(box, counts, n) {
  const drawn = cellData(counts, n).map(([name, d]) => createSvg("path", { class: name, d }));
  const border = borderData(counts, n);
  if (border) drawn.push(createSvg("path", { class: "most", d: border }));
  const [width, height] = [counts[0].length, counts.length];
  const back = createSvg("rect", { class: "untrained", width, height });
  findElement(box, ".cells", SVGElement).replaceChildren(back, ...drawn);
}

/**
 * The cells of each step of the colour scale as one path: [class, path data], from the lowest step.
 *
 * @param {Value[][]} counts
 * @param {number} n
 * @returns {[name: string, data: string][]}
 */
export function cellData(counts, n) {
  /** @type {string[]} */
  const paths = [];
  counts.forEach((line, row) => {
    let start = 0;
    line.forEach((count, column) => {
      const end = column + 1;
      if (end < line.length && line[end] === count) return;
      if (count !== null) {
        const step = colourStep(count, n);
        const piece = `M${start} ${counts.length - 1 - row}h${end - start}v1H${start}z`;
        paths[step] = (paths[step] ?? "") + piece;
      }
      start = end;
    });
  });
  return [...paths.entries()].flatMap(([step, data]) => (data ? [[`k-${step}`, data]] : []));
}

/**
 * The step of the colour scale, 0 for no replica and LEVELS for all of them.
 *
 * @param {number} count
 * @param {number} n
 */
export function colourStep(count, n) {
  if (count === 0 || count === n) return count ? LEVELS : 0;
  return Math.min(Math.max(Math.floor((LEVELS * count) / n + 0.5), 1), LEVELS - 1);
}

/**
 * The edges between cells where most replicas show the shape and those where not.
 *
 * @param {Value[][]} counts
 * @param {number} n
 */
export function borderData(counts, n) {
  const most = counts.map((line) => line.map((count) => (count === null ? null : 2 * count > n)));
  const height = counts.length;
  let path = "";
  most.forEach((line, row) => {
    line.forEach((here, column) => {
      if (column && differ(line[column - 1], here)) path += `M${column} ${height - 1 - row}v1`;
      if (row && differ(most[row - 1][column], here)) path += `M${column} ${height - row}h1`;
    });
  });
  return path;
}

/**
 * Whether both are known and not the same.
 *
 * @param {boolean | null} one
 * @param {boolean | null} other
 */
function differ(one, other) {
  return one !== null && other !== null && one !== other;
}

/**
 * @param {MapAxis} x
 * @param {MapAxis} y
 */
function drawAxes(x, y) {
  const ticks = createSvg("g", { class: "ticks" });
  for (const [position, ...text] of y.listTicks()) {
    const up = formatPercent(1 - position);
    const attributes = { class: "tick-y", x: 0, dx: -8, y: up, dy: "0.32em" };
    ticks.append(
      createSvg("line", { x1: 0, x2: -4, y1: up, y2: up }),
      drawTick(attributes, ...text),
    );
  }
  for (const [position, ...text] of x.listTicks()) {
    const attributes = { class: "tick-x", x: formatPercent(position), y: "100%", dy: "1.5em" };
    ticks.append(drawTick(attributes, ...text));
  }
  return [
    ticks,
    createSvg("text", { class: "axis-y", x: 0, y: 0, dx: -8, dy: "-0.9em" }, y.text),
    createSvg("text", { class: "axis-x", x: "100%", y: "100%", dy: "2.9em" }, x.text),
  ];
}

/**
 * @param {Record<string, string | number>} attributes
 * @param {string} text
 * @param {string} exponent
 */
function drawTick(attributes, text, exponent) {
  const tick = createSvg("text", attributes, text);
  if (exponent) tick.append(createSvg("tspan", { class: "raised", dy: "-0.4em" }, exponent));
  return tick;
}

/**
 * Fills a table with the counts, the highest value of y first, as in the picture.
 *
 * @param {HTMLElement} table
 * @param {MapCells} map
 */
export function fillMapTable(table, { x, y, counts, n }) {
  const caption = createElement("caption", {
    textContent: gettext("Replicas of %(n)s that show it. Across: %(x)s. Downwards: %(y)s.", {
      n,
      x: x.text,
      y: y.text,
    }),
  });
  const head = createElement("thead");
  const columns = x.values.map((value) => x.valueText(value));
  head.append(createRow(y.text, columns, "col"));
  const body = createElement("tbody");
  counts.forEach((row, i) => {
    const cells = row.map((count) => String(count ?? "–"));
    body.prepend(createRow(y.valueText(y.values[i]), cells, "row"));
  });
  table.replaceChildren(caption, head, body);
}

/**
 * @param {string} name
 * @param {string[]} texts
 * @param {"col" | "row"} scope
 */
function createRow(name, texts, scope) {
  const row = createElement("tr");
  row.append(createElement("th", { scope, textContent: name }));
  for (const textContent of texts) {
    const isHead = scope === "col";
    row.append(
      isHead ? createElement("th", { scope, textContent }) : createElement("td", { textContent }),
    );
  }
  return row;
}
