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


_BEGIN, _END, _MOMENT = Phase
_NONE: Final[tuple[int, ...]] = ()


class Marks:
    """Iterable once. `flow_kinds` names each arrow by its number, from 1."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.trace, self.words = part.trace, part.words
        self.flow_kinds = ["", *(flow.kind.value for flow in part.flows)]
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
        last, names = [part.first_ns] * len(self.trace.actors), self._names
        columns = (c.actor, c.kind, c.object, c.site, c.at_ns, c.waited_us)
        rows = zip(*(column[part.first : part.last + 1] for column in columns), strict=True)
        for position, (actor, kind, thing, site, at_ns, waited_us) in enumerate(rows, part.first):
            since_ns = before = last[actor]
            if at_ns < before:
                at_ns = before  # the order of two events may be known better than their times
            if at_ns - waited_us * 1000 > before:
                since_ns = at_ns - waited_us * 1000
            last[actor] = at_ns
            while coming is not None and coming.first <= position:
                if coming.last > coming.first or coming.first == position:
                    open_spans.setdefault(coming.actor, []).append(coming)
                    name = self._operation(coming)
                    yield Mark(_BEGIN, coming.actor, since_ns, name, "operation", coming.first, coming.site)
                coming = next(spans, None)
            if waited_us and since_ns < at_ns:
                wait = waits.get(position)
                if kind == Kind.SLEEP:
                    yield Mark(_BEGIN, actor, since_ns, "sleep", "sleep", position, site)
                    yield Mark(_END, actor, at_ns)
                elif wait is not None or kind in WAITING:
                    name = self._wait(kind, wait.object if wait else thing)
                    yield Mark(_BEGIN, actor, since_ns, name, "wait", position, site)
                    yield Mark(_END, actor, at_ns)
            name = names.get((kind, thing)) or self._name(kind, thing)
            arrows = out.get(position, _NONE), into.get(position, _NONE)
            yield Mark(_MOMENT, actor, at_ns, name, "event", position, site, *arrows)
            mine = open_spans.get(actor)
            while mine and mine[-1].last <= position:
                mine.pop()
                yield Mark(_END, actor, at_ns)

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
                yield Mark(_BEGIN, wait.actor, max(wait.since_ns, self.part.first_ns), name, category, -1, wait.site)
                yield Mark(_END, wait.actor, wait.until_ns)

    def _locks(self) -> Iterator[Mark]:
        part, first_ns, last_ns = self.part, self.part.first_ns, self.part.last_ns
        sites, names = self.trace.columns.site, [self.words.short_actor(actor) for actor in range(len(self.trace.actors))]
        for thing, holds in part.stretches.holds.items():
            track, numbers = -1 - thing, holds.within(first_ns, last_ns)
            columns = (holds.actor, holds.since_ns, holds.until_ns, holds.position)
            for actor, since_ns, until_ns, position in zip(*(one[numbers.start : numbers.stop] for one in columns), strict=True):
                since_ns, until_ns = max(since_ns, first_ns), min(until_ns, last_ns)
                if since_ns <= until_ns and position <= part.last:
                    yield Mark(_BEGIN, track, since_ns, names[actor], "held", position, sites[position])
                    yield Mark(_END, track, until_ns)

    def _operation(self, span: Span) -> str:
        return f"{clean(span.operation)} {self.words.object(span.object)}".rstrip()

    def _wait(self, kind: int, thing: int) -> str:
        words, info = self.words, self.trace.objects[thing]
        what = f"{words.runner(thing)} to end" if info.kind in RUNNERS else words.object(thing)
        return f"waits for {what}" if what else f"waits to {words.operation(Kind(kind), thing)}"

    def _name(self, kind: int, thing: int) -> str:
        name = self._names[kind, thing] = self.words.operation(Kind(kind), thing)
        return name
