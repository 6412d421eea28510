"""Each right answer against the one that its check computes, and the known mistakes told apart."""

import functools
import inspect
import itertools
import time

import numpy as np
import pytest

from tests.exercises_gate.register import OTHERWISE, load
from vae_numpy.exercises import answers, chapters, compare, exercises_of, guard, recognise, stubs
from vae_numpy.exercises.ladder import Answer

CASES = 300
EXERCISES = [exercise for chapter in chapters() for exercise in exercises_of(chapter)]
each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.number)

load()  # fills OTHERWISE


class Recorder(Answer):
    """An answer that remembers by what it was judged."""

    def __init__(self, function):
        super().__init__(function)
        self.judged = []

    def agrees(self, right, draw, **how):
        self.judged.append((right, draw, how))
        super().agrees(right, draw, **how)


@functools.cache
def solutions(chapter):
    """Return what a chapter's solutions define, by name."""
    names, faults = answers.load(stubs.solution_file(chapter))
    assert not faults, faults
    return names


@functools.cache
def judged(exercise):
    """Return the solution of an exercise under check, after the check."""
    answer = Recorder(solutions(exercise.chapter)[exercise.name])
    with guard.watched(10 * exercise.seconds):
        exercise.check(answer)
    return answer


@each_exercise
def test_what_is_judged_by_several_calls_is_known(exercise):
    expected = exercise.number not in OTHERWISE
    assert bool(judged(exercise).judged) == expected, "use agrees, or say why not: judged_otherwise"


@each_exercise
def test_the_solution_agrees_with_another_on_many_random_cases(exercise):
    answer = judged(exercise)
    for right, draw, how in answer.judged:
        call, names = how.get("call") or answer, how.get("names")
        rtol, atol = how.get("rtol", 1e-6), how.get("atol", 1e-9)
        for arguments in recognise.drawn(draw, CASES, seed=1):
            wanted = right(*recognise.copied(arguments))
            returned = call(*recognise.copied(arguments))
            assert compare.problem(returned, wanted, rtol, atol, names) is None, arguments


@each_exercise
def test_known_mistakes_are_told_from_the_right_one_and_from_each_other(exercise):
    for right, draw, how in judged(exercise).judged:
        cases = recognise.drawn(draw, how.get("n_calls", 6))
        made = {"the right one": [[right(*recognise.copied(case)) for case in cases]]}
        for line, makers in (how.get("mistakes") or {}).items():
            makers = [makers] if callable(makers) else makers
            with np.errstate(all="ignore"):
                made[line] = [[m(*recognise.copied(case)) for case in cases] for m in makers]
        for (a, first), (b, second) in itertools.combinations(made.items(), 2):
            for some, others in itertools.product(first, second):
                apart = sum(differ(x, y) for x, y in zip(some, others, strict=True))
                assert apart >= recognise.FEWEST, f"{a!r} and {b!r} differ in {apart} calls only"


def differ(some, other):
    """Say whether two values differ in a part that both speak of; if there is none, they do."""
    if isinstance(some, tuple) and isinstance(other, tuple):
        pairs = zip(some, other, strict=True)
        both = [(x, y) for x, y in pairs if x is not None and y is not None]
        return not both or any(differ(x, y) for x, y in both)
    return not compare.matches(some, other)


def strange(value, k):
    """Return numbers like these that no mistake explains; others for each k."""
    if isinstance(value, (tuple, list)):
        return type(value)(strange(part, k + 0.31 * i) for i, part in enumerate(value))
    numbers = np.asarray(value)
    if numbers.dtype.kind == "i":
        return value + int(2 + 3 * abs(np.sin(17.3 * k)))
    if numbers.dtype.kind != "f":
        return value
    wave = np.sin(17.3 * k + np.arange(numbers.size) ** 2).reshape(numbers.shape)
    return (numbers * (1 + 0.3 * wave) + 0.1 * np.cos(5 * k)).astype(numbers.dtype)[()]


@each_exercise
def test_the_search_for_a_cause_is_short_where_there_is_none(exercise):
    answer = judged(exercise)
    for right, draw, how in answer.judged:
        call, calls = how.get("call") or answer, []
        names = list(inspect.signature(right).parameters)
        for k, args in enumerate(recognise.drawn(draw, 6)):
            want = right(*recognise.copied(args))
            given = dict(zip(names, recognise.copied(args), strict=False))
            calls.append(recognise.Call(given, strange(want, k + 1), want))
        asked = itertools.count(10)
        ask = lambda *args: strange(call(*args), next(asked))  # noqa: B023, E731
        begin = time.process_time()
        with guard.watched(exercise.seconds):
            known = {
                name: how[name] for name in ("mistakes", "names", "rtol", "atol") if name in how
            }
            cause = recognise.cause(calls, right, ask=ask, **known)
        assert cause is None
        assert time.process_time() - begin < exercise.seconds / 2
