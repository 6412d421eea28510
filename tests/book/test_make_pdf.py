"""The book as one page, which Chromium then prints (tests/browser/test_pdf.py)."""

import re
from pathlib import Path

import pytest

from book import make_pdf

ROOT = Path(__file__).parents[2]

PAGE = """<html><head><link rel="stylesheet" href="../a.css"></head><body>
<ul><li>
<button data-press="print">.pdf</button>
</li></ul>
<article class="bd-article"><h1>{title}<a class="headerlink" href="#{title}">#</a></h1>
<p id="here">{text}</p><img src="../_images/a.png" loading="lazy"></article></body></html>"""


@pytest.fixture
def site(tmp_path):
    (tmp_path / "book").mkdir()
    for name in ("index", "first"):
        (tmp_path / f"book/{name}.html").write_text(PAGE.format(title=name, text="Text"))
    return tmp_path


def link(address):
    page = PAGE.format(title="T", text=f'<a class="x" href="{address}">words</a>')
    found = make_pdf.article(page, "first", {"first", "second"})
    return re.search(r'<p id="first.here">(.*?)</p>', found)[1]


@pytest.mark.parametrize(
    ("address", "want"),
    [
        ("#fig", '<a class="x" href="#first.fig">words</a>'),
        ("second.html", '<a class="x" href="#second.">words</a>'),
        ("second.html#fig", '<a class="x" href="#second.fig">words</a>'),
        ("reference/first.html#x", "words"),
        ("other.html#fig", "words"),
        ("https://example.org/a#b", '<a class="x" href="https://example.org/a#b">words</a>'),
    ],
)
def test_links_lead_within_the_whole(address, want):
    assert link(address) == want


def test_every_picture_is_loaded_and_no_heading_links_to_itself():
    text = make_pdf.article(PAGE.format(title="T", text=""), "first", {"first"})
    assert "lazy" not in text
    assert make_pdf.heading(PAGE.format(title="7. T", text="")) == "7. T"


def test_of_several_drawings_the_light_and_wide_one_is_printed():
    kinds = [
        f"only-{theme} only-{width}" for theme in ("light", "dark") for width in ("wide", "narrow")
    ]
    drawn = "".join(f'<img alt="A." class="{kind} stacked" src="a.png" />' for kind in kinds)
    said = '<span class="only-wide">Left</span><span class="only-narrow">Top</span>: one'
    text = make_pdf.article(PAGE.format(title="T", text=drawn + said), "first", {"first"})
    assert re.findall(r'class="(only-\w+ only-\w+)', text) == ["only-light only-wide"]
    assert "Left" in text and "Top" not in text


def test_the_contents_are_those_of_the_book_without_the_reference():
    parts = make_pdf.contents((ROOT / "_toc.yml").read_text("utf-8"))
    pages = [page for _, names in parts for page in names]
    chapters = sorted(f"book/{path.stem}" for path in (ROOT / "book").glob("[0-9][0-9]_*.md"))
    assert pages[: len(chapters)] == chapters
    assert "book/notation" in pages
    assert not [page for page in pages if "reference" in page]


def test_the_pdf_is_offered_once(site):
    make_pdf.offer(site)
    make_pdf.offer(site)
    page = (site / "book/first.html").read_text()
    assert page.count(f'href="../{make_pdf.NAME}" download') == 1
