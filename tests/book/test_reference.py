"""The reference shows the whole library, and formula and code lead to each other.

The build at the end reads the real chapters, without running them, and looks at the links in the
pages that come out.
"""

import inspect
import os
import pkgutil
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
from library_reference import contents, derivations, public_modules
from public import public_things

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "book" / "reference"
PAGES = sorted(page.stem for page in REFERENCE.glob("*.md") if page.stem != "index")
CHAPTERS = sorted((ROOT / "book").glob("[0-9]*.md")) + [ROOT / "book" / "gradient_checking.md"]
LABEL = re.compile(r"^(?:\$\$ )?\(([\w-]+)\)=?$", re.M)  # of an equation, or of what comes next
CITED = re.compile(r"\b(?:19|20)\d\d(?:\)|, )")  # (Kingma & Ba 2015, ...) and Chen et al. (2018)


# The pages -----------------------------------------------------------------------------------


def test_every_module_has_a_page_and_every_page_a_module():
    assert sorted(public_modules()) == PAGES, "book/reference/ has a page for each public module"


def test_every_page_is_in_the_contents_of_the_book():
    table = (ROOT / "_toc.yml").read_text("utf-8")
    assert [page for page in PAGES if f"- file: book/reference/{page}\n" not in table] == []


def test_the_library_lists_every_module():
    assert sorted(contents()) == sorted(public_modules()), "see the docstring of vae_numpy"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_its_module(page):
    text = (REFERENCE / f"{page}.md").read_text("utf-8")
    assert text.startswith(f"# {page}\n")
    assert f"\n:::{{library}} {page}\n" in text


# The table of derivations --------------------------------------------------------------------


def labels():
    return [label for page in CHAPTERS for label in LABEL.findall(page.read_text("utf-8"))]


def test_every_label_of_the_table_is_in_a_chapter():
    wanted = {label for found in derivations().values() for label in found}
    assert sorted(wanted - set(labels())) == []


def test_every_name_of_the_table_is_public():
    public = {(each.home, each.name) for each in public_things()}
    assert [name for name in derivations() if _defined_as(name) not in public] == []


def _defined_as(name):
    """Return the module that defines a thing, and its name there."""
    home, _, rest = name.partition(".")
    thing = pkgutil.resolve_name(f"vae_numpy.{home}:{rest}")  # mig the function, not the module
    return thing.__module__.removeprefix("vae_numpy."), thing.__qualname__


def test_whatever_cites_a_paper_is_in_the_table():
    table = {_defined_as(name) for name in derivations()}
    citing = [each for each in public_things() if CITED.search(inspect.getdoc(each.thing) or "")]
    assert [each[:2] for each in citing if each[:2] not in table] == []


# Both ways, in the pages that are built -----------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the book without running its chapters; return its pages and what Sphinx said."""
    root = tmp_path_factory.mktemp("reference")
    for folder in ("book", "vae_numpy"):  # the pages, and the code that they include
        shutil.copytree(ROOT / folder, root / folder)
    shutil.copy(ROOT / "_toc.yml", root)
    config = (ROOT / "_config.yml").read_text("utf-8")
    config, changed = re.subn(r"(?m)^(  execute_notebooks:).*$", r'\1 "off"', config)
    assert changed == 1
    (root / "_config.yml").write_text(config, "utf-8")
    command = [Path(sysconfig.get_path("scripts"), "jupyter-book"), "build", ".", "-n"]
    done = subprocess.run(
        [*command, "--keep-going"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return root / "_build/html/book", done.stdout


@pytest.mark.slow
def test_the_reference_is_built_without_a_warning(site):
    faults = [line for line in site[1].splitlines() if re.search("WARNING|ERROR", line)]
    of_reference = "docstring of|book/reference/|derivations.yml|library_reference"
    assert [line for line in faults if re.search(of_reference, line)] == []


@pytest.mark.slow
@pytest.mark.parametrize("page, protocol", [("layers", "Layer"), ("metrics", "KnownFactors")])
def test_a_protocol_is_shown_without_the_constructor_that_it_has_not(site, page, protocol):
    text = (site[0] / f"reference/{page}.html").read_text("utf-8")
    entry = re.search(rf'<dt [^>]*id="vae_numpy\.[\w.]*\b{protocol}".*?</dt>', text, re.S)[0]
    assert "sig-paren" not in entry


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, found in derivations().items() if found])
def test_formula_and_code_lead_to_each_other(site, name):
    home = name.partition(".")[0]
    page = (site[0] / f"reference/{home}.html").read_text("utf-8")
    _, found, entry = page.partition(f'id="vae_numpy.{name}"')
    assert found
    line = re.search(r'<p class="derived-in">(.*?)</p>', entry, re.S)[1]
    for label in derivations()[name]:
        chapter, anchor = re.search(
            rf'href="\.\./(\w+\.html)#((?:equation-)?{label})"', line
        ).groups()
        text = (site[0] / chapter).read_text("utf-8")
        assert f'id="{anchor}"' in text
        back = re.findall(r'<p class="in-the-library">(.*?)</p>', text, re.S)
        assert any(f'href="reference/{home}.html#vae_numpy.{name}"' in line for line in back)
    assert "()" not in line  # an equation without a number
