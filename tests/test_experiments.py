"""The experiments: nothing done twice whatever is killed, and results that hold what they say."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from experiments import (
    beta_sweep,
    capacity,
    hearts,
    higgins2017,
    larger,
    rotation,
    runs,
    two_by_two,
    unrolling,
)
from experiments.sprite_models import SMALL, SMALL_SIZE, EverySecond, stream, untrained
from vae_numpy import metrics
from vae_numpy.data.sprites import FACTOR_VALUES, Sprites
from vae_numpy.models import VAE, Autoencoder

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "experiments" / "results"


# The frame ------------------------------------------------------------------------------------

# Each job leaves a line when it begins and one when it ends. It takes a fifth of a second.
SLOW = """
import os, sys, time
from pathlib import Path
from experiments import runs

def work(job):
    log = Path(job["log"])
    note = lambda text: os.write(fd, f"{text} {job['number']} {os.getpid()}\\n".encode())
    fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    note("begin")
    time.sleep(0.2)
    note("end")
    os.close(fd)
    return {"square": job["number"] ** 2}

def main(folder, *argv):
    options = runs.parse("squares", 1, [*argv, "--folder", folder])
    jobs = [{"number": i, "log": folder + "/log"} for i in range(12)]
    results = runs.run_all("squares", jobs, work, options=options)
    assert [r["square"] for r in results] == [i**2 for i in range(12)]

if __name__ == "__main__":
    main(*sys.argv[1:])
"""


def start(tmp_path, *argv):
    (tmp_path / "slow.py").write_text(SLOW)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    command = [sys.executable, str(tmp_path / "slow.py"), str(tmp_path), *argv]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def lines(tmp_path):
    """The words of each line of the log, such as ["begin", "3", "12345"]."""
    log = tmp_path / "log"
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def wait_for(condition, seconds=180):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def kept(tmp_path):
    return len(list((tmp_path / "runs" / "squares").glob("*.json")))


def test_a_killed_experiment_goes_on_where_it_stood(tmp_path):
    first = start(tmp_path)
    wait_for(lambda: kept(tmp_path) >= 4)
    first.kill()
    first.wait()
    before = kept(tmp_path)
    assert before < 12
    second = start(tmp_path)
    assert second.wait(180) == 0, second.stderr.read()
    ended = Counter(number for what, number, _ in lines(tmp_path) if what == "end")
    assert set(ended) == {str(i) for i in range(12)}
    # Only the job that was running may have run again.
    assert sum(ended.values()) <= 13
    by_second = {
        n for what, n, pid in lines(tmp_path) if what == "begin" and pid == str(second.pid)
    }
    assert len(by_second) == 12 - before
    assert kept(tmp_path) == 12 and not list(tmp_path.glob("runs/squares/.*"))


def test_a_finished_experiment_does_nothing(tmp_path):
    assert start(tmp_path).wait(180) == 0
    log = lines(tmp_path)
    assert start(tmp_path, "--jobs", "2").wait(180) == 0
    assert lines(tmp_path) == log


def test_a_job_whose_result_is_damaged_is_done_again(tmp_path):
    options = runs.parse("squares", 1, ["--folder", str(tmp_path)])
    job = {"seed": 3}
    path = tmp_path / "runs" / "squares" / f"{runs.key(job)}.json"
    path.parent.mkdir(parents=True)
    for damaged in (b"", b'{"job": {"seed": 3}, "res', b"\xff" * 100):
        path.write_bytes(damaged)
        (result,) = runs.run_all("squares", [job], lambda job: {"square": 9}, options=options)
        assert result["square"] == 9 and json.loads(path.read_text())["job"] == job


def test_two_processes_do_each_job_once(tmp_path):
    process = start(tmp_path, "--jobs", "2")
    assert process.wait(180) == 0, process.stderr.read()
    begun = [(number, pid) for what, number, pid in lines(tmp_path) if what == "begin"]
    assert sorted(int(number) for number, _ in begun) == list(range(12))
    assert len({pid for _, pid in begun}) == 2


def test_dask_with_a_killed_worker_loses_nothing_and_does_nothing_twice(tmp_path):
    pytest.importorskip("distributed")
    from distributed import Client

    (tmp_path / "slow.py").write_text(SLOW)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    address_file = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    here = ["--host", "127.0.0.1", "--no-dashboard"]
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *here, "--port", "0"]
    processes = [subprocess.Popen([*command, "--scheduler-file", str(address_file)], **quiet)]
    try:
        wait_for(address_file.exists)
        address = json.loads(address_file.read_text())["address"]
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, *here]
        command += ["--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path)]
        workers = [subprocess.Popen(command, **quiet) for _ in range(2)]
        processes += workers
        with Client(address) as client:
            client.wait_for_workers(2, timeout=180)
        experiment = start(tmp_path, "--backend", "dask", "--scheduler", address, "--jobs", "2")
        processes.append(experiment)
        wait_for(lambda: len({pid for what, _, pid in lines(tmp_path) if what == "end"}) == 2)
        workers[0].send_signal(signal.SIGKILL)
        assert experiment.wait(180) == 0, experiment.stderr.read()
    finally:
        for process in processes:
            process.kill()
            process.wait()
    ended = Counter(number for what, number, _ in lines(tmp_path) if what == "end")
    begun = Counter(number for what, number, _ in lines(tmp_path) if what == "begin")
    assert set(ended) == {str(i) for i in range(12)} and kept(tmp_path) == 12
    # The job of the killed worker was begun twice, and perhaps one whose result was on its way.
    assert sum(begun.values()) - 12 <= 2
    assert len({pid for _, _, pid in lines(tmp_path)}) == 2


def test_dask_needs_an_address(capsys):
    with pytest.raises(SystemExit):
        runs.parse("squares", 1, ["--backend", "dask"])
    assert "--scheduler" in capsys.readouterr().err


def interrupted(job):
    """A job in whose training somebody presses Ctrl-C."""
    press = [lambda model: os.kill(os.getpid(), signal.SIGINT)]
    VAE(2, (4,), callbacks=press, random_state=0).partial_fit(np.eye(5))
    return {}


def test_a_training_that_ctrl_c_ends_is_not_kept(tmp_path):
    options = Namespace(backend="loky", jobs=1, folder=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        runs.run_all("interrupted", [{"seed": 0}], interrupted, options=options)
    assert not list((tmp_path / "runs" / "interrupted").iterdir())


def press(model):
    """A callback in which somebody presses Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def settings_kept(folder):
    """The setting and the seed of each result that is kept in a folder."""
    kept = [json.loads(path.read_text())["job"] for path in folder.glob("*.json")]
    return sorted((job["setting"], job["seed"]) for job in kept)


