"""Kernels at the extremes of their arguments, against mpmath's 400 digits.

An entry is right if its error is a few roundings of itself and of what a rounding of the arguments
makes of it, or is lost below the smallest normal number. It may be infinite where the exact one is
beyond the type's largest number (or a quarter of it: a term may be twice or four times the whole).
It is never NaN, and NumPy never warns.
"""

import itertools
from functools import cache

import mpmath as mp
import numpy as np
import pytest
from naive import BACKENDS, DTYPES, WITHOUT_JIT

from vae_numpy import kernels
from vae_numpy.inference import gaussian_divergence, iwae_bound
from vae_numpy.likelihoods import LIKELIHOODS

pytestmark = pytest.mark.filterwarnings("error")
# Without the JIT the loops are Python's, whose exp raises an error where it overflows.
backends = pytest.mark.parametrize("backend", ["numpy"] if WITHOUT_JIT else BACKENDS)
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)

ROUNDINGS = 8  # that an entry may be off; NumPy allows itself 4 in an exp


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(400):
        yield


# The exact values -------------------------------------------------------------------------------
# Each returns the value of one number and its gradients.


def squared_error(x_hat, x):
    return (x_hat - x) ** 2, 2 * (x_hat - x)


def bernoulli_nll(logit, x):
    # log(1 + e^l) - x l, with nothing to cancel
    value = (1 - x) * max(logit, 0) + x * max(-logit, 0) + mp.log1p(mp.exp(-abs(logit)))
    return value, 1 / (1 + mp.exp(-logit)) - x


def continuous_bernoulli_nll(logit, x):
    size = abs(logit)
    if size < mp.mpf(10) ** -60:
        return logit / 2 - x * logit, mp.mpf(1) / 2 + logit / 12 - x
    normaliser = mp.log(-mp.expm1(-size) / size)
    value = (1 - x) * max(logit, 0) + x * max(-logit, 0) + normaliser
    return value, -1 / mp.expm1(-logit) - 1 / logit - x


def gaussian_nll(mean, logvar, x):
    square = (mean - x) ** 2 * mp.exp(-logvar)
    value = (mp.log(2 * mp.pi) + logvar + square) / 2
    return value, (mean - x) * mp.exp(-logvar), (1 - square) / 2


def laplace_nll(mean, logvar, x):
    per_scale = mp.sqrt(2) * mp.exp(-logvar / 2)
    distance = abs(mean - x) * per_scale
    value = (mp.log(2) + logvar) / 2 + distance
    return value, mp.sign(mean - x) * per_scale, (1 - distance) / 2


def gaussian_kl(mu, logvar):
    return (mu**2 + mp.expm1(logvar) - logvar) / 2, mu, mp.expm1(logvar) / 2


EXACT = {
    function.__name__: function
    for function in (
        squared_error,
        bernoulli_nll,
        continuous_bernoulli_nll,
        gaussian_nll,
        laplace_nll,
        gaussian_kl,
    )
}

# A sum may lose the digits of a small rest of larger terms: to these its error is compared too.
TERMS = {
    # The compiled kernel takes the log of a product of numbers above 1.
    "bernoulli_nll": lambda logit, x: 1,
    # The logarithms of 1 - e^-l and of l; near 0 both are small and a series takes over.
    "continuous_bernoulli_nll": lambda logit, x: 2 if 0.1 <= abs(logit) < 10 else 0,
    "gaussian_kl": lambda mu, logvar: abs(logvar),
}


# The arguments ----------------------------------------------------------------------------------


def signed(*sizes):
    return [0.0, *(sign * size for size in sizes for sign in (1, -1))]


def points(loss, dtype):
    """List the arguments to try: logits, log-variances, all to the limits of the type."""
    info = np.finfo(dtype)
    largest, tiny, denormal, eps = map(
        float, (info.max, info.tiny, info.smallest_subnormal, info.eps)
    )
    reals = signed(denormal, tiny, 1e-8, 1, 1e4, 1e19, 0.9 * largest**0.5, largest)
    if loss == "squared_error":
        return list(itertools.product(reals, (0.0, denormal, 1.0)))
    if loss in ("bernoulli_nll", "continuous_bernoulli_nll"):
        logits = signed(denormal, tiny, 1e-8, 0.0999, 0.1, 1, 10, 17.5, 40, 88, 104, 710, 1e4)
        return list(
            itertools.product([*logits, largest, -largest], (0.0, denormal, 0.25, 1 - eps / 2, 1.0))
        )
    logvars = signed(denormal, tiny, 1e-8, 1e-3, 1, 80, 88, 120, 176)
    logvars += [700, 1e4, largest] + ([-700, -1400] if dtype is np.float64 else [])
    if loss == "gaussian_kl":
        return list(itertools.product(reals, [*logvars, -1e4, -largest]))
    # Where the reciprocal of a standard deviation is no number of the type, only x = mean is exact.
    apart = [(mean, logvar, 0.0) for mean in reals for logvar in logvars]
    return apart + ([(1.0, -1e4, 1.0), (0.0, -largest, 0.0)] if loss == "gaussian_nll" else [])


