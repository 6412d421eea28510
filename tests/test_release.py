"""What is released says the same everywhere, and nothing is published before all has passed."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import vae_numpy
from vae_numpy.exercises import chapters, exercises_of

ROOT = Path(__file__).parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
NEWEST = re.search(r"^## (\S+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text("utf-8"))
    for path in (ROOT / ".github/workflows").glob("*.yml")
}


def test_the_version_is_the_same_everywhere():
    index = (ROOT / "book/index.md").read_text("utf-8")
    told = re.search(r"note   = \{Version (.+)\}", index)[1]
    assert {vae_numpy.__version__, CITATION["version"], NEWEST[1], told} == {VERSION}


def test_changelog_and_citation_have_the_same_date():
    assert NEWEST[2] == str(CITATION.get("date-released", "unreleased"))


@pytest.mark.skipif("RELEASE_TAG" not in os.environ, reason="nothing is being released")
def test_the_tag_is_that_of_a_dated_version():
    assert os.environ["RELEASE_TAG"] == f"v{VERSION}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", NEWEST[2]), "put its date into the changelog"


def steps(job):
    """Return what a job runs and uses, as one text."""
    return "\n".join(step.get("run", step.get("uses", "")) for step in job.get("steps", []))


def test_the_site_is_published_only_when_everything_has_passed():
    jobs = WORKFLOWS["book"]["jobs"]
    publishing = [
        (name, job)
        for name, workflow in WORKFLOWS.items()
        for job, content in workflow["jobs"].items()
        if "gh-pages" in steps(content)
    ]
    assert publishing == [("book", "publish")]
    assert set(jobs["publish"]["needs"]) == {"tests", "build"}
    assert "refs/heads/main" in jobs["publish"]["if"] and "always()" not in jobs["publish"]["if"]
    assert jobs["tests"]["uses"] == "./.github/workflows/tests.yml"
    for command in ("make book", "linkcheck.py", "make test-browser"):
        assert command in steps(jobs["build"])
    assert re.search(r"jupyter-book build \. -W -n", (ROOT / "Makefile").read_text("utf-8"))
    assert "pytest" in steps(WORKFLOWS["tests"]["jobs"]["tests"])
    checked = [step for job in jobs.values() for step in job.get("steps", [])]
    assert not [step for step in checked if step.get("continue-on-error")]


def test_a_release_waits_for_the_book_and_checks_what_it_attaches():
    release = WORKFLOWS["release"]["jobs"]["release"]
    assert release["needs"] == "book"
    done = steps(release)
    assert done.index("test_release.py") < done.index(".ci/release") < done.index("gh release")


def test_the_exercises_are_listed_where_there_is_no_clone(tmp_path):
    command = [sys.executable, "-m", "vae_numpy.exercises", "--list"]
    place = {"cwd": tmp_path, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
    done = subprocess.run(command, **place, capture_output=True, text=True)
    assert done.returncode == 0 and list(tmp_path.iterdir()) == []
    every = [e.number for chapter in chapters() for e in exercises_of(chapter)]
    assert [line.split()[0] for line in done.stdout.splitlines()] == every
