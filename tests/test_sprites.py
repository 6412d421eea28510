"""The sprite renderer against published numbers, a naive loop, and itself on both backends."""

import math

import numpy as np
import pytest
from naive import BACKENDS, WITHOUT_JIT
from numpy.polynomial.chebyshev import chebval

from vae_numpy import kernels
from vae_numpy.data import sprites
from vae_numpy.data.sprites import FACTOR_NAMES, FACTOR_SIZES, FACTOR_VALUES, Sprites

N = 737_280

# Published: the README of dsprites-dataset, and the areas at position 0 and orientation 0.
PUBLISHED_MEAN = 0.042494423521889584
PUBLISHED_AREAS = [
    [100, 144, 196, 256, 324, 400],  # square, by scale
    [76, 104, 144, 184, 228, 288],  # ellipse
    [58, 84, 108, 140, 182, 222],  # heart
]


def naive_picture(shape, scale, angle, pos_x, pos_y, side):
    """One picture, pixel by pixel, with the heart as the parametric curve it was given as."""

    def edge(t):
        curve = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        return -0.662 * curve - 1.4375

    image = np.zeros((side, side))
    for row in range(side):
        for column in range(side):
            dx = ((column + 0.5) * 64 / side - 16 - 32 * pos_x) / scale
            dy = ((row + 0.5) * 64 / side - 16 - 32 * pos_y) / scale
            u = math.cos(angle) * dx - math.sin(angle) * dy
            v = math.sin(angle) * dx + math.cos(angle) * dy
            if shape == 0:
                inside = max(abs(u), abs(v)) <= 9.599
            elif shape == 1:
                inside = math.hypot(u / 12.7657, v / 7.213) <= 1
            else:
                inside = False
                if abs(u) <= 9.595:
                    t = math.asin(math.cbrt(abs(u) / 9.595))
                    inside = edge(t) <= v <= edge(math.pi - t)
            image[row, column] = inside
    return image


needs_both = pytest.mark.skipif(len(BACKENDS) < 2, reason="numba is not installed")


@pytest.fixture(scope="module")
def pixel_counts():
    """How many of all 737,280 pictures are white at each pixel; both backends draw them all."""
    if WITHOUT_JIT:
        pytest.skip("too slow without the JIT")
    dataset, block = Sprites(64), 5120
    compiled, reference = (np.empty((block, 64 * 64), np.uint8) for _ in range(2))
    counts = np.zeros(64 * 64, np.int64)
    for start in range(0, N, block):
        indices = np.arange(start, start + block)
        with kernels.use(BACKENDS[-1]):  # numba, where it is installed
            dataset.images(indices, out=compiled)
        with kernels.use("numpy"):
            dataset.images(indices, out=reference)
        assert np.array_equal(compiled, reference), f"backends differ in block {start}"
        counts += compiled.sum(axis=0, dtype=np.int64)
    return counts.reshape(64, 64)


def entropy(p):
    p = p[(p > 0) & (p < 1)]
    return -np.sum(p * np.log(p) + (1 - p) * np.log1p(-p))


@pytest.mark.slow
def test_the_full_grid_has_the_published_mean_and_margin(pixel_counts):
    mean = pixel_counts.sum() / (N * 64 * 64)
    assert abs(mean - PUBLISHED_MEAN) <= 5e-5
    for axis in (0, 1):
        assert np.flatnonzero(pixel_counts.any(axis=axis)).tolist() == list(range(2, 62))


@pytest.mark.slow
def test_a_collapsed_decoder_costs_565_or_720_nats(pixel_counts):
    # A decoder that ignores z can do no better than the mean image; the loss is then the sum of
    # the pixels' entropies, in nats.
    assert entropy(pixel_counts / N) == pytest.approx(565.5, abs=0.05)
    overall = np.full(64 * 64, pixel_counts.sum() / (N * 64 * 64))
    assert entropy(overall) == pytest.approx(720.0, abs=0.05)


