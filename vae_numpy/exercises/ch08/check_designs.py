"""The checks of chapter 8 on what is designed: a twin, and a schedule."""

import numpy as np

from vae_numpy import metrics
from vae_numpy.exercises.catalogue import exercise
from vae_numpy.exercises.ladder import Wrong


def model(K, seed=0):
    """Return encode and decode of a model with K latents, pictures (N, D), and their factors.

    Its codes are the factors, spread out and standardised.
    """
    rng = np.random.default_rng([seed, K])
    A = 0.35 * rng.normal(size=(K, K + 1))
    back = np.linalg.pinv(A)
    factors = np.stack([rng.integers(count, size=2000) for count in (6, 7, 5, 4)[:K]], axis=1)
    codes = factors + rng.uniform(-0.5, 0.5, factors.shape)

    def encode(x):
        return np.arctanh(np.clip(x, -1 + 1e-12, 1 - 1e-12)) @ back

    def decode(z):
        return np.tanh(z @ A)

    return encode, decode, decode((codes - codes.mean(axis=0)) / codes.std(axis=0)), factors


@exercise(
    "8.8",
    trains="showing by hand that no data can decide",
    difficulty="hard",
    minutes=30,
    hints=[
        "Which maps of z leave N(0, I) as it is? Turns, mirrors, and changes of order.",
        "Return two functions: one encodes and then turns, the other turns back and then decodes.",
        "Turn the first two latents by 45 degrees. A turn by 90 only renames them.",
    ],
    compare="the two pairs of rows of the model and its twin",
)
def twin(answer):
    right_for = []
    for K in (2, 3, 4):
        try:
            _judge_twin(answer, *model(K))
        except Wrong as found:
            if right_for and found.line.startswith("raises"):
                line = f"right for a model with {right_for[-1]} latents; with {K} it {found.line}"
                raise Wrong(line, found.details, cause=True) from None
            raise
        right_for.append(K)


def _judge_twin(answer, encode, decode, pictures, factors):
    codes = encode(pictures)
    encode_too, decode_too = answer.parts(answer(encode, decode), "encode_too", "decode_too")
    answer.holds(
        callable(encode_too) and callable(decode_too),
        "wanted two functions; these are values. Define them inside, and return them uncalled",
    )
    codes_too = answer.call(encode_too, pictures)
    answer.form(codes_too, codes, name="the twin's codes")
    codes_too = np.asarray(codes_too, float)
    again = answer.call(decode_too, codes_too)
    answer.form(again, pictures, name="the twin's pictures")
    if not np.allclose(again, pictures, atol=1e-4):
        line, cause = _no_way_back(codes, codes_too, encode(again))
        error = f"largest error of a pixel: {np.abs(again - pictures).max():.3g}"
        raise answer.wrong(line, [error], cause=cause)
    z = np.random.default_rng(0).standard_normal((4000, codes.shape[1]))
    _judge_probabilities(answer, encode(answer.call(decode_too, z)))
    _judge_mixing(answer, codes, codes_too, factors)


def _no_way_back(codes, codes_too, reached):
    """Return the line for pictures that do not come back, and whether it names a cause."""
    head = "the twin does not give the pictures back: "
    if np.allclose(reached, codes_too, atol=1e-4):
        line = "its decoder takes the codes as they are, and has to undo first what its encoder did"
        return head + line, True
    M, *_ = np.linalg.lstsq(codes, codes_too, rcond=None)
    if np.allclose(codes @ M, codes_too, atol=1e-4) and np.allclose(
        codes_too @ M, reached, atol=1e-4
    ):
        line = "its decoder does to the codes what its encoder did, again; it has to undo it first"
        return head + line, True
    line = "what its encoder does to the code, its decoder has to undo first"
    return head + line, False


def _judge_probabilities(answer, drawn):
    """Ask whether N(0, I) reaches the old decoder as N(0, I)."""
    covariance = np.cov(drawn.T)
    details = [f"the covariance of the codes that reach it: {covariance.round(2).tolist()}"]
    head = "the twin draws other pictures: N(0, I) reaches the old decoder "
    variances = np.diag(covariance)
    correlated = np.abs(np.corrcoef(drawn.T) - np.eye(len(covariance))).max() > 0.12
    answer.holds(
        not correlated,
        f"{head}as something askew, with correlated latents. Turn; do not shear",
        details,
    )
    answer.holds(
        np.allclose(variances, 1, atol=0.12),
        f"{head}with variances {', '.join(f'{v:.2f}' for v in variances)}. Turn; do not stretch",
        details,
    )
    moments = np.array([drawn.mean(axis=0), np.mean(drawn**4, axis=0) - 3])
    answer.holds(
        np.allclose(moments, 0, atol=0.5),
        f"{head}with other moments",
        [f"means, and fourth moments less 3: {moments.round(2).tolist()}"],
        cause=False,
    )


