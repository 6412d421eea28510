"""Wrong answers to chapter 1's last exercises, written from their statements."""

# ruff: noqa: NPY002 - np.random's global state is one of the mistakes

import numpy as np

from tests.exercises_gate.register import judged_otherwise, mistake

# 1.5 Deal the cards

judged_otherwise(
    "1.5", "which row goes where is chance: judged by what all six deals have in common"
)


@mistake("1.5", "cut first, and then shuffled inside the blocks", told="shuffled inside them")
def shuffled_inside_blocks(X, m, rng):
    n_blocks = len(X) // m
    blocks = X[: n_blocks * m].reshape(n_blocks, m, -1)
    return np.stack([rng.permutation(block) for block in blocks])


@mistake(
    "1.5",
    "whole blocks are shuffled, each still a run of neighbouring rows",
    told="whole blocks are shuffled",
)
def blocks_shuffled(X, m, rng):
    n_blocks = len(X) // m
    blocks = X[: n_blocks * m].reshape(n_blocks, m, X.shape[1])
    return rng.permutation(blocks)


@mistake("1.5", "the caller's X is shuffled in place", told="the argument X is changed in place")
def shuffled_in_place(X, m, rng):
    rng.shuffle(X)
    n_blocks = len(X) // m
    return X[: n_blocks * m].reshape(n_blocks, m, -1).copy()


@mistake(
    "1.5", "shuffled with NumPy's global generator instead of rng", told="a draw from np.random"
)
def global_generator(X, m, rng):
    shuffled = X[np.random.permutation(len(X))]
    n_blocks = len(X) // m
    return shuffled[: n_blocks * m].reshape(n_blocks, m, -1)


@mistake(
    "1.5",
    "a generator of its own with a fixed seed instead of rng",
    told="the shuffling does not use rng",
)
def seed_of_its_own(X, m, rng):
    shuffled = np.random.default_rng(0).permutation(X)
    blocks = [shuffled[i : i + m] for i in range(0, len(X) - m + 1, m)]
    return np.array(blocks)


