"""Keep a place for each formula until MathJax, which comes late, has set it.

Without it the TeX stands there first, wider and lower, and all below moves when it goes. How large
the formula will be is guessed from its TeX: most are right to a tenth, and the rest moves little.
"""

import html
import re

TOKEN = re.compile(r"\\[a-zA-Z]+\*?|\\.|\s+|.", re.S)
FORMULA = re.compile(
    r'<(span|div) class="math notranslate nohighlight"([^>]*)>'
    r"((?:\s*<span class=\"eqno\">(?:(?!</span>).)*</span>)?)\s*\\([(\[])(.*?)\\[)\]]\s*</\1>",
    re.S,
)
EM = 1.1  # MathJax's scale in _config.yml
RELATIONS = {
    *"=<>",
    *(rf"\{name}" for name in "le ge approx sim to mid in ne ll gg propto".split()),
}
OPERATORS = {*"+-", r"\cdot", r"\times", r"\pm", r"\|"}
NAMES = {"log", "exp", "sin", "cos", "tanh", "max", "min", "ln", "arg", "det", "Pr", "operatorname"}
SPACES = {
    r"\,": 0.17,
    r"\!": -0.17,
    r"\;": 0.28,
    r"\ ": 0.3,
    r"\:": 0.22,
    r"\quad": 1,
    r"\qquad": 2,
}
SILENT = {
    *"{}&",
    *(rf"\{name}" for name in "left right big Big bigl bigr mathcal mathrm text mathbf".split()),
    *(rf"\{name}" for name in "boldsymbol mathbb hat bar tilde displaystyle limits".split()),
}
NORMS = {r"\lVert", r"\rVert"}
NARROW = {"(": 0.39, ")": 0.39, ",": 0.44, ".": 0.28, "|": 0.28}
SCRIPT = 0.72


def argument(tokens):
    """Take one argument off the front of a list of tokens: what is in braces, or one token."""
    while tokens and tokens[0].isspace():
        tokens.pop(0)
    if not tokens or tokens[0] != "{":
        return [tokens.pop(0)] if tokens else []
    depth, taken = 0, []
    while tokens:
        token = tokens.pop(0)
        depth += {"{": 1, "}": -1}.get(token, 0)
        taken.append(token)
        if depth == 0:
            break
    return taken[1:-1]


def width(tokens):
    """Return about how wide a list of TeX tokens is, in em."""
    tokens, wide = list(tokens), 0.0
    while tokens:
        token = tokens.pop(0)
        if token in (r"\frac", r"\dfrac", r"\tfrac"):
            size = 0.75 if token == r"\tfrac" else 0.95
            wide += 0.24 + size * max(width(argument(tokens)), width(argument(tokens)))
        elif token in ("^", "_"):
            scripts = [width(argument(tokens))]
            if tokens and tokens[0] in ("^", "_"):
                tokens.pop(0)
                scripts.append(width(argument(tokens)))
            wide += SCRIPT * max(scripts) + 0.05
        elif token == r"\underbrace":
            wide += width(argument(tokens))
            if tokens and tokens[0] == "_":
                tokens.pop(0)
                argument(tokens)
        elif token in (r"\begin", r"\end", r"\label", r"\tag"):
            argument(tokens)
        elif token in SPACES:
            wide += SPACES[token]
        elif token in RELATIONS:
            wide += 1.33
        elif token in OPERATORS:
            wide += 1.22 if wide else 0.78
        elif token.lstrip("\\") in NAMES:
            wide += 0.5 * len(token) - 0.25 if token != r"\operatorname" else 0.1
        elif token in (r"\sum", r"\int", r"\prod"):
            wide += 1.4
        elif token in NORMS:
            wide += 0.5
        elif token not in SILENT and not token.isspace():
            wide += NARROW.get(token, 0.78 if token.isupper() else 0.53)
    return wide


def height(tex):
    """Return about how high a formula on a line of its own is, in em, with what is around it."""
    tall = 2.2
    for row in re.split(r"\\\\", tex):
        if re.search(r"\\(sum|prod|underbrace)(?![a-z])", row):
            tall += 2.8
        else:
            tall += 2.6 if re.search(r"\\(d?frac|int)(?![a-z])", row) else 1.6
    return tall


def keep_places(text):
    """Return a page's HTML with the size of each formula beside its TeX."""

    def kept(found):
        tag, more, number, opening, tex = found.groups()
        plain = html.unescape(tex)
        size = height(plain) if tag == "div" else EM * width(TOKEN.findall(plain))
        place = f' style="--size: {size:.1f}em"'
        return found[0].replace(f"{more}>", f"{more}{place}>", 1)

    return FORMULA.sub(kept, text)
