"""How a chapter's ``wrong_answers.py`` says what its functions are.

The tests hand each to its check; a reader may look there for the mistakes that people make.
"""

ANSWERS = []  # (number, function, message); message is None where the answer is right


def wrong(number, message):
    """Mark a wrong answer that people give, with a part of the first line that it must get."""
    return _keep(number, message)


def right(number):
    """Mark a right answer that is written another way than the solution."""
    return _keep(number, None)


def _keep(number, message):
    def decorate(function):
        ANSWERS.append((number, function, message))
        return function

    return decorate
