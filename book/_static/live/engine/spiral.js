// The spiral of chapters 1 to 3, and the two numbers that the book asks of a code: the twins of
// data.make_spiral, metrics.explained_variance and SciPy's spearmanr.

import { Matrix, map, sum } from "./matrix.js";

/**
 * Points on a flat Archimedean spiral, even in length, from radius `inner` out to radius 1.
 * @param {ArrayLike<number>} t positions, as fractions of the length, in [0, 1]
 * @param {number} turns
 * @param {number} inner
 * @returns {Matrix} (N, 2)
 */
export function spiral(t, turns, inner = 1 / 3) {
  const X = new Matrix(t.length, 2);
  const pitch = (1 - inner) / (2 * Math.PI * turns); // radius gained per radian
  const [start, end] = [length(inner / pitch), length(1 / pitch)];
  for (let i = 0; i < t.length; i++) {
    const u = unwind(start + t[i] * (end - start)); // the angle from the centre on
    const angle = u - inner / pitch;
    X.data[2 * i] = pitch * u * Math.cos(angle);
    X.data[2 * i + 1] = pitch * u * Math.sin(angle);
  }
  return X;
}

/** The length of a spiral r = u from 0 to the angle u. @param {number} u */
function length(u) {
  return 0.5 * (u * Math.sqrt(1 + u * u) + Math.asinh(u));
}

/** The angle at which that length is reached, by Newton's method. @param {number} s */
function unwind(s) {
  let u = Math.sqrt(2 * s);
  for (let i = 0; i < 20; i++) u -= (length(u) - s) / Math.sqrt(1 + u * u);
  return u;
}

/** Every column with mean 0 and variance 1. @param {Matrix} X */
export function standardised(X) {
  const scaled = new Matrix(X.rows, X.cols);
  for (let j = 0; j < X.cols; j++) {
    const column = X.column(j);
    const mean = column.reduce((total, x) => total + x, 0) / X.rows;
    const variance = column.reduce((total, x) => total + (x - mean) ** 2, 0) / X.rows;
    column.forEach((x, i) => (scaled.data[i * X.cols + j] = (x - mean) / Math.sqrt(variance)));
  }
  return scaled;
}

/**
 * The share of the variance of X that X_hat brings back.
 * @param {Matrix} X
 * @param {Matrix} X_hat
 */
export function explained_variance(X, X_hat) {
  let total = 0;
  for (let j = 0; j < X.cols; j++) {
    const column = X.column(j);
    const mean = column.reduce((sum, x) => sum + x, 0) / X.rows;
    total += column.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  }
  return 1 - sum(map((x, x_hat) => (x - x_hat) ** 2, X, X_hat)) / total;
}

/** 0 for the least number, 1 for the next, and so on. @param {ArrayLike<number>} z */
export function ranks(z) {
  const order = Array.from(z, (_, i) => i).sort((i, j) => z[i] - z[j]);
  const rank = new Float64Array(z.length);
  order.forEach((i, place) => (rank[i] = place));
  return rank;
}

/**
 * Spearman's correlation, of rows without ties.
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
export function spearman(a, b) {
  const [p, q, n] = [ranks(a), ranks(b), a.length];
  const apart = p.reduce((total, rank, i) => total + (rank - q[i]) ** 2, 0);
  return 1 - (6 * apart) / (n * (n * n - 1));
}
