"""Chapter 4's table on a smaller run: the autoencoder against baselines tuned on training data."""

import numpy as np
import pytest
from scipy import ndimage

from vae_numpy.data import corrupt, split_digits
from vae_numpy.data.corruption import HIDDEN, hide_block, put_on_stripes
from vae_numpy.data.sprites import render
from vae_numpy.metrics.pictures import intersection_over_union, psnr
from vae_numpy.models import Autoencoder

SEEDS = (0, 1)  # both must win


def network(noise, seed, **options):
    return Autoencoder(
        64, (256,), "relu", "bernoulli", noise=noise, learning_rate="cosine", random_state=seed,
        **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def digits():
    train, test, _, _ = split_digits()
    return train.astype(np.float32), test.astype(np.float32)


@pytest.fixture(scope="module")
def sprites():
    """Half the chapter's pixels to the side, and far fewer pictures."""

    def draw(n, seed):
        rng = np.random.default_rng(seed)
        factors = rng.integers((0, 3, 0, 0, 0), (3, 6, 40, 32, 32), (n, 5))
        return render(factors, 16).reshape(n, -1)

    return draw(6000, 0), draw(300, 1)


def gaussian_filter(X, width):
    side = round(np.sqrt(X.shape[1]))
    return ndimage.gaussian_filter(X.reshape(-1, side, side), (0, width, width)).reshape(X.shape)


def median_filter(X, size):
    side = round(np.sqrt(X.shape[1]))
    return ndimage.median_filter(X.reshape(-1, side, side), (1, size, size)).reshape(X.shape)


def gaussian_model(X):
    """Mean, variances (largest first) and principal directions of the rows."""
    variances, U = np.linalg.eigh(np.cov(X.T, bias=True))
    return X.mean(axis=0), np.maximum(variances[::-1], 1e-9), U[:, ::-1].T


def best_baseline(score, tools, train, damaged, truth, damaged_test):
    """Tune each tool on the training data; return the best score on the held-out data."""
    scores = []
    for tool, settings in tools:
        setting = max(settings, key=lambda s, tool=tool: score(train, tool(damaged, s)))
        scores.append(score(truth, tool(damaged_test, setting)))
    return max(scores)


def decibels(X, X_hat):
    return psnr(X, np.clip(X_hat, 0, 1))


def denoising_baseline(train, test, level):
    damaged = corrupt(train[:600], "gaussian", level, rng=np.random.default_rng(8))
    damaged_test = corrupt(test, "gaussian", level, rng=np.random.default_rng(9))
    m, variances, U = gaussian_model(train)

    def pca(X, k):
        return (X - m) @ U[:k].T @ U[:k] + m

    def best_linear_map(X, sigma):
        return (X - m) @ (U.T * (variances / (variances + sigma**2))) @ U + m

    tools = [
        (gaussian_filter, np.arange(0.3, 2, 0.1)),
        (median_filter, (1, 2, 3, 5)),
        (pca, range(2, 64, 2)),
        (best_linear_map, [level]),
    ]
    best = best_baseline(decibels, tools, train[:600], damaged, test, damaged_test)
    return best, damaged_test


@pytest.mark.slow
def test_denoising_digits_beats_every_baseline(digits):
    train, test = digits
    baseline, damaged_test = denoising_baseline(train, test, 0.3)
    for seed in SEEDS:
        model = network("gaussian", seed, noise_level=0.3, learning_rate_init=0.002, max_iter=40)
        assert decibels(test, model.fit(train).reconstruct(damaged_test)) > baseline + 0.5


@pytest.mark.slow
def test_denoising_sprites_beats_every_baseline(sprites):
    train, test = sprites
    baseline, damaged_test = denoising_baseline(train, test, 0.5)
    for seed in SEEDS:
        model = network("gaussian", seed, noise_level=0.5, learning_rate_init=0.002, max_iter=25)
        assert decibels(test, model.fit(train).reconstruct(damaged_test)) > baseline + 0.5


@pytest.mark.slow
def test_inpainting_beats_the_mean_and_pca(digits):
    train, test = digits
    damaged = hide_block(train[:400], np.random.default_rng(8))
    damaged_test = hide_block(test, np.random.default_rng(9))
    m, variances, U = gaussian_model(train)

    def minus_error(damaged):
        hole = damaged == HIDDEN
        return lambda X, X_hat: -np.sqrt(np.mean((np.clip(X_hat, 0, 1) - X)[hole] ** 2))

    def pca(damaged, setting):
        # The coefficients written as a least-squares problem, where the chapter solves its
        # normal equations: the rows of the second block are sqrt(rho / lambda_i) c_i = 0.
        k, rho = setting
        penalty = np.diag(np.sqrt(rho / variances[:k]))
        filled = np.empty_like(damaged)
        for row, answer in zip(damaged, filled, strict=True):
            seen = row != HIDDEN
            A = np.vstack([U[:k, seen].T, penalty])
            b = np.concatenate([(row - m)[seen], np.zeros(k)])
            answer[:] = np.linalg.lstsq(A, b, rcond=None)[0] @ U[:k] + m
        return filled

    settings = [(k, rho) for k in (10, 20, 40, 60) for rho in (1e-3, 1e-2, 1e-1)]
    tuned = max(settings, key=lambda s: minus_error(damaged)(train[:400], pca(damaged, s)))
    error = minus_error(damaged_test)
    baseline = max(error(test, pca(damaged_test, tuned)), error(test, np.tile(m, (len(test), 1))))
    for seed in SEEDS:
        model = network(hide_block, seed, learning_rate_init=0.002, max_iter=60).fit(train)
        assert error(test, model.reconstruct(damaged_test)) > 0.97 * baseline  # both negative


@pytest.mark.slow
def test_segmentation_beats_thresholds(sprites):
    train, test = sprites
    scenes = put_on_stripes(train[:300], np.random.default_rng(8))
    scenes_test = put_on_stripes(test, np.random.default_rng(9))

    def threshold(X, setting):
        width, tau = setting
        return gaussian_filter(X, width) > tau

    def otsu(X, width):
        # By its definition: try every threshold of a fine grid.
        X = gaussian_filter(X, width)
        masks = np.empty(X.shape, bool)
        for x, mask in zip(X, masks, strict=True):
            taus = np.linspace(x.min(), x.max(), 102)[1:-1]
            between = [(x > c).mean() * (x <= c).mean() * (x[x > c].mean() - x[x <= c].mean()) ** 2
                       for c in taus]  # fmt: skip
            mask[:] = x > taus[np.argmax(between)]
        return masks

    taus = np.arange(0.3, 1.6, 0.05)
    tools = [(threshold, [(w, tau) for w in (0, 0.5, 1, 2, 3) for tau in taus]), (otsu, (0, 1, 2))]
    baseline = best_baseline(
        intersection_over_union, tools, train[:300] > 0.5, scenes, test > 0.5, scenes_test
    )
    for seed in SEEDS:
        model = network(put_on_stripes, seed, learning_rate_init=0.002, max_iter=25).fit(train)
        found = model.reconstruct(scenes_test) > 0.5
        assert intersection_over_union(test > 0.5, found) > baseline + 0.02
