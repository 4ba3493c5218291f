"""Child processes under the three start methods: names, order, locks between processes, deadlocks, ends that nobody wanted."""

import sys
from pathlib import Path

import pytest
from programs import written
from start_methods import FORK_AND_SPAWN, METHODS, in_turn

import simcore
from simcore.engine.compare import compare
from simcore.trace.events import Kind, ObjectKind, Outcome, Verdict
from simcore.trace.model import Trace, process_of

HEAD = """
import multiprocessing as mp, os, sys, threading, time
method, witness = sys.argv[1:3]
def note(text):
    with open(witness, "a") as file: file.write(text + "\\n")
"""


def run(source: str, method: str, **options: object) -> Trace:
    """A recording of a program; its witness is the file `witness`."""
    Path("witness").unlink(missing_ok=True)
    return simcore.record([sys.executable, written(HEAD + source), method, "witness"], quiet=True, **options)  # type: ignore[arg-type]


def witness() -> str:
    """What the program has appended to its witness file."""
    return Path("witness").read_text() if Path("witness").exists() else ""


def again(trace: Trace) -> Trace:
    """The trace of a replay that went the same way, and left the same witness."""
    before = witness()
    Path("witness").unlink(missing_ok=True)
    replay = simcore.replay(trace)
    replay.check()
    assert replay.verdict is Verdict.SAME
    assert witness() == before
    return replay.runs[0].trace


LOCKED = """
def work(lock, ready, name):
    ready.wait()
    for _ in range(15):
        with lock: note(name)
    if name == "b": sys.exit(3)
if __name__ == "__main__":
    ctx = mp.get_context(method)
    lock, ready = ctx.Lock(), ctx.Barrier(3)
    found = [ctx.Process(target=work, args=(lock, ready, name)) for name in "abc"]
    for process in found: process.start()
    for process in found: process.join()
    print([process.exitcode for process in found])
"""


@pytest.mark.parametrize("method", METHODS)
def test_children_are_recorded_and_replayed(method: str) -> None:
    """Each child has its actors; the replay hands the lock round as the recording did, and ends with the same exit codes."""
    trace = run(LOCKED, method, switch_interval_s=1e-5)
    assert trace.outcome is Outcome.OK
    assert {info.name for info in trace.actors} == {"main", "main.1", "main.2", "main.3"}
    assert [(process.name, process.start_method) for process in trace.ending.processes] == [
        ("main", ""),
        *((f"main.{n}", method) for n in (1, 2, 3)),
    ]
    assert next(trace.texts[event.value] for event in trace if event.kind is Kind.WRITE) == "[0, 3, 0]"
    assert len(witness().split()) == 45
    for _ in range(2):
        assert compare(trace, again(trace)).matched == len(trace)


def test_names_agree_between_start_methods() -> None:
    """The same actors and objects, wherever the program makes the same ones."""
    traces = [run(LOCKED, method) for method in METHODS]
    names = [
        {
            name
            for name, info in zip(trace.object_names, trace.objects, strict=True)
            if info.kind in (ObjectKind.PLOCK, ObjectKind.PSEMAPHORE, ObjectKind.CHILD)
        }
        for trace in traces
    ]
    assert names[0] == names[1] == names[2]
    assert "main:plock1" in names[0]
    assert len({frozenset(info.name for info in trace.actors) for trace in traces}) == 1


def test_processes_are_named_after_their_main_actor() -> None:
    """Threads and signal handlers belong to the process whose path they begin with."""
    names = {"main": "main", "main/2": "main", "main.1": "main.1", "main.1/3": "main.1", "main/2.1": "main/2.1"}
    names |= {"main/2.1/3!SIGALRM": "main/2.1", "main!SIGINT": "main", "main.1.2/1/1": "main.1.2"}
    assert {name: process_of(name) for name in names} == names


