"""What a page says of itself to others: description, card, address; the sitemap; the 404 page.

The one setting is where the site will stand. With GITHUB_REPOSITORY it is that repository's pages;
``html: baseurl`` in ``_config.yml`` names another place. Without an address there is no canonical
link, no picture on a card and no sitemap: all three need one.
"""

import re
from html import escape
from pathlib import Path
from textwrap import shorten
from urllib.parse import urljoin

from book_site import is_chapter, repository
from docutils import nodes

LONGEST = 180  # characters of a description; search engines cut what is longer
CARD = {  # book/figures/social_card.py draws it
    "og:image": "_static/img/social_card.png",
    "og:image:width": 1200,
    "og:image:height": 630,
    "og:image:alt": "A thousand points that fill a cube, and a thousand points on a spiral.",
}
NOT_FOUND = """\
<section id="page-not-found">
<h1>Page not found</h1>
<p>There is no page at this address; the book has grown, and it may have moved. Start at the
<a href="{home}">landing page</a>, or <a href="search.html">search</a> for a word of it. The
contents name every chapter.</p>
</section>"""
SITEMAP = """\
<?xml version="1.0" encoding="utf-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
{}
</urlset>
"""


def _find_address(app, config):
    """Set ``html_baseurl``, from which Sphinx makes the canonical links."""
    if not config.html_baseurl and (name := repository()):
        owner, project = name.split("/")
        host = f"{owner.lower()}.github.io"
        config.html_baseurl = f"https://{host}/"
        if project.lower() != host:
            config.html_baseurl += f"{project}/"


def describe(doctree):
    """Return the first paragraph of a page's own text that has no formula, cut, or None."""
    for paragraph in doctree.findall(nodes.paragraph):
        own = isinstance(paragraph.parent, nodes.section)
        if own and not next(paragraph.findall(nodes.math), None):
            return shorten(paragraph.astext(), LONGEST, placeholder=" ...")
    return None


def _write_head(app, pagename, templatename, context, doctree):
    book, address = app.config.html_title, app.config.html_baseurl
    title = re.sub(r"<[^>]+>", "", context.get("title") or book)
    text = (doctree and describe(doctree)) or f"{title}, a page of {book}."
    said = {
        "og:site_name": book,
        "og:type": "article" if is_chapter(app, pagename) else "website",
        "og:title": title,
        "og:description": text,
    }
    if address:
        said |= {"og:url": urljoin(address, f"{pagename}.html")} | CARD
        said["og:image"] = urljoin(address, CARD["og:image"])
    tags = [_meta("name", "description", text)]
    tags += [_meta("property", name, value) for name, value in said.items()]
    tags += [_meta("name", "twitter:card", "summary_large_image" if address else "summary")]
    if address and pagename == "404":  # it is shown at any address, so its links need a place
        tags.insert(0, f'<base href="{urljoin(address, "404.html")}" />')
        context["pageurl"] = None
    context["metatags"] = "\n".join([context.get("metatags", ""), *tags])


def _meta(kind, name, value):
    return f'<meta {kind}="{name}" content="{escape(str(value))}" />'


def _add_404(app):
    body = NOT_FOUND.format(home=app.builder.get_target_uri(app.config.root_doc))
    yield "404", {"title": "Page not found", "body": body}, "page.html"


def _write_sitemap(app, exception):
    address = app.config.html_baseurl
    if exception or app.builder.format != "html" or not address:
        return
    pages = sorted(app.builder.get_target_uri(name) for name in app.env.found_docs)
    lines = [f"<url><loc>{escape(urljoin(address, page))}</loc></url>" for page in pages]
    Path(app.outdir, "sitemap.xml").write_text(SITEMAP.format("\n".join(lines)), "utf-8")
    Path(app.outdir, "robots.txt").write_text(
        f"User-agent: *\nAllow: /\nSitemap: {urljoin(address, 'sitemap.xml')}\n", "utf-8"
    )


def setup(app):
    app.connect("config-inited", _find_address)
    app.connect("html-page-context", _write_head)
    app.connect("html-collect-pages", _add_404)
    app.connect("build-finished", _write_sitemap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
