"""The checks of chapter 9 on sizes, windows and costs: what can be counted without a picture."""

import itertools

import numpy as np

from vae_numpy.exercises.cases import sizes
from vae_numpy.exercises.catalogue import exercise


def firsts(n, kernel, stride, padding):
    """Return where in a line each window begins; the first in the padding."""
    return range(-padding, n + padding - kernel + 1, stride)


def _count(n, kernel, stride, padding):
    return (n + 2 * padding - kernel) // stride + 1


def _left_over(n, kernel, stride, padding):
    covered = (_count(n, kernel, stride, padding) - 1) * stride + kernel
    return n + 2 * padding - covered


@exercise(
    "9.1",
    trains="knowing the size of what comes out, and what nobody looks at",
    difficulty="easy",
    minutes=10,
    hints=[
        "The padded line has `n + 2 * padding` pixels. The first window takes `kernel` of them, "
        "each further one begins `stride` later.",
        "The windows cover `(windows - 1) * stride + kernel` pixels of the padded line, from its "
        "beginning.",
        "What is left over at the end is padding first: zeros that nobody misses.",
    ],
    compare="`Conv2D((1, n, n), 1, kernel, stride=stride, padding=padding, rng=rng).shape_out`",
)
def count_windows(answer):
    def right(n, kernel, stride, padding):
        seen, windows = set(), firsts(n, kernel, stride, padding)
        for first in windows:
            seen |= set(range(first, first + kernel))
        return len(windows), sum(pixel > max(seen) for pixel in range(n))

    def draw(rng):
        kernel = int(rng.integers(4, 14))
        stride = int(rng.integers(kernel // 2, kernel + 1))
        # With little padding pixels stay unseen, with much of it zeros do.
        padding = int(rng.integers(0, rng.choice([2, kernel])))
        return int(rng.integers(kernel, 3 * kernel)), kernel, stride, padding

    def windows(value):
        return lambda *given: (value(*given), None)

    def unseen(value):
        return lambda *given: (None, value(*given))

    mistakes = {
        "windows: the padding is counted once; there are zeros on either side": windows(
            lambda n, k, s, m: (n + m - k) // s + 1
        ),
        "windows: the padding is left out": windows(lambda n, k, s, m: (n - k) // s + 1),
        "windows: one too few: the first window is there before any step": windows(
            lambda n, k, s, m: (n + 2 * m - k) // s
        ),
        "windows: rounded up: a last window that does not fit is counted": windows(
            lambda n, k, s, m: -(-(n + 2 * m - k) // s) + 1
        ),
        "windows: a number of windows is whole: round down": windows(
            lambda n, k, s, m: (n + 2 * m - k) / s + 1
        ),
        "windows: the stride is left out: this counts every place": windows(
            lambda n, k, s, m: n + 2 * m - k + 1
        ),
        "windows: the kernel is left out: a window needs room": windows(
            lambda n, k, s, m: (n + 2 * m) // s
        ),
        "unseen: zeros of the padding are among them; count pixels of the picture": unseen(
            _left_over
        ),
        "unseen: negative where some of the padding is left over: nothing is unseen then": unseen(
            lambda n, k, s, m: _left_over(n, k, s, m) - m
        ),
        "unseen: this leaves out the padding, which moves the windows": unseen(
            lambda n, k, s, m: (n - k) % s
        ),
    }
    cases = [(4, 3, 1, 0), (4, 2, 2, 0), (5, 3, 3, 0), (2, 5, 4, 4), (18, 6, 5, 1)]
    names = ("windows", "unseen")
    answer.agrees(right, draw, mistakes=mistakes, first=cases, names=names, n_calls=30)


def _field(layers, *, start=1, window=lambda k: k - 1, early=False, steps=None):
    field, step = start, 1
    for kernel, stride in layers:
        if early:
            step *= stride
        field += window(kernel) * (steps(layers) if steps else step)
        if not early:
            step *= stride
    return field


@exercise(
    "9.2",
    trains="seeing how windows grow from layer to layer",
    difficulty="easy",
    minutes=10,
    hints=[
        "Keep two numbers, the field and the step: how far apart neighbours of this layer are, in "
        "pixels of the picture. Both begin at 1.",
        "A window of k neighbours adds k - 1 steps to the field of one of them.",
        "The stride of a layer counts for the layers behind it: multiply the step last.",
    ],
    compare="four layers of 4 x 4 with stride 2 see 46 pixels, those of chapter 8's papers",
)
def receptive_field(answer):
    def right(layers):
        # Walk from one output, and from the next, back to their pixels in the picture.
        lowest = highest = 0
        step = 1
        for kernel, stride in reversed(layers):
            lowest, highest = lowest * stride, highest * stride + kernel - 1
            step *= stride
        return highest - lowest + 1, step

    def draw(rng):
        n = int(rng.integers(3, 5))
        return (list(zip(sizes(rng, n, 2, 9), sizes(rng, n, 2, 7), strict=True)),)

    def summed(start):
        def value(layers):
            field, step = 1, start
            for i, (kernel, stride) in enumerate(layers):
                field += (kernel - 1) * (step if i else 1)
                step += stride - start
            return field, None

        return value

    def field(**options):
        return lambda layers: (_field(layers, **options), None)

    def forward(layers):
        r = 1
        for kernel, stride in layers:
            r = (r - 1) * stride + kernel
        return r, None

    mistakes = {
        "field: the strides are left out; behind a stride neighbours lie further apart": field(
            steps=lambda layers: 1
        ),
        "field: a layer's own stride is used too early: it counts for the layers behind": field(
            early=True
        ),
        "field: a window of k adds k - 1 steps, not k: its first is there already": field(
            window=lambda k: k
        ),
        "field: it starts at 0; one pixel sees itself": field(start=0),
        "field: the kernels are added up; windows overlap": lambda layers: (
            sum(k for k, _ in layers),
            None,
        ),
        "field: the kernels are multiplied": lambda layers: (
            int(np.prod([k for k, _ in layers])),
            None,
        ),
        "field: the layers are walked from the wrong end: for each count the strides of the "
        "layers before it": forward,
        "field: the strides before a layer are added up; a step of steps is a product": [
            summed(1),
            summed(0),
        ],
        "step: this is the last layer's stride alone; those before it count too": lambda layers: (
            None,
            layers[-1][1],
        ),
        "step: the strides are added up; a step of steps is a product": lambda layers: (
            None,
            sum(s for _, s in layers),
        ),
    }
    cases = [([(3, 1)],), ([(3, 1), (3, 1)],), ([(3, 2), (2, 1)],), ([(1, 3), (4, 2)],)]
    names = ("field", "step")
    answer.agrees(right, draw, mistakes=mistakes, first=cases, names=names, n_calls=12)


@exercise(
    "9.3",
    trains="counting what sharing saves, and what it does not",
    difficulty="medium",
    minutes=15,
    hints=[
        "A kernel has C kh kw weights and one bias, wherever it is used.",
        "Each output is a sum of C kh kw products, and there are C' H' B' outputs. Exercise 9.1 "
        "counts H' and B'.",
        "A dense layer has a weight for each pair of input and output, and a bias for each output.",
    ],
    compare="the chapter's table; it counts no biases",
)
def layer_costs(answer):
    def right(shape_in, channels, kernel_size, stride, padding):
        # Go through all windows, and keep account of the weights that are used.
        (C, H, B), (kh, kw) = shape_in, kernel_size
        tops, lefts = firsts(H, kh, stride, padding), firsts(B, kw, stride, padding)
        used, products, outputs = set(), 0, list(itertools.product(range(channels), tops, lefts))
        for new, _, _ in outputs:
            kernel = list(itertools.product([new], range(C), range(kh), range(kw)))
            used.update(kernel)
            products += len(kernel)
        return len(used) + channels, products, len(outputs) * (C * H * B + 1)

    def draw(rng):
        C, channels, kh, kw = sizes(rng, 4, 2, 7)
        stride, padding = int(rng.integers(2, 4)), int(rng.integers(1, 3))
        return (C, *sizes(rng, 2, 8, 15)), channels, (kh, kw), stride, padding

    def parts(C, H, B, channels, kh, kw, s, m):
        places = _count(H, kh, s, m) * _count(B, kw, s, m)
        return C * kh * kw, places, C * H * B

    def variant(which, value):
        def wrong(shape_in, channels, kernel_size, stride, padding):
            C, H, B = shape_in
            window, places, pixels = parts(C, H, B, channels, *kernel_size, stride, padding)
            result = [None, None, None]
            result[which] = value(C, H, B, channels, window, places, pixels, stride)
            return tuple(result)

        return wrong

    def places_by(size):
        def wrong(shape_in, channels, kernel_size, stride, padding):
            (C, H, B), (kh, kw) = shape_in, kernel_size
            places = size(H, kh, stride, padding) * size(B, kw, stride, padding)
            return None, C * kh * kw * channels * places, None

        return wrong

    mistakes = {
        "weights: the biases are left out: one for each new channel": variant(
            0, lambda C, H, B, n, window, places, pixels, s: window * n
        ),
        "weights: there is one bias for a channel, not one for each of its pixels": variant(
            0, lambda C, H, B, n, window, places, pixels, s: window * n + n * places
        ),
        "weights: a kernel reaches through all channels that come in": variant(
            0, lambda C, H, B, n, window, places, pixels, s: window // C * n + n
        ),
        "weights: they are shared: the same at every place": variant(
            0, lambda C, H, B, n, window, places, pixels, s: (window + 1) * n * places
        ),
        "multiplications: each weight is used once at every place": variant(
            1, lambda C, H, B, n, window, places, pixels, s: window * n
        ),
        "multiplications: an output sums over all channels that come in": variant(
            1, lambda C, H, B, n, window, places, pixels, s: window // C * n * places
        ),
        "multiplications: the places are those of the picture that goes out": variant(
            1, lambda C, H, B, n, window, places, pixels, s: window * n * H * B
        ),
        "multiplications: the additions are counted too": variant(
            1, lambda C, H, B, n, window, places, pixels, s: 2 * window * n * places
        ),
        "multiplications: the size that goes out is taken for the size that comes in, divided by "
        "the stride; kernel and padding matter too": [
            places_by(lambda n, k, s, m: n // s),
            places_by(lambda n, k, s, m: -(-n // s)),
        ],
        "multiplications: the windows are counted without the padding": places_by(
            lambda n, k, s, m: (n - k) // s + 1
        ),
        "multiplications: the windows are counted with the padding of one side alone": places_by(
            lambda n, k, s, m: (n + m - k) // s + 1
        ),
        "multiplications: one window too few in each direction: the first is there before any "
        "step": places_by(lambda n, k, s, m: (n + 2 * m - k) // s),
        "multiplications: the stride is left out, and every place counted": places_by(
            lambda n, k, s, m: n + 2 * m - k + 1
        ),
        "dense_weights: there is one bias for each output; here there is one for each new "
        "channel": variant(
            2, lambda C, H, B, n, window, places, pixels, s: pixels * n * places + n
        ),
        "dense_weights: the biases are left out: one for each output": variant(
            2, lambda C, H, B, n, window, places, pixels, s: pixels * n * places
        ),
        "dense_weights: the channels that come in are left out": variant(
            2, lambda C, H, B, n, window, places, pixels, s: (H * B + 1) * n * places
        ),
        "dense_weights: the channels that go out are left out": variant(
            2, lambda C, H, B, n, window, places, pixels, s: (pixels + 1) * places
        ),
    }
    cases = [((1, 3, 4), 1, (2, 2), 1, 0), ((2, 3, 4), 3, (2, 1), 2, 1)]
    names = ("weights", "multiplications", "dense_weights")
    answer.agrees(right, draw, mistakes=mistakes, first=cases, names=names, n_calls=20)
