"""Variational inference on plain arrays: what we believe about z after seeing x.

Each function stands beside a formula of chapter 6. There is no network here and no automatic
differentiation: a model is a function ``log_density(z)`` that takes points z of shape (N, K) and
returns N numbers, log p(x, z) or any log-density whose normaliser nobody knows. The Gaussian
family is written q(z) = N(mean, scale scale^T) with a lower triangular ``scale``, so that
z = mean + eps scale^T, with standard normal rows eps, is a sample. All logarithms are in nats.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from vae_numpy.layers import Parameter
from vae_numpy.optimisers import Adam
from vae_numpy.utils import (
    as_vector,
    check_choice,
    check_generator,
    check_integer,
    check_matrix,
    check_number,
)

LOG_2PI = np.log(2 * np.pi)


# A model with exact answers ------------------------------------------------------------------


@dataclass(frozen=True)
class LinearGaussian:
    """The model z ~ N(0, I), x = z W + mean + noise, with noise ~ N(0, noise_variance I).

    Its marginal and its posterior are Gaussian, so that all that chapter 6 approximates is known
    here exactly (Tipping & Bishop 1999, section 3.1, with rows as samples).

    Attributes
    ----------
    W : (K, D) array
        The decoder.
    mean : (D,) array
    noise_variance : float, > 0

    Raises
    ------
    ValueError, TypeError
        If the shapes do not fit or the variance is not above 0.
    """

    W: np.ndarray
    mean: np.ndarray
    noise_variance: float

    def __post_init__(self):
        # A frozen dataclass has no other way to keep what it converted.
        object.__setattr__(self, "W", check_matrix("W", self.W))
        object.__setattr__(self, "mean", as_vector("mean", self.mean, self.W.shape[1]))
        check_number("noise_variance", self.noise_variance, above=0)

    def log_likelihood(self, X):
        """Compute log p(x) = log N(x | mean, W^T W + noise_variance I) of each row: (N,)."""
        C = self.W.T @ self.W + self.noise_variance * np.eye(self.W.shape[1])  # (D, D)
        return _log_normal(self._centred(X), np.linalg.cholesky(C))

    def posterior(self, X):
        """Compute the exact posterior p(z | x) = N(z | means_n, covariance) of each row.

        Returns
        -------
        means : (N, K)
        covariance : (K, K)
            The same for every row: how sure we are does not depend on what we saw.
        """
        precision = np.eye(len(self.W)) + self.W @ self.W.T / self.noise_variance
        covariance = np.linalg.inv(precision)
        return self._centred(X) @ self.W.T @ covariance / self.noise_variance, covariance

    def log_joint(self, x, z):
        """Compute log p(x, z) of one row x (D,) with each of the codes z (N, K): (N,)."""
        x = as_vector("x", x, self.W.shape[1])
        z = self._codes("z", z)
        error = x - self.mean - z @ self.W  # (N, D)
        log_p_x = -0.5 * np.sum(error**2 / self.noise_variance + self._log_variance, axis=1)
        return log_p_x - 0.5 * np.sum(z**2 + LOG_2PI, axis=1)

    def elbo(self, X, means, covariance):
        """Compute the exact ELBO of each row under q(z) = N(means_n, covariance): (N,).

        Parameters
        ----------
        X : (N, D)
        means : (N, K)
        covariance : (K, K), or (K,) for a diagonal one
        """
        K, D = self.W.shape
        means = self._codes("means", means)
        covariance, factor = _covariance(covariance, K)
        error = self._centred(X) - means @ self.W
        # E ||x - m - zW||^2: the error at the mean, and the spread of z seen through W.
        spread = np.trace(self.W.T @ covariance @ self.W)
        log_p_x = -0.5 * (
            (np.sum(error**2, axis=1) + spread) / self.noise_variance + D * self._log_variance
        )
        log_p_z = -0.5 * (np.sum(means**2, axis=1) + np.trace(covariance) + K * LOG_2PI)
        return log_p_x + log_p_z + _entropy(factor)

    @property
    def _log_variance(self):
        return LOG_2PI + np.log(self.noise_variance)

    def _centred(self, X):
        X = check_matrix("X", X)
        if X.shape[1] != self.W.shape[1]:
            raise ValueError(f"X must have {self.W.shape[1]} features, got {X.shape[1]}")
        return X - self.mean

    def _codes(self, name, z):
        z = check_matrix(name, z)
        if z.shape[1] != len(self.W):
            raise ValueError(f"{name} must have {len(self.W)} latents, got {z.shape[1]}")
        return z


def probabilistic_pca(X, n_components):
    """Fit the linear Gaussian model by maximum likelihood, in closed form.

    sigma^2 is the mean discarded eigenvalue and the rows of W are sqrt(lambda_i - sigma^2) u_i
    (Tipping & Bishop 1999, eq. 7 and 8, with the rotation R = I).

    Parameters
    ----------
    X : (N, D) array
    n_components : int, 1 <= n_components < D

    Returns
    -------
    LinearGaussian

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above, or if no variance is left for the noise.
    """
    X = check_matrix("X", X)
    if X.shape[1] < 2:
        raise ValueError(f"X must have at least 2 features, got {X.shape[1]}")
    check_integer("n_components", n_components, minimum=1, maximum=X.shape[1] - 1)
    mean = X.mean(axis=0)
    eigenvalues, U = np.linalg.eigh((X - mean).T @ (X - mean) / len(X))
    eigenvalues, U = eigenvalues[::-1], U[:, ::-1].T  # largest first; the rows of U are u_i
    noise_variance = float(eigenvalues[n_components:].mean())
    if noise_variance <= 1e-12 * eigenvalues[0]:
        raise ValueError(
            f"X must vary beyond its first {n_components} principal directions, "
            "got no variance there: the likelihood has no maximum"
        )
    stretch = np.sqrt(eigenvalues[:n_components] - noise_variance)
    return LinearGaussian(stretch[:, None] * U[:n_components], mean, noise_variance)


# The Gaussian family -------------------------------------------------------------------------


def gaussian_divergence(mean_q, covariance_q, mean_p, covariance_p):
    """Compute KL(q || p) between two Gaussians, in nats.

    KL = 1/2 [tr(P^-1 Q) + (m_p - m_q) P^-1 (m_p - m_q)^T - K + ln det P - ln det Q].

    Parameters
    ----------
    mean_q, mean_p : (K,) array
    covariance_q, covariance_p : (K, K), or (K,) for a diagonal one

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes do not fit or a covariance is not positive definite.
    """
    mean_q = as_vector("mean_q", mean_q)
    mean_p = as_vector("mean_p", mean_p, len(mean_q))
    _, factor_q = _covariance(covariance_q, len(mean_q), "covariance_q")
    _, factor_p = _covariance(covariance_p, len(mean_q), "covariance_p")
    # In coordinates in which p is N(0, I), the factor of q is factor_p^-1 factor_q.
    relative = np.linalg.solve(factor_p, factor_q)
    shift = np.linalg.solve(factor_p, mean_p - mean_q)
    log_volume = np.sum(np.log(np.diag(relative)))
    return float(0.5 * (np.sum(relative**2) + shift @ shift - len(mean_q)) - log_volume)


def elbo(log_density, mean, covariance, *, n_samples=1000, rng):
    """Estimate the ELBO E_q[log_density(z)] + entropy of q, for q = N(mean, covariance).

    The expectation is a mean over samples; the entropy is exact. Where ``log_density`` is
    log p(x, z), the ELBO is at most log p(x), and less by KL(q || p(z | x)).

    Parameters
    ----------
    log_density : callable, (N, K) -> (N,)
    mean : (K,) array
    covariance : (K, K), or (K,) for a diagonal one
    n_samples : int, >= 2
    rng : numpy.random.Generator

    Returns
    -------
    value, standard_error : float
        In nats.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above, or ``log_density`` returns another shape or a number that
        is not finite.
    """
    mean = as_vector("mean", mean)
    _, scale = _covariance(covariance, len(mean))
    check_integer("n_samples", n_samples, minimum=2)
    check_generator(rng)
    eps = rng.standard_normal((n_samples, len(mean)))
    f = _evaluate(log_density, mean + eps @ scale.T)
    return float(f.mean() + _entropy(scale)), float(f.std(ddof=1) / np.sqrt(n_samples))


def reparameterised_gradient(gradient, mean, scale, eps):
    """Estimate the ELBO's gradient from each sample, through z = mean + eps scale^T.

    d/dmean = g(z) and d/dscale = g(z)^T eps + (1 / scale_kk on the diagonal, from the entropy),
    where g is the gradient of the log-density (Kingma & Welling 2014, section 2.4).

    Parameters
    ----------
    gradient : callable, (N, K) -> (N, K)
        The gradient of the log-density in z.
    mean : (K,) array
    scale : (K, K) array
        Lower triangular; for a diagonal q the standard deviations on the diagonal.
    eps : (N, K) array
        Standard normal noise.

    Returns
    -------
    dmean : (N, K)
    dscale : (N, K, K)
        Lower triangular. One estimate a sample: their mean is the gradient's estimate, their
        variance says how noisy one sample is.

    Raises
    ------
    ValueError
        If the shapes do not fit or the gradient is not finite.
    """
    mean, scale, eps = _family(mean, scale, eps)
    g = _evaluate(gradient, mean + eps @ scale.T, "gradient", eps.shape)
    dscale = np.tril(g[:, :, None] * eps[:, None, :])
    return g, dscale + np.diag(1 / np.diag(scale))


def score_function_gradient(log_density, mean, scale, eps, *, baseline=False):
    """Estimate the ELBO's gradient from each sample, without the log-density's own gradient.

    d/dmean = f(z) d log q(z)/dmean, and alike for the scale (Williams 1992), with f the
    log-density; the entropy's part is exact as above. Needs no derivative and is much noisier.

    Parameters
    ----------
    log_density : callable, (N, K) -> (N,)
    mean, scale, eps
        As for ``reparameterised_gradient``.
    baseline : bool
        Take from each f(z) the mean of the others. That changes no expectation, as the score has
        mean 0, and removes the noise that comes from the size of f.

    Returns
    -------
    dmean : (N, K)
    dscale : (N, K, K)

    Raises
    ------
    ValueError
        If the shapes do not fit, the log-density is not finite, or a baseline is asked of one
        sample.
    """
    mean, scale, eps = _family(mean, scale, eps)
    N, K = eps.shape
    f = _evaluate(log_density, mean + eps @ scale.T)
    if baseline:
        if N < 2:
            raise ValueError(f"eps must have at least 2 rows for a baseline, got {N}")
        f = (f - f.mean()) * (N / (N - 1))  # = f_n - mean of the others
    inverse = np.linalg.inv(scale)
    score_mean = eps @ inverse
    score_scale = np.tril(inverse.T @ (eps[:, :, None] * eps[:, None, :] - np.eye(K)))
    dscale = f[:, None, None] * score_scale
    return f[:, None] * score_mean, dscale + np.diag(1 / np.diag(scale))


@dataclass(frozen=True)
class GaussianFit:
    """What ``fit_gaussian`` found.

    Attributes
    ----------
    mean : (K,) array
    covariance : (K, K) array
    history : (n_steps,) array
        The ELBO at each step, estimated from that step's samples, in nats.
    """

    mean: np.ndarray
    covariance: np.ndarray
    history: np.ndarray


def fit_gaussian(
    log_density,
    start,
    *,
    rng,
    covariance="diagonal",
    gradient=None,
    estimator="reparameterised",
    n_steps=1000,
    n_samples=100,
    learning_rate=0.05,
    start_scale=1.0,
):
    """Fit q(z) = N(mean, covariance) to an unnormalised log-density by raising the ELBO.

    Adam climbs on fresh samples in every step. The learning rate is constant for half of the
    steps and then falls to 0 in a straight line, so that the noise of the samples dies out.

    Parameters
    ----------
    log_density : callable, (N, K) -> (N,)
    start : (K,) array
        The first mean; its length is the dimension.
    rng : numpy.random.Generator
    covariance : {"diagonal", "full"}
        Full covariances are learnt as a Cholesky factor, both with the logarithm of the diagonal,
        so that no step can leave the family.
    gradient : callable, (N, K) -> (N, K), optional
        The log-density's gradient, derived by hand. Without it central differences take its place,
        2 K more evaluations a step: there is no automatic differentiation here.
    estimator : {"reparameterised", "score"}
        ``"score"``, with a baseline, is for log-densities that have no gradient.
    n_steps, n_samples : int
        Samples are per step.
    learning_rate : float, > 0
        Adam moves each mean by about this much a step: choose it by the width of the density.
    start_scale : float, > 0
        The first standard deviation in every direction.

    Returns
    -------
    GaussianFit

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above, or the log-density or its gradient is not finite where q
        has samples; the message says at which step.

    Warns
    -----
    RuntimeWarning
        If the ELBO was still rising at the end, as it does for ever on a density that has no
        finite integral.
    """
    start = as_vector("start", start)
    check_generator(rng)
    check_choice("covariance", covariance, ["diagonal", "full"])
    check_choice("estimator", estimator, ["reparameterised", "score"])
    check_integer("n_steps", n_steps, minimum=1)
    check_integer("n_samples", n_samples, minimum=2)
    check_number("learning_rate", learning_rate, above=0)
    check_number("start_scale", start_scale, above=0)
    if gradient is None:
        gradient = _central_differences(log_density)

    K = len(start)
    mean = Parameter(start.copy())
    factor = Parameter(np.log(start_scale) * np.eye(K))  # the scale, with its diagonal's logarithm
    learnt = np.tril(np.ones((K, K))) if covariance == "full" else np.eye(K)
    optimiser = Adam(learning_rate)
    history = np.empty(n_steps)
    for step in range(n_steps):
        optimiser.learning_rate = learning_rate * min(1, 2 * (1 - step / n_steps))
        scale = _scale(factor.value)
        eps = rng.standard_normal((n_samples, K))
        try:
            f = _evaluate(log_density, mean.value + eps @ scale.T)
            if estimator == "score":
                dmean, dscale = score_function_gradient(
                    log_density, mean.value, scale, eps, baseline=True
                )
            else:
                dmean, dscale = reparameterised_gradient(gradient, mean.value, scale, eps)
        except ValueError as problem:
            raise ValueError(f"in step {step + 1} of {n_steps}: {problem}") from problem
        history[step] = f.mean() + _entropy(scale)
        # Adam goes down, the ELBO shall go up. d/dlog(s) = s d/ds on the diagonal.
        mean.grad = -dmean.mean(axis=0)
        factor.grad = -dscale.mean(axis=0) * learnt * np.where(np.eye(K), scale, 1)
        optimiser.step([mean, factor])
    _warn_if_rising(history)
    scale = _scale(factor.value)
    return GaussianFit(mean.value, scale @ scale.T, history)


# Importance weights and grids ----------------------------------------------------------------


def iwae_bound(log_weights):
    """Estimate log p(x) from M weights w = p(x, z) / q(z) each: log of their mean.

    One weight gives the ELBO; more give a tighter bound (Burda et al. 2016, eq. 8). In expectation
    it never exceeds log p(x).

    Parameters
    ----------
    log_weights : (..., M) array
        log p(x, z) - log q(z), for M samples z ~ q along the last axis.

    Returns
    -------
    bound : (...) array or float
        In nats.
    standard_error : (...) array or float
        Of the bound, to first order in the spread of the weights; NaN for a single weight. It
        does not cover how far the bound lies below log p(x).

    Raises
    ------
    ValueError
        If there are no weights, or one is NaN or infinitely large, or all of a row are zero.
    """
    log_weights = np.asarray(log_weights, np.float64)
    if log_weights.ndim == 0 or log_weights.size == 0:
        raise ValueError(f"log_weights must have shape (..., M), M >= 1, got {log_weights.shape}")
    largest = log_weights.max(axis=-1, keepdims=True)
    if not np.isfinite(largest).all():  # the maximum is NaN where one entry is
        raise ValueError(f"log_weights must be finite, got {largest[~np.isfinite(largest)][0]}")
    weights = np.exp(log_weights - largest)  # the largest is 1: no overflow, and a mean above 0
    mean = weights.mean(axis=-1)
    bound = np.log(mean) + largest[..., 0]
    M = log_weights.shape[-1]
    if M == 1:
        return bound, np.full_like(bound, np.nan)[()]
    return bound, weights.std(axis=-1, ddof=1) / (mean * np.sqrt(M))


def grid_posterior(log_density, axes):
    """Normalise a log-density on a grid by the trapezoidal rule.

    For a smooth density that has died out at the edges the error is far below one part in a
    million once the step is half a standard deviation. The cost is the product of the axes'
    lengths, which is why chapter 6 is about something else.

    Parameters
    ----------
    log_density : callable, (N, K) -> (N,)
    axes : list of K increasing 1-D arrays
        The grid's points along each latent.

    Returns
    -------
    density : array of shape (len(axes[0]), ..., len(axes[K - 1]))
        Integrates to 1 over the grid.
    log_normaliser : float
        The logarithm of the unnormalised density's integral, in nats: log p(x) where
        ``log_density`` is log p(x, z).

    Raises
    ------
    ValueError
        If an axis is not as above, or the log-density is NaN or infinitely large.
    """
    axes = [as_vector(f"axes[{k}]", axis) for k, axis in enumerate(axes)]
    if not axes:
        raise ValueError("axes must hold at least one axis, got none")
    log_cell = np.zeros(())
    for k, axis in enumerate(axes):
        gaps = np.diff(axis)
        if len(axis) < 2 or (gaps <= 0).any():
            raise ValueError(f"axes[{k}] must be at least 2 increasing numbers, got {axis}")
        widths = (np.append(gaps, 0) + np.insert(gaps, 0, 0)) / 2
        log_cell = log_cell[..., None] + np.log(widths)
    z = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)  # (n_1, ..., n_K, K)
    log_p = _evaluate(log_density, z.reshape(-1, len(axes)), zero_allowed=True)
    log_p = log_p.reshape(log_cell.shape)
    bound, _ = iwae_bound((log_p + log_cell).ravel())
    log_normaliser = float(bound + np.log(log_p.size))  # log of a sum from the log of a mean
    return np.exp(log_p - log_normaliser), log_normaliser


# Helpers -------------------------------------------------------------------------------------


def _entropy(scale):
    return float(np.sum(np.log(np.diag(scale))) + 0.5 * len(scale) * (1 + LOG_2PI))


def _scale(factor):
    return np.tril(factor, -1) + np.diag(np.exp(np.diag(factor)))


def _log_normal(centred, factor):
    """Log-density of N(0, factor factor^T) at each row."""
    eps = np.linalg.solve(factor, centred.T)  # (D, N)
    log_volume = np.sum(np.log(np.diag(factor)))
    return -0.5 * np.sum(eps**2, axis=0) - log_volume - 0.5 * len(factor) * LOG_2PI


def _central_differences(log_density):
    def gradient(z):
        h = 1e-5
        columns = [
            (_evaluate(log_density, z + h * unit) - _evaluate(log_density, z - h * unit)) / (2 * h)
            for unit in np.eye(z.shape[1])
        ]
        return np.stack(columns, axis=1)

    return gradient


def _evaluate(function, z, name="log_density", shape=None, zero_allowed=False):
    """Call a log-density or its gradient and check what comes back."""
    shape = z.shape[:1] if shape is None else shape
    values = np.asarray(function(z), np.float64)
    if values.shape != shape:
        raise ValueError(f"{name} must return shape {shape} for z {z.shape}, got {values.shape}")
    bad = ~np.isfinite(values)
    if zero_allowed:  # the logarithm of a density that is 0
        bad &= ~np.isneginf(values)
    if bad.any():
        first = np.argwhere(bad)[0]
        raise ValueError(
            f"{name} must be finite, got {values[tuple(first)]} at z = {z[first[0]]} "
            f"({bad.sum()} of {bad.size} values)"
        )
    return values


def _warn_if_rising(history):
    tenth = len(history) // 10
    if tenth < 2:
        return
    before, last = history[-2 * tenth : -tenth], history[-tenth:]
    rise = last.mean() - before.mean()
    noise = np.sqrt((before.var(ddof=1) + last.var(ddof=1)) / tenth)
    if rise > max(4 * noise, 0.01):
        warnings.warn(
            f"the ELBO still rose by {rise:.3g} nats over the last tenth of {len(history)} steps: "
            "try more steps or a larger learning_rate; if it rises for ever, the density has no "
            "finite integral",
            RuntimeWarning,
            stacklevel=3,
        )


def _covariance(covariance, K, name="covariance"):
    """Return a covariance as (K, K) with its Cholesky factor; (K,) means a diagonal one."""
    covariance = np.asarray(covariance, np.float64)
    if covariance.shape == (K,):
        covariance = np.diag(covariance)
    if covariance.shape != (K, K):
        raise ValueError(f"{name} must have shape ({K},) or ({K}, {K}), got {covariance.shape}")
    if not np.allclose(covariance, covariance.T):
        raise ValueError(f"{name} must be symmetric, got {covariance.tolist()}")
    try:
        return covariance, np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise ValueError(f"{name} must be positive definite, got {covariance.tolist()}") from None


def _family(mean, scale, eps):
    mean = as_vector("mean", mean)
    scale, eps = np.asarray(scale, np.float64), check_matrix("eps", eps)
    K = len(mean)
    if scale.shape != (K, K) or np.triu(scale, 1).any() or not (np.diag(scale) > 0).all():
        raise ValueError(
            f"scale must be lower triangular, ({K}, {K}), with a diagonal above 0, got {scale}"
        )
    if eps.shape[1] != K:
        raise ValueError(f"eps must have shape (N, {K}), got {eps.shape}")
    return mean, scale, eps
