"""Answers to the exercises of chapter 2, with the reasons.

Write your own into ``book/exercises/ch02.py`` first.
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
    m = X.mean(axis=0)  # (D,): one mean per coordinate
    Z = (X - m) @ V
    return Z, Z @ W + m  # the decoder puts the mean back


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
    error = X_hat - X
    # L = 1/N sum_nj error_nj^2: each entry is squared once, and counts 1/N.
    return np.sum(error**2) / len(X), 2 / len(X) * error


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
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc / len(X))  # rising
    return eigenvalues[: X.shape[1] - k].sum()  # all but the k largest


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
    Xc = X - X.mean(axis=0)
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc)[::-1]
    # kept[0] is what ONE latent keeps.
    kept = np.cumsum(eigenvalues) / eigenvalues.sum()
    # How many fall short, and one more. The 1e-12 is for sums that are
    # equal but for rounding.
    return int(np.sum(kept < share - 1e-12)) + 1


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
    Z = Xc @ V  # (N, K)
    dX_hat = 2 / len(Xc) * (Z @ V.T - Xc)  # (N, D)
    # What V does to the loss through the codes, (D, K), ...
    as_encoder = Xc.T @ (dX_hat @ V)
    # ... and what it does as V^T, transposed back, (D, K).
    as_decoder = dX_hat.T @ Z
    return as_encoder + as_decoder


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
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        """Add dL/dW into dW and dL/db into db, and return dL/dx, (N, n_in).

        ``dy``, (N, n_out), is dL/dy at the last ``forward``.
        """
        # y = x @ W + b. Every row had its hand in: (n_in, N)(N, n_out).
        self.dW += self.x.T @ dy
        # b was added to every row, so it hears from every row.
        self.db += dy.sum(axis=0)
        return dy @ self.W.T  # (N, n_out)(n_out, n_in)


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
    Z = Xc @ V
    dX_hat = 2 / len(Xc) * (Z @ W - Xc)
    dW = Z.T @ dX_hat
    dV = Xc.T @ (dX_hat @ W.T)  # with the W of the forward pass
    return V - eta * dV, W - eta * dW


def train_step_with_a_bug(Xc, V, W, eta):
    """Return encoder and decoder after a step that goes wrong."""
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
    Xc = X - X.mean(axis=0)
    n_points, n_features = Xc.shape
    eigenvalues = np.linalg.eigvalsh(Xc.T @ Xc / n_points)  # rising
    # The largest step depends on the unit of the data: half of the limit
    # 1 / (2 lambda_1).
    eta = 1 / (4 * eigenvalues[-1])
    # Where it must end: exercise 2.3.
    least = eigenvalues[: n_features - k].sum()
    # Not zero: that is a saddle, and a walker who starts on it stays.
    V = rng.normal(0, 0.1, (n_features, k))
    W = rng.normal(0, 0.1, (k, n_features))
    while np.sum((Xc @ V @ W - Xc) ** 2) / n_points > 1.01 * least:
        V, W = train_step(Xc, V, W, eta)
    return V, W
