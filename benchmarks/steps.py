"""A whole training step of a VAE: ours against PyTorch and JAX, after a check of fairness."""

from contextlib import ExitStack
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from vae_numpy.kernels.threads import limit

from .networks import NETWORKS
from .ours import Ours
from .startup import peak_memory
from .timing import interleave, summary, times_as_fast

TOLERANCE = 1e-4  # relative: float32 sums in another order
# Among the millions of units of a convolutional network some are zero but for rounding, and there
# relu has another slope in one library than in the next.
KINKS = 1e-2


def contestants(network):
    """Make every contestant that can be imported here, all with the same weights and noise."""
    arrays = network.arrays()
    found = [Ours(network, *arrays)]
    try:
        from .torch_peer import Torch
    except ImportError:
        print("PyTorch is not installed (the extra 'bench'); it is left out")
    else:
        found += [Torch(network, *arrays, compiled=compiled) for compiled in (False, True)]
    try:
        from .jax_peer import Jax
    except ImportError:
        print("JAX is not installed (the extra 'bench'); it is left out")
    else:
        found.append(Jax(network, *arrays))
    return found


def check_fairness(found, tolerance=TOLERANCE):
    """Check that all contestants compute the same loss and gradients.

    Raises
    ------
    AssertionError
        If a loss is off by more than ``TOLERANCE``, or a gradient by more than ``tolerance``,
        relative to its largest entry.
    """
    loss, gradients = found[0].loss_and_gradients()
    for other in found[1:]:
        other_loss, other_gradients = other.loss_and_gradients()
        assert abs(other_loss - loss) <= TOLERANCE * abs(loss), (other.name, other_loss, loss)
        for i, (a, b) in enumerate(zip(gradients, other_gradients, strict=True)):
            off = np.abs(a - b).max() / np.abs(a).max()
            assert off <= tolerance, f"{other.name}: gradient {i} is off by {off:.1e}"


def run(*, budget, networks=NETWORKS):
    """Time a step of each contestant on each network; returns a list of dicts."""
    rows = []
    for network in networks:
        found = contestants(network)
        if network.channels:
            smooth = replace(network, encoder_activation="tanh", decoder_activation="tanh")
            check_fairness(contestants(smooth))
            check_fairness(found, KINKS)
        else:
            check_fairness(found)
        turns = interleave(
            {contestant.name: contestant.step for contestant in found},
            budget=budget,
            around={found[0].name: found[0].threads},
        )
        rows.append(
            {
                "network": network.name,
                "batch": network.batch,
                "seconds": {name: summary(t) for name, t in turns.items()},
                "ours_times_as_fast": times_as_fast(turns.pop(found[0].name), turns),
            }
        )
        if network.channels:
            rows[-1] |= {"operations": network.operations, "peak_bytes": peak_memory(network)}
        print_row(rows[-1])
    return rows


def threads(*, budget, networks=NETWORKS):
    """Time our step with the library's choice of threads against every choice by hand."""
    rows = []
    for network in networks:
        ours = Ours(network, *network.arrays())
        settings = {"the library's": ours.threads}
        for blas in (1, 2):
            for own in (1, 2):
                settings[f"BLAS {blas}, own {own}"] = _by_hand(blas, own)
        turns = interleave({name: ours.step for name in settings}, budget=budget, around=settings)
        chosen = turns.pop("the library's")
        ratios = times_as_fast(chosen, turns)
        best = min(ratios, key=lambda name: ratios[name]["median"])
        rows.append(
            {
                "network": network.name,
                "seconds": summary(chosen),
                "ours_times_as_fast": ratios,
                "best_by_hand": best,
            }
        )
        print(
            f"  {network.name:20}{1e3 * rows[-1]['seconds']['median']:9.3f} ms; the best by hand, "
            f"{best}, takes {ratios[best]['median']:.2f} of that"
        )
    return rows


def _by_hand(blas, own):
    def context():
        stack = ExitStack()
        stack.enter_context(threadpool_limits(blas, "blas"))
        stack.enter_context(limit(own))
        return stack

    return context


def print_row(row):
    """Print one network's medians, and how many times as fast ours is."""
    print(f"\n  {row['network']}, batch {row['batch']}")
    for name, seconds in row["seconds"].items():
        times = row["ours_times_as_fast"].get(name)
        print(
            f"    {name:20}{1e3 * seconds['median']:9.3f} ms"
            f"  ({1e3 * seconds['low']:.3f} to {1e3 * seconds['high']:.3f})"
            + (f"   ours {times['median']:.2f} times as fast" if times else "")
        )
    if "operations" in row:
        speed = row["operations"] / row["seconds"][Ours.name]["median"]
        print(
            f"    {1e-9 * row['operations']:.2f} billion operations in its products: ours does "
            f"{1e-9 * speed:.0f} billion a second; peak memory of our process "
            f"{(row['peak_bytes'] or 0) / 2**20:.0f} MB"
        )
