"""Answers to exercises 9.4 to 9.6 as people give them."""

import math

import numpy as np

from vae_numpy.exercises.register import right, wrong


def around(x, before, after=None, **how):
    edge = before, before if after is None else after
    return np.pad(x, ((0, 0), (0, 0), edge, edge), **how)


def size_of(x, W, stride, padding):
    return [
        (n + 2 * padding - k) // stride + 1 for n, k in zip(x.shape[2:], W.shape[1:3], strict=True)
    ]


def loops(x, W, b, stride, size):
    """Convolve pictures that have their padding already, output by output."""
    y = np.zeros((len(x), W.shape[3], *size))
    for n, o, p, q in np.ndindex(*y.shape):
        top, left = p * stride, q * stride
        window = x[n, :, top : top + W.shape[1], left : left + W.shape[2]]
        y[n, o, p, q] = (window * W[..., o]).sum() + b[o]
    return y


@right("9.4")
def by_output(x, W, b, stride, padding):
    return loops(around(x, padding), W, b, stride, size_of(x, W, stride, padding))


@wrong("9.4", "flipped")
def mathematicians_convolution(x, W, b, stride, padding):
    return by_output(x, np.flip(W, (1, 2)), b, stride, padding)


@wrong("9.4", "top and left")
def padded_before(x, W, b, stride, padding):
    return loops(around(x, 2 * padding, 0), W, b, stride, size_of(x, W, stride, padding))


@wrong("9.4", "bottom and right")
def padded_after(x, W, b, stride, padding):
    return loops(around(x, 0, 2 * padding), W, b, stride, size_of(x, W, stride, padding))


@wrong("9.4", "repeats the picture's edge")
def edge_repeated(x, W, b, stride, padding):
    x, size = around(x, padding, mode="edge"), size_of(x, W, stride, padding)
    return loops(x, W, b, stride, size)


@wrong("9.4", "stride is forgotten")
def windows_side_by_side(x, W, b, stride, padding):
    return loops(around(x, padding), W, b, 1, size_of(x, W, stride, padding))


@wrong("9.4", "every place")
def all_places(x, W, b, stride, padding):
    return loops(around(x, padding), W, b, 1, size_of(x, W, 1, padding))


@wrong("9.4", "bias is missing")
def no_bias(x, W, b, stride, padding):
    return by_output(x, W, 0 * b, stride, padding)


@wrong("9.4", "bias is added for each channel")
def bias_in_the_inner_loop(x, W, b, stride, padding):
    return sum(
        by_output(x[:, c : c + 1], W[c : c + 1], b, stride, padding) for c in range(x.shape[1])
    )


@wrong("9.4", "only the last channel")
def channels_overwritten(x, W, b, stride, padding):
    for c in range(x.shape[1]):
        y = by_output(x[:, c : c + 1], W[c : c + 1], b, stride, padding)
    return y


@wrong("9.4", "only the first channel")
def grey_pictures(x, W, b, stride, padding):
    return by_output(x[:, :1], W[:1], b, stride, padding)


@wrong("9.4", "mean over the window")
def window_mean(x, W, b, stride, padding):
    return by_output(x, W / math.prod(W.shape[:3]), b, stride, padding)


@wrong("9.4", "channels are last")
def channels_last(x, W, b, stride, padding):
    return np.moveaxis(by_output(x, W, b, stride, padding), 1, 3)


def kernel_gradient(x, dy, kernel_size, stride):
    """Collect dW weight by weight, from pictures that have their padding already."""
    kh, kw = kernel_size
    dW = np.zeros((x.shape[1], kh, kw, dy.shape[1]))
    rows, columns = dy.shape[2:]
    for c, i, j, o in np.ndindex(*dW.shape):
        met = x[:, c, i : i + stride * rows : stride, j : j + stride * columns : stride]
        dW[c, i, j, o] = (met[:, :rows, :columns] * dy[:, o]).sum()
    return dW


