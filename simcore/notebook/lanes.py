"""What stands on the lanes of a timeline: states, locks, events, arrows, folds, and what a run stood still for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from simcore.notebook.axis import Axis
from simcore.notebook.picture import EDGE, Picture, cut_to, number, width_of
from simcore.report.scene import Arrow, Bar, Scene, of_kind
from simcore.trace.text import duration

LANE_PX: Final = 25
"""The upper part of a lane, with what its actor is at."""

HOLDS_PX: Final = 11
"""A lane of an actor that held something is so much higher."""

ARCS_PX: Final = 52
"""Right of the lanes of a deadlock: who waits for whom."""

MOST_ARROWS: Final = {"start": 40, "message": 60, "wake": 60, "hand-off": 90}
"""The arrows of a kind are drawn only when there are no more than these: more would hide what lies below."""

_STATES: Final = ("runs", "joins", "waits", "stuck", "deadlock")
_ON: Final = {"joins": "on-joins", "waits": "on-waits", "stuck": "on-dark", "deadlock": "on-dark"}


class Lanes:
    """Draws a scene on lanes that begin at `tops` and are so high. `roles` has the colour of each kind of lock bars."""

    def __init__(
        self,
        picture: Picture,
        scene: Scene,
        axis: Axis,
        tops: Sequence[float],
        heights: Sequence[float],
        roles: Mapping[str, str],
    ) -> None:
        self.picture, self.scene, self.axis, self.roles = picture, scene, axis, roles
        self.tops, self.heights = tops, heights
        self.top, self.bottom = tops[0], tops[-1] + heights[-1]

    def middle(self, lane: int) -> float:
        """The height at which a lane shows what its actor is at."""
        return self.tops[lane] + LANE_PX / 2

    def states(self) -> None:
        """What each actor is at: thin while it runs, dots while it sleeps, so that waiting stands out."""
        asleep = self._spans(of_kind(self.scene.bars, "sleeps"), 0.6)
        self.picture.path(
            "soft",
            "".join(f"M{number(left)} {number(self.middle(lane))}H{number(right)}" for lane, left, right in asleep),
            wide=1.6,
            dashed="1.6 3",
            faint=0.8,
        )
        for kind in _STATES:
            half = 2.0 if kind == "runs" else 6.5
            spans = self._spans(of_kind(self.scene.bars, kind), 1 if half > 2 else 0.6)
            self.picture.boxes(kind, [(left, self.middle(lane) - half, right - left, 2 * half) for lane, left, right in spans])

    def holds(self) -> None:
        """The locks that each actor holds, below what it is at; thinner where it held another one before."""
        axis = self.axis
        for kind, role in self.roles.items():
            bars = of_kind(self.scene.bars, kind)
            boxes = []
            for depth in sorted({bar.depth for bar in bars}):
                high = max(9.0 - 3 * depth, 2)
                for lane, left, right in self._spans([bar for bar in bars if bar.depth == depth], 1.2):
                    foot = self.tops[lane] + self.heights[lane] - 4
                    boxes.append((left, foot - high, right - left, high))
            self.picture.boxes(role, boxes)
            if axis.tail < axis.right:
                for bar in bars:
                    if bar.depth == 0 and axis(bar.until_ns) >= axis.right:
                        foot = self.tops[bar.lane] + self.heights[bar.lane] - 5.8
                        said = bar.text.splitlines()[1].replace("`", "").rpartition(" for ")[0]
                        self.picture.text(
                            axis.tail + 5, foot, cut_to(said, axis.right - axis.tail - 10, 8.5), "on-lock", size=8.5
                        )

    def events(self) -> None:
        """A short stroke for each event; one where many share a place."""
        places = {(dot.lane, round(self.axis(dot.at_ns) / 2)) for dot in self.scene.dots}
        strokes = "".join(f"M{2 * x} {number(self.middle(lane) - 4.5)}v9" for lane, x in sorted(places))
        self.picture.path("events", strokes, faint=0.7)

    def arrows(self) -> dict[str, int]:
        """Who let whom go on; returns how many there are of each kind that is not drawn because there are too many."""
        left_out = {}
        for kind, most in MOST_ARROWS.items():
            arrows = [arrow for arrow in self.scene.arrows if arrow.kind == kind]
            if len(arrows) > most:
                left_out[kind] = len(arrows)
                continue
            lines, heads = "", ""
            for arrow in arrows:
                line, head = self._arrow(arrow)
                lines, heads = lines + line, heads + head
            self.picture.path(f"flow-{kind}", lines, wide=1.3 if kind != "start" else 1, faint=0.9 if kind != "start" else 0.6)
            self.picture.path(f"flow-{kind}", heads, filled=True)
        return left_out

    def folds(self) -> float:
        """The mark of each fold across all lanes, for what lies there is not to scale; returns where their lengths end."""
        ends = [0.0, 0.0]
        foot = self.bottom + 6
        for fold in self.axis.folds:
            middle, y, side = (fold.left + fold.right) / 2, self.tops[0] - 4, 1
            wave = f"M{number(middle)} {number(y)}"
            while y < self.bottom:
                step = min(6.0, self.bottom - y)
                wave += f"q{3 * side} {number(step / 2)} 0 {number(step)}"
                y, side = y + step, -side
            self.picture.path("card", wave, wide=5)
            self.picture.path("soft", wave, faint=0.7)
            told = duration(fold.took_ns)
            half = width_of(told, 9.5) / 2
            row = 0 if middle - half > ends[0] else 1
            if middle - half > ends[row]:
                self.picture.text(middle, self.bottom + 12 + 11 * row, told, "soft", size=9.5, anchor="middle")
                ends[row], foot = middle + half + 3, max(foot, self.bottom + 15 + 11 * row)
        return foot

    def labels(self) -> None:
        """What a wait is for, on its bar where there is room, and who holds what where a run stands still."""
        axis = self.axis
        for bar in self.scene.bars:
            if bar.kind in _ON:
                left, right = axis(bar.since_ns), axis(bar.until_ns)
                said = bar.text.splitlines()[1].partition("  ")[0].replace("`", "")
                if bar.kind in ("stuck", "deadlock"):
                    left = max(left, axis.tail) if axis.tail < axis.right else left
                    said = said.rpartition(", since")[0] or said
                self._label(bar, left, right, (said, said.rpartition(" for ")[0]))
        if axis.tail < axis.right:
            gone = {arrow.target for arrow in self.scene.arrows if arrow.kind == "deadlock" and arrow.text.endswith("ENDED")}
            for lane in sorted(gone):
                self.picture.text(axis.tail + 5, self.middle(lane) + 3.8, "has ENDED", "red", size=10, bold=True)

    def deadlock(self) -> None:
        """Arcs on the right, from who waits to who has what it waits for."""
        arrows = [arrow for arrow in self.scene.arrows if arrow.kind == "deadlock"]
        lines, heads = "", ""
        for place, arrow in enumerate(arrows):
            down = 1 if arrow.target > arrow.source else -1
            # One that is waited for and waits itself has an arc that ends and one that begins.
            y0, y1 = self.middle(arrow.source) + 2.5 * down, self.middle(arrow.target) - 2.5 * down
            x = self.axis.right + 3
            far = x + 14 + (ARCS_PX - 22) * (place + 1) / len(arrows)
            lines += (
                f"M{number(x)} {number(y0)}C{number(far)} {number(y0)} {number(far)} {number(y1)} {number(x + 5)} {number(y1)}"
            )
            heads += f"M{number(x)} {number(y1)}l6.5 -3.4v6.8z"
        self.picture.path("flow-deadlock", lines, wide=1.8)
        self.picture.path("flow-deadlock", heads, filled=True)

    def marks(self) -> None:
        """Where the run failed, and where two runs part."""
        if self.scene.failed is not None:
            x, y = self.axis(self.scene.failed.at_ns), self.middle(self.scene.failed.lane)
            cross = f"M{number(x - 5)} {number(y - 5)}l10 10m0 -10l-10 10"
            self.picture.path("card", cross, wide=6)
            self.picture.path("failure", cross, wide=3)
        if self.scene.split_ns >= 0:
            x = self.axis(self.scene.split_ns)
            self.picture.path("split", f"M{number(x)} {number(self.top - 4)}V{number(self.bottom)}", wide=1.6, dashed="5 3")
            near = x + width_of("they part here", 10.5) > self.picture.width - EDGE
            self.picture.text(
                x, self.top - 19, "they part here", "split", size=10.5, bold=True, anchor="end" if near else "middle"
            )

    def _spans(self, bars: Sequence[Bar], least: float) -> Iterator[tuple[int, float, float]]:
        """The bars as lane, left, right; what touches is one, and nothing is too thin to be seen."""
        axis, before = self.axis, (-1, 0.0, 0.0)
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

    def _label(self, bar: Bar, left: float, right: float, said: tuple[str, ...]) -> None:
        for text in said:
            if text and width_of(text, 10) <= right - left - 9:
                self.picture.text(left + 5, self.middle(bar.lane) + 3.6, text, _ON[bar.kind], size=10)
                return

    def _arrow(self, arrow: Arrow) -> tuple[str, str]:
        """Its line, and its head."""
        down = 1 if arrow.target > arrow.source else -1
        x0, x1 = self.axis(arrow.source_ns), self.axis(arrow.target_ns)
        y0, y1 = self.middle(arrow.source) + 5 * down, self.middle(arrow.target) - 6 * down
        bend = (y1 - y0) / 2
        foot = y1 - 4 * down
        middle = number(y0 + bend)
        line = f"M{number(x0)} {number(y0)}C{number(x0)} {middle} {number(x1)} {middle} {number(x1)} {number(foot)}"
        return line, f"M{number(x1)} {number(y1)}l-2.8 {-5 * down}h5.6z"
