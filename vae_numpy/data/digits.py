"""Handwritten digits: scikit-learn's 1,797 pictures of 8 x 8 grey pixels."""

import numpy as np
from sklearn import datasets

from vae_numpy._types import ArrayLike, FloatArray, IntArray
from vae_numpy.utils import check_number


def load_digits() -> tuple[FloatArray, IntArray]:
    """Load the digits with pixels scaled from 0..16 to [0, 1].

    Returns
    -------
    X : (1797, 64) float64 array
        One picture a row; ``x.reshape(8, 8)`` is the picture.
    labels : (1797,) int array
        Which digit, 0 to 9.

    Examples
    --------
    >>> X, labels = load_digits()
    >>> X.shape, X.min(), X.max()
    ((1797, 64), np.float64(0.0), np.float64(1.0))
    >>> labels[:5]
    array([0, 1, 2, 3, 4])
    """
    X, labels = datasets.load_digits(return_X_y=True)
    return X / 16.0, labels


def split_digits() -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    """Split the digits into 1,437 pictures to learn from and 360 held out.

    The pictures are ordered by their label (a stable sort) and every fifth is held out: the
    same split on every machine, with a fifth of each digit in it, and no seed to choose.

    Returns
    -------
    X_train, X_test : (1437, 64) and (360, 64) float64 arrays
    labels_train, labels_test : (1437,) and (360,) int arrays
    """
    X, labels = load_digits()
    by_label = np.argsort(labels, kind="stable")
    test = by_label[::5]
    train = np.setdiff1d(by_label, test)
    return X[train], X[test], labels[train], labels[test]


def binarise(X: ArrayLike, threshold: float = 0.5) -> FloatArray:
    """Turn grey pixels into black and white: 1.0 where the value is at least ``threshold``.

    Parameters
    ----------
    X : array of numbers
        Values in [0, 1], of any shape.
    threshold : float
        Between 0 and 1.

    Returns
    -------
    array of 0.0 and 1.0, of the shape of ``X``; float32 in gives float32 out, else float64.

    Raises
    ------
    TypeError, ValueError
        If ``threshold`` is not a number in [0, 1], or ``X`` holds anything but real numbers or
        a NaN, which is neither black nor white.

    Examples
    --------
    >>> binarise([0.2, 0.5, 0.9])
    array([0., 1., 1.])
    """
    check_number("threshold", threshold, minimum=0, maximum=1)
    X = np.asarray(X)
    if X.dtype.kind not in "biuf":
        raise TypeError(f"X must hold real numbers, got dtype {X.dtype}")
    unknown = np.isnan(X)
    if unknown.any():
        raise ValueError(
            f"X must not be NaN, got {unknown.sum()} of {X.size} values, "
            f"the first at index {tuple(np.argwhere(unknown)[0].tolist())}"
        )
    return (X >= threshold).astype(X.dtype if X.dtype == np.float32 else np.float64)
