"""Faults of the models that were found in use, by their number in the list of findings."""

import os
import pickle
import signal
import subprocess
import sys
import tracemalloc
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import MinMaxScaler

from vae_numpy import kernels, losses
from vae_numpy.models import VAE, Autoencoder, LinearAutoencoder
from vae_numpy.training import TrainingDiverged

X = np.random.default_rng(0).normal(size=(40, 4))
BITS = np.random.default_rng(0).integers(0, 2, (40, 4)).astype(np.float32)


def test_fault_1_what_a_scaler_left_a_rounding_above_one_is_in_the_unit_interval():
    seeds = range(200)
    scaled = [
        MinMaxScaler().fit_transform(
            np.random.default_rng(s).normal(size=(50, 3)).astype(np.float32)
        )
        for s in seeds
    ]
    beyond = [x for x in scaled if x.max() > 1]
    assert beyond  # else this test shows nothing
    for x in beyond[:5]:
        VAE(1, (4,), likelihood="bernoulli", max_iter=1, random_state=0).fit(x).score(x)
        Autoencoder(1, (4,), loss="bernoulli", max_iter=1, random_state=0).fit(x).score(x)
        at_bound = losses.bernoulli_nll(np.zeros_like(x), np.clip(x, 0, 1))[0]
        assert losses.bernoulli_nll(np.zeros_like(x), x)[0] == at_bound


@pytest.mark.parametrize("value", [1.00001, -0.00001])
def test_fault_1_what_is_really_outside_is_refused_in_digits_enough(value):
    data = BITS.astype(np.float64)
    data[3, 2] = value
    for model in (VAE(likelihood="bernoulli"), Autoencoder(loss="bernoulli")):
        with pytest.raises(ValueError, match=rf"X must lie in \[0, 1\].* {value:.9g}"):
            model.fit(data)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e2, 1e6, 1e15, 1e30, 1e37])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_fault_2_the_elbo_of_far_data_is_very_low_and_finite(dtype, size, activation):
    data = np.random.default_rng(0).normal(size=(200, 20)).astype(dtype)
    vae = VAE(2, (16, 16), activation, variance="learnt", max_iter=5, random_state=0).fit(data)
    far = (size * data[:30]).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        near_scores, far_scores = vae.score_samples(data), vae.score_samples(far)
        numbers = [vae.elbo(far, 3, 0), vae.log_likelihood(far, 5, 0), vae.score(far)]
    assert np.isfinite(far_scores).all() and np.isfinite(numbers).all()
    assert far_scores.max() < near_scores.min() and max(numbers) < near_scores.mean()


def test_fault_2_codes_that_overflow_are_refused_and_no_nan_is_given():
    data = np.random.default_rng(0).normal(size=(100, 20)).astype(np.float32)
    vae = VAE(2, (16, 16), "relu", max_iter=2, random_state=0).fit(data)
    far = data[:3].copy()
    far[1] = 3e38
    for call in (vae.transform, vae.encode, vae.reconstruct):
        with pytest.raises(ValueError, match=r"X must have values that .* got 3e\+38"):
            call(far)


def test_fault_5_score_samples_are_the_scores_of_the_rows():
    linear = LinearAutoencoder(2, max_iter=20, random_state=0).fit(X)
    residual = X - linear.reconstruct(X)
    np.testing.assert_allclose(linear.score_samples(X), -np.sum(residual**2, axis=1), rtol=1e-12)
    auto = Autoencoder(2, (5,), loss="bernoulli", max_iter=3, random_state=0).fit(BITS)
    p = auto.reconstruct(BITS).astype(np.float64)
    nll = -np.sum(np.log(np.where(BITS > 0, p, 1 - p)), axis=1)
    np.testing.assert_allclose(auto.score_samples(BITS), -nll, rtol=1e-5)
    for model in (linear.fit(X), auto.fit(BITS[:, ::-1])):
        data = X if model is linear else BITS
        assert model.score(data) == pytest.approx(model.score_samples(data).mean(), rel=1e-12)


