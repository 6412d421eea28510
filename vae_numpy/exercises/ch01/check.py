"""The checks of chapter 1: random versus spiral data."""

import numpy as np

from vae_numpy import data
from vae_numpy.exercises.catalogue import exercise


@exercise(
    "1.1",
    trains="arithmetic with whole arrays instead of loops",
    difficulty="easy",
    minutes=5,
    hints=[
        "`np.diff(points, axis=0)` holds the N - 1 steps as rows.",
        "A step's length is the root of its summed squares: `np.linalg.norm(steps, axis=1)`.",
    ],
    compare="the spiral of the chapter should come out at 6.3",
)
def walk_length(answer):
    mistakes = {
        "the steps are added up before their lengths are taken: that is the way from the first "
        "point to the last as the crow flies": lambda p: np.linalg.norm(p[-1] - p[0]),
        "the last step, back to the first point, was not asked for": lambda p: np.sum(
            np.linalg.norm(p - np.roll(p, 1, axis=0), axis=1)
        ),
        "the steps along each axis are added up, as in a city of blocks; a step's length is the "
        "root of its summed squares": lambda p: np.abs(np.diff(p, axis=0)).sum(),
        "the squared lengths are added up; take the root of each first": lambda p: np.sum(
            np.diff(p, axis=0) ** 2
        ),
    }
    # Two steps of lengths 5 and 1, a closed square of side 2, and a half circle in many steps.
    answer.gives(6.0, np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]]), mistakes=mistakes)
    corners = np.array([[0.0, 0, 1], [2, 0, 1], [2, 2, 1], [0, 2, 1], [0, 0, 1]])
    answer.gives(8.0, corners, mistakes=mistakes)
    angles = np.linspace(0, np.pi, 2001)
    half_circle = np.column_stack([np.cos(angles), np.sin(angles)])
    answer.gives(np.pi, half_circle, mistakes=mistakes)


@exercise(
    "1.2",
    trains="reading a covariance matrix, and the order in which eigenvalues come",
    difficulty="easy",
    minutes=10,
    hints=[
        "Take the mean row off first: `Xc = X - X.mean(axis=0)`.",
        "`np.linalg.eigvalsh(Xc.T @ Xc)` gives the eigenvalues of a symmetric matrix, the smallest "
        "first.",
        "Shares sum to 1: divide by the sum. So a factor 1/N need not be there.",
    ],
    compare="for the helix, the three bars of the figure of spectra: 0.41, 0.38, 0.21",
)
def variance_shares(answer):
    def shares(values):
        return values / values.sum()

    def spectrum(X):
        return np.linalg.eigvalsh(X.T @ X)[::-1]

    def centred(X):
        return X - X.mean(axis=0)

    mistakes = {
        "the mean is not taken off: the first direction points from the origin at the cloud": (
            lambda X: shares(spectrum(X))
        ),
        "the shares are right, but the smallest comes first": (
            lambda X: shares(spectrum(centred(X)))[::-1]
        ),
        "these are the shares of the coordinates, not of the principal directions; a tilted cloud "
        "shows the difference": lambda X: (
            [shares(X.var(axis=0)), np.sort(shares(X.var(axis=0)))[::-1]]
        ),
        "these are shares of the standard deviation: singular values have to be squared": (
            lambda X: shares(np.sqrt(np.abs(spectrum(centred(X)))))
        ),
        "these are the variances; divide them by their sum": (
            lambda X: spectrum(centred(X)) / len(X)
        ),
    }
    cross = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]) + [10.0, 20.0]
    answer.gives(np.array([0.9, 0.1]), cross, mistakes=mistakes)
    # Eight corners of a box with variances 5, 3 and 2, turned about two axes and moved.
    box = np.sqrt([5.0, 3.0, 2.0]) * (np.indices((2, 2, 2)).reshape(3, 8).T * 2 - 1)
    turn = np.array([[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]])
    turn = turn @ np.array([[1, 0, 0], [0, 0.6, -0.8], [0, 0.8, 0.6]])
    answer.gives(np.array([0.5, 0.3, 0.2]), box @ turn + [1.0, -2.0, 4.0], mistakes=mistakes)


def naive_neighbours(X, first=1, second=2, power=1.0):
    """Return the sorted ratios of two sorted distances of each point, with loops."""
    ratios = []
    for a in X.tolist():
        distances = sorted(sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) for b in X.tolist())
        low, high = distances[first] ** (power / 2), distances[second] ** (power / 2)
        ratios.append(high / low if low else np.inf if high else np.nan)
    return np.sort(ratios)


