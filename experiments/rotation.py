"""Does the last slider turn? Convolutional beta-VAEs on sprites of 32 x 32 pixels (chapter 9).

    python -m experiments.rotation           eight models, 90 minutes on one core
    python -m experiments.rotation --quick   two small ones, half a minute

Position and scale come alive first while beta falls, and in all quicker trials nothing more, or a
slant that points another way at every place (rotation.md tells what was tried). Two suspects were
left: beta that passes too quickly where the next latent could come alive, and units of relu that
are dead by then. These settings were written down before the first of the models was trained:

- Beta falls from 32 to 1 in 80 rounds, which brings position and scale, and from 1 to 0.5 in 240:
  in a trial the fourth latent came alive near 0.75, after some thousand steps of hardly any
  change. Within each stretch it falls by the same factor in each round.
- Two networks that differ in one thing, the activation of the hidden layers: relu, whose units can
  die, and tanh, whose slope is never 0. (The start of the weights goes with the activation, as
  ``layers`` has it.) The models of a seed see the same pictures in the same order.
- Seeds that chose nothing: five with relu, three of them with tanh too.

When both models of seed 300 were done, a third stretch was added for relu, and written down before
it was run on the others: from 0.5 to 0.3 in 200 rounds. So 300 is not among the seeds that chose
nothing. With tanh it was not run: what the pairs of seed 300 and 301 said of a slant depended on
the place, which a lower price does not mend.

Asked are: the share of units that stand still; the distortion; the KL of each latent while beta
falls; what each latent says of each factor; and whether the angle of each shape, as far as its
symmetry lets it be seen, can be read off two latents: at one place, and at all places alike.
"""

import itertools

import numpy as np

from experiments import runs
from experiments.sprite_models import describe, stream
from vae_numpy.data.sprites import FACTOR_VALUES, Sprites, render
from vae_numpy.layers import reparameterise
from vae_numpy.metrics import mutual_information
from vae_numpy.metrics.mutual_information import entropy
from vae_numpy.models import VAE

SIZE = 32
FIRST_SEED = 300
N_TANH = 3  # seeds for the comparison of the two activations
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
LONGER = {"betas": (0.5, 0.3), "rounds": (200,)}
QUICK = {**TRAINING, "rounds": (4, 6), "rows": 256}
QUICK_LONGER = {**LONGER, "rounds": (5,)}
EVERY = 5  # rounds between two notes of what each latent pays
KEPT = ("curve", "elbo", "reconstruction", "kl_per_latent", "still_units", "information", "angle")
KEPT += ("seconds", "cpu_seconds")
# Turned by a full circle divided by this, a shape looks as before.
SYMMETRY = {"square": 4, "ellipse": 2, "heart": 1}
PLACES = (8, 16, 24)  # of posX and posY, which are 0 to 31
N_DRAWS = 5  # of the code of each picture
N = 6000  # pictures for the information that each latent has of each factor


def beta_after(job, done):
    """Say what beta is after a number of rounds."""
    rounds = np.cumsum([0, *job["rounds"]])
    return float(np.exp(np.interp(done, rounds, np.log(job["betas"]))))


def train(job):
    """Train one model; return how its latents came alive, and itself."""
    network = NETWORK | job.get("network", {})
    model = VAE(**network, activation=job["activation"], random_state=job["seed"])
    return cool(model, job, stream(model.image_shape[0], job["rows"], job["seed"]))


def train_longer(job, model):
    """Go on with a model that was trained, with a new optimiser and other pictures."""
    first = job["trained"]
    return cool(model, job, stream(model.image_shape[0], first["rows"], first["seed"] + 1000))


def cool(model, job, draw):
    """Train a model while beta falls; return how its latents came alive, and itself."""
    n_rounds = sum(job["rounds"])
    for done in range(n_rounds):
        model.beta = beta_after(job, done)
        model.partial_fit(draw())
    noted = range(EVERY - 1, n_rounds, EVERY)
    losses, kls = (model.history_[name][-n_rounds:] for name in ("reconstruction", "kl_per_latent"))
    curve = {
        "beta": [round(beta_after(job, i), 4) for i in noted],
        "reconstruction": [round(losses[i], 3) for i in noted],
        "kl_per_latent": [np.round(kls[i], 3) for i in noted],
    }
    found = describe(model, model.image_shape[0], fixed=job.get("fixed"))
    return {"curve": curve, **found}, model


