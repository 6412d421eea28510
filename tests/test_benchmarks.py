"""The benchmarks: what is timed is the same computation, and the report has what it promises."""

import importlib.util
import json
import time

import numpy as np
import pytest

pytest.importorskip("numba", reason="what is measured are the compiled kernels")

from benchmarks import __main__ as command
from benchmarks import fits, floor, ladder, products, startup, steps, trace
from benchmarks.networks import CONVOLUTIONAL, NETWORKS, Network
from benchmarks.timing import interleave, summary, times_as_fast
from vae_numpy import kernels

SMALL = Network("5-4-2", 5, (4,), 2, (4,), 6)
PICTURES = Network("8x8-3,2-5-2", 64, (5,), 2, (5,), 6, "tanh", "tanh", channels=(3, 2))
small_networks = pytest.mark.parametrize("network", [SMALL, PICTURES], ids=lambda n: n.name)


def have(name):
    return importlib.util.find_spec(name) is not None


def test_a_function_that_waits_twice_as_long_takes_twice_the_time():
    turns = interleave(
        {"one": lambda: time.sleep(0.01), "two": lambda: time.sleep(0.02)},
        budget=0,
        rest=0,
        turn=0.05,
    )
    assert len(turns["one"]) == len(turns["two"]) >= 5
    assert times_as_fast(turns["one"], {"two": turns["two"]})["two"]["median"] == pytest.approx(
        2, rel=0.3
    )


def test_turns_alternate_within_their_contexts():
    seen, inside = [], []

    class Context:
        def __enter__(self):
            inside.append("b")

        def __exit__(self, *_):
            inside.clear()

    interleave(
        {"a": lambda: seen.append(("a", *inside)), "b": lambda: seen.append(("b", *inside))},
        budget=0,
        around={"b": Context},
        rest=0,
        turn=0,
    )
    assert set(seen) == {("a",), ("b", "b")}
    names = [name for name, *_ in seen]
    changes = sum(x != y for x, y in zip(names, names[1:], strict=False))
    assert changes == 11  # warm-up in two blocks, then five rounds of two


def test_a_summary_is_made_of_quartiles():
    assert summary([1.0, 2.0, 3.0, 4.0, 5.0]) == {"median": 3, "low": 2, "high": 4, "rounds": 5}


def test_the_four_networks_stay_comparable_with_the_stored_results():
    sizes = [(n.n_features, n.encoder, n.n_latents, n.decoder, n.batch) for n in NETWORKS]
    assert sizes == [
        (3, (64, 64), 2, (64, 64), 64),
        (784, (400,), 20, (400,), 128),
        (1024, (512, 512), 10, (512, 512), 64),
        (4096, (1200, 1200), 10, (1200, 1200, 1200), 64),
    ]


def test_the_convolutional_networks_are_those_of_burgess():
    shapes = [[w.shape for w in network.arrays()[0][::2]] for network in CONVOLUTIONAL]
    inner = (32, 4, 4, 32)
    for pictures, convolutions in zip(shapes, (4, 3), strict=True):
        assert pictures[:convolutions] == [(1, 4, 4, 32), *[inner] * (convolutions - 1)]
        assert pictures[convolutions:-convolutions] == [
            (512, 256),
            (256, 20),
            (10, 256),
            (256, 512),
        ]
        assert pictures[-convolutions:] == [*[inner] * (convolutions - 1), (1, 4, 4, 32)]
    # A picture's multiplications, counted by hand: 16 weights x 32 channels for each of 32 x 32
    # pixels; 32 times as many for each of 16 x 16, 8 x 8 and 4 x 4; the dense layers.
    first, others = 16 * 32 * 1024, 16 * 32 * 32 * (256 + 64 + 16)
    dense = 512 * 256 + 256 * 20 + 10 * 256 + 256 * 512
    forward = 2 * first + 2 * others + dense
    assert CONVOLUTIONAL[0].operations == 64 * 2 * (3 * forward - first)


