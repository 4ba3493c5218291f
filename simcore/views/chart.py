"""The timeline of a run on one screen: a lane per actor, or one per lock, time to the right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from simcore.analysis.stretches import Stretches
from simcore.trace.text import count, duration
from simcore.trace.words import Words
from simcore.views.cells import PLAIN, Marks
from simcore.views.ruler import rulers
from simcore.views.scale import SHORTEST_NS, Scale, scale
from simcore.views.waits import longest, waits_view
from simcore.views.window import Window

LONGEST_NAME: Final = 18
"""Characters for the names of lanes."""

MOST_LANES: Final = 60
"""Of more lanes only those that waited longest, or were waited for, are shown."""

LINES: Final = 26
"""A timeline with few lanes is broken into several strips as long as it stays within this many lines."""

MOST_STRIPS: Final = 4
MOST_WAITS: Final = 4


class Line(NamedTuple):
    """A line of a timeline: its heading, and a character per column; none in a line that is a heading only."""

    heading: str
    body: str = ""
    quiet: bool = False


class Chart:
    """What the two timelines share: strips of lanes under a ruler of time, a key, the longest waits."""

    def __init__(self, stretches: Stretches, window: Window, *, everything: bool = False) -> None:
        self.stretches, self.window, self.everything = stretches, window, everything
        self.trace = stretches.trace
        self.words = Words(self.trace)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not len(self.trace) or not self.window.actors:
            yield Text("no events", style="dim")
            return
        if self.window.last_ns - self.window.first_ns < SHORTEST_NS:
            yield Text("all of it happened within a microsecond: there is no time to show", style="dim")
            return
        yield from self.parts(options.max_width, PLAIN if options.ascii_only else Marks())

    def parts(self, width: int, marks: Marks) -> Iterator[RenderableType]:
        """What is printed, from top to bottom."""
        raise NotImplementedError

    def axis(self, headings: Iterable[str], lines: int, changes: Sequence[int], width: int) -> tuple[Scale, int]:
        """The scale for that many lines with these headings, and how many of its columns stand in one strip."""
        gutter = _gutter(headings)
        columns = max(width - gutter, 8)
        strips = max(1, min(MOST_STRIPS, LINES // (lines + 3), -(-len(changes) // columns)))
        return scale(self.window.first_ns, self.window.last_ns, changes, columns * strips), columns

    def strips(self, axis: Scale, lines: Sequence[Line], columns: int, marks: Marks) -> Iterator[Text]:
        """What the axis says, then the lines in strips of that many columns, each under its ruler."""
        took = duration(self.window.last_ns - self.window.first_ns)
        about = f"{took}, a column is {duration(axis.column_ns)}" if axis.column_ns else took
        if axis.folds:
            stretches = count(len(axis.folds), "quiet stretch", "quiet stretches")
            about += f"; {stretches} folded at {marks.fold}, {duration(axis.folded_ns)}"
        yield Text(about, style="dim")
        gutter = _gutter(line.heading for line in lines if line.body)
        for start in range(0, len(axis), columns):
            end = min(start + columns, len(axis))
            yield Text()
            for label, ruler in rulers(self.trace, axis, start, end, marks):
                yield Text(f"{label:<{gutter}}{ruler}", style="dim", no_wrap=True)
            for line in lines:
                heading = Text(f"{line.heading:<{gutter}}", style="dim" if line.quiet or not line.body else "", no_wrap=True)
                yield heading.append_text(_coloured(line.body[start:end], quiet=line.quiet))

    def waits(self) -> Iterator[RenderableType]:
        """The longest waits of this window, in words."""
        window, actors = self.window, set(self.window.actors)
        within = (
            wait
            for wait in self.stretches.waits
            if wait.actor in actors
            and wait.since_ns < window.last_ns
            and wait.until_ns > window.first_ns
            and (window.objects is None or wait.object in window.objects)
        )
        found = longest(self.stretches, within, MOST_WAITS)
        if found:
            yield Text("\nlongest waits", style="bold")
            yield Padding(waits_view(self.stretches, self.words, found), (0, 0, 0, 2))


def _gutter(headings: Iterable[str]) -> int:
    """The width of what stands before the columns."""
    return max(len("event"), max(map(len, headings), default=0)) + 1


def wrapped(parts: Sequence[str], width: int) -> Iterator[Text]:
    """The parts on as few lines as hold them, none of them broken."""
    line = ""
    for part in parts:
        if line and len(line) + 3 + len(part) > width:
            yield Text(line, style="dim")
            line = part
        else:
            line = f"{line}   {part}" if line else part
    if line:
        yield Text(line, style="dim")


def _coloured(body: str, *, quiet: bool) -> Text:
    """Who holds stands out, who waits warns; without colour they are told apart all the same."""
    text = Text(style="dim" if quiet else "", no_wrap=True)
    start = 0
    for end in range(1, len(body) + 1):
        if end == len(body) or _style(body[end]) != _style(body[start]):
            text.append(body[start:end], style="" if quiet else _style(body[start]))
            start = end
    return text


def _style(char: str) -> str:
    return "bold cyan" if char.isupper() or char.isdigit() else "yellow" if char.islower() or char in ">*" else "dim"
