"""The drawings of a figure for both themes and two widths, from a figure of known colours."""

import base64
import io
import re
from itertools import pairwise
from pathlib import Path

import drawings
import kernel_figures
import matplotlib.pyplot as plt
import numpy as np
import pytest
from kernel_figures import DARK, DRAWINGS, INK, LINE, PAPER, TEXT, contrast, draw, ramp, themed
from matplotlib import font_manager
from matplotlib.colors import to_hex
from PIL import Image

from vae_numpy import plotting

CSS = (Path(__file__).parents[2] / "book/_static/book.css").read_text("utf-8")


def picture(png):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"))


def hexes(pixels):
    return {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in pixels.reshape(-1, 3)}


@pytest.fixture
def figure():
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
    left.plot([0, 1], [0, 1], color=plotting.BLUE, lw=8)
    left.set_ylabel("loss")
    right.plot([0, 1], [1, 0], color=plotting.BLACK, lw=8)
    yield figure
    plt.close(figure)


@pytest.fixture
def drawn(figure):
    return draw(figure)[DRAWINGS]


# Colours ------------------------------------------------------------------------------------------


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)  # their own example


@pytest.mark.parametrize("colour", [*DARK.values(), *ramp()[::15]])
def test_the_dark_colours_stand_out_from_the_dark_page(colour):
    assert contrast(colour, PAPER["dark"]) >= 4.5


@pytest.mark.parametrize("theme", PAPER)
def test_the_ink_stands_out_from_its_page(theme):
    assert contrast(INK[theme], PAPER[theme]) >= 10


@pytest.mark.parametrize("theme", PAPER)
def test_the_ink_is_that_of_the_page(theme):
    rule = re.search(rf'html\[data-theme="{theme}"\] {{\n  --pst-color-primary.*?}}', CSS, re.S)[0]
    assert f"--pst-color-text-base: {INK[theme]};" in rule


def test_every_colour_of_the_book_has_one_for_the_dark_page():
    assert {*DARK, plotting.BLACK} == {colour.lower() for colour in plotting.COLOURS}
    assert len(set(DARK.values())) == len(DARK)


def test_the_dark_ramp_rises_as_the_light_one_does():
    light = [kernel_figures.luminance(c) for c in plotting.CONTINUOUS(np.linspace(0, 1, 12))[:, :3]]
    dark = [kernel_figures.luminance(colour) for colour in ramp(12)]
    assert all(a < b for a, b in pairwise(light)) and all(a < b for a, b in pairwise(dark))


def test_unknown_colours_are_lightened_until_they_can_be_read():
    assert contrast(themed("#300060", "dark"), PAPER["dark"]) >= 4.5
    assert themed("#300060", "light") == "#300060"


@pytest.mark.parametrize("grey", ["0.3", "0.5", "0.6", "0.75", "0.9"])
def test_a_grey_has_in_the_dark_the_contrast_that_it_has_on_white(grey):
    light, dark = (
        contrast(themed(to_hex(grey), theme), PAPER[theme]) for theme in ("light", "dark")
    )
    assert dark == pytest.approx(light, rel=0.05)


def test_black_is_the_ink_and_white_the_paper():
    for theme in PAPER:
        assert themed("#000000", theme) == INK[theme]
        assert themed("#ffffff", theme, least=TEXT) == PAPER[theme]


def drawn_in(theme, draw_on):
    """Return the colours of a panel on which something is drawn, the most frequent first."""
    figure, ax = plt.subplots(figsize=(2, 2))
    ax.set_axis_off()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    draw_on(ax)
    pixels = picture(draw(figure)[DRAWINGS]["wide"][theme])
    plt.close(figure)
    kinds, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in kinds[np.argsort(-counts)]]


@pytest.mark.parametrize("theme", PAPER)
@pytest.mark.parametrize(
    "thing",
    [
        lambda ax: ax.plot([0, 1], [0.5, 0.5], color="0.9", lw=9),
        lambda ax: ax.plot(0.5, 0.5, "s", color="0.9", ms=50),
        lambda ax: ax.scatter([0.2, 0.6], [0.2, 0.6], s=900, color="0.9"),
    ],
    ids=["line", "marker", "points"],
)
def test_pale_grey_lines_and_points_can_be_seen(theme, thing):
    ground, colour = drawn_in(theme, thing)[:2]
    assert ground == PAPER[theme]
    assert 1.79 <= LINE[theme] == pytest.approx(contrast(colour, ground), rel=0.02)


