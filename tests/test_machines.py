"""Other people's machines: little memory, one core, no UTF-8, nowhere to write, other line ends."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
POOR = {  # what is done before the library is imported
    "4 GB of memory": "import resource; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))",
    "one core": "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})",
}
TRAIN = """
from vae_numpy.data import make_spiral
from vae_numpy.models import VAE
X, _ = make_spiral(200, dim=3, random_state=0)
print(VAE(2, max_iter=3, random_state=0).fit(X).score(X))
"""


def python(*arguments, **environment):
    """Run Python in the root folder; return what it printed, warnings and errors among it."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    said = done.stdout.decode("utf-8")
    assert done.returncode == 0, said
    return said


@pytest.mark.skipif(sys.platform != "linux", reason="uses Linux's limits")
@pytest.mark.parametrize("before", POOR.values(), ids=POOR)
def test_a_model_trains_to_the_same_bits(before):
    assert python("-c", before + TRAIN) == python("-c", TRAIN)


@pytest.mark.skipif(not str(ROOT).isascii(), reason="NumPy is not imported from such a path there")
@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_where_the_locale_is_not_utf_8_the_exercises_are_listed(encoding):
    command = ["-m", "vae_numpy.exercises", "--list"]
    assert python(*command, **PLAIN, PYTHONIOENCODING=encoding) == python(*command)


def test_a_clone_on_windows_has_the_line_ends_that_bash_reads(tmp_path):
    if subprocess.run(["git", "rev-parse"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("not in a git repository")
    clone = ["git", "clone", "--quiet", "--depth=1", "-c", "core.autocrlf=true", ROOT.as_uri()]
    subprocess.run([*clone, tmp_path / "clone"], check=True)
    for name in ("Makefile", ".ci/run", "pyproject.toml", "book/index.md"):
        assert b"\r\n" not in (tmp_path / "clone" / name).read_bytes()
