"""Your answers to chapter 7's exercises, in book/exercises/ch07.py."""

import pytest

from vae_numpy.exercises import exercises_of


@pytest.mark.parametrize("number", [exercise.number for exercise in exercises_of(7)])
def test_ch07(number, hand_in):
    hand_in(number)
