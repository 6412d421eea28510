"""Answers to the exercises of chapter 8, with the reasons.

Write your own into ``book/exercises/ch08.py`` first.
"""

import numpy as np

from vae_numpy import metrics


def beta_norm(beta, n_latents, image_size, n_channels=1):
    """Return the beta of a loss with sums, with the sizes divided out.

    Parameters
    ----------
    beta : float
        The weight of a KL that is a sum over latents, beside a
        reconstruction that is a sum over all numbers of a picture.
    n_latents : int
        K.
    image_size, n_channels : int
        The side of the square pictures in pixels, and the numbers stored
        for each pixel.

    Returns
    -------
    beta_norm : float
        The weight of a mean KL beside a mean reconstruction that gives the
        same minimum.
    """
    # D counts numbers, and a side is not an area.
    n_features = n_channels * image_size**2
    return beta * n_latents / n_features


def traversal(decode, z, latent, values):
    """Return what a decoder shows while one latent moves and others stay.

    Parameters
    ----------
    decode : callable, (n, K) -> (n, D)
    z : (K,) of float or int
        The code to start from.
    latent : int
        Which of the K latents moves; the first is 0.
    values : (n,)
        The values that it takes, one after the other, instead of its own.

    Returns
    -------
    pictures : (n, D)
    """
    # (n, K): copies, so z stays as it is
    codes = np.tile(np.asarray(z, float), (len(values), 1))
    codes[:, latent] = values
    return decode(codes)


def water_filling(eigenvalues, beta, variance):
    """Return what the best linear beta-VAE reaches, from eigenvalues alone.

    Parameters
    ----------
    eigenvalues : (D,)
        Of the data's covariance, all above 0. There is a latent for each.
    beta : float
    variance : float
        sigma^2 of the decoder's noise.

    Returns
    -------
    squared_error : float
        The expected squared error of a datum, summed over features.
    rate : float
        The KL divergence, summed over latents, in nats.
    s2 : (D,)
        The variance of q(z | x) along each direction; 1 where the latent
        is dead.
    """
    # The level; what stands out of it is worth a latent.
    water = beta * variance
    squared_error = np.minimum(eigenvalues, water).sum()
    # A drowned latent keeps the prior's variance.
    s2 = np.minimum(1.0, water / eigenvalues)
    rate = -0.5 * np.log(s2).sum()  # ln 1 = 0: the dead carry nothing
    return squared_error, rate, s2


def capacity_penalty(kl, capacity, gamma):
    """Return the cost gamma |R - C| of an unwanted rate, and its gradient.

    Parameters
    ----------
    kl : (N, K)
        The KL divergence of each datum along each latent, in nats.
    capacity, gamma : float
        C, the rate that is wanted, and the price of a nat more or less.

    Returns
    -------
    cost : float
        With the rate R, the sum over latents and the mean over the batch
        of ``kl``.
    dkl : (N, K)
        How the cost changes with each entry of ``kl``. The rate is never
        exactly C here.
    """
    # Of the whole batch; one datum may carry more, another less.
    rate = kl.sum() / len(kl)
    # d|R - C|/dR is +1 above C and -1 below it, and R changes with each
    # entry by 1/N.
    dkl = np.full(kl.shape, gamma * np.sign(rate - capacity) / len(kl))
    return gamma * abs(rate - capacity), dkl


def modularity(information):
    """Return how far each latent knows one factor only, mean over latents.

    A latent scores 1 - (sum_f I_f^2 - max_f I_f^2) / (max_f I_f^2 (F - 1)),
    and 0 if it knows nothing at all.

    Parameters
    ----------
    information : (K, F)
        The mutual information of each latent with each factor, F of at
        least 2.

    Returns
    -------
    score : float
        From 0 to 1.
    """
    squares = information**2
    # (K,): over the factors
    most, total = squares.max(axis=1), squares.sum(axis=1)
    informed = most > 0  # a dead latent would divide 0 by 0
    scores = np.zeros(len(squares))
    most, others = most[informed], (total - most)[informed]
    scores[informed] = 1 - others / (most * (information.shape[1] - 1))
    return scores.mean()  # over all latents, the dead ones too


