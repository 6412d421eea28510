"""The nonlinear autoencoder: its gradients, shapes, schedules, early stopping and scikit-learn."""

import math

import numpy as np
import pandas as pd
import pytest
from naive import BACKENDS, DTYPES, gradient, relative_error
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from vae_numpy import kernels
from vae_numpy.models import VAE, Autoencoder
from vae_numpy.training import TrainingDiverged

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4)) * [1.5, 1, 1, 0.5]
UNIT = rng.uniform(0, 1, (60, 4))  # for the Bernoulli loss


def make(n_components=2, hidden_layer_sizes=(8,), **arguments):
    settings = {"max_iter": 5, "learning_rate_init": 0.01, "batch_size": 16, "random_state": 0}
    return Autoencoder(n_components, hidden_layer_sizes, **{**settings, **arguments})


def weights(model):
    """Return copies of W and b of each layer, the encoder's first."""
    return [p.value.copy() for p in model.encoder_.parameters() + model.decoder_.parameters()]


def same_weights(model, other):
    return all(map(np.array_equal, weights(model), weights(other)))


# The whole loss, written again with nothing of the library in it ---------------------------------

FUNCTIONS = {
    "identity": lambda a: a,
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "softplus": lambda a: np.log1p(np.exp(a)),
    "relu": lambda a: np.maximum(a, 0),
}


def network(parameters, activation, x):
    last = len(parameters) // 2 - 1
    for i in range(last + 1):
        a = x @ parameters[2 * i] + parameters[2 * i + 1]
        x = a if i == last else FUNCTIONS[activation](a)
    return x


def naive_loss(model, parameters, x, damaged):
    """Compute the loss, weight decay included; ``parameters`` as ``weights`` gives them."""
    half = len(parameters) // 2
    z = network(parameters[:half], model.activation, damaged)
    output = network(parameters[half:], model.activation, z)
    if model.loss == "squared_error":
        losses = (output - x) ** 2
    else:
        p = 1 / (1 + np.exp(-output))
        losses = -x * np.log(p) - (1 - x) * np.log(1 - p)
    squares = sum(np.sum(p**2) for p in parameters if p.ndim == 2)
    return losses.sum(axis=1).mean() + model.weight_decay * squares


def check_gradients(x, damage=None, **arguments):
    model = make(batch_size=None, max_iter=2, noise=damage, **arguments).fit(x)
    before = weights(model)
    # One step of gradient descent with learning rate 1 moves the weights by minus the gradient.
    model.set_params(warm_start=True, max_iter=1, solver="sgd", learning_rate_init=1.0)
    after = weights(model.fit(x))
    damaged = x if damage is None else damage(x, None)
    assert model.loss_curve_[-1] == pytest.approx(
        naive_loss(model.set_params(weight_decay=0.0), before, x, damaged), rel=1e-12
    )
    model.set_params(weight_decay=arguments.get("weight_decay", 0.0))
    for i, value in enumerate(before):

        def loss(value, i=i):
            return naive_loss(model, before[:i] + [value] + before[i + 1 :], x, damaged)

        assert relative_error(before[i] - after[i], gradient(loss, value)) < 1e-6, i


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("loss, x", [("squared_error", X[:7]), ("bernoulli", UNIT[:7])])
def test_gradients_of_the_whole_loss(loss, x, weight_decay, backend):
    with kernels.use(backend):
        check_gradients(x, loss=loss, weight_decay=weight_decay)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "identity"])
@pytest.mark.parametrize("hidden", [3, (), (5, 4, 3)])
def test_gradients_of_any_stack(hidden, activation):
    check_gradients(X[:5], hidden_layer_sizes=hidden, activation=activation)


@pytest.mark.parametrize("loss, x", [("squared_error", X[:7]), ("bernoulli", UNIT[:7])])
def test_the_loss_compares_with_the_clean_data(loss, x):
    check_gradients(x, damage=lambda x, rng: 0.5 * x[:, ::-1] + 0.1, loss=loss)


def test_damage_is_done_while_training_only():
    model = make(noise="masking", noise_level=1.0).fit(X)  # it has seen nothing but zeros
    assert np.ptp(model.transform(X), axis=0).min() > 0
    assert model.score(X) == pytest.approx(-np.sum((X - model.reconstruct(X)) ** 2) / len(X))
    # Blind, it can do no better than to return the mean.
    blind = make(1, (), noise="masking", noise_level=1.0, max_iter=400, batch_size=None).fit(X)
    assert blind.loss_curve_[-1] == pytest.approx(np.sum(X.var(axis=0)), rel=1e-2)


