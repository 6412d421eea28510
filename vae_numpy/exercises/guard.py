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
import time
import warnings
from pathlib import Path

import numpy as np

HERE = str(Path(__file__).parent)
LONGEST_PRINT, LONGEST_TEXT = 20, 2000  # lines and characters of a print that are shown
PATIENCE = 6


class TooLong(BaseException):
    """Time is up. Not an ``Exception``, so that ``except Exception`` in an answer lets it pass."""


class PrintLog(io.TextIOBase):
    """Keep the beginning of what is printed and count the lines."""

    def __init__(self):
        self.kept, self.n_lines = "", 0

    def writable(self):
        return True

    def write(self, text):
        if len(self.kept) < LONGEST_TEXT:
            self.kept = (self.kept + text)[:LONGEST_TEXT]
        self.n_lines += text.count("\n")
        return len(text)

    def lines(self):
        """Return the kept lines, and one that says how many were cut."""
        lines = self.kept.splitlines()[:LONGEST_PRINT]
        if self.n_lines > len(lines):
            lines.append(f"... and {self.n_lines - len(lines):,} more lines, cut")
        elif len(self.kept) == LONGEST_TEXT:
            lines.append("... and more, cut")
        return lines


@contextlib.contextmanager
def time_limit(seconds):
    """Raise ``TooLong`` in the calling thread after ``seconds``.

    In the main thread of Linux and macOS an alarm does it, and counts the seconds that the thread
    computes, so that a busy machine does no harm; one who waits is stopped after ``PATIENCE`` times
    as long. In other threads and on Windows a timer thread asks Python to raise the exception. In
    the browser (Pyodide) there are neither alarms nor threads: no limit, and the stop button helps.
    """
    main = threading.current_thread() is threading.main_thread()
    if main and hasattr(signal, "setitimer"):
        limit = _alarm
    elif _threads_start():
        limit = _timer
    else:
        limit = contextlib.nullcontext
    with limit(seconds):
        yield


@contextlib.contextmanager
def _alarm(seconds):
    computing, waiting = time.thread_time() + seconds, time.monotonic() + PATIENCE * seconds

    def ring(signum, frame):
        if time.thread_time() >= computing or time.monotonic() >= waiting:
            raise TooLong

    kept = signal.signal(signal.SIGALRM, ring)
    # It rings again and again: a bare "except:" in a loop may swallow the first.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)
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
            wait = 0.5

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
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 (the state that is watched)
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
