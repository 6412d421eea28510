"""The disentanglement scores against known answers, closed forms and naive loops.

The known-answer codes are functions of the true factors, so nothing is drawn: `TRUTH` stands in
for sprites, with a picture's factors in place of its pixels.
"""

import math

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import mutual_info_score

from vae_numpy import metrics
from vae_numpy.data.sprites import FACTOR_SIZES, Sprites
from vae_numpy.metrics import DCI, Table

SPRITES = Sprites(8)
N = len(SPRITES)
GRID = SPRITES.factors(np.arange(N))  # (737280, 5)
TRUTH = Table(GRID, SPRITES)
SIZES = np.array(FACTOR_SIZES)
FOUR = ["scale", "orientation", "posX", "posY"]
RELATIVE = np.sqrt((SIZES**2 - 1) / 12)  # the standard deviation of 0..size - 1, uniform


def standardised(factors):
    """The true factors as codes: mean 0, variance 1 over the grid."""
    return (factors - (SIZES - 1) / 2) / RELATIVE


def turned(factors):
    """posX and posY rotated by 45 degrees."""
    z = standardised(factors)
    z[:, 3:] = z[:, 3:] @ np.array([[1, 1], [-1, 1]]) / math.sqrt(2)
    return z


def rotation(seed):
    """A code that is a random rotation of all five factors."""
    Q = np.linalg.qr(np.random.default_rng(seed).normal(size=(5, 5)))[0]
    return lambda factors: standardised(factors) @ Q


def random_mlp(seed):
    """An untrained network on the true factors: 5 -> 64 tanh -> 10."""
    rng = np.random.default_rng(seed)
    W1, W2 = rng.normal(size=(5, 64)) / math.sqrt(5), rng.normal(size=(64, 10)) / 8
    return lambda factors: np.tanh(standardised(factors) @ W1) @ W2


NOISE = np.random.default_rng(0).normal(size=(N, 5))


def noise(factors):
    """Codes that know nothing: each picture has its own, drawn at random."""
    return NOISE[SPRITES.indices(factors)]


def sample(encode, seed, n=10_000):
    return metrics.sample_codes(encode, TRUTH, n, rng=np.random.default_rng(seed))


# The known-answer table ---------------------------------------------------------------------------
#
# code: MIG, modularity, FactorVAE score, beta-VAE score. One draw of another program, written from
# the same papers with the same budgets; where its numbers are exact, a closed form below says why.
TABLE = {
    "the true factors": (standardised, "0.896", "1.00", "1.00", "1.00"),
    "shape missing": (lambda f: standardised(f)[:, 1:], "0.696", "1.00", "0.80", "1.00"),
    "x, y turned by 45 degrees": (turned, "0.56", "0.90", "0.79", "0.80"),
    "noise": (noise, "0.00", "0.67", "0.19", "0.21"),
    "every factor twice": (lambda f: np.tile(standardised(f), 2), "0.00", "1.00", "1.00", "1.00"),
}


@pytest.mark.parametrize("name", TABLE)
def test_mig_and_modularity_of_the_known_answer_table(name):
    # The table shows one draw of 10,000 pictures, rounded; eight draws tell how draws scatter.
    encode, *answers = TABLE[name]
    draws = [sample(encode, seed) for seed in range(8)]
    for score, answer in zip((metrics.mig, metrics.modularity), answers[:2], strict=True):
        got = np.array([score(*draw) for draw in draws])
        sampling = 3.5 * got.std(ddof=1) * math.sqrt(1 + 1 / 8)  # of one draw around 8's mean
        assert abs(got.mean() - float(answer)) < sampling + half_a_unit(answer)


@pytest.mark.parametrize("name", TABLE)
def test_factor_vae_and_beta_vae_scores_of_the_known_answer_table(name):
    # An accuracy over 5,000 points has the variance p (1 - p) / 5000. Where two codes are equally
    # good, which of them stands for a factor is a draw too, with the same variance once more.
    encode, *answers = TABLE[name]
    for score, answer in zip(
        (metrics.factor_vae_score, metrics.beta_vae_score), answers[2:], strict=True
    ):
        p = float(answer)
        got = score(encode, TRUTH, rng=np.random.default_rng(1))
        sampling = 3.5 * math.sqrt(p * (1 - p) * 4 / 5000)  # two variances each, theirs and ours
        assert abs(got - p) < sampling + half_a_unit(answer)


def half_a_unit(printed):
    return 0.5 * 10.0 ** -len(printed.split(".")[1])


# The table has one random rotation and one random network without saying which; rotations differ
# widely. So: each printed number must lie inside what many of them score.
ONE_OF_MANY = {
    "random rotation": (rotation, "0.03", "0.77", "0.69", "0.80"),
    "random network": (random_mlp, "0.05", "0.81", "0.81", "0.98"),
}


