"""The checks of chapter 9 on the layer itself, its gradients, and what it keeps of a move."""

import numpy as np

from vae_numpy.exercises.catalogue import exercise
from vae_numpy.kernels import reference_convolution as reference


def layers():
    """Make layers in which no two sizes agree: x, W, b, stride and padding."""
    rng = np.random.default_rng(9)
    for n, C, H, B, kh, kw, new, stride, padding in [
        (2, 3, 5, 8, 4, 2, 6, 3, 1),
        (4, 2, 9, 7, 3, 5, 3, 2, 2),
        (3, 5, 6, 10, 2, 4, 7, 2, 1),
        (2, 4, 11, 6, 5, 3, 2, 1, 1),
    ]:
        x, W = rng.standard_normal((n, C, H, B)), rng.standard_normal((C, kh, kw, new))
        yield x, W, rng.standard_normal(new), stride, padding


def right_forward(x, W, b, stride, padding):
    """Return y by the library's NumPy kernel: patches and one product."""
    return reference.conv_forward(x, W, b, "identity", stride, padding)


def right_backward(dy, x, W, stride, padding):
    """Return dx, dW and db, as the library's NumPy kernel gives them."""
    dW, db = np.zeros_like(W), np.zeros(W.shape[3])
    dx = reference.conv_backward(dy, x, dy, W, "identity", stride, padding, dW, db)
    return dx, dW, db


def _padded(x, before, after, **how):
    edge = before, after
    return np.pad(x, ((0, 0), (0, 0), edge, edge), **how)


def _forward_padded(x, W, b, stride, size):
    """Return the first windows of a picture that has its padding already, as many as ``size``."""
    return right_forward(x, W, b, stride, 0)[:, :, : size[0], : size[1]]


@exercise(
    "9.4",
    trains="the whole sum of a convolution, index by index",
    difficulty="medium",
    minutes=20,
    hints=[
        "Pad the two last axes only: `np.pad(x, ((0, 0), (0, 0), (m, m), (m, m)))`.",
        "Loop over the places p, q. The window `x[:, :, s*p : s*p + kh, s*q : s*q + kw]` is "
        "(N, C, kh, kw).",
        "Window times kernels, summed over C, kh and kw, is "
        '`np.einsum("ncij,cijo->no", window, W)`, the outputs of one place.',
    ],
    compare="`Conv2D` with the same weights",
)
def convolve(answer):
    def size(x, W, stride, padding):
        return right_forward(x, W, None, stride, padding).shape[2:]

    def one_sided(before, after):
        return lambda x, W, b, s, m: _forward_padded(
            _padded(x, before * m, after * m), W, b, s, size(x, W, s, m)
        )

    def turned(rows, columns):
        return lambda x, W, b, s, m: right_forward(x, W[:, ::rows, ::columns], b, s, m)

    mistakes = {
        "the kernel is flipped; here each weight meets the pixel at its own place": [
            lambda *a, way=way: turned(*way)(*a) for way in [(-1, -1), (-1, 1), (1, -1)]
        ],
        "the padding is all at the top and left; half of it belongs on the other side": (
            one_sided(2, 0)
        ),
        "the padding is all at the bottom and right; half of it belongs on the other side": (
            one_sided(0, 2)
        ),
        "the padding repeats the picture's edge; it is zeros": lambda x, W, b, s, m: (
            _forward_padded(_padded(x, m, m, mode="edge"), W, b, s, size(x, W, s, m))
        ),
        "the stride is forgotten: the windows are one pixel apart": lambda x, W, b, s, m: (
            right_forward(x, W, b, 1, m)[:, :, : size(x, W, s, m)[0], : size(x, W, s, m)[1]]
        ),
        "this is every place; with a stride most are left out": lambda x, W, b, s, m: right_forward(
            x, W, b, 1, m
        ),
        "the bias is missing": lambda x, W, b, s, m: right_forward(x, W, None, s, m),
        "the bias is added for each channel that comes in; once is right": (
            lambda x, W, b, s, m: right_forward(x, W, len(W) * b, s, m)
        ),
        "only the last channel that comes in is left: sum over them, with +=": (
            lambda x, W, b, s, m: right_forward(x[:, -1:], W[-1:], b, s, m)
        ),
        "only the first channel that comes in is used: sum over all": (
            lambda x, W, b, s, m: right_forward(x[:, :1], W[:1], b, s, m)
        ),
        "it is a mean over the window; a convolution is a sum": lambda x, W, b, s, m: right_forward(
            x, W / W[..., 0].size, b, s, m
        ),
        "the new channels are last: y is (N, C', H', B')": lambda x, W, b, s, m: right_forward(
            x, W, b, s, m
        ).transpose(0, 2, 3, 1),
    }
    for case in layers():
        answer.gives(right_forward(*case), *case, mistakes=_computed(mistakes, *case))


