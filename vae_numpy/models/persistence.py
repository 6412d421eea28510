"""Saving a model to one ``.npz`` file, training state included, and loading it again.

The file holds plain arrays and one JSON text. Nothing in it is ever unpickled, so a file from
a stranger can at worst be refused, and refusing is cheap: no size that it states is believed
before it is compared with what the file holds. It is written beside its final place and then
moved there in one step: a crash while saving leaves the old file whole.
"""

import errno
import hashlib
import io
import json
import math
import numbers
import os
import re
import secrets
import stat
import zipfile
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np

from vae_numpy.layers import flatten
from vae_numpy.training import HeldOut, History
from vae_numpy.utils import check_choice, check_integer

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None

# Version 2 keeps the history in arrays; version 1 kept it in the header, and is still read.
FORMAT = "vae_numpy model, version 2"
_FORMATS = (FORMAT, "vae_numpy model, version 1")


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
    history, columns = _split_history(model.history_)
    header = {
        "format": FORMAT,
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
        _check_finite(name, array)
    text = json.dumps(header, default=lambda array: array.tolist())
    _check_header(text)
    write_file(path, _packed({"header": np.array(text), **arrays, **columns}, compress=compact))


def _halved(weights):
    if np.abs(weights).max() > np.finfo(np.float16).max:
        raise ValueError(
            "compact=True needs weights of at most 65504 in size, got "
            f"{np.abs(weights).max():.3g}; save with compact=False"
        )
    return weights.astype(np.float16)


def load(cls, path, **arguments):
    """Read a model of class ``cls`` from ``path``; ``arguments`` replace the stored ones."""
    with _InPieces(path) as file:
        _check_seal(file)
        with _blaming(path):
            header, arrays = _read(file)
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
        with _blaming(path):
            _restore(model, one_row, header, arrays)
    return model


def _one_row(header, arrays):
    """Return a row of zeros such as the model was fitted to, (1, n_features)."""
    check_choice("dtype", header["dtype"], ("float32", "float64"))
    # At least one weight stands behind each feature.
    check_integer(
        "n_features_in_", header["n_features_in_"], minimum=1, maximum=arrays["weights"].size
    )
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
    """Draws zeros, and no more of them than the file holds weights.

    All that a model draws to begin with is overwritten. So a file that states huge layers is
    refused before they are made.
    """

    def __init__(self, n_weights):
        super().__init__(np.random.PCG64(0))
        self.n_weights = self.left = n_weights

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


# The archive -------------------------------------------------------------------------------------

_DIGITS = hashlib.sha256().digest_size * 2  # of the checksum, in hexadecimal
_PIECE = 2**20  # bytes that are read at a time
# An archive may unpack to this many bytes and this many times its size. Weights are noise to a
# compressor; those that are not are stored without it.
_MOST_UNPACKED, _MOST_TIMES = 2**25, 8
# Values and characters of the header; a value takes up to 100 bytes of memory.
_MOST_VALUES, _MOST_CHARACTERS = 2**19, 2**23


def _packed(arrays, *, compress):
    """Pack arrays as ``.npz``, with a checksum of all its bytes as the archive's comment."""
    buffer = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(buffer, **arrays)
    with zipfile.ZipFile(buffer, "a") as archive:
        if compress and _unpacks_to_too_much(archive, buffer.tell()):
            return _packed(arrays, compress=False)
        archive.comment = b"0" * _DIGITS  # the comment is the last thing in the file
    body = buffer.getvalue()[:-_DIGITS]
    return body + hashlib.sha256(body).hexdigest().encode()


def _unpacks_to_too_much(archive, size):
    unpacked = sum(info.file_size for info in archive.infolist())
    return unpacked > _MOST_UNPACKED + _MOST_TIMES * size


class _InPieces(io.FileIO):
    """A file that is read a piece at a time, so that no length written in it is believed."""

    def read(self, size=-1):
        wanted = _PIECE + 1 if size is None or size < 0 else min(size, _PIECE + 1)
        data = super().read(wanted)
        if len(data) > _PIECE:
            raise ValueError("a part of it is too long")
        return data


def _check_seal(file):
    """Check what a model file begins and ends with, and the checksum of all that it holds."""
    left = os.fstat(file.fileno()).st_size - _DIGITS
    checksum, found = b"", hashlib.sha256()
    if left > 0 and file.read(4) == b"PK\3\4":
        file.seek(left)
        checksum = file.read(_DIGITS)
    file.seek(0)
    if re.fullmatch(rb"[0-9a-f]{64}", checksum):  # else it need not be read
        while left > 0 and (piece := file.read(min(left, _PIECE))):
            found.update(piece)
            left -= len(piece)
    if found.hexdigest().encode() != checksum:
        raise FileError(f"{file.name} is not a model file, or it was cut short or altered")


class _Stored:
    """An array in the archive, read when its shape and type are found to be as they should."""

    def __init__(self, archive, info):
        self.name, self._archive, self._info = info.filename.removesuffix(".npy"), archive, info
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{self.name} is compressed in another way than ours")
        with archive.open(info) as member:
            if np.lib.format.read_magic(member) != (1, 0):
                raise ValueError(f"{self.name} has another version of NumPy's format than ours")
            self.shape, fortran, self.dtype = np.lib.format.read_array_header_1_0(member)
            self._start = member.tell()
        self.size = math.prod(self.shape)
        if fortran or self.dtype.kind not in "fiU":
            raise ValueError(f"{self.name} must hold numbers row by row, got type {self.dtype}")
        if self._start + self.size * self.dtype.itemsize != info.file_size:
            raise ValueError(f"{self.name} has not the size that it states")

    def pieces(self):
        """Yield the bytes of the array."""
        with self._archive.open(self._info) as member:
            member.read(self._start)
            while piece := member.read(_PIECE):
                yield piece

    def read(self, shape, dtype, *, finite=True):
        """Read an array that must have this shape and type, and be finite."""
        if (self.shape, self.dtype) != (shape, np.dtype(dtype)):
            raise ValueError(
                f"{self.name} must be {np.dtype(dtype)} of shape {shape}, "
                f"got {self.dtype} of shape {self.shape}"
            )
        array = np.empty(shape, dtype)
        bytes_of_it, start = array.reshape(-1).view(np.uint8), 0
        for piece in self.pieces():
            bytes_of_it[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
            start += len(piece)
        if finite:
            _check_finite(self.name, array)
        return array

    def read_rows(self):
        """Read the numbers of rows, (n,)."""
        if len(self.shape) != 1 or self.dtype.kind != "i":
            raise ValueError(
                f"{self.name} must be a list of integers, got {self.dtype} of shape {self.shape}"
            )
        return self.read(self.shape, self.dtype)

    def read_column(self):
        """Read what was recorded epoch by epoch, a list."""
        dtype = np.int64 if self.dtype.kind == "i" else np.float64
        return self.read(self.shape, dtype, finite=False).tolist()

    def read_text(self):
        """Read one text, as ASCII."""
        if self.shape != () or self.dtype.kind != "U":
            raise ValueError(f"{self.name} must be a text, got {self.dtype} of shape {self.shape}")
        if self.dtype.itemsize > 4 * _MOST_CHARACTERS:
            raise ValueError(f"{self.name} is {self.dtype.itemsize // 4} characters long")
        encoding = "utf-32-be" if self.dtype.str.startswith(">") else "utf-32-le"
        return b"".join(p.decode(encoding).encode("ascii") for p in self.pieces()).decode()


def _check_finite(name, array):
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")


def _check_header(text):
    """Check how much memory the header can take at most."""
    n_values = text.count(",") + text.count("[") + text.count("{")
    if len(text) > _MOST_CHARACTERS or n_values > _MOST_VALUES:
        raise ValueError(
            f"the arguments and names of the features must be at most {_MOST_VALUES} values in "
            f"{_MOST_CHARACTERS} characters, got {n_values} in {len(text)}"
        )


def _read(file):
    """Read the header, and say which arrays there are."""
    archive = zipfile.ZipFile(file)
    if _unpacks_to_too_much(archive, os.fstat(file.fileno()).st_size):
        raise ValueError("it would unpack to many times its size")
    arrays = {array.name: array for array in (_Stored(archive, i) for i in archive.infolist())}
    text = arrays.pop("header").read_text()
    _check_header(text)
    header = json.loads(text)
    if header["format"] not in _FORMATS:
        wanted = " or ".join(map(repr, _FORMATS))
        raise FileError(f"{file.name} must have the format {wanted}, got {header['format']!r:.100}")
    return header, arrays


@contextmanager
def _blaming(path):
    """Turn whatever a well-sealed file of wrong contents causes into a FileError."""
    try:
        yield
    except FileError:
        raise
    except Exception as error:
        reason = error if type(error) in (ValueError, TypeError) else repr(error)
        raise FileError(f"{path} does not hold a whole model ({reason})") from error


# Writing -----------------------------------------------------------------------------------------

_TEMPORARY = ".vae_numpy-"  # what the names of files that are being written begin with


def write_file(path, data):
    """Write ``data`` to ``path``: all of it, or, whatever goes wrong, nothing.

    A symbolic link is followed, and a file that is replaced hands on its mode. Several threads or
    processes may write to one path; the last one wins.

    Parameters
    ----------
    path : str or path-like
    data : bytes

    Raises
    ------
    OSError
        If the file cannot be written. It names ``path``, and an older file is whole.
    """
    try:
        target = Path(os.path.realpath(path) if os.path.islink(path) else path)
        _remove_abandoned(target.parent)
        _replace(target, data)
    except OSError as error:  # it may name the temporary file
        raise OSError(error.errno, error.strerror or str(error), os.fspath(path)) from error


def _replace(target, data):
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    if mode is not None and not target.is_file():
        code = errno.EISDIR if target.is_dir() else errno.EINVAL
        raise OSError(code, "is no file that can be replaced")
    # What replaces a private file is private from the start; a new file obeys the umask.
    file = _new_file(target.parent, 0o666 if mode is None else 0o600)
    try:
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if mode is not None:
                os.chmod(file.name, mode)
            if fcntl is None:
                file.close()  # Windows moves no open file
            os.replace(file.name, target)
    except BaseException:
        Path(file.name).unlink(missing_ok=True)
        raise


def _new_file(folder, mode):
    """Create a file to write to, locked while it is open, so that nobody takes it for abandoned."""
    while True:
        name = folder / f"{_TEMPORARY}{secrets.token_hex(8)}"
        file = open(name, "xb", opener=partial(os.open, mode=mode))
        if fcntl is None:
            return file
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # somebody was faster and is removing it
            file.close()
            continue
        except OSError:  # a disk without locks, where nothing is taken for abandoned
            return file
        if os.fstat(file.fileno()).st_nlink > 0:
            return file
        file.close()


def _remove_abandoned(folder):
    """Remove the files that nobody writes any more: a lock ends with its process, however it ends.

    Windows has no such locks; there, what a killed process leaves stays.
    """
    if fcntl is None:
        return
    with suppress(OSError):
        for path in folder.glob(f"{_TEMPORARY}*"):
            with suppress(OSError), open(path, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
