"""The book's sources keep the house rules that can be read off the files."""

import re
import subprocess
import symtable
from pathlib import Path

import pytest

from vae_numpy.exercises import chapters, stubs

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "book").glob("*.md"))
COLUMN = 76  # characters of code that a page shows in a line
CHAPTERS = [page for page in PAGES if re.match(r"\d\d_", page.name)]
HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
"""
HEAD = r"^```\{code-cell\}.*?\n(?:---\n.*?\n---\n|(?::[^\n]*\n)*)"
CELL = re.compile(HEAD + r"(.*?)^```$", re.M | re.S)
ABSOLUTE = re.compile(r"(?<![\w./:])(?:/(?:home|Users|root|work|mnt|tmp)/\w|[A-Z]:\\\w)")


def source_files():
    """Return the files that are, or would be, committed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not in a git repository")
    files = [ROOT / name for name in names.split("\0") if name]
    return [file for file in files if file.is_file()]


def each(files):
    return pytest.mark.parametrize("page", files, ids=[file.name for file in files])


@each(CHAPTERS)
def test_chapter_starts_with_the_header(page):
    assert page.read_text("utf-8").startswith(HEADER)


@each(PAGES)
def test_cells_are_short(page):
    too_long = [
        cell.splitlines()[0]
        for cell in CELL.findall(page.read_text("utf-8"))
        if len(cell.strip().splitlines()) > 25
    ]
    assert not too_long, f"cells of more than 25 lines, starting with {too_long}"


@each(PAGES)
def test_cells_that_are_shown_fit_the_column(page):
    too_wide = [
        line
        for cell in CELL.finditer(page.read_text("utf-8"))
        if "remove-cell" not in cell[0][: cell.start(1) - cell.start()]
        for line in cell[1].splitlines()
        if len(line) > COLUMN
    ]
    assert not too_wide, f"lines of more than {COLUMN} columns"


@pytest.mark.parametrize("chapter", chapters())
def test_stubs_and_solutions_fit_the_column(chapter):
    solutions = stubs.solution_file(chapter).read_text("utf-8")
    shown = solutions.splitlines() + stubs.stub_file_text(chapter).splitlines()
    too_wide = [line for line in shown if len(line) > COLUMN]
    assert not too_wide, f"lines of more than {COLUMN} columns"


@each(PAGES)
def test_shown_cells_need_no_cell_that_is_removed(page):
    by_shown, missing = {}, []  # each name: whether a shown cell made it last
    for cell in CELL.finditer(page.read_text("utf-8")):
        shown = "remove-cell" not in cell[0][: cell.start(1) - cell.start()]
        made, used = names(re.sub(r"^\s*[%!].*$", "", cell[1], flags=re.M))
        missing += [name for name in used - made if shown and not by_shown.get(name, True)]
        by_shown |= dict.fromkeys(made, shown)
    assert not missing, f"made in removed cells alone, or made anew there: {missing}"


def names(code):
    """Return the names that a cell makes, and those that it takes from what was made before."""
    tables = [top := symtable.symtable(code, "cell", "exec")]
    made = {s.get_name() for s in top.get_symbols() if s.is_local()}
    used = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    while tables:
        table = tables.pop()
        tables += table.get_children()
        inner = table.get_symbols() if table is not top else []
        used |= {s.get_name() for s in inner if s.is_global() and s.is_referenced()}
    return made, used


def test_a_name_that_a_cell_takes_is_found_in_functions_too():
    made, used = names("import a\nfor b in c:\n    def d(e):\n        return [f(e) for g in a]")
    assert made == {"a", "b", "d"} and used >= {"c", "f", "a"} and not used & {"e", "g"}


@each(PAGES)
def test_every_figure_has_alt_text(page):
    cells = [cell[0] for cell in CELL.finditer(page.read_text("utf-8"))]
    figures = [cell for cell in cells if "\n  figure:\n" in cell]
    silent = [re.search(r"name: (\S+)|$", cell)[1] for cell in figures if "\n    alt: " not in cell]
    assert not silent, f"figures without mystnb: image: alt: {silent}"


def test_every_chapter_is_in_the_contents():
    contents = (ROOT / "_toc.yml").read_text("utf-8")
    assert [page.name for page in PAGES if f"book/{page.stem}\n" not in contents] == []


def test_no_notebook_and_nothing_large_is_committed():
    files = source_files()
    assert [file.name for file in files if file.suffix == ".ipynb"] == []
    assert [file.name for file in files if file.stat().st_size > 3_000_000] == []


def test_no_absolute_paths():
    text = {".md", ".py", ".toml", ".txt", ".yml", ".cff", ".bib", ".css", ""}
    found = [
        f"{file.relative_to(ROOT)}: {line.strip()}"
        for file in source_files()
        if file.suffix in text
        for line in file.read_text("utf-8").splitlines()
        if ABSOLUTE.search(line)
    ]
    assert found == []


def test_no_two_scripts_of_the_pages_give_the_same_name_to_two_things():
    """They are no modules: what they name they share."""
    named = [
        name
        for path in sorted((ROOT / "book").glob("_static/*.js"))
        for name in re.findall(
            r"^(?:async )?(?:function|const|let|var|class) (\w+)", path.read_text(), re.M
        )
    ]
    assert named and sorted(named) == sorted(set(named))
