"""What the checks recognise over several calls: each fault, and nothing in a strange answer."""

import numpy as np
import pytest

from vae_numpy import exercises
from vae_numpy.exercises import cases, catalogue, compare, recognise, words


@pytest.fixture
def verdict(monkeypatch):
    """Return a function: the verdict on an answer that should agree with ``right``."""

    def examine(answer, right, draw, seconds=10, **how):
        def check(under_check):
            under_check.agrees(right, draw, **how)

        asked = {"trains": "x", "difficulty": "easy", "minutes": 1, "hints": ["a"]}
        made = catalogue.exercise("1.1", seconds=seconds, **asked)
        monkeypatch.setattr(exercises, "find", lambda number: made(check))
        return exercises.examine("1.1", answer)

    return examine


def table(rng):
    N, D = cases.sizes(rng, 2)
    return (cases.numbers(rng, N, D),)


def weighed(rng):
    N, D = cases.sizes(rng, 2)
    return cases.numbers(rng, N, D), cases.number(rng, 1, 4), int(rng.integers(2, 9))


def loud(x):
    """By loops: the mean square of each column, and twice the mean."""
    return np.array([sum(v * v + 2 * v for v in column) / len(column) for column in x.T])


def straight(x):
    return (x**2 + 2 * x).mean(axis=0)


def rows(x):
    return np.array([[v + 3 * row[0] for v in row] for row in x])


def number(x):
    return float(sum(v**2 for v in x.ravel()) / len(x))


def power(x, beta, k):
    return np.array([sum(row) * beta**2 + k for row in x])


def spread(x):
    return np.array([np.mean([(v - np.mean(column)) ** 2 for v in column]) for column in x.T])


class Kept:
    """An answer that hands out what was right at the call before."""

    value = np.zeros(())

    def __call__(self, x):
        before, self.value = self.value, number(x)
        return before


def box():
    kept = Kept()
    return lambda x: kept(x)


# A name for the fault: (answer, right, arguments, what the line says)
FAULTS = {
    "sign": (lambda x: -loud(x), loud, table, "it has the wrong sign"),
    "twice": (lambda x: 2 * number(x), number, table, "it is 2 times the right one"),
    "half": (lambda x: number(x) / 2, number, table, "it is 1/2 times the right one"),
    "a third": (lambda x: loud(x) / 3, loud, table, "it is 1/3 times the right one"),
    "in bits": (lambda x: number(x) / np.log(2), number, table, "1 / ln 2 (bits for nats?)"),
    "zero": (lambda x: 0 * loud(x), loud, table, "it is zero"),
    "N": (lambda x: len(x) * loud(x), loud, table, "it is N times the right one (N = "),
    "1/N": (lambda x: number(x) / len(x), number, table, "it is 1/N times the right one (N = "),
    "N^2": (lambda x: number(x) * len(x) ** 2, number, table, "it is N^2 times the right one"),
    "2 N": (lambda x: 2 * loud(x) * len(x), loud, table, "it is 2 N times the right one"),
    "columns": (lambda x: number(x) / x.shape[1], number, table, "n = "),
    "N D": (lambda x: number(x) * x.size, number, table, "it is N n times the right one"),
    "ddof": (lambda x: x.var(axis=0, ddof=1), spread, table, "as ddof=1 does"),
    "a factor given": (
        lambda x, beta, k: power(x, beta, k) * beta,
        power,
        weighed,
        "it is beta times the right one",
    ),
    "plus one": (lambda x: loud(x) + 1, loud, table, "1 is added to the right one"),
    "plus N": (lambda x: loud(x) + len(x), loud, table, "N is added to the right one"),
    "transposed": (lambda x: rows(x).T, rows, table, "it is the transpose of the right one"),
    "reversed": (lambda x: loud(x)[::-1], loud, table, "the order is reversed"),
    "sorted": (lambda x: np.sort(loud(x)), loud, table, "the right numbers in another order"),
    "rows turned": (lambda x: np.roll(rows(x), 1, axis=0), rows, table, "rows in another order"),
    "columns turned": (lambda x: np.roll(rows(x), 1, axis=1), rows, table, "columns in another"),
    "first missing": (lambda x: loud(x)[1:], loud, table, "the first entry is missing"),
    "last missing": (lambda x: loud(x)[:-1], loud, table, "the last entry is missing"),
    "one too many": (lambda x: np.append(loud(x), 1.5), loud, table, "an entry too many, the last"),
    "one array": (lambda x: np.array([rows(x)[-1]] * len(x)), rows, table, "handed out n times"),
    "squared": (lambda x: number(x) ** 2, number, table, "the square of the right one"),
    "root": (lambda x: np.sqrt(number(x)), number, table, "the square root of the right one"),
    "log": (lambda x: np.log(number(x)), number, table, "the logarithm of the right one"),
    "exp": (lambda x: np.exp(rows(x)), rows, table, "the exponential of the right one"),
    "sign lost": (lambda x: abs(rows(x)), rows, table, "the sign is lost"),
    "rounded": (lambda x: np.ceil(loud(x)), loud, table, "rounded up"),
    "not added up": (lambda x: (x**2).sum(axis=1) / len(x), number, table, "still be added up"),
    "added up": (lambda x: loud(x).sum(), loud, table, "it is the sum of the right entries"),
    "other axis": (
        lambda x: (x**2 + 2 * x).mean(axis=1),
        loud,
        table,
        "this is right for x.T in the place of x",
    ),
    "not centred": (lambda x: (x**2).mean(axis=0), spread, table, "mean of x is not taken off"),
    "centred": (lambda x: loud(x - x.mean(axis=0)), loud, table, "x centred"),
    "not squared": (lambda x, b, k: x.sum(axis=1) * b + k, power, weighed, "square root of beta"),
    "k - 1": (lambda x, b, k: power(x, b, k - 1), power, weighed, "1 is taken from the right one"),
    "twice beta": (lambda x, b, k: power(x, 2 * b, k), power, weighed, "2 beta in the place"),
    "beta ignored": (lambda x, b, k: power(x, 1.75, k), power, weighed, "beta is not used"),
    "first row": (lambda x: straight(x[1:]), loud, table, "x without the first row"),
    "always one": (lambda x: 3.5, number, table, "every call returns the same"),
    "stale": (box(), number, table, "what the call before should have returned"),
}


