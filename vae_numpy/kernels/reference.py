"""The kernels in plain NumPy: the version to read.

Shapes: N rows in a batch, n_in and n_out features, D features of a datum, K latents; a picture has
C channels, height H and width W, and C', H', W' when a convolution has gone over it. Every loss is
a sum over the features and a mean over the batch, and comes with its gradient.
"""

import numpy as np

# Activations: y = f(a), and the derivative f'(a) written with the output y -----------------


def _sigmoid(a):
    # 1 / (1 + exp(-a)), written with tanh so that no exp can overflow.
    return 0.5 * (1 + np.tanh(0.5 * a))


def _softplus(a):
    # log(1 + exp(a)), with the large part taken out of the exponential.
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


ACTIVATIONS = {
    # name: (f(a), f'(a) as a function of y = f(a))
    "identity": (lambda a: a, lambda y: np.ones_like(y)),
    "relu": (lambda a: np.maximum(a, 0), lambda y: (y > 0).astype(y.dtype)),
    "tanh": (np.tanh, lambda y: 1 - y**2),
    "sigmoid": (_sigmoid, lambda y: y * (1 - y)),
    # y = log(1 + e^a), so sigmoid(a) = 1 - e^-y
    "softplus": (_softplus, lambda y: -np.expm1(-y)),
}

# The dense layer ----------------------------------------------------------------------------


def dense_forward(x, W, b, activation):
    """Compute y = f(x W + b).

    Parameters
    ----------
    x : (N, n_in)
    W : (n_in, n_out)
    b : (n_out,) or None
    activation : a key of ``ACTIVATIONS``

    Returns
    -------
    y : (N, n_out)
    """
    f, _ = ACTIVATIONS[activation]
    a = x @ W  # (N, n_out)
    if b is not None:
        a += b
    return f(a)


def dense_backward(dy, x, y, W, activation, dW, db, *, accumulate=True, need_dx=True):
    """Add the gradients of a dense layer into ``dW`` and ``db``; return the one in its input.

    Parameters
    ----------
    dy, y : (N, n_out)
        The loss's gradient in the output, and the output itself.
    x : (N, n_in)
    W, dW : (n_in, n_out)
    activation : a key of ``ACTIVATIONS``
    db : (n_out,) or None
    accumulate : bool
        Without it ``dW`` and ``db`` are overwritten, whatever they held.
    need_dx : bool
        Without it the gradient in the input, a third of the work, is left out.

    Returns
    -------
    dx : (N, n_in) or None
    """
    _, derivative = ACTIVATIONS[activation]
    # y = f(a)
    da = dy * derivative(y)  # (N, n_out)
    # a = x W + b
    if not accumulate:
        dW[...] = 0
        if db is not None:
            db[...] = 0
    dW += x.T @ da
    if db is not None:
        db += da.sum(axis=0)
    return da @ W.T if need_dx else None


# Convolutions -------------------------------------------------------------------------------
#
# x (N, C, H, W) is a batch of pictures, W (C, kh, kw, C') the weights: each of the C' channels of
# the output weighs a patch of kh x kw pixels in all C channels. A patch starts every ``stride``
# pixels of a picture that has ``padding`` zeros around it, so there are
# H' = (H + 2 padding - kh) // stride + 1 of them below each other, and W' side by side.


def _patches(x, W, stride, padding):
    """List the patches of all pictures as the rows of a matrix, (N H' W', C kh kw)."""
    edge = (padding, padding)
    x = np.pad(x, ((0, 0), (0, 0), edge, edge))
    kernel = W.shape[1:3]
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(2, 3))
    windows = windows[:, :, ::stride, ::stride]  # (N, C, H', W', kh, kw), a view
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, W[..., 0].size)


def _pixels(y):
    """List the pixels of all pictures y (N, C', H', W') as the rows of a matrix, (N H' W', C')."""
    return y.transpose(0, 2, 3, 1).reshape(-1, y.shape[1])


