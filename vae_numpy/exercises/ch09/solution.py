"""Answers to the exercises of chapter 9, with the reasons.

Write your own into ``book/exercises/ch09.py`` first.
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
    windows = (n + 2 * padding - kernel) // stride + 1
    # Of the padded line, from its beginning.
    covered = (windows - 1) * stride + kernel
    left_over = n + 2 * padding - covered
    # The padding is left over first.
    return windows, max(0, left_over - padding)


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
    field, step = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * step  # its neighbours lie a step apart
        step *= stride  # from here on they lie further apart
    return field, step


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
    C, H, B = shape_in
    (kh, kw), places = kernel_size, 1
    for n, k in (H, kh), (B, kw):
        places *= (n + 2 * padding - k) // stride + 1
    weights = C * kh * kw * channels + channels
    # Each weight, at every place.
    multiplications = C * kh * kw * channels * places
    n_out = channels * places
    return weights, multiplications, C * H * B * n_out + n_out


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
    m = padding
    x = np.pad(x, ((0, 0), (0, 0), (m, m), (m, m)))
    N, _, H, B = x.shape
    _, kh, kw, n_out = W.shape
    y = np.zeros((N, n_out, (H - kh) // stride + 1, (B - kw) // stride + 1))
    for p in range(y.shape[2]):
        for q in range(y.shape[3]):
            top, left = stride * p, stride * q
            # window: (N, C, kh, kw)
            window = x[:, :, top : top + kh, left : left + kw]
            y[:, :, p, q] = np.einsum("ncij,cijo->no", window, W) + b
    return y


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
    m, (kh, kw) = padding, kernel_size
    x = np.pad(x, ((0, 0), (0, 0), (m, m), (m, m)))
    dW = np.zeros((x.shape[1], kh, kw, dy.shape[1]))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            top, left = stride * p, stride * q
            # window: (N, C, kh, kw)
            window = x[:, :, top : top + kh, left : left + kw]
            # y[:, :, p, q] = window W: a dense layer, once for each place
            dW += np.einsum("ncij,no->cijo", window, dy[:, :, p, q])
    return dW, dy.sum(axis=(0, 2, 3))


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
    (C, H, B), m = shape, padding
    kh, kw = W.shape[1:3]
    dx = np.zeros((len(dy), C, H + 2 * m, B + 2 * m))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            top, left = stride * p, stride * q
            laid = np.einsum("no,cijo->ncij", dy[:, :, p, q], W)
            # Where windows overlap they add.
            dx[:, :, top : top + kh, left : left + kw] += laid
    return dx[:, :, m : m + H, m : m + B]


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
    kh, kw = w.shape
    wide = np.zeros([(n - 1) * stride + 1 for n in y.shape])
    wide[::stride, ::stride] = y  # stride - 1 zeros between neighbours
    wide = np.pad(wide, ((kh - 1, kh - 1), (kw - 1, kw - 1)))
    windows = np.lib.stride_tricks.sliding_window_view(wide, (kh, kw))
    return np.einsum("uvij,ij->uv", windows, w[::-1, ::-1])


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
    moved = np.zeros_like(x)
    moved[:, :, shift:] = x[:, :, :-shift]
    by = shift // stride  # a column of the answers is stride pixels
    new, old = layer(moved)[:, :, by:], layer(x)
    old = old[:, :, : old.shape[2] - by]
    return np.linalg.norm(new - old) / np.linalg.norm(old)


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
    _, kh, kw, n_out = W.shape
    windows = np.lib.stride_tricks.sliding_window_view(
        x,
        (kh, kw),
        axis=(2, 3),
    )
    windows = windows[:, :, ::stride, ::stride]  # (N, C, H', B', kh, kw)
    N, C, rows, columns = windows.shape[:4]
    # a row for each picture and place; it runs through C, kh, kw, as W does
    patches = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, C * kh * kw)
    y = patches @ W.reshape(-1, n_out)
    return y.reshape(N, rows, columns, n_out).transpose(0, 3, 1, 2)


def convolve_patches_with_a_bug(x, W, stride):
    """Let patches run through kh, kw, C, but W through C, kh, kw."""
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
