// Chapter 7, the water level: beta times sigma^2 floods the eigenvalues, and latents die.

import { figure, fixed } from "../kit.js";

const DATA = ["five columns", "digits"];
const OTHER = ["stays", "keeps the product"];
// The least and the greatest level of each data set.
const LEVELS = { [DATA[0]]: [0.1, 10], [DATA[1]]: [0.01, 1] };
// The limits of both sliders, as powers of ten.
const POWERS = { beta: [-1, 1.3], sigma2: [-2, 1] };
const START = { data: DATA[0], other: OTHER[0], beta: 1, sigma2: 0.8 };

const within = (value, [low, high]) => Math.min(high, Math.max(low, value));
const sum = (values) => values.reduce((total, value) => total + value, 0);
const short = (value) => fixed(value, Math.abs(value) < 0.1 ? 3 : 2);

/** What the best linear VAE loses and carries when the water stands at w. */
export function flooded(eigenvalues, w) {
  const nats = eigenvalues.map((height) => (height > w ? 0.5 * Math.log(height / w) : 0));
  return {
    nats,
    alive: nats.filter((each) => each > 0).length,
    rate: sum(nats),
    distortion: sum(eigenvalues.map((height) => Math.min(height, w))),
  };
}

/** The level at which the rate is R, between two levels: by halving, as the rate only falls. */
export function levelAt(eigenvalues, R, [low, high]) {
  for (let i = 0; i < 50; i++) {
    const middle = Math.sqrt(low * high);
    if (flooded(eigenvalues, middle).rate > R) low = middle;
    else high = middle;
  }
  return high;
}

