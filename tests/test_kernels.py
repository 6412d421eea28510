"""The kernels on both backends against scalar loops, at awkward shapes, layouts and extremes."""

import inspect
import math
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import naive
import numpy as np
import pytest
from naive import ACTIVATIONS, BACKENDS, DTYPES, LAYOUTS, LOSSES

from vae_numpy import kernels
from vae_numpy.kernels import reference
from vae_numpy.layers import Dense
from vae_numpy.models import VAE, Autoencoder

SHAPES = [(1, 1, 1), (1, 4, 3), (5, 1, 2), (7, 3, 1), (6, 5, 4), (13, 17, 9)]

backends = pytest.mark.parametrize("backend", BACKENDS)
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)
# Each pair is compiled anew, and a layout's faults do not depend on the type.
layouts_and_dtypes = pytest.mark.parametrize(
    "layout, dtype",
    [("contiguous", np.float32), *((layout, np.float64) for layout in LAYOUTS)],
    ids=lambda value: getattr(value, "__name__", value),
)
needs_numba = pytest.mark.skipif("numba" not in BACKENDS, reason="numba is not installed")


def assert_close(got, want, dtype, scale=100):
    """Equal up to ``scale`` roundings of the largest entry; nothing here sums 100 terms."""
    assert np.shape(got) == np.shape(want)
    size = max(1.0, float(np.max(np.abs(want))))
    assert np.max(np.abs(np.asarray(got, float) - want)) <= scale * np.finfo(dtype).eps * size


def draw(rng, *shapes, dtype, layout="contiguous"):
    return [LAYOUTS[layout](rng.normal(size=shape).astype(dtype)) for shape in shapes]


# The dense layer ------------------------------------------------------------------------------


@backends
@layouts_and_dtypes
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dense_is_the_naive_loop(backend, dtype, layout, activation):
    rng = np.random.default_rng(1)
    for n, n_in, n_out in SHAPES:
        x, dy = draw(rng, (n, n_in), (n, n_out), dtype=dtype, layout=layout)
        W, b = draw(rng, (n_in, n_out), (n_out,), dtype=dtype)
        for bias in (b, None):
            dW, db = draw(rng, W.shape, (n_out,), dtype=dtype)
            dW_before, db_before = dW.copy(), db.copy()
            with kernels.use(backend):
                y = kernels.dense_forward(x, W, bias, activation)
                dx = kernels.dense_backward(
                    dy, x, y, W, activation, dW, None if bias is None else db
                )
            want_dx, want_dW, want_db = naive.dense_backward(dy, x, W, bias, activation)
            assert y.dtype == dx.dtype == dW.dtype == dtype
            assert_close(y, naive.dense_forward(x, W, bias, activation), dtype)
            assert_close(dx, want_dx, dtype)
            assert_close(dW, dW_before + want_dW, dtype)  # added, not overwritten
            assert_close(db, db_before + (0 if bias is None else want_db), dtype)


@backends
@dtypes
@pytest.mark.parametrize("own", [False, True])
def test_dense_without_accumulating_overwrites(backend, dtype, own, monkeypatch):
    """Whatever the gradients held, on BLAS's product and on our own; dx only where needed."""
    monkeypatch.setattr("vae_numpy.kernels.threads.OWN_PRODUCT", 0 if own else 2**60)
    rng = np.random.default_rng(7)
    for n, n_in, n_out in SHAPES:
        x, y, dy = draw(rng, (n, n_in), (n, n_out), (n, n_out), dtype=dtype)
        W, b = draw(rng, (n_in, n_out), (n_out,), dtype=dtype)
        want = [np.zeros_like(W), np.zeros_like(b)]
        got = [np.full_like(W, np.nan), np.full_like(b, np.nan)]
        with kernels.use(backend):
            y = kernels.dense_forward(x, W, b, "relu")
            dx = kernels.dense_backward(dy, x, y, W, "relu", *want)
            nothing = kernels.dense_backward(
                dy, x, y, W, "relu", *got, accumulate=False, need_dx=False
            )
        assert nothing is None and dx.shape == x.shape
        for a, b in zip(got, want, strict=True):
            assert_close(a, b, dtype)


