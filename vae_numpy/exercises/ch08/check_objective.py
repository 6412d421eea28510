"""The checks of chapter 8 on the price of a code."""

import numpy as np

from vae_numpy.exercises.cases import number, numbers, sizes, slope
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
    def right(beta, n_latents, image_size, n_channels=1):
        # A sum is so many means; then the reconstruction is to have the weight 1.
        weight = sum(1 for _ in np.ndindex(image_size, image_size, n_channels))
        return sum(beta for _ in range(n_latents)) / weight

    def draw(rng):
        size, channels = sizes(rng, 2, 2, 8)  # small, so that K is above D in some
        return float(round(rng.uniform(0.5, 9), 4)), int(rng.integers(9, 80)), size, channels

    def D(size, channels):
        return size**2 * channels

    def rounded(digits):
        return lambda beta, K, size, channels: np.round(beta * K / D(size, channels), digits)

    mistakes = {
        "the side of the picture is taken for D; D counts all its pixels, 64 x 64 of them": [
            lambda beta, K, size, channels: beta * K / (size * channels),
            lambda beta, K, size, channels: beta * K / size,
        ],
        "each pixel has n_channels numbers, and each is reconstructed": (
            lambda beta, K, size, channels: beta * K / size**2
        ),
        "the channels are squared with the side; a pixel has n_channels numbers, once": (
            lambda beta, K, size, channels: beta * K / (size * channels) ** 2
        ),
        "K and D are in each other's place: more pixels make a given beta a smaller price": (
            lambda beta, K, size, channels: beta * D(size, channels) / K
        ),
        "K is missing: a mean over K latents makes the KL K times smaller": (
            lambda beta, K, size, channels: beta / D(size, channels)
        ),
        "K is on the wrong side: a mean KL is K times smaller, so its weight is K times larger": (
            lambda beta, K, size, channels: beta / (K * D(size, channels))
        ),
        "K // D is a whole number, and 0 where D is the larger; divide with /": [
            lambda beta, K, size, channels: beta * (K // D(size, channels)),
            lambda beta, K, size, channels: beta * K // D(size, channels),
        ],
        "it is rounded; wanted all digits": [rounded(digits) for digits in (1, 2, 3, 4)],
    }
    first = [(4.0, 10, 64), (1.0, 10, 32), (96.0, 16, 64, 3)]
    answer.agrees(right, draw, mistakes=mistakes, first=first)


@exercise(
    "8.2",
    trains="looking at one latent at a time",
    difficulty="easy",
    minutes=5,
    hints=[
        "`np.tile(z, (len(values), 1))` holds n copies of the code as rows.",
        "Then one column is replaced: `codes[:, latent] = values`.",
        "A code of whole numbers makes an array of whole numbers, which cuts the values off.",
    ],
    compare="the rows of pictures at the top of the chapter",
)
def traversal(answer):
    def shown(decode, codes):
        return np.array([decode(np.array([code], float))[0] for code in codes])

    def right(decode, z, latent, values):
        return shown(decode, [[*z[:latent], value, *z[latent + 1 :]] for value in values])

    def draw(rng):
        K, D, n = sizes(rng, 3, 3, 8)
        A = rng.normal(size=(K, D))

        def decode(codes):
            return np.tanh(np.asarray(codes) @ A)

        return decode, numbers(rng, K), int(rng.integers(K)), numbers(rng, n)

    def draw_whole(rng):
        decode, z, latent, values = draw(rng)
        return decode, rng.integers(-3, 4, len(z)), latent, values

    def made(codes):
        return lambda decode, z, latent, values: shown(
            decode, codes(z, np.arange(len(z)) == latent, latent, values)
        )

    mistakes = {
        "the other latents are set to 0; they stay where the code has them": made(
            lambda z, moves, latent, values: [np.where(moves, v, 0) for v in values]
        ),
        "the values are added to the latent; it takes them in the place of its own": made(
            lambda z, moves, latent, values: [z + v * moves for v in values]
        ),
        "all latents move at once": made(
            lambda z, moves, latent, values: [np.full(len(z), v) for v in values]
        ),
        "another latent moves: the first is number 0": made(
            lambda z, moves, latent, values: [np.where(np.roll(moves, -1), v, z) for v in values]
        ),
        "the latent takes equal steps from the first value to the last; wanted the values": made(
            lambda z, moves, latent, values: [
                np.where(moves, v, z) for v in np.linspace(values[0], values[-1], len(values))
            ]
        ),
        "the latent runs through its values backwards": made(
            lambda z, moves, latent, values: [np.where(moves, v, z) for v in values[::-1]]
        ),
        "one array is used n times, so that each picture shows the last value: append copies": made(
            lambda z, moves, latent, values: [np.where(moves, values[-1], z) for v in values]
        ),
        "each picture comes in a batch of its own: decode all codes at once, (n, K) -> (n, D)": (
            lambda *given: right(*given)[:, None]
        ),
    }
    answer.agrees(right, draw, mistakes=mistakes)
    mistakes = {
        "where z holds whole numbers the values are cut to whole ones: the array keeps the type "
        "of z. Make it one of float": made(
            lambda z, moves, latent, values: [np.where(moves, np.trunc(v), z) for v in values]
        ),
    }
    answer.agrees(right, draw_whole, mistakes=mistakes)


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
    def right(eigenvalues, beta, variance):
        error, rate, s2, water = 0.0, 0.0, [], beta * variance
        for height in eigenvalues:
            alive = height > water
            error += water if alive else height
            rate += np.log(height / water) / 2 if alive else 0.0
            s2.append(water / height if alive else 1.0)
        return error, rate, np.array(s2)

    def draw(rng):
        (D,) = sizes(rng, 1, 4, 9)
        beta, variance = number(rng, 1.3, 5), number(rng, 0.2, 0.8)
        heights = rng.uniform(0.15, 0.8, D)  # in units of the water
        heights[:2] = rng.uniform(1.3, 2.2, 2)
        heights[2 : D // 2 + 1] = rng.uniform(6, 9, D // 2 - 1)
        return rng.permutation(heights * beta * variance).round(3), beta, variance

    def part(i, made):
        """A mistake in one part, in terms of the eigenvalues, the water and both its factors."""
        return lambda lam, beta, variance: tuple(
            made(lam, beta * variance, beta, variance) if j == i else None for j in range(3)
        )

    def error(made):
        return part(0, made)

    def rate(made):
        return part(1, made)

    def s2(made):
        return part(2, made)

    def nats(lam, water):
        return sum(np.log(lam[lam > water] / water)) / 2

    def widths(lam, water):
        return np.where(lam > water, water / lam, 1.0)

    mistakes = {
        "the level of the water is beta sigma^2; here it is beta alone": (
            lambda lam, beta, variance: right(lam, beta, 1.0)
        ),
        "the level of the water is beta sigma^2; here it is sigma^2 alone": (
            lambda lam, beta, variance: right(lam, 1.0, variance)
        ),
        "squared_error: the drowned directions are missing; each loses its whole eigenvalue": error(
            lambda lam, water, beta, variance: water * np.sum(lam > water)
        ),
        "squared_error: the living directions are missing; each keeps an error of the water's "
        "height": error(lambda lam, water, beta, variance: lam[lam <= water].sum()),
        "squared_error: this is the distortion -log p, the error over 2 sigma^2; wanted the error "
        "itself": error(
            lambda lam, water, beta, variance: np.minimum(lam, water).sum() / (2 * variance)
        ),
        "squared_error: it is a mean over the features; wanted their sum": error(
            lambda lam, water, beta, variance: np.minimum(lam, water).mean()
        ),
        "rate: drowned latents are counted with a negative rate; they carry nothing": rate(
            lambda lam, water, beta, variance: np.log(lam / water).sum() / 2
        ),
        "rate: it is in bits; the unit here is the nat": rate(
            lambda lam, water, beta, variance: nats(lam, water) / np.log(2)
        ),
        "rate: the 1/2 is missing: s^2 is a variance": rate(
            lambda lam, water, beta, variance: 2 * nats(lam, water)
        ),
        "s2: a drowned latent has the prior's variance, 1, and not more": s2(
            lambda lam, water, beta, variance: water / lam
        ),
        "s2: a drowned latent has the prior's variance, 1: with 0 it would be certain, and its KL "
        "infinite": s2(lambda lam, water, beta, variance: np.where(lam > water, water / lam, 0)),
        "s2: beta is forgotten: this is the variance at beta = 1, sigma^2 / lambda": [
            lambda *given: (*right(*given)[:2], right(given[0], 1.0, given[2])[2]),
            s2(lambda lam, water, beta, variance: np.where(lam > water, variance / lam, 1)),
        ],
        "s2: it is in the order of the sorted eigenvalues; wanted that of those given": [
            s2(lambda lam, water, beta, variance: np.sort(widths(lam, water))),
            s2(lambda lam, water, beta, variance: np.sort(widths(lam, water))[::-1]),
        ],
        "s2: this is the standard deviation, the root of the variance": s2(
            lambda lam, water, beta, variance: np.sqrt(widths(lam, water))
        ),
    }
    names = ("squared_error", "rate", "s2")
    answer.agrees(right, draw, mistakes=mistakes, names=names)
    lam = np.array([0.3, 2.0, 1.2])
    for beta, variance in [(5.0, 0.5), (1.0, 0.1)]:  # all drowned; all alive
        answer.gives(right(lam, beta, variance), lam, beta, variance, names=names)


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
    def cost_of(kl, capacity, gamma):
        return gamma * abs(sum(map(sum, kl.tolist())) / len(kl) - capacity)

    def right(kl, capacity, gamma):
        dkl = np.zeros(kl.shape)
        for i in np.ndindex(kl.shape):
            step = np.zeros(kl.shape)
            step[i] = 1
            dkl[i] = slope(lambda h, step=step: cost_of(kl + h * step, capacity, gamma), 0.0)
        return cost_of(kl, capacity, gamma), dkl

    def draw(rng):
        N, K = sizes(rng, 2)
        kl = rng.gamma(1.0, 1.0, size=(N, K)).round(2)
        rows = kl.sum(axis=1)
        # Between the rate and a datum's, on either side: data lie on both sides of C.
        end = rows.max() if rng.random() < 0.6 else rows.min()
        rate = rows.mean()
        return kl, float(round(rate + rng.uniform(0.3, 0.7) * (end - rate), 3)), number(rng, 2, 40)

    def cost(made):
        return lambda kl, capacity, gamma: (gamma * made(kl, capacity), None)

    def dkl(made):
        """A mistake in the gradient, in terms of the right one and the rates of the data."""
        return lambda kl, capacity, gamma: (
            None,
            made(
                gamma * np.sign(kl.sum() / len(kl) - capacity) / np.full(kl.shape, len(kl)),
                gamma * np.sign(kl.sum(axis=1, keepdims=True) - capacity) / len(kl),
                gamma,
            ),
        )

    mistakes = {
        "cost: each datum's rate is compared with C by itself; only their mean has to be C": cost(
            lambda kl, C: np.mean(np.abs(kl.sum(axis=1) - C))
        ),
        "cost: each latent's rate is compared with C; C is for their sum": cost(
            lambda kl, C: np.sum(np.abs(kl.mean(axis=0) - C))
        ),
        "cost: the rate is a mean over the latents too; it is their sum": cost(
            lambda kl, C: abs(kl.mean() - C)
        ),
        "cost: the rate is a sum over the batch too; it is a mean": cost(
            lambda kl, C: abs(kl.sum() - C)
        ),
        "cost: without the absolute value a rate below C is paid for instead of fined": cost(
            lambda kl, C: kl.sum() / len(kl) - C
        ),
        "cost: a rate below C costs nothing here; it is fined as one above C is": cost(
            lambda kl, C: max(0.0, kl.sum() / len(kl) - C)
        ),
        "cost: it is squared; |R - C| has the same slope near C as far from it": [
            cost(lambda kl, C: (kl.sum() / len(kl) - C) ** 2),
            cost(lambda kl, C: (kl.sum() / len(kl) - C) ** 2 / 2),
        ],
        "dkl: below C the slope is -gamma: a nat more makes the cost smaller": dkl(
            lambda slope, each, gamma: np.abs(slope)
        ),
        "dkl: the sign of each datum's own rate was taken; all share the sign of R - C": dkl(
            lambda slope, each, gamma: each + 0 * slope
        ),
        "dkl: the 1/N is missing, as the rate is a mean over the batch": dkl(
            lambda slope, each, gamma: len(slope) * slope
        ),
        "dkl: it is divided by the number of latents too; the rate is their sum": dkl(
            lambda slope, each, gamma: slope / slope.shape[1]
        ),
        "dkl: this is one number; wanted one for each entry of kl, (N, K), all of them equal": [
            dkl(lambda slope, each, gamma: slope[0, 0]),
            dkl(lambda slope, each, gamma: slope[0, 0] * len(slope)),
        ],
        "dkl: gamma is missing": dkl(lambda slope, each, gamma: slope / gamma),
    }
    # Ten calls: above C some of the mistakes are right.
    how = {"n_calls": 10, "rtol": 1e-5, "atol": 1e-7}
    answer.agrees(right, draw, mistakes=mistakes, names=("cost", "dkl"), **how)
