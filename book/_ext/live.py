"""The directive ``live``: a figure that answers to the hand, and its picture where nothing moves.

``:::{live} tear_it`` puts the module ``_static/live/figures/tear_it.js`` on the page. What it shows
on paper, in a notebook and without scripts is the picture; ``_static/live/loader.js`` puts the
module in its place when it scrolls into view. CONTRIBUTING.md has the recipe.
"""

import gzip
import json
import re
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from drawings import DRAWINGS
from myst_nb.core.render import MimeData
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOGGER = logging.getLogger(__name__)
LIVE = Path(__file__).parents[1] / "_static" / "live"
LARGEST = 150_000  # bytes, compressed: all that one figure loads
IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*["'](\.[^"']+)["']""")
STAGE = (
    '<div class="live-stage" id="live-{id}" role="group" aria-label="Live figure: {title}" '
    'data-figure="{figure}"{source} hidden></div>'
)
NOTE = (
    "This figure answers to the hand on the book's web page, where scripts are on and the page "
    "comes from a server (`make serve`), not from a file on the disk."
)
PICTURES = (DRAWINGS, "image/svg+xml", "image/png")


def modules(name):
    """Return the paths of all modules that a figure loads: its own, and what that imports."""
    found, waiting = set(), [LIVE / "figures" / f"{name}.js"]
    while waiting:
        path = waiting.pop().resolve()
        if path not in found:
            found.add(path)
            waiting += [path.parent / link for link in IMPORT.findall(path.read_text("utf-8"))]
    return sorted(found)


def weight(name, *data):
    """Return what a figure loads, in bytes, each file compressed as a server would."""
    texts = [path.read_bytes() for path in modules(name)] + [text.encode() for text in data]
    return sum(len(gzip.compress(text, mtime=0)) for text in texts)


class Live(SphinxDirective):
    """``:::{live} FIGURE`` with the caption as its content."""

    has_content = True
    required_arguments = 1
    option_spec = {
        "name": directives.unchanged_required,
        "alt": directives.unchanged_required,
        "task": directives.unchanged_required,
        "picture": directives.unchanged_required,
        "data": directives.unchanged_required,
    }

    def run(self):
        figure = self.arguments[0]
        missing = [o for o in ("name", "alt", "task", "picture") if not self.options.get(o)]
        if missing:
            raise self.error(f"the live figure {figure} needs :{missing[0]}:")
        if not (LIVE / "figures" / f"{figure}.js").exists():
            raise self.error(f"there is no _static/live/figures/{figure}.js")
        name = nodes.fully_normalize_name(self.options["name"])
        data = dict(self._data(name, each) for each in self.options.get("data", "").split())
        if (bytes_ := weight(figure, *data.values())) > LARGEST:
            self._warn(f"the live figure {figure} loads {bytes_} bytes, more than {LARGEST}")
        self.env.live_pages.setdefault(self.env.docname, {}).update(data)
        node = nodes.figure("", classes=["live", "align-default"])
        node += nodes.container("", self._paragraph(self.options["task"]), classes=["live-task"])
        node += nodes.container(
            "", *self._picture(), self._paragraph(NOTE), classes=["live-static"]
        )
        stage = STAGE.format(
            id=nodes.make_id(name),
            title=escape(figure.replace("_", " ")),
            figure=figure,
            source=f' data-source="{" ".join(data)}"' if data else "",
        )
        node += nodes.raw("", stage, format="html")
        node += nodes.caption("", "", *self._inline(" ".join(self.content)))
        self.set_source_info(node)
        self.add_name(node)
        return [node]

    def _inline(self, text):
        found, messages = self.state.inline_text(text, self.lineno)
        return found + messages

    def _paragraph(self, text):
        return nodes.paragraph("", "", *self._inline(text))

    def _warn(self, message):
        LOGGER.warning(message, location=(self.env.docname, self.lineno))

    def _published(self, name):
        """Return what a cell of this page published under a name (vae_numpy.live), or {}."""
        if "nb_renderer" not in self.state.document:
            return {}
        cells = self.state.document["nb_renderer"].renderer.nb_client.glue_data
        return cells[name]["data"] if name in cells else {}

    def _file(self, name):
        """Return the path of a file that an option names, from the page or, with /, the root."""
        relative, path = self.env.relfn2path(name)
        self.env.note_dependency(relative)
        return Path(path)

    def _data(self, name, source):
        """Return the name and the text of data: the same file for all who name it, in any build."""
        if source.endswith(".json"):
            name, value = source, json.loads(self._file(source).read_text("utf-8"))
        else:
            value = self._published(source).get("application/json")
            if value is None:
                self._warn(f"no cell of this page publishes the data {source!r}")
        return nodes.make_id(name), json.dumps(value, sort_keys=True, separators=(",", ":"))

    def _picture(self):
        name, alt = self.options["picture"], self.options["alt"]
        if Path(name).suffix:
            return [nodes.image("", uri=name, alt=alt)]
        published = self._published(name)
        for kind in PICTURES:
            if kind in published:
                shown = {"mystnb": {"image": {"alt": alt}}}
                picture = MimeData(kind, published[kind], cell_metadata=shown, line=self.lineno)
                return self.state.document["nb_renderer"].render_mime_type(picture)
        self._warn(f"no cell of this page publishes the picture {name!r}")
        return []


# The pages and the files ------------------------------------------------------------------------


def _begin(app):
    if not hasattr(app.env, "live_pages"):
        app.env.live_pages = {}  # docname: {name of the data: text}; the pages with live figures


def _purge(app, env, docname):
    env.live_pages.pop(docname, None)


def _merge(app, env, docnames, other):
    env.live_pages |= {name: other.live_pages[name] for name in docnames & other.live_pages.keys()}


def _load(app, pagename, templatename, context, doctree):
    """Have the pages with live figures, and only those, load the style sheet and the loader."""
    if pagename in app.env.live_pages:
        app.add_css_file("live/live.css")
        app.add_css_file("live/room.css")
        # Before MathJax, which takes its time.
        app.add_js_file("live/loader.js", priority=100, type="module")


def _write_data(app, exception):
    if exception or app.builder.format != "html":
        return
    folder = Path(app.outdir, "_static", "live", "data")
    folder.mkdir(parents=True, exist_ok=True)
    for sources in app.env.live_pages.values():
        for name, text in sources.items():
            (folder / f"{name}.json").write_text(text, "utf-8")


def setup(app):
    app.add_directive("live", Live)
    app.connect("builder-inited", _begin)
    app.connect("env-purge-doc", _purge)
    app.connect("env-merge-info", _merge)
    app.connect("html-page-context", _load)
    app.connect("build-finished", _write_data)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
