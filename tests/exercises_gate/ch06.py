"""Wrong answers to chapter 6's exercises, written from their statements."""

# ruff: noqa: NPY002 (a generator for the whole program is one of the mistakes)

import numpy as np

from tests.exercises_gate.register import judged_otherwise, mistake

judged_otherwise("6.5", "draws have no one right value: their moments are compared")
judged_otherwise("6.9", "a climb has no one right value: it must end near enough to the summit")


@mistake("6.1", "log 2 pi is added once, not for each latent", told="log 2 pi is counted once")
def log_normal_one_constant(z, mu, logvar):
    distance = (z - mu) ** 2 / np.exp(logvar)
    return -0.5 * (np.sum(distance + logvar, axis=1) + np.log(2 * np.pi))


@mistake("6.1", "the log-variance is not halved", told="the logvar term is not halved")
def log_normal_logvar_not_halved(z, mu, logvar):
    distance = (z - mu) ** 2 / np.exp(logvar)
    return np.sum(-0.5 * distance - logvar - 0.5 * np.log(2 * np.pi), axis=1)


@mistake(
    "6.1",
    "the logarithm of a density that has rounded to 0",
    told="rounds to 0 before its logarithm",
)
def log_normal_of_density(z, mu, logvar):
    s2 = np.exp(logvar)
    density = np.exp(-((z - mu) ** 2) / (2 * s2)) / np.sqrt(2 * np.pi * s2)
    return np.log(np.prod(density, axis=1))


@mistake("6.1", "summed over the places, not over the latents", told="summed over the rows")
def log_normal_axis(z, mu, logvar):
    distance = (z - mu) ** 2 / np.exp(logvar)
    return -0.5 * np.sum(distance + logvar + np.log(2 * np.pi), axis=0)


@mistake(
    "6.1",
    "e^logvar is taken for the standard deviation, and squared",
    told="taken for the standard deviation's logarithm",
)
def log_normal_squared_variance(z, mu, logvar):
    s = np.exp(logvar)
    return np.sum(-0.5 * ((z - mu) / s) ** 2 - np.log(s) - 0.5 * np.log(2 * np.pi), axis=1)


@mistake("6.1", "the constant is left out", told="the 2 pi is missing")
def log_normal_no_constant(z, mu, logvar):
    return -0.5 * np.sum((z - mu) ** 2 * np.exp(-logvar) + logvar, axis=1)


@mistake("6.1", "the mean over the latents, not the sum", told="a mean over the latents")
def log_normal_mean(z, mu, logvar):
    distance = (z - mu) ** 2 / np.exp(logvar)
    return -0.5 * np.mean(distance + logvar + np.log(2 * np.pi), axis=1)


@mistake("6.2", "p and q are exchanged: KL(p || q)", told="the two are exchanged")
def kl_exchanged(mu_q, s2_q, mu_p, s2_p):
    return 0.5 * np.sum((s2_p + (mu_p - mu_q) ** 2) / s2_q - 1 + np.log(s2_q / s2_p))


@mistake("6.2", "the half is forgotten", told="the factor 1/2 is missing")
def kl_without_half(mu_q, s2_q, mu_p, s2_p):
    return np.sum((s2_q + (mu_q - mu_p) ** 2) / s2_p - 1 + np.log(s2_p / s2_q))


@mistake("6.2", "1 is taken off once, not for each latent", told="the 1 is taken off once")
def kl_minus_one_once(mu_q, s2_q, mu_p, s2_p):
    total = np.sum((s2_q + (mu_q - mu_p) ** 2) / s2_p + np.log(s2_p) - np.log(s2_q))
    return 0.5 * (total - 1)


@mistake(
    "6.2",
    "the variances are squared, as if they were standard deviations",
    told="the variances are squared",
)
def kl_squared_variances(mu_q, s2_q, mu_p, s2_p):
    ratio = (s2_q**2 + (mu_q - mu_p) ** 2) / s2_p**2
    return np.sum(np.log(s2_p / s2_q) + 0.5 * ratio - 0.5)


