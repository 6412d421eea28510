"""Chapter 10's figure *make a neuron score*, worked by hand, its numbers against Python's."""

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from vae_numpy import metrics

pytestmark = pytest.mark.browser

PAGE = "book/10_back_to_the_brain.html"
NAME = "brain-neuron-live"
AXES = "one of two axes"


def score(stage):
    return float(stage.number("alignment score"))


def control(stage):
    """The least, the median and the largest score of the recombined neurons, as they are shown."""
    middle, rest = stage.number("recombined").split(", from ")
    low, high = rest.split(" to ")
    return float(low), float(middle), float(high)


def exact_scores(units, r, alpha):
    """A lasso of each neuron to the last digit, and its score: NaN without weights."""
    units, r = ((a - a.mean(axis=0)) / a.std(axis=0) for a in (units, r))
    w = np.abs(Lasso(alpha, fit_intercept=False, tol=1e-14).fit(units, r).coef_)
    with np.errstate(invalid="ignore"):
        p = w / w.sum(axis=1, keepdims=True)
    log_p = np.log(p, out=np.zeros_like(p), where=p > 0)
    return w, 1 + np.sum(p * log_p, axis=1) / np.log(2)


@pytest.mark.parametrize(
    ("slider", "key"), [("share explained", "ArrowLeft"), ("penalty alpha", "ArrowRight")]
)
def test_a_score_without_alignment_and_its_control_from_the_keyboard(stage, slider, key):
    assert score(stage) < 0.5
    while score(stage) <= 0.7:
        stage.press(stage.slider(slider), key)
    stage.press(stage.button("Recombine"), "Enter")
    low, middle, high = control(stage)
    assert middle > 0.55 and low < score(stage) < high, "it was not theirs"


def test_alignment_does_not_outlive_its_control(stage):
    stage.press(stage.radio("an axis of its own"), "ArrowDown")
    assert stage.live("state.kind") == AXES
    handle = stage.slider("direction of your neuron")
    while score(stage) < 1:
        stage.press(handle, "ArrowDown")
    assert 0 < stage.live("state.angle") < 8.2, "asin(0.1 / sqrt(0.5)) is 8.1 degrees"
    stage.button("Recombine").click()
    assert control(stage)[2] < 0.8
    stage.press(handle, "ArrowUp", times=30)  # the control follows, and no score beats it now
    assert score(stage) < control(stage)[2]


def test_the_mouse_turns_neurons_and_model(stage):
    stage.drag(stage.slider("direction of your neuron"), -60, -40)
    assert stage.live("state.angle") > 45
    stage.drag(stage.slider("axis of latent 1"), 0, 60)
    assert stage.live("state.model") < -15
    stage.drag(stage.slider("neurons"), -60, 0)
    assert 2 <= stage.live("state.count") < 25
    assert (
        stage.number("with a score")
        == f"{stage.live('state.count')} of {stage.live('state.count')}"
    )


def test_other_neurons_need_another_control(stage):
    stage.button("Recombine").click()
    assert stage.live("state.recombined")
    stage.press(stage.slider("penalty alpha"), "ArrowRight")
    assert stage.live("state.recombined")
    stage.press(stage.slider("neurons"), "ArrowLeft")
    assert stage.number("recombined") == "not yet"


@pytest.mark.parametrize(
    "setting",
    [
        "{}",
        "{ angle: 71, model: -23, alpha: 0.17, share: 0.3, count: 40 }",
        "{ kind: 'one of two axes', angle: 12, alpha: 0.02, share: 1 }",
        "{ alpha: 0.3, share: 0.13, model: 200 }",  # a few neurons lose all of their weights
    ],
)
def test_its_numbers_are_those_of_python(stage, setting):
    stage.live(f"set({setting})")
    stage.live("recombine()")
    state, seen = stage.live("state"), stage.live("look()")
    z, r = np.transpose(seen["z"]), np.transpose(seen["responses"])
    turn = np.radians(state["model"])
    units = z @ [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    weights, scores = exact_scores(units, r, state["alpha"])
    np.testing.assert_allclose(np.abs([n["w"] for n in seen["neurons"]]), weights, atol=1e-6)
    found = np.array([n["score"] for n in seen["neurons"]], float)  # None becomes NaN
    np.testing.assert_allclose(found, scores, atol=1e-6)
    assert seen["score"] == pytest.approx(np.nanmean(scores), abs=1e-6)
    assert seen["score"] == pytest.approx(
        metrics.alignment_score(units, r, state["alpha"]), abs=1e-3
    )
    assert stage.number("with a score") == f"{np.isfinite(scores).sum()} of {state['count']}"
    assert stage.number("alignment score") == f"{np.nanmean(scores):.2f}"

    Q = np.transpose(seen["rotation"])
    np.testing.assert_allclose(Q.T @ Q, np.eye(len(Q)), atol=1e-9)
    assert seen["control"][0] == pytest.approx(
        np.nanmean(exact_scores(units, r @ Q, state["alpha"])[1]), abs=1e-6
    )
    assert len(seen["control"]) == 100
    low, middle, high = control(stage)
    assert (low, high) == pytest.approx((min(seen["control"]), max(seen["control"])), abs=5.1e-3)
    assert middle == pytest.approx(np.median(seen["control"]), abs=0.02)


def test_the_neurons_are_those_of_the_page(stage):
    """Standardised factors, directions of length 1, and the share of the variance explained."""
    stage.live("set({ share: 0.3, count: 40 })")
    seen = stage.live("look()")
    z, r = np.transpose(seen["z"]), np.transpose(seen["responses"])
    assert np.abs(z.mean(axis=0)).max() < 1e-12 and np.abs(z.std(axis=0) - 1).max() < 0.05
    assert all(len(np.unique(column.round(6))) == 32 for column in z.T)
    fitted = np.linalg.lstsq(z, r, rcond=None)[0]  # (2, 40): sqrt(0.3) d
    assert np.linalg.norm(fitted, axis=0).mean() == pytest.approx(np.sqrt(0.3), abs=0.02)
    assert r.var(axis=0).mean() == pytest.approx(1, abs=0.03)
    assert np.degrees(np.arctan2(*fitted[::-1, 0])) == pytest.approx(30, abs=6)
