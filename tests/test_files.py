"""Files survive: kills, full and read-only disks, damage, bombs and a thousand strangers.

What a single damaged number of a checkpoint leads to stands in ``test_persistence``; here are whole
disks, whole processes and every bit. ``pytest -m nightly`` takes the large numbers.
"""

import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from experiments import runs
from vae_numpy import __version__, exercises, files
from vae_numpy.exercises import stubs
from vae_numpy.models import VAE, Autoencoder
from vae_numpy.models.archive import FileError

ROOT = Path(__file__).parents[1]
TROUBLESHOOTING = (ROOT / "book/troubleshooting.md").read_text("utf-8")
X = np.random.default_rng(0).normal(size=(40, 3))


def run_python(*arguments, before=()):
    """Run another interpreter and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [*before, sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def small_model():
    settings = {"early_stopping": True, "batch_size": 20, "max_iter": 2, "random_state": 0}
    return Autoencoder(1, 3, **settings).fit(X)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "model.npz"
    small_model().save(path)
    return path.read_bytes()


def few_or_many(few, many):
    """Run a test with a small number, and each night with a large one."""
    return pytest.mark.parametrize("n", [few, pytest.param(many, marks=pytest.mark.nightly)])


# Killed ------------------------------------------------------------------------------------------

KILL = """
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from experiments import runs
from vae_numpy import kernels
from vae_numpy.files import write_file
from vae_numpy.models import Autoencoder

# A process is forked for each kill, which spares the imports; compiled threads do not survive that.
kernels.set_backend("numpy")
folder, n_kills = Path(sys.argv[1]), int(sys.argv[2])
X = np.random.default_rng(0).normal(size=(40, 50))
models = [Autoencoder(2, 1000, max_iter=1, random_state=seed).fit(X) for seed in (0, 1)]
results = [{"numbers": np.random.default_rng(seed).normal(size=20_000)} for seed in (0, 1)]
paths = folder / "model.npz", folder / "result.json"


# What is written is made before, so that most kills come while it is written.
contents = []
for k in (0, 1):
    models[k].save(paths[0])
    runs.write_json(paths[1], results[k])
    contents.append([path.read_bytes() for path in paths])


def write(k):
    start = time.perf_counter()
    for path, content in zip(paths, contents[k]):
        write_file(path, content)
    return time.perf_counter() - start


seconds = min(write(k) for k in (0, 1, 0, 1))
rng, in_the_middle = np.random.default_rng(0), 0
for _ in range(n_kills):
    child = os.fork()
    if child == 0:
        k = 0
        while True:
            write(k := 1 - k)
    time.sleep(rng.uniform(0, 3 * seconds))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for i, path in enumerate(paths):
        assert path.read_bytes() in [pair[i] for pair in contents], path
    left = len(os.listdir(folder)) - len(paths)
    assert left <= 1, os.listdir(folder)
    in_the_middle += left