def test_fault_5_the_elbo_of_a_row_is_an_estimate_of_a_bound_on_its_density():
    """With a linear decoder log p(x) is known: N(b, W^T W + variance I)."""
    vae = VAE(1, (8,), variance=0.5, max_iter=60, random_state=0).fit(X)
    vae_linear = VAE(1, (), variance=0.5, max_iter=200, learning_rate_init=0.01, random_state=0)
    vae_linear.fit(X)
    decoder = vae_linear.decoder_.layers[0]
    W, b = decoder.W.value, decoder.b.value
    covariance = W.T @ W + 0.5 * np.eye(4)
    squares = np.einsum("ni,ij,nj->n", X - b, np.linalg.inv(covariance), X - b)
    log_p = -0.5 * (4 * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + squares)
    elbo = vae_linear.score_samples(X, n_samples=4000)
    assert np.all(elbo < log_p + 0.05) and np.mean(log_p - elbo) < 0.2
    # rows may come in any order and alone: every one has the same noise
    np.testing.assert_allclose(vae.score_samples(X)[::-1], vae.score_samples(X[::-1]), rtol=1e-12)
    np.testing.assert_allclose(vae.score_samples(X)[:3], vae.score_samples(X[:3]), rtol=1e-12)


def test_fault_6_a_held_out_row_far_out_ends_the_training_with_its_number():
    data = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    vae = VAE(2, (64, 64), "relu", max_iter=60, random_state=0, early_stopping=True)
    vae.fit(data)
    row = int(vae._held_out.rows[0])
    data[row] = 1e20
    with pytest.raises(TrainingDiverged, match=rf"validation_loss became (nan|inf).* row {row} of"):
        vae.fit(data)


def test_fault_9_a_changed_solver_takes_effect():
    model = Autoencoder(2, (5,), max_iter=2, random_state=0).fit(X)
    model.set_params(solver="sgd").partial_fit(X)
    assert type(model._run.optimiser).__name__ == "SGD"


def interrupted_in_an_epoch(**arguments):
    class Stopped(Autoencoder):
        def _step(self, x, rng):
            self.steps = getattr(self, "steps", 0) + 1
            if self.steps == 2:
                os.kill(os.getpid(), signal.SIGINT)
            return super()._step(x, rng)

    model = Stopped(2, (5,), max_iter=3, batch_size=8, random_state=0, **arguments)
    with pytest.warns(ConvergenceWarning, match="Ctrl-C"):
        model.fit(X)
    return model


needs_signals = pytest.mark.skipif(os.name == "nt", reason="os.kill ends the process on Windows")


@needs_signals
def test_fault_9_another_batch_size_in_the_middle_of_an_epoch_is_refused():
    model = interrupted_in_an_epoch()
    for other in (20, 9):  # 9 makes 5 batches too
        message = f"batch_size must stay 8 to go on in the middle of epoch 1, got {other}"
        with pytest.raises(ValueError, match=message):
            model.set_params(batch_size=other).resume(X)
    assert model.set_params(batch_size=8).resume(X).n_iter_ == 3


@pytest.mark.parametrize("method", ["fit", "partial_fit", "resume"])
def test_fault_9_a_callback_that_trains_its_own_model_is_refused(method):
    model = Autoencoder(2, (5,), max_iter=5, callbacks=[lambda m: getattr(m, method)(X)])
    with pytest.raises(RuntimeError, match="a callback must not train"):
        model.fit(X)
    assert not hasattr(model, "encoder_")  # and nothing is left of it


def test_fault_9_a_copy_made_by_a_callback_may_be_trained():
    copies = []
    model = Autoencoder(2, (5,), max_iter=2, random_state=0)
    model.set_params(
        callbacks=[lambda m: copies.append(pickle.loads(pickle.dumps(vars(m)["_run"])))]
    )
    model.fit(X)
    assert not copies[0].running


