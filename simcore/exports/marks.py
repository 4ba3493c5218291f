"""A part of a trace as slices, moments and arrows on tracks: what viewers of traces draw, whatever their format.

Each actor has a track, with its operations, inside of them its waits and sleeps, and its events as moments. Each lock that was
taken has one with who held it. Marks of one track come in the order of their times.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final, NamedTuple

from simcore.exports.part import Part
from simcore.trace.events import Kind
from simcore.trace.model import Span
from simcore.trace.text import clean
from simcore.trace.words import RUNNERS, WAITING


class Phase(IntEnum):
    """What a mark is."""

    BEGIN = 1
    END = 2
    MOMENT = 3


class Mark(NamedTuple):
    """`track` is an actor, or for a lock minus one minus its object. A beginning or moment has a name and a category.

    `position` is that of the event, -1 where there is none; `site` its place in the source, 0 for an unknown one; `out` and
    `into` are numbers of the arrows that begin and end here.
    """

    phase: Phase
    track: int
    at_ns: int
    name: str = ""
    category: str = ""
    position: int = -1
    site: int = 0
    out: tuple[int, ...] = ()
    into: tuple[int, ...] = ()


_NONE: Final[tuple[int, ...]] = ()


class Marks:
    """Iterable once. `flow_kinds` names each arrow by its number, from 1; `counts` says how many of each category were made."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.trace, self.words = part.trace, part.words
        self.flow_kinds = ["", *(flow.kind.value for flow in part.flows)]
        self.counts: dict[str, int] = {}
        self._names: dict[tuple[int, int], str] = {}

    def __iter__(self) -> Iterator[Mark]:
        if len(self.part):
            yield from self._events()
        yield from self._never_ended()
        yield from self._locks()

    def _events(self) -> Iterator[Mark]:
        part, c = self.part, self.trace.columns
        out, into = self._arrows()
        spans = part.spans()
        coming = next(spans, None)
        open_spans: dict[int, list[Span]] = {}
        waits = {wait.position: wait for wait in part.stretches.waits if wait.position >= 0}
        last = [part.first_ns] * len(self.trace.actors)
        waiting = frozenset(map(int, WAITING))
        rows = zip(*(column[part.first : part.last + 1] for column in (c.actor, c.kind, c.object, c.site, c.at_ns)), strict=True)
        for position, (actor, kind, thing, site, at_ns) in enumerate(rows, part.first):
            at_ns = max(at_ns, last[actor])  # the order of two events may be known better than their times
            since_ns = max(at_ns - c.waited_us[position] * 1000, last[actor])
            last[actor] = at_ns
            while coming is not None and coming.first <= position:
                if coming.last > coming.first or coming.first == position:
                    open_spans.setdefault(coming.actor, []).append(coming)
                    yield self._begin(coming.actor, since_ns, self._operation(coming), "operation", coming.first, coming.site)
                coming = next(spans, None)
            if since_ns < at_ns:
                wait = waits.get(position)
                if kind == Kind.SLEEP:
                    yield self._begin(actor, since_ns, "sleep", "sleep", position, site)
                    yield Mark(Phase.END, actor, at_ns)
                elif wait is not None or kind in waiting:
                    yield self._begin(actor, since_ns, self._wait(kind, wait.object if wait else thing), "wait", position, site)
                    yield Mark(Phase.END, actor, at_ns)
            category = "event"
            self.counts[category] = self.counts.get(category, 0) + 1
            arrows = out.get(position, _NONE), into.get(position, _NONE)
            yield Mark(Phase.MOMENT, actor, at_ns, self._name(kind, thing), category, position, site, *arrows)
            mine = open_spans.get(actor)
            while mine and mine[-1].last <= position:
                mine.pop()
                yield Mark(Phase.END, actor, at_ns)

    def _begin(self, track: int, at_ns: int, name: str, category: str, position: int = -1, site: int = 0) -> Mark:
        self.counts[category] = self.counts.get(category, 0) + 1
        return Mark(Phase.BEGIN, track, at_ns, name, category, position, site)

    def _arrows(self) -> tuple[dict[int, tuple[int, ...]], dict[int, tuple[int, ...]]]:
        out: dict[int, tuple[int, ...]] = {}
        into: dict[int, tuple[int, ...]] = {}
        for number, flow in enumerate(self.part.flows, 1):
            out[flow.source] = (*out.get(flow.source, ()), number)
            into[flow.target] = (*into.get(flow.target, ()), number)
        return out, into

    def _never_ended(self) -> Iterator[Mark]:
        """What actors waited for when the run was over; those of a deadlock say so."""
        if self.part.last < len(self.trace) - 1:
            return
        stuck = {link.actor for link in self.trace.ending.deadlock}
        for wait in self.part.stretches.waits:
            if wait.position < 0 and wait.until_ns > self.part.first_ns:
                name, category = self._wait(wait.kind, wait.object), "never ended"
                if wait.actor in stuck:
                    name, category = f"DEADLOCK: {name}", "deadlock"
                yield self._begin(wait.actor, max(wait.since_ns, self.part.first_ns), name, category, -1, wait.site)
                yield Mark(Phase.END, wait.actor, wait.until_ns)

    def _locks(self) -> Iterator[Mark]:
        part, first_ns, last_ns = self.part, self.part.first_ns, self.part.last_ns
        for thing, holds in part.stretches.holds.items():
            track = -1 - thing
            for number in holds.within(first_ns, last_ns):
                since_ns, until_ns = max(holds.since_ns[number], first_ns), min(holds.until_ns[number], last_ns)
                position = holds.position[number]
                if since_ns > until_ns or position > part.last:
                    continue
                who = self.words.short_actor(holds.actor[number])
                yield self._begin(track, since_ns, who, "held", position, self.trace.columns.site[position])
                yield Mark(Phase.END, track, until_ns)

    def _operation(self, span: Span) -> str:
        return f"{clean(span.operation)} {self.words.object(span.object)}".rstrip()

    def _wait(self, kind: int, thing: int) -> str:
        words, info = self.words, self.trace.objects[thing]
        what = f"{words.runner(thing)} to end" if info.kind in RUNNERS else words.object(thing)
        return f"waits for {what}" if what else f"waits to {words.operation(Kind(kind), thing)}"

    def _name(self, kind: int, thing: int) -> str:
        name = self._names.get((kind, thing))
        if name is None:
            name = self._names[kind, thing] = self.words.operation(Kind(kind), thing)
        return name
