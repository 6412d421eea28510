"""The checks of chapter 3: the nonlinear autoencoder."""

import numpy as np

from vae_numpy import data
from vae_numpy.exercises.catalogue import exercise
from vae_numpy.metrics import explained_variance


@exercise(
    "3.1",
    trains="writing a derivative with the output instead of the input",
    difficulty="easy",
    minutes=5,
    hints=[
        "Below zero, differentiate e^a - 1. Which part of the result do you hold already, as y?",
        "`np.where(condition, this, that)` chooses entry by entry; y and a have the same sign.",
    ],
)
def elu_slope(answer):
    mistakes = {
        "exp(y): the slope e^a has the input in it, and the output went in; e^a is y + 1": (
            lambda y: np.where(y > 0, 1, np.exp(y))
        ),
        "the slope is 0 below zero, as a relu's: such a unit would die, and the elu was made so "
        "that it cannot": lambda y: (y > 0) * 1.0,
        "this applies the activation once more; its slope is wanted": lambda y: np.where(
            y > 0, y, np.exp(y) - 1
        ),
        "y + 1 everywhere: above zero the function is a straight line, of slope 1": lambda y: y + 1,
        "the slope below zero is negative, but the elu rises everywhere: y is e^a - 1, so e^a is "
        "y + 1 and not y": lambda y: np.where(y > 0, 1, y),
    }
    a = np.array([-2.0, -0.5, 0.25, 1.5])
    answer.gives(np.exp(np.minimum(a, 0)), np.where(a > 0, a, np.exp(a) - 1), mistakes=mistakes)
    a, h = np.linspace(-4, 3, 40).reshape(5, 8), 1e-6  # none of them at the corner
    by_nudging = (_elu(a + h) - _elu(a - h)) / (2 * h)
    answer.gives(by_nudging, _elu(a), mistakes=mistakes, atol=1e-8)


def _elu(a):
    return np.where(a > 0, a, np.exp(np.minimum(a, 0)) - 1)


@exercise(
    "3.2",
    trains="judging a code by its order and not by its values",
    difficulty="easy",
    minutes=10,
    hints=[
        "A rank says how many numbers are smaller. `z.argsort()` says something else: which row "
        "comes first, which second.",
        "`z.argsort().argsort()` are the ranks.",
        "`np.corrcoef(a, b)[0, 1]` is the correlation of two arrays.",
    ],
)
def same_order(answer):
    def ranks(z):
        return z.argsort().argsort()

    mistakes = {
        "the values are correlated, not their ranks: a code that is stretched along the way is as "
        "good as one that is not": lambda z, t: abs(np.corrcoef(z, t)[0, 1]),
        "the sign is kept: a code that only falls along the curve is as good as one that only "
        "rises": lambda z, t: np.corrcoef(ranks(z), ranks(t))[0, 1],
        "argsort gives the rows in order (which comes first?), not the ranks (where does this one "
        "come?); ranks are the argsort of the argsort": lambda z, t: abs(
            np.corrcoef(z.argsort(), t.argsort())[0, 1]
        ),
        "the correlation is squared: take it without its sign instead": lambda z, t: (
            np.corrcoef(ranks(z), ranks(t))[0, 1] ** 2
        ),
        "the rank of z is correlated with the value of t; both want ranks": lambda z, t: abs(
            np.corrcoef(ranks(z), t)[0, 1]
        ),
    }
    rng = np.random.default_rng(0)
    t = rng.uniform(size=30)
    answer.gives(1.0, np.exp(6 * t), t, mistakes=mistakes)  # it only rises
    answer.gives(1.0, -(t**5), t, mistakes=mistakes)  # it only falls
    # Five places, two neighbours swapped: 1 - 6 sum d^2 / (n (n^2 - 1)) = 1 - 6 * 2 / 120.
    swapped = np.array([0.1, 0.9, 0.4, 5.0, 7.0])
    answer.gives(0.9, swapped, np.arange(5.0), mistakes=mistakes)
    for n in (12, 25):
        z, t = rng.normal(size=(2, n)) + 0.5 * np.linspace(1, -1, n)[:, None].T
        d = [sum(z < z[i]) - sum(t < t[i]) for i in range(n)]  # Spearman's own formula
        spearman = 1 - 6 * np.sum(np.square(d)) / (n * (n**2 - 1))
        answer.gives(abs(spearman), z, t, mistakes=mistakes)


