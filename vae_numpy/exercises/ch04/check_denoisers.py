"""The checks of chapter 4 on denoisers and inpainters."""

import functools

import numpy as np
from threadpoolctl import threadpool_limits

from vae_numpy import kernels
from vae_numpy.data.corruption import HIDDEN
from vae_numpy.data.sprites import render
from vae_numpy.exercises.cases import gradients_of, number, numbers, sizes
from vae_numpy.exercises.catalogue import exercise


@exercise(
    "4.5",
    trains="weights that are exponentials, where all of them are too small to write down",
    difficulty="medium",
    minutes=20,
    hints=[
        "Multiply all weights by one and the same factor: the weighted mean stays. Which factor "
        "makes the largest weight 1?",
        "Work with the exponents: subtract from each row its largest, then take exp.",
    ],
)
def best_answer(answer):
    def right(x_tilde, X, sigma):
        # A weight over the sum of all is 1 over the sum of their ratios: nothing is 0/0.
        answers = []
        for place in x_tilde:
            squared = np.array([np.sum((place - x) ** 2) for x in X])
            with np.errstate(over="ignore"):
                shares = [1 / np.sum(np.exp((d - squared) / (2 * sigma**2))) for d in squared]
            answers.append(sum(share * x for share, x in zip(shares, X, strict=True)))
        return np.array(answers)

    def draw(rng):
        n, N, D = sizes(rng, 3, 2, 6)
        return numbers(rng, n, D), numbers(rng, N, D), number(rng, 0.9, 1.6)

    def far(rng):
        """Draw places far away, between two clean points that lie at the front."""
        n, N, D = sizes(rng, 3)
        X, sigma = numbers(rng, N, D), number(rng, 0.2, 0.45)
        X[:2, 0] = 4
        middle, across = X[:2].mean(axis=0), X[0] - X[1]
        aside = numbers(rng, n, 1, low=-1.5, high=1.5) * sigma**2 / np.sum(across**2)
        x_tilde = middle + aside * across
        x_tilde[:, 0] += rng.permutation(np.linspace(40, 90, n))
        return x_tilde, X[rng.permutation(N)], sigma

    def mean(x_tilde, X, sigma, power=2, factor=2.0, exponent=2, top=np.max):
        d = np.linalg.norm(x_tilde[:, None] - X, axis=2)
        log_w = -(d**power) / (factor * sigma**exponent)
        w = np.exp(log_w - top(log_w))
        return w @ X / w.sum(axis=1, keepdims=True)

    def rows(log_w):
        return log_w.max(axis=1, keepdims=True)

    def squared(x_tilde, X):
        return ((x_tilde[:, None] - X) ** 2).sum(axis=2)

    def nearest(x_tilde, X, sigma):
        return X[squared(x_tilde, X).argmin(axis=1)]

    def slip(**changed):
        return lambda x_tilde, X, sigma: mean(x_tilde, X, sigma, top=rows, **changed)

    mistakes = {
        "the 2 below sigma**2 is missing: the weights are those of a smaller noise": slip(factor=1),
        "sigma is not squared; distance and noise want the same units": slip(exponent=1),
        "the distance is not squared: these are the weights of another noise than the Gaussian": (
            slip(power=1)
        ),
        "the weights are not divided by their sum": lambda x_tilde, X, sigma: (
            np.exp(-squared(x_tilde, X) / (2 * sigma**2)) @ X
        ),
        "this is the nearest clean point; where several are possible, their weighted mean is": (
            nearest
        ),
        "all clean points count alike; weigh them by how near they are": (
            lambda x_tilde, X, sigma: np.broadcast_to(X.mean(axis=0), x_tilde.shape)
        ),
    }
    # Two clean points, -1 and 1: the weighted mean is tanh(x_tilde / sigma^2).
    two, places = np.array([[-1.0], [1.0]]), np.array([[-0.4], [0.1], [0.7]])
    answer.agrees(right, draw, mistakes=mistakes, first=[(places, two, 0.6)])
    farther = "far from all clean points every weight is too small for a float"
    mistakes = {
        f"0/0: {farther}. Subtract each row's largest exponent before exp; that leaves the mean as "
        "it is": lambda x_tilde, X, sigma: np.nan * x_tilde,
        f"{farther}, and a small number below the line hides the 0/0: the answer becomes 0, a "
        "place where no clean point need be": lambda x_tilde, X, sigma: 0 * x_tilde,
        f"{farther}, and the nearest clean point is taken then. Between two of them their weighted "
        "mean is right, as anywhere else": nearest,
        f"{farther}, and the damaged point is given back then": lambda x_tilde, X, sigma: x_tilde,
        f"{farther}, and all clean points count alike then: is an exponent clipped?": (
            lambda x_tilde, X, sigma: np.broadcast_to(X.mean(axis=0), x_tilde.shape)
        ),
        "0/0 in all rows but one: the largest exponent of all rows is subtracted; each row has its "
        "own": lambda x_tilde, X, sigma: mean(x_tilde, X, sigma),
    }
    between = (np.array([[50.0, 0.1], [-80.0, 0.0]]), np.array([[1, -0.5], [1, 0.5]]), 0.5)
    with np.errstate(all="ignore"):
        answer.agrees(right, far, mistakes=mistakes, first=[between])
        places = np.array([[50.0], [-80.0], [0.0]])
        answer.gives(np.sign(places), places, two, 0.1)


