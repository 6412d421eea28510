"""The variational autoencoder; with ``beta`` above 1, the beta-VAE."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from vae_numpy import kernels
from vae_numpy.inference import iwae_bound
from vae_numpy.kernels.reference import ACTIVATIONS
from vae_numpy.likelihoods import LIKELIHOODS
from vae_numpy.losses import gaussian_kl
from vae_numpy.models.autoencoder import dense_stack
from vae_numpy.models.base import BaseAutoencoder, finite
from vae_numpy.models.checks import check_samples, hidden_sizes
from vae_numpy.utils import as_vector, check_choice, check_integer, check_number, make_rng

LOWEST = -1e300  # nats


def reparameterise(mu, logvar, eps):
    """Draw z = mu + exp(logvar / 2) eps (Kingma & Welling 2014, section 2.4); all are (N, K)."""
    return mu + np.exp(0.5 * logvar) * eps


def reparameterise_backward(dz, logvar, eps):
    """Return the gradients in mu and logvar, given the one in z; all are (N, K)."""
    # z = mu + exp(logvar / 2) eps
    dmu = dz
    dlogvar = dz * eps * 0.5 * np.exp(0.5 * logvar)
    return dmu, dlogvar


class VAE(BaseAutoencoder):
    """A variational autoencoder (Kingma & Welling 2014) with Gaussian latents.

    It minimises reconstruction + beta KL: minus the log-likelihood of a datum given a sampled
    code, and the divergence of the code's distribution from the prior N(0, I); sums over
    features and latents, means over the batch, in nats. With ``beta=1`` that is minus the ELBO;
    another ``beta`` makes it the beta-VAE (Higgins et al. 2017, eq. 4).

    Parameters
    ----------
    n_components : int
        Number of latents K.
    hidden_layer_sizes : int or tuple of int
        The widths of the encoder's hidden layers; ``()`` for none.
    activation : {"tanh", "relu", "sigmoid", "softplus", "identity"}
        Of the hidden layers.
    likelihood : {"gaussian", "laplace", "bernoulli", "continuous_bernoulli", "categorical"}
        A key of ``vae_numpy.likelihoods.LIKELIHOODS``. ``"laplace"`` is for data with outliers.
        ``"bernoulli"`` takes data in [0, 1] and is a likelihood for 0 and 1 only;
        ``"continuous_bernoulli"`` is one for all of [0, 1]. ``"categorical"`` takes one-hot blocks.
    beta : float, >= 0
        The weight of the KL divergence.
    capacity : float or None
        In nats. Replaces beta KL by gamma |KL - C|, where C rises in a straight line from 0 to
        ``capacity`` (Burgess et al. 2018, eq. 8).
    gamma : float, > 0
    capacity_epochs : int or None
        The epochs in which C rises; None takes all ``max_iter``.
    warm_up : int
        The epochs in which beta rises in a straight line from 0.
    free_bits : float, >= 0
        In nats. A latent whose KL is below this pays as if it were this, and feels no pull
        (Kingma et al. 2016, eq. 15).
    variance : float, "learnt" or "per_feature"
        The variance of the Gaussian or Laplace likelihood: fixed, one learnt number, or one per
        feature.
    categories : tuple of int or None
        The sizes of the one-hot blocks, which sum to the number of features: for
        ``likelihood="categorical"``, and for no other.
    decoder_hidden_layer_sizes, decoder_activation : or None
        None mirrors the encoder.
    solver, learning_rate_init, learning_rate, batch_size, max_iter, tol, n_iter_no_change, \
