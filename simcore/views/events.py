"""Which events of a trace a listing shows, and as which rows: who did what when, in the words of the programmer.

An operation such as `Condition.wait` is made of many events. Unless all are asked for it is one row, or two when others did
something between its start and its end. What only one actor can see (clocks, seeds, garbage), import locks, and locks that
only one actor ever took are left out likewise, and how the threads inside a pool look at its state.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from simcore.trace.events import LOCAL_KINDS, Kind, ObjectKind
from simcore.trace.model import Span, Trace
from simcore.trace.spans import outermost
from simcore.trace.text import clean, duration
from simcore.trace.words import WAITING, Words

QUIET_KINDS: Final = LOCAL_KINDS | {Kind.IMPORT, Kind.IMPORTED}
"""Kinds that a listing leaves out unless they or all events are asked for."""

LONGEST_WRITE: Final = 1000
"""Characters that are joined to one row; far more than a row shows."""

LOOK_BACK: Final = 20_000
"""How many events a search for the holder of a lock goes back at most."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What to show: actors, objects (indices) and kinds, None for all; positions first..last, both included.

    `inner` shows the events that the programmer's operations are made of, and quiet kinds, too.
    """

    first: int
    last: int
    actors: Collection[int] | None = None
    objects: Collection[int] | None = None
    kinds: Collection[Kind] | None = None
    inner: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a listing.

    `state` is `did`, `waits` (it arrived and had to wait; `position` is then that of the event it stands before), `starts` (an
    operation) or `got` (the end of either). A row with a `gap` stands for that many rows left out. `until` is where a
    wait or operation ends, -1 for other rows.
    """

    position: int
    at_ns: int
    actor: int
    what: str
    site: str = ""
    state: str = "did"
    gap: int = 0
    until: int = -1


