"""How many threads compute, and on what.

OpenBLAS shares a product among all cores and has its threads wait for the next one by spinning.
With its threads and those of a second pool in turns, a training step was measured to take ten
times as long. So there is one pool, ours (``vae_numpy.kernels.workers``):

- small products go to BLAS, on one thread;
- larger ones are computed by our own product and shared among threads, as are the Bernoulli loss
  and the optimiser's step.

Where one ends and the other begins was measured on two cores and depends on the shapes alone, never
on timing. The result has the same bits however many threads there are.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import joblib
from threadpoolctl import OpenBLASController, ThreadpoolController

from vae_numpy.utils import check_integer

# In multiplications of a product. A core does some 2^36 of them in a second.
OWN_PRODUCT = 2**22  # from here on training uses our own product
A_THREAD = 2**21  # what keeps a thread busy for long enough to be worth it


def own_product(multiplications: int) -> bool:
    """Say whether a layer with a product of that size is computed by our own product."""
    return multiplications >= OWN_PRODUCT


@cache
def _cores() -> int:
    # joblib knows what this process may use: its cores, and a container's share of them. Who starts
    # several processes, joblib's own pool among them, says in the environment what each may use.
    settings = (os.environ.get(name, "") for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"))
    return min([joblib.cpu_count(), *(int(n) for n in settings if n.isdecimal() and int(n) > 0)])


_limit: ContextVar[int | None] = ContextVar("limit", default=None)


def n_threads() -> int:
    """Say how many threads share a large product: one a core, unless ``limit`` says otherwise.

    The environment's ``NUMBA_NUM_THREADS`` and ``OMP_NUM_THREADS`` are obeyed.
    """
    return _limit.get() or _cores()


@contextmanager
def limit(n: int) -> Iterator[None]:
    """Let our own kernels use ``n`` threads inside a ``with`` block, for this thread of Python.

    Raises
    ------
    ValueError, TypeError
        If ``n`` is no integer of at least 1.
    """
    check_integer("n", n, minimum=1)
    token = _limit.set(n)
    try:
        yield
    finally:
        _limit.reset(token)


@cache
def _controller() -> ThreadpoolController:
    # Looking for the loaded libraries takes milliseconds: once is enough.
    return ThreadpoolController()


_counting = threading.Lock()
_blocks = 0  # that are open
_limits: Any = None  # threadpoolctl's, to be given back


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS use one thread inside a ``with`` block.

    That number is one for the whole process. So where blocks of several threads of Python overlap,
    the last one to end gives back what the first one found.
    """
    global _blocks, _limits
    with _counting:
        if _blocks == 0:
            with _in_control():
                _limits = _controller().limit(limits=1, user_api="blas")
        _blocks += 1
    try:
        yield
    finally:
        with _counting:
            _blocks -= 1
            if _blocks == 0:
                with _in_control():
                    _limits.restore_original_limits()


@contextmanager
def _in_control() -> Iterator[None]:
    # threadpoolctl 3.8 obeys only the thread that was the first to set a number, until that thread
    # has given it back: in silence it does nothing for any other.
    forget_the_first = getattr(OpenBLASController, "clear_controlling_thread", lambda force: None)
    forget_the_first(force=True)
    yield
    forget_the_first(force=True)
