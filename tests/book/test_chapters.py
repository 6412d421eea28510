"""What a chapter needs beside its page: one that was added, moved or renamed is missed here.

That it has exercises, and shows them, is the subject of tests/exercises_gate.
"""

import re
import subprocess
import sys
from pathlib import Path

import chapter_map
import pytest

ROOT = Path(__file__).parents[2]
CONTENTS = (ROOT / "_toc.yml").read_text("utf-8")
INDEX = (ROOT / "book/index.md").read_text("utf-8")
PAGES = re.findall(r"file: book/(\d\d_\w+)$", CONTENTS, re.M)


def test_the_pages_count_from_one_without_a_gap():
    assert [int(page[:2]) for page in PAGES] == list(range(1, len(PAGES) + 1))
    assert PAGES == sorted(path.stem for path in (ROOT / "book").glob("[0-9][0-9]_*.md"))


def title(page):
    """A page's title, without what follows a colon."""
    return re.search(r"^# ([^:\n]+)", (ROOT / f"book/{page}.md").read_text("utf-8"), re.M)[1]


def test_the_landing_page_lists_every_chapter_in_order():
    want = [(str(i + 1), title(page), page) for i, page in enumerate(PAGES)]
    listed = re.findall(r"^(\d+)\. \[(.+?)\]\((\d\d_\w+)\.md\)$", INDEX, re.M)
    assert listed == want, f"the map in book/index.md lacks {[w for w in want if w not in listed]}"


def test_each_chapter_of_the_map_has_its_question_and_its_icon():
    stations = re.findall(r"^\d+\. \[.+?\]\(\d\d_\w+\.md\)\n   .*\?", INDEX, re.M)
    assert len(stations) == len(PAGES)
    assert list(chapter_map.ICONS) == [page[3:] for page in PAGES]
    assert set(chapter_map.ICONS.values()) <= set(chapter_map.icons())


@pytest.mark.parametrize("page", sorted((ROOT / "book").glob("*.md")), ids=lambda page: page.stem)
def test_no_page_speaks_of_a_chapter_that_is_not_there(page):
    numbers = re.findall(r"\b[Cc]hapters? (\d+)(?: (?:and|to) (\d+))?", page.read_text("utf-8"))
    assert all(int(n) <= len(PAGES) for pair in numbers for n in pair if n)


@pytest.mark.slow
def test_the_last_chapter_can_be_given_another_number(tmp_path):
    def run(*command):
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    if run("git", "clone", "-q", str(ROOT), ".").returncode:
        pytest.skip("this is no clone")
    last, name = int(PAGES[-1][:2]), PAGES[-1][3:]
    moved = run(sys.executable, "book/renumber.py", str(last), str(last + 1))
    assert moved.returncode == 0, moved.stderr
    left = rf"{PAGES[-1]}|ch{last:02d}|ex-{last}-|facts. {last}\.|[Cc]hapter {last}\b"
    exercises = ("vae_numpy/exercises", "book/exercises", "tests/exercises_gate")
    found = run("git", "grep", "-nE", left, "--", "*.md", *exercises)
    assert found.stdout == ""
    code = f"from vae_numpy.exercises import find; print(find('{last + 1}.1').name)"
    assert run(sys.executable, "-c", code).returncode == 0
    assert f"{last + 1}. [" in (tmp_path / "book/index.md").read_text("utf-8")
    assert (tmp_path / f"book/{last + 1:02d}_{name}.md").exists()
    again = run(sys.executable, "book/renumber.py", str(last - 1), str(last + 1))
    assert again.returncode == 1 and f"chapter {last + 1} is there" in again.stderr
