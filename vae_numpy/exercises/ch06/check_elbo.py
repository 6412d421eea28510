"""The checks of chapter 6 on the KL divergence and the ELBO."""

from statistics import NormalDist

import numpy as np

from vae_numpy.exercises.catalogue import exercise

LOG_2PI = np.log(2 * np.pi)
WEIGHT, NOISE, SEEN = 1.5, 0.25, 1.0  # the chapter's small example, x = 1.5 z + noise


def log_joint(z):
    """Return log p(x, z) of the small example, where log p(x) is -1.5771."""
    log_prior = -0.5 * (z**2 + LOG_2PI)
    return log_prior - 0.5 * ((SEEN - WEIGHT * z) ** 2 / NOISE + np.log(2 * np.pi * NOISE))


def slope(z):
    """Return its derivative in z."""
    return -z + WEIGHT * (SEEN - WEIGHT * z) / NOISE


def exact_elbo(mu, s2):
    """Return the ELBO of N(mu, s2) in the small example, as the chapter has it."""
    error = (SEEN - WEIGHT * mu) ** 2 + WEIGHT**2 * s2
    explain = -0.5 * np.log(2 * np.pi * NOISE) - error / (2 * NOISE)
    return explain - 0.5 * (mu**2 + s2 - 1 - np.log(s2))


@exercise(
    "6.1",
    trains="log-densities of several independent latents, and staying in logarithms",
    difficulty="easy",
    minutes=10,
    hints=[
        "The variance is `np.exp(logvar)`, and its logarithm is there already.",
        "Log-densities of independent latents add up: sum over axis 1.",
        "No density is ever needed: write the logarithm of the formula, not the logarithm of its "
        "value.",
    ],
)
def log_normal(answer):
    def terms(z, mu, logvar):
        return -0.5 * ((z - mu) ** 2 / np.exp(logvar) + logvar + LOG_2PI)

    def with_variance(z, mu, variance):
        with np.errstate(invalid="ignore"):
            return np.sum(-0.5 * ((z - mu) ** 2 / variance + np.log(2 * np.pi * variance)), axis=1)

    mistakes = {
        "the latents' logarithms are not added up: wanted one number a row": terms,
        "the 2 pi is missing: without it the area under the density is not 1": (
            lambda z, mu, v: np.sum(terms(z, mu, v) + LOG_2PI / 2, axis=1)
        ),
        "logvar is taken for the variance; it is its logarithm": with_variance,
        "logvar is taken for the standard deviation's logarithm; it is the variance's": (
            lambda z, mu, v: np.sum(terms(z, mu, 2 * v), axis=1)
        ),
        "the squared distance is divided by the standard deviation; it is measured in variances": (
            lambda z, mu, v: np.sum(-0.5 * ((z - mu) ** 2 / np.exp(v / 2) + v + LOG_2PI), axis=1)
        ),
        "the logvar term is missing: a wider bell is lower": (
            lambda z, mu, v: np.sum(terms(z, mu, v) + v / 2, axis=1)
        ),
        "the rows are added up too: wanted one number a row": (
            lambda z, mu, v: np.sum(terms(z, mu, v))
        ),
        "this is minus the log-density": lambda z, mu, v: -np.sum(terms(z, mu, v), axis=1),
    }
    z = np.array([[0.3, -1.0, 2.0], [1.5, 0.2, -0.4]])
    mu = np.array([0.5, -1.5, 1.0])
    for logvar in (np.array([0.4, 1.2, 0.3]), np.array([-2.0, 0.0, 0.7])):
        bells = [NormalDist(m, np.exp(v / 2)) for m, v in zip(mu, logvar, strict=True)]
        want = [sum(np.log(b.pdf(x)) for b, x in zip(bells, row, strict=True)) for row in z]
        answer.gives(np.array(want), z, mu, logvar, mistakes=mistakes)
    with np.errstate(all="ignore"):
        far = answer(np.array([[60.0]]), np.zeros(1), np.zeros(1))
    answer.holds(
        np.all(np.isfinite(far)),
        "far from the mean it is not finite: the density e^-1800 rounds to 0 before its logarithm "
        "is taken. Write the logarithm out",
        [f"returned    {far}", "expected    [-1800.9189]"],
    )
    answer.compare(far, np.array([-1800 - LOG_2PI / 2]))


