"""Saving a model to one file, training state included, and loading it again.

What the file is, and how it is read, stands in ``archive``; how it is written, in ``files``. A file
from a stranger can at worst be refused, and refusing is cheap: here every number of it is held
against the model that its arguments ask for.
"""

import json
import math
import numbers
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from vae_numpy import __version__
from vae_numpy._types import FilePath
from vae_numpy.files import write_file
from vae_numpy.layers import flatten
from vae_numpy.models.archive import (
    FORMAT,
    FileError,
    InPieces,
    blaming,
    check_finite,
    check_header,
    check_seal,
    packed,
    read,
)
from vae_numpy.training import HeldOut, History
from vae_numpy.utils import check_choice, check_integer

if TYPE_CHECKING:  # they import this module
    from vae_numpy.models.base import BaseAutoencoder

Model = TypeVar("Model", bound="BaseAutoencoder")


def save(model: "BaseAutoencoder", path: FilePath, *, compact: bool = False) -> None:
    """Write a fitted ``model`` to ``path``, all or nothing.

    ``compact`` keeps what is needed to use it: weights in half precision, no training state.
    """
    run = None if compact else model._run
    weights = np.concatenate([p.value.ravel() for p in model._parameters()])
    arrays = {"weights": _halved(weights) if compact else weights}
    arrays.update({name: getattr(model, name) for name in model._learned_arrays})
    history, columns = _split_history(model.history_)
    header = {
        "format": FORMAT,
        "vae_numpy": __version__,
        "model": type(model).__name__,
        "arguments": _storable(model.get_params(deep=False)),
        "dtype": weights.dtype.name,
        "n_features_in_": model.n_features_in_,
        "feature_names_in_": _names(model),
        "history": history,
        "run": None,
    }
    if run is not None:
        header["run"] = _describe_run(run)
        if run.order is not None:
            arrays["order"], header["run"]["batch_size"] = run.order, run.batch_size
        if model._held_out is not None:
            header["run"]["least"] = model._held_out.least
            arrays.update(_describe_held_out(model._held_out))
        if run.optimiser.slots is not None:
            arrays.update({f"slot{i}": slot for i, slot in enumerate(run.optimiser.slots[0])})
    for name, array in arrays.items():  # what ``load`` would refuse
        check_finite(name, array)
    text = json.dumps(header, default=lambda array: array.tolist())
    check_header(text)
    write_file(path, packed({"header": np.array(text), **arrays, **columns}, compress=compact))


def _halved(weights):
    if np.abs(weights).max() > np.finfo(np.float16).max:
        raise ValueError(
            "compact=True needs weights of at most 65504 in size, got "
            f"{np.abs(weights).max():.3g}; save with compact=False"
        )
    return weights.astype(np.float16)


def load(cls: type[Model], path: FilePath, **arguments: Any) -> Model:
    """Read a model of class ``cls`` from ``path``; ``arguments`` replace the stored ones."""
    with InPieces(path) as file:
        check_seal(file)
        with blaming(path):
            header, arrays = read(file)
            if header["model"] != cls.__name__:
                raise FileError(
                    f"{path} holds a model of class {header['model']!s:.100}, not {cls.__name__}"
                )
            stored = {k: v for k, v in header["arguments"].items() if k not in arguments}
            for name, value in stored.items():
                if isinstance(value, dict):
                    raise FileError(
                        f"{path} was saved with a function as {name}, which a file cannot hold; "
                        f"give it again: {cls.__name__}.load(path, {name}=...)"
                    )
            model = cls(**{name: _restored(value) for name, value in stored.items()})
            one_row = _one_row(header, arrays)
            model._check_arguments(one_row)
        model.set_params(**arguments)
        with blaming(path):
            _restore(model, one_row, header, arrays)
    return model


_MOST_PIXELS = 2**24  # a picture that takes no more than 128 MB


def _one_row(header, arrays):
    """Return a row of zeros such as the model was fitted to, (1, n_features)."""
    check_choice("dtype", header["dtype"], ("float32", "float64"))
    # At least one weight stands behind each feature, unless convolutions share theirs.
    most = arrays["weights"].size
    if header["arguments"].get("conv_channels"):
        most = max(most, _MOST_PIXELS)
    check_integer("n_features_in_", header["n_features_in_"], minimum=1, maximum=most)
    return np.zeros((1, header["n_features_in_"]), header["dtype"])


