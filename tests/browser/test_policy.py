"""The Content-Security-Policy: every page states it, Chromium obeys it, and all goes on working.

What a page does against it Chromium reports as an error on its console; so every test that opens a
page fails on it.
"""

import pytest
from content_policy import META
from visiting import SITE, Visit, wait_until

pytestmark = pytest.mark.browser

CHAPTER = "book/02_linear_autoencoder.html"


def test_every_page_states_it_and_holds_no_script():
    for page in SITE.rglob("*.html"):
        text = page.read_text("utf-8")
        assert META in text, page
        assert "<script>" not in text and " onclick=" not in text, page


def test_the_themes_buttons_work_without_scripts_in_the_markup(visit):
    view = visit()
    view.page.add_init_script("window.print = () => { window.printed = true; }")
    page = view.open(CHAPTER)
    page.locator(".btn-fullscreen-button").click()
    wait_until(page, "document.fullscreenElement")
    page.locator(".btn-fullscreen-button").click()
    wait_until(page, "!document.fullscreenElement")
    page.locator(".btn-download-pdf-button").dispatch_event("click")
    assert page.evaluate("window.printed")


def test_a_theme_that_was_chosen_is_there_on_the_next_page(visit):
    view = visit()
    page = view.open(CHAPTER)
    page.evaluate("localStorage.setItem('mode', 'dark'); localStorage.setItem('theme', 'dark')")
    page = view.open("book/notation.html")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


FORBIDDEN = {
    "a script in the markup": "<script>window.ran = true</script>",
    "a handler in the markup": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" '
    'alt="" onload="window.ran = true">',
    "a script from elsewhere": '<script src="http://localhost:9/x.js"></script>',
}


@pytest.mark.parametrize("markup", FORBIDDEN.values(), ids=FORBIDDEN)
def test_what_it_forbids_is_not_done_and_is_seen(browser, site, markup):
    view = Visit(browser, site)
    text = (SITE / CHAPTER).read_text("utf-8").replace("</h1>", f"</h1>{markup}", 1)
    view.page.route(f"**/{CHAPTER}", lambda r: r.fulfill(body=text, content_type="text/html"))
    page = view.open(CHAPTER)
    assert not page.evaluate("window.ran")
    assert any("Content Security Policy" in fault for fault in view.faults)
    view.context.close()


def test_a_page_from_the_disk_works(browser):
    view = Visit(browser, SITE.as_uri())
    page = view.open("book/notation.html")
    wait_until(page, "MathJax.startup?.document")
    page.locator("mjx-container").first.wait_for()
    # Chromium refuses a page from the disk its fonts and modules, with any policy or none.
    assert not [fault for fault in view.faults if "Content Security Policy" in fault]
    view.context.close()
