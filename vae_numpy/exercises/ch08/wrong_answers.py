"""Answers to chapter 8's exercises as people give them."""

from collections import Counter

import numpy as np

from vae_numpy.exercises.register import right, wrong


@wrong("8.1", "side of the picture is taken for D")
def side_for_area(beta, n_latents, image_size, n_channels=1):
    return beta * n_latents / (image_size * n_channels)


@wrong("8.1", "each pixel has n_channels numbers")
def without_channels(beta, n_latents, image_size, n_channels=1):
    return beta * n_latents / image_size**2


@wrong("8.1", "in each other's place")
def swapped(beta, n_latents, image_size, n_channels=1):
    return beta * image_size**2 * n_channels / n_latents


@wrong("8.1", "K is missing")
def without_latents(beta, n_latents, image_size, n_channels=1):
    return beta / (image_size**2 * n_channels)


@right("8.1")
def mean_over_mean(beta, n_latents, image_size, n_channels=1):
    share_of_a_pixel = 1 / np.prod([image_size, image_size, n_channels])
    return np.float32(beta * share_of_a_pixel / (1 / n_latents))


@wrong("8.2", "set to 0")
def from_zero(decode, z, latent, values):
    codes = np.zeros((len(values), len(z)))
    codes[:, latent] = values
    return decode(codes)


@wrong("8.2", "added to the latent")
def added(decode, z, latent, values):
    codes = np.tile(z, (len(values), 1))
    codes[:, latent] += values
    return decode(codes)


@wrong("8.2", "z is changed in place")
def in_place(decode, z, latent, values):
    pictures = []
    for value in values:
        z[latent] = value
        pictures.append(decode(z[None])[0])
    return np.array(pictures)


@wrong("8.2", "a batch of its own")
def batches_of_one(decode, z, latent, values):
    pictures = []
    for value in values:
        code = z.copy()
        code[latent] = value
        pictures.append(decode(code[None]))
    return np.array(pictures)


@wrong("8.2", "the first is number 0")
def counted_from_one(decode, z, latent, values):
    codes = np.tile(z, (len(values), 1))
    codes[:, latent - 1] = values
    return decode(codes)


@right("8.2")
def one_by_one(decode, z, latent, values):
    return [list(decode(np.array([*z[:latent], v, *z[latent + 1 :]])[None])[0]) for v in values]


@right("8.2")
def with_a_mask(decode, z, latent, values):
    moving = np.arange(len(z)) == latent
    return decode(np.where(moving, np.asarray(values)[:, None], z))


def filled(eigenvalues, water):
    alive = eigenvalues > water
    error = np.where(alive, water, eigenvalues).sum()
    return (
        error,
        0.5 * np.log(eigenvalues[alive] / water).sum(),
        np.where(alive, water / eigenvalues, 1),
    )


@wrong("8.3", "here it is beta alone")
def level_of_beta(eigenvalues, beta, variance):
    return filled(eigenvalues, beta)


@wrong("8.3", "here it is sigma^2 alone")
def level_of_the_noise(eigenvalues, beta, variance):
    return filled(eigenvalues, variance)


@wrong("8.3", "the living directions are missing")
def only_the_drowned(eigenvalues, beta, variance):
    error, rate, s2 = filled(eigenvalues, beta * variance)
    return eigenvalues[eigenvalues <= beta * variance].sum(), rate, s2


@wrong("8.3", "negative rate")
def not_clipped(eigenvalues, beta, variance):
    error, _, s2 = filled(eigenvalues, beta * variance)
    return error, 0.5 * np.log(eigenvalues / (beta * variance)).sum(), s2


@wrong("8.3", "it is in bits")
def in_bits(eigenvalues, beta, variance):
    error, rate, s2 = filled(eigenvalues, beta * variance)
    return error, rate / np.log(2), s2


@wrong("8.3", "and not more")
def wider_than_the_prior(eigenvalues, beta, variance):
    error, rate, s2 = filled(eigenvalues, beta * variance)
    return error, rate, beta * variance / eigenvalues


@right("8.3")
def direction_by_direction(eigenvalues, beta, variance):
    parts = [filled(np.array([height]), beta * variance) for height in eigenvalues]
    return sum(p[0] for p in parts), sum(p[1] for p in parts), [float(p[2][0]) for p in parts]


@wrong("8.4", "each datum's rate is compared with C by itself")
def datum_by_datum(kl, capacity, gamma):
    rates = kl.sum(axis=1)
    slope = gamma * np.sign(rates - capacity) / len(kl)
    return gamma * np.mean(np.abs(rates - capacity)), np.tile(slope[:, None], (1, kl.shape[1]))


@wrong("8.4", "each latent's rate is compared with C")
def latent_by_latent(kl, capacity, gamma):
    rates = kl.mean(axis=0)
    slope = np.tile(gamma * np.sign(rates - capacity) / len(kl), (len(kl), 1))
    return gamma * np.abs(rates - capacity).sum(), slope


