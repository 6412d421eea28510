"""Draw the map of the chapters on the landing page, book/_static/img/chapter_map.svg.

The chapters are those of _toc.yml, with the titles of their pages; the list below adds a question
and an icon to each. When one of these changes, run this again, and bring the alt text and the list
in book/index.md, which tell the same in words, up to date (tests/book/test_chapters.py says where):

    python book/figures/chapter_map.py

Standard library only; the same input gives the same bytes.
"""

import math
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "book/_static/img/chapter_map.svg"


class Chapter(NamedTuple):
    title: str
    question: str
    icon: str  # a key of icons()


QUESTIONS = {  # by the page's name without its number
    "random_or_spiral": ("How many numbers say where a point is?", "spiral"),
    "linear_autoencoder": ("What does a flat code keep, and what must it lose?", "line"),
    "nonlinear_autoencoder": ("Can a network unroll a spiral into one number?", "unroll"),
    "what_autoencoders_are_for": (
        "Denoise, fill in, segment: better than simpler tools?",
        "denoise",
    ),
    "fast_matrices": ("Where does the time go, and how much can be saved?", "grid"),
    "variational_inference": ("What can be said about a cause that nobody saw?", "bells"),
    "variational_autoencoder": ("What lies in the holes between the codes?", "hourglass"),
    "beta_vae": ("Can each latent be made to mean one thing?", "sliders"),
    "seeing_locally": (
        "What does a network gain that looks through one window everywhere?",
        "window",
    ),
    "back_to_the_brain": ("Does the ventral stream do the same?", "brain"),
}


def chapters():
    """The numbered pages of the contents, in order."""
    found = []
    contents = (ROOT / "_toc.yml").read_text("utf-8")
    for page, name in re.findall(r"file: (book/\d\d_(\w+))$", contents, re.M):
        text = (ROOT / f"{page}.md").read_text("utf-8")
        title = re.search(r"^# ([^:\n]+)", text, re.M)[1]  # without what follows a colon
        if name not in QUESTIONS:
            raise ValueError(f"{page}.md needs a question and an icon in QUESTIONS")
        found.append(Chapter(title, *QUESTIONS[name]))
    return found


WIDTH, TOP, STEP, RADIUS, TEXT = 440, 230, 140, 34, 150
INK, BLUE = "#1a1a1a", "#0072b2"


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


def text(x, y, size, line, weight=400):
    font = f'font-size="{size}" font-weight="{weight}"'
    return f'<text x="{x}" y="{y}" {font} fill="{INK}">{line}</text>'


def place(i):
    """Where chapter ``i`` (from 0) stands: the road swings left and right on its way down."""
    return (50 if i % 2 == 0 else 96), TOP + STEP * i


def road(i):
    """The stretch of road that leads to chapter ``i``."""
    (x0, y0), (x1, y1) = place(i - 1), place(i)
    return path(f"M{x0} {y0} C{x0} {y0 + 75} {x1} {y1 - 75} {x1} {y1}")


def station(i, chapter):
    """A chapter's circle with its icon, and beside it number, title and question."""
    x, y = place(i)
    lines = [(f"Chapter {i + 1}", 15, 400)]
    lines += [(part, 17, 700) for part in textwrap.wrap(chapter.title, 25)]
    lines += [(part, 17, 400) for part in textwrap.wrap(chapter.question, 27)]
    first = y + 6 - 11 * (len(lines) - 1)
    return [
        f'<circle cx="{x}" cy="{y}" r="{RADIUS}" fill="{BLUE}"/>',
        f'<g transform="translate({x} {y})" stroke="#ffffff" color="#ffffff" stroke-width="2.5">'
        f"{icons()[chapter.icon]}</g>",
        *(
            text(TEXT, first + 22 * row, size, part, weight)
            for row, (part, size, weight) in enumerate(lines)
        ),
    ]


def draw():
    """The whole picture, as SVG text."""
    stations = chapters()
    height = TOP + STEP * (len(stations) - 1) + 70
    x, y = place(0)
    # The road begins as a spiral; its outer end runs down into chapter 1.
    start = [(x + 62 + dx, 86 + dy) for dx, dy in spiral(2.5, 62)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="Inter, system-ui, Helvetica, Arial, sans-serif" '
        'fill="none" stroke-linecap="round" stroke-linejoin="round">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<g stroke="{BLUE}" color="{BLUE}" stroke-width="5">',
        path(f"{polyline(start)} V{y}"),
        dots(start[10::6], r=6),
        *(road(i) for i in range(1, len(stations))),
        "</g>",
        text(196, 84, 17, "From a spiral", weight=700),
        text(196, 106, 17, "to the brain,", weight=700),
        text(196, 128, 17, "question by question"),
    ]
    for i, chapter in enumerate(stations):
        parts += station(i, chapter)
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(draw(), encoding="utf-8", newline="\n")
