"""How the kernels are compiled, and where their machine code is kept.

Compiling takes seconds, so numba keeps the code on disk: in the folder that ``NUMBA_CACHE_DIR``
names, in ``__pycache__`` beside this file or in the user's own cache, whichever can be written
first. But it takes what it finds there for fresh as long as the file that a function stands in is
unchanged, although a function that it calls may have changed in another file. So each entry is
sealed here with all files of this folder: edit any of them, and the kernels are compiled anew.
"""

import hashlib
import pickle
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import resources
from typing import Any

import numba
import numba.extending
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.errors import NumbaError
from numba.core.serialize import dumps

__all__ = ["NumbaError", "element", "jit", "jit_in_memory"]

# Reassociation and contraction let LLVM use vector instructions; unlike fastmath=True these
# flags keep NaN and infinity as they are.
_OPTIONS = {
    "nogil": True,
    "fastmath": {"reassoc", "contract", "nsz"},
    "error_model": "numpy",
}
jit_in_memory = numba.njit(**_OPTIONS)

# For a function that adds up and is called by compiled ones. It would be compiled by itself and
# again within its callers, each time in an order of its own, and which of them runs differs between
# the process that compiles and those that find the code on disk: so would the last bits.
jit_inlined = numba.njit(inline="always", **_OPTIONS)


def jit(function: Callable) -> Any:  # numba's dispatcher, which mypy does not know
    """Compile a function for every kind of arguments that it meets, and keep the code on disk.

    Where that cannot be done, it is kept in memory and a warning says so, once.
    """
    compiled = jit_in_memory(function)
    if not numba.config.DISABLE_JIT:
        try:
            compiled._cache = _Cache(function)  # as njit(cache=True) sets numba's own
        except RuntimeError:
            _warn("no folder for it can be written")
    return compiled


def element(context, builder, signature, arguments, k):
    """Point at the element of array number k whose index is the argument after it."""
    array = context.make_array(signature.args[k])(context, builder, arguments[k])
    return builder.gep(array.data, [arguments[k + 1]])


class _Cache(FunctionCache):
    """numba's cache, but one that never stands in the way: what it cannot give is compiled."""

    def load_overload(self, signature, target_context):
        try:
            return super().load_overload(signature, target_context)
        except Exception:  # damaged, or sealed with other sources
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, signature, result):
        try:
            super().save_overload(signature, result)
        except Exception as error:  # a full disk, for one
            _warn(error)

    class _impl_class(CompileResultCacheImpl):
        def reduce(self, result):
            code = dumps(super().reduce(result))
            return _seal(code), code

        def rebuild(self, target_context, entry):
            seal, code = entry
            if seal != _seal(code):
                raise ValueError("the seal is broken")
            return super().rebuild(target_context, pickle.loads(code))

        def get_filename_base(self, fullname, abiflags):
            # Without the number of the line, so that an edited kernel overwrites its old code.
            return f"{fullname}.{sys.implementation.cache_tag}{abiflags}"


def _seal(code: bytes) -> bytes:
    return hashlib.sha256(_sources() + code).digest()


@cache
def _sources() -> bytes:
    """Join the hashes of this folder's files, as they are when first asked for."""
    files = [file for file in resources.files(__package__).iterdir() if file.is_file()]
    files.sort(key=lambda file: file.name)
    return b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)


_sources()  # now: a file that is edited later is not the one that was imported

_has_warned = False


def _warn(reason: object) -> None:
    global _has_warned
    if not _has_warned:
        _has_warned = True
        warnings.warn(
            f"the machine code of the kernels cannot be kept on disk ({reason}): every process "
            "compiles it again, which takes seconds. NUMBA_CACHE_DIR can name a folder for it",
            stacklevel=2,
        )
