"""Write how much room each live figure takes, once the book is built.

    make book && .venv/bin/python tests/browser/room.py

The style sheet it writes lets a figure's picture take that room, so that nothing on the page moves
when the live figure comes in its place. ``test_live_figures`` says when it is out of date.
"""

from playwright.sync_api import sync_playwright
from visiting import CHROMIUM, HEIGHTS, ROOT, SITE, Visit, live_figures, served

SHEET = ROOT / "book" / "_static" / "live" / "room.css"
HEAD = (
    "/* How much room a live figure takes, wide and narrow. Written by tests/browser/room.py. */\n"
)
HEIGHT = """stage => {
    stage.closest("figure").style.setProperty("--room", 0);
    return Math.ceil(stage.getBoundingClientRect().height);
}"""


def room(browser, site, path, name):
    """Return a figure's module, and the height of its stage [px] at each width of a window."""
    heights = []
    for width in HEIGHTS:
        view = Visit(browser, site, width=width, motion="reduce")
        view.open(path)
        stage = view.figure(name).locator
        heights.append(stage.evaluate(HEIGHT))
        module = stage.get_attribute("data-figure")
        view.context.close()
    return module, heights


def main():
    """Measure all figures of the built site, and write the style sheet."""
    with sync_playwright() as p, served(SITE) as site:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        rooms = dict(room(browser, site, *figure) for figure in live_figures())
    wide, narrow = (
        [
            f'.live:has([data-figure="{module}"]) {{ --room: {heights[i]}px; }}\n'
            for module, heights in sorted(rooms.items())
        ]
        for i in (0, 1)
    )
    text = "".join(
        [HEAD, *wide, "@media (max-width: 500px) {\n", *(f"  {x}" for x in narrow), "}\n"]
    )
    SHEET.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
