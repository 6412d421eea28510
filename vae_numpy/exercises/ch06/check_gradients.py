"""The checks of chapter 6 on draws and gradients."""

import numpy as np

from vae_numpy.exercises.cases import number, numbers, sizes, slope
from vae_numpy.exercises.catalogue import exercise
from vae_numpy.exercises.ch06.check_elbo import LOG_2PI

N_DRAWS = 20_000
# Means and log-variances of each call: no mistake gives the moments of another.
BELLS = [
    ([2.0, -1.0, 0.5], [-2.0, 1.0, 0.4]),
    ([-3.0, 1.2, 2.2], [-1.2, 0.6, -0.7]),
    ([0.7, -1.6, 1.3, -0.9], [1.3, -0.8, 0.5, -1.5]),
]


@exercise(
    "6.5",
    trains="testing a sampler by its moments, since its shape is always right",
    difficulty="medium",
    minutes=10,
    hints=[
        "Noise first: `rng.standard_normal((n_samples, len(mu)))`, a number for each sample and "
        "latent.",
        "The noise has to be multiplied by the standard deviation. What is that, if logvar is the "
        "logarithm of its square?",
        "`np.exp(logvar / 2)`",
    ],
)
def draw(answer):
    drawn = []
    for seed, (mu, logvar) in enumerate(BELLS):
        mu, logvar = np.array(mu), np.array(logvar)
        samples = answer(mu, logvar, N_DRAWS, np.random.default_rng(seed))
        answer.form(samples, np.zeros((N_DRAWS, len(mu))))
        drawn.append((mu, logvar, np.asarray(samples, float)))
    _judge_source(answer)
    _judge_moments(answer, drawn)
    _judge_noise(answer, drawn)


def _judge_source(answer):
    """Ask whether the noise comes from the generator, and goes on with it."""
    repeated, other = [], []
    for seed, (mu, logvar) in enumerate(BELLS):
        one, two = np.random.default_rng(seed), np.random.default_rng(seed)
        first, second, third = (
            np.asarray(answer(np.array(mu), np.array(logvar), 5, rng)) for rng in (one, one, two)
        )
        still = np.all(first == first[0])  # all samples alike: told by the moments
        repeated.append(np.array_equal(first, second) and not still)
        other.append(not np.array_equal(first, third))
    answer.holds(
        not all(repeated),
        "the second draw repeats the first: use the rng that you are given, do not make a new one",
    )
    answer.holds(
        not all(other),
        "two generators with one seed give different samples: the noise does not come from rng",
    )


def _judge_moments(answer, drawn):
    """Recognise means and variances that all calls share with a known mistake."""
    moments = [(z.mean(axis=0), z.var(axis=0)) for _, _, z in drawn]
    seen = []
    for (mu, logvar, _), (mean, variance) in zip(drawn, moments, strict=True):
        seen.append(f"measured    means {mean.round(3)}, variances {variance.round(3)}")
        seen.append(f"wanted      means {mu}, variances {np.exp(logvar).round(3)}")

    def fits(made):
        """Of 20,000 values a variance is off by 1 %: 8 % is eight times that."""
        for (mu, logvar, _), (mean, variance) in zip(drawn, moments, strict=True):
            centre, spread = made(mu, logvar)
            error = 6 * np.sqrt(np.maximum(variance, 1e-12) / N_DRAWS) + 1e-9
            near = np.all(np.abs(mean - centre) < error) if centre is not None else True
            if not (near and np.allclose(variance, spread, rtol=0.08, atol=1e-9)):
                return False
        return True

    for line, made in {
        "the noise is multiplied by the variance e^v: the samples' variance is then e^2v. The "
        "standard deviation is e^(v/2)": lambda mu, v: (mu, np.exp(2 * v)),
        "the noise is multiplied by logvar itself": lambda mu, v: (mu, v**2),
        "the noise is multiplied by the root of e^(v/2): one root too many": lambda mu, v: (
            mu,
            np.exp(v / 2),
        ),
        "the noise is not scaled: every variance is 1": lambda mu, v: (mu, np.ones(len(v))),
        "there is no noise, or one for all samples: they are all the same": lambda mu, v: (
            None,
            np.zeros(len(v)),
        ),
        "the samples lie around 0: mu is not added": lambda mu, v: (0 * mu, np.exp(v)),
        "mu is multiplied by the standard deviation too; only the noise is": lambda mu, v: (
            np.exp(v / 2) * mu,
            np.exp(v),
        ),
        "the noise is uniform between 0 and 1, of mean 1/2 and variance 1/12; it is to be standard "
        "normal": lambda mu, v: (mu + np.exp(v / 2) / 2, np.exp(v) / 12),
    }.items():
        answer.holds(not fits(made), line, seen)
    right = all(
        np.all(np.abs(mean - mu) < 6 * np.sqrt(np.exp(v) / N_DRAWS))
        for (mu, v, _), (mean, _) in zip(drawn, moments, strict=True)
    )
    answer.holds(right, "the samples' means are not mu", seen, cause=False)
    right = all(
        np.allclose(variance, np.exp(v), rtol=0.08)
        for (_, v, _), (_, variance) in zip(drawn, moments, strict=True)
    )
    answer.holds(right, "the samples' variances are not e^logvar", seen, cause=False)


