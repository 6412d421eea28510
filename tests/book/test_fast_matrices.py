"""Chapter 5 says nothing that the numbers on its page contradict, whatever machine builds it."""

import contextlib
import io
import json
import re
from itertools import pairwise

import jupytext
import matplotlib.pyplot as plt
import numpy as np
import pytest

pytest.importorskip("numba", reason="the chapter compiles its loops")

from benchmarks import ladder
from benchmarks.fits import EPOCHS, n_batches
from benchmarks.networks import NETWORKS

RUN = json.loads((ladder.RESULTS / "ladder.json").read_text("utf-8"))
KEPT = RUN["results"]
BENCHMARKS = json.loads((ladder.RESULTS / "benchmarks.json").read_text("utf-8"))
RUNGS = ["definition", "another order", "registers", "tiles", "slabs and panels"]
LESS_IS_BETTER = {"times", "calls"}


# The kept run --------------------------------------------------------------------------------


@pytest.fixture
def kept():
    if RUN["made"]["condition"] != "a quiet machine":
        pytest.skip(f"the kept run was made on {RUN['made']['condition']}")
    return KEPT


def peak(limits):
    return next(
        u * limits["one unit"]
        for u in (1, 2, 4)
        if limits["measured"] < 1.15 * u * limits["one unit"]
    )


def test_the_rungs_climb_as_the_text_says(kept):
    speed, top = kept["ladder"], peak(kept["limits"])
    assert speed["definition"] > 50 * speed["loops in Python"]
    assert speed["definition"] < 0.05 * top
    control = speed["definition, B turned before"]  # it is the columns
    assert min(control, speed["another order"]) > 4 * speed["definition"]
    assert 1 / 3 < control / speed["another order"] < 3
    assert round(2 * kept["limits"]["clock"] / speed["definition"], 1) == 3.1  # ticks a product
    assert speed["slabs and panels"] < speed["tiles"]  # the copy, in the caption
    assert speed["registers"] > 1.2 * speed["another order"]
    assert speed["tiles"] > 0.75 * top
    for name in RUNGS[2:]:
        assert 0.5 < speed[name] / speed["NumPy"] < 2


def test_large_products_fall_as_the_text_says(kept):
    at = {n: {name: kept["sizes"][f"{name}, {n}"] for name in RUNGS[1:]} for n in (32, 256, 2048)}
    assert at[2048]["registers"] < 0.7 * at[256]["registers"]
    assert at[2048]["another order"] < at[2048]["registers"] < at[2048]["tiles"]
    top, allowed = peak(kept["limits"]), 2 * max(kept["memory"].values())  # (5.4), 2 a byte
    assert 0.9 < allowed / top < 1 and 0.3 < at[2048]["registers"] / allowed < 0.4
    assert round(at[2048]["tiles"]) == 68
    for name in RUNGS[1:]:  # two budgets of time, one size
        assert 0.8 < at[256][name] / kept["ladder"][name] < 1.2
    assert at[2048]["slabs and panels"] > 1.1 * at[2048]["tiles"]
    assert at[32]["slabs and panels"] < at[32]["tiles"]  # where the copy shows


def test_tiles_lose_a_tenth_though_bytes_come_fast_enough(kept):
    assert 0.87 < kept["addresses"]["tiles, 1000"] / kept["sizes"]["tiles, 256"] < 0.93
    rows, width = 8, 2 * kept["limits"]["lanes"]  # of a tile of the kept run
    top, read = peak(kept["limits"]), kept["read"]
    strip, passing = 2 * rows * width / (4 * width), 2 * rows * width / (4 * rows)
    assert (strip, passing) == (4, 16)  # operations per byte of B, and of A
    assert round(top / strip) == 30 and round(top / passing) == 7
    assert 90 < read["131072 bytes"] < 120 and 90 < read["4194304 bytes"] < 120


def test_memory_is_the_limit_where_the_text_says(kept):
    rates = list(kept["read"].values())
    assert max(rates[:4]) == max(rates) > 3 * rates[-1]
    reading, both = kept["memory"].values()
    assert round(both) == 56 and round(4 / 7 * both) == 32 and 0.9 < 4 / 7 * both / reading < 1.1
    assert 0.6 < kept["Adam"]["one loop"] / max(kept["memory"].values()) < 1.3
    assert kept["fusion"]["Adam"] > 3 and min(kept["fusion"].values()) > 1.2


