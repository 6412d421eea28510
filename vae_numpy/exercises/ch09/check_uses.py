"""The checks of chapter 9 on what is made of the layer, and what it keeps of a move."""

import numpy as np

from vae_numpy.exercises.cases import number, numbers, sizes
from vae_numpy.exercises.catalogue import exercise
from vae_numpy.exercises.ch09.check_layers import draw_layer, right_forward


@exercise(
    "9.7",
    trains="seeing a transposed convolution as an ordinary one",
    difficulty="hard",
    minutes=20,
    hints=[
        "Which pixels does the first output reach, if the stride is 2? And the second? Put y's "
        "numbers `stride` apart into a picture of zeros: `wide[::stride, ::stride] = y`.",
        "A window at the very corner must be able to touch the first number with its last weight: "
        "put kh - 1 and kw - 1 zeros around.",
        "Pixel m gets w_i from output m - i. So the window has to be read backwards, in both "
        "directions: `w[::-1, ::-1]`.",
    ],
    compare="exercise 9.6 with one channel and no padding",
)
def transpose_by_zeros(answer):
    def right(y, w, stride):
        x = np.zeros([(n - 1) * stride + k for n, k in zip(y.shape, w.shape, strict=True)])
        for p, q in np.ndindex(*y.shape):
            for i, j in np.ndindex(*w.shape):
                x[stride * p + i, stride * q + j] += y[p, q] * w[i, j]
        return x

    def draw(rng):
        # A kernel that fits even without zeros around.
        y, w = numbers(rng, *sizes(rng, 2, 6, 9)), numbers(rng, *sizes(rng, 2, 2, 6))
        return y, w, int(rng.integers(2, 5))

    def spread(y, w, s, gap=None, kernel=None, edge=(1, 1)):
        gap, kernel = gap or s, w[::-1, ::-1] if kernel is None else kernel
        wide = np.zeros([(n - 1) * gap + 1 for n in y.shape])
        wide[::gap, ::gap] = y
        (kh, kw), (a, b) = kernel.shape, edge
        wide = np.pad(wide, ((kh - a, kh - a), (kw - b, kw - b)))
        return right_forward(wide[None, None], kernel[None, :, :, None], 0.0, 1, 0)[0, 0]

    def repeated(y, w, s):
        H, B = right(y, w, s).shape
        wide = np.kron(y, np.ones((s, s)))[: H - len(w) + 1, : B - len(w[0]) + 1]
        return right(wide, w, 1)

    def overwritten(y, w, s):
        x = np.zeros_like(right(y, w, s))
        for (p, q), value in np.ndenumerate(y):
            x[s * p : s * p + len(w), s * q : s * q + len(w[0])] = value * w
        return x

    def moved(y, w, s):
        H, B = right(y, w, s).shape
        return np.pad(right(y, w, s), ((s - 1, 0), (s - 1, 0)))[:H, :B]

    def half_edge(y, w, s):
        same = spread(y, w, s)
        a, b = (len(w) - 1) // 2, (len(w[0]) - 1) // 2
        return same[a : len(same) - (len(w) - 1 - a), b : same.shape[1] - (w.shape[1] - 1 - b)]

    mistakes = {
        "the kernel is not flipped: pixel m gets w_i from output m - i, so it is read backwards": (
            lambda y, w, s: spread(y, w, s, kernel=w)
        ),
        "the kernel is flipped from top to bottom alone: turn it in both directions": (
            lambda y, w, s: spread(y, w, s, kernel=w[::-1])
        ),
        "the kernel is flipped from left to right alone: turn it in both directions": (
            lambda y, w, s: spread(y, w, s, kernel=w[:, ::-1])
        ),
        "one zero too many between neighbours: stride - 1 zeros put them stride apart": (
            lambda y, w, s: spread(y, w, s, gap=s + 1)
        ),
        "the stride is forgotten: no zeros between neighbours": lambda y, w, s: spread(
            y, w, s, gap=1
        ),
        "one zero too many around: a window of k needs k - 1 of them": lambda y, w, s: spread(
            y, w, s, edge=(0, 0)
        ),
        "no zeros around: the outermost pixels are missing": lambda y, w, s: spread(y, w, s)[
            len(w) - 1 : len(right(y, w, s)) - len(w) + 1,
            len(w[0]) - 1 : right(y, w, s).shape[1] - len(w[0]) + 1,
        ],
        "zeros around for half a window: the rim of the picture is missing": half_edge,
        "s - 1 zeros stand before the first number too: all lies s - 1 places too far down and to "
        "the right": moved,
        "s - 1 zeros stand behind the last number too: rows and columns of zeros at the end": (
            lambda y, w, s: np.pad(right(y, w, s), ((0, s - 1), (0, s - 1)))
        ),
        "the numbers are repeated; between neighbours belong zeros": repeated,
        "where windows overlap the last one is left: they add up": overwritten,
    }
    y, w = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]])
    cases = [(y[:1], w[:1, :2], 1), (y[:1], w[:1], 2), (y, w, 2), (y, w, 4)]
    answer.agrees(right, draw, mistakes=mistakes, first=cases)


