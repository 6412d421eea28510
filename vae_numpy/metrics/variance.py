"""Variance: how a cloud spreads it over directions, and how much a reconstruction keeps."""

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.kernels.threads import one_blas_thread
from vae_numpy.utils import check_matrix, covariance_of, power_of_two


def pca_spectrum(X: ArrayLike) -> FloatArray:
    """Compute the variances along a cloud's principal directions, largest first.

    Parameters
    ----------
    X : (N, D) array

    Returns
    -------
    (D,) float64 array
        Eigenvalues of the covariance C = (1/N) sum (x - m)^T (x - m), in squared units of X.
        They sum to the total variance; divide by that sum to get shares.

    Raises
    ------
    TypeError, ValueError
        If ``X`` is not a finite 2-D array of numbers, or has variances beyond float64.

    Examples
    --------
    >>> pca_spectrum([[3, 0], [-3, 0], [0, 1], [0, -1]])
    array([4.5, 0.5])
    """
    X = check_matrix("X", X)
    with one_blas_thread():  # several would round in another way
        eigenvalues = np.linalg.eigvalsh(covariance_of(X))[::-1]
    return np.maximum(eigenvalues, 0)  # a direction without variance may round to -1e-17


def explained_variance(X: ArrayLike, X_hat: ArrayLike) -> float:
    """Compute the share of the variance of ``X`` that the reconstruction keeps.

    1 is a perfect reconstruction; 0 is no better than the mean; below 0 is worse than the mean.

    Parameters
    ----------
    X, X_hat : (N, D) arrays
        The data and its reconstruction.

    Returns
    -------
    float
        1 - sum (x - x_hat)^2 / sum (x - m)^2, with m the mean of ``X``.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not finite, 2-D and of one shape, or if ``X`` does not vary.

    Examples
    --------
    >>> explained_variance([[0.0], [2.0]], [[0.0], [1.0]])
    0.5
    """
    X, X_hat = check_matrix("X", X), check_matrix("X_hat", X_hat)
    if X.shape != X_hat.shape:
        raise ValueError(f"X_hat must have the shape of X, {X.shape}, got {X_hat.shape}")
    unit = power_of_two(np.stack([X, X_hat]))  # a share has no unit
    X, X_hat = X / unit, X_hat / unit
    total = np.sum((X - X.mean(axis=0)) ** 2)
    if total == 0:
        raise ValueError("X must vary, got the same row throughout")
    return float(1 - np.sum((X - X_hat) ** 2) / total)
