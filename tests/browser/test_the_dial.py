"""Chapter 8's figure *the dial*, worked by mouse and keyboard, its numbers against Python's."""

import base64
import json
from functools import cache

import numpy as np
import pytest
from visiting import ROOT, SITE

from vae_numpy import metrics
from vae_numpy.data.sprites import Sprites
from vae_numpy.models import VAE

pytestmark = pytest.mark.browser

PAGE = "book/08_beta_vae.html"
NAME = "beta-dial"
# The two latents that the dial turns: the first two sliders of the landing page.
PAIR = json.loads((ROOT / "book/figures/sliders.json").read_text("utf-8"))["latents"][:2]


@cache
def page():
    """The data that a cell of the page has published."""
    return json.loads((SITE / f"_static/live/data/{NAME}.json").read_text("utf-8"))


@cache
def encoded():
    """The shipped model, its codes of the page's 5,000 pictures, these and their factors."""
    model = VAE.load(ROOT / "experiments/results/beta_sweep-beta4.npz")
    X, factors = Sprites(32).sample(5000, np.random.default_rng(1))
    return model, model.transform(X), X, factors


def whole_turn(psi, first=PAIR[0], second=PAIR[1]):
    R = np.eye(10)
    c, s = np.cos(np.radians(psi)), np.sin(np.radians(psi))
    R[np.ix_([first, second], [first, second])] = [[c, s], [-s, c]]
    return R


def loss_at(psi, n=1000):
    """The mean loss with turned latents, from the page's noise: Bernoulli's formula, by hand."""
    model, _, X, _ = encoded()
    R = whole_turn(psi)
    mu, logvar = (a.astype(float) for a in model.encode(X[:n]))
    s2 = 1 / np.einsum("ik,nk,ik->ni", R, np.exp(-logvar), R)  # the diagonal of R P R.T
    mean = mu @ R.T
    kl = 0.5 * (mean**2 + s2 - 1 - np.log(s2)).sum(axis=1).mean()
    rng, nll = np.random.default_rng(0), []
    for _ in range(4):
        z = mean + np.sqrt(s2) * (rng.standard_normal(mu.shape) @ R.T)
        p = np.clip(model.inverse_transform(z @ R), 1e-6, 1 - 1e-6)
        nll.append(-(X[:n] * np.log(p) + (1 - X[:n]) * np.log(1 - p)).sum(axis=1).mean())
    return np.mean(nll) + 4 * kl


def unpack(packed):
    kind, name = (np.int8, "int8") if "int8" in packed else ("<f4", "float32")
    numbers = np.frombuffer(base64.b64decode(packed[name]), kind)
    return numbers.reshape(packed["shape"]) * packed["scale"]


def drawn(psi):
    """The two rows of pictures (14, 1024) by the page's weights of one byte each."""
    layers = json.loads((ROOT / "book/figures/sliders.json").read_text("utf-8"))["layers"]
    R, t = whole_turn(psi, 0, 1)[:3, :3], np.linspace(-1.5, 1.5, 7)
    turned = np.tile(R @ page()["middle"], (2, 7, 1))
    turned[0, :, 0] += t
    turned[1, :, 1] += t
    h = turned.reshape(14, 3) @ R  # turn back, then decode
    for i, layer in enumerate(layers):
        h = h @ unpack(layer["W"]) + unpack(layer["b"])
        h = np.maximum(h, 0) if i < 2 else h
    return 1 / (1 + np.exp(-h))


def test_the_task_can_be_solved_from_the_keyboard(stage):
    def down(k):
        return abs(stage.live("look()")["moves"][k]["down"])

    before = float(stage.number("loss").split()[0])
    log_p = stage.number("log p(x)")
    assert min(down(0), down(1)) > 5
    slider = stage.slider("angle psi")
    while stage.live("state.angle") > 0 and down(1) > 0.5:
        stage.press(slider, "ArrowLeft")
    seen = stage.live("look()")
    assert stage.live("state.angle") < 10 and abs(seen["moves"][1]["across"]) > 10
    assert seen["known"][1][3] > 0.4 > 0.05 > seen["known"][1][4], "it knows posX, not posY"
    after = float(stage.number("loss").split()[0])
    assert before - after == pytest.approx(0.46, abs=0.02)
    assert stage.number("log p(x)") == log_p


def test_the_mouse_drags_the_axis_and_the_slider(stage):
    stage.drag(stage.slider("axis of latent 1"), 30, 60)
    assert stage.live("state.angle") < 30
    stage.live("reset()")
    stage.drag(stage.slider("angle psi"), 60, 0)
    assert stage.live("state.angle") > 60


def test_the_arrows_move_the_axis(stage):
    stage.press(stage.slider("axis of latent 1"), "ArrowUp", times=3)
    assert 48 <= stage.live("state.angle") <= 60


@pytest.mark.parametrize("psi", [0, 17, 45, 90])
def test_its_numbers_are_those_of_python(stage, psi):
    stage.live(f"set({{angle: {psi}}})")
    seen = stage.live("look()")
    _, codes, _, factors = encoded()
    turned = codes @ whole_turn(psi).T
    assert seen["mig"] == pytest.approx(metrics.mig(turned, factors), abs=1e-3)
    assert stage.number("MIG") == f"{page()['mig'][psi]:.3f}"
    p = [np.bincount(f) / len(f) for f in factors.T]
    entropies = [-np.sum(q * np.log(q)) for q in p]
    known = metrics.mutual_information(turned[:, PAIR], factors) / entropies
    np.testing.assert_allclose(seen["known"], known, atol=1e-2)  # one byte each
    pictures = drawn(psi)
    np.testing.assert_allclose(seen["pictures"], pictures, atol=1e-6)
    down, across = np.indices((32, 32)).reshape(2, -1) + 0.5
    for k in (0, 1):
        ends = pictures[[7 * k, 7 * k + 6]]
        middles = [ends @ places / ends.sum(axis=1) for places in (across, down)]
        moved = [m[1] - m[0] for m in middles]
        assert list(seen["moves"][k].values()) == pytest.approx(moved, abs=1e-6)
        text = f"{moved[0]:.1f} across, {moved[1]:.1f} down"
        assert stage.number(f"latent {k + 1}, in pixels") == text.replace("-0.0", "0.0")


def test_the_arch_is_that_of_the_loss(stage):
    for psi in (30, 45, 85):  # 85 lies between two angles at which the page computed it
        stage.live(f"set({{angle: {psi}}})")
        assert stage.live("look()")["loss"] == pytest.approx(loss_at(psi), abs=5e-3)


def test_the_decoder_is_the_one_of_the_landing_page(stage):
    asked = stage.page.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")
    served = [url.rsplit("/", 1)[1] for url in asked if "/live/data/" in url]
    assert sorted(served).count("figures-sliders-json.json") == 1 and f"{NAME}.json" in served
