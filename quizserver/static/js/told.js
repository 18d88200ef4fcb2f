// What the bench tells people: how far a run is, what happened, what is wrong.

import { Progress } from "./progress.js";

export class Told {
  constructor(root) {
    this.bar = new Progress(root);
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
  }

  /** Sets the bar to `share` (null leaves it where it is) and says where the run stands. */
  progress(share, words) {
    this.bar.say(share, words);
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
