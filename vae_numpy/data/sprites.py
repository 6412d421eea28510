"""Sprites: the 737,280 pictures of dSprites, rendered instead of downloaded.

dSprites (Matthey, Higgins, Hassabis & Lerchner 2017) shows one white shape on black, and each
picture is fixed by five known factors. This module draws the pictures anew and contains no data
of the original. The geometry of the three shapes was fitted in this project; it agrees with the
published mean pixel to 1e-5, with each shape's published areas to 2 pixels, and leaves the same
margin black, but it is not the original bit for bit.

A picture is named by its factors, integers in the order of ``FACTOR_NAMES``, or by its index,
0 to 737,279, in which posY runs fastest. Orientations 0 and 39 are the same angle, so that one
picture in forty is there twice, as in the original.
"""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vae_numpy import kernels
from vae_numpy._types import ArrayLike, FloatArray, IntArray
from vae_numpy.utils import check_choice, check_generator, check_integer

FACTOR_NAMES = ("shape", "scale", "orientation", "posX", "posY")
FACTOR_SIZES = (3, 6, 40, 32, 32)
LARGEST = 16_384  # rows and columns; such a picture is 1 GB of float32
# What each grid index stands for: 0 square, 1 ellipse, 2 heart; a factor on the size; radians,
# counter-clockwise; the centre's position, 0 to 1 from left to right and from top to bottom.
FACTOR_VALUES = (
    np.arange(3),
    np.linspace(0.5, 1, 6),
    np.linspace(0, 2 * np.pi, 40),
    np.linspace(0, 1, 32),
    np.linspace(0, 1, 32),
)

# What pictures are drawn into: what ``out`` may be; a new one is float32.
Drawing: TypeAlias = NDArray[np.bool_ | np.integer | np.floating]
# From names of factors, or their columns, to grid indices.
Fixed: TypeAlias = Mapping[str, ArrayLike] | Mapping[int, ArrayLike]


def render(factors: ArrayLike, image_size: int = 64, *, out: Drawing | None = None) -> Drawing:
    """Draw one picture for each row of grid indices.

    Parameters
    ----------
    factors : (n, 5) array of int
        Grid indices in the order of ``FACTOR_NAMES``, each from 0 to its ``FACTOR_SIZES`` - 1.
    image_size : int
        Rows and columns of a picture. 64 is the original; every other size shows the same scene,
        sampled at its own pixel centres.
    out : (n, image_size, image_size) array, optional
        Where to draw: C-contiguous, of bool, integers, float32 or float64.

    Returns
    -------
    images : (n, image_size, image_size) array
        1 where the pixel's centre is inside the shape, else 0. It is ``out``, or new float32.

    Raises
    ------
    TypeError, ValueError
        If ``factors`` are not integers of that shape and range, ``image_size`` is not an integer
        from 8 to 16,384, or ``out`` does not fit.
    """
    factors = _check_factors(factors)
    values = [table[index] for table, index in zip(FACTOR_VALUES, factors.T, strict=True)]
    return _draw(np.array(values, dtype=np.float64), image_size, out)


