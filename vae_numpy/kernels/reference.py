"""The kernels in plain NumPy: the version to read; convolutions are in ``reference_convolution``.

Shapes: N rows in a batch, n_in and n_out features, D features of a datum, K latents. Every
loss is a sum over the features and a mean over the batch, and comes with its gradient.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vae_numpy._types import BoolArray, FloatArray, IntArray, MaybeNone

# Activations: y = f(a), and the derivative f'(a) written with the output y -----------------


# An infinite exponential or square is the right answer where it meets no other, and says nothing
# that an infinite loss does not say: no warning, as there is none from the compiled kernels.
_overflows_in_silence = np.errstate(over="ignore")


@_overflows_in_silence
def _sigmoid(a: FloatArray) -> FloatArray:
    # (1 + tanh(a / 2)) / 2 would have no digits left where it is small.
    e = np.negative(a)
    np.exp(e, out=e)
    e += 1
    return np.divide(1, e, out=e)


def _softplus(a: FloatArray) -> FloatArray:
    # log(1 + exp(a)), with the large part taken out of the exponential.
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


Elementwise: TypeAlias = Callable[[FloatArray], FloatArray]

ACTIVATIONS: dict[str, tuple[Elementwise, Elementwise]] = {
    # name: (f(a), f'(a) as a function of y = f(a))
    "identity": (lambda a: a, lambda y: np.ones_like(y)),
    "relu": (lambda a: np.maximum(a, 0), lambda y: (y > 0).astype(y.dtype)),
    "tanh": (np.tanh, lambda y: 1 - y**2),
    "sigmoid": (_sigmoid, lambda y: y * (1 - y)),
    # y = log(1 + e^a), so sigmoid(a) = 1 - e^-y
    "softplus": (_softplus, lambda y: -np.expm1(-y)),
}

# The dense layer ----------------------------------------------------------------------------


def dense_forward(
    x: FloatArray, W: FloatArray, b: FloatArray | None, activation: str
) -> FloatArray:
    """Compute y = f(x W + b).

    Parameters
    ----------
    x : (N, n_in)
    W : (n_in, n_out)
    b : (n_out,) or None
    activation : a key of ``ACTIVATIONS``

    Returns
    -------
    y : (N, n_out)
    """
    f, _ = ACTIVATIONS[activation]
    a = x @ W  # (N, n_out)
    if b is not None:
        a += b
    return f(a)


def dense_backward(
    dy: FloatArray,
    x: FloatArray,
    y: FloatArray,
    W: FloatArray,
    activation: str,
    dW: FloatArray,
    db: FloatArray | None,
    *,
    accumulate: bool = True,
    need_dx: bool = True,
) -> FloatArray | MaybeNone:
    """Add the gradients of a dense layer into ``dW`` and ``db``; return the one in its input.

    Parameters
    ----------
    dy : (N, n_out)
        The loss's gradient in the output.
    x : (N, n_in)
    y : (N, n_out)
        The output.
    W : (n_in, n_out)
    activation : a key of ``ACTIVATIONS``
    dW : (n_in, n_out)
    db : (n_out,) or None
    accumulate : bool
        Without it ``dW`` and ``db`` are overwritten, whatever they held.
    need_dx : bool
        Without it the gradient in the input, a third of the work, is left out.

    Returns
    -------
    dx : (N, n_in) or None
    """
    _, derivative = ACTIVATIONS[activation]
    # y = f(a)
    da = dy * derivative(y)  # (N, n_out)
    # a = x W + b
    if not accumulate:
        dW[...] = 0
        if db is not None:
            db[...] = 0
    dW += x.T @ da
    if db is not None:
        db += da.sum(axis=0)
    return da @ W.T if need_dx else None


# Losses -------------------------------------------------------------------------------------


@_overflows_in_silence
def squared_error(x_hat: FloatArray, x: FloatArray) -> tuple[float, FloatArray]:
    """Compute 1/N sum (x_hat - x)^2 and its gradient in ``x_hat``.

    Parameters
    ----------
    x_hat, x : (N, D)

    Returns
    -------
    value : float
    dx_hat : (N, D)
    """
    n = len(x)
    difference = x_hat - x
    value = np.sum(difference**2, dtype=np.float64) / n
    dx_hat = (2 / n) * difference
    return float(value), dx_hat


# The likelihoods p(x|l) = e^(x l - A(l)) of logits l. A sees to it that they sum to 1, and its
# derivative is the mean of x.


def _continuous_normaliser(logits: FloatArray) -> FloatArray:
    # A = log((e^l - 1) / l), with the large part taken out of the exponential; in double.
    logits = logits.astype(np.float64)
    near_0, t, size = _split_at_0(logits)
    s = t**2
    series = t / 2 + s * (1 / 24 + s * (-1 / 2880 + s * (1 / 181440 - s / 9676800)))
    formula = np.maximum(logits, 0) + np.log(-np.expm1(-size)) - np.log(size)
    return np.where(near_0, series, formula)


def _continuous_mean(logits: FloatArray) -> FloatArray:
    # A' = 1 / (1 - e^-l) - 1 / l, written so that no exp can overflow; in double.
    logits = logits.astype(np.float64)
    near_0, t, size = _split_at_0(logits)
    s = t**2
    series = 1 / 2 + t * (1 / 12 + s * (-1 / 720 + s * (1 / 30240 - s / 1209600)))
    least = 1 / size + np.exp(-size) / np.expm1(-size)  # the mean at -|l|; at |l| it is 1 - least
    return np.where(near_0, series, np.where(logits < 0, least, 1 - least))


def _split_at_0(logits: FloatArray) -> tuple[BoolArray, FloatArray, FloatArray]:
    # Near 0 the formulas lose their digits to a difference, and Taylor's series takes over: where,
    # the logits there for the series, and the sizes of the others for the formula.
    near_0 = np.abs(logits) < 0.1
    return near_0, np.where(near_0, logits, 0), np.where(near_0, 1, np.abs(logits))


def _log_sum_exp(logits: FloatArray, categories: IntArray) -> FloatArray:
    # A of each block, (N, n_blocks), with the largest logit taken out of the exponentials.
    most, _, total = _exp_in_blocks(logits, categories)
    return most + np.log(total)


def _softmax(logits: FloatArray, categories: IntArray) -> FloatArray:
    _, e, total = _exp_in_blocks(logits, categories)
    return e / np.repeat(total, categories, axis=1)


def _exp_in_blocks(
    logits: FloatArray, categories: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    starts = np.cumsum(categories) - categories
    most = np.maximum.reduceat(logits, starts, axis=1)  # (N, n_blocks)
    e = np.exp(logits - np.repeat(most, categories, axis=1))
    return most, e, np.add.reduceat(e, starts, axis=1)


NORMALISERS: dict[str, tuple[Callable[..., FloatArray], Callable[..., FloatArray]]] = {
    # name: (A(l), its derivative, the mean)
    "bernoulli": (_softplus, _sigmoid),
    "continuous_bernoulli": (_continuous_normaliser, _continuous_mean),
    "categorical": (_log_sum_exp, _softmax),  # of (l, categories)
}


@_overflows_in_silence
def bernoulli_nll(logits: FloatArray, x: FloatArray) -> tuple[float, FloatArray]:
    """Compute -1/N sum log p(x | logits), in nats, and its gradient in the logits.

    With p = sigmoid(l): -x log p - (1 - x) log(1 - p) = log(1 + e^l) - x l.

    Parameters
    ----------
    logits, x : (N, D)

    Returns
    -------
    value : float
    dlogits : (N, D)
    """
    n = len(x)
    value = np.sum(_softplus(logits) - x * logits, dtype=np.float64) / n
    dlogits = (_sigmoid(logits) - x) / n
    return float(value), dlogits


@_overflows_in_silence
def continuous_bernoulli_nll(logits: FloatArray, x: FloatArray) -> tuple[float, FloatArray]:
    """Compute -1/N sum log p(x | logits), in nats, and its gradient in the logits.

    With the density e^(x l) / Z on [0, 1] (Loaiza-Ganem & Cunningham 2019): log Z - x l.

    Parameters
    ----------
    logits, x : (N, D)

    Returns
    -------
    value : float
    dlogits : (N, D)
    """
    n = len(x)
    value = np.sum(_continuous_normaliser(logits) - x * logits, dtype=np.float64) / n
    dlogits = (_continuous_mean(logits) - x) / n
    return float(value), dlogits.astype(logits.dtype)


@_overflows_in_silence
def categorical_nll(
    logits: FloatArray, x: FloatArray, categories: IntArray
) -> tuple[float, FloatArray]:
    """Compute -1/N sum log p(x | logits), in nats, and its gradient in the logits.

    A row consists of blocks, in each of which x has one 1. With p = softmax(l) in each block:
    log sum e^l - x l.

    Parameters
    ----------
    logits, x : (N, D)
    categories : (n_blocks,) ints
        The sizes of the blocks.

    Returns
    -------
    value : float
    dlogits : (N, D)
    """
    n = len(x)
    value = np.sum(_log_sum_exp(logits, categories), dtype=np.float64)
    value -= np.sum(x * logits, dtype=np.float64)
    dlogits = (_softmax(logits, categories) - x) / n
    return float(value / n), dlogits


@_overflows_in_silence
def gaussian_nll(
    mean: FloatArray, logvar: FloatArray, x: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Compute -1/N sum log N(x | mean, exp(logvar)), in nats, with its gradients.

    Parameters
    ----------
    mean, logvar, x : (N, D)

    Returns
    -------
    value : float
    dmean, dlogvar : (N, D)
    """
    n = len(x)
    per_std = _largest_finite(np.exp(-0.5 * logvar))
    scaled = (mean - x) * per_std  # in standard deviations
    squares = scaled**2
    value = 0.5 * (x.size * np.log(2 * np.pi) + np.sum(logvar + squares, dtype=np.float64)) / n
    dmean = scaled * per_std / n
    dlogvar = (0.5 / n) * (1 - squares)
    return float(value), dmean, dlogvar