def test_blas_and_threads_are_as_the_text_says(kept):
    assert kept["against NumPy"]["(1, 784, 400) da @ W.T"] < 1
    waking, alone = list(kept["times"].values())[:2]
    assert waking > 0.3 * alone
    assert kept["calls"]["first call"] > 20 * kept["calls"]["later calls"]


def test_the_six_orders_make_the_pairs_of_exercise_5_4(kept):
    slow, middle, quick = (
        [kept["orders"][order] for order in pair]
        for pair in (("jki", "kji"), ("ijk", "jik"), ("ikj", "kij"))
    )
    assert max(slow) < min(middle) and 4 * max(middle) < min(quick)


def test_whole_steps_are_as_the_text_says():
    steps = [
        [r["median"] for r in row["ours_times_as_fast"].values()] for row in BENCHMARKS["steps"]
    ]
    leads = np.array(steps)  # PyTorch, PyTorch compiled, JAX
    assert leads.min() > 1 and np.all(leads.argmax(axis=0) == 0)  # the small network's
    assert np.all(leads.argmin(axis=1) == 2)
    for row in BENCHMARKS["threads"][1:]:
        one, two = (row["ours_times_as_fast"][f"BLAS {n}, own 2"]["median"] for n in (1, 2))
        assert two > 1.3 * one


def lead_over_the_best(part):
    """Return how many times as fast ours was as the best peer, row by row of the kept run."""
    rows = BENCHMARKS[part]
    return [min(r["median"] for r in row["ours_times_as_fast"].values()) for row in rows]


def test_fits_are_as_the_text_says():
    fits = BENCHMARKS["fits"]
    leads, steps = lead_over_the_best("fits"), lead_over_the_best("steps")
    assert [row["data"] for row in fits] == ["dense"] * 4 + ["sprites"]
    assert min(leads) > 1.1
    assert abs(leads[1] - steps[1]) < 0.03 and leads[3] < steps[3] - 0.1 and leads[4] > leads[3]
    largest, network = fits[3], NETWORKS[3]
    apart = {name: t["median"] for name, t in largest["estimators"]["VAE"].items()}
    whole = EPOCHS * n_batches(network) * largest["seconds"]["vae_numpy"]["median"]
    assert 0.08 < (apart["call"] + EPOCHS * apart["epoch"]) / whole < 0.12
    sizes = pairwise(network.encoder_sizes), pairwise(network.decoder_sizes)
    assert round(sum(m * n for layers in sizes for m, n in layers) / 1e6) == 14


def test_the_kept_run_has_what_the_page_measures(page):
    names, _ = page
    assert set(KEPT) == {*names["live"], "orders", "addresses"}
    for group, numbers in names["live"].items():
        if group != "threads":  # it depends on the number of cores
            assert set(numbers) == set(KEPT[group])


# Other machines ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page():
    """The chapter after its measuring cells, with a clock that stands, and its other cells."""
    backend = plt.get_backend()
    plt.switch_backend("agg")
    names = {"__name__": "chapter"}
    for source in ladder.cells("setup"):
        exec(source, names)
    names["seconds"] = lambda f, budget=0: 1.0
    for source in ladder.cells("measures"):
        exec(source, names)
    others = []
    for cell in jupytext.read(ladder.CHAPTER).cells:
        if cell.cell_type == "markdown" and "## What went wrong" in cell.source:
            break
        tags = set(cell.metadata.get("tags", []))
        if cell.cell_type == "code" and not tags & {"setup", "measures"}:
            others.append(cell.source)
    yield names, others
    plt.switch_backend(backend)


def slower(group, numbers, factor):
    factor = 1 / factor if group in LESS_IS_BETTER else factor
    return {n: x if n == "lanes" else x / factor for n, x in numbers.items()}


def reversed_order(_, numbers):
    return dict(zip(numbers, reversed(numbers.values()), strict=True))


def scattered(seed):
    rng = np.random.default_rng(seed)
    return lambda _, numbers: {name: x * 10 ** rng.uniform(-1, 1) for name, x in numbers.items()}


def second_core_busy(group, numbers):
    if group == "threads":
        return {name: numbers["1 thread"] / 5 ** (name != "1 thread") for name in numbers}
    return {n: x / 100 if "all cores" in n else x for n, x in numbers.items()}


def memory_disturbed(group, numbers):
    return slower(group, numbers, 2) if group == "memory" else dict(numbers)


