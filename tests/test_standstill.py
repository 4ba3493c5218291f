"""Deadlocks are ended within two seconds, told in full and replayed; stalls are told, and ended for who asks for that."""

import subprocess
import sys
from pathlib import Path

import pytest
from programs import two_busy_loops, written
from standstill_programs import ABBA, RUN_ABBA, TOO_LONG_NS

import simcore
from simcore.errors import UsageError
from simcore.trace.events import ObjectKind, Outcome, Verdict
from simcore.trace.model import DeadlockLink, Trace

TICKING = """
def tick():
    while True:
        time.sleep(0.01)
def compute():
    while True:
        sum(range(1000))
import time
threading.Thread(target=tick, daemon=True).start()
threading.Thread(target=compute, daemon=True).start()
"""

DEADLOCKS = {
    "two locks": (
        ABBA + RUN_ABBA + "one.join(); two.join()",
        {("main/1", "b", "main/2"), ("main/2", "a", "main/1"), ("main", "", "main/1")},
    ),
    "two locks, others run": (
        ABBA + TICKING + RUN_ABBA + "while True: time.sleep(0.1)",
        {("main/3", "b", "main/4"), ("main/4", "a", "main/3")},
    ),
    "two locks, not by with": (
        ABBA.replace("with first:", "first.acquire()\n    if True:").replace("with second:", "second.acquire()\n        if True:")
        + TICKING
        + RUN_ABBA
        + "while True: time.sleep(0.1)",
        {("main/3", "b", "main/4"), ("main/4", "a", "main/3")},
    ),
    "two daemons, main joins": (
        ABBA + RUN_ABBA + "one.join()",
        {("main/1", "b", "main/2"), ("main/2", "a", "main/1"), ("main", "", "main/1")},
    ),
    "three parties": (
        """
        import threading
        a = threading.Lock()
        b = threading.RLock()
        c = threading.Lock()
        met = threading.Barrier(3)
        def grab(first, second):
            with first:
                met.wait()
                with second:
                    pass
        threads = [threading.Thread(target=grab, args=pair) for pair in ((a, b), (b, c), (c, a))]
        for thread in threads: thread.start()
        """,
        {("main/1", "RLock", "main/2"), ("main/2", "c", "main/3"), ("main/3", "a", "main/1")},
    ),
    "a re-entrant lock and a join": (
        """
        import threading
        r = threading.RLock()
        held = threading.Event()
        def want():
            with r:
                pass
        def hold():
            with r:
                held.set()
                other.join()
        other = threading.Thread(target=lambda: (held.wait(), want()))
        holder = threading.Thread(target=hold)
        other.start(); holder.start()
        """
        + TICKING.replace("\n", "\n        ")
        + "while True: time.sleep(0.1)",
        {("main/1", "RLock", "main/2"), ("main/2", "", "main/1")},
    ),
    "a mutex and a join": (
        """
        import threading
        a = threading.Lock()
        def want():
            with a:
                pass
        """
        + TICKING.replace("\n", "\n        ")
        + """
        with a:
            other = threading.Thread(target=want)
            other.start()
            other.join()
        """,
        {("main", "", "main/3"), ("main/3", "a", "main")},
    ),
    "a lock wants itself": (
        """
        import threading
        a = threading.Lock()
        a.acquire()
        a.acquire()
        """,
        {("main", "a", "main")},
    ),
    "a lock wants itself, an ended thread behind it": (
        """
        import threading
        a = threading.Lock()
        a.acquire()
        threading.Thread(target=int).start()
        worker = threading.Thread(target=a.acquire)
        worker.start()
        worker.join()
        """,
        {("main/2", "a", "main"), ("main", "", "main/2")},
    ),
    "the taker of a lock has ended": (
        """
        import threading
        a = threading.Lock()
        taker = threading.Thread(target=a.acquire)
        taker.start()
        taker.join()
        a.acquire()
        """,
        {("main", "a", "main/1")},
    ),
    "the taker of a re-entrant lock has ended, others run": (
        """
        import threading
        r = threading.RLock()
        taken = threading.Event()
        def take():
            r.acquire()
            taken.set()
        def want():
            taken.wait()
            taker.join()
            r.acquire()
        taker, wanter = threading.Thread(target=take), threading.Thread(target=want)
        wanter.start(); taker.start()
        """
        + TICKING.replace("\n", "\n        ")
        + "while True: time.sleep(0.1)",
        {("main/1", "RLock", "main/2")},
    ),
    "dining philosophers": (
        """
        import threading
        sticks = [threading.Lock() for _ in range(5)]
        seated = threading.Barrier(5)
        def dine(seat):
            with sticks[seat]:
                seated.wait()
                with sticks[(seat + 1) % 5]:
                    pass
        diners = [threading.Thread(target=dine, args=(seat,), name=f"diner-{seat}") for seat in range(5)]
        for diner in diners: diner.start()
        for diner in diners: diner.join()
        """,
        {(f"main/{n}", f"sticks[{n % 5}]", f"main/{n % 5 + 1}") for n in range(1, 6)} | {("main", "", "main/1")},
    ),
    "an executor's tasks": (
        """
        import time
        from concurrent.futures import ThreadPoolExecutor
        """
        + ABBA.replace("\n", "\n        ")
        + """
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(grab, a, b)
            while not first.running(): time.sleep(0.001)
            pool.submit(grab, b, a)
        """,
        {("main/1", "b", "main/2"), ("main/2", "a", "main/1"), ("main", "", "main/1")},
    ),
}


