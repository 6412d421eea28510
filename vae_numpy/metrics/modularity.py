"""Modularity: does each code know of one factor only?"""

import numpy as np

from vae_numpy._types import ArrayLike
from vae_numpy.metrics.meaning import N_BINS
from vae_numpy.metrics.mutual_information import mutual_information


def modularity(codes: ArrayLike, factors: ArrayLike, *, n_bins: int = N_BINS) -> float:
    """Compute the modularity of a code.

    Code k has the information I_kf of factor f, and the most of one of them. It scores 1 if it has
    none of the others: 1 - (sum_f I_kf^2 - max_f I_kf^2) / (max_f I_kf^2 (F - 1)). A code that
    knows nothing at all scores 0. The result is the mean over the codes.

    Parameters
    ----------
    codes : (N, K) array
        Usually 10,000 posterior means, as ``sample_codes`` draws them.
    factors : (N, F) array of int, F >= 2
        Grid indices, from 0.
    n_bins : int
        Bins of equal width for each code.

    Returns
    -------
    float
        From 0 to 1, higher is better. Noise does not score 0: its estimated information is small,
        but not zero, and differs between factors.

    Raises
    ------
    TypeError, ValueError
        As ``mutual_information``, or if there is only one factor.

    Warns
    -----
    MeaninglessScoreWarning
        As ``mutual_information``.

    References
    ----------
    Ridgeway and Mozer (2018), section 3 (there written as deviations from an ideal template).

    Examples
    --------
    With two bits as factors, all four pairs equally often, and these factors as the code:

    >>> bits = np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (10, 1))
    >>> modularity(bits, bits)
    1.0
    """
    squares = mutual_information(codes, factors, n_bins=n_bins) ** 2  # (K, F)
    n_factors = squares.shape[1]
    if n_factors < 2:
        raise ValueError("factors must have two or more columns, got one")
    most, total = squares.max(axis=1), squares.sum(axis=1)  # (K,)
    informed = most > 0
    rest = np.divide(total - most, most * (n_factors - 1), out=np.ones_like(most), where=informed)
    return float(np.mean(1 - rest))
