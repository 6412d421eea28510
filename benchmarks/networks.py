"""The networks of the comparison, their data and their first weights, as plain arrays."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

KERNEL = 4  # pixels along an edge of a convolution's patches; stride 2, padding 1


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
    channels: tuple = ()  # of convolutions before the encoder's hidden layers, and mirrored

    @property
    def pictures(self):
        """List the pictures (C, H, W) around convolutions: square, each half as wide.

        Without convolutions it is (n_features,) alone.
        """
        if not self.channels:
            return [(self.n_features,)]
        side = math.isqrt(self.n_features)
        return [(c, side >> i, side >> i) for i, c in enumerate((1, *self.channels))]

    @property
    def encoder_sizes(self):
        """List the encoder's widths from the last picture to means and log-variances."""
        return (math.prod(self.pictures[-1]), *self.encoder, 2 * self.n_latents)

    @property
    def decoder_sizes(self):
        """List the decoder's widths from the code to its first picture."""
        return (self.n_latents, *self.decoder, math.prod(self.pictures[-1]))

    @property
    def n_encoder_arrays(self):
        """Count the encoder's weights and biases."""
        return 2 * (len(self.channels) + len(self.encoder) + 1)

    @property
    def operations(self):
        """Count the operations of a step's products: each layer's, its dW's and its dx's."""
        sizes = [self.encoder_sizes, self.decoder_sizes]
        layers = [m * n for widths in sizes for m, n in pairwise(widths)]
        convolutions = [c * KERNEL**2 * math.prod(small) for (c, *_), small in self._convolutions()]
        layers = convolutions + layers + convolutions[::-1]
        return 2 * self.batch * (3 * sum(layers) - layers[0])  # nobody needs the first dx

    def _convolutions(self):
        return list(pairwise(self.pictures))

    def arrays(self, seed=0):
        """Make weights and biases (encoder's, then decoder's), one batch x and its noise eps.

        A convolution's weights are (C, kh, kw, C'), a picture (C, H, W) being the larger one.
        """
        rng = np.random.default_rng(seed)
        weights = []

        def add(shape, fans, n_bias):
            weights.append(rng.normal(0, np.sqrt(2 / fans), shape).astype(np.float32))
            weights.append(rng.normal(0, 0.1, n_bias).astype(np.float32))

        def add_convolution(large, small, n_bias):
            shape = large, KERNEL, KERNEL, small
            add(shape, large * KERNEL**2 + small * (KERNEL // 2) ** 2, n_bias)

        channels = [(large, small) for (large, *_), (small, *_) in self._convolutions()]
        for large, small in channels:
            add_convolution(large, small, small)
        for sizes in (self.encoder_sizes, self.decoder_sizes):
            for n_in, n_out in pairwise(sizes):
                add((n_in, n_out), n_in + n_out, n_out)
        for large, small in channels[::-1]:
            add_convolution(large, small, large)
        # Dense, so that no contestant may leave zeros out.
        x = rng.random((self.batch, self.n_features), np.float32)
        eps = rng.standard_normal((self.batch, self.n_latents), dtype=np.float32)
        return weights, x, eps


NETWORKS = (
    Network("3-64-64-2", 3, (64, 64), 2, (64, 64), 64, "tanh", "tanh"),
    Network("784-400-20", 784, (400,), 20, (400,), 128, "tanh", "tanh"),
    Network("1024-512-512-10", 1024, (512, 512), 10, (512, 512), 64),
    Network("4096-1200-1200-10", 4096, (1200, 1200), 10, (1200, 1200, 1200), 64),
)

# The networks of Burgess et al. (2018) for 64 x 64 pixels, and for 32 x 32.
CONVOLUTIONAL = tuple(
    Network(name, side**2, (256,), 10, (256,), 64, "relu", "relu", channels)
    for name, side, channels in (
        ("64x64-4x32-256-10", 64, (32, 32, 32, 32)),
        ("32x32-3x32-256-10", 32, (32, 32, 32)),
    )
)

LEARNING_RATE, BETA1, BETA2, EPS = 1e-3, 0.9, 0.999, 1e-8
