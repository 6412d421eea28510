"""Measure everything side by side: ``python -m benchmarks [--quick] [--only NAME ...]``."""

import argparse
import json
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import matplotlib.pyplot as plt
from threadpoolctl import threadpool_info

from vae_numpy import kernels
from vae_numpy.files import write_file
from vae_numpy.kernels.threads import n_threads

from . import fitting, products, startup, steps
from .networks import CONVOLUTIONAL

RESULTS = Path(__file__).parent / "results"
NAMES = ("startup", "products", "steps", "convolutions", "threads", "fitting")


def main(arguments=None):
    """Run what is asked for, print it, and write it as JSON and as a picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME")
    parser.add_argument("--to", type=Path, default=RESULTS, help="the folder to write to")
    options = parser.parse_args(arguments)
    scale = 0.1 if options.quick else 1
    started = time.time()
    results = {"machine": machine()}
    for name in (name for name in NAMES if name in options.only):  # startup in a small process
        print(f"\n{name}")
        if name == "startup":
            results[name] = startup.run(repeats=1 if options.quick else 3)
        elif name == "products":
            limits, budget = products.limits(), 1.5 * scale
            rows = products.run(budget=budget)
            rows += products.convolutions(budget=budget, peak=limits["operations_per_second"])
            results[name] = {"limits": limits, "rows": rows}
        elif name == "steps":
            results[name] = steps.run(budget=25 * scale)
        elif name == "convolutions":
            results[name] = steps.run(budget=25 * scale, networks=CONVOLUTIONAL)
        elif name == "threads":
            results[name] = steps.threads(budget=12 * scale)
        else:
            results[name] = fitting.run(budget=15 * scale)
    results["seconds"] = round(time.time() - started)
    options.to.mkdir(parents=True, exist_ok=True)
    file = options.to / "benchmarks.json"
    write_file(file, (json.dumps(results, indent=1) + "\n").encode())
    draw(results, options.to / "benchmarks.png")
    print(f"\nwritten: {file} and benchmarks.png, after {results['seconds']} s")


def machine():
    """Say what was measured on what, without a name of the machine."""
    packages = {}
    for name in ("numpy", "numba", "scikit-learn", "torch", "jax"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = None
    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": n_threads(),
        "blas": sorted({f"{p['internal_api']} {p['version']} {p['architecture']}" for p in blas}),
        "backend": kernels.backend(),
        "python": platform.python_version(),
        "packages": packages,
        "date": time.strftime("%Y-%m-%d"),
    }


def draw(results, file):
    """Draw how many times as fast ours is, and the roofline of the products."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    rows = results.get("steps", []) + results.get("convolutions", [])
    peers = list(rows[0]["ours_times_as_fast"]) if rows else []
    for k, (peer, colour) in enumerate(zip(peers, ("#0072B2", "#E69F00", "#009E73"), strict=False)):
        times = [row["ours_times_as_fast"][peer] for row in rows]
        left.barh(
            [i + 0.27 * (k - 1) for i in range(len(rows))],
            [t["median"] for t in times],
            0.25,
            xerr=[
                [t["median"] - t["low"] for t in times],
                [t["high"] - t["median"] for t in times],
            ],
            color=colour,
            label=peer,
        )
    if rows:
        left.axvline(1, color="black", lw=1)
        left.set(xlabel="a training step: ours is so many times as fast")
        left.set_yticks(
            range(len(rows)), [f"{row['network']}\nbatch {row['batch']}" for row in rows]
        )
        left.invert_yaxis()
    if peers:
        left.legend(loc="lower right")
    if "products" in results:
        products.draw(right, results["products"]["rows"], results["products"]["limits"])
    figure.savefig(file, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
