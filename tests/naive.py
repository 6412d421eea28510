"""Slow versions to compare the library with: one number at a time, from the formulas.

And the tables of the losses and likelihoods, from which the tests of both take their examples.
"""

import importlib.util
import math
import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

BACKENDS = ["numpy", "numba"] if importlib.util.find_spec("numba") else ["numpy"]
DTYPES = [np.float32, np.float64]
WITHOUT_JIT = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"  # then compiled loops are Python's


def sigmoid(a):
    return 1 / (1 + math.exp(-a))


ACTIVATIONS = {
    # name: (f, f'), both as functions of the pre-activation a
    "identity": (lambda a: a, lambda a: 1.0),
    "relu": (lambda a: a if a > 0 else 0.0, lambda a: 1.0 if a > 0 else 0.0),
    "tanh": (math.tanh, lambda a: 1 / math.cosh(a) ** 2),
    "sigmoid": (sigmoid, lambda a: 1 / (2 + math.exp(a) + math.exp(-a))),
    "softplus": (lambda a: math.log(1 + math.exp(a)), sigmoid),
}


# Arrays in the memory layouts that people pass ------------------------------------------------


def _strided(x):
    spread = np.zeros([2 * n for n in x.shape], x.dtype)
    spread[tuple(slice(None, None, 2) for _ in x.shape)] = x
    return spread[tuple(slice(None, None, 2) for _ in x.shape)]


def _reversed(x):
    backwards = tuple(slice(None, None, -1) for _ in x.shape)
    return np.ascontiguousarray(x[backwards])[backwards]


def _read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS = {
    "contiguous": np.array,
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "strided": _strided,
    "reversed": _reversed,  # negative strides
    "read-only": _read_only,
}


# The dense layer ------------------------------------------------------------------------------


def pre_activations(x, W, b):
    n, n_in, n_out = len(x), W.shape[0], W.shape[1]
    return [
        [
            math.fsum([float(x[i, k]) * float(W[k, j]) for k in range(n_in)])
            + (0.0 if b is None else float(b[j]))
            for j in range(n_out)
        ]
        for i in range(n)
    ]


def dense_forward(x, W, b, activation):
    f, _ = ACTIVATIONS[activation]
    return np.array([[f(a) for a in row] for row in pre_activations(x, W, b)])


def dense_backward(dy, x, W, b, activation):
    """Return dx, dW and db by the chain rule, one weight and one row at a time."""
    _, derivative = ACTIVATIONS[activation]
    dx, dW, db = np.zeros(x.shape), np.zeros(W.shape), np.zeros(W.shape[1])
    for i, row in enumerate(pre_activations(x, W, b)):
        for j, a in enumerate(row):
            da = float(dy[i, j]) * derivative(a)
            db[j] += da
            for k in range(W.shape[0]):
                dW[k, j] += da * float(x[i, k])
                dx[i, k] += da * float(W[k, j])
    return dx, dW, db


# Losses: sum over the features, mean over the batch, in nats ----------------------------------


def _mean_over_rows(terms, *arrays):
    n, d = arrays[0].shape
    numbers = [[float(a[i, j]) for a in arrays] for i in range(n) for j in range(d)]
    return math.fsum(terms(*number) for number in numbers) / n


def squared_error(x_hat, x):
    return _mean_over_rows(lambda p, q: (p - q) ** 2, x_hat, x)


def bernoulli_nll(logits, x):
    def minus_log_p(logit, x):
        return -x * math.log(sigmoid(logit)) - (1 - x) * math.log(sigmoid(-logit))

    return _mean_over_rows(minus_log_p, logits, x)


def continuous_bernoulli_nll(logits, x):
    def minus_log_density(logit, x):
        return math.log(math.expm1(logit) / logit) - x * logit

    return _mean_over_rows(minus_log_density, logits, x)