def test_the_damage_is_drawn_anew_in_each_step_and_by_the_seed():
    seen = []

    def watch(x, rng):
        seen.append(rng.random())
        return x

    make(noise=watch).fit(X)
    make(noise=watch).fit(X)
    n_steps = 5 * 4
    assert seen[:n_steps] == seen[n_steps:] and len(set(seen)) == n_steps


# Shapes, types, the two losses -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "hidden, sizes",
    [
        (7, [(4, 7), (7, 2), (2, 7), (7, 4)]),
        ((), [(4, 2), (2, 4)]),
        ((9, 5, 3), [(4, 9), (9, 5), (5, 3), (3, 2), (2, 3), (3, 5), (5, 9), (9, 4)]),
        ([6, 5], [(4, 6), (6, 5), (5, 2), (2, 5), (5, 6), (6, 4)]),
    ],
)
def test_any_stack_of_layers(hidden, sizes, dtype):
    data = X.astype(dtype)
    model = make(hidden_layer_sizes=hidden).fit(data)
    layers = model.encoder_.layers + model.decoder_.layers
    assert [layer.W.value.shape for layer in layers] == sizes
    linear = [i for i, layer in enumerate(layers) if layer.activation == "identity"]
    assert linear == [len(sizes) // 2 - 1, len(sizes) - 1]  # the code and the output
    assert all(w.dtype == dtype for w in weights(model))
    for other in DTYPES:
        assert model.transform(X.astype(other)).dtype == other
        assert model.reconstruct(X.astype(other)).dtype == other
        assert model.inverse_transform(np.ones((3, 2), other)).dtype == other
    assert model.transform(data).shape == (60, 2) and model.reconstruct(data).shape == X.shape
    assert model.partial_fit(data).n_iter_ == 6


@pytest.mark.parametrize("dtype", DTYPES)
def test_bernoulli_gives_probabilities(dtype):
    model = make(loss="bernoulli").fit(UNIT.astype(dtype))
    far = np.array([[1e4, -1e4], [-1e4, 1e4], [0, 0]], dtype)
    for p in (model.reconstruct(UNIT.astype(dtype)), model.inverse_transform(far)):
        assert np.all((p >= 0) & (p <= 1))
    p = model.reconstruct(UNIT)
    by_hand = -np.sum(UNIT * np.log(p) + (1 - UNIT) * np.log(1 - p)) / len(UNIT)
    assert model.score(UNIT) == pytest.approx(-by_hand, rel=1e-5 if dtype == np.float32 else 1e-12)


def test_bernoulli_learns_the_frequencies_of_binary_data():
    data = (np.random.default_rng(1).random((500, 3)) < [0.1, 0.5, 0.8]).astype(float)
    blind = make(
        1, (), loss="bernoulli", noise="masking", noise_level=1.0, max_iter=300, batch_size=None
    ).fit(data)
    np.testing.assert_allclose(blind.reconstruct(np.zeros((1, 3)))[0], data.mean(axis=0), atol=0.01)


@pytest.mark.parametrize("bad", [-0.01, 1.01])
def test_bernoulli_refuses_data_outside_0_and_1(bad):
    data = UNIT.copy()
    data[3, 2] = bad
    model = make(loss="bernoulli")
    for learn in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=rf"X must lie in \[0, 1\] .*bernoulli.*got .*{bad}"):
            learn(data)
        assert not hasattr(model, "encoder_")
    model.fit(UNIT)
    before = weights(model)
    for call in (model.fit, model.partial_fit, model.resume, model.score):
        with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
            call(data)
    assert all(map(np.array_equal, weights(model), before))


@pytest.mark.parametrize(
    "name, value, error, wanted",
    [
        ("activation", "swish", ValueError, "one of .*'tanh'"),
        ("loss", "mse", ValueError, "one of .*'squared_error'"),
        ("hidden_layer_sizes", (8, 0), ValueError, ">= 1, got 0"),
        ("hidden_layer_sizes", -3, ValueError, ">= 1, got -3"),
        ("hidden_layer_sizes", (8, 2.5), TypeError, "an integer, got 2.5"),
        ("hidden_layer_sizes", None, TypeError, "an integer, got None"),
        ("hidden_layer_sizes", "64", TypeError, "an integer, got '64'"),
        ("validation_fraction", 0, ValueError, "> 0 and < 1, got 0"),
        ("validation_fraction", 1.0, ValueError, "> 0 and < 1, got 1"),
    ],
)
def test_bad_arguments_are_refused_by_name(name, value, error, wanted):
    model = make(early_stopping=True, **{name: value} if name != "hidden_layer_sizes" else {})
    model.set_params(**{name: value})
    with pytest.raises(error, match=f"{name}.* {wanted}"):
        model.fit(X)
    assert not hasattr(model, "encoder_")


