// Chapter 6, fit q to p: a Gaussian for the posterior of a place, by hand or climbing.

import { Parameter } from "../engine/layers.js";
import { Matrix } from "../engine/matrix.js";
import { Adam } from "../engine/optimisers.js";
import { figure, fixed } from "../kit.js";

const TURNS = 1.5;
const [LEFT, RIGHT, N] = [-12, 12, 4801]; // the grid on which all expectations are sums
const DZ = (RIGHT - LEFT) / (N - 1);
const SHOWN = [-3.5, 2.5]; // of the latent
const WIDTHS = [0.03, 1.5];
const BAR = 12; // nats
const [STEPS, RATE] = [400, 0.05];
const WAYS = ["KL(q‖p)", "KL(p‖q)"];
const START = { x: [0.38, 0], sigma: 0.15, mu: 0, s: 1, down: WAYS[0] };

const Z = Float64Array.from({ length: N }, (_, i) => LEFT + i * DZ);
const within = (value, [low, high]) => Math.min(high, Math.max(low, value));

/** The place of z on the spiral, and its derivative in z. */
export function decode(z) {
  const t = 1 / (1 + Math.exp(-1.7 * z)); // 0 is the inner end, 1 the outer one
  const [angle, dt] = [2 * Math.PI * TURNS * t, 1.7 * t * (1 - t)];
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return { at: [t * cos, t * sin], slope: [(cos - angle * sin) * dt, (sin + angle * cos) * dt] };
}

const SPIRAL = Array.from(Z, decode);

/** log p(x, z) and its slope in z on the grid, log p(x), the posterior, its mean and variance. */
export function model({ x, sigma }) {
  const [joint, slope] = [new Float64Array(N), new Float64Array(N)];
  const constant = -0.5 * Math.log(2 * Math.PI) - Math.log(2 * Math.PI * sigma ** 2);
  SPIRAL.forEach(({ at, slope: d }, i) => {
    const error = [x[0] - at[0], x[1] - at[1]];
    joint[i] = constant - 0.5 * (Z[i] ** 2 + (error[0] ** 2 + error[1] ** 2) / sigma ** 2);
    slope[i] = -Z[i] + (error[0] * d[0] + error[1] * d[1]) / sigma ** 2;
  });
  const top = joint.reduce((a, b) => Math.max(a, b));
  const area = joint.reduce((total, log) => total + Math.exp(log - top), 0) * DZ;
  const log_p = top + Math.log(area);
  const posterior = joint.map((log) => Math.exp(log - log_p));
  const mean = posterior.reduce((total, p, i) => total + p * Z[i], 0) * DZ;
  const variance = posterior.reduce((total, p, i) => total + p * (Z[i] - mean) ** 2, 0) * DZ;
  return { joint, slope, log_p, posterior, mean, variance };
}

/** What q = N(mu, s^2) is worth, and which way its mean and log-variance want to go. */
export function fit({ joint, slope, log_p, posterior, mean, variance }, { mu, s, down }) {
  let [expected, gap, reverse, dmu, dv] = [0, 0, 0, 0, 0];
  for (let i = 0; i < N; i++) {
    const u = (Z[i] - mu) / s;
    const log_q = -0.5 * (u * u + Math.log(2 * Math.PI)) - Math.log(s);
    const q = Math.exp(log_q) * DZ;
    expected += q * joint[i];
    gap += q * (log_q - (joint[i] - log_p));
    reverse += posterior[i] * (joint[i] - log_p - log_q) * DZ;
    dmu += q * slope[i];
    dv += q * slope[i] * u * s * 0.5;
  }
  const elbo = expected + 0.5 + 0.5 * Math.log(2 * Math.PI) + Math.log(s); // the entropy
  if (down === WAYS[0]) return { elbo, gap, reverse, dmu, dv: dv + 0.5 };
  const away = mean - mu;
  const widen = 0.5 * ((variance + away ** 2) / s ** 2 - 1);
  return { elbo, gap, reverse, dmu: away / s ** 2, dv: widen };
}

