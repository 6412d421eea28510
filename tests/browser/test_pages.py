"""Every page of the built site, in both themes and two widths: what no page may do."""

import pytest
from axe import violations
from visiting import SITE, Visit, served

pytestmark = pytest.mark.browser

PAGES = sorted(
    page.relative_to(SITE).as_posix()
    for page in (*SITE.glob("404.html"), *SITE.glob("book/**/*.html"))
)


def overflow(page):
    """Return by how many pixels the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("path", PAGES)
def test_page(visit, path, width, theme):
    page = visit(width=width, theme=theme).open(path)
    assert overflow(page) <= 0
    assert violations(page) == []


# The tests can fail ------------------------------------------------------------------------------

GOOD = """<!doctype html><html lang="en"><head><title>A page</title></head>
<body><main><h1>A page</h1>{}</main></body></html>"""
BAD = {
    "console error": "<script>console.error('no')</script>",
    "error": "<script>throw Error('no')</script>",
    "status 404": '<img src="no.png" alt="A picture.">',
    "third-party request": '<img src="http://elsewhere.example/a.png" alt="A picture.">',
    "image-alt": '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
    "color-contrast": '<p style="color: #ccc; background: #fff">Too faint.</p>',
    "overflow": '<div style="width: 3000px">Too wide.</div>',
}


def faults(browser, folder, body):
    (folder / "page.html").write_text(GOOD.format(body))
    (folder / "favicon.ico").write_bytes(b"")
    with served(folder) as address:
        view = Visit(browser, address)
        page = view.open("page.html")
        found = [*view.faults, *violations(page)]
        found += ["overflow"] if overflow(page) > 0 else []
        view.context.close()
    return found


def test_a_good_page_has_no_fault(browser, tmp_path):
    assert faults(browser, tmp_path, "<p>Good.</p>") == []


@pytest.mark.parametrize("fault", BAD)
def test_a_page_broken_on_purpose_is_caught(browser, tmp_path, fault):
    assert any(line.startswith(fault) for line in faults(browser, tmp_path, BAD[fault]))
