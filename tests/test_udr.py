"""UDR against closed forms of the lasso and loops over scikit-learn's."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from vae_numpy.metrics import udr


def white(n, k, seed=0):
    """k columns of mean 0 and variance 1, exactly uncorrelated."""
    Z = np.random.default_rng(seed).standard_normal((n, k))
    U, _, Vt = np.linalg.svd(Z - Z.mean(axis=0), full_matrices=False)
    return U @ Vt * np.sqrt(n)


def living(*codes):
    return [np.full(code.shape[1], 2.0) for code in codes]


def turn(psi):
    c, s = np.cos(psi), np.sin(psi)
    return np.array([[c, s], [-s, c]])


def naive_pair(a, b, alpha):
    """One pair in loops: a lasso of its own for each latent of b."""

    def standard(X):
        return (X - X.mean(axis=0)) / X.std(axis=0)

    R = np.empty((a.shape[1], b.shape[1]))
    for j in range(b.shape[1]):
        R[:, j] = abs(Lasso(alpha=alpha).fit(standard(a), standard(b)[:, j]).coef_)
    worths = []
    for side in (R.T, R):
        each = [max(row) ** 2 / sum(row) if sum(row) > 0 else 0.0 for row in side]
        worths.append(sum(each) / len(each))
    return sum(worths) / 2


@pytest.mark.parametrize("alpha", [0.02, 0.1, 0.4])
def test_udr_is_that_of_a_naive_loop(alpha):
    rng = np.random.default_rng(1)
    shared = rng.standard_normal((300, 4))
    codes = [
        np.tanh(shared @ rng.standard_normal((4, k))) + 0.3 * rng.standard_normal((300, k))
        for k in (3, 5, 4, 2)
    ]
    want = [
        np.median([naive_pair(a, b, alpha) for a in codes if a is not b]) for b in codes
    ]  # the others predict b
    np.testing.assert_allclose(udr(codes, living(*codes), alpha=alpha), want, rtol=1e-3)


def test_models_that_agree_reach_one_minus_alpha_whatever_order_sign_and_scale():
    z = white(100, 4)
    codes = [z, z[:, [2, 0, 3, 1]] * [1, -4, 0.01, 7] + 5, -z]
    np.testing.assert_allclose(udr(codes, living(*codes), alpha=0.1), 0.9, rtol=1e-6)
    np.testing.assert_allclose(udr(codes, living(*codes), alpha=0.3), 0.7, rtol=1e-6)


@pytest.mark.parametrize("degrees", [0, 10, 30, 45])
def test_a_turn_of_two_latents_costs_what_the_shrunken_cosines_say(degrees):
    z, psi = white(100, 2), np.radians(degrees)
    c, s = (max(abs(f(psi)) - 0.1, 0) for f in (np.cos, np.sin))
    codes = [z, z @ turn(psi)]
    np.testing.assert_allclose(udr(codes, living(*codes)), c**2 / (c + s), rtol=1e-5)


def test_a_latent_that_the_other_lacks_counts_as_not_found():
    z = white(100, 3)
    codes = [z, z[:, :2]]
    # all of the second's two are found, and two of the first's three
    np.testing.assert_allclose(udr(codes, living(*codes)), 0.9 * (1 + 2 / 3) / 2, rtol=1e-6)


def test_the_score_is_the_median_over_the_other_models():
    z = white(100, 2)
    codes = [z, z, z, z @ turn(np.pi / 4)]
    askew = (np.sqrt(0.5) - 0.1) / 2
    np.testing.assert_allclose(udr(codes, living(*codes)), [0.9, 0.9, 0.9, askew], rtol=1e-5)
    np.testing.assert_allclose(udr(codes[1:], living(*codes[1:]))[0], (0.9 + askew) / 2, rtol=1e-5)


def test_dead_latents_have_no_part_in_it():
    z, noise = white(200, 2), np.random.default_rng(3).standard_normal((200, 3))
    codes = [np.hstack([z, noise]), np.hstack([z, noise[:, :1] ** 2]), z @ turn(0.5)]
    kl = [[3, 2, 0.01, 0.001, 0], [3, 2, 0.01], [3, 2]]
    live = [code[:, :2] for code in codes]
    np.testing.assert_allclose(udr(codes, kl), udr(live, living(*live)))
    # with another threshold they live
    assert np.all(udr(codes, kl, min_kl=0.0005) < udr(codes, kl))


def test_with_a_model_that_is_dead_nobody_agrees():
    z = white(100, 2)
    assert np.array_equal(udr([z, z], [[3, 3], [0, 0]]), [0, 0])
    scores = udr([z, z, z, z], [[3, 3], [3, 3], [3, 3], [0, 0]])
    np.testing.assert_allclose(scores, [0.9, 0.9, 0.9, 0])


@pytest.mark.parametrize(
    ("codes", "kl", "message"),
    [
        ([np.eye(6)], [np.ones(6)], "two or more models, got 1 and 1"),
        ([np.eye(6)] * 2, [np.ones(6)], "two or more models, got 2 and 1"),
        ([np.eye(6)] * 2, [np.ones(6), np.ones(5)], r"kl_per_latent\[1\] must hold 6 finite"),
        ([np.eye(6)] * 2, [np.full(6, np.nan)] * 2, r"kl_per_latent\[0\] must hold 6 finite"),
        ([np.eye(6), np.eye(7)], [np.ones(6), np.ones(7)], "rows"),
        ([np.eye(6), np.ones(6)], [np.ones(6), np.ones(6)], r"codes\[1\]"),
    ],
)
def test_what_is_no_list_of_codes_is_refused(codes, kl, message):
    with pytest.raises(ValueError, match=message):
        udr(codes, kl)


def test_a_negative_threshold_is_refused():
    with pytest.raises(ValueError, match="^min_kl must be >= 0"):
        udr([np.eye(6)] * 2, [np.ones(6)] * 2, min_kl=-1)
