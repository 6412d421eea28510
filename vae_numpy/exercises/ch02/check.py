"""The checks of chapter 2 on the linear autoencoder, its loss and where that ends."""

import numpy as np

from vae_numpy.exercises.cases import number, numbers, sizes
from vae_numpy.exercises.catalogue import exercise
from vae_numpy.gradcheck import numerical_gradient


def tilted_cloud(rng, n_features):
    """Draw points (N, D) away from the origin, with a spectrum that falls, tilted."""
    n_points = int(rng.integers(n_features + 3, n_features + 9))
    lengths = np.sort(rng.uniform(0.3, 2, n_features)) ** 1.5
    turn = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0]
    cloud = rng.normal(size=(n_points, n_features)) * lengths @ turn
    return cloud + numbers(rng, n_features, low=-1.5, high=1.5)


def spectrum(X):
    """Return the eigenvalues of the covariance, falling, from the singular values."""
    Xc = X - sum(X) / len(X)
    return np.linalg.svd(Xc, compute_uv=False) ** 2 / len(X)


def loss_of(X_hat, X):
    """Return the squared error, in a loop over its entries."""
    return sum((a - b) ** 2 for a, b in zip(X_hat.ravel(), X.ravel(), strict=True)) / len(X)


@exercise(
    "2.1",
    trains="matrix shapes, and where the mean goes",
    difficulty="easy",
    minutes=5,
    hints=[
        "The mean of each coordinate is `X.mean(axis=0)`, of shape (D,).",
        "The codes are `(X - m) @ V`, and the decoder sees nothing but them.",
    ],
)
def there_and_back(answer):
    def right(X, V, W):
        m = [sum(column) / len(X) for column in X.T]
        Z = np.array([[sum((x - m) * v) for v in V.T] for x in X])
        return Z, np.array([[sum(z * w) for w in W.T] for z in Z]) + m

    def draw(rng):
        N, D, K = sizes(rng, 3, 2, 8)
        return numbers(rng, N, D, low=-1, high=4), numbers(rng, D, K), numbers(rng, K, D)

    def through(before, after=None, scale=None):
        """A mistake in what is taken off, what is put back, and what is divided by."""

        def made(X, V, W):
            s = 1 if scale is None else scale(X)
            Z = (X - before(X)) / s @ V
            return Z, None if after is None else Z @ W * s + after(X)

        return made

    def mean(X):
        return X.mean(axis=0)

    def transposed(X, V, W):
        Z = (X - mean(X)) @ V
        return Z, Z @ V.T + mean(X)

    mistakes = {
        "the mean is not taken off before encoding": through(lambda X: 0),
        "the mean is not put back after decoding": through(mean, lambda X: 0),
        "one mean of all numbers is taken off; each coordinate has its own": through(np.mean),
        "the mean of each row is taken off, over its coordinates; each coordinate has a mean, over "
        "the rows": through(lambda X: X.mean(axis=1, keepdims=True)),
        "it is divided by the standard deviation too; only the mean is taken off": through(
            mean, mean, lambda X: X.std(axis=0)
        ),
        "X_hat: it is decoded with V^T; the decoder is W": transposed,
        "Z and X_hat are returned in each other's place": lambda X, V, W: right(X, V, W)[::-1],
    }
    X = np.array([[1.0, 5.0], [3.0, 9.0]])  # the mean is (2, 7)
    V, W = np.array([[1.0], [2.0]]), np.array([[0.5, -1.0]])
    first = [(X, V, W)]
    answer.agrees(right, draw, mistakes=mistakes, first=first, names=("Z", "X_hat"))