def _largest_finite(a: FloatArray) -> FloatArray:
    # In place of infinity, which a difference of 0 would make NaN.
    return np.minimum(a, np.finfo(a.dtype).max, out=a)


@_overflows_in_silence
def laplace_nll(
    mean: FloatArray, logvar: FloatArray, x: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Compute -1/N sum log p(x | mean, variance exp(logvar)), in nats, with its gradients.

    The scale is b = e^(v/2) / sqrt 2, and -log p = log 2b + |x - mean| / b. Where x is the mean
    there is no derivative; the gradient says 0.

    Parameters
    ----------
    mean, logvar, x : (N, D)

    Returns
    -------
    value : float
    dmean, dlogvar : (N, D)
    """
    n = len(x)
    difference = mean - x
    per_scale = _largest_finite(2**0.5 * np.exp(-0.5 * logvar))  # 1/b
    distances = np.abs(difference) * per_scale
    value = (0.5 * x.size * np.log(2) + np.sum(0.5 * logvar + distances, dtype=np.float64)) / n
    dmean = np.sign(difference) * per_scale / n
    dlogvar = (0.5 / n) * (1 - distances)
    return float(value), dmean, dlogvar


@_overflows_in_silence
def gaussian_kl(mu: FloatArray, logvar: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compute KL(N(mu, exp(logvar)) || N(0, 1)) per latent, in nats, and its gradients.

    Parameters
    ----------
    mu, logvar : (N, K)

    Returns
    -------
    per_latent : (K,) float64
        Averaged over the batch.
    dmu, dlogvar : (N, K)
        The gradients of the sum.
    """
    n = len(mu)
    # e^v - 1 - v loses its digits where v is near 0; expm1 keeps them, and so does double.
    excess = np.expm1(logvar, dtype=np.float64)
    per_latent = 0.5 * (mu**2 + excess - logvar).sum(axis=0) / n
    dmu = mu / n
    dlogvar = ((0.5 / n) * excess).astype(logvar.dtype)
    return per_latent, dmu, dlogvar


# Optimiser steps, in place on flat arrays -----------------------------------------------------


@_overflows_in_silence
def sgd_step(
    value: FloatArray,
    grad: FloatArray,
    velocity: FloatArray,
    learning_rate: float,
    momentum: float,
) -> None:
    """Gradient descent with momentum: u = momentum u + grad; value -= learning_rate u.

    Parameters
    ----------
    value : (n,)
        Overwritten.
    grad : (n,)
    velocity : (n,)
        u, overwritten.
    learning_rate, momentum : float
    """
    velocity *= momentum
    velocity += grad
    value -= learning_rate * velocity


@_overflows_in_silence
def adagrad_step(
    value: FloatArray, grad: FloatArray, sum_squares: FloatArray, learning_rate: float, eps: float
) -> None:
    """Adagrad: divide each step by the root of the sum of all squared gradients so far.

    Parameters
    ----------
    value : (n,)
        Overwritten.
    grad : (n,)
        Where its square is infinite (above 1.8e19 in float32), the value stays from then on.
    sum_squares : (n,)
        That sum, overwritten.
    learning_rate, eps : float
    """
    sum_squares += grad**2
    value -= learning_rate * grad / (np.sqrt(sum_squares) + eps)


@_overflows_in_silence
def adam_step(
    value: FloatArray,
    grad: FloatArray,
    m: FloatArray,
    v: FloatArray,
    t: int,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
) -> None:
    """Adam: divide the running mean of the gradient by that of its size.

    Parameters
    ----------
    value : (n,)
        Overwritten.
    grad : (n,)
        Where its square is infinite (above 1.8e19 in float32), the value stays from then on.
    m, v : (n,)
        The running means of the gradient and of its square, overwritten.
    t : int
        The number of the step, from 1.
    learning_rate, beta1, beta2, eps : float
    """
    m *= beta1
    m += (1 - beta1) * grad
    v *= beta2
    v += (1 - beta2) * grad**2
    # Both averages start at zero; these factors undo that bias.
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    value -= learning_rate * m_hat / (np.sqrt(v_hat) + eps)


# Sprites ------------------------------------------------------------------------------------


def render_sprites(
    shape: IntArray,
    scale: FloatArray,
    angle: FloatArray,
    x: FloatArray,
    y: FloatArray,
    side: int,
    out: NDArray[np.bool_ | np.integer | np.floating],
) -> None:
    """Draw one white shape on black per picture: a pixel is 1 iff its centre is inside, else 0.

    The scene measures 64 x 64 units whatever ``side`` is, with y growing downwards.

    Parameters
    ----------
    shape : (N,) ints
        0 square, 1 ellipse, 2 heart.
    scale, angle, x, y : (N,) float64
        Size (at most 1), radians counter-clockwise on the screen, and the centre, in units.
    side : int
        Pixels along an edge of a picture.
    out : (N, side, side), bool or of any number type
        Overwritten.
    """
    pixel = 64.0 / side
    centres = (np.arange(side) + 0.5) * pixel
    for n in range(len(shape)):
        # No shape reaches further from its centre than 13.6 units (the square's corner: 13.58).
        reach = 13.6 * scale[n]
        top, bottom = max(0, int((y[n] - reach) / pixel)), int((y[n] + reach) / pixel) + 1
        left, right = max(0, int((x[n] - reach) / pixel)), int((x[n] + reach) / pixel) + 1
        dx = (centres[left:right] - x[n]) / scale[n]  # (columns,)
        dy = (centres[top:bottom, None] - y[n]) / scale[n]  # (rows, 1)
        cos, sin = np.cos(angle[n]), np.sin(angle[n])
        u = cos * dx - sin * dy  # (rows, columns): the pixel as the upright shape sees it
        v = sin * dx + cos * dy
        if shape[n] == 0:
            inside = (abs(u) <= 9.599) & (abs(v) <= 9.599)
        elif shape[n] == 1:
            inside = (u / 12.7657) ** 2 + (v / 7.213) ** 2 <= 1.0
        else:
            # The heart's outline is u = 9.595 sin^3 t,
            # v = -0.662 (13 cos t - 5 cos 2t - 2 cos 3t - cos 4t) - 1.4375. With q = cos^2 t its
            # upper and lower edge at u are middle -+ 0.662 cos t (19 - 8 q); q < 0 beyond them.
            q = 1.0 - np.cbrt((u / 9.595) ** 2)
            middle = -0.662 * (4.0 - 2.0 * q - 8.0 * q**2) - 1.4375
            inside = (v - middle) ** 2 <= 0.662**2 * q * (19.0 - 8.0 * q) ** 2
        out[n] = 0
        out[n, top:bottom, left:right] = inside


# Convolutions: as much again, in a file of their own, which takes the activations from here ------

from vae_numpy.kernels.reference_convolution import (  # noqa: E402, F401  (kernels, too)
    conv_backward,
    conv_forward,
    conv_transpose_backward,
    conv_transpose_forward,
)
