"""What every actor did from when to when, who held which lock, who waited for what: the figures of timelines and statistics."""

from __future__ import annotations

from itertools import pairwise

import pytest
from pictures import CONTENDED, LOCK, THREADS, leak, small
from synthetic import build

from simcore.analysis.states import Mode
from simcore.analysis.stretches import Stretches
from simcore.trace.events import RUNNING, Kind, ObjectKind, Outcome
from simcore.trace.model import ActorInfo, Ending, ObjectInfo, Pending, ProcessInfo, Span, Trace
from simcore.views.events import Selection
from simcore.views.window import window_of

US = 1000


def told(stretches: Stretches, actor: int) -> list[tuple[int, int, str, int, tuple[int, ...]]]:
    """The stretches of an actor: from, to (us), state, what it waits for, what it holds."""
    found = stretches.of_actor(actor)
    return [(since // US, until // US, state.mode.name, state.object, state.held) for since, until, state in found]


def objects_with(*kinds: ObjectKind) -> list[ObjectInfo]:
    """The objects of a small trace and behind them one of each of these kinds."""
    return [*small().objects, *(ObjectInfo(0, kind, 9, 1, kind.name.lower()) for kind in kinds)]


def test_between_two_events_an_actor_runs_but_for_the_time_that_it_waited() -> None:
    """A wait begins when its event says; from an acquisition to its release the lock is held, also while its owner sleeps."""
    stretches = Stretches(small(*CONTENDED, (1, Kind.END, THREADS + 1, 0, 1300, 0)))
    assert told(stretches, 1) == [(1204, 1243, "RUNS", -1, (LOCK,)), (1243, 1300, "RUNS", -1, ())]
    assert told(stretches, 2) == [
        (1206, 1251, "WAITS", LOCK, ()),
        (1251, 1260, "RUNS", -1, (LOCK,)),
        (1260, 1300, "RUNS", -1, ()),
    ]
    (wait,) = stretches.waits
    assert (wait.actor, wait.took_ns, wait.position, wait.got) == (2, 45 * US, 4, True)


def test_a_sleep_is_no_wait() -> None:
    """Who sleeps waits for nobody, and keeps what it holds."""
    events = ((1, Kind.ACQUIRE, LOCK, 1, 10, 0), (1, Kind.SLEEP, 0, 20_000, 40, 21), (1, Kind.RELEASE, LOCK, 0, 50, 0))
    stretches = Stretches(small(*events))
    assert told(stretches, 1) == [(10, 19, "RUNS", -1, (LOCK,)), (19, 40, "SLEEPS", -1, (LOCK,)), (40, 50, "RUNS", -1, (LOCK,))]
    assert stretches.waits == []


def test_who_had_the_lock_while_another_waited() -> None:
    """All that held it in that time, the one that held it longest first, each with how long, how often and where first."""
    events = [
        (0, Kind.ACQUIRE, LOCK, 1, 0, 0),
        (0, Kind.RELEASE, LOCK, 0, 20, 0),
        *(event for at in (30, 60) for event in ((1, Kind.ACQUIRE, LOCK, 1, at, 0), (1, Kind.RELEASE, LOCK, 0, at + 25, 0))),
        (2, Kind.ACQUIRE, LOCK, 1, 90, 80),
    ]
    stretches = Stretches(small(*events))
    (wait,) = stretches.waits
    assert stretches.holders(wait) == [(1, 50 * US, 2, 2), (0, 10 * US, 1, 0)]


@pytest.mark.parametrize("kind", [ObjectKind.RLOCK, ObjectKind.PRLOCK])
def test_a_reentrant_lock_is_held_from_the_first_to_the_last(kind: ObjectKind) -> None:
    """Taken twice it is one hold, which ends when it was given back as often."""
    thing = len(small().objects)
    steps = [(Kind.ACQUIRE, 10), (Kind.ACQUIRE, 20), (Kind.RELEASE, 30), (Kind.RELEASE, 40)]
    stretches = Stretches(small(*((1, step, thing, 1, at, 0) for step, at in steps), objects=objects_with(kind)))
    holds = stretches.holds[thing]
    assert (list(holds.actor), list(holds.since_ns), list(holds.until_ns)) == ([1], [10 * US], [40 * US])


def test_a_lock_that_another_gives_back_is_held_no_longer() -> None:
    """A lock used as a signal: who took it twice waits from the beginning, not from the moment at which the other released it."""
    events = (
        (1, Kind.ACQUIRE, LOCK, 1, 10, 0),
        (2, Kind.RELEASE, LOCK, 0, 50, 0),
        (1, Kind.ACQUIRE, LOCK, 1, 60, 40),
        (1, Kind.RELEASE, LOCK, 0, 70, 0),
    )
    stretches = Stretches(small(*events))
    assert told(stretches, 1)[1:] == [(20, 60, "WAITS", LOCK, ()), (60, 70, "RUNS", -1, (LOCK,))]
    assert list(stretches.holds[LOCK].until_ns) == [50 * US, 70 * US]


def test_a_release_that_failed_did_not_happen() -> None:
    """After an undone release the lock has been held all the time; a try that failed takes nothing."""
    events = (
        (1, Kind.ACQUIRE, LOCK, 1, 10, 0),
        (2, Kind.RELEASE, LOCK, 0, 20, 0),
        (2, Kind.UNDO, LOCK, 0, 21, 0),
        (2, Kind.ACQUIRE, LOCK, 0, 25, 0),
        (1, Kind.RELEASE, LOCK, 0, 30, 0),
    )
    holds = Stretches(small(*events)).holds[LOCK]
    assert (list(holds.until_ns), holds.tries) == ([30 * US], 1)


def test_what_never_ended_lasts_to_the_end_of_the_run() -> None:
    """Pending waits and locks that were never given back; an actor that has ended holds on."""
    ending = Ending(Outcome.DEADLOCK, -9, duration_ns=900 * US, pending=[Pending(2, Kind.ACQUIRE, LOCK, 1, 120 * US, False)])
    events = (
        (1, Kind.ACQUIRE, LOCK, 1, 100, 0),
        (2, Kind.BEGIN, THREADS + 2, 0, 110, 0),
        (1, Kind.END, THREADS + 1, 0, 130, 0),
    )
    stretches = Stretches(small(*events, ending=ending))
    assert told(stretches, 1) == [(100, 130, "RUNS", -1, (LOCK,))]
    assert told(stretches, 2)[-1] == (120, 900, "WAITS", LOCK, ())
    (wait,) = stretches.waits
    assert (wait.position, wait.got) == (-1, False)
    assert stretches.holders(wait) == [(1, 780 * US, 1, 0)]


def forked(*events: tuple[int, Kind, int, int, int, int], method: str = "fork", **ending: object) -> Trace:
    """A trace of main, its thread holder and its child main.1, which has a copy of the lock; the objects behind the threads."""
    objects = [*objects_with(ObjectKind.CHILD), ObjectInfo(0, ObjectKind.LOCK, 1, 1, "stock", "main.1")]
    actors = [ActorInfo("main", "MainThread"), ActorInfo("main/1", "holder"), ActorInfo("main.1", "MainThread")]
    processes = [ProcessInfo("main", 70), ProcessInfo("main.1", 71, method)]
    end = Ending(**({"processes": processes} | ending))  # type: ignore[arg-type]
    return small(*events, actors=actors, objects=objects, ending=end)


CHILD = len(small().objects)
COPY = CHILD + 1


def test_the_copy_of_a_lock_was_taken_at_the_fork() -> None:
    """What another thread held when a process was forked it holds in the child for ever, and the child's waits are behind it."""
    events = (
        (1, Kind.ACQUIRE, LOCK, 1, 100, 0),
        (0, Kind.START, CHILD, 2, 200, 0),
        (2, Kind.BEGIN, CHILD, 71, 250, 0),
        (1, Kind.SLEEP, 0, 150_000, 300, 150),
        (1, Kind.RELEASE, LOCK, 0, 310, 0),
        (1, Kind.END, THREADS + 1, 0, 320, 0),
    )
    pending = [Pending(2, Kind.ACQUIRE, COPY, 1, 260 * US, False)]
    trace = forked(*events, outcome=Outcome.DEADLOCK, duration_ns=900 * US, pending=pending)
    stretches = Stretches(trace)
    holds = stretches.holds[COPY]
    assert (list(holds.actor), list(holds.since_ns), list(holds.until_ns)) == ([1], [200 * US], [900 * US])
    assert stretches.holders(stretches.waits[-1]) == [(1, 640 * US, 1, 0)]
    assert told(stretches, 1) == [
        (100, 150, "RUNS", -1, (LOCK,)),
        (150, 200, "SLEEPS", -1, (LOCK,)),
        (200, 300, "SLEEPS", -1, (LOCK, COPY)),
        (300, 310, "RUNS", -1, (LOCK, COPY)),
        (310, 320, "RUNS", -1, (COPY,)),
    ]
    assert told(stretches, 2) == [(250, 260, "RUNS", -1, ()), (260, 900, "WAITS", COPY, ())]


def test_what_the_forking_thread_held_its_child_holds() -> None:
    """The child gives its copy back; what was begun before the child was is not the child's time."""
    events = (
        (0, Kind.ACQUIRE, LOCK, 1, 100, 0),
        (0, Kind.START, CHILD, 2, 200, 0),
        (2, Kind.BEGIN, CHILD, 71, 250, 0),
        (2, Kind.RELEASE, COPY, 0, 260, 0),
        (2, Kind.EXIT, 0, 0, 270, 0),
    )
    stretches = Stretches(forked(*events))
    assert told(stretches, 2) == [(250, 260, "RUNS", -1, (COPY,)), (260, 270, "RUNS", -1, ())]
    assert list(stretches.holds[LOCK].until_ns) == [270 * US]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_copy_that_is_made_anew_was_held_by_nobody(method: str) -> None:
    """Who takes it first could not if it were the one that was taken at the fork; a spawned child has no copies at all."""
    events = (
        (1, Kind.ACQUIRE, LOCK, 1, 100, 0),
        (0, Kind.START, CHILD, 2, 200, 0),
        (2, Kind.ACQUIRE, COPY, 1, 260, 0),
        (2, Kind.RELEASE, COPY, 0, 270, 0),
    )
    stretches = Stretches(forked(*events, method=method))
    assert list(stretches.holds[COPY].actor) == [2]


def test_a_copy_that_could_not_be_taken_was_held_until_it_was_made_anew() -> None:
    """A try that failed shows that somebody had it; who takes it after that has it then."""
    events = (
        (1, Kind.ACQUIRE, LOCK, 1, 100, 0),
        (0, Kind.START, CHILD, 2, 200, 0),
        (2, Kind.ACQUIRE, COPY, 0, 260, 40),
        (2, Kind.ACQUIRE, COPY, 1, 270, 0),
    )
    stretches = Stretches(forked(*events))
    assert [share.actor for share in stretches.holders(stretches.waits[0])] == [1]
    holds = stretches.holds[COPY]
    assert (list(holds.actor), list(holds.until_ns)) == ([1, 2], [270 * US, 270 * US])


def test_the_programmers_operation_is_what_is_waited_for() -> None:
    """Who waits on the lock inside of Barrier.wait waits for the barrier, and whoever released that lock ended it; also when the
    operation never came to its end."""
    waiter, barrier = len(small().objects), len(small().objects) + 1
    events = (
        (1, Kind.ACQUIRE, waiter, 1, 10, 0),
        (2, Kind.RELEASE, waiter, 0, 50, 0),
        (1, Kind.ACQUIRE, waiter, 1, 60, 45),
        (1, Kind.ACQUIRE, waiter, 1, 70, 0),
    )
    ending = Ending(Outcome.STALLED, -9, duration_ns=500 * US, pending=[Pending(1, Kind.ACQUIRE, waiter, 1, 80 * US, False)])
    spans = [Span("Barrier.wait", 1, barrier, 1, 0, 2), Span("Barrier.wait", 1, barrier, 1, 3, 3)]
    objects = objects_with(ObjectKind.WAITER, ObjectKind.BARRIER)
    first, second = Stretches(small(*events, spans=spans, objects=objects, ending=ending)).waits
    assert (first.object, first.by, first.got) == (barrier, 2, True)
    assert (second.object, second.by, second.got) == (barrier, -1, False)


def test_who_ended_a_wait() -> None:
    """The actor that put the item, that was joined; nobody for a timeout."""
    queue = len(small().objects)
    events = (
        (0, Kind.START, THREADS + 1, 1, 1, 0),
        (2, Kind.GET, queue, 1 << 32 | 1, 20, 10),
        (2, Kind.GET, queue, -2, 40, 10),
        (0, Kind.JOIN, THREADS + 1, 1, 50, 10),
        (0, Kind.JOIN, THREADS + 1, 0, 70, 10),
    )
    stretches = Stretches(small(*events, objects=objects_with(ObjectKind.SIMPLEQUEUE)))
    assert [(wait.by, wait.got) for wait in stretches.waits] == [(1, True), (-1, False), (1, True), (1, False)]


@pytest.mark.parametrize(("kind", "value"), [(Kind.JOIN, -9), (Kind.STATUS, -9), (Kind.WAIT, 1 << 32 | 9)])
def test_a_killed_child_ends_when_somebody_sees_it(kind: Kind, value: int) -> None:
    """It has no last event; that it was found running before says nothing."""
    child = len(small().objects)
    events = (
        (0, Kind.START, child, 1, 1, 0),
        (1, Kind.BEGIN, child, 77, 2, 0),
        (0, Kind.STATUS, child, RUNNING, 30, 0),
        (0, kind, child if kind is not Kind.WAIT else 14, value, 60, 0),
        (0, Kind.EXIT, 14, 0, 90, 0),
    )
    actors = [ActorInfo("main", "MainThread"), ActorInfo("main.1", "MainThread")]
    stretches = Stretches(small(*events, actors=actors, objects=objects_with(ObjectKind.CHILD)))
    assert [stretches.ends[actor] // US for actor in (0, 1)] == [90, 60]


def test_what_a_signal_handler_takes_its_thread_holds() -> None:
    """The handler is an actor of its own, on the thread of another: a re-entrant lock is taken once more, not anew."""
    thing = len(small().objects)
    steps = [(0, Kind.ACQUIRE, 10), (1, Kind.ACQUIRE, 20), (1, Kind.RELEASE, 30), (0, Kind.RELEASE, 40)]
    actors = [ActorInfo("main", "MainThread"), ActorInfo("main!SIGALRM", "MainThread")]
    events = [(actor, kind, thing, 1, at, 0) for actor, kind, at in steps]
    holds = Stretches(small(*events, actors=actors, objects=objects_with(ObjectKind.RLOCK))).holds[thing]
    assert (list(holds.actor), list(holds.until_ns)) == ([0], [40 * US])


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.DEADLOCK])
@pytest.mark.parametrize("seed", [1, 2])
def test_stretches_fill_each_life_without_a_gap(outcome: Outcome, seed: int) -> None:
    """Of any trace: they follow each other, a lock has one owner at a time, and held is what the actors say they hold."""
    trace = build(5, 600, seed, outcome=outcome)
    stretches = Stretches(trace)
    spent = dict.fromkeys(stretches.holds, 0)
    for actor in range(len(trace.actors)):
        mine = list(stretches.of_actor(actor))
        assert all(before[1] == after[0] for before, after in pairwise(mine))
        assert mine[-1][1] == stretches.ends[actor]
        for since, until, state in mine:
            for thing in state.held:
                spent[thing] += until - since
    for thing, holds in stretches.holds.items():
        assert all(until <= since for until, since in zip(holds.until_ns, holds.since_ns[1:], strict=False))
        held = sum(until - since for since, until in zip(holds.since_ns, holds.until_ns, strict=True))
        # An owner that ended holds on.
        assert held >= spent[thing] > 0
        assert outcome is not Outcome.OK or held == spent[thing]
    assert sum(wait.took_ns for wait in stretches.waits) == sum(
        until - since
        for actor in range(len(trace.actors))
        for since, until, state in stretches.of_actor(actor)
        if state.mode is Mode.WAITS
    )


def test_a_part_is_cut_out_of_the_stretches() -> None:
    """What began before and ends behind it comes back with its part within."""
    stretches = Stretches(build(4, 400, 1))
    first, last = 1_200_000, 1_400_000
    for actor in range(4):
        whole = [(max(since, first), min(until, last), state) for since, until, state in stretches.of_actor(actor)]
        expected = [(since, until, state) for since, until, state in whole if since < until]
        assert list(stretches.of_actor(actor, first, last)) == expected


def test_the_window_of_a_selection() -> None:
    """From its first event to its last; to the end of the run where that is the last of the trace; the users of an object."""
    trace = leak()
    stretches = Stretches(trace)
    whole = window_of(stretches, Selection(0, len(trace) - 1))
    assert (whole.first_ns, whole.last_ns, whole.actors) == (US, trace.ending.duration_ns, (0, 1, 2))
    trace = small(*CONTENDED)
    part = window_of(Stretches(trace), Selection(2, 4, objects={LOCK}))
    assert (part.first_ns, part.last_ns, part.actors) == (1231 * US, 1251 * US, (1, 2))
    assert window_of(Stretches(trace), Selection(2, 4, actors={0})).actors == (0,)
    empty = window_of(Stretches(small()), Selection(0, -1))
    assert (empty.first_ns, empty.last_ns, tuple(empty.actors)) == (0, 1, ())
