"""Where a score is a number and says nothing: the bins of a code, and the warnings about them."""

import sys
import warnings

import numpy as np

from vae_numpy._types import FloatArray, IntArray

N_BINS = 20  # of equal width, as Locatello et al. (2019) take
FULL = 0.95  # the share of the values in one bin from which on the others hardly count


class MeaninglessScoreWarning(UserWarning):
    """A score was computed, but its value says nothing of the code."""


def bins_of(codes: FloatArray, n_bins: int = N_BINS) -> IntArray:
    """Cut each code into bins of equal width between its smallest and its largest value.

    Parameters
    ----------
    codes : (N, K) float64 array
    n_bins : int

    Returns
    -------
    bins : (N, K) array of int
        From 0 to ``n_bins`` - 1. A code that is constant up to rounding is in bin 0 throughout.
        Every other one has a value in the first and a value in the last bin.
    """
    # Between neighbouring floats there is no room for an edge.
    room = 4 * n_bins * np.spacing(np.abs(codes).max(axis=0))  # (K,)
    bins = np.zeros(codes.shape, np.int64)
    for k in np.flatnonzero(np.ptp(codes, axis=0) > room):
        # A value on an edge belongs to the bin above it, the largest value to the last bin.
        inner = np.histogram_bin_edges(codes[:, k], n_bins)[1:-1]
        bins[:, k] = np.digitize(codes[:, k], inner)
    return bins


def warn_of_full_bins(bins: IntArray, n_bins: int = N_BINS) -> None:
    """Warn of each code that has at least 95 % of its values in one of its bins.

    A few values far out do that. A score that counts in bins then takes the others for one value,
    and one that divides by a standard deviation nearly so. A code that hardly varies does not:
    it is stretched over the bins as any other. Constant codes are not meant.
    """
    share = _fullest(bins)
    full = np.flatnonzero((share >= FULL) & (share < 1))
    if len(full) > 0:
        # Rounded down: 100 % would say that there are no others.
        names = [f"code {k} ({np.floor(1000 * share[k]) / 10:g} %)" for k in full]
        _warn(
            f"nearly all values lie in one of {n_bins} bins of equal width, so that a score says "
            f"nothing of how they differ: {_some(names)}. If a few values far out stretch the "
            "bins, look at them, then clip them (np.clip) or put ranks in the place of the values "
            "(scipy.stats.rankdata)"
        )


def warn_of_constant_codes(bins: IntArray) -> None:
    """Warn of codes that have one value, up to rounding: they have no information to share."""
    constant = np.flatnonzero(_fullest(bins) == 1)
    if len(constant) > 0:
        names = [f"code {k}" for k in constant]
        _warn(
            "constant, and so without information of any factor: "
            f"{_some(names)}. It counts as a code that knows nothing; leave it out if it is none"
        )


def warn_of_narrow_codes(codes: FloatArray, least: float) -> None:
    """Warn of codes whose values are all within ``least`` of each other, but not all the same."""
    span = np.ptp(codes, axis=0)  # (K,)
    narrow = np.flatnonzero((span > 0) & (span < least))
    if len(narrow) > 0:
        names = [f"code {k} (values within {span[k]:.3g})" for k in narrow]
        _warn(
            "so narrow that a linear machine takes all values for one, whatever they say: "
            f"{_some(names)}. Divide the codes by their standard deviations"
        )


def warn_of_few_rows(bins: IntArray, n_bins: int) -> None:
    """Warn of fewer rows than bins: the estimated information is then mostly bias."""
    if len(bins) < n_bins:
        _warn(
            f"codes has {len(bins)} rows, fewer than n_bins = {n_bins}: most bins are empty or "
            "hold one row, and any code seems to know any factor. Take more rows or fewer bins"
        )


def _fullest(bins: IntArray) -> FloatArray:
    """Compute the share of the rows that is in the fullest bin of each code: (K,)."""
    return np.array([np.bincount(code).max() for code in bins.T]) / len(bins)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _warn(message: str) -> None:
    # It names the line that asked for the score: the first one outside of this folder.
    level, frame = 1, sys._getframe()
    while frame.f_back and frame.f_globals["__name__"].startswith(f"{__package__}."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, MeaninglessScoreWarning, stacklevel=level)
