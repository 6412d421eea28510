"""Answers to chapter 4's exercises as people give them."""

import numpy as np
from scipy import ndimage

from vae_numpy.exercises.register import right, wrong
from vae_numpy.models import Autoencoder


@wrong("4.1", "wrong for the same numbers as uint8")
def psnr_in_bytes(X, X_hat, peak=1.0):
    return 10 * np.log10(peak**2 / np.mean((X_hat - X) ** 2))


@wrong("4.1", "20 log10")
def psnr_of_amplitudes(X, X_hat, peak=1.0):
    return 20 * np.log10(peak**2 / np.mean((X_hat * 1.0 - X) ** 2))


@wrong("4.1", "the peak is not squared")
def psnr_plain_peak(X, X_hat, peak=1.0):
    return 10 * np.log10(peak / np.mean((X_hat * 1.0 - X) ** 2))


@wrong("4.1", "decibels are averaged")
def mean_of_psnrs(X, X_hat, peak=1.0):
    return np.mean(
        [10 * np.log10(peak**2 / np.mean((b - a) ** 2.0)) for a, b in zip(X, X_hat, strict=True)]
    )


@wrong("4.1", "summed over the pixels")
def psnr_of_sums(X, X_hat, peak=1.0):
    return 10 * np.log10(peak**2 / np.mean(np.sum((X_hat * 1.0 - X) ** 2, axis=1)))


@right("4.1")
def psnr_from_the_root(X, X_hat, peak=1.0):
    total = sum((float(a) - float(b)) ** 2 for a, b in zip(X.flat, X_hat.flat, strict=True))
    return 20 * np.log10(peak) - 20 * np.log10((total / X.size) ** 0.5)


@wrong("4.2", "share is for both together")
def a_share_of_each(x, share, rng):
    x = np.where(rng.random(x.shape) < share, 1, x)
    return np.where(rng.random(x.shape) < share, 0, x)


@wrong("4.2", "falls on some of the same pixels")
def salt_then_pepper(x, share, rng):
    x = np.where(rng.random(x.shape) < share / 2, 1, x)
    return np.where(rng.random(x.shape) < share / 2, 0, x)


@wrong("4.2", "all pictures are hit at the same pixels")
def one_mask_for_all(x, share, rng):
    hit = rng.random(x.shape[1]) < share
    return np.where(hit, rng.integers(2, size=x.shape), x)


@wrong("4.2", "of the pixels that are kept")
def keeps_the_share(x, share, rng):
    return np.where(rng.random(x.shape) < share, x, rng.integers(2, size=x.shape))


@wrong("4.2", "x is changed in place")
def writes_into_x(x, share, rng):
    hit = rng.random(x.shape) < share
    x[hit] = rng.integers(2, size=hit.sum())
    return x


@wrong("4.2", "the same damage at every call")
def own_generator(x, share, rng):
    rng = np.random.default_rng(0)
    return np.where(rng.random(x.shape) < share, rng.integers(2, size=x.shape), x)


@wrong("4.2", "the global random state changed")
def global_draws(x, share, rng):
    hit = np.random.rand(*x.shape) < share  # noqa: NPY002 (the mistake)
    return np.where(hit, rng.integers(2, size=x.shape), x)


@wrong("4.2", "it is replaced")
def adds_grains(x, share, rng):
    return x + (rng.random(x.shape) < share) * rng.choice([-1, 1], size=x.shape)


@right("4.2")
def by_one_draw(x, share, rng):
    damaged, u = x.astype(np.float32), rng.random(x.shape)
    damaged[u < share] = 1
    damaged[u < share / 2] = 0
    return np.where(u < share, damaged, x)


@wrong("4.3", "intersection over union")
def jaccard(masks, masks_hat):
    return np.mean((masks & masks_hat).sum(1) / (masks | masks_hat).sum(1))


@wrong("4.3", "large shapes outvote small ones")
def pooled(masks, masks_hat):
    return 2 * np.sum(masks & masks_hat) / (masks.sum() + masks_hat.sum())


@wrong("4.3", "share of pixels that agree")
def accuracy(masks, masks_hat):
    return (masks == masks_hat).mean()


@wrong("4.3", "0/0 where both masks are empty")
def no_empty_masks(masks, masks_hat):
    return np.mean(2 * (masks & masks_hat).sum(1) / (masks.sum(1) + masks_hat.sum(1)))


