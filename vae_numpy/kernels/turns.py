"""Turns: how a compiled kernel that is shared among threads begins and ends.

``workers`` says why. A turn is (board, number of the job, which worker this is or -1, how many
workers it calls).
"""

import os
from collections.abc import Callable

import numba
import numba.extending

from vae_numpy.kernels.jit import element, jit
from vae_numpy.kernels.workers import ALONE, LINE, Work, Workers


@numba.extending.intrinsic
def _read(_, board, i):
    """Read a number that another thread may have changed since the last look."""

    def emit(context, builder, signature, arguments):
        place = element(context, builder, signature, arguments, 0)
        return builder.load_atomic(place, "acquire", 8)

    return numba.types.int64(board, i), emit


@numba.extending.intrinsic
def _write(_, board, i, number):
    """Write a number; who reads it sees all that this thread wrote before."""

    def emit(context, builder, signature, arguments):
        place = element(context, builder, signature, arguments, 0)
        builder.store_atomic(arguments[2], place, "release", 8)
        return context.get_dummy_value()

    return numba.types.void(board, i, number), emit


_let_others_run = numba.types.ExternalFunction(
    "SwitchToThread" if os.name == "nt" else "sched_yield", numba.types.int32()
)


@jit
def _wait_for(board, i, number):
    patience = 2**22  # looks, about a millisecond
    while patience and _read(board, i) < number:
        patience -= 1
        if patience % 1024 == 0:  # the awaited thread may need this core
            _let_others_run()
    return patience > 0


@jit
def begin(turn):
    """Call the workers, if this thread has any."""
    board, job, _, n_workers = turn
    for worker in range(n_workers):
        _write(board, 2 * LINE * worker, job)


@jit
def end(turn):
    """Wait for one's workers, or, as a worker, report and look out for the next call.

    Returns
    -------
    bool
        Whether all workers are done.
    """
    board, job, me, n_workers = turn
    done = True
    for worker in range(n_workers):
        done &= _wait_for(board, 2 * LINE * worker + LINE, job)
    if me >= 0 and _read(board, 2 * LINE * me + LINE) < job:
        _write(board, 2 * LINE * me + LINE, job)
        _wait_for(board, 2 * LINE * me, job + 1)
    return done


def _alone(work: Work, size: int, **_: object) -> None:
    work(0, size, ALONE)


# Without compiled code nothing would release Python's lock.
share: Callable[..., None] = _alone if numba.config.DISABLE_JIT else Workers(end).share
