"""The texts of stubs and solutions: both come from one file, so they cannot drift.

That is ``chNN/solution.py``, Python that anyone can read: the imports, helpers that are given to
the reader, and for each exercise one function or class. The stub keeps signature and docstring of
an exercise and replaces its body by ``raise NotImplementedError``. Everything else stays as it is,
and so do

- a method whose ``def`` line ends in ``# given``,
- the body of ``NAME_with_a_bug``, which becomes the body of the stub of ``NAME``: what to mend.
"""

import ast
import re
import shutil
import subprocess
from pathlib import Path

from vae_numpy.exercises.catalogue import Exercise, exercises_of

PACKAGE = Path(__file__).parent
BOOK = PACKAGE.parents[1] / "book"  # in a clone
MEND = 'raise NotImplementedError("find the bug, mend it, delete this line")'


def solution_file(chapter: int) -> Path:
    """Return the path of a chapter's solutions.

    Parameters
    ----------
    chapter : int

    Returns
    -------
    Path
    """
    return PACKAGE / f"ch{chapter:02d}/solution.py"


def answer_file(chapter: int) -> Path | None:
    """Return the path of the file that the reader edits.

    Parameters
    ----------
    chapter : int

    Returns
    -------
    Path or None
        None where there is no clone.
    """
    path = BOOK / f"exercises/ch{chapter:02d}.py"
    return path if path.exists() else None


def solution_text(exercise: Exercise) -> str:
    """Return the text of an exercise's solution.

    Parameters
    ----------
    exercise : Exercise

    Returns
    -------
    str
    """
    lines = _lines(exercise.chapter)
    return _text(lines, _solved(lines, exercise))


def stub_text(exercise: Exercise) -> str:
    """Return the text of an exercise's stub, as it stands in the reader's file.

    Parameters
    ----------
    exercise : Exercise

    Returns
    -------
    str
    """
    lines = _lines(exercise.chapter)
    buggy = _definitions(lines).get(_buggy(exercise))
    return _stub(lines, _solved(lines, exercise), buggy)


def given_text(exercise: Exercise) -> str:
    """Return what stands before a stub in a cell of its own: the imports, and helpers it needs.

    Needed is what the solution uses, and what that uses in turn; other exercises are not given.

    Parameters
    ----------
    exercise : Exercise

    Returns
    -------
    str
    """
    lines = _lines(exercise.chapter)
    tree = ast.parse("\n".join(lines)).body
    imports = [node for node in tree if isinstance(node, (ast.Import, ast.ImportFrom))]
    theirs = {e.name for e in exercises_of(exercise.chapter)}
    helpers = {name: n for n in tree if n not in imports for name in _bound(n) - theirs}
    wanted: list[ast.AST] = [_solved(lines, exercise)]
    needed: list[ast.stmt] = []
    while wanted:
        used = {n.id for n in ast.walk(wanted.pop()) if isinstance(n, ast.Name)}
        new = [node for name, node in helpers.items() if name in used and node not in needed]
        wanted, needed = [*wanted, *new], [*needed, *new]
    parts = ["\n".join(_text(lines, node) for node in imports)]
    parts += [_text(lines, node) for node in tree if node in needed]
    return "".join(part + "\n\n\n" for part in parts if part)


def stub_file_text(chapter: int) -> str:
    """Return the text of ``book/exercises/chNN.py`` before anyone has written in it.

    Parameters
    ----------
    chapter : int

    Returns
    -------
    str
    """
    lines = _lines(chapter)
    definitions = _definitions(lines)
    exercises = exercises_of(chapter)
    replaced = {e.name: stub_text(e) for e in exercises}
    replaced |= {_buggy(e): None for e in exercises}
    parts, done = [_opening(chapter)], ast.parse("\n".join(lines)).body[0].end_lineno
    for name, node in definitions.items():
        if name in replaced:
            parts += ["\n".join(lines[done : _first(node) - 1]), replaced[name] or ""]
            done = node.end_lineno
    text = "\n".join(parts + lines[done:]).strip() + "\n"
    while "\n\n\n\n" in text:  # where a bug was left out
        text = text.replace("\n\n\n\n", "\n\n\n")
    return text


def is_started(text: str, exercise: Exercise) -> bool:
    """Say whether the reader has begun with an exercise.

    Parameters
    ----------
    text : str
        Of her file.
    exercise : Exercise

    Returns
    -------
    bool

    Raises
    ------
    SyntaxError
        If the text does not parse.
    """
    lines = text.split("\n")
    node = _definitions(lines).get(exercise.name)
    return node is not None and "raise NotImplementedError" not in _text(lines, node)