def a_layer(w, b, stride):
    """Make a convolution of one channel that also minds the place, so that errors are not 0.

    The bias makes it answer to the zeros that come in as well.
    """

    def layer(x):
        y = right_forward(x[:, None], w[None, :, :, None], b, stride, 1)[:, 0]
        rows, columns = np.indices(y.shape[1:])
        return y * (1 + 0.1 * columns + 0.03 * rows**2)

    return layer


def pushed(x, shift):
    """Move pictures to the right, where zeros come in at the left."""
    return np.concatenate([np.zeros_like(x[..., :shift]), x[..., :-shift]], axis=2)


def every_pixel(x):
    """Keep the picture as it is."""
    return x


def every_second(x):
    """Keep every second pixel of a line: what moves with the picture as it is."""
    return x[:, :, ::2]


def times_its_column(x):
    """Multiply every second pixel by the number of its column, from 1 on."""
    return x[:, :, ::2] * np.arange(1, len(x[0, 0, ::2]) + 1)


@exercise(
    "9.8",
    trains="turning a symmetry into a number",
    difficulty="medium",
    minutes=15,
    hints=[
        "Moved to the right: zeros for the first `shift` columns, then `x[:, :, :-shift]`.",
        "The answers move by `shift // stride` columns. Compare the new ones from there on with "
        "the old ones up to as many before the end.",
        "`np.linalg.norm` of an array without `axis` takes the root of the sum of all squares.",
    ],
    compare="a `Conv2D` with stride 1: 0 but for the columns near the left edge",
)
def equivariance_error(answer):
    def right(layer, x, shift, stride):
        new, old, by = layer(pushed(x, shift)), layer(x), shift // stride
        off = size = 0.0
        for column in range(new.shape[2] - by):
            off += np.sum((new[:, :, column + by] - old[:, :, column]) ** 2)
            size += np.sum(old[:, :, column] ** 2)
        return (off / size) ** 0.5

    def draw(rng):
        n, H = sizes(rng, 2, 4, 10)
        stride, by = (int(k) for k in rng.integers(2, 4, size=2))
        # So broad that answers which are moved by shift columns have some in common.
        x = numbers(rng, n, H, stride * (stride * by + int(rng.integers(3, 9))))
        return a_layer(numbers(rng, 3, 3), number(rng, 0.5, 2), stride), x, stride * by, stride

    def parts(layer, x, shift, stride, *, by=None, axis=2, back=False, wrap=False):
        moved = np.roll(x, -shift if back else shift, axis=axis)
        if not wrap:
            ends = [slice(None)] * 3
            ends[axis] = slice(-shift, None) if back else slice(shift)
            moved[tuple(ends)] = 0
        new, old = layer(moved), layer(x)
        by = shift // stride if by is None else by
        return new[:, :, by:], old[:, :, : old.shape[2] - by]

    def error(**options):
        def wrong(*case):
            new, old = parts(*case, **options)
            return np.linalg.norm(new - old) / np.linalg.norm(old)

        return wrong

    def of_parts(measure):
        return lambda *case: measure(*parts(*case))

    def all_columns(come_in):
        """A mistake: the old answers are moved, and something stands in the first columns."""

        def wrong(layer, x, shift, stride):
            old, by = np.roll(layer(x), shift // stride, axis=2), shift // stride
            old[:, :, :by] *= come_in
            return norm(layer(pushed(x, shift)) - old) / norm(old)

        return wrong

    norm = np.linalg.norm
    mistakes = {
        "the answers are moved by shift columns; they move by shift // stride": lambda *case: error(
            by=case[2]
        )(*case),
        "all columns are compared; wanted those that both answers have": [
            all_columns(0),
            all_columns(1),
        ],
        "the answers are compared without moving them: that asks for invariance": error(by=0),
        "what left at the right came in at the left: zeros come in": error(wrap=True),
        "the pictures are moved to the left": error(back=True),
        "the pictures are moved down; columns are the last axis": error(axis=1),
        "it is not divided by the size of the answers": of_parts(lambda new, old: norm(new - old)),
        "these are squares: take the root": of_parts(
            lambda new, old: norm(new - old) ** 2 / norm(old) ** 2
        ),
        "divided by the size of the new answers; the old ones are the measure": of_parts(
            lambda new, old: norm(new - old) / norm(new)
        ),
        "divided by the size of all the old answers; wanted that of the columns that both have": (
            lambda layer, x, *given: norm(np.subtract(*parts(layer, x, *given))) / norm(layer(x))
        ),
        "the errors of the pictures are averaged; take one norm over all": of_parts(
            lambda new, old: np.mean(norm(new - old, axis=(1, 2)) / norm(old, axis=(1, 2)))
        ),
        "these are sizes without squares; the norm takes the root of a sum of squares": of_parts(
            lambda new, old: np.abs(new - old).sum() / np.abs(old).sum()
        ),
        "this is the largest error; take all of them": of_parts(
            lambda new, old: np.abs(new - old).max() / np.abs(old).max()
        ),
    }
    x = np.array([[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]]])
    cases = [(every_second, x, 2, 2), (times_its_column, x, 2, 2), (every_pixel, x, 1, 1)]
    answer.agrees(right, draw, mistakes=mistakes, first=cases)


