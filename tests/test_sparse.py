"""Products with a batch that is mostly zero, against the full products of NumPy."""

import numpy as np
import pytest
from naive import DTYPES

numba = pytest.importorskip("numba", reason="the other kernels know no zeros")

from vae_numpy.kernels import compiled, reference, sparse  # noqa: E402
from vae_numpy.kernels.threads import limit  # noqa: E402

# (rows, n_in, n_out) around 4 rows at a time, a vector of columns, a block of weights
SHAPES = [(1, 1, 1), (5, 3, 7), (9, 17, 16), (20, 300, 33)]

dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)
shares = pytest.mark.parametrize("share", [0, 0.04, 0.2, 1])


def integers(rng, shape, dtype):
    return rng.integers(-9, 10, shape).astype(dtype)


def with_zeros(x, share, rng):
    return x * (rng.random(x.shape) < share).astype(x.dtype)


@dtypes
@shares
def test_exact_on_small_integers(dtype, share):
    rng = np.random.default_rng(0)
    for n, n_in, n_out in SHAPES:
        x = with_zeros(integers(rng, (n, n_in), dtype), share, rng)
        W, b, da, dW = (
            integers(rng, s, dtype) for s in ((n_in, n_out), n_out, (n, n_out), (n_in, n_out))
        )
        y = np.empty((n, n_out), dtype)
        sparse.sparse_product_into(y, x, W)
        assert np.array_equal(y, x @ W)
        sparse.sparse_product_into(y, x, W, bias=b, relu=True)
        assert np.array_equal(y, np.maximum(x @ W + b, 0))
        for add, want in ((True, dW + x.T @ da), (False, x.T @ da)):
            sparse.sparse_gradient_into(dW, x, da, add=add)
            assert np.array_equal(dW, want)


@dtypes
@pytest.mark.parametrize("activation", ["identity", "relu", "tanh"])
@pytest.mark.parametrize("accumulate", [True, False])
def test_a_layer_takes_them_where_its_input_is_mostly_zero(
    dtype, activation, accumulate, monkeypatch
):
    rng = np.random.default_rng(1)
    monkeypatch.setattr(compiled, "own_product", lambda multiplications: True)
    calls = []
    for name in ("sparse_product_into", "sparse_gradient_into"):
        real = getattr(compiled, name)
        monkeypatch.setattr(
            compiled, name, lambda *a, real=real, **more: (calls.append(1), real(*a, **more))
        )
    W, b, dy = (rng.normal(size=s).astype(dtype) for s in ((40, 30), 30, (20, 30)))
    for share, n_calls in ((0.1, 2), (0.9, 0)):
        x = with_zeros(rng.normal(size=(20, 40)).astype(dtype), share, rng)
        found = []
        for kernels in (reference, compiled):
            dW, db = np.ones_like(W), np.ones_like(b)
            y = kernels.dense_forward(x, W, b, activation)
            dx = kernels.dense_backward(dy, x, y, W, activation, dW, db, accumulate=accumulate)
            found.append((y, dx, dW, db))
        for expected, got in zip(*found, strict=True):
            assert got.dtype == dtype
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
        assert len(calls) == n_calls
        calls.clear()


def test_where_a_full_product_is_as_fast_it_is_taken():
    rng = np.random.default_rng(2)
    for share, expected in ((0, True), (0.2, True), (0.3, False), (1, False)):
        x = with_zeros(np.ones((64, 300), np.float32), share, rng)
        assert sparse.is_mostly_zero(x) == sparse.is_mostly_zero(x.T) == expected
    x[:], x[0, 0] = 0, np.nan  # a NaN is no zero
    y, dW = np.empty((64, 3), np.float32), np.empty((300, 3), np.float32)
    sparse.sparse_product_into(y, x, np.ones((300, 3), np.float32))
    sparse.sparse_gradient_into(dW, x, np.ones((64, 3), np.float32), add=False)
    assert np.isnan(y[0]).all() and np.isnan(dW[0]).all()
    assert not y[1:].any() and not dW[1:].any()


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="too slow without the JIT")
@dtypes
def test_the_same_bits_on_any_number_of_threads(dtype):
    rng = np.random.default_rng(3)
    x = with_zeros(rng.normal(size=(65, 1001)).astype(dtype), 0.1, rng)
    W, dy = (rng.normal(size=s).astype(dtype) for s in ((1001, 517), (65, 517)))
    assert sparse._work(x, W) >= 3  # parts
    bits = set()
    for n_threads in (1, 2, 3, 4):
        with limit(n_threads):
            dW, db = np.empty_like(W), np.empty_like(W[0])
            y = compiled.dense_forward(x, W, W[0], "relu")
            compiled.dense_backward(dy, x, y, W, "relu", dW, db, accumulate=False, need_dx=False)
            bits.add((y.tobytes(), dW.tobytes()))
    assert len(bits) == 1
