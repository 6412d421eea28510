"""The checks of chapter 10 on two sets of units: the alignment score, its control, and the UDR."""

import numpy as np

from vae_numpy.exercises.cases import number, sizes
from vae_numpy.exercises.catalogue import exercise
from vae_numpy.exercises.ch10.check_neuron import entropy
from vae_numpy.exercises.ch10.solution import lasso_weights  # given to the reader too


def white(rng, n, k):
    """Return k columns of mean 0 and variance 1 that are exactly uncorrelated."""
    Z = rng.standard_normal((n, k))
    U, _, Vt = np.linalg.svd(Z - Z.mean(axis=0), full_matrices=False)
    return U @ Vt * np.sqrt(n)


def standardised(X):
    """Return the columns with mean 0 and variance 1."""
    return (X - X.mean(axis=0)) / X.std(axis=0)


def moved(rng, X):
    """Return the columns in other units, and from other zeros."""
    scale = np.exp(rng.permutation(np.linspace(-1.5, 1.5, X.shape[1])))
    return X * scale + rng.normal(size=X.shape[1])


def lasso_sizes(X, Y, alpha):
    """Return the sizes (M, K) of the lassos' weights of Y (N, M) on X (N, K), one at a time."""
    X, Y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    G, c = X.T @ X / len(X), Y.T @ X / len(X)
    w, before = np.zeros(c.shape), None
    while before is None or np.abs(w - before).max() > 1e-12:
        before = w.copy()
        for k in range(len(G)):
            rest = c[:, k] - w @ G[:, k] + w[:, k] * G[k, k]
            w[:, k] = np.sign(rest) * np.maximum(np.abs(rest) - alpha, 0) / G[k, k]
    return np.abs(w)


def recording(rng, n_silent=0):
    """Draw codes (N, K) that are uncorrelated, neurons (N, M) that mix them, and a penalty.

    Every unit has a weight, and every neuron but the silent ones, which follow no unit.
    """
    K, M = sizes(rng, 2, 3, 9)
    alpha = number(rng, 0.06, 0.2)
    while True:
        mixing = rng.normal(size=(K, M))
        mixing /= np.linalg.norm(mixing, axis=0)
        heard = np.abs(mixing) > alpha
        if np.all(heard.sum(axis=0) > 1) and np.all(heard.any(axis=1)):
            break
    z = white(rng, 40, K + n_silent)
    neurons = np.hstack([z[:, :K] @ mixing, z[:, K:]])[:, rng.permutation(M + n_silent)]
    return moved(rng, z[:, :K]), moved(rng, neurons), alpha


@exercise(
    "10.5",
    trains="finding a bug in code whose output looks reasonable",
    difficulty="medium",
    minutes=15,
    hints=[
        "Ask the function about a case that you know: `alignment(z, z, 0.1)` must be 1.",
        "Then two neurons that follow the same unit: `alignment(z, z[:, [0, 0]], 0.1)`.",
        "Print `p.sum(axis=1)`. What should it be?",
    ],
    seconds=20,
)
def alignment(answer):
    def sizes_of(codes, neurons, alpha):
        # Units are uncorrelated, so each weight is a correlation, shrunk.
        correlations = standardised(neurons).T @ standardised(codes) / len(codes)
        return np.maximum(np.abs(correlations) - alpha, 0)

    def right(codes, neurons, alpha):
        rows = [w for w in sizes_of(codes, neurons, alpha) if np.any(w > 1e-9)]
        return np.mean([1 - entropy(w) / np.log(len(w)) for w in rows])

    def draw_silent(rng):
        return recording(rng, n_silent=int(rng.integers(1, 3)))

    def made(score, weights=sizes_of):
        """A mistake in terms of the weights (M, K) that neurons keep, and how many there are."""

        def maker(codes, neurons, alpha):
            w = weights(codes, neurons, alpha)
            return score(w[w.sum(axis=1) > 1e-9], neurons.shape[1])

        return maker

    def mean(w, unit=None, axis=1):
        p = w / w.sum(axis=axis, keepdims=True)
        each = 1 + np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1) / np.log(unit or w.shape[1])
        return each.mean()

    def scaled(x, y):
        return lambda codes, neurons, alpha: np.abs(lasso_weights(x(codes), y(neurons), alpha))

    def as_it_is(x):
        return x

    mistakes = {
        "the shares of a unit over the neurons sum to 1; those of a neuron over the units should": (
            made(lambda w, M: mean(w, axis=0))
        ),
        "this is the score of the units: how evenly each is spread over the neurons; wanted that "
        "of the neurons": [
            made(lambda w, M: mean(w.T)),
            made(lambda w, M: mean(w.T, unit=w.shape[1])),
        ],
        "the entropy is in units of the logarithm of the number of neurons; a neuron's shares run "
        "over the units, and K is their number": made(lambda w, M: mean(w, unit=M)),
        "neither units nor neurons are scaled to variance 1, so that alpha means something else "
        "for each": made(lambda w, M: mean(w), scaled(as_it_is, as_it_is)),
        "the units are not scaled to variance 1, so that alpha means something else for each": (
            made(lambda w, M: mean(w), scaled(as_it_is, standardised))
        ),
        "the neurons are not scaled to variance 1, so that alpha means something else for each": (
            made(lambda w, M: mean(w), scaled(standardised, as_it_is))
        ),
        "the score is not taken from 1: this is the mean entropy, in units of ln K": (
            made(lambda w, M: 1 - mean(w))
        ),
    }
    how = {"rtol": 1e-4, "atol": 1e-6}
    answer.agrees(right, recording, mistakes=mistakes, **how)
    mistakes = {
        "neurons without a weight count as 0; they have no score": made(
            lambda w, M: mean(w) * len(w) / M
        ),
        "neurons without a weight count as 1; they have no score": made(
            lambda w, M: 1 - (1 - mean(w)) * len(w) / M
        ),
        "the entropy is in units of the logarithm of the number of neurons that keep a weight; "
        "wanted that of the units": made(lambda w, M: mean(w, unit=len(w))),
        "NaN: neurons without a weight have no shares, 0 / 0; leave them out": made(
            lambda w, M: np.nan
        ),
    }
    with np.errstate(all="ignore"):
        answer.agrees(right, draw_silent, mistakes=mistakes, **how)
        z = white(np.random.default_rng(0), 40, 2)
        answer.gives(1.0, z, z[:, [0, 0, 1]] * 7, 0.1, **how)  # two neurons on one unit


