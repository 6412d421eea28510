"""Write how much room each live figure takes, once the book is built.

    make book && .venv/bin/python tests/browser/room.py

The style sheet it writes lets a figure's picture take that room, so that nothing on the page moves
when the live figure comes in its place. ``test_live_figures`` says when it is out of date.
"""

from visiting import CHROMIUM, HEIGHTS, ROOT, SITE, Visit, live_figures, served

SHEET = ROOT / "book" / "_static" / "live" / "room.css"
HEAD = "/* The room of each live figure, wide and narrow. Written by tests/browser/room.py. */\n"
HEIGHT = """async (stage) => {
    const { style } = stage.closest("figure");
    style.setProperty("--room", 0);
    for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
    const { height } = stage.getBoundingClientRect();
    style.removeProperty("--room");
    return Math.ceil(height);
}"""


def room(view, stage):
    """Return a figure's module, and the height of its stage [px] in windows of each width."""
    heights = []
    for width, height in HEIGHTS.items():
        view.page.set_viewport_size({"width": width, "height": height})
        heights.append(stage.locator.evaluate(HEIGHT))
    return stage.locator.get_attribute("data-figure"), heights


def main():
    """Measure all figures of the built site, and write the style sheet."""
    from playwright.sync_api import sync_playwright  # which the tests of the rest do without

    rooms = {}
    with sync_playwright() as p, served(SITE) as site:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for path, name in live_figures():
            view = Visit(browser, site, motion="reduce")
            view.open(path)
            module, heights = room(view, view.figure(name))
            rooms[module] = heights
            view.context.close()
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
