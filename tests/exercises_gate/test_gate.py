"""The gate: no exercise without stub, solution, hints, wrong answers and a place on its page."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.exercises_gate.register import skip_if_not_timed
from vae_numpy.exercises import answers, catalogue, chapters, examine, exercises_of, find, stubs
from vae_numpy.exercises.register import ANSWERS

ROOT = Path(__file__).parents[2]
PAGES = re.findall(r"file: (book/\d\d_\w+)$", (ROOT / "_toc.yml").read_text("utf-8"), re.M)
EXERCISES = [exercise for chapter in chapters() for exercise in exercises_of(chapter)]
FEWEST = 6  # exercises in a chapter

for each in chapters():
    catalogue.modules_of(each, "wrong")  # fills ANSWERS

each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.number)
each_chapter = pytest.mark.parametrize("chapter", chapters(), ids="ch{:02d}".format)


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """Return a function that loads a chapter's fresh stubs, or its solutions, once."""
    loaded, folder = {}, tmp_path_factory.mktemp("stubs")

    def get(kind, chapter):
        if (kind, chapter) not in loaded:
            path = stubs.solution_file(chapter)
            if kind == "stubs":
                path = folder / f"ch{chapter:02d}.py"
                path.write_text(stubs.stub_file_text(chapter), "utf-8")
            names, faults = answers.load(path)
            assert not faults, faults
            loaded[kind, chapter] = names
        return loaded[kind, chapter]

    return get


def test_every_chapter_of_the_contents_has_exercises_at_least_fifty_in_all():
    assert chapters() == [int(page[5:7]) for page in PAGES]
    assert chapters() == list(range(1, len(PAGES) + 1))
    assert len(EXERCISES) >= 50


# The three ways ---------------------------------------------------------------------------------


@each_exercise
def test_the_stub_is_not_started(exercise, modules):
    verdict = examine(exercise.number, modules("stubs", exercise.chapter)[exercise.name])
    assert verdict.state == "not started", verdict


@each_exercise
def test_the_solution_passes_in_a_cell_with_what_stub_gives(exercise, tmp_path):
    cell, text = tmp_path / "cell.py", stubs.solution_text(exercise)
    for earlier in exercises_of(exercise.chapter):
        if earlier != exercise and f"{earlier.name}(" in text:  # built on what the reader wrote
            text = f"{stubs.solution_text(earlier)}\n\n\n{text}"
    cell.write_text(stubs.given_text(exercise) + text, "utf-8")
    names, faults = answers.load(cell)
    assert not faults, faults
    verdict = examine(exercise.number, names[exercise.name])
    assert verdict, verdict


@each_exercise
def test_fault_19_an_answer_in_half_precision_gets_a_diagnosis(exercise, modules):
    solution = modules("solutions", exercise.chapter)[exercise.name]
    verdict = examine(exercise.number, halved(solution))
    assert "cannot go on" not in verdict.line, verdict


def halved(answer):
    """Return an answer that gives what ``answer`` gives, in float16; of a class, all methods do."""
    if isinstance(answer, type):
        methods = {k: halved(v) for k, v in vars(answer).items() if callable(v) and k[0] != "_"}
        return type(answer.__name__, (answer,), methods)

    def half(value):
        if isinstance(value, (tuple, list)):
            return type(value)(map(half, value))
        inexact = isinstance(value, float) or getattr(value, "dtype", None) in (np.float32, float)
        return np.asarray(value, np.float16)[()] if inexact else value

    @functools.wraps(answer)
    def wrapped(*args, **kwargs):
        with np.errstate(over="ignore"):
            return half(answer(*args, **kwargs))

    return wrapped


@pytest.mark.parametrize(
    "number, answer, message",
    [pytest.param(*a, id=f"{a[0]}-{a[1].__name__}") for a in ANSWERS if a[2] is not None],
)
def test_a_wrong_answer_gets_its_own_message(number, answer, message):
    verdict = examine(number, answer)
    skip_if_not_timed(verdict)
    assert verdict.state == "wrong", verdict
    assert message in str(verdict).splitlines()[0], verdict


@pytest.mark.parametrize(
    "number, answer",
    [pytest.param(*a[:2], id=f"{a[0]}-{a[1].__name__}") for a in ANSWERS if a[2] is None],
)
def test_a_right_answer_written_another_way_passes(number, answer):
    verdict = examine(number, answer)
    assert verdict, verdict


@each_chapter
def test_a_bug_to_find_is_found(chapter, modules):
    for exercise, buggy in hunts(chapter, modules):
        verdict = examine(exercise.number, buggy)
        assert verdict.state == "wrong", verdict


def hunts(chapter, modules):
    """Return the "find the bug" exercises of a chapter, each with its bug."""
    solutions = modules("solutions", chapter)
    pairs = [(e, solutions.get(f"{e.name}_with_a_bug")) for e in exercises_of(chapter)]
    return [(exercise, buggy) for exercise, buggy in pairs if buggy]


# Nothing is missing -----------------------------------------------------------------------------


@each_exercise
def test_wrong_and_right_answers_are_kept(exercise):
    mine = [message for number, _, message in ANSWERS if number == exercise.number]
    messages = [message for message in mine if message is not None]
    assert len(set(messages)) >= 3, "needs three wrong answers, each with its own message"
    assert None in mine, "needs a right answer written another way"


@each_chapter
def test_the_chapter_has_enough_exercises_and_a_bug_to_find(chapter, modules):
    assert len(exercises_of(chapter)) >= FEWEST
    assert hunts(chapter, modules) or chapter == 1


@each_chapter
def test_the_stubs_agree_with_the_solutions(chapter):
    path = f"book/exercises/ch{chapter:02d}.py"
    if subprocess.run(["git", "diff", "--quiet", "HEAD", "--", path], cwd=ROOT).returncode:
        pytest.skip(f"{path} is being worked on")  # by a reader, or by an author before the commit
    stub_file = (ROOT / path).read_text("utf-8")
    assert stub_file == stubs.stub_file_text(chapter), "run: python -m vae_numpy.exercises"


@each_exercise
def test_the_stub_has_a_docstring(exercise):
    tree = ast.parse(stubs.stub_text(exercise))
    assert ast.get_docstring(tree.body[0])


@each_chapter
def test_each_chapter_shows_its_exercises_on_its_page(chapter):
    page = next((ROOT / "book").glob(f"{chapter:02d}_*.md")).read_text("utf-8")
    numbers = [e.number for e in exercises_of(chapter)]
    assert "```{code-cell} ipython3\nfrom vae_numpy.exercises import check, hint, stub\n```" in page
    labels = [number.replace(".", "-") for number in numbers]
    shown = re.findall(r"^:{3,}\{exercise\} .+\n:label: ex-(\S+)$", page, re.M)
    assert shown == labels, f"the page shows {shown}, the checks are {labels}"
    assert re.findall(r"^:{3,}\{exercise-facts\} (\S+)$", page, re.M) == numbers
    solutions = r"^:{3,}\{solution\} ex-(\S+)\n:label: sol-(\S+)\n:class: dropdown$"
    assert re.findall(solutions, page, re.M) == [(label, label) for label in labels]
    path = re.escape(f"../vae_numpy/exercises/ch{chapter:02d}/solution.py")
    shown = re.findall(rf"\{{literalinclude\}} {path}\n:pyobject: (\S+)$", page, re.M)
    assert {find(number).name for number in numbers} <= set(shown)


def test_what_readers_get_is_clean():
    command = [sys.executable, "-m", "ruff"]
    folders = ["vae_numpy/exercises", "tests/exercises_gate"]
    for check in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [*command, *check, *folders], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
