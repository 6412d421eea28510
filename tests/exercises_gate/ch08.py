"""Wrong answers to chapter 8's exercises, written from their statements."""

import numpy as np

from tests.exercises_gate.register import judged_otherwise, mistake
from vae_numpy import metrics

judged_otherwise(
    "8.8", "any turn will do: its codes and pictures are judged by what is asked of them"
)
judged_otherwise(
    "8.9", "there are many schedules: a price is judged by where it begins, falls and ends"
)


@mistake("8.1", "the side is not squared", told="side of the picture is taken for D")
def side_for_area(beta, n_latents, image_size, n_channels=1):
    return beta * n_latents / (image_size * n_channels)


@mistake("8.1", "the channels are forgotten", told="each pixel has n_channels numbers")
def channels_forgotten(beta, n_latents, image_size, n_channels=1):
    return beta * n_latents / image_size**2


@mistake("8.1", "the fraction is upside down", told="in each other's place")
def upside_down(beta, n_latents, image_size, n_channels=1):
    return beta * n_channels * image_size**2 / n_latents


@mistake("8.1", "K is forgotten", told="K is missing")
def latents_forgotten(beta, n_latents, image_size, n_channels=1):
    return beta / (n_channels * image_size**2)


@mistake("8.1", "K // D is an integer division, and 0", told="K // D is a whole number")
def integer_division(beta, n_latents, image_size, n_channels=1):
    n_features = image_size * image_size * n_channels
    return beta * (n_latents // n_features)


@mistake("8.1", "the channels are squared with the side", told="squared with the side")
def channels_squared(beta, n_latents, image_size, n_channels=1):
    return beta * n_latents / (n_channels * image_size) ** 2


@mistake("8.1", "rounded to three decimals", told="it is rounded")
def rounded(beta, n_latents, image_size, n_channels=1):
    return round(beta * n_latents / (n_channels * image_size**2), 3)


@mistake("8.2", "the caller's code is changed", told="z is changed in place")
def moves_the_code(decode, z, latent, values):
    pictures = []
    for value in values:
        z[latent] = value
        pictures.append(decode(z[None])[0])
    return np.array(pictures)


@mistake(
    "8.2",
    "one array is appended n times: all rows show the last value",
    told="one array is used n times",
)
def one_array_n_times(decode, z, latent, values):
    code = z.copy()
    codes = []
    for value in values:
        code[latent] = value
        codes.append(code)
    return decode(np.array(codes))


@mistake("8.2", "the values are added to the latent's own", told="added to the latent")
def values_added(decode, z, latent, values):
    codes = np.tile(z, (len(values), 1))
    codes[:, latent] += values
    return decode(codes)


@mistake("8.2", "the other latents are 0, not those of z", told="set to 0")
def others_at_zero(decode, z, latent, values):
    codes = np.zeros((len(values), len(z)))
    codes[:, latent] = values
    return decode(codes)


@mistake("8.2", "the latents are counted from 1", told="the first is number 0")
def counted_from_one(decode, z, latent, values):
    codes = np.repeat(z[None, :], len(values), axis=0)
    codes[:, latent - 1] = values
    return decode(codes)


@mistake("8.2", "equal steps from the first value to the last, not the values", told="equal steps")
def equal_steps(decode, z, latent, values):
    codes = np.tile(z, (len(values), 1))
    codes[:, latent] = np.linspace(values[0], values[-1], len(values))
    return decode(codes)


@mistake("8.2", "the pictures have shape (n, 1, D)", told="a batch of its own")
def one_axis_too_many(decode, z, latent, values):
    pictures = []
    for value in values:
        code = z.copy()
        code[latent] = value
        pictures.append(decode(code.reshape(1, -1)))
    return np.array(pictures)


@mistake("8.3", "D = D2 / 2 sigma^2 in the place of the squared error", told="over 2 sigma^2")
def distortion_for_squared_error(eigenvalues, beta, variance):
    w = beta * variance
    squared_error = np.sum(np.minimum(eigenvalues, w)) / (2 * variance)
    rate = 0.5 * np.sum(np.log(np.maximum(eigenvalues / w, 1)))
    return squared_error, rate, np.minimum(w / eigenvalues, 1)


@mistake("8.3", "beta is forgotten in s^2", told="beta is forgotten")
def beta_forgotten_in_widths(eigenvalues, beta, variance):
    w = beta * variance
    alive = eigenvalues > w
    squared_error = np.where(alive, w, eigenvalues).sum()
    rate = 0.5 * np.log(eigenvalues[alive] / w).sum()
    s2 = np.where(alive, variance / eigenvalues, 1.0)
    return squared_error, rate, s2


@mistake(
    "8.3",
    "drowned latents are treated as living ones: s^2 > 1, negative nats",
    told="negative rate",
)
def drowned_counted(eigenvalues, beta, variance):
    w = beta * variance
    squared_error = np.minimum(eigenvalues, w).sum()
    rate = np.sum(0.5 * np.log(eigenvalues / w))
    return squared_error, rate, w / eigenvalues


@mistake("8.3", "the clouds of dead latents have variance 0", told="with 0 it would be certain")
def dead_without_width(eigenvalues, beta, variance):
    w = beta * variance
    alive = eigenvalues > w
    s2 = np.zeros(len(eigenvalues))
    s2[alive] = w / eigenvalues[alive]
    return np.minimum(eigenvalues, w).sum(), -0.5 * np.log(s2[alive]).sum(), s2


@mistake(
    "8.3", "the error of the drowned directions is forgotten", told="drowned directions are missing"
)
def drowned_error_forgotten(eigenvalues, beta, variance):
    w = beta * variance
    alive = eigenvalues > w
    rate = 0.5 * np.sum(np.log(eigenvalues[alive] / w))
    return w * alive.sum(), rate, np.where(alive, w / eigenvalues, 1)


@mistake("8.3", "the 1/2 is missing in the rate", told="the 1/2 is missing")
def rate_without_half(eigenvalues, beta, variance):
    w = beta * variance
    s2 = np.minimum(1, w / eigenvalues)
    return np.minimum(eigenvalues, w).sum(), -np.log(s2).sum(), s2


@mistake(
    "8.3",
    "s^2 is in the order of the sorted eigenvalues, not in theirs",
    told="order of the sorted eigenvalues",
)
def sorted_widths(eigenvalues, beta, variance):
    lam = np.sort(eigenvalues)[::-1]
    w = beta * variance
    rate = sum(0.5 * np.log(value / w) for value in lam if value > w)
    return np.minimum(lam, w).sum(), rate, np.minimum(1, w / lam)


@mistake(
    "8.4",
    "the absolute value is around each datum's rate",
    told="each datum's rate is compared with C by itself",
)
def every_datum_alike(kl, capacity, gamma):
    rate = kl.sum(axis=1)
    cost = gamma * np.mean(np.abs(rate - capacity))
    dkl = gamma * np.sign(rate - capacity)[:, None] / len(kl) * np.ones(kl.shape)
    return cost, dkl


@mistake("8.4", "the gradient is not divided by N", told="the 1/N is missing")
def slope_without_mean(kl, capacity, gamma):
    rate = kl.sum(axis=1).mean()
    return gamma * abs(rate - capacity), gamma * np.sign(rate - capacity) * np.ones_like(kl)


@mistake(
    "8.4",
    "the gradient has no sign: + gamma below the capacity too",
    told="below C the slope is -gamma",
)
def slope_always_up(kl, capacity, gamma):
    rate = kl.sum(axis=1).mean()
    return gamma * abs(rate - capacity), np.full(kl.shape, gamma / len(kl))


@mistake("8.4", "the rate is a mean over latents too", told="mean over the latents too")
def rate_is_a_mean(kl, capacity, gamma):
    rate = kl.mean()
    slope = gamma * np.sign(rate - capacity) / kl.size
    return gamma * abs(rate - capacity), np.full(kl.shape, slope)


@mistake("8.4", "the gradient is one number, not an (N, K) array", told="one number")
def slope_as_one_number(kl, capacity, gamma):
    rate = kl.sum() / len(kl)
    return gamma * abs(rate - capacity), gamma * np.sign(rate - capacity) / len(kl)


@mistake("8.4", "a square in the place of the absolute value", told="it is squared")
def squared_penalty(kl, capacity, gamma):
    off = kl.sum() / len(kl) - capacity
    return gamma * off**2, np.full(kl.shape, 2 * gamma * off / len(kl))


@mistake("8.4", "a rate below the capacity costs nothing", told="costs nothing")
def only_above(kl, capacity, gamma):
    off = kl.sum(axis=1).mean() - capacity
    if off < 0:
        return 0.0, np.zeros(kl.shape)
    return gamma * off, np.full(kl.shape, gamma / len(kl))


@mistake(
    "8.5", "the square of the sum in the place of the sum of squares", told="square of the sum"
)
def square_of_the_sum(information):
    most = information.max(axis=1) ** 2
    total = information.sum(axis=1) ** 2
    alive = most > 0
    scores = np.zeros(len(information))
    n_others = information.shape[1] - 1
    scores[alive] = 1 - (total[alive] - most[alive]) / (most[alive] * n_others)
    return scores.mean()


@mistake("8.5", "latents that know nothing are left out of the mean", told="left out")
def dead_left_out(information):
    squares = information[information.max(axis=1) > 0] ** 2
    most = squares.max(axis=1)
    others = squares.sum(axis=1) - most
    return np.mean(1 - others / (most * (information.shape[1] - 1)))


@mistake("8.5", "latents that know nothing score 1", told="counts as 1")
def dead_score_one(information):
    squares = information**2
    most = squares.max(axis=1)
    others = squares.sum(axis=1) - most
    n_others = information.shape[1] - 1
    return np.mean(1 - others / (np.where(most > 0, most, 1) * n_others))


@mistake(
    "8.5",
    "the scores are of the factors, not of the latents: axis 0",
    told="the factors were asked",
)
def columns_for_rows(information):
    squares = information**2
    most = squares.max(axis=0)
    others = squares.sum(axis=0) - most
    scores = np.zeros(len(most))
    known = most > 0
    scores[known] = 1 - others[known] / (most[known] * (len(most) - 1))
    return scores.mean()


@mistake("8.5", "not divided by F - 1", told="is not divided by how many")
def others_summed(information):
    scores = []
    for row in information**2:
        most = row.max()
        scores.append(1 - (row.sum() - most) / most if most > 0 else 0.0)
    return np.mean(scores)


@mistake("8.5", "divided by F, not by F - 1", told="divided by F;")
def divided_by_all_factors(information):
    n_factors = information.shape[1]
    scores = []
    for row in information**2:
        most = row.max()
        scores.append(1 - (row.sum() - most) / (most * n_factors) if most > 0 else 0.0)
    return np.mean(scores)


@mistake("8.5", "the information is not squared", told="not squared")
def not_squared(information):
    scores = []
    for row in information:
        most = row.max()
        if most == 0:
            scores.append(0.0)
        else:
            scores.append(1 - (row.sum() - most) / (most * (len(row) - 1)))
    return np.mean(scores)


@mistake("8.6", "log2 over ln F", told="in bits, and its largest value ln F in nats")
def bits_over_nats(importances):
    weights = importances.sum(axis=1)
    counted = weights > 0
    p = importances[counted] / weights[counted, None]
    entropy = -np.sum(p * np.log2(np.where(p > 0, p, 1)), axis=1)
    return np.average(1 - entropy / np.log(importances.shape[1]), weights=weights[counted])


@mistake("8.6", "the mean is not weighted by importance", told="each latent counts alike")
def all_latents_count_alike(importances):
    weights = importances.sum(axis=1)
    p = importances[weights > 0] / weights[weights > 0, None]
    entropy = -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1)
    return np.mean(1 - entropy / np.log(importances.shape[1]))


