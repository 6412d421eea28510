"""The gate: no exercise without stub, solution, hints, wrong answers and a place on its page."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from register import ANSWERS

from vae_numpy.exercises import chapters, examine, exercises_of, find, stubs

ROOT = Path(__file__).parents[2]
EXERCISES = [exercise for chapter in chapters() for exercise in exercises_of(chapter)]
FEWEST = 6  # exercises in a chapter


def load(path):
    """Import a file by its path."""
    spec = importlib.util.spec_from_file_location(f"gate_{path.parent.name}_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


for file in sorted(Path(__file__).parent.glob("answers_ch??.py")):
    load(file)

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
                path = folder / path.name
                path.write_text(stubs.stub_file_text(chapter), "utf-8")
            loaded[kind, chapter] = load(path)
        return loaded[kind, chapter]

    return get


def test_every_chapter_has_exercises_at_least_fifty_in_all():
    assert list(chapters()) == list(range(1, 10))
    assert len(EXERCISES) >= 50


# The three ways ---------------------------------------------------------------------------------


@each_exercise
def test_the_stub_is_not_started(exercise, modules):
    stub = getattr(modules("stubs", exercise.chapter), exercise.name)
    verdict = examine(exercise.number, stub)
    assert verdict.state == "not started", verdict


@each_exercise
def test_the_solution_passes(exercise, modules):
    solution = getattr(modules("solutions", exercise.chapter), exercise.name)
    verdict = examine(exercise.number, solution)
    assert verdict, verdict


@pytest.mark.parametrize(
    "number, answer, message",
    [pytest.param(*a, id=f"{a[0]}-{a[1].__name__}") for a in ANSWERS if a[2] is not None],
)
def test_a_wrong_answer_gets_its_own_message(number, answer, message):
    if "ijk" in message or "numba" in message:  # told by compiling the answer
        pytest.importorskip("numba")
    verdict = examine(number, answer)
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
    pairs = [(e, getattr(solutions, f"{e.name}_with_a_bug", None)) for e in exercises_of(chapter)]
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
def test_each_chapter_has_its_tests_and_its_page(chapter):
    tests = (ROOT / f"tests/exercises/test_ch{chapter:02d}.py").read_text("utf-8")
    assert f"exercises_of({chapter})" in tests and f"def test_ch{chapter:02d}(" in tests
    page = next((ROOT / "book").glob(f"{chapter:02d}_*.md")).read_text("utf-8")
    numbers = [e.number for e in exercises_of(chapter)]
    assert "```{code-cell} ipython3\nfrom vae_numpy.exercises import check, hint, stub\n```" in page
    labels = [number.replace(".", "-") for number in numbers]
    assert re.findall(r"^:{3,}\{exercise\} .+\n:label: ex-(\S+)$", page, re.M) == labels
    assert re.findall(r"^:{3,}\{exercise-facts\} (\S+)$", page, re.M) == numbers
    solutions = r"^:{3,}\{solution\} ex-(\S+)\n:label: sol-(\S+)\n:class: dropdown$"
    assert re.findall(solutions, page, re.M) == [(label, label) for label in labels]
    included = r"\{literalinclude\} solutions/ch\d\d\.py\n:pyobject: (\S+)$"
    shown = re.findall(included, page, re.M)
    assert {find(number).name for number in numbers} <= set(shown)


def test_what_readers_get_is_clean():
    command = [sys.executable, "-m", "ruff"]
    folders = ["book/solutions", "vae_numpy/exercises", "tests/exercises_gate"]
    for check in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [*command, *check, *folders], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout
