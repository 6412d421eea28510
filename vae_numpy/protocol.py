"""The protocol of layers: what a class has to do to train in a network and in every model."""

from typing import Protocol

from vae_numpy._types import FloatArray, MaybeNone
from vae_numpy.parameters import Parameter


class Layer(Protocol):
    """What the networks and the models ask of a layer; a class that has it all is one.

    Rows are samples, whatever is in them: a layer on pictures takes (N, C H W) and knows the shape
    behind it. ``Dense``, ``Conv2D``, ``ConvTranspose2D`` and ``Sequential`` are layers.

    Attributes
    ----------
    n_in, n_out : int
        Numbers in a row that comes in and in one that goes out.
    shape_in, shape_out : tuple of int, optional
        For a layer on pictures, (C, H, W): channels, height, width. ``n_in`` and ``n_out`` are
        their products.

    Examples
    --------
    A layer without parameters, and a VAE that trains through it:

    >>> class LeakyReLU:
    ...     def __init__(self, n):
    ...         self.n_in = self.n_out = n
    ...     def forward(self, x, *, remember=True):
    ...         if remember:
    ...             self.x = x
    ...         return np.where(x > 0, x, 0.1 * x)
    ...     def backward(self, dy, *, accumulate=True, need_dx=True):
    ...         return np.where(self.x > 0, dy, 0.1 * dy)
    ...     def parameters(self):
    ...         return []
    >>> import numpy as np
    >>> from vae_numpy.layers import Dense, Sequential
    >>> from vae_numpy.models import VAE
    >>> class LeakyVAE(VAE):
    ...     def build_networks(self, n_features, dtype, rng):
    ...         super().build_networks(n_features, dtype, rng)  # for the decoder
    ...         first = Dense(n_features, 8, rng=rng, dtype=dtype)
    ...         last = Dense(8, 2 * self.n_components, rng=rng, dtype=dtype)
    ...         self.encoder_ = Sequential([first, LeakyReLU(8), last])
    >>> X = np.random.default_rng(0).normal(size=(50, 4))
    >>> LeakyVAE(max_iter=2, random_state=0).fit(X).transform(X).shape
    (50, 2)
    """

    n_in: int
    n_out: int

    def forward(self, x: FloatArray, *, remember: bool = True) -> FloatArray:
        """Compute y from x.

        Parameters
        ----------
        x : (N, n_in)
        remember : bool
            Keep what ``backward`` needs. Without it the layer is left as it was: several threads
            may use it at once.

        Returns
        -------
        y : (N, n_out)
        """
        ...

    def backward(
        self, dy: FloatArray, *, accumulate: bool = True, need_dx: bool = True
    ) -> FloatArray | MaybeNone:
        """Take the loss's gradient in y, return the one in x.

        Parameters
        ----------
        dy : (N, n_out)
        accumulate : bool
            Add the gradients in the parameters to their ``grad``. Without it they overwrite it.
        need_dx : bool
            Without it nothing needs to be returned.

        Returns
        -------
        dx : (N, n_in)
        """
        ...

    def parameters(self) -> list[Parameter]:
        """List what is to be learnt.

        Returns
        -------
        list of Parameter
            In an order that never changes. A model moves their arrays (``flatten``): read
            ``value`` and ``grad`` anew in each call.
        """
        ...


def widest(network: Layer) -> int:
    """Return the most numbers that a row has anywhere between the layers of a network.

    Parameters
    ----------
    network : Layer
        A ``Sequential`` or a single layer.

    Returns
    -------
    int
    """
    layers = getattr(network, "layers", [network])
    return max(max(layer.n_in, layer.n_out) for layer in layers)
