// Chapter 7, the code plane: one digit drawn where the finger is, by an autoencoder or a VAE.

import { Matrix } from "../engine/matrix.js";
import { sigmoid, stack } from "../engine/layers.js";
import { Generator } from "../engine/random.js";
import { figure, fixed, unpack } from "../kit.js";

const SIDE = 8; // pixels
const REACH = 3; // standard deviations to each side
const PLACES = ["autoencoder", "VAE"];
const PICTURES = ["mean", "draw"];
const START = { decoder: PLACES[0], picture: PICTURES[0], at: [0, 0], seed: 1 };

/** A decoder from 2 latents to 64 logits, with the widths and weights that Python trained. */
function decoder(weights) {
  const matrices = weights.filter(({ shape }) => shape.length === 2);
  const widths = [...matrices.map(({ shape }) => shape[0]), SIDE * SIDE];
  const network = stack(widths, "tanh", new Generator());
  return network.load(weights.map((packed) => [Array.from(unpack(packed))]));
}

/** Pictures of 64 black and white pixels, 16 hexadecimal digits each, as two whole numbers. */
const bits = (text) => text.match(/.{8}/g).map((half) => parseInt(half, 16));

/** How many bits of a whole number are set. */
function count(word) {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * The real digit that a black and white picture resembles most.
 * @param {boolean[]} white 64 pixels
 * @param {number[]} digits two numbers each
 * @returns {{off: number, differs: (pixel: number) => boolean}}
 */
function nearest(white, digits) {
  const half = (start) => white.slice(start, start + 32).reduce((w, on) => (w << 1) | on, 0);
  const [high, low] = [half(0), half(32)];
  let [off, best] = [Infinity, 0];
  for (let i = 0; i < digits.length; i += 2) {
    const differing = count(digits[i] ^ high) + count(digits[i + 1] ^ low);
    if (differing < off) [off, best] = [differing, i];
  }
  const words = [digits[best] ^ high, digits[best + 1] ^ low];
  return { off, differs: (pixel) => ((words[pixel >> 5] >>> (31 - (pixel & 31))) & 1) === 1 };
}

/** @param {HTMLElement} element the stage @param {any} data the two models and the digits */
export function mount(element, data) {
  const models = Object.fromEntries(
    PLACES.map((name) => {
      const { weights, centre, width, codes } = data[name];
      return [name, { network: decoder(weights), centre, width, codes: unpack(codes) }];
    }),
  );
  const digits = bits(data.digits);

  const fig = figure(element);
  const plane = fig.panel({
    label: "The plane of the two latents; each numeral is a held-out digit at its code",
    x: [-REACH, REACH],
    y: [-REACH, REACH],
    xLabel: "latent 1, in standard deviations",
    yLabel: "latent 2, in standard deviations",
    square: true,
  });
  const page = fig.panel({
    label: "The digit that the decoder draws at the chosen code",
    x: [0, SIDE],
    y: [0, SIDE],
    square: true,
    bare: true,
  });

  let setting, noise;

  function set(wanted) {
    setting = { ...setting, ...wanted };
    [which.value, how.value] = [setting.decoder, setting.picture];
    const rng = new Generator(setting.seed);
    noise = Float64Array.from({ length: SIDE * SIDE }, () => rng.random());
  }

  /** What is drawn at the place: chances, pixels, and how far off they are. */
  function look() {
    const { network, centre, width } = models[setting.decoder];
    const code = setting.at.map((u, k) => centre[k] + u * width[k]);
    const p = Array.from(network.forward(Matrix.from([code])).data, sigmoid);
    const draws = setting.picture === PICTURES[1];
    // The noise stays while the code moves, so that what changes is the code's doing.
    const white = p.map((chance, j) => (draws ? noise[j] : 0.5) < chance);
    const open = p.reduce((total, chance) => total + Math.min(chance, 1 - chance), 0);
    const flipped = white.filter((on, j) => on !== p[j] > 0.5).length;
    return { code, p, white, open, flipped, shown: draws ? white : p, ...nearest(white, digits) };
  }

  const which = fig.choice({
    label: "decoder",
    options: PLACES,
    value: START.decoder,
    onInput: (decoder) => set({ decoder }),
  });
  const how = fig.choice({
    label: "picture",
    options: PICTURES,
    value: START.picture,
    onInput: (picture) => set({ picture }),
  });
  fig.button("Draw again", () => set({ picture: PICTURES[1], seed: setting.seed + 1 }));

  const numbers = Object.fromEntries(
    ["code", "off any digit", "left open", "flipped"].map((name) => [name, fig.readout(name)]),
  );
  plane.onPick((...at) => set({ at: at.map((u) => Math.min(REACH, Math.max(-REACH, u))) }));
  plane.handle({
    label: "code",
    at: () => setting.at,
    move: (...at) => set({ at }),
    step: 0.1,
  });

  set(START);
  fig.onDraw(() => {
    const { colours } = fig;
    const hues = ["blue", "orange", "green", "vermillion", "purple"].map((hue) => colours[hue]);
    const { codes } = models[setting.decoder];
    data.labels.forEach((digit, i) =>
      plane.text([codes[2 * i], codes[2 * i + 1]], String(digit), {
        colour: hues[digit % 5],
        align: "center",
      }),
    );
    const { code, open, off, flipped, shown, differs } = look();
    page.image(shown, { rows: SIDE, cols: SIDE });
    const centres = Array.from(shown, (_, j) => [(j % SIDE) + 0.5, SIDE - 0.5 - (j >> 3)]);
    const wrong = centres.filter((_, j) => differs(j));
    page.dots(wrong.length, (i) => wrong[i], { colour: colours.vermillion, radius: 4 });

    numbers.code.show(`(${code.map((z) => fixed(z, 2)).join(", ")})`);
    numbers["off any digit"].show(`${off} pixels`);
    numbers["left open"].show(`${fixed(open, 1)} pixels`);
    numbers.flipped.show(setting.picture === PICTURES[1] ? `${flipped} pixels` : "none: the mean");
  });

  fig.ready({
    get state() {
      return structuredClone(setting);
    },
    set,
    reset: () => set(START),
    look() {
      const { differs, ...seen } = look();
      return { ...seen, noise: [...noise] };
    },
  });
}
