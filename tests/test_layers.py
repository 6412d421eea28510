"""Dense and Sequential: gradients against finite differences, shapes, and what they refuse."""

import copy
import pickle

import naive
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from naive import ACTIVATIONS, BACKENDS, DTYPES, LAYOUTS

from vae_numpy import kernels
from vae_numpy.layers import (
    Dense,
    Parameter,
    Sequential,
    flatten,
    join,
    reparameterise,
    reparameterise_backward,
    split,
)

# Bounded, and the same examples in every run.
bounded = settings(derandomize=True, deadline=None, max_examples=40)
sizes = st.integers(1, 6)
seeds = st.integers(0, 2**32 - 1)
backends = st.sampled_from(BACKENDS)


def make_dense(n_in, n_out, activation, rng, dtype=np.float64, bias=True):
    layer = Dense(n_in, n_out, activation, rng=rng, dtype=dtype, bias=bias)
    if bias:
        layer.b.value[...] = rng.normal(size=n_out)  # a zero bias would hide its own mistakes
    return layer


def away_from_the_kink(network, x):
    """Whether none, as relu has one, is so near that a finite difference would step over it."""
    for layer in network.layers:
        _, slope = ACTIVATIONS[layer.activation]
        a = np.array(naive.pre_activations(x, layer.W.value, layer.b and layer.b.value))
        if abs(slope(1e-9) - slope(-1e-9)) > 1e-3 and np.min(np.abs(a)) < 0.01:
            return False
        x = layer.forward(x)
    return True


def assert_gradients_are_right(network, x, dy):
    """The gradient of sum(y dy), in x and in each parameter, against finite differences."""

    def loss_with(array, values):
        kept = array.copy()
        array[...] = values
        loss = np.sum(network.forward(x, remember=False) * dy)
        array[...] = kept
        return loss

    network.forward(x)
    dx = network.backward(dy)
    pairs = [(dx, x), *((p.grad, p.value) for p in network.parameters())]
    for got, array in pairs:
        numeric = naive.gradient(lambda values, array=array: loss_with(array, values), array)
        assert naive.relative_error(got, numeric) < 1e-6


@pytest.mark.parametrize("activation", ACTIVATIONS)
@bounded
@given(sizes, sizes, sizes, st.booleans(), st.sampled_from(sorted(LAYOUTS)), seeds, backends)
def test_gradients_of_a_dense_layer(activation, n, n_in, n_out, bias, layout, seed, backend):
    assume(layout != "read-only")  # finite differences write into x
    rng = np.random.default_rng(seed)
    network = Sequential([make_dense(n_in, n_out, activation, rng, bias=bias)])
    x = LAYOUTS[layout](rng.normal(size=(n, n_in)))
    dy = LAYOUTS[layout](rng.normal(size=(n, n_out)))
    assume(away_from_the_kink(network, x))
    with kernels.use(backend):
        assert_gradients_are_right(network, x, dy)


@bounded
@given(
    st.lists(sizes, min_size=3, max_size=5),
    st.lists(st.sampled_from(sorted(ACTIVATIONS)), min_size=4, max_size=4),
    st.sampled_from([1, 2, 5]),
    seeds,
    backends,
)
def test_gradients_of_a_network(widths, activations, n, seed, backend):
    rng = np.random.default_rng(seed)
    pairs = zip(widths, widths[1:], activations, strict=False)
    network = Sequential([make_dense(i, o, f, rng) for i, o, f in pairs])
    x = rng.normal(size=(n, widths[0]))
    assume(away_from_the_kink(network, x))
    with kernels.use(backend):
        assert_gradients_are_right(network, x, rng.normal(size=(n, widths[-1])))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_memory_layout_of_the_input_changes_nothing(backend, layout):
    rng = np.random.default_rng(0)
    layer = make_dense(4, 3, "tanh", rng)
    x, dy = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    results = []
    for arrange in (LAYOUTS["contiguous"], LAYOUTS[layout]):
        for p in layer.parameters():
            p.zero_grad()
        with kernels.use(backend):
            y = layer.forward(arrange(x))
            dx = layer.backward(arrange(dy))
        results.append([y, dx, *(p.grad.copy() for p in layer.parameters())])
    for first, second in zip(*results, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-13, atol=1e-13)


