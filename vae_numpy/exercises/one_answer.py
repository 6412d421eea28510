"""Check answers that others wrote, each in a process of its own: the workers behind ``grade``.

A worker reads requests on its standard input, a line of JSON each, and writes a line for each. It
has imported all that a check needs, so that the process that it forks for an answer begins at once.
That process is shut in by ``isolation``, writes the student's file into a folder of its own, loads
it and runs the check; the worker watches it from outside, and ends it with all that it started.
"""

import functools
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vae_numpy import exercises, kernels
from vae_numpy.exercises import answers, guard, isolation
from vae_numpy.exercises.catalogue import chapters, find, modules_of

MISSING, STOPPED = "missing", "stopped"  # beside the states of a verdict
PROCESSES = 16  # that an answer may have at once
SPARE = 5  # seconds beyond those after which the answer is stopped from inside, by ``guard``
LONGEST_RESULT = 2**20
LOOK_EVERY = 0.05  # seconds


def examine_file(path: str, number: str) -> tuple[str, str]:
    """Load a file of answers and check one of them.

    Parameters
    ----------
    path : str
    number : str
        Of the exercise, ``"2.1"``.

    Returns
    -------
    state, line : str
        Those of the verdict; the state is "missing" where the file has no such function.
    """
    # A notebook checks and asks for hints as it goes; here that would be done for each exercise.
    for name in ("check", "hint", "progress", "reset", "solution", "stub"):
        setattr(exercises, name, lambda *arguments: None)
    names, faults = answers.load(path)
    exercise = find(number)
    if exercise.name not in names:
        return MISSING, "; ".join(map(str, faults)) or f"the file has no {exercise.name}"
    verdict = exercises.examine(number, names[exercise.name])
    return verdict.state, verdict.line


class Watched:
    """A process that checks one answer, seen from outside.

    Parameters
    ----------
    request : dict
        ``number``, ``name`` and ``text`` of the student's file, ``memory`` in bytes, and ``trust``:
        whether to run it where nothing can be isolated.
    folder : str
        An empty one, for it alone.
    """

    def __init__(self, request: dict[str, Any], folder: str) -> None:
        self.exercise = find(request["number"])
        self.said = b""
        reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(reading)
                _keep(request, self.exercise, folder, writing)
            finally:  # whatever happens, this process never becomes a second worker
                os._exit(1)
        os.close(writing)
        self.pipe = reading

    def result(self) -> dict[str, str]:
        """Wait for the end, or bring it about, and say what was found.

        Returns
        -------
        dict
            ``state`` and ``line``.
        """
        begun, allowed = time.monotonic(), guard.PATIENCE * self.exercise.seconds + SPARE
        stopped = ""
        while not (self._has_ended() or stopped):
            if time.monotonic() > begun + allowed:
                stopped = f"stopped after {allowed:g} seconds on the clock"
            elif (count := len(isolation.descendants())) > PROCESSES:
                stopped = f"stopped: it had started {count - 2} processes"
        isolation.end_all(self.pid)
        self._read()
        os.close(self.pipe)
        if stopped:
            return {"state": STOPPED, "line": stopped}
        try:
            first, *_ = self.said.splitlines()
            found = json.loads(first)
            return {"state": str(found["state"]), "line": str(found["line"])}
        except (ValueError, KeyError, TypeError):  # the pipe was written to, or the keeper ended
            return {"state": STOPPED, "line": "it ended the check, or wrote over its result"}

    def _has_ended(self):
        """Look after the result, wait a little, and say whether the keeper has ended."""
        if select.select([self.pipe], [], [], LOOK_EVERY)[0]:
            self._read()
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _read(self):
        while select.select([self.pipe], [], [], 0)[0]:
            piece = os.read(self.pipe, 65536)
            if not piece:
                time.sleep(LOOK_EVERY)  # all have closed it, and the keeper is about to end
                return
            self.said = (self.said + piece)[:LONGEST_RESULT]


def _keep(request, exercise, folder, result):
    """Shut this process in, fork the one that checks, and say how that ended if it could not."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    kind = isolation.isolate(folder)
    if kind == isolation.NONE and not request["trust"]:
        return _tell(result, STOPPED, "not run: it could not be isolated")
    isolation.end_with_parent()
    pid = os.fork()
    if pid == 0:
        try:
            isolation.end_with_parent()
            processes = PROCESSES if kind == isolation.NAMESPACES else None
            computing = int(exercise.seconds) + answers.SECONDS + SPARE
            isolation.limit(request["memory"], computing, processes)
            _answer(request, folder, result)
        finally:
            os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
    _tell(result, STOPPED, f"it ended Python before the check was over, {how}")


def _answer(request, folder, result):
    """Check, in the innermost process."""
    try:
        os.chdir(folder)
        os.environ |= {"HOME": folder, "TMPDIR": folder}
        tempfile.tempdir = None
        Path(request["name"]).write_text(request["text"], "utf-8")
        _tell(result, *examine_file(request["name"], request["number"]))
    except MemoryError:
        _tell(result, STOPPED, f"it needs more than {request['memory'] // 2**20:,} MB of memory")


def _tell(result, state, line):
    os.write(result, json.dumps({"state": state, "line": line}).encode() + b"\n")


def warm_up() -> None:
    """Import and compile what the checks use, once for all answers."""
    for chapter in chapters():
        modules_of(chapter, "check")
    kernels.warm_up()


def serve(read: Callable[[], str], write: Callable[[str], object]) -> None:
    """Answer requests until there are no more.

    Parameters
    ----------
    read, write : callable
        Take and give a line.
    """
    isolation.adopt_orphans()
    while line := read():
        folder = tempfile.mkdtemp(prefix="answer_")
        try:
            result = Watched(json.loads(line), folder).result()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        write(json.dumps(result) + "\n")


if __name__ == "__main__":
    warm_up()
    serve(sys.stdin.readline, functools.partial(print, end="", flush=True))