@backends
@dtypes
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dense_on_our_own_product_is_the_naive_loop(backend, dtype, activation, monkeypatch):
    monkeypatch.setattr("vae_numpy.kernels.threads.OWN_PRODUCT", 0)
    test_dense_is_the_naive_loop(backend, dtype, "contiguous", activation)


@backends
@dtypes
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dense_leaves_its_inputs_alone(backend, dtype, activation):
    rng = np.random.default_rng(2)
    x, W, b, dy = draw(rng, (4, 3), (3, 2), (2,), (4, 2), dtype=dtype)
    with kernels.use(backend):
        y = kernels.dense_forward(x, W, b, activation)
        inputs = [x, W, b, dy, y]
        before = [a.copy() for a in inputs]
        kernels.dense_forward(x, W, b, activation)
        kernels.dense_backward(dy, x, y, W, activation, np.zeros_like(W), np.zeros_like(b))
    for array, kept in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, kept)


LIMITS = {
    # f(-inf), f(-1e4), f(0), f(1e4), f(inf)
    "identity": [-np.inf, -1e4, 0, 1e4, np.inf],
    "relu": [0, 0, 0, 1e4, np.inf],
    "tanh": [-1, -1, 0, 1, 1],
    "sigmoid": [0, 0, 0.5, 1, 1],
    "softplus": [0, 0, math.log(2), 1e4, np.inf],
}


@backends
@dtypes
@pytest.mark.parametrize("activation, limits", LIMITS.items())
def test_activations_at_their_limits_and_at_nan(backend, dtype, activation, limits):
    a = np.array([[-np.inf, -1e4, 0, 1e4, np.inf, np.nan]], dtype)
    with kernels.use(backend), np.errstate(over="raise"):
        # One column, so that an infinite entry meets no other.
        y = kernels.dense_forward(a.T.copy(), np.ones((1, 1), dtype), None, activation).T
    np.testing.assert_allclose(y[0, :5], limits, rtol=2 * np.finfo(dtype).eps)
    assert np.isnan(y[0, 5])


@backends
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nan_comes_out_of_a_dense_layer_where_it_went_in(backend, bias, activation):
    rng = np.random.default_rng(3)
    x, W, dy = draw(rng, (3, 2), (2, 4), (3, 4), dtype=np.float64)
    b = np.zeros(4) if bias else None
    with kernels.use(backend):
        y = kernels.dense_forward(x, W, b, activation)
        dy[1, 2] = np.nan
        dW, db = np.zeros_like(W), np.zeros(4) if bias else None
        dx = kernels.dense_backward(dy, x, y, W, activation, dW, db)
        x[1, 0] = np.nan
        y = kernels.dense_forward(x, W, b, activation)
    assert np.isnan(y).all(axis=1).tolist() == [False, True, False]
    assert np.isnan(dx).all(axis=1).tolist() == [False, True, False]
    assert np.isnan(dW).all(axis=0).tolist() == [False, False, True, False]
    if bias:
        assert np.isnan(db).tolist() == [False, False, True, False]


def documented(function):
    """Return what a docstring lists as the values of ``activation``; None if it lists nothing."""
    listed = re.search(r"^ *activation : \{(.*?)\}", inspect.getdoc(function), re.M | re.S)
    return listed and set(re.findall(r'"(\w+)"', listed[1]))


