"""The checks of chapter 3 on slopes, ranks, a layer that bends, and walks over joints."""

import heapq
import math

import numpy as np

from vae_numpy.exercises.cases import numbers, sizes
from vae_numpy.exercises.catalogue import exercise


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
    def right(y):
        slopes = [1.0 if v > 0 else math.exp(math.log1p(v)) for v in y.ravel().tolist()]
        return np.array(slopes).reshape(y.shape)

    def draw(rng):
        a = numbers(rng, *sizes(rng, int(rng.integers(1, 4))), low=-3, high=2)
        return (np.where(a > 0, a, np.expm1(np.minimum(a, 0))),)

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
        "1 - y^2 is the slope of tanh; below zero that of the elu is y + 1": (
            lambda y: np.where(y > 0, 1, 1 - y**2)
        ),
        "1 - y below zero has a wrong sign: y is e^a - 1, so e^a is 1 + y": (
            lambda y: np.where(y > 0, 1, 1 - y)
        ),
        "above zero this is the output; its slope there is 1": (
            lambda y: np.where(y > 0, y, y + 1)
        ),
        "it is 1 everywhere, and below zero it has to be y + 1. Where one mask follows another, "
        "the second sees what was written under the first": np.ones_like,
    }
    a = np.array([-2.0, -0.5, 0.25, 1.5])
    first = [(np.where(a > 0, a, np.exp(a) - 1),)]
    answer.agrees(right, draw, mistakes=mistakes, first=first, n_calls=8)


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
        return np.array([np.sum(z < value) for value in z])

    def spearman(z, t, below=lambda n: n * (n**2 - 1)):
        return 1 - 6 * np.sum((ranks(z) - ranks(t)) ** 2) / below(len(z))  # his own formula

    def right(z, t):
        return float(abs(spearman(z, t)))

    def draw(rng):
        (N,) = sizes(rng, 1, 7, 20)
        t = rng.uniform(0.1, 2, size=N)
        return np.exp(rng.normal(size=N) + rng.choice([-1, 1]) * t), t

    def correlation(z, t):
        return np.corrcoef(z, t)[0, 1]

    def cosine(z, t):
        a, b = ranks(z), ranks(t)
        return a @ b / np.sqrt(a @ a * (b @ b))

    def kendall(z, t):
        pairs = [(i, j) for i in range(len(z)) for j in range(i)]
        agree = [np.sign((z[i] - z[j]) * (t[i] - t[j])) for i, j in pairs]
        return abs(np.mean(agree))

    mistakes = {
        "the values are correlated, not their ranks: a code that is stretched along the way is as "
        "good as one that is not": lambda z, t: abs(correlation(z, t)),
        "the sign is kept: a code that only falls along the curve is as good as one that only "
        "rises": spearman,
        "argsort gives the rows in order (which comes first?), not the ranks (where does this one "
        "come?); ranks are the argsort of the argsort": lambda z, t: abs(
            correlation(z.argsort(), t.argsort())
        ),
        "the correlation is squared: take it without its sign instead": (
            lambda z, t: spearman(z, t) ** 2
        ),
        "the rank of z is correlated with the value of t; both want ranks": (
            lambda z, t: abs(correlation(ranks(z), t))
        ),
        "the value of z is correlated with the rank of t; both want ranks": (
            lambda z, t: abs(correlation(z, ranks(t)))
        ),
        "a falling code gets 0; it has the order of the curve, too, from its other end": (
            lambda z, t: max(0.0, spearman(z, t))
        ),
        "both are sorted, each on its own: then nobody knows which code belongs to which place": (
            lambda z, t: abs(correlation(np.sort(z), np.sort(t)))
        ),
        "this is Kendall's correlation, which counts pairs in the same order; wanted Spearman's, "
        "of the ranks": kendall,
        "6 sum d^2 is divided by N^3 here; in the formula it is N (N^2 - 1)": (
            lambda z, t: abs(spearman(z, t, lambda n: n**3))
        ),
        "the mean of the ranks is not taken off: this is a cosine, a correlation is centred": (
            cosine
        ),
    }
    t = np.random.default_rng(0).uniform(size=30)
    first = [(np.exp(6 * t), t), (-(t**5), t)]  # one only rises, the other only falls
    answer.agrees(right, draw, mistakes=mistakes, first=first, n_calls=12)


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
    names = ("y", "dW", "db", "dx", "dW after the next forward")
    names += ("dW after two calls", "db after two calls")

    def gradients(x, W, b, dy):
        dW, db, dx = np.zeros(W.shape), np.zeros(b.shape), np.zeros(x.shape)
        for n, j in np.ndindex(dy.shape):
            da = dy[n, j] * (1 if sum(x[n] * W[:, j]) + b[j] > 0 else 0.01)
            dW[:, j] += x[n] * da
            db[j] += da
            dx[n] += W[:, j] * da
        return dW, db, dx

    def right(W, b, x, dy, x2, dy2):
        a = np.array([[sum(row * W[:, j]) + b[j] for j in range(len(b))] for row in x])
        dW, db, dx = gradients(x, W, b, dy)
        more_dW, more_db, _ = gradients(x2, W, b, dy2)
        return np.maximum(a, 0.01 * a), dW, db, dx, dW, dW + more_dW, db + more_db

    def draw(rng):
        N, N2, n_in, n_out = sizes(rng, 4, 2, 9)
        W, x, dy = (numbers(rng, *s) for s in [(n_in, n_out), (N, n_in), (N, n_out)])
        b = numbers(rng, n_out) + 0.00005  # so that no a is 0
        return W, b, x, dy, numbers(rng, N2, n_in), numbers(rng, N2, n_out)

    def ask(W, b, x, dy, x2, dy2):
        layer = answer(*W.shape, rng=np.random.default_rng(0))
        for name in ("W", "b", "dW", "db"):
            has = hasattr(layer, name)
            answer.holds(has, f"the layer has no attribute {name}; it is given", cause=False)
        layer.W, layer.b = W.copy(), b.copy()
        y, dx = answer.call(layer.forward, x), answer.call(layer.backward, dy)
        seen = [y, np.array(layer.dW), np.array(layer.db), dx]
        answer.call(layer.forward, x2)
        seen.append(np.array(layer.dW))
        answer.call(layer.backward, dy2)
        moved = not (np.array_equal(layer.W, W) and np.array_equal(layer.b, b))
        answer.holds(not moved, "backward moves W or b: it leaves gradients, an optimiser moves")
        return *seen, np.array(layer.dW), np.array(layer.db)

    mistakes = _layer_mistakes(gradients)
    answer.agrees(right, draw, mistakes=mistakes, names=names, call=ask)


