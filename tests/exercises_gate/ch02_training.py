"""Wrong answers to chapter 2's last exercises, written from their statements."""

# ruff: noqa: NPY002 - np.random's global state is one of the mistakes

import numpy as np

from tests.exercises_gate.register import judged_otherwise, mistake

# 2.6 A layer of your own


class GivenLinear:
    """The part of the stub that is given."""

    def __init__(self, W, b):
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b


@mistake("2.6", "the gradients are set instead of added to", told="dW holds the last call alone")
class SetsItsGradients(GivenLinear):
    def backward(self, dy):
        self.dW = self.x.T @ dy
        self.db = dy.sum(axis=0)
        return dy @ self.W.T


@mistake(
    "2.6", "forward puts the gradients back to zero", told="forward puts the gradients back to zero"
)
class ZeroesInForward(GivenLinear):
    def forward(self, x):
        self.x = x
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW += self.x.T @ dy
        self.db += dy.sum(axis=0)
        return dy @ self.W.T


@mistake("2.6", "db is averaged over the rows instead of summed", told="db is a mean over the rows")
class AveragesTheBias(GivenLinear):
    def backward(self, dy):
        self.dW += self.x.T @ dy
        self.db += dy.mean(axis=0)
        return dy @ self.W.T


@mistake(
    "2.6",
    "db is summed over the outputs, too: one number for all of b",
    told="db is summed over the outputs too",
)
class OneNumberForTheBias(GivenLinear):
    def backward(self, dy):
        self.dW += self.x.T @ dy
        self.db += dy.sum()
        return dy @ self.W.T


@mistake(
    "2.6",
    "dW and db are divided by N, which dy has done already",
    told="dW is averaged over the rows",
)
class AveragesOnceMore(GivenLinear):
    def backward(self, dy):
        N = len(dy)
        self.dW += self.x.T @ dy / N
        self.db += dy.sum(axis=0) / N
        return dy @ self.W.T


@mistake("2.6", "backward moves the weights", told="the layer changes its own W or b")
class MovesItsWeights(GivenLinear):
    def backward(self, dy):
        self.dW += self.x.T @ dy
        self.db += dy.sum(axis=0)
        dx = dy @ self.W.T
        self.W = self.W - 0.1 * self.dW
        self.b = self.b - 0.1 * self.db
        return dx


@mistake("2.6", "the gradients are subtracted instead of added", told="dW: it has the wrong sign")
class SubtractsItsGradients(GivenLinear):
    def backward(self, dy):
        self.dW -= self.x.T @ dy
        self.db -= dy.sum(axis=0)
        return dy @ self.W.T


@mistake("2.6", "dL/dx is computed and not returned", told="dx: returns nothing")
class ReturnsNothing(GivenLinear):
    def backward(self, dy):
        self.dW += self.x.T @ dy
        self.db += dy.sum(axis=0)
        self.dx = dy @ self.W.T


@mistake(
    "2.6", "the inverse of W instead of its transpose in dL/dx", told="through the inverse of W"
)
class InvertsTheLayer(GivenLinear):
    def backward(self, dy):
        self.dW += self.x.T @ dy
        self.db += dy.sum(axis=0)
        return dy @ np.linalg.pinv(self.W)


@mistake("2.6", "b is not added in forward", told="the bias b is not added")
class ForgetsTheBias(GivenLinear):
    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW += self.x.T @ dy
        self.db += dy.sum(axis=0)
        return dy @ self.W.T


# 2.7 Find the bug


@mistake(
    "2.7",
    "the bug is still there: V is moved with the new W",
    told="V moves along a gradient that was taken with the new W",
)
def nothing_mended(Xc, V, W, eta):
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ W - Xc)
    W = W - eta * (Z.T @ dX_hat)
    V = V - eta * (Xc.T @ (dX_hat @ W.T))
    return V, W


