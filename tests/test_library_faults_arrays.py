"""Faults of data, metrics, inference and the checks of arguments that people ran into.

Each test bears the number under which its fault was reported. The right value comes from
something else than the code: the same data without what went wrong, a closed form, or SciPy.
"""

import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from vae_numpy import metrics, plotting
from vae_numpy.data import binarise, clouds, sprites
from vae_numpy.data.corruption import corrupt, hide_block, put_on_stripes
from vae_numpy.inference import LinearGaussian, elbo, grid_posterior, iwae_bound, probabilistic_pca
from vae_numpy.metrics import MeaninglessScoreWarning
from vae_numpy.utils import check_integer, check_number

BITS = np.random.default_rng(0).integers(2, size=(4000, 2))  # two factors of two values
NORMAL = np.random.default_rng(1).normal(size=(4000, 2))
PERFECT = BITS + 0.01 * NORMAL


def rng():
    return np.random.default_rng(0)


def with_value(codes, value):
    codes = codes.copy()
    codes[7, 1] = value
    return codes


# 4: a metric falls silent -------------------------------------------------------------------------

INFORMATION = [metrics.mutual_information, metrics.mig, metrics.modularity]


@pytest.mark.parametrize("score", [*INFORMATION, metrics.sap])
def test_fault_4_a_value_far_out_is_warned_of_with_code_share_and_cure(score):
    with pytest.warns(MeaninglessScoreWarning) as caught:
        score(with_value(PERFECT, 1e6), BITS)
    text = str(caught[0].message)
    assert len(caught) == 1
    assert "code 1 (99.9 %)" in text  # 3,999 of 4,000, rounded down
    assert "np.clip" in text and "rankdata" in text


def test_fault_4_mig_of_a_perfect_code_is_lost_with_the_value_and_found_by_the_cure():
    ids = np.random.default_rng(2).integers(10, size=(4000, 2))
    codes = with_value(ids.astype(float), 1e6)
    with pytest.warns(MeaninglessScoreWarning, match="code 1"):
        assert metrics.mig(codes, ids) < 0.51  # half of it: only code 0 is still seen
    assert metrics.mig(np.clip(codes, 0, 9), ids) == pytest.approx(1, abs=0.02)
    assert metrics.mig(stats.rankdata(codes, axis=0), ids) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("score", INFORMATION)
@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        (PERFECT * [1, 0] + [0, 0.3], BITS, "constant.*code 1"),
        (PERFECT[:19], BITS[:19], "codes has 19 rows, fewer than n_bins = 20"),
    ],
)
def test_fault_4_constant_codes_and_few_rows_are_warned_of(score, codes, factors, message):
    with pytest.warns(MeaninglessScoreWarning, match=message):
        score(codes, factors)


def test_fault_4_factor_vae_warns_too():
    dataset = sprites.Sprites(8)
    rows = dataset.factors(np.arange(len(dataset))).astype(float)
    table = metrics.Table(rows, dataset)

    def encode(rows):  # two values of a thousand are far out
        far = (rows[:, 3] == 0) & (rows[:, 4] < 2)
        return np.where(far[:, None], [[1, 1e6]], rows[:, :2])

    with pytest.warns(MeaninglessScoreWarning, match="code 1"):
        metrics.factor_vae_score(encode, table, rng=rng(), n_train=50, n_eval=50)


