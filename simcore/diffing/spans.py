"""Spans: the operations that the programmer wrote, and traces told in them alone.

One `Queue.put` is made of other events on every Python minor. Traces of two minors are therefore compared by spans: each
outermost span is one event of its object, at the place where it ended, and of the other events only the program's own are kept.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace

from simcore.trace.events import Kind, ObjectKind
from simcore.trace.model import Columns, ObjectInfo, Span, Trace
from simcore.trace.words import runner_actors

FIRST_OPERATION = 128
"""Kinds from here on stand for operations, in the columns of a trace told by spans; no trace file has them."""

_UNUSED = "?"

_ALWAYS = frozenset({Kind.START, Kind.BEGIN, Kind.END, Kind.EXIT, Kind.WRITE, Kind.SIGNAL})
"""Kinds that are told wherever they are done: who there is, what he wrote and which signals he got."""

_WHOEVER = frozenset({Kind.ACQUIRE, Kind.RELEASE, Kind.PUT, Kind.GET})
_OWN = frozenset({ObjectKind.LOCK, ObjectKind.RLOCK, ObjectKind.PLOCK, ObjectKind.PRLOCK, ObjectKind.POOL})
"""What is done to these is told also where the library does it: `Thread(target=lock.acquire)`, a worker that gets a task."""


class SpanIndex:
    """The outermost spans of a trace, to be found by an event within them."""

    def __init__(self, trace: Trace) -> None:
        self.of_actor: dict[int, list[Span]] = {}
        held = (span for span in trace.spans if 0 <= span.first <= span.last < len(trace))
        for span in sorted(held, key=lambda span: (span.first, -span.last)):
            spans = self.of_actor.setdefault(span.actor, [])
            if not spans or span.first > spans[-1].last:
                spans.append(span)

    def at(self, actor: int, position: int) -> Span | None:
        """The outermost span of this actor that holds its event at this position."""
        spans = self.of_actor.get(actor, [])
        index = bisect_right(spans, position, key=lambda span: span.first) - 1
        return spans[index] if index >= 0 and position <= spans[index].last else None


def span_at(trace: Trace, position: int) -> Span | None:
    """The outermost span that holds this one event."""
    actor = trace.columns.actor[position]
    holding = (span for span in trace.spans if span.actor == actor and span.first <= position <= span.last)
    return min(holding, key=lambda span: (span.first, -span.last), default=None)


@dataclass(frozen=True, slots=True)
class Told:
    """A trace as it is compared, and `recorded` as it was. `names` has per object what it is matched by.

    `places` has per event its position in the recorded trace; None says that nothing was left out.
    """

    recorded: Trace
    trace: Trace
    names: list[str]
    places: array[int] | None = None

    def compares(self, obj: int) -> bool:
        """Whether this object takes part: what only the library uses does not, in a trace told by spans."""
        return not self.names[obj].startswith(_UNUSED)

    def place(self, position: int | None) -> int | None:
        """The position in the recorded trace."""
        return position if position is None or self.places is None else self.places[position]


def minor(trace: Trace) -> str:
    """The Python minor that recorded it: with or without a GIL its library is the same."""
    return ".".join(trace.header.python.split(".")[:2])


def by_events(trace: Trace) -> Told:
    """The trace as it is."""
    return Told(trace, trace, trace.object_names)


def by_spans(trace: Trace, operations: dict[str, int]) -> Told:
    """The trace told by spans whose call sites are the program's own.

    `operations` numbers their names, and is filled: give the same one for both traces.
    """
    spans = SpanIndex(trace).of_actor
    of_actor = [spans.get(actor, []) for actor in range(len(trace.actors))]
    at = [0] * len(of_actor)
    own_file = [not trace.header.files or site.file in trace.header.files for site in trace.sites]
    start_of = _starts(trace)
    own = {number for number, info in enumerate(trace.objects) if _is_own(info, own_file)}
    c = trace.columns
    places = array("I")
    wholes: list[tuple[int, Span]] = []
    for position, (actor, kind, obj, site) in enumerate(zip(c.actor, c.kind, c.object, c.site, strict=True)):
        span = None
        if mine := of_actor[actor]:
            index = at[actor]
            while index < len(mine) and mine[index].last < position:
                index += 1
            at[actor] = index
            if index < len(mine) and mine[index].first <= position:
                span = mine[index]
        if kind not in _ALWAYS and (span is not None or kind not in _WHOEVER or obj not in own):
            place = site if span is None else span.site
            if not own_file[place] or place == start_of[actor]:
                continue
        if span is not None:
            if position == span.last and own_file[span.site]:
                wholes.append((len(places), span))
            elif kind not in _ALWAYS:
                continue
        places.append(position)
    told = (c.actor, c.kind, c.object, c.site, c.value, c.waited_us, c.at_ns)
    columns = Columns(*(array(column.typecode, map(column.__getitem__, places)) for column in told))
    for number, span in wholes:
        operation = operations.setdefault(span.operation, len(operations) % (256 - FIRST_OPERATION))
        columns.kind[number], columns.object[number] = FIRST_OPERATION + operation, span.object
        columns.site[number], columns.value[number] = span.site, 0
    return Told(trace, replace(trace, columns=columns, spans=[]), _names(trace, set(columns.object)), places)


def _is_own(info: ObjectInfo, own_file: list[bool]) -> bool:
    """Whether this is a lock or pool that the program itself made; what the library makes for it has a dotted label."""
    return info.kind in _OWN and own_file[info.site] and bool(info.label) and "." not in info.label


def _starts(trace: Trace) -> list[int]:
    """Per actor the place at which its process was started, -1 for the first one.

    What the library does in a forked child, before and after the child's own function, is done from there.
    """
    c, kinds, found = trace.columns, trace.columns.kind.tobytes(), dict[str, int]()
    position = kinds.find(Kind.BEGIN)
    while position >= 0:
        actor = c.actor[position]
        if trace.actors[actor].name == trace.processes[actor]:
            found[trace.processes[actor]] = c.site[position]
        position = kinds.find(Kind.BEGIN, position + 1)
    return [found.get(process, -1) for process in trace.processes]


def _names(trace: Trace, used: Iterable[int]) -> list[str]:
    """What objects are matched by: who has it, its kind and its label. Counters count the library's own objects, too.

    A forked child's copy and what a spawned child makes in its place have one name.
    """
    names = [f"{_UNUSED}{number}" for number in range(len(trace.objects))]
    runners = runner_actors(trace)
    for obj in used:
        info = trace.objects[obj]
        if obj in runners:
            names[obj] = f"{info.process}:{info.kind.name.lower()}:{trace.actors[runners[obj]].name}"
            continue
        names[obj] = f"{info.process or trace.actors[info.creator].name}:{info.kind.name.lower()}:{info.label}"
    return names