@exercise(
    "3.3",
    trains="writing a layer whose backward pass stands under its forward pass",
    difficulty="medium",
    minutes=20,
    hints=[
        "`backward` needs x and y of the last `forward`: keep them in `self`.",
        "First through the activation, `da = dy * slope`, with the slope from y. All three "
        "gradients are made of `da`.",
        "The shapes leave one way each: `dW` is (n_in, n_out), `db` (n_out,), `dx` (N, n_in).",
    ],
)
def LeakyDense(answer):
    layer = answer(3, 4, rng=np.random.default_rng(0))
    for name in ("W", "b", "dW", "db"):
        answer.holds(hasattr(layer, name), f"the layer has no attribute {name}; it is given")
    rng = np.random.default_rng(1)
    W, b = rng.normal(size=(3, 4)), rng.normal(size=4)
    layer.W, layer.b = W.copy(), b.copy()

    def forward(x, W=W, b=b):
        a = x @ W + b
        return np.where(a > 0, a, 0.01 * a)

    x, dy = rng.normal(size=(5, 3)), rng.normal(size=(5, 4))
    y = answer.call(layer.forward, x)
    mistakes = {
        "y: the bias b is missing": forward(x, b=0),
        "y: this is a relu; below zero the leaky one keeps 0.01 a": np.maximum(forward(x), 0),
        "y: the activation is missing": x @ W + b,
    }
    answer.compare(y, forward(x), names=("y",), mistakes=mistakes)

    dx = answer.call(layer.backward, dy)
    moved = not (np.array_equal(layer.W, W) and np.array_equal(layer.b, b))
    answer.holds(not moved, "backward moves W or b: it leaves gradients, an optimiser moves")
    _check_dense_gradients(answer, forward, (dx, layer.dW, layer.db), dy, x, W, b)

    # Once more without zeroing, with another batch: gradients add up.
    first_dW, first_db = np.array(layer.dW), np.array(layer.db)
    x, dy = rng.normal(size=(2, 3)), rng.normal(size=(2, 4))
    answer.call(layer.forward, x)
    answer.call(layer.backward, dy)
    da = dy * np.where(forward(x) > 0, 1, 0.01)
    answer.holds(
        not (np.allclose(layer.dW, x.T @ da) or np.allclose(layer.db, da.sum(axis=0))),
        "the second backward overwrites the gradients of the first: add with +=, a layer that is "
        "used twice owes both",
    )
    answer.compare(
        (layer.dW, layer.db),
        (first_dW + x.T @ da, first_db + da.sum(axis=0)),
        names=("dW after two calls", "db after two calls"),
    )


