"""The kernels compiled by numba: the twins of ``reference``, which says what each computes.

The only file that imports numba. Products go to BLAS through NumPy, on its own threads; the
passes around them are compiled, serial, and fused so that each array is read once. Sums run
in double precision.
"""

import math

import llvmlite.binding
import numba
import numba.extending
import numpy as np
from llvmlite import ir
from numba.core import cgutils

from vae_numpy.kernels import reference

# Reassociation and contraction let LLVM use vector instructions; unlike fastmath=True these
# flags keep NaN and infinity as they are.
_jit = numba.njit(cache=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")

# The dense layer ----------------------------------------------------------------------------


@_jit
def _add_bias(a, b):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] += b[j]


@_jit
def _add_bias_relu(a, b):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            s = a[i, j]
            if b is not None:
                s += b[j]
            a[i, j] = s if not s < 0 else 0  # written so that a NaN stays one


def dense_forward(x, W, b, activation):
    a = x @ W
    if activation == "relu":
        _add_bias_relu(a, b)
        return a
    if b is not None:
        _add_bias(a, b)
    # NumPy's exp and tanh use vector instructions, which a compiled call per element does not.
    return reference.ACTIVATIONS[activation][0](a)


@_jit
def _times_identity(dy, y):
    return dy


@_jit
def _times_relu(dy, y):
    da = np.empty_like(dy)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            da[i, j] = dy[i, j] * (y[i, j] > 0)
    return da


@_jit
def _times_tanh(dy, y):
    da = np.empty_like(dy)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            da[i, j] = dy[i, j] * (1 - y[i, j] * y[i, j])
    return da


@_jit
def _times_sigmoid(dy, y):
    da = np.empty_like(dy)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            da[i, j] = dy[i, j] * (y[i, j] * (1 - y[i, j]))
    return da


@_jit
def _times_softplus(dy, y):
    da = np.empty_like(dy)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            da[i, j] = dy[i, j] * -math.expm1(-y[i, j])
    return da


# dy f'(a), with the derivative written with the output y
_TIMES_DERIVATIVE = {
    "identity": _times_identity,
    "relu": _times_relu,
    "tanh": _times_tanh,
    "sigmoid": _times_sigmoid,
    "softplus": _times_softplus,
}


@_jit
def _add_column_sums(da, db):
    for i in range(da.shape[0]):
        for j in range(da.shape[1]):
            db[j] += da[i, j]


def dense_backward(dy, x, y, W, activation, dW, db):
    da = _TIMES_DERIVATIVE[activation](dy, y)
    dW += x.T @ da
    if db is not None:
        _add_column_sums(da, db)
    return da @ W.T


# Losses -------------------------------------------------------------------------------------


@_jit
def squared_error(x_hat, x):
    n = x.shape[0]
    two_over_n = x_hat.dtype.type(2 / n)
    dx_hat = np.empty_like(x_hat)
    total = 0.0
    for i in range(n):
        for j in range(x.shape[1]):
            difference = x_hat[i, j] - x[i, j]
            total += difference * difference
            dx_hat[i, j] = two_over_n * difference
    return total / n, dx_hat


@_jit
def bernoulli_nll(logits, x):
    n = x.shape[0]
    one, one_over_n = logits.dtype.type(1), logits.dtype.type(1 / n)
    dlogits = np.empty_like(logits)
    total = 0.0
    for i in range(n):
        for j in range(x.shape[1]):
            logit = logits[i, j]
            e = math.exp(-abs(logit))  # at most 1: nothing overflows
            total += max(logit, 0) + math.log1p(e) - x[i, j] * logit
            sigmoid = (one if logit >= 0 else e) / (one + e)
            dlogits[i, j] = one_over_n * (sigmoid - x[i, j])
    return total / n, dlogits


@_jit
def gaussian_nll(mean, logvar, x):
    n = x.shape[0]
    one_over_n = mean.dtype.type(1 / n)
    half_over_n = mean.dtype.type(0.5 / n)
    one = mean.dtype.type(1)
    dmean, dlogvar = np.empty_like(mean), np.empty_like(mean)
    total = 0.0
    for i in range(n):
        for j in range(x.shape[1]):
            difference = mean[i, j] - x[i, j]
            scaled = difference * math.exp(-logvar[i, j])
            square = difference * scaled
            total += logvar[i, j] + square
            dmean[i, j] = one_over_n * scaled
            dlogvar[i, j] = half_over_n * (one - square)
    constant = x.size * math.log(2 * math.pi)
    return 0.5 * (constant + total) / n, dmean, dlogvar


