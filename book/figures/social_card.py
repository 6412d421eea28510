"""Draw the picture that a link to the book shows elsewhere, book/_static/img/social_card.png.

The opening picture and the book's title, 1200 by 630 pixels, in few colours to be small:

    PYTHONPATH=.:book/_ext python book/figures/social_card.py
"""

import io
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import kernel_figures
import matplotlib.pyplot as plt
from PIL import Image

from vae_numpy import plotting
from vae_numpy.data import make_random, make_spiral

TARGET = Path(__file__).parents[1] / "_static" / "img" / "social_card.png"
COLOURS = 128


def draw():
    """The title above both clouds, on axes of the same box and without ticks."""
    kernel_figures.use_fonts()
    plotting.use_style()
    figure = plt.figure(figsize=(12, 6.3), facecolor="white", layout="none")
    X, t = make_spiral(1000, dim=3, random_state=0)
    for left, points, colour in ((0.02, make_random(1000, random_state=0), None), (0.5, X, t)):
        ax = figure.add_axes((left, -0.02, 0.48, 0.74), projection="3d")
        plotting.cloud(points, colour, ax=ax, label="", size=11)
        ax.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1), xlabel="", ylabel="", zlabel="")
        ax.set(xticklabels=[], yticklabels=[], zticklabels=[])
        ax.set_box_aspect((1, 1, 1), zoom=1.0)
    ax.collections[0].set_clim(0, 1.2)  # the map's last yellows vanish on white
    title = "From a Spiral to the beta-VAE"
    figure.text(0.06, 0.83, title, size=42, weight="bold", color="#1a1a1a")
    figure.text(0.06, 0.755, "autoencoders from scratch in NumPy", size=25, color="#444444")
    return figure


if __name__ == "__main__":
    drawn = io.BytesIO()
    draw().savefig(drawn, dpi=100)
    picture = Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(TARGET, optimize=True)
