"""The losses: closed forms, gradients against finite differences, shapes, and what they refuse."""

import inspect
import math

import mpmath
import naive
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive import BACKENDS, DTYPES, LAYOUTS

from vae_numpy import kernels, losses
from vae_numpy.losses import bernoulli_nll, gaussian_kl, gaussian_nll, squared_error

# Bounded, and the same examples in every run.
bounded = settings(derandomize=True, deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)
LOSSES = {name: (getattr(losses, name), draw) for name, draw in naive.LOSSES.items()}
each_loss = pytest.mark.parametrize("loss", LOSSES)


def others(loss):
    """Return the arguments between a prediction and its target: a log-variance, or none."""
    return [0.0] * (len(LOSSES[loss][1](np.random.default_rng(0), (1, 1))) - 2)


has_a_log_variance = pytest.mark.parametrize("loss", [name for name in LOSSES if others(name)])


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request):
    with kernels.use(request.param):
        yield request.param


# Closed forms ---------------------------------------------------------------------------------


def test_squared_error_by_hand():
    value, dx_hat = squared_error([[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [3.0, 2.0]])
    assert value == (1 + 4 + 0 + 4) / 2
    np.testing.assert_array_equal(dx_hat, [[1, 2], [0, 2]])


@pytest.mark.parametrize("d", [1, 3, 784])
def test_bernoulli_nll_of_a_fair_coin_is_ln_2_a_feature(d):
    x = np.random.default_rng(0).integers(0, 2, (5, d)).astype(float)
    value, _ = bernoulli_nll(np.zeros((5, d)), x)
    assert value == pytest.approx(d * math.log(2), rel=1e-12)


@pytest.mark.parametrize("logit", [0.0999999, -0.0999999, 0.1, -0.1, 0.03])
def test_continuous_bernoulli_nll_to_the_last_digits_where_the_series_ends(logit):
    with mpmath.workdps(50):
        exact = mpmath.mpf(logit)
        normaliser = float(mpmath.log((mpmath.exp(exact) - 1) / exact))
        mean = float(1 / (1 - mpmath.exp(-exact)) - 1 / exact)
    value, dlogits = losses.continuous_bernoulli_nll([[logit]], [[0.0]])
    # The formula takes the difference of two logarithms of 2.3; the series has no such.
    last_digits = 3e-16 if abs(logit) < 0.1 else 1e-14
    assert value == pytest.approx(normaliser, rel=0, abs=last_digits)
    assert dlogits[0, 0] == pytest.approx(mean, rel=0, abs=1e-14)


def test_bernoulli_nll_of_a_known_probability():
    # p = 3/4: -ln(3/4) for a one, -ln(1/4) for a zero
    logits = np.full((1, 2), math.log(3))
    value, dlogits = bernoulli_nll(logits, [[1, 0]])
    assert value == pytest.approx(-math.log(0.75) - math.log(0.25), rel=1e-14)
    np.testing.assert_allclose(dlogits, [[-0.25, 0.75]], rtol=1e-14)


def test_bernoulli_nll_at_logits_of_ten_thousand():
    value, dlogits = bernoulli_nll([[1e4, -1e4, 1e4, -1e4]], [[1, 0, 0, 1]])
    assert value == 2e4
    np.testing.assert_array_equal(dlogits, [[0, 0, 1, -1]])


@pytest.mark.parametrize(
    "mu, variance, published", [(1, 1, 0.5), (0, 4, 0.806853), (2, 0.25, 2.318147)]
)
def test_gaussian_kl_of_known_gaussians(mu, variance, published):
    value, *_ = gaussian_kl([[float(mu)]], [[math.log(variance)]])
    assert value == pytest.approx(published, abs=5e-7)
    assert value == pytest.approx(0.5 * (mu**2 + variance - 1 - math.log(variance)), rel=1e-14)


def test_gaussian_kl_is_zero_at_the_prior_and_nowhere_else():
    value, dmu, dlogvar = gaussian_kl(np.zeros((3, 2)), np.zeros((3, 2)))
    assert value == 0 and not dmu.any() and not dlogvar.any()
    rng = np.random.default_rng(1)
    for _ in range(100):
        assert gaussian_kl(*(1e-3 * rng.normal(size=(2, 1, 1))))[0] > 0


def test_gaussian_kl_is_the_mean_of_the_log_ratio_of_the_densities():
    # The definition, as an integral: E_q[ln q(z) - ln p(z)] on a fine grid.
    mu, variance = 0.7, 0.3
    z = np.linspace(-12, 12, 200_001)
    ln_q = -0.5 * (np.log(2 * np.pi * variance) + (z - mu) ** 2 / variance)
    ln_p = -0.5 * (np.log(2 * np.pi) + z**2)
    integral = np.sum(np.exp(ln_q) * (ln_q - ln_p)) * (z[1] - z[0])
    value, *_ = gaussian_kl([[mu]], [[math.log(variance)]])
    assert value == pytest.approx(integral, rel=1e-9)


def test_gaussian_kl_per_latent_adds_up_to_the_value():
    mu, logvar = np.random.default_rng(2).normal(size=(2, 7, 3))
    value, dmu, dlogvar = gaussian_kl(mu, logvar)
    parts, dmu_parts, dlogvar_parts = gaussian_kl(mu, logvar, per_latent=True)
    assert isinstance(value, float) and parts.shape == (3,)
    for k in range(3):
        assert parts[k] == pytest.approx(naive.gaussian_kl(mu[:, [k]], logvar[:, [k]]), rel=1e-13)
    assert parts.sum() == pytest.approx(value, rel=1e-14)
    np.testing.assert_array_equal(dmu, dmu_parts)
    np.testing.assert_array_equal(dlogvar, dlogvar_parts)


def test_gaussian_nll_of_the_mean_itself():
    value, *_ = gaussian_nll(np.ones((4, 3)), 0.0, np.ones((4, 3)))
    assert value == pytest.approx(3 * 0.9189385, abs=3e-7)


def test_gaussian_nll_with_the_best_variance():
    rng = np.random.default_rng(3)
    mean, x = rng.normal(size=(2, 50, 4))
    mse = naive.squared_error(mean, x) / 4
    value, _, dlogvar = gaussian_nll(mean, math.log(mse), x)
    assert value == pytest.approx(4 * 0.5 * (math.log(2 * math.pi * mse) + 1), rel=1e-13)
    assert abs(dlogvar) < 1e-12  # it is the best


def test_gaussian_nll_with_variance_one_half_is_the_squared_error_up_to_a_constant():
    mean, x = np.random.default_rng(4).normal(size=(2, 6, 5))
    value, dmean, _ = gaussian_nll(mean, math.log(0.5), x)
    error, dx_hat = squared_error(mean, x)
    assert value - error == pytest.approx(5 * 0.5 * math.log(math.pi), rel=1e-13)
    np.testing.assert_allclose(dmean, dx_hat, rtol=1e-13)


@pytest.mark.parametrize("logvar", [80.0, -80.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gaussian_losses_stay_finite_at_log_variances_of_80(logvar, dtype):
    mean, x = np.full((2, 3), 1.5, dtype), np.ones((2, 3), dtype)
    value, *gradients = gaussian_nll(mean, logvar, x)
    kl, *kl_gradients = gaussian_kl(mean, np.full((2, 3), logvar, dtype))
    exact = 3 * 0.5 * (math.log(2 * math.pi) + logvar + 0.25 * math.exp(-logvar))
    assert value == pytest.approx(exact, rel=1e-5)
    assert kl == pytest.approx(3 * 0.5 * (2.25 + math.exp(logvar) - 1 - logvar), rel=1e-5)
    for gradient in (*gradients, *kl_gradients):
        assert np.all(np.isfinite(gradient))


# Gradients ------------------------------------------------------------------------------------


@each_loss
@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from(sorted(LAYOUTS)), seeds)
@settings(bounded, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_gradients(loss, n, d, layout, seed):
    function, draw = LOSSES[loss]
    arguments = [LAYOUTS[layout](a) for a in draw(np.random.default_rng(seed), (n, d))]
    value, *gradients = function(*arguments)
    for i, gradient in enumerate(gradients):
        numeric = naive.partial_gradient(lambda *a: function(*a)[0], arguments, i)
        assert gradient.shape == arguments[i].shape
        assert naive.relative_error(gradient, numeric) < 1e-6


@has_a_log_variance
@pytest.mark.parametrize("shape", ["()", "(D,)", "(N, D)"])
@given(st.integers(1, 6), st.integers(1, 6), seeds)
@settings(bounded, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_gradient_in_a_shared_log_variance(loss, shape, n, d, seed):
    rng = np.random.default_rng(seed)
    function, draw = LOSSES[loss]
    mean, _, x = draw(rng, (n, d))
    logvar = rng.normal(size={"()": (), "(D,)": (d,), "(N, D)": (n, d)}[shape])
    value, dmean, dlogvar = function(mean, logvar, x)
    assert value == pytest.approx(getattr(naive, loss)(mean, logvar, x), rel=1e-12)
    numeric = naive.gradient(lambda v: function(mean, v, x)[0], logvar)
    assert np.shape(dlogvar) == np.shape(logvar) and dmean.shape == (n, d)
    assert naive.relative_error(dlogvar, numeric) < 1e-6


# Sum over the features, mean over the batch ------------------------------------------------------


@each_loss
def test_doubling_the_batch_keeps_the_value_and_halves_each_rows_gradient(loss):
    function, draw = LOSSES[loss]
    arguments = draw(np.random.default_rng(5), (4, 3))
    value, *gradients = function(*arguments)
    doubled, *halved = function(*(np.concatenate([a, a]) for a in arguments))
    assert doubled == pytest.approx(value, rel=1e-14)
    for gradient, half in zip(gradients, halved, strict=True):
        np.testing.assert_allclose(half, np.concatenate([gradient, gradient]) / 2, rtol=1e-14)


@each_loss
def test_repeating_the_features_multiplies_the_value_and_keeps_the_gradients(loss):
    function, draw = LOSSES[loss]
    arguments = draw(np.random.default_rng(6), (4, 3))
    value, *gradients = function(*arguments)
    tripled, *wide = function(*(np.tile(a, 3) for a in arguments))
    assert tripled == pytest.approx(3 * value, rel=1e-14)
    for gradient, repeated in zip(gradients, wide, strict=True):
        np.testing.assert_allclose(repeated, np.tile(gradient, 3), rtol=1e-14)


# Types ----------------------------------------------------------------------------------------


@each_loss
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_have_the_type_of_the_prediction_and_the_value_is_a_float(loss, dtype):
    function, draw = LOSSES[loss]
    prediction, *others = draw(np.random.default_rng(7), (4, 3))
    value, *gradients = function(prediction.astype(dtype), *others)
    assert type(value) is float
    for gradient in gradients:
        assert gradient.dtype == dtype


def test_whole_numbers_and_lists_are_computed_in_float64():
    value, dx_hat = squared_error([[1, 2]], [[0, 0]])
    assert value == 5.0 and dx_hat.dtype == np.float64
    assert bernoulli_nll([[0, 0]], np.array([[True, False]]))[1].dtype == np.float64


@each_loss
def test_arguments_are_left_alone(loss):
    function, draw = LOSSES[loss]
    arguments = draw(np.random.default_rng(8), (4, 3))
    before = [a.copy() for a in arguments]
    for gradient in function(*arguments)[1:]:
        gradient += 1  # and a gradient shares no memory with them
    for array, kept in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(array, kept)


@each_loss
def test_a_nan_in_any_argument_reaches_the_value(loss):
    function, draw = LOSSES[loss]
    arguments = draw(np.random.default_rng(9), (4, 3))
    for array in arguments:
        kept, array[3, 0] = array[3, 0], np.nan
        value, *gradients = function(*arguments)
        array[3, 0] = kept
        assert math.isnan(value)
        assert any(np.isnan(gradient[3, 0]) for gradient in gradients)
        assert sum(np.isnan(gradient).sum() for gradient in gradients) <= len(gradients)


# What they refuse -----------------------------------------------------------------------------


@each_loss
@pytest.mark.parametrize(
    "shapes", [((4, 3), (4, 2)), ((4, 3), (1, 3)), ((4, 3), (3,)), ((4, 1), (4, 3))]
)
def test_shapes_that_differ_are_not_broadcast(loss, shapes):
    function, _ = LOSSES[loss]
    first, second = (np.full(shape, 0.5) for shape in shapes)
    arguments = first, *others(loss), second
    with pytest.raises(ValueError) as error:
        function(*arguments)
    for shape in shapes:
        assert str(shape) in str(error.value)


@each_loss
@pytest.mark.parametrize("shape", [(0, 3), (3,), (), (2, 2, 2)])
def test_what_is_no_batch_of_rows_is_refused_by_name(loss, shape):
    function, _ = LOSSES[loss]
    name = next(iter(inspect.signature(function).parameters))
    array = np.full(shape, 0.5)
    with pytest.raises(ValueError, match=name) as error:
        function(array, *others(loss), array)
    assert str(shape) in str(error.value)


@has_a_log_variance
@pytest.mark.parametrize("shape", [(2,), (4, 1), (1, 3), (3, 4)])
def test_a_log_variance_of_another_shape_is_refused(loss, shape):
    with pytest.raises(ValueError, match=r"logvar must .*\(3,\) or \(4, 3\), got \("):
        LOSSES[loss][0](np.zeros((4, 3)), np.zeros(shape), np.zeros((4, 3)))


@pytest.mark.parametrize("categories, error", [(5, TypeError), ((2, 2), ValueError)])
def test_categorical_nll_wants_the_sizes_of_its_blocks(categories, error):
    with pytest.raises(error, match="^categories must"):
        losses.categorical_nll(np.zeros((1, 5)), [[1, 0, 0, 0, 1]], categories)


@pytest.mark.parametrize("bad", [-0.01, 1.01, 255.0, -np.inf, np.inf])
@pytest.mark.parametrize("loss", [bernoulli_nll, losses.continuous_bernoulli_nll])
def test_bernoulli_losses_want_data_between_0_and_1(loss, bad):
    x = np.full((2, 3), 0.5)
    x[1, 1] = bad
    with pytest.raises(ValueError, match=r"^x must lie in \[0, 1\], got"):
        loss(np.zeros((2, 3)), x)
