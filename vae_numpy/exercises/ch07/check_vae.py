"""The checks of chapter 7 on the loss of a VAE, its gradients and its layer of noise."""

import numpy as np

from vae_numpy.exercises.cases import number, numbers, sizes, slope
from vae_numpy.exercises.catalogue import exercise

LOG_2PI = np.log(2 * np.pi)


def clouds(rng):
    """Draw means and log-variances (N, K) of N clouds with K latents."""
    N, K = sizes(rng, 2)
    return numbers(rng, N, K), numbers(rng, N, K, low=-2, high=1)


def kl_of(mu, logvar):
    """Return the KL divergence from N(0, I), in a loop over the entries."""
    pairs = zip(np.ravel(mu), np.ravel(logvar), strict=True)
    return sum((m * m + np.exp(v) - 1 - v) / 2 for m, v in pairs) / len(mu)


@exercise(
    "7.1",
    trains="the order of a cost and its mean, and finding collapsed latents",
    difficulty="easy",
    minutes=10,
    hints=[
        "The cost of one cloud along one axis is `0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)`.",
        "`mean(axis=0)` of all these costs leaves one number for each latent.",
    ],
)
def kl_by_latent(answer):
    def right(mu, logvar, threshold=0.01):
        kl = np.array([kl_of(m, v) for m, v in zip(mu.T, logvar.T, strict=True)])
        return kl, kl > threshold

    def draw(rng):
        mu, logvar = clouds(rng)
        # Some latents carry next to nothing, so that a threshold is between.
        scale = rng.choice([0.2, 0.5, 1.0], size=mu.shape[1])
        return (mu * scale).round(2), (logvar * scale).round(2), number(rng, 0.05, 0.6)

    def costs(mu, logvar):
        return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)

    def kl(value):
        return lambda mu, v, threshold: (value(mu, v), None)

    def alive(value):
        return lambda mu, v, threshold: (None, value(mu, costs(mu, v), threshold))

    mistakes = {
        "kl: the clouds are averaged before their cost is taken: means of opposite sign cancel, "
        "and a latent that carries much looks dead": kl(
            lambda mu, v: costs(mu.mean(axis=0), v.mean(axis=0))
        ),
        "kl: it is a sum over the data; it should not grow with their number": kl(
            lambda mu, v: costs(mu, v).sum(axis=0)
        ),
        "kl: the 1/2 is missing": kl(lambda mu, v: 2 * costs(mu, v).mean(axis=0)),
        "kl: logvar is taken for the variance itself; the variance is exp(logvar)": kl(
            lambda mu, v: 0.5 * (mu**2 + v - 1 - np.log(v)).mean(axis=0)
        ),
        "kl: logvar is taken for the log of the standard deviation; it is that of the variance": kl(
            lambda mu, v: costs(mu, 2 * v).mean(axis=0)
        ),
        "kl: it is taken over the latents, and each datum gets a number; wanted one a latent": [
            kl(lambda mu, v: costs(mu, v).mean(axis=1)),
            kl(lambda mu, v: costs(mu, v).sum(axis=1)),
        ],
        "alive: this says which are dead": alive(lambda mu, cost, t: cost.mean(axis=0) <= t),
        "alive: a cloud that lies at 0 is alive if it is narrow or wide; ask what it costs, not "
        "where it lies": alive(lambda mu, cost, t: mu.var(axis=0) > t),
        "alive: this is a latent's share of all the nats; ask how many nats it carries": alive(
            lambda mu, cost, t: cost.mean(axis=0) / cost.mean(axis=0).sum() > t
        ),
        "alive: the threshold that is given is not used, 0.01 is": alive(
            lambda mu, cost, t: cost.mean(axis=0) > 0.01
        ),
        "alive: one datum above the threshold is enough here; ask for the mean over the data": (
            alive(lambda mu, cost, t: (cost > t).any(axis=0))
        ),
        "alive: here all data must be above the threshold; ask for the mean over them": alive(
            lambda mu, cost, t: (cost > t).all(axis=0)
        ),
    }
    # Moved by one either way, twice as wide, the prior itself, and one that hardly differs.
    mu = np.array([[1.0, 0.0, 0.0, 0.1], [-1.0, 0.0, 0.0, -0.1], [1.0, 0.0, 0.0, 0.1]])
    logvar = np.tile(np.log([1.0, 4.0, 1.0, 1.0]), (3, 1))
    names = ("kl", "alive")
    answer.agrees(right, draw, mistakes=mistakes, first=[(mu, logvar)], names=names, n_calls=12)


