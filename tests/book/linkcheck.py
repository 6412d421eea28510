"""Check a built site: every link leads somewhere, and no page loads anything from a third party.

    python tests/book/linkcheck.py _build/html

Reported are missing targets, missing anchors, ids that occur twice, links that start at the host's
root (the site is published below one), and what a browser would fetch from another host: ``src``,
style sheets, ``url()`` and ``@import``, addresses in inline scripts. External hyperlinks are only
counted, not visited. What a script file does when it runs only a browser can tell.
"""

import re
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADING_ATTRIBUTES = {"src", "srcset", "data-src", "poster", "data", "xlink:href"}
FOLLOWED = {"next", "prev", "search", "index", "canonical", "alternate", "author", "license"}
CSS_URL = re.compile(r"""url\(\s*["']?([^"')]+)|@import\s+["']([^"']+)""")
SCRIPT_URL = re.compile(
    r"""(?:fetch|import|importScripts|Worker|WebSocket|EventSource)\(\s*["'`]((?:\w+:)?//[^"'`]+)"""
    r"""|\bimport\s+(?:[^"';]+\sfrom\s+)?["']((?:https?:)?//[^"']+)"""
    r"""|\.(?:src|href)\s*=\s*["'`]((?:https?:)?//[^"'`]+)"""
    r"""|["'`]((?:https?:)?//[^"'`\s]+\.(?:m?js|css|json|wasm|woff2?)(?:[?#][^"'`]*)?)["'`]"""
)


def addresses(pattern, text):
    """Return what ``pattern`` finds in ``text``, whichever of its groups matched."""
    return ["".join(groups).strip() for groups in pattern.findall(text)]


class Page(HTMLParser):
    """The ids of a page, the links it offers, and the addresses that it loads."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads, self._inside = Counter(), [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = {name: value for name, value in attrs if value}
        self._inside = tag if tag in ("script", "style") else None
        self.ids.update({attrs["id"]} if "id" in attrs else ())
        for name, value in attrs.items():
            if name in LOADING_ATTRIBUTES:
                each = value.split(",") if name == "srcset" else [value]
                self.loads += [address.split()[0] for address in each if address.strip()]
            elif name == "style":
                self.loads += addresses(CSS_URL, value)
            elif name == "href":
                loaded = tag in ("image", "use") or (
                    tag == "link" and not FOLLOWED & set(attrs.get("rel", "").split())
                )
                (self.loads if loaded else self.links).append(value)
        if tag == "meta" and attrs.get("http-equiv", "").lower() == "refresh":
            self.links.append(attrs["content"].partition("=")[2].strip())

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside:
            self.loads += addresses(CSS_URL if self._inside == "style" else SCRIPT_URL, data)


def check(root):
    """Return the faults of the site in ``root`` (sentences), and how much was looked at."""
    root = Path(root).resolve()
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(root.rglob("*.html"))}
    styles = {p: addresses(CSS_URL, p.read_text("utf-8")) for p in sorted(root.rglob("*.css"))}
    faults, seen = [], Counter(pages=len(pages))

    def resolve(source, address):
        """Note what is wrong with a local ``address`` found in the file ``source``."""
        parts = urlsplit(address)
        if parts.path.startswith("/"):
            return "starts at the host's root"
        target = (source.parent / unquote(parts.path)).resolve() if parts.path else source
        target = target / "index.html" if target.is_dir() else target
        if not target.is_relative_to(root) or not target.is_file():
            return "missing"
        anchor = unquote(parts.fragment)
        if target in pages and anchor not in {"", "top", *pages[target].ids}:
            return "no such anchor"

    for source in [*pages, *styles]:
        page = pages.get(source)
        where = source.relative_to(root).as_posix()
        faults += [
            f"{where}: id twice: {i}" for i, n in (page.ids if page else {}).items() if n > 1
        ]
        for address in page.links if page else ():
            seen["links"] += 1
            if urlsplit(address).scheme in ("http", "https") or address.startswith("//"):
                seen["external links"] += 1
            elif not urlsplit(address).scheme and (fault := resolve(source, address)):
                faults.append(f"{where}: {fault}: {address}")
        for address in page.loads if page else styles[source]:
            seen["loaded files"] += 1
            parts = urlsplit(address)
            if parts.netloc:
                faults.append(f"{where}: third party: {address}")
            elif not parts.scheme and (fault := resolve(source, address)):
                faults.append(f"{where}: {fault}: {address}")
    return faults, seen


def main(root):
    """Print the faults of the site in ``root``; return how many there are."""
    faults, seen = check(root)
    if not seen["pages"]:
        faults.append(f"{root}: no page here; build the book first")
    print(*faults, sep="\n", end="\n" if faults else "")
    print(", ".join(f"{n} {what}" for what, n in seen.items()), f"- {len(faults)} faults")
    return len(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) > 0)
