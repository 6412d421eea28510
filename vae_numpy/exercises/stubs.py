"""The texts of stubs and solutions: both come from ``book/solutions/``, so they cannot drift.

A solution's file is Python that anyone can read: the imports, helpers that are given to the reader,
and for each exercise one function or class. The stub keeps signature and docstring of an exercise
and replaces its body by ``raise NotImplementedError``. Everything else stays as it is, and so do

- a method whose ``def`` line ends in ``# given``,
- the body of ``NAME_with_a_bug``, which becomes the body of the stub of ``NAME``: what to mend.
"""

import ast
from pathlib import Path

from vae_numpy.exercises.catalogue import exercises_of

PACKAGE = Path(__file__).parent
BOOK = PACKAGE.parents[1] / "book"  # in a clone
MEND = 'raise NotImplementedError("find the bug, mend it, then delete this line")'


def solution_file(chapter):
    """Return the path of a chapter's solutions: in the clone, or as installed by pip."""
    name = f"solutions/ch{chapter:02d}.py"
    return BOOK / name if (BOOK / name).exists() else PACKAGE / name


def answer_file(chapter):
    """Return the path of the file that the reader edits, or None where there is no clone."""
    path = BOOK / f"exercises/ch{chapter:02d}.py"
    return path if path.exists() else None


def solution_text(exercise):
    """Return the text of an exercise's solution."""
    lines = solution_file(exercise.chapter).read_text("utf-8").splitlines()
    return _text(lines, _definitions(lines)[exercise.name])


def stub_text(exercise):
    """Return the text of an exercise's stub, as it stands in the reader's file."""
    lines = solution_file(exercise.chapter).read_text("utf-8").splitlines()
    definitions = _definitions(lines)
    return _stub(lines, definitions[exercise.name], definitions.get(_buggy(exercise)))


def stub_file_text(chapter):
    """Return the text of ``book/exercises/chNN.py`` before anyone has written in it."""
    lines = solution_file(chapter).read_text("utf-8").splitlines()
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


def is_started(text, exercise):
    """Say whether the reader has begun with an exercise, given her file's text."""
    lines = text.splitlines()
    node = _definitions(lines).get(exercise.name)
    return node is not None and "raise NotImplementedError" not in _text(lines, node)


def replace(text, exercise, new):
    """Return the file's text with the definition of an exercise replaced, or appended."""
    lines = text.splitlines()
    node = _definitions(lines).get(exercise.name)
    if node is None:
        return text.rstrip() + f"\n\n\n{new}\n"
    return "\n".join([*lines[: _first(node) - 1], new, *lines[node.end_lineno :]]) + "\n"


def _opening(chapter):
    return (
        f'"""Your answers to the exercises of chapter {chapter}.\n\n'
        "Replace a line that raises NotImplementedError by your own lines, then run\n\n"
        f"    pytest tests/exercises -k ch{chapter:02d}\n"
        '"""'
    )


def _buggy(exercise):
    return f"{exercise.name}_with_a_bug"


def _definitions(lines):
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {n.name: n for n in ast.parse("\n".join(lines)).body if isinstance(n, kinds)}


def _first(node):
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])


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
