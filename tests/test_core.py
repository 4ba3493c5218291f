"""The core in C and pure Python are one recorder: the same events, the same errors, replayed by each other."""

import gc
import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
from programs import assert_same, record, replay, written

import simcore
from simcore.runtime import actors, segment
from simcore.runtime.core import NAME, core
from simcore.trace.events import LOCAL_KINDS, TAG_KINDS, TEXT_KINDS, Kind
from simcore.trace.model import Trace

PURE = {"SIMCORE_PURE": "1"}
built = pytest.mark.skipif(core is None, reason="the core was not built for this interpreter, or is refused")

PROGRAMS = {
    "locks": """
import random, threading
draw = random.Random(7)
locks = [threading.Lock() for _ in range(4)]
def by_call(lock): lock.acquire(); lock.release()
def by_block(lock):
    with lock: pass
def by_try(lock): print(lock.acquire(False), lock.acquire(False), lock.acquire(timeout=0.001)); lock.release()
def too_often(lock):
    for release in (lock.release, lambda: lock.__exit__(None, None, None)):
        try: release()
        except RuntimeError as error: print(error)
def with_names(lock): print(lock.acquire(blocking=True, timeout=-1)); lock.release()
def wrongly(lock):
    for arguments in ((False, 1), (True, -2), (1, 0.0), (False, -1), ("x",)):
        try: print(lock.acquire(*arguments)); lock.release()
        except Exception as error: print(type(error).__name__, error)
def passes_on(lock):
    try:
        with lock: raise KeyError(1)
    except KeyError: pass
for _ in range(400): draw.choice([by_call, by_block, by_try, too_often, with_names, wrongly, passes_on])(draw.choice(locks))
""",
    "re-entrant locks": """
import random, threading
draw, lock, depth = random.Random(3), threading.RLock(), 0
for n in range(2000):
    if draw.random() < 0.5:
        lock.acquire() if draw.random() < 0.5 else lock.__enter__()
        depth += 1
    elif depth:
        lock.release() if draw.random() < 0.5 else lock.__exit__(None, None, None)
        depth -= 1
    else:
        try: lock.release()
        except RuntimeError as error: print(error)
    if n % 100 == 0: print(depth, repr(lock).partition(" owner")[0])
""",
    "hand-overs": """
import threading
turn, other, seen = threading.Lock(), threading.Lock(), []
other.acquire()
def echo():
    for n in range(200): other.acquire(); seen.append(n); turn.release()
thread = threading.Thread(target=echo); thread.start()
for n in range(200): turn.acquire(); seen.append(-n); other.release()
thread.join(); print(seen[:6])
""",
    "operations of the programmer": """
import queue, threading
condition, event, places = threading.Condition(), threading.Event(), threading.BoundedSemaphore(2)
items = queue.Queue(2)
for n in range(50):
    with condition: condition.notify_all(); condition.wait(0)
    event.set(); event.wait(); event.clear()
    with places: items.put(n); items.get(); items.task_done()
    try: items.get(False)
    except queue.Empty: pass
    try: places.release()
    except ValueError as error: print(error)
""",
    "finalisers": """
import gc, threading
gc.disable()
lock, theirs = threading.Lock(), threading.RLock()
class Node:
    def __init__(self): self.me = self
    def __del__(self):
        with theirs: print("gone")
for n in range(600):
    node = Node() if n % 100 == 0 else node
    with lock: pass
    if n % 150 == 0: gc.collect()
""",
    "locks between processes": """
import multiprocessing
lock, depth, places = multiprocessing.Lock(), multiprocessing.RLock(), multiprocessing.BoundedSemaphore(2)
for n in range(100):
    with lock, depth, depth: pass
    print(lock.acquire(), lock.acquire(False), lock.acquire(True, 0.001)); lock.release()
    places.acquire(block=True, timeout=None); places.release()
    for release in (lock.release, depth.release, places.release):
        try: release()
        except (ValueError, AssertionError) as error: print(type(error).__name__, error)
""",
    "messages": """
import multiprocessing
def echo(asked, answers, end):
    for _ in range(40): answers.put(asked.get())
    while True:
        try: end.send(end.recv())
        except EOFError: break
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    asked, answers, (near, far) = context.Queue(), context.SimpleQueue(), context.Pipe()
    process = context.Process(target=echo, args=(asked, answers, far)); process.start(); far.close()
    for n in range(40): asked.put("x" * n); print(answers.get())
    for n in range(20): near.send_bytes(b"\\x80\\x04N.") if n % 2 else near.send(n); print(near.recv())
    try: near.recv_bytes(-1)
    except ValueError as error: print(error)
    near.close(); process.join(); print(process.exitcode)
    try: asked._writer.send_bytes(b"x" * 3, 5)
    except ValueError as error: print(error)
""",
}


