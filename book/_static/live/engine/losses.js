// Losses with their gradients: the twin of vae_numpy/losses.py, and its convention everywhere:
// sum over the features, mean over the batch, in nats.

import { map, sum } from "./matrix.js";
import { sigmoid, softplus } from "./layers.js";

/** @typedef {import("./matrix.js").Matrix} Matrix */

/** 1/N sum (x_hat - x)^2. @param {Matrix} x_hat @param {Matrix} x */
export function squared_error(x_hat, x) {
  const n = x.rows;
  const difference = map((x_hat, x) => x_hat - x, x_hat, x);
  const value = sum(difference, (d) => d * d) / n;
  const dx_hat = map((d) => (2 / n) * d, difference);
  return { value, dx_hat };
}

/**
 * -1/N sum log p(x | logits), with p = sigmoid(logits).
 * @param {Matrix} logits
 * @param {Matrix} x
 */
export function bernoulli_nll(logits, x) {
  const n = x.rows;
  // -x log p - (1 - x) log(1 - p) = log(1 + e^l) - x l
  const value = sum(map((l, x) => softplus(l) - x * l, logits, x)) / n;
  const dlogits = map((l, x) => (sigmoid(l) - x) / n, logits, x);
  return { value, dlogits };
}

/**
 * -1/N sum log N(x | mean, exp(logvar)).
 * @param {Matrix} mean
 * @param {Matrix} logvar of the shape of mean
 * @param {Matrix} x
 */
export function gaussian_nll(mean, logvar, x) {
  const n = x.rows;
  const difference = map((mean, x) => mean - x, mean, x);
  const scaled = map((d, v) => d * Math.exp(-v), difference, logvar); // (mean - x) / variance
  const squares = map((d, s) => d * s, difference, scaled);
  const parts = map((v, square) => Math.log(2 * Math.PI) + v + square, logvar, squares);
  const value = (0.5 * sum(parts)) / n;
  const dmean = map((s) => s / n, scaled);
  const dlogvar = map((square) => (0.5 / n) * (1 - square), squares);
  return { value, dmean, dlogvar };
}

/**
 * 1/N sum KL(N(mu, exp(logvar)) || N(0, I)) (Kingma & Welling 2014, appendix B), and its part
 * of each latent.
 * @param {Matrix} mu
 * @param {Matrix} logvar
 */
export function gaussian_kl(mu, logvar) {
  const n = mu.rows;
  // e^v - 1 - v loses its digits where v is near 0; expm1 keeps them.
  const parts = map((mu, v) => (0.5 / n) * (mu * mu + Math.expm1(v) - v), mu, logvar);
  const per_latent = Array.from({ length: mu.cols }, (_, k) =>
    parts.column(k).reduce((total, part) => total + part, 0),
  );
  const dmu = map((mu) => mu / n, mu);
  const dlogvar = map((v) => (0.5 / n) * Math.expm1(v), logvar);
  return { value: sum(parts), dmu, dlogvar, per_latent };
}