@mistake(
    "6.2",
    "p's variance is forgotten below the distance of the means",
    told="not measured in variances of p",
)
def kl_plain_distance(mu_q, s2_q, mu_p, s2_p):
    return 0.5 * np.sum(s2_q / s2_p + (mu_q - mu_p) ** 2 - 1 + np.log(s2_p / s2_q))


@mistake("6.2", "the logarithm has the wrong sign", told="upside down")
def kl_log_sign(mu_q, s2_q, mu_p, s2_p):
    return 0.5 * np.sum((s2_q + (mu_q - mu_p) ** 2) / s2_p - 1 - np.log(s2_p / s2_q))


@mistake("6.2", "the mean over the latents, not the sum", told="a mean over the latents")
def kl_mean(mu_q, s2_q, mu_p, s2_p):
    return 0.5 * np.mean((s2_q + (mu_q - mu_p) ** 2) / s2_p - 1 + np.log(s2_p / s2_q))


@mistake("6.3", "the number of samples is rounded down", told="it is rounded down")
def monte_carlo_rounded_down(values, wanted):
    deviation = np.std(values, ddof=1)
    return np.mean(values), deviation / np.sqrt(len(values)), int((deviation / wanted) ** 2)


@mistake(
    "6.3",
    "the number of samples is rounded to the nearest, not up",
    told="it is rounded to the nearest; round up",
)
def monte_carlo_rounded(values, wanted):
    deviation = values.std(ddof=1)
    return values.mean(), deviation / np.sqrt(len(values)), round((deviation / wanted) ** 2)


@mistake(
    "6.3",
    "the spread of one value, not the error of the mean: N is forgotten",
    told="how far one value is off",
)
def monte_carlo_spread(values, wanted):
    error = np.std(values, ddof=1)
    return np.mean(values), error, int(np.ceil((error / wanted) ** 2))


@mistake("6.3", "divided by N, not by its root", told="divided by N;")
def monte_carlo_over_n(values, wanted):
    deviation = np.std(values, ddof=1)
    return np.mean(values), deviation / len(values), int(np.ceil((deviation / wanted) ** 2))


@mistake(
    "6.3", "the variance for the standard deviation", told="the variance is divided by the root"
)
def monte_carlo_variance(values, wanted):
    variance = np.var(values, ddof=1)
    return np.mean(values), variance / np.sqrt(len(values)), int(np.ceil((variance / wanted) ** 2))


@mistake(
    "6.3",
    "the number of samples grows like 1/error, not like its square",
    told="four times as many",
)
def monte_carlo_not_squared(values, wanted):
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return np.mean(values), error, int(np.ceil(len(values) * error / wanted))


@mistake("6.3", "how many more samples, not how many in all", told="draws that are missing")
def monte_carlo_more(values, wanted):
    deviation = np.std(values, ddof=1)
    needed = int(np.ceil((deviation / wanted) ** 2))
    return np.mean(values), deviation / np.sqrt(len(values)), max(needed - len(values), 0)


@mistake("6.3", "the spread around 0, not around the mean", told="the spread around 0")
def monte_carlo_around_zero(values, wanted):
    deviation = np.sqrt(np.sum(values**2) / (len(values) - 1))
    return values.mean(), deviation / np.sqrt(len(values)), int(np.ceil((deviation / wanted) ** 2))


@mistake("6.4", "the step of the grid is forgotten", told="a stretch of length dz")
def grid_without_step(log_joint, z, mu, s2):
    log_q = -0.5 * ((z - mu) ** 2 / s2 + np.log(2 * np.pi * s2))
    return np.sum(np.exp(log_q) * (log_joint - log_q))


@mistake("6.4", "log q is left out", told="log q is missing")
def grid_without_entropy(log_joint, z, mu, s2):
    q = np.exp(-((z - mu) ** 2) / (2 * s2)) / np.sqrt(2 * np.pi * s2)
    return np.sum(q * log_joint) * (z[1] - z[0])


