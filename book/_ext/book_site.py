"""Make the built site first-party, accessible and steady.

What is mended here are the theme's own faults, as Chromium and axe-core report them. Where an
option in ``_config.yml`` does the job, it stands there instead.
"""

import os
import re
import struct
from pathlib import Path
from urllib.parse import quote, unquote

from docutils import nodes
from drawings import say_where
from formulas import keep_places
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.errors import ConfigError
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
WIDEST = 76  # columns of code and of output that a page shows

# (pattern, replacement, why); applied to every page.
MENDED = [
    (
        r'role="doc-biblioentry"',
        'role="listitem"',
        "the role is deprecated, and its parent is a list",
    ),
    (
        r'<div id="pst-primary-sidebar" class=',
        '<div id="pst-primary-sidebar" role="navigation" aria-label="Book" class=',
        "all content belongs to a landmark",
    ),
    (
        r'(pst-js-only" title="Search") aria-label="Search"',
        r"\1",
        "the label hides the button's visible text",
    ),
    (
        r'<summary aria-label="Toggle hidden content">',
        "<summary>",
        "the label hides the summary's visible text",
    ),
    (
        r'<p class="(collapsed|expanded) admonition-title">(.*?)</p>',
        r'<span class="\1 admonition-title">\2</span>',
        "a summary holds no paragraph",
    ),
    (
        r'<a ([^>]*)>([^<]*)</a>(<details[^>]*>)<summary>(?=<span class="toctree-toggle")',
        r'<a \1>\2</a>\3<summary aria-label="Pages of \2">',
        "the contents' arrow says what it opens",
    ),
    (
        r'<dl>(?=\s*<dd><em class="sig-param">)',
        '<span class="sig-lines">',
        "the lines of a long signature define nothing, ...",
    ),
    (
        r'<dd>(<em class="sig-param">.*?)</dd>',
        r'<span class="sig-line">\1</span>',
        "... each has one parameter, ...",
    ),
    (
        r'</dl>(?=\s*<span class="sig-paren">)',
        "</span>",
        "... and here they end",
    ),
    (
        r'<th class="head[^"]*"><p></p></th>',
        "<td></td>",
        "the corner of a table is no heading",
    ),
    (
        r"<title>(.*?) &#8212; \1</title>",
        r"<title>\1</title>",
        "the landing page's title is the book's",
    ),
    (
        r'<a href="([^"]*)" target="_blank"(\s+class="btn btn-sm btn-download-)',
        r'<a href="\1" download\2',
        "a notebook is a file to keep, not a page to look at",
    ),
    (
        r'(<html [^>]*data-theme=)"auto"',
        r'\1"light"',
        "without scripts the page is light, and no theme is both",
    ),
    (
        r'localStorage\.getItem\("theme"\) \|\| "auto"',
        '({ light: "light", dark: "dark" })[document.documentElement.dataset.mode] ||\n'
        '      (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")',
        "the theme is known before the first paint, so that no other one's figures are fetched",
    ),
    (
        r'<section id="(?:exercise|solution)-content">',
        "<section>",
        "every exercise brings this id, and an id must be unique",
    ),
    (
        r'\s*<script defer src="[^"]*fontawesome\.js[^"]*"></script>',
        "",
        "1.5 MB of script for icons that the style sheet's fonts draw already",
    ),
    (
        r'<button onclick="(?:window\.)?(print|toggleFullScreen)\(\)"',
        r'<button data-press="\1"',
        "the pages' policy forbids scripts in the markup; site.js does what it says",
    ),
    (
        r'<script type="text/x-thebe-config">.*?</script>\s*<script>kernelName = .*?</script>',
        "",
        "sphinx-thebe is not used, and this names other people's repositories",
    ),
]


def repository():
    """Return ``owner/name`` from the environment variable GITHUB_REPOSITORY, or None if unset.

    Raises
    ------
    ConfigError
        If the variable is set to something else.
    """
    name = os.environ.get("GITHUB_REPOSITORY")
    if name and not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise ConfigError(f"GITHUB_REPOSITORY must look like owner/name, got {name!r}")
    return name or None


def _link_repository(app, config):
    if name := repository():
        config.html_theme_options |= {
            "repository_url": f"https://github.com/{name}",
            "repository_branch": "main",
            "use_repository_button": True,
            "use_issues_button": True,
            "use_edit_page_button": True,
        }


def _require_alt_text(app, doctree):
    """Warn of every picture without words; the HTML writer would use the file's name instead."""
    for image in doctree.findall(nodes.image):
        if not image.get("alt", "").strip():
            place = image
            while not place.line and place.parent:  # an output has none; its cell has
                place = place.parent
            LOGGER.warning("picture without alt text (mystnb: image: alt)", location=place)


def _wrap_sentences(app, doctree):
    """Mark outputs with lines that no page could show: such lines are sentences, and may wrap.

    All others are laid out in columns, and scroll where there is no room for them.
    """
    for block in doctree.findall(nodes.literal_block):
        if "output" in block["classes"] and max(map(len, block.astext().split("\n"))) > WIDEST:
            block["classes"].append("sentences")


