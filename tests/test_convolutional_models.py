"""Autoencoder and VAE on pictures: what they are built of, and all that an estimator can."""

import json
import re

import naive
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from vae_numpy import kernels
from vae_numpy.convolution import Conv2D, ConvTranspose2D
from vae_numpy.gradcheck import check_layer
from vae_numpy.layers import Dense, flatten
from vae_numpy.models import VAE, Autoencoder, archive
from vae_numpy.models.archive import FileError

DIGITS = (load_digits().data / 16).astype(np.float32)
PICTURES = {"image_shape": (8, 8), "conv_channels": (6, 8)}
SETTINGS = {"n_components": 3, "hidden_layer_sizes": (16,), "activation": "relu", **PICTURES}
TRAINING = {"max_iter": 4, "batch_size": 32, "random_state": 0}
MODELS = {
    "Autoencoder": (Autoencoder, {"noise": "masking", "weight_decay": 1e-4}),
    "Autoencoder, stopping": (Autoencoder, {"loss": "bernoulli", "early_stopping": True}),
    "VAE": (VAE, {"likelihood": "bernoulli", "beta": 2.0}),
    "VAE, another decoder": (
        VAE,
        {"variance": "learnt", "decoder_hidden_layer_sizes": (5, 7), "decoder_activation": "tanh"},
    ),
}
models = pytest.mark.parametrize("name", MODELS)


def make(name, **arguments):
    cls, of_its_own = MODELS[name]
    return cls(**{**SETTINGS, **TRAINING, **of_its_own, **arguments})


def weights(model):
    return [p.value for p in model._parameters()]


def assert_same_bits(first, second):
    for a, b in zip(weights(first), weights(second), strict=True):
        np.testing.assert_array_equal(a, b)


# The networks -----------------------------------------------------------------------------------


def test_the_network_of_burgess_is_one_line():
    vae = VAE(
        10, (256, 256), "relu", "bernoulli", image_shape=(64, 64), conv_channels=(32, 32, 32, 32)
    )
    vae.build_networks(64 * 64, np.dtype(np.float32), np.random.default_rng(0))
    encoder, decoder = vae.encoder_.layers, vae.decoder_.layers
    assert [type(layer) for layer in encoder] == [Conv2D] * 4 + [Dense] * 3
    assert [type(layer) for layer in decoder] == [Dense] * 3 + [ConvTranspose2D] * 4
    pictures = [(1, 64, 64), (32, 32, 32), (32, 16, 16), (32, 8, 8), (32, 4, 4)]
    assert [layer.shape_in for layer in encoder[:4]] == pictures[:4]
    assert [layer.shape_out for layer in encoder[:4]] == pictures[1:]
    assert [layer.shape_in for layer in decoder[3:]] == pictures[:0:-1]
    assert [layer.shape_out for layer in decoder[3:]] == pictures[3::-1]
    assert [layer.n_out for layer in encoder[4:]] == [256, 256, 20]
    assert [layer.n_in for layer in decoder[:3]] == [10, 256, 256]
    assert [layer.activation for layer in encoder] == ["relu"] * 6 + ["identity"]
    assert [layer.activation for layer in decoder] == ["relu"] * 6 + ["identity"]
    # Counted by hand: 16 weights to a channel of the first layer, 16 x 32 of the others.
    convolutions = 16 * 32 + 3 * 16 * 32 * 32
    dense = 2 * 512 * 256 + 2 * 256 * 256 + 256 * 20 + 10 * 256
    biases = 4 * 32 + 256 + 256 + 20 + 256 + 256 + 512 + 3 * 32 + 1
    n_parameters = sum(p.value.size for p in vae.encoder_.parameters() + vae.decoder_.parameters())
    assert n_parameters == 2 * convolutions + dense + biases


