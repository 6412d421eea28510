"""The checks of chapter 3 on a step, an optimiser and a training."""

import copy

import numpy as np

from vae_numpy import data
from vae_numpy.exercises.cases import number, numbers, sizes
from vae_numpy.exercises.catalogue import exercise
from vae_numpy.exercises.ladder import Wrong
from vae_numpy.gradcheck import numerical_gradient
from vae_numpy.metrics import explained_variance


@exercise(
    "3.5",
    trains="finding a bug that a gradient check with a single row does not see",
    difficulty="medium",
    minutes=20,
    hints=[
        "The loss is right. Compare a step with finite differences, as the chapter does: first "
        "with one row in x, then with two, then with three. What do you see?",
        "Which line adds up what the rows say? Count how often that happens.",
    ],
    compare="Divide eta by the number of rows, and the version with the bug makes the right step. "
    "So it trains, with a learning rate that works for nobody else.",
)
def descent_step(answer):
    def loss_of(x, W, b, V, c):
        return sum(np.sum((np.tanh(row @ W + b) @ V + c - row) ** 2) for row in x) / len(x)

    def right(x, W, b, V, c, eta):
        values = [W, b, V, c]
        slopes = [
            numerical_gradient(
                lambda p, i=i: loss_of(x, *values[:i], p, *values[i + 1 :]), values[i].copy()
            )
            for i in range(4)
        ]
        moved = [p - eta * slope for p, slope in zip(values, slopes, strict=True)]
        return *moved, loss_of(x, *values)

    def draw(rng):
        N, D, K = sizes(rng, 3, 2, 8)
        shapes = [(N, D), (D, K), (K,), (K, D), (D,)]
        return *(numbers(rng, *s, low=-1, high=1) for s in shapes), number(rng, 0.05, 0.5)

    def error_and_code(x, W, b, V, c):
        z = np.tanh(x @ W + b)
        return 2 / len(x) * (z @ V + c - x), z

    def steps(weights, biases):
        """A mistake in the lengths of the steps: of W and V, and of b and c, in terms of N."""

        def made(x, W, b, V, c, eta):
            far = right(x, W, b, V, c, eta * weights(len(x)))
            near = right(x, W, b, V, c, eta * biases(len(x)))
            return far[0], near[1], far[2], near[3], None

        return made

    def encoder(da):
        """A mistake in da, on which both steps of the encoder depend."""

        def made(x, W, b, V, c, eta):
            dx_hat, z = error_and_code(x, W, b, V, c)
            slipped = da(dx_hat, z, x @ W + b, V, eta)
            return W - eta * x.T @ slipped, b - eta * slipped.sum(axis=0), None, None, None

        return made

    def last_row(x, W, b, V, c, eta):
        dx_hat, z = error_and_code(x, W, b, V, c)
        return None, None, V - eta * np.outer(z[-1], dx_hat[-1]), c - eta * dx_hat[-1], None

    def z_again(x, W, b, V, c, eta):
        W, b = right(x, W, b, V, c, eta)[:2]
        dx_hat, z = error_and_code(x, W, b, V, c)
        return None, None, V - eta * z.T @ dx_hat, None, None

    half_old = "half old and half new. All gradients first, then all steps"
    mistakes = {
        "every step is N times too long: either the whole batch's gradient is added once for every "
        "row, though the products sum over the rows already, or the 1/N of the mean is gone": steps(
            lambda N: N, lambda N: N
        ),
        "every step is N^2 times too long: the 1/N of the mean is gone, and the whole batch's "
        "gradient is added once for every row, too": steps(lambda N: N**2, lambda N: N**2),
        "every step is N times too short: it is divided by N twice": steps(
            lambda N: 1 / N, lambda N: 1 / N
        ),
        "the steps of b and c are N times too long: the sum over the rows is added once for every "
        "row": steps(lambda N: 1, lambda N: N),
        "the steps of W and V are N times too long: the products sum over the rows already": steps(
            lambda N: N, lambda N: 1
        ),
        "the steps of b and c are N times too short: a mean over the rows is taken of what is "
        "divided by N already": steps(lambda N: 1, lambda N: 1 / N),
        "only the last row has its say: each row's gradient takes the place of the one before": (
            last_row
        ),
        "V has moved when the encoder asks for it: W's gradient belongs to a network that is "
        f"{half_old}": encoder(
            lambda dx_hat, z, a, V, eta: dx_hat @ (V - eta * z.T @ dx_hat).T * (1 - z**2)
        ),
        "z is computed again with the new W: V's gradient belongs to a network that is "
        f"{half_old}": z_again,
        "the slope of tanh is written with its output, 1 - z**2; here the input went in": encoder(
            lambda dx_hat, z, a, V, eta: dx_hat @ V.T * (1 - a**2)
        ),
        "the slope of tanh is missing: the gradient has to pass the activation": encoder(
            lambda dx_hat, z, a, V, eta: dx_hat @ V.T
        ),
        "loss: the mean runs over the batch only, the features are summed": (
            lambda x, W, b, V, c, eta: (None, None, None, None, loss_of(x, W, b, V, c) / x.shape[1])
        ),
    }
    names = ("W", "b", "V", "c", "loss")
    answer.agrees(right, draw, mistakes=mistakes, names=names, rtol=1e-5, atol=1e-8)


