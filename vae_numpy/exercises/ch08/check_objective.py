"""The checks of chapter 8 on the price of a code."""

import numpy as np

from vae_numpy.exercises.catalogue import exercise


@exercise(
    "8.1",
    trains="what a beta from a paper is measured in",
    difficulty="easy",
    minutes=5,
    hints=[
        "The chapter has it: beta K / D. What is D for a picture of 64 x 64?",
        "D counts the numbers that are reconstructed: `n_channels * image_size**2`.",
    ],
    compare="beta = 4 at 64 x 64 and 10 latents is 0.0098, and so is beta = 1 at 32 x 32",
)
def beta_norm(answer):
    def D(size, channels):
        return size**2 * channels

    mistakes = {
        "the side of the picture is taken for D; D counts all its pixels, 64 x 64 of them": (
            lambda beta, K, size, channels=1: [beta * K / size, beta * K / (size * channels)]
        ),
        "each pixel has n_channels numbers, and each is reconstructed": (
            lambda beta, K, size, channels=1: beta * K / size**2
        ),
        "K and D are in each other's place: more pixels make a given beta a smaller price": (
            lambda beta, K, size, channels=1: beta * D(size, channels) / K
        ),
        "K is missing: a mean over K latents makes the KL K times smaller": (
            lambda beta, K, size, channels=1: beta / D(size, channels)
        ),
        "K is on the wrong side: a mean KL is K times smaller, so its weight is K times larger": (
            lambda beta, K, size, channels=1: beta / (K * D(size, channels))
        ),
    }
    answer.gives(0.009765625, 4.0, 10, 64, mistakes=mistakes)
    answer.gives(0.009765625, 1.0, 10, 32, mistakes=mistakes)
    answer.gives(0.125, 96.0, 16, 64, 3, mistakes=mistakes)


@exercise(
    "8.2",
    trains="looking at one latent at a time",
    difficulty="easy",
    minutes=5,
    hints=[
        "`np.tile(z, (len(values), 1))` holds n copies of the code as rows.",
        "Then one column is replaced: `codes[:, latent] = values`.",
    ],
    compare="the rows of pictures at the top of the chapter",
)
def traversal(answer):
    A = np.random.default_rng(0).normal(size=(3, 4))

    def decode(codes):
        return np.tanh(np.asarray(codes) @ A)

    def shown(codes):
        return np.array(
            [
                [np.tanh(sum(c * a for c, a in zip(z, col, strict=True))) for col in A.T]
                for z in codes
            ]
        )

    z, values = np.array([0.5, -1.0, 2.0]), np.array([-2.0, -0.5, 0.25, 1.0, 3.0])
    for latent in (1, 0, 2):
        mistakes = {
            "the other latents are set to 0; they stay where the code has them": shown(
                [[v if k == latent else 0.0 for k in range(3)] for v in values]
            ),
            "the values are added to the latent; it takes them in the place of its own": shown(
                [[z[k] + v * (k == latent) for k in range(3)] for v in values]
            ),
            "all latents move at once": shown([[v] * 3 for v in values]),
            "another latent moves: the first is number 0": shown(
                [[v if k == latent - 1 else z[k] for k in range(3)] for v in values]
            ),
            "the latent runs through its values backwards": shown(
                [[v if k == latent else z[k] for k in range(3)] for v in values[::-1]]
            ),
        }
        want = shown([[v if k == latent else z[k] for k in range(3)] for v in values])
        returned = answer(decode, z, latent, values)
        answer.holds(
            np.shape(returned) != (5, 1, 4),
            "each picture comes in a batch of its own: decode all codes at once, (n, K) -> (n, D)",
        )
        answer.compare(returned, want, mistakes=mistakes)


