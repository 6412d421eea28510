"""How many directions a cloud really uses: the TwoNN estimator of Facco et al. (2017).

It looks at the distances r1 <= r2 from each point to its two nearest neighbours. Where the
density is even at that scale, mu = r2 / r1 has the distribution F(mu) = 1 - mu^(-d), whatever
the density is, so that -log(1 - F(mu)) = d log(mu): a line through the origin of slope d.
"""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.utils import check_matrix, check_number, power_of_two


def intrinsic_dimension(X: ArrayLike, discard_fraction: float = 0.1) -> float:
    """Estimate the intrinsic dimension of a cloud from two neighbours of each point (TwoNN).

    Parameters
    ----------
    X : (N, D) array
        Repeated points count once: a distance of 0 has no ratio. So do points that coincide to
        rounding, as the same point does after other sums: nearer to each other than 1e-10 of the
        cloud's radius (the median distance from the mean), or 1e-6 if ``X`` is float32.
    discard_fraction : float
        Share of the largest ratios left out of the line's fit (the paper's 10 %).

    Returns
    -------
    float
        The slope of the line through the origin.

    Raises
    ------
    TypeError, ValueError
        If ``X`` is not a finite 2-D array with at least 3 different points, if
        ``discard_fraction`` is not in [0, 1), or if all neighbours are equally far (a grid).

    References
    ----------
    Facco, d'Errico, Rodriguez and Laio, *Scientific Reports* 7, 12140 (2017),
    the algorithm of the section "Results".

    Examples
    --------
    A rolled-up sheet in three dimensions:

    >>> from vae_numpy.data import make_swiss_roll
    >>> X, _ = make_swiss_roll(2000, random_state=0)
    >>> print(f"{intrinsic_dimension(X):.1f}")
    2.0
    """
    check_number("discard_fraction", discard_fraction, minimum=0, below=1)
    rounding = 1e-6 if getattr(X, "dtype", None) == np.float32 else 1e-10
    X = np.unique(check_matrix("X", X), axis=0)
    X /= power_of_two(X)  # the dimension has no unit
    X -= X.mean(axis=0)  # far from the origin, scikit-learn's distances lose digits
    distances = _two_distances(X, rounding * np.median(np.linalg.norm(X, axis=1)))
    n_points = len(distances)
    mu = np.sort(distances[:, 1] / distances[:, 0])  # (N,)
    # The last point has F = 1 and log(1 - F) = -inf: it never takes part.
    n_kept = max(1, min(int((1 - discard_fraction) * n_points), n_points - 1))
    log_mu = np.log(mu[:n_kept])
    survival = -np.log1p(-np.arange(1, n_kept + 1) / n_points)  # -log(1 - F)
    if log_mu[-1] < 1e-9:  # equal up to rounding
        raise ValueError("X must not be a regular grid: all first and second neighbours tie")
    return float(log_mu @ survival / (log_mu @ log_mu))


def _two_distances(X: FloatArray, nearest: float) -> FloatArray:
    """Return the distances (N', 2) to the two nearest points, once per ``nearest`` or less."""
    while len(X) >= 3:
        # The search may round by 1e-8 in many dimensions: it finds neighbours, not distances.
        neighbours = NearestNeighbors(n_neighbors=2).fit(X).kneighbors(return_distance=False)
        lengths = [np.linalg.norm(X - X[neighbour], axis=1) for neighbour in neighbours.T]
        distances = np.stack(lengths, axis=1)  # (N, 2)
        # Of points that coincide the first stays.
        later = neighbours < np.arange(len(X))[:, None]
        again = ((distances <= nearest) & later).any(axis=1)
        if not again.any():
            return np.sort(distances, axis=1)
        X = X[~again]
    raise ValueError(
        f"X must have at least 3 different points, got {len(X)}: "
        "those that coincide to rounding count once"
    )
