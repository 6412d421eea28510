"""The ladder of messages that an answer climbs, rung by rung.

Not implemented -> raises -> wrong type or shape -> not finite -> wrong value (called with,
returned, expected) -> gradient against finite differences -> a known mistake, named. The first rung
that does not hold ends the check with one line of diagnosis; details follow. A mistake that is
recognised gives the line, at whatever rung it was found.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from vae_numpy import gradcheck
from vae_numpy.exercises import guard
from vae_numpy.exercises.words import NUMBERS, describe, kind_words, shape_words

Mistakes: TypeAlias = Mapping[str, Any]  # the line for each known mistake, and what it returns


class NotStarted(Exception):
    """The answer still says ``raise NotImplementedError``."""


class Wrong(Exception):
    """The answer is wrong.

    Parameters
    ----------
    line : str
        The diagnosis.
    details : iterable of str
        Lines to print under it.
    """

    def __init__(self, line: str, details: Iterable[str] = ()) -> None:
        super().__init__(line)
        self.line, self.details = line, list(details)


class Answer:
    """A reader's function or class, as the checks see it: call it, and compare what it returns.

    Each method raises ``Wrong`` with its diagnosis where the answer does not hold.

    Parameters
    ----------
    function : callable
        What the reader wrote.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.file = _file_of(function)
        self.called: list[str] = []  # the lines that describe the last call

    def __call__(self, *args: Any, may_change: Sequence[str] = (), **kwargs: Any) -> Any:
        """Call the answer under guard; return what it returns. See ``call``."""
        return self.call(self.function, *args, may_change=may_change, **kwargs)

    def call(
        self,
        function: Callable[..., Any],
        *args: Any,
        may_change: Sequence[str] = (),
        **kwargs: Any,
    ) -> Any:
        """Call a function or method of the reader's under guard.

        An exception, a changed array among the arguments (but for those named in ``may_change``),
        a touched global random state and an array that nobody can compute with are ``Wrong``. What
        else it does to the process, ``guard.SETTINGS``, is undone.

        Parameters
        ----------
        function : callable
        *args
            What it is called with.
        may_change : sequence of str
            The arguments that are changed in place on purpose.
        **kwargs
            What it is called with.

        Returns
        -------
        What the function returns.

        Raises
        ------
        NotStarted
            If that is still ``raise NotImplementedError``.
        Wrong
            As above.
        """
        given = _named(function, args, kwargs)
        kept = guard.kept_arrays(given)
        self.called = describe("called with", given) if given else ["called without arguments"]
        state = guard.global_random_state()
        try:
            with guard.settings_kept():
                returned = function(*args, **kwargs)
                touched = guard.global_random_state() != state
        except (KeyboardInterrupt, guard.TooLong):
            raise
        except BaseException as error:
            number, text, name = guard.readers_frame(error, self.file)
            if isinstance(error, NotImplementedError) and (not text or "raise" in text):
                raise NotStarted(name) from None
            message = str(error).splitlines()[0] if str(error) else "without a message"
            where = [f"at line {number}: {text}"] if number else []
            raise self.wrong(f"raises {type(error).__name__}: {message}", where) from None
        if touched:
            raise self.wrong(
                "the global random state changed: np.random.seed, or a draw from np.random or "
                "random; whoever calls you did not ask for that. Draw from a generator that you "
                "are given"
            )
        for name, before in kept.items():
            if name not in may_change and not guard.same_arrays(before, given[name]):
                raise self.wrong(
                    f"the argument {name} is changed in place; work on a copy, the caller still "
                    "needs what is in it",
                    [*describe("before", {name: before}), *describe("after", {name: given[name]})],
                )
        for part in returned if isinstance(returned, (tuple, list)) else [returned]:
            if problem := _type_problem(part):
                raise self.wrong(problem, describe("returned", {"": returned}))
        return returned

    def gives(
        self,
        want: Any,
        *args: Any,
        mistakes: Mistakes | None = None,
        rtol: float = 1e-6,
        atol: float = 1e-9,
        names: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Call the answer and compare what it returns with what is wanted.

        Parameters
        ----------
        want : number, array, or a tuple of them
            The right value; not finite where the right value is not.
        *args
            What the answer is called with.
        mistakes : dict of str: value or callable, optional
            The line for each known mistake, and what it returns: in the form of ``want``, with
            None for a part of a tuple that does not matter; a list of several such; or a function
            of the same arguments.
        rtol, atol : float
            As in ``numpy.isclose``; an answer in float32 is granted 1e-4.
        names : tuple of str, optional
            What to call the parts of a tuple, or ``("loss",)`` for what is not one.
        **kwargs
            What the answer is called with.

        Returns
        -------
        What the answer returns.
        """
        returned, names = self(*args, **kwargs), names or _default_names(want)
        if _problem(returned, want, rtol, atol, names):  # only now is a mistake worth computing
            mistakes = {
                line: value(*args, **kwargs) if callable(value) else value
                for line, value in (mistakes or {}).items()
            }
        self.compare(returned, want, mistakes=mistakes, rtol=rtol, atol=atol, names=names)
        return returned

    def compare(
        self,
        returned: Any,
        want: Any,
        *,
        mistakes: Mistakes | None = None,
        rtol: float = 1e-6,
        atol: float = 1e-9,
        names: Sequence[str] | None = None,
    ) -> None:
        """Compare a value of the last call with what is wanted.

        Parameters
        ----------
        returned : number, array, or a tuple of them
        want : number, array, or a tuple of them
        mistakes : dict of str: value, optional
        rtol, atol : float
        names : tuple of str, optional
            As in ``gives``, but no mistake is a function.
        """
        names = names or _default_names(want)
        problem = _problem(returned, want, rtol, atol, names)
        if problem:
            line = _recognised(returned, mistakes, rtol, atol) or problem
            raise self.wrong(line, _contrast(returned, want, names, rtol, atol))

    def form(
        self,
        returned: Any,
        like: Any,
        *,
        name: str | None = None,
        mistakes: Mistakes | None = None,
    ) -> None:
        """Compare type, shape and finiteness with those of an array, not the values.

        Parameters
        ----------
        returned, like : number or array
        name : str, optional
            What to call it.
        mistakes : dict of str: value, optional
            As in ``compare``.
        """
        if problem := _form_problem(returned, np.asarray(like)):
            line = _recognised(returned, mistakes) or (f"{name}: {problem}" if name else problem)
            raise self.wrong(line, describe("returned", {name or "": returned}))

    def gradient(
        self,
        grad: Any,
        loss: Callable[..., float],
        at: Any,
        *,
        name: str = "the gradient",
        mistakes: Mistakes | None = None,
        **context: Any,
    ) -> None:
        """Compare a gradient of the reader's with finite differences of the loss.

        Parameters
        ----------
        grad : array of the shape of ``at``
        loss : callable
            Takes an array, returns a number; **ours**, or the reader's own forward pass once it
            has been checked.
        at : float64 array
            The place.
        name : str
            What the reader calls the gradient.
        mistakes : dict of str: array, optional
            The line for each known mistake, and the gradient that it gives.
        **context
            What else helps the gradient doctor: ``batch_size``, ``n_features``, ``terms``, ...
        """
        self.form(grad, at, name=name, mistakes=mistakes)
        tolerance = 1e-4 if np.asarray(grad).dtype == np.float32 else 1e-6
        verdict = gradcheck.check_gradient(loss, at, grad, tolerance=tolerance)
        if not verdict:
            context["tolerance"] = tolerance
            line = _recognised(grad, mistakes) or diagnosis(grad, loss, at, name, **context)
            place = f"at index {verdict.worst}: {name} is {verdict.grad:.6g}"
            raise self.wrong(line, [f"{place}, finite differences say {verdict.numeric:.6g}"])

    def parts(self, returned: Any, *names: str) -> Any:
        """Return a returned tuple after a look at its length: ``loss, dW = answer.parts(...)``.

        Parameters
        ----------
        returned : tuple or list
        *names : str
            What each part is called.

        Returns
        -------
        returned : tuple or list
        """
        if not _is_tuple_of(returned, len(names)):
            raise self.wrong(_count_problem(returned, names), describe("returned", {"": returned}))
        return returned

    @staticmethod
    def fits(returned: Any, like: Any) -> bool:
        """Say whether a value has type and shape of an array and is finite.

        Parameters
        ----------
        returned, like : number or array

        Returns
        -------
        bool
        """
        return _form_problem(returned, np.asarray(like)) is None

    def holds(self, condition: Any, line: str, details: Iterable[str] = ()) -> None:
        """Ask for what is true of a right answer.

        Parameters
        ----------
        condition : bool
        line : str
        details : iterable of str
            Of the ``Wrong`` that is raised where the condition is false.
        """
        if not condition:
            raise self.wrong(line, details)

    def wrong(self, line: str, details: Iterable[str] = ()) -> Wrong:
        """Return the error to raise, with the last call among its details.

        Parameters
        ----------
        line : str
        details : iterable of str

        Returns
        -------
        Wrong
        """
        return Wrong(line, [*self.called, *details])


def diagnosis(grad: Any, loss: Callable[..., float], at: Any, name: str, **context: Any) -> str:
    """Name in one line what is likely to be wrong with a gradient; the doctor's place.

    Parameters
    ----------
    grad : array of the shape of ``at``
    loss : callable
    at : float64 array
    name : str
    **context
        As in ``Answer.gradient``.

    Returns
    -------
    str
    """
    return gradcheck.diagnose(np.asarray(grad), loss, at, name=name, **context).message


# Comparing -------------------------------------------------------------------------------------


def _problem(returned, want, rtol, atol, names=None):
    """Say in a clause what is wrong with a value, or with a part of a tuple; None if nothing is."""
    if isinstance(want, tuple):
        if not _is_tuple_of(returned, len(want)):
            return _count_problem(returned, names)
        for name, part, wanted in zip(names, returned, want, strict=True):
            if problem := _problem(part, wanted, rtol, atol, [name]):
                return problem
        return None
    want = np.asarray(want)
    problem = _form_problem(returned, want)
    if problem is None and not _close(returned, want, rtol, atol):
        problem = _pattern(np.asarray(returned), want) or "the value is wrong"
    return f"{names[0]}: {problem}" if problem and names else problem


def _type_problem(value):
    """Say what is wrong with an array of a type that our arithmetic cannot use; None if nothing."""
    if not isinstance(value, (np.ndarray, np.generic)):
        return None
    if value.dtype == np.float16:
        return "returns float16, which keeps three digits and ends at 65504; compute in float64"
    if value.dtype.kind not in NUMBERS:
        return f"returns {kind_words(value)}; wanted numbers, of type float64 say"
    return None


def _form_problem(returned, want):
    """The rungs of type, shape and finiteness."""
    wanted = shape_words(want.shape)
    if returned is None:
        return f"returns nothing; wanted {wanted}. Is the return missing?"
    try:
        value = np.asarray(returned)
        kind = value.dtype.kind
    except ValueError:  # rows of different lengths
        return f"returns {kind_words(returned)} with rows of different lengths; wanted {wanted}"
    if kind not in NUMBERS:
        return f"returns {kind_words(returned)}; wanted {wanted}"
    if problem := _type_problem(returned):
        return problem
    if value.shape != want.shape:
        return f"returns {shape_words(value.shape)}; wanted {wanted}"
    if not np.all(np.isfinite(value)) and np.all(np.isfinite(want)):
        bad = "NaN" if np.any(np.isnan(value)) else "infinite"
        share = "" if value.ndim == 0 else f" in {np.sum(~np.isfinite(value))} of {value.size}"
        return f"the value is {bad}{share}"
    return None


def _close(returned, want, rtol, atol):
    returned = np.asarray(returned)
    if returned.dtype == np.float32:  # right, and rounded
        rtol = max(rtol, 1e-4)
        atol = max(atol, 1e-6 * float(np.max(np.abs(want), initial=0)))
    return bool(np.allclose(returned, want, rtol=rtol, atol=atol, equal_nan=True))


def _recognised(returned, mistakes, rtol=1e-6, atol=1e-9):
    """Return the line of the first known mistake that gives this value, or None."""
    for line, mistaken in (mistakes or {}).items():
        alternatives = mistaken if isinstance(mistaken, list) else [mistaken]
        if any(_matches(returned, alternative, rtol, atol) for alternative in alternatives):
            return line
    return None


def _matches(returned, mistaken, rtol, atol):
    """Say whether a value is what a known mistake gives; None stands for any value."""
    if mistaken is None:
        return True
    if isinstance(mistaken, tuple):
        return _is_tuple_of(returned, len(mistaken)) and all(
            _matches(part, wrong, rtol, atol)
            for part, wrong in zip(returned, mistaken, strict=True)
        )
    mistaken = np.asarray(mistaken)
    if np.all(np.isfinite(mistaken)) and _form_problem(returned, mistaken):
        return False
    return np.shape(returned) == mistaken.shape and _close(returned, mistaken, rtol, atol)


def _default_names(want):
    return [f"part {i + 1}" for i in range(len(want))] if isinstance(want, tuple) else None


def _count_problem(returned, names):
    got = "nothing; is the return missing?" if returned is None else kind_words(returned)
    return f"wanted {len(names)} values, {', '.join(names)}; got {got}"


def _is_tuple_of(value, length):
    return isinstance(value, (tuple, list)) and len(value) == length


def _pattern(returned, want):
    """Recognise what any answer can do wrong: a constant factor, a transposition."""
    square = want.ndim == 2 and want.shape[0] == want.shape[1]
    if square and np.allclose(returned, want.T, rtol=1e-4):
        return "it is the transpose of the right one"
    seen = np.abs(want) > 1e-9 * np.max(np.abs(want), initial=1e-300)
    if not np.any(seen) or np.any(np.abs(returned[~seen]) > 1e-9):
        return None
    ratios = np.real(returned[seen] / want[seen])
    ratio = float(ratios.flat[0])
    if not np.allclose(ratios, ratio, rtol=1e-4, atol=0):
        return None
    if np.isclose(ratio, -1, rtol=1e-4):
        return "it has the wrong sign"
    if want.size == 1 and not _is_simple(ratio):
        return None  # two numbers always have a ratio
    return "it is zero" if ratio == 0 else f"it is {ratio:.4g} times the right one"


def _is_simple(ratio):
    return any(np.isclose(ratio, simple, rtol=1e-4) for simple in (0, 2, -2, 0.5, -0.5))


def _contrast(returned, want, names, rtol, atol):
    """The lines that show what came and what was wanted."""
    if isinstance(want, tuple):
        if not _is_tuple_of(returned, len(want)):
            return describe("returned", {"": returned})
        lines = []
        for name, part, wanted in zip(names, returned, want, strict=True):
            if _problem(part, wanted, rtol, atol):
                lines += _contrast(part, wanted, [name], rtol, atol)
        return lines
    name = names[0] if names else ""
    lines = describe("returned", {name: returned}) + describe("expected", {name: want})
    want = np.asarray(want)
    # NaN is wanted nowhere in particular: so this asks for type and shape alone.
    if want.size > 24 and _form_problem(returned, np.full(want.shape, np.nan)) is None:
        off = ~np.isclose(returned, want, rtol=rtol, atol=atol, equal_nan=True)
        index = tuple(int(i) for i in np.argwhere(off)[0])
        values = f"{np.asarray(returned)[index]:.6g} for {want[index]:.6g}"
        lines.append(f"first at    index {index}: {values}; {off.sum()} of {off.size} are wrong")
    return lines


# What was called -----------------------------------------------------------------------------


def _named(function, args, kwargs):
    try:
        return dict(inspect.signature(function).bind(*args, **kwargs).arguments)
    except (TypeError, ValueError):  # the call itself will say what does not fit
        return {f"argument {i + 1}": value for i, value in enumerate(args)} | kwargs


def _file_of(answer):
    """Return the file, or the cell, in which a function or class was written; "" if unknown."""
    parts = list(vars(answer).values()) if isinstance(answer, type) else [answer]
    codes = [inspect.unwrap(part).__code__ for part in parts if inspect.isfunction(part)]
    return codes[0].co_filename if codes else ""
