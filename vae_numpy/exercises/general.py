"""What any function can do wrong, whatever it computes.

To its result (a factor, an order, a missing row), to what it was given (transposed, centred, one
argument in the place of another), or between calls (a stale copy, an argument that is not used).
"""

import copy
import itertools
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from vae_numpy.exercises.compare import close, matches, problem

# A line, and what a call says to it: True, False, or None if it cannot tell it from the right one.
Guess: TypeAlias = tuple[str, Callable[[Any], bool | None]]


def guesses(search: Any) -> Iterator[Guess]:
    """Yield what may have been done, each with a question to ask of every call.

    Parameters
    ----------
    search : recognise.Search

    Yields
    ------
    line, says : str, callable
        ``says(call)`` is True or False, and None where the call cannot tell.
    """
    yield from _results(search)
    yield from _between(search)
    yield from _inputs(search)


# What was done to the result -------------------------------------------------------------------

RESULTS: dict[str, Callable[[np.ndarray], Any]] = {
    "the sign is lost: it is the absolute value of the right one": np.abs,
    "it is the transpose of the right one": lambda w: w.T,
    "the order is reversed: the first comes last": lambda w: w[::-1],
    "the order of the columns is reversed": lambda w: w[:, ::-1],
    "the first entry is missing": lambda w: w[1:],
    "the last entry is missing": lambda w: w[:-1],
    "the first column is missing": lambda w: w[:, 1:],
    "the last column is missing": lambda w: w[:, :-1],
    "all entries along axis 0 are equal to the last: is one array handed out n times?": (
        lambda w: np.broadcast_to(w[-1], w.shape)
    ),
    "all entries along axis 0 are equal to the first": lambda w: np.broadcast_to(w[0], w.shape),
    "it is the square of the right one": lambda w: w**2,
    "it is the square root of the right one": np.sqrt,
    "it is the exponential of the right one": np.exp,
    "it is the logarithm of the right one": np.log,
    "it is one over the right one": lambda w: 1 / w,
    "it is one minus the right one": lambda w: 1 - w.astype(float),
    "true and false are exchanged": lambda w: ~w if w.dtype == bool else None,
    "it is the right one, rounded down": np.floor,
    "it is the right one, rounded up": np.ceil,
    "it is the right one, rounded": np.round,
    "these are running sums of the right one": lambda w: np.cumsum(w, axis=0),
    "it is the sum of the right entries; wanted each of them": np.sum,
    "it is the mean of the right entries; wanted each of them": np.mean,
    "it is the sum of the right one over axis 0; wanted each": lambda w: w.sum(axis=0),
    "it is the mean of the right one over axis 0; wanted each": lambda w: w.mean(axis=0),
    "it is the sum of the right one over axis 1; wanted each": lambda w: w.sum(axis=1),
    "it is the mean of the right one over axis 1; wanted each": lambda w: w.mean(axis=1),
}
# What would make the right result of the one that came.
UNDONE: dict[str, Callable[[np.ndarray], Any]] = {
    "its entries must still be added up: their sum is the right one": np.sum,
    "its entries must still be averaged: their mean is the right one": np.mean,
    "it must still be summed over axis 0": lambda r: r.sum(axis=0),
    "it must still be averaged over axis 0": lambda r: r.mean(axis=0),
    "it must still be summed over axis 1": lambda r: r.sum(axis=1),
    "it must still be averaged over axis 1": lambda r: r.mean(axis=1),
    "it has an entry too many, the first": lambda r: r[1:],
    "it has an entry too many, the last": lambda r: r[:-1],
    "it has a column too many, the first": lambda r: r[:, 1:],
    "it has a column too many, the last": lambda r: r[:, :-1],
}


def _results(search):
    """What can be done to the right result."""
    for line, change in RESULTS.items():
        yield line, lambda call, change=change: _array_said(search, call, change)
    for line, change in UNDONE.items():
        yield line, lambda call, change=change: _undone(search, call, change)
    yield "it holds the right numbers in another order", lambda call: _permuted(search, call, None)
    yield "it holds the right rows in another order", lambda call: _permuted(search, call, 0)
    yield "it holds the right columns in another order", lambda call: _permuted(search, call, 1)


def _array_said(search, call, change):
    value = change(np.asarray(call.want))
    return False if value is None else search.says(call, value)


def _undone(search, call, change):
    """Say whether a change of what came, whose form is wrong, gives the right result."""
    returned = np.asarray(call.returned)
    if returned.ndim == 0 or returned.shape == np.shape(call.want):
        return None if not problem(call.returned, call.want, search.rtol, search.atol) else False
    return bool(matches(change(returned), call.want, search.rtol, search.atol))


