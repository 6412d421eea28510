"""Answers to the exercises of chapter 6, with the reasons.

Write your own into ``book/exercises/ch06.py`` first.
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
    distance = (z - mu) ** 2 / np.exp(logvar)  # (N, K), in variances
    # The density, exp of this, rounds to 0 far away, but nobody needs it.
    return -0.5 * np.sum(distance + logvar + np.log(2 * np.pi), axis=1)


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
    # log q - log p is half of
    #     (z - mu_p)^2 / s2_p - (z - mu_q)^2 / s2_q + log(s2_p / s2_q),
    # and the means of the two squares over q are s2_q + (mu_q - mu_p)^2
    # and s2_q.
    square = (s2_q + (mu_q - mu_p) ** 2) / s2_p
    return 0.5 * np.sum(square - 1 + np.log(s2_p / s2_q))


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
    deviation = np.std(values, ddof=1)  # how far one value is off
    # Variances of independent values add up: the sum has N times the
    # variance of one, the mean 1/N of it.
    error = deviation / np.sqrt(len(values))
    return np.mean(values), error, int(np.ceil((deviation / wanted) ** 2))


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
    log_q = -0.5 * ((z - mu) ** 2 / s2 + np.log(2 * np.pi * s2))
    dz = z[1] - z[0]
    # np.log(np.exp(log_q)) would be -inf where q rounds to 0, and 0 times
    # -inf is NaN.
    return np.sum(np.exp(log_q) * (log_joint - log_q)) * dz


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
    # The noise knows nothing of mu and logvar.
    eps = rng.standard_normal((n_samples, len(mu)))
    return mu + np.exp(logvar / 2) * eps  # root of the variance e^logvar


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
    s = np.exp(logvar / 2)
    value = f(mu + s * eps)
    # log q(z) = -(z - mu)^2 e^-v / 2 - v / 2 + const, differentiated with z
    # held fixed: in mu (z - mu) / s^2 = eps / s, and in v
    # ((z - mu)^2 / s^2 - 1) / 2.
    return value * eps / s, value * (eps**2 - 1) / 2


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
    Xc = X - X.mean(axis=0)
    # Rising, with the directions as columns.
    eigenvalues, U = np.linalg.eigh(Xc.T @ Xc / len(X))
    # The noise alone has to explain the directions that are left out, all
    # with one number.
    noise = eigenvalues[:-n_components].mean()
    kept, directions = eigenvalues[-n_components:], U[:, -n_components:].T
    # In a kept direction the noise is there as well: W has to add only what
    # it leaves open.
    return np.sqrt(kept - noise)[:, None] * directions, noise


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
    s = np.exp(v / 2)  # e^v is the variance: the entropy below says so
    z = mu + s * eps
    elbo = log_joint(z).mean() + 0.5 * (1 + np.log(2 * np.pi) + v)
    g = slope(z)
    dmu = g.mean()
    dv = np.mean(g * eps) * s / 2 + 0.5  # ds/dv = s/2
    return elbo, dmu, dv


def elbo_and_gradients_with_a_bug(log_joint, slope, mu, v, eps):
    """Estimate something that is not quite the ELBO."""
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
    q = np.zeros(2)  # mu and v; the start is the standard normal
    m, size = np.zeros(2), np.zeros(2)  # Adam's two averages
    n_steps = 1000
    for step in range(1, n_steps + 1):
        s, eps = np.exp(q[1] / 2), rng.standard_normal(100)
        g = slope(q[0] + s * eps)  # (100,): where each sample wants to go
        up = np.array([g.mean(), np.mean(g * eps) * s / 2 + 0.5])
        m, size = 0.9 * m + 0.1 * up, 0.99 * size + 0.01 * up**2
        rate = 0.05 * (1 - step / n_steps)  # shrinks, so it comes to rest
        m_hat, size_hat = m / (1 - 0.9**step), size / (1 - 0.99**step)
        q = q + rate * m_hat / (np.sqrt(size_hat) + 1e-8)
    return q[0], q[1]
