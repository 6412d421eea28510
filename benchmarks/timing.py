"""How everything here is timed: interleaved, in one process, medians with their spread."""

import time

import numpy as np

# Before each turn, in seconds: threads that wait for work keep their cores busy for a while, and
# must not do that in the turn of somebody else.
REST = 0.2


def interleave(contestants, *, budget, least=5, warm_up=3):
    """Time functions in turn, so that whatever disturbs the machine disturbs all of them alike.

    Parameters
    ----------
    contestants : dict
        Functions without arguments, by name.
    budget : float
        Seconds for all of them together.
    least : int
        Rounds at least, whatever the budget.
    warm_up : int
        Rounds that are not counted: compilers and caches.

    Returns
    -------
    seconds : dict
        For each name an array, one entry a round: the mean time of a call in that round.
    """
    for _ in range(warm_up):
        for function in contestants.values():
            function()
    calls = {name: _calls_in_a_turn(function) for name, function in contestants.items()}
    seconds = {name: [] for name in contestants}
    end = time.perf_counter() + budget
    while time.perf_counter() < end or len(next(iter(seconds.values()))) < least:
        for name, function in contestants.items():
            time.sleep(REST)
            function()  # not counted: it finds the caches full of another's data
            start = time.perf_counter()
            for _ in range(calls[name]):
                function()
            seconds[name].append((time.perf_counter() - start) / calls[name])
    return {name: np.array(turns) for name, turns in seconds.items()}


def _calls_in_a_turn(function, turn=0.05):
    # Short functions are called often in a turn: the clock and the switch to another contestant's
    # data in the caches then weigh little, as they do in a training.
    start = time.perf_counter()
    function()
    return max(1, int(turn / (time.perf_counter() - start)))


def summary(turns):
    """Return the median and the quartiles of the seconds of several turns, as a dict."""
    low, median, high = np.percentile(turns, [25, 50, 75])
    return {"median": median, "low": low, "high": high, "turns": len(turns)}


def ratio(other, ours):
    """Return how many times as fast ours is: median and quartiles of the rounds' quotients."""
    n = min(len(other), len(ours))
    return summary(np.asarray(other[:n]) / np.asarray(ours[:n]))
