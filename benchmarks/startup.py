"""Import time, time to the first training step, and peak memory, each in a new process."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = """
import json, sys, time
start = time.perf_counter()
import vae_numpy
imported = time.perf_counter() - start
import numpy as np
from vae_numpy.models import VAE
x = np.random.default_rng(0).integers(0, 2, (128, 784)).astype(np.float32)
vae = VAE(20, (400,), likelihood="bernoulli", batch_size=128)
start = time.perf_counter()
vae.partial_fit(x)
step = time.perf_counter() - start
from benchmarks.startup import peak_bytes
peak = peak_bytes()
print(json.dumps({"import_seconds": imported, "first_step_seconds": step, "peak_bytes": peak}))
"""
STEPS = """
from benchmarks.networks import Network
from benchmarks.ours import Ours
from benchmarks.startup import peak_bytes
network = {}
ours = Ours(network, *network.arrays())
with ours.threads():
    for _ in range(3):
        ours.step()
print(peak_bytes() or 0)
"""


def run(*, repeats=3):
    """Measure with an empty cache of compiled kernels and with a filled one; returns a dict."""
    result = {}
    for cache in ("cold", "warm"):
        runs = []
        for _ in range(repeats):
            with tempfile.TemporaryDirectory() as folder:
                if cache == "warm":
                    _measure(folder)
                runs.append(_measure(folder))
        result[cache] = {name: sorted(run[name] for run in runs)[repeats // 2] for name in runs[0]}
        print(
            f"  {cache} cache: import {result[cache]['import_seconds']:.2f} s, first step "
            f"{result[cache]['first_step_seconds']:.2f} s, peak memory "
            f"{(result[cache]['peak_bytes'] or 0) / 2**20:.0f} MB"
        )
    return result


def peak_memory(network):
    """Measure the memory, in bytes, of a new process that trains a network for three steps.

    It holds Python, NumPy, scikit-learn and the compiler as well.
    """
    _run(STEPS.format(network))  # whatever has to be compiled is compiled
    return _run(STEPS.format(network)) or None


def peak_bytes():
    """Return the most memory that this process has had so far; None where nobody counts it."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux getrusage counts what the parent had, too
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(peak.split()[1])
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _measure(cache):
    return _run(CODE, NUMBA_CACHE_DIR=cache)


def _run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        cwd=ROOT,  # from where benchmarks can be imported
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)
