"""The checks of chapter 2 on a layer, a step and a training."""

import numpy as np

from vae_numpy import data
from vae_numpy.exercises.cases import number, numbers, sizes
from vae_numpy.exercises.catalogue import exercise
from vae_numpy.exercises.ch02.check import loss_of
from vae_numpy.gradcheck import numerical_gradient


@exercise(
    "2.6",
    trains="writing a layer: a forward pass, and the same walked backwards",
    difficulty="hard",
    minutes=30,
    hints=[
        "`backward` needs the input of the last `forward`: keep it, as `self.x = x`.",
        "The shapes tell you the order: dW is (n_in, n_out), x is (N, n_in), dy is (N, n_out).",
        "b is added to every row, so db is the sum of all rows of dy.",
    ],
)
def Linear(answer):
    names = ("y", "dx", "dW", "db", "dW after the next forward", "dW", "db")

    def right(W, b, x, dy, x2, dy2):
        y = np.array([[sum(row * W[:, j]) + b[j] for j in range(len(b))] for row in x])
        dx = np.array([sum(g * w for g, w in zip(row, W.T, strict=True)) for row in dy])
        pairs = [list(zip(x, dy, strict=True)), list(zip(x2, dy2, strict=True))]
        dW, more = (sum(np.outer(row, g) for row, g in pair) for pair in pairs)
        return y, dx, dW, sum(dy), dW, dW + more, sum(dy) + sum(dy2)

    def draw(rng):
        N, N2, n_in, n_out = sizes(rng, 4, 2, 9)
        W, b, x, dy = (numbers(rng, *s) for s in [(n_in, n_out), (n_out,), (N, n_in), (N, n_out)])
        return W, b, x, dy, numbers(rng, N2, n_in), numbers(rng, N2, n_out)

    def ask(W, b, x, dy, x2, dy2):
        layer = answer(W.copy(), b.copy())
        seen = [answer.call(layer.forward, x), answer.call(layer.backward, dy)]
        seen += [np.array(layer.dW), np.array(layer.db)]
        answer.call(layer.forward, x2)
        seen.append(np.array(layer.dW))
        answer.call(layer.backward, dy2)
        answer.holds(
            np.array_equal(layer.W, W) and np.array_equal(layer.b, b),
            "the layer changes its own W or b: that is the optimiser's job, after all gradients",
        )
        return *seen, np.array(layer.dW), np.array(layer.db)

    def part(i, made):
        """A mistake in one part of what is seen."""
        return lambda *given: tuple(made(*given) if j == i else None for j in range(7))

    mistakes = {
        "y: the bias b is not added": part(0, lambda W, b, x, dy, x2, dy2: x @ W),
        "dx: it goes back through the inverse of W; each x acts through W, so it is W^T": part(
            1, lambda W, b, x, dy, x2, dy2: dy @ np.linalg.pinv(W)
        ),
        "dW is still zero: backward has to fill it": part(2, lambda W, b, x, dy, x2, dy2: 0 * W),
        "dW is averaged over the rows; the mean over the batch is in dy already": part(
            2, lambda W, b, x, dy, x2, dy2: x.T @ dy / len(x)
        ),
        "db is still zero: the bias has a gradient too": part(
            3, lambda W, b, x, dy, x2, dy2: 0 * b
        ),
        "db is a mean over the rows; b was added to every row, so it is their sum": part(
            3, lambda W, b, x, dy, x2, dy2: dy.mean(axis=0)
        ),
        "db is the last row's alone; sum over the rows": part(
            3, lambda W, b, x, dy, x2, dy2: dy[-1]
        ),
        "db is summed over the outputs too; each entry of b hears from its own column": part(
            3, lambda W, b, x, dy, x2, dy2: np.full(b.shape, dy.sum())
        ),
        "forward puts the gradients back to zero; they are kept, and backward adds to them": part(
            4, lambda W, b, x, dy, x2, dy2: 0 * W
        ),
        "dW holds the last call alone: add to it with +=, several calls may share a layer": part(
            5, lambda W, b, x, dy, x2, dy2: x2.T @ dy2
        ),
        "db holds the last call alone: add to it with +=, several calls may share a layer": part(
            6, lambda W, b, x, dy, x2, dy2: dy2.sum(axis=0)
        ),
    }
    rng = np.random.default_rng(0)
    shapes = [(3, 2), (2,), (4, 3), (4, 2), (5, 3), (5, 2)]
    first = [tuple(numbers(rng, *shape) for shape in shapes)]
    answer.agrees(right, draw, mistakes=mistakes, first=first, names=names, call=ask)


