"""The checks of chapter 5 on products. Nothing is timed but in the project."""

import dis
import time

import numpy as np

from vae_numpy.exercises.catalogue import exercise
from vae_numpy.exercises.ch05.watched import Watched, innermost

try:
    from vae_numpy.kernels.jit import NumbaError, jit_in_memory
    from vae_numpy.kernels.product import product_ikj
except ImportError:  # the project's speed is then not measured
    jit_in_memory = None

TIMES_FASTER = 1.5  # than ikj; two rows and two steps of k reach 1.8, the third rung 2.4
ROUNDS = 20  # of the race, each some thousandths of a second; the best of each side counts
GARBAGE = 1000.0  # what memory is filled with, that np.empty may hand out
ORDERS = [(3, 5, 8), (2, 6, 9), (4, 7, 10)]  # rows, inner index and columns of a watched product


def factors(m, depth, n, dtype=np.float32, seed=0):
    """Return two random matrices of whole numbers, so that every order gives the same sum."""
    rng = np.random.default_rng(seed)
    return (
        rng.integers(-9, 10, (m, depth)).astype(dtype),
        rng.integers(-9, 10, (depth, n)).astype(dtype),
    )


def by_definition(A, B):
    """Return the product, entry by entry, in double precision."""
    rows, columns = np.asarray(A).tolist(), np.asarray(B).T.tolist()
    return np.array(
        [[sum(a * b for a, b in zip(r, c, strict=True)) for c in columns] for r in rows]
    )


def watched(m, depth, n):
    """Return two factors that keep one diary."""
    A, B = factors(m, depth, n)
    A = Watched(A, "A")
    return A, Watched(B, "B", A.log)


@exercise(
    "5.4",
    trains="reading memory in the order in which it lies",
    difficulty="medium",
    minutes=15,
    hints=[
        "Which index changes fastest in memory, in `B` and in `C`? It belongs innermost.",
        "For each `i` and `k`, the row `B[k]` times the number `A[i, k]` goes into the row `C[i]`.",
        "`C` starts at zero, and `+=` adds to it: a row of C is a sum over k.",
    ],
)
def product_by_rows(answer):
    def draw(rng):
        m, depth, n = np.sort(rng.choice(np.arange(2, 10), 3, replace=False))
        return factors(m, depth, n, np.float64, seed=int(rng.integers(1000)))

    def ask(A, B):
        # What np.empty hands out is the memory that was freed last: let it be seen.
        blocks = [np.full((len(A), B.shape[1]), GARBAGE, A.dtype) for _ in range(8)]
        del blocks
        return answer(A, B)

    mistakes = {
        "only the last k is in it: a row of C is a sum over k, so add to it with +=": (
            lambda A, B: np.outer(A[:, -1], B[-1])
        ),
        "each row of C goes on from the one before: start it at zero": (
            lambda A, B: np.cumsum(by_definition(A, B), axis=0)
        ),
        "what was in memory before is in C, as np.empty leaves it there: start it at zero": (
            lambda A, B: by_definition(A, B) + GARBAGE
        ),
        "the sum over k ends at the number of A's rows; k runs over its columns": (
            lambda A, B: by_definition(A[:, : len(A)], B[: len(A)])
        ),
    }
    answer.agrees(by_definition, draw, mistakes=mistakes, call=ask)
    answer.agrees(by_definition, lambda rng: tuple(x.T for x in draw(rng)[::-1]), call=ask)
    read, results = [], []
    for shape in ORDERS:
        A, B = watched(*shape)
        C = answer.gives(by_definition(A, B), A, B)
        answer.holds(
            not A.log["products"],
            "that hands a loop to NumPy's own product; here the loops are yours, and a row times a "
            "number is all that is needed",
        )
        read.append(innermost(A.log["places"]))
        results.append(np.asarray(C).dtype)
    seen = ["the matrices were written down as they were read, in three products"]
    answer.holds(
        set(read) != {"k"},
        "the numbers are right, but B is read down its columns: every next number lies in another "
        "row. Put j innermost",
        seen,
    )
    answer.holds(
        set(read) != {"i"},
        "the numbers are right, but i is innermost: A is read down its columns, and C written down "
        "its own. Put j innermost",
        seen,
    )
    answer.holds(
        set(read) <= {"j", None},
        "the numbers are right, but B is not read along its rows; put j innermost",
        seen,
        cause=False,
    )
    answer.holds(
        set(results) == {np.dtype(np.float32)},
        f"C is {results[0]} for factors in float32: np.zeros makes float64 unless you say A.dtype, "
        "and that is twice the bytes",
    )