def test_every_activation_is_tested_and_documented():
    """The tests above go over the naive versions: one that is missing there would slip through."""
    known = set(reference.ACTIVATIONS)
    places = {
        "tests/naive.py": set(ACTIVATIONS),
        "LIMITS, in this file": set(LIMITS),
        "docstring of Dense": documented(Dense),
        # These may list none and send the reader to Dense.
        "docstring of Autoencoder": documented(Autoencoder) or known,
        "docstring of VAE": documented(VAE) or known,
    }
    late = [f"{place}: {names ^ known}" for place, names in places.items() if names != known]
    assert not late, "complete " + "; ".join(late)


@needs_numba
def test_each_derivative_in_one_pass_belongs_to_an_activation():
    from vae_numpy.kernels import compiled

    assert set(compiled._TIMES_DERIVATIVE) <= set(reference.ACTIVATIONS)


@needs_numba
@dtypes
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_derivative_without_a_pass_of_its_own_is_the_reference_s(dtype, activation, monkeypatch):
    from vae_numpy.kernels import compiled

    monkeypatch.setattr(compiled, "_TIMES_DERIVATIVE", {})
    test_dense_is_the_naive_loop("numba", dtype, "contiguous", activation)


@dtypes
@pytest.mark.parametrize("activation", reference.ACTIVATIONS)
def test_an_activation_and_its_derivative_keep_the_type(dtype, activation):
    f, derivative = reference.ACTIVATIONS[activation]
    y = f(np.linspace(-2, 2, 9, dtype=dtype))
    assert y.dtype == derivative(y).dtype == dtype


# Losses ---------------------------------------------------------------------------------------

losses = pytest.mark.parametrize("loss", LOSSES)


def total(value):
    return float(np.sum(value))  # gaussian_kl's value comes per latent


@backends
@layouts_and_dtypes
@losses
def test_losses_are_the_naive_loop(backend, dtype, layout, loss):
    rng = np.random.default_rng(4)
    for n, d in [(1, 1), (1, 7), (5, 1), (6, 5)]:
        arguments = [LAYOUTS[layout](a.astype(dtype)) for a in LOSSES[loss](rng, (n, d))]
        before = [a.copy() for a in arguments]
        with kernels.use(backend):
            value, *gradients = getattr(kernels, loss)(*arguments)
        naive_loss = getattr(naive, loss)
        want = naive_loss(*arguments)
        # The value adds up in double: its error is that of its terms, not of their number.
        assert abs(total(value) - want) <= 8 * np.finfo(dtype).eps * max(1, abs(want))
        for i, got in enumerate(gradients):
            numeric = naive.partial_gradient(naive_loss, arguments, i)
            assert got.dtype == dtype and got.shape == (n, d)
            assert naive.relative_error(got, numeric) < (1e-8 if dtype is np.float64 else 1e-5)
        for array, kept in zip(arguments, before, strict=True):
            np.testing.assert_array_equal(array, kept)


@backends
@dtypes
@losses
def test_a_nan_shows_in_the_value_and_at_its_place_in_the_gradient(backend, dtype, loss):
    arguments = [a.astype(dtype) for a in LOSSES[loss](np.random.default_rng(5), (4, 3))]
    for position, array in enumerate(arguments):
        kept, array[2, 1] = array[2, 1], np.nan
        with kernels.use(backend):
            value, *gradients = getattr(kernels, loss)(*arguments)
        array[2, 1] = kept
        assert np.isnan(total(value))
        places = [list(zip(*np.nonzero(np.isnan(g)), strict=True)) for g in gradients]
        if loss == "gaussian_kl":  # each gradient depends on its own argument alone
            places = [places[position]]
        assert places == [[(2, 1)]] * len(places)


@backends
@dtypes
@losses
@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_an_infinite_prediction_never_gives_a_finite_value(backend, dtype, loss, infinity):
    arguments = [a.astype(dtype) for a in LOSSES[loss](np.random.default_rng(6), (2, 3))]
    arguments[0][1, 2] = infinity
    with kernels.use(backend), np.errstate(invalid="ignore"):
        value, *_ = getattr(kernels, loss)(*arguments)
    assert not np.isfinite(total(value))


