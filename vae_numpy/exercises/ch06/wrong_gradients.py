"""Answers to exercises 6.5 to 6.9 as people give them."""

import math

import numpy as np

from vae_numpy.exercises.register import right, wrong

LOG_2PI = math.log(2 * math.pi)


@wrong("6.5", "multiplied by the variance")
def spread_by_the_variance(mu, logvar, n_samples, rng):
    return mu + np.exp(logvar) * rng.standard_normal((n_samples, len(mu)))


@wrong("6.5", "by logvar itself")
def spread_by_logvar(mu, logvar, n_samples, rng):
    return mu + logvar * rng.standard_normal((n_samples, len(mu)))


@wrong("6.5", "move together")
def one_noise_for_all(mu, logvar, n_samples, rng):
    return mu + np.exp(logvar / 2) * rng.standard_normal((n_samples, 1))


@wrong("6.5", "not Gaussian")
def uniform(mu, logvar, n_samples, rng):
    return mu + np.exp(logvar / 2) * rng.uniform(-(3**0.5), 3**0.5, (n_samples, len(mu)))


@wrong("6.5", "the second draw repeats the first")
def own_generator(mu, logvar, n_samples, rng):
    return np.random.default_rng(0).normal(mu, np.exp(logvar / 2), (n_samples, len(mu)))


@wrong("6.5", "the global random state changed")
def global_generator(mu, logvar, n_samples, rng):
    return np.random.normal(mu, np.exp(logvar / 2), (n_samples, len(mu)))  # noqa: NPY002 (the mistake)


@wrong("6.5", "the noise does not come from rng")
def unseeded(mu, logvar, n_samples, rng):
    return np.random.default_rng().normal(mu, np.exp(logvar / 2), (n_samples, len(mu)))


@wrong("6.5", "mu is not added")
def around_zero(mu, logvar, n_samples, rng):
    return np.exp(logvar / 2) * rng.standard_normal((n_samples, len(mu)))


@right("6.5")
def by_the_generator(mu, logvar, n_samples, rng):
    return rng.normal(mu, np.sqrt(np.exp(logvar)), size=(n_samples, len(mu)))


@right("6.5")
def latent_after_latent(mu, logvar, n_samples, rng):
    noise = [rng.standard_normal(n_samples, dtype="f") for _ in mu]
    return np.array(
        [m + math.exp(v) ** 0.5 * e for m, v, e in zip(mu, logvar, noise, strict=True)]
    ).T


@wrong("6.6", "one 1/s is missing")
def distance_in_noise(f, mu, logvar, eps):
    value = f(mu + np.exp(logvar / 2) * eps)
    return value * eps, value * (eps**2 - 1) / 2


@wrong("6.6", "the -1 is missing")
def height_forgotten(f, mu, logvar, eps):
    s = np.exp(logvar / 2)
    value = f(mu + s * eps)
    return value * eps / s, value * eps**2 / 2


@wrong("6.6", "this is the derivative in s;")
def in_the_deviation(f, mu, logvar, eps):
    s = np.exp(logvar / 2)
    value = f(mu + s * eps)
    return value * eps / s, value * (eps**2 - 1) / s


@wrong("6.6", "the path cannot be used")
def along_the_path(f, mu, logvar, eps):
    s = np.exp(logvar / 2)
    z = mu + s * eps
    g = (f(z + 1e-5) - f(z - 1e-5)) / 2e-5
    return g, g * eps * s / 2


@wrong("6.6", "the entropy's 1/2 is in it")
def with_entropy(f, mu, logvar, eps):
    s = np.exp(logvar / 2)
    value = f(mu + s * eps)
    return value * eps / s, value * (eps**2 - 1) / 2 + 0.5


@wrong("6.6", "not their mean")
def averaged(f, mu, logvar, eps):
    s = np.exp(logvar / 2)
    value = f(mu + s * eps)
    return np.mean(value * eps / s), np.mean(value * (eps**2 - 1) / 2)


@wrong("6.6", "this is the score alone")
def without_f(f, mu, logvar, eps):
    return eps / np.exp(logvar / 2), (eps**2 - 1) / 2


@right("6.6")
def with_a_baseline(f, mu, logvar, eps):
    z = mu + np.exp(0.5 * logvar) * eps
    value = f(z) - f(np.array([mu]))[0]  # a constant has no gradient
    score = (z - mu) / np.exp(logvar)
    return value * score, value * 0.5 * (np.exp(logvar) * score**2 - 1)


