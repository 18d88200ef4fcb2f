// What the bench tells people: how far a run is, what happened, what is wrong.

export class Told {
  constructor(root) {
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
  }

  /** Sets the bar to `share` (null leaves it where it is) and says where the run stands. */
  progress(share, words) {
    const bar = this.part("progress");
    if (share !== null) {
      const whole = Math.round(100 * share);
      bar.setAttribute("aria-valuenow", String(whole));
      this.part("progress-done").setAttribute("width", `${whole}%`);
    }
    bar.setAttribute("aria-valuetext", words);
    this.part("status").textContent = words;
  }

  /** For eyes and screen readers alike: something a person just asked for. */
  say(words) {
    this.part("status").textContent = words;
    this.announce(words);
  }

  /** Read out politely. Only starts and ends: a number every moment would drown the rest. */
  announce(words) {
    this.part("announce").textContent = words;
  }

  complain(fault) {
    this.part("form-error").textContent = fault;
    this.part("form-error").hidden = !fault;
  }
}
