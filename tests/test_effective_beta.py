"""The effective beta: published losses, and gradients of other people's losses against ours."""

import naive
import numpy as np
import pytest

from vae_numpy.losses import effective_beta

# What tutorials and papers write, and the beta that it is ---------------------------------------


def test_mean_of_squares_and_a_tenth_of_the_mean_kl():
    beta = effective_beta(
        0.1, n_features=784, n_latents=5, mean_over_features=True, mean_over_latents=True
    )
    assert beta == pytest.approx(7.84, rel=1e-12)


def test_squared_error_without_the_half():
    assert effective_beta(n_features=784, n_latents=5) == pytest.approx(0.5, rel=1e-12)


def test_mean_of_squares_over_colour_pictures():
    beta = effective_beta(0.00025, n_features=3 * 64 * 64, n_latents=10, mean_over_features=True)
    assert beta == pytest.approx(1.536, rel=1e-12)


def test_means_over_both_make_it_half_the_pixels():
    """D / K: 392 for 28 x 28 pixels and 2 latents."""
    beta = effective_beta(
        n_features=784,
        n_latents=2,
        reconstruction="bernoulli",
        mean_over_features=True,
        mean_over_latents=True,
    )
    assert beta == pytest.approx(392, rel=1e-12)


def test_the_normalised_beta_of_higgins():
    """beta_norm = beta K / D (Higgins et al. 2017): 4 on dSprites is beta_norm = 0.00977."""
    D, K = 64 * 64, 10
    beta = effective_beta(
        4 * K / D,
        n_features=D,
        n_latents=K,
        reconstruction="bernoulli",
        mean_over_features=True,
        mean_over_latents=True,
    )
    assert beta == pytest.approx(4, rel=1e-12)
    assert 4 * K / D == pytest.approx(0.00977, abs=5e-6)


# The definition: both losses have the same gradient, up to a factor -----------------------------


def reconstruction_term(name, output, x):
    if name == "bernoulli":
        return naive.bernoulli_nll(output, x)
    return naive.squared_error(output, x) * (0.5 if name == "half_squared_error" else 1)


def our_reconstruction(name, output, x):
    if name == "bernoulli":
        return naive.bernoulli_nll(output, x)
    return naive.gaussian_nll(output, np.zeros(()), x)


@pytest.mark.parametrize("kl_weight", [0.0, 0.00025, 1.0, 10.0])
@pytest.mark.parametrize("mean_over_latents", [False, True])
@pytest.mark.parametrize("mean_over_features", [False, True])
@pytest.mark.parametrize("name", ["squared_error", "half_squared_error", "bernoulli"])
def test_the_gradients_are_proportional(name, mean_over_features, mean_over_latents, kl_weight):
    rng = np.random.default_rng(0)
    N, D, K = 3, 4, 2
    x = rng.integers(0, 2, (N, D)).astype(float)
    arrays = [rng.normal(size=(N, D)), rng.normal(size=(N, K)), rng.normal(size=(N, K))]

    def theirs(output, mu, logvar):
        term = reconstruction_term(name, output, x) / (D if mean_over_features else 1)
        return term + kl_weight * naive.gaussian_kl(mu, logvar) / (K if mean_over_latents else 1)

    beta = effective_beta(
        kl_weight,
        n_features=D,
        n_latents=K,
        reconstruction=name,
        mean_over_features=mean_over_features,
        mean_over_latents=mean_over_latents,
    )

    def ours(output, mu, logvar):
        return our_reconstruction(name, output, x) + beta * naive.gaussian_kl(mu, logvar)

    def gradient(loss):
        return np.concatenate(
            [naive.partial_gradient(loss, arrays, i).ravel() for i in range(len(arrays))]
        )

    a, b = gradient(theirs), gradient(ours)
    factor = (a @ b) / (b @ b)
    assert factor > 0
    assert naive.relative_error(a, factor * b) < 1e-8


@pytest.mark.parametrize("variance", [0.01, 0.5, 4.0])
def test_a_fixed_variance_is_beta_in_disguise(variance):
    """Squared error + KL is our loss with variance s^2 and beta = (returned value) / s^2."""
    rng = np.random.default_rng(0)
    x, output, mu, logvar = (rng.normal(size=(3, 2)) for _ in range(4))
    beta = effective_beta(n_features=2, n_latents=2) / variance

    def theirs(output, mu, logvar):
        return naive.squared_error(output, x) + naive.gaussian_kl(mu, logvar)

    def ours(output, mu, logvar):
        nll = naive.gaussian_nll(output, np.log(np.full((), variance)), x)
        return nll + beta * naive.gaussian_kl(mu, logvar)

    arrays = [output, mu, logvar]
    for i in range(3):
        a, b = (naive.partial_gradient(loss, arrays, i) for loss in (theirs, ours))
        assert naive.relative_error(a, 2 * variance * b) < 1e-8


def test_one_feature_and_one_latent_make_no_difference_between_sum_and_mean():
    means = {"mean_over_features": True, "mean_over_latents": True}
    assert effective_beta(3.0, n_features=1, n_latents=1, **means) == pytest.approx(1.5)


@pytest.mark.parametrize(
    "arguments, kind, message",
    [
        ({"kl_weight": -1.0}, ValueError, "kl_weight must be >= 0, got -1"),
        ({"kl_weight": np.inf}, ValueError, "kl_weight"),
        ({"n_features": 0}, ValueError, "^n_features must be >= 1"),
        ({"n_latents": 0}, ValueError, "^n_latents must be >= 1"),
        ({"n_latents": 2.5}, TypeError, "^n_latents"),
        ({"reconstruction": "mse"}, ValueError, "reconstruction must be one of"),
    ],
)
def test_bad_arguments_are_named(arguments, kind, message):
    with pytest.raises(kind, match=message):
        effective_beta(**({"n_features": 4, "n_latents": 2} | arguments))
