"""Answers to the exercises of chapter 5, with the reasons.

Write your own into ``book/exercises/ch05.py`` first.
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
    # Each product has the three sizes as its rows, columns and inner index,
    # in another order.
    operations = 3 * 2 * n * n_in * n_out
    # And each touches three arrays: two it reads, the third it writes.
    n_bytes = 3 * itemsize * (n * n_in + n_in * n_out + n * n_out)
    return operations, n_bytes


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
    return np.maximum(operations / peak, n_bytes / bandwidth)


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
    # For a huge batch the weights no longer count, and the intensity comes
    # close to this.
    limit = n_in * n_out / (2 * (n_in + n_out))
    if balance >= limit:
        return None
    batch = 1
    while True:
        operations = 2 * batch * n_in * n_out
        n_bytes = 4 * (batch * n_in + n_in * n_out + batch * n_out)
        if operations / n_bytes >= balance:
            return batch
        batch += 1


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
    # Without A.dtype it would be float64.
    C = np.zeros((len(A), B.shape[1]), A.dtype)
    for i in range(len(A)):
        for k in range(len(B)):
            # The loop over j: a row of B goes into a row of C.
            C[i] += A[i, k] * B[k]
    return C


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
    (m, depth), n = A.shape, B.shape[1]
    C = np.zeros((m, n), A.dtype)
    for i in range(0, m, size):
        for k in range(0, depth, size):
            # A slice stops at the end by itself.
            block = A[i : i + size, k : k + size]
            for j in range(0, n, size):
                product = block @ B[k : k + size, j : j + size]
                C[i : i + size, j : j + size] += product
    return C


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
    y = np.empty_like(a)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            s = a[i, j] + b[j]
            # NaN < 0 is False, as every comparison with NaN is: so a NaN
            # takes the other branch.
            y[i, j] = 0 if s < 0 else s
    return y


def bias_relu_with_a_bug(a, b):
    """Add a bias and apply relu, and lose something."""
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
    # The only exponential, at most 1: nothing overflows.
    e = np.exp(-np.abs(logits))
    # log(1 + e^l) = max(l, 0) + log(1 + e^-|l|)
    losses = np.maximum(logits, 0) + np.log1p(e) - x * logits
    p = np.where(logits >= 0, 1, e) / (1 + e)  # the sigmoid, from this e
    return losses.sum() / len(x), (p - x) / len(x)


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
    (m, depth), n = A.shape, B.shape[1]
    C = np.zeros((m, n), A.dtype)
    m2, depth4 = m - m % 2, depth - depth % 4
    for i in range(0, m2, 2):  # two rows share the numbers of B
        for k in range(0, depth4, 4):  # four products for each visit to C
            a0, a1, a2, a3 = A[i, k], A[i, k + 1], A[i, k + 2], A[i, k + 3]
            c0, c1 = A[i + 1, k], A[i + 1, k + 1]
            c2, c3 = A[i + 1, k + 2], A[i + 1, k + 3]
            for j in range(n):  # along the rows of B and C
                b0, b1 = B[k, j], B[k + 1, j]
                b2, b3 = B[k + 2, j], B[k + 3, j]
                C[i, j] += a0 * b0 + a1 * b1 + a2 * b2 + a3 * b3
                C[i + 1, j] += c0 * b0 + c1 * b1 + c2 * b2 + c3 * b3
    for i in range(m):  # left over: the last steps of k, and a last row
        for k in range(depth4 if i < m2 else 0, depth):
            for j in range(n):
                C[i, j] += A[i, k] * B[k, j]
    return C