@exercise(
    "4.6",
    trains="a gradient that passes a mask and a sigmoid, and a bug that still trains",
    difficulty="medium",
    minutes=20,
    hints=[
        "The loss is right. Nudge V, compare; nudge W, compare. Both are off, so look at what both "
        "gradients go through.",
        "Each activation has its own derivative, written with its output. Which activation is "
        "where?",
    ],
    compare="Near p = 0 the mended slope p (1 - p) is close to 0 and the wrong one close to 1. The "
    "sign is the same everywhere, which is why the loss fell all the same.",
)
def inpainting_step(answer):
    def outputs(x, damaged, W, b, V, c):
        return 1 / (1 + np.exp(-(np.tanh(damaged @ W + b) @ V + c)))

    def loss(x, damaged, W, b, V, c, eta):
        p = outputs(x, damaged, W, b, V, c)
        hidden = np.argwhere(damaged == HIDDEN)
        return float(sum((p[i, j] - x[i, j]) ** 2 for i, j in hidden) / len(x))

    gradients = gradients_of(loss, "W", "b", "V", "c")

    def right(x, damaged, W, b, V, c, eta):
        found = gradients(x, damaged, W, b, V, c, eta)
        moved = [a - eta * g for a, g in zip((W, b, V, c), found, strict=True)]
        return *moved, loss(x, damaged, W, b, V, c, eta)

    def draw(rng):
        N, D, K = sizes(rng, 3, 2, 7)
        x = numbers(rng, N, D, low=0, high=1)
        hidden = rng.random((N, D)) < 0.4
        hidden.flat[rng.permutation(N * D)[:2]] = True, False
        arrays = (numbers(rng, *shape) for shape in [(D, K), (K,), (K, D), (D,)])
        return x, np.where(hidden, HIDDEN, x), *arrays, number(rng, 0.1, 0.8)

    def step(da, slope=lambda h: 1 - h**2, moved_v=False):
        """A mistake in the output's gradient, in terms of p, x, the mask and N, or behind it."""

        def made(x, damaged, W, b, V, c, eta):
            h, p = np.tanh(damaged @ W + b), outputs(x, damaged, W, b, V, c)
            back = da(p, x, damaged == HIDDEN, len(x))
            new_V = V - eta * h.T @ back
            dh = back @ (new_V if moved_v else V).T * slope(h)
            W, b = W - eta * damaged.T @ dh, b - eta * dh.sum(axis=0)
            return W, b, new_V, c - eta * back.sum(axis=0), None

        return made

    def loss_is(value):
        """A mistake in the loss, in terms of the squared errors and the mask."""

        def made(x, damaged, *rest):
            p = outputs(x, damaged, *rest[:4])
            return None, None, None, None, value((p - x) ** 2, damaged == HIDDEN)

        return made

    def slope_again(p):
        return 1 / (1 + np.exp(-p)) * (1 - 1 / (1 + np.exp(-p)))

    def good(p, x, hidden, N):
        return 2 / N * hidden * (p - x) * p * (1 - p)

    mistakes = {
        "loss: visible pixels count as well; they are known, and many, and hide how good the "
        "filling is": loss_is(lambda e, hidden: e.sum() / len(e)),
        "loss: a mean over the hidden pixels; it is their sum, and a mean over the batch only": (
            loss_is(lambda e, hidden: e[hidden].mean())
        ),
        "1 - p**2 is the slope of tanh; p comes out of a sigmoid, and that one's is p (1 - p)": (
            step(lambda p, x, hidden, N: 2 / N * hidden * (p - x) * (1 - p**2))
        ),
        "the slope of the sigmoid is missing: p - x alone belongs to the Bernoulli loss, where the "
        "slope cancels; with a squared error it stays": step(
            lambda p, x, hidden, N: 2 / N * hidden * (p - x)
        ),
        "p went through the sigmoid once more before its slope was taken: p is the output "
        "already": step(lambda p, x, hidden, N: 2 / N * hidden * (p - x) * slope_again(p)),
        "the slope at the output is 1 - (p - x); it is that of the sigmoid, p (1 - p)": step(
            lambda p, x, hidden, N: 2 / N * hidden * (p - x) * (1 - hidden * (p - x))
        ),
        "the mask is missing from the gradient: only hidden pixels are in the loss, so only they "
        "pull": step(lambda p, x, hidden, N: 2 / N * (p - x) * p * (1 - p)),
        "the step is N times too long: the gradient is a mean over the batch already, apply it "
        "once and not once for every row": step(
            lambda p, x, hidden, N: 2 * hidden * (p - x) * p * (1 - p)
        ),
        "h (1 - h) is the slope of a sigmoid; h comes out of tanh, and that one's is 1 - h**2": (
            step(good, slope=lambda h: h * (1 - h))
        ),
        "W and b: their gradients pass through V as it is before the step, and here it has moved": (
            step(good, moved_v=True)
        ),
        "the steps point uphill: a gradient is subtracted": step(lambda *given: -good(*given)),
    }
    names = ("W", "b", "V", "c", "loss")
    answer.agrees(right, draw, mistakes=mistakes, names=names, rtol=1e-5, atol=1e-7)


