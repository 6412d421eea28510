// What every live figure needs: panels with axes, sliders, buttons, handles, numbers, colours of
// both themes, and a loop. How a figure is made of it stands in CONTRIBUTING.md; figures/tear_it.js
// is the pattern. No style attribute is written into markup, and no script either: a page's
// security policy may forbid both.

import { axisBottom, axisLeft } from "../vendor/d3-axis.js";
import { drag } from "../vendor/d3-drag.js";
import { scaleLinear, scaleLog } from "../vendor/d3-scale.js";
import { pointer, select } from "../vendor/d3-selection.js";
import { line as path } from "../vendor/d3-shape.js";

const HUES = ["blue", "orange", "green", "vermillion", "purple", "sky"];
const INKS = ["text", "muted", "faint", "surface", ...HUES];
const STILL = "(prefers-reduced-motion: reduce)";

/** Whether the reader asked for pages that do not move: then nothing may start by itself. */
export const wantsStillness = () => matchMedia(STILL).matches;

/**
 * Undo `vae_numpy.live.pack`: the numbers of an array that was packed into a few bytes each.
 * @param {{shape: number[], scale: number, int8?: string, int16?: string, float32?: string}} packed
 * @returns {Float64Array} row by row
 */
export function unpack({ shape, scale, int8, int16, float32 }) {
  const bytes = Uint8Array.from(atob(int8 ?? int16 ?? float32), (c) => c.charCodeAt(0)).buffer;
  const numbers = new (int8 ? Int8Array : int16 ? Int16Array : Float32Array)(bytes);
  if (numbers.length !== shape.reduce((a, b) => a * b, 1)) throw new Error(`not of shape ${shape}`);
  return Float64Array.from(numbers, (q) => q * scale);
}

/** A live figure on its stage. @param {HTMLElement} stage */
export const figure = (stage) => new Figure(stage);

class Figure {
  constructor(stage) {
    this.stage = stage;
    this.panels = [];
    this.readouts = [];
    this.paint = () => {};
    this.places = {};
    for (const place of ["controls", "panels", "numbers"]) {
      this.places[place] = element("div", `live-${place}`, stage);
    }
    this.status = element("p", "live-status", stage, { role: "status" });
    this.readColours();
    const themed = new MutationObserver(() => {
      this.readColours();
      this.redraw();
    });
    themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    new ResizeObserver(() => this.redraw()).observe(this.places.panels);
    document.fonts.ready.then(() => this.redraw()); // a canvas does not wait for them
    this.seen = true;
    new IntersectionObserver(([entry]) => (this.seen = entry.isIntersecting)).observe(stage);
  }

  /** The theme's colours: `colours.blue` and so on, and `ramp(u)` for u from 0 to 1. */
  readColours() {
    const style = getComputedStyle(this.stage);
    const value = (name) => style.getPropertyValue(`--live-${name}`).trim();
    this.colours = Object.fromEntries(INKS.map((name) => [name, value(name)]));
    const stops = [0, 1, 2].map((i) => value(`ramp-${i}`));
    const between = scaleLinear([0, 0.5, 1], stops).clamp(true);
    const shades = Array.from({ length: 65 }, (_, i) => between(i / 64));
    this.ramp = (u) => shades[Math.round(64 * Math.min(1, Math.max(0, u)))];
  }

  // Drawing ------------------------------------------------------------------------------------

  /** Say how everything is drawn; `draw` is called now, and whenever size or theme change. */
  onDraw(draw) {
    this.paint = draw;
    this.draw();
  }

  draw() {
    cancelAnimationFrame(this.asked);
    this.asked = undefined;
    for (const panel of this.panels) panel.begin();
    this.paint();
    for (const panel of this.panels) panel.end();
  }

  /** Draw in the next frame, once, however often it is asked. */
  redraw() {
    this.asked ??= requestAnimationFrame(() => this.draw());
  }

  /** Axes to draw on; the options stand at the class `Panel`. */
  panel(options) {
    const panel = new Panel(this, options);
    this.panels.push(panel);
    return panel;
  }

  /**
   * Repeat `step` while the figure is in view, and draw after each frame's share of it.
   * @param {(now: number) => boolean} step of the frame's time in milliseconds; returns whether
   *   there is more to do
   * @param {{budget?: number, onStop?: () => void}} options budget: milliseconds of each frame;
   *   0 for one step a frame
   */
  loop(step, { budget = 0, onStop = () => {} } = {}) {
    const loop = { running: false };
    let drawn = 0;
    const frame = (now) => {
      if (!loop.running) return;
      requestAnimationFrame(frame);
      if (!this.seen) return;
      let more = true;
      do more = step(now);
      while (more && performance.now() - now < budget);
      if (!more) return stop();
      if (wantsStillness() && now - drawn < 500) return; // the numbers may change, but calmly
      drawn = now;
      this.draw();
    };
    const start = () => {
      if (loop.running) return;
      loop.running = true;
      requestAnimationFrame(frame);
    };
    const stop = () => {
      if (!loop.running) return;
      loop.running = false;
      onStop();
      this.redraw();
    };
    Object.assign(loop, { start, stop });
    return loop;
  }

