"""The activations y = f(a), and their derivatives f'(a) written with the output y."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from vae_numpy._types import FloatArray


def _sigmoid(a: FloatArray) -> FloatArray:
    # 1 / (1 + exp(-a)), written with tanh so that no exp can overflow.
    return 0.5 * (1 + np.tanh(0.5 * a))


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