@exercise(
    "10.6",
    trains="building the control that a result needs",
    difficulty="hard",
    minutes=20,
    hints=[
        "A random mixture of M neurons is `neurons @ v` with M random numbers `v`; all M mixtures "
        "at once are one product with an (M, M) matrix.",
        "Give the neurons mean 0 and variance 1 before you mix them, and the mixtures after.",
    ],
    compare="the score of `recombine(r, rng)` beside that of `r`, for the brain called single",
    seconds=20,
)
def recombine(answer):
    # The same number of neurons each time: some people count those of their own recording.
    calls = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        codes = white(rng, 200, 5)
        neurons = codes[:, np.arange(30) % 5] + 0.5 * rng.standard_normal((200, 30))
        neurons = neurons * rng.uniform(0.5, 20, 30) + 5
        artificial = answer(neurons, np.random.default_rng(seed))
        answer.form(artificial, neurons, name="artificial")
        calls.append((codes, neurons, np.asarray(artificial, float)))
    _judge_mixtures(answer, calls)
    _judge_weights(answer, calls)
    _judge_control(answer, calls)
    again = answer(neurons, np.random.default_rng(12345))
    answer.holds(
        not np.allclose(again, artificial), "another generator gives the same mixtures; use rng"
    )


def _judge_mixtures(answer, calls):
    """Ask for sums of the neurons' responses to the same picture, of mean 0 and variance 1."""

    def in_order(artificial, neurons):
        centred = neurons - neurons.mean(axis=0)
        fitted = centred @ np.linalg.lstsq(centred, artificial, rcond=None)[0]
        left_over = np.mean((artificial - artificial.mean(axis=0) - fitted) ** 2)
        return left_over < 1e-6 * np.mean(artificial**2)

    def reordered(artificial, neurons):
        columns = np.sort(standardised(neurons), axis=0)
        return np.allclose(np.sort(standardised(artificial), axis=0), columns, atol=1e-6)

    lost = [(a, neurons) for _, neurons, a in calls if not in_order(a, neurons)]
    answer.holds(
        len(lost) < 3 or not all(reordered(*pair) for pair in lost),
        "each column is a recorded neuron with its rows put in another order: that takes away the "
        "pictures as well as the axes",
    )
    answer.holds(
        not lost,
        "the mixtures are no sums of the neurons' responses to the same picture",
        cause=False,
    )
    ends = [(a.mean(axis=0), a.std(axis=0)) for *_, a in calls]
    answer.holds(
        all(np.allclose(m, 0, atol=1e-6) and np.allclose(s, 1, rtol=1e-3) for m, s in ends),
        "the mixtures do not have mean 0 and variance 1",
        [
            f"means from {m.min():.3g} to {m.max():.3g}, standard deviations from {s.min():.3g} "
            f"to {s.max():.3g}"
            for m, s in ends
        ],
    )