write(0)
print(in_the_middle, len(os.listdir(folder)))
"""


@pytest.mark.skipif(files.fcntl is None, reason="needs fork, and locks as on Unix")
@few_or_many(10, 100)
def test_a_file_is_the_old_or_the_new_one_whenever_its_writer_is_killed(n, tmp_path):
    in_the_middle, at_the_end = map(int, run_python("-c", KILL, tmp_path, n).split())
    assert in_the_middle >= n // 10  # of a file, which the kill left beside it
    assert at_the_end == 2  # and the next writer has removed what was left


def test_no_writer_of_results_or_answers_writes_in_place(tmp_path, monkeypatch):
    """A kill just before the last step, for those that were not killed above."""
    pytest.importorskip("numba", reason="the benchmarks measure what is compiled")
    from benchmarks import __main__ as benchmark
    from benchmarks import ladder

    def killed(source, target):
        raise KeyboardInterrupt

    kept = tmp_path / "kept"
    kept.write_text("old")
    answers = tmp_path / "ch01.py"
    answers.write_text(stubs.stub_file_text(1))
    before = answers.read_bytes()
    monkeypatch.setattr(stubs, "answer_file", lambda chapter: answers)
    monkeypatch.setattr(ladder, "measure", dict)
    monkeypatch.setattr(ladder, "orders", lambda: {"ijk": 1.0})
    monkeypatch.setattr(ladder, "addresses", lambda: {"tiles, 1": 1.0})
    monkeypatch.setattr(benchmark.startup, "run", lambda repeats: [])
    (tmp_path / "benchmarks.json").write_text("old")
    monkeypatch.setattr(os, "replace", killed)
    writers = [
        lambda: files.write_file(kept, b"new"),
        lambda: runs.write_json(kept, {"new": 1}),
        lambda: exercises.reset("1.1"),
        lambda: ladder.main(["--rounds", "1", "--to", str(kept)]),
        lambda: benchmark.main(["--quick", "--only", "startup", "--to", str(tmp_path)]),
    ]
    for write in writers:
        with pytest.raises(KeyboardInterrupt):
            write()
    assert kept.read_text() == (tmp_path / "benchmarks.json").read_text() == "old"
    assert answers.read_bytes() == before
    names = {"kept", "ch01.py", "ch01.py.before_reset", "benchmarks.json"}
    assert set(os.listdir(tmp_path)) == names


# Damaged -----------------------------------------------------------------------------------------


def flipped(data, bit):
    data = bytearray(data)
    data[bit // 8] ^= 1 << bit % 8
    return bytes(data)


def listed(words):
    """Return words that an error prints; the page on troubleshooting must list them."""
    assert words in " ".join(TROUBLESHOOTING.split())
    return words


ALTERED = listed("is not a model file, or it was cut short or altered")


def refuse(path, content, said):
    path.write_bytes(content)
    with pytest.raises(FileError, match=said) as raised:
        Autoencoder.load(path)
    assert str(path) in str(raised.value)


@few_or_many(300, None)
def test_each_flipped_bit_of_a_checkpoint_is_found(n, good, tmp_path):
    bits = range(8 * len(good))
    for bit in bits if n is None else np.random.default_rng(1).choice(bits, n, replace=False):
        refuse(tmp_path / "model.npz", flipped(good, bit), ALTERED)


@few_or_many(100, None)
def test_a_checkpoint_that_was_cut_short_is_refused(n, good, tmp_path):
    for length in range(0, len(good), 1 if n is None else len(good) // n):
        refuse(tmp_path / "model.npz", good[:length], ALTERED)


RESULT = {"job": {"seed": 3}, "result": {"square": 9.25, "rows": [1.5e-7, [2, None]], "of": "a"}}


def test_each_flipped_bit_of_a_result_is_found_or_harmless(tmp_path):
    path = tmp_path / "result.json"
    runs.write_json(path, RESULT)
    whole, found = path.read_bytes(), 0
    assert runs.read_json(path) == RESULT
    for bit in range(8 * len(whole)):
        path.write_bytes(flipped(whole, bit))
        try:
            content = runs.read_json(path)
        except ValueError as error:
            assert str(path) in str(error)
            found += 1
        else:  # white space, or the name of the checksum
            assert {name: content[name] for name in RESULT} == RESULT
    assert found > 7 * len(whole)


def test_a_result_that_was_cut_short_is_refused(tmp_path):
    path = tmp_path / "result.json"
    runs.write_json(path, RESULT)
    whole = path.read_bytes()
    for length in range(len(whole) - 1):  # the last byte ends the line
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"result.json is not a result, or it was cut short"):
            runs.read_json(path)
    path.write_bytes(b"[" * 10**5)
    with pytest.raises(ValueError, match=r"result.json is not a result"):
        runs.read_json(path)


def test_results_without_a_checksum_are_read_as_before(tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(RESULT))
    assert runs.read_json(path) == RESULT


@pytest.mark.parametrize("path", sorted((ROOT / "experiments/results").glob("*.json")), ids=str)
def test_committed_results_are_whole(path):
    assert "models" in runs.read_json(path)


@pytest.mark.parametrize("which", ["json", "npz"])
def test_a_job_whose_result_or_model_was_altered_on_the_disk_is_done_again(which, tmp_path):
    options = runs.parse("", 1, ["--folder", str(tmp_path)])
    job, done = {"seed": 3}, []

    def work(job):
        done.append(job)
        return {"square": 9}, VAE(1, 2, max_iter=1, random_state=0).fit(X)

    runs.run_all("squares", [job], work, options=options)
    path = runs.checkpoint("squares", job, options).with_suffix(f".{which}")
    whole = path.read_bytes()
    altered = whole.replace(b'"square": 9', b'"square": 8') if which == "json" else whole[:-1]
    assert altered != whole
    path.write_bytes(altered)
    (result,) = runs.run_all("squares", [job], work, options=options)
    assert len(done) == 2 and result["square"] == 9
    assert VAE.load(runs.checkpoint("squares", job, options)).n_iter_ == 1
    runs.run_all("squares", [job], work, options=options)
    assert len(done) == 2


# Another version ---------------------------------------------------------------------------------


def sealed(body):
    """End a file with the checksum that a model file ends with."""
    return body + hashlib.sha256(body).hexdigest().encode()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def members_of(good):
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def header_of(good):
    return json.loads(str(np.load(io.BytesIO(members_of(good)["header.npy"]))))


def archive_of(members, *, kind=zipfile.ZIP_DEFLATED, sizes=None):
    """Pack bytes and seal them; the directory may state other sizes of what is unpacked."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind, compresslevel=1) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        for name, size in (sizes or {}).items():
            archive.getinfo(name).file_size = size
        archive.comment = b"-" * 64
    return sealed(buffer.getvalue()[:-64])


