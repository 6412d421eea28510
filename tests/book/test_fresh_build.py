"""The key of the execution cache changes with all that a chapter's outputs depend on."""

import fresh_build
import pytest
from fresh_build import execution_key


@pytest.fixture
def root(tmp_path):
    for name in (
        "vae_numpy/data/clouds.py",
        "experiments/results/run.json",
        "benchmarks/results/benchmarks.json",
        "requirements.txt",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("one")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "vae_numpy/data/clouds.py",
        "vae_numpy/new.py",
        "experiments/results/run.json",
        "benchmarks/results/benchmarks.json",
        "requirements.txt",
    ],
)
def test_key_changes_with_what_chapters_use(root, name):
    before = execution_key(root)
    (root / name).write_text("two")
    assert execution_key(root) != before


def test_key_changes_when_a_file_is_renamed(root):
    before = execution_key(root)
    (root / "vae_numpy/data/clouds.py").rename(root / "vae_numpy/data/points.py")
    assert execution_key(root) != before


def test_key_changes_with_python_and_packages(root, monkeypatch):
    keys = {execution_key(root)}
    monkeypatch.setattr(fresh_build.platform, "python_version", lambda: "3.99.0")
    keys.add(execution_key(root))
    monkeypatch.setattr(fresh_build, "version", lambda name: "99" if name == "numpy" else "1")
    keys.add(execution_key(root))
    assert len(keys) == 3


def test_key_ignores_the_rest(root):
    before = execution_key(root)
    (root / "README.md").write_text("two")
    (root / "vae_numpy/__pycache__").mkdir()
    (root / "vae_numpy/__pycache__/clouds.pyc").write_text("two")
    assert execution_key(root) == before