@_jit
def gaussian_kl(mu, logvar):
    n, k = mu.shape
    one_over_n = mu.dtype.type(1 / n)
    half_over_n = mu.dtype.type(0.5 / n)
    per_latent = np.zeros(k)
    dmu, dlogvar = np.empty_like(mu), np.empty_like(mu)
    for i in range(n):
        for j in range(k):
            excess = math.expm1(logvar[i, j])
            per_latent[j] += mu[i, j] * mu[i, j] + excess - logvar[i, j]
            dmu[i, j] = one_over_n * mu[i, j]
            dlogvar[i, j] = half_over_n * excess
    return 0.5 * per_latent / n, dmu, dlogvar


# Optimiser steps, in place on flat arrays -----------------------------------------------------


@_jit
def sgd_step(value, grad, velocity, learning_rate, momentum):
    learning_rate, momentum = value.dtype.type(learning_rate), value.dtype.type(momentum)
    for i in range(value.size):
        velocity[i] = momentum * velocity[i] + grad[i]
        value[i] -= learning_rate * velocity[i]


@_jit
def adagrad_step(value, grad, sum_squares, learning_rate, eps):
    learning_rate, eps = value.dtype.type(learning_rate), value.dtype.type(eps)
    for i in range(value.size):
        sum_squares[i] += grad[i] * grad[i]
        value[i] -= learning_rate * grad[i] / (math.sqrt(sum_squares[i]) + eps)


@_jit
def adam_step(value, grad, m, v, t, learning_rate, beta1, beta2, eps):
    scalar = value.dtype.type
    rate = scalar(learning_rate / (1 - beta1**t))
    correction = scalar(1 / (1 - beta2**t))
    rest1, rest2 = scalar(1 - beta1), scalar(1 - beta2)
    beta1, beta2, eps = scalar(beta1), scalar(beta2), scalar(eps)
    for i in range(value.size):
        g = grad[i]
        m[i] = beta1 * m[i] + rest1 * g
        v[i] = beta2 * v[i] + rest2 * g * g
        value[i] -= rate * m[i] / (math.sqrt(v[i] * correction) + eps)


# Sprites ------------------------------------------------------------------------------------


@_jit
def render_sprites(shape, scale, angle, x, y, side, out):
    pixel = 64.0 / side
    for n in range(len(shape)):
        out[n] = 0
        reach = 13.6 * scale[n]
        top, bottom = max(0, int((y[n] - reach) / pixel)), int((y[n] + reach) / pixel) + 1
        left, right = max(0, int((x[n] - reach) / pixel)), int((x[n] + reach) / pixel) + 1
        cos, sin = math.cos(angle[n]), math.sin(angle[n])
        for i in range(top, min(bottom, side)):
            dy = ((i + 0.5) * pixel - y[n]) / scale[n]
            for j in range(left, min(right, side)):
                dx = ((j + 0.5) * pixel - x[n]) / scale[n]
                u = cos * dx - sin * dy
                v = sin * dx + cos * dy
                if shape[n] == 0:
                    inside = abs(u) <= 9.599 and abs(v) <= 9.599
                elif shape[n] == 1:
                    inside = (u / 12.7657) ** 2 + (v / 7.213) ** 2 <= 1.0
                else:
                    q = 1.0 - np.cbrt((u / 9.595) ** 2)
                    middle = -0.662 * (4.0 - 2.0 * q - 8.0 * q**2) - 1.4375
                    inside = (v - middle) ** 2 <= 0.662**2 * q * (19.0 - 8.0 * q) ** 2
                out[n, i, j] = inside


# Matrix products: the ladder ------------------------------------------------------------------
#
# Five ways to compute A @ B, each one step faster than the one before. A is (m, depth), B is
# (depth, n); both have the same dtype, float32 or float64, and any strides.


@_jit
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


@_jit
def product_ikj(A, B):
    """Multiply with the two inner loops exchanged: whole rows of B stream into a row of C."""
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    _add_rows(A, B, C)
    return C


@_jit
def _add_rows(A, B, C):
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            a = A[i, k]
            for j in range(B.shape[1]):
                C[i, j] += a * B[k, j]


@_jit
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
    _add_rows(A[:m4, depth4:], B[depth4:], C[:m4])
    _add_rows(A[m4:], B, C[m4:])
    return C


