"""The ladder of messages that an answer climbs, rung by rung.

Not implemented -> raises -> wrong type or shape -> not finite -> wrong value (called with,
returned, expected) -> gradient against finite differences -> a known mistake, named. The first rung
that does not hold ends the check with one line of diagnosis; details follow. ``Answer.agrees``
judges several calls together, and names a cause only where all of them bear it out.
"""

import copy
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from vae_numpy import gradcheck
from vae_numpy.exercises import compare, guard, recognise
from vae_numpy.exercises.words import describe


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
    cause : bool
        Whether the line names a cause, and not only what was seen.
    """

    def __init__(self, line: str, details: Iterable[str] = (), cause: bool = False) -> None:
        super().__init__(line)
        self.line, self.details, self.cause = line, list(details), cause


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
        self.seen: Wrong | None = None  # what stands already, while its cause is looked for

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
            if problem := compare.type_problem(part):
                raise self.wrong(problem, describe("returned", {"": returned}))
        return returned

    def agrees(
        self,
        right: Callable[..., Any],
        draw: Callable[[np.random.Generator], Iterable[Any]],
        *,
        mistakes: recognise.KnownMistakes | None = None,
        first: Sequence[tuple] = (),
        names: Sequence[str] | None = None,
        call: Callable[..., Any] | None = None,
        n_calls: int = 6,
        rtol: float = 1e-6,
        atol: float = 1e-9,
    ) -> None:
        """Call the answer several times, and judge all the calls together.

        A known mistake, or a general one of ``recognise``, is named only if every call bears it
        out. Where none does, the smallest call that fails is shown.

        Parameters
        ----------
        right : callable
            What the answer should be, written in another way than the solution: a loop, a closed
            form. It takes the arguments of a call; their names are used in the verdict.
        draw : callable
            Takes a generator and returns the arguments of a generic call: all sizes different, no
            number special. See ``cases``.
        mistakes : dict of str: function, or several, optional
            The line for each known mistake, and a function of the arguments that makes it. It
            returns what ``right`` returns; in a tuple, None for a part that does not matter.
        first : sequence of tuple
            The arguments of calls picked by hand, to be made before the others.
        names : tuple of str, optional
            What to call the parts of a tuple, or ``("loss",)`` for what is not one.
        call : callable, optional
            What makes of the arguments the value to compare, for a class say; it calls the reader's
            code by ``answer`` or ``answer.call``. By default the answer itself.
        n_calls : int
            How many generic calls, at least three.
        rtol, atol : float
            As in ``numpy.isclose``; an answer in float32 is granted 1e-4.
        """
        ask, signature, calls = call or self, inspect.signature(right), []
        for args in [*first, *recognise.drawn(draw, n_calls)]:
            bound = signature.bind(*args)
            bound.apply_defaults()
            want = right(*recognise.copied(args))
            returned = ask(*recognise.copied(args))
            shown = describe("called with", bound.arguments) if call else self.called
            calls.append(recognise.Call(bound.arguments, _kept(returned), want, shown))
        names = names or compare.default_names(calls[0].want)
        wrong = [
            (one, said)
            for one in calls
            if (said := compare.problem(one.returned, one.want, rtol, atol, names))
        ]
        if not wrong:
            return
        smallest, said = min(wrong, key=lambda pair: pair[0].size())
        if len(wrong) < len(calls):
            said += f", in {len(wrong)} of {len(calls)} calls"
        self.called = list(smallest.called)
        details = compare.contrast(smallest.returned, smallest.want, names, rtol, atol)
        self.seen = self.wrong(said, details)
        cause = recognise.cause(
            calls, right, mistakes=mistakes, names=names, ask=ask, rtol=rtol, atol=atol
        )
        raise Wrong(cause, self.seen.details, cause=True) if cause else self.seen

    def gives(
        self,
        want: Any,
        *args: Any,
        rtol: float = 1e-6,
        atol: float = 1e-9,
        names: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Call the answer once and compare what it returns with what is wanted.

        For an edge, or where ``agrees`` cannot be used: one call that agrees is a weak proof.

        Parameters
        ----------
        want : number, array, or a tuple of them
            The right value; not finite where the right value is not.
        *args
            What the answer is called with.
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
        returned = self(*args, **kwargs)
        self.compare(returned, want, rtol=rtol, atol=atol, names=names)
        return returned

    def compare(
        self,
        returned: Any,
        want: Any,
        *,
        rtol: float = 1e-6,
        atol: float = 1e-9,
        names: Sequence[str] | None = None,
    ) -> None:
        """Compare a value of the last call with what is wanted.

        Parameters
        ----------
        returned : number, array, or a tuple of them
        want : number, array, or a tuple of them
        rtol, atol : float
        names : tuple of str, optional
            As in ``gives``.
        """
        names = names or compare.default_names(want)
        problem = compare.problem(returned, want, rtol, atol, names)
        if problem:
            valued = problem.endswith("the value is wrong")
            cause = compare.pattern(returned, want, names) if valued else None
            details = compare.contrast(returned, want, names, rtol, atol)
            raise self.wrong(cause or problem, details, cause=cause is not None)

    def form(self, returned: Any, like: Any, *, name: str | None = None) -> None:
        """Compare type, shape and finiteness with those of an array, not the values.

        Parameters
        ----------
        returned, like : number or array
        name : str, optional
            What to call it.
        """
        if problem := compare.form_problem(returned, np.asarray(like)):
            line = f"{name}: {problem}" if name else problem
            raise self.wrong(line, describe("returned", {name or "": returned}))

    def gradient(
        self,
        grad: Any,
        loss: Callable[..., float],
        at: Any,
        *,
        name: str = "the gradient",
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
        **context
            What else helps the gradient doctor: ``batch_size``, ``n_features``, ``terms``, ...
        """
        self.form(grad, at, name=name)
        tolerance = 1e-4 if np.asarray(grad).dtype == np.float32 else 1e-6
        verdict = gradcheck.check_gradient(loss, at, grad, tolerance=tolerance)
        if not verdict:
            context["tolerance"] = tolerance
            found = gradcheck.diagnose(np.asarray(grad), loss, at, name=name, **context)
            cause = found.mistake not in (None, "unknown", "shape")
            place = f"at index {verdict.worst}: {name} is {verdict.grad:.6g}"
            details = [f"{place}, finite differences say {verdict.numeric:.6g}"]
            raise self.wrong(found.message, details, cause=cause)

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
        if not compare.is_tuple_of(returned, len(names)):
            line = compare.count_problem(returned, names)
            raise self.wrong(line, describe("returned", {"": returned}))
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
        return compare.form_problem(returned, np.asarray(like)) is None

    def holds(
        self, condition: Any, line: str, details: Iterable[str] = (), *, cause: bool = True
    ) -> None:
        """Ask for what is true of a right answer.

        Parameters
        ----------
        condition : bool
        line : str
        details : iterable of str
        cause : bool
            Of the ``Wrong`` that is raised where the condition is false: False for a line that
            says what was seen and not why.
        """
        if not condition:
            raise self.wrong(line, details, cause=cause)

    def wrong(self, line: str, details: Iterable[str] = (), *, cause: bool = False) -> Wrong:
        """Return the error to raise, with the last call among its details.

        Parameters
        ----------
        line : str
        details : iterable of str
        cause : bool
            Whether the line names a cause.

        Returns
        -------
        Wrong
        """
        return Wrong(line, [*self.called, *details], cause)


def _kept(returned):
    """Return what was returned as it is now: an answer may write into the same array again."""
    try:
        return copy.deepcopy(returned)
    except Exception:  # of a kind that cannot be copied, nor compared
        return returned


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
