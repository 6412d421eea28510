"""Damage to pictures, for chapter 4: a hole in one, and a distracting background behind it.

Both functions take rows that are square pictures and can be handed to ``Autoencoder(noise=...)``.
"""

import numpy as np

from ..utils import check_array, check_generator, check_integer, check_number

HIDDEN = -1  # no pixel has this value, so that a hole does not look like paper or ink


def hide_block(x, rng, *, size=4):
    """Hide a square block of each picture, at a random place, by setting its pixels to -1.

    Parameters
    ----------
    x : (N, side^2) array
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
        If the rows are not square pictures, the block does not fit into one, or ``rng`` is not
        as above.
    """
    side = _side("x", x)
    check_generator(rng)
    check_integer("size", size, minimum=1, maximum=side)
    top, left = rng.integers(0, side - size + 1, (2, len(x), 1))  # (N, 1) each
    row, column = np.divmod(np.arange(side * side), side)
    hidden = (0 <= row - top) & (row - top < size) & (0 <= column - left) & (column - left < size)
    return np.where(hidden, x.dtype.type(HIDDEN), x)


def put_on_stripes(masks, rng, *, noise=0.2):
    """Put white shapes in front of a striped, noisy background, new for each picture.

    The stripes are sine waves between 0.1 and 0.9, of any direction, with two to six periods to
    the side of the picture.

    Parameters
    ----------
    masks : (N, side^2) array
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
        If the rows are not square pictures, ``noise`` is negative or no number, or ``rng``
        is not as above.
    """
    side = _side("masks", masks)
    check_generator(rng)
    check_number("noise", noise, minimum=0)
    row, column = np.divmod(np.arange(side * side), side)
    angle, phase = rng.uniform(0, 2 * np.pi, (2, len(masks), 1)).astype(masks.dtype)
    periods = rng.uniform(2, 6, (len(masks), 1)).astype(masks.dtype)
    along = (np.cos(angle) * column + np.sin(angle) * row).astype(masks.dtype)  # (N, side^2)
    stripes = 0.5 + 0.4 * np.sin(2 * np.pi * periods / side * along + phase)
    scenes = np.where(masks > 0.5, 1, stripes)
    return scenes + masks.dtype.type(noise) * rng.standard_normal(masks.shape, dtype=masks.dtype)


def _side(name, x):
    check_array(name, x)
    side = round(np.sqrt(x.shape[1])) if x.ndim == 2 else 0
    if x.ndim != 2 or side * side != x.shape[1]:
        raise ValueError(
            f"{name} must be square pictures, one a row, (N, side^2), got shape {x.shape}"
        )
    return side
