"""Files that are written whole: somebody else sees the old one or the new one, never a part.

A file is written beside its final place and then moved there in one step. What that cannot do: the
folder must be one that may be written to, and a hard link parts from its twin.
"""

import errno
import os
import secrets
import stat
from contextlib import suppress
from functools import partial
from pathlib import Path

from vae_numpy._types import FilePath

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]  # who uses it asks first

_TEMPORARY = ".vae_numpy-"  # what the names of files that are being written begin with


def write_file(path: FilePath, data: bytes) -> None:
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
        if target.is_symlink():  # still, so it leads back to itself
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
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