@cache
def exact(loss, dtype):
    """Return at each point the exact numbers and how much the arguments' roundings move them."""
    table = []
    for point in points(loss, dtype):
        arguments = [mp.mpf(float(dtype(a))) for a in point]
        numbers = EXACT[loss](*arguments)
        moved = [mp.mpf(0)] * len(numbers)
        for i, argument in enumerate(arguments):
            delta = mp.mpf(10) ** -40
            other = list(arguments)
            other[i] = argument * (1 + delta)
            there = EXACT[loss](*other)
            moved = [m + abs(a - b) / delta for m, a, b in zip(moved, there, numbers, strict=True)]
        moved[0] += TERMS.get(loss, lambda *_: 0)(*arguments)
        table.append((point, list(zip(numbers, moved, strict=True))))
    return table


def error(got, want, moved, dtype):
    """Return the error in roundings; 0 for an infinity that is right, NaN for NaN."""
    info = np.finfo(dtype)
    if np.isinf(got) and got * want > 0 and abs(want) > float(info.max) / 4:
        return 0.0
    if not np.isfinite(got):
        return float(got)
    beyond = abs(mp.mpf(float(got)) - want) - float(info.tiny)
    return float(beyond / (float(info.eps) * (abs(want) + moved))) if beyond > 0 else 0.0


# The losses -------------------------------------------------------------------------------------


@backends
@dtypes
@pytest.mark.parametrize("loss", EXACT)
def test_losses(backend, dtype, loss):
    table = exact(loss, dtype)
    columns = [np.array([column], dtype) for column in zip(*(p for p, _ in table), strict=True)]
    with kernels.use(backend):
        function = getattr(kernels, loss)
        values = [function(*(np.array([[a]], dtype) for a in point))[0] for point, _ in table]
        _, *gradients = function(*columns)
    wrong = []
    for i, (point, numbers) in enumerate(table):
        got = [float(np.sum(values[i])), *(float(g[0, i]) for g in gradients)]
        for what, g, number in zip(("value", "first", "second"), got, numbers, strict=False):
            if not abs(error(g, *number, dtype)) < ROUNDINGS:
                wrong.append((what, point, g, float(number[0])))
    assert not wrong


@backends
@dtypes
def test_a_categorical_at_the_limits(backend, dtype):
    largest = float(np.finfo(dtype).max)
    logits = [
        [1e4, -1e4, 0],
        [largest / 2, -largest / 2, 0],
        [largest, -largest, 0],
        [0, 0, float(np.finfo(dtype).tiny)],
    ]
    with kernels.use(backend):
        for row, j in itertools.product(logits, range(3)):
            got, dlogits = kernels.categorical_nll(
                np.array([row], dtype), np.eye(3, dtype=dtype)[[j]], np.array([3])
            )
            numbers = [mp.mpf(float(dtype(a))) for a in row]
            p = [mp.exp(a - max(numbers)) for a in numbers]
            want = mp.log(sum(p)) + max(numbers) - numbers[j]
            sizes = sum(map(abs, numbers))  # a rounding of each
            assert abs(error(got, want, sizes, dtype)) < ROUNDINGS, (row, j, got)
            for k in range(3):
                slope = p[k] / sum(p) - (k == j)
                assert abs(error(dlogits[0, k], slope, 1, dtype)) < ROUNDINGS, (row, j, k)


@dtypes
@pytest.mark.parametrize("name", ["gaussian", "laplace", "bernoulli", "continuous_bernoulli"])
def test_log_probabilities_of_a_likelihood(dtype, name):
    """At what a decoder puts out in its first steps, and at log-variances of 80."""
    loss = f"{name}_nll"
    for point, numbers in exact(loss, dtype):
        if max(map(abs, point)) > 1e4:
            continue
        arguments = [np.array([[a]], dtype) for a in point]
        if has_variance := len(point) == 3:
            likelihood = LIKELIHOODS[name](1, dtype)
            likelihood.log_variance.value[...] = point[1]
        else:
            likelihood = LIKELIHOODS[name]()
        if not has_variance or abs(point[1]) <= 80:
            got = likelihood.log_prob(arguments[0], arguments[-1])[0]
            value, moved = numbers[0]
            assert abs(error(got, -value, moved, dtype)) < ROUNDINGS, (point, got)


# Activations ------------------------------------------------------------------------------------

ACTIVATIONS = {
    # f(a), and f'(a) as a function of y
    "identity": (lambda a: a, lambda y: mp.mpf(1)),
    "relu": (lambda a: max(a, mp.mpf(0)), lambda y: mp.mpf(y > 0)),
    "tanh": (mp.tanh, lambda y: 1 - y**2),
    "sigmoid": (lambda a: 1 / (1 + mp.exp(-a)), lambda y: y * (1 - y)),
    "softplus": (
        lambda a: max(a, 0) + mp.log1p(mp.exp(-abs(a))),
        lambda y: -mp.expm1(-y),
    ),
}