@pytest.mark.parametrize("name", ONE_OF_MANY)
def test_one_random_code_of_the_table_lies_among_many(name):
    make, *answers = ONE_OF_MANY[name]
    scores = []
    for seed in range(40):
        encode, budget = make(seed), {"n_train": 500, "n_eval": 250}
        codes, factors = sample(encode, seed)
        rng = np.random.default_rng(seed)
        scores.append(
            [
                metrics.mig(codes, factors),
                metrics.modularity(codes, factors),
                metrics.factor_vae_score(encode, TRUTH, rng=rng, **budget),
                metrics.beta_vae_score(encode, TRUTH, rng=rng, **budget),
            ]
        )
    for got, answer in zip(np.array(scores).T, answers, strict=True):
        assert got.min() - half_a_unit(answer) <= float(answer) <= got.max() + half_a_unit(answer)


def test_most_random_rotations_score_higher_than_the_tables():
    # That program's medians over 150 rotations; each estimate of a median from 40 draws has a
    # standard error of about 1.25 sigma / sqrt(40).
    draws = [sample(rotation(seed), seed) for seed in range(40)]
    for score, median in ((metrics.mig, 0.11), (metrics.modularity, 0.87)):
        got = np.array([score(*draw) for draw in draws])
        error = 1.25 * got.std(ddof=1) / math.sqrt(40)
        assert abs(np.median(got) - median) < 3.5 * error + 0.005


# MIG, modularity and the mutual information ---------------------------------------------------


def naive_information(code, factor, n_bins):
    """Count in Python; bins by comparing with each edge."""
    low, high = min(code), max(code)
    edges = [low + (high - low) * i / n_bins for i in range(1, n_bins)]
    pairs = [(sum(z >= edge for edge in edges), v) for z, v in zip(code, factor, strict=True)]
    total = 0.0
    for b, v in set(pairs):
        joint = pairs.count((b, v)) / len(pairs)
        p_b = sum(pair[0] == b for pair in pairs) / len(pairs)
        p_v = sum(pair[1] == v for pair in pairs) / len(pairs)
        total += joint * math.log(joint / (p_b * p_v))
    return total


@pytest.mark.parametrize("n_bins", [2, 7, 20])
def test_mutual_information_agrees_with_a_loop_and_with_scikit_learn(n_bins):
    rng = np.random.default_rng(n_bins)
    factors = rng.integers([2, 5, 9], size=(150, 3))
    codes = factors @ rng.normal(size=(3, 4)) + rng.normal(size=(150, 4))
    got = metrics.mutual_information(codes, factors, n_bins=n_bins)
    assert got.shape == (4, 3)
    for k, f in np.ndindex(4, 3):
        naive = naive_information(codes[:, k].tolist(), factors[:, f].tolist(), n_bins)
        assert got[k, f] == pytest.approx(naive, rel=1e-9, abs=1e-12)
        cut = np.floor((codes[:, k] - codes[:, k].min()) / np.ptp(codes[:, k]) * n_bins)
        reference = mutual_info_score(factors[:, f], np.minimum(cut, n_bins - 1))
        assert got[k, f] == pytest.approx(reference, rel=1e-9, abs=1e-12)


PLANE = GRID[::32, :4]  # the full grid of the first four factors: 23,040 rows


def test_information_on_the_full_grid_is_the_entropy_or_nothing():
    information = metrics.mutual_information(PLANE, PLANE, n_bins=40)
    assert information == pytest.approx(np.diag(np.log(SIZES[:4])), abs=1e-10)


def test_estimated_information_of_noise_is_too_high_by_the_known_bias():
    # Equally full bins: uniform codes. Miller and Madow's (bins - 1)(values - 1) / 2N.
    rng = np.random.default_rng(0)
    got = []
    for _ in range(20):
        codes, factors = rng.uniform(size=(10_000, 2)), rng.integers(40, size=(10_000, 1))
        got.append(metrics.mutual_information(codes, factors).mean())
    # 2N times the information is chi-squared; its relative standard deviation is sqrt(2 / df).
    df = 19 * 39
    assert np.mean(got) == pytest.approx(df / 20_000, rel=3.5 * math.sqrt(2 / df / 40) + 0.01)


def test_the_ceiling_of_mig_is_set_by_the_bins():
    # 40 values fall in 20 bins as 20 pairs. Of 32 values, 12 bins get two and 8 get one.
    pairs = math.log(20) / math.log(40)
    some = (math.log(32) - 24 / 32 * math.log(2)) / math.log(32)
    ceiling = (1 + 1 + pairs + 2 * some) / 5
    assert ceiling == pytest.approx(0.902, abs=5e-4)
    assert metrics.mig(GRID, GRID) == pytest.approx(ceiling, abs=1e-10)
    of_four = (1 + 1 + pairs + some) / 4
    assert metrics.mig(PLANE, PLANE) == pytest.approx(of_four, abs=1e-10)
    assert metrics.mig(PLANE, PLANE, n_bins=40) == pytest.approx(1, abs=1e-10)
    assert metrics.mig(PLANE[:, 1:], PLANE) == pytest.approx(of_four - 1 / 4, abs=1e-10)
    assert metrics.mig(np.tile(PLANE, 2), PLANE) == pytest.approx(0, abs=1e-10)