def _judge_weights(answer, calls):
    """Ask for weights that differ, are drawn for all neurons alike, and have either sign."""
    weights = [np.linalg.lstsq(standardised(r), a, rcond=None)[0] for _, r, a in calls]
    shares = [np.abs(w).max(axis=0) ** 2 / np.sum(w**2, axis=0) for w in weights]
    answer.holds(
        not any(share.max() > 0.97 for share in shares),
        "some columns are recorded neurons, in another order or with another sign: their axes "
        "have not changed",
    )
    among = [np.corrcoef(a.T)[np.triu_indices(30, 1)] for *_, a in calls]
    answer.holds(
        not any(np.abs(r).max() > 0.999 for r in among),
        "two artificial neurons are the same mixture",
    )
    # In units of the loudness that was taken off, the weights are as they were drawn.
    sizes = [np.sqrt(np.mean(w**2, axis=1)) for w in weights]
    loudness = [r.std(axis=0) for _, r, _ in calls]
    follow = [np.corrcoef(s, q)[0, 1] for s, q in zip(sizes, loudness, strict=True)]
    answer.holds(
        min(follow) < 0.8,
        "neurons that fire much rule every mixture; give all of them variance 1 before mixing",
        [f"weights and loudness are correlated by {r:.2f}" for r in follow],
    )
    answer.holds(
        all(s.max() < 3 * s.min() for s in sizes),
        "some neurons rule every mixture: their weights are thrice those of others, or more",
        cause=False,
    )
    negative = [np.mean(w < 0, axis=0) for w in weights]
    answer.holds(
        not all(np.all(np.minimum(n, 1 - n) == 0) for n in negative),
        "all weights of a mixture have one sign: such a sum averages the noise away, and all "
        "mixtures are alike. Draw weights of either sign",
        [f"mean correlation of two mixtures: {r.mean():.2f}" for r in among],
    )
    answer.holds(
        all(abs(r.mean()) < 0.2 for r in among),
        f"the mixtures are alike: two of them have a mean correlation of {among[0].mean():.2f}; "
        "with weights of either sign it is about 0",
        cause=False,
    )


def _judge_control(answer, calls):
    """Ask whether the score falls, as it has to for mixtures of neurons that follow a unit each."""
    from vae_numpy.metrics import alignment_score

    before = [alignment_score(codes, neurons) for codes, neurons, _ in calls]
    after = [alignment_score(codes, artificial) for codes, _, artificial in calls]
    answer.holds(
        all(late < early - 0.3 for early, late in zip(before, after, strict=True)),
        f"the score stays at {after[0]:.2f}; it was {before[0]:.2f}",
        cause=False,
    )


