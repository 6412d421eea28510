"""Cooling: the schedule against its closed form, and what the model is given on the way."""

import os
import signal

import numpy as np
import pytest

from vae_numpy.models import VAE
from vae_numpy.schedules import cooling_beta, fit_cooling


class Recorder:
    """Remembers its beta at each round instead of learning."""

    def __init__(self, beta):
        self.beta, self.betas, self.rows = beta, [], []
        self.interrupted_ = False

    def partial_fit(self, X):
        self.betas.append(self.beta)
        self.rows.append(X)


def test_beta_falls_by_the_same_amount_each_round_and_then_rests():
    model = Recorder(4.0)
    fit_cooling(model, lambda: None, hottest=64.0, n_rounds=8, share=0.5)
    assert np.allclose(model.betas, [64, 49, 34, 19, 4, 4, 4, 4])


def test_a_parabola_stays_hot_for_longer():
    model = Recorder(4.0)
    fit_cooling(model, lambda: None, hottest=64.0, n_rounds=8, share=0.5, power=2)
    assert np.allclose(model.betas, [64, 60.25, 49, 30.25, 4, 4, 4, 4])


def test_no_cooling_keeps_beta():
    model = Recorder(3.0)
    fit_cooling(model, lambda: None, hottest=3.0, n_rounds=5)
    assert model.betas == [3.0] * 5


def test_schedule_starts_and_ends_where_it_says():
    assert cooling_beta(2.0, 50.0, 0.0) == pytest.approx(50.0)
    assert cooling_beta(2.0, 50.0, 0.9) == cooling_beta(2.0, 50.0, 1.0) == 2.0
    assert cooling_beta(2.0, 50.0, 0.5, share=1.0) == pytest.approx(26.0)


def test_each_round_sees_fresh_rows():
    model, drawn = Recorder(1.0), []

    def draw():
        drawn.append(len(drawn))
        return drawn[-1]

    fit_cooling(model, draw, hottest=2.0, n_rounds=3)
    assert model.rows == [0, 1, 2]


def test_beta_is_given_back_when_training_fails():
    model = VAE(beta=2.0)
    with pytest.raises(ValueError, match="X"):
        fit_cooling(model, lambda: np.full((4, 3), np.nan), hottest=8.0, n_rounds=2)
    assert model.beta == 2.0


def test_a_cooled_model_is_a_model_trained_at_these_betas():
    X = np.random.default_rng(0).normal(size=(64, 4))
    cooled = VAE(2, (8,), beta=1.0, random_state=0)
    fit_cooling(cooled, lambda: X, hottest=4.0, n_rounds=4, share=1.0)
    by_hand = VAE(2, (8,), random_state=0)
    for beta in (4.0, 3.25, 2.5, 1.75):
        by_hand.set_params(beta=beta).partial_fit(X)
    assert np.allclose(cooled.transform(X), by_hand.transform(X), rtol=1e-12)
    assert cooled.n_iter_ == 4


@pytest.mark.filterwarnings("ignore:stopped by Ctrl-C")
def test_ctrl_c_ends_the_training_and_keeps_what_was_learnt():
    X = np.random.default_rng(0).normal(size=(64, 4))

    def press(model):
        if model.n_iter_ == 2:
            os.kill(os.getpid(), signal.SIGINT)

    model = VAE(2, (8,), beta=1.0, random_state=0, callbacks=[press])
    fit_cooling(model, lambda: X, hottest=4.0, n_rounds=100)
    assert model.n_iter_ == 2 and model.beta == 1.0


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"hottest": 1.0}, "hottest"),
        ({"n_rounds": 0}, "n_rounds"),
        ({"share": 0.0}, "share"),
        ({"share": 1.5}, "share"),
        ({"power": 0}, "power"),
    ],
)
def test_bad_arguments_are_named(arguments, named):
    with pytest.raises(ValueError, match=named):
        fit_cooling(Recorder(2.0), lambda: None, **{"hottest": 4.0, "n_rounds": 2, **arguments})