@exercise(
    "8.3",
    trains="predicting a beta-VAE before it is trained",
    difficulty="medium",
    minutes=15,
    hints=[
        "The level of the water is beta times the variance. A latent lives if its eigenvalue "
        "stands out of it.",
        "What stands out is known up to the water: error `water`. What is drowned is lost: error "
        "`eigenvalue`. That is a minimum.",
        "A living latent has s^2 = water / eigenvalue and carries -1/2 ln s^2 nats.",
    ],
    compare="three dots on one curve, in the section on capacity",
)
def water_filling(answer):
    def known(lam, beta, variance):
        """Return error, rate and s2, in a loop over the directions."""
        error, rate, s2, water = 0.0, 0.0, [], beta * variance
        for height in lam:
            alive = height > water
            error += water if alive else height
            rate += np.log(height / water) / 2 if alive else 0.0
            s2.append(water / height if alive else 1.0)
        return error, rate, np.array(s2)

    def all_alive(lam, beta, variance):
        return None, 0.5 * np.sum(np.log(lam / (beta * variance))), None

    def squared_error_only(lam, beta, variance):
        water = beta * variance
        return [
            (known(lam, beta, variance)[0] - lam[lam <= water].sum(), None, None),
            (lam[lam <= water].sum(), None, None),
        ]

    mistakes = {
        "the level of the water is beta sigma^2; here it is beta alone": (
            lambda lam, beta, variance: known(lam, beta, 1.0)
        ),
        "the level of the water is beta sigma^2; here it is sigma^2 alone": (
            lambda lam, beta, variance: known(lam, 1.0, variance)
        ),
        "squared_error: both kinds count: a living direction keeps an error of the water's height, "
        "a drowned one loses its whole eigenvalue": squared_error_only,
        "rate: drowned latents are counted with a negative rate; they carry nothing": all_alive,
        "rate: it is in bits; the unit here is the nat": lambda lam, beta, variance: (
            None,
            known(lam, beta, variance)[1] / np.log(2),
            None,
        ),
        "rate: the 1/2 is missing: s^2 is a variance": lambda lam, beta, variance: (
            None,
            2 * known(lam, beta, variance)[1],
            None,
        ),
        "s2: a drowned latent has the prior's variance, 1, and not more": (
            lambda lam, beta, variance: (None, None, beta * variance / lam)
        ),
        "s2: a drowned latent has the prior's variance, 1: with 0 it would be certain, and its KL "
        "infinite": lambda lam, beta, variance: (
            None,
            None,
            np.where(lam > beta * variance, beta * variance / lam, 0.0),
        ),
        "s2: this is the posterior's variance at beta = 1, sigma^2 / lambda": (
            lambda lam, beta, variance: (None, None, np.minimum(1, variance / lam))
        ),
    }
    names = ("squared_error", "rate", "s2")
    lam = np.array([12.0, 6.0, 0.8, 0.4])
    want = (2 * 2.0 + 1.2, 0.5 * np.log(18), np.array([1 / 6, 1 / 3, 1.0, 1.0]))
    answer.gives(want, lam, 4.0, 0.5, mistakes=mistakes, names=names)
    lam = np.array([0.3, 5.0, 1.0, 9.0, 2.0])
    for beta, variance in [(3.0, 0.5), (1.0, 0.1), (4.0, 5.0)]:
        want = known(lam, beta, variance)
        answer.gives(want, lam, beta, variance, mistakes=mistakes, names=names)


@exercise(
    "8.4",
    trains="the slope of an absolute value, and where the mean stands",
    difficulty="medium",
    minutes=15,
    hints=[
        "First the rate of the whole batch, one number: sum over latents, mean over rows.",
        "Below C the cost falls when the rate rises: the slope there is -gamma.",
        "Each entry of `kl` stands in the rate with the weight 1/N.",
    ],
    compare="gamma takes beta's place on either side of C, with a sign",
)
def capacity_penalty(answer):
    kl = np.random.default_rng(0).gamma(1.0, 1.0, size=(5, 3))
    rate = sum(kl.ravel()) / 5
    rows = kl.sum(axis=1)
    gamma = 30.0
    for capacity in (rate + 0.4, rate - 0.7):
        side = 1.0 if rate > capacity else -1.0
        cost, slope = gamma * side * (rate - capacity), np.full((5, 3), gamma * side / 5)
        each = np.tile(gamma * np.sign(rows - capacity)[:, None] / 5, (1, 3))
        mistakes = {
            "cost: each datum's rate is compared with C by itself; only their mean has to be C": (
                gamma * np.mean(np.abs(rows - capacity)),
                None,
            ),
            "cost: each latent's rate is compared with C; C is for their sum": [
                (gamma * np.sum(np.abs(kl.mean(axis=0) - capacity)), None),
                (gamma * np.mean(np.abs(kl - capacity)), None),
            ],
            "cost: the rate is a mean over the latents too; it is their sum": (
                gamma * abs(kl.mean() - capacity),
                None,
            ),
            "cost: the rate is a sum over the batch too; it is a mean": (
                gamma * abs(kl.sum() - capacity),
                None,
            ),
            "cost: without the absolute value a rate below C is paid for instead of fined": (
                gamma * (rate - capacity),
                None,
            ),
            "cost: it is squared; |R - C| has the same slope near C as far from it": (
                gamma * (rate - capacity) ** 2,
                None,
            ),
            "dkl: below C the slope is -gamma: a nat more makes the cost smaller": (
                None,
                np.abs(slope),
            ),
            "dkl: the sign of each datum's own rate was taken; all share the sign of R - C": (
                None,
                each,
            ),
            "dkl: the 1/N is missing, as the rate is a mean over the batch": (None, 5 * slope),
            "dkl: it is divided by the number of latents too; the rate is their sum": (
                None,
                slope / 3,
            ),
        }
        answer.gives(
            (cost, slope),
            kl,
            capacity,
            gamma,
            names=("cost", "dkl"),
            mistakes=mistakes if side < 0 else {},  # above C some of them are right
        )


