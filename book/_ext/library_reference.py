"""The reference of the library, and the links between its formulas and the chapters.

``:::{library} metrics`` writes the page of a module from its docstrings, in the order of the
source. ``book/reference/derivations.yml`` names, for a public function, class or method, the labels
under which the chapters derive it. From that one table an entry of the reference gets its line
"Derived in", and a section of a chapter ends with the line "In the library".
"""

import importlib
import inspect
import re
from pathlib import Path

import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

LOGGER = logging.getLogger(__name__)

LIBRARY = "vae_numpy"
TABLE = Path(__file__).parents[1] / "reference" / "derivations.yml"
BAR = re.compile(r"(`+.*?`+)|\|")  # outside of what is marked as code
FIELD = re.compile(r":\w[\w ]*:$|\.\. (rubric|seealso|warning|only)::")  # of what numpydoc writes


# What is public ------------------------------------------------------------------------------


def public_modules():
    """Return the names of the modules that the library declares, such as ``losses``."""
    return list(importlib.import_module(LIBRARY).__all__)


def contents():
    """Return the table in the library's docstring: a module's name, and what it is for."""
    return dict(re.findall(r"^    (\w+) {2,}(.+)$", importlib.import_module(LIBRARY).__doc__, re.M))


def public_members(name):
    """Return what a module makes public, each thing under its shortest name.

    These are the functions and classes in its ``__all__``, or without one, those defined in it
    whose names have no underscore in front; then those of the modules that are in ``__all__``.

    Parameters
    ----------
    name : str
        ``metrics`` or ``data.sprites``.

    Returns
    -------
    dict of str to dict of str to object
        For each module in which something is defined, as ``metrics.mig``: name and object, such as
        ``metrics.dci``, in the order of the source.
    """
    own, below = {}, []
    module = importlib.import_module(f"{LIBRARY}.{name}")
    for key in _listed(module):
        thing = getattr(module, key)
        if inspect.ismodule(thing):
            below.append(thing.__name__.removeprefix(f"{LIBRARY}."))
        elif inspect.isfunction(thing) or inspect.isclass(thing):
            own[f"{name}.{key}"] = thing
    homes = [getattr(thing, "__module__", None) for thing in vars(module).values()]
    groups = {}
    for key, thing in sorted(own.items(), key=lambda item: _place(item[1], homes)):
        groups.setdefault(thing.__module__.removeprefix(f"{LIBRARY}."), {})[key] = thing
    for lower in below:
        for home, things in public_members(lower).items():
            new = {key: thing for key, thing in things.items() if thing not in own.values()}
            groups.setdefault(home, {}).update(new)
    return {home: things for home, things in groups.items() if things}


def public_methods(cls):
    """Return the names of a class's methods and properties that the library defines.

    Its own come first, in the order of the source, then those that it inherits.
    """
    names = {}
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] == LIBRARY:
            for key, thing in vars(base).items():
                if not key.startswith("_") and _is_documented(thing):
                    names.setdefault(key)
    return list(names)


def derivations():
    """Return the table: public name to labels of equations and sections in the chapters."""
    return yaml.safe_load(TABLE.read_text("utf-8"))


def _listed(module):
    if hasattr(module, "__all__"):
        return module.__all__
    return [
        key
        for key, thing in vars(module).items()
        if not key.startswith("_") and getattr(thing, "__module__", None) == module.__name__
    ]


def _place(thing, homes):
    """Return where a function or class stands: its module in the order of imports, its line."""
    return homes.index(thing.__module__), inspect.getsourcelines(thing)[1]


def _is_documented(thing):
    kinds = property, classmethod, staticmethod
    return (inspect.isfunction(thing) or isinstance(thing, kinds)) and bool(thing.__doc__)


# The page of a module ------------------------------------------------------------------------


class Library(SphinxDirective):
    """``:::{library} NAME``, with ``:also: NAME NAME`` for modules to show on the same page."""

    required_arguments = 1
    option_spec = {"also": directives.unchanged}

    def run(self):
        groups = {}
        for name in [self.arguments[0], *self.options.get("also", "").split()]:
            groups |= public_members(name)
        page = self.arguments[0]
        text = "".join(_section(home, things, home != page) for home, things in groups.items())
        return _parsed(self, text)


