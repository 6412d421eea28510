"""The evidence log p(x), or any log-density's normaliser: from weighted samples, or on a grid."""

import math
from collections.abc import Sequence

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.inference.densities import LogDensity, evaluate
from vae_numpy.utils import as_vector

MOST_POINTS = 10**8  # of a grid: 1 GB for each latent and for the density


def iwae_bound(log_weights: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Estimate log p(x) from M weights w = p(x, z) / q(z) each: log of their mean.

    One weight gives the ELBO; more give a tighter bound (Burda et al. 2016, eq. 8). In expectation
    it never exceeds log p(x).

    Parameters
    ----------
    log_weights : (..., M) array
        log p(x, z) - log q(z), for M samples z ~ q along the last axis.

    Returns
    -------
    bound : (...) array, or a float
        In nats.
    standard_error : (...) array, or a float
        Of the bound, to first order in the spread of the weights; NaN for a single weight. It
        does not cover how far the bound lies below log p(x).

    Raises
    ------
    TypeError, ValueError
        If they are no numbers or there are none, or one is NaN or infinitely large, or all of a
        row are zero (a logarithm of -inf).

    Examples
    --------
    Weights of 1 and 3: the logarithm of their mean, 2, and not the mean of their logarithms.

    >>> bound, standard_error = iwae_bound(np.log([1.0, 3.0]))
    >>> float(np.exp(bound).round(6)), float(standard_error.round(6))
    (2.0, 0.5)
    """
    try:
        log_weights = np.asarray(log_weights, np.float64)
    except (TypeError, ValueError):
        raise TypeError("log_weights must be an array of numbers") from None
    if log_weights.ndim == 0 or log_weights.size == 0:
        raise ValueError(f"log_weights must have shape (..., M), M >= 1, got {log_weights.shape}")
    largest = log_weights.max(axis=-1, keepdims=True)
    if not np.isfinite(largest).all():  # the maximum is NaN where one entry is
        row = tuple(np.argwhere(~np.isfinite(largest))[0][:-1].tolist())
        where = f" in row {', '.join(map(str, row))}" if row else ""
        what = {-np.inf: "nothing but -inf"}.get(largest[row][0], largest[row][0])
        raise ValueError(f"log_weights must be finite, got {what}{where}")
    weights = np.exp(log_weights - largest)  # the largest is 1: no overflow, and a mean above 0
    mean = weights.mean(axis=-1)
    bound = np.log(mean) + largest[..., 0]
    M = log_weights.shape[-1]
    if M == 1:
        return bound, np.full_like(bound, np.nan)[()]
    return bound, weights.std(axis=-1, ddof=1) / (mean * np.sqrt(M))


def grid_posterior(log_density: LogDensity, axes: Sequence[ArrayLike]) -> tuple[FloatArray, float]:
    """Normalise a log-density on a grid by the trapezoidal rule.

    For a smooth density that has died out at the edges the error is far below one part in a
    million once the step is half a standard deviation. The cost is the product of the axes'
    lengths, which is why chapter 6 is about something else.

    Parameters
    ----------
    log_density : callable, (N, K) -> (N,)
    axes : list of K increasing 1-D arrays
        The grid's points along each latent.

    Returns
    -------
    density : array of shape (len(axes[0]), ..., len(axes[K - 1]))
        Integrates to 1 over the grid.
    log_normaliser : float
        The logarithm of the unnormalised density's integral, in nats: log p(x) where
        ``log_density`` is log p(x, z).

    Raises
    ------
    TypeError, ValueError
        If an axis is not as above, the grid has more than 10^8 points, or the log-density is NaN,
        infinitely large, or -inf at all points.

    Examples
    --------
    >>> grid = np.linspace(-8, 8, 161)
    >>> density, log_normaliser = grid_posterior(lambda z: -0.5 * z[:, 0] ** 2, [grid])
    >>> round(log_normaliser, 6)  # of a standard normal: ln(2 pi) / 2
    0.918939
    """
    points = [as_vector(f"axes[{k}]", axis) for k, axis in enumerate(axes)]
    if not points:
        raise ValueError("axes must hold at least one axis, got none")
    n_points = math.prod(len(axis) for axis in points)
    if n_points > MOST_POINTS:
        raise ValueError(
            f"axes must make a grid of at most {MOST_POINTS:,} points, got {n_points:,}"
        )
    log_cell = np.zeros(())
    for k, axis in enumerate(points):
        gaps = np.diff(axis)
        if len(axis) < 2 or (gaps <= 0).any():
            raise ValueError(f"axes[{k}] must be at least 2 increasing numbers, got {axis}")
        widths = (np.append(gaps, 0) + np.insert(gaps, 0, 0)) / 2
        log_cell = log_cell[..., None] + np.log(widths)
    z = np.stack(np.meshgrid(*points, indexing="ij"), axis=-1)  # (n_1, ..., n_K, K)
    log_p = evaluate(log_density, z.reshape(-1, len(points)), zero_allowed=True)
    if not np.isfinite(log_p).any():
        raise ValueError(
            f"log_density must be above -inf somewhere on the grid, got -inf at all {len(log_p)} "
            "points"
        )
    log_p = log_p.reshape(log_cell.shape)
    bound, _ = iwae_bound((log_p + log_cell).ravel())
    log_normaliser = float(bound + np.log(log_p.size))  # log of a sum from the log of a mean
    return np.exp(log_p - log_normaliser), log_normaliser
