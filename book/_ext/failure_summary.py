"""Say at the very end of the output what broke the build: file, line and message, one per line.

Sphinx reports a warning when it meets it, Jupyter Book prints a traceback of its own after that,
and the reader has to scroll. The list printed here comes last, when Python exits.
"""

import atexit
import logging
import os
import re
import sys
from pathlib import Path

from sphinx.util.logging import WarningLogRecordTranslator, is_suppressed_warning

LONGEST_LIST = 12
ANSI = re.compile(r"\x1b\[[0-9;]*m")
# nbclient quotes the cell that failed, or that ran too long, between two rules
QUOTED_CELL = re.compile(r"cell(?: contents)?:\n-{18,}\n(.*?)\n-{18,}\n", re.S)
# IPython's traceback names the cell and its line, the outermost frame first
STATEMENT = re.compile(r"Cell In\[(\d+)\], line (\d+)")
ERROR = re.compile(r"^(?:\w[\w.]*: .*|\w+(?:Error|Exception|Interrupt)|A cell timed out.*)$", re.M)
CODE_CELL = re.compile(r"^`{3,} *\{code-cell\}", re.M)


class Collector(logging.Handler):
    """Keep every warning that counts, as ``path:line: message``, the path seen from the root."""

    def __init__(self, app):
        super().__init__(logging.WARNING)
        self.root, self.config = Path(app.srcdir), app.config
        self.lines = []
        self.addFilter(WarningLogRecordTranslator(app))

    def emit(self, record):
        kind = getattr(record, "type", None), getattr(record, "subtype", None)
        if is_suppressed_warning(*kind, self.config.suppress_warnings):
            return
        message = ANSI.sub("", record.getMessage()).replace(f"{self.root}{os.sep}", "")
        if "Executing notebook failed" in message:
            line = _failed_cell(self.root, message)
        else:
            line = message.partition("\n")[0]
        if line not in self.lines:
            self.lines.append(line)

    def note_crash(self, app, exception):
        """Keep an exception that no warning went before: a fault of an extension, say."""
        if exception and not self.lines:
            self.lines.append(f"{type(exception).__name__}: {exception}")

    def report(self):
        """Print the list, if there is anything on it."""
        if not self.lines:
            return
        sys.stdout.flush()
        print("\nWhat to mend in the book:", file=sys.stderr)
        for line in self.lines[:LONGEST_LIST]:
            print(f"  {line}", file=sys.stderr)
        if len(self.lines) > LONGEST_LIST:
            print(f"  ... and {len(self.lines) - LONGEST_LIST} more, above", file=sys.stderr)


def _failed_cell(root, message):
    """Return ``path:line: error`` for the statement that failed, as far as it is known."""
    path = message.partition(":")[0]
    error = ERROR.findall(message)[-1]
    cell, statement = QUOTED_CELL.search(message), STATEMENT.search(message)
    number, line = map(int, statement.groups()) if statement else (1, 1)
    text = (root / path).read_text("utf-8")
    fences = [fence.start() for fence in CODE_CELL.finditer(text)]
    start = text.find(cell[1], *fences[number - 1 : number]) if cell else -1
    if start < 0:  # a kernel that died quotes nothing, a long cell that timed out only its ends
        return f"{path}: {error}"
    return f"{path}:{text.count(chr(10), 0, start) + line}: {error}"


def setup(app):
    collector = Collector(app)
    logging.getLogger("sphinx").addHandler(collector)
    app.connect("build-finished", collector.note_crash)
    atexit.register(collector.report)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