@exercise(
    "6.2",
    trains="the closed form that every later loss contains, in its general form",
    difficulty="easy",
    minutes=15,
    hints=[
        "Take log q - log p at a point z, and average over q: `(z - mu_q)^2` has the mean `s2_q`.",
        "The mean of `(z - mu_p)^2` over q is `s2_q + (mu_q - mu_p)^2`.",
        "Per latent: `((s2_q + (mu_q - mu_p)^2) / s2_p - 1 + log(s2_p / s2_q)) / 2`.",
    ],
)
def gaussian_kl(answer):
    def kl(mu_q, s2_q, mu_p, s2_p, one=1.0, sign=1.0):
        spread = (s2_q + (mu_q - mu_p) ** 2) / s2_p
        return 0.5 * np.sum(spread - one + sign * np.log(s2_p / s2_q))

    def shift_not_scaled(mu_q, s2_q, mu_p, s2_p):
        return kl(mu_q, s2_q, mu_q, s2_p) + 0.5 * np.sum((mu_q - mu_p) ** 2)

    mistakes = {
        "the two are exchanged: this is KL(p || q), whose samples come from p": (
            lambda mu_q, s2_q, mu_p, s2_p: kl(mu_p, s2_p, mu_q, s2_q)
        ),
        "the logarithm's ratio stands upside down": lambda *g: kl(*g, sign=-1.0),
        "the -1 is missing: the divergence of a density from itself must be 0": (
            lambda *g: kl(*g, one=0.0)
        ),
        "the 1 is taken off once, but every latent has one": (
            lambda *g: kl(*g) + 0.5 * (len(g[0]) - 1)
        ),
        "the factor 1/2 is missing": lambda *g: 2 * kl(*g),
        "the variances are squared: they are variances already": (
            lambda mu_q, s2_q, mu_p, s2_p: kl(mu_q, s2_q**2, mu_p, s2_p**2)
        ),
        "the distance of the means is not measured in variances of p": shift_not_scaled,
        "p is taken for the standard normal; it has a mean and variances of its own": (
            lambda mu_q, s2_q, mu_p, s2_p: kl(mu_q, s2_q, 0 * mu_p, 1 + 0 * s2_p)
        ),
        "it is a mean over the latents; they add up": lambda *g: kl(*g) / len(g[0]),
    }
    mu_q, s2_q = np.array([0.3, -1.0, 2.0]), np.array([0.5, 2.0, 1.5])
    mu_p, s2_p = np.array([1.0, -0.5, 0.4]), np.array([1.2, 0.7, 3.0])
    z = np.linspace(-15, 15, 6001)
    want = 0.0
    for m_q, v_q, m_p, v_p in zip(mu_q, s2_q, mu_p, s2_p, strict=True):  # the integral, by a sum
        log_q = -0.5 * ((z - m_q) ** 2 / v_q + np.log(2 * np.pi * v_q))
        log_p = -0.5 * ((z - m_p) ** 2 / v_p + np.log(2 * np.pi * v_p))
        want += np.sum(np.exp(log_q) * (log_q - log_p)) * (z[1] - z[0])
    answer.gives(want, mu_q, s2_q, mu_p, s2_p, mistakes=mistakes)
    for m, v, want in [(1.0, 1.0, 0.5), (0.0, 4.0, 0.806853), (2.0, 0.25, 2.318147)]:
        standard = np.zeros(1), np.ones(1)
        answer.gives(want, np.array([m]), np.array([v]), *standard, mistakes=mistakes, atol=1e-6)


