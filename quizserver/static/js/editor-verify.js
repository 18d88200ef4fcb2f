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
    this.bar.say(0, "Asking for it…");
    try {
      await this.editor.check();
      this.job = await post(this.part("verify-form").action, {});
    } catch (error) {
      this.fail(error.message);
      return;
    }
    if (!this.job.events) {
      await this.ended({ state: "done" });
      return;
    }
    runs.follow(this.job, {
      state: ({ state, waiting }) => {
        if (state === "queued") this.bar.say(0, waiting ? `Waiting: ${waiting} ahead.` : "Waiting for a worker…");
      },
      share: ({ done, total, seconds_left: left }) => {
        const time = Number.isFinite(left) && done < total ? `, about ${timeLeft(left)} left` : "";
        this.bar.say(done / total, `${Math.floor((100 * done) / total)} % trained${time}`);
      },
      end: (data) => this.ended(data),
      lost: () => this.bar.say(null, "The connection was lost. Taking it up again…"),
    });
  }

  async ended({ state, error, sentence }) {
    if (state !== "done") {
      this.fail(state === "stopped" ? "Stopped." : (error ?? "It failed. Try again."));
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
    this.bar.say(1, sentence || "Done.");
    this.part("verify-announce").textContent = sentence || "Verified.";
  }

  async stop() {
    try {
      await runs.stop(this.job);
    } catch (error) {
      this.fail(error.message);
    }
  }

  fail(words) {
    this.working(false);
    this.bar.say(0, words);
    this.part("verify-announce").textContent = words;
  }

  working(busy) {
    this.part("verify-start").disabled = busy;
    this.part("verify-stop").hidden = !busy;
    this.part("verify-progress-box").hidden = !busy && !this.job;
  }
}
