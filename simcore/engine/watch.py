"""Watches a run from outside: whether it stands still, by what its process has written. Nothing runs inside the program for this.

An operation publishes its wait only after a try failed. A look reads these waits alone; only when some have lasted for a moment
are the records read, and only when they could amount to a deadlock or stall is the state of the locks brought up to date. What
is found is sound: whoever is part of it has waited without a break since before the records were read.
"""

import os
import time
from collections.abc import Callable
from itertools import chain
from typing import Final

from simcore.engine.run_reader import RunReader
from simcore.engine.segments import Wait
from simcore.engine.standstill import LOCKS, MESSAGES, History, Scene, Standstill, find
from simcore.engine.withs import WithLines, read_source
from simcore.runtime.segment import PHASE_SHUTDOWN, WAIT_TIMED
from simcore.trace.events import SHARED_KINDS, Kind, ObjectKind
from simcore.trace.model import process_of
from simcore.trace.pipes import ends_of
from simcore.trace.twins import hosts_of

_OLD_NS: Final = 300_000_000
"""A wait this old is worth a look."""

_STALL_NS: Final = 1_000_000_000
"""Everyone must have waited this long before it is called a stall."""

_FIRST_PAUSE_NS: Final = 200_000_000
_LONGEST_PAUSE_NS: Final = 5_000_000_000
"""Pauses between looks at one and the same set of waits: what may still matter (a native thread that ends) shows nowhere."""

_LONGEST_REST_NS: Final = 500_000_000
"""A long recording takes long to read: rest meanwhile, for the program needs the processor."""

_MAIN: Final = "main"
_ENDS: Final = (Kind.END, Kind.EXIT)
_TOLD: Final = (Kind.CREATE, Kind.START, Kind.PID, *_ENDS)
"""Records that say which objects and threads there are."""

_GIVES_FIRST: Final = frozenset({Kind.RELEASE, Kind.PUT, Kind.END, Kind.EXIT})
"""Stamped before they take effect: of two events with one stamp they come first."""

_OF_LOCKS: Final = frozenset({Kind.ACQUIRE, Kind.GET})

_SEES_AN_END: Final = frozenset({Kind.SEND, Kind.RECV, Kind.POLL, Kind.READY, Kind.WAIT})
"""What a process that is gone ends, though it did its last event before."""

_Waits = dict[int, Wait]
Heads = dict[int, tuple[int, Wait]]