@backends
@dtypes
def test_bernoulli_nll_at_huge_logits(backend, dtype):
    logits = np.array([[1e4, 1e4, -1e4, -1e4]], dtype)
    x = np.array([[1, 0, 1, 0]], dtype)
    with kernels.use(backend), np.errstate(all="raise", under="ignore"):
        value, dlogits = kernels.bernoulli_nll(logits, x)
    assert value == 2e4  # 0 where the sign is right, |logit| where it is wrong
    np.testing.assert_array_equal(dlogits, [[0, 1, -1, 0]])


@backends
@dtypes
def test_bernoulli_nll_of_a_picture_at_any_logit(backend, dtype):
    """All pixels alike, from surely right to surely wrong; what is small must not get lost."""
    # Sums, and the product of all 1 + e, run in double: two roundings for each of 4096 pixels.
    eps, roundings = float(np.finfo(dtype).eps), 2 * 4096 * 2.0**-53
    for logit in np.linspace(-100, 100, 801):
        logits = np.full((2, 4096), logit, dtype)
        logit = float(logits[0, 0])
        log_1_plus = [max(a, 0) + math.log1p(math.exp(-abs(a))) for a in (logit, -logit)]
        sigmoid = naive.sigmoid(logit)
        for x in (0, 0.25, 1):
            with kernels.use(backend):
                value, dlogits = kernels.bernoulli_nll(logits, np.full_like(logits, x))
            want = 4096 * ((1 - x) * log_1_plus[0] + x * log_1_plus[1])
            largest = want + 4096 * x * abs(logit)  # softplus - x l takes one from the other
            assert abs(value - want) <= 4 * eps * largest + roundings * (1 + largest), (logit, x)
            assert np.max(np.abs(dlogits - (sigmoid - x) / 2)) <= 4 * eps


@backends
@dtypes
def test_gaussian_losses_at_huge_log_variances(backend, dtype):
    mean, x = np.array([[2, 2]], dtype), np.array([[1, 1]], dtype)
    logvar = np.array([[80, -80]], dtype)
    e80 = math.exp(80)
    with kernels.use(backend), np.errstate(over="raise", invalid="raise"):
        nll, dmean, dlogvar = kernels.gaussian_nll(mean, logvar, x)
        kl, _, dlogvar_kl = kernels.gaussian_kl(mean, logvar)
    near = {"rtol": 100 * np.finfo(dtype).eps}  # exp multiplies the rounding of 80 by 80
    np.testing.assert_allclose(nll, math.log(2 * math.pi) + 0.5 * e80, **near)
    np.testing.assert_allclose(dmean, [[1 / e80, e80]], **near)
    np.testing.assert_allclose(dlogvar, [[0.5, -0.5 * e80]], **near)
    np.testing.assert_allclose(kl, [0.5 * (4 + e80 - 81), 0.5 * (4 - 1 + 80)], **near)
    np.testing.assert_allclose(dlogvar_kl, [[0.5 * e80, -0.5]], **near)


@backends
@dtypes
def test_gaussian_kl_keeps_its_digits_near_the_prior(backend, dtype):
    # e^v - 1 - v = v^2/2 + v^3/6 + ...: subtracting as written would leave nothing of it.
    v = dtype(2.0**-10)
    with kernels.use(backend):
        parts, _, dlogvar = kernels.gaussian_kl(np.zeros((1, 1), dtype), np.full((1, 1), v))
    exact = float(v) ** 2 / 4 + float(v) ** 3 / 12 + float(v) ** 4 / 48
    assert parts[0] == pytest.approx(exact, rel=1e-12)
    assert dlogvar[0, 0] == pytest.approx(
        math.expm1(float(v)) / 2, rel=4 * float(np.finfo(dtype).eps)
    )


