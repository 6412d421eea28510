"""Every public callable is annotated in full; that the annotations hold is for mypy to say."""

import inspect

from public import constructor, inside, public_things, stale

TO_DO = {"exercises"}  # to become empty; a package stands for all that is in it


def unannotated(thing):
    """Return the parameters of a callable without annotation, and ``return`` if that has none."""
    if isinstance(thing, property):
        thing = thing.fget
    if inspect.isclass(thing):
        thing = constructor(thing)  # None: inherited, or there is none
    thing = getattr(thing, "__func__", thing)
    if not inspect.isfunction(thing) or not hasattr(thing, "__annotations__"):
        return []
    names = [name for name in inspect.signature(thing).parameters if name not in ("self", "cls")]
    names += [] if thing.__name__ == "__init__" and names else ["return"]
    return [name for name in names if name not in thing.__annotations__]


def test_everything_is_annotated():
    found = {f"{each.home}.{each.name}": unannotated(each.thing) for each in public_things()}
    late = {name: missing for name, missing in found.items() if missing and not inside(name, TO_DO)}
    assert late == {}


def test_the_list_only_gets_shorter():
    with_findings = {each.home for each in public_things() if unannotated(each.thing)}
    assert stale(TO_DO, with_findings) == [], "these are annotated; take them off the list"
