"""The kernels compiled by numba: the twins of ``reference``, which says what each computes.

The only file that imports numba. Small products go to BLAS through NumPy, the others to our own
product and its threads (``vae_numpy.threads`` says why); the passes around them are compiled and
fused, so that each array is read once. Sums run in double precision.
"""

import math
import os

import llvmlite.binding
import numba
import numba.extending
import numpy as np
from llvmlite import ir
from numba.core import cgutils

from vae_numpy.kernels import reference
from vae_numpy.kernels.workers import ALONE, LINE, Workers
from vae_numpy.threads import A_THREAD, own_product

# Reassociation and contraction let LLVM use vector instructions; unlike fastmath=True these
# flags keep NaN and infinity as they are.
_jit = numba.njit(
    cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy"
)

# Threads: how a kernel that is shared among them begins and ends (``workers`` says why) ---------


@numba.extending.intrinsic
def _read(_, board, i):
    """Read a number that another thread may have changed since the last look."""

    def emit(context, builder, signature, arguments):
        place = _element(context, builder, signature, arguments, 0)
        return builder.load_atomic(place, "acquire", 8)

    return numba.types.int64(board, i), emit


@numba.extending.intrinsic
def _write(_, board, i, number):
    """Write a number; who reads it sees all that this thread wrote before."""

    def emit(context, builder, signature, arguments):
        place = _element(context, builder, signature, arguments, 0)
        builder.store_atomic(arguments[2], place, "release", 8)
        return context.get_dummy_value()

    return numba.types.void(board, i, number), emit


def _element(context, builder, signature, arguments, k):
    """Point at the element of array number k whose index is the argument after it."""
    array = context.make_array(signature.args[k])(context, builder, arguments[k])
    return builder.gep(array.data, [arguments[k + 1]])


_let_others_run = numba.types.ExternalFunction(
    "SwitchToThread" if os.name == "nt" else "sched_yield", numba.types.int32()
)


@_jit
def _wait_for(board, i, number):
    patience = 2**22  # looks, about a millisecond
    while patience and _read(board, i) < number:
        patience -= 1
        if patience % 1024 == 0:  # the awaited thread may need this core
            _let_others_run()
    return patience > 0


@_jit
def begin(turn):
    """Call the workers, if this thread has any."""
    board, job, _, n_workers = turn
    for worker in range(n_workers):
        _write(board, 2 * LINE * worker, job)


@_jit
def end(turn):
    """Wait for one's workers, or, as a worker, report and look out for the next call.

    Returns
    -------
    bool
        Whether all workers are done.
    """
    board, job, me, n_workers = turn
    done = True
    for worker in range(n_workers):
        done &= _wait_for(board, 2 * LINE * worker + LINE, job)
    if me >= 0 and _read(board, 2 * LINE * me + LINE) < job:
        _write(board, 2 * LINE * me + LINE, job)
        _wait_for(board, 2 * LINE * me, job + 1)
    return done


if numba.config.DISABLE_JIT:  # nothing would release Python's lock

    def share(work, size, **_):
        work(0, size, ALONE)

else:
    share = Workers(end).share


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
    if own_product(len(x) * W.size):
        y = np.empty((len(x), W.shape[1]), W.dtype)
        _product_into(y, x, W, bias=b, relu=activation == "relu")
    else:
        y = x @ W
        if activation == "relu":
            _add_bias_relu(y, b)
        elif b is not None:
            _add_bias(y, b)
    if activation in ("identity", "relu"):
        return y
    # NumPy's exp and tanh use vector instructions, which a compiled call per element does not.
    return reference.ACTIVATIONS[activation][0](y)


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


def dense_backward(dy, x, y, W, activation, dW, db, *, accumulate=True, need_dx=True):
    da = _TIMES_DERIVATIVE[activation](dy, y)
    own = own_product(len(x) * W.size)
    if own:
        _product_into(dW, x.T, da, add=accumulate)
    elif accumulate:
        dW += x.T @ da
    else:
        np.matmul(x.T, da, out=dW)
    if db is not None:
        if not accumulate:
            db[...] = 0
        _add_column_sums(da, db)
    if not need_dx:
        return None
    return _product_into(np.empty_like(x), da, W.T) if own else da @ W.T


