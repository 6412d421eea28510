"""What a gradient would be after each mistake that needs no more than the right one to foresee."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.utils import check_integer

Features: TypeAlias = int | tuple[int, ...] | None  # D, or all numbers of features in play


class Suspect(NamedTuple):
    """A wrong answer that can be foreseen.

    Attributes
    ----------
    mistake : str
        A key of ``MISTAKES``.
    gradient : array
        What the gradient is after this mistake.
    message : str
        What to say about it: the rest of a sentence that begins with the gradient's name.
    """

    mistake: str
    gradient: FloatArray
    message: str


def known_factors(batch_size: int | None, n_features: Features) -> list[tuple[float, str, str]]:
    """List the constant factors that have a cause, as (factor, mistake, the cause)."""
    n = batch_size
    if n is not None:
        check_integer("batch_size", n, minimum=1)
    given = n_features if isinstance(n_features, tuple) else (n_features,)
    features = [d for d in given if d is not None]
    for d in features:
        check_integer("n_features", d, minimum=1)
    known: list[tuple[float, str, str]] = []
    if n is not None:
        known += [
            (n, "factor_n", f"N = {n}; the loss is a mean over the batch, so divide by N"),
            (1 / n, "factor_n", f"N = {n}; the division by the batch size was done twice"),
        ]
    known += [
        (2, "factor_2", "a 1/2 of the loss is lost, or backward ran twice without zeroing"),
        (1 / 2, "factor_2", "the 2 from the derivative of a square is lost, or a 1/2 too many"),
        (-1, "factor_-1", "a minus of the loss is lost, or a difference is taken the other way"),
    ]
    for d in features:
        known += [
            (d, "factor_d", f"D = {d}; a sum over the features, where the loss takes a mean"),
            (1 / d, "factor_d", f"D = {d}; a mean over the features, where the loss sums"),
        ]
    for d in features:
        if n is not None:
            axis = "the mean was taken over the wrong axis"
            known += [
                (n / d, "wrong_axis", f"divided by D = {d} instead of N = {n}: {axis}"),
                (d / n, "wrong_axis", f"divided by N = {n} instead of D = {d}: {axis}"),
                (d * n, "factor_n", f"N D = {n} {d}: the mean over both is left out"),
                (1 / (d * n), "factor_n", f"N D = {n} {d}: a mean over both, once too often"),
            ]
    # Each may come with the wrong sign.
    known += [(-c, mistake, cause) for c, mistake, cause in known if c > 0 and c != 1]
    return [(c, mistake, cause) for c, mistake, cause in known if c != 1]


def patterns(right: FloatArray) -> list[Suspect]:
    """List the suspects that need nothing but the right gradient: other order, other sums."""
    suspects: list[Suspect] = []
    reductions: list[tuple[Callable[..., FloatArray], str]]
    reductions = [(np.sum, "is summed"), (np.mean, "is averaged")]
    if right.ndim == 2 and min(right.shape) > 1:
        told = "has the right numbers, transposed: swap the factors of the product or move a .T"
        suspects += [
            Suspect("transposed", right.T, told),
            Suspect("transposed", right.T.reshape(right.shape), told + ", and do not reshape"),
        ]
    for axis in range(right.ndim):
        if right.shape[axis] > 1:
            told = f"over axis {axis}, which must be kept"
            for reduce, word in reductions:
                kept = reduce(right, axis=axis, keepdims=True)
                for gradient in (np.broadcast_to(kept, right.shape), kept, kept.squeeze(axis)):
                    suspects.append(Suspect("wrong_axis", gradient, f"{word} {told}"))
    return suspects


def from_parts(parts: Mapping[str, FloatArray], right: FloatArray) -> list[Suspect]:
    """List the suspects that leave out one term of the loss or turn its sign; parts by name."""
    suspects = []
    for term, part in parts.items():
        suspects += [
            Suspect("missing_term", right - part, f"lacks one term of the loss: {term}"),
            Suspect("term_factor", right - 2 * part, f"has the wrong sign in one term: {term}"),
        ]
    return suspects


def from_previous(previous: ArrayLike, right: FloatArray) -> list[Suspect]:
    """List the suspects that an earlier step leaves behind."""
    previous = np.asarray(previous, np.float64)
    if previous.shape != right.shape:
        return []
    earlier = "is that of an earlier step: it was not computed anew"
    inside = "has an earlier step's gradient inside: set it to zero before each backward pass"
    return [
        Suspect("stale", previous, earlier),
        Suspect("accumulated", previous + right, inside),
    ]


def from_noise(gradients: Sequence[ArrayLike]) -> list[Suspect]:
    """List the suspects that other draws of the noise make."""
    told = "is right for another draw of the noise: forward and backward must use the same one"
    return [Suspect("noise", np.asarray(gradient, np.float64), told) for gradient in gradients]
