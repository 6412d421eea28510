"""The checks of chapter 8 on the scores of disentanglement."""

import numpy as np

from vae_numpy import metrics
from vae_numpy.exercises.catalogue import exercise


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
    def scores(table, power=2, fewer=1):
        table = np.asarray(table, float) ** power
        most, total = table.max(axis=1), table.sum(axis=1)
        with np.errstate(all="ignore"):
            return 1 - (total - most) / (most * (table.shape[1] - fewer))

    def dead_ones(table):
        each = scores(table)
        return [np.nanmean(each), np.nansum(np.nan_to_num(each, nan=1.0)) / len(each), np.nan]

    mistakes = {
        "a latent that knows nothing scores 0; here it is left out, counts as 1, or gives NaN": (
            lambda table: dead_ones(table) if np.any(table.sum(axis=1) == 0) else []
        ),
        "the factors were asked, not the latents: maximum and sum go along each row": (
            lambda table: np.nanmean(np.nan_to_num(scores(table.T)))
        ),
        "the information is not squared": lambda table: np.nan_to_num(scores(table, 1)).mean(),
        "the sum of the others is divided by F; there are F - 1 others": (
            lambda table: np.nan_to_num(scores(table, fewer=0)).mean()
        ),
        "the sum of the others is not divided by how many they are, F - 1": (
            lambda table: np.nan_to_num(scores(table, fewer=table.shape[1] - 1)).mean()
        ),
        "it is divided by K - 1: count factors, not latents": (
            lambda table: np.nan_to_num(
                scores(table, fewer=table.shape[1] - table.shape[0] + 1)
            ).mean()
        ),
        "this is what is wrong with the code; the score is 1 minus it": (
            lambda table: 1 - np.nan_to_num(scores(table)).mean()
        ),
    }
    with np.errstate(all="ignore"):
        # Latents that know one factor each; a third that knows two alike; 1 - 1/3 for that one.
        mixed = np.array([[2.0, 0, 0, 0], [0, 1.5, 0, 0], [0, 0, 0.7, 0.7]])
        answer.gives(8 / 9, mixed, mistakes=mistakes)
        uneven = np.array([[2.0, 1.0, 0.0], [0.5, 1.0, 1.0]])  # 1 - 1/8 and 1 - 5/8
        answer.gives(0.625, uneven, mistakes=mistakes)
        dead = np.array([[2.0, 0, 0], [0, 1.5, 0], [0, 0, 0]])
        answer.gives(2 / 3, dead, mistakes=mistakes)


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
    def scores(table, base=None):
        table = np.array([row for row in table if sum(row) > 0])
        p = table / table.sum(axis=1, keepdims=True)
        disorder = [-sum(q * np.log(q) for q in row if q > 0) for row in p]
        return 1 - np.array(disorder) / np.log(base or table.shape[1]), table.sum(axis=1)

    def score(table, base=None):
        each, weights = scores(table, base)
        return np.sum(each * weights) / np.sum(weights)

    mistakes = {
        "NaN: 0 ln 0 is 0, but not to NumPy, and a latent of no importance has no shares": np.nan,
        "this is completeness: the factors were asked, each row belongs to a latent": (
            lambda table: score(table.T)
        ),
        "the entropy is not in units of its largest value, ln F": lambda table: score(table, np.e),
        "the entropy is in bits and not in units of its largest value, ln F": (
            lambda table: score(table, 2)
        ),
        "the entropy is divided by ln K; its largest value is that of F equal shares": (
            lambda table: score(table, len(table))
        ),
        "each latent counts alike; it counts by its share of the importance": (
            lambda table: [scores(table)[0].mean(), scores(table)[0].sum() / len(table)]
        ),
        "this is the disorder; the score is 1 minus it": lambda table: 1 - score(table),
    }
    uneven = np.array([[0.9, 0.05, 0.05], [0.1, 0.1, 0.0], [0.0, 0.3, 0.3], [0.2, 0.2, 0.6]])
    two_each = np.kron(np.eye(5), [0.5, 0.5])  # 5 latents, 10 factors
    with np.errstate(all="ignore"):
        answer.gives(score(uneven), uneven, mistakes=mistakes)
        answer.gives(1 - np.log(2) / np.log(10), two_each, mistakes=mistakes)
        answer.gives(1.0, np.vstack([np.eye(10), np.eye(10)]), mistakes=mistakes)
        dead = np.array([[3.0, 0.0], [0.5, 0.5], [0.0, 0.0]])  # 3/4 of a 1 and 1/4 of a 0
        answer.gives(0.75, dead, mistakes=mistakes)


def naive_mig(codes, factors, n_bins=20):
    """Return the mutual information gap, counted pair by pair, with its parts for mistakes."""
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


