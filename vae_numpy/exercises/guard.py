"""Run a reader's code in the reader's own process, and survive it.

Not a sandbox: it protects from accidents, an endless loop, a flood of printing, a changed input or
setting, and not from malice. A loop is stopped between two steps of Python; a call that stays
inside compiled code (a huge matrix product, a numba function) is stopped only when it returns.
"""

import contextlib
import copy
import ctypes
import io
import linecache
import os
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import numpy as np

HERE = Path(__file__).parent
# The files whose frames are never stopped, so that what they have begun is always ended.
OURS = {
    str(HERE / f"{name}.py")
    for name in (
        "__init__",
        "answers",
        "compare",
        "general",
        "guard",
        "ladder",
        "recognise",
        "words",
    )
}
LONGEST_PRINT, LONGEST_TEXT = 20, 2000  # lines and characters of a print that are shown
PATIENCE = 4
AGAIN = 0.1  # seconds from one ring to the next


class PrintLog(io.TextIOBase):
    """Keep the beginning of what is printed and count the lines."""

    def __init__(self) -> None:
        self.kept, self.n_lines = "", 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if len(self.kept) < LONGEST_TEXT:
            self.kept = (self.kept + text)[:LONGEST_TEXT]
        self.n_lines += text.count("\n")
        return len(text)

    def lines(self) -> list[str]:
        """Return the kept lines, and one that says how many were cut.

        Returns
        -------
        list of str
        """
        lines = self.kept.splitlines()[:LONGEST_PRINT]
        if self.n_lines > len(lines):
            lines.append(f"... and {self.n_lines - len(lines):,} more lines, cut")
        elif len(self.kept) == LONGEST_TEXT:
            lines.append("... and more, cut")
        return lines


# Time -------------------------------------------------------------------------------------------

Place: TypeAlias = tuple[str, int, str]  # file, line, function


class Limit:
    """A time limit that holds in one thread: what has happened since the time was up."""

    def __init__(self) -> None:
        self.rings = 0
        self.to_go = 0  # lines until the trap shuts
        self.frames: list[Place] = []  # outermost first, at the first ring

    def ring(self, frame: FrameType | None) -> bool:
        """Note that time is up; say whether the thread may be stopped where it is.

        Parameters
        ----------
        frame : frame
            The innermost.

        Returns
        -------
        bool
        """
        if not _is_theirs(frame):
            return False
        # Each ring shuts the trap a line later than the last, in case that one was swallowed.
        self.to_go, self.rings = self.rings, self.rings + 1
        self.frames = self.frames or [
            (f.f_code.co_filename, f.f_lineno, f.f_code.co_name) for f in _theirs(frame)
        ]
        return True


_limits: dict[int, Limit | None] = {}  # by thread, while one holds


class TooLong(BaseException):
    """Time is up. Not an ``Exception``, so that ``except Exception`` in an answer lets it pass.

    A bare ``except:`` does not let it pass, and a loop around it would go on. So the exception sets
    a trap when it dies, as it does at the end of the block that swallowed it: the next line raises
    the next one. That line lies outside the ``try`` of the first, so each level of ``try`` is left
    after the other. Where the answer keeps it alive, the trap that its birth has set does it.
    """

    frames: Sequence[Place] = ()

    def __init__(self) -> None:
        super().__init__()
        self.limit = _limits.get(threading.get_ident())
        _set_trap(sys._getframe().f_back)

    def __del__(self) -> None:
        if self.limit and self.limit is _limits.get(threading.get_ident()):  # it still holds
            self.limit.to_go = 0
            _set_trap(sys._getframe().f_back)


def _is_theirs(frame):
    """Say whether the answer, or the check, runs in a frame: not we, nor what we have called."""
    if frame.f_code.co_filename in OURS | {contextlib.__file__}:
        return False
    while frame is not None and frame.f_code.co_filename not in OURS:
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename != __file__


