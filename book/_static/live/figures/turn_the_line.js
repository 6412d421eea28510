// Chapter 1, turn a line through a cloud: the shadow of the points on it, and its variance, which
// traces a curve as the line turns.

import { figure, fixed, unpack } from "../kit.js";

const START = { cloud: "cloud", degrees: 0 };
const NAMES = ["cloud", "spiral"];
const REACH = 1.35;

/** A cloud (N, 2) with its mean. @param {Float64Array} numbers row by row */
function read(numbers) {
  const N = numbers.length / 2;
  const mean = [0, 1].map((j) => numbers.reduce((sum, v, i) => sum + (i % 2 === j ? v : 0), 0) / N);
  return { N, mean, at: (i) => [numbers[2 * i], numbers[2 * i + 1]] };
}

/** The positions of the points along the direction u, seen from the mean, and their variance. */
function shadow({ N, mean, at }, [c, s]) {
  const along = (i) => (at(i)[0] - mean[0]) * c + (at(i)[1] - mean[1]) * s;
  const positions = Float64Array.from({ length: N }, (_, i) => along(i));
  return { positions, variance: positions.reduce((sum, p) => sum + p * p, 0) / N };
}

const direction = (degrees) => {
  const radians = (degrees * Math.PI) / 180;
  return [Math.cos(radians), Math.sin(radians)];
};

/** @param {HTMLElement} element the stage @param {any} data the clouds by their names, packed */
export function mount(element, data) {
  const fig = figure(element);
  const clouds = Object.fromEntries(NAMES.map((name) => [name, read(unpack(data[name]))]));
  const plane = fig.panel({
    label: "The cloud, the line through its mean, and the shadows of its points",
    x: [-REACH, REACH],
    y: [-REACH, REACH],
    xLabel: "x₁",
    yLabel: "x₂",
    square: true,
  });
  const wave = fig.panel({
    label: "The variance along the line against the line's angle, where it has been",
    x: [0, 180],
    y: [0, 0.4],
    xLabel: "angle of the line [degrees]",
    yLabel: "variance [squared units]",
    square: true,
  });

  let cloud, degrees, now, seen; // seen: the variance at each whole degree that was passed

  function look() {
    now = shadow(cloud, direction(degrees));
  }

  /** Turn to an angle, by the shorter way, and trace the variance on the way there. */
  function turn(wanted) {
    const from = Math.round(degrees);
    const way = ((((wanted - degrees) % 180) + 270) % 180) - 90;
    degrees = (((degrees + way) % 180) + 180) % 180;
    const steps = Math.abs(Math.round(way));
    for (let i = 0; i <= steps; i++) trace(from + Math.sign(way) * i);
    trace(Math.round(degrees));
    dial.value = degrees;
    look();
  }

  function trace(whole) {
    const angle = ((whole % 180) + 180) % 180;
    seen[angle] ??= shadow(cloud, direction(angle)).variance;
    if (angle === 0) seen[180] = seen[0]; // the same line
  }

  const which = fig.choice({
    label: "points",
    options: NAMES,
    value: START.cloud,
    onInput: (name) => set({ cloud: name }),
  });
  const dial = fig.slider({
    label: "angle",
    min: 0,
    max: 179, // 180 degrees are 0 again
    step: 1,
    value: START.degrees,
    show: (v) => `${fixed(v, 0)}°`,
    onInput: turn,
  });
  const names = ["angle", "variance", "widest so far", "narrowest so far"];
  const numbers = Object.fromEntries(names.map((name) => [name, fig.readout(name)]));

  const spoken = () => `${fixed(degrees, 0)} degrees, variance ${fixed(now.variance, 3)}`;
  const end = () => direction(degrees).map((u, j) => cloud.mean[j] + 1.15 * facing * u);
  let facing = 1; // at which end of the line the handle is
  plane.handle({
    label: "end of the line",
    at: end,
    move: (x, y) => {
      const [dx, dy] = [x - cloud.mean[0], y - cloud.mean[1]];
      const angle = (Math.atan2(dy, dx) * 180) / Math.PI;
      turn(angle);
      const [c, s] = direction(degrees);
      facing = c * dx + s * dy < 0 ? -1 : 1;
    },
    step: 0.02,
    show: spoken,
  });
  wave.handle({
    label: "angle on the curve",
    axis: "x",
    at: () => [degrees, now.variance],
    move: (angle) => turn(Math.min(angle, 179)),
    step: 1,
    show: spoken,
  });

  function set(wanted) {
    if (wanted.cloud) {
      cloud = clouds[wanted.cloud];
      which.value = wanted.cloud;
      seen = new Array(181);
      degrees = START.degrees;
      facing = 1;
    }
    turn(wanted.degrees ?? degrees);
  }
  set(START);

  /** The angle, of those that were passed, at which the variance beats all others. */
  const best = (better) =>
    seen.reduce((found, v, i) => (found < 0 || better(v, seen[found]) ? i : found), -1);
  const told = (i) => `${fixed(seen[i], 3)} at ${i % 180}°`;

  fig.onDraw(() => {
    const { colours } = fig;
    const u = direction(degrees);
    const on = (p) => u.map((v, j) => cloud.mean[j] + p * v);
    plane.line([on(-3), on(3)], { colour: colours.orange, width: 1.5 });
    plane.dots(cloud.N, cloud.at, { colour: colours.faint, radius: 2 });
    for (let i = 0; i < 60; i++) {
      plane.line([cloud.at(i), on(now.positions[i])], { colour: colours.muted, width: 0.75 });
    }
    plane.dots(cloud.N, (i) => on(now.positions[i]), { colour: colours.orange, radius: 1.75 });
    const spread = Math.sqrt(now.variance);
    plane.line([on(-spread), on(spread)], { colour: colours.text, width: 4 });

    const passed = [...seen.keys()].filter((i) => seen[i] !== undefined);
    wave.dots(passed.length, (k) => [passed[k], seen[passed[k]]], {
      colour: colours.blue,
      radius: 2,
    });

    numbers.angle.show(`${fixed(degrees, 0)}°`);
    numbers.variance.show(fixed(now.variance, 3));
    numbers["widest so far"].show(told(best((a, b) => a > b)));
    numbers["narrowest so far"].show(told(best((a, b) => a < b)));
  });

  fig.ready({
    get state() {
      const passed = seen.filter((v) => v !== undefined).length;
      return { cloud: which.value, degrees, variance: now.variance, passed };
    },
    set,
    reset: () => set(START),
  });
}
