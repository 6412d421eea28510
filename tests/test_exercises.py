"""The machinery of the exercises: what a reader sees for each way to be wrong, and the guard."""

import math
import os
import random
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from vae_numpy import exercises
from vae_numpy.exercises import __main__ as writer
from vae_numpy.exercises import answers, cases, catalogue, guard, stubs

ROOT = Path(__file__).parents[1]


@pytest.fixture
def verdict(monkeypatch):
    """Return a function: the verdict on an answer, by a check made up for the test."""

    def examine(check, answer, seconds=5):
        made = catalogue.exercise(
            "1.1", trains="x", difficulty="easy", minutes=1, hints=["a", "b"], seconds=seconds
        )(check)
        monkeypatch.setattr(exercises, "find", lambda number: made)
        return exercises.examine("1.1", answer)

    return examine


def double(answer):
    """The check of a function that doubles an array."""
    x = np.array([1.0, 2.0, 4.0])
    answer.gives(np.array([2.0, 4.0, 8.0]), x)


def triples(rng):
    """Draw an array of three numbers."""
    return (rng.uniform(1, 3, 3),)


def double_over_calls(answer):
    """The same check by several calls, which may name a mistake."""
    answer.agrees(lambda x: 2 * x, triples, mistakes={"that is the square": lambda x: x**2})


# The ladder -----------------------------------------------------------------------------------


def stub(x):
    raise NotImplementedError


def crash(x):
    y = [1]
    return y[7]  # here


def no_return(x):
    x + x


def leave():
    raise GeneratorExit  # no Exception, so that many an "except" lets it pass


ANSWERS = {
    "not started": (stub, "write double"),
    "raises": (crash, "raises IndexError: list index out of range"),
    "leaves": (lambda x: sys.exit(), "raises SystemExit"),
    "returns nothing": (no_return, "returns nothing; wanted an array of shape (3,)"),
    "leaves otherwise": (lambda x: leave(), "raises GeneratorExit"),
    "fault 19, half precision": (lambda x: (2 * x).astype(np.float16), "returns float16"),
    "fault 19, objects": (lambda x: (2 * x).astype(object), "of type object and shape (3,)"),
    "fault 19, text": (lambda x: np.array("2"), "an array of type <U1 and shape ()"),
    "wrong type": (lambda x: "2", "returns an object of type str; wanted an array of shape (3,)"),
    "wrong shape": (lambda x: 2 * x[None], "shape (1, 3); wanted an array of shape (3,)"),
    "ragged": (lambda x: [[1, 2], [3]], "rows of different lengths"),
    "not finite": (lambda x: x * np.nan, "the value is NaN in 3 of 3"),
    "infinite": (lambda x: np.array([2, 4, np.inf]), "the value is infinite in 1 of 3"),
    "wrong value": (lambda x: x + 3, "the value is wrong"),
    "factor": (lambda x: 6 * x, "it is 3 times the right one"),
    "sign": (lambda x: -2 * x, "it has the wrong sign"),
    "too many arguments": (lambda x, y: x, "raises TypeError"),
    "no function": (3, "takes the function itself, double without brackets; got a int"),
}


@pytest.mark.parametrize("answer, line", ANSWERS.values(), ids=ANSWERS)
def test_each_rung_has_its_line(verdict, answer, line):
    found = verdict(double, answer)
    assert line in found.line, found
    assert found.state == ("not started" if answer is stub else "wrong")


@pytest.mark.parametrize("name", ANSWERS)
def test_a_verdict_says_whether_it_names_a_cause(verdict, name):
    named = name in ("factor", "sign")
    assert verdict(double, ANSWERS[name][0]).cause == named


def test_a_known_mistake_is_named(verdict):
    found = verdict(double_over_calls, lambda x: x * x)
    assert "that is the square" in found.line, found
    assert found.state == "wrong" and found.cause


def test_what_holds_is_a_cause_unless_it_says_otherwise(verdict):
    assert verdict(lambda answer: answer.holds(False, "why"), abs).cause
    assert not verdict(lambda answer: answer.holds(False, "what", cause=False), abs).cause


