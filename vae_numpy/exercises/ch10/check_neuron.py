"""The checks of chapter 10 on one neuron and its weights, and on the coverage of the units."""

import numpy as np

from vae_numpy.exercises.cases import number, numbers, sizes
from vae_numpy.exercises.catalogue import exercise


def entropy(w):
    """Return the entropy of the shares of weights of either sign, one by one, in nats."""
    total = sum(abs(x) for x in w)
    return -sum(abs(x) / total * np.log(abs(x) / total) for x in w if x != 0)


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
    def right(c, alpha):
        w = np.zeros(c.shape)
        for i in np.ndindex(c.shape):
            if c[i] > alpha:
                w[i] = c[i] - alpha
            elif c[i] < -alpha:
                w[i] = c[i] + alpha
        return w

    def draw(rng):
        shape = sizes(rng, int(rng.integers(1, 3)), 5, 9)
        return numbers(rng, *shape, low=-1, high=1), number(rng, 0.2, 0.6)

    mistakes = {
        "the sign is lost; a latent can drive a neuron down": (
            lambda c, alpha: np.maximum(np.abs(c) - alpha, 0)
        ),
        "a weight that is smaller than alpha must stop at 0, not come out on the other side": (
            lambda c, alpha: c - np.sign(c) * alpha
        ),
        "the weights that stay are not moved: that is a threshold, and the lasso shrinks what it "
        "keeps": lambda c, alpha: np.where(np.abs(c) > alpha, c, 0),
        "negative correlations are cut off; they are moved towards 0 as the others are": (
            lambda c, alpha: np.maximum(c - alpha, 0)
        ),
        "negative correlations are moved away from 0": [
            lambda c, alpha: np.where(np.abs(c) > alpha, c - alpha, 0),
            lambda c, alpha: c - alpha,
        ],
        "it is shrunk by a factor, 1 - alpha; the lasso takes off an amount, alpha": (
            lambda c, alpha: c * (1 - alpha)
        ),
        "alpha is taken off twice": (
            lambda c, alpha: np.sign(c) * np.maximum(np.abs(c) - 2 * alpha, 0)
        ),
    }
    answer.agrees(right, draw, mistakes=mistakes)
    c = np.array([0.5, 0.05, -0.5, -0.1, 0.0])
    answer.gives(np.array([0.4, 0.0, -0.4, 0.0, 0.0]), c, 0.1)
    answer.gives(np.array([[-0.2, 0.7]]), np.array([[-0.2, 0.7]]), 0.0)


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
    def right(w):
        return 1 - entropy(w) / np.log(len(w))

    def draw(rng):
        w = numbers(rng, *sizes(rng, 1, 4, 10))
        w[:2] = np.abs(w[:2]) * [1, -1]  # weights of either sign
        return (rng.permutation(w),)

    def draw_zeros(rng):
        (w,) = draw(rng)
        zero = np.arange(len(w)) < rng.integers(1, len(w) - 2)  # two are left, or more
        return (np.where(rng.permutation(zero), 0, w),)

    def of_shares(p, unit):
        return 1 + np.sum(p * np.log(p)) / unit

    def positive(w):
        return w[w > 0]

    mistakes = {
        "this is the entropy itself: 0 for one latent, 1 for an even mix; the score is one minus "
        "it": lambda w: entropy(w) / np.log(len(w)),
        "the entropy is in nats, but not yet in units of ln K": lambda w: 1 - entropy(w),
        "the entropy is in bits, and not yet in units of its largest value": (
            lambda w: 1 - entropy(w) / np.log(2)
        ),
        "the entropy is in bits, and its largest value ln K in nats": (
            lambda w: 1 - entropy(w) / np.log(2) / np.log(len(w))
        ),
        "the entropy is divided by K; its largest value is ln K": (
            lambda w: 1 - entropy(w) / len(w)
        ),
        "the shares are those of the squared weights; the score takes their sizes": (
            lambda w: 1 - entropy(w**2) / np.log(len(w))
        ),
        "the sizes are divided by |sum w|, where signs cancel; wanted the sum of the sizes": (
            lambda w: of_shares(np.abs(w) / np.abs(w.sum()), np.log(len(w)))
        ),
        "negative weights are left out; -2 counts as much as 2": [
            lambda w: of_shares(positive(w) / np.abs(w).sum(), np.log(len(w))),
            lambda w: of_shares(positive(w) / positive(w).sum(), np.log(len(w))),
        ],
        "NaN: a negative share has no logarithm; take the sizes first": lambda w: np.nan,
    }
    with np.errstate(all="ignore"):
        answer.agrees(right, draw, mistakes=mistakes)
        mistakes = {
            "NaN: 0 ln 0 is 0, but not to NumPy": lambda w: np.nan,
            "divided by the logarithm of how many weights are left; K counts all units": (
                lambda w: 1 - entropy(w) / np.log(np.count_nonzero(w))
            ),
        }
        answer.agrees(right, draw_zeros, mistakes=mistakes)
        answer.gives(1 - np.log(2) / np.log(4), np.array([0.3, 0.3, 0.0, 0.0]))
        answer.gives(0.0, np.array([-2.0, 2.0, 2.0]))
        answer.gives(1.0, np.array([0.0, 0.0, -0.7, 0.0, 0.0]))


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
    def right(alpha, s):
        low, high = 0.0, 45.0  # the smaller correlation rises from 0
        for _ in range(60):
            middle = (low + high) / 2
            hidden = np.sqrt(s) * np.sin(np.pi * middle / 180) <= alpha
            low, high = (middle, high) if hidden else (low, middle)
        return low

    def draw(rng):
        alpha = number(rng, 0.06, 0.3)
        return alpha, float(round(rng.uniform(alpha + 0.1, 0.9), 2))

    def made(angle):
        return lambda alpha, s: np.degrees(angle(alpha, s))

    mistakes = {
        "the angle is in radians; the task asks for degrees": (
            lambda alpha, s: np.arcsin(alpha / np.sqrt(s))
        ),
        "the noise is left out: it makes all correlations smaller, and the penalty stays": made(
            lambda alpha, s: np.arcsin(alpha)
        ),
        "s is a share of the variance; correlations go with its root": made(
            lambda alpha, s: np.arcsin(alpha / s)
        ),
        "the noise enters the wrong way round: less signal must hide more": [
            made(lambda alpha, s: np.arcsin(alpha * np.sqrt(s))),
            made(lambda alpha, s: np.arcsin(alpha * s)),
        ],
        "this is the angle whose cosine is alpha / sqrt(s), measured from the other latent; the "
        "smaller correlation goes with the sine": made(
            lambda alpha, s: np.arccos(alpha / np.sqrt(s))
        ),
        "this is the angle whose tangent is alpha / sqrt(s); that is its sine": made(
            lambda alpha, s: np.arctan(alpha / np.sqrt(s))
        ),
        "the sine is taken for the angle; take the arcsine of it": made(
            lambda alpha, s: alpha / np.sqrt(s)
        ),
        "this is the sine of the angle; wanted the angle": lambda alpha, s: alpha / np.sqrt(s),
    }
    answer.agrees(right, draw, mistakes=mistakes, first=[(0.25, 0.25), (0.1, 0.99)])
    answer.gives(5.739170477266787, 0.1, 1.0)  # no noise; as tan: 0.1 / sqrt(0.99)


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
    def favourites(weights):
        return {row.index(max(row)) for row in weights.tolist() if max(row) > 0}

    def right(weights):
        return len(favourites(weights)) / weights.shape[1]

    def draw(rng):
        M, K = sizes(rng, 2, 4, 10)
        weights = numbers(rng, M, K, low=0.02, high=0.5) * (rng.random((M, K)) < 0.35)
        weights[:, rng.integers(K)] = 0  # a unit without any weight
        # Some units are favourites; in some cases there is a neuron with all weights.
        liked = rng.permutation(K)[: rng.integers(1, K - 1)]
        weights[range(M), rng.choice(liked, M)] = numbers(rng, M, low=0.6, high=1.5)
        weights[rng.integers(M)] += 0.01 * rng.integers(2)
        return (weights,)

    def draw_silent(rng):
        (weights,) = draw(rng)
        weights[rng.permutation(len(weights))[: rng.integers(1, len(weights) // 2 + 1)]] = 0
        return (weights,)

    def share(weights, count, of=None):
        return count / (weights.shape[1] if of is None else of)

    def each_units_favourite(weights):
        return len(favourites(weights.T))

    def first_of_zeros(weights):
        return len(set(weights.argmax(axis=1).tolist()))

    def any_zero_left_out(weights):
        full = weights[(weights > 0).all(axis=1)]
        return share(weights, len(favourites(full)))

    def struck_off(weights):
        return share(weights, len(favourites(weights) - {0}))

    mistakes = {
        "units that have some weight somewhere are counted; a unit must be somebody's favourite": (
            lambda w: share(w, np.sum(w.sum(axis=0) > 0))
        ),
        "this is how many units are covered; the task asks for their share of all K": (
            lambda w: float(len(favourites(w)))
        ),
        "divided by the number of neurons instead of the number of units": (
            lambda w: share(w, len(favourites(w)), of=len(w))
        ),
        "divided by the number of units that have some weight; K counts them all": (
            lambda w: share(w, len(favourites(w)), of=np.sum(w.sum(axis=0) > 0))
        ),
        "the largest weight of each unit is taken: weights is (M, K), so a row is a neuron and its "
        "favourite is argmax(axis=1)": [
            lambda w: share(w, each_units_favourite(w)),
            lambda w: share(w, each_units_favourite(w), of=len(w)),
            lambda w: share(w, first_of_zeros(w.T)),
            lambda w: share(w, first_of_zeros(w.T), of=len(w)),
        ],
        "neurons with any weight of 0 are left out; only those have no favourite whose weights are "
        "all 0": any_zero_left_out,
        "units are counted up to the last favourite, and some before it are nobody's": (
            lambda w: share(w, max(favourites(w)) + 1)
        ),
    }
    answer.agrees(right, draw, mistakes=mistakes, n_calls=20)
    mistakes = {
        "a neuron without any weight was counted as a friend of unit 0, where argmax finds the "
        "largest of equal zeros": lambda w: share(w, first_of_zeros(w)),
        "unit 0 is struck off where a neuron has no weights, and others may prefer it": struck_off,
    }
    answer.agrees(right, draw_silent, mistakes=mistakes, n_calls=20)
    only_x = np.zeros((159, 5))
    only_x[:, 3] = 0.6
    answer.gives(0.2, only_x)
    answer.gives(1.0, np.eye(3))
    answer.gives(0.25, np.array([[0.0, 0.3, 0.3, 0.0], [0.0, 0.5, 0.1, 0.5]]))  # equal ones
    answer.gives(0.0, np.zeros((3, 4)))
