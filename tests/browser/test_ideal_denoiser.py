"""Chapter 4's figure *the ideal denoiser*, worked by mouse and keyboard, its numbers in Python."""

import base64
import json

import numpy as np
import pytest
from visiting import SITE

pytestmark = pytest.mark.browser

PAGE = "book/04_what_autoencoders_are_for.html"
NAME = "uses-ideal-by-hand"


@pytest.fixture(scope="module")
def published():
    """The points, their places, and the network's weights, as the page loads them."""

    def unpack(packed):
        raw = base64.b64decode(packed["float32"])
        return np.frombuffer(raw, "<f4").reshape(packed["shape"]).astype(np.float64)

    data = json.loads((SITE / f"_static/live/data/{NAME}.json").read_text("utf-8"))
    points, places = unpack(data["points"]), unpack(data["places"])
    return points, places, [[unpack(p) for p in data[name]] for name in ("encoder", "decoder")]


def expected(x, sigma, published):
    """The ideal and the network's answer at x, from their formulas."""
    points, _, networks = published
    weights = np.exp(-np.sum((points - x) ** 2, axis=1) / (2 * sigma**2))
    h = np.array(x)
    for W1, b1, W2, b2, W3, b3 in networks:
        h = np.maximum(np.maximum(h @ W1 + b1.ravel(), 0) @ W2 + b2.ravel(), 0) @ W3 + b3.ravel()
    return weights, weights @ points / weights.sum(), h


@pytest.mark.parametrize(("x", "y", "sigma"), [(0.95, 0.75, 0.1), (-0.3, 0.4, 0.3), (0, 0, 0.05)])
def test_its_numbers_are_those_of_python(stage, published, x, y, sigma):
    stage.live(f"set({{x: {x}, y: {y}, sigma: {sigma}}})")
    seen = stage.live("look()")
    weights, ideal, network = expected((x, y), sigma, published)
    assert np.allclose(seen["weights"], weights / weights.max(), atol=1e-6)
    assert seen["ideal"] == pytest.approx(ideal, abs=1e-6)
    assert seen["network"] == pytest.approx(network, abs=1e-6)
    apart = np.linalg.norm(ideal - network)
    assert float(stage.number("apart")) == pytest.approx(apart, abs=5.1e-4)
    moves = np.linalg.norm(np.array([ideal, network]) - (x, y), axis=1)
    for name, move in zip(("ideal", "network"), moves, strict=True):
        shown = float(stage.number(f"{name} moves it by"))
        assert shown == pytest.approx(move, abs=5.1e-4)


def test_the_task_can_be_solved_from_the_keyboard(stage, published):
    """Walk down the gap between two arms to where their pulls cancel; with less noise one wins."""
    stage.live("set({x: 0.54, y: 0.4})")
    handle = stage.slider("noisy point")
    for _ in range(25):
        if float(stage.number("ideal moves it by")) < 0.01:
            break
        stage.press(handle, "ArrowDown")
    assert float(stage.number("ideal moves it by")) < 0.01
    glowing = published[1][np.array(stage.live("look()")["weights"]) > 0.3]
    inner, outer = glowing < 0.1, glowing > 0.5
    assert inner.any() and outer.any() and (inner | outer).all()  # a piece of either arm
    by_network = stage.number("network moves it by")
    stage.press(stage.slider("noise σ of the ideal"), "ArrowLeft", times=7)
    assert stage.live("state.sigma") == pytest.approx(0.03)
    assert float(stage.number("ideal moves it by")) > 0.15
    assert stage.number("network moves it by") == by_network


def test_the_point_is_dragged_by_mouse(stage):
    before = stage.live("state")
    stage.drag(stage.slider("noisy point"), -60, 40)
    after = stage.live("state")
    assert after["x"] < before["x"] - 0.2
    assert after["y"] < before["y"] - 0.1
    stage.button("Reset").click()
    assert stage.live("state") == before