@mistake(
    "2.7",
    "the forward pass is run again with the new W before V is moved",
    told="after a second forward pass",
)
def forward_again_with_new_W(Xc, V, W, eta):
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ W - Xc)
    W = W - eta * (Z.T @ dX_hat)
    dX_hat = 2 / len(Xc) * (Z @ W - Xc)
    V = V - eta * (Xc.T @ (dX_hat @ W.T))
    return V, W


@mistake(
    "2.7",
    "V is moved first, and then the codes of the new V move W",
    told="W moves along a gradient that was taken with the new V",
)
def new_codes_move_W(Xc, V, W, eta):
    dX_hat = 2 / len(Xc) * (Xc @ V @ W - Xc)
    V = V - eta * (Xc.T @ (dX_hat @ W.T))
    W = W - eta * ((Xc @ V).T @ dX_hat)
    return V, W


@mistake(
    "2.7",
    "the old W is kept under a second name, not as a copy, and moves in place",
    told="the argument W is changed in place",
)
def second_name_is_no_copy(Xc, V, W, eta):
    old_W = W
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ W - Xc)
    W -= eta * (Z.T @ dX_hat)
    V = V - eta * (Xc.T @ (dX_hat @ old_W.T))
    return V, W


@mistake(
    "2.7", "the caller's V and W are changed in place", told="the argument V is changed in place"
)
def moved_in_place(Xc, V, W, eta):
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ W - Xc)
    dW = Z.T @ dX_hat
    dV = Xc.T @ (dX_hat @ W.T)
    V -= eta * dV
    W -= eta * dW
    return V, W


@mistake(
    "2.7",
    "the 2 of the derivative is taken out",
    told="the 2 of the square's derivative is missing",
)
def two_taken_out(Xc, V, W, eta):
    Z = Xc @ V
    dX_hat = (Z @ W - Xc) / len(Xc)
    dW = Z.T @ dX_hat
    dV = Xc.T @ (dX_hat @ W.T)
    return V - eta * dV, W - eta * dW


@mistake("2.7", "divided by N D instead of N", told="divided by D too")
def divided_by_the_size(Xc, V, W, eta):
    Z = Xc @ V
    dX_hat = 2 / Xc.size * (Z @ W - Xc)
    dW = Z.T @ dX_hat
    dV = Xc.T @ (dX_hat @ W.T)
    return V - eta * dV, W - eta * dW


@mistake(
    "2.7",
    "V's gradient goes back through V instead of W.T",
    told="V's gradient goes back through V",
)
def back_through_V(Xc, V, W, eta):
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ W - Xc)
    dW = Z.T @ dX_hat
    dV = Xc.T @ (dX_hat @ V)
    return V - eta * dV, W - eta * dW


@mistake("2.7", "moved along the gradient instead of against it", told="the step goes uphill")
def step_uphill(Xc, V, W, eta):
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ W - Xc)
    dW = Z.T @ dX_hat
    dV = Xc.T @ (dX_hat @ W.T)
    return V + eta * dV, W + eta * dW


# 2.8 A training that can be trusted

judged_otherwise("2.8", "a training from a random start: judged by where it ends on several clouds")


def stepped(Xc, V, W, eta):
    """Return V and W after one right step."""
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ W - Xc)
    return V - eta * (Xc.T @ (dX_hat @ W.T)), W - eta * (Z.T @ dX_hat)


def safe_rate(Xc):
    """Return half of the largest learning rate."""
    return 1 / (4 * np.linalg.eigvalsh(Xc.T @ Xc / len(Xc))[-1])


@mistake(
    "2.8", "rng is ignored: the start is drawn with a seed of its own", told="not drawn from rng"
)
def start_from_seed_zero(X, k, rng):
    Xc = X - X.mean(axis=0)
    rng = np.random.default_rng(0)
    V, W = rng.normal(0, 0.1, (X.shape[1], k)), rng.normal(0, 0.1, (k, X.shape[1]))
    eta = safe_rate(Xc)
    for _ in range(2000):
        V, W = stepped(Xc, V, W, eta)
    return V, W