  // Controls -----------------------------------------------------------------------------------

  /**
   * A slider with its label and value. `.value` reads and sets it, without calling `onInput`.
   * @param {{label: string, min: number, max: number, step: number, value: number,
   *   show?: (value: number) => string, onInput?: (value: number) => void}} options
   */
  slider({ label, min, max, step, value, show = String, onInput = () => {} }) {
    const box = element("label", "live-slider", this.places.controls);
    element("span", "", box).textContent = label;
    const shown = element("span", "live-value", box, { "aria-hidden": "true" });
    const id = this.id(label);
    const input = element("input", "", box, { type: "range", id, min, max, step });
    input.setAttribute("aria-label", label);
    const set = (v) => {
      input.value = v;
      shown.textContent = show(Number(input.value));
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    set(value);
    input.addEventListener("input", () => {
      set(input.value);
      onInput(Number(input.value));
      this.redraw();
    });
    return {
      input,
      get value() {
        return Number(input.value);
      },
      set value(v) {
        set(v);
      },
    };
  }

  /** A button; `.text` changes what it says. @param {string} text @param {() => void} onClick */
  button(text, onClick) {
    const button = element("button", "live-button", this.places.controls, { type: "button" });
    button.id = this.id(text);
    button.textContent = text;
    button.addEventListener("click", () => {
      onClick();
      this.redraw();
    });
    return {
      button,
      set text(words) {
        if (button.textContent !== words) button.textContent = words;
      },
    };
  }

  /**
   * One of several, as radio buttons. `.value` reads and sets it, without calling `onInput`.
   * @param {{label: string, options: string[], value: string,
   *   onInput?: (value: string) => void}} options
   */
  choice({ label, options, value, onInput = () => {} }) {
    const box = element("fieldset", "live-choice", this.places.controls);
    element("legend", "", box).textContent = label;
    const inputs = options.map((option) => {
      const line = element("label", "", box);
      const id = this.id(`${label} ${option}`);
      const input = element("input", "", line, { type: "radio", name: this.id(label), id });
      line.append(option);
      input.addEventListener("change", () => {
        onInput(option);
        this.redraw();
      });
      return input;
    });
    const choice = {
      get value() {
        return options[inputs.findIndex((input) => input.checked)];
      },
      set value(chosen) {
        inputs[options.indexOf(chosen)].checked = true;
      },
    };
    choice.value = value;
    return choice;
  }

  /** A number with its name, below the panels: `show(text)`. @param {string} label */
  readout(label) {
    const box = element("span", "live-readout", this.places.numbers);
    const name = element("span", "", box, { id: `${this.id(label)}-name` });
    name.textContent = label;
    // Read out once it has come to rest (see `announce`), not at every frame.
    const output = element("output", "", box, { id: this.id(label), "aria-live": "off" });
    output.setAttribute("aria-labelledby", name.id);
    const readout = {
      label,
      output,
      show: (text) => {
        if (output.textContent === text) return;
        const first = output.textContent === "";
        output.textContent = text;
        if (!first) this.announce();
      },
    };
    this.readouts.push(readout);
    return readout;
  }

  announce() {
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      const said = this.readouts.map((each) => `${each.label} ${each.output.textContent}`);
      this.status.textContent = said.join(", ");
    }, 800);
  }

  /**
   * Finish: the reset button, and the handle by which tests (and the curious, in the browser's
   * console) reach the figure: `document.querySelector(".live-stage").live`.
   * @param {{reset: () => void, set: (wanted: object) => void, readonly state: object}} live
   */
  ready(live) {
    this.button("Reset", live.reset);
    const drawing =
      (act) =>
      (...given) => {
        const result = act(...given);
        this.draw();
        return result;
      };
    const acts = Object.entries(Object.getOwnPropertyDescriptors(live));
    this.stage.live = { draw: () => this.draw() };
    for (const [name, { value, get }] of acts) {
      if (get) Object.defineProperty(this.stage.live, name, { get });
      else this.stage.live[name] = drawing(value);
    }
  }

  id(label) {
    return `${this.stage.id}-${label
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-|-$/g, "")}`;
  }
}

