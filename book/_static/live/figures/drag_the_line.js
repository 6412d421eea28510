// Chapter 2, drag the decoder's line: a linear autoencoder with one latent, its decoder's line over
// the spiral, and the map of its loss, down which its training rolls as a ball.

import { Matrix, addTransposedProduct, product, productTransposed, sum } from "../engine/matrix.js";
import { squared_error } from "../engine/losses.js";
import { figure, fixed, unpack } from "../kit.js";

const START = { w: [0.75, 0.27], eta: 0.5 };
const REACH = 1.4; // of both panels, in weights and in units of the data
const FAR = 100; // a longer line than this never comes back
const REST = 1e-6; // slope at which the ball is said to rest
const LEVELS = [1.3, 0.95, 0.75, 0.58, 0.5, 0.44, 0.39, 0.35, 0.308, 0.28, 0.26, 0.24, 0.23];

/** The chapter's loss_and_gradients, of (N, 2), (2, 1) and (1, 2). */
export function lossAndGradients(Xc, V, W) {
  const Z = product(Xc, V); // (N, 1)
  const { value: loss, dx_hat } = squared_error(product(Z, W), Xc); // the mean cancels
  const [dV, dW] = [new Matrix(2, 1), new Matrix(1, 2)];
  addTransposedProduct(Z, dx_hat, dW);
  addTransposedProduct(Xc, productTransposed(dx_hat, W), dV);
  return { loss, dV, dW, Z };
}

/** The map: its loss at V = W.T, and its lines of equal loss, in closed form. */
export class Landscape {
  constructor(Xc) {
    const mean = (f) => Xc.toRows().reduce((total, row) => total + f(row), 0) / Xc.rows;
    this.C = [mean(([x]) => x * x), mean(([x, y]) => x * y), mean(([, y]) => y * y)];
    this.total = this.C[0] + this.C[2];
    this.top = 0.5 * Math.atan2(2 * this.C[1], this.C[0] - this.C[2]); // angle of u_1
  }

  /** The variance along a direction. */
  along(angle) {
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    return this.C[0] * c * c + 2 * this.C[1] * c * s + this.C[2] * s * s;
  }

  /**
   * The lines on which the loss has this value, each closed. At length r and this angle the loss
   * is total - along + along (1 - r^2)^2, which is solved for r: an outer and an inner line, which
   * meet where the level is below all that the direction offers.
   */
  contour(level) {
    const arcs = [];
    let arc;
    for (let i = 0; i <= 360; i++) {
      const angle = this.top + ((i - 90) * Math.PI) / 180; // from one saddle around to it
      const variance = this.along(angle);
      const square = (level - this.total + variance) / variance; // (1 - r^2)^2
      if (square < 0) {
        arc = undefined;
        continue;
      }
      if (!arc) arcs.push((arc = { outer: [], inner: [] }));
      const at = (r) => [r * Math.cos(angle), r * Math.sin(angle)];
      arc.outer.push(at(Math.sqrt(1 + Math.sqrt(square))));
      arc.inner.push(at(Math.sqrt(Math.max(0, 1 - Math.sqrt(square)))));
    }
    if (arcs[0]?.outer.length === 361) return [arcs[0].outer, arcs[0].inner];
    return arcs.map(({ outer, inner }) => [...outer, ...inner.reverse(), outer[0]]);
  }
}

