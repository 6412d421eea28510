"""The strict build, on a tiny book with the real configuration and extensions.

Chapters run in a kernel each, so the builds are few and shared: one sound book, which is then built
again with nothing changed, with a repository, and with another library; and two broken ones.
"""

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from linkcheck import check

ROOT = Path(__file__).parents[2]
HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
SOUND = (
    HEADER
    + """# A chapter

After {cite:p}`somebody2000`: {eq}`eq-one` and {ref}`the section <sec-one>`.

$$ x = 1 $$ (eq-one)

(sec-one)=
## A section

```{code-cell}
import sys
sys.path.insert(0, "..")  # the tiny book's library, not the installed one
import vae_numpy
print("the library says", vae_numpy.ANSWER)
```

```{code-cell}
---
tags: [hide-input]
mystnb:
  figure: {caption: "One white pixel, as in {cite:t}`somebody2000`.", name: page-pixel}
  image: {alt: "A pixel."}
---
from base64 import b64decode
from IPython.display import Image
Image(b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="))
```

```{code-cell}
---
tags: [hide-input]
mystnb:
  figure: {caption: "Left, a line. Right, none.", name: page-panels}
  image: {alt: "A line."}
---
import matplotlib.pyplot as plt
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
left.plot([0, 1]);
```

:::{admonition} Answer
:class: dropdown

{numref}`page-pixel` shows it, before {numref}`page-panels`.
:::
"""
)
BROKEN = (
    HEADER
    + """# A chapter

```{code-cell}
from base64 import b64decode
from IPython.display import Image
Image(b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="))
```

{cite:p}`nobody1900`

See {ref}`no-such-label`.

See {eq}`no-such-equation`.

See {term}`no such term`.

See [the other page](no_such_page.md).
"""
)
RAISING = (
    HEADER
    + """# A chapter

```{code-cell}
x = 1
```

```{code-cell}
:tags: [hide-input]

x = 1
raise ValueError("noise must be >= 0, got -0.1")
```
"""
)

PAGE = os.path.join("book", "page.md")

pytestmark = pytest.mark.slow


def make_book(root, page):
    """Write a book of a landing page and ``page`` into ``root``."""
    (root / "book").mkdir()
    for name in ("_ext", "_static"):
        shutil.copytree(ROOT / "book" / name, root / "book" / name)
    shutil.copy(ROOT / "_config.yml", root)
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters: [{file: book/page}]\n"
    )
    (root / "book/index.md").write_text("# A book\n\n:::{bibliography}\n:::\n")
    (root / "book/page.md").write_text(page)
    (root / "book/references.bib").write_text(
        "@misc{somebody2000, author = {Some Body}, title = {Some Title}, year = {2000}}\n"
    )
    set_answer(root, "forty-two")
    return root


def set_answer(root, answer):
    (root / "vae_numpy").mkdir(exist_ok=True)
    (root / "vae_numpy/__init__.py").write_text(f"ANSWER = {answer!r}\n")


