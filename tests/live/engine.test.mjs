// The engine against the numbers of vae_numpy, which test_engine.py wrote into $LIVE_CASES.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ConvTranspose2D } from "../../book/_static/live/engine/convolution.js";
import * as layers from "../../book/_static/live/engine/layers.js";
import * as losses from "../../book/_static/live/engine/losses.js";
import { Matrix, map } from "../../book/_static/live/engine/matrix.js";
import * as optimisers from "../../book/_static/live/engine/optimisers.js";
import { Generator } from "../../book/_static/live/engine/random.js";
import * as curves from "../../book/_static/live/engine/spiral.js";

const cases = JSON.parse(readFileSync(process.env.LIVE_CASES, "utf8"));
const matrix = (rows) => Matrix.from(rows);

/** Compare numbers, rows or matrices: to 1e-9, of 1 or of the number where that is larger. */
function same(got, wanted, what, tolerance = 1e-9) {
  const numbers = (thing) => {
    if (thing instanceof Matrix) return Array.from(thing.data);
    return typeof thing === "number" ? [thing] : Array.from(thing).flat(2);
  };
  const [a, b] = [numbers(got), numbers(wanted)];
  assert.equal(a.length, b.length, what);
  a.forEach((number, i) => {
    const away = Math.abs(number - b[i]) / Math.max(1, Math.abs(b[i]));
    assert.ok(away <= tolerance, `${what}[${i}]: ${number}, but ${b[i]} in Python`);
  });
}

for (const { name, given, value, gradients, per_latent } of cases.losses) {
  test(name, () => {
    const result = losses[name](...given.map(matrix));
    same(result.value, value, "value");
    const slopes = Object.entries(result).filter(([key]) => key.startsWith("d"));
    assert.equal(slopes.length, gradients.length);
    slopes.forEach(([key, slope], i) => same(slope, gradients[i], key));
    if (per_latent) same(result.per_latent, per_latent, "per_latent");
  });
}

/** A network with Python's weights. */
function loaded(values, activation) {
  const widths = [values[0].length, ...values.filter((_, i) => i % 2).map((b) => b[0].length)];
  return layers.stack(widths, activation, new Generator(0)).load(values);
}

for (const { activation, values, x, y, dy, dx, gradients } of cases.networks) {
  test(`a network with ${activation}`, () => {
    const network = loaded(values, activation);
    same(network.forward(matrix(x)), y, "y");
    same(network.backward(matrix(dy)), dx, "dx");
    network.parameters().forEach((p, i) => same(p.grad, gradients[i], `gradient ${i}`));
    network.backward(matrix(dy)); // backward adds
    const twice = gradients.map((rows) => rows.map((row) => row.map((g) => 2 * g)));
    network.parameters().forEach((p, i) => same(p.grad, twice[i], `gradient ${i}, twice`));
  });
}

for (const { shape, channels, kernel, activation, geometry, W, b, x, y } of cases.convolutions) {
  test(`a transposed convolution onto ${shape}`, () => {
    const layer = new ConvTranspose2D(shape, channels, kernel, activation, geometry);
    layer.W.value.data.set(W);
    layer.b.value.data.set(b);
    same(layer.forward(matrix(x)), y, "y");
  });
}

test("a step of a VAE", () => {
  const { beta, x, eps, loss, gradients } = cases.vae;
  const [encoder, decoder] = [loaded(cases.vae.encoder, "tanh"), loaded(cases.vae.decoder, "tanh")];
  const { mu, logvar } = layers.split(encoder.forward(matrix(x)));
  const z = layers.reparameterise(mu, logvar, matrix(eps));
  const { value: nll, dlogits } = losses.bernoulli_nll(decoder.forward(z), matrix(x));
  const kl = losses.gaussian_kl(mu, logvar);
  const dz = decoder.backward(dlogits);
  const { dmu, dlogvar } = layers.reparameterise_backward(dz, logvar, matrix(eps));
  const plus = (d, d_kl) => map((d, d_kl) => d + beta * d_kl, d, d_kl);
  encoder.backward(layers.join(plus(dmu, kl.dmu), plus(dlogvar, kl.dlogvar)));
  same(nll + beta * kl.value, loss, "loss");
  const parameters = [...encoder.parameters(), ...decoder.parameters()];
  parameters.forEach((p, i) => same(p.grad, gradients[i], `gradient ${i}`));
});

for (const { name, steps, x, start, end } of cases.optimisers) {
  test(`${steps} steps of ${name}`, () => {
    const network = loaded(start, "tanh");
    const optimiser = name === "Adam" ? new optimisers.Adam(0.003) : new optimisers.SGD(0.003, 0.9);
    const parameters = network.parameters();
    for (let i = 0; i < steps; i++) {
      optimisers.zero_grad(parameters);
      network.backward(losses.squared_error(network.forward(matrix(x)), matrix(x)).dx_hat);
      optimiser.step(parameters);
    }
    parameters.forEach((p, i) => same(p.value, end[i], `parameter ${i}`, 1e-6));
  });
}

test("the spiral, and what is asked of its code", () => {
  const { t, turns, X, scaled, rough, ...wanted } = cases.spiral;
  // The library reads the length off a table of 10,000 radii.
  same(curves.spiral(t, turns), X, "spiral", 1e-7);
  same(curves.standardised(matrix(X)), scaled, "standardised");
  same(curves.spearman(matrix(rough).column(0), t), wanted.spearman, "spearman");
  const kept = curves.explained_variance(matrix(scaled), matrix(rough));
  same(kept, wanted.explained_variance, "explained variance");
});

test("the generator", () => {
  const draw = (seed, method) => {
    const rng = new Generator(seed);
    return Array.from({ length: 100_000 }, () => rng[method]());
  };
  const moments = (numbers) => {
    const mean = numbers.reduce((a, b) => a + b) / numbers.length;
    return [mean, numbers.reduce((a, b) => a + (b - mean) ** 2, 0) / numbers.length];
  };
  assert.deepEqual(draw(3, "normal"), draw(3, "normal"));
  assert.notDeepEqual(draw(3, "normal"), draw(4, "normal"));
  // Five standard errors: of the mean, sigma / sqrt n; of the variance, less than 2 / sqrt n.
  same(moments(draw(0, "random")), [1 / 2, 1 / 12], "uniform", (5 * 0.3) / Math.sqrt(1e5));
  same(moments(draw(0, "normal")), [0, 1], "normal", (5 * Math.sqrt(2)) / Math.sqrt(1e5));
  const order = new Generator(0).permutation(50);
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i),
  );
  assert.notDeepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
});

test("mistakes are named", () => {
  assert.throws(() => new Matrix(2, 2, new Float64Array(3)), /2 x 2 entries, got 3/);
  assert.throws(
    () => losses.squared_error(new Matrix(2, 3), new Matrix(2, 2)),
    /\(2, 3\) and \(2, 2\)/,
  );
  assert.throws(
    () => new layers.Dense(2, 3, "relo", new Generator(0)),
    /activation must be one of .*relo/,
  );
});
