"""The file that a model is kept in: an archive with a seal, read without trust.

The file is a ``.npz``: plain arrays and one JSON text, never a pickle, and at its end a checksum of
all its bytes (SHA-256, in every version of the format: a ``.npz`` itself checks its arrays and not
the directory that lists them). No size that it states is believed before it is compared with what
the file holds, and nothing is unpacked before.
"""

import hashlib
import io
import json
import math
import os
import re
import zipfile
from contextlib import contextmanager

import numpy as np

from vae_numpy import __version__

# Version 2 keeps the history in arrays; version 1 kept it in the header, and is still read.
FORMAT = "vae_numpy model, version 2"
FORMATS = (FORMAT, "vae_numpy model, version 1")


class FileError(ValueError):
    """A file that is no model of ours, is damaged, or holds another kind of model."""


_DIGITS = hashlib.sha256().digest_size * 2  # of the checksum, in hexadecimal
_PIECE = 2**20  # bytes that are read at a time
# An archive may unpack to this many bytes and this many times its size. Weights are noise to a
# compressor; those that are not are stored without it.
_MOST_UNPACKED, _MOST_TIMES = 2**25, 8
# Values and characters of the header; a value takes up to 100 bytes of memory.
_MOST_VALUES, _MOST_CHARACTERS = 2**19, 2**23


def packed(arrays, *, compress):
    """Pack arrays as ``.npz``, with a checksum of all its bytes as the archive's comment."""
    buffer = io.BytesIO()
    (np.savez_compressed if compress else np.savez)(buffer, **arrays)
    with zipfile.ZipFile(buffer, "a") as archive:
        if compress and _unpacks_to_too_much(archive, buffer.tell()):
            return packed(arrays, compress=False)
        archive.comment = b"0" * _DIGITS  # the comment is the last thing in the file
    body = buffer.getvalue()[:-_DIGITS]
    return body + hashlib.sha256(body).hexdigest().encode()


def _unpacks_to_too_much(archive, size):
    unpacked = sum(info.file_size for info in archive.infolist())
    return unpacked > _MOST_UNPACKED + _MOST_TIMES * size


class InPieces(io.FileIO):
    """A file that is read a piece at a time, so that no length written in it is believed."""

    def read(self, size=-1):
        wanted = _PIECE + 1 if size is None or size < 0 else min(size, _PIECE + 1)
        data = super().read(wanted)
        if len(data) > _PIECE:
            raise ValueError("a part of it is too long")
        return data


def check_seal(file):
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
            check_finite(self.name, array)
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


def check_finite(name, array):
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")


def check_header(text):
    """Check how much memory the header can take at most."""
    n_values = text.count(",") + text.count("[") + text.count("{")
    if len(text) > _MOST_CHARACTERS or n_values > _MOST_VALUES:
        raise ValueError(
            f"the arguments and names of the features must be at most {_MOST_VALUES} values in "
            f"{_MOST_CHARACTERS} characters, got {n_values} in {len(text)}"
        )


def read(file):
    """Read the header, and say which arrays there are."""
    archive = zipfile.ZipFile(file)
    if _unpacks_to_too_much(archive, os.fstat(file.fileno()).st_size):
        raise ValueError("it would unpack to many times its size")
    arrays = {array.name: array for array in (_Stored(archive, i) for i in archive.infolist())}
    text = arrays.pop("header").read_text()
    check_header(text)
    header = json.loads(text)
    if header["format"] not in FORMATS:
        wanted, writer = " or ".join(map(repr, FORMATS)), header.get("vae_numpy", "another version")
        raise FileError(
            f"{file.name} must have the format {wanted}, got {header['format']!r:.100}: it was "
            f"written by vae_numpy {writer!s:.100}, this is {__version__}. Load it with the "
            "version that wrote it, or with a newer one"
        )
    return header, arrays


@contextmanager
def blaming(path):
    """Turn whatever a well-sealed file of wrong contents causes into a FileError."""
    try:
        yield
    except FileError:
        raise
    except Exception as error:
        reason = error if type(error) in (ValueError, TypeError) else repr(error)
        raise FileError(f"{path} does not hold a whole model ({reason})") from error
