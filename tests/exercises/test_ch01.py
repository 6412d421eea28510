"""Your answers to chapter 1's exercises, in book/exercises/ch01.py."""

import pytest

from vae_numpy.exercises import exercises_of


@pytest.mark.parametrize("number", [exercise.number for exercise in exercises_of(1)])
def test_ch01(number, hand_in):
    hand_in(number)
