"""Fitting a Gaussian to any log-density, by climbing the ELBO."""

import warnings
from dataclasses import dataclass

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.inference.densities import Gradient, LogDensity, central_differences, evaluate
from vae_numpy.inference.gaussians import gaussian_entropy
from vae_numpy.inference.gradients import reparameterised_gradient, score_function_gradient
from vae_numpy.layers import Parameter
from vae_numpy.optimisers import Adam
from vae_numpy.utils import as_vector, check_choice, check_generator, check_integer, check_number


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

    mean: FloatArray
    covariance: FloatArray
    history: FloatArray


def fit_gaussian(
    log_density: LogDensity,
    start: ArrayLike,
    *,
    rng: np.random.Generator,
    covariance: str = "diagonal",
    gradient: Gradient | None = None,
    estimator: str = "reparameterised",
    n_steps: int = 1000,
    n_samples: int = 100,
    learning_rate: float = 0.05,
    start_scale: float = 1.0,
) -> GaussianFit:
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

    Examples
    --------
    >>> fit = fit_gaussian(
    ...     lambda z: -0.5 * (z[:, 0] - 3) ** 2, [0.0], rng=np.random.default_rng(0), n_steps=400
    ... )
    >>> fit.mean.round(1), fit.covariance.round(1)
    (array([3.]), array([[1.]]))
    """
    start = as_vector("start", start)
    check_generator(rng)
    check_choice("covariance", covariance, ["diagonal", "full"])
    check_choice("estimator", estimator, ["reparameterised", "score"])
    n_steps = check_integer("n_steps", n_steps, minimum=1)
    n_samples = check_integer("n_samples", n_samples, minimum=2)
    learning_rate = check_number("learning_rate", learning_rate, above=0)
    start_scale = check_number("start_scale", start_scale, above=0)
    if gradient is None:
        gradient = central_differences(log_density)

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
            f = evaluate(log_density, mean.value + eps @ scale.T)
            if estimator == "score":
                dmean, dscale = score_function_gradient(
                    log_density, mean.value, scale, eps, baseline=True
                )
            else:
                dmean, dscale = reparameterised_gradient(gradient, mean.value, scale, eps)
        except ValueError as problem:
            raise ValueError(f"in step {step + 1} of {n_steps}: {problem}") from problem
        history[step] = f.mean() + gaussian_entropy(scale)
        # Adam goes down, the ELBO shall go up. d/dlog(s) = s d/ds on the diagonal.
        mean.grad = -dmean.mean(axis=0)
        factor.grad = -dscale.mean(axis=0) * learnt * np.where(np.eye(K), scale, 1)
        optimiser.step([mean, factor])
    _warn_if_rising(history)
    scale = _scale(factor.value)
    return GaussianFit(mean.value, scale @ scale.T, history)


def _scale(factor: FloatArray) -> FloatArray:
    return np.tril(factor, -1) + np.diag(np.exp(np.diag(factor)))


def _warn_if_rising(history: FloatArray) -> None:
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