@pytest.mark.parametrize("theme", PAPER)
def test_grey_words_can_be_read(theme):
    colours = drawn_in(theme, lambda ax: ax.text(0, 0, "I", size=99, weight=900, color="0.7"))
    assert contrast(colours[1], PAPER[theme]) >= 0.98 * TEXT


@pytest.mark.parametrize("theme", PAPER)
@pytest.mark.parametrize("patch", [plotting.SKY_BLUE, plotting.BLUE, plotting.VERMILLION])
@pytest.mark.parametrize("word", ["black", "white"])
def test_words_on_a_patch_stand_out_from_it(theme, patch, word):
    def on_a_patch(ax):
        ax.add_patch(plt.Rectangle((0, 0), 1, 1, color=patch))
        ax.text(0.5, 0.5, "I", size=60, weight=900, color=word, ha="center", va="center")

    colours = drawn_in(theme, on_a_patch)
    ground = next(colour for colour in colours if colour != PAPER[theme])
    written = [colour for colour in colours if colour in (INK[theme], PAPER[theme])]
    best = max(contrast(ground, each[theme]) for each in (INK, PAPER))
    assert max(contrast(ground, colour) for colour in written) >= min(best, TEXT)


# The drawings -------------------------------------------------------------------------------------


def test_each_theme_has_its_ground_and_its_colours(drawn):
    light, dark = (picture(drawn["wide"][theme]) for theme in ("light", "dark"))
    assert light.shape == dark.shape
    for pixels, theme, line in ((light, "light", "#0072b2"), (dark, "dark", DARK["#0072b2"])):
        assert hexes(pixels[:1, :1]) == {PAPER[theme]}
        assert {PAPER[theme], INK[theme], line} <= hexes(pixels)
    assert "#ffffff" not in hexes(dark) and "#000000" not in hexes(light)


def test_pictures_are_the_same_in_both_themes():
    figure, ax = plt.subplots(figsize=(3, 3))
    ax.imshow([[0, 0.5], [0.75, 1]], cmap="gray", vmin=0, vmax=1)
    ax.text(0, 0, "I", color="white", ha="center", va="center", fontsize=40)
    ax.set_axis_off()
    drawn = draw(figure)[DRAWINGS]["wide"]
    plt.close(figure)
    middle = [picture(drawn[theme])[60:-60, 60:-60] for theme in PAPER]
    np.testing.assert_array_equal(*middle)
    assert (middle[0] == 255).all(axis=-1).any() and (middle[0] == 0).all(axis=-1).any()


@pytest.mark.parametrize(("kind", "end"), [("imshow", "#d6c35d"), ("pcolormesh", ramp()[-1])])
def test_a_colour_bar_has_the_colours_of_what_it_explains(kind, end):
    figure, ax = plt.subplots(figsize=(3, 3), layout="constrained")
    shown = getattr(ax, kind)([[0, 1]], cmap=plotting.CONTINUOUS)
    bar = figure.colorbar(shown)
    dark = picture(draw(figure)[DRAWINGS]["wide"]["dark"])
    plt.close(figure)
    right = dark[:, dark.shape[1] // 2 :]  # half of the panel and the bar
    panel, bar = right[:, : right.shape[1] // 4], right[:, right.shape[1] // 2 :]
    wanted = np.array([int(end[i : i + 2], 16) for i in (1, 3, 5)])
    for pixels in (panel, bar):  # of 256 colours for the whole drawing
        assert np.abs(pixels.astype(int) - wanted).sum(axis=-1).min() < 10


def test_panels_side_by_side_stand_below_each_other_on_a_telephone(drawn):
    wide, narrow = (picture(drawn[width]["light"]) for width in ("wide", "narrow"))
    assert drawn["stacked"]
    assert wide.shape[1] > 2 * wide.shape[0] and narrow.shape[0] > narrow.shape[1]


def test_a_small_panel_is_drawn_once_for_all_widths():
    figure, ax = plt.subplots(figsize=(4.5, 3))
    assert set(draw(figure)[DRAWINGS]) == {"wide"}
    plt.close(figure)


def test_a_shared_axis_is_labelled_where_the_panels_part(figure):
    right = figure.axes[1]
    with kernel_figures.below_each_other(figure):
        assert right.get_ylabel() == "loss"
        assert right.yaxis.get_tick_params()["labelleft"]
    assert right.get_ylabel() == ""
    assert not right.yaxis.get_tick_params()["labelleft"]


def grid(rows, columns, titles, **share):
    """A figure of numbered panels, and where each stands on a telephone: (line, column)."""
    figure, axes = plt.subplots(rows, columns, figsize=(9, 5), layout="constrained", **share)
    for number, ax in enumerate(axes.flat):
        ax.plot([0, 1])
        ax.set_title(f"panel {number}" if number < titles else "")
    before = [ax.get_subplotspec() for ax in figure.axes]
    with kernel_figures.below_each_other(figure):
        specs = [ax.get_subplotspec() for ax in figure.axes]
        placed = [(spec.rowspan.start, spec.colspan.start) for spec in specs]
        written = [ax.get_title() for ax in figure.axes]
    assert [ax.get_subplotspec() for ax in figure.axes] == before
    assert sum(ax.get_title() != "" for ax in figure.axes) == titles
    plt.close(figure)
    return placed, written


def test_a_table_of_three_rows_keeps_its_columns():
    placed, _ = grid(3, 5, titles=5)
    assert placed == [(row, column) for row in range(3) for column in range(5)]


def test_no_line_mixes_the_two_rows_of_a_table():
    placed, written = grid(2, 3, titles=3, sharex=True, sharey="row")
    assert placed == [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1), (3, 0)]
    assert written == ["panel 0", "panel 1", "panel 2"] * 2


def test_panels_that_each_have_a_title_are_a_list():
    placed, _ = grid(2, 3, titles=6)
    assert placed == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]


