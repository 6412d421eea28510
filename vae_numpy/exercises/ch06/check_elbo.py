"""The checks of chapter 6 on the KL divergence and the ELBO."""

import statistics
from statistics import NormalDist

import numpy as np

from vae_numpy.exercises.cases import number, numbers, sizes
from vae_numpy.exercises.catalogue import exercise

LOG_2PI = np.log(2 * np.pi)


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
    def right(z, mu, logvar):
        bells = [NormalDist(m, np.exp(v / 2)) for m, v in zip(mu, logvar, strict=True)]
        return np.array(
            [sum(np.log(b.pdf(x)) for b, x in zip(bells, row, strict=True)) for row in z]
        )

    def draw(rng):
        N, K = sizes(rng, 2)
        return numbers(rng, N, K), numbers(rng, K), numbers(rng, K, low=-1.5, high=1.5)

    def density(z, mu, log_s2, s2):
        return -0.5 * ((z - mu) ** 2 / s2 + log_s2 + LOG_2PI)

    def terms(z, mu, v):
        return density(z, mu, v, np.exp(v))

    def summed(made, axis=1):
        return lambda z, mu, v: np.sum(made(z, mu, v), axis=axis)

    mistakes = {
        "the latents' logarithms are not added up: wanted one number a row": terms,
        "the 2 pi is missing: without it the area under the density is not 1": summed(
            lambda z, mu, v: terms(z, mu, v) + LOG_2PI / 2
        ),
        "log 2 pi is counted once; each latent has its own": (
            lambda z, mu, v: np.sum(terms(z, mu, v) + LOG_2PI / 2, axis=1) - LOG_2PI / 2
        ),
        "logvar is taken for the variance; it is its logarithm": summed(
            lambda z, mu, v: density(z, mu, np.log(v), v)
        ),
        "logvar is taken for the standard deviation's logarithm; it is the variance's": summed(
            lambda z, mu, v: density(z, mu, 2 * v, np.exp(2 * v))
        ),
        "the squared distance is divided by the standard deviation; it is measured in variances": (
            summed(lambda z, mu, v: density(z, mu, v, np.exp(v / 2)))
        ),
        "the squared distance is not divided by the variance": summed(
            lambda z, mu, v: density(z, mu, v, 1.0)
        ),
        "the logvar term is missing: a wider bell is lower": summed(
            lambda z, mu, v: density(z, mu, 0.0, np.exp(v))
        ),
        "the logvar term is not halved: the root of 2 pi s^2 is below the line": summed(
            lambda z, mu, v: density(z, mu, 2 * v, np.exp(v))
        ),
        "the rows are added up too: wanted one number a row": summed(terms, axis=None),
        "it is summed over the rows; wanted a number for each of them, over its latents": summed(
            terms, axis=0
        ),
        "it is a mean over the latents; their logarithms add up": (
            lambda z, mu, v: np.mean(terms(z, mu, v), axis=1)
        ),
        "this is minus the log-density": summed(lambda z, mu, v: -terms(z, mu, v)),
    }
    answer.agrees(right, draw, mistakes=mistakes, n_calls=8)
    far = []
    for place in (60.0, -90.0, 1000.0):
        with np.errstate(all="ignore"):
            far.append((place, answer(np.array([[place]]), np.zeros(1), np.zeros(1))))
    answer.holds(
        any(np.all(np.isfinite(value)) for _, value in far),
        "far from the mean it is not finite: the density e^-1800 rounds to 0 before its logarithm "
        "is taken. Write the logarithm out",
        [f"returned    {value} at {place:g} standard deviations" for place, value in far],
    )
    for place, value in far:
        answer.compare(value, np.array([-(place**2 + LOG_2PI) / 2]))


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
    def right(mu_q, s2_q, mu_p, s2_p):
        t, total = np.linspace(-10, 10, 401), 0.0
        for m_q, v_q, m_p, v_p in zip(mu_q, s2_q, mu_p, s2_p, strict=True):
            z = m_q + np.sqrt(v_q) * t  # the integral, by a sum
            log_q = -0.5 * ((z - m_q) ** 2 / v_q + np.log(2 * np.pi * v_q))
            log_p = -0.5 * ((z - m_p) ** 2 / v_p + np.log(2 * np.pi * v_p))
            total += np.sum(np.exp(log_q) * (log_q - log_p)) * (z[1] - z[0])
        return total

    def draw(rng):
        (K,) = sizes(rng, 1)
        means, variances = numbers(rng, 2, K), numbers(rng, 2, K, low=0.3, high=3)
        return means[0], variances[0], means[1], variances[1]

    def kl(mu_q, s2_q, mu_p, s2_p, one=1.0, sign=1.0):
        spread = (s2_q + (mu_q - mu_p) ** 2) / s2_p
        return 0.5 * np.sum(spread - one + sign * np.log(s2_p / s2_q))

    mistakes = {
        "the two are exchanged: this is KL(p || q), whose samples come from p": (
            lambda mu_q, s2_q, mu_p, s2_p: kl(mu_p, s2_p, mu_q, s2_q)
        ),
        "the logarithm's ratio stands upside down": lambda *g: kl(*g, sign=-1.0),
        "the logarithm is missing": lambda *g: kl(*g, sign=0.0),
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
        "the distance of the means is not measured in variances of p": (
            lambda mu_q, s2_q, mu_p, s2_p: (
                kl(mu_q, s2_q, mu_q, s2_p) + 0.5 * np.sum((mu_q - mu_p) ** 2)
            )
        ),
        "the distance of the means is not in it": (
            lambda mu_q, s2_q, mu_p, s2_p: kl(mu_q, s2_q, mu_q, s2_p)
        ),
        "p is taken for the standard normal; it has a mean and variances of its own": (
            lambda mu_q, s2_q, mu_p, s2_p: kl(mu_q, s2_q, 0 * mu_p, 1 + 0 * s2_p)
        ),
        "it is a mean over the latents; they add up": lambda *g: kl(*g) / len(g[0]),
    }
    answer.agrees(right, draw, mistakes=mistakes)
    for m, v, want in [(1.0, 1.0, 0.5), (0.0, 4.0, 0.806853), (2.0, 0.25, 2.318147)]:
        answer.gives(want, np.array([m]), np.array([v]), np.zeros(1), np.ones(1), atol=1e-6)


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
    def right(values, wanted):
        if wanted <= 0:
            raise ValueError("no number of samples brings the error to 0")
        values = values.tolist()
        deviation = statistics.stdev(values)
        needed = max(int((deviation / wanted) ** 2) - 1, 1)
        while deviation / needed**0.5 > wanted:
            needed += 1
        return statistics.fmean(values), deviation / len(values) ** 0.5, needed

    def draw(rng):
        (N,) = sizes(rng, 1, 5, 12)
        values = numbers(rng, N, low=-1, high=4)
        return values, number(rng, 0.16, 0.34) if rng.integers(3) else number(rng, 0.7, 0.9)

    def error(made):
        """A mistake in terms of the deviation with N - 1, and N."""
        return lambda v, w: (None, made(np.std(v, ddof=1), len(v)), None)

    def needed(made):
        """A mistake in terms of the number needed before it is rounded, and N."""
        return lambda v, w: (None, None, made((np.std(v, ddof=1) / w) ** 2, len(v)))

    def around_zero(v, w):
        return None, np.sqrt(np.sum(v**2) / (len(v) - 1) / len(v)), None

    mistakes = {
        "error: this is how far one value is off; a mean of N values is off by sqrt(N) less": error(
            lambda s, N: s
        ),
        "error: it is divided by N; it falls only with the root of N": error(lambda s, N: s / N),
        "error: this is its square, a variance": error(lambda s, N: s**2 / N),
        "error: the variance is divided by the root of N; take the deviation, its root": error(
            lambda s, N: s**2 / np.sqrt(N)
        ),
        "error: the mean was taken from the same values, so divide their squares by N - 1: "
        "ddof=1": error(lambda s, N: s * np.sqrt((N - 1) / N) / np.sqrt(N)),
        "error: this is the spread around 0; wanted that around the mean": around_zero,
        "needed: the error falls with the root of the number, so half of it takes four times as "
        "many": [
            needed(lambda n, N: np.ceil(np.sqrt(n * N))),
            needed(lambda n, N: np.sqrt(n * N)),
            needed(lambda n, N: np.ceil(np.sqrt(n))),
        ],
        "needed: round up to a whole number": needed(lambda n, N: n),
        "needed: it is rounded down; so few do not bring the error down to what is wanted": needed(
            lambda n, N: np.floor(n)
        ),
        "needed: it is rounded to the nearest; round up": needed(lambda n, N: np.round(n)),
        "needed: these are the draws that are missing; the number in all was asked for": [
            needed(lambda n, N: np.ceil(n) - N),
            needed(lambda n, N: max(np.ceil(n) - N, 0)),
        ],
        "needed: it is N at least here; where fewer samples would do, wanted is how many": needed(
            lambda n, N: max(np.ceil(n), N)
        ),
    }
    names = ("mean", "error", "needed")
    case = np.array([1.0, 3.0, 5.0, 7.0]), 0.1  # squared distances 9, 1, 1, 9: variance 20/3
    answer.agrees(right, draw, mistakes=mistakes, first=[case], names=names, n_calls=12)


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
    def right(log_joint, z, mu, s2):
        if z[0] == z[-1]:
            raise ValueError("no parabola goes through a single place")
        # On paper: all these log-densities are parabolas.
        a, b, c = np.polyfit(z, log_joint, 2)
        return a * (mu**2 + s2) + b * mu + c + 0.5 * np.log(2 * np.pi * np.e * s2)

    def draw(rng):
        n = int(rng.integers(700, 900))
        z = np.linspace(-9, 9, n)
        mean, variance, level = number(rng, -1, 1), number(rng, 0.1, 1.2), number(rng, -3, -1)
        joint = level - (z - mean) ** 2 / (2 * variance)
        return joint, z, number(rng, -1, 1), number(rng, 0.3, 0.9)

    def narrow(rng):
        """Draw a q that rounds to 0 on a part of the grid: it reaches 38 deviations from mu."""
        joint, z, mu, _ = draw(rng)
        return joint, z, mu, number(rng, 0.011, 0.024)

    def bell(z, mu, s2):
        return -0.5 * ((z - mu) ** 2 / s2 + np.log(2 * np.pi * s2))

    def made(value):
        """A mistake in terms of q, log q, log p(x, z) and dz."""

        def returned(joint, z, mu, s2):
            log_q = bell(z, mu, s2)
            return value(np.exp(log_q), log_q, joint, z[1] - z[0])

        return returned

    mistakes = {
        "a sum over the grid is no integral yet: each point stands for a stretch of length dz": (
            made(lambda q, log_q, joint, dz: np.sum(q * (joint - log_q)))
        ),
        "this is log p(x), whatever q is: the logarithm is taken after the mean, not before": made(
            lambda q, log_q, joint, dz: np.log(np.sum(np.exp(joint)) * dz)
        ),
        "log q is missing: without the entropy a spike would be the best q": made(
            lambda q, log_q, joint, dz: np.sum(q * joint) * dz
        ),
        "this is minus the ELBO, the KL between q and the joint": made(
            lambda q, log_q, joint, dz: np.sum(q * (log_q - joint)) * dz
        ),
        "log q is added; it is taken off": made(
            lambda q, log_q, joint, dz: np.sum(q * (joint + log_q)) * dz
        ),
        "s2 is squared: it is a variance already": lambda joint, z, mu, s2: made(
            lambda q, log_q, joint, dz: np.sum(q * (joint - log_q)) * dz
        )(joint, z, mu, s2**2),
        "all points of the grid count alike; weigh them by q": [
            made(lambda q, log_q, joint, dz: np.mean(joint - log_q)),
            made(lambda q, log_q, joint, dz: np.sum(joint - log_q) * dz),
        ],
    }
    answer.agrees(right, draw, mistakes=mistakes)
    rounds = "far from its mean q rounds to 0, its logarithm is -inf, and 0 times -inf is NaN"
    mistakes = {f"NaN: {rounds}": lambda joint, z, mu, s2: np.nan}
    with np.errstate(all="ignore"):
        answer.agrees(right, narrow, mistakes=mistakes)
