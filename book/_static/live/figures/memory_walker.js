// Chapter 5, the memory walker: a product of two small matrices, visit by visit, and a small cache.

import { figure, fixed } from "../kit.js";

const [N, LINE, WAYS] = [16, 4, 4]; // rows and columns; numbers to a line; places to a set
const BEND = 1; // operations per byte at which this machine is balanced
const ORDERS = ["ijk", "ikj", "jik", "jki", "kij", "kji"];
const NAMES = ["A", "B", "C"];
const INDICES = { A: "ik", B: "kj", C: "ij" };
const START = { order: "ijk", lines: 32, tile: 16, length: 16, at: Infinity };

/**
 * All visits of C += A B, in order: matrix (0, 1, 2), row, column, and products done before.
 * What the innermost loop does not move stays in a register: A and B are loaded before that loop,
 * C before it and stored behind it. With a tile, six loops: three over tiles, three inside one.
 * @returns {[number, number, number, number][]}
 */
export function walk({ order, tile }) {
  const [visits, at, inner] = [[], { i: 0, j: 0, k: 0 }, order[2]];
  const [a, b, c] = order;
  const held = NAMES.map((name) => !INDICES[name].includes(inner));
  let done = 0;
  const visit = (m) => {
    const [row, column] = INDICES[NAMES[m]];
    visits.push([m, at[row], at[column], done]);
  };
  const cells = (step) => {
    for (at[inner] = step; at[inner] < step + tile; at[inner]++) {
      for (const m of [0, 1, 2]) if (!held[m] || at[inner] === step) visit(m);
      done += 1;
      if (!held[2] || at[inner] === step + tile - 1) visit(2); // stored
    }
  };
  for (let x = 0; x < N; x += tile) {
    for (let y = 0; y < N; y += tile) {
      for (let z = 0; z < N; z += tile) {
        for (at[a] = x; at[a] < x + tile; at[a]++) {
          for (at[b] = y; at[b] < y + tile; at[b]++) cells(z);
        }
      }
    }
  }
  return visits;
}

/** The memory line that a number lies in: C behind B behind A, each row `length` numbers long. */
const lineOf = (m, row, column, length) =>
  Math.floor((m * N * length + row * length + column) / LINE);

/** A cache of sets of four places; a full set gives up the line that was not used for longest. */
export class Cache {
  constructor(lines) {
    this.sets = Array.from({ length: lines / WAYS }, () => []);
  }

  /** Use a line; return whether it had to be fetched. @param {number} line */
  use(line) {
    const set = this.sets[line % this.sets.length];
    const place = set.indexOf(line);
    if (place >= 0) set.splice(place, 1);
    else if (set.length === WAYS) set.shift();
    set.push(line);
    return place < 0;
  }
}

