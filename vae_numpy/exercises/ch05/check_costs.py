"""The checks of chapter 5 on what a step costs, counted on paper."""

import numpy as np

from vae_numpy.exercises.catalogue import exercise


@exercise(
    "5.1",
    trains="counting what a training step costs before any of it is timed",
    difficulty="easy",
    minutes=10,
    hints=[
        "An entry of a product is a sum over the inner index: a multiplication and an addition for "
        "each term.",
        "All three products are made of the same three sizes; only their roles change.",
        "Each product touches the same three arrays, of N n_in, n_in n_out and N n_out numbers.",
    ],
    compare="for (128, 784, 400) it is 241 million operations, 43 for each byte",
)
def layer_cost(answer):
    def whole(n, n_in, n_out, itemsize=4):
        return 6 * n * n_in * n_out, 3 * itemsize * (n * n_in + n_in * n_out + n * n_out)

    def operations_off_by(factor):
        return lambda *sizes: (factor * whole(*sizes)[0], None)

    def without_results(n, n_in, n_out, itemsize=4):
        results = n * n_out + n_in * n_out + n * n_in
        return None, whole(n, n_in, n_out, itemsize)[1] - itemsize * results

    mistakes = {
        "operations: these are the multiplications alone; each comes with an addition": (
            operations_off_by(1 / 2)
        ),
        "operations: this is the forward product alone; the way back has two more": (
            operations_off_by(1 / 3)
        ),
        "operations: one product is missing, of the three": operations_off_by(2 / 3),
        "n_bytes: it has the numbers that are read; the three results are written too": (
            without_results
        ),
        "n_bytes: these are the bytes of one product; each of the three reads and writes": (
            lambda *sizes: (None, whole(*sizes)[1] / 3)
        ),
        "n_bytes: these are numbers; each takes itemsize bytes": (
            lambda n, n_in, n_out, itemsize=4: (None, whole(n, n_in, n_out, 1)[1])
        ),
        "n_bytes: four bytes are for a float32; use itemsize": (
            lambda n, n_in, n_out, itemsize=4: (None, whole(n, n_in, n_out, 4)[1])
        ),
    }
    names = ("operations", "n_bytes")
    # By hand: 2 x 3 x 5 = 30 terms; 6 + 15 + 10 = 31 numbers.
    answer.gives((180, 930), 2, 3, 5, 10, mistakes=mistakes, names=names)
    answer.gives((180, 372), 2, 3, 5, mistakes=mistakes, names=names)
    answer.gives((240_844_800, 5_581_824), 128, 784, 400, mistakes=mistakes, names=names)


@exercise(
    "5.2",
    trains="reading a roofline as a time",
    difficulty="easy",
    minutes=5,
    hints=[
        "How long would the arithmetic take alone? How long would the bytes take alone?",
        "Both go on at the same time, so the slower one sets the pace: `np.maximum`.",
    ],
    compare="Adam's step for eight million weights, 13 operations on 28 bytes each, is all bytes",
)
def least_time(answer):
    mistakes = {
        "the two times are added; numbers are fetched while others are multiplied, so the longer "
        "one is what you wait for": lambda ops, size, peak, rate: ops / peak + size / rate,
        "this is the shorter of the two; the work is done when both are": (
            lambda ops, size, peak, rate: np.minimum(ops / peak, size / rate)
        ),
        "this is the arithmetic alone; the bytes have to arrive as well": (
            lambda ops, size, peak, rate: ops / peak
        ),
        "this is the bytes alone; on the right of the bend the arithmetic takes longer": (
            lambda ops, size, peak, rate: size / rate
        ),
        "this is a speed, in operations per second; a time was asked for": (
            lambda ops, size, peak, rate: np.minimum(peak, ops / size * rate)
        ),
    }
    # At 100 operations and 20 bytes a second: 8 s or 3 s, 3 s or 5 s, 2 s and 2 s.
    operations, n_bytes = np.array([800.0, 300.0, 200.0]), np.array([60.0, 100.0, 40.0])
    answer.gives(np.array([8.0, 5.0, 2.0]), operations, n_bytes, 100.0, 20.0, mistakes=mistakes)
    answer.gives(8.0, 800.0, 60.0, 100.0, 20.0, mistakes=mistakes)


@exercise(
    "5.3",
    trains="solving for a size, and asking whether there is a solution at all",
    difficulty="medium",
    minutes=15,
    seconds=5,
    hints=[
        "The intensity rises with the batch. Try batches from 1 on, or solve the inequality.",
        "For a huge batch the weights no longer count: the intensity tends to "
        "`n_in * n_out / (2 * (n_in + n_out))` and stays below it.",
        "If the balance is not below that limit, a loop over batches never ends: return None "
        "first.",
    ],
    compare="for a balance of 20 the chapter's layer, 784 to 400, needs a batch of 48",
)
def smallest_batch(answer):
    def first(n_in, n_out, balance, *, a=1, w=1, y=1, operations=2, above=False):
        for n in range(1, 5000):
            numbers = a * n * n_in + w * n_in * n_out + y * n * n_out
            intensity = operations * n * n_in * n_out / (4 * numbers)
            if intensity > balance or (intensity == balance and not above):
                return n
        return -1

    mistakes = {
        "these bytes are the weights' alone; x and the result move too": (
            lambda *given: first(*given, a=0, y=0)
        ),
        "the result's bytes are left out; it has to be written": lambda *given: first(*given, y=0),
        "the bytes of x are left out": lambda *given: first(*given, a=0),
        "the operations are half of what they are: a multiplication and an addition": (
            lambda *given: first(*given, operations=1)
        ),
        "one too many: where the two balance, memory is no longer the limit": (
            lambda *given: first(*given, above=True)
        ),
        "one too few: at this batch memory is still the limit": lambda *g: first(*g) - 1,
        "this is the batch for numbers, not for bytes: a float32 has four": (
            lambda *given: first(*given, operations=8)
        ),
    }
    cases = [(784, 400, 20.0), (784, 400, 10.0), (64, 32, 3.0), (2, 2, 0.375), (2, 2, 0.25)]
    for case in [*cases, (784, 400, 100.0)]:
        want, returned = first(*case), answer(*case)
        why = "returns None, but a batch that is large enough reaches this balance"
        if case not in cases:
            why = (
                f"there is such a batch, {want}: a loop that gives up is no proof; ask first "
                "whether the balance lies below the limit"
            )
        answer.holds(returned is not None, why, [f"expected    {want}"])
        exact = case[2] * 4 * case[0] * case[1]
        exact /= 2 * case[0] * case[1] - 4 * case[2] * (case[0] + case[1])
        known = {line: value(*case) for line, value in mistakes.items()}
        known["a batch is a whole number: round up"] = exact  # asked only of a wrong answer
        answer.compare(returned, want, mistakes=known)
    for case in [(2, 2, 0.5), (64, 32, 12.0)]:
        returned = answer(*case)
        limit = case[0] * case[1] / (2 * (case[0] + case[1]))
        answer.holds(
            returned is None,
            "no batch is large enough here: return None",
            [f"returned    {returned}", f"the intensity stays below {limit:.4g} for any batch"],
        )