@pytest.mark.parametrize(
    "codes",
    [
        NORMAL,
        PERFECT,
        BITS.astype(float),
        1e-6 * NORMAL.astype(np.float32),  # dead latents: their means hardly vary
        0.3 + 1e-7 * NORMAL,
        np.random.default_rng(3).laplace(size=(4000, 2)),
        NORMAL * [1e30, 1e-30],
        PERFECT[:20],
    ],
)
def test_fault_4_normal_use_does_not_warn(codes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for score in INFORMATION:
            score(codes, BITS[: len(codes)])


@pytest.mark.parametrize("score", [*INFORMATION, metrics.sap])
def test_fault_4_the_warning_shows_the_line_that_asked_for_the_score(score):
    with pytest.warns(MeaninglessScoreWarning) as caught:
        score(with_value(PERFECT, 1e6), BITS)
    assert caught[0].filename == __file__


def test_fault_4_the_warning_of_all_scores_shows_the_line_that_asked_for_them():
    dataset = sprites.Sprites(8)
    rows = dataset.factors(np.arange(len(dataset))).astype(float)
    rows[0, 3] = 1e6
    table = metrics.Table(rows[:, 3:], dataset)
    with pytest.warns(MeaninglessScoreWarning) as caught:
        metrics.all_scores(np.ones_like, table, rng=rng(), scores=["mig"], n_points=100)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("size", [1e-9, 1e-100, 1e-300])
def test_fault_4_the_kind_sap_warns_of_codes_too_narrow_for_a_linear_machine(size):
    assert metrics.sap(PERFECT, BITS) == pytest.approx(0.5, abs=0.03)  # 1 - a guess
    with pytest.warns(MeaninglessScoreWarning, match="code 1.*Divide the codes by their standard"):
        lost = metrics.sap(PERFECT * [1, size], BITS)
    assert lost == pytest.approx(0.25, abs=0.03)  # only code 0 is still seen


@pytest.mark.parametrize("size", [1e-6, 1, 1e30])
@pytest.mark.parametrize("constant", [0, 0.3])
def test_fault_4_the_kind_sap_is_silent_where_it_sees_the_codes(size, constant):
    codes = np.column_stack([PERFECT * size, np.full(len(BITS), constant)])  # and a dead one
    with warnings.catch_warnings():
        warnings.simplefilter("error", MeaninglessScoreWarning)
        metrics.sap(codes, BITS)


# 12: binarise, and points that coincide -----------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([[0.2, np.nan], [np.nan, 1]], ValueError, r"X must not be NaN, got 2 of 4.*\(0, 1\)"),
        (["0.5"], TypeError, "X must hold real numbers, got dtype <U3"),
        ([1j], TypeError, "X must hold real numbers, got dtype complex128"),
        ([None], TypeError, "X must hold real numbers, got dtype object"),
    ],
)
def test_fault_12_binarise_refuses_what_is_neither_black_nor_white(X, error, message):
    with pytest.raises(error, match=message):
        binarise(X)


