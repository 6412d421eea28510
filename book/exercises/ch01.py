"""Your answers to the exercises of chapter 1.

Replace a line that raises NotImplementedError by your own lines, then run

    pytest tests/exercises -k ch01
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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError
