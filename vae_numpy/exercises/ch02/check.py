"""The checks of chapter 2: the linear autoencoder."""

import numpy as np

from vae_numpy import data
from vae_numpy.exercises.catalogue import exercise
from vae_numpy.gradcheck import numerical_gradient

# Eight corners of a box with the variances 5, 3 and 2, turned about two axes and moved away.
BOX = np.sqrt([5.0, 3.0, 2.0]) * (np.indices((2, 2, 2)).reshape(3, 8).T * 2 - 1)
TURN = np.array([[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]])
TURN = TURN @ np.array([[1, 0, 0], [0, 0.6, -0.8], [0, 0.8, 0.6]])
TURNED_BOX = BOX @ TURN + [1.0, -2.0, 4.0]


def small_problem(seed=0):
    """Return centred points (5, 4), an encoder (4, 2) and a decoder (2, 4)."""
    rng = np.random.default_rng(seed)
    Xc = rng.normal(size=(5, 4))
    return Xc - Xc.mean(axis=0), rng.normal(size=(4, 2)), rng.normal(size=(2, 4))


def loss_of(Xc, V, W):
    """Return the squared error in a loop over the points."""
    return sum(np.sum((x @ V @ W - x) ** 2) for x in Xc) / len(Xc)


@exercise(
    "2.1",
    trains="matrix shapes, and where the mean goes",
    difficulty="easy",
    minutes=5,
    hints=[
        "The mean of each coordinate is `X.mean(axis=0)`, of shape (D,).",
        "The codes are `(X - m) @ V`, and the decoder sees nothing but them.",
    ],
)
def there_and_back(answer):
    def through(X, V, W, before, after):
        Z = (X - before) @ V
        return Z, Z @ W + after

    mistakes = {
        "the mean is not taken off before encoding": lambda X, V, W: (X @ V, None),
        "the mean is not put back after decoding": (
            lambda X, V, W: through(X, V, W, X.mean(axis=0), 0)
        ),
        "one mean of all numbers is taken off; each coordinate has its own": (
            lambda X, V, W: ((X - X.mean()) @ V, None)
        ),
    }
    names = ("Z", "X_hat")
    X = np.array([[1.0, 5.0], [3.0, 9.0]])  # the mean is (2, 7)
    V, W = np.array([[1.0], [2.0]]), np.array([[0.5, -1.0]])
    Z, X_hat = np.array([[-5.0], [5.0]]), np.array([[-0.5, 12.0], [4.5, 2.0]])
    answer.gives((Z, X_hat), X, V, W, mistakes=mistakes, names=names)
    Xc, V, W = small_problem()
    m = np.array([3.0, -1.0, 0.5, 2.0])
    Z = np.array([[sum(x[j] * V[j, k] for j in range(4)) for k in range(2)] for x in Xc])
    answer.gives((Z, Z @ W + m), Xc + m, V, W, mistakes=mistakes, names=names)


@exercise(
    "2.2",
    trains="the order of sum and mean, and what it does to a gradient",
    difficulty="medium",
    minutes=10,
    hints=[
        "Sum over everything, then divide by the number of rows only: `/ len(X)`.",
        "An entry e of the error counts as `e**2 / N`. Its derivative is `2 * e / N`.",
        "Check it as the chapter does: nudge one entry of `X_hat` and see how the loss changes.",
    ],
)
def squared_loss(answer):
    X, X_hat = np.random.default_rng(0).normal(size=(2, 4, 3))
    n_points, n_features = X.shape
    loss, dX_hat = answer.parts(answer(X_hat, X), "loss", "dX_hat")
    right = sum((a - b) ** 2 for a, b in zip(X_hat.ravel(), X.ravel(), strict=True)) / n_points
    mistakes = {
        "loss: it is a mean over the features too, D times too small: sum over them": (
            right / n_features
        ),
        "loss: it is summed over the batch, N times too large: divide by len(X)": (
            n_points * right
        ),
        "loss: there is no factor 1/2 in this book's squared error": right / 2,
        "loss: no root is taken; it is a squared length": [np.sqrt(right), np.sqrt(right * 4)],
        "loss: the errors are added up before they are squared, and cancel": (
            np.sum(X_hat - X) ** 2 / n_points
        ),
    }
    answer.compare(loss, right, mistakes=mistakes, names=("loss",))
    error = X_hat - X
    mistakes = {
        "dX_hat: the 1/N is missing: it is N times too large, as the loss is a mean over the "
        "batch": 2 * error,
        "dX_hat: the 2 is missing: the derivative of a square is twice the root": error / n_points,
        "dX_hat: the 2 and the 1/N are missing; this is the error itself": error,
        "dX_hat: it points the wrong way: the error is X_hat - X, not X - X_hat": (
            -2 / n_points * error
        ),
        "dX_hat: it is divided by D too, but the loss sums over the features": (
            2 / error.size * error
        ),
    }
    answer.gradient(
        dX_hat,
        lambda A: np.sum((A - X) ** 2) / n_points,
        X_hat,
        name="dX_hat",
        mistakes=mistakes,
        batch_size=n_points,
        n_features=n_features,
    )


