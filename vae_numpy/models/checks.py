"""What the models check before they compute: their data, their arguments, and who calls."""

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from vae_numpy._types import ArrayLike, DTypeLike, FloatArray
from vae_numpy.schedules import SCHEDULES
from vae_numpy.utils import check_choice, check_integer, check_number

if TYPE_CHECKING:  # they import this module
    from vae_numpy.models.base import BaseAutoencoder
    from vae_numpy.models.learning import Learner


def check_samples(model: "Learner", X: ArrayLike, *, reset: bool) -> FloatArray:
    """Return X as a finite C-contiguous (n_samples, n_features) array of float32 or float64.

    With ``reset`` the model notes the number and the names of the features; else it compares.

    Raises
    ------
    ValueError, TypeError
        If X is something else, with the place of the first bad value.
    """
    return _checked(partial(validate_data, model, reset=reset), X, "X")


def check_codes(model: "BaseAutoencoder", Z: ArrayLike) -> FloatArray:
    """Return Z as a finite (n_samples, n_components) array of float32 or float64.

    Raises
    ------
    ValueError, TypeError
        If Z is something else.
    """
    Z, n_components = _checked(check_array, Z, "Z"), model.decoder_.n_in
    if Z.shape[1] != n_components:
        raise ValueError(f"Z must have n_components = {n_components} columns, got {Z.shape[1]}")
    return Z


def check_training(model: "Learner") -> None:
    """Check the arguments that all models share.

    Raises
    ------
    ValueError, TypeError
        If one is out of its bounds.
    """
    check_choice("solver", model.solver, model._solvers)
    check_choice("learning_rate", model.learning_rate, SCHEDULES)
    check_integer("n_components", model.n_components, minimum=1)
    check_number("learning_rate_init", model.learning_rate_init, above=0)
    check_number("weight_decay", model.weight_decay, minimum=0)
    check_integer("max_iter", model.max_iter, minimum=1)
    check_integer("n_iter_no_change", model.n_iter_no_change, minimum=1)
    if model.batch_size is not None:
        check_integer("batch_size", model.batch_size, minimum=1)
    if model.tol is not None:
        check_number("tol", model.tol, minimum=0)
    if model.early_stopping:
        check_number("validation_fraction", model.validation_fraction, above=0, below=1)
    callbacks = () if model.callbacks is None else model.callbacks
    if not isinstance(callbacks, (list, tuple)) or not all(map(callable, callbacks)):
        raise TypeError(f"callbacks must be a list of callables or None, got {callbacks!r}")


def check_networks(model: "Learner", n_features: int, dtype: DTypeLike) -> None:
    """Check the networks that somebody's own ``build_networks`` may have made.

    Raises
    ------
    ValueError
        If the ends of one, or the type of its parameters, are not what the model needs.
    """
    K = model.n_components
    wanted = {"encoder_": (n_features, model._numbers_per_latent * K), "decoder_": (K, n_features)}
    for name, ends in wanted.items():
        network = getattr(model, name, None)
        got = getattr(network, "n_in", None), getattr(network, "n_out", None)
        if got != ends:
            raise ValueError(
                f"build_networks must make {name} with n_in = {ends[0]} and n_out = {ends[1]} "
                f"for n_components = {K}, got n_in = {got[0]} and n_out = {got[1]} of {network}"
            )
        for p in getattr(model, name).parameters():
            if p.value.dtype != dtype:
                raise ValueError(
                    f"build_networks must make parameters of the dtype that it is given, "
                    f"{dtype}, got {p.value.dtype} in {name}"
                )


def hidden_sizes(name: str, sizes: object) -> tuple[int, ...]:
    """Return the widths of hidden layers as a tuple of int; one number stands for one layer.

    Raises
    ------
    ValueError, TypeError
        If ``sizes``, the argument of that name, is neither an integer of at least 1 nor a list,
        tuple or array of such.
    """
    if isinstance(sizes, np.ndarray):
        sizes = sizes.tolist()
    if not isinstance(sizes, (list, tuple)):
        sizes = (sizes,)
    for size in sizes:
        check_integer(name, size, minimum=1)
    return tuple(map(int, sizes))


def in_model_selection() -> bool:
    """Say whether one of scikit-learn's searches or cross-validations is calling."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("sklearn.model_selection"):
            return True
        frame = frame.f_back
    return False


def _checked(check: Callable[..., FloatArray], array: ArrayLike, name: str) -> FloatArray:
    """Check with one of scikit-learn's functions that ``array`` is (n, m), numeric and finite.

    scikit-learn's messages do not all name the argument; these do, and say where a bad value is.
    """
    options = {"dtype": [np.float64, np.float32], "order": "C", "ensure_all_finite": False}
    try:
        shape = array.shape if hasattr(array, "shape") else np.asarray(array).shape
        if len(shape) == 1:
            raise ValueError(
                f"{name} must have two dimensions, one row a sample, got shape {shape}. Reshape "
                f"your data: {name}[:, None] if it is one column, {name}[None, :] if one row"
            )
        checked = check(array, **options)
    except (TypeError, ValueError) as error:
        if name in str(error):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} must be an array of numbers, one row a sample: {error}") from None
    finite = np.isfinite(checked)
    if not finite.all():  # to look where takes as long as an epoch of a small network
        bad = np.argwhere(~finite)
        row, column = bad[0]
        value = "NaN" if np.isnan(checked[row, column]) else "inf"
        raise ValueError(
            f"{name} must be finite, got {value} in row {row}, column {column} "
            f"({len(bad)} such values in all)"
        )
    return checked