@wrong("4.3", "they count 1 and not 0")
def plus_a_little(masks, masks_hat):
    total = np.maximum(masks.sum(1) + masks_hat.sum(1), 1e-9)
    return np.mean(2 * (masks & masks_hat).sum(1) / total)


@right("4.3")
def from_the_intersection_over_union(masks, masks_hat):
    scores = []
    for a, b in zip(masks, masks_hat, strict=True):
        iou = (a & b).sum() / (a | b).sum() if (a | b).any() else 1
        scores.append(2 * iou / (1 + iou))
    return sum(scores) / len(scores)


def _windows(pictures, size, **border):
    r = size // 2
    padded = np.pad(pictures, [(0, 0), (r, r), (r, r)], **border)
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))


@wrong("4.4", "filled with zeros")
def black_border(pictures, size):
    return np.median(_windows(pictures, size), axis=(3, 4))


@wrong("4.4", "mirrored, and")
def mirrored(pictures, size):
    return np.median(_windows(pictures, size, mode="reflect"), axis=(3, 4))


@wrong("4.4", "mirrored with its edge")
def scipys_border(pictures, size):
    return ndimage.median_filter(pictures, size=(1, size, size))


@wrong("4.4", "this is the mean")
def mean_filter(pictures, size):
    return _windows(pictures, size, mode="edge").mean(axis=(3, 4))


@wrong("4.4", "over several pictures")
def across_pictures(pictures, size):
    return ndimage.median_filter(pictures, size=size, mode="nearest")


@wrong("4.4", "an array of shape (1, 3, 4)")
def no_border(pictures, size):
    windows = np.lib.stride_tricks.sliding_window_view(pictures, (size, size), axis=(1, 2))
    return np.median(windows, axis=(3, 4))


