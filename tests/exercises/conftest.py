"""The pytest door to the exercises: hand in, summarise, open hints."""

import importlib.util
from pathlib import Path

import pytest

from vae_numpy.exercises import examine, exercises_of, find, guard, progress_line

ROOT = Path(__file__).parents[2]


def pytest_addoption(parser):
    group = parser.getgroup("exercises")
    group.addoption("--hints", action="store_true", help="open the next hint of a wrong answer")
    group.addoption("--answers", default="book/exercises", help="the folder of the answers")


@pytest.fixture
def hand_in(request):
    """Return the function that hands the answer to one exercise to its check."""
    config = request.config

    def hand(number):
        exercise = find(number)
        path = (
            ROOT / config.getoption("--answers", "book/exercises") / f"ch{exercise.chapter:02d}.py"
        )
        shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        verdict = examine(number, load(path, shown, exercise.name))
        request.node.user_properties.append(("exercise", (number, verdict.state)))
        if verdict.state == "not started":
            pytest.skip(f"not started: open {shown}")
        if not verdict:
            pytest.fail(f"{verdict}\n{hints(config, exercise)}", pytrace=False)

    return hand


def load(path, shown, name):
    """Return one function or class of the reader's file."""
    spec = importlib.util.spec_from_file_location(f"answers_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    try:
        with guard.watched(10):
            spec.loader.exec_module(module)
    except guard.TooLong:
        pytest.fail(f"{shown} does not load within 10 seconds", pytrace=False)
    except SyntaxError as error:
        line = f"{shown} does not load: line {error.lineno}: {error.msg}"
        pytest.fail(f"{line}\n    {(error.text or '').strip()}", pytrace=False)
    except (Exception, SystemExit) as error:
        number, text, _ = guard.readers_frame(error, str(path))
        line = f"{shown} does not load: line {number}: {type(error).__name__}: {error}"
        pytest.fail(f"{line}\n    {text}", pytrace=False)
    if not hasattr(module, name):
        pytest.fail(f"{shown} has no {name} any more", pytrace=False)
    return getattr(module, name)


def hints(config, exercise):
    """Return the opened hints of an exercise; ``--hints`` opens one more, for good."""
    key = f"exercises/hints/{exercise.number}"
    opened = config.cache.get(key, 0) if hasattr(config, "cache") else 0
    if config.getoption("--hints", False):
        opened = min(opened + 1, len(exercise.hints))
        config.cache.set(key, opened)
    lines = [f"    hint {i + 1}: {text}" for i, text in enumerate(exercise.hints[:opened])]
    if opened < len(exercise.hints):
        lines.append("    --hints opens the next hint.")
    return "\n".join(lines)


def pytest_terminal_summary(terminalreporter, config):
    states = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            states |= dict(v for k, v in getattr(report, "user_properties", []) if k == "exercise")
    if not states:
        return
    terminalreporter.section("exercises")
    for chapter in sorted({int(number.partition(".")[0]) for number in states}):
        line = progress_line(chapter, [states.get(e.number) for e in exercises_of(chapter)])
        terminalreporter.write_line(line)
