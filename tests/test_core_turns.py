"""Replay in C: turns are awaited, had and passed on as by pure Python, and each core replays what threads and processes did."""

import gc
import os
import sys
import threading
from _multiprocessing import SemLock  # type: ignore[import-not-found]
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from programs import assert_same, record, replay
from test_core import PURE, actor, built, told

from simcore.runtime import actors, segment
from simcore.runtime.core import LockBase, core
from simcore.runtime.following import Following
from simcore.runtime.order import AWAIT, FAR_AWAIT, FAR_POST, LOCAL, ORDER_EVENT, POST, STATUS, STOP
from simcore.trace.events import Kind

__all__ = ["actor"]  # a fixture

LOCK, OTHER = 40, 41

PROGRAMS = {
    "locks of threads": """
import signal, threading
lock, deep, turn, total = threading.Lock(), threading.RLock(), threading.Lock(), 0
def work(number):
    global total
    for n in range(150):
        with lock: total += 1
        if lock.acquire(): total += 1; lock.release()
        with deep, deep: total += 1
        if deep.acquire(blocking=False): deep.release()
        if turn.acquire(timeout=0.00001): turn.release()
        try: turn.release()
        except RuntimeError: total += number
threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(total)
""",
    "conditions and queues": """
import queue, threading
items, condition, got = queue.Queue(2), threading.Condition(), []
def put(number):
    for n in range(60): items.put((number, n))
    with condition: got.append(number); condition.notify_all()
threads = [threading.Thread(target=put, args=(number,)) for number in range(3)]
for thread in threads: thread.start()
print([items.get() for _ in range(180)])
with condition: condition.wait_for(lambda: len(got) == 3)
print(got)
""",
    "signals in a wait for the turn": """
import os, signal, threading
lock, seen, over = threading.Lock(), [], False
def handler(number, frame):
    with lock if not lock.locked() else threading.Lock(): seen.append(frame.f_lineno)
signal.signal(signal.SIGUSR1, handler)
def send():
    for _ in range(10):
        os.kill(os.getpid(), signal.SIGUSR1)
        for _ in range(20):
            with busy: pass
busy = threading.Lock()
thread = threading.Thread(target=send); thread.start()
for n in range(300):
    with busy: pass
    if busy.acquire(): busy.release()
thread.join(); print(len(seen) > 0)
""",
    "locks of processes": """
import multiprocessing
def work(lock, deep, places, full, end):
    for n in range(60):
        with lock: pass
        with deep, deep: pass
        if lock.acquire(False): lock.release()
        if places.acquire(True, None): places.release()
        try: full.release()
        except ValueError: pass
        if places.acquire(timeout=0.001): places.release()
    with lock: end.send(n)
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    lock, deep, places, (near, far) = context.Lock(), context.RLock(), context.BoundedSemaphore(2), context.Pipe(False)
    full = context.BoundedSemaphore(1)  # which nobody takes
    processes = [context.Process(target=work, args=(lock, deep, places, full, far)) for _ in range(3)]
    for process in processes: process.start()
    print([near.recv() for _ in processes])
    for process in processes: process.join()
    print([process.exitcode for process in processes])
""",
}


@built
@pytest.mark.parametrize("name", PROGRAMS)
def test_both_replay_the_same(name: str) -> None:
    """What threads and processes did at random is done again by either core, event by event."""
    trace, ran = record(PROGRAMS[name], switch_interval_s=1e-5)
    assert ran.code == 0
    answers = [replay(trace, env=env) for env in ({}, PURE)]
    for answer, again in answers:
        assert_same(answer)
        assert again == ran
    fast, pure = (told(answer.runs[0].trace) for answer, _ in answers)
    assert fast == pure


class _Gate:
    """What an actor's part of the order asks of the gate; its pure methods say that they were called."""

    def __init__(self) -> None:
        self.status = bytearray(STATUS.size)
        self.batons = [threading.Lock() for _ in range(3)]
        self.far: dict[int, Any] = {}
        self.calls: list[tuple[object, ...]] = []

    def _enter(self, *arguments: object) -> int:
        self.calls.append(arguments[1:])
        return 77

    def _differs(self, *arguments: object) -> None:
        self.calls.append(("differs", *arguments[1:]))

    def _semaphore(self, index: int) -> Any:
        if index not in self.far:
            self.far[index] = SemLock(1, 0, 1 << 20, f"/simcore-test-{os.getpid()}-{index}", True)
        return self.far[index]


Event = tuple[int, int, int, int, int, int, int]


def _event(kind: Kind, value: int, flags: int = 0, *, after: int = 0, position: int = 0, obj: int = LOCK) -> Event:
    return value, obj, 0, after, position, kind, flags


def _follow(one: actors.Actor, *events: Event) -> tuple[Any, Any]:
    """Let an actor follow these events; the gate and its part."""
    gate: Any = _Gate()
    data = b"..." + b"".join(ORDER_EVENT.pack(*event) for event in events)
    one.following = Following(gate, 1, memoryview(data)[3:], gate.batons[1])
    return gate, one.following


