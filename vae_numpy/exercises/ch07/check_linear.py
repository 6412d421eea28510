"""The checks of chapter 7 on what sigma^2 means, and on the linear VAE."""

import numpy as np

from vae_numpy.exercises.cases import gradients_of, number, numbers, sizes, slope
from vae_numpy.exercises.catalogue import exercise
from vae_numpy.exercises.ch07.check_vae import LOG_2PI, kl_of
from vae_numpy.inference import LinearGaussian


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
    def right(
        kl_weight, n_features, n_latents, reconstruction, mean_over_features, mean_over_latents
    ):
        # The loss of some pixels and latents, and how often it holds -log p, and the KL.
        costs, fees = np.linspace(0.3, 2.0, n_features), np.linspace(0.2, 1.0, n_latents)
        shown = sum(2 * c if reconstruction == "squared_error" else c for c in costs)
        shown /= n_features if mean_over_features else 1
        paid = kl_weight * sum(fees) / (n_latents if mean_over_latents else 1)
        return float(paid / sum(fees) / (shown / sum(costs)))

    def draw(rng):
        D, K = sizes(rng, 2, 3, 40)
        kind = ("squared_error", "half_squared_error", "bernoulli")[rng.integers(3)]
        return number(rng, 0.1, 4), D, K, kind, bool(rng.integers(2)), bool(rng.integers(2))

    def made(value):
        """A mistake in terms of the weight, D and K (1 without a mean), and the kind."""
        return lambda weight, D, K, kind, mean_D, mean_K: value(
            weight, D if mean_D else 1, K if mean_K else 1, kind
        )

    def halving(*kinds):
        return made(lambda weight, D, K, kind: weight * D / K / (2 if kind in kinds else 1))

    def counted(kind):
        return 2 if kind == "squared_error" else 1

    def example(weight, D, K, kind, mean_D, mean_K):
        return weight * (784 if mean_D else 1) / (20 if mean_K else 1) / counted(kind)

    def one_mean(weight, D, K, kind, mean_D, mean_K):
        return weight * (D if mean_D else 1 / K if mean_K else 1) / counted(kind)

    def always(weight, D, K, kind, mean_D, mean_K):
        return weight * D / K / counted(kind)

    def norm(weight, D, K, kind, mean_D, mean_K):
        return weight * K / D

    mistakes = {
        "a squared error without 1/2 counts -log p of a unit Gaussian twice: beta halves": (
            halving()
        ),
        "the 1/2 goes the other way: a reconstruction that counts more makes beta smaller": made(
            lambda weight, D, K, kind: weight * D / K * counted(kind)
        ),
        "half of the squared error is -log p of a unit Gaussian; the whole is two of them": [
            halving("half_squared_error"),
            halving("half_squared_error", "bernoulli"),
        ],
        "Bernoulli's -log p is counted once, and here it is halved": halving(
            "squared_error", "bernoulli"
        ),
        "a mean over features makes the reconstruction smaller, so beta becomes larger, and a mean "
        "over latents makes it smaller: here it is upside down": made(
            lambda weight, D, K, kind: weight * K / D / counted(kind)
        ),
        "this is beta_norm, the paper's number to compare losses; wanted the book's beta": norm,
        "sums are counted as means: D and K matter only where there is a mean": always,
        "the mean over the latents makes the KL K times smaller: that is missing": made(
            lambda weight, D, K, kind: weight * D / counted(kind)
        ),
        "the mean over the features makes the reconstruction D times smaller: that is missing": (
            made(lambda weight, D, K, kind: weight / K / counted(kind))
        ),
        "K is on the wrong side: a mean over latents makes the KL smaller, not larger": made(
            lambda weight, D, K, kind: weight * D * K / counted(kind)
        ),
        "D is on the wrong side: a mean over features makes the reconstruction smaller, and beta "
        "larger": made(lambda weight, D, K, kind: weight / D / K / counted(kind)),
        "784 and 20 are the sizes of the example; D and K are given": example,
        "where there are both means, only the one over the features is counted": one_mean,
    }
    cases = [
        (1.0, 784, 5, "half_squared_error", False, False),
        (1.0, 784, 5, "squared_error", False, False),
        (0.00025, 12288, 128, "squared_error", True, False),
        (0.1, 784, 5, "squared_error", True, True),
        (1.0, 784, 2, "bernoulli", True, True),
        (1.0, 784, 20, "bernoulli", True, False),
        (4.0, 64, 10, "half_squared_error", False, True),
    ]
    answer.agrees(right, draw, mistakes=mistakes, first=cases, n_calls=30)


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
    def nll(x_hat, x, v):
        pairs = zip(x_hat.ravel(), x.ravel(), strict=True)
        return sum((a - b) ** 2 / np.exp(v) / 2 + (LOG_2PI + v) / 2 for a, b in pairs) / len(x)

    def right(x_hat, x, log_variance):
        s2, dx_hat = np.exp(log_variance), np.zeros(x.shape)
        for i in np.ndindex(x.shape):
            dx_hat[i] = slope(lambda a, b=x[i]: (a - b) ** 2 / s2 / 2, x_hat[i]) / len(x)
        dv = slope(lambda v: nll(x_hat, x, v), log_variance)
        return nll(x_hat, x, log_variance), dx_hat, dv

    def draw(rng):
        N, D = sizes(rng, 2)
        sign = rng.choice([-1, 1])
        return numbers(rng, N, D), numbers(rng, N, D), sign * number(rng, 0.3, 1.2)

    def loss(made):
        """A mistake in terms of a datum's squared error, v, and the sizes."""
        return lambda x_hat, x, v: (
            made(np.sum((x_hat - x) ** 2) / len(x), v, *x.shape),
            None,
            None,
        )

    def dx_hat(made):
        return lambda x_hat, x, v: (None, made((x_hat - x) / np.exp(v), v, *x.shape), None)

    def dv(made):
        """A mistake in terms of a datum's squared error over sigma^2, v, and D."""
        return lambda x_hat, x, v: (
            None,
            None,
            made(np.sum((x_hat - x) ** 2) / len(x) / np.exp(v), v, x.shape[1]),
        )

    mistakes = {
        "loss: the term with log sigma^2 is missing: then the best variance is infinite": [
            loss(lambda e, v, N, D: e / (2 * np.exp(v))),
            loss(lambda e, v, N, D: e / (2 * np.exp(v)) + D / 2 * LOG_2PI),
        ],
        "loss: the normaliser is counted once; each of the D features has its own": loss(
            lambda e, v, N, D: e / (2 * np.exp(v)) + (LOG_2PI + v) / 2
        ),
        "loss: log 2 pi is counted once; each of the D features has its own": loss(
            lambda e, v, N, D: e / (2 * np.exp(v)) + (LOG_2PI + D * v) / 2
        ),
        "loss: the log 2 pi is missing: no gradient minds, but the number is not -log p": loss(
            lambda e, v, N, D: e / (2 * np.exp(v)) + D / 2 * v
        ),
        "loss: the normaliser's 1/2 is missing: it is that of log sigma, and v is log sigma^2": [
            loss(lambda e, v, N, D: e / (2 * np.exp(v)) + D * (LOG_2PI + v)),
            loss(lambda e, v, N, D: e / (2 * np.exp(v)) + D * (LOG_2PI / 2 + v)),
        ],
        "loss: log_variance is taken for the variance itself": loss(
            lambda e, v, N, D: e / (2 * v) + D / 2 * (LOG_2PI + np.log(v))
        ),
        "loss: log_variance is taken for log sigma; it is log sigma^2": loss(
            lambda e, v, N, D: e / (2 * np.exp(2 * v)) + D / 2 * (LOG_2PI + 2 * v)
        ),
        "loss: it is a mean over the features too": loss(
            lambda e, v, N, D: (e / np.exp(v) / D + LOG_2PI + v) / 2
        ),
        "loss: it is a sum over the batch": loss(
            lambda e, v, N, D: N / 2 * (e / np.exp(v) + D * (LOG_2PI + v))
        ),
        "dx_hat: it is not divided by the variance: small sigma^2, dear errors": dx_hat(
            lambda e, v, N, D: e * np.exp(v) / N
        ),
        "dx_hat: the 1/N is missing, as the loss is a mean over the batch": dx_hat(
            lambda e, v, N, D: e
        ),
        "dx_hat: the sign is turned: a mean above the datum must come down": dx_hat(
            lambda e, v, N, D: -e / N
        ),
        "dlog_variance: this is the derivative in sigma^2; the log asks for a factor sigma^2": dv(
            lambda q, v, D: (D - q) / 2 / np.exp(v)
        ),
        "dlog_variance: the normaliser's share, D/2, is missing": dv(lambda q, v, D: -q / 2),
        "dlog_variance: D is missing: all D features share this variance, and add up": [
            dv(lambda q, v, D: (1 - q / D) / 2),
            dv(lambda q, v, D: (1 - q) / 2),
        ],
        "dlog_variance: the first term has e^-v, so its derivative is minus itself": dv(
            lambda q, v, D: (D + q) / 2
        ),
        "dlog_variance: it is the derivative in log sigma; v is log sigma^2": dv(
            lambda q, v, D: D - q
        ),
        "dlog_variance: it is summed over the batch": lambda x_hat, x, v: (
            None,
            None,
            (x.size - np.sum((x_hat - x) ** 2) / np.exp(v)) / 2,
        ),
    }
    names = ("loss", "dx_hat", "dlog_variance")
    # Eight calls: a logarithm of v can be taken where v is above 0 only.
    answer.agrees(right, draw, mistakes=mistakes, names=names, n_calls=8, atol=1e-7)


