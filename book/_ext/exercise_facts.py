"""The directive ``exercise-facts``: what the library knows of an exercise, on its page.

Inside an ``{exercise}``, ``:::{exercise-facts} 2.1`` writes what the exercise trains, how hard and
how long it is, where to answer, the stub, the hints (folded) and the line that checks. All of it
comes from the module that checks the answer, so page and check cannot disagree.
"""

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


class ExerciseFacts(SphinxDirective):
    """``:::{exercise-facts} NUMBER``, without content."""

    required_arguments = 1

    def run(self):
        text = facts(find(self.arguments[0]))
        box = nodes.Element()
        lines = StringList(text.splitlines(), self.env.doc2path(self.env.docname))
        self.state.nested_parse(lines, self.content_offset, box)
        return box.children


def setup(app):
    app.add_directive("exercise-facts", ExerciseFacts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
