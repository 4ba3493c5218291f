"""A run as a picture: a lane per actor, what it was at, what it held, who let whom go on, where it stood still."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from simcore.analysis.stretches import Stretches
from simcore.notebook.axis import Axis
from simcore.notebook.key import Entry, draw_key, draw_notes
from simcore.notebook.picture import EDGE, Picture, cut_to, lines_of, number, width_of
from simcore.report.scene import MOST_LOCKS, Arrow, Bar, Lane, drawn, of_kind, scene
from simcore.trace.events import Outcome
from simcore.trace.model import Trace
from simcore.trace.text import clean, count, duration, join, shorten
from simcore.trace.words import Words
from simcore.views.events import Selection
from simcore.views.processes import methods
from simcore.views.summary import outcome_words, scenario_name

MOST_LANES: Final = 28
"""Of more actors those that waited longest are drawn."""

_LANE_PX: Final = 25
_HOLDS_PX: Final = 11
"""A lane of an actor that held something is so much higher."""
_HEADING_PX: Final = 21
_GUTTER_PX: Final = 230
_ARCS_PX: Final = 52
"""Right of the lanes of a deadlock: who waits for whom."""

_STATES: Final = ("runs", "joins", "waits", "stuck", "deadlock")
_ON: Final = {"joins": "on-joins", "waits": "on-waits", "stuck": "on-dark", "deadlock": "on-dark"}
_STOOD_STILL: Final = frozenset({Outcome.DEADLOCK, Outcome.STALLED, Outcome.TIMEOUT})
_FLOWS: Final = {"start": 40, "message": 60, "wake": 60, "hand-off": 90}
"""The arrows that are drawn, each kind only when there are no more than these: more would hide what lies below."""

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
        for said in self.scene.locks:
            locks.setdefault(said, f"lock{len(locks)}" if len(locks) < MOST_LOCKS else "lock")
        self._roles = {f"lock{place}": locks[said] for place, said in enumerate(self.scene.locks)} | {"lock": "lock"}
        self.key: list[Entry] = []
        """What the colours of this run mean, once it is drawn."""

    def draw(self, picture: Picture, top: float) -> float:
        """Draw it below `top`, without its key; returns where it ends."""
        top = self._head(picture, top)
        if not self.scene.lanes:
            picture.text(EDGE, top + 14, "no events" if not len(self.trace) else "nothing happened in this part", "soft")
            return top + 22
        self._lay_out(picture, top + 30)
        self._lines(picture)
        self._ruler(picture, top + 30)
        self._states(picture)
        self._holds(picture)
        self._events(picture)
        shown = self._arrows(picture)
        below = self._folds(picture)
        self._names(picture)
        self._labels(picture)
        self._deadlock(picture)
        self._marks(picture, top + 30)
        self.key = list(self._key(shown))
        return draw_notes(picture, below + 5, list(self._left_out()))

    # Places --------------------------------------------------------------------------------------------------------------------

    def _lay_out(self, picture: Picture, top: float) -> None:
        """Where each lane lies, and the scale of time."""
        one = self.scene
        holding = {bar.lane for bar in one.bars if bar.kind.startswith("lock")}
        self._tops, self._heights = list[float](), list[float]()
        self._bottom = top
        for place, lane in enumerate(one.lanes):
            height = _HEADING_PX if lane.actor < 0 else _LANE_PX + (_HOLDS_PX if place in holding else 0)
            self._tops.append(self._bottom)
            self._heights.append(height)
            self._bottom += height
        names = [width_of(name) + width_of(about, 10) for name, about in map(_parts, one.lanes) if name]
        gutter = min(max([*names, 40.0]) + 16, _GUTTER_PX)
        stands = self.trace.outcome in _STOOD_STILL and any(bar.kind in ("stuck", "deadlock") for bar in one.bars)
        last = one.last if len(self.trace) else 0
        still = self.trace.columns.at_ns[last] if stands else -1
        right = picture.width - EDGE - (_ARCS_PX if any(arrow.kind == "deadlock" for arrow in one.arrows) else 0)
        self._axis = Axis(one.window.first_ns, one.until_ns, self._moments(), EDGE + gutter, right, stands_still_ns=still)
        self._gutter = gutter

    def _moments(self) -> list[int]:
        """When anything begins or ends."""
        one = self.scene
        found = {at_ns for bar in one.bars for at_ns in (bar.since_ns, bar.until_ns)}
        found.update(dot.at_ns for dot in one.dots)
        return sorted(found)

    def _middle(self, lane: int) -> float:
        """The height at which a lane shows what its actor is at."""
        return self._tops[lane] + _LANE_PX / 2

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

    def _lines(self, picture: Picture) -> None:
        """Lines between the lanes, and a band where a process has a heading."""
        left, wide = EDGE, picture.width - 2 * EDGE
        bands, lines = [], ""
        for lane, top, height in zip(self.scene.lanes, self._tops, self._heights, strict=True):
            if lane.actor < 0:
                bands.append((left, top, wide, height))
            else:
                lines += f"M{left} {number(top)}h{number(wide)}"
        picture.boxes("band", bands)
        picture.path("grid", f"{lines}M{left} {number(self._bottom)}h{number(wide)}")

    def _names(self, picture: Picture) -> None:
        """Who each lane is."""
        for place, (lane, top) in enumerate(zip(self.scene.lanes, self._tops, strict=True)):
            if lane.actor < 0:
                told = cut_to(clean(lane.name), picture.width - 2 * EDGE - 12, 11.5)
                picture.text(EDGE + 6, top + 15, told, "soft", size=11.5, bold=True)
                continue
            name, about = _parts(lane)
            name = cut_to(clean(name), self._gutter - 8)
            picture.text(EDGE + 4, self._middle(place) + 4, name)
            room = self._gutter - width_of(name) - 12
            if about and room >= width_of(about, 10):
                picture.text(EDGE + self._gutter - 6, self._middle(place) + 4, clean(about), "soft", size=10, anchor="end")

    def _ruler(self, picture: Picture, top: float) -> None:
        """Times in ms above the lanes, and the quiet stretches that are folded."""
        axis = self._axis
        ticks = list(axis.ticks())
        picture.path("grid", "".join(f"M{number(tick.x)} {number(top - 4)}V{number(self._bottom)}" for tick in ticks))
        for tick in ticks:
            picture.text(tick.x, top - 8, tick.text, "soft", size=10.5, anchor="middle")
        if ticks:
            picture.text(EDGE + 4, top - 8, "ms", "soft", size=10.5)
        if axis.tail < axis.right:
            still = self.scene.window.last_ns - self.trace.columns.at_ns[self.scene.last]
            picture.path("soft", f"M{number(axis.tail)} {number(top - 4)}V{number(self._bottom)}", dashed="2 3")
            picture.text(axis.tail + 5, top - 8, f"then nothing for {duration(still)}", "soft", size=10.5)

    def _states(self, picture: Picture) -> None:
        """What each actor is at: thin while it runs, dots while it sleeps, so that waiting stands out."""
        asleep = self._spans(of_kind(self.scene.bars, "sleeps"), 0.6)
        picture.path(
            "soft",
            "".join(f"M{number(left)} {number(self._middle(lane))}H{number(right)}" for lane, left, right in asleep),
            wide=1.6,
            dashed="1.6 3",
            faint=0.8,
        )
        for kind in _STATES:
            half = 2.0 if kind == "runs" else 6.5
            spans = self._spans(of_kind(self.scene.bars, kind), 1 if half > 2 else 0.6)
            picture.boxes(kind, [(left, self._middle(lane) - half, right - left, 2 * half) for lane, left, right in spans])

    def _folds(self, picture: Picture) -> float:
        """The mark of each fold across all lanes, for what lies there is not to scale; returns where their lengths end."""
        ends = [0.0, 0.0]
        foot = self._bottom + 6
        for fold in self._axis.folds:
            middle, y, side = (fold.left + fold.right) / 2, self._tops[0] - 4, 1
            wave = f"M{number(middle)} {number(y)}"
            while y < self._bottom:
                step = min(6.0, self._bottom - y)
                wave += f"q{3 * side} {number(step / 2)} 0 {number(step)}"
                y, side = y + step, -side
            picture.path("card", wave, wide=5)
            picture.path("soft", wave, faint=0.7)
            told = duration(fold.took_ns)
            half = width_of(told, 9.5) / 2
            row = 0 if middle - half > ends[0] else 1
            if middle - half > ends[row]:
                picture.text(middle, self._bottom + 12 + 11 * row, told, "soft", size=9.5, anchor="middle")
                ends[row], foot = middle + half + 3, max(foot, self._bottom + 15 + 11 * row)
        return foot

    def _spans(self, bars: Sequence[Bar], least: float) -> Iterator[tuple[int, float, float]]:
        """The bars as lane, left, right; what touches is one, and nothing is too thin to be seen."""
        axis, before = self._axis, (-1, 0.0, 0.0)
        for bar in sorted(bars, key=lambda bar: (bar.lane, bar.since_ns)):
            left = axis(bar.since_ns)
            right = max(axis(bar.until_ns), left + least)
            if before[0] == bar.lane and left - before[2] < 0.3:
                before = bar.lane, before[1], max(right, before[2])
                continue
            if before[0] >= 0:
                yield before
            before = bar.lane, left, right
        if before[0] >= 0:
            yield before

    def _labels(self, picture: Picture) -> None:
        """What a wait is for, on its bar where there is room, and who holds what where a run stands still."""
        axis = self._axis
        for bar in self.scene.bars:
            if bar.kind in _ON:
                left, right = axis(bar.since_ns), axis(bar.until_ns)
                said = bar.text.splitlines()[1].partition("  ")[0].replace("`", "")
                if bar.kind in ("stuck", "deadlock"):
                    left = max(left, axis.tail) if axis.tail < axis.right else left
                    said = said.rpartition(", since")[0] or said
                self._label(picture, bar, left, right, (said, said.rpartition(" for ")[0]))
        if axis.tail < axis.right:
            gone = {arrow.target for arrow in self.scene.arrows if arrow.kind == "deadlock" and arrow.text.endswith("ENDED")}
            for lane in sorted(gone):
                picture.text(axis.tail + 5, self._middle(lane) + 3.8, "has ENDED", "red", size=10, bold=True)

    def _label(self, picture: Picture, bar: Bar, left: float, right: float, said: tuple[str, ...]) -> None:
        for text in said:
            if text and width_of(text, 10) <= right - left - 9:
                picture.text(left + 5, self._middle(bar.lane) + 3.6, text, _ON[bar.kind], size=10)
                return

    def _holds(self, picture: Picture) -> None:
        """The locks that each actor holds, below what it is at; thinner where it held another one before."""
        axis = self._axis
        for kind, role in self._roles.items():
            bars = of_kind(self.scene.bars, kind)
            boxes = []
            for depth in sorted({bar.depth for bar in bars}):
                high = max(9.0 - 3 * depth, 2)
                for lane, left, right in self._spans([bar for bar in bars if bar.depth == depth], 1.2):
                    foot = self._tops[lane] + self._heights[lane] - 4
                    boxes.append((left, foot - high, right - left, high))
            picture.boxes(role, boxes)
            if axis.tail < axis.right:
                for bar in bars:
                    if bar.depth == 0 and axis(bar.until_ns) >= axis.right:
                        foot = self._tops[bar.lane] + self._heights[bar.lane] - 5.8
                        said = bar.text.splitlines()[1].replace("`", "").rpartition(" for ")[0]
                        picture.text(axis.tail + 5, foot, cut_to(said, axis.right - axis.tail - 10, 8.5), "on-lock", size=8.5)

    def _events(self, picture: Picture) -> None:
        """A short stroke for each event; one where many share a place."""
        places = {(dot.lane, round(self._axis(dot.at_ns) / 2)) for dot in self.scene.dots}
        strokes = "".join(f"M{2 * x} {number(self._middle(lane) - 4.5)}v9" for lane, x in sorted(places))
        picture.path("events", strokes, faint=0.7)

    def _arrows(self, picture: Picture) -> dict[str, int]:
        """Who let whom go on; returns how many there are of each kind that is not drawn because there are too many."""
        left_out = {}
        for kind, most in _FLOWS.items():
            arrows = [arrow for arrow in self.scene.arrows if arrow.kind == kind]
            if len(arrows) > most:
                left_out[kind] = len(arrows)
                continue
            lines, heads = "", ""
            for arrow in arrows:
                line, head = self._arrow(arrow)
                lines, heads = lines + line, heads + head
            picture.path(f"flow-{kind}", lines, wide=1.3 if kind != "start" else 1, faint=0.9 if kind != "start" else 0.6)
            picture.path(f"flow-{kind}", heads, filled=True)
        return left_out

    def _arrow(self, arrow: Arrow) -> tuple[str, str]:
        """Its line, and its head."""
        down = 1 if arrow.target > arrow.source else -1
        x0, x1 = self._axis(arrow.source_ns), self._axis(arrow.target_ns)
        y0, y1 = self._middle(arrow.source) + 5 * down, self._middle(arrow.target) - 6 * down
        bend = (y1 - y0) / 2
        foot = y1 - 4 * down
        middle = number(y0 + bend)
        line = f"M{number(x0)} {number(y0)}C{number(x0)} {middle} {number(x1)} {middle} {number(x1)} {number(foot)}"
        return line, f"M{number(x1)} {number(y1)}l-2.8 {-5 * down}h5.6z"

    def _deadlock(self, picture: Picture) -> None:
        """Arcs on the right, from who waits to who has what it waits for."""
        arrows = [arrow for arrow in self.scene.arrows if arrow.kind == "deadlock"]
        lines, heads = "", ""
        for place, arrow in enumerate(arrows):
            down = 1 if arrow.target > arrow.source else -1
            # One that is waited for and waits itself has an arc that ends and one that begins.
            y0, y1 = self._middle(arrow.source) + 2.5 * down, self._middle(arrow.target) - 2.5 * down
            x = self._axis.right + 3
            far = x + 14 + (_ARCS_PX - 22) * (place + 1) / len(arrows)
            lines += (
                f"M{number(x)} {number(y0)}C{number(far)} {number(y0)} {number(far)} {number(y1)} {number(x + 5)} {number(y1)}"
            )
            heads += f"M{number(x)} {number(y1)}l6.5 -3.4v6.8z"
        picture.path("flow-deadlock", lines, wide=1.8)
        picture.path("flow-deadlock", heads, filled=True)

    def _marks(self, picture: Picture, top: float) -> None:
        """Where the run failed, and where two runs part."""
        if self.scene.failed is not None:
            x, y = self._axis(self.scene.failed.at_ns), self._middle(self.scene.failed.lane)
            cross = f"M{number(x - 5)} {number(y - 5)}l10 10m0 -10l-10 10"
            picture.path("card", cross, wide=6)
            picture.path("failure", cross, wide=3)
        if self.scene.split_ns >= 0:
            x = self._axis(self.scene.split_ns)
            picture.path("split", f"M{number(x)} {number(top - 4)}V{number(self._bottom)}", wide=1.6, dashed="5 3")
            near = x + width_of("they part here", 10.5) > picture.width - EDGE
            picture.text(x, top - 19, "they part here", "split", size=10.5, bold=True, anchor="end" if near else "middle")

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

    def _left_out(self) -> Iterator[str]:
        """What is not drawn."""
        one, total = self.scene, len(self.trace)
        if not one.whole and total:
            size = one.last - one.first + 1
            drawn_are = f"Drawn are the events @{one.first:,} to @{one.last:,}, {size:,} of {total:,}"
            yield f"{drawn_are}; the other {total - size:,} are left out."
        if one.lanes_left_out:
            is_or_are = "is" if one.lanes_left_out == 1 else "are"
            yield f"{count(one.lanes_left_out, 'actor')} that waited less than these {is_or_are} left out."


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