def _check_dense_gradients(answer, forward, gradients, dy, x, W, b):
    dx, dW, db = gradients
    by_sign_of_dy = dy * np.where(dy > 0, 1, 0.01)
    dead_below_zero = dy * (forward(x) > 0)
    wrong_slope = (
        "{}: the slope is chosen by the sign of dy; whether a unit is on shows in its output y"
    )
    no_slope = "{}: dy went past the activation; multiply it by the slope first, da = dy * f'"
    dead = "{}: the slope is 0 where y < 0, as a relu's; here it is 0.01"
    answer.gradient(
        dW,
        lambda W: np.sum(dy * forward(x, W=W)),
        W,
        name="dW",
        mistakes={
            wrong_slope.format("dW"): x.T @ by_sign_of_dy,
            no_slope.format("dW"): x.T @ dy,
            dead.format("dW"): x.T @ dead_below_zero,
            "dW: no gradient has arrived: it is still zero. Add to self.dW": np.zeros_like(W),
        },
    )
    da = dy * np.where(forward(x) > 0, 1, 0.01)
    answer.gradient(
        db,
        lambda b: np.sum(dy * forward(x, b=b)),
        b,
        name="db",
        mistakes={
            no_slope.format("db"): dy.sum(axis=0),
            "db: a mean over the rows; each row pulls at the same b, so they add up. The 1/N of "
            "the loss is in dy already": da.mean(axis=0),
        },
    )
    answer.gradient(
        dx,
        lambda x: np.sum(dy * forward(x)),
        x,
        name="dx",
        mistakes={no_slope.format("dx"): dy @ W.T, wrong_slope.format("dx"): by_sign_of_dy @ W.T},
    )


@exercise(
    "3.4",
    trains="measuring along the data instead of through empty space",
    difficulty="medium",
    minutes=25,
    hints=[
        "Three steps: all distances (N, N); a matrix of joints with the distance where there is a "
        "joint and `np.inf` where there is none; then the walk.",
        "In a sorted row of distances the first is the point itself, at distance 0.",
        "Keep the best known length to every point: 0 at the start, infinite elsewhere. Improve "
        "all at once, `np.minimum(walked, (walked[:, None] + joints).min(axis=0))`, until nothing "
        "changes.",
    ],
)
def walked_distance(answer):
    def joints(X, k, skip=1, both_ways=True):
        apart = np.linalg.norm(X[:, None] - X, axis=2)
        lengths = np.full_like(apart, np.inf)
        for i, row in enumerate(apart):
            for j in np.argsort(row)[skip : k + skip]:
                lengths[i, j] = row[j]
        return np.minimum(lengths, lengths.T) if both_ways else lengths

    def walk(lengths, start, rounds=None):
        best = np.where(np.arange(len(lengths)) == start, 0, np.inf)
        for _ in range(rounds or len(lengths)):
            best = np.minimum(best, (best[:, None] + lengths).min(axis=0))
        return best

    def hops(X, start, n_neighbors):
        lengths = joints(X, n_neighbors)
        return walk(np.where(np.isfinite(lengths), 1.0, np.inf), start)

    mistakes = {
        "this is the straight line through empty space; walk from joint to joint": (
            lambda X, start, n_neighbors: np.linalg.norm(X - X[start], axis=1)
        ),
        "joints are counted, not measured: add up their lengths": hops,
        "only one step was taken: points beyond the start's own neighbours are reached over "
        "others": lambda X, start, n_neighbors: walk(joints(X, n_neighbors), start, 1),
        "joints are used one way only: if j is near to i, you may walk from j to i too, even if j "
        "has nearer neighbours of its own": lambda X, start, n_neighbors: walk(
            joints(X, n_neighbors, both_ways=False), start
        ),
        "each point is counted as its own nearest neighbour, so one joint is missing everywhere": (
            lambda X, start, n_neighbors: walk(joints(X, n_neighbors - 1), start)
        ),
        "the squared lengths are added up: take the root of each first": (
            lambda X, start, n_neighbors: walk(joints(X, n_neighbors) ** 2, start)
        ),
    }
    # A horseshoe, walked by hand, and four points on a line of which the last is nobody's nearest.
    corners = [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1.25], [3, 2.5], [2, 2.5], [1, 2.5], [0, 2.5]]
    along = np.array([0, 1, 2, 3, 4.25, 5.5, 6.5, 7.5, 8.5])
    answer.gives(along, np.array(corners), 0, 2, mistakes=mistakes)
    line = np.array([[0.0, 0], [1, 0], [1.5, 0], [4, 0]])
    answer.gives(np.array([0, 1, 1.5, 4]), line, 0, 1, mistakes=mistakes)
    islands = np.array([[0.0, 0], [1, 0], [50, 0], [51, 0]])
    answer.gives(np.array([1, 0, np.inf, np.inf]), islands, 1, 1, mistakes=mistakes)

    from scipy.sparse.csgraph import dijkstra
    from sklearn.neighbors import kneighbors_graph

    X, _ = data.make_spiral(60, turns=2, random_state=0)
    graph = kneighbors_graph(X, 4, mode="distance")
    want = dijkstra(graph, directed=False, indices=17)
    answer.gives(want, X, 17, 4, mistakes=mistakes)


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
    rng = np.random.default_rng(0)
    for n, n_in, k, eta in ((6, 3, 2, 0.5), (1, 2, 4, 0.1)):
        x = rng.normal(size=(n, n_in))
        start = [
            rng.normal(size=(n_in, k)),
            rng.normal(size=k),
            rng.normal(size=(k, n_in)),
            rng.normal(size=n_in),
        ]

        def loss(W, b, V, c, x=x):
            return np.sum((np.tanh(x @ W + b) @ V + c - x) ** 2) / len(x)

        returned = answer(x, *start, eta)
        answer.parts(returned, "W", "b", "V", "c", "loss")
        answer.compare(returned[4], loss(*start), names=("loss",), mistakes=_late_loss(start, x))
        known = _half_old_steps(x, *start, eta)
        for i, name in ((2, "V"), (3, "c"), (0, "W"), (1, "b")):
            answer.form(returned[i], start[i], name=name)
            answer.gradient(
                (start[i] - returned[i]) / eta,
                lambda value, i=i, start=start, loss=loss: loss(*start[:i], value, *start[i + 1 :]),
                start[i],
                name=f"the step of {name}, divided by -eta,",
                mistakes={line: steps[name] for line, steps in known.items() if name in steps},
            )


