"""Grading a folder of students' files: every one has its line, and nothing is lost."""

import csv
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vae_numpy.exercises import exercises_of, grade, isolation, stubs

ROOT = Path(__file__).parents[1]
STUB, SOLUTIONS = stubs.stub_file_text(1), stubs.solution_file(1).read_text("utf-8")
N = len(exercises_of(1))


def answering(*lines):
    """Return the stubs of chapter 1 with these lines as the answer to 1.1."""
    return STUB.replace("raise NotImplementedError", "\n    ".join(lines), 1)


def notebook(code):
    """Return a notebook with a magic, an answer and a call that checks it."""
    sources = ["if True:\n    %pip install nothing\n!ls", code, 'check("1.1", walk_length)']
    cells = [{"cell_type": "code", "source": s.splitlines(keepends=True)} for s in sources]
    return json.dumps({"cells": cells + [{"cell_type": "markdown", "source": "text"}]})


# What a student hands in, the mark of 1.1, and a part of what is said of it.
WHEN_CALLED = {
    "wrong": (["return 0.0"], "x", ""),
    "exits": (["import os", "os._exit(3)"], "!", "ended Python before the check was over"),
    "crashes": (["import ctypes", "ctypes.string_at(0)"], "!", "SIGSEGV"),
    "asks": (["return input()"], "x", "EOFError"),
    "memory": (["return np.ones(10**12).sum()"], "x", "MemoryError"),
    "prints": (
        ["import os", "for _ in range(9): os.write(1, b'x' * 10**6)", "print('y' * 10**7)"],
        "x",
        "returns nothing",
    ),
    "forks": (
        ["import os, time", "for _ in range(60):"]
        + ["    if os.fork() == 0: os.setsid(), time.sleep(600)"],
        "[x!]",
        "",
    ),
    "disk": (
        ["with open('big', 'wb') as file:", "    for _ in range(90): file.write(bytes(2**20))"],
        "[x!]",
        "",
    ),
}
TEXTS = {
    "good": (SOLUTIONS, r"\+", ""),
    "untouched": (STUB, r"\.", ""),
    "empty": ("", "-", "empty"),
    "syntax": (answering("return (("), "-", "was never closed"),
    "leaves": (STUB + "\nraise SystemExit\n", r"\.", ""),
}
SLOW = {
    "loop": (["while True: pass"], "x", "is there a loop without an end"),
    "swallows": (["while True:", "    try: [].x", "    except: pass"], "x", "a loop without"),
    "sleeps": (["import time", "time.sleep(10000)"], "x", "stopped after 10 seconds"),
    "compiled": (["(np.ones((9000, 9000)) @ np.ones((9000, 9000)))", "return 0.0"], "[x!]", ""),
    "grows": (["kept = []", "while True: kept.append(bytearray(10**7))"], "[x!]", ""),
}


@pytest.fixture
def students(tmp_path):
    """Return a function that writes files of chapter 1, ``texts`` by student, into a folder."""
    folder = tmp_path / "students"
    folder.mkdir()

    def write(texts):
        for name, text in texts.items():
            (folder / f"{name}_ch01.py").write_text(text, "utf-8")
        return folder

    return write


@pytest.fixture(scope="module")
def isolated(tmp_path_factory):
    """Say what isolates answers; skip where nothing does: there the command refuses to run them."""
    kind = isolation.available(str(tmp_path_factory.mktemp("folder")))
    if kind == isolation.NONE:
        pytest.skip("this machine has neither user namespaces nor Landlock")
    return kind


