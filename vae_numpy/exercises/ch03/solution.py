"""Answers to the exercises of chapter 3, with the reasons.

Write your own into ``book/exercises/ch03.py`` first.
"""

import numpy as np

from vae_numpy.layers import Dense, Sequential
from vae_numpy.losses import squared_error
from vae_numpy.optimisers import Adam
from vae_numpy.training import minibatches


def elu_slope(y):
    """Return the slope of the elu, given its output.

    The elu is f(a) = a for a > 0, and f(a) = e^a - 1 otherwise.

    Parameters
    ----------
    y : array of any shape
        What came out of the elu, y = f(a). The input a is gone.

    Returns
    -------
    slope : array of the shape of ``y``
        f'(a), entry by entry.
    """
    # Below zero f'(a) = e^a, and y = e^a - 1 holds that already. y and a
    # have the same sign.
    return np.where(y > 0, 1, y + 1)


def same_order(z, t):
    """Return how far a code has the order of the true position.

    This is Spearman's correlation, unsigned.

    Parameters
    ----------
    z, t : (N,) arrays
        Codes and true positions of N points; in neither are two equal.

    Returns
    -------
    agreement : float
        The correlation of the ranks of ``z`` with those of ``t``, without
        its sign: 1 if the code only rises or only falls along the curve.
    """
    # argsort is a permutation, "which row stands k-th"; its own argsort is
    # the inverse of that permutation, "at which place stands row n".
    rank_z, rank_t = z.argsort().argsort(), t.argsort().argsort()
    return abs(np.corrcoef(rank_z, rank_t)[0, 1])


class LeakyDense:
    """A dense layer with the leaky relu: y = f(x W + b).

    f(a) = a for a > 0, and 0.01 a otherwise.

    Attributes
    ----------
    W : (n_in, n_out)
    b : (n_out,)
    dW, db : arrays of their shapes
        The gradients of the loss, zero at first. ``backward`` adds to them.
    """

    def __init__(self, n_in, n_out, *, rng):  # given
        """Draw the first weights."""
        self.W = rng.normal(size=(n_in, n_out)) * np.sqrt(2 / n_in)
        self.b = np.zeros(n_out)
        self.dW, self.db = np.zeros_like(self.W), np.zeros_like(self.b)

    def forward(self, x):
        """Return y (N, n_out) for x (N, n_in).

        Keep what ``backward`` needs.
        """
        a = x @ self.W + self.b  # (N, n_out)
        y = np.where(a > 0, a, 0.01 * a)
        self.x, self.y = x, y
        return y

    def backward(self, dy):
        """Add dL/dW to ``dW`` and dL/db to ``db``; return dL/dx (N, n_in).

        ``dy`` (N, n_out) is the gradient of the loss in the y of the last
        ``forward``.
        """
        # y = f(a); y has the sign of a, so the output is enough
        da = dy * np.where(self.y > 0, 1, 0.01)  # (N, n_out)
        # a = x W + b; and += because others may have added before
        self.dW += self.x.T @ da  # (n_in, n_out)
        self.db += da.sum(axis=0)  # (n_out,)
        return da @ self.W.T  # (N, n_in)


def walked_distance(X, start, n_neighbors):
    """Return how far each point is from one, walked over neighbours.

    Parameters
    ----------
    X : (N, D)
        The points; no two are equal.
    start : int
        The row to start from.
    n_neighbors : int
        Each point has a joint to this many nearest other points, fewer than
        N; of two that are equally near, either may be taken. A joint is as
        long as the distance of its two ends and can be walked both ways.

    Returns
    -------
    walked : (N,)
        The length of the shortest walk over joints from the start to each
        point; infinite where there is none.
    """
    apart = np.linalg.norm(X[:, None] - X, axis=2)  # (N, N)
    rows = np.arange(len(X))[:, None]  # (N, 1)
    # In column 0 stands the point itself.
    nearest = np.argsort(apart, axis=1)[:, 1 : n_neighbors + 1]
    joints = np.full_like(apart, np.inf)
    joints[rows, nearest] = apart[rows, nearest]
    joints = np.minimum(joints, joints.T)  # both ways

    walked = np.full(len(X), np.inf)
    walked[start] = 0
    while True:
        # To j over any i: the best way to i so far, and the joint i to j.
        over_others = (walked[:, None] + joints).min(axis=0)  # (N,)
        shorter = np.minimum(walked, over_others)
        if np.array_equal(shorter, walked):
            return walked
        walked = shorter


