"""In replay: where the handler of a signal runs that the trace has next.

From the operation before on the signal is tripped again and again, so that the interpreter asks wherever a handler could run,
until that is behind the recorded instruction. Where it never is, the handler is called before the next operation.
"""

import sys
from types import FrameType
from typing import Any, Final

from simcore.runtime import gate, sites, tripping
from simcore.runtime.actors import Actor
from simcore.runtime.frames import program_frame
from simcore.runtime.order import ORDER_EVENT, PLACES, WAITED
from simcore.runtime.tripping import trip_again
from simcore.trace.events import INTERRUPTIONS, SIGNAL_NUMBER, Kind, handled

interrupted: list[Actor] = []
"""The actors whose handlers run now, outermost first."""
_questions = 0
"""How many more times the interpreter asks whether this is the place of the signal that is expected."""
_MOST_QUESTIONS: Final = 100_000
"""Half a second of them: a program that computes for longer between two operations is not held up for more."""


def asks_again(actor: Actor, number: int, frame: FrameType | None) -> bool:
    """Let it in if the trace has it next, at this place; whether to ask again at the next one.

    One that came in a wait is called for by the operation that waited, whether or not it arrives.
    """
    global _questions
    if actor.following.held is not None:
        return True  # it has a turn: first that operation is done
    coming = _next(actor)
    while coming is not None:
        value, _, site, after, position, kind, flags = coming
        if kind == Kind.SIGNAL:
            if value & SIGNAL_NUMBER != number or flags & WAITED:
                return False
            if not _is_place(actor, site, value, frame) or not _may_come_now(actor):
                _questions -= 1
                return _questions > 0 or handled(value)[1] < 0
            _do(actor, kind, value, flags, after, position)
            return False
        if kind != Kind.GC or actor.following.blocked:
            return False
        if not _may_come_now(actor):
            return True
        _do(actor, kind, value, flags, after, position)
        coming = _next(actor)
    return False


def _may_come_now(actor: Actor) -> bool:
    """Whether what interrupts an actor next may do so here: behind the accesses that the trace left out.

    Within `threading` it must have its turn, too: to wait for that there may be to wait for whoever needs what is held there.
    """
    follow: Any = gate.current
    return bool(actor.following.is_interrupted() and (not actor.raw or follow.has_turn(actor)))


def _is_place(actor: Actor, site: int, value: int, frame: FrameType | None) -> bool:
    """Whether the program is where the trace has the signal that comes next."""
    user, instruction = users_frame(frame), handled(value)[1]
    if instruction >= 0 and instruction_of(user) != instruction:
        return False
    return bool(actor.following.data(PLACES + site) == _place(user))


def users_frame(frame: FrameType | None) -> FrameType | None:
    """The frame whose line the signal's event tells; see `sites.site_of`."""
    user = frame
    while user is not None and sites.is_internal(user.f_code):
        user = user.f_back
    return user or program_frame(frame)


def instruction_of(user: FrameType | None) -> int:
    return -1 if user is None else user.f_lasti // 2


def _place(user: FrameType | None) -> bytes:
    """Where the program is, in the words of the order file."""
    if user is None:
        return b"\0000\0"
    code = user.f_code
    return f"{code.co_filename.rpartition('/')[2]}\0{user.f_lineno or 0}\0{code.co_qualname}".encode("utf-8", "surrogatepass")


def expect(mine: Any) -> None:
    """In replay: trip the signal that an actor's part of the order has next, if that is one that came between two operations."""
    global _questions
    if mine.cursor >= mine.end or tripping.wakes:
        return
    value, _, _, _, _, kind, flags = ORDER_EVENT.unpack_from(mine.events, mine.cursor)
    if kind == Kind.SIGNAL and not flags & WAITED and handled(value)[1] >= 0:
        _questions = _MOST_QUESTIONS
        put_off = [trip_again(value & SIGNAL_NUMBER)]  # noqa: F841  it goes, and trips, when this frame does


def _next(actor: Actor) -> tuple[int, ...] | None:
    """What the trace has next for an actor; None past its end, or when an actor that a signal interrupted goes on before that."""
    coming = _peek(actor)
    if coming is None or any(
        (after := _peek(other)) is not None and after[4] < coming[4] for other in interrupted if other is not actor
    ):
        return None
    return coming


def _peek(actor: Actor) -> tuple[int, ...] | None:
    mine = actor.following
    return ORDER_EVENT.unpack_from(mine.events, mine.cursor) if mine.cursor < mine.end else None


def is_due(actor: Actor) -> bool:
    """In replay: whether a handler that ran in a wait is what the trace has next of the program's."""
    mine = actor.following
    for at in range(mine.cursor, mine.end, ORDER_EVENT.size):
        kind, flags = ORDER_EVENT.unpack_from(mine.events, at)[5:]
        if kind != Kind.GC:
            return bool(kind == Kind.SIGNAL and flags & WAITED)
    return False


def is_before(actor: Actor, other: Actor) -> bool:
    """In replay: whether the trace has a signal or garbage next for an actor, and that before anything of another one's."""
    coming = _next(actor)
    return coming is not None and coming[5] in INTERRUPTIONS and coming[4] < _first_of(other)


def _first_of(actor: Actor) -> int:
    """The position of an actor's first event; behind all where it has none."""
    follow: Any = gate.current
    events = follow.events_of(actor.index)
    return int(ORDER_EVENT.unpack_from(events, 0)[4]) if len(events) else sys.maxsize


def run_before(actor: Actor, other: Actor) -> None:
    """Do what interrupts an actor before another one comes to its first event."""
    while is_before(actor, other) and (coming := _next(actor)) is not None:
        value, _, _, after, position, kind, flags = coming
        _do(actor, kind, value, flags, after, position)


def _do(actor: Actor, kind: int, value: int, flags: int, after: int, position: int) -> None:
    follow: Any = gate.current
    follow._due(actor, actor.following, kind, value, flags, after, position)


def interrupt_at_end(sub: Actor) -> None:
    """A signal that interrupted the handler behind its last operation."""
    coming = _next(sub)
    while coming is not None and coming[5] in (Kind.GC, Kind.SIGNAL):
        value, _, _, after, position, kind, flags = coming
        _do(sub, kind, value, flags, after, position)
        coming = _next(sub)
