"""The checks of chapter 10: the alignment score, its controls and its blind spots."""

import numpy as np

from vae_numpy.exercises.catalogue import exercise


def white(n, k, seed):
    """Return k columns of mean 0 and variance 1 that are exactly uncorrelated."""
    Z = np.random.default_rng(seed).standard_normal((n, k))
    U, _, Vt = np.linalg.svd(Z - Z.mean(axis=0), full_matrices=False)
    return U @ Vt * np.sqrt(n)


def directions(k, m, seed):
    """Return m random columns of length 1."""
    d = np.random.default_rng(seed).standard_normal((k, m))
    return d / np.linalg.norm(d, axis=0)


def entropy(w):
    """Return the entropy of the shares of positive weights, one by one, in nats."""
    return -sum(x / sum(w) * np.log(x / sum(w)) for x in w if x > 0)


@exercise(
    "10.1",
    trains="the closed form of the lasso, for one weight at a time",
    difficulty="easy",
    minutes=5,
    hints=[
        "Work with the size first: `np.abs(c) - alpha`. Where is that negative, and what then?",
        "Give the sign back at the end: `np.sign(c) * ...`.",
    ],
)
def shrink(answer):
    mistakes = {
        "the sign is lost; a latent can drive a neuron down": lambda c, alpha: np.maximum(
            np.abs(c) - alpha, 0
        ),
        "a weight that is smaller than alpha must stop at 0, not come out on the other side": (
            lambda c, alpha: np.sign(c) * (np.abs(c) - alpha)
        ),
        "the weights that stay are not moved: that is a threshold, and the lasso shrinks what it "
        "keeps": lambda c, alpha: np.where(np.abs(c) > alpha, c, 0),
        "negative correlations are moved away from 0, or cut off": lambda c, alpha: np.maximum(
            c - alpha, 0
        ),
    }
    answer.gives(
        np.array([0.4, 0.0, -0.4, 0.0, 0.0]),
        np.array([0.5, 0.05, -0.5, -0.1, 0.0]),
        0.1,
        mistakes=mistakes,
    )
    answer.gives(np.array([[-0.2, 0.7]]), np.array([[-0.2, 0.7]]), 0.0, mistakes=mistakes)


@exercise(
    "10.2",
    trains="entropy as a measure of how evenly something is spread",
    difficulty="easy",
    minutes=10,
    hints=[
        "First the shares: `np.abs(w) / np.abs(w).sum()`.",
        "`0 * np.log(0)` is NaN. Leave out the shares that are 0 before you take logarithms.",
    ],
)
def neuron_score(answer):
    mistakes = {
        "this is the entropy itself: 0 for one latent, 1 for an even mix; the score is one minus "
        "it": lambda w: entropy(np.abs(w)) / np.log(len(w)),
        "divided by the logarithm of how many weights are left; K counts all units": lambda w: (
            1 - entropy(np.abs(w)) / max(np.log(np.count_nonzero(w)), 1e-12)
        ),
        "the entropy is in nats, but not yet in units of ln K": lambda w: 1 - entropy(np.abs(w)),
        "the shares are those of the squared weights; the score takes their sizes": lambda w: (
            1 - entropy(np.asarray(w) ** 2) / np.log(len(w))
        ),
    }
    answer.gives(1 - np.log(2) / np.log(4), np.array([0.3, 0.3, 0.0, 0.0]), mistakes=mistakes)
    answer.gives(0.0, np.array([-2.0, 2.0, 2.0]), mistakes=mistakes)
    # Shares 1/2, 1/4, 1/4, 0: an entropy of 3/2 ln 2.
    answer.gives(1 - 1.5 / 2, np.array([-0.2, 0.1, 0.0, 0.1]), mistakes=mistakes)
    answer.gives(1.0, np.array([0.0, 0.0, 0.7, 0.0, 0.0]), mistakes=mistakes)


