"""Your answers to chapter 9's exercises, in book/exercises/ch09.py."""

import pytest

from vae_numpy.exercises import exercises_of


@pytest.mark.parametrize("number", [exercise.number for exercise in exercises_of(9)])
def test_ch09(number, hand_in):
    hand_in(number)
