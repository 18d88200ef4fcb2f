// From values to places on a chart: the same scales, ticks and numbers as the server draws.

const ROOM_ABOVE = 0.08;
// A run that diverges passes any bound. Past these a value is as good as infinite, or as zero.
const HUGE = 1e30;
const TINY = 1e-300;
// A linear axis no wider than this is flat; the smallest start that a log axis may have.
const FLAT = 1e-30;
const LOWEST = 1e-307;

/** Whether a value can have a place on a chart at all. */
export const drawable = (value) => typeof value === "number" && Math.abs(value) <= HUGE;

/** Maps low…high onto 0…1; `spot` gives null where a value has no place. */
export function scale(low, high, name = "linear") {
  const log = name === "log";
  // Differences of logarithms: a quotient of such values could pass the largest float.
  const span = log ? Math.log(high) - Math.log(low) : high - low;
  return {
    low,
    high,
    name,
    spot(value) {
      if (!drawable(value)) return null;
      if (!log) return (value - low) / span;
      return value >= TINY ? (Math.log(value) - Math.log(low)) / span : null;
    },
    value(spot) {
      return log ? Math.exp(Math.log(low) + spot * span) : low + spot * span;
    },
  };
}

/** A scale that shows `values` with a little room; linear ones start at 0 if they may. */
export function fit(values, name = "linear") {
  if (name === "log") {
    const positive = values.filter((value) => value >= TINY);
    if (positive.length) {
      const low = Math.min(...positive);
      const high = Math.max(...positive);
      const room = Math.max((Math.log(high) - Math.log(low)) * ROOM_ABOVE, 0.1);
      return scale(Math.max(low * Math.exp(-room), LOWEST), high * Math.exp(room), "log");
    }
  }
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  if (high - low < FLAT) return scale(0, 1);
  const room = (high - low) * ROOM_ABOVE;
  return scale(low < 0 ? low - room : low, high + room);
}

/** Round numbers along a scale as [place 0…1, value], from low to high. */
export function ticks(axis, about = 5) {
  const values = axis.name === "log" ? decades(axis) : steps(axis, about);
  return values.map((value) => [axis.spot(value), value]);
}

function steps({ low, high }, about) {
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const values = [];
  for (let i = first; i <= last; i += 1) values.push(Number((i * step).toPrecision(12)));
  return values;
}

function decades({ low, high }) {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const stride = Math.max(1, Math.ceil((to - from) / 6));
  const factors = to - from < 2 ? [1, 2, 5] : [1];
  const values = [];
  for (let power = Math.floor(from); power <= Math.ceil(to); power += 1) {
    if (power % stride === 0) values.push(...factors.map((f) => f * 10 ** power));
  }
  const inside = values.filter((value) => value >= low && value <= high);
  return inside.length ? inside : [low, high];
}

/** A number in words short enough for an axis: [text, raised exponent or ""]. */
export function tickText(value) {
  if (value === 0) return ["0", ""];
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return [plain(value), ""];
  const [digits, exponent] = value.toExponential(2).split("e");
  const mantissa = minus(String(Number(digits)));
  const front = { 1: "10", "−1": "−10" }[mantissa] ?? `${mantissa}·10`;
  return [front, minus(String(Number(exponent)))];
}

/** A number for people in running text, with about `digits` significant digits. */
export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "not finite";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return minus(`${Number(mantissa)}e${Number(exponent)}`);
  }
  return minus(String(Number(value.toPrecision(digits))));
}

function plain(value) {
  if (Math.abs(value) < 1e4) return minus(String(Number(value.toPrecision(4))));
  return minus(Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, "\u2009"));
}

function minus(text) {
  return text.replaceAll("-", "−");
}
