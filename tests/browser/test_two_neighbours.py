"""Chapter 1's figure *two neighbours*, worked by hand, and against the library's estimate."""

import numpy as np
import pytest
from visiting import wait_until

from vae_numpy import metrics

pytestmark = pytest.mark.browser

PAGE = "book/01_random_or_spiral.html"
NAME = "fig-two-neighbours"


def test_the_task_can_be_solved_from_the_keyboard(stage):
    stage.press(stage.slider("noise σ"), "ArrowRight", times=10)
    assert stage.live("state.sigma") == pytest.approx(0.01)
    assert float(stage.number("slope")) == pytest.approx(2, abs=0.15)
    while float(stage.number("slope")) >= 1.3:
        stage.press(stage.slider("blocks"), "ArrowRight")
    assert stage.number("points in a block") == "46"


@pytest.mark.parametrize(
    ("cloud", "dimension", "wanted"),
    [
        ("curve", 1, "{}"),
        ("sheet", 2, "{N: 900}"),
        ("solid", 3, "{sigma: 0.02}"),
        ("curve", 1, "{halvings: 3}"),
        ("curve", None, "{sigma: 0.01, halvings: 5}"),
    ],
)
def test_its_slope_is_the_librarys(stage, cloud, dimension, wanted):
    stage.radio(cloud).check()
    stage.live(f"set({wanted})")
    X, size = np.array(stage.live("points()")), stage.live("state.size")
    blocks = [X[i : i + size] for i in range(0, len(X) - size + 1, size)]
    mean = np.mean([metrics.intrinsic_dimension(block) for block in blocks])
    assert stage.live("state.slope") == pytest.approx(mean, abs=1e-6)
    assert float(stage.number("slope")) == pytest.approx(mean, abs=5.1e-3)
    if dimension:
        assert mean == pytest.approx(dimension, rel=0.1)


def test_a_click_chooses_a_point_and_its_circles(stage):
    plane = stage.locator.locator("svg").first
    box = plane.bounding_box()
    plane.click(position={"x": box["width"] / 2, "y": 0.3 * box["height"]})
    state, X = stage.live("state"), np.array(stage.live("points()"))
    r = np.sort(np.linalg.norm(X - X[state["chosen"]], axis=1))
    assert [state["r1"], state["r2"]] == pytest.approx(r[1:3].tolist(), abs=1e-6)
    assert float(stage.number("ratio μ")) == pytest.approx(r[2] / r[1], abs=5.1e-3)
    assert abs(X[state["chosen"]][0]) < 0.2 and X[state["chosen"]][1] > 0.3


def test_the_dot_drops_and_comes_to_rest(stage):
    choose = """(stage) => {
        const slider = stage.querySelector("[id$=chosen-point]");
        slider.value = 10;
        slider.dispatchEvent(new Event("input"));
        return stage.live.state.height;
    }"""
    assert stage.locator.evaluate(choose) == 1
    here = f"document.querySelector('#live-{NAME}').live.state.height"
    wait_until(stage.page, f"{here} === 0")


def test_fewer_points_and_the_block_of_the_chosen_one(stage):
    stage.press(stage.slider("blocks"), "End")
    stage.press(stage.slider("points N"), "Home")
    state = stage.live("state")
    assert state["N"] == 100 and state["size"] >= 10
    X = np.array(stage.live("points()"))
    start = state["chosen"] // state["size"] * state["size"]
    block = X[start : start + state["size"]]
    r = np.sort(np.linalg.norm(block - X[state["chosen"]], axis=1))
    assert [state["r1"], state["r2"]] == pytest.approx(r[1:3].tolist(), abs=1e-6)