early_stopping, validation_fraction, weight_decay, random_state, verbose, warm_start, callbacks
        As for ``Autoencoder``.

    Attributes
    ----------
    encoder_, decoder_ : Sequential
        The encoder puts out the means and the log-variances, (N, 2 K).
    likelihood_ : a ``Likelihood`` of ``vae_numpy.likelihoods``
        What the decoder's output says of a datum.
    log_variance_ : Parameter, () or (D,)
        The log-variance of a likelihood that has one.
    history_ : History
        For each epoch ``"loss"``, ``"reconstruction"``, ``"kl"`` and ``"kl_per_latent"`` (K,), all
        in nats per sample, and ``"validation_loss"`` with ``early_stopping``.
    n_iter_, loss_curve_, n_features_in_

    Examples
    --------
    >>> from vae_numpy.data import make_spiral
    >>> X, t = make_spiral(500, random_state=0)
    >>> vae = VAE(n_components=1, variance="learnt", max_iter=5, random_state=0).fit(X)
    >>> vae.sample(3, random_state=0).shape
    (3, 2)
    """

    _network_arguments = (
        "n_components",
        "hidden_layer_sizes",
        "activation",
        "likelihood",
        "variance",
        "categories",
        "decoder_hidden_layer_sizes",
        "decoder_activation",
    )

    def __init__(
        self,
        n_components=2,
        hidden_layer_sizes=(64, 64),
        activation="tanh",
        likelihood="gaussian",
        beta=1.0,
        *,
        capacity=None,
        gamma=1000.0,
        capacity_epochs=None,
        warm_up=0,
        free_bits=0.0,
        variance=1.0,
        categories=None,
        decoder_hidden_layer_sizes=None,
        decoder_activation=None,
        solver="adam",
        learning_rate_init=0.001,
        learning_rate="constant",
        batch_size=64,
        max_iter=200,
        tol=None,
        n_iter_no_change=10,
        early_stopping=False,
        validation_fraction=0.1,
        weight_decay=0.0,
        random_state=None,
        verbose=False,
        warm_start=False,
        callbacks=None,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.likelihood = likelihood
        self.beta = beta
        self.capacity = capacity
        self.gamma = gamma
        self.capacity_epochs = capacity_epochs
        self.warm_up = warm_up
        self.free_bits = free_bits
        self.variance = variance
        self.categories = categories
        self.decoder_hidden_layer_sizes = decoder_hidden_layer_sizes
        self.decoder_activation = decoder_activation
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.weight_decay = weight_decay
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.callbacks = callbacks

    # One step of training -----------------------------------------------------------------------

    def _step(self, x, rng):
        # forward
        mu, logvar = split(self.encoder_.forward(x))  # (N, K) each
        eps = rng.standard_normal(mu.shape, dtype=mu.dtype)
        z = reparameterise(mu, logvar, eps)  # (N, K)
        output = self.decoder_.forward(z)  # (N, D), means or logits

        # loss
        nll, doutput = self.likelihood_.nll(output, x)
        kl, dmu_kl, dlogvar_kl = kernels.gaussian_kl(mu, logvar)  # (K,), (N, K) twice
        cost, slope = self._penalty(kl)

        # backward
        dz = self.decoder_.backward(doutput, accumulate=False)
        dmu, dlogvar = reparameterise_backward(dz, logvar, eps)
        dh = join(dmu + slope * dmu_kl, dlogvar + slope * dlogvar_kl)
        self.encoder_.backward(dh, accumulate=False, need_dx=False)
        return {"loss": nll + cost, "reconstruction": nll, "kl": kl.sum(), "kl_per_latent": kl}

    def _penalty(self, kl):
        """Compute what the KL (K,) costs, in nats, and the slope of that in each latent's KL."""
        epochs = self._run.progress
        if self.capacity is not None:
            rising, gamma = self.capacity_epochs or self.max_iter, float(self.gamma)
            excess = kl.sum() - float(self.capacity) * min(1, epochs / rising)
            return gamma * abs(excess), gamma * float(np.sign(excess))
        beta = float(self.beta)
        if self.warm_up:
            beta *= min(1, epochs / self.warm_up)
        if not self.free_bits:
            return beta * kl.sum(), beta
        slope = beta * (kl > self.free_bits)
        return beta * np.maximum(kl, self.free_bits).sum(), slope.astype(self._dtype)

    def build_networks(self, n_features, dtype, rng):
        K, sizes = self.n_components, hidden_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        decoder_sizes, activation = sizes[::-1], self.decoder_activation or self.activation
        if self.decoder_hidden_layer_sizes is not None:
            decoder_sizes = hidden_sizes(
                "decoder_hidden_layer_sizes", self.decoder_hidden_layer_sizes
            )
        options = {"rng": rng, "dtype": dtype}
        self.encoder_ = dense_stack((n_features, *sizes, 2 * K), self.activation, **options)
        self.decoder_ = dense_stack((K, *decoder_sizes, n_features), activation, **options)

    def _begin(self, X, rng):
        self.likelihood_ = self._new_likelihood(X)
        super()._begin(X, rng)

    def _new_likelihood(self, X):
        likelihood = LIKELIHOODS[self.likelihood]
        arguments = {name: getattr(self, name) for name in likelihood.arguments}
        return likelihood(X.shape[1], X.dtype, **arguments)

    def _parameters(self):
        return super()._parameters() + self.likelihood_.parameters()

    @property
    def log_variance_(self):
        """The log-variance of p(x|z), a Parameter, where the likelihood has one."""
        return self.likelihood_.log_variance

    def _check_arguments(self, X):
        super()._check_arguments(X)
        check_choice("likelihood", self.likelihood, LIKELIHOODS)
        if self.categories is not None and self.likelihood != "categorical":
            raise ValueError(
                f"categories must be None with likelihood={self.likelihood!r}, "
                f"got {self.categories!r}"
            )
        check_choice("activation", self.activation, ACTIVATIONS)
        if self.decoder_activation is not None:
            check_choice("decoder_activation", self.decoder_activation, ACTIVATIONS)
        check_number("beta", self.beta, minimum=0)
        if self.capacity is not None:
            check_number("capacity", self.capacity, minimum=0)
            for name in ("warm_up", "free_bits"):
                if getattr(self, name):
                    raise ValueError(
                        f"capacity and {name} exclude each other, got capacity={self.capacity} "
                        f"and {name}={getattr(self, name)}"
                    )
            check_number("gamma", self.gamma, above=0)
        if self.capacity_epochs is not None:
            check_integer("capacity_epochs", self.capacity_epochs, minimum=1)
        check_integer("warm_up", self.warm_up, minimum=0)
        check_number("free_bits", self.free_bits, minimum=0)

    def _check_data(self, X):
        return self._new_likelihood(X).check_data(X, f"likelihood={self.likelihood!r}")

    # Using what was learnt ----------------------------------------------------------------------

    def encode(self, X):
        """Return the means and log-variances of q(z|x) for X (n_samples, n_features).

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

    def elbo(self, X, n_samples=1, random_state=None):
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

    def score_samples(self, X, n_samples=10, random_state=0):
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
        return sum(draws) / n_samples

    def score(self, X, y=None):
        """Return the ELBO of X (n_samples, n_features), ``elbo(X, random_state=0)``; y is ignored.

        Its noise is fixed, and another for each row, so that it averages out.

        Raises
        ------
        NotFittedError, ValueError
            As ``elbo`` does.
        """
        return self.elbo(X, random_state=0)

    def log_likelihood(self, X, n_samples=100, random_state=None, *, return_std=False):
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

    def sample(self, n, random_state=None, *, mean=False):
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
            If the model was not fitted, or ``n`` is no integer of at least 1.
        """
        check_is_fitted(self)
        check_integer("n", n, minimum=1)
        rng = make_rng(random_state)
        z = rng.standard_normal((n, self._n_features_out), dtype=self._dtype)

        def draw(z):
            output = self._infer(self.decoder_, z)
            return [self.likelihood_.mean(output) if mean else self.likelihood_.sample(output, rng)]

        return self._in_blocks(draw, z)[0]

    def traverse(self, z, latent, values):
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

    def interpolate(self, z_start, z_end, n=10, *, spherical=False):
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

    def active_latents(self, X, threshold=0.01):
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
        return gaussian_kl(*self.encode(X), per_latent=True)[0] > threshold

    def _posterior(self, X):
        """Compute the means and log-variances of q(z|x), beside each other, (N, 2 K)."""
        return self._infer(self.encoder_, X)

    def _encode(self, X):
        return split(self._posterior(X))[0]

    def _decode(self, Z):
        return self.likelihood_.mean(self._infer(self.decoder_, Z))

    def _log_weights(self, X, n_samples, random_state, *, same_noise=False):
        """Draw codes and return an iterator over log p(x, z) - log q(z|x), (N,) for each draw."""
        check_integer("n_samples", n_samples, minimum=1)
        check_is_fitted(self)
        X = self._check_data(check_samples(self, X, reset=False))
        rng = make_rng(random_state)
        mu, logvar = self._in_blocks(self._bounded_posterior, X)

        def draw():
            shape = (1, mu.shape[1]) if same_noise else mu.shape
            eps = np.broadcast_to(rng.standard_normal(shape, dtype=mu.dtype), mu.shape)
            return self._in_blocks(self._log_weight, X, mu, logvar, eps)[0]

        return (draw() for _ in range(n_samples))

    def _bounded_posterior(self, x):
        """Compute q(z|x), or, where the encoder's numbers overflow, a q whose ELBO does not.

        The ELBO is a bound for whatever q: this one is wide or beside the point, as x is.
        """
        mu, logvar = split(self._posterior(x))
        mu = np.clip(np.nan_to_num(mu, nan=0.0), -1e15, 1e15)
        return mu, np.minimum(np.nan_to_num(logvar, nan=0.0), 80)

    def _log_weight(self, x, mu, logvar, eps):
        z = reparameterise(mu, logvar, eps)
        # log N(z | 0, 1) - log N(z | mu, e^logvar): the constants cancel
        log_ratio = 0.5 * (eps**2 + logvar - z.astype(np.float64) ** 2)
        with np.errstate(over="ignore", invalid="ignore"):
            log_p = self.likelihood_.log_prob(self._infer(self.decoder_, z), x)
        # Where even the density overflows, a number stands for minus infinity: means stay finite.
        return [np.nan_to_num(log_p + log_ratio.sum(axis=1), nan=LOWEST, neginf=LOWEST)]

    def _evaluate(self, X):
        # What early stopping compares: the loss at the final beta or capacity, with fixed noise.
        mu, logvar = self._in_blocks(lambda x: split(self._posterior(x)), X)
        kl = kernels.gaussian_kl(mu, logvar)[0].sum()
        if self.capacity is not None:
            cost = float(self.gamma) * abs(kl - float(self.capacity))
        else:
            cost = float(self.beta) * kl
        eps = np.random.default_rng(0).standard_normal(mu.shape, dtype=mu.dtype)

        def log_prob(x, z):
            return [self.likelihood_.log_prob(self._infer(self.decoder_, z), x)]

        with np.errstate(over="ignore", invalid="ignore"):
            (log_p,) = self._in_blocks(log_prob, X, reparameterise(mu, logvar, eps))
        return float(cost - log_p.mean())


def split(h):
    """Split the encoder's output (N, 2 K) into means and log-variances, (N, K) each."""
    K = h.shape[1] // 2
    return np.ascontiguousarray(h[:, :K]), np.ascontiguousarray(h[:, K:])


def join(dmu, dlogvar):
    """Join the gradients in both halves, (N, K) each, into one in the encoder's output (N, 2 K)."""
    return np.concatenate([dmu, dlogvar], axis=1)


def great_circle(start, end, way):
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
