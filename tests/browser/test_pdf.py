"""The PDF: what Chromium prints of three short pages, and of the book where it was made."""

import re
from html import unescape

import pytest
from visiting import SITE, served

from book import make_pdf

pytestmark = pytest.mark.browser

PDF = SITE / make_pdf.NAME
CHAPTERS = sorted(SITE.glob("book/[0-9][0-9]_*.html"))
PAGE = """<html><head></head><body><article class="bd-article">
<h1><span>{number}. </span>{title}<a class="headerlink" href="#x">#</a></h1>
{text}</article></body></html>"""
LONG = "".join(f"<p>Line {n}</p>" for n in range(200))
WIDE = """<div class="math" style="overflow-x: auto">
<span style="display: inline-block; width: 80em">x</span></div>"""
TEXTS = {"index": "", "first": WIDE, "second": LONG, "third": "Text"}
PARTS = [("One", ["book/first", "book/second"]), ("Two", ["book/third"])]


@pytest.fixture
def small(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "favicon.ico").write_bytes(b"")
    for number, (name, text) in enumerate(TEXTS.items()):
        page = PAGE.format(number=number, title=f"The {name} title", text=text)
        (tmp_path / f"book/{name}.html").write_text(page)
    return tmp_path


def titles(pdf):
    """Return the titles of a PDF's outline."""
    found = re.findall(rb"/Title (?:<([0-9A-F]+)>|\((.*?)\))\n", pdf)
    return [bytes.fromhex(a.decode()).decode("utf-16") if a else b.decode() for a, b in found]


def test_every_page_is_in_the_outline_and_numbered(small):
    numbers = make_pdf.make(small, PARTS)
    assert (numbers["first"], numbers["second"]) == (3, 4)  # after the title and the contents
    assert numbers["third"] > 5  # the second is long
    pdf = (small / make_pdf.NAME).read_bytes()
    assert pdf.startswith(b"%PDF")
    assert {"1. The first title", "2. The second title", "3. The third title"} <= set(titles(pdf))
    assert not (small / "book/_whole.html").exists()


def test_the_contents_have_the_numbers(small):
    page = make_pdf.whole(small, PARTS, {"second": 17})
    assert re.search(
        r'href="#second\.">2\. The second title</a><span class="dots"></span>17</li>', page
    )


def test_a_wide_formula_is_set_smaller_until_it_fits(small, browser):
    (small / "book/whole.html").write_text(make_pdf.whole(small, PARTS, {}))
    with served(small) as address:
        page = browser.new_page()
        page.goto(f"{address}/book/whole.html")
        wide, size = page.eval_on_selector(
            "div.math", "e => [e.scrollWidth - e.clientWidth, parseFloat(e.style.fontSize)]"
        )
        page.close()
    assert wide <= 0
    assert 5 < size < 12


@pytest.mark.skipif(not PDF.exists(), reason="no PDF here: make pdf")
def test_the_pdf_has_every_chapter_and_is_offered():
    pdf = PDF.read_bytes()
    assert pdf.startswith(b"%PDF") and b"%%EOF" in pdf[-1024:]
    outline = titles(pdf)
    for path in CHAPTERS:
        html = path.read_text("utf-8")
        name = unescape(re.search(r"<title>(.*?) &#8212;", html)[1])
        assert name in outline, name
        assert f'href="../{PDF.name}" download' in html