@exercise(
    "2.2",
    trains="the order of sum and mean, and what it does to a gradient",
    difficulty="medium",
    minutes=10,
    hints=[
        "Sum over everything, then divide by the number of rows only: `/ len(X)`.",
        "An entry e of the error counts as `e**2 / N`. Its derivative is `2 * e / N`.",
        "Check it as the chapter does: nudge one entry of `X_hat` and see how the loss changes.",
    ],
)
def squared_loss(answer):
    def right(X_hat, X):
        return loss_of(X_hat, X), numerical_gradient(lambda A: loss_of(A, X), X_hat.copy())

    def draw(rng):
        shape = sizes(rng, 2)
        return numbers(rng, *shape), numbers(rng, *shape)

    def loss(made):
        """A mistake in terms of the error and its sizes."""
        return lambda X_hat, X: (made(X_hat - X, *X.shape), None)

    def gradient(made):
        return lambda X_hat, X: (None, made(X_hat - X, *X.shape))

    mistakes = {
        "loss: it is a mean over the features too, D times too small: sum over them": loss(
            lambda e, N, D: np.mean(e**2)
        ),
        "loss: it is summed over the batch, N times too large: divide by len(X)": loss(
            lambda e, N, D: np.sum(e**2)
        ),
        "loss: it is averaged over the features and summed over the batch; wanted the other way "
        "round": loss(lambda e, N, D: np.sum(e**2) / D),
        "loss: there is no factor 1/2 in this book's squared error": loss(
            lambda e, N, D: np.sum(e**2) / (2 * N)
        ),
        "loss: no root is taken; it is a squared length": [
            loss(lambda e, N, D: np.sqrt(np.sum(e**2) / N)),
            loss(lambda e, N, D: np.sqrt(np.sum(e**2))),
            loss(lambda e, N, D: np.sqrt(np.sum(e**2)) / N),
            loss(lambda e, N, D: np.mean(np.linalg.norm(e, axis=1))),
        ],
        "loss: the errors are added up before they are squared, and cancel": [
            loss(lambda e, N, D: np.sum(e) ** 2 / N),
            loss(lambda e, N, D: np.sum(e.sum(axis=1) ** 2) / N),
        ],
        "dX_hat: the 1/N is missing: it is N times too large, as the loss is a mean over the "
        "batch": gradient(lambda e, N, D: 2 * e),
        "dX_hat: the 2 is missing: the derivative of a square is twice the root": gradient(
            lambda e, N, D: e / N
        ),
        "dX_hat: the 2 and the 1/N are missing; this is the error itself": gradient(
            lambda e, N, D: e
        ),
        "dX_hat: it points the wrong way: the error is X_hat - X, not X - X_hat": gradient(
            lambda e, N, D: -2 / N * e
        ),
        "dX_hat: it is divided by D too, but the loss sums over the features": gradient(
            lambda e, N, D: 2 * e / (N * D)
        ),
        "dX_hat: it is one row for the whole batch; each row of X_hat has a gradient of its own": [
            gradient(lambda e, N, D: 2 * e.mean(axis=0)),
            gradient(lambda e, N, D: 2 * e.sum(axis=0)),
        ],
    }
    names = ("loss", "dX_hat")
    answer.agrees(right, draw, mistakes=mistakes, names=names, rtol=1e-5, atol=1e-7)


