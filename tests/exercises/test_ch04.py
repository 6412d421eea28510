"""Your answers to chapter 4's exercises, in book/exercises/ch04.py."""

import pytest

from vae_numpy.exercises import exercises_of


@pytest.mark.parametrize("number", [exercise.number for exercise in exercises_of(4)])
def test_ch04(number, hand_in):
    hand_in(number)
