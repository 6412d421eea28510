"""Your answers to the exercises of chapter 7.

Replace a line that raises NotImplementedError by your own lines, then run

    pytest tests/exercises -k ch07
"""

import numpy as np


def kl_by_latent(mu, logvar, threshold=0.01):
    """Return what each latent carries, and which latents are alive.

    Parameters
    ----------
    mu, logvar : (N, K)
        Mean and log-variance of q(z | x) for each of N data.
    threshold : float
        In nats.

    Returns
    -------
    kl : (K,)
        The KL divergence of each latent from the prior N(0, 1), averaged
        over the data, in nats.
    alive : (K,) bool
        Whether that is more than the threshold.
    """
    raise NotImplementedError


def vae_loss(logits, x, mu, logvar, beta):
    """Return the loss of a beta-VAE with black and white data.

    Parameters
    ----------
    logits, x : (N, D)
        The decoder's logits, which may be as large as 1000, and the data,
        0 or 1.
    mu, logvar : (N, K)
        Mean and log-variance of q(z | x).
    beta : float

    Returns
    -------
    loss : float
        Minus log p(x | z) plus beta times the KL divergence: sums over
        features and latents, mean over the batch, in nats.
    """
    raise NotImplementedError


def kl_gradients(mu, logvar):
    """Return the gradients of the KL divergence from the prior N(0, I).

    Parameters
    ----------
    mu, logvar : (N, K)
        Mean and log-variance of q(z | x).

    Returns
    -------
    dmu, dlogvar : (N, K)
        How the divergence, a sum over latents and a mean over the batch,
        changes with each entry.
    """
    raise NotImplementedError


class Sampler:
    """The step from a cloud to a point in it, z = mu + s eps, and back.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the noise eps, fresh for each ``forward``.
    """

    def __init__(self, rng):  # given
        self.rng = rng

    def forward(self, mu, logvar):
        """Return a draw z from N(mu, s^2) with log s^2 = ``logvar``.

        All three are (N, K).
        """
        raise NotImplementedError

    def backward(self, dz):
        """Return dL/dmu and dL/dlogvar, both (N, K).

        ``dz``, (N, K), is dL/dz at the last ``forward``.
        """
        raise NotImplementedError


def beta_of_loss(
    kl_weight,
    n_features,
    n_latents,
    reconstruction,
    mean_over_features,
    mean_over_latents,
):
    """Return the beta of a published loss, reconstruction + kl_weight KL.

    Parameters
    ----------
    kl_weight : float
    n_features, n_latents : int
        D and K.
    reconstruction : {"squared_error", "half_squared_error", "bernoulli"}
        (x_hat - x)^2 of each feature, half of it, or minus the log of the
        Bernoulli likelihood.
    mean_over_features, mean_over_latents : bool
        Whether the reconstruction is averaged over features, and the KL
        over latents, or summed.

    Returns
    -------
    beta : float
        Such that minus log p(x | z) plus beta KL, with sums over both and a
        Gaussian of variance 1 or the Bernoulli likelihood, has the same
        minimum.
    """
    raise NotImplementedError


def gaussian_loss(x_hat, x, log_variance):
    """Return a Gaussian loss whose variance can be learnt, and gradients.

    Parameters
    ----------
    x_hat, x : (N, D)
        The decoder's means, and the data.
    log_variance : float
        log sigma^2: one for all features.

    Returns
    -------
    loss : float
        Minus log N(x | x_hat, sigma^2 I): sum over features, mean over
        the batch, in nats.
    dx_hat : (N, D)
    dlog_variance : float
    """
    raise NotImplementedError


def linear_step(x, eps, V, c, W, b, variance):
    """Return loss and gradients of a linear VAE, for noise that is given.

    Parameters
    ----------
    x : (N, D)
        Real numbers.
    eps : (N, K)
        Standard normal noise.
    V, c : (D, 2K), (2K,)
        The encoder: x V + c holds the means mu of q(z | x), then the
        logarithms v = log s^2 of its variances.
    W, b : (K, D), (D,)
        The decoder: x is z W + b plus noise.
    variance : float
        sigma^2 of that noise.

    Returns
    -------
    loss : float
        Minus log p(x | z) plus KL: sums over features and latents, mean
        over the batch, in nats.
    dV, dc, dW, db : of the shapes of V, c, W, b
    """
    raise NotImplementedError("find the bug, mend it, delete this line")
    N, K = eps.shape
    h = x @ V + c  # (N, 2K)
    mu, v = h[:, :K], h[:, K:]
    s = np.exp(v / 2)
    z = mu + s * eps
    error = z @ W + b - x  # (N, D)
    log_scale = x.shape[1] * np.log(2 * np.pi * variance)
    nll = 0.5 * (np.sum(error**2) / (N * variance) + log_scale)
    kl = 0.5 * np.sum(mu**2 + np.exp(2 * v) - 1 - 2 * v) / N

    dx_hat = error / (N * variance)
    dW, db = z.T @ dx_hat, dx_hat.sum(axis=0)
    dz = dx_hat @ W.T
    dmu = dz + mu / N
    dv = dz * eps * s / 2 + (np.exp(2 * v) - 1) / N
    dh = np.hstack([dmu, dv])
    return nll + kl, x.T @ dh, dh.sum(axis=0), dW, db


def fit_linear_vae(X, k, rng):
    """Train a linear VAE until its ELBO is near the best log-likelihood.

    Near is 0.01 nats or less below it.

    Parameters
    ----------
    X : (N, D)
        The points: anywhere in space, and in any unit.
    k : int
        The number of latents, less than D.
    rng : numpy.random.Generator
        Draws the start, and noise if you want some.

    Returns
    -------
    V, c : (D, 2k), (2k,)
        The encoder: X V + c holds the means of q(z | x), then its
        log-variances.
    W, b : (k, D), (D,)
        The decoder.
    variance : float
        sigma^2 of the decoder's noise, learnt as well.
    """
    raise NotImplementedError
