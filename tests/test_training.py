"""The training loop: minibatches, averages, stopping, Ctrl-C and resuming, progress bars."""

import math
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import nbclient
import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning

from vae_numpy.models import LinearAutoencoder
from vae_numpy.optimisers import SGD
from vae_numpy.schedules import learning_rate_at
from vae_numpy.training import (
    EarlyStopping,
    History,
    Run,
    TrainingDiverged,
    minibatches,
    train,
)

bounded = settings(derandomize=True, deadline=None, max_examples=60)


def new_run(seed=0):
    return Run(np.random.default_rng(seed), SGD(0.1))


def loop(step, run, *, n_samples, **options):
    """Train on data that are the row numbers: ``step(rows)`` is told which rows it was given."""
    X = np.arange(n_samples)[:, None]
    train(lambda x, rng: step(x[:, 0]), [], X, run, **options)


# Minibatches ----------------------------------------------------------------------------------


@bounded
@given(st.integers(1, 60), st.integers(1, 80), st.integers(0, 2**32 - 1))
def test_minibatches_hold_every_row_once(n, batch_size, seed):
    batches = list(minibatches(n, batch_size, rng=np.random.default_rng(seed)))
    assert sorted(np.concatenate(batches)) == list(range(n))
    assert len(batches) == math.ceil(n / batch_size)
    assert all(len(rows) == batch_size for rows in batches[:-1])
    assert 1 <= len(batches[-1]) <= batch_size


def test_minibatches_come_in_a_new_random_order_each_time():
    rng = np.random.default_rng(0)
    orders = [np.concatenate(list(minibatches(5, 2, rng=rng))) for _ in range(5000)]
    # Each row is first in a fifth of them: 5 standard errors of 28 counts.
    counts = np.bincount([order[0] for order in orders], minlength=5)
    assert np.all(np.abs(counts - 1000) < 5 * math.sqrt(5000 * 0.2 * 0.8))
    first, second = (
        np.concatenate(list(minibatches(50, 7, rng=np.random.default_rng(1)))) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((0, 1), "n_samples must be >= 1, got 0"),
        ((5, 0), "batch_size must be >= 1, got 0"),
        ((5, -2), "batch_size must be >= 1, got -2"),
        ((5, 2.5), r"batch_size must be an integer, got 2\.5"),
    ],
)
def test_minibatches_refuse_bad_sizes(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        list(minibatches(*arguments, rng=np.random.default_rng(0)))


def test_minibatches_refuse_a_seed():
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got int"):
        next(minibatches(10, 2, rng=0))


# The loop -------------------------------------------------------------------------------------


@bounded
@given(st.integers(1, 20), st.integers(1, 25), st.integers(1, 4))
def test_an_epochs_loss_is_the_mean_over_all_rows_also_with_a_short_last_batch(n, size, epochs):
    per_row = np.random.default_rng(n).normal(size=n)
    seen = []

    def step(rows):
        seen.append(rows)
        return {"loss": per_row[rows].mean(), "parts": np.array([per_row[rows].mean(), 1.0])}

    run = new_run()
    loop(step, run, n_samples=n, batch_size=size, n_epochs=epochs)
    assert run.epoch == epochs and len(run.history["loss"]) == epochs
    assert sorted(np.concatenate(seen)) == sorted(list(range(n)) * epochs)
    for loss, parts in zip(run.history["loss"], run.history["parts"], strict=True):
        assert loss == pytest.approx(per_row.mean(), abs=1e-12)
        np.testing.assert_allclose(parts, [per_row.mean(), 1], atol=1e-12)


def test_each_epoch_has_an_order_of_its_own():
    orders = []
    loop(
        lambda rows: orders.append(tuple(rows)) or {"loss": 0.0},
        new_run(),
        n_samples=10,
        batch_size=10,
        n_epochs=20,
    )
    assert len(set(orders)) == 20  # of 10! orders


def test_after_epoch_ends_the_training_and_is_called_once_an_epoch():
    calls = []
    run = new_run()

    def after_epoch():
        calls.append(run.epoch)
        return run.epoch == 3

    loop(
        lambda rows: {"loss": 1.0},
        run,
        n_samples=5,
        batch_size=2,
        n_epochs=10,
        after_epoch=after_epoch,
    )
    assert calls == [1, 2, 3] and run.epoch == 3 and len(run.history["loss"]) == 3


def test_a_finished_run_is_not_trained_again():
    run, steps = new_run(), []
    arguments = {"n_samples": 5, "batch_size": 5}
    for n_epochs, total in [(3, 3), (3, 3), (2, 3), (5, 5)]:
        loop(lambda rows: steps.append(1) or {"loss": 1.0}, run, n_epochs=n_epochs, **arguments)
        assert len(steps) == total


def test_losses_may_have_any_names():
    run = new_run()
    loop(lambda rows: {"nll": 1.0, "kl": 2.0}, run, n_samples=3, batch_size=2, n_epochs=2)
    assert run.history == {"nll": [1.0, 1.0], "kl": [2.0, 2.0]}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, np.array([1.0, np.nan])])