CROSSED = """
def work(first, second, meet):
    with first:
        meet.wait()
        with second: pass
if __name__ == "__main__":
    ctx = mp.get_context(method)
    left, right, meet = ctx.Lock(), ctx.Lock(), ctx.Barrier(2)
    found = [ctx.Process(target=work, args=args) for args in ((left, right, meet), (right, left, meet))]
    for process in found: process.start()
    for process in found: process.join()
"""
FULL_PIPE = """
def work(queue):
    for _ in range(100): queue.put(b"x" * 10_000)
if __name__ == "__main__":
    ctx = mp.get_context(method)
    queue = ctx.Queue()
    process = ctx.Process(target=work, args=(queue,))
    process.start()
    process.join()
"""
KILLED_OWNER = """
def work(lock, taken):
    lock.acquire()
    taken.set()
    time.sleep(100)
if __name__ == "__main__":
    ctx = mp.get_context(method)
    lock, taken = ctx.Lock(), ctx.Event()
    process = ctx.Process(target=work, args=(lock, taken))
    process.start()
    taken.wait()
    process.kill()
    process.join()
    lock.acquire()
"""


DEADLOCKS: dict[str, tuple[str, dict[str, str]]] = {
    "crossed locks": (CROSSED, {"main.1": "main.2", "main.2": "main.1", "main": "main.1"}),
    "join before the pipe is read": (FULL_PIPE, {"main": "main.1", "main.1": "main.1/1", "main.1/1": "main"}),
    "the owner was killed": (KILLED_OWNER, {"main": "main.1"}),
}


@pytest.mark.parametrize(("name", "method"), in_turn(DEADLOCKS))
def test_deadlocks_across_processes(name: str, method: str) -> None:
    """The run is ended, who waits for whom is said across processes, and the replay comes to the same deadlock."""
    source, chain = DEADLOCKS[name]
    trace = run(source, method)
    assert trace.outcome is Outcome.DEADLOCK
    names = [info.name for info in trace.actors]
    assert {names[link.actor]: names[link.owner] for link in trace.ending.deadlock} == chain
    assert again(trace).outcome is Outcome.DEADLOCK


HELD_AT_FORK = """
lock, taken, enough = threading.Lock(), threading.Event(), threading.Event()
def holder():
    with lock:
        taken.set()
        enough.wait()
def work():
    with lock: note("in")
if __name__ == "__main__":
    ctx = mp.get_context(method)
    thread = threading.Thread(target=holder)
    thread.start()
    taken.wait()
    process = ctx.Process(target=work)
    process.start()
    process.join()
    enough.set()
    thread.join()
"""


def test_a_lock_held_at_a_fork() -> None:
    """The child's copy of the lock is held by a thread that only the parent has."""
    trace = run(HELD_AT_FORK, "fork")
    assert trace.outcome is Outcome.DEADLOCK
    first = trace.ending.deadlock[0]
    assert (trace.actors[first.actor].name, trace.actors[first.owner].name) == ("main.1", "main/1")
    assert trace.object_labels[first.object] == "lock@main.1"
    assert again(trace).outcome is Outcome.DEADLOCK


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_lock_held_elsewhere_is_free_in_a_fresh_child(method: str) -> None:
    """The control: only a fork copies the lock as it is."""
    assert run(HELD_AT_FORK, method).outcome is Outcome.OK
    assert witness() == "in\n"


HELD_BY_A_SIBLING = """
def work(lock, taken):
    with lock:
        taken.set()
        time.sleep(1)
if __name__ == "__main__":
    ctx = mp.get_context(method)
    lock, taken = ctx.Lock(), ctx.Event()
    found = [ctx.Process(target=work, args=(lock, taken)) for _ in range(2)]
    found[0].start()
    taken.wait()
    found[1].start()
    for process in found: process.join()
"""
HELD_BY_THE_PARENT = """
def work(lock):
    with lock: pass
if __name__ == "__main__":
    ctx = mp.get_context(method)
    lock = ctx.RLock()
    with lock:
        process = ctx.Process(target=work, args=(lock,))
        process.start()
        time.sleep(1)
    process.join()
"""
REPLACED_WORKERS = """
if __name__ == "__main__":
    with mp.get_context(method).Pool(2, maxtasksperchild=1) as pool:
        for _ in range(2):
            pool.apply(abs, (-1,))
            time.sleep(0.8)
"""


