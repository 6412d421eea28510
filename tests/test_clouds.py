"""The clouds against geometry: lengths of polygons, radii, moments of the noise."""

import numpy as np
import pytest
from scipy.stats import kstest

from vae_numpy import data
from vae_numpy.data import clouds

CURVES = [
    lambda n, **options: data.make_spiral(n, **options),
    lambda n, **options: data.make_spiral(n, dim=3, **options),
    lambda n, **options: data.make_helix(n, **options),
]
NOISY = [*CURVES, data.make_swiss_roll]


@pytest.mark.parametrize("make", CURVES)
@pytest.mark.parametrize("turns", [0.5, 1.5, 3])
def test_t_is_the_share_of_the_curve_s_length(make, turns):
    X, t = make(20_000, turns=turns, random_state=0)
    order = np.argsort(t)
    steps = np.linalg.norm(np.diff(X[order], axis=0), axis=1)
    polygon = np.cumsum(steps) / steps.sum()
    # The polygon lacks the bits of curve before the first and after the last point.
    walked = (t[order][1:] - t.min()) / np.ptp(t)
    assert np.abs(polygon - walked).max() < 1e-5


@pytest.mark.parametrize("make", CURVES)
def test_points_are_uniform_along_the_curve(make):
    # 20 p-values, each uniform on [0, 1]: the least is below 1e-4 once in 500 tries.
    p_values = [kstest(make(2000, random_state=seed)[1], "uniform").pvalue for seed in range(20)]
    assert min(p_values) > 1e-4


def test_spiral_winds_from_its_inner_radius_to_one_in_equal_steps():
    X, t = data.make_spiral(5000, turns=1.5, random_state=1)
    order = np.argsort(t)
    radius = np.linalg.norm(X[order], axis=1)
    angle = np.unwrap(np.arctan2(X[order, 1], X[order, 0]))
    assert np.allclose(radius, 1 / 3 + (2 / 3) * angle / (3 * np.pi), atol=1e-6)
    assert 0.99 < radius[-1] <= 1


def test_spiral_s_variance_is_split_57_to_43():
    # Facts: "PCA shares are about .57/.43". Integrated along the curve, not sampled.
    angle = np.linspace(0, 3 * np.pi, 200_001)
    radius = 1 / 3 + (2 / 3) * angle / angle[-1]
    curve = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    weight = np.sqrt(radius**2 + ((2 / 3) / angle[-1]) ** 2)  # length per radian
    covariance = np.cov(curve.T, aweights=weight, ddof=0)
    exact = np.linalg.eigvalsh(covariance)[::-1] / np.trace(covariance)
    assert np.round(exact, 2) == pytest.approx([0.57, 0.43])
    sampled = np.linalg.eigvalsh(np.cov(data.make_spiral(200_000, random_state=0)[0].T))[::-1]
    assert sampled / sampled.sum() == pytest.approx(exact, abs=0.003)


def test_spiral_in_three_dimensions_is_the_flat_one_tilted():
    flat, t_flat = data.make_spiral(300, random_state=5)
    tilted, t_tilted = data.make_spiral(300, dim=3, random_state=5)
    assert np.array_equal(t_flat, t_tilted)
    assert tilted.shape == (300, 3)
    assert np.linalg.matrix_rank(tilted) == 2
    assert np.allclose(flat @ flat.T, tilted @ tilted.T)  # all lengths and angles survive


def test_helix_keeps_to_its_cylinder_and_climbs_steadily():
    X, t = data.make_helix(1000, turns=3, random_state=0)
    assert np.allclose(np.hypot(X[:, 0], X[:, 1]), 1)
    assert np.allclose(X[:, 2], 2 * t - 1)
    angle = np.unwrap(np.arctan2(X[:, 1], X[:, 0])[np.argsort(t)])
    assert np.ptp(angle) == pytest.approx(6 * np.pi, rel=0.01)


def test_swiss_roll_is_the_spiral_times_a_width():
    X, t = data.make_swiss_roll(1000, random_state=0)
    assert X.shape == (1000, 3) and t.shape == (1000, 2)
    assert np.allclose(X[:, 1], 2 * t[:, 1] - 1)
    radius = np.hypot(X[:, 0], X[:, 2])
    assert radius.min() >= 1 / 3 - 1e-12 and radius.max() <= 1 + 1e-12
    assert np.array_equal(np.argsort(radius), np.argsort(t[:, 0]))  # it only winds outwards


@pytest.mark.parametrize("dim", [1, 3, 10])
def test_random_cloud_fills_its_cube(dim):
    X = data.make_random(50_000, dim=dim, random_state=0)
    assert X.shape == (50_000, dim) and X.dtype == np.float64
    assert np.abs(X).max() <= 1
    # Mean 0 and covariance I / 3; five standard errors of a mean of 50,000 products.
    assert np.abs(X.mean(axis=0)).max() < 5 * np.sqrt(1 / 3 / 50_000)
    assert np.abs(X.T @ X / len(X) - np.eye(dim) / 3).max() < 5 * 0.34 / np.sqrt(50_000)


@pytest.mark.parametrize("make", NOISY)
def test_noise_is_gaussian_with_the_standard_deviation_asked_for(make):
    clean, t = make(20_000, noise=0, random_state=7)
    noisy, same_t = make(20_000, noise=0.3, random_state=7)
    noise = noisy - clean
    assert np.array_equal(t, same_t)
    assert np.std(noise) == pytest.approx(0.3, rel=0.02)
    assert np.mean(noise**4) == pytest.approx(3 * 0.3**4, rel=0.1)  # a Gaussian's fourth moment


@pytest.mark.parametrize("make", [lambda n, **o: (data.make_random(n, **o), None), *NOISY])
def test_clouds_fit_the_box_and_repeat_with_their_seed(make):
    first, _ = make(500, random_state=3)
    again, _ = make(500, random_state=np.random.default_rng(3))
    other, _ = make(500, random_state=4)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.dtype == np.float64
    assert np.abs(first).max() <= 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: data.make_spiral(0), ValueError, "n must be >= 1, got 0"),
        (lambda: data.make_spiral(2.5), TypeError, "n must be an integer, got 2.5"),
        (lambda: data.make_spiral(5, noise=-0.1), ValueError, "noise must be >= 0, got -0.1"),
        (lambda: data.make_helix(5, noise=np.nan), ValueError, "noise must be >= 0, got nan"),
        (lambda: data.make_swiss_roll(5, turns=0), ValueError, "turns must be > 0, got 0"),
        (lambda: data.make_spiral(5, dim=4), ValueError, "dim must be 2 or 3, got 4"),
        (lambda: data.make_random(5, dim=0), ValueError, "dim must be >= 1, got 0"),
        (lambda: clouds.mystery(5), ValueError, "number must be 1, 2, 3 or 4, got 5"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)


def test_mystery_clouds_are_what_chapter_1_says_they_are():
    knot, shell, ball, thread = (clouds.mystery(number) for number in (1, 2, 3, 4))
    assert {cloud.shape for cloud in (knot, shell, ball, thread)} == {(1500, 3)}
    ring = 3 * np.hypot(knot[:, 0], knot[:, 1]) - 2  # the knot lies on a torus around z
    assert np.allclose(ring**2 + (3 * knot[:, 2]) ** 2, 1)
    assert np.allclose(np.linalg.norm(shell, axis=1), 1)
    volume = np.linalg.norm(ball, axis=1) ** 3  # uniform in a full ball
    assert kstest(volume, "uniform").pvalue > 1e-4
    assert np.hypot(thread[:, 0], thread[:, 1]) == pytest.approx(1, abs=0.05)  # noise of 0.01
