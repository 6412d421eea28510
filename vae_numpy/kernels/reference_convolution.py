"""Convolutions in plain NumPy: the version to read.

x (N, C, H, W) is a batch of pictures, W (C, kh, kw, C') the weights: each of the C' channels of the
output weighs a patch of kh x kw pixels in all C channels. A patch starts every ``stride`` pixels of
a picture that has ``padding`` zeros around it, so there are H' = (H + 2 padding - kh) // stride + 1
of them below each other, and W' side by side.
"""

import numpy as np

from vae_numpy._types import FloatArray, MaybeNone
from vae_numpy.kernels.reference import ACTIVATIONS


def _patches(x, W, stride, padding):
    """List the patches of all pictures as the rows of a matrix, (N H' W', C kh kw)."""
    edge = (padding, padding)
    x = np.pad(x, ((0, 0), (0, 0), edge, edge))
    kernel = W.shape[1:3]
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]  # (N, C, H', W', kh, kw), a view
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, W[..., 0].size)


def _pixels(y):
    """List the pixels of all pictures y (N, C', H', W') as the rows of a matrix, (N H' W', C')."""
    return y.transpose(0, 2, 3, 1).reshape(-1, y.shape[1])


def _matrix(W):
    return W.reshape(-1, W.shape[-1])  # (C kh kw, C')


def _convolve(x, W, stride, padding):
    """Compute y (N, C', H', W'): each pixel is a patch times the weights."""
    kh, kw = W.shape[1:3]
    height = (x.shape[2] + 2 * padding - kh) // stride + 1
    width = (x.shape[3] + 2 * padding - kw) // stride + 1
    y = _patches(x, W, stride, padding) @ _matrix(W)  # (N H' W', C')
    return np.ascontiguousarray(y.reshape(len(x), height, width, W.shape[3]).transpose(0, 3, 1, 2))


def _convolve_transposed(y, W, stride, padding, shape):
    """Compute x (N, C, H, W): each pixel of y puts its patch down, where patches overlap they add.

    This is ``_convolve``'s matrix transposed. Many heights H and widths W have the same H' and W';
    ``shape``, (C, H, W), says which. Pixels that no patch reaches are 0.
    """
    (n, _, height, width), (_, kh, kw, _) = y.shape, W.shape
    C, H, B = shape
    patches = (_pixels(y) @ _matrix(W).T).reshape(n, height, width, C, kh, kw)
    x = np.zeros((n, C, H + 2 * padding, B + 2 * padding), y.dtype)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i, i + stride * height, stride)
            columns = slice(j, j + stride * width, stride)
            x[:, :, rows, columns] += patches[..., i, j].transpose(0, 3, 1, 2)
    return np.ascontiguousarray(x[:, :, padding : padding + H, padding : padding + B])


def conv_forward(
    x: FloatArray,
    W: FloatArray,
    b: FloatArray | None,
    activation: str,
    stride: int,
    padding: int,
) -> FloatArray:
    """Compute y = f(x * W + b), where * takes each patch of x times the weights.

    Parameters
    ----------
    x : (N, C, H, W)
    W : (C, kh, kw, C')
    b : (C',) or None
    activation : a key of ``ACTIVATIONS``
    stride, padding : int

    Returns
    -------
    y : (N, C', H', W')
    """
    f, _ = ACTIVATIONS[activation]
    a = _convolve(x, W, stride, padding)  # patches W
    if b is not None:
        a += b[:, None, None]
    return f(a)


def conv_backward(
    dy: FloatArray,
    x: FloatArray,
    y: FloatArray,
    W: FloatArray,
    activation: str,
    stride: int,
    padding: int,
    dW: FloatArray,
    db: FloatArray | None,
    *,
    accumulate: bool = True,
    need_dx: bool = True,
) -> FloatArray | MaybeNone:
    """Add the gradients of a convolution into ``dW`` and ``db``; return the one in its input.

    Parameters
    ----------
    dy : (N, C', H', W')
        The loss's gradient in the output.
    x : (N, C, H, W)
    y : (N, C', H', W')
        The output.
    W : (C, kh, kw, C')
    activation : a key of ``ACTIVATIONS``
    stride, padding : int
    dW : (C, kh, kw, C')
    db : (C',) or None
    accumulate, need_dx : bool
        As for ``dense_backward``.

    Returns
    -------
    dx : (N, C, H, W) or None
    """
    _, derivative = ACTIVATIONS[activation]
    # y = f(a)
    da = dy * derivative(y)  # (N, C', H', W')
    if not accumulate:
        dW[...] = 0
        if db is not None:
            db[...] = 0
    # a = patches W + b, a dense layer whose rows are the patches of all pictures
    dW += (_patches(x, W, stride, padding).T @ _pixels(da)).reshape(W.shape)
    if db is not None:
        db += da.sum(axis=(0, 2, 3))
    if not need_dx:
        return None
    # dpatches = da W.T; a pixel of x is in several patches, and its gradient is the sum over these
    return _convolve_transposed(da, W, stride, padding, x.shape[1:])


# The transposed convolution takes pictures of the size that a convolution gives, and gives pictures
# of the size that it takes. Its forward pass is the convolution's way back to dx; so its own way
# back is the convolution, and in dW the two pictures have changed places.


def conv_transpose_forward(
    x: FloatArray,
    W: FloatArray,
    b: FloatArray | None,
    activation: str,
    stride: int,
    padding: int,
    shape: tuple[int, ...],
) -> FloatArray:
    """Compute y = f(a + b), where a is x times the matrix of ``conv_forward``, transposed.

    Parameters
    ----------
    x : (N, C', H', W')
    W : (C, kh, kw, C')
    b : (C,) or None
    activation : a key of ``ACTIVATIONS``
    stride, padding : int
    shape : (C, H, W)
        Of an output picture: one that the convolution makes (C', H', W').

    Returns
    -------
    y : (N, C, H, W)
    """
    f, _ = ACTIVATIONS[activation]
    a = _convolve_transposed(x, W, stride, padding, shape)
    if b is not None:
        a += b[:, None, None]
    return f(a)


def conv_transpose_backward(
    dy: FloatArray,
    x: FloatArray,
    y: FloatArray,
    W: FloatArray,
    activation: str,
    stride: int,
    padding: int,
    dW: FloatArray,
    db: FloatArray | None,
    *,
    accumulate: bool = True,
    need_dx: bool = True,
) -> FloatArray | MaybeNone:
    """Add a transposed convolution's gradients into ``dW``, ``db``; return the one in its input.

    Parameters
    ----------
    dy : (N, C, H, W)
        The loss's gradient in the output.
    x : (N, C', H', W')
    y : (N, C, H, W)
        The output.
    W : (C, kh, kw, C')
    activation : a key of ``ACTIVATIONS``
    stride, padding : int
    dW : (C, kh, kw, C')
    db : (C,) or None
    accumulate, need_dx : bool
        As for ``dense_backward``.

    Returns
    -------
    dx : (N, C', H', W') or None
    """
    _, derivative = ACTIVATIONS[activation]
    # y = f(a)
    da = dy * derivative(y)  # (N, C, H, W)
    if not accumulate:
        dW[...] = 0
        if db is not None:
            db[...] = 0
    # The patches of a are x W.T, each added where it lies, plus b: so the gradient in the patches
    # is the patches of da, and, of dpatches.T x = (x.T dpatches).T, dW is
    dW += (_patches(da, W, stride, padding).T @ _pixels(x)).reshape(W.shape)
    if db is not None:
        db += da.sum(axis=(0, 2, 3))
    # dx = dpatches W
    return _convolve(da, W, stride, padding) if need_dx else None
