// @ts-check
// Where the name of a line may stand, so that it touches no line and no other name: the same search
// as in quizserver/web/label_placement.py. Positions are shares of the plot (y downwards), sizes
// are CSS pixels.

/** @import { LabelBox, Point } from "./types" */

// An average letter's width and the height of a line of text in a chart.
const LETTER = 6.4;
const HEIGHT = 15;
// How far from its line a name still reads as that line's, and how near lines may come to it.
const GAPS = [14, 20, 28, 40];
const CLEARANCE = 10;

/**
 * Half the width of a text, in CSS pixels. Its characters count, not their UTF-16 units.
 *
 * @param {string} text
 */
function halfWidthOf(text) {
  return ([...text].length * LETTER) / 2;
}

/**
 * The space of the y axis' name, above the plot's upper left corner.
 *
 * @param {string} text
 * @param {[width: number, height: number]} size of the plot
 * @returns {LabelBox}
 */
export function axisNameBox(text, [width, height]) {
  const halfWidth = halfWidthOf(text) / width;
  return {
    x: halfWidth - 8 / width,
    y: (-1.1 * HEIGHT) / height,
    halfWidth,
    halfHeight: HEIGHT / height,
  };
}

/**
 * The best box for `text` beside `line`. When none is free, the least bad one: a name is never left
 * out.
 *
 * @param {string} text
 * @param {Point[]} line
 * @param {Point[][]} others may hold `line` itself
 * @param {LabelBox[]} taken
 * @param {[width: number, height: number]} size of the plot
 * @returns {LabelBox}
 */
export function placeLabel(text, line, others, taken, [width, height]) {
  const [halfWidth, halfHeight] = [halfWidthOf(text) / width, HEIGHT / 2 / height];
  const crowd = others.flatMap(densePoints);
  let best = { x: 0.5, y: 0.5, halfWidth, halfHeight };
  let least = Infinity;
  for (const [gap, box] of candidateBoxes(line, halfWidth, halfHeight, height)) {
    const overlaps = taken.filter((other) => boxesOverlap(box, other)).length;
    let cost = gap / 10 + 60 * overhangHeights(box) + 400 * overlaps;
    for (let i = 0; i < crowd.length && cost < least; i += 1) {
      cost += 20 * intrusionDepth(crowd[i], box, width, height);
    }
    if (cost < least) [best, least] = [box, cost];
  }
  return best;
}

/**
 * @param {Point[]} line
 * @param {number} halfWidth
 * @param {number} halfHeight
 * @param {number} height of the plot
 * @returns {Generator<[gap: number, box: LabelBox]>}
 */
function* candidateBoxes(line, halfWidth, halfHeight, height) {
  // Names stay inside the plot sideways, so that they never hang over the page's edge.
  const inside = line.filter(([x]) => x >= halfWidth && x <= 1 - halfWidth);
  const stride = Math.max(1, Math.floor(inside.length / 24));
  const [middle, atMiddle] = line[Math.floor(line.length / 2)];
  const nearest = halfWidth < 0.5 ? Math.min(Math.max(middle, halfWidth), 1 - halfWidth) : 0.5;
  /** @type {Point[]} */
  const positions = inside.length
    ? inside.filter((_, i) => i % stride === 0)
    : [[nearest, atMiddle]];
  // The nearest positions first: once one of them is free, the rest need no second look.
  for (const gap of GAPS) {
    for (const [x, y] of positions) {
      for (const side of [-1, 1]) {
        yield [gap, { x, y: y + (side * gap) / height, halfWidth, halfHeight }];
      }
    }
  }
}

/**
 * Points a twenty-fifth of the plot apart: no steep stretch slips past a name, none crowds.
 *
 * @param {Point[]} points
 * @returns {Point[]}
 */
function densePoints(points) {
  const stride = Math.max(1, Math.floor(points.length / 50));
  const line = points.filter((_, i) => i % stride === 0);
  /** @type {Point[]} */
  const samples = [];
  for (let i = 0; i + 1 < line.length; i += 1) {
    const [[ax, ay], [bx, by]] = [line[i], line[i + 1]];
    const longer = Math.max(Math.abs(by - ay), Math.abs(bx - ax));
    const pieces = Math.max(1, Math.trunc(longer / 0.04));
    for (let piece = 0; piece < Math.min(pieces, 50); piece += 1) {
      const t = piece / pieces;
      samples.push([ax + t * (bx - ax), ay + t * (by - ay)]);
    }
  }
  return [...samples, ...points.slice(-1)];
}

/**
 * How deep, 0 to 1, a point lies within the clear space around a name.
 *
 * @param {Point} point
 * @param {LabelBox} box
 * @param {number} width
 * @param {number} height
 */
function intrusionDepth([x, y], box, width, height) {
  const dx = Math.max(0, Math.abs(x - box.x) - box.halfWidth) * width;
  const dy = Math.max(0, Math.abs(y - box.y) - box.halfHeight) * height;
  return Math.max(0, 1 - Math.hypot(dx, dy) / CLEARANCE);
}

/**
 * @param {LabelBox} a
 * @param {LabelBox} b
 */
function boxesOverlap(a, b) {
  return (
    Math.abs(a.x - b.x) < a.halfWidth + b.halfWidth &&
    Math.abs(a.y - b.y) < a.halfHeight + b.halfHeight
  );
}

/**
 * How many half heights a name sticks out above or below the plot.
 *
 * @param {LabelBox} box
 */
function overhangHeights(box) {
  const overhang = Math.max(0, box.halfHeight - box.y) + Math.max(0, box.y + box.halfHeight - 1);
  return overhang / box.halfHeight;
}
