"""How much each code says of each factor, in nats: what MIG and modularity are made of."""

import numpy as np

from vae_numpy.metrics.sampling import check_codes_and_factors
from vae_numpy.utils import check_integer


def mutual_information(codes, factors, *, n_bins=20):
    """Estimate the mutual information of each code with each factor from N pictures.

    A code is cut into bins of equal width between its smallest and its largest value; then pairs
    (bin, factor) are counted. Two things follow. A code that hardly varies is stretched over all
    bins like any other. And the estimate is too high by about
    (bins - 1)(values of the factor - 1) / 2N nats where bins are equally full, even for noise.

    Parameters
    ----------
    codes : (N, K) array
    factors : (N, F) array of int
        Grid indices, from 0.
    n_bins : int

    Returns
    -------
    information : (K, F) float64 array
        In nats; I = sum p(b, v) log [p(b, v) / p(b) p(v)] over bins b and values v.

    Raises
    ------
    TypeError, ValueError
        If ``codes`` is not a finite (N, K) array, ``factors`` no (N, F) array of integers >= 0
        whose columns vary, or ``n_bins`` no integer of at least 2.
    """
    codes, factors = check_codes_and_factors(codes, factors)
    bins = _bin(codes, n_bins)  # (N, K)
    return np.stack([_information(bins, column, n_bins) for column in factors.T], axis=1)


def entropy(factors):
    """Compute the entropy of each column of (N, F) grid indices: (F,), in nats."""
    shares = [np.bincount(column) / len(factors) for column in factors.T]
    return np.array([-np.sum(p[p > 0] * np.log(p[p > 0])) for p in shares])


def _bin(codes, n_bins):
    check_integer("n_bins", n_bins, minimum=2)
    # A value on an edge belongs to the bin above it, the largest value to the last bin.
    edges = [np.histogram_bin_edges(code, n_bins)[1:-1] for code in codes.T]
    bins = [np.digitize(code, inner) for code, inner in zip(codes.T, edges, strict=True)]
    return np.stack(bins, axis=1)


def _information(bins, factor, n_bins):
    # bins: (N, K), factor: (N,). All K tables are counted at once, by giving each cell a number.
    (N, K), n_values = bins.shape, factor.max() + 1
    cells = (np.arange(K) * n_bins + bins) * n_values + factor[:, None]  # (N, K)
    counts = np.bincount(cells.ravel(), minlength=K * n_bins * n_values)
    joint = counts.reshape(K, n_bins, n_values) / N  # p(b, v)
    independent = joint.sum(axis=2, keepdims=True) * joint.sum(axis=1, keepdims=True)
    seen = joint > 0
    ratio = np.divide(joint, independent, out=np.ones_like(joint), where=seen)
    return np.sum(joint * np.log(ratio), axis=(1, 2))
