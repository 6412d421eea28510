"""The checks of chapter 4 on pictures and masks: what they are worth, and how they are filtered."""

import math

import numpy as np

from vae_numpy.exercises.cases import number, numbers, sizes
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
    def right(X, X_hat, peak=1.0):
        pairs = zip(X.ravel().tolist(), X_hat.ravel().tolist(), strict=True)
        return 20 * math.log10(peak / math.sqrt(sum((b - a) ** 2 for a, b in pairs) / X.size))

    def draw(rng):
        N, D = sizes(rng, 2)
        X, X_hat = numbers(rng, N, D, low=0, high=2), numbers(rng, N, D, low=0, high=2)
        return X, X_hat, number(rng, 2, 5)

    def in_bytes(rng):
        N, D = sizes(rng, 2)
        X, X_hat = (rng.integers(0, 256, (N, D)).astype(np.uint8) for _ in range(2))
        return X, X_hat, int(rng.integers(200, 256))

    def made(value):
        """A mistake in terms of the squared errors (N, D) and the peak."""
        return lambda X, X_hat, peak=1.0: value((X_hat - X) ** 2, peak)

    mistakes = {
        "the peak is not squared, but the error is: both belong in squared units": made(
            lambda e, peak: 10 * np.log10(peak / np.mean(e))
        ),
        "20 log10 is for a ratio of amplitudes; the error is squared already, so 10": made(
            lambda e, peak: 20 * np.log10(peak**2 / np.mean(e))
        ),
        "decibels are averaged over the pictures: take the mean of the squared error over all "
        "pictures first, one logarithm at the end": made(
            lambda e, peak: np.mean(10 * np.log10(peak**2 / np.mean(e, axis=1)))
        ),
        "the error is summed over the pixels; here the field takes a mean over them as well": made(
            lambda e, peak: 10 * np.log10(peak**2 / np.mean(np.sum(e, axis=1)))
        ),
        "the natural logarithm: decibels count powers of ten": made(
            lambda e, peak: 10 * np.log(peak**2 / np.mean(e))
        ),
        "the peak is the largest pixel that there can be, and is given; this is the largest that "
        "occurs": [
            lambda X, X_hat, peak=1.0: right(X, X_hat, X.max()),
            lambda X, X_hat, peak=1.0: right(X, X_hat, max(X.max(), X_hat.max())),
        ],
    }
    X = np.linspace(0, 1, 12).reshape(3, 4)  # wrong by 0.1 everywhere: 20 dB
    answer.agrees(right, draw, mistakes=mistakes, first=[(X, X + 0.1)])
    wraps = (
        "right for floats and wrong for the same numbers as uint8, the type of picture files: 10 - "
        "30 is 236 there, and 20**2 is 144. Convert to float before you subtract"
    )

    def with_error(made):
        return lambda X, X_hat, peak: 10 * np.log10(peak**2 / np.mean(made(X, X_hat)))

    mistakes = {
        wraps: [
            with_error(lambda X, X_hat: (X_hat - X) ** 2),
            with_error(lambda X, X_hat: (X_hat - X).astype(float) ** 2),
            with_error(lambda X, X_hat: (X - X_hat).astype(float) ** 2),
        ]
    }
    answer.agrees(right, in_bytes, mistakes=mistakes, rtol=1e-4)


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
    def right(masks, masks_hat):
        scores = []
        for a, b in zip(masks, masks_hat, strict=True):
            a, b = {*np.flatnonzero(a)}, {*np.flatnonzero(b)}
            scores.append(2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0)
        return sum(scores) / len(scores)

    def draw(rng):
        N, D = sizes(rng, 1, 4, 9)[0], sizes(rng, 1, 10, 16)[0]
        A, B = rng.random((2, N, D)) < rng.uniform(0.2, 0.8, (2, N, 1))
        A[:, 0] = B[:, 1] = True  # none is empty
        return A, B

    def with_empty(rng):
        A, B = draw(rng)
        A[0] = B[0] = B[1] = False  # a pair of empty masks, and one with an empty mask
        order = rng.permutation(len(A))
        return A[order], B[order]

    def mean(above, below, empty=1.0):
        return np.mean(np.where(below > 0, above / np.maximum(below, 1), empty))

    def made(score):
        """A mistake in terms of the common pixels, those of either, and of both sizes added."""
        return lambda A, B: score((A & B).sum(axis=1), (A | B).sum(axis=1), A.sum(1) + B.sum(1))

    mistakes = {
        "this is the intersection over union; Dice divides by the sizes of both masks, where the "
        "common pixels count twice, and so they do on top": made(
            lambda both, either, total: np.mean(both / either)
        ),
        "the pixels of all pictures are thrown together, so large shapes outvote small ones: one "
        "number per picture, then the mean": made(
            lambda both, either, total: 2 * both.sum() / total.sum()
        ),
        "this is the share of pixels that agree; most of a picture is background, and an empty "
        "mask would score high": lambda A, B: np.mean(A == B),
        "the 2 is missing: the common pixels are counted twice below the line": made(
            lambda both, either, total: np.mean(both / total)
        ),
        "bool + bool is or: the pixels that both have are counted once below the line": made(
            lambda both, either, total: np.mean(2 * both / either)
        ),
    }
    # Four pixels and two, of which two are common: 2 * 2 / 6; a miss; a perfect one.
    A = np.array([[1, 1, 1, 1, 0], [1, 0, 0, 0, 0], [0, 0, 1, 1, 1]]) == 1
    B = np.array([[0, 0, 1, 1, 0], [0, 1, 0, 0, 0], [0, 0, 1, 1, 1]]) == 1
    answer.agrees(right, draw, mistakes=mistakes, first=[(A, B)])
    mistakes = {
        "two empty masks agree, they count 1 and not 0": made(
            lambda both, either, total: mean(2 * both, total, 0.0)
        ),
        "0/0 where both masks are empty; they agree, which counts 1": made(
            lambda both, either, total: mean(2 * both, total, np.nan)
        ),
        "a pair counts 1 as soon as one of its masks is empty; then nothing is in common": (
            lambda A, B: right(A, B) + np.mean(A.any(axis=1) != B.any(axis=1))
        ),
        "pairs of empty masks are left out of the mean; they agree and count 1": made(
            lambda both, either, total: np.mean(2 * both[total > 0] / total[total > 0])
        ),
    }
    with np.errstate(all="ignore"):
        answer.agrees(right, with_empty, mistakes=mistakes)
    answer.gives(1.0, A[:2] & False, B[:2] & False, names=("where all masks are empty",))


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

    def window(x, size, i, j, before=0, behind=0):
        """Return the pixels (N, size * size) around one, repeating the edge."""
        _, H, W = x.shape
        r = size // 2
        rows = [min(max(i + d, 0), H - 1) for d in range(-r + before, r + 1 - behind)]
        columns = [min(max(j + d, 0), W - 1) for d in range(-r + before, r + 1 - behind)]
        return np.stack([x[:, k, m] for k in rows for m in columns], axis=1)

    def everywhere(x, value):
        y = np.zeros(x.shape)
        for i, j in np.ndindex(x.shape[1:]):
            y[:, i, j] = value(i, j)
        return y

    def right(pictures, size):
        def middle(i, j):
            return np.sort(window(pictures, size, i, j), axis=1)[:, size * size // 2]

        return everywhere(pictures, middle)

    def draw(rng):
        N, H, W = rng.choice(np.arange(5, 9), 3, replace=False)
        return numbers(rng, N, H, W, low=0, high=1), int(rng.choice([3, 5]))

    def filtered(mode="nearest", tool=ndimage.median_filter):
        return lambda x, size: tool(x, size=(1, size, size), mode=mode)

    def one_after_the_other(first, second):
        def made(x, size):
            for axis in (first, second):
                footprint = tuple(size if a == axis else 1 for a in range(3))
                x = ndimage.median_filter(x, size=footprint, mode="nearest")
            return x

        return made

    def short(before, behind):
        return lambda x, size: everywhere(
            x, lambda i, j: np.median(window(x, size, i, j, before, behind), axis=1)
        )

    def cut(x, size):
        def seen(i, j, r=size // 2):
            return x[:, max(0, i - r) : i + r + 1, max(0, j - r) : j + r + 1]

        return everywhere(x, lambda i, j: np.median(seen(i, j), axis=(1, 2)))

    def inside(outside):
        def made(x, size):
            r, y = size // 2, outside(x)
            inner = slice(None), slice(r, x.shape[1] - r), slice(r, x.shape[2] - r)
            y[inner] = right(x, size)[inner]
            return y

        return made

    mistakes = {
        "the border is filled with zeros: that darkens the frame, and a picture does not end in "
        "black; repeat its edge": filtered("constant"),
        "the border is mirrored, and the edge pixels are to be repeated": filtered("mirror"),
        "the border is mirrored with its edge, which is the same for 3 x 3 and another for 5 x 5; "
        "the edge pixels are to be repeated": filtered("reflect"),
        "the picture goes on at its other side: that is a tile, not a picture": filtered("wrap"),
        "the window is cut off at the border; where it reaches over, the edge pixels are to be "
        "repeated": cut,
        "pixels near the border are left as they are; repeat the edge, and filter them too": inside(
            np.copy
        ),
        "pixels near the border are 0; repeat the edge, and filter them too": inside(np.zeros_like),
        "this is the mean: one wild pixel pulls it along. The median is the middle value": filtered(
            tool=ndimage.uniform_filter
        ),
        "the window runs over several pictures as well: it is size x size in each by itself": (
            lambda x, size: ndimage.median_filter(x, size=size, mode="nearest")
        ),
        "size is the full width of the window, not what is added on either side": (
            lambda x, size: filtered()(x, 2 * size + 1)
        ),
        "the window lacks its last row and column: a range stops one before its end": short(0, 1),
        "the window lacks its first row and column": short(1, 0),
        "the median of each window's row, and of those the median by columns: that is not the "
        "median of all pixels in it": [one_after_the_other(2, 1), one_after_the_other(1, 2)],
    }
    speck = np.full((1, 5, 6), 0.5)
    speck[0, 2, 3] = 1.0  # it is gone
    answer.agrees(right, draw, mistakes=mistakes, first=[(speck, 3)], n_calls=10)
    x = draw(np.random.default_rng(0))[0]
    answer.gives(x, x, 1, names=("with a window of one pixel",))