class Watch:
    """Looks at one run, now and then."""

    def __init__(self, reader: RunReader, heads: Callable[[], Heads] | None = None) -> None:
        self._reader = reader
        self._heads = heads or reader.heads  # what else actors may be known to wait for is in others
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._beginning = self._reader.beginnings
        self._seen: frozenset[tuple[int, int, int]] = frozenset()
        self._not_before = self._rests_until = 0
        self._pause = _FIRST_PAUSE_NS
        self._kinds: dict[int, int] = {}
        self._home: dict[int, str] = {}  # the process of each object's creator
        self._forks: dict[str, tuple[int, int]] = {}  # by process: who started it, its main actor
        self._thread_of: dict[int, int] = {}
        self._connections: list[tuple[int, int, int, int]] = []  # maker, site, n, object
        self._pids: dict[int, int] = {}  # of child processes, by the object that stands for them
        self._started: set[int] = set()
        self._ended: set[int] = set()
        self._known: dict[int, int] = {}  # per actor how many of its records have been learned from
        self._seemed_free: set[tuple[int, int]] = set()
        self._process: dict[int, str] = {}
        self._with = WithLines(read_source)

    def look(self) -> Standstill | None:
        """The deadlock or stall that the run is in now, or None. Costs some 20 us per actor while nobody waits for long."""
        now = time.monotonic_ns()
        definitions = self._reader.refresh_definitions()
        if self._reader.beginnings != self._beginning:
            self._begin_anew()
        if definitions.detached:
            return None  # what happens now is written nowhere
        self._reader.find_chunks()
        heads = self._heads()
        old = _old_waits(heads, now)
        if not old:
            return None
        # Another wait that has become old, an actor that has ended or left the main program: nothing else is news at once.
        signature = frozenset((actor, wait.since if actor in old else 0, phase) for actor, (phase, wait) in heads.items())
        if signature != self._seen:
            self._seen, self._pause, self._not_before = signature, _FIRST_PAUSE_NS, min(self._not_before, now + _FIRST_PAUSE_NS)
        if now < max(self._not_before, self._rests_until):
            return None
        found = self._analyse(now)
        done = time.monotonic_ns()
        self._not_before = done + self._pause
        self._rests_until = done + min(4 * (done - now), _LONGEST_REST_NS)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_NS)
        return found

    def _analyse(self, now: int) -> Standstill | None:
        self._reader.refresh_records()
        processes = self._reader.processes
        actors = self._reader.definitions.actors
        self._process = {actor: process_of(name) for actor, (name, _, _) in actors.items()}
        self._learn()
        heads = self._heads()
        waits = _old_waits(heads, now)
        mains = {actor for actor, (name, _, _) in actors.items() if name in processes}
        main = next((actor for actor in mains if actors[actor][0] == _MAIN), -1)
        dead = self._dead(processes)
        foreign, gone = self._foreign(processes)
        alive = (self._started | {main}) - self._ended - dead - foreign - gone
        if foreign:  # no lock of theirs can be waited for, but their end can, and what they write
            waits = {actor: wait for actor, wait in waits.items() if wait.kind in _OF_LOCKS or self._of_thread(wait)}
        woken = {actor for actor in mains if "handler" in processes[actors[actor][0]]}
        for actor in woken:
            waits.pop(actor, None)  # a signal handler may raise in it or release what it holds
        # One that waits for all threads that are no daemons: that can never be what ends their waits.
        leaving = {actor for actor in mains & alive if heads.get(actor, (0,))[0] == PHASE_SHUTDOWN and not heads[actor][1].since}
        alive -= leaving
        waits = {actor: wait for actor, wait in waits.items() if actor in alive}
        everyone = len(waits) == len(alive)
        if not everyone and not self._may_be_cycle(waits):
            return None
        closed = everyone and not woken & alive and not self._outsiders(processes, alive | leaving)
        if closed and any(wait.kind in _SEES_AN_END for wait in waits.values()):
            closed = not self._ending(processes, mains)
        history = self._history(self._concerned(waits), dead)
        scene = Scene(
            {actor: (wait.kind, self._own(wait.object, actor)) for actor, wait in waits.items()},
            self._kinds,
            self._thread_of,
            alive,
            history,
            closed,
            self._is_with,
            dead if self._wait_for_what_seems_free(waits, history) else (),
            ends_of(self._connections) if any(wait.kind in MESSAGES for wait in waits.values()) else {},
        )
        found = find(scene)
        if found is not None and not found.chain and any(wait.since > now - _STALL_NS for _, wait in heads.values()):
            self._pause = _FIRST_PAUSE_NS
            return None
        return found

    def _concerned(self, waits: _Waits) -> set[int]:
        """The objects whose history matters: those that are waited for, and the other ends of pipes."""
        found = {wait.object for wait in waits.values() if wait.kind != Kind.JOIN}
        if any(wait.kind in MESSAGES for wait in waits.values()):
            found |= {object_id for _, _, _, object_id in self._connections}
        return found

    def _wait_for_what_seems_free(self, waits: _Waits, history: History) -> bool:
        """Whether somebody has waited since the look before for a lock between processes that no record says is taken."""
        now = {
            (actor, wait.since)
            for actor, wait in waits.items()
            if self._kinds.get(wait.object) in (ObjectKind.PLOCK, ObjectKind.PRLOCK)
            and ((twin := history.twins.locks.get(wait.object)) is None or twin.owner < 0)
        }
        before, self._seemed_free = self._seemed_free, now
        return bool(before & now)

    def _may_be_cycle(self, waits: _Waits) -> bool:
        joins = sum(wait.kind == Kind.JOIN for wait in waits.values())
        return joins > 1 or any(self._kinds.get(wait.object) in LOCKS for wait in waits.values())

    def _learn(self) -> None:
        """Take in what the new records say of objects and threads."""
        for actor, records in self._reader.records.items():
            for value, object_id, site, _, kind, _, _ in records.of_kinds(_TOLD, self._known.get(actor, 0)):
                if kind == Kind.CREATE:
                    self._kinds[object_id] = value >> 32
                    if value >> 32 == ObjectKind.CONNECTION:
                        self._connections.append((actor, site, value & 0xFFFFFFFF, object_id))
                    self._home[object_id] = self._process.get(actor, _MAIN)
                elif kind == Kind.PID:
                    self._pids[object_id] = value
                elif kind == Kind.START:
                    self._thread_of[object_id] = value
                    self._started.add(value)
                    if self._kinds.get(object_id) == ObjectKind.CHILD and value in self._process:
                        self._forks[self._process[value]] = (actor, value)
                else:
                    self._ended.add(actor)
            self._known[actor] = len(records)

    def _own(self, object_id: int, actor: int) -> int:
        """The object that an actor means by a number: in a forked child its copy of what its parent made."""
        process = self._process.get(actor, _MAIN)
        if self._home.get(object_id, process) == process or self._kinds.get(object_id) in SHARED_KINDS:
            return object_id
        copy = object_id | self._process_number(process) << 32
        self._kinds[copy] = self._kinds[object_id]
        return copy

    def _copies(self, objects: set[int], forker: int, child: int) -> dict[int, int]:
        """The copies that a forked child has of these objects. What processes share is no copy: its owner keeps it."""
        pairs = {self._own(known, forker): self._own(known, child) for known in objects}
        return {original: copy for original, copy in pairs.items() if copy != original}

    def _process_number(self, process: str) -> int:
        return self._forks[process][1] + 1 if process in self._forks else 0

    def _history(self, objects: set[int], dead: set[int]) -> History:
        """The history of these objects alone, and of who has ended."""
        rows = []
        for actor, records in self._reader.records.items():
            last = 0
            for value, object_id, site, _, kind, _, stamp in chain(records.on_objects(objects), records.of_kinds(_ENDS)):
                last = max(stamp, last + 1)  # a finaliser's events lie behind the one they interrupted
                rows.append((last, kind not in _GIVES_FIRST, actor, kind, object_id, value, site))
            rows += [
                (stamp, False, actor, kind, object_id, value, 0)
                for value, object_id, _, _, kind, _, stamp in records.of_kinds((Kind.START,))
                if self._kinds.get(object_id) == ObjectKind.CHILD
            ]
        names = self._reader.definitions.actors
        history = History(hosts_of((number, name) for number, (name, _, _) in names.items()))
        for _, _, actor, kind, object_id, value, site in sorted(rows):
            if kind == Kind.START:
                if self._reader.processes.get(self._process.get(value, ""), {}).get("start method") == "fork":
                    history.fork(actor, value, self._copies(objects, actor, value))
                continue
            history.feed(actor, kind, self._own(object_id, actor), self._kinds.get(object_id, ObjectKind.NONE), value, site)
        history.twins.ended |= dead
        return history

    def _is_with(self, site: int) -> bool:
        file, line, _ = self._reader.definitions.sites.get(site, ("", 0, ""))
        return bool(line) and self._with.has(file, line)

    def _dead(self, processes: dict[str, dict[str, str]]) -> set[int]:
        """The actors of processes that were killed: they recorded no end."""
        gone = {name for name, said in processes.items() if "pid" in said and not _runs(int(said["pid"]))}
        return {actor for actor, process in self._process.items() if process in gone}

    def _of_thread(self, wait: Wait) -> bool:
        return wait.kind == Kind.JOIN and self._kinds.get(wait.object) != ObjectKind.CHILD

    def _foreign(self, processes: dict[str, dict[str, str]]) -> tuple[set[int], set[int]]:
        """Children that never came to be recorded: other programs than Python that run, and those that have ended."""
        foreign, gone = set(), set()
        for object_id, pid in self._pids.items():
            actor = self._thread_of.get(object_id, -1)
            if self._process.get(actor) not in processes:
                if not _runs(pid):
                    gone.add(actor)
                elif not _is_python(pid):
                    foreign.add(actor)
        return foreign, gone

    def _ending(self, processes: dict[str, dict[str, str]], mains: set[int]) -> bool:
        """Whether a process that has recorded its end is still busy with it: when it is gone, its end of a pipe is closed."""
        actors = self._reader.definitions.actors
        return any(_runs(int(processes[actors[actor][0]].get("pid", 0))) for actor in mains & self._ended)

    def _outsiders(self, processes: dict[str, dict[str, str]], known: set[int]) -> bool:
        """Whether a native thread may wake whoever waits. A process that is not recorded has none of the locks."""
        for name, said in processes.items():
            ours = sum(self._process.get(actor) == name for actor in known)
            if ours and _threads(said.get("pid", "")) != ours:
                return True
        return False


def _threads(pid: str) -> int:
    """How many threads the kernel sees in a process, -1 where it does not say."""
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return -1


def _is_python(pid: int) -> bool:
    """Whether a process may be a Python that has yet to begin."""
    try:
        return "python" in os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        return not os.path.isdir("/proc/self")


def _runs(pid: int) -> bool:
    """Whether a process exists and is no mere entry that waits for its parent."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return not os.path.isdir("/proc/self")
    except (OSError, IndexError):
        return True


def _old_waits(heads: dict[int, tuple[int, Wait]], now: int) -> _Waits:
    """The waits without a timeout that had lasted for a moment at that time."""
    return {
        actor: wait
        for actor, (_, wait) in heads.items()
        if wait.since and not wait.flags & WAIT_TIMED and wait.since < now - _OLD_NS
    }
