"""Convolutions, compiled: products whose patches are read where they lie.

A convolution is a matrix product with the patches of all pictures. That matrix is many times as
large as the pictures, and is never made: in a picture whose pixels hold all channels next to each
other, and which has its padding around it, a line of a patch is one run of numbers. So a tile of
the product (``tile.patch_tile``) needs only the places where its patches start. Pictures lie
channel by channel everywhere else; each is turned on its way in and on its way out, while it is in
the cache, and bias, relu and their gradients are computed there, too.

Shapes: ``big`` (N, C, H, W) is what a convolution takes, ``small`` (N, C', H', W') what it gives; a
transposed convolution takes ``small`` and gives ``big``. The weights are (C, kh, kw, C').
"""

from typing import NamedTuple

import numpy as np

from vae_numpy.kernels.jit import jit, jit_inlined
from vae_numpy.kernels.threads import A_THREAD
from vae_numpy.kernels.tile import ROWS, copy, lanes_of, patch_tile, tile
from vae_numpy.kernels.turns import begin, end, share

_PARTS = 16  # at most, each with sums of its own, so that these do not depend on the threads


class _Geometry(NamedTuple):
    """The sizes of a convolution; a line, a run and a pixel are counted in numbers."""

    lines: int  # of a padded picture of ``big``
    line: int
    pixel: int  # C
    first: int  # from the start of a padded picture to the first pixel within the padding
    runs: int  # kh: a patch is so many runs, a line apart
    run: int  # kw C
    down: int  # H': patches below each other
    across: int  # W'
    stride: int
    columns: int  # C', as many as fill tiles


def _measure(big_shape, W, small_shape, stride, padding):
    (C, height, width), (_, down, across) = big_shape, small_shape
    line = (width + 2 * padding) * C
    return _Geometry(
        lines=height + 2 * padding,
        line=line,
        pixel=C,
        first=padding * (line + C),
        runs=W.shape[1],
        run=W.shape[2] * C,
        down=down,
        across=across,
        stride=stride,
        columns=_whole_tiles(W.shape[3], W),
    )


