"""Tiles: what a product keeps in the processor's registers.

C = A B is cut into tiles of ROWS rows and two vectors, each of which stays in registers while A and
B go by. Compilers do not find this by themselves, so the instructions are spelt out here. Arrays
are flat: x0 is where a piece of x starts, x_row how far it is from one of its rows to the next.
"""

import math
from contextlib import contextmanager

import llvmlite.binding
import numba
import numba.extending
import numpy as np
from llvmlite import ir
from numba.core import cgutils

from vae_numpy.kernels.jit import element, jit

_FEATURES = llvmlite.binding.get_host_cpu_features()
VECTOR_BYTES = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx2") else 16
# As many as the registers hold: 16 of them on x86 before AVX-512, else 32.
ROWS = 6 if _FEATURES.get("sse2") and not _FEATURES.get("avx512f") else 8


def lanes_of(x):
    """How many numbers of x's type a vector holds; a constant where it is compiled."""
    return VECTOR_BYTES // x.itemsize


@numba.extending.overload(lanes_of, inline="always")
def _compiled_lanes(x):
    lanes = VECTOR_BYTES * 8 // x.dtype.bitwidth
    return lambda x: lanes


def group_of(x):
    """How many rows of A are packed together: whole vectors and whole tiles; a constant too."""
    return math.lcm(lanes_of(x), ROWS)


