"""Answers to the exercises of chapter 7, with the reasons.

Write your own into ``book/exercises/ch07.py`` first.
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
    # (N, K): of each cloud, along each axis
    cost = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)
    # First the cost, then the mean: means of opposite sign would cancel.
    kl = cost.mean(axis=0)
    return kl, kl > threshold


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
    # -log p = log(1 + e^a) - x a. logaddexp(0, a) is log(e^0 + e^a), and
    # never overflows.
    nll = np.sum(np.logaddexp(0, logits) - x * logits)
    kl = 0.5 * np.sum(mu**2 + np.exp(logvar) - 1 - logvar)
    return (nll + beta * kl) / len(x)  # by the rows, and nothing else


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
    # KL = 1/2N sum (mu^2 + e^v - 1 - v)
    return mu / len(mu), (np.exp(logvar) - 1) / (2 * len(mu))


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
        eps = self.rng.standard_normal(mu.shape)
        # s eps: what backward needs of this draw
        self.spread = np.exp(logvar / 2) * eps
        return mu + self.spread

    def backward(self, dz):
        """Return dL/dmu and dL/dlogvar, both (N, K).

        ``dz``, (N, K), is dL/dz at the last ``forward``.
        """
        # z = mu + exp(v / 2) eps, so dz/dmu = 1 and
        # dz/dv = 1/2 exp(v / 2) eps
        return dz, dz * self.spread / 2


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
    # What the loss counts of -log p, and of the KL. A Gaussian of
    # variance 1 has -log p = e^2 / 2.
    likelihood = 2.0 if reconstruction == "squared_error" else 1.0
    if mean_over_features:
        likelihood /= n_features
    kl = kl_weight / n_latents if mean_over_latents else kl_weight
    # The whole loss over the first number: -log p + beta KL is left.
    return kl / likelihood


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
    n_points, n_features = x.shape
    variance = np.exp(log_variance)
    # Of one datum, summed over its features.
    squared = np.sum((x_hat - x) ** 2) / n_points
    log_scale = n_features / 2 * (np.log(2 * np.pi) + log_variance)
    loss = squared / (2 * variance) + log_scale
    dx_hat = (x_hat - x) / (n_points * variance)
    # d/dv e^-v = -e^-v. It is zero where the variance is squared / D, the
    # error of one feature.
    return loss, dx_hat, n_features / 2 - squared / (2 * variance)


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
    N, K = eps.shape
    h = x @ V + c  # (N, 2K)
    mu, v = h[:, :K], h[:, K:]
    s = np.exp(v / 2)
    z = mu + s * eps
    error = z @ W + b - x  # (N, D)
    log_scale = x.shape[1] * np.log(2 * np.pi * variance)
    nll = 0.5 * (np.sum(error**2) / (N * variance) + log_scale)
    # v is log s^2: exp(v) is s^2.
    kl = 0.5 * np.sum(mu**2 + np.exp(v) - 1 - v) / N

    dx_hat = error / (N * variance)
    dW, db = z.T @ dx_hat, dx_hat.sum(axis=0)
    dz = dx_hat @ W.T
    dmu = dz + mu / N
    dv = dz * eps * s / 2 + (np.exp(v) - 1) / (2 * N)
    dh = np.hstack([dmu, dv])
    return nll + kl, x.T @ dh, dh.sum(axis=0), dW, db


def linear_step_with_a_bug(x, eps, V, c, W, b, variance):
    """Return loss and gradients of another model than was wanted."""
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
    n_features = X.shape[1]
    mean = X.mean(axis=0)
    # About the mean of each coordinate: the cloud may lie far away.
    unit = (X - mean).std()
    # One unit for all coordinates, so that one learning rate will do.
    Y = (X - mean) / unit
    # (D, D): all that a straight network sees of the data
    C = Y.T @ Y / len(Y)
    A = rng.normal(0, 0.3, (n_features, k))
    W = rng.normal(0, 0.3, (k, n_features))
    v, log_variance = np.zeros(k), np.zeros(1)
    values = [A, v, W, log_variance]
    m1, m2 = [0 * p for p in values], [0 * p for p in values]
    for t in range(800):
        # mu = y A, and the mean over eps needs no drawing:
        # E (y - zW)^2 = (y - mu W)^2 + s^2 W^2
        s2, precision = np.exp(v), np.exp(-log_variance)
        off = A @ W - np.eye(n_features)  # y - mu W, a matrix acting on y
        spread = np.sum(W**2, axis=1)  # (k,)
        squared = np.trace(off.T @ C @ off) + s2 @ spread
        slopes = [
            precision * C @ off @ W.T + C @ A,
            0.5 * (precision * s2 * spread + s2 - 1),
            precision * (A.T @ C @ off + s2[:, None] * W),
            0.5 * (n_features - precision * squared),
        ]
        rate = 0.05 * (1 - t / 800)
        # Adam, in place
        for p, slope, a, q in zip(values, slopes, m1, m2, strict=True):
            a += 0.1 * (slope - a)
            q += 0.01 * (slope**2 - q)
            a_hat = a / (1 - 0.9 ** (t + 1))
            q_hat = q / (1 - 0.99 ** (t + 1))
            p -= rate * a_hat / np.sqrt(q_hat + 1e-16)
    # Back to the units of X; the encoder's log-variances are the same for
    # every point.
    A, W = A / unit, W * unit
    V = np.hstack([A, np.zeros((n_features, k))])
    variance = float(np.exp(log_variance[0]) * unit**2)
    return V, np.concatenate([-mean @ A, v]), W, mean, variance
