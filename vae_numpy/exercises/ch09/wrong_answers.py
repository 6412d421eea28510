"""Answers to chapter 9's exercises as people give them."""

import math

import numpy as np

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


# 9.4 to 9.6 ---------------------------------------------------------------------------------------


def around(x, before, after=None, **how):
    edge = before, before if after is None else after
    return np.pad(x, ((0, 0), (0, 0), edge, edge), **how)


def size_of(x, W, stride, padding):
    return [
        (n + 2 * padding - k) // stride + 1 for n, k in zip(x.shape[2:], W.shape[1:3], strict=True)
    ]


def loops(x, W, b, stride, size):
    """Convolve pictures that have their padding already, output by output."""
    y = np.zeros((len(x), W.shape[3], *size))
    for n, o, p, q in np.ndindex(*y.shape):
        top, left = p * stride, q * stride
        window = x[n, :, top : top + W.shape[1], left : left + W.shape[2]]
        y[n, o, p, q] = (window * W[..., o]).sum() + b[o]
    return y


@right("9.4")
def by_output(x, W, b, stride, padding):
    return loops(around(x, padding), W, b, stride, size_of(x, W, stride, padding))


@wrong("9.4", "flipped")
def mathematicians_convolution(x, W, b, stride, padding):
    return by_output(x, np.flip(W, (1, 2)), b, stride, padding)


@wrong("9.4", "top and left")
def padded_before(x, W, b, stride, padding):
    return loops(around(x, 2 * padding, 0), W, b, stride, size_of(x, W, stride, padding))


@wrong("9.4", "bottom and right")
def padded_after(x, W, b, stride, padding):
    return loops(around(x, 0, 2 * padding), W, b, stride, size_of(x, W, stride, padding))


@wrong("9.4", "repeats the picture's edge")
def edge_repeated(x, W, b, stride, padding):
    x, size = around(x, padding, mode="edge"), size_of(x, W, stride, padding)
    return loops(x, W, b, stride, size)


@wrong("9.4", "stride is forgotten")
def windows_side_by_side(x, W, b, stride, padding):
    return loops(around(x, padding), W, b, 1, size_of(x, W, stride, padding))


@wrong("9.4", "every place")
def all_places(x, W, b, stride, padding):
    return loops(around(x, padding), W, b, 1, size_of(x, W, 1, padding))


@wrong("9.4", "bias is missing")
def no_bias(x, W, b, stride, padding):
    return by_output(x, W, 0 * b, stride, padding)


@wrong("9.4", "bias is added for each channel")
def bias_in_the_inner_loop(x, W, b, stride, padding):
    return sum(
        by_output(x[:, c : c + 1], W[c : c + 1], b, stride, padding) for c in range(x.shape[1])
    )


@wrong("9.4", "only the last channel")
def channels_overwritten(x, W, b, stride, padding):
    for c in range(x.shape[1]):
        y = by_output(x[:, c : c + 1], W[c : c + 1], b, stride, padding)
    return y


@wrong("9.4", "only the first channel")
def grey_pictures(x, W, b, stride, padding):
    return by_output(x[:, :1], W[:1], b, stride, padding)


@wrong("9.4", "mean over the window")
def window_mean(x, W, b, stride, padding):
    return by_output(x, W / math.prod(W.shape[:3]), b, stride, padding)


@wrong("9.4", "channels are last")
def channels_last(x, W, b, stride, padding):
    return np.moveaxis(by_output(x, W, b, stride, padding), 1, 3)


def kernel_gradient(x, dy, kernel_size, stride):
    """Collect dW weight by weight, from pictures that have their padding already."""
    kh, kw = kernel_size
    dW = np.zeros((x.shape[1], kh, kw, dy.shape[1]))
    rows, columns = dy.shape[2:]
    for c, i, j, o in np.ndindex(*dW.shape):
        met = x[:, c, i : i + stride * rows : stride, j : j + stride * columns : stride]
        dW[c, i, j, o] = (met[:, :rows, :columns] * dy[:, o]).sum()
    return dW


