"""How a chapter's ``wrong_answers.py`` says what its functions are.

The tests hand each to its check; a reader may look there for the mistakes that people make.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

Mark: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]

# (number, function, message); message is None where the answer is right
ANSWERS: list[tuple[str, Callable[..., Any], str | None]] = []


def wrong(number: str, message: str) -> Mark:
    """Mark a wrong answer that people give.

    Parameters
    ----------
    number : str
        Of the exercise, ``"2.1"``.
    message : str
        A part of the first line that the answer must get.

    Returns
    -------
    decorator
        It hands the function back as it is.
    """
    return _keep(number, message)


def right(number: str) -> Mark:
    """Mark a right answer that is written another way than the solution.

    Parameters
    ----------
    number : str
        Of the exercise, ``"2.1"``.

    Returns
    -------
    decorator
        It hands the function back as it is.
    """
    return _keep(number, None)


def _keep(number: str, message: str | None) -> Mark:
    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        ANSWERS.append((number, function, message))
        return function

    return decorate
