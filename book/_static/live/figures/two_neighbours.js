// Chapter 1, two neighbours: a point's two nearest neighbours, its place on the line of the
// dimension's estimate, and what noise and blocks do to the slope.

import { Matrix } from "../engine/matrix.js";
import { Generator } from "../engine/random.js";
import { spiral } from "../engine/spiral.js";
import { figure, fixed, wantsStillness } from "../kit.js";

const [MOST, SEED, DISCARD] = [1500, 1, 0.1];
const START = { cloud: "curve", N: 1500, sigma: 0, halvings: 0, place: 700 };
const NAMES = ["curve", "sheet", "solid"];
const VIEW = 2.2; // how far the magnifier sees, in units of r2

/** The points without noise, the noise, and what orders them: drawn once for all sliders. */
function draw(name) {
  const rng = new Generator(SEED);
  const D = name === "solid" ? 3 : 2;
  const t = Float64Array.from({ length: MOST }, () => rng.random());
  const uniform = () =>
    new Matrix(
      MOST,
      D,
      Float64Array.from({ length: MOST * D }, () => rng.uniform(-1, 1)),
    );
  const clean = name === "curve" ? spiral(t, 1.5) : uniform();
  const noise = Float64Array.from({ length: MOST * D }, () => rng.normal());
  return { D, clean, noise, along: name === "curve" ? t : clean.column(0) };
}

/**
 * The distances r1, r2 of each row's two nearest neighbours, and which they are.
 * @param {Matrix} X (N, D)
 */
export function twoNearest({ rows: N, cols: D, data }) {
  // Sorted by the first coordinate, all that are nearer than r2 stand near in the row.
  const order = Array.from({ length: N }, (_, i) => i).sort((i, j) => data[i * D] - data[j * D]);
  const found = new Array(N);
  for (let k = 0; k < N; k++) {
    const i = order[k];
    let [r1, r2, first, second] = [Infinity, Infinity, -1, -1];
    for (const way of [-1, 1]) {
      for (let l = k + way; l >= 0 && l < N; l += way) {
        const j = order[l];
        if (Math.abs(data[j * D] - data[i * D]) >= r2) break;
        let square = 0;
        for (let d = 0; d < D; d++) square += (data[j * D + d] - data[i * D + d]) ** 2;
        const r = Math.sqrt(square);
        if (r < r1) [r1, r2, first, second] = [r, r1, j, first];
        else if (r < r2) [r2, second] = [r, j];
      }
    }
    found[i] = { r1, r2, first, second };
  }
  return found;
}

/** The chapter's two_nn of one block, and each of its points' place on the line. */
export function estimate(X) {
  const near = twoNearest(X);
  const N = X.rows;
  const order = near
    .map((_, i) => i)
    .sort((i, j) => near[i].r2 / near[i].r1 - near[j].r2 / near[j].r1);
  const kept = Math.floor((1 - DISCARD) * N);
  const places = new Array(N); // x = log mu, y = -log(1 - F)
  let [xy, xx] = [0, 0];
  order.forEach((i, rank) => {
    const x = Math.log(near[i].r2 / near[i].r1);
    const y = -Math.log(1 - (rank + 1) / N);
    places[i] = { x, y, kept: rank < kept };
    if (rank < kept) [xy, xx] = [xy + x * y, xx + x * x];
  });
  return { near, places, slope: xy / xx };
}

/** Where a point is drawn: a solid is seen from the side and a little from above. */
const seen = ([x, y, z]) =>
  z === undefined ? [x, y] : [0.87 * x - 0.5 * y, 0.94 * z + 0.34 * (0.5 * x + 0.87 * y)];