@small_networks
def test_our_gradients_are_those_of_finite_differences(network):
    """So that the peers, which are compared with ours, are compared with the truth."""
    weights, x, eps = network.arrays()
    ours = steps.Ours(network, weights, x, eps)
    _, gradients = ours.loss_and_gradients()
    rng = np.random.default_rng(0)
    for parameter, gradient in zip(ours.parameters, gradients, strict=True):
        direction = rng.standard_normal(parameter.value.shape).astype(np.float32)
        start, h = parameter.value.copy(), 1e-3  # small: relu has kinks
        losses = []
        for sign in (1, -1):
            parameter.value[...] = start + sign * h * direction
            losses.append(ours.loss_and_gradients()[0])
        parameter.value[...] = start
        slope = (losses[0] - losses[1]) / (2 * h)
        assert slope == pytest.approx(float(np.sum(gradient * direction)), rel=2e-2, abs=2e-3)


def test_a_contestant_with_other_gradients_is_refused():
    weights, x, eps = SMALL.arrays()
    found = [steps.Ours(SMALL, weights, x, eps), steps.Ours(SMALL, weights, x, eps)]
    steps.check_fairness(found)
    found[1].parameters[-1].value[0] += 0.1  # the logits' bias
    with pytest.raises(AssertionError):
        steps.check_fairness(found)


@small_networks
@pytest.mark.parametrize("peer", ["torch", "jax"])
def test_the_peers_compute_the_same(peer, network):
    if not have(peer):
        pytest.skip(f"{peer} is not installed (the extra 'bench')")
    steps.check_fairness(steps.contestants(network))


def test_the_command_writes_what_it_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(steps.run, "__kwdefaults__", {"networks": (SMALL,)})
    monkeypatch.setattr(steps, "contestants", lambda n: [steps.Ours(n, *n.arrays())])
    command.main(["--quick", "--only", "steps", "fitting", "--to", str(tmp_path)])
    results = json.loads((tmp_path / "benchmarks.json").read_text())
    assert set(results) == {"machine", "steps", "fitting", "seconds"}
    assert results["steps"][0]["seconds"]["vae_numpy"]["median"] > 0
    assert (tmp_path / "benchmarks.png").stat().st_size > 1000
    # both learned the digits: less than half of the error of the mean picture
    assert max(results["fitting"]["mean_squared_error"].values()) < 0.045
    assert "5-4-2" in capsys.readouterr().out


def test_the_command_measures_convolutional_steps_and_their_memory(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "CONVOLUTIONAL", (PICTURES,))
    monkeypatch.setattr(steps, "contestants", lambda n: [steps.Ours(n, *n.arrays())])
    command.main(["--quick", "--only", "convolutions", "--to", str(tmp_path)])
    results = json.loads((tmp_path / "benchmarks.json").read_text())
    assert set(results) == {"machine", "convolutions", "seconds"}
    row = results["convolutions"][0]
    assert row["operations"] == PICTURES.operations
    assert row["peak_bytes"] is None or 2**25 < row["peak_bytes"] < 400 * 2**20
    assert "8x8-3,2-5-2" in capsys.readouterr().out


def test_a_step_of_burgess_takes_less_than_400_megabytes():
    peak = startup.peak_memory(CONVOLUTIONAL[0])
    if peak is None:
        pytest.skip("nobody counts memory here")
    assert 2**25 < peak < 400 * 2**20


def test_convolutions_are_compared_with_the_peak():
    rows = products.convolutions(budget=0, peak=1e12, pictures=((3, 8),), batch=2)
    assert [row["product"] for row in rows] == [
        f"{layer}_{way}" for layer in ("conv", "conv_transpose") for way in ("forward", "backward")
    ]
    operations = 2 * (2 * 16) * 3 * (3 * 16)  # pixels, channels, numbers in a patch
    for row, times in zip(rows, (1, 2, 1, 2), strict=True):
        assert row["operations"] == times * operations
        seconds = row["seconds"]["own"]["median"]
        assert row["share_of_peak"] == pytest.approx(times * operations / seconds / 1e12)


def test_what_a_fit_adds_is_told_from_its_steps(monkeypatch):
    """On a clock that moves as we say: steps take 2 here and 3 in fit, epochs 5, calls 7."""

    class Clock:
        now = 0.0

        def perf_counter(self):
            return self.now

        def wait(self, seconds):
            self.now += seconds

    clock = Clock()

    class Model:
        batch_size = 10

        def set_params(self, *, max_iter, callbacks):
            self.max_iter, (self.callback,) = max_iter, callbacks

        def fit(self, X):
            clock.wait(7)
            for _ in range(self.max_iter):
                clock.wait(3 * len(X) / 10 + 5)
                self.callback(self)

    monkeypatch.setattr(fits, "time", clock)
    monkeypatch.setattr(fits, "bare_step", lambda model, X: lambda: clock.wait(2))
    found = fits.added(Model(), np.zeros((160, 5), np.float32), budget=0)
    medians = [seconds["median"] for seconds in found.values()]
    assert list(found) == ["bare step", "step of fit", "epoch", "call"]
    assert medians == pytest.approx([2, 3, 5, 7])