def bias_gradient(dy):
    return dy.sum(axis=3).sum(axis=2).sum(axis=0)


@right("9.5")
def by_weight(x, dy, kernel_size, stride, padding):
    return kernel_gradient(around(x, padding), dy, kernel_size, stride), bias_gradient(dy)


@wrong("9.5", "only the last window")
def last_window(x, dy, kernel_size, stride, padding):
    x, (kh, kw) = around(x, padding), kernel_size
    for p, q in np.ndindex(*dy.shape[2:]):
        window = x[:, :, stride * p : stride * p + kh, stride * q : stride * q + kw]
        dW = np.einsum("ncij,no->cijo", window, dy[:, :, p, q])
    return dW, bias_gradient(dy)


@wrong("9.5", "last picture's alone")
def last_picture(x, dy, kernel_size, stride, padding):
    for n in range(len(x)):
        dW = by_weight(x[n : n + 1], dy[n : n + 1], kernel_size, stride, padding)[0]
    return dW, bias_gradient(dy)


@wrong("9.5", "first picture's alone")
def first_picture(x, dy, kernel_size, stride, padding):
    return by_weight(x[:1], dy[:1], kernel_size, stride, padding)[0], bias_gradient(dy)


@wrong("9.5", "mean over the batch")
def batch_mean(x, dy, kernel_size, stride, padding):
    dW, db = by_weight(x, dy, kernel_size, stride, padding)
    return dW / len(x), db


@wrong("9.5", "mean over the places; a shared weight")
def place_mean(x, dy, kernel_size, stride, padding):
    dW, db = by_weight(x, dy, kernel_size, stride, padding)
    return dW / (dy.shape[2] * dy.shape[3]), db


@wrong("9.5", "flipped")
def flipped_gradient(x, dy, kernel_size, stride, padding):
    dW, db = by_weight(x, dy, kernel_size, stride, padding)
    return np.flip(dW, (1, 2)), db


@wrong("9.5", "stride is forgotten")
def gradient_without_stride(x, dy, kernel_size, stride, padding):
    return kernel_gradient(around(x, padding), dy, kernel_size, 1), bias_gradient(dy)


@wrong("9.5", "bottom and right")
def gradient_padded_after(x, dy, kernel_size, stride, padding):
    x = around(x, 0, 2 * padding)
    return kernel_gradient(x, dy, kernel_size, stride), bias_gradient(dy)


@wrong("9.5", "top and left")
def gradient_padded_before(x, dy, kernel_size, stride, padding):
    x = around(x, 2 * padding, 0)
    return kernel_gradient(x, dy, kernel_size, stride), bias_gradient(dy)


@wrong("9.5", "axes are")
def torch_axes(x, dy, kernel_size, stride, padding):
    dW, db = by_weight(x, dy, kernel_size, stride, padding)
    return np.moveaxis(dW, 3, 0), db


@wrong("9.5", "db: it is a mean over the places")
def bias_place_mean(x, dy, kernel_size, stride, padding):
    dW, db = by_weight(x, dy, kernel_size, stride, padding)
    return dW, db / (dy.shape[2] * dy.shape[3])


@wrong("9.5", "db: it is a mean over pictures and places")
def bias_mean(x, dy, kernel_size, stride, padding):
    return by_weight(x, dy, kernel_size, stride, padding)[0], dy.mean(axis=(0, 2, 3))


@wrong("9.5", "has a bias of its own")
def one_bias(x, dy, kernel_size, stride, padding):
    return by_weight(x, dy, kernel_size, stride, padding)[0], np.sum(dy)


@wrong("9.5", "pictures alone")
def bias_of_pixels(x, dy, kernel_size, stride, padding):
    return by_weight(x, dy, kernel_size, stride, padding)[0], np.sum(dy, axis=0)


def collected(dy, W, stride, padding, shape):
    """Collect dx pixel by pixel: from every output whose window has it."""
    dx = np.zeros((len(dy), *shape))
    for u, v, i, j in np.ndindex(*shape[1:], *W.shape[1:3]):
        (p, over), (q, aside) = divmod(u + padding - i, stride), divmod(v + padding - j, stride)
        if over == aside == 0 and 0 <= p < dy.shape[2] and 0 <= q < dy.shape[3]:
            dx[:, :, u, v] += dy[:, :, p, q] @ W[:, i, j].T
    return dx


