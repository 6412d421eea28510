"""The checks of chapter 5 on kernels. Nothing is timed but in the project."""

import dis
import time

import numpy as np

from vae_numpy.exercises.catalogue import exercise

try:
    from vae_numpy.kernels.jit import NumbaError, jit_in_memory
    from vae_numpy.kernels.product import product_ijk
except ImportError:  # the project's speed is then not measured
    jit_in_memory = None

TIMES_FASTER = 3  # than ijk; the chapter's rungs are far beyond


class Watched(np.ndarray):
    """A matrix that keeps account of the order in which it is read, and of whole products.

    ``log`` counts the entries that were ``read``, how often the next one lay in another row
    (``jumps``), and lists the shapes that were handed to a ``products`` of NumPy's.
    """

    WHOLE = (np.dot, np.einsum, np.inner, np.vdot, np.tensordot, np.linalg.multi_dot)

    def __new__(cls, matrix):
        self = np.asarray(matrix).view(cls)
        self.log = {"read": 0, "jumps": 0, "row": None, "products": []}
        self.rows = np.broadcast_to(np.arange(len(matrix))[:, None], matrix.shape)
        return self

    def __array_finalize__(self, parent):
        self.log, self.rows = getattr(parent, "log", None), None

    def __getitem__(self, key):
        part = super().__getitem__(key)
        if self.rows is not None:
            rows = np.asarray(self.rows[key])
            if isinstance(part, Watched):
                part.rows = rows
            if rows.size:
                flat, log = rows.ravel(), self.log
                log["read"] += flat.size
                log["jumps"] += np.count_nonzero(np.diff(flat)) + (flat[0] != log["row"])
                log["row"] = flat[-1]
        return part

    def _keep_product(self, factors):
        shapes = [np.shape(factor) for factor in factors if np.ndim(factor)]
        self.log["products"].append(shapes)

    def dot(self, other, out=None):
        return np.dot(self, other)

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        if ufunc is np.matmul:
            self._keep_product(inputs)
        if out:
            kwargs["out"] = tuple(np.asarray(array) for array in out)
        return getattr(ufunc, method)(*map(_plain, inputs), **kwargs)

    def __array_function__(self, function, types, args, kwargs):
        if function in self.WHOLE:
            self._keep_product([arg for arg in args if isinstance(arg, np.ndarray)])
            return function(*map(_plain, args), **kwargs)
        return super().__array_function__(function, types, args, kwargs)


def _plain(value):
    return np.asarray(value) if isinstance(value, Watched) else value


def factors(m, depth, n, dtype=np.float32, seed=0):
    """Return two random matrices of whole numbers, so that every order gives the same sum."""
    rng = np.random.default_rng(seed)
    return (
        rng.integers(-9, 10, (m, depth)).astype(dtype),
        rng.integers(-9, 10, (depth, n)).astype(dtype),
    )