def test_fits_are_compared_on_the_same_data(monkeypatch):
    seen = []

    class Peer(steps.Ours):
        name = "peer"

        def fit(self, X, n_epochs):
            seen.append((X.shape, n_epochs))
            time.sleep(0.05)

    monkeypatch.setattr(
        fits, "contestants", lambda n: [steps.Ours(n, *n.arrays()), Peer(n, *n.arrays())]
    )
    (row,) = fits.run(budget=0, networks=(SMALL,))
    assert set(seen) == {((256 * 6, 5), 3)}
    assert row["seconds"]["peer"]["median"] == pytest.approx(0.05 / (3 * 256), rel=0.5)
    assert set(row["estimators"]) == {"VAE", "Autoencoder"}


@pytest.mark.parametrize("peer", ["torch", "jax"])
def test_the_peers_learn_when_they_fit(peer):
    if not have(peer):
        pytest.skip(f"{peer} is not installed (the extra 'bench')")
    X = np.tile(np.eye(5, dtype=np.float32), (6 * 20, 1))
    _, *peers = steps.contestants(SMALL)
    for who in [who for who in peers if who.name.startswith("JAX") == (peer == "jax")]:
        before, _ = who.loss_and_gradients()
        who.fit(X, 3)
        who.x = type(who.x)(X[:6]) if peer == "torch" else X[:6]
        after, _ = who.loss_and_gradients()
        assert after < before


def test_the_parts_of_a_step_need_what_its_products_do():
    ours = steps.Ours(SMALL, *SMALL.arrays())
    real = dict(vars(kernels))
    with floor.recorded() as calls:
        ours.step()
    assert vars(kernels) == real
    need = {part: np.zeros(2) for part in floor.PARTS}
    for part, operations, numbers, _ in floor.needs(calls):
        need[part] += operations, numbers
    assert need["products"][0] == SMALL.operations
    # value, gradient, two averages; and all but the gradient written
    assert need["optimiser"].tolist() == [0, 7 * ours.flat.value.size]
    # of 6 rows: the logits, the data and the gradient; means and log-variances with theirs
    assert need["loss"].tolist() == [0, 6 * (3 * 5 + 4 * 2)]


def test_each_kernel_gets_the_bandwidth_of_its_own_arrays(monkeypatch):
    ours = steps.Ours(SMALL, *SMALL.arrays())
    with floor.recorded() as calls:
        ours.step()
    monkeypatch.setattr(floor, "bandwidth", lambda size: size * 1e3)  # no size twice the same rate
    least = floor._least([call for call in calls if call[0] == "adam_step"], 1e9)
    n = ours.flat.value.size  # in four arrays of 4 bytes each, of which 7 n numbers move
    assert 4 * 7 / 16 / 1e3 <= least["optimiser"]["memory"] < 2 * 4 * 7 / 16 / 1e3
    monkeypatch.setattr(floor, "bandwidth", lambda size: 1.0)
    assert floor._least(calls, 1e9)["optimiser"]["memory"] == 4 * 7 * n


def test_a_step_is_taken_apart_and_set_against_its_floor(monkeypatch):
    monkeypatch.setattr(floor, "limits", lambda: {"operations_per_second": 1e11})
    found = floor.run(budget=0, networks=(SMALL,))
    (row,) = found["rows"]
    parts = sum(row["seconds"][part]["median"] for part in (*floor.PARTS, "Python"))
    assert parts == pytest.approx(row["seconds"]["step"]["median"], rel=0.5)  # of medians
    assert 0 < row["floor"] < row["seconds"]["step"]["median"]
    limits = found["limits"]
    assert row["least"]["products"]["arithmetic"] == pytest.approx(
        SMALL.operations / limits["operations_per_second"]
    )
    assert limits["bytes_per_second"] > 1e9 and 0 < limits["hand_over_seconds"] < 1e-3


