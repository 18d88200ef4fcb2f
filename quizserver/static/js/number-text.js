// @ts-check
// Numbers as text. What charts show is written exactly as quizserver/web/scales.py and charts.py
// write it; tests/web/chart_numbers.json holds both to the same texts.

import { gettext } from "./translation.js";

// Below and above these, a tick is written as a power of ten.
const SMALLEST_PLAIN = 1e-3;
const LARGEST_PLAIN = 1e5;
// More digits than it takes to distinguish a number from half a unit of its last digit.
const EXACT_DIGITS = 60;
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻";

/**
 * The nearest whole number, and of two equally near ones the even one, as Python rounds.
 *
 * @param {number} value
 */
export function roundHalfEven(value) {
  const below = Math.floor(value);
  const part = value - below;
  if (part === 0.5) return below % 2 === 0 ? below : below + 1;
  return part < 0.5 ? below : below + 1;
}

/**
 * A number with so many digits after the point in exponent notation, halves going to the even
 * digit.
 *
 * @param {number} value
 * @param {number} digits
 */
function toExponential(value, digits) {
  const nearest = value.toExponential(digits);
  const [mantissa, exponent] = value.toExponential(EXACT_DIGITS).split("e");
  const end = mantissa.indexOf(".") + 1 + digits;
  if (!/^50*$/.test(mantissa.slice(end))) return nearest;
  const lower = mantissa.slice(0, end);
  const last = Number(lower.at(-1));
  return last % 2 === 0 ? `${lower}e${exponent}` : nearest;
}

/**
 * A tick's number: [text, raised exponent or ""].
 *
 * @param {number} value
 * @returns {[text: string, exponent: string]}
 */
export function tickText(value) {
  if (value === 0) return ["0", ""];
  const size = Math.abs(value);
  if (size >= SMALLEST_PLAIN && size < LARGEST_PLAIN) return [plainText(value), ""];
  const [digits, exponent] = toExponential(value, 2).split("e");
  const mantissa = withMinus(String(Number(digits)));
  const front = { 1: "10", "−1": "−10" }[mantissa] ?? `${mantissa}·10`;
  return [front, withMinus(String(Number(exponent)))];
}

/** @param {number} value */
function plainText(value) {
  const rounded = Math.abs(value) < 1e4 ? Number(toExponential(value, 3)) : roundHalfEven(value);
  const text = String(rounded);
  if (Math.abs(rounded) < 1e4) return withMinus(text);
  return withMinus(text.replace(/\B(?=(\d{3})+$)/g, "\u2009"));
}

/**
 * A number as ticks have it, in plain text: 0.3, 10 000, 7.76·10²⁹⁷, infinity.
 *
 * @param {number} value
 */
export function formatPlainNumber(value) {
  if (!Number.isFinite(value)) return (value < 0 ? "−" : "") + gettext("infinity");
  const [text, exponent] = tickText(value);
  return text + [...exponent].map((sign) => SUPERSCRIPTS["0123456789−".indexOf(sign)]).join("");
}

/**
 * A number for people in running text, with about `digits` significant digits.
 *
 * @param {number | null | undefined} value
 * @param {number} digits
 */
export function formatNumber(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return gettext("no finite number");
  }
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e6) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    return withMinus(`${Number(mantissa)}e${Number(exponent)}`);
  }
  return withMinus(String(Number(value.toPrecision(digits))));
}

/**
 * A number for people as `format_rounded` in quizserver/lab/curve_text.py writes it: two digits of a
 * small one, four of others, whole from 1,000 on.
 *
 * @param {number} value
 */
export function formatRounded(value) {
  const size = Math.abs(value);
  if (value !== 0 && (size < 0.001 || size >= 1e6)) {
    const [mantissa, exponent] = toExponential(value, 1).split("e");
    return `${mantissa}e${Number(exponent)}`;
  }
  if (size < 1000) return String(Number(toExponential(value, size < 1 ? 1 : 3)));
  return String(roundHalfEven(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * A share of the plot as an SVG attribute, to a hundredth of a percent.
 *
 * @param {number} share
 */
export function formatPercent(share) {
  const value = 100 * share;
  // Halves of a hundredth that a float holds exactly are odd multiples of an eighth.
  const half = Math.abs((8 * value) % 2) === 1;
  const rounded = half ? roundHalfEven(100 * value) / 100 : Number(value.toFixed(2));
  return `${rounded === 0 ? 0 : rounded}%`;
}

/** @param {string} text */
function withMinus(text) {
  return text.replaceAll("-", "−");
}
