"""Give a chapter another number, to make room for a new one: ``python book/renumber.py 9 10``.

Its page, the folder of its exercises, the reader's stub and the gate's wrong answers are moved, and
what speaks of it by its number is rewritten: links, labels, "exercise 9.5", "chapter 9". What
cannot be told by its form ("chapters 7 to 9") is printed, to be looked at. Move the last chapter
first.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = (
    "vae_numpy/exercises/ch{:02d}",
    "book/exercises/ch{:02d}.py",
    "tests/exercises_gate/ch{:02d}.py",
)


def git(*arguments):
    """Run git in the clone; return the lines that it prints."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def rules(old, new, page, own):
    """Return pairs (pattern, replacement), for the chapter's own files or for all others."""
    name = page.stem[3:]
    pairs = [
        (rf"\b{old:02d}_{name}\b", f"{new:02d}_{name}"),
        (rf"\b(ex|sol)-{old}-(?=\d)", rf"\g<1>-{new}-"),
        (rf"\b([Cc]hapter) {old}\b(?!\.\d)", rf"\g<1> {new}"),
        (rf"^{old}\. (?=\[.*\({new:02d}_{name})", f"{new}. "),  # the landing page's list
    ]
    if own:
        pairs += [
            (rf"\bch{old:02d}\b", f"ch{new:02d}"),
            (rf"(?<=\"){old}\.(?=\d+\")", f"{new}."),
            (rf"(?<=\{{exercise-facts\}} ){old}\.(?=\d)", f"{new}."),
            (rf"\b(exercises? (?:{old}\.\d+(?:, | and | to ))?){old}\.(?=\d)", rf"\g<1>{new}."),
            (rf"\b(exercises? ){old}\.(?=\d)", rf"\g<1>{new}."),
        ]
    return pairs


def main(old, new):
    """Move chapter ``old`` to ``new``, and rewrite what speaks of it."""
    page = next(ROOT.glob(f"book/{old:02d}_*.md"))
    taken = [*ROOT.glob(f"book/{new:02d}_*.md"), *ROOT.glob(f"vae_numpy/exercises/ch{new:02d}")]
    if taken:
        sys.exit(f"chapter {new} is there: {taken[0].relative_to(ROOT)}")
    moves = [(page, page.with_name(f"{new:02d}{page.name[2:]}"))]
    for place in PLACES:
        moves.append((ROOT / place.format(old), ROOT / place.format(new)))
    moves = [(source, target) for source, target in moves if source.exists()]
    for source, target in moves:
        git("mv", str(source), str(target))
    kinds = ("*.md", "*.py", "*.yml", "*.toml", "*.cff")
    for path in map(ROOT.joinpath, git("ls-files", *kinds)):
        if path == Path(__file__).resolve():
            continue
        own = any(target in (path, *path.parents) for _, target in moves)
        text = changed = path.read_text("utf-8")
        for pattern, replacement in rules(old, new, page, own):
            changed = re.sub(pattern, replacement, changed, flags=re.M)
        if changed != text:
            path.write_text(changed, "utf-8")
        for i, line in enumerate(changed.split("\n")):
            if re.search(rf"\b[Cc]hapters\b.*\b{old}\b", line):
                print(f"look at {path.relative_to(ROOT)}:{i + 1}: {line.strip()[:90]}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
