"""The checks of chapter 7 on what sigma^2 means, and on the linear VAE."""

import numpy as np

from vae_numpy.exercises.catalogue import exercise
from vae_numpy.exercises.ch07.check_vae import LOG_2PI, kl_of
from vae_numpy.inference import LinearGaussian, probabilistic_pca


@exercise(
    "7.5",
    trains="reading a loss in somebody else's code",
    difficulty="medium",
    minutes=15,
    hints=[
        "Ask two things of the loss: how many times does it count -log p, and how many times the "
        "KL? Beta is the second over the first.",
        "A Gaussian of variance 1 has -log p = (x_hat - x)^2 / 2 for each feature, and a constant.",
        "A mean over D features counts -log p 1/D times.",
    ],
    compare="the table in the section on the effective beta: 1, 0.5, 1.536, 7.84, 392",
)
def beta_of_loss(answer):
    def beta(weight, D, K, kind, mean_D, mean_K):
        return (
            weight * (D if mean_D else 1) / (K if mean_K else 1) / (1 + (kind == "squared_error"))
        )

    def no_half(weight, D, K, kind, mean_D, mean_K):
        return beta(weight, D, K, "bernoulli", mean_D, mean_K)

    def halved(weight, D, K, kind, mean_D, mean_K):
        other = "bernoulli" if kind == "squared_error" else "squared_error"
        return beta(weight, D, K, other, mean_D, mean_K)

    def upside_down(weight, D, K, kind, mean_D, mean_K):
        return beta(weight, 1 / D, 1 / K, kind, mean_D, mean_K)

    def twice(weight, D, K, kind, mean_D, mean_K):
        return beta(weight, D, K, kind, mean_D, mean_K) * (4 if kind == "squared_error" else 1)

    def norm(weight, D, K, kind, mean_D, mean_K):
        return weight * K / D

    def always(weight, D, K, kind, mean_D, mean_K):
        return beta(weight, D, K, kind, True, True)

    def without_K(weight, D, K, kind, mean_D, mean_K):
        return beta(weight, D, K, kind, mean_D, False)

    def without_D(weight, D, K, kind, mean_D, mean_K):
        return beta(weight, D, K, kind, False, mean_K)

    def times_K(weight, D, K, kind, mean_D, mean_K):
        return beta(weight, D, 1 / K, kind, mean_D, mean_K)

    mistakes = {
        "a squared error without 1/2 counts -log p of a unit Gaussian twice: beta halves": no_half,
        "the 1/2 goes the other way: a reconstruction that counts more makes beta smaller": twice,
        "half of the squared error is -log p of a unit Gaussian; the whole is two of them": halved,
        "a mean over features makes the reconstruction smaller, so beta becomes larger, and a mean "
        "over latents makes it smaller: here it is upside down": upside_down,
        "this is beta_norm, the paper's number to compare losses; wanted the book's beta": norm,
        "sums are counted as means: D and K matter only where there is a mean": always,
        "the mean over the latents makes the KL K times smaller: that is missing": without_K,
        "the mean over the features makes the reconstruction D times smaller: that is missing": (
            without_D
        ),
        "K is on the wrong side: a mean over latents makes the KL smaller, not larger": times_K,
    }
    cases = [
        (1.0, (1.0, 784, 5, "half_squared_error", False, False)),
        (0.5, (1.0, 784, 5, "squared_error", False, False)),
        (1.536, (0.00025, 12288, 128, "squared_error", True, False)),
        (7.84, (0.1, 784, 5, "squared_error", True, True)),
        (392.0, (1.0, 784, 2, "bernoulli", True, True)),
        (784.0, (1.0, 784, 20, "bernoulli", True, False)),
        (0.4, (4.0, 64, 10, "half_squared_error", False, True)),
    ]
    for want, arguments in cases:
        answer.gives(want, *arguments, mistakes=mistakes)


