"""Corruption: the damage that a denoising autoencoder learns to undo.

``corrupt`` damages any data value by value. ``hide_block`` and ``put_on_stripes`` take rows that
are square pictures: a hole in each, and a distracting background behind each. All three return a
damaged copy, of the type of what they were given, and ``Autoencoder(noise=...)`` takes the names
of the first and the other two themselves.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.utils import (
    check_choice,
    check_float_array,
    check_generator,
    check_integer,
    check_number,
)

KINDS = ("gaussian", "masking", "salt_and_pepper")

# One of ``KINDS``, or a function of rows and a generator that returns the damaged rows.
Noise: TypeAlias = str | Callable[[FloatArray, np.random.Generator], ArrayLike]

HIDDEN = -1  # no pixel has this value, so that a hole does not look like paper or ink


def corrupt(
    x: FloatArray, noise: Noise, level: float = 0.1, *, rng: np.random.Generator
) -> FloatArray:
    """Return a damaged copy of ``x`` (Vincent et al. 2010, section 3.3).

    Parameters
    ----------
    x : (N, D) array of float32 or float64
        Is not changed.
    noise : {"gaussian", "masking", "salt_and_pepper"} or callable
        ``"gaussian"`` adds noise of standard deviation ``level``; ``"masking"`` sets each value
        to 0 with probability ``level``; ``"salt_and_pepper"`` sets it, with that probability,
        to 0 or 1 at random. A function is called as ``noise(x, rng)``.
    level : float
        In units of ``x`` for ``"gaussian"`` (>= 0), a probability for the other two.
    rng : numpy.random.Generator

    Returns
    -------
    damaged : (N, D), of the type of ``x``

    Raises
    ------
    ValueError, TypeError
        If ``noise`` is unknown, ``level`` is out of bounds, a function returns another shape, or
        ``x`` or ``rng`` is not as above.

    Examples
    --------
    >>> x = np.ones((2, 500))
    >>> damaged = corrupt(x, "masking", 0.3, rng=np.random.default_rng(0))
    >>> np.unique(damaged), x.min()
    (array([0., 1.]), np.float64(1.0))
    >>> print(f"{np.mean(damaged == 0):.1f}")
    0.3
    """
    check_float_array("x", x)
    check_generator(rng)
    if callable(noise):
        damaged = np.asarray(noise(x.copy(), rng), x.dtype)  # it may work in place
        if damaged.shape != x.shape:
            raise ValueError(f"noise(x, rng) must return shape {x.shape}, got {damaged.shape}")
        return damaged
    check_noise(noise, level)
    if noise == "gaussian":
        return x + x.dtype.type(level) * rng.standard_normal(x.shape, dtype=x.dtype)
    hit = rng.random(x.shape, dtype=np.float32) < level
    if noise == "masking":
        return np.where(hit, x.dtype.type(0), x)
    return np.where(hit, rng.integers(2, size=x.shape).astype(x.dtype), x)


def check_noise(noise: str, level: float) -> None:
    """Check a kind of noise and its level.

    Parameters
    ----------
    noise : {"gaussian", "masking", "salt_and_pepper"}
    level : float
        As in ``corrupt``.

    Raises
    ------
    ValueError, TypeError
        If ``noise`` is not one of the three kinds, or ``level`` does not fit it.
    """
    check_choice("noise", noise, KINDS)
    check_number("noise_level", level, minimum=0, maximum=None if noise == "gaussian" else 1)


def hide_block(x: FloatArray, rng: np.random.Generator, *, size: int = 4) -> FloatArray:
    """Hide a square block of each picture, at a random place, by setting its pixels to -1.

    Parameters
    ----------
    x : (N, side^2) array of float32 or float64
        Square pictures, one a row. Is not changed.
    rng : numpy.random.Generator
    size : int
        Rows and columns of the block, at most those of the picture.

    Returns
    -------
    damaged : (N, side^2) array
        Of the type of ``x``; ``damaged == HIDDEN`` are the holes.

    Raises
    ------
    TypeError, ValueError
        If ``x`` does not hold floats in rows that are square pictures, the block does not fit
        into one, or ``rng`` is not as above.
    """
    side = _side("x", x)
    check_generator(rng)
    size = check_integer("size", size, minimum=1, maximum=side)
    top, left = rng.integers(0, side - size + 1, (2, len(x), 1))  # (N, 1) each
    row, column = np.divmod(np.arange(side * side), side)
    hidden = (0 <= row - top) & (row - top < size) & (0 <= column - left) & (column - left < size)
    return np.where(hidden, x.dtype.type(HIDDEN), x)


def put_on_stripes(
    masks: FloatArray, rng: np.random.Generator, *, noise: float = 0.2
) -> FloatArray:
    """Put white shapes in front of a striped, noisy background, new for each picture.

    The stripes are sine waves between 0.1 and 0.9, of any direction, with two to six periods to
    the side of the picture.

    Parameters
    ----------
    masks : (N, side^2) array of float32 or float64
        Square pictures, one a row: above 0.5 is the shape, the rest gives way to the stripes.
    rng : numpy.random.Generator
    noise : float, >= 0
        Standard deviation of the Gaussian noise on every pixel.

    Returns
    -------
    scenes : (N, side^2) array
        Of the type of ``masks``; the noise takes some values out of [0, 1].

    Raises
    ------
    TypeError, ValueError
        If ``masks`` does not hold floats in rows that are square pictures, or holds NaN,
        ``noise`` is negative or no number, or ``rng`` is not as above.
    """
    side = _side("masks", masks)
    check_generator(rng)
    check_number("noise", noise, minimum=0)
    if np.isnan(masks).any():
        raise ValueError("masks must not be NaN: it is neither shape nor background")
    row, column = np.divmod(np.arange(side * side), side)
    angle, phase = rng.uniform(0, 2 * np.pi, (2, len(masks), 1)).astype(masks.dtype)
    periods = rng.uniform(2, 6, (len(masks), 1)).astype(masks.dtype)
    along = (np.cos(angle) * column + np.sin(angle) * row).astype(masks.dtype)  # (N, side^2)
    stripes = 0.5 + 0.4 * np.sin(2 * np.pi * periods / side * along + phase)
    scenes = np.where(masks > 0.5, 1, stripes)
    return scenes + masks.dtype.type(noise) * rng.standard_normal(masks.shape, dtype=masks.dtype)


def _side(name: str, x: FloatArray) -> int:
    check_float_array(name, x)
    side = round(np.sqrt(x.shape[1])) if x.ndim == 2 else 0
    if x.ndim != 2 or side * side != x.shape[1]:
        raise ValueError(
            f"{name} must be square pictures, one a row, (N, side^2), got shape {x.shape}"
        )
    return side
