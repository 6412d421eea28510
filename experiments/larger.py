"""Does the slider of ``rotation`` turn on larger pictures? Sprites of 64 x 64 pixels (chapter 9).

    python -m experiments.larger           two models, 75 minutes on one core
    python -m experiments.larger --quick   a small one, half a minute

These settings, and what was expected, were written down before the first of the models was trained:

- As ``rotation`` with relu, for pictures of 64 x 64 pixels. Each of them has four times as many
  pixels, and so is worth about four times as many nats. So beta is four times as large: 128 to 4
  in 80 rounds, to 2 in 240, and to 1.2 in 200 with a new optimiser and other pictures.
- The convolutions see what they saw: one more layer of 32 channels halves the picture once more.
- Seeds that chose nothing.
- Expected: the same as in ``rotation``. Four or five latents, those of scale and place with a gap
  of their own, and two that tell the slant of an ellipse, nearly alike at all places.

What is asked is what ``rotation`` asks.
"""

from experiments import rotation, runs

FIRST_SEED = 320
NETWORK = {"image_shape": [64, 64], "conv_channels": [32, 32, 32, 32]}
TRAINING = {"betas": [128.0, 4.0, 2.0], "rounds": [80, 240], "rows": 4096}
LONGER = {"betas": [2.0, 1.2], "rounds": [200]}
QUICK_NETWORK = {**NETWORK, "conv_channels": [4, 4, 4]}
QUICK = {**TRAINING, "rounds": [4, 6], "rows": 256}
QUICK_LONGER = {**LONGER, "rounds": [5]}


def main(argv=None):
    """Train the models, or those that are missing, and write the result."""
    options = runs.parse(__doc__, seeds=2, argv=argv)
    training, longer = (QUICK, QUICK_LONGER) if options.quick else (TRAINING, LONGER)
    network = QUICK_NETWORK if options.quick else NETWORK
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    jobs = [{**training, "network": network, "activation": "relu", "seed": seed} for seed in seeds]
    more = [{**longer, "trained": job} for job in jobs]
    models = []
    for model, codes in rotation.run_stages("larger", jobs, more, options):
        head = {"seed": model.get("trained", model)["seed"], "beta": model["betas"][-1]}
        kept = {k: v for k, v in (codes | model).items() if k in rotation.KEPT}
        models.append({**head, **kept})
    configuration = {**rotation.NETWORK, **network, "first": training, "then": longer}
    runs.write_results("larger", configuration, seeds, models, options)


if __name__ == "__main__":
    main()
