"""Optimisers: they turn gradients into new values, and know nothing else of a model.

``step(parameters)`` changes the values in place. What an optimiser remembers (velocities,
running averages) is kept in the order of the list, so each call takes the same list.
"""

from collections.abc import Callable, Sequence

import numpy as np

from vae_numpy import kernels
from vae_numpy._types import FloatArray
from vae_numpy.layers import Parameter
from vae_numpy.utils import check_number


class Optimiser:
    """What the three share: a learning rate, a count of steps, and state arrays per parameter.

    Parameters
    ----------
    learning_rate : float, > 0

    Attributes
    ----------
    t : int
        Steps taken.
    slots : list of tuples of arrays, or None
        What is remembered of each parameter, from the first step on.

    Raises
    ------
    ValueError, TypeError
        If the learning rate is not above 0.
    """

    n_slots = 0  # how many state arrays a parameter needs
    slot_start = 0.0
    _update: Callable[..., None]  # (value, grad, and each slot): the kernel, on flat arrays

    def __init__(self, learning_rate: float) -> None:
        check_number("learning_rate", learning_rate, above=0)
        self.learning_rate = learning_rate
        self.t = 0
        # A tuple of n_slots arrays for each parameter, made at the first step.
        self.slots: list[tuple[FloatArray, ...]] | None = None

    def step(self, parameters: Sequence[Parameter]) -> None:
        """Move each parameter's value one step against its gradient, in place.

        Parameters
        ----------
        parameters : list of Parameter
            The same in each call, in the same order.

        Raises
        ------
        ValueError
            If the parameters are others, in number or shape, than at the first step, their
            arrays are not contiguous, or a gradient has another shape than its value.
        TypeError
            If a value is neither float32 nor float64, or its gradient has another type.
        """
        for p in parameters:
            _check_arrays(p.value, p.grad)  # the kernels do not: they would read past the end
        given = [p.value.shape for p in parameters]
        if self.slots is None:
            self.slots = [
                tuple(np.full_like(p.value, self.slot_start) for _ in range(self.n_slots))
                for p in parameters
            ]
        expected = [slots[0].shape for slots in self.slots]
        if given != expected:
            raise ValueError(f"parameters must have the shapes {expected}, got {given}")
        self.t += 1
        for p, slots in zip(parameters, self.slots, strict=True):
            # The kernels take flat arrays; ravel of a contiguous one is a view.
            self._update(p.value.ravel(), p.grad.ravel(), *map(np.ravel, slots))


def _check_arrays(value: FloatArray, grad: FloatArray) -> None:
    if value.dtype not in (np.float32, np.float64):
        raise TypeError(f"parameters must be float32 or float64, got {value.dtype}")
    if grad.dtype != value.dtype:
        raise TypeError(
            f"parameters must have gradients of their values' type, {value.dtype}, got {grad.dtype}"
        )
    if grad.shape != value.shape:
        raise ValueError(
            f"parameters must have gradients of their values' shape, {value.shape}, "
            f"got {grad.shape}"
        )
    if not (value.flags.c_contiguous and grad.flags.c_contiguous):
        raise ValueError("parameters must hold C-contiguous arrays, got another layout")


class SGD(Optimiser):
    """Gradient descent, with momentum: u = momentum u + grad, value -= learning_rate u.

    Parameters
    ----------
    learning_rate : float, > 0
    momentum : float, 0 <= momentum < 1

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its bounds.

    Examples
    --------
    >>> from vae_numpy.layers import Parameter
    >>> p = Parameter(np.array([1.0, 2.0]))
    >>> p.grad[...] = [1.0, -1.0]
    >>> SGD(learning_rate=0.5).step([p])
    >>> p.value
    array([0.5, 2.5])
    """

    n_slots = 1

    def __init__(self, learning_rate: float = 0.01, momentum: float = 0.0) -> None:
        super().__init__(learning_rate)
        check_number("momentum", momentum, minimum=0, below=1)
        self.momentum = momentum

    def _update(self, value: FloatArray, grad: FloatArray, velocity: FloatArray) -> None:
        kernels.sgd_step(value, grad, velocity, self.learning_rate, self.momentum)


class Adagrad(Optimiser):
    """Adagrad: steps that shrink with the gradients a parameter has seen (Duchi et al. 2011).

    Parameters
    ----------
    learning_rate : float, > 0
    initial_accumulator : float, >= 0
        Where the sum of squared gradients starts.
    eps : float, > 0
        Keeps the division finite.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its bounds.

    Examples
    --------
    The first step is as long as the learning rate, whatever the gradient. The second, with the
    same gradient, is shorter by the root of 2:

    >>> from vae_numpy.layers import Parameter
    >>> p = Parameter(np.array([1.0, 2.0]))
    >>> p.grad[...] = [10.0, -0.1]
    >>> optimiser = Adagrad(learning_rate=0.1)
    >>> optimiser.step([p])
    >>> p.value.round(3)
    array([0.9, 2.1])
    >>> optimiser.step([p])
    >>> p.value.round(3)
    array([0.829, 2.171])
    """

    n_slots = 1

    def __init__(
        self, learning_rate: float = 0.01, initial_accumulator: float = 0.0, eps: float = 1e-10
    ) -> None:
        super().__init__(learning_rate)
        check_number("initial_accumulator", initial_accumulator, minimum=0)
        check_number("eps", eps, above=0)
        self.slot_start, self.eps = initial_accumulator, eps

    def _update(self, value: FloatArray, grad: FloatArray, sum_squares: FloatArray) -> None:
        kernels.adagrad_step(value, grad, sum_squares, self.learning_rate, self.eps)


class Adam(Optimiser):
    """Adam: a running mean of the gradient over one of its size (Kingma & Ba 2015, algorithm 1).

    Parameters
    ----------
    learning_rate : float, > 0
    beta1, beta2 : float, 0 <= beta < 1
        How much of the running mean of the gradient, and of its square, is kept each step.
    eps : float, > 0
        Keeps the division finite.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its bounds.

    Examples
    --------
    As long as the gradient stays the same, each step is as long as the learning rate:

    >>> from vae_numpy.layers import Parameter
    >>> p = Parameter(np.array([1.0, 2.0]))
    >>> p.grad[...] = [10.0, -0.1]
    >>> optimiser = Adam(learning_rate=0.1)
    >>> optimiser.step([p])
    >>> optimiser.step([p])
    >>> p.value.round(3)
    array([0.8, 2.2])
    """

    n_slots = 2

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate)
        check_number("beta1", beta1, minimum=0, below=1)
        check_number("beta2", beta2, minimum=0, below=1)
        check_number("eps", eps, above=0)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps

    def _update(self, value: FloatArray, grad: FloatArray, m: FloatArray, v: FloatArray) -> None:
        kernels.adam_step(
            value, grad, m, v, self.t, self.learning_rate, self.beta1, self.beta2, self.eps
        )
