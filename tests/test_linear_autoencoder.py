"""The linear autoencoder against theory: PCA's subspace, the discarded eigenvalues, Kunin."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from naive import BACKENDS, DTYPES
from sklearn.decomposition import PCA

from vae_numpy import kernels
from vae_numpy.models import LinearAutoencoder

SEEDS = range(10)  # every claim below holds for all ten; none was picked


def centred_cloud(seed, dtype=np.float64):
    """Draw points of a random size, shape and scale; return them with K and their spectrum.

    Each standard deviation is 0.7 of the one before, turned into a random direction. The
    sizes and K are drawn too; the scale is anything from 0.01 to 100.
    """
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(40, 300)), int(rng.integers(3, 9))
    rotation, _ = np.linalg.qr(rng.normal(size=(d, d)))
    scale = 10 ** rng.uniform(-2, 2)
    X = scale * (rng.normal(size=(n, d)) * 0.7 ** np.arange(d)) @ rotation
    X = (X - X.mean(axis=0)).astype(dtype)
    return X, int(rng.integers(1, d)), *spectrum(X)


def spectrum(X):
    """Return the covariance's eigenvalues, largest first, and its eigenvectors as columns."""
    X = X.astype(np.float64) - X.mean(axis=0, dtype=np.float64)
    eigenvalues, U = np.linalg.eigh(X.T @ X / len(X))
    return eigenvalues[::-1], U[:, ::-1]


def matrices(model):
    return model.encoder_.W.value.astype(float), model.decoder_.W.value.astype(float)


# The theorem (Baldi & Hornik 1989) ------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_gradient_descent_finds_the_principal_projector_and_the_least_loss(seed, dtype, backend):
    X, k, eigenvalues, U = centred_cloud(seed, dtype)
    with kernels.use(backend):
        model = LinearAutoencoder(k, random_state=seed).fit(X)
    V, W = matrices(model)
    assert V.shape == (X.shape[1], k) and W.shape == (k, X.shape[1])
    assert np.linalg.norm(V @ W - U[:, :k] @ U[:, :k].T) < 1e-3
    least = eigenvalues[k:].sum()
    # Once by the model's own account, once from the matrices alone.
    assert -model.score(X) == pytest.approx(least, rel=1e-6)
    residual = X - X.astype(float) @ V @ W
    assert np.sum(residual**2) / len(X) == pytest.approx(least, rel=1e-6)
    assert model.loss_curve_[-1] == pytest.approx(least, rel=1e-6)


@pytest.mark.parametrize("solver, rate", [("sgd", 0.02), ("adagrad", 0.5)])
def test_the_other_optimisers_get_there_too(solver, rate):
    X, k, eigenvalues, U = centred_cloud(0)
    X = X / np.sqrt(eigenvalues[0])
    model = LinearAutoencoder(
        k, solver=solver, learning_rate_init=rate, max_iter=5000, random_state=0
    )
    V, W = matrices(model.fit(X))
    assert np.linalg.norm(V @ W - U[:, :k] @ U[:, :k].T) < 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_minibatches_come_close(seed):
    # The noise of the batches ends with the learning rate's fall; the tolerance is 1 %.
    X, k, eigenvalues, _ = centred_cloud(seed)
    model = LinearAutoencoder(
        k, batch_size=16, learning_rate_init=0.01, max_iter=300, random_state=seed
    ).fit(X)
    least = eigenvalues[k:].sum()
    assert least * (1 - 1e-9) <= -model.score(X) <= 1.01 * least


def test_no_linear_map_does_better():
    # The theorem's other half: 2000 random perturbations of the optimum never lower the loss.
    X, k, eigenvalues, _ = centred_cloud(3)
    V, W = matrices(LinearAutoencoder(k, solver="svd").fit(X))
    rng = np.random.default_rng(0)
    for size in (1e-4, 1e-2, 1):
        for _ in range(700):
            dV, dW = size * rng.normal(size=V.shape), size * rng.normal(size=W.shape)
            loss = np.sum((X - X @ (V + dV) @ (W + dW)) ** 2) / len(X)
            assert loss >= eigenvalues[k:].sum() * (1 - 1e-9)


