"""Wrong answers to chapter 10's exercises, written from their statements."""
# ruff: noqa: NPY002 - one of the mistakes is to draw from NumPy's global generator

import numpy as np

from tests.exercises_gate.register import judged_otherwise, mistake
from vae_numpy.exercises.ch10.solution import lasso_weights

judged_otherwise(
    "10.6", "the mixtures are drawn: they are judged by the weights that they turn out to have"
)


@mistake("10.1", "a hard threshold: what stays is not moved by alpha", told="that is a threshold")
def hard_threshold(c, alpha):
    return np.where(np.abs(c) > alpha, c, 0)


@mistake("10.1", "the sign is lost", told="the sign is lost")
def sizes_only(c, alpha):
    return np.maximum(np.abs(c) - alpha, 0)


@mistake("10.1", "small correlations are moved past 0", told="must stop at 0")
def past_zero(c, alpha):
    return c - np.sign(c) * alpha


@mistake("10.1", "negative correlations are cut to 0", told="negative correlations are cut off")
def negative_cut(c, alpha):
    return np.maximum(c - alpha, 0)


@mistake("10.1", "negative correlations are moved away from 0", told="moved away from 0")
def negative_moved_away(c, alpha):
    return np.where(np.abs(c) > alpha, c - alpha, 0)


@mistake("10.1", "shrunk by a factor, not by an amount", told="by a factor")
def shrunk_by_a_factor(c, alpha):
    return c * np.maximum(1 - alpha, 0)


@mistake("10.1", "only single numbers: `if` on an array", told="truth value of an array")
def one_number_only(c, alpha):
    if c > alpha:
        return c - alpha
    if c < -alpha:
        return c + alpha
    return 0.0


@mistake("10.1", "the caller's array is changed", told="c is changed in place")
def moves_the_correlations(c, alpha):
    size = np.abs(c)
    c -= alpha * np.sign(c)
    c[size <= alpha] = 0
    return c


@mistake("10.2", "divided by |sum w|, not by the sum of |w|", told="divided by |sum w|")
def abs_of_the_sum(w):
    p = np.abs(w) / np.abs(np.sum(w))
    p = p[p > 0]
    return 1 + np.sum(p * np.log(p)) / np.log(len(w))


@mistake("10.2", "negative weights are left out", told="negative weights are left out")
def positive_weights_only(w):
    p = np.maximum(w, 0) / np.abs(w).sum()
    p = p[p > 0]
    return 1 + np.sum(p * np.log(p)) / np.log(len(w))


@mistake("10.2", "0 ln 0 is NaN", told="0 ln 0 is 0")
def zero_log_zero(w):
    p = np.abs(w) / np.abs(w).sum()
    return 1 - np.sum(p * np.log(1 / p)) / np.log(len(w))


@mistake("10.2", "K counts only the weights that are not 0", told="K counts all units")
def units_with_weight_only(w):
    w = np.abs(w[w != 0])
    if len(w) == 1:
        return 1.0
    p = w / w.sum()
    return 1 + np.sum(p * np.log(p)) / np.log(len(w))


@mistake("10.2", "log2 over ln K", told="in bits, and its largest value ln K in nats")
def log2_over_ln(w):
    p = np.abs(w) / np.sum(np.abs(w))
    p = p[p > 0]
    return 1 - -np.sum(p * np.log2(p)) / np.log(len(w))


@mistake("10.2", "the shares are of w^2, not of |w|", told="squared weights")
def shares_of_squares(w):
    p = w**2 / np.sum(w**2)
    p = p[p > 0]
    return 1 + np.sum(p * np.log(p)) / np.log(len(w))


@mistake("10.2", "not in units of ln K", told="not yet in units of ln K")
def entropy_in_nats(w):
    p = np.abs(w) / np.abs(w).sum()
    p = p[p > 0]
    return 1 + np.sum(p * np.log(p))


@mistake("10.3", "arccos in the place of arcsin", told="whose cosine")
def angle_by_cosine(alpha, s):
    return np.degrees(np.arccos(alpha / np.sqrt(s)))


@mistake("10.3", "in radians, not in degrees", told="in radians")
def angle_in_radians(alpha, s):
    return np.arcsin(alpha / np.sqrt(s))


@mistake("10.3", "the square root of s is forgotten", told="go with its root")
def share_without_root(alpha, s):
    return np.degrees(np.arcsin(min(1, alpha / s)))