def test_unrolling_keeps_the_runs_before_ctrl_c_and_not_the_one_that_it_ended(
    tmp_path, monkeypatch
):
    pressed = [press]

    def train(X, job):
        last = (job["setting"], job["seed"]) == ("plain", 101)
        arguments = {"random_state": job["seed"], "max_iter": 2}
        return Autoencoder(1, (4,), callbacks=pressed if last else None, **arguments).fit(X)

    cloud = "spiral, 1.5 turns"
    monkeypatch.setattr(unrolling, "RUNS", [(cloud, "smooth", "fit"), (cloud, "plain", "fit")])
    monkeypatch.setattr(unrolling, "digit_jobs", lambda *_: [])
    monkeypatch.setitem(unrolling.TRAININGS, "fit", train)
    command = ["--seeds", "2", "--folder", str(tmp_path)]
    with pytest.raises(KeyboardInterrupt):
        unrolling.main(command)
    before = [("plain", 100), ("smooth", 100), ("smooth", 101)]
    assert settings_kept(tmp_path / "runs" / "unrolling" / "curves") == before
    assert not (tmp_path / "results").exists()
    # The same command again does the one that is missing.
    pressed.clear()
    unrolling.main(command)
    result = json.loads((tmp_path / "results" / "unrolling.json").read_text())
    assert result["command"] == "python -m experiments.unrolling"
    done = [(model["setting"], model["seed"]) for model in result["models"]]
    assert done == [("smooth", 100), ("smooth", 101), ("plain", 100), ("plain", 101)]


