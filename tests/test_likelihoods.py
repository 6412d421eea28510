"""The likelihoods: each against its formula written again, its extremes, its means and samples."""

import naive
import numpy as np
import pytest
from naive import BACKENDS, DTYPES, LAYOUTS
from scipy import integrate, special, stats
from sklearn.base import clone
from sklearn.metrics import log_loss

from vae_numpy import kernels, losses
from vae_numpy.likelihoods import LIKELIHOODS, SquaredError
from vae_numpy.models import VAE

N, D = 9, 5

each_likelihood = pytest.mark.parametrize("name", LIKELIHOODS)
backends = pytest.mark.parametrize("backend", BACKENDS)
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)
learns_a_variance = pytest.mark.parametrize(
    "name", [name for name, cls in LIKELIHOODS.items() if "variance" in cls.arguments]
)


def make(name, d=D, dtype=np.float64, **arguments):
    return LIKELIHOODS[name](d, dtype, **(naive.LIKELIHOODS[name].arguments(d) | arguments))


def draw(name, n=N, d=D, dtype=np.float64):
    """Draw an output of a decoder and data for it, (n, d) each."""
    rng = np.random.default_rng(0)
    output = 2 * rng.normal(size=(n, d))
    return output.astype(dtype), naive.LIKELIHOODS[name].data(rng, n, d).astype(dtype)


def log_variance(likelihood):
    own = getattr(likelihood, "log_variance", None)
    return None if own is None else own.value.astype(np.float64)


# What a new likelihood still lacks ------------------------------------------------------------


def test_every_likelihood_has_an_entry_in_naive():
    assert set(LIKELIHOODS) == set(naive.LIKELIHOODS), "complete LIKELIHOODS in tests/naive.py"


def test_every_kernel_of_a_likelihood_is_a_loss_with_an_entry_in_naive():
    names = {name for name in kernels.KERNELS if name.endswith("_nll")}
    assert not {name for name in names if not hasattr(losses, name)}, "add it to losses.py"
    missing = names - set(naive.LOSSES) - {"categorical_nll"}  # tested below: it knows blocks
    assert not missing, "complete LOSSES in tests/naive.py"


# All of them ----------------------------------------------------------------------------------


@backends
@dtypes
@each_likelihood
def test_densities_and_gradients(name, backend, dtype):
    likelihood, (output, x) = make(name, dtype=dtype), draw(name, dtype=dtype)
    log_p, v = naive.LIKELIHOODS[name].log_p, log_variance(likelihood)
    with kernels.use(backend):
        value, doutput = likelihood.nll(output, x)
    precise = output.astype(np.float64), x.astype(np.float64), v
    tolerance = 1e-12 if dtype is np.float64 else 1e-5
    np.testing.assert_allclose(likelihood.log_prob(output, x), log_p(*precise), rtol=1e-12)
    assert value == pytest.approx(-log_p(*precise).mean(), rel=tolerance)
    numeric = naive.gradient(lambda o: -log_p(o, *precise[1:]).mean(), output)
    assert doutput.dtype == dtype and type(value) is float
    assert naive.relative_error(doutput, numeric) < (1e-8 if dtype is np.float64 else 1e-5)


@backends
@learns_a_variance
@pytest.mark.parametrize("variance", [0.3, "learnt", "per_feature"])
def test_gradients_in_the_log_variance(name, backend, variance):
    likelihood, (output, x) = make(name, variance=variance), draw(name)
    v = likelihood.log_variance
    if variance != 0.3:
        v.value += np.random.default_rng(1).normal(size=v.value.shape)
    with kernels.use(backend):
        likelihood.nll(output, x)
    log_p = naive.LIKELIHOODS[name].log_p
    numeric = naive.gradient(lambda v: -log_p(output, x, v).mean(), v.value)
    assert v.value.shape == ((D,) if variance == "per_feature" else ())
    assert naive.relative_error(v.grad, numeric) < 1e-8
    assert likelihood.parameters() == ([] if variance == 0.3 else [v])


