"""Watches a run from outside: whether it stands still, by what its process has written. Nothing runs inside the program for this.

An operation publishes its wait only after a try failed. A look reads these waits alone; only when some have lasted for a moment
are the records read, and only when they could amount to a deadlock or stall is the state of the locks brought up to date. What
is found is sound: whoever is part of it has waited without a break since before the records were read.
"""

import os
import time
from itertools import chain
from typing import Final

from simcore.engine.run_reader import RunReader
from simcore.engine.segments import Wait
from simcore.engine.standstill import LOCKS, History, Scene, Standstill, find
from simcore.engine.withs import WithLines, read_source
from simcore.runtime.segment import PHASE_SHUTDOWN, WAIT_TIMED
from simcore.trace.events import Kind, ObjectKind
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
_TOLD: Final = (Kind.CREATE, Kind.START, *_ENDS)
"""Records that say which objects and threads there are."""

_GIVES_FIRST: Final = frozenset({Kind.RELEASE, Kind.PUT, Kind.END, Kind.EXIT})
"""Stamped before they take effect: of two events with one stamp they come first."""

_Waits = dict[int, Wait]


class Watch:
    """Looks at one run, now and then."""

    def __init__(self, reader: RunReader) -> None:
        self._reader = reader
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._beginning = self._reader.beginnings
        self._seen: frozenset[tuple[int, int, int]] = frozenset()
        self._not_before = self._rests_until = 0
        self._pause = _FIRST_PAUSE_NS
        self._kinds: dict[int, int] = {}
        self._thread_of: dict[int, int] = {}
        self._started: set[int] = set()
        self._ended: set[int] = set()
        self._known: dict[int, int] = {}  # per actor how many of its records have been learned from
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
        heads = self._reader.heads()
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
        self._learn()
        heads = self._reader.heads()
        waits = _old_waits(heads, now)
        main = next((actor for actor, (name, _, _) in self._reader.definitions.actors.items() if name == _MAIN), -1)
        alive = (self._started | {main}) - self._ended
        woken = "handler" in self._reader.definitions.process
        if woken:
            waits.pop(main, None)  # a signal handler may raise in it or release what it holds
        phase, wait = heads.get(main, (0, None))
        leaving = {main} & alive if phase == PHASE_SHUTDOWN and (wait is None or not wait.since) else set()
        alive -= leaving  # it waits for all threads that are no daemons: that can never be what ends their waits
        waits = {actor: wait for actor, wait in waits.items() if actor in alive}
        everyone = len(waits) == len(alive)
        if not everyone and not self._may_be_cycle(waits):
            return None
        closed = everyone and not woken and self._threads() == len(alive) + len(leaving)
        scene = Scene(
            {actor: (wait.kind, wait.object) for actor, wait in waits.items()},
            self._kinds,
            self._thread_of,
            alive,
            self._history({wait.object for wait in waits.values() if wait.kind != Kind.JOIN}),
            closed,
            self._is_with,
        )
        found = find(scene)
        if found is not None and not found.chain and any(wait.since > now - _STALL_NS for _, wait in heads.values()):
            self._pause = _FIRST_PAUSE_NS
            return None
        return found

    def _may_be_cycle(self, waits: _Waits) -> bool:
        joins = sum(wait.kind == Kind.JOIN for wait in waits.values())
        return joins > 1 or any(self._kinds.get(wait.object) in LOCKS for wait in waits.values())

    def _learn(self) -> None:
        """Take in what the new records say of objects and threads."""
        for actor, records in self._reader.records.items():
            for value, object_id, _, _, kind, _, _ in records.of_kinds(_TOLD, self._known.get(actor, 0)):
                if kind == Kind.CREATE:
                    self._kinds[object_id] = value >> 32
                elif kind == Kind.START:
                    self._thread_of[object_id] = value
                    self._started.add(value)
                else:
                    self._ended.add(actor)
            self._known[actor] = len(records)

    def _history(self, objects: set[int]) -> History:
        """The history of these objects alone, and of who has ended."""
        rows = []
        for actor, records in self._reader.records.items():
            last = 0
            for value, object_id, site, _, kind, _, stamp in chain(records.on_objects(objects), records.of_kinds(_ENDS)):
                last = max(stamp, last + 1)  # a finaliser's events lie behind the one they interrupted
                rows.append((last, kind not in _GIVES_FIRST, actor, kind, object_id, value, site))
        names = self._reader.definitions.actors
        history = History(hosts_of((number, name) for number, (name, _, _) in names.items()))
        for _, _, actor, kind, object_id, value, site in sorted(rows):
            history.feed(actor, kind, object_id, self._kinds.get(object_id, ObjectKind.NONE), value, site)
        return history

    def _is_with(self, site: int) -> bool:
        file, line, _ = self._reader.definitions.sites.get(site, ("", 0, ""))
        return bool(line) and self._with.has(file, line)

    def _threads(self) -> int:
        """How many threads the kernel sees in the process, -1 where it does not say."""
        try:
            return len(os.listdir(f"/proc/{self._reader.definitions.process['pid']}/task"))
        except (OSError, KeyError):
            return -1


def _old_waits(heads: dict[int, tuple[int, Wait]], now: int) -> _Waits:
    """The waits without a timeout that had lasted for a moment at that time."""
    return {
        actor: wait
        for actor, (_, wait) in heads.items()
        if wait.since and not wait.flags & WAIT_TIMED and wait.since < now - _OLD_NS
    }
