"""Print the built book as one PDF, by Chromium, and offer it on every page.

    python book/make_pdf.py [_build/html]

The articles of all pages but the landing page and the library's reference, in the order of
``_toc.yml``, become one page beside them, with a title page and the contents. Chromium prints it
twice: Chromium cannot number its contents, so the second time the numbers are those of the first.
Standard library only; Chromium is ``chromium`` or what the environment variable CHROMIUM names.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = "from_a_spiral_to_the_beta_vae.pdf"
MINUTES = 20  # at most, for each of the two prints

STYLE = """
@page {
  size: A4; margin: 18mm 18mm 20mm;
  @bottom-center { content: counter(page); font: 9pt Inter; }
}
@page :first { @bottom-center { content: none; } }
html { font-size: 10pt; scroll-padding: 0; }
html, body { display: block; width: 174mm; margin: 0; background: white; }
.chapter, .book-contents { break-before: page; }
.title { text-align: center; padding-top: 45mm; }
.title h1 { font-size: 30pt; font-weight: 700; margin: 0 0 4mm; }
.title img { width: 100%; height: auto; margin: 20mm 0; }
.book-contents li { display: flex; gap: 2mm; align-items: baseline; line-height: 1.8; }
.book-contents ul { list-style: none; padding: 0; }
.book-contents .part { font-weight: 650; margin-top: 4mm; }
.book-contents .dots { flex: 1; border-bottom: 1px dotted #888; }
.book-contents a { color: inherit; text-decoration: none; }
.bd-article { padding: 0; }
.bd-article img { height: auto; max-width: 100%; max-height: 220mm; object-fit: contain; }
.bd-article :is(.admonition, div[class*="highlight"], pre) { break-inside: auto; }
/* Neither what can scroll or is clipped, nor a flex box, is broken between pages. */
.bd-article :is(div[class*="highlight"], pre, .admonition) { overflow: visible; display: block; }
.bd-article .admonition-title { break-after: avoid; }
.bd-article :is(figure, .math, tr) { break-inside: avoid; }
.bd-article .admonition { box-shadow: none; }
.bd-article p { orphans: 2; widows: 2; }
.live-stage, .headerlink, details.hide, .viewcode-link { display: none !important; }
"""
FIT = """
// A formula that is wider than the paper is set smaller.
const fit = () => {
  for (const box of document.querySelectorAll("div.math")) {
    for (let tries = 0; box.scrollWidth > box.clientWidth && tries < 3; tries += 1) {
      const size = parseFloat(getComputedStyle(box).fontSize);
      box.style.fontSize = `${Math.floor(9.8 * size * box.clientWidth / box.scrollWidth) / 10}px`;
    }
  }
};
addEventListener("load", () => (window.MathJax?.startup.promise ?? Promise.resolve()).then(fit));
"""
ITEM = """
      <li><a href="{address}" download class="btn btn-sm btn-download-book-button dropdown-item"
   title="Download the whole book" data-bs-placement="left" data-bs-toggle="tooltip">
<span class="btn__icon-container"><i class="fas fa-book"></i></span>
<span class="btn__text-container">book.pdf</span></a></li>"""
OTHERS = (  # drawings for a dark page or a telephone, and the words of a caption for the latter
    r'<img\b[^>]*class="[^"]*\bonly-(?:dark|narrow)\b[^>]*>|<span class="only-narrow">[^<]*</span>'
)
PRINT_BUTTON = re.compile(r'<li>\s*<button data-press="print".*?</li>', re.S)


def contents(toc):
    """Return the parts of the book: pairs of a caption and the names of its pages."""
    parts = []
    for caption, page in re.findall(r"^ +- (?:caption: (.+)|file: (\S+))$", toc, re.M):
        if caption:
            parts.append((caption, []))
        elif not page.startswith("book/reference/"):
            parts = parts or [("", [])]
            parts[-1][1].append(page)
    return [(caption, pages) for caption, pages in parts if pages]


def article(html, page, pages):
    """Return the article of a page with ids and links that are good within the whole.

    Parameters
    ----------
    html : str
        The built page.
    page : str
        Its name, without folder and ending.
    pages : set of str
        The names of all pages of the whole; a link to any other becomes its text.
    """
    text = re.search(r'<article class="bd-article">(.*?)</article>', html, re.S)[1]
    text = re.sub(r"<script\b.*?</script>", "", text, flags=re.S)
    text = re.sub(OTHERS, "", text)
    text = re.sub(r'(<img\b[^>]*?) loading="lazy"', r"\1", text)
    text = text.replace('<details class="predict-answer"', '<details open class="predict-answer"')
    text = re.sub(r'\bid="([^"]+)"', rf'id="{page}.\1"', text)

    def link(match):
        before, address, after, words = match.groups()
        target, _, anchor = address.partition("#")
        name = Path(target).stem if target else page
        if re.match(r"\w+:", address):
            return match[0]
        if name not in pages or (target and "/" in target):
            return words
        return f'<a{before}href="#{name}.{anchor}"{after}>{words}</a>'

    text = re.sub(r'<a\b([^>]*?)href="([^"]*)"([^>]*)>(.*?)</a>', link, text, flags=re.S)
    return f'<article class="bd-article chapter" id="{page}.">{text}</article>'


def heading(html):
    """Return a page's title as it stands there, with its number."""
    title = re.search(r"<article.*?<h1>(.*?)(?:<a\b.*?</a>)?</h1>", html, re.S)[1]
    return re.sub(r"<[^>]+>", "", title)


def whole(site, parts, numbers):
    """Return the whole book as one page; ``numbers`` are those of its pages, by name."""
    home = (site / "book/index.html").read_text("utf-8")
    names = {Path(page).name for _, pages in parts for page in pages}
    lines, articles = [], []
    for caption, pages in parts:
        lines.append(f'<li class="part">{caption}</li>')
        for page in pages:
            html, name = (site / f"{page}.html").read_text("utf-8"), Path(page).name
            number = numbers.get(name, "")
            entry = f'<a href="#{name}.">{heading(html)}</a><span class="dots"></span>{number}'
            lines.append(f"<li>{entry}</li>")
            articles.append(article(html, name, names))
    loaded = re.findall(
        r'<link\b[^>]*rel="stylesheet"[^>]*>|<script[^>]*src="[^"]*(?:inline|mathjax)/[^"]*"></script>',
        home,
    )
    loaded = [tag for tag in loaded if "inline/" not in tag or _sets_mathjax(site / "book", tag)]
    title = heading(home)
    picture = re.search(r"<img\b[^>]*_images/[^>]*>", home)
    return f"""<!doctype html>
<html lang="en" data-theme="light" data-content_root="../">
<head><meta charset="utf-8"><title>{title}</title>
{"".join(loaded)}<style>{STYLE}</style><script>{FIT}</script></head>
<body><div class="title"><h1>{title}</h1>{picture[0] if picture else ""}
<p>{date.today():%d %B %Y}</p></div>
<nav class="book-contents"><h1>Contents</h1><ul>{"".join(lines)}</ul></nav>
{"".join(articles)}</body></html>"""


def _sets_mathjax(folder, tag):
    """Say whether the file of a script that stood in the page holds MathJax's settings."""
    return "window.MathJax" in (folder / re.search(r'src="([^"]*)"', tag)[1]).read_text("utf-8")


def page_numbers(pdf):
    """Return the page on which each named place of a PDF by Chromium stands, by name.

    Chromium writes the objects that say so in plain text; a test holds it to that.
    """
    kids = {}
    for number, body in re.findall(rb"\n(\d+) 0 obj\s*<</Type /Pages(.*?)endobj", pdf, re.S):
        kids[number] = re.findall(rb"(\d+) 0 R", re.search(rb"/Kids \[(.*?)\]", body, re.S)[1])
    inner = {kid for children in kids.values() for kid in children}

    def leaves(node):
        return [leaf for kid in kids[node] for leaf in leaves(kid)] if node in kids else [node]

    order = [page for root in kids if root not in inner for page in leaves(root)]
    places = re.findall(rb"/(\S+) \[(\d+) 0 R /XYZ", pdf)
    decoded = (
        (re.sub(rb"#([0-9A-F]{2})", lambda m: bytes.fromhex(m[1].decode()), name), page)
        for name, page in places
    )
    return {name.decode(): order.index(page) + 1 for name, page in decoded if page in order}


def printed(page, pdf):
    """Have Chromium print a page, with an outline; return the PDF's bytes."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not chromium:
        sys.exit("no chromium: apt-get install chromium, or set CHROMIUM")
    with tempfile.TemporaryDirectory() as profile:
        command = [chromium, "--headless", "--no-sandbox", "--disable-gpu"]
        command += [f"--user-data-dir={profile}", "--no-pdf-header-footer"]
        command += ["--generate-pdf-document-outline", "--allow-file-access-from-files"]
        command += ["--virtual-time-budget=600000", f"--timeout={60_000 * MINUTES}"]
        command += [f"--print-to-pdf={pdf}", page.as_uri()]
        pdf.unlink(missing_ok=True)
        done = subprocess.run(
            command, timeout=60 * MINUTES, check=False, capture_output=True, text=True
        )
    if not pdf.exists():
        sys.exit(f"Chromium printed nothing:\n{done.stderr[-2000:]}")
    return pdf.read_bytes()


def make(site, parts):
    """Write the PDF into the folder of the built site; return where each of its pages begins."""
    page, pdf = site / "book/_whole.html", site / NAME
    numbers = {}
    try:
        for _ in range(2):
            page.write_text(whole(site, parts, numbers), "utf-8")
            places = page_numbers(printed(page, pdf))
            numbers = {name[:-1]: n for name, n in places.items() if name.endswith(".")}
    finally:
        page.unlink()
    return numbers


def offer(site):
    """Offer the PDF in every page's download menu, once."""
    for page in site.rglob("*.html"):
        html = page.read_text("utf-8")
        if "btn-download-book-button" not in html:
            address = os.path.relpath(site / NAME, page.parent).replace(os.sep, "/")
            item = ITEM.format(address=address)
            page.write_text(PRINT_BUTTON.sub(lambda m, item=item: m[0] + item, html), "utf-8")


def main(site):
    site = Path(site).resolve()
    if not (site / "book/index.html").exists():
        sys.exit(f"no built book in {site}: make book")
    numbers = make(site, contents((ROOT / "_toc.yml").read_text("utf-8")))
    offer(site)
    size = (site / NAME).stat().st_size / 1e6
    print(f"{site / NAME}: {len(numbers)} chapters and appendices, {size:.1f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:] or [ROOT / "_build/html"])