@backends
@dtypes
@each_likelihood
@pytest.mark.parametrize("size", [-1e4, 0.0, 1e4])
def test_everything_is_finite_at_outputs_of_ten_thousand(name, backend, dtype, size):
    likelihood, (output, x) = make(name, dtype=dtype), draw(name, dtype=dtype)
    output[...] = 0
    output[:, 0] = size
    output[0] = size
    with kernels.use(backend), np.errstate(all="raise", under="ignore"):
        value, doutput = likelihood.nll(output, x)
        log_p = likelihood.log_prob(output, x)
        mean, sample = likelihood.mean(output), likelihood.sample(output, np.random.default_rng(0))
    assert value == pytest.approx(-log_p.mean(), rel=1e-5)
    for array in (doutput, log_p, mean, sample):
        assert np.all(np.isfinite(array))
    assert doutput.dtype == mean.dtype == sample.dtype == dtype


@backends
@dtypes
@learns_a_variance
@pytest.mark.parametrize("logvar", [-80.0, 80.0])
def test_everything_is_finite_at_log_variances_of_80(name, backend, dtype, logvar):
    likelihood, (output, x) = make(name, dtype=dtype, variance="learnt"), draw(name, dtype=dtype)
    likelihood.log_variance.value[...] = logvar
    with kernels.use(backend), np.errstate(all="raise", under="ignore"):
        value, doutput = likelihood.nll(output, x)
        log_p = likelihood.log_prob(output, x)
        sample = likelihood.sample(output, np.random.default_rng(0))
    want = naive.LIKELIHOODS[name].log_p(output.astype(float), x.astype(float), logvar)
    np.testing.assert_allclose(log_p, want, rtol=1e-12)
    assert value == pytest.approx(-want.mean(), rel=1e-5)
    for array in (doutput, likelihood.log_variance.grad, sample):
        assert np.all(np.isfinite(array))


@dtypes
@each_likelihood
def test_samples_have_the_mean_and_are_data(name, dtype):
    likelihood, (output, _) = make(name, dtype=dtype), draw(name, 1, dtype=dtype)
    n = 40_000
    output = np.tile(output, (n, 1))
    X = likelihood.sample(output, np.random.default_rng(1))
    error = X.std(axis=0, dtype=np.float64) / np.sqrt(n)
    mean = likelihood.mean(output[:1])[0]
    assert X.dtype == mean.dtype == dtype and X.shape == (n, D)
    assert np.all(np.abs(X.mean(axis=0, dtype=np.float64) - mean) <= 4 * error)
    np.testing.assert_array_equal(likelihood.check_data(X, "the test"), X)
    again = likelihood.sample(output, np.random.default_rng(1))
    np.testing.assert_array_equal(X, again)


@each_likelihood
def test_the_elbo_is_the_three_densities_of_the_drawn_codes(name):
    x = draw(name, 40)[1]
    arguments = naive.LIKELIHOODS[name].arguments(D)
    vae = VAE(2, (6,), likelihood=name, max_iter=3, random_state=0, **arguments).fit(x)
    mu, logvar = vae.encode(x)
    std = np.exp(logvar / 2)
    z = mu + std * np.random.default_rng(7).standard_normal(mu.shape)
    output = z
    for layer in vae.decoder_.layers:
        activation = np.tanh if layer.activation == "tanh" else lambda a: a
        output = activation(output @ layer.W.value + layer.b.value)
    log_p = naive.LIKELIHOODS[name].log_p(output, x, log_variance(vae.likelihood_))
    log_ratio = stats.norm.logpdf(z) - stats.norm(mu, std).logpdf(z)
    want = np.mean(log_p + log_ratio.sum(axis=1))
    assert vae.elbo(x, random_state=7) == pytest.approx(want, rel=1e-12)


@each_likelihood
def test_a_row_is_judged_by_itself(name):
    likelihood, (output, x) = make(name), draw(name)
    rows = [likelihood.log_prob(output[[i]], x[[i]])[0] for i in range(N)]
    np.testing.assert_allclose(likelihood.log_prob(output, x), rows, rtol=1e-14)


