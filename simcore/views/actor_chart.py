"""The timeline with a lane per actor, grouped by process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from simcore.trace.text import clean, count, path_key, shorten
from simcore.views import cells
from simcore.views.cells import Marks
from simcore.views.chart import LONGEST_NAME, MOST_LANES, Chart, Line, wrapped
from simcore.views.letters import hand_off_times, letters


class ActorChart(Chart):
    """A lane per actor, grouped by process: what it held, waited for, slept."""

    def parts(self, width: int, marks: Marks) -> Iterator[RenderableType]:
        """As of every chart."""
        chosen = letters(self.stretches, self.window, self.words)
        lanes = cells.lanes(self.stretches, self.window, chosen, marks)
        if not lanes:
            yield Text("no events", style="dim")
            return
        hidden = self._leave_most_waiting(lanes)
        homes = self.trace.processes
        lanes.sort(key=lambda one: (path_key(homes[one.actor]), one.actor))
        names = [shorten(self.words.brief_actor(one.actor), min(LONGEST_NAME, width // 3)) for one in lanes]
        moved = [at_ns for thing in chosen for at_ns in hand_off_times(self.stretches, thing, self.window)]
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
        explained = {
            "capital: holds it": capitals,
            "small: waits for it": any(letter.lower() in drawn for letter, _ in things),
            "two in turn: both": capitals,
        }
        yield from wrapped([*(said for said, used in explained.items() if used), *parts, *more], width)
        for letter, thing in things:
            used = f"{letter if letter in drawn else ' '} {letter.lower() if letter.lower() in drawn else ' '} "
            yield Text(used, style="bold").append(self.words.object_in_full(thing), style="default")
