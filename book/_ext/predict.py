"""The directives ``predict`` and ``seen``: a question, and its answer closed until it is asked for.

A cell cannot stand inside a directive. So ``predict`` holds the question only, and what follows it
on the page, prose, cells and figures, up to ``seen`` is the answer and becomes a ``details``. The
page's ``_static/predict.js`` puts the reader's guess beside it. CONTRIBUTING.md has the recipe.
"""

import re
from html import escape

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOGGER = logging.getLogger(__name__)
MARK = re.compile(r"\(([ x])\) ")  # before a choice; x before the right one


class Prediction(nodes.General, nodes.Element):
    """A question, a ``Guess``, and the ``Answer``."""


class Guess(nodes.General, nodes.Element):
    """Where the reader answers: each ``Choice`` within, or a field if there are none."""


class Choice(nodes.General, nodes.Element):
    """What the reader may choose."""


class Answer(nodes.General, nodes.Element):
    """All that stays closed."""


class End(nodes.Invisible, nodes.Element):
    """Where an answer ends. No page keeps it."""


class Predict(SphinxDirective):
    """``:::{predict} TITLE`` with the question as its content, and its choices, a list, last."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec = {"answer": float, "within": float, "unit": directives.unchanged_required}

    def run(self):
        node = Prediction("", title=" ".join(self.arguments))
        self.set_source_info(node)
        self.state.nested_parse(self.content, self.content_offset, node)
        guess = Guess("", **self.options)
        listed = next(iter(node.children[-1:]), None)
        if isinstance(listed, nodes.bullet_list) and MARK.match(listed.astext()):
            guess += [self._choice(item) for item in node.pop()]
        if len(guess) == 1 or sum(choice["right"] for choice in guess) > 1:
            raise self.error("predict needs two choices or more, and (x) before one at most")
        if self.options and (len(guess) or not {"answer", "within"} <= self.options.keys()):
            raise self.error("predict needs choices, or :answer: with :within:, or none of these")
        node += guess
        return [node]

    def _choice(self, item):
        mark = MARK.match(item.astext())
        if not mark or len(item) > 1:
            raise self.error("each choice of a predict is a line that begins with ( ) or (x)")
        words = item[0].children
        words[0] = nodes.Text(words[0][mark.end() :])
        return Choice("", *words, right=mark[1] == "x")


class Seen(SphinxDirective):
    """``:::{seen}``, without content."""

    def run(self):
        node = End()
        self.set_source_info(node)
        return [node]


def _close(app, doctree):
    """Move what stands between a question and its end into an answer."""
    for number, node in enumerate(list(doctree.findall(Prediction)), start=1):
        node["number"] = number
        around = node.parent
        after = around[around.index(node) + 1 :]
        end = next((other for other in after if isinstance(other, Prediction | End)), None)
        if not isinstance(end, End):
            LOGGER.warning("predict without a seen after it in its section", location=node)
            continue
        within = after[: after.index(end)]
        for other in (*within, end):
            around.remove(other)
        node += Answer("", *within, number=number)
    for end in list(doctree.findall(End)):
        LOGGER.warning("seen without a predict before it in its section", location=end)
        end.parent.remove(end)


# The page -----------------------------------------------------------------------------------------


def _open_prediction(writer, node):
    place = f"prediction-{node['number']}"
    title = f"Prediction {node['number']}" + (f": {node['title']}" if node["title"] else "")
    writer.body.append(
        f'<div class="predict" id="{place}" role="group" aria-labelledby="{place}-title">\n'
        f'<p class="predict-title" id="{place}-title">{escape(title)}</p>\n'
    )


def _open_guess(writer, node):
    legend, field = "Your guess", ""
    if "answer" in node:
        unit = escape(node.get("unit", ""))
        named = f"{legend}, in {unit}" if unit else legend
        field = (
            f'<label><input type="number" step="any" aria-label="{named}" data-answer="'
            f'{node["answer"]:g}" data-within="{node["within"]:g}"> <span>{unit}</span></label>'
        )
    elif not len(node):
        legend += ", in a few words"
        field = f'<label><input type="text" aria-label="{legend}"></label>'
    writer.body.append(f'<fieldset class="predict-guess"><legend>{legend}</legend>{field}\n')


def _open_choice(writer, node):
    right = " data-right" if node["right"] else ""
    name = f"prediction-{node.parent.parent['number']}"
    writer.body.append(f'<label><input type="radio" name="{name}"{right}> <span>')


def _open_answer(writer, node):
    writer.body.append(
        '<details class="predict-answer"><summary><span class="collapsed">Show me'
        f'<span class="visually-hidden"> the answer to prediction {node["number"]}</span></span>'
        '<span class="expanded">Hide the answer</span></summary>\n'
    )


def _end(text):
    return lambda writer, node: writer.body.append(text)


def setup(app):
    app.add_directive("predict", Predict)
    app.add_directive("seen", Seen)
    app.add_node(Prediction, html=(_open_prediction, _end("</div>\n")))
    app.add_node(Guess, html=(_open_guess, _end("</fieldset>\n")))
    app.add_node(Choice, html=(_open_choice, _end("</span></label>\n")))
    app.add_node(Answer, html=(_open_answer, _end("</details>\n")))
    app.connect("doctree-read", _close)
    app.add_css_file("predict.css")
    app.add_js_file("predict.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
