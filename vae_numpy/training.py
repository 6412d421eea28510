"""Training: minibatches, the loop over them, and what watches it.

The loop knows nothing of models. It is handed a function that passes a minibatch forward and
backward, the parameters whose gradients that function writes, and a ``Run`` that says where the
training stands.
"""

import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np

from vae_numpy._types import FilePath, FloatArray, IntArray
from vae_numpy.layers import Parameter
from vae_numpy.optimisers import Optimiser
from vae_numpy.progress import progress_bar
from vae_numpy.utils import check_generator, check_integer, check_number

if TYPE_CHECKING:  # the models import this module
    from vae_numpy.models.base import BaseAutoencoder

Losses: TypeAlias = Mapping[str, float | FloatArray]  # by name; an array for one in parts

# Called with the model after each epoch; if it returns something true, the training ends.
Callback: TypeAlias = Callable[[Any], object]


class TrainingDiverged(ArithmeticError):
    """A loss or a weight became NaN or infinite; the message says when, and what to try."""


class History(dict[str, list]):
    """The losses of a training: a dict of lists, one value per epoch.

    Examples
    --------
    >>> history = History()
    >>> history.record(loss=0.5)
    >>> history.record(loss=0.25)
    >>> history["loss"]
    [0.5, 0.25]
    """

    def record(self, **values: float | FloatArray) -> None:
        """Append one epoch's values, each under its name.

        Parameters
        ----------
        **values : float, or an array for a loss in parts
            NumPy's numbers become Python's.
        """
        for name, value in values.items():
            plain = value.item() if isinstance(value, np.generic) else value
            self.setdefault(name, []).append(plain)


class Run:
    """Where a training stands: all that the next step depends on besides the weights.

    Parameters
    ----------
    rng : numpy.random.Generator
        Shuffles the rows; a step may draw its noise from it too.
    optimiser : Optimiser
    history : History or None

    Attributes
    ----------
    epoch : int
        Finished epochs.
    order : None or int array, (n_samples,)
        The order of the rows in an epoch that has begun and not ended.
    batch, n_batches : int
        Finished batches of that epoch, and all of them.
    batch_size : int
        Rows in a batch.
    totals : dict
        Each loss times the number of its rows, summed over those batches.
    running : bool
        Whether ``train`` is at work on it.
    interrupted : bool
        Whether Ctrl-C ended the last call of ``train``.
    finished : bool
        Whether early stopping ended the training.
    n_samples : int
        The number of rows of the data, the held-out ones included.
    solver : str or None
        What the model that trains calls this optimiser.
    """

    def __init__(
        self, rng: np.random.Generator, optimiser: Optimiser, history: History | None = None
    ) -> None:
        self.rng, self.optimiser = rng, optimiser
        self.history = History() if history is None else history
        self.epoch = self.batch = 0
        self.order: IntArray | None = None
        self.totals: dict[str, float | FloatArray] = {}
        self.n_batches = self.batch_size = 1
        self.running = self.interrupted = self.finished = False
        self.n_samples: int | None = None
        self.solver: str | None = None

    @property
    def progress(self) -> float:
        """Epochs of training so far, with the begun one as a fraction."""
        return self.epoch + self.batch / self.n_batches

    def batches(self, n_samples: int, batch_size: int) -> Iterator[IntArray]:
        """Yield the rows of each batch that is left of the epoch, which begins if none has.

        Parameters
        ----------
        n_samples, batch_size : int

        Yields
        ------
        rows : int array, at most (batch_size,)
        """
        if self.order is None:
            self.order, self.batch, self.totals = self.rng.permutation(n_samples), 0, {}
        yield from _batches(self.order[self.batch * batch_size :], batch_size)

    def add(self, losses: Losses, n_rows: int) -> None:
        """Count a finished batch and its losses, each a mean over its rows.

        Parameters
        ----------
        losses : dict of float, or of an array for a loss in parts
        n_rows : int

        Raises
        ------
        TrainingDiverged
            If a loss is NaN or infinite.
        """
        for name, value in losses.items():
            # Of one number NumPy takes a hundred times as long.
            array = isinstance(value, np.ndarray)
            if not (np.isfinite(value).all() if array else math.isfinite(value)):
                raise TrainingDiverged(
                    f"{name} became {value} at batch {self.batch + 1} of epoch {self.epoch + 1}; "
                    "try a smaller learning rate (here it was "
                    f"{self.optimiser.learning_rate:g}) or scale the features to about 1"
                )
            self.totals[name] = self.totals.get(name, 0) + value * n_rows
        self.batch += 1

    def end_epoch(self, n_samples: int) -> None:
        """Record the epoch's losses, each a mean over all rows.

        Parameters
        ----------
        n_samples : int
            How many rows there are.
        """
        self.history.record(**{name: total / n_samples for name, total in self.totals.items()})
        self.epoch, self.order, self.batch, self.totals = self.epoch + 1, None, 0, {}

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "running": False}  # nobody is at work on a copy