@mistake("10.3", "arctan in the place of arcsin", told="whose tangent")
def angle_by_tangent(alpha, s):
    return np.degrees(np.arctan(alpha / np.sqrt(s)))


@mistake("10.3", "the noise is ignored: s does not enter", told="noise is left out")
def noise_ignored(alpha, s):
    return np.degrees(np.arcsin(alpha))


@mistake("10.3", "multiplied by the root of s, not divided by it", told="wrong way round")
def times_root(alpha, s):
    return np.degrees(np.arcsin(alpha * np.sqrt(s)))


@mistake("10.3", "the sine is taken for the angle", told="sine is taken for the angle")
def small_angle(alpha, s):
    return alpha / np.sqrt(s) * 180 / np.pi


@mistake("10.4", "a neuron without weights makes unit 0 a favourite", told="friend of unit 0")
def zeros_like_unit_0(weights):
    return len(np.unique(weights.argmax(axis=1))) / weights.shape[1]


@mistake("10.4", "a share of the neurons, not of the units", told="number of neurons")
def share_of_neurons(weights):
    kept = weights[weights.sum(axis=1) > 0]
    return len(set(kept.argmax(axis=1))) / len(weights)


@mistake("10.4", "any weight counts, not the largest one", told="some weight somewhere")
def any_weight(weights):
    return np.mean((weights > 0).any(axis=0))


@mistake("10.4", "each unit's favourite neuron: the wrong axis", told="largest weight of each unit")
def favourite_neurons(weights):
    kept = weights[:, weights.sum(axis=0) > 0]
    return len(np.unique(kept.argmax(axis=0))) / len(weights)


@mistake(
    "10.4",
    "units that no neuron weighs are left out of K",
    told="units that have some weight; K counts them all",
)
def silent_units_left_out(weights):
    kept = weights[weights.sum(axis=1) > 0]
    n_units = np.sum(weights.sum(axis=0) > 0)
    return len(np.unique(kept.argmax(axis=1))) / n_units


@mistake(
    "10.4",
    "neurons with any weight of 0 are left out, not only those with none",
    told="any weight of 0 are left out",
)
def any_zero_left_out(weights):
    kept = weights[(weights > 0).all(axis=1)]
    return len(np.unique(kept.argmax(axis=1))) / weights.shape[1]


@mistake(
    "10.4",
    "counts up to the last favourite, also those units that are nobody's",
    told="up to the last favourite",
)
def up_to_the_last(weights):
    kept = weights[weights.sum(axis=1) > 0]
    return len(np.bincount(kept.argmax(axis=1))) / weights.shape[1]


@mistake(
    "10.4", "unit 0 is struck off whenever a neuron has no weights", told="unit 0 is struck off"
)
def unit_0_struck_off(weights):
    favourites = set(weights.argmax(axis=1))
    if np.any(weights.sum(axis=1) == 0):
        favourites.discard(0)
    return len(favourites) / weights.shape[1]


@mistake(
    "10.5",
    "nothing is mended: the shares are taken along the neurons",
    told="over the neurons sum to 1",
)
def still_along_neurons(codes, neurons, alpha):
    X = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    Y = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    w = np.abs(lasso_weights(X, Y, alpha))
    w = w[w.sum(axis=1) > 0]
    p = w / w.sum(axis=0, keepdims=True)
    log_p = np.log(np.where(p > 0, p, 1))
    scores = 1 + np.sum(p * log_p, axis=1) / np.log(codes.shape[1])
    return scores.mean()


@mistake(
    "10.5", "the score is made one of the units: all along the neurons", told="score of the units"
)
def score_of_the_units(codes, neurons, alpha):
    X = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    Y = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    w = np.abs(lasso_weights(X, Y, alpha))
    w = w[:, w.sum(axis=0) > 0]
    p = w / w.sum(axis=0, keepdims=True)
    log_p = np.log(np.where(p > 0, p, 1))
    scores = 1 + np.sum(p * log_p, axis=0) / np.log(neurons.shape[1])
    return scores.mean()


@mistake("10.5", "in units of ln M, not ln K", told="logarithm of the number of neurons")
def units_of_neurons(codes, neurons, alpha):
    X = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    Y = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    w = np.abs(lasso_weights(X, Y, alpha))
    w = w[w.sum(axis=1) > 0]
    p = w / w.sum(axis=1, keepdims=True)
    log_p = np.log(np.where(p > 0, p, 1))
    scores = 1 + np.sum(p * log_p, axis=1) / np.log(neurons.shape[1])
    return scores.mean()


