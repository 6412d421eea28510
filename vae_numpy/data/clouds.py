"""Point clouds whose dimension is known because we made them.

All of them fit in the box [-1, 1] per axis (noise aside), and on all of them the points are
uniform in length, area or volume: a piece of the curve holds as many points as any other
piece of the same length. Equal density is what an honest picture needs, and what the
estimate of the intrinsic dimension assumes.
"""

import numpy as np

from vae_numpy._types import FloatArray, RandomState
from vae_numpy.utils import check_integer, check_number, make_rng

INNER_RADIUS = 1 / 3  # the spiral winds from here to radius 1, as scikit-learn's roll does, scaled

# Two perpendicular unit vectors: the tilted plane in which the spiral lies in three dimensions.
# It faces matplotlib's default view.
TILTED_PLANE = np.array([[-2.0, -2.0, 1.0], [-1.0, 2.0, 2.0]]) / 3.0


def make_random(n: int, dim: int = 3, random_state: RandomState = None) -> FloatArray:
    """Draw points that fill the cube [-1, 1]^dim evenly: no coordinate tells of another.

    Parameters
    ----------
    n : int
        Number of points.
    dim : int
        Number of coordinates; the intrinsic dimension is the same.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    X : (n, dim) float64 array

    Raises
    ------
    TypeError, ValueError
        If ``n`` or ``dim`` is not an integer >= 1.

    Examples
    --------
    >>> X = make_random(1000, random_state=0)
    >>> X.shape, bool(np.abs(X).max() <= 1)
    ((1000, 3), True)
    """
    n = check_integer("n", n, minimum=1)
    dim = check_integer("dim", dim, minimum=1)
    return make_rng(random_state).uniform(-1.0, 1.0, size=(n, dim))


def make_spiral(
    n: int,
    noise: float = 0.0,
    turns: float = 1.5,
    dim: int = 2,
    random_state: RandomState = None,
) -> tuple[FloatArray, FloatArray]:
    """Draw points on a flat Archimedean spiral: a curve, intrinsic dimension 1.

    Parameters
    ----------
    n : int
        Number of points.
    noise : float
        Standard deviation of the Gaussian noise on each coordinate.
    turns : float
        How often the spiral winds around, from radius 1/3 out to radius 1.
    dim : 2 or 3
        3 puts the same flat spiral on a tilted plane in three dimensions.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    X : (n, dim) float64 array
    t : (n,) float64 array
        Position along the curve, as a fraction in [0, 1] of its length.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.

    Examples
    --------
    >>> X, t = make_spiral(1000, random_state=0)
    >>> X.shape, t.shape
    ((1000, 2), (1000,))
    >>> np.linalg.norm(X[[t.argmin(), t.argmax()]], axis=1).round(2)  # from radius 1/3 to 1
    array([0.33, 1.  ])
    """
    n, noise, turns = _check(n, noise, turns)
    if dim not in (2, 3):
        raise ValueError(f"dim must be 2 or 3, got {dim!r}")
    rng = make_rng(random_state)
    t = rng.uniform(size=n)
    X = _spiral(t, turns)  # (n, 2)
    if dim == 3:
        X = X @ TILTED_PLANE  # (n, 2) @ (2, 3)
    return X + noise * rng.standard_normal(X.shape), t


def make_helix(
    n: int, turns: float = 3, noise: float = 0.0, random_state: RandomState = None
) -> tuple[FloatArray, FloatArray]:
    """Draw points on a helix of radius 1 and height 2: a curve that no flat plane holds.

    Parameters
    ----------
    n : int
        Number of points.
    turns : float
        How often the helix winds around.
    noise : float
        Standard deviation of the Gaussian noise on each coordinate.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    X : (n, 3) float64 array
    t : (n,) float64 array
        Position along the curve, as a fraction in [0, 1] of its length.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.

    Examples
    --------
    >>> X, t = make_helix(1000, random_state=0)
    >>> X.shape, t.shape
    ((1000, 3), (1000,))
    >>> bool(np.allclose(X[:, 0] ** 2 + X[:, 1] ** 2, 1))  # the radius is 1
    True
    """
    n, noise, turns = _check(n, noise, turns)
    rng = make_rng(random_state)
    t = rng.uniform(size=n)
    angle = 2 * np.pi * turns * t  # a helix climbs at a constant speed: t is its arc length
    X = np.column_stack([np.cos(angle), np.sin(angle), 2 * t - 1])
    return X + noise * rng.standard_normal(X.shape), t


