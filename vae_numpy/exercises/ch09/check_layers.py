"""The checks of chapter 9 on the layer and its gradients.

The right values are collected weight by weight; the solutions go from place to place.
"""

import numpy as np

from vae_numpy.exercises.cases import numbers, sizes
from vae_numpy.exercises.catalogue import exercise


def draw_layer(rng, *, pads=True):
    """Draw a layer in which no two sizes agree: x, W, b, stride and padding."""
    N, C, new, kh, kw, rows, columns = sizes(rng, 7, 2, 9)
    stride, padding = int(rng.integers(2, 4)), 0
    if pads:
        padding = int(rng.integers(1, 3)) if min(kh, kw) > 4 else 1
    left_over = rng.integers(stride, size=2)  # the last pixels may be seen by no window
    H = int((rows - 1) * stride + kh - 2 * padding + left_over[0])
    B = int((columns - 1) * stride + kw - 2 * padding + left_over[1])
    shapes = (N, C, H, B), (C, kh, kw, new), (new,)
    return *(numbers(rng, *shape) for shape in shapes), stride, padding


def small_layers():
    """Make layers to follow by hand: one without stride and padding, one with both."""
    x = np.arange(1.0, 10).reshape(1, 1, 3, 3)
    W = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    return [(x, W, np.array([0.5]), 1, 0), (x, W, np.array([0.5]), 2, 1)]


def size_of(x, W, stride, padding):
    """Return H' and B'."""
    return [
        (n + 2 * padding - k) // stride + 1 for n, k in zip(x.shape[2:], W.shape[1:3], strict=True)
    ]


def around(x, before, after, **how):
    """Put zeros around pictures, or what else ``numpy.pad`` can."""
    edge = before, after
    return np.pad(x, ((0, 0), (0, 0), edge, edge), **how)


def met(x, i, j, stride, size):
    """Return the pixels that weight i, j meets, a view; x has its padding already."""
    last = [start + stride * (n - 1) + 1 for start, n in zip((i, j), size, strict=True)]
    return x[:, :, i : last[0] : stride, j : last[1] : stride]


def convolved(x, W, b, stride, size):
    """Return y of pictures that have their padding already."""
    y = np.zeros((len(x), W.shape[3], *size)) + np.reshape(b, (-1, 1, 1))
    for i, j in np.ndindex(*W.shape[1:3]):
        y += np.einsum("ncpq,co->nopq", met(x, i, j, stride, size), W[:, i, j])
    return y


def right_forward(x, W, b, stride, padding):
    """Return y."""
    size = size_of(x, W, stride, padding)
    return convolved(around(x, padding, padding), W, b, stride, size)


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
    def one_sided(before, after, **how):
        return lambda x, W, b, s, m: convolved(
            around(x, before * m, after * m, **how), W, b, s, size_of(x, W, s, m)
        )

    def turned(rows, columns):
        return lambda x, W, b, s, m: right_forward(x, W[:, ::rows, ::columns], b, s, m)

    mistakes = {
        "the kernel is flipped; here each weight meets the pixel at its own place": [
            turned(-1, -1),
            turned(-1, 1),
            turned(1, -1),
        ],
        "the padding is all at the top and left; half of it belongs on the other side": (
            one_sided(2, 0)
        ),
        "the padding is all at the bottom and right; half of it belongs on the other side": (
            one_sided(0, 2)
        ),
        "the padding repeats the picture's edge; it is zeros": one_sided(1, 1, mode="edge"),
        "the stride is forgotten: the windows are one pixel apart": lambda x, W, b, s, m: convolved(
            around(x, m, m), W, b, 1, size_of(x, W, s, m)
        ),
        "this is every place; with a stride most are left out": lambda x, W, b, s, m: right_forward(
            x, W, b, 1, m
        ),
        "the bias is missing": lambda x, W, b, s, m: right_forward(x, W, 0.0, s, m),
        "the bias is added for each channel that comes in; once is right": (
            lambda x, W, b, s, m: right_forward(x, W, len(W) * b, s, m)
        ),
        "only the last channel that comes in is left: sum over them, with +=": (
            lambda x, W, b, s, m: right_forward(x[:, -1:], W[-1:], b, s, m)
        ),
        "only the first channel that comes in is used: sum over all": (
            lambda x, W, b, s, m: right_forward(x[:, :1], W[:1], b, s, m)
        ),
        "the channels that come in are averaged; the sum runs over them": (
            lambda x, W, b, s, m: right_forward(x, W / len(W), b, s, m)
        ),
        "it is a mean over the window; a convolution is a sum": lambda x, W, b, s, m: right_forward(
            x, W / W[..., 0].size, b, s, m
        ),
        "the new channels are last: y is (N, C', H', B')": lambda x, W, b, s, m: right_forward(
            x, W, b, s, m
        ).transpose(0, 2, 3, 1),
    }
    answer.agrees(right_forward, draw_layer, mistakes=mistakes, first=small_layers())


