"""What users do: ``fit``, from its first to its last epoch, and what it adds to the bare steps.

The peers have no estimator, so they loop over the same data as their users do: shuffled rows, and
new noise for each batch. A time is that of the whole, divided by its steps.
"""

import time
from itertools import cycle

import numpy as np
from sklearn.base import clone

from vae_numpy.data.sprites import Sprites
from vae_numpy.kernels.threads import one_blas_thread
from vae_numpy.layers import flatten
from vae_numpy.models import Autoencoder
from vae_numpy.optimisers import Adam

from .networks import NETWORKS
from .ours import Ours, new_vae
from .steps import check_fairness, contestants, print_row
from .timing import interleave, summary, times_as_fast

EPOCHS = 3


def run(*, budget, networks=NETWORKS):
    """Time fits on dense random numbers, and on sprites where they fit; returns a list of dicts."""
    rows = []
    for network in networks:
        n_rows, rng = network.batch * n_batches(network), np.random.default_rng(0)
        data = {"dense": rng.random((n_rows, network.n_features), np.float32)}
        if network.n_features == 64**2:
            data["sprites"] = Sprites().sample(n_rows, rng)[0]
        for name, X in data.items():
            rows.append({"network": network.name, "data": name, "batch": network.batch})
            rows[-1] |= _against_peers(network, X, budget)
            rows[-1]["estimators"] = _estimators(network, X, budget / 4)
            _print(rows[-1])
    return rows


def n_batches(network):
    """Say how many batches an epoch has, so that a fit is a short training of some 100 GFLOP."""
    return 4 * int(np.clip(1e11 / network.operations / EPOCHS / 4, 4, 64))


def _against_peers(network, X, budget):
    found = contestants(network)
    check_fairness(found)
    turns = interleave(
        {who.name: lambda who=who: who.fit(X, EPOCHS) for who in found}, budget=budget, turn=0
    )
    turns = {name: t / (EPOCHS * n_batches(network)) for name, t in turns.items()}
    row = {"seconds": {name: summary(t) for name, t in turns.items()}}
    return row | {"ours_times_as_fast": times_as_fast(turns.pop(Ours.name), turns)}


def _estimators(network, X, budget):
    autoencoder = Autoencoder(
        network.n_latents, network.encoder, network.encoder_activation, batch_size=network.batch
    )
    models = {"VAE": new_vae(network), "Autoencoder": autoencoder}
    return {name: added(model, X, budget) for name, model in models.items()}


def added(model, X, budget):
    """Measure what an estimator adds to its bare steps; returns a dict of seconds.

    Epochs of two lengths tell a step of ``fit`` from what an epoch takes besides. A call takes
    besides its epochs what the checks, the first weights and their copies cost.
    """
    batch = model.batch_size
    n, few = len(X) // batch, len(X) // batch // 4
    step = bare_step(model, X[: few * batch])
    rounds, end = [], time.perf_counter() + budget
    while len(rounds) < 5 or time.perf_counter() < end:
        with one_blas_thread():
            step()
            start = time.perf_counter()
            for _ in range(few):
                step()
            bare = (time.perf_counter() - start) / few
        epoch, call = _fit(model, X)
        short, _ = _fit(model, X[: few * batch])
        in_fit = (epoch - short) / (n - few)
        rounds.append((bare, in_fit, short - few * in_fit, call))
    names = "bare step", "step of fit", "epoch", "call"
    return {name: summary(column) for name, column in zip(names, np.transpose(rounds), strict=True)}


def bare_step(model, X):
    """Make the function that trains a model on one batch after another, and does nothing else."""
    model = clone(model).partial_fit(X)
    batches = cycle(np.split(X, len(X) // model.batch_size))
    flat, adam, rng = flatten(model._parameters()), Adam(), np.random.default_rng(0)

    def step():
        model._step(next(batches), rng)
        adam.step([flat])

    return step


def _fit(model, X):
    """Fit, and return the median time of an epoch and what the call took beside its epochs."""
    stamps = []
    model.set_params(max_iter=EPOCHS, callbacks=[lambda _: stamps.append(time.perf_counter())])
    start = time.perf_counter()
    model.fit(X)
    whole = time.perf_counter() - start
    epoch = float(np.median(np.diff(stamps)))
    return epoch, whole - EPOCHS * epoch


def _print(row):
    print_row(row | {"network": f"{row['network']}, {row['data']} data"})
    for name, seconds in row["estimators"].items():
        bare, in_fit, epoch, call = (1e3 * s["median"] for s in seconds.values())
        print(
            f"    {name}: a bare step {bare:.3f} ms, one of fit {in_fit:.3f} ms; an epoch adds "
            f"{epoch:.2f} ms, a call {call:.1f} ms"
        )