def _permuted(search, call, axis):
    """Say whether what came holds the right numbers, rows or columns in another order."""
    returned, want = np.asarray(call.returned), np.asarray(call.want)
    if returned.shape != want.shape or want.ndim != (1 if axis is None else 2):
        return False
    if axis == 1:
        returned, want = returned.T, want.T
    first = want if axis is None else want[:, 0]
    if len(np.unique(first)) < len(first):  # equal ones: any order would do
        return None if close(returned, want, search.rtol, search.atol) else False
    keys = returned if axis is None else returned[:, 0]
    sorted_one, sorted_other = returned[np.argsort(keys)], want[np.argsort(first)]
    if not close(sorted_one, sorted_other, search.rtol, search.atol):
        return False
    return None if close(returned, want, search.rtol, search.atol) else True


CONSTANTS = {
    "ln 2": np.log(2),
    "1 / ln 2 (bits for nats?)": 1 / np.log(2),
    "ln 10": np.log(10),
    "1 / ln 10": 1 / np.log(10),
    "log 2 pi": np.log(2 * np.pi),
    "pi": np.pi,
    "2 pi": 2 * np.pi,
    "1 / pi": 1 / np.pi,
    "180 / pi (degrees for radians?)": 180 / np.pi,
    "the root of 2": np.sqrt(2),
    "1 over the root of 2": np.sqrt(0.5),
}
TIMES = {"": 1.0, "2 ": 2.0, "1/2 ": 0.5, "-": -1.0}


def ratio(search: Any) -> str | None:
    """Recognise a factor: one number, or the same size of the arguments in each call.

    Parameters
    ----------
    search : recognise.Search

    Returns
    -------
    str or None
    """
    calls, factors = [], []
    for call, returned, want in _comparable(search):
        if np.any(want) or np.any(returned):  # 0 is any number of times 0
            largest = np.abs(want).argmax()
            factor = float(returned.flat[largest] / want.flat[largest]) if np.any(want) else np.inf
            if not close(returned, factor * want, search.rtol, search.atol * max(1, abs(factor))):
                return None
            calls.append(call)
            factors.append(factor)
    if len(factors) < search.fewest:
        return None
    rtol = _tolerance(search)
    if np.allclose(factors, factors[0], rtol=rtol, atol=0):
        if factors[0] == 0:
            return "it is zero"
        if np.isclose(factors[0], -1, rtol=rtol):
            return "it has the wrong sign"
        if np.isclose(factors[0], 1, rtol=1e-3):  # it is inexact, and not off by a factor
            return None
        return f"it is {_constant(factors[0], rtol)} times the right one"
    for words, values, legend in _expressions(calls):
        if np.allclose(factors, values, rtol=rtol, atol=0):
            return f"it is {words} times the right one ({legend})"
    return None


def shift(search: Any) -> str | None:
    """Recognise an added number: one, or the same size of the arguments in each call.

    Parameters
    ----------
    search : recognise.Search

    Returns
    -------
    str or None
    """
    calls, shifts, scale, rtol = [], [], 1.0, _tolerance(search)
    for call, returned, want in _comparable(search):
        moved, scale = returned - want, max(scale, float(np.max(np.abs(want))))
        if not np.allclose(moved, moved.flat[0], rtol=rtol, atol=rtol * scale):
            return None
        calls.append(call)
        shifts.append(float(moved.flat[0]))
    if len(shifts) < search.fewest or np.max(np.abs(shifts)) < 1e-3 * scale:  # inexact, no more
        return None
    if np.allclose(shifts, shifts[0], rtol=rtol, atol=rtol * scale):
        done = "added to" if shifts[0] > 0 else "taken from"
        return f"{_constant(abs(shifts[0]), rtol)} is {done} the right one"
    for words, values, legend in _expressions(calls):
        for by, number in (("", 1), (" log 2 pi", np.log(2 * np.pi)), (" ln 2", np.log(2))):
            if np.allclose(shifts, number * values, rtol=rtol, atol=rtol * scale):
                return f"{words}{by} is added to the right one ({legend})"
    return None


def _comparable(search):
    """Return (call, returned, right) for calls whose numbers can be divided; none, if some not."""
    found = []
    for call in search.calls:
        returned, want = np.asarray(call.returned), np.asarray(call.want)
        if returned.shape != want.shape or returned.dtype.kind not in "iuf" or want.dtype == bool:
            return []
        if not (np.all(np.isfinite(returned)) and np.all(np.isfinite(want))):
            return []
        if want.size:
            found.append((call, returned, want.astype(float)))
    return found


def _tolerance(search):
    """Return how far a factor may be off: a little more than what is right may be."""
    single = any(np.asarray(call.returned).dtype == np.float32 for call in search.calls)
    return 1e-4 if single else max(1e-6, 10 * search.rtol)


