"""The rule by which a run stands still, on scenes that nobody has run."""

import pytest

from simcore.engine.standstill import History, Scene, Standstill, find, followers
from simcore.trace.events import Kind, ObjectKind

A, B, R, QUEUE, THREAD, WAITER = range(40, 46)
KINDS = {
    A: ObjectKind.LOCK,
    B: ObjectKind.LOCK,
    R: ObjectKind.RLOCK,
    QUEUE: ObjectKind.SIMPLEQUEUE,
    THREAD: ObjectKind.THREAD,
    WAITER: ObjectKind.WAITER,
}
MAIN, ONE, TWO, OTHER = range(4)
PLAIN, WITH = 7, 8


def scene(
    waits: dict[int, tuple[Kind, int]],
    events: list[tuple[int, Kind, int]],
    *,
    alive: int = 4,
    closed: bool = False,
    site: int = PLAIN,
) -> Scene:
    """Events as (actor, kind, object), then who waits; `alive` actors from main on. The thread THREAD is actor ONE."""
    history = History()
    for actor, kind, obj in events:
        history.feed(actor, kind, obj, KINDS.get(obj, ObjectKind.NONE), int(kind is Kind.ACQUIRE) or 5, site)
    plain = {actor: (int(kind), obj) for actor, (kind, obj) in waits.items()}
    return Scene(
        plain, {obj: int(kind) for obj, kind in KINDS.items()}, {THREAD: ONE}, range(alive), history, closed, {WITH}.__contains__
    )


TAKE, GIVE, JOIN = Kind.ACQUIRE, Kind.RELEASE, Kind.JOIN
ABBA_HELD = [(ONE, TAKE, A), (TWO, TAKE, B)]
ABBA_WAITS = {ONE: (TAKE, B), TWO: (TAKE, A)}


def test_a_cycle_of_mutexes_is_final() -> None:
    """Two plain locks, each taken by the one whom the other waits for: others may run."""
    assert find(scene(ABBA_WAITS, ABBA_HELD)) == Standstill((ONE, TWO), (TWO, ONE))


def test_a_lock_that_others_release_is_a_signal() -> None:
    """Once somebody else than the owner released it, anybody may again; with nobody left it is a deadlock all the same."""
    signalled = [(MAIN, TAKE, A), (OTHER, GIVE, A), *ABBA_HELD]
    assert find(scene(ABBA_WAITS, signalled)) is None
    assert find(scene(ABBA_WAITS, signalled, alive=4, closed=True)) is None
    waits = {**ABBA_WAITS, MAIN: (JOIN, THREAD)}
    assert find(scene(waits, signalled, alive=3, closed=True)) == Standstill((ONE, TWO), (TWO, ONE))


@pytest.mark.parametrize(("site", "before", "final"), [(PLAIN, False, False), (WITH, False, True), (PLAIN, True, True)])
def test_a_join_on_the_waiter_for_a_lock(site: int, before: bool, final: bool) -> None:
    """It is a deadlock when the lock is a mutex: taken by `with`, or given back by an owner before."""
    events = [(TWO, TAKE, A), (TWO, GIVE, A)] * before + [(TWO, TAKE, A)]
    found = find(scene({ONE: (TAKE, A), TWO: (JOIN, THREAD)}, events, site=site))
    assert found == (Standstill((ONE, TWO), (TWO, ONE)) if final else None)


def test_a_re_entrant_lock_is_nobody_elses_to_release() -> None:
    """Through a join or with an owner that has ended it is final at once; a plain lock of an ended taker when nobody is left."""
    assert find(scene({ONE: (TAKE, R), TWO: (JOIN, THREAD)}, [(TWO, TAKE, R)])) == Standstill((ONE, TWO), (TWO, ONE))
    assert find(scene({ONE: (TAKE, R)}, [(TWO, TAKE, R), (TWO, Kind.END, 0)])) == Standstill((ONE,), (TWO,))
    ended = [(TWO, TAKE, A), (TWO, Kind.END, 0)]
    assert find(scene({ONE: (TAKE, A)}, ended)) is None
    assert find(scene({ONE: (TAKE, A), MAIN: (JOIN, THREAD)}, ended, alive=2, closed=True)) == Standstill((ONE,), (TWO,))


def test_who_has_what_it_waits_for_can_go_on() -> None:
    """A lock that is free, an item that is there, a thread that has ended: the waiter only has not run yet."""
    assert find(scene({MAIN: (TAKE, A)}, [(ONE, TAKE, A), (ONE, GIVE, A)], alive=1, closed=True)) is None
    assert find(scene({MAIN: (Kind.GET, QUEUE)}, [(ONE, Kind.PUT, QUEUE)], alive=1, closed=True)) is None
    assert find(scene({MAIN: (JOIN, THREAD)}, [(ONE, Kind.END, THREAD)], alive=1, closed=True)) is None
    assert find(scene({MAIN: (Kind.GET, QUEUE)}, [], alive=1, closed=True)) == Standstill()
    assert find(scene({MAIN: (TAKE, WAITER)}, [(MAIN, TAKE, WAITER)], alive=1, closed=True)) == Standstill()


def test_a_stall_needs_everyone() -> None:
    """Somebody who runs, or something outside that may wake somebody, and there is none."""
    waits = {MAIN: (Kind.GET, QUEUE)}
    assert find(scene(waits, [], alive=2, closed=True)) is None
    assert find(scene(waits, [], alive=1, closed=False)) is None


def test_followers_are_those_behind_the_cycle() -> None:
    """Nearest first, and nobody whose wait leads elsewhere."""
    waits = {**ABBA_WAITS, MAIN: (JOIN, THREAD), OTHER: (Kind.GET, QUEUE)}
    here = scene(waits, ABBA_HELD)
    found = find(here)
    assert found is not None
    assert followers(here, found) == [(MAIN, ONE)]
