"""Make the built site first-party, accessible, and a source of clean notebooks.

What is mended here are the theme's own faults, as Chromium and axe-core report them. Where an
option in ``_config.yml`` does the job, it stands there instead.
"""

import os
import re
from pathlib import Path
from urllib.parse import quote

import jupytext
import nbformat
from docutils import nodes
from live import in_notebook
from sphinx.errors import ConfigError
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)

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
        r'<section id="(?:exercise|solution)-content">',
        "<section>",
        "every exercise brings this id, and an id must be unique",
    ),
    (
        r'\s*<script defer src="[^"]*fontawesome\.js[^"]*"></script>',
        "",
        "1.5 MB of script for icons that the style sheet's fonts draw already",
    ),
]

SETUP_CELL = """\
# Run this cell first; in a clone of the book it changes nothing.
try:
    import vae_numpy
except ModuleNotFoundError:
    {install}"""
INSTALL_FIRST = (
    'raise ModuleNotFoundError("first: pip install -e . in the book\'s folder") from None'
)


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


def _is_chapter(app, pagename):
    return "kernelspec" in app.env.metadata.get(pagename, {})


def _offer_notebook(app, pagename, templatename, context, doctree):
    """Have the theme offer the notebook that ``_write_notebook`` writes."""
    if _is_chapter(app, pagename):
        context["ipynb_source"] = f"{pagename}.ipynb"


def _offer_launch(app, pagename, templatename, context, doctree):
    """Add a menu of the places that can run the chapter; the theme's own would name the ``.md``."""
    name = repository()
    if not (name and _is_chapter(app, pagename)):
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


def _write_notebook(app, docname):
    """Write the chapter without outputs, the same bytes in every build."""
    notebook = jupytext.read(app.env.doc2path(docname))
    name = repository()
    install = f"%pip install -q git+https://github.com/{name}" if name else INSTALL_FIRST
    notebook.cells.insert(0, nbformat.v4.new_code_cell(SETUP_CELL.format(install=install)))
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata.pop("mystnb", None)
        if cell.cell_type == "markdown":
            cell.source = in_notebook(cell.source)
        if {"hide-input", "remove-cell"} & set(cell.metadata.get("tags", [])):
            cell.metadata["jupyter"] = {"source_hidden": True}  # folded, as on the page
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    path = Path(app.outdir, "_sources", f"{docname}.ipynb")
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def _finish(app, exception):
    if exception or app.builder.format != "html":
        return
    for docname in app.env.found_docs:
        if _is_chapter(app, docname):
            _write_notebook(app, docname)
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text("utf-8")
        for pattern, replacement, _ in MENDED:
            text = re.sub(pattern, replacement, text, flags=re.S)
        page.write_text(text, "utf-8")
    for unused in ("webpack-macros.html", "sbt-webpack-macros.html", "scripts/fontawesome.js"):
        Path(app.outdir, "_static", unused).unlink(missing_ok=True)


def setup(app):
    app.connect("config-inited", _link_repository)
    app.connect("doctree-read", _require_alt_text)
    app.connect("html-page-context", _offer_notebook, priority=100)  # before the theme's buttons
    app.connect("html-page-context", _offer_launch, priority=900)  # after them
    app.connect("html-page-context", _drop_thebe, priority=900)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
