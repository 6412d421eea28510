"""Keep the numbers of chapter 5: ``python -m benchmarks.ladder``.

What is measured is what the page shows. The code cells of the chapter with the tag ``setup`` and
those with the tag ``measures`` run in their order, several times over, and fill the dict ``live``:
groups of numbers, by name. Their medians go to ``results/ladder.json``, which the chapter shows
beside what the reader's machine gives.
"""

import argparse
import contextlib
import itertools
import json
import os
import platform
from pathlib import Path

import jupytext
import numpy as np

from vae_numpy.files import write_file
from vae_numpy.kernels import product
from vae_numpy.kernels.jit import jit_in_memory

from .__main__ import RESULTS, machine
from .timing import interleave

CHAPTER = Path(__file__).parents[1] / "book" / "05_fast_matrices.md"
QUIET = 0.5  # processes that want to run beside this one, by the mean of the last minute


def main(arguments=None):
    """Measure, and write the medians with what they were measured on."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladder", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of the chapter's cells")
    parser.add_argument("--to", type=Path, default=RESULTS / "ladder.json")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    rounds = []
    for k in range(options.rounds):
        print(f"round {k + 1} of {options.rounds}")
        rounds.append({**measure(), "orders": orders(), "addresses": addresses()})
    run = {
        "machine": {**machine(), **processor()},
        "made": {
            "command": f"python -m benchmarks.ladder --rounds {options.rounds}",
            "load_before": load,
            "condition": condition(load),
        },
        "results": combine(rounds, np.median),
        "largest_over_smallest": combine(rounds, lambda x: max(x) / min(x)),
    }
    write_file(options.to, (json.dumps(run, indent=1) + "\n").encode())
    print(f"written: {options.to}, made on {run['made']['condition']}")


def condition(load):
    """Say whether the machine had anything else to do."""
    if load is None:
        return "a machine whose load is not known"
    return f"a {'quiet' if load < QUIET else 'busy'} machine"


def cells(*tags, chapter=CHAPTER):
    """Return the sources of the chapter's code cells with one of the tags, in their order."""
    notebook = jupytext.read(chapter)
    return [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and set(tags) & set(cell.metadata.get("tags", []))
    ]


def measure():
    """Run the chapter's measuring cells; returns what they found, by group and name."""
    names = {"__name__": "chapter"}
    for source in cells("setup", "measures"):
        exec(compile(source, CHAPTER.name, "exec"), names)  # the book's own code
    return {group: dict(numbers) for group, numbers in names["live"].items()}


def combine(rounds, how):
    """Put the same number of all rounds together."""
    return {
        group: {name: float(how([r[group][name] for r in rounds])) for name in rounds[0][group]}
        for group in rounds[0]
    }


def processor():
    """Name the processor's model and its caches, where the system tells."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((x.partition(": ")[2] for x in lines if x.startswith("model name")), model)
    caches = {}
    for folder in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        with contextlib.suppress(OSError):
            level, kind, size = (
                (folder / name).read_text().strip() for name in ("level", "type", "size")
            )
            if kind != "Instruction":
                caches[f"L{level}"] = size
    return {
        "model": model,
        "caches": dict(sorted(caches.items())),
        "vector_bytes": product.VECTOR_BYTES,
    }


# What takes too long for the page, or would give away the answer of an exercise.


def orders(width=256):
    """Time the loops in all six orders; returns billions of operations per second."""
    rng = np.random.default_rng(0)
    A, B = rng.normal(size=(2, width, width)).astype(np.float32)
    contestants = {}
    for order in map("".join, itertools.permutations("ijk")):
        multiply, C = in_order(order), np.zeros_like(A)
        assert np.allclose(multiply(A, B, C), A @ B, atol=1e-3)
        contestants[order] = lambda f=multiply, C=C: f(A, B, C)
    turns = interleave(contestants, budget=2, rest=0, turn=0.05)
    return {order: 2e-9 * width**3 / min(times) for order, times in turns.items()}


def addresses(widths=(1000, 1024, 1048)):
    """Time tiles where rows are 4096 bytes apart, and beside it; in the same unit."""
    rng = np.random.default_rng(0)
    pairs = {n: rng.normal(size=(2, n, n)).astype(np.float32) for n in widths}
    contestants = {n: lambda A=A, B=B: product.product_tiles(A, B) for n, (A, B) in pairs.items()}
    turns = interleave(contestants, budget=2, rest=0, turn=0.05)
    return {f"tiles, {n}": 2e-9 * n**3 / min(times) for n, times in turns.items()}


def in_order(order):
    """Compile the three loops of C += A B, the outermost named first."""
    if order.endswith("k"):  # the sum stays at hand, as in the library's own product_ijk
        opening, inner, closing = "total = C[i, j]", "total += A[i, k] * B[k, j]", "C[i, j] = total"
    else:
        opening, inner, closing = "", "C[i, j] += A[i, k] * B[k, j]", ""
    sizes = {"i": "len(A)", "j": "B.shape[1]", "k": "len(B)"}
    x, y, z = order
    code = f"""
def multiply(A, B, C):
    for {x} in range({sizes[x]}):
        for {y} in range({sizes[y]}):
            {opening}
            for {z} in range({sizes[z]}):
                {inner}
            {closing}
    return C
"""
    names = {}
    exec(code, names)
    return jit_in_memory(names["multiply"])


if __name__ == "__main__":
    main()