def test_unrolling_does_not_keep_digits_that_ctrl_c_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(unrolling, "RUNS", [])
    monkeypatch.setattr(unrolling, "Autoencoder", partial(Autoencoder, callbacks=[press]))
    with pytest.raises(KeyboardInterrupt):
        unrolling.main(["--folder", str(tmp_path)])
    assert settings_kept(tmp_path / "runs" / "unrolling" / "digits") == []
    assert not (tmp_path / "results").exists()


def test_a_changed_setting_of_unrolling_makes_new_jobs(monkeypatch):
    def keys():
        jobs = unrolling.curve_jobs([0, 1], 100, 1) + unrolling.digit_jobs([0, 1], [2, 3], 1)
        return Counter(map(runs.key, jobs))

    before = keys()
    assert set(before.values()) == {1}
    monkeypatch.setattr(unrolling, "GROWING", unrolling.GROWING + 1)
    grown = sum(training == "cure" for _, _, training in unrolling.RUNS)
    assert grown > 0 and len(keys() - before) == 2 * grown
    monkeypatch.undo()
    monkeypatch.setitem(unrolling.NETWORKS["digits"], "batch_size", 65)
    assert len(keys() - before) == 4


def test_jobs_that_differ_have_different_files():
    jobs = [{"beta": b, "seed": s, "rows": r} for b in (1, 4, None) for s in (0, 1) for r in (8, 9)]
    assert len({runs.key(job) for job in jobs}) == len(jobs)
    assert runs.key({"a": 1, "b": 2}) == runs.key({"b": 2, "a": 1})


# What the experiments on sprites share --------------------------------------------------------


def test_every_second_is_a_part_of_the_sprites():
    dataset = EverySecond(16)
    assert len(dataset) == 3 * 6 * 20 * 16 * 16
    indices = np.array([0, 1, 20 * 256, len(dataset) - 1])
    factors = dataset.factors(indices)
    assert np.array_equal(dataset.indices(factors), indices)
    assert factors[-1].tolist() == [2, 5, 19, 15, 15]
    full = Sprites(16)
    expected = full.images(full.indices(np.array([[2, 5, 38, 30, 30]])))
    assert np.array_equal(dataset.images(indices[-1:]), expected)
    # No angle is there twice.
    angles = FACTOR_VALUES[2][::2]
    assert len(angles) == 20 and angles[-1] - angles[0] < 2 * np.pi - 0.1


def test_every_second_draws_each_factor_evenly():
    factors = EverySecond(8).sample_factors(40_000, np.random.default_rng(0))
    for column, size in zip(factors.T, EverySecond.factor_sizes, strict=True):
        shares = np.bincount(column, minlength=size) / len(column)
        # five standard deviations of a share
        assert np.abs(shares - 1 / size).max() < 5 * np.sqrt(1 / size / len(column))


def test_a_stream_draws_new_pictures_into_one_buffer():
    draw = stream(16, 32, seed=0)
    first = draw()
    kept = first.copy()
    assert draw() is first and not np.array_equal(first, kept)
    assert np.array_equal(stream(16, 32, seed=0)(), kept)


def test_an_untrained_model_has_the_weights_it_was_drawn_with():
    X = stream(16, 32, seed=0)()
    arguments = {"hidden_layer_sizes": (8,), "likelihood": "bernoulli", "random_state": 0}
    model = untrained(VAE(**arguments), X)
    trained = VAE(**arguments, learning_rate_init=1e-3).partial_fit(X)
    # What training starts from: a step so short that float32 does not notice it.
    started = VAE(**arguments, learning_rate_init=2e-30).partial_fit(X[:1])
    W = started.encoder_.layers[0].W.value
    assert np.array_equal(model.encoder_.layers[0].W.value, W)
    assert not np.array_equal(trained.encoder_.layers[0].W.value, W)
    assert np.array_equal(model.transform(X), started.transform(X))
    assert model.learning_rate_init == 1e-3 and model.n_iter_ == 0


# The smallest form of each --------------------------------------------------------------------


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Run an experiment's --quick once in this file, and return its folder and its result."""
    folder, done = tmp_path_factory.mktemp("experiments"), {}

    def run(module):
        name = module.__name__.split(".")[-1]
        if name not in done:
            module.main(["--quick", "--folder", str(folder)])
            done[name] = json.loads((folder / "results" / f"{name}-quick.json").read_text())
        return folder, done[name]

    return run


