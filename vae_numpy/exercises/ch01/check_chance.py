"""The checks of chapter 1 on what chance deals, and on a walk from either end."""

import numpy as np

from vae_numpy import data
from vae_numpy.exercises.catalogue import exercise
from vae_numpy.exercises.compare import matches


@exercise(
    "1.5",
    trains="shuffling without repeats, and a generator as an argument",
    difficulty="medium",
    minutes=10,
    hints=[
        "`rng.permutation(X)` returns a shuffled copy of the rows.",
        "Cut off what does not fill a block, then `reshape` to (blocks, m, D).",
    ],
)
def deal(answer):
    dealt = []  # X, the blocks, and the number of each row that was dealt, (blocks, m)
    for seed, (N, m) in enumerate([(37, 5), (37, 5), (37, 5), (23, 4), (29, 3), (38, 7)]):
        # A row (i + 0.5, i^2) tells its place, and no number stands in both columns.
        X = np.column_stack([np.arange(N) + 0.5, np.arange(N) ** 2])
        dealt.append((X, m, answer(X, m, np.random.default_rng(seed))))
    _judge_form(answer, dealt)
    hands = [np.asarray(blocks, float) for _, _, blocks in dealt]
    _judge_rows(answer, dealt, hands)
    _judge_order(answer, [(hand[..., 0] - 0.5).astype(int) for hand in hands])


