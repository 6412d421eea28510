"""Layers: what a network is made of, each with its backward pass under its forward pass.

A layer never updates its own weights: ``backward`` adds into the gradients, and an optimiser
(``vae_numpy.optimisers``) changes the values. What a layer of your own has to do so that it trains
in a ``Sequential`` and in every model stands under ``Layer``.
"""

import operator
from typing import Protocol

import numpy as np

from vae_numpy import kernels
from vae_numpy.kernels.reference import ACTIVATIONS
from vae_numpy.utils import check_choice, check_generator, check_integer


class Parameter:
    """An array to be learnt, with the gradient of the loss in it.

    Attributes
    ----------
    value, grad : ndarray
        Of the same shape and type. ``grad`` starts at zero and is added to by ``backward``.
    """

    def __init__(self, value):
        self.value = np.require(value, requirements=["C", "W"])
        self.grad = np.zeros_like(self.value)

    def zero_grad(self):
        """Set the gradient back to zero."""
        self.grad[...] = 0

    def __repr__(self):
        return f"Parameter(shape={self.value.shape}, dtype={self.value.dtype})"


_TYPES = np.dtype(np.float32), np.dtype(np.float64)


def check_parameter(name, parameter, shape, types=_TYPES):
    """Check that a parameter's arrays are what a kernel takes them for; return their type.

    Kernels do not look: they would read and write beyond an array that is too small.

    Parameters
    ----------
    name : str
    parameter : Parameter
    shape : tuple of int
    types : tuple of dtypes
        Those that ``value`` may have; ``grad`` has the same.

    Returns
    -------
    tuple of one dtype

    Raises
    ------
    ValueError
        If ``value`` or ``grad`` is not a C-contiguous array of that shape and type.
    """
    for part in ("value", "grad"):
        x = getattr(parameter, part)
        is_array = isinstance(x, np.ndarray)
        if not (is_array and x.shape == shape and x.dtype in types and x.flags.c_contiguous):
            got = f"{x.dtype} {x.shape}, {x.strides} bytes apart" if is_array else repr(x)
            wanted = f"C-contiguous {' or '.join(map(str, types))} array of shape {shape}"
            raise ValueError(f"{name}.{part} must be a {wanted}, got {got}")
        types = (x.dtype,)
    return types