def test_a_wrong_value_shows_call_return_and_expectation(verdict):
    text = str(verdict(double, lambda x: x + 3))
    assert "called with x = [1., 2., 4.]" in text
    assert "returned    [4., 5., 7.]" in text and "expected    [2., 4., 8.]" in text


def test_an_exception_is_shown_at_the_readers_line(verdict):
    found = verdict(double, crash)
    assert any(line.endswith("return y[7]  # here") for line in found.details)
    assert "exercises" not in "\n".join(found.details)  # no line of ours


@pytest.mark.parametrize("wrapped", [np.array(3.0, object), np.array("3"), np.float16(3)])
def test_fault_19_a_wrapped_number_is_not_called_a_number(verdict, wrapped):
    returned = verdict(lambda answer: answer.gives(3.0), lambda: wrapped)
    kept = verdict(lambda answer: answer.compare(answer().value, 3.0), lambda: Holder(wrapped))
    for found in returned, kept:
        assert found.state == "wrong" and "cannot go on" not in found.line
        assert "returns a number" not in found.line and str(wrapped.dtype) in found.line


class Holder:
    def __init__(self, value):
        self.value = value


@pytest.mark.parametrize("returned", [np.full(30, "a"), [[1.0] * 29, [2.0]], [None] * 30])
def test_fault_19_a_large_wrong_type_can_be_shown(verdict, returned):
    found = verdict(
        lambda answer: answer.compare(answer().value, np.ones(30)), lambda: Holder(returned)
    )
    assert found.state == "wrong" and "cannot go on" not in found.line


@pytest.mark.parametrize(
    "right",
    [
        lambda x: x + x,
        lambda x: (x + x).astype(np.float32),
        lambda x: [2 * float(value) for value in x],
        lambda x: np.log(np.exp(x) ** 2),
        lambda x: (2 * x).astype(int),
    ],
)
def test_a_right_answer_may_look_otherwise(verdict, right):
    assert verdict(double, right)


def test_a_part_of_a_tuple_is_named(verdict):
    def check(answer):
        answer.gives((1.0, 2.0), names=("a", "b"))

    def check_over_calls(answer):
        mistakes = {"b is c": lambda: (None, 3.0)}
        answer.agrees(lambda: (1.0, 2.0), lambda rng: (), mistakes=mistakes, names=("a", "b"))

    assert verdict(check, lambda: [1, 2.0])
    assert verdict(check, lambda: (1.0, 5.0)).line == "b: the value is wrong"
    assert verdict(check_over_calls, lambda: (1.0, 3.0)).line == "b is c"
    assert "wanted 2 values, a, b; got a number" not in verdict(check, lambda: 1.0).line
    assert verdict(check, lambda: None).line == (
        "wanted 2 values, a, b; got nothing; is the return missing?"
    )


def test_a_gradient_is_held_against_finite_differences(verdict):
    x = np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]])

    def check(answer):
        answer.gradient(answer(x), lambda x: np.sum(x**2), x, name="dx")

    def check_over_calls(answer):
        right = cases.gradients_of(lambda x: np.sum(x**2), "x")
        mistakes = {"cube": lambda x: 3 * x**2}
        answer.agrees(right, triples, mistakes=mistakes, names=("dx",), rtol=1e-5, atol=1e-6)

    assert verdict(check, lambda x: 2 * x)
    assert verdict(check, lambda x: (2 * x).astype(np.float32))
    assert verdict(check_over_calls, lambda x: 3 * x**2).line == "cube"
    wrong = verdict(check, lambda x: x + 1)
    assert wrong.line.startswith("dx") and "finite differences say" in wrong.details[-1]
    assert "wanted an array of shape (2, 3)" in verdict(check, lambda x: 2 * x.T).line


def test_the_method_that_is_missing_is_named(verdict):
    class Half:
        def forward(self, x):
            return x

        def backward(self, dy):
            raise NotImplementedError

    def check(answer):
        layer = answer()
        answer.call(layer.forward, 1.0)
        answer.call(layer.backward, 1.0)

    found = verdict(check, Half)
    assert found.state == "not started" and "backward is missing" in found.line


