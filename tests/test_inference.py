"""Inference against scipy's densities, quadrature, closed forms and published numbers.

"Facts" are the numbered known answers of section 4 of the project's list. Exact quantities agree
to 1e-10; sampled ones lie within four standard errors of the truth.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.special import logsumexp

from tests import naive
from vae_numpy import losses
from vae_numpy.inference import (
    LinearGaussian,
    elbo,
    fit_gaussian,
    gaussian_divergence,
    grid_posterior,
    iwae_bound,
    probabilistic_pca,
    reparameterised_gradient,
    score_function_gradient,
)

EXACT = {"rel": 1e-10, "abs": 1e-10}
seeds = st.integers(0, 2**31)


def random_covariance(rng, K):
    A = rng.standard_normal((K, K))
    return A @ A.T + 0.5 * np.eye(K)


def random_model(rng, K, D):
    return LinearGaussian(
        rng.standard_normal((K, D)), rng.standard_normal(D), rng.uniform(0.1, 1.0)
    )


def log_normal(mean, covariance, log_normaliser=0.0):
    """A Gaussian log-density from scipy, times a normaliser that the code must find."""
    p = stats.multivariate_normal(mean, covariance)
    return lambda z: p.logpdf(z).reshape(len(z)) + log_normaliser


def within_four_errors(samples, truth):
    error = samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    return np.all(np.abs(samples.mean(axis=0) - truth) <= 4 * error + 1e-12)


# Probabilistic PCA -------------------------------------------------------------------------


@given(seed=seeds, K=st.integers(1, 3), D=st.integers(4, 6))
def test_ppca_likelihood_is_tipping_and_bishops(seed, K, D):
    X = np.random.default_rng(seed).standard_normal((50, D)) @ np.diag(np.arange(1.0, D + 1))
    X += 3
    model = probabilistic_pca(X, K)
    lam = np.sort(np.linalg.eigvals(np.cov(X.T, bias=True)).real)[::-1]
    s2 = lam[K:].mean()
    assert model.noise_variance == pytest.approx(s2, **EXACT)
    by_formula = -0.5 * (D * np.log(2 * np.pi) + np.log(lam[:K]).sum() + (D - K) * np.log(s2) + D)
    assert model.log_likelihood(X).mean() == pytest.approx(by_formula, **EXACT)
    by_scipy = stats.multivariate_normal(model.mean, model.W.T @ model.W + s2 * np.eye(D))
    np.testing.assert_allclose(model.log_likelihood(X), by_scipy.logpdf(X), rtol=1e-10)


def test_ppca_agrees_with_scikit_learn():
    from sklearn.decomposition import PCA

    X = np.random.default_rng(0).standard_normal((40, 5)) * [3, 2, 1, 0.5, 0.5]
    pca = PCA(2).fit(X)  # its covariance divides by N - 1
    model = probabilistic_pca(X, 2)
    ours = model.W.T @ model.W + model.noise_variance * np.eye(5)
    np.testing.assert_allclose(ours * 40 / 39, pca.get_covariance(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_ppca_finds_no_noise_in_rounding_and_loses_none_to_the_unit(size):
    rng = np.random.default_rng(0)
    line = size * rng.standard_normal((50, 1)) * [3, 1 / 3]
    noise = 1e-4 * size * rng.standard_normal((50, 2))
    for faint in (0, 1e-4 * noise):
        with pytest.raises(ValueError, match="got no variance there"):
            probabilistic_pca(line + faint, 1)
    model = probabilistic_pca(line + noise, 1)
    assert model.noise_variance == pytest.approx((1e-4 * size) ** 2, rel=4 * np.sqrt(2 / 49))


def test_no_other_parameters_are_more_likely():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4)) * [3, 2, 1, 1]
    best = probabilistic_pca(X, 2)
    for _ in range(200):
        other = LinearGaussian(
            best.W + 0.05 * rng.standard_normal((2, 4)),
            best.mean + 0.05 * rng.standard_normal(4),
            best.noise_variance * np.exp(0.1 * rng.standard_normal()),
        )
        assert other.log_likelihood(X).mean() < best.log_likelihood(X).mean()


@given(seed=seeds, K=st.integers(1, 5))
def test_posterior_is_the_conditional_of_the_joint_gaussian(seed, K):
    rng = np.random.default_rng(seed)
    model, x = random_model(rng, K, 3), rng.standard_normal((4, 3))
    # (z, x) is jointly Gaussian; condition on x by Schur's complement, knowing nothing of W's role.
    zx = model.W
    xx = model.W.T @ model.W + model.noise_variance * np.eye(3)
    means, covariance = model.posterior(x)
    np.testing.assert_allclose(means, (x - model.mean) @ np.linalg.inv(xx) @ zx.T, atol=1e-10)
    np.testing.assert_allclose(covariance, np.eye(K) - zx @ np.linalg.inv(xx) @ zx.T, atol=1e-10)


def test_a_model_keeps_numbers_in_double_whatever_it_is_given():
    model = LinearGaussian([[1, 1]], [0, 0], 1)
    assert model.W.dtype == model.mean.dtype == np.float64
    assert isinstance(model.noise_variance, float)


@given(seed=seeds)
def test_bayes_rule(seed):
    # log p(x, z) - log p(z | x) = log p(x), whatever z.
    rng = np.random.default_rng(seed)
    model, x, z = random_model(rng, 2, 3), rng.standard_normal(3), rng.standard_normal((5, 2))
    means, covariance = model.posterior(x[None])
    posterior = stats.multivariate_normal(means[0], covariance)
    evidence = model.log_joint(x, z) - posterior.logpdf(z)
    np.testing.assert_allclose(evidence, model.log_likelihood(x[None])[0], rtol=1e-10, atol=1e-10)


def test_linear_vae_reaches_the_likelihood_and_pays_for_a_rotation():
    # Facts 3 and 4: with R = I the posterior is diagonal, a diagonal q is exact. With W rotated,
    # the best diagonal q has the variances 1 / (S^-1)_ii, and the ELBO drops by
    # 1/2 [sum ln (S^-1)_ii + ln det S].
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 5)) * [3, 2, 1.5, 1, 1]
    model = probabilistic_pca(X, 3)
    means, S = model.posterior(X)
    assert np.abs(S - np.diag(np.diag(S))).max() < 1e-12
    log_p = model.log_likelihood(X)
    np.testing.assert_allclose(model.elbo(X, means, np.diag(S)), log_p, rtol=1e-12)

    R = stats.ortho_group.rvs(3, random_state=1)
    rotated = LinearGaussian(R @ model.W, model.mean, model.noise_variance)
    np.testing.assert_allclose(rotated.log_likelihood(X), log_p, rtol=1e-12)
    means, S = rotated.posterior(X)
    precisions = np.diag(np.linalg.inv(S))
    drop = 0.5 * (np.log(precisions).sum() + np.linalg.slogdet(S)[1])
    assert drop > 0.1  # else the test would show nothing
    lost = rotated.log_likelihood(X) - rotated.elbo(X, means, 1 / precisions)
    np.testing.assert_allclose(lost, drop, rtol=1e-10)


# Known values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mu", "s2", "published"), [(1, 1, 0.5), (0, 4, 0.806853), (2, 0.25, 2.318147)]
)
def test_kl_to_the_standard_normal(mu, s2, published):
    q, p = stats.norm(mu, np.sqrt(s2)), stats.norm()
    quadrature, _ = integrate.quad(
        lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), mu - 12 * s2**0.5, mu + 12 * s2**0.5
    )
    assert quadrature == pytest.approx(published, abs=5e-7)
    assert gaussian_divergence([mu], [s2], [0], [1]) == pytest.approx(quadrature, **EXACT)
    of_a_loss, _, _ = losses.gaussian_kl(np.array([[mu]], float), np.log([[s2]]))
    assert of_a_loss == pytest.approx(quadrature, **EXACT)


def test_kl_between_full_gaussians_is_a_mean_of_log_ratios():
    rng = np.random.default_rng(0)
    m_q, m_p = rng.standard_normal((2, 3))
    Q, P = random_covariance(rng, 3), random_covariance(rng, 3)
    z = rng.multivariate_normal(m_q, Q, size=100_000)
    ratios = log_normal(m_q, Q)(z) - log_normal(m_p, P)(z)
    assert within_four_errors(ratios, gaussian_divergence(m_q, Q, m_p, P))
    assert gaussian_divergence(m_q, Q, m_q, Q) == pytest.approx(0, abs=1e-12)


def test_gaussian_nll_at_its_best_variance():
    # 1/2 ln 2pi a dimension at no error, and 1/2 (ln(2 pi MSE) + 1) with sigma^2 = MSE.
    x = np.random.default_rng(0).standard_normal((100, 1))
    at_rest, _, _ = losses.gaussian_nll(x, 0.0, x)
    assert at_rest == pytest.approx(0.5 * np.log(2 * np.pi), **EXACT)
    mse = np.mean(x**2)
    value, _, dlogvar = losses.gaussian_nll(np.zeros_like(x), np.log(mse), x)
    assert value == pytest.approx(0.5 * (np.log(2 * np.pi * mse) + 1), **EXACT)
    assert dlogvar == pytest.approx(0, abs=1e-12)


# The one-dimensional example ----------------------------------------------------------------

EXAMPLE = LinearGaussian(W=[[1.5]], mean=[0.0], noise_variance=0.25)
TWO_FEATURES = LinearGaussian(W=[[1.0, 1.0]], mean=[0.0, 0.0], noise_variance=1)
ONE = np.array([1.0])


def example_posterior():
    means, covariance = EXAMPLE.posterior([[1.0]])
    return means[0], covariance


def test_the_example_in_closed_form():
    log_p = stats.norm(0, np.sqrt(1.5**2 + 0.25)).logpdf(1)
    assert log_p == pytest.approx(-1.5771, abs=5e-5)
    assert EXAMPLE.log_likelihood([[1.0]])[0] == pytest.approx(log_p, **EXACT)

    mean, covariance = example_posterior()
    assert mean[0] == pytest.approx(0.6, **EXACT)  # w x / (w^2 + sigma^2)
    assert covariance[0, 0] == pytest.approx(0.1, **EXACT)  # sigma^2 / (w^2 + sigma^2)
    for m, s2, published in [(0, 1, -6.7258), (0.6, 0.15, -1.6244)]:
        q, likelihood = stats.norm(m, np.sqrt(s2)), stats.norm(1, 0.5)
        quadrature, _ = integrate.quad(
            lambda z, q=q, e=likelihood: (
                q.pdf(z) * (e.logpdf(1.5 * z) + stats.norm.logpdf(z) - q.logpdf(z))
            ),
            m - 12 * s2**0.5,
            m + 12 * s2**0.5,
        )
        assert quadrature == pytest.approx(published, abs=5e-5)
        exact = EXAMPLE.elbo([[1.0]], [[m]], [s2])[0]
        assert exact == pytest.approx(quadrature, **EXACT)
        gap = gaussian_divergence([m], [s2], mean, covariance)
        assert log_p - exact == pytest.approx(gap, **EXACT)


def test_sampled_elbo_agrees_with_the_exact_one():
    def log_joint(z):
        return EXAMPLE.log_joint(ONE, z)

    rng = np.random.default_rng(0)
    for m, s2 in [(0, 1), (0.6, 0.15), (0.6, 0.1)]:
        value, error = elbo(log_joint, [m], [s2], n_samples=100_000, rng=rng)
        assert abs(value - EXAMPLE.elbo([[1.0]], [[m]], [s2])[0]) <= 4 * error
        assert 0 < error < 0.05


def test_the_quadrature_itself():
    # One weight gives the ELBO in closed form, two an integral over a plane.
    assert iwae_by_quadrature(1) == pytest.approx(EXAMPLE.elbo([[1.0]], [[0]], [1])[0], **EXACT)
    z = np.linspace(-9, 9, 901)
    log_w, prior = stats.norm(1.5 * z, 0.5).logpdf(1), stats.norm.pdf(z)
    values = (np.logaddexp(log_w[:, None], log_w) - np.log(2)) * np.outer(prior, prior)
    plane = integrate.trapezoid(integrate.trapezoid(values, z), z)
    assert iwae_by_quadrature(2) == pytest.approx(plane, **EXACT)


def iwae_by_quadrature(M):
    """E log (1/M) sum w without sampling, by log y = integral of (e^-t - e^-ty) / t over t > 0.

    The mean of e^-t(w_1 + ... + w_M) is that of one weight to the power M, an integral over z.
    With t = e^u the integrand is smooth and flat at both ends.
    """
    z, u = np.linspace(-14, 14, 1401), np.linspace(-40, 500, 5401)
    w = stats.norm(1.5 * z, 0.5).pdf(1)  # q is the prior, so that w = p(x | z)
    prior = stats.norm.pdf(z)
    one_weight = [
        integrate.trapezoid(prior * np.expm1(-np.minimum(np.exp(t) * w, 700)), z) for t in u
    ]
    integrand = np.exp(-np.exp(np.minimum(u, 6))) - (1 + np.array(one_weight)) ** M
    return integrate.trapezoid(integrand, u) - np.log(M)


# The last column is how far the number before it may be off: half of its last digit, but for 2 and
# 100 weights, where it was sampled (the integrals are -3.2447 and -1.5861).
@pytest.mark.parametrize(
    ("M", "listed", "off"),
    [
        (1, -6.7258, 5e-5),
        (2, -3.21, 0.04),
        (5, -1.90, 5e-3),
        (10, -1.69, 5e-3),
        (100, -1.585, 2e-3),
    ],
)
def test_iwae_on_the_example(M, listed, off):
    truth = iwae_by_quadrature(M)
    assert truth == pytest.approx(listed, abs=off)
    assert truth < EXAMPLE.log_likelihood([[1.0]])[0]
    z = np.random.default_rng(0).standard_normal((20_000, M))
    bounds, _ = iwae_bound(stats.norm(1.5 * z, 0.5).logpdf(1))
    assert within_four_errors(bounds, truth)


def test_iwae_with_the_exact_posterior_has_no_variance():
    mean, covariance = example_posterior()
    z = np.random.default_rng(0).normal(mean[0], np.sqrt(covariance[0, 0]), (50, 1))
    log_w = EXAMPLE.log_joint(ONE, z) - stats.norm(mean[0], covariance[0, 0] ** 0.5).logpdf(z[:, 0])
    bound, error = iwae_bound(log_w)
    assert bound == pytest.approx(EXAMPLE.log_likelihood([[1.0]])[0], **EXACT)
    assert error < 1e-12


@pytest.mark.parametrize("shift", [-1e4, 0, 1e4])
def test_iwae_is_a_log_mean_exp_at_any_size(shift):
    log_w = np.random.default_rng(0).standard_normal((3, 7)) + shift
    bound, error = iwae_bound(log_w)
    np.testing.assert_allclose(bound, logsumexp(log_w, axis=-1) - np.log(7), rtol=1e-12)
    w = np.exp(log_w - shift)
    np.testing.assert_allclose(error, stats.sem(w, axis=1) / w.mean(axis=1), rtol=1e-6)


def test_iwae_edge_cases():
    assert iwae_bound([-1e4, 1e4])[0] == pytest.approx(1e4 - np.log(2))
    assert iwae_bound([0.0, -np.inf])[0] == pytest.approx(-np.log(2))  # a weight may be zero
    bound, error = iwae_bound([3.0])
    assert bound == 3 and np.isnan(error)
    _, errors = iwae_bound(np.zeros((4, 1)))
    assert errors.shape == (4,) and np.isnan(errors).all()
    # Weights of 1 and 3: their standard deviation is the root of 2, their mean 2.
    assert iwae_bound(np.log([1.0, 3.0]))[1] == pytest.approx(0.5, **EXACT)
    for bad in ([0.0, np.nan], [np.inf, 0.0], [-np.inf, -np.inf]):
        with pytest.raises(ValueError, match="log_weights must be finite, got"):
            iwae_bound(bad)
    for shape, where in (((2,), ""), ((3, 2), " in row 2"), ((3, 2, 2), " in row 2, 1")):
        weights = np.zeros(shape)
        weights.flat[-1] = np.nan
        with pytest.raises(ValueError, match=f"got nan{where}$"):
            iwae_bound(weights)
    for bad in (0.0, [], np.zeros((3, 0))):
        with pytest.raises(ValueError, match="log_weights must have shape"):
            iwae_bound(bad)


# Gradient estimators (fact 10) --------------------------------------------------------------


@pytest.mark.parametrize(("mu", "s2"), [(1.0, 1.0), (1.0, 0.1), (-2.0, 0.5)])
def test_variances_of_the_two_estimators(mu, s2):
    # f(z) = z^2, d/dmu E f = 2 mu: the variance is 4 s2, and mu^4/s2 + 14 mu^2 + 15 s2.
    eps = np.random.default_rng(0).standard_normal((200_000, 1))
    scale = [[np.sqrt(s2)]]
    by_path, _ = reparameterised_gradient(lambda z: 2 * z, [mu], scale, eps)
    by_score, _ = score_function_gradient(lambda z: z[:, 0] ** 2, [mu], scale, eps)
    formula = {"path": 4 * s2, "score": mu**4 / s2 + 14 * mu**2 + 15 * s2}
    for name, samples in [("path", by_path[:, 0]), ("score", by_score[:, 0])]:
        assert within_four_errors(samples, 2 * mu)
        assert within_four_errors((samples - 2 * mu) ** 2, formula[name])


def test_the_score_formula_is_right_by_quadrature():
    for mu, s2 in [(1.0, 1.0), (1.0, 0.1), (-2.0, 0.5)]:
        q = stats.norm(mu, np.sqrt(s2))
        second_moment, _ = integrate.quad(
            lambda z, q=q, mu=mu, s2=s2: q.pdf(z) * (z**2 * (z - mu) / s2) ** 2,
            mu - 14 * s2**0.5,
            mu + 14 * s2**0.5,
        )
        formula = mu**4 / s2 + 14 * mu**2 + 15 * s2
        assert second_moment - 4 * mu**2 == pytest.approx(formula, **EXACT)


@pytest.mark.parametrize("baseline", [False, True])
def test_both_estimators_have_the_exact_gradient_as_their_mean(baseline):
    # For a Gaussian target the ELBO is minus a KL: its gradient by finite differences is the truth.
    rng = np.random.default_rng(0)
    m_p, P = rng.standard_normal(2), random_covariance(rng, 2)
    mean, scale = np.array([0.5, -1.0]), np.array([[0.8, 0.0], [0.3, 1.2]])

    def exact(mean, scale):
        return -gaussian_divergence(mean, scale @ scale.T, m_p, P)

    true_mean = naive.partial_gradient(exact, (mean, scale), 0)
    true_scale = np.tril(naive.gradient(lambda L: exact(mean, np.tril(L)), scale))
    eps = rng.standard_normal((200_000, 2))
    precision = np.linalg.inv(P)
    by_path = reparameterised_gradient(lambda z: (m_p - z) @ precision, mean, scale, eps)
    by_score = score_function_gradient(log_normal(m_p, P), mean, scale, eps, baseline=baseline)
    for dmean, dscale in (by_path, by_score):
        assert within_four_errors(dmean, true_mean)
        assert within_four_errors(dscale, true_scale)


def test_both_estimators_on_a_density_that_is_not_gaussian():
    def f(z):
        return -(z[:, 0] ** 4) / 4 + np.sin(3 * z[:, 0])

    def expectation(mu, s):
        value, _ = integrate.quad(
            lambda e: stats.norm.pdf(e) * f(np.array([[mu + s * e]]))[0], -12, 12, limit=200
        )
        return value

    mu, s, h = 0.4, 0.7, 1e-4
    dmu = (expectation(mu + h, s) - expectation(mu - h, s)) / (2 * h)
    ds = (expectation(mu, s + h) - expectation(mu, s - h)) / (2 * h) + 1 / s
    eps = np.random.default_rng(0).standard_normal((200_000, 1))
    by_path = reparameterised_gradient(lambda z: -(z**3) + 3 * np.cos(3 * z), [mu], [[s]], eps)
    by_score = score_function_gradient(f, [mu], [[s]], eps)
    for dmean, dscale in (by_path, by_score):
        assert within_four_errors(dmean[:, 0], dmu)
        assert within_four_errors(dscale[:, 0, 0], ds)


# Fitting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("K", [1, 2, 5])
@pytest.mark.parametrize("kind", ["diagonal", "full"])
@pytest.mark.parametrize("by_hand", [True, False])
def test_fit_recovers_a_gaussian_and_its_normaliser(K, kind, by_hand):
    # In all seeds. The ELBO is log Z - KL(q || p), so that a KL under 0.005 is an ELBO that close.
    for seed in range(5 if by_hand else 2):
        rng = np.random.default_rng(seed)
        m_p, log_z = rng.standard_normal(K), 10 * rng.standard_normal()
        P = random_covariance(rng, K) if kind == "full" else np.diag(rng.uniform(0.3, 3, K))
        precision = np.linalg.inv(P)
        gradient = (lambda z, m=m_p, A=precision: (m - z) @ A) if by_hand else None
        density = log_normal(m_p, P, log_z)
        fit = fit_gaussian(density, np.zeros(K), covariance=kind, gradient=gradient, rng=rng)
        assert gaussian_divergence(fit.mean, fit.covariance, m_p, P) < 0.005
        spread = np.sqrt(np.diag(P))
        assert np.all(np.abs(fit.mean - m_p) < 0.05 * spread)
        assert np.all(np.abs(fit.covariance - P) < 0.1 * np.outer(spread, spread))
        value, error = elbo(density, fit.mean, fit.covariance, n_samples=20_000, rng=rng)
        assert abs(value - log_z) < 0.005 + 4 * error
        if kind == "diagonal":
            assert np.all(fit.covariance == np.diag(np.diag(fit.covariance)))


def test_diagonal_q_on_a_correlated_gaussian_is_too_narrow_by_the_known_amount():
    # The best diagonal q keeps the mean and has the variances 1 / Lambda_ii, Lambda = P^-1;
    # KL = 1/2 [sum ln Lambda_ii + ln det P].
    P = np.array([[1.0, 0.9], [0.9, 1.5]])
    precision = np.linalg.inv(P)
    best = 1 / np.diag(precision)
    least = 0.5 * (np.log(np.diag(precision)).sum() + np.log(np.linalg.det(P)))
    assert gaussian_divergence([0, 0], best, [0, 0], P) == pytest.approx(least, **EXACT)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        fit = fit_gaussian(
            log_normal([0, 0], P), [2, -2], gradient=lambda z: -z @ precision, rng=rng
        )
        np.testing.assert_allclose(np.diag(fit.covariance), best, rtol=0.1)
        assert np.all(best < 0.7 * np.diag(P))  # far from the marginal variances
        kl = gaussian_divergence(fit.mean, fit.covariance, [0, 0], P)
        assert least <= kl < least + 0.005


def test_fit_needs_no_gradient_at_all_with_the_score_function():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        fit = fit_gaussian(log_normal([1.0], [[0.5]]), [0], estimator="score", rng=rng)
        assert gaussian_divergence(fit.mean, fit.covariance, [1.0], [[0.5]]) < 0.01


def test_fit_is_reproducible():
    fits = [
        fit_gaussian(log_normal([1.0], [[0.5]]), [0], n_steps=20, rng=np.random.default_rng(3))
        for _ in range(2)
    ]
    assert np.array_equal(fits[0].history, fits[1].history)
    assert fits[0].mean == fits[1].mean


# The grid -----------------------------------------------------------------------------------


def test_grid_finds_density_and_normaliser_in_one_and_two_dimensions():
    z = np.linspace(-8, 8, 201)
    density, log_z = grid_posterior(log_normal([0.5], [[0.6]], -3.0), [z])
    np.testing.assert_allclose(density, stats.norm(0.5, np.sqrt(0.6)).pdf(z), rtol=1e-10)
    assert log_z == pytest.approx(-3, **EXACT)

    P, y = np.array([[1.0, 0.6], [0.6, 0.8]]), np.linspace(-7, 7, 151)
    density, log_z = grid_posterior(log_normal([0.5, 0], P, 700.0), [z, y])
    assert density.shape == (201, 151)
    truth = stats.multivariate_normal([0.5, 0], P)
    assert density[120, 80] == pytest.approx(truth.pdf([z[120], y[80]]), **EXACT)
    assert log_z == pytest.approx(700, **EXACT)


def test_grid_finds_a_nonlinear_evidence():
    # Two humps: x = z^2 + noise. scipy.integrate is the truth; the grid's points are uneven.
    def joint(z):
        return stats.norm.pdf(z) * stats.norm.pdf(1.0, z**2, 0.3)

    truth, _ = integrate.quad(joint, -6, 6, points=[-1, 1], epsabs=1e-13)
    axis = np.sinh(np.linspace(-2.5, 2.5, 2001))
    _, log_z = grid_posterior(lambda z: np.log(joint(z[:, 0]) + 1e-300), [axis])
    assert log_z == pytest.approx(np.log(truth), abs=1e-4)


def test_grid_is_the_trapezoidal_rule_where_steps_differ_and_the_edges_count():
    axis, values = np.array([0.0, 1.0, 3.0, 3.5]), np.array([1.0, 4.0, 2.0, 5.0])
    area = np.trapezoid(values, axis)
    density, log_z = grid_posterior(lambda z: np.log(np.interp(z[:, 0], axis, values)), [axis])
    assert log_z == pytest.approx(np.log(area), **EXACT)
    np.testing.assert_allclose(density, values / area, rtol=1e-12)
    _, log_z = grid_posterior(lambda z: np.zeros(len(z)), [[0, 2]])  # two points are a grid
    assert log_z == pytest.approx(np.log(2), **EXACT)


def test_grid_takes_densities_that_are_zero_somewhere():
    def exponential(z):
        return np.where(z[:, 0] >= 0, -z[:, 0], -np.inf)

    with np.errstate(divide="ignore"):
        density, log_z = grid_posterior(exponential, [np.linspace(-1, 40, 41_001)])
    assert density[0] == 0
    assert log_z == pytest.approx(0, abs=1e-3)  # a jump: the rule is of first order there


def test_a_baseline_is_the_mean_of_the_other_samples():
    mean, scale = np.array([0.5, -1.0]), np.array([[1.2, 0.0], [0.4, 0.7]])
    eps = np.random.default_rng(3).standard_normal((5, 2))
    log_density = log_normal([1.0, 2.0], [[2.0, 0.3], [0.3, 1.0]])
    f = log_density(mean + eps @ scale.T)
    kept = [1 - np.delete(f, n).mean() / f[n] for n in range(5)]
    plain = score_function_gradient(log_density, mean, scale, eps)
    dmean, dscale = score_function_gradient(log_density, mean, scale, eps, baseline=True)
    entropy = np.diag(1 / np.diag(scale))
    for n in range(5):  # each estimate is linear in its f, but for the entropy's part
        np.testing.assert_allclose(dmean[n], kept[n] * plain[0][n], rtol=1e-10)
        np.testing.assert_allclose(
            dscale[n] - entropy, kept[n] * (plain[1][n] - entropy), rtol=1e-10, atol=1e-12
        )


def test_a_rounding_beside_a_large_diagonal_is_no_asymmetry():
    large = np.diag([1e10, 1e10])
    for corner, is_refused in ((50.0, False), (500.0, True)):
        nearly = large + [[0, corner], [0, 0]]
        if is_refused:
            with pytest.raises(ValueError, match="^covariance_q must be symmetric"):
                gaussian_divergence([0, 0], nearly, [0, 0], large)
        else:
            assert abs(gaussian_divergence([0, 0], nearly, [0, 0], large)) < 1e-12


def test_the_fewest_steps_and_samples_are_enough():
    rng = np.random.default_rng(0)
    fit = fit_gaussian(log_normal([0], [[1]]), [0], n_steps=1, n_samples=2, rng=rng)
    assert np.isfinite(fit.mean).all()


# Errors -------------------------------------------------------------------------------------


def nan_beyond_two(z):
    return np.where(np.abs(z[:, 0]) > 2, np.nan, 0.0)


def test_a_seed_for_a_generator_is_named():
    for call in (
        lambda: elbo(log_normal([0], [[1]]), [0], [1], rng=0),
        lambda: fit_gaussian(log_normal([0], [[1]]), [0], rng=0),
    ):
        with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got int"):
            call()


def test_log_densities_that_are_not_finite_are_reported():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"log_density must be finite, got nan at z = \[.*values"):
        elbo(nan_beyond_two, [0], [4], rng=rng)
    with pytest.raises(ValueError, match=r"in step 1 of 1000: log_density must be finite, got nan"):
        fit_gaussian(nan_beyond_two, [0], start_scale=3.0, rng=rng)
    with pytest.raises(ValueError, match="log_density must be finite, got -inf"):
        fit_gaussian(lambda z: np.where(z[:, 0] > 0, -z[:, 0], -np.inf), [0], rng=rng)
    with pytest.raises(ValueError, match="gradient must be finite, got nan"):
        fit_gaussian(log_normal([0], [[1]]), [0], gradient=lambda z: z * np.nan, rng=rng)
    with pytest.raises(ValueError, match=r"gradient must return shape \(100, 1\)"):
        fit_gaussian(log_normal([0], [[1]]), [0], gradient=lambda z: z[:, 0], rng=rng)
    with pytest.raises(ValueError, match=r"log_density must return shape \(1000,\)"):
        elbo(lambda z: z, [0], [1], rng=rng)
    with pytest.raises(ValueError, match="log_density must be finite, got inf"):
        grid_posterior(lambda z: np.full(len(z), np.inf), [np.arange(3)])


def test_a_density_without_an_integral_is_reported():
    with pytest.warns(RuntimeWarning, match="ELBO still rose .* no finite integral"):
        fit_gaussian(lambda z: np.zeros(len(z)), [0], rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda rng: elbo(log_normal([0], [[1]]), [[0]], [1], rng=rng), r"mean must have shape"),
        (lambda rng: elbo(log_normal([0], [[1]]), [0], [-1], rng=rng), "positive definite, got"),
        (lambda rng: elbo(log_normal([0], [[1]]), [0], [1, 1], rng=rng), r"shape \(1,\) or \(1, 1"),
        (lambda rng: elbo(None, [0], [1], n_samples=1, rng=rng), "n_samples must be >= 2, got 1"),
        (lambda rng: elbo(None, [np.nan], [1], rng=rng), "mean must be finite, got"),
        (lambda rng: fit_gaussian(None, [0], covariance="x", rng=rng), "covariance must be one of"),
        (lambda rng: fit_gaussian(None, [0], estimator="x", rng=rng), "estimator must be one of"),
        (lambda rng: fit_gaussian(None, [0], learning_rate=0, rng=rng), "learning_rate must be >"),
        (lambda rng: fit_gaussian(None, [0], n_steps=0, rng=rng), "^n_steps must be >= 1"),
        (lambda rng: fit_gaussian(None, [0], n_samples=1, rng=rng), "^n_samples must be >= 2"),
        (lambda rng: fit_gaussian(None, [0], start_scale=0, rng=rng), "^start_scale must be > 0"),
        (lambda rng: fit_gaussian(None, [np.nan], rng=rng), "^start must be finite"),
        (lambda rng: gaussian_divergence([np.nan], [1], [0], [1]), "^mean_q must be finite"),
        (lambda rng: gaussian_divergence([0], [1], [np.nan], [1]), "^mean_p must be finite"),
        (lambda rng: gaussian_divergence([0], [1], [0], [-1]), "^covariance_p must be"),
        (
            lambda rng: score_function_gradient(None, [np.nan], [[1.0]], [[0.0]]),
            "^mean must be finite",
        ),
        (
            lambda rng: score_function_gradient(None, [0], [[np.nan]], [[0.0]]),
            "^scale must be finite",
        ),
        (
            lambda rng: score_function_gradient(None, [0], [[1.0]], [[np.nan]]),
            "^eps must be finite",
        ),
        (lambda rng: probabilistic_pca(np.full((4, 3), np.nan), 1), "^X must be finite"),
        (lambda rng: EXAMPLE.log_likelihood([[np.nan]]), "^X must be finite"),
        (
            lambda rng: gaussian_divergence([0], [[np.nan]], [0], [1]),
            "^covariance_q must be finite",
        ),
        (lambda rng: grid_posterior(None, [[0, np.nan]]), r"^axes\[0\] must be finite"),
        (lambda rng: grid_posterior(None, [[1, 0]]), r"axes\[0\] must be at least 2 increasing"),
        (lambda rng: grid_posterior(None, [[0, 0, 1]]), r"axes\[0\] must be at least 2 increasing"),
        (lambda rng: LinearGaussian([[np.nan]], [0.0], 1.0), "^W must be finite"),
        (lambda rng: EXAMPLE.log_joint([np.nan], [[0]]), "^x must be finite"),
        (lambda rng: TWO_FEATURES.log_joint([0.0], [[0]]), r"^x must have shape \(2,\)"),
        (lambda rng: EXAMPLE.elbo([[1.0]], [[np.nan]], [1]), "^means must be finite"),
        (lambda rng: probabilistic_pca(np.eye(3), 0), "^n_components must be >= 1"),
        (lambda rng: grid_posterior(None, []), "axes must hold at least one"),
        (
            lambda rng: score_function_gradient(None, [0], [[-1.0]], [[0.0]]),
            "scale must be lower triangular",
        ),
        (
            lambda rng: score_function_gradient(
                lambda z: z[:, 0], [0], [[1.0]], [[0.0]], baseline=True
            ),
            "eps must have at least 2 rows",
        ),
        (lambda rng: probabilistic_pca(np.eye(3), 3), "n_components must be <= 2|>= 1 and <= 2"),
        (lambda rng: probabilistic_pca(np.eye(3)[:, :1], 1), "at least 2 features, got 1"),
        (lambda rng: probabilistic_pca(np.ones((4, 3)), 1), "got no variance there"),
        (lambda rng: LinearGaussian(np.eye(2), [0.0], 1.0), r"mean must have shape \(2,\)"),
        (lambda rng: LinearGaussian(np.eye(2), [0, 0], 0), "noise_variance must be > 0, got 0"),
        (lambda rng: EXAMPLE.log_likelihood([[1, 2]]), "X must have 1 features, got 2"),
        (lambda rng: EXAMPLE.log_joint(ONE, [[1, 2]]), "z must have 1 latents, got 2"),
        (
            lambda rng: gaussian_divergence([0, 0], [[1, 0.5], [0, 1]], [0, 0], [1, 1]),
            "covariance_q must be symmetric",
        ),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0))