def _computed(mistakes, *case):
    """Compute what each known mistake gives; in a list, each of its ways."""
    return {
        line: [way(*case) for way in value] if isinstance(value, list) else value(*case)
        for line, value in mistakes.items()
    }


def gradients():
    """Make cases of the way back: dy, x, W, stride and padding."""
    rng = np.random.default_rng(4)
    for x, W, _, stride, padding in layers():
        dy = rng.standard_normal(right_forward(x, W, None, stride, padding).shape)
        yield dy, x, W, stride, padding


@exercise(
    "9.5",
    trains="the gradient of a weight that is used at many places",
    difficulty="medium",
    minutes=20,
    hints=[
        "Start from the forward loop: for each place p, q there is a window of x and a column "
        "`dy[:, :, p, q]`, (N, C').",
        "A weight collects from every place: `dW +=`, and every picture: sum over n.",
        'One place adds `np.einsum("ncij,no->cijo", window, dy[:, :, p, q])`. The bias is used at '
        "every place of every picture.",
    ],
    compare="`diagnose_convolution`, which knows what is wrong with a gradient",
)
def weight_gradients(answer):
    def dW(change):
        return lambda *case: (change(*case), None)

    def db(change):
        return lambda *case: (None, change(*case))

    def windows(x, W, stride, rows, columns):
        kernel = W.shape[1:3]
        view = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))
        return view[:, :, ::stride, ::stride][:, :, :rows, :columns]

    def from_padded(dy, x, W, stride):
        return np.einsum("ncpqij,nopq->cijo", windows(x, W, stride, *dy.shape[2:]), dy)

    def of(part):
        return lambda dy, x, W, s, m: right_backward(dy[part], x[part], W, s, m)[1]

    def last_place(dy, x, W, s, m):
        only = np.zeros_like(dy)
        only[:, :, -1, -1] = dy[:, :, -1, -1]
        return right_backward(only, x, W, s, m)[1]

    mistakes = {
        "dW: only the last window is left in it: add from every place, with +=": dW(last_place),
        "dW: this is the last picture's alone: sum over the batch": dW(of(slice(-1, None))),
        "dW: this is the first picture's alone: sum over the batch": dW(of(slice(1))),
        "dW: it is a mean over the batch; dy has its 1/N already": dW(
            lambda dy, x, W, s, m: right_backward(dy, x, W, s, m)[1] / len(x)
        ),
        "dW: it is a mean over the places; a shared weight gets the sum": dW(
            lambda dy, x, W, s, m: right_backward(dy, x, W, s, m)[1] / dy[0, 0].size
        ),
        "dW: it is flipped; y takes the kernel as it is, and so does the way back": dW(
            lambda dy, x, W, s, m: right_backward(dy, x, W, s, m)[1][:, ::-1, ::-1]
        ),
        "dW: the stride is forgotten: these windows are one pixel apart": dW(
            lambda dy, x, W, s, m: from_padded(dy, _padded(x, m, m), W, 1)
        ),
        "dW: the padding is all at the bottom and right": dW(
            lambda dy, x, W, s, m: from_padded(dy, _padded(x, 0, 2 * m), W, s)
        ),
        "dW: the padding is all at the top and left": dW(
            lambda dy, x, W, s, m: from_padded(dy, _padded(x, 2 * m, 0), W, s)
        ),
        "dW: its axes are (C', C, kh, kw); W is (C, kh, kw, C')": dW(
            lambda dy, x, W, s, m: right_backward(dy, x, W, s, m)[1].transpose(3, 0, 1, 2)
        ),
        "db: it is a mean over the places; the bias is added at each, so sum": db(
            lambda dy, x, W, s, m: dy.mean(axis=(2, 3)).sum(axis=0)
        ),
        "db: it is a mean over pictures and places: sum over both": db(
            lambda dy, x, W, s, m: dy.mean(axis=(0, 2, 3))
        ),
        "db: it is summed over the channels as well; each has a bias of its own": db(
            lambda dy, x, W, s, m: dy.sum()
        ),
        "db: it is summed over the pictures alone; each place counts too": db(
            lambda dy, x, W, s, m: dy.sum(axis=0)
        ),
    }
    for dy, x, W, stride, padding in gradients():
        want = right_backward(dy, x, W, stride, padding)[1:]
        known = _computed(mistakes, dy, x, W, stride, padding)
        given = x, dy, W.shape[1:3], stride, padding
        answer.gives(want, *given, mistakes=known, names=("dW", "db"))