# Losses -------------------------------------------------------------------------------------


@_jit
def squared_error(x_hat, x):
    n = x.shape[0]
    two_over_n = x_hat.dtype.type(2 / n)
    dx_hat = np.empty_like(x_hat)
    total = np.float64(0)
    for i in range(n):
        for j in range(x.shape[1]):
            difference = x_hat[i, j] - x[i, j]
            total += difference * difference
            dx_hat[i, j] = two_over_n * difference
    return float(total / n), dx_hat


def bernoulli_nll(logits, x):
    # NumPy's exp uses vector instructions; at most 1, so that nothing overflows
    e = np.abs(logits)
    np.exp(np.negative(e, out=e), out=e)
    dlogits, totals = np.empty_like(logits), np.empty(len(x))

    def rows(i, j, turn):
        _bernoulli_nll(logits[i:j], x[i:j], e[i:j], len(x), dlogits[i:j], totals[i:j], turn)

    share(rows, len(x), grain=8, most=logits.size // 2**14)
    return float(totals.sum()) / len(x), dlogits


_FACTORS = 512  # between 1 and 2 each: their product stays below the largest double, 2^1024


@_jit
def _bernoulli_nll(logits, x, e, n, dlogits, totals, turn):
    begin(turn)
    one, one_over_n = logits.dtype.type(1), logits.dtype.type(1 / n)
    zero, columns = logits.dtype.type(0), logits.shape[1]
    for i in range(logits.shape[0]):  # three loops, since vector instructions do each of them
        total = np.float64(0)
        for j in range(columns):
            total += max(logits[i, j], zero) - x[i, j] * logits[i, j]
        for start in range(0, columns, _FACTORS):
            # The sum of log(1 + e) is the log of the product: one logarithm for 512 numbers.
            product = np.float64(1)
            for j in range(start, min(start + _FACTORS, columns)):
                product *= one + e[i, j]
            total += math.log(product)
        for j in range(columns):
            sigmoid = (one if logits[i, j] >= 0 else e[i, j]) / (one + e[i, j])
            dlogits[i, j] = one_over_n * (sigmoid - x[i, j])
        totals[i] = total
    end(turn)


@_jit
def gaussian_nll(mean, logvar, x):
    n = x.shape[0]
    one_over_n = mean.dtype.type(1 / n)
    half_over_n = mean.dtype.type(0.5 / n)
    one = mean.dtype.type(1)
    dmean, dlogvar = np.empty_like(mean), np.empty_like(mean)
    total = np.float64(0)
    for i in range(n):
        for j in range(x.shape[1]):
            difference = mean[i, j] - x[i, j]
            scaled = difference * math.exp(-logvar[i, j])
            square = difference * scaled
            total += logvar[i, j] + square
            dmean[i, j] = one_over_n * scaled
            dlogvar[i, j] = half_over_n * (one - square)
    constant = x.size * math.log(2 * math.pi)
    return float(0.5 * (constant + total) / n), dmean, dlogvar


@_jit
def laplace_nll(mean, logvar, x):
    n = x.shape[0]
    scalar = mean.dtype.type
    root, half, zero, one = scalar(math.sqrt(2)), scalar(0.5), scalar(0), scalar(1)
    one_over_n, half_over_n = scalar(1 / n), scalar(0.5 / n)
    dmean, dlogvar = np.empty_like(mean), np.empty_like(mean)
    total = np.float64(0)
    for i in range(n):
        for j in range(x.shape[1]):
            difference = mean[i, j] - x[i, j]
            per_scale = root * math.exp(-half * logvar[i, j])
            distance = abs(difference) * per_scale
            total += half * logvar[i, j] + distance
            slope = difference  # where it is 0, or NaN
            if difference > zero:
                slope = per_scale
            elif difference < zero:
                slope = -per_scale
            dmean[i, j] = one_over_n * slope
            dlogvar[i, j] = half_over_n * (one - distance)
    return float((0.5 * x.size * math.log(2) + total) / n), dmean, dlogvar


@_jit
def continuous_bernoulli_nll(logits, x):
    n = x.shape[0]
    dlogits = np.empty_like(logits)
    total = np.float64(0)
    for i in range(n):
        for j in range(x.shape[1]):
            t = np.float64(logits[i, j])
            size, s = abs(t), t * t
            if size < 0.1:
                normaliser = t / 2 + s * (1 / 24 + s * (-1 / 2880 + s * (1 / 181440 - s / 9676800)))
                mean = 1 / 2 + t * (1 / 12 + s * (-1 / 720 + s * (1 / 30240 - s / 1209600)))
            else:
                rest = -math.expm1(-size)
                normaliser = max(t, 0.0) + math.log(rest) - math.log(size)
                least = 1 / size - math.exp(-size) / rest
                mean = least if t < 0 else 1 - least
            total += normaliser - x[i, j] * t
            dlogits[i, j] = (mean - x[i, j]) / n
    return float(total / n), dlogits


@_jit
def categorical_nll(logits, x, categories):
    n = x.shape[0]
    dlogits = np.empty_like(logits)
    total = np.float64(0)
    for i in range(n):
        end = 0
        for size in categories:
            start, end = end, end + size
            most, rest = logits[i, start], np.float64(0)
            for j in range(start, end):
                most = max(most, logits[i, j])
            for j in range(start, end):
                dlogits[i, j] = math.exp(logits[i, j] - most)
                rest += dlogits[i, j]
                total -= x[i, j] * (logits[i, j] - most)
            total += math.log(rest)
            for j in range(start, end):
                dlogits[i, j] = (dlogits[i, j] / rest - x[i, j]) / n
    return float(total / n), dlogits


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


def adam_step(value, grad, m, v, t, learning_rate, beta1, beta2, eps):
    arrays, scalars = (value, grad, m, v), (t, learning_rate, beta1, beta2, eps)

    def part(i, j, turn):
        _adam_step(*(x[i:j] for x in arrays), *scalars, turn)

    share(part, value.size, grain=2**16)


_TINY = 1e-30


@_jit
def _adam_step(value, grad, m, v, t, learning_rate, beta1, beta2, eps, turn):
    begin(turn)
    scalar = value.dtype.type
    rate = scalar(learning_rate / (1 - beta1**t))
    correction = scalar(1 / (1 - beta2**t))
    rest1, rest2 = scalar(1 - beta1), scalar(1 - beta2)
    beta1, beta2, eps = scalar(beta1), scalar(beta2), scalar(eps)
    for i in range(value.size):
        g = grad[i]
        mean, square = beta1 * m[i] + rest1 * g, beta2 * v[i] + rest2 * g * g
        # Where g has become 0 for good, as in front of a unit that has died, both shrink to numbers
        # so small that processors handle them many times as slowly.
        m[i] = scalar(0) if abs(mean) < _TINY else mean
        v[i] = scalar(0) if square < _TINY else square
        value[i] -= rate * m[i] / (math.sqrt(v[i] * correction) + eps)
    end(turn)


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


# The last rungs: C is cut into tiles of _ROWS rows and two vectors, which stay in the processor's
# registers while A and B go by. Arrays are flat from here on: x0 is where a piece of x starts,
# x_row how far it is from one of its rows to the next.

_FEATURES = llvmlite.binding.get_host_cpu_features()
_VECTOR_BYTES = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx2") else 16
# As many as the registers hold: 16 of them on x86 before AVX-512, else 32.
_ROWS = 6 if _FEATURES.get("sse2") and not _FEATURES.get("avx512f") else 8
_SLAB = 256  # rows of B at most: so many rows of a panel stay in the first-level cache
_BLOCK = 64  # rows of A at most: so many of a slab stay in the second-level cache
_SMALL = 2**20  # multiplications up to which packing does not pay


def _lanes(x):
    """How many numbers of x's type a vector holds; a constant where it is compiled."""
    return _VECTOR_BYTES // x.itemsize


@numba.extending.overload(_lanes, inline="always")
def _compiled_lanes(x):
    lanes = _VECTOR_BYTES * 8 // x.dtype.bitwidth
    return lambda x: lanes


def _group(x):
    """How many rows of A are packed together: whole vectors and whole tiles; a constant too."""
    return math.lcm(_lanes(x), _ROWS)


@numba.extending.overload(_group, inline="always")
def _compiled_group(x):
    group = math.lcm(_VECTOR_BYTES * 8 // x.dtype.bitwidth, _ROWS)
    return lambda x: group


def _tile(depth, a, a0, a_row, a_step, b, b0, b_row, c, c0, c_row, fresh):
    """Compute a tile of C, or add to it unless ``fresh``; this is what the compiled one does.

    A tile is _ROWS rows of two vectors; a_step is from one number of a row of A to the next.
    """
    rows, columns, steps = np.arange(_ROWS)[:, None], np.arange(2 * _lanes(b)), np.arange(depth)
    A, B = a[a0 + a_row * rows + a_step * steps], b[b0 + b_row * steps[:, None] + columns]
    tile = c0 + c_row * rows + columns
    c[tile] = A @ B if fresh else c[tile] + A @ B


@numba.extending.overload(_tile, inline="always")
def _compiled_tile(depth, a, a0, a_row, a_step, b, b0, b_row, c, c0, c_row, fresh):
    def call(depth, a, a0, a_row, a_step, b, b0, b_row, c, c0, c_row, fresh):
        _tile_in_registers(depth, a, a0, a_row, a_step, b, b0, b_row, c, c0, c_row, fresh)

    return call


@numba.extending.intrinsic
def _tile_in_registers(_, depth, a, a0, a_row, a_step, b, b0, b_row, c, c0, c_row, fresh):
    """Emit the tile's instructions: no loop in Python keeps 2 _ROWS vectors in registers."""
    lanes = _VECTOR_BYTES * 8 // a.dtype.bitwidth

    def emit(context, builder, signature, arguments):
        vector = ir.VectorType(context.get_value_type(a.dtype), lanes)
        in_a, in_b, in_c = (_element(context, builder, signature, arguments, k) for k in (1, 5, 8))
        depth, a_row, a_step, b_row, c_row, fresh = (arguments[k] for k in (0, 3, 4, 7, 10, 11))
        size, lane = depth.type, ir.IntType(32)
        first = ir.Constant(ir.VectorType(lane, lanes), None)  # lane 0, for all lanes

        def at(start, steps, stride):
            return builder.gep(start, [builder.mul(steps, stride)])

        def pair(start):
            start = builder.bitcast(start, vector.as_pointer())
            return [builder.gep(start, [size(v)]) for v in range(2)]

        rows_of_a = [at(in_a, size(r), a_row) for r in range(_ROWS)]
        targets = [target for r in range(_ROWS) for target in pair(at(in_c, size(r), c_row))]
        sums = [cgutils.alloca_once(builder, vector) for _ in targets]
        with builder.if_else(fresh) as (then, otherwise):
            with then:
                for total in sums:
                    builder.store(ir.Constant(vector, None), total)
            with otherwise:
                for total, target in zip(sums, targets, strict=True):
                    builder.store(builder.load(target, align=4), total)
        with cgutils.for_range(builder, depth) as loop:
            row = pair(at(in_b, loop.index, b_row))
            row_of_b = [builder.load(v, align=4) for v in row]
            for r in range(_ROWS):
                x = builder.load(at(rows_of_a[r], loop.index, a_step))
                x = builder.insert_element(ir.Constant(vector, ir.Undefined), x, lane(0))
                x = builder.shuffle_vector(x, x, first)
                for v in range(2):
                    total = sums[2 * r + v]
                    term = builder.fmul(x, row_of_b[v], flags=("contract",))
                    term = builder.fadd(builder.load(total), term, flags=("contract",))
                    builder.store(term, total)
        for total, target in zip(sums, targets, strict=True):
            builder.store(builder.load(total), target, align=4)
        return context.get_dummy_value()

    types = depth, a, a0, a_row, a_step, b, b0, b_row, c, c0, c_row, fresh
    return numba.types.void(*types), emit


@_jit
def product_tiles(A, B):
    """Multiply tile by tile, with A and B where they lie."""
    (m, depth), n = A.shape, B.shape[1]
    if m < _ROWS or n < 2 * _lanes(B):  # no room for a tile
        return product_registers(A, B)
    C = np.empty((m, n), A.dtype)
    a, a_row, a_step = (A.T.ravel(), 1, m) if A.flags.f_contiguous else (A.ravel(), depth, 1)
    if B.flags.c_contiguous or not B.flags.f_contiguous:
        b = B.ravel()
    else:
        b = np.empty(B.size, B.dtype)
        _copy(B.T.ravel(), 0, depth, n, depth, True, b, 0, n)
    _tiles(a, a_row, a_step, b, C, b[:0], False, 0, n)
    return C


@_jit
def _tiles(a, a_row, a_step, b, C, bias, relu, j0, j1):
    """Compute the columns j0 to j1 of C = A B and what is done to them.

    There has to be room for a tile. The last ones overlap those before them.
    """
    (m, n), width = C.shape, 2 * _lanes(C)
    depth, c = len(b) // n, C.ravel()
    for column in range(j0, j1, width):
        j = min(column, j1 - width)
        for row in range(0, m, _ROWS):
            i = min(row, m - _ROWS)
            _tile(depth, a, i * a_row, a_row, a_step, b, j, n, c, i * n + j, n, True)
        _finish(C[:, j : j + width], bias[j : j + width], relu)


@_jit
def _shared_tiles(a, a_row, a_step, b, C, bias, relu, j0, j1, turn):
    begin(turn)
    _tiles(a, a_row, a_step, b, C, bias, relu, j0, j1)
    end(turn)


@_jit
def _finish(y, bias, relu):
    """Add a bias that is not empty, then apply relu if asked for, to what is in the cache."""
    if relu and len(bias):
        _add_bias_relu(y, bias)
    elif relu:
        _add_bias_relu(y, None)
    elif len(bias):
        _add_bias(y, bias)


def _square(x, x0, x_row, y, y0, y_row, turned):
    """Copy a square of one vector a side, transposed if ``turned``; as the compiled one does."""
    rows, columns = np.arange(_lanes(x))[:, None], np.arange(_lanes(x))
    square = x[x0 + x_row * rows + columns]
    y[y0 + y_row * rows + columns] = square.T if turned else square


@numba.extending.overload(_square, inline="always")
def _compiled_square(x, x0, x_row, y, y0, y_row, turned):
    def call(x, x0, x_row, y, y0, y_row, turned):
        _square_in_registers(x, x0, x_row, y, y0, y_row, turned)

    return call


@numba.extending.intrinsic
def _square_in_registers(_, x, x0, x_row, y, y0, y_row, turned):
    """Emit the square's instructions, since the compiler would turn it number by number."""
    lanes = _VECTOR_BYTES * 8 // x.dtype.bitwidth

    def emit(context, builder, signature, arguments):
        vector = ir.VectorType(context.get_value_type(x.dtype), lanes)
        in_x, in_y = (_element(context, builder, signature, arguments, k) for k in (0, 3))
        x_row, y_row, turned = (arguments[k] for k in (2, 5, 6))
        index = x_row.type

        def rows(start, stride):
            rows = (builder.gep(start, [builder.mul(index(r), stride)]) for r in range(lanes))
            return [builder.bitcast(row, vector.as_pointer()) for row in rows]

        def choose(lanes_of_both):
            lane = ir.IntType(32)
            return ir.Constant(ir.VectorType(lane, lanes), [lane(q) for q in lanes_of_both])

        def store(values):
            for value, row in zip(values, rows(in_y, y_row), strict=True):
                builder.store(value, row, align=4)

        values = [builder.load(row, align=4) for row in rows(in_x, x_row)]
        with builder.if_else(turned) as (then, otherwise):
            with otherwise:
                store(values)
            with then:
                half = lanes // 2
                while half:  # exchange the off-diagonal quarters of squares of 2 half
                    top = choose([q - half + lanes if q & half else q for q in range(lanes)])
                    bottom = choose([q + lanes if q & half else q + half for q in range(lanes)])
                    for r in range(lanes):
                        if not r & half:
                            pair = values[r], values[r + half]
                            values[r] = builder.shuffle_vector(*pair, top)
                            values[r + half] = builder.shuffle_vector(*pair, bottom)
                    half //= 2
                store(values)
        return context.get_dummy_value()

    return numba.types.void(x, x0, x_row, y, y0, y_row, turned), emit


@_jit
def _copy(x, x0, x_row, n_rows, n_columns, turned, y, y0, y_row):
    """Copy a rectangle of x to y, transposed if ``turned``, square by square."""
    side = _lanes(x)
    for i in range(0, n_rows, side):
        for j in range(0, n_columns, side):
            to = y0 + (j * y_row + i if turned else i * y_row + j)
            if i + side <= n_rows and j + side <= n_columns:
                _square(x, x0 + i * x_row + j, x_row, y, to, y_row, turned)
            else:
                for r in range(min(side, n_rows - i)):
                    for s in range(min(side, n_columns - j)):
                        there = s * y_row + r if turned else r * y_row + s
                        y[to + there] = x[x0 + (i + r) * x_row + j + s]


@_jit
def _packed(A, a_turned, B, b_turned, C, add, bias, relu, j0, j1, turn):
    """Compute the columns j0 to j1 of C = A B, or of C += A B if ``add``.

    A (m, depth) and B (depth, n) have contiguous rows, or their transposes do if so ``turned``.
    A bias that is not empty is added, and then relu applied if asked for.
    """
    begin(turn)
    (m, n), depth = C.shape, A.size // len(C)
    a_row, b_row = A.shape[1], B.shape[1]
    A, B, flat = A.ravel(), B.ravel(), C.ravel()
    width, group = 2 * _lanes(C), _group(C)
    slab = -(-depth // -(-depth // _SLAB))  # as few as go, of the same size
    block = group * -(-min(m, _BLOCK if slab > 64 else 1) // group)
    panels = np.empty(-(-(j1 - j0) // width) * slab * width, C.dtype)
    a, scratch = np.zeros(block * slab, C.dtype), np.empty(_ROWS * width, C.dtype)
    for k0 in range(0, depth, slab):
        d = min(slab, depth - k0)
        _pack_panels(B, b_row, b_turned, k0, d, j0, j1, panels, slab)
        for i0 in range(0, m, block):
            rows = min(block, m - i0)
            _pack_rows(A, a_row, a_turned, i0, rows, k0, d, a, slab)
            for j in range(j0, j1, width):
                panel, columns, c = (j - j0) * slab, min(width, j1 - j), i0 * n + j
                fresh = k0 == 0 and not add
                _multiply(
                    a, a_turned, slab, rows, panels, panel, d, columns, flat, c, n, fresh, scratch
                )
            if k0 + d == depth:
                _finish(C[i0 : i0 + rows, j0:j1], bias[j0:j1], relu)
    end(turn)


@_jit
def _pack_panels(B, b_row, b_turned, k0, d, j0, j1, panels, slab):
    """Copy the rows k0 to k0 + d of B into panels, reading B in the order it lies in."""
    width = 2 * _lanes(B)
    step = d if b_turned else _lanes(B)
    for k in range(0, d, step):
        n_rows = min(step, d - k)
        for j in range(j0, j1, width):
            to, columns = (j - j0) * slab + k * width, min(width, j1 - j)
            if columns < width:
                panels[to : to + n_rows * width] = 0
            b0 = j * b_row + k0 + k if b_turned else (k0 + k) * b_row + j
            rows, columns = (columns, n_rows) if b_turned else (n_rows, columns)
            _copy(B, b0, b_row, rows, columns, b_turned, panels, to, width)


@_jit
def _pack_rows(A, a_row, a_turned, i0, n_rows, k0, d, a, slab):
    """Copy the columns k0 to k0 + d of some rows of A, in groups that lie as A does."""
    group = _group(A)
    for i in range(0, n_rows, group):
        rows = min(group, n_rows - i)
        a0 = k0 * a_row + i0 + i if a_turned else (i0 + i) * a_row + k0
        rows, columns, row = (d, rows, group) if a_turned else (rows, d, slab)
        _copy(A, a0, a_row, rows, columns, False, a, i * slab, row)


@_jit
def _multiply(a, a_turned, slab, rows, panels, panel, d, columns, C, c, n, fresh, scratch):
    """Multiply packed rows by one panel, tile by tile; what hangs over C goes by a scratch."""
    width, group = 2 * _lanes(C), _group(C)
    a_row, a_step = (1, group) if a_turned else (slab, 1)
    for i in range(0, rows, _ROWS):
        a0, c0 = i // group * group * slab + i % group * a_row, c + i * n
        if i + _ROWS <= rows and columns == width:
            _tile(d, a, a0, a_row, a_step, panels, panel, width, C, c0, n, fresh)
        else:
            _tile(d, a, a0, a_row, a_step, panels, panel, width, scratch, 0, width, True)
            for r in range(min(_ROWS, rows - i)):
                for s in range(columns):
                    x, at = scratch[r * width + s], c0 + r * n + s
                    C[at] = x if fresh else C[at] + x


_NO_BIAS = {char: np.empty(0, char) for char in "fd"}


def _product_into(C, A, B, *, add=False, bias=None, relu=False):
    """Compute C = A B, C += A B, C = A B + bias or C = relu(A B + bias), and return C."""
    if not C.flags.c_contiguous:
        C[...] = _product_into(np.ascontiguousarray(C), A, B, add=add, bias=bias, relu=relu)
        return C
    A, a_turned = _by_rows(A)
    B, b_turned = _by_rows(B)
    bias = _NO_BIAS[C.dtype.char] if bias is None else bias
    n = C.shape[1]
    if not (b_turned or add) and _packing_does_not_pay(C, B):
        a_row, a_step = (1, A.shape[1]) if a_turned else (A.shape[1], 1)
        a, b = A.ravel(), B.ravel()

        def columns(j0, j1, turn):
            _shared_tiles(a, a_row, a_step, b, C, bias, relu, j0, j1, turn)
    else:

        def columns(j0, j1, turn):
            _packed(A, a_turned, B, b_turned, C, add, bias, relu, j0, j1, turn)

    share(columns, n, grain=2 * _lanes(C), most=A.size * n // A_THREAD)
    return C


def _tile_fits(shape, B):
    return shape[0] >= _ROWS and shape[1] >= 2 * _lanes(B)


def _packing_does_not_pay(C, B):
    """Say whether B is small, used for few rows, and does not lie badly; with room for a tile.

    Rows of B a multiple of 2048 bytes apart all want the same few places in the cache.
    """
    few = len(C) <= 128 and B.size <= 2**21
    return few and _tile_fits(C.shape, B) and B.shape[1] * B.itemsize % 2048 != 0


def product_packed(A, B):
    """Multiply slab by slab, on one core: B's slab is packed, C's tiles stay in registers."""
    _check_factors(A, B)
    if A.size == 0 or B.size == 0:
        return np.zeros((len(A), B.shape[1]), A.dtype)
    C = np.empty((len(A), B.shape[1]), A.dtype)
    _packed(*_by_rows(A), *_by_rows(B), C, False, _NO_BIAS[C.dtype.char], False, 0, len(C.T), ALONE)
    return C


def product(A, B):
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
    return _product_into(np.empty((m, n), A.dtype), A, B)


def _check_factors(A, B):
    arrays = isinstance(A, np.ndarray) and isinstance(B, np.ndarray)
    if not arrays or A.dtype != B.dtype or A.dtype.char not in "fd":
        got = [getattr(X, "dtype", type(X).__name__) for X in (A, B)]
        raise TypeError(f"A and B must both be float32 or both float64, got {got[0]} and {got[1]}")
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[0]:
        raise ValueError(f"A and B must be (m, depth) and (depth, n), got {A.shape} and {B.shape}")


def _by_rows(x):
    """Return x or its transpose, whichever has contiguous rows, and whether it was turned."""
    if x.flags.c_contiguous:
        return x, False
    if x.flags.f_contiguous:
        return x.T, True
    return np.ascontiguousarray(x), False