@mistake("6.4", "log p(x): the logarithm is taken after the sum", told="this is log p(x)")
def grid_log_evidence(log_joint, z, mu, s2):
    top = log_joint.max()
    return top + np.log(np.sum(np.exp(log_joint - top)) * (z[1] - z[0]))


@mistake("6.4", "log q is added, not taken off", told="log q is added")
def grid_entropy_sign(log_joint, z, mu, s2):
    log_q = -0.5 * ((z - mu) ** 2 / s2 + np.log(2 * np.pi * s2))
    return np.sum(np.exp(log_q) * (log_joint + log_q)) * (z[1] - z[0])


@mistake("6.4", "the logarithm of a q that has rounded to 0", told="0 times -inf is NaN")
def grid_log_of_zero(log_joint, z, mu, s2):
    q = np.exp(-((z - mu) ** 2) / (2 * s2)) / np.sqrt(2 * np.pi * s2)
    return np.sum(q * (log_joint - np.log(q))) * (z[1] - z[0])


@mistake("6.4", "s2 is squared, as if it were the standard deviation", told="s2 is squared")
def grid_s_for_s2(log_joint, z, mu, s2):
    log_q = -0.5 * ((z - mu) / s2) ** 2 - np.log(s2) - 0.5 * np.log(2 * np.pi)
    return np.sum(np.exp(log_q) * (log_joint - log_q)) * (z[1] - z[0])


@mistake("6.4", "a plain mean over the grid, without the weights q", told="weigh them by q")
def grid_plain_mean(log_joint, z, mu, s2):
    log_q = -0.5 * ((z - mu) ** 2 / s2 + np.log(2 * np.pi * s2))
    return np.mean(log_joint - log_q)


@mistake(
    "6.5", "the variance e^v for the standard deviation", told="multiplied by the variance e^v"
)
def draw_variance_for_deviation(mu, logvar, n_samples, rng):
    return mu + np.exp(logvar) * rng.standard_normal((n_samples, len(mu)))


@mistake("6.5", "one noise for all latents of a sample", told="the latents move together")
def draw_one_noise(mu, logvar, n_samples, rng):
    eps = rng.standard_normal((n_samples, 1))
    return mu + np.exp(logvar / 2) * eps


@mistake("6.5", "one noise for all samples: n times the same", told="or one for all samples")
def draw_same_sample(mu, logvar, n_samples, rng):
    z = mu + np.exp(0.5 * logvar) * rng.standard_normal(len(mu))
    return np.tile(z, (n_samples, 1))


@mistake("6.5", "uniform noise, not normal", told="uniform between 0 and 1")
def draw_uniform(mu, logvar, n_samples, rng):
    return mu + np.exp(logvar / 2) * rng.random((n_samples, len(mu)))


@mistake("6.5", "the mean is scaled too", told="mu is multiplied by")
def draw_mean_scaled(mu, logvar, n_samples, rng):
    eps = rng.standard_normal((n_samples, len(mu)))
    return np.exp(logvar / 2) * (mu + eps)


@mistake(
    "6.5", "the generator is ignored for NumPy's global one", told="the global random state changed"
)
def draw_global_generator(mu, logvar, n_samples, rng):
    return mu + np.exp(logvar / 2) * np.random.randn(n_samples, len(mu))


@mistake("6.5", "the log-variance itself for the standard deviation", told="by logvar itself")
def draw_logvar_for_deviation(mu, logvar, n_samples, rng):
    return mu + logvar * rng.standard_normal((n_samples, len(mu)))


@mistake(
    "6.6",
    "the slope of f by finite differences: 0 on either side of a step",
    told="this follows the slope of f",
)
def score_numeric_slope(f, mu, logvar, eps):
    s, h = np.exp(logvar / 2), 1e-5
    z = mu + s * eps
    slope = (f(z + h) - f(z - h)) / (2 * h)
    return slope, slope * eps * s / 2