@exercise(
    "3.6",
    trains="keeping an optimiser's memory: one count, two averages for each array",
    difficulty="hard",
    minutes=25,
    hints=[
        "How many arrays there are, and of which shapes, shows at the first `step`: make the "
        "averages there, with `np.zeros_like`.",
        "One `step` is one t, however many arrays it moves; at the first step t is 1.",
        "`value = value - ...` makes a new array and leaves the caller's as it was; `value -= ...` "
        "writes into it.",
    ],
)
def AdamStepper(answer):
    def draw(rng):
        (n, rows, columns), steps = sizes(rng, 3, 2, 7), 3
        shapes = [(rows, columns), (n,)]
        starts = [numbers(rng, *shape) for shape in shapes]
        # Gradients of all sizes, so that eps and every root count.
        grads = [
            numbers(rng, steps, *shape) * 10.0 ** rng.integers(-7, 3, (steps, *shape))
            for shape in shapes
        ]
        rates = [number(rng, low, high) for low, high in [(0.05, 0.3), (0.6, 0.9), (0.91, 0.99)]]
        return *starts, *grads, *rates, 1e-6

    def ask(first, second, first_grads, second_grads, *settings):
        own, seen = _apart(answer.function), []
        names = dict(zip(("eta", "beta1", "beta2", "eps"), settings, strict=True))
        starts, grads = [first, second], [first_grads, second_grads]
        for n_steps in (len(first_grads), 1):  # the second optimiser begins where the first did
            stepper = answer.call(own, **names)
            arrays = [start.copy() for start in starts]
            seen.append(_stepped(answer, stepper, arrays, grads, n_steps))
        answer.holds(
            all(map(_same, seen[1], seen[0][:2])),
            "a second optimiser goes on where the first one stopped: keep m, v and t in self, not "
            "in the class",
        )
        answer.holds(
            not all(map(np.array_equal, seen[0][-2:], starts)),
            "the values have not moved: `value = value - ...` gives a name to a new array, and the "
            "caller's stays as it was; write into it, `value -= ...`",
        )
        return tuple(seen[0])

    def right(first, second, first_grads, second_grads, eta, beta1, beta2, eps):
        """Adam with its averages written out as weighted sums over all gradients so far."""
        values, seen = [first.copy(), second.copy()], []
        for t in range(1, len(first_grads) + 1):
            for i, grads in enumerate((first_grads, second_grads)):
                weights = [
                    np.array([b ** (t - s) for s in range(1, t + 1)]) for b in (beta1, beta2)
                ]
                m = np.tensordot(weights[0] / weights[0].sum(), grads[:t], 1)
                v = np.tensordot(weights[1] / weights[1].sum(), grads[:t] ** 2, 1)
                values[i] = values[i] - eta * m / (np.sqrt(v) + eps)
            seen += values
        return tuple(seen)

    names = tuple(f"value {i} after step {t}" for t in (1, 2, 3) for i in (0, 1))
    mistakes = {line: _adam_with(slip) for line, slip in _ADAM_SLIPS.items()}
    answer.agrees(right, draw, mistakes=mistakes, names=names, call=ask)


def _apart(kind):
    """Return a class whose memory, if it belongs to the class, is not that of earlier checks."""
    if not isinstance(kind, type):
        return kind
    shared = {k: v for k, v in vars(kind).items() if isinstance(v, (dict, list, np.ndarray))}
    return type(kind.__name__, (kind,), copy.deepcopy(shared))