@exercise(
    "2.3",
    trains="knowing the end of a training before it starts",
    difficulty="easy",
    minutes=10,
    hints=[
        "The least loss is the sum of the eigenvalues that are thrown away.",
        "`np.linalg.eigvalsh` returns them rising: the first D - k are lost.",
        "The loss is a mean over the batch: the covariance has 1/N, not 1/(N - 1).",
    ],
    compare="for the random cloud and k = 2 it is a third of the total variance",
)
def least_loss(answer):
    def spectrum(X, centre=True):
        X = X - X.mean(axis=0) if centre else X
        return np.linalg.eigvalsh(X.T @ X / len(X))[::-1]

    def rest(X, k):
        return spectrum(X)[k:].sum()

    mistakes = {
        "this is the variance that is kept; the loss is the rest": (
            lambda X, k: spectrum(X)[:k].sum()
        ),
        "the covariance is divided by N - 1, as np.cov does; the loss is a mean over N points": (
            lambda X, k: rest(X, k) * len(X) / (len(X) - 1)
        ),
        "the mean is not taken off first": lambda X, k: spectrum(X, centre=False)[k:].sum(),
        "this is the share that is lost; the loss is in squared units of the data": (
            lambda X, k: rest(X, k) / rest(X, 0)
        ),
        "this is one eigenvalue; all that are left out are lost": (
            lambda X, k: [spectrum(X)[k], spectrum(X)[k - 1]]
        ),
        "one eigenvalue too few is counted": lambda X, k: rest(X, k + 1),
        "the covariance is not divided by N": lambda X, k: rest(X, k) * len(X),
    }
    for k, want in [(1, 5.0), (2, 2.0), (0, 10.0), (3, 0.0)]:
        answer.gives(want, TURNED_BOX, k, mistakes=mistakes if k in (1, 2) else None)


@exercise(
    "2.4",
    trains="counting from zero",
    difficulty="easy",
    minutes=5,
    hints=[
        "`np.cumsum` of the falling eigenvalues, divided by their sum: entry 0 is what one latent "
        "keeps.",
        "`np.argmax` of an array of booleans is the index of the first True.",
    ],
    compare="the digits, `data.load_digits()[0]`, need 21 latents for 0.9",
)
def latents_needed(answer):
    def kept(X):
        values = np.linalg.eigvalsh(np.cov(X.T))[::-1]
        return np.cumsum(values) / values.sum(), values / values.sum()

    mistakes = {
        "one too few: index 0 of the cumulative sum belongs to one latent": (
            lambda X, share: np.sum(kept(X)[0] < share)
        ),
        "one too many: the sum reaches the share one latent earlier": (
            lambda X, share: np.sum(kept(X)[0] < share) + 2
        ),
        "these are the latents that may be left out": (
            lambda X, share: X.shape[1] - np.sum(kept(X)[0] < share) - 1
        ),
        "the smallest directions are added up first": (
            lambda X, share: np.sum(np.cumsum(kept(X)[1][::-1]) < share) + 1
        ),
    }
    # Five directions with the shares 0.4, 0.25, 0.2, 0.1 and 0.05.
    cloud = np.vstack([np.eye(5), -np.eye(5)]) * np.sqrt([0.4, 0.25, 0.2, 0.1, 0.05]) - 3
    for share, want in [(0.3, 1), (0.9, 4), (0.6, 2), (0.86, 4), (0.99, 5)]:
        answer.gives(want, cloud, share, mistakes=mistakes)
    answer.gives(2, TURNED_BOX, 0.6, mistakes=mistakes)


