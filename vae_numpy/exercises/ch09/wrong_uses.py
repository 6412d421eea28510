"""Answers to exercises 9.7 to 9.9 as people give them."""

import numpy as np

from vae_numpy.exercises.ch09.wrong_layers import between_zeros, loops, put_down, size_of
from vae_numpy.exercises.register import right, wrong


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
