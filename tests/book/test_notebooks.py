"""The notebooks that readers download: no MyST is left in them, and they run alone."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbclient
import nbformat
import pytest
from notebooks import Markdown, notebook
from pybtex.database import parse_file

ROOT = Path(__file__).parents[2]
HEAD = "---\njupytext:"
PAGES = [p for p in sorted((ROOT / "book").glob("*.md")) if p.read_text("utf-8").startswith(HEAD)]
BOOKS = parse_file(ROOT / "book/references.bib")
RAW = re.compile(
    r"\{[\w:-]+\}`|^\s*(?:`{3,}|:{3,})\{|^:{3,}|^:[\w-]+:|\$\$ \(|^\([\w:-]+\)=$", re.M
)
CODE = re.compile(r"^(`{3,})[^`{]*\n.*?^\1 *$|`[^`\n]+`", re.M | re.S)
QUICK = ("02_linear_autoencoder", "gradient_checking")


def export(page, address="", name=None):
    return notebook(Markdown(page, lambda label: f"<{label}>", BOOKS, address), name)


def prose(cells):
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def raw(text):
    """Return what a notebook would show of MyST's own: directives, roles, options, labels."""
    return RAW.findall(CODE.sub("", text))


def converted(text):
    return Markdown(ROOT / "book/page.md", lambda label: f"<{label}>", BOOKS).convert(text)


each = pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])


@each
def test_no_myst_is_left(page):
    if re.match(r"\d\d_", page.name):
        assert raw(prose(jupytext.read(page).cells)), "a chapter has MyST for the test to find"
    assert raw(prose(export(page).cells)) == []


@each
def test_no_cell_is_lost(page):
    cells = [c.source for c in export(page).cells if c.cell_type == "code"]
    assert cells[1:] == [c.source for c in jupytext.read(page).cells if c.cell_type == "code"]
    ast.parse(cells[0])


@each
def test_every_caption_and_answer_is_there(page):
    source, text = page.read_text("utf-8"), prose(export(page).cells)
    folds = len(re.findall(r"^:class: dropdown$", source, re.M))
    assert text.count("<details>") >= folds
    assert text.count("<details>") == text.count("</details>")
    for name in re.findall(r"^    name: (\S+)$", source, re.M):
        assert f"*<{name}>.* " in text


@pytest.mark.parametrize(
    ("myst", "want"),
    [
        ("See {numref}`a-b` and {eq}`c`.", "See <a-b> and <c>."),
        ("{ref}`there <a-b>`, {term}`codes <code>`", "there, codes"),
        ("{cite:t}`kingma2014`", "Kingma and Welling (2014)"),
        ("{cite:p}`kingma2014,alemi2018`", "(Kingma and Welling, 2014; Alemi et al., 2018)"),
        ("$$ x = 1 $$ (one)", "$$\nx = 1\\tag{<one>}\n$$"),
        ("(here)=\n## Here\n% not for readers\nText", "## Here\nText"),
        ("```python\nx = '{eq}`c`'\n```", "```python\nx = '{eq}`c`'\n```"),
        (":::{strange} Its title\nKept.\n:::", None),
        ("[notation](notation.md#a)", "notation"),
    ],
)
def test_conversions(myst, want):
    if want is None:
        assert "**Its title**" in converted(myst)
        assert "Kept." in converted(myst)
    else:
        assert converted(myst) == want


def test_directives_within_directives():
    text = converted("::::{solution} ex-1-1\n:class: dropdown\n\n:::{note}\n{eq}`c`\n:::\n::::")
    assert text.startswith("<details>\n<summary>Solution to <ex-1-1></summary>\n\n<div")
    assert "**Note**\n\n<c>\n\n</div>" in text


def test_an_unclosed_directive_is_an_error():
    with pytest.raises(ValueError, match="never closed"):
        converted(":::{note}\nText")


REPOSITORY = "someone/spiral"


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """A folder with nothing in it; where the book would be fetched from, git finds this one."""
    if subprocess.run(["git", "rev-parse"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("not in a git repository")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{ROOT.as_uri()}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"https://github.com/{REPOSITORY}")
    monkeypatch.setenv("MPLBACKEND", "agg")
    return tmp_path


def run(page, folder):
    """Run a notebook as a reader does who has nothing but it and the library."""
    made, place = export(page, name=REPOSITORY), {"metadata": {"path": str(folder)}}
    nbclient.NotebookClient(made, timeout=600, kernel_name="python3", resources=place).execute()
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_runs_from_an_empty_folder(name, empty_folder):
    made = run(ROOT / f"book/{name}.md", empty_folder)
    assert (empty_folder / "spiral/book").is_dir()
    assert any(cell.get("outputs") for cell in made.cells)


@pytest.fixture(scope="session")
def readers_programs(tmp_path_factory):
    """The programs of a new environment: Python, Jupyter's runner, and nothing of the book."""
    folder = tmp_path_factory.mktemp("reader") / "environment"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([programs / "python", *install, "ipykernel", "nbclient"], check=True)
    return programs


@pytest.mark.nightly
@each
def test_every_one_runs_in_a_fresh_environment(page, readers_programs, empty_folder, monkeypatch):
    """A reader has Jupyter, the notebook and an empty folder; its first cell brings the rest.

    The first to run installs the library into the environment, not editable, and takes a minute
    more. By themselves: ``python -m pytest -m nightly -k fresh_environment --durations=0``
    """
    monkeypatch.delenv("PYTHONPATH", raising=False)
    file = empty_folder / f"{page.stem}.ipynb"
    made = export(page, name=REPOSITORY)
    where = "import vae_numpy; print(vae_numpy.__file__)"
    made.cells.append(nbformat.v4.new_code_cell(where))
    nbformat.write(made, file)
    execute = [readers_programs / "jupyter-execute", "--inplace", "--timeout=600", file.name]
    done = subprocess.run(execute, cwd=empty_folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = nbformat.read(file, as_version=4).cells[-1].outputs[0].text
    assert Path(said.strip()).is_relative_to(readers_programs.parent)