/**
 * Axes: a canvas for what is many, below an SVG for axes and handles. `x` and `y` are D3's scales
 * into pixels.
 *
 * Options: `label`, what a screen reader calls it; `x`, `y`, the limits; `xLabel`, `yLabel`;
 * `square` for equal units on both axes, `aspect` for a height of so many widths, `height` in
 * pixels otherwise; `wide` for a row of its own; `bare` for none of the lines and numbers around
 * a picture; `logX`, `logY`; `ticks`, how many.
 */
class Panel {
  constructor(figure, options) {
    const { label, x, y, xLabel = "", yLabel = "", logX = false, logY = false } = options;
    this.figure = figure;
    this.options = { square: false, height: 240, ticks: 5, ...options };
    this.x = (logX ? scaleLog : scaleLinear)().domain(x);
    this.y = (logY ? scaleLog : scaleLinear)().domain(y);
    const wide = options.wide ? " live-wide" : "";
    this.box = element("div", `live-panel${wide}`, figure.places.panels);
    this.canvas = element("canvas", "", this.box, { "aria-hidden": "true" });
    this.context = this.canvas.getContext("2d");
    this.root = select(this.box).append("svg").attr("role", "group").attr("aria-label", label);
    this.axes = this.root.append("g").attr("aria-hidden", "true");
    if (!options.bare) {
      this.axes.append("g").attr("class", "live-axis live-axis-x");
      this.axes.append("g").attr("class", "live-axis live-axis-y");
    }
    this.axes.append("text").attr("class", "live-label live-label-x").text(xLabel);
    this.axes.append("text").attr("class", "live-label").attr("x", 0).attr("y", 12).text(yLabel);
    this.svg = this.root.append("g"); // for what a figure adds
    this.handles = [];
  }

