"""How a figure is drawn for the book's pages: for light and dark, for a desk and for a telephone.

This runs in the kernel of a build (``drawings.py`` starts it there), beside the reader's cells and
unseen by them: a figure that a cell shows is drawn up to four times from one execution. What is
painted black, white, grey or in a colour of the book gets the colour that the page's theme has for
it; pictures stay as they are. For a telephone the panels stand below each other.
"""

import base64
import io
from contextlib import ExitStack, contextmanager
from functools import cache, lru_cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import to_hex, to_rgb, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text
from PIL import Image

DRAWINGS = "application/vnd.book.drawings+json"
FONTS = Path(__file__).parent / "fonts"
COLUMN = 7.0  # inches, of which each is 100 pixels of the page
WIDEST = 8.4  # what is wider is drawn anew in this width; in the column its text has 11.6 pixels
NARROW = 4.2  # the same on a telephone
SAME_ON_BOTH = 4.6  # a single panel of this width can be read on a telephone as it is
DENSITY = 200  # dots an inch: two for a pixel of the page

PAPER = {"light": "#ffffff", "dark": "#14181e"}  # the theme's grounds
INK = {"light": "#22282f", "dark": "#dfe4ea"}
LINE = {"light": 1.8, "dark": 2.5}  # the least contrast of grey lines and points with the paper:
# what is thin and pale is lost sooner on a dark ground
TEXT = 4.5  # of words with what they stand on
DARK = {  # the colours of vae_numpy.plotting, and what stands for them on a dark page
    "#0072b2": "#5cb5ec",
    "#e69f00": "#f0ad2e",
    "#009e73": "#35c79c",
    "#d55e00": "#ff8a4a",
    "#cc79a7": "#e39ac0",
    "#56b4e9": "#a5dcfa",
    "#7f7f7f": "#969da7",
    "#882255": "#d8709c",
    "#999933": "#bdbd5a",
}


# Colours ------------------------------------------------------------------------------------------


