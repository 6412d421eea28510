"""The check of chapter 4 on damage: draws have no one right value, so their shares are counted."""

import numpy as np

from vae_numpy.exercises.catalogue import exercise

# The pictures and the share of each call. None of the shares that mistakes give is near another.
CALLS = [((200, 400), 0.3), ((250, 300), 0.45), ((160, 500), 0.6)]


@exercise(
    "4.2",
    trains="damaging data with a generator that you are given, pixel by pixel",
    difficulty="easy",
    minutes=10,
    hints=[
        "One draw says which pixels are hit: `rng.random(x.shape) < share`.",
        "Another says whether a hit pixel becomes 0 or 1: `rng.integers(2, size=x.shape)`.",
        "`np.where(hit, grain, x)` leaves x as it is and makes a new array.",
    ],
)
def salt_and_pepper(answer):
    damaged = []
    for seed, (shape, share) in enumerate(CALLS):
        x = np.linspace(0.2, 0.8, shape[0] * shape[1]).reshape(shape)  # no pixel is 0 or 1
        y = answer(x, share, np.random.default_rng(seed))
        answer.form(y, x)
        damaged.append((share, x, np.asarray(y, float)))
        if not seed:
            shown = answer.called  # what is said of the first pictures belongs to this call
    _judge_source(answer)
    answer.called = shown
    _judge_values(answer, damaged)
    _judge_shares(answer, damaged)
    _judge_independence(answer, damaged)
    x = damaged[0][1][:2]
    rng = np.random.default_rng(0)
    answer.compare(answer(x, 0.0, rng), x, names=("with a share of 0",))
    hit = np.isin(answer(x, 1.0, rng), (0, 1))
    answer.holds(np.all(hit), "with a share of 1 some pixels are not hit", cause=False)


def _judge_source(answer):
    """Ask whether all randomness comes from the generator, and goes on with it."""
    x, pairs, twins = np.full((20, 30), 0.5), [], []
    for seed in (3, 4, 5):
        rng = np.random.default_rng(seed)
        first, second = answer(x, 0.5, rng), answer(x, 0.5, rng)
        pairs.append((first, second))
        twins.append((first, answer(x, 0.5, np.random.default_rng(seed))))
    answer.holds(
        not all(np.array_equal(*pair) for pair in pairs),
        "the same damage at every call: draw from the rng you are given, not from one that you "
        "make inside",
    )
    answer.holds(
        all(np.array_equal(*pair) for pair in twins),
        "two generators with one seed give different damage: draw from the rng that you are given",
    )


def _judge_values(answer, damaged):
    """Ask whether a pixel that has changed is 0 or 1."""
    changes = [(y[y != x], (y - x)[y != x]) for _, x, y in damaged]
    other = [new[(new != 0) & (new != 1)] for new, _ in changes]
    seen = [f"such as     {values[:3]}" for values in other if values.size][:1]
    answer.holds(
        not all(np.allclose(np.abs(by), 1) and by.size for _, by in changes),
        "0 or 1 is added to a hit pixel, or taken from it: noise is not added to it, it is "
        "replaced",
        seen,
    )
    answer.holds(
        not any(values.size for values in other),
        "a hit pixel is neither 0 nor 1: wanted one of them in the place of what was there",
        seen,
        cause=False,
    )


