// The landing page: the sliders of a trained decoder, which plays by itself until it is touched.

import { Dense, Sequential } from "../engine/layers.js";
import { Matrix } from "../engine/matrix.js";
import { Generator } from "../engine/random.js";
import { figure, fixed, unpack, wantsStillness } from "../kit.js";

export const SIDE = 32; // pixels
const ACTIVATIONS = ["relu", "relu", "identity", "sigmoid"];
const ROUND = 4000; // milliseconds in which one slider goes up, down and back

/** The decoder that book/figures/sliders.py has written: latents (N, 3) to pictures (N, 1024). */
export function decoder(layers) {
  const made = layers.map(({ W, b }, i) => {
    const layer = new Dense(W.shape[0], W.shape[1], ACTIVATIONS[i], new Generator());
    layer.W.value.data.set(unpack(W));
    layer.b.value.data.set(unpack(b));
    return layer;
  });
  return new Sequential(made);
}

/** How much white there is, and its middle, in pixels from the left and from the top. */
export function measures(picture) {
  let [white, x, y] = [0, 0, 0];
  picture.forEach((p, i) => {
    white += p;
    x += p * ((i % SIDE) + 0.5);
    y += p * (Math.floor(i / SIDE) + 0.5);
  });
  return { white, x: x / white, y: y / white };
}

/** @param {HTMLElement} element the stage @param {any} data as book/figures/sliders.py writes it */
export function mount(element, { layers, latents, reach }) {
  const fig = figure(element);
  const network = decoder(layers);
  const START = latents.map(() => 0);
  let z = [...START];
  let picture;

  const screen = fig.panel({
    label: "The picture that the decoder draws from the sliders",
    x: [0, SIDE],
    y: [0, SIDE],
    square: true,
    bare: true,
  });
  const sliders = latents.map((_, k) =>
    fig.slider({
      label: `latent ${k + 1}`,
      min: -reach,
      max: reach,
      step: 0.02,
      value: 0,
      show: (v) => fixed(v, 2),
      onInput: (v) => {
        loop.stop();
        put(z.map((old, i) => (i === k ? v : old)));
      },
    }),
  );
  const [across, down, white] = ["from left", "from top", "white"].map((name) => fig.readout(name));

  function put(wanted) {
    z = wanted.map((v) => Math.min(reach, Math.max(-reach, v)));
    z.forEach((v, k) => (sliders[k].value = v));
    picture = network.forward(Matrix.from([z])).data;
  }

  let last, played;
  const loop = fig.loop(
    (now) => {
      played += Math.min(50, now - (last ?? now)); // it waits while nobody can see it
      last = now;
      const turn = Math.floor(played / ROUND) % z.length;
      const angle = (2 * Math.PI * (played % ROUND)) / ROUND;
      put(START.map((v, k) => (k === turn ? v + 0.85 * reach * Math.sin(angle) : v)));
      return true;
    },
    { onStop: () => (play.text = "Play") },
  );
  function begin() {
    [last, played] = [undefined, 0];
    play.text = "Pause";
    loop.start();
  }
  const play = fig.button("Play", () => (loop.running ? loop.stop() : begin()));
  for (const touch of ["pointerdown", "focusin"]) {
    element.addEventListener(touch, ({ target }) => target !== play.button && loop.stop());
  }

  put(START);
  fig.onDraw(() => {
    screen.image(picture, { rows: SIDE, cols: SIDE });
    const seen = measures(picture);
    across.show(fixed(seen.x, 1));
    down.show(fixed(seen.y, 1));
    white.show(`${fixed(seen.white, 1)} pixels`);
  });
  function show(wanted) {
    loop.stop();
    put(wanted);
  }
  fig.ready({
    get state() {
      return { z: [...z], playing: loop.running };
    },
    set: ({ z: wanted }) => show(wanted),
    reset: () => show(START),
    look: () => ({ picture: [...picture], ...measures(picture) }),
  });
  if (!wantsStillness()) begin();
}