@built
def test_turns_are_had_and_passed_on(actor: actors.Actor) -> None:
    """The value of the trace comes back, the next actor is told once, and the controller sees how far it is."""
    gate, mine = _follow(
        actor,
        _event(Kind.ACQUIRE, 5, POST, after=2, position=8),
        _event(Kind.GET, 6, LOCAL, position=9),
        _event(Kind.SLEEP, 7, STOP),
    )
    gate.batons[2].acquire()
    assert core.enter_turn(actor, Kind.ACQUIRE, LOCK, 3) == 5
    assert (mine.cursor, mine.held, gate.batons[2].locked()) == (ORDER_EVENT.size, (POST, 2, 8), True)
    core.leave_turn(actor, Kind.ACQUIRE, LOCK, 3, 5, 11)
    assert (mine.held, gate.batons[2].locked(), STATUS.unpack(gate.status)) == (None, False, (9, 0))
    gate.batons[2].acquire()
    core.pass_on(actor)
    assert gate.batons[2].locked()  # no turn, nothing to pass on
    assert core.give_turn(actor, Kind.GET, LOCK, 3, 1) == 6
    core.pass_on(actor)
    assert STATUS.unpack(gate.status) == (9, 0)  # it took no turn
    assert core.enter_turn(actor, Kind.SLEEP, LOCK, 3) == 77  # a debugger is opened there
    assert core.enter_turn(actor, Kind.SLEEP, OTHER, 3) == 77  # a divergence, or something that is due
    assert gate.calls == [(Kind.SLEEP, LOCK, 3), (Kind.SLEEP, OTHER, 3)]
    mine.cursor = mine.end
    assert core.enter_turn(actor, Kind.SLEEP, LOCK, 3) == 77  # past the end
    for cursor in (-32, mine.end + 32, sys.maxsize):
        mine.cursor = cursor
        assert core.enter_turn(actor, Kind.SLEEP, LOCK, 3) == 77


@built
@pytest.mark.parametrize(
    ("far", "looks"), [(False, 0), (True, 0), (True, 1), (True, 100_000)], ids=["a thread", "a process", "for a moment", "awake"]
)
def test_turns_are_awaited(actor: actors.Actor, far: bool, looks: int, request: pytest.FixtureRequest) -> None:
    """An actor is blocked until it is told, and not when it was told before."""
    request.addfinalizer(lambda: core.stay_awake(0, 0))
    core.stay_awake(8, looks)
    gate, mine = _follow(
        actor, *[_event(Kind.GET, 1, AWAIT | (FAR_AWAIT if far else 0))] * 2, _event(Kind.GET, 1, POST | FAR_POST, after=2)
    )
    baton = gate._semaphore(1) if far else gate.batons[1]
    if not far:
        baton.acquire()
    was: list[bool] = []

    def tell() -> None:
        while not mine.blocked:
            pass
        was.append(mine.blocked)
        baton.release()

    thread = threading.Thread(target=tell)
    thread.start()
    core.enter_turn(actor, Kind.GET, LOCK, 3)
    thread.join()
    assert (was, mine.blocked, mine.told) == ([True], False, False)
    mine.told = True
    core.enter_turn(actor, Kind.GET, LOCK, 3)
    assert (mine.told, baton.acquire(False)) == (False, False)
    gate._semaphore(2)
    core.enter_turn(actor, Kind.GET, LOCK, 3)
    core.pass_on(actor)
    assert gate.far[2].acquire(False)


@built
def test_what_the_program_decides_is_compared(actor: actors.Actor) -> None:
    """Who is started and what is put is another run when it differs from the trace; the value of a release is not compared."""
    gate, _ = _follow(actor, _event(Kind.START, 5), _event(Kind.PUT, 6), _event(Kind.RELEASE, 7), _event(Kind.START, 8))
    assert [core.give_turn(actor, kind, LOCK, 3, 1) for kind in (Kind.START, Kind.PUT, Kind.RELEASE)] == [5, 6, 7]
    assert core.give_turn(actor, Kind.START, LOCK, 3, 8) == 8
    assert gate.calls == [("differs", Kind.START, LOCK, 3, 1, 5), ("differs", Kind.PUT, LOCK, 3, 1, 6)]


@built
def test_a_part_of_the_order_refuses_what_is_none(actor: actors.Actor) -> None:
    """Wrong buffers, turns and actors raise, and leave all as it was."""
    _, mine = _follow(actor, _event(Kind.GET, 1))
    mine.held = (POST, 3, 9)
    for name, value in (("events", memoryview(b"")), ("events", b""), ("status", bytearray(8)), ("held", 5), ("held", (1, 2))):
        with pytest.raises((TypeError, AttributeError)):
            setattr(mine, name, value)
    assert (mine.held, bytes(mine.events[:8]), len(mine.status)) == ((POST, 3, 9), (1).to_bytes(8, "little"), STATUS.size)
    bare = core.FollowingBase()
    for name in ("events", "status", "baton"):
        with pytest.raises(AttributeError):
            getattr(bare, name)
    with pytest.raises((BufferError, ValueError)):
        bare.status = bytes(8)
    with pytest.raises(ValueError, match="too small"):
        bare.status = bytearray(4)
    actor.following = None
    for wrong in ((actor, Kind.GET, LOCK, 3), (None, Kind.GET, LOCK, 3), (actor,)):
        with pytest.raises(TypeError):
            core.enter_turn(*wrong)