@exercise(
    "9.9",
    trains="finding a bug that every test with one channel misses",
    difficulty="medium",
    minutes=20,
    hints=[
        "Compare it with exercise 9.4: first with one channel, then with two.",
        "Print the shape of `windows` before and after the transpose. In which order do the "
        "numbers of a row of `patches` stand, and in which the rows of `W.reshape(-1, n_out)`?",
        "A row must run through C, then kh, then kw, as W does.",
    ],
    compare="the chapter's `as_patches`",
)
def convolve_patches(answer):
    def by_patches(x, W, stride, order=(0, 2, 3, 1, 4, 5)):
        kernel = W.shape[1:3]
        view = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))
        view = view[:, :, ::stride, ::stride]
        y = view.transpose(order).reshape(-1, W[..., 0].size) @ W.reshape(-1, W.shape[3])
        return y, (len(x), *view.shape[2:4])

    def right(x, W, stride):
        return right_forward(x, W, 0.0, stride, 0)

    def draw(rng):
        x, W, _, stride, _ = draw_layer(rng, pads=False)
        return x, W, stride

    def in_order(*order):
        def wrong(x, W, stride):
            y, shape = by_patches(x, W, stride, order)
            return y.reshape(*shape, -1).transpose(0, 3, 1, 2)

        return wrong

    def reshaped(x, W, stride):
        y, (n, rows, columns) = by_patches(x, W, stride)
        return y.reshape(n, -1, rows, columns)

    mistakes = {
        "the rows of patches run through kh, kw, C; those of W through C, kh, kw": in_order(
            0, 2, 3, 4, 5, 1
        ),
        "the rows of patches run through C, kw, kh; those of W through C, kh, kw": in_order(
            0, 2, 3, 1, 5, 4
        ),
        "the rows of patches run through kw, kh, C; those of W through C, kh, kw": in_order(
            0, 2, 3, 5, 4, 1
        ),
        "the rows of patches run through kh, C, kw; those of W through C, kh, kw": in_order(
            0, 2, 3, 4, 1, 5
        ),
        "y was reshaped to (N, C', H', B'), but its rows are places: reshape to (N, H', B', C'), "
        "then transpose": reshaped,
        "the channels are last: y is (N, C', H', B')": lambda x, W, s: right(x, W, s).transpose(
            0, 2, 3, 1
        ),
        "the stride is forgotten": lambda x, W, s: right(x, W, 1),
        "the kernel is flipped": lambda x, W, s: right(x, W[:, ::-1, ::-1], s),
        "height and breadth have changed places": lambda x, W, s: right(x, W, s).transpose(
            0, 1, 3, 2
        ),
        "only the first channel is used": lambda x, W, s: right(x[:, :1], W[:1], s),
        "only the last channel is used": lambda x, W, s: right(x[:, -1:], W[-1:], s),
    }
    x, W = np.arange(1.0, 19).reshape(1, 2, 3, 3), np.arange(1.0, 9).reshape(2, 2, 2, 1)
    cases = [(x[:, :1], W[:1], 1), (x, W, 1)]
    answer.agrees(right, draw, mistakes=mistakes, first=cases)
