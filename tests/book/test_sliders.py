"""The data of the landing page's sliders are what their script writes."""

import base64
import importlib.util
import json

import numpy as np
from test_strict_build import ROOT

from vae_numpy.models import VAE

SPEC = importlib.util.spec_from_file_location("sliders", ROOT / "book/figures/sliders.py")
sliders = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(sliders)


def unpack(packed):
    kind, name = (np.int8, "int8") if "int8" in packed else ("<f4", "float32")
    numbers = np.frombuffer(base64.b64decode(packed[name]), kind)
    return numbers.reshape(packed["shape"]) * packed["scale"]


def test_the_committed_data_are_what_the_script_writes():
    kept, made = json.loads(sliders.DATA.read_text("utf-8")), sliders.data()
    assert kept["latents"] == made["latents"] and kept["reach"] == made["reach"]
    for ours, theirs in zip(kept["layers"], made["layers"], strict=True):
        step = ours["W"]["scale"]
        np.testing.assert_allclose(unpack(ours["W"]), unpack(theirs["W"]), atol=1.01 * step)
        np.testing.assert_allclose(unpack(ours["b"]), unpack(theirs["b"]), atol=1e-4)


def test_the_small_decoder_draws_what_the_model_draws():
    model = VAE.load(sliders.CHECKPOINT)
    latents = sliders.living(model)
    z = np.random.default_rng(0).uniform(-sliders.REACH, sliders.REACH, (500, 3))
    code = np.zeros((500, model.n_components))
    code[:, latents] = z
    h = z
    for i, (W, b) in enumerate(sliders.small_decoder(model, latents)):
        h = h @ W + b
        h = np.maximum(h, 0) if i < 2 else h
    error = 1 / (1 + np.exp(-h)) - model.inverse_transform(code)
    assert np.sqrt(np.mean(error**2)) < 0.005