HELD = {
    "a sibling holds the lock": HELD_BY_A_SIBLING,
    "the parent holds the lock": HELD_BY_THE_PARENT,
    "a worker is replaced while others are idle": REPLACED_WORKERS,
}


@pytest.mark.parametrize(("name", "method"), in_turn(HELD))
def test_a_shared_lock_held_at_a_start_is_no_deadlock(name: str, method: str) -> None:
    """It is one lock for all processes, also for a forked child: whoever holds it gives it back."""
    trace = run(HELD[name], method)
    assert (trace.outcome, trace.ending.exit_code) == (Outcome.OK, 0)
    again(trace)


STUBBORN = """
def work(lock, ready):
    count = 0
    ready.wait()
    while True:
        with lock: count += 1
if __name__ == "__main__":
    ctx = mp.get_context(method)
    locks, ready = (ctx.Lock(), ctx.Lock()), ctx.Barrier(3)
    found = [ctx.Process(target=work, args=(lock, ready)) for lock in locks]
    for process in found: process.start()
    ready.wait()
    time.sleep({pause})
    for process in found: process.kill()
    for process in found:
        process.join()
        note(str(process.exitcode))
"""


@pytest.mark.parametrize("method", FORK_AND_SPAWN)
def test_a_killed_child_ends_where_it_ended(method: str) -> None:
    """What it had committed is in the trace; the replay lets it come to the same event and no further."""
    trace = run(STUBBORN.format(pause=0.02), method)
    assert trace.outcome is Outcome.OK
    assert witness() == "-9\n-9\n"
    assert min(sum(event.actor == name for event in trace) for name in ("main.1", "main.2")) > 0
    assert len(again(trace)) == len(trace)


@pytest.mark.loop
@pytest.mark.parametrize("method", METHODS)
def test_children_killed_at_random_moments(method: str) -> None:
    """A hundred kills, also while the recorder is at work: no recording hangs, and each replays to the same end."""
    for number in range(100 if method == "fork" else 30):
        trace = run(STUBBORN.format(pause=number * 0.0007), method, timeout_s=30)
        assert trace.outcome is Outcome.OK, number
        assert len(again(trace)) == len(trace), number


def test_a_divergence_in_a_child_stops_all() -> None:
    """It is told with the actor's name, and nobody is left behind."""
    trace = run(LOCKED, "fork")
    changed = (
        Path("program.py")
        .read_text()
        .replace("with lock: note(name)", "lock.acquire(timeout=9); lock.acquire(False); lock.release()")
    )
    Path("program.py").write_text(changed)
    run_again = simcore.replay(trace).runs[0]
    assert run_again.divergence is not None
    assert run_again.divergence.actor.startswith("main.")
    assert run_again.duration_ns < 5e9


def test_a_child_that_ends_early_is_a_divergence() -> None:
    """Its parent waits for it in vain otherwise."""
    trace = run(LOCKED, "fork")
    changed = Path("program.py").read_text().replace("range(15)", "range(14)")
    Path("program.py").write_text(changed)
    run_again = simcore.replay(trace).runs[0]
    assert run_again.divergence is not None
    assert run_again.divergence.actor.startswith("main.")


DRAWS = """
import multiprocessing as mp, random, sys
def draw(writer): writer.send((random.random(), random.randrange(1000)))
if __name__ == "__main__":
    random.seed(7)
    ctx = mp.get_context(method)
    for _ in range(2):
        reader, writer = ctx.Pipe(False)
        child = ctx.Process(target=draw, args=(writer,))
        child.start()
        print(reader.recv())
        child.join()
"""


@pytest.mark.parametrize("method", METHODS)
def test_children_draw_the_same_random_numbers(method: str) -> None:
    """A child's generator is seeded at the fork, in the fork server, or when it imports `random`: each time it is recorded."""
    assert again(run(DRAWS, method)).outcome is Outcome.OK
