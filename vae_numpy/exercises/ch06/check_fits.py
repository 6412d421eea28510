"""The checks of chapter 6 on fits: one in closed form, one by climbing."""

import numpy as np
from scipy.special import digamma, polygamma

from vae_numpy.exercises.cases import numbers, sizes
from vae_numpy.exercises.catalogue import exercise

SEEDS = (0, 1, 2)


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
    def spectrum(X, centred=True):
        """Return the variances, the largest first, and their directions as rows."""
        points = X - X.mean(axis=0) if centred else X
        values, directions = np.linalg.svd(points, full_matrices=False)[1:]
        return values**2 / len(X), directions

    def model(variances, directions, noise):
        stretch = np.sqrt(np.maximum(variances - noise, 0))[:, None] * directions
        return stretch.T @ stretch

    def right(X, n_components):
        K = n_components
        values, directions = spectrum(X)
        noise = values[K:].mean()
        return noise, model(values[:K], directions[:K], noise)

    def draw(rng):
        D, K = sizes(rng, 1, 5, 8)[0], int(rng.integers(2, 4))
        N = D + int(rng.integers(5, 12))
        X = numbers(rng, N, D) * rng.permutation(np.linspace(0.5, 2.5, D)).round(2)
        return X + numbers(rng, D, low=1, high=3), K

    def noise(made, **how):
        """A mistake in terms of the variances, K, N and D."""

        def value(X, n_components):
            values, _ = spectrum(X, **how)
            return made(values, n_components, *X.shape), None

        return value

    def span(made):
        """A mistake in W^T W, in terms of the variances, the directions, K and the noise."""

        def value(X, n_components):
            values, directions = spectrum(X)
            return None, made(values, directions, n_components, values[n_components:].mean())

        return value

    def rows(X, n_components):
        K = n_components
        Xc = X - X.mean(axis=0)
        values, U = np.linalg.eigh(Xc.T @ Xc / len(X))
        rest = values[:-K].mean()
        return None, model(values[-K:], U[-K:], rest)

    mistakes = {
        "noise: this is the sum of the discarded eigenvalues; each direction has its mean": noise(
            lambda values, K, N, D: values[K:].sum()
        ),
        "noise: the covariance is divided by N - 1, as np.cov does; likelihood has N": noise(
            lambda values, K, N, D: values[K:].mean() * N / (N - 1)
        ),
        "noise: the squares are not divided by N: the covariance is their mean": noise(
            lambda values, K, N, D: values[K:].mean() * N
        ),
        "noise: the error is divided by all D directions; it lies in the D - K that are "
        "discarded": noise(lambda values, K, N, D: values[K:].sum() / D),
        "noise: this is one discarded eigenvalue; the noise stands for all of them": [
            noise(lambda values, K, N, D: values[K]),
            noise(lambda values, K, N, D: values[-1]),
        ],
        "noise: this is a standard deviation; wanted the variance": noise(
            lambda values, K, N, D: np.sqrt(values[K:].mean())
        ),
        "noise: the mean was not taken off the points": noise(
            lambda values, K, N, D: values[K:].mean(), centred=False
        ),
        "noise: these are the eigenvalues that are kept": noise(
            lambda values, K, N, D: values[:K].mean()
        ),
        "W: the noise is counted twice: a kept direction has the variance lambda from W and noise "
        "together": span(lambda values, U, K, rest: model(values[:K], U[:K], 0)),
        "W: its rows have length 1; they have to be stretched": span(
            lambda values, U, K, rest: U[:K].T @ U[:K]
        ),
        "W: these are variances; a row of W has the length of a standard deviation": span(
            lambda values, U, K, rest: (U[:K].T * (values[:K] - rest) ** 2) @ U[:K]
        ),
        "W: the directions are the columns of eigh's second result, and here its rows are taken": (
            rows
        ),
        "W: these are the directions of least variance; eigh returns them first": [
            span(lambda values, U, K, rest: (U[-K:].T * (values[:K][::-1] - rest)) @ U[-K:]),
            span(lambda values, U, K, rest: (U[-K:].T * (values[:K] - rest)) @ U[-K:]),
            span(lambda values, U, K, rest: (U[-K:].T * np.abs(values[-K:] - rest)) @ U[-K:]),
        ],
    }

    def ask(X, n_components):
        """Return noise and W^T W: W itself may be turned, the likelihood does not mind."""
        W, variance = answer.parts(answer(X, n_components), "W", "noise")
        answer.holds(
            np.shape(W) != (X.shape[1], n_components),
            "W: it is (D, K); in this book a code is a row and z W a point, so W is (K, D)",
        )
        answer.form(variance, 0.0, name="noise")
        answer.form(W, np.zeros((n_components, X.shape[1])), name="W")
        return variance, np.asarray(W).T @ np.asarray(W)

    names = ("noise", "W.T @ W")
    answer.agrees(right, draw, mistakes=mistakes, names=names, call=ask, atol=1e-7)


