"""Write each chapter as a notebook that needs no plugin: plain Markdown, no outputs, fixed ids.

MyST's directives and roles are converted when the file is written: numbers and names stand in
place of references, answers are ``<details>``, a list of what is cited comes last. A directive that
this module does not know becomes a box with its content, so that nothing is shown raw or lost.
"""

import re
from functools import partial
from pathlib import Path

import jupytext
import nbformat
from book_site import is_chapter, repository
from exercise_facts import facts
from library_reference import find
from pybtex.database import parse_file
from pybtex.plugin import find_plugin
from pybtex.richtext import Text
from sphinx.pycode import ModuleAnalyzer

from vae_numpy.exercises import find as find_exercise

SETUP = """\
# Run this cell first; in a clone of the book with its library installed it changes nothing.
import importlib.util
import pathlib
"""
GET_THE_BOOK = """
if not pathlib.Path("../experiments").is_dir():
    !git clone --quiet --depth 1 https://github.com/{name}
    %cd {folder}/book
if not importlib.util.find_spec("vae_numpy"):
    %pip install --quiet ..
"""
NEEDS_THE_LIBRARY = """
if not importlib.util.find_spec("vae_numpy"):
    raise ModuleNotFoundError("first: pip install -e . in the folder of the book's source")
"""
NEEDS_THE_BOOK = """\
if not pathlib.Path("../experiments").is_dir():
    print("This chapter reads files of the book: put it into the folder book/ of its source.")
"""
LIVE = "*On the book's web page a figure here answers to the hand.*"
SHOW = "Show me the answer"

FENCE = re.compile(r"^(:{3,}|`{3,})(?:\{([\w:-]+)\} ?(.*)|[^`{]*)$")
OPTION = re.compile(r"^:([\w-]+): ?(.*)$")
PREDICTION = re.compile(r"^(:{3,})\{(predict|seen)\}.*?^\1$\n?", re.M | re.S)
CHOICE = re.compile(r"^- \([ x]\) ", re.M)
ROLE = re.compile(r"\{([\w:]+)\}`([^`]+)`")
TARGET = re.compile(r"^\([\w:-]+\)=\s*$")
EQUATION = re.compile(r"^\$\$[ \n](.*?)\s*\$\$(?: \(([\w:-]+)\))?$", re.M | re.S)
PAGE_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#)([\w./-]+)\.md(#[\w-]+)?\)")
COLOURS = {"tip": "success", "seealso": "success", "warning": "warning", "danger": "danger"}