def _constant(value, rtol):
    """Write a number as people would: 2, 1/3, ln 2, else with four digits."""
    for name, constant in CONSTANTS.items():
        for times, factor in TIMES.items():
            if np.isclose(value, factor * constant, rtol=rtol, atol=0):
                return times + name
    for n in range(2, 13):
        if np.isclose(abs(value), 1 / n, rtol=rtol, atol=0):
            return f"{'-' if value < 0 else ''}1/{n}"
    return f"{value:.4g}"


def _symbols(calls):
    """Return (symbol, its values over the calls, what it is) for sizes and numbers given."""
    found, letters = [], iter("NnmlkjihgfedcbaABCEFGHIJKLM")
    for name in calls[0].args:
        values = [call.args.get(name) for call in calls]
        if all(isinstance(v, np.ndarray) for v in values):
            for axis in range(min(v.ndim for v in values)):
                sizes = np.array([v.shape[axis] for v in values], float)
                if not any(np.array_equal(sizes, other) for _, other, _ in found):
                    shown = ", ".join(f"{size:g}" for size in sizes[:3])
                    symbol, part = next(letters), ("rows", "columns")[axis] if axis < 2 else ""
                    where = f"the {part} of {name}" if part else f"axis {axis} of {name}"
                    found.append((symbol, sizes, f"{symbol} = {shown}, ...: {where}"))
        elif all(isinstance(v, (int, float, np.number)) and v > 0 for v in values):
            numbers = np.array(values, float)
            if not any(np.array_equal(numbers, other) for _, other, _ in found):
                shown = ", ".join(f"{number:.4g}" for number in numbers[:3])
                found.append((name, numbers, f"{name} = {shown}, ..."))
    return found


def _expressions(calls):
    """Yield (words, values over the calls, legend) of what sizes and given numbers can make."""
    symbols = [s for s in _symbols(calls) if not np.all(s[1] == s[1][0])]
    plain = []
    for s, v, legend in symbols:
        with_one = [
            (s, v),
            (f"1/{s}", 1 / v),
            (f"{s}^2", v**2),
            (f"1/{s}^2", v**-2),
            (f"the root of {s}", v**0.5),
            (f"1 over the root of {s}", v**-0.5),
            (f"({s} - 1)", v - 1),
            (f"({s} + 1)", v + 1),
        ]
        plain += [(words, values, legend) for words, values in with_one]
        for words, values in [
            (f"{s}/({s} - 1)", v / (v - 1)),
            (f"the root of {s}/({s} - 1)", (v / (v - 1)) ** 0.5),
        ]:
            yield words, values, f"{legend}; divided by {s} - 1 and not by {s}, as ddof=1 does"
        for words, values in [
            (f"({s} - 1)/{s}", (v - 1) / v),
            (f"the root of ({s} - 1)/{s}", ((v - 1) / v) ** 0.5),
        ]:
            yield words, values, f"{legend}; divided by {s} and not by {s} - 1"
    for (s, v, first), (t, w, second) in itertools.combinations(symbols, 2):
        legend = f"{first}; {second}"
        for words, values in [
            (f"{s} {t}", v * w),
            (f"1/({s} {t})", 1 / (v * w)),
            (f"{s}/{t}", v / w),
            (f"{t}/{s}", w / v),
        ]:
            plain.append((words, values, legend))
    for words, values, legend in plain:
        for times, factor in TIMES.items():
            yield times + words, factor * values, legend


# What was done to the arguments ----------------------------------------------------------------

ARRAYS: dict[str, Callable[[np.ndarray], Any]] = {
    "{0}.T in the place of {0}": lambda x: x.T if x.ndim == 2 else None,
    "{0} centred, its mean over axis 0 taken off": lambda x: x - x.mean(axis=0),
    "{0} standardised": lambda x: (x - x.mean(axis=0)) / x.std(axis=0),
    "{0} in reversed order": lambda x: x[::-1],
    "{0} sorted": lambda x: np.sort(x, axis=0),
    "{0} flattened": lambda x: x.ravel() if x.ndim > 1 else None,
}
NUMBERS: dict[str, Callable[[Any], Any]] = {
    "-{0} in the place of {0}": lambda x: -x,
    "2 {0} in the place of {0}": lambda x: 2 * x,
    "{0} / 2 in the place of {0}": lambda x: x / 2,
    "the absolute value of {0}": np.abs,
    "the square of {0}": lambda x: x**2,
    "the square root of {0}": np.sqrt,
    "exp({0}) in the place of {0}": np.exp,
    "log({0}) in the place of {0}": np.log,
    "1 - {0} in the place of {0}": lambda x: 1 - x,
    "1 / {0} in the place of {0}": lambda x: 1 / x,
    "1 in the place of {0}": lambda x: 0 * x + 1,
    "0 in the place of {0}": lambda x: 0 * x,
}
INTEGERS: dict[str, Callable[[Any], Any]] = {
    "{0} - 1 in the place of {0}": lambda x: x - 1,
    "{0} + 1 in the place of {0}": lambda x: x + 1,
    "1 in the place of {0}": lambda x: 1,
    "0 in the place of {0}": lambda x: 0,
    "2 {0} in the place of {0}": lambda x: 2 * x,
}


