"""The optimisers: first steps by hand, fifty steps against a scalar loop, state, and refusals."""

import math

import naive
import numpy as np
import pytest
from naive import BACKENDS, DTYPES

from vae_numpy import kernels
from vae_numpy.layers import Parameter, flatten
from vae_numpy.optimisers import SGD, Adagrad, Adam

OPTIMISERS = {
    "sgd": lambda: SGD(0.05),
    "momentum": lambda: SGD(0.05, momentum=0.9),
    "adagrad": lambda: Adagrad(0.5, initial_accumulator=0.1),
    "adam": lambda: Adam(0.05),
}
NAIVE = {
    "sgd": lambda value, grads: naive.sgd(value, grads, 0.05, 0.0),
    "momentum": lambda value, grads: naive.sgd(value, grads, 0.05, 0.9),
    "adagrad": lambda value, grads: naive.adagrad(value, grads, 0.5, 0.1, 1e-10),
    "adam": lambda value, grads: naive.adam(value, grads, 0.05, 0.9, 0.999, 1e-8),
}
optimisers = pytest.mark.parametrize("name", OPTIMISERS)


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request):
    with kernels.use(request.param):
        yield request.param


def make_parameters(rng, dtype=np.float64):
    return [Parameter(rng.normal(size=s).astype(dtype)) for s in [(4, 3), (3,), (3, 2), ()]]


# First steps by hand --------------------------------------------------------------------------


def one_step(optimiser, value, grad):
    p = Parameter(np.array(value, np.float64))
    p.grad[...] = grad
    optimiser.step([p])
    return p.value


def test_first_step_of_gradient_descent():
    np.testing.assert_allclose(one_step(SGD(0.1), [1.0, 2.0], [3.0, -4.0]), [0.7, 2.4])


@pytest.mark.parametrize("optimiser, rate", [(SGD, 0.01), (Adagrad, 0.01), (Adam, 0.001)])
def test_the_learning_rate_of_who_names_none(optimiser, rate):
    np.testing.assert_allclose(one_step(optimiser(), [1.0], [1.0]), 1 - rate, rtol=1e-8)


def test_momentum_adds_the_last_step():
    p, optimiser = Parameter(np.array([0.0])), SGD(0.1, momentum=0.5)
    for position in [-0.1, -0.25, -0.425]:  # steps 1, 1.5, 1.75 times 0.1
        p.grad[...] = 1
        optimiser.step([p])
        assert p.value[0] == pytest.approx(position)


def test_first_step_of_adam_is_the_learning_rate_whatever_the_gradients_size():
    grad = np.array([1e-3, -1.0, 1e6, -1e-12])
    moved = one_step(Adam(0.01), np.zeros(4), grad)
    # g / (|g| + eps): the sign, until eps = 1e-8 is felt
    np.testing.assert_allclose(moved, -0.01 * grad / (np.abs(grad) + 1e-8), rtol=1e-12)
    np.testing.assert_allclose(moved[:3], [-0.01, 0.01, -0.01], rtol=2e-5)


def test_adagrad_shrinks_like_one_over_the_root_of_the_steps():
    p, optimiser = Parameter(np.array([0.0])), Adagrad(1.0)
    p.grad[...] = 7.0
    position = 0.0
    for t in range(1, 20):
        optimiser.step([p])
        position -= 1 / math.sqrt(t)
        assert p.value[0] == pytest.approx(position, rel=1e-9)


# Many steps -----------------------------------------------------------------------------------


@optimisers
@pytest.mark.parametrize("dtype", DTYPES)
def test_fifty_steps_are_the_scalar_loop(name, dtype):
    rng = np.random.default_rng(0)
    parameters, optimiser = make_parameters(rng, dtype), OPTIMISERS[name]()
    starts = [p.value.copy() for p in parameters]
    gradients = [[rng.normal(size=p.value.shape).astype(dtype) for p in parameters]]
    gradients += [[rng.normal(size=p.value.shape).astype(dtype) for p in parameters]] * 24
    gradients += [[rng.normal(size=p.value.shape).astype(dtype) for p in parameters]] * 25
    for row in gradients:
        for p, grad in zip(parameters, row, strict=True):
            p.grad[...] = grad
        optimiser.step(parameters)
    for i, (p, start) in enumerate(zip(parameters, starts, strict=True)):
        for index in np.ndindex(start.shape):
            path = NAIVE[name](float(start[index]), [float(row[i][index]) for row in gradients])
            size = max(1.0, *map(abs, path))
            assert abs(p.value[index] - path[-1]) <= 200 * np.finfo(dtype).eps * size


@optimisers
def test_a_flat_buffer_gives_the_same_bits_as_a_list(name):
    rng = np.random.default_rng(1)
    single, buffered = make_parameters(rng), make_parameters(np.random.default_rng(1))
    flat = flatten(buffered)
    first, second = OPTIMISERS[name](), OPTIMISERS[name]()
    for _ in range(20):
        for p, q in zip(single, buffered, strict=True):
            p.grad[...] = q.grad[...] = rng.normal(size=p.value.shape)
        first.step(single)
        second.step([flat])
    for p, q in zip(single, buffered, strict=True):
        np.testing.assert_array_equal(p.value, q.value)


@optimisers
def test_each_parameter_has_a_state_of_its_own(name):
    # One parameter alone, and the same beside another with other gradients: the same path.
    alone, together = Parameter(np.ones(3)), [Parameter(np.ones(3)), Parameter(np.ones(3))]
    first, second = OPTIMISERS[name](), OPTIMISERS[name]()
    rng = np.random.default_rng(2)
    for _ in range(10):
        alone.grad[...] = together[1].grad[...] = rng.normal(size=3)
        together[0].grad[...] = 100 * rng.normal(size=3)
        first.step([alone])
        second.step(together)
    np.testing.assert_array_equal(alone.value, together[1].value)


