"""Gaussians N(mean, factor factor^T): covariances, entropy and divergence."""

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.utils import as_vector, check_matrix

LOG_2PI = np.log(2 * np.pi)


def gaussian_divergence(
    mean_q: ArrayLike, covariance_q: ArrayLike, mean_p: ArrayLike, covariance_p: ArrayLike
) -> float:
    """Compute KL(q || p) between two Gaussians, in nats.

    KL = 1/2 [tr(P^-1 Q) + (m_p - m_q) P^-1 (m_p - m_q)^T - K + ln det P - ln det Q].

    Parameters
    ----------
    mean_q : (K,) array
    covariance_q : (K, K), or (K,) for a diagonal one
    mean_p : (K,) array
    covariance_p : (K, K), or (K,) for a diagonal one

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        If an argument is not numeric, the shapes do not fit or a covariance is not positive
        definite.

    Examples
    --------
    >>> gaussian_divergence([1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0])
    0.5
    """
    mean_q = as_vector("mean_q", mean_q)
    mean_p = as_vector("mean_p", mean_p, len(mean_q))
    _, factor_q = as_covariance(covariance_q, len(mean_q), "covariance_q")
    _, factor_p = as_covariance(covariance_p, len(mean_q), "covariance_p")
    # In coordinates in which p is N(0, I), the factor of q is factor_p^-1 factor_q.
    relative = np.linalg.solve(factor_p, factor_q)
    shift = np.linalg.solve(factor_p, mean_p - mean_q)
    log_volume = np.sum(np.log(np.diag(relative)))
    return float(0.5 * (np.sum(relative**2) + shift @ shift - len(mean_q)) - log_volume)


def as_covariance(
    covariance: ArrayLike, K: int, name: str = "covariance"
) -> tuple[FloatArray, FloatArray]:
    """Return a covariance as (K, K) with its Cholesky factor; (K,) means a diagonal one."""
    if np.shape(covariance) == (K,):
        covariance = np.diag(as_vector(name, covariance))
    if np.shape(covariance) != (K, K):
        raise ValueError(f"{name} must have shape ({K},) or ({K}, {K}), got {np.shape(covariance)}")
    covariance = check_matrix(name, covariance)
    if not np.allclose(covariance, covariance.T, atol=1e-8 * np.abs(covariance).max()):
        raise ValueError(f"{name} must be symmetric, got {covariance.tolist()}")
    try:
        return covariance, np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise ValueError(f"{name} must be positive definite, got {covariance.tolist()}") from None


def gaussian_entropy(scale: FloatArray) -> float:
    """Compute the entropy of N(mean, scale scale^T), in nats."""
    return float(np.sum(np.log(np.diag(scale))) + 0.5 * len(scale) * (1 + LOG_2PI))
