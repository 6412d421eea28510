"""Layers: what a network is made of, each with its backward pass under its forward pass.

A layer never updates its own weights: ``backward`` adds into the gradients, and an optimiser
(``vae_numpy.optimisers``) changes the values. What a layer of your own has to do so that it trains
in a ``Sequential`` and in every model stands under ``Layer``.
"""

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from vae_numpy import kernels
from vae_numpy._types import ArrayLike, DTypeLike, FloatArray, MaybeNone
from vae_numpy.parameters import Affine, Parameter, check_parameter, flatten
from vae_numpy.utils import check_integer

__all__ = [
    "Affine",
    "Dense",
    "Layer",
    "Parameter",
    "Sequential",
    "check_parameter",
    "flatten",
    "join",
    "reparameterise",
    "reparameterise_backward",
    "split",
    "widest",
]


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


class Dense(Affine):
    """The dense layer y = f(x W + b).

    The weights start uniform in +-sqrt(6 / (n_in + n_out)) (Glorot & Bengio 2010, eq. 16), for
    relu in +-sqrt(6 / n_in) (He et al. 2015, eq. 10); the bias starts at zero.

    Parameters
    ----------
    n_in, n_out : int
        Number of features that come in and go out.
    activation : {"identity", "relu", "tanh", "sigmoid", "softplus"}
        The function f, applied to each element.
    rng : numpy.random.Generator
        Draws the first weights.
    dtype : float32 or float64
        The type that the layer computes in, in any of NumPy's spellings; inputs are converted
        to it.
    bias : bool
        Whether there is a b.

    Attributes
    ----------
    W : Parameter, (n_in, n_out)
    b : Parameter, (n_out,), or None

    Raises
    ------
    ValueError, TypeError
        If a size is below 1, or another argument is not as above.

    Examples
    --------
    >>> layer = Dense(3, 2, "tanh", rng=np.random.default_rng(0))
    >>> y = layer.forward(np.ones((5, 3)))
    >>> y.shape, y.dtype
    ((5, 2), dtype('float32'))
    >>> dx = layer.backward(y)  # the gradient of the loss ||y||^2 / 2
    >>> dx.shape, layer.W.grad.shape
    ((5, 3), (3, 2))
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: str = "identity",
        *,
        rng: np.random.Generator,
        dtype: DTypeLike = np.float32,
        bias: bool = True,
    ) -> None:
        check_integer("n_in", n_in, minimum=1)
        check_integer("n_out", n_out, minimum=1)
        super().__init__(
            n_in,
            n_out,
            shape=(n_in, n_out),
            fans=(n_in, n_out),
            n_bias=n_out,
            activation=activation,
            rng=rng,
            dtype=dtype,
            bias=bias,
        )

    def forward(self, x: ArrayLike, *, remember: bool = True) -> FloatArray:
        """Compute y = f(x W + b).

        Parameters
        ----------
        x : (N, n_in)
        remember : bool
            Keep x and y for ``backward``. Without it the layer is left as it was.

        Returns
        -------
        y : (N, n_out)

        Raises
        ------
        ValueError
            If ``x`` is not (N, n_in), or an array of a parameter was replaced by one that does not
            fit.
        """
        x = self._take(x)
        b = None if self.b is None else self.b.value
        y = kernels.dense_forward(x, self.W.value, b, self.activation)
        if remember:
            self._x, self._y = x, y
        return y

    def backward(
        self, dy: ArrayLike, *, accumulate: bool = True, need_dx: bool = True
    ) -> FloatArray | MaybeNone:
        """Add dL/dW and dL/db into the gradients and return dL/dx.

        Parameters
        ----------
        dy : (N, n_out)
            The gradient of the loss in the output of the last ``forward``.
        accumulate : bool
            Add to the gradients. Without it they are overwritten: a step that calls every layer's
            ``backward`` once need not set them to zero before.
        need_dx : bool
            Without it the gradient in x, a third of the work, is left out: the first layer of a
            network has nobody to pass it on to.

        Returns
        -------
        dx : (N, n_in), or None without ``need_dx``

        Raises
        ------
        RuntimeError
            If no ``forward`` came before.
        ValueError
            If ``dy`` has another shape than that output, or as for ``forward``.
        """
        dy = self._take_gradient(dy)
        db = None if self.b is None else self.b.grad
        return kernels.dense_backward(
            dy,
            self._x,
            self._y,
            self.W.value,
            self.activation,
            self.W.grad,
            db,
            accumulate=accumulate,
            need_dx=need_dx,
        )

    def __repr__(self) -> str:
        return f"Dense({self.n_in}, {self.n_out}, {self.activation!r})"


class Sequential:
    """Layers one after another: forward in order, backward in reverse order.

    Parameters
    ----------
    layers : list of layers
        Each layer's ``n_out`` is the next one's ``n_in``.

    Raises
    ------
    ValueError
        If the list is empty or two neighbours do not fit.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> network = Sequential([Dense(3, 8, "relu", rng=rng), Dense(8, 2, rng=rng)])
    >>> network.forward(np.ones((5, 3))).shape
    (5, 2)
    >>> [p.value.shape for p in network.parameters()]
    [(3, 8), (8,), (8, 2), (2,)]
    """

    def __init__(self, layers: Iterable[Layer]) -> None:
        self.layers = list(layers)
        if not self.layers:
            raise ValueError("layers must hold at least one layer, got none")
        for first, second in zip(self.layers, self.layers[1:], strict=False):
            if first.n_out != second.n_in:
                raise ValueError(
                    f"layers must fit: {first} puts out {first.n_out} features, "
                    f"{second} takes {second.n_in}"
                )
        self.n_in, self.n_out = self.layers[0].n_in, self.layers[-1].n_out

    def forward(self, x: FloatArray, *, remember: bool = True) -> FloatArray:
        """Pass x through all layers; return the last one's output.

        Parameters
        ----------
        x : (N, n_in)
        remember : bool
            Whether the layers keep what ``backward`` needs.

        Returns
        -------
        y : (N, n_out)
        """
        for layer in self.layers:
            x = layer.forward(x, remember=remember)
        return x

    def backward(
        self, dy: FloatArray, *, accumulate: bool = True, need_dx: bool = True
    ) -> FloatArray | MaybeNone:
        """Pass the gradient in the output back through all layers.

        Parameters
        ----------
        dy : (N, n_out)
        accumulate, need_dx : bool
            As for ``Dense``.

        Returns
        -------
        dx : (N, n_in), or None without ``need_dx``
        """
        first, *rest = self.layers
        for layer in reversed(rest):
            dy = layer.backward(dy, accumulate=accumulate)
        return first.backward(dy, accumulate=accumulate, need_dx=need_dx)

    def parameters(self) -> list[Parameter]:
        """List the parameters of all layers, in order.

        Returns
        -------
        list of Parameter
        """
        return [p for layer in self.layers for p in layer.parameters()]

    def __repr__(self) -> str:
        return f"Sequential({self.layers})"


# The sample of a VAE's code: a layer without weights, whose noise is handed in --------------------


def split(h: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Split the encoder's output into means and log-variances.

    Parameters
    ----------
    h : (N, 2 K)

    Returns
    -------
    mu, logvar : (N, K)
    """
    K = h.shape[1] // 2
    return np.ascontiguousarray(h[:, :K]), np.ascontiguousarray(h[:, K:])


def join(dmu: FloatArray, dlogvar: FloatArray) -> FloatArray:
    """Join the gradients in both halves of the encoder's output into one: ``split`` backward.

    Parameters
    ----------
    dmu, dlogvar : (N, K)

    Returns
    -------
    dh : (N, 2 K)
    """
    return np.concatenate([dmu, dlogvar], axis=1)


def reparameterise(mu: FloatArray, logvar: FloatArray, eps: FloatArray) -> FloatArray:
    """Draw z = mu + exp(logvar / 2) eps (Kingma & Welling 2014, section 2.4).

    Parameters
    ----------
    mu, logvar : (N, K)
    eps : (N, K)
        Standard normal noise.

    Returns
    -------
    z : (N, K)
    """
    return mu + np.exp(0.5 * logvar) * eps


def reparameterise_backward(
    dz: FloatArray, logvar: FloatArray, eps: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the gradients in mu and logvar, given the one in z.

    Parameters
    ----------
    dz, logvar, eps : (N, K)

    Returns
    -------
    dmu, dlogvar : (N, K)
    """
    # z = mu + exp(logvar / 2) eps
    dmu = dz
    dlogvar = dz * eps * 0.5 * np.exp(0.5 * logvar)
    return dmu, dlogvar