def test_modularity_of_one_code_for_two_factors_is_eight_ninths():
    bits = np.argwhere(np.ones((2,) * 10))  # every row of ten independent bits
    codes = bits[:, :5] + 2 * bits[:, 5:]  # code k knows bits k and k + 5
    assert metrics.modularity(codes, bits) == pytest.approx(8 / 9, abs=1e-12)
    assert metrics.modularity(bits, bits) == pytest.approx(1, abs=1e-12)


def test_modularity_with_a_dead_third_code_is_two_thirds():
    bits = np.argwhere(np.ones((2, 2)))
    codes = np.column_stack([bits, np.full(4, 0.3)])
    assert metrics.modularity(codes, bits) == pytest.approx(2 / 3, abs=1e-12)
    assert metrics.mig(codes, bits) == pytest.approx(1, abs=1e-12)


# SAP ----------------------------------------------------------------------------------------------


def test_sap_of_two_bits_is_one_half():
    # The right code is never wrong. The other one knows nothing: half of the test rows.
    bits = np.tile(np.argwhere(np.ones((2, 2))), (300, 1))
    assert metrics.sap(bits, bits) == pytest.approx(0.5, abs=1e-12)


def test_sap_agrees_with_support_vector_machines_fitted_by_a_general_minimiser():
    rng = np.random.default_rng(0)
    n, n_test, C = 600, 300, 0.01
    factors = (rng.uniform(size=(n + n_test, 2)) < [0.5, 0.3]).astype(int)
    codes = factors @ rng.normal(size=(2, 3)) + rng.normal(size=(n + n_test, 3))
    accuracy = np.empty((3, 2))
    for k, f in np.ndindex(3, 2):
        z, sign = codes[:, k], 2 * factors[:, f] - 1
        share = np.mean(sign[:n] == 1)
        weight = np.where(sign[:n] == 1, 0.5 / share, 0.5 / (1 - share))  # both classes weigh n / 2

        def cost(w, z=z, sign=sign, weight=weight):
            margin = np.maximum(0, 1 - sign[:n] * (w[0] * z[:n] + w[1]))
            return 0.5 * (w @ w) + C * np.sum(weight * margin**2)

        w = minimize(cost, np.zeros(2), tol=1e-10).x
        accuracy[k, f] = np.mean(np.sign(w[0] * z[n:] + w[1]) == sign[n:])
    accuracy.sort(axis=0)
    want = np.mean(accuracy[-1] - accuracy[-2])
    # liblinear stops a little earlier: at most one test row of each gap may fall on the other side
    assert metrics.sap(codes, factors, C=C) == pytest.approx(want, abs=1 / n_test)


def test_a_perfect_code_does_not_reach_sap_1():
    assert 0.05 < metrics.sap(*sample(standardised, 0, 3000)) < 0.5


# DCI ----------------------------------------------------------------------------------------------


def test_dci_of_known_importances():
    eye, half = np.eye(5), 1 - math.log(2) / math.log(10)
    assert half == pytest.approx(0.69897, abs=1e-5)
    twice = DCI(np.vstack([eye, eye]))
    assert (twice.disentanglement, twice.completeness) == pytest.approx((1, half), abs=1e-12)
    shared = DCI(np.hstack([eye, eye]))
    assert (shared.disentanglement, shared.completeness) == pytest.approx((half, 1), abs=1e-12)
    for importances, want in (
        (eye, 1),
        (3 * eye[:2], 1),  # missed factors
        (np.vstack([eye, np.zeros(5)]), 1),  # a dead code
        (np.ones((4, 3)), 0),
        (np.zeros((4, 3)), 0),
    ):
        scores = DCI(importances)
        assert (scores.disentanglement, scores.completeness) == pytest.approx((want, want))


def test_dci_weights_codes_and_factors_by_their_importance():
    # By hand: code 0 serves one factor and weighs 3/4, code 1 serves two alike and weighs 1/4.
    scores = DCI(np.array([[3.0, 0, 0], [0, 0.5, 0.5]]))
    assert scores.disentanglement == pytest.approx(0.75 + 0.25 * (1 - math.log(2) / math.log(3)))
    assert scores.completeness == pytest.approx(1)


SMALL = np.random.default_rng(5).integers([3, 4, 2], size=(600, 3))  # three small factors


def test_dci_finds_the_codes_of_small_factors():
    codes = SMALL[:, [2, 0, 1]] + np.random.default_rng(0).uniform(-0.3, 0.3, size=(600, 3))
    scores = metrics.dci(codes, SMALL, rng=np.random.default_rng(0), n_estimators=20)
    assert scores.importances.argmax(axis=0).tolist() == [1, 2, 0]
    assert scores.importances.sum(axis=0) == pytest.approx(1)
    assert scores.disentanglement > 0.95 and scores.completeness > 0.95
    assert scores.informativeness == 1


