"""The landing page's sliders: there at once, moved by keyboard and mouse, and as Python draws."""

import base64
import json

import numpy as np
import pytest
from visiting import PATIENCE, ROOT, Stage

from vae_numpy.models import VAE

pytestmark = pytest.mark.browser

PAGE = "book/index.html"
NAME = "index-sliders"
DATA = json.loads((ROOT / "book/figures/sliders.json").read_text("utf-8"))
SHIFTS = """new Promise((resolve) => {
    let total = 0;
    const watch = (list) => list.getEntries().forEach((entry) => (total += entry.value));
    new PerformanceObserver(watch).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => resolve(total), 500);
})"""


def unpack(packed):
    kind, name = (np.int8, "int8") if "int8" in packed else ("<f4", "float32")
    numbers = np.frombuffer(base64.b64decode(packed[name]), kind)
    return numbers.reshape(packed["shape"]) * packed["scale"]


def small_decoder(z):
    """Return the picture that the page's weights, one byte each, give in Python."""
    h = np.array(z)
    for i, layer in enumerate(DATA["layers"]):
        h = h @ unpack(layer["W"]) + unpack(layer["b"])
        h = np.maximum(h, 0) if i < 2 else h
    return 1 / (1 + np.exp(-h))


def checkpoint(z):
    """Return the picture that the shipped model draws, with all of its weights."""
    model = VAE.load(ROOT / "experiments/results/beta_sweep-beta4.npz")
    code = np.zeros((1, model.n_components))
    code[0, DATA["latents"]] = z
    return model.inverse_transform(code)[0]


def measures(picture):
    """Return the middle of the white, from left and from top, and how much of it there is."""
    down, across = np.indices((32, 32)).reshape(2, -1) + 0.5
    return picture @ across / picture.sum(), picture @ down / picture.sum(), picture.sum()


def test_each_slider_does_one_thing(stage):
    """The task: find out what. Each slider is pressed from one end to the other."""
    moved = []
    for k in range(3):
        stage.live("reset()")
        slider, ends = stage.slider(f"latent {k + 1}"), []
        for key in ("Home", "End"):
            stage.press(slider, key)
            ends.append(
                [float(stage.number(n).split()[0]) for n in ("from top", "from left", "white")]
            )
        moved.append(np.subtract(*ends[::-1]))
    moved = np.array(moved)
    assert moved[0, 0] < -12 and abs(moved[0, 1]) < 2  # up
    assert moved[1, 1] < -12 and abs(moved[1, 0]) < 2  # to the left
    assert moved[2, 2] < -80 and abs(moved[2, :2]).max() < 2  # smaller


def test_its_pictures_and_numbers_are_those_of_python(stage):
    for z in np.random.default_rng(0).uniform(-2.4, 2.4, (5, 3)):
        stage.live(f"set({{z: {z.tolist()}}})")
        seen, expected = stage.live("look()"), small_decoder(z)
        np.testing.assert_allclose(seen["picture"], expected, atol=1e-6)
        numbers = [seen["x"], seen["y"], seen["white"]]
        np.testing.assert_allclose(numbers, measures(expected), atol=1e-6)
        shown = [float(stage.number(n).split()[0]) for n in ("from left", "from top", "white")]
        np.testing.assert_allclose(shown, numbers, atol=0.0501)
        # And of the model as it was trained: pixels in [0, 1], places out of 32.
        picture = checkpoint(z)
        assert np.abs(expected - picture).mean() < 0.01
        assert np.all(np.abs(np.subtract(numbers[:2], measures(picture)[:2])) < 0.32)


def by_keyboard(view):
    """Skip to the main content, and tab on to the first slider."""
    keyboard = view.page.keyboard
    keyboard.press("Tab")
    keyboard.press("Enter")
    for _ in range(20):
        keyboard.press("Tab")
        if view.page.evaluate("document.activeElement.type") == "range":
            break
    keyboard.press("ArrowRight")


def by_mouse(view):
    stage = Stage(view.page, NAME, view.page.locator(f"#live-{NAME}"))
    stage.drag(stage.slider("latent 1"), 40, 0)


def moved(view, move):
    """Open the page and move a latent at once; return when, in ms from the first paint."""
    page = view.open(PAGE)
    page.locator(f"#live-{NAME}[data-ready]").wait_for()
    move(view)
    state = page.evaluate(f"document.getElementById('live-{NAME}').live.state")
    assert not state["playing"] and any(state["z"])
    return page.evaluate(
        "performance.now() - performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )


@pytest.mark.timed
@pytest.mark.parametrize("move", [by_mouse, by_keyboard])
def test_a_visitor_moves_it_within_two_seconds_of_the_first_paint(visit, clock, move):
    assert min(moved(visit(), move) for _ in range(3)) < 2000 * PATIENCE


def test_it_plays_until_it_is_touched(visit):
    view = visit()
    view.open(PAGE)
    stage = view.figure(NAME)
    z = []
    for _ in range(2):
        z.append(stage.live("state.z"))
        view.page.wait_for_timeout(300)
    assert stage.live("state.playing") and z[0] != z[1]
    slider = stage.slider("latent 2")
    stage.drag(slider, 40, 0)
    z = stage.live("state.z")
    assert not stage.live("state.playing") and z[1] > 0.3
    view.page.wait_for_timeout(300)
    assert stage.live("state.z") == z
    stage.button("Play").click()
    view.page.wait_for_timeout(300)
    assert stage.live("state.playing") and stage.live("state.z") != z
    stage.button("Pause").click()
    assert not stage.live("state.playing")


def test_it_stands_still_for_who_asked_for_that(visit):
    view = visit(motion="reduce")
    view.open(PAGE)
    stage = view.figure(NAME)
    view.page.wait_for_timeout(300)
    assert stage.live("state") == {"z": [0, 0, 0], "playing": False}


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_shifts_when_it_comes(visit, width):
    view = visit(width=width)
    page = view.open(PAGE)
    page.locator(f"#live-{NAME}[data-ready]").wait_for()
    assert page.evaluate(SHIFTS) < 0.05
    assert page.locator(f"#live-{NAME}").bounding_box()["y"] < 300, "the first thing to be seen"