EIGENVALUES = np.array([24.0, 12.0, 6.0, 2.0, 1.0])


def cooled_rates(prices, seed=0):
    """Return what each of four latents carries after a training with these prices, in nats.

    A linear beta-VAE with sigma^2 = 1 in principal directions: its encoder is at every step the
    best for the decoder, and the decoder goes downhill, with a little noise as from minibatches.
    """
    rng = np.random.default_rng(seed)
    W, eye = 0.5 * rng.normal(size=(4, 5)), np.eye(5)
    for beta in prices:
        V = np.linalg.solve(W @ W.T + beta * np.eye(4), W).T  # (5, 4): mu = x V
        s2 = beta / (beta + np.sum(W**2, axis=1))
        dW = s2[:, None] * W - (V.T * EIGENVALUES) @ (eye - V @ W)
        W = W - 0.2 * dW + 0.02 * rng.normal(size=W.shape)
    V = np.linalg.solve(W @ W.T + beta * np.eye(4), W).T
    s2 = beta / (beta + np.sum(W**2, axis=1))
    return 0.5 * (EIGENVALUES @ V**2 + s2 - 1 - np.log(s2))


@exercise(
    "8.9",
    trains="designing a schedule from what it has to do: a small project",
    difficulty="project",
    minutes=40,
    seconds=20,
    hints=[
        "Work with the share of the training that is over, `step / n_steps`, so that it fits any "
        "length.",
        "A line, a parabola, half a cosine or equal factors all come down. How long do the last "
        "halvings take with each?",
        "A latent that wakes up late has to grow from nothing: let the price be down at 80 % of "
        "the steps, and stay.",
    ],
    compare="plot it beside the chapter's `cooling`, and train the sprites with it",
)
def beta_at(answer):
    for n_steps, highest, target in [(400, 32.0, 4.0), (150, 24.0, 3.0), (1000, 8.0, 1.0)]:
        steps = np.linspace(0, n_steps - 1, 81).astype(int)  # from the first to the last
        prices = []
        for step in steps:
            beta = answer(int(step), n_steps, highest, target)
            answer.form(beta, 0.0, name="beta")
            prices.append(float(beta))
        _judge_prices(answer, np.array(prices), n_steps, highest, target)
        if n_steps == 400:
            _judge_cooling(answer, np.interp(np.arange(n_steps), steps, prices))


def _judge_prices(answer, prices, n_steps, highest, target):
    ends = [f"over {n_steps} steps: from {prices[0]:.4g} to {prices[-1]:.4g}"]
    answer.holds(
        not np.allclose(prices, target),
        "it is the target from the first step on: everything is for sale at once",
        ends,
    )
    answer.holds(
        prices[0] < highest or not np.allclose(prices, prices[0]),
        "it never comes down; is step // n_steps a whole number, 0?",
        ends,
    )
    answer.holds(
        np.all(np.diff(prices) <= 1e-9),
        "it rises: that is a warm-up, where this training is to cool. Latents that have come alive "
        "would be drowned again",
        ends,
    )
    answer.holds(np.isclose(prices[0], highest, rtol=0.02), "it does not begin at highest", ends)
    answer.holds(
        prices[-1] < target * 1.02,
        "it does not arrive: at the last step it is above the target",
        ends,
    )
    answer.holds(
        np.all(prices > target * 0.98),
        "it falls below the target: there, more is for sale than was wanted",
        [*ends, f"least {prices.min():.4g}"],
    )
    # From each price that can be halved: the share of the steps until it is.
    high = np.flatnonzero(prices > 2 * target)
    quickest = min(np.sum(prices[i:] > prices[i] / 2) for i in high) / 80
    answer.holds(
        quickest >= 0.05 - 1 / 80,
        "too quick: it halves within a few steps, and the goods between these prices come alive "
        "all at once",
        [*ends, f"the quickest halving takes about {quickest:.1%} of the steps"],
    )


def _judge_cooling(answer, prices):
    want = 0.5 * np.log(EIGENVALUES[:3] / 4).sum()
    carried = np.median([np.sort(cooled_rates(prices, seed))[::-1] for seed in range(3)], axis=0)
    rate = carried.sum()
    answer.holds(
        abs(rate - want) < 0.05 * want,
        f"too late: at the end of a training the code carries {rate:.2f} nats, and at this price "
        f"it should carry {want:.2f}. The last latent had no time to grow",
        [
            f"the latents carry  {carried.round(2)}",
            f"by the formula     {(0.5 * np.log(EIGENVALUES[:3] / 4)).round(2)}",
        ],
    )
