"""The checks of chapter 6: variational inference."""

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
    mu, logvar, n = np.array([2.0, -1.0, 0.5]), np.array([-2.0, 1.0, 0.4]), 20_000
    samples = answer(mu, logvar, n, np.random.default_rng(0))
    answer.form(samples, np.zeros((n, 3)))
    samples = np.asarray(samples, float)
    mean, variance = samples.mean(axis=0), samples.var(axis=0)
    want = np.exp(logvar)
    seen = [f"measured    means {mean.round(3)}, variances {variance.round(3)}"]
    seen.append(f"wanted      means {mu}, variances {want.round(3)}")
    # Of 20,000 values a variance is off by 1 %: 8 % is eight times that.
    for line, wrong in {
        "the noise is multiplied by the variance e^v: the samples' variance is then e^2v. The "
        "standard deviation is e^(v/2)": np.exp(2 * logvar),
        "the noise is multiplied by logvar itself": logvar**2,
        "the noise is multiplied by the root of e^(v/2): one root too many": np.exp(logvar / 2),
        "the noise is not scaled: every variance is 1": np.ones(3),
        "there is no noise: all samples are the same": np.zeros(3),
    }.items():
        answer.holds(not np.allclose(variance, wrong, rtol=0.08, atol=1e-6), line, seen)
    answer.holds(not np.all(np.abs(mean) < 0.1), "the samples lie around 0: mu is not added", seen)
    off = np.abs(mean - mu) / np.sqrt(want / n)  # in standard errors
    answer.holds(np.all(off < 6), "the samples' means are not mu", seen)
    answer.holds(
        np.allclose(variance, want, rtol=0.08), "the samples' variances are not e^logvar", seen
    )
    shares = np.corrcoef(samples.T)[np.triu_indices(3, 1)]
    answer.holds(
        np.all(np.abs(shares) < 0.06),
        "the latents move together: each needs noise of its own",
        [f"correlations between the latents: {shares.round(2)}"],
    )
    rows = np.corrcoef(samples[:-1, 0], samples[1:, 0])[0, 1]
    fourth = np.mean(((samples - mu) ** 4) / want**2)
    answer.holds(
        abs(fourth - 3) < 0.4 and abs(rows) < 0.06,
        "means and variances are right, but the noise is not Gaussian and independent",
        [f"mean fourth power of the noise: {fourth:.2f}; for a Gaussian it is 3"],
    )
    one, two = np.random.default_rng(1), np.random.default_rng(1)
    first, second, third = (answer(mu, logvar, 5, rng) for rng in (one, one, two))
    answer.holds(
        not np.array_equal(first, second),
        "the second draw repeats the first: use the rng that you are given, do not make a new one",
    )
    answer.holds(
        np.array_equal(first, third),
        "two generators with one seed give different samples: the noise does not come from rng",
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
    mu, logvar, threshold = 0.8, -0.6, 1.1
    s = np.exp(logvar / 2)
    step = 0.01
    t = (threshold - mu) / s  # a sample is above the threshold if its noise is above t
    # A grid of noise in place of draws, so that a mean over it is exact; t lies between two points.
    eps = t + step * (np.arange(-900, 900) + 0.5)
    weights = step * np.exp(-(eps**2) / 2) / np.sqrt(2 * np.pi)
    bell = np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)
    cases = {  # E f, differentiated by hand
        "z^2": (lambda z: z**2, 2 * mu, s**2),
        "1 where z > 1.1": (lambda z: (z > threshold) * 1.0, bell / s, bell * t / 2),
    }
    for name, (f, in_mu, in_v) in cases.items():
        with np.errstate(all="ignore"):
            returned = answer(f, mu, logvar, eps)
        dmu, dv = answer.parts(returned, "dmu", "dv")
        value = f(mu + s * eps)
        for part, got in [("dmu", dmu), ("dv", dv)]:
            averaged = np.ndim(got) == 0
            answer.holds(
                not averaged, f"{part}: wanted one estimate for each sample, not their mean"
            )
            answer.form(got, eps, name=part)
        spread = value * (eps**2 - 1)
        score = {
            "dmu: one 1/s is missing: the score is (z - mu) / s^2, and z - mu is s eps": (
                value * eps
            ),
            "dmu: it has the wrong sign: the score is (z - mu) / s^2": -value * eps / s,
            "dmu: one 1/s too many": value * eps / s**2,
            "dmu: e^v is taken for s; it is s^2": f(mu + s**2 * eps) * eps / s**2,
        }
        score_v = {
            "dv: the -1 is missing: a wider q is also a lower one": value * eps**2 / 2,
            "dv: this is the derivative in s; in v it is s/2 times that": spread / s,
            "dv: this is the derivative in log s; v is twice that": spread,
            "dv: this is the derivative in s^2; in v it is s^2 times that": spread / s**2 / 2,
            "dv: the entropy's 1/2 is in it; here the mean of f alone is differentiated": (
                spread / 2 + 0.5
            ),
            "dv: it has the wrong sign": -spread / 2,
        }
        if name == "z^2":
            score["dmu: this is the score alone, whose mean is 0; f(z) says how much it counts"] = (
                eps / s
            )
        else:
            flat = "this follows the slope of f, and a step has none: the path cannot be used here"
            score[f"dmu: {flat}"] = score_v[f"dv: {flat}"] = 0 * eps
        for part, got, want, wrong in [("dmu", dmu, in_mu, score), ("dv", dv, in_v, score_v)]:
            known = {line: _means(weights, value) for line, value in wrong.items()}
            kept = [f"for f(z) = {name}, a mean over a fine grid of noise"]
            try:
                answer.compare(
                    weights @ np.asarray(got, float),
                    want,
                    mistakes=known,
                    rtol=1e-4,
                    names=(f"the mean of {part}",),
                )
            except Exception as problem:
                problem.details += kept
                raise