# The closed form against scikit-learn ---------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(100, 6), (7, 7), (5, 12), (300, 2)])
def test_svd_is_scikit_learns_pca(shape, dtype):
    n, d = shape
    rng = np.random.default_rng(n)
    X = (rng.normal(size=shape) * np.linspace(3, 1, d) + 5).astype(dtype)
    near = {"atol": 2e-4 if dtype is np.float32 else 1e-10}
    for k in range(1, min(n - 1, d) + 1):
        pca = PCA(k, svd_solver="full").fit(X.astype(np.float64))
        model = LinearAutoencoder(k, solver="svd").fit(X)
        V, W = matrices(model)
        np.testing.assert_allclose(model.mean_, pca.mean_, **near)
        np.testing.assert_allclose(V @ W, pca.components_.T @ pca.components_, **near)
        np.testing.assert_allclose(np.abs(model.transform(X)), np.abs(pca.transform(X)), **near)
        want = pca.inverse_transform(pca.transform(X))
        np.testing.assert_allclose(model.reconstruct(X), want, **near)
        np.testing.assert_allclose(model.inverse_transform(model.transform(X)), want, **near)
        assert -model.score(X) == pytest.approx(spectrum(X)[0][k:].sum(), rel=1e-4, abs=1e-9)


def test_svd_directions_are_orthonormal_and_their_signs_do_not_depend_on_the_rows():
    X, k, *_ = centred_cloud(1)
    V, W = matrices(LinearAutoencoder(k, solver="svd").fit(X))
    np.testing.assert_allclose(V.T @ V, np.eye(k), atol=1e-12)
    np.testing.assert_array_equal(V, W.T)
    V_again, _ = matrices(LinearAutoencoder(k, solver="svd").fit(X[::-1]))
    np.testing.assert_allclose(V_again, V, atol=1e-9)


@pytest.mark.parametrize("shape, k", [((4, 9), 6), ((2, 5), 5), ((1, 3), 2), ((3, 3), 3)])
@pytest.mark.parametrize("solver", ["svd", "adam"])
def test_more_components_than_samples_reconstruct_everything(solver, shape, k):
    X = np.random.default_rng(0).normal(size=shape)
    model = LinearAutoencoder(k, solver=solver, random_state=0).fit(X)
    np.testing.assert_allclose(model.reconstruct(X), X, atol=1e-6)
    assert model.transform(X).shape == (shape[0], k)
    assert np.all(np.isfinite(model.encoder_.W.value))


def test_more_features_than_samples():
    X = np.random.default_rng(0).normal(size=(20, 50)) * 0.9 ** np.arange(50)
    eigenvalues, U = spectrum(X)
    model = LinearAutoencoder(3, max_iter=3000, random_state=0).fit(X)
    assert -model.score(X) == pytest.approx(eigenvalues[3:].sum(), rel=1e-6)
    # Directions without any variance leave V free, so compare VW where there are points.
    centred = X - X.mean(axis=0)
    want = centred @ U[:, :3] @ U[:, :3].T
    np.testing.assert_allclose(model.reconstruct(X) - X.mean(axis=0), want, atol=1e-3)


@pytest.mark.parametrize("solver", ["svd", "adam"])
@pytest.mark.parametrize("X", [np.full((6, 3), 7.0), np.zeros((6, 3))])
def test_points_that_are_all_the_same_are_reconstructed(solver, X):
    model = LinearAutoencoder(2, solver=solver, max_iter=5, random_state=0).fit(X)
    np.testing.assert_allclose(model.reconstruct(X), X, atol=1e-12)
    assert model.score(X) == pytest.approx(0, abs=1e-20)