@exercise(
    "10.3",
    trains="reading a blind spot off a formula",
    difficulty="medium",
    minutes=10,
    hints=[
        "A neuron at the angle t has the correlations `np.sqrt(s) * np.cos(t)` and "
        "`np.sqrt(s) * np.sin(t)` with the two latents.",
        "The score is exactly 1 as long as the smaller one is not above `alpha`.",
    ],
    compare="the plateaus of the left panel of the figure on penalty and noise",
)
def hidden_angle(answer):
    mistakes = {
        "the angle is in radians; the task asks for degrees": lambda alpha, s: np.arcsin(
            alpha / np.sqrt(s)
        ),
        "the noise is left out: it makes all correlations smaller, and the penalty stays": (
            lambda alpha, s: np.degrees(np.arcsin(alpha))
        ),
        "s is a share of the variance; correlations go with its root": lambda alpha, s: np.degrees(
            np.arcsin(alpha / s)
        ),
        "the noise enters the wrong way round: less signal must hide more": lambda alpha, s: (
            np.degrees(np.arcsin(alpha * np.sqrt(s)))
        ),
    }
    answer.gives(30.0, 0.25, 0.25, mistakes=mistakes)  # sin(30 degrees) = 0.25 / 0.5
    answer.gives(5.739170477266787, 0.1, 1.0, mistakes=mistakes)  # as tan: 0.1 / sqrt(0.99)
    answer.gives(
        np.degrees(np.arctan2(0.2, np.sqrt(0.5 - 0.04))), 0.2, 0.5, rtol=1e-9, mistakes=mistakes
    )


@exercise(
    "10.4",
    trains="asking the question that a score leaves out",
    difficulty="medium",
    minutes=10,
    hints=[
        "`weights.argmax(axis=1)` is each neuron's favourite.",
        "What does `argmax` say of a row of zeros?",
        "`np.unique` leaves each favourite once.",
    ],
)
def coverage(answer):
    def count(w):
        return float(len(np.unique(w[w.sum(axis=1) > 0].argmax(axis=1))))

    mistakes = {
        "a neuron without any weight was counted as a friend of unit 0, where argmax finds the "
        "largest of equal zeros": lambda w: len(np.unique(w.argmax(axis=1))) / w.shape[1],
        "units that have some weight somewhere are counted; a unit must be somebody's favourite": (
            lambda w: np.mean(w.sum(axis=0) > 0)
        ),
        "this is how many units are covered; the task asks for their share of all K": count,
        "divided by the number of neurons instead of the number of units": lambda w: (
            count(w) / len(w)
        ),
        "the largest weight of each unit is taken: weights is (M, K), so a row is a neuron and its "
        "favourite is argmax(axis=1)": lambda w: [count(w.T) / w.shape[1], count(w.T) / len(w)],
    }
    # Every unit has its largest weight in the first neuron.
    weights = np.array(
        [[0, 0.5, 0.4, 0.3, 0.35], [0, 0.2, 0, 0.1, 0], [0, 0, 0, 0, 0], [0, 0.1, 0, 0, 0.3]]
    )
    answer.gives(0.4, weights, mistakes=mistakes)
    answer.gives(1.0, np.eye(3), mistakes=mistakes)
    only_x = np.zeros((159, 5))
    only_x[:, 3] = 0.6
    answer.gives(0.2, only_x, mistakes=mistakes)


