"""Check your answers to the exercises of the book, and see what is wrong with them.

In a notebook: ``stub("2.1")`` gives the stub, ``check("2.1", my_function)`` the verdict,
``hint("2.1")`` the next hint, ``solution("2.1")`` the solution and ``progress()`` the state of the
session. In a clone of the book: write into ``book/exercises/ch02.py`` and run
``pytest tests/exercises -k ch02``. Both doors lead to the same check.

An answer runs in this process under guard (see ``guard``): it is stopped after the exercise's time,
10 seconds unless the exercise says otherwise.
"""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vae_numpy.exercises import guard, stubs
from vae_numpy.exercises.catalogue import chapters, exercises_of, find
from vae_numpy.exercises.ladder import Answer, NotStarted, Wrong
from vae_numpy.files import write_file

__all__ = [
    "Verdict",
    "chapters",
    "check",
    "examine",
    "exercises_of",
    "find",
    "hint",
    "progress",
    "progress_line",
    "reset",
    "solution",
    "stub",
]

RIGHT, WRONG, NOT_STARTED = "right", "wrong", "not started"

_states: dict[str, str] = {}  # of this session: number -> state
_hints_opened: dict[str, int] = {}  # number -> how many


@dataclass(frozen=True)
class Verdict:
    """What a check found; true if the answer is right, and readable as text.

    Attributes
    ----------
    number, name : str
        The exercise and its function.
    state : {"right", "wrong", "not started"}
    line : str
        The diagnosis, in one line.
    details : list of str
    cause : bool
        Whether the line names a cause; it does not where it only says what was seen.
    """

    number: str
    name: str
    state: str
    line: str = ""
    details: list[str] = field(default_factory=list)
    cause: bool = False

    def __bool__(self) -> bool:
        return self.state == RIGHT

    def __str__(self) -> str:
        first = (
            f"{self.number} {self.state}: {self.line}"
            if self.line
            else (f"{self.number} {self.state}")
        )
        return "\n".join([first, *("    " + detail for detail in self.details)])


def examine(number: str, answer: object) -> Verdict:
    """Check an answer and return what was found; nothing is printed.

    Parameters
    ----------
    number : str
        Of the exercise, ``"2.1"``.
    answer : callable
        The reader's function or class; anything else is a wrong answer.

    Returns
    -------
    Verdict

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    exercise = find(number)

    def verdict(
        state: str, line: str = "", details: Iterable[str] = (), cause: bool = False
    ) -> Verdict:
        return Verdict(exercise.number, exercise.name, state, line, list(details), cause)

    if not callable(answer):
        got = type(answer).__name__
        line = f"check takes the function itself, {exercise.name} without brackets; got a {got}"
        return verdict(WRONG, line)
    under_check = Answer(answer)
    try:
        with guard.watched(exercise.seconds) as (log, warned):
            exercise.check(under_check)
    except NotStarted as unfinished:
        where = "" if str(unfinished) in ("", exercise.name) else f"{unfinished} is missing; "
        return verdict(NOT_STARTED, f"{where}write {exercise.name}")
    except Wrong as problem:
        details = [*problem.details, *_heard(log, warned)]
        return verdict(WRONG, problem.line, details, problem.cause)
    except guard.TooLong as stopped:
        if seen := under_check.seen:  # the time went into our search for a cause
            return verdict(WRONG, seen.line, [*seen.details, *_heard(log, warned)])
        line_number, text, _ = guard.readers_frame(stopped, under_check.file)
        where = f"line {line_number}: {text}" if line_number else "in compiled code"
        line = f"stopped after {exercise.seconds:g} seconds; is there a loop without an end?"
        return verdict(WRONG, line, [*under_check.called, f"at {where}", *_heard(log, warned)])
    except Exception as error:  # what the check asked for is not there
        line = f"the check cannot go on with this answer: {type(error).__name__}: {error}"
        return verdict(WRONG, line, [*under_check.called, *_heard(log, warned)])
    return verdict(RIGHT, exercise.compare, _heard(log, []))


def _heard(log: guard.PrintLog, warned: Sequence[warnings.WarningMessage]) -> list[str]:
    """Return the lines for what an answer printed and what Python warned of."""
    lines = [f"warned      {w.category.__name__}: {w.message}" for w in warned[:1]]
    printed = log.lines()
    return lines + [
        f"printed     {printed[0]}" if i == 0 else " " * 12 + line for i, line in enumerate(printed)
    ]


def check(number: str, answer: Callable[..., Any]) -> None:
    """Check an answer and print the verdict.

    Parameters
    ----------
    number : str
        Of the exercise, ``"2.1"``.
    answer : callable
        Your function or class.

    Raises
    ------
    ValueError
        If there is no such exercise.

    Examples
    --------
    >>> check("1.1", lambda points: 0.0)
    1.1 wrong: ...
    """
    verdict = examine(number, answer)
    _states[verdict.number] = verdict.state
    print(verdict)
    if verdict.state == WRONG and _hints_opened.get(verdict.number, 0) < len(find(number).hints):
        print(f'    hint("{verdict.number}") opens a hint.')


def hint(number: str) -> None:
    """Print the next hint of an exercise; each call opens one more.

    Parameters
    ----------
    number : str
        Of the exercise, ``"2.1"``.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    exercise = find(number)
    opened = min(_hints_opened.get(exercise.number, 0) + 1, len(exercise.hints))
    _hints_opened[exercise.number] = opened
    for i, text in enumerate(exercise.hints[:opened]):
        print(f"{exercise.number} hint {i + 1} of {len(exercise.hints)}: {text}")


