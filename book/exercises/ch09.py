"""Your answers to the exercises of chapter 9.

Replace a line that raises NotImplementedError by your own lines, then run

    pytest tests/exercises -k ch09
"""

import numpy as np


def count_windows(n, kernel, stride, padding):
    """Return how many windows fit a line, and how many pixels none sees.

    Parameters
    ----------
    n : int
        Pixels of the line.
    kernel : int
        Pixels of a window, at most n + 2 padding.
    stride : int
        From one window to the next, at most ``kernel``.
    padding : int
        Zeros on either side, less than ``kernel``.

    Returns
    -------
    windows : int
    unseen : int
        Pixels of the line, not of the padding, at its end.
    """
    raise NotImplementedError


def receptive_field(layers):
    """Return how many pixels in a line an output of a stack of layers sees.

    Parameters
    ----------
    layers : list of (kernel, stride)
        The first is the one that sees the picture.

    Returns
    -------
    field : int
        Pixels from the first to the last that an output of the last layer
        can see.
    step : int
        Pixels of the picture from one such output to the next.
    """
    raise NotImplementedError


def layer_costs(shape_in, channels, kernel_size, stride, padding):
    """Return what a convolution costs, and a dense layer in its place.

    Parameters
    ----------
    shape_in : (C, H, B)
        Of a picture that comes in.
    channels : int
        C', of a picture that goes out.
    kernel_size : (kh, kw)
    stride, padding : int

    Returns
    -------
    weights : int
        Of the convolution, with its biases.
    multiplications : int
        Of the convolution, for one picture; the zeros of the padding are
        multiplied as well.
    dense_weights : int
        Of the dense layer, with its biases.
    """
    raise NotImplementedError


def convolve(x, W, b, stride, padding):
    """Return the convolution of all pictures with all kernels.

    Parameters
    ----------
    x : (N, C, H, B)
    W : (C, kh, kw, C')
    b : (C',)
    stride, padding : int

    Returns
    -------
    y : (N, C', H', B')
    """
    raise NotImplementedError


def weight_gradients(x, dy, kernel_size, stride, padding):
    """Return the gradients in the weights and in the bias of a convolution.

    Parameters
    ----------
    x : (N, C, H, B)
        What came in.
    dy : (N, C', H', B')
        The gradient of the loss in what went out.
    kernel_size : (kh, kw)
    stride, padding : int

    Returns
    -------
    dW : (C, kh, kw, C')
    db : (C',)
    """
    raise NotImplementedError


def picture_gradient(dy, W, stride, padding, shape):
    """Return the gradient in the pictures that came in.

    Parameters
    ----------
    dy : (N, C', H', B')
        The gradient of the loss in what went out.
    W : (C, kh, kw, C')
    stride, padding : int
    shape : (C, H, B)
        Of a picture that came in.

    Returns
    -------
    dx : (N, C, H, B)
    """
    raise NotImplementedError


def transpose_by_zeros(y, w, stride):
    """Return a transposed convolution, made by an ordinary one of stride 1.

    Parameters
    ----------
    y : (H', B')
        The small picture, of one channel.
    w : (kh, kw)
        The kernel, which each number of y lays down, times itself.
    stride : int
        Pixels of the large picture from one of these windows to the next.

    Returns
    -------
    x : ((H' - 1) stride + kh, (B' - 1) stride + kw)
    """
    raise NotImplementedError


def equivariance_error(layer, x, shift, stride):
    """Return how far a layer's answers are from moving with the picture.

    Parameters
    ----------
    layer : callable
        Takes pictures (N, H, B) and returns answers (N, H', B').
    x : (N, H, B)
    shift : int
        By how many pixels the pictures move to the right; zeros come in at
        the left. At least 1.
    stride : int
        Of the layer; it divides ``shift``.

    Returns
    -------
    error : float
        The norm of the difference between the answers to the moved pictures
        and the answers to ``x``, moved by as many columns as belong to the
        shift, over the columns of both; divided by the norm of the latter.
    """
    raise NotImplementedError


def convolve_patches(x, W, stride):
    """Return a convolution, without padding and bias, as one product.

    It is a product of patches and weights.

    Parameters
    ----------
    x : (N, C, H, B)
    W : (C, kh, kw, C')
    stride : int

    Returns
    -------
    y : (N, C', H', B')
    """
    raise NotImplementedError("find the bug, mend it, delete this line")
    _, kh, kw, n_out = W.shape
    windows = np.lib.stride_tricks.sliding_window_view(
        x,
        (kh, kw),
        axis=(2, 3),
    )
    windows = windows[:, :, ::stride, ::stride]  # (N, C, H', B', kh, kw)
    N, C, rows, columns = windows.shape[:4]
    patches = windows.transpose(0, 2, 3, 4, 5, 1).reshape(-1, kh * kw * C)
    y = patches @ W.reshape(-1, n_out)
    return y.reshape(N, rows, columns, n_out).transpose(0, 3, 1, 2)
