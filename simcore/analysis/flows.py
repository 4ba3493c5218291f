"""What one actor did that let another go on: hand-offs of locks, wake-ups, messages, starts and joins, as pairs of events."""

from __future__ import annotations

from array import array
from enum import Enum
from typing import Final, NamedTuple

from simcore.analysis.stretches import LOCKS
from simcore.trace.events import RUNNING, Kind, ObjectKind
from simcore.trace.model import Trace
from simcore.trace.pipes import pipes_of
from simcore.trace.words import runner_actors


class FlowKind(Enum):
    """Why the second event of a flow comes after the first."""

    HAND_OFF = "hand-off"
    """One released a lock, another took it next."""
    WAKE = "wake"
    """One gave what another waited for: a notification, a place in a semaphore."""
    MESSAGE = "message"
    """One put an item or sent a message, another got it."""
    START = "start"
    """One started a thread or process, its first event."""
    JOIN = "join"
    """A thread or process ended, another saw that it had."""


class Flow(NamedTuple):
    """Two events of two actors, by their positions: the first made the second possible."""

    kind: FlowKind
    source: int
    target: int


_LOOKED_AT: Final = frozenset(
    map(int, (Kind.ACQUIRE, Kind.RELEASE, Kind.PUT, Kind.GET, Kind.SEND, Kind.RECV, Kind.UNDO))
) | frozenset(map(int, (Kind.START, Kind.BEGIN, Kind.END, Kind.EXIT, Kind.JOIN, Kind.WAIT)))


def flows(trace: Trace) -> list[Flow]:
    """All flows of a trace, in the order of their second events."""
    found = _Pass(trace)
    found.run()
    return sorted(found.flows + found.pipes(), key=lambda flow: (flow.target, flow.source))


class _Pass:
    """One look at all events. Of each object the last release, of each queue its items, of each actor its start and end."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.flows: list[Flow] = []
        self.is_lock = [info.kind in LOCKS for info in trace.objects]
        self.owners = array("l", [-1]) * len(trace.objects)
        """Per lock the actor that took it last."""
        self.taken = array("q", [-1]) * len(trace.objects)
        self.released = array("q", [-1]) * len(trace.objects)
        self.items: dict[tuple[int, int], int] = {}
        self.starts: dict[int, int] = {}
        self.ends: dict[int, int] = {}
        self.runners = runner_actors(trace)
        self.mains = {info.name: actor for actor, info in enumerate(trace.actors)}
        self.sent: dict[int, list[int]] = {}
        self.received: dict[int, list[int]] = {}

    def run(self) -> None:
        """Look at all events once."""
        c = self.trace.columns
        rows = zip(c.actor, c.kind, c.object, c.value, c.waited_us, strict=True)
        for position, (actor, kind, thing, value, waited_us) in enumerate(rows):
            if kind not in _LOOKED_AT:
                continue
            if kind == Kind.RELEASE:
                self.released[thing] = position
            elif kind == Kind.ACQUIRE:
                if value > 0:
                    self._acquire(position, actor, thing, waited_us)
            elif kind == Kind.PUT:
                self.items[thing, value] = position
            elif kind == Kind.GET:
                self._flow(FlowKind.MESSAGE, self.items.get((thing, value), -1) if value >= 0 else -1, position)
            elif kind in (Kind.SEND, Kind.RECV):
                if value >= 0:
                    (self.sent if kind == Kind.SEND else self.received).setdefault(thing, []).append(position)
            else:
                self._rare(position, actor, kind, thing, value)

    def _acquire(self, position: int, actor: int, thing: int, waited_us: int) -> None:
        released = self.released[thing]
        if self.is_lock[thing]:
            if self.owners[thing] not in (actor, -1) and released > self.taken[thing]:
                self._flow(FlowKind.HAND_OFF, released, position)
            self.owners[thing], self.taken[thing] = actor, position
        elif waited_us:
            self._flow(FlowKind.WAKE, released, position)

    def _rare(self, position: int, actor: int, kind: int, thing: int, value: int) -> None:
        if kind == Kind.UNDO:
            sent = self.sent.get(thing)
            if sent and self.trace.columns.actor[sent[-1]] == actor:
                sent.pop()
        elif kind == Kind.START:
            self.starts.setdefault(value, position)
        elif kind == Kind.BEGIN:
            self._flow(FlowKind.START, self.starts.pop(actor, -1), position)
        elif kind in (Kind.END, Kind.EXIT):
            self.ends[actor] = position
        elif kind == Kind.JOIN and thing in self.runners:
            child = self.trace.objects[thing].kind is ObjectKind.CHILD
            if value != (RUNNING if child else 0):
                self._flow(FlowKind.JOIN, self.ends.get(self.runners[thing], -1), position)
        elif kind == Kind.WAIT and 0 <= value >> 32 < len(self.trace.actors):
            self._flow(FlowKind.JOIN, self.ends.get(self.mains.get(self.trace.processes[value >> 32], -1), -1), position)

    def pipes(self) -> list[Flow]:
        """The messages of each direction of a pipe, the first sent is the first received; none where lengths tell otherwise."""
        value = self.trace.columns.value
        found: list[Flow] = []
        for end, (other, _) in pipes_of(self.trace).items():
            pairs = list(zip(self.sent.get(end, ()), self.received.get(other, ()), strict=False))
            if all(value[source] == value[target] and source < target for source, target in pairs):
                found += (Flow(FlowKind.MESSAGE, *pair) for pair in pairs if self._two_actors(*pair))
        return found

    def _flow(self, kind: FlowKind, source: int, target: int) -> None:
        if source >= 0 and self._two_actors(source, target):
            self.flows.append(Flow(kind, source, target))

    def _two_actors(self, source: int, target: int) -> bool:
        actor = self.trace.columns.actor
        return actor[source] != actor[target]
