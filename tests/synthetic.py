"""Builds traces that look like recorded ones, without running anything: `build(actors=3, events=1000, seed=1)`.

The traffic obeys the rules of its objects: a lock is acquired when free and released by its owner, a `get` returns what was
`put`, threads begin after they were started and are joined after they ended.
"""

from __future__ import annotations

import random
import struct
from array import array
from collections import deque
from dataclasses import dataclass, field

from simcore.trace.events import FIXED_OBJECTS, SPAN_OPERATIONS, Kind, ObjectKind, Outcome
from simcore.trace.model import (
    ActorInfo,
    Columns,
    DeadlockLink,
    Ending,
    Header,
    ObjectInfo,
    Pending,
    Scenario,
    Site,
    Span,
    Trace,
)

STDOUT = FIXED_OBJECTS.index((ObjectKind.STREAM, "stdout"))
TIME = FIXED_OBJECTS.index((ObjectKind.CLOCK, "time.time"))
PROCESS = FIXED_OBJECTS.index((ObjectKind.PROCESS, "process"))

SOURCE = "import threading\n\n" + "".join(f"line_{number} = {number}\n" for number in range(3, 60))
"""The text of `bank.py`, to which the sites of a built trace point."""


@dataclass
class _Actor:
    """Where one thread stands: what it holds, what it waits for (an object, -1 nothing) since when."""

    held: list[int] = field(default_factory=list)
    wants: int = -1
    since_ns: int = 0
    puts: int = 0