def test_a_check_that_cannot_go_on_says_so(verdict):
    def check(answer):
        answer().W  # noqa: B018

    assert "has no attribute 'W'" in verdict(check, lambda: 1).line


# The guard ------------------------------------------------------------------------------------


def endless(x):
    while True:
        x = x + 1


def stubborn(x):
    while True:
        try:
            x = x + 1
        except:  # noqa: E722 (the mistake)
            pass


@pytest.mark.parametrize("answer", [endless, stubborn, lambda x: time.sleep(60)])
def test_a_loop_without_end_is_stopped(verdict, answer):
    start = time.thread_time()
    found = verdict(double, answer, seconds=0.1)
    assert "stopped after 0.1 seconds" in found.line
    assert time.thread_time() - start < 2
    if answer is endless:
        assert any("line" in detail for detail in found.details)


def in_thread(call):
    """Return what ``call`` returns in a thread; it has a minute."""
    found = []
    thread = threading.Thread(target=lambda: found.append(call()), daemon=True)
    thread.start()
    thread.join(60)
    return found[0]


def test_a_loop_in_another_thread_is_stopped(verdict):
    found = in_thread(lambda: verdict(double, endless, seconds=0.1))
    assert "stopped after 0.1 seconds" in found.line


def sleeps(x):
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            continue


def sleeps_in_two_loops(x):
    while True:
        try:
            while True:
                try:
                    time.sleep(0.01)
                except BaseException:
                    continue
        except BaseException:
            continue


def sleeps_in_a_helper(x):
    while True:
        try:
            sleeps(x)
        except:  # noqa: E722 (the mistake)
            pass


def keeps_what_it_swallows(x):
    kept = []
    while True:
        try:
            y = x + 1
            time.sleep(0.01)
            x = y - 1
        except BaseException as error:
            kept.append(error)


def goes_on_from_finally(x):
    while True:
        try:
            time.sleep(0.01)
        finally:
            continue  # noqa: B012 (the mistake)


def returns_what_it_has(x):
    try:
        sleeps(x)
    except:  # noqa: E722 (the mistake)
        return 2 * x


SWALLOWERS = [
    sleeps,
    sleeps_in_two_loops,
    sleeps_in_a_helper,
    keeps_what_it_swallows,
    goes_on_from_finally,
    returns_what_it_has,
]


@pytest.mark.parametrize("run", [lambda call: call(), in_thread], ids=["here", "in a thread"])
@pytest.mark.parametrize("answer", SWALLOWERS)
def test_fault_21_the_limit_holds_whatever_is_swallowed(verdict, answer, run):
    start, tracer = time.monotonic(), sys.gettrace()
    found = run(lambda: verdict(double, answer, seconds=0.1))
    assert found.line.startswith("stopped after 0.1 seconds"), found
    assert time.monotonic() - start < 5
    assert sys.gettrace() is tracer
    assert any("time.sleep" in detail for detail in found.details), found
    again = run(lambda: verdict(double, lambda x: 2 * x))
    assert again, again  # nothing of it is left


def test_the_line_that_was_stopped_is_told_in_a_thread_too(verdict):
    found = in_thread(lambda: verdict(double, endless, seconds=0.1))
    assert any("x = x + 1" in detail or "while True" in detail for detail in found.details)


def test_time_for_others_does_not_count(verdict):
    # Three times the limit passes, and little of it is spent computing.
    assert verdict(double, lambda x: time.sleep(0.3) or 2 * x, seconds=0.1)


def test_a_flood_of_printing_is_cut(verdict, capsys):
    def answer(x):
        for i in range(50_000):
            print("step", i)
        print("x" * 100_000)
        return 2 * x

    found = verdict(double, answer)
    assert found and capsys.readouterr().out == ""
    assert len(found.details) == guard.LONGEST_PRINT + 1
    assert found.details[-1].endswith("... and 49,981 more lines, cut")


def test_one_endless_line_is_cut_too(verdict):
    def answer(x):
        for _ in range(10_000):
            print("no end", end=" ")
        return 2 * x

    assert len("".join(verdict(double, answer).details)) < 10_000


