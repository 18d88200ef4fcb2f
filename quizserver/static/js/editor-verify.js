// Trains the claims of the page as it stands in the editor, and shows how far it is.

import { Progress, timeLeft } from "./progress.js";
import * as runs from "./runs.js";
import { fetchText, post } from "./server.js";
import { usable } from "./usable.js";

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
    this.job = null;
    this.working(true);
    this.part("verify-result").replaceChildren();
    this.say(0, "Asking for it…");
    try {
      await this.editor.check();
      if (!this.editor.saved) throw new Error("What is not saved can't be verified.");
      this.job = await post(this.part("verify-form").action, {});
    } catch (error) {
      this.fail(error.lost ? `${error.message} Press Verify claims again in a moment.` : error.message);
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
    this.part("verify-stop").hidden = false;
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
      lost: (first) => {
        this.marked(false);
        this.bar.lost(first);
      },
    });
  }

  async ended({ state, error, sentence }) {
    if (state !== "done") {
      if (state === "stopped") this.rest("Stopped.");
      else this.fail(error ?? "It failed. Try again.");
      return;
    }
    try {
      const { ok, status, text } = await fetchText(this.job.result);
      if (!ok) throw new Error(`The server answered ${status}.`);
      this.part("verify-result").innerHTML = text;
    } catch (fault) {
      this.fail(`It is done, but what came out could not be fetched: ${fault.message} Press Verify claims again; nothing is trained twice.`);
      return;
    }
    this.working(false);
    this.say(1, sentence || "Done.");
    this.part("verify-announce").textContent = sentence || "Verified.";
  }

  async stop() {
    if (!this.job) return;
    try {
      const { state } = await runs.stop(this.job);
      if (state !== "queued" && state !== "running") return; // the stream says so
      this.unfollow();
      this.rest("You no longer wait for it. Somebody else does, so it goes on.");
    } catch (error) {
      this.say(null, `✗ It could not be stopped: ${error.message}`, true);
      this.part("verify-announce").textContent = this.part("verify-status").textContent;
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
    this.marked(bad);
  }

  marked(bad) {
    this.part("verify-status").classList.toggle("mark-bad", bad);
  }

  working(busy) {
    const stopped = document.activeElement === this.part("verify-stop");
    usable(this.part("verify-start"), !busy);
    this.part("verify-stop").hidden = !busy || !this.job;
    if (!busy && stopped) this.part("verify-start").focus();
    if (busy) this.part("verify-progress-box").hidden = false;
  }
}
