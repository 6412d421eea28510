"""The measures of pictures and masks, against sets and hand-made cases."""

import warnings

import numpy as np
import pytest

from vae_numpy.metrics.pictures import intersection_over_union, psnr


def test_psnr_by_hand():
    X = np.zeros((2, 4))
    assert psnr(X, X + 0.1) == pytest.approx(20)  # mean square 0.01
    assert psnr(X, X + 0.01) == pytest.approx(40)
    assert psnr(255 * X, 255 * (X + 0.1), peak=255) == pytest.approx(20)
    assert psnr(X, X) == np.inf
    # One wrong pixel of eight, by 1: a mean square of 1/8.
    assert psnr(X, np.eye(2, 4) * [[1], [0]]) == pytest.approx(10 * np.log10(8))


def test_psnr_of_equal_pictures_is_infinite_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert psnr(np.ones((2, 3)), np.ones((2, 3))) == np.inf


def test_intersection_over_union_against_sets():
    masks, found = np.random.default_rng(0).random((2, 30, 20)) > 0.6
    expected = []
    for a, b in zip(masks, found, strict=True):
        a, b = set(np.flatnonzero(a)), set(np.flatnonzero(b))
        expected.append(len(a & b) / len(a | b))
    assert intersection_over_union(masks, found) == pytest.approx(np.mean(expected))


def test_intersection_over_union_at_its_ends():
    masks = np.eye(3, 5, dtype=bool)
    assert intersection_over_union(masks, masks) == 1
    assert intersection_over_union(masks, ~masks) == 0
    assert intersection_over_union(masks, np.zeros_like(masks)) == 0
    assert intersection_over_union(np.zeros_like(masks), np.zeros_like(masks)) == 1
    assert intersection_over_union([[True]], [[True]]) == 1


def test_measures_refuse_what_they_cannot_compare():
    with pytest.raises(ValueError, match=r"^X_hat must have the shape of X, "):
        psnr(np.zeros((2, 3)), np.zeros((2, 4)))
    for name, pictures in (("X", ([[np.nan]], [[0.0]])), ("X_hat", ([[0.0]], [[np.nan]]))):
        with pytest.raises(ValueError, match=f"^{name} must be finite"):
            psnr(*pictures)
    with pytest.raises(ValueError, match=r"^peak must be > 0"):
        psnr(np.zeros((2, 3)), np.zeros((2, 3)), peak=0)
    with pytest.raises(TypeError, match=r"^masks_hat must hold bools.*float64"):
        intersection_over_union(np.ones((2, 3), bool), np.zeros((2, 3)))
    for empty in (np.ones(3, bool), np.ones((0, 3), bool)):
        with pytest.raises(ValueError, match=r"^masks must be non-empty"):
            intersection_over_union(empty, empty)
    with pytest.raises(ValueError, match=r"^masks_hat must have the shape of masks, "):
        intersection_over_union(np.ones((2, 3), bool), np.ones((2, 4), bool))
