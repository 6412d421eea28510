"""Answers to chapter 10's exercises as people give them."""

import numpy as np
from sklearn.linear_model import Lasso

from vae_numpy.exercises.register import right, wrong


@wrong("10.1", "sign is lost")
def shrink_sizes(c, alpha):
    return np.maximum(np.abs(c) - alpha, 0)


@wrong("10.1", "stop at 0")
def shrink_past_zero(c, alpha):
    return np.sign(c) * (np.abs(c) - alpha)


@wrong("10.1", "that is a threshold")
def hard_threshold(c, alpha):
    return c * (np.abs(c) > alpha)


@wrong("10.1", "negative correlations are cut off")
def shrink_like_relu(c, alpha):
    return np.maximum(c - alpha, 0)


@right("10.1")
def shrink_by_clipping(c, alpha):
    return c - np.clip(c, -alpha, alpha)


@wrong("10.2", "entropy itself")
def entropy_only(w):
    p = np.abs(w) / np.abs(w).sum()
    p = p[p > 0]
    return -np.sum(p * np.log(p)) / np.log(len(w))


@wrong("10.2", "K counts all units")
def ln_of_those_left(w):
    p = np.abs(w[w != 0]) / np.abs(w).sum()
    return 1 + np.sum(p * np.log(p)) / np.log(len(p))


@wrong("10.2", "not yet in units of ln K")
def nats(w):
    p = np.abs(w) / np.abs(w).sum()
    return 1 + np.sum(p[p > 0] * np.log(p[p > 0]))


@wrong("10.2", "squared weights")
def squares(w):
    p = w**2 / np.sum(w**2)
    p = p[p > 0]
    return 1 + np.sum(p * np.log(p)) / np.log(len(w))


@wrong("10.2", "0 ln 0 is 0")
def log_of_zero(w):
    p = np.abs(w) / np.abs(w).sum()
    with np.errstate(all="ignore"):
        return 1 + np.sum(p * np.log(p)) / np.log(len(w))


@right("10.2")
def logarithm_of_base_k(w):
    total, K = sum(abs(x) for x in w), len(w)
    return 1 + sum(abs(x) / total * np.log(abs(x) / total) / np.log(K) for x in w if x)


@wrong("10.3", "radians")
def in_radians(alpha, s):
    return np.arcsin(alpha / s**0.5)


@wrong("10.3", "noise is left out")
def without_noise(alpha, s):
    return np.rad2deg(np.arcsin(alpha))


@wrong("10.3", "share of the variance")
def without_root(alpha, s):
    return np.rad2deg(np.arcsin(min(alpha / s, 1)))


@wrong("10.3", "wrong way round")
def noise_helps(alpha, s):
    return np.rad2deg(np.arcsin(alpha * np.sqrt(s)))


@right("10.3")
def by_tangent(alpha, s):
    return np.rad2deg(np.arctan(alpha / np.sqrt(s - alpha**2)))


@wrong("10.4", "unit 0")
def argmax_of_zeros(weights):
    return len(set(weights.argmax(axis=1))) / weights.shape[1]


@wrong("10.4", "some weight somewhere")
def any_weight(weights):
    return np.mean((weights > 0).any(axis=0))


@wrong("10.4", "how many units")
def a_count(weights):
    return float(len({int(w.argmax()) for w in weights if w.any()}))


@wrong("10.4", "number of neurons")
def share_of_neurons(weights):
    return len({int(w.argmax()) for w in weights if w.any()}) / len(weights)


@wrong("10.4", "largest weight of each unit")
def favourite_neurons(weights):
    return len(set(weights.argmax(axis=0))) / weights.shape[1]


@wrong("10.4", "largest weight of each unit")
def rows_for_columns(weights):
    return len({int(w.argmax()) for w in weights.T if w.any()}) / len(weights)


@right("10.4")
def with_a_set(weights):
    return len({int(w.argmax()) for w in weights if w.any()}) / len(weights[0])


def shares_along(axis, codes, neurons, alpha):
    X = (codes - codes.mean(0)) / codes.std(0)
    Y = (neurons - neurons.mean(0)) / neurons.std(0)
    w = np.abs(Lasso(alpha=alpha, random_state=0).fit(X, Y).coef_)
    w = w[w.any(axis=1)]
    p = w / np.maximum(w.sum(axis=axis, keepdims=True), 1e-300)
    return np.mean(1 + np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1) / np.log(w.shape[1]))


@wrong("10.5", "over the neurons sum to 1")
def other_axis(codes, neurons, alpha):
    return shares_along(0, codes, neurons, alpha)


