"""What the calls of a check are made of: generic arguments, and slopes by finite differences."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from vae_numpy import gradcheck
from vae_numpy._types import FloatArray


def sizes(rng: np.random.Generator, count: int, low: int = 3, high: int = 9) -> list[int]:
    """Draw sizes that all differ.

    Parameters
    ----------
    rng : numpy.random.Generator
    count : int
    low, high : int
        The smallest, and one more than the largest.

    Returns
    -------
    list of int
    """
    return [int(n) for n in rng.permutation(np.arange(low, high))[:count]]


def numbers(rng: np.random.Generator, *shape: int, low: float = -2, high: float = 2) -> FloatArray:
    """Draw numbers of two decimals, which a person can follow by hand.

    Parameters
    ----------
    rng : numpy.random.Generator
    *shape : int
    low, high : float

    Returns
    -------
    numbers : array
        None of them is a multiple of 1/4, so that no 0, 1 or 1/2 hides a mistake.
    """
    cents = np.arange(int(np.ceil(100 * low)), int(np.floor(100 * high)) + 1)
    return rng.choice(cents[cents % 25 != 0], size=shape) / 100


def number(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw one such number.

    Parameters
    ----------
    rng : numpy.random.Generator
    low, high : float

    Returns
    -------
    float
    """
    return float(numbers(rng, low=low, high=high))


def slope(function: Callable[[Any], Any], at: Any, step: float = 1e-5) -> Any:
    """Return the derivative of a function of one number by a central difference.

    Parameters
    ----------
    function : callable
    at : float
    step : float

    Returns
    -------
    float
        Or of the shape of what the function returns.
    """
    return (function(at + step) - function(at - step)) / (2 * step)


def gradients_of(loss: Callable[..., float], *names: str) -> Callable[..., Any]:
    """Return a function of the same arguments that gives a loss's gradients in some of them.

    By finite differences, so compare with ``rtol=1e-5, atol=1e-6``.

    Parameters
    ----------
    loss : callable
    *names : str
        Of the arguments, arrays, in which the gradients are wanted.

    Returns
    -------
    callable
        It returns a tuple of arrays; the array alone for one name.
    """
    parameters = list(inspect.signature(loss).parameters)

    @functools.wraps(loss)  # so that a verdict has the arguments' names
    def gradients(*args: Any) -> Any:
        found = []
        for i in map(parameters.index, names):
            moved = functools.partial(_with, loss, args, i)
            found.append(gradcheck.numerical_gradient(moved, args[i]))
        return tuple(found) if len(found) > 1 else found[0]

    return gradients


def _with(loss, args, i, value):
    return loss(*args[:i], value, *args[i + 1 :])