def _matrix(W):
    return W.reshape(-1, W.shape[-1])  # (C kh kw, C')


def _convolve(x, W, stride, padding):
    """Compute y (N, C', H', W'): each pixel is a patch times the weights."""
    kh, kw = W.shape[1:3]
    height = (x.shape[2] + 2 * padding - kh) // stride + 1
    width = (x.shape[3] + 2 * padding - kw) // stride + 1
    y = _patches(x, W, stride, padding) @ _matrix(W)  # (N H' W', C')
    return np.ascontiguousarray(y.reshape(len(x), height, width, W.shape[3]).transpose(0, 3, 1, 2))


def _convolve_transposed(y, W, stride, padding, shape):
    """Compute x (N, C, H, W): each pixel of y puts its patch down, where patches overlap they add.

    This is ``_convolve``'s matrix transposed. Many heights H and widths W have the same H' and W';
    ``shape``, (C, H, W), says which. Pixels that no patch reaches are 0.
    """
    (n, _, height, width), (_, kh, kw, _) = y.shape, W.shape
    C, H, B = shape
    patches = (_pixels(y) @ _matrix(W).T).reshape(n, height, width, C, kh, kw)
    x = np.zeros((n, C, H + 2 * padding, B + 2 * padding), y.dtype)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i, i + stride * height, stride)
            columns = slice(j, j + stride * width, stride)
            x[:, :, rows, columns] += patches[..., i, j].transpose(0, 3, 1, 2)
    return np.ascontiguousarray(x[:, :, padding : padding + H, padding : padding + B])


def conv_forward(x, W, b, activation, stride, padding):
    """Compute y = f(x * W + b), where * takes each patch of x times the weights.

    Parameters
    ----------
    x : (N, C, H, W)
    W : (C, kh, kw, C')
    b : (C',) or None
    activation : a key of ``ACTIVATIONS``
    stride, padding : int

    Returns
    -------
    y : (N, C', H', W')
    """
    f, _ = ACTIVATIONS[activation]
    a = _convolve(x, W, stride, padding)  # patches W
    if b is not None:
        a += b[:, None, None]
    return f(a)


def conv_backward(
    dy, x, y, W, activation, stride, padding, dW, db, *, accumulate=True, need_dx=True
):
    """Add the gradients of a convolution into ``dW`` and ``db``; return the one in its input.

    Parameters
    ----------
    dy, y : (N, C', H', W')
        The loss's gradient in the output, and the output itself.
    x : (N, C, H, W)
    W, dW : (C, kh, kw, C')
    activation, stride, padding
        As for ``conv_forward``.
    db : (C',) or None
    accumulate, need_dx : bool
        As for ``dense_backward``.

    Returns
    -------
    dx : (N, C, H, W) or None
    """
    _, derivative = ACTIVATIONS[activation]
    # y = f(a)
    da = dy * derivative(y)  # (N, C', H', W')
    if not accumulate:
        dW[...] = 0
        if db is not None:
            db[...] = 0
    # a = patches W + b, a dense layer whose rows are the patches of all pictures
    dW += (_patches(x, W, stride, padding).T @ _pixels(da)).reshape(W.shape)
    if db is not None:
        db += da.sum(axis=(0, 2, 3))
    if not need_dx:
        return None
    # dpatches = da W.T; a pixel of x is in several patches, and its gradient is the sum over these
    return _convolve_transposed(da, W, stride, padding, x.shape[1:])


# The transposed convolution takes pictures of the size that a convolution gives, and gives pictures
# of the size that it takes. Its forward pass is the convolution's way back to dx; so its own way
# back is the convolution, and in dW the two pictures have changed places.


