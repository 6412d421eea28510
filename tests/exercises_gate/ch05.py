"""Wrong answers to chapter 5's exercises, written from their statements."""

import numpy as np

from tests.exercises_gate.register import mistake


@mistake("5.1", "one addition too few: k - 1 for k multiplications", told="k - 1 additions")
def cost_fewer_additions(n, n_in, n_out, itemsize=4):
    operations = (
        n * n_out * (2 * n_in - 1) + n_in * n_out * (2 * n - 1) + n * n_in * (2 * n_out - 1)
    )
    n_bytes = 3 * itemsize * (n * n_in + n_in * n_out + n * n_out)
    return operations, n_bytes


@mistake("5.1", "the forward product alone", told="forward product alone")
def cost_forward_only(n, n_in, n_out, itemsize=4):
    return 2 * n * n_in * n_out, itemsize * (n * n_in + n_in * n_out + n * n_out)


@mistake("5.1", "multiplications without additions", told="the multiplications alone")
def cost_multiplications(n, n_in, n_out, itemsize=4):
    operations = 3 * n * n_in * n_out
    n_bytes = 3 * itemsize * (n * n_in + n_in * n_out + n * n_out)
    return operations, n_bytes


@mistake("5.1", "4 bytes a number, whatever itemsize says", told="use itemsize")
def cost_float32_only(n, n_in, n_out, itemsize=4):
    operations = bytes_moved = 0
    for rows, inner, columns in [(n, n_in, n_out), (n_in, n, n_out), (n, n_out, n_in)]:
        operations += 2 * rows * inner * columns
        bytes_moved += 4 * (rows * inner + inner * columns + rows * columns)
    return operations, bytes_moved


@mistake(
    "5.1", "the operations of all three products, the bytes of one", told="the bytes of one product"
)
def cost_bytes_of_one(n, n_in, n_out, itemsize=4):
    operations = 3 * 2 * n * n_in * n_out
    n_bytes = itemsize * (n * n_in + n_in * n_out + n * n_out)
    return operations, n_bytes


@mistake(
    "5.1",
    "the results are not counted, only what is read",
    told="the three results are written too",
)
def cost_without_results(n, n_in, n_out, itemsize=4):
    x, W, da = n * n_in, n_in * n_out, n * n_out
    n_bytes = itemsize * ((x + W) + (x + da) + (da + W))
    return 6 * n * n_in * n_out, n_bytes


@mistake("5.1", "numbers, not bytes", told="these are numbers")
def cost_numbers(n, n_in, n_out, itemsize=4):
    return 6 * n * n_in * n_out, 3 * (n * n_in + n_in * n_out + n * n_out)


@mistake("5.2", "the two times are added", told="the two times are added")
def time_sum(operations, n_bytes, peak, bandwidth):
    return operations / peak + n_bytes / bandwidth


@mistake("5.2", "the shorter of the two times", told="the shorter of the two")
def time_minimum(operations, n_bytes, peak, bandwidth):
    return np.minimum(operations / peak, n_bytes / bandwidth)


@mistake("5.2", "Python's max, which takes no arrays")
def time_python_max(operations, n_bytes, peak, bandwidth):
    return max(operations / peak, n_bytes / bandwidth)


@mistake("5.2", "one maximum over all of an array", told="one maximum over all")
def time_one_maximum(operations, n_bytes, peak, bandwidth):
    return np.max([operations / peak, n_bytes / bandwidth])


@mistake("5.2", "the speed of the roofline, not the time", told="this is a speed")
def time_speed(operations, n_bytes, peak, bandwidth):
    return np.minimum(peak, operations / n_bytes * bandwidth)


@mistake("5.2", "the operations over the bandwidth", told="operations are divided by the bandwidth")
def time_operations_over_bandwidth(operations, n_bytes, peak, bandwidth):
    return operations / np.minimum(peak, bandwidth)


