"""Your answers to the exercises of chapter 1.

Replace a `raise NotImplementedError` by your own lines, then run

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
        The sum of the N - 1 steps, in the unit of the points; no step leads back to the start.
    """
    raise NotImplementedError
