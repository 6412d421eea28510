"""Answers to chapter 5's exercises as people give them; those to 5.8 are in wrong_kernels."""

import math

import numpy as np

from vae_numpy.exercises.register import right, wrong


@wrong("5.1", "multiplications alone")
def multiplications(n, n_in, n_out, itemsize=4):
    return 3 * n * n_in * n_out, 3 * itemsize * (n * n_in + n_in * n_out + n * n_out)


@wrong("5.1", "forward product alone")
def forward_only(n, n_in, n_out, itemsize=4):
    return 2 * n * n_in * n_out, itemsize * (n * n_in + n_in * n_out + n * n_out)


@wrong("5.1", "the three results are written too")
def reads_only(n, n_in, n_out, itemsize=4):
    return 6 * n * n_in * n_out, itemsize * 2 * (n * n_in + n_in * n_out + n * n_out)


@wrong("5.1", "use itemsize")
def always_float32(n, n_in, n_out, itemsize=4):
    return 6 * n * n_in * n_out, 12 * (n * n_in + n_in * n_out + n * n_out)


@wrong("5.1", "these are numbers")
def numbers_for_bytes(n, n_in, n_out, itemsize=4):
    return 6 * n * n_in * n_out, 3 * (n * n_in + n_in * n_out + n * n_out)


@right("5.1")
def product_by_product(n, n_in, n_out, itemsize=4):
    operations = n_bytes = 0.0
    for r, k, c in [(n, n_in, n_out), (n_in, n, n_out), (n, n_out, n_in)]:
        operations += r * c * (k + k)
        n_bytes += itemsize * (r * k + k * c) + itemsize * r * c
    return [operations, n_bytes]


@wrong("5.2", "the two times are added")
def one_after_the_other(operations, n_bytes, peak, bandwidth):
    return operations / peak + n_bytes / bandwidth


@wrong("5.2", "the shorter of the two")
def the_shorter(operations, n_bytes, peak, bandwidth):
    return np.minimum(operations / peak, n_bytes / bandwidth)


@wrong("5.2", "a time was asked for")
def a_speed(operations, n_bytes, peak, bandwidth):
    return np.minimum(peak, operations / n_bytes * bandwidth)


@wrong("5.2", "arithmetic alone")
def without_memory(operations, n_bytes, peak, bandwidth):
    return operations / peak


@wrong("5.2", "raises ValueError")
def for_single_numbers(operations, n_bytes, peak, bandwidth):
    return max(operations / peak, n_bytes / bandwidth)


@right("5.2")
def from_the_roof(operations, n_bytes, peak, bandwidth):
    roof = np.minimum(peak, operations / n_bytes * bandwidth)
    return np.float32(operations / roof)


def intensity(n, n_in, n_out):
    return 2 * n * n_in * n_out / (4 * (n * n_in + n_in * n_out + n * n_out))


@wrong("5.3", "the weights' alone")
def twice_the_balance(n_in, n_out, balance):
    return math.ceil(2 * balance)


@wrong("5.3", "the result's bytes are left out")
def result_for_nothing(n_in, n_out, balance):
    n = 1
    while 2 * n * n_in * n_out / (4 * (n * n_in + n_in * n_out)) < balance:
        n += 1
    return n


@wrong("5.3", "one too many")
def strictly_more(n_in, n_out, balance):
    return next(n for n in range(1, 10_000) if intensity(n, n_in, n_out) > balance)


@wrong("5.3", "round up")
def not_rounded(n_in, n_out, balance):
    return 2 * balance / (1 - 2 * balance * (n_in + n_out) / (n_in * n_out))


@wrong("5.3", "no batch is large enough")
def negative_batch(n_in, n_out, balance):
    room = n_in * n_out - 2 * balance * (n_in + n_out)
    return math.ceil(2 * balance * n_in * n_out / room) if room else 10**9


@wrong("5.3", "returns None, but")
def gives_up(n_in, n_out, balance):
    return next((n for n in range(1, 20) if intensity(n, n_in, n_out) >= balance), None)


@wrong("5.3", "a loop that gives up is no proof")
def gives_up_at_100(n_in, n_out, balance):
    return next((n for n in range(1, 101) if intensity(n, n_in, n_out) >= balance), None)


@right("5.3")
def in_closed_form(n_in, n_out, balance):
    room = n_in * n_out - 2 * balance * (n_in + n_out)
    return None if room <= 0 else np.ceil(2 * balance * n_in * n_out / room)


