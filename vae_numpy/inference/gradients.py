"""The ELBO of a Gaussian q, and two ways to estimate its gradient from samples."""

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.inference.densities import Gradient, LogDensity, evaluate
from vae_numpy.inference.gaussians import as_covariance, gaussian_entropy
from vae_numpy.utils import as_vector, check_generator, check_integer, check_matrix


def elbo(
    log_density: LogDensity,
    mean: ArrayLike,
    covariance: ArrayLike,
    *,
    n_samples: int = 1000,
    rng: np.random.Generator,
) -> tuple[float, float]:
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

    Examples
    --------
    Where q is the density itself, the ELBO is the logarithm of its normaliser, here ln(2 pi) / 2:

    >>> value, standard_error = elbo(
    ...     lambda z: -0.5 * z[:, 0] ** 2, [0.0], [1.0], rng=np.random.default_rng(0)
    ... )
    >>> abs(value - 0.918939) < 3 * standard_error
    True
    """
    mean = as_vector("mean", mean)
    _, scale = as_covariance(covariance, len(mean))
    n_samples = check_integer("n_samples", n_samples, minimum=2)
    check_generator(rng)
    eps = rng.standard_normal((n_samples, len(mean)))
    f = evaluate(log_density, mean + eps @ scale.T)
    return float(f.mean() + gaussian_entropy(scale)), float(f.std(ddof=1) / np.sqrt(n_samples))


def reparameterised_gradient(
    gradient: Gradient, mean: ArrayLike, scale: ArrayLike, eps: ArrayLike
) -> tuple[FloatArray, FloatArray]:
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

    Examples
    --------
    The density N(0, 1) pulls the mean of q = N(2, 1) back by 2, as two samples say on average:

    >>> dmean, dscale = reparameterised_gradient(lambda z: -z, [2.0], [[1.0]], [[-1.0], [1.0]])
    >>> dmean.ravel(), dscale.ravel()
    (array([-1., -3.]), array([ 2., -2.]))
    """
    mean, scale, eps = _family(mean, scale, eps)
    g = evaluate(gradient, mean + eps @ scale.T, "gradient", eps.shape)
    dscale = np.tril(g[:, :, None] * eps[:, None, :])
    return g, dscale + np.diag(1 / np.diag(scale))


def score_function_gradient(
    log_density: LogDensity,
    mean: ArrayLike,
    scale: ArrayLike,
    eps: ArrayLike,
    *,
    baseline: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """Estimate the ELBO's gradient from each sample, without the log-density's own gradient.

    d/dmean = f(z) d log q(z)/dmean, and alike for the scale (Williams 1992), with f the
    log-density; the entropy's part is exact as above. Needs no derivative and is much noisier.

    Parameters
    ----------
    log_density : callable, (N, K) -> (N,)
    mean : (K,) array
    scale : (K, K) array
    eps : (N, K) array
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

    Examples
    --------
    The samples in the example of ``reparameterised_gradient``: the same mean, more than twice
    the spread.

    >>> dmean, dscale = score_function_gradient(
    ...     lambda z: -0.5 * z[:, 0] ** 2, [2.0], [[1.0]], [[-1.0], [1.0]]
    ... )
    >>> dmean.ravel()
    array([ 0.5, -4.5])
    """
    mean, scale, eps = _family(mean, scale, eps)
    N, K = eps.shape
    f = evaluate(log_density, mean + eps @ scale.T)
    if baseline:
        if N < 2:
            raise ValueError(f"eps must have at least 2 rows for a baseline, got {N}")
        f = (f - f.mean()) * (N / (N - 1))  # = f_n - mean of the others
    inverse = np.linalg.inv(scale)
    score_mean = eps @ inverse
    score_scale = np.tril(inverse.T @ (eps[:, :, None] * eps[:, None, :] - np.eye(K)))
    dscale = f[:, None, None] * score_scale
    return f[:, None] * score_mean, dscale + np.diag(1 / np.diag(scale))


def _family(
    mean: ArrayLike, scale: ArrayLike, eps: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    mean = as_vector("mean", mean)
    scale, eps = check_matrix("scale", scale), check_matrix("eps", eps)
    K = len(mean)
    if scale.shape != (K, K) or np.triu(scale, 1).any() or not (np.diag(scale) > 0).all():
        raise ValueError(
            f"scale must be lower triangular, ({K}, {K}), with a diagonal above 0, got {scale}"
        )
    if eps.shape[1] != K:
        raise ValueError(f"eps must have shape (N, {K}), got {eps.shape}")
    return mean, scale, eps
