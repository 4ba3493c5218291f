"""What happened before what in a run: each event that another one proves to be over hands on what its actor knows.

An edge is drawn only where the later operation could not have come out as it did had the earlier one not been done. Where a trace
does not say which of several it was (who made `active_count()` fall, which end of a socket a message came from), all of them
count: an edge too many hides a race, an edge too few invents one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from simcore.analysis.clocks import Clocks, Message
from simcore.analysis.pipes import ends_of
from simcore.analysis.slots import hosts, slots
from simcore.trace.events import RUNNING, Kind, ObjectKind
from simcore.trace.model import Trace
from simcore.trace.words import runner_actors

_NOBODY: Final = -1
_TOO_LONG: Final = -3
_LOOKS: Final = frozenset({Kind.LOCKED, Kind.IS_SET, Kind.VALUE, Kind.N_WAITING, Kind.BROKEN, Kind.EMPTY, Kind.QSIZE})
"""Questions about an object: the answer proves what was done to it before."""

_SAID_AT_ONCE: Final = frozenset({"Event.set", "Event.clear", "Barrier.wait", "Barrier.reset", "Barrier.abort"})
"""Operations whose effect on a flag can be seen from their first event on: questions ask without the lock."""

_MANY: Final = frozenset({ObjectKind.PSEMAPHORE})
"""Nobody owns a place in it: who takes one may have it from any of those who gave one."""

Handler = Callable[[int, int, int], None]


class Happens:
    """Feeds on the events of a trace, in their order. `handlers` has per kind what to call with actor, object and value.

    Call `begins(position)` before the event at each position of `marks`. The locks `without` are taken to order nothing.
    """

    def __init__(self, trace: Trace, without: frozenset[int] = frozenset()) -> None:
        self.trace = trace
        self._without = without
        self.actor_of = slots(trace, hosts(trace))
        """What stands for each actor in all that is called with one here."""
        self.clocks = Clocks(max(self.actor_of, default=0) + 1)
        self._process = {number: trace.processes[actor] for actor, number in enumerate(self.actor_of)}
        kinds = trace.columns.kind.tobytes()
        self._sent: list[Message | dict[int, Message] | None] = [None] * len(trace.objects)
        """Per lock what was given away with it: by the last who released it, or by all who ever did where it has no owner."""
        self._owner = [_NOBODY] * len(trace.objects)
        self._done: dict[int, dict[int, Message]] = {
            trace.columns.object[at]: {} for look in _LOOKS for at in _positions(kinds, look)
        }
        """What was done to each object that somebody asks about."""
        self._items: dict[tuple[int, int], Message] = {}
        self._runners = runner_actors(trace)
        self._members: dict[str, list[int]] = {}
        for actor, process in enumerate(trace.processes):
            self._members.setdefault(process, []).append(self.actor_of[actor])
        self._executed = [actor for one in trace.ending.processes if one.start_method == "subprocess"
                          for actor in self._members.get(one.name, ())]  # fmt: skip
        self._lives: dict[int, Message] = {}
        self._signals: dict[int, Message] = {}
        self._connects: dict[int, Message] = {}
        self._peer, self._ordered = ends_of(trace)
        self._coming: dict[int, deque[tuple[int, Message]]] = {}
        """Per end of a pipe what was sent to it and not received yet, with the size of each message."""
        self._sends: dict[int, dict[int, Message]] = {}
        """Per end all that was ever sent to it, and under `_NOBODY` to any end."""
        self.marks: dict[int, tuple[int, int]] = {
            span.first: (self.actor_of[span.actor], span.object)
            for span in trace.spans
            if span.operation in _SAID_AT_ONCE and span.first <= span.last and span.object in self._done
        }
        self.handlers = self._handlers()

    def _handlers(self) -> list[Handler | None]:
        known: dict[Kind, Handler] = {
            Kind.ACQUIRE: self._acquire,
            Kind.RELEASE: self._release,
            Kind.UNDO: self._undo,
            Kind.START: self._start,
            Kind.END: self._end,
            Kind.EXIT: self._end,
            Kind.JOIN: self._join,
            Kind.STATUS: self._join,
            Kind.IS_ALIVE: self._is_alive,
            Kind.WAIT: self._wait,
            Kind.PUT: self._put,
            Kind.GET: self._get,
            Kind.SEND: self._send,
            Kind.RECV: self._receive,
            Kind.POLL: self._poll,
            Kind.READY: self._ready,
            Kind.COUNT: self._ready,
            Kind.ENUMERATE: self._ready,
            Kind.CONNECT: self._connect,
            Kind.ACCEPT: self._accept,
            Kind.KILL: self._kill,
            Kind.SIGNAL: self._signal,
            Kind.INPUT: self._input,
            **dict.fromkeys(_LOOKS, self._look),
        }
        table: list[Handler | None] = [None] * 256
        for kind, handler in known.items():
            table[kind] = handler
        return table

    def plain(self) -> bytes:
        """Per object 1 for what each hands to the next, such as a lock; 2 for one that is taken to order nothing; 0 for others.

        What `shared` has is all that its acquires and releases change then.
        """
        return bytes(
            2 if thing in self._without else thing not in self._done and info.kind not in _MANY
            for thing, info in enumerate(self.trace.objects)
        )

    @property
    def shared(self) -> tuple[list[int], list[list[int]], list[Message | dict[int, Message] | None], list[int]]:
        """The clocks of all actors and what they know; per lock what was given away with it, and its owner."""
        return self.clocks.own, self.clocks.known, self._sent, self._owner

    def begins(self, position: int) -> None:
        """An operation begins whose effect others may see before it gives its lock back."""
        actor, thing = self.marks[position]
        self._done[thing][actor] = self.clocks.send(actor)

    # Locks, and what is made of them.

    def _acquire(self, actor: int, thing: int, value: int) -> None:
        if value <= 0 or thing in self._without:
            return
        sent = self._sent[thing]
        if sent is None:
            pass
        elif type(sent) is tuple:
            self.clocks.receive(actor, sent)
        else:
            self.clocks.receive_all(actor, sent.values())  # type: ignore[union-attr]
        self._owner[thing] = actor
        if thing in self._done:
            self._done[thing][actor] = self.clocks.send(actor)

    def _release(self, actor: int, thing: int, value: int) -> None:
        if thing in self._without:
            return
        message = self.clocks.send(actor)
        sent = self._sent[thing]
        if isinstance(sent, dict):
            sent[actor] = message
        elif self._owner[thing] not in (actor, _NOBODY) or self.trace.objects[thing].kind in _MANY:
            # Given back by somebody else than its owner: what the lock stood for before stays true.
            self._sent[thing] = {actor: message} if sent is None else {sent[0]: sent, actor: message}
        else:
            self._sent[thing] = message
        if thing in self._done:
            self._done[thing][actor] = message

    def _look(self, actor: int, thing: int, value: int) -> None:
        self.clocks.receive_all(actor, self._done[thing].values())

    # Lives.

    def _start(self, actor: int, thing: int, value: int) -> None:
        if 0 <= value < len(self.actor_of):
            message = self._lives[actor] = self.clocks.send(actor)
            self.clocks.receive(self.actor_of[value], message)

    def _end(self, actor: int, thing: int, value: int) -> None:
        self._lives[actor] = self.clocks.send(actor)

    def _join(self, actor: int, thing: int, value: int) -> None:
        target = self._runners.get(thing, _NOBODY)
        if target < 0:
            return
        if self.trace.objects[thing].kind is ObjectKind.CHILD:
            if value != RUNNING:
                self._know(actor, self._members[self.trace.processes[target]])
        elif value > 0:
            self._know(actor, [self.actor_of[target]])

    def _is_alive(self, actor: int, thing: int, value: int) -> None:
        if not value:
            self._join(actor, thing, 1)

    def _wait(self, actor: int, thing: int, value: int) -> None:
        if value >= 0 and value >> 32 < len(self.actor_of):
            self._know(actor, self._members[self.trace.processes[value >> 32]])

    def _ready(self, actor: int, thing: int, value: int) -> None:
        """A sentinel, a count or a list: it may be that some ended."""
        self.clocks.receive_all(actor, self._lives.values())
        self.clocks.receive_all(actor, self._sends.get(_NOBODY, {}).values())

    def _know(self, actor: int, others: list[int]) -> None:
        for other in others:
            self.clocks.receive(actor, self.clocks.send(other))

    # Queues, tasks, pipes.

    def _put(self, actor: int, thing: int, value: int) -> None:
        message = self._items[thing, value] = self.clocks.send(actor)
        if thing in self._done:
            self._done[thing][actor] = message

    def _get(self, actor: int, thing: int, value: int) -> None:
        if value < 0:
            return
        # Several workers may get parts of one task.
        message = self._items.get((thing, value))
        if message is not None:
            self.clocks.receive(actor, message)
        if thing in self._done:
            self._done[thing][actor] = self.clocks.send(actor)

    def _send(self, actor: int, thing: int, value: int) -> None:
        message = self.clocks.send(actor)
        peer = self._peer.get(thing, _NOBODY)
        self._sends.setdefault(_NOBODY, {})[actor] = message
        self._sends.setdefault(peer, {})[actor] = message
        if peer in self._ordered:
            self._coming.setdefault(peer, deque()).append((value, message))

    def _undo(self, actor: int, thing: int, value: int) -> None:
        coming = self._coming.get(self._peer.get(thing, _NOBODY))
        if coming and coming[-1][1][0] == actor:
            coming.pop()

    def _receive(self, actor: int, thing: int, value: int) -> None:
        if value < 0 and value != _TOO_LONG:
            # Nobody has the other end any more: each that had it has closed it, or ended.
            self._know(actor, list(self._process))
            return
        coming = self._coming.get(thing)
        if coming and value in (coming[0][0], _TOO_LONG):
            self.clocks.receive(actor, coming.popleft()[1])
        else:
            sends = self._sends.get(thing if thing in self._peer else _NOBODY) or self._sends.get(_NOBODY, {})
            self.clocks.receive_all(actor, sends.values())

    def _poll(self, actor: int, thing: int, value: int) -> None:
        if value:
            self._ready(actor, thing, value)

    def _connect(self, actor: int, thing: int, value: int) -> None:
        self._connects[actor] = self.clocks.send(actor)

    def _accept(self, actor: int, thing: int, value: int) -> None:
        self.clocks.receive_all(actor, self._connects.values())

    # Signals and other programs.

    def _kill(self, actor: int, thing: int, value: int) -> None:
        self._signals[actor] = self.clocks.send(actor)

    def _signal(self, actor: int, thing: int, value: int) -> None:
        """Who sent it is not in the trace: a process may send itself one."""
        self.clocks.receive_all(actor, self._signals.values())
        self._know(actor, self._members[self._process[actor]])

    def _input(self, actor: int, thing: int, value: int) -> None:
        self._know(actor, self._executed)


def _positions(kinds: bytes, kind: Kind) -> Iterator[int]:
    at = kinds.find(kind)
    while at >= 0:
        yield at
        at = kinds.find(kind, at + 1)