def descent_step(x, W, b, V, c, eta):
    """Return an autoencoder's arrays after one step of gradient descent.

    The code is z = tanh(x W + b), the reconstruction x_hat = z V + c. The
    loss is the squared error, summed over features, mean over the batch.

    Parameters
    ----------
    x : (N, D)
    W, b : (D, K), (K,)
        The encoder's. Not changed in place, nor are the others.
    V, c : (K, D), (D,)
        The decoder's.
    eta : float
        The learning rate.

    Returns
    -------
    W, b, V, c : arrays of the same shapes
        Each moved by -eta times its gradient.
    loss : float
        Before the step.
    """
    z = np.tanh(x @ W + b)  # (N, K)
    error = z @ V + c - x  # (N, D)
    loss = np.sum(error**2) / len(x)
    dx_hat = 2 / len(x) * error
    da = dx_hat @ V.T * (1 - z**2)
    # Each product, and each sum, runs over the rows: that is where all of
    # them have their say.
    dW, db = x.T @ da, da.sum(axis=0)
    dV, dc = z.T @ dx_hat, dx_hat.sum(axis=0)
    return W - eta * dW, b - eta * db, V - eta * dV, c - eta * dc, loss


def descent_step_with_a_bug(x, W, b, V, c, eta):
    """Take one step of gradient descent; the rows are added up twice."""
    z = np.tanh(x @ W + b)  # (N, K)
    error = z @ V + c - x  # (N, D)
    loss = np.sum(error**2) / len(x)
    dx_hat = 2 / len(x) * error
    da = dx_hat @ V.T * (1 - z**2)
    dW, db, dV, dc = (np.zeros_like(array) for array in (W, b, V, c))
    for _ in x:  # every row has its say
        dW += x.T @ da
        db += da.sum(axis=0)
        dV += z.T @ dx_hat
        dc += dx_hat.sum(axis=0)
    return W - eta * dW, b - eta * db, V - eta * dV, c - eta * dc, loss


class AdamStepper:
    """Adam for a whole network: a step moves arrays of any shapes."""

    def __init__(self, eta=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        """Keep the settings; nothing is known yet of the arrays to come."""
        self.eta, self.beta1, self.beta2, self.eps = eta, beta1, beta2, eps
        self.t = 0
        self.m = self.v = None

    def step(self, values, grads):
        """Move each array of ``values`` one step of Adam, in place.

        ``values`` and ``grads`` are lists of arrays, with the same shapes
        at every call; ``grads`` is left as it is. Nothing is returned.
        """
        if self.m is None:  # a memory for each array, in its shape
            self.m = [np.zeros_like(value) for value in values]
            self.v = [np.zeros_like(value) for value in values]
        self.t += 1  # one count for the step, outside of the loop
        each = zip(values, grads, self.m, self.v, strict=True)
        for value, grad, m, v in each:
            # The same as beta1 m + (1 - beta1) grad; and so for v.
            m += (1 - self.beta1) * (grad - m)
            v += (1 - self.beta2) * (grad**2 - v)
            m_hat = m / (1 - self.beta1**self.t)
            v_hat = v / (1 - self.beta2**self.t)
            value -= self.eta * m_hat / (np.sqrt(v_hat) + self.eps)


def fit_spiral(X, rng):
    """Train an autoencoder with one latent on a spiral; return its halves.

    On fresh points of the same spiral it explains at least 0.75 of the
    variance, where one principal direction explains less than 0.6.

    Parameters
    ----------
    X : (500, 2)
    rng : numpy.random.Generator
        For the first weights and the order of the rows.

    Returns
    -------
    encode : function
        Takes points (N, 2), returns codes (N, 1). A point's code does not
        depend on the points beside it.
    decode : function
        Takes codes (N, 1), returns points (N, 2).
    """
    encoder = Sequential(
        [
            Dense(2, 32, "tanh", rng=rng),
            Dense(32, 32, "tanh", rng=rng),
            Dense(32, 1, rng=rng),
        ]
    )
    decoder = Sequential(
        [
            Dense(1, 32, "tanh", rng=rng),
            Dense(32, 32, "tanh", rng=rng),
            Dense(32, 2, rng=rng),
        ]
    )
    parameters = encoder.parameters() + decoder.parameters()
    optimiser = Adam(0.01)
    for _ in range(100):
        for rows in minibatches(len(X), 50, rng=rng):
            x = X[rows]  # (50, 2)
            x_hat = decoder.forward(encoder.forward(x))
            _, dx_hat = squared_error(x_hat, x)
            for parameter in parameters:
                parameter.zero_grad()
            encoder.backward(decoder.backward(dx_hat))
            optimiser.step(parameters)
    return encoder.forward, decoder.forward
