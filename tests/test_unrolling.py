"""The order along a curve and the curriculum, on curves whose order is known."""

import os
import signal

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.preprocessing import StandardScaler

from vae_numpy import data
from vae_numpy.data.geodesic import geodesic_order
from vae_numpy.metrics import explained_variance
from vae_numpy.models import Autoencoder, LinearAutoencoder
from vae_numpy.schedules import fit_growing
from vae_numpy.training import Run


def steps_along(order, t):
    """How the true position changes from each point to the next one of the order."""
    return np.diff(t[order])


@pytest.mark.parametrize("seed", range(10))
def test_order_of_a_spiral_is_the_order_along_it_from_the_inner_end(seed):
    X, t = data.make_spiral(1500, turns=3, random_state=seed)
    assert np.all(steps_along(geodesic_order(X), t) > 0)


def test_order_with_too_few_points_takes_short_cuts():
    X, t = data.make_spiral(300, turns=3, random_state=0)
    assert np.any(steps_along(geodesic_order(X), t) < 0)


@pytest.mark.parametrize("seed", range(10))
def test_order_of_a_helix_is_the_order_along_it_from_one_end(seed):
    X, t = data.make_helix(1500, random_state=seed)
    steps = steps_along(geodesic_order(X), t)
    assert np.all(steps > 0) or np.all(steps < 0)


def test_order_does_not_depend_on_the_order_of_the_rows():
    X, _ = data.make_spiral(1500, turns=3, random_state=0)
    shuffle = np.random.default_rng(0).permutation(len(X))
    assert np.array_equal(shuffle[geodesic_order(X[shuffle])], geodesic_order(X))


def test_order_crosses_a_gap_that_splits_the_graph_of_neighbours():
    x = np.concatenate([np.linspace(0, 1, 50), np.linspace(3, 4.5, 60)])
    shuffle = np.random.default_rng(0).permutation(len(x))
    walk = x[shuffle][geodesic_order(x[shuffle, None], n_neighbors=3)]
    assert np.array_equal(walk, x) or np.array_equal(walk, x[::-1])


def test_order_on_a_straight_line_matches_sorting():
    x = np.random.default_rng(1).uniform(size=200)
    walk = x[geodesic_order(x[:, None])]
    assert np.array_equal(walk, np.sort(x)) or np.array_equal(walk, np.sort(x)[::-1])


def test_order_of_repeated_points_is_still_an_order():
    X = np.repeat([[0.0], [1.0], [2.0]], 4, axis=0)
    walk = X[geodesic_order(X, n_neighbors=2), 0]
    assert np.array_equal(walk, np.sort(X[:, 0])) or np.array_equal(walk, -np.sort(-X[:, 0]))


@pytest.mark.parametrize("n_neighbors", [0, 10, 2.5])
def test_order_refuses_a_number_of_neighbours_it_cannot_have(n_neighbors):
    with pytest.raises((ValueError, TypeError), match="n_neighbors"):
        geodesic_order(np.arange(20.0).reshape(10, 2), n_neighbors)


def test_order_refuses_what_is_not_a_finite_matrix():
    with pytest.raises(ValueError, match="X"):
        geodesic_order(np.full((10, 2), np.nan))
    with pytest.raises(ValueError, match="X"):
        geodesic_order(np.arange(10.0))


# The curriculum -----------------------------------------------------------------------------


class Recorder(LinearAutoencoder):
    """Remembers which rows it is shown instead of learning."""

    def partial_fit(self, X):
        self._run = Run(None, None)
        self.shown = [*getattr(self, "shown", []), X[:, 0]]

    def fit(self, X, y=None):
        self.last = X[:, 0]
        return self


def test_curriculum_grows_from_the_first_rows_of_the_order_to_all():
    X = np.arange(100.0)[:, None]
    order = np.random.default_rng(0).permutation(100)
    place = np.argsort(order)  # place[row] is where the row stands in the order
    model = Recorder(1, warm_start=True)
    assert fit_growing(model, X, order, n_growing=4, start=0.1, random_state=0) is model
    farthest = [place[rows.astype(int)].max() for rows in model.shown]
    assert [len(rows) for rows in model.shown] == [100] * 4
    assert np.all(np.array(farthest) < [10, 40, 70, 100])
    assert farthest == sorted(farthest) and farthest[-1] > 70
    assert np.array_equal(model.last, X[:, 0])


def test_curriculum_with_one_seed_gives_the_same_bits():
    X, _ = data.make_spiral(100, random_state=0)
    fits = [
        fit_growing(
            Autoencoder(1, (8,), max_iter=2, warm_start=True, random_state=0),
            X,
            geodesic_order(X),
            n_growing=3,
            random_state=1,
        ).transform(X)
        for _ in range(2)
    ]
    assert np.array_equal(*fits)


@pytest.mark.filterwarnings("ignore:stopped by Ctrl-C")
def test_ctrl_c_ends_the_growing_and_keeps_what_was_learnt():
    def press(model):
        if model.n_iter_ == 2:
            os.kill(os.getpid(), signal.SIGINT)

    X = np.random.default_rng(0).normal(size=(50, 2))
    model = Autoencoder(1, (8,), max_iter=3, warm_start=True, random_state=0, callbacks=[press])
    assert fit_growing(model, X, np.arange(50), n_growing=20, random_state=0) is model
    assert model.n_iter_ == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"n_growing": 0}, "n_growing"),
        ({"start": 0.0}, "start"),
        ({"start": 1.5}, "start"),
        ({"order": np.zeros(50, int)}, "order"),
        ({"order": np.arange(49)}, "order"),
        ({"model": LinearAutoencoder(1)}, "warm_start"),
    ],
)
def test_curriculum_refuses_bad_arguments(arguments, named):
    good = {"model": LinearAutoencoder(1, warm_start=True), "order": np.arange(50), "n_growing": 2}
    with pytest.raises(ValueError, match=named):
        fit_growing(X=np.random.default_rng(0).normal(size=(50, 2)), **{**good, **arguments})


def test_curriculum_unrolls_a_spiral_of_one_and_a_half_turns():
    """A short run; the ten-seed runs of three turns are in experiments/unrolling.py."""
    X, t = data.make_spiral(1000, random_state=0)
    X = StandardScaler().fit_transform(X).astype(np.float32)
    model = Autoencoder(
        1, learning_rate_init=3e-3, learning_rate="cosine", max_iter=100, weight_decay=1e-5,
        warm_start=True, random_state=0,
    )  # fmt: skip
    fit_growing(model, X, geodesic_order(X), n_growing=300, random_state=0)
    assert explained_variance(X, model.reconstruct(X)) >= 0.98
    assert abs(spearmanr(model.transform(X)[:, 0], t)[0]) >= 0.98