SIDE = 16  # pixels
SIGMAS = (0.5, 0.35, 0.27)  # standard deviations of the noise


class Counted(np.random.Generator):
    """A generator that keeps account of the normal numbers that are drawn from it."""

    def __init__(self, seed):
        super().__init__(np.random.PCG64(seed))
        self.drawn, self.scales = 0, set()

    def standard_normal(self, *args, **kwargs):
        values = super().standard_normal(*args, **kwargs)
        self.drawn += np.size(values)
        return values

    def normal(self, loc=0.0, scale=1.0, size=None):
        values = super().normal(loc, scale, size)
        self.drawn += np.size(values)
        self.scales.add(float(np.mean(scale)))
        return values


@exercise(
    "4.7",
    trains="training a denoiser end to end, against an opponent that is set up fairly",
    difficulty="project",
    minutes=60,
    hints=[
        "The chapter's loop, with pixels for points: damage the batch afresh, forward, loss "
        "against the undamaged batch, backward, step.",
        "Pixels are 0 or 1: `bernoulli_nll(logits, x)` gives loss and gradient, and the answer is "
        "the sigmoid of the logits.",
        "Ten epochs with batches of 64, Adam at 0.003, and one hidden layer of 128 relu units on "
        "either side are enough.",
    ],
    seconds=240,  # three trainings; on a busy machine each takes ten times as long
    compare="Draw some of the held-out sprites with `plotting.image_grid`: truth, damaged, median "
    "filter, yours; and then cover the truth and name the shapes.",
)
def fit_denoiser(answer):
    X, truth = _sprites(2000, 0).copy(), _sprites(300, 1)
    trials = []
    for sigma in SIGMAS:
        noisy = truth + sigma * np.random.default_rng(2).standard_normal(truth.shape)
        rng = Counted(3)
        with threadpool_limits(1, "blas"), np.errstate(all="ignore"):  # small products: one is best
            denoise = answer(X, sigma, rng)
            answer.holds(
                callable(denoise),
                "wanted a function that cleans pictures it has never seen, denoise(noisy)",
                [f"got an object of type {type(denoise).__name__}"],
            )
            cleaned = answer.call(denoise, noisy)
            answer.form(cleaned, truth, name="the cleaned pictures")
            few = answer.call(denoise, noisy[:4])
            answer.form(few, truth[:4], name="four cleaned pictures")
        trials.append((sigma, rng, noisy, np.asarray(cleaned, float), np.asarray(few, float)))
    _judge_cleaned(answer, truth, trials)