@exercise(
    "2.7",
    trains="finding a bug that raises no error and still trains",
    difficulty="medium",
    minutes=15,
    hints=[
        "Every formula in it is right. Look at when each is used.",
        "Which W does the forward pass see, and which W does the gradient of V see?",
        "Compute dV and dW first, then change V and W.",
    ],
)
def train_step(answer):
    def right(Xc, V, W, eta):
        return (
            V - eta * numerical_gradient(lambda V: loss_of(Xc @ V @ W, Xc), V.copy()),
            W - eta * numerical_gradient(lambda W: loss_of(Xc @ V @ W, Xc), W.copy()),
        )

    def draw(rng):
        N, D, K = sizes(rng, 3, 2, 8)
        Xc = numbers(rng, N, D)
        V, W = numbers(rng, D, K, low=-1, high=1), numbers(rng, K, D, low=-1, high=1)
        return Xc - Xc.mean(axis=0), V, W, number(rng, 0.03, 0.2)

    def slopes(Xc, V, W):
        dX_hat = 2 / len(Xc) * (Xc @ V @ W - Xc)
        return Xc.T @ dX_hat @ W.T, (Xc @ V).T @ dX_hat

    def scaled(factor):
        """A mistake in the length of the step; ``factor`` is a function of N and D."""

        def made(Xc, V, W, eta):
            return right(Xc, V, W, eta * factor(*Xc.shape))

        return made

    def V_from_new_W(Xc, V, W, eta):
        new_W = W - eta * slopes(Xc, V, W)[1]
        dX_hat = 2 / len(Xc) * (Xc @ V @ W - Xc)
        return V - eta * Xc.T @ dX_hat @ new_W.T, new_W

    def W_from_new_codes(Xc, V, W, eta):
        new_V = V - eta * slopes(Xc, V, W)[0]
        dX_hat = 2 / len(Xc) * (Xc @ V @ W - Xc)
        return new_V, W - eta * (Xc @ new_V).T @ dX_hat

    def W_after_V(Xc, V, W, eta):
        new_V = V - eta * slopes(Xc, V, W)[0]
        return new_V, W - eta * slopes(Xc, new_V, W)[1]

    def V_after_W(Xc, V, W, eta):
        new_W = W - eta * slopes(Xc, V, W)[1]
        return V - eta * slopes(Xc, V, new_W)[0], new_W

    def through_V(Xc, V, W, eta):
        dX_hat = 2 / len(Xc) * (Xc @ V @ W - Xc)
        return V - eta * Xc.T @ dX_hat @ V, None

    mistakes = {
        "V moves along a gradient that was taken with the new W: the forward pass never was there. "
        "Compute both gradients, then change both": V_from_new_W,
        "W moves along a gradient that was taken with the new V. Compute both gradients, then "
        "change both": [W_from_new_codes, W_after_V],
        "one matrix is changed, and the other one's gradient is taken after a second forward pass: "
        "that is two half steps, not one": V_after_W,
        "the step goes uphill: move against the gradient": scaled(lambda N, D: -1),
        "the gradient lost its 1/N: the step is N times too long": scaled(lambda N, D: N),
        "the step is half as long: the 2 of the square's derivative is missing": scaled(
            lambda N, D: 0.5
        ),
        "the gradient is divided by D too, but the loss sums over the features": scaled(
            lambda N, D: 1 / D
        ),
        "the gradient is divided by N twice": scaled(lambda N, D: 1 / N),
        "V's gradient goes back through V; the error comes through the decoder, so it is W^T": (
            through_V
        ),
        "W has not moved": lambda Xc, V, W, eta: (None, W),
        "V has not moved": lambda Xc, V, W, eta: (V, None),
    }
    answer.agrees(right, draw, mistakes=mistakes, names=("V", "W"), rtol=1e-5, atol=1e-8)


@exercise(
    "2.8",
    trains="a whole training that works on data you have not seen: a small project",
    difficulty="project",
    minutes=45,
    seconds=20,
    hints=[
        "Use your `train_step` in a loop. How long may a step be? The chapter has the limit, "
        "1 / (2 lambda_1), and lambda_1 depends on the unit of the data.",
        "Start from small random numbers, not from zeros: zero is a saddle.",
        "If it stops too early, it has not turned yet. Exercise 2.3 says where it has to end: go "
        "on until it is there.",
    ],
    compare="exercise 2.3 says where it has to end",
)
def fit_linear(answer):
    fits = [Fit(answer, name, X, k) for name, (X, k) in _clouds().items()]
    _judge_where_it_ends(answer, fits)
    X, k, name = fits[-1].X, fits[-1].k, fits[-1].name
    for factor, size in ((30, "large"), (1 / 30, "small")):
        fit = Fit(answer, f"{name}, 30 times as {size},", factor * X, k)
        answer.holds(
            fit.finite,
            f"on {fit.name} the training diverged; in its first unit it did not. The learning rate "
            "has to follow the unit of the data",
            fit.details(),
        )
        answer.holds(
            fit.there,
            f"on {fit.name} it is not at the bottom; in its first unit it was. What depends on the "
            "unit, the learning rate or when to stop, has to follow it",
            fit.details(),
        )
    _judge_rng(answer, fits)