class _Run:
    """A simulated run: `emit` appends one event, the clock moves by some 1.5 us with jitter, now and then by a time slice."""

    def __init__(self, actors: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.columns = Columns()
        self.now_ns = 1_000_000
        self.sites = [Site("", 0, "")]
        self.texts: list[str | bytes] = []
        self.spans: list[Span] = []
        self.actors = [_Actor() for _ in range(actors)]
        fixed = [ObjectInfo(0, kind, 0, 0, label) for kind, label in FIXED_OBJECTS]
        self.threads = list(range(len(fixed), len(fixed) + actors))
        threads = [ObjectInfo(0, ObjectKind.THREAD, n + 1, self.site(50, "main"), "") for n in range(actors)]
        first = len(fixed) + actors
        self.locks = [first, first + 1, first + 2]
        self.jobs, self.results = first + 3, first + 4
        self.objects = [
            *fixed,
            *threads,
            ObjectInfo(0, ObjectKind.LOCK, 1, self.site(10, "main"), "balance_lock"),
            ObjectInfo(0, ObjectKind.LOCK, 2, self.site(11, "main"), "log_lock"),
            ObjectInfo(0, ObjectKind.LOCK, 3, self.site(12, "main"), "mutex"),
            ObjectInfo(0, ObjectKind.QUEUE, 1, self.site(12, "main"), "jobs"),
            ObjectInfo(0, ObjectKind.SIMPLEQUEUE, 1, self.site(13, "main"), ""),
        ]
        self.owner: dict[int, int] = {}
        self.queue: deque[int] = deque()

    def site(self, line: int, function: str) -> int:
        """The index of a line of `bank.py`."""
        site = Site("bank.py", line, function)
        if site not in self.sites:
            self.sites.append(site)
        return self.sites.index(site)

    def text(self, text: str | bytes) -> int:
        """The index of a text, each kept once."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)

    def emit(self, actor: int, kind: Kind, obj: int, value: int, site: int) -> int:
        """Append an event and return its position."""
        self.now_ns += int(self.random.lognormvariate(7.3, 0.3)) + (40_000 if self.random.random() < 0.01 else 0)
        state, c = self.actors[actor], self.columns
        waited = (self.now_ns - state.since_ns) // 1000 if state.wants >= 0 else 0
        state.wants = -1
        for column, cell in (
            (c.actor, actor),
            (c.kind, kind),
            (c.object, obj),
            (c.site, site),
            (c.value, value),
            (c.waited_us, waited),
            (c.at_ns, self.now_ns),
        ):
            column.append(cell)
        return len(c) - 1

    def acquire(self, actor: int, lock: int, site: int) -> bool:
        """Take the lock, or leave the actor waiting for it."""
        if lock in self.owner:
            state = self.actors[actor]
            if state.wants != lock:
                state.wants, state.since_ns = lock, self.now_ns
            return False
        self.emit(actor, Kind.ACQUIRE, lock, 1, site)
        self.owner[lock] = actor
        self.actors[actor].held.append(lock)
        return True

    def release(self, actor: int) -> None:
        """Give back the lock taken last."""
        lock = self.actors[actor].held.pop()
        self.emit(actor, Kind.RELEASE, lock, 0, self.site(32 + self.locks.index(lock), "deposit"))
        del self.owner[lock]

    def others(self, actor: int, budget: int) -> None:
        """Something that is no lock operation, in at most `budget` (1 or more) events."""
        dice = self.random.random()
        if dice < 0.15 and budget >= 2 and self.locks[2] not in self.owner:
            first = self.emit(actor, Kind.ACQUIRE, self.locks[2], 1, self.site(40, "work"))
            last = self.emit(actor, Kind.RELEASE, self.locks[2], 0, self.site(40, "work"))
            self.spans.append(Span(SPAN_OPERATIONS[13], actor, self.jobs, self.site(40, "work"), first, last))
        elif dice < 0.3:
            self.actors[actor].puts += 1
            self.queue.append(actor << 32 | self.actors[actor].puts)
            self.emit(actor, Kind.PUT, self.results, self.queue[-1], self.site(41, "work"))
        elif dice < 0.5:
            tag = self.queue.popleft() if self.queue else -1
            self.emit(actor, Kind.GET, self.results, tag, self.site(42, "work"))
        elif dice < 0.65:
            balance = self.random.randrange(100)
            self.emit(actor, Kind.WRITE, STDOUT, self.text(f"worker {actor} balance {balance}\n"), self.site(43, "work"))
        elif dice < 0.8:
            bits = struct.unpack("<q", struct.pack("<d", 1.7e9 + self.now_ns / 1e9))[0]
            self.emit(actor, Kind.CLOCK, TIME, bits, self.site(44, "work"))
        elif dice < 0.85:
            self.emit(actor, Kind.ENTROPY, PROCESS, self.text(self.random.randbytes(4)), self.site(45, "work"))
        elif dice < 0.9:
            self.emit(actor, Kind.GC, PROCESS, self.random.randrange(3), 0)
        else:
            self.emit(actor, Kind.SLEEP, PROCESS, self.random.randrange(10) * 1_000_000, self.site(46, "work"))

    def turn(self, actor: int, budget: int) -> bool:
        """Let the actor do something in at most `budget` events; False when it must wait."""
        state = self.actors[actor]
        if budget < 2:
            state.wants = -1
        if state.wants >= 0:
            return self.acquire(actor, state.wants, self.site(22 + self.locks.index(state.wants), "deposit"))
        if state.held:
            self.release(actor)
        elif self.random.random() < 0.8 and budget >= 2:
            lock = self.random.choice(self.locks[:2])
            return self.acquire(actor, lock, self.site(22 + self.locks.index(lock), "deposit"))
        else:
            self.others(actor, budget)
        return True


def header(name: str = "synthetic", **changes: object) -> Header:
    """A header as `record` writes it, on fixed versions; `changes` replace fields of the scenario."""
    fields: dict[str, object] = {"params": {"workers": 2, "pause_s": 0.0}, "seed": 7, "plugin": "synthetic"} | changes
    return Header(
        Scenario("pattern", name, **fields),  # type: ignore[arg-type]
        simcore="0.1.0",
        python="3.12.1",
        implementation="CPython",
        platform="Linux",
        machine="x86_64",
        root="/home/user/bank",
        files={"bank.py": "0" * 64},
        wall_ns=1_700_000_000_000_000_000,
        start_ns=5_000_000_000,
        pid=4242,
        ppid=4241,
        executable="/usr/bin/python3",
    )


def build(actors: int = 3, events: int = 1000, seed: int = 1, *, outcome: Outcome = Outcome.OK, switch: float = 0.05) -> Trace:
    """A trace of exactly `events` events by `actors` threads (main and its children); the same arguments give the same trace.
    `switch` is how likely another thread goes on after an event that did not have to wait.

    With `outcome=Outcome.DEADLOCK` the last two threads (or main alone) wait for each other's lock and main for the first of
    them; no thread ends then. `events` must leave room for starts and ends: 8 per actor do.
    """
    if events < 8 * actors:
        raise ValueError(f"{events} events are too few for {actors} actors: at least {8 * actors} are needed")
    run = _Run(actors, seed)
    children = range(1, actors)
    for child in children:
        run.emit(0, Kind.START, run.threads[child], child, run.site(51, "main"))
        run.emit(child, Kind.BEGIN, run.threads[child], 0, 0)
    dead = outcome is Outcome.DEADLOCK
    tail = min(max(actors - 1, 1), 2) if dead else 2 * (actors - 1) + 1
    actor = 0
    while (room := events - tail - len(run.columns) - sum(len(state.held) for state in run.actors)) > 0:
        if not run.turn(actor, room) or run.random.random() < switch:
            actor = run.random.randrange(actors)
    for index, state in enumerate(run.actors):
        while state.held:
            run.release(index)
        state.wants = -1
    ending = Ending(outcome, 0, not_controlled=["1 socket (:5432)"])
    if dead:
        _deadlock(run, ending, children)
    else:
        for child in children:
            run.emit(child, Kind.END, run.threads[child], 0, 0)
            run.emit(0, Kind.JOIN, run.threads[child], 1, run.site(53, "main"))
        run.emit(0, Kind.EXIT, PROCESS, 0, 0)
    ending.duration_ns = run.now_ns + 1_000
    names = [ActorInfo("main", "MainThread"), *(ActorInfo(f"main/{n}", f"worker-{n}") for n in children)]
    expect = (outcome.word,)
    return Trace(
        header(expect=expect), names, run.objects, run.sites, run.texts, run.columns, run.spans, {"bank.py": SOURCE}, ending
    )


def _deadlock(run: _Run, ending: Ending, children: range) -> None:
    """Let the ring take a lock each, then want the next one's; fill in what is pending and who waits for whom."""
    ring = list(children)[-2:] or [0]
    taken, wanted = run.site(30, "deposit"), run.site(31, "deposit")
    for index, actor in enumerate(ring):
        run.acquire(actor, run.locks[index], taken)
    waits = [(actor, run.locks[(index + 1) % len(ring)], Kind.ACQUIRE, wanted) for index, actor in enumerate(ring)]
    if ring != [0]:
        waits.append((0, run.threads[ring[0]], Kind.JOIN, run.site(53, "main")))
    for actor, obj, kind, site in waits:
        ending.pending.append(Pending(actor, kind, obj, site, run.now_ns, timed=False))
        owner = run.owner.get(obj, ring[0])
        held = (taken,) if kind is Kind.ACQUIRE else ()
        ending.deadlock.append(
            DeadlockLink(actor, obj, kind, site, run.now_ns, owner, owner_ended=False, taken=held, released=())
        )
    ending.exit_code, ending.error = None, "deadlock of " + " and ".join(f"actor {actor}" for actor in ring)
    ending.error_site = wanted


def columns_of(trace: Trace) -> list[array[int]]:
    """The columns of a trace, as `Columns` takes them."""
    c = trace.columns
    return [c.actor, c.kind, c.object, c.site, c.value, c.waited_us, c.at_ns]
