"""The checks of chapter 1: random versus spiral data."""

import numpy as np

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