class _Retaken(LockBase):  # type: ignore[misc, valid-type]
    """A lock in a replay, around one that fails when it is told to."""

    __slots__ = ("insisted", "passed")

    def __init__(self, raw: Any) -> None:
        self._acquire, self._release, self.simcore_id, self.given = raw.acquire, raw.release, LOCK, 0
        self.insisted, self.passed = 0, 0

    __enter__, __exit__ = (core.LockBase.retaken_enter, core.LockBase.retaken_exit) if core else (None, None)

    def _insist(self, _: object) -> bool:
        self.insisted += 1
        return True

    def _enter(self) -> bool:
        self.passed += 1
        return True

    def _exit(self, *_: object) -> None:
        self.passed += 1


@pytest.fixture
def acting(actor: actors.Actor) -> Iterator[actors.Actor]:
    """The actor, on whose behalf this thread runs now."""
    actors.tls.actor = actor
    yield actor
    actors.tls.actor = None


@built
def test_locks_in_their_turn(acting: actors.Actor) -> None:
    """A lock that is next is taken and recorded, with patience where it is still held; all else is for Python to do."""
    raw = threading.Lock()
    lock = _Retaken(raw)
    taken, given = _event(Kind.ACQUIRE, 1, position=4), _event(Kind.RELEASE, 0, POST, after=2, position=5)
    gate, mine = _follow(acting, taken, given, taken, _event(Kind.ACQUIRE, 0), _event(Kind.ACQUIRE, 1, obj=OTHER))
    gate.batons[2].acquire()
    with lock:
        assert raw.locked()
    assert (raw.locked(), gate.batons[2].locked(), STATUS.unpack(gate.status)) == (False, False, (6, 0))
    raw.acquire()
    assert lock.__enter__()
    assert (lock.insisted, lock.passed, mine.held) == (1, 0, None)
    for _ in range(2):  # a try that failed, and another lock
        lock.__enter__()
        lock.__exit__(None, None, None)
        mine.cursor += ORDER_EVENT.size
    assert lock.passed == 4
    found = [actors.RECORD.unpack_from(acting.chunk[1], at) for at in range(segment.FIRST_RECORD, segment.CHUNK, 32)]
    heads = [actors.HEAD.unpack(head) for head, stamp in found if stamp]
    assert [(kind, obj, value) for value, obj, _, _, kind, _ in heads] == [
        (Kind.ACQUIRE, LOCK, 1),
        (Kind.RELEASE, LOCK, 0),
        (Kind.ACQUIRE, LOCK, 1),
    ]


@built
def test_errors_pass_the_turn_on(acting: actors.Actor) -> None:
    """Where the lock within raises, that error goes on, and whoever comes next has the turn."""

    def fails(*_: object) -> bool:
        raise OSError("within")

    lock = _Retaken(SimpleNamespace(acquire=fails, release=fails))
    gate, mine = _follow(acting, _event(Kind.ACQUIRE, 1, POST, after=2))
    gate.batons[2].acquire()
    with pytest.raises(OSError, match="within"):
        lock.__enter__()
    assert (mine.held, gate.batons[2].locked()) == (None, False)


@built
def test_turns_leak_nothing(acting: actors.Actor) -> None:
    """Ten thousand turns later each object is held as often as before, and a part of the order goes when nobody has it."""
    raw = threading.Lock()
    lock = _Retaken(raw)
    part = [
        _event(Kind.ACQUIRE, 1, POST, after=2),
        _event(Kind.RELEASE, 0, POST | FAR_POST, after=300),
        _event(Kind.GET, 1, AWAIT),
    ]
    gate, mine = _follow(acting, *part, _event(Kind.ACQUIRE, 0))
    gate._semaphore(300)

    def work() -> None:
        for _ in range(2000):
            mine.cursor = 0
            for baton in (gate.batons[2], gate.far[300]):
                baton.acquire(False)
            with lock:
                pass
            core.enter_turn(acting, Kind.GET, LOCK, 3)
            gate.batons[1].release() if gate.batons[1].locked() else None
            core.leave_turn(acting, Kind.GET, LOCK, 3, 1)
            core.enter_turn(acting, Kind.GET, OTHER, 3)
            gate.calls.clear()

    def counts() -> list[int]:
        gc.collect()
        objects = (lock, raw, acting, mine, gate, gate.batons[1], gate.batons[2], gate.far[300], mine.events, None, True)
        return [len(gc.get_objects()), *map(sys.getrefcount, objects)]

    work()
    before = counts()
    work()
    assert max(abs(a - b) for a, b in zip(before, counts(), strict=True)) < 200
