"""Chapter 5's figure *the memory walker*, worked by mouse and keyboard, against a plain walk."""

import itertools

import pytest
from visiting import wait_until

pytestmark = pytest.mark.browser

PAGE = "book/05_fast_matrices.html"
NAME = "fast-memory-walker"
ORDERS = ["".join(order) for order in itertools.permutations("ijk")]


def walked(order, tile=16, length=16, lines=32, n=16):
    """Visits, and how often each line is fetched, by a clock that says when a line was used."""
    fetched, used, visits = [0] * (3 * n * length // 4), {}, 0
    starts = range(0, n, tile)
    for corner in itertools.product(starts, repeat=3):
        for offset in itertools.product(range(tile), repeat=3):
            at = {name: a + b for name, a, b in zip(order, corner, offset, strict=True)}
            first, last = offset[2] == 0, offset[2] == tile - 1
            # C is loaded, and then stored.
            for m, (row, column), now in zip(
                (0, 1, 2, 2), ("ik", "kj", "ij", "ij"), (first, first, first, last), strict=True
            ):
                if order[2] not in (row, column) and not now:
                    continue
                visits += 1
                line = (m * n * length + at[row] * length + at[column]) // 4
                if line not in used:
                    fetched[line] += 1
                    rivals = [u for u in used if (u - line) % (lines // 4) == 0]
                    if len(rivals) == 4:
                        del used[min(rivals, key=used.get)]
                used[line] = visits
    return visits, fetched


@pytest.mark.parametrize("order", ORDERS)
def test_its_numbers_are_those_of_python(stage, order):
    for tile, length, lines in [(16, 16, 32), (8, 20, 32), (4, 28, 64)]:
        wanted = f"order: '{order}', tile: {tile}, length: {length}, lines: {lines}"
        stage.live(f"set({{{wanted}}})")
        visits, fetched = walked(order, tile, length, lines)
        assert stage.live("look()")["fetched"] == fetched
        assert int(stage.number("lines fetched")) == sum(fetched)
        hits, of = stage.number("hits").split(" % of ")
        assert int(of) == visits
        assert float(hits) == pytest.approx(100 * (1 - sum(fetched) / visits), abs=0.051)
        intensity = 2 * 16**3 / (16 * sum(fetched))
        assert stage.live("state.intensity") == pytest.approx(intensity, abs=1e-6)
        assert float(stage.number("operations per byte")) == pytest.approx(intensity, abs=5.1e-3)


def test_the_task_can_be_solved_from_the_keyboard(stage):
    assert stage.number("lines fetched") == "4744"
    tile, length = stage.slider("tile width"), stage.slider("row length")
    for order in ORDERS:  # no tile is enough, and no other length
        for t, n in [(2, 16), (4, 16), (8, 16), (16, 16), (16, 20), (16, 24), (16, 28), (16, 32)]:
            stage.live(f"set({{order: '{order}', tile: {t}, length: {n}}})")
            assert stage.live("state.intensity") < 1
    stage.button("Reset").click()
    stage.press(tile, "ArrowLeft")
    assert stage.live("state.tile") == 8
    stage.press(length, "ArrowRight")
    assert stage.live("state.length") == 20
    assert float(stage.number("operations per byte")) > 1


def test_it_walks_and_pauses_by_mouse(stage):
    stage.button("Walk").click()
    state = f"document.querySelector('#live-{NAME}').live.state"
    wait_until(stage.page, f"{state}.at > 5 && {state}.at < {state}.visits")
    stage.button("Pause").click()
    at = stage.live("state.at")
    stage.page.wait_for_timeout(200)
    assert stage.live("state.at") == at < stage.live("state.visits")
    stage.button("Reset").click()
    assert stage.live("state.at") == stage.live("state.visits")


def test_the_order_is_chosen_and_the_walk_is_dragged_by_mouse(stage):
    stage.radio("ikj").click()
    assert stage.number("lines fetched") == "1152"
    far = stage.slider("how far")
    box = far.bounding_box()
    far.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    assert 400 < int(stage.number("lines fetched")) < 800
    assert stage.number("visit").startswith(("A[", "B[", "C["))
