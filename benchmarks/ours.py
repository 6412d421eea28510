"""The training step of ``vae_numpy.VAE``."""

import numpy as np

from vae_numpy.kernels.threads import one_blas_thread
from vae_numpy.layers import flatten
from vae_numpy.models import VAE
from vae_numpy.optimisers import Adam

from .networks import BETA1, BETA2, EPS, LEARNING_RATE


class Noise:
    """Stands where the model expects a generator, and hands out the same noise to everybody."""

    def __init__(self, eps):
        self.eps = eps

    def standard_normal(self, size, dtype):
        """Return the noise, which has the size and the type that are asked for."""
        return self.eps


def new_vae(network, **more):
    """Make the estimator that trains a network; ``more`` are arguments of it."""
    return VAE(
        network.n_latents,
        network.encoder,
        network.encoder_activation,
        "bernoulli",
        decoder_hidden_layer_sizes=network.decoder,
        decoder_activation=network.decoder_activation,
        batch_size=network.batch,
        image_shape=network.pictures[0] if network.channels else None,
        conv_channels=network.channels,
        **more,
    )


class Ours:
    """One model with its optimiser; ``step()`` trains on the batch as given."""

    name = "vae_numpy"

    def __init__(self, network, weights, x, eps):
        vae = new_vae(network)
        vae.partial_fit(x)  # builds the networks
        self.network, self.vae, self.x, self.noise = network, vae, x, Noise(eps)
        self.parameters = vae.encoder_.parameters() + vae.decoder_.parameters()
        for parameter, value in zip(self.parameters, weights, strict=True):
            parameter.value[...] = value
        self.flat = flatten(self.parameters)
        self.adam = Adam(LEARNING_RATE, BETA1, BETA2, EPS)

    def loss_and_gradients(self):
        """Compute the loss and its gradients in all weights, without a step."""
        loss = self.vae._step(self.x, self.noise)["loss"]
        return float(loss), [parameter.grad.copy() for parameter in self.parameters]

    def step(self):
        """Train once: forward, ELBO, backward, Adam, as the library's own loop does."""
        losses = self.vae._step(self.x, self.noise)
        assert np.isfinite(losses["loss"])
        self.adam.step([self.flat])

    def fit(self, X, n_epochs):
        """Train a new model, as users do."""
        new_vae(self.network, max_iter=n_epochs, random_state=0).fit(X)

    def threads(self):
        """Make the context that the library trains in."""
        return one_blas_thread()