@pytest.mark.parametrize("size", [1e-200, 1e-30, 1e-10, 1.0, 1e10, 1e18])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fault_10_the_closed_form_has_no_scale(size, dtype):
    if dtype == np.float32 and size < 1e-30:
        pytest.skip("float32 has no such numbers")
    data = (size * X).astype(dtype)
    model = LinearAutoencoder(4, solver="svd").fit(data)
    np.testing.assert_allclose(model.reconstruct(data), data, rtol=1e-3, atol=1e-5 * size)
    assert np.isfinite(model.score(data)) and np.isfinite(model.loss_curve_).all()


def test_fault_10_the_last_step_is_looked_at_too():
    """A loss is measured before its step; the last step may be the one that goes wrong."""
    model = Autoencoder(
        2, (5,), "relu", solver="adagrad", learning_rate_init=1e30, max_iter=1, batch_size=None
    )
    with pytest.raises(TrainingDiverged, match="after the last step|became infinite"):
        model.fit(X.astype(np.float32))


@pytest.mark.parametrize(
    "arguments",
    [{"weight_decay": np.float64(0.1)}, {"learning_rate_init": np.float64(0.01)}],
    ids=str,
)
@pytest.mark.parametrize("model_class", [Autoencoder, LinearAutoencoder, VAE])
def test_fault_11_the_type_of_an_argument_does_not_show(model_class, arguments):
    data = X.astype(np.float32)
    plain = {name: float(value) for name, value in arguments.items()}
    first, second = (
        model_class(2, max_iter=3, random_state=0, **a).fit(data) for a in (arguments, plain)
    )
    for p, q in zip(first._parameters(), second._parameters(), strict=True):
        np.testing.assert_array_equal(p.value, q.value)


@pytest.mark.parametrize("name", ["beta", "capacity", "free_bits", "gamma"])
def test_fault_11_nor_that_of_an_argument_of_the_vae(name):
    data, value = X.astype(np.float32), 0.3
    options = {"capacity": 1.0} if name == "gamma" else {}
    first, second = (
        VAE(2, max_iter=3, random_state=0, **{**options, name: kind(value)}).fit(data)
        for kind in (float, np.float64)
    )
    for p, q in zip(first._parameters(), second._parameters(), strict=True):
        np.testing.assert_array_equal(p.value, q.value)


@needs_signals
def test_fault_12_ctrl_c_ends_a_cross_validation():
    class Pressed(Autoencoder):
        def _step(self, x, rng):
            os.kill(os.getpid(), signal.SIGINT)
            return super()._step(x, rng)

    with pytest.raises(KeyboardInterrupt):
        cross_val_score(Pressed(2, (5,), max_iter=3), X, cv=3)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (
            {"hidden_layer_sizes": (n for n in (5, 4))},
            TypeError,
            "hidden_layer_sizes must be an integer",
        ),
        ({"hidden_layer_sizes": {5}}, TypeError, "hidden_layer_sizes must be an integer"),
        ({"hidden_layer_sizes": (5, 0)}, ValueError, "hidden_layer_sizes must be >= 1, got 0"),
    ],
    ids=["generator", "set", "zero"],
)
@pytest.mark.parametrize("model_class", [Autoencoder, VAE])
def test_fault_16_sizes_that_are_none_are_refused_by_name(model_class, arguments, error, message):
    with pytest.raises(error, match=message):
        model_class(2, **arguments).fit(X)


@pytest.mark.parametrize("model_class", [Autoencoder, VAE])
def test_fault_16_sizes_may_be_an_array(model_class):
    model = model_class(2, np.array([5, 4]), max_iter=1, random_state=0)
    model.partial_fit(X).partial_fit(X)
    assert [layer.n_out for layer in model.encoder_.layers][:2] == [5, 4]


