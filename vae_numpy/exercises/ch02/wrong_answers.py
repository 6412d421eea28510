"""Answers to chapter 2's exercises as people give them."""

import numpy as np

from vae_numpy.exercises.register import right, wrong


@wrong("2.1", "not taken off before encoding")
def not_centred(X, V, W):
    return X @ V, X @ V @ W


@wrong("2.1", "not put back")
def stays_at_the_origin(X, V, W):
    Z = (X - X.mean(axis=0)) @ V
    return Z, Z @ W


@wrong("2.1", "each coordinate has its own")
def one_mean(X, V, W):
    Z = (X - X.mean()) @ V
    return Z, Z @ W + X.mean()


@wrong("2.1", "wanted 2 values, Z, X_hat")
def no_codes(X, V, W):
    m = X.mean(axis=0)
    return (X - m) @ V @ W + m


@right("2.1")
def point_by_point(X, V, W):
    m = sum(X) / len(X)
    Z = [[float(sum((x - m) * V[:, k])) for k in range(V.shape[1])] for x in X]
    return Z, [list(np.array(z) @ W + m) for z in Z]


@right("2.1")
def affine(X, V, W):
    m = X.mean(axis=0)
    return X @ V - m @ V, X @ (V @ W) + m @ (np.eye(len(m)) - V @ W)


@wrong("2.2", "mean over the features too")
def mean_over_everything(X_hat, X):
    return np.mean((X_hat - X) ** 2), 2 * (X_hat - X) / X.size


@wrong("2.2", "summed over the batch")
def sum_over_everything(X_hat, X):
    return np.sum((X_hat - X) ** 2), 2 * (X_hat - X)


@wrong("2.2", "no factor 1/2")
def half(X_hat, X):
    return 0.5 * np.sum((X_hat - X) ** 2) / len(X), (X_hat - X) / len(X)


@wrong("2.2", "no root")
def length(X_hat, X):
    return np.linalg.norm(X_hat - X) / len(X) ** 0.5, 2 * (X_hat - X) / len(X)


@wrong("2.2", "cancel")
def summed_first(X_hat, X):
    return (X_hat - X).sum() ** 2 / len(X), 2 * (X_hat - X) / len(X)


@wrong("2.2", "the 1/N is missing")
def gradient_of_the_sum(X_hat, X):
    return np.sum((X_hat - X) ** 2) / len(X), 2 * (X_hat - X)


@wrong("2.2", "the 2 is missing")
def without_the_two(X_hat, X):
    return np.sum((X_hat - X) ** 2) / len(X), (X_hat - X) / len(X)


@wrong("2.2", "wrong way")
def wrong_way(X_hat, X):
    return np.sum((X_hat - X) ** 2) / len(X), 2 * (X - X_hat) / len(X)


@right("2.2")
def in_float32(X_hat, X):
    error = np.float32(X_hat) - np.float32(X)
    return np.mean(np.sum(error * error, axis=1)), error / np.float32(0.5 * len(X))


@right("2.2")
def with_loops(X_hat, X):
    loss, gradient = 0.0, [[0.0] * X.shape[1] for _ in X]
    for n in range(X.shape[0]):
        for j in range(X.shape[1]):
            loss += (X[n, j] - X_hat[n, j]) ** 2 / X.shape[0]
            gradient[n][j] = 2 * (X_hat[n, j] - X[n, j]) / X.shape[0]
    return loss, gradient


def spectrum(X):
    return np.linalg.eigvalsh(np.cov(X.T, bias=True))[::-1]


@wrong("2.3", "variance that is kept")
def kept(X, k):
    return spectrum(X)[:k].sum()


@wrong("2.3", "N - 1")
def unbiased(X, k):
    return np.linalg.eigvalsh(np.cov(X.T))[::-1][k:].sum()


@wrong("2.3", "mean is not taken off")
def about_the_origin(X, k):
    return np.linalg.eigvalsh(X.T @ X / len(X))[::-1][k:].sum()


@wrong("2.3", "share that is lost")
def share_lost(X, k):
    return spectrum(X)[k:].sum() / spectrum(X).sum()


@wrong("2.3", "one eigenvalue too few")
def off_by_one(X, k):
    return spectrum(X)[k + 1 :].sum()


