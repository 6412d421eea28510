"""What all the autoencoders share in use: codes, reconstructions, scores, files.

How they learn stands in ``learning``. What a model makes of many rows it makes block by block, so
that memory grows with the answer and not with the network's hidden layers.
"""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from vae_numpy._types import ArrayLike, FilePath, FloatArray
from vae_numpy.kernels.threads import one_blas_thread
from vae_numpy.layers import Layer, widest
from vae_numpy.models import persistence
from vae_numpy.models.checks import check_codes, check_samples
from vae_numpy.models.learning import Learner

BLOCK = 2**26  # bytes that the layers of one block of rows take, about


class BaseAutoencoder(Learner, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """An encoder and a decoder, as an estimator in scikit-learn's manner.

    A subclass stores its arguments in ``__init__`` and gives ``build_networks``, ``_step`` and
    ``_score_rows``.
    """

    def transform(self, X: ArrayLike) -> FloatArray:
        """Encode data.

        Parameters
        ----------
        X : (n_samples, n_features)

        Returns
        -------
        Z : (n_samples, n_components)
            The codes.

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If X is not numeric and finite, has another number of features than at ``fit``, or is
            so large that the network's numbers overflow.
        """
        check_is_fitted(self)
        X = check_samples(self, X, reset=False)
        (Z,) = self._in_blocks(lambda x: [finite(self._encode(x), "X", x)], X)
        return Z.astype(X.dtype, copy=False)

    def inverse_transform(self, Z: ArrayLike) -> FloatArray:
        """Decode codes.

        Parameters
        ----------
        Z : (n_samples, n_components)

        Returns
        -------
        X_hat : (n_samples, n_features)

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If Z is not numeric and finite, has not ``n_components`` columns, or is so large that
            the network's numbers overflow.
        """
        check_is_fitted(self)
        Z = check_codes(self, Z)
        (X_hat,) = self._in_blocks(lambda z: [finite(self._decode(z), "Z", z)], Z)
        return X_hat.astype(Z.dtype, copy=False)

    def reconstruct(self, X: ArrayLike) -> FloatArray:
        """Encode data and decode them again.

        Parameters
        ----------
        X : (n_samples, n_features)

        Returns
        -------
        X_hat : (n_samples, n_features)

        Raises
        ------
        NotFittedError, ValueError
            As ``transform`` does.
        """
        check_is_fitted(self)
        X = check_samples(self, X, reset=False)
        (X_hat,) = self._in_blocks(lambda x: [finite(self._decode(self._encode(x)), "X", x)], X)
        return X_hat.astype(X.dtype, copy=False)

    def score_samples(self, X: ArrayLike) -> FloatArray:
        """Return minus the loss of each row; higher is better.

        The further a row is from all that the model has learnt, the lower. A row so far out that
        the network's numbers overflow gets minus infinity.

        Parameters
        ----------
        X : (n_samples, n_features)

        Returns
        -------
        scores : (n_samples,) float64

        Raises
        ------
        NotFittedError
            If the model was not fitted.
        ValueError
            If X is not numeric and finite, or has another number of features than at ``fit``.
        """
        check_is_fitted(self)
        X = self._check_data(check_samples(self, X, reset=False))
        return self._scores(X)

    def score(self, X: ArrayLike, y: object = None) -> float:
        """Return the mean of ``score_samples(X)``, minus the loss on X.

        Parameters
        ----------
        X : (n_samples, n_features)
        y : None
            Ignored.

        Returns
        -------
        float

        Raises
        ------
        NotFittedError, ValueError
            As ``score_samples`` does.
        """
        return float(self.score_samples(X).mean())

    def save(self, path: FilePath, *, compact: bool = False) -> None:
        """Write the model to a ``.npz`` file, with all that ``resume`` needs.

        The file is complete or not there: a crash while saving leaves an older one untouched.
        A link is followed, and a file that is replaced keeps its mode. The file holds no code;
        callbacks and a function given as ``noise`` are not stored.

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
            If a number to be stored is not finite; if ``compact`` and a weight is above 65504, the
            most that half precision holds.
        """
        check_is_fitted(self)
        persistence.save(self, path, compact=compact)

    @classmethod
    def load(cls, path: FilePath, **arguments: Any) -> Self:
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

    @property
    def n_iter_(self) -> int:
        """Number of epochs of training."""
        return len(self.history_["loss"]) if "loss" in self.history_ else 0

    @property
    def loss_curve_(self) -> list[float]:
        """The training loss of each epoch, a list."""
        return self.history_["loss"]

    # Block by block -----------------------------------------------------------------------------

    def _in_blocks(
        self, compute: Callable[..., Sequence[FloatArray]], *arrays: FloatArray
    ) -> Sequence[FloatArray]:
        """Compute arrays from blocks of the rows of some arrays (N, ...), and put them together.

        ``compute`` takes a block of each array and returns a list of arrays (n, ...). How many
        rows a block has depends on the networks alone: the bits do not depend on the memory that
        there is.
        """
        width = max(widest(self.encoder_), widest(self.decoder_))
        size = max(1, BLOCK // (32 * width))  # a few arrays of that width, in double precision
        n_rows = len(arrays[0])
        if n_rows <= size:
            return compute(*arrays)
        answers: list[FloatArray] = []
        for start in range(0, n_rows, size):
            parts = compute(*(array[start : start + size] for array in arrays))
            if not answers:
                answers = [np.empty((n_rows, *p.shape[1:]), p.dtype) for p in parts]
            for answer, part in zip(answers, parts, strict=True):
                answer[start : start + size] = part
        return answers

    def _encode(self, X: FloatArray) -> FloatArray:
        return self._infer(self.encoder_, X)

    def _decode(self, Z: FloatArray) -> FloatArray:
        return self._infer(self.decoder_, Z)

    @staticmethod
    def _infer(network: Layer, X: FloatArray) -> FloatArray:
        # What overflows is the caller's to judge. One pool of threads is enough, as in training.
        with np.errstate(over="ignore", invalid="ignore"), one_blas_thread():
            return network.forward(X, remember=False)

    def _scores(self, X: FloatArray) -> FloatArray:
        """Compute ``score_samples`` of checked data."""
        with np.errstate(over="ignore", invalid="ignore"):
            (scores,) = self._in_blocks(lambda x: [self._score_rows(x)], X)
        return np.where(np.isnan(scores), -np.inf, scores)

    def _score_rows(self, X: FloatArray) -> FloatArray:
        """Compute minus the loss of each row of a block, (n,), in double precision."""
        raise NotImplementedError

    def _evaluate(self, X: FloatArray) -> float:
        return -float(self._scores(X).mean())

    # What scikit-learn asks for -----------------------------------------------------------------

    __metadata_request__inverse_transform = {"Z": UNUSED}  # Z is data, in X's place

    @property
    def _dtype(self) -> np.dtype:
        return self._parameters()[0].value.dtype

    @property
    def _n_features_out(self) -> int:
        return self.decoder_.n_in

    def __sklearn_is_fitted__(self):
        return hasattr(self, "encoder_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def finite(answer: FloatArray, name: str, rows: FloatArray) -> FloatArray:
    """Return ``answer`` (n, m), made from ``rows``, or say which row was too large for it."""
    bad = ~np.isfinite(answer).all(axis=1)
    if bad.any():
        row = rows[bad.argmax()]
        raise ValueError(
            f"{name} must have values that the network can compute with in {answer.dtype}, got "
            f"{row[np.abs(row).argmax()]:.3g} in a row where its numbers overflow; scale the "
            "features to about 1"
        )
    return answer