def test_divergence_says_which_loss_when_and_what_to_try(bad):
    run, count = new_run(), []

    def step(rows):
        count.append(1)
        return {"loss": 1.0, "kl": bad if len(count) == 6 else 2.0}

    with pytest.raises(TrainingDiverged) as error:
        loop(step, run, n_samples=10, batch_size=3, n_epochs=5)
    message = str(error.value)
    assert message.startswith(f"kl became {bad}")
    assert "batch 2 of epoch 2" in message
    assert "smaller learning rate" in message and "0.1" in message
    assert run.epoch == 1 and run.history["kl"] == [2.0]
    assert isinstance(error.value, ArithmeticError)


@pytest.mark.parametrize(
    "name, bad", [("batch_size", 0), ("batch_size", -1), ("batch_size", 1.5), ("n_epochs", -1)]
)
def test_train_names_a_bad_size(name, bad):
    sizes = {"n_samples": 5, "batch_size": 2, "n_epochs": 2, name: bad}
    with pytest.raises((ValueError, TypeError), match=f"{name} must be .*, got {bad}"):
        loop(lambda rows: {"loss": 1.0}, new_run(), **sizes)


def test_train_refuses_data_without_rows():
    with pytest.raises(ValueError, match=r"len\(X\) must be >= 1, got 0"):
        loop(lambda rows: {"loss": 1.0}, new_run(), n_samples=0, batch_size=2, n_epochs=2)


def test_history_keeps_what_is_recorded_under_each_name():
    history = History()
    history.record(loss=1.0)
    history.record(loss=0.5, kl=2.0)
    assert history == {"loss": [1.0, 0.5], "kl": [2.0]} and isinstance(history, dict)


# Schedules and early stopping -----------------------------------------------------------------


@pytest.mark.parametrize(
    "schedule, values",
    {
        # at 0, 1/4, 1/2, 3/4 and 1 of the training
        "constant": [1, 1, 1, 1, 1],
        "cosine": [1, (2 + math.sqrt(2)) / 4, 0.5, (2 - math.sqrt(2)) / 4, 0],
        "step": [1, 1, 0.1, 0.01, 0.01],
    }.items(),
)
def test_learning_rates(schedule, values):
    for fraction, value in zip([0, 0.25, 0.5, 0.75, 1], values, strict=True):
        assert learning_rate_at(schedule, 0.3, fraction) == pytest.approx(0.3 * value, abs=1e-16)


@pytest.mark.parametrize("schedule", ["cosinus", "", None])
def test_an_unknown_schedule_is_refused(schedule):
    with pytest.raises(ValueError, match="schedule must be one of .*'cosine'.*, got"):
        learning_rate_at(schedule, 0.1, 0.5)


def stops_at(callback, losses, name="loss"):
    """The number of epochs after which the callback first asks to stop, or None."""
    for n in range(1, len(losses) + 1):
        if callback(SimpleNamespace(history_={name: losses[:n]})):
            return n
    return None


