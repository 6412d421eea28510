"""Does the last slider turn? Convolutional beta-VAEs on sprites of 32 x 32 pixels (chapter 9).

    python -m experiments.rotation           ten models, an hour and a quarter on one core
    python -m experiments.rotation --quick   two small ones, half a minute

Position and scale come alive first while beta falls, and then nothing more, however low beta is
made. Trials on seed 0 led to a suspect: of the units of the relu network nearly four in five of
its second and third layer gave the same number for every picture, once it had begun at beta = 32.
What is dead there can carry nothing later. (rotation.md tells all that was tried.)

These settings were written down before the first of its models was trained:

- Two networks that differ in one thing, the activation of the hidden layers: relu, whose units can
  die, and tanh, whose slope is never 0. (The start of the weights goes with the activation, as
  ``layers`` has it.) The models of a seed see the same pictures in the same order.
- Beta falls from 32 to 1 in 80 rounds, which brings position and scale, and from 1 to 0.5 in 240:
  in the trial the fourth latent came alive near 0.75, after some thousand steps of hardly any
  change. Within each of the two stretches it falls by the same factor in each round.
- Five seeds that chose nothing.
- Asked are: the share of units that stand still; the distortion; the KL of each latent while beta
  falls; what each latent says of each factor; and the angle of each shape, as far as its symmetry
  lets it be seen, read from all latents and from the best two.
"""

import itertools

import numpy as np
from sklearn.neighbors import KNeighborsRegressor

from experiments import runs
from experiments.sprite_models import describe, stream
from vae_numpy.data.sprites import FACTOR_VALUES, Sprites
from vae_numpy.metrics import mutual_information
from vae_numpy.metrics.mutual_information import entropy
from vae_numpy.models import VAE

SIZE = 32
FIRST_SEED = 300
ACTIVATIONS = ("relu", "tanh")
NETWORK = {
    "n_components": 10,
    "hidden_layer_sizes": (256,),
    "likelihood": "bernoulli",
    "image_shape": (SIZE, SIZE),
    "conv_channels": (32, 32, 32),
    "batch_size": 64,
    "learning_rate_init": 1e-3,
}
TRAINING = {"betas": (32.0, 1.0, 0.5), "rounds": (80, 240), "rows": 4096}
QUICK = {**TRAINING, "rounds": (4, 6), "rows": 256}
EVERY = 5  # rounds between two notes of what each latent pays
# Turned by a full circle divided by this, a shape looks as before.
SYMMETRY = {"square": 4, "ellipse": 2, "heart": 1}
NEIGHBOURS = 12


def beta_after(job, done):
    """Say what beta is after a number of rounds."""
    rounds = np.cumsum([0, *job["rounds"]])
    return float(np.exp(np.interp(done, rounds, np.log(job["betas"]))))


def train(job):
    """Train one model; return how its latents came alive, what it has learnt, and itself."""
    model = VAE(**NETWORK, activation=job["activation"], random_state=job["seed"])
    draw = stream(SIZE, job["rows"], job["seed"])
    n_rounds = sum(job["rounds"])
    for done in range(n_rounds):
        model.beta = beta_after(job, done)
        model.partial_fit(draw())
    noted = range(EVERY - 1, n_rounds, EVERY)
    history = model.history_
    curve = {
        "round": [i + 1 for i in noted],
        "beta": [beta_after(job, i) for i in noted],
        "reconstruction": [history["reconstruction"][i] for i in noted],
        "kl_per_latent": [np.round(history["kl_per_latent"][i], 3) for i in noted],
    }
    return {"curve": curve, **describe(model, SIZE), **look(model)}, model


def look(model, n=6000):
    """Measure, on pictures that are the same for all models, what the code says."""
    X, factors = Sprites(SIZE).sample(n, np.random.default_rng(1))
    codes = model.transform(X)
    information = mutual_information(codes, factors) / entropy(factors)
    return {
        "still_units": still_units(model, X[:1000]),
        "information": np.round(information, 4),
        "angle": {shape: angle(model, shape) for shape in SYMMETRY},
    }


def still_units(model, X):
    """Return for each hidden layer the share of units that give the same for all pictures."""
    shares = {}
    for name, network, x in (
        ("encoder", model.encoder_, X),
        ("decoder", model.decoder_, model.transform(X)),
    ):
        shares[name] = []
        for layer in network.layers[:-1]:
            x = layer.forward(x)
            shares[name].append(float(np.mean(x.std(axis=0) < 1e-3)))
    return shares


def angle(model, shape, n=6000):
    """Measure how well a shape's angle can be read from its code: R^2 of its place on a circle.

    The angle is taken as often as the shape's symmetry lets it be seen. It is read by the mean
    of the nearest codes among three quarters of the pictures and judged on the rest. A heart's is
    read at three times the angle too: at this size it looks much like a triangle.
    """
    number = list(SYMMETRY).index(shape)
    X, factors = Sprites(SIZE).sample(n, np.random.default_rng(2), fixed={"shape": number})
    codes, theta = model.transform(X), FACTOR_VALUES[2][factors[:, 2]]
    live = np.flatnonzero(codes.var(axis=0) > 0.05)
    codes = codes / codes.std(axis=0).clip(1e-9)
    result = {"live": live}
    for times in {SYMMETRY[shape], 3} if shape == "heart" else {SYMMETRY[shape]}:
        circle = np.column_stack([np.cos(times * theta), np.sin(times * theta)])
        pairs = {p: readable(codes[:, p], circle) for p in itertools.combinations(live, 2)}
        best = max(pairs, key=pairs.get) if pairs else ()
        result[f"x{times}"] = {
            "all": round(readable(codes[:, live], circle), 3) if len(live) else 0.0,
            "pair": round(pairs[best], 3) if pairs else 0.0,
            "best": [int(k) for k in best],
        }
    return result


def readable(codes, circle):
    """Compute the R^2 of points of the circle that are read from neighbours among the codes."""
    n = len(codes) * 3 // 4
    reader = KNeighborsRegressor(NEIGHBOURS).fit(codes[:n], circle[:n])
    wrong = ((reader.predict(codes[n:]) - circle[n:]) ** 2).sum()
    return float(1 - wrong / ((circle[n:] - circle[n:].mean(axis=0)) ** 2).sum())


def main(argv=None):
    """Train the models, or those that are missing, and write the result."""
    options = runs.parse(__doc__, seeds=5, argv=argv)
    training = QUICK if options.quick else TRAINING
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    jobs = [{**training, "activation": a, "seed": seed} for seed in seeds for a in ACTIVATIONS]
    models = runs.run_all("rotation", jobs, train, options=options)
    runs.write_results("rotation", {**NETWORK, **training}, seeds, models, options)


if __name__ == "__main__":
    main()