/** @param {HTMLElement} element the stage */
export function mount(element) {
  const fig = figure(element);
  const bar = fig.panel({
    label: "log p(x), split into ELBO and gap",
    x: [-BAR, 0],
    y: [0, 1],
    wide: true,
    height: 76,
    bare: true,
  });
  const plane = fig.panel({
    label: "The spiral, the point that was heard, and the stretch that q believes in",
    x: [-1.2, 1.2],
    y: [-1.2, 1.2],
    xLabel: "coordinate 1",
    yLabel: "coordinate 2",
    square: true,
  });
  const densities = fig.panel({
    label: "The posterior, and q",
    x: SHOWN,
    y: [0, 1],
    xLabel: "position z along the spiral",
    yLabel: "density",
    square: true,
  });

  let setting, p, now, q, optimiser, done;

  /** Take what is wanted, and stop a climb: it is the reader's turn. */
  function set(wanted) {
    loop.stop();
    place(wanted);
    optimiser = null;
  }

  function place(wanted) {
    setting = { ...setting, ...wanted };
    setting.mu = within(setting.mu, SHOWN);
    setting.s = within(setting.s, WIDTHS);
    if ("x" in wanted || "sigma" in wanted) {
      p = model(setting);
      densities.y.domain([0, 1.3 * p.posterior.reduce((a, b) => Math.max(a, b))]);
      bar.x.domain([p.log_p - BAR, p.log_p]);
    }
    now = fit(p, setting);
    [noise.value, way.value] = [setting.sigma, setting.down];
  }

  /** One step of the climb, with the gradient that chapter 6 estimates from samples. */
  function step() {
    if (!optimiser) {
      q = new Parameter(Matrix.from([[setting.mu, 2 * Math.log(setting.s)]]));
      [optimiser, done] = [new Adam(RATE), 0];
    }
    q.grad.data.set([-now.dmu, -now.dv]); // the optimiser goes down, we want up
    // In the second half the steps shrink, to come to rest on the summit.
    const fallen = Math.max(0, 2 * (done / STEPS) - 1);
    optimiser.learning_rate = RATE * 0.5 * (1 + Math.cos(Math.PI * fallen));
    optimiser.step([q]);
    place({ mu: q.value.data[0], s: Math.exp(q.value.data[1] / 2) });
    done += 1;
    if (done < STEPS) return true;
    optimiser = null;
    return false;
  }

  const noise = fig.slider({
    label: "noise sigma",
    min: 0.05,
    max: 0.4,
    step: 0.005,
    value: START.sigma,
    show: (v) => v.toFixed(3),
    onInput: (sigma) => set({ sigma }),
  });
  const way = fig.choice({
    label: "a climb lowers",
    options: WAYS,
    value: START.down,
    onInput: (down) => set({ down }),
  });
  const run = fig.button("Climb", () => {
    if (loop.running) return loop.stop();
    run.text = "Stop";
    loop.start();
  });
  const loop = fig.loop(() => step() && step(), { onStop: () => (run.text = "Climb") });

  const height = () => densities.y.domain()[1];
  plane.handle({
    label: "what was heard, x",
    at: () => setting.x,
    move: (...x) => set({ x }),
  });
  densities.handle({
    label: "mean of q",
    axis: "x",
    at: () => [setting.mu, 0.26 * height()],
    move: (mu) => set({ mu }),
    step: 0.05,
    show: () => fixed(setting.mu, 2),
  });
  densities.handle({
    label: "width of q",
    axis: "x",
    at: () => [setting.mu + setting.s, 0.1 * height()],
    move: (edge) => set({ s: edge - setting.mu }),
    step: 0.02,
    show: () => fixed(setting.s, 2),
  });
  const numbers = Object.fromEntries(
    ["log p(x)", "ELBO", "KL(q‖p)", "KL(p‖q)", "mean of q", "s"].map((name) => [
      name,
      fig.readout(name),
    ]),
  );

  set(START);
  fig.onDraw(() => {
    const { colours, ramp } = fig;
    const { x, sigma, mu, s } = setting;
    const shade = (z) => ramp((z - SHOWN[0]) / (SHOWN[1] - SHOWN[0]));
    const seen = Array.from({ length: 301 }, (_, i) => SHOWN[0] + (i / 300) * 6);

    plane.dots(seen.length, (i) => decode(seen[i]).at, { colour: (i) => shade(seen[i]) });
    const stretch = Array.from({ length: 61 }, (_, i) => decode(mu + s * (i / 30 - 1)).at);
    plane.line(stretch, { colour: colours.orange, width: 5 });
    plane.dots(1, () => decode(mu).at, { colour: colours.orange, radius: 7 });
    const circle = Array.from({ length: 91 }, (_, i) => {
      const angle = (Math.PI * i) / 45;
      return [x[0] + 2 * sigma * Math.cos(angle), x[1] + 2 * sigma * Math.sin(angle)];
    });
    plane.line(circle, { colour: colours.text, width: 1, dash: [2, 4] });

    const first = Math.round((SHOWN[0] - LEFT) / DZ);
    const count = Math.round((SHOWN[1] - SHOWN[0]) / DZ);
    for (let i = first; i < first + count; i += 4) {
      const [from, to] = [
        [Z[i], 0],
        [Z[i] + 4 * DZ, p.posterior[i + 2]],
      ];
      densities.rectangle(from, to, { colour: shade(Z[i]) });
    }
    const bell = (z) => Math.exp(-0.5 * ((z - mu) / s) ** 2) / (s * Math.sqrt(2 * Math.PI));
    const along = Array.from({ length: 601 }, (_, i) => SHOWN[0] + i / 100);
    const line = along.map((z) => [z, bell(z)]);
    densities.line(line, { colour: colours.orange, width: 3 });
    const bracket = [mu - s, mu + s].map((z) => [z, 0.1 * height()]);
    densities.line(bracket, { colour: colours.text, width: 1.5 });
    densities.text([mu + 0.2, 0.26 * height()], "mean", { colour: colours.text });
    densities.text([mu + s + 0.2, 0.1 * height()], "s", { colour: colours.text });

    const [end, border] = [p.log_p, Math.max(p.log_p - BAR, now.elbo)];
    bar.rectangle([end - BAR, 0], [border, 0.5], { colour: colours.blue });
    bar.rectangle([border, 0], [end, 0.5], { colour: colours.orange });
    bar.text([end - BAR, 0.8], `ELBO ${fixed(now.elbo, 2)}`, { colour: colours.blue });
    const rest = `+ gap ${fixed(now.gap, 2)} = log p(x) ${fixed(p.log_p, 2)}`;
    bar.text([end, 0.8], rest, { colour: colours.orange, align: "right" });

    numbers["log p(x)"].show(fixed(p.log_p, 2));
    numbers.ELBO.show(fixed(now.elbo, 2));
    numbers["KL(q‖p)"].show(fixed(now.gap, 2));
    numbers["KL(p‖q)"].show(fixed(now.reverse, 2));
    numbers["mean of q"].show(fixed(mu, 2));
    numbers.s.show(fixed(s, 2));
  });

  fig.ready({
    get state() {
      return structuredClone(setting);
    },
    set,
    reset: () => set(START),
    climb(steps = STEPS) {
      while (steps-- > 0 && step());
    },
    look: () => ({ ...now, log_p: p.log_p, mean: p.mean, variance: p.variance }),
  });
}