  /** Fit the panel to its place, draw the axes if they have changed, clear the canvas. */
  begin() {
    const { square, aspect = square ? 1 : 0, height: wanted, ticks } = this.options;
    const [left, right, top, bottom] = this.options.bare ? [1, 1, 22, 1] : [40, 8, 22, 36];
    const width = Math.max(200, Math.floor(this.box.clientWidth));
    const height = aspect ? Math.round(aspect * (width - left - right) + top + bottom) : wanted;
    const density = window.devicePixelRatio;
    const drawn = [width, height, density, this.x.domain(), this.y.domain()].join();
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      Object.assign(this.canvas, { width: width * density, height: height * density });
      Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
      this.root.attr("width", width).attr("height", height);
      this.x.range([left, width - right]);
      this.y.range([height - bottom, top]);
      const [across, up] = [axisBottom(this.x), axisLeft(this.y)];
      const plain = (log) => (log ? "~g" : undefined); // 0.1, where D3 would say 100m
      across.ticks(ticks, plain(this.options.logX)).tickSize(4);
      up.ticks(ticks, plain(this.options.logY)).tickSize(4);
      this.axes
        .select(".live-axis-x")
        .attr("transform", `translate(0,${height - bottom})`)
        .call(across);
      this.axes.select(".live-axis-y").attr("transform", `translate(${left},0)`).call(up);
      this.axes
        .select(".live-label-x")
        .attr("x", width - right)
        .attr("y", height - 4);
      // The axes' own font and colour come from live.css.
      this.axes.selectAll(".live-axis").attr("font-size", null).attr("font-family", null);
    }
    this.context.setTransform(density, 0, 0, density, 0, 0);
    this.context.clearRect(0, 0, width, height);
    this.context.save();
    this.context.beginPath();
    this.context.rect(left - 1, top - 6, width - left - right + 7, height - top - bottom + 7);
    this.context.clip();
  }

  end() {
    this.context.restore();
    for (const handle of this.handles) handle.place();
  }

  /**
   * Dots on the canvas.
   * @param {number} n
   * @param {(i: number) => [number, number]} at
   * @param {{colour: string | ((i: number) => string), radius?: number}} style
   */
  dots(n, at, { colour, radius = 2.5 }) {
    const { context } = this;
    for (let i = 0; i < n; i++) {
      const [x, y] = at(i);
      context.fillStyle = typeof colour === "string" ? colour : colour(i);
      context.beginPath();
      context.arc(this.x(x), this.y(y), radius, 0, 2 * Math.PI);
      context.fill();
    }
  }

  /**
   * A line on the canvas.
   * @param {[number, number][]} points
   * @param {{colour: string, width?: number, dash?: number[]}} style
   */
  line(points, { colour, width = 2, dash = [] }) {
    const { context } = this;
    Object.assign(context, { strokeStyle: colour, lineWidth: width, lineJoin: "round" });
    context.setLineDash(dash);
    context.beginPath();
    path(
      ([x]) => this.x(x),
      ([, y]) => this.y(y),
    ).context(context)(points);
    context.stroke();
    context.setLineDash([]);
  }

  /** An arrow on the canvas. @param {[number, number]} from @param {[number, number]} to */
  arrow(from, to, { colour, width = 2 }) {
    const { context } = this;
    const [x0, y0, x1, y1] = [this.x(from[0]), this.y(from[1]), this.x(to[0]), this.y(to[1])];
    const [angle, head] = [Math.atan2(y1 - y0, x1 - x0), Math.min(8, Math.hypot(x1 - x0, y1 - y0))];
    this.line([from, to], { colour, width });
    context.beginPath();
    for (const side of [-0.45, 0.45]) {
      context.moveTo(x1, y1);
      context.lineTo(x1 - head * Math.cos(angle + side), y1 - head * Math.sin(angle + side));
    }
    context.stroke();
  }

  /**
   * The area between closed lines, of which an inner one makes a hole.
   * @param {[number, number][][]} lines @param {{colour: string}} style
   */
  area(lines, { colour }) {
    const { context } = this;
    context.fillStyle = colour;
    context.beginPath();
    for (const points of lines) {
      points.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](this.x(x), this.y(y)));
      context.closePath();
    }
    context.fill("evenodd");
  }

  /**
   * A background within the axes that costs time and never changes but with size and theme:
   * `draw()` is called for those only, and what it drew is copied into the other frames.
   * @param {() => void} draw
   */
  kept(draw) {
    const { context, drawn, canvas } = this;
    const { colours } = this.figure; // new ones with each theme
    if (this.copy?.drawn !== drawn || this.copy.colours !== colours) {
      const copy = canvas.cloneNode();
      this.copy = { copy, drawn, colours };
      this.context = copy.getContext("2d");
      this.context.setTransform(context.getTransform());
      const [[left, right], [bottom, top]] = [this.x.range(), this.y.range()];
      this.context.rect(left, top, right - left, bottom - top);
      this.context.clip();
      draw();
      this.context = context;
    }
    context.drawImage(
      this.copy.copy,
      0,
      0,
      canvas.width / devicePixelRatio,
      canvas.height / devicePixelRatio,
    );
  }

  /** A filled rectangle, a bar say, between two corners. */
  rectangle([x0, y0], [x1, y1], { colour }) {
    const [left, top] = [this.x(x0), this.y(y1)];
    this.context.fillStyle = colour;
    this.context.fillRect(left, top, this.x(x1) - left, this.y(y0) - top);
  }

  /**
   * A picture: its first row on top, from corner (x0, y0) below to (x1, y1) above.
   * @param {ArrayLike<number>} values row by row, in [0, 1]
   * @param {{rows: number, cols: number, from?: [number, number], to?: [number, number],
   *   colour?: (value: number) => string}} options from, to: the whole panel, if they are left out;
   *   colour: without it 0 is black and 1 white, in both themes
   */
  image(values, { rows, cols, from, to, colour = grey }) {
    const [[x0, x1], [y0, y1]] = [this.x.domain(), this.y.domain()];
    const [left, bottom] = [this.x((from ?? [x0, y0])[0]), this.y((from ?? [x0, y0])[1])];
    const [right, top] = [this.x((to ?? [x1, y1])[0]), this.y((to ?? [x1, y1])[1])];
    const edge = (a, b, i, n) => Math.round(a + ((b - a) * i) / n); // whole pixels leave no seams
    for (let i = 0; i < rows; i++) {
      const [above, below] = [edge(top, bottom, i, rows), edge(top, bottom, i + 1, rows)];
      for (let j = 0, next; j < cols; j = next) {
        const ink = colour(values[i * cols + j]);
        next = j + 1; // neighbours alike are drawn as one: most of a picture is its background
        while (next < cols && colour(values[i * cols + next]) === ink) next += 1;
        const [start, end] = [edge(left, right, j, cols), edge(left, right, next, cols)];
        this.context.fillStyle = ink;
        this.context.fillRect(start, above, end - start, below - above);
      }
    }
  }

  /**
   * Words on the canvas. @param {[number, number]} at @param {string} words
   * @param {{colour: string, align?: CanvasTextAlign}} style
   */
  text([x, y], words, { colour, align = "left" }) {
    const { context } = this;
    context.font = `13px ${getComputedStyle(this.figure.stage).fontFamily}`;
    Object.assign(context, { fillStyle: colour, textAlign: align, textBaseline: "middle" });
    context.fillText(words, this.x(x), this.y(y));
  }

  /**
   * Call `pick(x, y)` where the reader clicks or taps.
   * @param {(x: number, y: number) => void} pick
   */
  onPick(pick) {
    this.root.classed("live-picked", true).on("click", (event) => {
      const [x, y] = pointer(event, this.root.node());
      pick(this.x.invert(x), this.y.invert(y));
      this.figure.redraw();
    });
  }

  /**
   * Call `paint(x, y, begins)` where the reader presses, and then all along the way of her stroke.
   * @param {(x: number, y: number, begins: boolean) => void} paint
   */
  onPaint(paint) {
    let from;
    const to = ({ x, y, type }) => {
      const begins = type === "start";
      if (begins) from = [x, y];
      // A quick hand leaves gaps between two events: points at most 8 pixels apart fill them.
      const n = Math.max(1, Math.ceil(Math.hypot(x - from[0], y - from[1]) / 8));
      for (let i = 1; i <= n; i++) {
        const at = [from[0] + ((x - from[0]) * i) / n, from[1] + ((y - from[1]) * i) / n];
        paint(this.x.invert(at[0]), this.y.invert(at[1]), begins);
      }
      from = [x, y];
      this.figure.redraw();
    };
    const stroke = drag().container(this.root.node()).on("start drag", to);
    this.root.classed("live-picked", true).call(stroke);
  }

  /**
   * A handle to drag, or to move by the arrow keys (ten times as far with Shift).
   * @param {{label: string, at: () => [number, number], move: (x: number, y: number) => void,
   *   axis?: "x" | "y" | "both", step?: number, show?: () => string}} options
   *   step: what an arrow key moves, in units of the axis; show: what a screen reader says
   */
  handle({ label, at, move, axis = "both", step, show }) {
    const group = this.svg.append("g").attr("class", "live-handle").attr("tabindex", 0);
    group.attr("role", "slider").attr("aria-label", label).attr("id", this.figure.id(label));
    group.append("circle").attr("r", 20).attr("class", "live-reach");
    group.append("circle").attr("r", 8);
    const scales = { x: this.x, y: this.y };
    const held = (value, name) => {
      const [low, high] = scales[name].domain();
      return Math.min(high, Math.max(low, value));
    };
    const go = (x, y) => {
      const [x0, y0] = at();
      move(axis === "y" ? x0 : held(x, "x"), axis === "x" ? y0 : held(y, "y"));
      this.figure.redraw();
    };
    const moved = drag()
      .container(this.root.node())
      .subject(() => ({ x: this.x(at()[0]), y: this.y(at()[1]) }))
      .on("drag", (event) => go(this.x.invert(event.x), this.y.invert(event.y)));
    group.call(moved).on("click", (event) => event.stopPropagation());
    group.on("keydown", (event) => {
      const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0;
      const up = { ArrowDown: -1, ArrowUp: 1 }[event.key] ?? 0;
      if (!across && !up) return;
      event.preventDefault();
      const far = event.shiftKey ? 10 : 1;
      const unit = (name) => {
        const [low, high] = scales[name].domain();
        return far * (step ?? (high - low) / 100);
      };
      const [x, y] = at();
      // A handle of one axis answers to both pairs of arrows.
      if (axis === "x") go(x + (across + up) * unit("x"), y);
      else if (axis === "y") go(x, y + (across + up) * unit("y"));
      else go(x + across * unit("x"), y + up * unit("y"));
    });
    const place = () => {
      const [x, y] = at();
      const [low, high] = scales[axis === "y" ? "y" : "x"].domain();
      const said = show?.() ?? [x, y].map((v) => v.toFixed(2)).join(", ");
      group.attr("transform", `translate(${this.x(x)},${this.y(y)})`);
      group.attr("aria-valuemin", low).attr("aria-valuemax", high);
      group.attr("aria-valuenow", axis === "y" ? y : x).attr("aria-valuetext", said);
    };
    this.handles.push({ place });
    return group;
  }
}

/**
 * A number with so many decimals, and never "-0.00".
 * @param {number} value
 * @param {number} digits
 */
export const fixed = (value, digits) => value.toFixed(digits).replace(/^-(?=[0.]*$)/, "");

const GREYS = Array.from({ length: 256 }, (_, v) => `rgb(${v} ${v} ${v})`);

/** Black for 0, white for 1. @param {number} value */
export const grey = (value) => GREYS[Math.round(255 * Math.min(1, Math.max(0, value)))];

/** Make an element with a class and attributes, at the end of another. */
function element(tag, className, parent, attributes = {}) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}
