"""What beta does, and what cooling does: sprites of 32 x 32 pixels, two by two (chapter 8).

    python -m experiments.two_by_two           40 models, about a quarter of an hour on one core
    python -m experiments.two_by_two --quick   two seeds of small ones, a minute

Beta is 1 or 4, and it is so from the start or comes down to it from 32. These settings were
written down before the first of its models was trained:

- Network, pictures a step, steps and fall of beta are those of ``beta_sweep``. They were chosen on
  the seeds 0, 100 and 101 (see higgins2017.md); this experiment has seeds that chose nothing.
- The four models of a seed begin with the same weights and see the same pictures and the same
  noise in the same order: what differs between two neighbouring cells of the table is one thing,
  and whether it helped can be asked seed by seed. (In ``beta_sweep``, which asks how much the
  seed matters beside beta, no two models share a beginning.)
- Both are cooled from the same 32, at which next to nothing is sold, and stay at their own beta
  for the same last tenth of the steps.
- Every model gets every score, by one protocol, and so does an untrained network of each seed.
- What is compared is the median MIG of eight seeds and in how many seeds each change raised it.
"""

from experiments import beta_sweep, runs
from experiments.sprite_models import BUDGET, SMALL, SMALL_SIZE, add_udr

BETAS = (1, 4)
FIRST_SEED = 200


def main(argv=None):
    """Train and score the models, or those that are missing, and write the result."""
    options = runs.parse(__doc__, seeds=8, argv=argv, quick_seeds=2)
    training, budget = beta_sweep.TRAINING, BUDGET
    if options.quick:
        training, budget = beta_sweep.QUICK, beta_sweep.QUICK_BUDGET
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    cells = [(beta, hottest) for beta in BETAS for hottest in (beta, training["hottest"])]
    jobs = [
        {**training, "beta": beta, "hottest": hottest, "seed": seed}
        for seed in seeds
        for beta, hottest in (*cells, (None, None))
    ]
    models = beta_sweep.train_and_score("two_by_two", jobs, budget, options)
    add_udr(models, "two_by_two/models", jobs, SMALL_SIZE, options)
    configuration = {"network": SMALL, "pixels": SMALL_SIZE**2, **training, "budget": budget}
    runs.write_results("two_by_two", configuration, seeds, models, options)


if __name__ == "__main__":
    main()
