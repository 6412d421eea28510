"""Your answers to chapter 5's exercises, in book/exercises/ch05.py."""

import pytest

from vae_numpy.exercises import exercises_of


@pytest.mark.parametrize("number", [exercise.number for exercise in exercises_of(5)])
def test_ch05(number, hand_in):
    hand_in(number)
