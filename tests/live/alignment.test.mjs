// engine/alignment.js against the numbers of vae_numpy, which test_live_alignment.py wrote.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  dot,
  lasso,
  neuron_score,
  random_rotation,
} from "../../book/_static/live/engine/alignment.js";
import { Generator } from "../../book/_static/live/engine/random.js";

const near = (got, wanted, tolerance) =>
  got.forEach((number, i) =>
    assert.ok(Math.abs(number - wanted[i]) <= tolerance, `[${i}]: ${number}, but ${wanted[i]}`),
  );

for (const { alpha, A, neurons } of JSON.parse(readFileSync(process.env.LIVE_CASES, "utf8"))) {
  test(`lassos with a penalty of ${alpha}, and their scores`, () => {
    for (const { c, weights, score } of neurons) {
      const w = lasso(A, c, alpha);
      near(w.map(Math.abs), weights, 1e-9);
      const found = neuron_score(w);
      if (score === null) assert.equal(found.score, null);
      else near([found.score], [score], 1e-9);
    }
  });
}

test("a random rotation", () => {
  const Q = random_rotation(12, new Generator(0));
  Q.forEach((a, i) => Q.forEach((b, j) => near([dot(a, b)], [Number(i === j)], 1e-12)));
  assert.notDeepEqual(Q, random_rotation(12, new Generator(1)));
});
