"""Recognise over several calls what an answer does in the place of the right thing.

A line is said only if **every** call bears it out, and at least ``FEWEST`` of them tell it from the
right value: one call that happens to agree is no cause. The known mistakes of an exercise come
first, then what any function can do wrong, see ``general``.
"""

import contextlib
import copy
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from vae_numpy.exercises import general
from vae_numpy.exercises.compare import is_tuple_of, matches, problem

FEWEST = 3  # calls that must tell a mistake from the right value
SECONDS = 2.0  # of computing, after which the search for a cause is given up

# The line for each known mistake, and a function of the arguments, or several, that makes it.
KnownMistakes: TypeAlias = Mapping[str, Callable[..., Any] | Sequence[Callable[..., Any]]]


@dataclass(frozen=True)
class Call:
    """One call of an answer.

    Attributes
    ----------
    args : dict
        What it was called with, by name and as it was before the call.
    returned, want : object
        What came, and the right value.
    called : list of str
        The lines that describe the call.
    """

    args: dict[str, Any]
    returned: Any
    want: Any
    called: Sequence[str] = ()

    def size(self) -> int:
        """Return how many numbers the arguments hold.

        Returns
        -------
        int
        """
        return sum(map(_count, self.args.values()))

    def part(self, i: int) -> "Call":
        """Return the call with one part of what it returned and should have returned.

        Parameters
        ----------
        i : int

        Returns
        -------
        Call
        """
        return replace(self, returned=self.returned[i], want=self.want[i])


class Search:
    """The calls of one check, at least one of them wrong, and the search for the cause.

    Parameters
    ----------
    calls : sequence of Call
    right : callable
        What the answer should be.
    ask : callable
        The answer, to be called again; None if it cannot be.
    rtol, atol : float
        As in ``numpy.isclose``.
    """

    def __init__(
        self,
        calls: Sequence[Call],
        right: Callable[..., Any],
        ask: Callable[..., Any] | None = None,
        *,
        rtol: float = 1e-6,
        atol: float = 1e-9,
    ) -> None:
        self.calls, self.right, self.ask = calls, right, ask
        self.rtol, self.atol = rtol, atol
        self.fewest, self.end = FEWEST, time.process_time() + SECONDS

    def known(self, mistakes: KnownMistakes) -> str | None:
        """Return the line of the known mistake that all calls bear out.

        Parameters
        ----------
        mistakes : dict of str: callable, or several

        Returns
        -------
        str or None
            Both lines where two mistakes return the same here, None where no mistake fits.
        """
        fitting: list[tuple[str, set[int]]] = []
        with _quiet():
            for line, makers in mistakes.items():
                for maker in [makers] if callable(makers) else makers:
                    if self._holds(lambda call: self._is(call, maker)):  # noqa: B023
                        fitting.append((line, _parts(maker(*copied(self.calls[0].args.values())))))
                        break
        if not fitting:
            return None
        same = [line for line, parts in fitting if parts & fitting[0][1]]
        return same[0] if len(same) == 1 else "either " + "; or ".join(same)

    def general(self) -> str | None:
        """Return the line of what any function can do wrong, if all calls bear it out.

        Returns
        -------
        str or None
        """
        with _quiet():
            if found := general.ratio(self) or general.shift(self):
                return found
            return next((line for line, says in general.guesses(self) if self._holds(says)), None)

    def _holds(self, says):
        """Say whether every call bears a guess out, and enough tell it from the right value."""
        if time.process_time() > self.end:
            return False
        told = 0
        for call in self.calls:
            try:
                verdict = says(call)
            except Exception:  # it cannot be computed, so it is not what the answer did
                return False
            if verdict is False:
                return False
            told += verdict is True
        return told >= self.fewest

    def _is(self, call, maker):
        """Hold what was returned against what ``maker`` gives; None: that is the right value."""
        return self.says(call, maker(*copied(call.args.values())))

    def says(self, call: Call, value: Any) -> bool | None:
        """Say whether a call returned a value that is not the right one.

        Parameters
        ----------
        call : Call
        value : object

        Returns
        -------
        bool or None
            None if it did, and this is the right value.
        """
        if not matches(call.returned, value, self.rtol, self.atol):
            return False
        return None if matches(call.want, value, self.rtol, self.atol) else True


def cause(
    calls: Sequence[Call],
    right: Callable[..., Any],
    *,
    mistakes: KnownMistakes | None = None,
    names: Sequence[str] | None = None,
    ask: Callable[..., Any] | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
) -> str | None:
    """Return in one line what all calls say the answer does wrong.

    Parameters
    ----------
    calls : sequence of Call
        At least one is wrong.
    right : callable
        What the answer should be.
    mistakes : dict of str: callable, or several
        The known ones.
    names : sequence of str, optional
        Of the parts of what is returned, or of the one value.
    ask : callable, optional
        The answer, to be called again.
    rtol, atol : float
        As in ``numpy.isclose``.

    Returns
    -------
    str or None
        None where nothing explains all calls.
    """
    search = Search(calls, right, ask, rtol=rtol, atol=atol)
    if line := search.known(mistakes or {}):
        return line
    head = f"{names[0]}: " if names else ""
    if isinstance(calls[0].want, tuple):
        n_parts = len(calls[0].want)
        if not all(is_tuple_of(call.returned, n_parts) for call in calls):
            return None
        i = next(i for i in range(n_parts) if any(_wrong(c.part(i), rtol, atol) for c in calls))
        head = f"{names[i] if names else f'part {i + 1}'}: "
        again = ask and (lambda *args: ask(*args)[i])
        search = Search(
            [call.part(i) for call in calls],
            lambda *args: right(*args)[i],
            again,
            rtol=rtol,
            atol=atol,
        )
    line = search.general()
    return line and head + line


def _count(value):
    """Count the numbers in an argument, or in a list of arrays."""
    return sum(map(_count, value)) if isinstance(value, (list, tuple)) else np.size(value)


def _wrong(call, rtol, atol):
    return problem(call.returned, call.want, rtol, atol) is not None


@contextlib.contextmanager
def _quiet():
    """Let our own trials warn nobody."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _parts(value):
    """Return which parts of what is returned a mistake speaks of."""
    return {i for i, part in enumerate(value) if part is not None} if type(value) is tuple else {0}


def drawn(
    draw: Callable[[np.random.Generator], Iterable[Any]], n_calls: int, seed: int = 0
) -> list[tuple]:
    """Return the arguments of generic calls.

    Parameters
    ----------
    draw : callable
        Takes a generator and returns the arguments of one call.
    n_calls : int
    seed : int

    Returns
    -------
    list of tuple
        The same in every run.
    """
    return [tuple(draw(np.random.default_rng([seed, i]))) for i in range(n_calls)]


def copied(arguments: Iterable[Any]) -> list[Any]:
    """Return copies of the arguments of a call, which may be changed, or drawn from.

    Parameters
    ----------
    arguments : iterable

    Returns
    -------
    list
    """
    return copy.deepcopy(list(arguments))
