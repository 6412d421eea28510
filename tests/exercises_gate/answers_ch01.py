"""Answers to chapter 1's exercises as people give them."""

import numpy as np
from register import right, wrong


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
