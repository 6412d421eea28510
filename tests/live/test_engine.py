"""The engine of the live figures equals the library: Python computes, Node compares.

``engine.test.mjs`` reads what ``cases`` writes. Without Node the tests are skipped.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.preprocessing import StandardScaler

from vae_numpy import data, losses, metrics
from vae_numpy.convolution import ConvTranspose2D
from vae_numpy.kernels.reference import ACTIVATIONS
from vae_numpy.layers import (
    Dense,
    Sequential,
    join,
    reparameterise,
    reparameterise_backward,
    split,
)
from vae_numpy.optimisers import SGD, Adam

HERE = Path(__file__).parent
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node (on Debian: apt-get install nodejs)")


def run_node(*arguments, **environment):
    done = subprocess.run(
        [NODE, *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def network(widths, activation, rng):
    """A stack as the engine's: the last layer is linear. In float64."""
    names = [activation] * (len(widths) - 2) + ["identity"]
    pairs = zip(widths, widths[1:], names, strict=False)
    return Sequential([Dense(n, m, f, rng=rng, dtype=np.float64) for n, m, f in pairs])


def values(model):
    return [np.atleast_2d(p.value) for p in model.parameters()]


def gradients(model):
    return [np.atleast_2d(p.grad) for p in model.parameters()]


def loss_cases(rng):
    mean, logvar, x = rng.normal(size=(3, 7, 4))
    logits = 3 * rng.normal(size=(7, 4))
    logits[0] = [-800, 800, 40, 0]  # where a naive exp overflows
    grey = rng.uniform(size=(7, 4))
    called = {
        "squared_error": (mean, x),
        "bernoulli_nll": (logits, grey),
        "gaussian_nll": (mean, logvar, x),
        "gaussian_kl": (mean, logvar * 1e-3),
    }
    cases = []
    for name, given in called.items():
        value, *slopes = getattr(losses, name)(*given)
        cases.append({"name": name, "given": given, "value": value, "gradients": slopes})
    cases[-1]["per_latent"] = losses.gaussian_kl(*called["gaussian_kl"], per_latent=True)[0]
    return cases


def network_cases(rng):
    for activation in ACTIVATIONS:
        model = network((3, 5, 4, 2), activation, rng)
        x, dy = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
        case = {"activation": activation, "values": values(model), "x": x, "dy": dy}
        case |= {"y": model.forward(x), "dx": model.backward(dy), "gradients": gradients(model)}
        yield case


def convolution_cases(rng):
    """No two sizes agree, a stride does not divide, and patches overlap or leave gaps."""
    for shape, channels, kernel, stride, padding, activation in (
        ((3, 7, 9), 5, (4, 2), 2, 1, "relu"),
        ((1, 6, 8), 2, (3, 5), 1, 0, "sigmoid"),
        ((2, 11, 5), 4, (2, 1), 3, 0, "identity"),
    ):
        layer = ConvTranspose2D(
            shape, channels, kernel, activation,
            stride=stride, padding=padding, rng=rng, dtype=np.float64,
        )  # fmt: skip
        layer.b.value[...] = rng.normal(size=shape[0])
        x = rng.normal(size=(3, layer.n_in))
        made = {"shape": shape, "channels": channels, "kernel": kernel, "activation": activation}
        geometry = {"stride": stride, "padding": padding}
        weights = {"W": layer.W.value.ravel(), "b": layer.b.value}
        yield made | weights | {"geometry": geometry, "x": x, "y": layer.forward(x)}


def vae_case(rng, beta=4.0):
    """One step of a beta-VAE, as the design writes it."""
    encoder, decoder = network((5, 8, 4), "tanh", rng), network((2, 8, 5), "tanh", rng)
    x, eps = rng.uniform(size=(9, 5)), rng.normal(size=(9, 2))
    mu, logvar = split(encoder.forward(x))
    z = reparameterise(mu, logvar, eps)
    nll, dlogits = losses.bernoulli_nll(decoder.forward(z), x)
    kl, dmu_kl, dlogvar_kl = losses.gaussian_kl(mu, logvar)
    dmu, dlogvar = reparameterise_backward(decoder.backward(dlogits), logvar, eps)
    encoder.backward(join(dmu + beta * dmu_kl, dlogvar + beta * dlogvar_kl))
    return {
        "beta": beta, "x": x, "eps": eps, "loss": nll + beta * kl,
        "encoder": values(encoder), "decoder": values(decoder),
        "gradients": gradients(encoder) + gradients(decoder),
    }  # fmt: skip


