"""What the published site is built with: requirements.lock agrees with what a reader installs."""

import re
import tomllib
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
WORKFLOW = (ROOT / ".github/workflows/book.yml").read_text("utf-8")


def lines(text):
    """Return the requirements of a text, without comments and options."""
    found = [line.split("#")[0].strip() for line in text.splitlines()]
    return [line for line in found if line and not line.startswith("-")]


def wanted():
    """Return all requirements of requirements.txt and of the library that it installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    ours = lines((ROOT / "requirements.txt").read_text("utf-8"))
    return [Requirement(line) for line in [*ours, *project["dependencies"]]]


def locked():
    """Return the requirement that pins each package, by its name."""
    pins = [Requirement(line) for line in lines(LOCK)]
    return {canonicalize_name(pin.name): pin for pin in pins}


def test_every_line_names_a_package_and_one_version_and_no_place():
    assert len(lines(LOCK)) == len(locked()) > 100
    for pin in lines(LOCK):
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", pin), pin
    assert "://" not in LOCK


def test_what_is_asked_for_is_locked_to_a_version_that_is_allowed():
    for requirement in wanted():
        pin = locked()[canonicalize_name(requirement.name)]
        [version] = [clause.version for clause in pin.specifier]
        assert requirement.specifier.contains(version), f"{requirement} is locked to {version}"


def test_the_locked_versions_are_those_of_the_sites_python():
    [python] = set(re.findall(r'python-version: "([\d.]+)"', WORKFLOW))
    assert f"--python-version {python} " in LOCK.splitlines()[1]
    environment = default_environment() | {"python_full_version": f"{python}.0"}
    for requirement in wanted():
        pin = locked()[canonicalize_name(requirement.name)]
        assert pin.marker is None or pin.marker.evaluate(environment), pin


def test_the_site_is_built_with_them():
    assert re.search(r"env:\n +PIP_CONSTRAINT: .*requirements\.lock ", WORKFLOW)
