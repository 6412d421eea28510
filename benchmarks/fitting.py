"""``Autoencoder.fit`` against scikit-learn's ``MLPRegressor`` used as an autoencoder."""

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from vae_numpy.models import Autoencoder

from .timing import interleave, summary, times_as_fast


def run(*, budget, epochs=20, hidden=(256,), n_components=16):
    """Time a whole fit on the digits, the same network, optimiser and epochs; returns a dict."""
    X = (load_digits().data / 16).astype(np.float32)  # (1797, 64)
    shared = {"batch_size": 64, "learning_rate_init": 1e-3, "random_state": 0}

    def ours():
        return Autoencoder(n_components, hidden, max_iter=epochs, **shared).fit(X)

    def theirs():
        # Its code passes through tanh too, which ours does not; the work is the same.
        layers = (*hidden, n_components, *hidden[::-1])
        model = MLPRegressor(
            hidden_layer_sizes=layers,
            activation="tanh",
            alpha=0,
            max_iter=epochs,
            tol=0,
            n_iter_no_change=epochs,
            **shared,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return model.fit(X, X)

    turns = interleave({"vae_numpy": ours, "scikit-learn": theirs}, budget=budget)
    errors = {
        "vae_numpy": float(np.mean((ours().reconstruct(X) - X) ** 2)),
        "scikit-learn": float(np.mean((theirs().predict(X) - X) ** 2)),
    }
    result = {
        "network": [64, *hidden, n_components, *hidden[::-1], 64],
        "epochs": epochs,
        "seconds": {name: summary(t) for name, t in turns.items()},
        "mean_squared_error": errors,
        "ours_times_as_fast": times_as_fast(turns.pop("vae_numpy"), turns),
    }
    times = result["ours_times_as_fast"]["scikit-learn"]["median"]
    print(f"  {epochs} epochs on the digits: ours {times:.2f} times as fast")
    for name, seconds in result["seconds"].items():
        print(f"    {name:14}{seconds['median']:7.3f} s, mean squared error {errors[name]:.4f}")
    return result