def test_a_minibatch_stays_readable():
    """It was 89 calls of 33 functions in 9 files, with 42 changes of file."""
    counted = trace.counts(trace.trace())
    assert counted["files"] <= 6 and counted["changes of file"] <= 24
    assert counted["functions"] <= 30 and counted["calls"] <= 64


# The ladder ----------------------------------------------------------------------------------


def test_the_ladder_takes_the_cells_of_the_chapter_in_their_order(tmp_path):
    chapter = tmp_path / "chapter.md"
    cell = "```{{code-cell}} ipython3\n:tags: [{}]\n\n{}\n```\n\n"
    pairs = [("measures", "a"), ("hide-input", "b"), ("setup, hide-input", "c"), ("measures", "d")]
    header = "---\njupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n"
    header += "kernelspec:\n  name: python3\n  display_name: Python 3\n---\n\n"
    chapter.write_text(header + "".join(cell.format(*pair) for pair in pairs))
    assert ladder.cells("setup", "measures", chapter=chapter) == ["a", "c", "d"]
    assert ladder.cells("hide-input", chapter=chapter) == ["b", "c"]


@pytest.mark.parametrize("order", ["ijk", "ikj", "jik", "jki", "kij", "kji"])
def test_each_order_of_the_loops_adds_the_product(order):
    rng = np.random.default_rng(0)
    A, B, C = rng.normal(size=(3, 5)), rng.normal(size=(5, 4)), rng.normal(size=(3, 4))
    assert np.allclose(ladder.in_order(order)(A, B, C.copy()), C + A @ B)


@pytest.mark.parametrize(
    ("load", "said"),
    [(0.1, "a quiet machine"), (2, "a busy machine"), (None, "a machine whose load is not known")],
)
def test_the_ladder_says_how_busy_the_machine_was(load, said):
    assert ladder.condition(load) == said


def test_the_ladder_keeps_medians_and_what_they_were_measured_on(tmp_path, monkeypatch):
    numbers = iter([3.0, 1.0, 8.0])
    monkeypatch.setattr(ladder, "measure", lambda: {"ladder": {"tiles": next(numbers)}})
    monkeypatch.setattr(ladder, "orders", lambda: {"ijk": 1.0})
    monkeypatch.setattr(ladder, "addresses", lambda: {"tiles, 1000": 2.0})
    ladder.main(["--rounds", "3", "--to", str(tmp_path / "ladder.json")])
    run = json.loads((tmp_path / "ladder.json").read_text())
    assert run["results"]["ladder"] == {"tiles": 3}
    assert run["largest_over_smallest"]["ladder"] == {"tiles": 8}
    assert run["made"]["command"] == "python -m benchmarks.ladder --rounds 3"
    assert run["machine"]["model"] and run["machine"]["vector_bytes"] in (16, 32, 64)
    assert [file.name for file in tmp_path.iterdir()] == ["ladder.json"]


def test_the_readme_tells_the_kept_run():
    readme = (command.RESULTS.parent / "README.md").read_text("utf-8")
    kept = json.loads((command.RESULTS / "benchmarks.json").read_text("utf-8"))
    rows = [
        line.split("|")[1:-1]
        for line in readme.splitlines()
        if line.startswith(("| 64 x", "| 32 x"))
    ]
    assert len(rows) == len(kept["convolutions"]) == 2
    for (_, *told, lead, memory), found in zip(rows, kept["convolutions"], strict=True):
        seconds = [contestant["median"] for contestant in found["seconds"].values()]
        for text, median in zip(told, seconds, strict=True):
            assert float(text.split()[0]) == pytest.approx(1e3 * median, rel=0.006)
        best = min(peer["median"] for peer in found["ours_times_as_fast"].values())
        assert float(lead.split()[0]) == round(best, 2) >= 1.2
        assert float(memory.split()[0]) == round(found["peak_bytes"] / 2**20)
    peak = kept["products"]["limits"]["operations_per_second"]
    layers = [row for row in kept["products"]["rows"] if row["product"].startswith("conv")]
    shares = [r["operations"] / r["seconds"]["own"]["median"] / peak for r in layers]
    assert [f"{min(shares):.0%}", f"{max(shares):.0%}"] == ["64%", "81%"]
    assert "64 to 81 per cent" in readme