@backends
def test_float32_values_add_up_in_double(backend):
    # After 2^24, a float32 sum would not notice another term below 1.
    prediction = np.full((1, 1001), 0.75, np.float32)
    prediction[0, 0] = 2.0**12
    zeros = np.zeros_like(prediction)
    logits = np.zeros_like(prediction)
    logits[0, 0] = 2.0**24
    with kernels.use(backend):
        value, _ = kernels.squared_error(prediction, zeros)
        nll, _ = kernels.bernoulli_nll(logits, zeros)
        parts, *_ = kernels.gaussian_kl(prediction.T.copy(), zeros.T.copy())
        gaussian, *_ = kernels.gaussian_nll(prediction, zeros, zeros)
    assert value == 2.0**24 + 1000 * 0.5625
    assert nll == pytest.approx(2.0**24 + 1000 * math.log(2), abs=1e-3)
    assert parts[0] == pytest.approx((2.0**24 + 1000 * 0.5625) / 2 / 1001, rel=1e-12)
    squares = 2.0**24 + 1000 * 0.5625
    assert gaussian == pytest.approx(0.5 * (1001 * math.log(2 * math.pi) + squares), rel=1e-12)


@backends
@pytest.mark.parametrize("large", [[2.0**24, 0], [0, -(2.0**24)]])
def test_float32_blocks_add_up_in_double(backend, large):
    # Of each pair the second category is the true one; the first pair costs 2^24, the others ln 2.
    logits = np.full((1001, 2), 0.75, np.float32)
    logits[0] = large
    x = np.zeros_like(logits)
    x[:, 1] = 1
    with kernels.use(backend):
        value, _ = kernels.categorical_nll(
            logits.reshape(1, -1), x.reshape(1, -1), np.full(1001, 2)
        )
    assert value == pytest.approx(2.0**24 + 1000 * math.log(2), abs=1e-3)


# Optimiser steps ------------------------------------------------------------------------------


@backends
@dtypes
def test_optimiser_steps_are_the_naive_path(backend, dtype):
    rng = np.random.default_rng(7)
    start = rng.normal(size=5).astype(dtype)
    grads = (rng.normal(size=(50, 5)) * [1e-3, 1, 1e3, 1, 0]).astype(dtype)
    with kernels.use(backend):
        values = {name: start.copy() for name in ("sgd", "adagrad", "adam")}
        u, s, m, v = (np.zeros(5, dtype) for _ in range(4))
        for t, g in enumerate(grads, start=1):
            kernels.sgd_step(values["sgd"], g, u, 0.1, 0.9)
            kernels.adagrad_step(values["adagrad"], g, s, 0.1, 1e-10)
            kernels.adam_step(values["adam"], g, m, v, t, 0.1, 0.9, 0.999, 1e-8)
    for j in range(5):
        path = [float(g) for g in grads[:, j]]
        size = max(1.0, max(abs(g) for g in path))
        for name, arguments in {
            "sgd": (0.1, 0.9),
            "adagrad": (0.1, 0.0, 1e-10),
            "adam": (0.1, 0.9, 0.999, 1e-8),
        }.items():
            want = getattr(naive, name)(float(start[j]), path, *arguments)[-1]
            error = abs(values[name][j] - want)
            # 50 steps of a few roundings each; only SGD's steps are as large as the gradient.
            scale = size if name == "sgd" else 1
            assert error <= 500 * np.finfo(dtype).eps * scale, (name, j)


@backends
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_spoils_its_own_value_only(backend, bad):
    g = np.array([1.0, bad, 1.0])
    zeros = lambda: np.zeros(3)  # noqa: E731
    values = [np.ones(3) for _ in range(3)]
    with kernels.use(backend), np.errstate(invalid="ignore"):
        kernels.sgd_step(values[0], g, zeros(), 0.1, 0.9)
        kernels.adagrad_step(values[1], g, zeros(), 0.1, 1e-10)
        kernels.adam_step(values[2], g, zeros(), zeros(), 1, 0.1, 0.9, 0.999, 1e-8)
    for value in values:
        assert np.isfinite(value).tolist() == [True, False, True]