@exercise(
    "2.3",
    trains="knowing the end of a training before it starts",
    difficulty="easy",
    minutes=10,
    hints=[
        "The least loss is the sum of the eigenvalues that are thrown away.",
        "`np.linalg.eigvalsh` returns them rising: the first D - k are lost.",
        "The loss is a mean over the batch: the covariance has 1/N, not 1/(N - 1).",
    ],
    compare="for the random cloud and k = 2 it is a third of the total variance",
)
def least_loss(answer):
    def right(X, k):
        return float(sum(spectrum(X)[k:]))

    def draw(rng):
        (D,) = sizes(rng, 1, 4, 8)
        return tilted_cloud(rng, D), int(rng.choice([0, rng.integers(1, D - 1)]))

    def about_origin(X, k):
        return np.sum(np.linalg.svd(X, compute_uv=False)[k:] ** 2) / len(X)

    mistakes = {
        "this is the variance that is kept; the loss is the rest": (
            lambda X, k: spectrum(X)[:k].sum()
        ),
        "the covariance is divided by N - 1, as np.cov does; the loss is a mean over N points": (
            lambda X, k: right(X, k) * len(X) / (len(X) - 1)
        ),
        "the mean is not taken off first": about_origin,
        "this is the share that is lost; the loss is in squared units of the data": (
            lambda X, k: right(X, k) / right(X, 0)
        ),
        "this is one eigenvalue; all that are left out are lost": [
            lambda X, k: spectrum(X)[k : k + 1].sum(),
            lambda X, k: spectrum(X)[k - 1],
        ],
        "one eigenvalue too few is counted": lambda X, k: right(X, k + 1),
        "the covariance is not divided by N": lambda X, k: right(X, k) * len(X),
        "the k smallest are left out: eigvalsh counts upwards": (
            lambda X, k: spectrum(X)[: X.shape[1] - k].sum()
        ),
        "k = 0 is left out: the slice [:-0] is empty, and all is lost there": (
            lambda X, k: right(X, k) if k else 0.0
        ),
        "these are variances of the coordinates, not eigenvalues; a tilted cloud shows the "
        "difference": lambda X, k: np.sort(X.var(axis=0))[::-1][k:].sum(),
        "these are singular values; their squares, divided by N, are the eigenvalues": [
            lambda X, k: np.sqrt(spectrum(X) * len(X))[k:].sum() / len(X),
            lambda X, k: np.sqrt(spectrum(X) * len(X))[k:].sum(),
            lambda X, k: np.sqrt(spectrum(X))[k:].sum(),
        ],
    }
    X = draw(np.random.default_rng(0))[0]
    first = [(X, X.shape[1])]  # all is kept
    answer.agrees(right, draw, mistakes=mistakes, first=first, n_calls=16)


@exercise(
    "2.4",
    trains="counting from zero",
    difficulty="easy",
    minutes=5,
    hints=[
        "`np.cumsum` of the falling eigenvalues, divided by their sum: entry 0 is what one latent "
        "keeps.",
        "`np.argmax` of an array of booleans is the index of the first True.",
    ],
    compare="the digits, `data.load_digits()[0]`, need 21 latents for 0.9",
)
def latents_needed(answer):
    def counted(values, share):
        """Return how many of these must be added up to have the share of their sum."""
        k, total = 1, values[0]
        while total < share * sum(values) and k < len(values):
            k, total = k + 1, total + values[k]
        return k

    def right(X, share):
        return counted(spectrum(X), share)

    def draw(rng):
        return tilted_cloud(rng, *sizes(rng, 1, 5, 11)) / 3, number(rng, 0.15, 0.97)

    def first_above(values, share):
        return int(np.argmax(values >= share)) + 1

    mistakes = {
        "one too few: index 0 of the cumulative sum belongs to one latent": (
            lambda X, share: right(X, share) - 1
        ),
        "one too many: the sum reaches the share one latent earlier": (
            lambda X, share: right(X, share) + 1
        ),
        "these are the latents that may be left out": (
            lambda X, share: X.shape[1] - right(X, share)
        ),
        "the smallest directions are added up first": (
            lambda X, share: counted(spectrum(X)[::-1], share)
        ),
        "the mean is not taken off first": lambda X, share: counted(
            np.linalg.svd(X, compute_uv=False) ** 2, share
        ),
        "these are variances of the coordinates, not eigenvalues; a tilted cloud shows the "
        "difference": lambda X, share: counted(np.sort(X.var(axis=0))[::-1], share),
        "it is 1 every time, as argmax says where the first number or none is as large as the "
        "share: shares that are not added up do that, and sums not divided by the whole": (
            lambda X, share: 1
        ),
        "these are singular values; the variance goes with their squares": (
            lambda X, share: counted(np.sqrt(spectrum(X)), share)
        ),
        "the share is taken for a variance: divide by the sum of all": [
            lambda X, share: first_above(np.cumsum(spectrum(X)), share),
            lambda X, share: first_above(np.cumsum(spectrum(X)) * len(X) / (len(X) - 1), share),
        ],
    }
    # Whole numbers agree by accident: many calls.
    answer.agrees(right, draw, mistakes=mistakes, n_calls=40)
    _judge_ties(answer)


