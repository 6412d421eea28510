"""The checks of chapter 8 on the scores of disentanglement."""

import itertools

import numpy as np

from vae_numpy.exercises.cases import numbers, sizes
from vae_numpy.exercises.catalogue import exercise


def with_dead_rows(rng, table):
    """Return a table with a row or two of zeros more."""
    dead = np.zeros((int(rng.integers(1, 3)), table.shape[1]))
    return rng.permutation(np.vstack([table, dead]))


@exercise(
    "8.5",
    trains="what a score asks, and of whom",
    difficulty="medium",
    minutes=15,
    hints=[
        "A row of the table belongs to a latent: maximum and sum go along `axis=1`.",
        "All is squared before it is compared.",
        "A latent that knows nothing gives 0 / 0. It scores 0, and is counted in the mean.",
    ],
    compare="8/9 if one of three latents knows two of four factors, 2/3 if one of three is dead",
)
def modularity(answer):
    def right(information):
        total = 0.0
        for row in information.tolist():
            best = row.index(max(row))
            others = [value for f, value in enumerate(row) if f != best]
            if row[best] > 0:
                total += 1 - sum((o / row[best]) ** 2 for o in others) / len(others)
        return total / len(information)

    def draw(rng):
        K, F = sizes(rng, 2, 3, 8)
        return (numbers(rng, K, F, low=0.01, high=2),)

    def draw_dead(rng):
        return (with_dead_rows(rng, *draw(rng)),)

    def each(table, power=2, n_others=None):
        table = table**power
        most, total = table.max(axis=1), table.sum(axis=1)
        return 1 - (total - most) / (most * (n_others or table.shape[1] - 1))

    def square_of_sum(table):
        most = table.max(axis=1) ** 2
        return np.mean(1 - (table.sum(axis=1) ** 2 - most) / (most * (table.shape[1] - 1)))

    mistakes = {
        "the factors were asked, not the latents: maximum and sum go along each row": [
            lambda table: each(table.T).mean(),
            lambda table: each(table.T, n_others=table.shape[1] - 1).mean(),
        ],
        "the information is not squared": lambda table: each(table, power=1).mean(),
        "the square of the sum is taken; wanted the sum of the squares": square_of_sum,
        "the sum of the others is divided by F; there are F - 1 others": (
            lambda table: each(table, n_others=table.shape[1]).mean()
        ),
        "the sum of the others is not divided by how many they are, F - 1": (
            lambda table: each(table, n_others=1).mean()
        ),
        "it is divided by K - 1: count factors, not latents": (
            lambda table: each(table, n_others=len(table) - 1).mean()
        ),
        "this is what is wrong with the code; the score is 1 minus it": (
            lambda table: 1 - each(table).mean()
        ),
        "it is a sum over the latents; wanted their mean": lambda table: each(table).sum(),
    }
    # Latents that know one factor each; a third that knows two alike; 1 - 1/3 for that one.
    mixed = np.array([[2.0, 0, 0, 0], [0, 1.5, 0, 0], [0, 0, 0.7, 0.7]])
    answer.agrees(right, draw, mistakes=mistakes)
    answer.gives(8 / 9, mixed)

    def known(table):
        return each(table[table.max(axis=1) > 0])

    def all_nan(table):
        return np.nan

    mistakes = {
        "a latent that knows nothing is left out; it scores 0 and is counted": (
            lambda table: known(table).mean()
        ),
        "a latent that knows nothing counts as 1; it scores 0": (
            lambda table: (known(table).sum() + np.sum(table.max(axis=1) == 0)) / len(table)
        ),
        "NaN: a latent that knows nothing gives 0 / 0; it scores 0": all_nan,
    }
    with np.errstate(all="ignore"):
        answer.agrees(right, draw_dead, mistakes=mistakes)
        answer.gives(0.0, np.zeros((2, 3)))