@exercise(
    "7.6",
    trains="a variance that is learnt, and where its gradient is zero",
    difficulty="medium",
    minutes=20,
    hints=[
        "The normaliser of D features is D/2 (log 2 pi + log sigma^2). It is not a constant any "
        "more.",
        "With v = log sigma^2, the first term is 1/2 e^-v times the squared error of a datum.",
        "Check that the gradient in v is zero where sigma^2 is the mean squared error per feature.",
    ],
)
def gaussian_loss(answer):
    rng = np.random.default_rng(3)
    x, x_hat = rng.normal(size=(2, 5, 3))
    N, D = x.shape
    v = 0.7

    def nll(x_hat, v):
        pairs = zip(x_hat.ravel(), x.ravel(), strict=True)
        return sum((a - b) ** 2 / np.exp(v) / 2 + (LOG_2PI + v) / 2 for a, b in pairs) / N

    squared = np.sum((x_hat - x) ** 2) / N
    want = nll(x_hat, v)
    loss, dx_hat, slope = answer.parts(answer(x_hat, x, v), "loss", "dx_hat", "dlog_variance")
    mistakes = {
        "loss: the term with log sigma^2 is missing: then the best variance is infinite": [
            squared / (2 * np.exp(v)),
            squared / (2 * np.exp(v)) + D / 2 * LOG_2PI,
        ],
        "loss: the normaliser is counted once; each of the D features has its own": (
            squared / (2 * np.exp(v)) + (LOG_2PI + v) / 2
        ),
        "loss: the log 2 pi is missing: no gradient minds, but the number is not -log p": (
            squared / (2 * np.exp(v)) + D / 2 * v
        ),
        "loss: log_variance is taken for the variance itself": (
            squared / (2 * v) + D / 2 * (LOG_2PI + np.log(v))
        ),
        "loss: log_variance is taken for log sigma; it is log sigma^2": (
            squared / (2 * np.exp(2 * v)) + D / 2 * (LOG_2PI + 2 * v)
        ),
        "loss: it is a mean over the features too": want / D,
        "loss: it is a sum over the batch": want * N,
    }
    answer.compare(loss, want, mistakes=mistakes, names=("loss",))
    error = (x_hat - x) / np.exp(v)
    answer.gradient(
        dx_hat,
        lambda a: nll(a, v),
        x_hat,
        name="dx_hat",
        mistakes={
            "dx_hat: it is not divided by the variance: small sigma^2, dear errors": (
                error * np.exp(v) / N
            ),
            "dx_hat: the 1/N is missing, as the loss is a mean over the batch": error,
        },
        batch_size=N,
        n_features=D,
    )
    right = D / 2 - squared / (2 * np.exp(v))
    mistakes = {
        "dlog_variance: this is the derivative in sigma^2; the log asks for a factor sigma^2": (
            right / np.exp(v)
        ),
        "dlog_variance: the normaliser's share, D/2, is missing": right - D / 2,
        "dlog_variance: D is missing: all D features share this variance, and add up": [
            right / D,
            right + 1 / 2 - D / 2,
        ],
        "dlog_variance: the first term has e^-v, so its derivative is minus itself": (
            D / 2 + squared / (2 * np.exp(v))
        ),
        "dlog_variance: it is summed over the batch": N * right,
    }
    answer.compare(slope, right, mistakes=mistakes, names=("dlog_variance",))


def exact_case():
    """Return a linear model, rows of data, and noise whose second moments are exact.

    Each of three points stands there four times, with the noise at plus and minus sqrt(2) along
    either latent: a mean over these four is an expectation, if nothing higher than squares occurs.
    """
    # The rows stand at right angles, so the posterior is diagonal.
    W = np.array([[1.2, -0.8, 0.0, 0.4], [0.2, 0.3, 0.5, 0.0]])
    model = LinearGaussian(W, np.array([0.5, -1.0, 2.0, 0.0]), 0.3)
    X = np.random.default_rng(4).normal(size=(3, 4)) + model.mean
    noise = np.sqrt(2) * np.vstack([np.eye(2), -np.eye(2)])  # (4, 2)
    return model, np.repeat(X, 4, axis=0), np.tile(noise, (3, 1))


