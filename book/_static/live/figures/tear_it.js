// Chapter 3, tear it: one latent is trained on a spiral, in the page, all at once or growing.

import { Matrix } from "../engine/matrix.js";
import { stack } from "../engine/layers.js";
import { squared_error } from "../engine/losses.js";
import { Adam, zero_grad } from "../engine/optimisers.js";
import { Generator } from "../engine/random.js";
import { ranks, spearman, spiral, standardised } from "../engine/spiral.js";
import { figure, fixed } from "../kit.js";

const [POINTS, BATCH, WIDTH, RATE] = [300, 64, 32, 0.005];
const ATOMS = 400; // of the decoder's line
const START = { turns: 2, hole: 0.33, growing: false, seed: 1 };

/** An autoencoder 2-32-32-1-32-32-2 on a spiral, and its training. */
export class Training {
  constructor({ turns, hole, growing, seed }) {
    this.rng = new Generator(seed);
    // Even in length, and in order along the curve, which is what growing needs to know.
    this.t = Float64Array.from({ length: POINTS }, (_, i) => (i + this.rng.random()) / POINTS);
    this.X = standardised(spiral(this.t, turns, hole)); // (300, 2)
    this.encoder = stack([2, WIDTH, WIDTH, 1], "tanh", this.rng);
    this.decoder = stack([1, WIDTH, WIDTH, 2], "tanh", this.rng);
    this.parameters = [...this.encoder.parameters(), ...this.decoder.parameters()];
    this.optimiser = new Adam(RATE);
    this.growing = growing;
    this.steps = 2500 * turns; // a longer curve takes longer
    this.done = 0;
  }

  /** The rows of the next batch: of the whole curve, or of the part that is open so far. */
  batch() {
    const grown = this.growing
      ? Math.min(1, 0.05 + (0.95 * this.done) / (this.steps * (2 / 3)))
      : 1;
    return Array.from({ length: BATCH }, () => this.rng.integer(Math.round(grown * POINTS)));
  }

  /** In the last third the learning rate falls along half a cosine. */
  rate() {
    const fallen = Math.max(0, 3 * (this.done / this.steps) - 2);
    return RATE * 0.5 * (1 + Math.cos(Math.PI * fallen));
  }

  step(rows = this.batch()) {
    this.optimiser.learning_rate = this.rate();
    const x = this.X.take(rows); // (64, 2)
    zero_grad(this.parameters);
    const { dx_hat } = squared_error(this.decoder.forward(this.encoder.forward(x)), x);
    this.encoder.backward(this.decoder.backward(dx_hat));
    this.optimiser.step(this.parameters);
    this.done += 1;
    return this.done < this.steps;
  }

  /** Loss and codes of all points, and the line that the decoder draws between their ends. */
  look() {
    const z = this.encoder.forward(this.X).data; // (300,)
    const X_hat = this.decoder.forward(this.encoder.layers[2].y);
    const { value: loss } = squared_error(X_hat, this.X);
    const [low, high] = [Math.min(...z), Math.max(...z)];
    const along = Float64Array.from(
      { length: ATOMS },
      (_, i) => low + ((high - low) * i) / (ATOMS - 1),
    );
    const line = this.decoder.forward(new Matrix(ATOMS, 1, along)).toRows();
    return { loss, z, X_hat, low, high, line, rank: Math.abs(spearman(z, this.t)) };
  }
}

