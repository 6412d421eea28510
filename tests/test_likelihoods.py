"""The likelihoods: each against its formula written again, its extremes, its means and samples."""

import naive
import numpy as np
import pytest
from naive import BACKENDS, DTYPES

from vae_numpy import kernels, losses
from vae_numpy.likelihoods import LIKELIHOODS

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
    assert names <= set(naive.LOSSES), "complete LOSSES in tests/naive.py"


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
def test_a_row_is_judged_by_itself(name):
    likelihood, (output, x) = make(name), draw(name)
    rows = [likelihood.log_prob(output[[i]], x[[i]])[0] for i in range(N)]
    np.testing.assert_allclose(likelihood.log_prob(output, x), rows, rtol=1e-14)
