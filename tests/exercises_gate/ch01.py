"""Wrong answers to chapter 1's first exercises, written from their statements."""

import numpy as np

from tests.exercises_gate.register import mistake

# 1.1 The length of a walk


@mistake(
    "1.1", "differences taken along the wrong axis", told="the differences run along the columns"
)
def diff_without_axis(points):
    steps = np.diff(points)
    return np.linalg.norm(steps, axis=1).sum()


@mistake(
    "1.1", "only the first two coordinates are used", told="only the first two coordinates are used"
)
def x_and_y_only(points):
    dx = points[1:, 0] - points[:-1, 0]
    dy = points[1:, 1] - points[:-1, 1]
    return np.sum(np.sqrt(dx**2 + dy**2))


@mistake(
    "1.1",
    "one norm of all steps together instead of a length for each step",
    told="one root is taken of all squares together",
)
def norm_without_axis(points):
    steps = np.diff(points, axis=0)
    return np.linalg.norm(steps)


@mistake(
    "1.1",
    "the step from the last point back to the first is counted",
    told="back to the first point, was not asked for",
)
def round_trip(points):
    steps = points - np.roll(points, 1, axis=0)
    return np.linalg.norm(steps, axis=1).sum()


@mistake(
    "1.1",
    "the coordinates' absolute differences are added up, not the steps' lengths",
    told="the steps along each axis are added up",
)
def city_blocks(points):
    return np.abs(np.diff(points, axis=0)).sum()


@mistake(
    "1.1",
    "the square root is forgotten: squared lengths are added up",
    told="the squared lengths are added up",
)
def squared_steps(points):
    return np.sum((points[1:] - points[:-1]) ** 2)


@mistake("1.1", "the last step is left out", told="right for points without the last row")
def one_step_short(points):
    length = 0.0
    for i in range(len(points) - 2):
        length += np.linalg.norm(points[i + 1] - points[i])
    return length


@mistake(
    "1.1",
    "the points are sorted first, so they are visited in another order",
    told="right for points sorted",
)
def sorted_first(points):
    points = np.sort(points, axis=0)
    return np.linalg.norm(points[1:] - points[:-1], axis=1).sum()


# 1.2 A spectrum in shares


@mistake(
    "1.2",
    "one mean of all entries instead of one per coordinate",
    told="one mean of all numbers is taken off",
)
def scalar_mean(X):
    Xc = X - X.mean()
    values = np.linalg.eigvalsh(Xc.T @ Xc / len(X))[::-1]
    return values / values.sum()


@mistake("1.2", "the eigenvalues are not sorted", told="the right numbers in another order")
def eig_unsorted(X):
    Xc = X - X.mean(axis=0)
    values, _ = np.linalg.eig(Xc.T @ Xc / len(X))
    return values / values.sum()


@mistake("1.2", "not centred", told="the mean is not taken off")
def shares_not_centred(X):
    values = np.linalg.eigvalsh(X.T @ X / len(X))[::-1]
    return values / values.sum()


@mistake(
    "1.2",
    "variances of the coordinates instead of eigenvalues",
    told="the shares of the coordinates",
)
def coordinate_shares(X):
    values = np.sort(X.var(axis=0))[::-1]
    return values / values.sum()


@mistake("1.2", "rising order instead of falling", told="the smallest comes first")
def shares_rising(X):
    C = np.cov(X.T)
    values = np.linalg.eigvalsh(C)
    return values / values.sum()


@mistake(
    "1.2",
    "the eigenvalues are not divided by their sum",
    told="these are the variances; divide them",
)
def eigenvalues_themselves(X):
    Xc = X - X.mean(axis=0)
    return np.linalg.eigvalsh(Xc.T @ Xc / len(X))[::-1]


@mistake(
    "1.2",
    "singular values, not squared: shares of the standard deviations",
    told="shares of the standard deviation",
)
def singular_value_shares(X):
    Xc = X - X.mean(axis=0)
    values = np.linalg.svd(Xc, compute_uv=False)
    return values / values.sum()


@mistake("1.2", "rounded", told="the right shares, rounded")
def shares_as_in_the_figure(X):
    Xc = X - X.mean(axis=0)
    values = np.linalg.eigvalsh(Xc.T @ Xc)[::-1]
    return np.round(values / values.sum(), 2)


# 1.3 Two neighbours too close


@mistake("1.3", "the largest tenth of the ratios is left out", told="the largest tenth is left out")
def tenth_left_out(X):
    X = np.unique(X, axis=0)
    mu = np.empty(len(X))
    for i in range(len(X)):
        r = np.sort(np.linalg.norm(X - X[i], axis=1))
        mu[i] = r[2] / r[1]
    return np.sort(mu)[: int(0.9 * len(X))]