def wide(shape, padding):
    return shape[0], shape[1] + 2 * padding, shape[2] + 2 * padding


@right("9.6")
def by_pixel(dy, W, stride, padding, shape):
    return collected(dy, W, stride, padding, shape)


@wrong("9.6", "the last one is left")
def windows_overwritten(dy, W, stride, padding, shape):
    dx = np.zeros((len(dy), *wide(shape, padding)))
    for p, q in np.ndindex(*dy.shape[2:]):
        top, left = stride * p, stride * q
        laid = np.einsum("no,cijo->ncij", dy[:, :, p, q], W)
        dx[:, :, top : top + W.shape[1], left : left + W.shape[2]] = laid
    return dx[:, :, padding : padding + shape[1], padding : padding + shape[2]]


@wrong("9.6", "the mean is taken")
def overlaps_averaged(dy, W, stride, padding, shape):
    ones = collected(np.ones_like(dy), np.ones_like(W) / W.shape[3], stride, padding, shape)
    return collected(dy, W, stride, padding, shape) / np.where(ones > 0, ones, 1)


@wrong("9.6", "kernels are flipped")
def flipped_back(dy, W, stride, padding, shape):
    return collected(dy, np.flip(W, (1, 2)), stride, padding, shape)


@wrong("9.6", "stride is forgotten")
def laid_side_by_side(dy, W, stride, padding, shape):
    return collected(dy, W, 1, padding, shape)


@wrong("9.6", "at the end alone")
def cut_at_the_end(dy, W, stride, padding, shape):
    return collected(dy, W, stride, 0, wide(shape, padding))[:, :, : shape[1], : shape[2]]


@wrong("9.6", "at the beginning alone")
def cut_at_the_beginning(dy, W, stride, padding, shape):
    dx = collected(dy, W, stride, 0, wide(shape, padding))
    return dx[:, :, 2 * padding :, 2 * padding :]


@wrong("9.6", "still around it")
def padding_kept(dy, W, stride, padding, shape):
    return collected(dy, W, stride, 0, wide(shape, padding))


@wrong("9.6", "only the last new channel")
def last_new_channel(dy, W, stride, padding, shape):
    for o in range(W.shape[3]):
        dx = collected(dy[:, o : o + 1], W[..., o : o + 1], stride, padding, shape)
    return dx


@wrong("9.6", "only the first new channel")
def first_new_channel(dy, W, stride, padding, shape):
    return collected(dy[:, :1], W[..., :1], stride, padding, shape)


@wrong("9.6", "mean over the new channels")
def channel_mean(dy, W, stride, padding, shape):
    return collected(dy, W, stride, padding, shape) / dy.shape[1]


@wrong("9.6", "channels are last")
def gradient_channels_last(dy, W, stride, padding, shape):
    return np.moveaxis(collected(dy, W, stride, padding, shape), 1, 3)


# 9.7 ----------------------------------------------------------------------------------------------


def put_down(y, w, stride):
    """Lay the windows down, each times its number."""
    (kh, kw), (rows, columns) = w.shape, y.shape
    x = np.zeros(((rows - 1) * stride + kh, (columns - 1) * stride + kw))
    for p, q in np.ndindex(rows, columns):
        x[stride * p : stride * p + kh, stride * q : stride * q + kw] += y[p, q] * w
    return x


def between_zeros(y, stride):
    spread = np.zeros((len(y) * stride, len(y[0]) * stride))
    spread[::stride, ::stride] = y
    return spread[: len(spread) - stride + 1, : len(spread[0]) - stride + 1]


def slide(picture, w):
    """Convolve with stride 1 and no padding."""
    kh, kw = w.shape
    y = np.zeros((len(picture) - kh + 1, len(picture[0]) - kw + 1))
    for p, q in np.ndindex(*y.shape):
        y[p, q] = np.sum(picture[p : p + kh, q : q + kw] * w)
    return y