# Weight decay and schedules ----------------------------------------------------------------------


def test_weight_decay_shrinks_the_weights_and_leaves_the_biases_alone():
    # Zeros in: what a step does to W is weight decay alone, W <- (1 - 2 eta lambda) W.
    zeros, eta, decay = np.zeros((8, 4)), 0.01, 0.5
    options = {"solver": "sgd", "learning_rate_init": eta, "batch_size": None, "max_iter": 1}
    plain = weights(make(**options).fit(zeros))
    decayed = weights(make(**options, weight_decay=decay).fit(zeros))
    for before, after in zip(plain, decayed, strict=True):
        factor = 1 - 2 * eta * decay if before.ndim == 2 else 1
        np.testing.assert_allclose(after, factor * before, rtol=1e-12)
    # With data the biases move, and in the first step they move as without weight decay.
    plain, decayed = (make(**options, weight_decay=d).fit(X) for d in (0.0, decay))
    for before, after in zip(weights(plain), weights(decayed), strict=True):
        assert np.array_equal(before, after) == (before.ndim == 1)
    norms = []
    for d in (0.0, 0.01, 0.1, 1.0):
        model = make(weight_decay=d, max_iter=200).fit(X)
        norms.append(sum(np.sum(w**2) for w in weights(model) if w.ndim == 2))
    assert norms == sorted(norms, reverse=True) and norms[-1] < 1e-2 * norms[0]


FALL = {
    "constant": lambda f: 1.0,
    "cosine": lambda f: (1 + math.cos(math.pi * f)) / 2,
    "step": lambda f: 1.0 if f < 0.5 else 0.1 if f < 0.75 else 0.01,
}


@pytest.mark.parametrize("schedule", FALL)
def test_schedules_by_hand(schedule):
    """One weight in, one out: z = v x + b, x_hat = w z + c, gradient descent with momentum 0.9."""
    n_epochs, n_batches, eta = 8, 3, 0.02
    data = np.ones((6, 1))  # all rows alike: the order does not matter
    options = {"solver": "sgd", "learning_rate_init": eta, "batch_size": 2}
    start = weights(
        make(1, (), **{**options, "learning_rate_init": 1e-300, "max_iter": 1}).fit(data)
    )
    model = make(1, (), **options, learning_rate=schedule, max_iter=n_epochs).fit(data)

    v, b, w, c = (float(p.item()) for p in start)
    velocity = [0.0] * 4
    for step in range(n_epochs * n_batches):
        z = v + b
        e = 2 * (w * z + c - 1)  # the derivative of (x_hat - 1)^2
        grads = [e * w, e * w, e * z, e]
        velocity = [0.9 * u + g for u, g in zip(velocity, grads, strict=True)]
        rate = eta * FALL[schedule](step / (n_epochs * n_batches))
        v, b, w, c = (p - rate * u for p, u in zip((v, b, w, c), velocity, strict=True))
    learnt = [p.item() for p in weights(model)]
    np.testing.assert_allclose(learnt, [v, b, w, c], rtol=1e-12)


# Early stopping ----------------------------------------------------------------------------------


def stopping(**arguments):
    """Return a model whose validation loss rises again: 40 noisy rows, a large network."""
    options = {"early_stopping": True, "n_iter_no_change": 5, "max_iter": 500, "batch_size": 8}
    return make(2, (32,), **{**options, "learning_rate_init": 0.02, **arguments})


def test_early_stopping_holds_out_rows_that_it_never_trains_on():
    data = np.arange(160.0).reshape(40, 4) / 160  # each row is known by its first entry
    seen = set()

    def watch(x, rng):
        seen.update(np.rint(x[:, 0] * 40).astype(int))
        return x

    model = stopping(noise=watch, validation_fraction=0.25, max_iter=3).fit(data)
    held_out = set(range(40)) - seen
    assert len(held_out) == 10
    rows = sorted(held_out)
    assert model.history_["validation_loss"][-1] >= -model.score(data[rows])  # the best is kept
    assert min(model.history_["validation_loss"]) == pytest.approx(-model.score(data[rows]))
    other = stopping(random_state=1, max_iter=1).fit(data)
    assert not np.array_equal(other._held_out.rows, model._held_out.rows)