/** @param {HTMLElement} element the stage @param {any} data the points, and their mean */
export function mount(element, data) {
  const fig = figure(element);
  const points = new Matrix(data.shape[0], 2, unpack(data));
  const m = [0, 1].map((j) => sum(new Matrix(1, points.rows, points.column(j))) / points.rows);
  const Xc = new Matrix(
    points.rows,
    2,
    points.data.map((x, i) => x - m[i % 2]),
  );
  const land = new Landscape(Xc);
  const [low, high] = [land.total - land.along(land.top), 2.5];

  const limits = { x: [-REACH, REACH], y: [-REACH, REACH], square: true };
  const plane = fig.panel({
    label: "The spiral, the decoder's line, and the reconstructions on it",
    xLabel: "x₁",
    yLabel: "x₂",
    ...limits,
  });
  const map = fig.panel({
    label: "The loss for every pair of decoder weights, and a ball where the line is now",
    xLabel: "weight w₁",
    yLabel: "weight w₂",
    ...limits,
  });

  let w, eta, now, path, done, ended;

  /** What there is to know of the weights, which encoder and decoder share: V = W.T. */
  function look() {
    const [V, W] = [Matrix.from(w.map((x) => [x])), Matrix.from([w])];
    const { loss, dV, dW, Z } = lossAndGradients(Xc, V, W);
    const gradient = w.map((_, i) => (dV.data[i] + dW.data[i]) / 2); // the mean of what both say
    const [length, angle] = [Math.hypot(...w), Math.atan2(w[1], w[0])];
    const degrees = ((angle * 180) / Math.PI + 360) % 180;
    now = { loss, gradient, length, degrees, z: Z.data };
  }

  function put(weights) {
    loop.stop();
    w = [...weights];
    [path, done, ended] = [[w], 0, ""];
    look();
  }

  /** One step against the gradient; returns whether there is more to do. */
  function step() {
    if (Math.hypot(...now.gradient) < REST) ended = "at rest";
    if (now.length > FAR) ended = "gone, out of the map";
    if (ended) return false;
    w = w.map((x, i) => x - eta * now.gradient[i]);
    done += 1;
    path.push(w);
    look();
    return true;
  }

  const rate = fig.slider({
    label: "step size η",
    min: 0.05,
    max: 4,
    step: 0.05,
    value: START.eta,
    show: (v) => v.toFixed(2),
    onInput: (v) => set({ eta: v }),
  });
  fig.button("Step", () => {
    loop.stop();
    step();
  });
  const run = fig.button("Run", () => {
    if (loop.running) return loop.stop();
    run.text = "Pause";
    loop.start();
  });
  fig.button("Start small", () => put([0.06, 0.02]));
  fig.button("Start on the saddle", () => put([-Math.sin(land.top), Math.cos(land.top)]));
  let last = 0;
  const loop = fig.loop(
    (time) => {
      // Calm at first: all of the growing takes some fifteen steps.
      if (done < 40 && time - last < 60) return true;
      last = time;
      return step();
    },
    { onStop: () => (run.text = "Run") },
  );

  const names = ["loss", "angle", "length", "step", "the ball is"];
  const numbers = Object.fromEntries(names.map((name) => [name, fig.readout(name)]));

  const spoken = () => `${fixed(now.degrees, 0)} degrees, length ${fixed(now.length, 2)}`;
  plane.handle({
    label: "end of the line",
    at: () => [m[0] + w[0], m[1] + w[1]],
    move: (x, y) => put([x - m[0], y - m[1]]),
    show: spoken,
  });
  map.handle({ label: "ball", at: () => w, move: (x, y) => put([x, y]), show: spoken });
  map.onPick((x, y) => put([x, y]));

  function drawMap() {
    const { colours, ramp } = fig;
    const shade = (level) => ramp(Math.log(level / low) / Math.log(high / low));
    map.rectangle([-REACH, -REACH], [REACH, REACH], { colour: shade(LEVELS[0]) });
    for (const level of LEVELS) {
      // From the outside in: each lies on those of a larger loss.
      const lines = land.contour(level);
      map.area(lines, { colour: shade(level) });
      for (const line of lines) map.line(line, { colour: colours.surface, width: 0.5 });
    }
  }

  function set(wanted) {
    if (wanted.w) put(wanted.w);
    rate.value = eta = wanted.eta ?? eta;
    ended = "";
  }
  set(START);

  fig.onDraw(() => {
    const { colours, ramp } = fig;
    const [x, y] = w;
    const on = (z) => [m[0] + z * x, m[1] + z * y];
    plane.dots(points.rows, (i) => points.row(i), { colour: colours.faint, radius: 2 });
    for (let i = 0; i < points.rows; i += 20) {
      plane.line([points.row(i), on(now.z[i])], { colour: colours.muted, width: 0.75 });
    }
    const ends = [Math.min(...now.z), Math.max(...now.z)];
    plane.line(ends.map(on), { colour: colours.orange, width: 4 });
    plane.line([m, on(1)], { colour: colours.vermillion, width: 1.5 });

    map.kept(drawMap);
    const ink = { colour: colours.surface, align: /** @type {CanvasTextAlign} */ ("center") };
    const across = [-Math.sin(land.top), Math.cos(land.top)];
    for (const side of [-1, 1])
      map.text(
        across.map((u) => side * u),
        "saddle",
        ink,
      );
    map.text([0, 0.14], "hill", ink);
    map.line(path, { colour: colours.surface, width: 3 });
    map.line(path, { colour: colours.vermillion, width: 1.5 });
    map.dots(path.length, (i) => path[i], { colour: colours.surface, radius: 2 });

    numbers.loss.show(now.loss < 1e4 ? fixed(now.loss, 4) : now.loss.toExponential(1));
    numbers.angle.show(`${fixed(now.degrees, 1)}°`);
    numbers.length.show(now.length < 1e4 ? fixed(now.length, 3) : now.length.toExponential(1));
    numbers.step.show(String(done));
    numbers["the ball is"].show(ended || (loop.running ? "rolling" : "waiting"));
  });

  fig.ready({
    get state() {
      const { loss, degrees, length } = now;
      return { w: [...w], eta, loss, degrees, length, done, ended };
    },
    set,
    reset: () => set(START),
    train(steps) {
      for (let more = true; more && steps > 0; steps--) more = step();
    },
    contour: (level) => land.contour(level),
    gradient: () => now.gradient,
  });
}