def stub(number: str) -> None:
    """Give the stub of an exercise: in a new cell of the notebook, else printed.

    Before it stand the imports and the helpers that are given, so that the cell needs no other.

    Parameters
    ----------
    number : str
        Of the exercise, ``"2.1"``.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    exercise = find(number)
    text = stubs.given_text(exercise) + stubs.stub_text(exercise)
    text += f'\n\n\ncheck("{exercise.number}", {exercise.name})'
    try:
        # IPython puts this name among the built-ins.
        shell = get_ipython()  # type: ignore[name-defined]
    except NameError:
        print(text)
    else:
        shell.set_next_input(text)


def solution(number: str) -> None:
    """Print the solution of an exercise.

    Parameters
    ----------
    number : str
        Of the exercise, ``"2.1"``.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    print(stubs.solution_text(find(number)))


def reset(number: str) -> None:
    """Put an exercise back to where it was before you began.

    In a clone of the book the stub is put back into ``book/exercises/``; the file as it was is
    kept beside it each time, under a name of its own that ends in ``.before_reset``. Hints close,
    and the session forgets the verdict. A file that Python cannot read elsewhere than in this
    exercise is left as it is, and the line is named.

    Parameters
    ----------
    number : str
        Of the exercise, ``"2.1"``.

    Raises
    ------
    ValueError
        If there is no such exercise.
    """
    exercise = find(number)
    _states.pop(exercise.number, None)
    _hints_opened.pop(exercise.number, None)
    path = stubs.answer_file(exercise.chapter)
    if path is None:
        print(f'{exercise.number} is as new; stub("{exercise.number}") gives the stub.')
        return
    shown = f"book/exercises/{path.name}"
    try:
        text = stubs.replace(path.read_text("utf-8"), exercise, stubs.stub_text(exercise))
    except SyntaxError as error:
        print(f"{shown} is left as it is: line {error.lineno}: {error.msg}. Mend that line first.")
        return
    except ValueError as error:  # bytes that are no text
        print(f"{shown} is left as it is: {error}")
        return
    kept = stubs.keep_copy(path)
    write_file(path, text.encode())
    print(f"{exercise.number} is as new in {shown}; before: {kept.name}")


def progress() -> None:
    """Print how far this session has come: a line for each chapter."""
    for chapter in chapters():
        print(progress_line(chapter, [_states.get(e.number) for e in exercises_of(chapter)]))


def progress_line(chapter: int, states: Sequence[str | None]) -> str:
    """Return ``ch02  [####..] 4/6`` for the states of a chapter's exercises.

    Parameters
    ----------
    chapter : int
    states : sequence of str
        One for each exercise: "right" fills a place of the bar, anything else leaves it empty.

    Returns
    -------
    str
    """
    right = sum(state == RIGHT for state in states)
    bar = "#" * right + "." * (len(states) - right)
    return f"ch{chapter:02d}  [{bar}] {right}/{len(states)}"
