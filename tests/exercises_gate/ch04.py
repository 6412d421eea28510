"""Wrong answers to chapter 4's exercises, written from their statements."""

# ruff: noqa: NPY002 (a generator for the whole program is one of the mistakes)

import numpy as np

from tests.exercises_gate.register import judged_otherwise, mistake
from vae_numpy.layers import Dense, Sequential
from vae_numpy.losses import bernoulli_nll
from vae_numpy.optimisers import Adam
from vae_numpy.training import minibatches

judged_otherwise("4.2", "draws have no one right value: what is hit is counted over several calls")
judged_otherwise("4.7", "a training has no one right value: it must beat the median filter")


@mistake(
    "4.1", "the difference is taken in uint8, and wraps", told="wrong for the same numbers as uint8"
)
def psnr_cast_too_late(X, X_hat, peak=1.0):
    error = (X - X_hat).astype(float)
    return 10 * np.log10(peak**2 / np.mean(error**2))


@mistake("4.1", "the peak is forgotten", told="peak is not used")
def psnr_without_peak(X, X_hat, peak=1.0):
    error = np.asarray(X, float) - np.asarray(X_hat, float)
    return -10 * np.log10(np.mean(error**2))


@mistake(
    "4.1",
    "the mean of the pictures' decibels, not one mean of the squared error",
    told="decibels are averaged",
)
def psnr_mean_of_decibels(X, X_hat, peak=1.0):
    error = X.astype(float) - X_hat.astype(float)
    return np.mean(10 * np.log10(peak**2 / np.mean(error**2, axis=1)))


@mistake("4.1", "the natural logarithm for log10", told="the natural logarithm")
def psnr_natural_log(X, X_hat, peak=1.0):
    mse = np.mean((X.astype(float) - X_hat.astype(float)) ** 2)
    return 10 * np.log(peak**2 / mse)


@mistake(
    "4.1",
    "the error is summed over the pixels of a picture, not averaged",
    told="summed over the pixels",
)
def psnr_sum_over_pixels(X, X_hat, peak=1.0):
    error = np.asarray(X, float) - np.asarray(X_hat, float)
    return 10 * np.log10(peak**2 / np.mean(np.sum(error**2, axis=1)))


@mistake("4.1", "the peak is not squared", told="the peak is not squared")
def psnr_peak_not_squared(X, X_hat, peak=1.0):
    error = X.astype(float) - X_hat.astype(float)
    return 10 * np.log10(peak / np.mean(error**2))


@mistake(
    "4.1",
    "the largest pixel that occurs, for the largest there can be",
    told="this is the largest that occurs",
)
def psnr_peak_of_the_data(X, X_hat, peak=1.0):
    X, X_hat = X.astype(float), X_hat.astype(float)
    return 10 * np.log10(X.max() ** 2 / np.mean((X - X_hat) ** 2))


@mistake("4.2", "a fixed number of hits overall", told="every call has the same number of hits")
def pepper_fixed_number(x, share, rng):
    damaged = x.copy()
    n_hits = int(round(share * x.size))
    hit = rng.choice(x.size, n_hits, replace=False)
    damaged.flat[hit] = rng.integers(0, 2, n_hits)
    return damaged


@mistake(
    "4.2",
    "a fixed number of hits in each picture",
    told="every picture has the same number of hits",
)
def pepper_fixed_number_each(x, share, rng):
    damaged = x.copy()
    n_hits = int(share * x.shape[1])
    for row in damaged:
        hit = rng.permutation(x.shape[1])[:n_hits]
        row[hit] = rng.integers(0, 2, n_hits)
    return damaged


@mistake("4.2", "the clean pictures are changed in place", told="x is changed in place")
def pepper_in_place(x, share, rng):
    hit = rng.random(x.shape) < share
    x[hit] = rng.integers(0, 2, hit.sum())
    return x


@mistake(
    "4.2",
    "salt, then pepper on top: two draws of half the share",
    told="falls on some of the same pixels",
)
def pepper_over_salt(x, share, rng):
    damaged = x.copy()
    damaged[rng.random(x.shape) < share / 2] = 1
    damaged[rng.random(x.shape) < share / 2] = 0
    return damaged