@mistake(
    "5.2",
    "operations per byte over the balance: no unit of time",
    told="in units of the bytes' own",
)
def time_over_balance(operations, n_bytes, peak, bandwidth):
    return np.maximum((operations / n_bytes) / (peak / bandwidth), 1)


@mistake("5.3", "the search stops at a batch of 1000", told="the search gives up")
def batch_up_to_1000(n_in, n_out, balance):
    for batch in range(1, 1001):
        operations = 2 * batch * n_in * n_out
        n_bytes = 4 * (batch * n_in + n_in * n_out + batch * n_out)
        if operations / n_bytes >= balance:
            return batch
    return None


@mistake("5.3", "more than the balance, where exactly the balance is enough", told="one too many")
def batch_strictly_more(n_in, n_out, balance):
    if balance >= n_in * n_out / (2 * (n_in + n_out)):
        return None
    batch = 1
    while 2 * batch * n_in * n_out / (4 * (batch * (n_in + n_out) + n_in * n_out)) <= balance:
        batch += 1
    return batch


@mistake("5.3", "solved for the batch, and rounded down", told="rounded down")
def batch_rounded_down(n_in, n_out, balance):
    below = n_in * n_out - 2 * balance * (n_in + n_out)
    if below <= 0:
        return None
    return max(1, int(2 * balance * n_in * n_out / below))


@mistake(
    "5.3",
    "x and the result are forgotten among the bytes: twice the balance, always",
    told="the weights' alone",
)
def batch_weights_only(n_in, n_out, balance):
    return max(1, int(np.ceil(2 * balance)))


@mistake("5.3", "the result is not among the bytes", told="the result's bytes are left out")
def batch_without_result(n_in, n_out, balance):
    if balance >= n_out / 2:
        return None
    batch = 1
    while 2 * batch * n_in * n_out / (4 * (batch * n_in + n_in * n_out)) < balance:
        batch += 1
    return batch


@mistake("5.3", "a negative batch where there is none", told="no batch is large enough here")
def batch_negative(n_in, n_out, balance):
    below = n_in * n_out - 2 * balance * (n_in + n_out)
    return int(np.ceil(2 * balance * n_in * n_out / below))


@mistake("5.3", "only powers of two are tried", told="only powers of two")
def batch_powers_of_two(n_in, n_out, balance):
    batch = 1
    while batch < 2**40:
        operations = 2 * batch * n_in * n_out
        n_bytes = 4 * (batch * n_in + n_in * n_out + batch * n_out)
        if operations >= balance * n_bytes:
            return batch
        batch *= 2
    return None