@right("6.6")
def sample_by_sample(f, mu, logvar, eps):
    s, dmu, dv = math.exp(logvar) ** 0.5, [], []
    for e in eps:
        value = float(f(np.array([mu + s * e]))[0])
        dmu.append(value * e / s)
        dv.append(value * (e * e - 1) / 2)
    return dmu, dv


def spectrum(X):
    eigenvalues, U = np.linalg.eigh(np.cov(X.T, bias=True))
    return eigenvalues[::-1], U[:, ::-1].T


@wrong("6.7", "sum of the discarded")
def all_discarded(X, n_components):
    values, U = spectrum(X)
    noise = values[n_components:].sum()
    return np.sqrt(np.maximum(values - noise, 0))[:n_components, None] * U[:n_components], noise


@wrong("6.7", "divided by all D directions")
def mean_squared_error(X, n_components):
    values, U = spectrum(X)
    Xc, kept = X - X.mean(axis=0), U[:n_components]
    noise = np.mean((Xc - Xc @ kept.T @ kept) ** 2)
    return np.sqrt(values[:n_components] - noise)[:, None] * kept, noise


@wrong("6.7", "noise is counted twice")
def unshortened(X, n_components):
    values, U = spectrum(X)
    noise = values[n_components:].mean()
    return np.sqrt(values[:n_components])[:, None] * U[:n_components], noise


@wrong("6.7", "N - 1")
def unbiased(X, n_components):
    values, U = np.linalg.eigh(np.cov(X.T))
    noise = values[:-n_components].mean()
    return (U[:, -n_components:] * np.sqrt(values[-n_components:] - noise)).T, noise


@wrong("6.7", "directions of least variance")
def smallest_first(X, n_components):
    values, U = np.linalg.eigh(np.cov(X.T, bias=True))
    noise = values[:-n_components].mean()
    return np.sqrt(values[-n_components:] - noise)[:, None] * U[:, :n_components].T, noise


@wrong("6.7", "have length 1")
def only_directions(X, n_components):
    values, U = spectrum(X)
    return U[:n_components], values[n_components:].mean()


@wrong("6.7", "z W a point")
def as_columns(X, n_components):
    values, U = spectrum(X)
    noise = values[n_components:].mean()
    return U[:n_components].T * np.sqrt(values[:n_components] - noise), noise


@right("6.7")
def by_singular_values(X, n_components):
    Xc = X - X.mean(axis=0)
    s, directions = np.linalg.svd(Xc, full_matrices=False)[1:]
    values = s**2 / len(X)
    noise = (np.sum(Xc**2) / len(X) - values[:n_components].sum()) / (X.shape[1] - n_components)
    return np.diag((values[:n_components] - noise) ** 0.5) @ directions[:n_components], noise


@right("6.7")
def turned(X, n_components):
    W, noise = by_singular_values(X, n_components)
    turn = np.linalg.qr(np.arange(1.0, n_components**2 + 1).reshape(n_components, -1) ** 2)[0]
    return turn @ W, float(noise)


@wrong("6.8", "the samples are spread by e^v")
def as_published(log_joint, slope, mu, v, eps):
    g = slope(mu + np.exp(v) * eps)
    elbo = np.mean(log_joint(mu + np.exp(v) * eps)) + 0.5 * (1 + LOG_2PI + v)
    return elbo, g.mean(), np.mean(g * eps) * np.exp(v) + 0.5


@wrong("6.8", "samples and entropy agree")
def entropy_changed(log_joint, slope, mu, v, eps):
    g = slope(mu + np.exp(v) * eps)
    elbo = np.mean(log_joint(mu + np.exp(v) * eps)) + 0.5 * (1 + LOG_2PI) + v
    return elbo, g.mean(), np.mean(g * eps) * np.exp(v) + 1


@wrong("6.8", "ds/dv is s/2, not s")
def half_mended(log_joint, slope, mu, v, eps):
    s = np.exp(v / 2)
    g = slope(mu + s * eps)
    elbo = log_joint(mu + s * eps).mean() + 0.5 * (1 + LOG_2PI + v)
    return elbo, g.mean(), np.mean(g * eps) * s + 0.5


