// Chapter 8, cooling: eight seeds, plain beside cooled, and what each price lets them buy.

import { figure, fixed, unpack } from "../kit.js";

const SIDE = 7; // the ellipse stands in 7 x 7 places
const WAYS = ["plain", "cooled"];
const [ALIVE, REACH] = [0.1, 3.2];
const START = { seed: 0, look: 10 }; // two latents of the cooled model have something to show

/** The angle [degrees] between an axis and the way that posX moves a code (see `off_axes`). */
export function offAxes(places) {
  const slope = [0, 0];
  places.forEach(([a, b], i) => {
    const from = (i % SIDE) - (SIDE - 1) / 2;
    slope[0] += from * a;
    slope[1] += from * b;
  });
  const angle = ((Math.atan2(slope[1], slope[0]) * 180) / Math.PI + 360) % 90;
  return Math.min(angle, 90 - angle);
}

/** @param {HTMLElement} element the stage @param {any} data models, and returns by factor */
export function mount(element, { models, returns }) {
  const fig = figure(element);
  const goods = Object.entries(returns).sort((a, b) => b[1] - a[1]);
  for (const model of models) model.codes = unpack(model.places);
  const looks = models[0].price.length;
  const last = looks - 1;
  let { seed, look } = START;

  const list = fig.panel({
    label: "The price list: what a nat of code returns for each factor, and the two prices",
    x: [0, 33],
    y: [0, goods.length],
    xLabel: "nats of picture for a nat of code",
    wide: true,
    height: 190,
  });
  list.axes.select(".live-axis-y").remove();
  const planes = WAYS.map((way) =>
    fig.panel({
      label: `Where the ${way} model puts an ellipse that stands in 7 x 7 places`,
      x: [-REACH, REACH],
      y: [-REACH, REACH],
      xLabel: "first latent",
      yLabel: `${way}: second latent`,
      square: true,
    }),
  );
  const bars = WAYS.map((way) =>
    fig.panel({
      label: `What each latent of the ${way} model carries`,
      x: [0, 10],
      y: [0, 2.6],
      xLabel: "latents, sorted by the end",
      yLabel: `${way}: KL [nats]`,
      height: 170,
      ticks: 4,
    }),
  );
  for (const panel of bars) panel.axes.select(".live-axis-x").remove();

  const round = fig.slider({
    label: "round",
    min: 0,
    max: last,
    step: 1,
    value: look,
    show: (i) => `${2 * (i + 1)} of ${2 * looks}`,
    onInput: (i) => put({ look: i }),
  });
  const seeds = fig.slider({
    label: "seed",
    min: 0,
    max: models.length / 2 - 1,
    step: 1,
    value: seed,
    show: (i) => `${i + 1} of ${models.length / 2}`,
    onInput: (i) => put({ seed: i }),
  });
  const numbers = Object.fromEntries(
    ["price", "alive", "askew"].flatMap((name) =>
      WAYS.map((way) => [`${name}, ${way}`, fig.readout(`${name}, ${way}`)]),
    ),
  );

  function put(wanted) {
    ({ seed, look } = { seed, look, ...wanted });
    [seeds.value, round.value] = [seed, look];
  }
  const of = (way) => models[2 * seed + way];
  /** The 49 places in the plane of the two latents, at a look. */
  function placesOf({ codes }) {
    const begin = look * SIDE * SIDE * 2;
    return Array.from({ length: SIDE * SIDE }, (_, i) => [
      codes[begin + 2 * i],
      codes[begin + 2 * i + 1],
    ]);
  }
  const seen = () =>
    WAYS.map((_, way) => {
      const { price, carried } = of(way);
      const places = placesOf(of(way));
      return {
        places,
        price: price[look],
        carried: carried[look],
        alive: carried[look].filter((kl) => kl > ALIVE).length,
        askew: offAxes(places),
      };
    });

  fig.onDraw(() => {
    const { colours } = fig;
    const now = seen();
    goods.forEach(([name, returned], i) => {
      const y = goods.length - i - 0.5;
      const sells = now[1].price < returned;
      const colour = sells ? colours.blue : colours.faint;
      list.rectangle([0, y - 0.3], [returned, y + 0.3], { colour });
      list.text([returned + 0.3, y], name, { colour: sells ? colours.text : colours.muted });
    });
    WAYS.forEach((_, way) => {
      const at = now[way].price;
      const ends = [0, goods.length].map((y) => [at, y]);
      const style = { colour: way ? colours.vermillion : colours.muted, dash: way ? [] : [4, 4] };
      list.line(ends, style);
    });
    WAYS.forEach((_, way) => {
      const { places, carried } = now[way];
      for (let i = 0; i < SIDE; i++) {
        const row = places.slice(SIDE * i, SIDE * (i + 1));
        const column = places.filter((_, at) => at % SIDE === i);
        planes[way].line(column, { colour: colours.blue, width: 1.5 });
        planes[way].line(row, { colour: colours.orange, width: 1.5 });
      }
      carried.forEach((kl, k) => {
        const colour = kl > ALIVE ? colours.blue : colours.faint;
        bars[way].rectangle([k + 0.15, 0], [k + 0.85, Math.max(kl, 0.02)], { colour });
      });
    });
    WAYS.forEach((name, way) => {
      numbers[`price, ${name}`].show(fixed(now[way].price, 1));
      numbers[`alive, ${name}`].show(String(now[way].alive));
      numbers[`askew, ${name}`].show(`${fixed(now[way].askew, 0)}°`);
    });
  });
  fig.ready({
    get state() {
      return { seed, look };
    },
    set: put,
    reset: () => put(START),
    look: seen,
  });
}