def _stepped(answer, stepper, arrays, grads, n_steps):
    """Return the values after each step; the arrays must stay the same objects."""
    values, seen = list(arrays), []
    for t in range(n_steps):
        answer.call(stepper.step, values, [g[t].copy() for g in grads], may_change=("values",))
        answer.holds(
            len(values) == len(arrays),
            "the list of values has lost or gained an array; write into the arrays in it",
        )
        answer.holds(
            all(value is array for value, array in zip(values, arrays, strict=True)),
            "new arrays are put into the list, and the caller's own never move: write into them, "
            "`value -= ...`",
        )
        seen += [array.copy() for array in arrays]
    return seen


def _same(a, b):
    return np.allclose(a, b, rtol=1e-9, atol=0, equal_nan=True)


_ADAM_SLIPS = {
    "t begins at 0, where the correction divides by 1 - beta**0 = 0: count first, the first step "
    "is t = 1": "t from 0",
    "the averages are not corrected: they begin at zero and are too small at first, the lower one "
    "more so, and the first step is too long": "no correction",
    "t counts arrays, not steps: the second array of a step gets another correction than the "
    "first": "t per array",
    "the correction has beta * t; it is beta to the power of t, beta**t": "times",
    "eps stands inside the root; it is added to the root": "eps inside",
    "the root is missing: divide by the usual size of the gradient, not by its square": "no root",
    "only the current gradient is divided; the average m belongs above the line": "no momentum",
    "m lags behind: the array moves by the average of the gradients before this one": "lag",
    "m and v are one memory: what is written into one stands in the other": "one memory",
    "nothing is remembered: both averages begin at zero again in each step": "no memory",
}


def _adam_with(slip):
    """Return Adam, step by step, with a slip."""

    def made(first, second, first_grads, second_grads, eta, beta1, beta2, eps):
        values, seen = [first.copy(), second.copy()], []
        memory = [(np.zeros_like(value), np.zeros_like(value)) for value in values]
        for t in range(1, len(first_grads) + 1):
            for i, grads in enumerate((first_grads, second_grads)):
                g, (m, v) = grads[t - 1], memory[i]
                if slip == "no memory":
                    m, v = 0 * m, 0 * v
                before = m
                m = beta1 * m + (1 - beta1) * g
                if slip == "one memory":
                    m = v = beta2 * m + (1 - beta2) * g**2
                else:
                    v = beta2 * v + (1 - beta2) * g**2
                memory[i] = m, v
                above = {"lag": before, "no momentum": g}.get(slip, m)
                count = {"t from 0": t - 1, "t per array": 2 * t - 1 + i}.get(slip, t)
                corrections = [1 - np.float64(beta) ** count for beta in (beta1, beta2)]
                if slip == "times":
                    corrections = [1 - beta1 * t, 1 - beta2 * t]
                if slip == "no momentum":
                    corrections[0] = 1
                if slip != "no correction":
                    above, v = above / corrections[0], v / corrections[1]
                root = np.sqrt(np.abs(v) if slip == "one memory" else v)
                below = {"eps inside": np.sqrt(v + eps), "no root": v + eps}
                values[i] = values[i] - eta * above / below.get(slip, root + eps)
            seen += values
        return tuple(seen)

    return made


