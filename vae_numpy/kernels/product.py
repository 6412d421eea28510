"""Matrix products: the ladder.

Ways to compute A @ B, each a step faster than the one before; chapter 5 climbs it. A is (m, depth),
B is (depth, n); both have the same dtype, float32 or float64, and any strides.
"""

import numpy as np

from vae_numpy._types import FloatArray
from vae_numpy.kernels.jit import jit
from vae_numpy.kernels.threads import A_THREAD
from vae_numpy.kernels.tile import (
    ROWS,
    VECTOR_BYTES,  # noqa: F401  (chapter 5 takes it from here)
    copy,
    group_of,
    lanes_of,
    tile,
)
from vae_numpy.kernels.turns import begin, end, share
from vae_numpy.kernels.workers import ALONE


@jit
def product_ijk(A, B):
    """Multiply by the definition: each entry is a row of A times a column of B."""
    (m, depth), n = A.shape, B.shape[1]
    C = np.empty((m, n), A.dtype)
    for i in range(m):
        for j in range(n):
            total = A.dtype.type(0)
            for k in range(depth):
                total += A[i, k] * B[k, j]
            C[i, j] = total
    return C


@jit
def product_ikj(A, B):
    """Multiply with the two inner loops exchanged: whole rows of B stream into a row of C."""
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    add_rows(A, B, C)
    return C


@jit
def add_rows(A, B, C):
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            a = A[i, k]
            for j in range(B.shape[1]):
                C[i, j] += a * B[k, j]


@jit
def product_registers(A, B):
    """Multiply 4 rows of A with 4 rows of B at a time: 16 products for each visit to C."""
    (m, depth), n = A.shape, B.shape[1]
    C = np.zeros((m, n), A.dtype)
    m4, depth4 = m - m % 4, depth - depth % 4
    for i in range(0, m4, 4):
        for k in range(0, depth4, 4):
            a00, a01, a02, a03 = A[i, k], A[i, k + 1], A[i, k + 2], A[i, k + 3]
            a10, a11, a12, a13 = A[i + 1, k], A[i + 1, k + 1], A[i + 1, k + 2], A[i + 1, k + 3]
            a20, a21, a22, a23 = A[i + 2, k], A[i + 2, k + 1], A[i + 2, k + 2], A[i + 2, k + 3]
            a30, a31, a32, a33 = A[i + 3, k], A[i + 3, k + 1], A[i + 3, k + 2], A[i + 3, k + 3]
            for j in range(n):
                b0, b1, b2, b3 = B[k, j], B[k + 1, j], B[k + 2, j], B[k + 3, j]
                C[i, j] += a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
                C[i + 1, j] += a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
                C[i + 2, j] += a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
                C[i + 3, j] += a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3
    # what fours do not divide
    add_rows(A[:m4, depth4:], B[depth4:], C[:m4])
    add_rows(A[m4:], B, C[m4:])
    return C


# The last rungs keep a tile of C in registers. Arrays are flat from here on: x0 is where a piece of
# x starts, x_row how far it is from one of its rows to the next.

_SLAB = 256  # rows of B at most: so many rows of a panel stay in the first-level cache
_BLOCK = 64  # rows of A at most: so many of a slab stay in the second-level cache
_SHALLOW = 128  # rows of a panel up to which C is written row by row
_BATCH = 128  # rows of A, packed, that stay in the second-level cache beside a B that is not
_SMALL = 2**20  # multiplications up to which packing does not pay


@jit
def product_tiles(A, B):
    """Multiply tile by tile, with A and B where they lie."""
    (m, depth), n = A.shape, B.shape[1]
    if m < ROWS or n < 2 * lanes_of(B):  # no room for a tile
        return product_registers(A, B)
    C = np.empty((m, n), A.dtype)
    a, a_row, a_step = (A.T.ravel(), 1, m) if A.flags.f_contiguous else (A.ravel(), depth, 1)
    if B.flags.c_contiguous or not B.flags.f_contiguous:
        b = B.ravel()
    else:
        b = np.empty(B.size, B.dtype)
        copy(B.T.ravel(), 0, depth, n, depth, True, b, 0, n)
    tiles(a, a_row, a_step, b, C, b[:0], False, 0, n)
    return C


