"""The names of types that annotations share.

An annotation tells the kind of number, the docstring tells the shape: ``FloatArray`` and
"(N, D)". Arrays that a function hands back are ``FloatArray``; what it takes is ``ArrayLike`` where
lists will do.
"""

import os
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = [
    "ArrayLike",
    "BoolArray",
    "DTypeLike",
    "FilePath",
    "FloatArray",
    "IntArray",
    "MaybeNone",
    "RandomState",
]

FloatArray: TypeAlias = NDArray[np.floating]  # float32 or float64; which one, the data decides
IntArray: TypeAlias = NDArray[np.integer]
BoolArray: TypeAlias = NDArray[np.bool_]

# What ``random_state`` may be: ``utils.make_rng`` turns each of these into a generator.
RandomState: TypeAlias = int | np.random.Generator | np.random.RandomState | None

FilePath: TypeAlias = str | os.PathLike[str]

# ``FloatArray | MaybeNone`` is an array, but None in a case that the docstring names. Who calls
# knows the case and need not prove it to mypy. (The name is that of Python's own annotations.)
MaybeNone: TypeAlias = Any
