"""The linear autoencoder: one matrix in, one matrix out."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.metaestimators import available_if

from vae_numpy import kernels
from vae_numpy._types import ArrayLike, DTypeLike, FloatArray, RandomState
from vae_numpy.kernels.threads import one_blas_thread
from vae_numpy.layers import Dense
from vae_numpy.likelihoods import SquaredError
from vae_numpy.models.base import BaseAutoencoder
from vae_numpy.models.learning import SOLVERS
from vae_numpy.optimisers import Adam
from vae_numpy.training import Callback, History, Losses
from vae_numpy.utils import make_rng


def _takes_steps(model: "LinearAutoencoder") -> bool:
    if model.solver == "svd":
        raise AttributeError("solver='svd' has no steps to go on with; choose an iterative solver")
    return True


class LinearAutoencoder(BaseAutoencoder):
    """The autoencoder z = (x - m) V, x_hat = z W + m, with the mean m of the data.

    It minimises 1/N sum_n ||x_hat_n - x_n||^2 + weight_decay (||V||^2 + ||W||^2). Without
    weight decay the least loss is the sum of the discarded eigenvalues of the covariance, and
    VW the projector on the leading principal directions (Baldi & Hornik 1989); V and W are
    then known only up to an invertible K x K matrix. With weight decay they are known up to a
    rotation (Kunin et al. 2019, theorem 2).

    Parameters
    ----------
    n_components : int
        Number of latents K, at most the number of features D.
    solver : {"adam", "adagrad", "sgd", "svd"}
        An optimiser for gradient descent (``"adam"`` with beta2 = 0.99, ``"sgd"`` with momentum
        0.9), or the closed form.
    learning_rate_init : float, > 0
    learning_rate : {"cosine", "constant", "step"}
        How the learning rate falls over ``max_iter`` epochs.
    batch_size : int or None
        None uses all samples in every step.
    max_iter : int
        Number of epochs.
    tol : float or None
        Stop when the loss has not fallen by ``tol`` within ``n_iter_no_change`` epochs; None
        trains all epochs.
    n_iter_no_change : int
    weight_decay : float, >= 0
    random_state : None, int or numpy.random.Generator
    verbose : bool
        Show a progress bar.
    warm_start : bool
        Start ``fit`` at the weights of the last one.
    callbacks : list of callables or None
        Each is called as ``callback(model)`` after every epoch; a true answer ends training.

    Attributes
    ----------
    encoder_, decoder_ : Dense
        Without bias; ``encoder_.W.value`` is V (D, K), ``decoder_.W.value`` is W (K, D).
    mean_ : (D,)
        Of the data of the first ``fit`` or ``partial_fit``.
    history_ : History
        ``"loss"``: the squared error of each epoch, without the penalty.
    n_iter_, loss_curve_, n_features_in_

    Examples
    --------
    >>> from vae_numpy.data import make_spiral
    >>> X, t = make_spiral(500, random_state=0)
    >>> model = LinearAutoencoder(n_components=1, random_state=0).fit(X)
    >>> model.transform(X).shape
    (500, 1)
    """

    encoder_: Dense
    decoder_: Dense

    # All samples in every step: the gradient has no noise that a long memory would average out,
    # and with a shorter one ill-conditioned data need fewer steps.
    _learned_arrays = ("mean_",)
    _solvers = {**SOLVERS, "adam": lambda rate: Adam(rate, beta2=0.99), "svd": None}

    def __init__(
        self,
        n_components: int = 2,
        *,
        solver: str = "adam",
        learning_rate_init: float = 0.1,
        learning_rate: str = "cosine",
        batch_size: int | None = None,
        max_iter: int = 3000,
        tol: float | None = None,
        n_iter_no_change: int = 10,
        weight_decay: float = 0.0,
        random_state: RandomState = None,
        verbose: bool = False,
        warm_start: bool = False,
        callbacks: Sequence[Callback] | None = None,
    ) -> None:
        self.n_components = n_components
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.weight_decay = weight_decay
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.callbacks = callbacks

    def _check_arguments(self, X: FloatArray) -> None:
        super()._check_arguments(X)
        if self.n_components > X.shape[1]:
            raise ValueError(
                f"n_components must be between 1 and n_features = {X.shape[1]}, "
                f"got {self.n_components}"
            )

    def _begin(self, X: FloatArray, rng: np.random.Generator) -> None:
        self.mean_ = X.mean(axis=0, dtype=np.float64).astype(X.dtype)
        super()._begin(X, rng)

    def build_networks(self, n_features: int, dtype: DTypeLike, rng: np.random.Generator) -> None:
        options: dict[str, Any] = {"rng": rng, "dtype": dtype, "bias": False}
        self.encoder_ = Dense(n_features, self.n_components, **options)
        self.decoder_ = Dense(self.n_components, n_features, **options)

    def _step(self, x: FloatArray, rng: np.random.Generator) -> Losses:
        # forward
        x = x - self.mean_  # (N, D)
        z = self.encoder_.forward(x)  # (N, K)
        x_hat = self.decoder_.forward(z)  # (N, D)

        # loss
        loss, dx_hat = kernels.squared_error(x_hat, x)

        # backward
        dz = self.decoder_.backward(dx_hat, accumulate=False)
        self.encoder_.backward(dz, accumulate=False, need_dx=False)
        return {"loss": loss}

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Learn V and W.

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
        ValueError, TypeError, TrainingDiverged
            As for every model here; a call that fails leaves the model as it was.
        """
        if self.solver != "svd":
            return super().fit(X)
        with self._all_or_nothing():
            X = self._check(X, reset=True)
            self._begin(X, make_rng(self.random_state))
            self._solve(X)
        return self

    def _solve(self, X: FloatArray) -> None:
        # The right singular vectors of the centred data are the principal directions u_i.
        K = self.n_components
        centred = X.astype(np.float64) - self.mean_
        with one_blas_thread():  # the same bits, however many there are
            _, singular_values, U_T = np.linalg.svd(centred, full_matrices=K > len(X))
        # A direction's sign is free: make its largest entry positive.
        U_T = U_T[:K] * np.sign(U_T[np.arange(K), np.abs(U_T[:K]).argmax(axis=1)])[:, None]
        spread = np.zeros(K)  # sqrt(lambda_i): its square could leave the numbers that there are
        spread[: len(singular_values)] = singular_values[:K] / np.sqrt(len(X))
        # Weight decay shrinks direction i by 1 - weight_decay / lambda_i, half of it (as a root)
        # in V and half in W, and drops it where that is negative (Kunin et al. 2019, theorem 2).
        shrink, least = np.zeros(K), np.sqrt(self.weight_decay)
        kept = spread > least
        shrink[kept] = np.sqrt(1 - (least / spread[kept]) ** 2)
        self.encoder_.W.value[...] = U_T.T * shrink
        self.decoder_.W.value[...] = shrink[:, None] * U_T
        self.history_ = History()
        self.history_.record(loss=self._evaluate(X))
        self._run = None  # there are no steps to go on with

    # Going on step by step needs a solver that takes steps.
    partial_fit = available_if(_takes_steps)(BaseAutoencoder.partial_fit)
    resume = available_if(_takes_steps)(BaseAutoencoder.resume)

    def _encode(self, X: FloatArray) -> FloatArray:
        return super()._encode(X - self.mean_)

    def _decode(self, Z: FloatArray) -> FloatArray:
        return super()._decode(Z) + self.mean_

    def _score_rows(self, X: FloatArray) -> FloatArray:
        return SquaredError().log_prob(self._decode(self._encode(X)), X)
