"""The gradient doctor: what is wrong with a gradient, named from the pattern of the error.

A mistake leaves a pattern. A forgotten mean makes every entry N times too large; a transposed
product has the right numbers in the wrong places. So the doctor computes what the gradient would
be after each mistake it knows, and looks which of these it was given. Where none fits, it says
where the gradient is wrong and leaves the cause open.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.gradcheck.differences import Differences, Loss, differences, numerical_gradient
from vae_numpy.gradcheck.suspects import (
    Features,
    Suspect,
    from_noise,
    from_parts,
    from_previous,
    known_factors,
    patterns,
)
from vae_numpy.utils import check_number

MISTAKES = {
    # name: what it is, to be read after "it may also be: "
    "factor_n": "a factor N: the mean over the batch forgotten, or taken twice",
    "factor_2": "a factor 2 lost or gained, or backward run twice without zeroing the gradient",
    "factor_-1": "the wrong sign",
    "factor_d": "a factor D: a sum over the features where their mean belongs, or the reverse",
    "factor": "another constant factor",
    "missing_term": "a term of the loss that sends no gradient back",
    "term_factor": "a term of the loss with the wrong weight",
    "transposed": "a transposition too many or too few",
    "wrong_axis": "a sum or a mean over the wrong axis",
    "derivative_at_input": "the activation's derivative taken at its input instead of its output",
    "derivative_missing": "the activation's derivative left out",
    "derivative_of_another": "the derivative of another function",
    "activation_missing": "the activation itself left out",
    "forgotten_bias": "a forgotten bias",
    "flipped_kernel": "the kernel of a convolution flipped",
    "one_sided_padding": "all the padding on one side",
    "padding_kept": "the padding not cut off",
    "stride_forgotten": "the stride forgotten",
    "overwritten": "= where += belongs: each patch written over the one before",
    "stale": "the gradient of an earlier step",
    "accumulated": "an earlier step's gradient still inside: not set to zero",
    "noise": "other noise on the way back than on the way forward",
    "logvar_as_variance": "the log-variance taken for the variance",
    "logvar_as_std": "the log-variance taken for the standard deviation, or for its logarithm",
    "swapped": "two gradients returned in each other's place",
    "zero": "a gradient that nothing was written into",
    "shape": "an array of the wrong shape",
    "not_finite": "NaN or infinity",
    "unknown": "something else",
}


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found; true if the gradient is right, and readable as text.

    Attributes
    ----------
    mistake : str or None
        A key of ``MISTAKES``; None if the gradient is right.
    message : str
        One line for the person who derived the gradient.
    error : float
        The largest deviation from finite differences, in units of the largest entry.
    factor : float
        By what constant factor the gradient is off, alone or on top of ``mistake``; else 1.
    alternatives : tuple of str
        Other mistakes that give the same numbers here.
    where : str
        Which gradient is meant.
    """

    mistake: str | None
    message: str
    error: float
    factor: float = 1.0
    alternatives: tuple[str, ...] = ()
    where: str = "your gradient"

    @property
    def ok(self) -> bool:
        """Whether the gradient is right."""
        return self.mistake is None

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return self.message


