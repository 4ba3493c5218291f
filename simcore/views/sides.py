"""Two runs side by side around the place where they part: a lane per actor, and beside the lanes what was done.

Marks are those of `simcore show`: who acts, who waits, who is alive.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from simcore.trace.events import LOCAL_KINDS, Kind, ObjectKind
from simcore.trace.model import Trace
from simcore.trace.text import clean, path_key
from simcore.trace.words import Words
from simcore.views.lives import Lives

if TYPE_CHECKING:
    from simcore.diffing.result import Moment, Split
    from simcore.trace.model import Site

BEFORE: Final = 3
AFTER: Final = 3
NARROW: Final = 64
"""On fewer columns than this the runs stand below each other."""

MOST_LANES: Final = 8
"""With more actors around the split than this, each line names its actor instead."""

LONGEST_NAME: Final = 12
"""An actor whose thread has a longer name is called by its path."""

LOOK_FOR: Final = 1000
"""So many events around the split are searched for some worth showing."""

COLOURS: Final = ("cyan", "magenta", "green", "yellow", "blue", "bright_red")

_MARKS: Final = {"did": "●", "alive": "│", "waiting": "┊", "": " "}
_PLAIN_MARKS: Final = {"did": "*", "alive": "|", "waiting": ":", "": " "}

_QUIET = frozenset(int(kind) for kind in LOCAL_KINDS | {Kind.IMPORT, Kind.IMPORTED})


class _Cell(NamedTuple):
    """One event of one run, `at` its position; without a `position` it is words alone. `path` is the actor's."""

    position: str = ""
    path: str = ""
    actor: str = ""
    what: str = ""
    where: str = ""
    split: bool = False
    at: int = -1


