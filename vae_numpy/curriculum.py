"""A curriculum: show a model a small part of the data first, then more and more of it.

The order is the caller's. For a curve, ``data.geodesic.geodesic_order`` finds one in the data.
"""

import numpy as np

from vae_numpy.utils import check_integer, check_number, make_rng


def fit_growing(model, X, order, *, n_growing, start=0.05, random_state=None):
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
        if model._run.interrupted:
            return model
    return model.fit(X)
