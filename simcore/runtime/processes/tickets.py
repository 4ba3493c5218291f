"""In replay: who is next at one end of a pipe, where messages may have to wait for room.

A sender whose message may have to wait passes its turn on before it sends, or else whoever makes room would never have his; it
takes a ticket while it has the turn, and sends when all tickets before its own are done. So the messages lie in the pipe in the
order of the turns. A receiver takes its message out before its turn, for in the recording it made room by that before its stamp;
where several receive at one end, each does it when those before it in the trace have.
"""

import mmap
import os
from struct import Struct
from typing import Any, Final

from simcore.runtime import gate, originals
from simcore.runtime.actors import Actor
from simcore.runtime.order import ORDER_EVENT
from simcore.runtime.processes import birth
from simcore.trace.events import Kind

_NUMBER: Final = Struct("@Q")
_TAKEN, _SENT, _RECEIVED, _SIZE = 0, 8, 16, 24
_GLANCE_S: Final = 0.0005

_KIND_AT, _WORDS = 12, ORDER_EVENT.size // 2
"""Where in an event, in words of two bytes, its kind is; how many words an event has."""

_known: dict[int, "Tickets"] = {}
_receivers: dict[int, dict[int, int] | None] = {}
"""For each end at which several receive: how many messages come before the one at this position. None where one receives."""


class Tickets:
    """The tickets of one end, which all processes share through a file."""

    def __init__(self, number: int) -> None:
        file = os.open(f"{birth.folder}/end-{number}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(file, _SIZE)  # what others wrote stays
            self._data = mmap.mmap(file, _SIZE)
        finally:
            os.close(file)

    def _at(self, place: int) -> int:
        (number,) = _NUMBER.unpack_from(self._data, place)
        return int(number)

    def take(self) -> int:
        """The next ticket of a sender. Only who has the turn takes one."""
        ticket = self._at(_TAKEN)
        _NUMBER.pack_into(self._data, _TAKEN, ticket + 1)
        return ticket

    def is_next(self, ticket: int) -> bool:
        """Whether all messages before it are in the pipe."""
        return self._at(_SENT) == ticket

    def wait(self, ticket: int) -> None:
        """Until all messages before it are in the pipe."""
        while not self.is_next(ticket):
            originals.sleep(_GLANCE_S)

    def sent(self, ticket: int) -> None:
        """The message is in the pipe, or never will be."""
        _NUMBER.pack_into(self._data, _SENT, ticket + 1)

    def wait_to_receive(self, place: int) -> None:
        """Until as many messages as `place` have been taken out."""
        while self._at(_RECEIVED) != place:
            originals.sleep(_GLANCE_S)

    def received(self, place: int) -> None:
        """One more has been taken out."""
        _NUMBER.pack_into(self._data, _RECEIVED, place + 1)


def tickets_of(number: int) -> Tickets:
    """Those of the end with this number."""
    return _known.get(number) or _known.setdefault(number, Tickets(number))


def place_among_receivers(actor: Actor, number: int, position: int) -> int | None:
    """How many messages are taken out of an end before the one at this position; None where only this actor receives there."""
    if not _receivers:
        _receivers.update(_find_receivers())
    places = _receivers.get(number)
    return None if places is None else places[position]


def _find_receivers() -> dict[int, dict[int, int] | None]:
    """Look through the whole order once."""
    following: Any = gate.current
    found: dict[int, list[tuple[int, int]]] = {0: []}
    for actor, events in enumerate(following._events):
        kinds = events.cast("H")[_KIND_AT::_WORDS].tolist()
        for at in [at for at, kind in enumerate(kinds) if kind == Kind.RECV]:
            value, end, _, _, position, _, _ = ORDER_EVENT.unpack_from(events, at * ORDER_EVENT.size)
            if takes_out(value):
                found.setdefault(end, []).append((position, actor))
    places: dict[int, dict[int, int] | None] = {}
    for end, taken in found.items():
        several = len({who for _, who in taken}) > 1
        places[end] = {position: place for place, (position, _) in enumerate(sorted(taken))} if several else None
    return places


TOO_LONG: Final = -3
"""The value of RECV when a message was longer than asked for."""


def takes_out(value: int) -> bool:
    """Whether a RECV of this value takes something out of the pipe."""
    return value >= 0 or value == TOO_LONG
