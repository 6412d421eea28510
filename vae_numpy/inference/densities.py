"""A log-density is a function that somebody else wrote: calling it, and its slope."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray

LogDensity: TypeAlias = Callable[[FloatArray], ArrayLike]  # (N, K) -> (N,)
Gradient: TypeAlias = Callable[[FloatArray], ArrayLike]  # (N, K) -> (N, K)


def evaluate(
    function: LogDensity | Gradient,
    z: FloatArray,
    name: str = "log_density",
    shape: tuple[int, ...] | None = None,
    zero_allowed: bool = False,
) -> FloatArray:
    """Call a log-density or its gradient and check what comes back."""
    shape = z.shape[:1] if shape is None else shape
    if not callable(function):
        raise TypeError(f"{name} must be a function of z, got {type(function).__name__}")
    returned = function(z)
    try:
        values = np.asarray(returned, np.float64)
    except (TypeError, ValueError):
        kind = type(returned).__name__
        raise TypeError(f"{name} must return an array of numbers, got {kind}") from None
    if values.shape != shape:
        raise ValueError(f"{name} must return shape {shape} for z {z.shape}, got {values.shape}")
    bad = ~np.isfinite(values)
    if zero_allowed:  # the logarithm of a density that is 0
        bad &= ~np.isneginf(values)
    if bad.any():
        first = np.argwhere(bad)[0]
        raise ValueError(
            f"{name} must be finite, got {values[tuple(first)]} at z = {z[first[0]]} "
            f"({bad.sum()} of {bad.size} values)"
        )
    return values


def central_differences(log_density: LogDensity) -> Gradient:
    """Make the gradient of a log-density, (N, K) -> (N, K), from 2 K evaluations."""

    def gradient(z: FloatArray) -> FloatArray:
        h = 1e-5
        columns = [
            (evaluate(log_density, z + h * unit) - evaluate(log_density, z - h * unit)) / (2 * h)
            for unit in np.eye(z.shape[1])
        ]
        return np.stack(columns, axis=1)

    return gradient
