"""Corruption: the damage that a denoising autoencoder learns to undo."""

import numpy as np

from vae_numpy.utils import check_array, check_choice, check_generator, check_number

KINDS = ("gaussian", "masking", "salt_and_pepper")


def corrupt(x, noise, level=0.1, *, rng):
    """Return a damaged copy of ``x`` (Vincent et al. 2010, section 3.3).

    Parameters
    ----------
    x : (N, D) array
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
    """
    check_array("x", x)
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


def check_noise(noise, level):
    """Check a kind of noise and its level.

    Raises
    ------
    ValueError, TypeError
        If ``noise`` is not one of the three kinds, or ``level`` does not fit it.
    """
    check_choice("noise", noise, KINDS)
    check_number("noise_level", level, minimum=0, maximum=None if noise == "gaussian" else 1)
