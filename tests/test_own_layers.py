"""A reader's own layers in a VAE, written from what ``layers.Layer`` asks and nothing else."""

import copy

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from vae_numpy.gradcheck import check_layer
from vae_numpy.layers import Dense, Parameter, Sequential
from vae_numpy.models import VAE, Autoencoder, LinearAutoencoder

# Two layers -------------------------------------------------------------------------------------


class LeakyReLU:
    """y = x where x > 0 and slope x elsewhere, with one learnt slope for all."""

    def __init__(self, n, dtype):
        self.n_in = self.n_out = n
        self.slope = Parameter(np.full(1, 0.1, dtype))

    def forward(self, x, *, remember=True):
        if remember:
            self.x = x
        return np.where(x > 0, x, self.slope.value * x)

    def backward(self, dy, *, accumulate=True, need_dx=True):
        dslope = np.sum(dy * np.minimum(self.x, 0))
        self.slope.grad[...] = dslope + (self.slope.grad if accumulate else 0)
        return np.where(self.x > 0, dy, self.slope.value * dy)

    def parameters(self):
        return [self.slope]


class Convolution:
    """A 3 x 3 filter on pictures of one channel, without padding, one output pixel at a time."""

    def __init__(self, height, width, rng, dtype):
        self.shape_in, self.shape_out = (1, height, width), (1, height - 2, width - 2)
        self.n_in, self.n_out = int(np.prod(self.shape_in)), int(np.prod(self.shape_out))
        self.filter = Parameter(rng.normal(size=(3, 3)).astype(dtype) / 3)

    def places(self):
        return [(i, j) for i in range(self.shape_out[1]) for j in range(self.shape_out[2])]

    def forward(self, x, *, remember=True):
        x = x.reshape(-1, *self.shape_in[1:])
        if remember:
            self.x = x
        patches = [x[:, i : i + 3, j : j + 3] for i, j in self.places()]
        return np.stack([(p * self.filter.value).sum(axis=(1, 2)) for p in patches], axis=1)

    def backward(self, dy, *, accumulate=True, need_dx=True):
        if not accumulate:
            self.filter.zero_grad()
        dx = np.zeros_like(self.x)
        for n, (i, j) in enumerate(self.places()):
            dy_n = dy[:, n, None, None]
            self.filter.grad += (dy_n * self.x[:, i : i + 3, j : j + 3]).sum(axis=0)
            dx[:, i : i + 3, j : j + 3] += dy_n * self.filter.value
        return dx.reshape(-1, self.n_in)

    def parameters(self):
        return [self.filter]


class LeakyVAE(VAE):
    def build_networks(self, n_features, dtype, rng):
        K, options = self.n_components, {"rng": rng, "dtype": dtype}
        self.encoder_ = Sequential(
            [Dense(n_features, 6, **options), LeakyReLU(6, dtype), Dense(6, 2 * K, **options)]
        )
        self.decoder_ = Sequential(
            [Dense(K, 6, **options), LeakyReLU(6, dtype), Dense(6, n_features, **options)]
        )


class PictureVAE(VAE):
    """Pictures of 6 x 5 pixels; the encoder's first layer is the one that sees them as such."""

    def build_networks(self, n_features, dtype, rng):
        super().build_networks(n_features, dtype, rng)  # the decoder stays
        filtered, options = Convolution(6, 5, rng, dtype), {"rng": rng, "dtype": dtype}
        self.encoder_ = Sequential(
            [filtered, Dense(filtered.n_out, 2 * self.n_components, "tanh", **options)]
        )


X = np.random.default_rng(0).normal(size=(40, 30))
MODELS = {"leaky": LeakyVAE, "pictures": PictureVAE}


@pytest.fixture(params=MODELS)
def make(request):
    def make(**arguments):
        settings = {"variance": "learnt", "learning_rate_init": 0.01, "batch_size": 16}
        return MODELS[request.param](**settings | {"max_iter": 6, "random_state": 0} | arguments)

    return make