def _judge_noise(answer, drawn):
    """Ask whether the noise is independent, from latent to latent and row to row, and Gaussian."""
    noise = [(z - mu) / np.exp(logvar / 2) for mu, logvar, z in drawn]
    shares = [np.corrcoef(e.T)[np.triu_indices(e.shape[1], 1)] for e in noise]
    answer.holds(
        not all(np.all(np.abs(share) > 0.999) for share in shares),
        "the latents move together: each needs noise of its own",
        [f"correlations between the latents: {shares[0].round(2)}"],
    )
    answer.holds(
        all(np.all(np.abs(share) < 0.06) for share in shares),
        "the latents are not independent of each other",
        [f"correlations between the latents: {share.round(2)}" for share in shares],
        cause=False,
    )
    fourth = [float(np.mean(e**4)) for e in noise]
    rows = [np.corrcoef(e[:-1].ravel(), e[1:].ravel())[0, 1] for e in noise]
    answer.holds(
        all(abs(value - 3) < 0.4 for value in fourth) and all(abs(r) < 0.06 for r in rows),
        "means and variances are right, but the noise is not Gaussian and independent",
        [f"mean fourth power of the noise: {fourth[0]:.2f}; for a Gaussian it is 3"],
        cause=False,
    )


@exercise(
    "6.6",
    trains="a gradient for functions that have no slope",
    difficulty="medium",
    minutes=20,
    hints=[
        "The estimate is f(z) times the derivative of log q(z) in the parameter, at the sample z.",
        "`log q = -(z - mu)^2 e^-v / 2 - v / 2 + constant`. Differentiate with z held fixed.",
        "In terms of the noise: `eps / s` for mu, and `(eps**2 - 1) / 2` for v.",
    ],
)
def score_gradient(answer):
    def log_q(z, mu, logvar):
        return -((z - mu) ** 2) / (2 * np.exp(logvar)) - logvar / 2

    def right(f, mu, logvar, eps):
        z = np.array([mu + np.exp(logvar / 2) * e for e in eps])
        dmu = slope(lambda m: log_q(z, m, logvar), mu)  # z held fixed
        dv = slope(lambda v: log_q(z, mu, v), logvar)
        return f(z) * dmu, f(z) * dv

    def arguments(rng):
        (n,) = sizes(rng, 1, 6, 12)
        a, b, threshold = number(rng, 0.4, 2), number(rng, 1, 3), number(rng, -1, 1)

        def f(z):
            return a * (z + 0.3) ** 2 + b * (z > threshold)

        eps = numbers(rng, n)
        eps[:2] = number(rng, 1.5, 2.5), -number(rng, 1.5, 2.5)
        return f, number(rng, -1, 1), number(rng, -1.5, 1), eps

    def ask(f, mu, logvar, eps):
        """Return both estimates; put back what an allowed baseline has taken off."""
        parts = answer.parts(answer(f, mu, logvar, eps), "dmu", "dv")
        return tuple(
            _with_baseline(part, score, f(mu + np.exp(logvar / 2) * eps))
            for part, score in zip(parts, (eps, eps**2 - 1), strict=True)
        )

    def dmu(made):
        """A mistake in terms of f(z), s, the noise, f and mu."""

        def value(f, mu, logvar, eps):
            s = np.exp(logvar / 2)
            return made(f(mu + s * eps), s, eps, f, mu), None

        return value

    def dv(made):
        return lambda *given: (None, dmu(made)(*given)[0])

    def both(*given):
        return tuple(np.mean(part) for part in right(*given))

    def centred(*given):
        return tuple(part - np.mean(part) for part in right(*given))

    def path(f, z, step=1e-5):
        return (f(z + step) - f(z - step)) / (2 * step)

    flat = "this follows the slope of f, and a step has none: the path cannot be used here"
    mistakes = {
        "dmu and dv: wanted one estimate for each sample, not their mean": both,
        "dmu and dv: their mean is taken off, so each estimates 0": centred,
        f"dmu: {flat}": dmu(lambda value, s, eps, f, mu: path(f, mu + s * eps)),
        "dmu: this is the score alone, whose mean is 0; f(z) says how much it counts": dmu(
            lambda value, s, eps, f, mu: eps / s
        ),
        "dmu: one 1/s is missing: the score is (z - mu) / s^2, and z - mu is s eps": dmu(
            lambda value, s, eps, f, mu: value * eps
        ),
        "dmu: it has the wrong sign: the score is (z - mu) / s^2": dmu(
            lambda value, s, eps, f, mu: -value * eps / s
        ),
        "dmu: one 1/s too many: the score is (z - mu) / s^2, and z - mu is s eps": dmu(
            lambda value, s, eps, f, mu: value * eps / s**2
        ),
        "dmu: f is asked at the noise; the samples are z = mu + s eps": dmu(
            lambda value, s, eps, f, mu: f(eps) * eps / s
        ),
        "dmu: e^v is taken for s; it is s^2": dmu(
            lambda value, s, eps, f, mu: f(mu + s**2 * eps) * eps / s**2
        ),
        f"dv: {flat}": dv(lambda value, s, eps, f, mu: path(f, mu + s * eps) * eps * s / 2),
        "dv: the -1 is missing: a wider q is also a lower one": dv(
            lambda value, s, eps, f, mu: value * eps**2 / 2
        ),
        "dv: this is the derivative in s; in v it is s/2 times that": dv(
            lambda value, s, eps, f, mu: value * (eps**2 - 1) / s
        ),
        "dv: this is the derivative in log s; v is twice that": dv(
            lambda value, s, eps, f, mu: value * (eps**2 - 1)
        ),
        "dv: this is the derivative in s^2; in v it is s^2 times that": dv(
            lambda value, s, eps, f, mu: value * (eps**2 - 1) / s**2 / 2
        ),
        "dv: the entropy's 1/2 is in it; here the mean of f alone is differentiated": dv(
            lambda value, s, eps, f, mu: value * (eps**2 - 1) / 2 + 0.5
        ),
        "dv: it has the wrong sign": dv(lambda value, s, eps, f, mu: -value * (eps**2 - 1) / 2),
        "dv: this is the score alone, whose mean is 0; f(z) says how much it counts": dv(
            lambda value, s, eps, f, mu: (eps**2 - 1) / 2
        ),
    }
    answer.agrees(
        right,
        arguments,
        mistakes=mistakes,
        names=("dmu", "dv"),
        call=ask,
        rtol=1e-5,
        atol=1e-7,
    )