def exact_case(rng):
    """Draw what ``linear_step`` takes: the exact posterior as encoder, and exact second moments.

    Each point stands there 2K times, with the noise at plus and minus the root of K along each
    latent: a mean over these is an expectation, if nothing higher than squares occurs.
    """
    D, N, K = sizes(rng, 3, 2, 6)
    D = max(D, K + 1)
    # The rows of W stand at right angles, so the posterior is diagonal.
    W = np.linalg.qr(rng.normal(size=(D, K)))[0].T * rng.uniform(0.6, 1.6, size=(K, 1))
    model = LinearGaussian(W, numbers(rng, D), number(rng, 0.2, 0.7))
    X = rng.normal(size=(N, D)) + model.mean
    covariance = model.posterior(X)[1]
    A = W.T @ covariance / model.noise_variance
    noise = np.sqrt(K) * np.vstack([np.eye(K), -np.eye(K)])  # (2K, K)
    V = np.hstack([A, np.zeros((D, K))])
    c = np.concatenate([-model.mean @ A, np.log(np.diag(covariance))])
    x, eps = np.repeat(X, 2 * K, axis=0), np.tile(noise, (N, 1))
    return x, eps, V, c, W, model.mean, model.noise_variance


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
        "The KL holds s^2, which is exp(v), and log s^2, which is v. Its slope in v is "
        "(exp(v) - 1) / 2.",
    ],
)
def linear_step(answer):
    names = ("loss", "dV", "dc", "dW", "db")

    def loss(*given):
        value = answer.parts(answer(*given), *names)[0]
        answer.form(value, 0.0, name="loss")
        return float(np.asarray(value))

    def log_likelihood(x, eps, V, c, W, b, variance):
        return -float(LinearGaussian(W, b, variance).log_likelihood(x).mean())

    def made(deviation, fee=lambda v: v, constant=1.0):
        """A mistake in what v stands for: at the noise, and as a log-variance in the KL."""

        def value(x, eps, V, c, W, b, variance):
            mu, v = np.split(x @ V + c, 2, axis=1)
            error = (mu + deviation(v) * eps) @ W + b - x
            nll = np.sum(error**2) / (len(x) * variance)
            nll += constant * x.shape[1] * np.log(2 * np.pi * variance)
            return nll / 2 + kl_of(mu, fee(v))

        return value

    def kl_off(by):
        """A mistake in the KL: what stands there too much, twice over, as a function of v."""

        def value(x, eps, V, c, W, b, variance):
            right = log_likelihood(x, eps, V, c, W, b, variance)
            v = (x @ V + c)[:, eps.shape[1] :]
            return right + np.sum(by(v)) / (2 * len(x))

        return value

    at_answer = "with the exact posterior as q the ELBO is the log-likelihood; yours is "
    mistakes = {
        f"{at_answer}below it, so something is paid that need not be: the KL is that of a cloud of "
        "another width than the one that is drawn": made(lambda v: np.exp(v / 2), lambda v: 2 * v),
        f"{at_answer}above it, which no bound can be: the KL is mended, and the noise is drawn "
        "with another width": made(np.exp),
        f"{at_answer}not, as now both read v as log s; the encoder's v is log s^2": made(
            np.exp, lambda v: 2 * v
        ),
        f"{at_answer}not, as the logarithm in the KL is still 2 v; log s^2 is v": kl_off(
            lambda v: -v
        ),
        f"{at_answer}not, as exp(2 v) still stands in the KL; s^2 is exp(v)": kl_off(
            lambda v: np.exp(2 * v) - np.exp(v)
        ),
        f"{at_answer}not, as s stands in the KL in the place of s^2": kl_off(
            lambda v: np.exp(v / 2) - np.exp(v)
        ),
        f"{at_answer}not, as the normaliser of p(x | z) is gone, which was right": [
            made(lambda v: np.exp(v / 2), lambda v: 2 * v, constant=0.0),
            made(lambda v: np.exp(v / 2), constant=0.0),
        ],
    }
    answer.agrees(
        log_likelihood, exact_case, mistakes=mistakes, names=("loss",), call=loss, atol=1e-6
    )
    _judge_slopes(answer, names)


