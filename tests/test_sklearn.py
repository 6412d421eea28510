"""What users of scikit-learn try with all three estimators, and find as in scikit-learn's own."""

import copy
import pickle
import re

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone, is_classifier, is_clusterer, is_outlier_detector, is_regressor
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import estimator_html_repr
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.metadata_routing import get_routing_for_object

from vae_numpy.models import VAE, Autoencoder, LinearAutoencoder

X = np.random.default_rng(0).normal(size=(40, 4)) * [3, 2, 1, 0.5] + 5
FRAME = pd.DataFrame(X, columns=["north", "east", "height", "time"], index=range(100, 140))
QUICK = {"max_iter": 3, "random_state": 0}
MODELS = {
    "linear": LinearAutoencoder(2, **QUICK),
    "svd": LinearAutoencoder(2, solver="svd"),
    "autoencoder": Autoencoder(2, (5,), **QUICK),
    "denoising": Autoencoder(2, (5,), noise="gaussian", early_stopping=True, **QUICK),
    "vae": VAE(2, (5,), **QUICK),
    "learnt": VAE(2, (5, 4), "relu", beta=4, variance="per_feature", warm_up=2, **QUICK),
}


@pytest.fixture(params=MODELS)
def model(request):
    return clone(MODELS[request.param])


# Its own checks ---------------------------------------------------------------------------------


class GoOn:
    """A callback that can be pickled, and whose name in a test's is the same in every process."""

    def __call__(self, model):
        return False

    def __repr__(self):
        return "GoOn()"


def expected_failures(estimator):
    if isinstance(estimator, Pipeline):
        names = ("check_estimators_overwrite_params", "check_dont_overwrite_parameters")
        return dict.fromkeys(names, "a pipeline fits its steps in place")
    if not estimator.early_stopping:
        return {}
    names = ("check_fit_score_takes_y", "check_n_features_in_after_fitting")
    return dict.fromkeys(names, "they call partial_fit, which needs early_stopping=False")