@mistake("4.2", "the same pixels are hit in every picture", told="hit at the same pixels")
def pepper_same_pixels(x, share, rng):
    damaged = x.copy()
    hit = rng.random(x.shape[1]) < share
    damaged[:, hit] = rng.integers(0, 2, (len(x), hit.sum()))
    return damaged


@mistake(
    "4.2",
    "one coin for all hits: a picture gets salt or pepper, never both",
    told="salt or pepper, never both",
)
def pepper_one_coin(x, share, rng):
    hit = rng.random(x.shape) < share
    colour = rng.integers(0, 2, (len(x), 1))
    return np.where(hit, colour, x)


@mistake(
    "4.2", "the generator is ignored for NumPy's global one", told="the global random state changed"
)
def pepper_global_generator(x, share, rng):
    hit = np.random.random(x.shape) < share
    return np.where(hit, np.random.randint(0, 2, x.shape), x)


@mistake(
    "4.3",
    "scores 1 as soon as one of the two masks is empty",
    told="as soon as one of its masks is empty",
)
def dice_one_empty(masks, masks_hat):
    scores = []
    for a, b in zip(masks, masks_hat, strict=True):
        if a.sum() == 0 or b.sum() == 0:
            scores.append(1.0)
        else:
            scores.append(2 * np.sum(a & b) / (a.sum() + b.sum()))
    return np.mean(scores)


@mistake(
    "4.3", "bool + bool is or, so the common pixels are counted once", told="bool + bool is or"
)
def dice_bool_plus_bool(masks, masks_hat):
    both = np.sum(masks & masks_hat, axis=1)
    total = np.sum(masks + masks_hat, axis=1)
    return np.mean([2 * b / t if t > 0 else 1.0 for b, t in zip(both, total, strict=True)])


@mistake("4.3", "one quotient over all pictures, not a mean of quotients", told="thrown together")
def dice_pooled(masks, masks_hat):
    both, total = np.sum(masks & masks_hat), masks.sum() + masks_hat.sum()
    return 2 * both / total if total > 0 else 1.0


@mistake("4.3", "intersection over union", told="intersection over union")
def dice_iou(masks, masks_hat):
    both = np.sum(masks & masks_hat, axis=1)
    union = np.sum(masks | masks_hat, axis=1)
    return np.mean(np.where(union == 0, 1.0, both / np.maximum(union, 1)))


@mistake("4.3", "the factor 2 is forgotten", told="the 2 is missing")
def dice_without_2(masks, masks_hat):
    both = (masks & masks_hat).sum(axis=1)
    total = masks.sum(axis=1) + masks_hat.sum(axis=1)
    return np.where(total == 0, 1.0, both / np.maximum(total, 1)).mean()


@mistake("4.3", "two empty masks count 0", told="they count 1 and not 0")
def dice_small_number_below(masks, masks_hat):
    both = np.sum(masks & masks_hat, axis=1)
    total = np.sum(masks, axis=1) + np.sum(masks_hat, axis=1)
    return np.mean(2 * both / (total + 1e-8))


@mistake("4.3", "pairs of empty masks are left out of the mean", told="left out of the mean")
def dice_empty_left_out(masks, masks_hat):
    total = masks.sum(axis=1) + masks_hat.sum(axis=1)
    some = total > 0
    if not some.any():
        return 1.0
    return np.mean(2 * (masks & masks_hat).sum(axis=1)[some] / total[some])


@mistake("4.4", "zeros around the picture, not the pixels of its edge", told="filled with zeros")
def median_zeros_outside(pictures, size):
    r = size // 2
    N, H, W = pictures.shape
    padded = np.pad(pictures, ((0, 0), (r, r), (r, r)))
    filtered = np.zeros((N, H, W))
    for i in range(H):
        for j in range(W):
            filtered[:, i, j] = np.median(padded[:, i : i + size, j : j + size], axis=(1, 2))
    return filtered


