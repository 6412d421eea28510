"""The checks of chapter 5 on passes that are fused: what NaN and large numbers do to them."""

import math

import numpy as np

from vae_numpy.exercises.cases import numbers, sizes
from vae_numpy.exercises.catalogue import exercise


@exercise(
    "5.6",
    trains="finding a bug that hides another one's only sign",
    difficulty="medium",
    minutes=15,
    hints=[
        "Feed it a NaN. What should come out, and what does?",
        "Every comparison with NaN is False. Write down what `max(0, x)` compares, and what it "
        "returns when the answer is no.",
        "Ask the other question: `0 if x < 0 else x`. Or use `np.maximum`, which keeps a NaN.",
    ],
)
def bias_relu(answer):
    def right(a, b):
        y = np.zeros(a.shape)
        for i, j in np.ndindex(a.shape):
            s = float(a[i, j]) + float(b[j])
            y[i, j] = s if math.isnan(s) else (s + abs(s)) / 2 if math.isfinite(s) else max(s, 0)
        return y

    def draw(rng):
        N, D = sizes(rng, 2)
        return numbers(rng, N, D), numbers(rng, D)

    def diverging(rng):
        """Draw with a NaN in a, and another in b, and both infinities, each in its own column."""
        a, b = draw(rng)
        columns, rows = rng.permutation(a.shape[1]), rng.permutation(len(a))
        a[rows[0], columns[0]], b[columns[1]] = np.nan, np.nan
        a[rows[1], columns[2]], a[rows[2], columns[2]] = np.inf, -np.inf
        return a, b

    def swallowed(a, b):
        return np.where(a + b > 0, a + b, 0)

    def spread(axis):
        def made(a, b):
            nan = np.isnan(a + b).any(axis=axis, keepdims=True)
            return np.where(nan, np.nan, swallowed(a, b))

        return made

    mistakes = {
        "the bias is added after the relu: negative numbers come out": (
            lambda a, b: np.maximum(a, 0) + b
        ),
        "the bias is not added": lambda a, b: np.maximum(a, 0),
    }
    answer.agrees(right, draw, mistakes=mistakes)
    mistakes = {
        "a NaN comes out as a number: a diverging network then looks healthy. Every comparison "
        "with NaN is False, so ask for x < 0, not for x > 0; np.maximum keeps a NaN; np.fmax and "
        "max(0, x) do not": swallowed,
        "a NaN comes out as a number, and an infinity as a finite one: a diverging network then "
        "looks healthy; leave both as they are": lambda a, b: np.maximum(np.nan_to_num(a + b), 0),
        "a NaN of b comes out as a number, where one of a is kept": lambda a, b: np.where(
            np.isnan(a), np.nan, swallowed(a, b)
        ),
        "a NaN of a comes out as a number, where one of b is kept": lambda a, b: np.where(
            np.isnan(b), np.nan, swallowed(a, b)
        ),
        "one NaN spoils more than its own place": [spread(1), spread((0, 1))],
        "one NaN spoils more than its own place, all of its column": spread(0),
        "an infinity comes out as a finite number": (
            lambda a, b: np.nan_to_num(np.maximum(a + b, 0), nan=np.nan)
        ),
    }
    with np.errstate(all="ignore"):
        answer.agrees(right, diverging, mistakes=mistakes)