@exercise(
    "10.5",
    trains="finding a bug in code whose output looks reasonable",
    difficulty="medium",
    minutes=15,
    hints=[
        "Ask the function about a case that you know: `alignment(z, z, 0.1)` must be 1.",
        "Then two neurons that follow the same unit: `alignment(z, z[:, [0, 0]], 0.1)`.",
        "Print `p.sum(axis=1)`. What should it be?",
    ],
    seconds=20,
)
def alignment(answer):
    def by_hand(codes, neurons, alpha, scale=True, axis=1, unit=None):
        from sklearn.linear_model import Lasso

        X, Y = codes - codes.mean(0), neurons - neurons.mean(0)
        if scale:
            X, Y = X / X.std(0), Y / Y.std(0)
        w = np.abs(Lasso(alpha=alpha).fit(X, Y).coef_).reshape(Y.shape[1], X.shape[1])
        w = w[w.sum(axis=1) > 0]
        p = w / np.maximum(w.sum(axis=axis, keepdims=True), 1e-300)
        unit = X.shape[1] if unit is None else unit(w, neurons)
        return np.mean(1 + np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1) / np.log(unit))

    mistakes = {
        "the entropy is in units of the logarithm of the number of neurons; a neuron's shares run "
        "over the units, and K is their number": lambda codes, neurons, alpha: [
            by_hand(codes, neurons, alpha, unit=lambda w, neurons: len(w)),
            by_hand(codes, neurons, alpha, unit=lambda w, neurons: neurons.shape[1]),
        ],
        "the shares of a unit over the neurons sum to 1; those of a neuron over the units should": (
            lambda codes, neurons, alpha: by_hand(codes, neurons, alpha, axis=0)
        ),
        "units or neurons are not scaled to variance 1, so that alpha means something else for "
        "each": lambda codes, neurons, alpha: by_hand(codes, neurons, alpha, scale=False),
        "neurons without a weight count as 0; they have no score": lambda codes, neurons, alpha: (
            by_hand(codes, neurons, alpha) * 6 / 7
        ),
    }
    z = white(120, 5, seed=0)
    codes, extra = z[:, :4], z[:, 4:]
    # Two neurons on one unit: every neuron has one weight, so the score is 1.
    answer.gives(1.0, codes * [1, 5, 0.2, 3] + 2, codes[:, [0, 0, 1]] * 7, 0.1, mistakes=mistakes)
    d = directions(4, 6, seed=1)
    neurons = np.hstack([codes @ d * [1, 10, 0.5, 2, 3, 0.1], extra])  # the last follows no unit
    for alpha in 0.1, 0.2:
        weights = np.maximum(np.abs(d) - alpha, 0)  # the lasso, where units are uncorrelated
        want = np.mean([1 - entropy(column) / np.log(4) for column in weights.T])
        answer.gives(want, codes * [1, 5, 0.2, 3], neurons, alpha, rtol=1e-4, mistakes=mistakes)