@exercise(
    "6.3",
    trains="saying how far a mean over samples can be trusted",
    difficulty="easy",
    minutes=10,
    hints=[
        "One value is off by about `values.std(ddof=1)`. A mean of N is off by less: divide by the "
        "root of N.",
        "The error falls with the root of the number: for half of it you need four times as many.",
        "`(deviation / wanted)**2`, rounded up with `np.ceil`.",
    ],
    compare="the mean of z^2 over 10,000 draws in the chapter's second figure: +- 0.014",
)
def monte_carlo(answer):
    def parts(values, wanted):
        deviation, n = np.std(values, ddof=1), len(values)
        return deviation, n, deviation / np.sqrt(n)

    mistakes = {
        "error: this is how far one value is off; a mean of N values is off by sqrt(N) less": (
            lambda v, w: (None, parts(v, w)[0], None)
        ),
        "error: it is divided by N; it falls only with the root of N": (
            lambda v, w: (None, parts(v, w)[0] / len(v), None)
        ),
        "error: this is its square, a variance": lambda v, w: (None, parts(v, w)[2] ** 2, None),
        "error: the mean was taken from the same values, so divide their squares by N - 1: "
        "ddof=1": lambda v, w: (None, np.std(v) / np.sqrt(len(v)), None),
        "needed: the error falls with the root of the number, so half of it takes four times as "
        "many": (
            lambda v, w: [
                (None, None, np.ceil(len(v) * parts(v, w)[2] / w)),
                (None, None, len(v) * parts(v, w)[2] / w),
                (None, None, np.ceil(parts(v, w)[0] / w)),
            ]
        ),
        "needed: round up to a whole number": lambda v, w: (None, None, (parts(v, w)[0] / w) ** 2),
        "needed: these are the draws that are missing; the number in all was asked for": (
            lambda v, w: (None, None, np.ceil((parts(v, w)[0] / w) ** 2) - len(v))
        ),
    }
    names = ("mean", "error", "needed")
    values = np.array([1.0, 3.0, 5.0, 7.0])  # squared distances 9, 1, 1, 9: variance 20/3
    answer.gives((4.0, np.sqrt(5 / 3), 667), values, 0.1, mistakes=mistakes, names=names)
    values = np.array([2.0, -1.0] * 50)  # 100 values at a distance of 1.5 from 0.5
    error = np.sqrt(225 / 99) / 10
    answer.gives((0.5, error, 910), values, 0.05, mistakes=mistakes, names=names)


@exercise(
    "6.4",
    trains="reading the ELBO as an integral, where nothing is left to chance",
    difficulty="medium",
    minutes=15,
    hints=[
        "On the grid, the mean of f over q is `np.sum(q * f) * dz`, with `dz = z[1] - z[0]`.",
        "f is log p(x, z) - log q(z). Write log q with your log-density, and q as its exponential.",
        "Where q rounds to 0, np.log(q) is -inf, and 0 times -inf is NaN. So never take the "
        "logarithm of q: you have it.",
    ],
    compare="the chapter's figure of the gap: the curves touch log p(x) at -1.58",
)
def elbo_on_grid(answer):
    def bell(z, mu, s2):
        return -0.5 * ((z - mu) ** 2 / s2 + np.log(2 * np.pi * s2))

    def integral(joint, z, mu, s2):
        log_q = bell(z, mu, s2)
        return np.sum(np.exp(log_q) * (joint - log_q))

    def without_entropy(joint, z, mu, s2):
        return np.sum(np.exp(bell(z, mu, s2)) * joint) * (z[1] - z[0])

    mistakes = {
        "a sum over the grid is no integral yet: each point stands for a stretch of length dz": (
            integral
        ),
        "this is log p(x), whatever q is: the logarithm is taken after the mean, not before": (
            lambda joint, z, *_: np.log(np.sum(np.exp(joint)) * (z[1] - z[0]))
        ),
        "log q is missing: without the entropy a spike would be the best q": without_entropy,
        "this is minus the ELBO, the KL between q and the joint": (
            lambda joint, z, *q: -integral(joint, z, *q) * (z[1] - z[0])
        ),
        "log q is added; it is taken off": (
            lambda *given: (
                2 * without_entropy(*given) - integral(*given) * (given[1][1] - given[1][0])
            )
        ),
        "s2 is squared: it is a variance already": (
            lambda joint, z, mu, s2: integral(joint, z, mu, s2**2) * (z[1] - z[0])
        ),
        "all points of the grid count alike; weigh them by q": (
            lambda joint, z, mu, s2: np.mean(joint - bell(z, mu, s2))
        ),
    }
    z = np.linspace(-8, 8, 1601)
    # Prior, a variance too large by half, the posterior, a narrow one that underflows.
    for mu, s2 in [(0.6, 0.15), (0.0, 1.0), (0.6, 0.1), (0.4, 0.01)]:
        with np.errstate(all="ignore"):
            returned = answer(log_joint(z), z, mu, s2)
        answer.holds(
            not np.any(np.isnan(np.asarray(returned, dtype=float))),
            "NaN: far from its mean q rounds to 0, its logarithm is -inf, and 0 times -inf is NaN",
            [f"the ELBO is {exact_elbo(mu, s2):.4f}"],
        )
        known = {line: value(log_joint(z), z, mu, s2) for line, value in mistakes.items()}
        answer.compare(returned, exact_elbo(mu, s2), mistakes=known, rtol=1e-6)
