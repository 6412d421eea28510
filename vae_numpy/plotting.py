"""The book's figures: every function takes an optional Axes and returns the Axes it drew on.

Colours are those of Okabe and Ito, which readers with a colour vision deficiency can tell
apart; continuous values use matplotlib's cividis, made for the same purpose.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.ticker import MaxNLocator

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.utils import as_vector, check_integer

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
SKY_BLUE = "#56B4E9"
BLACK = "#000000"
COLOURS = [BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY_BLUE, BLACK]
COLOURS += ["#7F7F7F", "#882255", "#999933"]  # of Tol's muted scheme, for ten classes
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<", ">", "*"]
# without the yellow end, which is hard to see on white and, turned, on black
CONTINUOUS = ListedColormap(plt.get_cmap("cividis")(np.linspace(0, 0.85, 256)))

STYLE: dict[str, Any] = {
    "axes.prop_cycle": plt.cycler(color=COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "image.cmap": "gray",
    "legend.frameon": False,
}


def use_style() -> None:
    """Set the book's look for all figures that follow in this notebook."""
    plt.style.use(STYLE)


def cloud(
    X: ArrayLike,
    t: ArrayLike | None = None,
    ax: Axes | None = None,
    label: str | None = None,
    size: float = 5,
) -> Axes:
    """Scatter a cloud of points in two or three dimensions.

    Parameters
    ----------
    X : (N, 2) or (N, 3) array
    t : (N,) array, optional
        Colours the points, for instance by their position along the curve.
    ax : Axes, optional
        For three coordinates an Axes made with ``projection="3d"``.
    label : str, optional
        The axis title.
    size : float
        Area of a point in square points of print.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If ``X`` has another shape.
    """
    X = np.asarray(X)
    if X.ndim != 2 or X.shape[1] not in (2, 3):
        raise ValueError(f"X must be (N, 2) or (N, 3), got shape {X.shape}")
    if ax is None:
        ax = plt.figure().add_subplot(projection="3d" if X.shape[1] == 3 else None)
    style: dict[str, Any] = {"s": size, "linewidths": 0}
    style |= {"color": BLUE} if t is None else {"c": t, "cmap": CONTINUOUS}
    if X.shape[1] == 3:  # by default distant points fade, which hides the far arm of a curve
        style["depthshade"] = False
    ax.scatter(*X.T, **style)
    ax.set(xlabel="x", ylabel="y", title=label)
    if X.shape[1] == 3:
        ax.set(zlabel="z", box_aspect=(1, 1, 1))
        ax.locator_params(nbins=3)
        ax.set_aspect("equal", adjustable="datalim")  # keep the cube, widen the short axes
    else:
        ax.set_aspect("equal")
    return ax