@right("2.3")
def by_singular_values(X, k):
    s = np.linalg.svd(X - X.mean(0), compute_uv=False)
    return sum(s[k:] ** 2) / len(X)


@right("2.3")
def total_minus_kept(X, k):
    return np.float32(X.var(axis=0).sum() - spectrum(X)[:k].sum())


@wrong("2.4", "one too few")
def index_for_a_count(X, share):
    return np.argmax(np.cumsum(spectrum(X)) / spectrum(X).sum() >= share)


@wrong("2.4", "one too many")
def two_added(X, share):
    return np.argmax(np.cumsum(spectrum(X)) / spectrum(X).sum() >= share) + 2


@wrong("2.4", "smallest directions")
def from_the_wrong_end(X, share):
    values = np.linalg.eigvalsh(np.cov(X.T))
    return np.argmax(np.cumsum(values) / values.sum() >= share) + 1


@wrong("2.4", "may be left out")
def left_out(X, share):
    return X.shape[1] - int(np.argmax(np.cumsum(spectrum(X)) >= share * spectrum(X).sum())) - 1


@right("2.4")
def with_a_while(X, share):
    values, k, total = list(spectrum(X)), 0, 0.0
    while total < share * sum(values):
        total += values[k]
        k += 1
    return float(k)


def shares_of_the_tied(Xc, V):
    error = Xc @ V @ V.T - Xc
    return 2 / len(Xc) * Xc.T @ error @ V, 2 / len(Xc) * error.T @ Xc @ V


@wrong("2.5", "encoder's share alone")
def encoder_only(Xc, V):
    return shares_of_the_tied(Xc, V)[0]


@wrong("2.5", "decoder's share alone")
def decoder_only(Xc, V):
    return shares_of_the_tied(Xc, V)[1]


@wrong("2.5", "counted twice")
def doubled(Xc, V):
    return 2 * shares_of_the_tied(Xc, V)[0]


@wrong("2.5", "averaged")
def averaged(Xc, V):
    return np.mean(shares_of_the_tied(Xc, V), axis=0)


@wrong("2.5", "the 1/N is missing")
def of_the_sum(Xc, V):
    return len(Xc) * sum(shares_of_the_tied(Xc, V))


@right("2.5")
def with_the_covariance(Xc, V):
    # L = tr(C) - 2 tr(V'CV) + tr(V'CV V'V), differentiated as a matrix formula.
    C = Xc.T @ Xc / len(Xc)
    return -4 * C @ V + 2 * C @ V @ (V.T @ V) + 2 * V @ (V.T @ C @ V)


@right("2.5")
def with_float32(Xc, V):
    Xc, V = Xc.astype("f"), V.astype("f")
    return sum(shares_of_the_tied(Xc, V))


class Layer:
    """A right one, to be spoilt below."""

    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW += self.x.T @ dy
        self.db += dy.sum(0)
        return dy @ self.W.T


@wrong("2.6", "bias b is not added")
class WithoutBias(Layer):
    def forward(self, x):
        self.x = x
        return x @ self.W


@wrong("2.6", "dW holds the last call alone")
class Overwrites(Layer):
    def backward(self, dy):
        self.dW = self.x.T @ dy
        self.db = dy.sum(0)
        return dy @ self.W.T


@wrong("2.6", "the bias has a gradient too")
class ForgetsBias(Layer):
    def backward(self, dy):
        self.dW += self.x.T @ dy
        return dy @ self.W.T


@wrong("2.6", "db is a mean over the rows")
class AveragesBias(Layer):
    def backward(self, dy):
        self.dW += self.x.T @ dy
        self.db += dy.mean(0)
        return dy @ self.W.T


@wrong("2.6", "dW is averaged")
class AveragesWeights(Layer):
    def backward(self, dy):
        self.dW += self.x.T @ dy / len(dy)
        self.db += dy.sum(0)
        return dy @ self.W.T


@wrong("2.6", "raises ValueError")
class Transposed(Layer):
    def backward(self, dy):
        self.dW += dy.T @ self.x
        self.db += dy.sum(0)
        return dy @ self.W.T


@wrong("2.6", "that is the optimiser's job")
class UpdatesItself(Layer):
    def backward(self, dy):
        dx = super().backward(dy)
        if len(dy) == 5:
            self.W -= 0.1 * self.dW
        return dx