class EventList:
    """The rows of a trace under a selection. `hidden` counts the events within the range that were left out as quiet or inner."""

    def __init__(self, trace: Trace, selection: Selection) -> None:
        self.trace, self.selection = trace, selection
        self.words = Words(trace)
        self.starts: dict[int, Span] = {}
        self.ends: dict[int, Span] = {}
        self.hidden = 0
        self.positions = self._select()
        self._written: dict[int, str] = {}

    def rows(self, head: int | None = None, tail: int = 0) -> list[Row]:
        """The rows, in order; with `head` only the first `head` and last `tail`, and between them a row that says how many."""
        shown = self._joined_writes()
        if head is None or len(shown) <= head + tail + 1:
            return self._rows(shown)
        cut = len(shown) - tail
        gap = Row(shown[head], 0, 0, f"@{shown[head]}..@{shown[cut - 1]}", gap=cut - head)
        return [*self._rows(shown[:head]), gap, *self._rows(shown[cut:])]

    def _select(self) -> list[int]:
        wanted, columns = self.selection, self.trace.columns
        raw = wanted.inner or wanted.kinds is not None
        spans = {} if raw else outermost(self.trace)
        queues = {actor: iter(of_actor) for actor, of_actor in spans.items()}
        current = {actor: next(queue, None) for actor, queue in queues.items()}
        quiet = frozenset[int]() if raw else frozenset(map(int, QUIET_KINDS))
        narrowed = raw or wanted.actors is not None or wanted.objects is not None
        private = frozenset[int]() if narrowed else self._private()
        things = () if narrowed else enumerate(self.trace.objects)
        pools = frozenset(number for number, info in things if info.kind is ObjectKind.POOL)  # whose flags are its own business
        kinds = None if wanted.kinds is None else frozenset(map(int, wanted.kinds))
        found: list[int] = []
        for position in range(wanted.last + 1):
            actor = columns.actor[position]
            thing = columns.object[position]
            span = current.get(actor)
            while span is not None and span.last < position:
                span = current[actor] = next(queues[actor], None)
            if position < wanted.first or (wanted.actors is not None and actor not in wanted.actors):
                continue
            if span is not None and span.first <= position:
                if wanted.objects is not None and span.object not in wanted.objects and thing not in wanted.objects:
                    continue
                if position in (span.first, span.last):
                    (self.ends if position == span.last else self.starts)[position] = span
                    found.append(position)
                else:
                    self.hidden += 1
                continue
            if wanted.objects is not None and thing not in wanted.objects:
                continue
            kind = columns.kind[position]
            if (
                kind in quiet
                or (thing in private and kind in _PASSING and columns.value[position] >= 0)
                or (thing in pools and kind in _ACCESSES)
            ):
                self.hidden += 1
            elif kinds is None or kind in kinds:
                found.append(position)
        return self._without_idle_starts(found)

    def _private(self) -> frozenset[int]:
        """The objects that only one actor used: taking them was no matter between actors. None of them where there is one actor
        only, and none that somebody waits for to this day."""
        if len(self.trace.actors) < 2:
            return frozenset()
        users: dict[int, int] = {}
        for thing, actor in zip(self.trace.columns.object, self.trace.columns.actor, strict=True):
            if users.setdefault(thing, actor) != actor:
                users[thing] = -1
        waited_for = {pending.object for pending in self.trace.ending.pending}
        return frozenset(thing for thing, actor in users.items() if actor >= 0 and thing not in waited_for)

    def _joined_writes(self) -> list[int]:
        """The positions without writes that go on with the one before: print() writes its line end apart, a traceback a character
        at a time. All are there when all events are asked for."""
        if self.selection.inner or self.selection.kinds is not None:
            return self.positions
        columns, shown = self.trace.columns, list[int]()
        for position in self.positions:
            text = self._text(position)
            if text is not None:
                last = shown[-1] if shown else -1
                same = last in self._written and columns.actor[last] == columns.actor[position]
                if same and columns.object[last] == columns.object[position]:
                    self._written[last] += text if len(self._written[last]) < LONGEST_WRITE else ""
                    self.hidden += 1
                    continue
                if not text:
                    self.hidden += 1
                    continue
                self._written[position] = text
            shown.append(position)
        return shown

    def _text(self, position: int) -> str | None:
        """What a write wrote, None for any other event and for bytes."""
        columns, texts = self.trace.columns, self.trace.texts
        index = columns.value[position]
        if (
            columns.kind[position] != Kind.WRITE
            or position in self.starts
            or position in self.ends
            or not 0 <= index < len(texts)
        ):
            return None
        text = texts[index]
        return text if isinstance(text, str) else None

    def _without_idle_starts(self, found: list[int]) -> list[int]:
        """Leave out the start of an operation that is followed at once by its end."""
        kept: list[int] = []
        for index, position in enumerate(found):
            span = self.starts.get(position)
            if span is not None and index + 1 < len(found) and found[index + 1] == span.last:
                del self.starts[position]
                self.hidden += 1
            else:
                kept.append(position)
        return kept

    def _rows(self, positions: list[int]) -> list[Row]:
        """Rows of these events, each long wait split in two where somebody else did something meanwhile."""
        columns = self.trace.columns
        at_ns = columns.at_ns
        arrivals: dict[int, list[Row]] = {}
        events: list[Row] = []
        shown = frozenset(positions)
        for index, position in enumerate(positions):
            row = self._row(position, shown)
            since = at_ns[position] - columns.waited_us[position] * 1000
            waited = row.state == "did" and since < at_ns[position] and columns.kind[position] in WAITING
            if waited and position not in self.ends:
                met = bisect_right(positions, since, hi=index, key=at_ns.__getitem__)
                if 0 < met < index:
                    arrivals.setdefault(met, []).append(self._arrival(position, positions[met], since))
                    row = Row(row.position, row.at_ns, row.actor, row.what, row.site, "got")
            events.append(row)
        rows: list[Row] = []
        for index, row in enumerate(events):
            rows += sorted(arrivals.get(index, ()), key=lambda arrival: arrival.at_ns)
            rows.append(row)
        return rows

    def _row(self, position: int, shown: Collection[int]) -> Row:
        columns, words = self.trace.columns, self.words
        at_ns, actor = columns.at_ns[position], columns.actor[position]
        span = self.starts.get(position) or self.ends.get(position)
        if span is None:
            site = words.site(self.trace.sites[columns.site[position]])
            text = self._written.get(position)
            what = words.event(position) if text is None else words.written(columns.object[position], text)
            return Row(position, at_ns, actor, what, site)
        site = words.site(self.trace.sites[span.site])
        name = f"{clean(span.operation)} {words.object(span.object)}".rstrip()
        if position in self.starts:
            return Row(position, at_ns, actor, name, site, "starts", until=span.last)
        took = at_ns - columns.at_ns[span.first]
        waited = f" after {duration(took)}" if span.first in self.starts and took >= 1000 else ""
        state = "got" if span.first in self.starts and span.first in shown else "did"
        return Row(position, at_ns, actor, name + waited, site, state)

    def _arrival(self, position: int, met: int, since: int) -> Row:
        columns, words = self.trace.columns, self.words
        kind, thing, actor = Kind(columns.kind[position]), columns.object[position], columns.actor[position]
        what = words.operation(kind, thing)
        owner = self._holder(thing, met) if kind is Kind.ACQUIRE else None
        if owner is not None and owner != actor:
            what += f" ... waits for {words.brief_actor(owner)}"
        else:
            what += " ... waits"
        return Row(met, since, actor, what, words.site(self.trace.sites[columns.site[position]]), "waits", until=position)

    def _holder(self, thing: int, before: int) -> int | None:
        """Who took the object last before a position, None when nobody did lately."""
        columns = self.trace.columns
        for position in range(before - 1, max(before - LOOK_BACK, 0) - 1, -1):
            if columns.object[position] == thing and columns.kind[position] == Kind.ACQUIRE and columns.value[position] == 1:
                return columns.actor[position]
        return None


_PASSING: Final = frozenset({int(Kind.ACQUIRE), int(Kind.RELEASE)})
_ACCESSES: Final = frozenset({int(Kind.READ), int(Kind.STORE)})