def _restore(model, one_row, header, arrays):
    """Fill the model with what was learnt; ``_begin`` and ``_start_run`` make what is filled."""
    weights, run, history = arrays["weights"], header["run"], _join_history(header, arrays)
    model.n_features_in_ = one_row.shape[1]
    if header["feature_names_in_"] is not None:
        model.feature_names_in_ = _restored_names(header)
    model._begin(one_row, _Rationed(weights.size))
    flat = flatten(model._parameters())
    if weights.shape != flat.value.shape:
        raise ValueError(
            f"it holds {weights.size} weights, its arguments ask for {flat.value.size}"
        )
    halved = run is None and weights.dtype == np.float16
    flat.value[...] = weights.read(flat.value.shape, np.float16 if halved else one_row.dtype)
    for name in model._learned_arrays:
        made = getattr(model, name)  # by ``_begin``, of the same shape and type
        setattr(model, name, arrays[name].read(made.shape, made.dtype))
    model.history_, model._run, model._held_out = history, None, None
    if run is not None:
        _check_run(run, history, model.n_components)
        model._start_run(_restore_rng(run["rng"]), history)
        for name in _COUNTERS:
            setattr(model._run, name, run[name])
        model._held_out = _restore_held_out(header, arrays, flat.value)
        _restore_order(model, header, arrays)
        # The averages of another solver mean something else.
        if "slot0" in arrays and model.solver == header["arguments"]["solver"]:
            _restore_optimiser(model._run.optimiser, run["t"], arrays, flat.value)


class _Rationed(np.random.Generator):
    """Draws zeros, and not many more of them than the file holds weights.

    All that a model draws to begin with is overwritten. So a file that states huge layers is
    refused before they are made. ``build_networks`` of a reader's own may make layers and throw
    them away: it gets some more, 80 MB at most.
    """

    def __init__(self, n_weights):
        super().__init__(np.random.PCG64(0))
        self.n_weights, self.left = n_weights, n_weights + 10**7

    def uniform(self, low=0.0, high=1.0, size=None):
        self.left -= math.prod(size)
        if self.left < 0:
            raise ValueError(f"it holds {self.n_weights} weights, its arguments ask for more")
        return np.zeros(size)


# The training state -----------------------------------------------------------------------------

_COUNTERS = ("epoch", "batch", "totals", "finished", "n_samples")
_BIT_GENERATORS = {"PCG64": np.random.PCG64, "PCG64DXSM": np.random.PCG64DXSM}


def _describe_run(run):
    state = run.rng.bit_generator.state
    if state["bit_generator"] not in _BIT_GENERATORS:
        raise ValueError(
            "random_state must be None, an int or a generator of NumPy's default kind (PCG64) "
            f"to be saved, got {state['bit_generator']}"
        )
    described = {name: getattr(run, name) for name in _COUNTERS}
    return {**described, "rng": state, "t": run.optimiser.t}


def _describe_held_out(held_out):
    arrays = {"_held_out": held_out.rows, "_best_weights": held_out.best}
    arrays["_last_weights"] = held_out.last
    return {name: array for name, array in arrays.items() if array is not None}


def _restore_rng(state):
    bit_generator = _BIT_GENERATORS[state["bit_generator"]]()
    bit_generator.state = state
    return np.random.Generator(bit_generator)


def _check_run(run, history, n_components):
    """Check the counters of a training: one that is wrong would only be noticed when it is used."""
    check_integer("epoch", run["epoch"], minimum=0, maximum=len(history.get("loss", ())))
    check_integer("n_samples", run["n_samples"], minimum=1, maximum=2**62)
    check_integer("batch", run["batch"], minimum=0, maximum=run["n_samples"])
    check_integer("t", run["t"], minimum=0, maximum=2**62)
    if not isinstance(run["finished"], bool):
        raise TypeError(f"finished must be true or false, got {run['finished']!r}")
    if not isinstance(run["totals"], dict):
        raise TypeError(f"totals must be a dict, got {run['totals']!r}")
    for name, total in run["totals"].items():
        parts = total if isinstance(total, list) else [total]
        if not _are_numbers(parts) or not np.isfinite(parts).all():
            raise ValueError(f"totals must be finite numbers, got {total!r} as {name}")
        if isinstance(total, list) and len(total) != n_components:
            raise ValueError(f"totals must be one number or one a latent, got {total!r} as {name}")