@jit
def tiles(a, a_row, a_step, b, C, bias, relu, j0, j1):
    """Compute the columns j0 to j1 of C = A B and what is done to them.

    There has to be room for a tile. The last ones overlap those before them.
    """
    (m, n), width = C.shape, 2 * lanes_of(C)
    depth, c = len(b) // n, C.ravel()
    for column in range(j0, j1, width):
        j = min(column, j1 - width)
        for row in range(0, m, ROWS):
            i = min(row, m - ROWS)
            tile(depth, a, i * a_row, a_row, a_step, b, j, n, c, i * n + j, n, True)
        finish(C[:, j : j + width], bias[j : j + width], relu)


@jit
def _shared_tiles(a, a_row, a_step, b, C, bias, relu, j0, j1, turn):
    begin(turn)
    tiles(a, a_row, a_step, b, C, bias, relu, j0, j1)
    end(turn)


@jit
def add_bias(a, b):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] += b[j]


@jit
def add_bias_relu(a, b):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            s = a[i, j]
            if b is not None:
                s += b[j]
            a[i, j] = s if not s < 0 else 0  # written so that a NaN stays one


@jit
def finish(y, bias, relu):
    """Add a bias that is not empty, then apply relu if asked for, to what is in the cache."""
    if relu and len(bias):
        add_bias_relu(y, bias)
    elif relu:
        add_bias_relu(y, None)
    elif len(bias):
        add_bias(y, bias)