@mistake(
    "2.8",
    "rng is ignored: the start comes from NumPy's global generator",
    told="a draw from np.random",
)
def start_from_the_global_generator(X, k, rng):
    Xc = X - X.mean(axis=0)
    V, W = 0.1 * np.random.randn(X.shape[1], k), 0.1 * np.random.randn(k, X.shape[1])
    eta = safe_rate(Xc)
    for _ in range(2000):
        V, W = stepped(Xc, V, W, eta)
    return V, W


@mistake("2.8", "stops too early, after 50 steps")
def fifty_steps(X, k, rng):
    Xc = X - X.mean(axis=0)
    V, W = rng.normal(0, 0.1, (X.shape[1], k)), rng.normal(0, 0.1, (k, X.shape[1]))
    eta = safe_rate(Xc)
    for _ in range(50):
        V, W = stepped(Xc, V, W, eta)
    return V, W


@mistake(
    "2.8",
    "trained on standardised points, whose least loss is another one",
    told="trained on standardised points",
)
def trained_on_standardised(X, k, rng):
    s = X.std(axis=0)
    s[s == 0] = 1
    Xs = (X - X.mean(axis=0)) / s
    V, W = rng.normal(0, 0.1, (X.shape[1], k)), rng.normal(0, 0.1, (k, X.shape[1]))
    eta = safe_rate(Xs)
    for _ in range(2000):
        V, W = stepped(Xs, V, W, eta)
    return V / s[:, None], W * s


@mistake(
    "2.8",
    "all weights start equal, so all latents stay equal",
    told="latents that start equal stay equal",
)
def equal_starts(X, k, rng):
    Xc = X - X.mean(axis=0)
    V, W = np.full((X.shape[1], k), 0.1), np.full((k, X.shape[1]), 0.1)
    eta = safe_rate(Xc)
    for _ in range(2000):
        V, W = stepped(Xc, V, W, eta)
    return V, W


@mistake(
    "2.8", "starts at zero, which is a saddle", told="a training that starts at zero stays there"
)
def start_at_zero(X, k, rng):
    Xc = X - X.mean(axis=0)
    V, W = np.zeros((X.shape[1], k)), np.zeros((k, X.shape[1]))
    eta = safe_rate(Xc)
    for _ in range(2000):
        V, W = stepped(Xc, V, W, eta)
    return V, W


@mistake("2.8", "not centred", told="points that were not centred")
def trained_not_centred(X, k, rng):
    V, W = rng.normal(0, 0.1, (X.shape[1], k)), rng.normal(0, 0.1, (k, X.shape[1]))
    eta = safe_rate(X)
    for _ in range(2000):
        V, W = stepped(X, V, W, eta)
    return V, W


@mistake(
    "2.8",
    "a fixed learning rate, which fits one unit only",
    told="has to follow the unit of the data",
)
def rate_of_the_page(X, k, rng):
    Xc = X - X.mean(axis=0)
    V, W = rng.normal(0, 0.1, (X.shape[1], k)), rng.normal(0, 0.1, (k, X.shape[1]))
    eta = 0.5
    for _ in range(2000):
        V, W = stepped(Xc, V, W, eta)
    return V, W


@mistake("2.8", "the learning rate is over its limit: 1 / lambda_1")
def rate_over_the_limit(X, k, rng):
    Xc = X - X.mean(axis=0)
    V, W = rng.normal(0, 0.1, (X.shape[1], k)), rng.normal(0, 0.1, (k, X.shape[1]))
    eta = 4 * safe_rate(Xc)
    for _ in range(2000):
        V, W = stepped(Xc, V, W, eta)
    return V, W


@mistake("2.8", "stops on the saddle: a step that gains little is taken for the end")
def impatient(X, k, rng):
    Xc = X - X.mean(axis=0)
    V, W = rng.normal(0, 0.1, (X.shape[1], k)), rng.normal(0, 0.1, (k, X.shape[1]))
    eta, loss = safe_rate(Xc), np.inf
    for _ in range(20_000):
        V, W = stepped(Xc, V, W, eta)
        before, loss = loss, np.sum((Xc @ V @ W - Xc) ** 2) / len(Xc)
        if before - loss < 0.01 * loss:
            break
    return V, W