@right("9.7")
def by_putting_down(y, w, stride):
    return put_down(y, w, stride)


@wrong("9.7", "not flipped")
def as_it_is(y, w, stride):
    kh, kw = w.shape
    return slide(np.pad(between_zeros(y, stride), ((kh - 1,) * 2, (kw - 1,) * 2)), w)


@wrong("9.7", "top to bottom alone")
def upside_down(y, w, stride):
    return as_it_is(y, np.flipud(w), stride)


@wrong("9.7", "left to right alone")
def mirrored(y, w, stride):
    return as_it_is(y, np.fliplr(w), stride)


@wrong("9.7", "zero too many between")
def stride_zeros_between(y, w, stride):
    return put_down(y, w, stride + 1)


@wrong("9.7", "no zeros between")
def nothing_between(y, w, stride):
    return put_down(y, w, 1)


@wrong("9.7", "zero too many around")
def kernel_zeros_around(y, w, stride):
    kh, kw = w.shape
    return slide(np.pad(between_zeros(y, stride), ((kh,) * 2, (kw,) * 2)), np.flip(w))


@wrong("9.7", "no zeros around")
def nothing_around(y, w, stride):
    return slide(between_zeros(y, stride), np.flip(w))


@wrong("9.7", "half a window")
def same_size(y, w, stride):
    up, left = (w.shape[0] - 1) // 2, (w.shape[1] - 1) // 2
    edge = (w.shape[0] - 1 - up, up), (w.shape[1] - 1 - left, left)
    return slide(np.pad(between_zeros(y, stride), edge), np.flip(w))


@wrong("9.7", "numbers are repeated")
def nearest_neighbours(y, w, stride):
    rows, columns = between_zeros(y, stride).shape
    repeated = np.repeat(np.repeat(y, stride, axis=0), stride, axis=1)[:rows, :columns]
    return put_down(repeated, w, 1)


@wrong("9.7", "the last one is left")
def last_window_wins(y, w, stride):
    x, (kh, kw) = put_down(0 * y, w, stride), w.shape
    for p, q in np.ndindex(*y.shape):
        x[stride * p : stride * p + kh, stride * q : stride * q + kw] = y[p, q] * w
    return x


# 9.8 ----------------------------------------------------------------------------------------------


def pushed(x, shift):
    return np.pad(x, ((0, 0), (0, 0), (shift, 0)))[:, :, : x.shape[2]]


def both_answers(layer, x, shift, stride):
    new, old, by = layer(pushed(x, shift)), layer(x), shift // stride
    return new[..., by:], old[..., :-by]


def size_by_squares(y):
    return np.sqrt(np.sum(np.square(y)))


@right("9.8")
def by_squares(layer, x, shift, stride):
    new, old = both_answers(layer, x, shift, stride)
    return size_by_squares(new - old) / size_by_squares(old)


@wrong("9.8", "they move by shift // stride")
def answers_moved_by_pixels(layer, x, shift, stride):
    new, old = layer(pushed(x, shift))[..., shift:], layer(x)
    if shift >= old.shape[2]:
        return 0.0
    return size_by_squares(new - old[..., :-shift]) / size_by_squares(old[..., :-shift])


@wrong("9.8", "invariance")
def answers_not_moved(layer, x, shift, stride):
    return size_by_squares(layer(pushed(x, shift)) - layer(x)) / size_by_squares(layer(x))


@wrong("9.8", "zeros come in")
def round_and_round(layer, x, shift, stride):
    new, old, by = layer(np.roll(x, shift, axis=2)), layer(x), shift // stride
    new, old = new[..., by:], old[..., :-by]
    return size_by_squares(new - old) / size_by_squares(old)


@wrong("9.8", "to the left")
def pulled_left(layer, x, shift, stride):
    moved = np.pad(x[:, :, shift:], ((0, 0), (0, 0), (0, shift)))
    new, old, by = layer(moved), layer(x), shift // stride
    new, old = new[..., by:], old[..., :-by]
    return size_by_squares(new - old) / size_by_squares(old)