@exercise(
    "7.2",
    trains="sums, means, and a loss that does not overflow",
    difficulty="easy",
    minutes=10,
    hints=[
        "Sum each term over everything, and divide by the number of rows, once.",
        "`np.logaddexp(0, a)` is log(1 + e^a) for any a.",
    ],
)
def vae_loss(answer):
    def parts(logits, x, mu, logvar):
        p = [1 / (1 + np.exp(-a)) for a in logits.ravel()]
        chances = [q if white else 1 - q for q, white in zip(p, x.ravel(), strict=True)]
        return -sum(np.log(chances)) / len(x), kl_of(mu, logvar)

    def right(logits, x, mu, logvar, beta):
        nll, kl = parts(logits, x, mu, logvar)
        return nll + beta * kl

    def draw(rng):
        mu, logvar = clouds(rng)
        N, (D,) = len(mu), sizes(rng, 1, 9, 14)
        white = (rng.random((N, D)) < 0.4).astype(float)
        return numbers(rng, N, D, low=-3, high=3), white, mu, logvar, number(rng, 1.5, 4)

    def made(loss):
        """A mistake in terms of both parts of the loss, beta, and the sizes N, D and K."""
        return lambda logits, x, mu, logvar, beta: loss(
            *parts(logits, x, mu, logvar), beta, *x.shape, mu.shape[1]
        )

    def turned(logits, x, mu, logvar, beta):
        return right(-logits, x, mu, logvar, beta)

    def split_wrongly(logits, x, mu, logvar, beta):
        nll = np.maximum(logits, 0) - x * logits + np.log1p(np.exp(np.minimum(logits, 0)))
        return nll.sum() / len(x) + beta * kl_of(mu, logvar)

    mistakes = {
        "the reconstruction is a mean over the features too, and the KL a sum over latents: that "
        "is a beta D times as large": made(lambda nll, kl, beta, N, D, K: nll / D + beta * kl),
        "both terms are means over their columns: beta has become beta D / K": made(
            lambda nll, kl, beta, N, D, K: nll / D + beta * kl / K
        ),
        "the KL is a mean over the latents, the reconstruction a sum over features": made(
            lambda nll, kl, beta, N, D, K: nll + beta * kl / K
        ),
        "both terms are summed over the batch: the loss grows with the number of rows": made(
            lambda nll, kl, beta, N, D, K: N * (nll + beta * kl)
        ),
        "the reconstruction is summed over the batch, and the KL averaged": made(
            lambda nll, kl, beta, N, D, K: N * nll + beta * kl
        ),
        "the KL is summed over the batch, and the reconstruction averaged": made(
            lambda nll, kl, beta, N, D, K: nll + N * beta * kl
        ),
        "beta multiplies the whole loss; it is the price of the KL alone": made(
            lambda nll, kl, beta, N, D, K: beta * (nll + kl)
        ),
        "beta multiplies the reconstruction; it is the price of the KL": made(
            lambda nll, kl, beta, N, D, K: beta * nll + kl
        ),
        "beta is not used": made(lambda nll, kl, beta, N, D, K: nll + kl),
        "this is the ELBO; the loss is minus that": made(
            lambda nll, kl, beta, N, D, K: -(nll + beta * kl)
        ),
        "the KL is subtracted: it is a fee, and makes the loss larger": made(
            lambda nll, kl, beta, N, D, K: nll - beta * kl
        ),
        "the KL's 1/2 is missing": made(lambda nll, kl, beta, N, D, K: nll + 2 * beta * kl),
        "the logit's sign is turned: a large logit means a white pixel": turned,
        "max(a, 0) goes with log(1 + e^-|a|): the exponent of a logit above 0 is cut to 0": (
            split_wrongly
        ),
    }
    answer.agrees(right, draw, mistakes=mistakes)
    _judge_large_logits(answer)