def render_values(
    values: ArrayLike, image_size: int = 64, *, out: Drawing | None = None
) -> Drawing:
    """Draw one picture for each row of factor values, on the grid or between its points.

    Parameters
    ----------
    values : (n, 5) array
        In the units of ``FACTOR_VALUES`` and inside their range; any angle is allowed.
    image_size : int
        Rows and columns of a picture, as in ``render``.
    out : (n, image_size, image_size) array, optional
        Where to draw, as in ``render``.

    Returns
    -------
    images : (n, image_size, image_size) array

    Raises
    ------
    TypeError, ValueError
        If ``values`` has another shape, is not finite or leaves the range; else as ``render``.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"values must be real numbers, got an array of {values.dtype}")
    values = values.astype(np.float64)
    _check_five_columns("values", values)
    for name, column, table in zip(FACTOR_NAMES, values.T, FACTOR_VALUES, strict=True):
        low, high = (-np.inf, np.inf) if name == "orientation" else (table[0], table[-1])
        wrong = ~(np.isfinite(column) & (low <= column) & (column <= high))
        if name == "shape":
            wrong |= column != np.round(column)
        if wrong.any():
            wanted = {"shape": "0, 1 or 2", "orientation": "finite"}.get(name, f"in {low}..{high}")
            raise ValueError(f"values: {name} must be {wanted}, got {column[wrong][0]}")
    return _draw(np.ascontiguousarray(values.T), image_size, out)


class Sprites:
    """All 737,280 pictures as a data set whose rows are drawn when they are asked for.

    Parameters
    ----------
    image_size : int
        Rows and columns of a picture, 8 to 16,384; a row of data has image_size^2 pixels.

    Attributes
    ----------
    factor_names, factor_sizes : tuple
        ``FACTOR_NAMES`` and ``FACTOR_SIZES``, for those who are handed a data set.

    Raises
    ------
    TypeError, ValueError
        If ``image_size`` is not such an integer.

    Examples
    --------
    >>> sprites = Sprites(image_size=32)
    >>> X, factors = sprites.sample(64, np.random.default_rng(0))
    >>> factors.shape, X.shape
    ((64, 5), (64, 1024))
    >>> X, factors = sprites.sample(64, np.random.default_rng(0), fixed={"shape": 2})  # hearts
    """

    factor_names: tuple[str, ...] = FACTOR_NAMES
    factor_sizes: tuple[int, ...] = FACTOR_SIZES

    def __init__(self, image_size: int = 64):
        self.image_size = _check_image_size(image_size)

    def __len__(self) -> int:
        return int(np.prod(FACTOR_SIZES))

    def images(self, indices: ArrayLike, *, out: Drawing | None = None) -> Drawing:
        """Draw the pictures with these indices, one a row, ready for training.

        Parameters
        ----------
        indices : (n,) array of int
            From 0 to 737,279. All of them at 64 x 64 would fill 12 GB: draw in blocks.
        out : (n, image_size^2) array, optional
            Where to draw, such as the buffer of a training loop.

        Returns
        -------
        X : (n, image_size^2) array of 0 and 1
            ``out``, or a new float32 array; ``x.reshape(image_size, image_size)`` is a picture.

        Raises
        ------
        TypeError, ValueError
            If ``indices`` are not integers in that range, or ``out`` does not fit.
        """
        return self._rows(self.factors(indices), out)

    def factors(self, indices: ArrayLike) -> IntArray:
        """Look up the grid indices of the pictures with these indices.

        Parameters
        ----------
        indices : (n,) array of int

        Returns
        -------
        factors : (n, 5) array of int

        Raises
        ------
        TypeError, ValueError
            If ``indices`` are not integers from 0 to 737,279.
        """
        indices = _check_integers("indices", indices)
        if indices.ndim != 1:
            raise ValueError(f"indices must have shape (n,), got {indices.shape}")
        _check_range("indices", indices, len(self))
        return np.stack(np.unravel_index(indices, FACTOR_SIZES), axis=1)

    def indices(self, factors: ArrayLike) -> IntArray:
        """Look up the indices of the pictures with these factors.

        Parameters
        ----------
        factors : (n, 5) array of int

        Returns
        -------
        indices : (n,) array of int

        Raises
        ------
        TypeError, ValueError
            If ``factors`` are not such grid indices.
        """
        return np.ravel_multi_index(tuple(_check_factors(factors).T), FACTOR_SIZES)

    def sample(
        self,
        n: int,
        rng: np.random.Generator,
        *,
        fixed: Fixed | None = None,
        out: Drawing | None = None,
    ) -> tuple[Drawing, IntArray]:
        """Draw n pictures at random, each factor uniform on its grid, independent of the others.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator
        fixed : dict, optional
            As in ``sample_factors``.
        out : (n, image_size^2) array, optional
            As in ``images``.

        Returns
        -------
        X : (n, image_size^2) array of 0 and 1
        factors : (n, 5) array of int

        Raises
        ------
        TypeError, ValueError
            As ``sample_factors``, or if ``out`` misfits.
        """
        factors = self.sample_factors(n, rng, fixed=fixed)
        return self._rows(factors, out), factors

    def sample_factors(
        self, n: int, rng: np.random.Generator, *, fixed: Fixed | None = None
    ) -> IntArray:
        """Draw the factors of n pictures without drawing the pictures.

        Parameters
        ----------
        n : int
        rng : numpy.random.Generator
            It advances by the same amount whatever is fixed, and so the free factors do not
            depend on the fixed ones.
        fixed : dict, optional
            From a factor's name (or its column, 0 to 4) to the grid index that it has in all n
            pictures, or to n grid indices, one for each.

        Returns
        -------
        factors : (n, 5) array of int
            Uniform on the grid, but for the fixed columns.

        Raises
        ------
        TypeError, ValueError
            If ``n`` is not an integer of at least 1, ``rng`` no generator, or ``fixed`` no dict of
            known factors and grid indices.
        """
        n = check_integer("n", n, minimum=1)
        check_generator(rng)
        if fixed is not None and not isinstance(fixed, dict):
            raise TypeError(f"fixed must be a dict, got {type(fixed).__name__}")
        factors = rng.integers(FACTOR_SIZES, size=(n, len(FACTOR_SIZES)))
        for factor, index in (fixed or {}).items():
            column = _column(factor)
            name = f"fixed[{factor!r}]"
            index = _check_integers(name, index)
            if index.shape not in ((), (n,)):
                raise ValueError(f"{name} must be one index or n = {n}, got shape {index.shape}")
            _check_range(name, np.atleast_1d(index), FACTOR_SIZES[column])
            factors[:, column] = index
        return factors

    def _rows(self, factors: IntArray, out: Drawing | None) -> Drawing:
        side = self.image_size
        X = _buffer(out, (len(factors), side * side))
        render(factors, side, out=X.reshape(-1, side, side))
        return X


def _draw(values: FloatArray, image_size: int, out: Drawing | None) -> Drawing:
    # values: (5, n), so that each factor is one contiguous row for the kernel
    image_size = _check_image_size(image_size)
    shape, scale, angle, x, y = values
    out = _buffer(out, (len(shape), image_size, image_size))
    # On the canvas of 64 units the centres stay between 16 and 48.
    kernels.render_sprites(
        shape.astype(np.int64), scale, angle, 16 + 32 * x, 16 + 32 * y, image_size, out
    )
    return out


def _check_image_size(image_size: int) -> int:
    image_size = check_integer("image_size", image_size, minimum=8)
    if image_size > LARGEST:
        raise ValueError(f"image_size must be at most {LARGEST}, got {image_size}")
    return image_size


def _buffer(out: Drawing | None, shape: tuple[int, ...]) -> Drawing:
    if out is None:
        return np.empty(shape, np.float32)
    if not isinstance(out, np.ndarray) or out.dtype.kind not in "biuf":
        got = getattr(out, "dtype", type(out))
        raise TypeError(f"out must be an array of numbers, got {got}")
    got = out.dtype
    if not got.isnative or (got.kind == "f" and got not in (np.float32, np.float64)):
        raise TypeError(
            "out must be of bool, integers, float32 or float64, in the machine's byte order, "
            f"got {got}"
        )
    if out.shape != shape or not out.flags.carray:
        raise ValueError(
            f"out must be a writeable C-contiguous array of shape {shape}, got shape {out.shape}"
            + (" in another memory layout or read-only" if out.shape == shape else "")
        )
    return out


def _column(factor: str | int) -> int:
    if isinstance(factor, str):
        check_choice("fixed: a factor", factor, FACTOR_NAMES)
        return FACTOR_NAMES.index(factor)
    check_integer("fixed: a factor's column", factor, minimum=0, maximum=len(FACTOR_NAMES) - 1)
    return factor


def _check_factors(factors: ArrayLike) -> IntArray:
    factors = _check_integers("factors", factors)
    _check_five_columns("factors", factors)
    for name, column, size in zip(FACTOR_NAMES, factors.T, FACTOR_SIZES, strict=True):
        _check_range(f"factors: {name}", column, size)
    return factors


def _check_integers(name: str, values: ArrayLike) -> IntArray:
    values = np.asarray(values)
    if values.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got an array of {values.dtype}")
    if values.dtype == np.uint64 and values.max(initial=0) >= 2**63:
        raise ValueError(f"{name} must fit into 64 bits with a sign, got {values.max()}")
    return values.astype(np.int64, copy=False)


def _check_five_columns(name: str, values: IntArray | FloatArray) -> None:
    if values.ndim != 2 or values.shape[1] != len(FACTOR_NAMES):
        raise ValueError(
            f"{name} must have shape (n, 5) ({', '.join(FACTOR_NAMES)}), got {values.shape}"
        )


def _check_range(name: str, values: IntArray, size: int) -> None:
    wrong = (values < 0) | (values >= size)
    if wrong.any():
        raise ValueError(f"{name} must be in 0..{size - 1}, got {values[wrong][0]}")
