// Chapter 4, rub out a digit: make a hole, and see what network, PCA and mean image fill in.

import { sigmoid, stack } from "../engine/layers.js";
import { Matrix } from "../engine/matrix.js";
import { Generator } from "../engine/random.js";
import { figure, fixed, grey, unpack } from "../kit.js";

const [SIDE, BLOCK, HIDDEN] = [8, 4, -1];
const BRUSHES = ["4 × 4 hole", "one pixel", "ink"];
const ANSWERS = ["network", "PCA", "mean image"];
const START = { digit: 9, brush: BRUSHES[0], at: [2, 4], shown: false };
const WIDTHS = [SIDE * SIDE, 256, SIDE * SIDE];

/** Solve A c = b for a symmetric, positive definite A, by A = L L.T. @param {number[][]} A */
function solve(A, b) {
  const [L, c] = [A.map((row) => [...row]), [...b]];
  const known = (i, j) => L[j].slice(0, j).reduce((sum, l, k) => sum + l * L[i][k], 0);
  for (let i = 0; i < c.length; i++) {
    for (let j = 0; j < i; j++) L[i][j] = (A[i][j] - known(i, j)) / L[j][j];
    L[i][i] = Math.sqrt(A[i][i] - known(i, i));
  }
  for (let i = 0; i < c.length; i++) {
    for (let j = 0; j < i; j++) c[i] -= L[i][j] * c[j];
    c[i] /= L[i][i];
  }
  for (let i = c.length - 1; i >= 0; i--) {
    for (let j = i + 1; j < c.length; j++) c[i] -= L[j][i] * c[j];
    c[i] /= L[i][i];
  }
  return c;
}

/** What PCA makes of a damaged picture: the chapter's pca_inpainting. @param {number[]} damaged */
function pca_inpainting(damaged, { directions, variances, mean, rho }) {
  const seen = damaged.flatMap((pixel, j) => (pixel === HIDDEN ? [] : [j]));
  const U_v = directions.map((u) => Float64Array.from(seen, (j) => u[j]));
  const x_v = Float64Array.from(seen, (j) => damaged[j] - mean[j]);
  const dot = (a, b) => {
    let sum = 0;
    for (let j = 0; j < a.length; j++) sum += a[j] * b[j];
    return sum;
  };
  const A = U_v.map((u, i) => U_v.map((v, k) => dot(u, v) + (i === k ? rho / variances[i] : 0)));
  const right = U_v.map((u) => dot(u, x_v));
  const c = solve(A, right);
  return Array.from(mean, (m, j) =>
    Math.min(1, Math.max(0, m + c.reduce((sum, c_i, i) => sum + c_i * directions[i][j], 0))),
  );
}

/** The chapter's hole_error: root mean square over the hole, or null if there is none. */
function hole_error(x, x_hat, hole) {
  if (!hole.length) return null;
  return Math.sqrt(hole.reduce((sum, j) => sum + (x_hat[j] - x[j]) ** 2, 0) / hole.length);
}

/** The pixels of a hole of 4 x 4 around a place, as far in the middle as the picture allows. */
function block([row, column]) {
  const first = (at) => Math.min(SIDE - BLOCK, Math.max(0, at - 1));
  const [top, left] = [first(row), first(column)];
  const pixels = Array.from({ length: BLOCK * BLOCK }, (_, i) => [top + (i >> 2), left + (i & 3)]);
  return { top, left, pixels: pixels.map(([i, j]) => SIDE * i + j) };
}

