"""The linear VAE, where everything is known: it is probabilistic PCA (Lucas et al. 2019).

With beta and a fixed variance s^2 the optimum is reverse water-filling: the water stands at
v = beta s^2; a latent lives where the eigenvalue is above it, and has the posterior variance
v / eigenvalue.
"""

import numpy as np
import pytest

from vae_numpy.inference import LinearGaussian, probabilistic_pca
from vae_numpy.models import VAE

EIGENVALUES = np.array([12.0, 6.0, 3.0, 1.5, 0.75, 0.3])
ALIVE = {0.5: 5, 1: 4, 2: 3, 4: 2, 8: 1}  # how many eigenvalues are above beta, for s^2 = 1


def data_with(eigenvalues, n=400, seed=0):
    """Return n rows whose covariance (1/N) has exactly these eigenvalues, and a mean."""
    rng = np.random.default_rng(seed)
    D = len(eigenvalues)
    raw = rng.normal(size=(n, D))
    white = np.linalg.svd(raw - raw.mean(axis=0), full_matrices=False)[0] * np.sqrt(n)
    rotation = np.linalg.qr(rng.normal(size=(D, D)))[0]
    return white * np.sqrt(eigenvalues) @ rotation + np.arange(D)


def optimum(eigenvalues, beta, variance=1.0):
    """Return distortion, KL and objective (nats) of reverse water-filling at beta s^2."""
    v = beta * variance
    alive = eigenvalues > v
    distortion = np.where(alive, v, eigenvalues).sum()
    kl = 0.5 * np.log(eigenvalues[alive] / v).sum()
    constant = 0.5 * len(eigenvalues) * np.log(2 * np.pi * variance)
    return distortion, kl, -(constant + distortion / (2 * variance) + beta * kl)


def exact_parts(vae, X):
    """Compute distortion and KL of a linear VAE without sampling, row by row."""
    W, b = (p.value for p in vae.decoder_.parameters())
    mu, logvar = vae.encode(X)
    # E ||x - b - z W||^2 = ||x - b - mu W||^2 + sum_k s_k^2 ||W_k||^2
    spread = np.exp(logvar) @ np.sum(W**2, axis=1)
    distortion = np.mean(np.sum((X - b - mu @ W) ** 2, axis=1) + spread)
    kl = np.mean(np.sum(0.5 * (mu**2 + np.exp(logvar) - 1 - logvar), axis=1))
    return distortion, kl


def exact_objective(vae, X, beta, variance=1.0):
    distortion, kl = exact_parts(vae, X)
    constant = 0.5 * X.shape[1] * np.log(2 * np.pi * variance)
    return -(constant + distortion / (2 * variance) + beta * kl)


def with_weights(model, encoder_W, encoder_b, logvar):
    """Return a linear VAE whose decoder is ``model`` and whose encoder is given."""
    K, D = model.W.shape
    vae = VAE(K, (), variance=model.noise_variance, max_iter=1, random_state=0).fit(np.eye(D))
    encoder, decoder = vae.encoder_.layers[0], vae.decoder_.layers[0]
    encoder.W.value[...] = np.hstack([encoder_W, np.zeros((D, K))])
    encoder.b.value[...] = np.concatenate([encoder_b, logvar])
    decoder.W.value[...], decoder.b.value[...] = model.W, model.mean
    return vae


def posterior_means(model):
    """Return V and c with E[z|x] = x V + c."""
    D = model.W.shape[1]
    c = model.posterior(np.zeros((1, D)))[0][0]
    return model.posterior(np.eye(D))[0] - c, c


# Exactly --------------------------------------------------------------------------------------


