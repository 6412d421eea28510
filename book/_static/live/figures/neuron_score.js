// Chapter 10, make a neuron score: the alignment score of simulated neurons, and its control.

import { dot, lasso, neuron_score, random_rotation } from "../engine/alignment.js";
import { Generator } from "../engine/random.js";
import { figure, fixed } from "../kit.js";

const [PICTURES, MOST, ROTATIONS, BINS] = [2000, 40, 100, 25];
const KINDS = ["an axis of its own", "one of two axes"];
const START = { angle: 30, model: 0, alpha: 0.1, share: 0.5, count: 30, kind: KINDS[0] };

const axis = (degrees) => [Math.cos, Math.sin].map((f) => f((degrees * Math.PI) / 180));
const turned = ([a, b], [c, s]) => [c * a - s * b, s * a + c * b];
const degreesOf = (x, y) => (180 / Math.PI) * Math.atan2(y, x);

/** What was looked at and the noise of all neurons, and their covariances: all a lasso needs. */
function recording(rng) {
  const centred = (draw) => {
    const raw = Array.from({ length: PICTURES }, draw);
    const mean = raw.reduce((a, b) => a + b) / PICTURES;
    return Float64Array.from(raw, (value) => value - mean);
  };
  // Two factors of the sprites: 32 values, mean 0 and variance 1.
  const z = [0, 1].map(() => centred(() => (rng.integer(32) - 15.5) / Math.sqrt(1023 / 12)));
  const noise = Array.from({ length: MOST }, () => centred(() => rng.normal()));
  const covariances = (a, b) => a.map((x) => b.map((y) => dot(x, y) / PICTURES));
  return { z, noise, G: covariances(z, z), X: covariances(noise, z), E: covariances(noise, noise) };
}

