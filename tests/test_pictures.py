"""Damage to pictures and their measures, against loops and hand-made cases."""

import numpy as np
import pytest

from vae_numpy.data.pictures import HIDDEN, hide_block, put_on_stripes
from vae_numpy.metrics.pictures import intersection_over_union, psnr


def _rng():
    return np.random.default_rng(0)


# The hole ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_hole_is_one_solid_square_and_the_rest_is_untouched(size):
    x = _rng().random((200, 64)).astype(np.float32)
    before = x.copy()
    damaged = hide_block(x, _rng(), size=size)
    assert damaged.dtype == np.float32 and np.array_equal(x, before)
    holes = (damaged == HIDDEN).reshape(-1, 8, 8)
    for hole in holes:
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert len(rows) == len(columns) == size
        assert hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert hole.sum() == size * size
    visible = ~holes.reshape(x.shape)
    assert np.array_equal(damaged[visible], x[visible])


def test_every_place_for_the_hole_is_equally_likely():
    n = 20_000
    damaged = hide_block(np.zeros((n, 16)), _rng(), size=2)
    corners = np.argmax(damaged == HIDDEN, axis=1)  # its first pixel
    counts = np.bincount(corners, minlength=16).reshape(4, 4)
    assert counts[3].sum() == counts[:, 3].sum() == 0
    # Nine places; six standard deviations of a binomial count.
    assert np.all(np.abs(counts[:3, :3] - n / 9) < 6 * np.sqrt(n / 9 * 8 / 9))


# The stripes ---------------------------------------------------------------------------------


def test_the_shape_is_white_and_the_stripes_are_sine_waves():
    masks = np.zeros((50, 256), np.float32)
    masks[:, 100:110] = 1
    scenes = put_on_stripes(masks, _rng(), noise=0.0)
    assert scenes.dtype == np.float32
    assert np.all(scenes[:, 100:110] == 1)
    rest = scenes[:, np.r_[:100, 110:256]]
    assert rest.min() >= 0.1 - 1e-6 and rest.max() <= 0.9 + 1e-6
    # A plane wave s satisfies s(p + e) + s(p - e) = 2 cos(k e) s(p) for any step e.
    for scene in put_on_stripes(np.zeros((20, 256)), _rng(), noise=0.0).reshape(-1, 16, 16) - 0.5:
        for wave in (scene, scene.T):
            middle, both = wave[1:-1].ravel(), (wave[2:] + wave[:-2]).ravel()
            factor = middle @ both / (middle @ middle)
            assert np.allclose(both, factor * middle, atol=1e-9) and abs(factor) <= 2 + 1e-9


def test_the_noise_on_stripes_has_the_level_asked_for():
    masks = np.ones((100, 1024))  # all shape: 1 plus noise
    noise = put_on_stripes(masks, _rng(), noise=0.2) - 1
    assert abs(noise.mean()) < 6 * 0.2 / np.sqrt(noise.size)
    assert abs(noise.std() - 0.2) < 6 * 0.2 / np.sqrt(2 * noise.size)


def test_same_seed_same_damage():
    x = _rng().random((5, 64))
    for damage in (hide_block, put_on_stripes):
        assert np.array_equal(damage(x, _rng()), damage(x, _rng()))


DAMAGES = [(hide_block, "x"), (put_on_stripes, "masks")]


@pytest.mark.parametrize("damage, name", DAMAGES)
@pytest.mark.parametrize("shape", [(), (64,), (3, 10), (2, 8, 8)])
def test_rows_that_are_no_square_pictures_are_refused(damage, name, shape):
    with pytest.raises(ValueError, match=rf"{name} must be square pictures.*got shape"):
        damage(np.zeros(shape), _rng())


@pytest.mark.parametrize("damage, name", DAMAGES)
def test_a_list_and_a_seed_are_refused_by_name(damage, name):
    with pytest.raises(TypeError, match=f"{name} must be a NumPy array, got list"):
        damage(np.zeros((3, 64)).tolist(), _rng())
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got int"):
        damage(np.zeros((3, 64)), 0)


def test_bad_sizes_and_levels_are_refused():
    with pytest.raises(ValueError, match=r"size must be .*<= 8, got 9"):
        hide_block(np.zeros((1, 64)), _rng(), size=9)
    with pytest.raises(ValueError, match=r"noise must be >= 0, got -0.1"):
        put_on_stripes(np.zeros((1, 64)), _rng(), noise=-0.1)


# The measures --------------------------------------------------------------------------------


def test_psnr_by_hand():
    X = np.zeros((2, 4))
    assert psnr(X, X + 0.1) == pytest.approx(20)  # mean square 0.01
    assert psnr(X, X + 0.01) == pytest.approx(40)
    assert psnr(255 * X, 255 * (X + 0.1), peak=255) == pytest.approx(20)
    assert psnr(X, X) == np.inf
    # One wrong pixel of eight, by 1: a mean square of 1/8.
    assert psnr(X, np.eye(2, 4) * [[1], [0]]) == pytest.approx(10 * np.log10(8))


def test_intersection_over_union_against_sets():
    masks, found = _rng().random((2, 30, 20)) > 0.6
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


def test_measures_refuse_what_they_cannot_compare():
    with pytest.raises(ValueError, match=r"X_hat must have the shape of X"):
        psnr(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"peak must be > 0"):
        psnr(np.zeros((2, 3)), np.zeros((2, 3)), peak=0)
    with pytest.raises(TypeError, match=r"masks_hat must hold bools.*float64"):
        intersection_over_union(np.ones((2, 3), bool), np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"masks must be non-empty"):
        intersection_over_union(np.ones(3, bool), np.ones(3, bool))
    with pytest.raises(ValueError, match=r"masks_hat must have the shape of masks"):
        intersection_over_union(np.ones((2, 3), bool), np.ones((2, 4), bool))
