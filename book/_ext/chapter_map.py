"""The directive ``chapter-map``: the chapters on the landing page as a road that can be walked.

Its content is a numbered list, one entry a chapter: a link to the page, and the question that it
answers. Each entry gets an icon and its stretch of road; ``book.css`` lays them out. Whoever does
not see the drawing has the list.
"""

import math
import re

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

ICONS = {  # by the page's name without its number
    "random_or_spiral": "spiral",
    "linear_autoencoder": "line",
    "nonlinear_autoencoder": "unroll",
    "what_autoencoders_are_for": "denoise",
    "fast_matrices": "grid",
    "variational_inference": "bells",
    "variational_autoencoder": "hourglass",
    "beta_vae": "sliders",
    "seeing_locally": "window",
    "back_to_the_brain": "brain",
}
SVG = '<svg class="{}" viewBox="{}" aria-hidden="true"{}>{}</svg>'
LEFT, RIGHT = 32, 68  # per cent of the road's width: it swings on its way down


def polyline(points):
    """Points as the ``d`` of an SVG path."""
    return "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def spiral(turns, radius, n=80):
    """An Archimedean spiral about the origin, from its centre outwards."""
    ts = [i / (n - 1) for i in range(n)]
    angles = [2 * math.pi * turns * t for t in ts]
    return [
        (radius * t * math.cos(a), -radius * t * math.sin(a))
        for t, a in zip(ts, angles, strict=True)
    ]


def bell(centre, width, height):
    """A Gaussian's graph, standing on y = 14."""
    return [
        (x, 14 - height * math.exp(-0.5 * ((x - centre) / width) ** 2)) for x in range(-24, 25, 2)
    ]


def path(d, extra=""):
    return f'<path d="{d}" {extra}/>'


def dots(points, r=2.4):
    """Filled dots in the colour of the group's strokes."""
    return "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="currentColor" stroke="none"/>'
        for x, y in points
    )


def icons():
    """One drawing for each chapter, about 48 x 48 units around the origin."""
    curl = [(x, y - 8) for x, y in spiral(1.25, 15)]
    cloud = [(-19, 5), (-10, 14), (-6, -3), (4, 5), (8, -13), (19, -5)]
    noise = [(-4, -17), (-12, -13), (-5, -7), (-17, -4), (-10, 2), (-4, 8), (-15, 9), (-9, 16)]
    rows = "M-20 -20 H20 V20 H-20 Z M-20 -6.7 H20 M-20 6.7 H20"
    columns = "M-6.7 -20 V20 M6.7 -20 V20"
    folds = (
        "M-21 4 C-26 -8 -16 -20 -4 -19 C8 -24 24 -14 22 0 C24 8 16 13 8 11 C4 16 -4 14 -6 9"
        " C-12 13 -20 10 -21 4 Z M8 11 C9 16 12 19 15 20"
        " M-12 -4 C-6 -10 0 -4 4 -9 C8 -13 14 -8 13 -3"
    )
    return {
        "spiral": path(polyline(spiral(1.5, 23))) + dots(spiral(1.5, 23)[::8]),
        "line": path("M-22 14 L22 -14") + dots(cloud),
        "unroll": path(polyline(curl))
        + path("M-22 18 H22")
        + dots([(x, 18) for x in range(-20, 21, 10)]),
        "denoise": path("M2 -20 A20 20 0 0 1 2 20 Z") + dots(noise),
        "grid": path(rows + columns),
        "bells": path(polyline(bell(-6, 6, 32)))
        + path(polyline(bell(5, 9, 22)), 'stroke-dasharray="4 3"'),
        "hourglass": path("M-22 -20 L-4 -6 V6 L-22 20 Z M22 -20 L4 -6 V6 L22 20 Z"),
        "sliders": path("M-20 -14 H20 M-20 0 H20 M-20 14 H20")
        + dots([(-10, -14), (8, 0), (-2, 14)], r=5),
        "window": path("M-21 -21 H21 V21 H-21 Z")
        + path("M-4 -13 H13 V4 H-4 Z", 'stroke-dasharray="4 3"'),
        "brain": path(folds),
    }


def road(number, last):
    """Return a chapter's stretch of road, from the middle of its top to that of its bottom."""
    x = LEFT if number % 2 == 0 else RIGHT
    above = "" if number == 0 else f"M50 0 C50 30 {x} 20 {x} 50 "
    below = "" if last else f"M{x} 50 C{x} 80 50 70 50 100"
    line = path(above + below, 'vector-effect="non-scaling-stroke"')
    return SVG.format("road", "0 0 100 100", ' preserveAspectRatio="none"', line)


def station(number, page):
    """Return a chapter's icon in its circle, beside the road or on it."""
    side = "left" if number % 2 == 0 else "right"
    drawn = '<circle r="34"/>' + f"<g>{icons()[ICONS[page]]}</g>"
    return SVG.format(f"station {side}", "-35 -35 70 70", "", drawn)


class ChapterMap(SphinxDirective):
    """``:::{chapter-map}`` around a numbered list of links, each with a question."""

    has_content = True

    def run(self):
        box = nodes.container("", classes=["chapter-map"])
        self.state.nested_parse(self.content, self.content_offset, box)
        [entries] = box.findall(nodes.enumerated_list)
        for number, entry in enumerate(entries.children):
            page = re.search(r"(?<=\d\d_)\w+", str(entry))[0]
            if page not in ICONS:
                raise self.error(f"{page} needs an icon in {__file__}")
            drawn = road(number, entry is entries.children[-1]) + station(number, page)
            entry.insert(0, nodes.raw("", drawn, format="html"))
        return [box]


def setup(app):
    app.add_directive("chapter-map", ChapterMap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