# Data far from the origin ---------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["svd", "adam"])
def test_the_mean_is_taken_out(solver):
    X, k, eigenvalues, U = centred_cloud(2)
    X = X / np.sqrt(eigenvalues[0])
    shift = 1e5 * np.random.default_rng(0).normal(size=X.shape[1])
    V, W = matrices(LinearAutoencoder(k, solver=solver, random_state=0).fit(X + shift))
    assert np.linalg.norm(V @ W - U[:, :k] @ U[:, :k].T) < 1e-3


def test_the_mean_of_many_float32_points_is_right_to_float32():
    # Added up row by row in float32, the mean of these would be off by 0.003.
    X = (1000 + np.random.default_rng(0).normal(size=(50_000, 2))).astype(np.float32)
    mean = LinearAutoencoder(1, solver="svd").fit(X).mean_
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, X.mean(axis=0, dtype=np.float64), atol=1000 * 2**-23)


# Weight decay (Kunin et al. 2019) -------------------------------------------------------------


def decayed_cloud(seed):
    X, k, eigenvalues, _ = centred_cloud(seed)
    X = X / np.sqrt(eigenvalues[0])  # lambda_1 = 1
    return X, k, *spectrum(X)


@pytest.mark.parametrize("decay", [0.02, 0.3])
@pytest.mark.parametrize("seed", SEEDS)
def test_weight_decay_turns_the_decoder_onto_the_principal_directions(seed, decay):
    X, k, eigenvalues, U = decayed_cloud(seed)
    options = {"n_components": k, "weight_decay": decay, "random_state": seed}
    V, W = matrices(LinearAutoencoder(max_iter=3000, **options).fit(X))
    # x_hat shrinks direction i by 1 - decay / lambda_i, and drops it where that is negative.
    shrink = np.clip(1 - decay / eigenvalues[:k], 0, None)
    np.testing.assert_allclose(V @ W, U[:, :k] * shrink @ U[:, :k].T, atol=1e-3)
    _, singular_values, directions = np.linalg.svd(W)
    np.testing.assert_allclose(singular_values, np.sqrt(shrink), atol=2e-2)
    for i in np.flatnonzero(shrink > 0.05):
        assert abs(directions[i] @ U[:, i]) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(V, W.T, atol=1e-3)
    closed_V, closed_W = matrices(LinearAutoencoder(solver="svd", **options).fit(X))
    np.testing.assert_allclose(closed_V @ closed_W, V @ W, atol=1e-3)
    np.testing.assert_allclose(closed_W.T @ closed_W, W.T @ W, atol=2e-3)


def test_without_weight_decay_the_directions_stay_unknown():
    # Only the subspace is known: W's singular vectors go with the start. By luck alone they may
    # come within 8 degrees of the u_i, but not in more than 2 of 10 starts.
    X, _, eigenvalues, U = centred_cloud(4)
    X = X / np.sqrt(eigenvalues[0])  # so that plain gradient descent does not overshoot
    alignment = []
    for seed in SEEDS:
        _, W = matrices(LinearAutoencoder(2, solver="sgd", random_state=seed).fit(X))
        alignment.append(np.abs(np.linalg.svd(W)[2][:2] @ U[:, :2]).max(axis=1).min())
    assert np.sum(np.array(alignment) < np.cos(np.radians(8))) >= 8


def test_strong_weight_decay_on_flat_data_ends_at_zero_without_a_warning(recwarn):
    X = np.outer(np.arange(5.0), [1, 2, 3]).astype(np.float32)
    V, W = matrices(LinearAutoencoder(3, solver="svd", weight_decay=100.0).fit(X))
    assert not V.any() and not W.any()
    assert [str(w.message) for w in recwarn] == []


# The same seed, the same bits -----------------------------------------------------------------

PRINT_BITS = """
import hashlib, sys
import numpy as np
from vae_numpy import kernels
from vae_numpy.models import LinearAutoencoder
kernels.set_backend(sys.argv[1])
X = np.random.default_rng(0).normal(size=(90, 7)).astype(sys.argv[2])
model = LinearAutoencoder(3, batch_size=32, max_iter=40, random_state=5).fit(X)
print(hashlib.sha256(model.encoder_.W.value.tobytes() + model.decoder_.W.value.tobytes())
      .hexdigest())
"""


