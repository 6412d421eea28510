"""Answers to the exercises of chapter 1, with the reasons.

Write your own into ``book/exercises/ch01.py`` first.
"""

import numpy as np


def walk_length(points):
    """Return the length of the walk from row to row of ``points``.

    Parameters
    ----------
    points : (N, D)
        The places, in the order in which they are visited.

    Returns
    -------
    length : float
        The sum of the N - 1 steps, in the unit of the points; no step leads
        back to the start.
    """
    steps = np.diff(points, axis=0)  # (N - 1, D): from each row to the next
    # First the length of each step, then the sum.
    return np.linalg.norm(steps, axis=1).sum()


def variance_shares(X):
    """Return each principal direction's share of variance, largest first.

    Parameters
    ----------
    X : (N, D)
        A cloud; its mean may be anywhere.

    Returns
    -------
    shares : (D,)
        The eigenvalues of the covariance matrix in falling order, divided
        by their sum.
    """
    # Without this the first direction points at the cloud.
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc)[::-1]  # eigvalsh counts up
    # A factor 1/N or 1/(N - 1) would cancel here.
    return eigenvalues / eigenvalues.sum()


def neighbour_ratios(X):
    """Return the ratios r2 / r1 of the points of a cloud, sorted.

    r1 is the distance of a point to its nearest neighbour, r2 to the next.

    Parameters
    ----------
    X : (N, D)
        A cloud. Repeated rows count once; at least three are different.

    Returns
    -------
    mu : (M,)
        One ratio for each of the M different rows, in rising order; all are
        at least 1.
    """
    X = np.unique(X, axis=0)  # else a copy is a neighbour at distance 0
    distances = np.linalg.norm(X[:, None] - X[None], axis=2)  # (M, M)
    r = np.sort(distances, axis=1)  # r[:, 0] is 0: the point itself
    return np.sort(r[:, 2] / r[:, 1])


def dimension_by_likelihood(mu):
    """Return the dimension under which the observed ratios are most likely.

    Parameters
    ----------
    mu : (N,)
        Ratios r2 / r1 > 1, thought of as independent draws with
        P(ratio > mu) = mu ** -d.

    Returns
    -------
    d : float
        The maximum of the likelihood.
    """
    # P(ratio > mu) = mu^-d has the density d mu^(-d - 1), so the
    # log-likelihood of N ratios is
    #     N log d - (d + 1) sum log mu.
    # Its derivative N / d - sum log mu is zero at:
    return len(mu) / np.sum(np.log(mu))


def deal(X, m, rng):
    """Deal the rows of a cloud into blocks of ``m``, like cards into hands.

    Parameters
    ----------
    X : (N, D)
        The cloud; it keeps its order.
    m : int
        Rows in a block. Rows that do not fill a block are left out; which
        ones is chance, too.
    rng : numpy.random.Generator
        Shuffles.

    Returns
    -------
    blocks : (N // m, m, D)
        Every row is in one block at most.
    """
    # A shuffled copy; rng.shuffle(X) would change the caller's X.
    shuffled = rng.permutation(X)
    n_blocks = len(X) // m
    return shuffled[: n_blocks * m].reshape(n_blocks, m, -1)


def extra_bits(factor, d):
    """Return how many more bits divide the squared error by ``factor``.

    Parameters
    ----------
    factor : float
        At least 1.
    d : float
        The intrinsic dimension of the cloud.

    Returns
    -------
    bits : float
        Per point, not rounded.
    """
    # The squared error goes like 2^(-2b/d), so b more bits divide it by
    # 2^(2b/d) = factor.
    return d / 2 * np.log2(factor)


def unroll(X):
    """Return where along a curve its points lie, from the points alone.

    Parameters
    ----------
    X : (N, D)
        Points of one curve with two ends, without noise, in any order.
        Neighbours along the curve are closer to each other than different
        arms of the curve are.

    Returns
    -------
    t : (N,)
        For each row of ``X``, its position as a fraction of the length of
        the walk: 0 at one end, of your choice, and 1 at the other.
    """
    # Grow a chain from any point. It has two ends; whichever has the
    # nearest free point takes it.
    chain, free = [0], np.arange(1, len(X))
    while len(free):
        to_first = np.linalg.norm(X[free] - X[chain[0]], axis=1)
        to_last = np.linalg.norm(X[free] - X[chain[-1]], axis=1)
        if to_first.min() < to_last.min():
            nearest = np.argmin(to_first)
            chain.insert(0, free[nearest])
        else:
            nearest = np.argmin(to_last)
            chain.append(free[nearest])
        free = np.delete(free, nearest)
    steps = np.linalg.norm(np.diff(X[chain], axis=0), axis=1)
    walked = np.concatenate([[0], np.cumsum(steps)])
    t = np.empty(len(X))
    t[chain] = walked / walked[-1]  # row chain[i] is the i-th on the walk
    return t
