// Writing a page: lines with numbers, the checker's words while typing, a draft that saves itself.

import { Lines } from "./editor-lines.js";
import { imageForm } from "./editor-image.js";
import { post } from "./server.js";
import { Verification } from "./editor-verify.js";

const PAUSE = 500; // milliseconds without a key after which the text is checked and saved
const AGAIN = 5000; // after a failure

class Editor {
  constructor(root) {
    this.config = JSON.parse(root.dataset.editor);
    this.part = (name) => document.querySelector(`[data-part="${name}"]`);
    this.source = this.part("source");
    this.lines = new Lines(this.part("source-box"), this.part("lines"), this.source);
    // What is typed before the script came is as little saved as what is typed after.
    const { value, defaultValue } = this.source;
    this.kept = this.config.unsaved ? null : defaultValue;
    this.busy = null;
    this.part("check").hidden = true; // it happens by itself
    if (this.config.unsaved) this.say("Not saved yet.");
    this.mark();
    this.listen();
    if (value !== defaultValue) this.typed();
    imageForm(this);
    if (this.part("verify")) {
      const verification = new Verification(this.part("verify"), this);
      if (this.config.verification) verification.takeUp(this.config.verification);
    }
    root.toggleAttribute("data-ready", true);
    document.querySelector("[data-late]")?.remove();
  }

  listen() {
    this.source.addEventListener("input", () => this.typed());
    this.part("problems").addEventListener("click", (event) => this.jump(event));
    this.part("form").addEventListener("submit", (event) => this.leave(event));
    window.addEventListener("beforeunload", (event) => {
      if (!this.leaving && !this.saved) event.preventDefault();
    });
    // A page that the browser kept knows nothing of what was published since, and is left again as any other.
    window.addEventListener("pageshow", ({ persisted }) => {
      this.leaving = false;
      if (persisted && this.saved) window.location.reload();
    });
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "s") {
        event.preventDefault();
        this.check();
      }
    });
  }

  typed() {
    this.lines.update();
    this.say(this.saved ? this.last : "Not saved yet…");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), PAUSE);
  }

  get saved() {
    return this.source.value === this.kept;
  }

  /** Puts text where the caret is, as if it was typed. */
  insert(text) {
    this.source.focus();
    const { selectionStart: start, selectionEnd: end } = this.source;
    this.source.setRangeText(text, start, end, "end");
    this.source.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** Saves the draft and shows what there is to say of it, one request at a time; whether the server answered. */
  async check() {
    clearTimeout(this.timer);
    if (this.busy) {
      const answered = await this.busy;
      return this.saved ? answered : this.check();
    }
    this.busy = this.ask();
    try {
      return await this.busy;
    } finally {
      this.busy = null;
    }
  }

  async ask() {
    const text = this.source.value;
    const { base, seen } = this.config;
    try {
      const told = await post(this.config.check, { text, base, seen });
      if (told.saved) {
        this.kept = text;
        this.remember(told);
      }
      this.show(told);
      return true;
    } catch (error) {
      this.say(`Not saved: ${error.message} ${error.lost ? "It will be tried again." : ""}`.trimEnd(), true);
      this.timer = setTimeout(() => this.check(), AGAIN);
      return false;
    }
  }

  remember({ base, seen, state }) {
    Object.assign(this.config, { base: base ?? "", seen: seen ?? "", state });
    this.part("base").value = this.config.base;
    this.part("seen").value = this.config.seen;
  }

  show(told) {
    this.part("problems").innerHTML = told.problems_html;
    this.part("page").innerHTML = told.page_html;
    this.mark();
    const recovers = this.failed;
    this.failed = false;
    this.stands(told);
    this.tell(told, recovers);
  }

  /** Aloud, only what is news: what the checker finds, that a text is safe again, that another one is in its way. */
  tell(told, recovers) {
    if (this.failed) return; // that was said
    const news = [];
    if (recovers && told.saved && this.last) news.push(this.last);
    if (told.state === "conflict" && !this.clashed) news.push(this.part("state").textContent);
    this.clashed = told.state === "conflict";
    const brief = this.part("brief").textContent;
    if (brief !== this.announced) news.push(brief);
    this.announced = brief;
    if (news.length) this.part("announce").textContent = news.join(" · ");
  }

  stands(told) {
    if (told.error) {
      this.say(`Not saved: ${told.error}`, true);
    } else if (told.state === "conflict") {
      const state = this.part("state");
      const link = Object.assign(document.createElement("a"), {
        href: this.config.conflict,
        textContent: "See both, and decide",
      });
      const fault = Object.assign(document.createElement("strong"), {
        className: "mark-bad",
        textContent: "✗ Saved, but the file was changed since you began. ",
      });
      state.replaceChildren(fault, link);
      this.last = null;
    } else {
      const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      this.last = told.state === "live" ? "As published" : `Draft, saved at ${time}`;
      this.say(this.saved ? this.last : "Not saved yet…");
    }
  }

  say(words, bad = false) {
    if (words === null || words === undefined) return;
    const state = this.part("state");
    // A failure is announced, once.
    if (bad && state.textContent !== words) this.part("announce").textContent = words;
    this.failed ||= bad;
    state.textContent = words;
    state.classList.toggle("mark-bad", bad);
  }

  /** The lines that the messages speak of get a sign beside their number. */
  mark() {
    const links = this.part("problems").querySelectorAll("[data-line]");
    this.lines.mark([...links].map((link) => Number(link.dataset.line)));
    const count = links.length;
    this.part("brief").textContent = count === 1 ? "✗ 1 problem" : count ? `✗ ${count} problems` : "✓ No problems";
  }

  jump(event) {
    const link = event.target.closest("[data-line]");
    if (!link) return;
    event.preventDefault();
    this.lines.go(Number(link.dataset.line), Number(link.dataset.column));
  }

  /** The page is left with its text only when the server has it, or will show it again with what it says. */
  async leave(event) {
    if (this.leaving) return;
    event.preventDefault();
    const { submitter } = event;
    if (!this.saved) this.say("Saving it first…");
    if (!(await this.check()) || this.leaving) return;
    clearTimeout(this.timer);
    this.leaving = true;
    this.part("form").requestSubmit(submitter);
  }
}

const root = document.querySelector("[data-editor]");
if (root) new Editor(root);
