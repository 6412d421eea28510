"""How everything here is timed: interleaved, in one process, medians with their spread."""

import time
from contextlib import nullcontext

import numpy as np

# Before each turn, in seconds: threads that wait for work keep their cores busy for a while, and
# must not do that in the turn of somebody else.
REST = 0.2


def interleave(contestants, *, budget, around=None, rest=REST, turn=0.5):
    """Time functions in turn, so that whatever disturbs the machine disturbs all of them alike.

    Parameters
    ----------
    contestants : dict
        Functions without arguments, by name.
    budget : float
        Seconds for all of them together; there are five rounds at least.
    around : dict or None
        For some of the names a function that makes a context, which is entered for a turn.
    rest : float
        Seconds of silence before each turn.
    turn : float
        Seconds that a turn should last. Functions are called many times in it, as in a training,
        where caches and page tables are not full of somebody else's data.

    Returns
    -------
    seconds : dict
        For each name an array, one entry a round: the mean time of a call in that round.
    """
    contexts = {name: (around or {}).get(name, nullcontext) for name in contestants}
    calls = {}
    for name, function in contestants.items():
        with contexts[name]():
            for _ in range(3):  # compilers and caches
                function()
            calls[name] = max(1, round(turn / _time(function, 1)))
    seconds = {name: [] for name in contestants}
    end = time.perf_counter() + budget
    rounds = 0
    while rounds < 5 or time.perf_counter() < end:
        rounds += 1
        for name, function in contestants.items():
            with contexts[name]():
                time.sleep(rest)
                function()  # not counted, for the same reason
                seconds[name].append(_time(function, calls[name]))
    return {name: np.array(turns) for name, turns in seconds.items()}


def _time(function, calls):
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def summary(turns):
    """Return the median and the quartiles over the rounds, and their number, as a dict."""
    low, median, high = (float(q) for q in np.percentile(turns, [25, 50, 75]))
    return {"median": median, "low": low, "high": high, "rounds": len(turns)}


def times_as_fast(ours, others):
    """Summarise, for each of the others, its time over ours, round by round."""
    return {name: summary(turns / ours) for name, turns in others.items()}
