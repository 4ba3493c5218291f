"""The listing of `simcore show`: a lane per actor.

Where the lanes are wide enough each holds its actor's events in words; else the lanes shrink to marks, as in the graph of a
version control system, with the words beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from simcore.trace.text import count, path_key
from simcore.views.events import EventList, Row

NARROWEST: Final = 38
"""Fewer columns than this for a lane, and the words go beside the lanes."""

COLOURS: Final = ("cyan", "magenta", "green", "yellow", "blue", "bright_red")

_MARKS: Final = {"did": "●", "waits": "○", "starts": "┌", "got": "└", "alive": "│", "waiting": "┊"}
_PLAIN_MARKS: Final = {"did": "*", "waits": "o", "starts": "/", "got": "\\", "alive": "|", "waiting": ":"}


class Lanes:
    """A renderable of the rows of a list of events; `head` and `tail` as for `EventList.rows`."""

    def __init__(self, shown: EventList, head: int | None = None, tail: int = 0) -> None:
        self.shown = shown
        self.rows = shown.rows(head, tail)
        seen = {row.actor for row in self.rows if not row.gap}
        homes = shown.trace.processes
        self.actors = sorted(seen, key=lambda actor: (path_key(homes[actor]), actor))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self._parts(options.max_width, plain=options.ascii_only)

    def _parts(self, width: int, *, plain: bool) -> Iterator[RenderableType]:
        if not self.rows:
            yield Text("no events", style="dim")
            return
        position_width = max(len(str(row.position)) for row in self.rows) + 1
        ms_width = max(len(_ms(row)) for row in self.rows)
        room = width - position_width - ms_width - 4
        if len(self.actors) * (NARROWEST + 2) <= room + 2:
            yield from self._wide()
        else:
            yield from self._narrow(room, plain=plain)
        if self.shown.hidden:
            yield Text()
            what = f"{count(self.shown.hidden, 'event')} inside operations, of one thread only or quiet"
            yield Text(f"{what}: --events shows them", style="dim")

    def _wide(self) -> Iterator[RenderableType]:
        for part in self._split():
            if isinstance(part, Row):
                yield _gap(part)
                continue
            table = _table("#", "ms")
            for actor in self.actors:
                table.add_column(self._heading(actor), ratio=1, overflow="fold")
            for row in part:
                cells = [self._words(row) if actor == row.actor else Text() for actor in self.actors]
                table.add_row(_position(row), _ms(row), *cells)
            yield table

    def _narrow(self, room: int, *, plain: bool) -> Iterator[RenderableType]:
        lanes = len(self.actors) * 2 <= max(room // 3, 8)
        marks = _PLAIN_MARKS if plain else _MARKS
        if lanes:
            yield from self._legend()
            yield Text()
        lives = _Lives(self.shown, self.actors)
        heading = Text(" ".join(_lane_name(number) for number in range(len(self.actors))))
        for part in self._split():
            if isinstance(part, Row):
                yield _gap(part)
                continue
            table = _table("#", "ms")
            if lanes:
                table.add_column(heading, no_wrap=True)
            table.add_column("actor", max_width=max(room // 4, 12), overflow="fold")
            table.add_column("what", overflow="fold", ratio=1)
            table.add_column("where", overflow="fold", style="dim", max_width=max(room // 3, 12))
            for row in part:
                number = self.actors.index(row.actor)
                who = Text(self.shown.words.brief_actor(row.actor), style=_colour(number))
                cells = [lives.marks(row, marks)] if lanes else []
                table.add_row(_position(row), _ms(row), *cells, who, _styled(row), row.site)
            yield table

    def _legend(self) -> Iterator[RenderableType]:
        """Which lane is whose; of several processes each has a line of its own."""
        trace = self.shown.trace
        pids = {info.name: info.pid for info in trace.ending.processes}
        lines: dict[str, Text] = {}
        for number, actor in enumerate(self.actors):
            line = lines.setdefault(trace.processes[actor], Text())
            line.append(f"{'   ' if line.plain else ''}{_lane_name(number)} ", style="dim")
            line.append(self.shown.words.actor(actor), style=_colour(number))
        for name, line in lines.items():
            if len(lines) > 1 and pids.get(name):
                line.append(f"   pid {pids[name]}", style="dim")
            yield line

    def _split(self) -> Iterator[Sequence[Row] | Row]:
        """The rows in runs between gaps, the gaps themselves between them."""
        run: list[Row] = []
        for row in self.rows:
            if row.gap:
                yield run
                yield row
                run = []
            else:
                run.append(row)
        if run:
            yield run

    def _heading(self, actor: int) -> Text:
        return Text(self.shown.words.actor(actor), style=f"bold {_colour(self.actors.index(actor))}")

    def _words(self, row: Row) -> Text:
        text = Text("└ " if row.state == "got" else "")
        text.append_text(_styled(row))
        return text.append(f"  {row.site}", style="dim") if row.site else text


class _Lives:
    """Which lanes are alive or waiting at a row, for the marks of those that do nothing there."""

    def __init__(self, shown: EventList, actors: Sequence[int]) -> None:
        self.actors = actors
        self.waiting: dict[int, int] = {}
        self.first: dict[int, int] = {}
        self.last: dict[int, int] = {}
        for position, actor in enumerate(shown.trace.columns.actor):
            self.first.setdefault(actor, position)
            self.last[actor] = position
        for pending in shown.trace.ending.pending:
            self.last[pending.actor] = len(shown.trace)

    def marks(self, row: Row, marks: dict[str, str]) -> Text:
        text = Text()
        if row.until >= 0:
            self.waiting[row.actor] = row.until
        for number, actor in enumerate(self.actors):
            alive = self.first.get(actor, 0) <= row.position <= self.last.get(actor, 0)
            state = (
                row.state
                if actor == row.actor
                else "waiting"
                if row.position < self.waiting.get(actor, -1)
                else "alive"
                if alive
                else ""
            )
            style = f"bold {_colour(number)}" if actor == row.actor else "dim"
            text.append(marks[state] if state else " ", style=style).append(" " if number < len(self.actors) - 1 else "")
        return text


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim", expand=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True, style="dim")
    return table


def _styled(row: Row) -> Text:
    text = Text(row.what)
    if row.state == "waits":
        text.stylize("yellow")
    return text


def _gap(row: Row) -> Text:
    return Text(f"\n   ... {row.gap:,} events more; --range {row.what} shows them, --all everything\n", style="dim")


def _position(row: Row) -> str:
    return "" if row.state == "waits" else f"@{row.position}"


def _ms(row: Row) -> str:
    return f"{row.at_ns / 1e6:.3f}"


def _lane_name(number: int) -> str:
    return "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36]


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
