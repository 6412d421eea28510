"""Layers: what a network is made of, each with its backward pass under its forward pass.

A layer never updates its own weights: ``backward`` adds into the gradients, and an optimiser
(``vae_numpy.optimisers``) changes the values. What a layer of your own has to do so that it trains
in a ``Sequential`` and in every model stands under ``Layer``.
"""

import operator
from collections.abc import Iterable
from typing import Any

import numpy as np

from vae_numpy import kernels
from vae_numpy._types import ArrayLike, DTypeLike, FloatArray, MaybeNone
from vae_numpy.kernels.reference import ACTIVATIONS
from vae_numpy.parameters import Parameter, check_parameter, flatten
from vae_numpy.protocol import Layer, widest
from vae_numpy.utils import check_choice, check_generator, check_integer

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


class Affine:
    """What layers with weights share: y = f(a), where a is linear in x, plus a bias.

    ``Dense``, ``Conv2D`` and ``ConvTranspose2D`` add ``forward`` and ``backward``. The weights
    start uniform in +-sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010, eq. 16), for relu in
    +-sqrt(6 / fan_in) (He et al. 2015, eq. 10); the bias starts at zero.

    Parameters
    ----------
    n_in, n_out : int
        Numbers in a row that comes in and in one that goes out.
    shape : tuple of int
        Of the weights.
    fans : tuple of two numbers, (fan_in, fan_out)
        How many inputs an output is computed from, and how many outputs an input goes into.
    n_bias : int
        Numbers in the bias.
    activation : str
        This one and the next three are as of ``Dense``.
    rng : numpy.random.Generator
    dtype : float32 or float64
    bias : bool

    Attributes
    ----------
    W : Parameter
    b : Parameter or None

    Raises
    ------
    ValueError, TypeError
        If one of the last four is not as there.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        shape: tuple[int, ...],
        fans: tuple[float, float],
        n_bias: int,
        activation: str,
        rng: np.random.Generator,
        dtype: DTypeLike,
        bias: bool,
    ) -> None:
        check_choice("activation", activation, ACTIVATIONS)
        check_generator(rng)
        dtype = _floating(dtype)
        self.n_in, self.n_out, self.activation = n_in, n_out, activation
        fan_in, fan_out = fans
        limit = np.sqrt(6 / (fan_in if activation == "relu" else fan_in + fan_out))
        self.W = Parameter(rng.uniform(-limit, limit, shape).astype(dtype))
        self.b = Parameter(np.zeros(n_bias, dtype)) if bias else None
        self._shapes = shape, (n_bias,)
        self._x: FloatArray | MaybeNone = None
        self._y: FloatArray | MaybeNone = None
        self._checked: tuple[object, ...] = (None,) * 4  # the arrays that were last found to fit

    def _take(self, x: ArrayLike) -> FloatArray:
        """Return x (N, n_in) in the layer's own type, or say what is wrong with it."""
        self._check_parameters()
        x = np.asarray(x, self.W.value.dtype)
        if x.ndim != 2 or x.shape[1] != self.n_in:
            raise ValueError(f"x must have shape (N, {self.n_in}), got {x.shape}")
        return x

    def _take_gradient(self, dy: ArrayLike) -> FloatArray:
        """Return dy (N, n_out) in the layer's own type, or say what is wrong with it."""
        if self._y is None:
            raise RuntimeError("backward needs a forward(x) before it")
        self._check_parameters()
        dy = np.asarray(dy, self.W.value.dtype)
        shape = len(self._y), self.n_out
        if dy.shape != shape:
            raise ValueError(f"dy must have the output's shape {shape}, got {dy.shape}")
        return dy

    def _check_parameters(self) -> None:
        W, b = self.W, self.b
        arrays = W.value, W.grad, b and b.value, b and b.grad
        if all(map(operator.is_, arrays, self._checked)):  # as in every step but the first
            return
        types = check_parameter("W", W, self._shapes[0])
        if b is not None:
            check_parameter("b", b, self._shapes[1], types)
        self._checked = arrays

    def parameters(self) -> list[Parameter]:
        """List the parameters: W and, where there is one, b.

        Returns
        -------
        list of Parameter
        """
        return [self.W] if self.b is None else [self.W, self.b]

    def __getstate__(self) -> dict[str, Any]:
        # A copy or a pickle holds what was learnt, not the last batch.
        return {**vars(self), "_x": None, "_y": None, "_checked": (None,) * 4}


def _floating(dtype: DTypeLike) -> np.dtype:
    try:
        known = None if dtype is None else np.dtype(dtype)  # NumPy takes None for float64
    except TypeError:
        known = None
    if known not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
    return known


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