def fit_bits(backend, dtype, seed=5):
    X = np.random.default_rng(0).normal(size=(90, 7)).astype(dtype)
    with kernels.use(backend):
        model = LinearAutoencoder(3, batch_size=32, max_iter=40, random_state=seed).fit(X)
    weights = model.encoder_.W.value.tobytes() + model.decoder_.W.value.tobytes()
    return hashlib.sha256(weights).hexdigest()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_bits_here_and_in_another_process(backend, dtype):
    here = fit_bits(backend, dtype)
    assert fit_bits(backend, dtype) == here
    assert fit_bits(backend, dtype, seed=6) != here
    there = subprocess.run(
        [sys.executable, "-c", PRINT_BITS, backend, dtype],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert there.stdout.strip() == here, there.stderr


@pytest.mark.parametrize(
    "make",
    [lambda: 3, lambda: np.int64(3), lambda: np.random.default_rng(3)],
    ids=["int", "int64", "Generator"],
)
def test_a_seed_may_be_an_int_or_a_generator(make):
    X = np.random.default_rng(0).normal(size=(40, 4))
    fits = [LinearAutoencoder(2, random_state=s, max_iter=9).fit(X) for s in (3, make())]
    np.testing.assert_array_equal(fits[0].encoder_.W.value, fits[1].encoder_.W.value)


def test_the_two_backends_agree_up_to_rounding():
    if len(BACKENDS) == 1:
        pytest.skip("numba is not installed")
    X = np.random.default_rng(0).normal(size=(60, 4))
    losses = []
    for backend in BACKENDS:
        with kernels.use(backend):
            losses.append(LinearAutoencoder(2, random_state=0, max_iter=50).fit(X).loss_curve_)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-9)


# Going on -------------------------------------------------------------------------------------


def test_a_larger_batch_than_the_data_is_the_whole_data():
    X, k, *_ = centred_cloud(5)
    fits = [
        LinearAutoencoder(k, batch_size=b, max_iter=20, random_state=0).fit(X)
        for b in (None, len(X), 10 * len(X))
    ]
    for model in fits[1:]:
        np.testing.assert_array_equal(model.encoder_.W.value, fits[0].encoder_.W.value)


def test_partial_fits_are_the_epochs_of_a_fit_with_a_constant_rate():
    X, k, *_ = centred_cloud(6)
    options = {"batch_size": 16, "learning_rate": "constant", "random_state": 0}
    whole = LinearAutoencoder(k, max_iter=7, **options).fit(X)
    steps = LinearAutoencoder(k, max_iter=7, **options)
    for epoch in range(1, 8):
        assert steps.partial_fit(X) is steps
        assert steps.n_iter_ == epoch
    assert steps.loss_curve_ == whole.loss_curve_
    np.testing.assert_array_equal(steps.decoder_.W.value, whole.decoder_.W.value)


def test_partial_fit_goes_on_learning_after_a_fit():
    # Fitted to one cloud, then shown another: the loss there falls to within 1 % of the least.
    X, _, eigenvalues, _ = decayed_cloud(7)
    other = X[:, ::-1].copy()
    model = LinearAutoencoder(2, max_iter=200, random_state=0).fit(X)
    for _ in range(400):
        model.partial_fit(other)
    assert -model.score(other) <= 1.01 * eigenvalues[2:].sum()


def test_warm_start_goes_on_where_the_last_fit_ended():
    X, k, *_ = decayed_cloud(8)
    model = LinearAutoencoder(k, max_iter=50, warm_start=True, random_state=0).fit(X)
    first, loss = model.encoder_.W.value.copy(), -model.score(X)
    model.set_params(max_iter=3, learning_rate_init=1e-3).fit(X)
    assert np.abs(model.encoder_.W.value - first).max() <= 3 * 1.1e-3  # Adam's steps are the rate
    assert model.n_iter_ == 53 and len(model.loss_curve_) == 53
    assert model.loss_curve_[50] == pytest.approx(loss, rel=1e-9)
    cold = model.set_params(warm_start=False, max_iter=50, learning_rate_init=0.1).fit(X)
    np.testing.assert_array_equal(cold.encoder_.W.value, first)
    assert cold.n_iter_ == 50