def _inputs(search):
    """What can be done to the arguments before the right thing is done."""
    args = search.calls[0].args
    arrays = [name for name, value in args.items() if _is_floats(value) and np.ndim(value)]
    numbers = [name for name, value in args.items() if _is_floats(value)]
    integers = [n for n, v in args.items() if isinstance(v, int) and not isinstance(v, bool)]
    for names, changes in ((arrays, ARRAYS), (numbers, NUMBERS), (integers, INTEGERS)):
        for name, (words, change) in itertools.product(names, changes.items()):
            yield _given(search, words.format(name), {name: change})
    for name in arrays:
        yield (
            f"the mean of {name} is not taken off",
            lambda call, name=name: _uncentred(search, call, name),
        )
    together = [name for name in arrays if len(args[name]) == len(args[arrays[0]])]
    shown = " and ".join(together)
    for words, change in {
        "{0} without the first row": lambda x: x[1:],
        "{0} without the last row": lambda x: x[:-1],
    }.items():
        yield _given(search, words.format(shown), dict.fromkeys(together, change))
    if len(together) > 1:
        for words, change in list(ARRAYS.items())[:4]:
            changes = dict.fromkeys(together, change)
            yield _given(search, words.replace("its", "their").format(shown), changes)
    for a, b in itertools.combinations([n for n in args if not callable(args[n])], 2):
        words = f"{a} and {b} in each other's place"
        yield (
            f"this is right for {words}",
            lambda call, a=a, b=b: _with(search, call, {a: call.args[b], b: call.args[a]}),
        )


def _given(search, words, changes):
    def says(call):
        changed = {name: change(call.args[name]) for name, change in changes.items()}
        if any(v is None or not np.all(np.isfinite(v)) for v in changed.values()):
            return False
        return _with(search, call, changed)

    return f"this is right for {words}", says


def _uncentred(search, call, name):
    """Ask for the right thing of the points and their mirror images, whose mean is 0."""
    x = call.args[name]
    mirrored = {**call.args, name: np.concatenate([x, -x])}
    value = np.asarray(search.right(*copy.deepcopy(list(mirrored.values()))))
    rows = np.shape(call.want)[:1] == x.shape[:1]  # one for each point: those of the images go
    return search.says(call, value[: len(x)] if rows else value)


def _with(search, call, changed):
    args = {**call.args, **changed}
    return search.says(call, search.right(*copy.deepcopy(list(args.values()))))


def _is_floats(value):
    return isinstance(value, float) or isinstance(value, np.ndarray) and value.dtype.kind == "f"


# What goes on between calls --------------------------------------------------------------------


def _between(search):
    """What can be left from an earlier call, and what is not looked at."""
    before = dict(zip(map(id, search.calls[1:]), search.calls, strict=False))

    def stale(call):
        return search.says(call, before[id(call)].want) if id(call) in before else None

    def constant(call):
        first = search.calls[0]
        return search.says(call, first.returned)

    yield "this is what the call before should have returned: something is kept", stale
    yield "every call returns the same, whatever it is given", constant
    if search.ask is None:
        return
    for name in search.calls[0].args:
        yield (
            f"{name} is not used: other values of it change nothing",
            lambda call, name=name: _ignores(search, call, name),
        )


def _ignores(search, call, name):
    """Say whether other arguments change the right value, and none that of the answer."""
    if not np.all(np.isfinite(call.returned)):
        return False
    others = [{**call.args, name: other} for other in _others(call.args[name])]
    right = [search.right(*copy.deepcopy(list(args.values()))) for args in others]
    if all(matches(value, call.want, search.rtol, search.atol) for value in right):
        return None
    again = [search.ask(*copy.deepcopy(list(args.values()))) for args in others]
    return all(matches(value, np.asarray(call.returned)) for value in again)


def _others(value):
    """Return arguments of the same kind that are not this one."""
    if isinstance(value, np.random.Generator):
        return [np.random.default_rng(12345)]
    if isinstance(value, np.ndarray) and value.size > 1 and value.dtype.kind in "fiu":
        moved = np.random.default_rng(0).permutation(value.ravel()).reshape(value.shape)
        # What is the same for any order may still mind the values, and the other way round.
        return [moved, value + 1 if value.dtype.kind != "f" else value + 0.37 * value**2 + 0.1]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    return [1.25 * value, value / 1.5] if isinstance(value, float) else []
