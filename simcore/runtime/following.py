"""One actor's part of the order that a replay follows; the gate that goes by it is `follow`."""

import sys
from itertools import count
from typing import TYPE_CHECKING, Any

from simcore.runtime.actors import Actor
from simcore.runtime.core import FollowingBase
from simcore.runtime.order import ORDER_EVENT
from simcore.trace.events import ACCESS_KINDS, INTERRUPTIONS, Kind

if TYPE_CHECKING:
    from simcore.runtime.follow import Follow

_event_at = ORDER_EVENT.unpack_from

_KINDS = {int(kind): kind for kind in Kind}
"""Looked up: in a frame that is not the runtime's own, as of `Kind(number)`, a signal would find things half done."""


class Following(FollowingBase):
    """One actor's part of the order: its events, how far it is, and the turn it holds."""

    __slots__ = ("access_kind", "access_object", "access_skipped", "interrupted", "left")

    def __init__(self, gate: "Follow", index: int, events: memoryview, baton: Any) -> None:
        self._gate, self._batons, self._far = gate, gate.batons, gate.far
        self.status = gate.status
        self.index = index
        self.events = events
        self.end = len(events)
        self.cursor = 0
        self.baton = baton
        self.blocked = False  # it waits for its turn
        self.left = -1  # accesses until the one that the trace has next; -1: look (see `find_access`)
        self.interrupted = False  # what is next is no access, but comes before one
        self.told = False  # its next turn has come already
        self.held: tuple[int, int, int] | None = None  # flags, next actor, position of the turn this actor has

    def come_to_access(self, actor: Actor) -> None:
        """Do what the trace has between the last access and the one at hand, and say in `left` whether the trace has that."""
        while self.left <= 0:
            if self.left < 0:
                self.find_access()
            elif not self.interrupted:
                return
            elif not self._gate.interrupt(actor, self):
                self.interrupted, self.access_object = False, 0  # the trace has another operation first
                return

    def interrupt(self, value: int) -> None:
        """Go on to what is behind an interruption with this value: what finalisers and handlers access is counted anew."""
        self.cursor += ORDER_EVENT.size
        if value >> 32:
            self.left = -1

    def is_interrupted(self) -> bool:
        """Whether all accesses are done that the trace left out before the interruption which it has next."""
        if self.left < 0:
            self.find_access()
        return not self.left or not self.interrupted

    def find_access(self) -> None:
        """Find the next access that the trace has of this actor, or what interrupts it before that, and how many it left out."""
        for at in range(self.cursor, self.end, ORDER_EVENT.size):
            value, object_id, _, _, _, kind, _ = _event_at(self.events, at)
            if kind in ACCESS_KINDS:
                self.access_kind, self.access_object, self.left = _KINDS[kind], object_id, value & 0xFFFFFFFF
                self.access_skipped, self.interrupted = self.left, False
                return
            if kind in INTERRUPTIONS and value >> 32:
                self.access_kind, self.left, self.interrupted = _KINDS[kind], (value >> 32) - 1, True
                return
        self.left, self.interrupted = sys.maxsize, False

    def wait(self, flags: int) -> None:
        """Wait for this actor's turn if that is told it."""
        self._gate._wait(self, flags)

    def post(self, flags: int, after: int) -> None:
        """Tell the next actor that it is its turn."""
        self._gate.post(flags, after)

    def object_id(self, actor: Actor, kind: int, n: int, fresh: "count[int]") -> int:
        """The id that the trace has for this object, or a fresh one."""
        known = self._gate.objects.get((actor.index, kind, n))
        return self._gate.first_fresh + next(fresh) if known is None else known

    def actor_index(self, name: str) -> int:
        """The index that the trace has for this actor, or a fresh one."""
        return self._gate.actor_index(name)

    def attach(self, actor: Actor) -> None:
        """Give another actor its part."""
        self._gate.attach(actor)

    def text(self, number: int) -> str:
        """A text of the trace."""
        return self._gate.inputs[number].decode("utf-8", "surrogatepass")

    def data(self, number: int) -> bytes:
        """Bytes of the trace."""
        return self._gate.inputs[number]