@exercise(
    "8.6",
    trains="entropy as a measure of disorder, and weights in a mean",
    difficulty="medium",
    minutes=15,
    hints=[
        "Divide each row by its sum: what is left are shares p of one latent's importance.",
        "Their entropy, -sum p ln p, is largest for F equal shares: ln F. Divide by that.",
        "0 ln 0 is 0, but NumPy says NaN: leave out shares of 0, and latents of no importance.",
    ],
    compare="1 - ln 2 / ln 10 = 0.69897 where each latent holds two factors of ten",
)
def disentanglement(answer):
    def right(importances):
        score = 0.0
        for row in importances.tolist():
            for value in row:
                if value > 0:  # p ln p, with the row's weight in it
                    score += value * np.log(value / sum(row)) / np.log(len(row))
        return 1 + score / importances.sum()

    def draw(rng):
        K, F = sizes(rng, 2, 3, 8)
        return (numbers(rng, K, F, low=0.01, high=2),)

    def draw_zeros(rng):
        (table,) = draw(rng)
        zero = rng.random(table.shape) < 0.4
        zero[0, :2], zero[range(len(table)), rng.integers(2, table.shape[1], len(table))] = 1, 0
        return (np.where(zero, 0, table),)

    def draw_dead(rng):
        return (with_dead_rows(rng, *draw(rng)),)

    def each(table, unit=None):
        """One minus the entropy of each row, in units of ln F or of another number."""
        p = table / table.sum(axis=1, keepdims=True)
        disorder = -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1)
        return 1 - disorder / (np.log(table.shape[1]) if unit is None else unit(p))

    def score(table, unit=None):
        table = table[table.sum(axis=1) > 0]
        return np.average(each(table, unit), weights=table.sum(axis=1))

    def unweighted(table):
        return each(table[table.sum(axis=1) > 0])

    mistakes = {
        "this is completeness: the factors were asked, each row belongs to a latent": (
            lambda table: score(table.T)
        ),
        "the entropy is not in units of its largest value, ln F": (
            lambda table: score(table, lambda p: 1.0)
        ),
        "the entropy is in bits and not in units of its largest value, ln F": (
            lambda table: score(table, lambda p: np.log(2))
        ),
        "the entropy is in bits, and its largest value ln F in nats": (
            lambda table: score(table, lambda p: np.log(2) * np.log(p.shape[1]))
        ),
        "the entropy is divided by ln K; its largest value is that of F equal shares": (
            lambda table: score(table, lambda p: np.log(len(p)))
        ),
        "the entropy is divided by F; its largest value is ln F": (
            lambda table: score(table, lambda p: p.shape[1])
        ),
        "each latent counts alike; it counts by its share of the importance": (
            lambda table: unweighted(table).mean()
        ),
        "this is the disorder; the score is 1 minus it": lambda table: 1 - score(table),
        "the latents' scores are added with their weights; divide by the sum of the weights": (
            lambda table: score(table) * table.sum()
        ),
    }
    answer.agrees(right, draw, mistakes=mistakes)

    def units_of_those_left(p):
        return np.log(np.maximum((p > 0).sum(axis=1), 2))

    mistakes = {
        "NaN: 0 ln 0 is 0, but not to NumPy": lambda table: np.nan,
        "the entropy is divided by the logarithm of how many shares are above 0; F counts all": (
            lambda table: score(table, units_of_those_left)
        ),
    }
    with np.errstate(all="ignore"):
        answer.agrees(right, draw_zeros, mistakes=mistakes)
        answer.gives(1 - np.log(2) / np.log(10), np.kron(np.eye(5), [0.5, 0.5]))
        answer.gives(1.0, np.vstack([np.eye(10), np.eye(10)]))
        mistakes = {
            "NaN: a latent of no importance has no shares, 0 / 0; it counts with the weight 0": (
                lambda table: np.nan
            ),
        }
        answer.agrees(right, draw_dead, mistakes=mistakes)


def naive_mig(codes, factors, n_bins=20):
    """Return mutual informations (K, F), counted pair by pair, and the factors' entropies (F,)."""
    N, K = codes.shape
    table, entropies = np.zeros((K, factors.shape[1])), []
    for f in range(factors.shape[1]):
        column = factors[:, f].tolist()
        shares = {v: column.count(v) / N for v in set(column)}
        entropies.append(-sum(p * np.log(p) for p in shares.values()))
        for k in range(K):
            low, high = codes[:, k].min(), codes[:, k].max()
            bins = [min(int((c - low) / (high - low) * n_bins), n_bins - 1) for c in codes[:, k]]
            pairs = list(zip(bins, column, strict=True))
            for b, v in set(pairs):
                p = pairs.count((b, v)) / N
                table[k, f] += p * np.log(p / (bins.count(b) / N * shares[v]))
    return table, np.array(entropies)


