"""What is mended in a page's markup, on pages of a line."""

import re
import struct

import book_site
import pytest
from docutils import nodes

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 440 1560" width="440">'


@pytest.fixture
def page(tmp_path):
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "map.svg").write_bytes(SVG)
    (tmp_path / "a.gif").write_bytes(b"GIF89a")
    return tmp_path / "page.html"


def test_pictures_get_their_place_and_all_but_the_first_wait(page):
    text = '<img alt="A." src="a.png" /><p></p><img alt="B." src="map.svg"/><img src="a.png">'
    assert book_site._place_pictures(page, text) == (
        '<img alt="A." src="a.png" width="640" height="480" /><p></p>'
        '<img alt="B." src="map.svg" width="440" height="1560" loading="lazy"/>'
        '<img src="a.png" width="640" height="480" loading="lazy">'
    )


def test_outputs_with_longer_lines_than_a_page_shows_are_sentences():
    columns = nodes.literal_block(text=f"{'a':76}\n1", classes=["output", "stream"])
    sentence = nodes.literal_block(text=f"{'a':77}\n1", classes=["output", "stream"])
    code = nodes.literal_block(text=f"{'a':77}")
    book_site._wrap_sentences(None, nodes.container("", columns, sentence, code))
    found = [block["classes"][2:] for block in (columns, sentence, code)]
    assert found == [[], ["sentences"], []]


def test_an_inch_of_a_figure_has_a_hundred_pixels(page):
    density = b"pHYs" + struct.pack(">IIB", 7874, 7874, 1)  # 200 dots an inch
    (page.parent / "fine.png").write_bytes(PNG + b"crc " + b"len " + density)
    text = book_site._place_pictures(page, '<img src="fine.png">')
    assert text == '<img src="fine.png" width="320" height="240">'


def test_of_several_drawings_none_is_loaded_unseen(page):
    text = book_site._place_pictures(page, '<img class="only-light" src="a.png">')
    assert 'loading="lazy"' in text


@pytest.mark.parametrize("tag", ['<img src="a.png" width="3">', '<img src="a.gif">', "<img>"])
def test_other_pictures_are_left_alone(page, tag):
    assert book_site._place_pictures(page, tag) == tag


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("<title>A book &#8212; A book</title>", "<title>A book</title>"),
        ("<title>1. One &#8212; A book</title>", "<title>1. One &#8212; A book</title>"),
        (
            '<p class="collapsed admonition-title">Show</p>',
            '<span class="collapsed admonition-title">Show</span>',
        ),
        ('<html lang="en" data-theme="auto">', '<html lang="en" data-theme="light">'),
        ('<p class="admonition-title">Answer</p>', '<p class="admonition-title">Answer</p>'),
        (
            '<a href="b.html">B</a><details open="open"><summary><span class="toctree-toggle">',
            '<a href="b.html">B</a><details open="open">'
            '<summary aria-label="Pages of B"><span class="toctree-toggle">',
        ),
        ('<a href="b.html">B</a><details><summary>C', '<a href="b.html">B</a><details><summary>C'),
        (
            '<dl>\n<dd><em class="sig-param">a</em>,</dd>\n</dl>\n\n<span class="sig-paren">)',
            '<span class="sig-lines">\n<span class="sig-line"><em class="sig-param">a</em>,</span>'
            '\n</span>\n\n<span class="sig-paren">)',
        ),
        ("<dl><dt>a</dt><dd>b</dd></dl>", "<dl><dt>a</dt><dd>b</dd></dl>"),
        (
            '<th class="head text-right"><p></p></th><th class="head"><p>a</p></th>',
            '<td></td><th class="head"><p>a</p></th>',
        ),
    ],
)
def test_markup_is_mended(text, want):
    for pattern, replacement, _ in book_site.MENDED:
        text = re.sub(pattern, replacement, text, flags=re.S)
    assert text == want
