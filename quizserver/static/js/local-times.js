// @ts-check
// Moments of the page on the reader's own clocks, with their offset from UTC.

import { language } from "./translation.js";

const dayFormat = new Intl.DateTimeFormat(language, { dateStyle: "long" });
const timeFormat = new Intl.DateTimeFormat(language, { timeStyle: "short" });

/**
 * The offset from UTC of the reader's clocks at a moment.
 *
 * @param {Date} moment
 */
export function utcOffsetText(moment) {
  const minutes = -moment.getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  /** @param {number} n */
  const twoDigits = (n) => String(n).padStart(2, "0");
  const hours = twoDigits(Math.floor(size / 60));
  return `UTC${minutes > 0 ? "+" : "−"}${hours}:${twoDigits(size % 60)}`;
}

for (const time of document.querySelectorAll("time[data-local]")) {
  const moment = new Date(time.getAttribute("datetime") ?? "");
  if (!Number.isNaN(moment.valueOf())) {
    const text = `${dayFormat.format(moment)}, ${timeFormat.format(moment)}`;
    time.textContent = `${text} ${utcOffsetText(moment)}`;
  }
}
