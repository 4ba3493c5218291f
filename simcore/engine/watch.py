"""Watches a run from outside: whether it stands still, by what its process has written. Nothing runs inside the program for this.

An operation publishes its wait only after a try failed. Waits older than a moment are looked at once; only then are the records read
and the twins of all objects brought up to date, so a run that goes well costs next to nothing.
"""

import os
import time
from dataclasses import replace
from typing import Final

from simcore.engine.segments import SegmentReader, Wait
from simcore.engine.standstill import Scene, Standstill, find
from simcore.runtime.segment import PHASE_SHUTDOWN, WAIT_TIMED
from simcore.trace.events import Kind
from simcore.trace.twins import Twins

_OLD_NS: Final = 300_000_000
"""A wait this old is worth a look."""
_STALL_NS: Final = 1_000_000_000


_TOO_YOUNG: Final = Standstill((), (-1,))
"""A stall that may still resolve itself: look again."""


class Watch:
    """Looks at one run. `look` is called every now and then and returns what it found."""

    def __init__(self, reader: SegmentReader, pid: int) -> None:
        self._reader, self._pid = reader, pid
        self._seen: frozenset[tuple[int, int, int]] = frozenset()
        self._not_before = 0.0

    def look(self) -> Standstill | None:
        """The deadlock or stall that the run is in, or None."""
        now = time.monotonic()
        if now < self._not_before:
            return None
        self._reader.refresh_definitions()
        if not self._reader.first_chunk or len(self._reader.first_chunk) < len(self._reader.definitions.actors):
            self._reader.refresh_records()
        heads = self._reader.heads()
        clock = time.monotonic_ns()
        old = _old_waits(heads, clock)
        # A wait that was looked at becomes final when another actor waits, ends, or leaves the main program: nothing else counts.
        signature = frozenset((actor, wait.since if actor in old else 0, phase) for actor, (phase, wait) in heads.items())
        if not old or signature == self._seen:
            return None
        found = self._analyse(clock)
        self._not_before = time.monotonic() + 4 * (time.monotonic() - now)
        if found is _TOO_YOUNG:
            return None
        if found is None or found.chain:
            self._seen = signature
        return found

    def _analyse(self, clock: int) -> Standstill | None:
        self._reader.refresh_records()
        scene = scene_of(self._reader, self._pid)
        again = self._reader.heads()
        waits = {actor: (wait.kind, wait.object) for actor, wait in _old_waits(again, clock).items() if actor in scene.alive}
        found = find(replace(scene, waits=waits))
        if found is not None and not found.chain:
            youngest = min((clock - wait.since for _, wait in again.values() if wait.since), default=0)
            if youngest < _STALL_NS:
                self._not_before = 0.0
                return _TOO_YOUNG
        return found


def _old_waits(heads: dict[int, tuple[int, Wait]], clock: int) -> dict[int, Wait]:
    return {
        actor: wait
        for actor, (_, wait) in heads.items()
        if wait.since and not wait.flags & WAIT_TIMED and clock - wait.since > _OLD_NS
    }


def scene_of(reader: SegmentReader, pid: int) -> Scene:
    """All that the records of a run say now, in the run's own numbers."""
    twins = Twins()
    object_kinds: dict[int, int] = {}
    thread_of: dict[int, int] = {}
    items: dict[int, int] = {}
    rows = []
    for actor, records in reader.records.items():
        for value, object_id, site, _, kind, _, stamp in records:
            if kind == Kind.CREATE:
                object_kinds[object_id] = value >> 32
            elif kind == Kind.START:
                thread_of[object_id] = value
            elif kind < Kind.SLEEP or kind == Kind.EXIT:
                rows.append((stamp, actor, kind, object_id, value, site))
                if kind == Kind.PUT:
                    items[object_id] = items.get(object_id, 0) + 1
                elif kind == Kind.GET and value >= 0:
                    items[object_id] = items.get(object_id, 0) - 1
    rows.sort()
    for _, actor, kind, object_id, value, site in rows:
        twins.feed(actor, kind, object_id, object_kinds.get(object_id, 0), value, site)
    names = reader.definitions.actors
    phases = reader.heads()
    started = {actor for actor in thread_of.values()} | {actor for actor, (name, _, _) in names.items() if name == "main"}
    alive = set()
    shutting = set()
    for actor in started - twins.ended:
        phase, wait = phases.get(actor, (0, None))
        if phase == PHASE_SHUTDOWN and (wait is None or not wait.since):
            shutting.add(actor)  # waits for all threads that are no daemons: it can never be what ends the others' wait
        else:
            alive.add(actor)
    outside = "handler" in reader.definitions.process or _threads_of(pid) != len(alive) + len(shutting)
    return Scene({}, object_kinds, thread_of, twins, frozenset(alive), not outside, items)


def _threads_of(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return -1