def _theirs(frame):
    """Return the frames down to this one that are not ours, outermost first."""
    frames = []
    while frame is not None and frame.f_code.co_filename not in OURS:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _set_trap(frame):
    """Trace this thread, so that one of the answer's next lines raises ``TooLong``."""
    if _limits.get(threading.get_ident()):
        for theirs in _theirs(frame):
            theirs.f_trace = _trap
        sys.settrace(_trap)


def _trap(frame, event, arg):
    """Raise at a line; Python then takes the trap away."""
    limit = _limits.get(threading.get_ident())
    if limit is None or not _is_theirs(frame):
        return None
    if event == "line":
        limit.to_go -= 1
        if limit.to_go < 0:
            raise TooLong
    return _trap


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise ``TooLong`` in the calling thread after ``seconds``, whatever swallows it there.

    In the main thread of Linux and macOS an alarm does it, and counts the seconds that the thread
    computes, so that a busy machine does no harm; one who waits is stopped after ``PATIENCE`` times
    as long. In other threads and on Windows a timer thread asks Python to raise the exception. In
    the browser (Pyodide) there are neither alarms nor threads: no limit, and the stop button helps.

    Parameters
    ----------
    seconds : float

    Yields
    ------
    None

    Raises
    ------
    TooLong
        Once the block has ended, if time was up before.
    """
    main = threading.current_thread() is threading.main_thread()
    if main and hasattr(signal, "setitimer"):
        clock: Callable[[float], contextlib.AbstractContextManager[Any]] = _alarm
    elif _threads_start():
        clock = _timer
    else:
        clock = contextlib.nullcontext
    thread, tracer, limit = threading.get_ident(), sys.gettrace(), Limit()
    before, _limits[thread] = _limits.get(thread), limit
    try:
        with clock(seconds):
            yield
    except BaseException as error:
        # Once time was up, whatever came of an answer came of its being stopped.
        if not limit.rings or isinstance(error, (KeyboardInterrupt, GeneratorExit)):
            raise
    finally:
        _limits[thread] = before
        sys.settrace(tracer)
    if limit.rings:
        stopped = TooLong()
        stopped.frames = limit.frames
        raise stopped


@contextlib.contextmanager
def _alarm(seconds):
    limit = _limits[threading.get_ident()]
    computing, waiting = time.thread_time() + seconds, time.monotonic() + PATIENCE * seconds

    def ring(signum, frame):
        up = time.thread_time() >= computing or time.monotonic() >= waiting
        stop = up and limit.ring(frame)
        if stop:
            _set_trap(frame)
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
        if stop:
            raise TooLong

    kept = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, kept)


@contextlib.contextmanager
def _timer(seconds):
    over, thread = threading.Event(), threading.get_ident()
    limit = _limits[thread]

    def ask():
        what = ctypes.py_object(TooLong)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)

    def ring():
        wait = seconds
        while not over.wait(wait):
            if limit.ring(sys._current_frames()[thread]):
                ask()
            wait = AGAIN

    ringer = threading.Thread(target=ring, daemon=True)
    ringer.start()
    try:
        yield
    finally:
        over.set()
        ringer.join()
        if limit.rings:
            # What was asked for may not have come yet. There is room for one: ask, and it comes.
            # (To ask for none would leave CPython 3.11 looking for it for ever.)
            with contextlib.suppress(TooLong):
                ask()
                time.sleep(0)


def _threads_start():
    try:
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
    except RuntimeError:  # "can't start new thread"
        return False
    return True


# What an answer may touch -----------------------------------------------------------------------


def _working_directory():
    try:
        return os.getcwd()
    except FileNotFoundError:  # it was removed
        return None


def _set_working_directory(path):
    if path is not None:
        os.chdir(path)


def _set_environment(values):
    if os.environ != values:
        os.environ.clear()
        os.environ.update(values)


def _matplotlib():
    return getattr(sys.modules.get("matplotlib"), "rcParams", {})


def _set_streams(streams):
    sys.stdin, sys.stdout, sys.stderr = streams


# What belongs to the whole process, and so to the next answer too: how to read it, how to set it.
SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "NumPy's error state": (np.geterr, lambda kept: np.seterr(**kept)),
    "NumPy's print options": (np.get_printoptions, lambda kept: np.set_printoptions(**kept)),
    "np.random": (np.random.get_state, np.random.set_state),
    "random": (random.getstate, random.setstate),
    "recursion limit": (sys.getrecursionlimit, sys.setrecursionlimit),
    "working directory": (_working_directory, _set_working_directory),
    "environment": (lambda: dict(os.environ), _set_environment),
    "import path": (lambda: list(sys.path), lambda kept: sys.path.__setitem__(slice(None), kept)),
    "streams": (lambda: (sys.stdin, sys.stdout, sys.stderr), _set_streams),
    "matplotlib's rcParams": (
        lambda: dict.copy(_matplotlib()),
        lambda kept: dict.update(_matplotlib(), kept),
    ),
}


@contextlib.contextmanager
def settings_kept() -> Iterator[None]:
    """Give back ``SETTINGS`` and the filters of warnings as they were, whatever the block did.

    Yields
    ------
    None
    """
    kept = {name: read() for name, (read, _) in SETTINGS.items()}
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for name, (_, write) in SETTINGS.items():
            write(kept[name])


@contextlib.contextmanager
def watched(seconds: float) -> Iterator[tuple[PrintLog, list[warnings.WarningMessage]]]:
    """Limit the time, collect prints and warnings.

    What the block does to ``SETTINGS`` is undone; NumPy's error state is NumPy's own at first,
    so that our arithmetic does not raise because somebody called ``np.seterr``.

    Parameters
    ----------
    seconds : float

    Yields
    ------
    log : PrintLog
    warned : list of warnings.WarningMessage
    """
    log = PrintLog()
    with (
        settings_kept(),
        warnings.catch_warnings(record=True) as warned,
        np.errstate(all="warn", under="ignore"),
        contextlib.redirect_stdout(log),
        time_limit(seconds),
    ):
        warnings.simplefilter("always")
        yield log, warned


def global_random_state() -> tuple:
    """Return the states of the two global generators.

    Returns
    -------
    tuple
        Comparable with ``==``.
    """
    state: Any = np.random.get_state()  # noqa: NPY002 (the state that is watched)
    name, keys, *rest = state
    return random.getstate(), name, keys.tobytes(), tuple(rest)


def kept_arrays(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return copies of the arrays, and of the lists of arrays, among a call's arguments.

    Parameters
    ----------
    arguments : dict
        By name.

    Returns
    -------
    dict
        By name.
    """
    return {
        name: copy.deepcopy(value)
        for name, value in arguments.items()
        if isinstance(value, np.ndarray)
        or isinstance(value, (list, tuple))
        and all(isinstance(part, np.ndarray) for part in value)
    }


def same_arrays(kept: Any, now: Any) -> bool:
    """Say whether an array, or a list of arrays, holds what it held.

    Parameters
    ----------
    kept, now : array, or list of arrays
        The copy that ``kept_arrays`` made, and the argument after the call.

    Returns
    -------
    bool
    """
    if isinstance(kept, np.ndarray):
        return kept.shape == now.shape and np.array_equal(kept, now, equal_nan=True)
    return len(kept) == len(now) and all(map(same_arrays, kept, now))


def readers_frame(error: BaseException, file: str) -> tuple[int, str, str]:
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
    frames, step = list(getattr(error, "frames", ())), error.__traceback__
    while step is not None and not isinstance(error, TooLong):
        code = step.tb_frame.f_code
        frames.append((code.co_filename, step.tb_lineno, code.co_name))
        step = step.tb_next
    own = [frame for frame in frames if frame[0] == file]
    others = [frame for frame in frames if HERE not in Path(frame[0]).parents]
    if not own + others:
        return 0, "", ""
    name, number, function = own[-1] if own else others[0]
    return number, linecache.getline(name, number).strip(), function
