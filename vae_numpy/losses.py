"""Losses with their gradients.

One convention everywhere: **sum over the features, mean over the batch, in nats**. Each
function returns the value as a float and the gradient in each of its first arguments.

Terms are computed in the arrays' type and added up in double. What lies beyond the type's largest
number, as the square of 1e20 does in float32, is infinite, without a warning.
"""

from collections.abc import Callable, Sequence

import numpy as np

from vae_numpy import kernels
from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.utils import (
    block_sizes,
    check_choice,
    check_integer,
    check_number,
    in_one_hot_blocks,
    in_unit_interval,
)


def squared_error(x_hat: ArrayLike, x: ArrayLike) -> tuple[float, FloatArray]:
    """Compute the squared error 1/N sum_n ||x_hat_n - x_n||^2.

    There is no factor 1/2, so that the least loss of a linear autoencoder is the sum of the
    discarded eigenvalues. Up to a constant it is the Gaussian negative log-likelihood with
    the variance fixed at 1/2.

    Parameters
    ----------
    x_hat, x : (N, D)
        The reconstruction and the data.

    Returns
    -------
    value : float
        In squared units of the data.
    dx_hat : (N, D)

    Raises
    ------
    ValueError
        If the shapes differ or the batch is empty.

    Examples
    --------
    >>> value, dx_hat = squared_error([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [3.0, 4.0]])
    >>> value
    2.0
    >>> dx_hat
    array([[0., 2.],
           [0., 0.]])
    """
    x_hat, x = _prepare(x_hat=x_hat, x=x)
    return kernels.squared_error(x_hat, x)


def bernoulli_nll(logits: ArrayLike, x: ArrayLike) -> tuple[float, FloatArray]:
    """Compute the Bernoulli negative log-likelihood -1/N sum_n log p(x_n | logits_n), in nats.

    With p = sigmoid(logits), computed so that no logit overflows. It is a likelihood for
    binary data only; on grey values between 0 and 1 it is a cross-entropy.

    Parameters
    ----------
    logits, x : (N, D)
        The values of ``x`` lie in [0, 1], but for a rounding (``utils.in_unit_interval``).

    Returns
    -------
    value : float
    dlogits : (N, D)

    Raises
    ------
    ValueError
        If the shapes differ, the batch is empty or ``x`` leaves [0, 1].

    Examples
    --------
    A decoder that knows nothing pays ln 2 nats for each pixel:

    >>> value, dlogits = bernoulli_nll([[0.0, 0.0]], [[1.0, 0.0]])
    >>> round(value, 4)
    1.3863
    >>> dlogits
    array([[-0.5,  0.5]])
    """
    logits, x = _prepare(logits=logits, x=x)
    return kernels.bernoulli_nll(logits, in_unit_interval("x", x))


def continuous_bernoulli_nll(logits: ArrayLike, x: ArrayLike) -> tuple[float, FloatArray]:
    """Compute the continuous Bernoulli negative log-likelihood, a mean over the batch, in nats.

    It is a likelihood for values between 0 and 1, where the Bernoulli is none: with the logit l the
    density is e^(x l) / Z, so that -log p = sum_d [log((e^l - 1) / l) - x l] (Loaiza-Ganem &
    Cunningham 2019, section 3). Its mean is not the sigmoid of l but 1 / (1 - e^-l) - 1 / l.

    Parameters
    ----------
    logits, x : (N, D)
        The values of ``x`` lie in [0, 1], but for a rounding (``utils.in_unit_interval``).

    Returns
    -------
    value : float
    dlogits : (N, D)

    Raises
    ------
    ValueError
        If the shapes differ, the batch is empty or ``x`` leaves [0, 1].

    Examples
    --------
    With the logit 0 the density is 1 wherever x is, and its mean 0.5:

    >>> value, dlogits = continuous_bernoulli_nll([[0.0]], [[0.75]])
    >>> value, dlogits
    (0.0, array([[-0.25]]))
    """
    logits, x = _prepare(logits=logits, x=x)
    return kernels.continuous_bernoulli_nll(logits, in_unit_interval("x", x))