@pytest.mark.parametrize("shape", [(9, 7), (3, 8, 8), [2, 5, 11], np.array([4, 4])], ids=str)
@pytest.mark.parametrize("channels", [(3, 2), 4, [2], np.array([3, 1]), ()], ids=str)
def test_the_decoder_mirrors_the_encoder_whatever_the_shape(shape, channels):
    n_features = int(np.prod(shape))
    for cls in (Autoencoder, VAE):
        model = cls(2, (5,), image_shape=shape, conv_channels=channels, max_iter=1, random_state=0)
        X = np.random.default_rng(0).normal(size=(6, n_features))
        model.fit(X)
        down = [layer for layer in model.encoder_.layers if isinstance(layer, Conv2D)]
        up = [layer for layer in model.decoder_.layers if isinstance(layer, ConvTranspose2D)]
        assert len(down) == np.size(channels)
        assert [(layer.shape_in, layer.shape_out) for layer in down] == [
            (layer.shape_out, layer.shape_in) for layer in reversed(up)
        ]
        assert model.reconstruct(X).shape == X.shape and model.transform(X).shape == (6, 2)


@models
@pytest.mark.parametrize("backend", naive.BACKENDS)
def test_gradients_of_the_networks(name, backend):
    rng = np.random.default_rng(1)
    model = make(name, activation="tanh", image_shape=(7, 5), conv_channels=(3, 2))
    with kernels.use(backend):
        model.build_networks(35, np.dtype(np.float64), rng)
        for network in (model.encoder_, model.decoder_):
            verdicts = check_layer(network, rng.normal(size=(3, network.n_in)), rng=rng)
            assert {key: str(v) for key, v in verdicts.items() if not v} == {}


def test_without_convolutions_nothing_is_changed():
    """Not a bit of the weights, with the pictures' shape or without."""
    plain = {"conv_channels": (), **TRAINING}
    models = [
        Autoencoder(2, (8,), image_shape=shape, **plain).fit(DIGITS[:100])
        for shape in (None, (8, 8), (4, 4, 4))
    ]
    for model in models[1:]:
        assert_same_bits(models[0], model)


# As estimators ----------------------------------------------------------------------------------


def test_a_convolutional_autoencoder_learns_digits():
    model = make("Autoencoder", noise=None, n_components=8, max_iter=15, learning_rate_init=3e-3)
    X, unseen = DIGITS[:1500], DIGITS[1500:]
    error = np.sum((model.fit(X).reconstruct(unseen) - unseen) ** 2, axis=1).mean()
    spread = np.sum((unseen - X.mean(axis=0)) ** 2, axis=1).mean()
    assert error < 0.5 * spread


@models
@pytest.mark.parametrize("dtype", naive.DTYPES)
def test_saved_loaded_resumed_ends_in_the_same_bits(name, dtype, tmp_path):
    X = DIGITS[:150].astype(dtype)
    whole = make(name).fit(X)
    stopped = make(name, callbacks=[lambda model: model.n_iter_ == 2]).fit(X)
    stopped.save(tmp_path / "model.npz")
    loaded = type(whole).load(tmp_path / "model.npz")
    assert_same_bits(stopped, loaded)
    np.testing.assert_array_equal(loaded.transform(X), stopped.transform(X))
    assert_same_bits(loaded.resume(X), whole)
    assert loaded.get_params()["conv_channels"] == (6, 8)


@models
def test_a_clone_learns_the_same_and_the_original_stays(name):
    model = make(name).fit(DIGITS[:100])
    before = [w.copy() for w in weights(model)]
    assert_same_bits(clone(model).fit(DIGITS[:100]), model)
    for w, kept in zip(weights(model), before, strict=True):
        np.testing.assert_array_equal(w, kept)


def test_grid_search_chooses_among_convolutions():
    grid = {"conv_channels": [(), (4,), (4, 8)]}
    search = GridSearchCV(make("VAE"), grid, cv=2, error_score="raise").fit(DIGITS[:120])
    assert search.best_params_["conv_channels"] in grid["conv_channels"]
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_draws_scores_and_bounds_of_a_vae_on_pictures():
    model = make("VAE").fit(DIGITS[:100])
    assert model.sample(3, random_state=0).shape == (3, 64)
    assert np.isfinite(model.score_samples(DIGITS[:5])).all()
    assert model.log_likelihood(DIGITS[:5], 20, random_state=0) >= -64 * 10