def test_areas_are_within_two_pixels_of_the_published_ones():
    factors = [(shape, scale, 0, 0, 0) for shape in range(3) for scale in range(6)]
    areas = sprites.render(factors).sum(axis=(1, 2)).reshape(3, 6)
    assert np.abs(areas - PUBLISHED_AREAS).max() <= 2


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("image_size", [64, 32, 17])
def test_a_naive_loop_over_the_pixels_draws_the_same(backend, image_size):
    dataset = Sprites(image_size)
    X, factors = dataset.sample(30, np.random.default_rng(0))
    with kernels.use(backend):
        dataset.images(dataset.indices(factors), out=X)
    for row, x in zip(factors, X, strict=True):
        values = [table[i] for table, i in zip(FACTOR_VALUES, row, strict=True)]
        assert np.array_equal(x.reshape(image_size, image_size), naive_picture(*values, image_size))


@pytest.mark.parametrize("backend", BACKENDS)
def test_values_between_the_grid_points_match_the_naive_loop(backend):
    rng = np.random.default_rng(1)
    values = np.column_stack(
        [
            np.arange(12) % 3,
            rng.uniform(0.5, 1, 12),
            rng.uniform(-9, 9, 12),
            rng.uniform(size=12),
            rng.uniform(size=12),
        ]
    )
    with kernels.use(backend):
        images = sprites.render_values(values, 32)
    for row, image in zip(values, images, strict=True):
        assert np.array_equal(image, naive_picture(*row, 32))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_square_on_its_corner_reaches_the_border_of_the_coarsest_picture(backend):
    values = [[0, 1, math.pi / 4, 0, 0.125], [0, 1, math.pi / 4, 0.125, 0]]
    with kernels.use(backend):
        left, top = sprites.render_values(np.array(values), 8)
    assert left[2, 0] == top[0, 2] == 1
    for row, image in zip(values, (left, top), strict=True):
        assert np.array_equal(image, naive_picture(*row, 8))


@needs_both
@pytest.mark.parametrize("image_size", [64, 32])
def test_both_backends_draw_the_same_bits(image_size):
    # Every (shape, scale, orientation) at five positions each.
    every = np.arange(0, N, 32 * 32).repeat(5)
    indices = every + np.random.default_rng(2).integers(32 * 32, size=len(every))
    drawn = []
    for backend in BACKENDS:
        with kernels.use(backend):
            drawn.append(Sprites(image_size).images(indices))
    assert np.array_equal(*drawn)


@pytest.mark.parametrize("image_size", [64, 32])
def test_no_pixel_centre_of_the_grid_is_so_near_an_edge_that_rounding_decides(image_size):
    # So every machine draws the same bits. All offsets between a pixel's centre and a sprite's:
    pixels = (np.arange(image_size) + 0.5) * 64 / image_size
    centres = 16 + 32 * np.arange(32) / 31
    offsets = np.unique(np.round(62 * (pixels[:, None] - centres))) / 62  # multiples of 1/62
    nearest = np.inf
    for scale in FACTOR_VALUES[1]:
        d = offsets[abs(offsets) <= 14 * scale] / scale
        for angle in FACTOR_VALUES[2]:
            u = np.cos(angle) * d - np.sin(angle) * d[:, None]
            v = np.sin(angle) * d + np.cos(angle) * d[:, None]
            # cos kt = T_k(cos t), Chebyshev's polynomials; t and pi - t differ in cos t's sign.
            cos_t = np.sqrt(1 - np.minimum(abs(u) / 9.595, 1) ** (2 / 3))
            edges = [-0.662 * chebval(c, [0, 13, -5, -2, -1]) - 1.4375 for c in (cos_t, -cos_t)]
            heart = [abs(v - edge)[abs(u) < 9.595].min() for edge in edges]
            square = abs(np.maximum(abs(u), abs(v)) - 9.599).min()
            ellipse = abs(np.hypot(u / 12.7657, v / 7.213) - 1).min()
            heart_ends = abs(abs(u) - 9.595).min()
            nearest = min(nearest, square, ellipse, heart_ends, *heart)
    assert nearest > 1e-9  # rounding errors are below 1e-13


@pytest.mark.parametrize("image_size", [64, 32])
def test_the_last_orientation_is_the_first(image_size):
    X, factors = Sprites(image_size).sample(300, np.random.default_rng(3))
    first, last = factors.copy(), factors.copy()
    first[:, 2], last[:, 2] = 0, 39
    assert np.array_equal(sprites.render(first, image_size), sprites.render(last, image_size))


