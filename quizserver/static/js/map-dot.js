// The dot on a phase map: the learner's setting, dragged by hand or moved by two linked sliders.

const FAR = 4;
const ACROSS = { ArrowRight: 1, ArrowLeft: -1 };
const UP = { ArrowUp: 1, ArrowDown: -1, PageUp: FAR, PageDown: -FAR };

export class Dot {
  /**
   * Lies over the plot of `box`. `on.move(column, row)` hears where a person puts it, `on.run()`
   * that Enter was pressed there.
   */
  constructor(box, on) {
    this.box = box;
    this.on = on;
    this.target = document.createElement("div");
    this.target.className = "map-target";
    this.dot = document.createElement("div");
    this.dot.className = "map-dot";
    this.across = this.slider("horizontal");
    this.up = this.slider("vertical");
    this.dot.append(this.across, this.up);
    this.target.append(this.dot);
    box.append(this.target);
    this.fit = () => this.lie();
    new ResizeObserver(this.fit).observe(box);
    this.listen();
  }

  slider(orientation) {
    const element = document.createElement("div");
    element.tabIndex = 0;
    element.setAttribute("role", "slider");
    element.setAttribute("aria-orientation", orientation);
    element.addEventListener("keydown", (event) => this.press(event, orientation));
    return element;
  }

  /** Covers exactly the plot, wherever the chart's padding has put it. */
  lie() {
    const plot = this.box.querySelector(".untrained");
    if (!plot) return;
    const [outer, inner] = [this.box.getBoundingClientRect(), plot.getBoundingClientRect()];
    if (!inner.width) return;
    this.target.style.left = `${inner.left - outer.left}px`;
    this.target.style.top = `${inner.top - outer.top}px`;
    this.target.style.width = `${inner.width}px`;
    this.target.style.height = `${inner.height}px`;
  }

  listen() {
    const { target, dot } = this;
    target.addEventListener("pointerdown", (event) => {
      // A finger that lands beside the dot may be about to scroll: only its tap counts (click).
      if (event.button || (event.pointerType === "touch" && !dot.contains(event.target))) return;
      event.preventDefault();
      this.across.focus({ preventScroll: true });
      this.dragging = event.pointerId;
      target.setPointerCapture(event.pointerId);
      dot.classList.add("dragged");
      this.put(event);
    });
    target.addEventListener("pointermove", (event) => {
      if (event.pointerId === this.dragging) this.put(event);
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      target.addEventListener(name, () => {
        this.dragging = null;
        dot.classList.remove("dragged");
      });
    }
    target.addEventListener("click", (event) => {
      if (event.pointerType === "touch" && !dot.contains(event.target)) this.put(event);
    });
  }

  put(event) {
    const box = this.target.getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width;
    const up = 1 - (event.clientY - box.top) / box.height;
    this.on.move(this.x.cell(across), this.y.cell(up));
  }

  press(event, orientation) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter") {
      event.preventDefault();
      this.on.run();
      return;
    }
    const end = { Home: -1e9, End: 1e9 }[event.key];
    const flat = orientation === "horizontal";
    const across = ACROSS[event.key] ?? (flat ? end : undefined);
    const up = UP[event.key] ?? (flat ? undefined : end);
    if (across === undefined && up === undefined) return;
    event.preventDefault();
    // The focus goes along with the direction, so that what is read out is what moved.
    (across === undefined ? this.up : this.across).focus();
    const [column, row] = [this.x.cell(this.x.spot(this.at[0])), this.y.cell(this.y.spot(this.at[1]))];
    const within = (side, cell) => Math.min(side.values.length - 1, Math.max(0, cell));
    this.on.move(within(this.x, column + (across ?? 0)), within(this.y, row + (up ?? 0)));
  }

  /** Shows the values `at`, [x, y], on a map with these sides; `words` is what is read out. */
  show(x, y, at, words) {
    [this.x, this.y, this.at] = [x, y, at];
    const [across, up] = [x.spot(at[0]), y.spot(at[1])];
    const inside = (spot) => Math.min(1, Math.max(0, spot));
    this.dot.style.left = `${100 * inside(across)}%`;
    this.dot.style.top = `${100 * (1 - inside(up))}%`;
    this.dot.classList.toggle("beyond", inside(across) !== across || inside(up) !== up);
    [[this.across, x, at[0], "across"], [this.up, y, at[1], "upwards"]].forEach(([slider, side, value, way]) => {
      slider.setAttribute("aria-label", `${side.spec.label}, ${way} in the map`);
      slider.setAttribute("aria-valuemin", side.values[0]);
      slider.setAttribute("aria-valuemax", side.values.at(-1));
      slider.setAttribute("aria-valuenow", Math.min(side.values.at(-1), Math.max(side.values[0], value)));
      slider.setAttribute("aria-valuetext", words);
    });
    this.lie();
  }
}