def with_dy(case, dy=None):
    """Return a case with a gradient in what goes out: x, dy, W, stride and padding."""
    x, W, _, stride, padding = case
    shape = len(x), W.shape[3], *size_of(x, W, stride, padding)
    return x, np.arange(1.0, 5).reshape(shape) if dy is None else dy(*shape), W, stride, padding


def draw_gradient(rng):
    """Draw a case of the way back: x, dy, W, stride and padding."""
    return with_dy(draw_layer(rng), lambda *shape: numbers(rng, *shape))


def kernel_gradient(x, dy, kernel_size, stride):
    """Return dW, given pictures that have their padding already."""
    dW = np.zeros((x.shape[1], *kernel_size, dy.shape[1]))
    for i, j in np.ndindex(*kernel_size):
        pixels = met(x, i, j, stride, dy.shape[2:])
        dW[:, i, j] = np.einsum("ncpq,nopq->co", pixels, dy)
    return dW


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

    def right(x, dy, kernel_size, stride, padding):
        kernels = kernel_gradient(around(x, padding, padding), dy, kernel_size, stride)
        return kernels, np.array([dy[:, o].sum() for o in range(dy.shape[1])])

    def draw(rng):
        x, dy, W, stride, padding = draw_gradient(rng)
        return x, dy, W.shape[1:3], stride, padding

    def changed(change):
        return dW(lambda x, dy, *given: change(right(x, dy, *given)[0], x, dy))

    def of_pictures(part):
        return dW(lambda x, dy, *given: right(x[part], dy[part], *given)[0])

    def one_sided(before, after):
        return dW(
            lambda x, dy, k, s, m: kernel_gradient(around(x, before * m, after * m), dy, k, s)
        )

    def last_place(x, dy, *given):
        only = np.zeros_like(dy)
        only[:, :, -1, -1] = dy[:, :, -1, -1]
        return right(x, only, *given)[0]

    mistakes = {
        "dW: only the last window is left in it: add from every place, with +=": dW(last_place),
        "dW: this is the last picture's alone: sum over the batch": of_pictures(slice(-1, None)),
        "dW: this is the first picture's alone: sum over the batch": of_pictures(slice(1)),
        "dW: it is a mean over the batch; dy has its 1/N already": changed(
            lambda w, x, dy: w / len(x)
        ),
        "dW: it is a mean over the places; a shared weight gets the sum": changed(
            lambda w, x, dy: w / dy[0, 0].size
        ),
        "dW: it is a mean over pictures and places; a shared weight gets the sum": changed(
            lambda w, x, dy: w / dy[:, 0].size
        ),
        "dW: it is flipped; y takes the kernel as it is, and so does the way back": changed(
            lambda w, x, dy: w[:, ::-1, ::-1]
        ),
        "dW: the stride is forgotten: these windows are one pixel apart": dW(
            lambda x, dy, k, s, m: right(x, dy, k, 1, m)[0]
        ),
        "dW: the padding is all at the bottom and right": one_sided(0, 2),
        "dW: the padding is all at the top and left": one_sided(2, 0),
        "dW: its axes are (C', C, kh, kw); W is (C, kh, kw, C')": changed(
            lambda w, x, dy: w.transpose(3, 0, 1, 2)
        ),
        "db: it is a mean over the places; the bias is added at each, so sum": db(
            lambda x, dy, *_: dy.mean(axis=(2, 3)).sum(axis=0)
        ),
        "db: it is a mean over pictures and places: sum over both": db(
            lambda x, dy, *_: dy.mean(axis=(0, 2, 3))
        ),
        "db: it is summed over the channels as well; each has a bias of its own": db(
            lambda x, dy, *_: dy.sum()
        ),
        "db: this is the first picture's alone: sum over the batch": db(
            lambda x, dy, *_: dy[0].sum(axis=(1, 2))
        ),
        "db: this is the last picture's alone: sum over the batch": db(
            lambda x, dy, *_: dy[-1].sum(axis=(1, 2))
        ),
        "db: it is a mean over the batch; dy has its 1/N already": db(
            lambda x, dy, *_: dy.sum(axis=(2, 3)).mean(axis=0)
        ),
        "db: it is summed over the pictures alone; each place counts too": db(
            lambda x, dy, *_: dy.sum(axis=0)
        ),
    }
    cases = [
        (x, dy, (2, 2), stride, padding)
        for x, dy, _, stride, padding in map(with_dy, small_layers())
    ]
    answer.agrees(right, draw, mistakes=mistakes, first=cases, names=("dW", "db"))