def test_dci_of_noise_is_low_and_its_accuracy_is_chance():
    codes = np.random.default_rng(1).normal(size=(600, 3))
    scores = metrics.dci(codes, SMALL, rng=np.random.default_rng(0), n_estimators=20)
    assert scores.disentanglement < 0.1 and scores.completeness < 0.1
    chance = (1 / 3 + 1 / 4 + 1 / 2) / 3
    assert abs(scores.informativeness - chance) < 3.5 * math.sqrt(0.25 / 600)  # 3 x 200 guesses


# The two sampled scores ---------------------------------------------------------------------------


def mediocre(factors):
    """Codes in which some factors are clean, some mixed and one is missing."""
    z = standardised(factors)
    return np.column_stack(
        [z[:, 1] + 0.5 * z[:, 2], z[:, 3], z[:, 3] + z[:, 4], noise(factors)[:, 0]]
    )


def naive_factors(rng, n):
    return np.array([[rng.integers(size) for size in FACTOR_SIZES] for _ in range(n)])


def test_beta_vae_score_agrees_with_a_loop_over_points():
    rng = np.random.default_rng(0)

    def points(n):
        rows, labels = [], []
        for _ in range(n):
            f = int(rng.integers(5))
            first, second = naive_factors(rng, 8), naive_factors(rng, 8)
            for a, b in zip(first, second, strict=True):
                b[f] = a[f]
            rows.append(np.mean(np.abs(mediocre(first) - mediocre(second)), axis=0))
            labels.append(f)
        return np.array(rows), np.array(labels)

    naive = LogisticRegression(max_iter=1000).fit(*points(1000)).score(*points(1000))
    budget = {"n_train": 1000, "n_eval": 1000, "batch_size": 8}
    got = metrics.beta_vae_score(mediocre, TRUTH, rng=rng, **budget)
    # Two accuracies over 1,000 points each, of two classifiers trained on 1,000.
    assert 0.3 < naive < 0.9 and abs(got - naive) < 3.5 * math.sqrt(0.25 * 2 / 1000)


def test_factor_vae_score_agrees_with_a_loop_over_votes():
    rng = np.random.default_rng(1)
    spread = np.var(mediocre(naive_factors(rng, 3000)), axis=0, ddof=1)

    def votes(n):
        table = np.zeros((5, 4), int)
        for _ in range(n):
            f = int(rng.integers(5))
            batch = naive_factors(rng, 8)
            batch[:, f] = batch[0, f]
            table[f, np.argmin(np.var(mediocre(batch), axis=0, ddof=1) / spread)] += 1
        return table

    majority = votes(1000).argmax(axis=0)
    naive = votes(1000)[majority, range(4)].sum() / 1000
    budget = {"n_train": 1000, "n_eval": 1000, "batch_size": 8, "n_variance": 3000}
    got = metrics.factor_vae_score(mediocre, TRUTH, rng=rng, **budget)
    assert 0.3 < naive < 0.9 and abs(got - naive) < 3.5 * math.sqrt(0.25 * 2 / 1000)


QUICK = {"n_train": 600, "n_eval": 400}
SAMPLED = [metrics.beta_vae_score, metrics.factor_vae_score]


@pytest.mark.parametrize("score", SAMPLED)
def test_factors_may_be_chosen(score):
    # Chance is now 1/4; and a code without shape is perfect where shape is not asked for.
    def encode(factors):
        return standardised(factors)[:, 1:]

    assert score(encode, TRUTH, factors=FOUR, rng=np.random.default_rng(0), **QUICK) == 1
    chance = score(noise, TRUTH, factors=FOUR, rng=np.random.default_rng(0), **QUICK)
    assert abs(chance - 1 / 4) < 3.5 * math.sqrt(3 / 16 / 400)


def test_factor_vae_score_drops_collapsed_codes():
    def with_dead_codes(factors):
        z = standardised(factors)
        return np.column_stack([z, np.full(len(z), 0.7), 0.02 * noise(factors)])

    def score(encode, **options):
        return metrics.factor_vae_score(
            encode, TRUTH, rng=np.random.default_rng(3), **QUICK, **options
        )

    assert score(with_dead_codes) == score(standardised) == 1
    assert score(with_dead_codes, min_std=0) == 1  # a code that never varies cannot win at all
    assert score(lambda factors: 0.01 * standardised(factors)) == 0
    assert score(lambda factors: 0.01 * standardised(factors), min_std=0.005) == 1


# What must not matter, and what must --------------------------------------------------------------


