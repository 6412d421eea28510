"""The networks of the comparison, their data and their first weights, as plain arrays."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Network:
    """A VAE with a Bernoulli likelihood: what every contestant trains."""

    name: str
    n_features: int
    encoder: tuple  # widths of the hidden layers
    n_latents: int
    decoder: tuple
    batch: int
    encoder_activation: str = "relu"
    decoder_activation: str = "tanh"

    @property
    def encoder_sizes(self):
        """List the encoder's widths from the data to means and log-variances."""
        return (self.n_features, *self.encoder, 2 * self.n_latents)

    @property
    def decoder_sizes(self):
        """List the decoder's widths from the code to the logits."""
        return (self.n_latents, *self.decoder, self.n_features)

    def arrays(self, seed=0):
        """Make weights and biases (encoder's, then decoder's), one batch x and its noise eps."""
        rng = np.random.default_rng(seed)
        weights = []
        for sizes in (self.encoder_sizes, self.decoder_sizes):
            for n_in, n_out in zip(sizes, sizes[1:], strict=False):
                scale = np.sqrt(2 / (n_in + n_out))
                weights.append(rng.normal(0, scale, (n_in, n_out)).astype(np.float32))
                weights.append(rng.normal(0, 0.1, n_out).astype(np.float32))
        x = (rng.random((self.batch, self.n_features)) < 0.2).astype(np.float32)
        eps = rng.standard_normal((self.batch, self.n_latents), dtype=np.float32)
        return weights, x, eps


NETWORKS = (
    Network("3-64-64-2", 3, (64, 64), 2, (64, 64), 64, "tanh", "tanh"),
    Network("784-400-20", 784, (400,), 20, (400,), 128, "tanh", "tanh"),
    Network("1024-512-512-10", 1024, (512, 512), 10, (512, 512), 64),
    Network("4096-1200-1200-10", 4096, (1200, 1200), 10, (1200, 1200, 1200), 64),
)

LEARNING_RATE, BETA1, BETA2, EPS = 1e-3, 0.9, 0.999, 1e-8