/** @param {HTMLElement} element the stage */
export function mount(element) {
  const fig = figure(element);
  const plane = fig.panel({
    label: "The spiral, its points coloured by their code, and the line that the decoder draws",
    x: [-2.4, 2.4],
    y: [-2.4, 2.4],
    xLabel: "x",
    yLabel: "y",
    square: true,
  });
  const codes = fig.panel({
    label: "The code of each point against its position along the spiral",
    x: [0, 1],
    y: [0, 1],
    xLabel: "position t along the spiral",
    yLabel: "code z, in 0..1",
    square: true,
  });
  const curves = fig.panel({
    label: "The share of the variance that is lost, and |Spearman|, by training step",
    x: [0, 1],
    y: [0, 1],
    xLabel: "share of the training",
    yLabel: "lost variance (solid), |Spearman| (dashed)",
    wide: true,
    height: 170,
  });

  let setting, training, now, past, place;
  let chosen = null;

  function start(wanted = {}) {
    loop.stop();
    setting = { ...setting, ...wanted };
    training = new Training(setting);
    [past, place, chosen, point.value] = [[], 0.5, null, 0];
    look();
    run.text = "Train";
  }

  function choose(i) {
    chosen = i;
    point.value = i; // after it, for the slider says "none" while nothing is chosen
  }

  function look() {
    now = training.look();
    // Two columns of variance 1: half the loss is the share of the variance that is lost.
    past.push([training.done / training.steps, now.loss / 2, now.rank]);
  }

  function train(steps) {
    for (let more = true; more && steps > 0; steps--) {
      more = training.done < training.steps && training.step();
      if (training.done % 25 === 0) look();
    }
    look();
  }

  const turns = fig.slider({
    label: "turns",
    min: 1,
    max: 3,
    step: 0.5,
    value: START.turns,
    onInput: (v) => start({ turns: v }),
  });
  const hole = fig.slider({
    label: "radius of the hole",
    min: 0.05,
    max: 0.5,
    step: 0.01,
    value: START.hole,
    show: (v) => v.toFixed(2),
    onInput: (v) => start({ hole: v }),
  });
  const ways = ["all at once", "growing"];
  const way = fig.choice({
    label: "the network sees the curve",
    options: ways,
    value: ways[0],
    onInput: (chosen) => start({ growing: chosen === ways[1] }),
  });
  const run = fig.button("Train", () => {
    if (loop.running) return loop.stop();
    if (training.done === training.steps) start();
    run.text = "Pause";
    loop.start();
  });
  const point = fig.slider({
    label: "chosen point, along the curve",
    min: 0,
    max: POINTS - 1,
    step: 1,
    value: 0,
    show: (i) => (chosen === null ? "none" : fixed(i / (POINTS - 1), 2)),
    onInput: choose,
  });
  const onStop = () => {
    look();
    run.text = training.done < training.steps ? "Train" : "Train again";
  };
  fig.button("Other weights", () => start({ seed: setting.seed + 1 }));
  const loop = fig.loop(
    () => {
      const more = training.step();
      if (training.done % 25 === 0) look();
      return more;
    },
    { budget: 10, onStop },
  );

  const numbers = Object.fromEntries(
    ["step", "loss", "|Spearman|", "z", "chosen point"].map((name) => [name, fig.readout(name)]),
  );
  codes.handle({
    label: "latent z",
    axis: "y",
    at: () => [1, place],
    move: (_, u) => (place = u),
    show: () => `z = ${fixed(zAt(place), 2)}`,
  });
  plane.onPick((x, y) => {
    const away = Array.from(training.t, (_, i) =>
      Math.hypot(training.X.row(i)[0] - x, training.X.row(i)[1] - y),
    );
    choose(away.indexOf(Math.min(...away)));
  });

  const zAt = (u) => now.low + u * (now.high - now.low);
  const inRange = (i) => (now.z[i] - now.low) / (now.high - now.low);

  start(START);
  fig.onDraw(() => {
    const { colours, ramp } = fig;
    const order = ranks(now.z);
    const shade = (i) => ramp(order[i] / POINTS);
    plane.line(now.line, { colour: colours.muted, width: 1.5 });
    plane.dots(POINTS, (i) => training.X.row(i), { colour: shade });
    codes.line(
      [
        [0, place],
        [1, place],
      ],
      { colour: colours.vermillion, dash: [4, 4], width: 1.5 },
    );
    codes.dots(POINTS, (i) => [training.t[i], inRange(i)], { colour: shade });
    curves.line(
      past.map(([share, lost]) => [share, Math.min(1, lost)]),
      { colour: colours.blue },
    );
    curves.line(
      past.map(([share, , rank]) => [share, rank]),
      { colour: colours.orange, dash: [6, 3] },
    );
    if (chosen !== null) {
      const ring = { colour: colours.text, radius: 6 };
      plane.dots(1, () => training.X.row(chosen), ring);
      codes.dots(1, () => [training.t[chosen], inRange(chosen)], ring);
    }
    const dot = now.line[Math.round(place * (ATOMS - 1))];
    plane.dots(1, () => dot, { colour: colours.vermillion, radius: 7 });

    numbers.step.show(`${training.done} of ${training.steps}`);
    numbers.loss.show(fixed(now.loss, 4));
    numbers["|Spearman|"].show(fixed(now.rank, 3));
    numbers.z.show(`${fixed(zAt(place), 2)} draws (${dot.map((v) => fixed(v, 2)).join(", ")})`);
    numbers["chosen point"].show(
      chosen === null
        ? "none"
        : `t ${fixed(training.t[chosen], 3)}, code ${fixed(now.z[chosen], 3)}`,
    );
  });

  function show(wanted) {
    start(wanted);
    [turns.value, hole.value, way.value] = [
      setting.turns,
      setting.hole,
      ways[Number(setting.growing)],
    ];
  }
  fig.ready({
    get state() {
      return { ...setting, done: training.done, loss: now.loss, rank: now.rank, place, chosen };
    },
    set: show,
    reset: () => show(START),
    train,
    look() {
      const { t, X } = training;
      return { z: [...now.z], t: [...t], X: X.toRows(), X_hat: now.X_hat.toRows() };
    },
  });
}
