"""The directive ``exercise-facts``: what the library knows of an exercise, on its page.

Inside an ``{exercise}``, ``:::{exercise-facts} 2.1`` writes what the exercise trains, how hard and
how long it is, where to answer, the stub (with its docstring, which is the task, as text), the
hints (folded) and the line that checks. All of it comes from the module that checks the answer, so
page and check cannot disagree.
"""

import ast
import inspect
import re
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from vae_numpy.exercises import find

FACTS = """\
*Trains {trains}. {difficulty}, {minutes} minutes.*

```{{literalinclude}} exercises/{file}
:pyobject: {name}
```

Answer in [`book/exercises/{file}`](check_your_answers.md) and run
`pytest tests/exercises -k {chapter}`,
or in a notebook with `stub("{number}")` and `check("{number}", {name})`.
"""
HINT = """
:::{{admonition}} Hint {count}
:class: dropdown
{text}
:::
"""


def facts(exercise):
    """Return what the page says of an exercise, as MyST."""
    chapter = f"ch{exercise.chapter:02d}"
    text = FACTS.format(
        trains=exercise.trains,
        difficulty=exercise.difficulty.capitalize(),
        minutes=exercise.minutes,
        file=f"{chapter}.py",
        chapter=chapter,
        name=exercise.name,
        number=exercise.number,
    )
    for i, hint in enumerate(exercise.hints):
        text += HINT.format(count=i + 1, text=hint)
    return text


# The stub as text ------------------------------------------------------------------------------


def split_stub(file, name):
    """Return a function's code without its docstring and without what raises, and the docstring.

    Parameters
    ----------
    file : Path
        With the stubs of a chapter.
    name : str
        Of a function or a class of it; a class comes back whole, with no docstring.
    """
    text = file.read_text("utf-8")
    found = next(node for node in ast.parse(text).body if getattr(node, "name", None) == name)
    lines = text.splitlines()
    if isinstance(found, ast.ClassDef):
        return "\n".join(lines[found.lineno - 1 : found.end_lineno]), ""
    words = found.body[0]
    rest = lines[words.end_lineno : found.end_lineno]
    if "raise NotImplementedError" in map(str.strip, rest):
        rest = [line for line in rest if "raise NotImplementedError" not in line]
    code = "\n".join([*lines[found.lineno - 1 : words.lineno - 1], *rest]).rstrip()
    return code, inspect.cleandoc(words.value.value)


def told(docstring):
    """Return a numpydoc docstring as nodes: paragraphs, and lists of what is taken and returned."""
    parts = re.split(r"^(\w+)\n-+\n", docstring, flags=re.M)
    made = [nodes.paragraph("", "", *_inline(text)) for text in _paragraphs(parts[0])]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        made.append(nodes.paragraph("", "", nodes.strong("", title)))
        entries = re.split(r"^(?=\S)", body, flags=re.M)
        made.append(nodes.definition_list("", *(_entry(entry) for entry in entries if entry)))
    return made


def _entry(text):
    head, _, body = text.partition("\n")
    name, _, kind = head.partition(" : ")
    term = nodes.term("", "", nodes.literal("", name), *_inline(f" {kind}" if kind else ""))
    texts = [nodes.paragraph("", "", *_inline(t)) for t in _paragraphs(inspect.cleandoc(body))]
    return nodes.definition_list_item("", term, nodes.definition("", *texts))


def _paragraphs(text):
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()) if part]


def _inline(text):
    parts = re.split(r"``(.+?)``", text)
    return [nodes.literal("", t) if i % 2 else nodes.Text(t) for i, t in enumerate(parts) if t]


class ExerciseFacts(SphinxDirective):
    """``:::{exercise-facts} NUMBER``, without content."""

    required_arguments = 1

    def run(self):
        exercise = find(self.arguments[0])
        text = facts(exercise)
        box = nodes.Element()
        lines = StringList(text.splitlines(), self.env.doc2path(self.env.docname))
        self.state.nested_parse(lines, self.content_offset, box)
        self._tell_the_stub(box, exercise.name)
        return box.children

    def _tell_the_stub(self, box, name):
        """Have the docstring, which is the task, stand as text, and only the code as code."""
        included = next(box.findall(nodes.literal_block))
        code, docstring = split_stub(Path(included["source"]), name)
        if docstring:
            shown = nodes.literal_block(code, code, language="python")
            text = nodes.container("", *told(docstring), classes=["stub"])
            included.replace_self([shown, text])


def setup(app):
    app.add_directive("exercise-facts", ExerciseFacts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
