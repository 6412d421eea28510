"""Schedules: what changes in the course of a training, besides the weights.

The learning rate falls (``learning_rate_at``); the price of the KL falls (``fit_cooling``); the
part of the data that is seen grows (``fit_growing``).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from vae_numpy._types import ArrayLike, RandomState
from vae_numpy.utils import check_choice, check_integer, check_number, make_rng

if TYPE_CHECKING:  # the models import this module
    from vae_numpy.models import VAE
    from vae_numpy.models.base import BaseAutoencoder

Model = TypeVar("Model", bound="BaseAutoencoder")

# The learning rate ------------------------------------------------------------------------------

SCHEDULES = ("constant", "cosine", "step")


def learning_rate_at(schedule: str, initial: float, fraction: float) -> float:
    """Compute the learning rate after a fraction of the training.

    Parameters
    ----------
    schedule : {"constant", "cosine", "step"}
        ``"cosine"`` falls to 0 along half a cosine; ``"step"`` divides by 10 after one half and
        again after three quarters.
    initial : float
    fraction : float
        0 at the start of the training, 1 at its end.

    Returns
    -------
    learning_rate : float

    Raises
    ------
    ValueError
        If there is no such schedule.
    """
    check_choice("schedule", schedule, SCHEDULES)
    if schedule == "cosine":
        return initial * 0.5 * (1 + np.cos(np.pi * fraction))
    if schedule == "step":
        return initial * 0.1 ** ((fraction >= 0.5) + (fraction >= 0.75))
    return initial


# Cooling: beta falls from a high value to the model's own ---------------------------------------
#
# At a high beta only the factor that saves the most nats of reconstruction is worth a latent; as
# beta falls, the next one becomes worth its own, and so on. The latents come alive one after
# another instead of all at once, and each finds what is left.


def cooling_beta(
    end: float, hottest: float, fraction: float, *, share: float = 0.9, power: float = 1
) -> float:
    """Compute beta after a fraction of the training: a fall, then a rest at ``end``.

    Parameters
    ----------
    end, hottest : float
        Where beta ends and where it starts.
    fraction : float
        0 at the start of the training, 1 at its end.
    share : float
        The fraction at which the fall is over.
    power : float, > 0
        1 is a straight fall; 2 is a parabola, which stays hot for longer.

    Returns
    -------
    beta : float
    """
    return end + (hottest - end) * max(0.0, 1 - (fraction / share) ** power)


def fit_cooling(
    model: "VAE",
    draw: Callable[[], ArrayLike],
    *,
    hottest: float,
    n_rounds: int,
    share: float = 0.9,
    power: float = 1,
) -> "VAE":
    """Train a VAE on fresh rows while its beta falls from ``hottest`` to what it was given.

    Ctrl-C ends the training and keeps what was learnt.

    Parameters
    ----------
    model : VAE
        What it has learnt before is kept; its ``callbacks`` are called after each round.
    draw : callable
        ``draw()`` returns rows (n, D) for one round, which is one call of ``partial_fit``.
    hottest : float, at least ``model.beta``
        Where beta starts. ``model.beta`` itself keeps it constant: training without cooling.
    n_rounds : int
    share : float, above 0 and at most 1
        The share of the rounds in which beta falls.
    power : float, > 0
        How it falls, as in ``cooling_beta``.

    Returns
    -------
    model : the same, trained

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its bounds; and as ``partial_fit`` does.
    """
    check_integer("n_rounds", n_rounds, minimum=1)
    check_number("model.beta", model.beta, minimum=0)
    check_number("hottest", hottest, minimum=model.beta)
    check_number("share", share, above=0, maximum=1)
    check_number("power", power, above=0)
    end = model.beta
    try:
        for done in range(n_rounds):
            model.beta = cooling_beta(end, hottest, done / n_rounds, share=share, power=power)
            model.partial_fit(draw())
            if model.interrupted_:
                break
    finally:
        model.beta = end
    return model


# A curriculum: a small part of the data first, then more and more of it -------------------------
#
# The order is the caller's. For a curve, ``data.geodesic.geodesic_order`` finds one in the data.


def fit_growing(
    model: Model,
    X: ArrayLike,
    order: ArrayLike,
    *,
    n_growing: int,
    start: float = 0.05,
    random_state: RandomState = None,
) -> Model:
    """Train a model on a growing part of X, then on all of it.

    Epoch by epoch the part grows from ``start`` to everything. Each of these epochs is as long
    as a usual one: N rows, drawn with replacement from the part. After ``n_growing`` of them
    the model's own ``fit`` goes on from there. Ctrl-C ends the whole training, in the growing
    epochs too, and keeps what was learnt.

    Parameters
    ----------
    model : Autoencoder or LinearAutoencoder
        With ``warm_start=True``. What it has learnt before is kept.
    X : (N, D) array
    order : (N,) int array
        Row numbers, each once: those to be shown first come first.
    n_growing : int
        Number of growing epochs.
    start : float
        Share of the rows that the first epoch sees, above 0 and at most 1.
    random_state : None, int or numpy.random.Generator
        Draws the rows.

    Returns
    -------
    model : the same, fitted

    Raises
    ------
    ValueError, TypeError
        If ``warm_start`` is off, ``order`` is not an order of the rows of X, or another
        argument is out of its bounds; and as the model's ``fit`` does.
    """
    if not model.warm_start:
        raise ValueError("model must have warm_start=True, got warm_start=False")
    check_integer("n_growing", n_growing, minimum=1)
    check_number("start", start, above=0, maximum=1)
    X, order = np.asarray(X), np.asarray(order)
    if not np.array_equal(np.sort(order), np.arange(len(X))):
        raise ValueError(f"order must hold each of the {len(X)} row numbers of X once")
    rng = make_rng(random_state)
    for share in np.linspace(start, 1, n_growing):
        seen = order[: max(1, round(share * len(X)))]
        model.partial_fit(X[rng.choice(seen, size=len(X))])
        if model.interrupted_:
            return model
    return model.fit(X)