@wrong("9.8", "moved down")
def pushed_down(layer, x, shift, stride):
    moved = np.pad(x, ((0, 0), (shift, 0), (0, 0)))[:, : x.shape[1]]
    new, old, by = layer(moved), layer(x), shift // stride
    new, old = new[..., by:], old[..., :-by]
    return size_by_squares(new - old) / size_by_squares(old)


@wrong("9.8", "not divided")
def in_units_of_the_answers(layer, x, shift, stride):
    new, old = both_answers(layer, x, shift, stride)
    return size_by_squares(new - old)


@wrong("9.8", "take the root")
def share_of_squares(layer, x, shift, stride):
    new, old = both_answers(layer, x, shift, stride)
    return np.sum((new - old) ** 2) / np.sum(old**2)


@wrong("9.8", "old ones are the measure")
def relative_to_the_new(layer, x, shift, stride):
    new, old = both_answers(layer, x, shift, stride)
    return size_by_squares(new - old) / size_by_squares(new)


@wrong("9.8", "without squares")
def absolute_errors(layer, x, shift, stride):
    new, old = both_answers(layer, x, shift, stride)
    return np.mean(np.abs(new - old)) / np.mean(np.abs(old))


@wrong("9.8", "largest error")
def worst_case(layer, x, shift, stride):
    new, old = both_answers(layer, x, shift, stride)
    return np.max(np.abs(new - old)) / np.max(np.abs(old))


# 9.9 ----------------------------------------------------------------------------------------------


def nothing_added(x, W, stride):
    return loops(x, W, np.zeros(W.shape[3]), stride, size_of(x, W, stride, 0))


@right("9.9")
def with_the_weights_turned(x, W, stride):
    C, kh, kw, n_out = W.shape
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride].transpose(0, 2, 3, 4, 5, 1)
    y = windows.reshape(-1, kh * kw * C) @ W.transpose(1, 2, 0, 3).reshape(-1, n_out)
    return np.moveaxis(y.reshape(*windows.shape[:3], n_out), 3, 1)


def rows_in_order(x, W, stride, order):
    kh, kw, n_out = W.shape[1:]
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(2, 3))
    rows = windows[:, :, ::stride, ::stride].transpose(order)
    y = rows.reshape(-1, W[..., 0].size) @ W.reshape(-1, n_out)
    return np.moveaxis(y.reshape(*rows.shape[:3], n_out), 3, 1)


@wrong("9.9", "through kh, kw, C;")
def the_bug(x, W, stride):
    return rows_in_order(x, W, stride, (0, 2, 3, 4, 5, 1))


@wrong("9.9", "through C, kw, kh;")
def kernel_on_its_side(x, W, stride):
    return rows_in_order(x, W, stride, (0, 2, 3, 1, 5, 4))


@wrong("9.9", "through kw, kh, C;")
def all_reversed(x, W, stride):
    return rows_in_order(x, W, stride, (0, 2, 3, 5, 4, 1))


@wrong("9.9", "through kh, C, kw;")
def channels_between(x, W, stride):
    return rows_in_order(x, W, stride, (0, 2, 3, 4, 1, 5))


@wrong("9.9", "its rows are places")
def reshaped_at_once(x, W, stride):
    y = nothing_added(x, W, stride)
    return y.transpose(0, 2, 3, 1).reshape(y.shape)


@wrong("9.9", "channels are last")
def patches_channels_last(x, W, stride):
    return np.moveaxis(nothing_added(x, W, stride), 1, -1)


@wrong("9.9", "stride is forgotten")
def patches_everywhere(x, W, stride):
    return nothing_added(x, W, 1)


@wrong("9.9", "kernel is flipped")
def patches_flipped(x, W, stride):
    return nothing_added(x, np.flip(W, (1, 2)), stride)


@wrong("9.9", "changed places")
def height_for_breadth(x, W, stride):
    return nothing_added(x, W, stride).swapaxes(2, 3)


@wrong("9.9", "only the first channel")
def patches_of_one_channel(x, W, stride):
    return nothing_added(x[:, :1], W[:1], stride)
