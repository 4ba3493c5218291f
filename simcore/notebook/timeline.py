"""A run as a picture: a lane per actor, what it was at, what it held, who let whom go on, where it stood still."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from simcore.analysis.stretches import Stretches
from simcore.notebook.axis import Axis
from simcore.notebook.key import Entry, draw_key, draw_notes
from simcore.notebook.lanes import ARCS_PX, HOLDS_PX, LANE_PX, Lanes
from simcore.notebook.picture import EDGE, Picture, cut_to, lines_of, number, width_of
from simcore.report.scene import MOST_LOCKS, Lane, drawn, scene
from simcore.trace.events import Outcome
from simcore.trace.model import Trace
from simcore.trace.text import clean, count, duration, join, shorten
from simcore.trace.words import Words
from simcore.views.events import Selection
from simcore.views.processes import methods
from simcore.views.summary import outcome_words, scenario_name

MOST_LANES: Final = 28
"""Of more actors those that waited longest are drawn."""

_HEADING_PX: Final = 21
_GUTTER_PX: Final = 230
_STOOD_STILL: Final = frozenset({Outcome.DEADLOCK, Outcome.STALLED, Outcome.TIMEOUT})
_FORMS: Final = {"runs": "thin", "sleeps": "dots"}
_FLOW_WORDS: Final = {
    "start": ("start", "starts"),
    "message": ("message", "messages"),
    "wake": ("wake-up", "wake-ups"),
    "hand-off": ("hand-off", "hand-offs"),
}
_OUTCOMES: Final = {Outcome.OK: "green", Outcome.STALLED: "yellow", Outcome.TIMEOUT: "yellow"}


class Timeline:
    """One run on a picture. `letter` tells two runs apart, `split` is the position at which they part.

    `locks` are those that have a colour already, by what the key says of them; those of this run are added.
    """

    def __init__(self, trace: Trace, *, letter: str = "", split: int | None = None, locks: dict[str, str] | None = None) -> None:
        self.trace, self.letter = trace, letter
        first, last = drawn(trace, 0, max(len(trace) - 1, 0), asked=False, around=split)
        self.scene = scene(trace, Stretches(trace), Selection(first, last), split=split, most_lanes=MOST_LANES)
        self.words = Words(trace)
        locks = {} if locks is None else locks
        self._roles = {}
        for place, said in enumerate(self.scene.locks):
            # Two that are called the same are two.
            key = f"{self.scene.locks[:place].count(said)} {said}"
            self._roles[f"lock{place}"] = locks.setdefault(key, f"lock{len(locks)}" if len(locks) < MOST_LOCKS else "lock")
        self._roles["lock"] = "lock"
        self.key: list[Entry] = []
        """What the colours of this run mean, once it is drawn."""

    def draw(self, picture: Picture, top: float) -> float:
        """Draw it below `top`, without its key; returns where it ends."""
        top = self._head(picture, top)
        if not self.scene.lanes:
            picture.text(EDGE, top + 14, "no events" if not len(self.trace) else "nothing happened in this part", "soft")
            return top + 22
        lanes = self._lay_out(picture, top + 30)
        self._lines(picture, lanes)
        self._ruler(picture, lanes)
        lanes.states()
        lanes.holds()
        lanes.events()
        shown = lanes.arrows()
        below = lanes.folds()
        self._names(picture, lanes)
        lanes.labels()
        lanes.deadlock()
        lanes.marks()
        self.key = list(self._key(shown))
        left_out = [note for note in (self.scene.events_left_out, self.scene.actors_left_out) if note]
        return draw_notes(picture, below + 5, left_out)

    # Places --------------------------------------------------------------------------------------------------------------------

    def _lay_out(self, picture: Picture, top: float) -> Lanes:
        """Where each lane lies, and the scale of time."""
        one = self.scene
        holding = {bar.lane for bar in one.bars if bar.kind.startswith("lock")}
        heights = [
            _HEADING_PX if lane.actor < 0 else LANE_PX + (HOLDS_PX if place in holding else 0)
            for place, lane in enumerate(one.lanes)
        ]
        tops = [top + sum(heights[:place]) for place in range(len(heights))]
        names = [width_of(name) + width_of(about, 10) for name, about in map(_parts, one.lanes) if name]
        self._gutter = min(max([*names, 40.0]) + 16, _GUTTER_PX)
        stands = self.trace.outcome in _STOOD_STILL and any(bar.kind in ("stuck", "deadlock") for bar in one.bars)
        still = self.trace.columns.at_ns[one.last] if stands else -1
        right = picture.width - EDGE - (ARCS_PX if any(arrow.kind == "deadlock" for arrow in one.arrows) else 0)
        left = EDGE + self._gutter
        self._axis = Axis(one.window.first_ns, one.until_ns, self._moments(), left, right, stands_still_ns=still)
        return Lanes(picture, one, self._axis, tops, heights, self._roles)

    def _moments(self) -> list[int]:
        """When anything begins or ends."""
        one = self.scene
        found = {at_ns for bar in one.bars for at_ns in (bar.since_ns, bar.until_ns)}
        found.update(dot.at_ns for dot in one.dots)
        return sorted(found)

    # Parts ---------------------------------------------------------------------------------------------------------------------

    def _head(self, picture: Picture, top: float) -> float:
        trace = self.trace
        letter = f"{self.letter}  " if self.letter else ""
        name = cut_to(letter + scenario_name(trace), 330, 14.5)
        picture.text(EDGE, top + 15, name, size=14.5, bold=True)
        role = "yellow" if trace.ending.cut_off else _OUTCOMES.get(trace.outcome, "red")
        end = picture.pill(EDGE + width_of(name, 14.5, bold=True) + 12, top + 15, outcome_words(trace), role)
        expected, role = self._expected()
        picture.text(end + 9, top + 15, expected, role)
        end += width_of(expected) + 9 if expected else 0
        picture.text(picture.width - EDGE, top + 15, self._figures(picture.width - end - 2 * EDGE), "soft", anchor="end")
        top += 24
        for text, colour in self._said():
            for line in lines_of(text, picture.width - 2 * EDGE, 12)[:3]:
                picture.text(EDGE, top + 12, line, colour)
                top += 16
        return top

    def _expected(self) -> tuple[str, str]:
        """Whether it ended as it should, where that is not just well."""
        expect = list(self.trace.header.scenario.expect)
        if expect == ["ok"]:
            return "", "soft"
        return ("as expected", "soft") if self.trace.as_expected else (cut_to(f"expected: {join(expect, 'or')}", 160), "red")

    def _figures(self, width: float) -> str:
        trace = self.trace
        threads = sum("!" not in info.name for info in trace.actors)
        where = f"{count(threads, 'thread')} in {count(len(set(trace.processes)), 'process', 'processes')}"
        how = methods(trace)
        parts = [f"{where} ({join(how)})" if how else where, count(len(trace), "event")]
        return cut_to("  ·  ".join(parts), width)

    def _said(self) -> Iterator[tuple[str, str]]:
        """What stands below the name: why it failed, what was cut off or not controlled."""
        ending = self.trace.ending
        if ending.error and self.trace.outcome is not Outcome.DEADLOCK:
            where = self.words.site_in_full(self.trace.sites[ending.error_site])
            yield shorten(" ".join(ending.error.split()), 200) + (f"  at {where}" if where else ""), "red"
        if ending.cut_off:
            yield f"CUT OFF: {ending.cut_off}", "yellow"
        if ending.not_controlled:
            yield f"NOT CONTROLLED: {', '.join(ending.not_controlled)}", "yellow"

    def _lines(self, picture: Picture, lanes: Lanes) -> None:
        """Lines between the lanes, and a band where a process has a heading."""
        left, wide = EDGE, picture.width - 2 * EDGE
        bands, lines = [], ""
        for lane, top, height in zip(self.scene.lanes, lanes.tops, lanes.heights, strict=True):
            if lane.actor < 0:
                bands.append((left, top, wide, height))
            else:
                lines += f"M{left} {number(top)}h{number(wide)}"
        picture.boxes("band", bands)
        picture.path("grid", f"{lines}M{left} {number(lanes.bottom)}h{number(wide)}")

    def _names(self, picture: Picture, lanes: Lanes) -> None:
        """Who each lane is."""
        for place, (lane, top) in enumerate(zip(self.scene.lanes, lanes.tops, strict=True)):
            if lane.actor < 0:
                told = cut_to(clean(lane.name), picture.width - 2 * EDGE - 12, 11.5)
                picture.text(EDGE + 6, top + 15, told, "soft", size=11.5, bold=True)
                continue
            name, about = _parts(lane)
            name = cut_to(clean(name), self._gutter - 8)
            picture.text(EDGE + 4, lanes.middle(place) + 4, name)
            room = self._gutter - width_of(name) - 12
            if about and room >= width_of(about, 10):
                picture.text(EDGE + self._gutter - 6, lanes.middle(place) + 4, clean(about), "soft", size=10, anchor="end")

    def _ruler(self, picture: Picture, lanes: Lanes) -> None:
        """Times in ms above the lanes, and the quiet stretches that are folded."""
        axis, top = self._axis, lanes.top
        ticks = list(axis.ticks())
        picture.path("grid", "".join(f"M{number(tick.x)} {number(top - 4)}V{number(lanes.bottom)}" for tick in ticks))
        for tick in ticks:
            picture.text(tick.x, top - 8, tick.text, "soft", size=10.5, anchor="middle")
        if ticks:
            picture.text(EDGE + 4, top - 8, "ms", "soft", size=10.5)
        if axis.tail < axis.right:
            still = self.scene.window.last_ns - self.trace.columns.at_ns[self.scene.last]
            picture.path("soft", f"M{number(axis.tail)} {number(top - 4)}V{number(lanes.bottom)}", dashed="2 3")
            picture.text(axis.tail + 5, top - 8, f"then nothing for {duration(still)}", "soft", size=10.5)

    # Words ---------------------------------------------------------------------------------------------------------------------

    def _key(self, not_drawn: dict[str, int]) -> Iterator[Entry]:
        """What the colours mean, of those that are used."""
        one, of = self.scene, f" of {self.letter}" if self.letter else ""
        used = {bar.kind for bar in one.bars}
        names = {
            "runs": "runs",
            "sleeps": "sleeps",
            "waits": "waits",
            "joins": "waits for a thread or process to end",
            "stuck": "waits, and never got it",
            "deadlock": "deadlock",
        }
        for kind, name in names.items():
            if kind in used:
                yield Entry("soft" if kind == "sleeps" else kind, name, _FORMS.get(kind, "bar"))
        for place, said in enumerate(one.locks):
            if f"lock{place}" in used:
                what, _, where = said.replace("`", "").partition("  ")
                if self._roles[f"lock{place}"] != "lock":
                    yield Entry(self._roles[f"lock{place}"], what + (f" ({where})" if where else ""), "low")
        if any(self._roles.get(kind) == "lock" for kind in used):
            yield Entry("lock", "holds another lock" if one.locks else "holds a lock", "low")
        if one.dots:
            yield Entry("events", "an event", "stroke")
        for kind, (name, names_) in _FLOW_WORDS.items():
            if kind in not_drawn:
                yield Entry(f"flow-{kind}", f"{not_drawn[kind]:,} {names_}{of}, not drawn", "none")
            elif any(arrow.kind == kind for arrow in one.arrows):
                yield Entry(f"flow-{kind}", name, "arrow")
        if any(arrow.kind == "deadlock" for arrow in one.arrows):
            yield Entry("flow-deadlock", "waits for", "arrow")
        if self._axis.folds:
            yield Entry("soft", "nothing happens, not to scale", "wave")


def _parts(lane: Lane) -> tuple[str, str]:
    """The name of a lane's actor, and what is said of its process; nothing for a heading."""
    name, _, about = lane.name.partition("  ") if lane.actor >= 0 else ("", "", "")
    return name, about


def timeline_svg(trace: Trace) -> str:
    """The picture of a run."""
    picture = Picture()
    one = Timeline(trace)
    bottom = draw_key(picture, one.draw(picture, EDGE - 2) + 2, one.key)
    return picture.svg(bottom + EDGE - 4, f"{scenario_name(trace)}: {outcome_words(trace)}")
