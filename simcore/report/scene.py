"""What a timeline of the report shows: lanes, bars on them, arrows between them, events in words. Nothing is drawn here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from simcore.analysis.flows import Flow, flows
from simcore.analysis.states import Mode, Wait
from simcore.analysis.stretches import Stretches
from simcore.errors import UsageError
from simcore.trace.events import Outcome
from simcore.trace.locate import locate
from simcore.trace.model import Trace
from simcore.trace.text import count, duration, path_key, shorten
from simcore.trace.words import RUNNERS, Words
from simcore.views.events import EventList, Row, Selection
from simcore.views.letters import that_matter
from simcore.views.waits import wait_words
from simcore.views.window import Window, window_of

MOST_EVENTS: Final = 3000
"""Of more events a part is drawn."""

MOST_LANES: Final = 60
"""Of more actors those that waited longest are drawn."""

MOST_LOCKS: Final = 8
"""Locks with a colour of their own."""

LONGEST_NAME: Final = 30


class Lane(NamedTuple):
    """One row: an actor, or with -1 the heading of a process. `begins` says that a process begins with it."""

    actor: int
    name: str
    begins: bool = False


class Bar(NamedTuple):
    """A time on a lane. `kind` is `runs`, `sleeps`, `waits`, `joins`, `stuck` (it never ended), `deadlock`, or `lock0`...

    `depth` counts, of a lock, the locks that its holder had before.
    """

    kind: str
    lane: int
    since_ns: int
    until_ns: int
    text: str
    depth: int = 0


class Arrow(NamedTuple):
    """From one lane to another. `kind` is that of a flow, or `deadlock` for who waits for whom."""

    kind: str
    source: int
    source_ns: int
    target: int
    target_ns: int
    text: str


class Dot(NamedTuple):
    """An event on a lane."""

    lane: int
    at_ns: int
    position: int
    text: str


@dataclass
class Scene:
    """All of it. The events `first` to `last` are drawn; `lanes_left_out` is how many actors are not.

    `locks` says of each lock with a colour what its bars are, `rows` has the events in words, `split_ns` is where two runs part,
    -1 for nowhere. A run that stood still for long at its end is shown `until_ns`, a little beyond its last event.
    """

    trace: Trace
    first: int
    last: int
    window: Window
    lanes: list[Lane] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    locks: list[str] = field(default_factory=list)
    hidden: int = 0
    lanes_left_out: int = 0
    split_ns: int = -1
    until_ns: int = 0
    failed: Dot | None = None

    @property
    def whole(self) -> bool:
        """Whether all events are drawn."""
        return self.last - self.first + 1 == len(self.trace)

    @property
    def events_left_out(self) -> str:
        """A sentence on the events that are not drawn, if there are any."""
        number, total = self.last - self.first + 1, len(self.trace)
        drawn_are = f"Drawn are the events @{self.first:,} to @{self.last:,}, {number:,} of {total:,}"
        return "" if self.whole or not total else f"{drawn_are}; the other {total - number:,} are left out."

    @property
    def actors_left_out(self) -> str:
        """The same on actors."""
        is_or_are = "is" if self.lanes_left_out == 1 else "are"
        told = f"{count(self.lanes_left_out, 'actor')} that waited less than these {is_or_are} left out."
        return told if self.lanes_left_out else ""


def drawn(trace: Trace, first: int, last: int, *, asked: bool, around: int | None = None) -> tuple[int, int]:
    """The events to draw of first..last: all of them where they are few or were `asked` for, else the part that matters most.

    That is what lies `around` a position, else the end of a run that did not end well, else the beginning. Raises: UsageError
    when more were asked for than can be drawn.
    """
    if last - first < MOST_EVENTS:
        return first, last
    if asked:
        raise UsageError(
            f"--range has {last - first + 1:,} events, expected at most {MOST_EVENTS:,}: more cannot be read on one page",
            f"did you mean --range @{first}..@{first + MOST_EVENTS - 1} ?",
        )
    if around is not None:
        start = min(max(around - MOST_EVENTS // 2, first), last - MOST_EVENTS + 1)
    else:
        start = first if trace.outcome is Outcome.OK else last - MOST_EVENTS + 1
    return start, start + MOST_EVENTS - 1


def scene(
    trace: Trace, stretches: Stretches, selection: Selection, *, split: int | None = None, most_lanes: int = MOST_LANES
) -> Scene:
    """The scene of a selection of events; `split` is the position at which two runs part."""
    return _Maker(trace, stretches, selection, most_lanes).make(split)


class _Maker:
    """Collects what is drawn."""

    def __init__(self, trace: Trace, stretches: Stretches, selection: Selection, most_lanes: int) -> None:
        self.trace, self.stretches, self.selection, self.most_lanes = trace, stretches, selection, most_lanes
        self.words = Words(trace)
        self.window = self._shown(window_of(stretches, selection))
        self.scene = Scene(trace, selection.first, selection.last, self.window)
        self.lane_of: dict[int, int] = {}
        self.waits = [wait for wait in stretches.waits if self._within(wait)]

    def make(self, split: int | None) -> Scene:
        scene, at_ns = self.scene, self.trace.columns.at_ns
        if len(self.trace):
            self._lanes()
            scene.until_ns = self._until()
            self._stretches()
            self._waits()
            self._holds()
            self._flows()
            self._deadlock()
            self._events()
            if split is not None and self.selection.first <= split <= self.selection.last:
                scene.split_ns = at_ns[split]
        return scene

    def _shown(self, window: Window) -> Window:
        """The window without actors that did nothing in it, and of too many only those that waited longest."""
        first_ns, last_ns = window.first_ns, window.last_ns
        alive = [actor for actor in window.actors if next(self.stretches.of_actor(actor, first_ns, last_ns), None) is not None]
        if len(alive) <= self.most_lanes:
            self.left_out = 0
            return window._replace(actors=tuple(alive))
        waited = dict.fromkeys(alive, 0)
        for wait in self.stretches.waits:
            if wait.actor in waited and wait.since_ns < last_ns and wait.until_ns > first_ns:
                waited[wait.actor] += wait.took_ns
        kept = sorted(alive, key=lambda actor: (-waited[actor], actor))[: self.most_lanes]
        self.left_out = len(alive) - len(kept)
        return window._replace(actors=tuple(sorted(kept)))

    def _until(self) -> int:
        """Where the picture ends: a deadlock that was looked at for long must not press all that led to it into a corner."""
        first_ns, last_ns = self.window.first_ns, self.window.last_ns
        busy_ns = self.trace.columns.at_ns[self.selection.last] - first_ns
        if busy_ns <= 0 or all(wait.position >= 0 for wait in self.waits):
            return last_ns
        return min(first_ns + busy_ns * 4 // 3, last_ns)

    def _within(self, wait: Wait) -> bool:
        window = self.window
        return wait.actor in window.actors and wait.since_ns < window.last_ns and wait.until_ns > window.first_ns

    def _lanes(self) -> None:
        """A lane per actor. Of several processes one with several actors has a heading, one with one its pid beside the name."""
        homes, lanes = self.trace.processes, self.scene.lanes
        members: dict[str, list[int]] = {}
        for actor in sorted(self.window.actors, key=lambda actor: (path_key(homes[actor]), homes[actor], actor)):
            members.setdefault(homes[actor], []).append(actor)
        infos = {info.name: info for info in self.trace.ending.processes}
        self.scene.lanes_left_out = self.left_out
        for process, actors in members.items():
            info = infos.get(process)
            about = ", ".join(filter(None, (f"pid {info.pid}" if info.pid else "", info.start_method))) if info else ""
            headed = len(members) > 1 and len(actors) > 1
            if headed:
                lanes.append(Lane(-1, f"process {process}" + (f" ({about})" if about else ""), begins=True))
            for actor in actors:
                self.lane_of[actor] = len(lanes)
                name = shorten(self.words.actor(actor), LONGEST_NAME)
                alone = len(members) > 1 and not headed
                lanes.append(Lane(actor, f"{name}  {about}" if alone and about else name, begins=alone))

    def _stretches(self) -> None:
        for actor in self.window.actors:
            for since_ns, until_ns, state in self._joined(actor):
                kind = "runs" if state == Mode.RUNS else "sleeps"
                text = f"{self.words.actor(actor)}\n{kind} {duration(until_ns - since_ns)}"
                self.scene.bars.append(Bar(kind, self.lane_of[actor], since_ns, until_ns, text))

    def _joined(self, actor: int) -> Iterable[tuple[int, int, Mode]]:
        """Its times of running and sleeping; what it held meanwhile does not part them."""
        window = self.window
        since, until, mode = 0, 0, Mode.WAITS
        for begin, end, state in self.stretches.of_actor(actor, window.first_ns, window.last_ns):
            if state.mode == mode and begin == until:
                until = end
                continue
            if mode is not Mode.WAITS:
                yield since, until, mode
            since, until, mode = begin, end, state.mode
        if mode is not Mode.WAITS:
            yield since, until, mode

    def _waits(self) -> None:
        trace, window = self.trace, self.window
        stuck = {link.actor for link in trace.ending.deadlock}
        for wait in self.waits:
            kind = "joins" if trace.objects[wait.object].kind in RUNNERS else "waits"
            if wait.position < 0:
                kind = "deadlock" if wait.actor in stuck else "stuck"
            lines = [self.words.actor(wait.actor), *wait_words(self.stretches, self.words, wait)]
            since_ns, until_ns = max(wait.since_ns, window.first_ns), min(wait.until_ns, window.last_ns)
            self.scene.bars.append(Bar(kind, self.lane_of[wait.actor], since_ns, until_ns, "\n".join(lines)))

    def _holds(self) -> None:
        """The locks that matter have a colour each; all others share one."""
        stretches, window, words = self.stretches, self.window, self.words
        matter = [thing for thing in that_matter(stretches, window) if thing in stretches.holds][:MOST_LOCKS]
        places = (words.site(self.trace.sites[self.trace.objects[thing].site]) for thing in matter)
        self.scene.locks = [f"holds {words.object(thing)}  {place}".rstrip() for thing, place in zip(matter, places, strict=True)]
        kinds = {thing: f"lock{number}" for number, thing in enumerate(matter)}
        found: list[tuple[int, int, int, int]] = []
        for thing, holds in stretches.holds.items():
            for number in holds.within(window.first_ns, window.last_ns):
                actor = holds.actor[number]
                since_ns, until_ns = max(holds.since_ns[number], window.first_ns), min(holds.until_ns[number], window.last_ns)
                if actor in self.lane_of and since_ns < until_ns:
                    found.append((since_ns, until_ns, thing, number))
        held: dict[int, list[int]] = {}
        columns = self.trace.columns
        for since_ns, until_ns, thing, number in sorted(found):
            holds = stretches.holds[thing]
            actor, position = holds.actor[number], holds.position[number]
            open_until = held[actor] = [end for end in held.get(actor, ()) if end > since_ns]
            where = words.site(self.trace.sites[columns.site[position]])
            took = duration(min(holds.until_ns[number], stretches.end_ns) - holds.since_ns[number])
            text = f"{words.actor(actor)}\nholds {words.object(thing)} for {took}\ntaken at @{position} {where}".rstrip()
            bar = Bar(kinds.get(thing, "lock"), self.lane_of[actor], since_ns, until_ns, text, len(open_until))
            self.scene.bars.append(bar)
            open_until.append(until_ns)

    def _flows(self) -> None:
        c, words = self.trace.columns, self.words
        for flow in flows(self.trace):
            if self._is_drawn(flow):
                one, other = c.actor[flow.source], c.actor[flow.target]
                text = f"{words.actor(one)}: {words.event(flow.source)}  @{flow.source}\n"
                text += f"{words.actor(other)}: {words.event(flow.target)}  @{flow.target}"
                ends = self.lane_of[one], c.at_ns[flow.source], self.lane_of[other], c.at_ns[flow.target]
                self.scene.arrows.append(Arrow(flow.kind.value, *ends, text))

    def _is_drawn(self, flow: Flow) -> bool:
        c, (first, last) = self.trace.columns, (self.selection.first, self.selection.last)
        ends = c.actor[flow.source] in self.lane_of and c.actor[flow.target] in self.lane_of
        return first <= flow.source and flow.target <= last and ends

    def _deadlock(self) -> None:
        """Arrows from who waits to who has what it waits for, where the run ended."""
        if self.selection.last < len(self.trace) - 1:
            return
        for link in self.trace.ending.deadlock:
            if link.actor in self.lane_of and link.owner in self.lane_of:
                text = f"{self.words.actor(link.actor)} waits for {self.words.actor(link.owner)}"
                if link.owner_ended:
                    text += ", which has ENDED"
                # Beyond the last event, before the edge: there all of them wait.
                at_ns = self.scene.until_ns - (self.scene.until_ns - self.window.first_ns) // 12
                self.scene.arrows.append(
                    Arrow("deadlock", self.lane_of[link.actor], at_ns, self.lane_of[link.owner], at_ns, text)
                )

    def _events(self) -> None:
        actors = self.lane_of.keys() if self.left_out else self.selection.actors
        shown = EventList(self.trace, replace(self.selection, actors=actors))
        self.scene.rows = shown.rows()
        self.scene.hidden = shown.hidden
        failure = self._failure()
        for row in self.scene.rows:
            if row.actor in self.lane_of and row.state != "waits":
                text = f"{self.words.actor(row.actor)}\n{row.what}\n@{row.position}  {row.site}".rstrip()
                dot = Dot(self.lane_of[row.actor], row.at_ns, row.position, text)
                self.scene.dots.append(dot)
        if failure is not None and (actor := self.trace.columns.actor[failure]) in self.lane_of:
            why = f"FAILED: {self.trace.ending.error}" if self.trace.ending.error else "FAILED"
            text = f"{self.words.actor(actor)}\n{shorten(why, 200)}\n@{failure}"
            self.scene.failed = Dot(self.lane_of[actor], self.trace.columns.at_ns[failure], failure, text)

    def _failure(self) -> int | None:
        if self.trace.outcome is not Outcome.FAILED:
            return None
        position = locate(self.trace, "failure")
        return position if self.selection.first <= position <= self.selection.last else None


def of_kind(bars: Sequence[Bar], kind: str) -> list[Bar]:
    """The bars of one kind."""
    return [bar for bar in bars if bar.kind == kind]
