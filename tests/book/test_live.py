"""The directive ``live``, in a small strict build; and what may be read off the figures' files."""

import base64
import json
import re

import numpy as np
import pytest
from live import LARGEST, LIVE, modules, weight
from matplotlib.figure import Figure
from test_strict_build import HEADER, ROOT, build, make_book

from vae_numpy import live
from vae_numpy.live import pack

FIGURES = sorted(path.stem for path in (LIVE / "figures").glob("*.js"))
PAGES = [page.read_text("utf-8") for page in sorted((ROOT / "book").glob("*.md"))]
PUBLISHED = """
```{code-cell}
:tags: [remove-cell]

from IPython.display import Image, display
from base64 import b64decode
dot = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwAB"
                "AQEAG7buVgAAAABJRU5ErkJggg==")
display(Image(dot), metadata={"scrapbook": {"name": "my-picture", "mime_prefix": ""}})
display({"application/json": {"b": [1, 2], "a": 0.1}}, raw=True,
        metadata={"scrapbook": {"name": "my-data", "mime_prefix": ""}})
```
"""
LIVE_FIGURE = """
:::{live} tear_it
:name: my-figure
:task: **Try it.** Find $x$.
:picture: my-picture
:data: my-data
:alt: A dot, "black".
What there is to see.
:::
"""
SOUND = HEADER + "# A chapter\n\nSee {numref}`my-figure`.\n" + PUBLISHED + LIVE_FIGURE
BROKEN = (
    HEADER
    + "# A chapter\n"
    + LIVE_FIGURE
    + LIVE_FIGURE.replace("my-figure", "second").replace(":task:", ":data:", 1)
    + LIVE_FIGURE.replace("my-figure", "third").replace("tear_it", "no_such")
)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return build(make_book(tmp_path_factory.mktemp("live"), SOUND))


@pytest.mark.slow
def test_a_live_figure_is_a_figure_with_a_picture_a_task_and_a_stage(sound):
    assert sound.code == 0, sound.end
    assert sound.faults == []
    [figure] = re.findall(r'<figure class="live.*?</figure>', sound.page, re.S)
    assert 'id="my-figure"' in figure and 'href="#my-figure"' in sound.page
    assert re.search(r'<span class="std std-numref">Figure 1</span>', sound.page)
    assert 'alt="A dot, &quot;black&quot;."' in figure
    assert "<strong>Try it.</strong>" in figure
    assert "not from a file on the disk" in figure
    assert re.search(r'<div class="live-stage" id="live-my-figure"[^>]* hidden></div>', figure)


@pytest.mark.slow
def test_the_data_are_written_beside_the_figure(sound):
    data = sound.root / "_build/html/_static/live/data/my-figure.json"
    assert data.read_text("utf-8") == '{"a":0.1,"b":[1,2]}'
    assert 'data-source="my-figure"' in sound.page


@pytest.mark.slow
def test_two_figures_share_one_file(tmp_path):
    both = LIVE_FIGURE.replace("my-data", "weights.json my-data")
    other = LIVE_FIGURE.replace("my-figure", "other").replace("my-data", "weights.json")
    book = make_book(tmp_path, HEADER + "# A chapter\n" + PUBLISHED + both + other)
    (book / "book/weights.json").write_text('{"W": 1}')
    page = build(book).page
    files = {p.name: p.read_text("utf-8") for p in book.glob("_build/html/_static/live/data/*")}
    assert files == {"weights-json.json": '{"W":1}', "my-figure.json": '{"a":0.1,"b":[1,2]}'}
    assert re.findall(r'data-source="([^"]*)"', page) == ["weights-json my-figure", "weights-json"]


@pytest.mark.slow
def test_only_pages_with_live_figures_load_anything(sound):
    assert "live/loader.js" in sound.page and "live/live.css" in sound.page
    assert "live/" not in (sound.root / "_build/html/book/index.html").read_text("utf-8")
    assert "<script>" not in re.findall(r'<figure class="live.*?</figure>', sound.page, re.S)[0]


@pytest.mark.slow
def test_a_notebook_has_a_sentence_instead(sound):
    for part in ("a figure here answers to the hand", "**Try it.**", "What there is to see."):
        assert part in sound.notebook
    assert ":::{live}" not in sound.notebook


@pytest.mark.slow
def test_what_is_missing_is_named(tmp_path):
    end = build(make_book(tmp_path, BROKEN)).end
    assert "no cell of this page publishes the picture 'my-picture'" in end
    assert "no cell of this page publishes the data 'my-data'" in end
    assert "the live figure tear_it needs :task:" in end
    assert "there is no _static/live/figures/no_such.js" in end


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_light_and_on_a_page(name):
    assert weight(name) < LARGEST / 2, "the other half is for its data"
    assert any(f"\n:::{{live}} {name}\n" in page for page in PAGES), f"no page shows {name}"


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_breaks_no_rule_of_the_recipe(name):
    text = (LIVE / "figures" / f"{name}.js").read_text("utf-8")
    assert re.findall(r"^export function mount\(element\b", text, re.M), "it exports mount"
    assert "fig.ready(" in text, "it has a reset, and a handle for tests"
    for word in ("innerHTML", "Math.random", "http:", "https:", "eval("):
        assert word not in text
    assert re.findall(r"#[0-9a-f]{3,8}\b|\brgba?\(", text) == [], "colours come from the theme"


def test_modules_are_followed_to_the_end():
    names = {path.name for path in modules("tear_it")}
    assert {"tear_it.js", "kit.js", "layers.js", "matrix.js", "d3-array.js"} <= names


def test_published_things_carry_their_names(monkeypatch):
    shown = []
    monkeypatch.setattr(live, "display", lambda thing, **how: shown.append((thing, how)))
    picture = Figure()
    live.publish("numbers", {"a": 1})
    live.publish("picture", picture)
    marks = [{"scrapbook": {"name": n, "mime_prefix": ""}} for n in ("numbers", "picture")]
    assert shown == [
        ({"application/json": {"a": 1}}, {"raw": True, "metadata": marks[0]}),
        (picture, {"metadata": marks[1]}),
    ]


@pytest.mark.parametrize(
    ("kind", "dtype", "error"),
    [("int8", "i1", 1 / 254), ("int16", "<i2", 1 / 65534), ("float32", "<f4", 1e-7)],
)
def test_packed_numbers_come_back(kind, dtype, error):
    array = np.random.default_rng(0).normal(size=(3, 4))
    packed = json.loads(json.dumps(pack(array, kind)))
    numbers = np.frombuffer(base64.b64decode(packed[kind]), dtype)
    back = numbers.reshape(packed["shape"]) * packed["scale"]
    assert np.abs(back - array).max() <= 1.001 * error * np.abs(array).max()


def test_zeros_can_be_packed():
    assert pack([0.0, 0.0]) == {"shape": [2], "scale": 1.0, "int8": "AAA="}