def build(root, repository=None):
    """Run the strict build in ``root``, as ``make book`` does; return what came of it."""
    env = {k: v for k, v in os.environ.items() if k != "GITHUB_REPOSITORY"}
    env |= {"GITHUB_REPOSITORY": repository} if repository else {}
    command = [Path(sysconfig.get_path("scripts"), "jupyter-book"), "build", ".", "-W", "-n"]
    done = subprocess.run(
        [*command, "--keep-going"],
        cwd=root,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    site = root / "_build/html"
    page, notebook = site / "book/page.html", site / "_sources/book/page.ipynb"
    home, missing, sitemap = site / "book/index.html", site / "404.html", site / "sitemap.xml"
    return SimpleNamespace(
        root=root,
        code=done.returncode,
        end="\n".join(done.stdout.splitlines()[-15:]),
        executed=done.stdout.count("Executing notebook"),
        page=page.read_text("utf-8") if page.exists() else "",
        notebook=notebook.read_text("utf-8") if notebook.exists() else "",
        home=home.read_text("utf-8") if home.exists() else "",
        sitemap=sitemap.read_text("utf-8") if sitemap.exists() else "",
        missing=missing.read_text("utf-8") if missing.exists() else "",
        faults=check(site)[0],
    )


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return build(make_book(tmp_path_factory.mktemp("sound"), SOUND))


@pytest.fixture(scope="module")
def again(first):
    """Nothing changed, but for a page that a chapter since removed has left behind."""
    (first.root / "_build/html/book/removed.html").write_text("")
    return build(first.root)


@pytest.fixture(scope="module")
def published(again):
    return build(again.root, repository="someone/spiral")


@pytest.fixture(scope="module")
def changed(published):
    set_answer(published.root, "forty-three")
    return build(published.root)


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    return build(make_book(tmp_path_factory.mktemp("broken"), BROKEN))


def test_sound_book_passes(first):
    assert first.code == 0, first.end
    assert first.executed == 1
    assert "the library says forty-two" in first.page
    assert "What to mend" not in first.end
    assert first.faults == []


def test_nothing_is_executed_twice(first, again):
    assert (again.code, again.executed) == (0, 0)
    assert "the library says forty-two" in again.page
    assert again.notebook == first.notebook


def test_no_page_stays_behind(again):
    assert not (again.root / "_build/html/book/removed.html").exists()


def test_changed_library_runs_the_chapter_again(changed):
    assert (changed.code, changed.executed) == (0, 1)
    assert "the library says forty-three" in changed.page
    assert "forty-two" not in changed.page


def test_no_repository_no_button(first):
    for host in ("github.com", "colab", "mybinder"):
        assert host not in first.page
    assert "pip install -e ." in first.notebook


def test_repository_buttons(published):
    assert (published.code, published.executed) == (0, 0), published.end
    for link in (
        "https://github.com/someone/spiral",
        "https://github.com/someone/spiral/edit/main/book/page.md",
        "https://colab.research.google.com/github/someone/spiral/blob/gh-pages/_sources/book/page.ipynb",
        "https://mybinder.org/v2/gh/someone/spiral/main?urlpath=lab/tree/book/page.md%3Ffactory",
    ):
        assert f'href="{link}' in published.page


def test_notebook_is_offered_and_clean(first):
    assert '<a href="../_sources/book/page.ipynb" download' in first.page
    notebook = nbformat.reads(first.notebook, as_version=4)
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == [f"cell-{n}" for n in range(len(notebook.cells))]
    assert not any(cell.get("outputs") for cell in notebook.cells)


def test_notebook_needs_no_plugin(first, published):
    assert "pip install -e ." in first.notebook
    cells = nbformat.reads(published.notebook, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for shown in (
        "After (Body, 2000): (1) and the section.",
        "$$\nx = 1\\tag{1}\n$$",
        "*Figure 1.* One white pixel, as in Body (2000).",
        "<summary>Answer</summary>\n\nFigure 1 shows it, before Figure 2.\n\n</details>",
        "Some Body",
    ):
        assert shown in text
    assert "git clone --quiet --depth 1 https://github.com/someone/spiral" in cells[0].source


def test_every_page_says_what_it_is(first):
    assert 'name="description" content="A book, a page of From a Spiral' in first.home
    for text in ('name="description" content="', 'property="og:title" content="A chapter"'):
        assert first.page.count(text) == 1
    for text in ('rel="canonical"', "og:image", "og:url"):  # these need an address
        assert text not in first.page


def test_an_address_makes_canonical_links_a_card_and_a_sitemap(published):
    here = "https://someone.github.io/spiral/"
    assert f'<link rel="canonical" href="{here}book/page.html" />' in published.page
    assert f'property="og:image" content="{here}_static/img/social_card.png"' in published.page
    assert (published.root / "_build/html/_static/img/social_card.png").exists()
    assert f"<loc>{here}book/page.html</loc>" in published.sitemap
    assert f'<base href="{here}404.html" />' in published.missing
    assert published.faults == []


def test_no_address_no_sitemap_and_the_404_page_stands(first):
    assert first.sitemap == ""
    assert "Page not found" in first.missing
    assert "<base" not in first.missing


def test_folds_and_pictures_are_mended(first):
    assert '<span class="collapsed admonition-title">Show the code of Figure 1</span>' in first.page
    assert not re.search(r"<summary[^>]*>\s*<p", first.page)
    [picture] = re.findall(r'<img[^>]* alt="A pixel."[^>]*>', first.page)
    assert 'width="1" height="1"' in picture


def test_a_figure_is_drawn_for_both_themes_and_two_widths(first):
    pictures = re.findall(r'<img alt="A line." class="([^"]*)" src="([^"]*)" ([^>]*)>', first.page)
    assert [classes.split()[:2] for classes, _, _ in pictures] == [
        [f"only-{theme}", f"only-{width}"]
        for width in ("wide", "narrow")
        for theme in ("light", "dark")
    ]
    assert len({source for _, source, _ in pictures}) == 4
    assert all('loading="lazy"' in rest and "width=" in rest for _, _, rest in pictures)
    assert "Figure 2" in first.page and "Figure 3" not in first.page
    assert '<span class="only-narrow">Top</span>, a line.' in first.page
    assert '"image/png"' not in first.notebook


def test_a_page_loads_what_it_needs(first):
    for name in ("searchindex.js", "searchtools.js", "fontawesome.js"):
        assert name not in first.page
    assert "searchindex.js" in (first.root / "_build/html/search.html").read_text("utf-8")
    assert first.page.count('rel="preload" as="font"') == 2
    static = first.root / "_build/html/_static"
    icons = static / "vendor/fontawesome/webfonts/fa-solid-900.woff"
    assert 1000 < icons.stat().st_size < 10_000
    css = (static / "styles/pydata-sphinx-theme.css").read_text("utf-8")
    assert 'fa-solid-900.woff) format("woff")' in css and "fa-solid-900.woff2" not in css


def test_the_theme_is_known_before_the_first_paint(first):
    assert 'data-theme="light"' in first.page and 'data-theme="auto"' not in first.page
    script = re.search(r'<script src="\.\./(_static/inline/\w+\.js)">', first.page)
    assert script.end() < first.page.index('rel="stylesheet"')
    said = (first.root / "_build/html" / script[1]).read_text("utf-8")
    assert "prefers-color-scheme: dark" in said


def test_formulas_have_their_place(first):
    assert re.search(r'class="math notranslate nohighlight"[^>]* style="--size: 3.8em"', first.page)


@pytest.mark.parametrize(
    "fault",
    ["nobody1900", "no-such-label", "no-such-equation", "no such term", "no_such_page.md"],
)
def test_broken_page_fails_with_file_and_line(broken, fault):
    assert broken.code != 0
    line = BROKEN[: BROKEN.index(fault)].count("\n") + 1
    [report] = [text for text in broken.end.splitlines() if fault in text]
    assert report.strip().startswith(f"{PAGE}:{line}: ")


def test_picture_without_alt_text_fails(broken):
    [report] = [text for text in broken.end.splitlines() if "alt text" in text]
    line = int(report.split(":")[1])
    first, last = (BROKEN[: BROKEN.index(edge)].count("\n") + 1 for edge in ("```{", "```\n"))
    assert first <= line <= last


def test_raising_chapter_fails_with_file_and_line(tmp_path):
    result = build(make_book(tmp_path, RAISING))
    assert result.code != 0
    line = RAISING[: RAISING.index("raise ")].count("\n") + 1
    assert f"{PAGE}:{line}: ValueError: noise must be >= 0, got -0.1" in result.end
