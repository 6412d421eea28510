"""Every page of the built site, in both themes and two widths: what no page may do.

A page is opened twice, wide and light, and narrow and dark; there everything is looked for. What
the other theme could change, colours and the pictures that it loads, is looked for after a switch.
"""

import functools
import gzip
import itertools
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
import test_turn_the_line
from axe import violations
from visiting import SITE, Visit, served

from tests.book import linkcheck

pytestmark = pytest.mark.browser

PAGES = sorted(
    page.relative_to(SITE).as_posix()
    for page in (*SITE.glob("404.html"), *SITE.glob("search.html"), *SITE.glob("book/**/*.html"))
    if "<base " not in page.read_text("utf-8")  # a 404 page that knows its address loads from there
)
HEAVIEST = 1_000_000  # bytes, compressed, beside pictures and the data of live figures


@functools.cache
def compressed(path):
    """Return how many bytes a server sends for a file."""
    return len(gzip.compress(path.read_bytes(), compresslevel=6))


def weight(view, folder=SITE):
    """Return a line if what a page has asked for is too heavy."""
    paths = {
        folder / unquote(urlsplit(request.url).path).lstrip("/")
        for request in view.asked
        if request.url.startswith(view.site) and request.resource_type != "image"
    }
    files = [path for path in paths if path.is_file() and "live/data" not in path.as_posix()]
    total = sum(compressed(path) for path in files)
    return [f"weight: {total} bytes"] if total > HEAVIEST else []


def look(page, *names):
    """Return what the looks with these names, in faults.js, find."""
    return [fault for name in names for fault in page.evaluate(f"reader.{name}()")]


def faults(view, path, folder=SITE):
    """Open a page, read it to its end, open all folds, switch the theme; return its faults."""
    view.faults.clear()
    view.asked.clear()
    page = view.open(path)
    page.evaluate("reader.readToTheEnd()")
    page.wait_for_timeout(100)  # what comes late has come
    found = weight(view, folder) + look(page, "figures", "shifts", "overflow")
    page.evaluate("reader.openFolds()")
    found += look(page, "overflow", "formulas", "headings", "descriptions")
    if page.viewport_size["width"] == 1280:  # on a telephone code scrolls in its box
        found += look(page, "cut")
    page.evaluate("reader.condense()")
    found += violations(page)
    page.evaluate(
        "document.documentElement.dataset.theme = "
        "matchMedia('(prefers-color-scheme: dark)').matches ? 'light' : 'dark'"
    )
    page.evaluate("reader.readToTheEnd()")  # and the theme's colours have faded in
    found += look(page, "overflow") + violations(page, rules=["color-contrast"])
    return found + view.faults


@pytest.fixture(scope="class")
def view(request, browser, site):
    view = Visit(browser, site, width=request.cls.width, theme=request.cls.theme)
    yield view
    view.context.close()


class Pages:
    """All pages, one after the other in one window: a class is what one worker does."""

    @pytest.mark.parametrize("path", PAGES)
    def test_page(self, view, path):
        found = faults(view, path)
        assert not found, "\n".join(found)


class TestWide(Pages):
    width, theme = 1280, "light"


class TestNarrow(Pages):
    width, theme = 390, "dark"


def test_every_link_and_anchor_leads_somewhere():
    assert linkcheck.check(SITE)[0] == []


# The tests can fail ------------------------------------------------------------------------------

