"""The timeline of a run on one screen: a lane per actor, or one per lock, time to the right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from simcore.trace.text import clean, count, duration, path_key, shorten
from simcore.trace.words import Words
from simcore.views import cells
from simcore.views.cells import ACTOR_MARKS, PLAIN, Marks
from simcore.views.ruler import rulers
from simcore.views.scale import SHORTEST_NS, Scale, scale
from simcore.views.stretches import Stretches
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
        about = f"{took}, a column is {duration(axis.column_ns)}"
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


class ActorChart(Chart):
    """A lane per actor, grouped by process: what it held, waited for, slept."""

    def parts(self, width: int, marks: Marks) -> Iterator[RenderableType]:
        """As of every chart."""
        chosen = cells.letters(self.stretches, self.window, self.words)
        lanes = [cells.lane(self.stretches, actor, self.window, chosen, marks) for actor in self.window.actors]
        lanes = [one for one in lanes if one.since_ns]
        if not lanes:
            yield Text("no events", style="dim")
            return
        hidden = self._leave_most_waiting(lanes)
        homes = self.trace.processes
        lanes.sort(key=lambda one: (path_key(homes[one.actor]), one.actor))
        names = [shorten(self.words.brief_actor(one.actor), min(LONGEST_NAME, width // 3)) for one in lanes]
        moved = [at_ns for thing in chosen for at_ns in cells.hand_off_times(self.stretches, thing, self.window)]
        groups = self._groups([one.actor for one in lanes])
        headings = [*names, "hand-offs"] if moved else names
        axis, columns = self.axis(headings, len(headings) + len(groups), cells.changes(lanes), width)
        lines = list[Line]()
        for one, name in zip(lanes, names, strict=True):
            if heading := groups.pop(homes[one.actor], ""):
                lines.append(Line(shorten(heading, width)))
            lines.append(Line(name, cells.painted(one, axis, marks)))
        drawn = {char for line in lines for char in line.body}
        if moved:
            lines.append(Line("hand-offs", cells.counts(moved, axis), quiet=True))
        yield from self.strips(axis, lines, columns, marks)
        yield Text()
        yield from self._key(chosen, drawn, marks, width, more=["+ more than 9"] if "+" in lines[-1].body else [])
        if hidden:
            yield Text(f"{count(hidden, 'actor')} that waited less: --all shows all, --actor NAME one", style="dim")
        yield from self.waits()

    def _leave_most_waiting(self, lanes: list[cells.Lane]) -> int:
        """Leave only so many lanes as are shown; how many were left out."""
        hidden = len(lanes) - MOST_LANES
        if self.everything or hidden <= 0:
            return 0
        waited: dict[int, int] = {}
        for wait in self.stretches.waits:
            waited[wait.actor] = waited.get(wait.actor, 0) + wait.took_ns
        lanes.sort(key=lambda one: -waited.get(one.actor, 0))
        del lanes[MOST_LANES:]
        return hidden

    def _groups(self, actors: Sequence[int]) -> dict[str, str]:
        """A heading for each process, where there are several and they have several lanes."""
        homes = dict.fromkeys(self.trace.processes[actor] for actor in actors)
        about = {info.name: info for info in self.trace.ending.processes}
        if len(homes) < 2 or len(homes) == len(actors):
            return {}
        found = {}
        for name in homes:
            info = about.get(name)
            parts = [info.start_method, f"pid {info.pid}" if info.pid else ""] if info else []
            said = ", ".join(part for part in parts if part)
            found[name] = f"process {clean(name)}" + (f" ({clean(said)})" if said else "")
        return found

    def _key(self, chosen: dict[int, str], drawn: set[str], marks: Marks, width: int, *, more: list[str]) -> Iterator[Text]:
        said = {
            marks.runs: "runs",
            marks.sleeps: "sleeps",
            marks.joins: "joins a thread or process",
            marks.other: "waits for something else",
        }
        parts = [f"{mark} {what}" for mark, what in said.items() if mark in drawn]
        things = [(letter, thing) for thing, letter in chosen.items() if letter in drawn or letter.lower() in drawn]
        capitals = any(letter in drawn for letter, _ in things)
        letters = {
            "capital: holds it": capitals,
            "small: waits for it": any(letter.lower() in drawn for letter, _ in things),
            "two in turn: both": capitals,
        }
        yield from wrapped([*(said for said, used in letters.items() if used), *parts, *more], width)
        for letter, thing in things:
            used = f"{letter if letter in drawn else ' '} {letter.lower() if letter.lower() in drawn else ' '} "
            yield Text(used, style="bold").append(self.words.object_in_full(thing), style="default")


class ObjectChart(Chart):
    """A lane per lock: who held it, and how many waited for it. What nobody can hold has only the second line."""

    def parts(self, width: int, marks: Marks) -> Iterator[RenderableType]:
        """As of every chart."""
        shown, hidden = self._shown()
        if not shown:
            yield Text("no lock was waited for or changed hands")
            return
        holders = self._marks(shown)
        lanes = [cells.held_by(self.stretches, thing, self.window, holders) for thing in shown]
        times = {
            at_ns
            for wait in self.stretches.waits
            if wait.object in shown
            for at_ns in (wait.since_ns, wait.until_ns)
            if self.window.first_ns <= at_ns <= self.window.last_ns
        }
        changes = sorted(times.union(*(one.since_ns for one in lanes)))
        names = [shorten(self.words.object(thing), min(LONGEST_NAME, width // 3)) for thing in shown]
        axis, columns = self.axis([*names, "  waiting"], 2 * len(shown), changes, width)
        lines = list[Line]()
        for thing, one, name in zip(shown, lanes, names, strict=True):
            waiting = cells.waiting(self.stretches, thing, self.window, axis)
            if thing in self.stretches.holds:
                lines.append(Line(name, cells.painted_lock(one, axis, marks)))
                if waiting.strip():
                    lines.append(Line("  waiting", waiting, quiet=True))
            else:
                lines.append(Line(name, waiting, quiet=True))
        yield from self.strips(axis, lines, columns, marks)
        yield Text()
        drawn = {char for line in lines if not line.quiet for char in line.body}
        key = [f"{mark} {self.words.brief_actor(actor)}" for actor, mark in holders.items() if mark in drawn]
        yield from wrapped([*key, f"{marks.free} nobody", "two in turn: both"], width)
        if any(line.quiet for line in lines):
            yield Text("waiting: how many at once, + more than 9", style="dim")
        if hidden:
            yield Text(f"{count(hidden, 'object')} more: --all shows all, --object NAME one", style="dim")
        yield from self.waits()

    def _shown(self) -> tuple[list[int], int]:
        """The objects that have a lane, and how many have none."""
        found = cells.that_matter(self.stretches, self.window)
        most = len(found) if self.everything or self.window.objects is not None else MOST_LANES // 3
        return found[:most], max(len(found) - most, 0)

    def _marks(self, shown: Iterable[int]) -> dict[int, str]:
        """A mark for each actor that held one of the objects, whether it was asked for or not: somebody had it."""
        holders = set[int]()
        for thing in shown:
            holds = self.stretches.holds.get(thing)
            if holds is not None:
                within = holds.within(self.window.first_ns, self.window.last_ns)
                holders |= set(holds.actor[within.start : within.stop])
        return {actor: ACTOR_MARKS[n] if n < len(ACTOR_MARKS) else "*" for n, actor in enumerate(sorted(holders))}


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