@exercise(
    "10.7",
    trains="turning a published definition into code, and testing it where you know the answer",
    difficulty="project",
    minutes=45,
    hints=[
        "Start as in the alignment score, with the units of b in the place of the neurons. "
        "`lasso_weights(X, Y, alpha)` is (K_b, K_a).",
        "Test it on a model and itself. With alpha = 0.1 every weight is 0.9, so the score is 0.9.",
        "A row of zeros is worth 0. Divide where the sum is above 0 only.",
    ],
    compare="the ten pairs of seeds in the wide world, and the ten in the square world",
    seconds=20,
)
def udr(answer):
    def table(a, b, alpha):
        """R (K_a, K_b): units of a are uncorrelated, so each weight is a correlation, shrunk."""
        correlations = standardised(a).T @ standardised(b) / len(a)
        shrunk = np.sign(correlations) * np.maximum(np.abs(correlations) - alpha, 0)
        return np.where(np.abs(shrunk) > 1e-9, shrunk, 0)

    def worths(R, power=2):
        return [max(line) ** power / sum(line) if any(line) else 0.0 for line in R.tolist()]

    def pair(R, power=2):
        return (np.mean(worths(R, power)) + np.mean(worths(R.T, power))) / 2

    def right(codes_a, codes_b, alpha=0.1):
        return pair(np.abs(table(codes_a, codes_b, alpha)))

    def draw(rng, n_lost=0):
        """Draw models whose units see each other, but for some of either."""
        K_a, K_b = sizes(rng, 2, 3, 8)
        alpha = number(rng, 0.06, 0.2)
        while True:
            mixing = rng.normal(size=(K_a + 1, K_b))
            mixing[:K_a] *= rng.random((K_a, K_b)) < 0.7
            mixing /= np.linalg.norm(mixing, axis=0)
            seen = np.abs(mixing[:K_a]) > alpha + 0.02
            if np.all(seen.any(axis=0)) and np.all(seen.any(axis=1)):
                break
        z = white(rng, 50, K_a + 1 + 2 * n_lost)
        lost_a, lost_b = np.hsplit(z[:, K_a + 1 :], 2)
        a = np.hstack([z[:, :K_a], lost_a])
        b = np.hstack([z[:, : K_a + 1] @ mixing, lost_b])
        return moved(rng, rng.permutation(a, axis=1)), moved(rng, rng.permutation(b, axis=1)), alpha

    def draw_lost(rng):
        return draw(rng, n_lost=1)

    def made(score):
        return lambda a, b, alpha: score(np.abs(table(a, b, alpha)))

    def of_lasso(x, y, swapped=False):
        def maker(a, b, alpha):
            a, b = x(a), y(b)
            return pair(
                np.abs(lasso_weights(b, a, alpha) if swapped else lasso_weights(a, b, alpha).T)
            )

        return maker

    def as_it_is(x):
        return x

    def of_correlations(kept):
        def maker(a, b, alpha):
            R = np.abs(standardised(a).T @ standardised(b) / len(a))
            return pair(np.where(R < kept * alpha, 0, R))

        return maker

    def signed(a, b, alpha):
        R = table(a, b, alpha)
        return sum(np.mean(R.max(axis=k) ** 2 / R.sum(axis=k)) for k in (0, 1)) / 2

    mistakes = {
        "a is predicted from b; wanted each unit of b from all units of a": of_lasso(
            standardised, standardised, swapped=True
        ),
        "the largest entry is not squared: a unit that is found again only weakly must count "
        "for less": made(lambda R: pair(R, power=1)),
        "only the columns are asked; rows and columns count half each": made(
            lambda R: np.mean(worths(R.T))
        ),
        "only the rows are asked; rows and columns count half each": made(
            lambda R: np.mean(worths(R))
        ),
        "the worths are added; their mean is asked for": made(lambda R: 2 * pair(R)),
        "one mean is taken over all rows and columns; wanted the mean over the rows and the mean "
        "over the columns, halved": made(lambda R: np.mean(worths(R) + worths(R.T))),
        "the codes are not given mean 0 and variance 1, so that alpha means something else for "
        "each unit": of_lasso(as_it_is, as_it_is),
        "the units of a are not given variance 1, so that alpha means something else for each": (
            of_lasso(as_it_is, standardised)
        ),
        "the units of b are not given variance 1, so that alpha means something else for each": (
            of_lasso(standardised, as_it_is)
        ),
        "these are correlations, none of them shrunk; wanted the lassos' weights": [
            of_correlations(0),
            of_correlations(1),
        ],
        "the weights keep their signs, and cancel in the sums; wanted their absolute values": (
            signed
        ),
        "the sum is squared as well; only the largest entry is": made(
            lambda R: sum(np.mean(R.max(axis=k) ** 2 / R.sum(axis=k) ** 2) for k in (0, 1)) / 2
        ),
    }
    how = {"rtol": 1e-4, "atol": 1e-6}
    answer.agrees(right, draw, mistakes=mistakes, **how)
    mistakes = {
        "rows and columns that are all 0 are left out; each is worth 0, and counted": made(
            lambda R: (
                sum(np.sum(worths(part)) / np.count_nonzero(part.sum(axis=1)) for part in (R, R.T))
                / 2
            )
        ),
        "NaN: a row or column that is all 0 gives 0 / 0; it is worth 0": made(lambda R: np.nan),
    }
    with np.errstate(all="ignore"):
        answer.agrees(right, draw_lost, mistakes=mistakes, **how)
    z = white(np.random.default_rng(0), 50, 3)
    answer.gives(0.9, z, z, **how)  # with the penalty 0.1 that it has by default
    _judge_correlated(answer, pair)


def _judge_correlated(answer, pair):
    """Ask for the lasso where the units of a are correlated, so that no closed form will do."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((60, 5))
    a = z[:, :3] + 0.6 * z[:, 1:4]
    b = z @ rng.standard_normal((5, 4)) + 2
    want = pair(lasso_sizes(standardised(a), standardised(b), 0.1).T)
    line = "right where the units of a are uncorrelated, and wrong where they are correlated"
    returned = float(np.squeeze(answer(a, b, 0.1)))
    answer.holds(
        abs(returned - want) < 1e-3 * want,
        line,
        [f"returned    {returned:.6g}", f"expected    {want:.6g}"],
        cause=False,
    )
