"""Cooling as it happens: eight seeds, plain and cooled, looked at on the way (chapter 8's figure).

    python -m experiments.cooling           16 models, about six minutes on one core
    python -m experiments.cooling --quick   one seed of small ones

Each seed trains two small beta-VAEs on sprites of 32 x 32 pixels from the same weights, on the same
pictures: one at beta = 4 from the start, one that is cooled to it from 32. All settings are those
of ``beta_sweep``. Of every second round is kept what each latent carries, and where the model puts
one ellipse that stands in 7 x 7 places, in the plane of the two latents that carry most at the end.
"""

import numpy as np

from experiments import beta_sweep, runs
from experiments.sprite_models import SMALL, SMALL_SIZE, stream
from vae_numpy.data.sprites import Sprites
from vae_numpy.live import pack
from vae_numpy.losses import gaussian_kl
from vae_numpy.models import VAE
from vae_numpy.schedules import fit_cooling

BETA = 4
FIRST_SEED = 200  # none of these has chosen a setting
EVERY = 2  # rounds from one look to the next
PLACES = np.linspace(0, 31, 7).round().astype(int)


def ellipses():
    """Draw one ellipse in 7 x 7 places: posY runs along the rows of the grid, posX within one."""
    places = np.stack(np.meshgrid(PLACES, PLACES), axis=-1).reshape(-1, 2)
    sprites = Sprites(SMALL_SIZE)
    return sprites.images(sprites.indices(np.column_stack([np.tile([1, 3, 0], (49, 1)), places])))


def train(job):
    """Train one model; return what each look at it saw, and the model."""
    X, X_grid = Sprites(SMALL_SIZE).sample(2000, np.random.default_rng(0))[0], ellipses()
    prices, carried, codes = [], [], []

    def look(model):
        if model.n_iter_ % EVERY == 0:
            prices.append(round(model.beta, 3))
            carried.append(gaussian_kl(*model.encode(X), per_latent=True)[0])
            codes.append(model.transform(X_grid))

    model = VAE(**SMALL, beta=job["beta"], random_state=job["seed"], callbacks=[look])
    cooling = {name: job[name] for name in ("hottest", "n_rounds", "share")}
    fit_cooling(model, stream(SMALL_SIZE, job["rows"], job["seed"]), **cooling)
    order = np.argsort(-carried[-1])
    return (
        {
            "price": prices,
            "carried": np.round(np.array(carried)[:, order], 2),  # (looks, 10), nats
            "places": pack(np.array(codes)[..., order[:2]]),  # (looks, 49, 2)
        },
        model,
    )


def main(argv=None):
    """Train the models, or those that are missing, and write the result."""
    options = runs.parse(__doc__, seeds=8, argv=argv)
    training = beta_sweep.QUICK if options.quick else beta_sweep.TRAINING
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    jobs = [
        {**training, "beta": BETA, "hottest": hottest, "seed": seed}
        for seed in seeds
        for hottest in (BETA, training["hottest"])
    ]
    models = runs.run_all("cooling", jobs, train, options=options)
    runs.write_results("cooling", {"network": SMALL, **training}, seeds, models, options)


if __name__ == "__main__":
    main()