@exercise(
    "2.5",
    trains="the chain rule where one number acts in two places",
    difficulty="medium",
    minutes=20,
    hints=[
        "V acts twice: as the encoder V, and as the decoder V^T. Add what each place says.",
        "The chapter's `loss_and_gradients(Xc, V, V.T)` returns both, but dW has the decoder's "
        "shape, (K, D).",
        "dV + dW.T",
    ],
)
def tied_gradient(answer):
    Xc, V, _ = small_problem()
    n_points = len(Xc)
    dX_hat = 2 / n_points * (Xc @ V @ V.T - Xc)
    as_encoder, as_decoder = Xc.T @ dX_hat @ V, dX_hat.T @ Xc @ V
    both = as_encoder + as_decoder
    mistakes = {
        "dV: this is the encoder's share alone; V acts as the decoder too": as_encoder,
        "dV: this is the decoder's share alone; V acts as the encoder too": as_decoder,
        "dV: the encoder's share is counted twice, and the decoder's is another": 2 * as_encoder,
        "dV: the 1/N is missing, as the loss is a mean over the batch": n_points * both,
        "dV: exactly half of it: either the 2 of the square is missing, or the two shares are "
        "averaged instead of added": both / 2,
    }
    answer.gradient(
        answer(Xc, V),
        lambda V: loss_of(Xc, V, V.T),
        V,
        name="dV",
        mistakes=mistakes,
        batch_size=n_points,
        n_features=Xc.shape[1],
    )


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
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(3, 2)), rng.normal(size=2)
    layer = answer(W.copy(), b.copy())
    total_dW, total_db = 0, 0
    for n_points in (4, 5):  # the second time the gradients must be added to the first
        x, dy = rng.normal(size=(n_points, 3)), rng.normal(size=(n_points, 2))
        y = answer.call(layer.forward, x)
        want = np.array([[row @ W[:, j] + b[j] for j in range(2)] for row in x])
        without = {"y: the bias b is not added": want - b}
        answer.compare(y, want, names=("y",), mistakes=without)
        dx = answer.call(layer.backward, dy)
        answer.gradient(dx, lambda x: np.sum((x @ W + b) * dy), x, name="dx")  # noqa: B023
        dW, db = x.T @ dy, dy.sum(axis=0)
        total_dW, total_db = total_dW + dW, total_db + db
        again = "holds the last call alone: add to it with +=, several calls may share a layer"
        mistakes = {
            "dW is still zero: backward has to fill it": 0 * W,
            f"dW {again}": dW,
            "dW is averaged over the rows; the mean over the batch is in dy already": (
                total_dW / n_points
            ),
        }
        answer.compare(layer.dW, total_dW, names=("dW",), mistakes=mistakes)
        mistakes = {
            "db is still zero: the bias has a gradient too": 0 * b,
            f"db {again}": db,
            "db is a mean over the rows; b was added to every row, so it is their sum": (
                total_db / n_points
            ),
            "db is the last row's alone; sum over the rows": dy[-1],
        }
        answer.compare(layer.db, total_db, names=("db",), mistakes=mistakes)
    answer.holds(
        np.array_equal(layer.W, W) and np.array_equal(layer.b, b),
        "the layer changes its own W or b: that is the optimiser's job, after all gradients",
    )


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
    def slopes(V, W):
        dX_hat = 2 / len(Xc) * (Xc @ V @ W - Xc)
        return Xc.T @ dX_hat @ W.T, (Xc @ V).T @ dX_hat

    Xc, V, W = small_problem()
    eta = 0.05
    want = (
        V - eta * numerical_gradient(lambda V: loss_of(Xc, V, W), V.copy()),
        W - eta * numerical_gradient(lambda W: loss_of(Xc, V, W), W.copy()),
    )
    dV, dW = slopes(V, W)
    dX_hat = 2 / len(Xc) * (Xc @ V @ W - Xc)
    V_from_new_W = V - eta * Xc.T @ dX_hat @ want[1].T
    W_from_new_V = W - eta * (Xc @ want[0]).T @ dX_hat
    mistakes = {
        "V moves along a gradient that was taken with the new W: the forward pass never was there. "
        "Compute both gradients, then change both": (V_from_new_W, want[1]),
        "W moves along a gradient that was taken with the new V. Compute both gradients, then "
        "change both": [
            (want[0], W_from_new_V),
            (want[0], W - eta * slopes(want[0], W)[1]),
        ],
        "one matrix is changed, and the other one's gradient is taken after a second forward pass: "
        "that is two half steps, not one": (V - eta * slopes(V, want[1])[0], want[1]),
        "the step goes uphill: move against the gradient": (V + eta * dV, W + eta * dW),
        "the gradient lost its 1/N: the step is N times too long": (
            V - len(Xc) * eta * dV,
            W - len(Xc) * eta * dW,
        ),
        "W has not moved": (None, W),
        "V has not moved": (V, None),
    }
    answer.gives(want, Xc, V, W, eta, mistakes=mistakes, names=("V", "W"), rtol=1e-5)


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
        "If it stops too early, it has not turned yet: take more steps, or stop when the loss no "
        "longer falls by a thousandth in a hundred steps.",
    ],
    compare="exercise 2.3 says where it has to end",
)
def fit_linear(answer):
    spiral = data.make_spiral(300, random_state=0)[0]
    clouds = {
        "the spiral": (spiral, 1),
        "the noisy spiral in space, far from the origin": (
            data.make_spiral(300, dim=3, noise=0.1, random_state=0)[0] + [4.0, 0.0, 2.0],
            2,
        ),
        "the spiral with its second coordinate in millimetres": (spiral * [1, 10], 1),
        "the helix": (data.make_helix(300, random_state=0)[0], 2),
    }
    for name, (X, k) in clouds.items():
        with np.errstate(all="ignore"):  # the verdict says it in words
            returned = answer(X, k, np.random.default_rng(0))
        V, W = answer.parts(returned, "V", "W")
        _judge_fit(answer, name, X, k, V, W)