# Laplace --------------------------------------------------------------------------------------


def test_the_laplace_density_is_scipys():
    likelihood, (output, x) = make("laplace", variance=0.7), draw("laplace")
    b = np.sqrt(0.7 / 2)  # its variance is 2 b^2
    want = stats.laplace(output, b).logpdf(x).sum(axis=1)
    np.testing.assert_allclose(likelihood.log_prob(output, x), want, rtol=1e-13)
    value, dmean, dlogvar = losses.laplace_nll(output, np.log(0.7), x)
    assert value == pytest.approx(-want.mean(), rel=1e-13)


@backends
def test_the_best_laplace_is_the_median_with_the_mean_distance_from_it(backend):
    x = np.random.default_rng(0).standard_cauchy((101, 3))
    median = np.tile(np.median(x, axis=0), (101, 1))
    b = np.abs(x - median).mean(axis=0)
    with kernels.use(backend):
        _, dmean, dlogvar = losses.laplace_nll(median, np.log(2 * b**2), x)
    assert np.all(np.abs(dmean.sum(axis=0)) < 1e-12)  # as many above as below, and 0 at itself
    assert np.all(np.abs(dlogvar) < 1e-12)


@learns_a_variance
def test_samples_have_the_distribution(name):
    likelihood, n = make(name, 1, variance=2.5), 20_000
    x = likelihood.sample(np.full((n, 1), 3.0), np.random.default_rng(0))[:, 0]
    scipys = {"gaussian": stats.norm, "laplace": stats.laplace}[name]
    std = np.sqrt(2.5)
    assert stats.kstest(x, scipys(3.0, std / scipys.std()).cdf).pvalue > 1e-4
    kurtosis = float(scipys.stats(moments="k")) + 3
    assert abs(x.var() - 2.5) < 4 * 2.5 * np.sqrt((kurtosis - 1) / n)


# Continuous Bernoulli -------------------------------------------------------------------------

SIZES = (1e-8, 1e-4, 0.0999, 0.1001, 2.0, 40.0, 300.0)
LOGITS = [0.0, *SIZES, *(-size for size in SIZES)]


def by_quadrature(logit):
    """Return log Z and the mean of the density e^(l x) / Z on [0, 1]."""
    top = max(logit, 0.0)
    around = [1 - 30 / logit if logit > 0 else -30 / logit] if abs(logit) > 31 else None

    def moment(f):
        return integrate.quad(
            lambda x: f(x) * np.exp(logit * x - top), 0, 1, points=around, epsabs=0, epsrel=1e-13
        )[0]

    Z = moment(lambda x: 1.0)
    return np.log(Z) + top, moment(lambda x: x) / Z


@backends
@dtypes
@pytest.mark.parametrize("logit", LOGITS)
def test_the_continuous_bernoulli_is_its_integrals(backend, dtype, logit):
    x, logits = np.array([[0.0, 0.3, 1.0]], dtype), np.full((1, 3), logit, dtype)
    log_Z, mean = by_quadrature(float(logits[0, 0]))
    likelihood = make("continuous_bernoulli", 3, dtype)
    with kernels.use(backend):
        value, dlogits = losses.continuous_bernoulli_nll(logits, x)
    want = log_Z - x[0].astype(float) * float(logits[0, 0])
    np.testing.assert_allclose(-likelihood.log_prob(logits, x), want.sum(), rtol=1e-12, atol=1e-14)
    near = 1e-12 if dtype is np.float64 else 4 * float(np.finfo(dtype).eps)
    assert value == pytest.approx(want.sum(), rel=near, abs=1e-14)
    np.testing.assert_allclose(likelihood.mean(logits), np.full((1, 3), mean), rtol=near)
    np.testing.assert_allclose(dlogits, [mean - x[0]], rtol=near, atol=near)


