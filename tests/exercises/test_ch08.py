"""Your answers to chapter 8's exercises, in book/exercises/ch08.py."""

import pytest

from vae_numpy.exercises import exercises_of


@pytest.mark.parametrize("number", [exercise.number for exercise in exercises_of(8)])
def test_ch08(number, hand_in):
    hand_in(number)