@parametrize_with_checks(
    [
        VAE(2, (), "identity", solver="sgd", learning_rate_init=1e-6, **QUICK),
        VAE(1, (4, 3), "softplus", variance="learnt", learning_rate="step", tol=1.0, **QUICK),
        VAE(3, 4, "relu", variance="per_feature", batch_size=None, free_bits=0.5, **QUICK),
        VAE(1, (4,), "sigmoid", capacity=2.0, gamma=10.0, solver="adagrad", **QUICK),
        VAE(2, (), decoder_hidden_layer_sizes=(3,), decoder_activation="relu", **QUICK),
        VAE(1, (4,), early_stopping=True, warm_up=2, weight_decay=0.1, **QUICK),
        VAE(1, (4,), beta=0.0, callbacks=[GoOn()], **QUICK),
        make_pipeline(MinMaxScaler(clip=True), VAE(1, (4,), likelihood="bernoulli", **QUICK)),
        make_pipeline(StandardScaler(), Autoencoder(1, (4,), "relu", **QUICK)),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


# Features and frames ----------------------------------------------------------------------------


def test_the_features_in_and_out_have_names(model):
    assert not hasattr(model, "n_features_in_")
    model.fit(FRAME)
    assert model.n_features_in_ == 4
    assert list(model.feature_names_in_) == list(FRAME.columns)
    name = type(model).__name__.lower()
    assert list(model.get_feature_names_out()) == [f"{name}0", f"{name}1"]
    assert model.get_feature_names_out(FRAME.columns).dtype == object
    for ask in (model.transform, model.reconstruct, model.score_samples, model.score):
        with pytest.raises(ValueError, match="feature names"):
            ask(FRAME[FRAME.columns[::-1]])
        with pytest.warns(UserWarning, match="feature names"):
            ask(X)
    assert not hasattr(model.fit(X), "feature_names_in_")  # forgotten by a new fit without


def test_pandas_in_and_out_with_the_index_kept(model, recwarn):
    codes = model.set_output(transform="pandas").fit_transform(FRAME)
    pd.testing.assert_index_equal(codes.index, FRAME.index)
    assert list(codes.columns) == list(model.get_feature_names_out())
    np.testing.assert_array_equal(codes, clone(model).fit(X).transform(X))
    pd.testing.assert_frame_equal(model.transform(FRAME[5:9]).iloc[:2], model.transform(FRAME[5:7]))
    # and back: codes in a frame are codes
    np.testing.assert_allclose(model.inverse_transform(codes), model.reconstruct(FRAME))
    assert model.score_samples(FRAME).shape == (40,)
    assert [str(w.message) for w in recwarn] == []


def test_polars_in_and_out(model, recwarn):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(dict(zip(FRAME.columns, X.T, strict=True)))
    codes = model.set_output(transform="polars").fit_transform(frame)
    assert isinstance(codes, polars.DataFrame)
    assert codes.columns == list(model.get_feature_names_out())
    np.testing.assert_array_equal(codes.to_numpy(), clone(model).fit(X).transform(X))
    np.testing.assert_allclose(model.inverse_transform(codes), model.reconstruct(frame))
    assert list(model.feature_names_in_) == frame.columns
    assert [str(w.message) for w in recwarn] == []


@pytest.mark.parametrize("kind", ["float32", "Float64", "int64", "Int8", "bool", "mixed"])
def test_columns_of_any_numeric_type(model, kind):
    kinds = {"north": "float32", "east": "int16", "height": "Int64"} if kind == "mixed" else kind
    frame = FRAME.round().astype(kinds)
    codes = model.fit(frame).transform(frame)
    assert codes.dtype == (np.float32 if kind == "float32" else np.float64)
    numbers = frame.to_numpy(codes.dtype)
    np.testing.assert_array_equal(codes, clone(model).fit(numbers).transform(numbers))


def test_a_missing_value_in_a_frame_is_refused_with_its_place(model):
    frame = FRAME.astype("Float64")
    frame.iloc[3, 1] = pd.NA
    with pytest.raises(ValueError, match="X must be finite, got NaN in row 3, column 1"):
        model.fit(frame)


# To look at -------------------------------------------------------------------------------------


def text(html):
    """Return what of a page is text, its style and scripts left out."""
    html = re.sub(r"<(style|script).*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_the_html_names_the_class_its_arguments_and_whether_it_is_fitted(model):
    for fitted in (False, True):
        page = text((model.fit(X) if fitted else model)._repr_html_())
        assert type(model).__name__ in page
        assert ("Not fitted" in page) == (not fitted)
        for name in model.get_params():
            assert re.search(rf"\b{name}\b", page), name
        assert "n_components 2" in page
        assert " at 0x" not in page
    assert str(model._repr_mimebundle_()["text/plain"]) == repr(model)


def test_the_html_of_a_pipeline_and_of_a_search(model):
    pipeline = make_pipeline(StandardScaler(), model)
    for whole in (pipeline, clone(pipeline).fit(X), GridSearchCV(pipeline, {})):
        page = text(estimator_html_repr(whole))
        assert "StandardScaler" in page and type(model).__name__ in page
        assert "n_components" in page


def test_repr_shows_what_was_changed_and_makes_the_model_again(model):
    name = type(model).__name__
    assert repr(type(model)()) == f"{name}()"
    again = eval(repr(model), {name: type(model)})
    assert again.get_params() == model.get_params()
    with sklearn.config_context(print_changed_only=False):
        assert "solver=" in repr(model)


def test_the_losses_print_as_numbers(model):
    assert all(type(loss) is float for loss in model.fit(X).loss_curve_)
    assert repr(model.loss_curve_[0]) in str(model.history_)


# Copies -----------------------------------------------------------------------------------------


def test_clones_keep_arguments_and_forget_what_was_learnt(model):
    twin = clone(model.fit(X))
    assert twin.get_params() == model.get_params() and not hasattr(twin, "encoder_")
    np.testing.assert_array_equal(twin.fit(X).transform(X), model.transform(X))
    with pytest.raises(ValueError, match="Invalid parameter 'n_component'"):
        twin.set_params(n_component=3)


@pytest.mark.parametrize("how", ["pickle", "joblib", "deepcopy"])
def test_copies_compute_the_same_and_go_on_the_same_way(model, how, tmp_path):
    model.fit(FRAME)
    if how == "joblib":
        joblib.dump(model, tmp_path / "model.joblib", compress=3)
        twin = joblib.load(tmp_path / "model.joblib")
    else:
        twin = pickle.loads(pickle.dumps(model)) if how == "pickle" else copy.deepcopy(model)
    np.testing.assert_array_equal(twin.transform(FRAME), model.transform(FRAME))
    np.testing.assert_array_equal(twin.score_samples(FRAME), model.score_samples(FRAME))
    assert list(twin.feature_names_in_) == list(FRAME.columns)
    if hasattr(model, "partial_fit") and not model.early_stopping:
        first, second = (m.partial_fit(FRAME).transform(FRAME) for m in (model, twin))
        np.testing.assert_array_equal(first, second)
    before = model.transform(FRAME)
    twin.fit(FRAME + 1)  # and share nothing
    np.testing.assert_array_equal(model.transform(FRAME), before)


def test_the_same_model_has_the_same_hash(model):
    """joblib's caches, a pipeline's memory among them, tell models apart by it."""
    assert joblib.hash(model) == joblib.hash(clone(model))
    other = clone(model).set_params(n_components=1)
    assert joblib.hash(model) != joblib.hash(other)


# Pipelines, searches, validations ---------------------------------------------------------------


def test_a_pipeline_passes_on_all_that_the_model_can(model, tmp_path):
    pipeline = make_pipeline(StandardScaler(), model).fit(FRAME)
    scaled = pipeline[0].transform(FRAME)
    np.testing.assert_array_equal(pipeline.transform(FRAME), model.transform(scaled))
    np.testing.assert_array_equal(pipeline.score_samples(FRAME), model.score_samples(scaled))
    assert pipeline.score(FRAME) == model.score(scaled)
    np.testing.assert_allclose(
        pipeline.inverse_transform(pipeline.transform(FRAME)),
        pipeline[0].inverse_transform(model.reconstruct(scaled)),
    )
    assert list(pipeline.get_feature_names_out()) == list(model.get_feature_names_out())
    cached = Pipeline(
        [("scale", StandardScaler()), ("code", clone(model)), ("end", "passthrough")],
        memory=str(tmp_path),
    )
    for _ in range(2):  # the second time from the cache
        np.testing.assert_array_equal(cached.fit_transform(FRAME), pipeline.transform(FRAME))


def test_score_samples_at_the_end_of_a_pipeline_finds_the_row_that_is_far_out():
    for model in (VAE(random_state=0, max_iter=20), Autoencoder(random_state=0, max_iter=20)):
        pipeline = make_pipeline(StandardScaler(), model).fit(X)
        rows = np.concatenate([X, X.mean(axis=0, keepdims=True) + 100])
        assert np.argmin(pipeline.score_samples(rows)) == 40


def test_it_stands_beside_other_transformers(model):
    union = make_union(StandardScaler(), model).set_output(transform="pandas")
    columns = union.fit_transform(FRAME).columns
    assert len(columns) == 6 and columns[-1].endswith(model.get_feature_names_out()[-1])
    mixed = FRAME.assign(name="a")
    parts = ColumnTransformer(
        [("codes", clone(model), make_column_selector(dtype_include="number"))],
        remainder="drop",
    ).set_output(transform="pandas")
    assert parts.fit_transform(mixed).shape == (40, 2)
    assert isinstance(union, FeatureUnion)


def test_codes_feed_a_classifier(model):
    y = X[:, 0] > 5
    classifier = make_pipeline(StandardScaler(), model, LogisticRegression())
    assert cross_val_score(classifier, X, y, cv=3).shape == (3,)
    search = GridSearchCV(classifier, {f"{classifier.steps[1][0]}__n_components": [1, 2]}, cv=2)
    assert search.fit(X, y).best_params_


def test_a_search_over_an_argument_compares_scores(model):
    search = GridSearchCV(model, {"n_components": [1, 2], "weight_decay": [0.0, 0.1]}, cv=2)
    search.fit(FRAME)
    means = search.cv_results_["mean_test_score"]
    assert np.isfinite(means).all() and search.best_score_ == means.max()
    assert search.score(FRAME) == search.best_estimator_.score(FRAME)
    np.testing.assert_array_equal(
        search.score_samples(FRAME), search.best_estimator_.score_samples(FRAME)
    )
    np.testing.assert_array_equal(search.transform(FRAME), search.best_estimator_.transform(FRAME))


def test_cross_validation_scores_what_was_held_out(model):
    folds = KFold(3)
    scores = cross_val_score(model, X, cv=folds)
    by_hand = [clone(model).fit(X[train]).score(X[test]) for train, test in folds.split(X)]
    np.testing.assert_array_equal(scores, by_hand)
    by_name = cross_validate(model, X, cv=folds, scoring=lambda m, X, y=None: m.score(X))
    np.testing.assert_array_equal(by_name["test_score"], scores)
    assert len(cross_validate(model, X, return_estimator=True)["estimator"]) == 5
    sizes, train, _ = learning_curve(model, X, None, cv=2, train_sizes=[0.5, 1.0])
    assert np.isfinite(train).all() and list(sizes) == [10, 20]


def test_processes_give_the_scores_of_one(model):
    scores = [cross_val_score(model, X, cv=2, n_jobs=n_jobs) for n_jobs in (1, 2)]
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize("name", ["autoencoder", "vae"])
def test_halving_may_spend_epochs(name):
    search = HalvingGridSearchCV(
        clone(MODELS[name]),
        {"n_components": [1, 2, 3]},
        resource="max_iter",
        min_resources=2,
        max_resources=6,
        cv=2,
        random_state=0,
    ).fit(X)
    assert search.best_estimator_.n_iter_ == search.n_resources_[-1] == 6


# What kind of estimator it is -------------------------------------------------------------------


def test_it_is_a_transformer_and_asks_for_no_metadata(model):
    tags = sklearn.utils.get_tags(model)
    assert tags.transformer_tags is not None and not tags.target_tags.required
    assert tags.transformer_tags.preserves_dtype == ["float64", "float32"]
    for is_one in (is_classifier, is_regressor, is_clusterer, is_outlier_detector):
        assert not is_one(model)
    for method, asked in get_routing_for_object(model)._serialize().items():
        assert asked == {}, method
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), clone(model))
        codes = pipeline.fit(X).transform(X)
        assert pipeline.inverse_transform(codes).shape == X.shape
        assert np.isfinite(cross_val_score(model, X, cv=2)).all()


def test_labels_are_ignored_and_fit_returns_the_model(model):
    assert model.fit(X, np.arange(40)) is model
    codes = model.transform(X)
    np.testing.assert_array_equal(clone(model).fit(X, y=None).transform(X), codes)
    np.testing.assert_array_equal(clone(model).fit_transform(X, ["a"] * 40), codes)
    assert model.score(X, np.arange(40)) == model.score(X)
    if hasattr(model, "partial_fit") and not model.early_stopping:
        assert model.partial_fit(X, y=np.arange(40)) is model


# partial_fit and early stopping -----------------------------------------------------------------


@pytest.mark.parametrize("model_class", [Autoencoder, VAE])
def test_partial_fit_after_early_stopping_goes_on_from_the_best_weights(model_class):
    """As scikit-learn's own: "partial_fit does not support early_stopping=True"."""
    theirs = MLPRegressor(early_stopping=True, max_iter=10, random_state=0)
    ours = model_class(2, (5,), early_stopping=True, n_iter_no_change=3, random_state=0)
    ours.set_params(learning_rate_init=0.1, max_iter=60).fit(X)
    with pytest.raises(ValueError, match="partial_fit.*early_stopping=True"):
        theirs.partial_fit(X, X)
    with pytest.raises(ValueError, match="partial_fit.*early_stopping=True"):
        ours.partial_fit(X)
    losses = ours.history_["validation_loss"]
    assert np.argmin(losses) < len(losses) - 1  # or best and last weights would be the same
    best, epochs = ours.transform(X), ours.n_iter_
    ours.set_params(early_stopping=False, learning_rate_init=1e-12).partial_fit(X)
    np.testing.assert_allclose(ours.transform(X), best, atol=1e-8)  # a step of no length
    assert ours.n_iter_ == epochs + 1 and len(ours.history_["validation_loss"]) == epochs