@exercise(
    "5.5",
    trains="cutting a product into blocks, and not losing what is left over",
    difficulty="medium",
    minutes=20,
    hints=[
        "Three loops, over the first row, the first inner index and the first column of a block: "
        "`range(0, m, size)`.",
        "A slice that reaches beyond the end stops there by itself: `A[i : i + size]` is shorter "
        "for the last block.",
        "A block of C collects one small product for each step along the inner index: `+=`.",
    ],
)
def blocked_product(answer):
    def right(A, B, size):
        return by_definition(A, B)

    def draw(rng):
        size = int(rng.integers(3, 5))
        m, depth, n = rng.permutation([1, 2, 3]) * size + rng.integers(1, size, 3)
        A, B = factors(m, depth, n, np.float64, seed=int(rng.integers(1000)))
        return A, B, size

    def below(length, size):
        return length - length % size

    def above(length, size):
        return -(-length // size) * size

    def edges_lost(A, B, size):
        C = by_definition(A, B)
        C[below(len(A), size) :] = C[:, below(B.shape[1], size) :] = 0
        return C

    def depth_lost(A, B, size):
        depth = below(len(B), size)
        return A[:, :depth] @ B[:depth]

    def both_lost(A, B, size):
        depth = below(len(B), size)
        return edges_lost(A[:, :depth], B[:depth], size)

    def last_block(A, B, size):
        first = below(len(B) - 1, size)
        return A[:, first:] @ B[first:]

    def not_cut_back(A, B, size):
        C = by_definition(A, B)
        return np.pad(C, [(0, above(length, size) - length) for length in C.shape])

    def square(A, B, size):
        end = above(len(A), size)
        C = A[:, :end] @ B[:end]
        C[:, end:] = 0
        return C

    def moved_back(A, B, size):
        """Count twice what the last block shares with the one before, if it is moved back."""

        def starts(length):
            return [max(min(i, length - size), 0) for i in range(0, length, size)]

        C = np.zeros((len(A), B.shape[1]))
        for i in starts(len(A)):
            for k in starts(len(B)):
                for j in starts(B.shape[1]):
                    block = A[i : i + size, k : k + size] @ B[k : k + size, j : j + size]
                    C[i : i + size, j : j + size] += block
        return C

    mistakes = {
        "the last rows and columns are lost: the sizes are no multiples of the block's": (
            edges_lost
        ),
        "the last rows and columns are lost, and the end of the inner index: the sizes are no "
        "multiples of the block's": both_lost,
        "the end of the inner index is lost: every entry misses its last products": depth_lost,
        "only the last block along the inner index is in it: add to C with +=": last_block,
        "C is filled up to whole blocks; cut it back to the rows and columns of A and B": (
            not_cut_back
        ),
        "the loops over columns and inner index end at A's rows; each size has its own end": square,
        "the last block is moved back to fit, and what it shares with the one before is counted "
        "twice": moved_back,
    }
    cases = [(*factors(2, 3, 4, np.float64), 10), (*factors(6, 4, 8, np.float64), 2)]
    answer.agrees(right, draw, mistakes=mistakes, n_calls=12)
    for A, B, size in cases:
        answer.gives(by_definition(A, B), A, B, size)
    largest = []
    for m, depth, n, size in [(7, 5, 8, 3), (6, 4, 9, 2), (5, 9, 7, 4)]:
        A, B = watched(m, depth, n)
        answer(A, B, size)
        shapes = [shape for product in A.log["products"] for shape in product]
        largest.append((max(shapes, key=max, default=(0,)), size))
    answer.holds(
        all(max(shape) <= size for shape, size in largest),
        "the numbers are right, but the blocks are larger than size allows",
        [f"a factor of shape {shape} was multiplied; size is {size}" for shape, size in largest],
    )


@exercise(
    "5.8",
    trains="a kernel of your own, right first and fast second: a small project",
    difficulty="project",
    minutes=45,
    seconds=60,
    hints=[
        "Start with the order ikj: it is right in six lines. Each turn loads and stores a number "
        "of C for one product.",
        "Take several steps of k at a time, so that a visit to C collects several products, and "
        "several rows of A, so that they share the numbers of B.",
        "What is left over, the last steps of k and the last rows, goes through the plain loops.",
    ],
    compare="time it against the rungs of the chapter's first figure",
)
def faster_product(answer):
    own = getattr(answer.function, "py_func", answer.function)  # compiled by the reader already?

    def draw(rng):
        m, depth, n = rng.choice(np.arange(17, 29, 2), 3, replace=False)
        A, B = factors(m, depth, n, seed=int(rng.integers(1000)))
        i, k, j = (int(rng.integers(length)) for length in (m, depth, n))
        A[i, k], B[k, j] = 0, np.nan
        return A, B

    def whole(length, step):
        return length - length % step

    def lost(rows=1, inner=1, columns=1):
        """Leave out what is left over from steps of these lengths."""

        def made(A, B):
            end = whole(len(B), inner)
            C = by_definition(A[:, :end], B[:end])
            C[whole(len(A), rows) :] = C[:, whole(B.shape[1], columns) :] = 0
            return C

        return made

    def skipped(A, B):
        return by_definition(A, np.nan_to_num(B)) + np.where((A != 0) @ np.isnan(B), np.nan, 0)

    steps = (2, 4, 8, 16)
    mistakes = {
        "the last rows are lost: the number of rows is no multiple of the step": [
            lost(rows=step) for step in steps
        ],
        "the end of the inner index is lost: every entry misses its last products": [
            lost(inner=step) for step in steps
        ],
        "the last columns are lost: their number is no multiple of the step": [
            lost(columns=step) for step in steps
        ],
        "a zero in A is skipped, and with it the NaN in B that it meets: 0 times NaN is NaN": (
            skipped
        ),
    }
    with np.errstate(invalid="ignore"):
        answer.agrees(by_definition, draw, mistakes=mistakes, n_calls=4)
    answer.holds(
        not _hands_over(own),
        "that hands the product to NumPy, which hands it to a BLAS; here the loops are yours",
    )
    results = [np.asarray(answer(*factors(*shape))).dtype for shape in ORDERS]
    answer.holds(
        set(results) == {np.dtype(np.float32)},
        f"C is {results[0]} for factors in float32: half of each vector, twice the bytes. "
        "Give np.zeros the dtype of A",
    )
    if jit_in_memory is None:
        print("The values are right. numba is not installed, so the speed was not measured.")
        return
    _judge_speed(answer, own)


def _hands_over(function):
    """Say whether ``@`` or one of NumPy's products stands in a function's own code."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    names = {"dot", "matmul", "einsum", "inner", "tensordot", "vdot"}
    matmul = any(step.argrepr in ("@", "@=") for step in dis.get_instructions(code))
    return matmul or bool(names & set(code.co_names))


def _judge_speed(answer, own):
    """Compile the answer as the library compiles its loops, and race it against ikj."""
    A, B = factors(256, 256, 256)
    mine = answer.function
    if mine is own:
        mine = jit_in_memory(own)
    try:
        C = mine(A, B)
    except NumbaError as error:
        first = [line for line in str(error).splitlines() if line.strip()][:6]
        raise answer.wrong("numba cannot compile it", first) from None
    answer.compare(C, np.matmul(A, B, dtype=np.float64), atol=0.5)
    best = {product_ikj: np.inf, mine: np.inf}
    for _ in range(ROUNDS):  # in turns, so that a busy moment hits both
        for multiply in best:
            start = time.perf_counter()
            multiply(A, B)
            best[multiply] = min(best[multiply], time.perf_counter() - start)
    ratio = best[product_ikj] / best[mine]
    if ratio < TIMES_FASTER:
        known = {
            "k": ", as B is read down its columns: k is innermost",
            "i": ", as A is read down its columns and C written so: i is innermost",
        }
        order = _order(own)
        answer.holds(
            False,
            f"the values are right, but it is only {ratio:.2g} times as fast as ikj"
            f"{known.get(order, '')}; wanted {TIMES_FASTER}",
            [
                f"{1e3 * best[mine]:.2f} ms against {1e3 * best[product_ikj]:.2f} ms at 256 x 256 "
                "x 256 in float32",
                "count the loads and stores of one turn, for each multiplication in it",
            ],
            cause=order in known,
        )
    print(f"{ratio:.2g} times as fast as ikj")


def _order(own):
    """Return the innermost index in three products of watched matrices; None if they differ."""
    orders = set()
    for shape in ORDERS:
        A, B = watched(*shape)
        own(A, B)
        orders.add(innermost(A.log["places"]))
    return orders.pop() if len(orders) == 1 else None