def by_definition(A, B):
    """Return the product, entry by entry, in double precision."""
    return np.array(
        [
            [sum(a * b for a, b in zip(row, c, strict=True)) for c in B.T.tolist()]
            for row in A.tolist()
        ]
    )


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
    A, B = factors(3, 5, 8)
    want = by_definition(A, B)
    A, B = Watched(A), Watched(B)
    mistakes = {
        "only the last k is in it: a row of C is a sum over k, so add to it with +=": (
            lambda A, B: np.outer(A[:, -1], B[-1])
        ),
        "each row of C goes on from the one before: start it at zero": (
            lambda A, B: np.cumsum(want, axis=0)
        ),
    }
    C = answer.gives(want, A, B, mistakes=mistakes)
    whole = A.log["products"] + B.log["products"]
    answer.holds(
        not whole,
        "that hands a loop to NumPy's own product; here the loops are yours, and a row times a "
        "number is all that is needed",
    )
    answer.holds(
        B.log["jumps"] <= B.log["read"] / 2,
        "the numbers are right, but B is read down its columns: every next number lies in another "
        "row. Put j innermost",
        [f"of {B.log['read']} numbers read, {B.log['jumps']} lay in another row than the last one"],
    )
    answer.holds(
        np.asarray(C).dtype == np.float32,
        f"C is {np.asarray(C).dtype} for factors in float32: np.zeros makes float64 unless you say "
        "A.dtype, and that is twice the bytes",
    )
    A, B = factors(4, 1, 2, np.float64)
    answer.gives(by_definition(A, B), A, B)


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
    def whole_blocks(A, B, size):
        return [length - length % size for length in (*A.shape, B.shape[1])]

    def edges_lost(A, B, size):
        m, depth, n = whole_blocks(A, B, size)
        zeros, short, right = np.zeros((len(A), B.shape[1])), np.zeros((len(A), B.shape[1])), A @ B
        zeros[:m, :n] = right[:m, :n]
        short[:m, :n] = A[:m, :depth] @ B[:depth, :n]
        return [zeros, short]

    def depth_lost(A, B, size):
        depth = whole_blocks(A, B, size)[1]
        return A[:, :depth] @ B[:depth]

    def last_block(A, B, size):
        first = (A.shape[1] - 1) // size * size
        return A[:, first:] @ B[first:]

    mistakes = {
        "the last rows and columns are lost: the sizes are no multiples of the block's": edges_lost,
        "the end of the inner index is lost: every entry misses its last products": depth_lost,
        "only the last block along the inner index is in it: add to C with +=": last_block,
    }
    for m, depth, n, size in [(7, 5, 8, 3), (6, 4, 8, 2), (2, 3, 4, 10)]:
        A, B = map(Watched, factors(m, depth, n, np.float64, seed=m))
        known = {
            line: _list(value(np.asarray(A), np.asarray(B), size))
            for line, value in mistakes.items()
        }
        answer.gives(by_definition(A, B), A, B, size, mistakes=known)
        shapes = [shape for product in A.log["products"] + B.log["products"] for shape in product]
        largest = max(shapes, key=max, default=(0,))
        answer.holds(
            max(largest) <= size,
            "the numbers are right, but the blocks are larger than size allows",
            [f"a factor of shape {largest} was multiplied; size is {size}"],
        )


def _list(value):
    return value if isinstance(value, list) else [value]


@exercise(
    "5.6",
    trains="finding a bug that hides another one's only sign",
    difficulty="medium",
    minutes=15,
    hints=[
        "Feed it a NaN. What should come out, and what does?",
        "Every comparison with NaN is False. Write down what `max(0, x)` compares, and what it "
        "returns when the answer is no.",
        "Ask the other question: `0 if x < 0 else x`. Or use `np.maximum`, which keeps a NaN.",
    ],
)
def bias_relu(answer):
    def swallowed(a, b):
        return np.where(a + b > 0, a + b, 0)

    mistakes = {
        "a NaN comes out as a number: a diverging network then looks healthy. A comparison with "
        "NaN is always False, so ask for x < 0, not for x > 0": swallowed,
        "the bias is added after the relu: negative numbers come out": (
            lambda a, b: np.maximum(a, 0) + b
        ),
        "the bias is not added": lambda a, b: np.maximum(a, 0),
        "one NaN spoils more than its own place": [
            lambda a, b: np.where(
                np.isnan(a + b).any(axis=1, keepdims=True), np.nan, swallowed(a, b)
            ),
            lambda a, b: np.where(np.isnan(a + b).any(axis=0), np.nan, swallowed(a, b)),
        ],
        "an infinity comes out as a finite number": (
            lambda a, b: np.nan_to_num(np.maximum(a + b, 0), nan=np.nan)
        ),
    }
    a, b = np.array([[1.0, -2, 3], [-4, 5, 0.5]]), np.array([0.5, 1, -4])
    plain = np.array([[1.5, 0, 0], [0, 6, 0]])
    bad, nan, inf = a.copy(), np.nan, np.inf
    bad[0, 1], bad[1, 0], bad[1, 1] = nan, -inf, inf
    kept = np.array([[1.5, nan, 0], [0, inf, 0]])
    bad_bias = np.array([[1.5, 0, nan], [0, 6, nan]])
    for given, bias, want in [
        (a, b, plain),
        (bad, b, kept),
        (a, np.array([0.5, 1, nan]), bad_bias),
    ]:
        known = {
            line: [one(given, bias) for one in _list(value)] for line, value in mistakes.items()
        }
        answer.gives(want, given, bias, mistakes=known)


