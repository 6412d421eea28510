"""Chapter 2's figure *nudge one weight*, worked by hand, and against finite differences."""

import numpy as np
import pytest

pytestmark = pytest.mark.browser

PAGE = "book/02_linear_autoencoder.html"
NAME = "fig-nudge"


def loss(x, v, w):
    return (x * v * w - x) ** 2


def test_the_task_can_be_solved_from_the_keyboard(stage):
    def change():
        return [float(stage.number(name)) for name in ("predicted change", "actual change")]

    nudge = stage.slider("nudge")
    for key in ("ArrowRight", "ArrowLeft"):
        stage.live("reset()")
        while True:
            stage.press(nudge, key)
            predicted, actual = change()
            if abs(actual - predicted) >= 0.0999 * abs(predicted):
                break
        assert abs(stage.live("state.nudge")) == pytest.approx(0.1)
    stage.live("reset()")
    for _ in range(200):
        stage.press(nudge, "ArrowRight")
        if change()[1] > 0:
            break
    assert stage.live("state.nudge") == pytest.approx(1.01)  # one too far


@pytest.mark.parametrize(("x", "v", "w"), [(2, 0.5, 1), (-1.5, 1.2, -0.7), (0.3, -2, 2)])
def test_its_derivatives_are_finite_differences(stage, x, v, w):
    stage.live(f"set({{x: {x}, v: {v}, w: {w}, nudge: 0.4}})")
    state, h = stage.live("state"), 1e-5
    dv = (loss(x, v + h, w) - loss(x, v - h, w)) / (2 * h)
    dw = (loss(x, v, w + h) - loss(x, v, w - h)) / (2 * h)
    assert state["L"] == pytest.approx(loss(x, v, w), abs=1e-6)
    assert [state["dv"], state["dw"]] == pytest.approx([dv, dw], abs=1e-6)
    assert state["predicted"] == pytest.approx(0.4 * dv, abs=1e-6)
    assert state["actual"] == pytest.approx(loss(x, v + 0.4, w) - loss(x, v, w), abs=1e-6)
    assert float(stage.number("∂L/∂v")) == pytest.approx(dv, abs=5.1e-3)
    assert float(stage.number("∂L/∂w")) == pytest.approx(dw, abs=5.1e-3)


def test_the_chapters_example(stage):
    stage.radio("w").check()
    stage.press(stage.slider("nudge"), "ArrowRight")
    assert stage.number("predicted change") == "-0.0200"
    assert stage.number("actual change") == "-0.0199"


def test_the_nudge_is_dragged_by_the_mouse(stage):
    stage.drag(stage.slider("nudge along the curve"), 60, 0)
    nudge = stage.live("state.nudge")
    assert 0.2 < nudge < 1.5
    after = loss(2, 0.5 + nudge, 1) - 1
    assert float(stage.number("actual change")) == pytest.approx(after, abs=5.1e-5)
    stage.drag(stage.slider("x"), 30, 0)
    assert np.isfinite(float(stage.number("L")))
