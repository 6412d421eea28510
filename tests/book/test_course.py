"""The notebooks of a course: every exercise, and nothing of its hints and solution."""

import ast
import csv
import re
from pathlib import Path

import course
import nbformat
import notebooks
import pytest
from pybtex.database import parse_file

from vae_numpy.exercises import answers, chapters, examine, exercises_of, grade, stubs

ROOT = Path(__file__).parents[2]
each = pytest.mark.parametrize("chapter", chapters())


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the chapters' notebooks where the built site has them."""
    folder, books = tmp_path_factory.mktemp("site"), parse_file(ROOT / "book/references.bib")
    (folder / "_sources/book").mkdir(parents=True)
    for page in (ROOT / "book").glob("[0-9][0-9]_*.md"):
        markdown = notebooks.Markdown(page, name_of, books)
        made = notebooks.notebook(markdown)
        nbformat.write(made, folder / f"_sources/book/{page.stem}.ipynb")
    return folder


def name_of(label):
    exercise = re.fullmatch(r"ex-(\d+)-(\d+)", label)
    return "Exercise {}.{}".format(*exercise.groups()) if exercise else f"<{label}>"


@pytest.fixture(scope="module")
def written(site, tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    course.write(site, folder)
    return folder


def code_lines(text):
    """Return the statements of a text that are long enough to be somebody's own, as Python says."""
    statements = (n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.stmt))
    lines = {ast.unparse(n).splitlines()[0] for n in statements}
    return {line for line in lines if len(line) > 20}


@each
def test_each_exercise_has_statement_stub_and_check(written, chapter):
    cells = nbformat.read(written / f"ch{chapter:02d}.ipynb", 4).cells
    for exercise in exercises_of(chapter):
        heading = f"## Exercise {exercise.number}: "
        (place,) = [i for i, cell in enumerate(cells) if cell.source.startswith(heading)]
        statement, stub, check = cells[place : place + 3]
        assert len(statement.source.split()) > 15, "a statement has some words"
        assert stub.source.endswith(stubs.stub_text(exercise))
        assert check.source == f'check("{exercise.number}", {exercise.name})'
    assert all(not cell.get("outputs") for cell in cells)


@each
def test_nothing_of_hints_and_solutions_is_in_it(written, chapter):
    text = (written / f"ch{chapter:02d}.ipynb").read_text("utf-8")
    assert "<details>" not in text and "solution" not in text.lower()
    given = "\n\n".join(stubs.given_text(e) + stubs.stub_text(e) for e in exercises_of(chapter))
    code = code_lines(grade.notebook_code(text))
    for exercise in exercises_of(chapter):
        own = code_lines(stubs.solution_text(exercise)) - code_lines(given)
        assert own and not own & code
        assert not [hint for hint in exercise.hints if hint in text]


@pytest.mark.slow
def test_filled_in_it_is_right(written, tmp_path):
    text = grade.notebook_code((written / "ch01.ipynb").read_text("utf-8"))
    for exercise in exercises_of(1):
        text = stubs.replace(text, exercise, stubs.solution_text(exercise))
    (tmp_path / "filled.py").write_text(text.replace("check(", "print("), "utf-8")
    names, faults = answers.load(tmp_path / "filled.py")
    assert faults == []
    assert all(examine(e.number, names[e.name]) for e in exercises_of(1))


def test_the_list_and_the_teachers_page_have_every_exercise(written):
    every = [e for chapter in chapters() for e in exercises_of(chapter)]
    with open(written / "exercises.csv", encoding="utf-8", newline="") as file:
        listed = [(row["exercise"], row["trains"]) for row in csv.DictReader(file)]
    assert listed == [(e.number, e.trains) for e in every]
    assert "vae_numpy.exercises.grade FOLDER" in (written / "README.md").read_text("utf-8")


def test_a_chapter_without_the_statement_of_an_exercise_is_an_error():
    empty = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title")])
    with pytest.raises(KeyError, match=r"1\.1"):
        course.notebook(1, empty)