def _means(weights, values):
    return [float(weights @ value) for value in (values if isinstance(values, list) else [values])]


# Sixteen corners of a box in four dimensions, with the variances 6, 3, 2 and 1, turned and moved.
BOX = np.sqrt([6.0, 3.0, 2.0, 1.0]) * (np.indices((2,) * 4).reshape(4, 16).T * 2 - 1)
TURN = np.kron([[0.6, 0.8], [-0.8, 0.6]], [[0.8, 0.6], [-0.6, 0.8]])  # orthogonal
CLOUD = BOX @ TURN + [3.0, -1.0, 0.0, 2.0]


@exercise(
    "6.7",
    trains="maximum likelihood without a training, and what noise is in a model",
    difficulty="medium",
    minutes=20,
    hints=[
        "The eigenvalues of the covariance (divided by N) are variances along directions. The "
        "model's noise is alike in all directions: it has to stand for all that are discarded.",
        "The noise's variance is the mean of the D - K smallest eigenvalues.",
        "In a direction that is kept, the model's variance is what W gives plus the noise: so the "
        "row of W is `sqrt(eigenvalue - noise)` times the direction.",
    ],
    compare="`inference.probabilistic_pca` fits the same model, perhaps with other signs",
)
def fit_ppca(answer):
    variances = np.array([6.0, 3.0, 2.0, 1.0])
    for k in (2, 1):
        W, noise = answer.parts(answer(CLOUD, k), "W", "noise")
        rest = variances[k:]
        second = np.linalg.eigvalsh(CLOUD.T @ CLOUD / 16)[::-1]
        mistakes = {
            "noise: this is the sum of the discarded eigenvalues; each direction has its mean": (
                rest.sum()
            ),
            "noise: the covariance is divided by N - 1, as np.cov does; likelihood has N": (
                rest.mean() * 16 / 15
            ),
            "noise: the error is divided by all D directions; it lies in the D - K that are "
            "discarded": (rest.sum() / 4),
            "noise: this is one discarded eigenvalue; the noise stands for all of them": [
                rest[0],
                rest[-1],
            ],
            "noise: this is a standard deviation; wanted the variance": np.sqrt(rest.mean()),
            "noise: the mean was not taken off the points": second[k:].mean(),
            "noise: these are the eigenvalues that are kept": variances[:k].mean(),
        }
        answer.compare(noise, rest.mean(), mistakes=mistakes, names=("noise",))
        answer.holds(
            np.shape(W) != (4, k),
            "W: it is (D, K); in this book a code is a row and z W a point, so W is (K, D)",
        )
        answer.form(W, np.zeros((k, 4)), name="W")
        product = np.asarray(W).T @ np.asarray(W)

        def spanned(stretch, chosen):
            return (TURN[chosen].T * stretch) @ TURN[chosen]

        kept = spanned(variances[:k] - rest.mean(), slice(k))
        known = {
            "W: the noise is counted twice: a kept direction has the variance lambda from W and "
            "noise together": spanned(variances[:k], slice(k)),
            "W: its rows have length 1; they have to be stretched": spanned(np.ones(k), slice(k)),
            "W: these are variances; a row of W has the length of a standard deviation": (
                spanned((variances[:k] - rest.mean()) ** 2, slice(k))
            ),
            "W: these are the directions of least variance; eigh returns them first": [
                spanned(np.abs(variances[4 - k :] - rest.mean()), slice(4 - k, 4)),
                spanned(np.abs(variances[:k][::-1] - rest.mean()), slice(4 - k, 4)),
                spanned(np.abs(variances[:k] - rest.mean()), slice(4 - k, 4)),
            ],
        }
        # W itself may be turned: only W^T W is fixed by the likelihood.
        answer.compare(product, kept, mistakes=known, names=("W.T @ W",), atol=1e-6)


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
)
def elbo_and_gradients(answer):
    def with_scale(s, mu, v, entropy):
        z = mu + s * np.array([-1.0, 1.0])
        return log_joint(z).mean() + entropy

    names = ("elbo", "dmu", "dv")
    eps = np.array([-1.0, 1.0])  # mean 0 and variance 1: exact for a parabola such as log_joint
    for mu, v in [(0.2, -1.1), (0.6, np.log(0.15)), (0.6, np.log(0.1)), (0.0, 0.0)]:
        s, half = np.exp(v / 2), 0.5 * (1 + LOG_2PI)
        elbo, dmu = exact_elbo(mu, s**2), slope(mu)
        dv = -0.5 * (1 + WEIGHT**2 / NOISE) * s**2 + 0.5
        mistakes = {
            "elbo: it is not the ELBO of N(mu, e^v): the samples are spread by e^v, the variance, "
            "while the entropy takes e^v for what it is": (
                with_scale(s**2, mu, v, v / 2 + half),
                None,
                None,
            ),
            "elbo: samples and entropy agree, but on e^v as the standard deviation; q is "
            "N(mu, e^v), with e^v as its variance": (with_scale(s**2, mu, v, v + half), None, None),
            "elbo: the samples are right now, but the entropy takes e^v for the standard "
            "deviation": (elbo + v / 2, None, None),
            "elbo: the entropy is missing": (elbo - v / 2 - half, None, None),
            "dv: z has the right standard deviation now, but ds/dv is s/2, not s": (
                None,
                None,
                2 * (dv - 0.5) + 0.5,
            ),
            "dv: it is still the derivative for s = e^v; with s = e^(v/2) it is s/2": (
                None,
                None,
                (dv - 0.5) * 2 * s + 0.5,
            ),
            "dv: the entropy's 1/2 is missing": (None, None, dv - 0.5),
            "dv: this is the derivative in s; in v it is s/2 times that": (
                None,
                None,
                dv * 2 / s,
            ),
            "dmu and dv point downhill: the ELBO is to be raised": (None, -dmu, -dv),
        }
        if v == 0:  # standard deviation and variance are both 1
            mistakes = {}
        answer.gives((elbo, dmu, dv), log_joint, slope, mu, v, eps, mistakes=mistakes, names=names)