@exercise(
    "7.7",
    trains="finding a bug that every check of the gradients passes",
    difficulty="hard",
    minutes=25,
    hints=[
        "Its gradients are those of its own loss. So look for a line that is a right formula of "
        "another model, forwards and backwards alike.",
        "v stands in two places: in the KL, and where z is drawn. Which of the two reads it as "
        "the log of the variance, and which as the log of something else?",
        "s = exp(v / 2). The derivative of that in v has another factor 1/2.",
    ],
)
def linear_step(answer):
    model, x, eps = exact_case()
    means, covariance = model.posterior(x)
    V = np.hstack([model.W.T @ covariance / model.noise_variance, np.zeros((4, 2))])
    v = np.log(np.diag(covariance))
    c = np.concatenate([-model.mean @ V[:, :2], v])
    names = ("loss", "dV", "dc", "dW", "db")
    given = (x, eps, V, c, model.W, model.mean, model.noise_variance)
    loss = answer.parts(answer(*given), *names)[0]
    answer.form(loss, 0.0, name="loss")
    log_p = float(model.log_likelihood(x).mean())
    kl = kl_of(means, np.tile(v, (len(x), 1)))
    of_deviations = kl_of(means, np.tile(2 * v, (len(x), 1)))

    def elbo_loss(s, kl):
        error = (means + s * eps) @ model.W + model.mean - x
        nll = np.sum(error**2) / (len(x) * model.noise_variance)
        return 0.5 * (nll + 4 * (LOG_2PI + np.log(model.noise_variance))) + kl

    s = np.exp(v / 2)
    gap = -float(loss) - log_p
    details = [f"ELBO {-float(loss):.6f}, log-likelihood {log_p:.6f} nats"]
    at_answer = "with the exact posterior as q the ELBO is the log-likelihood; yours "
    mistakes = {
        f"{at_answer}is {gap:.2f} nats above it, which no bound can be: the noise is drawn with "
        "another width than the one that the KL is paid for": elbo_loss(s**2, kl),
        f"{at_answer}is not, as now both read v as log s; the encoder's v is log s^2": (
            elbo_loss(s**2, of_deviations)
        ),
        f"{at_answer}is not, as the KL now reads v as log s and the noise reads it as log s^2": (
            elbo_loss(s, of_deviations)
        ),
        f"{at_answer}is not, as now half of v is used as the standard deviation": (
            elbo_loss(v / 2, kl)
        ),
    }
    for line, wrong in mistakes.items():
        answer.holds(not np.isclose(loss, wrong), line, details)
    answer.holds(abs(gap) < 1e-5, f"{at_answer}is {gap:+.3g} nats off", details)
    _judge_slopes(answer, names)


def _judge_slopes(answer, names):
    """Compare the gradients with finite differences of a loss in loops, at a common place."""
    rng = np.random.default_rng(5)
    x, eps = rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    values = [rng.normal(size=shape) / 2 for shape in [(4, 4), 4, (2, 4), 4]]
    N, variance = 5, 0.6

    def loss_of(V, c, W, b):
        mu, v = np.split(x @ V + c, 2, axis=1)
        error = x - b - (mu + np.sqrt(np.exp(v)) * eps) @ W
        nll = np.sum(error**2 / variance + LOG_2PI + np.log(variance)) / (2 * N)
        return nll + kl_of(mu, v)

    loss, *slopes = answer.parts(answer(x, eps, *values, variance), *names)
    answer.compare(loss, loss_of(*values), names=("loss",))
    V, c, W, b = values
    mu, v = np.split(x @ V + c, 2, axis=1)
    s = np.exp(v / 2)
    dz = ((mu + s * eps) @ W + b - x) @ W.T / (N * variance)
    shrink = (np.exp(v) - 1) / (2 * N)
    halves = "the loss is mended, and the way back through the sample is not: "
    wrong_dv = {
        halves + "s is exp(v / 2), and its derivative in v is half of it": dz * eps * s + shrink,
        halves + "exp(v) still stands there": dz * eps * s**2 + shrink,
        halves + "half of exp(v) stands there": dz * eps * s**2 / 2 + shrink,
    }
    for i, name in enumerate(names[1:]):
        mistakes = {}
        for line, dv in wrong_dv.items():
            dh = np.hstack([dz + mu / N, dv])
            mistakes |= {f"{name}: {line}": [x.T @ dh, dh.sum(axis=0)][min(i, 1)]}
        answer.gradient(
            slopes[i],
            lambda p: loss_of(*values[:i], p, *values[i + 1 :]),  # noqa: B023
            values[i],
            name=name,
            mistakes=mistakes if i < 2 else None,
            batch_size=N,
            n_features=4,
        )


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
    for name, eigenvalues, mean in [
        ("a cloud at the origin", [9.0, 4.0, 1.0, 0.25, 0.25], 0.0),
        ("a small cloud far from the origin", [0.09, 0.02, 0.004, 0.003, 0.002], 3.0),
    ]:
        X = cloud(eigenvalues) + mean
        with np.errstate(all="ignore"):
            returned = answer(X, 2, np.random.default_rng(0))
        V, c, W, b, variance = answer.parts(returned, "V", "c", "W", "b", "variance")
        shapes = {"V": (5, 4), "c": (4,), "W": (2, 5), "b": (5,), "variance": ()}
        for part, (key, shape) in zip(returned, shapes.items(), strict=True):
            if key == "variance":
                part = np.squeeze(part)
            answer.form(part, np.zeros(shape), name=f"on {name}, {key}")
        variance = float(np.squeeze(variance))
        answer.holds(variance > 0, "the variance is not above 0: learn its logarithm")
        _judge_elbo(answer, name, X, *(np.asarray(a, float) for a in (V, c, W, b)), variance)


