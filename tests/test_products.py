"""The ladder of matrix products against exact arithmetic, and its bits against thread counts."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import DTYPES, LAYOUTS

numba = pytest.importorskip("numba", reason="the ladder of products needs numba")

from vae_numpy.kernels import product  # noqa: E402  (after the check that it can be)
from vae_numpy.kernels.threads import limit  # noqa: E402

RUNGS = [
    "product_ijk",
    "product_ikj",
    "product_registers",
    "product_tiles",
    "product_packed",
    "product",
]
ORIENTATIONS = ["X @ W", "X.T @ dY", "dY @ W.T"]
SMALL = numba.config.DISABLE_JIT  # without the JIT the loops run in Python

rungs = pytest.mark.parametrize("rung", RUNGS)
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)
orientations = pytest.mark.parametrize("orientation", ORIENTATIONS)

# Around the sizes at which something changes: 4 rows, 8 rows, tiles of 16 and 32 columns.
EDGES = [
    (1, 1, 1),
    (1, 5, 7),
    (5, 1, 9),
    (3, 4, 1),
    (4, 8, 16),
    (7, 9, 31),
    (9, 16, 33),
    (17, 3, 65),
]
# Around those of a batch beside weights that are not packed: 16 and 32 rows, 64 columns.
BATCHES = [(32, 40, 33), (30, 33, 71), (16, 17, 130), (64, 70, 64)]
# (batch, n_in, n_out) that need several slabs, tasks or blocks
LARGE = [(64, 64, 64), (300, 70, 90), (70, 1100, 40), (33, 530, 260), (600, 20, 20)]
LARGE += [(64, 530, 150), (160, 200, 1100), (256, 300, 257)]


def operands(orientation, shape, draw):
    """Return the two factors as backpropagation has them: transposes are views."""
    n, n_in, n_out = shape
    X, W, dY = draw((n, n_in)), draw((n_in, n_out)), draw((n, n_out))
    return {"X @ W": (X, W), "X.T @ dY": (X.T, dY), "dY @ W.T": (dY, W.T)}[orientation]


def assert_rounded(got, A, B):
    """Each entry is within n eps |A||B| of float64's product (Higham 2002, eq. 3.13)."""
    depth, eps = A.shape[1], np.finfo(A.dtype).eps
    assert got.dtype == A.dtype and got.shape == (len(A), B.shape[1])
    A, B = A.astype(np.float64), B.astype(np.float64)
    assert np.all(np.abs(got - A @ B) <= 2 * (depth + 1) * eps * (np.abs(A) @ np.abs(B)))


def naive_product(A, B):
    A, B = A.tolist(), B.T.tolist()
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in B] for row in A]


@rungs
@dtypes
@orientations
def test_exact_on_small_integers(rung, dtype, orientation):
    rng = np.random.default_rng(0)
    for shape in EDGES:
        A, B = operands(orientation, shape, lambda s: rng.integers(-9, 10, s).astype(dtype))
        got = getattr(product, rung)(A, B)
        assert got.dtype == dtype
        assert got.tolist() == naive_product(A, B)


@pytest.mark.skipif(SMALL, reason="too slow without the JIT")
@rungs
@dtypes
@orientations
def test_rounding_stays_within_the_bound(rung, dtype, orientation):
    rng = np.random.default_rng(1)
    for shape in LARGE:
        A, B = operands(orientation, shape, lambda s: rng.normal(size=s).astype(dtype))
        assert_rounded(getattr(product, rung)(A, B), A, B)


side = st.integers(1, 6 if SMALL else 70)


@rungs
@given(shape=st.tuples(side, side, side), seed=st.integers(0, 2**32 - 1))
def test_any_shape(rung, shape, seed):
    rng = np.random.default_rng(seed)
    for orientation in ORIENTATIONS:
        A, B = operands(orientation, shape, lambda s: rng.normal(size=s).astype(np.float32))
        assert_rounded(getattr(product, rung)(A, B), A, B)


@rungs
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout(rung, layout):
    rng = np.random.default_rng(2)
    for shape in [(5, 6, 7), (9, 16, 33)]:
        A, B = operands("X @ W", shape, lambda s: rng.normal(size=s).astype(np.float32))
        kept = A.copy(), B.copy()
        for left, right in [(LAYOUTS[layout](A), B), (A, LAYOUTS[layout](B))]:
            assert_rounded(getattr(product, rung)(left, right), A, B)
        assert np.array_equal(A, kept[0]) and np.array_equal(B, kept[1])


@rungs
@dtypes
@pytest.mark.parametrize("shape", [(0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 0, 0)])
def test_empty(rung, dtype, shape):
    m, depth, n = shape
    got = getattr(product, rung)(np.ones((m, depth), dtype), np.ones((depth, n), dtype))
    assert got.dtype == dtype
    assert np.array_equal(got, np.zeros((m, n)))


