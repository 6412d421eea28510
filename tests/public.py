"""What the library makes public: all that the reference shows, and the modules that others use."""

import inspect
import re
from collections import namedtuple
from pathlib import Path

from library_reference import public_members, public_methods, public_modules

PAGES = Path(__file__).parents[1] / "book" / "reference"
# On no page, but every reader of the source, or who writes an exercise, meets them.
HELPERS = ["live", "progress", "utils"] + [
    f"exercises.{name}"
    for name in (
        *("answers", "cases", "catalogue", "compare", "general", "grade", "guard", "isolation"),
        *("ladder", "one_answer", "recognise", "register", "stubs", "words"),
    )
]

# home: the module that defines it, ``metrics.dci``. name: in that module, ``DCI`` or ``VAE.elbo``.
Public = namedtuple("Public", "home name thing")


def also_shown(page):
    """Return the further modules that the reference page of a module shows."""
    found = re.search(r"^:also: (.+)$", (PAGES / f"{page}.md").read_text("utf-8"), re.M)
    return found[1].split() if found else []


def public_things():
    """Return every public function, class, method and property, each once."""
    pages = [page for page in public_modules() if (PAGES / f"{page}.md").exists()]
    found = {}
    for name in [
        *public_modules(),
        *(also for page in pages for also in also_shown(page)),
        *HELPERS,
    ]:
        for home, things in public_members(name).items():
            for thing in things.values():
                found[home, thing.__qualname__] = thing
                if inspect.isclass(thing):
                    found |= _methods(thing)
    return [Public(*key, thing) for key, thing in found.items()]


def _methods(cls):
    """Return a class's methods under the class that defines them, which may be one above it."""
    found = {}
    for name in public_methods(cls):
        base = next(base for base in cls.__mro__ if name in vars(base))
        home = base.__module__.removeprefix("vae_numpy.")
        found[home, f"{base.__qualname__}.{name}"] = inspect.getattr_static(base, name)
    return found


def constructor(cls, name="__init__"):
    """Return a class's own constructor, or None; that of a protocol is typing's."""
    return None if getattr(cls, "_is_protocol", False) else vars(cls).get(name)