def diagnose(
    gradient: ArrayLike | Callable[[FloatArray], ArrayLike],
    loss: Loss,
    x: FloatArray,
    *,
    batch_size: int | None = None,
    n_features: Features = None,
    terms: Mapping[str, Loss] | None = None,
    previous: ArrayLike | None = None,
    noise: Sequence[ArrayLike] = (),
    suspects: Sequence[Suspect] = (),
    name: str = "your gradient",
    tolerance: float | None = None,
    step: float = 1e-6,
) -> Diagnosis:
    """Compare a gradient with finite differences and name the likely mistake.

    Parameters
    ----------
    gradient : array, or callable
        What the learner says the gradient of ``loss`` at ``x`` is. A function ``gradient(x)`` is
        called twice at x and once at 0.9 x, to see whether anything piles up, is drawn inside or
        is left from an earlier call.
    loss : callable
        Takes ``x`` and returns a number. Noise in it must be held fixed.
    x : float64 array
        Is changed while ``loss`` runs and restored.
    batch_size : int
        N; without it a factor N cannot be named.
    n_features : int, or tuple of int
        D, or all numbers of features that play a part.
    terms : dict of callables
        The parts of the loss by name, each a function like ``loss``.
    previous : array
        The right gradient of the step before, to find a stale or an accumulated one.
    noise : sequence of arrays
        The right gradients under other draws of the noise.
    suspects : sequence of Suspect
        Wrong answers foreseen for this very gradient.
    name : str
        What the message calls the gradient.
    tolerance : float
        The largest relative error that is right: 1e-5, and 1e-4 for float32 values, by default.
    step : float
        See ``numerical_gradient``.

    Returns
    -------
    diagnosis : Diagnosis

    Raises
    ------
    TypeError
        If ``x`` is not a float64 array, the gradient is not made of numbers, or ``batch_size``,
        ``n_features``, ``tolerance`` or ``step`` is not such a number.
    ValueError
        If one of these four is out of range.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0], [3.0, 5.0], [8.0, 13.0]])
    >>> print(diagnose(2 * x, lambda x: np.sum(x**2) / 3, x, batch_size=3))
    your gradient is exactly 3 times too large: N = 3; the loss is a mean over the batch, so divide by N
    """  # noqa: E501
    parts = {term: numerical_gradient(f, x, step) for term, f in (terms or {}).items()}
    slopes = differences(loss, x, step)
    case = Case(name, slopes, tolerance=tolerance, batch_size=batch_size, n_features=n_features)
    foreseen = [*suspects, *from_noise(noise)]
    if previous is not None:
        foreseen += from_previous(previous, slopes.central)
    if not callable(gradient):
        return case.judge(gradient, foreseen, parts)
    # Copies: it may write into the same array again.
    first, again = (copy.deepcopy(gradient(x)) for _ in range(2))
    diagnosis = case.judge(first, foreseen, parts, again=again)
    if diagnosis:
        with _moved(x, 0.9):
            there = Case(name, differences(loss, x, step), tolerance=tolerance)
            moved = there.judge(gradient(x), from_previous(slopes.central, there.right))
        if moved.mistake == "stale":
            return moved
    return diagnosis


@contextmanager
def _moved(x: FloatArray, factor: float) -> Iterator[None]:
    """Multiply ``x`` in place, for as long as the block lasts."""
    kept = x.copy()
    x *= factor
    try:
        yield
    finally:
        x[...] = kept


# The judgement --------------------------------------------------------------------------------

Named: TypeAlias = tuple[str, str, float, tuple[str, ...]]  # mistake, message, factor, alternatives


