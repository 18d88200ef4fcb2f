// What the server sends to the scripts, and what they pass to each other.

/** A measured value; null where a run has none, as after it diverged. */
export type Value = number | null;

export type ScaleName = "linear" | "log";

/** [x, y]. */
export type Point = [number, number];

/** What one axis of a chart measures. */
export interface AxisSpec {
  label: string;
  unit: string;
  scale: ScaleName;
}

/** A median over seeds, with the quantiles around it. */
export interface Band {
  median: Value[];
  low: Value[];
  high: Value[];
}

export type Knobs = Record<string, number>;

export interface KnobSpec {
  name: string;
  label: string;
  low: number;
  high: number;
  default: number;
  scale: ScaleName;
  unit: string;
  integer: boolean;
  /** Names for the whole numbers from `low` on; empty when the knob is a quantity. */
  choices: string[];
}

export interface ArmSpec {
  name: string;
  label: string;
  index: number;
  knobs: Knobs;
}

export interface RecordedCurve extends Band {
  x: number[];
  n?: number;
  sentence?: string | null;
}

/** The recorded curves of every arm of a simulation. */
export interface RecordedArms {
  x: number[];
  arms: Record<string, Omit<RecordedCurve, "x">>;
}

/** Which map a run is to train, or has trained. */
export interface MapRequest {
  x: string;
  y: string;
  shape: string;
  series: string | null;
}

export interface MapResult extends MapRequest {
  x_values: number[];
  y_values: number[];
  n: number;
  /** A row for each value of y, from low; null is a cell that is not trained yet. */
  counts: Value[][];
}

/** A map as a browser may train it: all cells in levels that each make a finer picture whole. */
export interface MapPlane {
  knobs: Knobs;
  first_seed: number;
  map: MapResult;
  levels: number[][];
  multiplications_max: number;
}

/** What the maps of a bench may ask of it. */
export interface MapHost {
  /** Runs the curves of the setting as it stands. */
  runSetting(): void;
  /** Whether this browser can train, and is allowed to. */
  mayTrain(): boolean;
  /** Whether it trains curves right now. */
  isTraining(): boolean;
}

export interface RecordedMap extends MapResult {
  setting: Knobs;
}

/** A shape: `words` continue "the curve", `verbs` "1 of 64" and "64 of 64". */
export interface ShapeSpec {
  title: string;
  words: string;
  verbs: [one: string, several: string];
  /** The wider shape that its curves have as well. */
  within: string | null;
}

/** The numbers of the rules in quizserver/lab/shapes/single.py. */
export interface ShapeThresholds {
  shortest: number;
  edge: number;
  end_from: number;
  plateau_band: number;
  plateau_length: number;
  low: number;
  sudden_length: number;
  sudden_share: number;
  early: number;
  rise: number;
  flat_band: number;
  swing: number;
  swing_edge: number;
  swings: number;
  diverged: number;
  stall_length: number;
  stall_band: number;
}

/** All that a bench knows of its simulation. */
export interface BenchConfig {
  topic: string;
  simulation: string;
  runs_url: string;
  arms: ArmSpec[];
  knobs: KnobSpec[];
  x: AxisSpec;
  series: Record<string, AxisSpec>;
  replicas: number;
  replicas_max: number;
  initial: { arm: string; knobs: Knobs };
  /** Where recorded curves begin and end; null where nothing is recorded. */
  x_range: [number, number] | null;
  recorded_url: string;
  /** Filled in once the recorded curves are fetched. */
  recorded_arms?: RecordedArms;
  maps?: RecordedMap[];
  shapes: Record<string, ShapeSpec>;
  thresholds: ShapeThresholds;
  described: Point[] | null;
  /** Where what trains in the browser comes from; absent where nothing does. */
  live?: LiveUrls | null;
}

/**
 * The kernel's module for plans in each type, the planes of maps, plans, and where it is told that
 * one was used.
 */
export interface LiveUrls {
  kernels: Record<PlanHead["dtype"], string>;
  plane: string;
  plans: string;
  used: string;
}

/**
 * Where a piece of a plan goes, how it is stored, and in how many bytes; for what seeds draw, which
 * of their numbers, how many, and what these are multiplied and divided by.
 */
export type PlanPiece = [
  offset: number,
  encoding: "raw" | "float32" | "rows" | "uniform" | "normal",
  bytes: number,
  first?: number,
  count?: number,
  factor?: number,
  divisor?: number,
];

/** A point of a series: an output, the smallest of several, or a row of the constants. */
export type PlanSeriesEntry = number | number[] | { row: number };

/** A number, or the word for one that JSON does not have. */
export type PlanNumber = number | "NaN" | "Infinity" | "-Infinity";

