"""The timeline with a lane per lock, and one for whatever else was waited for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.text import Text

from simcore.trace.text import count, shorten
from simcore.views import cells
from simcore.views.cells import ACTOR_MARKS, Marks
from simcore.views.chart import LONGEST_NAME, MOST_LANES, Chart, Line, wrapped
from simcore.views.letters import that_matter


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
        found = that_matter(self.stretches, self.window)
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