@pytest.mark.parametrize("seed", range(3))
def test_early_stopping_stops_and_keeps_the_best_weights(seed):
    kept = []
    model = stopping(random_state=seed, callbacks=[lambda m: kept.append(weights(m))]).fit(X[:40])
    losses = model.history_["validation_loss"]
    assert list(model.history_) == ["loss", "validation_loss"]
    assert len(losses) == len(model.loss_curve_) == model.n_iter_ == len(kept) < 500
    best = int(np.argmin(losses))
    assert len(losses) - 1 - best == 5  # five epochs without a better one
    assert all(map(np.array_equal, weights(model), kept[best]))
    assert not np.array_equal(kept[best][0], kept[-1][0])


def test_without_early_stopping_nothing_is_held_out():
    model = make().fit(X)
    assert list(model.history_) == ["loss"] and model.n_iter_ == 5


@pytest.mark.parametrize("n, fraction", [(2, 0.5), (2, 0.01), (10, 0.8)])
def test_early_stopping_on_few_rows(n, fraction):
    model = stopping(validation_fraction=fraction, max_iter=3).fit(X[:n])
    assert model.n_iter_ == 3


@pytest.mark.parametrize("n, fraction, wanted", [(1, 0.1, "2 samples"), (10, 0.97, "0.97")])
def test_early_stopping_says_what_is_wrong_when_no_row_is_left(n, fraction, wanted):
    with pytest.raises(ValueError, match=wanted):
        stopping(validation_fraction=fraction).fit(X[:n])


def test_tol_without_early_stopping_ends_by_the_training_loss():
    model = make(tol=1e9, n_iter_no_change=3, max_iter=50).fit(X)
    assert model.n_iter_ == 4
    assert make(tol=0.0, n_iter_no_change=50, max_iter=50).fit(X).n_iter_ == 50


# Going on ----------------------------------------------------------------------------------------


def test_partial_fits_are_the_epochs_of_a_fit():
    whole, parts = make(noise="gaussian", max_iter=4).fit(X), make(noise="gaussian")
    for epoch in range(4):
        assert parts.partial_fit(X) is parts and parts.n_iter_ == epoch + 1
    assert same_weights(whole, parts) and whole.loss_curve_ == parts.loss_curve_


def test_partial_fit_takes_new_data_and_refuses_early_stopping():
    model = make().partial_fit(X).partial_fit(X[:7] + 1)
    assert model.n_iter_ == 2
    with pytest.raises(ValueError, match="early_stopping=False"):
        stopping().partial_fit(X)


def test_warm_start_goes_on_at_the_weights_and_the_history_grows():
    model = make(warm_start=True).fit(X)
    score, curve = model.score(X), list(model.loss_curve_)
    model.fit(X)
    assert model.n_iter_ == 10 and model.loss_curve_[:5] == curve
    assert model.loss_curve_[5] < curve[0] and model.score(X) > score
    cold = make().fit(X)
    cold.fit(X)
    assert cold.n_iter_ == 5 and cold.loss_curve_ == curve


@pytest.mark.parametrize("model_class", [Autoencoder, VAE])
@pytest.mark.parametrize("rate", [1e-3, 1.0])
def test_warm_start_with_early_stopping_keeps_finite_weights(model_class, rate):
    """A second fit that never gets better than the first must still end in weights of its own."""
    options = {"early_stopping": True, "warm_start": True, "batch_size": 16, "random_state": 0}
    model = model_class(2, (8,), max_iter=30, learning_rate_init=0.02, **options).fit(X)
    kept = []
    model.set_params(max_iter=2, learning_rate_init=rate)
    model.set_params(callbacks=[lambda m: kept.append(weights(m))]).fit(X)
    assert np.all(np.isfinite(model.reconstruct(X)))
    best = int(np.argmin(model.history_["validation_loss"][-2:]))
    assert all(map(np.array_equal, weights(model), kept[best]))


@pytest.mark.parametrize("go_on", ["fit", "partial_fit", "resume"])
@pytest.mark.parametrize(
    "change", [{"n_components": 3}, {"hidden_layer_sizes": (9,)}, {"activation": "relu"}], ids=str
)
def test_the_arguments_of_the_networks_must_stay(change, go_on):
    model = make(warm_start=True).fit(X)
    before, [name] = weights(model), change
    model.set_params(**change)
    with pytest.raises(ValueError, match=f"{name} must stay .*, got "):
        getattr(model, go_on)(X)
    assert all(map(np.array_equal, weights(model), before)) and model.n_iter_ == 5
    model.set_params(warm_start=False).fit(X)  # from the start it may be another