@right("5.3")
def by_doubling(n_in, n_out, balance):
    high = 1
    while intensity(high, n_in, n_out) < balance:
        high *= 2
        if high > 1e12:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if intensity(middle, n_in, n_out) >= balance else (middle, high)
    return high


@wrong("5.4", "only the last k")
def overwritten(A, B):
    C = np.zeros((len(A), B.shape[1]), A.dtype)
    for i in range(len(A)):
        for k in range(len(B)):
            C[i] = A[i, k] * B[k]
    return C


@wrong("5.4", "read down its columns")
def ijk(A, B):
    C = np.zeros((len(A), B.shape[1]), A.dtype)
    for i in range(len(A)):
        for j in range(B.shape[1]):
            for k in range(len(B)):
                C[i, j] += A[i, k] * B[k, j]
    return C


@wrong("5.4", "read down its columns")
def row_times_column(A, B):
    return np.array([[(A[i] * B[:, j]).sum() for j in range(B.shape[1])] for i in range(len(A))])


@wrong("5.4", "NumPy's own product")
def row_times_matrix(A, B):
    C = np.zeros((len(A), B.shape[1]), A.dtype)
    for i in range(len(A)):
        C[i] = A[i].dot(B)
    return C


@wrong("5.4", "C is float64")
def in_double(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(len(A)):
        for k in range(len(B)):
            C[i] += A[i, k] * B[k]
    return C


@wrong("5.4", "goes on from the one before")
def one_buffer(A, B):
    row, C = np.zeros(B.shape[1], A.dtype), []
    for i in range(len(A)):
        for k in range(len(B)):
            row += A[i, k] * B[k]
        C.append(row.copy())
    return np.array(C)


@right("5.4")
def kij_with_scalars(A, B):
    C = np.zeros_like(A, shape=(A.shape[0], B.shape[1]))
    for k in range(A.shape[1]):
        for i in range(A.shape[0]):
            for j in range(B.shape[1]):
                C[i, j] = C[i, j] + A[i, k] * B[k, j]
    return C


@right("5.4")
def sum_of_rows(A, B):
    rows = [sum(a * b for a, b in zip(row, B, strict=True)) for row in A]
    return np.array(rows, A.dtype)


@right("5.4")
def outer_products(A, B):
    return sum(np.outer(A[:, k], B[k]) for k in range(len(B)))


@wrong("5.5", "last rows and columns are lost")
def whole_blocks_only(A, B, size):
    C = np.zeros((len(A), B.shape[1]))
    for i in range(len(A) // size):
        for j in range(B.shape[1] // size):
            for k in range(0, len(B), size):
                rows, columns = slice(i * size, (i + 1) * size), slice(j * size, (j + 1) * size)
                C[rows, columns] += A[rows, k : k + size] @ B[k : k + size, columns]
    return C


@wrong("5.5", "end of the inner index")
def whole_depth_only(A, B, size):
    C = np.zeros((len(A), B.shape[1]))
    for i in range(0, len(A), size):
        for k in range(0, len(B) - size + 1, size):
            C[i : i + size] += A[i : i + size, k : k + size] @ B[k : k + size]
    return C


@wrong("5.5", "only the last block")
def block_overwritten(A, B, size):
    C = np.zeros((len(A), B.shape[1]))
    for i in range(0, len(A), size):
        for j in range(0, B.shape[1], size):
            for k in range(0, len(B), size):
                block = A[i : i + size, k : k + size] @ B[k : k + size, j : j + size]
                C[i : i + size, j : j + size] = block
    return C


@wrong("5.5", "larger than size allows")
def bands(A, B, size):
    C = np.zeros((len(A), B.shape[1]))
    for i in range(0, len(A), size):
        C[i : i + size] = A[i : i + size] @ B
    return C


@wrong("5.5", "raises ValueError")
def full_blocks_into_edges(A, B, size):
    C = np.zeros((len(A), B.shape[1]))
    for i in range(0, len(A), size):
        for j in range(0, B.shape[1], size):
            block = np.zeros((size, size))
            for k in range(0, len(B), size):
                block += A[i : i + size, k : k + size] @ B[k : k + size, j : j + size]
            C[i : i + size, j : j + size] = block
    return C


@right("5.5")
def padded_with_zeros(A, B, size):
    def up(length):
        return -(-length // size) * size

    (m, depth), n = A.shape, B.shape[1]
    P, Q = np.zeros((up(m), up(depth))), np.zeros((up(depth), up(n)))
    P[:m, :depth], Q[:depth, :n] = A, B
    C = np.zeros((up(m), up(n)))
    for i in range(0, up(m), size):
        for j in range(0, up(n), size):
            for k in range(0, up(depth), size):
                block = np.dot(P[i : i + size, k : k + size], Q[k : k + size, j : j + size])
                C[i : i + size, j : j + size] += block
    return C[:m, :n]


@right("5.5")
def loops_in_blocks(A, B, size):
    C = [[0.0] * B.shape[1] for _ in A]
    for k0 in range(0, len(B), size):
        for i in range(len(A)):
            for k in range(k0, min(k0 + size, len(B))):
                for j in range(B.shape[1]):
                    C[i][j] += A[i, k] * B[k, j]
    return C


@wrong("5.6", "a NaN comes out as a number")
def where(a, b):
    s = a + b
    return np.where(s > 0, s, 0)


@wrong("5.6", "np.maximum keeps a NaN; np.fmax")
def fmax(a, b):
    return np.fmax(a + b, 0)


@wrong("5.6", "bias is added after")
def relu_first(a, b):
    return np.maximum(a, 0) + b


@wrong("5.6", "a is changed in place")
def in_place(a, b):
    a += b
    a[a < 0] = 0
    return a


@wrong("5.6", "spoils more than its own place")
def whole_row(a, b):
    y = np.maximum(a + b, 0)
    y[np.isnan(y).any(axis=1)] = np.nan
    return y


@wrong("5.6", "raises FloatingPointError")
def complains(a, b):
    y = np.maximum(a + b, 0)
    if np.isnan(y).any():
        raise FloatingPointError("NaN in the relu")
    return y


@right("5.6")
def maximum(a, b):
    return np.maximum(a + b, 0)


@right("5.6")
def the_other_way_round(a, b):
    # max returns its first argument unless the second is larger: a NaN is never left.
    return [[max(s, 0) for s in row] for row in (a + b).tolist()]


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


@wrong("5.7", "not finite at a logit of 1000")
def by_the_definition(logits, x):
    p = sigmoid(logits)
    return -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p)) / len(x), (p - x) / len(x)


@wrong("5.7", "it stops growing")
def clipped(logits, x):
    p = np.clip(sigmoid(logits), 1e-7, 1 - 1e-7)
    return -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p)) / len(x), (p - x) / len(x)