HEAD = {"command", "configuration", "seeds", "seconds", "versions", "machine", "models", "backend"}
SCORES = {"beta_vae", "factor_vae", "mig"}
DCI = {"dci_disentanglement", "dci_completeness", "dci_informativeness"}
ALL_SCORES = set(metrics.scores.SCORES) - {"dci"} | DCI


def check_scores(model, wanted):
    assert set(model["scores"]) == wanted
    assert all(-1e-9 <= value <= 1 + 1e-9 for value in model["scores"].values())


def check_vae(model):
    """Every score, what mean and drawn codes say of each factor, and an ELBO that adds up."""
    check_scores(model, ALL_SCORES)
    for name in ("information", "drawn_information"):
        assert np.shape(model[name]) == (10, 5)
        assert 0 <= np.min(model[name]) and np.max(model[name]) <= 1
    assert np.shape(model["kl_per_latent"]) == (10,)
    parts = model["reconstruction"] + sum(model["kl_per_latent"])
    assert parts == pytest.approx(-model["elbo"], rel=1e-6)


def test_beta_sweep_quick(quick):
    folder, result = quick(beta_sweep)
    assert set(result) > HEAD
    assert [model["beta"] for model in result["models"]] == [1, 64, None]
    assert len(set(result["seeds"])) == 3  # no two models begin alike
    for model in result["models"]:
        check_vae(model)
    # Above the pressure at which a latent pays, nothing is told.
    assert sum(result["models"][1]["kl_per_latent"]) < 0.5


def test_a_quick_sweep_that_is_done_is_not_done_again(quick, monkeypatch):
    folder, result = quick(beta_sweep)
    monkeypatch.setattr(beta_sweep, "train", None)
    monkeypatch.setattr(beta_sweep, "score", None)
    beta_sweep.main(["--quick", "--folder", str(folder)])
    again = json.loads((folder / "results" / "beta_sweep-quick.json").read_text())
    assert again == result


def test_checkpoints_of_the_quick_sweep_hold_what_was_scored(quick):
    folder, result = quick(beta_sweep)
    paths = sorted((folder / "runs" / "beta_sweep" / "models").glob("*.npz"))
    assert len(paths) == 3 and all(path.stat().st_size < 3e6 for path in paths)
    X = Sprites(SMALL_SIZE).sample(100, np.random.default_rng(0))[0]
    for path in paths:
        mu, _ = VAE.load(path).encode(X)
        assert mu.dtype == np.float32 and np.all(np.isfinite(mu))


def test_two_by_two_quick(quick):
    folder, result = quick(two_by_two)
    assert set(result) > HEAD
    cells = [(1, 1), (1, 32), (4, 4), (4, 32), (None, None)]  # beta and where it began
    found = [(model["seed"], model["beta"], model["hottest"]) for model in result["models"]]
    assert found == [(seed, *cell) for seed in result["seeds"] for cell in cells]
    for model in result["models"]:
        check_vae(model)
        assert 0 <= model["udr"] <= 0.9


def test_the_four_of_a_seed_differ_in_the_price_only(monkeypatch):
    seen = {}

    def look(model, draw, *, hottest, n_rounds, share):
        pictures = [draw().copy() for _ in range(2)]
        model.partial_fit(pictures[0])
        seen[model.beta, hottest] = pictures, n_rounds, share, model.history_["reconstruction"]

    monkeypatch.setattr(beta_sweep, "fit_cooling", look)
    monkeypatch.setattr(beta_sweep, "describe", lambda *_: {})
    one_batch = {**beta_sweep.TRAINING, "rows": SMALL["batch_size"]}
    for beta, hottest in [(1, 1), (1, 32), (4, 4), (4, 32)]:
        beta_sweep.train({**one_batch, "beta": beta, "hottest": hottest, "seed": 5})
    (first, *others) = seen.values()
    assert len(seen) == 4
    for other in others:
        assert np.array_equal(other[0], first[0]) and other[1:3] == first[1:3]
        # The first batch is scored before its step: the same weights, and the same noise.
        assert other[3] == first[3]


