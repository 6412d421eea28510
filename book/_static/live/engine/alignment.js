// The alignment score of one neuron, and rotations for its control: chapter 10, in the page.

/** @typedef {ArrayLike<number>} Numbers */

/** @param {Numbers} a @param {Numbers} b */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * The weights of a lasso on standardised columns, from their correlations alone: each the best
 * while the others stand still, in turn until they rest (Tibshirani 1996; `neuron_scores` on the
 * page).
 * @param {number[][]} A (K, K) correlations of the latents with each other
 * @param {number[]} c (K) correlations of the latents with the neuron
 * @param {number} alpha the penalty of `metrics.alignment_weights`
 */
export function lasso(A, c, alpha) {
  const w = c.map(() => 0);
  let moved;
  do {
    moved = 0;
    for (let k = 0; k < w.length; k++) {
      const left = c[k] - dot(A[k], w) + w[k];
      const best = Math.sign(left) * Math.max(Math.abs(left) - alpha, 0);
      moved = Math.max(moved, Math.abs(best - w[k]));
      w[k] = best;
    }
  } while (moved > 1e-12);
  return w;
}

/**
 * The shares of the weights and their score, 1 - H / ln K (Higgins et al. 2021, figure 3a); null
 * for a neuron without weights.
 * @param {number[]} w
 */
export function neuron_score(w) {
  const total = w.reduce((sum, w_k) => sum + Math.abs(w_k), 0);
  if (total === 0) return { shares: null, score: null };
  const shares = w.map((w_k) => Math.abs(w_k) / total);
  const H = -shares.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0);
  return { shares, score: 1 - H / Math.log(w.length) };
}

/**
 * A random rotation of M neurons, mirrored or not, by Gram and Schmidt: (M, M), row by row.
 * @param {number} M @param {{normal: () => number}} rng
 */
export function random_rotation(M, rng) {
  /** @type {Float64Array[]} */
  const rows = [];
  while (rows.length < M) {
    const q = Float64Array.from({ length: M }, () => rng.normal());
    for (const other of rows) {
      const along = dot(q, other);
      for (let i = 0; i < M; i++) q[i] -= along * other[i];
    }
    const length = Math.sqrt(dot(q, q));
    rows.push(q.map((q_i) => q_i / length));
  }
  return rows;
}