def luminance(colour):
    """Return the relative luminance of a colour, from 0 to 1, as WCAG 2 defines it."""
    rgb = np.asarray(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    """Return the contrast of two colours, from 1 to 21."""
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def ramp(n=256):
    """Return the colours that stand on a dark page for those of ``plotting.CONTINUOUS``."""
    ends = [to_rgb(colour) for colour in ("#4a8df0", "#a6a49f", "#ffe04d")]
    return [to_hex(c) for c in mpl.colors.LinearSegmentedColormap.from_list("", ends, n)(range(n))]


@lru_cache
def table():
    """Return what stands for each colour of the book on a dark page, all as ``#rrggbb``."""
    cividis = mpl.colormaps["cividis"](np.linspace(0, 0.85, 256))
    return dict(zip(map(to_hex, cividis), ramp(), strict=True)) | DARK


@cache
def greys(theme):
    """Return 256 colours from the theme's ink to its paper, and their contrasts with the paper."""
    ink, paper = (np.asarray(to_rgb(c[theme])) for c in (INK, PAPER))
    shades = [to_hex(ink + (paper - ink) * share) for share in np.linspace(0, 1, 256)]
    return shades, np.array([contrast(shade, paper) for shade in shades])


@cache
def themed(colour, theme, least=1):
    """Return the colour, ``#rrggbb``, that a theme has for what is drawn in this one.

    A grey has on a dark page the contrast that it has on a light one, and ``least`` on both; what
    is as good as white is the paper.
    """
    if theme == "dark" and colour in table():
        return table()[colour]
    rgb, paper = np.asarray(to_rgb(colour)), PAPER[theme]
    if np.ptp(rgb) < 0.03:
        wanted = greys("light")[1][round(rgb.mean() * 255)]
        wanted = max(wanted, least) if wanted > 1.05 else wanted
        shades, contrasts = greys(theme)
        return shades[np.abs(contrasts - wanted).argmin()]
    while theme == "dark" and contrast(rgb, paper) < 4.5:
        rgb = rgb + 0.05 * (1 - rgb)
    return to_hex(rgb)


def recoloured(colours, theme, least=None):
    """Return an (n, 4) array of colours, each in the theme's, greys as of lines unless said."""
    colours = to_rgba_array(colours)
    if not len(colours):
        return colours
    kinds, which = np.unique(colours[:, :3], axis=0, return_inverse=True)
    new = np.array([to_rgb(themed(to_hex(kind), theme, least or LINE[theme])) for kind in kinds])
    return np.column_stack([new[which.ravel()], colours[:, 3]])


def in_the_ramp(colours, theme):
    """Return an (n, 4) array of colours with only those of ``plotting.CONTINUOUS`` changed."""
    kinds, which = np.unique(colours[:, :3], axis=0, return_inverse=True)
    shared = table() if theme == "dark" else {}
    new = np.array([to_rgb(shared.get(to_hex(kind), to_hex(kind))) for kind in kinds])
    return np.column_stack([new[which.ravel()], colours[:, 3]])


PICTURE = "bar of a picture"  # marks what keeps its colours, as the picture does


def mark_the_bars(figure, undo):
    """Mark the colour bars of pictures."""
    for bar in (ax._colorbar for ax in figure.axes if hasattr(ax, "_colorbar")):
        if isinstance(bar.mappable, AxesImage):
            undo.callback(bar.solids.set_gid, bar.solids.get_gid())
            bar.solids.set_gid(PICTURE)


class Pen(GraphicsContextBase):
    """Draws lines and text in the theme's colours."""

    theme = "light"

    def set_foreground(self, fg, isRGBA=False):
        rgba = recoloured([fg], self.theme)[0]
        super().set_foreground(rgba if self._forced_alpha is False else (*rgba[:3], self._alpha))


class Renderer(RendererAgg):
    """Paints in the theme's colours what has a colour, and leaves images as they are."""

    def __init__(self, width, height, dpi, theme):
        self.theme = theme
        super().__init__(width, height, dpi)

    def new_gc(self):
        pen = Pen()
        pen.theme = self.theme
        return pen

    def open_group(self, s, gid=None):
        self.group = gid

    def _face(self, face, least=None):
        return None if face is None else tuple(recoloured([face], self.theme, least)[0])

    def draw_path(self, gc, path, transform, rgbFace=None):
        super().draw_path(gc, path, transform, self._face(rgbFace, least=1))  # an area may be pale

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        if _on_an_image(mtext):  # its colour was chosen for the image's
            GraphicsContextBase.set_foreground(gc, mtext.get_color())
        elif mtext is not None:
            GraphicsContextBase.set_foreground(gc, self._readable(mtext))
        super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)

    def _readable(self, text):
        """Return the theme's colour for a text, or on a patch its ink or paper if that is lost."""
        colour = themed(to_hex(text.get_color()), self.theme, TEXT)
        ground = self._ground(text)
        if ground == PAPER[self.theme] or contrast(colour, ground) >= TEXT:
            return colour
        colours = colour, INK[self.theme], PAPER[self.theme]
        return max(colours, key=lambda one: contrast(one, ground))

    def _ground(self, text):
        """Return the colour that has been painted under most of a text, or else the paper."""
        box = Text.get_window_extent(text, self)  # an annotation's own takes in its arrow
        left, right, low, high = (max(0, round(edge)) for edge in (*box.intervalx, *box.intervaly))
        painted = np.asarray(self.buffer_rgba())[::-1][low:high, left:right, :3].reshape(-1, 3)
        kinds, counts = np.unique(painted, axis=0, return_counts=True)
        if not len(painted) or counts.max() < len(painted) / 2:
            return PAPER[self.theme]
        return to_hex(kinds[counts.argmax()] / 255)

    def _update_methods(self):
        super()._update_methods()
        raw = self._renderer

        def draw_markers(gc, marker, marker_trans, path, trans, rgbFace=None):
            raw.draw_markers(gc, marker, marker_trans, path, trans, self._face(rgbFace))

        def draw_path_collection(
            gc, master, paths, transforms, offsets, trans, faces, edges, *a, **k
        ):
            faces, edges = recoloured(faces, self.theme), recoloured(edges, self.theme)
            raw.draw_path_collection(
                gc, master, paths, transforms, offsets, trans, faces, edges, *a, **k
            )

        def draw_quad_mesh(gc, master, w, h, where, offsets, trans, faces, *a):
            if self.group != PICTURE:
                faces = in_the_ramp(faces, self.theme)
            raw.draw_quad_mesh(gc, master, w, h, where, offsets, trans, faces, *a)

        self.draw_markers = draw_markers
        self.draw_path_collection = draw_path_collection
        self.draw_quad_mesh = draw_quad_mesh


