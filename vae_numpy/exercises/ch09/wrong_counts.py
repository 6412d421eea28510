"""Answers to exercises 9.1 to 9.3 as people give them."""

import math

from vae_numpy.exercises.register import right, wrong

# 9.1 ----------------------------------------------------------------------------------------------


def rest(n, kernel, stride, padding, windows):
    return max(0, n + padding - (windows - 1) * stride - kernel)


def with_rest(windows):
    """Let an answer count windows in its own way, and the unseen pixels rightly."""

    def answer(n, kernel, stride, padding):
        counted = windows(n, kernel, stride, padding)
        true = (n + 2 * padding - kernel) // stride + 1
        return counted, rest(n, kernel, stride, padding, true)

    return answer


@wrong("9.1", "counted once")
def padding_once(n, kernel, stride, padding):
    windows = (n - kernel + padding) // stride + 1
    return windows, rest(n, kernel, stride, padding, windows)


@wrong("9.1", "padding is left out")
def padding_forgotten(n, kernel, stride, padding):
    return with_rest(lambda n, k, s, m: (n - k) // s + 1)(n, kernel, stride, padding)


@wrong("9.1", "one too few")
def steps_counted(n, kernel, stride, padding):
    return with_rest(lambda n, k, s, m: (n - k + 2 * m) // s)(n, kernel, stride, padding)


@wrong("9.1", "rounded up")
def windows_over_the_edge(n, kernel, stride, padding):
    return math.ceil((n + 2 * padding - kernel) / stride + 1), 0


@wrong("9.1", "whole")
def not_rounded(n, kernel, stride, padding):
    return (n + 2 * padding - kernel) / stride + 1, 0


@wrong("9.1", "stride is left out")
def every_place(n, kernel, stride, padding):
    return n + 2 * padding - (kernel - 1), 0


@wrong("9.1", "kernel is left out")
def no_room_for_the_window(n, kernel, stride, padding):
    return with_rest(lambda n, k, s, m: (n + 2 * m) // s)(n, kernel, stride, padding)


@wrong("9.1", "zeros of the padding")
def zeros_unseen(n, kernel, stride, padding):
    windows, over = divmod(n + 2 * padding - kernel, stride)
    return windows + 1, over


@wrong("9.1", "negative")
def less_than_nothing_unseen(n, kernel, stride, padding):
    windows, over = divmod(n + 2 * padding - kernel, stride)
    return windows + 1, over - padding


@wrong("9.1", "moves the windows")
def unseen_without_padding(n, kernel, stride, padding):
    return (n + 2 * padding - kernel) // stride + 1, (n - kernel) % stride


@right("9.1")
def with_a_range(n, kernel, stride, padding):
    firsts = range(-padding, n + padding - kernel + 1, stride)
    return len(firsts), max(0, n - firsts[-1] - kernel)


# 9.2 ----------------------------------------------------------------------------------------------


def true_step(layers):
    return math.prod(s for _, s in layers)


@wrong("9.2", "strides are left out")
def no_strides(layers):
    return 1 + sum(k - 1 for k, _ in layers), true_step(layers)


@wrong("9.2", "too early")
def own_stride_first(layers):
    r = S = 1
    for k, s in layers:
        S *= s
        r += (k - 1) * S
    return r, S


@wrong("9.2", "adds k - 1 steps")
def whole_windows(layers):
    r = S = 1
    for k, s in layers:
        r, S = r + k * S, S * s
    return r, S


@wrong("9.2", "starts at 0")
def from_nothing(layers):
    r, S = 0, 1
    for k, s in layers:
        r, S = r + (k - 1) * S, S * s
    return r, S


@wrong("9.2", "kernels are added")
def sum_of_kernels(layers):
    return sum(k for k, _ in layers), true_step(layers)


@wrong("9.2", "kernels are multiplied")
def product_of_kernels(layers):
    return math.prod(k for k, _ in layers), true_step(layers)


@wrong("9.2", "wrong end")
def from_the_wrong_end(layers):
    r = 1
    for k, s in layers:
        r = (r - 1) * s + k
    return r, true_step(layers)


@wrong("9.2", "last layer's stride")
def last_stride(layers):
    r = S = 1
    for k, s in layers:
        r, S = r + (k - 1) * S, S * s
    return r, s


@wrong("9.2", "strides are added")
def sum_of_strides(layers):
    return from_the_end(layers)[0], sum(s for _, s in layers)


@right("9.2")
def from_the_end(layers):
    r = 1
    for k, s in layers[::-1]:
        r = (r - 1) * s + k
    return r, true_step(layers)


# 9.3 ----------------------------------------------------------------------------------------------


def counted(shape_in, channels, kernel_size, stride, padding):
    C, H, B = shape_in
    kh, kw = kernel_size
    down = (H + 2 * padding - kh) // stride + 1
    across = (B + 2 * padding - kw) // stride + 1
    return C * kh * kw, down * across


def with_parts(weights=None, multiplications=None, dense=None):
    """Make an answer that is right but for the parts that are given."""

    def answer(shape_in, channels, kernel_size, stride, padding):
        right = by_formula(shape_in, channels, kernel_size, stride, padding)
        given = (shape_in, channels, *counted(shape_in, channels, kernel_size, stride, padding))
        changed = weights, multiplications, dense
        return tuple(new(*given) if new else r for new, r in zip(changed, right, strict=True))

    return answer


@right("9.3")
def by_formula(shape_in, channels, kernel_size, stride, padding):
    window, places = counted(shape_in, channels, kernel_size, stride, padding)
    pixels = math.prod(shape_in)
    return (window + 1) * channels, window * channels * places, (pixels + 1) * channels * places


COSTS = {
    "weights: the biases": {"weights": lambda shape, n, window, places: window * n},
    "one bias for a channel": {"weights": lambda shape, n, window, places: n * (window + places)},
    "reaches through all": {"weights": lambda shape, n, window, places: n * window // shape[0] + n},
    "they are shared": {"weights": lambda shape, n, window, places: n * places * (window + 1)},
    "used once at every place": {"multiplications": lambda shape, n, window, places: window * n},
    "an output sums over": {
        "multiplications": lambda shape, n, window, places: window // shape[0] * n * places
    },
    "goes out": {
        "multiplications": lambda shape, n, window, places: window * n * shape[1] * shape[2]
    },
    "additions": {"multiplications": lambda shape, n, window, places: 2 * window * n * places},
    "dense_weights: the biases": {
        "dense": lambda shape, n, window, places: math.prod(shape) * n * places
    },
    "channels that come in are left out": {
        "dense": lambda shape, n, window, places: (shape[1] * shape[2] + 1) * n * places
    },
    "channels that go out are left out": {
        "dense": lambda shape, n, window, places: (math.prod(shape) + 1) * places
    },
}
for number, (message, parts) in enumerate(COSTS.items()):
    mistaken = with_parts(**parts)
    mistaken.__name__ = f"costs_{number}"
    wrong("9.3", message)(mistaken)