def wide(shape, padding):
    """Return the shape of a picture (C, H, B) with its padding."""
    return shape[0], shape[1] + 2 * padding, shape[2] + 2 * padding


def laid_down(dy, W, stride, shape):
    """Return dx of pictures that have padding, or none: what each weight lays down."""
    dx = np.zeros((len(dy), *shape))
    for i, j in np.ndindex(*W.shape[1:3]):
        pixels = met(dx, i, j, stride, dy.shape[2:])
        pixels += np.einsum("nopq,co->ncpq", dy, W[:, i, j])
    return dx


def _overwritten(dy, W, stride, shape):
    """Lay window after window down, where the last one is left."""
    dx, (kh, kw) = np.zeros((len(dy), *shape)), W.shape[1:3]
    for p, q in np.ndindex(*dy.shape[2:]):
        laid = np.einsum("no,cijo->ncij", dy[:, :, p, q], W)
        dx[:, :, stride * p : stride * p + kh, stride * q : stride * q + kw] = laid
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
    def right(dy, W, stride, padding, shape):
        return _cut(laid_down(dy, W, stride, wide(shape, padding)), padding, shape)

    def draw(rng):
        x, dy, W, stride, padding = draw_gradient(rng)
        return dy, W, stride, padding, x.shape[1:]

    def changed(change):
        return lambda dy, W, *given: right(dy, change(W), *given)

    def shifted(first):
        return lambda dy, W, s, m, shape: _cut(laid_down(dy, W, s, wide(shape, m)), first(m), shape)

    def reached(dy, W, s, m, shape):
        rows, columns = (
            (n - 1) * s + k - 2 * m for n, k in zip(dy.shape[2:], W.shape[1:3], strict=True)
        )
        return right(dy, W, s, m, (shape[0], rows, columns))

    def averaged(dy, W, *given):
        windows = right(np.ones_like(dy[:, :1]), np.ones_like(W[..., :1]), *given)
        return right(dy, W, *given) / np.maximum(windows, 1)

    mistakes = {
        "where windows overlap the last one is left: add with +=": lambda dy, W, s, m, shape: _cut(
            _overwritten(dy, W, s, wide(shape, m)), m, shape
        ),
        "where windows overlap the mean is taken; they add up": averaged,
        "the kernels are flipped; windows are put down as they were taken": [
            changed(lambda W: W[:, ::-1, ::-1]),
            changed(lambda W: W[:, ::-1]),
            changed(lambda W: W[:, :, ::-1]),
        ],
        "the stride is forgotten: the windows lie one pixel apart": (
            lambda dy, W, s, m, shape: right(dy, W, 1, m, shape)
        ),
        "the padding is cut off at the end alone: it is on both sides": shifted(lambda m: 0),
        "the padding is cut off at the beginning alone: it is on both sides": shifted(
            lambda m: 2 * m
        ),
        "shape is not used: it ends with the last window, and the pixels behind are missing": (
            reached
        ),
        "the padding is still around it: cut it off": lambda dy, W, s, m, shape: laid_down(
            dy, W, s, wide(shape, m)
        ),
        "only the last new channel is in it: sum over all C'": (
            lambda dy, W, *given: right(dy[:, -1:], W[..., -1:], *given)
        ),
        "only the first new channel is in it: sum over all C'": (
            lambda dy, W, *given: right(dy[:, :1], W[..., :1], *given)
        ),
        "it is a mean over the new channels; each of them adds its share": changed(
            lambda W: W / W.shape[3]
        ),
        "the channels are last: dx is (N, C, H, B), as x": (
            lambda *given: right(*given).transpose(0, 2, 3, 1)
        ),
    }
    cases = [
        (dy, W, stride, padding, x.shape[1:])
        for x, dy, W, stride, padding in map(with_dy, small_layers())
    ]
    answer.agrees(right, draw, mistakes=mistakes, first=cases)
