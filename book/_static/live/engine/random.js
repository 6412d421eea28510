// A seeded generator: the same seed gives the same numbers in every browser. It is not NumPy's;
// where a page and Python are compared, one hands its numbers to the other.

export class Generator {
  /** @param {number} seed a whole number */
  constructor(seed = 0) {
    this.state = seed >>> 0;
    /** @type {number | null} */
    this.spare = null;
  }

  /** A number in [0, 1), by mulberry32: a counter, whose bits are stirred. */
  random() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @param {number} low @param {number} high */
  uniform(low = 0, high = 1) {
    return low + (high - low) * this.random();
  }

  /** A standard normal number; Box and Muller's formula makes two at a time. */
  normal() {
    if (this.spare !== null) {
      const kept = this.spare;
      this.spare = null;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.random()));
    const angle = 2 * Math.PI * this.random();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** A whole number from 0 to n - 1. @param {number} n */
  integer(n) {
    return Math.floor(n * this.random());
  }

  /** 0 to n - 1 in random order (Fisher and Yates). @param {number} n */
  permutation(n) {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}
