"""The measure of the checks: wrong answers are rejected, and told the true cause or none."""

import pytest

from tests.exercises_gate import register
from tests.exercises_gate.__main__ import row
from tests.exercises_gate.register import MISTAKES, Mistake, load, mistake, skip_if_not_timed
from vae_numpy.exercises import Verdict, chapters, exercises_of

FEWEST, SHARE_TOLD, TOTAL = 8, 0.85, 560  # for an exercise; of all answers; in the book

HERE, KEPT = load()


@pytest.mark.parametrize("one", HERE, ids=lambda m: f"{m.number}-{m.answer.__name__}")
def test_a_wrong_answer_is_rejected_and_told_the_true_cause_or_none(one):
    outcome, verdict = one.outcome()
    skip_if_not_timed(verdict)
    wanted = "untold" if one.told is None else "told"
    assert outcome == wanted, f"{one.cause}: {verdict}"


@pytest.mark.parametrize("chapter", chapters())
def test_each_exercise_has_enough_wrong_answers(chapter):
    for exercise in exercises_of(chapter):
        count = sum(one.number == exercise.number for one in HERE + KEPT)
        assert count >= FEWEST, f"{exercise.number} has {count}"


def test_no_answer_to_9_8_is_made_to_divide_by_zero():
    verdicts = [one.outcome()[1] for one in HERE + KEPT if one.number == "9.8"]
    assert not [verdict for verdict in verdicts if "divide by zero" in str(verdict)]


def test_the_true_cause_is_named_for_most():
    mistakes = HERE + KEPT
    told = sum(one.told is not None for one in mistakes)
    assert told >= SHARE_TOLD * len(mistakes), f"{told} of {len(mistakes)}"
    assert len(mistakes) >= TOTAL


def test_every_wrong_answer_belongs_to_an_exercise_and_says_its_cause():
    numbers = {e.number for chapter in chapters() for e in exercises_of(chapter)}
    assert {one.number for one in HERE + KEPT} <= numbers
    assert all(one.cause and callable(one.answer) for one in HERE + KEPT)


@pytest.mark.parametrize(
    "told, verdict, outcome",
    [
        ("N times", ("wrong", "it is N times the right one", [], True), "told"),
        ("returns nothing", ("wrong", "returns nothing; wanted a number", [], False), "told"),
        ("the other axis", ("wrong", "it is N times the right one", [], True), "false"),
        (None, ("wrong", "it is N times the right one", [], True), "false"),
        (None, ("wrong", "the value is wrong", [], False), "untold"),
        (None, ("right", "", [], False), "accepted"),
        ("N times", ("not started", "write it", [], False), "accepted"),
    ],
)
def test_the_outcome_of_a_verdict(monkeypatch, told, verdict, outcome):
    monkeypatch.setattr(register, "examine", lambda number, answer: Verdict(number, "f", *verdict))
    assert Mistake("1.1", "made up", abs, told).outcome()[0] == outcome


@pytest.mark.parametrize(
    "name, call, line",
    [
        ("pepper_fixed_number_each", "shape (200, 400)", "hits in the first pictures: [120"),
        ("pepper_fixed_number", "shape (20, 30)", "one after the other: {180}"),
        ("strictly_more", "share = 0.875", "the share 0.875 is kept by 4, yours says 5"),
    ],
)
def test_what_is_counted_belongs_to_the_call_that_is_shown(name, call, line):
    one = next(one for one in HERE if one.answer.__name__ == name)
    details = one.outcome()[1].details
    shown = [detail for detail in details if "called with" in detail]
    assert len(shown) == 1 and call in " ".join(details), details
    assert any(line in detail for detail in details), details
    assert sum("is kept by" in detail for detail in details) <= 1


def test_a_mark_keeps_the_answer_as_it_is():
    assert mistake("1.1", "made up", told="N times")(abs) is abs
    assert MISTAKES.pop() == Mistake("1.1", "made up", abs, "N times")
    assert row("1.1", {"told": 2, "accepted": 1, "untold": 0, "false": 0}).split() == (
        ["1.1", "3", "2", "2", "0", "0"]
    )