@models
@pytest.mark.parametrize("change", [{"conv_channels": (6, 9)}, {"image_shape": (1, 4, 16)}])
def test_the_arguments_of_the_networks_must_stay(name, change):
    model = make(name, warm_start=True).fit(DIGITS[:100])
    [argument] = change
    model.set_params(**change)
    with pytest.raises(ValueError, match=f"{argument} must stay .*, got"):
        model.fit(DIGITS[:100])


# What they refuse -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"image_shape": None}, ValueError, "image_shape must be given with conv_channels=(6, 8)"),
        (
            {"image_shape": (8, 9)},
            ValueError,
            "image_shape must multiply to the number of features, 64, got 8 x 9 = 72",
        ),
        ({"image_shape": (64,)}, ValueError, "(height, width) or (channels, height, width), got"),
        ({"image_shape": (1, 1, 8, 8)}, ValueError, "image_shape must be (height, width) or"),
        ({"image_shape": 64}, TypeError, "image_shape must be (height, width) or"),
        ({"image_shape": "88"}, TypeError, "image_shape must be an integer, got '8'"),
        ({"image_shape": (8.0, 8)}, TypeError, "image_shape must be an integer, got 8.0"),
        ({"image_shape": (-8, -8)}, ValueError, "image_shape must be >= 1, got -8"),
        ({"conv_channels": (6, 0)}, ValueError, "conv_channels must be >= 1, got 0"),
        ({"conv_channels": None}, TypeError, "conv_channels must be an integer, got None"),
        (
            {"conv_channels": (2,) * 4},
            ValueError,
            "conv_channels must have at most 3 entries for pictures of 8 x 8, since each halves "
            "them, got 4",
        ),
    ],
)
def test_arguments_are_refused_by_name(change, error, message):
    for name in MODELS:
        with pytest.raises(error, match=re.escape(message)):
            make(name, **change).fit(DIGITS[:50])


# Files ------------------------------------------------------------------------------------------


def test_a_model_with_fewer_weights_than_features_is_saved_and_loaded(tmp_path):
    X = np.random.default_rng(2).uniform(size=(4, 64 * 64))
    model = Autoencoder(
        1, (), image_shape=(64, 64), conv_channels=(1,) * 6, max_iter=1, random_state=0
    ).fit(X)
    assert flatten(model._parameters()).value.size < 64 * 64
    model.save(tmp_path / "model.npz")
    loaded = Autoencoder.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"n_features_in_": 2**40, "image_shape": [2**20, 2**20]}, "n_features_in_ must be"),
        ({"n_features_in_": 2**24, "image_shape": [2**12, 2**12]}, "weights.*ask for more"),
        ({"conv_channels": [10**9, 8]}, "weights.*ask for more"),
        ({"conv_channels": [1] * 1001}, "1001 entries"),
        ({"conv_channels": [6, 9]}, "weights.*ask for"),
        ({"conv_channels": {"a": 1}}, "saved with a function as conv_channels"),
        ({"conv_channels": "88"}, "conv_channels must be an integer"),
        ({"image_shape": [2, 32]}, "conv_channels must have at most 1 entries"),
        ({"image_shape": "88"}, "image_shape must be"),
        ({"image_shape": [10**400, 8]}, "image_shape"),
    ],
    ids=str,
)
def test_a_file_that_states_other_pictures_is_refused(change, message, tmp_path):
    path = tmp_path / "model.npz"
    make("Autoencoder", conv_channels=(6, 8), image_shape=(8, 8)).fit(DIGITS[:40]).save(path)
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    header = json.loads(str(arrays["header"]))
    for name, value in change.items():
        (header if name == "n_features_in_" else header["arguments"])[name] = value
    arrays["header"] = np.array(json.dumps(header))
    path.write_bytes(archive.packed(arrays, compress=False))
    with pytest.raises(FileError, match=message):
        Autoencoder.load(path)