@exercise(
    "10.6",
    trains="building the control that a result needs",
    difficulty="hard",
    minutes=20,
    hints=[
        "A random mixture of M neurons is `neurons @ v` with M random numbers `v`; all M mixtures "
        "at once are one product with an (M, M) matrix.",
        "Give the neurons mean 0 and variance 1 before you mix them, and the mixtures after.",
    ],
    compare="the score of `recombine(r, rng)` beside that of `r`, for the brain called single",
    seconds=20,
)
def recombine(answer):
    from vae_numpy.metrics import alignment_score

    rng = np.random.default_rng(3)
    codes = white(400, 5, seed=2)
    followed = np.arange(30) % 5
    neurons = codes[:, followed] + 0.5 * rng.standard_normal((400, 30))
    neurons = neurons * rng.uniform(0.5, 20, 30) + 5
    artificial = answer(neurons, np.random.default_rng(0))
    shape = getattr(artificial, "shape", None)
    answer.holds(shape == (400, 30), f"wanted an array of shape (400, 30), got {shape}")
    answer.holds(np.isfinite(artificial).all(), "some of the mixtures are not finite")

    centred = neurons - neurons.mean(axis=0)
    fitted = centred @ np.linalg.lstsq(centred, artificial, rcond=None)[0]
    left_over = np.mean((artificial - artificial.mean(axis=0) - fitted) ** 2)
    answer.holds(
        left_over < 1e-6 * np.mean(artificial**2),
        "the mixtures are no sums of the neurons' responses to the same picture; were rows put in "
        "another order, or noise added?",
    )
    answer.holds(
        np.allclose(artificial.mean(axis=0), 0, atol=1e-6)
        and np.allclose(artificial.std(axis=0), 1, rtol=1e-3),
        "the mixtures do not have mean 0 and variance 1",
    )
    likeness = np.abs(np.corrcoef(artificial.T, neurons.T)[:30, 30:]).max(axis=1)
    answer.holds(
        likeness.max() < 0.97,
        "some columns are recorded neurons, in another order or with another sign: their axes "
        "have not changed",
    )
    among = np.abs(np.corrcoef(artificial.T)) - np.eye(30)
    answer.holds(among.max() < 0.999, "two artificial neurons are the same mixture")
    loud = neurons[:, neurons.std(axis=0).argmax()]
    ruled = np.abs(np.corrcoef(np.column_stack([artificial, loud]).T)[-1, :-1]).mean()
    scaled = centred / centred.std(axis=0)
    weights = np.linalg.lstsq(scaled, artificial, rcond=None)[0]  # (30 recorded, 30 artificial)
    sizes = np.sqrt(np.mean(weights**2, axis=1))
    answer.holds(
        sizes.max() < 3 * sizes.min(),
        "neurons that fire much rule every mixture; give all of them variance 1 before mixing",
        [f"mean correlation with the loudest neuron: {ruled:.2f}"],
    )
    before, after = alignment_score(codes, neurons), alignment_score(codes, artificial)
    answer.holds(after < before - 0.3, f"the score stays at {after:.2f}; it was {before:.2f}")
    again = answer(neurons, np.random.default_rng(1))
    answer.holds(
        not np.allclose(again, artificial), "another generator gives the same mixtures; use rng"
    )


@exercise(
    "10.7",
    trains="turning a published definition into code, and testing it where you know the answer",
    difficulty="project",
    minutes=45,
    hints=[
        "Start as in the alignment score, with the units of b in the place of the neurons. "
        "`lasso_weights(X, Y, alpha)` is (K_b, K_a).",
        "Test it on a model and itself. With alpha = 0.1 every weight is 0.9, so the score is 0.9.",
        "A row of zeros is worth 0. Divide where the sum is above 0 only.",
    ],
    compare="the ten pairs of seeds in the wide world, and the ten in the square world",
    seconds=20,
)
def udr(answer):
    def worth(R, axis, power=2):
        total = R.sum(axis=axis)
        return np.mean(R.max(axis=axis) ** power / np.where(total > 0, total, 1))

    def pair(R, power=2):
        return (worth(R, 0, power) + worth(R, 1, power)) / 2

    def check(a, b, R, alpha):
        mistakes = {
            "the largest entry is not squared: a unit that is found again only weakly must count "
            "for less": pair(R, power=1),
            "only the columns are asked; rows and columns count half each": worth(R, 0),
            "only the rows are asked; rows and columns count half each": worth(R, 1),
            "the worths are added; their mean is asked for": 2 * pair(R),
        }
        answer.gives(pair(R), a, b, alpha, rtol=1e-4, mistakes=mistakes)

    z = white(150, 6, seed=4)
    a = z[:, :4]
    # A turn of the units, cut to three, and one unit that the other model does not have. Units
    # are uncorrelated, so the lasso's weights are the shrunken cosines.
    turn = np.linalg.qr(np.random.default_rng(5).standard_normal((4, 4)))[0][:, :3]
    R = np.maximum(np.abs(turn) - 0.1, 0)
    check(a * [2, 1, 0.1, 9] + 1, a @ turn * [1, -4, 3], R, 0.1)
    check(a, np.hstack([a @ turn, z[:, 4:5]]), np.hstack([R, np.zeros((4, 1))]), 0.1)
    check(a, a[:, [2, 0, 3, 1]], 0.8 * np.eye(4)[:, [2, 0, 3, 1]], 0.2)