def _with_baseline(part, score, value):
    """Put back a constant that was taken off f; ``score`` may lack a constant factor."""
    if np.shape(part) != np.shape(score) or not np.all(np.isfinite(part)):
        return part
    # part = factor (f score) + constant score
    sides = np.column_stack([value * score, score])
    (factor, constant), *_ = np.linalg.lstsq(sides, np.asarray(part, float), rcond=None)
    if not np.allclose(sides @ [factor, constant], part, rtol=1e-6, atol=1e-8):
        return part
    return part - constant * score if abs(factor) > 1e-6 else part


@exercise(
    "6.8",
    trains="finding a bug that no check of gradients can find",
    difficulty="medium",
    minutes=25,
    hints=[
        "Its gradients are the right gradients of the number that it returns: check them. So look "
        "at the number.",
        "The small example of the chapter has a known ELBO for every q. Try mu = 0.6 and "
        "v = log 0.1, with the two draws eps = -1 and 1, whose mean and variance are exact.",
        "q is N(mu, e^v). What is its standard deviation, and what is that one's derivative in v?",
    ],
    compare="with the bug the small example's fit ends at e^v = 0.224 in the place of 0.1, which "
    "costs 0.216 nats",
)
def elbo_and_gradients(answer):
    def right(log_joint, slope_of, mu, v, eps):
        def elbo(mu, v):
            values = [log_joint(np.array([mu + np.sqrt(np.exp(v)) * e]))[0] for e in eps]
            return sum(values) / len(eps) + np.log(np.sqrt(2 * np.pi * np.e * np.exp(v)))

        return elbo(mu, v), slope(lambda m: elbo(m, v), mu), slope(lambda w: elbo(mu, w), v)

    def arguments(rng):
        (n,) = sizes(rng, 1)
        a, b, c = number(rng, 0.5, 3), number(rng, -1, 1), number(rng, 0.3, 1)

        def log_joint(z):
            return -a * (z - b) ** 2 / 2 + c * np.sin(z)

        def slope_of(z):
            return -a * (z - b) + c * np.cos(z)

        return log_joint, slope_of, number(rng, -1, 1), number(rng, -1.8, -0.4), numbers(rng, n)

    def elbo(spread, entropy, sampled=False):
        """A mistake in the deviation of the samples, and in the entropy, both functions of v."""

        def value(log_joint, slope_of, mu, v, eps):
            return np.mean(log_joint(mu + spread(v) * eps)) + entropy(v), None, None

        return value

    def half(v):
        return 0.5 * (1 + LOG_2PI + v)

    def root(v):
        return np.exp(v / 2)

    def sampled(log_joint, slope_of, mu, v, eps):
        log_q = -0.5 * (eps**2 + LOG_2PI + v)
        return np.mean(log_joint(mu + root(v) * eps) - log_q), None, None

    def dv(made):
        """A mistake in terms of the slopes at the samples, the noise, and s."""

        def value(log_joint, slope_of, mu, v, eps):
            return None, None, made(slope_of(mu + root(v) * eps), eps, root(v))

        return value

    def downhill(*given):
        _, dmu, dv = right(*given)
        return None, -dmu, -dv

    mistakes = {
        "elbo: it is not the ELBO of N(mu, e^v): the samples are spread by e^v, the variance, "
        "while the entropy takes e^v for what it is": elbo(np.exp, half),
        "elbo: samples and entropy agree, but on e^v as the standard deviation; q is "
        "N(mu, e^v), with e^v as its variance": elbo(np.exp, lambda v: half(2 * v)),
        "elbo: the samples are right now, but the entropy takes e^v for the standard deviation": (
            elbo(root, lambda v: half(2 * v))
        ),
        "elbo: the entropy is missing": elbo(root, lambda v: 0.0),
        "elbo: the samples are spread by the root of v; the deviation is the root of e^v": [
            elbo(lambda v: np.sqrt(abs(v)), half),
        ],
        "elbo: the entropy is a mean over the samples here; it is known exactly": sampled,
        "dv: z has the right standard deviation now, but ds/dv is s/2, not s": dv(
            lambda g, eps, s: np.mean(g * eps) * s + 0.5
        ),
        "dv: it is still the derivative for s = e^v; with s = e^(v/2) it is s/2": dv(
            lambda g, eps, s: np.mean(g * eps) * s**2 + 0.5
        ),
        "dv: the entropy's 1/2 is missing": dv(lambda g, eps, s: np.mean(g * eps) * s / 2),
        "dv: this is the derivative in s; in v it is s/2 times that": dv(
            lambda g, eps, s: np.mean(g * eps) + 1 / s
        ),
        "dv: the slope and the noise are averaged each by itself; it is their product's mean": (
            dv(lambda g, eps, s: g.mean() * eps.mean() * s / 2 + 0.5)
        ),
        "dmu and dv point downhill: the ELBO is to be raised": downhill,
    }
    answer.agrees(
        right,
        arguments,
        mistakes=mistakes,
        names=("elbo", "dmu", "dv"),
        rtol=1e-6,
        atol=1e-7,
    )
