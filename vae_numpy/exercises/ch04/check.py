"""The checks of chapter 4: what autoencoders are for."""

import functools
import math

import numpy as np

from vae_numpy import kernels
from vae_numpy.data.corruption import HIDDEN
from vae_numpy.data.sprites import render
from vae_numpy.exercises.catalogue import exercise


@exercise(
    "4.1",
    trains="a measure on a logarithmic scale, and the traps in a picture's number type",
    difficulty="easy",
    minutes=10,
    hints=[
        "The mean runs over all pixels of all pictures, before the logarithm.",
        "`np.uint8(3) - np.uint8(5)` is 254. Make floats first.",
    ],
)
def picture_psnr(answer):
    mistakes = {
        "the peak is not squared, but the error is: both belong in squared units": (
            lambda X, X_hat, peak=1.0: 10 * np.log10(peak / np.mean((X_hat - X) ** 2))
        ),
        "20 log10 is for a ratio of amplitudes; the error is squared already, so 10": (
            lambda X, X_hat, peak=1.0: 20 * np.log10(peak**2 / np.mean((X_hat - X) ** 2))
        ),
        "decibels are averaged over the pictures: take the mean of the squared error over all "
        "pictures first, one logarithm at the end": lambda X, X_hat, peak=1.0: np.mean(
            10 * np.log10(peak**2 / np.mean((X_hat - X) ** 2, axis=1))
        ),
        "the error is summed over the pixels; here the field takes a mean over them as well": (
            lambda X, X_hat, peak=1.0: (
                10 * np.log10(peak**2 / np.mean(np.sum((X_hat - X) ** 2, axis=1)))
            )
        ),
        "the natural logarithm: decibels count powers of ten": (
            lambda X, X_hat, peak=1.0: 10 * np.log(peak**2 / np.mean((X_hat - X) ** 2))
        ),
    }
    # Wrong by 0.1 everywhere: 20 dB. The second picture ten times as wrong as the first.
    X = np.linspace(0, 1, 12).reshape(3, 4)
    answer.gives(20.0, X, X + 0.1, mistakes=mistakes)
    X_hat = X[:2] + np.array([[0.01], [0.1]])
    answer.gives(-10 * math.log10((0.01**2 + 0.1**2) / 2), X[:2], X_hat, mistakes=mistakes)
    X, X_hat = np.array([[200.0, 10, 30]]), np.array([[180.0, 30, 50]])
    want = 20 * math.log10(255 / 20)  # wrong by 20 everywhere, of 255
    answer.gives(want, X, X_hat, peak=255, mistakes=mistakes)
    returned = answer(X.astype(np.uint8), X_hat.astype(np.uint8), peak=255)
    answer.form(returned, want)
    answer.holds(
        np.isclose(returned, want, rtol=1e-4),
        "right for floats and wrong for the same numbers as uint8, the type of picture files: 10 - "
        "30 is 236 there, and 20**2 is 144. Convert to float before you subtract",
        [f"returned    {returned:.6g}", f"expected    {want:.6g}"],
    )