def minibatches(n_samples: int, batch_size: int, *, rng: np.random.Generator) -> Iterator[IntArray]:
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


def _batches(order: IntArray, batch_size: int) -> Iterator[IntArray]:
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]


def train(
    forward_backward: Callable[[FloatArray, np.random.Generator], Losses],
    parameters: Sequence[Parameter],
    X: FloatArray,
    run: Run,
    *,
    batch_size: int,
    n_epochs: int,
    learning_rate: Callable[[float], float] | None = None,
    after_epoch: Callable[[], object] | None = None,
    progress: bool = False,
) -> None:
    """Train on minibatches of X until ``run`` has ``n_epochs`` epochs behind it.

    Ctrl-C ends the training after the step that is running: what was learnt is kept, and
    calling ``train`` again with the same ``run`` goes on at the very next batch.

    Parameters
    ----------
    forward_backward : callable
        ``forward_backward(x, rng)`` passes the rows x (n, D) forward, computes the loss, passes
        its gradient backward into ``grad`` of every parameter, and returns a dict of losses.
    parameters : list of Parameter
        What the optimiser changes.
    X : (N, D) array
    run : Run
        Advanced in place.
    batch_size, n_epochs : int
    learning_rate : callable or None
        ``learning_rate(progress)`` gives the rate after so many epochs, 1.5 say; None leaves the
        optimiser's.
    after_epoch : callable or None
        ``after_epoch()`` is called after each epoch; if it returns something true, training ends.
    progress : bool
        Show a progress bar.

    Raises
    ------
    TrainingDiverged
        If a loss is NaN or infinite.
    ValueError, TypeError
        If X has no rows, or one of the two numbers is no integer, or too small.
    """
    check_integer("len(X)", len(X), minimum=1)
    check_integer("batch_size", batch_size, minimum=1)
    check_integer("n_epochs", n_epochs, minimum=0)
    run.batch_size, run.n_batches = batch_size, -(-len(X) // batch_size)  # rounded up
    with (
        _at_work(run) as ctrl_c,
        progress_bar(n_epochs, "epoch", shown=progress, initial=run.epoch) as bar,
    ):
        while run.epoch < n_epochs:
            for rows in run.batches(len(X), batch_size):
                losses = forward_backward(X[rows], run.rng)  # forward, loss, backward ...
                if learning_rate is not None:
                    run.optimiser.learning_rate = learning_rate(run.progress)
                run.optimiser.step(parameters)  # ... and step
                run.add(losses, len(rows))
                if ctrl_c:
                    run.interrupted = True
                    return
            run.end_epoch(len(X))
            if "loss" in run.history:
                bar.set_postfix({"loss": f"{run.history['loss'][-1]:.4g}"}, refresh=False)
            bar.update()
            if after_epoch is not None and after_epoch():
                return
            if ctrl_c:  # while a callback was running
                run.interrupted = True
                return


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

    def __init__(self, monitor: str = "loss", *, patience: int = 10, tol: float = 0.0) -> None:
        check_integer("patience", patience, minimum=1)
        check_number("tol", tol, minimum=0)
        self.monitor, self.patience, self.tol = monitor, patience, tol

    def __call__(self, model: "BaseAutoencoder") -> bool:
        """Say whether the model's training should stop."""
        if self.monitor not in model.history_:
            raise ValueError(
                f"monitor must be one of {sorted(model.history_)}, got {self.monitor!r}"
            )
        losses = model.history_[self.monitor]
        if len(losses) <= self.patience:
            return False
        return min(losses[-self.patience :]) > min(losses[: -self.patience]) - self.tol


class HeldOut:
    """The rows that early stopping keeps out of the training, and the weights that suit them best.

    While training goes on the model has the weights of the last step; when it ends, the best ones
    are put in their place, and the last are kept for a training that goes on.

    Parameters
    ----------
    rows : (n,) int array
        Row numbers.

    Attributes
    ----------
    least : float
        The least loss on these rows so far.
    best, last : None or (n_weights,) array
        The weights of the epoch with that loss; and those of the last epoch, while the best are
        in their place.
    """

    def __init__(self, rows: IntArray) -> None:
        self.rows, self.least = rows, math.inf
        self.best: FloatArray | None = None
        self.last: FloatArray | None = None

    @classmethod
    def choose(cls, n_samples: int, fraction: float, rng: np.random.Generator) -> Self:
        """Choose a fraction of the rows at random, at least one.

        Parameters
        ----------
        n_samples : int
        fraction : float, between 0 and 1
        rng : numpy.random.Generator

        Returns
        -------
        HeldOut

        Raises
        ------
        ValueError
            If that leaves none to train on.
        """
        n = max(1, round(fraction * n_samples))
        if n >= n_samples:
            raise ValueError(
                "early_stopping needs at least 2 samples and a smaller validation_fraction "
                f"than {fraction:g}, X has n_samples = {n_samples}"
            )
        return cls(np.sort(rng.permutation(n_samples)[:n]))

    def split(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Split X into the rows to train on and the held-out ones.

        Parameters
        ----------
        X : (n_samples, D)

        Returns
        -------
        X_train : (n_samples - n, D)
        X_held_out : (n, D)
        """
        return np.delete(X, self.rows, axis=0), X[self.rows]

    def judge(self, loss: float, weights: FloatArray) -> None:
        """Keep a copy of ``weights`` if this loss is the least so far.

        Parameters
        ----------
        loss : float
        weights : (n_weights,)
        """
        if self.best is None:
            self.least, self.best = loss, weights.copy()
        elif loss < self.least:
            self.least, self.best[...] = loss, weights  # in place: one array less at a time

    def put_best(self, weights: FloatArray) -> None:
        """Overwrite ``weights`` by the best ones, and keep them as the last.

        Parameters
        ----------
        weights : (n_weights,)
        """
        self.last = weights.copy()
        weights[...] = self.best

    def put_last(self, weights: FloatArray) -> None:
        """Undo ``put_best``, if it was done.

        Parameters
        ----------
        weights : (n_weights,)
            Overwritten.
        """
        if self.last is not None:
            weights[...], self.last = self.last, None


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

    def __init__(self, path: FilePath, *, every: int = 1) -> None:
        check_integer("every", every, minimum=1)
        self.path, self.every = path, every

    def __call__(self, model: "BaseAutoencoder") -> None:
        """Save the model if its number of epochs is a multiple of ``every``."""
        if model.n_iter_ % self.every == 0:
            model.save(self.path)


# Ctrl-C -----------------------------------------------------------------------------------------


@contextmanager
def _at_work(run: Run) -> Iterator[list[int]]:
    """Mark the run as running, and collect Ctrl-C in a list instead of raising in an update.

    A second Ctrl-C raises at once, for a step that hangs. Only the main thread gets signals, and
    a process whose parent had it ignore Ctrl-C goes on ignoring it.
    """
    pressed: list[int] = []
    run.running, run.interrupted = True, False

    def note(number: int, frame: FrameType | None) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    in_main_thread = threading.current_thread() is threading.main_thread()
    ours = in_main_thread and signal.getsignal(signal.SIGINT) not in (signal.SIG_IGN, None)
    previous = signal.signal(signal.SIGINT, note) if ours else None
    try:
        yield pressed
    finally:
        run.running = False
        if ours:
            signal.signal(signal.SIGINT, previous)