@exercise(
    "5.7",
    trains="a loss that survives any input, with its gradient from the same pass",
    difficulty="hard",
    minutes=30,
    hints=[
        "On paper: with `p = 1 / (1 + e^-l)` the loss `-x log p - (1 - x) log(1 - p)` becomes "
        "`log(1 + e^l) - x l`.",
        "`e^l` overflows for a large `l`. Take it out: `log(1 + e^l) = max(l, 0) + "
        "log(1 + e^-|l|)`. The exponent is never above 0 now.",
        "The gradient in `l` is `(p - x) / N`, and `p` needs the same care: with `e = exp(-|l|)` "
        "it is `1 / (1 + e)` for `l >= 0` and `e / (1 + e)` below.",
    ],
)
def fused_bernoulli(answer):
    rng = np.random.default_rng(0)
    logits, x = 2 * rng.normal(size=(4, 3)), rng.random((4, 3))
    p = 1 / (1 + np.exp(-logits))  # fine for logits as small as these
    right = np.sum(-x * np.log(p) - (1 - x) * np.log(1 - p)) / len(x)
    loss, dlogits = answer.parts(answer(logits, x), "loss", "dlogits")
    mistakes = {
        "loss: it is a mean over the features too, D times too small: sum over them": right / 3,
        "loss: it is summed over the batch: divide by the number of rows": right * 4,
        "loss: this is the log-likelihood; the loss is minus that": -right,
        "loss: the half for x = 0 is missing: a pixel that is off costs something too": (
            -np.sum(x * np.log(p)) / 4
        ),
    }
    answer.compare(loss, right, mistakes=mistakes, names=("loss",))
    mistakes = {
        "dlogits: the 1/N is missing, as the loss is a mean over the batch": p - x,
        "dlogits: this is the gradient in the probabilities; one more step, p (1 - p), leads to "
        "the logits": [(p - x) / (p * (1 - p)) / 4, (p - x) / (p * (1 - p))],
        "dlogits: it takes the logits for probabilities; p is their sigmoid": [
            (logits - x) / 4,
            logits - x,
        ],
        "dlogits: it points the wrong way: p - x, not x - p": (x - p) / 4,
        "dlogits: the sigmoid's slope is in it twice; for this loss the two cancel": (
            (p - x) * p * (1 - p) / 4
        ),
    }
    answer.gradient(
        dlogits,
        lambda logits: np.sum(np.logaddexp(0, logits) - x * logits) / len(x),
        logits,
        name="dlogits",
        mistakes=mistakes,
        batch_size=4,
        n_features=3,
    )
    _judge_large_logits(answer)


def _judge_large_logits(answer):
    # Sure and right costs nothing, sure and wrong costs the logit, half grey half of it.
    logits = np.array([[1000.0, -1000.0, 1000.0], [-1000.0, 1000.0, 800.0]])
    x = np.array([[1.0, 0.0, 0.5], [1.0, 0.0, 1.0]])
    want, wanted = (500 + 1000 + 1000) / 2, np.array([[0, 0, 0.25], [-0.5, 0.5, 0]])
    loss, dlogits = answer(logits, x)
    details = [f"returned    loss = {loss}", f"expected    loss = {want}"]
    answer.holds(
        np.all(np.isfinite(loss)),
        "loss: not finite at a logit of 1000: either the exponential overflows, or the probability "
        "rounds to 0 and its logarithm is infinite",
        details,
    )
    answer.holds(
        loss > want / 2,
        "loss: it stops growing: the probability was clipped, and a pixel that is wrong beyond "
        "that is no longer told so",
        details,
    )
    answer.compare(loss, want, names=("loss",))
    answer.holds(
        np.all(np.isfinite(dlogits)),
        "dlogits: not finite at a logit of 1000, though the right ones are all between -1 and 1",
    )
    answer.compare(dlogits, wanted, names=("dlogits",), atol=1e-12)


