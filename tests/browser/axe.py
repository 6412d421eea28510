"""axe-core in a page: what breaks the rules of WCAG 2.2, A and AA, and the good practices."""

import importlib.util
from pathlib import Path

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def script():
    """Return the path of the axe.min.js that axe-playwright-python brings along."""
    [folder] = importlib.util.find_spec("axe_playwright_python").submodule_search_locations
    return Path(folder, "axe.min.js")


def violations(page, within="html", rules=RULES):
    """Return a line for each element, below the one that a selector finds, that breaks a rule."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(script().read_text("utf-8"))
    options = {"runOnly": rules, "preload": False}  # else it fetches what style sheets import
    found = page.evaluate(
        "([within, options]) => axe.run(within, options).then((r) => r.violations)",
        [within, options],
    )
    return [f"{v['id']}: {node['target']} {v['help']}" for v in found for node in v["nodes"]]
