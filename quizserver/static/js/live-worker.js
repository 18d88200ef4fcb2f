// @ts-check
// A worker that trains some blocks of replicas of a plan with the kernel's WebAssembly module, in
// slices, so that a newer setting takes the place of an older one.

import { outputBytes, placePlan, readPlan, scratchBytes, slotNumbers } from "./live-plan.js";

/** @import { KernelExports, LiveAnswer, LiveOrder, LiveTask } from "./types" */
/** @import { RunOperations, StartTraining } from "./types" */

const SLICE = 8; // milliseconds of training between two looks at what is wanted
const REPORT = 120; // milliseconds between two reports of a training that takes longer
const PAGE = 2 ** 16; // bytes in which the module's memory grows
const ALIGNMENT = 64;

/** @type {{ postMessage(answer: LiveAnswer, transfer?: Transferable[]): void }} */
const page = /** @type {any} */ (self);

/** The blocks of a plan that this worker trains, in the memory of a module of its own. */
class BlockTraining {
  /**
   * @param {KernelExports} kernel
   * @param {import("./live-plan.js").LivePlan} plan
   * @param {number} first
   * @param {number} last
   */
  constructor(kernel, plan, first, last) {
    const { head } = plan;
    this.kernel = kernel;
    this.head = head;
    this.first = first;
    this.last = last;
    this.memory = kernel.memory;
    this.address = align(kernel.__heap_base.value);
    this.outputs = align(this.address + head.shared_size + (last - first) * head.block_size);
    const scratch = align(this.outputs + outputBytes(head, last - first));
    const end = scratch + scratchBytes(head);
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    placePlan(plan, kernel, this.address, first, last, scratch);
    /** @type {StartTraining} */
    this.startTraining = kernel[`start_training_${head.dtype}`];
    /** @type {RunOperations} */
    this.runOperations = kernel[`run_operations_${head.dtype}`];
    /** How many operations a slice takes, as far as is known. */
    this.portion = Math.max(1, Math.ceil(head.operations / 64));
  }

  get lanes() {
    return (this.last - this.first) * this.head.lanes;
  }

  /** @param {import("./types").Knobs} knobs */
  start(knobs) {
    const { head, first, last } = this;
    slotNumbers(head, knobs, first, last).forEach((numbers, block) => {
      const place = this.address + head.shared_size + block * head.block_size + head.slots_offset;
      new Float64Array(this.memory.buffer, place, numbers.length).set(numbers);
    });
    this.startTraining(this.address, 0, last - first);
  }

  /**
   * Executes operations [first, last).
   *
   * @param {number} first
   * @param {number} last
   */
  run(first, last) {
    const blocks = this.last - this.first;
    this.runOperations(this.address, this.outputs, this.lanes, first, last, 0, blocks);
  }

  /** A copy of what has been recorded, (outputs, lanes). */
  readOutputs() {
    const count = this.head.outputs * this.lanes;
    return new Float64Array(this.memory.buffer, this.outputs, count).slice();
  }
}

/** @param {number} address */
function align(address) {
  return Math.ceil(address / ALIGNMENT) * ALIGNMENT;
}

/** Kept before it is compiled: the next plan may come meanwhile. @type {Promise<WebAssembly.Module> | null} */
let module = null;
/** The number of the newest plan. */
let opened = 0;
/** @type {BlockTraining | null} */
let training = null;
/** The newest task. @type {LiveTask | null} */
let wanted = null;
let working = false;

const breath = new MessageChannel();

/** Lets messages in that have come meanwhile. */
function breathe() {
  return new Promise((resolve) => {
    breath.port1.onmessage = resolve;
    breath.port2.postMessage(null);
  });
}

/** @param {Extract<LiveOrder, { kind: "open" }>} order */
async function open({ kernel, image, first, last, plan: number }) {
  wanted = null;
  training = null;
  opened = number;
  if (kernel) module = WebAssembly.compile(kernel);
  if (!module) throw new Error("The kernel has not come.");
  const instance = await WebAssembly.instantiate(await module, {});
  if (opened !== number) return;
  const exports = /** @type {KernelExports} */ (/** @type {unknown} */ (instance.exports));
  const plan = readPlan(image);
  const { kernel: version, lanes } = plan.head;
  const width = exports[`block_replicas_${plan.head.dtype}`]();
  const isSame = readVersion(exports) === version && width === lanes;
  if (!isSame) throw new Error("The kernel is another one.");
  training = new BlockTraining(exports, plan, first, last);
  page.postMessage({ kind: "ready", plan: number });
}

/** @param {KernelExports} kernel */
function readVersion(kernel) {
  const bytes = new Uint8Array(kernel.memory.buffer, kernel.kernel_version());
  const text = new TextDecoder("latin1").decode(bytes.slice(0, Math.max(0, bytes.indexOf(0))));
  return text.split(":")[1] ?? "";
}

/** Trains whatever is wanted until nothing is. */
async function work() {
  if (working) return;
  working = true;
  try {
    while (wanted && training) {
      const task = wanted;
      await trainTask(task, training);
      if (wanted === task) wanted = null;
    }
  } finally {
    working = false;
  }
}

/**
 * Trains one setting, unless a newer one is wanted or the plan is another one by then.
 *
 * @param {LiveTask} task
 * @param {BlockTraining} blocks
 */
async function trainTask(task, blocks) {
  const { operations, point_operations: ends } = blocks.head;
  let [done, points] = [0, 0];
  let reportedAt = performance.now();
  blocks.start(task.knobs);
  do {
    const startedAt = performance.now();
    const last = Math.min(operations, done + blocks.portion);
    blocks.run(done, last);
    const now = performance.now();
    const speed = (last - done) / (now - startedAt + 0.01);
    blocks.portion = Math.ceil(
      Math.min(4 * blocks.portion, Math.max(blocks.portion / 4, SLICE * speed)),
    );
    done = last;
    while (points < ends.length && ends[points] <= done) points += 1;
    if (done === operations || now - reportedAt > REPORT) {
      reportedAt = now;
      const outputs = blocks.readOutputs();
      const { first, lanes } = blocks;
      page.postMessage({ kind: "points", job: task.job, points, first, lanes, outputs }, [
        outputs.buffer,
      ]);
    }
    if (done < operations) await breathe();
  } while (done < operations && wanted === task && training === blocks);
}

self.onmessage = (/** @type {MessageEvent<LiveOrder>} */ { data: order }) => {
  const fail = (/** @type {unknown} */ error) => {
    page.postMessage({ kind: "failed", message: String(error) });
  };
  if (order.kind === "open") {
    open(order).catch(fail);
  } else {
    wanted = order;
    work().catch(fail);
  }
};