@pytest.mark.parametrize("score", [metrics.mig, metrics.modularity])
def test_order_scale_and_shift_of_codes_do_not_matter_to_information(score):
    codes, factors = sample(random_mlp(1), 0, 4000)
    changed = codes[:, ::-1] * 8 + 4
    assert score(changed, factors) == pytest.approx(score(codes, factors), abs=2e-3)
    assert score(codes[:, ::-1] * 8, factors) == pytest.approx(score(codes, factors), abs=1e-12)
    assert score(codes, factors[:, ::-1]) == pytest.approx(score(codes, factors), abs=1e-12)
    assert score(codes[::-1], factors[::-1]) == pytest.approx(score(codes, factors), abs=1e-12)


def test_order_scale_and_shift_of_codes_do_not_matter_to_factor_vae():
    encode = random_mlp(1)

    def changed(factors):
        return 8 * encode(factors)[:, ::-1] + 4

    got = [
        metrics.factor_vae_score(e, TRUTH, rng=np.random.default_rng(0), **QUICK)
        for e in (encode, changed)
    ]
    assert got[0] == pytest.approx(got[1], abs=1 / 400)  # rounding may turn one close vote


def test_order_of_codes_does_not_matter_to_beta_vae_and_sap():
    encode = random_mlp(1)
    got = [
        metrics.beta_vae_score(e, TRUTH, rng=np.random.default_rng(0), **QUICK)
        for e in (encode, lambda factors: encode(factors)[:, ::-1])
    ]
    assert got[0] == pytest.approx(got[1], abs=2 / 400)  # the classifier stops at a tolerance
    codes, factors = sample(encode, 0, 1500)
    assert metrics.sap(codes[:, ::-1], factors) == pytest.approx(metrics.sap(codes, factors))


@pytest.mark.parametrize("score", SAMPLED)
def test_the_generator_decides_and_a_table_changes_nothing(score):
    encode = mediocre_without_noise

    def run(seed, encode=encode, dataset=TRUTH):
        return score(encode, dataset, rng=np.random.default_rng(seed), batch_size=8, **QUICK)

    assert run(0) == run(0)
    assert len({run(seed) for seed in range(4)}) > 1
    assert run(0, *metrics.tabulate(encode, TRUTH)) == run(0)


def mediocre_without_noise(factors):
    return mediocre(factors)[:, :3].astype(np.float32)  # a table holds float32


def test_tabulate_encodes_every_picture_once():
    weights = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    seen = []

    def encode(X):
        seen.append(len(X))
        return X @ weights

    look_up, table = metrics.tabulate(encode, SPRITES)
    assert sum(seen) == N == len(table)
    assert table.rows.shape == (N, 3) and table.rows.dtype == np.float32
    indices = np.random.default_rng(1).integers(N, size=200)
    want = SPRITES.images(indices) @ weights
    assert look_up(table.images(indices)) == pytest.approx(want, rel=1e-5, abs=1e-5)
    codes, factors = metrics.sample_codes(look_up, table, 50, rng=np.random.default_rng(2))
    assert codes == pytest.approx(SPRITES.images(SPRITES.indices(factors)) @ weights, abs=1e-4)
    assert np.array_equal(table.factors(indices), SPRITES.factors(indices))


def test_a_table_knows_what_its_data_set_knows():
    indices = np.array([0, 7, N - 1])
    np.testing.assert_array_equal(TRUTH.factors(indices), GRID[indices])
    np.testing.assert_array_equal(TRUTH.indices(GRID[indices]), indices)
    np.testing.assert_array_equal(TRUTH.images(indices), GRID[indices])
    drawn = TRUTH.sample_factors(50, np.random.default_rng(0), fixed={"posX": 3})
    assert drawn.shape == (50, 5) and (drawn[:, 3] == 3).all()


class Tiny:
    """Sixteen pictures of two factors with four values each; a picture is its factors."""

    factor_names = ("a", "b")

    def __len__(self):
        return 16

    def sample_factors(self, n, rng):
        return rng.integers(4, size=(n, 2))

    def indices(self, factors):
        return 4 * factors[:, 0] + factors[:, 1]

    def factors(self, indices):
        return np.stack(np.divmod(indices, 4), axis=1)

    def images(self, indices):
        return self.factors(indices) + 0.5


def test_a_small_data_set_is_tabulated_block_by_block(monkeypatch):
    monkeypatch.setattr("vae_numpy.metrics.sampling.BLOCK", 6)
    seen = []

    def encode(rows):
        seen.append(len(rows))
        return rows[:, ::-1]

    as_it_is, table = metrics.tabulate(encode, Tiny())
    assert seen == [6, 6, 4] and len(table) == 16
    assert table.rows.dtype == np.float32 and table.factor_names == ("a", "b")
    pictures = Tiny().images(np.arange(16))
    np.testing.assert_array_equal(as_it_is(table.images(np.arange(16))), pictures[:, ::-1])
    np.testing.assert_array_equal(as_it_is(table.images(np.array([7]))), [[3.5, 1.5]])


