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
        The sum of the N - 1 steps, in the unit of the points; no step leads back to the start.
    """
    steps = np.diff(points, axis=0)  # (N - 1, D): from each row to the next
    return np.linalg.norm(steps, axis=1).sum()  # first each step's length, then the sum
