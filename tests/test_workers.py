"""Work shared among threads: parts, meeting points, errors and forks, and kernels in a hurry."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="only compiled kernels are shared")

from vae_numpy.kernels.threads import limit  # noqa: E402  (after the check that it can be)
from vae_numpy.kernels.turns import begin, end, share  # noqa: E402
from vae_numpy.kernels.workers import ALONE  # noqa: E402

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is shared then")


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 100, 1000])
def test_parts_cover_everything_once_and_are_no_smaller_than_the_grain(n, size):
    parts = []
    with limit(n):
        share(lambda start, stop, turn: parts.append((start, stop)), size, grain=16)
    assert len(parts) <= n
    assert sorted(i for start, stop in parts for i in range(start, stop)) == list(range(size))
    assert all(start % 16 == 0 for start, _ in parts)
    assert len(parts) == 1 or all(stop - start >= 16 for start, stop in parts)


@pytest.mark.parametrize(("most", "n_parts"), [(None, 3), (5, 3), (2, 2), (1, 1), (0, 1)])
def test_there_are_no_more_parts_than_are_wanted(most, n_parts):
    parts = []
    with limit(3):
        share(lambda *part: parts.append(part), 100, grain=1, most=most)
    assert len(parts) == n_parts


def test_parts_run_at_the_same_time_on_threads_of_their_own():
    meeting = threading.Barrier(3, timeout=30)  # passes only if three are inside together
    names = set()

    def work(start, stop, turn):
        meeting.wait()
        names.add(threading.current_thread().ident)

    with limit(3):
        share(work, 3, grain=1)
    assert len(names) == 3


@pytest.mark.parametrize("bad", [0, 1])  # our own part, another thread's
def test_an_error_in_a_part_reaches_the_caller_after_the_others_ended(bad):
    done = []

    def work(start, stop, turn):
        if start == bad:
            raise RuntimeError("broken part")
        time.sleep(0.05)
        done.append(start)

    with limit(2):
        with pytest.raises(RuntimeError, match="broken part"):
            share(work, 2, grain=1)
        assert done == [1 - bad]
        share(lambda start, stop, turn: done.append(start), 2, grain=1)  # and all is well again
    assert sorted(done[1:]) == [0, 1]


def test_errors_of_several_parts_do_not_reach_the_next_job():
    def fail(start, stop, turn):
        raise RuntimeError(f"part {start}")

    with limit(3):
        for _ in range(20):
            with pytest.raises(RuntimeError, match="part"):
                share(fail, 3, grain=1)
            share(lambda *part: None, 3, grain=1)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs an alarm")
def test_an_interruption_waits_for_the_parts_and_leaves_the_workers_free():
    """An alarm strikes in the middle of a job, again and again; no part goes on behind it."""

    class Alarm(Exception):
        pass

    def ring(number, frame):
        raise Alarm

    running = set()

    def work(start, stop, turn):
        running.add(start)
        time.sleep(0.004)
        running.discard(start)

    previous, rang = signal.signal(signal.SIGALRM, ring), 0
    try:
        with limit(3):
            for i in range(100):
                signal.setitimer(signal.ITIMER_REAL, 1e-4 + 5e-5 * i)
                try:
                    share(work, 3, grain=1)
                    time.sleep(0.02)
                except Alarm:
                    rang += 1
                    assert running <= {0}  # our own part was interrupted, the others have ended
                    running.clear()
            signal.setitimer(signal.ITIMER_REAL, 0)
            assert rang > 50
            names = set()
            share(lambda *part: names.add(threading.get_ident()) or time.sleep(0.01), 3, grain=1)
            assert len(names) == 3
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def test_nobody_returns_before_a_slow_part_has_ended():
    """The others' patience is about a millisecond; this part takes twenty."""
    ended = []

    def work(start, stop, turn):
        if start:
            time.sleep(0.02)
        ended.append(start)

    for _ in range(5):
        with limit(2):
            share(work, 2, grain=1)
        assert sorted(ended) == [0, 1]
        ended.clear()


@numba.njit(nogil=True)
def add_up(x, total, start, stop, turn):
    begin(turn)
    for i in range(start, stop):
        total[i] = x[i] + i
    end(turn)


def test_a_kernel_shared_thousands_of_times_with_pauses_of_all_lengths():
    rng = np.random.default_rng(0)
    x, total = rng.normal(size=300), np.empty(300)
    with limit(3):
        for i in range(3000):
            total[:] = 0
            share(lambda *part: add_up(x, total, *part), len(x), grain=1)
            assert np.array_equal(total, x + np.arange(300))
            if i % 100 == 0:
                time.sleep(rng.choice([0, 1e-4, 1e-3, 1e-2]))  # awake, about to sleep, asleep


def test_two_threads_that_share_at_the_same_time_do_not_mix_their_work():
    wrong = []

    def many(seed):
        x, total = np.random.default_rng(seed).normal(size=200), np.empty(200)
        for _ in range(500):
            total[:] = 0
            share(lambda *part: add_up(x, total, *part), len(x), grain=1)
            if not np.array_equal(total, x + np.arange(200)):
                wrong.append(seed)

    with limit(3):
        threads = [threading.Thread(target=many, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
    assert not wrong and not any(thread.is_alive() for thread in threads)


def test_a_kernel_alone_waits_for_nobody():
    x, total = np.ones(5), np.zeros(5)
    add_up(x, total, 0, 5, ALONE)
    assert np.array_equal(total, 1 + np.arange(5))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_makes_threads_of_its_own():
    with limit(2):
        share(lambda *part: None, 2, grain=1)  # the parent has its threads now
        child = os.fork()
        if child == 0:
            sums = []
            share(lambda start, stop, turn: sums.append(stop - start), 10, grain=1)
            os._exit(0 if sorted(sums) == [5, 5] else 1)
        assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_forked_in_the_middle_of_a_job_shares_as_well():
    inside, done = threading.Event(), threading.Event()

    def work(start, stop, turn):
        inside.set()
        done.wait(30)

    def hold():
        with limit(2):
            share(work, 2, grain=1)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(30)
    child = os.fork()
    if child == 0:
        names = set()
        with limit(2):
            share(lambda *part: names.add(threading.get_ident()) or time.sleep(0.05), 2, grain=1)
        os._exit(0 if len(names) == 2 else 1)
    status = os.waitpid(child, 0)[1]
    done.set()
    holder.join(30)
    assert status == 0


def test_a_program_ends_although_its_workers_wait():
    code = (
        "from vae_numpy.kernels.turns import share\n"
        "from vae_numpy.kernels.threads import limit\n"
        "with limit(3): share(lambda *part: None, 3, grain=1)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
