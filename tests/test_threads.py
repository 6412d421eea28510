"""Who gets how many threads (threadpoolctl tells for BLAS)."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from naive import WITHOUT_JIT
from threadpoolctl import threadpool_info, threadpool_limits

from vae_numpy.inference import probabilistic_pca
from vae_numpy.kernels.threads import limit, n_threads, one_blas_thread
from vae_numpy.layers import Sequential
from vae_numpy.metrics import pca_spectrum
from vae_numpy.models import VAE, Autoencoder, LinearAutoencoder

DECOMPOSITIONS = {
    "svd": lambda X: LinearAutoencoder(5, solver="svd").fit(X).encoder_.W.value,
    "probabilistic_pca": lambda X: probabilistic_pca(X, 5).W,
    "pca_spectrum": pca_spectrum,
}


def n_blas_threads():
    np.ones((2, 2)) @ np.ones((2, 2))  # so that BLAS is loaded
    counts = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    if not counts:
        pytest.skip("this NumPy's BLAS does not let its threads be counted")
    return max(counts)


def test_blas_has_one_thread_inside_and_the_old_number_after():
    with threadpool_limits(2, "blas"):
        before = n_blas_threads()
        with one_blas_thread():
            assert n_blas_threads() == 1
        assert n_blas_threads() == before


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_blocks_that_overlap_give_back_the_old_number_whoever_ends_first(first_to_end):
    inside, seen = threading.Barrier(3, timeout=30), []
    may_end = [threading.Event(), threading.Event()]

    def block(i):
        with one_blas_thread():
            inside.wait()
            may_end[i].wait(30)

    with threadpool_limits(2, "blas"):
        blocks = [threading.Thread(target=block, args=(i,)) for i in range(2)]
        blocks[0].start()
        time.sleep(0.05)  # so that the first one begins first
        blocks[1].start()
        inside.wait()
        for i in (first_to_end, 1 - first_to_end):
            may_end[i].set()
            blocks[i].join(30)
            seen.append(n_blas_threads())
        assert seen == [1, 2]


def test_two_fits_at_a_time_give_back_the_threads():
    def fit(epochs):
        Autoencoder(1, (4,), max_iter=epochs).fit(np.eye(5))

    with threadpool_limits(2, "blas"):
        fits = [threading.Thread(target=fit, args=(epochs,)) for epochs in (400, 200)]
        for training in fits:
            training.start()
        for training in fits:
            training.join(60)
        assert n_blas_threads() == 2


@pytest.mark.parametrize("decompose", DECOMPOSITIONS.values(), ids=DECOMPOSITIONS)
def test_a_decomposition_has_the_same_bits_on_any_number_of_blas_threads(decompose):
    X = np.random.default_rng(1).normal(size=(1000, 300))
    bits = set()
    for n in (1, 2):
        with threadpool_limits(n, "blas"):
            bits.add(decompose(X).tobytes())
    assert len(bits) == 1


def test_using_a_model_sees_one_thread(monkeypatch):
    seen = []
    model = VAE(1, (4,), max_iter=1).fit(np.eye(5))
    forward = Sequential.forward
    monkeypatch.setattr(
        Sequential, "forward", lambda *a, **k: seen.append(n_blas_threads()) or forward(*a, **k)
    )
    with threadpool_limits(2, "blas"):
        for use in (model.transform, model.reconstruct, model.score, model.log_likelihood):
            use(np.eye(5))
        assert set(seen) == {1} and n_blas_threads() == 2


@pytest.mark.parametrize("name", ["NUMBA_NUM_THREADS", "OMP_NUM_THREADS"])
def test_the_environment_limits_the_threads(name):
    code = "from vae_numpy.kernels.threads import n_threads; print(n_threads())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, name: "1"}, capture_output=True, text=True
    )
    assert done.stdout == "1\n", done.stderr


def test_a_limit_holds_for_its_own_thread_only():
    seen = []
    with limit(n_threads() + 3):
        other = threading.Thread(target=lambda: seen.append(n_threads()))
        other.start()
        other.join()
    assert seen == [n_threads()]


def test_the_threads_are_given_back_when_training_fails():
    def fail(model):
        raise RuntimeError("stop")

    with threadpool_limits(2, "blas"):
        before = n_blas_threads()
        with pytest.raises(RuntimeError, match="stop"):
            Autoencoder(1, (4,), callbacks=[fail]).fit(np.eye(5))
        assert n_blas_threads() == before


def test_a_training_sees_one_thread():
    seen = []
    Autoencoder(1, (4,), max_iter=1, callbacks=[lambda model: seen.append(n_blas_threads())]).fit(
        np.eye(5)
    )
    assert seen == [1]


def test_a_limit_ends_with_its_block_and_names_what_is_wrong():
    before = n_threads()
    with limit(before + 3):
        assert n_threads() == before + 3
    assert n_threads() == before
    with pytest.raises(ValueError, match="n must be"), limit(0):
        pass


# Large enough that products, convolutions, loss and optimiser are all shared where numba is.
TRAINING = {"activation": "relu", "batch_size": 64, "max_iter": 2, "random_state": 0}
PICTURES = {"image_shape": (28, 28), "conv_channels": (16, 32)}
MODELS = {
    "autoencoder": Autoencoder(4, (400,), **TRAINING),
    "VAE": VAE(4, (400,), likelihood="bernoulli", **TRAINING),
    "convolutional VAE": VAE(4, (400,), likelihood="bernoulli", **PICTURES, **TRAINING),
}


def hash_of_a_fit(name, white=0.3):
    X = (np.random.default_rng(0).random((128, 784)) < white).astype(np.float32)
    weights = [p.value.tobytes() for p in MODELS[name].fit(X)._parameters()]
    return hashlib.sha256(b"".join(weights)).hexdigest()


def hashes_of_fits():
    return [*map(hash_of_a_fit, MODELS), hash_of_a_fit("VAE", white=0.04)]


compiled = pytest.mark.skipif(WITHOUT_JIT, reason="nothing is shared then")


@compiled
@pytest.mark.parametrize("name", MODELS)
def test_a_training_has_the_same_bits_on_any_number_of_threads(name):
    hashes = set()
    for n in (1, 2, 3, 4):
        with limit(n):
            hashes.add(hash_of_a_fit(name))
    assert len(hashes) == 1


@compiled
def test_a_training_on_what_is_mostly_zero_has_the_same_bits_on_any_number_of_threads():
    hashes = set()
    for n in (1, 2, 3):
        with limit(n):
            hashes.add(hash_of_a_fit("VAE", white=0.04))
    assert len(hashes) == 1


@compiled
def test_a_training_has_the_same_bits_in_two_processes_at_a_time(tmp_path):
    """One of them compiles all that it needs, the other finds it on the disk."""
    code = "from test_threads import *; print(*hashes_of_fits())"
    folders = os.pathsep.join(map(str, (Path(__file__).parent, Path(__file__).parents[1])))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={
                **os.environ,
                **cache,
                "PYTHONPATH": folders,
                "OMP_NUM_THREADS": n,
                "PYTHONHASHSEED": n,
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        for n, cache in (("1", {}), ("2", {"NUMBA_CACHE_DIR": str(tmp_path)}))
    ]
    printed = [process.communicate()[0].split() for process in processes]
    assert printed == [hashes_of_fits()] * 2
