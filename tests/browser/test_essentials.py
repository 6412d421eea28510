"""What every page of the site owes a reader: names, places, stops of the tab key."""

import pytest
from visiting import SITE, wait_until

pytestmark = pytest.mark.browser

CHAPTER = "book/07_variational_autoencoder.html"
CHAPTERS = sorted(SITE.glob("book/[0-9][0-9]_*.html"))


@pytest.fixture
def page(visit):
    return visit().open(CHAPTER)


def test_folds_say_what_they_open(page):
    names = page.eval_on_selector_all(".toggle-button", "all => all.map(b => b.ariaLabel)")
    assert names and not [name for name in names if not name or "Toggle" in name]
    assert len(set(names)) > 0.8 * len(names)
    hints = [name for name in names if name.startswith("Hint 1")]
    assert hints and all(", in Exercise 7." in name for name in hints)


def test_summaries_hold_no_paragraph(page):
    assert page.locator("summary p").count() == 0
    shown = page.locator("details.hide > summary").first
    assert shown.inner_text().startswith("Show the code ")
    shown.click()
    assert shown.inner_text() == "Hide the code"


def test_copy_buttons_are_one_stop_of_the_tab_key(page):
    places = "all => all.map((b, i) => b.tabIndex === 0 ? i : -1).filter((i) => i >= 0)"
    [first] = page.eval_on_selector_all(".copybtn", places)
    page.locator(".copybtn").nth(first).focus()
    page.keyboard.press("ArrowDown")
    [second] = page.eval_on_selector_all(".copybtn", places)
    reached = page.locator(".copybtn").nth(second)
    assert second > first
    assert reached.evaluate("b => b === document.activeElement")
    wait_until(page, "getComputedStyle(document.activeElement).opacity === '1'")  # it fades in
    page.keyboard.press("ArrowUp")
    assert page.eval_on_selector_all(".copybtn", places) == [first]


def test_a_chapter_has_no_more_stops_than_a_reader_bears(page):
    kinds = ":is(a, button, input, summary, [tabindex])"
    stops = """all => all.filter((e) =>
        e.tabIndex >= 0 && e.checkVisibility({ visibilityProperty: true })).length"""
    assert page.eval_on_selector_all(f"main {kinds}:not(p a, li a)", stops) < 80


def test_the_theme_button_keeps_the_focus(page):
    page.locator(".theme-switch-button").first.focus()
    before = page.evaluate("document.documentElement.dataset.mode")
    page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.dataset.mode") != before
    assert page.evaluate("document.activeElement.matches('.theme-switch-button')")


def test_every_picture_has_its_place_before_it_is_there(browser, site):
    context = browser.new_context(java_script_enabled=False)  # as it comes
    page = context.new_page()
    for path in CHAPTERS:
        page.goto(f"{site}/{path.relative_to(SITE).as_posix()}", wait_until="commit")
        page.locator("footer").first.wait_for(state="attached")
        pictures = page.locator(".bd-article img")
        bare = page.locator(".bd-article img:not([width][height])")
        lazy = page.locator(".bd-article img[loading=lazy]")
        # The first does not wait, unless there are several drawings of it, of which one is shown.
        alone = "only-" not in (pictures.first.get_attribute("class") or "")
        assert (bare.count(), lazy.count()) == (0, pictures.count() - alone), path.name
    context.close()


def test_formulas_have_the_size_of_the_text(page):
    wait_until(page, "document.querySelector('p mjx-container')")
    size, text = page.eval_on_selector(
        "p mjx-container",
        "e => [e, e.parentElement].map(x => parseFloat(getComputedStyle(x).fontSize))",
    )
    assert 1 <= size / text <= 1.12


def test_the_search_is_in_sight_though_the_contents_scroll(page):
    field = page.locator("#pst-primary-sidebar .search-button-field")
    contents = page.locator("#pst-primary-sidebar .sidebar-primary-item:has(nav)")
    assert contents.evaluate("box => (box.scrollTop = 10000, box.scrollTop)") > 0
    assert 0 <= field.bounding_box()["y"] < 200


def test_the_contents_show_the_page_that_is_read(visit):
    page = visit().open("book/reference/training.html")
    box = page.locator("#pst-primary-sidebar a.current").last.bounding_box()
    assert 200 < box["y"] < 900 - box["height"]
    assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize(("letter", "name"), [("β", "beta"), ("σ", "sigma"), ("Σ", "sigma")])
def test_a_greek_letter_is_found_by_its_name(visit, letter, name):
    found = []
    for query in (letter, name):
        page = visit().open(f"search.html?q={query}")
        wait_until(page, "document.querySelector('.search-summary').textContent.includes('found')")
        found.append(page.locator("#search-results li").count())
    assert found[0] == found[1] > 3


def test_the_search_finds_sections_and_shows_their_sentences(visit):
    page = visit().open("search.html?q=KL")
    results = page.locator("#search-results li:not(:has(> span))")  # a span describes an object
    wait_until(
        page,
        """(() => {
            const found = [...document.querySelectorAll("#search-results li:not(:has(> span))")];
            return found.length > 10 && found.every((item) => item.querySelector("p.context"));
        })()""",
    )
    links = results.locator("> a").evaluate_all("all => all.map(a => [a.href, a.textContent])")
    assert len(set(map(tuple, links))) == len(links)
    sections = [title for href, title in links if "#" in href]
    assert len(sections) > 0.7 * len(links)
    assert "6. Variational inference: The KL term is not there to be tuned away" in sections
    shown = results.locator("p.context").all_inner_texts()
    assert not [text for text in shown if "\\" in text or "xticklabels" in text]
    marks = set(page.locator("#search-results .highlighted").all_inner_texts())
    assert marks == {"KL"}
    results.locator("> a", has_text="to be tuned away").click()
    page.wait_for_url("**/book/06_variational_inference.html#the-kl-term-*")
