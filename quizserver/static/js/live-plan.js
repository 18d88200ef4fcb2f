// @ts-check
// A plan that trains in this browser: what quizserver/kernel/plan_image.py writes, and how it comes
// into the memory of the kernel.

import { parseJson } from "./json.js";

/** @import { KernelExports, Knobs, PlanHead, PlanPiece } from "./types" */
/** @typedef {{ head: PlanHead, image: ArrayBuffer, bodyStart: number }} LivePlan */

const MAGIC = "quizplan";
const VERSION = 1;
const PREFIX = 16; // bytes before the head
const FIELDS = 8; // numbers of an operation
const FIRST_WEIGHTS = 0; // the stream of draws that they come from
const MAX_MEMORY = 256 * 2 ** 20; // bytes that a worker takes at most

/**
 * Reads the head of an image. Throws an Error when it is none that this script can train.
 *
 * @param {ArrayBuffer} image
 * @returns {LivePlan}
 */
export function readPlan(image) {
  const magic = new TextDecoder("latin1").decode(image.slice(0, MAGIC.length));
  if (image.byteLength < PREFIX || magic !== MAGIC) throw new Error("This is no plan.");
  const numbers = new DataView(image, MAGIC.length);
  if (numbers.getUint32(0, true) !== VERSION) throw new Error("The plan has another format.");
  const bodyStart = PREFIX + numbers.getUint32(4, true);
  const text = new TextDecoder().decode(image.slice(PREFIX, bodyStart));
  /** @type {PlanHead} */
  const head = parseJson(text);
  const { shared, own, blocks, constants, replicas } = head;
  const size = sumBytes(shared) + blocks * sumBytes(own) + 8 * constants * replicas;
  if (bodyStart + size !== image.byteLength) throw new Error("The plan was cut short.");
  const memory = head.shared_size + blocks * head.block_size + outputBytes(head, blocks);
  if (memory > MAX_MEMORY) throw new Error("The plan takes too much memory.");
  return { head, image, bodyStart };
}

/** @param {PlanPiece[]} pieces */
function sumBytes(pieces) {
  return pieces.reduce((sum, [, , bytes]) => sum + bytes, 0);
}

/**
 * Bytes of what so many blocks record.
 *
 * @param {PlanHead} head
 * @param {number} blocks
 */
export function outputBytes(head, blocks) {
  return 8 * head.outputs * blocks * head.lanes;
}

/**
 * Copies a plan into the kernel's memory, which is all zero, for blocks [first, last) of its
 * replicas.
 *
 * @param {LivePlan} plan
 * @param {KernelExports} kernel
 * @param {number} base the address of the plan
 * @param {number} first
 * @param {number} last
 * @param {number} scratch the address of `scratchBytes` that are free
 */
export function placePlan({ head, image, bodyStart }, kernel, base, first, last, scratch) {
  placePieces(head.shared, image, bodyStart, kernel, base);
  const bytes = sumBytes(head.own);
  const ownStart = bodyStart + sumBytes(head.shared);
  for (let block = first; block < last; block += 1) {
    const address = base + head.shared_size + (block - first) * head.block_size;
    placePieces(head.own, image, ownStart + block * bytes, kernel, address);
    for (const piece of head.own) drawPiece(piece, head, kernel, address, scratch);
  }
}

/**
 * Bytes that drawing takes besides the plan's memory.
 *
 * @param {PlanHead} head
 */
export function scratchBytes({ own, lanes }) {
  return 8 * lanes * Math.max(0, ...own.map(([, , , , count = 0]) => count));
}

/**
 * @param {PlanPiece[]} pieces
 * @param {ArrayBuffer} image
 * @param {number} start of their bytes in the image
 * @param {KernelExports} kernel
 * @param {number} address
 */
