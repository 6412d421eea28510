"""The lasso, the score and the rotations of chapter 10's live figure, against scikit-learn."""

import json

import numpy as np
import pytest
from sklearn.linear_model import Lasso
from test_engine import HERE, NODE, run_node

from vae_numpy.exercises.ch10.solution import neuron_score

pytestmark = pytest.mark.skipif(NODE is None, reason="no node (on Debian: apt-get install nodejs)")


def case(rng, alpha, K=4, M=30):
    """Latents that are correlated, neurons of which some follow none; lassos to the last digit."""
    z = rng.normal(size=(60, K)) @ (np.eye(K) + 0.4 * rng.normal(size=(K, K)))
    r = z @ rng.normal(size=(K, M)) * rng.uniform(size=M) ** 3 + rng.normal(size=(60, M))
    z, r = ((a - a.mean(axis=0)) / a.std(axis=0) for a in (z, r))
    exact = Lasso(alpha, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(z, r)
    found = [
        {
            "c": z.T @ neuron / 60,
            "weights": np.abs(w),
            "score": neuron_score(w) if w.any() else None,
        }
        for neuron, w in zip(r.T, exact.coef_, strict=True)
    ]
    return {"alpha": alpha, "A": z.T @ z / 60, "neurons": found}


def test_the_lasso_and_the_score_equal_pythons(tmp_path):
    rng = np.random.default_rng(0)
    cases = [case(rng, alpha) for alpha in (0.01, 0.1, 0.4)]
    scores = [each["score"] for each in cases[2]["neurons"]]
    assert None in scores and any(score is not None for score in scores), "both kinds are asked"
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(cases, default=np.ndarray.tolist))
    run_node("--test", HERE / "alignment.test.mjs", LIVE_CASES=str(path))
    cases[1]["neurons"][0]["weights"] += 1e-6  # and the comparison can fail
    path.write_text(json.dumps(cases, default=np.ndarray.tolist))
    with pytest.raises(AssertionError, match="penalty of 0.1"):
        run_node("--test", HERE / "alignment.test.mjs", LIVE_CASES=str(path))