class LibraryContents(SphinxDirective):
    """``:::{library-contents}``: every module with a link, as the library's docstring lists it."""

    def run(self):
        return _parsed(
            self, "".join(f"- [{n}]({n}.md): {what}\n" for n, what in contents().items())
        )


def _parsed(directive, text):
    page = nodes.section()
    page.document = directive.state.document
    lines = StringList(text.splitlines(), directive.env.doc2path(directive.env.docname))
    directive.state.nested_parse(lines, directive.content_offset, page, match_titles=True)
    return page.children


def _section(home, things, headed):
    """Return the MyST text for a module's docstring and its members."""
    # metrics.mig is a function and the module that holds it: only the function is an entry
    rst = [f".. automodule:: {LIBRARY}.{home}", "   :no-index:", ""]
    for key, thing in things.items():
        if inspect.isclass(thing):
            kind = "exception" if issubclass(thing, BaseException) else "class"
            methods = public_methods(thing)  # an empty list would mean all to autodoc
            rst += [f".. auto{kind}:: {LIBRARY}.{key}"]
            rst += [f"   :members: {', '.join(methods)}"] if methods else []
            rst += [""]
        else:
            rst += [f".. autofunction:: {LIBRARY}.{key}", ""]
    heading = f"## {home}\n\n" if headed else ""
    return heading + "\n".join(["```{eval-rst}", *rst, "```", "", ""])


def _shorten_names(app, doctree):
    """Write ``losses.squared_error`` where Sphinx writes ``vae_numpy.losses.squared_error``."""
    for node in doctree.findall(addnodes.desc_addname):
        short = node.astext().removeprefix(f"{LIBRARY}.")
        node.children = [nodes.Text(short)]


def _show_no_constructor(app, what, name, obj, options, signature, return_annotation):
    """Leave out the ``(*args, **kwargs)`` that ``typing`` gives a protocol: nobody makes one."""
    return ("", None) if getattr(obj, "_is_protocol", False) else None


def _keep_bars(app, what, name, obj, options, lines):
    """Let ``|x - mu|`` stand in a docstring: a bar is a length here, and no substitution."""
    lines[:] = [
        line if line.lstrip().startswith((">>>", "...")) else BAR.sub(lambda m: m[1] or r"\|", line)
        for line in lines
    ]


def _lead_back(app, pagename, templatename, context, doctree):
    """Mend the links from a page of source to the reference.

    viewcode takes all that a module defines to be documented under one name. But ``make_spiral`` is
    found at ``data.make_spiral``, and ``mystery``, of the same module, at ``data.clouds.mystery``.
    """
    if not pagename.startswith(f"_modules/{LIBRARY}/"):
        return
    objects = app.env.domains["py"].objects
    home = pagename.removeprefix("_modules/").replace("/", ".")

    def mended(link):
        name = link[1]
        while name not in objects and "." in name:
            name = name.partition(".")[2]
            if f"{home}.{name}" in objects:
                return f'#{home}.{name}"'
        return link[0]

    context["body"] = re.sub(rf'#({LIBRARY}\.[\w.]+)"', mended, context["body"])


# Formula and code ----------------------------------------------------------------------------


class derived_in(nodes.Element):
    """Where "Derived in" will stand, when all chapters are read and their equations numbered."""


class DerivedIn(SphinxDirective):
    """``.. derived-in:: LABEL LABEL``, which ``_name_the_derivation`` puts into a docstring."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self):
        node = derived_in(labels=self.arguments[0].split())
        self.set_source_info(node)
        return [node]


def _name_the_derivation(app, what, name, obj, options, lines):
    """Put the directive ``derived-in`` between a docstring's text and its sections."""
    labels = app.env.derivations.get(name.removeprefix(f"{LIBRARY}."))
    if labels and what != "module":
        ends = (i for i, line in enumerate(lines) if FIELD.match(line))
        end = next(ends, len(lines))
        lines[end:end] = ["", f".. derived-in:: {' '.join(labels)}", ""]


