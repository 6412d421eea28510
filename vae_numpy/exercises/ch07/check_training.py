"""The check of chapter 7 on a training whose end is known."""

import numpy as np

from vae_numpy.exercises.catalogue import exercise
from vae_numpy.exercises.ch07.check_vae import LOG_2PI, kl_of
from vae_numpy.inference import probabilistic_pca


@exercise(
    "7.8",
    trains="a training whose end is known: a small project",
    difficulty="project",
    minutes=60,
    seconds=20,
    hints=[
        "Measure X in its own unit first: take off the mean, divide by one number, and undo both "
        "in V, c, W, b and the variance at the end.",
        "With drawn noise the loss trembles. With straight networks the mean over eps can be done "
        "by hand: E (x - zW)^2 = (x - mu W)^2 + s^2 W^2, summed over features and latents.",
        "Learn log sigma^2 with the gradient of exercise 7.6, use Adam, and let the learning rate "
        "fall to zero.",
    ],
    compare="with k = 2 the latents lie on the two principal directions, up to sign and order",
)
def fit_linear_vae(answer):
    fits = []
    for name, eigenvalues, mean in [
        ("a cloud at the origin", [9.0, 4.0, 1.0, 0.25, 0.25], 0.0),
        ("a small cloud far away", [0.09, 0.02, 0.004, 0.003, 0.002], [30, -8, 3, -50, 12]),
        ("a large cloud beside the origin", [90.0, 50.0, 7.0, 5.0, 3.0, 2.0], 8.0),
        ("a long cloud below the origin", [25.0, 6.0, 2.0, 1.3], -2.0),
    ]:
        X = cloud(eigenvalues) + mean
        with np.errstate(all="ignore"):
            returned = answer(X, 2, np.random.default_rng(0))
        parts = answer.parts(returned, "V", "c", "W", "b", "variance")
        D = X.shape[1]
        shapes = {"V": (D, 4), "c": (4,), "W": (2, D), "b": (D,), "variance": ()}
        for part, (key, shape) in zip(parts, shapes.items(), strict=True):
            part = np.squeeze(part) if key == "variance" else part
            answer.form(part, np.zeros(shape), name=f"on {name}, {key}")
        variance = float(np.squeeze(parts[4]))
        answer.holds(variance > 0, "the variance is not above 0: learn its logarithm")
        fits.append((name, X, (*(np.asarray(a, float) for a in parts[:4]), variance)))
    _judge_fits(answer, fits)


def cloud(eigenvalues, n_points=120, seed=0):
    """Return centred points (n_points, D) whose covariance has exactly these eigenvalues."""
    rng, D = np.random.default_rng(seed), len(eigenvalues)
    raw = rng.normal(size=(n_points, D))
    white = np.linalg.svd(raw - raw.mean(axis=0), full_matrices=False)[0] * np.sqrt(n_points)
    return white * np.sqrt(eigenvalues) @ np.linalg.qr(rng.normal(size=(D, D)))[0]


def elbo(X, V, c, W, b, variance):
    """Return the exact ELBO of a linear VAE: the mean over the noise is done by hand."""
    with np.errstate(all="ignore"):
        mu, v = np.split(X @ V + c, 2, axis=1)
        spread = np.mean(np.exp(v) @ np.sum(W**2, axis=1))
        error = np.mean(np.sum((X - b - mu @ W) ** 2, axis=1)) + spread
        log_p = -0.5 * (X.shape[1] * (LOG_2PI + np.log(variance)) + error / variance)
        return log_p - kl_of(mu, v)


def with_widths(X, V, c, W, b, variance):
    """Give the clouds the width of the exact posterior."""
    K = len(W)
    v = np.log(variance / (variance + np.sum(W**2, axis=1)))
    return np.hstack([V[:, :K], 0 * V[:, K:]]), np.append(c[:K], v), W, b, variance


def with_means(X, V, c, W, b, variance):
    """Give the clouds the means of the exact posterior."""
    K = len(W)
    A = np.linalg.solve(W @ W.T + variance * np.eye(K), W).T
    return np.hstack([A, V[:, K:]]), np.append(-b @ A, c[K:]), W, b, variance


def with_variance(X, V, c, W, b, variance):
    """Fit sigma^2 to decoder and data, and the encoder to all three."""
    for _ in range(300):
        V, c, W, b, variance = with_widths(X, *with_means(X, V, c, W, b, variance))
        mu, v = np.split(X @ V + c, 2, axis=1)
        error = np.sum((X - b - mu @ W) ** 2, axis=1) + np.exp(v) @ np.sum(W**2, axis=1)
        variance = error.mean() / X.shape[1]
    return V, c, W, b, variance


