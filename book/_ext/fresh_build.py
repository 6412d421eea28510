"""Start every build from nothing but the executed chapters, and from those only while they hold.

Sphinx warns about a page only when it reads it, and leaves the page of a removed chapter in place.
jupyter-cache runs a chapter again only when its own code changes, whatever happens to the library
that it imports. Both make a build that differs from a fresh one; this extension removes the cause.
"""

import hashlib
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

SOURCES = (
    *("vae_numpy", "experiments", "benchmarks/results", "requirements.txt"),
    *("book/_ext/kernel_figures.py", "book/_ext/fonts"),
)
PACKAGES = ("numpy", "numba", "scipy", "scikit-learn", "matplotlib", "tqdm", "ipykernel")
IGNORED = {"__pycache__", ".ipynb_checkpoints"}


def execution_key(root):
    """Return the hash of all that a chapter's outputs depend on beside its own code.

    Parameters
    ----------
    root : Path
        The folder that holds ``SOURCES``; those that do not exist are left out.
    """
    digest = hashlib.sha256(f"python {platform.python_version()} {platform.machine()}".encode())
    for name in PACKAGES:
        digest.update(f"\n{name} {_version(name)}".encode())
    for path in _files(root):
        digest.update(f"\n{path.relative_to(root).as_posix()} ".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(root):
    for name in SOURCES:
        top = root / name
        found = [top] if top.is_file() else top.rglob("*")
        yield from sorted(p for p in found if p.is_file() and not IGNORED & set(p.parts))


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _start_fresh(app, config):
    build = Path(app.outdir).parent
    if build.name != "_build":  # not Jupyter Book's own layout: nothing here is ours to delete
        return
    for old in (Path(app.doctreedir), Path(app.outdir)):
        shutil.rmtree(old, ignore_errors=True)
        old.mkdir(parents=True)

    cache, key = build / ".jupyter_cache", execution_key(Path(app.srcdir))
    stamp = cache / "execution_key.txt"
    if not stamp.exists() or stamp.read_text("utf-8") != key:
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir(parents=True)
        stamp.write_text(key, "utf-8")


def setup(app):
    app.connect("config-inited", _start_fresh)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
