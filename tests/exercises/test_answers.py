"""Your answers to the exercises, in book/exercises/: ``-k ch02`` for those of chapter 2."""

import pytest

from vae_numpy.exercises import chapters, exercises_of

EXERCISES = [exercise for chapter in chapters() for exercise in exercises_of(chapter)]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"ch{e.chapter:02d}-{e.number}")
def test_answer(exercise, hand_in):
    hand_in(exercise)
