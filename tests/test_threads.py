"""Small networks train on one BLAS thread, large ones on all; threadpoolctl says how many."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from vae_numpy.models import Autoencoder
from vae_numpy.threads import WORTH_THREADS, blas_threads


def threads():
    np.ones((2, 2)) @ np.ones((2, 2))  # so that BLAS is loaded
    counts = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    if not counts:
        pytest.skip("this NumPy's BLAS does not let its threads be counted")
    return max(counts)


def test_small_products_get_one_thread_and_large_ones_what_was_there():
    with threadpool_limits(2, "blas"):
        before = threads()
        with blas_threads(WORTH_THREADS):
            assert threads() == 1
        assert threads() == before
        with blas_threads(WORTH_THREADS + 1):
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
