"""The separated attribute predictability (SAP): is one code alone the best judge of a factor?"""

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray, IntArray
from vae_numpy.metrics.meaning import bins_of, warn_of_full_bins, warn_of_narrow_codes
from vae_numpy.metrics.sampling import check_codes_and_factors, split
from vae_numpy.progress import progress_bar
from vae_numpy.utils import check_number


def sap(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    test_fraction: float = 1 / 3,
    C: float = 0.01,
    progress: bool = False,
) -> float:
    """Compute the SAP score.

    Each code alone predicts each factor with a linear support vector machine. For each factor: the
    accuracy of the best code minus that of the second best; then the mean over factors.

    The machine's weight and offset are penalised, and so a code is read less well where it is far
    from 0 in units of its spread, or its spread is small.

    Parameters
    ----------
    codes : (N, K) array, K >= 2
        Usually 15,000 posterior means, as ``sample_codes`` draws them.
    factors : (N, F) array of int
        Grid indices, from 0.
    test_fraction : float
        The share of the rows, the last ones, on which accuracy is measured.
    C : float
        The machine's penalty on errors, from 1e-12 to 1e12; beyond, its solver may never end.
    progress : bool
        Show a bar, if this takes more than 3 seconds.

    Returns
    -------
    float
        From 0 to 1, higher is better. A perfect code does not reach 1: from one number, a linear
        machine cannot tell apart 40 values.

    Raises
    ------
    TypeError, ValueError
        If ``codes`` is not a finite (N, K) array with K >= 2, ``factors`` no (N, F) array of
        integers >= 0 whose columns vary, or one of the numbers is out of range.

    Warns
    -----
    MeaninglessScoreWarning
        If a linear machine cannot read a code: values far out stretch it
        (``mutual_information`` says how that is seen), or it varies by less than 1e-6 / sqrt(C N),
        with N the rows for training; 1e-7 for 10,000 of them.

    References
    ----------
    Kumar et al. (2018), section 3, for discrete factors.

    Examples
    --------
    With two bits as factors and these factors as the code. The right code is never wrong, the
    other one half of the time:

    >>> bits = np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (300, 1))
    >>> sap(bits, bits)
    0.5
    """
    codes, factors = check_codes_and_factors(codes, factors)
    if codes.shape[1] < 2:
        raise ValueError(f"codes must have two or more columns for a gap, got {codes.shape}")
    C = check_number("C", C, above=0)
    if not 1e-12 <= C <= 1e12:
        raise ValueError(f"C must be from 1e-12 to 1e12, where its solver ends, got {C:g}")
    warn_of_full_bins(bins_of(codes))
    z, y, z_test, y_test = split(codes, factors, test_fraction)
    # To tell values a span s apart, the machine needs a weight of the order of 1 / s. The penalty
    # leaves C N s^2 of it; below 1e-12, measured, that is lost in the solver's rounding.
    warn_of_narrow_codes(codes, 1e-6 / np.sqrt(C * len(z)))
    accuracy = np.empty((codes.shape[1], factors.shape[1]))  # (K, F)
    with progress_bar(accuracy.size, "fit", shown=progress, delay=3) as bar:
        for k, f in np.ndindex(accuracy.shape):
            accuracy[k, f] = _accuracy(z[:, [k]], y[:, f], z_test[:, [k]], y_test[:, f], C)
            bar.update()
    accuracy.sort(axis=0)
    return float(np.mean(accuracy[-1] - accuracy[-2]))


def _accuracy(z: FloatArray, y: IntArray, z_test: FloatArray, y_test: IntArray, C: float) -> float:
    from sklearn.svm import LinearSVC

    # dual=False draws no random numbers, and is the quicker one where rows outnumber columns
    machine = LinearSVC(C=C, class_weight="balanced", dual=False)
    return machine.fit(z, y).score(z_test, y_test)
