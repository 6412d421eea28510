"""Run a reader's code in the reader's own process, and survive it.

Not a sandbox: it protects from accidents, an endless loop, a flood of printing, a changed input,
and not from malice. A loop is stopped between two steps of Python; a call that stays inside
compiled code (a huge matrix product, a numba function) is stopped only when it returns.
"""

import contextlib
import copy
import ctypes
import io
import linecache
import random
import signal
import threading
import warnings
from pathlib import Path

import numpy as np

HERE = str(Path(__file__).parent)
LONGEST_PRINT = 20  # lines of what an answer prints that are shown


class TooLong(BaseException):
    """Time is up. Not an ``Exception``, so that ``except Exception`` in an answer lets it pass."""


class PrintLog(io.TextIOBase):
    """Keep the first lines of what is printed and count the others."""

    def __init__(self):
        self.kept, self.n_lines = "", 0

    def writable(self):
        return True

    def write(self, text):
        if self.n_lines < LONGEST_PRINT:
            room = LONGEST_PRINT - self.n_lines
            self.kept += "".join(text.splitlines(keepends=True)[:room])[:2000]
        self.n_lines += text.count("\n")
        return len(text)

    def lines(self):
        """Return the kept lines, and one that says how many were cut."""
        lines = self.kept.splitlines()[:LONGEST_PRINT]
        if self.n_lines > len(lines):
            lines.append(f"... and {self.n_lines - len(lines):,} more lines, cut")
        return lines


@contextlib.contextmanager
def time_limit(seconds):
    """Raise ``TooLong`` in the calling thread after ``seconds``.

    In the main thread of Linux and macOS an alarm does it, which also ends a wait for input. In
    other threads and on Windows a timer thread asks Python to raise the exception. In the browser
    (Pyodide) there are neither alarms nor threads: there is no limit, and the stop button helps.
    """
    main = threading.current_thread() is threading.main_thread()
    if main and hasattr(signal, "setitimer"):
        starter = _alarm
    elif _threads_start():
        starter = _timer
    else:
        starter = contextlib.nullcontext
    with starter(seconds):
        yield


@contextlib.contextmanager
def _alarm(seconds):
    def ring(signum, frame):
        raise TooLong

    kept = signal.signal(signal.SIGALRM, ring)
    # It rings again every second: a bare "except:" in a loop may swallow the first.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, kept)


@contextlib.contextmanager
def _timer(seconds):
    over, thread = threading.Event(), ctypes.c_ulong(threading.get_ident())

    def ring():
        wait = seconds
        while not over.wait(wait):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(TooLong))
            wait = 1.0

    ringer = threading.Thread(target=ring, daemon=True)
    ringer.start()
    try:
        yield
    finally:
        over.set()
        ringer.join()


def _threads_start():
    try:
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
    except RuntimeError:  # "can't start new thread"
        return False
    return True


@contextlib.contextmanager
def watched(seconds):
    """Limit the time, collect prints and warnings; yield ``(PrintLog, list of warnings)``."""
    log = PrintLog()
    with (
        warnings.catch_warnings(record=True) as warned,
        contextlib.redirect_stdout(log),
        time_limit(seconds),
    ):
        warnings.simplefilter("always")
        yield log, warned


def global_random_state():
    """Return the states of the two global generators, comparable with ``==``."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return random.getstate(), name, keys.tobytes(), tuple(rest)


def kept_arrays(arguments):
    """Return copies of the arrays among ``arguments``, a dict by name."""
    return {
        name: copy.deepcopy(value)
        for name, value in arguments.items()
        if isinstance(value, np.ndarray)
        or isinstance(value, (list, tuple))
        and all(isinstance(part, np.ndarray) for part in value)
    }


def same_arrays(kept, now):
    """Say whether an array, or a list of arrays, holds what it held."""
    if isinstance(kept, np.ndarray):
        return kept.shape == now.shape and np.array_equal(kept, now, equal_nan=True)
    return len(kept) == len(now) and all(map(same_arrays, kept, now))


def readers_frame(error, file):
    """Find the reader's own line in a traceback.

    Parameters
    ----------
    error : BaseException
    file : str
        The file, or the cell, that the answer was defined in.

    Returns
    -------
    number, text, function : int, str, str
        Of the deepest line in ``file``; where there is none, of the first outside this package.
        ``(0, "", "")`` where there is none at all.
    """
    frames = []
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if not code.co_filename.startswith(HERE):
            frames.append((code.co_filename, step.tb_lineno, code.co_name))
        step = step.tb_next
    own = [frame for frame in frames if frame[0] == file]
    if not frames:
        return 0, "", ""
    name, number, function = own[-1] if own else frames[0]
    return number, linecache.getline(name, number).strip(), function
