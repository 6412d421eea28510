"""What all the autoencoders share in learning: fit, partial_fit and resume.

A model adds its networks (``build_networks``) and one training step (``_step``): forward pass,
loss, backward pass. The loop over the minibatches is ``vae_numpy.training.train``. Everything here
is housekeeping and holds no mathematics.

Three things that ``fit``, ``partial_fit`` and ``resume`` do to a model, and where:

- *All or nothing* (``_all_or_nothing``). A call that fails puts back every attribute that the model
  had before. Training changes weights in place, so a call that goes on with earlier ones trains a
  copy of them (``_copy_learned``).
- *One buffer* (``flatten``, in ``_train``). The arrays of all parameters are moved behind each
  other, and each layer keeps a view of its part: one call of the optimiser updates them all.
- *Resuming*. ``_run`` holds all that the next step depends on besides the weights: the optimiser's
  averages, the random generator, and where in which epoch the training stands.
"""

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.validation import check_is_fitted

from vae_numpy._types import ArrayLike, DTypeLike, FloatArray, IntArray, MaybeNone, RandomState
from vae_numpy.kernels.threads import one_blas_thread
from vae_numpy.layers import Layer, Parameter, flatten
from vae_numpy.models.checks import (
    check_networks,
    check_samples,
    check_training,
    in_model_selection,
)
from vae_numpy.optimisers import SGD, Adagrad, Adam, Optimiser
from vae_numpy.schedules import learning_rate_at
from vae_numpy.training import (
    Callback,
    EarlyStopping,
    HeldOut,
    History,
    Losses,
    Run,
    TrainingDiverged,
    train,
)
from vae_numpy.utils import make_rng

SOLVERS: dict[str, Callable[[float], Optimiser]] = {
    "adam": Adam,
    "adagrad": Adagrad,
    "sgd": lambda learning_rate: SGD(learning_rate, momentum=0.9),
}