class Markdown:
    """One page's Markdown without MyST; it remembers what was cited.

    Parameters
    ----------
    page : Path
        The page's file; what it includes is found from there.
    name_of : callable
        Returns what a label is called, "(7.5)", "Figure 7.1" or a section's title.
    books : pybtex.database.BibliographyData
        What may be cited.
    address : str
        Where the site stands, ending in a slash; if empty, a link to a page is its text.
    """

    def __init__(self, page, name_of, books, address=""):
        self.page, self.name_of, self.books, self.address = page, name_of, books, address
        self.cited, self.answering = [], False

    def convert(self, text):
        """Return the text of a cell, or of a directive, without MyST."""
        lines, done, plain = iter(text.splitlines()), [], []
        for line in lines:
            opened = FENCE.match(line)
            if not opened:
                if not (TARGET.match(line) or line.startswith("% ") or line == "%"):
                    plain.append(line)
                continue
            done.append(self._inline("\n".join(plain)))
            plain = []
            body = self._until(opened[1], lines)
            if opened[2]:
                done.append(self._directive(opened[2], opened[3], body))
            else:
                done.append("\n".join([line, *body, opened[1]]))
        done.append(self._inline("\n".join(plain)))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(done)).strip("\n")

    def convert_cell(self, text):
        """Return the text of a cell; what answers a prediction, also one before it, is folded."""
        done, start = [], 0
        for block in [*PREDICTION.finditer(text), None]:
            part = self.convert(text[start : block.start() if block else None])
            done.append(_fold(SHOW, part) if part and self.answering else part)
            if block:
                self.answering, start = block[2] == "predict", block.end()
                done.append(self.convert(block[0]) if self.answering else "")
        return "\n\n".join(filter(None, done))

    def _until(self, fence, lines):
        """Take the lines up to the closing fence."""
        body = []
        for line in lines:
            if line.rstrip() == fence:
                return body
            body.append(line)
        raise ValueError(f"{self.page.name}: a block of {fence!r} is never closed: {body[:1]}")

    def references(self):
        """Return a list of what the page cites, or an empty text."""
        style = find_plugin("pybtex.style.formatting", "plain")()
        backend = find_plugin("pybtex.backends", "markdown")()
        entries = [self.books.entries[key] for key in dict.fromkeys(self.cited)]
        lines = [f"- {entry.text.render(backend)}" for entry in style.format_entries(entries)]
        return "\n".join(["## References", "", *lines]) if lines else ""

    # Directives -----------------------------------------------------------------------------

    def _directive(self, name, argument, body):
        options = {}
        while body and (option := OPTION.match(body[0])):
            options[option[1]] = option[2]
            body.pop(0)
        content, argument = "\n".join(body).strip("\n"), self._inline(argument)
        if name == "literalinclude":
            return self._include(argument, options)
        if name == "exercise-facts":
            return self.convert(facts(find_exercise(argument)))
        if name == "live":
            parts = [LIVE, options.get("task", ""), content]
            return "\n\n".join(self.convert(part) for part in parts if part)
        if name == "predict":
            content = CHOICE.sub("- ", content)
            argument = f"Predict: {argument}" if argument else "Predict"
        content = self.convert(content)
        if name == "exercise":
            return f"### {self.name_of(options['label'])}: {argument}\n\n{content}"
        if name == "solution":
            return _fold(f"Solution to {self.name_of(argument)}", content)
        if "dropdown" in options.get("class", ""):
            return _fold(argument, content)
        title = argument if name == "admonition" else argument or name.capitalize()
        return _box(title, content, COLOURS.get(options.get("class"), "info"))

    def _include(self, path, options):
        file = (self.page.parent / path).resolve()
        lines = file.read_text("utf-8").splitlines()
        if name := options.get("pyobject"):
            _, start, end = ModuleAnalyzer.for_file(str(file), file.stem).find_tags()[name]
            lines = lines[start - 1 : end]
        return "\n".join(["```python", *lines, "```"])

    # Formulas, roles and links ----------------------------------------------------------------

    def _inline(self, text):
        text = EQUATION.sub(self._equation, text)
        text = ROLE.sub(self._role, text)
        return PAGE_LINK.sub(self._link, text)

    def _equation(self, match):
        formula, label = match.groups()
        if r"\\" in formula:  # as Sphinx does
            formula = rf"\begin{{split}}{formula}\end{{split}}"
        tag = rf"\tag{{{self.name_of(label).strip('()')}}}" if label else ""
        return f"$$\n{formula}{tag}\n$$"

    def _role(self, match):
        role, text = match.groups()
        shown, target = re.fullmatch(r"(?:(.+?) *<(?=.*>$))?(.+?)>?", text, re.S).groups()
        if role in ("eq", "numref", "ref"):
            name = self.name_of(target)
            return shown.replace("%s", name.split()[-1]) if shown else name
        if role.startswith("cite"):
            return self._cite(target.split(","), role)
        if role == "math":
            return f"${text}$"
        return shown or target

    def _cite(self, keys, role):
        entries = {key.strip(): self.books.entries.get(key.strip()) for key in keys}
        if not all(entries.values()):  # the build has warned of it already
            return ", ".join(entries)
        self.cited += entries
        pairs = [(_names(entry), entry.fields["year"]) for entry in entries.values()]
        if role == "cite:t":
            return ", ".join(f"{names} ({year})" for names, year in pairs)
        return "(" + "; ".join(f"{names}, {year}" for names, year in pairs) + ")"

    def _link(self, match):
        text, page, anchor = match.groups()
        return f"[{text}]({self.address}book/{page}.html{anchor or ''})" if self.address else text