def run(folder, *options):
    """Run the command; return what it printed, and for each student the mark of 1.1."""
    command = [sys.executable, "-m", "vae_numpy.exercises.grade", str(folder), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stdout, dict(re.findall(r"^(\w+) +(\S)(?:  .*|  )\d/\d$", done.stdout, re.M))


def words(printed, student):
    """Return what was said of a student."""
    return "\n".join(re.findall(rf"^{student} 1\.[^:]*: (.*)$", printed, re.M))


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def bad_files(folder, kind):
    """Return the answers that do harm, and the one that would delete all others."""
    called = {name: answering(*lines) for name, (lines, _, _) in WHEN_CALLED.items()}
    texts = called | {name: text for name, (text, _, _) in TEXTS.items()}
    texts["deletes"] = answering("import shutil", f"shutil.rmtree({str(folder)!r})", "return 0.0")
    if kind == isolation.NAMESPACES:  # elsewhere an old kernel lets an answer end us
        texts["kills"] = answering("import os", "os.kill(-1, 9)", "return 0.0")
    return texts


def holds(printed, marks, expected):
    for name, (_, mark, said) in expected.items():
        assert re.fullmatch(mark, marks[name]), (name, marks[name])
        assert said in words(printed, name), (name, words(printed, name))


@pytest.mark.parametrize(
    ("path", "student", "chapter"),
    [
        ("ada_ch01.py", "ada", 1),
        ("ch02 Ada Lovelace.py", "Ada Lovelace", 2),
        ("ada/ch10.py", "ada", 10),
        ("ada/week 3/chapter_3.py", "ada", 3),
        ("ada.py", "ada", 1),  # by what it defines
        ("ch01.py", "students", 1),
        ("ch99.py", "students", 0),
    ],
)
def test_student_and_chapter_are_told_by_path_and_contents(students, path, student, chapter):
    file = students({}) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(STUB, "utf-8")
    (handed,) = grade.collect(students({}))
    assert (handed.student, handed.chapter, handed.text) == (student, chapter, STUB)
    assert bool(handed.problem) == (chapter == 0)


def test_a_notebook_becomes_python_without_magics():
    code = grade.notebook_code(notebook("def f(x):\n    return x % 2"))
    names = {}
    exec(code, {"check": print, "walk_length": None}, names)
    assert names["f"](3) == 1


def test_a_file_too_large_or_no_file_is_not_read(students, monkeypatch):
    folder = students({"large": "x = 1\n" * 100})
    (folder / "gone_ch01.py").symlink_to(folder / "nowhere.py")
    (folder / "pipe_ch01.py").mkdir()
    monkeypatch.setattr(grade, "LARGEST_FILE", 100)
    assert [one.problem[:6] for one in grade.collect(folder)] == ["no ord", "larger"]


def test_without_isolation_nothing_is_run_unless_trusted(students, monkeypatch, capsys):
    monkeypatch.setattr(isolation, "available", lambda folder: isolation.NONE)
    monkeypatch.setattr(grade, "grade", lambda *arguments, **options: pytest.fail("it ran"))
    with pytest.raises(SystemExit):
        grade.main([str(students({"ada": STUB}))])
    assert "--trust" in capsys.readouterr().err


ISOLATED = """
import os, sys
from vae_numpy.exercises import isolation
getattr(isolation, sys.argv[1])(sys.argv[2])
def attempt():
    open(os.path.join(sys.argv[2], "own"), "w").write("mine")
    for act in (os.unlink, lambda path: open(path, "w"), lambda path: os.truncate(path, 0)):
        try:
            act(sys.argv[3])
        except OSError:
            continue
        return 1
    return 0
pid = os.fork()
if pid == 0:
    os._exit(attempt())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.parametrize("way", ["_enter_namespaces", "_restrict", "isolate"])
def test_each_way_of_isolation_keeps_files_and_leaves_the_own_folder(isolated, tmp_path, way):
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.write_text("theirs", "utf-8")
    command = [sys.executable, "-c", ISOLATED, way, str(own), str(other)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if way != "isolate" and "OSError" in done.stderr:
        pytest.skip("this machine has the other way")
    assert (done.returncode, done.stderr) == (0, "")
    assert other.read_text("utf-8") == "theirs"


@pytest.mark.slow
def test_whatever_an_answer_does_it_has_its_line_and_nothing_is_lost(isolated, students, tmp_path):
    folder = students({})
    students(bad_files(folder, isolated))
    (folder / "bytes_ch01.py").write_bytes(SOLUTIONS.encode() + b"# \xe4\n")
    (folder / "eve").mkdir()
    answer = SOLUTIONS[: SOLUTIONS.index("def variance_shares")]
    (folder / "eve" / "ch01.ipynb").write_text(notebook(answer), "utf-8")
    (folder / "broken_ch01.ipynb").write_text("{", "utf-8")
    (folder / "letter.txt").write_text("Dear teacher", "utf-8")
    before = contents(folder)
    printed, marks = run(folder, "--exercises", "1.1", "--csv", str(tmp_path / "results.csv"))
    assert contents(folder) == before
    holds(printed, marks, WHEN_CALLED | TEXTS)
    assert marks["deletes"] in "x!" and marks.get("kills", "!") in "x!"
    assert marks["eve"] == "+" and marks["bytes"] == "-"
    assert "not UTF-8" in words(printed, "bytes") and "notebook" in words(printed, "broken")
    assert "not graded: letter.txt" in printed
    with open(tmp_path / "results.csv", encoding="utf-8", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(marks) and rows["good"]["state"] == "right"
    assert len(marks) == len(before) - 1


@pytest.mark.nightly
def test_thirty_files_are_graded_in_under_five_minutes(isolated, students):
    folder = students({})
    texts = bad_files(folder, isolated) | {
        name: answering(*lines) for name, (lines, _, _) in SLOW.items()
    }
    texts |= {"endless": STUB + "\nwhile True:\n    pass\n"}
    texts |= {f"right{i}": SOLUTIONS for i in range(30 - len(texts))}
    before = contents(students(texts))
    begun = time.monotonic()
    printed, marks = run(folder)
    assert time.monotonic() - begun < 300
    assert len(before) == 30 and contents(folder) == before and set(marks) == set(texts)
    holds(printed, marks, WHEN_CALLED | TEXTS | SLOW)
    for name in marks:
        if name.startswith("right") or name == "good":
            assert re.search(rf"^{name} .*{N}/{N}$", printed, re.M)
