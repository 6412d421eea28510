"""Answers to the exercises of chapter 4, with the reasons.

Write your own into ``book/exercises/ch04.py`` first.
"""

import numpy as np

from vae_numpy.layers import Dense, Sequential
from vae_numpy.losses import bernoulli_nll
from vae_numpy.optimisers import Adam
from vae_numpy.training import minibatches


def picture_psnr(X, X_hat, peak=1.0):
    """Return the peak signal-to-noise ratio of pictures, in decibels.

    Parameters
    ----------
    X, X_hat : (N, D)
        The true pictures and what was made of them, one a row: floats, or
        uint8 as in picture files. They differ somewhere.
    peak : float
        The largest value that a pixel can have: 1, or 255.

    Returns
    -------
    psnr : float
        10 log10 of the squared peak over the mean squared error, with one
        mean over all pixels of all pictures.
    """
    # As floats: in uint8, 10 - 30 would be 236.
    error = np.asarray(X_hat, float) - np.asarray(X, float)
    return 10 * np.log10(peak**2 / np.mean(error**2))


def salt_and_pepper(x, share, rng):
    """Return copies of pictures with some pixels made black or white.

    Parameters
    ----------
    x : (N, D)
        Is not changed.
    share : float
        Each pixel of each picture is hit with this probability, whatever
        happens to the others: so the number of hits varies.
    rng : numpy.random.Generator
        All randomness comes from here.

    Returns
    -------
    damaged : (N, D), floats
        A hit pixel is 0 or 1, with equal chances; others are as in ``x``.
    """
    hit = rng.random(x.shape) < share  # for each pixel of each picture
    grain = rng.integers(2, size=x.shape)  # what becomes of it, if hit
    return np.where(hit, grain, x)


def dice(masks, masks_hat):
    """Return Dice's overlap of masks, mean over the pictures.

    Masks A and B overlap by 2 |A and B| / (|A| + |B|).

    Parameters
    ----------
    masks, masks_hat : (N, D) arrays of bool
        The true masks and the found ones, one a row.

    Returns
    -------
    overlap : float
        1 is perfect, 0 beside the shape. Two empty masks agree and count 1.
    """
    both = np.sum(masks & masks_hat, axis=1)  # (N,)
    # (N,): the common ones twice
    total = np.sum(masks, axis=1) + np.sum(masks_hat, axis=1)
    overlap = np.where(total > 0, 2 * both / np.maximum(total, 1), 1.0)
    return np.mean(overlap)


