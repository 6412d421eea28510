"""TwoNN against a loop, a sum done by hand, and clouds whose dimension we know."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vae_numpy import data
from vae_numpy.metrics import intrinsic_dimension


def naive_two_nn(X, discard_fraction=0.1):
    """All distances, point by point, and the line through the origin by least squares."""
    N = len(X)
    mu = []
    for i in range(N):
        r = sorted(np.sqrt(sum((X[i] - X[j]) ** 2)) for j in range(N) if j != i)
        mu.append(r[1] / r[0])
    xs, ys = [], []
    for i, value in enumerate(sorted(mu), start=1):
        if i <= int((1 - discard_fraction) * N) and i < N:
            xs.append([np.log(value)])
            ys.append(-np.log(1 - i / N))
    return np.linalg.lstsq(np.array(xs), np.array(ys), rcond=None)[0][0]


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(5, 40),
    dim=st.integers(1, 6),
    discard=st.sampled_from([0.0, 0.1, 0.5]),
    seed=st.integers(0, 2**31),
)
def test_agrees_with_the_loop(n, dim, discard, seed):
    X = np.random.default_rng(seed).standard_normal((n, dim))
    assert intrinsic_dimension(X, discard) == pytest.approx(naive_two_nn(X, discard), rel=1e-6)


def test_three_points_by_hand():
    # Neighbours of 0, 1, 3 on a line: mu = 3/1, 2/1, 3/2; the largest is left out.
    log = np.log
    by_hand = (log(1.5) * log(3 / 2) + log(2) * log(3)) / (log(1.5) ** 2 + log(2) ** 2)
    assert intrinsic_dimension([[0.0], [1.0], [3.0]]) == pytest.approx(by_hand)


# Facts, section 4, item 12: one estimate each, on 1,500 points.
PUBLISHED = {
    "spiral": (0.99, lambda seed: data.make_spiral(1500, random_state=seed)[0]),
    "swiss roll": (2.04, lambda seed: data.make_swiss_roll(1500, random_state=seed)[0]),
    "square": (2.03, lambda seed: data.make_random(1500, dim=2, random_state=seed)),
    "noisy spiral": (1.96, lambda seed: data.make_spiral(1500, 0.02, random_state=seed)[0]),
}
TRUTH = {"spiral": 1, "swiss roll": 2, "square": 2, "noisy spiral": 2}


@pytest.mark.parametrize("name", PUBLISHED)
def test_known_clouds_over_twenty_seeds(name):
    published, make = PUBLISHED[name]
    estimates = np.array([intrinsic_dimension(make(seed)) for seed in range(20)])
    spread = estimates.std(ddof=1)
    assert abs(published - estimates.mean()) < 3 * spread  # one draw among draws
    assert abs(TRUTH[name] - estimates.mean()) < 0.04 * TRUTH[name]  # edges cost up to 4 %


@pytest.mark.parametrize("dim", [3, 10])
def test_full_cubes_read_low_because_of_their_edges(dim):
    estimates = [
        intrinsic_dimension(data.make_random(1500, dim=dim, random_state=s)) for s in range(5)
    ]
    assert 0.8 * dim < np.mean(estimates) < 1.02 * dim


def test_moving_turning_scaling_and_embedding_change_nothing():
    rng = np.random.default_rng(0)
    X = data.make_spiral(400, noise=0.01, random_state=rng)[0]
    rotation = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    embedded = 1e-3 * np.pad(X, ((0, 0), (0, 18))) @ rotation + 0.5
    assert intrinsic_dimension(embedded) == pytest.approx(intrinsic_dimension(X), rel=1e-6)


def test_a_cloud_far_from_the_origin_keeps_its_dimension():
    rng = np.random.default_rng(0)
    X = rng.random((300, 2)) @ np.linalg.qr(rng.standard_normal((20, 20)))[0][:2]
    far = X + 1e7 * np.linspace(-1, 1, 20)
    assert intrinsic_dimension(far) == pytest.approx(intrinsic_dimension(X), rel=1e-6)


def test_repeated_points_count_once():
    X = data.make_spiral(200, random_state=0)[0]
    assert intrinsic_dimension(np.repeat(X, 3, axis=0)) == pytest.approx(intrinsic_dimension(X))


@pytest.mark.parametrize("distance, are_one", [(0.5e-10, True), (2e-10, False)])
def test_points_are_one_up_to_a_share_of_the_radius(distance, are_one):
    angles = np.random.default_rng(0).uniform(0, np.pi, 20)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    circle = np.vstack([circle, -circle])  # around the origin, with the radius 1
    twins = np.vstack([circle, circle * (1 + distance)])
    want = naive_two_nn(circle if are_one else twins)
    assert intrinsic_dimension(twins) == pytest.approx(want, rel=1e-6)


def test_a_feature_that_comes_twice_counts_twice():
    X = np.random.default_rng(0).standard_normal((40, 2))
    twice = X[:, [0, 1, 1]]
    assert intrinsic_dimension(twice) == pytest.approx(naive_two_nn(twice), rel=1e-6)


def test_ties_at_some_points_make_no_grid():
    X = np.array([[0.0], [1], [2], [10], [11], [12], [30]])  # 1 and 11 have two neighbours at 1
    assert intrinsic_dimension(X) == pytest.approx(naive_two_nn(X), rel=1e-6)


def test_one_ratio_is_enough_for_a_line():
    # Of three points' ratios 3/2, 2 and 3 only the least is kept: log(3/2) = d log(3/2).
    assert intrinsic_dimension([[0.0], [1.0], [3.0]], 0.5) == pytest.approx(1)


def test_same_answer_in_any_order_and_layout():
    X = data.make_swiss_roll(300, random_state=0)[0]
    shuffled = np.random.default_rng(1).permutation(X)
    assert intrinsic_dimension(np.asfortranarray(shuffled)) == pytest.approx(intrinsic_dimension(X))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.zeros((9, 2)), ValueError, "at least 3 different points, got 1"),
        (np.eye(2), ValueError, "at least 3 different points, got 2"),
        (np.arange(5.0), ValueError, r"2-D array (N, D), got shape (5,)"),
        (np.empty((0, 3)), ValueError, "non-empty"),
        (np.full((5, 2), np.nan), ValueError, "X must be finite"),
        (np.full((5, 2), "a"), TypeError, "X must hold real numbers"),
        (np.full((5, 2), 1j), TypeError, "X must hold real numbers"),
        (np.argwhere(np.ones((5, 5))) * 0.1, ValueError, "regular grid"),
    ],
)
def test_bad_clouds_are_named(X, error, message):
    with pytest.raises(error) as raised:
        intrinsic_dimension(X)
    assert str(raised.value).startswith("X must") and message in str(raised.value)


@pytest.mark.parametrize("discard", [-0.1, 1, np.nan])
def test_bad_discard_fraction(discard):
    with pytest.raises(ValueError, match="discard_fraction must be >= 0 and < 1"):
        intrinsic_dimension(np.random.default_rng(0).random((10, 2)), discard)