def test_directions_on_the_screen():
    # posX to the right, posY downwards, the heart's tip down, turning counter-clockwise.
    images = sprites.render([(0, 0, 0, 0, 31), (2, 5, 0, 0, 0), (2, 5, 10, 0, 0)])
    rows, columns = np.nonzero(images[0])
    assert rows.mean() + 0.5 == 48 and columns.mean() + 0.5 == 16
    upright, turned = images[1], images[2]
    rows, columns = np.nonzero(upright)
    assert np.count_nonzero(rows == rows.max()) < np.count_nonzero(rows == rows.min() + 2)
    # Orientation 10 is 92 degrees: the tip points right, so the mass is left of the box's middle.
    rows, columns = np.nonzero(turned)
    assert columns.mean() < (columns.min() + columns.max()) / 2


def test_index_and_factors_round_trip():
    dataset = Sprites()
    assert len(dataset) == N
    indices = np.append(np.random.default_rng(4).integers(N, size=1000), [0, N - 1])
    factors = dataset.factors(indices)
    assert np.array_equal(factors, np.stack(np.unravel_index(indices, (3, 6, 40, 32, 32)), axis=1))
    assert np.array_equal(dataset.indices(factors), indices)
    assert dataset.factors([1]).tolist() == [[0, 0, 0, 0, 1]]  # posY runs fastest


def test_sample_draws_each_factor_uniformly_and_repeats_with_the_seed():
    dataset = Sprites(8)
    X, factors = dataset.sample(4000, np.random.default_rng(5))
    assert X.shape == (4000, 64) and X.dtype == np.float32
    assert np.array_equal(X, dataset.images(dataset.indices(factors)))
    for column, size in zip(factors.T, FACTOR_SIZES, strict=True):
        counts = np.bincount(column, minlength=size)
        expected = 4000 / size
        assert len(counts) == size
        # Chi-squared with size - 1 degrees of freedom: mean size - 1, variance twice that.
        chi2 = np.sum((counts - expected) ** 2 / expected)
        assert abs(chi2 - (size - 1)) < 4.5 * math.sqrt(2 * (size - 1))
    X_again, again = dataset.sample(4000, np.random.default_rng(5))
    assert np.array_equal(factors, again) and np.array_equal(X, X_again)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [np.uint8, bool, np.float32, np.float64])
def test_out_is_drawn_into_and_returned(backend, dtype):
    dataset = Sprites(32)
    indices = np.random.default_rng(6).integers(N, size=7)
    wanted = dataset.images(indices)
    buffer = np.full((9, 32 * 32), 7, dtype)  # dirty: what stands in it must not show through
    with kernels.use(backend):
        drawn = dataset.images(indices, out=buffer[1:8])
        sampled, _ = dataset.sample(9, np.random.default_rng(7), out=buffer.copy())
    assert np.shares_memory(drawn, buffer) and drawn.dtype == dtype
    assert np.array_equal(buffer[1:8], wanted)
    assert (buffer[[0, 8]] == np.full(1024, 7, dtype)).all()
    assert set(np.unique(sampled)) == {0, 1}
    pictures = sprites.render(dataset.factors(indices), 32)
    assert pictures.shape == (7, 32, 32) and pictures.dtype == np.float32
    assert np.array_equal(pictures.reshape(7, -1), wanted)


def test_no_pictures_are_an_empty_array():
    assert Sprites(32).images(np.array([], int)).shape == (0, 1024)
    assert sprites.render(np.empty((0, 5), int)).shape == (0, 64, 64)


def test_factors_are_described_consistently():
    assert len(FACTOR_NAMES) == len(FACTOR_SIZES) == len(FACTOR_VALUES)
    assert tuple(len(table) for table in FACTOR_VALUES) == FACTOR_SIZES


GOOD = (0, 0, 0, 0, 0)


def test_fixed_factors_are_fixed_and_the_others_are_as_without():
    dataset, n = Sprites(16), 500
    free = dataset.sample_factors(n, np.random.default_rng(8))
    rows = np.random.default_rng(9).integers(32, size=n)
    fixed = {"shape": 2, 4: rows, "scale": np.int64(5)}
    out = np.empty((n, 256), np.uint8)
    X, factors = dataset.sample(n, np.random.default_rng(8), fixed=fixed, out=out)
    for i in range(n):
        shape, scale, orientation, pos_x, pos_y = factors[i].tolist()
        assert (shape, scale, pos_y) == (2, 5, rows[i])
        assert (orientation, pos_x) == (free[i, 2], free[i, 3])
    assert X is out and np.array_equal(X, dataset.images(dataset.indices(factors)))
    again = dataset.sample_factors(n, np.random.default_rng(8), fixed=fixed)
    assert np.array_equal(factors, again)
    for i in range(3):
        values = [table[k] for table, k in zip(FACTOR_VALUES, factors[i], strict=True)]
        assert np.array_equal(X[i].reshape(16, 16), naive_picture(*values, 16))