def conv_transpose_forward(x, W, b, activation, stride, padding, shape):
    """Compute y = f(x *' W + b), where *' is the transpose of ``conv_forward``'s *.

    Parameters
    ----------
    x : (N, C', H', W')
    W : (C, kh, kw, C')
    b : (C,) or None
    activation : a key of ``ACTIVATIONS``
    stride, padding : int
    shape : (C, H, W)
        Of an output picture: one that the convolution makes (C', H', W').

    Returns
    -------
    y : (N, C, H, W)
    """
    f, _ = ACTIVATIONS[activation]
    a = _convolve_transposed(x, W, stride, padding, shape)
    if b is not None:
        a += b[:, None, None]
    return f(a)


def conv_transpose_backward(
    dy, x, y, W, activation, stride, padding, dW, db, *, accumulate=True, need_dx=True
):
    """Add a transposed convolution's gradients into ``dW``, ``db``; return the one in its input.

    Parameters
    ----------
    dy, y : (N, C, H, W)
        The loss's gradient in the output, and the output itself.
    x : (N, C', H', W')
    W, dW : (C, kh, kw, C')
    activation, stride, padding
        As for ``conv_transpose_forward``.
    db : (C,) or None
    accumulate, need_dx : bool
        As for ``dense_backward``.

    Returns
    -------
    dx : (N, C', H', W') or None
    """
    _, derivative = ACTIVATIONS[activation]
    # y = f(a)
    da = dy * derivative(y)  # (N, C, H, W)
    if not accumulate:
        dW[...] = 0
        if db is not None:
            db[...] = 0
    # The patches of a are x W.T, each added where it lies, plus b: so the gradient in the patches
    # is the patches of da, and, of dpatches.T x = (x.T dpatches).T, dW is
    dW += (_patches(da, W, stride, padding).T @ _pixels(x)).reshape(W.shape)
    if db is not None:
        db += da.sum(axis=(0, 2, 3))
    # dx = dpatches W
    return _convolve(da, W, stride, padding) if need_dx else None


# Losses -------------------------------------------------------------------------------------


def squared_error(x_hat, x):
    """Compute 1/N sum (x_hat - x)^2 and its gradient in ``x_hat``; both are (N, D)."""
    n = len(x)
    difference = x_hat - x
    value = np.sum(difference**2, dtype=np.float64) / n
    dx_hat = (2 / n) * difference
    return float(value), dx_hat


# The likelihoods p(x|l) = e^(x l - A(l)) of logits l. A sees to it that they sum to 1, and its
# derivative is the mean of x.


def _continuous_normaliser(logits):
    # A = log((e^l - 1) / l), with the large part taken out of the exponential; in double.
    logits = logits.astype(np.float64)
    near_0, t, size = _split_at_0(logits)
    s = t**2
    series = t / 2 + s * (1 / 24 + s * (-1 / 2880 + s * (1 / 181440 - s / 9676800)))
    formula = np.maximum(logits, 0) + np.log(-np.expm1(-size)) - np.log(size)
    return np.where(near_0, series, formula)


def _continuous_mean(logits):
    # A' = 1 / (1 - e^-l) - 1 / l, written so that no exp can overflow; in double.
    logits = logits.astype(np.float64)
    near_0, t, size = _split_at_0(logits)
    s = t**2
    series = 1 / 2 + t * (1 / 12 + s * (-1 / 720 + s * (1 / 30240 - s / 1209600)))
    least = 1 / size + np.exp(-size) / np.expm1(-size)  # the mean at -|l|; at |l| it is 1 - least
    return np.where(near_0, series, np.where(logits < 0, least, 1 - least))


def _split_at_0(logits):
    # Near 0 the formulas lose their digits to a difference, and Taylor's series takes over: where,
    # the logits there for the series, and the sizes of the others for the formula.
    near_0 = np.abs(logits) < 0.1
    return near_0, np.where(near_0, logits, 0), np.where(near_0, 1, np.abs(logits))


def _log_sum_exp(logits, categories):
    # A of each block, (N, n_blocks), with the largest logit taken out of the exponentials.
    most, _, total = _exp_in_blocks(logits, categories)
    return most + np.log(total)


