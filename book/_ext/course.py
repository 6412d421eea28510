"""Write what a course with the book hands out: each chapter's exercises as a notebook to fill in.

    python book/_ext/course.py [_build/html _build/course]

Statements come from the chapters' notebooks in the built site, where references have their numbers
already; stubs come from the library. Of hints and solutions a notebook of the course has nothing.
"""

import csv
import re
import sys
from pathlib import Path

import nbformat
from book_site import repository
from notebooks import setup_cell

from vae_numpy.exercises import chapters, exercises_of, stubs

STATEMENT = re.compile(r"^### Exercise (\d+\.\d+): (.+?)\n\n(.*?)\n\n\*Trains ", re.M | re.S)
INTRODUCTION = """\
# Exercises of chapter {chapter}: {title}

Replace each line `raise NotImplementedError` by your own lines, and run the cell. The cell below it
checks: it says whether the answer is right, and what is wrong with it if not. `hint("{chapter}.1")`
opens a hint, and each call one more. Numbers of equations and figures are those of the chapter.

Hand in this file, with your name before its own: `ada_ch{chapter:02d}.ipynb`.
"""
README = """\
# A course with *From a Spiral to the beta-VAE*

- `ch01.ipynb` and so on: the exercises of a chapter, without hints and solutions. Hand them out.
  They need `vae_numpy`, and each begins with a cell that says or does what is missing.
- `exercises.csv`: what each exercise trains, how hard it is, and the minutes that it takes.

Put what comes back into one folder, `ada_ch01.ipynb` or `ada/ch01.ipynb`, and run

    python -m vae_numpy.exercises.grade FOLDER --csv results.csv

`--exercises 1.1 1.3` grades those alone. The page "Teaching with this book" says how the answers
are kept from your files, what can be left out, and how many hours a chapter takes. The solutions
stand in `vae_numpy/exercises/chNN/solution.py`, where your students find them too.
"""


def statements(chapter):
    """Return titles and statements, by number, and the title of a chapter's built notebook."""
    cells = [cell.source for cell in chapter.cells if cell.cell_type == "markdown"]
    title = next(re.findall(r"^# (.+)$", cell, re.M)[0] for cell in cells if "# " in cell)
    found = STATEMENT.findall("\n\n".join(cells))
    return title, {number: (name, text) for number, name, text in found}


def notebook(number, chapter):
    """Return the notebook of a chapter's exercises.

    Parameters
    ----------
    number : int
        Of the chapter.
    chapter : NotebookNode
        Its notebook, as the site offers it.

    Raises
    ------
    KeyError
        If the chapter lacks the statement of an exercise.
    """
    title, texts = statements(chapter)
    text, code = nbformat.v4.new_markdown_cell, nbformat.v4.new_code_cell
    cells = [
        text(INTRODUCTION.format(chapter=number, title=title).strip()),
        code(setup_cell("", repository())),
        code("from vae_numpy.exercises import check, hint"),
    ]
    for exercise in exercises_of(number):
        name, statement = texts[exercise.number]
        facts = f"*{exercise.difficulty.capitalize()}, {exercise.minutes} minutes.*"
        cells += [
            text(f"## Exercise {exercise.number}: {name}\n\n{statement}\n\n{facts}"),
            code(stubs.given_text(exercise) + stubs.stub_text(exercise)),
            code(f'check("{exercise.number}", {exercise.name})'),
        ]
    for count, cell in enumerate(cells):
        cell.id = f"cell-{count}"
    made = nbformat.v4.new_notebook(cells=cells, metadata=chapter.metadata)
    nbformat.validate(made)
    return made


def write(site, folder):
    """Write the course's folder from the built site."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in chapters():
        (page,) = Path(site, "_sources/book").glob(f"{number:02d}_*.ipynb")
        made = notebook(number, nbformat.read(page, nbformat.NO_CONVERT))
        nbformat.write(made, folder / f"ch{number:02d}.ipynb")
    (folder / "README.md").write_text(README, "utf-8")
    with open(folder / "exercises.csv", "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["exercise", "function", "trains", "difficulty", "minutes"])
        for e in (e for number in chapters() for e in exercises_of(number)):
            rows.writerow([e.number, e.name, e.trains, e.difficulty, e.minutes])


if __name__ == "__main__":
    site, folder = sys.argv[1:] or ("_build/html", "_build/course")
    write(Path(site), Path(folder))
    print(f"The course is in {folder}.")