/** @param {HTMLElement} element the stage */
export function mount(element) {
  const fig = figure(element);
  const rng = new Generator(1);
  const { z, noise, G, X, E } = recording(rng);
  // Where the neurons point, beside the first one: [degrees].
  const aside = {
    [KINDS[0]]: Array.from({ length: MOST }, (_, m) => (m ? 180 * rng.random() : 0)),
    [KINDS[1]]: Array.from({ length: MOST }, (_, m) => (m ? 90 * rng.integer(2) : 0)),
  };
  let setting = START;
  let now, rotations, control;

  const plane = fig.panel({
    label: "The directions of the neurons, and the axes of the model's two latents",
    x: [-1.3, 1.3],
    y: [-1.3, 1.3],
    square: true,
    bare: true,
  });
  const bars = fig.panel({
    label: "Correlation and weight of your neuron with each latent",
    x: [0, 2],
    y: [0, 1.1],
    yLabel: "your neuron: correlation (grey), weight",
  });
  const columns = fig.panel({
    label: "The shares of the two latents in each neuron, yours first",
    x: [0, START.count],
    y: [0, 1],
    xLabel: "neurons, yours first",
    yLabel: "shares of the weights",
    wide: true,
    height: 130,
    ticks: 2,
  });
  const histogram = fig.panel({
    label: "The alignment score, and those of the recombined neurons",
    x: [0, 1],
    y: [0, 1],
    xLabel: "alignment score",
    yLabel: `your neurons (line), ${ROTATIONS} times recombined (bars)`,
    wide: true,
    height: 140,
  });
  for (const panel of [bars, columns]) panel.axes.select(".live-axis-x").remove();
  histogram.axes.select(".live-axis-y").remove();

  const slider = (name, label, min, max, step, show) =>
    fig.slider({
      label,
      min,
      max,
      step,
      value: START[name],
      show,
      onInput: (value) => set({ [name]: value }),
    });
  const sliders = {
    alpha: slider("alpha", "penalty alpha", 0.01, 0.6, 0.01, (v) => fixed(v, 2)),
    share: slider("share", "share explained", 0.03, 1, 0.01, (v) => fixed(v, 2)),
    count: slider("count", "neurons", 2, MOST, 1, String),
  };
  const kind = fig.choice({
    label: "each neuron follows",
    options: KINDS,
    value: START.kind,
    onInput: (value) => set({ kind: value }),
  });
  fig.button("Recombine", recombine);
  plane.handle({
    label: "axis of latent 1",
    at: () => axis(setting.model).map((u) => 1.1 * u),
    move: (x, y) => set({ model: degreesOf(x, y) }),
    show: () => `${fixed(setting.model, 0)} degrees`,
  });
  plane.handle({
    label: "direction of your neuron",
    at: () => axis(setting.angle).map((u) => 0.75 * u),
    move: (x, y) => set({ angle: degreesOf(x, y) }),
    show: () => `${fixed(setting.angle, 0)} degrees`,
  });
  const names = ["your neuron", "alignment score", "with a score", "recombined"];
  const numbers = Object.fromEntries(names.map((name) => [name, fig.readout(name)]));

  /** The neurons, seen from the first one: direction, and covariances of the noise. */
  const neurons = () =>
    Array.from({ length: setting.count }, (_, m) => ({
      d: axis(aside[setting.kind][m]),
      x: X[m],
      e: E[m][m],
    }));

  /** Each row of a rotation mixes all neurons into another one, noise included. */
  function recombine() {
    const M = setting.count;
    const own = neurons();
    const mixed = (q, part) =>
      [0, 1].map((k) => q.reduce((a, q_m, m) => a + q_m * own[m][part][k], 0));
    rotations = Array.from({ length: ROTATIONS }, () =>
      random_rotation(M, rng).map((q) => ({
        q,
        d: mixed(q, "d"),
        x: mixed(q, "x"),
        e: q.reduce((sum, q_m, m) => sum + q_m * dot(q, E[m]), 0),
      })),
    );
    measure();
  }

  /** The mean score of those that have one. */
  function alignment(results) {
    const scores = results.map(({ score }) => score).filter((score) => score !== null);
    return scores.length ? scores.reduce((a, b) => a + b) / scores.length : null;
  }

  /** All lassos: of the neurons, and of those that they were recombined into. */
  function measure() {
    const { alpha, share } = setting;
    const [signal, rest] = [Math.sqrt(share), Math.sqrt(1 - share)];
    const units = [axis(setting.model), axis(setting.model + 90)];
    const first = axis(setting.angle);
    const G_u = units.map((u) => G.map((row) => dot(row, u)));
    const spread = units.map((u, k) => Math.sqrt(dot(u, G_u[k])));
    const A = units.map((u, k) => units.map((_, j) => dot(u, G_u[j]) / (spread[k] * spread[j])));
    function measured({ d: seen, x, e }) {
      const d = turned(seen, first);
      const with_z = G.map((row, k) => signal * dot(row, d) + rest * x[k]);
      const variance = signal * dot(d, with_z) + rest * (signal * dot(d, x) + rest * e);
      const c = units.map((u, k) => dot(u, with_z) / (spread[k] * Math.sqrt(variance)));
      const w = lasso(A, c, alpha);
      return { c, w, ...neuron_score(w) };
    }
    now = neurons().map(measured);
    control = rotations?.map((each) => alignment(each.map(measured))).filter((s) => s !== null);
  }

  function set(wanted) {
    const before = setting;
    setting = { ...setting, ...wanted };
    // Other neurons have another control.
    if (setting.count !== before.count || setting.kind !== before.kind) rotations = undefined;
    for (const name of Object.keys(sliders)) sliders[name].value = setting[name];
    kind.value = setting.kind;
    columns.x.domain([0, setting.count]);
    measure();
  }

  set(START);
  fig.onDraw(() => {
    const { colours } = fig;
    const hues = [colours.blue, colours.orange];
    drawPlane(colours, hues);
    now[0].c.forEach((c, k) => {
      const weight = Math.abs(now[0].w[k]);
      bars.rectangle([k + 0.2, 0], [k + 0.8, Math.abs(c)], { colour: colours.faint });
      bars.rectangle([k + 0.2, 0], [k + 0.8, weight], { colour: hues[k] });
      const style = { colour: weight ? colours.text : colours.muted, align: "center" };
      const words = `latent ${k + 1}: ${weight ? fixed(weight, 2) : "0"}`;
      bars.text([k + 0.5, Math.abs(c) + 0.06], words, style);
    });
    now.forEach(({ shares }, m) => {
      const [left, right] = [m + 0.1, m + 0.9];
      columns.rectangle([left, 0], [right, 1], { colour: shares ? hues[1] : colours.faint });
      if (shares) columns.rectangle([left, 0], [right, shares[0]], { colour: hues[0] });
    });
    drawHistogram(colours);

    const [{ shares, score }, mean] = [now[0], alignment(now)];
    const parts = shares?.map((p) => fixed(p, 2)).join(" and ");
    numbers["your neuron"].show(shares ? `${fixed(score, 2)} (shares ${parts})` : "no weight");
    numbers["alignment score"].show(mean === null ? "none" : fixed(mean, 2));
    const having = now.filter((each) => each.score !== null).length;
    numbers["with a score"].show(`${having} of ${setting.count}`);
    numbers.recombined.show(control ? summary(control) : "not yet");
  });

  function drawPlane(colours, hues) {
    // Within this angle of an axis the lasso leaves one weight.
    const reach =
      (180 / Math.PI) * Math.asin(Math.min(1, setting.alpha / Math.sqrt(setting.share)));
    for (const side of [0, 90, 180, 270]) {
      const ends = Array.from({ length: 21 }, (_, i) =>
        axis(setting.model + side + (i / 10 - 1) * reach),
      );
      plane.area([[[0, 0], ...ends]], { colour: colours.faint });
    }
    hues.forEach((colour, k) => {
      const [a, b] = axis(setting.model + 90 * k).map((u) => 1.1 * u);
      plane.line(
        [
          [-a, -b],
          [a, b],
        ],
        { colour },
      );
      const steep = Math.abs(b) > 0.9; // then beside the end of the axis, else above it
      plane.text(steep ? [a + 0.12, b] : [a, b + 0.19], `latent ${k + 1}`, {
        colour: colours.text,
        align: steep ? "left" : a > 0.8 ? "right" : "center",
      });
    });
    neurons().forEach(({ d }, m) => {
      const tip = turned(d, axis(setting.angle)).map((u) => 0.75 * u);
      const style = m
        ? { colour: colours.muted, width: 1 }
        : { colour: colours.vermillion, width: 3 };
      plane.arrow([0, 0], tip, style);
    });
  }

  function drawHistogram(colours) {
    const counts = new Array(BINS).fill(0);
    for (const score of control ?? []) counts[Math.min(BINS - 1, Math.floor(BINS * score))] += 1;
    const top = Math.max(10, ...counts);
    counts.forEach((n, i) => {
      const [left, right] = [(i + 0.05) / BINS, (i + 0.95) / BINS];
      histogram.rectangle([left, 0], [right, n / top], { colour: colours.muted });
    });
    const mean = alignment(now);
    const line = [0, 1].map((y) => [mean, y]);
    if (mean !== null) histogram.line(line, { colour: colours.vermillion, width: 3 });
  }

  fig.ready({
    get state() {
      return { ...setting, recombined: rotations !== undefined };
    },
    set,
    recombine,
    reset: () => {
      rotations = undefined;
      set(START);
    },
    look() {
      const [signal, rest] = [Math.sqrt(setting.share), Math.sqrt(1 - setting.share)];
      const first = axis(setting.angle);
      const responses = neurons().map(({ d }, m) => {
        const [a, b] = turned(d, first);
        return Array.from(noise[m], (e, i) => signal * (a * z[0][i] + b * z[1][i]) + rest * e);
      });
      return {
        z: z.map((column) => [...column]),
        responses,
        neurons: now,
        score: alignment(now),
        control,
        rotation: rotations?.[0].map(({ q }) => [...q]),
      };
    },
  });
}

/** The median of some scores, the least and the largest, in words. */
function summary(scores) {
  if (scores.length === 0) return "none";
  const sorted = [...scores].sort((a, b) => a - b);
  const [low, middle, high] = [0, 0.5, 1].map((u) => sorted[Math.round(u * (sorted.length - 1))]);
  return `${fixed(middle, 2)}, from ${fixed(low, 2)} to ${fixed(high, 2)}`;
}