def _judge_form(answer, dealt):
    def shape(blocks):
        try:
            return np.shape(blocks)
        except ValueError:  # the blocks are not all of one length
            return None

    def has_rest(X, m, blocks):
        listed = isinstance(blocks, (list, tuple)) and len(blocks) == len(X) // m + 1
        return listed and len(blocks[-1]) == len(X) % m

    answer.holds(
        not all(has_rest(*one) for one in dealt),
        "the rows that are left over make a block of their own; they are to be left out",
    )
    answer.holds(
        not all(shape(blocks) == (m, len(X) // m, 2) for X, m, blocks in dealt),
        "these are m blocks of N // m rows each; wanted N // m blocks of m rows",
    )
    for X, m, blocks in dealt:
        answer.form(blocks, np.zeros((len(X) // m, m, 2)))


def _judge_rows(answer, dealt, hands):
    torn, apart = 0, 0
    for (X, _, _), hand in zip(dealt, hands, strict=True):
        answer.holds(
            np.all(np.isin(hand[..., 0], X[:, 0])) and np.all(np.isin(hand[..., 1], X[:, 1])),
            "there are numbers in the blocks that are not in X, or not in that column",
            cause=False,
        )
        each_once = all(len(np.unique(column)) == column.size for column in np.moveaxis(hand, 2, 0))
        torn += 1 if np.any((hand[..., 0] - 0.5) ** 2 != hand[..., 1]) else 0
        apart += 1 if each_once else 0
    answer.holds(
        min(torn, apart) < len(hands),
        "the columns are shuffled each on its own: the rows of the blocks are no rows of X",
        [f"for example row {hands[0][0, 0]} of the first block"],
    )
    answer.holds(not torn, "some rows of the blocks are no rows of X", cause=False)
    again, within = 0, 0
    for hand in hands:
        counts = np.unique(hand[..., 0], return_counts=True)[1]
        again += counts.max() > 1
        within += any(len(np.unique(block)) < len(block) for block in hand[..., 0])
    answer.holds(
        again < 3 or within,
        "some rows are dealt twice, never within a block but in two of them: each block is drawn "
        "from all rows; take out what is dealt",
    )
    answer.holds(not again, "some rows are dealt twice: draw without putting back")


def _judge_order(answer, places):
    """Judge the numbers of the dealt rows, (blocks, m) for each call."""
    in_order = [np.arange(p.size).reshape(p.shape) for p in places]
    alike = zip(places, in_order, strict=True)
    answer.holds(
        not all(np.array_equal(p, q) for p, q in alike),
        "the rows come as they came in: if X is sorted along its curve, each block is a piece of "
        "the curve. Shuffle first",
    )
    # The first three calls differ in their generators only.
    same = all(np.array_equal(places[0], p) for p in places[1:3])
    rising = all(np.all(np.diff(p, axis=1) > 0) for p in places)
    answer.holds(
        not (same and rising),
        "nothing is shuffled: in each block the rows come in the order of X, and other generators "
        "change nothing. Shuffle first",
    )
    answer.holds(
        not same, "different generators give the same blocks: the shuffling does not use rng"
    )
    runs = all(np.all(np.diff(np.sort(p, axis=1), axis=1) == 1) for p in places)
    first = [np.all(np.diff(p.min(axis=1)) > 0) for p in places]
    answer.holds(
        not (runs and rising),
        "whole blocks are shuffled, but the rows inside one are still neighbours; shuffle the rows",
    )
    answer.holds(
        not (runs and all(first)),
        "the rows are cut into blocks first, and shuffled inside them: each block still holds "
        "neighbours. Shuffle all rows before you cut",
    )
    answer.holds(
        not runs,
        "each block still holds rows that were neighbours in X; shuffle all rows before you cut",
    )
    last = all(p.max() < p.size for p in places)
    answer.holds(
        not last,
        "the rows that are left out are always the last ones of X; which ones has to be chance: "
        "shuffle before you cut",
    )
    followed = [np.mean(np.abs(np.diff(p, axis=1)) == 1) for p in places]
    answer.holds(
        min(followed) < 0.4,
        f"in the blocks {min(followed):.0%} of the rows or more stand beside a neighbour of X",
        cause=False,
    )


@exercise(
    "1.7",
    trains="finding a code that nobody gave you: a small project",
    difficulty="project",
    minutes=45,
    hints=[
        "Grow a chain from any point: its two ends each look for the nearest point that is still "
        "free.",
        "The nearer of the two free points is joined to its end. Repeat until none is free.",
        "Add up the steps along the chain (exercise 1.1), divide by the total, and put the values "
        "where their rows are: `t[chain] = walked / walked[-1]`.",
    ],
    compare="draw it: `plotting.cloud(spiral, unroll(spiral))` is coloured as in the chapter",
)
def unroll(answer):
    calls = []
    for seed, (name, X) in enumerate(_curves().items()):
        order = np.random.default_rng(seed).permutation(len(X))
        walked = np.append(0, np.cumsum(np.linalg.norm(X[1:] - X[:-1], axis=1)))
        X, walked = X[order], walked[order]
        returned = answer(X)
        answer.form(returned, walked, name=f"on {name}")
        calls.append((name, X, walked, np.array(returned)))
    right = [_off(walked, t).max() <= 0.01 for _, _, walked, t in calls]
    for line, made in WALKS.items():
        fits = all(
            any(matches(t, mistaken) for mistaken in made(X, walked, t))
            for _, X, walked, t in calls
        )
        answer.holds(not fits or right.count(False) < 3, line)
    for (name, _, walked, t), ok in zip(calls, right, strict=True):
        row, way = int(_off(walked, t).argmax()), walked / walked.max()
        answer.holds(
            ok,
            f"on {name} row {row} is at {way[row]:.3f} of the walk, which is {1 - way[row]:.3f} "
            f"from the other end; yours says {t[row]:.3f}",
            cause=False,
        )


def _curves():
    """Return points of curves in walking order. Both their ends and their density differ."""
    spiral, t = data.make_spiral(200, dim=3, random_state=0)
    u = np.linspace(0, 1, 110) ** 1.4  # more points near one end: counting is not measuring
    curves = {
        "the spiral": spiral[np.argsort(t)],
        "a helix": np.column_stack([np.cos(15 * u), np.sin(15 * u), 3 * u]),
    }
    # Open where both ends are: neither is the point furthest from the mean.
    for name, gap, width, lift in [
        ("an arc in the plane", 1.2, 3.0, 0.0),
        ("an arc in space", 1.0, 4.0, 0.7),
        ("a wide arc far from the origin", 1.5, 5.0, 0.4),
    ]:
        angle = (np.pi + gap) / 2 + (2 * np.pi - gap) * u
        arc = [width * np.cos(angle), np.sin(angle) - lift, 5 * lift + lift * u]
        curves[name] = np.column_stack(arc[: 3 if lift else 2])
    return curves


def _off(walked, t):
    """Return how far a code is off, in fractions of the walk; it may count from either end."""
    way = walked / walked.max()
    return min(np.abs(way - t), np.abs(1 - way - t), key=np.sum)


def _both_ways(made):
    """Return a mistake that is made of the walk, from one end and from the other."""
    return lambda X, walked, t: [
        made(X, way, np.argsort(way)) for way in (walked, walked.max() - walked)
    ]


def _scaled(value):
    """Return the ways in which a coordinate may be turned into a code."""
    fraction = (value - value.min()) / np.ptp(value)
    return [value, -value, fraction, 1 - fraction]


def _shadow(X, walked, t):
    Xc = X - X.mean(axis=0)
    return _scaled(Xc @ np.linalg.svd(Xc, full_matrices=False)[2][0])


def _angle(X, walked, t):
    angle = np.arctan2(X[:, 1], X[:, 0])
    return _scaled(angle) + _scaled(angle % (2 * np.pi))


def _straight(X, walked, t):
    """Return the straight distances from where the answer begins."""
    away = np.linalg.norm(X - X[t.argmin()], axis=1)
    return [away, away / away.max()]


def _one_ended(X, walked, t):
    """Return the walks of a chain with one growing end, from where the answer begins or ends."""
    return [_nearest_next(X, t.argmin()), 1 - _nearest_next(X, t.argmax())]


def _nearest_next(X, start):
    apart = np.linalg.norm(X[:, None] - X[None], axis=2)
    place, length, walk = start, 0.0, np.full(len(X), np.nan)
    walk[start] = 0
    while np.any(free := np.isnan(walk)):
        nearest = np.where(free, apart[place], np.inf).argmin()
        length += apart[place, nearest]
        place, walk[nearest] = nearest, length
    return walk / length


WALKS = {
    "the values are in walking order; entry i belongs to row i of X": _both_ways(
        lambda X, way, order: way[order] / way.max()
    ),
    "these are indices into X, not positions": _both_ways(lambda X, way, order: order),
    "these are lengths; divide by the whole, so that the ends are 0 and 1": _both_ways(
        lambda X, way, order: way
    ),
    "this counts the points passed; where points are dense they are passed at shorter steps": (
        _both_ways(lambda X, way, order: np.argsort(order) / (len(X) - 1))
    ),
    "the chain is used the wrong way round: its i-th point is row chain[i], so t[chain] is what "
    "has to be set": _both_ways(lambda X, way, order: way[order][order] / way.max()),
    "the chain grows at one end only, and jumps back to what it left behind; let both ends grow": (
        _one_ended
    ),
    "this is the shadow on a straight line, the code of PCA: the curve passes the same shadow "
    "more than once": _shadow,
    "this is the distance from one point as the crow flies; the curve comes back towards its "
    "beginning": _straight,
    "this is the angle: it starts again from the beginning after each turn": _angle,
}