def spectrum(eigenvalues: ArrayLike, ax: Axes | None = None, label: str | None = None) -> Axes:
    """Draw each principal direction's share of the variance as a bar, with its value above.

    Parameters
    ----------
    eigenvalues : (D,) array
        As from ``metrics.pca_spectrum``.
    ax : Axes, optional
    label : str, optional
        The axis title.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        If ``eigenvalues`` is no vector of finite numbers with a sum above 0.
    """
    eigenvalues = as_vector("eigenvalues", eigenvalues)
    if eigenvalues.sum() <= 0:
        raise ValueError("eigenvalues must have a sum above 0, of which each has its share")
    ax = _axes(ax)
    shares = eigenvalues / eigenvalues.sum()
    numbers = np.arange(1, len(shares) + 1)
    bars = ax.bar(numbers, shares, color=BLUE)
    if len(shares) <= 6:
        ax.bar_label(bars, fmt="%.2f")
    ax.set(xlabel="principal direction", ylabel="share of variance", title=label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return ax


def loss_curve(
    history: Mapping[str, Sequence[float]],
    ax: Axes | None = None,
    ylabel: str = "loss per sample",
    log: bool = False,
) -> Axes:
    """Draw losses against the epoch.

    Parameters
    ----------
    history : dict of str to sequence
        One curve a name, one value an epoch.
    ax : Axes, optional
    ylabel : str
        What the loss is, with its unit.
    log : bool
        Logarithmic vertical axis.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    for name, losses in history.items():
        ax.plot(np.arange(1, len(losses) + 1), losses, label=name)
    ax.set(xlabel="epoch", ylabel=ylabel, yscale="log" if log else "linear")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(history) > 1:
        ax.legend()
    return ax


def image_grid(
    images: ArrayLike,
    n_columns: int = 10,
    ax: Axes | None = None,
    row_labels: Sequence[str] | None = None,
    label: str | None = None,
) -> Axes:
    """Show pictures side by side in rows, all on one grey scale.

    Parameters
    ----------
    images : (n, height, width) array
        Or (n, side * side), rows that are square pictures; values in [0, 1].
    n_columns : int
        Pictures in a row; the last row may be shorter.
    ax : Axes, optional
    row_labels : list of str, optional
        One for each row.
    label : str, optional
        The axis title.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        If ``images`` has another shape, or ``n_columns`` is not an integer of at least 1.
    """
    images = _as_images(images)
    n_columns = check_integer("n_columns", n_columns, minimum=1)
    n, height, width = images.shape
    n_rows = -(-n // n_columns)
    # One picture of all pictures, with a line of NaN (drawn as nothing) after each.
    sheet = np.full((n_rows * n_columns, height + 1, width + 1), np.nan)
    sheet[:n, :height, :width] = images
    sheet = sheet.reshape(n_rows, n_columns, height + 1, width + 1).swapaxes(1, 2)
    sheet = sheet.reshape(n_rows * (height + 1), n_columns * (width + 1))[:-1, :-1]
    if ax is None:
        ax = plt.figure(figsize=(0.7 * n_columns, 0.7 * n_rows + 0.3)).add_subplot()
    ax.imshow(sheet, vmin=0, vmax=1, interpolation="nearest")
    rows = np.arange(n_rows) * (height + 1) + (height - 1) / 2
    ax.set_xticks([])
    ax.set_yticks(rows if row_labels else [], row_labels)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(title=label)
    return ax


def reconstructions(
    X: ArrayLike, X_hat: ArrayLike, ax: Axes | None = None, label: str | None = None
) -> Axes:
    """Show pictures in one row and their reconstructions below them.

    Parameters
    ----------
    X, X_hat : (n, side * side) or (n, height, width) arrays
    ax : Axes, optional
    label : str, optional
        The axis title.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the arrays hold no pictures, or are not of one shape.
    """
    X, X_hat = _as_images(X), _as_images(X_hat)
    if X.shape != X_hat.shape:
        raise ValueError(f"X_hat must have the shape of X, {X.shape}, got {X_hat.shape}")
    both = np.concatenate([X, X_hat])
    return image_grid(both, len(X), ax, row_labels=["data", "reconstruction"], label=label)


def traversal(
    images: ArrayLike, ax: Axes | None = None, row_labels: Sequence[str] | None = None
) -> Axes:
    """Show what each latent does: one row a latent, its value growing from left to right.

    Parameters
    ----------
    images : (K, steps, height, width) array
        Decoded pictures.
    ax : Axes, optional
    row_labels : list of str, optional
        By default ``latent 1`` to ``latent K``.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If ``images`` has another shape.
    """
    images = np.asarray(images)
    if images.ndim != 4:
        raise ValueError(f"images must be (K, steps, height, width), got shape {images.shape}")
    n_latents, n_steps, height, width = images.shape
    row_labels = row_labels or [f"latent {k + 1}" for k in range(n_latents)]
    flat = images.reshape(n_latents * n_steps, height, width)
    return image_grid(flat, n_steps, ax, row_labels=row_labels)


def latent_map(
    Z: ArrayLike,
    colour: ArrayLike,
    ax: Axes | None = None,
    label: str | None = None,
    colour_label: str | None = None,
    size: float = 8,
) -> Axes:
    """Scatter two-dimensional codes, coloured by class or by a continuous value.

    Parameters
    ----------
    Z : (N, 2) array
        The codes.
    colour : (N,) array
        Integers are classes (with a legend), floats are values (with a colour bar).
    ax : Axes, optional
    label, colour_label : str, optional
        The title of the axes and of the legend or colour bar.
    size : float
        Area of a point in square points of print.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If ``Z`` has another shape.
    """
    Z, colour = np.asarray(Z), np.asarray(colour)
    if Z.ndim != 2 or Z.shape[1] != 2:
        raise ValueError(f"Z must be (N, 2), got shape {Z.shape}")
    ax = _axes(ax)
    if colour.dtype.kind in "iub":
        for i, value in enumerate(np.unique(colour)):  # more classes than colours: new markers
            x, y = Z[colour == value].T
            colour_of, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
            ax.scatter(x, y, s=size, color=colour_of, marker=marker, linewidths=0, label=str(value))
        ax.legend(title=colour_label, loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2)
    else:
        points = ax.scatter(Z[:, 0], Z[:, 1], s=size, c=colour, cmap=CONTINUOUS, linewidths=0)
        ax.figure.colorbar(points, ax=ax, label=colour_label)
    ax.set(xlabel="latent 1", ylabel="latent 2", title=label)
    return ax


def _axes(ax: Axes | None) -> Axes:
    return plt.figure().add_subplot() if ax is None else ax


def _as_images(X: ArrayLike) -> FloatArray:
    """Return pictures as (n, height, width), rows of pixels folded into squares."""
    X = np.asarray(X)
    if X.ndim == 3 and len(X) > 0:
        return X
    side = round(np.sqrt(X.shape[-1])) if X.ndim == 2 else 0
    if X.ndim != 2 or side * side != X.shape[1] or X.size == 0:
        raise ValueError(f"images must be (n, height, width) or (n, side * side), got {X.shape}")
    return X.reshape(-1, side, side)
