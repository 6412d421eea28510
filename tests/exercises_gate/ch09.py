"""Wrong answers to chapter 9's exercises, written from their statements."""

import numpy as np

from tests.exercises_gate.register import mistake


@mistake("9.1", "the padding is counted on one side only", told="the padding is counted once")
def padded_on_one_side(n, kernel, stride, padding):
    windows = (n + padding - kernel) // stride + 1
    return windows, max(0, n - padding - (windows - 1) * stride - kernel)


@mistake("9.1", "the first window is forgotten: no + 1", told="one too few: the first window")
def first_window_forgotten(n, kernel, stride, padding):
    windows = (n + 2 * padding - kernel) // stride
    seen = (windows - 1) * stride + kernel - padding
    return windows, max(0, n - seen)


@mistake(
    "9.1",
    "what is left over of the padding is counted as pixels",
    told="zeros of the padding are among them",
)
def padding_counted_as_unseen(n, kernel, stride, padding):
    padded = n + 2 * padding
    windows = (padded - kernel) // stride + 1
    return windows, padded - ((windows - 1) * stride + kernel)


@mistake(
    "9.2",
    "the step is multiplied before the field is widened by it",
    told="own stride is used too early",
)
def step_first(layers):
    r, S = 1, 1
    for k, s in layers:
        S = S * s
        r = r + (k - 1) * S
    return r, S


@mistake(
    "9.2",
    "the layers are gone through from the last to the first",
    told="walked from the wrong end",
)
def last_layer_first(layers):
    r, S = 1, 1
    for k, s in layers[::-1]:
        r = r + (k - 1) * S
        S = S * s
    return r, S


@mistake(
    "9.2", "the steps are added up, not multiplied", told="the strides before a layer are added up"
)
def steps_added(layers):
    r, S = 1, 1
    for k, s in layers:
        r += (k - 1) * S
        S += s - 1
    return r, S


def windows_of(n, k, stride, padding):
    return (n + 2 * padding - k) // stride + 1


@mistake(
    "9.3",
    "the channels that come in are forgotten in the multiplications",
    told="sums over all channels that come in",
)
def channels_in_forgotten(shape_in, channels, kernel_size, stride, padding):
    (C, H, B), (kh, kw) = shape_in, kernel_size
    rows, columns = windows_of(H, kh, stride, padding), windows_of(B, kw, stride, padding)
    weights = C * kh * kw * channels + channels
    dense = (C * H * B + 1) * channels * rows * columns
    return weights, rows * columns * channels * kh * kw, dense


@mistake(
    "9.3",
    "the dense layer gets one bias for each channel, as the convolution does",
    told="here there is one for each new channel",
)
def dense_shares_its_biases(shape_in, channels, kernel_size, stride, padding):
    (C, H, B), (kh, kw) = shape_in, kernel_size
    rows, columns = windows_of(H, kh, stride, padding), windows_of(B, kw, stride, padding)
    kernels = C * kh * kw * channels
    n_out = channels * rows * columns
    return kernels + channels, kernels * rows * columns, C * H * B * n_out + channels


@mistake(
    "9.3",
    "the size that goes out is taken to be the size that comes in over the stride",
    told="divided by the stride",
)
def size_over_stride(shape_in, channels, kernel_size, stride, padding):
    (C, H, B), (kh, kw) = shape_in, kernel_size
    rows, columns = H // stride, B // stride
    kernels = C * kh * kw * channels
    n_out = channels * rows * columns
    return kernels + channels, kernels * rows * columns, (C * H * B + 1) * n_out