def replace(text: str, exercise: Exercise, new: str) -> str:
    """Return the file's text with the definition of an exercise replaced, or appended.

    Where the text does not parse, the definition is taken to end where the next one begins.

    Parameters
    ----------
    text : str
        Of the reader's file.
    exercise : Exercise
    new : str
        The definition to put in.

    Returns
    -------
    str

    Raises
    ------
    SyntaxError
        If the text does not parse even so: the error is elsewhere.
    """
    lines = text.split("\n")
    try:
        node = _definitions(lines).get(exercise.name)
        place = node and (_first(node) - 1, node.end_lineno)
    except SyntaxError:
        place = _by_margin(lines, exercise.name)
    if place is None:
        replaced = text.rstrip() + f"\n\n\n{new}\n"
    else:
        replaced = "\n".join([*lines[: place[0]], new, *lines[place[1] :]])
    ast.parse(replaced)
    return replaced


def keep_copy(path: Path) -> Path:
    """Copy a file to a name of its own beside it, ending in ``.before_reset``.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Path
        Of the copy.
    """
    copy, count = path.with_name(f"{path.name}.before_reset"), 1
    while copy.exists():
        count += 1
        copy = path.with_name(f"{path.name}.{count}.before_reset")
    return Path(shutil.copy2(path, copy))


def is_committed(path: Path) -> bool:
    """Say whether git holds the file as it is, so that to overwrite it loses nothing.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
    """
    try:
        done = subprocess.run(
            ["git", "status", "--porcelain", path.name], cwd=path.parent, capture_output=True
        )
    except OSError:  # no git
        return False
    return done.returncode == 0 and not done.stdout


def _opening(chapter):
    return (
        f'"""Your answers to the exercises of chapter {chapter}.\n\n'
        "Replace a line that raises NotImplementedError by your own lines, then run\n\n"
        f"    pytest tests/exercises -k ch{chapter:02d}\n"
        '"""'
    )


def _lines(chapter):
    return solution_file(chapter).read_text("utf-8").splitlines()


def _bound(node):
    """Return the set of names that a statement at the margin, no import, defines."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    stored = (n for n in ast.walk(node) if isinstance(n, ast.Name))
    return {n.id for n in stored if isinstance(n.ctx, ast.Store)}


def _by_margin(lines, name):
    """Find a definition by its first line and the next that begins at the margin."""
    starts = [i for i, line in enumerate(lines) if re.match(r"@|def |class ", line)]
    for i in starts:
        if re.match(rf"(def|class) {name}\b", lines[i]):
            end = min((j for j in starts if j > i), default=len(lines))
            while not lines[end - 1].strip():  # the blank lines before the next one stay
                end -= 1
            return i, end
    return None


def _buggy(exercise):
    return f"{exercise.name}_with_a_bug"


def _definitions(lines):
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {n.name: n for n in ast.parse("\n".join(lines)).body if isinstance(n, kinds)}


def _solved(lines, exercise):
    definitions = _definitions(lines)
    if exercise.name not in definitions:
        file = f"ch{exercise.chapter:02d}/solution.py"
        raise ValueError(f"{file} has no {exercise.name}, the solution of {exercise.number}")
    return definitions[exercise.name]


def _first(node):
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])


def _text(lines, node):
    return "\n".join(lines[_first(node) - 1 : node.end_lineno])


def _stub(lines, node, buggy=None):
    """The text of a definition with its bodies taken out, or with the bug put in."""
    if isinstance(node, ast.FunctionDef):
        if lines[node.lineno - 1].rstrip().endswith("# given"):
            return _text(lines, node)
        head = "\n".join(lines[_first(node) - 1 : _end_of_head(node)])
        indent = " " * (node.col_offset + 4)
        if buggy is None:
            return f"{head}\n{indent}raise NotImplementedError"
        return f"{head}\n{indent}{MEND}\n" + "\n".join(
            lines[_end_of_head(buggy) : buggy.end_lineno]
        )
    parts, done = [], _first(node) - 1
    bugs = {n.name: n for n in buggy.body if isinstance(n, ast.FunctionDef)} if buggy else {}
    for method in (n for n in node.body if isinstance(n, ast.FunctionDef)):
        parts += lines[done : _first(method) - 1]
        parts.append(_stub(lines, method, bugs.get(method.name)))
        done = method.end_lineno
    return "\n".join(parts + lines[done : node.end_lineno])


def _end_of_head(node):
    """The last line of signature and docstring; every definition has one."""
    return node.body[0].end_lineno
