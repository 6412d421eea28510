"""Chapter 3's figure *tear it*, worked by mouse and keyboard, its numbers against Python's."""

import re

import numpy as np
import pytest
from scipy.stats import spearmanr
from visiting import wait_until

pytestmark = pytest.mark.browser

PAGE = "book/03_nonlinear_autoencoder.html"
NAME = "nonlinear-tear-it"


def test_the_task_can_be_solved_from_the_keyboard(stage):
    stage.press(stage.radio("all at once"), "Space")
    while float(stage.number("loss")) >= 0.15 and stage.live("state.done") < 5000:
        stage.live("train(250)")
    assert float(stage.number("loss")) < 0.15
    assert float(stage.number("|Spearman|")) < 0.6
    stage.press(stage.radio("all at once"), "ArrowDown")  # to the other one
    assert stage.live("state.growing") is True
    stage.live("train(5000)")
    assert float(stage.number("loss")) < 0.05
    assert float(stage.number("|Spearman|")) > 0.98


def test_train_and_pause_by_mouse(stage):
    stage.button("Train").click()
    wait_until(stage.page, f"document.querySelector('#live-{NAME}').live.state.done > 20")
    stage.button("Pause").click()
    done = stage.live("state.done")
    stage.page.wait_for_timeout(200)
    assert stage.live("state.done") == done
    assert stage.number("step") == f"{done} of 5000"
    stage.button("Reset").click()
    assert stage.number("step") == "0 of 5000"


def test_its_numbers_are_those_of_python(stage):
    stage.live("train(100)")
    seen = stage.locator.evaluate("stage => stage.live.look()")
    z, t, X, X_hat = (np.array(seen[name]) for name in ("z", "t", "X", "X_hat"))
    loss = np.mean(np.sum((X - X_hat) ** 2, axis=1))
    assert stage.live("state.loss") == pytest.approx(loss, abs=1e-6)
    assert stage.live("state.rank") == pytest.approx(abs(spearmanr(z, t)[0]), abs=1e-6)
    assert float(stage.number("loss")) == pytest.approx(loss, abs=5e-5)


def test_z_moves_the_dot_by_keyboard_and_by_mouse(stage):
    handle = stage.slider("latent z")
    before = stage.number("z")
    stage.press(handle, "ArrowUp", times=3)
    assert stage.live("state.place") == pytest.approx(0.53)
    assert stage.number("z") != before
    stage.drag(handle, 0, 60)
    assert 0.1 < stage.live("state.place") < 0.45


def test_a_click_on_a_point_shows_its_code(stage):
    assert stage.number("chosen point") == "none"
    box = stage.locator.locator("svg").first.bounding_box()
    stage.page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    text = stage.number("chosen point")
    t, code = map(float, re.match(r"t (\S+), code (\S+)", text).groups())
    chosen, seen = stage.live("state.chosen"), stage.locator.evaluate("s => s.live.look()")
    assert (t, code) == pytest.approx((seen["t"][chosen], seen["z"][chosen]), abs=5.1e-4)


def test_a_tap_on_a_telephone_does_too(visit):
    view = visit(width=390)
    view.open(PAGE)
    stage = view.figure(NAME)
    canvas = stage.locator.locator("svg").first
    box = canvas.bounding_box()
    canvas.tap(position={"x": box["width"] / 2, "y": box["height"] / 4})
    assert stage.number("chosen point").startswith("t ")


def test_it_is_redrawn_when_the_theme_changes(stage):
    first = "stage => stage.querySelector('canvas').toDataURL()"
    light = stage.locator.evaluate(first)
    stage.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    stage.page.wait_for_timeout(100)
    assert stage.locator.evaluate(first) != light
