"""Where the time of a training step goes, and the least that the machine allows for each part.

A clock runs in each kernel that a step calls. What a kernel takes at least is the larger of two
times (chapter 5): its operations at the peak of all cores, and its bytes, each array once, at the
rate at which as many come that are used again and again: from a cache, if they fit there. The batch
is dense; of one that is mostly zero our kernels leave out operations that are counted here.
"""

import time
from collections import defaultdict
from contextlib import contextmanager
from functools import cache

import numba
import numpy as np

from vae_numpy import kernels
from vae_numpy.kernels.threads import n_threads
from vae_numpy.kernels.turns import begin, end, share

from .networks import NETWORKS
from .ours import Ours
from .products import limits
from .timing import interleave, summary

# What kernels do. A layer's products are what it takes without a bias, as the identity, in turns
# with whole steps; the rest of its time goes to its activation, and to numbers that the other
# parts drove out of the caches. Python is what passes between one kernel and the next: the layers,
# and the arithmetic on codes, which are small.
PARTS = ("products", "activations", "loss", "optimiser")
_PART = {"bernoulli_nll": "loss", "gaussian_kl": "loss", "adam_step": "optimiser"}
MEMORY = 2**28  # bytes, more than caches hold


def run(*, budget, networks=NETWORKS):
    """Take a step of ours on each network apart; returns the machine's limits and a list."""
    bounds = {
        "operations_per_second": n_threads() * limits()["operations_per_second"],
        "bytes_per_second": bandwidth(MEMORY),
        "hand_over_seconds": hand_over(),
    }
    print(
        f"  {n_threads()} threads: {1e-9 * bounds['operations_per_second']:.0f} billion operations "
        f"and, from memory, {1e-9 * bounds['bytes_per_second']:.0f} GB a second at most; to hand "
        f"over a job takes {1e6 * bounds['hand_over_seconds']:.1f} us"
    )
    return {"limits": bounds, "rows": [_row(network, bounds, budget) for network in networks]}


def _row(network, bounds, budget):
    ours = Ours(network, *network.arrays())
    with ours.threads():
        ours.step()
        with recorded() as calls:
            ours.step()
        times = _times(ours.step, calls, budget)
    least = _least(calls, bounds["operations_per_second"])
    row = {
        "network": network.name,
        "batch": network.batch,
        "seconds": {name: summary(t) for name, t in times.items()},
        "least": least,
        "floor": sum(max(bound.values()) for bound in least.values()),
    }
    _print(row)
    return row


# What it takes ------------------------------------------------------------------------------------


def _times(step, calls, budget):
    """Time steps part by part; returns for each part an array, one entry a step."""
    parts, steps = defaultdict(list), []
    products = list(_products(calls))

    def clocked():
        spent.clear()
        start = time.perf_counter()
        step()
        steps.append(time.perf_counter() - start)
        for part in ("layers", "loss", "optimiser"):
            parts[part].append(spent[part])

    work = {"step": clocked, "products": lambda: [f(*args, **more) for f, args, more in products]}
    with _clock() as spent:
        alone = interleave(work, budget=budget, rest=0, turn=budget / 25)["products"]
    times = {"step": np.array(steps)} | {part: np.array(t) for part, t in parts.items()}
    layers = times.pop("layers")
    return times | {
        "products": alone,
        "activations": layers - np.median(alone),
        "Python": times["step"] - layers - times["loss"] - times["optimiser"],
    }


@contextmanager
def _wrapped(wrap):
    """Put ``wrap(name, kernel)`` in the place of every kernel inside a block."""
    real = {name: getattr(kernels, name) for name in kernels.KERNELS}
    vars(kernels).update({name: wrap(name, kernel) for name, kernel in real.items()})
    try:
        yield
    finally:
        vars(kernels).update(real)


@contextmanager
def _clock():
    """Add up the seconds that pass in the kernels of each part, in a dict."""
    spent = defaultdict(float)

    def clocked(name, kernel):
        part = _PART.get(name, "layers")

        def call(*arguments, **more):
            start = time.perf_counter()
            answer = kernel(*arguments, **more)
            spent[part] += time.perf_counter() - start
            return answer

        return call

    with _wrapped(clocked):
        yield spent


@contextmanager
def recorded():
    """Record the calls of kernels inside a block, in a list of (name, kernel, arguments, more)."""
    calls = []

    def recorder(name, kernel):
        def call(*arguments, **more):
            calls.append((name, kernel, arguments, more))
            return kernel(*arguments, **more)

        return call

    with _wrapped(recorder):
        yield calls