@mistake(
    "8.6", "the columns in the place of the rows: that is completeness", told="this is completeness"
)
def completeness(importances):
    weights = importances.sum(axis=0)
    counted = weights > 0
    p = importances[:, counted] / weights[counted]
    entropy = -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=0)
    return np.average(1 - entropy / np.log(len(importances)), weights=weights[counted])


@mistake("8.6", "in units of ln K, not ln F", told="divided by ln K")
def units_of_latents(importances):
    weights = importances.sum(axis=1)
    counted = weights > 0
    p = importances[counted] / weights[counted, None]
    entropy = -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1)
    return np.average(1 - entropy / np.log(len(importances)), weights=weights[counted])


@mistake("8.6", "0 ln 0 is NaN", told="0 ln 0 is 0")
def zero_times_infinity(importances):
    weights = importances.sum(axis=1)
    p = importances / weights[:, None]
    entropy = -np.sum(p * np.log(p), axis=1) / np.log(importances.shape[1])
    return np.sum(weights * (1 - entropy)) / np.sum(weights)


@mistake(
    "8.6",
    "in units of the entropy that the shares above 0 could have, not all F",
    told="how many shares are above 0",
)
def units_of_what_is_left(importances):
    scores, weights = [], []
    for row in importances:
        p = row[row > 0] / row.sum() if row.sum() > 0 else row[:0]
        most = np.log(len(p)) if len(p) > 1 else 1.0
        scores.append(1 + np.sum(p * np.log(p)) / most)
        weights.append(row.sum())
    return np.average(scores, weights=weights)


