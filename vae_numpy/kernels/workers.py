"""Threads that share a compiled kernel's work, and stay awake for a moment between two jobs.

A sleeping thread takes some 50 microseconds to wake, as long as a small product takes, and waiting
for Python's lock is a sleep too. So a thread takes that lock only when no other wants it:

- a shared kernel starts with ``begin(turn)``, which calls the workers: by then the thread that
  shares has released the lock, and they can take it to fetch their jobs;
- it stops with ``end(turn)``: the thread that shares waits for its workers there, and a worker
  looks out for the next call for about a millisecond before it goes back to Python and to sleep.

These two are compiled and stand in ``turns``. Here is what Python does around them.
"""

import os
import threading
import time
from collections.abc import Callable
from itertools import count
from queue import SimpleQueue
from typing import TypeAlias

import numpy as np

from vae_numpy._types import IntArray
from vae_numpy.kernels.threads import n_threads

MOST = 64  # workers
LINE = 8  # numbers in a cache line; a line that two threads write to travels between their cores

# For each worker a line with the number of the last job that it was called for, and one with the
# number of the last that it has done.
_board = np.zeros(MOST * 2 * LINE, np.int64)

# (board, number of the job, which worker this is or -1, how many workers it calls)
Turn: TypeAlias = tuple[IntArray, int, int, int]
ALONE: Turn = (_board, 0, -1, 0)

Work: TypeAlias = Callable[[int, int, Turn], object]  # (start, stop, turn)
End: TypeAlias = Callable[[Turn], bool]


class Workers:
    """Share work among threads, which are started when they are first needed.

    Parameters
    ----------
    end : callable
        The compiled ``end``.
    """

    def __init__(self, end: End) -> None:
        self._end = end
        self._numbers = count(1)
        self._forget()
        if hasattr(os, "register_at_fork"):  # a process that was forked has not inherited threads
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._workers: list[_Worker] = []
        self._owner: dict[str, int] = {}

    def share(self, work: Work, size: int, *, grain: int, most: int | None = None) -> None:
        """Call ``work(start, stop, turn)`` for parts of range(size), each on a thread of its own.

        It returns, or raises the first error of a part, when all parts have ended.

        Parameters
        ----------
        work : callable
            Calls a compiled kernel that begins and ends with its ``turn``. Any other function is
            called as well, but its parts may start a millisecond late.
        size : int
        grain : int
            Parts begin at its multiples and are no smaller, unless there is only one.
        most : int or None
            Parts at most; as many as there are threads by default.
        """
        grains = size // grain
        n_parts = grains if most is None else min(grains, most)
        if n_parts > 1:  # else nobody need know how many threads there are, as in a small step
            n_parts = min(n_parts, n_threads(), MOST)
        if n_parts <= 1:
            work(0, size, ALONE)
            return
        me = threading.get_ident()
        try:
            # Who finds the workers busy with another thread's job does its own alone. (Not a lock:
            # an interruption just after it was taken would leave it locked.)
            if self._owner.setdefault("thread", me) == me:
                self._share(work, [grains * i // n_parts * grain for i in range(n_parts)] + [size])
            else:
                work(0, size, ALONE)
        finally:
            if self._owner.get("thread") == me:
                self._owner.clear()

    def _share(self, work: Work, cuts: list[int]) -> None:
        number = next(self._numbers)
        jobs: list[tuple[_Worker, _Job]] = []
        errors: list[BaseException] = []
        while len(self._workers) < len(cuts) - 2:
            self._workers.append(_Worker(self._end))
        parts = zip(self._workers, cuts[1:], cuts[2:], strict=False)
        try:
            for i, (worker, start, stop) in enumerate(parts):
                jobs.append((worker, _Job(work, start, stop, (_board, number, i, 0), errors)))
                worker.jobs.put(jobs[-1][1])
            work(0, cuts[1], (_board, number, -1, len(jobs)))
        except BaseException as error:
            errors.insert(0, error)
            for worker, job in jobs:  # it may have come before the job was put; none is done twice
                worker.jobs.put(job)
        while True:
            try:
                while not self._end((_board, number, -1, len(jobs))):
                    time.sleep(1e-4)  # another program has taken a core
                break
            except BaseException as interruption:  # the parts must not go on behind our back
                errors.insert(0, interruption)
        if errors:
            raise errors[0]


class _Worker:
    def __init__(self, end: End) -> None:
        self.jobs: SimpleQueue[_Job] = SimpleQueue()
        self._end = end
        threading.Thread(target=self._live, name="vae_numpy", daemon=True).start()

    def _live(self) -> None:
        while True:
            self.jobs.get().do(self._end)


class _Job:
    def __init__(
        self, work: Work, start: int, stop: int, turn: Turn, errors: list[BaseException]
    ) -> None:
        self.work: Work | None = work
        self.part, self.errors = (start, stop, turn), errors

    def do(self, end: End) -> None:
        work, self.work = self.work, None
        if work is None:
            return
        try:
            work(*self.part)
        except BaseException as error:
            self.errors.append(error)
        end(self.part[-1])  # for work that does not say so itself, or has failed