class Case:
    """One gradient to be judged: what it should be, and the constant factors to think of.

    Parameters
    ----------
    name : str
    slopes : Differences
    tolerance, batch_size, n_features
        As in ``diagnose``.
    """

    def __init__(
        self,
        name: str,
        slopes: Differences,
        *,
        tolerance: float | None = None,
        batch_size: int | None = None,
        n_features: Features = None,
    ):
        if tolerance is not None:
            check_number("tolerance", tolerance, above=0)
        self.name, self.slopes, self.tolerance = name, slopes, tolerance
        self.right = slopes.central
        self.factors = known_factors(batch_size, n_features)

    def judge(
        self,
        given: ArrayLike | None,
        foreseen: Sequence[Suspect] = (),
        parts: Mapping[str, FloatArray] | None = None,
        *,
        again: ArrayLike | None = None,
    ) -> Diagnosis:
        """Return the Diagnosis of ``given``; ``again`` is what a second call returned."""
        given = self._numbers(given)
        if not np.isfinite(self.right).all():
            return self._say("not_finite", "cannot be checked: the loss is not finite", np.inf)
        if not np.isfinite(given).all():
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(given))[0])
            return self._say("not_finite", f"is {given[index]} at index {index}", np.inf)
        # float32 values, even those that have been cast since, are less exact.
        with np.errstate(over="ignore"):
            exact = np.any(given != given.astype(np.float32))
        tolerance = self.tolerance or (1e-5 if exact else 1e-4)
        if again is not None and not _close(given, self._numbers(again), tolerance):
            return self._twice(given, self._numbers(again), tolerance)
        if given.shape != self.right.shape:
            return self._shape(given, foreseen, tolerance)
        # As in ``check_gradient``: below their resolution, finite differences see nothing. And
        # where float32 subtracts numbers near 1, as in p - x, nothing below its own is left.
        seen = max(self.slopes.resolution, 0 if exact else float(np.finfo(np.float32).eps))
        scale = max(_largest(given), _largest(self.right), seen / tolerance)
        deviation = self._deviation(given, tolerance * scale)
        error = _largest(deviation) / scale
        if error <= tolerance:
            return self._say(None, f"is right: relative error {error:.1e}", error)
        named = self._name(given, foreseen, parts or {}, tolerance)
        if named is None:
            return self._say("unknown", self._where(given, deviation, error, tolerance), error)
        mistake, message, factor, alternatives = named
        if alternatives:
            others = "; or ".join(MISTAKES[name] for name in alternatives)
            message += f". (The same numbers come from {others}.)"
        return self._say(mistake, message, error, factor, alternatives)

    def _name(
        self,
        given: FloatArray,
        foreseen: Sequence[Suspect],
        parts: Mapping[str, FloatArray],
        tolerance: float,
    ) -> Named | None:
        """Return (mistake, message, factor, alternatives) of the pattern that fits, or None."""
        right, size = self.right, _largest(self.right)
        haze = self.slopes.resolution
        tolerance += haze / size if size else 1.0
        if tolerance > 1e-3:
            return None  # so near to zero, finite differences are too coarse to tell
        scaled = [
            (c, Suspect(mistake, c * right, f"{_times(c)}: {cause}"))
            for c, mistake, cause in self.factors
        ]
        others = [(1.0, s) for s in [*foreseen, *patterns(right), *from_parts(parts, right)]]
        # What is itself a difference of such gradients may be all haze.
        hits = [
            (c, s) for c, s in scaled + others if _close(given, s.gradient, tolerance, 10 * haze)
        ]
        if hits:
            factor, first = hits[0]
            names = tuple(dict.fromkeys(s.mistake for _, s in hits))
            return first.mistake, first.message, float(factor), names[1:]
        if not given.any():
            return "zero", "is 0 everywhere: nothing was written into it", 0.0, ()
        if np.sum(abs(right) > 0.01 * size) < 3:
            return None  # two numbers fit too many stories
        for _, s in others:
            # An array that holds one number only is too easily met with.
            c = _ratio(given, s.gradient) if np.ptp(s.gradient) > 0 else 0.0
            for known, _, cause in self.factors:
                if abs(c / known - 1) < tolerance and _close(given, c * s.gradient, tolerance):
                    return s.mistake, f"{s.message}; and it {_times(known)}: {cause}", known, ()
        return self._constant(given, parts, tolerance)

    def _constant(
        self, given: FloatArray, parts: Mapping[str, FloatArray], tolerance: float
    ) -> Named | None:
        """Look for a constant factor without a known cause, on the whole or on one term."""
        right = self.right
        c = _ratio(given, right)
        if c and _close(given, c * right, tolerance):
            return "factor", f"{_times(c)}{self._product(c, tolerance)}", c, ()
        for term, part in parts.items():
            c = 1 + _ratio(given - right, part)
            if _close(given, right + (c - 1) * part, tolerance):
                causes = [
                    cause for known, _, cause in self.factors if abs(c / known - 1) < tolerance
                ]
                why = f": {causes[0]}" if causes else ""
                return "term_factor", f"counts one term, {term}, {c:.6g} times{why}", c, ()
        return None

    def _product(self, c: float, tolerance: float) -> str:
        """Say which two known factors make ``c`` together, if any do."""
        for i, (a, _, first) in enumerate(self.factors):
            for b, _, second in self.factors[i + 1 :]:
                if abs(a * b / c - 1) < tolerance:
                    return f", perhaps {a:.6g} x {b:.6g} ({first}. {second})"
        return "; where such a factor would come from, I cannot see"

    def _twice(self, first: FloatArray, again: FloatArray, tolerance: float) -> Diagnosis:
        """Say what is wrong with a function that returned two different gradients."""
        if _close(again - first, self.right, tolerance) or _close(again, 2 * first, tolerance):
            message = "grows with each call: set it to zero before each backward pass"
            return self._say("accumulated", message, np.inf)
        message = "changes from call to call with the same input: noise is drawn on the way back"
        return self._say("noise", message + ", where that of the way forward belongs", np.inf)

    def _shape(self, given: FloatArray, foreseen: Sequence[Suspect], tolerance: float) -> Diagnosis:
        """Say what is wrong with a gradient of the wrong shape."""
        right = self.right
        shapes = f"its shape is {given.shape}, where {right.shape} is wanted"
        if given.size == right.size and _close(given.reshape(right.shape), right, tolerance):
            return self._say("shape", f"has the right numbers, but {shapes}", np.inf)
        for c, _, cause in [(1, "", ""), *self.factors]:
            also = f"; and it {_times(c)}: {cause}" if cause else ""
            for s in [*foreseen, *patterns(right)]:
                if s.gradient.any() and _close(given, c * s.gradient, tolerance):
                    message = f"{s.message} ({shapes}){also}"
                    return self._say(s.mistake, message, np.inf, float(c))
            for axis in range(given.ndim):
                if _close(given.sum(axis=axis), c * right, tolerance):
                    message = f"must still be summed over axis {axis} ({shapes}){also}"
                    return self._say("wrong_axis", message, np.inf, float(c))
        return self._say("shape", f"cannot be compared: {shapes}", np.inf)

    def _deviation(self, given: FloatArray, allowed: float) -> FloatArray:
        """Measure how far each entry is from what finite differences allow."""
        deviation = abs(given - self.right)
        # At a kink the slopes from the left and from the right differ: all between them is right.
        low = np.minimum(self.slopes.left, self.slopes.right) - allowed
        high = np.maximum(self.slopes.left, self.slopes.right) + allowed
        between = (low <= given) & (given <= high)
        deviation[(deviation > allowed) & between] = 0
        return deviation

    def _where(
        self, given: FloatArray, deviation: FloatArray, error: float, tolerance: float
    ) -> str:
        """Describe an error that fits no pattern."""
        wrong = deviation > tolerance * _largest(deviation) / error
        worst = tuple(int(i) for i in np.unravel_index(deviation.argmax(), deviation.shape))
        said = (
            f"differs from finite differences most at index {worst}: {given[worst]:.6g}, where "
            f"they say {self.right[worst]:.6g}; {wrong.sum()} of {wrong.size} entries are wrong"
        )
        for axis in range(wrong.ndim):
            rows = np.unique(np.nonzero(wrong)[axis])
            if len(rows) == 1 < wrong.shape[axis] and wrong.sum() > 1:
                said += f", all of them at index {rows[0]} of axis {axis}"
        if not given[wrong].any():
            said += ", and those are 0"
        return said + ". I know no mistake that leaves this pattern."

    def _numbers(self, gradient: ArrayLike | None) -> FloatArray:
        try:
            if gradient is None:
                raise TypeError
            return np.array(gradient, np.float64)
        except (TypeError, ValueError):
            got = type(gradient).__name__
            raise TypeError(f"{self.name} must be an array of numbers, got {got}") from None

    def _say(
        self,
        mistake: str | None,
        message: str,
        error: float,
        factor: float = 1.0,
        alternatives: tuple[str, ...] = (),
    ) -> Diagnosis:
        message = f"{self.name} {message}"
        return Diagnosis(mistake, message, float(error), factor, alternatives, self.name)


def _largest(array: FloatArray) -> float:
    """Return the largest absolute value, 0 for an empty array."""
    return float(np.max(np.abs(array), initial=0.0))


def _close(a: FloatArray, b: FloatArray, tolerance: float, haze: float = 0.0) -> bool:
    """Whether two arrays agree, up to ``tolerance`` times their largest entry, plus ``haze``."""
    if a.shape != b.shape:
        return False
    return _largest(a - b) <= tolerance * max(_largest(a), _largest(b)) + haze


def _ratio(a: FloatArray, b: FloatArray) -> float:
    """Return the number c that brings c b nearest to a; 0 where there is none."""
    if a.shape != b.shape:
        return 0.0
    squares = np.sum(b * b)
    return float(np.sum(a * b) / squares) if squares > 0 else 0.0


def _times(c: float) -> str:
    """Say in words that a gradient is ``c`` times the right one."""
    sign = " and of the wrong sign" if c < 0 and c != -1 else ""
    if c == -1:
        return "has the wrong sign everywhere"
    if abs(c) < 1:
        return f"is exactly {1 / abs(c):.6g} times too small{sign}"
    return f"is exactly {abs(c):.6g} times too large{sign}"