def categorical_nll(
    logits: ArrayLike, x: ArrayLike, categories: Sequence[int]
) -> tuple[float, FloatArray]:
    """Compute the categorical negative log-likelihood -1/N sum_n log p(x_n | logits_n), in nats.

    A row consists of blocks, one for each categorical variable, in each of which one column is 1
    and the others are 0. With p = softmax(l) in each block, -log p = sum over the blocks of
    [log sum e^l - x l].

    Parameters
    ----------
    logits, x : (N, D)
    categories : tuple of int
        The sizes of the blocks, which sum to D.

    Returns
    -------
    value : float
    dlogits : (N, D)

    Raises
    ------
    ValueError, TypeError
        If the shapes differ, the batch is empty, ``categories`` is not as above, or a block of
        ``x`` is not one 1 and else 0.

    Examples
    --------
    A colour of two and a size of three, about which a decoder knows nothing, cost ln 6 nats:

    >>> value, dlogits = categorical_nll(np.zeros((1, 5)), [[1, 0, 0, 0, 1]], (2, 3))
    >>> round(value, 4)
    1.7918
    >>> dlogits.round(2)
    array([[-0.5 ,  0.5 ,  0.33,  0.33, -0.67]])
    """
    logits, x = _prepare(logits=logits, x=x)
    sizes = block_sizes("categories", categories, x.shape[1])
    return kernels.categorical_nll(logits, in_one_hot_blocks("x", x, sizes), sizes)


def gaussian_nll(
    mean: ArrayLike, logvar: ArrayLike, x: ArrayLike
) -> tuple[float, FloatArray, FloatArray]:
    """Compute the Gaussian negative log-likelihood -1/N sum_n log N(x_n | mean_n, exp(logvar)).

    Parameters
    ----------
    mean : (N, D)
    logvar : scalar, (D,) or (N, D)
        The log-variance: one for all, one a feature, or one a value. Below -176 in float32, and
        below -1418 in float64, the standard deviation has no reciprocal, and the type's largest
        number stands for it.
    x : (N, D)

    Returns
    -------
    value : float
        In nats.
    dmean : (N, D)
    dlogvar : of the shape of ``logvar``

    Raises
    ------
    ValueError
        If the shapes do not fit or the batch is empty.

    Examples
    --------
    One log-variance for all. Both errors are as large as the standard deviation, 1, so that
    no other variance would do better:

    >>> value, dmean, dlogvar = gaussian_nll([[1.0], [1.0]], 0.0, [[0.0], [2.0]])
    >>> round(value, 4)  # (ln 2 pi + 1) / 2
    1.4189
    >>> dmean
    array([[ 0.5],
           [-0.5]])
    >>> float(dlogvar)
    0.0
    """
    return _with_variance(kernels.gaussian_nll, mean, logvar, x)


def laplace_nll(
    mean: ArrayLike, logvar: ArrayLike, x: ArrayLike
) -> tuple[float, FloatArray, FloatArray]:
    """Compute the Laplace negative log-likelihood -1/N sum_n log p(x_n | mean_n, exp(logvar)).

    -log p = sum_d [log sqrt 2 + v/2 + sqrt 2 |x - mean| e^(-v/2)], with v the log-variance as for
    the Gaussian; the scale of the distribution is b = e^(v/2) / sqrt 2. It takes a far value less
    seriously than a Gaussian: its best mean is a median. At x = mean the gradient is said to be 0.

    Parameters
    ----------
    mean : (N, D)
    logvar : scalar, (D,) or (N, D)
        The log-variance: one for all, one a feature, or one a value. Below -176 in float32, and
        below -1418 in float64, the standard deviation has no reciprocal, and the type's largest
        number stands for it.
    x : (N, D)

    Returns
    -------
    value : float
        In nats.
    dmean : (N, D)
    dlogvar : of the shape of ``logvar``

    Raises
    ------
    ValueError
        If the shapes do not fit or the batch is empty.

    Examples
    --------
    A far value pulls no harder than a near one:

    >>> value, dmean, dlogvar = laplace_nll([[1.0], [9.0]], 0.0, [[0.0], [0.0]])
    >>> dmean.round(3)
    array([[0.707],
           [0.707]])
    """
    return _with_variance(kernels.laplace_nll, mean, logvar, x)