def with_own_variance(X, V, c, W, b, variance):
    """Fit sigma^2 alone."""
    mu, v = np.split(X @ V + c, 2, axis=1)
    error = np.sum((X - b - mu @ W) ** 2, axis=1) + np.exp(v) @ np.sum(W**2, axis=1)
    return V, c, W, b, error.mean() / X.shape[1]


def with_lengths(X, V, c, W, b, variance):
    """Keep the directions of W, and fit its rows' lengths and sigma^2, and the encoder."""
    rows = W / np.linalg.norm(W, axis=1, keepdims=True)
    along = np.var((X - b) @ rows.T, axis=0)
    rest = max(np.sum(np.var(X, axis=0)) - along.sum(), 1e-12) / (X.shape[1] - len(W))
    W = rows * np.sqrt(np.maximum(along - rest, 0))[:, None]
    return with_widths(X, *with_means(X, V, c, W, b, rest))


def with_mean(X, V, c, W, b, variance):
    """Put back the mean of the points."""
    mean, K = X.mean(axis=0), len(W)
    return V, np.append(c[:K] - mean @ V[:, :K], c[K:]), W, b + mean, variance


def with_offset(X, V, c, W, b, variance):
    """Put the decoder's offset at the mean, and the encoder's to it."""
    K = len(W)
    b = X.mean(axis=0)
    return V, np.append(-b @ V[:, :K], c[K:]), W, b, variance


def with_unit(X, V, c, W, b, variance):
    """Put back the unit of the points into the decoder and sigma^2, and into the encoder."""
    unit, K = (X - X.mean(axis=0)).std(), len(W)
    W, variance = W * unit, variance * unit**2
    b = X.mean(axis=0)
    A = V[:, :K] / unit
    return np.hstack([A, V[:, K:]]), np.append(-b @ A, c[K:]), W, b, variance


def with_unit_of_variance(X, V, c, W, b, variance):
    """Put back the unit of the points into sigma^2 alone."""
    return V, c, W, b, variance * (X - X.mean(axis=0)).var()


# What to change, and why it was wrong. A cause is what, put right, makes all the fits good.
REPAIRS = {
    "the mean that was taken off is not undone: with it put back into b and c all is right": [
        with_mean,
        with_offset,
    ],
    "the unit that was divided out is not undone: V takes 1/unit, W the unit, sigma^2 its square": (
        with_unit
    ),
    "the unit that was divided out is not undone in sigma^2: it takes the square of the unit": (
        with_unit_of_variance
    ),
    "the clouds have the wrong width: with your W and sigma^2 the best s^2 is sigma^2 / (sigma^2 "
    "+ |W_k|^2)": with_widths,
    "the means are not those of the posterior: with your W and sigma^2 the best are "
    "(x - b) W^T (W W^T + sigma^2 I)^-1, shrunk towards 0": with_means,
    "sigma^2 does not fit: all else is as it should be. Learn it": with_own_variance,
    "sigma^2 does not fit your own decoder, and the clouds were made for it. Learn it": (
        with_variance
    ),
    "W has the right directions, and its rows the wrong lengths: |W_k|^2 is lambda_k - sigma^2": (
        with_lengths
    ),
}


def _judge_fits(answer, fits):
    """Compare the exact ELBOs with the best log-likelihoods there are."""
    best = [probabilistic_pca(X, 2).log_likelihood(X).mean() for _, X, _ in fits]
    gaps = [top - elbo(X, *fit) for top, (_, X, fit) in zip(best, fits, strict=True)]
    details = [
        f"on {name}: ELBO {top - gap:.4f} nats, it can be {top:.4f}"
        for (name, _, _), top, gap in zip(fits, best, gaps, strict=True)
    ]
    if max(gaps) <= 0.01:
        return
    answer.holds(
        any(kl_of(*np.split(X @ fit[0] + fit[1], 2, axis=1)) > 0.01 for _, X, fit in fits),
        "all latents are dead, q is the prior: the KL costs more than the reconstruction gains. A "
        "sum of squares for one and a mean for the other?",
        details,
    )
    for line, repairs in REPAIRS.items():
        for repair in [repairs] if callable(repairs) else repairs:
            with np.errstate(all="ignore"):
                left = [
                    top - elbo(X, *repair(X, *f)) for top, (_, X, f) in zip(best, fits, strict=True)
                ]
            answer.holds(sum(g > 0.01 for g in gaps) < 3 or not max(left) <= 0.01, line, details)
    line = f"the ELBO is {max(gaps):.2g} nats below the best log-likelihood: not there yet"
    answer.holds(False, line, details, cause=False)