def flatten(parameters):
    """Move all parameters into one buffer and return that buffer as a single parameter.

    Each parameter becomes a view into it, so that one call of an optimiser's kernel updates a
    whole model.

    Parameters
    ----------
    parameters : list of Parameter
        All of one type. Their values are kept; their gradients start at zero.

    Returns
    -------
    flat : Parameter
        One-dimensional, as long as all parameters together.
    """
    flat = Parameter(np.concatenate([p.value.ravel() for p in parameters]))
    start = 0
    for p in parameters:
        stop = start + p.value.size
        shape = p.value.shape
        p.value = flat.value[start:stop].reshape(shape)
        p.grad = flat.grad[start:stop].reshape(shape)
        start = stop
    return flat


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
    """

    n_in: int
    n_out: int

    def forward(self, x, *, remember=True):
        """Compute y (N, n_out) from x (N, n_in).

        With ``remember`` the layer keeps what ``backward`` needs; without it, it is left as it
        was: several threads may use it at once.
        """
        ...

    def backward(self, dy, *, accumulate=True, need_dx=True):
        """Take the loss's gradient in y (N, n_out), return the one in x (N, n_in).

        The gradients in the parameters are added to their ``grad``, or, without ``accumulate``,
        overwrite it. Without ``need_dx`` nothing needs to be returned.
        """
        ...

    def parameters(self):
        """List the ``Parameter``s to be learnt, in an order that never changes."""
        ...


def widest(network):
    """Return the most numbers that a row has anywhere between the layers of a network."""
    layers = getattr(network, "layers", [network])
    return max(max(layer.n_in, layer.n_out) for layer in layers)


def _floating(dtype):
    try:
        known = None if dtype is None else np.dtype(dtype)  # NumPy takes None for float64
    except TypeError:
        known = None
    if known not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
    return known


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
    fans : (fan_in, fan_out)
        How many inputs an output is computed from, and how many outputs an input goes into.
    n_bias : int
        Numbers in the bias.
    activation, rng, dtype, bias
        As of ``Dense``.

    Raises
    ------
    ValueError, TypeError
        If one of these four is not as there.
    """

    def __init__(self, n_in, n_out, *, shape, fans, n_bias, activation, rng, dtype, bias):
        check_choice("activation", activation, ACTIVATIONS)
        check_generator(rng)
        dtype = _floating(dtype)
        self.n_in, self.n_out, self.activation = n_in, n_out, activation
        fan_in, fan_out = fans
        limit = np.sqrt(6 / (fan_in if activation == "relu" else fan_in + fan_out))
        self.W = Parameter(rng.uniform(-limit, limit, shape).astype(dtype))
        self.b = Parameter(np.zeros(n_bias, dtype)) if bias else None
        self._shapes = shape, (n_bias,)
        self._x = self._y = None
        self._checked = (None,) * 4  # the arrays that were last found to fit

    def _take(self, x):
        """Return x (N, n_in) in the layer's own type, or say what is wrong with it."""
        self._check_parameters()
        x = np.asarray(x, self.W.value.dtype)
        if x.ndim != 2 or x.shape[1] != self.n_in:
            raise ValueError(f"x must have shape (N, {self.n_in}), got {x.shape}")
        return x

    def _take_gradient(self, dy):
        """Return dy (N, n_out) in the layer's own type, or say what is wrong with it."""
        if self._y is None:
            raise RuntimeError("backward needs a forward(x) before it")
        self._check_parameters()
        dy = np.asarray(dy, self.W.value.dtype)
        shape = len(self._y), self.n_out
        if dy.shape != shape:
            raise ValueError(f"dy must have the output's shape {shape}, got {dy.shape}")
        return dy

    def _check_parameters(self):
        W, b = self.W, self.b
        arrays = W.value, W.grad, b and b.value, b and b.grad
        if all(map(operator.is_, arrays, self._checked)):  # as in every step but the first
            return
        types = check_parameter("W", W, self._shapes[0])
        if b is not None:
            check_parameter("b", b, self._shapes[1], types)
        self._checked = arrays

    def parameters(self):
        """List the parameters: W and, where there is one, b."""
        return [self.W] if self.b is None else [self.W, self.b]

    def __getstate__(self):
        # A copy or a pickle holds what was learnt, not the last batch.
        return {**vars(self), "_x": None, "_y": None, "_checked": (None,) * 4}


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
    """

    def __init__(self, n_in, n_out, activation="identity", *, rng, dtype=np.float32, bias=True):
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

    def forward(self, x, *, remember=True):
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

    def backward(self, dy, *, accumulate=True, need_dx=True):
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

    def __repr__(self):
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
    """

    def __init__(self, layers):
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

    def forward(self, x, *, remember=True):
        """Pass x (N, n_in) through all layers; return the last one's output (N, n_out)."""
        for layer in self.layers:
            x = layer.forward(x, remember=remember)
        return x

    def backward(self, dy, *, accumulate=True, need_dx=True):
        """Pass the gradient dy (N, n_out) back through all layers; return dx (N, n_in).

        ``accumulate`` and ``need_dx`` are as for ``Dense``.
        """
        first, *rest = self.layers
        for layer in reversed(rest):
            dy = layer.backward(dy, accumulate=accumulate)
        return first.backward(dy, accumulate=accumulate, need_dx=need_dx)

    def parameters(self):
        """List the parameters of all layers, in order."""
        return [p for layer in self.layers for p in layer.parameters()]

    def __repr__(self):
        return f"Sequential({self.layers})"


# The sample of a VAE's code: a layer without weights, whose noise is handed in --------------------


def split(h):
    """Split the encoder's output (N, 2 K) into means and log-variances, (N, K) each."""
    K = h.shape[1] // 2
    return np.ascontiguousarray(h[:, :K]), np.ascontiguousarray(h[:, K:])


def join(dmu, dlogvar):
    """Join the gradients in both halves, (N, K) each, into one in the encoder's output (N, 2 K)."""
    return np.concatenate([dmu, dlogvar], axis=1)


def reparameterise(mu, logvar, eps):
    """Draw z = mu + exp(logvar / 2) eps (Kingma & Welling 2014, section 2.4); all are (N, K)."""
    return mu + np.exp(0.5 * logvar) * eps


def reparameterise_backward(dz, logvar, eps):
    """Return the gradients in mu and logvar, given the one in z; all are (N, K)."""
    # z = mu + exp(logvar / 2) eps
    dmu = dz
    dlogvar = dz * eps * 0.5 * np.exp(0.5 * logvar)
    return dmu, dlogvar