function placePieces(pieces, image, start, { memory }, address) {
  let from = start;
  for (const [offset, encoding, bytes] of pieces) {
    const stored = image.slice(from, from + bytes);
    from += bytes;
    const to = address + offset;
    if (encoding === "float32") {
      new Float64Array(memory.buffer, to, bytes / 4).set(new Float32Array(stored));
    } else if (encoding === "rows") {
      const rows = new Int32Array(memory.buffer, to, bytes / 4);
      rows.set(new Int32Array(stored));
      for (let i = FIELDS; i < rows.length; i += 1) rows[i] += rows[i - FIELDS];
    } else {
      new Uint8Array(memory.buffer, to, bytes).set(new Uint8Array(stored));
    }
  }
}

/**
 * Fills a piece that the seeds of a block draw, if it is one; the seeds are there already.
 *
 * @param {PlanPiece} piece
 * @param {PlanHead} head
 * @param {KernelExports} kernel
 * @param {number} address of the block
 * @param {number} scratch
 */
function drawPiece(piece, { lanes, seeds_offset: seeds }, kernel, address, scratch) {
  const [offset, kind, , first = 0, count = 0, factor = 1, divisor = 1] = piece;
  if (kind !== "uniform" && kind !== "normal") return;
  kernel[`fill_${kind}_numbers`](address + seeds, lanes, FIRST_WEIGHTS, first, count, scratch);
  const drawn = new Float64Array(kernel.memory.buffer, scratch, lanes * count);
  const numbers = new Float64Array(kernel.memory.buffer, address + offset, lanes * count);
  for (let i = 0; i < count; i += 1) {
    for (let lane = 0; lane < lanes; lane += 1) {
      const value = drawn[lane * count + i];
      const centred = kind === "uniform" ? 2 * value - 1 : value;
      numbers[i * lanes + lane] = (centred * factor) / divisor;
    }
  }
}

/**
 * The number of every slot and lane of blocks [first, last), a list for each of them in turn.
 *
 * @param {PlanHead} head
 * @param {Knobs} knobs
 * @param {number} first
 * @param {number} last
 */
export function slotNumbers(head, knobs, first, last) {
  const tables = [];
  for (let block = first; block < last; block += 1) {
    const numbers = new Float64Array(head.slots.length * head.lanes);
    numbers.forEach((_, i) => {
      const lane = i % head.lanes;
      const replica = Math.min(head.replicas - 1, block * head.lanes + lane);
      numbers[i] = slotNumber(head, (i - lane) / head.lanes, knobs, replica);
    });
    tables.push(numbers);
  }
  return tables;
}

/**
 * @param {PlanHead} head
 * @param {number} slot
 * @param {Knobs} knobs
 * @param {number} replica
 */
function slotNumber(head, slot, knobs, replica) {
  const entry = head.slots[slot];
  if (Array.isArray(entry)) return Number(entry[replica]);
  if (typeof entry !== "object") return Number(entry);
  const value = knobs[entry.knob];
  return head.knob_type === "float32" ? Math.fround(value) : value;
}

/**
 * Whether a plan is this setting's: its structural knobs stand where the setting has them.
 *
 * @param {PlanHead} head
 * @param {Knobs} knobs
 */
export function fitsSetting(head, knobs) {
  return Object.entries(head.structural).every(([name, value]) => knobs[name] === value);
}

/**
 * Whether every number is one that the plan's layers and schedules can work with.
 *
 * @param {PlanHead} head
 * @param {Knobs} knobs
 */
export function isTrainable(head, knobs) {
  for (let replica = 0; replica < head.replicas; replica += 1) {
    const value = (/** @type {number} */ slot) => slotNumber(head, slot, knobs, replica);
    if (!head.positive_slots.every((slot) => value(slot) > 0)) return false;
    if (!head.power_slots.every((slot) => value(slot) >= 0)) return false;
    if (!head.share_slots.every((slot) => value(slot) >= 0 && value(slot) <= 1)) return false;
  }
  return true;
}

/**
 * The values of series that no training changes, (rows, replicas).
 *
 * @param {LivePlan} plan
 */
export function constantRows({ head, image }) {
  const { constants, replicas } = head;
  return new Float64Array(image.slice(image.byteLength - 8 * constants * replicas));
}