def test_callbacks_see_every_epoch_and_may_end_the_training():
    seen = []
    model = make(max_iter=9, callbacks=[lambda m: seen.append(m.n_iter_), lambda m: len(seen) == 4])
    assert model.fit(X).n_iter_ == 4 and seen == [1, 2, 3, 4]
    model.set_params(callbacks=None).resume(X)
    assert same_weights(model, make(max_iter=9).fit(X))


def test_resume_after_a_callback_ended_a_training_with_early_stopping():
    """At whatever epoch it was stopped, it ends as a training that was never stopped."""
    options = {"max_iter": 12, "learning_rate_init": 0.3, "n_iter_no_change": 20}
    whole, differ = stopping(**options).fit(X), []
    for epoch in range(1, 12):
        model = stopping(**options, callbacks=[lambda m, e=epoch: m.n_iter_ == e]).fit(X)
        model.set_params(callbacks=None).resume(X)
        if not same_weights(model, whole) or model.history_ != whole.history_:
            differ.append(epoch)
    assert differ == []


def test_resume_of_a_training_without_early_stopping_asks_for_its_rows():
    model = make(max_iter=2).fit(X).set_params(early_stopping=True, max_iter=4)
    before = weights(model)
    with pytest.raises(ValueError, match="early_stopping"):
        model.resume(X)
    assert all(map(np.array_equal, weights(model), before))


def test_resume_after_a_divergence_goes_on_with_a_smaller_learning_rate():
    def far_too_long(model):
        if model.n_iter_ == 3:
            model.learning_rate_init = 1e300

    model = make(solver="sgd", max_iter=6, callbacks=[far_too_long])
    with pytest.raises(TrainingDiverged):
        model.fit(X)
    epochs = model.n_iter_
    model.set_params(callbacks=None, learning_rate_init=1e-3).resume(X)
    assert model.n_iter_ > epochs and np.isfinite(model.score(X))


# scikit-learn ------------------------------------------------------------------------------------


def expected_failures(model):
    """Name the checks that call partial_fit: with early stopping it is refused, for want of rows.

    scikit-learn's own SGDClassifier and MLPClassifier refuse it too.
    """
    if not model.early_stopping:
        return {}
    names = ("check_fit_score_takes_y", "check_n_features_in_after_fitting")
    return dict.fromkeys(names, "partial_fit needs early_stopping=False")


@parametrize_with_checks(
    [
        make(),
        Autoencoder(1, (), max_iter=5, early_stopping=True),
        make(noise="masking", solver="sgd", learning_rate="cosine", weight_decay=0.01, tol=1e-3),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_in_a_pipeline():
    model = make_pipeline(MinMaxScaler(), make(loss="bernoulli", max_iter=20)).fit(X)
    codes = model.transform(X)
    assert codes.shape == (60, 2) and model.inverse_transform(codes).shape == X.shape
    assert model.score(X) == model[1].score(model[0].transform(X))
    names = ["autoencoder0", "autoencoder1"]
    assert list(model.get_feature_names_out()) == names
    model.set_params(autoencoder__n_components=1).fit(X)
    assert model.transform(X).shape == (60, 1)


def test_a_grid_search_prefers_more_latents_on_data_that_have_them():
    pipeline = make_pipeline(StandardScaler(), make(hidden_layer_sizes=(), max_iter=150))
    search = GridSearchCV(pipeline, {"autoencoder__n_components": [1, 4]}, cv=3).fit(X)
    assert search.best_params_ == {"autoencoder__n_components": 4}
    assert search.best_estimator_.transform(X).shape == (60, 4)


def test_clone_takes_the_arguments_and_nothing_learnt():
    model = make(hidden_layer_sizes=(5, 3), noise="gaussian", early_stopping=True).fit(X)
    twin = clone(model)
    assert twin.get_params() == model.get_params() and not hasattr(twin, "encoder_")
    with pytest.raises(NotFittedError, match="Autoencoder .*not fitted"):
        twin.transform(X)
    assert same_weights(twin.fit(X), model)


def test_pandas_in_and_out():
    frame = pd.DataFrame(X, columns=list("abcd"), index=range(100, 160))
    model = make(3).set_output(transform="pandas").fit(frame)
    codes = model.transform(frame)
    assert list(codes.columns) == list(model.get_feature_names_out())
    assert list(codes.columns) == ["autoencoder0", "autoencoder1", "autoencoder2"]
    assert list(codes.index) == list(frame.index)
    np.testing.assert_array_equal(codes.to_numpy(), make(3).fit(X).transform(X))
    assert list(model.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        model.transform(frame[list("badc")])
