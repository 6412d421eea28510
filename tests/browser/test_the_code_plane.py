"""Chapter 7's figure *the code plane*, worked by mouse and keyboard, its digits against NumPy's."""

import base64
import json

import numpy as np
import pytest
from visiting import SITE

from vae_numpy.data import binarise, split_digits

pytestmark = pytest.mark.browser

PAGE = "book/07_variational_autoencoder.html"
NAME = "vae-code-plane"


def worst(stage, radii=(1, 2, 3)):
    """The most pixels off any digit over a ring of places, each read from the figure."""
    places = [[r * x, r * y] for r in radii for x in (-1, 0, 1) for y in (-1, 0, 1)]
    return max(stage.live(f"set({{at: {at}}}) ?? stage.live.look().off") for at in places)


def test_the_task_can_be_solved_from_the_keyboard(stage):
    handle = stage.slider("code")
    stage.press(handle, "Shift+ArrowLeft", times=2)  # ten steps at once
    stage.press(handle, "Shift+ArrowUp", times=2)
    assert stage.live("state.at") == pytest.approx([-2, 2])
    assert int(stage.number("off any digit").split()[0]) >= 20
    stage.press(stage.radio("autoencoder"), "ArrowDown")
    assert stage.live("state.decoder") == "VAE"
    assert stage.live("state.at") == pytest.approx([-2, 2])  # the same place
    assert int(stage.number("off any digit").split()[0]) <= 7
    assert worst(stage) <= 7


def test_the_code_follows_the_mouse(stage):
    stage.drag(stage.slider("code"), 60, -30)
    x, y = stage.live("state.at")
    assert x > 0.3 and y == pytest.approx(x / 2, rel=0.1)
    box = stage.locator.locator("svg").first.bounding_box()
    stage.page.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    x, y = stage.live("state.at")
    assert x < -1 and y > 1


def test_a_draw_stays_while_the_code_stays_and_goes_when_asked(stage):
    assert stage.number("flipped") == "none: the mean"
    stage.button("Draw again").click()
    assert stage.radio("draw").is_checked()
    first = stage.live("look()")
    assert stage.live("look()")["white"] == first["white"]
    stage.button("Draw again").click()
    assert stage.live("look()")["white"] != first["white"]


@pytest.mark.parametrize("name", ["autoencoder", "VAE"])
def test_the_digit_and_its_numbers_are_those_of_numpy(stage, name):
    data = json.loads((SITE / f"_static/live/data/{NAME}.json").read_text("utf-8"))
    real = np.unpackbits(np.frombuffer(bytes.fromhex(data["digits"]), np.uint8)).reshape(-1, 64)
    assert np.array_equal(real, binarise(split_digits()[0]))
    for at in ([0, 0], [-2.2, 1.7], [1.3, -2.4]):
        stage.live(f"set({{decoder: '{name}', picture: 'draw', at: {at}}})")
        seen = stage.live("look()")
        code = np.array(data[name]["centre"]) + np.array(at) * data[name]["width"]
        assert seen["code"] == pytest.approx(code, abs=1e-9)
        p = decoded(data[name]["weights"], code)
        assert seen["p"] == pytest.approx(p, abs=1e-6)
        white = np.array(seen["noise"]) < p
        assert np.array_equal(seen["white"], white)
        assert seen["off"] == np.sum(real != white, axis=1).min()
        assert seen["flipped"] == np.sum(white != (p > 0.5))
        assert seen["open"] == pytest.approx(np.minimum(p, 1 - p).sum(), abs=1e-6)
        assert stage.number("left open") == f"{seen['open']:.1f} pixels"


def decoded(weights, code):
    """The chances of 64 pixels, by NumPy, from weights in two bytes each."""
    W1, b1, W2, b2, W3, b3 = (unpacked(packed) for packed in weights)
    logits = np.tanh(np.tanh(code @ W1 + b1) @ W2 + b2) @ W3 + b3
    return 1 / (1 + np.exp(-logits))


def unpacked(packed):
    numbers = np.frombuffer(base64.b64decode(packed["int16"]), "<i2")
    return numbers.reshape(packed["shape"]) * packed["scale"]