@mistake(
    "4.4",
    "the picture is mirrored at its border, not its edge repeated",
    told="mirrored with its edge",
)
def median_mirrored(pictures, size):
    r = size // 2
    N, H, W = pictures.shape
    padded = np.pad(pictures, ((0, 0), (r, r), (r, r)), mode="symmetric")
    filtered = np.zeros((N, H, W))
    for i in range(H):
        for j in range(W):
            filtered[:, i, j] = np.median(padded[:, i : i + size, j : j + size], axis=(1, 2))
    return filtered


@mistake("4.4", "the window reaches into the neighbouring pictures", told="over several pictures")
def median_across_pictures(pictures, size):
    r = size // 2
    padded = np.pad(pictures, r, mode="edge")
    filtered = np.zeros(pictures.shape)
    for n, i, j in np.ndindex(pictures.shape):
        filtered[n, i, j] = np.median(padded[n : n + size, i : i + size, j : j + size])
    return filtered


@mistake(
    "4.4",
    "the window stops one short: its last row and column are missing",
    told="lacks its last row and column",
)
def median_window_too_short(pictures, size):
    r = size // 2
    padded = np.pad(pictures, ((0, 0), (r, r), (r, r)), mode="edge")
    filtered = np.zeros(pictures.shape)
    for n, i, j in np.ndindex(pictures.shape):
        row, column = i + r, j + r
        filtered[n, i, j] = np.median(padded[n, row - r : row + r, column - r : column + r])
    return filtered


@mistake(
    "4.4", "the window is cut off at the border, nothing is repeated", told="cut off at the border"
)
def median_window_cut(pictures, size):
    r = size // 2
    filtered = np.zeros(pictures.shape)
    for n, i, j in np.ndindex(pictures.shape):
        window = pictures[n, max(0, i - r) : i + r + 1, max(0, j - r) : j + r + 1]
        filtered[n, i, j] = np.median(window)
    return filtered