def test_with_the_exact_posterior_every_draw_gives_the_log_likelihood():
    """log p(x, z) - log q(z|x) = log p(x) for each z: neither noise nor a gap (fact 4)."""
    X = data_with(EIGENVALUES)
    model = probabilistic_pca(X, 3)
    V, c = posterior_means(model)
    logvar = np.log(np.diag(model.posterior(X)[1]))
    vae = with_weights(model, V, c, logvar)
    D, k, v = 6, 3, EIGENVALUES[3:].mean()
    want = -0.5 * (D * np.log(2 * np.pi) + np.log(EIGENVALUES[:k]).sum() + (D - k) * np.log(v) + D)
    for n_samples, seed in [(1, 0), (1, 1), (7, 2)]:
        assert vae.elbo(X, n_samples, seed) == pytest.approx(want, abs=1e-9)
        estimate, error = vae.log_likelihood(X, max(2, n_samples), seed, return_std=True)
        assert estimate == pytest.approx(want, abs=1e-9) and error < 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_a_rotated_decoder_keeps_the_likelihood_and_lowers_the_elbo(seed):
    """By 1/2 [sum_i ln (S^-1)_ii + ln det S], S the true posterior covariance (fact 4)."""
    X = data_with(EIGENVALUES)
    straight = probabilistic_pca(X, 3)
    R = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    model = LinearGaussian(R @ straight.W, straight.mean, straight.noise_variance)
    S = model.posterior(X)[1]
    V, c = posterior_means(model)
    precision = np.diag(np.linalg.inv(S))
    vae = with_weights(model, V, c, -np.log(precision))  # the best diagonal q
    log_p = model.log_likelihood(X).mean()
    drop = 0.5 * (np.log(precision).sum() + np.linalg.slogdet(S)[1])
    assert drop > 0.01
    draws = np.array([vae.elbo(X, 10, s) for s in range(100)])
    error = draws.std(ddof=1) / 10
    assert abs(draws.mean() - (log_p - drop)) < 4 * error
    assert exact_objective(vae, X, 1.0, model.noise_variance) == pytest.approx(log_p - drop)
    # More samples close the gap from below, and never pass log p(x) by more than the noise.
    bound, error = vae.log_likelihood(X, 2000, 0, return_std=True)
    assert log_p - drop < bound < log_p + 4 * error
    assert bound == pytest.approx(log_p, abs=0.01 + 4 * error)


@pytest.mark.parametrize("seed", range(5))
def test_the_elbo_is_never_above_the_log_likelihood(seed):
    """Whatever the encoder, the exact ELBO of a linear model is at most log p(x)."""
    rng = np.random.default_rng(seed)
    X = data_with(EIGENVALUES)
    model = LinearGaussian(rng.normal(size=(2, 6)), rng.normal(size=6), 0.7)
    V, c = posterior_means(model)
    log_p = model.log_likelihood(X).mean()
    for size in (0.0, 0.01, 0.3):
        vae = with_weights(
            model,
            V + size * rng.normal(size=V.shape),
            c + size * rng.normal(size=2),
            rng.normal(size=2) - 2,
        )
        exact = exact_objective(vae, X, 1.0, 0.7)
        assert exact < log_p
        draws = np.array([vae.elbo(X, 10, s) for s in range(50)])
        assert abs(draws.mean() - exact) < 4 * draws.std(ddof=1) / np.sqrt(50)


# By gradient descent ------------------------------------------------------------------------------


def trained(X, n_components=6, **arguments):
    """Train on all rows at once; turning the latents onto the axes is what takes long."""
    arguments = {"learning_rate_init": 0.05, "max_iter": 12_000, "random_state": 0} | arguments
    return VAE(n_components, (), batch_size=None, learning_rate="cosine", **arguments).fit(X)


@pytest.mark.slow
@pytest.mark.parametrize("beta", ALIVE)
def test_training_finds_the_reverse_water_filling(beta):
    """ELBO to 1e-3 nats, the alive latents exactly, KL and distortion to 1 % (fact 5)."""
    X = data_with(EIGENVALUES)
    distortion, kl, objective = optimum(EIGENVALUES, beta)
    vae = trained(X, beta=beta)
    got_distortion, got_kl = exact_parts(vae, X)
    assert vae.active_latents(X).sum() == ALIVE[beta]
    assert got_distortion == pytest.approx(distortion, rel=0.01)
    assert got_kl == pytest.approx(kl, rel=0.01)
    got = exact_objective(vae, X, beta)
    assert objective - 1e-3 < got <= objective + 1e-9


@pytest.mark.slow
def test_capacity_and_beta_agree_at_the_optimum():
    """gamma |KL - C| with the C that beta = 2 leads to: the same distortion (fact 13)."""
    X = data_with(EIGENVALUES)
    distortion, kl, _ = optimum(EIGENVALUES, 2)
    vae = trained(X, capacity=kl, gamma=10.0, capacity_epochs=2000)
    got_distortion, got_kl = exact_parts(vae, X)
    assert got_kl == pytest.approx(kl, rel=0.01)
    assert got_distortion == pytest.approx(distortion, rel=0.01)
    assert vae.active_latents(X).sum() == ALIVE[2]


@pytest.mark.slow
def test_the_learnt_variance_is_that_of_probabilistic_pca():
    """sigma^2 = the mean discarded eigenvalue, and the ELBO is the log-likelihood (fact 3)."""
    X = data_with(EIGENVALUES)
    model = probabilistic_pca(X, 3)
    vae = trained(X, 3, variance="learnt")
    variance = float(np.exp(vae.log_variance_.value))
    assert variance == pytest.approx(EIGENVALUES[3:].mean(), rel=0.01)
    log_p = model.log_likelihood(X).mean()
    assert log_p - 1e-3 < exact_objective(vae, X, 1.0, variance) <= log_p + 1e-9
