"""The table of the 2D-shapes experiment of Higgins et al. (2017), with their network (chapter 8).

    python -m experiments.higgins2017           the whole table, about 40 minutes on one core
    python -m experiments.higgins2017 --quick   every row from small networks and few points

Each row is one way to turn a picture into a code; all are scored by the same protocol, over the
paper's four factors: scale, rotation and the two positions. The VAEs are two by two as in
``two_by_two``: beta is 1 or 4, from the start or cooled to it from 120. The four of a seed begin
with the same weights, and see the same pictures and the same noise in the same order. What was
tried before these settings, on the seeds 100 and 101, is told in higgins2017.md; these seeds chose
nothing.
"""

import io

import numpy as np
from sklearn.decomposition import PCA, FastICA

from experiments import runs
from experiments.beta_sweep import joined
from experiments.sprite_models import (
    BUDGET,
    EverySecond,
    add_udr,
    describe,
    score_vae,
    scores,
    stream,
    untrained,
)
from vae_numpy.data.sprites import Sprites
from vae_numpy.metrics import Table, tabulate
from vae_numpy.models import VAE
from vae_numpy.schedules import fit_cooling

FACTORS = ["scale", "orientation", "posX", "posY"]
K = 10
FIRST_SEED = 200
HEART = 655_888  # the picture whose code is traversed: an upright heart in the middle
NETWORK = {
    "n_components": K,
    "hidden_layer_sizes": [1200, 1200],
    "activation": "relu",
    "decoder_hidden_layer_sizes": [1200, 1200, 1200],
    "decoder_activation": "relu",  # tanh in the paper; see higgins2017.md
    "likelihood": "bernoulli",
    "batch_size": 64,
    "learning_rate_init": 1e-3,  # Adam; the paper took Adagrad with 1e-2
}
TRAINING = {
    "size": 64,
    "network": NETWORK,
    "power": 2,
    "share": 0.9,
    "warm": 4,
    "n_rounds": 56,
    "rows": 2048,
}
HOTTEST = 120
ROWS = {  # beta at the start, if it is cooled, and at the end
    "VAE, untrained": (None, None),
    "beta = 1": (1, 1),
    "beta = 1, cooled": (HOTTEST, 1),
    "beta = 4": (4, 4),
    "beta = 4, cooled": (HOTTEST, 4),
}
POINTS = {"n_train": 1000, "n_eval": 1000}
BASELINE_SCORES = ["beta_vae", "factor_vae", "mig"]  # raw pixels are 4096 codes
QUICK = {
    "size": 16,
    "network": {
        **NETWORK,
        "hidden_layer_sizes": [32, 32],
        "decoder_hidden_layer_sizes": [32, 32, 32],
    },
    "power": 2,
    "share": 0.9,
    "warm": 1,
    "n_rounds": 10,
    "rows": 512,
}
QUICK_POINTS = {"n_points": 1000, "n_train": 300, "n_eval": 150}

# The paper's table 1, in percent; "untrained" and the spreads are from a secondary source.
PAPER = {
    "ground truth": 100,
    "raw pixels": 45.75,
    "PCA": 84.9,
    "ICA": 42.03,
    "VAE, untrained": 44.14,
    "beta = 1": 61.58,
    "beta = 1, cooled": None,
    "beta = 4": 99.23,
    "beta = 4, cooled": None,
}


def train(job):
    """Train one model, or for ``"beta": None`` draw its weights; return its losses and itself."""
    draw = stream(job["size"], job["rows"], job["seed"])
    network = {k: tuple(v) if isinstance(v, list) else v for k, v in job["network"].items()}
    if job["beta"] is None:
        model = untrained(VAE(**network, random_state=job["seed"]), draw())
    else:
        model = VAE(**network, beta=job["beta"], random_state=job["seed"])
        for _ in range(job["warm"]):  # or the latents may never wake under the hot beta
            model.partial_fit(draw())
        options = {name: job[name] for name in ("hottest", "power", "share", "n_rounds")}
        fit_cooling(model, draw, **options)
    return describe(model, job["size"]), model


def score_model(job, model):
    """Compute all scores of a VAE."""
    trained = job["trained"]
    return score_vae(model, trained["size"], trained["seed"], factors=FACTORS, **job["budget"])


def score_baseline(job):
    """Score a code for which no network is needed."""
    dataset, seed = EverySecond(job["size"]), job["seed"]
    result = scores(*BASELINES[job["row"]](dataset, seed), seed, factors=FACTORS, **job["budget"])
    if job["row"] == "raw pixels":
        del result["information"]  # of 4096 codes
    return result