@right("2.6")
class RowByRow:
    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros(W.shape), np.zeros(b.shape)

    def forward(self, x):
        self.rows = x.tolist()
        return np.array([np.dot(row, self.W) + self.b for row in self.rows])

    def backward(self, dy):
        for row, slope in zip(self.rows, dy, strict=True):
            self.dW = self.dW + np.outer(row, slope)
            self.db = self.db + slope
        return np.stack([self.W @ slope for slope in dy])


def slopes(Xc, V, W):
    dX_hat = 2 / len(Xc) * (Xc @ V @ W - Xc)
    return Xc.T @ dX_hat @ W.T, V.T @ Xc.T @ dX_hat


@wrong("2.7", "taken with the new W")
def new_decoder(Xc, V, W, eta):
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ W - Xc)
    W = W - eta * Z.T @ dX_hat
    return V - eta * Xc.T @ (dX_hat @ W.T), W


@wrong("2.7", "taken with the new V")
def new_encoder(Xc, V, W, eta):
    V = V - eta * slopes(Xc, V, W)[0]
    return V, W - eta * slopes(Xc, V, W)[1]


@wrong("2.7", "two half steps")
def forward_again(Xc, V, W, eta):
    W = W - eta * slopes(Xc, V, W)[1]
    return V - eta * slopes(Xc, V, W)[0], W


@wrong("2.7", "uphill")
def uphill(Xc, V, W, eta):
    dV, dW = slopes(Xc, V, W)
    return V + eta * dV, W + eta * dW


@wrong("2.7", "lost its 1/N")
def n_times(Xc, V, W, eta):
    dV, dW = slopes(Xc, V, W)
    return V - eta * len(Xc) * dV, W - eta * len(Xc) * dW


@wrong("2.7", "V is changed in place")
def in_place(Xc, V, W, eta):
    dV, dW = slopes(Xc, V, W)
    V -= eta * dV
    W -= eta * dW
    return V, W


@right("2.7")
def encoder_first(Xc, V, W, eta):
    dV = sum(np.outer(x, W @ (x @ V @ W - x)) for x in Xc) * 2 / len(Xc)
    dW = sum(np.outer(x @ V, x @ V @ W - x) for x in Xc) * 2 / len(Xc)
    return V - eta * dV, W - eta * dW


def descend(Xc, V, W, eta, steps):
    for _ in range(steps):
        dV, dW = slopes(Xc, V, W)
        V, W = V - eta * dV, W - eta * dW
    return V, W


def start(X, k, rng, scale=0.1):
    return rng.normal(0, scale, (X.shape[1], k)), rng.normal(0, scale, (k, X.shape[1]))


@wrong("2.8", "the training diverged")
def one_rate_for_all(X, k, rng):
    return descend(X - X.mean(axis=0), *start(X, k, rng), 0.5, 1000)


@wrong("2.8", "on a saddle")
def from_zero(X, k, rng):
    return descend(X - X.mean(axis=0), *start(X, k, rng, scale=0), 0.1, 200)


@wrong("2.8", "not centred")
def without_a_mean(X, k, rng):
    eta = 1 / (4 * np.linalg.eigvalsh(X.T @ X / len(X))[-1])
    return descend(X, *start(X, k, rng), eta, 3000)


@wrong("2.8", "not at the bottom yet")
def too_few_steps(X, k, rng):
    return descend(X - X.mean(axis=0), *start(X, k, rng), 0.01, 200)


@wrong("2.8", "wanted an array of shape (2, 1)")
def decoder_first(X, k, rng):
    V, W = start(X, k, rng)
    return W, V


@right("2.8")
def by_decomposition(X, k, rng):
    U = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2][:k]
    return np.float32(U.T), np.float32(U)


@right("2.8")
def after_scaling(X, k, rng):
    Xc = X - X.mean(axis=0)
    Xc = Xc / Xc.std()  # one number for all coordinates: a unit, and no direction changes
    V, W = start(X, k, rng)
    last = np.inf
    for _ in range(200):
        V, W = descend(Xc, V, W, 0.1, 100)
        loss = np.sum((Xc @ V @ W - Xc) ** 2)
        if loss > (1 - 1e-6) * last:
            break
        last = loss
    return V, W