def _judge_slopes(answer, names):
    """Compare loss and gradients with a loss in another form, and its finite differences."""

    def draw(rng):
        N, D, K = sizes(rng, 3, 2, 6)
        shapes = [(N, D), (N, K), (D, 2 * K), (2 * K,), (K, D), (D,)]
        return *(numbers(rng, *shape, low=-1, high=1) for shape in shapes), number(rng, 0.4, 0.9)

    def loss(x, eps, V, c, W, b, variance):
        mu, v = np.split(x @ V + c, 2, axis=1)
        error = x - b - (mu + np.sqrt(np.exp(v)) * eps) @ W
        nll = np.sum(error**2 / variance + LOG_2PI + np.log(variance))
        return (nll + np.sum(mu**2 + np.exp(v) - 1 - v)) / (2 * len(x))

    def right(x, eps, V, c, W, b, variance):
        given = (x, eps, V, c, W, b, variance)
        return loss(*given), *gradients_of(loss, "V", "c", "W", "b")(*given)

    def backward(through_kl, through_z=lambda v: np.exp(v / 2) / 2):
        """A mistake in a slope in v: in that of the KL, or in dz/dv over eps."""

        def value(x, eps, V, c, W, b, variance):
            N = len(x)
            mu, v = np.split(x @ V + c, 2, axis=1)
            dz = ((mu + np.exp(v / 2) * eps) @ W + b - x) @ W.T / (N * variance)
            dv = dz * eps * through_z(v) + through_kl(v) / N
            dh = np.hstack([dz + mu / N, dv])
            return None, x.T @ dh, dh.sum(axis=0), None, None

        return value

    def slope(v):
        return (np.exp(v) - 1) / 2

    halves = "dV and dc: the loss is mended, and the way back is not: "
    mistakes = {
        f"{halves}the KL's slope is still that of exp(2 v) - 2 v": backward(
            lambda v: np.exp(2 * v) - 1
        ),
        f"{halves}exp(2 v) still stands in the KL's slope": backward(
            lambda v: (np.exp(2 * v) - 1) / 2
        ),
        f"{halves}the KL's slope is twice too large": backward(lambda v: 2 * slope(v)),
        f"{halves}s is exp(v / 2), and its derivative in v is half of it": backward(
            slope, lambda v: np.exp(v / 2)
        ),
    }
    answer.agrees(right, draw, mistakes=mistakes, names=names, rtol=1e-5, atol=1e-6)