@mistake("6.6", "the estimates are centred: their mean is 0", told="their mean is taken off")
def score_centred(f, mu, logvar, eps):
    s = np.exp(logvar / 2)
    value = f(mu + s * eps)
    dmu, dv = value * eps / s, value * (eps**2 - 1) / 2
    return dmu - dmu.mean(), dv - dv.mean()


@mistake("6.6", "the derivative in v is not halved", told="the derivative in log s")
def score_v_not_halved(f, mu, logvar, eps):
    s = np.exp(logvar / 2)
    value = f(mu + s * eps)
    return value * eps / s, value * (eps**2 - 1)


@mistake("6.6", "the derivative in s for the one in v", told="the derivative in s;")
def score_in_s(f, mu, logvar, eps):
    s = np.exp(logvar / 2)
    value = f(mu + s * eps)
    return value * eps / s, value * (eps**2 - 1) / s


@mistake("6.6", "-1 is forgotten: log q has a term of its own in v", told="the -1 is missing")
def score_without_minus_one(f, mu, logvar, eps):
    s = np.exp(logvar / 2)
    value = f(mu + s * eps)
    return value * eps / s, value * eps**2 / 2


@mistake("6.6", "eps over s^2: eps is not z - mu", told="one 1/s too many")
def score_eps_over_variance(f, mu, logvar, eps):
    s2 = np.exp(logvar)
    value = f(mu + np.sqrt(s2) * eps)
    return value * eps / s2, value * (eps**2 - 1) / 2


@mistake("6.6", "f is asked at the noise, not at the samples", told="f is asked at the noise")
def score_f_of_noise(f, mu, logvar, eps):
    s = np.exp(logvar / 2)
    value = f(eps)
    return value * eps / s, value * (eps**2 - 1) / 2


@mistake("6.6", "the means, not one estimate a sample", told="not their mean")
def score_means(f, mu, logvar, eps):
    s = np.exp(logvar / 2)
    value = f(mu + s * eps)
    return np.mean(value * eps / s), np.mean(value * (eps**2 - 1) / 2)


@mistake("6.7", "rows of the eigenvectors for columns", told="here its rows are taken")
def ppca_rows_for_columns(X, n_components):
    Xc = X - X.mean(axis=0)
    eigenvalues, U = np.linalg.eigh(Xc.T @ Xc / len(X))
    noise = eigenvalues[:-n_components].mean()
    W = np.sqrt(eigenvalues[-n_components:] - noise)[:, None] * U[-n_components:]
    return W, noise


@mistake("6.7", "the noise is divided by D, not by D - K", told="divided by all D directions")
def ppca_noise_over_all(X, n_components):
    Xc = X - X.mean(axis=0)
    eigenvalues, U = np.linalg.eigh(Xc.T @ Xc / len(X))
    noise = eigenvalues[:-n_components].sum() / X.shape[1]
    W = np.sqrt(eigenvalues[-n_components:] - noise)[:, None] * U[:, -n_components:].T
    return W, noise


@mistake(
    "6.7",
    "W has all the variance of its directions, the noise's too",
    told="the noise is counted twice",
)
def ppca_noise_not_taken_off(X, n_components):
    Xc = X - X.mean(axis=0)
    eigenvalues, U = np.linalg.eigh(Xc.T @ Xc / len(X))
    noise = eigenvalues[:-n_components].mean()
    return np.sqrt(eigenvalues[-n_components:])[:, None] * U[:, -n_components:].T, noise


@mistake("6.7", "the points are not centred", told="the mean was not taken off")
def ppca_not_centred(X, n_components):
    eigenvalues, U = np.linalg.eigh(X.T @ X / len(X))
    noise = eigenvalues[:-n_components].mean()
    W = np.sqrt(eigenvalues[-n_components:] - noise)[:, None] * U[:, -n_components:].T
    return W, noise


@mistake("6.7", "the root is forgotten: variances as lengths", told="these are variances")
def ppca_without_root(X, n_components):
    Xc = X - X.mean(axis=0)
    eigenvalues, U = np.linalg.eigh(Xc.T @ Xc / len(X))
    noise = eigenvalues[:-n_components].mean()
    W = (eigenvalues[-n_components:] - noise)[:, None] * U[:, -n_components:].T
    return W, noise