@pytest.mark.parametrize("answer, right, draw, line", FAULTS.values(), ids=FAULTS)
def test_each_fault_is_recognised(verdict, answer, right, draw, line):
    found = verdict(answer, right, draw)
    assert found.state == "wrong" and line in found.line and found.cause, found


STRANGE = {
    "inexact": (lambda x: number(x) * (1 + 1e-5), number, table),
    "cubes": (lambda x: (x**3).mean(axis=0), loud, table),
    "a sine": (lambda x: float(np.sin(x).sum()), number, table),
    "a mixture": (lambda x: rows(x) + np.outer(x[:, 0], x[0]), rows, table),
    "in any order": (lambda x: np.full(x.shape[1], np.sin(x.mean())), loud, table),
    "half right": (lambda x, b, k: x.sum(axis=1) * b**3 / (1 + b) + k, power, weighed),
}


@pytest.mark.parametrize("answer, right, draw", STRANGE.values(), ids=STRANGE)
def test_nothing_is_said_of_a_strange_one_and_the_smallest_call_is_shown(
    verdict, answer, right, draw
):
    seen = []

    def watched(*args):
        seen.append(sum(np.size(a) for a in args))
        return answer(*args)

    found = verdict(watched, right, draw)
    assert found.line == "the value is wrong" and not found.cause, found
    shown = found.details[0] + found.details[1]
    assert "called with" in shown and any("expected" in line for line in found.details)
    smallest = min(draw(np.random.default_rng([0, i]))[0].size for i in range(6))
    assert min(seen) - len(draw(np.random.default_rng(0))) + 1 == smallest


@pytest.mark.parametrize("right, answer, draw", [(loud, straight, table), (number, number, table)])
def test_a_right_answer_agrees(verdict, answer, right, draw):
    assert verdict(answer, right, draw)
    assert verdict(lambda x: np.float32(answer(x)), right, draw)


# Known mistakes ---------------------------------------------------------------------------------


def picked(x):
    """What only agrees with a mistake where x has one row."""
    return (x**2 + 2 * x).mean(axis=0) + np.sin(len(x) - 1)


def test_a_mistake_that_one_call_bears_out_is_not_named(verdict):
    one_row = (np.array([[1.5, 2.0]]),)
    mistakes = {"the mean is a sum": lambda x: loud(x) * len(x) + 0.0}
    found = verdict(picked, loud, table, first=[one_row], mistakes=mistakes)
    assert found.state == "wrong" and "sum" not in found.line and not found.cause
    assert "in 6 of 7 calls" in found.line


def test_a_mistake_that_all_calls_bear_out_is_named(verdict):
    mistakes = {"cubes": lambda x: (x**3).mean(axis=0), "sines": [np.sin, lambda x: np.cos(x)]}
    assert verdict(lambda x: (x**3).mean(axis=0), loud, table, mistakes=mistakes).line == "cubes"
    found = verdict(np.cos, loud, table, mistakes=mistakes)
    assert found.line == "sines" and found.cause


def test_two_mistakes_that_cannot_be_told_apart_are_both_named(verdict):
    mistakes = {"a": lambda x: loud(x) ** 3, "b": lambda x: straight(x) ** 3, "c": lambda x: x}
    found = verdict(lambda x: loud(x) ** 3, loud, table, mistakes=mistakes)
    assert found.line == "either a; or b"


