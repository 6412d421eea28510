"""The kernels compiled by numba: the twins of ``reference``, which says what each computes.

Small products go to BLAS through NumPy, the others to our own (``product``) and its threads
(``threads`` says why). The passes around them are compiled and fused, so that each array is read
once. Sums run in double precision.
"""

import math

import numpy as np

from vae_numpy._types import FloatArray
from vae_numpy.kernels import reference
from vae_numpy.kernels.convolution import add_gradients, convolve, convolve_transposed
from vae_numpy.kernels.exponential import exp_of_negative
from vae_numpy.kernels.jit import jit
from vae_numpy.kernels.product import add_bias, add_bias_relu, product_into
from vae_numpy.kernels.sparse import is_mostly_zero, sparse_gradient_into, sparse_product_into
from vae_numpy.kernels.threads import own_product
from vae_numpy.kernels.turns import begin, end, share

# The dense layer ----------------------------------------------------------------------------


def dense_forward(
    x: FloatArray, W: FloatArray, b: FloatArray | None, activation: str
) -> FloatArray:
    if own_product(len(x) * W.size):
        y = np.empty((len(x), W.shape[1]), W.dtype)
        multiply = sparse_product_into if is_mostly_zero(x) else product_into
        multiply(y, x, W, bias=b, relu=activation == "relu")
    else:
        y = x @ W
        if activation == "relu":
            add_bias_relu(y, b)
        elif b is not None:
            add_bias(y, b)
    if activation in ("identity", "relu"):
        return y
    # NumPy's exp and tanh use vector instructions, which a compiled call per element does not.
    return reference.ACTIVATIONS[activation][0](y)


@jit
def _times_identity(dy, y):
    return dy


@jit
def _times_relu(dy, y):
    da = np.empty_like(dy)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            da[i, j] = dy[i, j] * (y[i, j] > 0)
    return da


@jit
def _times_tanh(dy, y):
    da = np.empty_like(dy)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            da[i, j] = dy[i, j] * (1 - y[i, j] * y[i, j])
    return da


@jit
def _times_sigmoid(dy, y):
    da = np.empty_like(dy)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            da[i, j] = dy[i, j] * (y[i, j] * (1 - y[i, j]))
    return da


@jit
def _times_softplus(dy, y):
    da = np.empty_like(dy)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            da[i, j] = dy[i, j] * -math.expm1(-y[i, j])
    return da


# dy f'(a) in one pass, with the derivative written with the output y; others take two
_TIMES_DERIVATIVE = {
    "identity": _times_identity,
    "relu": _times_relu,
    "tanh": _times_tanh,
    "sigmoid": _times_sigmoid,
    "softplus": _times_softplus,
}


def _times_derivative(dy, y, activation):
    if activation in _TIMES_DERIVATIVE:
        return _TIMES_DERIVATIVE[activation](dy, y)
    return dy * reference.ACTIVATIONS[activation][1](y)


@jit
def _add_column_sums(da, db, accumulate):
    if not accumulate:
        db[:] = 0
    for i in range(da.shape[0]):
        for j in range(da.shape[1]):
            db[j] += da[i, j]


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
) -> FloatArray | None:
    da = _times_derivative(dy, y, activation)
    own = own_product(len(x) * W.size)
    if own and is_mostly_zero(x):
        sparse_gradient_into(dW, x, da, add=accumulate)
    elif own:
        product_into(dW, x.T, da, add=accumulate)
    elif accumulate:
        dW += x.T @ da
    else:
        np.matmul(x.T, da, out=dW)
    if db is not None:
        _add_column_sums(da, db, accumulate)
    if not need_dx:
        return None
    return product_into(np.empty_like(x), da, W.T) if own else da @ W.T


# Convolutions -------------------------------------------------------------------------------


def conv_forward(
    x: FloatArray,
    W: FloatArray,
    b: FloatArray | None,
    activation: str,
    stride: int,
    padding: int,
) -> FloatArray:
    relu = activation == "relu"
    return _activated(convolve(x, W, b, stride, padding, relu=relu), activation)


