"""Random configurations of every estimator: finite numbers or a refusal by name; whole gradients.

``pytest -m nightly`` draws two thousand others.
"""

import re
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from naive import WITHOUT_JIT

from vae_numpy import kernels
from vae_numpy.data.corruption import KINDS
from vae_numpy.kernels.reference import ACTIVATIONS
from vae_numpy.likelihoods import LIKELIHOODS
from vae_numpy.models import VAE, Autoencoder, LinearAutoencoder
from vae_numpy.models.autoencoder import LOSSES
from vae_numpy.schedules import SCHEDULES
from vae_numpy.training import TrainingDiverged


@pytest.fixture(autouse=True, scope="module")
def backend():
    """Without the JIT the loops are Python's, whose exp raises an error where it overflows."""
    with kernels.use("numpy" if WITHOUT_JIT else kernels.backend()):
        yield


# Data -------------------------------------------------------------------------------------------


def reals(rng, n, d):
    return rng.normal(size=(n, d)) * np.exp(rng.normal(size=d))


def bits(rng, n, d):
    return rng.integers(0, 2, (n, d)).astype(float)


def unit_interval(rng, n, d):
    return rng.random((n, d))


def blocks(d):
    return (d - d // 2, d // 2) if d > 1 else (1,)


def one_hot(rng, n, d):
    return np.hstack([np.eye(size)[rng.integers(0, size, n)] for size in blocks(d)])


# What suits a loss or a likelihood; a new one needs its line here.
SUITABLE = {
    "squared_error": [reals],
    "gaussian": [reals],
    "laplace": [reals],
    "bernoulli": [bits, unit_interval],
    "continuous_bernoulli": [bits, unit_interval],
    "categorical": [one_hot],
}
SCALES = [1e-30, 1e-6, 1e-3, 1.0, 1.0, 1.0, 1e3, 1e6, 1e15, 1e30]
SHAPES = {
    "as drawn": lambda x: x,
    "one row again and again": lambda x: np.tile(x[:1], (len(x), 1)),
    "a constant column": lambda x: np.where(np.arange(x.shape[1]) == 0, x[0, 0], x),
    "zeros": np.zeros_like,
    "ones": np.ones_like,
}


@st.composite
def data(draw, kinds):
    """Draw (n, d) rows of one of the kinds, sometimes degenerate, far from 0, or out of scale."""
    n, d = draw(st.integers(1, 30)), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    x = SHAPES[draw(st.sampled_from(["as drawn"] * 4 + list(SHAPES)))](
        draw(st.sampled_from(kinds))(rng, n, d)
    )
    if kinds == [reals]:
        x = draw(st.sampled_from(SCALES)) * (x + draw(st.sampled_from([0, 0, 0, 10, 1000])))
    return x.astype(draw(st.sampled_from([np.float32, np.float64])))


# Arguments --------------------------------------------------------------------------------------

sizes = st.one_of(st.integers(1, 9), st.lists(st.integers(1, 9), max_size=3).map(tuple))
activations = st.sampled_from(list(ACTIVATIONS))

COMMON = {
    "n_components": st.integers(1, 5),
    "solver": st.sampled_from(["adam", "adagrad", "sgd"]),
    "learning_rate_init": st.sampled_from([1e-6, 1e-3, 1e-3, 1e-2, 1e-2, 0.1, 0.1, 1.0, 1e30]),
    "learning_rate": st.sampled_from(SCHEDULES),
    "batch_size": st.sampled_from([None, 1, 2, 7, np.int64(16), 64]),
    "max_iter": st.just(2),
    "tol": st.sampled_from([None, 0.0, 1e-3, np.float32(0.5), 1e9]),
    "n_iter_no_change": st.integers(1, 3),
    "weight_decay": st.sampled_from([0.0, 0.0, 1e-4, np.float64(0.1), 10.0]),
    "random_state": st.one_of(st.integers(0, 2**32), st.integers(0, 99).map(np.random.default_rng)),
    "verbose": st.sampled_from([False, False, False, True]),
    "warm_start": st.booleans(),
    "callbacks": st.sampled_from([None, [], [lambda model: False], (lambda model: True,)]),
}
STOPPING = {
    "hidden_layer_sizes": sizes,
    "activation": activations,
    "conv_channels": st.sampled_from([(), (), (), (2,), 3]),
    "image_shape": st.sampled_from([None] * 9 + [(2, 3)]),  # and see ``suited``
    "early_stopping": st.booleans(),
    "validation_fraction": st.sampled_from([0.01, 0.1, 0.1, 0.3, 0.5, 0.99]),
}
ARGUMENTS = {
    LinearAutoencoder: COMMON | {"solver": st.sampled_from(["adam", "adagrad", "sgd", "svd"])},
    Autoencoder: COMMON
    | STOPPING
    | {
        "loss": st.sampled_from(list(LOSSES)),
        "noise": st.sampled_from([None, *KINDS, lambda x, rng: 0.5 * x[::-1]]),
        "noise_level": st.sampled_from([0.0, 0.1, 1.0, 2.0]),
    },
    VAE: COMMON
    | STOPPING
    | {
        "likelihood": st.sampled_from(list(LIKELIHOODS)),
        "beta": st.sampled_from([0, 0.5, 1.0, 4, np.float64(100)]),
        "capacity": st.sampled_from([None] * 9 + [0.0, 5.0, np.float32(50)]),
        "gamma": st.sampled_from([1e-3, 1.0, 1000.0]),
        "capacity_epochs": st.sampled_from([None, 1, 2, 10]),
        "warm_up": st.sampled_from([0, 0, 1, 5]),
        "free_bits": st.sampled_from([0.0, 0.0, 0.1, 2]),
        "categories": st.sampled_from([None] * 9 + [(1, 2)]),  # and see ``suited``
        "variance": st.sampled_from([1.0, 1e-3, np.float32(30), "learnt", "per_feature"]),
        "decoder_hidden_layer_sizes": st.none() | sizes,
        "decoder_activation": st.none() | activations,
    },
}
CLASSES = [VAE, VAE, VAE, Autoencoder, LinearAutoencoder]  # the more arguments, the more often


def loss_of(model):
    return getattr(model, "likelihood", getattr(model, "loss", "squared_error"))


def suited(model, X):
    """Give the model the arguments that only the data tell, and take a variance of no use away."""
    d = X.shape[1]
    if loss_of(model) == "categorical":
        model.set_params(categories=blocks(d))
    if isinstance(model, VAE) and "variance" not in LIKELIHOODS[model.likelihood].arguments:
        model.set_params(variance=1.0)
    if hasattr(model, "image_shape") and d % 2 == 0 and d > 2:
        model.set_params(image_shape=(2, d // 2))
    elif hasattr(model, "image_shape"):
        model.set_params(image_shape=None, conv_channels=())
    return model, X


@st.composite
def configurations(draw):
    """Draw an unfitted model with arguments of all kinds, and data that suit it, mostly."""
    model_class = draw(st.sampled_from(CLASSES))
    model = model_class(**draw(st.fixed_dictionaries(ARGUMENTS[model_class])))
    if draw(st.sampled_from([True] * 14 + [False])):
        return suited(model, draw(data(SUITABLE[loss_of(model)])))
    return model, draw(data([reals, bits, unit_interval]))


@pytest.mark.parametrize("model_class", ARGUMENTS)
def test_every_argument_is_drawn(model_class):
    assert ARGUMENTS[model_class].keys() == model_class().get_params().keys()


# Finite, or refused by name ---------------------------------------------------------------------


def everything(model, X):
    """Return all the numbers that a fitted model has and gives, by name."""
    numbers = {f"weights {i}": p.value for i, p in enumerate(model._parameters())}
    numbers |= {name: np.array(values) for name, values in model.history_.items()}
    Z = model.transform(X)
    numbers |= {"transform": Z, "inverse_transform": model.inverse_transform(Z)}
    numbers |= {"reconstruct": model.reconstruct(X), "score": model.score(X)}
    numbers |= {"score_samples": model.score_samples(X)}
    if isinstance(model, VAE):
        numbers |= dict(zip(["mu", "logvar"], model.encode(X), strict=True))
        numbers |= {"elbo": model.elbo(X, 2, 0), "mean": model.sample(3, 0, mean=True)}
        numbers |= {"log_likelihood": model.log_likelihood(X, 3, 0)}
        numbers |= {"interpolate": model.interpolate(Z[0], Z[-1], spherical=True)}
        numbers |= {"traverse": model.traverse(Z[0], 0, [-1, 0, 1])}
    return numbers


def check_numbers(model, X):
    """Check that all that comes out is finite; draws may be refused, as a variance may be huge."""
    numbers = everything(model, X)
    for name, value in numbers.items():
        assert np.isfinite(value).all(), name
    assert numbers["transform"].shape == (len(X), model.n_components)
    assert numbers["reconstruct"].shape == X.shape
    assert numbers["transform"].dtype == numbers["reconstruct"].dtype == X.dtype
    assert numbers["score_samples"].shape == (len(X),)
    if isinstance(model, VAE):
        try:
            assert np.isfinite(model.sample(5, 0)).all()
        except ValueError as error:
            assert model.likelihood_.log_variance.value.max() > 80 and "learning_rate_init" in str(
                error
            )


def check_configuration(model, X, go_on):
    """Train a model and go on with it: all is finite, or an error names what it is about."""
    names = "|".join(["X", *model.get_params()]).replace("_", "[_ ]")
    learn = [model.fit, *([getattr(model, go_on)] if hasattr(model, go_on) else [])]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what is wrong is an error; NumPy has nothing to add
        for step in learn:
            try:
                step(X)
            except (ValueError, TypeError, TrainingDiverged) as error:
                assert re.search(rf"\b({names})\b", str(error)), error
                if not hasattr(model, "encoder_"):
                    return
            check_numbers(model, X)


going_on = st.sampled_from(["fit", "partial_fit", "resume"])


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(configurations(), going_on)
def test_any_configuration_is_finite_or_refused_by_name(configuration, go_on):
    check_configuration(*configuration, go_on)


@pytest.mark.nightly
@settings(max_examples=2000, derandomize=False, suppress_health_check=[HealthCheck.too_slow])
@given(configurations(), going_on)
def test_many_configurations_are_finite_or_refused_by_name(configuration, go_on):
    check_configuration(*configuration, go_on)


# The gradient of the whole loss -----------------------------------------------------------------


def small_models(model_class):
    """Draw a model with few weights; what only the loop reads stays as it is."""
    small = st.lists(st.integers(1, 4), max_size=2).map(tuple)
    arguments = {
        **ARGUMENTS[model_class],
        "n_components": st.integers(1, 2 if model_class is LinearAutoencoder else 3),
        "learning_rate_init": st.just(0.01),
        "callbacks": st.none(),
        "verbose": st.just(False),
        "early_stopping": st.just(False),
        "hidden_layer_sizes": small,
        "decoder_hidden_layer_sizes": st.none() | small,
        "capacity": st.sampled_from([None, None, 0.0, 5.0]),
        "solver": st.just("adam"),
        "gamma": st.sampled_from([1e-3, 1.0, 10.0]),
        "noise_level": st.sampled_from([0.1, 1.0]),
        "categories": st.none(),
    }
    taken = {name: arguments[name] for name in ARGUMENTS[model_class]}
    return st.fixed_dictionaries(taken).map(lambda chosen: model_class(**chosen))


def loss_and_gradients(model, x):
    """Compute the whole loss of one step, whose noise is the same in every call."""
    loss = model._decayed_step(x, np.random.default_rng(5))["loss"]
    squares = sum(np.sum(p.value**2) for p in model._parameters() if p.value.ndim > 1)
    return loss + model.weight_decay * squares


def differences(f, x, h=1e-3):
    """Estimate df/dx in all entries by four points, and say where f has a kink between them.

    The fourth difference of a smooth f is of the order of h^4, that of a kink of the order of h.
    """
    slopes, kinks, middle = np.empty(x.size), np.empty(x.size, bool), f()
    flat = x.reshape(-1)
    assert np.shares_memory(flat, x)
    for i, kept in enumerate(flat.copy()):
        value = {0: middle}
        for k in (-2, -1, 1, 2):
            flat[i] = kept + k * h
            value[k] = f()
        flat[i] = kept
        slopes[i] = (8 * (value[1] - value[-1]) - (value[2] - value[-2])) / (12 * h)
        bend = value[2] - 4 * value[1] + 6 * value[0] - 4 * value[-1] + value[-2]
        kinks[i] = abs(bend) > 1e-6 * h * max(1, abs(slopes[i]))
    return slopes.reshape(x.shape), kinks.reshape(x.shape)


@st.composite
def steps(draw):
    """Draw a model in the middle of its training, in float64, and a minibatch."""
    model = draw(small_models(draw(st.sampled_from(CLASSES))))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    kind = draw(st.sampled_from(SUITABLE[loss_of(model)]))
    model, x = suited(model, kind(rng, draw(st.integers(1, 6)), draw(st.integers(2, 4))))
    try:
        model.partial_fit(x)
    except ValueError as error:  # arguments that exclude each other
        assert "exclude" in str(error)
        reject()
    for p in model._parameters():  # no special ones, such as biases of 0
        p.value += 0.3 * rng.normal(size=p.value.shape)
    return model, x


@settings(max_examples=200)
@given(steps())
def test_the_gradient_of_the_whole_loss_is_that_of_finite_differences(step):
    model, x = step
    rounding = 1e-11 * (1 + abs(loss_and_gradients(model, x)))  # of a loss, over the step of 1e-3
    gradients = [p.grad.copy() for p in model._parameters()]
    kinked = []
    for p, gradient in zip(model._parameters(), gradients, strict=True):
        numeric, kinks = differences(lambda: loss_and_gradients(model, x), p.value)
        error = np.where(kinks, 0, np.abs(gradient - numeric)).max()
        assert error < 1e-6 * np.abs(numeric).max() + rounding, p
        kinked.append(kinks.mean())
    assume(np.mean(kinked) < 0.5)


# What the many found ----------------------------------------------------------------------------


def test_draws_from_a_variance_that_has_grown_out_of_bounds_are_refused_by_name():
    X = np.array([[0.2], [-0.3]], np.float32)
    vae = VAE(1, (1,), variance="learnt", max_iter=2, random_state=0).fit(X)
    vae.log_variance_.value[...] = 1e4  # where steps that are too large end
    with pytest.raises(ValueError, match="sample needs .*float32.* a smaller learning_rate_init"):
        vae.sample(3)
    assert np.isfinite(vae.sample(3, mean=True)).all() and np.isfinite(vae.score(X))