def layer(kind, a, y, activation):
    """Return f(a) and f'(y) of a layer with one weight, 1."""
    one, ones = np.ones((1, 1), a.dtype), np.ones_like(a)
    if kind == "dense":
        f = kernels.dense_forward(a, one, None, activation)
        return f, kernels.dense_backward(ones, a, y, one, activation, one.copy(), None)
    shape = 1, 1, len(a), 1
    a, y, ones, one = a.reshape(shape), y.reshape(shape), ones.reshape(shape), one[None, None]
    f = kernels.conv_forward(a, one, None, activation, 1, 0)
    return f, kernels.conv_backward(ones, a, y, one, activation, 1, 0, one.copy(), None)


@backends
@dtypes
@pytest.mark.parametrize("kind", ["dense", "conv"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(backend, dtype, kind, activation):
    info = np.finfo(dtype)
    sizes = info.smallest_subnormal, info.tiny, 1e-8, 0.1, 1, 10, 17.5, 40, 88, 104, 710, 1e4
    a = np.array(signed(*sizes, info.max), dtype)[:, None]
    y = {
        "sigmoid": np.clip(np.abs(a), 0, 1),
        "tanh": np.clip(a, -1, 1),
        "softplus": np.abs(a),
    }.get(activation, a)
    f, derivative = ACTIVATIONS[activation]
    with kernels.use(backend):
        got, slopes = layer(kind, a, y, activation)
    for number, g, at, slope in zip(*map(np.ravel, (a, got, y, slopes)), strict=True):
        number, at = mp.mpf(float(number)), mp.mpf(float(at))
        assert abs(error(g, f(number), abs(f(number)), dtype)) < ROUNDINGS, (number, g)
        # y is rounded itself: beside 1 its rounding is the derivative's.
        moved = abs(at) if activation in ("tanh", "sigmoid") else 0
        assert abs(error(slope, derivative(at), moved, dtype)) < ROUNDINGS, (at, slope)


# Optimisers -------------------------------------------------------------------------------------


@backends
@dtypes
def test_first_steps(backend, dtype):
    """From 0, where the value is the step; a gradient whose square is infinite moves nothing."""
    info = np.finfo(dtype)
    sizes = info.smallest_subnormal, info.tiny, 1e-30, 1e-8, 1, 1e4, 0.9 * info.max**0.5
    g = np.array(signed(*sizes, 0.9 * info.max), dtype)
    state = np.zeros((6, len(g)), dtype)
    with kernels.use(backend):
        kernels.sgd_step(state[0], g, state[1], 0.1, 0.9)
        kernels.adagrad_step(state[2], g, state[3], 0.1, 1e-10)
        kernels.adam_step(state[4], g, *np.zeros((2, len(g)), dtype), 1, 0.1, 0.9, 0.999, 1e-8)
    rate = mp.mpf(float(dtype(0.1)))
    for number, sgd, adagrad, adam in zip(g, state[0], state[2], state[4], strict=True):
        size, sign = mp.mpf(float(abs(number))), mp.sign(float(number))
        infinite = size > info.max**0.5
        for step, want in {
            sgd: size,
            adagrad: 0 if infinite else size / (size + mp.mpf("1e-10")),
            adam: size / (size + mp.mpf("1e-8")),
        }.items():
            if not (infinite and step == 0):
                # A tenth of a denormal gradient, as Adam takes, is another one; eps enlarges both.
                lost = 1e9 * float(info.smallest_subnormal) / float(info.eps)
                got = abs(error(step, -sign * rate * want, lost, dtype))
                assert got < ROUNDINGS, (number, step)
    assert np.isfinite(state[[0, 2, 4]]).all()


# Inference --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "log_weights",
    [[1e4, -1e4, 0], [-1e4, -1e4 - 1], [1e300, 0], [-1e300, -1e300], [5e-324, 0], [0, -np.inf]],
)
def test_a_bound_of_weights_of_any_size(log_weights):
    bound, standard_error = iwae_bound(log_weights)
    numbers = [mp.mpf(a) for a in log_weights]
    w = [mp.exp(a - max(numbers)) for a in numbers]
    mean = sum(w) / len(w)
    assert abs(error(bound, mp.log(mean) + max(numbers), 1, np.float64)) < ROUNDINGS
    variance = sum((a - mean) ** 2 for a in w) / (len(w) - 1)
    want = mp.sqrt(variance / len(w)) / mean
    assert abs(error(standard_error, want, 1, np.float64)) < ROUNDINGS


@pytest.mark.parametrize("q, p", list(itertools.product((-80, -1, 0, 80), repeat=2)))
def test_a_divergence_of_variances_of_e_to_the_80(q, p):
    variances = [float(np.exp(v)) for v in (q, p)]
    got = gaussian_divergence([1.0], [variances[0]], [0.0], [variances[1]])
    exact_q, exact_p = map(mp.mpf, variances)
    terms = exact_q / exact_p, 1 / exact_p, mp.log(exact_p / exact_q)
    want = (terms[0] + terms[1] - 1 + terms[2]) / 2
    assert abs(error(got, want, 1 + sum(map(abs, terms)), np.float64)) < ROUNDINGS
