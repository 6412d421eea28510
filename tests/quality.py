"""Print coverage and mutants by module, and the mutants that no test kills.

    python tests/quality.py

Run from the repository's root, after ``mutmut run`` and ``coverage json -o _build/coverage.json``
(CONTRIBUTING.md has the commands; tests/quality.md is what came out).
"""

import json
import re
from pathlib import Path

MUTANTS, COVERAGE = Path("mutants"), Path("_build/coverage.json")
SURVIVED = (0, 5, 33)  # mutmut's codes: all tests passed; none was collected; none calls it
DEFINITION = re.compile(r"( *)def (\w+__mutmut_(?:orig|\d+))\(")


def main() -> None:
    files = json.loads(COVERAGE.read_text("utf-8"))["files"] if COVERAGE.exists() else {}
    results = {str(meta.relative_to(MUTANTS))[:-5]: meta for meta in MUTANTS.rglob("*.meta")}
    print("| Module | Lines | Branches | Mutants | Run | Killed | Score |\n" + "|---" * 7 + "|")
    survivors = []
    for path in sorted(results.keys() | files.keys()):
        counts = ["–"] * 4
        if path in results:
            counts, alive = judged(results[path])
            survivors += alive
        print("|", " | ".join([f"`{path}`", *covered(files.get(path)), *counts]), "|")
    print("\n" + "\n".join(survivors))


def covered(file: dict | None) -> list[str]:
    """Return the percentages of lines and branches."""
    kinds = ("covered_lines", "num_statements"), ("covered_branches", "num_branches")
    parts = [(file["summary"][part], file["summary"][all_]) for part, all_ in kinds] if file else []
    return [f"{100 * part / all_:.1f}" if all_ else "–" for part, all_ in parts] or ["–", "–"]


def judged(meta: Path) -> tuple[list[str], list[str]]:
    """Return how many mutants a module has, how many were run and killed, and who is left."""
    codes = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
    texts = changes(meta.with_suffix(""))
    run = {name: code for name, code in codes.items() if code is not None}
    alive = [name for name, code in run.items() if code in SURVIVED]
    score = f"{100 * (1 - len(alive) / len(run)):.1f}" if run else "–"
    counts = [str(n) for n in (len(codes), len(run), len(run) - len(alive))]
    return [*counts, score], [
        f"{name}\n    -{texts[name][0]}\n    +{texts[name][1]}" for name in alive
    ]


def changes(path: Path) -> dict[str, tuple[str, str]]:
    """Return for each mutant of a file the text that it changes, before and after."""
    bodies: dict[str, list[str]] = {}
    body = None
    for line in path.read_text("utf-8").splitlines():
        if found := DEFINITION.match(line):
            indent, name = len(found[1]), found[2]
            body = bodies[name] = []
        elif body is not None and line.strip() and len(line) - len(line.lstrip()) <= indent:
            body = body if line.strip().startswith(")") else None  # of the signature, or all of it
        if body is not None:
            body.append(line.split("# type: ignore # mutmut")[0].replace(name, "").strip())
    module = ".".join(path.relative_to(MUTANTS).with_suffix("").parts)
    return {
        f"{module}.{name}": difference(bodies[re.sub(r"\d+$", "orig", name)], body)
        for name, body in bodies.items()
        if not name.endswith("orig")
    }


def difference(a: list[str], b: list[str]) -> tuple[str, str]:
    """Return the lines of a and of b without those that both begin or end with."""
    short = min(len(a), len(b))
    first = next((i for i in range(short) if a[i] != b[i]), short)
    last = next((i for i in range(short - first) if a[-1 - i] != b[-1 - i]), short - first)
    return tuple(" ".join(filter(None, lines[first : len(lines) - last])) for lines in (a, b))


if __name__ == "__main__":
    main()
