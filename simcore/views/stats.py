"""`simcore show --stats`: a table of locks, one of what else was waited for, one of actors, and the longest waits in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from simcore.trace.events import ObjectKind
from simcore.trace.text import count, duration, shorten
from simcore.trace.words import OBJECT_WORDS, RUNNERS, Words
from simcore.views.letters import is_inner
from simcore.views.usage import MOST_LISTED, LockUse, Usage
from simcore.views.waits import longest, waits_view

MOST_WAITS: Final = 100
"""Waits listed when all is asked for."""

_Row = TypeVar("_Row")

LONGEST_NAME: Final = 28

WIDE: Final = 110
"""From so many columns on, places and kinds have a column of their own."""


class Stats:
    """A renderable of these figures; with `everything` no row is left out."""

    def __init__(self, usage: Usage, *, everything: bool = False) -> None:
        self.usage, self.everything = usage, everything
        self.trace = usage.stretches.trace
        self.words = Words(self.trace)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        parts = [*self._locks(options.max_width), *self._awaited(options.max_width), *self._actors(), *self._waits()]
        if not parts:
            yield Text("nothing was held or waited for" if len(self.trace) else "no events", style="dim")
        yield from parts[:-1] if parts and isinstance(parts[-1], Text) and not parts[-1].plain else parts

    def _locks(self, width: int) -> Iterator[RenderableType]:
        shown, _ = self._cut([one for one in self.usage.locks if self._listed(one)])
        if shown:
            table = _table("lock")
            for heading in ("takes", "blocked", "hand-offs", "held", "longest", "waited", "longest"):
                table.add_column(heading, justify="right", no_wrap=True)
            self._place(table, width)
            for one in shown:
                table.add_row(
                    self._thing(one.object, width),
                    f"{one.takes:,}",
                    f"{one.contention:.0%}" if one.waits else "",
                    f"{one.hand_offs:,}" if one.hand_offs else "",
                    duration(one.held_ns) if one.held_ns else "",
                    duration(one.longest_hold_ns) if one.longest_hold_ns else "",
                    duration(one.waited_ns) if one.waited_ns else "",
                    duration(one.longest.took_ns) if one.longest else "",
                    *self._made(one.object, width),
                )
            yield table
        elif self.usage.locks:
            yield Text("no lock was waited for or changed hands")
        yield from _more(len(self.usage.locks) - len(shown), "lock")
        if self.usage.locks:
            yield Text()

    def _listed(self, one: LockUse) -> bool:
        """Locks inside of queues and the like are of no interest as long as nobody is blocked by them."""
        asked = self.everything or self.usage.window.objects is not None
        return asked or one.waits > 0 or (one.mattered and not is_inner(self.trace.objects[one.object]))

    def _awaited(self, width: int) -> Iterator[RenderableType]:
        runners = [one for one in self.usage.awaited if self.trace.objects[one.object].kind in RUNNERS]
        shown, hidden = self._cut([one for one in self.usage.awaited if one not in runners])
        if not shown and not runners:
            return
        table = _table("waited for, besides locks")
        for heading in ("waits", "actors", "waited", "longest"):
            table.add_column(heading, justify="right", no_wrap=True)
        self._place(table, width)
        for one in shown:
            table.add_row(
                self._thing(one.object, width),
                f"{one.waits:,}",
                f"{len(one.actors):,}",
                duration(one.waited_ns),
                duration(one.longest.took_ns) if one.longest else "",
                *self._made(one.object, width),
            )
        if runners:
            waited = sum(one.waited_ns for one in runners)
            most = max(one.longest.took_ns if one.longest else 0 for one in runners)
            waits = sum(one.waits for one in runners)
            actors = len(set().union(*(one.actors for one in runners)))
            table.add_row("threads and processes to end", f"{waits:,}", f"{actors:,}", duration(waited), duration(most))
        yield table
        yield from _more(hidden, "object")
        yield Text()

    def _actors(self) -> Iterator[RenderableType]:
        alive = [one for one in self.usage.actors if one.alive_ns]
        shown, hidden = self._cut(alive)
        if not shown:
            return
        table = _table("actor")
        for heading in ("alive", "ran", "slept", "waited"):
            table.add_column(heading, justify="right", no_wrap=True)
        for one in shown:
            times = (one.ran_ns, one.slept_ns, one.waited_ns)
            parts = (f"{duration(time)} {time / one.alive_ns:4.0%}" if time else "" for time in times)
            table.add_row(shorten(self.words.actor(one.actor), LONGEST_NAME), duration(one.alive_ns), *parts)
        yield table
        yield from _more(hidden, "actor")
        yield Text()

    def _waits(self) -> Iterator[RenderableType]:
        found = longest(self.usage.stretches, self.usage.waits, MOST_WAITS if self.everything else MOST_LISTED)
        if found:
            yield Text("longest waits", style="bold")
            yield Padding(waits_view(self.usage.stretches, self.words, found), (0, 0, 0, 2))

    def _cut(self, rows: Sequence[_Row]) -> tuple[list[_Row], int]:
        most = len(rows) if self.everything else MOST_LISTED
        return list(rows[:most]), max(len(rows) - most, 0)

    def _thing(self, thing: int, width: int) -> str:
        info = self.trace.objects[thing]
        if info.kind is ObjectKind.PROCESS:
            return "any connection or child"
        name, place = self.words.object(thing), self.words.site(self.trace.sites[info.site])
        # What has no name is known by the place where it was made.
        return shorten(name if info.label or width >= WIDE else f"{name} {place}".rstrip(), LONGEST_NAME)

    def _place(self, table: Table, width: int) -> None:
        if width >= WIDE:
            table.add_column("what", style="dim")
            table.add_column("made at", style="dim")

    def _made(self, thing: int, width: int) -> tuple[str, ...]:
        info = self.trace.objects[thing]
        place = self.words.site(self.trace.sites[info.site])
        return (OBJECT_WORDS.get(info.kind, ""), place) if width >= WIDE else ()


def _table(first: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(first, overflow="fold", min_width=12)
    return table


def _more(hidden: int, noun: str) -> Iterator[Text]:
    if hidden:
        yield Text(f"{count(hidden, f'{noun} more', f'{noun}s more')}: --all lists all", style="dim")