@optimisers
def test_a_quadratic_bowl_is_descended(name):
    target, curvature = np.array([1.0, -2.0, 0.5]), np.array([1.0, 4.0, 0.25])
    p, optimiser = Parameter(np.zeros(3)), OPTIMISERS[name]()
    for _ in range(3000):
        p.grad[...] = curvature * (p.value - target)
        optimiser.step([p])
    np.testing.assert_allclose(p.value, target, atol=1e-6)


@optimisers
def test_a_parameter_without_a_gradient_stays(name):
    p = Parameter(np.array([1.0, 2.0]))
    optimiser = OPTIMISERS[name]()
    for _ in range(3):
        optimiser.step([p])
    np.testing.assert_array_equal(p.value, [1.0, 2.0])


@optimisers
@pytest.mark.parametrize("dtype", DTYPES)
def test_steps_are_in_place_and_leave_the_gradient_alone(name, dtype):
    p = Parameter(np.ones((2, 3), dtype))
    p.grad[...] = 0.5
    value, grad = p.value, p.grad
    OPTIMISERS[name]().step([p])
    assert p.value is value and p.grad is grad
    assert value.dtype == dtype and np.all(value < 1) and np.all(grad == 0.5)


@optimisers
@pytest.mark.parametrize("arrange", [np.asfortranarray, lambda x: np.repeat(x, 2, 1)[:, ::2]])
def test_a_value_in_another_memory_layout_is_refused(name, arrange):
    p = Parameter(np.ones((3, 2)))
    p.value = arrange(p.value)
    with pytest.raises(ValueError, match="parameters must hold C-contiguous arrays"):
        OPTIMISERS[name]().step([p])
    assert np.all(p.value == 1)


@optimisers
def test_the_learning_rate_can_be_changed_between_steps(name):
    slow, fast = Parameter(np.ones(2)), Parameter(np.ones(2))
    first, second = OPTIMISERS[name](), OPTIMISERS[name]()
    second.learning_rate *= 2
    slow.grad[...] = fast.grad[...] = 1.5
    first.step([slow])
    second.step([fast])
    np.testing.assert_allclose(1 - fast.value, 2 * (1 - slow.value), rtol=1e-12)


# What they refuse -----------------------------------------------------------------------------


@optimisers
def test_another_list_of_parameters_is_refused_and_changes_nothing(name):
    optimiser = OPTIMISERS[name]()
    optimiser.step([Parameter(np.ones((2, 3))), Parameter(np.ones(3))])
    for shapes in [[(2, 3)], [(3,), (2, 3)], [(2, 3), (4,)], [(2, 3), (3,), (3,)], []]:
        others = [Parameter(np.ones(shape)) for shape in shapes]
        for p in others:
            p.grad[...] = 1
        with pytest.raises(ValueError, match="parameters must have the shapes .*, got "):
            optimiser.step(others)
        assert all(np.all(p.value == 1) for p in others)
    assert optimiser.t == 1


@optimisers
@pytest.mark.parametrize(
    "value, grad, error, message",
    [
        (np.ones(4000), np.ones(3), ValueError, r"shape, \(4000,\), got \(3,\)"),
        (np.ones((2, 3)), np.ones((3, 2)), ValueError, r"shape, \(2, 3\), got \(3, 2\)"),
        (np.ones(3), np.ones(3, np.float32), TypeError, "type, float64, got float32"),
        (np.ones(3, int), np.ones(3, int), TypeError, "float32 or float64, got int64"),
        (np.ones(3, np.float16), np.ones(3, np.float16), TypeError, "got float16"),
    ],
)
def test_a_gradient_that_does_not_fit_is_refused_and_changes_nothing(
    name, value, grad, error, message
):
    good, bad, optimiser = Parameter(np.ones(2)), Parameter(value.copy()), OPTIMISERS[name]()
    good.grad[...], bad.grad = 1, grad
    with pytest.raises(error, match="parameters must .*" + message):
        optimiser.step([good, bad])
    assert np.all(good.value == 1) and np.all(bad.value == 1) and optimiser.t == 0
    optimiser.step([good])  # the refused step made no state
    assert np.all(good.value < 1) and optimiser.t == 1


@pytest.mark.parametrize("optimiser", [SGD, Adagrad, Adam])
@pytest.mark.parametrize("bad", [0, -0.1, math.nan, math.inf, "0.1", None, True, 1j])
def test_a_bad_learning_rate_is_refused_by_name(optimiser, bad):
    with pytest.raises((ValueError, TypeError), match="learning_rate must be .*, got"):
        optimiser(learning_rate=bad)


@pytest.mark.parametrize(
    "optimiser, arguments",
    [
        (SGD, {"momentum": 1.0}),
        (SGD, {"momentum": -0.1}),
        (Adagrad, {"initial_accumulator": -1.0}),
        (Adagrad, {"eps": 0}),
        (Adam, {"beta1": 1.0}),
        (Adam, {"beta1": -0.1}),
        (Adam, {"beta2": -0.1}),
        (Adam, {"beta2": 1.5}),
        (Adam, {"beta2": math.nan}),
        (Adam, {"eps": -1e-8}),
    ],
)
def test_other_arguments_out_of_bounds_are_refused_by_name(optimiser, arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"{name} must be .*, got {value}"):
        optimiser(**arguments)