def _on_an_image(text):
    axes = text is not None and text.axes
    return bool(axes and axes.images and text.get_transform() == axes.transData)


class Canvas(FigureCanvasAgg):
    """A canvas for one theme."""

    theme = "light"

    def get_renderer(self):
        self.renderer = Renderer(*self.figure.bbox.size, self.figure.dpi, self.theme)
        return self.renderer


# Layouts ------------------------------------------------------------------------------------------


@contextmanager
def as_wide_as(figure, width):
    """Draw a figure that is wider in this width, and of the same shape."""
    size = figure.get_size_inches()
    if size[0] > width:
        figure.set_size_inches(size * width / size[0])
    yield
    figure.set_size_inches(size)


def panels(figure):
    """Return the axes of a figure's one regular grid, in reading order, and its shape, or None."""
    placed = [axes for axes in figure.axes if axes.get_subplotspec()]
    grids = {axes.get_subplotspec().get_gridspec() for axes in placed}
    if len(grids) != 1 or any(len(range(*_cell(axes))) != 1 for axes in placed):
        return None
    return sorted(placed, key=lambda axes: axes.get_subplotspec().num1), next(
        iter(grids)
    ).get_geometry()


def _cell(axes):
    spec = axes.get_subplotspec()
    return spec.num1, spec.num2 + 1


