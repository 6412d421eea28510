"""The kernels compiled by numba: the twins of ``reference``, which says what each computes.

The only file that imports numba. Products go to BLAS through NumPy, on its own threads; the
passes around them are compiled, serial, and fused so that each array is read once. Sums run
in double precision.
"""

import math

import numba
import numpy as np

from vae_numpy.kernels import reference

# Reassociation and contraction let LLVM use vector instructions; unlike fastmath=True these
# flags keep NaN and infinity as they are.
_jit = numba.njit(cache=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")

# The dense layer ----------------------------------------------------------------------------


@_jit
def _add_bias(a, b):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] += b[j]


@_jit
def _add_bias_relu(a, b):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            s = a[i, j]
            if b is not None:
                s += b[j]
            a[i, j] = s if not s < 0 else 0  # written so that a NaN stays one


def dense_forward(x, W, b, activation):
    a = x @ W
    if activation == "relu":
        _add_bias_relu(a, b)
        return a
    if b is not None:
        _add_bias(a, b)
    # NumPy's exp and tanh use vector instructions, which a compiled call per element does not.
    return reference.ACTIVATIONS[activation][0](a)


@_jit
def _times_identity(dy, y):
    return dy


@_jit
def _times_relu(dy, y):
    da = np.empty_like(dy)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            da[i, j] = dy[i, j] * (y[i, j] > 0)
    return da


@_jit
def _times_tanh(dy, y):
    da = np.empty_like(dy)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            da[i, j] = dy[i, j] * (1 - y[i, j] * y[i, j])
    return da


@_jit
def _times_sigmoid(dy, y):
    da = np.empty_like(dy)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            da[i, j] = dy[i, j] * (y[i, j] * (1 - y[i, j]))
    return da


@_jit
def _times_softplus(dy, y):
    da = np.empty_like(dy)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            da[i, j] = dy[i, j] * -math.expm1(-y[i, j])
    return da


# dy f'(a), with the derivative written with the output y
_TIMES_DERIVATIVE = {
    "identity": _times_identity,
    "relu": _times_relu,
    "tanh": _times_tanh,
    "sigmoid": _times_sigmoid,
    "softplus": _times_softplus,
}


@_jit
def _add_column_sums(da, db):
    for i in range(da.shape[0]):
        for j in range(da.shape[1]):
            db[j] += da[i, j]


def dense_backward(dy, x, y, W, activation, dW, db):
    da = _TIMES_DERIVATIVE[activation](dy, y)
    dW += x.T @ da
    if db is not None:
        _add_column_sums(da, db)
    return da @ W.T


# Losses -------------------------------------------------------------------------------------


@_jit
def squared_error(x_hat, x):
    n = x.shape[0]
    two_over_n = x_hat.dtype.type(2 / n)
    dx_hat = np.empty_like(x_hat)
    total = 0.0
    for i in range(n):
        for j in range(x.shape[1]):
            difference = x_hat[i, j] - x[i, j]
            total += difference * difference
            dx_hat[i, j] = two_over_n * difference
    return total / n, dx_hat


@_jit
def bernoulli_nll(logits, x):
    n = x.shape[0]
    one, one_over_n = logits.dtype.type(1), logits.dtype.type(1 / n)
    dlogits = np.empty_like(logits)
    total = 0.0
    for i in range(n):
        for j in range(x.shape[1]):
            logit = logits[i, j]
            e = math.exp(-abs(logit))  # at most 1: nothing overflows
            total += max(logit, 0) + math.log1p(e) - x[i, j] * logit
            sigmoid = (one if logit >= 0 else e) / (one + e)
            dlogits[i, j] = one_over_n * (sigmoid - x[i, j])
    return total / n, dlogits


@_jit
def gaussian_nll(mean, logvar, x):
    n = x.shape[0]
    one_over_n = mean.dtype.type(1 / n)
    half_over_n = mean.dtype.type(0.5 / n)
    one = mean.dtype.type(1)
    dmean, dlogvar = np.empty_like(mean), np.empty_like(mean)
    total = 0.0
    for i in range(n):
        for j in range(x.shape[1]):
            difference = mean[i, j] - x[i, j]
            scaled = difference * math.exp(-logvar[i, j])
            square = difference * scaled
            total += logvar[i, j] + square
            dmean[i, j] = one_over_n * scaled
            dlogvar[i, j] = half_over_n * (one - square)
    constant = x.size * math.log(2 * math.pi)
    return 0.5 * (constant + total) / n, dmean, dlogvar


@_jit
def gaussian_kl(mu, logvar):
    n, k = mu.shape
    one_over_n = mu.dtype.type(1 / n)
    half_over_n = mu.dtype.type(0.5 / n)
    per_latent = np.zeros(k)
    dmu, dlogvar = np.empty_like(mu), np.empty_like(mu)
    for i in range(n):
        for j in range(k):
            excess = math.expm1(logvar[i, j])
            per_latent[j] += mu[i, j] * mu[i, j] + excess - logvar[i, j]
            dmu[i, j] = one_over_n * mu[i, j]
            dlogvar[i, j] = half_over_n * excess
    return 0.5 * per_latent / n, dmu, dlogvar


# Optimiser steps, in place on flat arrays -----------------------------------------------------


@_jit
def sgd_step(value, grad, velocity, learning_rate, momentum):
    learning_rate, momentum = value.dtype.type(learning_rate), value.dtype.type(momentum)
    for i in range(value.size):
        velocity[i] = momentum * velocity[i] + grad[i]
        value[i] -= learning_rate * velocity[i]


@_jit
def adagrad_step(value, grad, sum_squares, learning_rate, eps):
    learning_rate, eps = value.dtype.type(learning_rate), value.dtype.type(eps)
    for i in range(value.size):
        sum_squares[i] += grad[i] * grad[i]
        value[i] -= learning_rate * grad[i] / (math.sqrt(sum_squares[i]) + eps)


@_jit
def adam_step(value, grad, m, v, t, learning_rate, beta1, beta2, eps):
    scalar = value.dtype.type
    rate = scalar(learning_rate / (1 - beta1**t))
    correction = scalar(1 / (1 - beta2**t))
    rest1, rest2 = scalar(1 - beta1), scalar(1 - beta2)
    beta1, beta2, eps = scalar(beta1), scalar(beta2), scalar(eps)
    for i in range(value.size):
        g = grad[i]
        m[i] = beta1 * m[i] + rest1 * g
        v[i] = beta2 * v[i] + rest2 * g * g
        value[i] -= rate * m[i] / (math.sqrt(v[i] * correction) + eps)


# Sprites ------------------------------------------------------------------------------------


@_jit
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
