"""What an exercise is, and where to find it by its number."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

DIFFICULTIES = ("easy", "medium", "hard", "project")


@dataclass(frozen=True)
class Exercise:
    """One exercise: what the page says of it, and how an answer is checked.

    Attributes
    ----------
    number : str
        ``"chapter.count"``, ``"2.1"``.
    name : str
        Of the function or class that the reader writes: that of the check.
    trains : str
        A clause after "Trains": ``"reading shapes"``.
    difficulty : str
        One of ``DIFFICULTIES``.
    minutes : int
    hints : tuple of str
        One to three; they open one by one.
    check : callable
        Takes an ``Answer`` and raises ``Wrong`` where it does not hold.
    seconds : float
        After which an answer is stopped.
    compare : str
        What to look at once the answer is right, the picture to compare with; may be empty.
    """

    number: str
    name: str
    trains: str
    difficulty: str
    minutes: int
    hints: tuple[str, ...]
    check: Callable[[Any], None]
    seconds: float = 10
    compare: str = ""

    @property
    def chapter(self) -> int:
        """The chapter it belongs to."""
        return int(self.number.partition(".")[0])


def exercise(
    number: str,
    *,
    trains: str,
    difficulty: str,
    minutes: int,
    hints: Sequence[str],
    seconds: float = 10,
    compare: str = "",
) -> Callable[[Callable[[Any], None]], Exercise]:
    """Turn a check into an ``Exercise``; the check has the name of what the reader writes.

    Parameters
    ----------
    number, trains, difficulty : str
    minutes : int
    hints : sequence of str
    seconds : float
    compare : str
        As ``Exercise`` says.

    Returns
    -------
    decorator
        It gives the ``Exercise`` for a check.

    Raises
    ------
    ValueError
        If something that every exercise states is missing.
    """
    if not re.fullmatch(r"[1-9][0-9]*\.[1-9][0-9]*", number):
        raise ValueError(f"number must look like '2.1', got {number!r}")
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"difficulty of {number} must be one of {DIFFICULTIES}")
    if not trains or minutes < 1 or not 1 <= len(hints) <= 3 or not all(hints):
        raise ValueError(f"{number} must say what it trains, its minutes, and one to three hints")

    def decorate(check: Callable[[Any], None]) -> Exercise:
        name, kept = check.__name__, tuple(hints)
        return Exercise(number, name, trains, difficulty, minutes, kept, check, seconds, compare)

    return decorate


def chapters() -> list[int]:
    """Return the numbers of the chapters that have exercises: those with a folder here.

    Returns
    -------
    list of int
        In order.
    """
    from vae_numpy import exercises

    names = (module.name for module in pkgutil.iter_modules(exercises.__path__))
    return sorted(int(name[2:]) for name in names if re.fullmatch(r"ch\d\d", name))


def modules_of(chapter: int, kind: str) -> list[ModuleType]:
    """Import the modules in a chapter's folder whose names begin with ``kind``.

    Parameters
    ----------
    chapter : int
    kind : {"check", "solution", "wrong"}
        A chapter with much to check has several modules of checks, ``check_this``, ``check_that``.

    Returns
    -------
    list of module
    """
    folder = importlib.import_module(f"vae_numpy.exercises.ch{chapter:02d}")
    names = sorted(module.name for module in pkgutil.iter_modules(folder.__path__))
    return [importlib.import_module(f"{folder.__name__}.{n}") for n in names if n.startswith(kind)]


def exercises_of(chapter: int) -> list[Exercise]:
    """Return the exercises of a chapter, in order.

    Parameters
    ----------
    chapter : int

    Returns
    -------
    list of Exercise

    Raises
    ------
    ValueError
        If the chapter has none, or two have one number.
    """
    if chapter not in chapters():
        raise ValueError(f"chapter {chapter} has no exercises; {chapters()} have")
    values = [v for module in modules_of(chapter, "check") for v in vars(module).values()]
    found = [value for value in values if isinstance(value, Exercise)]
    found.sort(key=lambda e: int(e.number.partition(".")[2]))
    numbers = [e.number for e in found]
    if not found:
        raise ValueError(
            f'ch{chapter:02d}/check.py needs a check under @exercise("{chapter}.1", ...)'
        )
    if numbers != [f"{chapter}.{i + 1}" for i in range(len(found))]:
        raise ValueError(f"chapter {chapter} must count from {chapter}.1 without a gap: {numbers}")
    return found


def find(number: str) -> Exercise:
    """Return the exercise of a number.

    Parameters
    ----------
    number : str
        ``"2.1"``.

    Returns
    -------
    Exercise

    Raises
    ------
    ValueError
        If there is none, with those that there are.
    """
    number = str(number)
    chapter, _, count = number.partition(".")
    if not (chapter.isdigit() and count.isdigit()):
        raise ValueError(f"number must look like '2.1', got {number!r}")
    for candidate in exercises_of(int(chapter)):
        if candidate.number == number:
            return candidate
    last = exercises_of(int(chapter))[-1].number
    raise ValueError(f"there is no exercise {number}; chapter {chapter} ends with {last}")
