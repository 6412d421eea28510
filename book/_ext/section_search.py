"""Search by section: each is a document of Sphinx's index, and none of its code or TeX is in it.

Sphinx's own search page does the rest, with what ``section_search.js`` changes in it.
"""

import json
import re
from html import escape
from itertools import pairwise
from pathlib import Path

import sphinx.search
from docutils import nodes
from docutils.utils import new_document
from sphinx import addnodes
from sphinx.search.en import SearchEnglish

GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρσςτυφχψω",
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho"
        " sigma sigma tau upsilon phi chi psi omega".split(),
        strict=True,
    )
)
COMMON = set(  # too common to be searched for, beside those that Sphinx leaves out
    "about above after again all also an any been before below between both can could did do does"
    " each even every from had has have he her here how i its itself just like many me more most"
    " much must my one only other our out over own same she should so some still than them they"
    " those through too two under until up very we were what when where which while who why"
    " without would you your".split()
)
LETTER = re.compile("[α-ω]", re.I)
SAID = re.compile(  # what is read aloud of a formula: its Greek letters, and its words
    rf"\\(?:var)?({'|'.join(GREEK.values())})(?![a-z])|\\(?:text|mathrm|operatorname){{([^}}]*)}}",
    re.I,
)
FORMULAS = (nodes.math, nodes.math_block)
CODE = (nodes.literal_block, nodes.doctest_block, nodes.raw, addnodes.desc_signature)


def spell(text):
    """Return a text with each Greek letter by its name, as the index has it."""
    return LETTER.sub(lambda letter: f" {GREEK.get(letter[0].lower(), letter[0])} ", text)


def is_section(node):
    """Return whether a node is a section with a place of its own; one in an exercise has none."""
    return isinstance(node, nodes.section) and isinstance(
        node.parent, (nodes.document, nodes.section)
    )


def prose(node):
    """Yield the texts of a section or a part of it, without its code and the sections below it."""
    for child in node.children:
        if isinstance(child, nodes.Text):
            yield child.astext()
        elif isinstance(child, FORMULAS):
            yield from (name or words for name, words in SAID.findall(child.astext()))
        elif not (isinstance(child, (*CODE, nodes.comment)) or is_section(child)):
            yield from prose(child)


def entries(node):
    """Yield the index entries of a section; those of Python objects are objects to the search."""
    for child, following in pairwise([*node.children, None]):
        if isinstance(child, addnodes.index) and not isinstance(following, addnodes.desc):
            yield child.deepcopy()
        elif not is_section(child):
            yield from entries(child)


class Words(SearchEnglish):
    """English whose words are those that the search page asks for, Greek letters by their names."""

    stopwords = SearchEnglish.stopwords | COMMON

    def split(self, input):
        words = super().split(spell(input))
        return [w for w in words if not (w.isdigit() or w.lower() in self.stopwords)]


def pack(places):
    """Return ascending numbers as a text: the gap before each is a character, none being "#"."""
    return "".join(chr(ord("#") + b - a) for a, b in pairwise([0, *places]))


class SectionIndex(sphinx.search.IndexBuilder):
    """Sphinx's index, where a page with sections is a document for each, named ``page#section``.

    The page's first section keeps the page's name. What the search page can work out is left to it:
    titles say no page, and the numbers of the sections that hold a word are packed.
    """

    def feed(self, docname, filename, title, doctree):
        sections = filter(is_section, doctree.findall(nodes.section))
        for number, section in enumerate(sections):
            heading = section[0].astext()
            part = new_document("")
            part += [nodes.title("", heading), *entries(section)]
            part += nodes.paragraph("", " ".join(prose(section)))
            name = f"{docname}#{section['ids'][0]}" if number else docname
            super().feed(name, filename, escape(heading) if number else title, part)

    def load(self, stream, format):
        raise ValueError("each build makes its index anew")  # Sphinx takes it for an old format

    def prune(self, docnames):
        kept = set(docnames)
        super().prune([name for name in self._titles if name.partition("#")[0] in kept])

    def get_terms(self, fn2index):
        found = super().get_terms(fn2index)
        return tuple(
            {term: pack([at] if isinstance(at, int) else at) for term, at in terms.items()}
            for terms in found
        )

    def freeze(self):
        return super().freeze() | {"alltitles": {}, "filenames": []}

    def context_for_searchtool(self):
        script = Path(__file__).with_suffix(".js").read_text("utf-8")
        greek = f"const GREEK = {json.dumps(GREEK, ensure_ascii=False)};"
        return super().context_for_searchtool() | {"search_scorer_tool": f"{{\n{greek}\n{script}}}"}


def setup(app):
    app.add_search_language(Words)
    sphinx.search.IndexBuilder = SectionIndex  # Sphinx has no option for another index
    return {"parallel_read_safe": True, "parallel_write_safe": True}
