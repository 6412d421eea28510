"""Print what the checks say to the wrong answers: ``python -m tests.exercises_gate [7 8 ...]``.

A line for each exercise: answers, rejected, told the true cause, told none, told a false one. Below
stand those that were accepted, or told a false cause. With ``-v`` every verdict is printed.
"""

import sys
from collections import Counter

from tests.exercises_gate.register import load, of_chapters
from vae_numpy.exercises import chapters, exercises_of

COLUMNS = ("answers", "rejected", "told", "untold", "false")


def row(title, counts):
    """Return one line of the table for a count of outcomes."""
    total = sum(counts.values())
    values = [total, total - counts["accepted"], *(counts[name] for name in COLUMNS[2:])]
    return f"{title:<8}" + "".join(f"{value:>10}" for value in values)


def main(arguments):
    """Judge all wrong answers of the chapters that are named, by default of all."""
    wanted = [int(a) for a in arguments if a.isdigit()] or chapters()
    mistakes = of_chapters([one for part in load() for one in part], wanted)
    print(" " * 8 + "".join(f"{name:>10}" for name in COLUMNS))
    total, shown = Counter(), []
    for exercise in (e for chapter in wanted for e in exercises_of(chapter)):
        counts = Counter()
        for one in [one for one in mistakes if one.number == exercise.number]:
            outcome, verdict = one.outcome()
            counts[outcome] += 1
            if outcome in ("accepted", "false") or "-v" in arguments:
                name = one.answer.__name__
                shown.append(f"{one.number} {name}, {outcome}: {one.cause}\n    {verdict.line}")
        print(row(exercise.number, counts), flush=True)
        total += counts
    print(row("all", total))
    share = total["told"] / max(sum(total.values()), 1)
    print(f"the true cause is named in {share:.0%}", *shown, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