@exercise(
    "4.2",
    trains="damaging data with a generator that you are given, pixel by pixel",
    difficulty="easy",
    minutes=10,
    hints=[
        "One draw says which pixels are hit: `rng.random(x.shape) < share`.",
        "Another says whether a hit pixel becomes 0 or 1: `rng.integers(2, size=x.shape)`.",
        "`np.where(hit, grain, x)` leaves x as it is and makes a new array.",
    ],
)
def salt_and_pepper(answer):
    rng, share = np.random.default_rng(0), 0.3
    x = np.linspace(0.2, 0.8, 200 * 400).reshape(200, 400)  # no pixel is 0 or 1
    y = answer(x, share, rng)
    answer.form(y, x)
    y = np.asarray(y)
    hit = y != x
    answer.holds(
        np.all(np.isin(y[hit], (0, 1))),
        "a hit pixel is neither 0 nor 1: noise is not added to it, it is replaced",
        [f"such as     {y[hit & (y != 0) & (y != 1)][:3]}"],
    )
    # 80,000 pixels: the share that is hit is off by less than 0.007 (four standard deviations).
    counted, salt = float(np.mean(hit)), float(np.mean(y[hit] == 1)) if hit.any() else 0.5
    seen = [f"of 80,000 pixels a share of {counted:.3f} is hit; asked for {share}"]
    known = {
        "the share is that of the pixels that are kept; it is meant for those that are hit": (
            1 - share
        ),
        "salt hits a share of the pixels, and pepper as many again: share is for both together": (
            1 - (1 - share) ** 2
        ),
        "salt is strewn first, and pepper, on half the share as well, falls on some of the same "
        "pixels: decide once which are hit, then what becomes of them": share - share**2 / 4,
        "half of the share is hit: each hit pixel is to change, to 0 or to 1": share / 2,
    }
    line = next((line for line, p in known.items() if abs(counted - p) < 0.007), None)
    answer.holds(
        not np.all(hit == hit[0]),
        "all pictures are hit at the same pixels: draw for each pixel of each, size x.shape",
        seen,
    )
    answer.holds(
        not np.all(hit == hit[:, :1]),
        "whole pictures are hit, and others not at all: draw for each pixel",
        seen,
    )
    answer.holds(abs(counted - share) < 0.01, line or "the wrong share of the pixels is hit", seen)
    answer.holds(
        abs(salt - 0.5) < 0.02,
        "salt and pepper are not equally likely: half of the hit pixels become 1, half 0",
        [f"of the hit pixels a share of {salt:.3f} is 1"],
    )
    per_picture = [np.mean(row[was_hit] == 1) for row, was_hit in zip(y, hit, strict=True)]
    answer.holds(
        np.std(per_picture) < 0.15,  # about 0.046 where each pixel decides for itself
        "each picture gets salt or pepper; each pixel is to decide for itself",
    )
    again = answer(x, share, rng)
    answer.holds(
        not np.array_equal(again, y),
        "the same damage at every call: draw from the rng you are given, not from one that you "
        "make inside",
    )
    answer.compare(answer(x[:2], 0.0, rng), x[:2], names=("with a share of 0",))


@exercise(
    "4.3",
    trains="comparing masks, and the case in which both are empty",
    difficulty="easy",
    minutes=10,
    hints=[
        "With bools `A & B` are the pixels that both have, and a sum counts them.",
        "One number per picture first, then their mean: a large shape is not to outvote a small.",
        "For the empty pair, `np.where(total > 0, ..., 1.0)` and a division by "
        "`np.maximum(total, 1)`.",
    ],
)
def dice(answer):
    def score(A, B, empty=1.0, top=2.0, below=lambda A, B: A.sum(1) + B.sum(1)):
        both, all_of = (A & B).sum(1), below(A, B)
        return np.mean(np.where(all_of > 0, top * both / np.maximum(all_of, 1), empty))

    mistakes = {
        "this is the intersection over union; Dice divides by the sizes of both masks, where the "
        "common pixels count twice, and so they do on top": lambda A, B: score(
            A, B, top=1.0, below=lambda A, B: (A | B).sum(1)
        ),
        "the pixels of all pictures are thrown together, so large shapes outvote small ones: one "
        "number per picture, then the mean": lambda A, B: 2 * np.sum(A & B) / (A.sum() + B.sum()),
        "this is the share of pixels that agree; most of a picture is background, and an empty "
        "mask would score high": lambda A, B: np.mean(A == B),
        "two empty masks agree, they count 1 and not 0": lambda A, B: score(A, B, empty=0.0),
        "0/0 where both masks are empty; they agree, which counts 1": lambda A, B: score(
            A, B, empty=np.nan
        ),
        "the 2 is missing: the common pixels are counted twice below the line": lambda A, B: score(
            A, B, top=1.0
        ),
    }
    # Four pixels and two, of which two are common: 2 * 2 / 6; a miss; a perfect one.
    A = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 1]])
    B = np.array([[0, 0, 1, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 1]])
    A, B = A == 1, B == 1
    answer.gives((2 / 3 + 0 + 1) / 3, A, B, mistakes=mistakes)
    A = np.vstack([A, np.zeros((1, 8), bool)])
    B = np.vstack([B, np.zeros((1, 8), bool)])
    answer.gives((2 / 3 + 0 + 1 + 1) / 4, A, B, mistakes=mistakes)
    rng = np.random.default_rng(0)
    A, B = rng.random((2, 5, 30)) < np.linspace(0.1, 0.9, 5)[:, None]
    pairs = [({*np.flatnonzero(a)}, {*np.flatnonzero(b)}) for a, b in zip(A, B, strict=True)]
    answer.gives(
        np.mean([2 * len(a & b) / (len(a) + len(b)) for a, b in pairs]), A, B, mistakes=mistakes
    )


