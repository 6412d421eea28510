"""The checks of chapter 9 on sizes, windows and costs: what can be counted without a picture."""

import numpy as np

from vae_numpy.exercises.catalogue import exercise

# In the first three all known mistakes differ from each other; in the next two pixels stay unseen.
LINES = [(13, 8, 3, 7), (14, 13, 5, 8), (11, 10, 4, 9), (18, 6, 5, 1), (25, 7, 6, 2), (12, 3, 2, 0)]


def windows_by_laying(n, kernel, stride, padding):
    """Lay window after window, and keep account of the pixels that were seen."""
    seen, first = set(), -padding
    count = 0
    while first + kernel <= n + padding:
        seen |= set(range(first, first + kernel))
        first, count = first + stride, count + 1
    return count, sum(pixel > max(seen) for pixel in range(n))


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
    names = ("windows", "unseen")
    for case in LINES:
        answer.gives(windows_by_laying(*case), *case, mistakes=mistakes, names=names)


STACKS = [
    [(5, 2), (6, 3), (4, 4)],
    [(6, 2), (7, 3)],
    [(6, 3), (2, 4), (5, 4)],
    [(5, 4)],
]


def field_by_walking(layers):
    """Walk from one output back to the pixels of the picture, layer by layer."""
    lowest = highest = 0
    for kernel, stride in reversed(layers):
        lowest, highest = lowest * stride, highest * stride + kernel - 1
    next_output = 1
    for _, stride in reversed(layers):
        next_output *= stride
    return highest - lowest + 1, next_output


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
        "field: the layers are walked from the wrong end: to use (r - 1) s + k, begin with the "
        "last": forward,
        "step: this is the last layer's stride alone; those before it count too": lambda layers: (
            None,
            layers[-1][1],
        ),
        "step: the strides are added up; a step of steps is a product": lambda layers: (
            None,
            sum(s for _, s in layers),
        ),
    }
    for layers in STACKS:
        answer.gives(field_by_walking(layers), layers, mistakes=mistakes, names=("field", "step"))


LAYERS = [
    ((3, 11, 14), 5, (2, 4), 3, 1),
    ((2, 9, 16), 7, (3, 5), 2, 2),
    ((4, 13, 10), 3, (5, 2), 1, 0),
]


def costs_by_matrix(shape_in, channels, kernel_size, stride, padding):
    """Count the entries of the layer's matrix, and what it is made of."""
    C, H, B = shape_in
    (kh, kw), places = kernel_size, 1
    for n, k in zip((H, B), kernel_size, strict=True):
        places *= windows_by_laying(n, k, stride, padding)[0]
    weights = sum(C * kh * kw + 1 for _ in range(channels))  # a kernel and its bias
    each = sum(1 for _ in range(places * channels)) * C * kh * kw
    return weights, each, (C * H * B + 1) * places * channels


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
    names = ("weights", "multiplications", "dense_weights")
    for case in LAYERS:
        answer.gives(costs_by_matrix(*case), *case, mistakes=mistakes, names=names)
