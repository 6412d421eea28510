"""The frame of the experiments: jobs that are done once, whatever breaks in between.

A job is a plain dict. Its result is kept in a file of its own as soon as it is there, and a job
that has its file is not done again. So a killed experiment goes on where it stood: it loses the
jobs that were running, nothing else. Each file has a checksum; a job whose file was damaged on the
disk is done again.
"""

import argparse
import hashlib
import json
import os
import platform
import time
import warnings
from contextlib import contextmanager, nullcontext
from pathlib import Path

import joblib
import numpy as np
import scipy
import sklearn
from sklearn.exceptions import ConvergenceWarning
from tqdm import tqdm

from vae_numpy import __version__, kernels
from vae_numpy.files import write_file
from vae_numpy.models import VAE
from vae_numpy.models.archive import FileError, InPieces, check_seal

HERE = Path(__file__).parent


def parse(description, seeds, argv=None, *, quick_seeds=1):
    """Read the options that all experiments share; ``seeds`` is how many there are by default."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="the smallest form, for a look")
    how_many = f"how many seeds (default {seeds}, quick {quick_seeds})"
    parser.add_argument("--seeds", type=int, help=how_many)
    parser.add_argument("--jobs", type=int, default=1, help="processes on this machine")
    parser.add_argument("--backend", choices=["loky", "dask"], default="loky")
    parser.add_argument("--scheduler", help="address of a dask scheduler, tcp://host:port")
    parser.add_argument("--folder", type=Path, default=HERE, help="for runs/ and results/")
    options = parser.parse_args(argv)
    if options.backend == "dask" and options.scheduler is None:
        parser.error("--backend dask needs --scheduler ADDRESS")
    if options.seeds is None:
        options.seeds = quick_seeds if options.quick else seeds
    return options


def key(job):
    """Name a job's files: what can be read of it, and a checksum of all of it."""
    label = "-".join(f"{name}{job[name]}" for name in ("beta", "seed") if name in job)
    return f"{label or 'job'}-{_checksum(job)[:12]}"


def run_all(name, jobs, work, *, options, models=None):
    """Do each job that has no file yet, and return the results of all jobs, in order.

    Parameters
    ----------
    name : str
        The results are kept in ``runs/name/``.
    jobs : list of dict
        Plain numbers, texts and lists; each job another dict.
    work : function of a module
        ``work(job)`` returns a dict that JSON can hold, or that and a fitted VAE to be kept too.
    options : as ``parse`` returns them
    models : str or None
        The ``name`` of an earlier call that kept VAEs. With it, it is ``work(job, model)`` with the
        VAE of the earlier job ``job["trained"]``. It is read here and sent, so that the machines
        of a cluster need no common disk.
    """
    folder = options.folder / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
    todo = [
        job
        for job in jobs
        if _kept(folder, job) is None or _is_damaged(checkpoint(name, job, options))
    ]

    def arguments(job):
        if models is None:
            return (job,)
        return job, VAE.load(checkpoint(models, job["trained"], options))

    tasks = (joblib.delayed(_timed)(work, *arguments(job)) for job in todo)
    with _backend(options):
        # pre_dispatch: a model is read when its turn comes, not all at once.
        n_jobs = options.jobs if options.backend == "loky" else -1  # all that the cluster has
        done = joblib.Parallel(n_jobs, pre_dispatch="n_jobs", return_as="generator_unordered")
        bar = tqdm(done(tasks), name, len(jobs), initial=len(jobs) - len(todo), smoothing=0)
        for job, result, model in bar:
            if model is not None:
                model.save(checkpoint(name, job, options), compact=True)
            write_json(folder / f"{key(job)}.json", {"job": job, "result": result})
    return [_kept(folder, job) for job in jobs]


@contextmanager
def ctrl_c_raises():
    """Let a training that Ctrl-C ends raise KeyboardInterrupt: a job must not pass for done.

    By itself it keeps what it learnt and warns.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "stopped by Ctrl-C", ConvergenceWarning)
        try:
            yield
        except ConvergenceWarning:
            raise KeyboardInterrupt from None


def checkpoint(name, job, options):
    """Say where the model of a job is kept."""
    return options.folder / "runs" / name / f"{key(job)}.npz"


def write(path, content):
    """Write all bytes of a file or nothing of it, in a folder that need not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, content)


def write_json(path, content):
    """Write a dict, all of it or nothing, and at its end a checksum of what JSON keeps of it."""
    content = json.loads(json.dumps(content, default=_plain))
    sealed = {**content, "sha256": _checksum(content)}
    write(path, (json.dumps(sealed, indent=1) + "\n").encode())


def read_json(path):
    """Read what ``write_json`` wrote; a file without a checksum, from before there was one, too.

    Raises
    ------
    ValueError
        If the file was cut short or altered.
    """
    try:
        content = json.loads(path.read_bytes())
        checksum = content.pop("sha256", None)
    except (ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is not a result, or it was cut short ({error})") from error
    if checksum not in (None, _checksum(content)):
        raise ValueError(f"{path} was altered: its checksum does not fit what it holds")
    return content


def write_results(name, configuration, seeds, models, options, **more):
    """Write ``results/name.json``: how it came about, and everything of every seed."""
    content = {
        "command": f"python -m experiments.{name}" + (" --quick" if options.quick else ""),
        "configuration": configuration,
        "seeds": list(seeds),
        "seconds": round(sum(model["seconds"] for model in models)),  # of one process, in all
        "python": platform.python_version(),
        "versions": {
            "vae_numpy": __version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "backend": kernels.backend(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        **more,
        "models": models,
    }
    path = options.folder / "results" / f"{name}{'-quick' if options.quick else ''}.json"
    write_json(path, content)
    return content


def _kept(folder, job):
    """Return what a job came to, or None if that is not there or was damaged."""
    try:
        kept = read_json(folder / f"{key(job)}.json")
        return {**kept["job"], **kept["result"]}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _is_damaged(path):
    try:
        with InPieces(path) as file:
            check_seal(file)
    except FileNotFoundError:  # not every job keeps a model
        return False
    except FileError:
        return True
    return False


def _checksum(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _timed(work, job, *model):
    wall, cpu = time.perf_counter(), time.process_time()
    with ctrl_c_raises():
        outcome = work(job, *model)
    result, model = outcome if isinstance(outcome, tuple) else (outcome, None)
    seconds = round(time.perf_counter() - wall, 1)  # on a busy machine much more than the next
    cpu_seconds = round(time.process_time() - cpu, 1)
    return job, {**result, "seconds": seconds, "cpu_seconds": cpu_seconds}, model


def _backend(options):
    if options.backend == "loky":
        return nullcontext()
    from dask.distributed import Client

    client = Client(options.scheduler)  # joblib finds it
    return joblib.parallel_config("dask", client=client)


def _plain(value):
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)