MACHINES = {
    "the kept one": lambda _, numbers: dict(numbers),
    "ten times slower": lambda group, numbers: slower(group, numbers, 10),
    "ten times faster": lambda group, numbers: slower(group, numbers, 0.1),
    "in reversed order": reversed_order,
    "second core busy": second_core_busy,
    "memory disturbed": memory_disturbed,
    **{f"scattered, {seed}": scattered(seed) for seed in range(5)},
}


@pytest.fixture(params=MACHINES)
def built(request, page, monkeypatch):
    """What the page prints on another machine, and that machine's numbers."""
    monkeypatch.chdir(ladder.CHAPTER.parent)
    names, others = page
    live = names["live"]
    for group, numbers in live.items():
        there = MACHINES[request.param](group, KEPT[group])
        numbers.clear()
        numbers.update(there)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for source in others:
            exec(source, names)
            plt.close("all")
    return request.param, live, printed.getvalue()


def both(live):
    return ("kept", KEPT), ("here", live)


def test_the_tables_show_both_runs(built):
    _, live, printed = built
    for group in ("limits", "memory", "against NumPy", "fusion", "Adam", "threads", "times"):
        for name, number in live[group].items():
            assert f"{name:40}{KEPT[group][name]:>9.4g}{number:9.4g}\n" in printed


def test_computed_conclusions_are_true(built):
    _, live, printed = built
    for where, found in both(live):
        speed = found["ladder"]
        control, order = (
            speed[name] / speed["definition"]
            for name in ("definition, B turned before", "another order")
        )
        assert f"{where}: control {control:.0f} times as fast, ikj {order:.0f}\n" in printed
        gain = found["threads"]["2 threads"] / found["threads"]["1 thread"]
        waking, alone = list(found["times"].values())[:2]
        line, after = re.search(rf"{where}: (waking takes .*)\n(.*)", printed).groups()
        assert line == f"waking takes {waking / alone:.0%} of the small product"
        assert f"two threads are {gain:.1f} times as fast" in after
        assert ("a busy core, or only one" in after) == (gain < 1.3)
        share = found["Adam"]["one loop"] / max(found["memory"].values())
        line = re.search(rf"{where}: .* of the bandwidth that we measured.*", printed)[0]
        assert f"{share:.0%}" in line and ("busier" in line) == (share > 1.2)


def test_nothing_reaches_more_than_the_peak_unless_the_page_says_why(built):
    _, live, printed = built
    for where, found in both(live):
        limits = found["limits"]
        line, after = re.search(rf"({where}: .* unit\(s\), .*)\n(.*)", printed).groups()
        if limits["measured"] < 4.6 * limits["one unit"]:
            assert f"peak {peak(limits):.0f}, reached" in line
            assert int(line.split()[-1].rstrip("%")) <= 115
        else:
            assert "the clock was disturbed" in after


def test_the_page_says_where_the_machines_differ(built):
    machine, live, printed = built

    def ratio(group, only=None):
        names = [only] if only else KEPT[group]
        return np.prod([live[group][n] / KEPT[group][n] for n in names]) ** (1 / len(names))

    lanes, clock = ratio("limits", "lanes"), ratio("limits", "clock")
    truth = {
        "vectors, wider": lanes,
        "clock, faster": clock,
        "done in a tick, more": ratio("limits", "measured") / lanes / clock,
        "memory, faster": max(live["memory"].values()) / max(KEPT["memory"].values()),
        "sizes, faster": ratio("sizes"),
        "lead over NumPy, larger": ratio("against NumPy"),
        "second thread, more": ratio("threads", "2 threads") / ratio("threads", "1 thread"),
        "handing over, slower": ratio("times"),
    }
    for what, times in truth.items():
        said = re.search(rf"^{what}: (\S+) times \(", printed, re.M)
        assert bool(said) == (not 1 / 1.5 < times < 1.5), what
        assert not said or float(said[1]) == pytest.approx(times, rel=0.06)
    then, now = KEPT["ladder"], live["ladder"]
    swapped = {
        (a, b)
        for a in RUNGS
        for b in RUNGS
        if then[a] > 1.2 * then[b] and 1.2 * now[a] < now[b]
    }  # fmt: skip
    said = re.findall(r"^here (.*) is ahead of (.*), in the kept run behind$", printed, re.M)
    assert {(a, b) for b, a in said} == swapped
    same = all(1 / 1.5 < times < 1.5 for times in truth.values()) and not swapped
    assert ("none of eight measures differs" in printed) == same == (machine == "the kept one")
