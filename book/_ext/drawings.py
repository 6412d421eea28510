"""Show each figure in the drawing that fits: of the page's theme, and of the screen's width.

``kernel_figures.py`` makes the drawings of a cell's figure in the build's kernels, beside the PNG
that everybody else gets. A picture ``NAME.png`` of the sources has its others beside it:
``NAME-dark.png``, ``NAME-narrow.png``, ``NAME-dark-narrow.png``. The style sheet shows one of them,
and since images are lazy, only that one is loaded.
"""

import os
import re
from pathlib import Path

from docutils import nodes
from myst_nb.core import render
from myst_nb.core.render import MimeData, MimeRenderPlugin
from sphinx.transforms import SphinxTransform

DRAWINGS = "application/vnd.book.drawings+json"  # as in kernel_figures.py
HERE = Path(__file__).parent
START = """\
import sys

sys.path.insert(0, {!r})
import kernel_figures

kernel_figures.register(get_ipython())
del sys.path[0], sys, kernel_figures
"""
BAR = re.compile(r"(?:[^\n|]+: )?\s*\d+%\|[# \d]*\| \d+/\d+ \[[^\n]*\]\s*$")
BESIDE = {"-dark": "dark", "-narrow": "light", "-dark-narrow": "dark"}
BELOW = {"Left": "Top", "Right": "Bottom", "left": "top", "right": "bottom"}


class Drawings(MimeRenderPlugin):
    """Makes one image of each drawing of a figure."""

    mime_priority_overrides = [("html", DRAWINGS, 0)]

    @staticmethod
    def handle_mime(renderer, data, inline):
        if data.mime_type != DRAWINGS:
            return None
        images = []
        for width in ("wide", "narrow"):
            for theme, png in data.content.get(width, {}).items():
                drawn = MimeData("image/png", png, data.cell_metadata, line=data.line)
                [image] = renderer.render_image(drawn)
                image["classes"].append(f"only-{theme}")
                if "narrow" in data.content:
                    image["classes"].append(f"only-{width}")
                if data.content.get("stacked"):
                    image["classes"].append("stacked")
                images.append(image)
        return images


class NoBars(MimeRenderPlugin):
    """Leaves out progress bars (``vae_numpy.progress``): on a page nothing is under way."""

    @staticmethod
    def handle_mime(renderer, data, inline):
        if data.mime_type == "text/plain" and BAR.match(data.string):
            return []
        return None


class Twins(SphinxTransform):
    """Puts the other drawings of a picture beside it."""

    default_priority = 200  # before Sphinx collects the images

    def apply(self):
        for image in list(self.document.findall(nodes.image)):
            name = Path(image["uri"])
            _, path = self.env.relfn2path(image["uri"])
            found = [end for end in BESIDE if Path(path).with_stem(name.stem + end).is_file()]
            if not found:
                continue
            image["classes"].append("only-light")
            for end in reversed(found):
                twin = image.copy()
                twin["uri"] = str(name.with_stem(name.stem + end))
                width = (
                    ["only-narrow"] if "narrow" in end else ["only-wide"] if len(found) > 1 else []
                )
                twin["classes"] = [f"only-{BESIDE[end]}", *width]
                image.parent.insert(image.parent.index(image) + 1, twin)
            if len(found) > 1:
                image["classes"].append("only-wide")


def say_where(text):
    """Have the caption of a figure say top and bottom where its panels stand below each other."""

    def both(word):
        wide, narrow = word[0], BELOW[word[0]]
        return f'<span class="only-wide">{wide}</span><span class="only-narrow">{narrow}</span>'

    def caption(figure):
        return re.sub(
            r"(?<=[ >])(?:Left|Right)\b|(?<=\()(?:left|right)(?=\))|(?<=; )(?:left|right)(?=,)",
            both,
            figure[0],
        )

    return re.sub(
        r'(?<=only-narrow stacked")[^>]*>(?:(?!<img|</figure>).)*</figcaption>',
        caption,
        text,
        flags=re.S,
    )


def _prepare_kernels(app, config):
    """Have every IPython that this build starts, and no other, draw for the pages."""
    folder = Path(app.outdir).parent / ".ipython"
    startup = folder / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "figures.py").write_text(START.format(str(HERE)), "utf-8")
    os.environ["IPYTHONDIR"] = str(folder)


def setup(app):
    given = render.load_mime_renders  # by the entry points of packages; the book is none
    render.load_mime_renders = lambda: [Drawings, NoBars, *given()]
    app.add_transform(Twins)
    app.connect("config-inited", _prepare_kernels)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