def _laid_down(dy, W, stride, padding, shape, combine):
    """Lay the windows down on the padded picture; ``combine`` says what an overlap gives."""
    C, H, B = shape
    kh, kw = W.shape[1:3]
    dx = np.zeros((len(dy), C, H + 2 * padding, B + 2 * padding))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            at = np.s_[:, :, stride * p : stride * p + kh, stride * q : stride * q + kw]
            dx[at] = combine(dx[at], np.einsum("no,cijo->ncij", dy[:, :, p, q], W))
    return dx


def _cut(dx, first, shape):
    return dx[:, :, first : first + shape[1], first : first + shape[2]]


@exercise(
    "9.6",
    trains="laying windows down where they were taken, and adding where they overlap",
    difficulty="hard",
    minutes=25,
    hints=[
        "Make a `dx` of the padded size, full of zeros, and cut the padding off at the end.",
        'The place p, q lays `np.einsum("no,cijo->ncij", dy[:, :, p, q], W)` down on its window.',
        "Windows overlap: `dx[window] +=`. Pixels that no window reaches stay 0.",
    ],
    compare="`ConvTranspose2D` with the same weights and no bias",
)
def picture_gradient(answer):
    def add(old, new):
        return old + new

    def every_window(combine=add, change=lambda W: W):
        return lambda dy, W, s, m, shape: _cut(
            _laid_down(dy, change(W), s, m, shape, combine), m, shape
        )

    def shifted(first):
        return lambda dy, W, s, m, shape: _cut(_laid_down(dy, W, s, m, shape, add), first(m), shape)

    def averaged(dy, W, s, m, shape):
        ones = _laid_down(np.ones_like(dy[:, :1]), np.ones_like(W[..., :1]), s, m, shape, add)
        return _cut(_laid_down(dy, W, s, m, shape, add) / np.maximum(ones, 1), m, shape)

    mistakes = {
        "where windows overlap the last one is left: add with +=": every_window(
            lambda old, new: new
        ),
        "where windows overlap the mean is taken; they add up": averaged,
        "the kernels are flipped; windows are put down as they were taken": every_window(
            change=lambda W: W[:, ::-1, ::-1]
        ),
        "the stride is forgotten: the windows lie one pixel apart": lambda dy, W, s, m, shape: _cut(
            _laid_down(dy, W, 1, m, shape, add), m, shape
        ),
        "the padding is cut off at the end alone: it is on both sides": shifted(lambda m: 0),
        "the padding is cut off at the beginning alone: it is on both sides": shifted(
            lambda m: 2 * m
        ),
        "the padding is still around it: cut it off": lambda dy, W, s, m, shape: _laid_down(
            dy, W, s, m, shape, add
        ),
        "only the last new channel is in it: sum over all C'": lambda dy, W, s, m, shape: _cut(
            _laid_down(dy[:, -1:], W[..., -1:], s, m, shape, add), m, shape
        ),
        "only the first new channel is in it: sum over all C'": lambda dy, W, s, m, shape: _cut(
            _laid_down(dy[:, :1], W[..., :1], s, m, shape, add), m, shape
        ),
        "it is a mean over the new channels; each of them adds its share": every_window(
            change=lambda W: W / W.shape[3]
        ),
        "the channels are last: dx is (N, C, H, B), as x": lambda dy, W, s, m, shape: _cut(
            _laid_down(dy, W, s, m, shape, add), m, shape
        ).transpose(0, 2, 3, 1),
    }
    for dy, x, W, stride, padding in gradients():
        given = dy, W, stride, padding, x.shape[1:]
        want = right_backward(dy, x, W, stride, padding)[0]
        answer.gives(want, *given, mistakes=mistakes)


def small_pictures():
    """Make small pictures and kernels with no two sizes alike: y, w and stride."""
    rng = np.random.default_rng(6)
    for height, breadth, kh, kw, stride in [(3, 5, 4, 2, 3), (4, 2, 3, 5, 2), (2, 6, 5, 3, 4)]:
        yield rng.standard_normal((height, breadth)), rng.standard_normal((kh, kw)), stride