def median_of_window(pictures, size):
    """Return pictures whose pixels are medians of the windows around them.

    Parameters
    ----------
    pictures : (N, H, W)
    size : int, odd
        Rows and columns of the window. Where it reaches over the border,
        the pixel at the edge is repeated.

    Returns
    -------
    filtered : (N, H, W)
    """
    r = size // 2  # what the window needs on either side
    padded = np.pad(pictures, [(0, 0), (r, r), (r, r)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(
        padded,
        (size, size),
        axis=(1, 2),
    )
    return np.median(windows, axis=(3, 4))  # windows: (N, H, W, size, size)


def best_answer(x_tilde, X, sigma):
    """Return the best guess of the clean points, given damaged ones.

    Parameters
    ----------
    x_tilde : (n, D)
        Damaged points, near to the clean ones or as far away as you like.
    X : (N, D)
        All clean points that there are, equally likely.
    sigma : float
        Standard deviation of the Gaussian noise on each coordinate.

    Returns
    -------
    x_hat : (n, D)
        For each damaged point the mean of the clean ones, weighted by
        exp(-squared distance / (2 sigma**2)). Finite at any distance.
    """
    squared = ((x_tilde[:, None] - X) ** 2).sum(axis=2)  # (n, N)
    exponents = -squared / (2 * sigma**2)
    # A common factor of a row's weights cancels in the mean. With this one
    # the largest weight is exp(0) = 1, so their sum is never 0.
    weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return weights @ X / weights.sum(axis=1, keepdims=True)


def inpainting_step(x, damaged, W, b, V, c, eta):
    """Return an inpainter's arrays after one step of gradient descent.

    The network is h = tanh(damaged W + b), p = sigmoid(h V + c). The loss
    is the squared error of p, summed over the hidden pixels only, mean over
    the batch.

    Parameters
    ----------
    x : (N, D)
        The true pictures.
    damaged : (N, D)
        The same with holes: hidden pixels are -1.
    W, b, V, c : (D, K), (K,), (K, D), (D,)
        Not changed in place.
    eta : float
        The learning rate.

    Returns
    -------
    W, b, V, c : arrays of the same shapes
        Each moved by -eta times its gradient.
    loss : float
        Before the step.
    """
    hidden = damaged == -1
    h = np.tanh(damaged @ W + b)  # (N, K)
    p = 1 / (1 + np.exp(-(h @ V + c)))  # (N, D)
    error = hidden * (p - x)  # a visible pixel has no say
    loss = np.sum(error**2) / len(x)
    # p = sigmoid(a)
    da = 2 / len(x) * error * p * (1 - p)  # (N, D)
    # h = tanh(...)
    dh = da @ V.T * (1 - h**2)  # (N, K)
    W, b = W - eta * damaged.T @ dh, b - eta * dh.sum(axis=0)
    V, c = V - eta * h.T @ da, c - eta * da.sum(axis=0)
    return W, b, V, c, loss


def inpainting_step_with_a_bug(x, damaged, W, b, V, c, eta):
    """Take one step of gradient descent; the output has the wrong slope."""
    hidden = damaged == -1
    h = np.tanh(damaged @ W + b)  # (N, K)
    p = 1 / (1 + np.exp(-(h @ V + c)))  # (N, D)
    error = hidden * (p - x)
    loss = np.sum(error**2) / len(x)
    # backwards
    da = 2 / len(x) * error * (1 - p**2)  # (N, D)
    dh = da @ V.T * (1 - h**2)  # (N, K)
    W, b = W - eta * damaged.T @ dh, b - eta * dh.sum(axis=0)
    V, c = V - eta * h.T @ da, c - eta * da.sum(axis=0)
    return W, b, V, c, loss


def fit_denoiser(X, sigma, rng):
    """Train a denoising autoencoder; return the function that cleans.

    On held-out pictures with the same noise it is more than one decibel
    better than the best median filter, for any ``sigma`` from 0.25 to 0.5.

    Parameters
    ----------
    X : (2000, 256) float32 array
        Sprites of 16 x 16 pixels, each 0 or 1. No damaged pictures: damage
        is yours to make.
    sigma : float
        Standard deviation of the Gaussian noise to come.
    rng : numpy.random.Generator
        For the first weights, the order of the rows, and the noise, fresh
        for every batch.

    Returns
    -------
    denoise : function
        Takes damaged pictures (N, 256), returns clean ones (N, 256), each
        by itself, with pixels between 0 and 1.
    """
    n_pixels = X.shape[1]
    network = Sequential(
        [
            Dense(n_pixels, 128, "relu", rng=rng),
            Dense(128, 32, rng=rng),
            Dense(32, 128, "relu", rng=rng),
            Dense(128, n_pixels, rng=rng),
        ]
    )
    parameters, optimiser = network.parameters(), Adam(0.003)
    for _ in range(10):
        for rows in minibatches(len(X), 64, rng=rng):
            x = X[rows]  # (64, 256)
            # Fresh damage every time, and the loss against the undamaged x.
            x_tilde = x + sigma * rng.standard_normal(x.shape)
            _, dlogits = bernoulli_nll(network.forward(x_tilde), x)
            for parameter in parameters:
                parameter.zero_grad()
            network.backward(dlogits)
            optimiser.step(parameters)
    return lambda noisy: 1 / (1 + np.exp(-network.forward(noisy)))