@exercise(
    "1.3",
    trains="distances between all pairs of points, and the traps at distance zero",
    difficulty="medium",
    minutes=15,
    hints=[
        "`X[:, None] - X[None]` has the shape (N, N, D): the difference of every row to every row.",
        "After `np.sort(distances, axis=1)` column 0 is the point itself, columns 1 and 2 are its "
        "neighbours.",
        "`np.unique(X, axis=0)` keeps each row once.",
    ],
)
def neighbour_ratios(answer):
    def distinct(X):
        return np.unique(X, axis=0)

    mistakes = {
        "each point is counted as its own nearest neighbour, at distance 0": (
            lambda X: naive_neighbours(distinct(X), 0, 1)
        ),
        "these are the second and the third neighbour; the point itself is one column only": (
            lambda X: naive_neighbours(distinct(X), 2, 3)
        ),
        "the ratio is upside down: the second distance divided by the first is at least 1": (
            lambda X: np.sort(1 / naive_neighbours(distinct(X)))
        ),
        "the distances are still squared": lambda X: naive_neighbours(distinct(X), power=2.0),
        "a row that is repeated has a neighbour at distance 0; keep each row once": (
            lambda X: naive_neighbours(X)
        ),
    }

    line = np.array([[3.0], [0.0], [7.0], [1.0]])
    cloud = np.random.default_rng(0).normal(size=(12, 3))
    right = naive_neighbours(cloud)
    cases = [(np.array([1.5, 1.5, 2.0, 3.0]), line), (right, cloud)]
    for want, X in [*cases, (right, np.vstack([cloud, cloud[:4]]))]:
        mu = answer(X)
        unsorted = answer.fits(mu, want) and np.any(np.diff(mu) < 0)
        answer.holds(
            not unsorted or not np.allclose(np.sort(mu), want),
            "the ratios are right, but not in rising order",
        )
        answer.compare(mu, want, mistakes={line: wrong(X) for line, wrong in mistakes.items()})


@exercise(
    "1.4",
    trains="turning a distribution into an estimate: the maximum of a likelihood",
    difficulty="medium",
    minutes=15,
    hints=[
        "The density is minus the derivative of P(ratio > mu): d mu^(-d - 1).",
        "The log-likelihood of N ratios is N log d - (d + 1) (sum of log mu). Where is its "
        "derivative in d zero?",
    ],
)
def dimension_by_likelihood(answer):
    mistakes = {
        "upside down: large ratios are a sign of few dimensions": lambda mu: np.mean(np.log(mu)),
        "the logarithm is taken of the mean; the sum in the log-likelihood has the logarithm "
        "inside": lambda mu: 1 / np.log(np.mean(mu)),
        "this is (N - 1) over the sum, which corrects the bias; the maximum itself has N": (
            lambda mu: (len(mu) - 1) / np.sum(np.log(mu))
        ),
        "the derivative of log d is 1/d for each ratio, so N has to stand on top": (
            lambda mu: 1 / np.sum(np.log(mu))
        ),
        "these are logarithms to the base 2; the derivation uses natural ones": (
            lambda mu: 1 / np.mean(np.log2(mu))
        ),
    }
    answer.gives(4.0, np.exp([0.25, 0.25, 0.25, 0.25]), mistakes=mistakes)
    answer.gives(5 / 15, np.exp([1.0, 2.0, 3.0, 4.0, 5.0]), mistakes=mistakes)


@exercise(
    "1.5",
    trains="shuffling without repeats, and a generator as an argument",
    difficulty="medium",
    minutes=10,
    hints=[
        "`rng.permutation(X)` returns a shuffled copy of the rows.",
        "Cut off what does not fill a block, then `reshape` to (blocks, m, D).",
    ],
)
def deal(answer):
    X = np.arange(74.0).reshape(37, 2)  # row i is (2i, 2i + 1): every row tells its place
    in_order = X[:35].reshape(7, 5, 2)
    blocks = answer(X, 5, np.random.default_rng(0))
    answer.holds(
        not isinstance(blocks, (list, tuple, np.ndarray)) or len(blocks) != 8,
        "the two rows that are left over make a block of their own",
    )
    answer.form(blocks, in_order)
    rows = np.asarray(blocks, float).reshape(-1, 2)
    answer.holds(
        np.all(rows[:, 1] - rows[:, 0] == 1) and np.all(np.isin(rows[:, 0], X[:, 0])),
        "the columns are shuffled each on its own: the rows of the blocks are no rows of X",
        [f"for example row {rows[0]} of the first block"],
    )
    seen, counts = np.unique(rows[:, 0], return_counts=True)
    answer.holds(
        counts.max() == 1,
        "some rows are dealt twice: draw without putting back",
        [f"row {seen[counts.argmax()] / 2:.0f} of X comes {counts.max()} times"],
    )
    answer.holds(
        not np.array_equal(blocks, in_order),
        "the rows come as they came in: if X is sorted along its curve, each block is a piece of "
        "the curve. Shuffle first",
    )
    in_block = np.sort(rows[:, 0].reshape(7, 5), axis=1)
    answer.holds(
        not np.all(np.diff(in_block, axis=1) == 2),
        "whole blocks are shuffled, but the rows inside one are still neighbours; shuffle the rows",
    )
    again = answer(X, 5, np.random.default_rng(1))
    answer.holds(
        not np.array_equal(blocks, again),
        "two different generators give the same blocks: the shuffling does not use rng",
    )