@mistake("4.4", "the median of the rows' medians", told="median of each window's row")
def median_of_medians(pictures, size):
    r = size // 2
    padded = np.pad(pictures, ((0, 0), (r, r), (r, r)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    return np.median(np.median(windows, axis=4), axis=3)


@mistake("4.4", "pixels near the border are left as they are", told="left as they are")
def median_border_untouched(pictures, size):
    r = size // 2
    N, H, W = pictures.shape
    filtered = pictures.copy()
    for n in range(N):
        for i in range(r, H - r):
            for j in range(r, W - r):
                filtered[n, i, j] = np.median(pictures[n, i - r : i + r + 1, j - r : j + r + 1])
    return filtered


@mistake(
    "4.5",
    "the nearest clean point where the weights sum to 0",
    told="the nearest clean point is taken then",
)
def best_nearest_when_zero(x_tilde, X, sigma):
    squared = ((x_tilde[:, None] - X) ** 2).sum(axis=2)
    weights = np.exp(-squared / (2 * sigma**2))
    x_hat = np.empty(x_tilde.shape)
    for n, w in enumerate(weights):
        if w.sum() == 0:
            x_hat[n] = X[squared[n].argmin()]
        else:
            x_hat[n] = w @ X / w.sum()
    return x_hat


@mistake(
    "4.5",
    "a small number below the line: far away it answers 0",
    told="a small number below the line hides",
)
def best_small_number_below(x_tilde, X, sigma):
    squared = ((x_tilde[:, None] - X) ** 2).sum(axis=2)
    weights = np.exp(-squared / (2 * sigma**2))
    return weights @ X / (weights.sum(axis=1, keepdims=True) + 1e-12)


@mistake(
    "4.5",
    "the largest exponent of all rows is subtracted, not each row's",
    told="the largest exponent of all rows",
)
def best_one_maximum(x_tilde, X, sigma):
    exponents = -((x_tilde[:, None] - X) ** 2).sum(axis=2) / (2 * sigma**2)
    weights = np.exp(exponents - exponents.max())
    return weights @ X / weights.sum(axis=1, keepdims=True)


@mistake("4.5", "the 2 below the line is forgotten", told="the 2 below sigma**2 is missing")
def best_without_2(x_tilde, X, sigma):
    exponents = -((x_tilde[:, None] - X) ** 2).sum(axis=2) / sigma**2
    weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return weights @ X / weights.sum(axis=1, keepdims=True)


@mistake("4.5", "the distance is not squared", told="the distance is not squared")
def best_plain_distance(x_tilde, X, sigma):
    distance = np.linalg.norm(x_tilde[:, None] - X, axis=2)
    exponents = -distance / (2 * sigma**2)
    weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    return weights @ X / weights.sum(axis=1, keepdims=True)


@mistake(
    "4.5",
    "the exponents are clipped: far away all points weigh the same",
    told="count alike then: is an exponent clipped",
)
def best_clipped(x_tilde, X, sigma):
    squared = ((x_tilde[:, None] - X) ** 2).sum(axis=2)
    weights = np.exp(np.maximum(-squared / (2 * sigma**2), -700))
    return weights @ X / weights.sum(axis=1, keepdims=True)


@mistake(
    "4.5",
    "the point itself is returned where the weights sum to 0",
    told="the damaged point is given back",
)
def best_unchanged_when_zero(x_tilde, X, sigma):
    squared = ((x_tilde[:, None] - X) ** 2).sum(axis=2)
    weights = np.exp(-squared / (2 * sigma**2))
    total = weights.sum(axis=1, keepdims=True)
    return np.where(total > 0, weights @ X / np.where(total > 0, total, 1), x_tilde)


@mistake("4.6", "the output has no slope at all", told="the slope of the sigmoid is missing")
def inpaint_no_slope(x, damaged, W, b, V, c, eta):
    hidden = damaged == -1
    h = np.tanh(damaged @ W + b)
    p = 1 / (1 + np.exp(-(h @ V + c)))
    error = hidden * (p - x)
    loss = np.sum(error**2) / len(x)
    da = 2 / len(x) * error
    dh = da @ V.T * (1 - h**2)
    W, b = W - eta * damaged.T @ dh, b - eta * dh.sum(axis=0)
    V, c = V - eta * h.T @ da, c - eta * da.sum(axis=0)
    return W, b, V, c, loss


@mistake("4.6", "the sigmoid's slope in both layers", told="h (1 - h) is the slope of a sigmoid")
def inpaint_sigmoid_twice(x, damaged, W, b, V, c, eta):
    hidden = damaged == -1
    h = np.tanh(damaged @ W + b)
    p = 1 / (1 + np.exp(-(h @ V + c)))
    error = hidden * (p - x)
    loss = np.sum(error**2) / len(x)
    da = 2 / len(x) * error * p * (1 - p)
    dh = da @ V.T * h * (1 - h)
    W, b = W - eta * damaged.T @ dh, b - eta * dh.sum(axis=0)
    V, c = V - eta * h.T @ da, c - eta * da.sum(axis=0)
    return W, b, V, c, loss


@mistake("4.6", "the arrays are changed in place", told="W is changed in place")
def inpaint_in_place(x, damaged, W, b, V, c, eta):
    hidden = damaged == -1
    h = np.tanh(damaged @ W + b)
    p = 1 / (1 + np.exp(-(h @ V + c)))
    error = hidden * (p - x)
    loss = np.sum(error**2) / len(x)
    da = 2 / len(x) * error * p * (1 - p)
    dh = da @ V.T * (1 - h**2)
    W -= eta * damaged.T @ dh
    b -= eta * dh.sum(axis=0)
    V -= eta * h.T @ da
    c -= eta * da.sum(axis=0)
    return W, b, V, c, loss


@mistake("4.6", "V is moved before the way back has passed through it", told="here it has moved")
def inpaint_moved_v(x, damaged, W, b, V, c, eta):
    hidden = damaged == -1
    h = np.tanh(damaged @ W + b)
    p = 1 / (1 + np.exp(-(h @ V + c)))
    error = hidden * (p - x)
    loss = np.sum(error**2) / len(x)
    da = 2 / len(x) * error * p * (1 - p)
    V, c = V - eta * h.T @ da, c - eta * da.sum(axis=0)
    dh = da @ V.T * (1 - h**2)
    W, b = W - eta * damaged.T @ dh, b - eta * dh.sum(axis=0)
    return W, b, V, c, loss


@mistake(
    "4.6",
    "the loss is divided by the hidden pixels, not by the pictures",
    told="a mean over the hidden pixels",
)
def inpaint_mean_over_hidden(x, damaged, W, b, V, c, eta):
    hidden = damaged == -1
    h = np.tanh(damaged @ W + b)
    p = 1 / (1 + np.exp(-(h @ V + c)))
    error = hidden * (p - x)
    loss = np.sum(error**2) / hidden.sum()
    da = 2 / hidden.sum() * error * p * (1 - p)
    dh = da @ V.T * (1 - h**2)
    W, b = W - eta * damaged.T @ dh, b - eta * dh.sum(axis=0)
    V, c = V - eta * h.T @ da, c - eta * da.sum(axis=0)
    return W, b, V, c, loss


@mistake(
    "4.6", "the visible pixels send something back", told="the mask is missing from the gradient"
)
def inpaint_no_mask_backwards(x, damaged, W, b, V, c, eta):
    hidden = damaged == -1
    h = np.tanh(damaged @ W + b)
    p = 1 / (1 + np.exp(-(h @ V + c)))
    loss = np.sum((p - x)[hidden] ** 2) / len(x)
    da = 2 / len(x) * (p - x) * p * (1 - p)
    dh = da @ V.T * (1 - h**2)
    W, b = W - eta * damaged.T @ dh, b - eta * dh.sum(axis=0)
    V, c = V - eta * h.T @ da, c - eta * da.sum(axis=0)
    return W, b, V, c, loss


@mistake(
    "4.6",
    "the sigmoid's slope is taken at the error, which is not the output",
    told="the slope at the output is 1 - (p - x)",
)
def inpaint_slope_of_error(x, damaged, W, b, V, c, eta):
    hidden = damaged == -1
    h = np.tanh(damaged @ W + b)
    p = 1 / (1 + np.exp(-(h @ V + c)))
    error = hidden * (p - x)
    loss = np.sum(error**2) / len(x)
    da = 2 / len(x) * error * (1 - error)
    dh = da @ V.T * (1 - h**2)
    W, b = W - eta * damaged.T @ dh, b - eta * dh.sum(axis=0)
    V, c = V - eta * h.T @ da, c - eta * da.sum(axis=0)
    return W, b, V, c, loss


def small_network(rng):
    return Sequential(
        [
            Dense(256, 128, "relu", rng=rng),
            Dense(128, 32, rng=rng),
            Dense(32, 128, "relu", rng=rng),
            Dense(128, 256, rng=rng),
        ]
    )


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


@mistake("4.7", "the logits are returned, not the pixels", told="these are logits")
def denoiser_logits(X, sigma, rng):
    network, optimiser = small_network(rng), Adam(0.003)
    for _ in range(10):
        for rows in minibatches(len(X), 64, rng=rng):
            x = X[rows]
            x_tilde = x + sigma * rng.standard_normal(x.shape)
            _, dlogits = bernoulli_nll(network.forward(x_tilde), x)
            for parameter in network.parameters():
                parameter.zero_grad()
            network.backward(dlogits)
            optimiser.step(network.parameters())
    return network.forward


@mistake("4.7", "the noise is drawn once, and learnt by heart", told="the noise is drawn once")
def denoiser_noise_once(X, sigma, rng):
    network, optimiser = small_network(rng), Adam(0.003)
    noisy = X + sigma * rng.standard_normal(X.shape)
    for _ in range(60):
        for rows in minibatches(len(X), 64, rng=rng):
            _, dlogits = bernoulli_nll(network.forward(noisy[rows]), X[rows])
            for parameter in network.parameters():
                parameter.zero_grad()
            network.backward(dlogits)
            optimiser.step(network.parameters())
    return lambda pictures: sigmoid(network.forward(pictures))


@mistake("4.7", "one picture of noise, the same for every sprite")
def denoiser_one_noise(X, sigma, rng):
    network, optimiser = small_network(rng), Adam(0.003)
    noise = sigma * rng.standard_normal(X.shape[1])
    for _ in range(10):
        for rows in minibatches(len(X), 64, rng=rng):
            _, dlogits = bernoulli_nll(network.forward(X[rows] + noise), X[rows])
            for parameter in network.parameters():
                parameter.zero_grad()
            network.backward(dlogits)
            optimiser.step(network.parameters())
    return lambda pictures: sigmoid(network.forward(pictures))


@mistake("4.7", "the noise has the standard deviation sigma**2", told="standard deviation sigma**2")
def denoiser_sigma_squared(X, sigma, rng):
    network, optimiser = small_network(rng), Adam(0.003)
    for _ in range(10):
        for rows in minibatches(len(X), 64, rng=rng):
            x_tilde = X[rows] + rng.normal(0, sigma**2, (len(rows), X.shape[1]))
            _, dlogits = bernoulli_nll(network.forward(x_tilde), X[rows])
            for parameter in network.parameters():
                parameter.zero_grad()
            network.backward(dlogits)
            optimiser.step(network.parameters())
    return lambda pictures: sigmoid(network.forward(pictures))


@mistake("4.7", "the damaged picture is the target")
def denoiser_noisy_target(X, sigma, rng):
    network = Sequential([Dense(256, 256, "relu", rng=rng), Dense(256, 256, rng=rng)])
    optimiser = Adam(0.003)
    for _ in range(10):
        for rows in minibatches(len(X), 64, rng=rng):
            x_tilde = X[rows] + sigma * rng.standard_normal(X[rows].shape)
            p = sigmoid(network.forward(x_tilde))
            for parameter in network.parameters():
                parameter.zero_grad()
            network.backward(2 * (p - x_tilde) * p * (1 - p) / len(rows))
            optimiser.step(network.parameters())
    return lambda pictures: sigmoid(network.forward(pictures))


@mistake("4.7", "trained without noise")
def denoiser_clean_only(X, sigma, rng):
    network, optimiser = small_network(rng), Adam(0.003)
    for _ in range(10):
        for rows in minibatches(len(X), 64, rng=rng):
            _, dlogits = bernoulli_nll(network.forward(X[rows]), X[rows])
            for parameter in network.parameters():
                parameter.zero_grad()
            network.backward(dlogits)
            optimiser.step(network.parameters())
    return lambda pictures: sigmoid(network.forward(pictures))


@mistake("4.7", "the gradients are never set to zero")
def denoiser_no_zero_grad(X, sigma, rng):
    network, optimiser = small_network(rng), Adam(0.003)
    for _ in range(10):
        for rows in minibatches(len(X), 64, rng=rng):
            x_tilde = X[rows] + sigma * rng.standard_normal(X[rows].shape)
            _, dlogits = bernoulli_nll(network.forward(x_tilde), X[rows])
            network.backward(dlogits)
            optimiser.step(network.parameters())
    return lambda pictures: sigmoid(network.forward(pictures))


@mistake(
    "4.7",
    "pictures to clean are centred by their own mean: none is cleaned by itself",
    told="depends on the pictures beside it",
)
def denoiser_batch_mean(X, sigma, rng):
    network, optimiser = small_network(rng), Adam(0.003)
    for _ in range(10):
        for rows in minibatches(len(X), 64, rng=rng):
            x_tilde = X[rows] + sigma * rng.standard_normal(X[rows].shape)
            _, dlogits = bernoulli_nll(network.forward(x_tilde - x_tilde.mean(axis=0)), X[rows])
            for parameter in network.parameters():
                parameter.zero_grad()
            network.backward(dlogits)
            optimiser.step(network.parameters())
    return lambda pictures: sigmoid(network.forward(pictures - pictures.mean(axis=0)))
