"""Variance: how a cloud spreads it over directions, and how much a reconstruction keeps."""

import numpy as np

from vae_numpy.kernels.threads import one_blas_thread


def pca_spectrum(X):
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
        If ``X`` is not a finite 2-D array of numbers.
    """
    X = check_matrix("X", X)
    centred = X - X.mean(axis=0)
    with one_blas_thread():  # several would round in another way
        eigenvalues = np.linalg.eigvalsh(centred.T @ centred / len(X))[::-1]
    return np.maximum(eigenvalues, 0)  # a direction without variance may round to -1e-17


def explained_variance(X, X_hat):
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
    """
    X, X_hat = check_matrix("X", X), check_matrix("X_hat", X_hat)
    if X.shape != X_hat.shape:
        raise ValueError(f"X_hat must have the shape of X, {X.shape}, got {X_hat.shape}")
    total = np.sum((X - X.mean(axis=0)) ** 2)
    if total == 0:
        raise ValueError("X must vary, got the same row throughout")
    return float(1 - np.sum((X - X_hat) ** 2) / total)


def check_matrix(name, X):
    """Return ``X`` as a finite (N, D) float64 array with N, D >= 1.

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If it is empty, not 2-D, or holds NaN or infinity.
    """
    X = np.asarray(X)
    if X.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {X.dtype}")
    if X.ndim != 2 or X.size == 0:
        raise ValueError(f"{name} must be a non-empty 2-D array (N, D), got shape {X.shape}")
    if not np.isfinite(X).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return X.astype(np.float64)