@exercise(
    "6.9",
    trains="the whole of the chapter in one function: a small project",
    difficulty="project",
    minutes=45,
    seconds=60,
    hints=[
        "Climb as the chapter does: draw noise, `z = mu + s * eps`, and ask `slope(z)` "
        "where each sample wants to go. Step along the means.",
        "dmu is the mean of `slope(z)`; dv is the mean of `slope(z) * eps * s / 2`, plus 1/2 from "
        "the entropy.",
        "A fixed step keeps trembling at the summit. Let it shrink to 0 towards the end.",
    ],
    compare="for log p = z - e^z the best q has s^2 = 1 and sits at -1/2, left of the top at 0: "
    "its samples lose more on the steep side than they gain on the other",
)
def fit_gaussian(answer):
    ends = []
    for name, case in LANDSCAPES.items():
        for seed in SEEDS:
            with np.errstate(all="ignore"):  # the verdict says it in words
                returned = answer(case["slope"], np.random.default_rng(seed))
            mu, v = answer.parts(returned, "mu", "v")
            for part, value in (("mu", mu), ("v", v)):
                answer.form(value, np.nan, name=part)  # a climb that went astray may end at NaN
            ends.append((name, case, float(mu), float(v)))
    _judge_ends(answer, ends)


def _judge_ends(answer, ends):
    """Name a cause where the ends of all climbs bear it out; else say how far off they are."""
    with np.errstate(all="ignore"):
        gaps = [case["elbo"](*case["best"]) - case["elbo"](mu, v) for _, case, mu, v in ends]
    gaps = np.nan_to_num(gaps, nan=np.inf)
    where = [
        f"on {name}: mu = {mu:.4g}, v = {v:.4g}; the summit, {gap:.3g} nats above: "
        f"mu = {case['best'][0]:.4g}, v = {case['best'][1]:.4g}"
        for (name, case, mu, v), gap in list(zip(ends, gaps, strict=True))[:: len(SEEDS)]
    ]
    if max(gaps) <= 0.01:
        return

    def all_near(made, tolerance=0.08):
        """Say whether all climbs ended where ``made`` says."""
        return all(
            np.allclose([mu, v], made(case), rtol=0, atol=tolerance) for _, case, mu, v in ends
        )

    for line, made in {
        "mu is right, and v is the standard deviation; wanted the logarithm of its square": (
            lambda case: (case["best"][0], np.exp(case["best"][1] / 2))
        ),
        "mu is right, and v is the variance; wanted its logarithm": (
            lambda case: (case["best"][0], np.exp(case["best"][1]))
        ),
        "e^v came out as the standard deviation: it is the variance that was wanted": (
            lambda case: (case["best"][0], case["best"][1] / 2)
        ),
        "these are the moments of p, the best in the sense of KL(p || q); wanted KL(q || p)": (
            lambda case: case["moments"]
        ),
        "mu sits on the top of the density: an ascent of log p, not of its mean over q. The slopes "
        "of all samples have to be averaged": lambda case: (case["top"], case["best"][1]),
    }.items():
        answer.holds(not all_near(made), line, where)
    hills = [(case, v) for _, case, _, v in ends if case["gaussian"]]
    # On Gaussian hills only: elsewhere the mix-up moves mu and v together.
    answer.holds(
        not all(abs(v - (case["best"][1] - np.log(2)) / 2) < 0.08 for case, v in hills),
        "e^v is neither variance nor standard deviation: the samples take it for the one and the "
        "entropy for the other, as in exercise 6.8",
        where,
    )
    answer.holds(
        not all(v < case["best"][1] - 3 for _, case, _, v in ends),
        "q has shrunk to a spike everywhere: nothing kept it wide. The entropy's 1/2 is missing "
        "from dv",
        where,
    )
    far = [
        not gap <= max(2 * (case["elbo"](*case["best"]) - case["elbo"](0.0, 0.0)), 1)
        for (_, case, _, _), gap in zip(ends, gaps, strict=True)
    ]
    answer.holds(
        not all(far), "it went away from the summit, on every hill, and did not come back", where
    )
    at = int(np.argmax(gaps))
    answer.holds(
        False,
        f"on {ends[at][0]} it is {gaps[at]:.2g} nats below the summit; wanted 0.01",
        where,
        cause=False,
    )


def _gaussian(mean, variance):
    def elbo(mu, v):  # minus the KL, up to a constant
        return -0.5 * (((mu - mean) ** 2 + np.exp(v)) / variance - v)

    best = mean, np.log(variance)
    return {
        "slope": lambda z: (mean - z) / variance,
        "elbo": elbo,
        "best": best,
        "moments": best,
        "top": mean,
        "gaussian": True,
    }


def _lopsided(a, side=1):
    """Return what is known of log p = a z - e^z, whose mean over q is a mu - e^(mu + s^2 / 2).

    With ``side`` -1 it is that hill's mirror image.
    """

    def elbo(mu, v):
        return a * side * mu - np.exp(side * mu + np.exp(v) / 2) + v / 2

    return {
        "slope": lambda z: side * (a - np.exp(side * z)),
        "elbo": elbo,
        "best": (side * (np.log(a) - 1 / (2 * a)), np.log(1 / a)),
        # e^z has a gamma distribution
        "moments": (side * digamma(a), np.log(polygamma(1, a))),
        "top": side * np.log(a),
        "gaussian": False,
    }


LANDSCAPES = {
    "the small example": _gaussian(0.6, 0.1),
    "a wide hill far away": _gaussian(-3.0, 4.0),
    "the hill z - e^z": _lopsided(1.0),
    "the hill -1.4 z - e^-z": _lopsided(1.4, side=-1),
}