def test_gradients_add_up_until_they_are_zeroed():
    layer = make_dense(3, 2, "sigmoid", np.random.default_rng(1))
    x, dy = np.ones((4, 3)), np.ones((4, 2))
    layer.forward(x)
    layer.backward(dy)
    once = [p.grad.copy() for p in layer.parameters()]
    layer.backward(dy)
    for p, grad in zip(layer.parameters(), once, strict=True):
        np.testing.assert_allclose(p.grad, 2 * grad, rtol=1e-14)
        p.zero_grad()
        assert not p.grad.any()


def test_a_layer_never_changes_its_own_values():
    layer = make_dense(3, 2, "relu", np.random.default_rng(2))
    before = [p.value.copy() for p in layer.parameters()]
    layer.backward(layer.forward(np.ones((4, 3))))
    for p, value in zip(layer.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.value, value)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_layer_computes_in_its_own_type(backend, dtype, activation):
    layer = Dense(3, 2, activation, rng=np.random.default_rng(3), dtype=dtype)
    for x in (np.ones((4, 3), np.float32), np.ones((4, 3)), np.ones((4, 3), int), [[1, 2, 3]]):
        with kernels.use(backend):
            y = layer.forward(x)
            dx = layer.backward(np.ones(y.shape))
        assert y.dtype == dx.dtype == layer.W.grad.dtype == dtype


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_of_no_rows_gives_no_rows(backend):
    layer = Dense(3, 2, "relu", rng=np.random.default_rng(4))
    with kernels.use(backend):
        assert layer.forward(np.ones((0, 3))).shape == (0, 2)
        assert layer.backward(np.ones((0, 2))).shape == (0, 3)
    assert not layer.W.grad.any()


def test_forward_without_remember_leaves_the_layer_as_it_was():
    layer = make_dense(3, 2, "tanh", np.random.default_rng(5))
    x, dy = np.ones((4, 3)), np.ones((4, 2))
    layer.forward(x)
    want = layer.backward(dy)
    layer.forward(np.full((9, 3), 7.0), remember=False)
    np.testing.assert_array_equal(layer.backward(dy), want)


@pytest.mark.parametrize(
    "activation, square", [("tanh", 6 / 70), ("identity", 6 / 70), ("relu", 0.12)]
)
def test_weights_start_uniform_in_the_published_range_and_the_bias_at_zero(activation, square):
    # Glorot & Bengio 2010: sqrt(6 / (n_in + n_out)); He et al. 2015 for relu: sqrt(6 / n_in).
    layer = Dense(50, 20, activation, rng=np.random.default_rng(6), dtype=np.float64)
    limit = np.sqrt(square)
    W = layer.W.value
    assert np.abs(W).max() <= limit
    # 1000 draws: the largest is below 0.98 of the limit once in 10^8; 5 standard errors.
    assert np.abs(W).max() > 0.98 * limit
    assert abs(W.mean()) < 5 * limit / np.sqrt(3 * W.size)
    assert W.var() == pytest.approx(limit**2 / 3, rel=5 * np.sqrt(0.8 / W.size))
    assert not layer.b.value.any()