@wrong("4.4", "median of each window's row")
def rows_then_columns(pictures, size):
    rows = np.median(_windows(pictures, size, mode="edge")[:, :, :, size // 2], axis=3)
    return np.median(_windows(rows, size, mode="edge")[..., size // 2], axis=3)


@right("4.4")
def median_by_sorting(pictures, size):
    out, r = np.empty(pictures.shape, np.float32), size // 2
    _, height, width = pictures.shape
    for n, i, j in np.ndindex(out.shape):
        values = sorted(
            pictures[n, min(max(i + di, 0), height - 1), min(max(j + dj, 0), width - 1)]
            for di in range(-r, r + 1)
            for dj in range(-r, r + 1)
        )
        out[n, i, j] = values[len(values) // 2]
    return out


def _weighted_mean(weights, X):
    return weights @ X / weights.sum(axis=1, keepdims=True)


def _squared(x_tilde, X):
    return ((x_tilde[:, None] - X) ** 2).sum(axis=2)


@wrong("4.5", "every weight is too small")
def as_on_the_page(x_tilde, X, sigma):
    return _weighted_mean(np.exp(-_squared(x_tilde, X) / (2 * sigma**2)), X)


@wrong("4.5", "a small number below the line")
def with_an_epsilon(x_tilde, X, sigma):
    weights = np.exp(-_squared(x_tilde, X) / (2 * sigma**2))
    return weights @ X / (weights.sum(axis=1, keepdims=True) + 1e-12)


@wrong("4.5", "the 2 below sigma**2 is missing")
def without_the_two(x_tilde, X, sigma):
    return _weighted_mean(np.exp(-_squared(x_tilde, X) / sigma**2), X)


@wrong("4.5", "sigma is not squared")
def plain_sigma(x_tilde, X, sigma):
    return _weighted_mean(np.exp(-_squared(x_tilde, X) / (2 * sigma)), X)


@wrong("4.5", "the nearest clean point")
def nearest(x_tilde, X, sigma):
    return X[_squared(x_tilde, X).argmin(axis=1)]


@wrong("4.5", "not divided by their sum")
def no_division(x_tilde, X, sigma):
    return np.exp(-_squared(x_tilde, X) / (2 * sigma**2)) @ X


@right("4.5")
def by_softmax(x_tilde, X, sigma):
    from scipy.special import softmax

    # |x_tilde|^2 is the same for a whole row and cancels
    return softmax((x_tilde @ X.T - (X**2).sum(axis=1) / 2) / sigma**2, axis=1) @ X


def _step(x, damaged, W, b, V, c, eta, slope, mask=True, times=1, count=None):
    hidden = damaged == -1
    h = np.tanh(damaged @ W + b)
    p = 1 / (1 + np.exp(-(h @ V + c)))
    error = p - x
    loss = np.sum((error * (hidden if count is None else count)) ** 2) / len(x)
    da = times * 2 * error * (hidden if mask else 1) * slope(p) / len(x)
    dh = da @ V.T * (1 - h**2)
    grads = damaged.T @ dh, dh.sum(0), h.T @ da, da.sum(0)
    return *(a - eta * g for a, g in zip((W, b, V, c), grads, strict=True)), loss


@wrong("4.6", "is the slope of tanh")
def slope_of_tanh(x, damaged, W, b, V, c, eta):
    return _step(x, damaged, W, b, V, c, eta, lambda p: 1 - p**2)


@wrong("4.6", "belongs to the Bernoulli loss")
def as_for_bernoulli(x, damaged, W, b, V, c, eta):
    return _step(x, damaged, W, b, V, c, eta, lambda p: 1)


@wrong("4.6", "once more before its slope")
def sigmoid_twice(x, damaged, W, b, V, c, eta):
    def slope(p):
        s = 1 / (1 + np.exp(-p))
        return s * (1 - s)

    return _step(x, damaged, W, b, V, c, eta, slope)


@wrong("4.6", "the mask is missing from the gradient")
def everyone_pulls(x, damaged, W, b, V, c, eta):
    return _step(x, damaged, W, b, V, c, eta, lambda p: p * (1 - p), mask=False)


@wrong("4.6", "visible pixels count as well")
def loss_everywhere(x, damaged, W, b, V, c, eta):
    return _step(x, damaged, W, b, V, c, eta, lambda p: p * (1 - p), mask=False, count=1)


@wrong("4.6", "N times too long")
def row_by_row(x, damaged, W, b, V, c, eta):
    return _step(x, damaged, W, b, V, c, eta, lambda p: p * (1 - p), times=len(x))


@right("4.6")
def row_by_row_and_right(x, damaged, W, b, V, c, eta):
    new, loss, n = [W.copy(), b.copy(), V.copy(), c.copy()], 0, len(x)
    for truth, seen in zip(x, damaged, strict=True):
        h = np.tanh(seen @ W + b)
        p = 0.5 * (1 + np.tanh(0.5 * (h @ V + c)))  # the sigmoid
        error = np.where(seen < 0, p - truth, 0)
        loss += error @ error / n
        da = 2 * error * (p - p**2) / n
        dh = V @ da / np.cosh(seen @ W + b) ** 2
        for array, gradient in zip(new, (np.outer(seen, dh), dh, np.outer(h, da), da), strict=True):
            array -= eta * gradient
    return *new, loss


@wrong("4.7", "it copies")
def hands_back(X, sigma, rng):
    return lambda noisy: noisy


@wrong("4.7", "it copies")
def asks_for_what_it_shows(X, sigma, rng):
    # The best linear answer to "give me what I show you", with nothing squeezed.
    seen = X + sigma * rng.standard_normal(X.shape)
    W = np.linalg.lstsq(seen, seen, rcond=None)[0]
    return lambda noisy: noisy @ W


@wrong("4.7", "no better than the damaged pictures")
def untrained(X, sigma, rng):
    W = rng.normal(size=(256, 256)) / 16
    return lambda noisy: noisy @ W


@wrong("4.7", "not better than the median filter")
def a_median_filter(X, sigma, rng):
    def denoise(noisy):
        pictures = noisy.reshape(-1, 16, 16)
        return ndimage.median_filter(pictures, size=(1, 3, 3)).reshape(noisy.shape)

    return denoise


@wrong("4.7", "wanted a function that cleans")
def cleans_the_training_pictures(X, sigma, rng):
    return X


@wrong("4.7", "depends on the pictures beside it")
def by_the_batch(X, sigma, rng):
    return lambda noisy: noisy - noisy.mean(axis=0) + X.mean(axis=0)


@wrong("4.7", "every picture gets the same answer")
def the_mean_picture(X, sigma, rng):
    return lambda noisy: np.tile(X.mean(axis=0), (len(noisy), 1))


@right("4.7")
def with_the_estimator(X, sigma, rng):
    model = Autoencoder(
        32, (128,), "relu", "bernoulli", noise="gaussian", noise_level=sigma,
        learning_rate_init=0.003, batch_size=64, max_iter=10, random_state=0,
    )  # fmt: skip
    return model.fit(X).reconstruct