def _fold(title, content):
    return f"<details>\n<summary>{title}</summary>\n\n{content}\n\n</details>"


def _box(title, content, colour):
    box = f'<div class="alert alert-block alert-{colour}">'
    return "\n\n".join([box, f"**{title}**", content, "</div>"])


def _names(entry):
    people = [
        str(Text.from_latex(" ".join(p.prelast_names + p.last_names)))
        for p in entry.persons["author"]
    ]
    return " and ".join(people) if len(people) < 3 else f"{people[0]} et al."


# The notebook -------------------------------------------------------------------------------------


def setup_cell(code, name=None):
    """Return the first cell, which brings the library and, for ``code`` with "../", the files.

    Parameters
    ----------
    code : str
        All code of the chapter.
    name : str, optional
        The book's repository, ``owner/name``. Without one nothing can be fetched.
    """
    if name:
        return (SETUP + GET_THE_BOOK.format(name=name, folder=name.split("/")[1])).strip()
    return (SETUP + NEEDS_THE_LIBRARY + (NEEDS_THE_BOOK if '"../' in code else "")).strip()


def notebook(markdown, name=None):
    """Return a chapter as a notebook without outputs, the same in every build.

    Parameters
    ----------
    markdown : Markdown
        Of the chapter's page.
    name : str, optional
        The book's repository, ``owner/name``.
    """
    source, cells = jupytext.read(markdown.page), []
    for cell in source.cells:
        shown = cell.metadata.pop("mystnb", {})
        if cell.cell_type == "markdown":
            cell.source = markdown.convert_cell(cell.source)
        if {"hide-input", "remove-cell"} & set(cell.metadata.get("tags", [])):
            cell.metadata["jupyter"] = {"source_hidden": True}  # folded, as on the page
        cells += [cell] if cell.source else []
        if figure := shown.get("figure"):
            said = f"*{markdown.name_of(figure['name'])}.* {markdown.convert(figure['caption'])}"
            if alt := shown.get("image", {}).get("alt"):
                said += "\n\n" + _fold("The picture in words", alt)
            said = _fold(SHOW, said) if markdown.answering else said
            cells.append(nbformat.v4.new_markdown_cell(said))
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    cells.insert(0, nbformat.v4.new_code_cell(setup_cell(code, name)))
    if references := markdown.references():
        cells.append(nbformat.v4.new_markdown_cell(references))
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}}
    )
    made.nbformat_minor = 5
    nbformat.validate(made)
    return made


def name_in(env, label):
    """Return what a page calls a label: "(7.5)", "Figure 7.1", "Exercise 7.1" or a title.

    A label that no page has is returned as it is: the build has warned of it already.
    """
    if exercise := re.fullmatch(r"ex-(\d+)-(\d+)", label):
        return "Exercise {}.{}".format(*exercise.groups())
    docname, anchor = env.domains["std"].anonlabels.get(label, ("", ""))
    figures = env.toc_fignumbers.get(docname, {}).get("figure", {})
    if anchor in figures:
        return "Figure " + ".".join(map(str, figures[anchor]))
    place = find(env, label)
    return place[2] if place else label


def _write(app, exception):
    if exception or app.builder.format != "html":
        return
    books = parse_file(Path(app.srcdir, app.config.bibtex_bibfiles[0]))
    for docname in app.env.found_docs:
        if not is_chapter(app, docname):
            continue
        page = Path(app.env.doc2path(docname))
        markdown = Markdown(page, partial(name_in, app.env), books, app.config.html_baseurl)
        made = notebook(markdown, repository())
        path = Path(app.outdir, "_sources", f"{docname}.ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(made, path)


def setup(app):
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