def _are_numbers(values):
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def _restore_held_out(header, arrays, weights):
    if "_held_out" not in arrays:
        return None
    run, n_samples = header["run"], header["run"]["n_samples"]
    held_out = HeldOut(arrays["_held_out"].read_rows())
    held_out.least = run["least"]
    if not _are_numbers([held_out.least]) or math.isnan(held_out.least):
        raise ValueError(f"least must be a number or infinite, got {held_out.least!r}")
    for name in ("best", "last"):
        if f"_{name}_weights" in arrays:
            stored = arrays[f"_{name}_weights"].read(weights.shape, weights.dtype)
            setattr(held_out, name, stored)
    if _stops_early(header):  # else they may be rows of another, earlier data set
        rows = held_out.rows
        inside = len(rows) and rows[0] >= 0 and rows[-1] < n_samples > len(rows)
        if not (inside and np.all(np.diff(rows) > 0)):
            raise ValueError(f"_held_out must be a part of the {n_samples} rows, in order")
        if run["epoch"] > 0 and held_out.best is None:
            raise ValueError("it lacks _best_weights")
    return held_out


def _stops_early(header):
    return header["arguments"].get("early_stopping", False)


def _restore_order(model, header, arrays):
    """Restore the order in which an epoch that has begun takes the rows."""
    if "order" not in arrays:
        return
    run, n_rows = model._run, model._run.n_samples
    if _stops_early(header) and model._held_out is not None:
        n_rows -= len(model._held_out.rows)
    run.order = arrays["order"].read_rows()
    if len(run.order) != n_rows or np.any(np.sort(run.order) != np.arange(n_rows)):
        raise ValueError(f"order must hold each of the {n_rows} rows once")
    # In version 1 it is only among the arguments.
    size = header["run"].get("batch_size", header["arguments"]["batch_size"])
    run.batch_size = n_rows if size is None else min(size, n_rows)
    check_integer("batch_size", run.batch_size, minimum=1)
    run.n_batches = -(-n_rows // run.batch_size)
    check_integer("batch", run.batch, minimum=0, maximum=run.n_batches)
    if run.batch > 0 and not _are_numbers([run.totals.get("loss")]):
        raise ValueError("totals must hold the loss of the batches that are done")


def _restore_optimiser(optimiser, t, arrays, weights):
    # The compiled kernels trust their arrays: with a shorter one they would write beyond it.
    names = [f"slot{i}" for i in range(optimiser.n_slots)]
    optimiser.slots = [tuple(arrays[n].read(weights.shape, weights.dtype) for n in names)]
    optimiser.t = t


# Arguments, names and the history ----------------------------------------------------------------

_MOST_LAYERS = 1000


def _storable(arguments):
    """Turn the model's arguments into JSON; a function becomes a note that it was one."""
    stored = {}
    for name, value in arguments.items():
        if name in ("callbacks", "random_state") and not isinstance(value, numbers.Integral):
            value = None  # callbacks are given anew; the generator's state is stored with the run
        elif callable(value):
            value = {"function": getattr(value, "__name__", type(value).__name__)}
        elif isinstance(value, np.generic):
            value = value.item()
        stored[name] = list(value) if isinstance(value, tuple) else value
    return stored


def _restored(value):
    if isinstance(value, list) and len(value) > _MOST_LAYERS:
        raise ValueError(f"a list of its arguments has {len(value)} entries")
    return tuple(value) if isinstance(value, list) else value


def _names(model):
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def _restored_names(header):
    names, n_features = header["feature_names_in_"], header["n_features_in_"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"feature_names_in_ must be a list of texts, got {names!r:.100}")
    if len(names) != n_features:
        raise ValueError(f"feature_names_in_ must hold {n_features} names, got {len(names)}")
    return np.array(names, dtype=object)


def _split_history(history):
    """Split it into a part for the header, and arrays for what is None in that part."""
    header, columns = {}, {}
    for i, (name, values) in enumerate(history.items()):
        header[name] = values
        with suppress(ValueError):  # lists of different lengths, which a callback may record
            column = np.array(values)
            if column.dtype.kind == "f" or column.dtype == np.int64:
                header[name] = None
                columns[f"history{i}"] = (
                    column.astype(float) if column.dtype.kind == "f" else column
                )
    return header, columns


def _join_history(header, arrays):
    history = History()
    for i, (name, values) in enumerate(header["history"].items()):
        history[name] = arrays[f"history{i}"].read_column() if values is None else values
        if not isinstance(history[name], list):
            raise TypeError(f"history must hold lists, got {values!r:.100} as {name}")
        if name in ("loss", "validation_loss") and not _are_numbers(history[name]):
            raise TypeError(f"history must hold numbers as {name}")
    return history
