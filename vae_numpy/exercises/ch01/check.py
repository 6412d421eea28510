"""The checks of chapter 1: random versus spiral data."""

import numpy as np

from vae_numpy.exercises.cases import number, numbers, sizes
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
    def right(points):
        return float(sum(np.hypot.reduce(b - a) for a, b in zip(points, points[1:], strict=False)))

    def draw(rng):
        return (numbers(rng, *sizes(rng, 2)),)

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
        "one root is taken of all squares together; each step has a length of its own": (
            lambda p: np.sqrt(np.sum(np.diff(p, axis=0) ** 2))
        ),
        "the differences run along the columns, within each point; a step leads from row to row": (
            lambda p: np.sum(np.linalg.norm(np.diff(p, axis=1), axis=1))
        ),
        "only the first two coordinates are used; points may have any number": (
            lambda p: right(p[:, :2])
        ),
        "these are the lengths of the points, not of the steps between them": (
            lambda p: np.sum(np.linalg.norm(p, axis=1))
        ),
    }
    # Two steps of lengths 5 and 1, a closed square of side 2, and a half circle.
    bend = np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 5.0]])
    corners = np.array([[0.0, 0, 1], [2, 0, 1], [2, 2, 1], [0, 2, 1], [0, 0, 1]])
    angles = np.linspace(0, np.pi, 201)
    half_circle = np.column_stack([np.cos(angles), np.sin(angles)])
    first = [(bend,), (corners,), (half_circle,)]
    answer.agrees(right, draw, mistakes=mistakes, first=first)


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

    def lengths(X):
        """Return the singular values, whose squares are the eigenvalues of X^T X."""
        return np.linalg.svd(X, compute_uv=False)

    def centred(X):
        return X - sum(X) / len(X)

    def right(X):
        return shares(lengths(centred(X)) ** 2)

    def draw(rng):
        (D,) = sizes(rng, 1, 3, 7)
        cloud = rng.normal(size=(int(rng.integers(D + 3, 14)), D)) * rng.uniform(0.4, 2, D)
        tilted = cloud @ np.linalg.qr(rng.normal(size=(D, D)))[0]
        return (tilted + numbers(rng, D, low=-3, high=3),)

    mistakes = {
        "the mean is not taken off: the first direction points from the origin at the cloud": (
            lambda X: shares(lengths(X) ** 2)
        ),
        "one mean of all numbers is taken off; each coordinate has its own": (
            lambda X: shares(lengths(X - X.mean()) ** 2)
        ),
        "the shares are right, but the smallest comes first": lambda X: right(X)[::-1],
        "these are the shares of the coordinates, not of the principal directions; a tilted cloud "
        "shows the difference": [
            lambda X: shares(X.var(axis=0)),
            lambda X: np.sort(shares(X.var(axis=0)))[::-1],
        ],
        "these are shares of the standard deviation: singular values have to be squared": (
            lambda X: shares(lengths(centred(X)))
        ),
        "these are the variances; divide them by their sum": [
            lambda X: lengths(centred(X)) ** 2 / len(X),
            lambda X: lengths(centred(X)) ** 2 / (len(X) - 1),
            lambda X: lengths(centred(X)) ** 2,
        ],
        "these are the right shares, rounded": [
            lambda X: right(X).round(2),
            lambda X: right(X).round(3),
            lambda X: right(X).round(1),
        ],
    }
    cross = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]) + [10.0, 20.0]
    answer.agrees(right, draw, mistakes=mistakes, first=[(cross,)], n_calls=8)


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
        """Return each row once, in the order of their first coming."""
        return np.array([row for i, row in enumerate(X) if not (X[:i] == row).all(axis=1).any()])

    def right(X):
        return naive_neighbours(distinct(X))

    def draw(rng):
        M, D = sizes(rng, 2, 5, 10)[0], sizes(rng, 1, 1, 4)[0]
        cloud = rng.normal(size=(M, D))
        again = rng.choice(M, 3, replace=False)
        # One row twice in a row, two again at the end: copies may stand anywhere.
        return (np.vstack([cloud[again[:1]], cloud[again[0] :], cloud[: again[0]], cloud[again]]),)

    def one_by_one(X, others):
        """Return unsorted ratios of each row's two nearest; ``others`` picks the distances."""
        r = [others(np.sort(np.linalg.norm(X - x, axis=1))) for x in X]
        return np.array([row[1] / row[0] for row in r])

    def unsorted(X):
        return one_by_one(X, lambda r: r[1:])

    mistakes = {
        "each point is counted as its own nearest neighbour, at distance 0": (
            lambda X: naive_neighbours(distinct(X), 0, 1)
        ),
        "these are the second and the third neighbour; the point itself is one column only": (
            lambda X: naive_neighbours(distinct(X), 2, 3)
        ),
        "the ratio is upside down: the second distance divided by the first is at least 1": [
            lambda X: np.sort(1 / right(X)),
            lambda X: 1 / right(X),
        ],
        "the distances are still squared": lambda X: naive_neighbours(distinct(X), power=2.0),
        "a row that is repeated has a neighbour at distance 0; keep each row once": (
            lambda X: naive_neighbours(X)
        ),
        "copies are taken out only where they follow each other directly; they may stand "
        "anywhere": lambda X: naive_neighbours(X[np.append(True, np.any(X[1:] != X[:-1], axis=1))]),
        "distances of 0 are skipped, but a copy still counts, as a point and as a neighbour: keep "
        "each row once": lambda X: np.sort(one_by_one(X, lambda r: r[r > 0])),
        "ratios that are not finite are left out, and with them all rows that are repeated; each "
        "of them counts once": lambda X: (lambda mu: mu[np.isfinite(mu)])(naive_neighbours(X)),
        "the largest tenth is left out, as two_nn does; here each row has its ratio": (
            lambda X: right(X)[: int(0.9 * len(distinct(X)))]
        ),
        "the ratios are right, but not in rising order": [
            lambda X: unsorted(np.unique(X, axis=0)),
            lambda X: unsorted(distinct(X)),
            lambda X: right(X)[::-1],
        ],
    }
    line = np.array([[3.0], [0.0], [7.0], [1.0]])
    three = np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 1.0], [5.0, 5.0]])
    answer.agrees(right, draw, mistakes=mistakes, first=[(line,)])
    answer.gives(right(three), three)  # the fewest that have two neighbours


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
    def right(mu):
        low, high = 1e-9, 1e9  # halve where the slope of the log-likelihood changes its sign
        for _ in range(200):
            d = (low * high) ** 0.5
            slope = sum(1 / d - np.log(m) for m in mu.tolist())
            low, high = (d, high) if slope > 0 else (low, d)
        return d

    def draw(rng):
        return (numbers(rng, *sizes(rng, 1, 5, 20), low=1.05, high=4),)

    def slope_of_line(mu):
        x = np.log(np.sort(mu)[: int(0.9 * len(mu))])
        y = -np.log(1 - np.arange(1, len(x) + 1) / len(mu))
        return x @ y / (x @ x)

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
        "it is 1 less than the maximum: the exponent d + 1 is the density's, and d is wanted": (
            lambda mu: 1 / np.mean(np.log(mu)) - 1
        ),
        "each ratio gets a dimension, and their mean is taken; all ratios together have one "
        "maximum, 1 over the mean of the logarithms": lambda mu: np.mean(1 / np.log(mu)),
        "this is the dimension at which the median of the ratios is the likely one; the maximum "
        "of the likelihood needs all ratios": lambda mu: np.log(2) / np.log(np.median(mu)),
        "this is the slope of TwoNN's line, not the maximum of the likelihood": slope_of_line,
    }
    answer.agrees(right, draw, mistakes=mistakes)


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
    def right(factor, d):
        low, high = 0.0, 1e3  # halve: b more bits divide the error by 2^(2b/d)
        for _ in range(80):
            bits = (low + high) / 2
            low, high = (bits, high) if 2 ** (2 * bits / d) < factor else (low, bits)
        return bits

    def draw(rng):
        return number(rng, 1.2, 40), number(rng, 1.2, 6.5)

    mistakes = {
        "this is for the distance; a squared error falls twice as fast in the exponent": (
            lambda factor, d: d * np.log2(factor)
        ),
        "the dimension stands upside down: more dimensions cost more bits": [
            lambda factor, d: np.log2(factor) / (2 * d),
            lambda factor, d: 2 / d * np.log2(factor),
            lambda factor, d: np.log2(factor) / d,
        ],
        "natural logarithms count in nats; bits need the base 2": (
            lambda factor, d: d / 2 * np.log(factor)
        ),
        "the dimension is missing: this is the price on a curve": (
            lambda factor, d: np.log2(factor) / 2
        ),
        "d is divided by 2 and rounded down, as // does; a dimension is no whole number": (
            lambda factor, d: d // 2 * np.log2(factor)
        ),
        "factor is taken for the bits: this is by what so many bits divide the error": (
            lambda factor, d: 2 ** (2 * factor / d)
        ),
    }
    answer.agrees(right, draw, mistakes=mistakes)
    answer.gives(0.0, 1.0, 2.5)
    answer.gives(15.0, 1024.0, 3)