def optimiser_cases(rng, steps=200):
    for name, optimiser in {"Adam": Adam(0.003), "SGD": SGD(0.003, momentum=0.9)}.items():
        model = network((2, 8, 1, 8, 2), "tanh", rng)
        x = rng.normal(size=(40, 2))
        case = {"name": name, "steps": steps, "x": x, "start": [v.copy() for v in values(model)]}
        for _ in range(steps):
            for p in model.parameters():
                p.grad[...] = 0
            model.backward(losses.squared_error(model.forward(x), x)[1])
            optimiser.step(model.parameters())
        yield case | {"end": values(model)}


def spiral_case():
    X, t = data.make_spiral(300, turns=2, random_state=0)
    scaled = StandardScaler().fit_transform(X)
    rough = scaled + 0.3 * np.random.default_rng(1).normal(size=X.shape)
    return {
        "t": t, "turns": 2, "X": X, "scaled": scaled, "rough": rough,
        "spearman": spearmanr(rough[:, 0], t)[0],
        "explained_variance": metrics.explained_variance(scaled, rough),
    }  # fmt: skip


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """What the library says, in float64, as the path of a JSON file."""
    rng = np.random.default_rng(0)
    found = {
        "losses": loss_cases(rng),
        "networks": list(network_cases(rng)),
        "vae": vae_case(rng),
        "optimisers": list(optimiser_cases(rng)),
        "spiral": spiral_case(),
        "convolutions": list(convolution_cases(rng)),
    }
    path = tmp_path_factory.mktemp("live") / "cases.json"
    path.write_text(json.dumps(found, default=np.ndarray.tolist))
    return path


def test_the_engine_equals_the_library(cases):
    run_node("--test", HERE / "engine.test.mjs", LIVE_CASES=str(cases))


def test_a_wrong_number_is_noticed(cases, tmp_path):
    """The comparison itself can fail: a gradient off by a billionth of its size and more."""
    found = json.loads(cases.read_text())
    found["vae"]["gradients"][0][0][0] += 1e-7
    wrong = tmp_path / "cases.json"
    wrong.write_text(json.dumps(found))
    with pytest.raises(AssertionError, match="VAE"):
        run_node("--test", HERE / "engine.test.mjs", LIVE_CASES=str(wrong))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "steps"),
    [
        ({"turns": 2, "growing": True}, 5000),
        ({"turns": 1, "growing": False}, 2500),
        # A torn training is chaotic: in thousands of steps it makes percents of a rounding error.
        ({"turns": 2, "growing": False}, 500),
    ],
    ids=["growing", "all at once", "all at once, torn"],
)
def test_the_training_of_tear_it_ends_where_the_library_does(setting, steps):
    """The same first weights, batches and rates; thousands of steps later, the same loss."""
    page = json.loads(run_node(HERE / "tear_it_training.mjs", json.dumps(setting), steps))
    X = np.array(page["X"])  # (300, 2)
    rng = np.random.default_rng(0)
    encoder, decoder = network((2, 32, 32, 1), "tanh", rng), network((1, 32, 32, 2), "tanh", rng)
    model = Sequential(encoder.layers + decoder.layers)
    for p, start in zip(model.parameters(), page["start"], strict=True):
        p.value[...] = np.reshape(start, p.value.shape)
    adam = Adam(page["rates"][0])
    for rows, rate in zip(page["batches"], page["rates"], strict=True):
        x = X[rows]  # (64, 2)
        model.backward(losses.squared_error(model.forward(x), x)[1], accumulate=False)
        adam.learning_rate = rate
        adam.step(model.parameters())
    assert adam.t == steps
    assert page["loss"] == pytest.approx(losses.squared_error(model.forward(X), X)[0], rel=0.01)
