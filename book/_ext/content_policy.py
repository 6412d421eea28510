"""Have every page say what it may load: files of its own site, and scripts from files only.

The policy stands in the page, so that it holds on any host and from the disk. The scripts that
Sphinx and the theme write into a page are moved to files when the build ends, in their order; one
that stands twice runs once. Styles may stand in a page: MathJax writes its own while it runs, and
the theme has some in its markup.
"""

import hashlib
import re
from pathlib import Path

POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)
META = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />\n'
FOLDER = "_static/inline"
INLINE = r"<script(?![^>]*\b(?:src|type)=)[^>]*>(.*?)</script>"
IN_A_ROW = re.compile(rf"(?:{INLINE}\s*)+", re.S)


def move_scripts(text, up=""):
    """Return a page without inline scripts, and the files that hold them now.

    Parameters
    ----------
    text : str
        The page.
    up : str
        How its links reach the root of the site: empty, or "../" once or more.

    Returns
    -------
    text : str
    files : dict of str to str
        What to write, by path from the root of the site. Each is named by a hash of its content.
    """
    seen, files = set(), {}

    def moved(row):
        bodies = [body.strip() for body in re.findall(INLINE, row[0], re.S)]
        new = [body for body in dict.fromkeys(bodies) if body not in seen]
        if not new:
            return ""
        seen.update(new)
        script = "\n".join(new) + "\n"
        path = f"{FOLDER}/{hashlib.sha256(script.encode()).hexdigest()[:12]}.js"
        files[path] = script
        return f'<script src="{up}{path}"></script>\n'

    return IN_A_ROW.sub(moved, text), files


def with_policy(text):
    """Return a page that states the policy before it loads anything."""
    head = re.search(r"<head>\s*(?:<meta charset=[^>]*>\s*)?", text)
    place = head.end() if head else 0  # the page at the root only leads to another
    return text[:place] + META + text[place:]


def _finish(app, exception):
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    (site / FOLDER).mkdir(parents=True, exist_ok=True)
    for page in site.rglob("*.html"):
        up = "../" * (len(page.relative_to(site).parts) - 1)
        text, files = move_scripts(page.read_text("utf-8"), up)
        page.write_text(with_policy(text), "utf-8")
        for path, script in files.items():
            (site / path).write_text(script, "utf-8")


def setup(app):
    app.connect("build-finished", _finish, priority=900)  # after all who write or mend pages
    return {"parallel_read_safe": True, "parallel_write_safe": True}