def look(job, model):
    """Measure, on pictures that are the same for all models, what the code says."""
    X, factors = Sprites(model.image_shape[0]).sample(job["n"], np.random.default_rng(1))
    information = mutual_information(model.transform(X), factors) / entropy(factors)
    taken = information[:, [1, 3, 4]].argmax(axis=0)  # the latents of scale, posX and posY
    return {
        "still_units": still_units(model, X[:1000]),
        "information": np.round(information, 4),
        "angle": {shape: angle(model, shape, taken) for shape in SYMMETRY},
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
            shares[name].append(round(float(np.mean(x.std(axis=0) < 1e-3)), 4))
    return shares


def angle(model, shape, taken, times=None):
    """Measure how well a shape's angle can be read off two latents, at nine places.

    The shape is large and turns once, in 39 steps, at each place. Its angle, taken ``times``
    (as often as the symmetry lets it be seen), is a point on a circle; what is fitted is a straight
    map from two latents to that point, and R^2 says how well. The latents are drawn, as the decoder
    gets them: a mean that moves by less than its noise tells nothing. Those of position and scale
    are left out: a heart turns about a point that is not its middle, and so its place tells its
    angle.

    Returns
    -------
    dict
        ``"own pair"``: each place has its own two latents and its own map (the median of nine).
        ``"own map"``: the same two latents everywhere, ``"pair"``, but each place has its own map
        (the median). ``"one map"``: the same map everywhere, of the two latents that do best so.
    """
    codes, circle = turned_codes(model, shape, times or SYMMETRY[shape])
    free = sorted(set(range(codes.shape[2])) - set(taken.tolist()))
    pairs = list(itertools.combinations(free, 2))
    own = np.array([[r_squared(place[:, p], circle) for p in pairs] for place in codes])
    everywhere, circles = codes.reshape(-1, codes.shape[2]), np.tile(circle, (len(codes), 1))
    one = [r_squared(everywhere[:, p], circles) for p in pairs]
    best = int(np.argmax(np.median(own, axis=0)))
    return {
        "own pair": round(float(np.median(own.max(axis=1))), 3),
        "own map": round(float(np.median(own, axis=0)[best]), 3),
        "one map": round(max(one), 3),
        "pair": pairs[best],
    }


def turned_codes(model, shape, times):
    """Draw the codes (9, 39 draws, K) of a shape that turns at nine places, and its circle."""
    steps, number = np.arange(39), list(SYMMETRY).index(shape)
    turns = [np.array([(number, 5, i, x, y) for i in steps]) for x in PLACES for y in PLACES]
    turns = [np.tile(turn, (N_DRAWS, 1)) for turn in turns]
    rng = np.random.default_rng(3)
    codes = np.array([draw_codes(model, render(t, model.image_shape[0]), rng) for t in turns])
    theta = times * FACTOR_VALUES[2][np.tile(steps, N_DRAWS)]
    return codes, np.column_stack([np.cos(theta), np.sin(theta)])


def draw_codes(model, pictures, rng):
    """Draw a code for each picture."""
    mu, logvar = model.encode(pictures.reshape(len(pictures), -1))
    return reparameterise(mu, logvar, rng.standard_normal(mu.shape, dtype=mu.dtype))


def r_squared(codes, circle):
    """Compute the R^2 of a straight map, with an offset, from codes to points of the circle."""
    A = np.column_stack([np.ones(len(codes)), codes])
    left = circle - A @ np.linalg.lstsq(A, circle)[0]
    return float(1 - (left**2).sum() / ((circle - circle.mean(axis=0)) ** 2).sum())


def run_stages(name, jobs, more, options):
    """Train models, go on with those that ``more`` names, and look at all, or at what is missing.

    Yields for each model what its training gave and what ``look`` saw, those of ``jobs`` first.
    """
    for stage, work, todo, earlier in (
        ("models", train, jobs, None),
        ("longer", train_longer, more, f"{name}/models"),
    ):
        trained = runs.run_all(f"{name}/{stage}", todo, work, options=options, models=earlier)
        asked = [{"trained": job, "n": N} for job in todo]
        seen = runs.run_all(
            f"{name}/codes-{stage}", asked, look, options=options, models=f"{name}/{stage}"
        )
        yield from zip(trained, seen, strict=True)


def main(argv=None):
    """Train the models, or those that are missing, and write the result."""
    options = runs.parse(__doc__, seeds=5, argv=argv)
    training, longer = (QUICK, QUICK_LONGER) if options.quick else (TRAINING, LONGER)
    seeds = range(FIRST_SEED, FIRST_SEED + options.seeds)
    jobs = [
        {**training, "activation": activation, "seed": seed}
        for seed in seeds
        for activation in (("relu", "tanh") if seed < FIRST_SEED + N_TANH else ("relu",))
    ]
    more = [{**longer, "trained": job} for job in jobs if job["activation"] == "relu"]
    models = []
    for model, codes in run_stages("rotation", jobs, more, options):
        of = model.get("trained", model)  # whom it goes on from, or itself
        head = {"activation": of["activation"], "seed": of["seed"], "beta": model["betas"][-1]}
        models.append({**head, **{k: v for k, v in (codes | model).items() if k in KEPT}})
    configuration = {**NETWORK, "first": training, "then": longer}
    turner = ship(models, more, options)
    runs.write_results("rotation", configuration, seeds, models, options, turner=turner)


def ship(models, more, options):
    """Copy the checkpoint whose two latents say most alike at all places; return who it is.

    It is an example of what can come out, not of what usually does.
    """
    if options.quick:
        return None
    slant = [m["angle"]["ellipse"] for m in models[-len(more) :]]
    best = int(np.argmax([s["one map"] for s in slant]))
    content = runs.checkpoint("rotation/longer", more[best], options).read_bytes()
    runs.write(options.folder / "results" / "rotation-turner.npz", content)
    return {"seed": more[best]["trained"]["seed"], "pair": slant[best]["pair"]}


if __name__ == "__main__":
    main()
