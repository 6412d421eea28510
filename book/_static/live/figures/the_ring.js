// Chapter 9, the last slider: two latents in which the decoder turns an ellipse, and three more that
// move and size it. What is read off the picture is left standing, so that a turn can be judged.

import { ConvTranspose2D } from "../engine/convolution.js";
import { Dense, sigmoid } from "../engine/layers.js";
import { Matrix, map } from "../engine/matrix.js";
import { Generator } from "../engine/random.js";
import { figure, fixed, unpack } from "../kit.js";

const SIDE = 32; // pixels
const TURN = 360; // degrees of the ring
const START = { angle: 45, sliders: [0.5, 0.5, 1] };

/** The chapter's decoder, from the latents that are moved to a picture. */
function decoder({ dense, awake, up }) {
  const [first, second] = dense.map(({ W, b, activation }) => {
    const layer = new Dense(W.shape[0], W.shape[1], activation, new Generator());
    layer.W.value.data.set(unpack(W));
    layer.b.value.data.set(unpack(b));
    return layer;
  });
  const layers = up.map(({ shape_out, channels, kernel_size, activation, W, b, ...options }) => {
    const layer = new ConvTranspose2D(shape_out, channels, kernel_size, activation, options);
    layer.W.value.data.set(unpack(W));
    layer.b.value.data.set(unpack(b));
    return layer;
  });
  const width = layers[0].shape_in.reduce((a, b) => a * b, 1);
  return (z) => {
    const h = second.forward(first.forward(Matrix.from([z]))).data;
    const x = new Matrix(1, width); // the units that no picture here wakes stay 0
    awake.forEach((unit, i) => (x.data[unit] = h[i]));
    return map(
      sigmoid,
      layers.reduce((x, layer) => layer.forward(x), x),
    ).data;
  };
}

/**
 * What a picture shows: how much white, its middle [pixels from the left, from the top], its slant
 * [degrees from the horizontal, counter-clockwise], along which the white spreads most.
 */
function measures(picture) {
  const mean = (f) => {
    let sum = 0;
    picture.forEach((p, i) => (sum += p * f((i % SIDE) + 0.5, Math.floor(i / SIDE) + 0.5)));
    return sum / white;
  };
  const white = picture.reduce((a, b) => a + b, 0);
  const [x, y] = [mean((x) => x), mean((_, y) => y)];
  const across = mean((u) => (u - x) ** 2);
  const down = mean((_, v) => (v - y) ** 2);
  const mixed = mean((u, v) => (u - x) * (v - y));
  const slant = (Math.atan2(-2 * mixed, across - down) * 90) / Math.PI;
  return { white, x, y, slant: (slant + 180) % 180 };
}

