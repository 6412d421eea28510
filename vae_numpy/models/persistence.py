"""Saving a model to one ``.npz`` file, training state included, and loading it again.

The file holds plain arrays and one JSON text. Nothing in it is ever unpickled, so a file from
a stranger can at worst be refused. It is written beside its final place and then moved there
in one step: a crash while saving leaves the old file whole.
"""

import hashlib
import io
import json
import numbers
import os
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from vae_numpy.layers import flatten
from vae_numpy.training import HeldOut, History

FORMAT = "vae_numpy model, version 1"


class FileError(ValueError):
    """A file that is no model of ours, is damaged, or holds another kind of model."""


def save(model, path, *, compact=False):
    """Write a fitted ``model`` to ``path``, all or nothing.

    ``compact`` keeps what is needed to use it: weights in half precision, no training state.
    """
    run = None if compact else model._run
    weights = np.concatenate([p.value.ravel() for p in model._parameters()])
    arrays = {"weights": _halved(weights) if compact else weights}
    arrays.update({name: getattr(model, name) for name in model._learned_arrays})
    header = {
        "format": FORMAT,
        "model": type(model).__name__,
        "arguments": _storable(model.get_params(deep=False)),
        "dtype": weights.dtype.name,
        "n_features_in_": model.n_features_in_,
        "feature_names_in_": _names(model),
        "history": dict(model.history_),
        "run": None,
    }
    if run is not None:
        header["run"] = _describe_run(run)
        if run.order is not None:
            arrays["order"] = run.order
        if model._held_out is not None:
            header["run"]["least"] = model._held_out.least
            arrays.update(_describe_held_out(model._held_out))
        if run.optimiser.slots is not None:
            arrays.update({f"slot{i}": slot for i, slot in enumerate(run.optimiser.slots[0])})
    text = json.dumps(header, default=lambda array: array.tolist())
    _write(Path(path), _packed({"header": np.array(text), **arrays}, compress=compact))


def _halved(weights):
    if np.abs(weights).max() > np.finfo(np.float16).max:
        raise ValueError(
            "compact=True needs weights of at most 65504 in size, got "
            f"{np.abs(weights).max():.3g}; save with compact=False"
        )
    return weights.astype(np.float16)


def load(cls, path, **arguments):
    """Read a model of class ``cls`` from ``path``; ``arguments`` replace the stored ones."""
    header, arrays = _read(path)
    with _blaming(path):
        if header["model"] != cls.__name__:
            raise FileError(f"{path} holds a model of class {header['model']}, not {cls.__name__}")
        stored = header["arguments"]
        for name, value in stored.items():
            if isinstance(value, dict) and name not in arguments:
                raise FileError(
                    f"{path} was saved with a function as {name}, which a file cannot hold; "
                    f"give it again: {cls.__name__}.load(path, {name}=...)"
                )
        model = cls(**{name: _restored(value) for name, value in stored.items()})
    model.set_params(**arguments)
    with _blaming(path):
        _restore(model, header, arrays)
    return model


def _restore(model, header, arrays):
    model.n_features_in_ = header["n_features_in_"]
    if header["feature_names_in_"] is not None:
        model.feature_names_in_ = np.array(header["feature_names_in_"], dtype=object)
    # The first weights do not matter: they are overwritten.
    one_row = np.zeros((1, model.n_features_in_), header["dtype"])
    model._begin(one_row, np.random.default_rng(0))
    flat = flatten(model._parameters())
    if flat.value.shape != arrays["weights"].shape:
        raise ValueError(
            f"it holds {arrays['weights'].size} weights, its arguments ask for {flat.value.size}"
        )
    flat.value[...] = arrays["weights"]
    for name in model._learned_arrays:
        setattr(model, name, arrays[name])
    model._held_out = _restore_held_out(header, arrays)
    model.history_, model._run = History(header["history"]), None
    if header["run"] is not None:
        model._start_run(_restore_rng(header["run"]["rng"]), model.history_)
        if model.solver != header["arguments"]["solver"]:  # another one has other averages
            arrays = {name: a for name, a in arrays.items() if not name.startswith("slot")}
        _restore_run(model._run, header, arrays)


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


def _restore_held_out(header, arrays):
    if "_held_out" not in arrays:
        return None
    held_out = HeldOut(arrays["_held_out"])
    held_out.best, held_out.last = arrays.get("_best_weights"), arrays.get("_last_weights")
    held_out.least = header["run"]["least"]
    return held_out


def _restore_rng(state):
    bit_generator = _BIT_GENERATORS[state["bit_generator"]]()
    bit_generator.state = state
    return np.random.Generator(bit_generator)


def _restore_run(run, header, arrays):
    described, batch_size = header["run"], header["arguments"]["batch_size"]
    for name in _COUNTERS:
        setattr(run, name, described[name])
    run.order = arrays.get("order")
    if run.order is not None:
        n_rows = len(run.order)
        run.batch_size = n_rows if batch_size is None else min(batch_size, n_rows)
        run.n_batches = -(-n_rows // run.batch_size)
    if "slot0" in arrays:
        slots = tuple(arrays[f"slot{i}"] for i in range(run.optimiser.n_slots))
        weights = arrays["weights"]
        # The compiled kernels trust their arrays: a shorter one would have them write beyond it.
        if any((s.shape, s.dtype) != (weights.shape, weights.dtype) for s in slots):
            raise ValueError("the optimiser's arrays do not fit the weights")
        run.optimiser.t, run.optimiser.slots = described["t"], [slots]


# Arguments --------------------------------------------------------------------------------------


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
    return tuple(value) if isinstance(value, list) else value


def _names(model):
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


# The file ---------------------------------------------------------------------------------------

_DIGITS = hashlib.sha256().digest_size * 2  # of the checksum, in hexadecimal


def _packed(arrays, *, compress):
    """Pack arrays as ``.npz``, with a checksum of all its bytes as the archive's comment."""
    buffer = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(buffer, **arrays)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = b"0" * _DIGITS  # the comment is the last thing in the file
    body = buffer.getvalue()[:-_DIGITS]
    return body + _checksum(body)


def _checksum(body):
    return hashlib.sha256(body).hexdigest().encode()


def _write(path, data):
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _read(path):
    """Read the header and the arrays, or say what is wrong with the file."""
    data = Path(path).read_bytes()
    body, checksum = data[:-_DIGITS], data[-_DIGITS:]
    if checksum != _checksum(body):
        raise FileError(f"{path} is not a model file, or it was cut short or altered")
    with _blaming(path), np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
        header = json.loads(str(arrays.pop("header")))
        if header["format"] != FORMAT:
            raise FileError(f"{path} must have the format {FORMAT!r}, got {header['format']!r}")
    return header, arrays


@contextmanager
def _blaming(path):
    """Turn whatever a well-sealed file of wrong contents causes into a FileError."""
    try:
        yield
    except FileError:
        raise
    except Exception as error:
        raise FileError(f"{path} does not hold a whole model ({error!r})") from error