class Sides:
    """A renderable that fits the width it is given. Where that is too little, words are cut: the sentence above has them all.

    With `whole` the split is told as the operation that the program wrote.
    """

    def __init__(self, trace_a: Trace, trace_b: Trace, split: Split, *, whole: bool = False) -> None:
        names = [(letter, trace.path.name if trace.path else letter) for letter, trace in (("A", trace_a), ("B", trace_b))]
        self.titles = [clean(f"{letter}: {name}" if name != letter else name) for letter, name in names]
        self.cells = (_cells(trace_a, split.a, split.b, whole=whole), _cells(trace_b, split.b, split.a, whole=whole))
        self.number_width = max(len(cell.position) for cells in self.cells for cell in cells)
        paths = {cell.path for cells in self.cells for cell in cells if cell.path}
        self.lanes = sorted(paths, key=path_key) if 1 < len(paths) <= MOST_LANES else []
        actors = [*trace_b.actors, *trace_a.actors]
        self.threads = {info.name: info.thread_name for info in actors if info.name in paths}
        self.lives = (Lives(trace_a), Lives(trace_b))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        marks = _PLAIN_MARKS if options.ascii_only else _MARKS
        if self.lanes:
            yield self._legend(marks)
        if width < NARROW:
            for side in (0, 1):
                yield from (line for line in self._column(side, width, marks) if line.plain.strip())
            return
        half = (width - 3) // 2
        for one, other in zip(self._column(0, half, marks), self._column(1, half, marks), strict=True):
            if one.plain.strip() or other.plain.strip():
                line = Text.assemble(one, (" | ", "dim"), other, overflow="crop", no_wrap=True)
                line.rstrip()
                yield line

    def _legend(self, marks: dict[str, str]) -> Text:
        """Which lane is whose; where one waits, by which mark."""
        legend = Text()
        if any(self._state(side, path, cell) == "waiting" for side in (0, 1) for cell in self.cells[side] for path in self.lanes):
            legend.append(f"{marks['waiting']} waits   ", style="dim")
        for number, path in enumerate(self.lanes):
            name = self.threads.get(path, "")
            given = f' "{clean(name)}"' if name and name != "MainThread" else ""
            legend.append(f"{'   ' if number else ''}{number} ", style="dim")
            legend.append(f"{clean(path)}{given}", style=_colour(number))
        return legend

    def _longest(self, field: str) -> int:
        """The widest cell of either run, so that both are laid out alike."""
        return max(cell_len(str(getattr(cell, field))) for cells in self.cells for cell in cells if cell.actor)

    def _column(self, side: int, width: int, marks: dict[str, str]) -> Iterator[Text]:
        """One run's lines, `width` columns each: title, lanes, events. Both runs have as many."""
        cells, indent = self.cells[side], self.number_width + 2
        numbers = " ".join(str(number) for number in range(len(self.lanes)))
        title = f"{' ' * indent}{numbers}{'  ' if numbers else ''}"
        yield Text.assemble((title, "dim"), (_fit(self.titles[side], width - len(title)), "bold"), overflow="crop", no_wrap=True)
        room = width - indent
        actor = len(numbers) + 2 if self.lanes else min(self._longest("actor") + 1, max(room // 3, 1))
        where = min(self._longest("where"), max(room * 2 // 5, 1))
        # Rather no places than half of the words: the place of the split itself stands above, too.
        where = where + 1 if self._longest("what") + 1 <= room - actor - where - 1 else 0
        for cell in cells:
            text = Text(f"{'>' if cell.split else ' '}{cell.position:>{self.number_width}} ", overflow="crop", no_wrap=True)
            if self.lanes and cell.actor:
                text.append_text(self._marks(side, cell, marks)).append("  ")
            elif cell.actor:
                text.append(_fit(cell.actor, actor - 1) + " ", style="cyan")
            if cell.actor:
                text.append(_fit(cell.what, room - actor - where))
                text.append(_fit(f" {cell.where}", where), style="dim")
            else:
                text.append(_fit(cell.what, room))
            if cell.split:
                text.stylize("bold")
            yield text

    def _marks(self, side: int, cell: _Cell, marks: dict[str, str]) -> Text:
        """What each lane's actor is doing at this event."""
        text = Text()
        for number, path in enumerate(self.lanes):
            style = f"bold {_colour(number)}" if path == cell.path else "dim"
            text.append(marks[self._state(side, path, cell)], style=style).append(" " if number < len(self.lanes) - 1 else "")
        return text

    def _state(self, side: int, path: str, cell: _Cell) -> str:
        if path == cell.path:
            return "did" if cell.position else "waiting"
        return self.lives[side].state(path, cell.at) if cell.actor else ""


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _fit(text: str, width: int) -> str:
    """The text in exactly so many columns; one that is cut ends in `..`."""
    if cell_len(text) <= width or width < 4:
        return set_cell_size(text, max(width, 0))
    return set_cell_size(text, width - 2) + ".."


def _cells(trace: Trace, here: Moment | None, there: Moment | None, *, whole: bool) -> list[_Cell]:
    """The events around the split in one run; where the actor did nothing more, the end of the trace and what it waits for."""
    words = Words(trace)
    position = here.position if here is not None else len(trace)
    behind = range(position - 1, max(position - LOOK_FOR, 0) - 1, -1)
    before = [_event(words, near) for near in _loud(trace, behind, BEFORE)][::-1]
    after = [_event(words, near) for near in _loud(trace, range(position + 1, min(position + LOOK_FOR, len(trace))), AFTER)]
    middle = _event(words, position)._replace(split=True) if here is not None else _end(words, there)
    if whole and here is not None:
        middle = middle._replace(what=clean(here.action), where=words.site(here.site))
    empty = _Cell()
    return [empty] * (BEFORE - len(before)) + before + [middle] + after + [empty] * (AFTER - len(after))


def _loud(trace: Trace, positions: range, number: int) -> list[int]:
    """The first so many positions whose events others can see."""
    kinds = trace.columns.kind
    objects, waiters = trace.columns.object, {n for n, info in enumerate(trace.objects) if info.kind is ObjectKind.WAITER}
    loud = (position for position in positions if kinds[position] not in _QUIET and objects[position] not in waiters)
    return list(islice(loud, number))


def _event(words: Words, position: int) -> _Cell:
    columns = words.trace.columns
    actor = columns.actor[position]
    name, path = words.short_actor(actor), words.trace.actors[actor].name
    if cell_len(name) > LONGEST_NAME:
        name = clean(path)
    where = words.site(words.trace.sites[columns.site[position]])
    return _Cell(str(position), path, name, words.event(position), where, at=position)


def _end(words: Words, there: Moment | None) -> _Cell:
    """What stands in place of an event that one run does not have."""
    name = there.actor if there is not None else ""
    at = len(words.trace)
    for pending in words.trace.ending.pending:
        if words.trace.actors[pending.actor].name == name:
            what = f"waits to {words.operation(pending.kind, pending.object)}"
            return _Cell("", name, clean(name), what, words.site(words.trace.sites[pending.site]), split=True, at=at)
    verb = "writes" if there is not None and there.kind is Kind.WRITE else "does"
    return _Cell(what=f"{clean(name)} {verb} nothing more", split=True, at=at)


def source_of(trace: Trace, site: Site) -> str:
    """The line of source at this place, without its indentation; empty where the trace does not have it."""
    lines = trace.sources.get(site.file, "").split("\n")
    return clean(lines[site.line - 1].strip()) if 1 <= site.line <= len(lines) else ""
