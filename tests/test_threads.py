"""Who gets how many threads (threadpoolctl tells for BLAS), and how our own share work."""

import os
import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from vae_numpy.models import Autoencoder
from vae_numpy.threads import BLAS_THREADS, OWN_PRODUCT, blas_threads, limit, n_threads, share


def threads():
    np.ones((2, 2)) @ np.ones((2, 2))  # so that BLAS is loaded
    counts = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    if not counts:
        pytest.skip("this NumPy's BLAS does not let its threads be counted")
    return max(counts)


def test_blas_gets_threads_in_the_middle_only():
    with threadpool_limits(2, "blas"):
        before = threads()
        for multiplications in (1, BLAS_THREADS - 1, OWN_PRODUCT, 2**40):
            with blas_threads(multiplications):
                assert threads() == 1
            assert threads() == before
        for multiplications in (BLAS_THREADS, OWN_PRODUCT - 1):
            with blas_threads(multiplications):
                assert threads() == before


def test_the_threads_are_given_back_when_training_fails():
    def fail(model):
        raise RuntimeError("stop")

    with threadpool_limits(2, "blas"):
        before = threads()
        with pytest.raises(RuntimeError, match="stop"):
            Autoencoder(1, (4,), callbacks=[fail]).fit(np.eye(5))
        assert threads() == before


def test_a_training_sees_one_thread():
    seen = []
    Autoencoder(1, (4,), max_iter=1, callbacks=[lambda model: seen.append(threads())]).fit(
        np.eye(5)
    )
    assert seen == [1]


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 15, 16, 17, 100, 1000])
def test_shared_parts_cover_everything_once_and_begin_at_the_grain(n, size):
    parts = []
    with limit(n):
        share(lambda start, stop: parts.append((start, stop)), size, grain=16)
    assert len(parts) <= n
    assert sorted(i for start, stop in parts for i in range(start, stop)) == list(range(size))
    assert all(start % 16 == 0 for start, _ in parts)


def test_parts_run_at_the_same_time_on_threads_of_their_own():
    meeting = threading.Barrier(3, timeout=30)  # passes only if three are inside together
    names = set()

    def work(start, stop):
        meeting.wait()
        names.add(threading.current_thread().name)

    with limit(3):
        share(work, 3, grain=1)
    assert len(names) == 3


@pytest.mark.parametrize("bad", [0, 1])  # our own part, another thread's
def test_an_error_in_a_part_reaches_the_caller_after_the_others_ended(bad):
    done = []

    def work(start, stop):
        if start == bad:
            raise RuntimeError("broken part")
        done.append(start)

    with limit(2), pytest.raises(RuntimeError, match="broken part"):
        share(work, 2, grain=1)
    assert done == [1 - bad]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_makes_threads_of_its_own():
    with limit(2):
        share(lambda start, stop: None, 2, grain=1)  # the parent has its threads now
        child = os.fork()
        if child == 0:
            sums = []
            share(lambda start, stop: sums.append(stop - start), 10, grain=1)
            os._exit(0 if sum(sums) == 10 else 1)
        assert os.waitpid(child, 0)[1] == 0


def test_a_limit_ends_with_its_block_and_names_what_is_wrong():
    before = n_threads()
    with limit(before + 3):
        assert n_threads() == before + 3
    assert n_threads() == before
    with pytest.raises(ValueError, match="n must be"), limit(0):
        pass
