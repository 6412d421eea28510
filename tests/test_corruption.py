"""The damage of a denoising autoencoder: how often it hits, how hard, and what it leaves alone.

Damage to square pictures is compared with loops and hand-made cases.
"""

import numpy as np
import pytest
from naive import DTYPES

from vae_numpy.data.corruption import HIDDEN, corrupt, hide_block, put_on_stripes
from vae_numpy.models import Autoencoder

N, D = 2000, 50  # a hundred thousand entries


def damaged(noise, level, dtype=np.float64, seed=0):
    """Return data without 0 and 1, so that a hit shows, and the same data damaged."""
    x = np.random.default_rng(100).uniform(2, 3, (N, D)).astype(dtype)
    return x, corrupt(x, noise, level, rng=np.random.default_rng(seed))


def assert_share(hits, p):
    """Check a share of independent hits: 4 standard errors of a binomial."""
    assert abs(np.mean(hits) - p) <= 4 * np.sqrt(p * (1 - p) / np.size(hits))


# Statistics: all within 4 standard errors --------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", [0.05, 0.5, 3.0])
def test_gaussian_noise_has_mean_zero_and_the_given_standard_deviation(level, dtype):
    x, y = damaged("gaussian", level, dtype)
    noise, n = (y.astype(np.float64) - x) / level, x.size
    assert abs(noise.mean()) < 4 / np.sqrt(n)
    # For a normal e, var(e^2) = 2, var(e^3) = 15 and var(e^4) = 96.
    assert abs(np.mean(noise**2) - 1) < 4 * np.sqrt(2 / n)
    assert abs(np.mean(noise**3)) < 4 * np.sqrt(15 / n)
    assert abs(np.mean(noise**4) - 3) < 4 * np.sqrt(96 / n)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", [0.02, 0.3, 0.9])
def test_masking_sets_each_value_to_zero_with_the_given_probability(level, dtype):
    x, y = damaged("masking", level, dtype)
    hit = y == 0
    np.testing.assert_array_equal(y[~hit], x[~hit])
    assert_share(hit, level)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("level", [0.02, 0.3, 0.9])
def test_salt_and_pepper_hits_with_the_given_probability_and_is_half_salt(level, dtype):
    x, y = damaged("salt_and_pepper", level, dtype)
    hit = (y == 0) | (y == 1)
    np.testing.assert_array_equal(y[~hit], x[~hit])
    assert_share(hit, level)
    assert_share(y[hit] == 1, 0.5)
    assert_share(y == 1, level / 2)
    assert_share(y == 0, level / 2)


@pytest.mark.parametrize("noise", ["gaussian", "masking", "salt_and_pepper"])
def test_rows_columns_and_draws_are_damaged_independently(noise):
    x, y = damaged(noise, 0.5)
    change = (y != x) if noise != "gaussian" else (y > x)  # a fair coin each
    assert_share(change, 0.5)
    assert_share(change[:-1] == change[1:], 0.5)
    assert_share(change[:, :-1] == change[:, 1:], 0.5)
    other = damaged(noise, 0.5, seed=1)[1]
    assert_share(change == ((other != x) if noise != "gaussian" else (other > x)), 0.5)
    # Each row and each column has its share too; of so many (2,050), 5 standard errors for each.
    for axis, n in ((0, N), (1, D)):
        assert np.all(np.abs(change.mean(axis=axis) - 0.5) < 5 * np.sqrt(0.25 / n))


def test_level_zero_changes_nothing_and_level_one_hits_everything():
    for noise in ("gaussian", "masking", "salt_and_pepper"):
        x, y = damaged(noise, 0)
        np.testing.assert_array_equal(y, x)
    assert np.all(damaged("masking", 1)[1] == 0)
    assert set(np.unique(damaged("salt_and_pepper", 1)[1])) == {0, 1}


