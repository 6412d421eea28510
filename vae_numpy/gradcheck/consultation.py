"""The doctor asked about all gradients of one operation at once, such as those of a dense layer."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from vae_numpy._types import ArrayLike, FloatArray
from vae_numpy.gradcheck.differences import Differences, differences
from vae_numpy.gradcheck.doctor import Case, Diagnosis
from vae_numpy.gradcheck.suspects import Features, Suspect, from_noise, from_previous

Gradients: TypeAlias = dict[str, FloatArray]  # by name, such as "dW"
# What is to be judged: gradients by name, one alone, or a function that returns such.
Found: TypeAlias = Mapping[str, ArrayLike | None] | ArrayLike
Given: TypeAlias = Found | Callable[[], Found]
Arguments: TypeAlias = dict[str, Any]  # of an operation: arrays, None or an activation's name
# Values of an operation's arguments, by name, where they differ from those of this step.
Changed: TypeAlias = Mapping[str, ArrayLike]
Through: TypeAlias = Callable[[Gradients], Gradients]  # from gradients here to some further back


class Operation(NamedTuple):
    """What is differentiated: all functions take the operation's arguments by name.

    Attributes
    ----------
    inputs : dict
        The name of each gradient, and the argument that it is taken in.
    loss : callable
        Returns a number.
    gradients : callable
        Returns the right gradients, by name.
    suspects : callable
        Returns a list of (mistake, message, gradients by name after the mistake).
    """

    inputs: dict[str, str]
    loss: Callable[..., float]
    gradients: Callable[..., Gradients]
    suspects: Callable[..., list[tuple[str, str, Gradients]]]


def as_float64(**arrays: ArrayLike | None) -> Arguments:
    """Copy the arrays to float64; leave what is None."""
    return {k: a if a is None else np.array(a, np.float64) for k, a in arrays.items()}


def consult(
    operation: Operation,
    gradients: Given,
    arguments: Arguments,
    *,
    n_features: Features,
    known: Arguments | None = None,
    terms: Mapping[str, Changed] | None = None,
    previous: Changed | None = None,
    other_noise: Sequence[Changed] = (),
    through: Through | None = None,
    tolerance: float | None = None,
) -> Diagnosis:
    """Judge each gradient and return the Diagnosis to be shown first."""
    back = through or (lambda here: here)
    right = operation.gradients(**arguments)
    ends = back(right)
    if callable(gradients):
        first, again = (_by_name(gradients(), ends) for _ in range(2))
    else:
        first, again = _by_name(gradients, ends), {}
    slopes = _slopes(operation, arguments, through, first)
    suspects = [
        (mistake, message, back({**right, **wrong}))
        for mistake, message, wrong in operation.suspects(**arguments, **(known or {}))
    ]
    others = [back(operation.gradients(**arguments | as_float64(**other))) for other in other_noise]
    earlier = previous and back(operation.gradients(**arguments | as_float64(**previous)))
    parts = {
        term: back(operation.gradients(**arguments | as_float64(**changed)))
        for term, changed in (terms or {}).items()
    }

    diagnoses = []
    for key, given in first.items():
        case = Case(
            key,
            slopes[key],
            tolerance=tolerance,
            batch_size=len(next(iter(arguments.values()))),
            n_features=n_features,
        )
        foreseen = [Suspect(mistake, wrong[key], told) for mistake, told, wrong in suspects]
        foreseen += from_noise([other[key] for other in others])
        foreseen += from_previous(earlier[key], ends[key]) if earlier else []
        for name in first:
            if name != key:
                message = f"has the numbers of {name}: are two gradients in each other's place?"
                foreseen.append(Suspect("swapped", ends[name], message))
        if given is None and key == "db":
            given = np.zeros_like(ends[key])  # a bias without a gradient, put differently
        pieces = {term: part[key] for term, part in parts.items()}
        diagnoses.append(case.judge(given, foreseen, pieces, again=again.get(key)))
    return _first(diagnoses)


def _by_name(gradients: Any, wanted: Gradients) -> dict[str, ArrayLike | None]:
    """Check the names; return a dict of copies, for a function may write into its arrays again.

    ``gradients`` is what the learner's function returned, and that may be anything.
    """
    if len(wanted) == 1 and not isinstance(gradients, dict):
        gradients = dict.fromkeys(wanted, gradients)
    names = ", ".join(repr(name) for name in wanted)
    if not isinstance(gradients, dict):
        got = type(gradients).__name__
        raise TypeError(f"gradients must be a dict with keys out of {names}, got {got}")
    if not gradients or not set(gradients) <= set(wanted):
        raise ValueError(f"gradients must have keys out of {names}, got {list(gradients)}")
    return copy.deepcopy(gradients)


def _slopes(
    operation: Operation,
    arguments: Arguments,
    through: Through | None,
    wanted: Mapping[str, ArrayLike | None],
) -> dict[str, Differences]:
    """Return the Differences of each wanted gradient, here or, with ``through``, further back."""
    here = {
        key: differences(lambda _: operation.loss(**arguments), arguments[name])
        for key, name in operation.inputs.items()
        if arguments[name] is not None and (through or key in wanted)
    }
    if through is None:
        return here
    central = {key: s.central for key, s in here.items()}
    # What differences can see grows with the numbers.
    unit = max(float(abs(g).max()) for g in central.values())
    resolution = max(s.resolution for s in here.values())
    return {
        key: Differences(
            end, end, end, resolution * float(abs(end).max()) / unit if unit else resolution
        )
        for key, end in through(central).items()
    }


def _first(diagnoses: list[Diagnosis]) -> Diagnosis:
    """Choose what to show: the first wrong gradient, with a name if one has a name."""
    wrong = [d for d in diagnoses if not d]
    if wrong:
        return min(wrong, key=lambda d: d.mistake == "unknown")
    names = ", ".join(d.where for d in diagnoses)
    error = max(d.error for d in diagnoses)
    message = f"{names} {'is' if len(diagnoses) == 1 else 'are'} right: relative error {error:.1e}"
    return Diagnosis(None, message, error, where=names)
