"""Your answers to chapter 3's exercises, in book/exercises/ch03.py."""

import pytest

from vae_numpy.exercises import exercises_of


@pytest.mark.parametrize("number", [exercise.number for exercise in exercises_of(3)])
def test_ch03(number, hand_in):
    hand_in(number)
