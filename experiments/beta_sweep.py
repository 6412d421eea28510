"""What beta does, and what the seed does: small beta-VAEs on sprites of 32 x 32 pixels (chapter 8).

    python -m experiments.beta_sweep           all models, about half an hour on one core
    python -m experiments.beta_sweep --quick   two small ones and an untrained one, a minute

After Locatello et al. (2019), who asked how much the random numbers matter beside the method and
its settings. Each model sees fresh random pictures in every batch, and its beta cools down to the
value in the table. No two models share a seed: were the seeds of every beta the same, all runs of
one seed would share the hot beginning in which the place finds its latents, and eight seeds at six
betas would be eight beginnings and not forty-eight.
"""

from experiments import runs
from experiments.sprite_models import (
    BUDGET,
    SMALL,
    SMALL_SIZE,
    describe,
    score_vae,
    stream,
    untrained,
)
from vae_numpy.models import VAE
from vae_numpy.schedules import fit_cooling

BETAS = (1, 2, 4, 6, 8, 16, 64)  # beta_norm = beta K / D: 4 here is 16 on 64 x 64 pixels
SHIPPED = (1, 4, 16)  # a low, a good and a too high beta
FIRST_SEED = 300  # the settings were chosen on seeds 0, 100 and 101, at beta = 4
SEEDS_APART = 20  # from the first seed of one beta to that of the next
TRAINING = {"hottest": 32, "share": 0.9, "n_rounds": 90, "rows": 2048}
QUICK = {"hottest": 32, "share": 0.9, "n_rounds": 10, "rows": 512}
QUICK_BUDGET = {
    "n_points": 1000,
    "n_train": 300,
    "n_eval": 150,
    "dci_points": 300,
    "dci_estimators": 1,
}


def train(job):
    """Train one model, or for ``"beta": None`` draw its weights; return its losses and itself."""
    draw = stream(SMALL_SIZE, job["rows"], job["seed"])
    if job["beta"] is None:
        model = untrained(VAE(**SMALL, random_state=job["seed"]), draw())
    else:
        model = VAE(**SMALL, beta=job["beta"], random_state=job["seed"])
        hottest = max(job["hottest"], job["beta"])
        fit_cooling(model, draw, hottest=hottest, n_rounds=job["n_rounds"], share=job["share"])
    return describe(model, SMALL_SIZE), model


def score(job, model):
    """Compute all scores of a trained model."""
    return score_vae(model, SMALL_SIZE, job["trained"]["seed"], **job["budget"])


def train_and_score(name, jobs, budget, options):
    """Do what is missing of the jobs' trainings and scores; return each model's results in one."""
    trained = runs.run_all(f"{name}/models", jobs, train, options=options)
    jobs = [{"trained": job, "budget": budget} for job in jobs]
    scored = runs.run_all(f"{name}/scores", jobs, score, options=options, models=f"{name}/models")
    return [joined(t, s) for t, s in zip(trained, scored, strict=True)]


def joined(trained, scored):
    """Put what is known of one model together: its losses and its scores."""
    kept = ("scores", "information", "drawn_information")
    return {**trained, **{name: scored[name] for name in kept}}


def main(argv=None):
    """Train and score all models, or those that are missing, and write the result."""
    options = runs.parse(__doc__, seeds=8, argv=argv)
    betas, training, budget = BETAS, TRAINING, BUDGET
    if options.quick:
        betas, training, budget = (1, 64), QUICK, QUICK_BUDGET
    jobs = [
        {"beta": beta, "seed": FIRST_SEED + SEEDS_APART * i + s, **training}
        for s in range(options.seeds)
        for i, beta in enumerate((*betas, None))
    ]
    models = train_and_score("beta_sweep", jobs, budget, options)
    configuration = {"network": SMALL, "pixels": SMALL_SIZE**2, **training, "budget": budget}
    seeds = [job["seed"] for job in jobs]
    runs.write_results(
        "beta_sweep", configuration, seeds, models, options, shipped_seeds=ship(models, options)
    )


def ship(models, options):
    """Copy a checkpoint of each of three betas to the results, and return their seeds.

    They are those with the highest MIG: examples of what can come out, not of what usually does.
    """
    if options.quick:
        return None
    seeds = []
    for beta in SHIPPED:
        best = max((m for m in models if m["beta"] == beta), key=lambda m: m["scores"]["mig"])
        job = {"beta": beta, "seed": best["seed"], **TRAINING}
        target = options.folder / "results" / f"beta_sweep-beta{beta}.npz"
        runs.write(target, runs.checkpoint("beta_sweep/models", job, options).read_bytes())
        seeds.append(best["seed"])
    return seeds


if __name__ == "__main__":
    main()
