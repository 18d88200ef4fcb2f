// Where the name of a line may stand, so that it touches no line and no other name. The same
// search as the server's: shares of the plot (y downwards), sizes in CSS pixels.

const LETTER = 6.4;
const HEIGHT = 15;
const GAPS = [14, 20, 28, 40];
const CLEAR = 10;

/** The room that the y axis' name takes, above the plot's upper left corner. */
export function axisName(text, [width, height]) {
  const halfWidth = (text.length * LETTER) / 2 / width;
  return { x: halfWidth - 8 / width, y: (-1.1 * HEIGHT) / height, halfWidth, halfHeight: HEIGHT / height };
}

/** The best box {x, y, halfWidth, halfHeight} for `text` beside `line` (a list of [x, y]). */
export function place(text, line, others, taken, [width, height]) {
  const half = [(text.length * LETTER) / 2 / width, HEIGHT / 2 / height];
  const crowd = others.flatMap(dense);
  let best = null;
  let least = Infinity;
  for (const [gap, box] of candidates(line, half, height)) {
    let cost = gap / 10 + 60 * outside(box) + 400 * taken.filter((other) => overlap(box, other)).length;
    for (let i = 0; i < crowd.length && cost < least; i += 1) {
      cost += 20 * intrusion(crowd[i], box, width, height);
    }
    if (cost < least) [best, least] = [box, cost];
  }
  return best;
}

function* candidates(line, [halfWidth, halfHeight], height) {
  const inside = line.filter(([x]) => x >= halfWidth && x <= 1 - halfWidth);
  const spots = inside.length
    ? inside.filter((_, i) => i % Math.max(1, Math.floor(inside.length / 24)) === 0)
    : [[0.5, line[Math.floor(line.length / 2)][1]]];
  // The nearest places first: once one of them is free, the rest need no second look.
  for (const gap of GAPS) {
    for (const [x, y] of spots) {
      for (const side of [-1, 1]) yield [gap, { x, y: y + (side * gap) / height, halfWidth, halfHeight }];
    }
  }
}

function dense(whole) {
  const every = Math.max(1, Math.floor(whole.length / 50));
  const line = whole.filter((_, i) => i % every === 0);
  const points = [];
  for (let i = 0; i + 1 < line.length; i += 1) {
    const [[ax, ay], [bx, by]] = [line[i], line[i + 1]];
    const pieces = Math.max(1, Math.trunc(Math.max(Math.abs(by - ay), Math.abs(bx - ax)) / 0.04));
    for (let piece = 0; piece < Math.min(pieces, 50); piece += 1) {
      const t = piece / pieces;
      points.push([ax + t * (bx - ax), ay + t * (by - ay)]);
    }
  }
  return points.concat(whole.slice(-1));
}

function intrusion([x, y], box, width, height) {
  const dx = Math.max(0, Math.abs(x - box.x) - box.halfWidth) * width;
  const dy = Math.max(0, Math.abs(y - box.y) - box.halfHeight) * height;
  return Math.max(0, 1 - Math.hypot(dx, dy) / CLEAR);
}

function overlap(a, b) {
  return (
    Math.abs(a.x - b.x) < a.halfWidth + b.halfWidth &&
    Math.abs(a.y - b.y) < a.halfHeight + b.halfHeight
  );
}

function outside(box) {
  const out = Math.max(0, box.halfHeight - box.y) + Math.max(0, box.y + box.halfHeight - 1);
  return out / box.halfHeight;
}
