"""The two backends stay together for as long as a training lasts.

They round differently in every step. Training can only keep the difference small or enlarge it, as
it does with any other of that size. So the yardstick is a third training in which every weight is
moved to a neighbouring number after each epoch: ten steps, and so ten roundings.
"""

import numpy as np
import pytest

from vae_numpy import data, kernels
from vae_numpy.models import VAE, Autoencoder

pytest.importorskip("numba", reason="there is but one backend")

SPIRAL, _ = data.make_spiral(100, random_state=0)  # float64, and so all that comes of it
MODELS = {
    "autoencoder": (Autoencoder(1, (8,)), SPIRAL),
    "VAE": (VAE(2, (8,), "tanh", "bernoulli"), np.float64(SPIRAL > 0)),
}
STEPS_AN_EPOCH = 10


def losses(name, n_steps, backend, moved=False):
    """Train from one seed; return the loss of every epoch."""
    model, X = MODELS[name]
    rng = np.random.default_rng(1)

    def to_neighbours(model):
        for p in model._parameters():
            p.value[...] = np.nextafter(p.value, rng.choice([-np.inf, np.inf], p.value.shape))

    model.set_params(
        max_iter=n_steps // STEPS_AN_EPOCH,
        batch_size=len(X) // STEPS_AN_EPOCH,
        tol=None,
        random_state=0,
        callbacks=[to_neighbours] if moved else None,
    )
    with kernels.use(backend):
        return np.array(model.fit(X).loss_curve_)


def largest_so_far(losses, others):
    return np.maximum.accumulate(np.abs(losses - others) / np.abs(losses))


@pytest.mark.parametrize(
    "n_steps", [2_000, pytest.param(100_000, marks=pytest.mark.nightly)], ids=str
)
@pytest.mark.parametrize("name", MODELS)
def test_the_backends_drift_no_faster_than_roundings_do(name, n_steps):
    plain = losses(name, n_steps, "numpy")
    between = largest_so_far(plain, losses(name, n_steps, "numba"))
    yardstick = largest_so_far(plain, losses(name, n_steps, "numpy", moved=True))
    assert plain[-1] < 0.8 * plain[0]  # it was trained
    assert yardstick[-1] > 0  # and moved
    # Of the first epochs, when a few roundings have met, the loss may show none.
    roundings = 16 * np.finfo(np.float64).eps
    assert np.all(between < roundings + 10 * yardstick)
