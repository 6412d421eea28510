// Matrices: what NumPy is to vae_numpy, as far as the engine needs it. Rows lie one after the
// other in one array of doubles, so that entry (i, j) is data[i * cols + j].

export class Matrix {
  /**
   * @param {number} rows
   * @param {number} cols
   * @param {Float64Array} [data] zeros, if it is left out
   */
  constructor(rows, cols, data = new Float64Array(rows * cols)) {
    if (data.length !== rows * cols) {
      throw new RangeError(`data must have ${rows} x ${cols} entries, got ${data.length}`);
    }
    this.rows = rows;
    this.cols = cols;
    this.data = data;
  }

  /** @param {number[][]} rows */
  static from(rows) {
    return new Matrix(rows.length, rows[0]?.length ?? 0, Float64Array.from(rows.flat()));
  }

  /** The rows as plain lists. @returns {number[][]} */
  toRows() {
    return Array.from({ length: this.rows }, (_, i) => Array.from(this.row(i)));
  }

  /** One row, a view. @param {number} i */
  row(i) {
    return this.data.subarray(i * this.cols, (i + 1) * this.cols);
  }

  /** X[rows], a copy. @param {ArrayLike<number>} rows */
  take(rows) {
    const taken = new Matrix(rows.length, this.cols);
    for (let i = 0; i < rows.length; i++) taken.data.set(this.row(rows[i]), i * this.cols);
    return taken;
  }

  /** X[:, j], a copy. @param {number} j */
  column(j) {
    return Float64Array.from({ length: this.rows }, (_, i) => this.data[i * this.cols + j]);
  }
}

/**
 * x @ W.
 * @param {Matrix} x (N, n)
 * @param {Matrix} W (n, m)
 * @returns {Matrix} (N, m)
 */
export function product(x, W) {
  const [N, n, m] = [x.rows, x.cols, W.cols];
  if (W.rows !== n) throw new RangeError(`x has ${n} columns, but W has ${W.rows} rows`);
  const a = new Matrix(N, m);
  const [xs, Ws, as] = [x.data, W.data, a.data]; // local names: the loops run twice as fast
  for (let i = 0; i < N; i++) {
    for (let k = 0; k < n; k++) {
      const x_ik = xs[i * n + k];
      for (let j = 0; j < m; j++) as[i * m + j] += x_ik * Ws[k * m + j];
    }
  }
  return a;
}

/**
 * dW += x.T @ da.
 * @param {Matrix} x (N, n)
 * @param {Matrix} da (N, m)
 * @param {Matrix} dW (n, m)
 */
export function addTransposedProduct(x, da, dW) {
  const [N, n, m] = [x.rows, x.cols, da.cols];
  const [xs, das, dWs] = [x.data, da.data, dW.data];
  for (let i = 0; i < N; i++) {
    for (let k = 0; k < n; k++) {
      const x_ik = xs[i * n + k];
      for (let j = 0; j < m; j++) dWs[k * m + j] += x_ik * das[i * m + j];
    }
  }
}

/**
 * da @ W.T.
 * @param {Matrix} da (N, m)
 * @param {Matrix} W (n, m)
 * @returns {Matrix} (N, n)
 */
export function productTransposed(da, W) {
  const [N, n, m] = [da.rows, W.rows, W.cols];
  const dx = new Matrix(N, n);
  const [das, Ws, dxs] = [da.data, W.data, dx.data];
  for (let i = 0; i < N; i++) {
    for (let k = 0; k < n; k++) {
      let sum = 0;
      for (let j = 0; j < m; j++) sum += das[i * m + j] * Ws[k * m + j];
      dxs[i * n + k] = sum;
    }
  }
  return dx;
}

/**
 * A new matrix of the shape of the first, with f of their entries.
 * @param {(...entries: number[]) => number} f
 * @param {Matrix} first
 * @param {...Matrix} others
 */
export function map(f, first, ...others) {
  for (const other of others) {
    if (other.rows !== first.rows || other.cols !== first.cols) {
      const shapes = `(${first.rows}, ${first.cols}) and (${other.rows}, ${other.cols})`;
      throw new RangeError(`the matrices must have the same shape, got ${shapes}`);
    }
  }
  const result = new Matrix(first.rows, first.cols);
  const [a, b, c, y] = [first.data, others[0]?.data, others[1]?.data, result.data];
  if (c) for (let i = 0; i < y.length; i++) y[i] = f(a[i], b[i], c[i]);
  else if (b) for (let i = 0; i < y.length; i++) y[i] = f(a[i], b[i]);
  else for (let i = 0; i < y.length; i++) y[i] = f(a[i]);
  return result;
}

/** The sum of f over the entries. @param {Matrix} A @param {(a: number) => number} [f] */
export function sum(A, f = (a) => a) {
  let total = 0;
  for (const a of A.data) total += f(a);
  return total;
}
