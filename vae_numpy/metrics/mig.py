"""The mutual information gap: does one code, and no second one, know a factor?"""

import numpy as np

from vae_numpy._types import ArrayLike
from vae_numpy.metrics.meaning import N_BINS
from vae_numpy.metrics.mutual_information import entropy, mutual_information
from vae_numpy.metrics.sampling import check_codes_and_factors


def mig(codes: ArrayLike, factors: ArrayLike, *, n_bins: int = N_BINS) -> float:
    """Compute the mutual information gap (MIG).

    For each factor: the information that the best code has of it, minus what the second best has,
    as a share of the factor's entropy; then the mean over factors.

    Parameters
    ----------
    codes : (N, K) array, K >= 2
        Usually 10,000 posterior means, as ``sample_codes`` draws them.
    factors : (N, F) array of int
        Grid indices, from 0.
    n_bins : int
        Bins of equal width for each code. A factor with more values than bins cannot reach 1.

    Returns
    -------
    float
        From 0 to 1, higher is better.

    Raises
    ------
    TypeError, ValueError
        As ``mutual_information``, or if there is only one code.

    Warns
    -----
    MeaninglessScoreWarning
        As ``mutual_information``.

    References
    ----------
    Chen et al. (2018); estimated from bins as in Locatello et al. (2019).

    Examples
    --------
    With two bits as factors, all four pairs equally often, and these factors as the code:

    >>> bits = np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (10, 1))
    >>> mig(bits, bits)
    1.0
    """
    codes, factors = check_codes_and_factors(codes, factors)
    if codes.shape[1] < 2:
        raise ValueError(f"codes must have two or more columns for a gap, got {codes.shape}")
    information = np.sort(mutual_information(codes, factors, n_bins=n_bins), axis=0)  # (K, F)
    return float(np.mean((information[-1] - information[-2]) / entropy(factors)))
