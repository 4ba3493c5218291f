"""Garbage and signals that come between two accesses come between the same two again, also where the trace left accesses out."""

from pathlib import Path

import pytest

import simcore
from simcore.runtime import core
from simcore.trace.events import ACCESS_KINDS, AT_REST, Kind, Verdict, accessed, interrupted
from simcore.trace.model import Trace

CORES = [
    pytest.param("", id="core", marks=pytest.mark.skipif(core.core is None, reason="no core here")),
    pytest.param("1", id="pure"),
]

FINALISERS = """
import sys, threading

class Box:
    def __init__(self):
        self.n = 0

class Cycle:
    def __init__(self):
        self.me = self
    def __del__(self):
        box.n += 1

def work():
    for _ in range(1500):
        box.n += 1
        Cycle()

box = Box()
threads = [threading.Thread(target=work) for _ in range(int(sys.argv[1]))]
for thread in threads:
    thread.start()
work()
for thread in threads:
    thread.join()
print(box.n > 0)
"""

SIGNALS = """
import signal

class Box:
    def __init__(self):
        self.n = self.own = 0

def ring(number, frame):
    seen.append(mine.n)

mine, seen = Box(), []
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
while len(seen) < 5:
    mine.own += 1
    mine.own += 1
    mine.n = mine.own
signal.setitimer(signal.ITIMER_REAL, 0)
print(seen)
"""


def recorded(source: str, *words: str) -> Trace:
    Path("program.py").write_text(source, encoding="utf-8")
    trace = simcore.record("program.py", argv=words, granularity="access", quiet=True, timeout_s=60)
    assert trace.as_expected, trace.ending.error
    return trace


def same(trace: Trace, times: int) -> None:
    replayed = simcore.replay(trace, times=times)
    assert replayed.verdict is Verdict.SAME, (replayed.runs[-1].divergence, replayed.runs[-1].differs)


def values(trace: Trace, kind: Kind) -> list[int]:
    c = trace.columns
    return [value for value, its_kind in zip(c.value, c.kind, strict=True) if its_kind == kind]


def at_rest(trace: Trace) -> bool:
    """Whether each collection found the other threads at rest, while there were any: under load one may come late."""
    c = trace.columns
    ends = max((position for position, kind in enumerate(c.kind) if kind == Kind.END), default=0)
    return all(value & AT_REST for value, kind in zip(c.value[:ends], c.kind[:ends], strict=True) if kind == Kind.GC)


def recorded_at_rest(threads: str) -> Trace:
    for _ in range(20):
        trace = recorded(FINALISERS, threads)
        if at_rest(trace):
            return trace
    raise AssertionError("in none of 20 recordings the threads came to rest in time")


@pytest.mark.parametrize("pure", CORES)
@pytest.mark.parametrize("threads", ["0", "1", "2"])
def test_finalisers_run_between_the_same_accesses(threads: str, pure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each collects what the others have dropped, whose accesses to their own cycles are in no trace."""
    monkeypatch.setenv("SIMCORE_PURE", pure)
    trace = recorded_at_rest(threads)
    collections = values(trace, Kind.GC)
    assert collections
    assert all(interrupted(value)[1] >= 0 for value in collections)
    same(trace, 2)


@pytest.mark.loop
@pytest.mark.parametrize("pure", CORES)
@pytest.mark.parametrize("threads", ["1", "2", "3"])
def test_so_they_do_each_time(threads: str, pure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In twenty recordings."""
    monkeypatch.setenv("SIMCORE_PURE", pure)
    for _ in range(20):
        same(recorded_at_rest(threads), 3)


@pytest.mark.parametrize("pure", CORES)
def test_handlers_run_between_the_same_accesses(pure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three accesses of each round are in no trace; the handler sees what it saw, at each of its runs."""
    monkeypatch.setenv("SIMCORE_PURE", pure)
    trace = recorded(SIGNALS)
    assert len(values(trace, Kind.SIGNAL)) >= 5
    left_out = [accessed(value)[1] for kind in ACCESS_KINDS for value in values(trace, kind)]
    assert sum(left_out) > 0
    same(trace, 2)
