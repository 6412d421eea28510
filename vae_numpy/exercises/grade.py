"""Grade a folder of students' files: ``python -m vae_numpy.exercises.grade FOLDER``.

A file is a stub file with answers in it, or a notebook of the course with its cells filled in. The
folder holds them as ``ada_ch01.py``, or in a folder for each student, ``ada/ch01.ipynb``. All files
are read before anything is run. Each answer is then checked in a process of its own (see
``isolation`` for what keeps it from the files of this machine), with the time of its exercise and
limited memory. A table says who has what right; below it stands what the checks said.
"""

import argparse
import csv
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from vae_numpy.exercises import NOT_STARTED, RIGHT, WRONG, isolation
from vae_numpy.exercises.catalogue import chapters, exercises_of
from vae_numpy.progress import progress_bar

MARKS = {RIGHT: "+", WRONG: "x", NOT_STARTED: ".", "missing": "-", "stopped": "!"}
LEGEND = "+ right   x wrong   . not started   - no such function, or no text   ! stopped"
LARGEST_FILE = 5 * 2**20  # bytes
SKIPPED = re.compile(r"^\.|^__pycache__$|\.before_reset$")
CHAPTER = re.compile(r"ch(?:apter)?[ _-]?(\d{1,2})(?!\d)", re.I)


@dataclass(frozen=True)
class Handed:
    """A file that was handed in.

    Attributes
    ----------
    student, file : str
        Who, and the path in the folder.
    chapter : int
        0 where it cannot be told.
    text : str
        Python; of a notebook the cells of code.
    problem : str
        Why it cannot be run; empty if it can.
    """

    student: str
    file: str
    chapter: int
    text: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Result:
    """What was found of one student's answer to one exercise.

    Attributes
    ----------
    student, file, number, state, line : str
        The last two are those of a verdict, or of what ended it.
    seconds : float
        On the clock.
    """

    student: str
    file: str
    number: str
    state: str
    line: str
    seconds: float


# What was handed in -----------------------------------------------------------------------------


def collect(folder: Path) -> list[Handed]:
    """Read all files of a folder, and say what is the matter with those that are no answers.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Handed
        In the order of their paths.
    """
    paths = (path for path in sorted(folder.rglob("*")) if not path.is_dir())
    relative = [path.relative_to(folder) for path in paths]
    kept = [path for path in relative if not any(map(SKIPPED.search, path.parts))]
    return [_handed(folder, path) for path in kept]


def _handed(folder, path):
    """Read one file, ``path`` in ``folder``."""
    text, problem = _read(folder / path)
    named = CHAPTER.search(path.stem) or CHAPTER.search(path.as_posix())
    chapter = int(named[1]) if named else _chapter_by_names(text)
    if chapter not in chapters():
        chapter, problem = 0, problem or "its chapter cannot be told: put ch01, say, into its name"
    own_folder = path.parts[0] if len(path.parts) > 1 else ""
    student = own_folder or CHAPTER.sub("", path.stem).strip(" _-.") or folder.resolve().name
    return Handed(student, path.as_posix(), chapter, text, problem)


def _read(path):
    """Return a file's code, and why there is none."""
    if path.suffix not in (".py", ".ipynb"):
        return "", "neither .py nor .ipynb"
    try:
        if not path.is_file():
            return "", "no ordinary file"
        if path.stat().st_size > LARGEST_FILE:
            return "", f"larger than {LARGEST_FILE // 2**20} MB"
        text = path.read_bytes().decode("utf-8-sig")
        if path.suffix == ".ipynb":
            text = notebook_code(text)
    except OSError as error:
        return "", f"cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        return "", f"not UTF-8: {error.reason} at byte {error.start}"
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        return "", f"not a notebook: {type(error).__name__}: {error}"
    return text, "" if text.strip() else "empty"


