"""What happens in one minibatch, function by function: the way that a reader of the code goes.

    python -m benchmarks.trace

It trains a VAE with one hidden layer on the NumPy kernels and prints every call of a function of
the library between one step and the next, then counts them: calls, functions, files, and how often
the reader has to change the file.
"""

import sys
from pathlib import Path

import numpy as np

import vae_numpy
from vae_numpy import kernels
from vae_numpy.models import VAE

ROOT = Path(vae_numpy.__file__).parent


def trace():
    """Record the calls of one minibatch, each as (file, function), in order."""
    X = np.random.default_rng(0).integers(0, 2, (30, 6)).astype(np.float32)
    vae = VAE(2, (5,), likelihood="bernoulli", batch_size=10, max_iter=1, random_state=0)
    calls = []

    def note(frame, event, argument):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT):
            calls.append((str(path.relative_to(ROOT)), frame.f_code.co_qualname))

    with kernels.use("numpy"):
        vae.fit(X)  # whatever happens only once has happened
        sys.setprofile(note)
        try:
            vae.fit(X)
        finally:
            sys.setprofile(None)
    steps = [i for i, (_, name) in enumerate(calls) if name == "VAE._step"]
    return calls[steps[1] : steps[2]]


def counts(calls):
    """Count calls, functions, files and changes of file."""
    files = [file for file, _ in calls]
    changes = sum(a != b for a, b in zip(files, files[1:], strict=False))
    return {
        "calls": len(calls),
        "functions": len(set(calls)),
        "files": len(set(files)),
        "changes of file": changes,
    }


if __name__ == "__main__":
    calls, last = trace(), None
    for file, function in calls:
        print(f"{file if file != last else '':24}{function}")
        last = file
    print(", ".join(f"{n} {what}" for what, n in counts(calls).items()))