@exercise(
    "5.7",
    trains="a loss that survives any input, with its gradient from the same pass",
    difficulty="hard",
    minutes=30,
    hints=[
        "On paper: with `p = 1 / (1 + e^-l)` the loss `-x log p - (1 - x) log(1 - p)` becomes "
        "`log(1 + e^l) - x l`.",
        "`e^l` overflows for a large `l`. Take it out: `log(1 + e^l) = max(l, 0) + "
        "log(1 + e^-|l|)`. The exponent is never above 0 now.",
        "The gradient in `l` is `(p - x) / N`, and `p` needs the same care: with `e = exp(-|l|)` "
        "it is `1 / (1 + e)` for `l >= 0` and `e / (1 + e)` below.",
    ],
)
def fused_bernoulli(answer):
    def right(logits, x):
        loss, dlogits = 0.0, np.zeros(x.shape)
        for i in np.ndindex(x.shape):
            on = 1 / (1 + math.exp(-logits[i]))  # fine for logits as small as these
            off = 1 / (1 + math.exp(logits[i]))
            loss -= (x[i] * math.log(on) + (1 - x[i]) * math.log(off)) / len(x)
            dlogits[i] = ((1 - x[i]) * on - x[i] * off) / len(x)
        return loss, dlogits

    def draw(rng):
        N, D = sizes(rng, 2)
        return numbers(rng, N, D, low=-3, high=3), numbers(rng, N, D, low=0, high=1)

    def loss(made):
        """A mistake in the loss, in terms of the probabilities, x, and the sizes."""
        return lambda logits, x: (made(1 / (1 + np.exp(-logits)), x, *x.shape), None)

    def gradient(made):
        """A mistake in the gradient, in terms of the probabilities, x, the logits and N."""
        return lambda logits, x: (None, made(1 / (1 + np.exp(-logits)), x, logits, len(x)))

    def costs(p, x):
        return -np.sum(x * np.log(p) + (1 - x) * np.log(1 - p))

    mistakes = {
        "loss: it is a mean over the features too, D times too small: sum over them": loss(
            lambda p, x, N, D: costs(p, x) / (N * D)
        ),
        "loss: it is summed over the batch: divide by the number of rows": loss(
            lambda p, x, N, D: costs(p, x)
        ),
        "loss: this is the log-likelihood; the loss is minus that": loss(
            lambda p, x, N, D: -costs(p, x) / N
        ),
        "loss: the half for x = 0 is missing: a pixel that is off costs something too": loss(
            lambda p, x, N, D: -np.sum(x * np.log(p)) / N
        ),
        "loss: x is taken for black or white; a grey pixel pays for both, each with its share": (
            loss(lambda p, x, N, D: costs(p, x > 0.5) / N)
        ),
        "dlogits: the 1/N is missing, as the loss is a mean over the batch": gradient(
            lambda p, x, logits, N: p - x
        ),
        "dlogits: this is the gradient in the probabilities; one more step, p (1 - p), leads to "
        "the logits": [
            gradient(lambda p, x, logits, N: (p - x) / (p * (1 - p)) / N),
            gradient(lambda p, x, logits, N: (p - x) / (p * (1 - p))),
        ],
        "dlogits: it takes the logits for probabilities; p is their sigmoid": [
            gradient(lambda p, x, logits, N: (logits - x) / N),
            gradient(lambda p, x, logits, N: logits - x),
        ],
        "dlogits: it points the wrong way: p - x, not x - p": gradient(
            lambda p, x, logits, N: (x - p) / N
        ),
        "dlogits: the sigmoid's slope is in it twice; for this loss the two cancel": gradient(
            lambda p, x, logits, N: (p - x) * p * (1 - p) / N
        ),
        "dlogits: 1 / (1 + e^-|l|) is the sigmoid of |l|; for a negative logit it is one minus "
        "that": gradient(lambda p, x, logits, N: (np.maximum(p, 1 - p) - x) / N),
    }
    answer.agrees(right, draw, mistakes=mistakes, names=("loss", "dlogits"))
    _judge_large_logits(answer)


def _judge_large_logits(answer):
    """Ask what pixels cost of which the network is sure, and wrong, or right."""
    calls, names = [], ("loss", "dlogits")
    for size in (300.0, 700.0, 1000.0):
        # Sure and right costs nothing, sure and wrong costs the logit, half grey half of it.
        logits = np.array([[size, -size, size], [-size, size, 0.8 * size]])
        x = np.array([[1.0, 0.0, 0.5], [1.0, 0.0, 1.0]])
        with np.errstate(all="ignore"):
            loss, dlogits = answer.parts(answer(logits, x), *names)
        calls.append((size, loss, dlogits))
    details = [
        f"returned    {loss} for logits of {s:g}; wanted {1.25 * s:g}" for s, loss, _ in calls
    ]
    answer.holds(
        all(answer.fits(loss, 0.0) for _, loss, _ in calls[-1:]),
        "loss: not finite at a logit of 1000: either the exponential overflows, or the probability "
        "rounds to 0 and its logarithm is infinite",
        details,
    )
    answer.holds(
        not np.allclose([loss for _, loss, _ in calls], calls[0][1]),
        "loss: it stops growing: the same for logits of 300, 700 and 1000, as where a probability "
        "is clipped. A pixel that is wrong beyond that is no longer told so",
        details,
    )
    for size, loss, dlogits in calls:
        answer.compare(loss, 1.25 * size, names=("loss",))
        wanted = np.array([[0, 0, 0.25], [-0.5, 0.5, 0]])
        answer.compare(dlogits, wanted, names=("dlogits",), atol=1e-12)