GOOD = """<!doctype html><html lang="en"><head><title>A page</title><meta charset="utf-8">
<style>pre, .box {{ width: 600px; overflow: auto }}</style></head>
<body><main><h1>A page</h1>{}</main></body></html>"""
PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACw="
BAD = [
    ("console error", "<script>console.error('no')</script>"),
    ("console warning", "<script>console.warn('no')</script>"),
    ("error", "<script>throw Error('no')</script>"),
    ("status 404", '<img src="no.png" alt="A picture of it.">'),
    ("failed request", '<img src="http://127.0.0.1:1/no.png" alt="A picture of it.">'),
    ("third-party request", '<img src="http://elsewhere.example/a.png" alt="A picture of it.">'),
    ("image-alt", f'<img src="{PICTURE}">'),
    ("alt text", f'<img src="{PICTURE}" alt="figure-3.png">'),
    ("color-contrast", '<p style="color: #ccc; background: #fff">Too faint.</p>'),
    (
        "color-contrast",
        '<details><summary>More</summary><p style="color: #ccc">Faint.</p></details>',
    ),
    ("color-contrast", "<style>[data-theme=dark] p { color: #ccc }</style><p>Faint, if dark.</p>"),
    ("overflow", '<div style="width: 3000px">Too wide.</div>'),
    ("cut", f"<pre>{'x = 1; ' * 40}</pre>"),
    ("scrollable-region-focusable", f'<div class="box">{"wide" * 400}</div>'),
    ("heading", "<h2>Two</h2><h4>Four</h4>"),
    ("raw TeX", r"<p>\(x^2\)</p>"),
    ("formula not set", '<p class="math">x</p>'),
    *(
        (
            "formula cut",
            f"""<div class="math" style="display: flex; flex-direction: row-reverse;
            justify-content: {end}; overflow: auto"><mjx-container style="flex: none">
            <mjx-math style="display: block; width: 3000px">x</mjx-math></mjx-container></div>""",
        )
        for end in ("flex-start", "flex-end")  # cut at its left, and at its right
    ),
    ("error in a formula", "<p><mjx-container><mjx-merror>x</mjx-merror></mjx-container></p>"),
    (
        "layout shift",
        """<p style="height: 400px">One.</p><script>setTimeout(() => {
        document.querySelector("p").style.marginTop = "400px"; }, 60)</script>""",
    ),
    ("weight", '<script src="heavy.js"></script>'),
    ("live figure", '<div class="live-stage" id="live-none"></div>'),
]


@pytest.fixture(scope="module")
def broken(browser, tmp_path_factory):
    """A function that returns the faults of a page with this in it."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "favicon.ico").write_bytes(b"")
    (folder / "heavy.js").write_text("//" + np.random.default_rng(0).bytes(HEAVIEST).hex())
    with served(folder) as address:
        view, numbers = Visit(browser, address), itertools.count()

        def look_at(body):
            path = f"{next(numbers)}.html"  # never seen before: nothing comes from a cache
            (folder / path).write_text(GOOD.format(body), "utf-8")
            return faults(view, path, folder)

        yield look_at
        view.context.close()


def test_a_good_page_has_no_fault(broken):
    assert broken(f'<p>Good.</p><img src="{PICTURE}" alt="Three points on a line.">') == []


@pytest.mark.parametrize(("fault", "body"), BAD, ids=[f"{i}-{f}" for i, (f, _) in enumerate(BAD)])
def test_a_page_broken_on_purpose_is_caught(broken, fault, body):
    assert any(line.startswith(fault) for line in broken(body))


@pytest.mark.parametrize("link", ["gone.html", "#gone"])
def test_a_dead_link_is_caught(tmp_path, link):
    (tmp_path / "page.html").write_text(GOOD.format(f'<a href="{link}">Gone</a>'), "utf-8")
    [fault] = linkcheck.check(tmp_path)[0]
    assert link in fault


def test_a_wrong_number_in_a_figure_is_caught(visit):
    """The variance is divided by N - 1: the figure's own test is to see it."""
    view = visit()
    module = (SITE / "_static/live/figures/turn_the_line.js").read_text("utf-8")
    wrong = module.replace("sum + p * p, 0) / N", "sum + p * p, 0) / (N - 1)")
    assert wrong != module
    view.page.route(
        "**/turn_the_line.js", lambda r: r.fulfill(body=wrong, content_type="text/javascript")
    )
    view.open(test_turn_the_line.PAGE)
    stage = view.figure(test_turn_the_line.NAME)
    with pytest.raises(AssertionError):
        test_turn_the_line.test_its_variance_is_that_of_numpy(stage)