@mistake("5.4", "i is innermost: jki", told="i is innermost")
def rows_jki(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for j in range(B.shape[1]):
        for k in range(A.shape[1]):
            for i in range(A.shape[0]):
                C[i, j] += A[i, k] * B[k, j]
    return C


@mistake("5.4", "i is innermost: kji", told="i is innermost")
def rows_kji(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for k in range(A.shape[1]):
        for j in range(B.shape[1]):
            for i in range(A.shape[0]):
                C[i, j] += A[i, k] * B[k, j]
    return C


@mistake("5.4", "rows of B.T are columns of B", told="B is read down its columns")
def rows_of_the_transposed(A, B):
    Bt = B.T
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        for j in range(Bt.shape[0]):
            for k in range(Bt.shape[1]):
                C[i, j] += A[i, k] * Bt[j, k]
    return C


@mistake("5.4", "the result starts from np.empty", told="as np.empty leaves it")
def rows_from_empty(A, B):
    C = np.empty((A.shape[0], B.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                C[i, j] += A[i, k] * B[k, j]
    return C


@mistake("5.4", "the result is float64 whatever A is", told="C is float64")
def rows_float64(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                C[i, j] += A[i, k] * B[k, j]
    return C


@mistake("5.4", "= for +=: only the last k is left", told="only the last k")
def rows_overwritten(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                C[i, j] = A[i, k] * B[k, j]
    return C


@mistake(
    "5.4", "k runs over the rows of A: square matrices only", told="ends at the number of A's rows"
)
def rows_square_only(A, B):
    m, n = A.shape[0], B.shape[1]
    C = np.zeros((m, n), A.dtype)
    for i in range(m):
        for k in range(m):
            for j in range(n):
                C[i, j] += A[i, k] * B[k, j]
    return C


@mistake(
    "5.5",
    "whole blocks only: rows, columns and terms left over are lost",
    told="rows and columns are lost, and the end",
)
def blocks_whole_only(A, B, size):
    (m, depth), n = A.shape, B.shape[1]
    C = np.zeros((m, n), A.dtype)
    for i in range(0, m - size + 1, size):
        for j in range(0, n - size + 1, size):
            for k in range(0, depth - size + 1, size):
                C[i : i + size, j : j + size] += (
                    A[i : i + size, k : k + size] @ B[k : k + size, j : j + size]
                )
    return C


@mistake(
    "5.5", "the end of the inner index is lost", told="the end of the inner index is lost: every"
)
def blocks_inner_end_lost(A, B, size):
    (m, depth), n = A.shape, B.shape[1]
    C = np.zeros((m, n), A.dtype)
    for i in range(0, m, size):
        for j in range(0, n, size):
            for block in range(depth // size):
                k = slice(block * size, (block + 1) * size)
                C[i : i + size, j : j + size] += A[i : i + size, k] @ B[k, j : j + size]
    return C


@mistake("5.5", "= for +=: only the last inner block is left", told="only the last block")
def blocks_overwritten(A, B, size):
    (m, depth), n = A.shape, B.shape[1]
    C = np.zeros((m, n), A.dtype)
    for i in range(0, m, size):
        for j in range(0, n, size):
            for k in range(0, depth, size):
                C[i : i + size, j : j + size] = (
                    A[i : i + size, k : k + size] @ B[k : k + size, j : j + size]
                )
    return C


@mistake(
    "5.5",
    "the last block is moved back, so that terms are counted twice",
    told="the last block is moved back",
)
def blocks_overlapping(A, B, size):
    (m, depth), n = A.shape, B.shape[1]
    C = np.zeros((m, n), A.dtype)
    for i in range(0, m, size):
        for j in range(0, n, size):
            for k in range(0, depth, size):
                i0, j0 = max(min(i, m - size), 0), max(min(j, n - size), 0)
                k0 = max(min(k, depth - size), 0)
                C[i0 : i0 + size, j0 : j0 + size] += (
                    A[i0 : i0 + size, k0 : k0 + size] @ B[k0 : k0 + size, j0 : j0 + size]
                )
    return C


@mistake("5.5", "filled up to whole blocks, and not cut back", told="cut it back")
def blocks_not_cut_back(A, B, size):
    (m, depth), n = A.shape, B.shape[1]
    A = np.pad(A, ((0, -m % size), (0, -depth % size)))
    B = np.pad(B, ((0, -depth % size), (0, -n % size)))
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(0, len(A), size):
        for j in range(0, B.shape[1], size):
            for k in range(0, len(B), size):
                C[i : i + size, j : j + size] += (
                    A[i : i + size, k : k + size] @ B[k : k + size, j : j + size]
                )
    return C


@mistake(
    "5.5", "all three loops run over the rows of A: square matrices only", told="end at A's rows"
)
def blocks_square_only(A, B, size):
    m = len(A)
    C = np.zeros((m, B.shape[1]), A.dtype)
    for i in range(0, m, size):
        for j in range(0, m, size):
            for k in range(0, m, size):
                C[i : i + size, j : j + size] += (
                    A[i : i + size, k : k + size] @ B[k : k + size, j : j + size]
                )
    return C


@mistake("5.5", "blocks are multiplied entry by entry")
def blocks_entry_by_entry(A, B, size):
    (m, depth), n = A.shape, B.shape[1]
    C = np.zeros((m, n), A.dtype)
    for i in range(0, m, size):
        for j in range(0, n, size):
            for k in range(0, depth, size):
                block_a = A[i : i + size, k : k + size]
                block_b = B[k : k + size, j : j + size]
                C[i : i + size, j : j + size] += block_a * block_b
    return C


@mistake("5.6", "a NaN is taken for a number: nan_to_num", told="and an infinity as a finite one")
def relu_nan_to_num(a, b):
    y = np.empty_like(a)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            y[i, j] = max(0, np.nan_to_num(a[i, j] + b[j]))
    return y


@mistake(
    "5.6",
    "where(s > 0, s, 0): a NaN is not larger than 0 either",
    told="a NaN comes out as a number: a diverging",
)
def relu_where(a, b):
    s = a + b
    return np.where(s > 0, s, 0)


@mistake(
    "5.6", "a NaN stops the pass with an error", told="raises ValueError: the network diverges"
)
def relu_raises(a, b):
    s = a + b
    if np.isnan(s).any():
        raise ValueError("the network diverges: NaN")
    return np.maximum(s, 0)


@mistake("5.6", "a is changed in place", told="a is changed in place")
def relu_in_place(a, b):
    a += b
    return np.maximum(a, 0, out=a)


@mistake(
    "5.6", "only a NaN of a is looked for, not one of b", told="a NaN of b comes out as a number"
)
def relu_nan_of_a_only(a, b):
    y = np.empty_like(a)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if np.isnan(a[i, j]):
                y[i, j] = np.nan
            else:
                y[i, j] = max(0, a[i, j] + b[j])
    return y


@mistake("5.6", "the bias is added after the relu", told="the bias is added after")
def relu_bias_after(a, b):
    y = np.empty_like(a)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            y[i, j] = max(a[i, j], 0) + b[j]
    return y


@mistake("5.6", "one NaN makes its whole row NaN", told="spoils more than its own place")
def relu_nan_rows(a, b):
    y = np.maximum(a + b, 0)
    y[np.isnan(y).any(axis=1)] = np.nan
    return y


@mistake(
    "5.7",
    "the probabilities are clipped: the loss stops at 16 nats",
    told="a probability is clipped",
)
def bernoulli_clipped(logits, x):
    p = np.clip(1 / (1 + np.exp(-logits)), 1e-7, 1 - 1e-7)
    losses = -x * np.log(p) - (1 - x) * np.log(1 - p)
    return losses.sum() / len(x), (p - x) / len(x)


@mistake("5.7", "the gradient is not divided by N", told="the 1/N is missing")
def bernoulli_gradient_without_n(logits, x):
    e = np.exp(-np.abs(logits))
    losses = np.maximum(logits, 0) - x * logits + np.log1p(e)
    p = np.where(logits >= 0, 1 / (1 + e), e / (1 + e))
    return losses.sum(axis=1).mean(), p - x


@mistake("5.7", "the sigmoid's slope is multiplied on once more", told="slope is in it twice")
def bernoulli_slope_again(logits, x):
    e = np.exp(-np.abs(logits))
    losses = np.maximum(logits, 0) - x * logits + np.log1p(e)
    p = np.where(logits >= 0, 1 / (1 + e), e / (1 + e))
    return losses.sum() / len(x), (p - x) * p * (1 - p) / len(x)


@mistake("5.7", "log(1 + e^l) as it stands: e^1000 overflows", told="the exponential overflows")
def bernoulli_overflow(logits, x):
    losses = np.log1p(np.exp(logits)) - x * logits
    p = 1 / (1 + np.exp(-logits))
    return losses.sum() / len(x), (p - x) / len(x)


@mistake("5.7", "1/(1 + e^-|l|) for negative logits too", told="is the sigmoid of |l|")
def bernoulli_sigmoid_of_size(logits, x):
    e = np.exp(-np.abs(logits))
    losses = np.maximum(logits, 0) - x * logits + np.log1p(e)
    p = 1 / (1 + e)
    return losses.sum() / len(x), (p - x) / len(x)


@mistake("5.7", "x is taken for black or white, nothing between", told="taken for black or white")
def bernoulli_black_or_white(logits, x):
    white = x > 0.5
    signed = np.where(white, -logits, logits)
    e = np.exp(-np.abs(logits))
    losses = np.maximum(signed, 0) + np.log1p(e)
    p = np.where(logits >= 0, 1, e) / (1 + e)
    return losses.sum() / len(x), (p - white) / len(x)


@mistake("5.7", "averaged over the features as well", told="a mean over the features too")
def bernoulli_mean_of_features(logits, x):
    e = np.exp(-np.abs(logits))
    losses = np.maximum(logits, 0) - x * logits + np.log1p(e)
    p = np.where(logits >= 0, 1, e) / (1 + e)
    return losses.mean(), (p - x) / x.size


@mistake("5.6", "np.fmax drops the NaN; no comparison was written", told="np.fmax")
def relu_fmax(a, b):
    return np.fmax(a + b, 0)


@mistake("5.8", "the page's order ikj, and no further", told="times as fast as ikj")
def faster_ikj(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                C[i, j] += A[i, k] * B[k, j]
    return C


@mistake("5.8", "whole rows added in place: compiled, one product after the other, as in ikj")
def faster_rows_in_place(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            C[i] += A[i, k] * B[k]
    return C


@mistake("5.8", "whole rows at once: compiled, each makes an array of its own")
def faster_row_slices(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            row = A[i, k] * B[k]
            C[i] = C[i] + row
    return C


@mistake("5.8", "zeros of A are skipped, and a NaN of B is lost", told="a zero in A is skipped")
def faster_zeros_skipped(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            a = A[i, k]
            if a != 0:
                for j in range(B.shape[1]):
                    C[i, j] += a * B[k, j]
    return C


@mistake("5.8", "rows left over from groups of four are forgotten", told="the last rows are lost")
def faster_rows_left_over(A, B):
    (m, depth), n = A.shape, B.shape[1]
    C = np.zeros((m, n), A.dtype)
    for i in range(0, m - m % 4, 4):
        for k in range(depth):
            for j in range(n):
                C[i, j] += A[i, k] * B[k, j]
                C[i + 1, j] += A[i + 1, k] * B[k, j]
                C[i + 2, j] += A[i + 2, k] * B[k, j]
                C[i + 3, j] += A[i + 3, k] * B[k, j]
    return C


@mistake(
    "5.8",
    "terms left over from four steps of k are forgotten",
    told="the end of the inner index is lost",
)
def faster_terms_left_over(A, B):
    (m, depth), n = A.shape, B.shape[1]
    C = np.zeros((m, n), A.dtype)
    for i in range(m):
        for k in range(0, depth - 3, 4):
            a0, a1, a2, a3 = A[i, k], A[i, k + 1], A[i, k + 2], A[i, k + 3]
            for j in range(n):
                C[i, j] += a0 * B[k, j] + a1 * B[k + 1, j] + a2 * B[k + 2, j] + a3 * B[k + 3, j]
    return C


@mistake("5.8", "the result is float64 whatever A is", told="C is float64")
def faster_float64(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                C[i, j] += A[i, k] * B[k, j]
    return C


@mistake("5.8", "the order ijk still, with the sum in a variable", told="k is innermost")
def faster_sum_in_a_variable(A, B):
    (m, depth), n = A.shape, B.shape[1]
    C = np.zeros((m, n), A.dtype)
    for i in range(m):
        for j in range(n):
            total = A[i, 0] * B[0, j]
            for k in range(1, depth):
                total += A[i, k] * B[k, j]
            C[i, j] = total
    return C


@mistake("5.8", "the rows of A are innermost: every step jumps", told="i is innermost")
def faster_jki(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for j in range(B.shape[1]):
        for k in range(A.shape[1]):
            b = B[k, j]
            for i in range(A.shape[0]):
                C[i, j] += A[i, k] * b
    return C
