"""The checks of chapter 5 on what a step costs, counted on paper."""

from fractions import Fraction

import numpy as np

from vae_numpy.exercises.cases import number, numbers, sizes
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
    def products(n, n_in, n_out):
        """Return (rows, inner, columns) of x @ W, x.T @ da and da @ W.T."""
        return [(n, n_in, n_out), (n_in, n, n_out), (n, n_out, n_in)]

    def right(n, n_in, n_out, itemsize=4):
        operations = n_bytes = 0
        for rows, inner, columns in products(n, n_in, n_out):
            for _ in range(rows):  # of each row, every entry is a sum of products
                operations += columns * (inner + inner)
            n_bytes += itemsize * (rows * inner + inner * columns) + itemsize * rows * columns
        return operations, n_bytes

    def draw(rng):
        return *sizes(rng, 3, 3, 30), int(rng.choice([2, 3, 5, 8]))

    def operations(made):
        return lambda n, n_in, n_out, itemsize=4: (made(n, n_in, n_out), None)

    def n_bytes(made):
        """A mistake in the bytes, in terms of the numbers of one product and the itemsize."""
        return lambda n, n_in, n_out, itemsize=4: (
            None,
            made(n * n_in + n_in * n_out + n * n_out, itemsize),
        )

    mistakes = {
        "operations: these are the multiplications alone; each comes with an addition": operations(
            lambda n, k, m: 3 * n * k * m
        ),
        "operations: this is the forward product alone; the way back has two more": operations(
            lambda n, k, m: 2 * n * k * m
        ),
        "operations: one product is missing, of the three": operations(
            lambda n, k, m: 4 * n * k * m
        ),
        "operations: a sum of k terms is counted with k - 1 additions; wanted as many as there are "
        "multiplications": operations(
            lambda *s: sum(
                rows * columns * (2 * inner - 1) for rows, inner, columns in products(*s)
            )
        ),
        "n_bytes: it has the numbers that are read; the three results are written too": n_bytes(
            lambda one, itemsize: 2 * itemsize * one
        ),
        "n_bytes: these are the bytes of one product; each of the three reads and writes": n_bytes(
            lambda one, itemsize: itemsize * one
        ),
        "n_bytes: these are numbers; each takes itemsize bytes": n_bytes(
            lambda one, itemsize: 3 * one
        ),
        "n_bytes: four bytes are for a float32; use itemsize": n_bytes(
            lambda one, itemsize: 12 * one
        ),
    }
    names = ("operations", "n_bytes")
    # By hand: 2 x 3 x 5 = 30 terms; 6 + 15 + 10 = 31 numbers.
    cases = [(2, 3, 5, 10), (2, 3, 5), (128, 784, 400)]
    answer.agrees(right, draw, mistakes=mistakes, first=cases, names=names)


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
    def right(operations, n_bytes, peak, bandwidth):
        pairs = zip(np.ravel(operations), np.ravel(n_bytes), strict=True)
        times = [max(work / peak, size / bandwidth) for work, size in pairs]
        return np.reshape(times, np.shape(operations))

    def draw(rng, length=None):
        length = length or sizes(rng, 1)[0]
        peak, bandwidth = number(rng, 20, 90), number(rng, 5, 19)
        share = rng.permutation(np.linspace(0.3, 2.5, length)) * rng.uniform(0.95, 1.05)
        operations = numbers(rng, length, low=100, high=900)  # on either side of the bend
        return operations, (operations / peak * bandwidth * share).round(2), peak, bandwidth

    def single(rng):
        operations, n_bytes, *machine = draw(rng, 2)
        which = rng.integers(2)
        return float(operations[which]), float(n_bytes[which]), *machine

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
        "the operations are divided by the bandwidth, which counts bytes": (
            lambda ops, size, peak, rate: ops / np.minimum(peak, rate)
        ),
        "this is the time in units of the bytes' own, a number without seconds": (
            lambda ops, size, peak, rate: np.maximum(ops / size / (peak / rate), 1)
        ),
        "this is one maximum over all pieces of work; each has its own, as np.maximum gives it": (
            lambda ops, size, peak, rate: np.max([ops / peak, size / rate])
        ),
    }
    # At 100 operations and 20 bytes a second: 8 s or 3 s, 3 s or 5 s, 2 s and 2 s.
    case = np.array([800.0, 300.0, 200.0]), np.array([60.0, 100.0, 40.0]), 100.0, 20.0
    answer.agrees(right, draw, mistakes=mistakes, first=[case])
    answer.agrees(right, single, first=[(800.0, 60.0, 100.0, 20.0)])


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
    def first(n_in, n_out, balance, *, x=1, w=1, y=1, operations=2, above=False):
        """Search in whole numbers and fractions; -1 where it takes more than 3000."""
        balance = Fraction(balance)
        for n in range(1, 3000):
            n_bytes = 4 * (x * n * n_in + w * n_in * n_out + y * n * n_out)
            lead = operations * n * n_in * n_out - balance * n_bytes
            if lead > 0 or (lead == 0 and not above):
                return n
        return -1

    def right(n_in, n_out, balance):
        return first(n_in, n_out, balance)

    def draw(rng):
        if rng.integers(2):  # 1/2 + 1/3 + 1/6 = 1: the two balance exactly
            k = int(rng.integers(2, 30))
            a, b, _ = rng.permutation([2, 3, 6]) * k
            return int(a), int(b), k / 2
        n_in, n_out = sizes(rng, 2, 8, 60)
        limit = n_in * n_out / (2 * (n_in + n_out))
        return n_in, n_out, float(np.round(limit * rng.uniform(0.3, 0.95), 3))

    def exact(n_in, n_out, balance):
        return 2 * balance * n_in * n_out / (n_in * n_out - 2 * balance * (n_in + n_out))

    def slip(**changed):
        return lambda *given: first(*given, **changed)

    mistakes = {
        "these bytes are the weights' alone; x and the result move too": slip(x=0, y=0),
        "the result's bytes are left out; it has to be written": slip(y=0),
        "the bytes of x are left out": slip(x=0),
        "the operations are half of what they are: a multiplication and an addition": slip(
            operations=1
        ),
        "one too many: where the two balance, memory is no longer the limit": slip(above=True),
        "one too few: at this batch memory is still the limit": lambda *given: first(*given) - 1,
        "rounded down: at this batch memory is still the limit": (
            lambda *given: int(np.floor(exact(*given) + 1e-9))
        ),
        "this is the batch for numbers, not for bytes: a float32 has four": slip(operations=8),
        "a batch is a whole number: round up": exact,
        "only powers of two are tried; the smallest batch of all was asked for": (
            lambda *given: 2 ** int(np.ceil(np.log2(first(*given))))
        ),
    }

    def batch(*given):
        returned = answer(*given)
        answer.holds(
            returned is not None,
            f"returns None, but there is such a batch, {np.ceil(exact(*given)):.0f}: a loop that "
            "gives up is no proof",
            cause=False,
        )
        return returned

    cases = [(784, 400, 20.0), (2, 2, 0.375), (2, 2, 0.25)]
    answer.agrees(right, draw, mistakes=mistakes, first=cases, call=batch, n_calls=20)
    for n_in, n_out, balance in [(64, 32, 12.0), (9, 5, 2.0), (2, 2, 0.5)]:
        returned, limit = answer(n_in, n_out, balance), n_in * n_out / (2 * (n_in + n_out))
        answer.holds(
            returned is None,
            "no batch is large enough here: return None",
            [f"returned    {returned}", f"the intensity stays below {limit:.4g} for any batch"],
        )
    large = [(784, 400, 130.0), (64, 32, 10.643), (64, 32, 10.6655)]
    found = [answer(*case) for case in large]
    answer.holds(
        found != [None] * len(large),
        "right for small batches, and None where a large one is needed: the search gives up. Ask "
        "first whether the balance lies below the limit",
        [f"wanted {exact(*case):.0f} for {case}" for case in large],
    )
    for case in large:
        answer.compare(batch(*case), int(np.ceil(exact(*case))))