@jit
def packed(A, a_turned, B, b_turned, C, add, bias, relu, rows, columns, turn):
    """Compute some rows and columns, (start, stop), of C = A B, or of C += A B if ``add``.

    A (m, depth) and B (depth, n) have contiguous rows, or their transposes do if so ``turned``.
    A bias that is not empty is added, and then relu applied if asked for.
    """
    begin(turn)
    (m, n), depth, (top, bottom), (j0, j1) = C.shape, A.size // len(C), rows, columns
    a_row, b_row = A.shape[1], B.shape[1]
    A, B, flat = A.ravel(), B.ravel(), C.ravel()
    width, group = 2 * lanes_of(C), group_of(C)
    slab = -(-depth // -(-depth // _SLAB))  # as few as go, of the same size
    block = group * -(-min(m, _BLOCK if slab > 64 else 1) // group)
    panels = np.empty(-(-(j1 - j0) // width) * slab * width, C.dtype)
    a, scratch = np.zeros(block * slab, C.dtype), np.empty(ROWS * width, C.dtype)
    for k0 in range(0, depth, slab):
        d = min(slab, depth - k0)
        _pack_panels(B, b_row, b_turned, k0, d, j0, j1, panels, slab)
        for i0 in range(top, bottom, block):
            some = min(block, bottom - i0)
            _pack_rows(A, a_row, a_turned, i0, some, k0, d, a, slab)
            corner, shape = flat[i0 * n + j0 :], (some, d, j1 - j0)
            fresh = k0 == 0 and not add
            _rows_times_panels(a, a_turned, slab, panels, corner, n, shape, fresh, scratch)
            if k0 + d == depth:
                finish(C[i0 : i0 + some, j0:j1], bias[j0:j1], relu)
    end(turn)


@jit
def _pack_panels(B, b_row, b_turned, k0, d, j0, j1, panels, slab):
    """Copy the rows k0 to k0 + d of B into panels, reading B in the order it lies in."""
    width = 2 * lanes_of(B)
    step = d if b_turned else lanes_of(B)
    for k in range(0, d, step):
        n_rows = min(step, d - k)
        for j in range(j0, j1, width):
            to, columns = (j - j0) * slab + k * width, min(width, j1 - j)
            if columns < width:
                panels[to : to + n_rows * width] = 0
            b0 = j * b_row + k0 + k if b_turned else (k0 + k) * b_row + j
            rows, columns = (columns, n_rows) if b_turned else (n_rows, columns)
            copy(B, b0, b_row, rows, columns, b_turned, panels, to, width)


@jit
def _pack_rows(A, a_row, a_turned, i0, n_rows, k0, d, a, slab):
    """Copy the columns k0 to k0 + d of some rows of A, in groups that lie as A does."""
    group = group_of(A)
    for i in range(0, n_rows, group):
        rows = min(group, n_rows - i)
        a0 = k0 * a_row + i0 + i if a_turned else (i0 + i) * a_row + k0
        rows, columns, row = (d, rows, group) if a_turned else (rows, d, slab)
        copy(A, a0, a_row, rows, columns, False, a, i * slab, row)


@jit
def _rows_times_panels(a, a_turned, slab, panels, c, c_row, shape, fresh, scratch):
    """Multiply packed rows by all panels, tile by tile; what hangs over C goes by a scratch.

    c is what is left of C from its first entry here on; ``shape`` is (rows, depth, columns).
    """
    rows, depth, columns = shape
    width, group = 2 * lanes_of(c), group_of(c)
    a_row, a_step = (1, group) if a_turned else (slab, 1)
    down, across = -(-rows // ROWS), -(-columns // width)
    for t in range(down * across):
        # Deep panels wait in the first-level cache for the next rows. Where they are shallow it is
        # writing C that takes long, and least along its rows (dW: a tenth less).
        i, j = (t % down, t // down) if depth > _SHALLOW else (t // across, t % across)
        i, j = i * ROWS, j * width
        a0, c0 = i // group * group * slab + i % group * a_row, i * c_row + j
        if i + ROWS <= rows and j + width <= columns:
            tile(depth, a, a0, a_row, a_step, panels, j * slab, width, c, c0, c_row, fresh)
        else:
            tile(depth, a, a0, a_row, a_step, panels, j * slab, width, scratch, 0, width, True)
            for r in range(min(ROWS, rows - i)):
                for s in range(min(width, columns - j)):
                    x, at = scratch[r * width + s], c0 + r * c_row + s
                    c[at] = x if fresh else c[at] + x


@jit
def beside(A, a_turned, B, b_turned, C, bias, relu, j0, j1, turn):
    """Compute the columns j0 to j1 of C = A B, ROWS of them at least, with B where it lies.

    To pack weights B takes a sixth to a third of the time where A has few rows, as a batch has.
    So A is packed here, and tiles are of the product turned: B' A', of which ROWS rows are columns
    of C.
    """
    begin(turn)
    (m, n), depth = C.shape, A.size // len(C)
    a_row, (b_row, b_step) = A.shape[1], (B.shape[1], 1) if b_turned else (1, B.shape[1])
    A, B, flat = A.ravel(), B.ravel(), C.ravel()
    width, slab = 2 * lanes_of(C), -(-depth // -(-depth // (2 * _SLAB)))
    whole = -(-min(m, _BATCH) // width) * width
    panels, turned = np.empty(whole * depth, C.dtype), np.empty(8 * ROWS * whole, C.dtype)
    for i0 in range(0, m, _BATCH):
        rows = min(_BATCH, m - i0)
        for k0 in range(0, depth, slab):
            some, d = panels[k0 * whole :], min(slab, depth - k0)
            _pack_panels(A, a_row, not a_turned, k0, d, i0, i0 + rows, some, d)
        for block in range(j0, j1, 8 * ROWS):
            j = min(block, j1 - ROWS)
            columns = min(8 * ROWS, j1 - j)
            for k0 in range(0, depth, slab):
                d = min(slab, depth - k0)
                for i in range(0, rows, width):
                    for s in range(0, columns, ROWS):  # the last tile overlaps that before it
                        b0 = k0 * b_step + (j + min(s, columns - ROWS)) * b_row
                        p0, c0 = k0 * whole + i * d, s * whole + i
                        tile(d, B, b0, b_row, b_step, panels, p0, width, turned, c0, whole, k0 == 0)
            last = (columns - 1) // ROWS * ROWS
            for t, n_rows, s in ((0, columns // ROWS * ROWS, 0), (last, ROWS, columns - ROWS)):
                copy(turned, t * whole, whole, n_rows, rows, True, flat, i0 * n + j + s, n)
            finish(C[i0 : i0 + rows, j : j + columns], bias[j : j + columns], relu)
    end(turn)


_NO_BIAS = {char: np.empty(0, char) for char in "fd"}


def product_into(C, A, B, *, add=False, bias=None, relu=False):
    """Compute C = A B, C += A B, C = A B + bias or C = relu(A B + bias), and return C."""
    if not C.flags.c_contiguous:
        C[...] = product_into(np.ascontiguousarray(C), A, B, add=add, bias=bias, relu=relu)
        return C
    A, a_turned = _by_rows(A)
    B, b_turned = _by_rows(B)
    bias = _NO_BIAS[C.dtype.char] if bias is None else bias
    (m, n), width = C.shape, 2 * lanes_of(C)
    most = A.size * n // A_THREAD
    if not add and _is_best_beside(m, A.size // m, n, width):

        def columns(j0, j1, turn):
            beside(A, a_turned, B, b_turned, C, bias, relu, j0, j1, turn)
    elif not (b_turned or add) and _packing_does_not_pay(C, B):
        a_row, a_step = (1, A.shape[1]) if a_turned else (A.shape[1], 1)
        a, b = A.ravel(), B.ravel()

        def columns(j0, j1, turn):
            _shared_tiles(a, a_row, a_step, b, C, bias, relu, j0, j1, turn)
    else:

        def columns(j0, j1, turn):
            packed(A, a_turned, B, b_turned, C, add, bias, relu, (0, m), (j0, j1), turn)

        def rows(i0, i1, turn):
            packed(A, a_turned, B, b_turned, C, add, bias, relu, (i0, i1), (0, n), turn)

        # Threads that write parts of the same rows hinder each other: of dW, which has many and is
        # soon computed, two made 131 billion operations a second by columns, and 204 by rows.
        if max(A.size // m, _BLOCK) <= m:
            share(rows, m, grain=group_of(C), most=most)
            return C
    share(columns, n, grain=max(width, group_of(C)), most=most)
    return C


def _tile_fits(shape, B):
    return shape[0] >= ROWS and shape[1] >= 2 * lanes_of(B)


def _is_best_beside(m, depth, n, width):
    """Say whether B is the largest of the three matrices, and used for few rows, in full panels."""
    filled = -(-m // width) * width
    return ROWS <= n and m <= min(depth, n, 2 * _BATCH) and 4 * filled <= 5 * m


def _packing_does_not_pay(C, B):
    """Say whether B is small, used for few rows, and does not lie badly; with room for a tile.

    Rows of B a multiple of 2048 bytes apart all want the same few places in the cache.
    """
    few = len(C) <= 128 and B.size <= 2**21
    return few and _tile_fits(C.shape, B) and B.shape[1] * B.itemsize % 2048 != 0


def product_packed(A: FloatArray, B: FloatArray) -> FloatArray:
    """Multiply slab by slab, on one core: B's slab is packed, C's tiles stay in registers."""
    _check_factors(A, B)
    if A.size == 0 or B.size == 0:
        return np.zeros((len(A), B.shape[1]), A.dtype)
    C = np.empty((len(A), B.shape[1]), A.dtype)
    everything = (0, len(C)), (0, C.shape[1])
    packed(*_by_rows(A), *_by_rows(B), C, False, _NO_BIAS[C.dtype.char], False, *everything, ALONE)
    return C


def product(A: FloatArray, B: FloatArray) -> FloatArray:
    """Multiply by the rung that suits the shapes, a large product on all threads.

    Parameters
    ----------
    A : (m, depth) array of float32 or float64
    B : (depth, n) array of the same dtype

    Returns
    -------
    (m, n) array
        The same bits whatever the number of threads.

    Raises
    ------
    TypeError
        If the dtypes differ or are not one of the two.
    ValueError
        If the shapes do not fit.
    """
    _check_factors(A, B)
    m, n = len(A), B.shape[1]
    if m * B.size <= _SMALL and (B.flags.c_contiguous or _tile_fits((m, n), B)):
        return product_tiles(A, B)
    if A.size == 0 or B.size == 0:
        return np.zeros((m, n), A.dtype)
    return product_into(np.empty((m, n), A.dtype), A, B)


def _check_factors(A, B):
    arrays = isinstance(A, np.ndarray) and isinstance(B, np.ndarray)
    if not arrays or A.dtype != B.dtype or A.dtype.char not in "fd":
        got = [getattr(X, "dtype", type(X).__name__) for X in (A, B)]
        raise TypeError(f"A and B must both be float32 or both float64, got {got[0]} and {got[1]}")
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[0]:
        raise ValueError(f"A and B must be (m, depth) and (depth, n), got {A.shape} and {B.shape}")


def _by_rows(x: FloatArray) -> tuple[FloatArray, bool]:
    """Return x or its transpose, whichever has contiguous rows, and whether it was turned."""
    if x.flags.c_contiguous:
        return x, False
    if x.flags.f_contiguous:
        return x.T, True
    return np.ascontiguousarray(x), False