def _whole_tiles(n, x):
    width = 2 * lanes_of(x)
    return -(-n // width) * width


def _matrix(W):
    """Turn the weights to (kh kw C, C'), as a patch lies."""
    return W.transpose(1, 2, 0, 3).reshape(-1, W.shape[3])


def _filled_up(matrix):
    """Copy a matrix, with zeros in more columns, up to whole tiles; flat."""
    filled = np.zeros((len(matrix), _whole_tiles(matrix.shape[1], matrix)), matrix.dtype)
    filled[:, : matrix.shape[1]] = matrix
    return filled.ravel()


def convolve(big, W, b, stride, padding, *, relu):
    """Compute ``small``: the weights times each patch of ``big``, then bias and relu."""
    height, width = (
        (big.shape[axis] + 2 * padding - W.shape[axis - 1]) // stride + 1 for axis in (2, 3)
    )
    small = np.empty((len(big), W.shape[3], height, width), big.dtype)
    geometry = _measure(big.shape[1:], W, small.shape[1:], stride, padding)
    weights, bias = _filled_up(_matrix(W)), np.empty(0, W.dtype) if b is None else b

    def pictures(i, j, turn):
        to_small(big[i:j], weights, bias, relu, small[i:j], geometry, turn)

    share(pictures, len(big), grain=1, most=_work(small, W) // A_THREAD)
    return small


def convolve_transposed(small, W, b, stride, padding, shape, *, relu):
    """Compute ``big``, of that ``shape`` (C, H, W): patches put down, adding where they overlap."""
    big = np.empty((len(small), *shape), small.dtype)
    geometry = _measure(shape, W, small.shape[1:], stride, padding)
    weights, bias = _filled_up(_matrix(W).T), np.empty(0, W.dtype) if b is None else b

    def pictures(i, j, turn):
        to_big(small[i:j], weights, bias, relu, big[i:j], geometry, turn)

    share(pictures, len(small), grain=1, most=_work(small, W) // A_THREAD)
    return big


def add_gradients(dy, x, y, W, dW, db, stride, padding, *, relu, transposed, accumulate, need_dx):
    """Add the gradients in the weights and the bias, or overwrite them; return that in x, or None.

    Without ``relu`` dy is the gradient before the activation.
    """
    big, small = (y, x) if transposed else (x, y)
    geometry = _measure(big.shape[1:], W, small.shape[1:], stride, padding)
    matrix = _matrix(W)  # dx is what the other direction computes with it
    weights = _filled_up(matrix if transposed else matrix.T)
    dx = np.empty_like(x if need_dx else x[:0])
    size = -(-len(x) // max(1, min(_PARTS, len(x), _work(small, W) // A_THREAD)))
    n_parts = -(-len(x) // max(1, size))
    sums = np.zeros((n_parts, _whole_rows(len(matrix)), geometry.columns), dW.dtype)
    bias_sums = np.zeros((n_parts, y.shape[1]))

    def parts(i, j, turn):
        backward(
            dy, x, y, relu, transposed, weights, dx, sums, bias_sums, geometry, size, i, j, turn
        )

    share(parts, n_parts, grain=1)
    if not accumulate:
        dW[...] = 0
    total = sums.sum(axis=0)[: len(matrix), : W.shape[3]]  # always in the same order
    dW += total.reshape(*W.shape[1:3], W.shape[0], W.shape[3]).transpose(2, 0, 1, 3)
    if db is not None:
        db[...] = bias_sums.sum(axis=0) + (db if accumulate else 0)
    return dx if need_dx else None


def _work(small, W):
    return len(small) * small.shape[2] * small.shape[3] * W.size


@jit
def to_small(big, weights, bias, relu, small, g, turn):
    """Convolve pictures."""
    begin(turn)
    x, y = _padded(g, weights), _pixels(g, weights)
    patches, n_out = _patches(g), small.shape[1]
    for n in range(len(big)):
        _load(big[n], x, g.first, g.line, g.pixel)
        _weigh(x, patches, weights, y, g)
        _store(y, 0, 0, g.columns, small[n].reshape(n_out, 1, -1))
        _finish(small[n], bias, relu)
    end(turn)


@jit
def to_big(small, weights, bias, relu, big, g, turn):
    """Convolve pictures with the matrix transposed."""
    begin(turn)
    x, y = _padded(g, weights), _pixels(g, weights)
    patches, n_out = _patches(g), small.shape[1]
    for n in range(len(small)):
        _load(small[n].reshape(n_out, 1, -1), y, 0, 0, g.columns)
        _put_down(y, n_out, patches, weights, x, g)
        _store(x, g.first, g.line, g.pixel, big[n])
        _finish(big[n], bias, relu)
    end(turn)


@jit
def backward(dy, x, y, relu, transposed, weights, dx, sums, bias_sums, g, size, start, stop, turn):
    """Compute the sums of the parts ``start`` to ``stop``, of ``size`` pictures each, and dx.

    Each picture is read once for all three gradients.
    """
    begin(turn)
    big, small = _padded(g, weights), _pixels(g, weights)
    dbig, da = np.empty_like(big), np.empty(y.shape[1:], y.dtype)
    patches, in_patch = _patches(g), _places(g.runs, g.run, g.line, 1)
    n_out = x.shape[1] if transposed else y.shape[1]
    for part in range(start, stop):
        dW, first = sums[part].ravel(), part * size
        for n in range(first, min(first + size, len(x))):
            _before_activation(dy[n], y[n], relu, da, bias_sums[part])
            if transposed:
                _load(da, big, g.first, g.line, g.pixel)
                _load(x[n].reshape(n_out, 1, -1), small, 0, 0, g.columns)
            else:
                _load(x[n], big, g.first, g.line, g.pixel)
                _load(da.reshape(n_out, 1, -1), small, 0, 0, g.columns)
            _correlate(big, in_patch, small, dW, n == first, g)
            if len(dx) and transposed:
                _weigh(big, patches, weights, small, g)
                _store(small, 0, 0, g.columns, dx[n].reshape(n_out, 1, -1))
            elif len(dx):
                _put_down(small, n_out, patches, weights, dbig, g)
                _store(dbig, g.first, g.line, g.pixel, dx[n])
    end(turn)


@jit
def _padded(g, x):
    return np.zeros(g.lines * g.line, x.dtype)


@jit
def _pixels(g, x):
    return np.zeros(_whole_rows(g.down * g.across) * g.columns, x.dtype)


@jit
def _whole_rows(n):
    return -(-n // ROWS) * ROWS


@jit
def _patches(g):
    return _places(g.down, g.across, g.stride * g.line, g.stride * g.pixel)


@jit
def _places(n_rows, n_columns, down, across):
    """List the places of a grid, row by row; the last one again and again until tiles are whole."""
    n = n_rows * n_columns
    places = np.empty(_whole_rows(n), np.int64)
    for m in range(len(places)):
        i, j = divmod(min(m, n - 1), n_columns)
        places[m] = i * down + j * across
    return places


@jit
def _load(picture, pixels, first, line, pixel):
    """Turn a picture so that its pixels hold all channels next to each other."""
    C, height, width = picture.shape
    flat = picture.ravel()
    for r in range(height):
        at = first + r * line
        if pixel == 1:
            pixels[at : at + width] = flat[r * width : (r + 1) * width]
        else:
            copy(flat, r * width, height * width, C, width, True, pixels, at, pixel)


@jit
def _store(pixels, first, line, pixel, picture):
    """Turn a picture back to where it belongs."""
    C, height, width = picture.shape
    flat = picture.ravel()
    for r in range(height):
        at = first + r * line
        if pixel == 1:
            flat[r * width : (r + 1) * width] = pixels[at : at + width]
        else:
            copy(pixels, at, pixel, width, C, True, flat, r * width, height * width)


@jit
def _weigh(x, patches, weights, y, g):
    """Compute y = patches of x times the weights."""
    for j in range(0, g.columns, 2 * lanes_of(y)):
        for m in range(0, len(patches), ROWS):
            c0 = m * g.columns + j
            patch_tile(g.runs, g.run, x, patches, m, g.line, 1, weights, j, y, c0, g.columns, True)


@jit
def _correlate(x, in_patch, y, dW, fresh, g):
    """Compute dW = (patches of x).T y, or add it unless ``fresh``.

    A row of patches.T is a number of the patch, in every patch: a run is a line of patches.
    """
    along, down = g.stride * g.pixel, g.stride * g.line
    for j in range(0, g.columns, 2 * lanes_of(y)):
        for m in range(0, len(in_patch), ROWS):
            c0 = m * g.columns + j
            patch_tile(
                g.down, g.across, x, in_patch, m, down, along, y, j, dW, c0, g.columns, fresh
            )


@jit
def _put_down(y, n_out, patches, weights, x, g):
    """Compute x, the sum of all patches: each is a pixel of y times the weights."""
    columns = len(weights) // n_out
    some = np.empty(ROWS * columns, x.dtype)  # patches that stay in the cache until they are down
    x[:] = 0
    for m in range(0, g.down * g.across, ROWS):
        for j in range(0, columns, 2 * lanes_of(y)):
            tile(n_out, y, m * g.columns, g.columns, 1, weights, j, columns, some, j, columns, True)
        for r in range(min(ROWS, g.down * g.across - m)):
            for i in range(g.runs):
                at, of = patches[m + r] + i * g.line, r * columns + i * g.run
                line, run = x[at : at + g.run], some[of : of + g.run]
                for k in range(g.run):
                    line[k] += run[k]


@jit
def _finish(picture, bias, relu):
    """Add a bias that is not empty, one number per channel, then apply relu if asked for."""
    for c in range(len(picture)):
        pixels = picture[c].ravel()
        if len(bias):
            for i in range(len(pixels)):
                pixels[i] += bias[c]
        if relu:
            for i in range(len(pixels)):
                pixels[i] = pixels[i] if not pixels[i] < 0 else 0  # a NaN stays one


@jit_inlined
def _before_activation(dy, y, relu, da, db):
    """Compute da of a picture, and add it into db."""
    for c in range(len(da)):
        of_y, of_a, of_dy = y[c].ravel(), da[c].ravel(), dy[c].ravel()
        total = da.dtype.type(0)
        for i in range(len(of_a)):
            of_a[i] = of_dy[i] * (of_y[i] > 0) if relu else of_dy[i]
            total += of_a[i]
        db[c] += total