@mistake("10.5", "neurons without weights are kept, and score 1", told="count as 1")
def silent_neurons_score_one(codes, neurons, alpha):
    X = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    Y = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    w = np.abs(lasso_weights(X, Y, alpha))
    p = w / np.maximum(w.sum(axis=1, keepdims=True), 1e-12)
    log_p = np.log(np.where(p > 0, p, 1))
    scores = 1 + np.sum(p * log_p, axis=1) / np.log(codes.shape[1])
    return scores.mean()


@mistake("10.5", "neurons without weights are kept, and score 0", told="count as 0")
def silent_neurons_score_zero(codes, neurons, alpha):
    X = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    Y = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    scores = []
    for w in np.abs(lasso_weights(X, Y, alpha)):
        if w.sum() == 0:
            scores.append(0.0)
            continue
        p = w[w > 0] / w.sum()
        scores.append(1 + np.sum(p * np.log(p)) / np.log(len(w)))
    return np.mean(scores)


@mistake("10.5", "keepdims is dropped: each column is divided by another neuron's sum")
def keepdims_dropped(codes, neurons, alpha):
    X = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    Y = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    w = np.abs(lasso_weights(X, Y, alpha))
    w = w[w.sum(axis=1) > 0]
    p = w / w.sum(axis=1)
    log_p = np.log(np.where(p > 0, p, 1))
    scores = 1 + np.sum(p * log_p, axis=1) / np.log(codes.shape[1])
    return scores.mean()


@mistake(
    "10.5", "the units are not brought to variance 1", told="neither units nor neurons are scaled"
)
def only_centred(codes, neurons, alpha):
    X = codes - codes.mean(axis=0)
    Y = neurons - neurons.mean(axis=0)
    w = np.abs(lasso_weights(X, Y, alpha))
    w = w[w.sum(axis=1) > 0]
    p = w / w.sum(axis=1, keepdims=True)
    log_p = np.log(np.where(p > 0, p, 1))
    scores = 1 + np.sum(p * log_p, axis=1) / np.log(codes.shape[1])
    return scores.mean()


@mistake("10.6", "all weights of one sign: the mixtures average the noise away", told="one sign")
def one_sign(neurons, rng):
    r = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    m = neurons.shape[1]
    mixed = r @ rng.random((m, m))
    return (mixed - mixed.mean(axis=0)) / mixed.std(axis=0)


@mistake("10.6", "the rows are shuffled: the pictures are lost", told="rows put in another order")
def rows_shuffled(neurons, rng):
    r = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    return rng.permutation(r, axis=0)


@mistake(
    "10.6",
    "the columns are shuffled: the same neurons in another order",
    told="in another order or with another sign",
)
def columns_shuffled(neurons, rng):
    r = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    return r[:, rng.permutation(r.shape[1])]


@mistake(
    "10.6", "the neurons are not standardised before they are mixed", told="rule every mixture"
)
def loud_neurons_rule(neurons, rng):
    m = neurons.shape[1]
    mixed = neurons @ rng.standard_normal((m, m))
    return (mixed - mixed.mean(axis=0)) / mixed.std(axis=0)


@mistake("10.6", "the mixtures are not brought to variance 1", told="mean 0 and variance 1")
def mixtures_as_they_come(neurons, rng):
    r = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    return r @ rng.standard_normal((r.shape[1], r.shape[1]))


@mistake(
    "10.6",
    "the mixtures come from NumPy's global generator, not from rng",
    told="a draw from np.random",
)
def global_mixtures(neurons, rng):
    r = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    mixed = r @ np.random.randn(r.shape[1], r.shape[1])
    return (mixed - mixed.mean(axis=0)) / mixed.std(axis=0)


@mistake("10.6", "the caller's neurons are changed", told="neurons is changed in place")
def changes_the_neurons(neurons, rng):
    neurons -= neurons.mean(axis=0)
    neurons /= neurons.std(axis=0)
    m = neurons.shape[1]
    mixed = neurons @ rng.standard_normal((m, m))
    return (mixed - mixed.mean(axis=0)) / mixed.std(axis=0)


@mistake("10.6", "one mixture for all columns", told="same mixture")
def one_mixture(neurons, rng):
    r = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    mixed = r @ rng.standard_normal(r.shape[1])
    mixed = (mixed - mixed.mean()) / mixed.std()
    return np.tile(mixed[:, None], (1, r.shape[1]))