def _judge_mixing(answer, codes, codes_too, factors):
    """Ask whether the first two latents mix, and the MIG falls as far as was wanted."""
    K = codes.shape[1]
    likeness = np.abs(np.corrcoef(codes_too.T, codes.T)[:K, K:]).max(axis=1)
    before, after = metrics.mig(codes, factors), metrics.mig(codes_too, factors)
    details = [f"MIG {before:.2f} of the model, {after:.2f} of the twin"]
    answer.holds(
        likeness.min() < 0.9999,
        "each of the twin's latents is one of the model's: they are renamed or mirrored, not mixed",
        details,
    )
    answer.holds(
        after <= before * 2 / 3,
        f"the latents hardly mix: the MIG falls from {before:.2f} to {after:.2f}; wanted two "
        f"thirds, {before * 2 / 3:.2f}, or less",
        details,
    )
    for k in 0, 1:
        answer.holds(
            likeness[k] < 0.9999,
            f"latent {k} of the twin is one of the model's, and others mix; wanted the first two",
            details,
        )


EIGENVALUES = np.array([24.0, 12.0, 6.0, 2.0, 1.0])


def cooled_rates(prices, seed=0):
    """Return what each of four latents carries after a training with these prices, in nats.

    A linear beta-VAE with sigma^2 = 1 in principal directions: its encoder is at every step the
    best for the decoder, and the decoder goes downhill, with a little noise as from minibatches.
    """
    rng = np.random.default_rng(seed)
    W, eye = 0.5 * rng.normal(size=(4, 5)), np.eye(5)
    for beta in prices:
        V = np.linalg.solve(W @ W.T + beta * np.eye(4), W).T  # (5, 4): mu = x V
        s2 = beta / (beta + np.sum(W**2, axis=1))
        dW = s2[:, None] * W - (V.T * EIGENVALUES) @ (eye - V @ W)
        W = W - 0.2 * dW + 0.02 * rng.normal(size=W.shape)
    V = np.linalg.solve(W @ W.T + beta * np.eye(4), W).T
    s2 = beta / (beta + np.sum(W**2, axis=1))
    return 0.5 * (EIGENVALUES @ V**2 + s2 - 1 - np.log(s2))


TRAININGS = [(400, 32.0, 4.0), (150, 24.0, 3.0), (1000, 8.0, 1.0)]  # n_steps, highest, target


