"""Chapter 2's figure *drag the decoder's line*, worked by hand, and against the chapter's loop."""

import numpy as np
import pytest
from visiting import wait_until

from vae_numpy import data

pytestmark = pytest.mark.browser

PAGE = "book/02_linear_autoencoder.html"
NAME = "fig-drag-the-line"


@pytest.fixture(scope="module")
def centred():
    X = data.make_spiral(1000, random_state=0)[0]
    return X - X.mean(axis=0)


def loss_at(Xc, w):
    return np.mean(np.sum((np.outer(Xc @ w, w) - Xc) ** 2, axis=1))


def descend(Xc, w, eta, steps):
    """The chapter's loop, with weights that encoder and decoder share."""
    w = np.array(w, float)
    for _ in range(steps):
        V, W = w[:, None], w[None]
        dX_hat = 2 / len(Xc) * (Xc @ V @ W - Xc)
        dV, dW = Xc.T @ dX_hat @ W.T, (Xc @ V).T @ dX_hat
        w = w - eta * (dV[:, 0] + dW[0]) / 2
    return w


def test_the_lowest_loss_can_be_found_by_dragging(stage, centred):
    u = np.linalg.eigh(centred.T @ centred)[1][:, 1]
    u *= np.sign(u[1])
    x, y = stage.live("state.w")
    plot = stage.locator.locator("canvas").first.bounding_box()
    unit = (plot["width"] - 48) / 2.8  # pixels to a unit of the data
    stage.drag(stage.slider("end of the line"), (u[0] - x) * unit, -(u[1] - y) * unit)
    assert float(stage.number("loss")) == pytest.approx(0.225, abs=0.002)
    assert float(stage.number("angle")[:-1]) == pytest.approx(146, abs=2)


def test_the_largest_step_size_that_comes_to_rest(stage):
    rests = []
    for eta in (1.5, 1.55, 1.6, 1.65, 1.7, 1.75):
        stage.button("Start small").click()
        stage.live(f"set({{eta: {eta}}})")
        stage.live("train(2000)")
        rests.append(stage.number("the ball is") == "at rest")
    assert rests == [True, True, True, False, False, False]  # the limit is 1.62
    stage.press(stage.slider("step size η"), "End")
    stage.button("Start small").click()
    stage.live("train(200)")
    assert stage.number("the ball is") == "gone, out of the map"


def test_its_numbers_are_those_of_the_chapters_loop(stage, centred):
    for w, eta, steps in [([0.06, 0.02], 0.5, 15), ([0.06, 0.02], 0.5, 200), ([0.9, -1], 0.2, 40)]:
        stage.live(f"set({{w: {w}, eta: {eta}}})")
        stage.live(f"train({steps})")
        found, state = descend(centred, w, eta, steps), stage.live("state")
        assert state["w"] == pytest.approx(found.tolist(), abs=1e-6)
        assert state["loss"] == pytest.approx(loss_at(centred, found), abs=1e-6)
    assert float(stage.number("loss")) == pytest.approx(state["loss"], abs=5.1e-5)


def test_the_ball_rolls_straight_down_the_map(stage, centred):
    """Half the map's slope, by finite differences: each of the two matrices takes its half."""
    w, h = np.array([0.9, -0.4]), 1e-5
    stage.live(f"set({{w: {w.tolist()}}})")
    slope = [
        (loss_at(centred, w + e) - loss_at(centred, w - e)) / (2 * h) for e in h * np.identity(2)
    ]
    assert stage.live("gradient()") == pytest.approx([s / 2 for s in slope], abs=1e-6)


@pytest.mark.parametrize("level", [0.24, 0.308, 0.4, 0.5, 0.95])
def test_the_map_is_the_loss(stage, centred, level):
    lines = stage.live(f"contour({level})")
    assert len(lines) == 2
    for w in np.concatenate(lines)[::20]:
        if np.any(w):
            assert loss_at(centred, w) == pytest.approx(level, abs=1e-6)


def test_on_the_saddle_it_rests_and_beside_it_it_rolls(stage):
    stage.button("Start on the saddle").click()
    stage.live("train(5000)")
    assert stage.number("the ball is") == "at rest"
    assert float(stage.number("loss")) == pytest.approx(0.308, abs=6e-4)
    stage.press(stage.slider("ball"), "ArrowRight")
    stage.live("train(5000)")
    assert float(stage.number("loss")) == pytest.approx(0.225, abs=6e-4)


def test_run_pause_and_step_by_mouse(stage):
    stage.button("Start small").click()
    stage.button("Run").click()
    wait_until(stage.page, f"document.querySelector('#live-{NAME}').live.state.done > 3")
    assert stage.number("the ball is") == "rolling"
    stage.button("Pause").click()
    done = stage.live("state.done")
    stage.button("Step").click()
    assert stage.live("state.done") == done + 1
    assert stage.number("step") == str(done + 1)


def test_a_click_on_the_map_puts_the_ball_there(stage):
    map_ = stage.locator.locator("svg").nth(1)
    box = map_.bounding_box()
    map_.click(position={"x": 40 + (box["width"] - 48) / 4, "y": box["height"] - 36 - 30})
    x, y = stage.live("state.w")
    assert x == pytest.approx(-0.7, abs=0.05) and -1.3 < y < -1
    stage.drag(stage.slider("ball"), 60, -60)
    assert stage.live("state.w")[0] > x + 0.3
