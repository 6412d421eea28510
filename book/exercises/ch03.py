"""Your answers to the exercises of chapter 3.

Replace a line that raises NotImplementedError by your own lines, then run

    pytest tests/exercises -k ch03
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
    raise NotImplementedError


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
    raise NotImplementedError


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
        raise NotImplementedError

    def backward(self, dy):
        """Add dL/dW to ``dW`` and dL/db to ``db``; return dL/dx (N, n_in).

        ``dy`` (N, n_out) is the gradient of the loss in the y of the last
        ``forward``.
        """
        raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError("find the bug, mend it, delete this line")
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
        raise NotImplementedError

    def step(self, values, grads):
        """Move each array of ``values`` one step of Adam, in place.

        ``values`` and ``grads`` are lists of arrays, with the same shapes
        at every call; ``grads`` is left as it is. Nothing is returned.
        """
        raise NotImplementedError


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
    raise NotImplementedError
