// A phase map's picture and table, in the structure and classes of the server's, as cells arrive.

import { svg } from "./chart.js";
import { tickText } from "./scales.js";

const LEVELS = 8;
const ARM_COLOURS = 12;
const percent = (share) => `${Number((100 * share).toFixed(2))}%`;

/** Draws `map`, {x, y: sides, counts, n, title, description, marks}, into `box`. */
export function draw(box, ident, map) {
  const { x, y, counts, n, marks } = map;
  const plot = svg(
    "svg",
    { class: "plot", width: "100%", height: "100%", overflow: "visible", role: "img", "aria-labelledby": `${ident}-title ${ident}-desc` },
    svg("title", { id: `${ident}-title` }, map.title),
    svg("desc", { id: `${ident}-desc` }, map.description),
    svg("svg", { class: "cells", viewBox: `0 0 ${x.values.length} ${y.values.length}`, preserveAspectRatio: "none", width: "100%", height: "100%" }),
    ...axes(x, y),
    ...marks.flatMap(({ spotX, spotY, number, arm }) => [
      svg("circle", { class: `arm-mark arm-${arm % ARM_COLOURS}`, cx: percent(spotX), cy: percent(1 - spotY), r: 9 }),
      svg("text", { class: "arm-number", x: percent(spotX), y: percent(1 - spotY), dy: "0.34em" }, String(number)),
    ]),
  );
  const chart = document.createElement("div");
  chart.className = `chart chart-map${y.spec.choices?.length ? " named-rows" : ""}`;
  chart.append(plot);
  box.querySelector(".chart")?.remove();
  box.prepend(chart);
  fill(box, counts, n);
}

/** Draws the cells anew; null is one that is not trained yet. */
export function fill(box, counts, n) {
  const width = counts[0].length;
  const paths = new Map();
  counts.forEach((line, row) => {
    line.forEach((count, column) => {
      if (count === null) return;
      const name = `k-${level(count, n)}`;
      paths.set(name, `${paths.get(name) ?? ""}M${column} ${counts.length - 1 - row}h1v1h-1z`);
    });
  });
  const drawn = [...paths].map(([name, d]) => svg("path", { class: name, d }));
  const edge = border(counts, n);
  if (edge) drawn.push(svg("path", { class: "most", d: edge }));
  const back = svg("rect", { class: "untrained", width, height: counts.length });
  box.querySelector(".cells").replaceChildren(back, ...drawn);
}

/** The step of the colour scale, 0 for no replica and LEVELS for all of them. */
function level(count, n) {
  if (count === 0 || count === n) return count ? LEVELS : 0;
  return Math.min(Math.max(Math.floor((LEVELS * count) / n + 0.5), 1), LEVELS - 1);
}

/** The edges between cells where most replicas show the shape and those where not. */
function border(counts, n) {
  const most = counts.map((line) => line.map((count) => (count === null ? null : 2 * count > n)));
  const differ = (one, other) => one !== null && other !== null && one !== other;
  const height = counts.length;
  let path = "";
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < counts[row].length; column += 1) {
      const here = most[row][column];
      if (column && differ(most[row][column - 1], here)) path += `M${column} ${height - 1 - row}v1`;
      if (row && differ(most[row - 1][column], here)) path += `M${column} ${height - row}h1`;
    }
  }
  return path;
}

function axes(x, y) {
  const marks = svg("g", { class: "ticks" });
  for (const [spot, value] of y.ticks()) {
    const up = percent(1 - spot);
    marks.append(svg("line", { x1: 0, x2: -4, y1: up, y2: up }), tick("tick-y", { x: 0, dx: -8, y: up, dy: "0.32em" }, value));
  }
  for (const [spot, value] of x.ticks()) marks.append(tick("tick-x", { x: percent(spot), y: "100%", dy: "1.5em" }, value));
  return [
    marks,
    svg("text", { class: "axis-y", x: 0, y: 0, dx: -8, dy: "-0.9em" }, y.text),
    svg("text", { class: "axis-x", x: "100%", y: "100%", dy: "2.9em" }, x.text),
  ];
}

function tick(name, attributes, value) {
  const [text, raised] = typeof value === "number" ? tickText(value) : [value, ""];
  const element = svg("text", { class: name, ...attributes }, text);
  if (raised) element.append(svg("tspan", { class: "raised", dy: "-0.4em" }, raised));
  return element;
}

/** Fills a table with the counts, the highest value of y first, as in the picture. */
export function table(element, { x, y, counts, n }) {
  const caption = document.createElement("caption");
  caption.textContent = `Replicas of ${n} that show it. Across: ${x.text}. Downwards: ${y.text}.`;
  const head = document.createElement("thead");
  head.append(line(y.text, x.values.map((value) => x.words(value)), "col"));
  const body = document.createElement("tbody");
  counts.forEach((row, i) => body.prepend(line(y.words(y.values[i]), row.map((count) => count ?? "–"), "row")));
  element.replaceChildren(caption, head, body);
}

function line(name, cells, scope) {
  const row = document.createElement("tr");
  const first = document.createElement("th");
  first.scope = scope;
  first.textContent = name;
  row.append(first);
  for (const text of cells) {
    const cell = document.createElement(scope === "col" ? "th" : "td");
    if (scope === "col") cell.scope = "col";
    cell.textContent = text;
    row.append(cell);
  }
  return row;
}
