// A bar and words that say how far something is.

export class Progress {
  /** `prefix` sets several of them in one place apart. */
  constructor(root, prefix = "") {
    this.part = (name) => root.querySelector(`[data-part="${prefix}${name}"]`);
  }

  /** Sets the bar to `share` (null leaves it where it is) and says where it stands. */
  say(share, words) {
    const bar = this.part("progress");
    if (share !== null) {
      const whole = Math.round(100 * share);
      bar.setAttribute("aria-valuenow", String(whole));
      this.part("progress-done").setAttribute("width", `${whole}%`);
    }
    bar.setAttribute("aria-valuetext", words);
    this.part("status").textContent = words;
  }

  /** The stream that told of it was dropped; said aloud only the first time. */
  lost(first) {
    const words = "The connection was lost. Taking it up again…";
    this.say(null, words);
    if (first) this.part("announce").textContent = words;
  }
}

/** How long something will take, as people say it. */
export function timeLeft(left) {
  if (left < 1.5) return "1 s";
  return left < 90 ? `${Math.round(left)} s` : `${Math.round(left / 60)} min`;
}
