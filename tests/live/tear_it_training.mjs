// Train as the figure tear_it does, and print all that the library needs to do the same.

import { Training } from "../../book/_static/live/figures/tear_it.js";

const [setting, steps] = process.argv.slice(2).map((text) => JSON.parse(text));
const training = new Training({ hole: 0.33, seed: 1, ...setting });
const start = training.parameters.map((p) => Array.from(p.value.data));
const [batches, rates] = [[], []];
while (training.done < steps) {
  const rows = training.batch();
  batches.push(rows);
  rates.push(training.rate());
  training.step(rows);
}
const { loss } = training.look();
console.log(JSON.stringify({ X: training.X.toRows(), start, batches, rates, loss }));