def cloud(eigenvalues, n_points=120, seed=0):
    """Return centred points (n_points, D) whose covariance has exactly these eigenvalues."""
    rng, D = np.random.default_rng(seed), len(eigenvalues)
    raw = rng.normal(size=(n_points, D))
    white = np.linalg.svd(raw - raw.mean(axis=0), full_matrices=False)[0] * np.sqrt(n_points)
    return white * np.sqrt(eigenvalues) @ np.linalg.qr(rng.normal(size=(D, D)))[0]


def _judge_elbo(answer, name, X, V, c, W, b, variance):
    """Compare the exact ELBO of a linear VAE with the best log-likelihood there is."""
    D, K = X.shape[1], len(W)
    mu, v = np.split(X @ V + c, 2, axis=1)

    def elbo(s2, variance):
        spread = np.mean(s2 @ np.sum(W**2, axis=1))
        error = np.mean(np.sum((X - b - mu @ W) ** 2, axis=1)) + spread
        variance = error / D if variance is None else variance
        log_p = -0.5 * (D * (LOG_2PI + np.log(variance)) + error / variance)
        return log_p - kl_of(mu, np.log(s2)), variance

    with np.errstate(all="ignore"):
        s2 = np.exp(v)
        got, best = elbo(s2, variance)[0], probabilistic_pca(X, K).log_likelihood(X).mean()
        exact = np.tile(variance / (variance + np.sum(W**2, axis=1)), (len(X), 1))
        wider = elbo(exact, variance)[0] - got
        other, fitting = elbo(s2, None)
        kl = kl_of(mu, v)
    details = [f"on {name}: ELBO {got:.4f} nats, it can be {best:.4f}"]
    answer.holds(
        got >= best - 0.01 or kl > 0.01,
        "all latents are dead, q is the prior: the KL costs more than the reconstruction gains. A "
        "sum of squares for one and a mean for the other?",
        details,
    )
    answer.holds(
        got >= best - 0.01 or not wider > 0.01,
        f"the clouds have the wrong width: with your W and sigma^2 the best s^2 is sigma^2 / "
        f"(sigma^2 + |W_k|^2), and would gain {wider:.2g} nats",
        [*details, f"s^2 {s2.mean(axis=0).round(4)}, best {exact[0].round(4)}"],
    )
    answer.holds(
        got >= best - 0.01 or not other - got > 0.01,
        f"sigma^2 does not fit your own error: it is {variance:.3g}, and {fitting:.3g} would gain "
        f"{other - got:.2g} nats. Learn it",
        details,
    )
    answer.holds(
        got >= best - 0.01,
        f"the ELBO is {best - got:.2g} nats below the best log-likelihood: not there yet",
        details,
    )