def test_fault_16_a_process_without_stderr_may_ask_for_a_bar():
    code = (
        "import sys; sys.stderr = None\n"
        "import numpy as np; from vae_numpy.models import Autoencoder\n"
        "Autoencoder(1, (3,), max_iter=2, verbose=True).fit(np.eye(4))\n"
        "print('done')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "done\n", done


@needs_signals
def test_fault_16_ctrl_c_keeps_the_training_also_where_warnings_are_errors():
    model = Autoencoder(
        2, (5,), max_iter=9, callbacks=[lambda m: os.kill(os.getpid(), signal.SIGINT)]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning, match="Ctrl-C"):
            model.fit(X)
    assert model.n_iter_ == 1 and model.interrupted_


@needs_signals
def test_fault_16_ctrl_c_that_the_parent_had_ignored_stays_ignored():
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        model = Autoencoder(
            2, (5,), max_iter=4, callbacks=[lambda m: os.kill(os.getpid(), signal.SIGINT)]
        )
        assert model.fit(X).n_iter_ == 4
    finally:
        signal.signal(signal.SIGINT, previous)


def test_fault_16_a_number_of_epochs_beyond_64_bits_is_refused_by_name():
    with pytest.raises(ValueError, match="max_iter must fit into 64 bits .* got 1000000"):
        Autoencoder(2, (5,), max_iter=10**20).fit(X)
    model = Autoencoder(2, (5,), max_iter=2**62, callbacks=[lambda m: m.n_iter_ == 2])
    assert model.fit(X).n_iter_ == 2


# Memory: the answer, and 100 MB at most -----------------------------------------------------------

USES = {
    "transform": lambda model, X: model.transform(X),
    "reconstruct": lambda model, X: model.reconstruct(X),
    "encode": lambda model, X: model.encode(X),
    "elbo": lambda model, X: model.elbo(X, random_state=0),
    "score_samples": lambda model, X: model.score_samples(X),
}


@pytest.mark.parametrize("use", USES)
def test_memory_in_use_is_that_of_the_answer_and_100_mb(use):
    data = np.random.default_rng(0).random((60_000, 50), dtype=np.float32)
    vae = VAE(2, (1000,), "relu", max_iter=1, random_state=0).fit(data[:100])
    tracemalloc.start()  # NumPy tells it of its arrays; the hidden layer alone would be 240 MB
    try:
        answer = USES[use](vae, data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    answers = answer if isinstance(answer, tuple) else (answer,)
    assert peak < 100e6 + sum(np.asarray(a).nbytes for a in answers)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hidden", [(1000,), (64, 32), ()])
def test_blocks_give_the_bits_of_the_whole(monkeypatch, hidden, dtype):
    data = np.random.default_rng(0).random((9_000, 30)).astype(dtype)
    vae = VAE(3, hidden, "relu", variance="learnt", max_iter=1, random_state=0).fit(data[:500])
    monkeypatch.setattr("vae_numpy.models.base.BLOCK", 32 * max(1000 if hidden else 0, 64) * 2_048)
    by_blocks = [use(vae, data) for use in USES.values()]
    monkeypatch.setattr("vae_numpy.models.base.BLOCK", 2**60)
    for blocks, whole in zip(by_blocks, [use(vae, data) for use in USES.values()], strict=True):
        np.testing.assert_array_equal(blocks, whole)


@pytest.mark.parametrize("method", ["fit", "warm fit", "partial_fit", "early stopping"])
def test_memory_in_training_is_that_of_the_data_and_a_few_times_the_weights(method):
    """Weights, gradients, two averages of Adam's, two earlier weights; early stopping's best."""
    data = np.random.default_rng(0).random((2_000, 784), dtype=np.float32)
    vae = VAE(20, (400, 400), "relu", max_iter=1, batch_size=64, random_state=0)
    vae.set_params(early_stopping=method == "early stopping", warm_start=method == "warm fit")
    learn = vae.partial_fit if method == "partial_fit" else vae.fit
    learn(data)  # what it takes to compile is none of it
    tracemalloc.start()  # what there is before, the data among it, does not count
    try:
        learn(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    weights = sum(p.value.nbytes for p in vae._parameters())
    # Early stopping copies the rows it trains on, and passes those it holds out forward at once.
    copies, batches = (7, 2**22) if method == "early stopping" else (6, 0)
    if kernels.backend() == "numpy":  # each step of Adam's formula makes an array
        copies += 4
    assert peak < data.nbytes + copies * weights + batches
