"""Draw the opening picture of README and landing page, book/_static/img/two_clouds*.png.

A thousand points that fill a cube, beside a thousand points on a spiral in the same cube, for
light and dark pages, and for telephones:

    PYTHONPATH=.:book/_ext python book/figures/two_clouds.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("agg")

import kernel_figures
import matplotlib.pyplot as plt

from vae_numpy import plotting
from vae_numpy.data import make_random, make_spiral

TARGET = Path(__file__).parents[1] / "_static" / "img" / "two_clouds.png"


def draw():
    """Both clouds on axes of the same box; the spiral coloured by the position along it."""
    kernel_figures.use_fonts()
    plotting.use_style()
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.7), subplot_kw={"projection": "3d"})
    plotting.cloud(make_random(1000, random_state=0), ax=left, label="a random cloud", size=6)
    X, t = make_spiral(1000, dim=3, random_state=0)
    plotting.cloud(X, t, ax=right, label="a spiral", size=6)
    right.collections[0].set_clim(0, 1.3)  # the map's last yellows vanish on white and on dark
    for ax in (left, right):
        ax.set(xlim=(-1, 1), ylim=(-1, 1), zlim=(-1, 1))
        ax.set_box_aspect((1, 1, 1), zoom=0.85)
        ax.title.set_y(0.96)
    return figure


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    kernel_figures.save(draw(), TARGET)
