"""Threads that share a compiled kernel's work, and stay awake for a moment between two jobs.

A sleeping thread takes some 50 microseconds to wake, as long as a small product takes, and waiting
for Python's lock is a sleep too. So a thread takes that lock only when no other wants it:

- a shared kernel starts with ``begin(turn)``, which calls the workers: by then the thread that
  shares has released the lock, and they can take it to fetch their jobs;
- it stops with ``end(turn)``: the thread that shares waits for its workers there, and a worker
  looks out for the next call for about a millisecond before it goes back to Python and to sleep.

These two are compiled and stand with the kernels. Here is what Python does around them.
"""

import os
import threading
import time
from itertools import count
from queue import SimpleQueue

import numpy as np

from vae_numpy.threads import n_threads

MOST = 64  # workers
LINE = 8  # numbers in a cache line; a line that two threads write to travels between their cores

# For each worker a line with the number of the last job that it was called for, and one with the
# number of the last that it has done.
_board = np.zeros(MOST * 2 * LINE, np.int64)

# A turn says (board, number of the job, which worker this is or -1, how many workers it calls).
ALONE = (_board, 0, -1, 0)


class Workers:
    """Share work among threads, which are started when they are first needed.

    Parameters
    ----------
    end : callable
        The compiled ``end``.
    """

    def __init__(self, end):
        self._end = end
        self._threads = {}
        self._numbers = count(1)
        self._busy = threading.Lock()

    def share(self, work, size, *, grain, most=None):
        """Call ``work(start, stop, turn)`` for parts of range(size), each on a thread of its own.

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
        grains = max(1, size // grain)
        n_parts = max(1, min(grains, n_threads(), MOST, grains if most is None else most))
        # Who finds the workers busy with another thread's job does its own alone.
        if n_parts == 1 or not self._busy.acquire(blocking=False):
            work(0, size, ALONE)
            return
        try:
            cuts = [*(grains * part // n_parts * grain for part in range(n_parts)), size]
            threads = [self._thread(i) for i in range(n_parts - 1)]
            job, n_started = next(self._numbers), 0
            try:
                for i, thread in enumerate(threads):
                    thread.jobs.put((work, cuts[i + 1], cuts[i + 2], (_board, job, i, 0)))
                    n_started += 1
                work(0, cuts[1], (_board, job, -1, n_started))
            finally:
                while not self._end((_board, job, -1, n_started)):
                    time.sleep(1e-4)  # another program has taken a core
        finally:
            self._busy.release()
        for thread in threads:
            thread.raise_error()

    def _thread(self, i):
        # A process that was forked has not inherited the threads: it makes new ones.
        key = os.getpid(), i
        if key not in self._threads:
            self._threads[key] = _Worker(self._end)
        return self._threads[key]


class _Worker:
    def __init__(self, end):
        self.jobs, self._error, self._end = SimpleQueue(), None, end
        threading.Thread(target=self._live, name="vae_numpy", daemon=True).start()

    def _live(self):
        while True:
            self._do(*self.jobs.get())

    def _do(self, work, start, stop, turn):
        try:
            work(start, stop, turn)
        except BaseException as error:
            self._error = error
        self._end(turn)  # for work that does not say so itself, or has failed

    def raise_error(self):
        error, self._error = self._error, None
        if error is not None:
            raise error
