"""The predictions: closed until the reader has said hers or asks, by hand and by keyboard.

That what opens keeps to the rules of a page is asked in ``test_pages.py``, with all folds open.
"""

import re

import pytest
from visiting import SITE

pytestmark = pytest.mark.browser

TEXTS = {
    page.relative_to(SITE).as_posix(): page.read_text("utf-8")
    for page in sorted(SITE.glob("book/*.html"))
}
PAGES = [path for path, text in TEXTS.items() if 'class="predict"' in text]


def first(pattern):
    """Return the first page with a prediction that has something of a kind, and its number."""
    for path in PAGES:
        for number, part in enumerate(TEXTS[path].split('<div class="predict"')[1:], start=1):
            if re.search(pattern, part.split("</details>")[0], re.S):
                return path, number
    pytest.skip(f"no prediction with {pattern}")


@pytest.fixture
def ask(visit):
    """Open the first page with a prediction of a kind; return the prediction."""

    def opened(pattern):
        path, number = first(pattern)
        return visit().open(path).locator(f"#prediction-{number}")

    return opened


def answer(box):
    return box.locator(":scope > .predict-answer")


def show(box):
    answer(box).locator(":scope > summary").click()


def said(box):
    words = answer(box).get_by_role("status")
    words.filter(has_text="You said").wait_for()
    return re.sub(r"\s+", " ", words.text_content())


def is_open(box):
    return answer(box).evaluate("fold => fold.open")


def seen(locator):
    """Return whether something is shown, and not in what is closed."""
    return locator.evaluate("e => e.checkVisibility({ visibilityProperty: true })")


@pytest.mark.parametrize("path", PAGES)
def test_every_answer_is_closed(visit, path):
    page = visit().open(path)
    asked = page.locator(".predict").count()
    assert page.locator(".predict > .predict-answer:not([open])").count() == asked > 0
    inside = page.locator(".predict-answer > :not(summary)")
    look = "all => all.filter((e) => e.checkVisibility({ visibilityProperty: true })).length"
    assert inside.evaluate_all(look) == 0 < inside.count()


def test_a_choice_is_made_with_the_keyboard_and_stands_beside_the_answer(ask):
    box = ask("data-right")
    words = box.locator("label").all_inner_texts()
    box.get_by_role("radio").first.focus()
    for key in ("ArrowDown", "ArrowUp", "Enter"):
        assert not is_open(box)
        box.page.keyboard.press(key)
    assert is_open(box)
    assert said(box).startswith("You said: ") and words[0][-5:] in said(box)
    assert box.evaluate("box => document.activeElement === box.querySelector('summary')")
    assert box.get_by_role("radio").first.is_disabled()


@pytest.mark.parametrize("right", [True, False])
def test_a_choice_is_judged(ask, right):
    box = ask("data-right")
    radios = box.locator("input[data-right]" if right else "input:not([data-right])")
    radios.first.check()
    show(box)
    assert said(box).endswith("So it is.") == right
    assert ("It is: " in said(box)) != right


@pytest.mark.parametrize(("off", "words"), [(0, "So it is."), (1, "Close: it is "), (3, "It is: ")])
def test_a_number_is_judged_by_its_tolerance(ask, off, words):
    box = ask(r'data-answer="[^"]+" data-within="0?\.?[1-9]')
    field = box.get_by_role("spinbutton")
    want, within = (float(field.get_attribute(f"data-{name}")) for name in ("answer", "within"))
    field.fill(f"{want + 0.9 * off * within:.4g}")
    field.press("Enter")
    assert words in said(box)


def test_words_are_not_judged(ask):
    box = ask('type="text"')
    box.get_by_role("textbox").fill("I wonder")
    show(box)
    assert said(box) == "You said: “I wonder”."


def test_who_asks_is_shown_and_told_nothing(ask):
    box = ask("data-right")
    show(box)
    assert is_open(box)
    assert answer(box).get_by_role("status").text_content() == ""
    assert answer(box).get_by_text("Hide the answer").is_visible()


@pytest.mark.parametrize("loaded", [True, False])
def test_a_link_to_what_is_inside_opens_it(visit, loaded):
    path, number = first('<figure[^>]* id="')
    [name] = re.findall(
        rf'id="prediction-{number}".*?<figure[^>]* id="([^"]+)"', TEXTS[path], re.S
    )[:1]
    page = visit().open(f"{path}#{name}" if loaded else path)
    if not loaded:
        page.evaluate("name => (location.hash = name)", name)
    figure = page.locator(f"#{name}")
    figure.wait_for(state="visible")
    page.wait_for_timeout(500)
    assert is_open(page.locator(f"#prediction-{number}"))
    assert -50 < figure.bounding_box()["y"] < 900


def test_on_paper_all_is_open_and_nothing_is_to_be_pressed(ask):
    box = ask("data-right")
    inside = answer(box).locator(":scope > :not(summary, .predict-said)").first
    assert not seen(inside)
    box.page.emulate_media(media="print")
    assert seen(inside) and inside.bounding_box()["height"] > 0
    assert not seen(answer(box).locator(":scope > summary"))
    assert seen(box.get_by_role("radio").first)


def test_without_scripts_it_is_a_question_above_a_fold(browser, site):
    path, number = first("data-right")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/{path}")
    box = page.locator(f"#prediction-{number}")
    inside = answer(box).locator(":scope > :not(summary)").first
    assert not inside.is_visible()
    box.get_by_role("radio").first.check()
    show(box)
    assert inside.is_visible()
    context.close()
