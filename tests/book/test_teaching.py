"""The page for teachers: its numbers come out, and every exercise has its line."""

import ast
import os
from pathlib import Path

import jupytext
import pytest

from vae_numpy.exercises import chapters, exercises_of, stubs

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tables():
    """Run the page's cells, as the book does in its folder; return the Markdown that they show."""
    cells = jupytext.read(ROOT / "book/teaching.md").cells
    names, shown, before = {}, [], os.getcwd()
    os.chdir(ROOT / "book")
    try:
        for source in (cell.source for cell in cells if cell.cell_type == "code"):
            *statements, last = ast.parse(source).body
            exec(compile(ast.Module(statements, []), "teaching", "exec"), names)
            if isinstance(last, ast.Expr):
                shown.append(eval(compile(ast.Expression(last.value), "teaching", "eval"), names))
            else:
                exec(compile(ast.Module([last], []), "teaching", "exec"), names)
    finally:
        os.chdir(before)
    return [table.data for table in shown if table is not None]


def test_every_chapter_has_its_hours(tables):
    lines = tables[0].splitlines()
    assert [line.split(".")[0] for line in lines[2:-1]] == [f"| {c}" for c in chapters()]


def test_every_exercise_has_its_line(tables):
    lines = tables[1].splitlines()[2:]
    every = [e for chapter in chapters() for e in exercises_of(chapter)]
    assert [line.split(" | ")[:2] for line in lines] == [[f"| {e.number}", e.trains] for e in every]


def test_no_exercise_calls_the_function_of_another_but_one():
    calls = set()
    for exercises in map(exercises_of, chapters()):
        names = {e.name: e.number for e in exercises}
        for exercise in exercises:
            tree = ast.parse(stubs.solution_text(exercise))
            used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            calls |= {(exercise.number, names[n]) for n in used & set(names)}
    assert {(a, b) for a, b in calls if a != b} == {("2.8", "2.7")}


def test_a_project_is_the_last_of_its_chapter():
    for exercises in map(exercises_of, chapters()):
        assert all(e.difficulty != "project" for e in exercises[:-1])
