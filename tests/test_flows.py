"""Pairs of events of which the first made the second possible: hand-offs, wake-ups, messages, starts, joins."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from pictures import CONTENDED, LOCK, small
from synthetic import build

import simcore
from simcore.analysis.flows import FlowKind, flows
from simcore.trace.events import Kind, ObjectKind
from simcore.trace.model import Trace
from simcore.views.figures import is_queue, traffic

FAMILY = """
import multiprocessing, threading

def work(lock, jobs, conn, n):
    conn.send(n)
    helper = threading.Thread(target=lambda: None)
    helper.start()
    helper.join()
    while (job := jobs.get()) is not None:
        with lock:
            print(job)

if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    lock, jobs = multiprocessing.Lock(), multiprocessing.Queue()
    pipes = [multiprocessing.Pipe() for _ in range(3)]
    workers = [multiprocessing.Process(target=work, args=(lock, jobs, there, n), name=f"w-{n}")
               for n, (_, there) in enumerate(pipes)]
    for worker in workers: worker.start()
    for job in [1, 2, 3, 4, 5, 6, None, None, None]: jobs.put(job)
    for here, _ in pipes: here.recv()
    for worker in workers: worker.join()
"""
"""Four processes under fork, with all kinds of flows but wake-ups."""


def family() -> Trace:
    """A recording of it."""
    Path("family.py").write_text(FAMILY)
    return simcore.record("./family.py", quiet=True).check()


def kinds(trace: Trace) -> Counter[FlowKind]:
    """How many flows of each kind."""
    return Counter(flow.kind for flow in flows(trace))


def test_a_lock_that_is_given_on_is_a_hand_off() -> None:
    """From the release to the next take by another actor; taking it again oneself is none."""
    trace = small(*CONTENDED, (2, Kind.ACQUIRE, LOCK, 1, 1270, 0), (2, Kind.RELEASE, LOCK, 0, 1280, 0))
    assert [tuple(flow) for flow in flows(trace)] == [(FlowKind.HAND_OFF, 3, 4)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hand_offs_are_those_that_the_summary_counts(seed: int) -> None:
    """Lock by lock the number that `traffic` has; each from a release of the lock to the next take of it."""
    trace = build(5, 900, seed)
    found: Counter[int] = Counter()
    c = trace.columns
    for kind, source, target in flows(trace):
        if kind is FlowKind.HAND_OFF:
            thing = c.object[target]
            assert (c.kind[source], c.object[source], c.kind[target]) == (Kind.RELEASE, thing, Kind.ACQUIRE)
            takes = [p for p in range(source, target) if c.object[p] == thing and c.kind[p] == Kind.ACQUIRE and c.value[p] > 0]
            assert takes == []
            found[thing] += 1
    assert found == {one.object: one.hand_offs for one in traffic(trace) if not is_queue(trace, one.object)}


def test_items_threads_and_their_ends() -> None:
    """Of a made trace: each item got from another, each thread's begin and join; nothing else."""
    trace = build(4, 700, 5)
    c = trace.columns
    got = [p for p in range(len(trace)) if c.kind[p] == Kind.GET and c.value[p] >= 0 and c.value[p] >> 32 != c.actor[p]]
    found = kinds(trace)
    assert found[FlowKind.MESSAGE] == len(got) > 0
    assert (found[FlowKind.START], found[FlowKind.JOIN]) == (3, 3)


def test_flows_between_four_processes() -> None:
    """Of a real run: starts and joins of all actors, one message through each pipe, each item through the queue and its pipe."""
    trace = family()
    c, found = trace.columns, flows(trace)
    count = kinds(trace)
    assert len({process.name for process in trace.ending.processes}) == 4
    assert count[FlowKind.START] == len(trace.actors) - 1
    assert count[FlowKind.JOIN] == len(trace.actors) - 1
    for kind, source, target in found:
        assert source < target
        assert c.actor[source] != c.actor[target]
        assert (c.kind[source], c.kind[target]) in {
            FlowKind.HAND_OFF: {(Kind.RELEASE, Kind.ACQUIRE)},
            FlowKind.WAKE: {(Kind.RELEASE, Kind.ACQUIRE)},
            FlowKind.MESSAGE: {(Kind.PUT, Kind.GET), (Kind.SEND, Kind.RECV)},
            FlowKind.START: {(Kind.START, Kind.BEGIN)},
            FlowKind.JOIN: {(Kind.END, Kind.JOIN), (Kind.EXIT, Kind.JOIN)},
        }[kind]
    sent = [flow for flow in found if c.kind[flow.source] == Kind.SEND]
    assert all(c.value[flow.source] == c.value[flow.target] for flow in sent)
    received = [p for p in range(len(trace)) if c.kind[p] == Kind.RECV and c.value[p] >= 0]
    assert len(sent) == len(received) == 9 + 3


def test_a_semaphore_wakes_who_waited() -> None:
    """What nobody owns is not handed over: only a wait that a release ended is a flow."""
    waiter = list(small().objects)
    waiter[LOCK] = waiter[LOCK]._replace(kind=ObjectKind.PSEMAPHORE)
    events = ((1, Kind.RELEASE, LOCK, 0, 10, 0), (2, Kind.ACQUIRE, LOCK, 1, 20, 0), (1, Kind.RELEASE, LOCK, 0, 30, 0))
    trace = small(*events, (2, Kind.ACQUIRE, LOCK, 1, 40, 15), objects=waiter)
    assert [tuple(flow) for flow in flows(trace)] == [(FlowKind.WAKE, 2, 3)]
