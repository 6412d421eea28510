"""What happens without cooling: the models of the sweep at beta = 4 from the start (chapter 8).

    python -m experiments.no_cooling           eight seeds, about eight minutes on one core
    python -m experiments.no_cooling --quick   one small model

Network, pictures, steps and seeds are those of ``beta_sweep``, whose models at beta = 4 are the
other half of the comparison.
"""

from experiments import beta_sweep, runs
from experiments.sprite_models import SMALL, SMALL_SIZE

BETA = 4
BUDGET = {"scores": ["factor_vae", "mig"]}


def main(argv=None):
    """Train and score the models, or those that are missing, and write the result."""
    options = runs.parse(__doc__, seeds=8, argv=argv)
    training = {**(beta_sweep.QUICK if options.quick else beta_sweep.TRAINING), "hottest": BETA}
    seeds = range(beta_sweep.FIRST_SEED, beta_sweep.FIRST_SEED + options.seeds)
    jobs = [{"beta": BETA, "seed": seed, **training} for seed in seeds]
    models = beta_sweep.train_and_score("no_cooling", jobs, BUDGET, options)
    configuration = {"network": SMALL, "pixels": SMALL_SIZE**2, **training, "budget": BUDGET}
    runs.write_results("no_cooling", configuration, seeds, models, options)


if __name__ == "__main__":
    main()
