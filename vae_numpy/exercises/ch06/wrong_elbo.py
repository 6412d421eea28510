"""Answers to exercises 6.1 to 6.4 as people give them."""

import math

import numpy as np

from vae_numpy.exercises.register import right, wrong

LOG_2PI = math.log(2 * math.pi)


@wrong("6.1", "not added up")
def latent_by_latent(z, mu, logvar):
    return -0.5 * ((z - mu) ** 2 / np.exp(logvar) + logvar + LOG_2PI)


@wrong("6.1", "the 2 pi is missing")
def without_constant(z, mu, logvar):
    return -0.5 * np.sum((z - mu) ** 2 / np.exp(logvar) + logvar, axis=1)


@wrong("6.1", "logvar is taken for the variance")
def variance_given(z, mu, logvar):
    return -0.5 * np.sum((z - mu) ** 2 / logvar + np.log(2 * np.pi * logvar), axis=1)


@wrong("6.1", "standard deviation's logarithm")
def log_deviation(z, mu, logvar):
    return np.sum(-0.5 * ((z - mu) / np.exp(logvar)) ** 2 - logvar - LOG_2PI / 2, axis=1)


@wrong("6.1", "measured in variances")
def distance_in_deviations(z, mu, logvar):
    return -0.5 * np.sum((z - mu) ** 2 / np.exp(logvar / 2) + logvar + LOG_2PI, axis=1)


@wrong("6.1", "rounds to 0 before its logarithm")
def logarithm_last(z, mu, logvar):
    s2 = np.exp(logvar)
    density = np.exp(-((z - mu) ** 2) / (2 * s2)) / np.sqrt(2 * np.pi * s2)
    return np.log(density.prod(axis=1))


@wrong("6.1", "rows are added up too")
def one_number(z, mu, logvar):
    return -0.5 * np.sum((z - mu) ** 2 / np.exp(logvar) + logvar + LOG_2PI)


@right("6.1")
def row_by_row(z, mu, logvar):
    total = []
    for row in z:
        terms = [
            -((x - m) ** 2) / (2 * math.exp(v)) - v / 2 - math.log(math.sqrt(2 * math.pi))
            for x, m, v in zip(row, mu, logvar, strict=True)
        ]
        total.append(sum(terms))
    return total


@right("6.1")
def in_float32(z, mu, logvar):
    eps = (z - mu) / np.exp(0.5 * logvar)
    return np.float32(-0.5 * (eps**2).sum(1) - 0.5 * logvar.sum() - 0.5 * len(mu) * LOG_2PI)


@wrong("6.2", "the two are exchanged")
def other_direction(mu_q, s2_q, mu_p, s2_p):
    return 0.5 * np.sum((s2_p + (mu_q - mu_p) ** 2) / s2_q - 1 + np.log(s2_q / s2_p))


@wrong("6.2", "upside down")
def ratio_turned(mu_q, s2_q, mu_p, s2_p):
    return 0.5 * np.sum((s2_q + (mu_q - mu_p) ** 2) / s2_p - 1 - np.log(s2_p / s2_q))


@wrong("6.2", "the -1 is missing")
def without_minus_one(mu_q, s2_q, mu_p, s2_p):
    return 0.5 * np.sum((s2_q + (mu_q - mu_p) ** 2) / s2_p + np.log(s2_p / s2_q))


@wrong("6.2", "every latent has one")
def one_for_all(mu_q, s2_q, mu_p, s2_p):
    return 0.5 * (np.sum((s2_q + (mu_q - mu_p) ** 2) / s2_p + np.log(s2_p / s2_q)) - 1)


@wrong("6.2", "variances are squared")
def deviations_given(mu_q, s2_q, mu_p, s2_p):
    return np.sum(np.log(s2_p / s2_q) + (s2_q**2 + (mu_q - mu_p) ** 2) / (2 * s2_p**2) - 0.5)


@wrong("6.2", "standard normal")
def to_the_prior(mu_q, s2_q, mu_p, s2_p):
    return 0.5 * np.sum(mu_q**2 + s2_q - 1 - np.log(s2_q))


@right("6.2")
def as_entropies(mu_q, s2_q, mu_p, s2_p):
    cross = sum(
        0.5 * (math.log(2 * math.pi * p) + (q + (a - b) ** 2) / p)
        for a, q, b, p in zip(mu_q, s2_q, mu_p, s2_p, strict=True)
    )
    return cross - sum(0.5 * (1 + math.log(2 * math.pi * q)) for q in s2_q)


