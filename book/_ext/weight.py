"""Have a page load what it needs: the icons in use, search where one searches, its fonts early.

All of it is done with the built files, since the theme has no option for it.
"""

import re
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

FONTS = ("inter-latin-wght-normal.woff2", "jetbrains-mono-latin-wght-normal.woff2")
PRELOAD = '<link rel="preload" as="font" type="font/woff2" crossorigin href="{}" />'
SEARCH = re.compile(
    r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>'
)
ICON = re.compile(r"\bfa-([a-z][\w-]*)")
GLYPH = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
SOURCES = re.compile(
    r"url\((\.\./vendor/fontawesome/webfonts/)(fa-[\w-]+)\.woff2\) format\(\"woff2\"\)"
    r",url\([^)]*\) format\(\"truetype\"\)"
)


def _preload_fonts(app, pagename, templatename, context, doctree):
    links = [PRELOAD.format(context["pathto"](f"_static/fonts/{font}", 1)) for font in FONTS]
    context["metatags"] = "\n".join([context.get("metatags", ""), *links])


def used_icons(pages, css):
    """Return the characters of the icons whose names stand in the pages' markup."""
    names = {name for page in pages for name in ICON.findall(page)}
    return {
        int(code, 16)
        for selectors, code in GLYPH.findall(css)
        if names & set(ICON.findall(selectors))
    }


def shrink(font, characters):
    """Write the part of a TrueType font that draws these characters beside it, as ``.woff``."""
    drawn = TTFont(font, recalcTimestamp=False)
    options = subset.Options()
    options.layout_features, options.name_IDs, options.hinting = [], [], False
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=characters & set(drawn.getBestCmap()))
    cutter.subset(drawn)
    drawn.flavor = "woff"
    drawn.save(font.with_suffix(".woff"))


def _finish(app, exception):
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    texts = {page: page.read_text("utf-8") for page in sorted(out.rglob("*.html"))}
    for page, text in texts.items():
        if page.name != "search.html" and (lighter := SEARCH.sub("", text)) != text:
            page.write_text(lighter, "utf-8")
    style = out / "_static" / "styles" / "pydata-sphinx-theme.css"
    if not style.exists():
        return
    css = style.read_text("utf-8")
    characters = used_icons(texts.values(), css)
    webfonts = out / "_static" / "vendor" / "fontawesome" / "webfonts"
    for font in sorted(webfonts.glob("*.ttf")):
        shrink(font, characters)
    style.write_text(SOURCES.sub(r'url(\1\2.woff) format("woff")', css), "utf-8")
    for unused in [*webfonts.glob("*.ttf"), *webfonts.glob("*.woff2"), *out.rglob("*.map")]:
        unused.unlink()


def setup(app):
    app.connect("html-page-context", _preload_fonts, priority=900)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
