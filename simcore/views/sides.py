"""Two runs side by side around the place where they part, with the lines of source that did it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from simcore.trace.events import LOCAL_KINDS, Kind, ObjectKind
from simcore.trace.model import Trace
from simcore.trace.text import clean
from simcore.trace.words import Words

if TYPE_CHECKING:
    from simcore.diffing.result import Diff, Moment, Split
    from simcore.trace.model import Site

BEFORE: Final = 2
AFTER: Final = 1
NARROW: Final = 64
"""On fewer columns than this the runs stand below each other."""

LONGEST_NAME: Final = 12
"""An actor whose thread has a longer name is called by its path."""

LOOK_FOR: Final = 1000
"""So many events around the split are searched for some worth showing."""

_QUIET = frozenset(int(kind) for kind in LOCAL_KINDS | {Kind.IMPORT, Kind.IMPORTED})


class _Cell(NamedTuple):
    """One event of one run. Without a position it is words alone."""

    position: str = ""
    actor: str = ""
    what: str = ""
    where: str = ""
    split: bool = False


class Sides:
    """A renderable that fits the width it is given. Where that is too little, words are cut: the sentence above has them all."""

    def __init__(self, d: Diff, split: Split) -> None:
        self._set(d.trace_a, d.trace_b, split, whole=d.compared == "spans")

    @classmethod
    def of_moments(cls, a: Trace, b: Trace, split: Split, *, whole: bool) -> Sides:
        """The same for two traces that were not compared with each other as wholes."""
        sides = cls.__new__(cls)
        sides._set(a, b, split, whole=whole)
        return sides

    def _set(self, trace_a: Trace, trace_b: Trace, split: Split, *, whole: bool) -> None:
        names = [(letter, trace.path.name if trace.path else letter) for letter, trace in (("A", trace_a), ("B", trace_b))]
        self.titles = [clean(f"{letter}: {name}" if name != letter else name) for letter, name in names]
        self.cells = (_cells(trace_a, split.a, split.b, whole=whole), _cells(trace_b, split.b, split.a, whole=whole))
        self.sources = (_source(trace_a, split.a), _source(trace_b, split.b))
        self.number_width = max(len(cell.position) for cells in self.cells for cell in cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        if width < NARROW:
            for side in (0, 1):
                yield from (line for line in self._column(side, width) if line.plain.strip())
            return
        half = (width - 3) // 2
        for one, other in zip(self._column(0, half), self._column(1, half), strict=True):
            if one.plain.strip() or other.plain.strip():
                line = Text.assemble(one, (" | ", "dim"), other, overflow="crop", no_wrap=True)
                line.rstrip()
                yield line

    def _longest(self, field: str) -> int:
        """The widest cell of either run, so that both are laid out alike."""
        return max(cell_len(str(getattr(cell, field))) for cells in self.cells for cell in cells if cell.actor)

    def _column(self, side: int, width: int) -> Iterator[Text]:
        """One run's lines, `width` columns each: title, events, source. Both runs have as many."""
        cells, indent = self.cells[side], self.number_width + 2
        yield Text(_fit(" " * indent + self.titles[side], width), style="bold", overflow="crop", no_wrap=True)
        room = width - indent
        actor = min(self._longest("actor") + 1, max(room // 3, 1))
        where = min(self._longest("where"), max(room * 2 // 5, 1))
        # Rather no places than half of the words: the place of the split itself stands beside its source, too.
        where = where + 1 if self._longest("what") + 1 <= room - actor - where - 1 else 0
        for cell in cells:
            text = Text(f"{'>' if cell.split else ' '}{cell.position:>{self.number_width}} ", overflow="crop", no_wrap=True)
            if cell.actor:
                text.append(_fit(cell.actor, actor - 1) + " ", style="cyan")
                text.append(_fit(cell.what, room - actor - where))
                text.append(_fit(f" {cell.where}", where), style="dim")
            else:
                text.append(_fit(cell.what, room))
            if cell.split:
                text.stylize("bold")
            yield text
        yield Text(_fit(self.sources[side], width), style="dim", overflow="crop", no_wrap=True)


def _fit(text: str, width: int) -> str:
    """The text in exactly so many columns; one that is cut ends in `..`."""
    if cell_len(text) <= width or width < 4:
        return set_cell_size(text, max(width, 0))
    return set_cell_size(text, width - 2) + ".."


def _cells(trace: Trace, here: Moment | None, there: Moment | None, *, whole: bool) -> list[_Cell]:
    """The events around the split in one run; where the actor did nothing more, the end of the trace and what it waits for.

    With `whole` the split is told as the operation that the program wrote.
    """
    words = Words(trace)
    position = here.position if here is not None else len(trace)
    before = [_event(words, near) for near in _loud(trace, range(position - 1, max(position - LOOK_FOR, 0) - 1, -1), BEFORE)][
        ::-1
    ]
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
    name = words.short_actor(actor)
    if cell_len(name) > LONGEST_NAME:
        name = clean(words.trace.actors[actor].name)
    return _Cell(str(position), name, words.event(position), words.site(words.trace.sites[columns.site[position]]))


def _end(words: Words, there: Moment | None) -> _Cell:
    """What stands in place of an event that one run does not have."""
    name = there.actor if there is not None else ""
    for pending in words.trace.ending.pending:
        if words.trace.actors[pending.actor].name == name:
            what = f"waits to {words.operation(pending.kind, pending.object)}"
            return _Cell("", clean(name), what, words.site(words.trace.sites[pending.site]), split=True)
    return _Cell(what=f"{clean(name)} does nothing more", split=True)


def source_of(trace: Trace, site: Site) -> str:
    """The line of source at this place, without its indentation; empty where the trace does not have it."""
    lines = trace.sources.get(site.file, "").split("\n")
    return clean(lines[site.line - 1].strip()) if 1 <= site.line <= len(lines) else ""


def _source(trace: Trace, moment: Moment | None) -> str:
    """The place of the split with its line; what is known of the place without the source."""
    if moment is None or moment.site.line < 1:
        return ""
    line = source_of(trace, moment.site)
    function = f"in {moment.site.function}" if moment.site.function else ""
    return f"{clean(str(moment.site)):>12} {f'| {line}' if line else clean(function)}"