@pytest.mark.parametrize("dim", [3, 15, 20, 64])
@pytest.mark.parametrize("copies", [1, 3])
def test_fault_12_near_duplicates_count_once(dim, copies):
    draw = np.random.default_rng(dim)
    X = draw.normal(size=(300, 3)) @ draw.normal(size=(3, dim))
    again = [X * (1 + 4e-16 * draw.normal(size=X.shape)) for _ in range(copies)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got = metrics.intrinsic_dimension(np.concatenate([X, *again]))
        assert got == pytest.approx(metrics.intrinsic_dimension(X), rel=1e-9)
        single = [X * (1 + 3e-8 * draw.normal(size=X.shape)) for _ in range(copies)]
        got = metrics.intrinsic_dimension(np.concatenate([X, *single]).astype(np.float32))
        assert got == pytest.approx(metrics.intrinsic_dimension(X), rel=1e-5)


def test_fault_12_a_cloud_of_two_points_and_their_doubles_is_refused():
    X = np.array([[0.0, 0], [1, 1]])
    with pytest.raises(ValueError, match="at least 3 different points, got 2"):
        metrics.intrinsic_dimension(np.concatenate([X, X + 1e-14, X - 1e-14]))


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_fault_12_the_kind_a_share_and_a_dimension_have_no_unit(scale):
    X = np.random.default_rng(0).normal(size=(200, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dimension = metrics.intrinsic_dimension(X * scale)
        assert dimension == pytest.approx(metrics.intrinsic_dimension(X), rel=1e-9)
        share = metrics.explained_variance(X * scale, 0.9 * X * scale)
        assert share == pytest.approx(metrics.explained_variance(X, 0.9 * X), rel=1e-9)
        ratio = metrics.psnr(X * scale, X * scale + 0.1 * scale, peak=scale)
        assert ratio == pytest.approx(20, rel=1e-9)


@pytest.mark.parametrize("fit", [metrics.pca_spectrum, lambda X: probabilistic_pca(X, 1)])
def test_fault_12_the_kind_variances_beyond_float64_are_refused(fit):
    with pytest.raises(ValueError, match="X must be smaller: .*variances are beyond float64"):
        fit(1e200 * NORMAL)


# 17: ids, widths and penalties that are far from usual --------------------------------------------


@pytest.mark.parametrize(
    "ids",
    [
        BITS * 10**9,
        BITS.astype(np.uint64) + np.uint64(2**63),
        (BITS * 255).astype(np.uint8),
        (BITS * 127).astype(np.int8),
        BITS * (2**63 - 1),
    ],
)
def test_fault_17_factor_ids_of_any_size_and_type_are_counted(ids):
    for score in (*INFORMATION, metrics.sap):
        np.testing.assert_array_equal(score(PERFECT, ids), score(PERFECT, BITS))


def test_fault_17_a_code_constant_to_the_last_place_has_no_information():
    codes = PERFECT.copy()
    codes[:, 1] = np.where(BITS[:, 1], 0.3, np.nextafter(0.3, 1))
    with pytest.warns(MeaninglessScoreWarning, match="constant.*code 1"):
        information = metrics.mutual_information(codes, BITS)
    assert np.all(information[1] == 0) and information[0, 0] == pytest.approx(math.log(2), rel=1e-3)


def test_fault_17_the_kind_any_number_of_bins_costs_no_memory():
    codes, ids = NORMAL[:500], np.random.default_rng(0).integers(400, size=(500, 2))
    fine = metrics.mutual_information(codes, ids, n_bins=500)
    with pytest.warns(MeaninglessScoreWarning):
        # A table of bins and values would take 3 GB. Each row is alone in its bin, so that all of
        # the entropy of the factor is known.
        finest = metrics.mutual_information(codes, ids, n_bins=1_000_000)
    assert np.all(fine <= finest)
    H = [stats.entropy(np.bincount(column)) for column in ids.T]
    assert finest == pytest.approx(np.tile(H, (2, 1)), rel=1e-12)
    with pytest.raises(ValueError, match="n_bins must be at most a million, got 1000000000"):
        metrics.mig(codes, ids, n_bins=10**9)


@pytest.mark.parametrize("C", [1e-300, 1e-13, 1e13, 1e300])
def test_fault_17_a_penalty_with_which_the_solver_does_not_end_is_refused(C):
    with pytest.raises(ValueError, match="C must be from 1e-12 to 1e12"):
        metrics.sap(PERFECT, BITS, C=C)


@pytest.mark.parametrize("score", [*INFORMATION, metrics.sap])
def test_fault_17_the_kind_codes_beyond_float32_are_refused(score):
    with pytest.raises(ValueError, match=r"codes must be in the range of float32.*got 1e\+100"):
        score(with_value(PERFECT, 1e100), BITS)


def test_fault_17_the_kind_small_integer_types_do_not_overflow():
    dataset = sprites.Sprites(8)
    table = metrics.Table(dataset.factors(np.arange(len(dataset))), dataset)
    small = {name: np.uint8(200) for name in ("n_train", "n_eval", "batch_size")}
    usual = dict.fromkeys(small, 200)
    for score in (metrics.beta_vae_score, metrics.factor_vae_score):
        got = [score(np.float64, table, rng=rng(), **budget) for budget in (small, usual)]
        assert got[0] == got[1]
    big = np.zeros((1, 400), np.float32)
    damaged = [hide_block(big, rng(), size=size) for size in (np.uint8(20), 20)]
    assert np.all(damaged[0] == damaged[1])


# 18: arrays of another type ----------------------------------------------------------------------

DAMAGES = {
    "gaussian": lambda x: corrupt(x, "gaussian", rng=rng()),
    "masking": lambda x: corrupt(x, "masking", rng=rng()),
    "salt_and_pepper": lambda x: corrupt(x, "salt_and_pepper", rng=rng()),
    "a function": lambda x: corrupt(x, lambda x, rng: x / 2, rng=rng()),
    "hide_block": lambda x: hide_block(x, rng()),
    "put_on_stripes": lambda masks: put_on_stripes(masks, rng()),
}


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, np.float16, ">f4", complex, object])
def test_fault_18_damage_to_other_than_floats_is_refused_by_name(name, dtype):
    message = r"(x|masks) must hold float32 or float64, got .*convert it"
    with pytest.raises(TypeError, match=message):
        DAMAGES[name](np.ones((3, 64)).astype(dtype))


def test_fault_18_the_kind_a_mask_of_nan_is_no_background():
    with pytest.raises(ValueError, match="masks must not be NaN"):
        put_on_stripes(np.full((1, 64), np.nan), rng())


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, ">f4", ">i4", complex, "U1"])
def test_fault_18_render_refuses_what_a_kernel_cannot_fill(dtype):
    out = np.zeros((1, 8, 8), dtype)
    if out.dtype == np.float64:  # where a long double is one
        pytest.skip("a long double is a float64 here")
    with pytest.raises(TypeError, match="out must be (of|an array of).*, got"):
        sprites.render([[0, 0, 0, 0, 0]], 8, out=out)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint64, np.float32, np.float64])
def test_fault_18_render_fills_what_it_says_it_fills(dtype):
    out = np.zeros((1, 8, 8), dtype)
    wanted = sprites.render([[0, 5, 0, 16, 16]], 8)
    assert np.array_equal(sprites.render([[0, 5, 0, 16, 16]], 8, out=out), wanted)
    assert wanted.any()


@pytest.mark.parametrize("noise_variance", [1e-17, 1e-100])
def test_fault_18_a_linear_gaussian_with_next_to_no_noise(noise_variance):
    # W along the axes: the features are independent, with variances 4, 9 and the noise's.
    X = np.array([[1.0, -2, 0], [0.5, 3, 0]])
    sd = np.sqrt(np.array([4, 9, 0]) + noise_variance)
    model = LinearGaussian([[0, 3, 0], [2, 0, 0]], np.zeros(3), noise_variance)
    want = stats.norm(0, sd).logpdf(X).sum(axis=1)
    assert model.log_likelihood(X) == pytest.approx(want, rel=1e-12)
    means, covariance = model.posterior(X)
    assert means == pytest.approx(X[:, [1, 0]] / [3, 2], rel=1e-12)
    assert np.diag(covariance) == pytest.approx(noise_variance / np.array([9, 4]), rel=1e-12)


