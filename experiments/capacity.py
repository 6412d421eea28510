"""What each latent carries and holds while the capacity rises (Burgess et al. 2018; chapter 8).

    python -m experiments.capacity           three seeds, about two minutes on one core
    python -m experiments.capacity --quick   one small model

The loss is reconstruction + gamma |KL - C| (their eq. 8). C rises from 0 to 25 nats. The KL of
each latent is noted on the way, and ten times what it says of each factor. gamma is 100 instead of
their 1000: a picture has a quarter of their pixels, and a pull of 100 is above every beta of
``beta_sweep``.
"""

import numpy as np

from experiments import runs
from experiments.sprite_models import SMALL, SMALL_SIZE, EverySecond, information, stream
from vae_numpy.models import VAE

FIRST_SEED = 200  # none of these has chosen a setting
TRAINING = {"capacity": 25.0, "gamma": 100.0, "n_rounds": 150, "rows": 2048, "looks": 10}
QUICK = {**TRAINING, "n_rounds": 10, "rows": 512, "looks": 2}


def train(job):
    """Train one model; return its losses after each round, in nats, and the model."""
    model = VAE(
        **SMALL,
        capacity=job["capacity"],
        gamma=job["gamma"],
        capacity_epochs=job["n_rounds"],
        random_state=job["seed"],
    )
    draw = stream(SMALL_SIZE, job["rows"], job["seed"])
    dataset, looks = EverySecond(SMALL_SIZE), []
    for done in range(1, job["n_rounds"] + 1):
        model.partial_fit(draw())
        if done % (job["n_rounds"] // job["looks"]) == 0:
            known = information(model.transform, dataset, np.random.default_rng(job["seed"]))
            looks.append({"round": done, "information": known})
    history = model.history_
    return {
        # C in the middle of each round
        "target": [job["capacity"] * (r + 0.5) / job["n_rounds"] for r in range(job["n_rounds"])],
        "reconstruction": history["reconstruction"],
        "kl_per_latent": history["kl_per_latent"],
        "looks": looks,
    }, model


def main(argv=None):
    """Train the models, or those that are missing, and write the result."""
    options = runs.parse(__doc__, seeds=3, argv=argv)
    training = QUICK if options.quick else TRAINING
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    jobs = [{"seed": seed, **training} for seed in seeds]
    models = runs.run_all("capacity", jobs, train, options=options)
    runs.write_results("capacity", {"network": SMALL, **training}, seeds, models, options)


if __name__ == "__main__":
    main()
