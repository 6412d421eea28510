"""What the experiments on sprites share: a stream of pictures, and a look at what was learnt."""

import numpy as np

from experiments import runs
from vae_numpy.data.sprites import FACTOR_NAMES, Sprites
from vae_numpy.losses import gaussian_kl
from vae_numpy.metrics import all_scores, mutual_information, sample_codes, tabulate, udr
from vae_numpy.metrics.mutual_information import entropy
from vae_numpy.models import VAE
from vae_numpy.utils import make_rng

# The small network for sprites of 32 x 32 pixels.
SMALL_SIZE = 32
SMALL = {
    "n_components": 10,
    "hidden_layer_sizes": (256, 256),
    "activation": "relu",
    "likelihood": "bernoulli",
    "batch_size": 64,
    "learning_rate_init": 2e-3,
}
# For every score of every model. DCI's trees get a third of the pictures of Locatello et al. and a
# tenth of their steps: seconds a model instead of ten minutes.
BUDGET = {"dci_points": 5000, "dci_estimators": 10}


def stream(size, rows, seed, fixed=None):
    """Make a function that draws ``rows`` random sprites into one buffer and returns it."""
    sprites, rng = Sprites(size), np.random.default_rng(seed)
    X = np.empty((rows, size * size), np.float32)
    return lambda: sprites.sample(rows, rng, fixed=fixed, out=X)[0]


def untrained(model, X):
    """Draw the weights of a model for rows like X, as ``partial_fit`` does, and train nothing."""
    X, rng = model._check(X, reset=True), make_rng(model.random_state)
    model._begin(X, rng)
    model._start_run(rng)
    return model


def describe(model, size, n=10_000, fixed=None):
    """Measure in nats, on n pictures that are the same for all models, what needs no factors."""
    X, _ = Sprites(size).sample(n, np.random.default_rng(0), fixed=fixed)
    kl = gaussian_kl(*model.encode(X), per_latent=True)[0]
    elbo = model.elbo(X, random_state=0)
    return {"elbo": elbo, "reconstruction": -elbo - kl.sum(), "kl_per_latent": kl}


class EverySecond:
    """The sprites at every second orientation and position: 92,160 pictures instead of 737,280.

    Each picture is there once (of the orientations 0 and 39, which look alike, the second is left
    out), and encoding all of them takes an eighth of the time. It is a data set as the scores
    in ``vae_numpy.metrics`` take it.
    """

    factor_names = FACTOR_NAMES
    factor_sizes = (3, 6, 20, 16, 16)
    steps = np.array([1, 1, 2, 2, 2])

    def __init__(self, size):
        self.sprites = Sprites(size)

    def __len__(self):
        return int(np.prod(self.factor_sizes))

    def sample_factors(self, n, rng):
        return rng.integers(self.factor_sizes, size=(n, len(self.factor_sizes)))

    def factors(self, indices):
        return np.stack(np.unravel_index(indices, self.factor_sizes), axis=1)

    def indices(self, factors):
        return np.ravel_multi_index(factors.T, self.factor_sizes)

    def images(self, indices):
        return self.sprites.images(self.sprites.indices(self.factors(indices) * self.steps))


def information(encode, dataset, rng):
    """Estimate (K, 5) what each code says of each factor, as a share of the factor's entropy."""
    codes, truth = sample_codes(encode, dataset, 10_000, rng=rng)
    return np.round(mutual_information(codes, truth) / entropy(truth), 4)


def scores(encode, dataset, seed, *, factors=None, **budget):
    """Compute every score of ``encode``, and how much each code says of each factor.

    Returns
    -------
    dict
        ``"scores"`` as ``all_scores`` names them, and ``"information"``.
    """
    rng = np.random.default_rng(seed)
    known = information(encode, dataset, rng)
    found = all_scores(encode, dataset, rng=rng, factors=factors, **budget)
    return {"scores": found, "information": known}


def score_vae(model, size, seed, *, factors=None, **budget):
    """Compute what ``scores`` does of a VAE's mean codes, and the information in drawn ones.

    Returns
    -------
    dict
        As ``scores``, and ``"drawn_information"``: the same table for a code that is drawn from q.
    """
    dataset, rng = EverySecond(size), np.random.default_rng(seed)

    def draw(X):
        mu, logvar = model.encode(X)
        return mu + np.exp(logvar / 2) * rng.standard_normal(mu.shape)

    found = scores(*tabulate(model.transform, dataset), seed, factors=factors, **budget)
    return {**found, "drawn_information": information(draw, dataset, rng)}


def add_udr(models, name, jobs, size, options, n=2000):
    """Give each model its UDR among those that differ from it in the seed only."""
    X, _ = Sprites(size).sample(n, np.random.default_rng(0))
    groups = {}
    for model, job in zip(models, jobs, strict=True):
        groups.setdefault((job["beta"], job["hottest"]), []).append((model, job))
    for group in groups.values():
        codes = [VAE.load(runs.checkpoint(name, job, options)).transform(X) for _, job in group]
        found = udr(codes, [model["kl_per_latent"] for model, _ in group])
        for (model, _), score in zip(group, found, strict=True):
            model["udr"] = score
