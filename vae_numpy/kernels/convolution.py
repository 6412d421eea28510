"""The three products of a convolution, compiled: patches are packed block by block.

A convolution is a matrix product with the patches of all pictures. That matrix is many times as
large as the pictures, so it is never made as a whole: the pictures are cut into parts, one or more
for each thread, and a part goes through its pictures in blocks whose patches fit into the cache.
How they are cut depends on the shapes alone, and so do the bits of the result.

Shapes: ``big`` (N, C, H, W) is what a convolution takes, ``small`` (N, C', H', W') what it gives; a
transposed convolution takes ``small`` and gives ``big``. W is (C, kh, kw, C'). The patches of a
block are (C kh kw, columns), a column a pixel of ``small``.
"""

import numpy as np

from vae_numpy.kernels.jit import jit
from vae_numpy.kernels.product import packed
from vae_numpy.kernels.threads import A_THREAD
from vae_numpy.kernels.turns import begin, end, share

_PARTS = 16  # at most
_BLOCK = 2**17  # numbers in a block's patches, unless one picture has more


def convolve(big, W, stride, padding):
    """Compute ``small``: the weights times each patch of ``big``."""
    height, width = (
        (big.shape[axis] + 2 * padding - W.shape[axis - 1]) // stride + 1 for axis in (2, 3)
    )
    small = np.empty((len(big), W.shape[3], height, width), big.dtype)
    size, block = _cut(small, W)

    def pictures(i, j, turn):
        to_small(big, W, small, stride, padding, i * size, j * size, block, turn)

    share(pictures, -(-len(big) // size), grain=1)
    return small


def convolve_transposed(small, W, stride, padding, shape):
    """Compute ``big``, of that ``shape`` (C, H, W): patches put down, adding where they overlap."""
    big = np.empty((len(small), *shape), small.dtype)
    size, block = _cut(small, W)

    def pictures(i, j, turn):
        to_big(small, W, big, stride, padding, i * size, j * size, block, turn)

    share(pictures, -(-len(small) // size), grain=1)
    return big


def add_weight_gradient(big, small, stride, padding, dW, *, accumulate):
    """Add the patches of ``big`` times the pixels of ``small`` into dW, or overwrite it."""
    size, block = _cut(small, dW)
    n_parts = -(-len(big) // size)
    sums = np.empty((n_parts, *dW.shape), dW.dtype)

    def pictures(i, j, turn):
        to_weights(big, small, sums, stride, padding, size, i, j, block, turn)

    share(pictures, n_parts, grain=1)
    if not accumulate:
        dW[...] = 0
    for part in sums:  # always in this order
        dW += part


def _cut(small, W):
    """Say how many pictures a part has, and how many a block."""
    n, pixels = len(small), small.shape[2] * small.shape[3]
    n_parts = max(1, min(_PARTS, n * pixels * W.size // A_THREAD))
    size = max(1, -(-n // n_parts))
    return size, max(1, min(size, _BLOCK // (pixels * (W.size // W.shape[3]))))


@jit
def to_small(big, W, small, stride, padding, start, stop, block, turn):
    """Convolve the pictures ``start`` to ``stop``."""
    begin(turn)
    n_out, pixels = small.shape[1], small.shape[2] * small.shape[3]
    weights = W.reshape(-1, n_out)
    depth, alone = len(weights), (turn[0], 0, -1, 0)
    patches, products = np.empty(depth * pixels * block, W.dtype), np.empty_like(small[:block])
    stop = min(stop, len(small))
    for first in range(start, stop, block):
        last = min(first + block, stop)
        n = (last - first) * pixels
        columns, y = _matrix(patches, depth, n), _matrix(products.ravel(), n_out, n)
        take_patches(big, first, last, W.shape, small.shape, stride, padding, columns)
        # small = W.T patches
        packed(weights, True, columns, False, y, False, patches[:0], False, 0, n, alone)
        for picture in range(first, last):
            for c in range(n_out):
                at = (picture - first) * pixels
                small[picture, c] = y[c, at : at + pixels].reshape(small.shape[2:])
    end(turn)


@jit
def to_big(small, W, big, stride, padding, start, stop, block, turn):
    """Convolve the pictures ``start`` to ``stop`` with the matrix transposed."""
    begin(turn)
    n_out, pixels = small.shape[1], small.shape[2] * small.shape[3]
    weights = W.reshape(-1, n_out)
    depth, alone = len(weights), (turn[0], 0, -1, 0)
    patches, rows = np.empty(depth * pixels * block, W.dtype), np.empty_like(small[:block])
    stop = min(stop, len(small))
    for first in range(start, stop, block):
        last = min(first + block, stop)
        n = (last - first) * pixels
        columns, y = _matrix(patches, depth, n), _matrix(rows.ravel(), n_out, n)
        take_pixels(small, first, last, y)
        # patches = W small
        packed(weights, False, y, False, columns, False, patches[:0], False, 0, n, alone)
        put_patches(columns, first, last, W.shape, small.shape, stride, padding, big)
    end(turn)


@jit
def to_weights(big, small, sums, stride, padding, size, start, stop, block, turn):
    """Compute the sums over the parts ``start`` to ``stop``, of ``size`` pictures each."""
    begin(turn)
    n_out, pixels = small.shape[1], small.shape[2] * small.shape[3]
    W_shape = sums.shape[1:]
    depth, alone = W_shape[0] * W_shape[1] * W_shape[2], (turn[0], 0, -1, 0)
    patches, rows = np.empty(depth * pixels * block, sums.dtype), np.empty_like(small[:block])
    for part in range(start, stop):
        dW, end_of_part = sums[part].reshape(depth, n_out), min((part + 1) * size, len(small))
        for first in range(part * size, end_of_part, block):
            last = min(first + block, end_of_part)
            n, add = (last - first) * pixels, first > part * size
            columns, y = _matrix(patches, depth, n), _matrix(rows.ravel(), n_out, n)
            take_patches(big, first, last, W_shape, small.shape, stride, padding, columns)
            take_pixels(small, first, last, y)
            # dW = patches small.T
            packed(columns, False, y, True, dW, add, patches[:0], False, 0, n_out, alone)
    end(turn)


@jit
def _matrix(scratch, n_rows, n_columns):
    return scratch[: n_rows * n_columns].reshape(n_rows, n_columns)


@jit
def take_pixels(small, first, last, rows):
    """Copy the pixels of some pictures into ``rows``, a row for each channel."""
    pixels = small.shape[2] * small.shape[3]
    for picture in range(first, last):
        for c in range(small.shape[1]):
            at = (picture - first) * pixels
            rows[c, at : at + pixels] = small[picture, c].ravel()


@jit
def take_patches(big, first, last, W_shape, small_shape, stride, padding, columns):
    """Copy the patches of some pictures into ``columns``: row (c, i, j) has their pixels (i, j)."""
    (_, channels, height, width), (kh, kw) = big.shape, W_shape[1:3]
    down, across = small_shape[2:]
    for row in range(channels * kh * kw):
        c, i, j = row // (kh * kw), row // kw % kh, row % kw
        start, stop = _inside(width, across, j, stride, padding)
        at = 0
        for picture in range(first, last):
            for p in range(down):
                r = p * stride + i - padding
                to = columns[row, at : at + across]
                if 0 <= r < height:
                    line = big[picture, c, r]
                    to[:start] = 0
                    for q in range(start, stop):
                        to[q] = line[q * stride + j - padding]
                    to[stop:] = 0
                else:
                    to[:] = 0
                at += across


@jit
def put_patches(columns, first, last, W_shape, small_shape, stride, padding, big):
    """Put ``columns`` back to where ``take_patches`` takes them from; what overlaps adds up."""
    (_, channels, height, width), (kh, kw) = big.shape, W_shape[1:3]
    down, across = small_shape[2:]
    big[first:last] = 0
    for row in range(channels * kh * kw):
        c, i, j = row // (kh * kw), row // kw % kh, row % kw
        start, stop = _inside(width, across, j, stride, padding)
        at = 0
        for picture in range(first, last):
            for p in range(down):
                r = p * stride + i - padding
                if 0 <= r < height:
                    line, of = big[picture, c, r], columns[row, at : at + across]
                    for q in range(start, stop):
                        line[q * stride + j - padding] += of[q]
                at += across


@jit
def _inside(width, across, j, stride, padding):
    """Say for which q, from ``start`` to ``stop``, 0 <= q stride + j - padding < width."""
    start = min(across, max(0, -((j - padding) // stride)))
    stop = min(across, (width - 1 - j + padding) // stride + 1)
    return start, max(start, stop)