@exercise(
    "5.8",
    trains="a kernel of your own, right first and fast second: a small project",
    difficulty="project",
    minutes=45,
    seconds=60,
    hints=[
        "Start with the order ikj: it is right in six lines, and many times faster than ijk.",
        "Then let several rows of A share each row of B that is fetched: four numbers of A, one of "
        "B, four entries of C.",
        "What is left over, `m % 4` rows, goes through the plain loops.",
    ],
    compare="time it against the rungs of the chapter's first figure",
)
def faster_product(answer):
    own = getattr(answer.function, "py_func", answer.function)  # compiled by the reader already?
    mistakes = {
        "the last rows are lost: the number of rows is no multiple of the step": [],
        "the end of the inner index is lost: every entry misses its last products": [],
        "the last columns are lost: their number is no multiple of the step": [],
        "a zero in A is skipped, and with it the NaN in B that it meets: 0 times NaN is NaN": [],
    }
    rows, inner, columns, skipped = mistakes
    A, B = factors(7, 5, 9)
    A[1, 2], B[2, 4] = 0, np.nan
    with np.errstate(invalid="ignore"):
        want = by_definition(A, B)
    for step in (2, 4, 8, 16):
        part = want.copy()
        part[7 - 7 % step :] = 0
        mistakes[rows].append(part)
        part = want.copy()
        part[:, 9 - 9 % step :] = 0
        mistakes[columns].append(part)
        depth = 5 - 5 % step
        mistakes[inner].append(A[:, :depth] @ B[:depth])
    mistakes[skipped] = np.where((A == 0) @ np.isnan(B) & np.isnan(want), _without_nan(A, B), want)
    C = answer.gives(want, A, B, mistakes=mistakes)
    answer.holds(
        np.asarray(C).dtype == np.float32,
        f"C is {np.asarray(C).dtype} for factors in float32: half of each vector, twice the bytes. "
        "Give np.zeros the dtype of A",
    )
    answer.holds(
        not _hands_over(own),
        "that hands the product to NumPy, which hands it to a BLAS; here the loops are yours",
    )
    if jit_in_memory is None:
        print("The values are right. numba is not installed, so the speed was not measured.")
        return
    _judge_speed(answer, own)


def _without_nan(A, B):
    """Return the product in which a zero of A takes a NaN of B with it."""
    return np.array([[sum(a * b for a, b in zip(r, c) if a) for c in B.T] for r in A])  # noqa: B905


def _hands_over(function):
    """Say whether ``@`` or one of NumPy's products stands in a function's own code."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    names = {"dot", "matmul", "einsum", "inner", "tensordot", "vdot"}
    matmul = any(step.argrepr in ("@", "@=") for step in dis.get_instructions(code))
    return matmul or bool(names & set(code.co_names))


def _judge_speed(answer, own):
    """Compile the answer as the library compiles its loops, and race it against ijk."""
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
    best = {product_ijk: np.inf, mine: np.inf}
    for _ in range(5):  # in turns, so that a busy moment hits both
        for multiply in best:
            start = time.perf_counter()
            multiply(A, B)
            best[multiply] = min(best[multiply], time.perf_counter() - start)
    ratio = best[product_ijk] / best[mine]
    answer.holds(
        ratio >= TIMES_FASTER,
        f"the values are right, but it is only {ratio:.1f} times as fast as ijk; wanted "
        f"{TIMES_FASTER}. Which index is innermost?",
        [f"{1e3 * best[mine]:.2f} ms against {1e3 * best[product_ijk]:.2f} ms at 256 x 256 x 256"],
    )
    print(f"{ratio:.1f} times as fast as ijk")