def grid_of_factors(*counts):
    """Return all rows of factors with so many values, and those of the first value four times."""
    rows = np.array(list(itertools.product(*map(range, counts))))
    return np.vstack([rows, *3 * [rows[rows[:, 0] == 0]]])


@exercise(
    "8.7",
    trains="finding the bug in a score, with codes whose score is known",
    difficulty="medium",
    minutes=15,
    hints=[
        "Try codes with known answers: the factors themselves, and every factor twice. Which of "
        "the two has the wrong score?",
        "With two latents the score is right. What differs with three?",
        "The gap is between the best and the second best.",
    ],
    compare="every factor twice has to get 0",
)
def mig(answer):
    def right(codes, factors):
        table, H = naive_mig(codes, factors)
        gaps = []
        for known, entropy in zip(table.T.tolist(), H, strict=True):
            best = known.pop(known.index(max(known)))
            gaps.append((best - max(known)) / entropy)
        return sum(gaps) / len(gaps)

    def draw(rng):
        F = int(rng.integers(2, 4))
        counts = sizes(rng, F, 5 - F, 8 - F)  # at least 20 rows in all, one for each bin
        factors = grid_of_factors(*counts)
        K = int(rng.integers(4, 7))
        mixing = np.eye(len(counts), K) + rng.normal(scale=0.5, size=(len(counts), K))
        return factors @ mixing + rng.normal(scale=0.2, size=(len(factors), K)), factors

    def made(value):
        """A mistake in terms of the sorted informations (K, F), entropies, and the counts."""

        def maker(codes, factors):
            table, H = naive_mig(codes, factors)
            return value(np.sort(table, axis=0)[::-1], H, factors.max(axis=0) + 1)

        return maker

    def along_rows(codes, factors):
        by_latent = np.sort(naive_mig(codes, factors)[0], axis=1)
        return np.mean(by_latent[:, -1] - by_latent[:, -2])

    mistakes = {
        "the gap is taken between the best latent and the worst; between them may stand one "
        "that is as good as the best": made(
            lambda known, H, n: np.mean((known[0] - known[-1]) / H)
        ),
        "the gap is taken between the second and the third": made(
            lambda known, H, n: np.mean((known[1] - known[2]) / H)
        ),
        "the gap is taken between the two worst latents: sorted, they rise": made(
            lambda known, H, n: np.mean((known[-2] - known[-1]) / H)
        ),
        "the gap is taken to the mean of all other latents; wanted to the second best": made(
            lambda known, H, n: np.mean((known[0] - known[1:].mean(axis=0)) / H)
        ),
        "no gap is taken: this is what the best latent knows": made(
            lambda known, H, n: np.mean(known[0] / H)
        ),
        "the gap is a share of what the best latent knows; wanted one of the factor's entropy": (
            made(lambda known, H, n: np.mean((known[0] - known[1]) / known[0]))
        ),
        "the entropy is that of a factor whose values are all equally frequent, log of their "
        "number": made(lambda known, H, n: np.mean((known[0] - known[1]) / np.log(n))),
        "the entropy is that of 20 equally full bins; the share is one of what there is to "
        "know of the factor": made(lambda known, H, n: np.mean(known[0] - known[1]) / np.log(20)),
        "it is not divided by the entropy": made(lambda known, H, n: np.mean(known[0] - known[1])),
        "the entropy is in bits and the gap in nats": made(
            lambda known, H, n: np.mean((known[0] - known[1]) / H) * np.log(2)
        ),
        "the mean gap is divided by the mean entropy; divide first, as each factor counts alike": (
            made(lambda known, H, n: np.mean(known[0] - known[1]) / np.mean(H))
        ),
        "the gap is between two factors of one latent; wanted two latents of one factor": (
            along_rows
        ),
    }
    answer.agrees(right, draw, mistakes=mistakes, atol=1e-6)
    factors = grid_of_factors(4, 3, 2)
    x = factors.astype(float)
    answer.gives(0.0, np.hstack([x, x]), factors, atol=1e-6)
    answer.gives(1.0, x, factors, atol=1e-6)
    two = x @ np.array([[0.8, 0.61], [-0.63, 0.8], [0.2, -0.3]])
    answer.gives(right(two, factors), two, factors, atol=1e-6)