def conv_backward(
    dy: FloatArray,
    x: FloatArray,
    y: FloatArray,
    W: FloatArray,
    activation: str,
    stride: int,
    padding: int,
    dW: FloatArray,
    db: FloatArray | None,
    *,
    accumulate: bool = True,
    need_dx: bool = True,
) -> FloatArray | None:
    return _conv_gradients(
        dy, x, y, W, activation, stride, padding, dW, db, False, accumulate, need_dx
    )


def conv_transpose_forward(
    x: FloatArray,
    W: FloatArray,
    b: FloatArray | None,
    activation: str,
    stride: int,
    padding: int,
    shape: tuple[int, ...],
) -> FloatArray:
    relu = activation == "relu"
    return _activated(convolve_transposed(x, W, b, stride, padding, shape, relu=relu), activation)


def conv_transpose_backward(
    dy: FloatArray,
    x: FloatArray,
    y: FloatArray,
    W: FloatArray,
    activation: str,
    stride: int,
    padding: int,
    dW: FloatArray,
    db: FloatArray | None,
    *,
    accumulate: bool = True,
    need_dx: bool = True,
) -> FloatArray | None:
    return _conv_gradients(
        dy, x, y, W, activation, stride, padding, dW, db, True, accumulate, need_dx
    )


# The kernels apply relu while a picture is in the cache; other activations take their own pass.


def _activated(a, activation):
    return a if activation in ("identity", "relu") else reference.ACTIVATIONS[activation][0](a)


def _conv_gradients(
    dy, x, y, W, activation, stride, padding, dW, db, transposed, accumulate, need_dx
):
    if activation not in ("identity", "relu"):
        rows = (-1, y.shape[3])
        dy = _times_derivative(dy.reshape(rows), y.reshape(rows), activation).reshape(y.shape)
    return add_gradients(
        dy,
        x,
        y,
        W,
        dW,
        db,
        stride,
        padding,
        relu=activation == "relu",
        transposed=transposed,
        accumulate=accumulate,
        need_dx=need_dx,
    )


# Losses -------------------------------------------------------------------------------------


@jit
def squared_error(x_hat, x):
    n = x.shape[0]
    two_over_n = x_hat.dtype.type(2 / n)
    dx_hat = np.empty_like(x_hat)
    total = np.float64(0)
    for i in range(n):
        for j in range(x.shape[1]):
            difference = x_hat[i, j] - x[i, j]
            total += difference * difference
            dx_hat[i, j] = two_over_n * difference
    return float(total / n), dx_hat