def test_a_mistake_in_few_calls_only_is_no_cause(verdict):
    first = [(np.array([[7.0]]),), (np.array([[8.0]]),)]
    mistakes = {"cut at 5": lambda x: loud(np.minimum(x, 5.0))}
    found = verdict(lambda x: loud(np.minimum(x, 5.0)), loud, table, first=first, mistakes=mistakes)
    assert "in 2 of 8 calls" in found.line and not found.cause


def test_a_part_of_a_tuple_is_judged_alone(verdict):
    def right(x):
        return loud(x), number(x)

    def answer(x):
        return straight(x), len(x) * number(x)

    names = ("columns", "size")
    found = verdict(answer, right, table, names=names)
    assert found.line.startswith("size: it is N times the right one")
    mistakes = {"size: that of a sum": lambda x: (None, number(x) * len(x))}
    assert verdict(answer, right, table, names=names, mistakes=mistakes).line in mistakes
    assert "wanted 2 values" in verdict(loud, right, table, names=names).line


def test_the_form_comes_before_the_value(verdict):
    found = verdict(lambda x: rows(x)[:, :1] * 5 + 1, rows, table)
    assert "shape" in found.line and not found.cause
    assert "NaN" in verdict(lambda x: rows(x) * np.nan, rows, table).line


def test_a_class_is_judged_by_what_call_makes_of_it(verdict, monkeypatch):
    class Doubles:
        def forward(self, x):
            return 4 * loud(x)

    def check(answer):
        answer.agrees(loud, table, call=lambda x: answer.call(answer().forward, x))

    made = catalogue.exercise("1.1", trains="x", difficulty="easy", minutes=1, hints=["a"])
    monkeypatch.setattr(exercises, "find", lambda number: made(check))
    assert exercises.examine("1.1", Doubles).line == "it is 4 times the right one"


def test_the_search_for_a_cause_ends(verdict, monkeypatch):
    monkeypatch.setattr(recognise, "SECONDS", 0.0)
    found = verdict(lambda x: loud(x)[::-1], loud, table)
    assert found.line == "the value is wrong" and not found.cause


def test_time_that_our_own_search_takes_is_not_the_answers(verdict):
    def endless(x):
        while True:
            pass

    found = verdict(lambda x: 2 * straight(x), loud, table, seconds=0.3, mistakes={"x": endless})
    assert found.line == "the value is wrong" and not found.cause
    assert any("called with" in line for line in found.details)


def test_a_generator_is_shown_as_the_call_that_makes_it():
    rng = np.random.default_rng(3)
    assert words.show(rng) == ["np.random.default_rng(3)"]
    rng.normal()
    assert words.show(rng) == ["a generator that was drawn from before"]


def test_generic_numbers_are_no_multiples_of_a_quarter_and_sizes_differ():
    rng = np.random.default_rng(0)
    drawn = cases.numbers(rng, 50, 40)
    assert np.all(np.abs(drawn * 4 - np.round(drawn * 4)) > 1e-9)
    assert np.allclose(drawn, drawn.round(2)) and -2 <= drawn.min() < drawn.max() <= 2
    assert len(set(cases.sizes(rng, 6))) == 6


def test_slopes_and_gradients_are_those_of_the_closed_form():
    assert np.isclose(cases.slope(lambda v: v**3, 2.0), 12.0)

    def loss(x, w, power):
        return float(np.sum((x @ w) ** power))

    x, w = cases.numbers(np.random.default_rng(0), 4, 3), cases.numbers(np.random.default_rng(1), 3)
    dw, dx = cases.gradients_of(loss, "w", "x")(x, w, 2)
    assert np.allclose(dw, 2 * x.T @ (x @ w), atol=1e-6)
    assert np.allclose(dx, 2 * np.outer(x @ w, w), atol=1e-6)


def test_a_gradient_of_differences_judges_a_gradient(verdict):
    def loss(x):
        return float(np.sum(x**3)) / len(x)

    right = cases.gradients_of(loss, "x")
    how = {"names": ("dx",), "rtol": 1e-5, "atol": 1e-6}
    assert verdict(lambda x: 3 * x**2 / len(x), right, table, **how)
    found = verdict(lambda x: 3 * x**2, right, table, **how)
    assert found.line.startswith("dx: it is N times the right one") and "rows of x" in found.line


def test_the_size_of_a_call_counts_what_is_in_lists():
    call = recognise.Call({"weights": [np.ones((2, 3)), np.ones(4)], "rate": 0.1}, None, None)
    assert call.size() == 11


def test_one_number_is_never_a_factor():
    assert compare.pattern(2.0, 1.0) is None
    assert compare.pattern(np.array([2.0, 4.0, 6.0]), np.array([1.0, 2.0, 3.0])) is not None