@exercise(
    "6.9",
    trains="the whole of the chapter in one function: a small project",
    difficulty="project",
    minutes=45,
    seconds=20,
    hints=[
        "Climb as the chapter does: draw noise, `z = mu + s * eps`, and ask `slope(z)` "
        "where each sample wants to go. Step along the means.",
        "dmu is the mean of `slope(z)`; dv is the mean of `slope(z) * eps * s / 2`, plus 1/2 from "
        "the entropy.",
        "A fixed step keeps trembling at the summit. Let it shrink to 0 towards the end.",
    ],
    compare="the chapter's map of the ELBO, with its six climbs",
)
def fit_gaussian(answer):
    ends = {}
    for name, case in _LANDSCAPES.items():
        with np.errstate(all="ignore"):  # the verdict says it in words
            returned = answer(case["slope"], np.random.default_rng(0))
        mu, v = answer.parts(returned, "mu", "v")
        away = {f"on {name} it went away from the summit, to no number": [np.nan, np.inf, -np.inf]}
        for part, value in (("mu", mu), ("v", v)):
            answer.form(value, 0.0, name=part, mistakes=away)
        ends[name] = float(mu), float(v)
    _judge_meaning_of_v(answer, ends)
    for name, case in _LANDSCAPES.items():
        _judge_climb(answer, name, *ends[name], **case)


