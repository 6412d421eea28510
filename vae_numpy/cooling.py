"""Cooling: training while beta falls from a high value to the model's own.

At a high beta only the factor that saves the most nats of reconstruction is worth a latent; as
beta falls, the next one becomes worth its own, and so on. The latents come alive one after
another instead of all at once, and each finds what is left.
"""

from vae_numpy.utils import check_integer, check_number


def cooling_beta(end, hottest, fraction, *, share=0.9, power=1):
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
    """
    return end + (hottest - end) * max(0.0, 1 - (fraction / share) ** power)


def fit_cooling(model, draw, *, hottest, n_rounds, share=0.9, power=1):
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
            if model._run.interrupted:
                break
    finally:
        model.beta = end
    return model
