"""Finite differences, and a verdict on a gradient derived by hand.

Check in float64: in float32 the differences drown in rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.layers import Layer
from vae_numpy.utils import check_number

# A function of the array in which it is differentiated: Python's number or NumPy's.
Loss: TypeAlias = Callable[[FloatArray], float | np.floating]


@dataclass(frozen=True)
class Verdict:
    """The outcome of a gradient check; true if the gradient is right, and readable as text.

    Attributes
    ----------
    error : float
        max |grad - numeric| / max(|grad|, |numeric|), over all entries: the largest deviation
        in units of the largest gradient. Where the gradient is too small for finite differences
        to see, in units of what they can see.
    tolerance : float
    worst : tuple of int
        The index of the largest deviation.
    grad, numeric : float
        The two values there.
    """

    error: float
    tolerance: float
    worst: tuple[int, ...]
    grad: float
    numeric: float

    def __bool__(self) -> bool:
        return bool(self.error <= self.tolerance)

    def __str__(self) -> str:
        if self:
            return f"right: relative error {self.error:.1e}"
        return (
            f"wrong: relative error {self.error:.1e}; at index {self.worst} the gradient is "
            f"{self.grad:.6g}, finite differences say {self.numeric:.6g}"
        )


class Differences(NamedTuple):
    """What finite differences say of a gradient.

    Attributes
    ----------
    central, left, right : float64 arrays of the shape of ``x``
        The slopes (f(x + h) - f(x - h)) / 2h, (f(x) - f(x - h)) / h and (f(x + h) - f(x)) / h.
        Left and right differ at a kink, as relu has one.
    resolution : float
        How small a difference between two gradients they can see.
    """

    central: FloatArray
    left: FloatArray
    right: FloatArray
    resolution: float


def numerical_gradient(f: Loss, x: FloatArray, step: float = 1e-6) -> FloatArray:
    """Estimate the gradient of ``f`` at ``x`` by central differences.

    Each entry is (f(x + h) - f(x - h)) / 2h, with an error of the order of h^2. The step is
    relative: h = step * max(1, |entry|).

    Parameters
    ----------
    f : callable
        Takes an array of the shape of ``x`` and returns a number.
    x : float64 array, any shape
        Is changed while ``f`` runs and restored, also where ``f`` raises.
    step : float
        h of an entry between -1 and 1.

    Returns
    -------
    gradient : float64 array of the shape of ``x``

    Raises
    ------
    TypeError
        If ``x`` is not a float64 array, or ``step`` is no number.
    ValueError
        If ``step`` is not above 0.

    Examples
    --------
    >>> numerical_gradient(lambda x: np.sum(x**2), np.array([1.0, -3.0])).round(6)
    array([ 2., -6.])
    """
    return differences(f, x, step).central


def differences(f: Loss, x: FloatArray, step: float = 1e-6) -> Differences:
    """Estimate the gradient of ``f`` at ``x`` from the left, from the right and centrally.

    Parameters and errors are those of ``numerical_gradient``.

    Returns
    -------
    slopes : Differences
    """
    if not isinstance(x, np.ndarray) or x.dtype != np.float64:
        raise TypeError(f"x must be a float64 array, got {getattr(x, 'dtype', type(x).__name__)}")
    check_number("step", step, above=0)
    central, left, right = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    here = f(x)
    largest = abs(float(here))
    for index in np.ndindex(x.shape):
        kept = float(x[index])
        h = step * max(1.0, abs(kept))
        try:
            x[index] = kept + h
            above = f(x)
            x[index] = kept - h
            below = f(x)
        finally:
            x[index] = kept
        central[index] = (above - below) / (2 * h)
        left[index], right[index] = (here - below) / h, (above - here) / h
        largest = max(largest, abs(float(above)), abs(float(below)))
    # Differences carry the rounding of f and an error of the order of the squared step; at a
    # minimum they are nothing else.
    resolution = 4 * max(np.finfo(np.float64).eps * largest / step, step**2)
    return Differences(central, left, right, float(resolution))


def check_gradient(
    f: Loss, x: FloatArray, grad: ArrayLike, *, tolerance: float = 1e-6, step: float = 1e-6
) -> Verdict:
    """Compare ``grad`` with finite differences of ``f`` at ``x``.

    Parameters
    ----------
    f : callable
        The loss as a function of ``x``: takes the array, returns a number.
    x : float64 array
    grad : array of the shape of ``x``
        The gradient to be checked.
    tolerance : float
        The largest relative error that passes.
    step : float
        See ``numerical_gradient``.

    Returns
    -------
    verdict : Verdict

    Raises
    ------
    ValueError
        If ``grad`` has another shape than ``x``, or ``step`` is not above 0.
    TypeError
        If ``x`` is not a float64 array, or ``step`` is no number.

    Examples
    --------
    >>> x = np.array([1.0, 2.0])
    >>> print(check_gradient(lambda x: np.sum(x**2), x, x))
    wrong: relative error 5.0e-01; at index (1,) the gradient is 2, finite differences say 4
    """
    grad = np.asarray(grad)
    if grad.shape != np.shape(x):
        raise ValueError(f"grad must have the shape of x, {np.shape(x)}, got {grad.shape}")
    numeric, _, _, resolution = differences(f, x, step)
    if grad.size == 0:
        return Verdict(0.0, tolerance, (), 0.0, 0.0)
    deviation = np.asarray(np.abs(grad - numeric))
    deviation[np.isnan(deviation)] = np.inf
    worst = tuple(int(i) for i in np.unravel_index(np.argmax(deviation), grad.shape))
    # In units of the largest entry: entry by entry, rounding in the tiny ones would count.
    error = float(deviation[worst])
    if np.isfinite(error) and error > 0:
        error /= max(np.max(np.abs(grad)), np.max(np.abs(numeric)), resolution / tolerance)
    return Verdict(float(error), tolerance, worst, float(grad[worst]), float(numeric[worst]))


def check_layer(
    layer: Layer, x: FloatArray, *, rng: np.random.Generator, tolerance: float = 1e-6
) -> dict[str, Verdict]:
    """Check all gradients of a layer or network: in its input and in each parameter.

    The loss is sum(y * dy) with a random dy, whose gradient in y is dy.

    Parameters
    ----------
    layer : Dense, Sequential, or anything with ``forward``, ``backward`` and ``parameters``
        In float64. Its gradients are overwritten.
    x : float64 array, (N, n_in)
    rng : numpy.random.Generator
        Draws dy.
    tolerance : float
        The largest relative error that passes.

    Returns
    -------
    verdicts : dict
        ``"x"`` and ``"parameter 0"``, ``"parameter 1"``, ... with a ``Verdict`` each.

    Raises
    ------
    TypeError
        If ``x`` or a parameter is not a float64 array.
    ValueError
        If a gradient has another shape than what it belongs to.

    Examples
    --------
    >>> from vae_numpy.layers import Dense
    >>> rng = np.random.default_rng(0)
    >>> layer = Dense(3, 2, "tanh", dtype=np.float64, rng=rng)
    >>> verdicts = check_layer(layer, rng.normal(size=(5, 3)), rng=rng)
    >>> list(verdicts), all(verdicts.values())
    (['x', 'parameter 0', 'parameter 1'], True)
    """
    dy = rng.normal(size=layer.forward(x).shape)

    def loss(_: FloatArray) -> np.floating:
        return np.sum(layer.forward(x) * dy)

    for p in layer.parameters():
        p.zero_grad()
    layer.forward(x)
    dx = layer.backward(dy)
    verdicts = {"x": check_gradient(loss, x, dx, tolerance=tolerance)}
    for i, p in enumerate(layer.parameters()):
        grad = p.grad.copy()
        verdicts[f"parameter {i}"] = check_gradient(loss, p.value, grad, tolerance=tolerance)
    return verdicts
