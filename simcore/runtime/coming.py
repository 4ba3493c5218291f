"""In replay: what the trace has an actor do next, for those who must know it before they do it."""

from typing import NamedTuple

from simcore.runtime.actors import Actor
from simcore.runtime.order import ORDER_EVENT
from simcore.trace.events import Kind

_BETWEEN = (Kind.GC, Kind.SIGNAL)


class Coming(NamedTuple):
    """An event of the trace that the actor has not come to."""

    kind: int
    object_id: int
    value: int


def coming(actor: Actor) -> Coming | None:
    """The actor's next event; what comes between operations (garbage, signals) is passed over. None at its end."""
    mine = actor.following
    for at in range(mine.cursor, mine.end, ORDER_EVENT.size):
        value, object_id, _, _, _, kind, _ = ORDER_EVENT.unpack_from(mine.events, at)
        if kind not in _BETWEEN:
            return Coming(kind, object_id, value)
    return None