def _softmax(logits, categories):
    _, e, total = _exp_in_blocks(logits, categories)
    return e / np.repeat(total, categories, axis=1)


def _exp_in_blocks(logits, categories):
    starts = np.cumsum(categories) - categories
    most = np.maximum.reduceat(logits, starts, axis=1)  # (N, n_blocks)
    e = np.exp(logits - np.repeat(most, categories, axis=1))
    return most, e, np.add.reduceat(e, starts, axis=1)


NORMALISERS = {
    # name: (A(l), its derivative, the mean)
    "bernoulli": (_softplus, _sigmoid),
    "continuous_bernoulli": (_continuous_normaliser, _continuous_mean),
    "categorical": (_log_sum_exp, _softmax),  # of (l, categories)
}


def bernoulli_nll(logits, x):
    """Compute -1/N sum log p(x | logits), in nats, and its gradient; both are (N, D).

    With p = sigmoid(l): -x log p - (1 - x) log(1 - p) = log(1 + e^l) - x l.
    """
    n = len(x)
    value = np.sum(_softplus(logits) - x * logits, dtype=np.float64) / n
    dlogits = (_sigmoid(logits) - x) / n
    return float(value), dlogits


def continuous_bernoulli_nll(logits, x):
    """Compute -1/N sum log p(x | logits), in nats, and its gradient; both are (N, D).

    With the density e^(x l) / Z on [0, 1] (Loaiza-Ganem & Cunningham 2019): log Z - x l.
    """
    n = len(x)
    value = np.sum(_continuous_normaliser(logits) - x * logits, dtype=np.float64) / n
    dlogits = (_continuous_mean(logits) - x) / n
    return float(value), dlogits.astype(logits.dtype)


def categorical_nll(logits, x, categories):
    """Compute -1/N sum log p(x | logits), in nats, and its gradient; both are (N, D).

    A row consists of blocks of ``categories`` (n_blocks,) columns, in each of which x has one 1.
    With p = softmax(l) in each block: log sum e^l - x l.
    """
    n = len(x)
    value = np.sum(_log_sum_exp(logits, categories), dtype=np.float64)
    value -= np.sum(x * logits, dtype=np.float64)
    dlogits = (_softmax(logits, categories) - x) / n
    return float(value / n), dlogits


def gaussian_nll(mean, logvar, x):
    """Compute -1/N sum log N(x | mean, exp(logvar)), in nats, with gradients; all are (N, D)."""
    n = len(x)
    difference = mean - x
    scaled = difference * np.exp(-logvar)  # (mean - x) / variance
    squares = difference * scaled
    value = 0.5 * np.sum(np.log(2 * np.pi) + logvar + squares, dtype=np.float64) / n
    dmean = scaled / n
    dlogvar = (0.5 / n) * (1 - squares)
    return float(value), dmean, dlogvar


def laplace_nll(mean, logvar, x):
    """Compute -1/N sum log p(x | mean, variance exp(logvar)), in nats; all are (N, D).

    The scale is b = e^(v/2) / sqrt 2, and -log p = log 2b + |x - mean| / b. Where x is the mean
    there is no derivative; the gradient says 0.
    """
    n = len(x)
    difference = mean - x
    per_scale = 2**0.5 * np.exp(-0.5 * logvar)  # 1/b
    distances = np.abs(difference) * per_scale
    value = np.sum(0.5 * (np.log(2) + logvar) + distances, dtype=np.float64) / n
    dmean = np.sign(difference) * per_scale / n
    dlogvar = (0.5 / n) * (1 - distances)
    return float(value), dmean, dlogvar


