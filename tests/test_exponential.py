"""The compiled exponential, against mpmath's digits."""

import mpmath as mp
import numpy as np
import pytest
from naive import DTYPES

numba = pytest.importorskip("numba", reason="NumPy has its own")

from vae_numpy.kernels.exponential import exp_of_negative  # noqa: E402
from vae_numpy.kernels.jit import jit_in_memory  # noqa: E402

dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.__name__)


@jit_in_memory
def exponentials(t):
    e = np.empty_like(t)
    for i in range(len(t)):
        e[i] = exp_of_negative(t[i])
    return e


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="it is NumPy's own then")
@dtypes
def test_it_is_right_to_its_last_digit_down_to_the_smallest_number(dtype):
    """An error of one rounding, and half of the smallest number where those have fewer digits."""
    least = float(np.log(np.finfo(dtype).smallest_subnormal)) - 3
    t = np.concatenate([np.linspace(least, 0, 2001), -np.logspace(-30, 0, 500)]).astype(dtype)
    spacing = np.spacing(np.exp(t.astype(np.float64)).astype(dtype)).astype(np.float64)
    with mp.workdps(40):
        errors = [
            mp.mpf(float(e)) - mp.exp(float(x)) for x, e in zip(t, exponentials(t), strict=True)
        ]
        assert max(abs(e / s) for e, s in zip(errors, map(float, spacing), strict=True)) <= 1


@dtypes
def test_it_keeps_the_ends_and_a_nan(dtype):
    t = np.array([0, -0.0, -np.inf, np.finfo(dtype).min, np.nan], dtype)
    e = exponentials(t)
    assert e.dtype == dtype and np.array_equal(e, [1, 1, 0, 0, np.nan], equal_nan=True)