def _judge_fit(answer, name, X, k, V, W):
    n_points, n_features = X.shape
    Xc = X - X.mean(axis=0)
    finite = answer.fits(V, np.zeros((n_features, k))) or np.all(np.isfinite(V))
    answer.holds(
        finite,
        f"on {name} the training diverged: its learning rate is too long for this data",
        [f"its largest eigenvalue is {np.linalg.eigvalsh(Xc.T @ Xc / n_points)[-1]:.3g}"],
    )
    answer.form(V, np.zeros((n_features, k)), name="V")
    answer.form(W, np.zeros((k, n_features)), name="W")
    map_, least = np.asarray(V) @ np.asarray(W), np.linalg.eigvalsh(Xc.T @ Xc / n_points)[:-k].sum()
    loss = np.sum((Xc @ map_ - Xc) ** 2) / n_points
    details = [f"on {name}: loss {loss:.6g}, the least is {least:.6g}"]
    answer.holds(
        not np.allclose(map_, 0, atol=1e-6),
        "VW is zero: a training that starts at zero stays there, on a saddle",
        details,
    )
    top = np.linalg.svd(X, full_matrices=False)[2][:k]  # of the points as they are
    off_centre = loss > 1.01 * least and np.linalg.norm(map_ - top.T @ top) < 0.05
    answer.holds(
        not off_centre,
        "it was trained on points that were not centred: a latent is spent on pointing at them",
        details,
    )
    answer.holds(
        loss <= 1.01 * least,
        f"on {name} it loses {loss / least - 1:.0%} more than it must: not at the bottom yet",
        details,
    )
