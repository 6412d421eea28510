"""Chapter 1's figure *turn a line through a cloud*, worked by hand, and against NumPy."""

import numpy as np
import pytest

from vae_numpy import data, metrics

pytestmark = pytest.mark.browser

PAGE = "book/01_random_or_spiral.html"
NAME = "fig-turn-the-line"


def angles(stage):
    """Turn the line all the way round by the keyboard; return where it was widest and narrowest."""
    stage.press(stage.slider("angle"), "ArrowRight", times=179)
    told = (stage.number(name).split(" at ") for name in ("widest so far", "narrowest so far"))
    return [(float(variance), int(angle[:-1])) for variance, angle in told]


def test_the_task_can_be_solved_from_the_keyboard(stage):
    (wide, at_wide), (narrow, at_narrow) = angles(stage)
    assert abs(at_wide - at_narrow) == 90
    assert wide > 4 * narrow
    stage.press(stage.radio("cloud"), "ArrowDown")  # to the other one
    assert stage.live("state.cloud") == "spiral"
    found = angles(stage)
    eigenvalues = metrics.pca_spectrum(data.make_spiral(1000, random_state=0)[0])
    assert [v for v, _ in found] == pytest.approx(eigenvalues.tolist(), abs=6e-4)
    assert [a for _, a in found] == [146, 56]


def test_its_variance_is_that_of_numpy(stage):
    X = data.make_spiral(1000, random_state=0)[0]
    for degrees in (0, 20, 90, 171):
        stage.live(f"set({{cloud: 'spiral', degrees: {degrees}}})")
        u = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
        assert stage.live("state.variance") == pytest.approx(np.var(X @ u), abs=1e-6)
        assert float(stage.number("variance")) == pytest.approx(np.var(X @ u), abs=5.1e-4)


def test_the_line_is_turned_by_the_mouse_and_leaves_its_trace(stage):
    assert stage.live("state.passed") <= 2  # 0 and 180 degrees are one line
    stage.drag(stage.slider("end of the line"), -60, -100)
    degrees = stage.live("state.degrees")
    assert 30 < degrees < 80
    assert stage.live("state.passed") > degrees - 2
    assert stage.number("angle") == f"{degrees:.0f}°"


def test_the_curve_has_a_handle_too(stage):
    stage.drag(stage.slider("angle on the curve"), 50, 0)
    assert 15 < stage.live("state.degrees") < 60
