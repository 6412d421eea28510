"""Which autoencoders unroll a curve, how often, and what does not help (chapter 3).

    python -m experiments.unrolling           all models, about 20 minutes on one core
    python -m experiments.unrolling --quick   two seeds, few points, short trainings: 15 seconds

Each model is scored by the explained variance of the reconstruction and, on a curve, by the
absolute rank correlation of the code with the true position; on a sheet, by how well the code's
neighbours tell the two positions. The positions are used for nothing else. The networks on the
digits are scored by the squared error of a held-out picture.
"""

import numpy as np
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsRegressor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

from experiments import runs
from vae_numpy import data
from vae_numpy.data.geodesic import geodesic_order
from vae_numpy.layers import flatten
from vae_numpy.losses import squared_error
from vae_numpy.metrics import explained_variance, pca_spectrum
from vae_numpy.models import Autoencoder
from vae_numpy.models.networks import stack
from vae_numpy.optimisers import Adam
from vae_numpy.schedules import fit_growing, learning_rate_at

FIRST_SEED = 100  # the settings were chosen on other seeds
SHEET = "swiss roll"  # it needs two latents, the curves one

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
LONG = {**PLAIN, "max_iter": GROWING + SETTLING}
NETWORKS = {
    "smooth": {**SMOOTH, "batch_size": 128, "max_iter": 400},
    "plain": LONG,
    "cure": {**PLAIN, "weight_decay": 1e-5, "max_iter": SETTLING},
    "fourier features": {**LONG, "features": True},
    "neighbours pulled": {**LONG, "pull": 1.0},
    "input noise": {**LONG, "noise": "gaussian", "noise_level": 0.1},
    "swiss roll": {**SMOOTH, "max_iter": 400},
    "digits": {
        **BASE,
        "hidden_layer_sizes": (256,),
        "activation": "relu",
        "learning_rate_init": 2e-3,
        "max_iter": 100,
    },
}
RUNS = [
    # cloud, setting, how it is trained
    ("open spiral, 1.5 turns", "smooth", "fit"),
    ("spiral, 1.5 turns", "smooth", "fit"),
    ("spiral, 1.5 turns", "cure", "cure"),
    ("spiral, 3 turns", "plain", "fit"),
    ("spiral, 3 turns", "cure", "cure"),
    ("spiral, 3 turns", "fourier features", "variant"),
    ("spiral, 3 turns", "neighbours pulled", "variant"),
    ("spiral, 3 turns", "input noise", "fit"),
    ("helix, 3 turns", "plain", "fit"),
    ("helix, 3 turns", "cure", "cure"),
    (SHEET, "swiss roll", "fit"),
    (SHEET, "cure", "cure"),
]
# The epochs are divided by "shorten".
SIZES = {"points": 1500, "latents": [*range(1, 17), 32], "shorten": 1}
QUICK = {"points": 300, "latents": [2, 16], "shorten": 20}


def make_open_spiral(n, random_state):
    """A spiral of 1.5 turns without the hole in the middle: from radius 0.1 out to 1."""
    t = np.random.default_rng(random_state).uniform(size=n)
    radius = np.sqrt(0.01 + 0.99 * t)  # nearly as many points on every piece of the length
    angle = 3 * np.pi * (radius - 0.1) / 0.9
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), t


CLOUDS = {
    "open spiral, 1.5 turns": make_open_spiral,
    "spiral, 1.5 turns": lambda n, seed: data.make_spiral(n, random_state=seed),
    "spiral, 3 turns": lambda n, seed: data.make_spiral(n, turns=3, random_state=seed),
    "helix, 3 turns": lambda n, seed: data.make_helix(n, random_state=seed),
    SHEET: lambda n, seed: data.make_swiss_roll(n, random_state=seed),
}


# The jobs -------------------------------------------------------------------------------------


def curve_jobs(seeds, points, shorten):
    """List the trainings on curves and on the sheet."""
    jobs = []
    for cloud, setting, training in RUNS:
        job = {"cloud": cloud, "points": points, "setting": setting, "training": training}
        job["network"] = network(setting, 2 if cloud == SHEET else 1, shorten)
        if training == "cure":
            job["n_growing"] = GROWING // shorten
        jobs += [{**job, "seed": seed} for seed in seeds]
    return jobs


def digit_jobs(seeds, latents, shorten):
    """List the trainings on the digits."""
    return [
        {
            "cloud": "digits",
            "setting": f"{k} latents",
            "training": "fit",
            "network": network("digits", k, shorten),
            "seed": seed,
        }
        for k in latents
        for seed in seeds
    ]


