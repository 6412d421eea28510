"""Chapter 7's figure *the water level*, worked by mouse and keyboard, its numbers by NumPy."""

import numpy as np
import pytest

from vae_numpy.data import split_digits

pytestmark = pytest.mark.browser

PAGE = "book/07_variational_autoencoder.html"
NAME = "vae-water-level"
SHOWN = ("beta sigma²", "rate", "distortion", "slope")
GREY = split_digits()[0].astype(np.float32)
SPECTRA = {
    "five columns": np.array([9, 5, 2.5, 1.2, 0.4]),
    "digits": np.linalg.eigvalsh(np.cov(GREY.T, bias=True)).clip(0).round(6),  # as on the page
}


def test_the_task_can_be_solved_from_the_keyboard(stage):
    stage.press(stage.radio("five columns"), "ArrowDown")  # to the digits
    stage.live("set({sigma2: 0.05})")
    presses = 0
    while stage.number("alive") != "5 of 64" and presses < 100:
        stage.press(stage.slider("beta"), "ArrowRight")
        presses += 1
    assert 4.5 < stage.live("state.beta") < 5.5
    before = {
        label: stage.number(label) for label in ("beta sigma²", "rate", "distortion", "slope")
    }
    loss = stage.number("loss")
    stage.press(stage.radio("stays"), "ArrowDown")  # to the other one
    stage.press(stage.slider("beta"), "ArrowLeft", times=presses)
    assert stage.live("state.beta") == pytest.approx(1, rel=0.02)
    ordered = np.sort(SPECTRA["digits"])
    assert ordered[-6] < stage.live("state.sigma2") < ordered[-5]
    assert {label: stage.number(label) for label in before} == before
    assert stage.number("loss") != loss


@pytest.mark.parametrize("name", SPECTRA)
def test_its_numbers_are_those_of_numpy(stage, name):
    lam = SPECTRA[name]
    for beta, sigma2 in [(1, 0.3), (2, 0.11), (4, 0.24)]:
        stage.live(f"set({{data: '{name}', beta: {beta}, sigma2: {sigma2}}})")
        seen, w = stage.live("look()"), beta * sigma2
        rate = 0.5 * np.log(lam[lam > w] / w).sum()
        distortion = np.minimum(lam, w).sum()
        assert seen["level"] == pytest.approx(w, abs=1e-9)
        assert seen["alive"] == np.sum(lam > w)
        assert seen["rate"] == pytest.approx(rate, abs=1e-6)
        assert seen["distortion"] == pytest.approx(distortion, abs=1e-6)
        nll = 0.5 * (distortion / sigma2 + len(lam) * np.log(2 * np.pi * sigma2))
        assert seen["loss"] == pytest.approx(nll + beta * rate, abs=1e-6)
        assert stage.number("rate") == f"{seen['rate']:.2f} nats"
        assert stage.number("slope") == f"{-2 * w:.2f}"


def test_the_water_and_the_point_are_dragged(stage):
    before = stage.live("look()")
    stage.drag(stage.slider("water level"), 0, -60)  # up: the water rises
    higher = stage.live("look()")
    assert higher["level"] > before["level"] + 1
    assert higher["alive"] < before["alive"]
    assert higher["rate"] < before["rate"] and higher["distortion"] > before["distortion"]
    stage.drag(stage.slider("point on the curve"), 40, 0)
    after = stage.live("look()")
    assert after["rate"] > higher["rate"] and after["level"] < higher["level"]
    assert stage.live("state.sigma2") == 0.8  # it is beta that they change


def test_the_tangent_has_the_slope_of_the_curve(stage):
    stage.live("set({beta: 2, sigma2: 1})")
    here = stage.live("look()")
    stage.live("set({beta: 2.0001})")
    there = stage.live("look()")
    slope = (there["distortion"] - here["distortion"]) / (there["rate"] - here["rate"])
    assert slope == pytest.approx(float(stage.number("slope")), rel=1e-3)


def test_the_level_stays_within_the_data(stage):
    stage.live("set({beta: 1000, sigma2: 5})")
    assert stage.live("look().level") == pytest.approx(10)
    stage.live("set({data: 'digits'})")
    assert stage.live("look().level") == pytest.approx(1)
    assert stage.number("alive") == "0 of 64"