@mistake(
    "1.5",
    "each block is drawn from all rows again, so a row can be in several",
    told="each block is drawn from all rows",
)
def drawn_afresh(X, m, rng):
    return np.array([rng.choice(X, m, replace=False) for _ in range(len(X) // m)])


@mistake(
    "1.5",
    "every column is shuffled on its own, which tears the rows apart",
    told="the columns are shuffled each on its own",
)
def columns_shuffled(X, m, rng):
    shuffled = rng.permuted(X, axis=0)
    n_blocks = len(X) // m
    return shuffled[: n_blocks * m].reshape(n_blocks, m, -1)


@mistake(
    "1.5",
    "number of blocks and rows in a block exchanged: m blocks of N // m rows",
    told="these are m blocks of N // m rows",
)
def m_blocks(X, m, rng):
    shuffled = rng.permutation(X)
    size = len(X) // m
    return shuffled[: m * size].reshape(m, size, -1)


@mistake("1.5", "dealt round the table, but never shuffled", told="nothing is shuffled")
def never_shuffled(X, m, rng):
    n_blocks = len(X) // m
    return np.array([X[i::n_blocks][:m] for i in range(n_blocks)])


# 1.6 How many bits more?


@mistake("1.6", "rounded up to whole bits", told="the right one, rounded up")
def whole_bits(factor, d):
    return np.ceil(d / 2 * np.log2(factor))


@mistake(
    "1.6",
    "the 1/2 is forgotten: the error, not its square, is divided by the factor",
    told="this is for the distance",
)
def half_forgotten(factor, d):
    return d * np.log2(factor)


@mistake("1.6", "natural logarithm instead of base 2", told="natural logarithms count in nats")
def natural_bits(factor, d):
    return d / 2 * np.log(factor)


@mistake("1.6", "wrongly solved: 2 / d instead of d / 2", told="the dimension stands upside down")
def two_over_d(factor, d):
    return 2 / d * np.log2(factor)


@mistake("1.6", "d is forgotten: right for a curve only", told="the dimension is missing")
def bits_of_a_curve(factor, d):
    return np.log2(factor) / 2


@mistake("1.6", "whole-number division of d by 2", told="divided by 2 and rounded down")
def floor_divided(factor, d):
    return d // 2 * np.log2(factor)


@mistake("1.6", "the sign is wrong", told="the wrong sign")
def negative_bits(factor, d):
    return -d / 2 * np.log2(factor)


@mistake(
    "1.6",
    "not solved for the bits: what `factor` bits would divide the error by",
    told="factor is taken for the bits",
)
def factor_taken_for_bits(factor, d):
    return 2 ** (2 * factor / d)


# 1.7 Find the walk yourself

judged_otherwise(
    "1.7", "which end is 0 is for the answer to choose: judged on five curves together"
)


def grown(X):
    """Return the rows of ``X`` in the order of the curve, with no mistake."""
    chain, free = [0], list(range(1, len(X)))
    while free:
        to_first = np.linalg.norm(X[free] - X[chain[0]], axis=1)
        to_last = np.linalg.norm(X[free] - X[chain[-1]], axis=1)
        if to_first.min() < to_last.min():
            chain.insert(0, free.pop(to_first.argmin()))
        else:
            chain.append(free.pop(to_last.argmin()))
    return np.array(chain)


def walked_along(X, chain):
    """Return the distance walked from the start to each place of the chain."""
    steps = np.linalg.norm(np.diff(X[chain], axis=0), axis=1)
    return np.concatenate([[0], np.cumsum(steps)])


def nearest_next(X, start):
    """Walk from a row to the nearest that is free, and on: a chain with one growing end."""
    chain, free = [start], [i for i in range(len(X)) if i != start]
    while free:
        apart = np.linalg.norm(X[free] - X[chain[-1]], axis=1)
        chain.append(free.pop(apart.argmin()))
    return np.array(chain)


@mistake(
    "1.7",
    "the chain grows at one end only, from the point furthest from the mean",
    told="grows at one end only",
)
def chain_from_the_furthest(X):
    start = np.argmax(np.linalg.norm(X - X.mean(axis=0), axis=1))
    chain = nearest_next(X, start)
    walked = walked_along(X, chain)
    t = np.empty(len(X))
    t[chain] = walked / walked[-1]
    return t


@mistake(
    "1.7",
    "the chain grows at one end only, from the first row, which is no end of the curve",
    told="grows at one end only",
)
def chain_from_the_first_row(X):
    chain = nearest_next(X, 0)
    walked = walked_along(X, chain)
    t = np.empty(len(X))
    t[chain] = walked / walked[-1]
    return t


@mistake(
    "1.7",
    "the result is in the order of the chain, not of the rows of X",
    told="the values are in walking order",
)
def order_of_the_chain(X):
    walked = walked_along(X, grown(X))
    return walked / walked[-1]


@mistake(
    "1.7",
    "the place in the chain is counted, not the length walked",
    told="this counts the points passed",
)
def places_counted(X):
    chain = grown(X)
    t = np.empty(len(X))
    t[chain] = np.arange(len(X)) / (len(X) - 1)
    return t


@mistake(
    "1.7",
    "the first principal coordinate, which the curve passes several times over",
    told="the code of PCA",
)
def first_principal_coordinate(X):
    Xc = X - X.mean(axis=0)
    z = Xc @ np.linalg.eigh(Xc.T @ Xc)[1][:, -1]
    return (z - z.min()) / (z.max() - z.min())


@mistake(
    "1.7",
    "the length walked is not divided by the whole length",
    told="these are lengths; divide by the whole",
)
def length_not_fraction(X):
    chain = grown(X)
    t = np.empty(len(X))
    t[chain] = walked_along(X, chain)
    return t


@mistake(
    "1.7",
    "the chain's permutation is applied the wrong way round",
    told="the chain is used the wrong way round",
)
def permuted_the_wrong_way(X):
    chain = grown(X)
    walked = walked_along(X, chain)
    return walked[chain] / walked[-1]


@mistake(
    "1.7",
    "the straight distance from one end instead of the way along the curve",
    told="as the crow flies",
)
def as_the_crow_flies(X):
    end = grown(X)[0]
    apart = np.linalg.norm(X - X[end], axis=1)
    return apart / apart.max()