# The last two rungs: C is cut into tiles of _ROWS rows and two vectors, which stay in the
# processor's registers while a slab of A and B goes by.

_FEATURES = llvmlite.binding.get_host_cpu_features()
_VECTOR_BYTES = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx2") else 16
# As many as the registers hold: 16 of them on x86 before AVX-512, else 32.
_ROWS = 4 if _FEATURES.get("sse2") and not _FEATURES.get("avx512f") else 8
_SLAB_BYTES = 2**20  # of B: about what a second-level cache holds
_BLOCK = 256  # rows of C in one task, at most
_TASKS = 8  # or more: the work is cut by its shape, never by the number of threads
_LARGE = 2**21  # multiplications: enough to be worth packing, and waking the threads


def _tile(a, b, c, fresh):
    """Compute c = a b, or c += a b unless ``fresh``; this is what the compiled one does."""
    c[: len(a)] = a @ b if fresh else c[: len(a)] + a @ b


@numba.extending.overload(_tile, inline="always")
def _compiled_tile(a, b, c, fresh):
    return lambda a, b, c, fresh: _tile_in_registers(a, b, c, fresh)


@numba.extending.intrinsic
def _tile_in_registers(_, a, b, c, fresh):
    """Emit the tile's instructions: no loop in Python keeps 2 ``_ROWS`` vectors in registers.

    a is at most (_ROWS, depth), of any strides; rows that it lacks repeat its last one. b is
    (depth, two vectors) and c (_ROWS, two vectors), with contiguous rows.
    """
    lanes = _VECTOR_BYTES * 8 // a.dtype.bitwidth

    def emit(context, builder, signature, arguments):
        a, b, c = (
            context.make_array(kind)(context, builder, argument)
            for kind, argument in zip(signature.args[:3], arguments[:3], strict=True)
        )
        number = context.get_value_type(signature.args[0].dtype)
        vector = ir.VectorType(number, lanes)
        unknown = ir.Constant(vector, ir.Undefined)
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), None)
        n_rows, depth = cgutils.unpack_tuple(builder, a.shape)
        a_row, a_step = cgutils.unpack_tuple(builder, a.strides)
        b_row, c_row = builder.extract_value(b.strides, 0), builder.extract_value(c.strides, 0)
        size = n_rows.type
        last = builder.sub(n_rows, size(1))

        def at(start, steps, stride, kind):
            offset = builder.mul(steps, stride)
            return cgutils.pointer_add(builder, start, offset, kind.as_pointer())

        def pair(row):
            return [builder.gep(row, [size(v)]) for v in range(2)]

        rows_of_a, sums, targets = [], [], []
        for r in range(_ROWS):
            inside = builder.icmp_signed("<", size(r), last)
            rows_of_a.append(at(a.data, builder.select(inside, size(r), last), a_row, number))
            targets += pair(at(c.data, size(r), c_row, vector))
            sums += [cgutils.alloca_once_value(builder, ir.Constant(vector, None)) for _ in "01"]
        with builder.if_then(builder.not_(arguments[3])):
            for total, target in zip(sums, targets, strict=True):
                builder.store(builder.load(target, align=4), total)
        with cgutils.for_range(builder, depth) as loop:
            row_of_b = [
                builder.load(v, align=4) for v in pair(at(b.data, loop.index, b_row, vector))
            ]
            for r in range(_ROWS):
                x = builder.load(at(rows_of_a[r], loop.index, a_step, number))
                x = builder.insert_element(unknown, x, ir.IntType(32)(0))
                x = builder.shuffle_vector(x, unknown, zeros)  # in every lane
                for v in range(2):
                    total = sums[2 * r + v]
                    term = builder.fmul(x, row_of_b[v], flags=("contract",))
                    term = builder.fadd(builder.load(total), term, flags=("contract",))
                    builder.store(term, total)
        for total, target in zip(sums, targets, strict=True):
            builder.store(builder.load(total), target, align=4)
        return context.get_dummy_value()

    return numba.types.void(a, b, c, fresh), emit


@_jit
def _part(x, turned, i, i_end, j, j_end):
    """View x[i:i_end, j:j_end], where ``turned`` says that x is kept as its transpose."""
    return x[j:j_end, i:i_end].T if turned else x[i:i_end, j:j_end]


