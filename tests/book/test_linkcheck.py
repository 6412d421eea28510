"""The link check finds each kind of fault, and only the fault."""

import pytest
from linkcheck import check, main

SOUND = """<html><head><link rel="stylesheet" href="_static/a.css"><link rel="next" href="b.html">
<script>const ns = "http://www.w3.org/2000/svg"; fetch("b.html");</script></head><body>
<h1 id="top-of-page">A</h1><a href="b.html#sec">b</a> <a href="#top-of-page">up</a>
<a href="#">#</a>
<a href="https://example.org/paper">paper</a> <a href="mailto:a@example.org">mail</a>
<img src="_static/a.svg?v=1"> <img src="data:image/png;base64,AAAA"> %s</body></html>"""


def site(folder, extra="", css="a { background: url('a.svg') }"):
    (folder / "_static").mkdir()
    (folder / "_static/a.css").write_text(css)
    (folder / "_static/a.svg").write_text("<svg/>")
    (folder / "index.html").write_text(SOUND % extra)
    (folder / "b.html").write_text('<html><body><h2 id="sec">B</h2></body></html>')
    return folder


def test_sound_site(tmp_path, capsys):
    faults, seen = check(site(tmp_path))
    assert faults == []
    assert seen == {"pages": 2, "links": 6, "external links": 1, "loaded files": 4}
    assert main(tmp_path) == 0
    assert capsys.readouterr().out.endswith("- 0 faults\n")


@pytest.mark.parametrize(
    ("extra", "fault"),
    [
        ('<a href="c.html">', "missing: c.html"),
        ('<img src="gone.png">', "missing: gone.png"),
        ('<img srcset="_static/a.svg 1x, gone.png 2x">', "missing: gone.png"),
        ('<a href="../outside.html">', "missing: ../outside.html"),
        ('<a href="/b.html">', "starts at the host's root: /b.html"),
        ('<a href="b.html#nowhere">', "no such anchor: b.html#nowhere"),
        ('<a href="#nowhere">', "no such anchor: #nowhere"),
        ('<p id="sec2"></p><p id="sec2">', "id twice: sec2"),
        ('<meta http-equiv="Refresh" content="0; url=c.html">', "missing: c.html"),
        (
            '<script src="https://cdn.example/x.js"></script>',
            "third party: https://cdn.example/x.js",
        ),
        ('<img src="//cdn.example/x.png">', "third party: //cdn.example/x.png"),
        (
            '<link rel="stylesheet" href="https://cdn.example/x">',
            "third party: https://cdn.example/x",
        ),
        ('<link rel="preconnect" href="https://cdn.example">', "third party: https://cdn.example"),
        (
            '<p style="background: url(https://cdn.example/p)">',
            "third party: https://cdn.example/p",
        ),
        ("<style>@import 'https://cdn.example/s';</style>", "third party: https://cdn.example/s"),
        ('<script>fetch("https://cdn.example/d")</script>', "third party: https://cdn.example/d"),
        ('<script>import "https://cdn.example/m"</script>', "third party: https://cdn.example/m"),
        ('<script>s.src = "//cdn.example/t"</script>', "third party: //cdn.example/t"),
        (
            '<script>const U = "https://cdn.example/t.js"</script>',
            "third party: https://cdn.example/t.js",
        ),
    ],
)
def test_each_fault_is_found(tmp_path, extra, fault):
    assert check(site(tmp_path, extra))[0] == [f"index.html: {fault}"]


def test_style_sheets(tmp_path):
    css = "@import url(https://cdn.example/f.css); b { background: url(gone.svg) }"
    assert check(site(tmp_path, css=css))[0] == [
        "_static/a.css: third party: https://cdn.example/f.css",
        "_static/a.css: missing: gone.svg",
    ]


def test_empty_folder_is_a_fault(tmp_path):
    assert main(tmp_path) == 1