def _judge_large_logits(answer):
    """Ask what pixels cost of which the decoder is sure, and wrong, or right."""
    still = np.zeros((1, 1))
    with np.errstate(all="ignore"):
        losses = [answer(np.array([[a]]), still, still, still, 1.5) for a in (60.0, 300.0, 1000.0)]
    shown = [
        f"returned    {loss} for the logit {a} of a black pixel, which costs {a} nats"
        for a, loss in zip((60, 300, 1000), losses, strict=True)
    ]
    answer.holds(
        all(answer.fits(loss, 0.0) for loss in losses),
        "right for small logits, and not finite for large ones: e^1000 is infinite, and 1 - p is "
        "rounded to 0. Use np.logaddexp(0, logits), or split at 0",
        shown,
    )
    answer.holds(
        not np.isclose(losses[1], losses[2]),
        "the probabilities are clipped, so a certain and wrong pixel costs too little: as much "
        "for the logit 300 as for 1000",
        shown,
    )
    sure, still = np.array([[1000.0, -1000.0], [800.0, -900.0]]), np.zeros((2, 1))
    for x, want in [([[1.0, 0.0], [1.0, 0.0]], 0.0), ([[0.0, 0.0], [1.0, 1.0]], 950.0)]:
        answer.gives(want, sure, np.array(x), still, still, 1.0)


@exercise(
    "7.3",
    trains="two derivatives by hand",
    difficulty="medium",
    minutes=10,
    hints=[
        "Write the KL of one entry: 1/2 (mu^2 + e^v - 1 - v). Differentiate in mu, then in v.",
        "It is a mean over the batch: both have a 1/N.",
    ],
)
def kl_gradients(answer):
    def cost(m, v):
        return (m * m + np.exp(v) - 1 - v) / 2

    def right(mu, logvar):
        dmu, dlogvar = np.zeros(mu.shape), np.zeros(mu.shape)
        for i in np.ndindex(mu.shape):  # the KL is a sum over the entries, so each stands alone
            dmu[i] = slope(lambda m, v=logvar[i]: cost(m, v), mu[i]) / len(mu)
            dlogvar[i] = slope(lambda v, m=mu[i]: cost(m, v), logvar[i]) / len(mu)
        return dmu, dlogvar

    def dmu(made):
        return lambda mu, v: (made(mu, *mu.shape), None)

    def dlogvar(made):
        return lambda mu, v: (None, made(v, *mu.shape))

    mistakes = {
        "dmu: the 1/N is missing, as the KL is a mean over the batch": dmu(lambda mu, N, K: mu),
        "dmu: it is mu over N: the 2 of the square and the 1/2 in front cancel": [
            dmu(lambda mu, N, K: 2 * mu / N),
            dmu(lambda mu, N, K: mu / N / 2),
        ],
        "dmu: it is divided by K too, and the KL is a sum over the latents": dmu(
            lambda mu, N, K: mu / (N * K)
        ),
        "dmu: it is divided by K, the number of columns; the mean is over the rows": dmu(
            lambda mu, N, K: mu / K
        ),
        "dmu: it is averaged over the batch; each entry has a slope of its own": [
            dmu(lambda mu, N, K: mu.mean(axis=0)),
            dmu(lambda mu, N, K: mu.sum(axis=0)),
        ],
        "dlogvar: the 1/N is missing, as the KL is a mean over the batch": dlogvar(
            lambda v, N, K: (np.exp(v) - 1) / 2
        ),
        "dlogvar: the 1/2 is missing; no square brings a 2 here": dlogvar(
            lambda v, N, K: (np.exp(v) - 1) / N
        ),
        "dlogvar: it is divided by K too, and the KL is a sum over the latents": dlogvar(
            lambda v, N, K: (np.exp(v) - 1) / (2 * N * K)
        ),
        "dlogvar: this is the derivative in the variance; the chain rule gives a factor "
        "exp(logvar) for the log": dlogvar(lambda v, N, K: 0.5 * (1 - np.exp(-v)) / N),
        "dlogvar: this is the derivative in the standard deviation s; v = log s^2 asks for a "
        "factor s / 2": dlogvar(lambda v, N, K: (np.exp(v / 2) - np.exp(-v / 2)) / N),
        "dlogvar: logvar is read as log s: v is the log of the variance": [
            dlogvar(lambda v, N, K: (np.exp(2 * v) - 1) / N),
            dlogvar(lambda v, N, K: (np.exp(2 * v) - 1) / 2 / N),
        ],
        "dlogvar: the derivative of -v is missing, and so nothing keeps the cloud from shrinking": (
            dlogvar(lambda v, N, K: 0.5 * np.exp(v) / N)
        ),
        "dlogvar: it pushes the wrong way: above s = 1 the KL rises with v": dlogvar(
            lambda v, N, K: -0.5 * (np.exp(v) - 1) / N
        ),
    }
    answer.agrees(right, clouds, mistakes=mistakes, names=("dmu", "dlogvar"), atol=1e-8)


