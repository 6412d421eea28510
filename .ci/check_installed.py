"""Check an installed vae_numpy, far from its source: what a reader of the book needs is there.

python check_installed.py NUMBER_OF_CHAPTERS
"""

import sys
from pathlib import Path

import vae_numpy
from vae_numpy.exercises import catalogue, chapters, examine, exercises_of, stubs

HERE = Path.cwd()
assert not list(HERE.iterdir()), f"{HERE} is not empty"
assert "site-packages" in vae_numpy.__file__, vae_numpy.__file__
assert all(getattr(vae_numpy, name) for name in vae_numpy.__all__)
assert len(chapters()) == int(sys.argv[1]), chapters()
for exercise in (e for chapter in chapters() for e in exercises_of(chapter)):
    (solutions,) = catalogue.modules_of(exercise.chapter, "solution")
    assert callable(getattr(solutions, exercise.name)), exercise.number
    names = {}
    exec(stubs.given_text(exercise) + stubs.stub_text(exercise), names)
    assert examine(exercise.number, names[exercise.name]).state == "not started", exercise.number
    assert stubs.solution_text(exercise) != stubs.stub_text(exercise), exercise.number
(solutions,) = catalogue.modules_of(1, "solution")
assert examine("1.1", solutions.walk_length)
print(f"vae_numpy {vae_numpy.__version__} is whole: stubs, solutions and checks are there")