def test_higgins2017_quick(quick):
    _, result = quick(higgins2017)
    assert set(result) > HEAD | {"paper"}
    assert {model["row"] for model in result["models"]} == set(result["paper"])
    for model in result["models"]:
        if model["row"] in higgins2017.ROWS:
            check_vae(model)
            assert 0 <= model["udr"] <= 0.9
        else:
            check_scores(model, SCORES)
    truth = next(m for m in result["models"] if m["row"] == "ground truth")
    # With few points; x, y, scale and rotation each have a code of their own.
    assert truth["scores"]["beta_vae"] > 0.95 and truth["scores"]["mig"] > 0.8


def test_capacity_quick(quick):
    _, result = quick(capacity)
    assert set(result) > HEAD
    (model,) = result["models"]
    rounds = model["n_rounds"]
    assert np.shape(model["kl_per_latent"]) == (rounds, 10)
    assert len(model["reconstruction"]) == len(model["target"]) == rounds
    assert np.all(np.diff(model["target"]) > 0) and model["target"][-1] < model["capacity"]
    assert [look["round"] for look in model["looks"]] == [5, 10]
    known = np.array([look["information"] for look in model["looks"]])
    assert known.shape == (2, 10, 5) and known.min() >= 0 and known.max() <= 1


def test_unrolling_quick(quick):
    _, result = quick(unrolling)
    assert set(result) > HEAD | {"linear_share", "pca_error"}
    models = {(m["cloud"], m["setting"], m["seed"]): m for m in result["models"]}
    assert len(models) == len(result["models"]) == 2 * (len(unrolling.RUNS) + 2)
    for (cloud, _, _), model in models.items():
        if cloud == "digits":
            assert model["squared_error"] > 0
            continue
        assert model["explained_variance"] <= 1
        if cloud == "swiss roll":
            assert len(model["position"]) == 2 and max(model["position"]) <= 1
        else:
            assert 0 <= model["spearman"] <= 1


def test_what_is_shipped_is_written_whole_or_not_at_all(quick, tmp_path, monkeypatch):
    folder, result = quick(higgins2017)
    there, here = (Namespace(folder=path, quick=False) for path in (folder, tmp_path))
    kept = next((folder / "runs" / "higgins2017" / "models").glob("*.npz"))
    models = [
        {"beta": beta, "seed": 10 * beta + i, "scores": {"mig": mig}}
        for beta in beta_sweep.SHIPPED
        for i, mig in enumerate([0.1, 0.3, 0.2])
    ]

    higgins2017.ship(higgins2017.QUICK, result["seeds"], there)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "checkpoint", lambda *_: kept)
        assert beta_sweep.ship(models, here) == [11, 41, 161]  # the highest MIG of each beta
    traversals = folder / "results" / "higgins2017-traversals.npz"
    with np.load(traversals) as file:
        assert file["seed200"].shape == (10, 9, 16, 16)
    copies = sorted((tmp_path / "results").glob("*.npz"))
    assert [copy.read_bytes() for copy in copies] == [kept.read_bytes()] * 3

    # The disk fills up before the new file is on it: the older one stays.
    def full(descriptor):
        raise OSError(errno.ENOSPC, "no space left on device")

    before = {path: path.read_bytes() for path in (traversals, *copies)}
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        higgins2017.ship(higgins2017.QUICK, result["seeds"], there)
    monkeypatch.setattr(runs, "checkpoint", lambda *_: traversals)
    with pytest.raises(OSError, match="no space"):
        beta_sweep.ship(models, here)
    assert {path: path.read_bytes() for path in before} == before


# What is shipped ------------------------------------------------------------------------------


def shipped(name):
    path = RESULTS / f"{name}.json"
    assert path.stat().st_size < 3e6
    return json.loads(path.read_text())


