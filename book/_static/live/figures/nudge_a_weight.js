// Chapter 2, nudge one weight: the smallest autoencoder there is, its numbers forwards and
// backwards, and the change of the loss that a derivative promises beside the one that comes.

import { figure, fixed } from "../kit.js";

const START = { x: 2, v: 0.5, w: 1, weight: "v", nudge: 0 };
const REACH = 3; // of the nudge, to either side

/** eq-one-number, forwards and backwards. */
function autoencoder({ x, v, w }) {
  const z = x * v;
  const x_hat = z * w;
  const L = (x_hat - x) ** 2;
  const dx_hat = 2 * (x_hat - x);
  const dw = z * dx_hat;
  const dz = dx_hat * w;
  const dv = x * dz;
  return { z, x_hat, L, dx_hat, dw, dz, dv };
}

/** @param {HTMLElement} element the stage */
export function mount(element) {
  const fig = figure(element);
  const flow = fig.panel({
    label: "What flows forwards and backwards between x and the loss L",
    x: [-0.5, 5.5],
    y: [-1, 1],
    bare: true,
    wide: true,
    height: 130,
  });
  const hill = fig.panel({
    label: "The loss against the nudge of one weight, and the straight line of its derivative",
    x: [-REACH, REACH],
    y: [-4, 8],
    xLabel: "nudge of the weight",
    yLabel: "loss L",
    wide: true,
    height: 240,
  });

  let state, now, after, top;

  function set(wanted) {
    state = { ...state, ...wanted };
    now = autoencoder(state);
    after = autoencoder({ ...state, [state.weight]: state[state.weight] + state.nudge });
    for (top = 8; top < 1.5 * now.L;) top *= 2; // room for the loss, in few sizes
    hill.y.domain([-top / 2, top]);
    for (const [name, slider] of Object.entries(sliders)) slider.value = state[name];
    which.value = state.weight;
  }

  const slider = (name, label, reach, step) =>
    fig.slider({
      label,
      min: -reach,
      max: reach,
      step,
      value: START[name],
      show: (value) => fixed(value, 2),
      onInput: (value) => set({ [name]: value }),
    });
  const sliders = {
    x: slider("x", "x", 2, 0.1),
    v: slider("v", "v", 2, 0.1),
    w: slider("w", "w", 2, 0.1),
  };
  const which = fig.choice({
    label: "weight to nudge",
    options: ["v", "w"],
    value: START.weight,
    onInput: (weight) => set({ weight, nudge: 0 }),
  });
  sliders.nudge = slider("nudge", "nudge", REACH, 0.01);

  const names = ["L", "∂L/∂v", "∂L/∂w", "predicted change", "actual change"];
  const numbers = Object.fromEntries(names.map((name) => [name, fig.readout(name)]));

  const slope = () => now[`d${state.weight}`];
  const lossAt = (nudge) =>
    autoencoder({ ...state, [state.weight]: state[state.weight] + nudge }).L;
  hill.handle({
    label: "nudge along the curve",
    axis: "x",
    at: () => [state.nudge, Math.min(after.L, top)],
    move: (nudge) => set({ nudge: Math.round(nudge * 100) / 100 }),
    step: 0.01,
    show: () => `nudge ${fixed(state.nudge, 2)}, loss ${fixed(after.L, 2)}`,
  });
  set(START);

  function drawFlow() {
    const { colours } = fig;
    const [forwards, backwards] = [{ colour: colours.blue }, { colour: colours.vermillion }];
    const nodes = [
      ["x", state.x, null],
      ["z", now.z, now.dz],
      ["x̂", now.x_hat, now.dx_hat],
      ["L", now.L, null],
    ];
    const weights = [
      ["v", state.v, now.dv],
      ["w", state.w, now.dw],
    ];
    const centred = (style) => ({ ...style, align: /** @type {CanvasTextAlign} */ ("center") });
    const write = (x, y, words, style) => flow.text([x, y], words, centred(style));
    nodes.forEach(([name, value, derivative], i) => {
      const x = [0, 2, 4, 5.1][i];
      write(x, 0, name, { colour: colours.text });
      write(x, 0.55, fixed(value, 2), forwards);
      if (derivative !== null) write(x, -0.6, fixed(derivative, 2), backwards);
      if (i === 3) return;
      const next = [0, 2, 4, 5.1][i + 1];
      flow.arrow([x + 0.25, 0.12], [next - 0.25, 0.12], { ...forwards, width: 1.5 });
      if (i > 0) flow.arrow([next - 0.25, -0.12], [x + 0.25, -0.12], { ...backwards, width: 1.5 });
    });
    weights.forEach(([name, value, derivative], i) => {
      const x = 1 + 2 * i;
      const nudged = name === state.weight;
      write(x, 0.55, `${name} ${fixed(value, 2)}`, {
        colour: nudged ? colours.text : colours.blue,
      });
      write(x, -0.6, fixed(derivative, 2), backwards);
    });
  }

  fig.onDraw(() => {
    const { colours } = fig;
    drawFlow();
    const steps = Array.from({ length: 121 }, (_, i) => REACH * (i / 60 - 1));
    const promised = (nudge) => now.L + slope() * nudge;
    const { nudge } = state;
    hill.line(
      [
        [-REACH, 0],
        [REACH, 0],
      ],
      { colour: colours.faint, width: 1 },
    );
    hill.line(
      steps.map((h) => [h, lossAt(h)]),
      { colour: colours.blue },
    );
    hill.line(
      [
        [-REACH, promised(-REACH)],
        [REACH, promised(REACH)],
      ],
      {
        colour: colours.vermillion,
        dash: [6, 4],
        width: 1.5,
      },
    );
    hill.line(
      [
        [nudge, promised(nudge)],
        [nudge, after.L],
      ],
      { colour: colours.text, width: 3 },
    );
    // No loss is below 0, and the straight line comes down on the other side.
    const side = slope() > 0 ? 1 : -1;
    const align = /** @type {CanvasTextAlign} */ (slope() > 0 ? "right" : "left");
    hill.text([side * 0.95 * REACH, -0.2 * top], "loss", { colour: colours.blue, align });
    const promise = { colour: colours.vermillion, align };
    hill.text([side * 0.95 * REACH, -0.35 * top], "as the derivative promises", promise);
    hill.dots(1, () => [0, now.L], { colour: colours.text, radius: 5 });

    numbers.L.show(fixed(now.L, 4));
    numbers["∂L/∂v"].show(fixed(now.dv, 2));
    numbers["∂L/∂w"].show(fixed(now.dw, 2));
    numbers["predicted change"].show(fixed(slope() * nudge, 4));
    numbers["actual change"].show(fixed(after.L - now.L, 4));
  });

  fig.ready({
    get state() {
      return { ...state, ...now, predicted: slope() * state.nudge, actual: after.L - now.L };
    },
    set,
    reset: () => set(START),
  });
}
