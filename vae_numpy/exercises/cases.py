"""Generic arguments for the calls of a check: nothing special about any number or size."""

import numpy as np

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
