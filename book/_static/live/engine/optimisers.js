// Optimisers: they turn gradients into new values, and know nothing else of a model. The twins
// of those in vae_numpy/optimisers.py.

/** @typedef {import("./layers.js").Parameter} Parameter */

/** Set all gradients to 0: backward adds. @param {Parameter[]} parameters */
export function zero_grad(parameters) {
  for (const p of parameters) p.grad.data.fill(0);
}

/** Gradient descent, with momentum: u = momentum u + grad, value -= learning_rate u. */
export class SGD {
  constructor(learning_rate = 0.01, momentum = 0) {
    this.learning_rate = learning_rate;
    this.momentum = momentum;
    /** @type {Float64Array[]} */
    this.velocities = [];
  }

  /** @param {Parameter[]} parameters the same in each call, in the same order */
  step(parameters) {
    parameters.forEach((p, k) => {
      const [value, grad] = [p.value.data, p.grad.data];
      const u = (this.velocities[k] ??= new Float64Array(value.length));
      for (let i = 0; i < value.length; i++) {
        u[i] = this.momentum * u[i] + grad[i];
        value[i] -= this.learning_rate * u[i];
      }
    });
  }
}

/** Adam: a running mean of the gradient over one of its size (Kingma & Ba 2015, algorithm 1). */
export class Adam {
  constructor(learning_rate = 0.001, beta1 = 0.9, beta2 = 0.999, eps = 1e-8) {
    this.learning_rate = learning_rate;
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.eps = eps;
    this.t = 0;
    /** @type {{m: Float64Array, v: Float64Array}[]} */
    this.slots = [];
  }

  /** @param {Parameter[]} parameters the same in each call, in the same order */
  step(parameters) {
    const { beta1, beta2, eps } = this;
    this.t += 1;
    const rate = this.learning_rate / (1 - beta1 ** this.t);
    const root = Math.sqrt(1 - beta2 ** this.t);
    parameters.forEach((p, k) => {
      const [value, grad, n] = [p.value.data, p.grad.data, p.value.data.length];
      const { m, v } = (this.slots[k] ??= { m: new Float64Array(n), v: new Float64Array(n) });
      for (let i = 0; i < n; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * grad[i];
        v[i] = beta2 * v[i] + (1 - beta2) * grad[i] * grad[i];
        value[i] -= (rate * m[i]) / (Math.sqrt(v[i]) / root + eps);
      }
    });
  }
}