@mistake("6.7", "the smallest eigenvalue alone for the noise", told="one discarded eigenvalue")
def ppca_smallest_eigenvalue(X, n_components):
    Xc = X - X.mean(axis=0)
    eigenvalues, U = np.linalg.eigh(Xc.T @ Xc / len(X))
    noise = eigenvalues[0]
    W = np.sqrt(eigenvalues[-n_components:] - noise)[:, None] * U[:, -n_components:].T
    return W, noise


@mistake("6.7", "singular values squared are not divided by N", told="not divided by N")
def ppca_not_divided_by_n(X, n_components):
    _, S, Vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    noise = np.mean(S[n_components:] ** 2)
    W = np.sqrt(S[:n_components] ** 2 - noise)[:, None] * Vt[:n_components]
    return W, noise


@mistake("6.8", "ds/dv is still s, where it is s/2 now", told="ds/dv is s/2, not s")
def elbo_half_mended(log_joint, slope, mu, v, eps):
    s = np.exp(v / 2)
    z = mu + s * eps
    elbo = log_joint(z).mean() + 0.5 * (1 + np.log(2 * np.pi) + v)
    g = slope(z)
    return elbo, g.mean(), np.mean(g * eps) * s + 0.5


@mistake(
    "6.8",
    "the entropy is mended to fit s = e^v: v is no log-variance then",
    told="samples and entropy agree",
)
def elbo_entropy_mended(log_joint, slope, mu, v, eps):
    s = np.exp(v)
    z = mu + s * eps
    elbo = log_joint(z).mean() + 0.5 * (1 + np.log(2 * np.pi)) + v
    g = slope(z)
    return elbo, g.mean(), np.mean(g * eps) * s + 1


@mistake(
    "6.8",
    "only the gradient in v is halved, the samples stay too wide",
    told="the samples are spread by e^v",
)
def elbo_gradient_halved_only(log_joint, slope, mu, v, eps):
    s = np.exp(v)
    z = mu + s * eps
    elbo = log_joint(z).mean() + 0.5 * (1 + np.log(2 * np.pi) + v)
    g = slope(z)
    return elbo, g.mean(), np.mean(g * eps) * s / 2 + 0.5


@mistake("6.8", "s is the root of v, not of e^v", told="spread by the root of v")
def elbo_root_of_v(log_joint, slope, mu, v, eps):
    s = np.sqrt(abs(v))
    z = mu + s * eps
    elbo = log_joint(z).mean() + 0.5 * (1 + np.log(2 * np.pi) + v)
    g = slope(z)
    return elbo, g.mean(), np.mean(g * eps) * s / 2 + 0.5


@mistake(
    "6.8",
    "the entropy's part of the derivative in v is dropped",
    told="the entropy's 1/2 is missing",
)
def elbo_entropy_gradient_dropped(log_joint, slope, mu, v, eps):
    s = np.exp(v / 2)
    z = mu + s * eps
    elbo = log_joint(z).mean() + 0.5 * (1 + np.log(2 * np.pi) + v)
    g = slope(z)
    return elbo, g.mean(), np.mean(g * eps) * s / 2


@mistake(
    "6.8", "the entropy is taken from the samples, not exact", told="a mean over the samples here"
)
def elbo_sampled_entropy(log_joint, slope, mu, v, eps):
    s = np.exp(v / 2)
    z = mu + s * eps
    log_q = -0.5 * (eps**2 + np.log(2 * np.pi) + v)
    g = slope(z)
    return np.mean(log_joint(z) - log_q), g.mean(), np.mean(g * eps) * s / 2 + 0.5


@mistake(
    "6.8",
    "the mean of a product taken for the product of the means",
    told="averaged each by itself",
)
def elbo_product_of_means(log_joint, slope, mu, v, eps):
    s = np.exp(v / 2)
    z = mu + s * eps
    elbo = log_joint(z).mean() + 0.5 * (1 + np.log(2 * np.pi) + v)
    dmu = slope(z).mean()
    dv = dmu * eps.mean() * s / 2 + 0.5
    return elbo, dmu, dv