def test_the_same_generator_state_gives_the_same_weights():
    first, second = (Dense(4, 3, rng=np.random.default_rng(7)).W.value for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32


def test_flatten_keeps_values_and_shares_memory():
    rng = np.random.default_rng(8)
    network = Sequential([make_dense(4, 3, "tanh", rng), make_dense(3, 2, "relu", rng, bias=False)])
    before = [p.value.copy() for p in network.parameters()]
    flat = flatten(network.parameters())
    assert flat.value.shape == flat.grad.shape == (4 * 3 + 3 + 3 * 2,)
    np.testing.assert_array_equal(flat.value, np.concatenate([v.ravel() for v in before]))
    flat.value += 1
    network.backward(network.forward(np.ones((2, 4))))
    for p, value in zip(network.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.value, value + 1)
    np.testing.assert_array_equal(
        flat.grad, np.concatenate([p.grad.ravel() for p in network.parameters()])
    )


def test_parameter_starts_with_a_zero_gradient_of_its_shape_and_type():
    p = Parameter(np.ones((3, 2), np.float32))
    assert p.grad.shape == (3, 2) and p.grad.dtype == np.float32 and not p.grad.any()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_computes_the_same_and_holds_no_batch(duplicate):
    layer = make_dense(3, 2, "softplus", np.random.default_rng(9))
    batch = np.full((1000, 3), 0.5)
    y = layer.forward(batch)
    assert len(pickle.dumps(layer)) < batch.nbytes / 10
    twin = duplicate(layer)
    np.testing.assert_array_equal(twin.forward(batch), y)
    with pytest.raises(RuntimeError, match="forward"):
        duplicate(layer).backward(y)
    layer.backward(y)  # the original still has its batch


def test_the_sample_of_a_code_and_its_gradients():
    mu, logvar, eps, weights = np.random.default_rng(0).normal(size=(4, 5, 3))

    def loss(mu, logvar):
        return np.sum(weights * reparameterise(mu, logvar, eps))

    gradients = reparameterise_backward(weights, logvar, eps)
    for i in range(2):
        want = naive.partial_gradient(loss, (mu, logvar), i)
        assert naive.relative_error(gradients[i], want) < 1e-8
    halves = split(join(mu, logvar))
    np.testing.assert_array_equal(halves, [mu, logvar])
    assert all(half.flags.c_contiguous for half in halves)


def test_a_network_hands_on_what_its_layers_are_asked_for():
    rng = np.random.default_rng(0)
    network = Sequential([make_dense(3, 4, "tanh", rng), make_dense(4, 2, "identity", rng)])
    x, dy = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    network.forward(x, remember=False)
    with pytest.raises(RuntimeError, match="forward"):
        network.backward(dy)
    network.forward(x)
    assert network.backward(dy, accumulate=False, need_dx=False) is None
    once = [p.grad.copy() for p in network.parameters()]
    assert network.backward(dy).shape == x.shape
    for p, grad in zip(network.parameters(), once, strict=True):
        np.testing.assert_allclose(p.grad, 2 * grad)
    network.backward(dy, accumulate=False)
    for p, grad in zip(network.parameters(), once, strict=True):
        np.testing.assert_array_equal(p.grad, grad)


def test_a_pickle_holds_no_array_that_was_replaced():
    layer = make_dense(100, 50, "relu", np.random.default_rng(9))
    size = len(pickle.dumps(layer))
    layer.forward(np.ones((1, 100)))  # the layer has checked these arrays, and knows them
    layer.W.value, layer.W.grad = layer.W.value.copy(), layer.W.grad.copy()
    assert len(pickle.dumps(layer)) < 1.1 * size


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((0, 2), ValueError, "n_in must be >= 1, got 0"),
        ((2, -1), ValueError, "n_out must be >= 1, got -1"),
        ((2.0, 1), TypeError, r"n_in must be an integer, got 2\.0"),
        ((2, True), TypeError, "n_out must be an integer, got True"),
        ((2, "3"), TypeError, "n_out must be an integer, got '3'"),
        ((2, 2, "rleu"), ValueError, "activation must be one of .*'relu'.*, got 'rleu'"),
        ((2, 2, None), ValueError, "activation must be one of .*, got None"),
        ((2, 2, ["relu"]), ValueError, "activation must be one of .*, got"),
    ],
)
def test_dense_refuses_what_it_cannot_build(arguments, error, message):
    with pytest.raises(error, match=message):
        Dense(*arguments, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    "spelling, dtype",
    [("float32", np.float32), ("f", np.float32), (float, np.float64), ("float64", np.float64)],
)
def test_dense_takes_a_type_in_any_spelling(spelling, dtype):
    layer = Dense(2, 3, rng=np.random.default_rng(0), dtype=spelling)
    assert layer.W.value.dtype == layer.b.value.dtype == layer.forward([[1, 2]]).dtype == dtype


