"""The gradient checker itself: it must pass right gradients, fail wrong ones, and say why."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vae_numpy.gradcheck import check_gradient, check_layer, numerical_gradient
from vae_numpy.layers import Dense, Sequential
from vae_numpy.losses import squared_error

bounded = settings(derandomize=True, deadline=None, max_examples=40)
seeds = st.integers(0, 2**32 - 1)

# name: (f, its gradient)
FUNCTIONS = {
    "squares": (lambda x: np.sum(x**2), lambda x: 2 * x),
    "sines": (lambda x: np.sum(np.sin(3 * x)), lambda x: 3 * np.cos(3 * x)),
    "exponentials": (lambda x: np.sum(np.exp(x)), np.exp),
    "product": (lambda x: np.prod(2 + np.tanh(x)), None),
    "constant": (lambda x: 5.0, np.zeros_like),
}
FUNCTIONS["product"] = (
    FUNCTIONS["product"][0],
    lambda x: np.prod(2 + np.tanh(x)) * (1 - np.tanh(x) ** 2) / (2 + np.tanh(x)),
)


@pytest.mark.parametrize("name", FUNCTIONS)
@bounded
@given(st.lists(st.integers(1, 4), min_size=0, max_size=3), seeds)
def test_right_gradients_pass(name, shape, seed):
    f, gradient = FUNCTIONS[name]
    x = np.random.default_rng(seed).normal(size=shape)
    x = np.asarray(x)
    verdict = check_gradient(f, x, gradient(x))
    assert verdict, str(verdict)
    assert "right" in str(verdict)


@bounded
@given(st.integers(2, 5), st.integers(2, 5), st.floats(1e-4, 10), seeds)
def test_one_wrong_entry_is_found_and_named(n, m, amount, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, m))
    index = (int(rng.integers(n)), int(rng.integers(m)))
    grad = 2 * x
    grad[index] += amount
    verdict = check_gradient(lambda x: np.sum(x**2), x, grad)
    assert not verdict
    assert verdict.worst == index
    assert verdict.grad == grad[index]
    assert verdict.numeric == pytest.approx(2 * x[index], abs=1e-6)
    assert "wrong" in str(verdict) and str(index) in str(verdict)


@pytest.mark.parametrize("factor", [-1.0, 0.0, 0.5, 1.00001, 2.0, 128.0])
def test_a_wrong_factor_fails(factor):
    x = np.random.default_rng(0).normal(size=(3, 2))
    verdict = check_gradient(lambda x: np.sum(x**2), x, factor * 2 * x)
    assert not verdict
    # In units of the largest of both gradients.
    assert verdict.error == pytest.approx(abs(1 - factor) / max(1, abs(factor)), rel=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_fails(bad):
    x = np.ones((2, 2))
    grad = 2 * x
    grad[0, 1] = bad
    verdict = check_gradient(lambda x: np.sum(x**2), x, grad)
    assert not verdict and verdict.worst == (0, 1)


def test_a_loss_that_is_nan_fails():
    assert not check_gradient(lambda x: np.nan, np.ones(3), np.zeros(3))


@pytest.mark.parametrize("level", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("seed", range(10))
def test_a_zero_gradient_at_a_minimum_passes(seed, level):
    # Both gradients are rounding there, and rounding divided by rounding is about 1.
    rng = np.random.default_rng(seed)
    layer = Dense(3, 2, "tanh", rng=rng, dtype=np.float64)
    x = rng.normal(size=(5, 3))
    target = layer.forward(x)
    value, dy = squared_error(layer.forward(x), target)
    layer.backward(dy)
    assert value == 0 and not layer.W.grad.any()
    verdict = check_gradient(
        lambda _: level + squared_error(layer.forward(x), target)[0], layer.W.value, layer.W.grad
    )
    assert verdict, str(verdict)


def test_the_numerical_gradient_is_exact_to_second_order():
    x = np.random.default_rng(1).normal(size=(4, 3))
    np.testing.assert_allclose(numerical_gradient(lambda x: np.sum(x**3), x), 3 * x**2, atol=1e-8)


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e6, 1e12, -3e9])
def test_entries_of_any_size_get_a_step_that_they_can_feel(size):
    # With an absolute step of 1e-6, 1e12 + h would be 1e12.
    np.testing.assert_allclose(numerical_gradient(np.sum, np.array([size])), [1], rtol=1e-6)


@pytest.mark.parametrize("arrange", [np.asfortranarray, lambda x: x[::-1, ::-1], lambda x: x.T])
def test_other_memory_layouts(arrange):
    x = arrange(np.random.default_rng(2).normal(size=(3, 4)))
    assert check_gradient(lambda x: np.sum(x**2), x, 2 * x)


def test_x_is_restored_to_the_bit():
    x = np.random.default_rng(3).normal(size=(3, 4))
    before = x.copy()
    check_gradient(lambda x: np.sum(x**2), x, 2 * x)
    np.testing.assert_array_equal(x, before)

    def raises_at_the_fifth_call(x, calls=[]):  # noqa: B006
        calls.append(1)
        if len(calls) == 5:
            raise ZeroDivisionError
        return 0.0

    with pytest.raises(ZeroDivisionError):
        numerical_gradient(raises_at_the_fifth_call, x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize(
    "x", [np.ones(3, np.float32), np.ones(3, int), [1.0, 2.0, 3.0], 1.0, np.ones(3, complex)]
)
def test_only_float64_arrays_are_checked(x):
    with pytest.raises(TypeError, match="x must be a float64 array, got"):
        check_gradient(lambda x: np.sum(x), x, np.ones(np.shape(x)))


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"grad must .*\(3,\), got \(3, 1\)"):
        check_gradient(lambda x: np.sum(x), np.ones(3), np.ones((3, 1)))


@pytest.mark.parametrize("step", [0, -1e-6, np.nan])
def test_a_step_that_is_none_is_refused(step):
    with pytest.raises(ValueError, match="step must be > 0, got"):
        numerical_gradient(lambda x: np.sum(x), np.ones(3), step)


# Layers ---------------------------------------------------------------------------------------


def network(rng):
    sizes = [(4, 3, "tanh"), (3, 5, "softplus"), (5, 2, "sigmoid")]
    return Sequential([Dense(i, o, f, rng=rng, dtype=np.float64) for i, o, f in sizes])


def test_check_layer_passes_a_right_network():
    rng = np.random.default_rng(4)
    verdicts = check_layer(network(rng), rng.normal(size=(6, 4)), rng=rng)
    assert list(verdicts) == ["x", *(f"parameter {i}" for i in range(6))]
    assert all(verdicts.values()), {k: str(v) for k, v in verdicts.items()}


def test_check_layer_finds_each_planted_mistake():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(6, 4))

    class WrongBias(Dense):
        def backward(self, dy):
            dx = super().backward(dy)
            self.b.grad /= len(dy)
            return dx

    class WrongInput(Dense):
        def backward(self, dy):
            return 1.001 * super().backward(dy)

    class ForgetsTheActivation(Dense):
        def backward(self, dy):
            activation, self.activation = self.activation, "identity"
            dx = super().backward(dy)
            self.activation = activation
            return dx

    mistakes = {
        WrongBias: {"parameter 1"},
        WrongInput: {"x"},
        ForgetsTheActivation: {"x", "parameter 0", "parameter 1"},
    }
    for kind, wrong in mistakes.items():
        verdicts = check_layer(kind(4, 3, "tanh", rng=rng, dtype=np.float64), x, rng=rng)
        assert {name for name, verdict in verdicts.items() if not verdict} == wrong


def test_a_whole_models_loss_can_be_checked():
    rng = np.random.default_rng(6)
    model, x, target = network(rng), rng.normal(size=(6, 4)), rng.normal(size=(6, 2))
    _, dy = squared_error(model.forward(x), target)
    model.backward(dy)
    for p in model.parameters():
        assert check_gradient(lambda _: squared_error(model.forward(x), target)[0], p.value, p.grad)