@right("6.2")
def with_matrices(mu_q, s2_q, mu_p, s2_p):
    P = np.linalg.inv(np.diag(s2_p))
    d = mu_p - mu_q
    log_det = np.linalg.slogdet(np.diag(s2_q) @ P)[1]
    return np.float32(0.5 * (np.trace(P @ np.diag(s2_q)) + d @ P @ d - len(d) - log_det))


@wrong("6.3", "how far one value is off")
def deviation_of_one(values, wanted):
    s = np.std(values, ddof=1)
    return values.mean(), s, int(np.ceil((s / wanted) ** 2))


@wrong("6.3", "divided by N;")
def by_n(values, wanted):
    s = np.std(values, ddof=1)
    return values.mean(), s / len(values), int(np.ceil((s / wanted) ** 2))


@wrong("6.3", "ddof=1")
def biased(values, wanted):
    s = np.std(values)
    return values.mean(), s / len(values) ** 0.5, int(np.ceil((s / wanted) ** 2))


@wrong("6.3", "four times as many")
def in_proportion(values, wanted):
    error = np.std(values, ddof=1) / len(values) ** 0.5
    return values.mean(), error, int(np.ceil(len(values) * error / wanted))


@wrong("6.3", "round up")
def a_fraction(values, wanted):
    s = np.std(values, ddof=1)
    return values.mean(), s / len(values) ** 0.5, (s / wanted) ** 2


@wrong("6.3", "draws that are missing")
def how_many_more(values, wanted):
    s = np.std(values, ddof=1)
    return values.mean(), s / len(values) ** 0.5, math.ceil((s / wanted) ** 2) - len(values)


@wrong("6.3", "it is N at least here")
def never_fewer(values, wanted):
    s, n = np.std(values, ddof=1), len(values)
    return values.mean(), s / n**0.5, max(n, math.ceil((s / wanted) ** 2))


@right("6.3")
def with_a_loop(values, wanted):
    n, mean = len(values), sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (n - 1)
    error = math.sqrt(variance / n)
    return [mean, error, math.ceil(n * (error / wanted) ** 2)]


def bell(z, mu, s2):
    return np.exp(-((z - mu) ** 2) / (2 * s2)) / np.sqrt(2 * np.pi * s2)


@wrong("6.4", "stretch of length dz")
def sum_for_integral(log_joint, z, mu, s2):
    log_q = -0.5 * ((z - mu) ** 2 / s2 + np.log(2 * np.pi * s2))
    return np.sum(np.exp(log_q) * (log_joint - log_q))


@wrong("6.4", "this is log p(x)")
def logarithm_of_the_mean(log_joint, z, mu, s2):
    q = bell(z, mu, s2)
    seen = q > 1e-290
    return np.log(np.sum(q[seen] * np.exp(log_joint[seen]) / q[seen]) * (z[1] - z[0]))


@wrong("6.4", "without the entropy")
def without_entropy(log_joint, z, mu, s2):
    return np.sum(bell(z, mu, s2) * log_joint) * (z[1] - z[0])


@wrong("6.4", "0 times -inf is NaN")
def logarithm_of_q(log_joint, z, mu, s2):
    q = bell(z, mu, s2)
    return np.sum(q * (log_joint - np.log(q))) * (z[1] - z[0])


@wrong("6.4", "minus the ELBO")
def as_a_loss(log_joint, z, mu, s2):
    log_q = -0.5 * ((z - mu) ** 2 / s2 + np.log(2 * np.pi * s2))
    return np.sum(np.exp(log_q) * (log_q - log_joint)) * (z[1] - z[0])


@wrong("6.4", "weigh them by q")
def not_weighed(log_joint, z, mu, s2):
    return np.mean(log_joint + 0.5 * ((z - mu) ** 2 / s2 + np.log(2 * np.pi * s2)))


@right("6.4")
def entropy_in_closed_form(log_joint, z, mu, s2):
    return np.trapezoid(bell(z, mu, s2) * log_joint, z) + 0.5 * np.log(2 * np.pi * np.e * s2)


@right("6.4")
def with_normalised_weights(log_joint, z, mu, s2):
    weights = bell(z, mu, s2)
    log_q = -((z - mu) ** 2) / (2 * s2) - math.log(math.sqrt(2 * math.pi * s2))
    return np.average(log_joint - log_q, weights=weights)