def test_shipped_beta_sweep_holds_every_seed_of_every_beta():
    result = shipped("beta_sweep")
    found = Counter(model["beta"] for model in result["models"])
    assert found == dict.fromkeys((*beta_sweep.BETAS, None), 8) and len(beta_sweep.BETAS) >= 6
    seeds = [model["seed"] for model in result["models"]]
    # no two begin alike, and none of them chose a setting
    assert seeds == result["seeds"] and len(set(seeds)) == len(seeds)
    assert not set(seeds) & {0, 100, 101}
    for model in result["models"]:
        check_vae(model)
    assert result["configuration"]["n_rounds"] == beta_sweep.TRAINING["n_rounds"]


def test_shipped_two_by_two_holds_the_four_models_of_each_seed():
    result = shipped("two_by_two")
    cells = [(1, 1), (1, 32), (4, 4), (4, 32), (None, None)]
    found = Counter((m["seed"], m["beta"], m["hottest"]) for m in result["models"])
    assert found == Counter((seed, *cell) for seed in result["seeds"] for cell in cells)
    assert len(result["seeds"]) >= 8 and not set(result["seeds"]) & {0, *range(100, 108)}
    for model in result["models"]:
        check_vae(model)
        assert 0 <= model["udr"] <= 0.9
        assert model["n_rounds"] == beta_sweep.TRAINING["n_rounds"]


def test_shipped_higgins2017_holds_every_row_and_seed():
    result = shipped("higgins2017")
    pairs = Counter((model["row"], model["seed"]) for model in result["models"])
    assert len(result["seeds"]) >= 3
    assert pairs == Counter((row, s) for row in result["paper"] for s in result["seeds"])
    assert not set(result["seeds"]) & {0, 100, 101}
    for model in result["models"]:
        if model["row"] in higgins2017.ROWS:
            check_vae(model)
        else:
            check_scores(model, SCORES)
    # At most 40 minutes of training each.
    assert all(model["seconds"] < 40 * 60 for model in result["models"])


def means(models, score, group):
    """The mean over seeds of one score, for each value of ``group``."""
    values = {}
    for model in models:
        values.setdefault(model[group], []).append(model["scores"][score])
    return {name: np.mean(v) for name, v in values.items()}


def test_shipped_higgins2017_sets_the_cooled_vaes_above_all_but_the_truth():
    models = shipped("higgins2017")["models"]
    for score, margin in {"beta_vae": 0.02, "factor_vae": 0.1, "mig": 0.05}.items():
        found = means(models, score, "row")
        assert found.pop("ground truth") > 0.99
        cooled = [found.pop(f"beta = {beta}, cooled") for beta in (1, 4)]
        assert min(cooled) > max(found.values()) + margin
    # The untrained network does better than chance, 1/4: no score means anything without it.
    assert means(models, "beta_vae", "row")["VAE, untrained"] > 0.5


def test_shipped_beta_sweep_shows_the_seed_to_matter_more_than_beta():
    models = [m for m in shipped("beta_sweep")["models"] if m["beta"] in (1, 2, 4, 6)]
    by_beta = means(models, "mig", "beta")
    at_4 = [m["scores"]["mig"] for m in models if m["beta"] == 4]
    assert np.ptp(at_4) > 2 * np.ptp(list(by_beta.values()))


def test_shipped_beta_sweep_collapses_at_one_end():
    models = shipped("beta_sweep")["models"]
    nats = {b: [sum(m["kl_per_latent"]) for m in models if m["beta"] == b] for b in (1, 4, 16, 64)}
    # No model at one beta tells as much as any at a lower one; at the highest, nothing.
    assert min(nats[1]) > max(nats[4]) > min(nats[4]) > max(nats[16]) > min(nats[16]) > 1
    assert max(nats[64]) < 0.1


def test_shipped_capacity_holds_three_seeds():
    result = shipped("capacity")
    assert len({model["seed"] for model in result["models"]}) >= 3
    for model in result["models"]:
        kl = np.array(model["kl_per_latent"])
        assert kl.shape == (model["n_rounds"], 10)
        # The KL goes where C tells it to, 0.17 nats more each round.
        assert np.abs(kl.sum(axis=1) - model["target"])[10:].max() < 1