@mistake("8.6", "the entropy is not taken from 1", told="this is the disorder")
def disorder_itself(importances):
    weights = importances.sum(axis=1)
    counted = weights > 0
    p = importances[counted] / weights[counted, None]
    entropy = -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1) / np.log(importances.shape[1])
    return np.average(entropy, weights=weights[counted])


@mistake("8.7", "nothing is mended: best less worst", told="the best latent and the worst")
def still_the_worst(codes, factors):
    known = np.sort(metrics.mutual_information(codes, factors), axis=0)[::-1]
    gaps = known[0] - known[-1]
    scores = []
    for gap, factor in zip(gaps, factors.T, strict=True):
        shares = np.bincount(factor) / len(factor)
        shares = shares[shares > 0]
        scores.append(gap / -np.sum(shares * np.log(shares)))
    return np.mean(scores)


@mistake("8.7", "ln of the number of values in the place of the entropy", told="equally frequent")
def values_counted(codes, factors):
    known = np.sort(metrics.mutual_information(codes, factors), axis=0)[::-1]
    gaps = known[0] - known[1]
    scores = []
    for gap, factor in zip(gaps, factors.T, strict=True):
        scores.append(gap / np.log(len(np.unique(factor))))
    return np.mean(scores)


@mistake("8.7", "the two worst latents in the place of the two best", told="the two worst")
def two_worst(codes, factors):
    known = np.sort(metrics.mutual_information(codes, factors), axis=0)
    gaps = known[1] - known[0]
    scores = []
    for gap, factor in zip(gaps, factors.T, strict=True):
        shares = np.bincount(factor) / len(factor)
        shares = shares[shares > 0]
        scores.append(gap / -np.sum(shares * np.log(shares)))
    return np.mean(scores)


