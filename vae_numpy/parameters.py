"""Parameters: the arrays that are learnt, with their gradients, and one buffer behind them all.

``Affine`` is what layers that hold weights and a bias have in common.
"""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from vae_numpy._types import ArrayLike, DTypeLike, FloatArray, MaybeNone
from vae_numpy.kernels.activations import ACTIVATIONS
from vae_numpy.utils import check_choice, check_generator


class Parameter:
    """An array to be learnt, with the gradient of the loss in it.

    Parameters
    ----------
    value : array of float32 or float64
        Copied only if it is read-only or not C-contiguous.

    Attributes
    ----------
    value, grad : array
        Of the same shape and type. ``grad`` starts at zero and is added to by ``backward``.
    """

    def __init__(self, value: FloatArray) -> None:
        self.value: FloatArray = np.require(value, requirements=["C", "W"])
        self.grad: FloatArray = np.zeros_like(self.value)

    def zero_grad(self) -> None:
        """Set the gradient back to zero."""
        self.grad[...] = 0

    def __repr__(self) -> str:
        return f"Parameter(shape={self.value.shape}, dtype={self.value.dtype})"


_TYPES: tuple[np.dtype, ...] = np.dtype(np.float32), np.dtype(np.float64)


def check_parameter(
    name: str,
    parameter: Parameter,
    shape: tuple[int, ...],
    types: tuple[np.dtype, ...] = _TYPES,
) -> tuple[np.dtype, ...]:
    """Check that a parameter's arrays are what a kernel takes them for; return their type.

    Kernels do not look: they would read and write beyond an array that is too small.

    Parameters
    ----------
    name : str
    parameter : Parameter
    shape : tuple of int
    types : tuple of dtypes
        Those that ``value`` may have; ``grad`` has the same.

    Returns
    -------
    tuple of one dtype

    Raises
    ------
    ValueError
        If ``value`` or ``grad`` is not a C-contiguous array of that shape and type.
    """
    for part in ("value", "grad"):
        x = getattr(parameter, part)
        is_array = isinstance(x, np.ndarray)
        if not (is_array and x.shape == shape and x.dtype in types and x.flags.c_contiguous):
            got = f"{x.dtype} {x.shape}, {x.strides} bytes apart" if is_array else repr(x)
            wanted = f"C-contiguous {' or '.join(map(str, types))} array of shape {shape}"
            raise ValueError(f"{name}.{part} must be a {wanted}, got {got}")
        types = (x.dtype,)
    return types


def flatten(parameters: Sequence[Parameter]) -> Parameter:
    """Move all parameters into one buffer and return that buffer as a single parameter.

    Each parameter becomes a view into it, so that one call of an optimiser's kernel updates a
    whole model.

    Parameters
    ----------
    parameters : list of Parameter
        All of one type. Their values are kept; their gradients start at zero.

    Returns
    -------
    flat : Parameter
        One-dimensional, as long as all parameters together.
    """
    flat = Parameter(np.concatenate([p.value.ravel() for p in parameters]))
    start = 0
    for p in parameters:
        stop = start + p.value.size
        shape = p.value.shape
        p.value = flat.value[start:stop].reshape(shape)
        p.grad = flat.grad[start:stop].reshape(shape)
        start = stop
    return flat


class Affine:
    """What layers with weights share: y = f(a), where a is linear in x, plus a bias.

    ``Dense``, ``Conv2D`` and ``ConvTranspose2D`` add ``forward`` and ``backward``. The weights
    start uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, eq. 16), for relu in
    +-sqrt(6 / fan_in) (He et al. 2015, eq. 10); the bias starts at zero.

    Parameters
    ----------
    n_in, n_out : int
        Numbers in a row that comes in and in one that goes out.
    shape : tuple of int
        Of the weights.
    fans : tuple of two numbers, (fan_in, fan_out)
        How many inputs an output is computed from, and how many outputs an input goes into.
    n_bias : int
        Numbers in the bias.
    activation : str
        This one and the next three are as of ``Dense``.
    rng : numpy.random.Generator
    dtype : float32 or float64
    bias : bool

    Attributes
    ----------
    W : Parameter
    b : Parameter or None

    Raises
    ------
    ValueError, TypeError
        If one of the last four is not as there.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        shape: tuple[int, ...],
        fans: tuple[float, float],
        n_bias: int,
        activation: str,
        rng: np.random.Generator,
        dtype: DTypeLike,
        bias: bool,
    ) -> None:
        check_choice("activation", activation, ACTIVATIONS)
        check_generator(rng)
        dtype = _floating(dtype)
        self.n_in, self.n_out, self.activation = n_in, n_out, activation
        fan_in, fan_out = fans
        limit = np.sqrt(6 / (fan_in if activation == "relu" else fan_in + fan_out))
        self.W = Parameter(rng.uniform(-limit, limit, shape).astype(dtype))
        self.b = Parameter(np.zeros(n_bias, dtype)) if bias else None
        self._shapes = shape, (n_bias,)
        self._x: FloatArray | MaybeNone = None
        self._y: FloatArray | MaybeNone = None
        self._checked: tuple[object, ...] = (None,) * 4  # the arrays that were last found to fit

    def _take(self, x: ArrayLike) -> FloatArray:
        """Return x (N, n_in) in the layer's own type, or say what is wrong with it."""
        self._check_parameters()
        x = np.asarray(x, self.W.value.dtype)
        if x.ndim != 2 or x.shape[1] != self.n_in:
            raise ValueError(f"x must have shape (N, {self.n_in}), got {x.shape}")
        return x

    def _take_gradient(self, dy: ArrayLike) -> FloatArray:
        """Return dy (N, n_out) in the layer's own type, or say what is wrong with it."""
        if self._y is None:
            raise RuntimeError("backward needs a forward(x) before it")
        self._check_parameters()
        dy = np.asarray(dy, self.W.value.dtype)
        shape = len(self._y), self.n_out
        if dy.shape != shape:
            raise ValueError(f"dy must have the output's shape {shape}, got {dy.shape}")
        return dy

    def _check_parameters(self) -> None:
        W, b = self.W, self.b
        arrays = W.value, W.grad, b and b.value, b and b.grad
        if all(map(operator.is_, arrays, self._checked)):  # as in every step but the first
            return
        types = check_parameter("W", W, self._shapes[0])
        if b is not None:
            check_parameter("b", b, self._shapes[1], types)
        self._checked = arrays

    def parameters(self) -> list[Parameter]:
        """List the parameters: W and, where there is one, b.

        Returns
        -------
        list of Parameter
        """
        return [self.W] if self.b is None else [self.W, self.b]

    def __getstate__(self) -> dict[str, Any]:
        # A copy or a pickle holds what was learnt, not the last batch.
        return {**vars(self), "_x": None, "_y": None, "_checked": (None,) * 4}


def _floating(dtype: DTypeLike) -> np.dtype:
    try:
        known = None if dtype is None else np.dtype(dtype)  # NumPy takes None for float64
    except TypeError:
        known = None
    if known not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
    return known