/** @param {HTMLElement} element the stage @param {any} data digits, network and PCA */
export function mount(element, data) {
  const load = (packed) =>
    stack(WIDTHS, "relu", new Generator()).load(packed.map((p) => [Array.from(unpack(p))]));
  const [encoder, decoder] = [load(data.encoder), load(data.decoder)];
  const rows = (packed) => new Matrix(...packed.shape, unpack(packed)).toRows();
  const pictures = rows(data.pictures); // (10, 64)
  const pca = {
    directions: rows(data.directions), // (k, 64)
    variances: unpack(data.variances),
    mean: unpack(data.mean),
    rho: data.rho,
  };

  const fig = figure(element);
  const page = fig.panel({
    label: "The digit, with the hole in blue",
    x: [0, SIDE],
    y: [0, SIDE],
    square: true,
    bare: true,
  });
  const wall = fig.panel({
    label: "What network, PCA and mean image fill in, and the original",
    x: [0, 19],
    y: [0, 19],
    square: true,
    bare: true,
  });

  let state, hidden, inked, stroke; // stroke: what the brush does until it is lifted
  function set(wanted) {
    const fresh = "digit" in wanted && wanted.digit !== state?.digit;
    state = { ...state, ...(fresh ? { shown: false } : {}), ...wanted };
    if (fresh) inked = new Map(); // pixel: its ink; the hole stays
    if (wanted.hidden) hidden = new Set(wanted.hidden);
    [digits.value, brush.value] = [state.digit, state.brush];
    ask.text = state.shown ? "Hide the original" : "Show the original";
  }
  const reset = () => set({ ...START, hidden: block(START.at).pixels });

  /** The picture as it is seen, and what each of the three makes of it. */
  function look() {
    const x = pictures[state.digit];
    const damaged = x.map((pixel, j) => (hidden.has(j) ? HIDDEN : (inked.get(j) ?? pixel)));
    const logits = decoder.forward(encoder.forward(Matrix.from([damaged]))).data;
    const answers = [
      Array.from(logits, sigmoid),
      pca_inpainting(damaged, pca),
      Array.from(pca.mean),
    ];
    const filled = answers.map((answer) => damaged.map((v, j) => (hidden.has(j) ? answer[j] : v)));
    const hole = [...hidden];
    return { x, damaged, filled, errors: filled.map((x_hat) => hole_error(x, x_hat, hole)) };
  }

  /** Put the brush down at (row, column), or move it there. */
  function paint(at, begins) {
    const pixel = SIDE * at[0] + at[1];
    state.at = at;
    if (state.brush === BRUSHES[0]) return (hidden = new Set(block(at).pixels));
    // The first pixel of a stroke says whether it hides or brings back, whether it is white or black.
    if (begins && state.brush === BRUSHES[1]) stroke = hidden.has(pixel) ? "back" : "away";
    if (begins && state.brush === BRUSHES[2]) {
      const ink = inked.get(pixel) ?? pictures[state.digit][pixel];
      stroke = !hidden.has(pixel) && ink > 0.5 ? 0 : 1;
    }
    if (stroke === "away") return hidden.add(pixel);
    hidden.delete(pixel);
    if (stroke === "back") inked.delete(pixel);
    else inked.set(pixel, stroke);
  }

  const digits = fig.slider({
    label: "digit",
    min: 0,
    max: pictures.length - 1,
    step: 1,
    value: START.digit,
    onInput: (digit) => set({ digit }),
  });
  const brush = fig.choice({
    label: "brush",
    options: BRUSHES,
    value: START.brush,
    onInput: (chosen) => set({ brush: chosen }),
  });
  const ask = fig.button("Show the original", () => set({ shown: !state.shown }));

  const cell = (x, y) => [SIDE - y, x].map((v) => Math.min(SIDE - 1, Math.max(0, Math.floor(v))));
  page.onPaint((x, y, begins) => paint(cell(x, y), begins));
  const cursor = page.handle({
    label: "cursor; Space paints",
    at: () => [state.at[1] + 0.5, SIDE - state.at[0] - 0.5],
    move: (x, y) => set({ at: cell(x, y) }),
    step: 1,
    show: () => {
      const pixel = SIDE * state.at[0] + state.at[1];
      const seen = hidden.has(pixel) ? "hidden" : fixed(look().damaged[pixel], 2);
      return `row ${state.at[0] + 1}, column ${state.at[1] + 1}: ${seen}`;
    },
  });
  cursor.attr("class", "live-handle live-cursor").on("keydown.paint", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    paint(state.at, true);
    fig.redraw();
  });
  const numbers = ["hidden pixels", ...ANSWERS.map((name) => `error, ${name}`)].map((name) =>
    fig.readout(name),
  );

  reset();
  fig.onDraw(() => {
    const { colours } = fig;
    const { x, damaged, filled, errors } = look();
    page.image(damaged, {
      rows: SIDE,
      cols: SIDE,
      colour: (v) => (v === HIDDEN ? colours.sky : grey(v)),
    });
    const hole = state.brush === BRUSHES[0];
    const { top, left } = hole ? block(state.at) : { top: state.at[0], left: state.at[1] };
    outline(page, [left, SIDE - top], hole ? BLOCK : 1, colours.vermillion);

    const best = Math.min(...errors);
    [...ANSWERS, "original"].forEach((name, i) => {
      const from = [i % 2 ? 10.2 : 0.4, i < 2 ? 9.9 : 0.2];
      const to = from.map((v) => v + 8.4);
      const leads = errors[i] !== null && errors[i] === best;
      wall.text([from[0], to[1] + 0.6], leads ? `${name}: nearest` : name, {
        colour: leads ? colours.text : colours.muted,
      });
      if (i < 3 || state.shown) {
        wall.image(i < 3 ? filled[i] : x, { rows: SIDE, cols: SIDE, from, to });
      } else {
        wall.rectangle(from, to, { colour: colours.faint });
        const middle = from.map((v) => v + 4.2);
        wall.text(middle, "hidden", { colour: colours.text, align: "center" });
      }
    });
    numbers[0].show(String(hidden.size));
    errors.forEach((off, i) => numbers[i + 1].show(off === null ? "no hole" : fixed(off, 3)));
  });

  fig.ready({
    get state() {
      const sorted = [...hidden].sort((a, b) => a - b);
      return { ...structuredClone(state), hidden: sorted, inked: [...inked] };
    },
    set,
    reset() {
      inked = new Map();
      reset();
    },
    look,
  });
}

/** The border of a square of so many pixels, from its upper left corner. */
function outline(panel, [x, y], size, colour) {
  const corners = [
    [0, 0],
    [size, 0],
    [size, -size],
    [0, -size],
    [0, 0],
  ];
  panel.line(
    corners.map(([dx, dy]) => [x + dx, y + dy]),
    { colour },
  );
}
