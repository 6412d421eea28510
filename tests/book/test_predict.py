"""The directives ``predict`` and ``seen``: in all sources of the book, and in a strict build."""

import re

import nbformat
import pytest
from test_strict_build import HEADER, PAGE, ROOT, build, make_book

from book.make_pdf import article

PAGES = sorted((ROOT / "book").glob("*.md"))
BLOCK = re.compile(r"^(:{3,})\{(predict|seen)\}[^\n]*\n(.*?)^\1$", re.M | re.S)
CODE = re.compile(r"^```.*?^```$", re.M | re.S)
THREE = """
:::{predict} Which way?
How many pixels has the dot, $n$, and {eq}`eq-one`?

- ( ) none
- (x) $n = 1$, a dot
- ( ) two
:::

One. {numref}`page-dot` shows it.

```{code-cell}
---
mystnb:
  figure: {caption: "One pixel.", name: page-dot}
  image: {alt: "A pixel."}
---
from base64 import b64decode
from IPython.display import Image
Image(b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="))
```

```{code-cell}
print("this is", "printed")
```

Most of it.

:::{seen}
:::

After it.

:::{predict}
:answer: 36
:within: 5
:unit: per cent
How much?
:::

A third.

:::{seen}
:::

:::{predict}
In words?
:::

Because.

:::{seen}
:::
"""
SOUND = HEADER + "# A chapter\n\nSee {numref}`page-dot`.\n\n$$ x = 1 $$ (eq-one)\n" + THREE
BROKEN = (
    HEADER
    + """# A chapter

```{code-cell}
x = 1
```

:::{predict}
Never closed?
:::

:::{predict}
- ( ) Alone.
:::

:::{predict}
:answer: 3
How near?
:::

## A section

:::{seen}
:::

:::{predict}
- (x) One.
- Two.
:::
"""
)


def blocks(text):
    """Return a page's questions and ends in order: pairs of a name and a content."""
    return [(block[2], block[3]) for block in BLOCK.finditer(text)]


def choices(question):
    return re.findall(r"^- \((.)\) (.+)$", question, re.M)


def without_answers(text):
    """Return what a reader sees of a page before she has asked for any answer."""
    return re.sub(r"^(:{3,})\{predict\}.*?^\1$(.*?)^:::\{seen\}\n:::$", "", text, flags=re.M | re.S)


each = pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])


def test_the_book_has_predictions():
    counts = [sum(name == "predict" for name, _ in blocks(p.read_text("utf-8"))) for p in PAGES]
    assert sum(counts) > 70


@each
def test_each_question_has_its_end_and_something_between(page):
    text = page.read_text("utf-8")
    names = [name for name, _ in blocks(text)]
    assert names == ["predict", "seen"] * (len(names) // 2)
    assert text.count("{predict}") == text.count("{seen}") == len(names) // 2, "one is nested"
    for answer in re.findall(r"^:::\{predict\}.*?^:::$(.*?)^:::\{seen\}$", text, re.M | re.S):
        assert answer.strip()
        assert not re.search(r"^#+ ", CODE.sub("", answer), re.M), "an answer ends in its section"


@each
def test_choices_are_real(page):
    for name, question in blocks(page.read_text("utf-8")):
        marks = [mark for mark, _ in choices(question)]
        if name == "predict" and marks:
            assert len(marks) >= 2 and marks.count("x") <= 1
            assert len({words for _, words in choices(question)}) == len(marks)
            for _, words in choices(question):
                assert not words.endswith("."), "You said: ..., puts one there"
                assert re.sub(r"\$[^$]*\$", "", words).strip(), "a formula alone names no button"


@each
def test_no_answer_stands_open(page):
    """In the old form an answer was a box of its own, and its outputs stood open below."""
    shown = without_answers(page.read_text("utf-8"))
    assert not re.search(r"Predict, then run|^:+\{admonition\} Answer", shown, re.M)


# The build ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return build(make_book(tmp_path_factory.mktemp("predict"), SOUND))


@pytest.fixture(scope="module")
def answers(sound):
    """The answers of the built page, each closed."""
    found = re.findall(r'<details class="predict-answer">(.*?)</details>', sound.page, re.S)
    assert len(found) == 3
    return found


@pytest.mark.slow
def test_what_holds_an_answer_is_closed_and_nothing_else(sound, answers):
    assert sound.code == 0, sound.end
    assert sound.faults == []
    for text in ("shows it.", "<figcaption>", "this is printed", "Most of it."):
        assert text in answers[0] and sound.page.count(text) == 1
    assert "A third." in answers[1] and "Because." in answers[2]
    assert not any("After it." in answer for answer in answers)


@pytest.mark.slow
def test_a_page_without_scripts_has_all_it_needs(sound, answers):
    for number, answer in enumerate(answers, start=1):
        assert f'Show me<span class="visually-hidden"> the answer to prediction {number}<' in answer
        assert f'id="prediction-{number}" role="group"' in sound.page
    radios = re.findall(r'<input type="radio" name="prediction-1"( data-right)?>', sound.page)
    assert radios == ["", " data-right", ""]
    assert 'aria-label="Your guess, in per cent" data-answer="36" data-within="5"' in sound.page
    assert 'aria-label="Your guess, in a few words"' in sound.page


@pytest.mark.slow
def test_the_figure_inside_is_numbered_and_linked(sound, answers):
    assert 'id="page-dot"' in answers[0]
    assert re.search(r'href="#page-dot"><span class="std std-numref">Figure 1<', sound.page)


@pytest.mark.slow
def test_in_a_notebook_answers_are_folded_and_cells_are_cells(sound):
    cells = nbformat.reads(sound.notebook, as_version=4).cells[1:]
    assert [cell.cell_type for cell in cells] == ["markdown", "code"] * 2 + ["markdown"]
    assert "**Predict: Which way?**" in cells[0].source
    assert "- none\n- $n = 1$, a dot\n- two\n" in cells[0].source
    for text in ("One. Figure 1 shows it.", "*Figure 1.* One pixel.", "Most of it.", "A third."):
        [cell] = [cell.source for cell in cells if text in cell.source]
        before = cell[: cell.index(text)]
        assert before.count("<details>") > before.count("</details>")
    assert "</details>\n\nAfter it.\n" in cells[-1].source


@pytest.mark.slow
def test_on_paper_all_is_open(sound):
    assert article(sound.page, "page", {"page"}).count('<details open class="predict-answer">') == 3


@pytest.mark.slow
def test_what_is_wrong_is_named_with_file_and_line(tmp_path):
    result = build(make_book(tmp_path, BROKEN))
    assert result.code != 0
    starts = [BROKEN[: m.start()].count("\n") + 1 for m in re.finditer("^:::{", BROKEN, re.M)]
    said = (
        "predict without a seen after it in its section",
        "predict needs two choices or more, and (x) before one at most",
        "predict needs choices, or :answer: with :within:, or none of these",
        "seen without a predict before it in its section",
        "each choice of a predict is a line that begins with ( ) or (x)",
    )
    for line, message in zip(starts, said, strict=True):
        assert re.search(rf"{re.escape(PAGE)}:{line}: \w+: {re.escape(message)}", result.end)
