"""The digits against scikit-learn's own copy."""

import numpy as np
import pytest
from sklearn import datasets

from vae_numpy import data


def test_pixels_are_scikit_learns_sixteenths():
    X, labels = data.load_digits()
    raw = datasets.load_digits()
    assert X.shape == (1797, 64) and X.dtype == np.float64
    assert np.array_equal(X * 16, raw.data)
    assert np.array_equal(labels, raw.target)
    assert X.min() == 0 and X.max() == 1


def test_split_parts_the_digits_with_a_fifth_of_each_held_out():
    X, labels = data.load_digits()
    X_train, X_test, labels_train, labels_test = data.split_digits()
    assert X_train.shape == (1437, 64) and X_test.shape == (360, 64)
    # Together they are all pictures with their labels, each once.
    both = np.column_stack([np.vstack([X_train, X_test]), np.r_[labels_train, labels_test]])
    every = np.column_stack([X, labels])
    assert np.array_equal(both[np.lexsort(both.T)], every[np.lexsort(every.T)])
    assert np.abs(np.bincount(labels_test) - np.bincount(labels) / 5).max() < 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binarise_cuts_at_the_threshold(dtype):
    X = np.array([[0.0, 0.25], [0.5, 1.0]], dtype=dtype)
    assert np.array_equal(data.binarise(X), [[0, 0], [1, 1]])
    assert np.array_equal(data.binarise(X, 0.25), [[0, 1], [1, 1]])
    assert data.binarise(X).dtype == dtype


def test_binarise_names_a_bad_threshold():
    with pytest.raises(ValueError, match="threshold must be >= 0 and <= 1, got 16"):
        data.binarise(np.ones((1, 1)), threshold=16)
