"""Conv2D and ConvTranspose2D against nested loops, finite differences, PyTorch and each other."""

import copy
import math
import os
import pickle
import re
import subprocess
import sys

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import ACTIVATIONS, BACKENDS, DTYPES, LAYOUTS

from vae_numpy import kernels
from vae_numpy.convolution import Conv2D, ConvTranspose2D
from vae_numpy.gradcheck import check_layer
from vae_numpy.kernels.threads import limit
from vae_numpy.layers import Dense, Sequential, flatten

LAYERS = [Conv2D, ConvTranspose2D]
# Larger picture (C, H, W), channels of the smaller one, kernel, stride, padding.
GEOMETRIES = [
    ((1, 4, 4), 1, (4, 4), 1, 0),
    ((2, 5, 7), 3, (3, 2), 2, 1),  # the stride divides neither side
    ((3, 6, 4), 2, (1, 1), 1, 0),
    ((2, 6, 5), 4, (2, 3), 3, 2),  # more stride than kernel
    ((2, 3, 4), 2, (2, 2), 1, 3),  # patches of nothing but padding
    ((1, 1, 9), 5, (1, 4), 2, 1),
    ((4, 8, 8), 3, (4, 4), 2, 1),
]

backends = pytest.mark.parametrize("backend", BACKENDS)
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)
layers = pytest.mark.parametrize("cls", LAYERS)
geometries = pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
bounded = settings(derandomize=True, deadline=None, max_examples=40)


@st.composite
def random_geometries(draw):
    size = st.integers(1, 7)
    large, padding = (draw(st.integers(1, 3)), draw(size), draw(size)), draw(st.integers(0, 3))
    kernel = tuple(draw(st.integers(1, min(4, n + 2 * padding))) for n in large[1:])
    return large, draw(st.integers(1, 3)), kernel, draw(st.integers(1, 4)), padding


def make(cls, geometry, activation="identity", *, rng=None, dtype=np.float64, bias=True):
    shape, channels, kernel, stride, padding = geometry
    rng = np.random.default_rng(0) if rng is None else rng
    options = {"stride": stride, "padding": padding, "rng": rng, "dtype": dtype, "bias": bias}
    layer = cls(shape, channels, kernel, activation, **options)
    if bias:
        layer.b.value[...] = rng.normal(size=layer.b.value.shape)
    return layer


def passes(layer, x, dy, backend):
    """Return y, dx, dW and db."""
    for p in layer.parameters():
        p.zero_grad()
    with kernels.use(backend):
        y = layer.forward(x)
        dx = layer.backward(dy)
    return [y, dx, *(p.grad.copy() for p in layer.parameters())]


def naive_passes(layer, x, dy):
    """The same four by the definition: one product and one sum after another."""
    f, slope = map(np.vectorize, ACTIVATIONS[layer.activation])
    x, dy = (
        array.astype(np.float64).reshape(-1, *shape)
        for array, shape in ((x, layer.shape_in), (dy, layer.shape_out))
    )
    W, b = (p.value.astype(np.float64) for p in layer.parameters())
    transposed = isinstance(layer, ConvTranspose2D)
    pair = (dy.shape, x.shape) if transposed else (x.shape, dy.shape)
    terms = [
        (small, large, w) if transposed else (large, small, w)
        for large, small, w in naive.convolution_terms(*pair, W.shape, layer.stride, layer.padding)
    ]
    a, dx, dW = np.zeros(dy.shape), np.zeros(x.shape), np.zeros(W.shape)
    for of_x, of_y, w in terms:
        a[of_y] += x[of_x] * W[w]
    a += b[:, None, None]
    da = dy * slope(a)
    for of_x, of_y, w in terms:
        dx[of_x] += da[of_y] * W[w]
        dW[w] += da[of_y] * x[of_x]
    n = len(x)
    return [f(a).reshape(n, -1), dx.reshape(n, -1), dW, da.sum(axis=(0, 2, 3))]


