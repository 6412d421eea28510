"""Small helpers that several modules share: generators, checks of arguments, safe squares."""

import math
import numbers
from collections.abc import Collection

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray, IntArray, RandomState


def make_rng(random_state: RandomState = None) -> np.random.Generator:
    """Turn ``random_state`` into a NumPy random generator.

    Parameters
    ----------
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        None draws fresh entropy, an int seeds, a generator is used as it is. An old-style
        ``RandomState`` (scikit-learn passes them) seeds a generator with its next draw.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    ValueError, TypeError
        If ``random_state`` is a negative int or something else.
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31))
    if random_state is None:
        return np.random.default_rng()
    # An int is an Integral too, but mypy does not know it.
    if isinstance(random_state, (int, numbers.Integral)) and not isinstance(random_state, bool):
        if random_state < 0:
            raise ValueError(f"random_state must be >= 0, got {random_state}")
        return np.random.default_rng(int(random_state))
    raise TypeError(
        "random_state must be None, an int or a numpy.random.Generator, "
        f"got {type(random_state).__name__}"
    )


def check_number(
    name: str,
    value: object,
    *,
    above: float | None = None,
    minimum: float | None = None,
    below: float | None = None,
    maximum: float | None = None,
) -> float:
    """Check that ``value`` is a finite real number inside the bounds; above and below are strict.

    Parameters
    ----------
    name : str
        What the message calls the value; so in all checks here.
    value : object
    above, minimum, below, maximum : float or None

    Returns
    -------
    float
        The same number, as Python's own: NumPy's numbers carry their type into what they meet.

    Raises
    ------
    TypeError
        If it is neither an int nor a float, Python's or NumPy's.
    ValueError
        If it is NaN, infinite or out of bounds, or an integer that does not fit into 64 bits.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        hint = "; give it as a float" if isinstance(value, numbers.Real) else ""
        raise TypeError(f"{name} must be a number, got {value!r} ({type(value).__name__}){hint}")
    if isinstance(value, (int, np.integer)):
        _check_64_bits(name, value)
    bounds = []
    if above is not None:
        bounds.append((value > above, f"> {above}"))
    if minimum is not None:
        bounds.append((value >= minimum, f">= {minimum}"))
    if below is not None:
        bounds.append((value < below, f"< {below}"))
    if maximum is not None:
        bounds.append((value <= maximum, f"<= {maximum}"))
    if not math.isfinite(value) or not all(holds for holds, _ in bounds):
        wanted = " and ".join(text for _, text in bounds) or "finite"
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    return float(value)


def check_integer(
    name: str, value: object, *, minimum: int | None = None, maximum: int | None = None
) -> int:
    """Check that ``value`` is an integer inside the inclusive bounds.

    Parameters
    ----------
    name : str
    value : object
    minimum, maximum : int or None

    Returns
    -------
    int
        The same number, as Python's own: 200 + 100 is 44 for NumPy's uint8.

    Raises
    ------
    TypeError
        If it is not an integer.
    ValueError
        If it is out of bounds, or does not fit into 64 bits.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be an integer, got {value!r} ({type(value).__name__})")
    check_number(name, value, minimum=minimum, maximum=maximum)
    return int(value)


def _check_64_bits(name: str, value: int | np.integer) -> None:
    # Beyond them an integer is no number to NumPy, but an object.
    if not -(2**63) <= value < 2**63:
        digits = f"{value}" if int(value).bit_length() < 200 else "a longer one"
        raise ValueError(f"{name} must fit into 64 bits if it is an integer, got {digits}")


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Check that ``value`` is one of ``choices``.

    Parameters
    ----------
    name : str
    value : object
    choices : collection of str

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(value, str) or value not in choices:
        wanted = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {wanted}, got {value!r}")


def check_float_array(name: str, value: object) -> None:
    """Check that ``value`` is a NumPy array of float32 or float64.

    Parameters
    ----------
    name : str
    value : object

    Raises
    ------
    TypeError
        If it is not: a list, for example, or an array of integers, of which a half is no value.
    """
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {type(value).__name__}")
    if value.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"{name} must hold float32 or float64, got {value.dtype}: "
            f"convert it, as in {name}.astype(np.float32)"
        )


def check_matrix(name: str, X: ArrayLike) -> FloatArray:
    """Return ``X`` as a finite (N, D) float64 array with N, D >= 1.

    Parameters
    ----------
    name : str
    X : (N, D), an array or lists

    Returns
    -------
    X : (N, D) float64

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If it is empty, not 2-D, or holds NaN or infinity.
    """
    try:
        X = np.asarray(X)
    except ValueError:
        raise ValueError(f"{name} must have rows of one length, (N, D)") from None
    if X.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {X.dtype}")
    if X.ndim != 2 or X.size == 0:
        raise ValueError(f"{name} must be a non-empty 2-D array (N, D), got shape {X.shape}")
    with np.errstate(over="ignore"):  # a long double can be beyond float64
        X = X.astype(np.float64)
    if not np.isfinite(X).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return X


def covariance_of(X: FloatArray) -> FloatArray:
    """Compute C = (1/N) sum (x - m)^T (x - m), with the mean m.

    Parameters
    ----------
    X : (N, D) array
        Of finite numbers.

    Returns
    -------
    C : (D, D)

    Raises
    ------
    ValueError
        If it is beyond float64.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        centred = X - X.mean(axis=0)
        covariance = centred.T @ centred / len(X)
    if not np.isfinite(covariance).all():
        raise ValueError(
            f"X must be smaller: it has values up to {np.abs(X).max():.3g}, and their variances "
            "are beyond float64"
        )
    return covariance