@exercise(
    "3.7",
    trains="putting it all together: network, loop, optimiser, and a measure on fresh points",
    difficulty="project",
    minutes=60,
    hints=[
        "Start from the chapter's `train`: two stacks, `encoder` and `decoder`, of `Dense` layers, "
        "`squared_error`, `Adam`; one loop over epochs and one over minibatches.",
        "If it stays on the straight line: more steps (some hundreds are few), a learning rate of "
        "0.01, batches of 50 instead of all rows, an activation in every layer but the last of "
        "each stack.",
        "The code and the reconstruction want an identity: a tanh at the end cannot leave -1 to 1.",
    ],
    seconds=90,
    compare="Draw X and the decoder's line, `decode(np.linspace(z.min(), z.max(), 500)[:, None])`, "
    "and compare with the picture of what the decoder draws. Is yours torn?",
)
def fit_spiral(answer):
    X, _ = data.make_spiral(500, random_state=0)
    fresh, _ = data.make_spiral(500, random_state=1)
    pair = answer(X, np.random.default_rng(0))
    answer.holds(
        isinstance(pair, (tuple, list)) and len(pair) == 2 and all(map(callable, pair)),
        "wanted two functions, encode and decode",
    )
    encode, decode = pair
    answer.holds(
        not _in_each_others_place(answer, encode, decode, fresh),
        "the two functions are in each other's place: the second takes points and gives codes; "
        "wanted encode, decode",
    )
    z = np.asarray(answer.call(encode, fresh))
    answer.holds(
        z.shape == (500, 1),
        f"encode gives codes of shape {z.shape} for 500 points; wanted one number for each, "
        "(500, 1): with two there is nothing to learn",
    )
    few = np.asarray(answer.call(encode, fresh[:5]))
    answer.holds(
        few.shape == (5, 1) and np.allclose(few, z[:5], atol=1e-3 * np.ptp(z)),
        "a point's code depends on the points beside it: use what was learnt from X (its mean, its "
        "scale), nothing of the batch that is encoded",
        [f"five points alone {np.ravel(few)[:5]}", f"among 500        {z[:5, 0]}"],
    )
    x_hat = np.asarray(answer.call(decode, z))
    answer.form(x_hat, fresh, name="the decoded points")
    kept, straight = explained_variance(fresh, x_hat), _one_direction(X, fresh)
    if kept >= 0.75:
        return
    figures = [f"explained variance on fresh points: yours {kept:.3f}, PCA's {straight:.3f}"]
    _name_a_cause(answer, encode, decode, fresh, z, x_hat, figures)
    for limit, line in [
        (-0.02, "worse than saying the mean of all points"),
        (0.05, "decode gives nearly the same point for every code, or one that says as little"),
        (straight + 0.03, "no better than a straight line; encode and decode bend, but not so far"),
    ]:
        answer.holds(kept > limit, line, figures, cause=False)
    line = "it bends, and PCA is beaten, but 0.75 is wanted: train on"
    answer.holds(False, line, figures, cause=False)


def _in_each_others_place(answer, encode, decode, fresh):
    """Say whether the first takes codes and gives points, and the second the other way round."""
    try:
        codes = answer.call(decode, fresh)
        return np.shape(codes) == (500, 1) and np.shape(answer.call(encode, codes)) == (500, 2)
    except Wrong:  # as it must be: a decoder takes no points
        return False


def _name_a_cause(answer, encode, decode, fresh, z, x_hat, figures):
    """Name what can be seen in the two functions themselves, whatever their training was."""
    middle, wide = np.mean(z), np.ptp(z) + 1e-12
    codes = middle + wide * np.linspace(-2, 2, 201)[:, None]
    drawn = np.asarray(answer.call(decode, codes), float)
    points = fresh[0] + np.linspace(-3, 3, 201)[:, None] * (fresh[1] - fresh[0])
    encoded = np.asarray(answer.call(encode, points), float)
    clipped = np.mean(drawn == 0)
    answer.holds(
        not (drawn.min() >= 0 and clipped > 0.1),
        "no decoded coordinate is below zero, for any code, and many are exactly 0: the decoder "
        "ends with a relu, and half of the spiral is below zero",
        figures,
    )
    # The same points in other units, and about another mean, would do.
    fitted = np.column_stack([_fitted(x_hat[:, j], fresh[:, j]) for j in (0, 1)])
    answer.holds(
        explained_variance(fresh, x_hat) > 0 or explained_variance(fresh, fitted) < 0.5,
        "the decoded points have another unit or another mean than X, and would be as good as PCA "
        "in its own: there is a scaling of X that decode does not undo",
        figures,
    )
    answer.holds(
        np.ptp(x_hat, axis=0).max() > 1e-3 * np.ptp(fresh),
        "decode gives nearly the same point for every code: nothing of the code gets through",
        figures,
        cause=False,
    )
    answer.holds(
        not (_is_straight(drawn) and _is_straight(encoded)),
        "no better than a straight line, as encode and decode are straight themselves: without an "
        "activation nothing bends",
        figures,
    )


def _is_straight(drawn):
    return np.abs(np.diff(drawn, 2, axis=0)).max() < 1e-6 * np.ptp(drawn)


def _fitted(values, want):
    """Return a times the values plus b, as near to what is wanted as can be."""
    A = np.column_stack([values, np.ones_like(values)])
    return A @ np.linalg.lstsq(A, want, rcond=None)[0]


def _one_direction(X, fresh):
    """Explained variance of one principal direction of X, on other points."""
    centre = X.mean(axis=0)
    U = np.linalg.svd(X - centre, full_matrices=False)[2][:1]
    return explained_variance(fresh, (fresh - centre) @ U.T @ U + centre)