@exercise(
    "4.4",
    trains="a fair opponent without learning, and what a filter does at the border",
    difficulty="medium",
    minutes=20,
    hints=[
        "`np.pad(pictures, [(0, 0), (r, r), (r, r)], mode='edge')` repeats the border pixels, and "
        "leaves the axis of the pictures alone. How large is r?",
        "`np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))` is "
        "(N, H, W, size, size).",
    ],
)
def median_of_window(answer):
    from scipy import ndimage

    def filtered(pictures, size, mode="nearest", tool=ndimage.median_filter):
        return tool(pictures, size=(1, size, size), mode=mode)

    mistakes = {
        "the border is filled with zeros: that darkens the frame, and a picture does not end in "
        "black; repeat its edge": lambda x, size: filtered(x, size, "constant"),
        "the border is mirrored, and the edge pixels are to be repeated": lambda x, size: filtered(
            x, size, "mirror"
        ),
        "the border is mirrored with its edge, which is the same for 3 x 3 and another for 5 x 5; "
        "the edge pixels are to be repeated": lambda x, size: filtered(x, size, "reflect"),
        "the picture goes on at its other side: that is a tile, not a picture": (
            lambda x, size: filtered(x, size, "wrap")
        ),
        "this is the mean: one wild pixel pulls it along. The median is the middle value": (
            lambda x, size: filtered(x, size, tool=ndimage.uniform_filter)
        ),
        "the window runs over several pictures as well: it is size x size in each by itself": (
            lambda x, size: ndimage.median_filter(x, size=size, mode="nearest")
        ),
        "size is the full width of the window, not what is added on either side": (
            lambda x, size: filtered(x, 2 * size + 1)
        ),
        "the median of each window's row, and of those the median by columns: that is not the "
        "median of all pixels in it": lambda x, size: ndimage.median_filter(
            ndimage.median_filter(x, size=(1, 1, size), mode="nearest"),
            size=(1, size, 1),
            mode="nearest",
        ),
    }
    speck = np.full((1, 5, 6), 0.5)
    speck[0, 2, 3] = 1.0
    answer.gives(np.full((1, 5, 6), 0.5), speck, 3, mistakes=mistakes)  # it is gone
    x = np.random.default_rng(0).random((3, 7, 9))
    for size in (3, 5):
        answer.gives(filtered(x, size), x, size, mistakes=mistakes)
    answer.gives(x, x, 1, mistakes=mistakes)


@exercise(
    "4.5",
    trains="weights that are exponentials, where all of them are too small to write down",
    difficulty="medium",
    minutes=20,
    hints=[
        "Multiply all weights by one and the same factor: the weighted mean stays. Which factor "
        "makes the largest weight 1?",
        "Work with the exponents: subtract from each row its largest, then take exp.",
    ],
)
def best_answer(answer):
    def mean(x_tilde, X, sigma, power=2, factor=2.0, exponent=2):
        d = np.linalg.norm(x_tilde[:, None] - X, axis=2)
        log_w = -(d**power) / (factor * sigma**exponent)
        w = np.exp(log_w - log_w.max(axis=1, keepdims=True))
        return w @ X / w.sum(axis=1, keepdims=True)

    def naive(x_tilde, X, sigma, tiny=0.0):
        squared = ((x_tilde[:, None] - X) ** 2).sum(axis=2)
        w = np.exp(-squared / (2 * sigma**2))
        with np.errstate(all="ignore"):
            return w @ X / (w.sum(axis=1, keepdims=True) + tiny)

    mistakes = {
        "0/0: far from all clean points every weight is too small for a float. Subtract each row's "
        "largest exponent before exp; that leaves the mean as it is": naive,
        "a small number below the line hides the 0/0: far away the answer becomes 0, a place where "
        "no clean point need be": lambda *a: naive(*a, tiny=1e-300),
        "the 2 below sigma**2 is missing: the weights are those of a smaller noise": (
            lambda *a: mean(*a, factor=1.0)
        ),
        "sigma is not squared; distance and noise want the same units": lambda *a: mean(
            *a, exponent=1
        ),
        "the distance is not squared: these are the weights of another noise than the Gaussian": (
            lambda *a: mean(*a, power=1)
        ),
        "the weights are not divided by their sum": lambda x_tilde, X, sigma: (
            np.exp(-((x_tilde[:, None] - X) ** 2).sum(axis=2) / (2 * sigma**2)) @ X
        ),
        "this is the nearest clean point; where several are possible, their weighted mean is": (
            lambda x_tilde, X, sigma: X[((x_tilde[:, None] - X) ** 2).sum(axis=2).argmin(axis=1)]
        ),
    }
    # Two clean points, -1 and 1: the weighted mean is tanh(x_tilde / sigma^2).
    two, places = np.array([[-1.0], [1.0]]), np.array([[-0.4], [0.1], [0.7]])
    answer.gives(np.tanh(places / 0.6**2), places, two, 0.6, mistakes=mistakes)
    rng = np.random.default_rng(0)
    X, x_tilde = rng.normal(size=(7, 3)), rng.normal(size=(4, 3))
    want = []
    for place in x_tilde.tolist():  # the formula, with loops
        weights = [math.exp(-(math.dist(place, x) ** 2) / (2 * 0.8**2)) for x in X.tolist()]
        pairs = list(zip(weights, X, strict=True))
        want.append(sum(w * x for w, x in pairs) / sum(weights))
    answer.gives(np.array(want), x_tilde, X, 0.8, mistakes=mistakes)
    far = np.array([[50.0], [-80.0], [0.0]])
    answer.gives(np.tanh(far / 0.1**2), far, two, 0.1, mistakes=mistakes)


