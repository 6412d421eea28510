// The decoder's layer on pictures: the twin of ConvTranspose2D in vae_numpy/convolution.py, forward
// only, for networks that Python has trained. A row is a picture, channel by channel and line by
// line, so that these layers stand behind dense ones.

import { ACTIVATIONS, Parameter } from "./layers.js";
import { Matrix } from "./matrix.js";

/** The transposed convolution: each pixel of x puts a patch down, itself times the weights. */
export class ConvTranspose2D {
  /**
   * @param {[number, number, number]} shape_out (C, H, W) of a picture that goes out
   * @param {number} channels C', of a picture that comes in
   * @param {[number, number]} kernel_size (kh, kw) of a patch
   * @param {string} activation a key of ACTIVATIONS
   * @param {{stride?: number, padding?: number}} options
   */
  constructor(shape_out, channels, kernel_size, activation, { stride = 1, padding = 0 } = {}) {
    const patches = (/** @type {number} */ size, /** @type {number} */ k) =>
      Math.floor((size + 2 * padding - k) / stride) + 1;
    const [C, H, W] = shape_out;
    const [kh, kw] = kernel_size;
    this.shape_in = [channels, patches(H, kh), patches(W, kw)];
    this.shape_out = shape_out;
    this.kernel_size = kernel_size;
    this.activation = activation;
    this.stride = stride;
    this.padding = padding;
    this.W = new Parameter(new Matrix(C * kh * kw, channels)); // (C, kh, kw, C'), row by row
    this.b = new Parameter(new Matrix(1, C));
  }

  /** @param {Matrix} x (N, C' H' W') @returns {Matrix} y, (N, C H W) */
  forward(x) {
    const [f] = ACTIVATIONS[this.activation];
    const [C, H, W] = this.shape_out;
    const y = new Matrix(x.rows, C * H * W);
    for (let n = 0; n < x.rows; n++) {
      const row = y.row(n);
      this.lay(x.row(n), row);
      for (let i = 0; i < row.length; i++) {
        row[i] = f(row[i] + this.b.value.data[Math.floor(i / (H * W))]);
      }
    }
    return y;
  }

  /**
   * Put the patches of one picture down; where they overlap they add up.
   * @param {Float64Array} x (C' H' W')
   * @param {Float64Array} y (C H W), added to
   */
  lay(x, y) {
    const [C, H, W] = this.shape_out;
    const [K, rows, columns] = this.shape_in;
    const [kh, kw] = this.kernel_size;
    const weights = this.W.value.data;
    const pixel = new Float64Array(K); // all channels of one pixel
    for (let p = 0; p < rows * columns; p++) {
      for (let k = 0; k < K; k++) pixel[k] = x[k * rows * columns + p];
      const top = this.stride * Math.floor(p / columns) - this.padding;
      const left = this.stride * (p % columns) - this.padding;
      for (let c = 0; c < C; c++) {
        for (let u = Math.max(0, top); u < Math.min(H, top + kh); u++) {
          for (let v = Math.max(0, left); v < Math.min(W, left + kw); v++) {
            const start = ((c * kh + u - top) * kw + v - left) * K;
            let sum = 0;
            for (let k = 0; k < K; k++) sum += pixel[k] * weights[start + k];
            y[(c * H + u) * W + v] += sum;
          }
        }
      }
    }
  }

  parameters() {
    return [this.W, this.b];
  }
}