def _link_both_ways(app, doctree, docname):
    for node in list(doctree.findall(derived_in)):
        node.replace_self(_derived_in_line(app, node, docname))
    sought = {}
    for name, labels in app.env.derivations.items():
        for label in labels:
            sought.setdefault(label, []).append(name)
    for section in list(doctree.findall(nodes.section)):
        found = {label: sought[label] for label in _labels(section) if label in sought}
        if found:
            end = next((c for c in section.children if isinstance(c, nodes.section)), None)
            place = section.index(end) if end else len(section)
            section.insert(place, _library_line(app, found, docname))


def _labels(section):
    """Return the labels of a section: its own, and of the equations that are in no smaller one."""
    yield from section["names"]
    for equation in section.findall(nodes.math_block):
        around = equation.parent
        while not isinstance(around, nodes.section):
            around = around.parent
        if around is section and equation.get("label"):
            yield equation["label"]


def _derived_in_line(app, node, docname):
    """Return "Derived in (6.7) and (6.8) of chapter 6, Variational inference"."""
    line = nodes.paragraph("", "Derived in: ", classes=["derived-in"])
    chapters = {}
    for label in node["labels"]:
        if place := find(app.env, label):
            chapters.setdefault(place[0], []).append(place)
        else:
            message = "no chapter has the label %r, which derivations.yml names"
            LOGGER.warning(message, label, location=node)
    for i, (chapter, places) in enumerate(chapters.items()):
        line += nodes.Text("; " if i else "")
        line += make_refnode(app.builder, docname, chapter, "", _chapter_name(app.env, chapter))
        for _, anchor, text in places:
            line += nodes.Text(", ")
            line += make_refnode(app.builder, docname, chapter, anchor, nodes.Text(text))
    return line


def _library_line(app, found, docname):
    """Return "In the library: losses.gaussian_kl (6.8)"."""
    line = nodes.paragraph("", "In the library: ", classes=["in-the-library"])
    numbers = {}
    for label, names in found.items():
        _, _, text = find(app.env, label)
        for name in names:
            numbers.setdefault(name, []).extend([text] if text.startswith("(") else [])
    objects = app.env.domains["py"].objects
    for i, (name, equations) in enumerate(numbers.items()):
        line += nodes.Text(", " if i else "")
        code = nodes.literal("", name)
        if entry := objects.get(f"{LIBRARY}.{name}"):
            line += make_refnode(app.builder, docname, entry.docname, entry.node_id, code)
        else:
            LOGGER.warning("the reference has no entry %r, which derivations.yml names", name)
            line += code
        line += nodes.Text("".join(f" {number}" for number in equations))
    return line


def find(env, label):
    """Return the page, the anchor and the name of an equation or a section, or None."""
    if label in env.domains["math"].equations:
        docname, number = env.domains["math"].equations[label]
        anchor = nodes.make_id(f"equation-{label}")
        if env.config.math_numfig and env.config.numfig:
            parts = env.toc_fignumbers.get(docname, {}).get("displaymath", {}).get(anchor, ())
            number = ".".join(map(str, parts))
        return docname, anchor, f"({number})"
    if label in env.domains["std"].labels:
        docname, anchor, title = env.domains["std"].labels[label]
        return docname, anchor, f"“{title}”"
    return None


def _chapter_name(env, docname):
    """Return ``chapter 6``, or the title of a page without a number."""
    number = env.toc_secnumbers.get(docname, {}).get("")
    return nodes.Text(f"chapter {number[0]}" if number else env.titles[docname].astext())


def _read_table(app):
    app.env.derivations = derivations() if TABLE.exists() else {}


def setup(app):
    app.add_directive("library", Library)
    app.add_directive("library-contents", LibraryContents)
    app.add_directive("derived-in", DerivedIn)
    app.add_node(derived_in)
    app.connect("builder-inited", _read_table)
    app.connect("autodoc-process-signature", _show_no_constructor)
    app.connect("autodoc-process-docstring", _keep_bars, priority=900)  # after numpydoc
    app.connect("autodoc-process-docstring", _name_the_derivation, priority=900)
    app.connect("doctree-read", _shorten_names)
    app.connect("doctree-resolved", _link_both_ways)
    app.connect("html-page-context", _lead_back)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
