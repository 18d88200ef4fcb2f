// Trains the claims of the page as it stands in the editor, and shows how far it is.

import { Progress, timeLeft } from "./progress.js";
import * as runs from "./runs.js";
import { post } from "./editor-post.js";

export class Verification {
  constructor(root, editor) {
    this.root = root;
    this.editor = editor;
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.bar = new Progress(root, "verify-");
    this.part("verify-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.start();
    });
    this.part("verify-stop").addEventListener("click", () => this.stop());
    this.working(false);
  }

  async start() {
    this.working(true);
    this.part("verify-result").replaceChildren();
    this.say(0, "Asking for it…");
    try {
      await this.editor.check();
      if (!this.editor.saved) throw new Error("What is not saved can't be verified.");
      this.job = await post(this.part("verify-form").action, {});
    } catch (error) {
      this.fail(error.message);
      return;
    }
    if (this.job.events) this.follow();
    else await this.ended({ state: "done" });
  }

  /** Takes up a verification that goes on, after the page was left and opened again. */
  takeUp(job) {
    this.job = job;
    this.working(true);
    this.part("verify-result").replaceChildren();
    this.say(0, "It goes on…");
    this.follow();
  }

  follow() {
    this.unfollow = runs.follow(this.job, {
      state: ({ state, waiting }) => {
        if (state === "running") this.say(null, "Training…");
        else if (state === "queued") this.say(0, waiting ? `Waiting: ${waiting} ahead.` : "Waiting for a worker…");
      },
      share: ({ done, total, seconds_left: left }) => {
        const time = Number.isFinite(left) && done < total ? `, about ${timeLeft(left)} left` : "";
        this.say(done / total, `${Math.floor((100 * done) / total)} % trained${time}`);
      },
      end: (data) => this.ended(data),
      lost: () => this.say(null, "The connection was lost. Taking it up again…"),
    });
  }

  async ended({ state, error, sentence }) {
    if (state !== "done") {
      if (state === "stopped") this.rest("Stopped.");
      else this.fail(error ?? "It failed. Try again.");
      return;
    }
    try {
      const response = await fetch(this.job.result);
      if (!response.ok) throw new Error(`The server answered ${response.status}.`);
      this.part("verify-result").innerHTML = await response.text();
    } catch (fault) {
      this.fail(fault.message);
      return;
    }
    this.working(false);
    this.say(1, sentence || "Done.");
    this.part("verify-announce").textContent = sentence || "Verified.";
  }

  async stop() {
    try {
      const { state } = await runs.stop(this.job);
      if (state !== "queued" && state !== "running") return; // the stream says so
      this.unfollow();
      this.rest("You no longer wait for it. Somebody else does, so it goes on.");
    } catch (error) {
      this.fail(error.message);
    }
  }

  fail(words) {
    this.rest(`✗ ${words}`, true);
  }

  rest(words, bad = false) {
    this.working(false);
    this.say(0, words, bad);
    this.part("verify-announce").textContent = words;
  }

  say(share, words, bad = false) {
    this.bar.say(share, words);
    this.part("verify-status").classList.toggle("mark-bad", bad);
  }

  working(busy) {
    this.part("verify-start").disabled = busy;
    this.part("verify-stop").hidden = !busy;
    this.part("verify-progress-box").hidden = !busy && !this.job;
  }
}