@wrong("8.4", "a nat more makes the cost smaller")
def always_shrinking(kl, capacity, gamma):
    cost = gamma * abs(kl.sum() / len(kl) - capacity)
    return cost, np.full(kl.shape, gamma / len(kl))


@wrong("8.4", "paid for instead of fined")
def without_absolute_value(kl, capacity, gamma):
    return gamma * (kl.sum() / len(kl) - capacity), np.full(kl.shape, gamma / len(kl))


@wrong("8.4", "the 1/N is missing")
def slope_of_the_rate(kl, capacity, gamma):
    over = kl.sum(axis=1).mean() - capacity
    return gamma * abs(over), gamma * np.sign(over) * np.ones(kl.shape)


@wrong("8.4", "mean over the latents too")
def mean_of_all(kl, capacity, gamma):
    over = kl.mean() - capacity
    return gamma * abs(over), np.full(kl.shape, gamma * np.sign(over) / kl.size)


@right("8.4")
def by_cases(kl, capacity, gamma):
    rate = 0.0
    for row in kl.tolist():
        rate += sum(row) / len(kl)
    beta = gamma if rate > capacity else -gamma
    return beta * rate - beta * capacity, [[beta / len(kl)] * kl.shape[1] for _ in kl]


def scores_of(table, n_others):
    squares = table**2
    most = squares.max(axis=1)
    return 1 - (squares.sum(axis=1) - most) / (np.where(most > 0, most, 1) * n_others)


@wrong("8.5", "the factors were asked")
def along_the_columns(table):
    table = table.T
    known = table.max(axis=1) > 0
    return np.mean(np.where(known, scores_of(table, table.shape[1] - 1), 0))


@wrong("8.5", "NaN: a latent that knows nothing")
def divides_by_zero(table):
    squares = table**2
    most = squares.max(axis=1)
    rest = (squares.sum(axis=1) - most) / (most * (table.shape[1] - 1))
    return np.mean(1 - rest)


@wrong("8.5", "counts as 1")
def dead_is_perfect(table):
    return np.mean(scores_of(table, table.shape[1] - 1))


@wrong("8.5", "is not squared")
def not_squared(table):
    return np.mean(scores_of(np.sqrt(table), table.shape[1] - 1))


@wrong("8.5", "there are F - 1 others")
def divided_by_all(table):
    return np.mean(scores_of(table, table.shape[1]))


@wrong("8.5", "count factors, not latents")
def latents_counted(table):
    return np.mean(scores_of(table, table.shape[0] - 1))


@right("8.5")
def latent_by_latent_score(table):
    total = 0.0
    for row in table:
        best = int(np.argmax(row))
        if row[best] > 0:
            others = [value / row[best] for f, value in enumerate(row) if f != best]
            total += 1 - sum(o * o for o in others) / len(others)
    return total / len(table)


def disorder_of(table):
    p = table / table.sum(axis=1, keepdims=True)
    return -np.sum(p * np.log(np.maximum(p, 1e-300)), axis=1)


@wrong("8.6", "0 ln 0 is 0")
def bare_logarithm(importances):
    p = importances / importances.sum(axis=1, keepdims=True)
    entropy = -np.sum(p * np.log(p), axis=1) / np.log(importances.shape[1])
    return np.average(1 - entropy, weights=importances.sum(axis=1))


@wrong("8.6", "this is completeness")
def completeness(importances):
    table = importances.T
    each = 1 - disorder_of(table) / np.log(table.shape[1])
    return np.average(each, weights=table.sum(axis=1))


@wrong("8.6", "not in units of its largest value")
def in_nats_of_disorder(importances):
    return np.average(1 - disorder_of(importances), weights=importances.sum(axis=1))


@wrong("8.6", "each latent counts alike")
def without_weights(importances):
    return np.mean(1 - disorder_of(importances) / np.log(importances.shape[1]))


@wrong("8.6", "F equal shares")
def in_units_of_latents(importances):
    each = 1 - disorder_of(importances) / np.log(importances.shape[0])
    return np.average(each, weights=importances.sum(axis=1))


@right("8.6")
def row_by_row(importances):
    score = 0.0
    for row in importances.tolist():
        for value in row:
            if value > 0:  # p ln p, with the row's weight in it
                score += value * np.log(value / sum(row)) / np.log(len(row))
    return 1 + score / importances.sum()


def information(codes, factors):
    """A table of mutual informations by counting pairs, and the entropies."""
    N, table = len(codes), np.zeros((codes.shape[1], factors.shape[1]))
    for k, code in enumerate(codes.T):
        edges = np.linspace(code.min(), code.max(), 21)[1:-1]
        bins = np.digitize(code, edges).tolist()
        for f, factor in enumerate(factors.T):
            values = factor.tolist()
            b, v, both = Counter(bins), Counter(values), Counter(zip(bins, values, strict=True))
            table[k, f] = sum(n / N * np.log(n * N / b[i] / v[j]) for (i, j), n in both.items())
    counts = [np.unique(factor, return_counts=True)[1] / N for factor in factors.T]
    return table, np.array([-np.sum(p * np.log(p)) for p in counts])


