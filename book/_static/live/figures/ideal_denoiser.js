// Chapter 4, the ideal denoiser: the best answer to one noisy point is a mean of the clean points,
// each as heavy as it is likely to have landed here; beside it, what the chapter's network answers.

import { stack } from "../engine/layers.js";
import { Matrix } from "../engine/matrix.js";
import { Generator } from "../engine/random.js";
import { figure, fixed, unpack } from "../kit.js";

const START = { x: 0.95, y: 0.75, sigma: 0.1 };
const WIDTHS = [2, 64, 64, 2];

/**
 * The best answer at (x, y), and each clean point's weight in it, the largest being 1.
 * @param {ArrayLike<number>} points x, y, x, y, ...
 */
export function best_answer(x, y, points, sigma) {
  const n = points.length / 2;
  const squared = Float64Array.from(
    { length: n },
    (_, i) => (points[2 * i] - x) ** 2 + (points[2 * i + 1] - y) ** 2,
  );
  const nearest = Math.min(...squared); // taken out of every exponent, so that none underflows
  const weights = squared.map((s) => Math.exp((nearest - s) / (2 * sigma ** 2)));
  const sums = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    sums[0] += weights[i] * points[2 * i];
    sums[1] += weights[i] * points[2 * i + 1];
    sums[2] += weights[i];
  }
  return { weights, answer: [sums[0] / sums[2], sums[1] / sums[2]] };
}

/** @param {HTMLElement} element the stage @param {any} data points, places, encoder, decoder */
export function mount(element, data) {
  const fig = figure(element);
  const points = unpack(data.points); // (1000, 2), in order along the spiral
  const places = unpack(data.places); // (1000,)
  const load = (packed) =>
    stack(WIDTHS, "relu", new Generator(0)).load(packed.map((p) => [Array.from(unpack(p))]));
  const [encoder, decoder] = [load(data.encoder), load(data.decoder)];

  const plane = fig.panel({
    label: "The clean points, each as large as its weight, and the arrows at the noisy point",
    x: [-1.25, 1.25],
    y: [-1.25, 1.25],
    xLabel: "x",
    yLabel: "y",
    square: true,
  });
  const along = fig.panel({
    label: "The weight of each clean point against its position along the spiral",
    x: [0, 1],
    y: [0, 1],
    xLabel: "position along the spiral",
    yLabel: "weight, over the largest",
    square: true,
  });

  let state = { ...START };
  function set(wanted) {
    state = { ...state, ...wanted };
    noise.value = state.sigma;
  }
  function look() {
    const { x, y, sigma } = state;
    const { weights, answer: ideal } = best_answer(x, y, points, sigma);
    const network = [...decoder.forward(encoder.forward(Matrix.from([[x, y]]))).data];
    return { weights, ideal, network };
  }

  const noise = fig.slider({
    label: "noise σ of the ideal",
    min: 0.02,
    max: 0.5,
    step: 0.01,
    value: START.sigma,
    show: (v) => v.toFixed(2),
    onInput: (sigma) => set({ sigma }),
  });
  plane.handle({
    label: "noisy point",
    at: () => [state.x, state.y],
    move: (x, y) => set({ x, y }),
    step: 0.02,
  });
  const names = ["ideal moves it by", "network moves it by", "apart"];
  const numbers = names.map((name) => fig.readout(name));

  fig.onDraw(() => {
    const { colours } = fig;
    const { weights, ideal, network } = look();
    const from = [state.x, state.y];
    plane.dots(places.length, (i) => [points[2 * i], points[2 * i + 1]], {
      colour: colours.blue,
      radius: 1.2,
    });
    glow(plane, points, weights, colours.orange);
    const styles = {
      network: { colour: colours.purple, width: 4 },
      ideal: { colour: colours.text, width: 2 },
    };
    Object.entries({ network, ideal }).forEach(([name, answer], i) => {
      plane.arrow(from, answer, styles[name]);
      const y = -1.1 + 0.15 * i; // and its name, in the empty corner
      plane.arrow([-1.2, y], [-1.02, y], styles[name]);
      plane.text([-0.98, y], name, styles[name]);
    });
    along.line(
      Array.from(places, (t, i) => [t, weights[i]]),
      { colour: colours.orange },
    );
    const apart = (a, b) => fixed(Math.hypot(a[0] - b[0], a[1] - b[1]), 3);
    numbers[0].show(apart(ideal, from));
    numbers[1].show(apart(network, from));
    numbers[2].show(apart(ideal, network));
  });

  fig.ready({
    get state() {
      return { ...state };
    },
    set,
    reset: () => set(START),
    look() {
      const { weights, ideal, network } = look();
      return { weights: [...weights], ideal, network };
    },
  });
}

/** The clean points that have some weight: the more of it, the larger and the denser. */
function glow({ context, x, y }, points, weights, colour) {
  context.fillStyle = colour;
  weights.forEach((weight, i) => {
    if (weight < 0.01) return;
    context.globalAlpha = 0.15 + 0.85 * weight;
    context.beginPath();
    context.arc(x(points[2 * i]), y(points[2 * i + 1]), 1.5 + 4 * weight, 0, 2 * Math.PI);
    context.fill();
  });
  context.globalAlpha = 1;
}
