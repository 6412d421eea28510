"""Chapter 9's figure *the last slider*, by mouse and keyboard, its numbers against NumPy's."""

import base64
import json

import numpy as np
import pytest
from scipy.special import expit
from visiting import SITE

from vae_numpy.convolution import ConvTranspose2D

pytestmark = pytest.mark.browser

PAGE = "book/09_seeing_locally.html"
NAME = "seeing-ring"


@pytest.fixture(scope="module")
def published():
    return json.loads((SITE / f"_static/live/data/{NAME}.json").read_text("utf-8"))


def unpack(packed):
    kind = "int8" if "int8" in packed else "float32"
    numbers = np.frombuffer(base64.b64decode(packed[kind]), {"int8": "i1", "float32": "<f4"}[kind])
    return numbers.reshape(packed["shape"]) * float(packed["scale"])


def decode(data, angle, sliders):
    """Return the picture that the library's layers make of the page's weights."""
    turn = [1, np.cos(np.radians(angle)), np.sin(np.radians(angle))] @ np.array(data["ring"])
    ends = np.array([mover["ends"] for mover in data["movers"]])
    h = np.concatenate([turn, ends[:, 0] + sliders * (ends[:, 1] - ends[:, 0])])
    for layer in data["dense"]:
        h = np.maximum(h @ unpack(layer["W"]) + unpack(layer["b"]), 0)
    rng = np.random.default_rng(0)
    made = [
        ConvTranspose2D(
            up["shape_out"], up["channels"], up["kernel_size"], up["activation"],
            stride=up["stride"], padding=up["padding"], rng=rng, dtype=np.float64,
        )
        for up in data["up"]
    ]  # fmt: skip
    x = np.zeros((1, made[0].n_in))
    x[0, data["awake"]] = h
    for layer, up in zip(made, data["up"], strict=True):
        layer.W.value[...], layer.b.value[...] = unpack(up["W"]), unpack(up["b"])
        x = layer.forward(x)
    return expit(x[0])


def longest_direction(picture):
    """Return the middle of the white, and the angle of its first principal axis [degrees]."""
    down, across = np.indices((32, 32)).reshape(2, -1) + 0.5
    points = np.stack([across, -down])
    covariance = np.cov(points, aweights=picture)
    along = np.linalg.eigh(covariance)[1][:, -1]
    middle = np.average(points, axis=1, weights=picture)
    return middle * (1, -1), np.degrees(np.arctan2(along[1], along[0])) % 180


@pytest.mark.parametrize(
    ("angle", "sliders"), [(45, [0.5, 0.5, 1]), (200, [0, 1, 0.6]), (311, [1, 0.2, 0])]
)
def test_its_picture_and_numbers_are_those_of_python(stage, published, angle, sliders):
    stage.live(f"set({{angle: {angle}, sliders: {sliders}}})")
    seen, picture = stage.live("look()"), decode(published, angle, np.array(sliders))
    np.testing.assert_allclose(seen["picture"], picture, atol=1e-6)
    (x, y), slant = longest_direction(picture)
    got = [seen["x"], seen["y"], seen["white"], seen["slant"]]
    assert got == pytest.approx([x, y, picture.sum(), slant], abs=1e-6)
    assert float(stage.number("slant").rstrip("°")) == pytest.approx(slant, abs=0.0501)
    assert stage.number("middle") == f"{x:.1f} from left, {y:.1f} from top"


def turn_once(stage):
    """Turn by the keyboard, from 0 to 360; return the slant at each step, without its jumps."""
    slider, slants = stage.slider("round the ring"), []
    stage.press(slider, "Home")
    for _ in range(37):
        slants.append(float(stage.number("slant").rstrip("°")))
        stage.press(slider, "ArrowRight", times=10)
    return np.unwrap(slants, period=180)


def test_the_task_can_be_solved_from_the_keyboard(stage):
    """Half the ring is a right angle, all of it half a turn; and nothing else moves."""
    slants = turn_once(stage)
    assert np.all(np.diff(slants) > 0)
    assert slants[18] - slants[0] == pytest.approx(90, abs=8)
    assert slants[36] - slants[0] == pytest.approx(180, abs=0.2)
    assert float(stage.number("middle has wandered").split()[0]) < 1
    for mover in ("posX", "posY"):
        [name] = [n for n in names(stage) if n.startswith(mover)]
        stage.press(stage.slider(name), "Home")
    x, _, y, _ = stage.number("middle").replace(" from", "").split()
    assert float(x) < 13 and float(y) < 13
    assert stage.number("middle has wandered") == "0.00 pixels"  # another place, another turn
    slants = turn_once(stage)
    assert slants[36] - slants[0] == pytest.approx(180, abs=0.2)
    assert 0.1 < float(stage.number("middle has wandered").split()[0]) < 1


def names(stage):
    return [s.get_attribute("aria-label") for s in stage.locator.get_by_role("slider").all()]


def test_the_handle_stays_on_the_ring(stage, published):
    handle = stage.slider("the two latents")
    stage.drag(handle, -60, 0)
    angle = stage.live("state.angle")
    assert angle != 45
    circle = handle.locator("circle").last.bounding_box()
    svg = stage.locator.locator("svg").first.bounding_box()
    at = [
        circle["x"] + circle["width"] / 2 - svg["x"],
        circle["y"] + circle["height"] / 2 - svg["y"],
    ]
    edge = 1.1 * np.abs(unpack(published["codes"])).max()
    side = svg["width"] - 48  # the axes leave 40 pixels on the left and 8 on the right
    z = edge * (2 * (at[0] - 40) / side - 1), edge * (1 - 2 * (at[1] - 22) / side)
    turn = [1, np.cos(np.radians(angle)), np.sin(np.radians(angle))] @ np.array(published["ring"])
    assert z == pytest.approx(turn, abs=0.1)
    before = stage.live("state.angle")
    for key in ("ArrowUp", "ArrowLeft"):  # one of the two leads along the ring
        stage.press(handle, key)
    assert stage.live("state.angle") != before


def test_each_of_the_other_sliders_does_one_thing(stage):
    moved = {}
    for name in names(stage):
        if "latent " not in name:
            continue
        stage.live("reset()")
        ends = []
        for key in ("Home", "End"):
            stage.press(stage.slider(name), key)
            seen = stage.live("look()")
            ends.append([seen["x"], seen["y"], seen["white"]])
        moved[name.split(",")[0]] = np.subtract(*ends[::-1])
    assert moved["posX"][0] > 6 and abs(moved["posX"][1]) < 1
    assert moved["posY"][1] > 6 and abs(moved["posY"][0]) < 1
    assert moved["scale"][2] > 20 and np.abs(moved["scale"][:2]).max() < 1