@contextmanager
def below_each_other(figure):
    """Draw a figure for a telephone: panels in one column, small multiples in two.

    A table, whose columns mean something, keeps them if it has three rows or more; the two rows of
    a lower one are laid out one after the other, so that no line mixes them.

    Yields whether panels that stood side by side in one row now stand in one column.
    """
    size = figure.get_size_inches()
    found = panels(figure)
    axes, (rows, columns) = found or ([], (1, 1))
    table = rows > 1 and not all(ax.get_title() for ax in axes)  # else a list, row after row
    kept = columns if sum(map(_small, axes)) > len(axes) / 2 and columns > 3 else 1
    kept = 2 if kept == 1 and (len(axes) > 4 or (rows > 1 and columns > 1)) else kept
    kept = columns if table and rows > 2 else kept
    if columns <= kept or not axes:
        with as_wide_as(figure, NARROW):
            wanted = figure.get_size_inches()
            figure.set_size_inches(NARROW, min(size[1], wanted[1] * 1.25))
            yield False
        figure.set_size_inches(size)
        return
    run = columns if table else len(axes)  # panels that follow each other
    each = -(-run // kept)  # lines
    lines = each * -(-len(axes) // run)
    height = size[1] / rows * (NARROW / kept) / (size[0] / columns)
    grid = GridSpec(lines, kept, figure=figure)
    with ExitStack() as undo:
        for number, ax in enumerate(axes):
            undo.callback(ax.set_subplotspec, ax.get_subplotspec())
            row, place = divmod(number, run)
            ax.set_subplotspec(grid[row * each + place // kept, place % kept])
            if place % kept == 0:
                _label(ax, axes[number // columns * columns], undo)
            if table and not ax.get_title():
                undo.callback(ax.set_title, "")
                ax.set_title(axes[place].get_title())
        engine = figure.get_layout_engine()
        if isinstance(engine, ConstrainedLayoutEngine):  # a label and the next panel's title part
            undo.callback(engine.set, h_pad=engine.get()["h_pad"])
            engine.set(h_pad=0.1)
        undo.callback(figure.set_size_inches, size)
        figure.set_size_inches(NARROW, lines * min(max(height, 1.6), 3.2) + 0.3)
        for bar in (ax._colorbar_info for ax in figure.axes if hasattr(ax, "_colorbar_info")):
            undo.callback(bar.update, aspect=bar["aspect"])
            bar["aspect"] *= lines  # as thick as it was
        yield rows == 1 and kept == 1


def _small(axes):
    """Return whether a panel can be small: it shows a picture, or has no numbers on either axis."""
    return not len(axes.get_xticks()) and bool(axes.images or not len(axes.get_yticks()))


def _label(ax, first, undo):
    """Label the vertical axis of a panel that stood beside the one that has the labels."""
    shown = ax.yaxis.get_tick_params().get("labelleft", True)
    if not shown and not ax.get_ylabel():
        undo.callback(ax.set_ylabel, "")
        ax.set_ylabel(first.get_ylabel())
    if not shown:
        undo.callback(ax.tick_params, axis="y", labelleft=False)
        ax.tick_params(axis="y", labelleft=True)


# The files ----------------------------------------------------------------------------------------


def both(figure):
    """Return a figure as it is laid out, as PNG for a light and for a dark page."""
    before, engine = figure.canvas, figure.get_layout_engine()
    with ExitStack() as undo:
        undo.callback(figure.set_canvas, before)
        canvas = Canvas(figure)
        mark_the_bars(figure, undo)
        box = figure.get_tightbbox(_laid_out(figure, canvas)).padded(0.05)
        undo.callback(figure.set_layout_engine, engine)
        figure.set_layout_engine("none")  # it is laid out
        return {theme: _png(canvas, theme, box) for theme in PAPER}


def _laid_out(figure, canvas):
    figure.draw_without_rendering()
    return canvas.get_renderer()


def _png(canvas, theme, box):
    drawn = io.BytesIO()
    canvas.theme = theme
    dpi = DENSITY * min(1, COLUMN / canvas.figure.get_size_inches()[0])
    canvas.print_figure(drawn, dpi=dpi, bbox_inches=box)
    picture = Image.open(drawn)  # its last row and column are not filled
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, PAPER[theme]), picture)
    return base64.b64encode(small(picture.convert("RGB"), dpi)).decode()


def small(picture, dpi):
    """Return an image as PNG of at most 256 colours, its corner's unchanged, and without a date."""
    few = picture.quantize(256, dither=Image.Dither.NONE)
    palette, corner = few.getpalette(), few.getpixel((0, 0))
    palette[3 * corner : 3 * corner + 3] = picture.getpixel((0, 0))
    few.putpalette(palette)
    written = io.BytesIO()
    few.save(written, "PNG", optimize=True, dpi=(dpi, dpi))
    return written.getvalue()


def draw(figure):
    """Return a figure's drawings, by theme, and how they differ on a telephone, if they do."""
    single = len(figure.axes) == 1 and figure.get_size_inches()[0] <= SAME_ON_BOTH
    with as_wide_as(figure, WIDEST):
        drawn = {"wide": both(figure)}
    if not single:
        with below_each_other(figure) as stacked:
            drawn |= {"narrow": both(figure), "stacked": stacked}
    return {DRAWINGS: drawn}


def save(figure, target):
    """Write a figure's drawings beside each other, by the names that ``drawings.py`` looks for."""
    drawn = draw(figure)[DRAWINGS]
    for width in ("wide", "narrow"):
        for theme, png in drawn.get(width, {}).items():
            ends = [end for end in (theme, width) if end not in ("light", "wide")]
            path = target.with_stem("-".join([target.stem, *ends]))
            path.write_bytes(base64.b64decode(png))


def use_fonts():
    """Have matplotlib write as the pages do: in Inter, and formulas as MathJax sets them."""
    for font in sorted(FONTS.glob("*.ttf")):
        mpl.font_manager.fontManager.addfont(font)
        # Where Inter lacks a sign, and where it is not there at all, DejaVu writes.
        mpl.rcParams["font.family"] = ["Inter", "DejaVu Sans"]
    mpl.rcParams["mathtext.fontset"] = "cm"


def register(shell):
    """Have IPython draw every figure that it shows for the pages as well."""
    use_fonts()
    shell.display_formatter.mimebundle_formatter.for_type(Figure, draw)