@backends
@dtypes
@layers
@geometries
def test_the_passes_are_the_naive_loop(backend, dtype, cls, geometry):
    rng = np.random.default_rng(1)
    for activation in ACTIVATIONS:
        layer = make(cls, geometry, activation, rng=rng, dtype=dtype)
        x = rng.normal(size=(3, layer.n_in)).astype(dtype)
        dy = rng.normal(size=(3, layer.n_out)).astype(dtype)
        for got, want in zip(
            passes(layer, x, dy, backend), naive_passes(layer, x, dy), strict=True
        ):
            assert got.dtype == dtype and got.shape == want.shape
            assert np.max(np.abs(got - want)) <= 200 * np.finfo(dtype).eps * max(1, abs(want).max())


@backends
@pytest.mark.parametrize("n, geometry", [(70, ((3, 9, 8), 20, (3, 4), 2, 1)), (5, GEOMETRIES[1])])
@layers
def test_many_pictures_in_parts_are_the_naive_loop(backend, n, geometry, cls, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr("vae_numpy.kernels.convolution.A_THREAD", 2**10)
    rng = np.random.default_rng(2)
    layer = make(cls, geometry, "tanh", rng=rng)
    x, dy = rng.normal(size=(n, layer.n_in)), rng.normal(size=(n, layer.n_out))
    for got, want in zip(passes(layer, x, dy, backend), naive_passes(layer, x, dy), strict=True):
        assert naive.relative_error(got, want) < 1e-13


@bounded
@given(
    random_geometries(),
    st.sampled_from(LAYERS),
    st.sampled_from(["identity", "tanh", "sigmoid", "softplus"]),
    st.integers(1, 3),
    st.booleans(),
    st.integers(0, 2**32 - 1),
    st.sampled_from(BACKENDS),
)
def test_gradients_against_finite_differences(geometry, cls, activation, n, bias, seed, backend):
    rng = np.random.default_rng(seed)
    layer = make(cls, geometry, activation, rng=rng, bias=bias)
    x, dy = rng.normal(size=(n, layer.n_in)), rng.normal(size=(n, layer.n_out))
    dx, *gradients = passes(layer, x, dy, backend)[1:]

    def loss_with(array, values):
        kept = array.copy()
        array[...] = values
        with kernels.use(backend):
            loss = np.sum(layer.forward(x, remember=False) * dy)
        array[...] = kept
        return loss

    arrays = [x, *(p.value for p in layer.parameters())]
    for got, array in zip([dx, *gradients], arrays, strict=True):
        numeric = naive.gradient(lambda values, array=array: loss_with(array, values), array)
        assert np.max(np.abs(got - numeric)) < 1e-6 * max(1e-3, np.max(np.abs(numeric)))


@bounded
@given(random_geometries(), st.integers(0, 2**32 - 1), st.sampled_from(BACKENDS))
def test_the_transposed_layer_is_the_transpose(geometry, seed, backend):
    """<Conv x, y> = <x, ConvT y>, for the same arguments and weights."""
    rng = np.random.default_rng(seed)
    down = make(Conv2D, geometry, rng=rng, bias=False)
    up = make(ConvTranspose2D, geometry, rng=rng, bias=False)
    up.W.value[...] = down.W.value
    assert (down.shape_in, down.shape_out) == (up.shape_out, up.shape_in)
    x, y = rng.normal(size=(2, down.n_in)), rng.normal(size=(2, down.n_out))
    with kernels.use(backend):
        products = down.forward(x) * y, x * up.forward(y)
    size = sum(np.abs(product).sum() for product in products)
    assert abs(products[0].sum() - products[1].sum()) <= 1e-14 * max(size, 1)


@backends
@dtypes
@geometries
def test_values_and_gradients_are_pytorchs(backend, dtype, geometry):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    (_, height, width), _, kernel, stride, padding = geometry
    for cls in LAYERS:
        layer = make(cls, geometry, rng=rng, dtype=dtype)
        x = rng.normal(size=(4, layer.n_in)).astype(dtype)
        dy = rng.normal(size=(4, layer.n_out)).astype(dtype)
        y, dx, dW, db = passes(layer, x, dy, backend)
        # PyTorch's weights are (C', C, kh, kw), for both.
        x, W, b = (
            torch.tensor(a, requires_grad=True)
            for a in (
                x.reshape(-1, *layer.shape_in),
                layer.W.value.transpose(3, 0, 1, 2).copy(),
                layer.b.value,
            )
        )
        options = {"stride": stride, "padding": padding}
        if cls is Conv2D:
            want = torch.nn.functional.conv2d(x, W, b, **options)
        else:
            rest = [
                (n + 2 * padding - k) % stride for n, k in zip((height, width), kernel, strict=True)
            ]
            if max(rest) >= stride > 1 or padding >= min(kernel):
                continue
            want = torch.nn.functional.conv_transpose2d(x, W, b, output_padding=rest, **options)
        assert want.shape[1:] == layer.shape_out
        want.backward(torch.tensor(dy.reshape(want.shape)))
        wanted = [want.reshape(4, -1).detach(), x.grad.reshape(4, -1)]
        wanted += [W.grad.permute(1, 2, 3, 0), b.grad]
        for got, w in zip((y, dx, dW, db), wanted, strict=True):
            assert naive.relative_error(got, w.numpy()) < 100 * np.finfo(dtype).eps


@backends
@layers
def test_a_kernel_of_one_pixel_is_a_dense_layer_at_each_pixel(backend, cls):
    rng = np.random.default_rng(4)
    layer = make(cls, ((3, 5, 4), 2, 1, 1, 0), "tanh", rng=rng)
    dense = Dense(layer.shape_in[0], layer.shape_out[0], "tanh", rng=rng, dtype=np.float64)
    W = layer.W.value.reshape(3, 2)
    dense.W.value[...], dense.b.value[...] = (W if cls is Conv2D else W.T), layer.b.value

    def pixels(rows):
        return rows.reshape(6, -1, 20).transpose(0, 2, 1).reshape(120, -1)

    x, dy = rng.normal(size=(6, layer.n_in)), rng.normal(size=(6, layer.n_out))
    y, dx, dW, db = passes(layer, x, dy, backend)
    want = passes(dense, pixels(x), pixels(dy), backend)
    dW = dW.reshape(3, 2)
    got = [pixels(y), pixels(dx), dW if cls is Conv2D else dW.T, db]
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


@backends
def test_a_kernel_as_large_as_the_picture_is_a_dense_layer(backend):
    rng = np.random.default_rng(5)
    layer = make(Conv2D, ((3, 5, 4), 7, (5, 4), 1, 0), "tanh", rng=rng)
    dense = Dense(60, 7, "tanh", rng=rng, dtype=np.float64)
    dense.W.value[...] = layer.W.value.reshape(60, 7)
    dense.b.value[...] = layer.b.value
    x, dy = rng.normal(size=(6, 60)), rng.normal(size=(6, 7))
    for a, b in zip(passes(layer, x, dy, backend), passes(dense, x, dy, backend), strict=True):
        np.testing.assert_allclose(a.reshape(b.shape), b, rtol=1e-13, atol=1e-13)


@dtypes
@layers
def test_any_number_of_threads_gives_the_same_bits(dtype, cls):
    pytest.importorskip("numba")
    rng = np.random.default_rng(6)
    layer = make(cls, ((16, 16, 16), 32, 4, 2, 1), "relu", rng=rng, dtype=dtype)
    x, dy = rng.normal(size=(37, layer.n_in)), rng.normal(size=(37, layer.n_out))
    results = set()
    for n_threads in (1, 2, 3):
        with limit(n_threads):
            results.add(b"".join(a.tobytes() for a in passes(layer, x, dy, "numba")))
    assert len(results) == 1


@layers
@dtypes
def test_the_backends_agree_at_a_real_size(cls, dtype):
    pytest.importorskip("numba")
    rng = np.random.default_rng(7)
    layer = make(cls, ((32, 16, 16), 32, 4, 2, 1), "relu", rng=rng, dtype=dtype)
    x, dy = rng.normal(size=(64, layer.n_in)), rng.normal(size=(64, layer.n_out))
    results = [passes(layer, x, dy, backend) for backend in BACKENDS]
    for first, second in zip(*results, strict=True):
        assert naive.relative_error(first, second) < 200 * np.finfo(dtype).eps


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_compiled_kernels_in_numbas_strict_modes(mode, tmp_path):
    """Interpreted, and with every index checked: both find what a fast loop reads in silence."""
    pytest.importorskip("numba")
    env = {**os.environ, mode: "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(
        [*command, "-k", "naive and float64-numba"],
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout[-3000:] + done.stderr


# As a layer among others ------------------------------------------------------------------------


def burgess(rng, dtype=np.float64):
    options = {"stride": 2, "padding": 1, "rng": rng, "dtype": dtype}
    return Sequential(
        [
            Conv2D((1, 9, 8), 3, 4, "tanh", **options),
            Conv2D((3, 4, 4), 2, 4, "softplus", **options),
            Dense(8, 2, rng=rng, dtype=dtype),
            Dense(2, 8, "tanh", rng=rng, dtype=dtype),
            ConvTranspose2D((3, 4, 4), 2, 4, "tanh", **options),
            ConvTranspose2D((1, 9, 8), 3, 4, **options),
        ]
    )


@backends
def test_they_stack_with_dense_layers_and_pass_the_gradient_check(backend):
    rng = np.random.default_rng(8)
    network = burgess(rng)
    assert (network.n_in, network.n_out) == (72, 72)
    with kernels.use(backend):
        verdicts = check_layer(network, rng.normal(size=(3, 72)), rng=rng)
    assert {name: str(v) for name, v in verdicts.items() if not v} == {}


@layers
@backends
def test_gradients_add_up_or_overwrite_and_dx_is_left_out_where_nobody_needs_it(cls, backend):
    rng = np.random.default_rng(9)
    layer = make(cls, GEOMETRIES[1], "relu", rng=rng)
    x, dy = rng.normal(size=(4, layer.n_in)), rng.normal(size=(4, layer.n_out))
    once = passes(layer, x, dy, backend)[2:]
    with kernels.use(backend):
        layer.backward(dy)
    for p, grad in zip(layer.parameters(), once, strict=True):
        np.testing.assert_allclose(p.grad, 2 * grad, rtol=1e-13)
        p.grad[...] = np.nan
    with kernels.use(backend):
        assert layer.backward(dy, accumulate=False, need_dx=False) is None
    for p, grad in zip(layer.parameters(), once, strict=True):
        np.testing.assert_allclose(p.grad, grad, rtol=1e-13)


@layers
def test_flat_parameters_are_views_that_the_layer_computes_with(cls):
    layer = make(cls, GEOMETRIES[1], "tanh")
    x = np.random.default_rng(10).normal(size=(2, layer.n_in))
    before = layer.forward(x)
    flat = flatten(layer.parameters())
    np.testing.assert_array_equal(layer.forward(x), before)
    layer.backward(before)
    np.testing.assert_array_equal(
        flat.grad, np.concatenate([p.grad.ravel() for p in [layer.W, layer.b]])
    )
    flat.value[...] = 0
    assert not layer.forward(x).any()


@layers
@backends
def test_forward_without_remember_leaves_the_layer_as_it_was(cls, backend):
    rng = np.random.default_rng(11)
    layer = make(cls, GEOMETRIES[1], "tanh", rng=rng)
    x, dy = rng.normal(size=(4, layer.n_in)), rng.normal(size=(4, layer.n_out))
    want = passes(layer, x, dy, backend)[1]
    with kernels.use(backend):
        layer.forward(2 * x[:3], remember=False)
        np.testing.assert_array_equal(layer.backward(dy), want)


@layers
@backends
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_memory_layout_of_the_input_changes_nothing(cls, backend, layout):
    rng = np.random.default_rng(12)
    layer = make(cls, GEOMETRIES[1], "tanh", rng=rng)
    x, dy = rng.normal(size=(4, layer.n_in)), rng.normal(size=(4, layer.n_out))
    want = passes(layer, x, dy, backend)
    got = passes(layer, LAYOUTS[layout](x), LAYOUTS[layout](dy), backend)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)


@layers
@backends
@dtypes
def test_a_layer_computes_in_its_own_type_and_takes_no_pictures_too(cls, backend, dtype):
    layer = make(cls, GEOMETRIES[1], "relu", dtype=dtype)
    for x in (np.ones((2, layer.n_in)), np.ones((2, layer.n_in), int), np.ones((0, layer.n_in))):
        y, dx, dW, _ = passes(layer, x, np.ones((len(x), layer.n_out)), backend)
        assert y.dtype == dx.dtype == dW.dtype == dtype
        assert (y.shape, dx.shape) == ((len(x), layer.n_out), x.shape)


@backends
@layers
def test_nan_comes_out_of_its_own_picture_only(backend, cls):
    rng = np.random.default_rng(13)
    layer = make(cls, GEOMETRIES[6], "relu", rng=rng)
    x, dy = np.ones((3, layer.n_in)), np.ones((3, layer.n_out))
    x[1] = np.nan
    y, _, dW, _ = passes(layer, x, dy, backend)
    assert np.isnan(y).any(axis=1).tolist() == [False, True, False] and np.isnan(dW).all()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@layers
def test_a_copy_computes_the_same_and_holds_no_batch(cls, duplicate):
    layer = make(cls, GEOMETRIES[1], "softplus")
    batch = np.full((1000, layer.n_in), 0.5)
    y = layer.forward(batch)
    assert len(pickle.dumps(layer)) < batch.nbytes / 10
    np.testing.assert_array_equal(duplicate(layer).forward(batch), y)
    with pytest.raises(RuntimeError, match="forward"):
        duplicate(layer).backward(y)


# The first weights ------------------------------------------------------------------------------


@layers
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_weights_start_in_the_published_range(cls, activation):
    arguments = (5, 32, 32), 8, 4
    options = {"stride": 2, "padding": 1, "rng": np.random.default_rng(14)}
    layer, counter = cls(*arguments, activation, **options), cls(*arguments, **options)
    # With ones everywhere a layer counts, in the middle of a picture, what it adds up.
    counter.W.value[...], W = 1, layer.W.value
    y, dx = counter.forward(np.ones((1, layer.n_in))), counter.backward(np.ones((1, layer.n_out)))
    fan_in = y.reshape(layer.shape_out)[0, 5, 5]
    fan_out = dx.reshape(layer.shape_in)[0, 5, 5]
    limit = math.sqrt(6 / (fan_in if activation == "relu" else fan_in + fan_out))
    assert 0.98 * limit < np.abs(W).max() <= limit * (1 + 1e-6)
    assert W.var() == pytest.approx(limit**2 / 3, rel=5 * math.sqrt(0.8 / W.size))
    assert not layer.b.value.any()


def test_the_same_generator_state_gives_the_same_weights():
    first, second = (make(Conv2D, GEOMETRIES[1]).W.value for _ in range(2))
    np.testing.assert_array_equal(first, second)


# What they refuse -------------------------------------------------------------------------------


@layers
@pytest.mark.parametrize(
    "arguments, more, error, message",
    [
        (((1, 4), 2, 3), {}, ValueError, r"must be \(channels, height, width\), got \(1, 4\)"),
        ((16, 2, 3), {}, TypeError, r"must be \(channels, height, width\), got 16"),
        (((1, 0, 4), 2, 3), {}, ValueError, "must be >= 1, got 0"),
        (((1, 4.5, 4), 2, 3), {}, TypeError, r"must be an integer, got 4\.5"),
        (((1, 4, 4), 0, 3), {}, ValueError, "channels must be >= 1, got 0"),
        (((1, 4, 4), 2, 0), {}, ValueError, "kernel_size must be >= 1, got 0"),
        (
            ((1, 4, 4), 2, (3,)),
            {},
            ValueError,
            r"kernel_size must be \(height, width\), got \(3,\)",
        ),
        (((1, 4, 4), 2, "3"), {}, TypeError, "kernel_size must be an integer, got '3'"),
        (((1, 4, 4), 2, 3), {"stride": 0}, ValueError, "stride must be >= 1, got 0"),
        (((1, 4, 4), 2, 3), {"stride": (2, 2)}, TypeError, "stride must be an integer"),
        (((1, 4, 4), 2, 3), {"padding": -1}, ValueError, "padding must be >= 0, got -1"),
        (
            ((1, 4, 6), 2, 7),
            {"padding": 1},
            ValueError,
            r"kernel_size must fit into the padded picture, got height 7 for 4 \+ 2 x 1 = 6 pixels",
        ),
        (((1, 9, 4), 2, 5), {}, ValueError, r"got width 5 for 4 \+ 2 x 0 = 4 pixels"),
        (((1, 4, 4), 2, 3, "rleu"), {}, ValueError, "activation must be one of .*'relu'"),
        (((1, 4, 4), 2, 3), {"dtype": int}, ValueError, "dtype must be float32 or float64"),
        (((1, 4, 4), 2, 3), {"rng": 0}, TypeError, "rng must be a numpy.random.Generator"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(cls, arguments, more, error, message):
    with pytest.raises(error, match=message):
        cls(*arguments, **{"rng": np.random.default_rng(0), **more})


def test_the_shape_is_called_what_it_is():
    for cls, name in ((Conv2D, "shape_in"), (ConvTranspose2D, "shape_out")):
        with pytest.raises(ValueError, match=f"^{name} must be"):
            cls((4, 4), 2, 3, rng=np.random.default_rng(0))


@layers
def test_other_shapes_of_rows_are_refused(cls):
    layer = make(cls, GEOMETRIES[1])
    with pytest.raises(RuntimeError, match="forward"):
        layer.backward(np.ones((4, layer.n_out)))
    for shape in [(3,), (2, layer.n_in + 1), (2, *layer.shape_in)]:
        with pytest.raises(ValueError, match=rf"x must have shape \(N, {layer.n_in}\), got"):
            layer.forward(np.ones(shape))
    layer.forward(np.ones((4, layer.n_in)))
    wanted = re.escape(f"dy must have the output's shape (4, {layer.n_out}), got")
    for shape in [(1, layer.n_out), (4, 1), (4, *layer.shape_out)]:
        with pytest.raises(ValueError, match=wanted):
            layer.backward(np.ones(shape))


@layers
@backends
@pytest.mark.parametrize("name", ["W", "b"])
@pytest.mark.parametrize("part", ["value", "grad"])
def test_an_array_that_does_not_fit_reaches_no_kernel(cls, backend, name, part):
    layer = make(cls, GEOMETRIES[1])
    x = np.ones((2, layer.n_in))
    y = layer.forward(x)
    setattr(getattr(layer, name), part, np.zeros(1))
    for call in (lambda: layer.forward(x), lambda: layer.backward(y)):
        with kernels.use(backend), pytest.raises(ValueError, match=rf"{name}\.{part} must be"):
            call()


def test_they_say_what_they_are():
    text = "Conv2D((2, 5, 7), 3, (3, 2), 'tanh', stride=2, padding=1)"
    assert repr(make(Conv2D, GEOMETRIES[1], "tanh")) == text
    assert repr(make(ConvTranspose2D, GEOMETRIES[1], "tanh")) == text.replace(
        "Conv", "ConvTranspose"
    )
