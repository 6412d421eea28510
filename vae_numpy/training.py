"""Training: minibatches, the loop over them, and what watches it.

The loop knows nothing of models. It is handed a function ``step(rows)`` that does one update
on the given rows and returns its losses, and a ``Run`` that says where the training stands.
"""

import math
import signal
import threading
from contextlib import contextmanager

import numpy as np

from vae_numpy.progress import progress_bar
from vae_numpy.utils import check_choice, check_generator, check_integer, check_number


class TrainingDiverged(ArithmeticError):
    """A loss or a weight became NaN or infinite; the message says when, and what to try."""


class History(dict):
    """The losses of a training: a dict of lists, one value per epoch.

    Examples
    --------
    >>> history = History()
    >>> history.record(loss=0.5)
    >>> history.record(loss=0.25)
    >>> history["loss"]
    [0.5, 0.25]
    """

    def record(self, **values):
        """Append one epoch's values, each under its name."""
        for name, value in values.items():
            self.setdefault(name, []).append(value)


class Run:
    """Where a training stands: all that the next step depends on besides the weights.

    Parameters
    ----------
    rng : numpy.random.Generator
        Shuffles the rows; a step may draw its noise from it too.
    optimiser : an optimiser
    history : History or None

    Attributes
    ----------
    epoch : int
        Finished epochs.
    order : None or int array, (n_samples,)
        The order of the rows in an epoch that has begun and not ended.
    batch, n_batches : int
        Finished batches of that epoch, and all of them.
    totals : dict
        Each loss times the number of its rows, summed over those batches.
    interrupted : bool
        Whether Ctrl-C ended the last call of ``train``.
    finished : bool
        Whether early stopping ended the training.
    n_samples : int
        The number of rows of the data, the held-out ones included.
    least : float
        The least validation loss.
    """

    def __init__(self, rng, optimiser, history=None):
        self.rng, self.optimiser = rng, optimiser
        self.history = History() if history is None else history
        self.epoch, self.order, self.batch, self.totals = 0, None, 0, {}
        self.n_batches = 1
        self.interrupted = self.finished = False
        self.n_samples = None
        self.least = math.inf

    @property
    def progress(self):
        """Epochs of training so far, with the begun one as a fraction."""
        return self.epoch + self.batch / self.n_batches


def minibatches(n_samples, batch_size, *, rng):
    """Yield the rows of one epoch: every index once, in random order, in batches.

    Parameters
    ----------
    n_samples, batch_size : int
        The last batch is smaller where ``batch_size`` does not divide ``n_samples``.
    rng : numpy.random.Generator

    Yields
    ------
    rows : int array, at most (batch_size,)

    Raises
    ------
    ValueError, TypeError
        At the first batch, if an argument is not as above.
    """
    check_integer("n_samples", n_samples, minimum=1)
    check_integer("batch_size", batch_size, minimum=1)
    check_generator(rng)
    yield from _batches(rng.permutation(n_samples), batch_size)


