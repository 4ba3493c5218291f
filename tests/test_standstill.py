"""Deadlocks are ended within two seconds, told in full and replayed; what only looks stuck is left alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest
from programs import two_busy_loops

import simcore
from simcore.engine.standstill import History, Scene, Standstill, find, followers
from simcore.errors import UsageError
from simcore.trace.events import Kind, ObjectKind, Outcome, Verdict
from simcore.trace.model import DeadlockLink, Trace

TOO_LONG_NS = 2_000_000_000
"""A deadlock is ended within this time."""

ABBA = """
import threading
a = threading.Lock()
b = threading.Lock()
met = threading.Barrier(2)
def grab(first, second):
    with first:
        met.wait()
        with second:
            pass
"""

RUN_ABBA = """
one = threading.Thread(target=grab, args=(a, b), daemon=True)
two = threading.Thread(target=grab, args=(b, a), daemon=True)
one.start(); two.start()
"""

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


def written(name: str, source: str) -> str:
    """A program in the working directory; its file name."""
    path = "".join(letter for letter in name.replace(" ", "_") if letter.isalnum() or letter == "_") + ".py"
    Path(path).write_text(dedent(source), encoding="utf-8")
    return path


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
    trace = simcore.record(written(name, source), quiet=True)
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
    path = written("loaded", source)
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
        "leak",
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


# Only looks stuck --------------------------------------------------------------------------------------------------------------

WORKERS = """
import os, queue, signal, subprocess, sys, threading, time
jobs = queue.Queue()
def work():
    while jobs.get() is not None:
        pass
workers = [threading.Thread(target=work) for _ in range(3)]
for worker in workers: worker.start()
def finish():
    for _ in workers: jobs.put(None)
def later(command):
    subprocess.Popen(["sh", "-c", f"sleep 2.5; {command}"])
"""

ALL_STUCK = """
import os, signal, subprocess, threading, time
"""

PATIENT = {
    "sleeps": WORKERS + "time.sleep(2.5); finish()",
    "reads stdin": WORKERS + "assert sys.stdin.read() == 'done\\n'; finish()",
    "computes": WORKERS + "end = time.monotonic() + 2.5\nwhile time.monotonic() < end: sum(range(1000))\nfinish()",
    "computes in a thread": WORKERS
    + """
def compute():
    end = time.monotonic() + 2.5
    while time.monotonic() < end: sum(range(1000))
    finish()
threading.Thread(target=compute).start()
for worker in workers: worker.join()
""",
    "waits with a timeout": WORKERS + "assert not threading.Event().wait(2.5); finish()",
    "takes a lock with a timeout": WORKERS + "a = threading.Lock(); a.acquire(); assert not a.acquire(timeout=2.5); finish()",
    "a cycle of timeouts": ABBA.replace("with second:", "if second.acquire(timeout=2.5):") + RUN_ABBA + "one.join(); two.join()",
    "serves until SIGTERM": WORKERS
    + """
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
later(f"kill -TERM {os.getpid()}")
stop.wait()
finish()
""",
    "pauses until a signal": WORKERS
    + """
signal.signal(signal.SIGUSR1, lambda *_: finish())
later(f"kill -USR1 {os.getpid()}")
signal.pause()
""",
    "a signal handler releases the lock": WORKERS
    + """
a = threading.Lock()
signal.signal(signal.SIGUSR1, lambda *_: a.release())
later(f"kill -USR1 {os.getpid()}")
a.acquire()
a.acquire()
finish()
""",
    "a signal handler raises out of a cycle": ABBA
    + """
import os, signal, subprocess
class Enough(Exception): pass
def enough(*_): raise Enough
signal.signal(signal.SIGUSR1, enough)
subprocess.Popen(["sh", "-c", f"sleep 2.5; kill -USR1 {os.getpid()}"])
other = threading.Thread(target=grab, args=(b, a))
other.start()
try:
    grab(a, b)
except Enough:
    pass
other.join()
""",
    "waits for a connection": WORKERS
    + """
