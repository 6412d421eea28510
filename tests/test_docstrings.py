"""Every docstring says what its function takes, gives and refuses, and every example in one runs.

What counts as public stands in ``public``.
"""

import ast
import dataclasses
import doctest
import importlib
import inspect
import pkgutil
import textwrap

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import ERROR_MSGS, validate
from public import constructor, public_things

import vae_numpy

MODULES = [
    module.name
    for module in pkgutil.walk_packages(vae_numpy.__path__, "vae_numpy.")
    if not module.name.endswith("__main__")
]

# The checks of numpydoc that the house style does without, and why.
LEFT_OUT = {
    "GL01": "the summary starts beside the opening quotes, as numpydoc allows too",
    "GL02": "a docstring of one line closes on that line",
    "ES01": "one sentence is enough where it says all",
    "EX01": "not everything needs an example; those that are there are run",
    "SA01": "a module is short enough to be read; there are no lists of what else is in it",
    "PR07": "a name and a shape may say all there is, as in `dx_hat : (N, D)`",
    "PR08": "descriptions are phrases, and a phrase may start with a symbol or a quantity",
    "PR09": "descriptions are phrases",
    "RT02": "a single result has a name, since its shape is given in terms of it",
    "RT03": "see PR07",
    "RT04": "see PR08",
    "RT05": "see PR09",
}


# Examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        if str(error.name).partition(".")[0] in ("numba", "llvmlite"):
            pytest.skip("compiled kernels need numba")
        raise
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, _ = doctest.testmod(module, optionflags=options)
    assert failed == 0, "see what doctest printed"


def test_examples_are_found():
    finder = doctest.DocTestFinder()
    found = [test.name for test in finder.find(vae_numpy.models) if test.examples]
    found += [test.name for test in finder.find(vae_numpy.losses) if test.examples]
    assert "vae_numpy.losses.effective_beta" in found


# What is public at all ------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in MODULES if ".kernels.c" not in name])
def test_a_module_lists_in_all_whatever_has_a_public_name(name):
    module = pytest.importorskip(name, exc_type=ImportError)  # numba may be missing
    own = {
        key
        for key, thing in vars(module).items()
        if key[0] != "_" and getattr(thing, "__module__", None) == name
        if inspect.isfunction(thing) or inspect.isclass(thing)
    }
    missing = own - set(getattr(module, "__all__", own))
    assert not missing, f"add it to __all__ of {name}, or begin its name with an underscore"


# numpydoc's validation -----------------------------------------------------------------------


def findings(home, name, thing):
    """Return numpydoc's findings for a public thing, without those that are left out."""
    if not thing.__doc__ and inspect.getdoc(thing):
        return []  # it overrides a method, and does what is said there
    found = validate(f"vae_numpy.{home}.{name}")["errors"]
    if _is_record(thing):  # its fields are attributes, and described as such
        documented = {p.name for p in NumpyDocString(inspect.getdoc(thing))["Attributes"]}
        described = _fields(thing) <= {one for names in documented for one in names.split(", ")}
    else:  # a constructor that is inherited is described with its own class
        described = inspect.isclass(thing) and constructor(thing) is None
    if described:
        found = [(code, message) for code, message in found if code != "PR01"]
    return [f"{code} {message}" for code, message in found if code not in LEFT_OUT]


def _is_record(thing):
    return dataclasses.is_dataclass(thing) or hasattr(thing, "_fields")


def _fields(thing):
    if dataclasses.is_dataclass(thing):
        return {field.name for field in dataclasses.fields(thing) if field.init}
    return set(thing._fields)


def test_numpydoc_finds_nothing():
    found = {f"{each.home}.{each.name}": findings(*each) for each in public_things()}
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_only_known_checks_are_left_out():
    assert set(LEFT_OUT) <= set(ERROR_MSGS)


# Errors --------------------------------------------------------------------------------------


def unsaid_errors(thing):
    """Return what a function raises itself, or by a check that it calls, and does not document.

    For a class these are the errors of its constructor. ``check_x`` and ``as_x`` are the functions
    of ``utils`` that refuse an argument; for them a section "Raises" has to be there at all.
    Nobody documents a ``NotImplementedError``: it stands where a subclass has its own method.
    """
    said = _raises_section(thing)
    if inspect.isclass(thing):
        made_by = "__post_init__" if dataclasses.is_dataclass(thing) else "__init__"
        thing = constructor(thing, made_by)
    thing = getattr(thing, "__func__", getattr(thing, "fget", thing))
    if not inspect.isfunction(thing):
        return set()
    raised = set()
    for node in _own_nodes(ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]):
        if isinstance(node, ast.Raise) and node.exc is not None:
            called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(called, ast.Name) and called.id[0].isupper():
                raised.add(called.id)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id.startswith(("check_", "as_")):
                raised.add(f"what {node.func.id} raises")
    raised.discard("NotImplementedError")
    return {error for error in raised if not (error in said or error.startswith("what ") and said)}


def _own_nodes(function):
    """Yield the nodes of a function, but not those of functions inside it, which run later."""
    for node in ast.iter_child_nodes(function):
        if not isinstance(node, (ast.FunctionDef, ast.Lambda)):
            yield node
            yield from _own_nodes(node)


def _raises_section(thing):
    doc = NumpyDocString(inspect.getdoc(thing) or "")
    return " ".join(f"{p.name} {p.type}" for p in doc["Raises"])


def test_errors_are_documented():
    found = {f"{each.home}.{each.name}": unsaid_errors(each.thing) for each in public_things()}
    assert {name: unsaid for name, unsaid in found.items() if unsaid} == {}
