"""Variational inference on plain arrays: what we believe about z after seeing x.

Each function stands beside a formula of chapter 6. There is no network here and no automatic
differentiation: a model is a function ``log_density(z)`` that takes points z of shape (N, K) and
returns N numbers, log p(x, z) or any log-density whose normaliser nobody knows. The Gaussian
family is written q(z) = N(mean, scale scale^T) with a lower triangular ``scale``, so that
z = mean + eps scale^T, with standard normal rows eps, is a sample. All logarithms are in nats.

    linear_gaussian   a model with exact answers, and its fit to data in closed form
    gaussians         the divergence between two Gaussians
    gradients         the ELBO of a Gaussian q, and its gradient from samples
    fitting           climbing the ELBO of any log-density
    evidence          log p(x) from importance weights, or on a grid
    densities         calling a log-density that somebody else wrote, and checking its answer
"""

from vae_numpy.inference.evidence import grid_posterior, iwae_bound
from vae_numpy.inference.fitting import GaussianFit, fit_gaussian
from vae_numpy.inference.gaussians import gaussian_divergence
from vae_numpy.inference.gradients import elbo, reparameterised_gradient, score_function_gradient
from vae_numpy.inference.linear_gaussian import LinearGaussian, probabilistic_pca

__all__ = [
    "GaussianFit",
    "LinearGaussian",
    "elbo",
    "fit_gaussian",
    "gaussian_divergence",
    "grid_posterior",
    "iwae_bound",
    "probabilistic_pca",
    "reparameterised_gradient",
    "score_function_gradient",
]