# What is left alone ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("noise", ["gaussian", "masking", "salt_and_pepper", lambda x, rng: -x])
def test_the_input_is_never_changed_and_the_type_is_kept(noise, dtype):
    x = np.random.default_rng(0).normal(size=(30, 4)).astype(dtype)
    before = x.copy()
    y = corrupt(x, noise, 0.5, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(x, before)
    assert y.dtype == dtype and y.shape == x.shape and not np.shares_memory(x, y)
    x.flags.writeable = False
    np.testing.assert_array_equal(corrupt(x, noise, 0.5, rng=np.random.default_rng(0)), y)


def wipe(x, rng):
    """Damage in place, as people write it."""
    x[:, 0] = 0
    return x


def test_a_function_that_works_in_place_does_not_reach_the_clean_data():
    x = np.ones((5, 3))
    y = corrupt(x, wipe, rng=np.random.default_rng(0))
    assert np.all(x == 1) and np.all(y[:, 0] == 0)


@pytest.mark.parametrize("noise", [wipe, lambda x, rng: wipe(x.copy(), rng)])
def test_a_function_that_works_in_place_does_not_change_what_is_to_be_returned(noise):
    # Were the target damaged too, the first feature (1 everywhere) would be learnt as 0.
    X = np.random.default_rng(0).normal(size=(50, 3))
    X[:, 0] = 1
    arguments = {"hidden_layer_sizes": (), "learning_rate_init": 0.05, "random_state": 0}
    model = Autoencoder(3, noise=noise, max_iter=100, **arguments).fit(X)
    assert np.max(np.abs(model.reconstruct(X * [0, 1, 1])[:, 0] - 1)) < 0.1


# A function, and what is refused ----------------------------------------------------------------


def test_a_function_gets_the_data_and_the_generator():
    x, rng, seen = np.ones((3, 2), np.float32), np.random.default_rng(5), []

    def noise(x, rng):
        seen.append((x.copy(), rng.random()))
        return (x * 2).tolist()

    y = corrupt(x, noise, rng=rng)
    np.testing.assert_array_equal(y, 2 * x)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(seen[0][0], x)
    assert seen[0][1] == np.random.default_rng(5).random()


def test_the_same_generator_gives_the_same_damage_and_goes_on():
    x, rng = np.ones((20, 4)), np.random.default_rng(3)
    first, second = (corrupt(x, "masking", 0.5, rng=rng) for _ in range(2))
    again = corrupt(x, "masking", 0.5, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    "noise, level, error, message",
    [
        ("pepper", 0.1, ValueError, "noise must be one of .*'masking'.*got 'pepper'"),
        (None, 0.1, ValueError, "noise must be one of .*got None"),
        (0.3, 0.1, ValueError, "noise must be one of .*got 0.3"),
        ("gaussian", -0.1, ValueError, "noise_level must be >= 0, got -0.1"),
        ("gaussian", np.nan, ValueError, "noise_level must be >= 0, got nan"),
        ("gaussian", np.inf, ValueError, "noise_level must be >= 0, got inf"),
        ("gaussian", "0.1", TypeError, "noise_level must be a number, got '0.1'"),
        ("masking", 1.1, ValueError, "noise_level must be >= 0 and <= 1, got 1.1"),
        ("salt_and_pepper", -0.1, ValueError, "noise_level must be >= 0 and <= 1, got -0.1"),
        ("salt_and_pepper", True, TypeError, "noise_level must be a number, got True"),
        (lambda x, rng: x[:2], 0.1, ValueError, r"must return shape \(4, 3\), got \(2, 3\)"),
        (lambda x, rng: 1.0, 0.1, ValueError, r"must return shape \(4, 3\), got \(\)"),
    ],
)
def test_bad_noise_is_refused_by_the_function_and_by_the_model(noise, level, error, message):
    x = np.ones((4, 3))
    with pytest.raises(error, match=message):
        corrupt(x, noise, level, rng=np.random.default_rng(0))
    if noise is not None:  # to a model that means no noise
        model = Autoencoder(1, (), noise=noise, noise_level=level, max_iter=1)
        with pytest.raises(error, match=message):
            model.fit(x)
        assert not hasattr(model, "encoder_")


@pytest.mark.parametrize("noise", ["gaussian", "masking", "salt_and_pepper", lambda x, rng: x])
def test_a_list_and_a_seed_are_refused_by_name(noise):
    with pytest.raises(TypeError, match="x must be a NumPy array, got list"):
        corrupt([[1.0, 2.0]], noise, rng=np.random.default_rng(0))
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got int"):
        corrupt(np.ones((4, 3)), noise, rng=0)


# A hole in each picture ---------------------------------------------------------------------------


def fresh_rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_a_hole_is_one_solid_square_and_the_rest_is_untouched(size):
    x = fresh_rng().random((200, 64)).astype(np.float32)
    before = x.copy()
    damaged = hide_block(x, fresh_rng(), size=size)
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
    damaged = hide_block(np.zeros((n, 16)), fresh_rng(), size=2)
    corners = np.argmax(damaged == HIDDEN, axis=1)  # its first pixel
    counts = np.bincount(corners, minlength=16).reshape(4, 4)
    assert counts[3].sum() == counts[:, 3].sum() == 0
    # Nine places; six standard deviations of a binomial count.
    assert np.all(np.abs(counts[:3, :3] - n / 9) < 6 * np.sqrt(n / 9 * 8 / 9))


# A background of stripes --------------------------------------------------------------------------


def test_the_shape_is_white_and_the_stripes_are_sine_waves():
    masks = np.zeros((50, 256), np.float32)
    masks[:, 100:110] = 1
    scenes = put_on_stripes(masks, fresh_rng(), noise=0.0)
    assert scenes.dtype == np.float32
    assert np.all(scenes[:, 100:110] == 1)
    rest = scenes[:, np.r_[:100, 110:256]]
    assert rest.min() >= 0.1 - 1e-6 and rest.max() <= 0.9 + 1e-6
    # A plane wave s satisfies s(p + e) + s(p - e) = 2 cos(k e) s(p) for any step e.
    for scene in (
        put_on_stripes(np.zeros((20, 256)), fresh_rng(), noise=0.0).reshape(-1, 16, 16) - 0.5
    ):
        for wave in (scene, scene.T):
            middle, both = wave[1:-1].ravel(), (wave[2:] + wave[:-2]).ravel()
            factor = middle @ both / (middle @ middle)
            assert np.allclose(both, factor * middle, atol=1e-9) and abs(factor) <= 2 + 1e-9


def test_the_noise_on_stripes_has_the_level_asked_for():
    masks = np.ones((100, 1024))  # all shape: 1 plus noise
    noise = put_on_stripes(masks, fresh_rng(), noise=0.2) - 1
    assert abs(noise.mean()) < 6 * 0.2 / np.sqrt(noise.size)
    assert abs(noise.std() - 0.2) < 6 * 0.2 / np.sqrt(2 * noise.size)


def test_same_seed_same_damage():
    x = fresh_rng().random((5, 64))
    for damage in (hide_block, put_on_stripes):
        assert np.array_equal(damage(x, fresh_rng()), damage(x, fresh_rng()))


DAMAGES = [(hide_block, "x"), (put_on_stripes, "masks")]


@pytest.mark.parametrize("damage, name", DAMAGES)
@pytest.mark.parametrize("shape", [(), (64,), (3, 10), (2, 8, 8)])
def test_rows_that_are_no_square_pictures_are_refused(damage, name, shape):
    with pytest.raises(ValueError, match=rf"{name} must be square pictures.*got shape"):
        damage(np.zeros(shape), fresh_rng())


@pytest.mark.parametrize("damage, name", DAMAGES)
def test_pictures_that_are_a_list_and_a_seed_are_refused_by_name(damage, name):
    with pytest.raises(TypeError, match=f"{name} must be a NumPy array, got list"):
        damage(np.zeros((3, 64)).tolist(), fresh_rng())
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got int"):
        damage(np.zeros((3, 64)), 0)


def test_bad_sizes_and_levels_are_refused():
    with pytest.raises(ValueError, match=r"size must be .*<= 8, got 9"):
        hide_block(np.zeros((1, 64)), fresh_rng(), size=9)
    with pytest.raises(ValueError, match=r"noise must be >= 0, got -0.1"):
        put_on_stripes(np.zeros((1, 64)), fresh_rng(), noise=-0.1)
