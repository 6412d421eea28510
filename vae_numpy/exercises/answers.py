"""Load a reader's file so that one answer that does not run silences no other."""

import __future__

import ast
import re
from pathlib import Path
from typing import Any, NamedTuple

from vae_numpy._types import FilePath
from vae_numpy.exercises import guard

SECONDS = 10  # for one statement of the file; what an exercise may take is told by the exercise


class Fault(NamedTuple):
    """A statement that does not run.

    Attributes
    ----------
    line : int
        Its line in the file, 0 if unknown.
    text : str
        What stands there.
    message : str
        What came of it.
    """

    line: int
    text: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


def load(path: FilePath) -> tuple[dict[str, Any], list[Fault]]:
    """Run a file of answers statement by statement, and go on after one that fails.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    names : dict
        What the file defines, by name.
    faults : list of Fault
        What is the matter with it; empty if nothing is.
    """
    path = Path(path)
    names: dict[str, Any] = {"__name__": f"answers_{path.stem}", "__file__": str(path)}
    faults: list[Fault] = []
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return names, [Fault(0, "", f"{type(error).__name__}: {error}")]
    flags = __future__.annotations.compiler_flag if "import annotations" in text else 0
    for piece in _pieces(text):
        try:
            statements = ast.parse(piece, str(path)).body
        except (SyntaxError, ValueError) as error:
            faults.append(_fault(error, path))
            continue
        for statement in statements:
            if fault := _run(statement, path, names, flags):
                faults.append(fault)
    return names, faults


def _pieces(text):
    """Return the text; if it does not parse, its definitions one by one, each at its own line."""
    try:
        ast.parse(text)
        return [text]
    except (SyntaxError, ValueError):
        lines = text.split("\n")
        cuts = [i for i, line in enumerate(lines) if re.match(r"@|(async )?def |class ", line)]
        cuts = [i for i in cuts if i == 0 or not lines[i - 1].startswith("@")]
        ends = zip([0, *cuts], [*cuts, len(lines)], strict=True)
        return ["\n" * first + "\n".join(lines[first:last]) for first, last in ends]


def _run(statement, path, names, flags):
    """Run one statement under guard; return its ``Fault``, or None."""
    try:
        module = ast.Module([statement], [])
        code = compile(module, str(path), "exec", flags=flags, dont_inherit=True)
        with guard.watched(SECONDS):
            exec(code, names)
    except KeyboardInterrupt:
        raise
    except guard.TooLong as stopped:
        line, text, _ = guard.readers_frame(stopped, str(path))
        return Fault(line, text, f"stopped after {SECONDS} seconds")
    except BaseException as error:
        return _fault(error, path)
    return None


def _fault(error, path):
    if isinstance(error, SyntaxError):
        return Fault(error.lineno or 0, (error.text or "").strip(), error.msg)
    line, text, _ = guard.readers_frame(error, str(path))
    return Fault(line, text, f"{type(error).__name__}: {error}")