@exercise(
    "4.6",
    trains="a gradient that passes a mask and a sigmoid, and a bug that still trains",
    difficulty="medium",
    minutes=20,
    hints=[
        "The loss is right. Nudge V, compare; nudge W, compare. Both are off, so look at what both "
        "gradients go through.",
        "Each activation has its own derivative, written with its output. Which activation is "
        "where?",
    ],
    compare="Near p = 0 the mended slope p (1 - p) is close to 0 and the wrong one close to 1. The "
    "sign is the same everywhere, which is why the loss fell all the same.",
)
def inpainting_step(answer):
    rng = np.random.default_rng(0)
    for n, d, k, eta in ((4, 6, 3, 0.5), (2, 5, 2, 0.1)):
        x = rng.random((n, d))
        damaged = np.where(rng.random((n, d)) < 0.4, HIDDEN, x)
        start = [rng.normal(size=shape) for shape in ((d, k), k, (k, d), d)]

        def loss(W, b, V, c, x=x, damaged=damaged, n=n):
            p = 1 / (1 + np.exp(-(np.tanh(damaged @ W + b) @ V + c)))
            return sum((p[i, j] - x[i, j]) ** 2 for i, j in np.argwhere(damaged == HIDDEN)) / n

        returned = answer(x, damaged, *start, eta)
        answer.parts(returned, "W", "b", "V", "c", "loss")
        known, losses = _inpainting_slips(x, damaged, *start)
        answer.compare(returned[4], loss(*start), names=("loss",), mistakes=losses)
        for i, name in ((2, "V"), (3, "c"), (0, "W"), (1, "b")):
            answer.form(returned[i], start[i], name=name)
            answer.gradient(
                (start[i] - returned[i]) / eta,
                lambda value, i=i, start=start, loss=loss: loss(*start[:i], value, *start[i + 1 :]),
                start[i],
                name=f"the step of {name}, divided by -eta,",
                mistakes={line: grads[i] for line, grads in known.items()},
            )


def _inpainting_slips(x, damaged, W, b, V, c):
    """What known mistakes give: the four gradients by line, and the loss by line."""
    h = np.tanh(damaged @ W + b)
    p = 1 / (1 + np.exp(-(h @ V + c)))
    hidden = damaged == HIDDEN
    n, error = len(x), np.where(hidden, p - x, 0)

    def gradients(da):
        dh = da @ V.T * (1 - h**2)
        return damaged.T @ dh, dh.sum(axis=0), h.T @ da, da.sum(axis=0)

    slope = p * (1 - p)
    input_slope = 1 / (1 + np.exp(-p)) * (1 - 1 / (1 + np.exp(-p)))
    squared = (p - x) ** 2
    known = {
        "1 - p**2 is the slope of tanh; p comes out of a sigmoid, and that one's is p (1 - p)": (
            2 / n * error * (1 - p**2)
        ),
        "the slope of the sigmoid is missing: p - x alone belongs to the Bernoulli loss, where the "
        "slope cancels; with a squared error it stays": 2 / n * error,
        "p went through the sigmoid once more before its slope was taken: p is the output "
        "already": 2 / n * error * input_slope,
        "the mask is missing from the gradient: only hidden pixels are in the loss, so only they "
        "pull": 2 / n * (p - x) * slope,
        "the step is N times too long: the gradient is a mean over the batch already, apply it "
        "once and not once for every row": 2 * error * slope,
    }
    losses = {
        "loss: visible pixels count as well; they are known, and many, and hide how good the "
        "filling is": squared.sum() / n,
        "loss: a mean over the hidden pixels; it is their sum, and a mean over the batch only": (
            squared[hidden].mean()
        ),
    }
    return {line: gradients(da) for line, da in known.items()}, losses


