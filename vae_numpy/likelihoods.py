"""Likelihoods: what a decoder's output says of a datum.

The last layer of a decoder puts out numbers of any size. A likelihood reads them as p(x|z): as
means, as logits, as whatever its formula needs. Here is one class each, and a new one is one more
class, with its line in ``LIKELIHOODS``, its kernel and its loss (the recipe is in CONTRIBUTING.md).

Conventions as in ``losses``: sums over features, means over the batch, in nats.
"""

import numpy as np

from vae_numpy import kernels
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

    arguments = ()

    def __init__(self, n_features=None, dtype=None):
        pass

    def check_data(self, X, reason):
        """Return X (N, D), or raise a ValueError that quotes ``reason`` if it has no density."""
        return X

    def parameters(self):
        """List the parameters that are learnt with the networks' weights."""
        return []

    def nll(self, output, x):
        """Return minus the log-likelihood of x (N, D), a mean, and its gradient in the output.

        The gradients of the likelihood's own parameters are written into their ``grad``.
        """
        raise NotImplementedError

    def log_prob(self, output, x):
        """Return log p(x|z) of each row, (N,), in nats and in double precision."""
        raise NotImplementedError

    def mean(self, output):
        """Return the mean of p(x|z), (N, D)."""
        raise NotImplementedError

    def sample(self, output, rng):
        """Draw a datum from p(x|z) for each row, (N, D)."""
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

    A subclass gives its ``loss`` (output, v, x), with the gradients in the first two, its
    ``log_density`` (x - output, v) and its ``noise`` (rng, shape, dtype), of variance 1.
    """

    arguments = ("variance",)

    def __init__(self, n_features, dtype, variance=1.0):
        self.learnt = isinstance(variance, str)
        if self.learnt:
            check_choice("variance", variance, ("learnt", "per_feature"))
        else:
            check_number("variance", variance, above=0)
        shape = (n_features,) if variance == "per_feature" else ()
        start = 0.0 if self.learnt else np.log(variance)
        self.log_variance = Parameter(np.full(shape, start, dtype))

    def parameters(self):
        return [self.log_variance] if self.learnt else []

    def nll(self, output, x):
        value, doutput, dlogvar = self.loss(output, self.log_variance.value, x)
        self.log_variance.grad[...] = dlogvar
        return value, doutput

    def log_prob(self, output, x):
        v = self.log_variance.value.astype(np.float64)
        return np.sum(self.log_density(x.astype(np.float64) - output, v), axis=1)

    def mean(self, output):
        return output

    def sample(self, output, rng):
        std = np.exp(0.5 * self.log_variance.value)
        return output + std * self.noise(rng, output.shape, output.dtype)


class Gaussian(WithVariance):
    """N(x | output, variance): -log p = 1/2 sum_d [log 2 pi + v + (x - output)^2 e^-v]."""

    loss = staticmethod(gaussian_nll)

    @staticmethod
    def log_density(difference, v):
        return -0.5 * (np.log(2 * np.pi) + v + difference**2 * np.exp(-v))

    @staticmethod
    def noise(rng, shape, dtype):
        return rng.standard_normal(shape, dtype=dtype)


class Laplace(WithVariance):
    """Laplace's distribution: -log p = sum_d [log sqrt 2 + v/2 + sqrt 2 |x - output| e^(-v/2)].

    A value far out pulls no harder than one near by: for data with outliers.
    """

    loss = staticmethod(laplace_nll)

    @staticmethod
    def log_density(difference, v):
        return -0.5 * (np.log(2) + v) - np.sqrt(2) * np.abs(difference) * np.exp(-0.5 * v)

    @staticmethod
    def noise(rng, shape, dtype):
        return rng.laplace(scale=0.5**0.5, size=shape).astype(dtype)


class Bernoulli(Likelihood):
    """Pixels that are 0 or 1, with logits l = output: -log p = sum_d [log(1 + e^l) - x l].

    It takes data in [0, 1]; on grey values it is a cross-entropy and no likelihood.
    """

    normaliser, mean_of = map(staticmethod, NORMALISERS["bernoulli"])

    def check_data(self, X, reason):
        return in_unit_interval("X", X, reason)

    def nll(self, output, x):
        return kernels.bernoulli_nll(output, x)

    def log_prob(self, output, x):
        logits = output.astype(np.float64)
        return np.sum(x * logits - self.normaliser(logits), axis=1)

    def mean(self, output):
        return self.mean_of(output).astype(output.dtype, copy=False)

    def sample(self, output, rng):
        return (rng.random(output.shape) < self.mean(output)).astype(output.dtype)


class ContinuousBernoulli(Bernoulli):
    """Grey values in [0, 1], with logits l = output: -log p = sum_d [log((e^l - 1) / l) - x l].

    The density is e^(x l) / Z (Loaiza-Ganem & Cunningham 2019); its mean is not the sigmoid of l.
    """

    normaliser, mean_of = map(staticmethod, NORMALISERS["continuous_bernoulli"])

    def nll(self, output, x):
        return kernels.continuous_bernoulli_nll(output, x)

    def sample(self, output, rng):
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
    """

    arguments = ("categories",)

    def __init__(self, n_features, dtype, categories):
        self.categories = block_sizes("categories", categories, n_features)

    def check_data(self, X, reason):
        return in_one_hot_blocks("X", X, self.categories, reason)

    def nll(self, output, x):
        return kernels.categorical_nll(output, x, self.categories)

    def log_prob(self, output, x):
        logits = output.astype(np.float64)
        log_sum_exp, _ = NORMALISERS["categorical"]
        blocks = log_sum_exp(logits, self.categories)
        return np.sum(x * logits, axis=1) - np.sum(blocks, axis=1)

    def mean(self, output):
        _, softmax = NORMALISERS["categorical"]
        return softmax(output, self.categories)

    def sample(self, output, rng):
        # The largest of the logits, each with noise of Gumbel's distribution, is a draw.
        noisy, x = output + rng.gumbel(size=output.shape), np.zeros_like(output)
        for end, size in zip(np.cumsum(self.categories), self.categories, strict=True):
            drawn = noisy[:, end - size : end].argmax(axis=1)
            x[np.arange(len(x)), end - size + drawn] = 1
        return x


class SquaredError(Likelihood):
    """The loss ||output - x||^2 of an autoencoder: a Gaussian of variance 1/2, but a constant."""

    def nll(self, output, x):
        return kernels.squared_error(output, x)

    def log_prob(self, output, x):
        return -np.sum((output.astype(np.float64) - x) ** 2, axis=1)

    def mean(self, output):
        return output


# By the name that a model's argument has.
LIKELIHOODS = {
    "gaussian": Gaussian,
    "laplace": Laplace,
    "bernoulli": Bernoulli,
    "continuous_bernoulli": ContinuousBernoulli,
    "categorical": Categorical,
}