@pytest.mark.parametrize(
    "layer",
    [LeakyReLU(30, np.float64), Convolution(6, 5, np.random.default_rng(0), np.float64)],
    ids=["leaky", "convolution"],
)
def test_its_gradients(layer):
    verdicts = check_layer(layer, X[:4], rng=np.random.default_rng(1))
    assert all(verdicts.values()), verdicts


def test_it_trains(make):
    first, trained = make(max_iter=1, learning_rate_init=1e-30).fit(X), make(max_iter=30).fit(X)
    assert trained.elbo(X, 20, 0) > first.elbo(X, 20, 0) + 1
    for p, q in zip(trained.encoder_.parameters(), first.encoder_.parameters(), strict=True):
        assert not np.array_equal(p.value, q.value)  # the layer's own among them


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_saved_and_loaded_it_gives_the_same_codes_and_goes_on_in_the_same_bits(
    make, dtype, tmp_path
):
    data = X.astype(dtype)
    whole = make().fit(data)
    half = make(callbacks=[lambda model: model.n_iter_ == 3]).fit(data)
    half.save(tmp_path / "model.npz")
    loaded = type(half).load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.transform(data), half.transform(data))
    for model in (loaded, half.set_params(callbacks=None), copy.deepcopy(half)):
        np.testing.assert_array_equal(model.resume(data).transform(data), whole.transform(data))
    assert whole.transform(data).dtype == dtype


def test_a_failure_in_training_leaves_it_as_it_was(make):
    model = make(warm_start=True).fit(X)
    codes = model.transform(X)
    with pytest.raises(ZeroDivisionError):
        model.set_params(callbacks=[lambda model: 1 / 0]).fit(X)
    np.testing.assert_array_equal(model.transform(X), codes)


def test_scikit_learns_tools_take_it(make):
    model = make().fit(X)
    twin = clone(model).fit(X)
    np.testing.assert_array_equal(twin.transform(X), model.transform(X))
    search = GridSearchCV(make(max_iter=2), {"n_components": [1, 3]}, cv=2).fit(X)
    assert search.best_estimator_.transform(X).shape == (40, search.best_params_["n_components"])


# Networks that do not fit -----------------------------------------------------------------------


def built(model_class, encoder, decoder, dtype=None):
    """Return a model of two latents whose networks have other sizes, or another type."""

    class Model(model_class):
        def build_networks(self, n_features, given, rng):
            options = {"rng": rng, "dtype": dtype or given}
            self.encoder_ = encoder and Dense(*encoder, **options)
            self.decoder_ = decoder and Dense(*decoder, **options)

    return Model(n_components=2)


@pytest.mark.parametrize(
    "model, message",
    [
        (built(VAE, (4, 2), (2, 4)), "encoder_ with n_in = 4 and n_out = 4 .* n_out = 2 of Dense"),
        (built(VAE, (3, 4), (2, 4)), "encoder_ with n_in = 4 and n_out = 4 .* n_in = 3"),
        (built(VAE, (4, 4), (4, 4)), "decoder_ with n_in = 2 and n_out = 4 .* n_in = 4"),
        (built(VAE, (4, 4), (2, 5)), "decoder_ with n_in = 2 and n_out = 4 .* n_out = 5"),
        (built(VAE, (4, 4), None), "decoder_ with n_in = 2 and n_out = 4 .* of None"),
        (built(Autoencoder, (4, 4), (2, 4)), "encoder_ with n_in = 4 and n_out = 2 .* n_out = 4"),
        (built(LinearAutoencoder, (4, 2), (2, 3)), "decoder_ with .* n_out = 3"),
        (built(VAE, (4, 4), (2, 4), np.float32), "dtype .* float64, got float32 in encoder_"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_networks_that_do_not_fit_are_refused_by_name(model, message, method):
    model = clone(model)
    with pytest.raises(ValueError, match=f"build_networks must make .*{message}"):
        getattr(model, method)(X[:, :4])
    assert not hasattr(model, "encoder_")