def _judge_shares(answer, damaged):
    """Count what is hit, and what becomes of it."""
    counts, wanted = [], []  # the share that is hit, and the share of all that becomes 1
    for share, x, y in damaged:
        counts.append((np.mean(y != x), np.mean((y == 1) & (y != x))))
        wanted.append((share, share / 2))
    seen = [
        f"of {x.size:,} pixels {hit:.3f} are hit, and {salt:.3f} become 1; asked for {share} and "
        f"{share / 2:.3f}"
        for (hit, salt), (share, x, _) in zip(counts, damaged, strict=True)
    ]

    def fits(*alternatives):
        """Say whether one of these functions of the share tells all counts: five deviations."""
        return any(
            all(
                np.allclose(count, made(share), rtol=0, atol=5 * 0.5 / np.sqrt(x.size))
                for count, (share, x, _) in zip(counts, damaged, strict=True)
            )
            for made in alternatives
        )

    hits = [y != x for _, x, y in damaged]
    answer.holds(
        not all(np.all(hit == hit[0]) and np.any(hit) for hit in hits),
        "all pictures are hit at the same pixels: draw for each pixel of each, size x.shape",
        seen,
    )
    answer.holds(
        not all(np.all(hit == hit[:, :1]) and np.any(hit) for hit in hits),
        "whole pictures are hit, and others not at all: draw for each pixel",
        seen,
    )
    known = {
        "the share is that of the pixels that are kept; it is meant for those that are hit": [
            lambda s: (1 - s, (1 - s) / 2)
        ],
        "salt hits a share of the pixels, and pepper as many again: share is for both together": [
            lambda s: (1 - (1 - s) ** 2, s),
            lambda s: (1 - (1 - s) ** 2, s * (1 - s)),
        ],
        "salt is strewn first, and pepper, on half the share as well, falls on some of the same "
        "pixels: decide once which are hit, then what becomes of them": [
            lambda s: (s - s**2 / 4, s / 2 * (1 - s / 2)),
            lambda s: (s - s**2 / 4, s / 2),  # pepper first
        ],
        "half of the share is hit: each hit pixel is to change, to 0 or to 1": [
            lambda s: (s / 2, s / 4)
        ],
        "all hit pixels become 1, none 0: salt and pepper are not equally likely": [
            lambda s: (s, s)
        ],
        "all hit pixels become 0, none 1: salt and pepper are not equally likely": [
            lambda s: (s, 0)
        ],
    }
    if not fits(lambda s: (s, s / 2)):
        line = next((line for line, made in known.items() if fits(*made)), None)
        off = max(abs(hit - share) for (hit, _), (share, _) in zip(counts, wanted, strict=True))
        neutral = "salt and pepper are not equally likely: half of the hit pixels become 1, half 0"
        if off > 0.01:
            neutral = "the wrong share of the pixels is hit"
        _judge_colours(answer, damaged)
        answer.holds(False, line or neutral, seen, cause=line is not None)


def _judge_colours(answer, damaged):
    """Ask whether a picture has both colours."""
    per_picture = []
    for _, x, y in damaged:
        hit = y != x
        per_picture.append(np.sum((y == 1) & hit, axis=1) / np.maximum(hit.sum(axis=1), 1))
    answer.holds(
        not all(np.all(np.isin(s, (0, 1))) and 0 < s.mean() < 1 for s in per_picture),
        "each picture gets salt or pepper, never both; each pixel is to decide for itself",
    )


def _judge_totals(answer):
    """Ask whether the number of all hits varies from call to call."""
    shown, x, totals = answer.called, np.full((20, 30), 0.5), []
    for share in (0.6, 0.45, 0.3):
        rng = np.random.default_rng(7)
        totals.append({int(np.sum(answer(x, share, rng) != x)) for _ in range(10)})
    answer.holds(
        not all(len(counts) == 1 for counts in totals),
        "every call has the same number of hits in all; each pixel is to be hit by itself, so that "
        "their number varies",
        [f"hits in ten such calls, one after the other: {totals[-1]}"],
    )
    answer.called = shown


def _judge_independence(answer, damaged):
    """Ask whether each pixel decides for itself: how do the counts vary?"""
    _judge_colours(answer, damaged)
    rows = [np.sum(y != x, axis=1) for _, x, y in damaged]
    answer.holds(
        not all(len(set(counts)) == 1 for counts in rows),
        "every picture has the same number of hits; each pixel is to be hit by itself, so that "
        "their number varies",
        [f"hits in the first pictures: {rows[0][:5]}"],
    )
    _judge_totals(answer)
    # Over the pictures, and over the places, the counts vary as those of independent hits do.
    for what in ("hits", "ones"):
        for axis, words in ((1, "from picture to picture"), (0, "from place to place")):
            ratios = []
            for share, x, y in damaged:
                p, event = (share, y != x) if what == "hits" else (share / 2, (y == 1) & (y != x))
                counts = event.sum(axis=axis)
                ratios.append(np.var(counts) / (x.shape[axis] * p * (1 - p)))
            answer.holds(
                abs(np.mean(ratios) - 1) < 0.3,
                f"the number of {what} varies {words} otherwise than where each pixel decides for "
                "itself",
                [f"variance of the number, over that of independent ones: {np.mean(ratios):.2f}"],
                cause=False,
            )
    neighbours = [
        np.corrcoef((y != x)[:, 1:].ravel(), (y != x)[:, :-1].ravel()) for _, x, y in damaged
    ]
    answer.holds(
        np.mean([c[0, 1] for c in neighbours]) < 0.02,
        "pixels beside a hit one are hit more often than others; each is to decide for itself",
        cause=False,
    )
