"""The nonlinear autoencoder, and the denoising one, which is the same with damaged input."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vae_numpy._types import DTypeLike, FloatArray, RandomState
from vae_numpy.data.corruption import check_noise, corrupt
from vae_numpy.kernels.reference import ACTIVATIONS
from vae_numpy.likelihoods import Bernoulli, Likelihood, SquaredError
from vae_numpy.models.base import BaseAutoencoder
from vae_numpy.models.checks import hidden_sizes
from vae_numpy.models.networks import pictures_between, stack
from vae_numpy.training import Callback, Losses
from vae_numpy.utils import check_choice

LOSSES: dict[str, Likelihood] = {"squared_error": SquaredError(), "bernoulli": Bernoulli()}


class Autoencoder(BaseAutoencoder):
    """A nonlinear autoencoder: dense layers down to a few latents and up again.

    The encoder goes through ``hidden_layer_sizes``, the decoder through the same in reverse;
    the code and the output are linear. For pictures there may be convolutions as well. With
    ``noise`` it is a denoising autoencoder: it sees damaged data and is to return the undamaged
    (Vincent et al. 2010).

    Features should be of the order of 1: scale them first.

    Parameters
    ----------
    n_components : int
        Number of latents K.
    hidden_layer_sizes : int or tuple of int
        The widths of the encoder's hidden layers; ``()`` for none.
    activation : str
        Of the hidden layers, one of those that ``layers.Dense`` has.
    loss : {"squared_error", "bernoulli"}
        ``"bernoulli"`` takes data in [0, 1]; the decoder then puts out logits, and
        ``inverse_transform`` probabilities.
    image_shape : None, (H, W) or (C, H, W)
        Of data that are pictures: height and width in pixels, and channels if there are several;
        a row of X holds them channel by channel.
    conv_channels : int or tuple of int
        The channels of the convolutions that the encoder has before its hidden layers, and the
        decoder, transposed and in reverse, after them; ``()`` for none. Each takes patches of
        4 x 4 pixels with stride 2 and padding 1 (Burgess et al. 2018, appendix A.1), and so
        halves height and width.
    noise : None, {"gaussian", "masking", "salt_and_pepper"} or callable
        Damage done to the input while training, see ``vae_numpy.data.corrupt``.
    noise_level : float
        Standard deviation or probability of the damage.
    solver : {"adam", "adagrad", "sgd"}
        The optimiser; ``"sgd"`` has momentum 0.9.
    learning_rate_init : float, > 0
    learning_rate : {"constant", "cosine", "step"}
        How the learning rate falls over ``max_iter`` epochs.
    batch_size : int or None
        None uses all samples in every step.
    max_iter : int
        Number of epochs.
    tol : float or None
        Stop when the loss has not fallen by ``tol`` within ``n_iter_no_change`` epochs; None
        trains all epochs (with ``early_stopping`` it counts as 0).
    n_iter_no_change : int
    early_stopping : bool
        Hold out a part of the data, stop by the loss on it, and keep the weights of the epoch
        in which it was least.
    validation_fraction : float, between 0 and 1
        The part held out.
    weight_decay : float, >= 0
        Adds weight_decay * sum ||W||^2 over all weight matrices to the loss.
    random_state : None, int or numpy.random.Generator
    verbose : bool
        Show a progress bar.
    warm_start : bool
        Start ``fit`` at the weights of the last one.
    callbacks : list of callables or None
        Each is called as ``callback(model)`` after every epoch; a true answer ends training.

    Attributes
    ----------
    encoder_, decoder_ : Sequential
    history_ : History
        ``"loss"`` of each epoch, and ``"validation_loss"`` with ``early_stopping``; both
        without the penalty on the weights.
    n_iter_, loss_curve_, n_features_in_

    Examples
    --------
    >>> from vae_numpy.data import make_spiral
    >>> X, t = make_spiral(500, random_state=0)
    >>> model = Autoencoder(n_components=1, max_iter=5, random_state=0).fit(X)
    >>> model.transform(X).shape
    (500, 1)
    """

    _network_arguments = (
        "n_components",
        "hidden_layer_sizes",
        "activation",
        "image_shape",
        "conv_channels",
    )

    def __init__(
        self,
        n_components: int = 2,
        hidden_layer_sizes: int | Sequence[int] = (64, 64),
        activation: str = "tanh",
        loss: str = "squared_error",
        *,
        image_shape: Sequence[int] | None = None,
        conv_channels: int | Sequence[int] = (),
        noise: str | Callable | None = None,
        noise_level: float = 0.1,
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
        self.loss = loss
        self.image_shape = image_shape
        self.conv_channels = conv_channels
        self.noise = noise
        self.noise_level = noise_level
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

    def _check_arguments(self, X: FloatArray) -> None:
        super()._check_arguments(X)
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("loss", self.loss, LOSSES)
        hidden_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        pictures_between(self.image_shape, self.conv_channels, X.shape[1])
        if self.noise is not None and not callable(self.noise):
            check_noise(self.noise, self.noise_level)

    def _check_data(self, X: FloatArray) -> FloatArray:
        return LOSSES[self.loss].check_data(X, f"loss={self.loss!r}")

    def build_networks(self, n_features: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        hidden = hidden_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        pictures = pictures_between(self.image_shape, self.conv_channels, n_features)
        sizes = (math.prod(pictures[-1]), *hidden, self.n_components)
        options: dict[str, Any] = {"pictures": pictures, "rng": rng, "dtype": dtype}
        self.encoder_ = stack(sizes, self.activation, **options)
        self.decoder_ = stack(sizes[::-1], self.activation, up=True, **options)

    def _step(self, x: FloatArray, rng: np.random.Generator) -> Losses:
        # forward
        damaged = x if self.noise is None else corrupt(x, self.noise, self.noise_level, rng=rng)
        z = self.encoder_.forward(damaged)  # (N, K)
        output = self.decoder_.forward(z)  # (N, D), logits if the loss is "bernoulli"

        # loss
        loss, doutput = LOSSES[self.loss].nll(output, x)

        # backward
        dz = self.decoder_.backward(doutput, accumulate=False)
        self.encoder_.backward(dz, accumulate=False, need_dx=False)
        return {"loss": loss}

    def _decode(self, Z: FloatArray) -> FloatArray:
        return LOSSES[self.loss].mean(super()._decode(Z))

    def _score_rows(self, X: FloatArray) -> FloatArray:
        return LOSSES[self.loss].log_prob(self._infer(self.decoder_, self._encode(X)), X)