@pytest.mark.parametrize(
    "touch",
    [
        lambda: np.random.seed(0),  # noqa: NPY002 (as answers do)
        lambda: np.random.normal(),  # noqa: NPY002 (as answers do)
        lambda: random.random(),
    ],
)
def test_a_touched_global_seed_is_named(verdict, touch):
    found = verdict(double, lambda x: (touch(), 2 * x)[1])
    assert "global random state" in found.line


CHANGES = {
    "NumPy's error state": lambda: np.seterr(all="raise"),
    "NumPy's print options": lambda: np.set_printoptions(precision=1, suppress=True),
    "np.random": lambda: np.random.seed(3),  # noqa: NPY002 (the state that is watched)
    "random": lambda: random.seed(3),
    "recursion limit": lambda: sys.setrecursionlimit(567),
    "working directory": lambda: os.chdir(os.path.dirname(os.getcwd())),
    "environment": lambda: os.environ.update(LEFT_BY_AN_ANSWER="1"),
    "import path": lambda: sys.path.insert(0, "left by an answer"),
    "streams": lambda: setattr(sys, "stderr", None),
    "matplotlib's rcParams": lambda: plt.rcParams.update({"font.size": 99}),
}


def test_fault_19_every_setting_has_a_change_to_be_tested_with():
    assert CHANGES.keys() == guard.SETTINGS.keys()


@pytest.mark.parametrize("name", CHANGES)
def test_fault_19_what_an_answer_does_to_the_process_is_undone(verdict, name):
    def told():
        return repr(guard.SETTINGS[name][0]())

    seen = []

    def check(answer):
        answer()
        seen.append(told())  # the check itself goes on in the process as it was

    def answer():
        seen.append(told())
        CHANGES[name]()
        seen.append(told())

    before = told()
    verdict(check, answer)
    verdict(check, lambda: (CHANGES[name](), 1 / 0))
    assert told() == before
    assert seen[0] != seen[1]
    assert seen[2:] in ([seen[0]], [])  # nothing where the change itself is a mistake


def test_fault_19_one_answers_seterr_does_not_fail_anothers(verdict):
    def careless(x):
        np.seterr(all="raise")
        warnings.simplefilter("error")
        return 2 * x

    def right(x):
        return 2 * x + 0 * np.log(x - 1).clip(0)  # divides by zero, and says so in a warning

    assert verdict(double, careless)
    assert verdict(double, right)
    with np.errstate(all="raise"):  # in the reader's own session
        assert verdict(double, right)


def test_a_changed_argument_is_named_unless_it_may_change(verdict):
    def in_place(x):
        x *= 2
        return x

    assert "the argument x is changed in place" in verdict(double, in_place).line

    def check(answer):
        x = np.ones(3)
        answer(x, may_change=("x",))
        answer.compare(x, 2 * np.ones(3))

    assert verdict(check, in_place)


def test_a_warning_of_numpy_is_told_beside_what_came_of_it(verdict):
    found = verdict(double, lambda x: np.log(x - 1))
    assert any("divide by zero" in line for line in found.details)


def test_a_check_leaves_warnings_alarm_and_output_as_they_were(verdict):
    out = sys.stdout
    verdict(double, endless, seconds=0.05)
    assert sys.stdout is out
    time.sleep(0.6)  # an alarm that was left on would ring


# The doors ------------------------------------------------------------------------------------


def test_check_prints_and_progress_counts(capsys):
    exercises.check("1.6", lambda factor, d: d * np.log2(factor))
    printed = capsys.readouterr().out
    assert printed.startswith("1.6 wrong: this is for the distance")
    assert printed.endswith('hint("1.6") opens a hint.\n')
    exercises.check("1.6", lambda factor, d: d * np.log2(factor) / 2)
    assert capsys.readouterr().out.startswith("1.6 right")
    exercises.progress()
    assert capsys.readouterr().out.startswith("ch01  [#......] 1/7")


def test_hints_open_one_by_one(capsys):
    exercises.hint("2.2")
    assert capsys.readouterr().out.count("hint") == 1
    exercises.hint("2.2")
    assert "hint 2 of 3" in capsys.readouterr().out
    for _ in range(3):
        exercises.hint("2.2")
    assert "hint 3 of 3" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("number", ["1.99", "77.1", "two", "2"])
