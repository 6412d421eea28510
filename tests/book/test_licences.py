"""Each file that others made has its licence beside it, and is listed here."""

import re
from pathlib import Path

import pytest

BOOK = Path(__file__).parents[2] / "book"
OPEN_FONT, ISC = "SIL Open Font License, Version 1.1", "Permission to use, copy, modify"
LICENCES = {  # files of others, under book/: the licence in their folder, and words from it
    "_ext/fonts/Inter-*.ttf": ("LICENSE-Inter", OPEN_FONT),
    "_static/fonts/inter-*.woff2": ("LICENSE-Inter", OPEN_FONT),
    "_static/fonts/jetbrains-mono-*.woff2": ("LICENSE-JetBrains-Mono", OPEN_FONT),
    "_static/mathjax/**/*.*": ("LICENSE", "Apache License"),
    "_static/vendor/d3-*.js": ("LICENSE-d3", ISC),
}
FONTS = {".woff", ".woff2", ".ttf", ".otf"}


def is_minified(path):
    return path.suffix in {".js", ".css"} and re.search(r"[^\n]{1000}", path.read_text("utf-8"))


def licensed():
    return {path: pattern for pattern in LICENCES for path in BOOK.glob(pattern)}


@pytest.mark.parametrize("pattern", LICENCES)
def test_a_licence_stands_beside(pattern):
    name, words = LICENCES[pattern]
    folder = BOOK / re.match(r"[^*]*/", pattern)[0]
    assert words in (folder / name).read_text("utf-8")
    assert any(path.is_file() for path in BOOK.glob(pattern)), "nothing to license"


def test_every_font_and_every_minified_file_is_listed():
    files = [*(BOOK / "_static").rglob("*"), *(BOOK / "_ext").rglob("*")]
    others = {path for path in files if path.suffix in FONTS or is_minified(path)}
    assert len(others) > 30
    assert others - licensed().keys() == set()


def test_the_licence_of_d3_names_each_module_and_its_version():
    text = (BOOK / "_static/vendor/LICENSE-d3").read_text("utf-8")
    modules = sorted((BOOK / "_static/vendor").glob("d3-*.js"))
    said = [re.match(r"// \S+ v(\S+) Copyright", m.read_text("utf-8"))[1] for m in modules]
    named = re.findall(r"^(d3-[\w-]+) ([\d.]+)$", text, re.M)
    assert dict(named) == dict(zip([module.stem for module in modules], said, strict=True))


def test_the_readme_beside_them_names_what_they_are():
    text = (BOOK / "_static/README.md").read_text("utf-8")
    for name in ("MathJax 3.2.2", "Inter", "JetBrains Mono", "D3's modules"):
        assert f"**{name}**" in text