def test_what_stands_below_a_panel_is_off_the_next_title():
    figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for ax in axes:
        ax.set(title="one", xlabel="time")
    with kernel_figures.below_each_other(figure):
        figure.draw_without_rendering()
        label, title = axes[0].xaxis.label, axes[1].title
        gap = label.get_window_extent().y0 - title.get_window_extent().y1
        assert gap > 0.8 * title.get_window_extent().height
    assert figure.get_layout_engine().get()["h_pad"] < 0.05
    plt.close(figure)


def test_the_figure_is_left_as_it_was_and_the_bytes_are_the_same(figure, drawn):
    before = figure.canvas, figure.get_layout_engine()
    assert draw(figure)[DRAWINGS] == drawn
    assert (figure.canvas, figure.get_layout_engine()) == before
    assert figure.get_size_inches().tolist() == [9, 3]
    assert [ax.get_subplotspec().get_geometry()[:2] for ax in figure.axes] == [(1, 2)] * 2


@pytest.mark.parametrize(("inches", "shown"), [("WIDEST", 700), ("NARROW", 350)])
def test_labels_have_ten_pixels_at_least_where_the_figure_is_shown(inches, shown):
    points = plt.rcParams["font.size"]
    assert points / 72 * shown / getattr(kernel_figures, inches) >= 10


def test_the_fonts_are_found_without_a_word(caplog):
    with plt.rc_context():
        kernel_figures.use_fonts()
        figure = plt.figure(figsize=(3, 1))
        figure.text(0, 0, r"loss → β, $\beta$ → 2 ≤ √3", weight="bold")
        figure.text(0, 0.5, "loss → β", style="italic")
        draw(figure)
        plt.close(figure)
        found = font_manager.findfont(font_manager.FontProperties(family="Inter", weight="bold"))
    assert Path(found).parent == kernel_figures.FONTS and "Bold" in found
    assert caplog.text == ""


# The page -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word", ["Left: one. Right, two", "what it loses (left), what (right)", "Left, a; right, b"]
)
def test_a_caption_says_top_and_bottom_where_panels_are_stacked(word):
    figure = (
        f'<img class="only-dark only-narrow stacked" src="a.png" /><figcaption>{word}</figcaption>'
    )
    text = drawings.say_where(figure)
    assert re.sub(r'<span class="only-narrow">.*?</span>|</?span.*?>', "", text) == figure
    narrow = re.sub(r'<span class="only-wide">.*?</span>|</?span.*?>', "", text)
    assert "eft" not in narrow and "ight" not in narrow and "op" in narrow and "ottom" in narrow


def test_other_captions_stay(word="Left: one. Right, two"):
    figure = f'<img class="only-dark only-narrow" src="a.png" /><figcaption>{word}</figcaption>'
    assert drawings.say_where(figure) == figure
    assert drawings.say_where("The left one. Right.") == "The left one. Right."


def test_no_style_inverts_a_picture():
    assert "invert(" not in CSS
