"""Write the stubs: ``python -m vae_numpy.exercises`` after a change of a ``chNN/solution.py``.

A file in which an exercise has been started is left alone. What else a file held is kept beside it,
unless git has it.
"""

from pathlib import Path

from vae_numpy.exercises import chapters, exercises_of, stubs


def write(path: Path, chapter: int) -> str:
    """Write a chapter's stubs; say in a few words what was done."""
    new = stubs.stub_file_text(chapter)
    if not path.exists():
        path.write_text(new, "utf-8")
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
    path.write_text(new, "utf-8")
    return f"is written{kept}"


if __name__ == "__main__":
    for chapter in chapters():
        path = stubs.BOOK / f"exercises/ch{chapter:02d}.py"
        print(path.name, write(path, chapter))