def _layer_mistakes(gradients):
    """Return the known mistakes of a layer: in y, in a gradient, or between two calls."""

    def part(i, made):
        return lambda *given: tuple(made(*given) if j == i else None for j in range(7))

    def y(made):
        return part(0, lambda W, b, x, dy, x2, dy2: made(x @ W, b))

    def leaky(a):
        return np.where(a > 0, a, 0.01 * a)

    def slope(W, b, x):
        return np.where(x @ W + b > 0, 1, 0.01)

    def gradient(i, of, slipped):
        """A mistake in dW, db or dx: ``slipped`` makes the da that it is taken of."""
        return part(i, lambda W, b, x, dy, x2, dy2: of(x, slipped(W, b, x, dy), W))

    taken = {
        "dW": (1, lambda x, da, W: x.T @ da),
        "db": (2, lambda x, da, W: da.sum(axis=0)),
        "dx": (3, lambda x, da, W: da @ W.T),
    }
    mistakes = {
        "y: the bias b is missing": y(lambda a, b: leaky(a)),
        "y: this is a relu; below zero the leaky one keeps 0.01 a": y(
            lambda a, b: np.maximum(a + b, 0)
        ),
        "y: the activation is missing": y(lambda a, b: a + b),
        "y: b is added after the activation; it belongs before it, a = x W + b": y(
            lambda a, b: leaky(a) + b
        ),
    }
    for line, slipped in {
        "the slope is chosen by the sign of dy; whether a unit is on shows in its output y": (
            lambda W, b, x, dy: dy * np.where(dy > 0, 1, 0.01)
        ),
        "dy went past the activation; multiply it by the slope first, da = dy * f'": (
            lambda W, b, x, dy: dy
        ),
        "the slope is 0 where y < 0, as a relu's; here it is 0.01": (
            lambda W, b, x, dy: dy * (x @ W + b > 0)
        ),
        "a mean over the rows; each row pulls at it, so they add up. The 1/N of the loss is in dy "
        "already": lambda W, b, x, dy: dy * slope(W, b, x) / len(x),
        "it is N times too large, as if the whole batch's gradient were added once for each row; "
        "a sum over the rows is all": lambda W, b, x, dy: dy * slope(W, b, x) * len(x),
    }.items():
        for name, (i, of) in taken.items():
            mistakes[f"{name}: {line}"] = gradient(i, of, slipped)
    overwritten = (
        "the second backward overwrites the gradients of the first: add with +=, a layer that is "
        "used twice owes both"
    )
    return mistakes | {
        "dW: no gradient has arrived: it is still zero. Add to self.dW": part(
            1, lambda W, b, x, dy, x2, dy2: 0 * W
        ),
        "db: no gradient has arrived: it is still zero. Add to self.db": part(
            2, lambda W, b, x, dy, x2, dy2: 0 * b
        ),
        "db: it is summed over the outputs too; each entry of b hears from its own column": part(
            2,
            lambda W, b, x, dy, x2, dy2: np.full(b.shape, np.sum(dy * slope(W, b, x))),
        ),
        "forward puts the gradients back to zero; they are kept, and backward adds to them": part(
            4, lambda W, b, x, dy, x2, dy2: 0 * W
        ),
        f"{overwritten} (dW)": part(5, lambda W, b, x, dy, x2, dy2: gradients(x2, W, b, dy2)[0]),
        f"{overwritten} (db)": part(6, lambda W, b, x, dy, x2, dy2: gradients(x2, W, b, dy2)[1]),
    }


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
    def right(X, start, n_neighbors):
        joints = {i: {} for i in range(len(X))}
        for i, x in enumerate(X):
            far = sorted((math.dist(x, other), j) for j, other in enumerate(X) if j != i)
            for length, j in far[:n_neighbors]:
                joints[i][j] = joints[j][i] = length
        walked, queue = np.full(len(X), np.inf), [(0.0, start)]
        while queue:  # Dijkstra's way: whoever is nearest is settled
            length, i = heapq.heappop(queue)
            if length < walked[i]:
                walked[i] = length
                for j, joint in joints[i].items():
                    heapq.heappush(queue, (length + joint, j))
        return walked

    def draw(rng):
        N, k = int(rng.integers(12, 22)), int(rng.integers(1, 5))
        return rng.normal(size=(N, 2)).round(2), int(rng.integers(1, N)), k

    def joints(X, k, skip=1, join=np.minimum):
        apart = np.linalg.norm(X[:, None] - X, axis=2)
        lengths = np.full_like(apart, np.inf)
        for i, row in enumerate(apart):
            near = np.argsort(row)[skip : k + skip]
            lengths[i, near] = row[near]
        return join(lengths, lengths.T)

    def walk(lengths, start, rounds=None, enough=lambda best: False):
        best = np.where(np.arange(len(lengths)) == start, 0, np.inf)
        for _ in range(rounds or len(lengths)):
            if enough(best):
                break
            best = np.minimum(best, (best[:, None] + lengths).min(axis=0))
        return best

    def made(change):
        """A mistake in terms of the lengths of the joints, the start, and how many neighbours."""
        return lambda X, start, n_neighbors: change(joints(X, n_neighbors), start, n_neighbors)

    def one_way(lengths, transposed):
        return lengths

    mistakes = {
        "this is the straight line through empty space; walk from joint to joint": (
            lambda X, start, n_neighbors: np.linalg.norm(X - X[start], axis=1)
        ),
        "joints are counted, not measured: add up their lengths": made(
            lambda lengths, start, k: walk(np.where(np.isfinite(lengths), 1, lengths), start)
        ),
        "only one step was taken: points beyond the start's own neighbours are reached over "
        "others": made(lambda lengths, start, k: walk(lengths, start, 1)),
        "the walks have as many joints at most as there are neighbours; go on until nothing "
        "changes": made(lambda lengths, start, k: walk(lengths, start, k)),
        "it stops as soon as all are reached; a walk with more joints may be shorter. Go on until "
        "nothing changes": made(
            lambda lengths, start, k: walk(lengths, start, enough=lambda b: np.all(np.isfinite(b)))
        ),
        "joints are used one way only: if j is near to i, you may walk from j to i too, even if j "
        "has nearer neighbours of its own": lambda X, start, n_neighbors: walk(
            joints(X, n_neighbors, join=one_way), start
        ),
        "there is a joint only where each of the two is near to the other; one of them is enough": (
            lambda X, start, n_neighbors: walk(joints(X, n_neighbors, join=np.maximum), start)
        ),
        "each point is counted as its own nearest neighbour, so one joint is missing everywhere": (
            lambda X, start, n_neighbors: walk(joints(X, n_neighbors - 1), start)
        ),
        "the squared lengths are added up: take the root of each first": made(
            lambda lengths, start, k: walk(lengths**2, start)
        ),
        "the walks begin at row 0; they are to begin at start": made(
            lambda lengths, start, k: walk(lengths, 0)
        ),
        "points that cannot be reached get 0; their distance is infinite": (
            lambda X, start, n_neighbors: (lambda w: np.where(np.isinf(w), 0, w))(
                right(X, start, n_neighbors)
            )
        ),
    }
    # A horseshoe, walked by hand; a line of which the last is nobody's nearest; two islands.
    corners = [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1.25], [3, 2.5], [2, 2.5], [1, 2.5], [0, 2.5]]
    line = np.array([[0.0, 0], [1, 0], [1.5, 0], [4, 0]])
    islands = np.array([[0.0, 0], [1, 0], [50, 0], [51, 0]])
    first = [(np.array(corners), 0, 2), (line, 0, 1), (islands, 1, 1)]
    answer.agrees(right, draw, mistakes=mistakes, first=first, n_calls=14)
