"""Chapter 8's figure *cooling*, worked by mouse and keyboard, its numbers against Python's."""

import base64
import json

import numpy as np
import pytest
from visiting import ROOT

pytestmark = pytest.mark.browser

PAGE = "book/08_beta_vae.html"
NAME = "beta-cooling-live"
MODELS = json.loads((ROOT / "experiments/results/cooling.json").read_text("utf-8"))["models"]


def off_axes(model, look):
    """The page's cell of that name, on the places that were stored."""
    packed = model["places"]
    whole = np.frombuffer(base64.b64decode(packed["int8"]), np.int8).reshape(packed["shape"])
    grid = np.stack(np.meshgrid(np.arange(7), np.arange(7)), axis=-1).reshape(-1, 2)
    codes = whole[look] * packed["scale"]
    slopes = np.linalg.lstsq(grid - grid.mean(axis=0), codes, rcond=None)[0]
    angle = np.degrees(np.arctan2(slopes[0, 1], slopes[0, 0])) % 90
    return min(angle, 90 - angle)


def test_the_task_can_be_solved_from_the_keyboard(stage):
    rounds, seeds = stage.slider("round"), stage.slider("seed")
    while stage.number("alive, cooled") != "3":
        stage.press(rounds, "ArrowRight")
    assert 3 < float(stage.number("price, cooled")) < 12
    stage.press(rounds, "End")
    askew = []
    for _ in range(8):
        askew.append(float(stage.number("askew, cooled").rstrip("°")) > 20)
        stage.press(seeds, "ArrowRight")
    assert [i + 1 for i, bad in enumerate(askew) if bad] == [2, 4, 5]


def test_the_mouse_drags_both_sliders(stage):
    stage.drag(stage.slider("round"), 60, 0)
    stage.drag(stage.slider("seed"), -40, 0)
    state = stage.live("state")
    assert state["look"] > 22 and state["seed"] < 4
    stage.button("Reset").click()
    assert stage.live("state") == {"seed": 0, "look": 10}


def test_its_numbers_are_those_of_python(stage):
    for seed, look in [(0, 0), (2, 20), (3, 44), (7, 30)]:
        stage.live(f"set({{seed: {seed}, look: {look}}})")
        for way, seen in enumerate(stage.live("look()")):
            name = ("plain", "cooled")[way]
            model = MODELS[2 * seed + way]
            angle = off_axes(model, look)
            assert seen["askew"] == pytest.approx(angle, abs=1e-6)
            assert stage.number(f"askew, {name}") == f"{angle:.0f}°"
            assert seen["price"] == model["price"][look]
            alive = sum(kl > 0.1 for kl in model["carried"][look])
            assert stage.number(f"alive, {name}") == str(alive)
