"""What a trace says of actors, objects and operations, in the names that the program gave them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import pairwise
from typing import Final

from simcore.errors import UsageError
from simcore.trace.events import SPAN_OPERATIONS, Kind
from simcore.trace.locate import locate
from simcore.trace.model import Event, Span, Trace

EventName = str | tuple[str, str] | tuple[str, str, str]
"""An event as a test names it: `(actor, operation)` or `(actor, operation, object)` is the first of these, a text what
`simcore show` prints: `worker-1:17`, `bank.py:42`, `@4711`."""

_OPERATIONS: Final = {kind.name.lower(): kind for kind in Kind if kind not in (Kind.CREATE, Kind.SPAN)}


def events(trace: Trace, actor: str = "", operation: str = "", on: str = "") -> list[Event]:
    """The events of this actor, of this kind (`acquire`, `put`, `store`...), on this object; what is left empty is any.

    Actors are named as the program names its threads and processes, or by their path (`main/1`); objects by the variable they
    were made for, or as `main:lock1`. A failed try to take a lock is an `acquire` of value 0. Raises: UsageError for names that
    the trace does not have.
    """
    actors = actors_of(trace, actor)
    things = objects_of(trace, on)
    kind = _kind(operation)
    c = trace.columns
    return [
        trace.event(position)
        for position in range(len(trace))
        if (actors is None or c.actor[position] in actors)
        and (kind is None or c.kind[position] == kind)
        and (things is None or c.object[position] in things)
    ]


def spans(trace: Trace, operation: str = "", actor: str = "", on: str = "") -> list[Span]:
    """The operations that the programmer wrote (`Queue.put`, `Barrier.wait`), in the order in which they began.

    Raises: UsageError for an operation that is none, or names that the trace does not have.
    """
    if operation and operation not in SPAN_OPERATIONS:
        raise unknown("operation", operation, filter(None, SPAN_OPERATIONS))
    actors, things = actors_of(trace, actor), objects_of(trace, on)
    return [
        span
        for span in sorted(trace.spans, key=lambda span: span.first)
        if (not operation or span.operation == operation)
        and (actors is None or span.actor in actors)
        and (things is None or span.object in things)
    ]


def takers(trace: Trace, lock: str) -> list[str]:
    """Who took this lock, in the order of the trace; taken again by its owner it counts once. Raises: UsageError."""
    things = objects_of(trace, lock) or set()
    if len(things) > 1:
        names = sorted(trace.object_names[thing] for thing in things)
        raise UsageError(f"{len(things)} objects are called {lock}: {', '.join(names[:6])}", f"name one of them: {names[0]!r}")
    found: list[str] = []
    depth, owner = 0, -1
    c = trace.columns
    for actor, kind, thing, value in zip(c.actor, c.kind, c.object, c.value, strict=True):
        if thing not in things:
            continue
        if kind == Kind.ACQUIRE and value == 1:
            if not (depth and owner == actor):
                found.append(name_of_actor(trace, actor))
                depth, owner = 0, actor
            depth += 1
        elif kind == Kind.RELEASE:
            depth = max(depth - 1, 0)
    return found


def hand_offs(trace: Trace, lock: str) -> list[tuple[str, str]]:
    """From whom to whom this lock went, each time that another actor took it than the time before. Raises: UsageError."""
    return [(giver, taker) for giver, taker in pairwise(takers(trace, lock)) if giver != taker]


def position_of(trace: Trace, name: EventName) -> int | None:
    """Where the event of this name is in the trace, or None when it has none. Raises: UsageError for names it does not have."""
    if isinstance(name, str):
        return locate(trace, name)
    found = events(trace, *name)
    return found[0].position if found else None


def name_of_actor(trace: Trace, actor: int) -> str:
    """The name that the program gave an actor, where it is the only one of that name, else its path."""
    path, given = trace.actors[actor]
    alone = given and sum(other.thread_name == given for other in trace.actors) == 1
    return given if alone and given != "MainThread" else path


def told(name: EventName) -> str:
    """The name of an event in words: `worker-1 acquire balance_lock`."""
    return name if isinstance(name, str) else " ".join(name)


def objects_of(trace: Trace, name: str) -> set[int] | None:
    """The objects of this name; None where any is meant. Raises: UsageError."""
    if not name:
        return None
    exact = {index for index, known in enumerate(trace.object_names) if known == name}
    found = exact or {index for index, known in enumerate(trace.object_labels) if known == name}
    if not found:
        raise unknown("object", name, (*trace.object_labels, *trace.object_names))
    return found


def actors_of(trace: Trace, name: str) -> set[int] | None:
    """The actors of this name; None where any is meant. Raises: UsageError."""
    if not name:
        return None
    found = {index for index, info in enumerate(trace.actors) if info.name == name}
    found = found or {index for index, info in enumerate(trace.actors) if info.thread_name == name}
    if not found:
        raise unknown("actor", name, (name for info in trace.actors for name in (info.thread_name, info.name)))
    return found


def _kind(operation: str) -> Kind | None:
    if not operation:
        return None
    if operation in SPAN_OPERATIONS:
        raise UsageError(f"{operation} is an operation made of several events", "spans() and assert_spans() know those")
    if operation not in _OPERATIONS:
        raise unknown("operation", operation, _OPERATIONS)
    return _OPERATIONS[operation]


def unknown(what: str, name: str, known: Iterable[str]) -> UsageError:
    """What to say of a name that a trace does not have, with those that it has."""
    names = list(dict.fromkeys(filter(None, known)))
    near = get_close_matches(name, names, n=3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(names[:12])}"
    return UsageError(f"there is no {what} {name!r} in this trace", hint)