@backends
@dtypes
def test_the_continuous_bernoulli_at_logits_of_ten_thousand(backend, dtype):
    """There Z is e^l / l or 1 / |l|: an exponential distribution from one of the ends."""
    logits, x = np.array([[1e4, 1e4, -1e4, -1e4]], dtype), np.array([[0, 1, 0, 1]], dtype)
    with kernels.use(backend), np.errstate(all="raise", under="ignore"):
        value, dlogits = losses.continuous_bernoulli_nll(logits, x)
    assert value == pytest.approx(2e4 - 4 * np.log(1e4), rel=1e-7)
    np.testing.assert_allclose(dlogits, [[1 - 1e-4, -1e-4, 1e-4, 1e-4 - 1]], rtol=1e-3)
    np.testing.assert_allclose(dlogits[0, [0, 2]], [1 - 1e-4, 1e-4], rtol=1e-6)


@pytest.mark.parametrize("logit", [*LOGITS, 1e4, -1e4, 1e-300])
def test_continuous_bernoulli_samples_have_the_distribution(logit):
    n = 20_000
    likelihood = make("continuous_bernoulli", 1)
    x = likelihood.sample(np.full((n, 1), logit), np.random.default_rng(0))[:, 0]

    def F(x):
        if abs(logit) < 1e-6:
            return x
        if logit < 0:
            return np.expm1(logit * x) / np.expm1(logit)
        return np.exp(logit * (x - 1)) * np.expm1(-logit * x) / np.expm1(-logit)

    assert x.min() >= 0 and x.max() <= 1
    assert stats.kstest(x, F).pvalue > 1e-4


# Categorical ----------------------------------------------------------------------------------


@backends
def test_categorical_nll_is_scikit_learns_log_loss_block_by_block(backend):
    (logits, x), sizes = draw("categorical", 30, 9), (2, 1, 6)
    x = np.concatenate([np.eye(k)[np.arange(30) % k] for k in sizes], axis=1)
    want = 0.0
    for i, j in [(0, 2), (3, 9)]:  # a block of one column says nothing
        want += log_loss(x[:, i:j].argmax(axis=1), special.softmax(logits[:, i:j], axis=1))
    with kernels.use(backend):
        value, dlogits = losses.categorical_nll(logits, x, sizes)
    assert value == pytest.approx(want, rel=1e-12)
    assert not dlogits[:, 2].any()
    likelihood = LIKELIHOODS["categorical"](9, np.float64, categories=sizes)
    softmax = [special.softmax(logits[:, i:j], axis=1) for i, j in [(0, 2), (2, 3), (3, 9)]]
    np.testing.assert_allclose(likelihood.mean(logits), np.concatenate(softmax, axis=1), rtol=1e-13)


@backends
@dtypes
@pytest.mark.parametrize("layout", LAYOUTS)
def test_categorical_nll_is_the_naive_loop(backend, dtype, layout):
    for n, d in [(1, 1), (1, 7), (5, 2), (6, 5)]:
        logits, x = (LAYOUTS[layout](a) for a in draw("categorical", n, d, dtype))
        sizes = naive.blocks(d)
        with kernels.use(backend):
            value, dlogits = losses.categorical_nll(logits, x, sizes)
        numeric = naive.gradient(lambda a: naive.categorical_nll(a, x, sizes), logits)  # noqa: B023
        eps = float(np.finfo(dtype).eps)
        assert value == pytest.approx(naive.categorical_nll(logits, x, sizes), rel=8 * eps, abs=eps)
        assert dlogits.dtype == dtype and type(value) is float
        np.testing.assert_allclose(dlogits, numeric, atol=1e-10 if dtype is np.float64 else 1e-6)


@backends
@dtypes
def test_categorical_nll_at_logits_of_ten_thousand(backend, dtype):
    logits = np.array([[1e4, -1e4, 1e4, -1e4, 0, 1e4]], dtype)
    x = np.array([[1, 0, 0, 1, 1, 0]], dtype)
    with kernels.use(backend), np.errstate(all="raise", under="ignore"):
        value, dlogits = losses.categorical_nll(logits, x, (2, 2, 2))
    assert value == 3e4  # 0 where the largest is right, else what it is ahead
    np.testing.assert_array_equal(dlogits, [[0, 0, 1, -1, -1, 1]])