def with_header(good, header):
    return archive_of({**members_of(good), "header.npy": npy(np.array(json.dumps(header)))})


def test_a_file_of_a_later_version_names_both_versions_and_what_to_do(good, tmp_path):
    header = header_of(good)
    assert header["format"] == "vae_numpy model, version 2" and header["vae_numpy"] == __version__
    header |= {"format": "vae_numpy model, version 3", "vae_numpy": "7.5.0"}
    said = (
        "must have the format 'vae_numpy model, version 2' or 'vae_numpy model, version 1', got "
        f"'vae_numpy model, version 3': it was written by vae_numpy 7.5.0, this is {__version__}. "
        "Load it with the version that wrote it, or with a newer one"
    )
    listed("Load it with the version that wrote it, or with a newer one")
    refuse(tmp_path / "model.npz", with_header(good, header), said)
    del header["vae_numpy"]  # which files had not at first
    refuse(tmp_path / "model.npz", with_header(good, header), "by vae_numpy another version, this")


@pytest.mark.parametrize("path", sorted((ROOT / "experiments/results").glob("*.npz")), ids=str)
def test_committed_arrays_and_checkpoints_load(path):
    with np.load(path) as arrays:
        assert all(arrays[name].size for name in arrays)
        is_a_model = "header" in arrays
    if is_a_model:
        assert VAE.load(path).n_iter_ > 0


# Disks -------------------------------------------------------------------------------------------


def test_a_file_larger_than_what_is_allowed_leaves_the_old_one(tmp_path):
    """The operating system itself refuses to write on, in the middle of the file."""
    resource = pytest.importorskip("resource")
    path, model = tmp_path / "model.npz", small_model()
    path.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(OSError, match=listed("File too large")) as raised:
            model.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.filename == str(path)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["model.npz"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write to any")
def test_a_folder_that_must_not_be_written_to_is_named(good, tmp_path):
    path, model = tmp_path / "model.npz", small_model()
    path.write_bytes(good)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match=listed("Permission denied")) as raised:
            model.save(path)
        assert Autoencoder.load(path).n_iter_ == 2
    finally:
        tmp_path.chmod(0o700)
    assert raised.value.filename == str(path) and path.read_bytes() == good