SIDE, SIGMA = 16, 0.5  # pixels, standard deviation of the noise


@exercise(
    "4.7",
    trains="training a denoiser end to end, against an opponent that is set up fairly",
    difficulty="project",
    minutes=60,
    hints=[
        "The chapter's loop, with pixels for points: damage the batch afresh, forward, loss "
        "against the undamaged batch, backward, step.",
        "Pixels are 0 or 1: `bernoulli_nll(logits, x)` gives loss and gradient, and the answer is "
        "the sigmoid of the logits.",
        "Ten epochs with batches of 64, Adam at 0.003, and one hidden layer of 128 relu units on "
        "either side are enough.",
    ],
    seconds=90,
    compare="Draw some of the held-out sprites with `plotting.image_grid`: truth, damaged, median "
    "filter, yours; and then cover the truth and name the shapes.",
)
def fit_denoiser(answer):
    X, truth = _sprites(2000, 0).copy(), _sprites(300, 1)
    noisy = truth + SIGMA * np.random.default_rng(2).standard_normal(truth.shape)
    denoise = answer(X, SIGMA, np.random.default_rng(3))
    answer.holds(
        callable(denoise),
        "wanted a function that cleans pictures it has never seen, denoise(noisy)",
        [f"got an object of type {type(denoise).__name__}"],
    )
    cleaned = answer.call(denoise, noisy)
    answer.form(cleaned, truth, name="the cleaned pictures")
    cleaned = np.asarray(cleaned, float)
    few = np.asarray(answer.call(denoise, noisy[:4]))
    answer.holds(
        few.shape == (4, SIDE**2) and np.allclose(few, cleaned[:4], atol=1e-3),
        "a picture's answer depends on the pictures beside it: use what was learnt from X, nothing "
        "of the batch that is cleaned",
    )
    score = {
        "damaged": _decibels(truth, noisy),
        "median filter": max(_decibels(truth, filtered) for filtered in _median_filters(noisy)),
        "yours": _decibels(truth, cleaned),
    }
    figures = [f"{name:12} {value:.1f} dB" for name, value in score.items()]
    copied = np.mean((cleaned - noisy) ** 2) < 0.25 * np.mean((cleaned - truth) ** 2)
    answer.holds(
        not copied,
        "it copies: its answers are much nearer to the damaged pictures than to the clean ones. It "
        "was asked for what it was shown; ask for the undamaged x",
        figures,
    )
    answer.holds(
        score["yours"] > score["damaged"] + 0.5,
        "no better than the damaged pictures: has it been trained, and does denoise return "
        "pixels between 0 and 1 (the sigmoid of the logits)?",
        figures,
    )
    answer.holds(
        score["yours"] > score["median filter"] + 0.1,
        "better than nothing, and not better than the median filter, which has seen no sprites",
        figures,
    )
    answer.holds(
        score["yours"] > score["median filter"] + 1,
        "the median filter is beaten, but one decibel more is wanted: train on, with fresh noise "
        "for every batch",
        figures,
    )


@functools.cache
def _sprites(n, seed):
    low, high = (0, 3, 0, 0, 0), (3, 6, 40, 32, 32)  # the three largest sizes
    factors = np.random.default_rng(seed).integers(low, high, (n, 5))
    with kernels.use("numpy"):  # once, so compiling would take longer than drawing
        return render(factors, SIDE).reshape(n, -1).astype(np.float32)


def _decibels(X, X_hat):
    return float(-10 * np.log10(np.mean((np.clip(X_hat, 0, 1) - X) ** 2)))


def _median_filters(noisy):
    """The median filter in every setting that makes sense; the check takes its best."""
    from scipy import ndimage

    cross = ndimage.generate_binary_structure(2, 1)
    for neighbourhood in (cross, np.ones((3, 3), bool), np.ones((5, 5), bool)):
        yield ndimage.median_filter(
            noisy.reshape(-1, SIDE, SIDE), footprint=neighbourhood[None]
        ).reshape(noisy.shape)