def _judge_meaning_of_v(answer, ends):
    """Recognise on both Gaussian hills, lest a climb that stopped early is taken for a mix-up."""
    hills = ("the small example", "a wide hill far away")
    found = np.array([ends[name][1] for name in hills])
    right = np.array([_LANDSCAPES[name]["best"][1] for name in hills])
    seen = [f"v = {found.round(2)} on {hills[0]} and {hills[1]}; wanted {right.round(2)}"]
    for line, mixed_up in {
        "e^v came out as the standard deviation: it is the variance that was wanted": right / 2,
        "e^v is neither variance nor standard deviation: the samples take it for the one and the "
        "entropy for the other, as in exercise 6.8": (right - np.log(2)) / 2,
    }.items():
        answer.holds(np.any(np.abs(found - mixed_up) > 0.1), line, seen)


def _judge_climb(answer, name, mu, v, slope, elbo, best):
    where = [f"on {name}: mu = {mu:.4g}, v = {v:.4g}"]
    answer.holds(
        v >= best[1] - 3,
        f"on {name} q has shrunk to a spike: nothing kept it wide. The entropy's 1/2 is missing "
        "from dv",
        where,
    )
    with np.errstate(over="ignore"):
        gap = elbo(*best) - elbo(mu, v)
    where.append(f"the summit, {gap:.3g} nats above: mu = {best[0]:.4g}, v = {best[1]:.4g}")
    answer.holds(
        gap <= max(2 * (elbo(*best) - elbo(0.0, 0.0)), 1),
        f"on {name} it went away from the summit: downhill, or in steps that are too long",
        where,
    )
    answer.holds(
        not (name == "the lopsided hill" and abs(mu - np.log(4)) < 0.03),
        "on the lopsided hill mu sits on the top of the density: an ascent of log p, not of its "
        "mean over q. The slopes of all samples have to be averaged",
        where,
    )
    answer.holds(
        gap <= 0.01,
        f"on {name} it is {gap:.2g} nats below the summit; wanted 0.01: more steps, or steps that "
        "shrink towards the end",
        where,
    )


def _gaussian_landscape(mean, variance):
    def elbo(mu, v):  # minus the KL, up to a constant
        return -0.5 * (((mu - mean) ** 2 + np.exp(v)) / variance - v)

    return {
        "slope": lambda z: (mean - z) / variance,
        "elbo": elbo,
        "best": (mean, np.log(variance)),
    }


_LANDSCAPES = {
    "the small example": _gaussian_landscape(0.6, 0.1),
    "a wide hill far away": _gaussian_landscape(-3.0, 4.0),
    # log p = 4 z - e^z: its mean over q is 4 mu - e^(mu + s^2 / 2), so all is known here as well.
    "the lopsided hill": {
        "slope": lambda z: 4 - np.exp(z),
        "elbo": lambda mu, v: 4 * mu - np.exp(mu + np.exp(v) / 2) + v / 2,
        "best": (np.log(4) - 1 / 8, np.log(1 / 4)),
    },
}
