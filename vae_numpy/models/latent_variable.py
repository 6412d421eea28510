"""What a model with a prior p(z), a decoder p(x|z) and an encoder q(z|x) can be asked."""

from collections.abc import Iterator

import numpy as np
from sklearn.utils.validation import check_is_fitted

from vae_numpy._types import ArrayLike, BoolArray, FloatArray, RandomState
from vae_numpy.inference import iwae_bound
from vae_numpy.layers import reparameterise, split
from vae_numpy.likelihoods import Likelihood
from vae_numpy.losses import gaussian_kl
from vae_numpy.models.base import BaseAutoencoder, finite
from vae_numpy.models.checks import check_samples
from vae_numpy.utils import as_vector, check_integer, make_rng

LOWEST = -1e300  # nats


class LatentVariableModel(BaseAutoencoder):
    """A density over data with Gaussian latents: codes, bounds on log p(x), draws, walks.

    A subclass learns it: ``encoder_`` puts out the means and log-variances of q(z|x), (N, 2 K),
    and ``likelihood_`` reads the output of ``decoder_``.
    """

    _numbers_per_latent = 2
    likelihood_: Likelihood

    def encode(self, X: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return the means and log-variances of q(z|x).

        Parameters
        ----------
        X : (n_samples, n_features)

        Returns
        -------
        mu, logvar : (n_samples, n_components)

        Raises
        ------
        NotFittedError, ValueError
            As ``transform`` does, which returns the means alone.
        """
        check_is_fitted(self)
        X = check_samples(self, X, reset=False)
        mu, logvar = self._in_blocks(
            lambda x: split(finite(self._infer(self.encoder_, x), "X", x)), X
        )
        return mu, logvar

    def elbo(self, X: ArrayLike, n_samples: int = 1, random_state: RandomState = None) -> float:
        """Estimate the ELBO, the mean over X (n_samples, n_features) of a bound on log p(x).

        Parameters
        ----------
        X : (N, n_features)
        n_samples : int
            Number of codes drawn per datum.
        random_state : None, int or numpy.random.Generator

        Returns
        -------
        elbo : float
            In nats per datum, with ``beta = 1`` whatever the model's.

        Raises
        ------
        NotFittedError, ValueError, TypeError
            As ``transform`` does, and if ``n_samples`` is no integer of at least 1.
        """
        return float(np.mean([w.mean() for w in self._log_weights(X, n_samples, random_state)]))

    def score_samples(
        self, X: ArrayLike, n_samples: int = 10, random_state: RandomState = 0
    ) -> FloatArray:
        """Estimate the ELBO of each row of X (n_samples, n_features); higher is better.

        Every row gets the same noise, so that rows compare and a row's score depends on no other.
        A row far from all that the model has learnt gets a very low, finite number: this is the
        score to find outliers by.

        Parameters
        ----------
        X : (N, n_features)
        n_samples : int
            Number of codes drawn per datum.
        random_state : None, int or numpy.random.Generator

        Returns
        -------
        elbo : (N,) float64
            In nats, with ``beta = 1`` whatever the model's.

        Raises
        ------
        NotFittedError, ValueError, TypeError
            As ``elbo`` does.
        """
        draws = self._log_weights(X, n_samples, random_state, same_noise=True)
        # To mypy a sum may be that of nothing, 0; here is one draw at least.
        return sum(draws) / n_samples  # type: ignore[return-value]

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Return the ELBO of X, ``elbo(X, random_state=0)``.

        Its noise is fixed, and another for each row, so that it averages out.

        Parameters
        ----------
        X : (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        elbo : float
            In nats per datum.

        Raises
        ------
        NotFittedError, ValueError
            As ``elbo`` does.
        """
        return self.elbo(X, random_state=0)

    def log_likelihood(
        self,
        X: ArrayLike,
        n_samples: int = 100,
        random_state: RandomState = None,
        *,
        return_std: bool = False,
    ) -> float | tuple[float, float]:
        """Estimate log p(x), the mean over X, by importance sampling (Burda et al. 2016, eq. 8).

        It is a lower bound in expectation, at least as tight as the ELBO, and the tighter the
        more samples.

        Parameters
        ----------
        X : (N, n_features)
        n_samples : int
            Number of codes drawn per datum.
        random_state : None, int or numpy.random.Generator
        return_std : bool
            Also return the standard error that the drawn codes cause; needs two codes or more.

        Returns
        -------
        log_likelihood : float
            In nats per datum.
        standard_error : float
            Only with ``return_std=True``.

        Raises
        ------
        NotFittedError, ValueError, TypeError
            As ``elbo`` does.
        """
        if return_std:
            check_integer("n_samples with return_std=True", n_samples, minimum=2)
        log_weights = np.stack(list(self._log_weights(X, n_samples, random_state)), axis=1)
        bounds, errors = iwae_bound(log_weights)  # (N, n_samples)
        log_likelihood = float(bounds.mean())
        if not return_std:
            return log_likelihood
        return log_likelihood, float(np.sqrt(np.sum(errors**2)) / len(errors))

    def sample(self, n: int, random_state: RandomState = None, *, mean: bool = False) -> FloatArray:
        """Draw data from the model: a code from the prior, then a datum from p(x|z).

        Parameters
        ----------
        n : int
        random_state : None, int or numpy.random.Generator
        mean : bool
            Return the means of p(x|z) instead of draws from it, as most published pictures do.

        Returns
        -------
        X : (n, n_features)

        Raises
        ------
        NotFittedError, ValueError, TypeError
            If the model was not fitted, ``n`` is no integer of at least 1, or what the training
            ended in, a huge variance say, overflows.
        """
        check_is_fitted(self)
        check_integer("n", n, minimum=1)
        rng = make_rng(random_state)
        z = rng.standard_normal((n, self._n_features_out), dtype=self._dtype)

        def draw(z: FloatArray) -> list[FloatArray]:
            output = self._infer(self.decoder_, z)
            return [self.likelihood_.mean(output) if mean else self.likelihood_.sample(output, rng)]

        with np.errstate(over="ignore", invalid="ignore"):
            (X,) = self._in_blocks(draw, z)
        if not np.isfinite(X).all():
            raise ValueError(
                f"sample needs a decoder and a variance whose draws {X.dtype} can hold, got "
                "infinite ones; train with a smaller learning_rate_init or features of about 1"
            )
        return X

    def traverse(self, z: ArrayLike, latent: int, values: ArrayLike) -> FloatArray:
        """Decode copies of one code in which one latent takes the given values.

        Parameters
        ----------
        z : (K,)
        latent : int
            From 0 to K - 1.
        values : (n,)

        Returns
        -------
        X : (n, n_features)
            The means of p(x|z).

        Raises
        ------
        NotFittedError, ValueError, TypeError
            If the model was not fitted, or an argument is not as above.
        """
        check_is_fitted(self)
        K = self._n_features_out
        check_integer("latent", latent, minimum=0, maximum=K - 1)
        z, values = as_vector("z", z, K), as_vector("values", values)
        Z = np.tile(z, (len(values), 1))  # (n, K)
        Z[:, latent] = values
        return self.inverse_transform(Z)

    def interpolate(
        self, z_start: ArrayLike, z_end: ArrayLike, n: int = 10, *, spherical: bool = False
    ) -> FloatArray:
        """Decode codes on the way from one code to another.

        Parameters
        ----------
        z_start, z_end : (K,)
        n : int
            Number of codes, both ends included.
        spherical : bool
            Go along a great circle, with the length changing evenly, instead of a straight line:
            the middle of a straight line is nearer to 0 than most codes are.

        Returns
        -------
        X : (n, n_features)
            The means of p(x|z).

        Raises
        ------
        NotFittedError, ValueError, TypeError
            If the model was not fitted, or an argument is not as above.
        """
        check_is_fitted(self)
        K = self._n_features_out
        z_start, z_end = as_vector("z_start", z_start, K), as_vector("z_end", z_end, K)
        check_integer("n", n, minimum=2)
        way = np.linspace(0, 1, n)[:, None]
        straight = (1 - way) * z_start + way * z_end
        return self.inverse_transform(great_circle(z_start, z_end, way) if spherical else straight)

    def active_latents(self, X: ArrayLike, threshold: float = 0.01) -> BoolArray:
        """Say which latents carry something about X: those whose mean KL exceeds a threshold.

        Parameters
        ----------
        X : (N, n_features)
        threshold : float
            In nats.

        Returns
        -------
        active : (K,) bool array

        Raises
        ------
        NotFittedError, ValueError
            As ``transform`` does.
        """
        kl, _, _ = gaussian_kl(*self.encode(X), per_latent=True)
        return np.greater(kl, threshold)

    def _posterior(self, X: FloatArray) -> FloatArray:
        """Compute the means and log-variances of q(z|x), beside each other, (N, 2 K)."""
        return self._infer(self.encoder_, X)

    def _encode(self, X: FloatArray) -> FloatArray:
        return split(self._posterior(X))[0]

    def _decode(self, Z: FloatArray) -> FloatArray:
        return self.likelihood_.mean(self._infer(self.decoder_, Z))

    def _log_weights(
        self,
        X: ArrayLike,
        n_samples: int,
        random_state: RandomState,
        *,
        same_noise: bool = False,
    ) -> Iterator[FloatArray]:
        """Draw codes and return an iterator over log p(x, z) - log q(z|x), (N,) for each draw."""
        check_integer("n_samples", n_samples, minimum=1)
        check_is_fitted(self)
        X = self._check_data(check_samples(self, X, reset=False))
        rng = make_rng(random_state)
        mu, logvar = self._in_blocks(self._bounded_posterior, X)

        def draw() -> FloatArray:
            shape = (1, mu.shape[1]) if same_noise else mu.shape
            eps = np.broadcast_to(rng.standard_normal(shape, dtype=mu.dtype), mu.shape)
            return self._in_blocks(self._log_weight, X, mu, logvar, eps)[0]

        return (draw() for _ in range(n_samples))

    def _bounded_posterior(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Compute q(z|x), or, where the encoder's numbers overflow, a q whose ELBO does not.

        The ELBO is a bound for whatever q: this one is wide or beside the point, as x is.
        """
        mu, logvar = split(self._posterior(x))
        mu = np.clip(np.nan_to_num(mu, nan=0.0), -1e15, 1e15)
        return mu, np.minimum(np.nan_to_num(logvar, nan=0.0), 80)

    def _log_weight(
        self, x: FloatArray, mu: FloatArray, logvar: FloatArray, eps: FloatArray
    ) -> list[FloatArray]:
        z = reparameterise(mu, logvar, eps)
        # log N(z | 0, 1) - log N(z | mu, e^logvar): the constants cancel
        log_ratio = 0.5 * (eps**2 + logvar - z.astype(np.float64) ** 2)
        with np.errstate(over="ignore", invalid="ignore"):
            log_p = self.likelihood_.log_prob(self._infer(self.decoder_, z), x)
        # Where even the density overflows, a number stands for minus infinity: means stay finite.
        return [np.nan_to_num(log_p + log_ratio.sum(axis=1), nan=LOWEST, neginf=LOWEST)]


def great_circle(start: FloatArray, end: FloatArray, way: FloatArray) -> FloatArray:
    """Go from ``start`` to ``end`` (K,) in the plane of both, turning and stretching evenly.

    ``way`` (n, 1) runs from 0 to 1; the result is (n, K). Where there is no angle between the two,
    or one is 0, the way is straight.
    """
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    straight = (1 - way) * start + way * end
    if min(lengths) == 0:
        return straight
    angle = np.arccos(np.clip(start @ end / (lengths[0] * lengths[1]), -1, 1))
    if np.isclose(np.sin(angle), 0):
        return straight
    turned = np.sin((1 - way) * angle) * start / lengths[0] + np.sin(way * angle) * end / lengths[1]
    return ((1 - way) * lengths[0] + way * lengths[1]) * turned / np.sin(angle)