def network(setting, n_components, shorten):
    """Return the arguments of a network, with a ``shorten``-th of its epochs."""
    arguments = {"n_components": n_components, **NETWORKS[setting]}
    return {**arguments, "max_iter": arguments["max_iter"] // shorten}


def fit(X, job):
    """Train on all points at once."""
    return Autoencoder(**job["network"], random_state=job["seed"]).fit(X)


def cure(X, job):
    """Train on a growing part of the points, then on all."""
    model = Autoencoder(**job["network"], random_state=job["seed"], warm_start=True)
    order = geodesic_order(X)
    return fit_growing(model, X, order, n_growing=job["n_growing"], random_state=job["seed"])


def variant(X, job):
    """Train with another loss or another decoder."""
    return Variant(**job["network"], random_state=job["seed"]).fit(X)


TRAININGS = {"fit": fit, "cure": cure, "variant": variant}


def unroll(job):
    """Train on a cloud; return how well it comes back and how well the code tells the position."""
    X, t = CLOUDS[job["cloud"]](job["points"], job["seed"])
    if job["cloud"] != SHEET:
        X = StandardScaler().fit_transform(X)
    X = X.astype(np.float32)
    model = TRAININGS[job["training"]](X, job)
    Z = model.transform(X)
    result = {"explained_variance": round(explained_variance(X, model.reconstruct(X)), 4)}
    if t.ndim == 1:
        result["spearman"] = round(abs(float(spearmanr(Z[:, 0], t)[0])), 4)
    else:
        result["position"] = [round(position_from_code(Z, p), 4) for p in t.T]
    return result


def position_from_code(Z, position):
    """R^2 of guessing each odd row's position from the six nearest codes of even rows."""
    Z = StandardScaler().fit_transform(Z)
    guess = KNeighborsRegressor(6).fit(Z[::2], position[::2])
    return float(guess.score(Z[1::2], position[1::2]))


def digits():
    """Split the digits into pictures to learn from (1437, 64) and held-out ones (360, 64)."""
    train, test, _, _ = data.split_digits()
    return train.astype(np.float32), test.astype(np.float32)


def compress(job):
    """Train on the digits; return the squared error per held-out picture."""
    train, test = digits()
    model = TRAININGS[job["training"]](train, job)
    return {"squared_error": round(-model.score(test), 4)}


def pca_error(k):
    """Compute the squared error per held-out picture of the digits of k principal components."""
    train, test = digits()
    pca = PCA(k, svd_solver="full").fit(train)
    return round(squared_error(pca.inverse_transform(pca.transform(test)), test)[0], 4)


def linear_share(cloud, points):
    """Compute the share of a cloud's variance along its first principal direction."""
    spectrum = pca_spectrum(CLOUDS[cloud](points, 0)[0])
    return round(spectrum[0] / spectrum.sum(), 4)


# The cures that failed need another loss or another decoder -----------------------------------


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

    def __init__(
        self,
        n_components,
        hidden_layer_sizes,
        *,
        learning_rate,
        learning_rate_init,
        batch_size,
        max_iter,
        random_state,
        features=False,
        pull=0.0,
    ):
        self.rng = np.random.default_rng(random_state)
        self.learning_rate, self.learning_rate_init = learning_rate, learning_rate_init
        self.batch_size, self.max_iter = batch_size, max_iter
        self.features, self.pull = features, pull
        options = {"activation": "tanh", "rng": self.rng, "dtype": np.float32}
        K, sizes = n_components, hidden_layer_sizes
        self.encoder = stack((2, *sizes, K), **options)
        self.decoder = stack((9 if features else K, *sizes[::-1], 2), **options)

    def transform(self, X):
        return self.encoder.forward(X)

    def reconstruct(self, X):
        z = self.transform(X)
        return self.decoder.forward(fourier(z) if self.features else z)

    def fit(self, X):
        flat = flatten(self.encoder.parameters() + self.decoder.parameters())
        optimiser = Adam(self.learning_rate_init)
        nearest = NearestNeighbors(n_neighbors=5).fit(X).kneighbors(X)[1][:, 1:]  # (N, 4)
        n_steps = self.max_iter * -(-len(X) // self.batch_size)
        for step in range(n_steps):
            optimiser.learning_rate = learning_rate_at(
                self.learning_rate, self.learning_rate_init, step / n_steps
            )
            i = self.rng.integers(len(X), size=self.batch_size)
            j = nearest[i, self.rng.integers(4, size=self.batch_size)]
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


# The whole ------------------------------------------------------------------------------------


def main(argv=None):
    """Train the models, or those that are missing, and write the result."""
    options = runs.parse(__doc__, seeds=10, quick_seeds=2, argv=argv)
    sizes = QUICK if options.quick else SIZES
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    jobs = curve_jobs(seeds, sizes["points"], sizes["shorten"])
    models = runs.run_all("unrolling/curves", jobs, unroll, options=options)
    print(table(models))
    jobs = digit_jobs(seeds[:3], sizes["latents"], sizes["shorten"])
    models += runs.run_all("unrolling/digits", jobs, compress, options=options)
    runs.write_results(
        "unrolling",
        {"networks": NETWORKS, "n_growing": GROWING, **sizes},
        seeds,
        models,
        options,
        linear_share={cloud: linear_share(cloud, sizes["points"]) for cloud in CLOUDS},
        pca_error={k: pca_error(k) for k in sizes["latents"]},
    )


def table(models):
    """Set the seeds side by side: explained variance and rank correlation, or the positions."""
    lines = {}
    for m in models:
        scores = [m["explained_variance"], *m.get("position", [m.get("spearman")])]
        line = lines.setdefault(f"{m['cloud']}: {m['setting']}", [])
        line.append("/".join(f"{score:.3f}" for score in scores))
    return "\n".join(f"{name:42}{'  '.join(line)}" for name, line in lines.items())


if __name__ == "__main__":
    main()
