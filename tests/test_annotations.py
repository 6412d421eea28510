"""Every public callable is annotated in full; that the annotations hold is for mypy to say."""

import inspect

from public import constructor, public_things


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
    assert {name: missing for name, missing in found.items() if missing} == {}