@mistake(
    "1.3",
    "distances of 0 are skipped, but each copy still counts, as point and as neighbour",
    told="distances of 0 are skipped, but a copy still counts",
)
def zeros_skipped(X):
    mu = []
    for x in X:
        r = np.linalg.norm(X - x, axis=1)
        r = np.sort(r[r > 0])
        mu.append(r[1] / r[0])
    return np.sort(mu)


@mistake(
    "1.3",
    "rows that are repeated are left out altogether instead of counting once",
    told="with them all rows that are repeated",
)
def infinite_ratios_dropped(X):
    r = np.sort(np.linalg.norm(X[:, None] - X[None], axis=2), axis=1)
    with np.errstate(all="ignore"):
        mu = r[:, 2] / r[:, 1]
    return np.sort(mu[np.isfinite(mu)])


@mistake(
    "1.3",
    "off by one: the third neighbour over the second",
    told="the second and the third neighbour",
)
def third_over_second(X):
    X = np.unique(X, axis=0)
    r = np.sort(np.linalg.norm(X[:, None] - X[None], axis=2), axis=1)
    return np.sort(r[:, 3] / r[:, 2])


@mistake("1.3", "the ratios are not sorted", told="not in rising order")
def ratios_unsorted(X):
    X = np.unique(X, axis=0)
    r = np.sort(np.linalg.norm(X[:, None] - X[None], axis=2), axis=1)
    return r[:, 2] / r[:, 1]


@mistake("1.3", "upside down: r1 / r2", told="the ratio is upside down")
def near_over_far(X):
    X = np.unique(X, axis=0)
    r = np.sort(np.linalg.norm(X[:, None] - X[None], axis=2), axis=1)
    return np.sort(r[:, 1] / r[:, 2])


@mistake(
    "1.3",
    "the square root is forgotten: ratios of squared distances",
    told="the distances are still squared",
)
def ratios_of_squares(X):
    X = np.unique(X, axis=0)
    squared = ((X[:, None] - X[None]) ** 2).sum(axis=2)
    r = np.sort(squared, axis=1)
    return np.sort(r[:, 2] / r[:, 1])


@mistake(
    "1.3",
    "only copies that follow each other directly are taken out",
    told="only where they follow each other directly",
)
def direct_copies_only(X):
    new = np.ones(len(X), dtype=bool)
    new[1:] = np.any(X[1:] != X[:-1], axis=1)
    X = X[new]
    r = np.sort(np.linalg.norm(X[:, None] - X[None], axis=2), axis=1)
    with np.errstate(all="ignore"):
        return np.sort(r[:, 2] / r[:, 1])


# 1.4 The most likely dimension


@mistake(
    "1.4",
    "1 is subtracted: the exponent d + 1 of the density is taken for d",
    told="it is 1 less than the maximum: the exponent d + 1",
)
def minus_one(mu):
    return len(mu) / np.sum(np.log(mu)) - 1


@mistake(
    "1.4",
    "the median of the ratios instead of the maximum of the likelihood",
    told="the median of the ratios",
)
def from_the_median(mu):
    return np.log(2) / np.log(np.median(mu))


@mistake("1.4", "logarithm to base 2 instead of the natural one", told="logarithms to the base 2")
def base_two(mu):
    return len(mu) / np.sum(np.log2(mu))


@mistake("1.4", "upside down: the mean logarithm is 1 / d", told="upside down")
def mean_logarithm(mu):
    return np.mean(np.log(mu))


@mistake("1.4", "N - 1 instead of N", told="this is (N - 1) over the sum")
def one_ratio_fewer(mu):
    return (len(mu) - 1) / np.sum(np.log(mu))


@mistake(
    "1.4",
    "the logarithm of the mean instead of the mean of the logarithms",
    told="the logarithm is taken of the mean",
)
def logarithm_of_mean(mu):
    return 1 / np.log(np.mean(mu))


@mistake(
    "1.4",
    "the mean of 1 / log mu instead of 1 over the mean",
    told="each ratio gets a dimension, and their mean",
)
def mean_of_single_estimates(mu):
    return np.mean(1 / np.log(mu))


@mistake(
    "1.4",
    "the slope of TwoNN's line instead of the maximum of the likelihood",
    told="the slope of TwoNN's line",
)
def slope_of_the_line(mu):
    N = len(mu)
    mu = np.sort(mu)[: int(0.9 * N)]
    x = np.log(mu)
    y = -np.log(1 - np.arange(1, len(mu) + 1) / N)
    return x @ y / (x @ x)
