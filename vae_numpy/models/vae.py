"""The variational autoencoder; with ``beta`` above 1, the beta-VAE."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from vae_numpy import kernels
from vae_numpy._types import DTypeLike, FloatArray, RandomState
from vae_numpy.kernels.reference import ACTIVATIONS
from vae_numpy.layers import Parameter, join, reparameterise, reparameterise_backward, split
from vae_numpy.likelihoods import LIKELIHOODS, Likelihood
from vae_numpy.models.checks import hidden_sizes
from vae_numpy.models.latent_variable import LatentVariableModel
from vae_numpy.models.networks import pictures_between, stack
from vae_numpy.training import Callback, Losses
from vae_numpy.utils import check_choice, check_integer, check_number


class VAE(LatentVariableModel):
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
    activation : str
        Of the hidden layers, one of those that ``layers.Dense`` has.
    likelihood : str
        A key of ``vae_numpy.likelihoods.LIKELIHOODS``, which says what each is for: ``"gaussian"``
        for any numbers, ``"laplace"`` is for data with outliers.
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
        feature. With a likelihood that has no variance it must stay 1.
    categories : tuple of int or None
        The sizes of the one-hot blocks, which sum to the number of features: for
        ``likelihood="categorical"``, and for no other.
    decoder_hidden_layer_sizes : int, tuple of int or None
    decoder_activation : str or None
        None mirrors the encoder, here and for the widths.
    image_shape : None, (H, W) or (C, H, W)
    conv_channels : int or tuple of int
        As for ``Autoencoder``; the decoder's convolutions mirror the encoder's.
    solver : {"adam", "adagrad", "sgd"}
        From here on all are as for ``Autoencoder``.
    learning_rate_init : float, > 0
    learning_rate : {"constant", "cosine", "step"}
    batch_size : int or None
    max_iter : int
    tol : float or None
    n_iter_no_change : int
    early_stopping : bool
    validation_fraction : float, between 0 and 1
    weight_decay : float, >= 0
    random_state : None, int or numpy.random.Generator
    verbose, warm_start : bool
    callbacks : list of callables or None

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

    The network of Burgess et al. (2018), for pictures of 64 x 64 pixels:

    >>> pictures = {"image_shape": (64, 64), "conv_channels": (32, 32, 32, 32)}
    >>> vae = VAE(10, (256, 256), "relu", "bernoulli", **pictures)
    >>> vae.build_networks(64 * 64, np.float32, np.random.default_rng(0))
    >>> vae.encoder_.layers[0]
    Conv2D((1, 64, 64), 32, (4, 4), 'relu', stride=2, padding=1)
    """

    _learned = (*LatentVariableModel._learned, "likelihood_")
    _network_arguments = (
        "n_components",
        "hidden_layer_sizes",
        "activation",
        "likelihood",
        "variance",
        "categories",
        "decoder_hidden_layer_sizes",
        "decoder_activation",
        "image_shape",
        "conv_channels",
    )

    def __init__(
        self,
        n_components: int = 2,
        hidden_layer_sizes: int | Sequence[int] = (64, 64),
        activation: str = "tanh",
        likelihood: str = "gaussian",
        beta: float = 1.0,
        *,
        capacity: float | None = None,
        gamma: float = 1000.0,
        capacity_epochs: int | None = None,
        warm_up: int = 0,
        free_bits: float = 0.0,
        variance: float | str = 1.0,
        categories: Sequence[int] | None = None,
        decoder_hidden_layer_sizes: int | Sequence[int] | None = None,
        decoder_activation: str | None = None,
        image_shape: Sequence[int] | None = None,
        conv_channels: int | Sequence[int] = (),
        solver: str = "adam",
        learning_rate_init: float = 0.001,
        learning_rate: str = "constant",
        batch_size: int | None = 64,
        max_iter: int = 200,
        tol: float | None = None,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        weight_decay: float = 0.0,
        random_state: RandomState = None,
        verbose: bool = False,
        warm_start: bool = False,
        callbacks: Sequence[Callback] | None = None,
    ) -> None:
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
        self.image_shape = image_shape
        self.conv_channels = conv_channels
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

    def _step(self, x: FloatArray, rng: np.random.Generator) -> Losses:
        # forward
        mu, logvar = split(self.encoder_.forward(x))  # (N, K) each
        eps = rng.standard_normal(mu.shape, dtype=mu.dtype)
        z = reparameterise(mu, logvar, eps)  # (N, K)
        output = self.decoder_.forward(z)  # (N, D), means or logits

        # loss
        nll, doutput = self.likelihood_.nll(output, x)
        kl, dmu_kl, dlogvar_kl = kernels.gaussian_kl(mu, logvar)  # kl: (K,)
        cost, slope = self._penalty(kl)

        # backward
        dz = self.decoder_.backward(doutput, accumulate=False)
        dmu, dlogvar = reparameterise_backward(dz, logvar, eps)
        dh = join(dmu + slope * dmu_kl, dlogvar + slope * dlogvar_kl)
        self.encoder_.backward(dh, accumulate=False, need_dx=False)
        rate = float(kl.sum())
        return {"loss": nll + cost, "reconstruction": nll, "kl": rate, "kl_per_latent": kl}

    def _penalty(self, kl: FloatArray) -> tuple[float, float | FloatArray]:
        """Compute what the KL (K,) costs, in nats, and the slope of that in each latent's KL."""
        if self.capacity is not None:
            rising, gamma = self.capacity_epochs or self.max_iter, float(self.gamma)
            excess = float(kl.sum()) - float(self.capacity) * min(1, self._run.progress / rising)
            return gamma * abs(excess), gamma * float(np.sign(excess))
        beta = float(self.beta)
        if self.warm_up:
            beta *= min(1, self._run.progress / self.warm_up)
        if not self.free_bits:
            return beta * float(kl.sum()), beta
        slope = beta * (kl > self.free_bits)
        return beta * float(np.maximum(kl, self.free_bits).sum()), slope.astype(self._dtype)

    def _evaluate(self, X: FloatArray) -> float:
        # What early stopping compares: the loss at the final beta or capacity, with fixed noise.
        mu, logvar = self._in_blocks(lambda x: split(self._posterior(x)), X)
        kl = kernels.gaussian_kl(mu, logvar)[0].sum()
        if self.capacity is not None:
            cost = float(self.gamma) * abs(kl - float(self.capacity))
        else:
            cost = float(self.beta) * kl
        eps = np.random.default_rng(0).standard_normal(mu.shape, dtype=mu.dtype)

        def log_prob(x: FloatArray, z: FloatArray) -> list[FloatArray]:
            return [self.likelihood_.log_prob(self._infer(self.decoder_, z), x)]

        with np.errstate(over="ignore", invalid="ignore"):
            (log_p,) = self._in_blocks(log_prob, X, reparameterise(mu, logvar, eps))
        return float(cost - log_p.mean())

    def build_networks(self, n_features: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        K, hidden = self.n_components, hidden_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        mirrored, activation = hidden[::-1], self.decoder_activation or self.activation
        if self.decoder_hidden_layer_sizes is not None:
            mirrored = hidden_sizes("decoder_hidden_layer_sizes", self.decoder_hidden_layer_sizes)
        pictures = pictures_between(self.image_shape, self.conv_channels, n_features)
        n = math.prod(pictures[-1])
        options: dict[str, Any] = {"pictures": pictures, "rng": rng, "dtype": dtype}
        self.encoder_ = stack((n, *hidden, 2 * K), self.activation, **options)
        self.decoder_ = stack((K, *mirrored, n), activation, up=True, **options)

    def _begin(self, X: FloatArray, rng: np.random.Generator) -> None:
        self.likelihood_ = self._new_likelihood(X)
        super()._begin(X, rng)

    def _new_likelihood(self, X: FloatArray) -> Likelihood:
        likelihood = LIKELIHOODS[self.likelihood]
        arguments = {name: getattr(self, name) for name in likelihood.arguments}
        return likelihood(X.shape[1], X.dtype, **arguments)

    def _parameters(self) -> list[Parameter]:
        return super()._parameters() + self.likelihood_.parameters()

    @property
    def log_variance_(self) -> Parameter:
        """The log-variance of p(x|z), a Parameter, where the likelihood has one."""
        # Where it has none, the AttributeError is the answer that ``hasattr`` asks for.
        return self.likelihood_.log_variance  # type: ignore[attr-defined]

    def _check_arguments(self, X: FloatArray) -> None:
        super()._check_arguments(X)
        check_choice("likelihood", self.likelihood, LIKELIHOODS)
        unasked: dict[str, Any] = {"variance": 1.0, "categories": None}
        for name, default in unasked.items():
            given, taken = getattr(self, name), LIKELIHOODS[self.likelihood].arguments
            if name not in taken and not np.array_equal(given, default):
                raise ValueError(
                    f"{name} must be {default} with likelihood={self.likelihood!r}, got {given!r}"
                )
        check_choice("activation", self.activation, ACTIVATIONS)
        pictures_between(self.image_shape, self.conv_channels, X.shape[1])
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

    def _check_data(self, X: FloatArray) -> FloatArray:
        return self._new_likelihood(X).check_data(X, f"likelihood={self.likelihood!r}")