def notebook_code(text: str) -> str:
    """Return the cells of code of a notebook as one text, without what only IPython understands.

    Parameters
    ----------
    text : str
        Of the file.

    Returns
    -------
    str

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        If the text is not that of a notebook.
    """
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    code = "\n\n\n".join("".join(cell["source"]) for cell in cells)
    return re.sub(r"^(\s*)[%!].*$", r"\1pass", code, flags=re.M)


def _chapter_by_names(text):
    """Return the chapter with the most exercises that the text defines, or 0."""
    defined = set(re.findall(r"^(?:def|class) (\w+)", text, re.M))
    counts = {c: len(defined & {e.name for e in exercises_of(c)}) for c in chapters()}
    best = max(counts, key=lambda chapter: counts[chapter])
    return best if counts[best] else 0


# The checks -------------------------------------------------------------------------------------


class Workers(threading.local):
    """A worker for each thread, begun when it is needed, and again after one has ended.

    Parameters
    ----------
    memory : int
        Bytes that an answer may have.
    trust : bool
        Whether to run answers where nothing isolates them.
    started : list of Popen
        All that were begun.
    """

    def __init__(self, memory: int, trust: bool, started: list[subprocess.Popen]) -> None:
        self.settings = {"memory": memory, "trust": trust}
        self.started = started
        self.worker: subprocess.Popen | None = None

    def ask(self, handed: Handed, number: str) -> tuple[str, str]:
        """Have an answer checked.

        Parameters
        ----------
        handed : Handed
        number : str
            Of the exercise.

        Returns
        -------
        state, line : str
        """
        if self.worker is None or self.worker.poll() is not None:
            self.worker = _start_worker()
            self.started.append(self.worker)
        request = {"number": number, "name": f"ch{handed.chapter:02d}.py", "text": handed.text}
        with suppress(OSError, ValueError):
            assert self.worker.stdin and self.worker.stdout
            self.worker.stdin.write(json.dumps(request | self.settings) + "\n")
            self.worker.stdin.flush()
            found = json.loads(self.worker.stdout.readline())
            return found["state"], found["line"]
        self.worker.kill()
        return "stopped", "it ended the worker that checks"


def _start_worker():
    one_thread = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
    )
    root = str(Path(__file__).parents[2])  # -P: a student's numpy.py beside us is not imported
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "vae_numpy.exercises.one_answer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,  # Ctrl-C is for us; we end the workers
        env=os.environ | one_thread | {"PYTHONPATH": path, "MPLBACKEND": "agg"},
    )


def grade(
    tasks: Iterable[tuple[Handed, str]], *, memory: int, jobs: int, trust: bool = False
) -> Iterator[Result]:
    """Check answers, several at once.

    Parameters
    ----------
    tasks : iterable of (Handed, str)
        Files and numbers of exercises.
    memory : int
        Bytes that an answer may have.
    jobs : int
        Answers to check at once.
    trust : bool
        Whether to run answers where nothing isolates them.

    Yields
    ------
    Result
        In the order of the tasks.
    """
    started: list[subprocess.Popen] = []
    workers = Workers(memory, trust, started)

    def result(task):
        one, number = task
        begun = time.monotonic()
        state, line = ("missing", one.problem) if one.problem else workers.ask(one, number)
        return Result(one.student, one.file, number, state, line, time.monotonic() - begun)

    pool = ThreadPoolExecutor(jobs)
    try:
        yield from pool.map(result, tasks)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in started:
            worker.kill()
            worker.communicate()


# The table --------------------------------------------------------------------------------------