def bias_gradient(dy):
    return dy.sum(axis=3).sum(axis=2).sum(axis=0)


@right("9.5")
def by_weight(x, dy, kernel_size, stride, padding):
    return kernel_gradient(around(x, padding), dy, kernel_size, stride), bias_gradient(dy)


@wrong("9.5", "only the last window")
def last_window(x, dy, kernel_size, stride, padding):
    x, (kh, kw) = around(x, padding), kernel_size
    for p, q in np.ndindex(*dy.shape[2:]):
        window = x[:, :, stride * p : stride * p + kh, stride * q : stride * q + kw]
        dW = np.einsum("ncij,no->cijo", window, dy[:, :, p, q])
    return dW, bias_gradient(dy)


@wrong("9.5", "last picture's alone")
def last_picture(x, dy, kernel_size, stride, padding):
    for n in range(len(x)):
        dW = by_weight(x[n : n + 1], dy[n : n + 1], kernel_size, stride, padding)[0]
    return dW, bias_gradient(dy)


@wrong("9.5", "first picture's alone")
def first_picture(x, dy, kernel_size, stride, padding):
    return by_weight(x[:1], dy[:1], kernel_size, stride, padding)[0], bias_gradient(dy)


@wrong("9.5", "mean over the batch")
def batch_mean(x, dy, kernel_size, stride, padding):
    dW, db = by_weight(x, dy, kernel_size, stride, padding)
    return dW / len(x), db


@wrong("9.5", "mean over the places; a shared weight")
def place_mean(x, dy, kernel_size, stride, padding):
    dW, db = by_weight(x, dy, kernel_size, stride, padding)
    return dW / (dy.shape[2] * dy.shape[3]), db


@wrong("9.5", "flipped")
def flipped_gradient(x, dy, kernel_size, stride, padding):
    dW, db = by_weight(x, dy, kernel_size, stride, padding)
    return np.flip(dW, (1, 2)), db


@wrong("9.5", "stride is forgotten")
def gradient_without_stride(x, dy, kernel_size, stride, padding):
    return kernel_gradient(around(x, padding), dy, kernel_size, 1), bias_gradient(dy)


@wrong("9.5", "bottom and right")
def gradient_padded_after(x, dy, kernel_size, stride, padding):
    x = around(x, 0, 2 * padding)
    return kernel_gradient(x, dy, kernel_size, stride), bias_gradient(dy)


@wrong("9.5", "top and left")
def gradient_padded_before(x, dy, kernel_size, stride, padding):
    x = around(x, 2 * padding, 0)
    return kernel_gradient(x, dy, kernel_size, stride), bias_gradient(dy)


@wrong("9.5", "axes are")
def torch_axes(x, dy, kernel_size, stride, padding):
    dW, db = by_weight(x, dy, kernel_size, stride, padding)
    return np.moveaxis(dW, 3, 0), db


@wrong("9.5", "db: it is a mean over the places")
def bias_place_mean(x, dy, kernel_size, stride, padding):
    dW, db = by_weight(x, dy, kernel_size, stride, padding)
    return dW, db / (dy.shape[2] * dy.shape[3])


@wrong("9.5", "db: it is a mean over pictures and places")
def bias_mean(x, dy, kernel_size, stride, padding):
    return by_weight(x, dy, kernel_size, stride, padding)[0], dy.mean(axis=(0, 2, 3))


@wrong("9.5", "has a bias of its own")
def one_bias(x, dy, kernel_size, stride, padding):
    return by_weight(x, dy, kernel_size, stride, padding)[0], np.sum(dy)


@wrong("9.5", "pictures alone")
def bias_of_pixels(x, dy, kernel_size, stride, padding):
    return by_weight(x, dy, kernel_size, stride, padding)[0], np.sum(dy, axis=0)


