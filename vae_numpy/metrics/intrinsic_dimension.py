"""How many directions a cloud really uses: the TwoNN estimator of Facco et al. (2017).

It looks at the distances r1 <= r2 from each point to its two nearest neighbours. Where the
density is even at that scale, mu = r2 / r1 has the distribution F(mu) = 1 - mu^(-d), whatever
the density is, so that -log(1 - F(mu)) = d log(mu): a line through the origin of slope d.
"""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from vae_numpy.utils import check_matrix, check_number


def intrinsic_dimension(X, discard_fraction=0.1):
    """Estimate the intrinsic dimension of a cloud from two neighbours of each point (TwoNN).

    Parameters
    ----------
    X : (N, D) array
        Repeated points are dropped first: a distance of 0 has no ratio.
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
    """
    check_number("discard_fraction", discard_fraction, minimum=0, below=1)
    X = np.unique(check_matrix("X", X), axis=0)
    n_points = len(X)
    if n_points < 3:
        raise ValueError(f"X must have at least 3 different points, got {n_points}")

    X -= X.mean(axis=0)  # far from the origin, scikit-learn's distances lose digits
    distances, _ = NearestNeighbors(n_neighbors=3).fit(X).kneighbors(X)  # (N, 3), itself first
    mu = np.sort(distances[:, 2] / distances[:, 1])  # (N,)
    # The last point has F = 1 and log(1 - F) = -inf: it never takes part.
    n_kept = max(1, min(int((1 - discard_fraction) * n_points), n_points - 1))
    log_mu = np.log(mu[:n_kept])
    survival = -np.log1p(-np.arange(1, n_kept + 1) / n_points)  # -log(1 - F)
    if log_mu[-1] < 1e-9:  # equal up to rounding
        raise ValueError("X must not be a regular grid: all first and second neighbours tie")
    return float(log_mu @ survival / (log_mu @ log_mu))