@numba.extending.overload(group_of, inline="always")
def _compiled_group(x):
    group = math.lcm(VECTOR_BYTES * 8 // x.dtype.bitwidth, ROWS)
    return lambda x: group


def tile(depth, a, a0, a_row, a_step, b, b0, b_row, c, c0, c_row, fresh):
    """Compute a tile of C, or add to it unless ``fresh``; this is what the compiled one does.

    A tile is ROWS rows of two vectors; a_step is from one number of a row of A to the next.
    """
    rows, columns, steps = np.arange(ROWS)[:, None], np.arange(2 * lanes_of(b)), np.arange(depth)
    A, B = a[a0 + a_row * rows + a_step * steps], b[b0 + b_row * steps[:, None] + columns]
    places = c0 + c_row * rows + columns
    c[places] = A @ B if fresh else c[places] + A @ B


@numba.extending.overload(tile, inline="always")
def _compiled_tile(depth, a, a0, a_row, a_step, b, b0, b_row, c, c0, c_row, fresh):
    def call(depth, a, a0, a_row, a_step, b, b0, b_row, c, c0, c_row, fresh):
        _tile_in_registers(depth, a, a0, a_row, a_step, b, b0, b_row, c, c0, c_row, fresh)

    return call


@numba.extending.intrinsic
def _tile_in_registers(_, depth, a, a0, a_row, a_step, b, b0, b_row, c, c0, c_row, fresh):
    def emit(context, builder, signature, arguments):
        in_a, in_b, in_c = (element(context, builder, signature, arguments, k) for k in (1, 5, 8))
        depth, a_row, a_step, b_row, c_row, fresh = (arguments[k] for k in (0, 3, 4, 7, 10, 11))
        rows_of_a = [builder.gep(in_a, [builder.mul(depth.type(r), a_row)]) for r in range(ROWS)]

        @contextmanager
        def steps():
            with cgutils.for_range(builder, depth) as loop:
                yield builder.mul(loop.index, a_step), builder.mul(loop.index, b_row)

        _emit_tile(builder, steps, rows_of_a, in_b, in_c, c_row, fresh)
        return context.get_dummy_value()

    types = depth, a, a0, a_row, a_step, b, b0, b_row, c, c0, c_row, fresh
    return numba.types.void(*types), emit


def patch_tile(runs, run, a, places, p0, a_run, a_step, b, b0, c, c0, width, fresh):
    """Compute a tile as ``tile`` does, of an A whose rows lie scattered and overlap, as patches do.

    A row of A starts where ``places`` says, from p0 on. It is ``runs`` runs of ``run`` numbers,
    a_run from one to the next; B and C have rows of ``width`` numbers.
    """
    rows, columns = places[p0 : p0 + ROWS, None], np.arange(2 * lanes_of(b))
    steps = a_run * np.arange(runs)[:, None] + a_step * np.arange(run)
    A, B = a[rows + steps.ravel()], b[b0 + width * np.arange(runs * run)[:, None] + columns]
    at = c0 + width * np.arange(ROWS)[:, None] + columns
    c[at] = A @ B if fresh else c[at] + A @ B


@numba.extending.overload(patch_tile, inline="always")
def _compiled_patch_tile(runs, run, a, places, p0, a_run, a_step, b, b0, c, c0, width, fresh):
    def call(runs, run, a, places, p0, a_run, a_step, b, b0, c, c0, width, fresh):
        _patch_tile_in_registers(
            runs, run, a, 0, places, p0, a_run, a_step, b, b0, c, c0, width, fresh
        )

    return call


@numba.extending.intrinsic
def _patch_tile_in_registers(
    _, runs, run, a, a0, places, p0, a_run, a_step, b, b0, c, c0, width, fresh
):
    def emit(context, builder, signature, arguments):
        in_a, at, in_b, in_c = (
            element(context, builder, signature, arguments, k) for k in (2, 4, 8, 10)
        )
        runs, run, a_run, a_step, width, fresh = (arguments[k] for k in (0, 1, 6, 7, 12, 13))
        starts = (builder.load(builder.gep(at, [run.type(r)])) for r in range(ROWS))
        rows_of_a = [builder.gep(in_a, [start]) for start in starts]

        @contextmanager
        def steps():
            outer = cgutils.for_range(builder, runs)
            inner = cgutils.for_range(builder, run)
            with outer as i, inner as k:
                along_a = builder.mul(i.index, a_run), builder.mul(k.index, a_step)
                row_of_b = builder.add(builder.mul(i.index, run), k.index)
                yield builder.add(*along_a), builder.mul(row_of_b, width)

        _emit_tile(builder, steps, rows_of_a, in_b, in_c, width, fresh)
        return context.get_dummy_value()

    types = runs, run, a, a0, places, p0, a_run, a_step, b, b0, c, c0, width, fresh
    return numba.types.void(*types), emit


def _emit_tile(builder, steps, rows_of_a, in_b, in_c, c_row, fresh):
    """Emit a tile's instructions: no loop in Python keeps 2 ROWS vectors in registers.

    ``steps`` opens the loop, and says how far into the rows of A, and into B, a step is.
    """
    number = in_b.type.pointee
    lanes = VECTOR_BYTES // (4 if number == ir.FloatType() else 8)
    vector, size, lane = ir.VectorType(number, lanes), c_row.type, ir.IntType(32)
    first = ir.Constant(ir.VectorType(lane, lanes), None)  # lane 0, for all lanes

    def pair(start):
        start = builder.bitcast(start, vector.as_pointer())
        return [builder.gep(start, [size(v)]) for v in range(2)]

    rows_of_c = [builder.gep(in_c, [builder.mul(size(r), c_row)]) for r in range(ROWS)]
    targets = [target for row in rows_of_c for target in pair(row)]
    sums = [cgutils.alloca_once(builder, vector) for _ in targets]
    with builder.if_else(fresh) as (then, otherwise):
        with then:
            for total in sums:
                builder.store(ir.Constant(vector, None), total)
        with otherwise:
            for total, target in zip(sums, targets, strict=True):
                builder.store(builder.load(target, align=4), total)
    with steps() as (along_a, along_b):
        row_of_b = [builder.load(v, align=4) for v in pair(builder.gep(in_b, [along_b]))]
        for r in range(ROWS):
            x = builder.load(builder.gep(rows_of_a[r], [along_a]))
            x = builder.insert_element(ir.Constant(vector, ir.Undefined), x, lane(0))
            x = builder.shuffle_vector(x, x, first)
            for v in range(2):
                total = sums[2 * r + v]
                term = builder.fmul(x, row_of_b[v], flags=("contract",))
                term = builder.fadd(builder.load(total), term, flags=("contract",))
                builder.store(term, total)
    for total, target in zip(sums, targets, strict=True):
        builder.store(builder.load(total), target, align=4)


def _square(x, x0, x_row, y, y0, y_row, turned):
    """Copy a square of one vector a side, transposed if ``turned``; as the compiled one does."""
    rows, columns = np.arange(lanes_of(x))[:, None], np.arange(lanes_of(x))
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
    lanes = VECTOR_BYTES * 8 // x.dtype.bitwidth

    def emit(context, builder, signature, arguments):
        vector = ir.VectorType(context.get_value_type(x.dtype), lanes)
        in_x, in_y = (element(context, builder, signature, arguments, k) for k in (0, 3))
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


@jit
def copy(x, x0, x_row, n_rows, n_columns, turned, y, y0, y_row):
    """Copy a rectangle of x to y, transposed if ``turned``, square by square."""
    side = lanes_of(x)
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