/** @param {HTMLElement} element the stage @param {any} data the eigenvalues of both data sets */
export function mount(element, data) {
  const spectra = { [DATA[0]]: data.columns, [DATA[1]]: data.digits };
  const fig = figure(element);
  const columns = fig.panel({
    label: "The eigenvalues as columns, and the water",
    x: [0, 1],
    y: [0, 1],
    xLabel: "principal direction",
    yLabel: "eigenvalue; above it, the nats of its latent",
    height: 300,
  });
  const plane = fig.panel({
    label: "Distortion against rate: the curve of all levels, the point of this one, its tangent",
    x: [0, 1],
    y: [0, 1],
    xLabel: "rate R: KL, in nats",
    yLabel: "distortion: squared error",
    height: 300,
  });

  let setting, curve, now;

  /** Take what is wanted, as far as the sliders and the data's levels reach. */
  function set(wanted) {
    const next = { ...setting, ...wanted };
    const limits = LEVELS[next.data];
    const range = (name) => POWERS[name].map((power) => 10 ** power);
    if (next.data !== setting?.data) lay(next.data);
    const moved = "beta" in wanted ? "beta" : "sigma2";
    const still = moved === "beta" ? "sigma2" : "beta";
    const keeps = next.other === OTHER[1] && moved in wanted && !(still in wanted);
    if (keeps) {
      const product = setting.beta * setting.sigma2;
      next[still] = within(product / next[moved], range(still));
      next[moved] = product / next[still];
    } else {
      next[moved] = within(within(next[moved], range(moved)) * next[still], limits) / next[still];
    }
    setting = next;
    now = flooded(spectra[setting.data], setting.beta * setting.sigma2);
    [which.value, way.value] = [setting.data, setting.other];
    [beta.value, sigma2.value] = [Math.log10(setting.beta), Math.log10(setting.sigma2)];
  }

  /** Fit the axes to a data set, and compute the curve of all its levels. */
  function lay(name) {
    const [spectrum, [low, high]] = [spectra[name], LEVELS[name]];
    const levels = Array.from({ length: 300 }, (_, i) => low * (high / low) ** (i / 299));
    curve = levels.map((w) => {
      const { rate, distortion } = flooded(spectrum, w);
      return [rate, distortion];
    });
    columns.x.domain([0.3, spectrum.length + 0.7]);
    columns.y.domain([0, 1.05 * high]);
    plane.x.domain([0, 1.03 * curve[0][0]]);
    plane.y.domain([0, 1.1 * sum(spectrum)]);
  }

  const slider = (label, name) =>
    fig.slider({
      label,
      min: POWERS[name][0],
      max: POWERS[name][1],
      step: 0.01,
      value: Math.log10(START[name]),
      show: (power) => short(setting?.[name] ?? 10 ** power),
      onInput: (power) => set({ [name]: 10 ** power }),
    });
  const which = fig.choice({
    label: "data",
    options: DATA,
    value: START.data,
    onInput: (name) => set({ data: name }),
  });
  const beta = slider("beta", "beta");
  const sigma2 = slider("sigma²", "sigma2");
  const way = fig.choice({
    label: "when one of them moves, the other",
    options: OTHER,
    value: START.other,
    onInput: (other) => set({ other }),
  });
  const level = () => setting.beta * setting.sigma2;
  const flood = (w) => set({ beta: w / setting.sigma2, sigma2: setting.sigma2 });
  columns.handle({
    label: "water level",
    axis: "y",
    at: () => [columns.x.domain()[1], level()],
    move: (_, w) => flood(w),
    show: () => short(level()),
  });
  plane.handle({
    label: "point on the curve",
    axis: "x",
    at: () => [now.rate, now.distortion],
    move: (R) => flood(levelAt(spectra[setting.data], R, LEVELS[setting.data])),
    show: () => `rate ${fixed(now.rate, 2)}, distortion ${fixed(now.distortion, 2)}`,
  });
  const numbers = Object.fromEntries(
    ["beta sigma²", "alive", "rate", "distortion", "slope", "loss"].map((name) => [
      name,
      fig.readout(name),
    ]),
  );

  /** The VAE's loss in nats, with the constant that holds sigma^2. */
  function loss() {
    const [{ beta: price, sigma2: noise }, D] = [setting, spectra[setting.data].length];
    return (
      now.distortion / (2 * noise) + (D / 2) * Math.log(2 * Math.PI * noise) + price * now.rate
    );
  }

  set(START);
  fig.onDraw(() => {
    const { colours } = fig;
    const [spectrum, w] = [spectra[setting.data], level()];
    const [left, right] = columns.x.domain();
    columns.context.globalAlpha = 0.3;
    columns.rectangle([left, 0], [right, w], { colour: colours.sky });
    columns.context.globalAlpha = 1;
    spectrum.forEach((height, i) => {
      const [from, to] = [i + 0.65, i + 1.35];
      columns.rectangle([from, 0], [to, Math.min(height, w)], { colour: colours.blue });
      if (height > w) columns.rectangle([from, w], [to, height], { colour: colours.orange });
      if (spectrum.length > 10) return; // too narrow for words
      const words = height > w ? fixed(now.nats[i], 2) : "dead";
      const above = Math.max(height, w) + 0.035 * columns.y.domain()[1];
      columns.text([i + 1, above], words, { colour: colours.text, align: "center" });
    });
    const surface = [
      [left, w],
      [right, w],
    ];
    columns.line(surface, { colour: colours.blue, width: 1.5 });

    plane.line(curve, { colour: colours.blue });
    const far = plane.x.domain()[1];
    const tangent = [0, far].map((R) => [R, now.distortion - 2 * w * (R - now.rate)]);
    plane.line(tangent, { colour: colours.vermillion, width: 1.5, dash: [5, 4] });

    numbers["beta sigma²"].show(short(w));
    numbers.alive.show(`${now.alive} of ${spectrum.length}`);
    numbers.rate.show(`${fixed(now.rate, 2)} nats`);
    numbers.distortion.show(fixed(now.distortion, 2));
    numbers.slope.show(short(-2 * w));
    numbers.loss.show(`${fixed(loss(), 2)} nats`);
  });

  fig.ready({
    get state() {
      return { ...setting };
    },
    set,
    reset: () => set(START),
    look: () => ({ ...now, level: level(), loss: loss() }),
  });
}