def blocks(d):
    """Return the sizes of the one-hot blocks of d features: threes, and the rest."""
    return (3,) * (d // 3) + ((d % 3,) if d % 3 else ())


def one_hot(rng, n, d):
    """Draw rows of one-hot blocks, (n, d)."""
    drawn = [np.eye(size)[rng.integers(0, size, n)] for size in blocks(d)]
    return np.concatenate(drawn, axis=1)


def categorical_nll(logits, x, categories):
    total, start = [], 0
    for size in categories:
        for row, targets in zip(logits, x, strict=True):
            numbers = [float(number) for number in row[start : start + size]]
            total.append(math.log(math.fsum(map(math.exp, numbers))))
            total += [-float(t) * n for t, n in zip(targets[start:], numbers, strict=False)]
        start += size
    return math.fsum(total) / len(x)


def gaussian_nll(mean, logvar, x):
    def minus_log_density(mean, logvar, x):
        variance = math.exp(logvar)
        density = math.exp(-((x - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
        return -math.log(density)

    return _mean_over_rows(minus_log_density, mean, np.broadcast_to(logvar, x.shape), x)


def laplace_nll(mean, logvar, x):
    def minus_log_density(mean, logvar, x):
        b = math.sqrt(math.exp(logvar) / 2)
        return -math.log(math.exp(-abs(x - mean) / b) / (2 * b))

    return _mean_over_rows(minus_log_density, mean, np.broadcast_to(logvar, x.shape), x)


def gaussian_kl(mu, logvar):
    return _mean_over_rows(lambda m, v: 0.5 * (m**2 + math.exp(v) - 1 - v), mu, logvar)


def _off_the_kink(mean, logvar, distance):
    # |x - mean| has no derivative at 0: finite differences must not step over it.
    return [mean, logvar, mean + distance + 0.05 * np.sign(distance)]


# What the tests of the losses draw: the arguments (N, D) of each, with gradients in all but the
# last, or in both for the divergence.
LOSSES = {
    "squared_error": lambda rng, shape: [rng.normal(size=shape), rng.normal(size=shape)],
    "bernoulli_nll": lambda rng, shape: [3 * rng.normal(size=shape), rng.uniform(size=shape)],
    "continuous_bernoulli_nll": lambda rng, shape: [
        3 * rng.normal(size=shape),
        rng.uniform(size=shape),
    ],
    "gaussian_nll": lambda rng, shape: [rng.normal(size=shape) for _ in range(3)],
    "laplace_nll": lambda rng, shape: _off_the_kink(*rng.normal(size=(3, *shape))),
    "gaussian_kl": lambda rng, shape: [rng.normal(size=shape) for _ in range(2)],
}


# Likelihoods: log p(x|z), written again with nothing of the library in it ----------------------


class Likelihood(NamedTuple):
    data: Callable  # (rng, n, d) -> x (n, d)
    log_p: Callable  # (output, x, v) -> log p of each row; v is the log-variance, or of no use
    arguments: Callable = lambda d: {}  # of the model, for d features


def _real(rng, n, d):
    return rng.normal(size=(n, d)) * np.linspace(0.5, 2, d)


def _bernoulli_log_p(logits, x, _):
    p = 1 / (1 + np.exp(-logits))
    return np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=1)


def _continuous_bernoulli_log_p(logits, x, _):
    return np.sum(x * logits - np.log(np.expm1(logits) / logits), axis=1)


def _categorical_log_p(logits, x, _):
    starts = np.cumsum((0, *blocks(x.shape[1])))
    return sum(
        np.sum(x[:, i:j] * logits[:, i:j], axis=1) - np.log(np.exp(logits[:, i:j]).sum(axis=1))
        for i, j in zip(starts, starts[1:], strict=False)
    )


def _gaussian_log_p(mean, x, v):
    variance = np.exp(v)
    densities = -((x - mean) ** 2) / (2 * variance) - 0.5 * np.log(2 * np.pi * variance)
    return np.sum(densities, axis=1)


def _laplace_log_p(mean, x, v):
    b = np.sqrt(np.exp(v) / 2)
    return np.sum(-np.abs(x - mean) / b - np.log(2 * b), axis=1)


LIKELIHOODS = {
    "gaussian": Likelihood(_real, _gaussian_log_p),
    "laplace": Likelihood(_real, _laplace_log_p),
    "bernoulli": Likelihood(
        lambda rng, n, d: rng.integers(0, 2, (n, d)).astype(np.float64), _bernoulli_log_p
    ),
    "continuous_bernoulli": Likelihood(
        lambda rng, n, d: rng.uniform(size=(n, d)), _continuous_bernoulli_log_p
    ),
    "categorical": Likelihood(
        one_hot, _categorical_log_p, arguments=lambda d: {"categories": blocks(d)}
    ),
}


# Convolutions ----------------------------------------------------------------------------------


def convolution_terms(large, small, W, stride, padding):
    """List what a convolution adds up, as three indices: of large, of small and of W.

    ``large`` (N, C, H, W) and ``small`` (N, C', H', W') are shapes; each pixel of small is the sum
    of the pixel of large times the weight, in all terms with its index.
    """
    (n_pictures, channels, height, width), (_, n_out, down, across) = large, small
    for n in range(n_pictures):
        for o in range(n_out):
            for p in range(down):
                for q in range(across):
                    for c in range(channels):
                        for i in range(W[1]):
                            for j in range(W[2]):
                                r, s = p * stride + i - padding, q * stride + j - padding
                                if 0 <= r < height and 0 <= s < width:
                                    yield (n, c, r, s), (n, o, p, q), (c, i, j, o)


# Gradients --------------------------------------------------------------------------------------


def gradient(f, x):
    """Estimate the gradient of f at x from four points an entry; the error is O(h^4)."""
    x = np.array(x, np.float64)
    grad = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        kept, h = x[index], 1e-3
        value = {}
        for k in (-2, -1, 1, 2):
            x[index] = kept + k * h
            value[k] = f(x)
        x[index] = kept
        grad[index] = (8 * (value[1] - value[-1]) - (value[2] - value[-2])) / (12 * h)
    return grad


def partial_gradient(f, arguments, i):
    """Estimate the gradient of f(*arguments) in argument i."""
    return gradient(lambda a: f(*arguments[:i], a, *arguments[i + 1 :]), arguments[i])


def relative_error(got, want):
    """Return the largest deviation in units of the largest entry."""
    scale = max(np.max(np.abs(got)), np.max(np.abs(want)))
    return float(np.max(np.abs(got - want)) / scale) if scale > 0 else 0.0


# Optimisers: a list of gradients in, the path of one number out ----------------------------------


def sgd(value, gradients, learning_rate, momentum):
    velocity, path = 0.0, []
    for g in gradients:
        velocity = momentum * velocity + g
        value -= learning_rate * velocity
        path.append(value)
    return path


def adagrad(value, gradients, learning_rate, accumulator, eps):
    path = []
    for g in gradients:
        accumulator += g * g
        value -= learning_rate * g / (math.sqrt(accumulator) + eps)
        path.append(value)
    return path


def adam(value, gradients, learning_rate, beta1, beta2, eps):
    """Kingma & Ba 2015, algorithm 1, with the averages written out as weighted sums."""
    path = []
    for t in range(1, len(gradients) + 1):
        ages = range(t - 1, -1, -1)  # of the gradients 1..t
        m = (1 - beta1) * math.fsum(beta1**s * g for s, g in zip(ages, gradients, strict=False))
        v = (1 - beta2) * math.fsum(beta2**s * g * g for s, g in zip(ages, gradients, strict=False))
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        value -= learning_rate * m_hat / (math.sqrt(v_hat) + eps)
        path.append(value)
    return path
