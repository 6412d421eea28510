"""What every live figure of the built site does, whatever it shows; each page is opened once."""

import re

import numpy as np
import pytest
import room
from axe import violations
from visiting import FRAMES, HEIGHTS, Visit, live_figures

pytestmark = pytest.mark.browser

CONTROLS = "input[type=range], [role=slider]"


@pytest.fixture(scope="module", params=live_figures(), ids=[name for _, name in live_figures()])
def figure(browser, site, request):
    """A figure of which nothing moves by itself, and the visit that it is on."""
    path, name = request.param
    view = Visit(browser, site, motion="reduce")
    view.open(path)
    yield view, view.figure(name)
    view.context.close()
    assert not view.faults, "\n".join(view.faults)


def test_its_numbers_are_shown(figure):
    _, stage = figure
    shown = stage.locator.locator("output").all_text_contents()
    assert shown and all(shown), shown
    assert not [text for text in shown if "NaN" in text or "undefined" in text]


def test_the_keyboard_moves_all_that_the_mouse_can_and_reset_undoes_it(figure):
    _, stage = figure
    stage.live("reset()")
    first = stage.live("state")
    controls = stage.locator.locator(CONTROLS)
    assert controls.count() > 0
    for control in controls.all():
        for key in ("ArrowUp", "ArrowDown", "ArrowDown"):  # at an end only one of them moves
            stage.press(control, key)
            if moved := stage.live("state") != first:
                break
        assert moved, f"{control.get_attribute('id')} does not answer to the arrow keys"
        stage.button("Reset").click()
        assert stage.live("state") == first


@pytest.mark.timed
def test_a_frame_is_drawn_in_time(figure, clock):
    _, stage = figure
    assert stage.drawing_time() < 12, "milliseconds; 60 frames a second leave 16"


@pytest.mark.timed
def test_no_frame_is_left_out_while_the_mouse_drags(figure, clock):
    _, stage = figure
    for control in stage.locator.locator(CONTROLS).all():
        rates = (stage.frame_rate(control) for _ in range(3))  # one hiccup is not the figure's
        best = next((rate for rate in rates if round(rate) >= FRAMES), None)
        assert best, f"{control.get_attribute('id')}: fewer than {FRAMES} frames a second"
    stage.live("reset()")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_it_fits_and_is_accessible(figure, width, theme):
    view, stage = figure
    view.page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    view.page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    view.page.evaluate("reader.settle()")  # the theme's colours have faded in
    too_wide = "stage => [...stage.querySelectorAll('*')].filter((e) => e.scrollWidth > innerWidth)"
    assert stage.locator.evaluate(f"stage => ({too_wide})(stage).length") == 0
    assert view.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(view.page, f"figure.live:has(#live-{stage.name})") == []


def test_its_picture_takes_the_room_that_it_will(figure):
    view, stage = figure
    module, heights = room.room(view, stage)
    kept = re.findall(rf'"{module}"\]\) {{ --room: (\d+)px', room.SHEET.read_text("utf-8"))
    assert np.allclose([int(height) for height in kept], heights, atol=8), "tests/browser/room.py"


def pictures(page, name):
    """Count the shown drawings of a figure's picture; there is one for each theme and width."""
    return page.locator(f"#{name} .live-static img").locator("visible=true").count()


def test_on_paper_its_picture_stands_there(figure):
    view, stage = figure
    view.page.emulate_media(media="print")
    assert pictures(view.page, stage.name) == 1
    assert not stage.locator.is_visible()
    view.page.emulate_media(media="screen")


@pytest.mark.parametrize(("path", "name"), live_figures())
def test_without_scripts_its_picture_stands_there(browser, site, path, name):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/{path}#{name}")  # which opens an answer that it stands in
    assert pictures(page, name) == 1
    assert not page.locator(f"#live-{name}").is_visible()
    assert "where scripts are on" in page.locator(f"#{name}").inner_text()
    context.close()


@pytest.mark.timed
def test_a_slow_figure_is_caught(visit, clock):
    path, name = live_figures()[0]
    view = visit()
    page, stage = view.open(path), view.figure(name)
    busy = "const end = performance.now() + 30; while (performance.now() < end);"
    page.evaluate(f"addEventListener('pointermove', () => {{ {busy} }})")
    assert round(stage.frame_rate(stage.locator.locator(CONTROLS).first)) < FRAMES