/** The head of a plan, as quizserver/kernel/plan_image.py writes it. */
export interface PlanHead {
  kernel: string;
  dtype: "float32" | "float64";
  knob_type: "float32" | "float64";
  lanes: number;
  replicas: number;
  blocks: number;
  shared_size: number;
  block_size: number;
  slots_offset: number;
  seeds_offset: number;
  outputs: number;
  operations: number;
  multiplications: number;
  shared: PlanPiece[];
  own: PlanPiece[];
  slots: (PlanNumber | PlanNumber[] | { knob: string })[];
  /** Which slots must be above 0, must not be below it, and must lie between 0 and 1. */
  positive_slots: number[];
  power_slots: number[];
  share_slots: number[];
  structural: Knobs;
  seeds: number[];
  fingerprint: string;
  x: number[];
  point_operations: number[];
  series: Record<string, PlanSeriesEntry[]>;
  constants: number;
}

export type StartTraining = (memory: number, firstBlock: number, lastBlock: number) => number;

export type RunOperations = (
  memory: number,
  outputs: number,
  stride: number,
  first: number,
  last: number,
  firstBlock: number,
  lastBlock: number,
) => number;

export type FillNumbers = (
  seeds: number,
  seedCount: number,
  stream: number,
  first: number,
  count: number,
  out: number,
) => number;

/** What the kernel's module exports. */
export interface KernelExports {
  memory: WebAssembly.Memory;
  __heap_base: WebAssembly.Global<"i32">;
  kernel_version(): number;
  /** How many replicas a block has, and its vectors lanes. */
  block_replicas_float32(): number;
  block_replicas_float64(): number;
  start_training_float32: StartTraining;
  start_training_float64: StartTraining;
  fill_uniform_numbers: FillNumbers;
  fill_normal_numbers: FillNumbers;
  run_operations_float32: RunOperations;
  run_operations_float64: RunOperations;
}

/** What a worker is to train. */
export interface LiveTask {
  kind: "train";
  job: number;
  knobs: Knobs;
}

/** What a worker is told: a plan (and the kernel, at first) with its blocks, or a task. */
export type LiveOrder =
  | LiveTask
  | {
      kind: "open";
      plan: number;
      kernel: ArrayBuffer | null;
      image: ArrayBuffer;
      first: number;
      last: number;
    };

/** What a worker answers; `first` is its first block. */
export type LiveAnswer =
  | { kind: "ready"; plan: number }
  | { kind: "failed"; message: string }
  | {
      kind: "points";
      job: number;
      points: number;
      first: number;
      lanes: number;
      outputs: Float64Array<ArrayBuffer>;
    };

/** What a curve is called, and which arm it started from. */
export interface CurveTexts {
  /** Whether a knob was turned since the arm. */
  isTurned?: boolean;
  arm: string;
  title: string;
  label: string;
}

/** Curves that were trained in this browser, to be drawn; `settled` once no knob moves. */
export interface LiveCurve {
  x: number[];
  band: Band;
  replicas: ArrayLike<Value>[] | null;
  texts: CurveTexts;
  sentence: string;
  settled: boolean;
}

/** What the part of a bench that trains in the browser may ask of the bench. */
export interface LiveHost {
  readonly root: HTMLElement;
  readonly config: BenchConfig;
  readonly series: string;
  readonly busy: boolean;
  readonly form: {
    readonly setting: Setting;
    readonly isComplete: boolean;
    readonly replicas: HTMLInputElement;
  };
  readonly status: {
    announce(message: string): void;
    showMessage(message: string): void;
  };
  readonly replicasToggle: HTMLInputElement;
  describeCurve(replicas: number): CurveTexts;
  showLive(curve: LiveCurve): void;
  /** Runs the setting for so many seeds; null where it did not come to its end. */
  trainOnServer(replicas: number): Promise<RunJob | null>;
}

/** A setting of the bench: `first` is the first seed, `replicas` how many. */
export interface Setting {
  arm: string;
  knobs: Knobs;
  first: number;
  replicas: number;
}

/** A run that was accepted. */
export interface RunJob {
  state: string;
  url: string;
  events: string;
  csv: string;
}

export interface RunRequest {
  topic: string;
  simulation: string;
  arm: string;
  knobs: Knobs;
  first_seed: number;
  replicas?: number;
  map?: MapRequest;
}

export type RunKind = "curves" | "map" | "verification";

/** One of this visitor's runs that are under way; who may not look at it may stop it. */
export interface OwnRun extends RunJob {
  kind: RunKind;
  topic: string;
  simulation: string | null;
  title: string;
  is_open: boolean;
  points_done: number;
  points_total: number;
}

/** A refusal as the server sends it; `own_runs` are those that are in the way. */
export interface Refusal {
  error?: string;
  error_detail?: string;
  field?: string | null;
  own_runs?: OwnRun[];
}

