"""Which autoencoders unroll a curve, how often, and what does not help (chapter 3).

    python -m experiments.unrolling           all runs, about 20 minutes on one core
    python -m experiments.unrolling --quick   two seeds, printed and not saved

What an interrupted call has finished is not run again, unless a setting was changed.

Each run is scored by the explained variance of the reconstruction and, on a curve, by the absolute
rank correlation of the code with the true position; on a sheet, by how well the code's neighbours
tell the two positions. The positions are used for nothing else.
"""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np
import scipy
import sklearn
from joblib import Parallel, delayed
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsRegressor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

from experiments import runs as frame
from vae_numpy import __version__, data, kernels
from vae_numpy.data.geodesic import geodesic_order
from vae_numpy.layers import flatten
from vae_numpy.losses import squared_error
from vae_numpy.metrics import explained_variance, pca_spectrum
from vae_numpy.models import Autoencoder
from vae_numpy.models.networks import stack
from vae_numpy.optimisers import Adam
from vae_numpy.schedules import fit_growing

RESULTS = Path(__file__).parent / "results" / "unrolling.json"
N_POINTS = 1500
SEEDS = range(100, 110)  # the settings were chosen on other seeds

BASE = {"learning_rate": "cosine", "batch_size": 64}
SMOOTH = {
    **BASE,
    "hidden_layer_sizes": (128, 64, 64, 32, 16),
    "activation": "softplus",
    "learning_rate_init": 5e-3,
}
PLAIN = {**BASE, "hidden_layer_sizes": (64, 64), "learning_rate_init": 3e-3}
# The plain control has the growing and the settling epochs of the curriculum.
GROWING, SETTLING = 600, 300
SETTINGS = {
    "smooth": {"n_components": 1, **SMOOTH, "batch_size": 128, "max_iter": 400},
    "plain": {"n_components": 1, **PLAIN, "max_iter": GROWING + SETTLING},
    "cure": {"n_components": 1, **PLAIN, "weight_decay": 1e-5, "max_iter": SETTLING},
    "input noise": {
        "n_components": 1,
        **PLAIN,
        "noise": "gaussian",
        "noise_level": 0.1,
        "max_iter": GROWING + SETTLING,
    },
    "swiss roll": {"n_components": 2, **SMOOTH, "max_iter": 400},
    "digits": {
        **BASE,
        "hidden_layer_sizes": (256,),
        "activation": "relu",
        "learning_rate_init": 2e-3,
        "max_iter": 100,
    },
}


CONFIGURATION = {
    "networks": SETTINGS,
    "growing epochs": GROWING,
    "points": N_POINTS,
    "seeds": list(SEEDS),
}


def make_open_spiral(n, random_state):
    """A spiral of 1.5 turns without the hole in the middle: from radius 0.1 out to 1."""
    t = np.random.default_rng(random_state).uniform(size=n)
    radius = np.sqrt(0.01 + 0.99 * t)  # nearly as many points on every piece of the length
    angle = 3 * np.pi * (radius - 0.1) / 0.9
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), t


CLOUDS = {
    "open spiral, 1.5 turns": lambda seed: make_open_spiral(N_POINTS, seed),
    "spiral, 1.5 turns": lambda seed: data.make_spiral(N_POINTS, random_state=seed),
    "spiral, 3 turns": lambda seed: data.make_spiral(N_POINTS, turns=3, random_state=seed),
    "helix, 3 turns": lambda seed: data.make_helix(N_POINTS, random_state=seed),
    "swiss roll": lambda seed: data.make_swiss_roll(N_POINTS, random_state=seed),
}


def fit(X, setting, seed):
    return Autoencoder(**SETTINGS[setting], random_state=seed).fit(X)


def cure(X, setting, seed, **changes):
    model = Autoencoder(**SETTINGS[setting] | changes, random_state=seed, warm_start=True)
    return fit_growing(model, X, geodesic_order(X), n_growing=GROWING, random_state=seed)


def cure_sheet(X, setting, seed):
    return cure(X, setting, seed, n_components=2)


# The cures that failed need other losses or another decoder -----------------------------------


def fourier(z):
    """(N, 1) codes to (N, 9): z and its sine and cosine at 1, 2, 4 and 8 times pi / 2."""
    angles = z * (np.pi / 2 * 2.0 ** np.arange(4, dtype=z.dtype))  # (N, 4)
    return np.hstack([z, np.sin(angles), np.cos(angles)])


def fourier_backward(dy, z):
    frequencies = np.pi / 2 * 2.0 ** np.arange(4, dtype=z.dtype)
    angles = z * frequencies
    d_angles = dy[:, 1:5] * np.cos(angles) - dy[:, 5:] * np.sin(angles)  # (N, 4)
    return dy[:, :1] + np.sum(d_angles * frequencies, axis=1, keepdims=True)