def test_gradient_descent_can_start_at_the_closed_form():
    X, k, eigenvalues, _ = decayed_cloud(9)
    model = LinearAutoencoder(k, solver="svd", random_state=0).fit(X)
    model.set_params(solver="adam", warm_start=True, learning_rate_init=1e-4, max_iter=5).fit(X)
    assert -model.score(X) == pytest.approx(eigenvalues[k:].sum(), rel=1e-4)


def test_a_training_before_the_closed_form_is_forgotten():
    X, *_ = decayed_cloud(9)
    model = LinearAutoencoder(2, max_iter=30, random_state=0).fit(X)
    model.set_params(solver="svd", n_components=1).fit(X)
    assert model.n_iter_ == 1
    model.set_params(solver="adam").partial_fit(X)
    assert model.n_iter_ == 2 and model.transform(X).shape == (len(X), 1)


@pytest.mark.parametrize("go_on", ["partial_fit", "fit", "resume"])
def test_another_number_of_components_is_not_passed_over_in_silence(go_on):
    X, *_ = decayed_cloud(9)
    model = LinearAutoencoder(1, max_iter=5, warm_start=True, random_state=0).fit(X)
    model.set_params(n_components=2, max_iter=10)
    with pytest.raises(ValueError, match="n_components"):
        getattr(model, go_on)(X)
    assert model.transform(X).shape == (len(X), 1) and model.n_iter_ == 5


def test_a_stopped_training_resumes_to_the_same_bits():
    X, k, *_ = centred_cloud(5)
    options = {"batch_size": 16, "max_iter": 30, "random_state": 0}
    whole = LinearAutoencoder(k, **options).fit(X)
    stopped = LinearAutoencoder(k, callbacks=[lambda m: m.n_iter_ == 11], **options).fit(X)
    assert stopped.n_iter_ == 11
    stopped.resume(X)
    np.testing.assert_array_equal(stopped.encoder_.W.value, whole.encoder_.W.value)
    assert stopped.loss_curve_ == whole.loss_curve_


def test_callbacks_see_every_epoch_and_each_one_is_called():
    X, k, *_ = centred_cloud(6)
    seen, also = [], []
    model = LinearAutoencoder(
        k,
        max_iter=10,
        random_state=0,
        callbacks=[
            lambda m: seen.append((m.n_iter_, m.loss_curve_[-1])) or m.n_iter_ == 4,
            lambda m: also.append(m.n_iter_),
        ],
    ).fit(X)
    assert [n for n, _ in seen] == also == [1, 2, 3, 4] == list(range(1, model.n_iter_ + 1))
    assert [loss for _, loss in seen] == model.loss_curve_


def test_tol_ends_training_when_the_loss_stops_falling():
    X, k, eigenvalues, _ = decayed_cloud(0)
    model = LinearAutoencoder(k, tol=1e-5, n_iter_no_change=5, random_state=0).fit(X)
    losses = model.loss_curve_
    assert 5 < len(losses) < 1000
    for n in range(6, len(losses) + 1):
        stalled = min(losses[n - 5 : n]) > min(losses[: n - 5]) - 1e-5
        assert stalled == (n == len(losses))


def test_the_recorded_loss_is_the_error_before_each_step():
    # Full batches: epoch e's loss is that of the weights after epoch e - 1.
    X, k, *_ = centred_cloud(1)
    scores = []
    model = LinearAutoencoder(
        k,
        max_iter=6,
        weight_decay=0.1,
        random_state=0,
        callbacks=[lambda m: scores.append(m.score(X))],
    ).fit(X)
    np.testing.assert_allclose(model.loss_curve_[1:], [-s for s in scores[:-1]], rtol=1e-12)
