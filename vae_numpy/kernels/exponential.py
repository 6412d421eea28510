"""The exponential, in a form that the compiler turns into vector instructions.

A compiled call of ``math.exp`` per element does one number at a time; NumPy's own needs a pass, and
an array for its result, for each step around it.
"""

import math

import numba
import numba.extending
import numpy as np


def exp_of_negative(t):
    """Compute e^t of a t <= 0, to a rounding or two; this is what the compiled one does."""
    return np.exp(t)


@numba.extending.intrinsic
def _bits(_, x):
    """Take a float's bits for an integer."""
    whole = numba.types.Integer.from_bitwidth(x.bitwidth)

    def emit(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(whole))

    return whole(x), emit


@numba.extending.intrinsic
def _from_bits(_, n):
    """Take an integer's bits for a float."""
    number = numba.types.float32 if n.bitwidth == 32 else numba.types.float64

    def emit(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(number))

    return number(n), emit


# No sum may be taken in another order here: a small number is added to a large one, to be rounded.
@numba.extending.overload(
    exp_of_negative, jit_options={"fastmath": {"contract"}, "error_model": "numpy"}
)
def _compiled_exp(t):
    scalar, whole = (np.float32, np.int32) if t.bitwidth == 32 else (np.float64, np.int64)
    digits, bias = np.finfo(scalar).nmant, 1 - np.finfo(scalar).minexp
    # e^t = 2^k e^r with a whole k and |r| <= ln(2) / 2, where Taylor's series is short.
    terms = 8 if t.bitwidth == 32 else 14
    series = tuple(scalar(1 / math.factorial(n)) for n in reversed(range(terms)))
    rounder = scalar(1.5 * 2**digits)  # a number of this size has no digits behind the point
    per_log_2 = scalar(1 / math.log(2))
    high, low = scalar(354 / 512), scalar(0.00174093055994530941723)  # of ln(2); k high is exact
    least = scalar(math.log(np.finfo(scalar).smallest_subnormal) - 1)
    zero = whole(rounder.view(whole))

    def exp(t):
        t = t if not t < least else least  # written so that a NaN stays one
        rounded = t * per_log_2 + rounder
        k, n = whole(_bits(rounded) - zero), rounded - rounder
        r = (t - n * high) - n * low
        e = scalar(0)
        for c in series:
            e = e * r + c
        half = k >> 1  # in two steps: 2^k may be too small for a number with all its digits
        for some in (half, k - half):
            e *= _from_bits(whole((some + bias) << digits))
        return e

    return exp
