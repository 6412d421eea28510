"""Import time, time to the first training step, and peak memory, each in a new process."""

import json
import os
import subprocess
import sys
import tempfile

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
try:
    import resource
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
except ImportError:
    peak = None
print(json.dumps({"import_seconds": imported, "first_step_seconds": step, "peak_bytes": peak}))
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


def _measure(cache):
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    command = [sys.executable, "-c", CODE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