def collected(dy, W, stride, padding, shape):
    """Collect dx pixel by pixel: from every output whose window has it."""
    dx = np.zeros((len(dy), *shape))
    for u, v, i, j in np.ndindex(*shape[1:], *W.shape[1:3]):
        (p, over), (q, aside) = divmod(u + padding - i, stride), divmod(v + padding - j, stride)
        if over == aside == 0 and 0 <= p < dy.shape[2] and 0 <= q < dy.shape[3]:
            dx[:, :, u, v] += dy[:, :, p, q] @ W[:, i, j].T
    return dx


def wide(shape, padding):
    return shape[0], shape[1] + 2 * padding, shape[2] + 2 * padding


@right("9.6")
def by_pixel(dy, W, stride, padding, shape):
    return collected(dy, W, stride, padding, shape)


@wrong("9.6", "the last one is left")
def windows_overwritten(dy, W, stride, padding, shape):
    dx = np.zeros((len(dy), *wide(shape, padding)))
    for p, q in np.ndindex(*dy.shape[2:]):
        top, left = stride * p, stride * q
        laid = np.einsum("no,cijo->ncij", dy[:, :, p, q], W)
        dx[:, :, top : top + W.shape[1], left : left + W.shape[2]] = laid
    return dx[:, :, padding : padding + shape[1], padding : padding + shape[2]]


@wrong("9.6", "the mean is taken")
def overlaps_averaged(dy, W, stride, padding, shape):
    ones = collected(np.ones_like(dy), np.ones_like(W) / W.shape[3], stride, padding, shape)
    return collected(dy, W, stride, padding, shape) / np.where(ones > 0, ones, 1)


@wrong("9.6", "kernels are flipped")
def flipped_back(dy, W, stride, padding, shape):
    return collected(dy, np.flip(W, (1, 2)), stride, padding, shape)


@wrong("9.6", "stride is forgotten")
def laid_side_by_side(dy, W, stride, padding, shape):
    return collected(dy, W, 1, padding, shape)


@wrong("9.6", "at the end alone")
def cut_at_the_end(dy, W, stride, padding, shape):
    return collected(dy, W, stride, 0, wide(shape, padding))[:, :, : shape[1], : shape[2]]


@wrong("9.6", "at the beginning alone")
def cut_at_the_beginning(dy, W, stride, padding, shape):
    dx = collected(dy, W, stride, 0, wide(shape, padding))
    return dx[:, :, 2 * padding :, 2 * padding :]


@wrong("9.6", "still around it")
def padding_kept(dy, W, stride, padding, shape):
    return collected(dy, W, stride, 0, wide(shape, padding))


@wrong("9.6", "only the last new channel")
def last_new_channel(dy, W, stride, padding, shape):
    for o in range(W.shape[3]):
        dx = collected(dy[:, o : o + 1], W[..., o : o + 1], stride, padding, shape)
    return dx


@wrong("9.6", "only the first new channel")
def first_new_channel(dy, W, stride, padding, shape):
    return collected(dy[:, :1], W[..., :1], stride, padding, shape)


@wrong("9.6", "mean over the new channels")
def channel_mean(dy, W, stride, padding, shape):
    return collected(dy, W, stride, padding, shape) / dy.shape[1]


@wrong("9.6", "channels are last")
def gradient_channels_last(dy, W, stride, padding, shape):
    return np.moveaxis(collected(dy, W, stride, padding, shape), 1, 3)


# 9.7 ----------------------------------------------------------------------------------------------


def put_down(y, w, stride):
    """Lay the windows down, each times its number."""
    (kh, kw), (rows, columns) = w.shape, y.shape
    x = np.zeros(((rows - 1) * stride + kh, (columns - 1) * stride + kw))
    for p, q in np.ndindex(rows, columns):
        x[stride * p : stride * p + kh, stride * q : stride * q + kw] += y[p, q] * w
    return x


def between_zeros(y, stride):
    spread = np.zeros((len(y) * stride, len(y[0]) * stride))
    spread[::stride, ::stride] = y
    return spread[: len(spread) - stride + 1, : len(spread[0]) - stride + 1]
