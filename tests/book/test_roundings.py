"""Every chapter's assertions hold under other roundings than those of the machine that wrote them.

One chapter, ten to fifty seconds a condition:
``python -m pytest -m nightly tests/book/test_roundings.py -k 03_``.
"""

import os
import platform
from pathlib import Path

import jupytext
import nbclient
import nbformat
import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "book").glob("[0-9][0-9]_*.md"))

# Adds to or takes from every first weight 1e-7 of itself: one or two float32 up or down.
MOVED = """
import numpy as np
from vae_numpy.layers import Affine

_first_weights = Affine.__init__

def _moved(layer, *arguments, **named):
    _first_weights(layer, *arguments, **named)
    W = layer.W.value
    W *= 1 + 1e-7 * np.random.default_rng(W.size).choice([-1.0, 1.0], W.shape)

Affine.__init__ = _moved
"""

# Of OpenBLAS's kernels those of three generations, whose products sum in different orders.
CONDITIONS = {
    **{f"OpenBLAS {name}": (name, "") for name in ("Haswell", "Nehalem", "Prescott")},
    "weights moved": (None, MOVED),
}
HAS_THEM = platform.machine() in ("x86_64", "AMD64")


def execute(page, core=None, before=""):
    """Run a page from its folder to the end, whatever fails on the way, and return its notebook.

    Parameters
    ----------
    page : Path
    core : str or None
        OpenBLAS's name of the processor whose kernels it shall use.
    before : str
        Code that runs before the page's.
    """
    notebook = jupytext.read(page)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(before))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    if core is not None:
        environment["OPENBLAS_CORETYPE"] = core
    client = nbclient.NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(page.parent)}},
    )
    return client.execute(env=environment)


def complaints(notebook):
    """List what failed in each cell, and what it warned of, which fails the book's build too."""
    return [
        f"{cell.source}\n-> {output.get('evalue') or output.get('text')}"
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


@pytest.mark.nightly
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("page", CHAPTERS, ids=[page.stem for page in CHAPTERS])
def test_a_chapter_holds(page, condition):
    core, before = CONDITIONS[condition]
    if core is not None and not HAS_THEM:
        pytest.skip("OpenBLAS has these kernels on x86-64 only")
    assert not complaints(execute(page, core, before))


PAGE = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
---

```{code-cell} ipython3
import numpy as np
from threadpoolctl import threadpool_info
from vae_numpy.layers import Dense

W, rng = Dense(30, 40, rng=np.random.default_rng(0)).W.value, np.random.default_rng(0)
moved = np.abs(W / rng.uniform(-np.sqrt(6 / 70), np.sqrt(6 / 70), W.shape) - 1)
assert 0.2e-7 < moved.min() and moved.max() < 2e-7, "not all of them moved by 1e-7"
blas = [pool for pool in threadpool_info() if pool["internal_api"] == "openblas"]
assert all(pool["architecture"] == "Nehalem" for pool in blas), blas
```

```{code-cell} ipython3
assert moved.max() < 1e-8, "they moved"
```

```{code-cell} ipython3
np.log(-1.0)
```
"""


@pytest.mark.skipif(not HAS_THEM, reason="OpenBLAS has the kernels on x86-64 only")
def test_the_conditions_are_as_they_say_and_no_complaint_is_missed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE, "utf-8")
    second, third = complaints(execute(page, "Nehalem", MOVED))
    assert second.endswith("-> they moved") and "invalid value encountered in log" in third