def table(results: Sequence[Result]) -> str:
    """Return a table for each chapter, a line for each file, and under it what the checks said.

    Parameters
    ----------
    results : sequence of Result

    Returns
    -------
    str
    """
    parts = []
    for chapter in sorted({int(r.number.partition(".")[0]) for r in results}):
        files: dict[tuple[str, str], list[Result]] = {}
        for one in results:
            if one.number.startswith(f"{chapter}."):
                files.setdefault((one.student, one.file), []).append(one)
        numbers = [r.number for r in next(iter(files.values()))]
        width = max(len(title) for title in ("student", *_titles(files).values()))
        lines = [f"{'student':<{width}}  " + " ".join(numbers) + "  right"]
        for file, title in sorted(_titles(files).items(), key=lambda item: item[1]):
            marks = " ".join(MARKS[r.state].center(len(r.number)) for r in files[file])
            right = sum(r.state == RIGHT for r in files[file])
            lines.append(f"{title:<{width}}  {marks}  {right}/{len(numbers)}")
        lines += [
            "",
            *(line for file in files for line in _said(_titles(files)[file], files[file])),
        ]
        parts.append("\n".join([f"Chapter {chapter}", "", *lines]).rstrip())
    return "\n\n\n".join([*parts, LEGEND])


def _titles(files):
    """Name each file by its student, and by its path too where a student has several."""
    students = [student for student, _ in files]
    return {(s, f): s if students.count(s) == 1 else f"{s} ({f})" for s, f in files}


def _said(title, results):
    """Return what was said of a file's wrong answers; the same is said once."""
    told = [r for r in results if r.state not in (RIGHT, NOT_STARTED)]
    for line, same in itertools.groupby(told, key=lambda r: r.line):
        yield f"{title} {', '.join(r.number for r in same)}: {line}"


def write_csv(results: Iterable[Result], file: TextIO) -> Iterator[Result]:
    """Write each result as it comes, so that none is lost if the grading is interrupted.

    Parameters
    ----------
    results : iterable of Result
    file : text file
        Opened with ``newline=""``.

    Yields
    ------
    Result
        Those of ``results``.
    """
    writer = csv.writer(file)
    writer.writerow(["student", "file", "exercise", "state", "line", "seconds"])
    for r in results:
        writer.writerow([r.student, r.file, r.number, r.state, r.line, f"{r.seconds:.1f}"])
        file.flush()
        yield r


# The command ------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Grade a folder as the command line says.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m vae_numpy.exercises.grade", description="Grade a folder of answers."
    )
    parser.add_argument("folder", type=Path, help="ada_ch01.py, ada/ch01.ipynb and the like")
    parser.add_argument("--csv", metavar="FILE", help="write the results into this file as well")
    parser.add_argument("--exercises", nargs="+", metavar="1.1", help="check these only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="checks at once")
    parser.add_argument("--memory", type=int, default=1000, help="MB for an answer (1000)")
    parser.add_argument(
        "--trust", action="store_true", help="run answers even where nothing isolates them"
    )
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is no folder")
    if not hasattr(os, "fork"):
        parser.error("grading needs Linux or macOS; on Windows use WSL or a container")
    with tempfile.TemporaryDirectory() as folder:
        kind = isolation.available(folder)
    if kind == isolation.NONE and not options.trust:
        parser.error(
            "this machine has nothing that keeps an answer from your files (it takes Linux with "
            "user namespaces, or Linux 6.2 with Landlock). Grade in a virtual machine, or say "
            "--trust"
        )
    print(f"Isolation: {kind}. In an answer's process {isolation.PROMISES[kind]}.", flush=True)
    handed = collect(options.folder)
    tasks = [
        (one, e.number)
        for one in handed
        if one.chapter
        for e in exercises_of(one.chapter)
        if not options.exercises or e.number in options.exercises
    ]
    results = grade(tasks, memory=options.memory * 2**20, jobs=options.jobs, trust=options.trust)
    with ExitStack() as stack:
        if options.csv:
            file = stack.enter_context(open(options.csv, "w", encoding="utf-8", newline=""))
            results = write_csv(results, file)
        bar = stack.enter_context(progress_bar(len(tasks), "answer", shown=True))
        done = []
        for result in results:
            done.append(result)
            bar.update()
    print("", table(done), sep="\n")
    for one in handed:
        if not one.chapter:
            print(f"not graded: {one.file}: {one.problem}")


if __name__ == "__main__":
    main()
