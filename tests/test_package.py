"""The package as a whole: what importing it costs, and life without numba."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from naive import BACKENDS

ROOT = Path(__file__).parents[1]

needs_numba = pytest.mark.skipif("numba" not in BACKENDS, reason="numba is not installed")


def run(code, *arguments):
    """Run code in a fresh Python that turns every warning into a line on stderr."""
    return subprocess.run(
        [sys.executable, "-W", "always", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def value_of(code, *arguments):
    """Run code that prints its answer as JSON; return the answer."""
    done = run("import json, sys\n" + code, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


HEAVY = ["numba", "sklearn", "scipy", "matplotlib", "pandas", "IPython", "tqdm"]
LOADED = f"; print(json.dumps([m for m in {HEAVY} if m in sys.modules]))"


def test_importing_the_package_loads_nothing_heavy():
    assert value_of("import vae_numpy" + LOADED) == []


@pytest.mark.parametrize("module", ["kernels", "losses", "layers", "optimisers", "gradcheck"])
def test_importing_a_module_of_the_arithmetic_loads_neither_numba_nor_scikit_learn(module):
    loaded = value_of(f"import vae_numpy; vae_numpy.{module}" + LOADED)
    assert not {"numba", "sklearn", "matplotlib"} & set(loaded)


def test_every_name_of_the_package_loads():
    names = value_of(
        "import vae_numpy; [getattr(vae_numpy, n) for n in vae_numpy.__all__];"
        "print(json.dumps([n for n in vae_numpy.__all__ if n not in dir(vae_numpy)]))"
    )
    assert names == []
    assert run("import vae_numpy; vae_numpy.pytorch").stderr.strip().endswith("'pytorch'")


def test_the_names_that_docstrings_give_load_after_the_import_of_the_package():
    name = value_of(
        "import vae_numpy; assert vae_numpy.schedules.fit_cooling;"
        "print(json.dumps(vae_numpy.data.geodesic.geodesic_order.__name__))"
    )
    assert name == "geodesic_order"


# Without numba --------------------------------------------------------------------------------

WITHOUT = 'import sys; sys.modules["numba"] = None\n'  # as if it were not installed
# A package that is there and fails, in the ways that real installations do.
BROKEN = """
import sys, importlib.abc, importlib.machinery
class Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name == "numba":
            return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec): return None
    def exec_module(self, module): raise {error}
sys.meta_path.insert(0, Broken())
"""
ERRORS = {
    "too new a NumPy": 'ImportError("Numba needs NumPy 2.3 or less. Got NumPy 9.9.")',
    "its library does not load": 'OSError("Could not find/load shared object file")',
    "it was built for another NumPy": 'AttributeError("module numpy has no attribute xyz")',
}
TRAIN = """
import numpy as np
from vae_numpy import kernels
from vae_numpy.models import LinearAutoencoder
X = np.random.default_rng(0).normal(size=(50, 4))
score = LinearAutoencoder(2, max_iter=30, batch_size=16, random_state=0).fit(X).score(X)
print(json.dumps([kernels.backend(), score]))
"""


def test_without_numba_the_package_trains_on_numpy_to_the_same_bits():
    with_switch = value_of("from vae_numpy import kernels; kernels.set_backend('numpy')\n" + TRAIN)
    done = run("import json\n" + WITHOUT + TRAIN)
    assert done.returncode == 0 and done.stderr == ""  # not having it is no reason to warn
    assert json.loads(done.stdout) == with_switch
    assert with_switch[0] == "numpy"


@pytest.mark.parametrize("setting", [WITHOUT, BROKEN.format(error=ERRORS["too new a NumPy"])])
def test_without_numba_it_cannot_be_chosen(setting):
    done = run(
        setting
        + """
from vae_numpy import kernels
try:
    kernels.set_backend("numba")
except ImportError as error:
    print(error)
assert kernels.backend() == "numpy"
with kernels.use("numpy"):
    kernels.warm_up()
"""
    )
    assert done.returncode == 0, done.stderr
    assert "'numba'" in done.stdout and "cannot be imported" in done.stdout


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_a_broken_numba_warns_once_and_the_numpy_kernels_take_over(error):
    done = run("import json\n" + BROKEN.format(error=error) + TRAIN)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0] == "numpy"
    assert done.stderr.count("Warning") == 1
    assert "numba cannot be imported" in done.stderr and "NumPy kernels" in done.stderr


@needs_numba
def test_threads_that_start_together_get_the_same_backend():
    # Importing numba takes a while; whoever asks meanwhile must wait, or the bits would differ.
    code = """
import threading
from vae_numpy import kernels
barrier, names = threading.Barrier(4), []
def ask():
    barrier.wait()
    names.append(kernels.backend())
threads = [threading.Thread(target=ask) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
print(json.dumps(names))
"""
    assert value_of(code) == ["numba"] * 4


def test_no_module_is_longer_than_a_reader_takes_at_a_time():
    files = [*(ROOT / "vae_numpy").rglob("*.py")]
    lengths = {str(f.relative_to(ROOT)): len(f.read_text("utf-8").splitlines()) for f in files}
    assert {name: n for name, n in lengths.items() if n > 500} == {}
    assert lengths[str(Path("vae_numpy/models/base.py"))] < 350