def test_all_scores_of_a_data_set_that_is_no_table_are_those_of_its_table():
    seen = []

    def encode(rows):
        seen.append(len(rows))
        return rows

    sizes = {"n_train": 60, "n_eval": 40, "scores": ["beta_vae", "factor_vae"]}
    scores = metrics.all_scores(encode, Tiny(), rng=np.random.default_rng(0), **sizes)
    assert scores == {"beta_vae": 1, "factor_vae": 1} and sum(seen) == 16
    as_it_is, table = metrics.tabulate(encode, Tiny())
    assert scores == metrics.all_scores(as_it_is, table, rng=np.random.default_rng(0), **sizes)


def test_all_scores_hand_on_bins_and_steps_of_boosting(monkeypatch):
    def encode(rows):
        return rows + 0.1 * rows[:, ::-1]

    def score(name, encode):
        rng = np.random.default_rng(0)
        return metrics.all_scores(encode, Tiny(), rng=rng, scores=[name], n_bins=2)[name]

    # Two bins see one bit of a factor's two, and nothing of the other factor; twenty see both.
    assert score("mig", np.copy) == pytest.approx(0.5, abs=0.02)
    assert score("modularity", encode) > 0.99

    asked, drawn = {}, set()
    answers = {"dci": DCI(np.eye(2), 1.0), "sap": 0, "beta_vae_score": 0, "factor_vae_score": 0}
    for name, answer in answers.items():

        def record(*arrays, rng=None, name=name, answer=answer, **options):
            asked[name] = options
            drawn.add(rng.random() if rng else None)
            return answer

        monkeypatch.setattr(f"vae_numpy.metrics.scores.{name}", record)
    sizes = {"n_train": 30, "n_eval": 20, "dci_points": 30, "dci_estimators": 7}
    names = ["dci", "sap", "beta_vae", "factor_vae"]
    rng = np.random.default_rng(0)
    metrics.all_scores(encode, Tiny(), rng=rng, scores=names, progress=True, **sizes)
    pairs = {"factors": ["a", "b"], "n_train": 30, "n_eval": 20, "progress": True}
    assert asked == {
        "dci": {"n_estimators": 7, "progress": True},
        "sap": {"test_fraction": 0.4, "progress": True},
        "beta_vae_score": pairs,
        "factor_vae_score": pairs,
    }
    assert len(drawn) == 4  # three have a generator of their own, SAP none


def test_dci_takes_as_many_steps_of_boosting_as_it_is_asked_to():
    codes = np.random.default_rng(0).normal(size=(60, 3))
    found = metrics.dci(codes, SMALL[:60], rng=np.random.default_rng(0), n_estimators=1)
    rng = np.random.default_rng(0)  # ties are broken by one number for each factor
    for f, importances in enumerate(found.importances.T):
        trees = GradientBoostingClassifier(n_estimators=1, random_state=rng.integers(2**31))
        want = trees.fit(codes[:40], SMALL[:40, f]).feature_importances_
        np.testing.assert_allclose(importances, want)


def test_all_scores_ask_for_the_chosen_factors_only():
    two = {"factors": ["scale", "posX"], "scores": ["factor_vae", "mig"]}
    sizes = {"n_train": 200, "n_eval": 100, "rng": np.random.default_rng(0)}
    found = metrics.all_scores(lambda rows: standardised(rows)[:, [1, 3]], TRUTH, **two, **sizes)
    # Of five factors two codes could not tell, and three would have no gap.
    assert found["factor_vae"] == 1 and found["mig"] > 0.7


@pytest.mark.parametrize(
    "n_codes, end", [(5, r"code 3, code 4\. It"), (6, r"code 3, code 4 and 1 more\. It")]
)
def test_a_warning_lists_five_codes_and_counts_the_others(n_codes, end):
    with pytest.warns(metrics.MeaninglessScoreWarning, match=r": code 0, code 1, code 2, " + end):
        metrics.mutual_information(np.ones((60, n_codes)), SMALL[:60])


def test_sample_codes_draws_pictures_and_their_factors():
    codes, factors = sample(standardised, 4, 9000)  # more than one block
    assert codes.shape == factors.shape == (9000, 5) and codes.dtype == np.float64
    assert np.array_equal(codes, standardised(factors))
    assert np.abs(codes.mean(axis=0)).max() < 4 / math.sqrt(9000)


ALL = {"n_points": 1500, "n_train": 600, "n_eval": 300, "dci_points": 150, "dci_estimators": 1}
NAMES = ["beta_vae", "factor_vae", "mig", "modularity", "sap"]
NAMES += ["dci_disentanglement", "dci_completeness", "dci_informativeness"]


def test_all_scores_gives_every_score_and_leaving_some_out_changes_no_other():
    encode, table = metrics.tabulate(standardised, TRUTH)
    full = metrics.all_scores(encode, table, rng=np.random.default_rng(0), **ALL)
    assert list(full) == NAMES, "complete NAMES, above, in the order of SCORES"
    assert all(type(value) is float for value in full.values())
    assert full["beta_vae"] == full["factor_vae"] == 1
    some = metrics.all_scores(
        encode, table, rng=np.random.default_rng(0), scores=["mig", "factor_vae"], **ALL
    )
    assert some == {name: full[name] for name in ("factor_vae", "mig")}