# 16 and 24: numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [check_integer, check_number])
@pytest.mark.parametrize(
    "value",
    [
        10**20,
        2**63,
        -(2**63) - 1,
        10**400,
        pytest.param(10**5000, id="too long to print"),
        np.uint64(2**63),
    ],
)
def test_fault_24_integers_beyond_64_bits_are_refused_by_name(check, value):
    with pytest.raises(ValueError, match="max_iter must fit into 64 bits"):
        check("max_iter", value, minimum=1 if value > 0 else None)


@pytest.mark.parametrize(
    "value", [Fraction(1, 3), 1j, "1", None, True, np.array(1.0), np.array([1])]
)
def test_fault_24_what_is_no_int_or_float_is_refused_by_name(value):
    with pytest.raises(TypeError, match=r"alpha must be a number, got .*\("):
        check_number("alpha", value)
    with pytest.raises(TypeError, match=r"alpha must be an integer, got .*\("):
        check_integer("alpha", value)


@pytest.mark.parametrize("kind", [int, float, np.uint8, np.int64, np.float16, np.longdouble])
def test_fault_24_numbers_come_back_as_pythons_own(kind):
    assert type(check_number("a", kind(200))) is float and check_number("a", kind(200)) == 200
    if kind in (int, np.uint8, np.int64):
        assert type(check_integer("a", kind(200))) is int and check_integer("a", kind(200)) == 200


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: clouds.make_spiral(9, turns=1e-200), ValueError, "turns must be >= 1e-100"),
        (lambda: clouds.make_random(10**20), ValueError, "n must fit into 64 bits"),
        (lambda: sprites.Sprites(2**40), ValueError, "image_size must be at most 16384"),
        (
            lambda: sprites.render(np.full((1, 5), 2**63, np.uint64)),
            ValueError,
            "factors must fit into 64 bits",
        ),
        (lambda: sprites.render_values([["a"] * 5]), TypeError, "values must be real numbers"),
        (lambda: metrics.psnr([[1, 2], [3]], [[1]]), ValueError, "X must have rows of one length"),
        (lambda: probabilistic_pca(NORMAL, 10**20), ValueError, "n_components must fit into 64"),
        (lambda: iwae_bound("many"), TypeError, "log_weights must be an array of numbers"),
        (
            lambda: iwae_bound([[0, 1], [-np.inf, -np.inf]]),
            ValueError,
            "log_weights must be finite, got nothing but -inf in row 1",
        ),
        (
            lambda: iwae_bound([[0, 1], [0, np.nan]]),
            ValueError,
            "log_weights must be finite, got nan in row 1",
        ),
        (
            lambda: grid_posterior(lambda z: np.full(len(z), -np.inf), [[0, 1, 2]]),
            ValueError,
            "log_density must be above -inf somewhere on the grid, got -inf at all 3 points",
        ),
        (
            lambda: grid_posterior(lambda z: z[:, 0], [np.arange(10_000)] * 3),
            ValueError,
            "axes must make a grid of at most 100,000,000 points, got 1,000,000,000,000",
        ),
        (lambda: elbo(3, [0], [1], rng=rng()), TypeError, "log_density must be a function"),
        (lambda: elbo(str, [0], [1], rng=rng()), TypeError, "log_density must return an array"),
        (lambda: plotting.spectrum([0.0, 0.0]), ValueError, "eigenvalues must have a sum above 0"),
        (lambda: plotting.spectrum([[1.0]]), ValueError, r"eigenvalues must have shape \(n,\)"),
        (lambda: plotting.image_grid(np.zeros((0, 4, 4))), ValueError, "images must be"),
        (lambda: plotting.image_grid(np.zeros(16)), ValueError, "images must be"),
        (lambda: plotting.image_grid(np.zeros((2, 16)), 0), ValueError, "n_columns must be >= 1"),
        (lambda: plotting.traversal(np.zeros((2, 16))), ValueError, "images must be.*got shape"),
        (
            lambda: plotting.reconstructions(np.zeros((2, 16)), np.zeros((3, 16))),
            ValueError,
            "X_hat must have the shape of X",
        ),
        (
            lambda: elbo(lambda z: z[:, 0], [0], [np.nan], rng=rng()),
            ValueError,
            "covariance must be finite",
        ),
    ],
)
def test_faults_16_18_and_24_the_kind_no_error_of_numpys_own_comes_out(call, error, message):
    with pytest.raises(error, match=message):
        call()