/** @param {HTMLElement} element the stage */
export function mount(element) {
  const fig = figure(element);
  const matrices = fig.panel({
    label: "A, B and C, with the numbers that are in the cache, and the one that is visited",
    x: [0, 3 * N + 4],
    y: [0, N + 2],
    wide: true,
    bare: true,
    height: 210,
  });
  const memory = fig.panel({
    label: "How often each line of memory has been fetched",
    x: [0, 3 * N * (START.length / LINE)],
    y: [0.5, 512],
    logY: true,
    xLabel: "lines of memory: A, then B, then C",
    yLabel: "times fetched",
    wide: true,
    height: 170,
  });
  const roof = fig.panel({
    label: "The roofline of this small machine, with a dot for the product",
    x: [0.02, 4],
    y: [0.02, 2],
    logX: true,
    logY: true,
    xLabel: "operations per byte",
    yLabel: "share of the peak",
    wide: true,
    height: 200,
    ticks: 3,
  });

  let state, visits, seen;
  function set(wanted) {
    loop.stop();
    state = { ...state, at: Infinity, ...wanted };
    [visits, state.at] = [walk(state), Math.max(1, state.at)];
    state.at = Math.min(visits.length, state.at);
    order.value = state.order;
    [lines.value, tile.value] = [Math.log2(state.lines), Math.log2(state.tile)];
    length.value = state.length;
    go(state.at);
  }
  /** Walk from the beginning to this visit. */
  function go(at) {
    state.at = at;
    position.value = at === visits.length ? 1000 : Math.floor((1000 * at) / visits.length);
    const cache = new Cache(state.lines);
    const fetched = new Int32Array((3 * N * state.length) / LINE);
    let [misses, last] = [0, false];
    for (let v = 0; v < at; v++) {
      const [m, row, column] = visits[v];
      const line = lineOf(m, row, column, state.length);
      last = cache.use(line);
      if (last) {
        fetched[line] += 1;
        misses += 1;
      }
    }
    const products = at < visits.length ? visits[at - 1][3] : N ** 3;
    memory.x.domain([0, fetched.length]);
    const near = new Set(cache.sets.flat());
    const intensity = (2 * products) / (4 * LINE * misses);
    seen = { near, fetched, misses, last, intensity, share: Math.min(1, intensity / BEND) };
  }

  const order = fig.choice({
    label: "order of the loops",
    options: ORDERS,
    value: START.order,
    onInput: (chosen) => set({ order: chosen }),
  });
  const power = (label, min, max, value, name) =>
    fig.slider({
      label,
      min,
      max,
      step: 1,
      value: Math.log2(value),
      show: (e) => (name === "tile" && e === 4 ? "no tiles" : String(2 ** e)),
      onInput: (e) => set({ [name]: 2 ** e }),
    });
  const tile = power("tile width", 1, 4, START.tile, "tile");
  const length = fig.slider({
    label: "row length",
    min: 16,
    max: 32,
    step: 4,
    value: START.length,
    onInput: (chosen) => set({ length: chosen }),
  });
  const lines = power("lines in the cache", 3, 8, START.lines, "lines");
  const position = fig.slider({
    label: "how far",
    min: 0,
    max: 1000,
    step: 1,
    value: 1000,
    show: (v) => `${fixed(v / 10, 1)} %`,
    onInput: (v) => go(Math.max(1, Math.round((visits.length * v) / 1000))),
  });
  const button = fig.button("Walk", () => {
    if (loop.running) return loop.stop();
    if (state.at === visits.length) go(1);
    button.text = "Pause";
    loop.start();
  });
  const loop = fig.loop(
    () => {
      // Slow enough to follow at first, then faster and faster.
      go(Math.min(visits.length, state.at + 1 + Math.floor(state.at / 100)));
      return state.at < visits.length;
    },
    { onStop: () => (button.text = "Walk") },
  );
  const names = ["visit", "lines fetched", "hits", "operations per byte"];
  const numbers = names.map((name) => fig.readout(name));

  set(START);
  fig.onDraw(() => {
    const { colours } = fig;
    const [current, row, column] = visits[state.at - 1];
    NAMES.forEach((name, m) => {
      matrices.text([m * (N + 2) + N / 2, N + 1], name, { colour: colours.text, align: "center" });
      for (let r = 0; r < N; r++) {
        for (let c = 0; c < N; c++) {
          const near = seen.near.has(lineOf(m, r, c, state.length));
          cell(matrices, m, r, c, near ? colours.sky : colours.faint);
        }
      }
    });
    cell(matrices, current, row, column, colours.vermillion);
    const total = seen.fetched.length;
    const visited = lineOf(current, row, column, state.length);
    seen.fetched.forEach((times, line) => {
      const near = seen.near.has(line) ? colours.sky : colours.muted;
      const colour = line === visited ? colours.vermillion : near;
      if (times > 0) memory.rectangle([line + 0.1, 0.5], [line + 0.9, times], { colour });
    });
    for (const share of [1 / 3, 2 / 3]) {
      const edge = [0.5, 512].map((y) => [share * total, y]);
      memory.line(edge, { colour: colours.muted, width: 1, dash: [3, 3] });
    }
    NAMES.forEach((name, m) =>
      memory.text([((m + 0.5) * total) / 3, 380], name, { colour: colours.text, align: "center" }),
    );
    roof.line(
      [
        [0.02, 0.02 / BEND],
        [BEND, 1],
        [4, 1],
      ],
      { colour: colours.text },
    );
    const dot = [seen.intensity, seen.share].map((v) => Math.max(0.02, v)); // none at the start
    roof.dots(1, () => dot, { colour: colours.vermillion, radius: 6 });
    numbers[0].show(`${NAMES[current]}[${row}, ${column}], ${seen.last ? "fetched" : "a hit"}`);
    numbers[1].show(String(seen.misses));
    numbers[2].show(`${fixed(100 * (1 - seen.misses / state.at), 1)} % of ${state.at}`);
    numbers[3].show(fixed(seen.intensity, 2));
  });

  fig.ready({
    get state() {
      const { misses, intensity } = seen;
      return { ...state, visits: visits.length, misses, intensity };
    },
    set,
    reset: () => set(START),
    look: () => ({ fetched: [...seen.fetched], near: [...seen.near].sort((a, b) => a - b) }),
  });
}

/** One number of matrix m, row 0 on top; neighbours in a line touch each other. */
function cell(panel, m, row, column, colour) {
  const x = m * (N + 2) + column;
  const left = column % LINE === 0 ? 0.1 : 0;
  const right = column % LINE === LINE - 1 ? 0.1 : 0;
  panel.rectangle([x + left, N - 0.9 - row], [x + 1 - right, N - 0.1 - row], { colour });
}
