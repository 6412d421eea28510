"""What all the autoencoders share: checking input, training, and scikit-learn's methods.

A model adds its networks (``_build``) and one training step (``_step``): forward pass, loss,
backward pass. Everything here is housekeeping and holds no mathematics.
"""

import copy
import warnings
from contextlib import contextmanager
from functools import partial

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from vae_numpy.kernels.threads import one_blas_thread
from vae_numpy.layers import flatten
from vae_numpy.losses import squared_error
from vae_numpy.models import persistence
from vae_numpy.optimisers import SGD, Adagrad, Adam
from vae_numpy.training import (
    SCHEDULES,
    EarlyStopping,
    Run,
    TrainingDiverged,
    learning_rate_at,
    train,
)
from vae_numpy.utils import check_choice, check_integer, check_number, make_rng

SOLVERS = {
    "adam": Adam,
    "adagrad": Adagrad,
    "sgd": lambda learning_rate: SGD(learning_rate, momentum=0.9),
}


class BaseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """An encoder and a decoder that are trained together.

    A subclass stores its arguments in ``__init__`` and gives ``_build(n_features, dtype, rng)``,
    which sets ``encoder_`` and ``decoder_``, and ``_step(x, rng)``, which writes the loss's
    gradients into their parameters and returns a dict of losses, ``"loss"`` among them.
    """

    _solvers = SOLVERS
    # What a file holds besides the weights; early stopping sets these, and leaves the weights of
    # the last epoch in the third, for ``resume``.
    _learned_arrays = ("_held_out", "_best_weights", "_last_weights")
    _held_out = _best_weights = _last_weights = None
    _network_arguments = ("n_components",)  # what the networks were built by, fixed from then on
    early_stopping = False  # a subclass may make it an argument, with validation_fraction

    # Learning ---------------------------------------------------------------------------------

    def fit(self, X, y=None):
        """Learn from X (n_samples, n_features); y is ignored. Returns the model itself.

        With ``warm_start=True`` and an earlier fit, training starts at the weights of that fit.
        Ctrl-C ends the training and keeps what was learnt. A call that fails leaves the model
        as it was.

        Raises
        ------
        ValueError, TypeError
            If X or an argument of the model is not as documented.
        TrainingDiverged
            If a loss or a weight becomes NaN or infinite; the model then has the weights that
            the last finished epoch began with, if there was one.
        """
        with self._all_or_nothing():
            continuing = self.warm_start and hasattr(self, "encoder_")
            X = self._check_input(X, reset=not continuing)
            self._check_arguments(X)
            rng = make_rng(self.random_state)
            if continuing:
                self._copy_learned()
                history = self.history_
            else:
                self._begin(X, rng)
                history = None
            self._start_run(rng, history)
            self._hold_out(len(X))
            self._train(X, self.max_iter, self.learning_rate)
        return self

    def partial_fit(self, X, y=None):
        """Train for one epoch on X (n_samples, n_features), on top of what was learnt before.

        The learning rate is ``learning_rate_init``, whatever the schedule.

        Raises
        ------
        ValueError, TypeError, TrainingDiverged
            As ``fit`` does, and with ``early_stopping=True``.
        """
        if self.early_stopping:
            raise ValueError("partial_fit needs early_stopping=False, got early_stopping=True")
        with self._all_or_nothing():
            first = not hasattr(self, "encoder_")
            X = self._check_input(X, reset=first)
            self._check_arguments(X)
            if first:
                rng = make_rng(self.random_state)
                self._begin(X, rng)
                self._start_run(rng)
            else:
                self._copy_learned()
            if self._run is None:  # what was learnt took no steps
                self._start_run(make_rng(self.random_state), self.history_)
            self._run.order = self._last_weights = None  # a new X begins a new epoch
            self._train(X, self._run.epoch + 1, "constant")
        return self

    def resume(self, X, y=None):
        """Go on with a training that was stopped before its ``max_iter`` epochs.

        With the same X it ends in the same bits as a training that was never stopped.

        Raises
        ------
        NotFittedError
            If there is no training to go on with.
        ValueError
            If X has another number of samples or features than the X of the stopped training.
        """
        check_is_fitted(self)
        if self._run is None:
            raise NotFittedError("resume needs a training that was begun; call fit(X) first")
        with self._all_or_nothing():
            X = self._check_input(X, reset=False)
            self._check_arguments(X)
            self._copy_learned()
            if len(X) != self._run.n_samples:
                raise ValueError(
                    f"X must be the data of the stopped training, {self._run.n_samples} samples, "
                    f"got {len(X)}"
                )
            n_epochs = self._run.epoch if self._run.finished else self.max_iter
            self._train(X, n_epochs, self.learning_rate)
        return self

    def _train(self, X, n_epochs, schedule):
        run = self._run
        run.n_samples = len(X)
        X, X_held_out = self._split(X)
        batch_size = len(X) if self.batch_size is None else min(self.batch_size, len(X))
        parameters = self._parameters()
        weights = [p for p in parameters if p.value.ndim > 1]
        flat = flatten(parameters)
        if self._last_weights is not None:  # the best were in their place
            flat.value[...] = self._last_weights
            self._last_weights = None
        last_good, epoch_start = flat.value.copy(), flat.value.copy()
        early_stopping = self._early_stopping()

        def step(rows):
            run.optimiser.learning_rate = learning_rate_at(
                schedule, self.learning_rate_init, run.progress / n_epochs
            )
            losses = self._step(X[rows], run.rng)
            if self.weight_decay:
                for p in weights:  # the gradient of weight_decay ||W||^2
                    p.grad += 2 * self.weight_decay * p.value
            run.optimiser.step([flat])
            return losses

        def after_epoch():
            if not np.all(np.isfinite(flat.value)):
                raise TrainingDiverged(
                    f"a weight became infinite in epoch {run.epoch}; try a smaller "
                    f"learning_rate_init (now {self.learning_rate_init:g})"
                )
            # A loss is measured before its step: the weights known to be good are those that the
            # finished epoch began with, not those that it ended with.
            last_good[...], epoch_start[...] = epoch_start, flat.value
            if X_held_out is not None:
                self._validate(X_held_out, flat)
            run.finished = early_stopping is not None and early_stopping(self)
            # Every callback is called, also when something else asks to stop.
            return any([run.finished, *(callback(self) for callback in self.callbacks or ())])

        try:
            # What overflows is reported by TrainingDiverged, not by NumPy's warnings before it.
            with np.errstate(over="ignore", invalid="ignore"), one_blas_thread():
                train(
                    step,
                    run,
                    n_samples=len(X),
                    batch_size=batch_size,
                    n_epochs=n_epochs,
                    after_epoch=after_epoch,
                    progress=self.verbose,
                )
        except TrainingDiverged:
            flat.value[...] = last_good
            run.optimiser = self._new_optimiser()  # the old one has seen the NaN
            run.order = None
            raise
        if run.interrupted:
            warnings.warn(
                f"stopped by Ctrl-C in epoch {run.epoch + 1} of {n_epochs}; what was learnt is "
                "kept, and resume(X) goes on from here",
                ConvergenceWarning,
                stacklevel=3,
            )
        elif X_held_out is not None:
            self._last_weights = flat.value.copy()
            flat.value[...] = self._best_weights

    def _parameters(self):
        """List all parameters that training changes."""
        return self.encoder_.parameters() + self.decoder_.parameters()

    def _prepare(self, X):
        """Learn from X what needs no training; nothing by default."""

    def _hold_out(self, n_samples):
        """Choose the rows on which early stopping measures the loss."""
        self._held_out = self._best_weights = self._last_weights = None
        if self.early_stopping:
            n_held_out = max(1, round(self.validation_fraction * n_samples))
            if n_held_out >= n_samples:
                raise ValueError(
                    "early_stopping needs at least 2 samples and a smaller validation_fraction "
                    f"than {self.validation_fraction:g}, X has n_samples = {n_samples}"
                )
            self._held_out = np.sort(self._run.rng.permutation(n_samples)[:n_held_out])

    def _split(self, X):
        if not self.early_stopping:
            return X, None
        if self._held_out is None:
            raise ValueError(
                "early_stopping must stay False to go on with a training that held out no rows, "
                "got True"
            )
        return np.delete(X, self._held_out, axis=0), X[self._held_out]

    def _validate(self, X_held_out, flat):
        loss = self._evaluate(X_held_out)
        if self._best_weights is None or loss < self._run.least:
            self._run.least, self._best_weights = loss, flat.value.copy()
        self.history_.record(validation_loss=loss)

    def _early_stopping(self):
        if self.early_stopping:
            return EarlyStopping(
                "validation_loss", patience=self.n_iter_no_change, tol=self.tol or 0.0
            )
        if self.tol is not None:
            return EarlyStopping(patience=self.n_iter_no_change, tol=self.tol)
        return None

    def _begin(self, X, rng):
        self._build(X.shape[1], X.dtype, rng)
        self._built_with = {name: getattr(self, name) for name in self._network_arguments}
        self._prepare(X)

    def _start_run(self, rng, history=None):
        self._run = Run(rng, self._new_optimiser(), history)
        self.history_ = self._run.history

    def _new_optimiser(self):
        return self._solvers[self.solver](self.learning_rate_init)

    def _copy_learned(self):
        # Training changes weights in place; on a copy, a failed call can be taken back.
        # Together, as the run holds the same history; where there is no run, it is copied too.
        self.encoder_, self.decoder_, self.history_, self._run = copy.deepcopy(
            (self.encoder_, self.decoder_, self.history_, self._run)
        )
        for name, built_with in self._built_with.items():
            if getattr(self, name) != built_with:
                raise ValueError(
                    f"{name} must stay {built_with!r} to go on with what was learnt, "
                    f"got {getattr(self, name)!r}"
                )

    @contextmanager
    def _all_or_nothing(self):
        before = dict(vars(self))
        try:
            yield
        except BaseException as error:
            if not (isinstance(error, TrainingDiverged) and self.n_iter_ > 0):
                vars(self).clear()
                vars(self).update(before)
            raise

    # Checking ---------------------------------------------------------------------------------

    def _check_input(self, X, *, reset):
        return _checked(partial(validate_data, self, reset=reset), X, "X")

    def _check_arguments(self, X):
        check_choice("solver", self.solver, self._solvers)
        check_choice("learning_rate", self.learning_rate, SCHEDULES)
        check_integer("n_components", self.n_components, minimum=1)
        check_number("learning_rate_init", self.learning_rate_init, above=0)
        check_number("weight_decay", self.weight_decay, minimum=0)
        check_integer("max_iter", self.max_iter, minimum=1)
        check_integer("n_iter_no_change", self.n_iter_no_change, minimum=1)
        if self.batch_size is not None:
            check_integer("batch_size", self.batch_size, minimum=1)
        if self.tol is not None:
            check_number("tol", self.tol, minimum=0)
        if self.early_stopping:
            check_number("validation_fraction", self.validation_fraction, above=0, below=1)
        callbacks = () if self.callbacks is None else self.callbacks
        if not isinstance(callbacks, (list, tuple)) or not all(map(callable, callbacks)):
            raise TypeError(f"callbacks must be a list of callables or None, got {callbacks!r}")

    # Using what was learnt ----------------------------------------------------------------------

    def transform(self, X):
        """Encode X (n_samples, n_features) as codes Z (n_samples, n_components).

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If X is not numeric and finite, or has another number of features than at ``fit``.
        """
        check_is_fitted(self)
        X = self._check_input(X, reset=False)
        return self._encode(X).astype(X.dtype, copy=False)

    def inverse_transform(self, Z):
        """Decode codes Z (n_samples, n_components) into X_hat (n_samples, n_features).

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If Z is not numeric and finite or has not ``n_components`` columns.
        """
        check_is_fitted(self)
        Z = _checked(check_array, Z, "Z")
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"Z must have n_components = {self._n_features_out} columns, got {Z.shape[1]}"
            )
        return self._decode(Z).astype(Z.dtype, copy=False)

    def reconstruct(self, X):
        """Encode X (n_samples, n_features) and decode it again.

        Raises
        ------
        NotFittedError, ValueError
            As ``transform`` does.
        """
        check_is_fitted(self)
        X = self._check_input(X, reset=False)
        return self._decode(self._encode(X)).astype(X.dtype, copy=False)

    def score(self, X, y=None):
        """Return minus the loss on X (n_samples, n_features); higher is better. y is ignored.

        Raises
        ------
        NotFittedError, ValueError
            As ``transform`` does.
        """
        check_is_fitted(self)
        X = self._check_input(X, reset=False)
        return -self._evaluate(X)

    def save(self, path, *, compact=False):
        """Write the model to a ``.npz`` file, with all that ``resume`` needs.

        The file is complete or not there: a crash while saving leaves an older one untouched.
        It holds no code; callbacks and a function given as ``noise`` are not stored.

        Parameters
        ----------
        path : str or path-like
        compact : bool
            Keep what is needed to use the model and not to ``resume``, with the weights in half
            precision (float16, three digits): about a sixth of the size. ``load`` gives a model
            of the old precision, with these rounded weights.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        OSError
            If the file cannot be written.
        ValueError
            If ``compact`` and a weight is above 65504, the most that half precision holds.
        """
        check_is_fitted(self)
        persistence.save(self, path, compact=compact)

    @classmethod
    def load(cls, path, **arguments):
        """Read a model that ``save`` wrote; nothing in the file is executed.

        Parameters
        ----------
        path : str or path-like
        **arguments
            Replace arguments of the stored model: those that a file cannot hold, such as
            ``callbacks``, or a new ``max_iter``.

        Returns
        -------
        model : of this class

        Raises
        ------
        FileError (a ValueError)
            If the file is no model, is damaged or altered, or holds another class of model.
        FileNotFoundError
            If there is no such file.
        """
        return persistence.load(cls, path, **arguments)

    def _encode(self, X):
        return self._infer(self.encoder_, X)

    def _decode(self, Z):
        return self._infer(self.decoder_, Z)

    @staticmethod
    def _infer(network, X):
        with one_blas_thread():  # as in training, where one pool of threads is enough
            return network.forward(X, remember=False)

    def _evaluate(self, X):
        """Compute the loss without its gradient."""
        return squared_error(self._decode(self._encode(X)), X)[0]

    @property
    def n_iter_(self):
        """Number of epochs of training."""
        return len(self.history_["loss"]) if "loss" in self.history_ else 0

    @property
    def loss_curve_(self):
        """The training loss of each epoch, a list."""
        return self.history_["loss"]

    @property
    def _n_features_out(self):
        return self.decoder_.n_in

    def __sklearn_is_fitted__(self):
        return hasattr(self, "encoder_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _checked(check, array, name):
    """Check with one of scikit-learn's functions that ``array`` is (n, m), numeric and finite.

    scikit-learn's messages do not all name the argument; these do, and say where a bad value is.
    """
    options = {"dtype": [np.float64, np.float32], "order": "C", "ensure_all_finite": False}
    try:
        shape = array.shape if hasattr(array, "shape") else np.asarray(array).shape
        if len(shape) == 1:
            raise ValueError(
                f"{name} must have two dimensions, one row a sample, got shape {shape}. Reshape "
                f"your data: {name}[:, None] if it is one column, {name}[None, :] if one row"
            )
        array = check(array, **options)
    except (TypeError, ValueError) as error:
        if name in str(error):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name} must be an array of numbers, one row a sample: {error}") from None
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        row, column = bad[0]
        value = "NaN" if np.isnan(array[row, column]) else "inf"
        raise ValueError(
            f"{name} must be finite, got {value} in row {row}, column {column} "
            f"({len(bad)} such values in all)"
        )
    return array