@mistake(
    "8.7",
    "the gap is a share of the best, not of the entropy",
    told="share of what the best latent knows",
)
def share_of_the_best(codes, factors):
    known = np.sort(metrics.mutual_information(codes, factors), axis=0)[::-1]
    return np.mean((known[0] - known[1]) / known[0])


@mistake("8.7", "the mean over factors is taken before the division", told="divide first")
def ratio_of_means(codes, factors):
    known = np.sort(metrics.mutual_information(codes, factors), axis=0)[::-1]
    gaps = known[0] - known[1]
    entropies = []
    for factor in factors.T:
        shares = np.bincount(factor) / len(factor)
        shares = shares[shares > 0]
        entropies.append(-np.sum(shares * np.log(shares)))
    return np.mean(gaps) / np.mean(entropies)


@mistake("8.7", "the entropy is in bits, the gap in nats", told="in bits and the gap in nats")
def nats_over_bits(codes, factors):
    known = np.sort(metrics.mutual_information(codes, factors), axis=0)[::-1]
    gaps = known[0] - known[1]
    scores = []
    for gap, factor in zip(gaps, factors.T, strict=True):
        shares = np.bincount(factor) / len(factor)
        shares = shares[shares > 0]
        scores.append(gap / -np.sum(shares * np.log2(shares)))
    return np.mean(scores)


@mistake(
    "8.7",
    "the gap to the mean of the other latents, not to the second best",
    told="mean of all other latents",
)
def gap_to_the_others(codes, factors):
    known = np.sort(metrics.mutual_information(codes, factors), axis=0)[::-1]
    gaps = known[0] - known[1:].mean(axis=0)
    scores = []
    for gap, factor in zip(gaps, factors.T, strict=True):
        shares = np.bincount(factor) / len(factor)
        shares = shares[shares > 0]
        scores.append(gap / -np.sum(shares * np.log(shares)))
    return np.mean(scores)


@mistake(
    "8.8",
    "turned by 5 degrees only: the first two latents hardly mix",
    told="the latents hardly mix",
)
def hardly_turned(encode, decode):
    angle = np.radians(5)

    def turn(z, angle):
        z = z.copy()
        a, b = z[:, 0].copy(), z[:, 1].copy()
        z[:, 0] = np.cos(angle) * a - np.sin(angle) * b
        z[:, 1] = np.sin(angle) * a + np.cos(angle) * b
        return z

    return lambda x: turn(encode(x), angle), lambda z: decode(turn(z, -angle))