def bernoulli_nll(logits: FloatArray, x: FloatArray) -> tuple[float, FloatArray]:
    dlogits, totals = np.empty_like(logits), np.empty(len(x))

    def rows(i, j, turn):
        bernoulli_rows(logits[i:j], x[i:j], len(x), dlogits[i:j], totals[i:j], turn)

    share(rows, len(x), grain=8, most=logits.size // 2**14)
    return float(totals.sum()) / len(x), dlogits


_FACTORS = 512  # between 1 and 2 each: their product stays below the largest double, 2^1024


@jit
def bernoulli_rows(logits, x, n, dlogits, totals, turn):
    begin(turn)
    one, one_over_n = logits.dtype.type(1), logits.dtype.type(1 / n)
    zero, columns = logits.dtype.type(0), logits.shape[1]
    for i in range(logits.shape[0]):  # three loops, since vector instructions do each of them
        total, e = np.float64(0), dlogits[i]  # the gradient's place, until it is computed
        for j in range(columns):
            total += max(logits[i, j], zero) - x[i, j] * logits[i, j]
            e[j] = exp_of_negative(-abs(logits[i, j]))
        for start in range(0, columns, _FACTORS):
            # The sum of log(1 + e) is the log of the product: one logarithm for 512 numbers.
            some, product = e[start : start + _FACTORS], np.float64(1)
            for j in range(len(some)):  # from 0: else it might be negative, for all LLVM knows
                product *= 1 + np.float64(some[j])
            if product > 1.00001:
                total += math.log(product)
            else:  # each 1 + e has lost digits of e, but log(1 + e) = e - e^2 / 2 + ...
                for j in range(len(some)):
                    small = np.float64(some[j])
                    total += small - 0.5 * small * small
        for j in range(columns):
            sigmoid = (one if logits[i, j] >= 0 else e[j]) / (one + e[j])
            dlogits[i, j] = one_over_n * (sigmoid - x[i, j])
        totals[i] = total
    end(turn)


@jit
def gaussian_nll(mean, logvar, x):
    n = x.shape[0]
    one_over_n = mean.dtype.type(1 / n)
    half_over_n = mean.dtype.type(0.5 / n)
    one, half = mean.dtype.type(1), mean.dtype.type(0.5)
    largest = mean.dtype.type(np.finfo(mean.dtype).max)  # infinity times 0 would be NaN
    dmean, dlogvar = np.empty_like(mean), np.empty_like(mean)
    total = np.float64(0)
    for i in range(n):
        for j in range(x.shape[1]):
            per_std = min(math.exp(-half * logvar[i, j]), largest)
            scaled = (mean[i, j] - x[i, j]) * per_std
            square = scaled * scaled
            total += logvar[i, j] + square
            dmean[i, j] = one_over_n * (scaled * per_std)
            dlogvar[i, j] = half_over_n * (one - square)
    constant = x.size * math.log(2 * math.pi)
    return float(0.5 * (constant + total) / n), dmean, dlogvar


@jit
def laplace_nll(mean, logvar, x):
    n = x.shape[0]
    scalar = mean.dtype.type
    root, half, zero, one = scalar(math.sqrt(2)), scalar(0.5), scalar(0), scalar(1)
    one_over_n, half_over_n = scalar(1 / n), scalar(0.5 / n)
    largest = scalar(np.finfo(mean.dtype).max)
    dmean, dlogvar = np.empty_like(mean), np.empty_like(mean)
    total = np.float64(0)
    for i in range(n):
        for j in range(x.shape[1]):
            difference = mean[i, j] - x[i, j]
            per_scale = min(root * math.exp(-half * logvar[i, j]), largest)
            distance = abs(difference) * per_scale
            total += half * logvar[i, j] + distance
            slope = difference  # where it is 0, or NaN
            if difference > zero:
                slope = per_scale
            elif difference < zero:
                slope = -per_scale
            dmean[i, j] = one_over_n * slope
            dlogvar[i, j] = half_over_n * (one - distance)
    return float((0.5 * x.size * math.log(2) + total) / n), dmean, dlogvar


@jit
def continuous_bernoulli_nll(logits, x):
    n = x.shape[0]
    dlogits = np.empty_like(logits)
    total = np.float64(0)
    for i in range(n):
        for j in range(x.shape[1]):
            t = np.float64(logits[i, j])
            size, s = abs(t), t * t
            if size < 0.1:
                normaliser = t / 2 + s * (1 / 24 + s * (-1 / 2880 + s * (1 / 181440 - s / 9676800)))
                mean = 1 / 2 + t * (1 / 12 + s * (-1 / 720 + s * (1 / 30240 - s / 1209600)))
            else:
                rest = -math.expm1(-size)
                normaliser = max(t, 0.0) + math.log(rest) - math.log(size)
                least = 1 / size - math.exp(-size) / rest
                mean = least if t < 0 else 1 - least
            total += normaliser - x[i, j] * t
            dlogits[i, j] = (mean - x[i, j]) / n
    return float(total / n), dlogits


@jit
def categorical_nll(logits, x, categories):
    n = x.shape[0]
    dlogits = np.empty_like(logits)
    total = np.float64(0)
    for i in range(n):
        end = 0
        for size in categories:
            start, end = end, end + size
            most, rest = logits[i, start], np.float64(0)
            for j in range(start, end):
                most = max(most, logits[i, j])
            for j in range(start, end):
                dlogits[i, j] = math.exp(logits[i, j] - most)
                rest += dlogits[i, j]
                if x[i, j] != 0:  # else nothing, also of a logit that is infinitely far below
                    total -= x[i, j] * (logits[i, j] - most)
            total += math.log(rest)
            for j in range(start, end):
                dlogits[i, j] = (dlogits[i, j] / rest - x[i, j]) / n
    return float(total / n), dlogits


@jit
def gaussian_kl(mu, logvar):
    n, k = mu.shape
    one_over_n = mu.dtype.type(1 / n)
    half_over_n = mu.dtype.type(0.5 / n)
    per_latent = np.zeros(k)
    dmu, dlogvar = np.empty_like(mu), np.empty_like(mu)
    for i in range(n):
        for j in range(k):
            excess = math.expm1(np.float64(logvar[i, j]))
            per_latent[j] += mu[i, j] * mu[i, j] + excess - logvar[i, j]
            dmu[i, j] = one_over_n * mu[i, j]
            dlogvar[i, j] = half_over_n * excess
    return 0.5 * per_latent / n, dmu, dlogvar


# Optimiser steps, in place on flat arrays -----------------------------------------------------


@jit
def sgd_step(value, grad, velocity, learning_rate, momentum):
    learning_rate, momentum = value.dtype.type(learning_rate), value.dtype.type(momentum)
    for i in range(value.size):
        velocity[i] = momentum * velocity[i] + grad[i]
        value[i] -= learning_rate * velocity[i]


@jit
def adagrad_step(value, grad, sum_squares, learning_rate, eps):
    learning_rate, eps = value.dtype.type(learning_rate), value.dtype.type(eps)
    for i in range(value.size):
        sum_squares[i] += grad[i] * grad[i]
        value[i] -= learning_rate * grad[i] / (math.sqrt(sum_squares[i]) + eps)


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
    # Out of the compiler's sight, which would make b v + (1 - b) g^2 into b (v - g^2) + g^2: NaN
    # where g^2 is infinite.
    rests = 1 - beta1, 1 - beta2
    arrays, scalars = (value, grad, m, v), (t, learning_rate, beta1, beta2, *rests, eps)

    def part(i, j, turn):
        adam_part(*(x[i:j] for x in arrays), *scalars, turn)

    share(part, value.size, grain=2**16)


@jit
def adam_part(value, grad, m, v, t, learning_rate, beta1, beta2, rest1, rest2, eps, turn):
    begin(turn)
    scalar = value.dtype.type
    rate = scalar(learning_rate / (1 - beta1**t))
    correction = scalar(1 / (1 - beta2**t))
    beta1, beta2, eps = scalar(beta1), scalar(beta2), scalar(eps)
    rest1, rest2 = scalar(rest1), scalar(rest2)
    # Where g has become 0 for good, as in front of a unit that has died, both averages shrink to
    # numbers so small that processors handle them many times as slowly. They are set to 0 where,
    # beside eps, they no longer move the value by 1e-16 of the learning rate.
    tiny_mean, tiny_square = scalar(1e-22 * eps), scalar(1e-20 * eps * eps)
    for i in range(value.size):
        g = grad[i]
        mean, square = beta1 * m[i] + rest1 * g, beta2 * v[i] + rest2 * g * g
        m[i] = scalar(0) if abs(mean) < tiny_mean else mean
        v[i] = scalar(0) if square < tiny_square else square
        value[i] -= rate * mean / (math.sqrt(square * correction) + eps)
    end(turn)


# Sprites ------------------------------------------------------------------------------------


@jit
def render_sprites(shape, scale, angle, x, y, side, out):
    pixel = 64.0 / side
    for n in range(len(shape)):
        out[n] = 0
        reach = 13.6 * scale[n]
        top, bottom = max(0, int((y[n] - reach) / pixel)), int((y[n] + reach) / pixel) + 1
        left, right = max(0, int((x[n] - reach) / pixel)), int((x[n] + reach) / pixel) + 1
        cos, sin = math.cos(angle[n]), math.sin(angle[n])
        for i in range(top, min(bottom, side)):
            dy = ((i + 0.5) * pixel - y[n]) / scale[n]
            for j in range(left, min(right, side)):
                dx = ((j + 0.5) * pixel - x[n]) / scale[n]
                u = cos * dx - sin * dy
                v = sin * dx + cos * dy
                if shape[n] == 0:
                    inside = abs(u) <= 9.599 and abs(v) <= 9.599
                elif shape[n] == 1:
                    inside = (u / 12.7657) ** 2 + (v / 7.213) ** 2 <= 1.0
                else:
                    q = 1.0 - np.cbrt((u / 9.595) ** 2)
                    middle = -0.662 * (4.0 - 2.0 * q - 8.0 * q**2) - 1.4375
                    inside = (v - middle) ** 2 <= 0.662**2 * q * (19.0 - 8.0 * q) ** 2
                out[n, i, j] = inside
