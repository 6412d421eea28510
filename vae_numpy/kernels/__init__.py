"""The array arithmetic of the library, and the switch between its two versions.

``reference`` is NumPy, written to be read. ``compiled`` has the same functions with the same
arguments, compiled by numba. Ask for a kernel here and you get the active version::

    from vae_numpy import kernels
    y = kernels.dense_forward(x, W, b, "tanh")

The compiled version is active wherever numba can be imported; without numba everything
works, more slowly. Call kernels through this module: a name that is imported from it stays bound to
the version that was active then. Kernels receive arrays that their callers have checked: they look
at no argument twice, draw no random numbers and know no layers.
"""

import importlib
import importlib.util
import inspect
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from vae_numpy._types import DTypeLike
from vae_numpy.kernels import reference
from vae_numpy.utils import check_choice

if TYPE_CHECKING:  # whichever version is active, it has these signatures
    from vae_numpy.kernels.reference import *  # noqa: F403

# Every public function of ``reference`` is one, and has its twin in ``compiled``.
KERNELS = tuple(
    name for name, value in vars(reference).items() if inspect.isfunction(value) and name[0] != "_"
)

_MODULES = {"numba": "compiled", "numpy": "reference"}
# The backend that was chosen for good (at first use, so that importing is quick), then those of the
# open blocks of `use`, each under a key of its own. The last one is active.
_chosen: dict[object, str] = {}
_choosing = threading.RLock()


def __getattr__(name: str) -> Callable[..., Any]:
    if name in KERNELS:  # not bound yet: nothing was chosen
        backend()
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{_MODULES[name]}")


def _active() -> str:
    return next(reversed(_chosen.values()))


def _bind() -> None:
    """Make the active version's functions this module's own, so that a call looks up nothing."""
    module = _module(_active())
    globals().update({name: getattr(module, name) for name in KERNELS})


def backend() -> str:
    """Name the active backend.

    Returns
    -------
    {"numba", "numpy"}
    """
    with _choosing:
        if not _chosen:
            _chosen["for good"] = _best()
            _bind()
        return _active()


def _best() -> str:
    if importlib.util.find_spec("numba") is None:
        return "numpy"
    try:
        _module("numba")
    except Exception as error:  # installed, but not for this Python, NumPy or system
        warnings.warn(f"numba cannot be imported ({error}); using the NumPy kernels", stacklevel=3)
        return "numpy"
    return "numba"


def _check_backend(name: str) -> None:
    check_choice("the backend", name, _MODULES)
    try:
        _module(name)
    except Exception as error:
        raise ImportError(
            f"the backend 'numba' needs the package numba, which cannot be imported ({error})"
        ) from error


def set_backend(name: str) -> None:
    """Make a backend the active one, for good and for all threads.

    Inside a block of ``use`` it becomes active when the block ends. A call that fails changes
    nothing.

    Parameters
    ----------
    name : {"numba", "numpy"}

    Raises
    ------
    ValueError
        If ``name`` is not one of the two.
    ImportError
        If ``name`` is ``"numba"`` and numba cannot be imported.
    """
    _check_backend(name)
    with _choosing:
        _chosen["for good"] = name
        _bind()


@contextmanager
def use(name: str) -> Iterator[None]:
    """Make a backend the active one for the length of a ``with`` block, for all threads.

    Where blocks of several threads overlap, the one that was begun last decides; when all have
    ended, everything is as it was.

    Parameters
    ----------
    name : {"numba", "numpy"}

    Yields
    ------
    None

    Raises
    ------
    ValueError, ImportError
        As ``set_backend`` does.

    Examples
    --------
    >>> with use("numpy"):
    ...     backend()
    'numpy'
    """
    _check_backend(name)
    backend()  # what is active after the block
    block = object()
    with _choosing:
        _chosen[block] = name
        _bind()
    try:
        yield
    finally:
        with _choosing:
            del _chosen[block]
            _bind()


def warm_up(dtypes: Iterable[DTypeLike] = (np.float32, np.float64)) -> None:
    """Compile every kernel now, so that the first training step does not wait for it.

    Compiled kernels are kept on disk, so this takes seconds once and little afterwards. On
    the NumPy backend there is nothing to compile.

    Parameters
    ----------
    dtypes : float32, float64 or both
        Of the arrays to compile for.
    """
    active, activations = _module(backend()), _module("numpy").ACTIVATIONS
    for dtype in dtypes:
        x, row = np.ones((2, 2), dtype), np.ones(2, dtype)
        for activation in activations:
            for b in (row, None):
                db = None if b is None else row.copy()
                y = active.dense_forward(x, x, b, activation)
                active.dense_backward(x, x, y, x, activation, x.copy(), db)
                _warm_up_convolutions(active, b, activation, dtype)
        active.squared_error(x, x)
        active.gaussian_kl(x, x)
        for name in KERNELS:
            if name.endswith("_nll"):
                arguments = inspect.signature(getattr(reference, name)).parameters
                blocks = {"categories": np.array([2])}  # all others are arrays of one shape
                getattr(active, name)(*(blocks.get(argument, x) for argument in arguments))
        active.sgd_step(row.copy(), row, row.copy(), 0.1, 0.9)
        active.adagrad_step(row.copy(), row, row.copy(), 0.1, 1e-8)
        active.adam_step(row.copy(), row, row.copy(), row.copy(), 1, 0.1, 0.9, 0.999, 1e-8)
        W = np.ones((256, 256), dtype)
        for x in (W[:64], np.zeros((64, 256), dtype)):  # large: our own products
            y = active.dense_forward(x, W, W[0], "relu")
            active.dense_backward(x, x, y, W, "relu", W.copy(), W[0].copy())
        one = np.ones(1)
        active.render_sprites(
            np.zeros(1, np.int64), one, one, one, one, 8, np.empty((1, 8, 8), dtype)
        )


def _warm_up_convolutions(active, b, activation, dtype):
    pictures, W = np.ones((2, 2, 3, 3), dtype), np.ones((2, 2, 2, 2), dtype)
    for name, more in {"conv": (), "conv_transpose": ((2, 4, 4),)}.items():
        arguments = activation, 1, 0
        y = getattr(active, f"{name}_forward")(pictures, W, b, *arguments, *more)
        gradients = W.copy(), None if b is None else b.copy()
        getattr(active, f"{name}_backward")(y, pictures, y, W, *arguments, *gradients)
