"""How like two pictures are, and how well a mask fits."""

import numpy as np

from vae_numpy._types import ArrayLike
from vae_numpy.utils import check_matrix, check_number, power_of_two


def psnr(X: ArrayLike, X_hat: ArrayLike, peak: float = 1.0) -> float:
    """Compute the peak signal-to-noise ratio 10 log10(peak^2 / mean (x - x_hat)^2).

    Parameters
    ----------
    X, X_hat : (N, D) arrays
        The true pictures and what was made of them, one a row. The mean runs over all pixels of
        all pictures.
    peak : float, > 0
        The largest value that a pixel can have.

    Returns
    -------
    float
        In decibels, higher is better; 10 dB more is a tenth of the mean squared error. Infinite
        if all pixels agree.

    Raises
    ------
    TypeError, ValueError
        If the arrays are not finite, 2-D and of one shape, or ``peak`` is not above 0.

    Examples
    --------
    An error of a tenth of the peak everywhere:

    >>> print(f"{psnr([[0.0, 1.0]], [[0.1, 0.9]]):.2f}")
    20.00
    """
    X, X_hat = check_matrix("X", X), check_matrix("X_hat", X_hat)
    peak = check_number("peak", peak, above=0)
    _check_same_shape("X_hat", X_hat, "X", X)
    difference = X - X_hat
    unit = power_of_two(difference)
    error = np.mean((difference / unit) ** 2)
    return float(20 * np.log10(peak / unit) - 10 * np.log10(error)) if error > 0 else np.inf


def intersection_over_union(masks: ArrayLike, masks_hat: ArrayLike) -> float:
    """Compute the pixels that both masks have, divided by those that either has.

    Parameters
    ----------
    masks, masks_hat : (N, D) arrays of bool
        The true masks and the found ones, one a row.

    Returns
    -------
    float
        The mean over the N pairs; 1 is a perfect mask, 0 one beside the shape. Two empty masks
        agree and count as 1.

    Raises
    ------
    TypeError
        If they do not hold bools.
    ValueError
        If they are empty, not 2-D or of different shapes.

    Examples
    --------
    >>> intersection_over_union([[True, True, False]], [[False, True, False]])
    0.5
    """
    masks, masks_hat = np.asarray(masks), np.asarray(masks_hat)
    for name, array in (("masks", masks), ("masks_hat", masks_hat)):
        if array.dtype != bool:
            raise TypeError(f"{name} must hold bools (such as x > 0.5), got {array.dtype}")
        if array.ndim != 2 or array.size == 0:
            raise ValueError(f"{name} must be non-empty (N, D), got shape {array.shape}")
    _check_same_shape("masks_hat", masks_hat, "masks", masks)
    both = np.sum(masks & masks_hat, axis=1)
    either = np.sum(masks | masks_hat, axis=1)
    return float(np.mean(np.where(either > 0, both / np.maximum(either, 1), 1.0)))


def _check_same_shape(
    name: str, array: np.ndarray, reference_name: str, reference: np.ndarray
) -> None:
    if array.shape != reference.shape:
        raise ValueError(
            f"{name} must have the shape of {reference_name}, {reference.shape}, got {array.shape}"
        )