@exercise(
    "8.9",
    trains="designing a schedule from what it has to do: a small project",
    difficulty="project",
    minutes=40,
    seconds=20,
    hints=[
        "Work with the share of the training that is over, `step / n_steps`, so that it fits any "
        "length.",
        "A line, a parabola, half a cosine or equal factors all come down. How long do the last "
        "halvings take with each?",
        "A latent that wakes up late has to grow from nothing: let the price be down at 80 % of "
        "the steps, and stay.",
    ],
    compare="plot it beside the chapter's `cooling`, and train the sprites with it",
)
def beta_at(answer):
    def price(step, n_steps, highest, target):
        beta = answer(int(step), n_steps, highest, target)
        answer.form(beta, 0.0, name="beta")
        return float(np.squeeze(beta))

    curves = []
    for training in TRAININGS:
        n_steps = training[0]
        # From the first step to the last, and the one at which it has to be down.
        steps = np.unique([*np.linspace(0, n_steps - 1, 65).astype(int), n_steps * 4 // 5])
        curves.append((training, steps, np.array([price(step, *training) for step in steps])))
    _judge_ends(answer, curves, price)
    for (n_steps, _, target), steps, prices in curves:
        _judge_falls(answer, lambda step, t=(n_steps, _, target): price(step, *t), steps, prices)
    (n_steps, _, _), steps, prices = curves[0]
    _judge_cooling(answer, np.interp(np.arange(n_steps), steps, prices))


def _judge_ends(answer, curves, price):
    """Judge where the price begins and ends, and what it depends on."""
    answer.called = [
        f"over {n_steps} steps, highest {highest:g}, target {target:g}: from {prices[0]:.6g} to "
        f"{prices[-1]:.6g}, and {prices[steps == n_steps * 4 // 5][0]:.6g} at 80 % of the steps"
        for (n_steps, highest, target), steps, prices in curves
    ]

    def every(says):
        return all(says(prices, *training) for training, _, prices in curves)

    def some(says):
        return any(says(prices, *training) for training, _, prices in curves)

    answer.holds(
        not every(lambda prices, n, highest, target: np.allclose(prices, target)),
        "it is the target from the first step on: everything is for sale at once",
    )
    answer.holds(
        not every(lambda prices, n, highest, target: np.allclose(prices, highest)),
        "it never comes down: it is highest at every step. Is step // n_steps a whole number, 0?",
    )
    answer.holds(
        not some(lambda prices, n, highest, target: np.any(np.diff(prices) > 1e-9)),
        "it rises: that is a warm-up, where this training is to cool. Latents that have come alive "
        "would be drowned again",
    )
    _judge_use(answer, curves, price)
    (n_steps, highest, _), _, prices = next(
        (curve for curve in curves if not np.isclose(curve[2][0], curve[0][1])), curves[0]
    )
    answer.holds(
        not some(lambda prices, n, highest, target: not np.isclose(prices[0], highest)),
        f"it does not begin at highest: over {n_steps} steps it is {prices[0]:.6g} at step 0; "
        f"wanted {highest:g}",
    )
    answer.holds(
        not some(lambda prices, n, highest, target: np.any(prices < target * (1 - 1e-6))),
        "it falls below the target: there, more is for sale than was wanted",
    )
    answer.holds(
        not some(lambda prices, n, highest, target: prices[-1] > target * 1.001),
        "it does not arrive: at the last step it is above the target",
    )
    for (n_steps, _, target), steps, prices in curves:
        late = prices[steps == n_steps * 4 // 5][0]
        answer.holds(
            late <= target * 1.001,
            f"too late: at step {n_steps * 4 // 5} of {n_steps}, 80 %, it is {late:.4g} and not "
            f"at the target, {target:g}. The last latent has no time to grow",
        )


def _judge_use(answer, curves, price):
    """Ask for other prices and lengths, and whether these change anything."""
    said, called = [], answer.called
    for name, i in (("n_steps", 0), ("highest", 1), ("target", 2)):
        same = True
        for training, steps, prices in curves:
            moved = [2 * value if j == i else value for j, value in enumerate(training)]
            # Both ends, and three steps on the way down; n_steps shows on the way alone.
            falling = np.flatnonzero((prices < prices[0]) & (prices > prices[-1]))
            at = [0, *falling[:: len(falling) // 3 + 1], -1]
            again = [price(step, *moved) for step in steps[at]]
            same &= len(at) > 2 and bool(np.allclose(again, prices[at]))
        if same:
            said.append(name)
    answer.called = called
    answer.holds(
        not said,
        f"it does not use {' and '.join(said)}: twice that changes the price at no step",
    )


def _judge_falls(answer, price, steps, prices):
    """Ask how long each halving takes, and whether it comes down in jumps."""
    n_steps, target = steps[-1] + 1, prices[-1]
    ratios = prices[:-1] / prices[1:]
    low, high = steps[ratios.argmax()], steps[ratios.argmax() + 1]
    while high - low > 1:  # where in between is the fall?
        middle = (low + high) // 2
        first = price(low) / price(middle) > price(middle) / price(high)
        low, high = (low, middle) if first else (middle, high)
    jump = price(low), price(high)
    answer.holds(
        jump[0] < 1.5 * jump[1],
        f"too quick: between the steps {low} and {high} of {n_steps} it jumps from {jump[0]:.4g} "
        f"to {jump[1]:.4g}, and the goods between these prices come alive all at once",
    )
    # From each price that can be halved: the share of the steps until it is.
    starts = np.flatnonzero(prices >= 2 * target * (1 - 1e-9))
    ends = [np.interp(-prices[i] / 2, -prices[i:], steps[i:]) for i in starts]
    quickest = np.min((np.array(ends) - steps[starts]) / n_steps)
    answer.holds(
        quickest >= 0.05 - 1 / 65,
        f"too quick: a fall to half takes {quickest:.1%} of the {n_steps} steps; wanted a "
        "twentieth, 5 %, or more for each",
    )


def _judge_cooling(answer, prices):
    worth = 0.5 * np.log(EIGENVALUES[:3] / 4)
    carried = np.median([np.sort(cooled_rates(prices, seed))[::-1] for seed in range(3)], axis=0)
    answer.holds(
        abs(carried.sum() - worth.sum()) < 0.05 * worth.sum(),
        f"at the end of a training the code carries {carried.sum():.2f} nats, and at this price it "
        f"should carry {worth.sum():.2f}",
        [f"the latents carry  {carried.round(2)}", f"by the formula     {worth.round(2)}"],
        cause=False,
    )
