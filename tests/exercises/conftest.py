"""The pytest door to the exercises: hand in, summarise, open hints."""

import functools
from pathlib import Path

import pytest

from vae_numpy.exercises import answers, examine, exercises_of, progress_line

ROOT = Path(__file__).parents[2]


def pytest_addoption(parser):
    group = parser.getgroup("exercises")
    group.addoption("--hints", action="store_true", help="open the next hint of a wrong answer")
    group.addoption("--answers", default="book/exercises", help="the folder of the answers")


@pytest.fixture
def hand_in(request):
    """Return the function that hands the answer to one exercise to its check."""
    config = request.config

    def hand(exercise):
        path = answers_file(config.getoption("--answers", "book/exercises"), exercise.chapter)
        shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        names, faults = loaded(path)
        faults = [f"{shown} does not load: {fault}\n    {fault.text}" for fault in faults]
        if exercise.name not in names:
            faults = faults or [f"{shown} has no {exercise.name} any more"]
            pytest.fail("\n".join(faults), pytrace=False)
        verdict = examine(exercise.number, names[exercise.name])
        request.node.user_properties.append(("exercise", (exercise.number, verdict.state)))
        if verdict.state == "not started":
            pytest.skip(f"not started: open {shown}")
        if not verdict:
            lines = [str(verdict), *faults, hints(config, exercise)]
            pytest.fail("\n".join(lines), pytrace=False)

    return hand


def answers_file(folder, chapter):
    """Return a chapter's file in a folder of answers, or in the package with the solutions."""
    path = ROOT / folder / f"ch{chapter:02d}"
    return path / "solution.py" if path.is_dir() else path.with_suffix(".py")


loaded = functools.cache(answers.load)  # once in a run, and not once for each exercise


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