def ground_truth(dataset, seed):
    """The factors themselves are the code."""
    return _as_it_is, Table(dataset.factors(np.arange(len(dataset))), dataset)


def raw_pixels(dataset, seed):
    """The picture itself is the code."""
    return _as_it_is, dataset


def principal_components(dataset, seed):
    """The first K principal components of 20,000 pictures."""
    return tabulate(_fit_pca(dataset, seed).transform, dataset)


def independent_components(dataset, seed):
    """The independent components in the space of the first K principal ones."""
    pca = _fit_pca(dataset, seed)
    X, _ = _pictures(dataset, seed)
    ica = FastICA(K, random_state=seed, max_iter=1000, tol=1e-3).fit(pca.transform(X))
    return tabulate(lambda rows: ica.transform(pca.transform(rows)), dataset)


BASELINES = {
    "ground truth": ground_truth,
    "raw pixels": raw_pixels,
    "PCA": principal_components,
    "ICA": independent_components,
}


def traversals(model, size):
    """Decode one heart's code with each latent in turn from -2 to 2: (K, 9, size, size) grey."""
    heart = Sprites(size).images(np.array([HEART]))
    values = np.linspace(-2, 2, 9)
    z = model.transform(heart)[0]
    grey = np.array([model.traverse(z, latent, values) for latent in range(K)])
    return np.round(255 * grey).astype(np.uint8).reshape(K, 9, size, size)


def _pictures(dataset, seed, n=20_000):
    factors = dataset.sample_factors(n, np.random.default_rng(seed))
    return dataset.images(dataset.indices(factors)), factors


def _fit_pca(dataset, seed):
    return PCA(K, svd_solver="randomized", random_state=seed).fit(_pictures(dataset, seed)[0])


def _as_it_is(rows):
    return rows


def main(argv=None):
    """Fill the table, or what is missing of it, and write the result."""
    options = runs.parse(__doc__, seeds=3, argv=argv, quick_seeds=2)
    training, points = (QUICK, QUICK_POINTS) if options.quick else (TRAINING, POINTS)
    budget = {**BUDGET, **points}
    if options.quick:
        budget |= {"dci_points": 300, "dci_estimators": 1}
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    jobs = [
        {"beta": beta, "hottest": hottest, "seed": s, **training}
        for s in seeds
        for hottest, beta in ROWS.values()
    ]
    trained = runs.run_all("higgins2017/models", jobs, train, options=options)
    scored = runs.run_all(
        "higgins2017/scores",
        [{"trained": job, "budget": budget} for job in jobs],
        score_model,
        options=options,
        models="higgins2017/models",
    )
    names = {cell: row for row, cell in ROWS.items()}
    rows = [
        {**joined(t, s), "row": names[t["hottest"], t["beta"]]}
        for t, s in zip(trained, scored, strict=True)
    ]
    add_udr(rows, "higgins2017/models", jobs, training["size"], options)

    budget_of_baselines = {"scores": BASELINE_SCORES, **points}
    jobs = [
        {"row": row, "seed": s, "size": training["size"], "budget": budget_of_baselines}
        for row in BASELINES
        for s in seeds
    ]
    rows += runs.run_all("higgins2017/baselines", jobs, score_baseline, options=options)
    configuration = {**training, "cells": ROWS, "factors": FACTORS, "budget": budget}
    runs.write_results("higgins2017", configuration, seeds, rows, options, paper=PAPER)
    print(table(rows))
    if not options.quick:
        ship(training, seeds, options)


def table(rows):
    """Set the scores beside the paper's, in percent: the least, the mean and the largest seed."""
    lines = [f"{'':20}{'paper':>7}" + "".join(f"{name:>20}" for name in BASELINE_SCORES)]
    for name, paper in PAPER.items():
        line = f"{name:20}{paper or '':7}"
        for score in BASELINE_SCORES:
            values = [100 * row["scores"][score] for row in rows if row["row"] == name]
            line += f"{min(values):8.1f}{np.mean(values):6.1f}{max(values):6.1f}"
        lines.append(line)
    return "\n".join(lines)


def ship(training, seeds, options):
    """Keep the traversals of each cooled beta-VAE: 14 million weights are too many to ship."""
    pictures = {}
    for seed in seeds:
        job = {"beta": 4, "hottest": HOTTEST, "seed": seed, **training}
        model = VAE.load(runs.checkpoint("higgins2017/models", job, options))
        pictures[f"seed{seed}"] = traversals(model, training["size"])
    file = io.BytesIO()
    np.savez_compressed(file, **pictures)
    runs.write(options.folder / "results" / "higgins2017-traversals.npz", file.getvalue())


if __name__ == "__main__":
    main()