@wrong("5.7", "mean over the features too")
def mean_of_everything(logits, x):
    return np.mean(np.logaddexp(0, logits) - x * logits), (sigmoid(logits) - x) / x.size


@wrong("5.7", "the 1/N is missing")
def gradient_of_the_sum(logits, x):
    return np.sum(np.logaddexp(0, logits) - x * logits) / len(x), sigmoid(logits) - x


@wrong("5.7", "gradient in the probabilities")
def in_the_probabilities(logits, x):
    p = sigmoid(logits)
    return np.sum(np.logaddexp(0, logits) - x * logits) / len(x), (p - x) / (p - p**2) / len(x)


@wrong("5.7", "takes the logits for probabilities")
def without_sigmoid(logits, x):
    return np.sum(np.logaddexp(0, logits) - x * logits) / len(x), (logits - x) / len(x)


@wrong("5.7", "slope is in it twice")
def slope_twice(logits, x):
    p = sigmoid(logits)
    return np.sum(np.logaddexp(0, logits) - x * logits) / len(x), (p - x) * p * (1 - p) / len(x)


@wrong("5.7", "the half for x = 0")
def only_where_on(logits, x):
    p = sigmoid(logits)
    return -np.sum(x * np.log(p)) / len(x), -x * (1 - p) / len(x)


@right("5.7")
def with_loops(logits, x):
    loss, dlogits = 0.0, np.empty_like(logits)
    for n in range(x.shape[0]):
        for j in range(x.shape[1]):
            logit = float(logits[n, j])
            e = math.exp(-abs(logit))
            loss += (max(logit, 0) + math.log1p(e) - x[n, j] * logit) / x.shape[0]
            p = 1 / (1 + e) if logit > 0 else e / (1 + e)
            dlogits[n, j] = (p - x[n, j]) / x.shape[0]
    return loss, dlogits


@right("5.7")
def with_tanh(logits, x):
    logits, x = np.float32(logits), np.float32(x)
    p = 0.5 * (1 + np.tanh(logits / 2))
    return np.sum(np.logaddexp(0, logits) - x * logits) / len(x), (p - x) / len(x)
