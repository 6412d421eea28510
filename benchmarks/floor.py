"""Where the time of a training step goes, and the least that the machine allows for each part.

Every kernel that a step calls is recorded with its arguments and called again by itself, in turns
with the whole step. What a part takes at least is the larger of two times (chapter 5): its
operations at the peak of all cores, and its bytes, each array once, at what memory delivers to
them. Arrays that stay in a cache come faster than that; arithmetic never does.
"""

from contextlib import contextmanager

import numba
import numpy as np

from vae_numpy import kernels
from vae_numpy.kernels.threads import n_threads
from vae_numpy.kernels.turns import begin, end, share

from .networks import NETWORKS
from .ours import Ours
from .products import limits
from .timing import interleave, summary

# What kernels do. A layer's products are what it takes without a bias, as the identity; the rest of
# its time goes to its activation.
PARTS = ("products", "activations", "loss", "optimiser")
LOSSES = ("bernoulli_nll", "gaussian_kl")


def run(*, budget, networks=NETWORKS):
    """Take a step of ours on each network apart; returns the machine's limits and a list."""
    bounds = {
        "operations_per_second": n_threads() * limits()["operations_per_second"],
        "bytes_per_second": bandwidth(),
        "hand_over_seconds": hand_over(),
    }
    print(
        f"  {n_threads()} threads: {1e-9 * bounds['operations_per_second']:.0f} billion operations "
        f"and {1e-9 * bounds['bytes_per_second']:.0f} GB a second at most; to hand over a job "
        f"takes {1e6 * bounds['hand_over_seconds']:.1f} us"
    )
    return {"limits": bounds, "rows": [_row(network, bounds, budget) for network in networks]}


def _row(network, bounds, budget):
    ours = Ours(network, *network.arrays())
    with ours.threads():
        ours.step()
        with recorded() as calls:
            ours.step()
        work = {"step": ours.step} | {
            name: lambda group=group: [kernel(*args, **more) for kernel, args, more in group]
            for name, group in _groups(calls).items()
        }
        times = interleave(work, budget=budget, rest=0, turn=budget / 25)
    times["activations"] = times.pop("dense layers") - times["products"]
    times["Python"] = times["step"] - sum(times[part] for part in PARTS)
    least = {
        part: {
            "arithmetic": operations / bounds["operations_per_second"],
            "memory": numbers * ours.flat.value.itemsize / bounds["bytes_per_second"],
        }
        for part, (operations, numbers) in needs(calls).items()
    }
    row = {
        "network": network.name,
        "batch": network.batch,
        "seconds": {name: summary(t) for name, t in times.items()},
        "least": least,
        "floor": sum(max(bound.values()) for bound in least.values()),
    }
    _print(row)
    return row


@contextmanager
def recorded():
    """Record the calls of kernels inside a block, in a list of (name, kernel, arguments, more)."""
    calls = []

    def recorder(name, kernel):
        def call(*arguments, **more):
            calls.append((name, kernel, arguments, more))
            return kernel(*arguments, **more)

        return call

    real = {name: getattr(kernels, name) for name in kernels.KERNELS}
    vars(kernels).update({name: recorder(name, kernel) for name, kernel in real.items()})
    try:
        yield calls
    finally:
        vars(kernels).update(real)


def _groups(calls):
    """Sort recorded calls into what is timed together."""
    groups = {"products": [], "dense layers": [], "loss": [], "optimiser": []}
    for name, kernel, arguments, more in calls:
        if name == "dense_forward":
            x, W, *_ = arguments
            groups["products"].append((kernel, (x, W, None, "identity"), more))
        elif name == "dense_backward":
            dy, x, y, W, _, dW, _ = arguments
            groups["products"].append((kernel, (dy, x, y, W, "identity", dW, None), more))
        if name == "adam_step":  # on copies, or the same gradient would be followed for ever
            arguments = [x.copy() if isinstance(x, np.ndarray) else x for x in arguments]
        kind = "loss" if name in LOSSES else "optimiser" if name == "adam_step" else "dense layers"
        groups[kind].append((kernel, arguments, more))
    return groups


def needs(calls):
    """Count what each part has to compute, and the numbers that it has to read and to write.

    Returns
    -------
    dict of [operations, numbers]
        The operations of products only: the others wait for memory.
    """
    parts = {part: np.zeros(2) for part in PARTS}
    for name, _, arguments, more in calls:
        if name == "dense_forward":
            x, W, *_ = arguments
            y = len(x) * W.shape[1]
            parts["products"] += 2 * y * len(W), x.size + W.size + y
            parts["activations"] += 0, 2 * y  # reads a, writes y
        elif name == "dense_backward":
            dy, x, _, W, *_ = arguments
            n_products = 1 + more.get("need_dx", True)
            parts["products"] += (
                n_products * 2 * dy.size * len(W),
                n_products * (dy.size + x.size + W.size),
            )
            parts["activations"] += 0, 3 * dy.size  # reads dy and y, writes da
        elif name in LOSSES:  # reads two arrays; writes a gradient in one of them, or in both
            parts["loss"] += 0, (3 if name == "bernoulli_nll" else 4) * arguments[0].size
        elif name == "adam_step":  # reads value, gradient and two averages; writes all but one
            parts["optimiser"] += 0, 7 * arguments[0].size
    return parts


def bandwidth():
    """Measure the bytes per second that memory delivers to all cores together."""
    x = np.ones(2**26, np.float32)
    sums = np.empty(n_threads())

    def part(i, j, turn):
        sums[i * n_threads() // len(x)] = _sum(x[i:j], turn)

    return x.nbytes / min(_turns(lambda: share(part, len(x), grain=1)))


def hand_over():
    """Measure the seconds that a job takes which is shared and empty."""
    return min(_turns(lambda: share(lambda i, j, turn: _nothing(turn), n_threads(), grain=1)))


def _turns(function):
    return interleave({"": function}, budget=1, rest=0, turn=0.1)[""]


@numba.njit(nogil=True, fastmath={"reassoc"})
def _sum(x, turn):
    begin(turn)
    s = np.float32(0)
    for i in range(len(x)):
        s += x[i]
    end(turn)
    return s


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
