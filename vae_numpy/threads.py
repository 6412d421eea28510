"""How many threads compute, and what they share.

OpenBLAS shares a product among all cores and has its threads wait for the next one by spinning,
which keeps the cores busy: for small products there is little to gain, and whatever else runs on
those cores meanwhile, another program or our own passes, is slowed down. With its threads and
those of a second pool in turns, a training step was measured to take ten times as long. So:

- while products are small, BLAS gets one thread;
- in the middle, BLAS gets all cores, and the compiled passes stay on one;
- networks with large products use our own product, whose threads sleep while they wait, and which
  can share the optimiser's step as well; BLAS gets one thread for what is left to it.

Where one ends and the next begins was measured on two cores and depends on the shapes alone, never
on timing, so that the same training gives the same bits however busy the machine is.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache

from threadpoolctl import ThreadpoolController

from vae_numpy.utils import check_integer

# In multiplications of a product. A core does some 2^35 of them in a second.
BLAS_THREADS = 2**25  # from here on BLAS may use threads
OWN_PRODUCT = 2**26  # from here on training uses our own product
WORTH_SHARING = 2**24  # from here on our own product is shared among threads


def own_product(multiplications):
    """Say whether a layer with a product of that size is computed by our own product."""
    return multiplications >= OWN_PRODUCT


@cache
def _cores():
    # those that this process may use, where the system tells
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_limit = None


def n_threads():
    """Say how many threads share a large product: one a core, unless ``limit`` says less."""
    return _limit or _cores()


@contextmanager
def limit(n):
    """Let our own kernels use ``n`` threads inside a ``with`` block.

    Raises
    ------
    ValueError, TypeError
        If ``n`` is no integer of at least 1.
    """
    global _limit
    check_integer("n", n, minimum=1)
    before, _limit = _limit, n
    try:
        yield
    finally:
        _limit = before


def share(work, size, *, grain):
    """Call ``work(start, stop)`` for parts of range(size), each on a thread of its own.

    ``work`` has to release Python's lock, as compiled kernels do, to gain from it.

    Parameters
    ----------
    work : callable
    size : int
    grain : int
        Parts begin at its multiples.
    """
    grains, threads = -(-size // grain), n_threads()
    cuts = [min(size, grains * t // threads * grain) for t in range(threads + 1)]
    own, *others = [(a, b) for a, b in zip(cuts, cuts[1:], strict=False) if a < b]
    running = [_pool(os.getpid(), threads).submit(work, *part) for part in others]
    try:
        work(*own)
    finally:
        for future in running:
            future.result()


@cache
def _pool(process, threads):
    # A process that was forked has not inherited the threads: it makes new ones.
    return ThreadPoolExecutor(max_workers=threads, thread_name_prefix="vae_numpy")


@cache
def _controller():
    # Looking for the loaded libraries takes milliseconds: once is enough.
    return ThreadpoolController()


def blas_threads(multiplications):
    """Make a context in which BLAS has the threads that suit a network.

    Parameters
    ----------
    multiplications : int
        In the largest product.
    """
    if BLAS_THREADS <= multiplications < OWN_PRODUCT:
        return nullcontext()
    return _controller().limit(limits=1, user_api="blas")