@mistake("6.9", "the moments of p: that is the best in KL(p || q)", told="the moments of p")
def fit_moments(slope, rng):
    z = np.linspace(-20, 20, 20001)
    log_p = np.cumsum(slope(z)) * (z[1] - z[0])
    p = np.exp(log_p - log_p.max())
    p = p / p.sum()
    mu = np.sum(p * z)
    return mu, np.log(np.sum(p * (z - mu) ** 2))


@mistake(
    "6.9",
    "the standard deviation is returned for the log-variance",
    told="v is the standard deviation",
)
def fit_returns_s(slope, rng):
    mu, v, n_steps = 0.0, 0.0, 3000
    for step in range(n_steps):
        s, eps = np.exp(v / 2), rng.standard_normal(100)
        g, rate = slope(mu + s * eps), 0.05 * (1 - step / n_steps)
        mu, v = mu + rate * g.mean(), v + rate * (np.mean(g * eps) * s / 2 + 0.5)
    return mu, np.exp(v / 2)


@mistake("6.9", "the variance is returned for the log-variance", told="v is the variance")
def fit_returns_s2(slope, rng):
    mu, v, n_steps = 0.0, 0.0, 3000
    for step in range(n_steps):
        s, eps = np.exp(v / 2), rng.standard_normal(100)
        g, rate = slope(mu + s * eps), 0.05 * (1 - step / n_steps)
        mu, v = mu + rate * g.mean(), v + rate * (np.mean(g * eps) * s / 2 + 0.5)
    return mu, np.exp(v)


@mistake("6.9", "the entropy is forgotten: q shrinks to a spike", told="shrunk to a spike")
def fit_without_entropy(slope, rng):
    mu, v, n_steps = 0.0, 0.0, 3000
    for step in range(n_steps):
        s, eps = np.exp(v / 2), rng.standard_normal(100)
        g, rate = slope(mu + s * eps), 0.05 * (1 - step / n_steps)
        mu, v = mu + rate * g.mean(), v + rate * np.mean(g * eps) * s / 2
    return mu, v


@mistake("6.9", "the top of p and the curvature there", told="sits on the top")
def fit_top(slope, rng):
    low, high = -10.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        if slope(np.array([middle]))[0] > 0:
            low = middle
        else:
            high = middle
    mu, h = (low + high) / 2, 1e-4
    ends = slope(np.array([mu - h, mu + h]))
    return mu, -np.log((ends[0] - ends[1]) / (2 * h))


@mistake("6.9", "the noise is drawn once, and only five of it")
def fit_noise_once(slope, rng):
    mu, v, eps = 0.0, 0.0, rng.standard_normal(5)
    for _ in range(3000):
        s = np.exp(v / 2)
        g = slope(mu + s * eps)
        mu, v = mu + 0.02 * g.mean(), v + 0.02 * (np.mean(g * eps) * s / 2 + 0.5)
    return mu, v


@mistake(
    "6.9",
    "samples spread by e^v: what is found is the log of s, not of s^2",
    told="came out as the standard deviation",
)
def fit_variance_for_deviation(slope, rng):
    mu, v, n_steps = 0.0, 0.0, 3000
    for step in range(n_steps):
        s, eps = np.exp(v), rng.standard_normal(100)
        g, rate = slope(mu + s * eps), 0.03 * (1 - step / n_steps)
        mu, v = mu + rate * g.mean(), v + rate * (np.mean(g * eps) * s + 1)
    return mu, v


@mistake("6.9", "too few steps: far from the best yet")
def fit_too_few_steps(slope, rng):
    mu, v = 0.0, 0.0
    for _ in range(50):
        s, eps = np.exp(v / 2), rng.standard_normal(100)
        g = slope(mu + s * eps)
        mu, v = mu + 0.01 * g.mean(), v + 0.01 * (np.mean(g * eps) * s / 2 + 0.5)
    return mu, v