def test_a_number_that_does_not_exist_is_named(number):
    with pytest.raises(ValueError, match=number.split(".")[0]):
        exercises.check(number, abs)


def test_stub_and_solution_are_shown(capsys):
    exercises.stub("2.7")
    shown = capsys.readouterr().out
    assert shown.startswith("import numpy as np\n\n\ndef train_step(Xc, V, W, eta):")
    assert "find the bug" in shown and 'check("2.7", train_step)' in shown
    exercises.solution("2.7")
    assert "with the W of the forward pass" in capsys.readouterr().out


def test_an_exercise_must_say_all_that_every_exercise_says():
    complete = {"trains": "x", "difficulty": "easy", "minutes": 5, "hints": ["a"]}
    catalogue.exercise("1.1", **complete)
    for fault in (
        {"trains": ""},
        {"difficulty": "hellish"},
        {"minutes": 0},
        {"hints": []},
        {"hints": ["a", "b", "c", "d"]},
    ):
        with pytest.raises(ValueError):
            catalogue.exercise("1.1", **complete | fault)
    with pytest.raises(ValueError, match="'first'"):
        catalogue.exercise("first", **complete)


# Stubs ----------------------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A copy of the book with nothing in it but the exercises of chapter 2."""
    (tmp_path / "exercises").mkdir()
    (tmp_path / "exercises/ch02.py").write_text(stubs.stub_file_text(2), "utf-8")
    monkeypatch.setattr(stubs, "answer_file", lambda chapter: tmp_path / "exercises/ch02.py")
    return tmp_path


def test_the_stubs_hold_no_answer_and_all_that_is_given():
    text = stubs.stub_file_text(2)
    assert "import numpy as np" in text and "_with_a_bug" not in text
    assert "self.dW, self.db = np.zeros_like(W), np.zeros_like(b)" in text  # given
    assert "np.cumsum" not in text and "as_encoder" not in text
    compile(text, "ch02.py", "exec")


def test_reset_puts_one_stub_back_and_keeps_the_rest(book, capsys):
    file = book / "exercises/ch02.py"
    fresh = file.read_text("utf-8")
    mine = fresh.replace("raise NotImplementedError", "return X @ V, X", 1)  # 2.1
    both = mine.replace("    raise NotImplementedError", "    return 0, X", 1)  # and 2.2
    file.write_text(both, "utf-8")
    exercises.reset("2.2")
    assert file.read_text("utf-8") == mine
    assert (book / "exercises/ch02.py.before_reset").read_text("utf-8") == both
    exercises.reset("2.1")
    assert file.read_text("utf-8") == fresh


def test_fault_20_no_reset_loses_what_another_has_kept(book):
    file = book / "exercises/ch02.py"
    states = [stubs.stub_file_text(2).replace("raise NotImplementedError", "return X, X", 1)]
    file.write_text(states[0], "utf-8")
    for number in "2.1", "2.2", "2.3":
        exercises.reset(number)
        states.append(file.read_text("utf-8"))
    kept = [path.read_text("utf-8") for path in (book / "exercises").glob("*.before_reset")]
    assert sorted(kept) == sorted(states[:-1])


def test_fault_20_reset_mends_an_exercise_that_does_not_parse(book):
    file, fresh = book / "exercises/ch02.py", stubs.stub_file_text(2)
    broken = fresh.replace("    raise NotImplementedError", "    return (X @ V, X", 1)  # 2.1
    both = broken.replace("    raise NotImplementedError", "    return 0", 1)  # and 2.2
    file.write_text(both, "utf-8")
    exercises.reset("2.1")
    rest = both[both.index("def squared_loss") :]
    assert file.read_text("utf-8") == fresh[: fresh.index("def squared_loss")] + rest
    assert (book / "exercises/ch02.py.before_reset").read_text("utf-8") == both