def make_swiss_roll(
    n: int, noise: float = 0.0, turns: float = 1.5, random_state: RandomState = None
) -> tuple[FloatArray, FloatArray]:
    """Draw points on a rolled-up sheet, the spiral pulled sideways: intrinsic dimension 2.

    Parameters
    ----------
    n : int
        Number of points.
    noise : float
        Standard deviation of the Gaussian noise on each coordinate.
    turns : float
        How often the sheet is rolled around.
    random_state : None, int or numpy.random.Generator

    Returns
    -------
    X : (n, 3) float64 array
        The spiral in the first and third coordinate, the width in the second.
    t : (n, 2) float64 array
        Position along the roll, as a fraction in [0, 1] of its length, and across its width.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong type or out of range.

    Examples
    --------
    >>> X, t = make_swiss_roll(1000, random_state=0)
    >>> X.shape, t.shape
    ((1000, 3), (1000, 2))
    >>> bool(np.allclose(X[:, 1], 2 * t[:, 1] - 1))  # the width is the second coordinate
    True
    """
    n, noise, turns = _check(n, noise, turns)
    rng = make_rng(random_state)
    t = rng.uniform(size=(n, 2))
    spiral = _spiral(t[:, 0], turns)
    X = np.column_stack([spiral[:, 0], 2 * t[:, 1] - 1, spiral[:, 1]])
    return X + noise * rng.standard_normal(X.shape), t


def mystery(number: int) -> FloatArray:
    """Return mystery cloud 1, 2, 3 or 4 of chapter 1; its code gives the answer away.

    Parameters
    ----------
    number : int
        From 1 to 4.

    Returns
    -------
    X : (1500, 3) float64 array

    Raises
    ------
    ValueError
        If ``number`` is not 1, 2, 3 or 4.
    """
    if number not in (1, 2, 3, 4):
        raise ValueError(f"number must be 1, 2, 3 or 4, got {number!r}")
    rng = np.random.default_rng(number)
    n = 1500
    if number == 4:
        return make_helix(n, turns=1, noise=0.01, random_state=rng)[0]
    if number == 1:
        a = rng.uniform(0, 2 * np.pi, n)  # a trefoil knot
        ring = 2 + np.cos(3 * a)
        return np.column_stack([ring * np.cos(2 * a), ring * np.sin(2 * a), np.sin(3 * a)]) / 3
    directions = rng.standard_normal((n, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    if number == 2:
        return directions
    return directions * rng.uniform(size=(n, 1)) ** (1 / 3)


def _check(n: int, noise: float, turns: float) -> tuple[int, float, float]:
    n = check_integer("n", n, minimum=1)
    noise = check_number("noise", noise, minimum=0)
    turns = check_number("turns", turns, above=0)
    if turns < 1e-100:  # the growth per radian, squared, would leave the range of float64
        raise ValueError(f"turns must be >= 1e-100, got {turns!r}")
    return n, noise, turns


def _spiral(t: FloatArray, turns: float) -> FloatArray:
    """Return the points (n, 2) at the fractions ``t`` (n,) of the spiral's length."""
    growth = (1 - INNER_RADIUS) / (2 * np.pi * turns)  # radius gained per radian
    # Length of the curve up to a radius r, from integrating sqrt(r^2 + growth^2) dr / growth.
    radii = np.linspace(INNER_RADIUS, 1, 10_001)
    slanted = np.sqrt(radii**2 + growth**2)
    lengths = (radii * slanted + growth**2 * np.arcsinh(radii / growth)) / (2 * growth)
    # It has no inverse in closed form, so we look it up in the table.
    radius = np.interp(lengths[0] + t * (lengths[-1] - lengths[0]), lengths, radii)
    angle = (radius - INNER_RADIUS) / growth
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
