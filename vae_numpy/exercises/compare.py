"""Compare what an answer returned with what is wanted, and say in a clause what is wrong."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from vae_numpy.exercises.words import NUMBERS, describe, kind_words, shape_words

MEETS = 3  # as many numbers as a constant factor must explain, before it is called one


def problem(
    returned: Any, want: Any, rtol: float, atol: float, names: Sequence[str] | None = None
) -> str | None:
    """Say what is wrong with a value, or with the first wrong part of a tuple.

    Parameters
    ----------
    returned, want : number, array, or a tuple of them
    rtol, atol : float
        As in ``numpy.isclose``.
    names : sequence of str, optional
        Of the parts, or of the one value.

    Returns
    -------
    str or None
        None if nothing is.
    """
    if isinstance(want, tuple):
        names = names or default_names(want)
        if not is_tuple_of(returned, len(want)):
            return count_problem(returned, names or ())
        for name, part, wanted in zip(names or (), returned, want, strict=True):
            if said := problem(part, wanted, rtol, atol, [name]):
                return said
        return None
    want = np.asarray(want)
    said = form_problem(returned, want)
    if said is None and not close(returned, want, rtol, atol):
        said = "the value is wrong"
    return f"{names[0]}: {said}" if said and names else said


def type_problem(value: Any) -> str | None:
    """Say what is wrong with an array of a type that our arithmetic cannot use.

    Parameters
    ----------
    value : object

    Returns
    -------
    str or None
        None if nothing is.
    """
    if not isinstance(value, (np.ndarray, np.generic)):
        return None
    if value.dtype == np.float16:
        return "returns float16, which keeps three digits and ends at 65504; compute in float64"
    if value.dtype.kind not in NUMBERS:
        return f"returns {kind_words(value)}; wanted numbers, of type float64 say"
    return None


def form_problem(returned: Any, want: np.ndarray) -> str | None:
    """Say what is wrong with type, shape or finiteness.

    Parameters
    ----------
    returned : object
    want : array

    Returns
    -------
    str or None
        None if nothing is.
    """
    wanted = shape_words(want.shape)
    if returned is None:
        return f"returns nothing; wanted {wanted}. Is the return missing?"
    try:
        value = np.asarray(returned)
        kind = value.dtype.kind
    except ValueError:  # rows of different lengths
        return f"returns {kind_words(returned)} with rows of different lengths; wanted {wanted}"
    if kind not in NUMBERS:
        return f"returns {kind_words(returned)}; wanted {wanted}"
    if said := type_problem(returned):
        return said
    if value.shape != want.shape:
        return f"returns {shape_words(value.shape)}; wanted {wanted}"
    if not np.all(np.isfinite(value)) and np.all(np.isfinite(want)):
        bad = "NaN" if np.any(np.isnan(value)) else "infinite"
        share = "" if value.ndim == 0 else f" in {np.sum(~np.isfinite(value))} of {value.size}"
        return f"the value is {bad}{share}"
    return None


def close(returned: Any, want: Any, rtol: float, atol: float) -> bool:
    """Say whether two arrays agree; one in float32 is granted 1e-4.

    Parameters
    ----------
    returned, want : number or array
    rtol, atol : float

    Returns
    -------
    bool
    """
    returned = np.asarray(returned)
    if returned.dtype == np.float32:  # right, and rounded
        rtol = max(rtol, 1e-4)
        atol = max(atol, 1e-6 * float(np.max(np.abs(want), initial=0)))
    return bool(np.allclose(returned, want, rtol=rtol, atol=atol, equal_nan=True))


def matches(returned: Any, mistaken: Any, rtol: float = 1e-6, atol: float = 1e-9) -> bool:
    """Say whether a value is what a known mistake gives.

    Parameters
    ----------
    returned : object
    mistaken : number, array, or a tuple of them
        None stands for any value.
    rtol, atol : float

    Returns
    -------
    bool
    """
    if mistaken is None:
        return True
    if isinstance(mistaken, tuple):
        return is_tuple_of(returned, len(mistaken)) and all(
            matches(part, wrong, rtol, atol) for part, wrong in zip(returned, mistaken, strict=True)
        )
    mistaken = np.asarray(mistaken)
    form = np.where(np.isfinite(mistaken), 0.0, np.nan)
    return form_problem(returned, form) is None and close(returned, mistaken, rtol, atol)


def pattern(returned: Any, want: Any, names: Sequence[str] | None = None) -> str | None:
    """Recognise in one value a transposition or a constant factor.

    Parameters
    ----------
    returned, want : number, array, or a tuple of them
        Of one form.
    names : sequence of str, optional
        Of the parts, or of the one value.

    Returns
    -------
    str or None
        None where neither explains ``MEETS`` numbers.
    """
    if isinstance(want, tuple):
        for name, part, wanted in zip(names or (), returned, want, strict=True):
            if problem(part, wanted, 1e-6, 1e-9):
                return pattern(part, wanted, [name])
        return None
    head = f"{names[0]}: " if names else ""
    returned, want = np.asarray(returned), np.asarray(want)
    square = want.ndim == 2 and want.shape[0] == want.shape[1]
    if square and np.allclose(returned, want.T, rtol=1e-4):
        return head + "it is the transpose of the right one"
    ratio = _ratio(returned, want)
    if ratio is None or np.sum(want != 0) < MEETS:
        return None
    if np.isclose(ratio, -1, rtol=1e-4):
        return head + "it has the wrong sign"
    return head + ("it is zero" if ratio == 0 else f"it is {ratio:.4g} times the right one")


def _ratio(returned, want):
    """Return by what one factor all numbers are off; None if there is none."""
    seen = np.abs(want) > 1e-9 * np.max(np.abs(want), initial=1e-300)
    if not np.any(seen) or np.any(np.abs(returned[~seen]) > 1e-9):
        return None
    ratios = np.real(returned[seen] / want[seen])
    ratio = float(ratios.flat[0])
    return ratio if np.allclose(ratios, ratio, rtol=1e-4, atol=0) else None


def default_names(want: Any) -> list[str] | None:
    """Return ``part 1``, ``part 2`` for a tuple, else None.

    Parameters
    ----------
    want : object

    Returns
    -------
    list of str or None
    """
    return [f"part {i + 1}" for i in range(len(want))] if isinstance(want, tuple) else None


def count_problem(returned: Any, names: Sequence[str]) -> str:
    """Say that a tuple of these parts was wanted.

    Parameters
    ----------
    returned : object
    names : sequence of str

    Returns
    -------
    str
    """
    got = "nothing; is the return missing?" if returned is None else kind_words(returned)
    return f"wanted {len(names)} values, {', '.join(names)}; got {got}"


def is_tuple_of(value: Any, length: int) -> bool:
    """Say whether a value is a tuple or a list of so many.

    Parameters
    ----------
    value : object
    length : int

    Returns
    -------
    bool
    """
    return isinstance(value, (tuple, list)) and len(value) == length


def contrast(
    returned: Any, want: Any, names: Sequence[str] | None, rtol: float, atol: float
) -> list[str]:
    """Return the lines that show what came and what was wanted.

    Parameters
    ----------
    returned, want : number, array, or a tuple of them
    names : sequence of str, optional
    rtol, atol : float

    Returns
    -------
    list of str
    """
    if isinstance(want, tuple):
        if not is_tuple_of(returned, len(want)):
            return describe("returned", {"": returned})
        lines = []
        for name, part, wanted in zip(names or (), returned, want, strict=True):
            if problem(part, wanted, rtol, atol):
                lines += contrast(part, wanted, [name], rtol, atol)
        return lines
    name = names[0] if names else ""
    lines = describe("returned", {name: returned}) + describe("expected", {name: want})
    want = np.asarray(want)
    # NaN is wanted nowhere in particular: so this asks for type and shape alone.
    if want.size > 24 and form_problem(returned, np.full(want.shape, np.nan)) is None:
        off = ~np.isclose(returned, want, rtol=rtol, atol=atol, equal_nan=True)
        index = tuple(int(i) for i in np.argwhere(off)[0])
        values = f"{np.asarray(returned)[index]:.6g} for {want[index]:.6g}"
        lines.append(f"first at    index {index}: {values}; {off.sum()} of {off.size} are wrong")
    return lines