DISK = """
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from vae_numpy import kernels
from vae_numpy.models import Autoencoder
from vae_numpy.training import Checkpoint

kernels.set_backend("numpy")
disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True)
X = np.random.default_rng(0).normal(size=(40, 3))
path, whole = disk / "model.npz", Autoencoder(1, 9, max_iter=9, random_state=0).fit(X)


def fill(model):
    if model.n_iter_ == 4:
        (disk / "filled").write_bytes(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize))


try:
    Autoencoder(**{**whole.get_params(), "callbacks": [Checkpoint(path), fill]}).fit(X)
except OSError as error:
    print(error.strerror, error.filename == str(path), sorted(os.listdir(disk)))
model = Autoencoder.load(path)
print(model.n_iter_)
print(np.array_equal(model.resume(X).transform(X), whole.transform(X)))
subprocess.run(["mount", "-o", "remount,bind,ro", disk], check=True)
try:
    model.save(path)
except OSError as error:
    print(error.strerror, error.filename == str(path), Autoencoder.load(path).n_iter_)
"""
IN_A_NAMESPACE = ["unshare", "--map-root-user", "--mount"]  # where everybody may mount


def test_a_full_and_a_read_only_disk_leave_the_last_checkpoint(tmp_path):
    if not shutil.which("unshare") or subprocess.run([*IN_A_NAMESPACE, "true"]).returncode:
        pytest.skip("needs Linux with user namespaces")
    lines = run_python("-c", DISK, tmp_path, before=IN_A_NAMESPACE).splitlines()
    assert lines == [
        f"{listed('No space left on device')} True ['filled', 'model.npz']",
        "4",
        "True",
        f"{listed('Read-only file system')} True 4",
    ]


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights on Windows")
def test_a_link_that_leads_back_to_itself_is_left_alone(tmp_path):
    """Where a link leads somewhere the file there is replaced: see ``test_persistence``."""
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    one.symlink_to(two)
    two.symlink_to(one)
    with pytest.raises(OSError, match=listed("Too many levels of symbolic links")):
        files.write_file(one, b"new")
    assert one.is_symlink() and two.is_symlink() and len(os.listdir(tmp_path)) == 2


# Bombs and strangers -----------------------------------------------------------------------------


def huge(good):
    """Return the members of a checkpoint, with 300 MB of zeros behind the weights."""
    members = members_of(good)
    return {**members, "weights.npy": members["weights.npy"] + bytes(300 * 2**20)}


# They state a huge size, or a small one of what is huge.
BOMBS = {
    "states 10 GB": lambda good: archive_of(
        members_of(good), sizes={"weights.npy": 10 * 2**30}, kind=zipfile.ZIP_STORED
    ),
    "states 10 GB, deflated": lambda good: archive_of(
        members_of(good), sizes={"weights.npy": 10 * 2**30}
    ),
    "holds 300 MB": lambda good: archive_of(huge(good)),
    "holds 300 MB in small parts": lambda good: archive_of(
        {f"{i}.npy": bytes(10**6) for i in range(300)}
    ),
    "lies": lambda good: archive_of(
        huge(good), sizes={"weights.npy": len(members_of(good)["weights.npy"])}
    ),
}


@pytest.mark.parametrize("name", ["states 10 GB", "states 10 GB, deflated"])
def test_a_bomb_is_refused_by_the_size_that_it_states_and_not_opened(
    name, good, tmp_path, monkeypatch
):
    content, opened, open_member = BOMBS[name](good), [], zipfile.ZipFile.open

    def note(archive, member, *arguments, **options):
        opened.append(member)
        return open_member(archive, member, *arguments, **options)

    monkeypatch.setattr(zipfile.ZipFile, "open", note)
    refuse(tmp_path / "model.npz", content, listed("would unpack to many times its size"))
    assert opened == []
    (tmp_path / "model.npz").write_bytes(good)
    Autoencoder.load(tmp_path / "model.npz")
    assert len(opened) > 5  # what would have been noticed


NASTY = [None, True, -1, 0, 0.5, 1e308, float("nan"), 2**63, 10**400, "", "adam", "x" * 10**5]
NASTY += [[], [[]], {}, {"a": 1}, [1] * 10**4, "\0", "é"]


