"""The figures hold the data they were given, on the axes they were given."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from vae_numpy import plotting


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def ax():
    return plt.figure().add_subplot()


@pytest.mark.parametrize("dim", [2, 3])
def test_cloud_draws_every_point(dim):
    X = np.random.default_rng(0).random((7, dim))
    ax = plotting.cloud(X, t=X[:, 0], label="a cloud")
    assert ax.name == ("3d" if dim == 3 else "rectilinear")
    assert ax.get_title() == "a cloud" and ax.get_xlabel() == "x"
    assert len(ax.collections[0].get_offsets()) == 7


def test_cloud_keeps_a_flat_cloud_flat():
    X = np.random.default_rng(0).uniform(-1, 1, (50, 3)) * [1, 1, 0.1]
    ax = plotting.cloud(X)
    widths = [np.ptp(limits) for limits in (ax.get_xlim(), ax.get_ylim(), ax.get_zlim())]
    assert np.allclose(widths, widths[0])  # one unit is as long on each axis of the cube


def test_cloud_refuses_four_coordinates():
    with pytest.raises(ValueError, match=r"X must be \(N, 2\) or \(N, 3\), got shape \(5, 4\)"):
        plotting.cloud(np.ones((5, 4)))


def test_spectrum_bars_are_shares(ax):
    assert plotting.spectrum([3.0, 1.0], ax) is ax
    assert [bar.get_height() for bar in ax.patches] == [0.75, 0.25]


def test_loss_curve_starts_at_epoch_one(ax):
    assert plotting.loss_curve({"train": [3, 2, 1], "held out": [4, 3]}, ax, log=True) is ax
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert ax.lines[1].get_ydata().tolist() == [4, 3]
    assert ax.get_legend() is not None and ax.get_yscale() == "log"


def test_image_grid_puts_each_picture_in_its_place(ax):
    images = np.arange(5 * 6).reshape(5, 2, 3) / 30
    assert plotting.image_grid(images, n_columns=3, ax=ax, row_labels=["a", "b"]) is ax
    sheet = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert sheet.shape == (2 * 3 - 1, 3 * 4 - 1)
    for i in range(5):
        row, column = divmod(i, 3)
        tile = sheet[3 * row : 3 * row + 2, 4 * column : 4 * column + 3]
        assert np.array_equal(tile, images[i])
    assert np.isnan(sheet[3:, 8:]).all()  # no sixth picture
    assert np.isnan(sheet[2]).all() and np.isnan(sheet[:, 3]).all()  # the lines between
    assert ax.get_yticks().tolist() == [0.5, 3.5]


def test_rows_of_pixels_fold_into_squares():
    X = np.random.default_rng(0).random((4, 64))
    ax = plotting.reconstructions(X, X / 2)
    sheet = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert np.array_equal(sheet[:8, :8], X[0].reshape(8, 8))
    assert np.array_equal(sheet[9:, 9:17], X[1].reshape(8, 8) / 2)
    with pytest.raises(ValueError, match=r"\(n, side \* side\), got \(4, 63\)"):
        plotting.image_grid(X[:, 1:])


def test_traversal_has_a_row_for_each_latent():
    ax = plotting.traversal(np.zeros((2, 5, 4, 4)))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["latent 1", "latent 2"]
    assert ax.images[0].get_array().shape == (2 * 5 - 1, 5 * 5 - 1)


def test_latent_map_tells_classes_from_values():
    Z = np.random.default_rng(0).random((30, 2))
    by_class = plotting.latent_map(Z, np.arange(30) % 10, colour_label="digit")
    assert len(by_class.collections) == 10
    looks = {
        (tuple(points.get_facecolor()[0]), points.get_paths()[0].vertices.tobytes())
        for points in by_class.collections
    }
    assert len(looks) == 10  # seven colours, but no two classes look alike
    by_value = plotting.latent_map(Z, Z[:, 0])
    assert len(by_value.collections) == 1 and len(by_value.figure.axes) == 2
    with pytest.raises(ValueError, match=r"Z must be \(N, 2\), got shape \(30, 1\)"):
        plotting.latent_map(Z[:, :1], Z[:, 0])