def _batches(order, batch_size):
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def train(step, run, *, n_samples, batch_size, n_epochs, after_epoch=None, progress=False):
    """Call ``step`` on minibatches until ``run`` has ``n_epochs`` epochs behind it.

    Ctrl-C ends the training after the step that is running: what was learnt is kept, and
    calling ``train`` again with the same ``run`` goes on at the very next batch.

    Parameters
    ----------
    step : callable
        ``step(rows)`` updates the model on these rows and returns a dict of losses.
    run : Run
        Advanced in place.
    n_samples, batch_size, n_epochs : int
    after_epoch : callable or None
        ``after_epoch()`` is called after each epoch; if it returns something true, training ends.
    progress : bool
        Show a progress bar.

    Raises
    ------
    TrainingDiverged
        If a loss is NaN or infinite.
    ValueError, TypeError
        If one of the three numbers is not an integer, or too small.
    """
    check_integer("n_samples", n_samples, minimum=1)
    check_integer("batch_size", batch_size, minimum=1)
    check_integer("n_epochs", n_epochs, minimum=0)
    run.interrupted = False
    run.n_batches = -(-n_samples // batch_size)  # rounded up
    with (
        _ctrl_c() as pressed,
        progress_bar(n_epochs, "epoch", shown=progress, initial=run.epoch) as bar,
    ):
        while run.epoch < n_epochs:
            if run.order is None:
                run.order, run.batch, run.totals = run.rng.permutation(n_samples), 0, {}
            for rows in _batches(run.order[run.batch * batch_size :], batch_size):
                losses = step(rows)
                for name, value in losses.items():
                    if not np.all(np.isfinite(value)):
                        raise TrainingDiverged(_diverged(name, value, run))
                    run.totals[name] = run.totals.get(name, 0) + value * len(rows)
                run.batch += 1
                if pressed:
                    run.interrupted = True
                    return
            run.history.record(**{name: t / n_samples for name, t in run.totals.items()})
            run.epoch, run.order, run.batch, run.totals = run.epoch + 1, None, 0, {}
            if "loss" in run.history:
                bar.set_postfix({"loss": f"{run.history['loss'][-1]:.4g}"}, refresh=False)
            bar.update()
            if after_epoch is not None and after_epoch():
                return
            if pressed:  # while a callback was running
                run.interrupted = True
                return


def _diverged(name, value, run):
    return (
        f"{name} became {value} at batch {run.batch + 1} of epoch {run.epoch + 1}; try a smaller "
        f"learning rate (here it was {run.optimiser.learning_rate:g}) or scale the features to "
        "about 1"
    )


SCHEDULES = ("constant", "cosine", "step")


def learning_rate_at(schedule, initial, fraction):
    """Compute the learning rate after a fraction of the training.

    Parameters
    ----------
    schedule : {"constant", "cosine", "step"}
        ``"cosine"`` falls to 0 along half a cosine; ``"step"`` divides by 10 after one half and
        again after three quarters.
    initial : float
    fraction : float
        0 at the start of the training, 1 at its end.

    Raises
    ------
    ValueError
        If there is no such schedule.
    """
    check_choice("schedule", schedule, SCHEDULES)
    if schedule == "cosine":
        return initial * 0.5 * (1 + np.cos(np.pi * fraction))
    if schedule == "step":
        return initial * 0.1 ** ((fraction >= 0.5) + (fraction >= 0.75))
    return initial


class EarlyStopping:
    """A callback that ends the training when a loss stops falling.

    It stops when the best of the last ``patience`` epochs is not better by at least ``tol``
    than the best before them.

    Parameters
    ----------
    monitor : str
        A name in ``history_``.
    patience : int
        Number of epochs, at least 1.
    tol : float, >= 0

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its bounds, or, while training, if there is no such loss.
    """

    def __init__(self, monitor="loss", *, patience=10, tol=0.0):
        check_integer("patience", patience, minimum=1)
        check_number("tol", tol, minimum=0)
        self.monitor, self.patience, self.tol = monitor, patience, tol

    def __call__(self, model):
        """Say whether the model's training should stop."""
        if self.monitor not in model.history_:
            raise ValueError(
                f"monitor must be one of {sorted(model.history_)}, got {self.monitor!r}"
            )
        losses = model.history_[self.monitor]
        if len(losses) <= self.patience:
            return False
        return min(losses[-self.patience :]) > min(losses[: -self.patience]) - self.tol


class Checkpoint:
    """A callback that saves the model every few epochs, so that a crash costs little.

    After a crash, ``Autoencoder.load(path).resume(X)`` ends in the same bits as a training that
    was never stopped.

    Parameters
    ----------
    path : str or path-like
        Each save replaces the file.
    every : int
        Number of epochs from one save to the next, at least 1.

    Raises
    ------
    ValueError, TypeError
        If ``every`` is no integer of at least 1.
    """

    def __init__(self, path, *, every=1):
        check_integer("every", every, minimum=1)
        self.path, self.every = path, every

    def __call__(self, model):
        """Save the model if its number of epochs is a multiple of ``every``."""
        if model.n_iter_ % self.every == 0:
            model.save(self.path)


# Ctrl-C and progress bars ---------------------------------------------------------------------


@contextmanager
def _ctrl_c():
    """Collect Ctrl-C in a list instead of raising in the middle of an update.

    A second Ctrl-C raises at once, for a step that hangs. Only the main thread gets signals;
    elsewhere nothing changes.
    """
    pressed = []
    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return

    def note(number, frame):
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    previous = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, previous)