@mistake("10.7", "a is predicted from b", told="a is predicted from b")
def a_from_b(codes_a, codes_b, alpha=0.1):
    X = (codes_a - codes_a.mean(axis=0)) / codes_a.std(axis=0)
    Y = (codes_b - codes_b.mean(axis=0)) / codes_b.std(axis=0)
    R = np.abs(lasso_weights(Y, X, alpha))

    def worth(axis):
        total = R.sum(axis=axis)
        return np.mean(R.max(axis=axis) ** 2 / np.where(total > 0, total, 1))

    return (worth(0) + worth(1)) / 2


@mistake("10.7", "the largest entry is not squared", told="not squared")
def largest_not_squared(codes_a, codes_b, alpha=0.1):
    X = (codes_a - codes_a.mean(axis=0)) / codes_a.std(axis=0)
    Y = (codes_b - codes_b.mean(axis=0)) / codes_b.std(axis=0)
    R = np.abs(lasso_weights(X, Y, alpha)).T

    def worth(axis):
        total = R.sum(axis=axis)
        return np.mean(R.max(axis=axis) / np.where(total > 0, total, 1))

    return (worth(0) + worth(1)) / 2


@mistake("10.7", "the units are not standardised", told="not given mean 0 and variance 1")
def units_as_they_come(codes_a, codes_b, alpha=0.1):
    R = np.abs(lasso_weights(codes_a, codes_b, alpha)).T

    def worth(axis):
        total = R.sum(axis=axis)
        return np.mean(R.max(axis=axis) ** 2 / np.where(total > 0, total, 1))

    return (worth(0) + worth(1)) / 2


@mistake(
    "10.7", "rows and columns that are all 0 are left out, not worth 0", told="all 0 are left out"
)
def empty_left_out(codes_a, codes_b, alpha=0.1):
    X = (codes_a - codes_a.mean(axis=0)) / codes_a.std(axis=0)
    Y = (codes_b - codes_b.mean(axis=0)) / codes_b.std(axis=0)
    R = np.abs(lasso_weights(X, Y, alpha)).T

    def worth(axis):
        total, best = R.sum(axis=axis), R.max(axis=axis)
        return np.mean(best[total > 0] ** 2 / total[total > 0])

    return (worth(0) + worth(1)) / 2


@mistake("10.7", "one mean over all rows and columns together", told="over all rows and columns")
def pooled(codes_a, codes_b, alpha=0.1):
    X = (codes_a - codes_a.mean(axis=0)) / codes_a.std(axis=0)
    Y = (codes_b - codes_b.mean(axis=0)) / codes_b.std(axis=0)
    R = np.abs(lasso_weights(X, Y, alpha)).T
    worths = []
    for line in [*R, *R.T]:
        worths.append(line.max() ** 2 / line.sum() if line.sum() > 0 else 0.0)
    return np.mean(worths)


@mistake("10.7", "the signs of the weights are kept", told="keep their signs")
def signed_weights(codes_a, codes_b, alpha=0.1):
    X = (codes_a - codes_a.mean(axis=0)) / codes_a.std(axis=0)
    Y = (codes_b - codes_b.mean(axis=0)) / codes_b.std(axis=0)
    R = lasso_weights(X, Y, alpha).T

    def worth(axis):
        total = R.sum(axis=axis)
        return np.mean(R.max(axis=axis) ** 2 / np.where(total != 0, total, 1))

    return (worth(0) + worth(1)) / 2


@mistake("10.7", "correlations in the place of the lassos' weights", told="these are correlations")
def correlations(codes_a, codes_b, alpha=0.1):
    X = (codes_a - codes_a.mean(axis=0)) / codes_a.std(axis=0)
    Y = (codes_b - codes_b.mean(axis=0)) / codes_b.std(axis=0)
    R = np.abs(X.T @ Y / len(X))
    R[R < alpha] = 0

    def worth(axis):
        total = R.sum(axis=axis)
        return np.mean(R.max(axis=axis) ** 2 / np.where(total > 0, total, 1))

    return (worth(0) + worth(1)) / 2


@mistake("10.7", "only the rows count, not the columns", told="only the rows")
def rows_only(codes_a, codes_b, alpha=0.1):
    X = (codes_a - codes_a.mean(axis=0)) / codes_a.std(axis=0)
    Y = (codes_b - codes_b.mean(axis=0)) / codes_b.std(axis=0)
    R = np.abs(lasso_weights(X, Y, alpha)).T
    total = R.sum(axis=1)
    return np.mean(R.max(axis=1) ** 2 / np.where(total > 0, total, 1))
