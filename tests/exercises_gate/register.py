"""Wrong answers written from the statement of an exercise alone, and what the checks say to them.

``chNN.py`` beside this file hold them, a file for each chapter, or several, ``chNN_this.py``.
Whoever wrote them did not look at the check: they measure it.
"""

import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vae_numpy.exercises import Verdict, catalogue, chapters, examine, find
from vae_numpy.exercises import register as library

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Mistake:
    """A wrong answer.

    Attributes
    ----------
    number : str
        Of the exercise, ``"2.1"``.
    cause : str
        What is wrong, in the words of whoever wrote it.
    answer : callable
    told : str or None
        What the first line of the verdict must hold, if the check names the true cause; None if it
        must name none.
    """

    number: str
    cause: str
    answer: Callable[..., Any]
    told: str | None = None

    def outcome(self) -> tuple[str, Any]:
        """Return ("told", "untold", "accepted" or "false"), and the verdict.

        "false" is a cause that is named and is not the one that was wanted.
        """
        verdict = examine(self.number, self.answer)
        if verdict.state != "wrong":
            return "accepted", verdict
        if self.told is not None:
            return "told" if self.told in verdict.line else "false", verdict
        return "false" if verdict.cause else "untold", verdict


MISTAKES: list[Mistake] = []
OTHERWISE: dict[str, str] = {}


def mistake(number, cause, *, told=None):
    """Mark a wrong answer: ``@mistake("1.1", "differences taken along the wrong axis")``.

    Whoever mends the check adds ``told="a part of the line"`` once it names this very cause.
    """

    def decorate(answer):
        MISTAKES.append(Mistake(number, cause, answer, told))
        return answer

    return decorate


def judged_otherwise(number, reason):
    """Say why the check of an exercise does without ``Answer.agrees``."""
    OTHERWISE[number] = reason


@functools.cache
def load():
    """Import all chapters' wrong answers; return those from here, and those of the library."""
    for path in sorted(FOLDER.glob("ch[0-9][0-9]*.py")):
        importlib.import_module(f"tests.exercises_gate.{path.stem}")
    for chapter in chapters():
        catalogue.modules_of(chapter, "wrong")
    kept = [Mistake(n, line, answer, line) for n, answer, line in library.ANSWERS if line]
    return list(MISTAKES), kept


def of_chapters(mistakes, wanted):
    """Return the mistakes that belong to exercises of these chapters."""
    return [one for one in mistakes if find(one.number).chapter in wanted]


def skip_if_not_timed(verdict: Verdict) -> None:
    """Skip the test of an answer that fails in speed only, where that is not measured."""
    if "numba is not installed" in str(verdict):
        pytest.skip("speed, in which the answer fails, is not measured without numba")
