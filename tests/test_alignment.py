"""The alignment score against closed forms of the lasso and entropies by hand."""

import warnings

import numpy as np
import pytest

from vae_numpy.metrics import alignment_score, alignment_weights


def white(n, k, seed=0):
    """k columns of mean 0 and variance 1, exactly uncorrelated."""
    Z = np.random.default_rng(seed).standard_normal((n, k))
    U, _, Vt = np.linalg.svd(Z - Z.mean(axis=0), full_matrices=False)
    return U @ Vt * np.sqrt(n)


def soft(correlations, alpha):
    """The lasso's answer where the units are uncorrelated (Tibshirani 1996, section 2.2)."""
    return np.maximum(np.abs(correlations) - alpha, 0)


def entropy_by_hand(weights):
    total = sum(weights)
    return -sum(w / total * np.log(w / total) for w in weights if w > 0)


Z = white(200, 6)


@pytest.mark.parametrize("alpha", [1e-6, 0.1, 0.3])
def test_weights_are_soft_thresholded_correlations(alpha):
    directions = np.random.default_rng(1).standard_normal((6, 9))
    directions /= np.linalg.norm(directions, axis=0)  # so that each neuron has variance 1
    weights = alignment_weights(Z, Z @ directions, alpha)
    np.testing.assert_allclose(weights, soft(directions, alpha).T, atol=1e-8)