def _late_loss(start, x):
    W, b, V, c = start
    summed = np.sum((np.tanh(x @ W + b) @ V + c - x) ** 2)
    return {"loss: the mean runs over the batch only, the features are summed": summed / x.size}


def _half_old_steps(x, W, b, V, c, eta):
    """What known mistakes give for the step of each array, by line."""
    z = np.tanh(x @ W + b)
    dx_hat = 2 / len(x) * (z @ V + c - x)
    dV, dc = z.T @ dx_hat, dx_hat.sum(axis=0)
    da = dx_hat @ V.T * (1 - z**2)
    moved = dx_hat @ (V - eta * dV).T * (1 - z**2)
    by_input = dx_hat @ V.T * (1 - (x @ W + b) ** 2)
    new_z = np.tanh(x @ (W - eta * x.T @ da) + b - eta * da.sum(axis=0))
    new_dx_hat = 2 / len(x) * (new_z @ V + c - x)
    return {
        "the whole batch's gradient is added once for every row, so the step is N times too long: "
        "the matrix products sum over the rows already": {"V": len(x) * dV, "c": len(x) * dc},
        "V has moved when the encoder asks for it: W's gradient belongs to a network that is half "
        "old and half new. All gradients first, then all steps": {"W": x.T @ moved},
        "z is computed again with the new W: V's gradient belongs to a network that is half old "
        "and half new. All gradients first, then all steps": {"V": new_z.T @ new_dx_hat},
        "the slope of tanh is written with its output, 1 - z**2; here the input went in": {
            "W": x.T @ by_input
        },
        "the slope of tanh is missing: the gradient has to pass the activation": {
            "W": x.T @ (dx_hat @ V.T)
        },
    }


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
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=(3, 2)), rng.normal(size=4)]
    grads = [[rng.normal(size=a.shape) * 10.0 ** rng.integers(-9, 3, a.shape) for a in starts]
             for _ in range(3)]  # fmt: skip
    settings = {"eta": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6}

    stepper = answer(**settings)
    values = [a.copy() for a in starts]
    for t in (1, 2, 3):
        answer.call(stepper.step, values, grads[t - 1], may_change=("values",))
        answer.holds(
            isinstance(values, list) and len(values) == 2,
            "the list of values has lost or gained an array; write into the arrays in it",
        )
        if t == 1 and all(map(np.array_equal, values, starts)):
            raise answer.wrong(
                "the values have not moved: `value = value - ...` gives a name to a new array, and "
                "the caller's stays as it was; write into it, `value -= ...`"
            )
        names = tuple(f"value {i} after step {t}" for i in range(2))
        answer.compare(
            tuple(values),
            _adam(starts, grads[:t], **settings),
            names=names,
            mistakes={
                line: _adam(starts, grads[:t], **settings, slip=slip)
                for line, slip in _ADAM_SLIPS.items()
            },
        )
    # A second one begins with memories of its own, and the first one's are not disturbed.
    values = [starts[1].copy()]
    second = answer(**settings)
    answer.call(second.step, values, [grads[0][1]], may_change=("values",))
    answer.holds(
        np.allclose(values[0], _adam(starts[1:], [grads[0][1:]], **settings)[0], rtol=1e-5),
        "a second optimiser goes on where the first one stopped: keep m, v and t in self, not in "
        "the class",
    )