def grid_of_factors():
    """Return all rows of three factors with 4, 3 and 2 values, and some of them twice."""
    rows = np.stack(np.meshgrid(np.arange(4), np.arange(3), np.arange(2)), axis=-1).reshape(-1, 3)
    return np.vstack([rows, rows[rows[:, 0] == 0], rows[rows[:, 0] == 0]])  # (36, 3), value 0 often


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
    factors = grid_of_factors()
    x = factors.astype(float)
    turned = x @ np.array([[0.8, 0.6, 0.1], [-0.6, 0.8, 0.3], [0.2, -0.3, 0.9]])
    five = np.hstack([turned, 0.7 * x[:, :1] + 0.4 * x[:, 1:2] ** 2, x[:, 2:]])
    twice = np.hstack([x, x])
    for codes, want in [(turned, None), (five, None), (twice, 0.0), (x, 1.0)]:
        table, H = naive_mig(codes, factors)
        ranked = np.sort(table, axis=0)
        gaps = ranked[-1] - ranked[-2]
        by_latent = np.sort(table, axis=1)
        values = np.array([4.0, 3.0, 2.0])
        want = np.mean(gaps / H) if want is None else want
        mistakes = {
            "the gap is taken between the best latent and the worst; between them may stand one "
            "that is as good as the best": np.mean((ranked[-1] - ranked[0]) / H),
            "the gap is taken between the second and the third": (
                np.mean((ranked[-2] - ranked[-3]) / H)
            ),
            "no gap is taken: this is what the best latent knows": np.mean(ranked[-1] / H),
            "the entropy is that of a factor whose values are all equally frequent, log of their "
            "number": np.mean(gaps / np.log(values)),
            "the entropy is that of 20 equally full bins; the share is one of what there is to "
            "know of the factor": np.mean(gaps / np.log(20)),
            "it is not divided by the entropy": np.mean(gaps),
            "all gaps are divided by all entropies; each factor counts alike": (
                gaps.sum() / H.sum()
            ),
            "the gap is between two factors of one latent; wanted two latents of one factor": [
                np.mean(by_latent[:, -1] - by_latent[:, -2]),
                np.mean((by_latent[:, -1] - by_latent[:, -2]) / H)
                if len(by_latent) == len(H)
                else np.inf,
            ],
        }
        answer.gives(want, codes, factors, mistakes=mistakes, atol=1e-6)


def uniform_grid():
    """Return all rows of three factors with 8, 8 and 3 values, each with mean 0 and variance 1."""
    rows = np.stack(np.meshgrid(np.arange(8), np.arange(8), np.arange(3)), axis=-1).reshape(-1, 3)
    return rows, (rows - rows.mean(axis=0)) / rows.std(axis=0)


@exercise(
    "8.8",
    trains="showing by hand that no data can decide",
    difficulty="hard",
    minutes=30,
    hints=[
        "Which maps of z leave N(0, I) as it is? Turns, mirrors, and changes of order.",
        "Return two functions: one encodes and then turns, the other turns back and then decodes.",
        "Turn the first two latents by 45 degrees. A turn by 90 only renames them.",
    ],
    compare="the two pairs of rows of the model and its twin",
)
def twin(answer):
    A = np.array([[0.6, 0.2, 0.0, -0.3], [-0.1, 0.5, 0.3, 0.0], [0.2, 0.0, -0.4, 0.5]])
    back = np.linalg.pinv(A)

    def encode(x):
        return np.arctanh(x) @ back

    def decode(z):
        return np.tanh(z @ A)

    factors, codes = uniform_grid()
    pictures = decode(codes)
    encode_too, decode_too = answer.parts(answer(encode, decode), "encode_too", "decode_too")
    answer.holds(
        callable(encode_too) and callable(decode_too),
        "wanted two functions; these are values. Define them inside, and return them uncalled",
    )
    codes_too = answer.call(encode_too, pictures)
    answer.form(codes_too, codes, name="the twin's codes")
    again = answer.call(decode_too, np.asarray(codes_too))
    answer.form(again, pictures, name="the twin's pictures")
    answer.holds(
        np.allclose(again, pictures, atol=1e-4),
        "the twin does not give the pictures back: what its encoder does to the code, its decoder "
        "has to undo first",
        [f"largest error {np.abs(again - pictures).max():.3g}"],
    )
    z = np.random.default_rng(0).standard_normal((4000, 3))
    drawn = encode(np.clip(answer.call(decode_too, z), -1 + 1e-12, 1 - 1e-12))
    covariance = np.cov(drawn.T)
    round_again = np.allclose(covariance, np.eye(3), atol=0.12) and np.allclose(
        [drawn.mean(axis=0), np.mean(drawn**4, axis=0) - 3], 0, atol=0.5
    )
    answer.holds(
        round_again,
        "the twin draws other pictures: it gives them all back, but what N(0, I) becomes on the "
        "way to the old decoder is no N(0, I). Stretching and shearing change p(x); turning does "
        "not",
        [f"the covariance of the codes that reach it: {covariance.round(2).tolist()}"],
    )
    before, after = (_gap(c, factors) for c in (codes, np.asarray(codes_too)))
    answer.holds(
        after < before - 0.2,
        "the twin's latents know the same as the model's: they are renamed or mirrored, not mixed",
        [f"MIG {before:.2f} of the model, {after:.2f} of the twin"],
    )


def _gap(codes, factors):
    return metrics.mig(np.asarray(codes, float), factors)