@exercise(
    "7.4",
    trains="what noise does on the way forward, and must do again on the way back",
    difficulty="medium",
    minutes=20,
    hints=[
        "Draw with `self.rng.standard_normal(mu.shape)`, and keep what `backward` needs.",
        "The standard deviation is the root of the variance: `np.exp(logvar / 2)`.",
        "z = mu + exp(v / 2) eps. In mu the derivative is 1; in v it is exp(v / 2) eps / 2.",
    ],
)
def Sampler(answer):
    sampler = answer(np.random.default_rng(0))
    mu, logvar = np.full((4000, 2), [3.0, -1.0]), np.full((4000, 2), np.log([0.25, 4.0]))
    z = answer.call(sampler.forward, mu, logvar)
    answer.form(z, mu, name="z")
    _judge_moments(answer, np.asarray(z, float))
    again = np.asarray(answer.call(sampler.forward, mu, logvar), float)
    answer.holds(
        not np.allclose(z, again),
        "two calls of forward give the same z: the noise is drawn once and used for ever",
    )
    same, other = (
        answer.call(answer(np.random.default_rng(seed)).forward, mu, logvar) for seed in (0, 1)
    )
    answer.holds(
        np.allclose(z, same) and not np.allclose(z, other),
        "the noise does not come from the rng that is given: one seed must give one z, and "
        "another seed another",
    )
    _judge_backward(answer)