@pytest.mark.parametrize("content", [b"def f(:\n    pass\n", b"x = '\xff'\n", b"x = 1\0\n"])
def test_fault_20_reset_leaves_what_it_cannot_read(book, capsys, content):
    file = book / "exercises/ch02.py"
    content += file.read_bytes()
    file.write_bytes(content)
    exercises.reset("2.2")
    assert file.read_bytes() == content
    assert "ch02.py is left as it is" in capsys.readouterr().out


def test_fault_20_a_form_feed_does_not_shift_what_is_replaced(book):
    file, fresh = book / "exercises/ch02.py", stubs.stub_file_text(2)
    mine = "note = 'a\x0cb\u2028c'\n" + fresh
    started = mine.replace("raise NotImplementedError", "return X, X", 1)
    file.write_text(started, "utf-8", newline="")
    exercises.reset("2.1")
    assert file.read_text("utf-8") == mine


def test_fault_20_writing_the_stubs_loses_nothing(tmp_path):
    path, fresh = tmp_path / "ch02.py", stubs.stub_file_text(2)
    assert writer.write(path, 2) == "is new" and path.read_text("utf-8") == fresh
    assert writer.write(path, 2) == "is up to date"
    path.write_text("def my_helper():\n    return 1\n", "utf-8")  # no exercise is begun in it
    assert writer.write(path, 2) == "is written; before: ch02.py.before_reset"
    assert "my_helper" in (tmp_path / "ch02.py.before_reset").read_text("utf-8")
    for mine in fresh.replace("raise NotImplementedError", "return X, X", 1), "def f(:\n":
        path.write_text(mine, "utf-8")
        assert writer.write(path, 2).startswith("is left alone")
        assert path.read_text("utf-8") == mine


def test_the_command_writes_every_chapter_lists_every_exercise_and_knows_no_more(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(stubs, "BOOK", tmp_path)
    with pytest.raises(SystemExit, match="in a clone of the book"):
        writer.main([])
    (tmp_path / "exercises").mkdir()
    writer.main([])
    names = [f"ch{chapter:02d}.py" for chapter in exercises.chapters()]
    assert sorted(path.name for path in (tmp_path / "exercises").iterdir()) == names
    assert capsys.readouterr().out.splitlines() == [f"{name} is new" for name in names]
    writer.main(["--list"])
    numbers = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    wanted = [e.number for chapter in exercises.chapters() for e in exercises.exercises_of(chapter)]
    assert numbers == wanted
    with pytest.raises(SystemExit, match="the only argument is --list, got --all"):
        writer.main(["--all"])


def test_a_started_exercise_is_known_by_its_text():
    first, second = exercises.exercises_of(2)[:2]
    text = stubs.stub_file_text(2).replace("raise NotImplementedError", "return X, X", 1)
    assert stubs.is_started(text, first) and not stubs.is_started(text, second)


# Loading --------------------------------------------------------------------------------------


def test_a_statement_that_fails_silences_no_other(tmp_path):
    path = tmp_path / "ch01.py"
    path.write_text(
        "from __future__ import annotations\n"
        "import numpyy\n"
        "import numpy as np\n"
        "def first(x: Unknown):\n    return np.sin(x)\n"
        "first(no_such_name)\n"
        "raise SystemExit\n"
        "def second():\n    return 2\n"
    )
    names, faults = answers.load(path)
    assert names["first"](0.0) == 0 and names["second"]() == 2
    assert [fault.line for fault in faults] == [2, 6, 7]
    assert "numpyy" in faults[0].message and faults[1].text == "first(no_such_name)"


@pytest.mark.parametrize("broken", ["def first(:\n    return 1\n", "def first():\n    return (1\n"])
def test_a_definition_that_does_not_parse_silences_no_other(tmp_path, broken):
    path = tmp_path / "ch01.py"
    path.write_text(
        f"import math\n\n\n{broken}\n\n@staticmethod\ndef second():\n    return math.pi\n"
    )
    names, faults = answers.load(path)
    assert names["second"]() == math.pi and "first" not in names
    assert [fault.line in (4, 5) for fault in faults] == [True]


def test_a_statement_without_end_is_stopped_and_the_next_one_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "SECONDS", 0.1)
    path = tmp_path / "ch01.py"
    path.write_text("while True:\n    pass\ndef second():\n    return 2\n")
    names, faults = answers.load(path)
    assert names["second"]() == 2
    assert [str(fault) for fault in faults] in (
        ["line 1: stopped after 0.1 seconds"],
        ["line 2: stopped after 0.1 seconds"],
    )


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path):
    (tmp_path / "ch01.py").write_bytes(b"x = '\xff'\n")
    for name in "ch01.py", "ch02.py":
        names, (fault,) = answers.load(tmp_path / name)
        assert fault.line == 0 and "Error" in str(fault)


