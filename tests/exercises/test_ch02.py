"""Your answers to chapter 2's exercises, in book/exercises/ch02.py."""

import pytest

from vae_numpy.exercises import exercises_of


@pytest.mark.parametrize("number", [exercise.number for exercise in exercises_of(2)])
def test_ch02(number, hand_in):
    hand_in(number)