/** @param {HTMLElement} element the stage */
export function mount(element) {
  const fig = figure(element);
  const clouds = Object.fromEntries(NAMES.map((name) => [name, draw(name)]));
  const plane = fig.panel({
    label: "The cloud, one block of it set off, and the chosen point",
    x: [-1.1, 1.1],
    y: [-1.1, 1.1],
    yLabel: "the cloud",
    square: true,
    bare: true,
  });
  const glass = fig.panel({
    label: "Through a magnifying glass: the chosen point and its two nearest neighbours",
    x: [-VIEW, VIEW],
    y: [-VIEW, VIEW],
    yLabel: "around the chosen point, enlarged",
    square: true,
    bare: true,
  });
  const line = fig.panel({
    label: "The line of the estimate, and the place of each point",
    x: [0, 3],
    y: [0, 5],
    xLabel: "log μ",
    yLabel: "−log(1 − F)",
    wide: true,
    height: 260,
  });

  let state, X, size, blocks, slope, chosen;
  let height = 0; // of the falling dot above its place, 1 at the panel's upper edge

  /** The points with their noise, dealt into blocks, and the mean of the blocks' slopes. */
  function measure() {
    const { D, clean, noise, along } = clouds[state.cloud];
    const { N, sigma } = state;
    const of = (_, i) => clean.data[i] + sigma * noise[i];
    const reach = D === 3 ? 1.5 : 1.1; // a cube seen from its edge is wider
    for (const scale of [plane.x, plane.y]) scale.domain([-reach, reach]);
    X = new Matrix(N, D, Float64Array.from({ length: N * D }, of));
    size = Math.floor(N / 2 ** state.halvings);
    blocks = Array.from({ length: Math.floor(N / size) }, (_, b) =>
      estimate(new Matrix(size, D, X.data.subarray(b * size * D, (b + 1) * size * D))),
    );
    slope = blocks.reduce((sum, block) => sum + block.slope, 0) / blocks.length;
    const dealt = Array.from({ length: blocks.length * size }, (_, i) => i);
    X.order = dealt.sort((i, j) => along[i] - along[j]);
  }

  function set(wanted) {
    const old = state;
    state = { ...state, ...wanted };
    // Fewer than ten points make no block.
    while (state.N / 2 ** state.halvings < 10) state.halvings -= 1;
    const drawn = ["cloud", "N", "sigma", "halvings"];
    if (drawn.some((name) => old?.[name] !== state[name])) measure();
    state.place = Math.min(state.place, X.order.length - 1);
    chosen = X.order[state.place];
    which.value = state.cloud;
    for (const [name, slider] of Object.entries(sliders)) slider.value = state[name];
  }

  function pick(place) {
    set({ place });
    if (wantsStillness()) return; // it is in its place at once
    height = 1;
    begun = undefined;
    fall.start();
  }
  let begun;
  const fall = fig.loop((time) => {
    begun ??= time;
    height = Math.max(0, 1 - ((time - begun) / 350) ** 2);
    return height > 0;
  });

  const which = fig.choice({
    label: "cloud",
    options: NAMES,
    value: START.cloud,
    onInput: (cloud) => set({ cloud }),
  });
  const slider = (name, label, options) =>
    fig.slider({ label, value: START[name], onInput: (v) => set({ [name]: v }), ...options });
  const sliders = {
    N: slider("N", "points N", { min: 100, max: MOST, step: 100 }),
    sigma: slider("sigma", "noise σ", { min: 0, max: 0.05, step: 0.001, show: (v) => fixed(v, 3) }),
    halvings: slider("halvings", "blocks", {
      min: 0,
      max: 6,
      step: 1,
      show: (v) => String(2 ** v),
    }),
    place: slider("place", "chosen point", { min: 0, max: MOST - 1, step: 1, onInput: pick }),
  };
  plane.onPick((x, y) => {
    const away = X.order.map((i) => {
      const [px, py] = seen(X.row(i));
      return Math.hypot(px - x, py - y);
    });
    pick(away.indexOf(Math.min(...away)));
  });

  const names = ["r1", "r2", "ratio μ", "points in a block", "slope"];
  const numbers = Object.fromEntries(names.map((name) => [name, fig.readout(name)]));

  set(START);
  fig.onDraw(() => {
    const { colours } = fig;
    const b = Math.floor(chosen / size);
    const start = b * size;
    const { near, places } = blocks[b];
    const { r1, r2, first, second } = near[chosen - start];
    const inBlock = (i) => i >= start && i < start + size;
    const at = (i) => seen(X.row(i));

    plane.dots(state.N, at, { colour: colours.faint, radius: 1.5 });
    plane.dots(size, (i) => at(start + i), { colour: colours.muted, radius: 1.5 });
    ring(plane, at(chosen), r1, colours.blue);
    ring(plane, at(chosen), r2, colours.vermillion);
    plane.dots(1, () => at(chosen), { colour: colours.text, radius: 4 });

    const middle = X.row(chosen);
    const from = (i) => seen(X.row(i).map((v, d) => (v - middle[d]) / r2));
    const inView = (i) => Math.hypot(...X.row(i).map((v, d) => v - middle[d])) < 0.96 * VIEW * r2;
    const around = Array.from({ length: state.N }, (_, i) => i).filter(inView);
    const colour = (i) => (inBlock(i) ? colours.muted : colours.faint);
    glass.dots(around.length, (k) => from(around[k]), {
      colour: (k) => colour(around[k]),
      radius: 3,
    });
    const neighbours = [
      [first, r1 / r2, colours.blue, "r₁", 0.16], // inside
      [second, 1, colours.vermillion, "r₂", -0.16], // outside
    ];
    ring(glass, [0, 0], 0.98 * VIEW, colours.faint);
    for (const [neighbour, r, hue, name, away] of neighbours) {
      ring(glass, [0, 0], r, hue);
      glass.line([[0, 0], from(start + neighbour)], { colour: hue, width: 1.5 });
      glass.dots(1, () => from(start + neighbour), { colour: hue, radius: 5 });
      glass.text([0, away - r], name, { colour: hue, align: "center" });
    }
    glass.dots(1, () => [0, 0], { colour: colours.text, radius: 5 });

    const [, right] = line.x.domain();
    const [, top] = line.y.domain();
    for (const block of blocks) {
      line.dots(size, (i) => [block.places[i].x, Math.min(block.places[i].y, 2 * top)], {
        colour: (i) => (block.places[i].kept ? colours.sky : colours.faint),
        radius: 1.75,
      });
    }
    line.line(
      [
        [0, 0],
        [right, slope * right],
      ],
      { colour: colours.blue },
    );
    const { x, y } = places[chosen - start];
    const [across, up] = [Math.min(x, right), Math.min(y, top)];
    line.line(
      [
        [across, up],
        [across, top],
      ],
      { colour: colours.vermillion, width: 1, dash: [3, 3] },
    );
    const dot = [across, up + height * (top - up)];
    line.dots(1, () => dot, { colour: colours.vermillion, radius: 6 });

    numbers.r1.show(fixed(r1, 4));
    numbers.r2.show(fixed(r2, 4));
    numbers["ratio μ"].show(fixed(r2 / r1, 2));
    numbers["points in a block"].show(String(size));
    numbers.slope.show(fixed(slope, 2));
  });

  fig.ready({
    get state() {
      const b = Math.floor(chosen / size);
      const { r1, r2 } = blocks[b].near[chosen - b * size];
      return { ...state, chosen, r1, r2, size, slope, height };
    },
    set,
    reset: () => set(START),
    points: () => X.toRows(),
  });
}

/** A circle of radius r, in units of the data. */
function ring(panel, [x, y], r, colour) {
  const circle = Array.from({ length: 65 }, (_, i) => [
    x + r * Math.cos((2 * Math.PI * i) / 64),
    y + r * Math.sin((2 * Math.PI * i) / 64),
  ]);
  panel.line(circle, { colour, width: 2 });
}