def test_scores_are_seeded_by_their_names_and_not_by_their_places(monkeypatch):
    encode, table = metrics.tabulate(mediocre_without_noise, TRUTH)

    def run(seed=0):
        found = metrics.all_scores(encode, table, rng=np.random.default_rng(seed), **ALL)
        return {name: value for name, value in found.items() if name in NAMES}

    before = run()
    listed = metrics.scores.SCORES
    new = {"a new one": lambda subject, rng: rng.random(), "another": lambda subject, rng: 0.0}
    monkeypatch.setattr(metrics.scores, "SCORES", new | dict(reversed(listed.items())))
    assert run() == before
    monkeypatch.setattr(metrics.scores, "SCORES", {"mig": listed["mig"], "dci": listed["dci"]})
    assert run() == {name: before[name] for name in before if name.startswith(("mig", "dci"))}
    monkeypatch.setattr(metrics.scores, "SCORES", listed)
    assert run(1) != before
    rng = np.random.default_rng(0)  # the caller's generator goes on
    two = [metrics.all_scores(encode, table, rng=rng, scores=["mig"], **ALL) for _ in range(2)]
    assert two[0] != two[1] and two[0]["mig"] == before["mig"]


def test_all_scores_of_an_encoder_of_pictures_and_chosen_factors():
    def encode(X):
        return X.reshape(-1, 8, 8).sum(axis=1)[:, ::2]

    scores = metrics.all_scores(
        encode, SPRITES, rng=np.random.default_rng(0), factors=FOUR, scores=NAMES[:5], **ALL
    )
    assert list(scores) == NAMES[:5] and all(0 <= value <= 1 for value in scores.values())
    assert scores["beta_vae"] > 0.5  # sums of columns say something of posX


def test_progress_bars_stay_away_from_short_work(capsys):
    metrics.all_scores(
        standardised, TRUTH, rng=np.random.default_rng(0), scores=["sap"], progress=True, **ALL
    )
    assert capsys.readouterr().err == ""


@pytest.mark.filterwarnings("ignore::vae_numpy.metrics.MeaninglessScoreWarning")
def test_factor_vae_never_votes_for_a_code_that_does_not_vary():
    def score(encode):
        sizes = {"n_train": 40, "n_eval": 40, "n_variance": 200, "batch_size": 8}
        rng = np.random.default_rng(0)
        return metrics.factor_vae_score(encode, TRUTH, rng=rng, min_std=0, **sizes)

    with_constant = score(lambda X: np.column_stack([np.ones(len(X)), standardised(X)]))
    assert with_constant == score(standardised) > 0


def test_two_codes_and_two_factors_are_enough():
    rng = np.random.default_rng(0)
    assert metrics.dci(rng.normal(size=(60, 2)), SMALL[:60, :2], rng=rng).importances.shape == (
        2,
        2,
    )
    chosen = {"factors": ["scale", "posX"], "n_train": 200, "n_eval": 100}
    assert metrics.beta_vae_score(standardised, TRUTH, rng=rng, **chosen) > 0.9


# Bad input ----------------------------------------------------------------------------------------

CODES, FACTORS = np.random.default_rng(0).normal(size=(60, 3)), SMALL[:60]
CODE_SCORES = {
    "mutual_information": metrics.mutual_information,
    "mig": metrics.mig,
    "modularity": metrics.modularity,
    "sap": metrics.sap,
    "dci": lambda codes, factors: metrics.dci(codes, factors, rng=np.random.default_rng(0)),
}


@pytest.mark.parametrize("name", CODE_SCORES)
@pytest.mark.parametrize(
    ("codes", "factors", "error", "message"),
    [
        (CODES[:, 0], FACTORS, ValueError, r"codes must be a non-empty 2-D array"),
        (CODES * np.nan, FACTORS, ValueError, "codes must be finite"),
        (CODES.astype(str), FACTORS, TypeError, "codes must hold real numbers"),
        (CODES, FACTORS * 1.0, TypeError, "factors must be integers, got an array of float64"),
        (CODES, FACTORS[:50], ValueError, r"factors must have shape \(N, F\) with the N = 60"),
        (CODES, FACTORS[:, 0], ValueError, r"factors must have shape"),
        (CODES, FACTORS - 1, ValueError, "factors must be grid indices >= 0"),
        (CODES, FACTORS * [1, 0, 1], ValueError, "factors must vary: column 1 is the same"),
        (CODES, FACTORS * [1, 0, 1] + [0, 1, 0], ValueError, "factors must vary: column 1"),
    ],
)
def test_bad_codes_and_factors_are_named(name, codes, factors, error, message):
    with pytest.raises(error, match=message):
        CODE_SCORES[name](codes, factors)