def test_a_sprites_data_set_says_what_its_factors_are():
    assert Sprites().factor_names == FACTOR_NAMES and Sprites().factor_sizes == FACTOR_SIZES


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fix({"shape": 3}), ValueError, r"fixed\['shape'\] must be in 0..2, got 3"),
        (lambda: fix({2: [1, 2]}), ValueError, r"fixed\[2\] must be one index or n = 5"),
        (lambda: fix({"scale": 0.5}), TypeError, r"fixed\['scale'\] must be integers"),
        (
            lambda: fix({"colour": 0}),
            ValueError,
            "fixed: a factor must be one of 'shape'.*'colour'",
        ),
        (lambda: fix({5: 0}), ValueError, "fixed: a factor's column must be >= 0 and <= 4, got 5"),
        (lambda: fix({None: 0}), TypeError, "fixed: a factor's column must be an integer"),
        (lambda: fix(["shape"]), TypeError, "fixed must be a dict, got list"),
    ],
)
def test_bad_fixed_factors_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def fix(fixed):
    return Sprites().sample_factors(5, np.random.default_rng(0), fixed=fixed)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Sprites(64).images([N]), ValueError, "indices must be in 0..737279, got 737280"),
        (lambda: Sprites(64).images([3, -1]), ValueError, "indices must be in 0..737279, got -1"),
        (lambda: Sprites(64).images([0.0]), TypeError, "indices must be integers.*float64"),
        (lambda: Sprites(64).images([True]), TypeError, "indices must be integers.*bool"),
        (lambda: Sprites(64).images(3), ValueError, r"indices must have shape \(n,\), got \(\)"),
        (lambda: Sprites(4), ValueError, "image_size must be >= 8, got 4"),
        (lambda: Sprites(32.0), TypeError, "image_size must be an integer"),
        (lambda: Sprites().sample(0, np.random.default_rng(0)), ValueError, "n must be >= 1"),
        (lambda: Sprites().sample(2, 0), TypeError, "rng must be a numpy.random.Generator"),
        (lambda: sprites.render(GOOD), ValueError, r"factors must have shape \(n, 5\)"),
        (lambda: sprites.render([GOOD + (0,)]), ValueError, r"factors must have shape.*\(1, 6\)"),
        (lambda: sprites.render([(0.0,) * 5]), TypeError, "factors must be integers"),
        (
            lambda: sprites.render([GOOD, (0, 0, 40, 0, 0)]),
            ValueError,
            "factors: orientation must be in 0..39, got 40",
        ),
        (lambda: Sprites().indices([(3, 0, 0, 0, 0)]), ValueError, "factors: shape .* 0..2, got 3"),
        (lambda: sprites.render([GOOD], 7), ValueError, "image_size must be >= 8, got 7"),
        (lambda: sprites.render([GOOD], out=[0]), TypeError, "out must be an array of numbers"),
        (
            lambda: sprites.render([GOOD], out=np.empty((2, 64, 64))),
            ValueError,
            r"out must be .* shape \(1, 64, 64\), got shape \(2, 64, 64\)",
        ),
        (
            lambda: Sprites(8).images([0, 1], out=np.empty((64, 2)).T),
            ValueError,
            "another memory layout",
        ),
        (
            lambda: sprites.render_values([(0.5, 1, 0, 0, 0)]),
            ValueError,
            "values: shape must be 0, 1 or 2, got 0.5",
        ),
        (
            lambda: sprites.render_values([(0, 2, 0, 0, 0)]),
            ValueError,
            "values: scale must be in 0.5..1.0, got 2.0",
        ),
        (
            lambda: sprites.render_values([(0, 1, np.nan, 0, 0)]),
            ValueError,
            "values: orientation must be finite, got nan",
        ),
        (lambda: sprites.render_values([(0, 1, 0)]), ValueError, r"values must have shape"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