def test_the_weights_of_correlated_units_meet_the_conditions_of_a_minimum():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((300, 4)) @ rng.standard_normal((4, 4))
    y = X @ [1.0, -0.5, 0, 0] + rng.standard_normal(300)
    w = alignment_weights(X, y[:, None], 0.05)[0]
    X, y = (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()
    # At the minimum the slope is -alpha sign(w) where w is not 0, and within alpha where it is.
    # The signs are lost in |w|: one choice of them must do.
    failures = []
    for signs in np.stack(np.meshgrid(*[[-1, 1]] * 4), -1).reshape(-1, 4):
        slope = X.T @ (X @ (signs * w) - y) / 300
        failures.append(np.max(np.where(w > 0, abs(slope + 0.05 * signs), abs(slope) - 0.05)))
    assert min(failures) < 1e-3


@pytest.mark.parametrize("alpha", [0.01, 0.1, "cv"])
def test_identity_scores_one(alpha):
    assert alignment_score(Z, Z, alpha) == pytest.approx(1)


def test_a_uniform_mix_scores_zero():
    assert alignment_score(Z, Z.sum(axis=1, keepdims=True), 0.1) == pytest.approx(0, abs=1e-7)


@pytest.mark.parametrize("m", [2, 3, 5])
def test_an_even_mix_of_m_units(m):
    neuron = Z[:, :m].sum(axis=1, keepdims=True)
    assert alignment_score(Z, neuron) == pytest.approx(1 - np.log(m) / np.log(6), abs=1e-7)


@pytest.mark.parametrize("K", [2, 6])
def test_each_neuron_has_a_score_of_its_own(K):
    neurons = np.stack([Z[:, 0], Z[:, 0] + Z[:, 1]], axis=1)
    scores = alignment_score(Z[:, :K], neurons, per_neuron=True)
    np.testing.assert_allclose(scores, [1, 1 - np.log(2) / np.log(K)], atol=1e-7)


def test_five_rows_are_enough():
    five = white(5, 2)
    np.testing.assert_allclose(alignment_weights(five, five, 0.1), 0.9 * np.eye(2), atol=1e-8)
    assert alignment_weights(five, five, "cv").shape == (2, 2)  # one row a fold


@pytest.mark.parametrize("degrees", [5, 20, 40])
def test_a_turned_neuron(degrees):
    a = np.radians(degrees)
    neuron = Z[:, :1] * np.cos(a) + Z[:, 1:2] * np.sin(a)
    wanted = 1 - entropy_by_hand(soft(np.array([np.cos(a), np.sin(a)]), 0.1)) / np.log(6)
    assert alignment_score(Z, neuron) == pytest.approx(wanted, abs=1e-6)
    assert (wanted == 1) == (np.sin(a) <= 0.1)  # at 5 degrees the penalty hides the turn


def test_order_scale_sign_and_offset_of_units_and_neurons_do_not_matter():
    rng = np.random.default_rng(3)
    neurons = Z @ rng.standard_normal((6, 20)) + rng.standard_normal((200, 20))
    once = alignment_score(Z, neurons, per_neuron=True)
    order = rng.permutation(6)
    other_units = Z[:, order] * [-1, 100, 0.01, 3, -7, 1] + 5
    again = alignment_score(other_units, -1000 * neurons[:, ::-1] + 3, per_neuron=True)
    np.testing.assert_allclose(again[::-1], once, atol=1e-6)


def test_units_whose_squares_are_beyond_float64_are_units_too():
    np.testing.assert_allclose(alignment_weights(1e200 * Z, 1e-200 * Z), alignment_weights(Z, Z))


@pytest.mark.parametrize("alpha", [0.1, "cv"])
def test_the_global_random_state_stays(alpha):
    before = np.random.get_state()[1:3]  # noqa: NPY002 (the state that others may depend on)
    alignment_score(Z, Z[:, :2], alpha)
    after = np.random.get_state()[1:3]  # noqa: NPY002
    assert np.array_equal(before[0], after[0]) and before[1] == after[1]


def test_constant_units_do_not_count():
    neurons = Z @ np.random.default_rng(4).standard_normal((6, 8))
    padded = np.hstack([Z, np.full((200, 4), 0.3)])
    assert alignment_score(padded, neurons) == pytest.approx(alignment_score(Z, neurons))
    assert not alignment_weights(padded, neurons)[:, 6:].any()


@pytest.mark.parametrize("alpha", [0.1, "cv"])
def test_neurons_that_nothing_predicts_have_no_score(alpha):
    all_columns = white(200, 8, seed=5)
    codes, unrelated = all_columns[:, :6], all_columns[:, 6:7]
    neurons = np.hstack([codes[:, :2], np.ones((200, 1)), unrelated])
    scores = alignment_score(codes, neurons, alpha, per_neuron=True)
    np.testing.assert_allclose(scores[:2], 1)
    assert np.isnan(scores[2]) and (alpha == "cv" or np.isnan(scores[3]))
    if alpha != "cv":  # folds of uncorrelated columns are correlated
        assert alignment_score(codes, neurons, alpha) == pytest.approx(1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # as of a mean over nothing
            assert np.isnan(alignment_score(codes, neurons[:, 2:], alpha))


def test_the_mean_is_over_the_neurons():
    neurons = np.stack([Z[:, 0], Z[:, 0] + Z[:, 1]], axis=1)
    parts = alignment_score(Z, neurons, per_neuron=True)
    assert parts.shape == (2,)
    assert alignment_score(Z, neurons) == pytest.approx(parts.mean())


def test_cross_validation_finds_the_units_that_made_the_neuron():
    rng = np.random.default_rng(6)
    codes = rng.standard_normal((500, 8))
    neurons = codes[:, :3] @ [[1.0], [0.5], [0.0]] + 0.3 * rng.standard_normal((500, 1))
    w = alignment_weights(codes, neurons, "cv")[0]
    assert w[0] > w[1] > 5 * w[2:].max()


@pytest.mark.parametrize(
    ("codes", "neurons", "options", "message"),
    [
        (Z, Z[:100], {}, "neurons must have as many rows as codes, 200, got 100"),
        (Z[:, 0], Z, {}, "codes must be a non-empty 2-D array"),
        (Z, Z[:, 0], {}, "neurons must be a non-empty 2-D array"),
        (Z[:4], Z[:4], {}, "at least 5 rows, got 4"),
        (Z[:, :1], Z, {}, "at least 2 units that vary, got 1"),
        (np.ones((200, 6)), Z, {}, "at least 2 units that vary, got 0"),
        (Z, np.where(Z > 2, np.nan, Z), {}, "neurons must be finite"),
        (Z, Z, {"alpha": 0}, "alpha must be > 0 and < 1, got 0"),
        (Z, Z, {"alpha": 1.0}, "alpha must be > 0 and < 1, got 1.0"),
        (Z, Z, {"alpha": "bic"}, "alpha must be one of 'cv', got 'bic'"),
    ],
)
def test_errors_name_the_argument(codes, neurons, options, message):
    with pytest.raises(ValueError, match=message):
        alignment_score(codes, neurons, **options)


def test_text_is_no_code():
    with pytest.raises(TypeError, match="codes must hold real numbers"):
        alignment_weights(np.array([["a"] * 6] * 200), Z)
