"""The ladder of messages that an answer climbs, rung by rung.

Not implemented -> raises -> wrong type or shape -> not finite -> wrong value (called with,
returned, expected) -> gradient against finite differences -> a known mistake, named. The first rung
that does not hold ends the check with one line of diagnosis; details follow. A mistake that is
recognised gives the line, at whatever rung it was found.
"""

import inspect

import numpy as np

from vae_numpy.exercises import guard
from vae_numpy.gradcheck import check_gradient


class NotStarted(Exception):
    """The answer still says ``raise NotImplementedError``."""


class Wrong(Exception):
    """The answer is wrong: one line of diagnosis, and lines of detail."""

    def __init__(self, line, details=()):
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

    def __init__(self, function):
        self.function = function
        self.file = _file_of(function)
        self.called = []  # the lines that describe the last call

    def __call__(self, *args, may_change=(), **kwargs):
        """Call the answer under guard; return what it returns. See ``call``."""
        return self.call(self.function, *args, may_change=may_change, **kwargs)

    def call(self, function, *args, may_change=(), **kwargs):
        """Call a function or method of the reader's under guard; return what it returns.

        An exception, a changed array among the arguments (but for those named in ``may_change``)
        and a touched global random state are ``Wrong``.
        """
        given = _named(function, args, kwargs)
        kept = guard.kept_arrays(given)
        self.called = describe("called with", given) if given else ["called without arguments"]
        state = guard.global_random_state()
        try:
            returned = function(*args, **kwargs)
        except NotImplementedError as error:
            raise NotStarted(guard.readers_frame(error, self.file)[2]) from None
        except (Exception, SystemExit) as error:
            raise self._raised(error) from None
        if guard.global_random_state() != state:
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
        return returned

    def gives(self, want, *args, mistakes=None, rtol=1e-6, atol=1e-9, names=None, **kwargs):
        """Call the answer and compare what it returns with ``want``; return it.

        Parameters
        ----------
        want : number, array, or a tuple of them
            The right value; not finite where the right value is not.
        *args, **kwargs
            What the answer is called with.
        mistakes : dict of str: value or callable, optional
            The line for each known mistake, and what it returns: in the form of ``want``, with
            None for a part of a tuple that does not matter; or a function of the same arguments.
        rtol, atol : float
            As in ``numpy.isclose``; an answer in float32 is granted 1e-4.
        names : tuple of str, optional
            What to call the parts of a tuple, or ``("loss",)`` for what is not one.
        """
        returned = self(*args, **kwargs)
        known = {
            line: value(*args, **kwargs) if callable(value) else value
            for line, value in (mistakes or {}).items()
        }
        self.compare(returned, want, mistakes=known, rtol=rtol, atol=atol, names=names)
        return returned

    def compare(self, returned, want, *, mistakes=None, rtol=1e-6, atol=1e-9, names=None):
        """Compare a value of the last call with ``want``; arguments as in ``gives``."""
        problem = None
        if isinstance(want, tuple):
            names = names or tuple(f"part {i + 1}" for i in range(len(want)))
            if not isinstance(returned, (tuple, list)) or len(returned) != len(want):
                problem = f"wanted {len(want)} values, {', '.join(names)}; got {_kind(returned)}"
            else:
                for name, part, wanted in zip(names, returned, want, strict=True):
                    if problem := _problem(part, wanted, rtol, atol):
                        problem = f"{name}: {problem}"
                        break
        else:
            problem = _problem(returned, want, rtol, atol)
            if problem and names:
                problem = f"{names[0]}: {problem}"
        if problem:
            for line, mistaken in (mistakes or {}).items():
                if _matches(returned, mistaken, rtol, atol):
                    problem = line
                    break
            raise self.wrong(problem, _contrast(returned, want, names, rtol, atol))

    def gradient(self, grad, loss, at, *, name="the gradient", mistakes=None):
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
        """
        if not self._is_array(grad, at.shape, name, mistakes):
            return
        tolerance = 1e-4 if np.asarray(grad).dtype in (np.float32, np.float16) else 1e-6
        verdict = check_gradient(loss, at, grad, tolerance=tolerance)
        if verdict:
            return
        line = next(
            (line for line, wrong in (mistakes or {}).items() if _matches(grad, wrong, 1e-6, 1e-9)),
            None,
        )
        line = line or f"{name}: {diagnosis(grad, loss, at)}"
        place = f"at index {verdict.worst} {name} is {verdict.grad:.6g}"
        raise self.wrong(line, [f"{place}, finite differences say {verdict.numeric:.6g}"])

    def holds(self, condition, line, details=()):
        """Raise ``Wrong`` with this line unless ``condition`` is true."""
        if not condition:
            raise self.wrong(line, details)

    def wrong(self, line, details=()):
        """Return the ``Wrong`` to raise, with the last call among its details."""
        return Wrong(line, [*self.called, *details])

    def _raised(self, error):
        number, text, _ = guard.readers_frame(error, self.file)
        message = str(error).splitlines()[0] if str(error) else "without a message"
        where = f"line {number}: {text}" if number else "before its first line"
        return self.wrong(f"raises {type(error).__name__}: {message}", [f"at {where}"])

    def _is_array(self, value, shape, name, mistakes):
        """Check type, shape and finiteness of a gradient; say whether it is worth going on."""
        problem = _form_problem(value, np.zeros(shape))
        if problem is None:
            return True
        for line, mistaken in (mistakes or {}).items():
            if _matches(value, mistaken, 1e-6, 1e-9):
                problem = line
                break
        else:
            problem = f"{name}: {problem}"
        raise self.wrong(problem, describe("returned", {name: value}))


def diagnosis(grad, loss, at):
    """Name what is likely to be wrong with a gradient, in a clause.

    The one place where ``vae_numpy.gradcheck.diagnose`` will be asked.
    """
    from vae_numpy.gradcheck import numerical_gradient

    pattern = _pattern(np.asarray(grad, float), numerical_gradient(loss, at), 1e-4)
    return pattern or "it does not agree with finite differences of the loss"


# Comparing -------------------------------------------------------------------------------------


def _problem(returned, want, rtol, atol):
    """Say in a clause what is wrong with a value, or return None."""
    want = np.asarray(want)
    if problem := _form_problem(returned, want):
        return problem
    if _close(returned, want, rtol, atol):
        return None
    return _pattern(np.asarray(returned), want, 1e-4) or "the value is wrong"


def _form_problem(returned, want):
    """The rungs of type, shape and finiteness."""
    wanted = _shape_words(want.shape)
    if returned is None:
        return f"returns nothing; wanted {wanted}. Is the return missing?"
    try:
        value = np.asarray(returned)
        kind = value.dtype.kind
    except ValueError:  # rows of different lengths
        return f"returns {_kind(returned)} with rows of different lengths; wanted {wanted}"
    if kind not in "biufc":
        return f"returns {_kind(returned)}; wanted {wanted}"
    if value.shape != want.shape:
        return f"returns {_shape_words(value.shape)}; wanted {wanted}"
    if not np.all(np.isfinite(value)) and np.all(np.isfinite(want)):
        bad = "NaN" if np.any(np.isnan(value)) else "infinite"
        share = "" if value.ndim == 0 else f" in {np.sum(~np.isfinite(value))} of {value.size}"
        return f"the value is {bad}{share}"
    return None


def _close(returned, want, rtol, atol):
    returned = np.asarray(returned)
    if returned.dtype in (np.float32, np.float16):  # right, and rounded
        rtol = max(rtol, 1e-4)
        atol = max(atol, 1e-6 * float(np.max(np.abs(want), initial=0)))
    return bool(np.allclose(returned, want, rtol=rtol, atol=atol, equal_nan=True))


def _matches(returned, mistaken, rtol, atol):
    """Say whether a value is what a known mistake gives."""
    if isinstance(mistaken, tuple):
        return (
            isinstance(returned, (tuple, list))
            and len(returned) == len(mistaken)
            and all(
                wrong is None or _matches(part, wrong, rtol, atol)
                for part, wrong in zip(returned, mistaken, strict=True)
            )
        )
    try:
        value = np.asarray(returned)
        same_form = value.dtype.kind in "biufc" and value.shape == np.shape(mistaken)
    except ValueError:
        return False
    return same_form and _close(value, np.asarray(mistaken), rtol, atol)


def _pattern(returned, want, rtol):
    """Recognise what any answer can do wrong: a factor, a constant on top, a transposition."""
    if want.ndim == 2 and want.shape[0] == want.shape[1]:
        if np.allclose(returned, want.T, rtol=rtol):
            return "it is the transpose of the right one"
    seen = np.abs(want) > 1e-9 * np.max(np.abs(want), initial=1e-300)
    if not np.any(seen) or np.any(np.abs(returned[~seen]) > 1e-9):
        return None
    ratios = np.real(returned[seen] / want[seen])
    ratio = float(ratios.flat[0])
    if not np.allclose(ratios, ratio, rtol=rtol, atol=0):
        return None
    if np.isclose(ratio, -1, rtol=rtol):
        return "it has the wrong sign"
    if want.size == 1 and not _is_simple(ratio):
        return None  # two numbers always have a ratio
    if ratio == 0:
        return "it is zero"
    return f"it is {ratio:.4g} times the right one"


def _is_simple(ratio):
    return any(np.isclose(ratio, simple, rtol=1e-4) for simple in (0, 2, -2, 0.5, -0.5))


# Words -----------------------------------------------------------------------------------------


def describe(title, values):
    """Return lines that show values by name: ``called with  x = [1, 2]  float64 of shape (2,)``."""
    lines, width = [], max(len(name) for name in values)
    for name, value in values.items():
        head = f"{title if not lines else '':<12}{name:<{width}} = "
        first, *rest = show(value)
        lines.append(head + first)
        lines.extend(" " * len(head) + line for line in rest)
    return lines


def show(value):
    """Return the lines of a short picture of a value; of a large array, form and first entries."""
    if isinstance(value, np.ndarray) and value.ndim:
        if value.size <= 24:
            text = np.array2string(value, precision=6, separator=", ", max_line_width=70)
        else:
            first = ", ".join(f"{x:.6g}" for x in value.flat[:4])
            text = f"[{first}, ...]"
        return f"{text}  {value.dtype}, shape {value.shape}".splitlines()
    if isinstance(value, (float, np.floating)):
        return [f"{value:.10g}"]
    if callable(value):
        return [getattr(value, "__name__", type(value).__name__)]
    text = repr(value).splitlines() or [""]
    return [line if len(line) < 90 else line[:87] + "..." for line in text[:8]]


def _contrast(returned, want, names, rtol, atol):
    """The lines that show what came and what was wanted."""
    if isinstance(want, tuple):
        if not isinstance(returned, (tuple, list)) or len(returned) != len(want):
            return describe("returned", {"": returned})
        lines = []
        for name, part, wanted in zip(names, returned, want, strict=True):
            if _problem(part, wanted, rtol, atol):
                lines += describe("returned", {name: part}) + describe("expected", {name: wanted})
        return lines
    name = names[0] if names else ""
    lines = describe("returned", {name: returned}) + describe("expected", {name: want})
    want = np.asarray(want)
    if want.size > 24 and np.shape(returned) == want.shape:
        off = ~np.isclose(returned, want, rtol=rtol, atol=atol, equal_nan=True)
        index = tuple(int(i) for i in np.argwhere(off)[0])
        values = f"{np.asarray(returned)[index]:.6g} for {want[index]:.6g}"
        lines.append(f"first at    index {index}: {values}; {off.sum()} of {off.size} are wrong")
    return [line.replace("  =", "", 1) for line in lines] if not name else lines


def _shape_words(shape):
    return f"an array of shape {shape}" if shape else "a number"


def _kind(value):
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, np.ndarray):
        return _shape_words(value.shape)
    return f"an object of type {type(value).__name__}"


def _named(function, args, kwargs):
    try:
        return dict(inspect.signature(function).bind(*args, **kwargs).arguments)
    except (TypeError, ValueError):  # the call itself will say what does not fit
        return {f"argument {i + 1}": value for i, value in enumerate(args)} | kwargs


def _file_of(function):
    try:
        return inspect.unwrap(function).__code__.co_filename
    except (AttributeError, ValueError):
        try:
            return inspect.getfile(function)
        except (TypeError, OSError):  # a class of a notebook, a NumPy function
            methods = (
                [m for m in vars(function).values() if hasattr(m, "__code__")]
                if isinstance(function, type)
                else []
            )
            return methods[0].__code__.co_filename if methods else ""
