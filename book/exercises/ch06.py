"""Your answers to the exercises of chapter 6.

Replace a line that raises NotImplementedError by your own lines, then run

    pytest tests/exercises -k ch06
"""

import numpy as np


def log_normal(z, mu, logvar):
    """Return the log-density of a Gaussian with independent latents.

    Parameters
    ----------
    z : (N, K)
        Where; a place in each row.
    mu, logvar : (K,)
        Means and log-variances.

    Returns
    -------
    log_density : (N,)
        In nats; finite however far away z is.
    """
    raise NotImplementedError


def gaussian_kl(mu_q, s2_q, mu_p, s2_p):
    """Return KL(q || p) between two Gaussians with independent latents.

    Parameters
    ----------
    mu_q, s2_q : (K,)
        Means and variances of q.
    mu_p, s2_p : (K,)
        Means and variances of p.

    Returns
    -------
    kl : float
        In nats.
    """
    raise NotImplementedError


def monte_carlo(values, wanted):
    """Return a mean over samples, its error, and what a better one costs.

    Parameters
    ----------
    values : (N,)
        f(z) at independent samples.
    wanted : float
        The standard error that you would like to have.

    Returns
    -------
    mean : float
    error : float
        Its standard error, with the squared distances from the mean divided
        by N - 1.
    needed : int
        The fewest samples, in all, that bring the standard error down to
        ``wanted``; fewer than N where N are more than enough.
    """
    raise NotImplementedError


def elbo_on_grid(log_joint, z, mu, s2):
    """Return the ELBO of q = N(mu, s2), for one latent, summed on a grid.

    Parameters
    ----------
    log_joint : (G,)
        log p(x, z) at the points of the grid.
    z : (G,)
        The grid, with equal steps.
    mu, s2 : float
        Mean and variance of q.

    Returns
    -------
    elbo : float
        In nats.
    """
    raise NotImplementedError


def draw(mu, logvar, n_samples, rng):
    """Draw samples from a Gaussian with independent latents.

    Parameters
    ----------
    mu, logvar : (K,)
        Means and log-variances.
    n_samples : int
    rng : numpy.random.Generator

    Returns
    -------
    z : (n_samples, K)
    """
    raise NotImplementedError


def score_gradient(f, mu, logvar, eps):
    """Estimate how the mean of f over q changes, without f's derivative.

    q is N(mu, e^logvar).

    Parameters
    ----------
    f : callable, (N,) -> (N,)
        Any function of one latent; it may have steps.
    mu, logvar : float
    eps : (N,)
        Standard normal noise; the samples are z = mu + s eps.

    Returns
    -------
    dmu, dv : (N,), (N,)
        One estimate for each sample, of the derivatives in mu and in
        v = logvar. A baseline, one number for all samples, may be taken
        off f.
    """
    raise NotImplementedError


def fit_ppca(X, n_components):
    """Fit the linear model x = z W + mean + noise in closed form.

    It is by maximum likelihood: so variances are means over the N points.

    Parameters
    ----------
    X : (N, D)
        The points, anywhere in space.
    n_components : int
        The number K of latents, less than D.

    Returns
    -------
    W : (K, D)
        The decoder; any of those that are equally likely.
    noise : float
        The variance of the noise, the same in each feature.
    """
    raise NotImplementedError


def elbo_and_gradients(log_joint, slope, mu, v, eps):
    """Estimate the ELBO of q = N(mu, e^v) for one latent, and its gradient.

    Parameters
    ----------
    log_joint, slope : callables, (N,) -> (N,)
        log p(x, z) and its derivative in z.
    mu, v : float
        Mean and log-variance of q.
    eps : (N,)
        Standard normal noise.

    Returns
    -------
    elbo : float
        The mean of log p(x, z) over the samples, plus the entropy, which
        is exact.
    dmu, dv : float
        Its derivatives in mu and v, with the noise held fixed.
    """
    raise NotImplementedError("find the bug, mend it, delete this line")
    s = np.exp(v)
    z = mu + s * eps
    elbo = log_joint(z).mean() + 0.5 * (1 + np.log(2 * np.pi) + v)
    g = slope(z)
    dmu = g.mean()
    dv = np.mean(g * eps) * s + 0.5
    return elbo, dmu, dv


def fit_gaussian(slope, rng):
    """Fit a Gaussian q = N(mu, e^v) to a density by climbing the ELBO.

    Parameters
    ----------
    slope : callable, (N,) -> (N,)
        The derivative of the log-density in z. The density has one hump,
        within about three of zero, and a width between a third and three.
    rng : numpy.random.Generator

    Returns
    -------
    mu, v : float
        Mean and log-variance of a q whose ELBO is at most 0.01 nats below
        the best.
    """
    raise NotImplementedError