def test_shipped_unrolling_holds_every_job_as_it_would_be_run_now():
    result, sizes = shipped("unrolling"), unrolling.SIZES
    assert len(result["seeds"]) == 10
    jobs = unrolling.curve_jobs(result["seeds"], sizes["points"], sizes["shorten"])
    jobs += unrolling.digit_jobs(result["seeds"][:3], sizes["latents"], sizes["shorten"])
    jobs = json.loads(json.dumps(jobs))
    measured = {"explained_variance", "spearman", "position", "squared_error"}
    measured |= {"seconds", "cpu_seconds"}
    held = [{k: v for k, v in m.items() if k not in measured} for m in result["models"]]
    assert held == jobs
    assert set(result["linear_share"]) == set(unrolling.CLOUDS)
    assert list(result["pca_error"]) == [str(k) for k in sizes["latents"]]


def test_shipped_checkpoints_are_small_and_load():
    paths = sorted(RESULTS.glob("*.npz"))
    assert paths
    assert all(path.stat().st_size < 3e6 for path in paths)


def test_rotation_quick(quick):
    _, result = quick(rotation)
    assert [(m["activation"], m["beta"]) for m in result["models"]] == [
        ("relu", 0.5),
        ("tanh", 0.5),
        ("relu", 0.3),
    ]
    for model in result["models"]:
        assert np.shape(model["information"]) == (10, 5)
        assert len(model["still_units"]["encoder"]) == 4
        assert model["curve"]["beta"][-1] > model["beta"]


def test_the_angle_of_the_rotation_is_read_off_two_latents_that_hold_it():
    class Compass:
        """The slant of an ellipse in the first two latents, turned by ``twist`` at each place."""

        image_shape = (32, 32)

        def __init__(self, twist):
            self.twist = twist

        def encode(self, X):
            i, j = np.indices((32, 32)).reshape(2, -1)
            mass = X.sum(axis=1)
            x, y = X @ j / mass, X @ i / mass
            xx, yy, xy = X @ j**2 / mass - x**2, X @ i**2 / mass - y**2, X @ (i * j) / mass - x * y
            slant = np.arctan2(-2 * xy, xx - yy) + self.twist * np.round(x)
            codes = np.column_stack([np.cos(slant), np.sin(slant), x, y])
            return codes, np.full(codes.shape, -10.0)

    same, other = (rotation.angle(Compass(t), "ellipse", np.array([2, 3])) for t in (0.0, 0.5))
    assert same["pair"] == (0, 1) and same["one map"] > 0.95
    assert other["own map"] > 0.9 and other["one map"] < 0.2


def test_larger_quick(quick):
    _, result = quick(larger)
    first, longer = result["models"]
    assert (first["beta"], longer["beta"]) == (2.0, 1.2) and first["seed"] == longer["seed"]
    assert first["curve"]["beta"][-1] > 2 and set(first["angle"]) == set(rotation.SYMMETRY)
    assert result["configuration"]["image_shape"] == [64, 64]


def test_hearts_quick(quick):
    _, result = quick(hearts)
    assert [model["arm"] for model in result["models"]] == ["cooled", "awake"]
    for model in result["models"]:
        assert np.shape(model["information"]) == (10, 4)
        assert set(model["waves"]) == {"1", "2", "3", "4"}
    assert {model["curve"]["beta"][-1] for model in result["models"][1:]} == {0.5}


def test_the_angle_of_a_heart_is_told_by_the_latents_that_hold_it():
    class Needle:
        """From the middle of all pictures to a heart's centre of mass; and a latent of nothing."""

        image_shape = (32, 32)

        def encode(self, X):
            i, j = np.indices((32, 32)).reshape(2, -1)
            towards = np.stack([X @ j, X @ i], axis=1) / X.sum(axis=1, keepdims=True)
            towards -= towards.mean(axis=0)
            towards /= np.linalg.norm(towards, axis=1, keepdims=True)
            codes = np.column_stack([towards, np.zeros(len(X))])
            return codes, np.tile([-10.0, -10.0, 0.0], (len(X), 1))

    assert hearts.told(Needle(), [0, 1]) > 0.95 and hearts.told(Needle(), [2]) < 0.2
    assert hearts.told(Needle(), []) == 0.0
    # a straight map from them finds once the angle, and not twice of it
    once, twice = (rotation.angle(Needle(), "heart", np.array([2]), t)["one map"] for t in (1, 2))
    assert once > 0.9 and twice < 0.1
