// Chapter 8, the dial: two latents of a trained decoder, turned, and all that this changes.

import { Matrix } from "../engine/matrix.js";
import { figure, fixed, unpack } from "../kit.js";
import { SIDE, decoder, measures } from "./sliders.js";

const FACTORS = ["shape", "scale", "orientation", "posX", "posY"];
const STEPS = Array.from({ length: 7 }, (_, i) => (i - 3) / 2); // of a latent, to either side
const [REACH, RADIUS] = [3, 2.4];
const START = { angle: 45 };

/**
 * @param {HTMLElement} element the stage
 * @param {any} data the decoder's layers; the code of an ellipse; for each whole degree what the
 *   turned latents know (share of the factor's entropy), MIG and loss; codes of some pictures
 */
export function mount(element, { layers, middle, known, mig, loss, log_p, codes, place }) {
  const fig = figure(element);
  const network = decoder(layers);
  const [shares, cloud, where] = [known, codes, place].map(unpack);
  const highest = Math.max(...loss) - loss[0]; // of the arch
  let { angle } = START;
  let pictures;

  const dial = fig.panel({
    label: "The codes of 150 pictures, dark to light from left to right, and the two latents",
    x: [-REACH, REACH],
    y: [-REACH, REACH],
    square: true,
    bare: true,
  });
  const arch = fig.panel({
    label: "The loss and log p(x) against the angle",
    x: [0, 90],
    y: [-0.1, 0.5],
    xLabel: "angle psi [degrees]",
    yLabel: "nats more than as trained",
  });
  const rows = [1, 2].map((k) =>
    fig.panel({
      label: `What the decoder draws while latent ${k} goes from -1.5 to 1.5`,
      x: [0, STEPS.length],
      y: [0, 1],
      yLabel: `latent ${k}, from -1.5 to 1.5`,
      aspect: 1 / STEPS.length,
      wide: true,
      bare: true,
    }),
  );
  const matrix = fig.panel({
    label: "The share that each of the two latents knows of each factor",
    x: [0, FACTORS.length],
    y: [0, 3],
    yLabel: "what latent 1 (above) and latent 2 know of each factor",
    height: 116,
    wide: true,
    bare: true,
  });

  const slider = fig.slider({
    label: "angle psi",
    min: 0,
    max: 90,
    step: 1,
    value: angle,
    show: (v) => `${v}°`,
    onInput: (v) => set({ angle: v }),
  });
  dial.handle({
    label: "axis of latent 1",
    at: () => axes()[0].map((u) => RADIUS * u),
    move: (x, y) => set({ angle: (180 / Math.PI) * Math.atan2(Math.max(0, y), Math.max(0, x)) }),
    step: 0.15,
    show: () => `${angle} degrees`,
  });
  const names = ["MIG", "loss", "log p(x)", "latent 1, in pixels", "latent 2, in pixels"];
  const numbers = Object.fromEntries(names.map((name) => [name, fig.readout(name)]));

  /** The two directions in the decoder's own code plane, the rows of R. */
  function axes() {
    const [c, s] = [Math.cos, Math.sin].map((f) => f((angle * Math.PI) / 180));
    return [
      [c, s],
      [-s, c],
    ];
  }

  /** To move a turned latent is to move both of the decoder's own: turn back, then decode. */
  function set(wanted) {
    angle = slider.value = Math.round(wanted.angle);
    const z = axes().flatMap(([a, b]) =>
      STEPS.map((t) => [middle[0] + t * a, middle[1] + t * b, middle[2]]),
    );
    const drawn = network.forward(Matrix.from(z)); // (14, 1024)
    pictures = z.map((_, i) => drawn.row(i));
  }

  /** How far a latent moves the sprite from its first picture to its last, in pixels. */
  function moves(k) {
    const [from, to] = [0, STEPS.length - 1].map((i) => measures(pictures[k * STEPS.length + i]));
    return { across: to.x - from.x, down: to.y - from.y };
  }

  const look = () => ({
    mig: mig[angle],
    loss: loss[angle],
    known: [0, 1].map((k) => FACTORS.map((_, j) => shares[(2 * angle + k) * FACTORS.length + j])),
    moves: [moves(0), moves(1)],
  });

  set(START);
  fig.onDraw(() => {
    const { colours, ramp } = fig;
    const hues = [colours.vermillion, colours.blue]; // latent 1 has the handle's
    const seen = look();
    dial.dots(where.length, (i) => [cloud[2 * i], cloud[2 * i + 1]], {
      colour: (i) => ramp(where[i] / (SIDE - 1)),
    });
    axes().forEach(([a, b], k) => {
      dial.line(
        [
          [-RADIUS * a, -RADIUS * b],
          [RADIUS * a, RADIUS * b],
        ],
        { colour: hues[k] },
      );
      const at = [RADIUS * a, RADIUS * b + 0.42]; // above the handle: the line goes down from it
      dial.text(at, `latent ${k + 1}`, { colour: colours.text, align: "center" });
    });

    arch.line(
      loss.map((nats, at) => [at, nats - loss[0]]),
      { colour: colours.vermillion },
    );
    const flat = [0, 90].map((at) => [at, 0]);
    arch.line(flat, { colour: colours.blue });
    const more = loss[angle] - loss[0];
    arch.line(
      [
        [angle, 0],
        [angle, more],
      ],
      { colour: colours.muted, dash: [4, 4], width: 1.5 },
    );
    arch.dots(1, () => [angle, more], { colour: colours.vermillion, radius: 7 });
    arch.dots(1, () => [angle, 0], { colour: colours.blue, radius: 7 });
    arch.text([45, highest + 0.04], "loss", { colour: colours.text, align: "center" });
    arch.text([45, -0.04], "-log p(x)", { colour: colours.text, align: "center" });

    rows.forEach((panel, k) =>
      STEPS.forEach((_, i) => {
        const [from, to] = [
          [i + 0.02, 0],
          [i + 0.98, 1],
        ];
        const picture = pictures[k * STEPS.length + i];
        panel.image(picture, { rows: SIDE, cols: SIDE, from, to });
      }),
    );
    FACTORS.forEach((name, j) => {
      matrix.text([j + 0.5, 2.5], name, { colour: colours.muted, align: "center" });
      seen.known.forEach((row, k) => {
        const y = 1 - k;
        matrix.rectangle([j + 0.02, y + 0.16], [j + 0.98, y + 0.34], { colour: colours.faint });
        const end = j + 0.02 + 0.96 * row[j];
        matrix.rectangle([j + 0.02, y + 0.16], [end, y + 0.34], { colour: hues[k] });
        const style = { colour: colours.text, align: "center" };
        matrix.text([j + 0.5, y + 0.66], fixed(row[j], 2), style);
      });
    });

    numbers.MIG.show(fixed(seen.mig, 3));
    numbers.loss.show(`${fixed(seen.loss, 2)} nats`);
    numbers["log p(x)"].show(`${fixed(log_p, 1)} nats`);
    seen.moves.forEach(({ across, down }, k) =>
      numbers[`latent ${k + 1}, in pixels`].show(
        `${fixed(across, 1)} across, ${fixed(down, 1)} down`,
      ),
    );
  });
  fig.ready({
    get state() {
      return { angle };
    },
    set,
    reset: () => set(START),
    look: () => ({ ...look(), pictures: pictures.map((picture) => [...picture]) }),
  });
}