def _judge_cleaned(answer, truth, trials):
    """Compare what came with the pictures; a cause is named where all trainings bear it out."""
    scores = [
        {
            "damaged": _decibels(truth, noisy),
            "median filter": max(_decibels(truth, filtered) for filtered in _median_filters(noisy)),
            "yours": _decibels(truth, cleaned),
        }
        for _, _, noisy, cleaned, _ in trials
    ]
    figures = [
        f"noise of {trial[0]}: " + ", ".join(f"{name} {dB:.1f} dB" for name, dB in score.items())
        for trial, score in zip(trials, scores, strict=True)
    ]
    answer.holds(
        all(np.allclose(few, cleaned[:4], atol=1e-3) for *_, cleaned, few in trials),
        "a picture's answer depends on the pictures beside it: use what was learnt from X, nothing "
        "of the batch that is cleaned",
    )
    answer.holds(
        not all(np.all(np.std(cleaned, axis=0) < 1e-3) for *_, cleaned, _ in trials),
        "every picture gets the same answer",
        figures,
    )
    wanted = [score["median filter"] + 1 for score in scores]
    outside = [np.min(c) < -0.05 or np.max(c) > 1.05 for *_, c, _ in trials]
    with np.errstate(over="ignore"):
        squashed = [_decibels(truth, 1 / (1 + np.exp(-c))) for *_, c, _ in trials]
    answer.holds(
        not (all(outside) and all(s > w for s, w in zip(squashed, wanted, strict=True))),
        "these are logits: their sigmoids are the pixels, between 0 and 1, and good ones",
        figures,
    )
    answer.holds(
        not all(
            np.mean((c - n) ** 2) < 0.25 * np.mean((c - truth) ** 2) for _, _, n, c, _ in trials
        ),
        "it copies: its answers are much nearer to the damaged pictures than to the clean ones, "
        "which are wanted",
        figures,
    )
    if all(score["yours"] > want for score, want in zip(scores, wanted, strict=True)):
        answer.holds(
            not any(outside), "wanted pixels between 0 and 1; some lie outside", cause=False
        )
        return
    size, generators = 2000 * SIDE**2, [rng for _, rng, *_ in trials]
    answer.holds(
        not all(0.9 * size < rng.drawn < 1.9 * size for rng in generators),
        "the noise is drawn once, one number for each pixel of X, and can be learnt by heart: draw "
        "fresh noise for every batch",
        figures,
    )
    answer.holds(
        not all(
            rng.drawn > 0.9 * size and rng.scales and np.allclose([*rng.scales], sigma**2)
            for sigma, rng, *_ in trials
        ),
        "the noise is drawn with the standard deviation sigma**2; it is sigma",
        figures,
    )
    for line, opponent, more in [
        ("no better than the damaged pictures", "damaged", 0.5),
        ("better than nothing, and not better than the median filter, which has seen no sprites",
         "median filter", 0.1),
        ("the median filter is beaten, but one decibel more is wanted", "median filter", 1),
    ]:  # fmt: skip
        answer.holds(
            all(score["yours"] > score[opponent] + more for score in scores),
            line,
            figures,
            cause=False,
        )


@functools.cache
def _sprites(n, seed):
    low, high = (0, 3, 0, 0, 0), (3, 6, 40, 32, 32)  # the three largest sizes
    factors = np.random.default_rng(seed).integers(low, high, (n, 5))
    with kernels.use("numpy"):  # once, so compiling would take longer than drawing
        return render(factors, SIDE).reshape(n, -1).astype(np.float32)


def _decibels(X, X_hat):
    return float(-10 * np.log10(np.mean((np.clip(X_hat, 0, 1) - X) ** 2)))


def _median_filters(noisy):
    """The median filter in every setting that makes sense; the check takes its best."""
    from scipy import ndimage

    cross = ndimage.generate_binary_structure(2, 1)
    for neighbourhood in (cross, np.ones((3, 3), bool), np.ones((5, 5), bool)):
        yield ndimage.median_filter(
            noisy.reshape(-1, SIDE, SIDE), footprint=neighbourhood[None]
        ).reshape(noisy.shape)