@exercise(
    "1.6",
    trains="solving a scaling law for what you want to know",
    difficulty="easy",
    minutes=5,
    hints=[
        "b more bits divide the squared error by 2^(2b/d). Set this equal to the factor.",
        "The logarithm to the base 2 is `np.log2`.",
    ],
    compare="on a curve one bit more divides the squared error by 4: the slope of the figure",
)
def extra_bits(answer):
    mistakes = {
        "this is for the distance; a squared error falls twice as fast in the exponent": (
            lambda factor, d: d * np.log2(factor)
        ),
        "the dimension stands upside down: more dimensions cost more bits": (
            lambda factor, d: np.log2(factor) / (2 * d)
        ),
        "natural logarithms count in nats; bits need the base 2": (
            lambda factor, d: d / 2 * np.log(factor)
        ),
        "the dimension is missing: this is the price on a curve": (
            lambda factor, d: np.log2(factor) / 2
        ),
    }
    answer.gives(1.0, 4.0, 1, mistakes=mistakes)
    answer.gives(2.0, 4.0, 2, mistakes=mistakes)
    answer.gives(15.0, 1024.0, 3, mistakes=mistakes)


@exercise(
    "1.7",
    trains="finding a code that nobody gave you: a small project",
    difficulty="project",
    minutes=45,
    hints=[
        "Grow a chain from any point: its two ends each look for the nearest point that is still "
        "free.",
        "The nearer of the two free points is joined to its end. Repeat until none is free.",
        "Add up the steps along the chain (exercise 1.1), divide by the total, and put the values "
        "where their rows are: `t[chain] = walked / walked[-1]`.",
    ],
    compare="draw it: `plotting.cloud(spiral, unroll(spiral))` is coloured as in the chapter",
)
def unroll(answer):
    spiral, t = data.make_spiral(300, dim=3, random_state=0)
    _check_unrolled(answer, spiral, t)
    # A helix with more points near its lower end: counting points is not measuring lengths.
    t = np.random.default_rng(1).permutation(np.linspace(0, 1, 250) ** 1.6)
    helix = np.column_stack([np.cos(5 * np.pi * t), np.sin(5 * np.pi * t), 3 * t])
    _check_unrolled(answer, helix, t)


def _check_unrolled(answer, X, t):
    want = (t - t.min()) / np.ptp(t)
    returned = answer(X)
    if answer.fits(returned, want):
        # The answer may count from either end: compare with the one that it chose.
        want = min(want, 1 - want, key=lambda choice: np.abs(returned - choice).sum())
    Xc = X - X.mean(axis=0)
    order = np.argsort(want)
    angle = np.arctan2(X[:, 1], X[:, 0])
    straight = [np.linalg.norm(X - X[end], axis=1) for end in order[[0, -1]]]
    mistakes = {
        "the values are in walking order; entry i belongs to row i of X": np.sort(want),
        "these are indices into X, not positions": [order, order[::-1]],
        "these are lengths; divide by the whole, so that the ends are 0 and 1": (
            want * np.linalg.norm(np.diff(X[order], axis=0), axis=1).sum()
        ),
        "this counts the points passed; where points are dense they are passed at shorter steps": (
            np.argsort(order) / (len(X) - 1)
        ),
        "this is the shadow on a straight line, the code of PCA: the curve passes the same shadow "
        "more than once": _scaled(Xc @ np.linalg.svd(Xc, full_matrices=False)[2][0]),
        "this is the distance from one end as the crow flies; the curve comes back towards its "
        "beginning": _scaled(straight[0]) + _scaled(straight[1]),
        "this is the angle: it starts again from the beginning after each turn": (
            _scaled(angle) + _scaled(angle % (2 * np.pi))
        ),
    }
    answer.compare(returned, want, mistakes=mistakes, rtol=0, atol=0.01)


def _scaled(value):
    """Return the ways in which a coordinate may be turned into a code."""
    fraction = (value - value.min()) / np.ptp(value)
    return [value, -value, fraction, 1 - fraction]