def gaussian_kl(mu, logvar):
    """Compute KL(N(mu, exp(logvar)) || N(0, 1)) per latent, in nats, and its gradients.

    Both arguments are (N, K). The value is (K,), averaged over the batch; the gradients are
    those of its sum.
    """
    n = len(mu)
    # e^v - 1 - v loses its digits where v is near 0; expm1 keeps them.
    excess = np.expm1(logvar)
    per_latent = 0.5 * np.sum(mu**2 + excess - logvar, axis=0, dtype=np.float64) / n
    dmu = mu / n
    dlogvar = (0.5 / n) * excess
    return per_latent, dmu, dlogvar


# Optimiser steps, in place on flat arrays -----------------------------------------------------


def sgd_step(value, grad, velocity, learning_rate, momentum):
    """Gradient descent with momentum: u = momentum u + grad; value -= learning_rate u."""
    velocity *= momentum
    velocity += grad
    value -= learning_rate * velocity


def adagrad_step(value, grad, sum_squares, learning_rate, eps):
    """Adagrad: divide each step by the root of the sum of all squared gradients so far."""
    sum_squares += grad**2
    value -= learning_rate * grad / (np.sqrt(sum_squares) + eps)


def adam_step(value, grad, m, v, t, learning_rate, beta1, beta2, eps):
    """Adam's step number t (from 1): the running mean of the gradient over that of its size."""
    m *= beta1
    m += (1 - beta1) * grad
    v *= beta2
    v += (1 - beta2) * grad**2
    # Both averages start at zero; these factors undo that bias.
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    value -= learning_rate * m_hat / (np.sqrt(v_hat) + eps)


# Sprites ------------------------------------------------------------------------------------


def render_sprites(shape, scale, angle, x, y, side, out):
    """Draw one white shape on black per picture: a pixel is 1 iff its centre is inside, else 0.

    The scene measures 64 x 64 units whatever ``side`` is, with y growing downwards.

    Parameters
    ----------
    shape : (N,) ints
        0 square, 1 ellipse, 2 heart.
    scale, angle, x, y : (N,) float64
        Size (at most 1), radians counter-clockwise on the screen, and the centre, in units.
    side : int
        Pixels along an edge of a picture.
    out : (N, side, side), of any number type
        Overwritten.
    """
    pixel = 64.0 / side
    centres = (np.arange(side) + 0.5) * pixel
    for n in range(len(shape)):
        # No shape reaches further from its centre than 13.6 units (the square's corner: 13.58).
        reach = 13.6 * scale[n]
        top, bottom = max(0, int((y[n] - reach) / pixel)), int((y[n] + reach) / pixel) + 1
        left, right = max(0, int((x[n] - reach) / pixel)), int((x[n] + reach) / pixel) + 1
        dx = (centres[left:right] - x[n]) / scale[n]  # (columns,)
        dy = (centres[top:bottom, None] - y[n]) / scale[n]  # (rows, 1)
        cos, sin = np.cos(angle[n]), np.sin(angle[n])
        u = cos * dx - sin * dy  # (rows, columns): the pixel as the upright shape sees it
        v = sin * dx + cos * dy
        if shape[n] == 0:
            inside = (abs(u) <= 9.599) & (abs(v) <= 9.599)
        elif shape[n] == 1:
            inside = (u / 12.7657) ** 2 + (v / 7.213) ** 2 <= 1.0
        else:
            # The heart's outline is u = 9.595 sin^3 t,
            # v = -0.662 (13 cos t - 5 cos 2t - 2 cos 3t - cos 4t) - 1.4375. With q = cos^2 t its
            # upper and lower edge at u are middle -+ 0.662 cos t (19 - 8 q); q < 0 beyond them.
            q = 1.0 - np.cbrt((u / 9.595) ** 2)
            middle = -0.662 * (4.0 - 2.0 * q - 8.0 * q**2) - 1.4375
            inside = (v - middle) ** 2 <= 0.662**2 * q * (19.0 - 8.0 * q) ** 2
        out[n] = 0
        out[n, top:bottom, left:right] = inside