@wrong("10.5", "logarithm of the number of neurons")
def as_many_units_as_neurons(codes, neurons, alpha):
    X, Y = standard(codes), standard(neurons)
    w = np.abs(Lasso(alpha=alpha, random_state=0).fit(X, Y).coef_)
    w = w[w.any(axis=1)]
    p = w / w.sum(axis=1, keepdims=True)
    return np.mean(1 + np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1) / np.log(len(p)))


@wrong("10.5", "neither units nor neurons are scaled")
def centred_only(codes, neurons, alpha):
    w = np.abs(Lasso(alpha=alpha, random_state=0).fit(codes, neurons).coef_)
    w = w[w.any(axis=1)]
    p = w / w.sum(axis=1, keepdims=True)
    return np.mean(1 + np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1) / np.log(w.shape[1]))


@wrong("10.5", "they have no score")
def nothing_counts_as_zero(codes, neurons, alpha):
    X = (codes - codes.mean(0)) / codes.std(0)
    w = np.abs(
        Lasso(alpha=alpha, random_state=0)
        .fit(X, (neurons - neurons.mean(0)) / neurons.std(0))
        .coef_
    )
    scores = []
    for row in w:
        p = row[row > 0] / max(row.sum(), 1e-300)
        scores.append(1 + np.sum(p * np.log(p)) / np.log(len(row)) if p.size else 0.0)
    return np.mean(scores)


@right("10.5")
def neuron_by_neuron(codes, neurons, alpha):
    X = (codes - codes.mean(0)) / codes.std(0)
    scores = []
    for r in neurons.T:
        w = np.abs(
            Lasso(alpha=alpha, fit_intercept=False, random_state=0)
            .fit(X, (r - r.mean()) / r.std())
            .coef_
        )
        if w.any():
            p = w[w > 0] / w.sum()
            scores.append(1 - np.sum(p * np.log(1 / p)) / np.log(len(w)))
    return np.mean(scores)


def standard(r):
    return (r - r.mean(axis=0)) / r.std(axis=0)


@wrong("10.6", "rows put in another order")
def shuffled_pictures(neurons, rng):
    return standard(rng.permuted(neurons, axis=0))


@wrong("10.6", "in another order or with another sign")
def shuffled_neurons(neurons, rng):
    return standard(rng.permutation(neurons, axis=1))


@wrong("10.6", "same mixture")
def one_mixture(neurons, rng):
    return standard(standard(neurons) @ np.tile(rng.standard_normal((30, 1)), 30))


@wrong("10.6", "mean 0 and variance 1")
def not_scaled(neurons, rng):
    return standard(neurons) @ rng.standard_normal((30, 30))


@wrong("10.6", "rule every mixture")
def loud_neurons_rule(neurons, rng):
    return standard(neurons @ rng.standard_normal((30, 30)))


@wrong("10.6", "use rng")
def always_the_same(neurons, rng):
    return standard(standard(neurons) @ np.random.default_rng(0).standard_normal((30, 30)))


@right("10.6")
def by_rotation(neurons, rng):
    return standard(standard(neurons) @ np.linalg.qr(rng.standard_normal((30, 30)))[0])


def cross_weights(a, b, alpha):
    w = Lasso(alpha=alpha, random_state=0).fit(standard(a), standard(b)).coef_
    return np.abs(w).reshape(b.shape[1], a.shape[1]).T


def worths(R, power=2):
    return [max(row) ** power / sum(row) if sum(row) > 0 else 0 for row in R]


@wrong("10.7", "not squared")
def udr_without_square(codes_a, codes_b, alpha=0.1):
    R = cross_weights(codes_a, codes_b, alpha)
    return (np.mean(worths(R, 1)) + np.mean(worths(R.T, 1))) / 2


@wrong("10.7", "only the columns")
def udr_columns(codes_a, codes_b, alpha=0.1):
    return np.mean(worths(cross_weights(codes_a, codes_b, alpha).T))


@wrong("10.7", "only the rows")
def udr_rows(codes_a, codes_b, alpha=0.1):
    return np.mean(worths(cross_weights(codes_a, codes_b, alpha)))


@wrong("10.7", "are added")
def udr_added(codes_a, codes_b, alpha=0.1):
    R = cross_weights(codes_a, codes_b, alpha)
    return np.mean(worths(R)) + np.mean(worths(R.T))


@right("10.7")
def udr_with_loops(codes_a, codes_b, alpha=0.1):
    R = cross_weights(codes_a, codes_b, alpha)
    return (np.mean(worths(R)) + np.mean(worths(R.T))) / 2
