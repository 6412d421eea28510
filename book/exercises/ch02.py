"""Your answers to the exercises of chapter 2.

Replace a line that raises NotImplementedError by your own lines, then run

    pytest tests/exercises -k ch02
"""

import numpy as np


def there_and_back(X, V, W):
    """Encode a cloud with a linear autoencoder, and decode the codes.

    Parameters
    ----------
    X : (N, D)
        The points, anywhere in space.
    V : (D, K)
        The encoder.
    W : (K, D)
        The decoder.

    Returns
    -------
    Z : (N, K)
        The codes of the points, taken from their mean.
    X_hat : (N, D)
        The reconstructions, in the place where the points are.
    """
    raise NotImplementedError


def squared_loss(X_hat, X):
    """Return the squared error of a reconstruction, and its gradient.

    Parameters
    ----------
    X_hat, X : (N, D)

    Returns
    -------
    loss : float
        Summed over the features, averaged over the batch.
    dX_hat : (N, D)
        How the loss changes with each entry of ``X_hat``.
    """
    raise NotImplementedError


def least_loss(X, k):
    """Return the least loss of a linear autoencoder with ``k`` latents.

    Parameters
    ----------
    X : (N, D)
        The points, anywhere in space.
    k : int
        From 0, all is lost, to D, nothing is.

    Returns
    -------
    loss : float
        The squared error, summed over the features, averaged over the
        batch. Nothing has to be trained for it.
    """
    raise NotImplementedError


def latents_needed(X, share):
    """Return the fewest latents that keep a share of the variance.

    Parameters
    ----------
    X : (N, D)
        The points, anywhere in space.
    share : float
        Above 0 and below 1. A sum that is equal to it keeps it.

    Returns
    -------
    k : int
        From 1 to D.
    """
    raise NotImplementedError


def tied_gradient(Xc, V):
    """Return the gradient of an autoencoder with tied weights.

    Its decoder is the encoder's transpose. So the loss is
    1/N sum_n ||x_n V V^T - x_n||^2, with the rows x_n of ``Xc``.

    Parameters
    ----------
    Xc : (N, D)
        The centred points.
    V : (D, K)
        The encoder; the decoder is ``V.T``.

    Returns
    -------
    dV : (D, K)
    """
    raise NotImplementedError


class Linear:
    """A layer y = x W + b with its backward pass.

    Attributes
    ----------
    W : (n_in, n_out)
    b : (n_out,)
    dW, db : of the same shapes
        The gradients of the loss. They start at zero, and ``backward`` adds
        to them.
    """

    def __init__(self, W, b):  # given
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        """Return y, (N, n_out), for x, (N, n_in).

        Keep what ``backward`` needs.
        """
        raise NotImplementedError

    def backward(self, dy):
        """Add dL/dW into dW and dL/db into db, and return dL/dx, (N, n_in).

        ``dy``, (N, n_out), is dL/dy at the last ``forward``.
        """
        raise NotImplementedError


def train_step(Xc, V, W, eta):
    """Return encoder and decoder after one step of gradient descent.

    The loss is the squared error.

    Parameters
    ----------
    Xc : (N, D)
        The centred points.
    V, W : (D, K), (K, D)
        Encoder and decoder before the step; they are left as they are.
    eta : float
        The learning rate.

    Returns
    -------
    V, W : (D, K), (K, D)
        After the step: each has moved against its gradient at the place
        where both were before.
    """
    raise NotImplementedError("find the bug, mend it, delete this line")
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ W - Xc)
    W = W - eta * (Z.T @ dX_hat)
    V = V - eta * (Xc.T @ (dX_hat @ W.T))
    return V, W


def fit_linear(X, k, rng):
    """Train a linear autoencoder to lose at most 1 % more than it must.

    Parameters
    ----------
    X : (N, D)
        The points: anywhere in space, and in any unit.
    k : int
        The number of latents, fewer than the directions in which the
        points spread.
    rng : numpy.random.Generator
        Draws the start.

    Returns
    -------
    V, W : (D, k), (k, D)
        Encoder and decoder for the centred points.
    """
    raise NotImplementedError