def told(trace: Trace) -> dict[str, list[tuple[object, ...]]]:
    """What each actor did in its program order: all of an event but its time, and the spans with what they hold."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for event in trace:
        value: object = event.value
        if event.kind in TEXT_KINDS:
            value = trace.texts[event.value]
        elif event.kind in TAG_KINDS and event.value > 0:  # indices of actors go by who came first
            value = trace.actors[event.value >> 32].name, event.value & 0xFFFFFFFF
        elif event.kind is Kind.START:
            value = trace.actors[event.value].name
        if event.kind not in LOCAL_KINDS | {Kind.BEGIN}:  # whose values differ between any two runs
            entry = (event.step, event.kind.name, event.object, value, event.site.line, event.site.function)
            found.setdefault(event.actor, []).append(entry)
    for span in trace.spans:
        found.setdefault(trace.actors[span.actor].name, []).append(
            (span.operation, trace.object_names[span.object], trace.sites[span.site].line, _held(trace, span.actor, span))
        )
    return found


def _held(trace: Trace, actor: int, span: Any) -> int:
    """How many of its events are in a span, without those that each run has where it likes, such as collections."""
    return sum(
        trace.columns.actor[position] == actor and trace.columns.kind[position] not in LOCAL_KINDS
        for position in range(span.first, span.last + 1)
    )


@built
@pytest.mark.parametrize("name", PROGRAMS)
def test_both_write_the_same_trace(name: str) -> None:
    """A seeded program whose threads do the same in every run: the traces agree event by event, and each replays the other's."""
    fast, ran = record(PROGRAMS[name])
    pure, again = record(PROGRAMS[name], env=PURE)
    assert (ran.out, ran.err, ran.code) == (again.out, again.err, again.code)
    ours, theirs = told(fast), told(pure)
    assert ours.keys() == theirs.keys()
    for actor, did in ours.items():
        assert did == theirs[actor], actor
    for trace, env in ((fast, PURE), (pure, {})):
        answer, replayed = replay(trace, env=env)
        assert_same(answer)
        assert replayed == ran


def test_a_core_of_other_sources_is_refused() -> None:
    """In a checkout the sources may be newer than what was built: then pure Python records, and `--version` says why."""
    other = "import sys, types; sys.modules['simcore._core'] = types.ModuleType('_core')"
    code = f"{other}; import simcore.cli; raise SystemExit(simcore.cli.main(['--version']))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, "SIMCORE_PURE": ""}
    )
    assert "pure Python: the core is of other sources, install again)" in done.stdout, done.stderr


@built
def test_the_environment_refuses_it() -> None:
    """`SIMCORE_PURE=1` also holds inside of the recorded program, and `--version` says which it is."""
    program = written("import sys\nprint('simcore._core' in sys.modules)\n")
    assert record([program])[1].out == b"True\n"
    assert record([program], env=PURE)[1].out == b"False\n"
    for env, name in (({}, "C core"), (PURE, "pure Python")):
        code = f"import os; os.environ.update({env}); import simcore.cli; raise SystemExit(simcore.cli.main(['--version']))"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        assert out.startswith(f"simcore {simcore.__version__} (")
        assert out.endswith(f", {name})\n")
    assert NAME == "C core"