@wrong("6.8", "still the derivative for s = e^v")
def only_the_samples(log_joint, slope, mu, v, eps):
    z = mu + np.exp(v / 2) * eps
    elbo = log_joint(z).mean() + 0.5 * (1 + LOG_2PI + v)
    return elbo, slope(z).mean(), np.mean(slope(z) * eps) * np.exp(v) + 0.5


@wrong("6.8", "the entropy is missing")
def no_entropy(log_joint, slope, mu, v, eps):
    s = np.exp(v / 2)
    g = slope(mu + s * eps)
    return log_joint(mu + s * eps).mean(), g.mean(), np.mean(g * eps) * s / 2


@wrong("6.8", "dv: the entropy's 1/2")
def no_gradient_of_the_entropy(log_joint, slope, mu, v, eps):
    s = np.exp(v / 2)
    g = slope(mu + s * eps)
    elbo = log_joint(mu + s * eps).mean() + 0.5 * (1 + LOG_2PI + v)
    return elbo, g.mean(), np.mean(g * eps) * s / 2


@wrong("6.8", "eps is not used")
def draws_of_its_own(log_joint, slope, mu, v, eps):
    eps, s = np.array([-1.0, 1.0]), np.exp(v / 2)
    g = slope(mu + s * eps)
    elbo = log_joint(mu + s * eps).mean() + 0.5 * (1 + LOG_2PI + v)
    return elbo, g.mean(), np.mean(g * eps) * s / 2 + 0.5


@right("6.8")
def with_the_variance(log_joint, slope, mu, v, eps):
    s2 = math.exp(v)
    z = mu + math.sqrt(s2) * eps
    elbo = sum(log_joint(z)) / len(z) + math.log(math.sqrt(2 * math.pi * math.e * s2))
    g = slope(z)
    return elbo, sum(g) / len(g), 0.5 * (1 + sum(g * (z - mu)) / len(g))


def climb(slope, rng, *, entropy=0.5, steps=1500, n=100, power=0.5, sign=1):
    """Adam, to be spoilt below."""
    q, m, size = np.zeros(2), np.zeros(2), np.zeros(2)
    for step in range(1, steps + 1):
        eps = rng.standard_normal(n)
        s = np.exp(power * q[1])
        g = slope(q[0] + s * eps)
        up = sign * np.array([g.mean(), np.mean(g * eps) * s * power + entropy])
        m, size = 0.9 * m + 0.1 * up, 0.99 * size + 0.01 * up**2
        rate = 0.04 * (1 - step / steps) / np.sqrt(size / (1 - 0.99**step) + 1e-12)
        q = q + rate * m / (1 - 0.9**step)
    return float(q[0]), float(q[1])


@wrong("6.9", "shrunk to a spike")
def without_the_half(slope, rng):
    return climb(slope, rng, entropy=0.0)


@wrong("6.9", "went away from the summit")
def downhill(slope, rng):
    return climb(slope, rng, sign=-1)


@wrong("6.9", "came out as the standard deviation")
def deviation_for_variance(slope, rng):
    # q = N(mu, e^2v), with its own entropy: the right bell under another name.
    return climb(slope, rng, power=1.0, entropy=1.0)


@wrong("6.9", "as in exercise 6.8")
def wrong_spread(slope, rng):
    return climb(slope, rng, power=1.0)  # the bug of exercise 6.8


@wrong("6.9", "top of the density")
def at_the_mode(slope, rng):
    mu, h = 0.0, 1e-4
    for _ in range(100):  # Newton's steps
        curvature = (slope(np.array([mu + h])) - slope(np.array([mu - h])))[0] / (2 * h)
        mu -= slope(np.array([mu]))[0] / curvature
    return mu, np.log(-1 / curvature)


@wrong("6.9", "nats below the summit; wanted 0.01")
def too_few_steps(slope, rng):
    return climb(slope, rng, steps=100)


@right("6.9")
def without_chance(slope, rng):
    # Fixed noise at the middles of 200 equal shares, made to have variance 1, and plain steps in
    # mu and s^2 that fit the hill's own width (natural gradients).
    eps = np.sort(rng.standard_normal((200, 500)), axis=0).mean(axis=1)
    eps = (eps - eps[::-1]) / 2
    eps /= eps.std()
    mu, s2 = 0.0, 1.0
    for _ in range(300):
        g = slope(mu + s2**0.5 * eps)
        mu += 0.1 * s2 * g.mean()
        s2 *= np.exp(0.1 * (1 + np.mean(g * eps) * s2**0.5))
    return np.float64(mu), float(np.log(s2))