/** A run with the setting that it was begun with; the second of its seeds is the first one after. */
export interface StartedRun extends Run {
  arm: string | null;
  seeds: [first: number, end: number];
}

/** A run that the page knew nothing of. */
export interface FoundRun {
  kind: RunKind;
  job: RunJob;
  run: StartedRun;
}

/** How a run ended. */
export interface RunEnd {
  state: string;
  error?: string | null;
  /** What the simulation's code said; for authors alone. */
  error_detail?: string | null;
  sentence?: string | null;
}

/** A run as its own address gives it: of curves, or of a map. */
export interface Run extends RunEnd {
  knobs: Knobs;
}

export interface CurveRun extends Run {
  x: number[];
  series: Record<string, Band>;
  replicas?: Record<string, Value[][]>;
}

/** A run of curves, with the digest of all values where the server has one. */
export interface CheckedRun extends CurveRun {
  outputs_sha256?: string | null;
}

export interface MapRun extends Run {
  map: MapResult;
}

export interface RunState {
  state: string;
  waiting: number;
}

export interface RunProgress {
  done: number;
  total: number;
  seconds_left: number | null;
}

export interface RunPoints extends RunProgress {
  x: number[];
  series: Record<string, Band>;
}

export interface RunCells extends RunProgress {
  cells: number[];
  counts: number[];
}

/** What a run's stream is listened to for; which events come depends on the kind of run. */
export interface RunListeners {
  state?: (data: RunState) => void;
  points?: (data: RunPoints) => void;
  cells?: (data: RunCells) => void;
  share?: (data: RunProgress) => void;
  end: (data: RunEnd) => void;
  lost: (first: boolean) => void;
}

/** A curve in the bench's chart. */
export interface Curve extends Band {
  x: number[];
  /** The values of single seeds; absent or null while they are not fetched. */
  replicas?: ArrayLike<Value>[] | null;
  /** What stands beside the line. */
  label: string;
  /** What stands in the legend. */
  title: string;
  /** What tells its setting from every other. */
  key: string;
  /** The index of its arm, which decides the colour, and the arm's name. */
  arm: number;
  name: string;
  recorded?: boolean;
  /** Whether it was trained in this browser. */
  live?: boolean;
  sentence?: string;
  run?: RunJob | null;
  /** The saved run that this line shows; its label is then a letter. */
  source?: Curve;
  dash?: number;
}

/** A curve as far as its lines go. */
export type CurveLines = Pick<Curve, "x" | "median"> & Partial<Pick<Curve, "low" | "high">>;

/** What a chart is drawn from. */
export interface ChartState {
  curves: Curve[];
  described: Point[] | null;
  log: boolean;
  /** While a run is under way: the axes only grow, and names stay where they are. */
  live: boolean;
  xRange: [number, number] | null;
  title: string;
  description: string;
}

/** A name's middle as shares of the plot (y downwards), and half its extent likewise. */
export interface LabelBox {
  x: number;
  y: number;
  halfWidth: number;
  halfHeight: number;
}

/** A knob of the bench, whatever it is turned with. */
export interface BenchKnob {
  readonly spec: KnobSpec;
  readonly value: number;
  readonly changed: boolean;
  readonly valueText: string;
  readonly resetValue: number;
  restoreTyped(): boolean;
  startFrom(value: number): void;
  setValue(value: number): void;
  validate(): boolean;
  showError(message: string): void;
  focus(): void;
}

/** `data-editor`: the page that is being written. */
export interface EditorConfig {
  base: string;
  seen: string;
  state?: string;
  check: string;
  conflict: string;
  unsaved: boolean;
  verification: VerificationJob | null;
}

/** What the checker says of a text, and whether it was saved. */
export interface CheckResult {
  saved: boolean;
  base: string | null;
  seen: string | null;
  state: string;
  error?: string | null;
  problems_html: string;
  page_html: string;
}

/** A verification: the run that trains it (without `events` when there is nothing to train). */
export interface VerificationJob {
  url: string;
  events?: string | null;
  result: string;
}

/** What the parts of the editor may ask of it. */
export interface EditorHost {
  readonly saved: boolean;
  check(): Promise<boolean>;
  insertText(text: string): void;
  announce(message: string): void;
}

/** A cell of the matrix: whether the attempt was right (1, 0, null: no mark), and how many there were. */
export type MatrixCell = [right: number | null, attempts: number] | null;

export interface MatrixRow {
  id: number;
  right: number;
  attempts: number;
  latest_at: string | null;
  cells: MatrixCell[];
}

export interface MatrixUpdate {
  columns: string[];
  rows: MatrixRow[];
  moved: boolean;
}

/** `data-matrix`: where the matrix asks for what is new, and how often. */
export interface MatrixConfig {
  url: string;
  mark: string;
  seconds: number;
  questions: string[];
}
