"""Write the stubs: ``python -m vae_numpy.exercises`` after a change of ``book/solutions/``.

A file in which an exercise has been started is left alone.
"""

from vae_numpy.exercises import chapters, exercises_of, stubs

for chapter in chapters():
    path = stubs.BOOK / f"exercises/ch{chapter:02d}.py"
    old, new = path.read_text("utf-8") if path.exists() else "", stubs.stub_file_text(chapter)
    started = [e.number for e in exercises_of(chapter) if old and stubs.is_started(old, e)]
    if old == new:
        print(f"{path.name} is up to date")
    elif started:
        print(f"{path.name} is left alone: {', '.join(started)} started")
    else:
        path.write_text(new, "utf-8")
        print(f"{path.name} is written")
