"""Answers to exercise 5.8, a kernel faster than ikj, as people give them."""

import numpy as np

from vae_numpy.exercises.register import right, wrong


@wrong("5.8", "k is innermost; wanted 1.5")
def ijk_again(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            for k in range(A.shape[1]):
                C[i, j] += A[i, k] * B[k, j]
    return C


@wrong("5.8", "hands it to a BLAS")
def blas(A, B):
    return A @ B


@wrong("5.8", "the last rows are lost")
def four_rows_without_the_rest(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(0, A.shape[0] - 3, 4):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                for row in range(i, i + 4):
                    C[row, j] += A[row, k] * B[k, j]
    return C


@wrong("5.8", "0 times NaN is NaN")
def zeros_skipped(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            if A[i, k] != 0:
                for j in range(B.shape[1]):
                    C[i, j] += A[i, k] * B[k, j]
    return C


@wrong("5.8", "half of each vector")
def double_precision(A, B):
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                C[i, j] += A[i, k] * B[k, j]
    return C


@wrong("5.8", "numba cannot compile it")
def not_for_numba(A, B):
    rows = [sum(a * b for a, b in zip(row, B, strict=True)) for row in A]
    return np.array(rows, A.dtype)


@wrong("5.8", "times as fast as ikj; wanted 1.5")
def ikj(A, B):
    C = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            a = A[i, k]
            for j in range(B.shape[1]):
                C[i, j] += a * B[k, j]
    return C


@wrong("5.8", "times as fast as ikj; wanted 1.5")
def four_rows(A, B):
    m = A.shape[0]
    C = np.zeros((m, B.shape[1]), A.dtype)
    for i in range(0, m - 3, 4):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                b = B[k, j]
                C[i, j] += A[i, k] * b
                C[i + 1, j] += A[i + 1, k] * b
                C[i + 2, j] += A[i + 2, k] * b
                C[i + 3, j] += A[i + 3, k] * b
    for i in range(m - m % 4, m):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                C[i, j] += A[i, k] * B[k, j]
    return C


@right("5.8")
def four_by_four(A, B):
    (m, depth), n = A.shape, B.shape[1]
    C = np.zeros((m, n), A.dtype)
    m4, depth4 = m - m % 4, depth - depth % 4
    for i in range(0, m4, 4):
        for k in range(0, depth4, 4):
            for j in range(n):
                b0, b1, b2, b3 = B[k, j], B[k + 1, j], B[k + 2, j], B[k + 3, j]
                for row in range(i, i + 4):
                    C[row, j] += (
                        A[row, k] * b0
                        + A[row, k + 1] * b1
                        + A[row, k + 2] * b2
                        + A[row, k + 3] * b3
                    )
    for i in range(m):
        for k in range(depth4 if i < m4 else 0, depth):
            for j in range(n):
                C[i, j] += A[i, k] * B[k, j]
    return C
