"""DCI: which codes do decision trees look at when they predict a factor from all codes?"""

from dataclasses import dataclass

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.metrics.sampling import check_codes_and_factors, split
from vae_numpy.progress import progress_bar
from vae_numpy.utils import check_generator, check_integer


@dataclass(frozen=True, eq=False)
class DCI:
    """Disentanglement, completeness and informativeness, from a table of importances.

    Attributes
    ----------
    importances : (K, F) array, >= 0
        How much code k counts in the prediction of factor f.
    informativeness : float
        The accuracy of these predictions on held-out rows, averaged over factors.

    Examples
    --------
    The first code is about one factor, the second about two:

    >>> found = DCI(np.array([[1.0, 0.0], [0.5, 0.5]]))
    >>> found.disentanglement
    0.5
    """

    importances: FloatArray
    informativeness: float = np.nan

    @property
    def disentanglement(self) -> float:
        """How far each code counts for one factor only: 1 - entropy, from 0 to 1."""
        return _concentration(self.importances)

    @property
    def completeness(self) -> float:
        """How far each factor is predicted from one code only: 1 - entropy, from 0 to 1."""
        return _concentration(self.importances.T)


def dci(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    rng: np.random.Generator,
    test_fraction: float = 1 / 3,
    n_estimators: int = 100,
    progress: bool = False,
) -> DCI:
    """Compute the DCI scores, with the importances of gradient-boosted trees.

    This is by far the slowest score: each step of the boosting grows one tree for each value of
    the factor. Fewer rows make it quicker in proportion, and so do fewer steps.

    Parameters
    ----------
    codes : (N, K) array, K >= 2
        Usually 15,000 posterior means, as ``sample_codes`` draws them.
    factors : (N, F) array of int, F >= 2
        Grid indices, from 0.
    rng : numpy.random.Generator
        Breaks ties between equally good splits of a tree.
    test_fraction : float
        The share of the rows, the last ones, on which accuracy is measured.
    n_estimators : int
        Steps of the boosting.
    progress : bool
        Show a bar, if this takes more than 3 seconds.

    Returns
    -------
    DCI
        With ``disentanglement``, ``completeness``, ``informativeness`` and ``importances``.

    Raises
    ------
    TypeError, ValueError
        If ``codes`` is not a finite (N, K) array with K >= 2, ``factors`` no (N, F) array of
        integers >= 0 with F >= 2 whose columns vary, ``rng`` no generator, or one of the numbers
        is out of range.

    References
    ----------
    Eastwood and Williams (2018), section 2; trees and weights as in Locatello et al. (2019).

    Examples
    --------
    With the true factors as the code:

    >>> factors = np.random.default_rng(0).integers(2, size=(300, 2))
    >>> found = dci(factors, factors, rng=np.random.default_rng(0), n_estimators=10)
    >>> round(found.disentanglement, 6), round(found.completeness, 6), found.informativeness
    (1.0, 1.0, 1.0)
    """
    from sklearn.ensemble import GradientBoostingClassifier

    codes, factors = check_codes_and_factors(codes, factors)
    if codes.shape[1] < 2 or factors.shape[1] < 2:
        raise ValueError(
            "codes and factors must have two or more columns each, "
            f"got {codes.shape[1]} and {factors.shape[1]}"
        )
    check_generator(rng)
    n_estimators = check_integer("n_estimators", n_estimators, minimum=1)
    z, y, z_test, y_test = split(codes, factors, test_fraction)
    importances, accuracies = [], []
    with progress_bar(factors.shape[1], "factor", shown=progress, delay=3) as bar:
        for y_f, y_test_f in zip(y.T, y_test.T, strict=True):
            seed = int(rng.integers(2**31))
            trees = GradientBoostingClassifier(n_estimators=n_estimators, random_state=seed)
            trees.fit(z, y_f)
            importances.append(trees.feature_importances_)
            accuracies.append(trees.score(z_test, y_test_f))
            bar.update()
    return DCI(np.stack(importances, axis=1), float(np.mean(accuracies)))


def _concentration(importances: FloatArray) -> float:
    # 1 - the entropy of each row as a distribution, in units of its largest possible value; the
    # mean over rows, each weighted by its share of the whole
    weights = importances.sum(axis=1)
    if weights.sum() == 0:
        return 0.0
    p = importances[weights > 0] / weights[weights > 0, None]
    entropies = -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1) / np.log(p.shape[1])
    return float(np.average(1 - entropies, weights=weights[weights > 0]))