@pytest.mark.parametrize(
    "losses, patience, tol, epoch",
    [
        ([5, 4, 3, 2, 1, 0], 1, 0.0, None),
        ([5, 4, 4.5, 4.5, 4.5], 3, 0.0, 5),  # 3 epochs since the best
        ([5, 4, 4.5, 4.5, 3.9, 4, 4, 4], 3, 0.0, 8),  # a new best starts the count again
        ([5, 4, 3.95, 3.9, 3.85, 3.8], 2, 0.5, 4),  # falls, but by less than tol
        ([5, 4, 3, 2, 1], 2, 0.5, None),
        ([1, 2], 10, 0.0, None),
    ],
)
def test_early_stopping_by_hand(losses, patience, tol, epoch):
    assert stops_at(EarlyStopping(patience=patience, tol=tol), losses) == epoch
    assert stops_at(EarlyStopping("kl", patience=patience, tol=tol), losses, "kl") == epoch


def test_early_stopping_has_no_memory_of_another_training():
    callback = EarlyStopping(patience=2)
    assert stops_at(callback, [1.0, 1.5, 1.5, 1.5]) == 3
    assert stops_at(callback, [9.0, 8.0, 7.0, 6.0]) is None


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"patience": 0}, "patience must be >= 1, got 0"),
        ({"patience": 1.5}, r"patience must be an integer, got 1\.5"),
        ({"tol": -1.0}, r"tol must be >= 0, got -1\.0"),
        ({"tol": math.nan}, "tol must be >= 0, got nan"),
    ],
)
def test_early_stopping_refuses_bad_arguments(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        EarlyStopping(**arguments)


def test_early_stopping_names_the_losses_there_are():
    with pytest.raises(ValueError, match=r"monitor must be one of \['kl', 'loss'\], got 'elbo'"):
        EarlyStopping("elbo")(SimpleNamespace(history_={"loss": [1], "kl": [1]}))


# Ctrl-C ---------------------------------------------------------------------------------------


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


posix_signals = pytest.mark.skipif(os.name == "nt", reason="os.kill ends the process on Windows")


@pytest.fixture
def own_handler():
    """A handler of the user's; it must be back in place after training."""

    def handler(number, frame):
        raise AssertionError("training must handle Ctrl-C itself")

    previous = signal.signal(signal.SIGINT, handler)
    yield handler
    signal.signal(signal.SIGINT, previous)


@posix_signals
@pytest.mark.parametrize("at", [1, 3, 4, 6])
def test_ctrl_c_ends_after_the_running_step_and_train_goes_on_at_the_next(own_handler, at):
    def steps_of(interrupted_at):
        run, seen = new_run(), []

        def step(rows):
            if len(seen) + 1 == interrupted_at:
                press_ctrl_c()
            seen.append(tuple(rows))  # still runs after the signal
            return {"loss": float(rows.sum())}

        arguments = {"n_samples": 10, "batch_size": 3, "n_epochs": 3}  # 4 steps an epoch
        loop(step, run, **arguments)
        if interrupted_at:
            assert run.interrupted and len(seen) == interrupted_at
            assert signal.getsignal(signal.SIGINT) is own_handler
            loop(step, run, **arguments)
        assert not run.interrupted and run.epoch == 3
        return seen, run.history

    assert steps_of(at) == steps_of(None)


@posix_signals
def test_a_second_ctrl_c_stops_a_step_that_hangs(own_handler):
    def step(rows):
        press_ctrl_c()
        press_ctrl_c()
        raise AssertionError("not reached")

    with pytest.raises(KeyboardInterrupt):
        loop(step, new_run(), n_samples=3, batch_size=1, n_epochs=1)
    assert signal.getsignal(signal.SIGINT) is own_handler


@posix_signals
def test_the_handler_is_restored_after_an_exception(own_handler):
    def step(rows):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        loop(step, new_run(), n_samples=3, batch_size=1, n_epochs=1)
    assert signal.getsignal(signal.SIGINT) is own_handler


def test_training_works_in_another_thread():
    X = np.random.default_rng(0).normal(size=(50, 3))
    results = []
    model = LinearAutoencoder(1, max_iter=20, random_state=0)
    thread = threading.Thread(target=lambda: results.append(model.fit(X).score(X)))
    thread.start()
    thread.join(60)
    assert results == [LinearAutoencoder(1, max_iter=20, random_state=0).fit(X).score(X)]


def bits(model):
    return model.encoder_.W.value.tobytes(), model.decoder_.W.value.tobytes(), model.loss_curve_


@posix_signals
@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("moment", ["callback", "timer"])
def test_an_interrupted_model_resumes_to_the_same_bits(own_handler, batch_size, moment):
    X = np.random.default_rng(1).normal(size=(100, 5)) * [3, 2, 1, 1, 1]
    settings = {"batch_size": batch_size, "max_iter": 60 if moment == "callback" else 1500}
    whole = LinearAutoencoder(2, random_state=0, **settings).fit(X)
    pressed = threading.Event()

    def press():
        press_ctrl_c()
        pressed.set()

    def press_once(model):
        if moment == "callback":
            if model.n_iter_ == 7:
                press()
        elif model.n_iter_ == 1:
            threading.Timer(0.02, press).start()  # at any moment of a later epoch
        elif model.n_iter_ == 1000:
            pressed.wait(10)  # on a machine that was faster than the timer

    model = LinearAutoencoder(2, random_state=0, callbacks=[press_once], **settings)
    with pytest.warns(ConvergenceWarning, match=r"stopped by Ctrl-C in epoch \d+ of \d+"):
        model.fit(X)
    assert 1 <= model.n_iter_ < settings["max_iter"]
    assert model.score(X) > -np.sum(X.var(axis=0))  # it has learnt something
    assert signal.getsignal(signal.SIGINT) is own_handler
    model.resume(X)
    assert bits(model) == bits(whole)


@posix_signals
def test_partial_fit_after_an_interrupted_fit_takes_new_data(own_handler):
    rng = np.random.default_rng(2)
    X, other = rng.normal(size=(100, 3)), rng.normal(size=(17, 3))
    model = LinearAutoencoder(
        1,
        batch_size=10,
        max_iter=50,
        random_state=0,
        callbacks=[lambda model: press_ctrl_c() if model.n_iter_ == 3 else None],
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(X)
    epochs = model.n_iter_
    model.set_params(callbacks=None).partial_fit(other)
    assert model.n_iter_ == epochs + 1


# Progress bars --------------------------------------------------------------------------------

FIT = (
    "import numpy as np; from vae_numpy.models import LinearAutoencoder; "
    "LinearAutoencoder(1, max_iter={epochs}, verbose={verbose}, random_state=0)"
    ".fit(np.random.default_rng(0).normal(size=(50, 3)))"
)


def output_of(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, **options
    )


def test_nothing_is_printed_without_verbose(capfd):
    LinearAutoencoder(1, max_iter=5).fit(np.random.default_rng(0).normal(size=(50, 3)))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("epochs", [1, 300])
def test_in_a_file_the_bar_leaves_one_line(epochs):
    done = output_of(FIT.format(epochs=epochs, verbose=True))
    assert done.returncode == 0 and done.stdout == ""
    lines = [line for line in done.stderr.replace("\r", "\n").split("\n") if line.strip()]
    assert len(lines) == 1
    assert f"{epochs}/{epochs}" in lines[0] and "loss=" in lines[0]


def test_in_a_terminal_the_bar_is_redrawn_in_place():
    pty = pytest.importorskip("pty")
    termios = pytest.importorskip("termios")
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    process = subprocess.Popen(
        [sys.executable, "-c", FIT.format(epochs=3000, verbose=True)], stderr=terminal
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            chunk = os.read(controller, 4096)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(controller)
    assert process.wait(60) == 0
    text = shown.decode()
    assert text.count("\n") == 1  # one line, ended once
    assert text.count("\r") > 2 and "3000/3000" in text


def test_in_a_notebook_the_bar_is_a_single_output():
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(FIT.format(epochs=300, verbose=True) + ";")],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    root = str(Path(__file__).parents[1])
    resources = {"metadata": {"path": root}}
    nbclient.NotebookClient(notebook, timeout=120, resources=resources).execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "display_data"
    assert output.data["text/plain"].count("\n") == 0
    assert "300/300" in output.data["text/plain"] and "loss=" in output.data["text/plain"]
