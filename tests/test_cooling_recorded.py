"""The recorded trainings of chapter 8's figure: all of them there, and the settings the sweep's."""

import base64
import json
from pathlib import Path

import numpy as np

from experiments import beta_sweep, cooling

RESULTS = Path(__file__).parent.parent / "experiments" / "results"


def test_shipped_cooling_holds_eight_seeds_plain_and_cooled():
    result = json.loads((RESULTS / "cooling.json").read_text("utf-8"))
    models = result["models"]
    expected = [(seed, hottest) for seed in range(200, 208) for hottest in (4, 32)]
    assert [(m["seed"], m["hottest"]) for m in models] == expected
    for m in models:
        assert all(m[name] == beta_sweep.TRAINING[name] for name in ("share", "n_rounds", "rows"))
        assert len(m["price"]) == 45 and m["price"][-1] == 4
        assert m["price"] == sorted(m["price"], reverse=True)
        assert m["places"]["shape"] == [45, 49, 2] and np.shape(m["carried"]) == (45, 10)
        assert m["carried"][-1] == sorted(m["carried"][-1], reverse=True)
        whole = np.frombuffer(base64.b64decode(m["places"]["int8"]), np.int8)
        assert len(whole) == 45 * 49 * 2


def test_the_ellipse_moves_right_within_a_row_and_down_from_row_to_row():
    pictures = cooling.ellipses().reshape(7, 7, 32, 32)
    white = pictures.sum(axis=(2, 3))
    # White or black only, so a middle is known to half a pixel.
    across = (pictures.sum(axis=2) @ np.arange(32)) / white
    down = (pictures.sum(axis=3) @ np.arange(32)) / white
    assert np.all(np.diff(across, axis=1) > 1) and np.abs(np.diff(across, axis=0)).max() < 0.5
    assert np.all(np.diff(down, axis=0) > 1) and np.abs(np.diff(down, axis=1)).max() < 0.5