def _judge_ties(answer):
    """Ask for shares that are reached exactly, as far as rounding lets them."""
    short = []
    for lengths, cases in [
        ([2, 1, 1, 1, 1], [(0.5, 1), (0.625, 2), (0.75, 3)]),
        ([4, 2, 2, 2, 2], [(0.5, 1), (0.625, 2), (0.875, 4)]),
    ]:
        X = np.vstack([np.diag(lengths), -np.diag(lengths)]) + 3.0
        short += [(share, k, answer(X, share)) for share, k in cases]
    # Rounding may decide one case or another, but not all of them.
    share, k, got = short[-1]  # of the call that is shown
    answer.holds(
        not all(returned == k + 1 for _, k, returned in short),
        "more than the share is asked for; a sum that is equal to it keeps it: >= and not >",
        [f"the share {share} is kept by {k}, yours says {got}"],
    )


@exercise(
    "2.5",
    trains="the chain rule where one number acts in two places",
    difficulty="medium",
    minutes=20,
    hints=[
        "V acts twice: as the encoder V, and as the decoder V^T. Add what each place says.",
        "The chapter's `loss_and_gradients(Xc, V, V.T)` returns both, but dW has the decoder's "
        "shape, (K, D).",
        "dV + dW.T",
    ],
)
def tied_gradient(answer):
    def right(Xc, V):
        return numerical_gradient(lambda V: loss_of(Xc @ V @ V.T, Xc), V.copy())

    def draw(rng):
        N, D, K = sizes(rng, 3, 2, 8)
        D, K = max(D, K), min(D, K)
        Xc = numbers(rng, N, D)
        return Xc - Xc.mean(axis=0), numbers(rng, D, K, low=-1, high=1)

    def made(share):
        """A mistake in terms of the encoder's share, the decoder's, (K, D), and the sizes."""

        def value(Xc, V):
            dX_hat = 2 / len(Xc) * (Xc @ V @ V.T - Xc)
            return share(Xc.T @ dX_hat @ V, (Xc @ V).T @ dX_hat, *Xc.shape)

        return value

    mistakes = {
        "dV: this is the encoder's share alone; V acts as the decoder too": made(
            lambda dV, dW, N, D: dV
        ),
        "dV: this is the decoder's share alone; V acts as the encoder too": made(
            lambda dV, dW, N, D: dW.T
        ),
        "dV: the encoder's share is counted twice, and the decoder's is another": made(
            lambda dV, dW, N, D: 2 * dV
        ),
        "dV: the decoder's share is counted twice, and the encoder's is another": made(
            lambda dV, dW, N, D: 2 * dW.T
        ),
        "dV: the 1/N is missing, as the loss is a mean over the batch": made(
            lambda dV, dW, N, D: N * (dV + dW.T)
        ),
        "dV: exactly half of it: either the 2 of the square is missing, or the two shares are "
        "averaged instead of added": made(lambda dV, dW, N, D: (dV + dW.T) / 2),
        "dV: it is divided by D too, but the loss sums over the features": made(
            lambda dV, dW, N, D: (dV + dW.T) / D
        ),
        "dV: the decoder's share, (K, D), is reshaped; it has to be transposed": made(
            lambda dV, dW, N, D: dV + dW.reshape(dV.shape)
        ),
        "dV: V^T V is taken for the identity, as it is at the end; on the way there it is not": (
            lambda Xc, V: -2 / len(Xc) * Xc.T @ Xc @ V
        ),
    }
    answer.agrees(right, draw, mistakes=mistakes, names=("dV",), rtol=1e-5, atol=1e-6, n_calls=8)
