"""Your answers to the exercises of chapter 10.

Replace a line that raises NotImplementedError by your own lines, then run

    pytest tests/exercises -k ch10
"""

import numpy as np


def lasso_weights(X, Y, alpha):
    """Return the weights of lassos that predict each column of Y from X.

    X is (N, K), Y is (N, M), and the weights are (M, K). Given for
    exercises 10.5 and 10.7. It scales nothing.
    """
    from sklearn.linear_model import Lasso

    # Nothing is random here; without random_state, Lasso would still draw
    # from np.random.
    fit = Lasso(alpha=alpha, random_state=0).fit(X, Y)
    return fit.coef_.reshape(Y.shape[1], X.shape[1])


def shrink(c, alpha):
    """Return the lasso's weights for uncorrelated units of variance 1.

    Parameters
    ----------
    c : (...)
        Correlations of units and neurons, of either sign.
    alpha : float
        The penalty, >= 0.

    Returns
    -------
    w : (...)
        Each correlation, moved towards 0 by ``alpha``, but not past it. The
        sign stays.
    """
    raise NotImplementedError


def neuron_score(w):
    """Return the alignment score of one neuron from its weights.

    Parameters
    ----------
    w : (K,)
        The weights of the K >= 2 units, of either sign; not all are 0.

    Returns
    -------
    score : float
        One minus the entropy of the shares of |w|, in units of ln K.
    """
    raise NotImplementedError


def hidden_angle(alpha, s):
    """Return the largest turn that the alignment score cannot see.

    Parameters
    ----------
    alpha : float
        The lasso's penalty.
    s : float
        Share of the neuron's variance that the pictures explain, with
        s > 2 alpha^2.

    Returns
    -------
    angle : float
        In degrees: a neuron that is turned from one latent towards another
        by up to this angle still scores exactly 1, if the pictures are so
        many that the measured correlations are the true ones.
    """
    raise NotImplementedError


def coverage(weights):
    """Return the share of the units that are some neuron's favourite.

    Parameters
    ----------
    weights : (M, K)
        Absolute weights, one row a neuron, as from
        ``metrics.alignment_weights``.

    Returns
    -------
    share : float
        In [0, 1]. A neuron's favourite is the unit with its largest weight,
        the first of them where several are equal; a neuron whose weights
        are all 0 has none. If that is true of all neurons, the share is 0.
    """
    raise NotImplementedError


def alignment(codes, neurons, alpha):
    """Return the alignment score: the mean over neurons that keep a weight.

    Parameters
    ----------
    codes : (N, K)
        The units of a model, one row a picture.
    neurons : (N, M)
        The responses to the same pictures.
    alpha : float
        The lasso's penalty, for units and neurons of variance 1. At least
        one neuron keeps a weight.

    Returns
    -------
    score : float
    """
    raise NotImplementedError("find the bug, mend it, delete this line")
    X = (codes - codes.mean(axis=0)) / codes.std(axis=0)
    Y = (neurons - neurons.mean(axis=0)) / neurons.std(axis=0)
    w = np.abs(lasso_weights(X, Y, alpha))  # (M, K)
    w = w[w.sum(axis=1) > 0]
    p = w / w.sum(axis=0, keepdims=True)
    log_p = np.log(np.where(p > 0, p, 1))
    scores = 1 + np.sum(p * log_p, axis=1) / np.log(codes.shape[1])
    return scores.mean()


def recombine(neurons, rng):
    """Return artificial neurons: the control that an alignment score needs.

    Parameters
    ----------
    neurons : (N, M)
        Recorded responses to N pictures.
    rng : numpy.random.Generator

    Returns
    -------
    artificial : (N, M)
        Each column another random mixture, with weights of either sign, of
        all neurons, which were given mean 0 and variance 1 first; the
        mixtures have mean 0 and variance 1 as well. The rows stay in order.
    """
    raise NotImplementedError


def udr(codes_a, codes_b, alpha=0.1):
    """Return how well two models agree on their units.

    This is the UDR of a pair (Duan et al. 2020).

    Parameters
    ----------
    codes_a : (N, K_a)
        Live latents of one model.
    codes_b : (N, K_b)
        Live latents of another one, for the same pictures.
    alpha : float
        The lasso's penalty, for units of mean 0 and variance 1: both codes
        are brought to these first.

    Returns
    -------
    score : float
        With R (K_a, K_b) the absolute weights of the lassos that predict
        each unit of b from all units of a: each row and each column is
        worth its largest entry squared, divided by its sum, or 0 if it is
        all 0. The score is the mean over the rows plus the mean over the
        columns, halved.
    """
    raise NotImplementedError
