"""How much each code says of each factor, in nats: what MIG and modularity are made of."""

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray, IntArray
from vae_numpy.metrics.meaning import (
    N_BINS,
    bins_of,
    warn_of_constant_codes,
    warn_of_few_rows,
    warn_of_full_bins,
)
from vae_numpy.metrics.sampling import check_codes_and_factors
from vae_numpy.utils import check_integer


def mutual_information(codes: ArrayLike, factors: ArrayLike, *, n_bins: int = N_BINS) -> FloatArray:
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
        From 2 to a million.

    Returns
    -------
    information : (K, F) float64 array
        In nats; I = sum p(b, v) log [p(b, v) / p(b) p(v)] over bins b and values v.

    Raises
    ------
    TypeError, ValueError
        If ``codes`` is not a finite (N, K) array in the range of float32, ``factors`` no (N, F)
        array of integers >= 0 whose columns vary, or ``n_bins`` is out of range.

    Warns
    -----
    MeaninglessScoreWarning
        If at least 95 % of a code's values are in one bin, as one value far out makes it; if a
        code is constant; if there are fewer rows than bins.

    Examples
    --------
    Two bits as factors, all four pairs equally often; each code is one of them, and knows ln 2:

    >>> bits = np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (10, 1))
    >>> mutual_information(bits, bits).round(3)
    array([[0.693, 0.   ],
           [0.   , 0.693]])
    """
    codes, factors = check_codes_and_factors(codes, factors)
    n_bins = check_integer("n_bins", n_bins, minimum=2)
    if n_bins > 1_000_000:
        raise ValueError(f"n_bins must be at most a million, got {n_bins}")
    bins = bins_of(codes, n_bins)  # (N, K)
    warn_of_few_rows(bins, n_bins)
    warn_of_constant_codes(bins)
    warn_of_full_bins(bins, n_bins)
    return np.array([[_information(code, factor) for factor in factors.T] for code in bins.T])


def entropy(factors: IntArray) -> FloatArray:
    """Compute the entropy of each column of (N, F) integers: (F,), in nats."""
    shares = [np.unique(column, return_counts=True)[1] / len(factors) for column in factors.T]
    return np.array([-np.sum(p * np.log(p)) for p in shares])


def _information(bins: IntArray, values: IntArray) -> float:
    """Compute the information of two columns (N,) of integers from 0 from the pairs in them."""
    n_values = values.max() + 1
    pairs, counts = _count(bins * n_values + values)
    b, v = np.divmod(pairs, n_values)
    joint = counts / len(bins)  # p(b, v)
    independent = np.bincount(bins)[b] * np.bincount(values)[v] / len(bins) ** 2  # p(b) p(v)
    return np.sum(joint * np.log(joint / independent))


def _count(numbers: IntArray) -> tuple[IntArray, IntArray]:
    """Return the numbers >= 0 that occur, and how often each does."""
    if numbers.max() > 10 * len(numbers):  # mostly gaps: sort them, whatever their size
        return np.unique(numbers, return_counts=True)
    counts = np.bincount(numbers)
    seen = np.flatnonzero(counts)
    return seen, counts[seen]
