// Line numbers for a textarea: a copy of its lines lies behind it and wraps as it does, so that every
// number stands at its line and the box grows with the text. Nothing is measured.

export class Lines {
  constructor(box, copy, source) {
    this.copy = copy;
    this.source = source;
    this.marked = new Set();
    box.classList.add("with-lines");
    this.update();
  }

  /** Takes over what was typed; lines that did not change are left alone. */
  update() {
    const lines = this.source.value.split("\n");
    const { children } = this.copy;
    while (children.length > lines.length) children[children.length - 1].remove();
    lines.forEach((line, i) => {
      const row = children[i] ?? this.copy.appendChild(document.createElement("div"));
      // A line that is empty must be as high as any other.
      const text = line || "\u200b";
      if (row.textContent !== text) row.textContent = text;
    });
  }

  mark(numbers) {
    const wanted = new Set(numbers);
    [...this.copy.children].forEach((row, i) => row.classList.toggle("line-bad", wanted.has(i + 1)));
  }

  /** Puts the caret at a line and column (from 1) and brings it into view. */
  go(line, column) {
    const lines = this.source.value.split("\n");
    const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
    const at = Math.min(before + column - 1, before + (lines[line - 1]?.length ?? 0));
    this.source.focus({ preventScroll: true });
    this.source.setSelectionRange(at, at);
    this.copy.children[line - 1]?.scrollIntoView({ block: "center" });
  }
}