def gaussian_kl(
    mu: ArrayLike, logvar: ArrayLike, *, per_latent: bool = False
) -> tuple[float | FloatArray, FloatArray, FloatArray]:
    """Compute 1/N sum_n KL(N(mu_n, exp(logvar_n)) || N(0, I)), in nats.

    KL = 1/2 sum_k (mu_k^2 + exp(logvar_k) - 1 - logvar_k) (Kingma & Welling 2014, appendix B).

    Parameters
    ----------
    mu, logvar : (N, K)
    per_latent : bool
        Return the K parts of the value instead of their sum.

    Returns
    -------
    value : float, or (K,)
    dmu, dlogvar : (N, K)
        The gradients of the sum.

    Raises
    ------
    ValueError
        If the shapes differ or the batch is empty.

    Examples
    --------
    The second latent is the prior, N(0, 1), and costs nothing:

    >>> value, dmu, dlogvar = gaussian_kl([[1.0, 0.0]], [[0.0, 0.0]])
    >>> value
    0.5
    >>> gaussian_kl([[1.0, 0.0]], [[0.0, 0.0]], per_latent=True)[0]
    array([0.5, 0. ])
    """
    mu, logvar = _prepare(mu=mu, logvar=logvar)
    parts, dmu, dlogvar = kernels.gaussian_kl(mu, logvar)
    return parts if per_latent else float(parts.sum()), dmu, dlogvar


def effective_beta(
    kl_weight: float = 1.0,
    *,
    n_features: int,
    n_latents: int,
    reconstruction: str = "squared_error",
    mean_over_features: bool = False,
    mean_over_latents: bool = False,
) -> float:
    """Convert a VAE's loss as papers and tutorials write it into this book's beta.

    The loss to convert is reconstruction + kl_weight KL. This book's is minus a log-likelihood
    (Gaussian with variance 1, or Bernoulli) plus beta KL, with sums over features and latents.
    The two have the same minimum if beta is what this function returns. With a Gaussian of
    variance s^2 instead of 1 the same loss has beta = (returned value) / s^2: what a squared
    error fixes is the product beta s^2.

    Parameters
    ----------
    kl_weight : float, >= 0
    n_features, n_latents : int
        D and K.
    reconstruction : {"squared_error", "half_squared_error", "bernoulli"}
        ||x_hat - x||^2, half of it, or the Bernoulli negative log-likelihood.
    mean_over_features, mean_over_latents : bool
        Whether the loss to convert takes means where this book takes sums.

    Returns
    -------
    beta : float

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above.

    Examples
    --------
    Two means that should have been sums, for 8 x 8 pictures and 2 latents:

    >>> effective_beta(n_features=64, n_latents=2, reconstruction="bernoulli",
    ...                mean_over_features=True, mean_over_latents=True)
    32.0
    """
    check_number("kl_weight", kl_weight, minimum=0)
    check_integer("n_features", n_features, minimum=1)
    check_integer("n_latents", n_latents, minimum=1)
    # How much of the log-likelihood and of the KL the loss counts.
    shares = {"squared_error": 2.0, "half_squared_error": 1.0, "bernoulli": 1.0}
    check_choice("reconstruction", reconstruction, shares)
    likelihood = shares[reconstruction] / (n_features if mean_over_features else 1)
    kl = kl_weight / (n_latents if mean_over_latents else 1)
    return kl / likelihood


def _with_variance(
    nll: Callable[[FloatArray, FloatArray, FloatArray], tuple[float, FloatArray, FloatArray]],
    mean: ArrayLike,
    logvar: ArrayLike,
    x: ArrayLike,
) -> tuple[float, FloatArray, FloatArray]:
    """Call a kernel of (mean, logvar, x), whose log-variances (N, D) may be shared here."""
    mean, x = _prepare(mean=mean, x=x)
    logvar = np.asarray(logvar, mean.dtype)
    if logvar.shape not in ((), x.shape[1:], x.shape):
        raise ValueError(
            f"logvar must be a scalar or have shape {x.shape[1:]} or {x.shape}, got {logvar.shape}"
        )
    every = np.ascontiguousarray(np.broadcast_to(logvar, x.shape))
    value, dmean, dlogvar = nll(mean, every, x)
    # A log-variance that is shared gets the sum of the gradients of all who share it.
    shared = tuple(range(x.ndim - logvar.ndim))
    return value, dmean, dlogvar.sum(axis=shared) if shared else dlogvar


def _prepare(**arrays: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Bring a prediction and its target to the prediction's type; check that the shapes agree."""
    (name, prediction), (target_name, target) = arrays.items()
    prediction = np.asarray(prediction)
    if prediction.dtype not in (np.float32, np.float64):
        prediction = prediction.astype(np.float64)
    target = np.asarray(target, prediction.dtype)
    if prediction.shape != target.shape:
        raise ValueError(
            f"{name} and {target_name} must have the same shape, "
            f"got {prediction.shape} and {target.shape}"
        )
    if prediction.ndim != 2 or len(prediction) == 0:
        raise ValueError(
            f"{name} must have two dimensions and at least one row, got shape {prediction.shape}"
        )
    return prediction, target