def test_stub_gives_the_helpers_that_an_answer_needs(capsys):
    exercises.stub("10.5")
    shown = capsys.readouterr().out
    assert (
        shown.index("import numpy")
        < shown.index("def lasso_weights(")
        < shown.index("def alignment(")
    )
    exercises.stub("10.1")
    assert "lasso_weights" not in capsys.readouterr().out


# The pytest door ------------------------------------------------------------------------------


@pytest.fixture
def door(tmp_path):
    """Return a function: what pytest says to a file of answers to chapter 1."""
    tests = tmp_path / "tests/exercises"
    tests.mkdir(parents=True)
    for name in ("conftest.py", "test_answers.py"):
        (tests / name).write_text((ROOT / "tests/exercises" / name).read_text("utf-8"), "utf-8")
    answers = tmp_path / "book/exercises/ch01.py"
    answers.parent.mkdir(parents=True)

    def run(text, *options):
        answers.write_text(text, "utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-rs", "tests/exercises", "-k", "ch01"]
        command += options
        here = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
        return subprocess.run(command, **here, capture_output=True, text=True, timeout=300)

    return run


@pytest.mark.slow
def test_a_fresh_clone_is_green_and_says_what_to_do(door):
    done = door(stubs.stub_file_text(1))
    assert done.returncode == 0
    assert "not started: open book/exercises/ch01.py" in done.stdout
    assert "ch01  [.......] 0/7" in done.stdout and "7 skipped" in done.stdout


@pytest.mark.slow
def test_a_wrong_answer_fails_with_its_diagnosis_and_opens_hints(door):
    crow = "return np.linalg.norm(points[-1] - points[0])"
    text = stubs.stub_file_text(1).replace("raise NotImplementedError", crow, 1)
    done = door(text)
    assert done.returncode == 1
    failure = done.stdout.partition("FAILURES")[2].splitlines()
    assert failure[2].startswith("1.1 wrong: the steps are added up before")
    assert "conftest" not in done.stdout.partition("=== exercises")[0].partition("FAILURES")[2]
    assert "1 failed, 6 skipped" in done.stdout and "hint 1" not in done.stdout
    assert "hint 1" in door(text, "--hints").stdout
    assert "hint 2" in door(text, "--hints").stdout


@pytest.mark.slow
def test_a_file_that_does_not_load_is_shown_at_its_line(door):
    broken = door("def walk_length(points)\n    return 0\n", "-k", "1.1")
    assert "ch01.py does not load: line 1: expected ':'" in broken.stdout
    failing = door("import numpy\nnumpy.nothing\n", "-k", "1.1")
    assert "does not load: line 2: AttributeError" in failing.stdout
    missing = door("import numpy\n", "-k", "1.1")
    assert "has no walk_length any more" in missing.stdout


@pytest.mark.slow
def test_one_broken_answer_silences_no_other(door):
    right = "return np.sqrt(np.sum(np.diff(points, axis=0) ** 2, axis=1)).sum()"
    text = stubs.stub_file_text(1).replace("raise NotImplementedError", right, 1)
    text = "import numpyy\n" + text.replace("    raise NotImplementedError", "    return (", 1)
    done = door(text)
    assert "1 failed, 1 passed, 5 skipped" in done.stdout
    assert "ch01.py does not load: line 1: ModuleNotFoundError" in done.stdout
    assert "'(' was never closed" in done.stdout


@pytest.mark.slow
def test_the_solutions_can_be_handed_in(door):
    done = door("", "--answers", str(ROOT / "vae_numpy/exercises"), "-k", "1.1")
    assert "1 passed" in done.stdout