def links(trace: Trace) -> set[tuple[str, str, str]]:
    """Who waits for what, and who has that; a thread that is joined goes without a name, a re-entrant lock by its type."""
    return {(trace.actors[link.actor].name, wanted(trace, link), trace.actors[link.owner].name) for link in trace.ending.deadlock}


def wanted(trace: Trace, link: DeadlockLink) -> str:
    kind = trace.objects[link.object].kind
    return "" if kind is ObjectKind.THREAD else "RLock" if kind is ObjectKind.RLOCK else trace.object_labels[link.object]


def lines(trace: Trace, sites: tuple[int, ...]) -> list[int]:
    return [trace.sites[site].line for site in sites]


@pytest.mark.parametrize("name", DEADLOCKS)
def test_a_deadlock_is_ended_and_told_and_replays_to_the_same(name: str) -> None:
    """Within two seconds of the last wait; every link names who waits, for what, who has it; the trace is kept."""
    source, expected = DEADLOCKS[name]
    trace = simcore.record(written(source, f"{name}.py"), quiet=True)
    assert trace.outcome is Outcome.DEADLOCK
    assert links(trace) == expected
    assert trace.ending.duration_ns - max(link.since_ns for link in trace.ending.deadlock) < TOO_LONG_NS
    assert trace.path is not None
    assert links(Trace.load(trace.path)) == expected
    replay = simcore.replay(trace)
    assert replay.verdict is Verdict.SAME, [run.differs or run.divergence for run in replay.runs]
    assert links(replay.runs[0].trace) == expected


def test_a_deadlock_is_ended_under_load() -> None:
    """Two busy loops beside it do not delay the end beyond two seconds, nor change the report."""
    source, expected = DEADLOCKS["three parties"]
    path = written(source, "loaded.py")
    with two_busy_loops():
        traces = [simcore.record(path, quiet=True) for _ in range(3)]
        verdict = simcore.replay(traces[0]).verdict
    for trace in traces:
        assert links(trace) == expected
        assert trace.ending.duration_ns - max(link.since_ns for link in trace.ending.deadlock) < TOO_LONG_NS
    assert verdict is Verdict.SAME