def leaves(tree, place=()):
    """Yield where the values of nested dicts and lists are, the dicts and lists included."""
    below = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for name, value in below:
        yield (*place, name)
        if isinstance(value, (dict, list)):
            yield from leaves(value, (*place, name))


def fuzzed(good, rng):
    """Damage a checkpoint in one of five ways; the last four with a valid checksum."""
    members, kind = members_of(good), rng.integers(5)

    def damaged(data):
        data = bytearray(data)
        if rng.random() < 0.2:
            return bytes(data[: rng.integers(len(data))])
        for place in rng.integers(len(data), size=rng.integers(1, 9)):
            data[place] = rng.integers(256)
        return bytes(data)

    if kind == 0:
        return damaged(good)
    if kind == 1:
        return sealed(damaged(good[:-64]))
    if kind == 2:  # the directory at the end of the archive, four bytes at a time
        data = bytearray(good[:-64])
        place = rng.integers(data.find(b"PK\1\2"), len(data) - 4)
        data[place : place + 4] = struct.pack("<I", rng.choice([0, 1, 2**31, 2**32 - 1]))
        return sealed(bytes(data))
    if kind == 3:
        name = rng.choice(list(members))
        head = rng.random() < 0.5  # or anywhere
        data = members[name]
        changed = damaged(data[:128]) + data[128:] if head else damaged(data)
        return archive_of({**members, name: changed}, kind=int(rng.choice([0, 8])))
    header = header_of(good)
    for _ in range(rng.integers(1, 3)):
        places = list(leaves(header))
        *path, last = places[rng.integers(len(places))]
        inside = header
        for name in path:
            inside = inside[name]
        inside[last] = NASTY[rng.integers(len(NASTY))]
    return with_header(good, header)


STRANGERS = r"""
import re
import sys
from pathlib import Path

import numpy as np

from vae_numpy.models import Autoencoder
from vae_numpy.models.archive import FileError

RUNS = ("exec", "pickle.", "marshal.", "subprocess.", "os.", "shutil.", "socket.", "ctypes.")
NO_HARM = ("os.listdir", "os.scandir")
X, paths, ran = np.random.default_rng(0).normal(size=(40, 3)), sys.argv[1:], []


def peak():
    # In megabytes. resource.getrusage would begin with the peak of the process that started us.
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024


def note(event, arguments):
    writes = event == "open" and any(c in str(arguments[1]) for c in "wax+")
    if writes or (event.startswith(RUNS) and event not in NO_HARM):
        ran.append((event, str(arguments)[:200]))


def attempt(path):
    try:
        model = Autoencoder.load(path)
    except FileError as error:
        assert str(path) in str(error), error
        return "refused"
    assert np.isfinite(model.get_params()["learning_rate_init"])
    return "loaded"


start = peak()
assert attempt(paths[0]) == "loaded" and attempt(paths[1]) == "refused"  # what is imported late
sys.addaudithook(note)
for path in paths:
    print(attempt(path), peak() - start)
assert ran == [], ran[:5]
eval("1")
assert ran  # it would have been noticed
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's /proc")
@few_or_many(100, 1000)
def test_strangers_are_refused_in_little_memory_and_nothing_of_theirs_runs(n, good, tmp_path):
    rng = np.random.default_rng(17)
    contents = {"good": good, "cut": good[:-1]}
    contents |= {name: make(good) for name, make in BOMBS.items()}
    contents |= {f"{i}": fuzzed(good, rng) for i in range(n)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    listed = [tmp_path / name for name in contents]
    lines = [line.split() for line in run_python("-c", STRANGERS, *listed).splitlines()]
    verdicts = dict(zip(contents, (verdict for verdict, _ in lines), strict=True))
    assert all(verdicts[name] == "refused" for name in BOMBS)
    assert max(int(megabytes) for _, megabytes in lines) < 200
    # Some changes are none, or of what any value will do for.
    assert 0.6 * n < list(verdicts.values())[-n:].count("refused") < n