class _Memory:
    """A segment in memory, with two slots in a chunk."""

    def __init__(self) -> None:
        self.buffers: list[bytearray] = []

    def chunk(self, actor: int, number: int) -> bytearray:
        self.buffers.append(bytearray(segment.CHUNK))
        return self.buffers[-1]

    def define(self, tag: int, *fields: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def actor(monkeypatch: pytest.MonkeyPatch) -> actors.Actor:
    """An actor that writes into memory."""
    monkeypatch.setattr(segment, "current", _Memory(), raising=False)
    return actors.Actor("main", 7)


@pytest.fixture
def switch_often() -> Iterator[None]:
    """Threads follow each other in a hurry."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@built
def test_slots_are_handed_out_once(actor: actors.Actor) -> None:
    """In order, to the end; one that is put back is the next, but not when the one behind it is taken already."""
    slots = core.Slots(bytearray(256), 64, 192)
    assert (slots.take(), slots.take()) == (64, 96)
    slots.put_back(64)
    assert slots.take() == 128
    slots.put_back(128)
    assert (slots.__length_hint__(), slots.take(), slots.take()) == (2, 128, 160)
    with pytest.raises(StopIteration):
        slots.take()
    for place in ((0, 257), (3, 67), (64, 100), (-32, 0)):
        with pytest.raises(ValueError, match="no records from"):
            core.Slots(bytearray(256), *place)


@built
def test_records_fit_or_are_refused(actor: actors.Actor) -> None:
    """What does not fit into a record's field raises, and takes no slot; what fits lies there as `HEAD` says."""
    numbers = {"kind": 1 << 16, "object": 1 << 32, "site": -1, "value": 1 << 63, "waited": 1 << 32}
    for place in range(len(numbers)):
        arguments = [41, 32, 1, 5, 0]
        arguments[place] = list(numbers.values())[place]
        with pytest.raises(OverflowError):
            core.emit(actor, *arguments)
    core.emit(actor, 41, 0xFFFFFFFF, 3, -(1 << 63), 9)
    head, stamp = actors.RECORD.unpack_from(actor.chunk[1], segment.FIRST_RECORD)
    assert actors.HEAD.unpack(head) == (-(1 << 63), 0xFFFFFFFF, 3, 9, 41, 0)
    assert 0 < stamp <= actors._now()
    for wrong in ((None, 1, 1, 1, 1), (actor, 1, 1, 1)):
        with pytest.raises(TypeError):
            core.emit(*wrong)


@built
def test_what_a_finaliser_records_goes_behind(actor: actors.Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where slots are used up Python runs, and with it finalisers, which may use up the new ones too: no record is lost."""

    def use_up(one: actors.Actor) -> None:
        monkeypatch.setattr(actors, "between", None)
        for _ in range(300):
            core.emit(one, 42, 1, 1, 1)

    first = len(actors._FIRST_CHUNK[0])
    for _ in range(first):
        core.emit(actor, 41, 1, 1, 1)
    monkeypatch.setattr(actors, "between", use_up)
    core.emit(actor, 41, 1, 1, 2)
    records = [actors.RECORD.unpack_from(actor.chunk[1], at) for at in range(segment.FIRST_RECORD, segment.CHUNK, 32)]
    kinds = [actors.HEAD.unpack(head)[4] for head, stamp in records if stamp]
    assert kinds == [41] * first + [42] * 300 + [41]


@pytest.mark.parametrize("kinds", [[Kind.SLEEP], [Kind.ACQUIRE, Kind.RELEASE], [Kind.SPAN, Kind.SLEEP]], ids=str)
def test_slots_taken_away_are_handed_out_once(
    actor: actors.Actor, kinds: list[Kind], monkeypatch: pytest.MonkeyPatch, switch_often: None
) -> None:
    """However often another thread interrupts an actor, each record is there once, and in its order."""
    came: list[actors.Actor] = []
    monkeypatch.setattr(actors, "held_up", came.append)
    monkeypatch.setattr(actors, "between", lambda _: None)
    actors.emit(actor, kinds[0], 1, 1, 0)
    actor.interrupt()
    actors.emit(actor, kinds[-1], 1, 1, 1)
    assert came == [actor]  # at its next operation
    over: list[bool] = []

    def take_away() -> None:
        while not over:
            actor.interrupt()

    thread = threading.Thread(target=take_away)
    thread.start()
    for n in range(2, 6000):
        actors.emit(actor, kinds[n % len(kinds)], 1, 1, n)
    over.append(True)
    thread.join()
    memory: Any = segment.current
    found = [actors.RECORD.unpack_from(b, at) for b in memory.buffers for at in range(segment.FIRST_RECORD, segment.CHUNK, 32)]
    assert [actors.HEAD.unpack(head)[0] for head, stamp in found if stamp] == list(range(6000))


@built
def test_marks_that_are_nobodys_give_what_they_get() -> None:
    """Code with marks may be pickled for a process with other spots: there they record nothing."""
    assert core is not None
    mark, thing = core.Mark(), object()
    assert mark[thing] is thing
    assert pickle.loads(pickle.dumps(mark))[thing] is thing
    for wrong in ((3, None), (0, 1 << 40), (0, "x")):
        with pytest.raises((ValueError, TypeError)):
            core.Mark(*wrong)


@built
def test_nothing_leaks(actor: actors.Actor) -> None:
    """A hundred thousand records, sites and buffers later there are no more objects than before."""
    frame = sys._getframe()

    def work() -> None:
        for _ in range(20_000):
            core.emit(actor, 41, 1, 1, 1)
            core.site_of(frame)
            core.publish(actor, 41, 1, 1, timed=True)
            core.unpublish(actor)

    work()
    gc.collect()
    before = len(gc.get_objects()), sys.getrefcount(frame), sys.getrefcount(None), sys.getrefcount(frame.f_code)
    work()
    gc.collect()
    after = len(gc.get_objects()), sys.getrefcount(frame), sys.getrefcount(None), sys.getrefcount(frame.f_code)
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) < 1000
    assert isinstance(core.BufferBase(), deque)