def _judge_backward(answer):
    """Compare the gradients with differences of z, for the noise of the reader's own draw."""

    def sampled(mu, logvar, seed):
        """Draw twice; return the sampler, and the noise of both draws, in whatever order drawn."""
        sampler = answer(np.random.default_rng(seed))
        z = [np.asarray(answer.call(sampler.forward, mu, logvar), float) for _ in range(2)]
        return sampler, *((one - mu) / np.exp(logvar / 2) for one in z)

    def draw(rng):
        mu, logvar = clouds(rng)
        seed = int(rng.integers(100, 1000))
        _, before, eps = sampled(mu, logvar, seed)
        return mu, logvar, before, eps, numbers(rng, *mu.shape), seed

    def right(mu, logvar, before, eps, dz, seed):
        def z(m, v):
            return m + np.sqrt(np.exp(v)) * eps

        return dz * slope(lambda h: z(mu + h, logvar), 0), dz * slope(
            lambda h: z(mu, logvar + h), 0
        )

    def backward(mu, logvar, before, eps, dz, seed):
        sampler, _, _ = sampled(mu, logvar, seed)
        returned = answer.parts(answer.call(sampler.backward, dz), "dmu", "dlogvar")
        again = answer.call(sampler.backward, dz)
        answer.holds(
            not answer.fits(returned[1], mu) or np.allclose(returned[1], again[1]),
            "dlogvar: fresh noise is drawn on the way back. With another eps than that of the last "
            "forward it averages to zero, whatever the decoder says",
        )
        return returned

    def dmu(made):
        return lambda mu, v, before, eps, dz, seed: (made(np.exp(v / 2), dz, mu), None)

    def dlogvar(made):
        return lambda mu, v, before, eps, dz, seed: (None, made(np.exp(v / 2), dz, eps))

    mistakes = {
        "dlogvar: the 1/2 is missing: v is the log of the variance, and s = exp(v / 2)": dlogvar(
            lambda s, dz, eps: dz * eps * s
        ),
        "dlogvar: eps is missing: a wider cloud moves z by the noise that was drawn": [
            dlogvar(lambda s, dz, eps: dz * s / 2),
            dlogvar(lambda s, dz, eps: dz * s),
        ],
        "dlogvar: this is the gradient in s; v = log s^2 asks for a factor s / 2": dlogvar(
            lambda s, dz, eps: dz * eps
        ),
        "dlogvar: here the variance stands for the standard deviation": [
            dlogvar(lambda s, dz, eps: dz * eps * s**2),
            dlogvar(lambda s, dz, eps: dz * eps * s**2 / 2),
        ],
        "dlogvar: this eps is that of the first forward; the last one counts": (
            lambda mu, v, before, eps, dz, seed: (None, dz * before * np.exp(v / 2) / 2)
        ),
        "dmu: z moves with mu one to one, whatever the width": [
            dmu(lambda s, dz, mu: dz * s),
            dmu(lambda s, dz, mu: dz / s),
        ],
        "dmu: the KL's part is added; the layer hands back what comes through z, and the KL adds "
        "its own elsewhere": dmu(lambda s, dz, mu: dz + mu / len(mu)),
        "dlogvar: the KL's part is added; the layer hands back what comes through z, and the KL "
        "adds its own elsewhere": dlogvar(
            lambda s, dz, eps: dz * eps * s / 2 + (s**2 - 1) / (2 * len(dz))
        ),
    }
    names = ("dmu", "dlogvar")
    answer.agrees(right, draw, mistakes=mistakes, names=names, call=backward, atol=1e-8)


def _judge_moments(answer, z):
    """Say whether draws have the means 3, -1 and the deviations 0.5, 2."""
    mean, std = z.mean(axis=0), z.std(axis=0)
    details = [
        f"means wanted 3, -1; got {mean[0]:.2f}, {mean[1]:.2f}",
        f"standard deviations wanted 0.5, 2; got {std[0]:.2f}, {std[1]:.2f}",
    ]

    def like(first, second):
        return np.allclose(std, [first, second], rtol=0.1)

    answer.holds(
        not np.allclose(z, [3, -1]),
        "z is the mean itself: without noise there is no cloud",
        details,
    )
    answer.holds(not like(0, 0), "z: all rows share one noise; each datum needs its own", details)
    answer.holds(
        not like(0.25, 4),
        "z: the variance is used as the standard deviation. Shapes look right; test the moments",
        details,
    )
    answer.holds(not like(1, 1), "z: the noise is as wide as the prior, not as the cloud", details)
    answer.holds(
        not like(abs(np.log(0.25)), np.log(4)),
        "z: logvar itself multiplies the noise; it is a logarithm",
        details,
    )
    close = np.allclose(mean, [3, -1], atol=0.2) and like(0.5, 2)
    answer.holds(close, "z does not have the moments of the cloud", details)
    shared = abs(np.corrcoef(z.T)[0, 1])
    answer.holds(shared < 0.1, "z: all latents share one noise; each needs its own", details)