import socket
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]
connects = f"import socket, time; time.sleep(2.5); socket.create_connection(('127.0.0.1', {port}))"
subprocess.Popen([sys.executable, "-S", "-c", connects])
server.accept()
finish()
""",
    "waits for a child process": WORKERS + "subprocess.run(['sleep', '2.5'], check=True); finish()",
    "selects": WORKERS
    + """
import select
child = subprocess.Popen(["sh", "-c", "sleep 2.5; echo"], stdout=subprocess.PIPE)
select.select([child.stdout], [], [])
finish()
""",
    "polls": WORKERS
    + """
import select
child = subprocess.Popen(["sh", "-c", "sleep 2.5; echo"], stdout=subprocess.PIPE)
watch = select.poll()
watch.register(child.stdout)
watch.poll()
finish()
""",
    "a lock as a signal": ALL_STUCK
    + """
signal_ = threading.Lock()
signal_.acquire()
threading.Thread(target=lambda: (time.sleep(2.5), signal_.release())).start()
signal_.acquire()
""",
    "a lock as a signal, its waiter joined": ALL_STUCK
    + """
start = threading.Lock()
start.acquire()
worker = threading.Thread(target=start.acquire)
worker.start()
threading.Thread(target=lambda: (time.sleep(2.5), start.release())).start()
worker.join()
""",
    "two locks as signals, by turns": ALL_STUCK
    + """
ping, pong = threading.Lock(), threading.Lock()
ping.acquire(); pong.acquire()
def play(mine, other):
    for _ in range(3):
        mine.acquire()
        time.sleep(0.4)
        other.release()
players = [threading.Thread(target=play, args=pair) for pair in ((ping, pong), (pong, ping))]
for player in players: player.start()
ping.release()
for player in players: player.join()
""",
    "a slow notifier": ALL_STUCK
    + """
ready = threading.Condition()
def notify():
    time.sleep(2.5)
    with ready: ready.notify()
threading.Thread(target=notify).start()
with ready: ready.wait()
""",
    "a slow thread": ALL_STUCK + "slow = threading.Thread(target=time.sleep, args=(2.5,)); slow.start(); slow.join()",
    "the end of a lock's holder": ALL_STUCK
    + """
a = threading.Lock()
def hold():
    with a: time.sleep(2.5)
holder = threading.Thread(target=hold)
holder.start()
waiters = [threading.Thread(target=lambda: a.acquire() and a.release()) for _ in range(3)]
for waiter in waiters: waiter.start()
for waiter in waiters: waiter.join()
""",
    "a native thread ends the program": ALL_STUCK
    + """
import ctypes
libc = ctypes.CDLL(None)
@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
def wake(_):
    ctypes.CDLL(None).usleep(2_500_000)
    os._exit(0)
libc.pthread_create(ctypes.byref(ctypes.c_ulong()), None, wake, None)
threading.Event().wait()
""",
}


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Trace]]:
    """The traces of all patient programs, which run at the same time: what counts is only whether they come to their end."""
    folder, before = tmp_path_factory.mktemp("patient"), Path.cwd()
    os.chdir(folder)
    try:
        paths = {name: written(name, source) for name, source in PATIENT.items()}
        commands = {name: f"(sleep 2.5; echo done) | {sys.executable} {path}" for name, path in paths.items()}
        with ThreadPoolExecutor(len(PATIENT)) as pool:
            runs = {
                name: pool.submit(simcore.record, ["sh", "-c", commands[name]], quiet=True, on_stall="end") for name in PATIENT
            }
        yield {name: run.result() for name, run in runs.items()}
    finally:
        os.chdir(before)


@pytest.mark.parametrize("name", PATIENT)
def test_what_only_looks_stuck_is_never_ended(patient: dict[str, Trace], name: str) -> None:
    """It waits for more than two seconds, also under on_stall=end, and then comes to its own end."""
    trace = patient[name]
    assert trace.ending.duration_ns > TOO_LONG_NS
    assert (trace.outcome, trace.ending.exit_code, trace.ending.error) == (Outcome.OK, 0, "")


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
    trace = simcore.record(written("stall", STALL), on_stall="end", quiet=True)
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
    path = written("told", STALL + "\n")
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


# The rule itself ---------------------------------------------------------------------------------------------------------------

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