/** @param {HTMLElement} element the stage @param {any} data ring, codes, movers and the decoder */
export function mount(element, data) {
  const network = decoder(data);
  const codes = unpack(data.codes); // (351, 2)
  const [centre, cosine, sine] = data.ring;

  const fig = figure(element);
  const edge = 1.1 * codes.reduce((most, z) => Math.max(most, Math.abs(z)), 0);
  const plane = fig.panel({
    label: "The plane of the two latents, with the ring of the ellipses' codes",
    x: [-edge, edge],
    y: [-edge, edge],
    xLabel: `latent ${data.pair[0]}`,
    yLabel: `latent ${data.pair[1]}`,
    square: true,
  });
  const screen = fig.panel({
    label: "What the decoder draws, its longest direction, and where its middle has been",
    x: [0, SIDE],
    y: [0, SIDE],
    square: true,
    bare: true,
  });
  const record = fig.panel({
    label: "The slant of the ellipse against the way round the ring, as far as it was turned",
    x: [0, TURN],
    y: [0, 180],
    xLabel: "way round the ring [degrees]",
    yLabel: "slant of the ellipse [degrees]",
    wide: true,
    height: 190,
  });

  let state, picture, seen, past; // past: whole degree of the ring: what was seen there
  /** The point of the ring at an angle [degrees]. */
  function onRing(angle) {
    const [c, s] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
    return [0, 1].map((k) => centre[k] + c * cosine[k] + s * sine[k]);
  }
  /** The angle whose point lies in the direction of a point of the plane. */
  function angleOf(...point) {
    const [u, v] = point.map((z, k) => z - centre[k]);
    const area = cosine[0] * sine[1] - cosine[1] * sine[0]; // negative if the ring runs clockwise
    const [s, c] = [cosine[0] * v - cosine[1] * u, sine[1] * u - sine[0] * v];
    const angle = Math.atan2(s / area, c / area);
    return ((angle * 180) / Math.PI + TURN) % TURN;
  }
  const latents = () =>
    data.movers.map(({ ends }, i) => ends[0] + state.sliders[i] * (ends[1] - ends[0]));
  function set(wanted) {
    state = { ...state, ...wanted };
    if (wanted.sliders) past = new Map(); // another place: another turn
    round.value = state.angle;
    sliders.forEach((slider, i) => (slider.value = state.sliders[i]));
    picture = network([...onRing(state.angle), ...latents()]);
    seen = measures(picture);
    past.set(Math.round(state.angle), seen);
  }
  /** How far [pixels] the middle has been from where the turn began. */
  function wandered() {
    const [first, ...rest] = past.values();
    return Math.max(0, ...rest.map(({ x, y }) => Math.hypot(x - first.x, y - first.y)));
  }

  const round = fig.slider({
    label: "round the ring",
    min: 0,
    max: TURN,
    step: 1,
    value: START.angle,
    show: (v) => `${fixed(v, 0)}°`,
    onInput: (angle) => set({ angle }),
  });
  const sliders = data.movers.map(({ name, latent, ends }, i) =>
    fig.slider({
      label: `${name}, latent ${latent}`,
      min: 0,
      max: 1,
      step: 0.02,
      value: START.sliders[i],
      show: (u) => fixed(ends[0] + u * (ends[1] - ends[0]), 2),
      onInput: (u) => set({ sliders: state.sliders.map((old, k) => (k === i ? u : old)) }),
    }),
  );
  plane.handle({
    label: "the two latents",
    at: () => onRing(state.angle),
    move: (...point) => set({ angle: angleOf(...point) }),
    step: edge / 15,
    show: () => `${fixed(state.angle, 0)} degrees round the ring`,
  });
  const names = ["slant", "middle", "middle has wandered", "white"];
  const [slant, middle, way, white] = names.map((name) => fig.readout(name));

  set(START);
  fig.onDraw(() => {
    const { colours } = fig;
    const { x, y } = seen;
    plane.dots(codes.length / 2, (i) => [codes[2 * i], codes[2 * i + 1]], {
      colour: colours.faint,
      radius: 2,
    });
    plane.line(
      Array.from({ length: 61 }, (_, i) => onRing(6 * i)),
      { colour: colours.blue },
    );
    screen.image(picture, { rows: SIDE, cols: SIDE });
    const direction = [Math.cos, Math.sin].map((f) => 5 * f((seen.slant * Math.PI) / 180));
    const ends = [-1, 1].map((s) => [x + s * direction[0], SIDE - y + s * direction[1]]);
    screen.line(ends, { colour: colours.vermillion });
    const been = [...past];
    screen.dots(been.length, (i) => [been[i][1].x, SIDE - been[i][1].y], {
      colour: colours.blue,
      radius: 2,
    });
    record.dots(been.length, (i) => [been[i][0], been[i][1].slant], { colour: colours.blue });
    record.dots(1, () => [state.angle, seen.slant], { colour: colours.vermillion, radius: 6 });

    slant.show(`${fixed(seen.slant, 1)}°`);
    middle.show(`${fixed(x, 1)} from left, ${fixed(y, 1)} from top`);
    way.show(`${fixed(wandered(), 2)} pixels`);
    white.show(`${fixed(seen.white, 1)} pixels`);
  });
  fig.ready({
    get state() {
      return structuredClone(state);
    },
    set,
    reset: () => set(START),
    look: () => ({ picture: [...picture], wandered: wandered(), ...seen }),
  });
}