def _name_folds(app, doctree, docname):
    """Have each fold of a cell say what it opens: the code of its figure, or of its section."""
    numbers = app.env.toc_fignumbers.get(docname, {}).get("figure", {})
    for fold in doctree.findall(HideCodeCellNode):
        what = "output" if "below-input" in fold["classes"] else "code"
        around = fold.parent
        ids = [i for figure in around.findall(nodes.figure) for i in figure["ids"] if i in numbers]
        if ids:
            place = "of Figure " + ".".join(map(str, numbers[ids[0]]))
        else:
            while not isinstance(around, nodes.section):
                around = around.parent
            place = f"in “{around[0].astext()}”"
        fold["prompt_show"], fold["prompt_hide"] = f"Show the {what} {place}", f"Hide the {what}"


def is_chapter(app, pagename):
    """Return whether a page has cells to run."""
    return "kernelspec" in app.env.metadata.get(pagename, {})


def _offer_notebook(app, pagename, templatename, context, doctree):
    """Have the theme offer the notebook that ``notebooks.py`` writes."""
    if is_chapter(app, pagename):
        context["ipynb_source"] = f"{pagename}.ipynb"


def _offer_launch(app, pagename, templatename, context, doctree):
    """Add a menu of the places that can run the chapter; the theme's own would name the ``.md``."""
    name = repository()
    if not (name and is_chapter(app, pagename)):
        return
    published = f"https://colab.research.google.com/github/{name}/blob/gh-pages/_sources"
    in_lab = quote(f"lab/tree/{pagename}.md?factory=Jupytext%20Notebook", safe="/")
    buttons = [
        ("Colab", "logo_colab.png", f"{published}/{pagename}.ipynb"),
        ("Binder", "logo_binder.svg", f"https://mybinder.org/v2/gh/{name}/main?urlpath={in_lab}"),
    ]
    context["header_buttons"].append(
        {
            "type": "group",
            "label": "launch-buttons",
            "tooltip": "Run this chapter",
            "icon": "fas fa-rocket",
            "buttons": [
                {
                    "type": "link",
                    "text": place,
                    "tooltip": f"Run on {place}",
                    "icon": f"_static/images/{logo}",
                    "url": url,
                }
                for place, logo, url in buttons
            ],
        }
    )


def _drop_thebe(app, pagename, templatename, context, doctree):
    """Leave out sphinx-thebe's scripts: they name a CDN, and raise an error where it is unused."""
    context["script_files"] = [
        js
        for js in context["script_files"]
        if "thebe" not in str(js.filename).lower() + js.attributes.get("body", "").lower()
    ]


def _size(path):
    """Return a picture's width and height on a page, or None if it is neither PNG nor SVG.

    An inch has 100 pixels of the page; a PNG that does not say how many it has is taken as it is.
    """
    data = path.read_bytes()
    if path.suffix == ".png":
        size = struct.unpack(">II", data[16:24])
        says = re.search(rb"pHYs(.{4}).{4}\x01", data[:2000], re.S)  # dots a metre
        scale = 100 / (0.0254 * struct.unpack(">I", says[1])[0]) if says else 1
        return tuple(round(side * scale) for side in size)
    if path.suffix == ".svg":
        box = re.search(rb'<svg[^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"', data, re.S)
        return box and tuple(round(float(number)) for number in box.groups())
    return None


def _place_pictures(page, text):
    """Reserve each picture's place, and load those below the first when they are near."""
    seen = 0

    def placed(tag):
        nonlocal seen
        source = re.search(r' src="([^":]*)"', tag[0])
        size = source and _size(page.parent / unquote(source[1]))
        if not size or " width=" in tag[0]:
            return tag[0]
        seen += 1
        first = seen == 1 and "only-" not in tag[0]  # of several drawings one is shown
        lazy = "" if first else ' loading="lazy"'
        return f'{tag[1]} width="{size[0]}" height="{size[1]}"{lazy}{tag[2]}'

    return re.sub(r"(<img\b[^>]*?)(\s*/?>)", placed, text)


def _finish(app, exception):
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text("utf-8")
        for pattern, replacement, _ in MENDED:
            text = re.sub(pattern, replacement, text, flags=re.S)
        page.write_text(keep_places(say_where(_place_pictures(page, text))), "utf-8")
    for unused in ("webpack-macros.html", "sbt-webpack-macros.html", "scripts/fontawesome.js"):
        Path(app.outdir, "_static", unused).unlink(missing_ok=True)


def setup(app):
    app.connect("config-inited", _link_repository)
    app.connect("doctree-read", _require_alt_text)
    app.connect("doctree-read", _wrap_sentences)
    app.connect("doctree-resolved", _name_folds)
    app.connect("html-page-context", _offer_notebook, priority=100)  # before the theme's buttons
    app.connect("html-page-context", _offer_launch, priority=900)  # after them
    app.connect("html-page-context", _drop_thebe, priority=900)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
