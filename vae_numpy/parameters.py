"""Parameters: the arrays that are learnt, with their gradients, and one buffer behind them all."""

from collections.abc import Sequence

import numpy as np

from vae_numpy._types import FloatArray


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
        # Of np.zeros no memory is written before it is used, as a first gradient that ``flatten``
        # replaces never is.
        self.grad: FloatArray = np.zeros(self.value.shape, self.value.dtype)

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