@rungs
@orientations
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_reach_exactly_the_entries_they_belong_to(rung, orientation, bad):
    rng = np.random.default_rng(3)
    for shape in [(5, 3, 7), (9, 16, 33)]:
        A, B = operands(orientation, shape, lambda s: rng.uniform(1, 2, s).astype(np.float32))
        A[-1, -1] = bad  # in the last row, where tiles hang over the edge
        got = getattr(product, rung)(A, B)
        assert np.all(np.isfinite(got[:-1]))
        np.testing.assert_array_equal(got[-1], np.full(B.shape[1], bad))
        A[-1, -1], B[0, -1] = 1, bad  # in the last column
        got = getattr(product, rung)(A, B)
        assert np.all(np.isfinite(got[:, :-1]))
        np.testing.assert_array_equal(got[:, -1], np.full(len(A), bad))


@pytest.mark.skipif(SMALL, reason="too slow without the JIT")
@dtypes
@orientations
def test_the_same_bits_on_any_number_of_threads(dtype, orientation):
    rng = np.random.default_rng(4)
    for shape in [
        (128, 784, 400),
        (1000, 640, 50),
        (301, 429, 277),
        (64, 1024, 512),
        (96, 777, 999),
    ]:
        A, B = operands(orientation, shape, lambda s: rng.normal(size=s).astype(dtype))
        bits = set()
        for n_threads in (1, 2, 3):
            with limit(n_threads):
                bits.add(product.product(A, B).tobytes())
        assert len(bits) == 1
        assert_rounded(product.product(A, B), A, B)


@dtypes
@orientations
def test_what_is_done_beside_the_product(dtype, orientation):
    """Adding to what is there, a bias, relu, in whole tiles and at the edges, exactly."""
    rng = np.random.default_rng(5)
    for shape in [*EDGES, *BATCHES] if SMALL else [*EDGES, *BATCHES, (70, 300, 90)]:
        A, B = operands(orientation, shape, lambda s: rng.integers(-9, 10, s).astype(dtype))
        before = rng.integers(-9, 10, (len(A), B.shape[1])).astype(dtype)
        bias = rng.integers(-9, 10, B.shape[1]).astype(dtype)
        want = np.array(naive_product(A, B))
        for options, expected in [
            ({}, want),
            ({"add": True}, before + want),
            ({"bias": bias}, want + bias),
            ({"bias": bias, "relu": True}, np.maximum(want + bias, 0)),
            ({"relu": True}, np.maximum(want, 0)),
        ]:
            apart = np.zeros((len(A), 2 * B.shape[1]), dtype)[:, ::2]  # no contiguous rows
            for C in (np.empty_like(before), apart):
                C[...] = before
                assert product.product_into(C, A, B, **options) is C
                assert np.array_equal(C, expected), (shape, options)


@pytest.mark.parametrize("orientation", ["X @ W", "dY @ W.T"])
def test_weights_of_a_batch_are_not_packed(orientation, monkeypatch):
    """So that the tests above are of both ways; and a NaN stays in its row or column."""
    calls = []
    real = product.beside
    monkeypatch.setattr(product, "beside", lambda *arguments: (calls.append(1), real(*arguments)))
    rng = np.random.default_rng(6)
    for shape in [(32, 40, 33), (64, 70, 64)]:
        A, B = operands(orientation, shape, lambda s: rng.uniform(1, 2, s).astype(np.float32))
        C = np.empty((len(A), B.shape[1]), np.float32)
        assert np.isfinite(product.product_into(C, A, B)).all()
        A[-1, -1] = np.nan
        product.product_into(C, A, B)
        assert np.isfinite(C[:-1]).all() and np.isnan(C[-1]).all()
        A[-1, -1], B[0, -1] = 1, np.inf
        product.product_into(C, A, B)
        assert np.isfinite(C[:, :-1]).all() and np.isposinf(C[:, -1]).all()
    assert len(calls) == 6
    product.product_into(np.empty((32, 20), np.float32), A[:32, :30], B[:30, :20])
    assert len(calls) == 6  # there a column of C is less work than a row


@pytest.mark.parametrize("rung", ["product_packed", "product"])
def test_what_does_not_fit_is_refused(rung):
    multiply = getattr(product, rung)
    with pytest.raises(
        ValueError, match=r"\(m, depth\) and \(depth, n\), got \(2, 3\) and \(2, 3\)"
    ):
        multiply(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="got"):
        multiply(np.ones(3), np.ones((3, 2)))
    with pytest.raises(TypeError, match="got float32 and float64"):
        multiply(np.ones((2, 2), np.float32), np.ones((2, 2)))
    with pytest.raises(TypeError, match="got int64 and int64"):
        multiply(np.ones((2, 2), np.int64), np.ones((2, 2), np.int64))
    with pytest.raises(TypeError, match="got list and float64"):
        multiply([[1.0]], np.ones((1, 1)))


def test_arrays_that_were_pickled_are_multiplied():
    """Their dtype is equal to the usual one, but is another object."""
    A = pickle.loads(pickle.dumps(np.ones((3, 4), np.float32)))
    assert np.array_equal(product.product(A, np.ones((4, 2), np.float32)), np.full((3, 2), 4))


def test_importing_compiles_nothing():
    code = (
        "from vae_numpy.kernels import compiled, product\n"
        f"assert not any(getattr(getattr(product, name), 'signatures', []) for name in {RUNGS})\n"
        "assert not product.packed.signatures and not compiled.adam_part.signatures"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=120)


@pytest.mark.skipif(SMALL, reason="is the run without the JIT")
def test_the_ladder_without_the_jit():
    """The same tests, on the shapes that are small enough, as plain Python."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__]
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:]