def disentanglement(importances):
    """Return the disentanglement of DCI.

    It says how far each latent matters for one factor only.

    Parameters
    ----------
    importances : (K, F)
        How much each latent counts in the prediction of each factor, F of
        at least 2; not below 0, and not all 0.

    Returns
    -------
    score : float
        From 0 to 1: of each latent, 1 minus the entropy of its importances,
        in units of the largest entropy that F shares can have; averaged
        with the latents' importances as weights.
    """
    weights = importances.sum(axis=1)  # (K,)
    counted = weights > 0
    p = importances[counted] / weights[counted, None]  # each row sums to 1
    # Where the share is 0, it will be 0 times anything.
    surprise = -np.log(np.where(p > 0, p, 1))
    entropy = np.sum(p * surprise, axis=1) / np.log(importances.shape[1])
    return np.average(1 - entropy, weights=weights[counted])


def mig(codes, factors):
    """Return the mutual information gap.

    For each factor: what the best latent knows of it, less what the second
    best knows, as a share of the factor's entropy. Then the mean of these.

    Parameters
    ----------
    codes : (N, K), K of at least 2
    factors : (N, F) of int
        Each counts from 0.

    Returns
    -------
    score : float
        From 0 to 1.
    """
    information = metrics.mutual_information(codes, factors)
    known = np.sort(information, axis=0)  # (K, F), each column rising
    gaps = known[-1] - known[-2]  # the best, less the SECOND best
    scores = []
    for gap, factor in zip(gaps, factors.T, strict=True):
        shares = np.bincount(factor) / len(factor)
        shares = shares[shares > 0]
        scores.append(gap / -np.sum(shares * np.log(shares)))
    return np.mean(scores)


def mig_with_a_bug(codes, factors):
    """Return something that is often near the mutual information gap."""
    information = metrics.mutual_information(codes, factors)
    known = np.sort(information, axis=0)[::-1]  # (K, F), columns falling
    gaps = known[0] - known[-1]
    scores = []
    for gap, factor in zip(gaps, factors.T, strict=True):
        shares = np.bincount(factor) / len(factor)
        shares = shares[shares > 0]
        scores.append(gap / -np.sum(shares * np.log(shares)))
    return np.mean(scores)


def twin(encode, decode):
    """Return a second model that draws the same pictures as often.

    Parameters
    ----------
    encode : callable, (N, D) -> (N, K)
        The means of a model's q(z | x); K is at least 2.
    decode : callable, (N, K) -> (N, D)

    Returns
    -------
    encode_too, decode_too : callable
        With the same reconstructions, and the same p(x) if z is drawn from
        N(0, I). In its codes, unlike in the model's, the first two latents
        mix what they know, so that the MIG of a model with 2 to 4 latents
        falls to two thirds or less.
    """

    def turned(z, angle):
        R = np.eye(z.shape[1])
        c, s = np.cos(angle), np.sin(angle)
        R[:2, :2] = [[c, s], [-s, c]]
        return z @ R.T

    # A turn leaves N(0, I) as it is; and what the encoder turns, the
    # decoder turns back.
    return (
        lambda x: turned(encode(x), np.pi / 4),
        lambda z: decode(turned(z, -np.pi / 4)),
    )


def beta_at(step, n_steps, highest, target):
    """Return the price beta at one step of a training that cools.

    It is ``highest`` at step 0 and never rises; no fall to half its value
    is quicker than a twentieth of the steps; and from 80 % of the steps on
    it is ``target``, so that the training can follow.

    Parameters
    ----------
    step : int
        From 0 to n_steps - 1.
    n_steps : int
        At least 100.
    highest, target : float
        At the beginning and at the end; highest is 8 times target.

    Returns
    -------
    beta : float
    """
    # Of the way down; the last fifth stays at the target.
    share = min(1.0, step / (0.8 * n_steps))
    # The same time for each halving.
    return highest * (target / highest) ** share
