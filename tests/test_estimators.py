"""The linear autoencoder as a scikit-learn estimator: its checks, its tools, and bad input."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from vae_numpy.models import LinearAutoencoder
from vae_numpy.training import TrainingDiverged

X = np.random.default_rng(0).normal(size=(60, 4)) * [3, 2, 1, 0.5]


def make(**arguments):
    return LinearAutoencoder(**{"max_iter": 20, "random_state": 0, **arguments})


@parametrize_with_checks([make(max_iter=100), make(solver="svd")])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


# Together with scikit-learn's tools ---------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "svd"])
def test_in_a_pipeline(solver):
    y = X[:, 0] > 0
    model = make_pipeline(StandardScaler(), make(n_components=3, solver=solver))
    assert model.fit_transform(X, y).shape == (60, 3)
    np.testing.assert_allclose(
        model.inverse_transform(model.transform(X)),
        model[0].inverse_transform(model[1].reconstruct(model[0].transform(X))),
    )
    classifier = make_pipeline(make(n_components=4, solver=solver), LogisticRegression())
    assert classifier.fit(X, y).score(X, y) > 0.9


def test_a_grid_search_picks_the_components_by_score():
    search = GridSearchCV(make(solver="svd"), {"n_components": [1, 2, 3, 4]}, cv=3).fit(X)
    assert search.best_params_ == {"n_components": 4}  # all of them lose nothing
    means = search.cv_results_["mean_test_score"]
    assert np.all(np.diff(means) > 0) and means[-1] == pytest.approx(0, abs=1e-9)
    trained = GridSearchCV(make(max_iter=300), {"n_components": [1, 2]}, cv=3).fit(X)
    np.testing.assert_allclose(trained.cv_results_["mean_test_score"], means[:2], rtol=1e-3)


def test_score_is_minus_the_squared_error_on_any_data():
    model, other = make().fit(X), X[:7] + 1
    residual = other - model.reconstruct(other)
    assert model.score(other) == pytest.approx(-np.sum(residual**2) / 7, rel=1e-12)


def test_clone_takes_the_arguments_and_nothing_learnt():
    model = make(n_components=3, weight_decay=0.1, callbacks=[print]).set_params(callbacks=None)
    twin = clone(model.fit(X))
    assert twin.get_params() == model.get_params()
    assert vars(twin).keys() == vars(make()).keys()
    with pytest.raises(NotFittedError):
        twin.transform(X)


def test_feature_names():
    model = make(n_components=3).fit(X)
    names = ["linearautoencoder0", "linearautoencoder1", "linearautoencoder2"]
    assert list(model.get_feature_names_out()) == names


@pytest.mark.parametrize("solver", ["adam", "svd"])
def test_pandas_in_and_out(solver, recwarn):
    frame = pd.DataFrame(X, columns=list("abcd"), index=range(100, 160))
    model = make(solver=solver).set_output(transform="pandas").fit(frame)
    codes = model.transform(frame)
    assert list(codes.columns) == ["linearautoencoder0", "linearautoencoder1"]
    assert list(codes.index) == list(frame.index)
    np.testing.assert_array_equal(codes.to_numpy(), make(solver=solver).fit(X).transform(X))
    assert list(model.feature_names_in_) == list("abcd")
    assert [str(w.message) for w in recwarn] == []
    with pytest.raises(ValueError, match="feature names"):
        model.transform(frame[list("badc")])


@pytest.mark.parametrize("solver", ["adam", "sgd", "svd"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_is_kept(solver, dtype):
    data = X.astype(dtype)
    model = make(solver=solver, learning_rate_init=0.01).fit(data)
    assert model.encoder_.W.value.dtype == model.mean_.dtype == dtype
    for other in (np.float32, np.float64):
        assert model.transform(X.astype(other)).dtype == other
        assert model.reconstruct(X.astype(other)).dtype == other
        assert model.inverse_transform(np.ones((1, 2), other)).dtype == other
    assert isinstance(model.score(data), float)
    assert model.fit_transform(data).dtype == dtype


@pytest.mark.parametrize("dtype", [int, np.uint8, np.float16, bool])
def test_other_numbers_are_computed_in_float64(dtype):
    data = np.random.default_rng(1).integers(0, 2, (30, 4)).astype(dtype)
    assert make().fit(data).transform(data).dtype == np.float64


@pytest.mark.parametrize("solver", ["adam", "svd"])
def test_pickling_keeps_everything_but_the_data(solver):
    data = np.random.default_rng(0).normal(size=(5000, 4))
    model = make(solver=solver, batch_size=100, max_iter=3).fit(data)
    stored = pickle.dumps(model)
    assert len(stored) < data[:100].nbytes * 3  # not even one batch, forward and backward
    twin = pickle.loads(stored)
    np.testing.assert_array_equal(twin.transform(data), model.transform(data))
    assert twin.loss_curve_ == model.loss_curve_ and twin.n_iter_ == model.n_iter_
    if solver == "adam":  # and training goes on from it as from the original
        model.partial_fit(data)
        twin.partial_fit(data)
        np.testing.assert_array_equal(twin.transform(data), model.transform(data))


@pytest.mark.parametrize("solver", ["adam", "svd"])
@pytest.mark.parametrize(
    "arrange", [np.asfortranarray, lambda x: x[::-1, ::-1], lambda x: np.repeat(x, 2, 1)[:, ::2]]
)
def test_the_data_may_lie_anyhow_in_memory_and_is_left_alone(solver, arrange):
    data = arrange(X.copy())
    data.flags.writeable = False  # joblib hands such arrays to its workers
    before = data.copy()
    model = make(solver=solver, batch_size=16).fit(data)
    model.transform(data)
    model.score(data)
    np.testing.assert_array_equal(data, before)
    same = make(solver=solver, batch_size=16).fit(np.ascontiguousarray(data))
    np.testing.assert_array_equal(model.encoder_.W.value, same.encoder_.W.value)


def test_using_a_model_does_not_change_it():
    model = make().fit(X)
    before = state(model)
    model.transform(X[:3])
    model.inverse_transform(np.ones((2, 2)))
    model.reconstruct(X[:3])
    model.score(X[:3])
    assert state(model) == before


def test_svd_offers_no_steps():
    model = make(solver="svd")
    assert not hasattr(model, "partial_fit") and not hasattr(model, "resume")
    assert hasattr(make(), "partial_fit")
    with pytest.raises(NotFittedError):
        make().resume(X)


def test_resume_after_the_closed_form_says_that_no_training_was_begun():
    model = make(solver="svd").fit(X).set_params(solver="adam")
    with pytest.raises(NotFittedError, match="resume|training"):
        model.resume(X)


# Bad input ------------------------------------------------------------------------------------


def state(obj):
    """Everything an object holds, down to the bits of its arrays, in a form that compares."""
    if isinstance(obj, np.ndarray):
        return obj.dtype.str, obj.shape, obj.tobytes()
    if isinstance(obj, dict):
        return {key: state(value) for key, value in obj.items()}
    if isinstance(obj, list | tuple):
        return [state(value) for value in obj]
    if isinstance(obj, np.random.Generator):
        return state(obj.bit_generator.state)
    if hasattr(obj, "__dict__") and not callable(obj):
        return type(obj).__name__, state(vars(obj))
    return repr(obj)


def bad_entry(value):
    data = X.copy()
    data[3, 1] = value
    return data


BAD_X = {
    # what: (X, error, what the message must hold: the name, what came, what is wanted)
    "nan": (bad_entry(np.nan), ValueError, ["X", "NaN"]),
    "inf": (bad_entry(np.inf), ValueError, ["X", "inf"]),
    "-inf": (bad_entry(-np.inf), ValueError, ["X", "inf"]),
    "1-D": (X[:, 0], ValueError, ["X", r"\(60,\)", "Reshape|two dimensions"]),
    "3-D": (X[None], ValueError, ["X|array", "3", "2|two"]),
    "scalar": (3.0, ValueError, ["X|array", "scalar|0", "2|two"]),
    "no rows": (X[:0], ValueError, ["0 sample", r"\(0, 4\)", "minimum of 1"]),
    "no columns": (X[:, :0], ValueError, ["0 feature", r"\(60, 0\)", "minimum of 1"]),
    "objects": (np.full((5, 4), {}, object), TypeError, ["X", "number", "dict"]),
    "strings": (np.full((5, 4), "a"), ValueError, ["X", "number", "'a'"]),
    "a string": ("spiral", (ValueError, TypeError), ["X|array", "scalar|str|spiral"]),
    "none": (None, (ValueError, TypeError), ["X|array|None"]),
    "ragged": ([[1, 2], [3]], (ValueError, TypeError), ["X", "inhomogeneous|shape"]),
    "sparse": (sparse.csr_matrix(X), TypeError, ["[Ss]parse", "dense"]),
    "complex": (X + 1j, ValueError, ["[Cc]omplex"]),
}

BAD_ARGUMENTS = [
    # an argument, its bad values, the error, what is wanted
    ("n_components", [0, -1, 5, 10**9], ValueError, ">= 1|between 1 and n_features = 4"),
    ("n_components", [1.5, 2.0, True, "2", None, math.nan], TypeError, "an integer"),
    ("solver", ["lbfgs", "Adam", "", None, 1], ValueError, "one of .*'adam'.*'svd'"),
    ("learning_rate_init", [0, -0.1, math.nan, math.inf], ValueError, "> 0"),
    ("learning_rate_init", ["0.1", None, True, [0.1]], TypeError, "a number"),
    ("learning_rate", ["cosinus", None, 0.1], ValueError, "one of .*'cosine'"),
    ("batch_size", [0, -1], ValueError, ">= 1"),
    ("batch_size", [1.5, "auto", True], TypeError, "an integer"),
    ("max_iter", [0, -5], ValueError, ">= 1"),
    ("max_iter", [10.0, None, True], TypeError, "an integer"),
    ("tol", [-1e-3, math.nan, math.inf], ValueError, ">= 0"),
    ("tol", ["small", True], TypeError, "a number"),
    ("n_iter_no_change", [0], ValueError, ">= 1"),
    ("n_iter_no_change", [2.5], TypeError, "an integer"),
    ("weight_decay", [-1e-9, math.nan, math.inf], ValueError, ">= 0"),
    ("weight_decay", ["a little", None], TypeError, "a number"),
    ("random_state", [-1], ValueError, ">= 0"),
    ("random_state", [1.5, "seed", True], TypeError, "None, an int or a .*Generator"),
    ("callbacks", [[None], ["print"], [print, 3]], TypeError, "callable"),
    ("callbacks", [print, 3], TypeError, "list"),
]


def check_refusal(model, call, error, fragments, match=None):
    before = state(model)
    with pytest.raises(error, match=match) as raised:
        call()
    for fragment in fragments:
        raised.match(fragment)
    assert state(model) == before


@pytest.mark.parametrize("method", ["fit", "partial_fit", "svd"])
@pytest.mark.parametrize("fitted", [False, True], ids=["unfitted", "fitted"])
@pytest.mark.parametrize("what", BAD_X)
def test_bad_data_is_refused_and_changes_nothing(what, fitted, method):
    data, error, fragments = BAD_X[what]
    model = make(solver="svd" if method == "svd" else "adam")
    if fitted:
        model.fit(X)
    learn = model.partial_fit if method == "partial_fit" else model.fit
    check_refusal(model, lambda: learn(data), error, fragments)


@pytest.mark.parametrize("method", ["transform", "reconstruct", "score", "resume", "warm fit"])
@pytest.mark.parametrize("what", BAD_X)
def test_bad_data_is_refused_by_a_fitted_model(what, method):
    data, error, fragments = BAD_X[what]
    model = make(warm_start=True).fit(X)
    call = getattr(model, "fit" if method == "warm fit" else method)
    if what == "no columns":
        fragments = ["0 feature"]
    check_refusal(model, lambda: call(data), error, fragments)


@pytest.mark.parametrize("method", ["transform", "reconstruct", "score", "partial_fit", "warm fit"])
@pytest.mark.parametrize("d", [1, 3, 5])
def test_another_number_of_features_is_refused(method, d):
    model = make(warm_start=True).fit(X)
    call = getattr(model, "fit" if method == "warm fit" else method)
    check_refusal(model, lambda: call(np.ones((9, d))), ValueError, [str(d), "4 features"], "X has")


@pytest.mark.parametrize(
    "Z, fragments",
    [
        (np.ones((3, 1)), ["n_components = 2", "got 1"]),
        (np.ones((3, 4)), ["n_components = 2", "got 4"]),
        (np.ones(2), ["2D|two", r"1D|\(2,\)"]),
        (np.full((3, 2), np.nan), ["NaN"]),
        (np.full((3, 2), np.inf), ["inf"]),
        (np.ones((0, 2)), [r"\(0, 2\)"]),
        (np.full((3, 2), "a"), ["number|float", "'a'"]),
    ],
    ids=["1 column", "4 columns", "1-D", "nan", "inf", "empty", "strings"],
)
def test_bad_codes_are_refused_by_name(Z, fragments):
    model = make().fit(X)
    check_refusal(model, lambda: model.inverse_transform(Z), ValueError, fragments, "Z")


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "reconstruct", "score"])
def test_an_unfitted_model_says_so(method):
    model = make()
    with pytest.raises(NotFittedError, match="LinearAutoencoder .*not fitted"):
        getattr(model, method)(X)
    assert state(model) == state(make())
    assert not hasattr(model, "n_iter_") and not hasattr(model, "loss_curve_")


@pytest.mark.parametrize("method", ["fit", "partial_fit", "svd", "fitted fit", "warm fit"])
@pytest.mark.parametrize(
    "name, value, error, wanted",
    [
        pytest.param(name, value, error, wanted, id=f"{name}={value!r}")
        for name, values, error, wanted in BAD_ARGUMENTS
        for value in values
    ],
)
def test_bad_arguments_are_refused_by_name_and_change_nothing(name, value, error, wanted, method):
    if method == "svd" and name == "solver":
        pytest.skip("it is the solver that is bad")
    model = make(solver="svd" if method == "svd" else "adam", warm_start=method == "warm fit")
    if method in ("fitted fit", "warm fit"):
        model.fit(X)
    model.set_params(**{name: value})
    learn = model.partial_fit if method == "partial_fit" else model.fit
    # "n_components must be an integer, got 1.5"
    check_refusal(model, lambda: learn(X), error, [wanted], f"{name} must .*got ")


def test_the_constructor_only_stores():
    bad = LinearAutoencoder(n_components="two", solver=None, batch_size=-1, callbacks=3)
    assert (bad.n_components, bad.solver, bad.batch_size, bad.callbacks) == ("two", None, -1, 3)
    with pytest.raises(TypeError):
        LinearAutoencoder(2, "adam")  # all but the first by name


# Failures in the middle of training -------------------------------------------------------------


def fails_at(epoch, error):
    def callback(model):
        if model.n_iter_ == epoch:
            raise error

    return callback


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize(
    "method", ["first fit", "refit", "warm fit", "first partial_fit", "partial_fit", "resume"]
)
def test_a_callback_that_raises_leaves_the_model_as_it_was(method, batch_size, error):
    model = make(batch_size=batch_size, warm_start=method == "warm fit")
    if not method.startswith("first"):
        model.set_params(callbacks=[lambda m: m.n_iter_ == 5]).fit(X)
    epoch = {"refit": 3, "first fit": 3, "first partial_fit": 1, "warm fit": 8}.get(method, 6)
    model.set_params(callbacks=[fails_at(epoch, error)])
    name = {"partial_fit": "partial_fit", "resume": "resume"}.get(method.split()[-1], "fit")
    before, data = state(model), X + 1
    with pytest.raises(error):
        getattr(model, name)(data)
    assert state(model) == before


@pytest.mark.parametrize("source", ["closed form", "compact file"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_failure_on_top_of_what_took_no_steps_leaves_the_model_as_it_was(
    method, source, tmp_path
):
    model = make(solver="svd" if source == "closed form" else "adam", warm_start=True).fit(X)
    if source == "compact file":
        model.save(tmp_path / "model.npz", compact=True)
        model = LinearAutoencoder.load(tmp_path / "model.npz")
    epochs = model.n_iter_
    model.set_params(solver="adam", callbacks=[fails_at(epochs + 1, ZeroDivisionError)])
    before = state(model)
    with pytest.raises(ZeroDivisionError):
        getattr(model, method)(X)
    assert state(model) == before and model.n_iter_ == epochs


@pytest.mark.parametrize("method", ["first fit", "refit", "first partial_fit"])
def test_divergence_in_the_first_epoch_leaves_the_model_as_it_was(method):
    model = make(learning_rate_init=1e200, batch_size=8, solver="sgd")
    if method == "refit":
        model.set_params(learning_rate_init=1e-3).fit(X).set_params(learning_rate_init=1e200)
    before = state(model)
    learn = model.partial_fit if "partial" in method else model.fit
    with pytest.raises(TrainingDiverged, match=r"epoch 1; try a smaller learning rate"):
        with np.errstate(all="ignore"):
            learn(X)
    assert state(model) == before


@pytest.mark.parametrize("method", ["warm fit", "partial_fit"])
def test_divergence_on_top_of_a_training_keeps_what_it_had_learnt(method):
    model = make(batch_size=8, solver="sgd", learning_rate_init=1e-3, warm_start=True).fit(X)
    score, epochs, codes = model.score(X), model.n_iter_, model.transform(X)
    model.set_params(learning_rate_init=1e200)
    with pytest.raises(TrainingDiverged), np.errstate(all="ignore"):
        (model.partial_fit if method == "partial_fit" else model.fit)(X)
    assert model.score(X) == score and model.n_iter_ == epochs
    np.testing.assert_array_equal(model.transform(X), codes)
    # and it can go on
    model.set_params(learning_rate_init=1e-3).partial_fit(X)
    assert model.n_iter_ == epochs + 1 and model.score(X) > 1.1 * score


@pytest.mark.parametrize(
    "arguments",
    [
        {"solver": "sgd", "learning_rate_init": 1.0},
        {"solver": "sgd", "learning_rate_init": 0.5, "batch_size": 16},
        {"solver": "adam", "learning_rate_init": 1e200},
        {"solver": "adam", "learning_rate_init": 1e100, "batch_size": 16},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_after_a_later_divergence_the_model_still_has_a_finite_loss(arguments, dtype):
    """The weights kept are of an epoch whose loss was finite: nothing half-trained is left."""
    data = X.astype(dtype)
    model = make(max_iter=500, **arguments)
    with pytest.raises(TrainingDiverged, match="try a smaller learning"), np.errstate(all="ignore"):
        model.fit(data)
    if hasattr(model, "encoder_"):
        assert np.all(np.isfinite(model.loss_curve_))
        assert np.isfinite(model.score(data))
    else:
        assert state(model) == state(make(max_iter=500, **arguments))