_ADAM_SLIPS = {
    "t begins at 0, where the correction divides by 1 - beta**0 = 0: count first, the first step "
    "is t = 1": "t from 0",
    "the averages are not corrected: they begin at zero and are too small at first, the lower one "
    "more so, and the first step is too long": "no correction",
    "t counts arrays, not steps: the second array of a step gets another correction than the "
    "first": "t per array",
    "eps stands inside the root; it is added to the root": "eps inside",
    "the root is missing: divide by the usual size of the gradient, not by its square": "no root",
    "only the current gradient is divided; the average m belongs above the line": "no momentum",
}


def _adam(starts, grads, eta, beta1, beta2, eps, slip=""):
    """Adam with its averages written out as weighted sums over all gradients so far."""
    values = []
    for i, start in enumerate(starts):
        value = start.copy()
        for t in range(1, len(grads) + 1):
            g = np.stack([step[i] for step in grads[:t]])
            age = np.arange(t)[::-1].reshape(-1, *[1] * start.ndim)
            m, v = [(1 - b) * np.sum(b**age * x, 0) for b, x in ((beta1, g), (beta2, g**2))]
            count = {"t from 0": t - 1, "t per array": 2 * t - 1 + i}.get(slip, t)
            with np.errstate(all="ignore"):
                if slip != "no correction":
                    m, v = (
                        m / (1 - np.float64(beta1) ** count),
                        v / (1 - np.float64(beta2) ** count),
                    )
                below = {"eps inside": np.sqrt(v + eps), "no root": v + eps}
                above = g[-1] if slip == "no momentum" else m
                value = value - eta * above / below.get(slip, np.sqrt(v) + eps)
        values.append(value)
    return tuple(values)


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
    figures = [f"explained variance on fresh points: yours {kept:.3f}, PCA's {straight:.3f}"]
    answer.holds(
        kept > -0.02,
        "worse than saying the mean of all points: a learning rate that is too large, or a scaling "
        "of X that decode does not undo",
        figures,
    )
    answer.holds(
        kept > 0.05,
        "decode gives nearly the same point for every code: nothing of the code gets through",
        figures,
    )
    answer.holds(
        kept > straight + 0.03,
        "no better than a straight line: either no activation bends it, or it has not trained long "
        "enough to begin to bend",
        figures,
    )
    answer.holds(kept >= 0.75, "it bends, and PCA is beaten, but 0.75 is wanted: train on", figures)


def _one_direction(X, fresh):
    """Explained variance of one principal direction of X, on other points."""
    centre = X.mean(axis=0)
    U = np.linalg.svd(X - centre, full_matrices=False)[2][:1]
    return explained_variance(fresh, (fresh - centre) @ U.T @ U + centre)