def power_of_two(X: FloatArray) -> float:
    """Return the power of two below the largest absolute value of ``X``; 1 if all are 0.

    Divided by it, numbers near the ends of float64 can be squared; others keep their digits.

    Parameters
    ----------
    X : array of any shape
        Of finite numbers.

    Returns
    -------
    float
    """
    largest = np.abs(X).max()
    # Inside the range in which both the power and its inverse are ordinary numbers.
    return 2.0 ** np.clip(np.floor(np.log2(largest)), -1000, 1000) if largest > 0 else 1.0


def as_vector(name: str, value: ArrayLike, length: int | None = None) -> FloatArray:
    """Return ``value`` as a float64 vector of finite numbers.

    Parameters
    ----------
    name : str
    value : (n,), an array or a list
    length : int or None
        The n that is wanted; None takes any from 1.

    Returns
    -------
    (n,) float64

    Raises
    ------
    TypeError, ValueError
        If it is not numeric and finite, or has another shape.
    """
    try:
        vector = np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} must be an array of numbers, got {value!r}") from error
    if vector.ndim != 1 or vector.size == 0 or length not in (None, len(vector)):
        wanted = "(n,), n >= 1" if length is None else f"({length},)"
        raise ValueError(f"{name} must have shape {wanted}, got {vector.shape}")
    if not np.isfinite(vector).all():
        raise ValueError(f"{name} must be finite, got {vector}")
    return vector


def check_generator(rng: object) -> None:
    """Check that ``rng`` is a ``numpy.random.Generator``.

    Parameters
    ----------
    rng : object

    Raises
    ------
    TypeError
        If it is not.
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")


def block_sizes(name: str, sizes: object, n_columns: int) -> IntArray:
    """Return the sizes of blocks of columns as an integer array.

    Parameters
    ----------
    name : str
    sizes : list, tuple or array of int, (n_blocks,)
    n_columns : int
        What they must sum to.

    Returns
    -------
    (n_blocks,) int64

    Raises
    ------
    ValueError, TypeError
        If ``sizes`` is something else, holds a number below 1 or has another sum.
    """
    if not isinstance(sizes, (list, tuple, np.ndarray)):
        raise TypeError(f"{name} must be a tuple of the sizes of the blocks, got {sizes!r}")
    for size in sizes:
        check_integer(name, size, minimum=1)
    if sum(sizes) != n_columns:
        raise ValueError(
            f"{name} must sum to the number of features, {n_columns}, got {tuple(sizes)} with the "
            f"sum {sum(sizes)}"
        )
    return np.array(sizes, np.int64)


def in_one_hot_blocks(name: str, X: FloatArray, sizes: IntArray, reason: str = "") -> FloatArray:
    """Return ``X``, in each row of which each block of columns is one 1 and else 0.

    As in ``in_unit_interval`` a value within 1e-6 of 0 or 1 counts as that.

    Parameters
    ----------
    name : str
    X : (N, D)
    sizes : (n_blocks,) int array
        The sizes of the blocks, which sum to D.
    reason : str
        What asks for the blocks, for the message.

    Returns
    -------
    X : the same array, or a rounded copy

    Raises
    ------
    ValueError
        If a block of a row is something else.
    """
    for end, size in zip(np.cumsum(sizes), sizes, strict=True):
        block = X[:, end - size : end]
        whole = np.round(block)
        is_bad = (np.abs(block - whole) > 1e-6).any(axis=1) | (whole < 0).any(axis=1)
        is_bad |= np.abs(whole.sum(axis=1) - 1) > 0.5  # so that a NaN passes, as in the interval
        bad = np.flatnonzero(is_bad)
        if len(bad):
            raise ValueError(
                f"{name} must have one 1 and else 0 in each block{reason and f' for {reason}'}, "
                f"got {block[bad[0]]} in row {bad[0]}, columns {end - size} to {end - 1}"
            )
    rounded = np.round(X)
    return X if np.array_equal(X, rounded, equal_nan=True) else rounded


def in_unit_interval(name: str, X: FloatArray, reason: str = "") -> FloatArray:
    """Return ``X`` with all values in [0, 1].

    Scaling leaves a rounding beside the bounds: values within 1e-6 of one, eight units of
    rounding in float32, count as the bound.

    Parameters
    ----------
    name : str
    X : array of any shape
    reason : str
        What asks for the bounds, for the message.

    Returns
    -------
    X : the same array, or a copy without what lies beside the bounds

    Raises
    ------
    ValueError
        If a value is further out.
    """
    if X.size == 0:
        return X
    least, most = X.min(), X.max()
    if least >= 0 and most <= 1:
        return X
    if least < -1e-6 or most > 1 + 1e-6:
        raise ValueError(
            f"{name} must lie in [0, 1]{reason and f' for {reason}'}, "
            f"got values from {least:.9g} to {most:.9g}"
        )
    return np.clip(X, 0, 1)
