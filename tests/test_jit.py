"""The machine code on disk: never stale, never in the way. Tried on copies of the package."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba", reason="only compiled code is kept")

PACKAGE = Path(__file__).parents[1] / "vae_numpy"
CALLER = """
from vae_numpy.kernels.callee import callee
from vae_numpy.kernels.jit import jit

@jit
def caller(x):
    return callee(x)
"""
CALLEE = """
from vae_numpy.kernels.jit import jit

@jit
def callee(x):
    return x + {}
"""
CALL = """
from vae_numpy.kernels.caller import caller
print([caller(1), caller(1.5), sum(caller.stats.cache_hits.values())])
"""


@pytest.fixture
def copy(tmp_path):
    """A copy of the package with two kernels more, one of which calls the other in another file."""
    shutil.copytree(PACKAGE, tmp_path / "vae_numpy", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "vae_numpy" / "kernels"
    (folder / "caller.py").write_text(CALLER)
    (folder / "callee.py").write_text(CALLEE.format(10))
    return folder


def run(copy, code=CALL, **environment):
    """Run code with the copy in a new process; return what it prints and its warnings."""
    base = {name: x for name, x in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    base |= {"PYTHONPATH": str(copy.parents[1]), "NUMBA_DISABLE_JIT": "0"}
    done = subprocess.run(
        [sys.executable, "-B", "-W", "always", "-c", code],
        cwd=copy.parents[1],
        env={**base, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_code_is_kept_and_found_by_the_next_process(copy):
    assert run(copy) == ([11, 11.5, 0], "")
    assert run(copy) == ([11, 11.5, 2], "")


@pytest.mark.parametrize("folder", ["beside the package", "of the user's choice"])
def test_an_edited_callee_in_another_file_is_compiled_anew(copy, folder, tmp_path):
    cache = {} if folder == "beside the package" else {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    run(copy, **cache)
    kept = sorted(file.name for file in tmp_path.rglob("*.nb[ic]"))
    (copy / "callee.py").write_text(CALLEE.format(20))
    assert run(copy, **cache) == ([21, 21.5, 0], "")
    assert run(copy, **cache) == ([21, 21.5, 2], "")
    (copy / "callee.py").write_text("\n\n# other lines\n" + CALLEE.format(30))
    assert run(copy, **cache)[0][:2] == [31, 31.5]
    # What was compiled before is overwritten, not left behind.
    assert sorted(file.name for file in tmp_path.rglob("*.nb[ic]")) == kept


DAMAGE = {
    "index cut off": ("nbi", lambda data: data[: len(data) // 2]),
    "code cut off": ("nbc", lambda data: data[: len(data) // 2]),
    "code gone": ("nbc", lambda data: bytes(len(data))),
    "code off by a bit": ("nbc", lambda data: data[:-200] + bytes([data[-200] ^ 1]) + data[-199:]),
}


@pytest.mark.parametrize("suffix, damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_entry_heals(copy, suffix, damage):
    run(copy)
    files = list(copy.rglob(f"*.{suffix}"))
    assert files
    for file in files:
        file.write_bytes(damage(file.read_bytes()))
    assert run(copy)[0][:2] == [11, 11.5]
    assert run(copy) == ([11, 11.5, 2], "")


LOSS = """
import json
import numpy as np
from vae_numpy import kernels
loss, _ = kernels.squared_error(np.ones((2, 3)), np.zeros((2, 3)))
print(json.dumps([kernels.backend(), loss]))
"""


@pytest.mark.skipif(os.name == "nt", reason="the user's folder is found in another way")
def test_without_a_folder_to_write_to_the_kernels_are_compiled_all_the_same(copy, tmp_path):
    """As on a read-only file system; a file stands where each folder would be made."""
    file = tmp_path / "a file"
    file.write_text("")
    (copy / "__pycache__").write_text("")
    nowhere = dict.fromkeys(["NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME"], str(file / "folder"))
    result, warned = run(copy, LOSS, **nowhere)
    assert result == ["numba", 3]
    assert warned.count("UserWarning") == 1
    assert "cannot be kept on disk (no folder for it can be written)" in warned
    assert "NUMBA_CACHE_DIR" in warned and "imported" not in warned


def test_on_a_full_disk_the_kernels_are_compiled_all_the_same(copy):
    full = """
import errno
from numba.core.caching import IndexDataCacheFile
def refuse(self, name, data):
    raise OSError(errno.ENOSPC, "No space left on device")
IndexDataCacheFile._save_data = refuse
"""
    result, warned = run(copy, full + LOSS)
    assert result == ["numba", 3]
    assert warned.count("UserWarning") == 1 and "No space left on device" in warned
    # What was begun there does no harm when there is space again.
    assert run(copy, LOSS) == (["numba", 3], "")


def test_numba_is_imported_in_four_files():
    """The others are read and run without it."""
    imports = re.compile(r"^\s*(import|from) (numba|llvmlite)\b", re.M)
    files = [file for file in PACKAGE.rglob("*.py") if imports.search(file.read_text("utf-8"))]
    names = sorted(str(file.relative_to(PACKAGE).as_posix()) for file in files)
    assert names == [f"kernels/{name}.py" for name in ("exponential", "jit", "tile", "turns")]
