"""Your answers to the exercises of chapter 5.

Replace a line that raises NotImplementedError by your own lines, then run

    pytest tests/exercises -k ch05
"""

import numpy as np


def layer_cost(n, n_in, n_out, itemsize=4):
    """Return what the three products of a dense layer's training step cost.

    They are ``x @ W``, ``x.T @ da`` and ``da @ W.T``. Each reads its two
    factors once and writes its result once; nothing stays near from one
    product to the next.

    Parameters
    ----------
    n, n_in, n_out : int
        x is (n, n_in), W is (n_in, n_out), da is (n, n_out).
    itemsize : int
        The bytes of one number: 4 for float32, 8 for float64.

    Returns
    -------
    operations : int
        Multiplications and additions of all three, as many additions as
        multiplications.
    n_bytes : int
        Read and written by all three.
    """
    raise NotImplementedError


def least_time(operations, n_bytes, peak, bandwidth):
    """Return the least time that a piece of work can take, by the roofline.

    Parameters
    ----------
    operations, n_bytes : float, or arrays of one shape
        What the work computes, and what it moves.
    peak : float
        Operations per second.
    bandwidth : float
        Bytes per second.

    Returns
    -------
    seconds : float or array
        Numbers may be fetched while others are multiplied.
    """
    raise NotImplementedError


def smallest_batch(n_in, n_out, balance):
    """Return the smallest batch at which ``x @ W`` is not bound by memory.

    Parameters
    ----------
    n_in, n_out : int
        x is (batch, n_in), W is (n_in, n_out); the numbers are float32.
    balance : float
        The operations per byte at which arithmetic and memory balance.

    Returns
    -------
    batch : int or None
        The smallest whose operations per byte are at least ``balance``;
        None if no batch is large enough.
    """
    raise NotImplementedError


def product_by_rows(A, B):
    """Multiply two matrices along the rows of ``B`` and of the result.

    Along them ``B`` is read, and the result is read and written.

    Parameters
    ----------
    A, B : (m, depth), (depth, n)

    Returns
    -------
    C : (m, n)
        Of the dtype of ``A``. Made with loops: without ``@`` or any other
        product of NumPy's. In which order ``A`` is read does not matter.
    """
    raise NotImplementedError


def blocked_product(A, B, size):
    """Multiply two matrices block by block.

    Parameters
    ----------
    A, B : (m, depth), (depth, n)
        Of any size, not only multiples of a block.
    size : int
        The largest number of rows or columns of a block. Blocks may be
        multiplied with ``@``.

    Returns
    -------
    C : (m, n)
        In single or double precision.
    """
    raise NotImplementedError


def bias_relu(a, b):
    """Add a bias and apply relu, in one pass.

    Parameters
    ----------
    a : (N, D)
        Left as it is.
    b : (D,)

    Returns
    -------
    y : (N, D)
        max(a + b, 0). Where a or b is NaN it is NaN, so that a diverging
        network shows itself.
    """
    raise NotImplementedError("find the bug, mend it, delete this line")
    y = np.empty_like(a)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            y[i, j] = max(0, a[i, j] + b[j])
    return y


def fused_bernoulli(logits, x):
    """Return the Bernoulli loss of logits of any size, and its gradient.

    Parameters
    ----------
    logits : (N, D)
        Their sigmoids are the probabilities.
    x : (N, D)
        Between 0 and 1.

    Returns
    -------
    loss : float
        -x log p - (1 - x) log(1 - p), summed over the features, averaged
        over the batch; in nats.
    dlogits : (N, D)
        How the loss changes with each logit.
    """
    raise NotImplementedError


def faster_product(A, B):
    """Multiply two matrices with loops, faster than in the order ikj.

    They are at least 1.5 times as fast. That is measured in float32 at 256
    rows and columns. No ``@``, and no other product of NumPy's or of a
    library: the loops are yours.

    The check compiles it with ``numba.njit``, as the library does its own
    loops, so write it as for numba: loops over indices. (You may decorate
    it yourself. Without numba only the values are checked.)

    Parameters
    ----------
    A, B : (m, depth), (depth, n)
        Of any size. A NaN in one reaches the entries that depend on it.

    Returns
    -------
    C : (m, n)
        Of the dtype of ``A``.
    """
    raise NotImplementedError