@_jit
def _pack(B, b_turned, k0, depth, part, panels):
    """Copy one row of B's slab, or if B is kept turned one panel, to where tiles read it."""
    width = panels.shape[2]
    if b_turned:
        columns = B[part * width : (part + 1) * width]
        for j in range(len(columns)):
            column = columns[j, k0 : k0 + depth]
            for k in range(depth):
                panels[part, k, j] = column[k]
    else:
        for p in range(len(panels)):
            row = B[k0 + part, p * width : (p + 1) * width]
            for j in range(len(row)):
                panels[p, part, j] = row[j]


@_jit
def _add_slab(A, a_turned, panels, C, c_turned, k0, depth, i0, p0, p1):
    """Add the product of two slabs to the rows from i0 and the panels p0 to p1 of C."""
    width = panels.shape[2]
    m = C.shape[1] if c_turned else C.shape[0]
    scratch = np.empty((_ROWS, width), C.dtype)
    for i in range(i0, min(i0 + _BLOCK, m), _ROWS):
        a = _part(A, a_turned, i, min(i + _ROWS, m), k0, k0 + depth)
        for p in range(p0, p1):
            b = panels[p, :depth]
            c = _part(C, c_turned, i, i + _ROWS, p * width, (p + 1) * width)
            whole = c.shape == scratch.shape and not c_turned
            _tile(a, b, c if whole else scratch, k0 == 0 or not whole)
            if not whole:
                for j in range(c.shape[1]):
                    for r in range(c.shape[0]):
                        c[r, j] = scratch[r, j] if k0 == 0 else c[r, j] + scratch[r, j]


def _packed(A, a_turned, B, b_turned, C, c_turned):
    m, n = C.shape[::-1] if c_turned else C.shape
    depth = B.shape[1] if b_turned else B.shape[0]
    width = 2 * _VECTOR_BYTES // C.itemsize
    n_panels = -(-n // width)
    slab = min(depth, 512, max(128, _SLAB_BYTES // (n_panels * width * C.itemsize)))
    panels = np.zeros((n_panels, slab, width), C.dtype)
    blocks = -(-m // _BLOCK)
    chunks = min(n_panels, max(-(-n_panels // 16), -(-_TASKS // blocks)))
    for k0 in range(0, depth, slab):
        d = min(slab, depth - k0)
        for part in numba.prange(n_panels if b_turned else d):
            _pack(B, b_turned, k0, d, part, panels)
        for task in numba.prange(blocks * chunks):  # each owns its part of C
            i0, chunk = task // chunks * _BLOCK, task % chunks
            p0, p1 = chunk * n_panels // chunks, (chunk + 1) * n_panels // chunks
            _add_slab(A, a_turned, panels, C, c_turned, k0, d, i0, p0, p1)


_packed_serial = _jit(_packed)
_packed_threads = numba.njit(parallel=True, error_model="numpy")(_packed)  # cannot be cached


def product_packed(A, B):
    """Multiply slab by slab, on one core: B's slab is packed, C's tiles stay in registers."""
    _check_factors(A, B)
    return _call_packed(_packed_serial, A, B)


def product(A, B):
    """Multiply by the rung that suits the shapes, a large product on all of numba's threads.

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
    large = len(A) * B.size > _LARGE
    if B.flags.c_contiguous and not large:
        return product_registers(A, B)
    threads = large and numba.get_num_threads() > 1
    return _call_packed(_packed_threads if threads else _packed_serial, A, B)


def _check_factors(A, B):
    if A.dtype.char + B.dtype.char not in ("ff", "dd"):
        raise TypeError(
            f"A and B must both be float32 or both float64, got {A.dtype} and {B.dtype}"
        )
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[0]:
        raise ValueError(f"A and B must be (m, depth) and (depth, n), got {A.shape} and {B.shape}")


def _call_packed(packed, A, B):
    if A.size == 0 or B.size == 0:
        return np.zeros((len(A), B.shape[1]), A.dtype)
    C = np.empty((len(A), B.shape[1]), A.dtype)
    A, a_turned = _by_rows(A)
    B, b_turned = _by_rows(B)
    if b_turned and len(C) < _BLOCK:  # C^T = B^T A^T reads B where it is, and packs the small A
        packed(B, False, A, not a_turned, C, True)
    else:
        packed(A, a_turned, B, b_turned, C, False)
    return C


def _by_rows(x):
    """Return x or its transpose, whichever has contiguous rows, and whether it was turned."""
    if x.flags.c_contiguous:
        return x, False
    if x.flags.f_contiguous:
        return x.T, True
    return np.ascontiguousarray(x), False
