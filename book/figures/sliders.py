"""Write what the landing page's sliders need: a small decoder, and a picture of what it draws.

    PYTHONPATH=.:book/_ext python book/figures/sliders.py

The decoder is that of the shipped beta-VAE on sprites (``experiments.beta_sweep``, beta = 4), made
smaller for the page. Only the latents that are alive are kept; hidden units that stay at 0 wherever
a slider can stand are left out; the last layer becomes two, through the few directions in which its
input varies there; and each weight gets one byte, each bias four.
"""

import json
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import kernel_figures
import matplotlib.pyplot as plt
import numpy as np

from vae_numpy import plotting
from vae_numpy.data.sprites import Sprites
from vae_numpy.live import pack
from vae_numpy.losses import gaussian_kl
from vae_numpy.models import VAE

BOOK = Path(__file__).parents[1]
CHECKPOINT = BOOK.parent / "experiments" / "results" / "beta_sweep-beta4.npz"
DATA = BOOK / "figures" / "sliders.json"
PICTURE = BOOK / "_static" / "img" / "sliders.png"
REACH = 2.4  # how far a slider goes; 98 of 100 codes lie within 2.2
DIRECTIONS = 40


def living(model):
    """Return the latents that carry over 0.1 nats, those that carry most first."""
    X = Sprites(32).sample(2000, np.random.default_rng(1))[0]
    carried = gaussian_kl(*model.encode(X), per_latent=True)[0]
    return [int(k) for k in np.argsort(-carried) if carried[k] > 0.1]


def small_decoder(model, latents):
    """Return the layers W, b of a decoder 3-256-n-40-1024 from these latents, the others at 0.

    relu follows the first two layers, nothing the third, and the sigmoid the last.
    """
    W1, b1, W2, b2, W3, b3 = (p.value.astype(float) for p in model.decoder_.parameters())
    W1 = W1[latents]
    line = np.linspace(-REACH, REACH, 25)
    z = np.stack(np.meshgrid(*[line] * len(latents)), axis=-1).reshape(-1, len(latents))
    h = np.maximum(np.maximum(z @ W1 + b1, 0) @ W2 + b2, 0)
    awake = h.max(axis=0) > 0
    h, W2, b2, W3 = h[:, awake], W2[:, awake], b2[awake], W3[awake]
    middle = h.mean(axis=0)
    _, V = np.linalg.eigh((h - middle).T @ (h - middle))
    V = V[:, : -DIRECTIONS - 1 : -1]  # (n, 40)
    V *= np.sign(V[np.abs(V).argmax(axis=0), np.arange(DIRECTIONS)])  # the same on every machine
    return [(W1, b1), (W2, b2), (V, -middle @ V), (V.T @ W3, middle @ W3 + b3)]


def data():
    """Everything that the page loads."""
    model = VAE.load(CHECKPOINT)
    latents = living(model)
    layers = [{"W": pack(W), "b": pack(b, "float32")} for W, b in small_decoder(model, latents)]
    return {"latents": latents, "reach": REACH, "layers": layers}


def draw():
    """Each latent from its least value to its largest, the others at 0."""
    kernel_figures.use_fonts()
    plotting.use_style()
    model, values = VAE.load(CHECKPOINT), np.linspace(-REACH, REACH, 7)
    rows = [model.traverse(np.zeros(model.n_components), k, values) for k in living(model)]
    figure, ax = plt.subplots(figsize=(6.4, 2.9))
    names = [f"latent {i + 1}" for i in range(len(rows))]
    plotting.image_grid(np.concatenate(rows), n_columns=7, ax=ax, row_labels=names)
    return figure


if __name__ == "__main__":
    DATA.write_text(json.dumps(data(), indent=1) + "\n", "utf-8")
    kernel_figures.save(draw(), PICTURE)