@backends
@pytest.mark.parametrize("place", range(5))
def test_a_nan_in_a_categorical_shows_in_its_own_block_only(backend, place):
    logits, x = draw("categorical", 4, 5)
    for array in (logits, x):
        kept, array[2, place] = array[2, place], np.nan
        with kernels.use(backend):
            value, dlogits = losses.categorical_nll(logits, x, (3, 2))
        array[2, place] = kept
        rows, columns = np.nonzero(np.isnan(dlogits))
        assert np.isnan(value) and set(rows) == {2} and place in columns
        assert len({column // 3 for column in columns}) == 1


BAD_CATEGORIES = [
    ({"categories": None}, TypeError, r"categories must be a tuple of .* got None"),
    ({"categories": 5}, TypeError, r"categories must be a tuple of .* got 5"),
    ({"categories": (3, 2.0)}, TypeError, r"categories must be an integer, got 2.0"),
    ({"categories": (3, 2, 0)}, ValueError, r"categories must be >= 1, got 0"),
    ({"categories": (3, 3)}, ValueError, r"categories must sum .* 5, got \(3, 3\) .* sum 6"),
    ({"categories": ()}, ValueError, r"categories must sum .* 5, got \(\)"),
    *[
        (
            {"likelihood": name, "categories": (3, 2)},
            ValueError,
            f"categories must be None with likelihood='{name}', got",
        )
        for name, cls in LIKELIHOODS.items()
        if "categories" not in cls.arguments
    ],
]


@pytest.mark.parametrize("arguments, kind, message", BAD_CATEGORIES)
def test_categories_that_do_not_fit_are_refused_by_name(arguments, kind, message):
    vae = VAE(1, (), **({"likelihood": "categorical"} | arguments))
    with pytest.raises(kind, match=message):
        vae.fit(draw("categorical")[1])
    assert not hasattr(vae, "encoder_")


@pytest.mark.parametrize("variance", [0.5, "learnt", "per_feature"])
@pytest.mark.parametrize(
    "name", [name for name, cls in LIKELIHOODS.items() if "variance" not in cls.arguments]
)
def test_a_variance_of_a_likelihood_that_has_none_is_refused_by_name(name, variance):
    x, arguments = draw(name)[1], naive.LIKELIHOODS[name].arguments(D)
    vae = VAE(1, (), likelihood=name, variance=variance, max_iter=1, **arguments)
    with pytest.raises(ValueError, match=f"variance must be 1.0 with likelihood='{name}', got"):
        vae.fit(x)
    assert not hasattr(vae, "encoder_")
    vae.set_params(variance=1).fit(x)


@learns_a_variance
@pytest.mark.parametrize(
    "variance, message", [(0, "> 0, got 0"), ("each", "one of 'learnt', 'per_feature', got 'each'")]
)
def test_a_variance_that_is_none_is_refused_by_name(name, variance, message):
    with pytest.raises(ValueError, match=f"^variance must be {message}"):
        make(name, variance=variance)


@learns_a_variance
def test_the_variance_is_1_where_nothing_is_said_and_where_learning_starts(name):
    for variance in ({}, {"variance": "learnt"}, {"variance": "per_feature"}):
        assert not make(name, **variance).log_variance.value.any()  # its logarithm


@pytest.mark.parametrize("name", ["bernoulli", "continuous_bernoulli", "categorical"])
def test_data_without_a_density_are_refused_with_the_reason(name):
    with pytest.raises(ValueError, match=r"^X must .* for a reason, got"):
        make(name).check_data(np.full((2, D), 2.0), "a reason")


def test_not_even_the_least_random_number_draws_what_has_the_probability_0():
    class Zeros(np.random.Generator):
        def random(self, shape):
            return np.zeros(shape)

    output = np.array([[-1000.0, 1000.0]])
    drawn = make("bernoulli", 2).sample(output, Zeros(np.random.PCG64(0)))
    np.testing.assert_array_equal(drawn, [[0, 1]])


@backends
@dtypes
def test_the_squared_error_is_that_of_each_row(backend, dtype):
    output = np.array([[1.0, 2.0], [3.0, 1e-4]], dtype)
    x = np.array([[0.0, 2.0], [5.0, 0.0]], dtype)
    with kernels.use(backend):
        value, doutput = SquaredError().nll(output, x)
    assert value == pytest.approx((1 + 4) / 2, rel=1e-8)
    np.testing.assert_allclose(doutput, output - x)  # 2 / N = 1
    log_prob = SquaredError().log_prob(output, x)
    assert log_prob.dtype == np.float64
    np.testing.assert_allclose(log_prob, [-1, -4 - float(output[1, 1]) ** 2], rtol=1e-15)


@each_likelihood
def test_a_likelihood_prints_as_its_name(name):
    assert repr(make(name)) == f"{LIKELIHOODS[name].__name__}()"


@pytest.mark.parametrize(
    "row", [[0, 0, 0, 1, 0], [1, 1, 0, 1, 0], [0.5, 0.5, 0, 1, 0], [2, 0, -1, 1, 0]]
)
def test_rows_that_are_no_one_hot_blocks_are_refused(row):
    x = draw("categorical")[1]
    vae = VAE(1, (), likelihood="categorical", categories=(3, 2), max_iter=1).fit(x)
    x[4] = row
    message = r"must have one 1 .*in row 4, columns 0 to 2"
    for call in (vae.fit, vae.elbo, vae.score, vae.log_likelihood):
        with pytest.raises(ValueError, match="X " + message):
            call(x)
    with pytest.raises(ValueError, match="x " + message):
        losses.categorical_nll(np.zeros_like(x), x, (3, 2))


def test_one_hot_blocks_a_rounding_off_are_taken_for_what_they_are():
    x = draw("categorical")[1]
    near = x * (1 + 1e-7)
    vae = VAE(1, (), likelihood="categorical", categories=(3, 2), random_state=0, max_iter=2)
    np.testing.assert_array_equal(clone(vae).fit(near)._check_data(near), x)


@pytest.mark.parametrize("categories", [(3, 2), [3, 2], np.array([3, 2]), (np.int64(3), 2)])
def test_categories_are_saved_loaded_and_kept(categories, tmp_path):
    x = draw("categorical", 40)[1]
    vae = VAE(2, (6,), likelihood="categorical", categories=categories, random_state=0, max_iter=3)
    clone(vae).fit(x).save(tmp_path / "vae.npz")
    loaded = VAE.load(tmp_path / "vae.npz")
    assert loaded.categories == (3, 2)
    samples = loaded.sample(50, random_state=0)
    np.testing.assert_array_equal(samples, loaded.likelihood_.check_data(samples, ""))
    loaded.set_params(max_iter=5).resume(x)
    whole = clone(vae).set_params(max_iter=5).fit(x)
    np.testing.assert_array_equal(loaded.sample(9, random_state=0), whole.sample(9, random_state=0))
    assert loaded.history_["loss"] == whole.history_["loss"]
    with pytest.raises(ValueError, match=r"categories must stay \(3, 2\)"):
        loaded.set_params(warm_start=True, categories=(1, 4)).fit(np.eye(5)[[0, 0]] + np.eye(5)[1])


def test_a_categorical_vae_learns_what_goes_together():
    """Two variables of three values that always agree: one latent says which."""
    value = np.random.default_rng(0).integers(0, 3, 600)
    x = np.tile(np.eye(3)[value], 2)
    vae = VAE(2, (16,), likelihood="categorical", categories=(3, 3), learning_rate_init=0.01)
    vae.set_params(max_iter=60, random_state=0).fit(x)
    samples = vae.sample(2000, random_state=0)
    agree = np.mean(samples[:, :3].argmax(axis=1) == samples[:, 3:].argmax(axis=1))
    assert agree > 0.8  # a model of each variable by itself: 1/3
    assert vae.elbo(x, 20, random_state=0) > -2 * np.log(3)  # what that model would have
