"""Answers to chapter 1's exercises as people give them."""

import numpy as np

from vae_numpy.exercises.register import right, wrong


@wrong("1.1", "as the crow flies")
def sum_before_length(points):
    return np.linalg.norm(np.diff(points, axis=0).sum(axis=0))


@wrong("1.1", "back to the first point")
def closed_walk(points):
    return np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1).sum()


@wrong("1.1", "city of blocks")
def blocks(points):
    return np.sum(np.abs(points[1:] - points[:-1]))


@wrong("1.1", "squared lengths")
def no_root(points):
    return ((points[1:] - points[:-1]) ** 2).sum()


@right("1.1")
def with_a_loop(points):
    length = 0
    for a, b in zip(points.tolist()[:-1], points.tolist()[1:], strict=True):
        length += sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5
    return length


@right("1.1")
def in_float32(points):
    points = points.astype(np.float32)
    return np.sqrt(((points[1:] - points[:-1]) ** 2).sum(1)).sum(0)


def spectrum(X):
    return np.linalg.eigvalsh(X.T @ X)[::-1]


@wrong("1.2", "mean is not taken off")
def not_centred(X):
    return spectrum(X) / spectrum(X).sum()


@wrong("1.2", "smallest comes first")
def rising(X):
    values = np.linalg.eigvalsh(np.cov(X.T))
    return values / values.sum()


@wrong("1.2", "shares of the coordinates")
def coordinates(X):
    return np.sort(X.var(axis=0))[::-1] / X.var(axis=0).sum()


@wrong("1.2", "singular values have to be squared")
def not_squared(X):
    s = np.linalg.svd(X - X.mean(0), compute_uv=False)
    return s / s.sum()


@wrong("1.2", "divide them by their sum")
def variances(X):
    return spectrum(X - X.mean(0)) / len(X)


@right("1.2")
def by_singular_values_in_float32(X):
    s = np.linalg.svd((X - X.mean(0)).astype(np.float32), compute_uv=False) ** 2
    return s / s.sum()


@right("1.2")
def by_covariance(X):
    values = sorted(np.linalg.eig(np.cov(X, rowvar=False))[0], reverse=True)
    return [value / sum(values) for value in values]


def sorted_distances(X):
    return np.sort(np.linalg.norm(X[:, None] - X[None], axis=2), axis=1)


@wrong("1.3", "its own nearest neighbour")
def itself(X):
    r = sorted_distances(np.unique(X, axis=0))
    return np.sort(r[:, 1] / r[:, 0])


@wrong("1.3", "second and the third")
def one_too_far(X):
    r = sorted_distances(np.unique(X, axis=0))
    return np.sort(r[:, 3] / r[:, 2])


@wrong("1.3", "upside down")
def upside_down(X):
    r = sorted_distances(np.unique(X, axis=0))
    return np.sort(r[:, 1] / r[:, 2])


@wrong("1.3", "still squared")
def squared(X):
    r = sorted_distances(np.unique(X, axis=0)) ** 2
    return np.sort(r[:, 2] / r[:, 1])


@wrong("1.3", "keep each row once")
def repeated(X):
    r = sorted_distances(X)
    return np.sort(r[:, 2] / r[:, 1])


@wrong("1.3", "not in rising order")
def not_sorted(X):
    r = sorted_distances(np.unique(X, axis=0))
    return r[:, 2] / r[:, 1]


@right("1.3")
def with_loops(X):
    rows = {tuple(row) for row in X.tolist()}
    ratios = []
    for a in rows:
        r = sorted(np.hypot.reduce(np.subtract(a, b)) for b in rows if b != a)
        ratios.append(r[1] / r[0])
    return sorted(ratios)


@wrong("1.4", "upside down")
def mean_logarithm(mu):
    return np.log(mu).mean()


@wrong("1.4", "taken of the mean")
def logarithm_of_mean(mu):
    return 1 / np.log(np.mean(mu))


@wrong("1.4", "corrects the bias")
def unbiased(mu):
    return (len(mu) - 1) / np.log(mu).sum()


@wrong("1.4", "N has to stand on top")
def without_n(mu):
    return 1 / np.log(mu).sum()


@wrong("1.4", "base 2")
def in_bits(mu):
    return 1 / np.mean(np.log2(mu))


@right("1.4")
def by_search(mu):
    low, high = 1e-6, 1e6  # halve where the slope of the log-likelihood changes its sign
    for _ in range(100):
        d = (low + high) / 2
        low, high = (d, high) if len(mu) / d > sum(np.log(mu)) else (low, d)
    return d