class Variant:
    """The plain network with Fourier features in the decoder, or with neighbours pulled together.

    The pull adds ``pull`` * mean (z_i - z_j)^2 / var(z) over pairs of nearest neighbours i, j;
    the variance is taken as a constant, or shrinking all codes would pay.
    """

    def __init__(self, seed, *, features=False, pull=0.0):
        self.rng = np.random.default_rng(seed)
        self.features, self.pull = features, pull
        options = {"activation": "tanh", "rng": self.rng, "dtype": np.float32}
        self.encoder = stack((2, 64, 64, 1), **options)
        self.decoder = stack((9 if features else 1, 64, 64, 2), **options)

    def transform(self, X):
        return self.encoder.forward(X)

    def reconstruct(self, X):
        z = self.transform(X)
        return self.decoder.forward(fourier(z) if self.features else z)

    def fit(self, X):
        flat = flatten(self.encoder.parameters() + self.decoder.parameters())
        optimiser = Adam(PLAIN["learning_rate_init"])
        nearest = NearestNeighbors(n_neighbors=5).fit(X).kneighbors(X)[1][:, 1:]  # (N, 4)
        n_steps = (GROWING + SETTLING) * -(-len(X) // 64)
        for step in range(n_steps):
            rate = 0.5 * (1 + np.cos(np.pi * step / n_steps))
            optimiser.learning_rate = PLAIN["learning_rate_init"] * rate
            i = self.rng.integers(len(X), size=64)
            j = nearest[i, self.rng.integers(4, size=64)]
            flat.zero_grad()
            self.backward(X[np.concatenate([i, j]) if self.pull else i])
            optimiser.step([flat])
        return self

    def backward(self, x):
        z = self.encoder.forward(x)
        x_hat = self.decoder.forward(fourier(z) if self.features else z)
        dz = self.decoder.backward(squared_error(x_hat, x)[1])
        if self.features:
            dz = fourier_backward(dz, z)
        if self.pull:
            half = len(x) // 2
            apart = 2 * self.pull * (z[:half] - z[half:]) / (half * (np.var(z) + 1e-6))
            dz = dz + np.concatenate([apart, -apart])
        self.encoder.backward(dz)


VARIANTS = {"fourier features": {"features": True}, "neighbours pulled": {"pull": 1.0}}


def variant(X, setting, seed):
    return Variant(seed, **VARIANTS[setting]).fit(X)


# The runs -------------------------------------------------------------------------------------

RUNS = [
    # cloud, setting, how it is trained
    ("open spiral, 1.5 turns", "smooth", fit),
    ("spiral, 1.5 turns", "smooth", fit),
    ("spiral, 1.5 turns", "cure", cure),
    ("spiral, 3 turns", "plain", fit),
    ("spiral, 3 turns", "cure", cure),
    ("spiral, 3 turns", "fourier features", variant),
    ("spiral, 3 turns", "neighbours pulled", variant),
    ("spiral, 3 turns", "input noise", fit),
    ("helix, 3 turns", "plain", fit),
    ("helix, 3 turns", "cure", cure),
    ("swiss roll", "swiss roll", fit),
    ("swiss roll", "cure", cure_sheet),
]


def score(cloud, setting, train, seed):
    X, t = CLOUDS[cloud](seed)
    if cloud != "swiss roll":
        X = StandardScaler().fit_transform(X)
    X = X.astype(np.float32)
    start = time.perf_counter()
    with frame.ctrl_c_raises():
        model = train(X, setting, seed)
    result = {"seed": seed, "seconds": round(time.perf_counter() - start, 1)}
    result["explained_variance"] = round(explained_variance(X, model.reconstruct(X)), 4)
    if t.ndim == 1:
        result["spearman"] = round(abs(float(spearmanr(model.transform(X)[:, 0], t)[0])), 4)
    else:
        result["position"] = [round(position_from_code(model.transform(X), p), 4) for p in t.T]
    return result


def position_from_code(Z, position):
    """R^2 of guessing each odd row's position from the six nearest codes of even rows."""
    Z = StandardScaler().fit_transform(Z)
    guess = KNeighborsRegressor(6).fit(Z[::2], position[::2])
    return float(guess.score(Z[1::2], position[1::2]))


def digits(quick):
    """Squared error per held-out picture, by number of latents: PCA's and the networks'."""
    train, test, _, _ = data.split_digits()
    train, test = train.astype(np.float32), test.astype(np.float32)
    result = {}
    for k in (2, 16) if quick else (*range(1, 17), 32):
        pca = PCA(k, svd_solver="full").fit(train)
        by_pca = squared_error(pca.inverse_transform(pca.transform(test)), test)[0]
        networks = [Autoencoder(k, **SETTINGS["digits"], random_state=s) for s in SEEDS[:3]]
        with frame.ctrl_c_raises():
            models = [network.fit(train) for network in networks]
        errors = [round(-model.score(test), 4) for model in models]
        result[k] = {"pca": round(by_pca, 4), "autoencoder": errors}
        print(f"digits, {k:2} latents: PCA {by_pca:.3f}, autoencoder", errors, flush=True)
    return result


def finished():
    """The runs and digits of an earlier call with this configuration."""
    earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if earlier.get("settings") != json.loads(json.dumps(CONFIGURATION)):
        return {}, {}
    return earlier["runs"], earlier["digits"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two seeds, printed and not saved")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one seed each")
    arguments = parser.parse_args()
    seeds = SEEDS[:2] if arguments.quick else SEEDS
    runs, by_latents = ({}, {}) if arguments.quick else finished()
    spectra = {name: pca_spectrum(make(0)[0]) for name, make in CLOUDS.items()}
    results = {
        "command": "python -m experiments.unrolling",
        "settings": CONFIGURATION,
        "linear_share": {name: round(s[0] / s.sum(), 4) for name, s in spectra.items()},
        "runs": runs,
        "digits": by_latents,
        "python": platform.python_version(),
        "versions": {
            "vae_numpy": __version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "backend": kernels.backend(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }

    def save():
        if not arguments.quick:
            frame.write_json(RESULTS, results)

    for cloud, setting, train in RUNS:
        name = f"{cloud}: {setting}"
        if name not in runs:
            tasks = (delayed(score)(cloud, setting, train, seed) for seed in seeds)
            runs[name] = Parallel(n_jobs=arguments.jobs)(tasks)
            save()
        pairs = [f"{r['explained_variance']:.3f}/{r.get('spearman', 0):.3f}" for r in runs[name]]
        print(f"{name:42}", *pairs, flush=True)
    if not by_latents:
        results["digits"] = digits(arguments.quick)
        save()
    if arguments.quick:
        json.dump(results, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