@backends
@dtypes
@pytest.mark.parametrize("size, eps", [(1e-15, 1e-20), (1e-15, 1e-8), (1e-9, 1e-8), (1, 1)])
def test_adam_steps_on_small_gradients_and_eps_are_the_naive_path(backend, dtype, size, eps):
    """What is set to 0 since it is tiny must not be missed by the division, whatever eps is."""
    rng = np.random.default_rng(10)
    grads = (size * rng.normal(size=(60, 3))).astype(dtype)
    value, m, v = (np.zeros(3, dtype) for _ in range(3))
    with kernels.use(backend):
        for t, g in enumerate(grads, start=1):
            kernels.adam_step(value, g, m, v, t, 0.1, 0.9, 0.999, eps)
    for j in range(3):
        want = naive.adam(0.0, [float(g) for g in grads[:, j]], 0.1, 0.9, 0.999, eps)
        largest = max(abs(x) for x in want)
        assert abs(value[j] - want[-1]) <= 500 * np.finfo(dtype).eps * largest


# Two backends, one set of kernels -------------------------------------------------------------


@backends
@dtypes
def test_adam_forgets_a_gradient_that_stays_zero(backend, dtype):
    """Its mean must not linger among the denormal numbers, which are 40 times as slow."""
    value, grad, m, v = (np.full(5, x, dtype) for x in (1, 0, 1e-3, 1e-2))
    means = []
    with kernels.use(backend):
        for t in range(1, 8001):
            kernels.adam_step(value, grad, m, v, t, 1e-3, 0.9, 0.999, 1e-8)
            means.append(m[0])
    denormal = (np.array(means) != 0) & (np.abs(means) < np.finfo(dtype).tiny)
    if backend == "numba":
        assert not denormal.any()
    assert m[0] == 0 or backend == "numpy"
    # the geometric series of the steps, each m over the root of v
    steps = np.arange(1, 8001)
    path = 1e-3 * 0.9**steps / (1 - 0.9**steps)
    path /= np.sqrt(1e-2 * 0.999**steps / (1 - 0.999**steps)) + 1e-8
    assert value[0] == pytest.approx(1 - 1e-3 * path.sum(), rel=1e-5)


@needs_numba
def test_twins_have_the_same_names_and_arguments():
    from vae_numpy.kernels import compiled

    for name in [*kernels.KERNELS, "render_sprites"]:
        twins = [getattr(module, name) for module in (reference, compiled)]
        signatures = [inspect.signature(getattr(f, "py_func", f)) for f in twins]
        assert list(signatures[0].parameters) == list(signatures[1].parameters), name


@needs_numba
@dtypes
def test_twins_agree_on_a_layer_of_a_real_size(dtype):
    rng = np.random.default_rng(8)
    x, W, b, dy = draw(rng, (128, 784), (784, 40), (40,), (128, 40), dtype=dtype)
    W /= 28  # so that the pre-activations are of size 1
    for activation in ACTIVATIONS:
        results = []
        for backend in BACKENDS:
            with kernels.use(backend):
                y = kernels.dense_forward(x, W, b, activation)
                dW, db = np.zeros_like(W), np.zeros_like(b)
                dx = kernels.dense_backward(dy, x, y, W, activation, dW, db)
            results.append([y, dx, dW, db])
        for first, second in zip(*results, strict=True):
            assert naive.relative_error(first, second) < 100 * np.finfo(dtype).eps


@backends
def test_the_same_call_gives_the_same_bits(backend):
    rng = np.random.default_rng(9)
    x, W, b = draw(rng, (65, 33), (33, 17), (17,), dtype=np.float32)
    target = rng.uniform(size=(65, 17)).astype(np.float32)
    with kernels.use(backend):
        runs = [
            kernels.bernoulli_nll(kernels.dense_forward(x, W, b, "tanh"), target) for _ in range(5)
        ]
    assert len({(value, gradient.tobytes()) for value, gradient in runs}) == 1


