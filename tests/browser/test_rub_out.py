"""Chapter 4's figure *rub out a digit*, painted by mouse and keyboard, its numbers in NumPy's."""

import base64
import json

import numpy as np
import pytest
from visiting import SITE

pytestmark = pytest.mark.browser

PAGE = "book/04_what_autoencoders_are_for.html"
NAME = "uses-rub-out"
TOOLS = ("network", "PCA", "mean image")


@pytest.fixture(scope="module")
def published():
    def unpack(packed):
        kind = "int8" if "int8" in packed else "float32"
        dtype = {"int8": "i1", "float32": "<f4"}[kind]
        numbers = np.frombuffer(base64.b64decode(packed[kind]), dtype)
        return numbers.reshape(packed["shape"]) * float(packed["scale"])

    data = json.loads((SITE / f"_static/live/data/{NAME}.json").read_text("utf-8"))
    halves = {name: [unpack(p) for p in data.pop(name)] for name in ("encoder", "decoder")}
    rho = data.pop("rho")
    return {name: unpack(p) for name, p in data.items()} | halves | {"rho": rho}


def expected(published, digit, hidden, drawn=()):
    """The three fillings and their errors, from the chapter's formulas."""
    x = published["pictures"][digit]
    seen = np.setdiff1d(np.arange(64), hidden)
    damaged = x.copy()
    for pixel, ink in drawn:
        damaged[pixel] = ink
    damaged[hidden] = -1
    h = damaged
    for name in ("encoder", "decoder"):
        W, b, V, c = published[name]
        h = np.maximum(h @ W + b, 0) @ V + c
    # The same least squares as the chapter's system, as one long regression.
    U, mean = published["directions"], published["mean"]
    fees = np.diag(np.sqrt(published["rho"] / published["variances"]))
    left = np.vstack([U[:, seen].T, fees])
    right = np.concatenate([(damaged - mean)[seen], np.zeros(len(U))])
    c = np.linalg.lstsq(left, right, rcond=None)[0]
    answers = 1 / (1 + np.exp(-h)), (c @ U + mean).clip(0, 1), mean
    filled = [np.where(damaged == -1, answer, damaged) for answer in answers]
    return filled, [np.sqrt(np.mean((f - x)[hidden] ** 2)) for f in filled]


def errors(stage):
    return [float(stage.number(f"error, {name}")) for name in TOOLS]


def go(stage, row, column):
    """Walk the cursor to a pixel by the arrow keys."""
    cursor = stage.slider("cursor; Space paints")
    at = stage.live("state.at")
    stage.press(cursor, "ArrowDown" if row > at[0] else "ArrowUp", abs(row - at[0]))
    stage.press(cursor, "ArrowRight" if column > at[1] else "ArrowLeft", abs(column - at[1]))
    assert stage.live("state.at") == [row, column]
    return cursor


def test_the_task_can_be_solved_from_the_keyboard(stage):
    """One pixel is enough; and a hole that the network knows can be PCA's all the same."""
    network, pca, _ = errors(stage)
    assert network < pca - 0.03 and stage.number("hidden pixels") == "16"
    stage.press(stage.radio("4 × 4 hole"), "ArrowDown")
    flips = []
    for pixel in stage.live("state.hidden"):
        cursor = go(stage, *divmod(pixel, 8))
        cursor.press("Space")
        assert stage.number("hidden pixels") == "15"
        network, pca, _ = errors(stage)
        flips.append(pca < network)
        cursor.press("Space")
        assert stage.number("hidden pixels") == "16"
    assert sum(flips) >= 6
    stage.press(stage.radio("one pixel"), "ArrowUp")
    better = []
    for row in range(1, 6):
        for column in range(1, 6):
            go(stage, row, column).press("Space")
            network, pca, _ = errors(stage)
            better.append(pca < network)
    assert 0 < sum(better) < 8


@pytest.mark.parametrize(
    "case", [(9, [], []), (3, [0, 9, 63], []), (4, [20, 21], [(5, 1), (6, 0)])]
)
def test_its_fillings_and_errors_are_those_of_numpy(stage, published, case):
    digit, hidden, drawn = case
    hidden = hidden or stage.live("state.hidden")
    stage.live(f"set({{digit: {digit}, hidden: {hidden}, brush: 'ink'}})")
    for pixel, ink in drawn:
        cursor = go(stage, *divmod(pixel, 8))
        cursor.press("Space")
        if dict(stage.live("state.inked"))[pixel] != ink:
            cursor.press("Space")
    filled, off = expected(published, digit, hidden, drawn)
    seen = stage.live("look()")
    assert np.allclose(seen["filled"], filled, atol=1e-6)
    assert seen["errors"] == pytest.approx(off, abs=1e-6)
    assert errors(stage) == pytest.approx(off, abs=5.1e-4)


def test_a_stroke_of_the_mouse_hides_and_brings_back(stage):
    stage.live("set({hidden: [], brush: 'one pixel'})")
    assert stage.number("error, PCA") == "no hole"
    paper = stage.locator.locator("svg").first.bounding_box()
    side = paper["width"] / 8
    top = paper["y"] + paper["height"] - paper["width"]
    for n in (6, 0):  # the second stroke begins on a hidden pixel: it brings back
        stage.page.mouse.move(paper["x"] + 1.5 * side, top + 2.5 * side)
        stage.page.mouse.down()
        stage.page.mouse.move(paper["x"] + 6.5 * side, top + 2.5 * side, steps=2)
        stage.page.mouse.up()
        assert stage.number("hidden pixels") == str(n)
        if n:
            assert stage.live("state.hidden") == [17, 18, 19, 20, 21, 22]


def test_the_hole_follows_the_mouse_and_stays_with_the_next_digit(stage):
    paper = stage.locator.locator("svg").first.bounding_box()
    stage.page.mouse.move(paper["x"] + paper["width"] / 2, paper["y"] + paper["height"] / 2)
    stage.page.mouse.down()
    stage.page.mouse.move(paper["x"] + 8, paper["y"] + paper["height"] - 8, steps=4)
    stage.page.mouse.up()
    corner = [8 * row + column for row in range(4, 8) for column in range(4)]
    assert stage.live("state.hidden") == corner
    before = errors(stage)
    stage.press(stage.slider("digit"), "ArrowLeft")
    assert stage.live("state.hidden") == corner and errors(stage) != before


def test_the_original_is_hidden_until_asked_for(stage):
    wall = "stage => stage.querySelectorAll('canvas')[1].toDataURL()"
    covered = stage.locator.evaluate(wall)
    stage.press(stage.button("Show the original"), "Enter")
    assert stage.live("state.shown") is True
    stage.number("hidden pixels")  # the next frame
    assert stage.locator.evaluate(wall) != covered
    stage.press(stage.slider("digit"), "ArrowLeft")  # another digit, another secret
    assert stage.live("state.shown") is False
    assert stage.button("Show the original").is_visible()


def test_a_finger_paints_on_a_telephone(visit):
    view = visit(width=390)
    view.open(PAGE)
    stage = view.figure(NAME)
    stage.live("set({hidden: [], brush: 'one pixel'})")
    paper = stage.locator.locator("svg").first
    box = paper.bounding_box()
    paper.tap(position={"x": box["width"] / 2 + 5, "y": box["height"] / 2})
    assert stage.number("hidden pixels") == "1"
