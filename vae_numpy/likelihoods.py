"""Likelihoods: what a decoder's output says of a datum.

The last layer of a decoder puts out numbers of any size. A likelihood reads them as p(x|z): as
means, as logits, as whatever its formula needs. Here is one class each, and a new one is one more
class, with its line in ``LIKELIHOODS``, its kernel and its loss (the recipe is in CONTRIBUTING.md).

Conventions as in ``losses``: sums over features, means over the batch, in nats.
"""

from collections.abc import Callable, Sequence

import numpy as np

from vae_numpy import kernels
from vae_numpy._types import ArrayLike, DTypeLike, FloatArray
from vae_numpy.kernels.reference import NORMALISERS
from vae_numpy.layers import Parameter
from vae_numpy.losses import gaussian_nll, laplace_nll
from vae_numpy.utils import (
    block_sizes,
    check_choice,
    check_number,
    in_one_hot_blocks,
    in_unit_interval,
)


class Likelihood:
    """What every likelihood does; the defaults suit one without parameters of its own.

    Parameters
    ----------
    n_features : int
        D. Who has no parameters of its own needs neither this nor the type.
    dtype : float32 or float64

    Attributes
    ----------
    arguments : tuple of str
        The arguments of the model that the constructor takes too, and checks.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as its class says.
    """

    arguments: tuple[str, ...] = ()

    def __init__(self, n_features: int | None = None, dtype: DTypeLike | None = None) -> None:
        pass

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def check_data(self, X: FloatArray, reason: str) -> FloatArray:
        """Return X if it has a density.

        Parameters
        ----------
        X : (N, D)
        reason : str
            What asks for it, for the message.

        Returns
        -------
        X : (N, D)
            The same, or without what rounding has left beside a bound.

        Raises
        ------
        ValueError
            If it has none, and the class is one that refuses data.
        """
        return X

    def parameters(self) -> list[Parameter]:
        """List the parameters that are learnt with the networks' weights.

        Returns
        -------
        list of Parameter
        """
        return []

    def nll(self, output: FloatArray, x: FloatArray) -> tuple[float, FloatArray]:
        """Return minus the log-likelihood of x, a mean over the rows, and its gradient.

        The gradients of the likelihood's own parameters are written into their ``grad``.

        Parameters
        ----------
        output, x : (N, D)

        Returns
        -------
        value : float
            In nats.
        doutput : (N, D)
        """
        raise NotImplementedError

    def log_prob(self, output: FloatArray, x: FloatArray) -> FloatArray:
        """Return log p(x|z) of each row.

        Parameters
        ----------
        output, x : (N, D)

        Returns
        -------
        (N,) float64
            In nats.
        """
        raise NotImplementedError

    def mean(self, output: FloatArray) -> FloatArray:
        """Return the mean of p(x|z).

        Parameters
        ----------
        output : (N, D)

        Returns
        -------
        (N, D) array
        """
        raise NotImplementedError

    def sample(self, output: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Draw a datum from p(x|z) for each row.

        Parameters
        ----------
        output : (N, D)
        rng : numpy.random.Generator

        Returns
        -------
        x : (N, D)
        """
        raise NotImplementedError


class WithVariance(Likelihood):
    """What likelihoods of a mean, the output, and of a log-variance v share.

    Parameters
    ----------
    n_features : int
    dtype : float32 or float64
    variance : float > 0, "learnt" or "per_feature"
        Fixed, one learnt number, or one per feature; what is learnt starts at 1.

    Attributes
    ----------
    log_variance : Parameter, () or (D,)
        v, learnt or not.

    Raises
    ------
    ValueError, TypeError
        If the variance is none of these.
    """

    arguments = ("variance",)

    # What a subclass gives:
    # (output, v, x) to the value and the gradients in the first two
    loss: Callable[[ArrayLike, ArrayLike, ArrayLike], tuple[float, FloatArray, FloatArray]]
    log_density: Callable[[FloatArray, FloatArray], FloatArray]  # of (x - output, v)
    noise: Callable[..., FloatArray]  # of (rng, shape, dtype), with the variance 1

    def __init__(self, n_features: int, dtype: DTypeLike, variance: float | str = 1.0) -> None:
        self.learnt = isinstance(variance, str)
        if isinstance(variance, str):
            check_choice("variance", variance, ("learnt", "per_feature"))
            start = 0.0
        else:
            check_number("variance", variance, above=0)
            start = np.log(variance)
        shape = (n_features,) if variance == "per_feature" else ()
        self.log_variance = Parameter(np.full(shape, start, dtype))

    def parameters(self) -> list[Parameter]:
        return [self.log_variance] if self.learnt else []

    def nll(self, output: FloatArray, x: FloatArray) -> tuple[float, FloatArray]:
        value, doutput, dlogvar = self.loss(output, self.log_variance.value, x)
        self.log_variance.grad[...] = dlogvar
        return value, doutput

    def log_prob(self, output: FloatArray, x: FloatArray) -> FloatArray:
        v = self.log_variance.value.astype(np.float64)
        return np.sum(self.log_density(x.astype(np.float64) - output, v), axis=1)

    def mean(self, output: FloatArray) -> FloatArray:
        return output

    def sample(self, output: FloatArray, rng: np.random.Generator) -> FloatArray:
        std = np.exp(0.5 * self.log_variance.value)
        return output + std * self.noise(rng, output.shape, output.dtype)


class Gaussian(WithVariance):
    """N(x | output, variance): -log p = 1/2 sum_d [log 2 pi + v + (x - output)^2 e^-v]."""

    loss = staticmethod(gaussian_nll)

    @staticmethod
    def log_density(difference: FloatArray, v: FloatArray) -> FloatArray:
        return -0.5 * (np.log(2 * np.pi) + v + difference**2 * np.exp(-v))

    @staticmethod
    def noise(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> FloatArray:
        return rng.standard_normal(shape, dtype=dtype)


class Laplace(WithVariance):
    """Laplace's distribution: -log p = sum_d [log sqrt 2 + v/2 + sqrt 2 |x - output| e^(-v/2)].

    A value far out pulls no harder than one near by: for data with outliers.
    """

    loss = staticmethod(laplace_nll)

    @staticmethod
    def log_density(difference: FloatArray, v: FloatArray) -> FloatArray:
        return -0.5 * (np.log(2) + v) - np.sqrt(2) * np.abs(difference) * np.exp(-0.5 * v)

    @staticmethod
    def noise(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> FloatArray:
        return rng.laplace(scale=0.5**0.5, size=shape).astype(dtype)


class Bernoulli(Likelihood):
    """Pixels that are 0 or 1, with logits l = output: -log p = sum_d [log(1 + e^l) - x l].

    It takes data in [0, 1]; on grey values it is a cross-entropy and no likelihood.
    """

    normaliser, mean_of = map(staticmethod, NORMALISERS["bernoulli"])

    def check_data(self, X: FloatArray, reason: str) -> FloatArray:
        return in_unit_interval("X", X, reason)

    def nll(self, output: FloatArray, x: FloatArray) -> tuple[float, FloatArray]:
        return kernels.bernoulli_nll(output, x)

    def log_prob(self, output: FloatArray, x: FloatArray) -> FloatArray:
        logits = output.astype(np.float64)
        return np.sum(x * logits - self.normaliser(logits), axis=1)

    def mean(self, output: FloatArray) -> FloatArray:
        return self.mean_of(output).astype(output.dtype, copy=False)

    def sample(self, output: FloatArray, rng: np.random.Generator) -> FloatArray:
        return (rng.random(output.shape) < self.mean(output)).astype(output.dtype)


class ContinuousBernoulli(Bernoulli):
    """Grey values in [0, 1], with logits l = output: -log p = sum_d [log((e^l - 1) / l) - x l].

    The density is e^(x l) / Z (Loaiza-Ganem & Cunningham 2019); its mean is not the sigmoid of l.
    """

    normaliser, mean_of = map(staticmethod, NORMALISERS["continuous_bernoulli"])

    def nll(self, output: FloatArray, x: FloatArray) -> tuple[float, FloatArray]:
        return kernels.continuous_bernoulli_nll(output, x)

    def sample(self, output: FloatArray, rng: np.random.Generator) -> FloatArray:
        # Invert F(x) = (1 - e^(-a x)) / (1 - e^-a), a = |l|: the distribution of x for l < 0, and
        # of 1 - x for l > 0.
        u, size = rng.random(output.shape), np.abs(output.astype(np.float64))
        flat = size < 1e-12
        a = np.where(flat, 1, size)
        x = np.where(flat, u, np.minimum(-np.log1p(u * np.expm1(-a)) / a, 1))
        return np.where(output > 0, 1 - x, x).astype(output.dtype)


class Categorical(Likelihood):
    """One-hot blocks with logits l = output: -log p = sum over the blocks of [log sum e^l - x l].

    Parameters
    ----------
    n_features : int
    dtype : float32 or float64
    categories : tuple of int
        The number of categories of each variable: the sizes of the blocks, which sum to
        ``n_features``.

    Raises
    ------
    ValueError, TypeError
        If ``categories`` is something else.
    """

    arguments = ("categories",)

    def __init__(self, n_features: int, dtype: DTypeLike, categories: Sequence[int]) -> None:
        self.categories = block_sizes("categories", categories, n_features)

    def check_data(self, X: FloatArray, reason: str) -> FloatArray:
        return in_one_hot_blocks("X", X, self.categories, reason)

    def nll(self, output: FloatArray, x: FloatArray) -> tuple[float, FloatArray]:
        return kernels.categorical_nll(output, x, self.categories)

    def log_prob(self, output: FloatArray, x: FloatArray) -> FloatArray:
        logits = output.astype(np.float64)
        log_sum_exp, _ = NORMALISERS["categorical"]
        blocks = log_sum_exp(logits, self.categories)
        return np.sum(x * logits, axis=1) - np.sum(blocks, axis=1)

    def mean(self, output: FloatArray) -> FloatArray:
        _, softmax = NORMALISERS["categorical"]
        return softmax(output, self.categories)

    def sample(self, output: FloatArray, rng: np.random.Generator) -> FloatArray:
        # The largest of the logits, each with noise of Gumbel's distribution, is a draw.
        noisy, x = output + rng.gumbel(size=output.shape), np.zeros_like(output)
        for end, size in zip(np.cumsum(self.categories), self.categories, strict=True):
            drawn = noisy[:, end - size : end].argmax(axis=1)
            x[np.arange(len(x)), end - size + drawn] = 1
        return x


class SquaredError(Likelihood):
    """The loss ||output - x||^2 of an autoencoder: a Gaussian of variance 1/2, but a constant."""

    def nll(self, output: FloatArray, x: FloatArray) -> tuple[float, FloatArray]:
        return kernels.squared_error(output, x)

    def log_prob(self, output: FloatArray, x: FloatArray) -> FloatArray:
        return -np.sum((output.astype(np.float64) - x) ** 2, axis=1)

    def mean(self, output: FloatArray) -> FloatArray:
        return output


# By the name that a model's argument has.
LIKELIHOODS: dict[str, type[Likelihood]] = {
    "gaussian": Gaussian,
    "laplace": Laplace,
    "bernoulli": Bernoulli,
    "continuous_bernoulli": ContinuousBernoulli,
    "categorical": Categorical,
}