def _products(calls):
    """Yield the recorded calls of dense layers, without bias and activation."""
    for name, kernel, arguments, more in calls:
        if name == "dense_forward":
            x, W, *_ = arguments
            yield kernel, (x, W, None, "identity"), more
        elif name == "dense_backward":
            dy, x, y, W, _, dW, _ = arguments
            yield kernel, (dy, x, y, W, "identity", dW, None), more


# What it takes at least ---------------------------------------------------------------------------


def _least(calls, operations_per_second):
    """Compute the least seconds of each part, for its arithmetic and for its memory."""
    least = {part: {"arithmetic": 0.0, "memory": 0.0} for part in PARTS}
    for part, operations, numbers, size in needs(calls):
        least[part]["arithmetic"] += operations / operations_per_second
        least[part]["memory"] += 4 * numbers / bandwidth(2 ** int(np.log2(4 * size)))
    return least


def needs(calls):
    """Yield for each call its part, operations, numbers that move, and the size of its arrays.

    The operations of products only: the others wait for memory.
    """
    for name, _, arguments, more in calls:
        if name == "dense_forward":  # the activation is done where the product leaves its result
            x, W, *_ = arguments
            numbers = x.size + W.size + len(x) * W.shape[1]
            yield "products", 2 * len(x) * W.size, numbers, numbers
        elif name == "dense_backward":
            dy, x, _, W, *_ = arguments
            numbers = dy.size + x.size + W.size
            for _ in range(1 + more.get("need_dx", True)):
                yield "products", 2 * len(x) * W.size, numbers, numbers
            yield "activations", 0, dy.size, dy.size  # reads y
        elif name in _PART:  # losses read two arrays and write one gradient, or two; Adam reads
            moved, arrays = {"bernoulli_nll": (3, 3), "gaussian_kl": (4, 4), "adam_step": (7, 4)}[
                name
            ]  # value, gradient and two averages, and writes all but the gradient
            yield _PART[name], 0, moved * arguments[0].size, arrays * arguments[0].size


@cache
def bandwidth(size):
    """Measure the bytes per second that come to all cores together, of arrays of so many in all.

    They are read, or, where that is faster, some are written back as well, as an optimiser does.
    """
    arrays = [np.ones(max(size // 16, 64 * n_threads()), np.float32) for _ in range(4)]
    n, times = len(arrays[0]), max(1, 2**25 // size)  # so long that handing over hardly counts

    def work(kernel):
        def part(i, j, turn):
            kernel(*(x[i:j] for x in arrays), times, turn)

        return lambda: share(part, n, grain=64)

    turns = interleave({4: work(_read), 7: work(_rewrite)}, budget=0.4, rest=0, turn=0.002)
    return max(4 * times * n * moved / min(t) for moved, t in turns.items())


def hand_over():
    """Measure the seconds that a job takes which is shared and empty."""
    empty = {"": lambda: share(lambda i, j, turn: _nothing(turn), n_threads(), grain=1)}
    return min(interleave(empty, budget=1, rest=0, turn=0.1)[""])


@numba.njit(nogil=True, fastmath={"reassoc"})
def _read(a, b, c, d, times, turn):
    begin(turn)
    s = np.float32(0)
    for _ in range(times):
        for i in range(len(a)):
            s += a[i] + b[i] + (c[i] + d[i])
        a[0] = s  # else the compiler would skip the repetition
    end(turn)


@numba.njit(nogil=True)
def _rewrite(a, b, c, d, times, turn):
    begin(turn)
    for _ in range(times):
        for i in range(len(a)):
            a[i] += d[i]
            b[i] -= d[i]
            c[i] = d[i] - c[i]
    end(turn)


@numba.njit(nogil=True)
def _nothing(turn):
    begin(turn)
    end(turn)


def _print(row):
    step = row["seconds"]["step"]["median"]
    print(
        f"\n  {row['network']}, batch {row['batch']}: {1e3 * step:.3f} ms a step; at least "
        f"{1e3 * row['floor']:.3f} ms, which is {row['floor'] / step:.0%}"
    )
    for part in (*PARTS, "Python"):
        took = row["seconds"][part]["median"]
        bounds = row["least"].get(part, {})
        least = ", ".join(f"{name} {1e3 * s:.3f}" for name, s in bounds.items() if s)
        print(
            f"    {part:12}{1e3 * took:9.3f} ms {took / step:5.0%}   {least and 'least: ' + least}"
        )
