"""Your answers to chapter 6's exercises, in book/exercises/ch06.py."""

import pytest

from vae_numpy.exercises import exercises_of


@pytest.mark.parametrize("number", [exercise.number for exercise in exercises_of(6)])
def test_ch06(number, hand_in):
    hand_in(number)