RNG = np.random.default_rng(0)


@pytest.mark.parametrize("score", [*SAMPLED, metrics.all_scores])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"encode": None}, TypeError, "encode must be a function of rows, got NoneType"),
        ({"encode": lambda X: X[:, 0]}, ValueError, "encode: its codes must be a non-empty 2-D"),
        ({"encode": lambda X: X[:3]}, ValueError, "encode must return one code for each row"),
        ({"encode": lambda X: X / 0.0}, ValueError, "encode: its codes must be finite"),
        ({"dataset": GRID}, TypeError, "dataset must know its factors.*ndarray has no"),
        ({"rng": 0}, TypeError, "rng must be a numpy.random.Generator, got int"),
        ({"factors": "shape"}, ValueError, "factors must be a list of two or more"),
        ({"factors": ["scale"]}, ValueError, "factors must be a list of two or more"),
        ({"factors": ["scale", "colour"]}, ValueError, "factors: a name must be one of 'shape'"),
        ({"n_train": 0}, ValueError, "n_train must be >= 1"),
        ({"n_eval": 2.0}, TypeError, "n_eval must be an integer"),
        ({"n_eval": 0}, ValueError, "^n_eval must be >= 1"),
    ],
)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
def test_bad_arguments_of_the_sampled_scores_are_named(score, change, error, message):
    arguments = {"encode": standardised, "dataset": TRUTH, "rng": RNG} | change
    with pytest.raises(error, match=message):
        score(arguments.pop("encode"), arguments.pop("dataset"), **arguments)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.mig(CODES, FACTORS, n_bins=1), ValueError, "n_bins must be >= 2"),
        (lambda: metrics.mig(CODES[:, :1], FACTORS), ValueError, "codes must have two or more"),
        (lambda: metrics.sap(CODES[:, :1], FACTORS), ValueError, "codes must have two or more"),
        (lambda: metrics.modularity(CODES, FACTORS[:, :1]), ValueError, "factors must have two"),
        (lambda: metrics.sap(CODES, FACTORS, C=0), ValueError, "C must be > 0"),
        (lambda: metrics.sap(CODES, FACTORS, test_fraction=1), ValueError, "test_fraction must be"),
        (lambda: metrics.sap(CODES, FACTORS, test_fraction=0), ValueError, "^test_fraction must"),
        (
            lambda: metrics.beta_vae_score(standardised, TRUTH, rng=RNG, batch_size=0),
            ValueError,
            "^batch_size must be >= 1",
        ),
        (
            lambda: metrics.factor_vae_score(standardised, TRUTH, rng=RNG, batch_size=1),
            ValueError,
            "^batch_size must be >= 2",
        ),
        (
            lambda: metrics.factor_vae_score(standardised, TRUTH, rng=RNG, n_variance=1),
            ValueError,
            "^n_variance must be >= 2",
        ),
        (
            lambda: metrics.all_scores(standardised, TRUTH, rng=RNG, scores=["mig"], n_train=0),
            ValueError,
            "^n_train must be >= 1",
        ),
        (
            lambda: metrics.all_scores(standardised, TRUTH, rng=RNG, scores=["mig"], n_eval=0),
            ValueError,
            "^n_eval must be >= 1",
        ),
        (
            lambda: metrics.sap(CODES, FACTORS, test_fraction=0.001),
            ValueError,
            "test_fraction = 0.001 of 60 rows leaves one side empty",
        ),
        (
            lambda: metrics.sap(CODES, np.sort(FACTORS, axis=0), test_fraction=0.9),
            ValueError,
            "factors must vary in the first 6 rows",
        ),
        (lambda: metrics.dci(CODES[:, :1], FACTORS, rng=RNG), ValueError, "codes and factors must"),
        (lambda: metrics.dci(CODES, FACTORS, rng=0), TypeError, "rng must be a numpy"),
        (
            lambda: metrics.dci(CODES, FACTORS, rng=RNG, n_estimators=0),
            ValueError,
            "n_estimators must be >= 1",
        ),
        (
            lambda: metrics.factor_vae_score(standardised, TRUTH, rng=RNG, min_std=-1),
            ValueError,
            "min_std must be >= 0",
        ),
        (
            lambda: metrics.beta_vae_score(standardised, TRUTH, rng=RNG, n_train=1),
            ValueError,
            "n_train must be larger",
        ),
        (
            lambda: metrics.all_scores(standardised, TRUTH, rng=RNG, scores=["elbo"]),
            ValueError,
            "scores: a name must be one of 'beta_vae'",
        ),
        (
            lambda: metrics.sample_codes(standardised, TRUTH, 0, rng=RNG),
            ValueError,
            "n must be >= 1",
        ),
        (lambda: Table(GRID[:9], SPRITES), ValueError, r"rows must have shape \(737280, K\)"),
        (lambda: Table(GRID, None), TypeError, "dataset must know its factors"),
    ],
)
def test_other_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