class Learner:
    """Learns the weights of ``encoder_`` and ``decoder_`` by minibatches.

    A model gives ``build_networks`` and ``_step(x, rng)``, which writes the loss's gradients into
    the parameters and returns a dict of losses, ``"loss"`` among them.
    """

    # The arguments that all models have, as ``__init__`` stores them.
    n_components: int
    solver: str
    learning_rate_init: float
    learning_rate: str
    batch_size: int | None
    max_iter: int
    tol: float | None
    n_iter_no_change: int
    weight_decay: float
    random_state: RandomState
    verbose: bool
    warm_start: bool
    callbacks: Sequence[Callback] | None
    early_stopping: bool = False  # a subclass may make it an argument, with the next one
    validation_fraction: float

    # What is learnt.
    encoder_: Layer
    decoder_: Layer
    history_: History
    _run: Run | MaybeNone  # None where it took no steps
    _held_out: HeldOut | None = None  # what early stopping keeps out of the training

    # None makes a solver that takes no steps.
    _solvers: Mapping[str, Callable[[float], Optimiser] | MaybeNone] = SOLVERS
    _learned_arrays: tuple[str, ...] = ()  # the names of those beside the parameters
    _numbers_per_latent = 1  # that the encoder puts out
    # What the networks were built by, fixed from then on.
    _network_arguments: tuple[str, ...] = ("n_components",)

    def build_networks(self, n_features: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        """Make ``encoder_`` and ``decoder_`` with their first weights.

        Override it to train layers of your own: anything that keeps ``layers.Layer``. The encoder
        takes ``n_features`` numbers and puts out ``n_components`` (a VAE's twice as many: means
        and log-variances); the decoder takes ``n_components`` and puts out ``n_features``.

        Parameters
        ----------
        n_features : int
        dtype : float32 or float64
            Of the data, and so of the weights.
        rng : numpy.random.Generator
            Draws the weights.
        """
        raise NotImplementedError

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn from data.

        With ``warm_start=True`` and an earlier fit, training starts at the weights of that fit.
        Ctrl-C ends the training and keeps what was learnt; inside one of scikit-learn's searches
        or cross-validations, which throw the model away, it ends those. A call that fails leaves
        the model as it was.

        Parameters
        ----------
        X : (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        self : the model

        Raises
        ------
        ValueError, TypeError
            If X or an argument of the model is not as documented.
        TrainingDiverged
            If a loss or a weight becomes NaN or infinite; the model then has the weights that
            the last finished epoch began with, if there was one.
        RuntimeError
            If a callback calls it while the model is being trained.
        """
        with self._all_or_nothing():
            continuing = self.warm_start and hasattr(self, "encoder_")
            X = self._check(X, reset=not continuing)
            rng = make_rng(self.random_state)
            if continuing:
                self._copy_learned()
            else:
                self._begin(X, rng)
            self._start_run(rng, self.history_ if continuing else None)
            self._held_out = None
            if self.early_stopping:
                self._held_out = HeldOut.choose(len(X), self.validation_fraction, rng)
            self._train(X, self.max_iter, self.learning_rate)
        return self._say_if_interrupted(self.max_iter)

    def partial_fit(self, X: ArrayLike, y: object = None) -> Self:
        """Train for one epoch, on top of what was learnt before.

        The learning rate is ``learning_rate_init``, whatever the schedule. As in scikit-learn's
        own estimators it takes no part in early stopping: a model that was fitted with
        ``early_stopping=True`` goes on from its best weights once that argument is False.

        Parameters
        ----------
        X : (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        self : the model

        Raises
        ------
        ValueError, TypeError, TrainingDiverged, RuntimeError
            As ``fit`` does, and with ``early_stopping=True``.
        """
        if self.early_stopping:
            raise ValueError("partial_fit needs early_stopping=False, got early_stopping=True")
        with self._all_or_nothing():
            first = not hasattr(self, "encoder_")
            X = self._check(X, reset=first)
            if first:
                rng = make_rng(self.random_state)
                self._begin(X, rng)
                self._start_run(rng)
            else:
                self._copy_learned()
            if self._run is None:  # what was learnt took no steps
                self._start_run(make_rng(self.random_state), self.history_)
            self._run.order = None  # a new X begins a new epoch
            if self._held_out is not None:
                self._held_out.last = None  # from the best weights, which are in place
            n_epochs = self._run.epoch + 1
            self._train(X, n_epochs, "constant")
        return self._say_if_interrupted(n_epochs)

    def resume(self, X: ArrayLike, y: object = None) -> Self:
        """Go on with a training that was stopped before its ``max_iter`` epochs.

        With the same X it ends in the same bits as a training that was never stopped.

        Parameters
        ----------
        X : (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        self : the model

        Raises
        ------
        NotFittedError
            If there is no training to go on with.
        ValueError
            If X has another number of samples or features than the X of the stopped training, or
            ``batch_size`` was changed and the training stands in the middle of an epoch.
        RuntimeError
            If a callback calls it while the model is being trained.
        """
        check_is_fitted(self)
        if self._run is None:
            raise NotFittedError("resume needs a training that was begun; call fit(X) first")
        with self._all_or_nothing():
            X = self._check(X, reset=False)
            self._copy_learned()
            if len(X) != self._run.n_samples:
                raise ValueError(
                    f"X must be the data of the stopped training, {self._run.n_samples} samples, "
                    f"got {len(X)}"
                )
            n_epochs = self._run.epoch if self._run.finished else self.max_iter
            self._train(X, n_epochs, self.learning_rate)
        return self._say_if_interrupted(n_epochs)

    @property
    def interrupted_(self) -> bool:
        """Whether Ctrl-C ended the last call of ``fit``, ``partial_fit`` or ``resume``."""
        return self._run is not None and self._run.interrupted

    def _train(self, X: FloatArray, n_epochs: int, schedule: str) -> None:
        """Hand the step to the loop, and look after the weights before, between and after."""
        run = self._run
        run.n_samples, held_out = len(X), self._rows_held_out()
        if held_out is not None:
            X, X_held_out = held_out.split(X)
        if run.solver != self.solver:  # set_params changed it
            run.optimiser, run.solver = self._new_optimiser(), self.solver
        run.optimiser.learning_rate = float(self.learning_rate_init)
        weights = flatten(self._parameters())
        if held_out is not None:
            held_out.put_last(weights.value)
        last_good, epoch_start = weights.value.copy(), weights.value.copy()
        should_stop = self._stopping()

        def after_epoch() -> bool:
            nonlocal last_good, epoch_start
            if not np.all(np.isfinite(weights.value)):
                raise TrainingDiverged(
                    f"a weight became infinite in epoch {run.epoch}; try a smaller "
                    f"learning_rate_init (now {self.learning_rate_init:g})"
                )
            # A loss is measured before its step: the weights known to be good are those that the
            # finished epoch began with, not those that it ended with.
            last_good, epoch_start = epoch_start, last_good
            epoch_start[...] = weights.value
            if held_out is not None:
                loss = self._validation_loss(X_held_out, held_out.rows)
                held_out.judge(loss, weights.value)
                run.history.record(validation_loss=loss)
            run.finished = should_stop(self)
            # Every callback is called, also when something else asks to stop; and it may have
            # changed the learning rate.
            stop = any([run.finished, *[callback(self) for callback in self.callbacks or ()]])
            run.optimiser.learning_rate = float(self.learning_rate_init)
            return stop

        def falling_rate(epochs: float) -> float:
            return learning_rate_at(schedule, float(self.learning_rate_init), epochs / n_epochs)

        try:
            # What overflows is reported by TrainingDiverged, not by NumPy's warnings before it.
            with np.errstate(over="ignore", invalid="ignore"), one_blas_thread():
                batch_size = self._batch_size(len(X))
                train(
                    self._decayed_step if self.weight_decay else self._step,
                    [weights],
                    X,
                    run,
                    batch_size=batch_size,
                    n_epochs=n_epochs,
                    learning_rate=None if schedule == "constant" else falling_rate,
                    after_epoch=after_epoch,
                    progress=self.verbose,
                )
                # Each loss was measured before its step, so the last step was not seen yet.
                if not np.isfinite(self._evaluate(X[:batch_size])):
                    raise TrainingDiverged(
                        f"the loss is not finite after the last step of epoch {run.epoch}; try a "
                        f"smaller learning_rate_init (now {self.learning_rate_init:g})"
                    )
        except TrainingDiverged:
            weights.value[...] = last_good
            run.optimiser = self._new_optimiser()  # the old one has seen the NaN
            run.order = None
            raise
        if held_out is not None and not run.interrupted:
            del last_good, epoch_start  # room for the copy that comes
            held_out.put_best(weights.value)

    def _step(self, x: FloatArray, rng: np.random.Generator) -> Losses:
        raise NotImplementedError

    def _evaluate(self, X: FloatArray) -> float:
        """Compute the loss that early stopping compares."""
        raise NotImplementedError

    def _decayed_step(self, x: FloatArray, rng: np.random.Generator) -> Losses:
        losses = self._step(x, rng)
        for p in self._parameters():
            if p.value.ndim > 1:  # the gradient of weight_decay ||W||^2
                p.grad += 2 * float(self.weight_decay) * p.value
        return losses

    def _batch_size(self, n_samples: int) -> int:
        size = n_samples if self.batch_size is None else min(int(self.batch_size), n_samples)
        if self._run.order is not None and size != self._run.batch_size:
            raise ValueError(
                f"batch_size must stay {self._run.batch_size} to go on in the middle of epoch "
                f"{self._run.epoch + 1}, got {self.batch_size}"
            )
        return size

    def _rows_held_out(self) -> HeldOut | None:
        if not self.early_stopping:
            return None
        if self._held_out is None:
            raise ValueError(
                "early_stopping must stay False to go on with a training that held out no rows, "
                "got True"
            )
        return self._held_out

    def _validation_loss(self, X: FloatArray, rows: IntArray) -> float:
        loss = self._evaluate(X)
        if not np.isfinite(loss):  # a NaN never compares as better
            worst = np.abs(X).max(axis=1).argmax()
            raise TrainingDiverged(
                f"validation_loss became {loss} in epoch {self._run.epoch}; row {rows[worst]} of X "
                f"is held out and has a value of size {np.abs(X[worst]).max():.3g}. Scale the "
                "features to about 1, or take such rows out"
            )
        return loss

    def _stopping(self) -> Callable[[Any], bool]:
        if self.early_stopping:
            tol = self.tol or 0.0
            return EarlyStopping("validation_loss", patience=self.n_iter_no_change, tol=tol)
        if self.tol is not None:
            return EarlyStopping(patience=self.n_iter_no_change, tol=self.tol)
        return lambda model: False

    def _parameters(self) -> list[Parameter]:
        """List all parameters that training changes."""
        return self.encoder_.parameters() + self.decoder_.parameters()

    def _begin(self, X: FloatArray, rng: np.random.Generator) -> None:
        self.build_networks(X.shape[1], X.dtype, rng)
        check_networks(self, X.shape[1], X.dtype)
        self._built_with = self._networks_ask_for()

    def _networks_ask_for(self) -> dict[str, object]:
        asked = {name: getattr(self, name) for name in self._network_arguments}
        listed = {n: v.tolist() if isinstance(v, np.ndarray) else v for n, v in asked.items()}
        return {n: tuple(v) if isinstance(v, list) else v for n, v in listed.items()}

    def _start_run(self, rng: np.random.Generator, history: History | None = None) -> None:
        self._run = Run(rng, self._new_optimiser(), history)
        self._run.solver, self.history_ = self.solver, self._run.history

    def _new_optimiser(self) -> Optimiser:
        return self._solvers[self.solver](float(self.learning_rate_init))

    # Changed in place.
    _learned: tuple[str, ...] = ("encoder_", "decoder_", "history_", "_run", "_held_out")

    def _copy_learned(self) -> None:
        # Together: the run holds the same history, and a model may share layers between networks.
        names = [name for name in self._learned if hasattr(self, name)]
        copies = copy.deepcopy([getattr(self, name) for name in names])
        vars(self).update(zip(names, copies, strict=True))
        for name, now in self._networks_ask_for().items():
            if now != self._built_with[name]:
                raise ValueError(
                    f"{name} must stay {self._built_with[name]!r} to go on with what was learnt, "
                    f"got {now!r}"
                )

    @contextmanager
    def _all_or_nothing(self):
        run = getattr(self, "_run", None)
        if run is not None and run.running:
            raise RuntimeError(
                "a callback must not train the model that calls it: fit, partial_fit and resume "
                "wait until its training has ended"
            )
        before = dict(vars(self))
        try:
            yield
        except BaseException as error:
            if not (isinstance(error, TrainingDiverged) and self.n_iter_ > 0):
                vars(self).clear()
                vars(self).update(before)
            raise

    def _say_if_interrupted(self, n_epochs: int) -> Self:
        """Return the model, after a warning if Ctrl-C ended its training."""
        if self.interrupted_:
            if in_model_selection():
                raise KeyboardInterrupt
            warnings.warn(
                f"stopped by Ctrl-C in epoch {self._run.epoch + 1} of {n_epochs}; what was learnt "
                "is kept, and resume(X) goes on from here",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    def _check(self, X: ArrayLike, *, reset: bool) -> FloatArray:
        """Return X as the training takes it, after checking it and the model's arguments."""
        X = check_samples(self, X, reset=reset)
        self._check_arguments(X)
        return self._check_data(X)

    def _check_arguments(self, X: FloatArray) -> None:
        check_training(self)

    def _check_data(self, X: FloatArray) -> FloatArray:
        return X
