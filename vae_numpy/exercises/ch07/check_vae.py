"""The checks of chapter 7 on the loss of a VAE, its gradients and its layer of noise."""

import numpy as np

from vae_numpy.exercises.catalogue import exercise

LOG_2PI = np.log(2 * np.pi)


def small_clouds():
    """Return means and log-variances (5, 3) of five clouds with three latents."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 3)), rng.normal(size=(5, 3)) - 0.5


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
    def costs(mu, logvar, deviation=False):
        variance = np.exp(2 * logvar) if deviation else np.exp(logvar)
        return 0.5 * (mu**2 + variance - 1 - np.log(variance))

    def mean_first(mu, logvar):
        return costs(mu.mean(axis=0), logvar.mean(axis=0))

    def as_variance(mu, logvar):
        with np.errstate(all="ignore"):
            return 0.5 * (mu**2 + logvar - 1 - np.log(logvar)).mean(axis=0), None

    mistakes = {
        "kl: the clouds are averaged before their cost is taken: means of opposite sign cancel, "
        "and a latent that carries much looks dead": lambda mu, v: (mean_first(mu, v), None),
        "kl: it is a sum over the data; it should not grow with their number": (
            lambda mu, v: (costs(mu, v).sum(axis=0), None)
        ),
        "kl: the 1/2 is missing": lambda mu, v: (2 * costs(mu, v).mean(axis=0), None),
        "kl: logvar is taken for the variance itself; the variance is exp(logvar)": as_variance,
        "kl: logvar is taken for the log of the standard deviation; it is that of the variance": (
            lambda mu, v: (costs(mu, v, deviation=True).mean(axis=0), None)
        ),
        "kl: it is a mean over the latents, and each datum gets a number; wanted one a latent": (
            lambda mu, v: [(costs(mu, v).mean(axis=1), None), (costs(mu, v).sum(axis=1), None)]
        ),
        "alive: this says which are dead": lambda mu, v: (
            None,
            costs(mu, v).mean(axis=0) <= 0.01,
        ),
        "alive: a cloud that lies at 0 is alive if it is narrow or wide; ask what it costs, not "
        "where it lies": lambda mu, v: (None, mu.var(axis=0) > 0.01),
    }
    names = ("kl", "alive")
    # Moved by one either way, twice as wide, the prior itself, and one that hardly differs.
    mu = np.array([[1.0, 0.0, 0.0, 0.1], [-1.0, 0.0, 0.0, -0.1], [1.0, 0.0, 0.0, 0.1]])
    logvar = np.tile(np.log([1.0, 4.0, 1.0, 1.0]), (3, 1))
    want = np.array([0.5, 0.5 * (3 - np.log(4)), 0.0, 0.005])
    answer.gives(
        (want, np.array([True, True, False, False])), mu, logvar, names=names, mistakes=mistakes
    )
    mu, logvar = small_clouds()
    want = np.array([kl_of(mu[:, k], logvar[:, k]) for k in range(3)])
    answer.gives((want, want > 0.01), mu, logvar, names=names, mistakes=mistakes)
    border = float(want.mean())
    answer.gives((want, want > border), mu, logvar, border, names=names)


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
    rng = np.random.default_rng(1)
    mu, logvar = small_clouds()
    logits, x = rng.normal(size=(5, 4)), rng.integers(2, size=(5, 4)).astype(float)

    def parts(logits, x):
        p = [1 / (1 + np.exp(-a)) for a in logits.ravel()]
        chances = [q if white else 1 - q for q, white in zip(p, x.ravel(), strict=True)]
        return -sum(np.log(chances)) / len(x), kl_of(mu, logvar)

    nll, kl = parts(logits, x)
    N, D, K = len(x), x.shape[1], mu.shape[1]
    logits_as_p = np.sum(np.logaddexp(0, logits) - (1 - x) * logits) / N
    for beta in (1.0, 4.0):
        mistakes = {
            "the reconstruction is a mean over the features too, and the KL a sum over latents: "
            "that is a beta D times as large": nll / D + beta * kl,
            "both terms are means over their columns: beta has become beta D / K": (
                nll / D + beta * kl / K
            ),
            "the KL is a mean over the latents, the reconstruction a sum over features": (
                nll + beta * kl / K
            ),
            "both terms are summed over the batch: the loss grows with the number of rows": (
                N * (nll + beta * kl)
            ),
            "one term is summed over the batch, the other averaged": [
                N * nll + beta * kl,
                nll + N * beta * kl,
            ],
            "beta multiplies the whole loss; it is the price of the KL alone": [
                beta * (nll + kl),
                beta * nll + kl,
            ],
            "beta is not used": [nll + kl],
            "this is the ELBO; the loss is minus that": -(nll + beta * kl),
            "the KL is subtracted: it is a fee, and makes the loss larger": nll - beta * kl,
            "the logit's sign is turned: a large logit means a white pixel": (
                logits_as_p + beta * kl
            ),
        }
        answer.gives(nll + beta * kl, logits, x, mu, logvar, beta, mistakes=mistakes)
    sure = np.array([[1000.0, -1000.0], [800.0, -900.0]])
    still = np.zeros((2, 1))
    for x, want in [([[1.0, 0.0], [1.0, 0.0]], 0.0), ([[0.0, 0.0], [1.0, 1.0]], 950.0)]:
        with np.errstate(all="ignore"):
            loss = answer(sure, np.array(x), still, still, 1.0)
        answer.holds(
            answer.fits(loss, 0.0),
            "right for small logits, but e^1000 is infinite: use np.logaddexp(0, logits), or "
            "split at 0",
            [f"returned    {loss}"],
        )
        clipped = {
            "the probabilities are clipped, so a certain and wrong pixel costs too little": (
                loss if want > 1 and loss < want else np.nan
            )
        }
        answer.compare(loss, want, mistakes=clipped)


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
    mu, logvar = small_clouds()
    N = len(mu)
    dmu, dlogvar = answer.parts(answer(mu, logvar), "dmu", "dlogvar")
    answer.form(dmu, mu, name="dmu")
    answer.form(dlogvar, mu, name="dlogvar")
    right = 0.5 * (np.exp(logvar) - 1) / N
    mistakes = {
        "dmu: the 1/N is missing, as the KL is a mean over the batch": mu,
        "dmu: it is mu over N: the 2 of the square and the 1/2 in front cancel": [
            2 * mu / N,
            mu / N / 2,
        ],
    }
    answer.gradient(dmu, lambda m: kl_of(m, logvar), mu, name="dmu", mistakes=mistakes)
    mistakes = {
        "dlogvar: the 1/N is missing, as the KL is a mean over the batch": N * right,
        "dlogvar: this is the derivative in the variance; the chain rule gives a factor "
        "exp(logvar) for the log": 0.5 * (1 - np.exp(-logvar)) / N,
        "dlogvar: this is the derivative in the standard deviation s; v = log s^2 asks for a "
        "factor s / 2": (np.exp(logvar / 2) - np.exp(-logvar / 2)) / N,
        "dlogvar: logvar is read as log s: v is the log of the variance": [
            (np.exp(2 * logvar) - 1) / N,
            (np.exp(2 * logvar) - 1) / 2 / N,
        ],
        "dlogvar: the derivative of -v is missing, and so nothing keeps the cloud from shrinking": (
            0.5 * np.exp(logvar) / N
        ),
        "dlogvar: it pushes the wrong way: above s = 1 the KL rises with v": -right,
    }
    answer.gradient(
        dlogvar, lambda v: kl_of(mu, v), logvar, name="dlogvar", mistakes=mistakes, batch_size=N
    )


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
    mu, logvar = small_clouds()
    sampler, rng = answer(np.random.default_rng(1)), np.random.default_rng(2)
    draws = []
    for _ in range(2):
        z = np.asarray(answer.call(sampler.forward, mu, logvar), float)
        eps = (z - mu) / np.exp(logvar / 2)  # of her draw, in whatever order she drew
        draws.append(eps)
        dz = rng.normal(size=mu.shape)
        dmu, dlogvar = answer.parts(answer.call(sampler.backward, dz), "dmu", "dlogvar")
        answer.form(dmu, mu, name="dmu")
        answer.form(dlogvar, mu, name="dlogvar")
        answer.holds(
            np.allclose(dlogvar, answer.call(sampler.backward, dz)[1]),
            "dlogvar: fresh noise is drawn on the way back. With another eps than that of the last "
            "forward it averages to zero, whatever the decoder says",
        )
        s = np.exp(logvar / 2)
        right = dz * eps * s / 2
        mistakes = {
            "dlogvar: the 1/2 is missing: v is the log of the variance, and s = exp(v / 2)": (
                None,
                2 * right,
            ),
            "dlogvar: eps is missing: a wider cloud moves z by the noise that was drawn": [
                (None, dz * s / 2),
                (None, dz * s),
            ],
            "dlogvar: this is the gradient in s; v = log s^2 asks for a factor s / 2": (
                None,
                dz * eps,
            ),
            "dlogvar: here the variance stands for the standard deviation": [
                (None, dz * eps * s**2),
                (None, dz * eps * s**2 / 2),
            ],
            "dmu: z moves with mu one to one, whatever the width": [
                (dz * s, None),
                (dz / s, None),
            ],
        }
        if len(draws) == 2:
            mistakes["dlogvar: this eps is that of the first forward; the last one counts"] = (
                None,
                dz * draws[0] * s / 2,
            )
        answer.compare((dmu, dlogvar), (dz, right), mistakes=mistakes, names=("dmu", "dlogvar"))


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