@wrong("8.7", "the best latent and the worst")
def best_and_worst(codes, factors):
    table, H = information(codes, factors)
    return np.mean(np.ptp(table, axis=0) / H)


@wrong("8.7", "equally frequent")
def log_of_the_number(codes, factors):
    ranked = np.sort(information(codes, factors)[0], axis=0)
    return np.mean((ranked[-1] - ranked[-2]) / np.log(factors.max(axis=0) + 1))


@wrong("8.7", "20 equally full bins")
def log_of_the_bins(codes, factors):
    ranked = np.sort(information(codes, factors)[0], axis=0)
    return np.mean((ranked[-1] - ranked[-2]) / np.log(20))


@wrong("8.7", "two factors of one latent")
def along_the_rows(codes, factors):
    ranked = np.sort(information(codes, factors)[0], axis=1)
    return np.mean(ranked[:, -1] - ranked[:, -2])


@wrong("8.7", "not divided by the entropy")
def in_nats(codes, factors):
    ranked = np.sort(information(codes, factors)[0], axis=0)
    return np.mean(ranked[-1] - ranked[-2])


@wrong("8.7", "no gap is taken")
def best_alone(codes, factors):
    table, H = information(codes, factors)
    return np.mean(table.max(axis=0) / H)


@right("8.7")
def with_counters(codes, factors):
    table, H = information(codes, factors)
    gaps = []
    for column, entropy in zip(table.T, H, strict=True):
        best = np.argmax(column)
        gaps.append((column[best] - np.delete(column, best).max()) / entropy)
    return sum(gaps) / len(gaps)


def linear_twin(encode, decode, M, undo):
    """A twin whose code is z M, with M for the first two latents."""

    def by(z, M):
        z = np.array(z)
        z[:, :2] = z[:, :2] @ M
        return z

    return (lambda x: by(encode(x), M)), (lambda z: decode(by(z, undo)))


HALF = np.sqrt(0.5)
TURN = np.array([[HALF, HALF], [-HALF, HALF]])


@wrong("8.8", "has to undo it first")
def turned_twice(encode, decode):
    return linear_twin(encode, decode, TURN, TURN)


@wrong("8.8", "has to undo first")
def decoder_as_it_was(encode, decode):
    return linear_twin(encode, decode, TURN, np.eye(2))


@wrong("8.8", "draws other pictures")
def sheared(encode, decode):
    M = np.array([[1.0, 1.0], [0.0, 1.0]])
    return linear_twin(encode, decode, M, np.linalg.inv(M))


@wrong("8.8", "renamed or mirrored")
def quarter_turn(encode, decode):
    M = np.array([[0.0, 1.0], [-1.0, 0.0]])
    return linear_twin(encode, decode, M, M.T)


@wrong("8.8", "renamed or mirrored")
def the_model_itself(encode, decode):
    return encode, decode


@right("8.8")
def mirrored_askew(encode, decode):
    M = np.array([[HALF, HALF], [HALF, -HALF]])  # its own inverse
    return linear_twin(encode, decode, M, M)


@right("8.8")
def all_mixed(encode, decode):
    def Q(K):
        return np.linalg.qr(np.vander(np.arange(1.0, K + 1)))[0]

    return (lambda x: encode(x) @ Q(x.shape[1] - 1)), (lambda z: decode(z @ Q(z.shape[1]).T))


@wrong("8.9", "everything is for sale at once")
def constant(step, n_steps, highest, target):
    return target


@wrong("8.9", "it rises")
def warm_up(step, n_steps, highest, target):
    return target + (highest - target) * step / n_steps


@wrong("8.9", "it never comes down")
def whole_numbers(step, n_steps, highest, target):
    return highest + (target - highest) * (step // n_steps)


@wrong("8.9", "too quick")
def one_drop(step, n_steps, highest, target):
    return highest if step < n_steps / 2 else target


@wrong("8.9", "too late")
def parabola_to_the_end(step, n_steps, highest, target):
    return target + (highest - target) * (1 - (step / (n_steps - 1)) ** 2)


@wrong("8.9", "does not use target")
def line_through_zero(step, n_steps, highest, target):
    return max(0.0, highest * (1 - step / (0.8 * n_steps)))


@wrong("8.9", "does not use n_steps")
def steps_of_another_training(step, n_steps, highest, target):
    return highest * (target / highest) ** min(1, step / 1000)


@right("8.9")
def half_a_cosine(step, n_steps, highest, target):
    share = min(1, step / (0.8 * n_steps))
    return target + (highest - target) * (1 + np.cos(np.pi * share)) / 2


@right("8.9")
def a_line(step, n_steps, highest, target):
    return np.interp(step, [0, 0.75 * n_steps], [highest, target])
