// Layers, each with its backward pass under its forward pass: the twin of vae_numpy/layers.py.
// A layer never updates its own weights: backward adds into the gradients, and an optimiser
// changes the values.

import { Matrix, addTransposedProduct, map, product, productTransposed } from "./matrix.js";

/**
 * name: [f(a), and its derivative as a function of the output y = f(a)]
 * @type {Record<string, [(a: number) => number, (y: number) => number]>}
 */
export const ACTIVATIONS = {
  identity: [(a) => a, () => 1],
  relu: [(a) => Math.max(a, 0), (y) => (y > 0 ? 1 : 0)],
  tanh: [Math.tanh, (y) => 1 - y * y],
  sigmoid: [sigmoid, (y) => y * (1 - y)],
  softplus: [softplus, (y) => -Math.expm1(-y)],
};

/** 1 / (1 + e^-a), written with tanh so that no exp can overflow. @param {number} a */
export function sigmoid(a) {
  return 0.5 * (1 + Math.tanh(0.5 * a));
}

/** log(1 + e^a), with the large part taken out of the exponential. @param {number} a */
export function softplus(a) {
  return Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));
}

export class Parameter {
  /** @param {Matrix} value */
  constructor(value) {
    this.value = value;
    this.grad = new Matrix(value.rows, value.cols);
  }
}

/** The dense layer y = f(x W + b). */
export class Dense {
  /**
   * @param {number} n_in
   * @param {number} n_out
   * @param {string} activation a key of ACTIVATIONS
   * @param {{random: () => number}} rng draws the first weights, uniform in
   *   +-sqrt(6 / (n_in + n_out)) (Glorot & Bengio 2010, eq. 16), for relu in +-sqrt(6 / n_in)
   */
  constructor(n_in, n_out, activation, rng) {
    if (!(activation in ACTIVATIONS)) {
      const names = Object.keys(ACTIVATIONS).join(", ");
      throw new RangeError(`activation must be one of ${names}, got ${activation}`);
    }
    const limit = Math.sqrt(6 / (activation === "relu" ? n_in : n_in + n_out));
    const draw = () => limit * (2 * rng.random() - 1);
    this.n_in = n_in;
    this.n_out = n_out;
    this.activation = activation;
    this.W = new Parameter(map(draw, new Matrix(n_in, n_out)));
    this.b = new Parameter(new Matrix(1, n_out));
    this.x = this.y = new Matrix(0, 0);
  }

  /** @param {Matrix} x (N, n_in) @returns {Matrix} y, (N, n_out) */
  forward(x) {
    const [f] = ACTIVATIONS[this.activation];
    const [m, b] = [this.n_out, this.b.value.data];
    const y = product(x, this.W.value);
    for (let i = 0; i < y.rows; i++) {
      for (let j = 0; j < m; j++) y.data[i * m + j] = f(y.data[i * m + j] + b[j]);
    }
    this.x = x;
    this.y = y;
    return y;
  }

  /** @param {Matrix} dy (N, n_out) @returns {Matrix} dx, (N, n_in) */
  backward(dy) {
    const derivative = ACTIVATIONS[this.activation][1];
    const [m, db] = [this.n_out, this.b.grad.data];
    // y = f(a)
    const da = map((dy, y) => dy * derivative(y), dy, this.y);
    // a = x W + b
    addTransposedProduct(this.x, da, this.W.grad);
    for (let i = 0; i < da.rows; i++) {
      for (let j = 0; j < m; j++) db[j] += da.data[i * m + j];
    }
    return productTransposed(da, this.W.value);
  }

  parameters() {
    return [this.W, this.b];
  }
}

/** Layers one after another: forward in order, backward in reverse order. */
export class Sequential {
  /** @param {Dense[]} layers */
  constructor(layers) {
    this.layers = layers;
  }

  /** @param {Matrix} x */
  forward(x) {
    return this.layers.reduce((y, layer) => layer.forward(y), x);
  }

  /** @param {Matrix} dy */
  backward(dy) {
    return this.layers.reduceRight((d, layer) => layer.backward(d), dy);
  }

  parameters() {
    return this.layers.flatMap((layer) => layer.parameters());
  }

  /** Put other values in place of the weights. @param {number[][][]} values W, b, W, b, ... */
  load(values) {
    this.parameters().forEach((p, i) => p.value.data.set(values[i].flat()));
    return this;
  }
}

/**
 * A network through these widths, with a linear last layer.
 * @param {number[]} widths
 * @param {string} activation of the layers before the last
 * @param {{random: () => number}} rng
 */
export function stack(widths, activation, rng) {
  const last = widths.length - 2;
  const name = (/** @type {number} */ i) => (i === last ? "identity" : activation);
  return new Sequential(
    widths.slice(1).map((n_out, i) => new Dense(widths[i], n_out, name(i), rng)),
  );
}

// The sample of a VAE's code: a layer without weights, whose noise is handed in ----------------

/** The encoder's output (N, 2 K) as means and log-variances (N, K). @param {Matrix} h */
export function split(h) {
  const K = h.cols / 2;
  const part = (/** @type {number} */ start) => {
    const half = new Matrix(h.rows, K);
    for (let i = 0; i < h.rows; i++) half.data.set(h.row(i).subarray(start, start + K), i * K);
    return half;
  };
  return { mu: part(0), logvar: part(K) };
}

/**
 * split backward: the gradients in both halves as one.
 * @param {Matrix} dmu
 * @param {Matrix} dlogvar
 */
export function join(dmu, dlogvar) {
  const K = dmu.cols;
  const dh = new Matrix(dmu.rows, 2 * K);
  for (let i = 0; i < dh.rows; i++) {
    dh.data.set(dmu.row(i), i * 2 * K);
    dh.data.set(dlogvar.row(i), i * 2 * K + K);
  }
  return dh;
}

/**
 * Draw z = mu + exp(logvar / 2) eps (Kingma & Welling 2014, section 2.4).
 * @param {Matrix} mu
 * @param {Matrix} logvar
 * @param {Matrix} eps standard normal noise
 */
export function reparameterise(mu, logvar, eps) {
  return map((mu, logvar, eps) => mu + Math.exp(0.5 * logvar) * eps, mu, logvar, eps);
}

/** @param {Matrix} dz @param {Matrix} logvar @param {Matrix} eps */
export function reparameterise_backward(dz, logvar, eps) {
  // z = mu + exp(logvar / 2) eps
  const dlogvar = map(
    (dz, logvar, eps) => dz * eps * 0.5 * Math.exp(0.5 * logvar),
    dz,
    logvar,
    eps,
  );
  return { dmu: dz, dlogvar };
}
