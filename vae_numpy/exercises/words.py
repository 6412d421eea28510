"""The words and pictures for values in a verdict: what the answer was called with, what came."""

from collections.abc import Mapping
from typing import Any

import numpy as np

NUMBERS = "biufc"  # the kinds of dtype that are numbers


def describe(title: str, values: Mapping[str, Any]) -> list[str]:
    """Return lines that show values by name: ``called with x = [1, 2]  float64, shape (2,)``.

    Parameters
    ----------
    title : str
    values : dict
        By name, which may be empty.

    Returns
    -------
    list of str
    """
    lines: list[str] = []
    width = max(len(name) for name in values)
    for name, value in values.items():
        head = f"{title if not lines else '':<12}"
        if name:
            head += f"{name:<{width}} = "
        first, *rest = show(value)
        lines.append(head + first)
        lines.extend(" " * len(head) + line for line in rest)
    return lines


def show(value: Any) -> list[str]:
    """Return the lines of a short picture of a value; of a large array, form and first entries.

    Parameters
    ----------
    value : object

    Returns
    -------
    list of str
    """
    if isinstance(value, np.ndarray) and value.ndim:
        if value.size <= 24:
            text = np.array2string(value, precision=6, separator=", ", max_line_width=70)
        else:
            numbers = value.dtype.kind in NUMBERS
            first = ", ".join(f"{x:.6g}" if numbers else repr(x) for x in value.flat[:4])
            text = f"[{first}, ...]"
        return f"{text}  {value.dtype}, shape {value.shape}".splitlines()
    if isinstance(value, (float, np.floating)):
        return [f"{value:.10g}"]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.random.Generator):
        return [_generator_words(value)]
    if callable(value):
        return [getattr(value, "__name__", type(value).__name__)]
    lines = repr(value).splitlines() or [""]
    return [line if len(line) < 90 else line[:87] + "..." for line in lines[:8]]


def _generator_words(rng):
    """Return the call that makes the generator again, or that it is no longer as it was made."""
    seed = getattr(rng.bit_generator.seed_seq, "entropy", None)
    if rng.bit_generator.state == np.random.default_rng(seed).bit_generator.state:
        return f"np.random.default_rng({seed})"
    return "a generator that was drawn from before"


def shape_words(shape: tuple[int, ...]) -> str:
    """Return ``an array of shape (2,)``, or ``a number``.

    Parameters
    ----------
    shape : tuple of int

    Returns
    -------
    str
    """
    return f"an array of shape {shape}" if shape else "a number"


def kind_words(value: Any) -> str:
    """Return what kind of thing a value is: ``a tuple of 2``, ``an array of shape (2,)``.

    Parameters
    ----------
    value : object

    Returns
    -------
    str
    """
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, np.ndarray):
        if value.dtype.kind in NUMBERS:
            return shape_words(value.shape)
        return f"an array of type {value.dtype} and shape {value.shape}"
    return f"an object of type {type(value).__name__}"