@mistake(
    "8.8",
    "the first two latents are exchanged, which only renames them",
    told="renamed or mirrored",
)
def exchanged(encode, decode):
    def swap(z):
        z = z.copy()
        z[:, [0, 1]] = z[:, [1, 0]]
        return z

    return lambda x: swap(encode(x)), lambda z: decode(swap(z))


@mistake("8.8", "a shear: N(0, I) does not stay what it was", told="do not shear")
def sheared(encode, decode):
    def encode_too(x):
        z = encode(x).copy()
        z[:, 0] += z[:, 1]
        return z

    def decode_too(z):
        z = z.copy()
        z[:, 0] -= z[:, 1]
        return decode(z)

    return encode_too, decode_too


@mistake(
    "8.8",
    "the decoder turns the same way again and not back",
    told="again; it has to undo it first",
)
def turned_twice(encode, decode):
    def turn(z):
        R = np.eye(z.shape[1])
        R[:2, :2] = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
        return z @ R

    return lambda x: turn(encode(x)), lambda z: decode(turn(z))


@mistake(
    "8.8", "sum and difference without 1/sqrt 2: the latents are stretched", told="do not stretch"
)
def sum_and_difference(encode, decode):
    def encode_too(x):
        z = encode(x)
        first, second = z[:, :1] + z[:, 1:2], z[:, :1] - z[:, 1:2]
        return np.hstack([first, second, z[:, 2:]])

    def decode_too(z):
        first, second = (z[:, :1] + z[:, 1:2]) / 2, (z[:, :1] - z[:, 1:2]) / 2
        return decode(np.hstack([first, second, z[:, 2:]]))

    return encode_too, decode_too


@mistake("8.8", "only for K = 2: a 2 x 2 matrix", told="right for a model with 2 latents")
def two_latents_only(encode, decode):
    R = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    return lambda x: encode(x) @ R, lambda z: decode(z @ R.T)


@mistake(
    "8.8",
    "the decoder does not turn back what the encoder turned",
    told="takes the codes as they are",
)
def decoder_left_as_it_is(encode, decode):
    def encode_too(x):
        z = encode(x)
        R = np.eye(z.shape[1])
        R[:2, :2] = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
        return z @ R

    return encode_too, decode


@mistake("8.8", "the last two latents mix, not the first two", told="wanted the first two")
def last_two_mixed(encode, decode):
    def turn(z, back):
        R = np.eye(z.shape[1])
        R[-2:, -2:] = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
        return z @ (R.T if back else R)

    return lambda x: turn(encode(x), False), lambda z: decode(turn(z, True))


@mistake("8.9", "the first step is already below highest", told="does not begin at highest")
def first_step_taken(step, n_steps, highest, target):
    share = min(1, (step + 1) / (0.8 * n_steps))
    return highest * (target / highest) ** share


@mistake("8.9", "at the target with the last step only: too late to follow", told="too late")
def arrives_at_the_end(step, n_steps, highest, target):
    return highest + (target - highest) * step / (n_steps - 1)


@mistake("8.9", "it rises: from target to highest", told="it rises")
def warm_up(step, n_steps, highest, target):
    share = min(1, step / (0.8 * n_steps))
    return target + (highest - target) * share


@mistake("8.9", "32 and 4 are hard-coded", told="does not use highest and target")
def prices_of_the_chapter(step, n_steps, highest, target):
    t = step / n_steps
    return 32 * (4 / 32) ** min(1, t / 0.8)


@mistake(
    "8.9",
    "the whole fall takes a twentieth of the steps, not each halving",
    told="a fall to half takes 1.7%",
)
def all_in_a_twentieth(step, n_steps, highest, target):
    share = min(1, step / (n_steps / 20))
    return highest * (target / highest) ** share


@mistake("8.9", "a staircase: each halving is one step", told="it jumps from 32 to 16")
def staircase(step, n_steps, highest, target):
    return max(target, highest / 2 ** (step // (n_steps // 5)))


@mistake("8.9", "it falls below the target", told="falls below the target")
def below_the_target(step, n_steps, highest, target):
    return highest * (target / highest) ** (step / (0.8 * n_steps))


@mistake("8.9", "it only comes near the target and is never there", told="does not arrive")
def never_there(step, n_steps, highest, target):
    return target + (highest - target) * np.exp(-3 * step / n_steps)
