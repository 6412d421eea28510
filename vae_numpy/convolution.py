"""Layers on pictures: their weights look at one patch at a time, and are the same for all patches.

``Conv2D`` makes smaller pictures of larger ones; ``ConvTranspose2D`` is the same matrix transposed,
and leads back to the larger ones. Both keep ``layers.Layer``: a row is a picture, channel by
channel and line by line, so that they stack with ``Dense`` and with each other. They know no
dilation, no groups, and no padding other than zeros, equally many on each side.
"""

import math
from typing import Any

import numpy as np

from vae_numpy import kernels
from vae_numpy._types import ArrayLike, DTypeLike, FloatArray, MaybeNone
from vae_numpy.layers import Affine
from vae_numpy.utils import check_integer

__all__ = ["Conv2D", "ConvTranspose2D"]


class _Convolution(Affine):
    """What both share: the larger pictures, the patches in them, and the smaller ones of those."""

    shape_in: tuple[int, ...]
    shape_out: tuple[int, ...]

    def __init__(
        self,
        large: tuple[int, ...],
        channels: int,
        kernel_size: int | tuple[int, int],
        *,
        stride: int,
        padding: int,
        transposed: bool,
        **options: Any,
    ) -> None:
        self.channels = check_integer("channels", channels, minimum=1)
        self.stride = check_integer("stride", stride, minimum=1)
        self.padding = check_integer("padding", padding, minimum=0)
        self.kernel_size = _kernel_size(kernel_size)
        small = (self.channels, *self._patches_in(large))
        # How many patches a pixel is in, away from the border.
        overlap = math.prod(max(1, k / self.stride) for k in self.kernel_size)
        fans = large[0] * math.prod(self.kernel_size), self.channels * overlap
        self.shape_in, self.shape_out = (small, large) if transposed else (large, small)
        super().__init__(
            math.prod(self.shape_in),
            math.prod(self.shape_out),
            shape=(large[0], *self.kernel_size, self.channels),
            fans=fans[::-1] if transposed else fans,
            n_bias=self.shape_out[0],
            **options,
        )

    def _patches_in(self, shape: tuple[int, ...]) -> list[int]:
        """Count the patches below each other and side by side."""
        counts = []
        for side, size, k in zip(("height", "width"), shape[1:], self.kernel_size, strict=True):
            padded = size + 2 * self.padding
            if k > padded:
                raise ValueError(
                    f"kernel_size must fit into the padded picture, got {side} {k} for "
                    f"{size} + 2 x {self.padding} = {padded} pixels"
                )
            counts.append((padded - k) // self.stride + 1)
        return counts

    def _pictures(self, rows: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        return np.ascontiguousarray(rows).reshape(len(rows), *shape)

    def _rows(self, pictures: FloatArray) -> FloatArray:
        return pictures.reshape(len(pictures), math.prod(pictures.shape[1:]))

    def _geometry(self) -> tuple[str, int, int]:
        return self.activation, self.stride, self.padding

    def _describe(self, large: tuple[int, ...]) -> str:
        return (
            f"{type(self).__name__}({large}, {self.channels}, {self.kernel_size}, "
            f"{self.activation!r}, stride={self.stride}, padding={self.padding})"
        )


class Conv2D(_Convolution):
    """The convolution y = f(patches of x times W + b).

    A patch is ``kernel_size`` pixels in all channels, and starts every ``stride`` pixels of a
    picture with ``padding`` zeros around it: H' = (H + 2 padding - kh) // stride + 1 patches below
    each other, and as many side by side as the same formula gives for the width. Each patch gives
    a pixel of the output. Pixels that are left over at the right and at the bottom, where the
    stride does not divide, are not seen. As everywhere in machine learning the kernel is not
    flipped: to mathematicians this is a correlation.

    The weights start as those of ``Dense``, where an output is computed from C kh kw inputs, and
    an input goes into C' kh kw / stride^2 outputs.

    Parameters
    ----------
    shape_in : (C, H, W)
        Channels, height and width of a picture that comes in.
    channels : int
        C', the channels of a picture that goes out.
    kernel_size : int or (kh, kw)
        Height and width of a patch.
    activation : {"identity", "relu", "tanh", "sigmoid", "softplus"}
        The function f, applied to each element.
    stride : int, >= 1
        Pixels from one patch to the next.
    padding : int, >= 0
        Zeros on each of the four sides.
    rng : numpy.random.Generator
        Draws the first weights.
    dtype : float32 or float64
        The type that the layer computes in; inputs are converted to it.
    bias : bool
        Whether there is a b, one number for each channel.

    Attributes
    ----------
    W : Parameter, (C, kh, kw, C')
    b : Parameter, (C',), or None
    shape_out : (C', H', W')
    n_in, n_out : int
        The products of ``shape_in`` and of ``shape_out``.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above, or the kernel is larger than the padded picture.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> layer = Conv2D((1, 64, 64), 32, 4, "relu", stride=2, padding=1, rng=rng)
    >>> layer.shape_out
    (32, 32, 32)
    >>> layer.forward(np.ones((5, 4096))).shape
    (5, 32768)
    """

    def __init__(
        self,
        shape_in: tuple[int, int, int],
        channels: int,
        kernel_size: int | tuple[int, int],
        activation: str = "identity",
        *,
        stride: int = 1,
        padding: int = 0,
        rng: np.random.Generator,
        dtype: DTypeLike = np.float32,
        bias: bool = True,
    ) -> None:
        super().__init__(
            _integers("shape_in", shape_in, "(channels, height, width)"),
            channels,
            kernel_size,
            stride=stride,
            padding=padding,
            transposed=False,
            activation=activation,
            rng=rng,
            dtype=dtype,
            bias=bias,
        )

    def forward(self, x: ArrayLike, *, remember: bool = True) -> FloatArray:
        """Compute y = f(patches of x times W + b).

        Parameters
        ----------
        x : (N, C H W)
        remember : bool
            Keep x and y for ``backward``. Without it the layer is left as it was.

        Returns
        -------
        y : (N, C' H' W')

        Raises
        ------
        ValueError
            If ``x`` is not (N, C H W), or an array of a parameter was replaced by one that does
            not fit.
        """
        x = self._pictures(self._take(x), self.shape_in)  # (N, C, H, W)
        b = None if self.b is None else self.b.value
        y = kernels.conv_forward(x, self.W.value, b, *self._geometry())  # (N, C', H', W')
        if remember:
            self._x, self._y = x, y
        return self._rows(y)

    def backward(
        self, dy: ArrayLike, *, accumulate: bool = True, need_dx: bool = True
    ) -> FloatArray | MaybeNone:
        """Add dL/dW and dL/db into the gradients and return dL/dx.

        Parameters
        ----------
        dy : (N, C' H' W')
            The gradient of the loss in the output of the last ``forward``.
        accumulate, need_dx : bool
            As for ``Dense``.

        Returns
        -------
        dx : (N, C H W), or None without ``need_dx``

        Raises
        ------
        RuntimeError
            If no ``forward`` came before.
        ValueError
            If ``dy`` has another shape than that output, or as for ``forward``.
        """
        dy = self._pictures(self._take_gradient(dy), self.shape_out)  # (N, C', H', W')
        db = None if self.b is None else self.b.grad
        dx = kernels.conv_backward(
            dy,
            self._x,
            self._y,
            self.W.value,
            *self._geometry(),
            self.W.grad,
            db,
            accumulate=accumulate,
            need_dx=need_dx,
        )
        return self._rows(dx) if need_dx else None

    def __repr__(self) -> str:
        return self._describe(self.shape_in)


class ConvTranspose2D(_Convolution):
    """The transpose of a ``Conv2D`` with the same arguments: it leads from its output to its input.

    Each pixel of x puts a patch down, itself times the weights; where patches overlap they add
    up, and then come the bias and the activation. With no bias, weights W and "identity",
    <Conv2D x, y> = <x, ConvTranspose2D y> for all x and y.

    Several sizes of pictures give a ``Conv2D`` the same number of patches, so the shape that goes
    out is stated, not computed: where the stride does not divide, the pixels that ``Conv2D`` does
    not see get the bias alone.

    The weights start as those of ``Dense``, where an output is computed from C' kh kw / stride^2
    inputs, and an input goes into C kh kw outputs.

    Parameters
    ----------
    shape_out : (C, H, W)
        Channels, height and width of a picture that goes out.
    channels : int
        C', the channels of a picture that comes in.
    kernel_size, activation, stride, padding, rng, dtype, bias : as of ``Conv2D``

    Attributes
    ----------
    W : Parameter, (C, kh, kw, C')
    b : Parameter, (C,), or None
    shape_in : (C', H', W')
        H' = (H + 2 padding - kh) // stride + 1, and W' likewise.
    n_in, n_out : int
        The products of ``shape_in`` and of ``shape_out``.

    Raises
    ------
    ValueError, TypeError
        As of ``Conv2D``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> layer = ConvTranspose2D((1, 65, 65), 32, 4, stride=2, padding=1, rng=rng)
    >>> layer.shape_in
    (32, 32, 32)
    >>> layer.forward(np.ones((5, 32768))).shape == (5, 65 * 65)
    True
    """

    def __init__(
        self,
        shape_out: tuple[int, int, int],
        channels: int,
        kernel_size: int | tuple[int, int],
        activation: str = "identity",
        *,
        stride: int = 1,
        padding: int = 0,
        rng: np.random.Generator,
        dtype: DTypeLike = np.float32,
        bias: bool = True,
    ) -> None:
        super().__init__(
            _integers("shape_out", shape_out, "(channels, height, width)"),
            channels,
            kernel_size,
            stride=stride,
            padding=padding,
            transposed=True,
            activation=activation,
            rng=rng,
            dtype=dtype,
            bias=bias,
        )

    def forward(self, x: ArrayLike, *, remember: bool = True) -> FloatArray:
        """Compute y = f(the sum of the patches that x puts down + b).

        Parameters
        ----------
        x : (N, C' H' W')
        remember : bool
            As for ``Conv2D``.

        Returns
        -------
        y : (N, C H W)

        Raises
        ------
        ValueError
            As of ``Conv2D``.
        """
        x = self._pictures(self._take(x), self.shape_in)  # (N, C', H', W')
        b = None if self.b is None else self.b.value
        y = kernels.conv_transpose_forward(  # (N, C, H, W)
            x, self.W.value, b, *self._geometry(), self.shape_out
        )
        if remember:
            self._x, self._y = x, y
        return self._rows(y)

    def backward(
        self, dy: ArrayLike, *, accumulate: bool = True, need_dx: bool = True
    ) -> FloatArray | MaybeNone:
        """Add dL/dW and dL/db into the gradients and return dL/dx.

        Parameters
        ----------
        dy : (N, C H W)
            The gradient of the loss in the output of the last ``forward``.
        accumulate, need_dx : bool
            As for ``Dense``.

        Returns
        -------
        dx : (N, C' H' W'), or None without ``need_dx``

        Raises
        ------
        RuntimeError, ValueError
            As of ``Conv2D``.
        """
        dy = self._pictures(self._take_gradient(dy), self.shape_out)  # (N, C, H, W)
        db = None if self.b is None else self.b.grad
        dx = kernels.conv_transpose_backward(
            dy,
            self._x,
            self._y,
            self.W.value,
            *self._geometry(),
            self.W.grad,
            db,
            accumulate=accumulate,
            need_dx=need_dx,
        )
        return self._rows(dx) if need_dx else None

    def __repr__(self) -> str:
        return self._describe(self.shape_out)


def _kernel_size(size: Any) -> tuple[int, ...]:
    if not isinstance(size, (list, tuple)):
        size = check_integer("kernel_size", size, minimum=1)
        return size, size
    return _integers("kernel_size", size, "(height, width)")


def _integers(name: str, value: Any, wanted: str) -> tuple[int, ...]:
    """Return ``value`` as a tuple of as many integers of at least 1 as ``wanted`` names."""
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name} must be {wanted}, got {value!r}")
    if len(value) != len(wanted.split(", ")):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    return tuple(check_integer(name, n, minimum=1) for n in value)
