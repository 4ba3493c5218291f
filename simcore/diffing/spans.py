"""Spans: the operations that the programmer wrote, and traces told in them alone.

One `Queue.put` is made of other events on every Python minor. Traces of two minors are therefore compared by spans: each
outermost span is one event of its object, at the place where it ended, and of the other events only the program's own are kept.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, replace

from simcore.trace.events import Kind
from simcore.trace.model import Columns, Span, Trace

FIRST_OPERATION = 128
"""Kinds from here on stand for operations, in the columns of a trace told by spans; no trace file has them."""

_UNUSED = "?"

_ALWAYS = frozenset({Kind.START, Kind.BEGIN, Kind.END, Kind.JOIN, Kind.EXIT, Kind.WRITE, Kind.SIGNAL, Kind.KILL, Kind.WAIT})


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
    index = SpanIndex(trace)
    ends = {span.last: span for spans in index.of_actor.values() for span in spans}
    own_file = [not trace.header.files or site.file in trace.header.files for site in trace.sites]
    c = trace.columns
    places = array("I")
    columns = Columns()
    for position, (actor, kind, obj, site, value) in enumerate(zip(c.actor, c.kind, c.object, c.site, c.value, strict=True)):
        span = ends.get(position) or index.at(actor, position)
        if kind not in _ALWAYS and not own_file[site if span is None else span.site]:
            continue
        if span is not None and position == span.last and own_file[span.site]:
            kind = FIRST_OPERATION + operations.setdefault(span.operation, len(operations) % (256 - FIRST_OPERATION))
            obj, site, value = span.object, span.site, 0
        elif span is not None and kind not in _ALWAYS:
            continue
        places.append(position)
        columns.actor.append(actor)
        columns.kind.append(kind)
        columns.object.append(obj)
        columns.site.append(site)
        columns.value.append(value)
        columns.waited_us.append(c.waited_us[position])
        columns.at_ns.append(c.at_ns[position])
    return Told(trace, replace(trace, columns=columns, spans=[]), _names(trace, set(columns.object)), places)


def _names(trace: Trace, used: Iterable[int]) -> list[str]:
    """What objects are matched by: who made it, its kind and its label. Counters count the library's own objects, too."""
    names = [f"{_UNUSED}{number}" for number in range(len(trace.objects))]
    for obj in used:
        info = trace.objects[obj]
        names[obj] = f"{trace.actors[info.creator].name}:{info.kind.name.lower()}:{info.label}"
    return names