@mistake(
    "9.4",
    "the bias is added once for each channel that comes in",
    told="the bias is added for each channel that comes in",
)
def bias_for_each_channel(x, W, b, stride, padding):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    (N, C, H, B), (_, kh, kw, n_out) = x.shape, W.shape
    y = np.zeros((N, n_out, (H - kh) // stride + 1, (B - kw) // stride + 1))
    for p in range(y.shape[2]):
        for q in range(y.shape[3]):
            u, v = p * stride, q * stride
            for c in range(C):
                window = x[:, c, u : u + kh, v : v + kw]
                y[:, :, p, q] += np.einsum("nij,ijk->nk", window, W[c]) + b
    return y


@mistake(
    "9.4",
    "the windows lie one pixel apart, whatever the stride",
    told="the windows are one pixel apart",
)
def windows_one_apart(x, W, b, stride, padding):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    (N, _, H, B), (_, kh, kw, n_out) = x.shape, W.shape
    y = np.zeros((N, n_out, (H - kh) // stride + 1, (B - kw) // stride + 1))
    for p in range(y.shape[2]):
        for q in range(y.shape[3]):
            window = x[:, :, p : p + kh, q : q + kw].reshape(N, -1)
            y[:, :, p, q] = window @ W.reshape(-1, n_out) + b
    return y


@mistake(
    "9.4", "the channels are averaged, not added up", told="the channels that come in are averaged"
)
def channels_averaged(x, W, b, stride, padding):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    (N, _, H, B), (_, kh, kw, n_out) = x.shape, W.shape
    y = np.zeros((N, n_out, (H - kh) // stride + 1, (B - kw) // stride + 1))
    for p in range(y.shape[2]):
        for q in range(y.shape[3]):
            u, v = p * stride, q * stride
            window = x[:, :, u : u + kh, v : v + kw]
            y[:, :, p, q] = np.einsum("ncij,cijk->nck", window, W).mean(axis=1) + b
    return y


@mistake("9.5", "both are divided by the number of pictures", told="mean over the batch")
def divided_by_pictures(x, dy, kernel_size, stride, padding):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    kh, kw = kernel_size
    dW = np.zeros((x.shape[1], kh, kw, dy.shape[1]))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            u, v = p * stride, q * stride
            window = x[:, :, u : u + kh, v : v + kw]
            dW += np.einsum("ncij,nk->cijk", window, dy[:, :, p, q])
    return dW / len(x), dy.sum(axis=(0, 2, 3)) / len(x)


@mistake(
    "9.5",
    "dW is overwritten at each place: the last one stays",
    told="only the last window is left",
)
def last_place_stays(x, dy, kernel_size, stride, padding):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    kh, kw = kernel_size
    dW = np.zeros((x.shape[1], kh, kw, dy.shape[1]))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            u, v = p * stride, q * stride
            window = x[:, :, u : u + kh, v : v + kw]
            dW = np.einsum("ncij,nk->cijk", window, dy[:, :, p, q])
    return dW, dy.sum(axis=(0, 2, 3))


@mistake(
    "9.5",
    "db is summed over the places of the first picture only",
    told="db: this is the first picture's alone",
)
def bias_of_the_first_picture(x, dy, kernel_size, stride, padding):
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    kh, kw = kernel_size
    dW = np.zeros((x.shape[1], kh, kw, dy.shape[1]))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            u, v = p * stride, q * stride
            window = x[:, :, u : u + kh, v : v + kw]
            dW += np.einsum("ncij,nk->cijk", window, dy[:, :, p, q])
    return dW, dy[0].sum(axis=(1, 2))


@mistake("9.6", "windows that overlap overwrite each other", told="the last one is left")
def windows_overwrite(dy, W, stride, padding, shape):
    (C, H, B), (_, kh, kw, _) = shape, W.shape
    dx = np.zeros((len(dy), C, H + 2 * padding, B + 2 * padding))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            u, v = p * stride, q * stride
            window = np.einsum("nk,cijk->ncij", dy[:, :, p, q], W)
            dx[:, :, u : u + kh, v : v + kw] = window
    return dx[:, :, padding : padding + H, padding : padding + B]


@mistake("9.6", "the kernel is flipped before it is laid down", told="the kernels are flipped")
def kernel_flipped(dy, W, stride, padding, shape):
    (C, H, B), (_, kh, kw, _) = shape, W.shape
    dx = np.zeros((len(dy), C, H + 2 * padding, B + 2 * padding))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            u, v = p * stride, q * stride
            window = np.einsum("nk,cijk->ncij", dy[:, :, p, q], W[:, ::-1, ::-1])
            dx[:, :, u : u + kh, v : v + kw] += window
    return dx[:, :, padding : padding + H, padding : padding + B]


@mistake(
    "9.6",
    "all of the padding is cut off at the end, none at the beginning",
    told="cut off at the end alone",
)
def padding_cut_at_the_end(dy, W, stride, padding, shape):
    (C, H, B), (_, kh, kw, _) = shape, W.shape
    dx = np.zeros((len(dy), C, H + 2 * padding, B + 2 * padding))
    for p in range(dy.shape[2]):
        for q in range(dy.shape[3]):
            u, v = p * stride, q * stride
            window = np.einsum("nk,cijk->ncij", dy[:, :, p, q], W)
            dx[:, :, u : u + kh, v : v + kw] += window
    return dx[:, :, :H, :B]


@mistake(
    "9.6",
    "the size is computed from dy: pixels behind the last window are missing",
    told="shape is not used",
)
def shape_ignored(dy, W, stride, padding, shape):
    (N, _, rows, columns), (C, kh, kw, _) = dy.shape, W.shape
    dx = np.zeros((N, C, (rows - 1) * stride + kh, (columns - 1) * stride + kw))
    for p, q in np.ndindex(rows, columns):
        u, v = p * stride, q * stride
        window = np.einsum("nk,cijk->ncij", dy[:, :, p, q], W)
        dx[:, :, u : u + kh, v : v + kw] += window
    return dx[:, :, padding : dx.shape[2] - padding, padding : dx.shape[3] - padding]


def slid(x, w):
    """Return the convolution of one picture with one kernel, stride 1."""
    (H, B), (kh, kw) = x.shape, w.shape
    y = np.zeros((H - kh + 1, B - kw + 1))
    for p, q in np.ndindex(y.shape):
        y[p, q] = np.sum(w * x[p : p + kh, q : q + kw])
    return y


@mistake("9.7", "the kernel is not flipped", told="the kernel is not flipped")
def kernel_as_it_is(y, w, stride):
    (rows, columns), (kh, kw) = y.shape, w.shape
    spread = np.zeros(((rows - 1) * stride + 1, (columns - 1) * stride + 1))
    spread[::stride, ::stride] = y
    return slid(np.pad(spread, ((kh - 1, kh - 1), (kw - 1, kw - 1))), w)


@mistake(
    "9.7",
    "s zeros between neighbours, where s - 1 are wanted",
    told="one zero too many between neighbours",
)
def one_zero_too_many(y, w, stride):
    (rows, columns), (kh, kw) = y.shape, w.shape
    gap = stride + 1
    spread = np.zeros(((rows - 1) * gap + 1, (columns - 1) * gap + 1))
    spread[::gap, ::gap] = y
    return slid(np.pad(spread, ((kh - 1, kh - 1), (kw - 1, kw - 1))), w[::-1, ::-1])


@mistake(
    "9.7",
    "the zeros stand before each number: all lies s - 1 places down and to the right",
    told="zeros stand before the first number",
)
def zeros_in_front(y, w, stride):
    (rows, columns), (kh, kw) = y.shape, w.shape
    spread = np.zeros((rows * stride, columns * stride))
    spread[stride - 1 :: stride, stride - 1 :: stride] = y
    x = slid(np.pad(spread, ((kh - 1, kh - 1), (kw - 1, kw - 1))), w[::-1, ::-1])
    return x[: (rows - 1) * stride + kh, : (columns - 1) * stride + kw]


@mistake(
    "9.8",
    "the pictures are rolled: what leaves at the right comes in at the left",
    told="what left at the right came in at the left",
)
def rolled(layer, x, shift, stride):
    d = shift // stride
    before, after = layer(x), layer(np.roll(x, shift, axis=2))
    want = before[:, :, :-d]
    return np.linalg.norm(after[:, :, d:] - want) / np.linalg.norm(want)


@mistake(
    "9.8",
    "divided by the norm of all columns, not of those that both answers have",
    told="the size of all the old answers",
)
def divided_by_all_columns(layer, x, shift, stride):
    moved = np.zeros_like(x)
    moved[:, :, shift:] = x[:, :, :-shift]
    d = shift // stride
    before, after = layer(x), layer(moved)
    return np.linalg.norm(after[:, :, d:] - before[:, :, :-d]) / np.linalg.norm(before)


@mistake(
    "9.8",
    "the answers are moved by the pixels of the shift, not by shift / stride columns",
    told="the answers are moved by shift columns",
)
def answers_moved_by_pixels(layer, x, shift, stride):
    moved = np.zeros_like(x)
    moved[:, :, shift:] = x[:, :, :-shift]
    before, after = layer(x), layer(moved)
    want = before[:, :, :-shift]
    return np.linalg.norm(after[:, :, shift:] - want) / np.linalg.norm(want)


@mistake(
    "9.8",
    "the answers are moved with zeros coming in, and all columns compared",
    told="all columns are compared",
)
def new_columns_compared(layer, x, shift, stride):
    moved = np.zeros_like(x)
    moved[:, :, shift:] = x[:, :, :-shift]
    before, d = layer(x), shift // stride
    want = np.zeros_like(before)
    want[:, :, d:] = before[:, :, :-d]
    return np.linalg.norm(layer(moved) - want) / np.linalg.norm(want)


def patches_in_order(x, kh, kw, stride, order):
    windows = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]
    N, C, rows, columns = windows.shape[:4]
    return windows.transpose(order).reshape(-1, C * kh * kw), (N, rows, columns)


@mistake(
    "9.9",
    "the patches run through C, kw, kh: the windows lie on their side",
    told="run through C, kw, kh;",
)
def windows_on_their_side(x, W, stride):
    _, kh, kw, n_out = W.shape
    patches, where = patches_in_order(x, kh, kw, stride, (0, 2, 3, 1, 5, 4))
    y = patches @ W.reshape(-1, n_out)
    return y.reshape(*where, n_out).transpose(0, 3, 1, 2)


@mistake(
    "9.9",
    "the order is mended, and the result reshaped to (N, C', H', B'), not transposed",
    told="y was reshaped to (N, C', H', B')",
)
def reshaped_not_transposed(x, W, stride):
    _, kh, kw, n_out = W.shape
    patches, (N, rows, columns) = patches_in_order(x, kh, kw, stride, (0, 2, 3, 1, 4, 5))
    return (patches @ W.reshape(-1, n_out)).reshape(N, n_out, rows, columns)


@mistake(
    "9.9",
    "the weights are only reshaped to (kh, kw, C, C'), not transposed: the bug stays",
    told="run through kh, kw, C;",
)
def weights_reshaped(x, W, stride):
    C, kh, kw, n_out = W.shape
    patches, where = patches_in_order(x, kh, kw, stride, (0, 2, 3, 4, 5, 1))
    y = patches @ W.reshape(kh, kw, C, n_out).reshape(-1, n_out)
    return y.reshape(*where, n_out).transpose(0, 3, 1, 2)