@pytest.mark.parametrize("dtype", [int, np.float16, "int", "flaot32", ">f4", None, 4])
def test_dense_refuses_other_types(dtype):
    with pytest.raises((ValueError, TypeError), match="dtype must be float32 or float64, got"):
        Dense(2, 2, rng=np.random.default_rng(0), dtype=dtype)


def test_dense_wants_its_generator_by_name():
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got int"):
        Dense(2, 2, rng=0)
    with pytest.raises(TypeError):
        Dense(2, 2, "relu", np.random.default_rng(0))
    with pytest.raises(TypeError):
        Dense(2, 2)


@pytest.mark.parametrize("shape", [(3,), (), (2, 4), (2, 2), (1, 2, 3)])
def test_forward_refuses_other_shapes(shape):
    layer = Dense(3, 2, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"x must have shape \(N, 3\), got \("):
        layer.forward(np.ones(shape))


def test_backward_refuses_other_shapes_and_a_missing_forward():
    layer = Dense(3, 2, rng=np.random.default_rng(0))
    with pytest.raises(RuntimeError, match="forward"):
        layer.backward(np.ones((4, 2)))
    layer.forward(np.ones((4, 3)))
    for shape in [(4, 3), (1, 2), (2,), (4, 1)]:  # none may broadcast
        with pytest.raises(ValueError, match=r"dy must have .*\(4, 2\), got \("):
            layer.backward(np.ones(shape))
    assert not layer.W.grad.any()


def test_sequential_refuses_no_layers_and_layers_that_do_not_fit():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least one layer"):
        Sequential([])
    with pytest.raises(ValueError, match="puts out 3 .* takes 4"):
        Sequential([Dense(2, 3, rng=rng), Dense(4, 1, rng=rng)])


def test_sequential_is_one_layer_after_another():
    rng = np.random.default_rng(10)
    first, second = make_dense(4, 3, "tanh", rng), make_dense(3, 2, "softplus", rng)
    network, x = Sequential([first, second]), rng.normal(size=(5, 4))
    want = second.forward(first.forward(x))
    np.testing.assert_array_equal(network.forward(x), want)
    assert (network.n_in, network.n_out) == (4, 2)
    assert network.parameters() == [first.W, first.b, second.W, second.b]


# Arrays that were replaced ----------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize(
    "name, part, array",
    [
        ("b", "grad", np.zeros(1, np.float32)),
        ("b", "value", np.zeros(1, np.float32)),
        ("b", "value", np.zeros(40)),
        ("W", "grad", np.zeros((1, 1), np.float32)),
        ("W", "grad", np.zeros((30, 40))),
        ("W", "grad", np.zeros((40, 30), np.float32).T),
        ("W", "value", np.zeros((40, 30), np.float32)),
        ("W", "value", np.zeros((30, 40), np.float16)),
        ("W", "value", np.zeros((30, 40), np.dtype(np.float32).newbyteorder())),
        ("W", "value", [[0.0] * 40] * 30),
        ("b", "grad", None),
    ],
)
def test_an_array_that_does_not_fit_reaches_no_kernel(backend, own, name, part, array, monkeypatch):
    """A kernel would write beyond it, or end the process."""
    monkeypatch.setattr("vae_numpy.kernels.threads.OWN_PRODUCT", 0 if own else 2**60)
    layer = Dense(30, 40, rng=np.random.default_rng(0))
    x = np.ones((20, 30), np.float32)
    with kernels.use(backend):
        dy = layer.forward(x)
        setattr(getattr(layer, name), part, array)
        for call in (lambda: layer.forward(x), lambda: layer.backward(dy)):
            with pytest.raises(ValueError, match=rf"{name}\.{part} must be a C-contiguous float32"):
                call()
