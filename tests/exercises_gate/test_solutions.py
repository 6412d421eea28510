"""Solutions that once broke their own promise, where they did."""

import numpy as np

from vae_numpy import data
from vae_numpy.exercises.ch02.solution import fit_linear, latents_needed


def test_all_of_the_variance_needs_as_many_latents_as_there_are_directions():
    rng = np.random.default_rng(0)
    for _ in range(200):  # twelve points span eleven directions, whatever the rounding
        assert latents_needed(rng.normal(size=(12, 20)), 1.0) == 11


def test_a_training_ends_near_the_least_loss_on_a_long_cloud_too():
    X = data.make_spiral(60, dim=3, noise=0.1, random_state=0)[0] * [1, 1, 100]
    V, W = fit_linear(X, 2, np.random.default_rng(0))
    Xc = X - X.mean(axis=0)
    least = np.linalg.svd(Xc, compute_uv=False)[2] ** 2
    assert np.sum((Xc @ V @ W - Xc) ** 2) <= 1.01 * least