def _clouds():
    """Return points (N, D) and a number of latents, by name; their least losses are known."""
    noisy = data.make_spiral(150, dim=3, noise=0.1, random_state=0)[0]
    falling, close = 0.4 * 0.85 ** np.arange(14), [0.4, 0.2, 0.1, 0.0998, 0.05, 0.03]
    return {
        "the spiral": (data.make_spiral(150, random_state=0)[0] + 1.0, 1),
        "the noisy spiral in space": (noisy + [0.6, 0.0, 0.8], 2),
        "a cloud with a spectrum that falls slowly": (_cloud(falling, 0), 6),
        "another such cloud": (_cloud(falling[:10], 1), 4),
        "a cloud with two variances that hardly differ": (_cloud(close, 3), 3),
        "a long cloud": (_cloud([0.6, 0.07, 0.035, 0.01, 0.008], 2), 3),
    }


def _cloud(eigenvalues, seed, n_points=60):
    """Return points (N, D) beside the origin that have this spectrum, a little tilted."""
    rng, D = np.random.default_rng(seed), len(eigenvalues)
    raw = rng.normal(size=(n_points, D))
    white = np.linalg.svd(raw - raw.mean(axis=0), full_matrices=False)[0] * np.sqrt(n_points)
    turn = np.linalg.qr(np.eye(D) + 0.3 * rng.normal(size=(D, D)))[0]
    return white * np.sqrt(eigenvalues) @ turn + rng.normal(size=D) / np.sqrt(D)


class Fit:
    """What an answer makes of a cloud."""

    def __init__(self, answer, name, X, k):
        self.answer, self.name, self.X, self.k = answer, name, X, k
        self.V, self.W = self.trained(0)
        D, self.Xc = X.shape[1], X - X.mean(axis=0)
        for part, its, shape in [(self.V, "V", (D, k)), (self.W, "W", (k, D))]:
            # What is not finite is judged later, with the other clouds.
            if np.shape(part) != shape or np.all(np.isfinite(part)):
                answer.form(part, np.zeros(shape), name=its)
        self.finite = bool(np.all(np.isfinite(self.V)) and np.all(np.isfinite(self.W)))
        self.map = np.asarray(self.V, float) @ np.asarray(self.W, float)
        self.there = self.finite and self.excess(self.Xc, self.map) <= 0.01

    def trained(self, seed):
        """Return V and W for a seed of the generator."""
        with np.errstate(all="ignore"):  # the verdict says it in words
            returned = self.answer(self.X, self.k, np.random.default_rng(seed))
        return self.answer.parts(returned, "V", "W")

    def excess(self, points, map_):
        """Return by which share a map loses more of some points than it must."""
        least = np.sum(np.linalg.svd(points, compute_uv=False)[self.k :] ** 2)
        with np.errstate(all="ignore"):
            return np.sum((points @ map_ - points) ** 2) / least - 1

    def details(self):
        """Return the line for the verdict."""
        more = f"it loses {self.excess(self.Xc, self.map):.2%} more than it must"
        return [f"on {self.name} {more if self.finite else 'V or W is not finite'}"]


def _judge_where_it_ends(answer, fits):
    """Name a cause that at least three clouds show, and all bear out; else say what is seen."""
    wrong = [fit for fit in fits if not fit.there]
    details = [line for fit in fits for line in fit.details()]
    for line, says in CAUSES.items():
        shown = len(wrong) >= 3 and all(fit.finite and says(fit) for fit in fits)
        answer.holds(not shown, line, details)
    for fit in wrong:
        line = f"on {fit.name} the training diverged: V or W is not finite"
        answer.holds(fit.finite, line, details, cause=False)
        more = fit.excess(fit.Xc, fit.map)
        line = f"on {fit.name} it loses {more:.0%} more than it must: not at the bottom yet"
        answer.holds(False, line, details, cause=False)


def _standardised(fit):
    """Say whether it is the best map for standardised points, measured in their units or not."""
    s = fit.Xc.std(axis=0)
    maps = [fit.map, s[:, None] * fit.map / s]
    return any(fit.excess(fit.Xc / s, map_) <= 0.01 for map_ in maps)


CAUSES = {
    "VW is zero: a training that starts at zero stays there, on a saddle": (
        lambda fit: np.allclose(fit.map, 0, atol=1e-6)
    ),
    "it was trained on points that were not centred: a latent is spent on pointing at them": (
        lambda fit: fit.excess(fit.X, fit.map) <= 0.01
    ),
    "it was trained on standardised points: their best directions are not those of the points": (
        _standardised
    ),
    "the columns of V are all equal: latents that start equal stay equal. Draw the start": (
        lambda fit: np.allclose(fit.V, np.asarray(fit.V)[:, :1], rtol=1e-4, atol=1e-6)
    ),
}


def _judge_rng(answer, fits):
    """Ask whether another generator makes another start."""
    same = all(all(map(np.array_equal, fit.trained(1), (fit.V, fit.W))) for fit in fits)
    tops = [np.linalg.svd(fit.Xc, full_matrices=False)[2][: fit.k] for fit in fits]
    exact = all(np.allclose(f.map, U.T @ U, atol=1e-4) for f, U in zip(fits, tops, strict=True))
    # A decomposition has no start; it ends where no training gets so soon.
    answer.holds(
        not same or exact,
        "other generators give the same V and W, and VW is not quite the best map, as that of a "
        "decomposition is: the start of the training is not drawn from rng",
    )