@backends
def test_warm_up_runs_and_keeps_the_backend(backend):
    with kernels.use(backend):
        kernels.warm_up()
        assert kernels.backend() == backend


# The switch -----------------------------------------------------------------------------------


@needs_numba
def test_use_nests_and_restores_after_an_exception():
    with kernels.use("numpy"):
        with pytest.raises(ZeroDivisionError), kernels.use("numba"):
            assert kernels.backend() == "numba"
            with kernels.use("numpy"):
                assert kernels.backend() == "numpy"
            assert kernels.backend() == "numba"
            raise ZeroDivisionError
        assert kernels.backend() == "numpy"


@needs_numba
def test_set_backend_is_for_good_and_binds_the_functions_themselves():
    from vae_numpy.kernels import compiled

    before = kernels.backend()
    try:
        for name, module in (("numpy", reference), ("numba", compiled)):
            kernels.set_backend(name)
            assert kernels.backend() == name
            for kernel in kernels.KERNELS:  # no lookup stands between a call and its kernel
                assert vars(kernels)[kernel] is getattr(module, kernel)
    finally:
        kernels.set_backend(before)


@needs_numba
def test_a_backend_set_in_a_block_of_use_counts_from_its_end():
    before = kernels.backend()
    try:
        with kernels.use("numba"):
            kernels.set_backend("numpy")
            assert kernels.backend() == "numba"
        assert kernels.backend() == "numpy"
        assert kernels.dense_forward is reference.dense_forward
    finally:
        kernels.set_backend(before)


@needs_numba
def test_blocks_of_two_threads_that_overlap_leave_what_was_there():
    before, opened, closed, seen = kernels.backend(), threading.Event(), threading.Event(), []
    other = "numpy" if before == "numba" else "numba"

    def second():
        with kernels.use(before):
            opened.set()
            closed.wait(30)
            seen.append(kernels.backend())

    thread = threading.Thread(target=second)
    with kernels.use(other):
        thread.start()
        opened.wait(30)
    closed.set()
    thread.join(30)
    assert seen == [before] and kernels.backend() == before


def use_in_a_block(name):
    with kernels.use(name):
        pass


@pytest.mark.parametrize("switch", [kernels.set_backend, use_in_a_block])
@pytest.mark.parametrize("name", ["torch", "Numba", "", None, 1, ["numba"]])
def test_the_switches_name_the_backends_there_are_and_change_nothing_else(switch, name):
    before, forward = kernels.backend(), kernels.dense_forward
    with pytest.raises((ValueError, TypeError), match="backend must be .*'numba'.*'numpy', got"):
        switch(name)
    assert kernels.backend() == before and kernels.dense_forward is forward


def test_the_library_calls_every_kernel_through_the_module():
    """``from vae_numpy.kernels import dense_forward`` would keep one backend's for good."""
    names = "|".join(kernels.KERNELS)
    frozen = re.compile(rf"from (vae_numpy|\.*)\.?kernels import [^\n]*\b({names})\b")
    files = Path(kernels.__file__).parents[1].rglob("*.py")
    assert [file.name for file in files if frozen.search(file.read_text("utf-8"))] == []


def test_an_unknown_kernel_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'dense_sideways'"):
        kernels.dense_sideways  # noqa: B018


@needs_numba
@pytest.mark.slow
@pytest.mark.parametrize("mode", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_compiled_kernels_in_numbas_strict_modes(mode, tmp_path):
    """Interpreted, and with every index checked: both find what a fast loop reads in silence."""
    # A cache of its own: numba's does not tell checked code from unchecked.
    env = {**os.environ, mode: "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    tests = "naive and contiguous-float64-numba or path and float64-numba"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, __file__, "-m", "not slow", "-k", tests],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout[-3000:] + done.stderr