@wrong("1.5", "left over make a block")
def keeps_the_rest(X, m, rng):
    shuffled = rng.permutation(X)
    return [shuffled[i : i + m] for i in range(0, len(X), m)]


@wrong("1.5", "each on its own")
def columns_apart(X, m, rng):
    return rng.permuted(X, axis=0)[: len(X) // m * m].reshape(-1, m, X.shape[1])


@wrong("1.5", "dealt twice")
def with_putting_back(X, m, rng):
    return rng.choice(X, size=(len(X) // m, m))


@wrong("1.5", "as they came in")
def not_shuffled(X, m, rng):
    return X[: len(X) // m * m].reshape(-1, m, X.shape[1])


@wrong("1.5", "whole blocks are shuffled")
def blocks_shuffled(X, m, rng):
    return rng.permutation(X[: len(X) // m * m].reshape(-1, m, X.shape[1]))


@wrong("1.5", "does not use rng")
def own_generator(X, m, rng):
    return np.random.default_rng(3).permutation(X)[: len(X) // m * m].reshape(-1, m, X.shape[1])


@wrong("1.5", "global random state")
def global_generator(X, m, rng):
    np.random.seed(0)  # noqa: NPY002 (the mistake)
    shuffled = np.random.permutation(X)  # noqa: NPY002 (the mistake)
    return shuffled[: len(X) // m * m].reshape(-1, m, X.shape[1])


@wrong("1.5", "X is changed in place")
def shuffles_the_callers(X, m, rng):
    rng.shuffle(X)
    return X[: len(X) // m * m].reshape(-1, m, X.shape[1])


@right("1.5")
def by_indices(X, m, rng):
    deck = list(rng.permutation(len(X)))
    hands = []
    while len(deck) >= m:
        hands.append(X[[deck.pop() for _ in range(m)]])
    return hands


@wrong("1.6", "for the distance")
def of_the_distance(factor, d):
    return d * np.log2(factor)


@wrong("1.6", "upside down")
def inverse_dimension(factor, d):
    return np.log2(factor) / (2 * d)


@wrong("1.6", "nats")
def natural(factor, d):
    return d / 2 * np.log(factor)


@wrong("1.6", "dimension is missing")
def curve_only(factor, d):
    return np.log2(factor) / 2


@right("1.6")
def by_change_of_base(factor, d):
    return np.float32(np.log(factor) / np.log(2 ** (2 / d)))


def scaled(values):
    return (values - values.min()) / (values.max() - values.min())


def chain_of(X):
    """Return the order of the points along the curve, from the last added to an end's other."""
    to_all = np.linalg.norm(X[:, None] - X[None], axis=2)
    order, left = [0], set(range(1, len(X)))
    while left:
        end, place = min((to_all[e, j], j, e) for e in (order[0], order[-1]) for j in left)[1:]
        left.remove(end)
        order.insert(0 if place == order[0] else len(order), end)
    return np.array(order)


def lengths(X):
    order = chain_of(X)
    return order, np.append(0, np.cumsum(np.linalg.norm(np.diff(X[order], axis=0), axis=1)))


@wrong("1.7", "walking order")
def in_walking_order(X):
    walked = lengths(X)[1]
    return walked / walked[-1]


@wrong("1.7", "indices into X")
def the_order_itself(X):
    return chain_of(X)


@wrong("1.7", "divide by the whole")
def not_divided(X):
    order, walked = lengths(X)
    t = np.empty(len(X))
    t[order] = walked
    return t


@wrong("1.7", "counts the points")
def ranks(X):
    return np.argsort(chain_of(X)) / (len(X) - 1)


@wrong("1.7", "code of PCA")
def shadow(X):
    Xc = X - X.mean(axis=0)
    return scaled(Xc @ np.linalg.eigh(Xc.T @ Xc)[1][:, -1])


@wrong("1.7", "crow flies")
def straight_from_the_outer_end(X):
    return scaled(np.linalg.norm(X - X[np.argmax(np.linalg.norm(X, axis=1))], axis=1))


@wrong("1.7", "the angle")
def angle(X):
    return scaled(np.arctan2(X[:, 1], X[:, 0]))


@right("1.7")
def by_shortest_paths(X):
    from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path

    tree = minimum_spanning_tree(np.linalg.norm(X[:, None] - X[None], axis=2))
    along = shortest_path(tree, directed=False)
    end = along[0].argmax()  # the farthest point along the curve is an end of it
    return along[end] / along[end].max()