def right_transposed(y, w, stride):
    """Return the picture by the transposed matrix."""
    (height, breadth), (kh, kw) = y.shape, w.shape
    H, B = (height - 1) * stride + kh, (breadth - 1) * stride + kw
    lit = np.eye(H * B).reshape(-1, 1, H, B)
    M = reference.conv_forward(lit, w[None, :, :, None], None, "identity", stride, 0)
    return (M.reshape(H * B, -1) @ y.ravel()).reshape(H, B)


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
    def spread(y, w, s, gap=None, kernel=None, edge=(1, 1)):
        gap, kernel = gap or s, w[::-1, ::-1] if kernel is None else kernel
        wide = np.zeros([(n - 1) * gap + 1 for n in y.shape])
        wide[::gap, ::gap] = y
        (kh, kw), (a, b) = kernel.shape, edge
        wide = np.pad(wide, ((kh - a, kh - a), (kw - b, kw - b)))
        return reference.conv_forward(
            wide[None, None], kernel[None, :, :, None], None, "identity", 1, 0
        )[0, 0]

    def repeated(y, w, s):
        H, B = right_transposed(y, w, s).shape
        wide = np.kron(y, np.ones((s, s)))[: H - len(w) + 1, : B - len(w[0]) + 1]
        return right_transposed(wide, w, 1)

    def overwritten(y, w, s):
        x = np.zeros_like(right_transposed(y, w, s))
        for (p, q), value in np.ndenumerate(y):
            x[s * p : s * p + len(w), s * q : s * q + len(w[0])] = value * w
        return x

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
            len(w) - 1 : len(right_transposed(y, w, s)) - len(w) + 1,
            len(w[0]) - 1 : right_transposed(y, w, s).shape[1] - len(w[0]) + 1,
        ],
        "zeros around for half a window: the rim of the picture is missing": half_edge,
        "the numbers are repeated; between neighbours belong zeros": repeated,
        "where windows overlap the last one is left: they add up": overwritten,
    }
    for case in small_pictures():
        answer.gives(right_transposed(*case), *case, mistakes=mistakes)


def a_layer(stride, seed):
    """Make a convolution of one channel that also minds the place, so that errors are not 0."""
    w = np.random.default_rng(seed).standard_normal((1, 3, 3, 1))

    def layer(x):
        y = reference.conv_forward(x[:, None], w, None, "identity", stride, 1)[:, 0]
        rows, columns = np.indices(y.shape[1:])
        return y * (1 + 0.1 * columns + 0.03 * rows**2)

    return layer


def moves():
    """Make layers, pictures and moves: layer, x, shift and stride."""
    sizes = [(3, 8, 13, 4, 2), (4, 9, 26, 6, 3), (5, 6, 40, 8, 4), (2, 7, 12, 3, 1)]
    for seed, (n, H, B, shift, stride) in enumerate(sizes):
        x = np.random.default_rng(seed).standard_normal((n, H, B))
        yield a_layer(stride, seed + 4), x, shift, stride


def right_error(layer, x, shift, stride):
    """Return the error, column by column."""
    moved = np.concatenate([np.zeros_like(x[..., :shift]), x[..., :-shift]], axis=2)
    new, old, by = layer(moved), layer(x), shift // stride
    off = size = 0.0
    for column in range(new.shape[2] - by):
        off += np.sum((new[:, :, column + by] - old[:, :, column]) ** 2)
        size += np.sum(old[:, :, column] ** 2)
    return (off / size) ** 0.5


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

    norm = np.linalg.norm
    mistakes = {
        "the answers are moved by shift columns; they move by shift // stride": lambda *case: error(
            by=case[2]
        )(*case),
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
        "these are sizes without squares; the norm takes the root of a sum of squares": of_parts(
            lambda new, old: np.abs(new - old).sum() / np.abs(old).sum()
        ),
        "this is the largest error; take all of them": of_parts(
            lambda new, old: np.abs(new - old).max() / np.abs(old).max()
        ),
    }
    for case in moves():
        answer.gives(right_error(*case), *case, mistakes=mistakes)


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
        return right_forward(x, W, None, stride, 0)

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
    }
    for x, W, _, stride, _ in layers():
        answer.gives(right(x, W, stride), x, W, stride, mistakes=mistakes)