def test_the_leak_is_told_in_full() -> None:
    """Owner, depth three, the lines of each taking and of the one release, the waiter's line, and that the owner has ended."""
    path = written(
        """\
        import threading
        account = threading.RLock()
        go, done = threading.Event(), threading.Event()
        def leak():
            account.acquire()
            account.acquire()
            account.acquire()
            account.release()
            account.acquire()
            go.set()
        def wait():
            go.wait()
            done.set()
            account.acquire()
        waiter = threading.Thread(target=wait, name="waiter")
        leaker = threading.Thread(target=leak, name="leaker")
        waiter.start()
        leaker.start()
        done.wait()
        leaker.join()
        waiter.join()
        """,
    )
    trace = simcore.record(path, quiet=True)
    link, follower = trace.ending.deadlock
    assert isinstance(link, DeadlockLink)
    assert (trace.actors[link.actor].thread_name, trace.actors[link.owner].thread_name) == ("waiter", "leaker")
    assert trace.objects[link.object].kind is ObjectKind.RLOCK
    assert link.owner_ended
    assert lines(trace, link.taken) == [5, 6, 7, 9]
    assert lines(trace, link.released) == [8]
    assert lines(trace, (link.site,)) == [14]
    assert 0 < link.since_ns < trace.ending.duration_ns
    assert (follower.actor, follower.owner, follower.owner_ended) == (0, link.actor, False)
    assert lines(trace, (follower.site,)) == [21]
    again = simcore.replay(trace).runs[0].trace.ending.deadlock[0]
    assert again.owner_ended
    assert [lines(trace, sites) for sites in (again.taken, again.released)] == [[5, 6, 7, 9], [8]]


# Stalls ------------------------------------------------------------------------------------------------------------------------

STALL = """
import queue, threading
jobs = queue.Queue()
def work():
    jobs.get()
threading.Thread(target=work, name="worker", daemon=True).start()
threading.Event().wait()
"""


def test_a_stall_is_ended_when_that_is_asked_for() -> None:
    """Everyone waits, nobody owns what is waited for: outcome stalled, what never completed stands in the trace, it replays."""
    trace = simcore.record(written(STALL), on_stall="end", quiet=True)
    assert trace.outcome is Outcome.STALLED
    assert trace.ending.deadlock == []
    assert {(trace.actors[p.actor].name, trace.sites[p.site].line) for p in trace.ending.pending} == {("main", 7), ("main/1", 5)}
    assert simcore.replay(trace).verdict is Verdict.SAME


def test_a_stalled_pattern_is_ended() -> None:
    """A pattern has nobody who could wake it."""
    Path("mine.py").write_text(
        "import threading\nfrom simcore.api import pattern\n\n\n@pattern(expect={'stalled'})\ndef asleep() -> None:\n"
        '    """Nobody sets the event."""\n    threading.Event().wait()\n',
        encoding="utf-8",
    )
    trace = simcore.record("asleep", plugins=["mine.py"], quiet=True).check()
    assert trace.outcome is Outcome.STALLED


def test_a_stalled_program_is_only_told_of() -> None:
    """One line on stderr that names who waits where; Ctrl-C reaches the program afterwards."""
    path = written(STALL + "\n", "told.py")
    source = Path(path).read_text(encoding="utf-8")
    ends = 'import os, subprocess\nsubprocess.Popen(["sh", "-c", f"sleep 2.5; kill -INT {os.getpid()}"])\n'
    Path(path).write_text(ends + source, encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "simcore.cli", "record", path], capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if "STALLED" in line]
    assert len(told) == 1
    assert "main at told.py:9" in told[0]
    assert 'main/1 "worker" at told.py:7' in told[0]
    assert done.returncode == 130
    assert "KeyboardInterrupt" in done.stderr


def test_on_stall_takes_two_words() -> None:
    """Anything else is refused before the program starts."""
    with pytest.raises(UsageError, match="on_stall is 'kill', expected 'report' or 'end'"):
        simcore.record("mutex", on_stall="kill")
