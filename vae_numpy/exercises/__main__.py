"""Write the stubs: ``python -m vae_numpy.exercises`` after a change of a ``chNN/solution.py``.

A file in which an exercise has been started is left alone. What else a file held is kept beside it,
unless git has it. With ``--list`` nothing is written, and the exercises are listed.
"""

import sys
from pathlib import Path

from vae_numpy.exercises import chapters, exercises_of, stubs
from vae_numpy.files import write_file


def write(path: Path, chapter: int) -> str:
    """Write a chapter's stubs; say in a few words what was done."""
    new = stubs.stub_file_text(chapter)
    if not path.exists():
        write_file(path, new.encode())
        return "is new"
    try:
        old = path.read_text("utf-8")
        started = [e.number for e in exercises_of(chapter) if stubs.is_started(old, e)]
    except (SyntaxError, ValueError) as error:
        return f"is left alone: {error}"
    if old == new:
        return "is up to date"
    if started:
        return f"is left alone: {', '.join(started)} started"
    kept = "" if stubs.is_committed(path) else f"; before: {stubs.keep_copy(path).name}"
    write_file(path, new.encode())
    return f"is written{kept}"


def main(arguments: list[str]) -> None:
    """Write, or list with ``--list``."""
    folder = stubs.BOOK / "exercises"
    if arguments == ["--list"]:
        for exercise in (e for chapter in chapters() for e in exercises_of(chapter)):
            facts = f"{exercise.difficulty}, {exercise.minutes} min"
            print(f"{exercise.number:<5} {exercise.name:<26} {facts:<16} {exercise.trains}")
    elif arguments:
        sys.exit(f"the only argument is --list, got {' '.join(arguments)}")
    elif not folder.is_dir():
        sys.exit('stubs are written in a clone of the book; stub("1.1") in Python gives one here')
    else:
        for chapter in chapters():
            path = folder / f"ch{chapter:02d}.py"
            print(path.name, write(path, chapter))


if __name__ == "__main__":
    main(sys.argv[1:])
