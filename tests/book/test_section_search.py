"""The search's index, from a small build: its documents are sections, its words are prose."""

import json
import os
import subprocess
import sys

import pytest
from section_search import pack, spell
from test_strict_build import ROOT

PAGE = r"""# One & all

The landing of the page, see `train_step`.

## A hole

The KL of {math}`\beta \cdot \mathrm{KL}(q)` at 42 is quickly told, and σ too.

```python
xticklabels = numerical
```

```{math}
\frac{\varphi}{\hat x_1} \operatorname{var}(x)
```

### A part: its name

Deepest.

```{index} single: pothole
```

## Another

```{py:function} plot(xlabel)
It draws.
```
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    root = tmp_path_factory.mktemp("search")
    (root / "index.md").write_text(PAGE)
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-C"]
        + ["-Dextensions=myst_parser,section_search", root, root / "html"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "book/_ext")},
        check=True,
    )
    text = (root / "html/searchindex.js").read_text("utf-8")
    return json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))


def places(index, kind, word):
    at, found = 0, []
    for gap in index[kind].get(word, ""):
        at += ord(gap) - 35
        found.append(index["docnames"][at])
    return found


def test_each_section_is_a_document_with_its_own_title(index):
    assert dict(zip(index["docnames"], index["titles"], strict=True)) == {
        "index": "One &amp; all",
        "index#a-hole": "A hole",
        "index#a-part-its-name": "A part: its name",
        "index#another": "Another",
    }


@pytest.mark.parametrize(
    ("word", "section"),
    [
        ("land", "index"),
        ("train_step", "index"),
        ("kl", "index#a-hole"),
        ("beta", "index#a-hole"),
        ("sigma", "index#a-hole"),
        ("phi", "index#a-hole"),
        ("var", "index#a-hole"),
        ("deepest", "index#a-part-its-name"),
        ("draw", "index#another"),
    ],
)
def test_a_word_is_found_in_its_section_alone(index, word, section):
    assert places(index, "terms", word) == [section]


def test_a_heading_is_found_in_its_section_alone(index):
    assert places(index, "titleterms", "hole") == ["index#a-hole"]


def test_neither_code_nor_tex_nor_what_nobody_can_ask_for_is_a_word(index):
    silent = {"xticklabel", "numer", "xlabel", "frac", "cdot", "hat", "x_1", "varphi", "42", "the"}
    assert not silent & set(map(str.lower, index["terms"]))


def test_a_python_object_is_found_once(index):
    assert list(index["indexentries"]) == ["pothole"]
    assert [entry[-1] for entry in index["objects"][""]] == ["plot"]


def test_numbers_are_packed_by_their_gaps():
    assert pack([0, 1, 5, 300]) == "#$'" + chr(35 + 295)


def test_greek_letters_have_the_names_that_tex_gives_them():
    assert spell("β-VAE, Σ and ς").split() == ["beta", "-VAE,", "sigma", "and", "sigma"]
