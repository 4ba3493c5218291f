"""Where on a picture a moment lies: one scale for all that happens, quiet stretches folded, room at the end for a standstill."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from simcore.views.scale import scale

COLUMN_PX: Final = 12
"""What the scale calls a column; a fold takes three of them."""

TAIL_PX: Final = 250
"""For what stood still when the run ended: nothing happens there, but why is told."""

_STEPS: Final = (1, 2, 5)
_APART_PX: Final = 62


class Fold(NamedTuple):
    """A quiet stretch: where it lies, and how long it is."""

    left: float
    right: float
    took_ns: int


class Tick(NamedTuple):
    """A moment on the ruler."""

    x: float
    text: str


class Axis:
    """From a time (ns) to a place between `left` and `right`; `folds` are the stretches in which nothing happens.

    `moments` are the times, in order, at which something happens. With `stands_still_ns` nothing happens from there on, and that
    takes the place at the end.
    """

    def __init__(
        self, first_ns: int, last_ns: int, moments: Sequence[int], left: float, right: float, *, stands_still_ns: int = -1
    ) -> None:
        self.left, self.right = left, right
        self.tail = right
        busy_ns = last_ns
        if stands_still_ns >= 0:
            self.tail = right - TAIL_PX
            busy_ns = max(stands_still_ns, first_ns + 1)
        found = scale(first_ns, busy_ns, moments, int((self.tail - left) / COLUMN_PX))
        self._edges = list(found.edges)
        # A few columns of a short run must fill the picture, too.
        width = (self.tail - left) / len(found)
        self._places = [left + width * column for column in range(len(found) + 1)]
        self.folds = list(self._folds(found.column_ns))
        self._column_ns, self._width = max(found.column_ns, 1), width
        if stands_still_ns >= 0:
            self._edges.append(max(last_ns, busy_ns + 1))
            self._places.append(right)

    def __call__(self, at_ns: int) -> float:
        """The place of a moment; the edge for one outside."""
        number = bisect_right(self._edges, at_ns) - 1
        if number < 0:
            return self.left
        if number >= len(self._edges) - 1:
            return self.right
        since, until = self._edges[number], self._edges[number + 1]
        left, right = self._places[number], self._places[number + 1]
        return left + (right - left) * (at_ns - since) / (until - since)

    def _folds(self, column_ns: int) -> Iterator[Fold]:
        """Columns of much more time than the others, those side by side together."""
        long = 4 * max(column_ns, 1)
        begun = -1
        for number, (since, until) in enumerate([*pairwise(self._edges), (0, 0)]):
            if until - since > long and begun < 0:
                begun = number
            elif until - since <= long and begun >= 0:
                yield Fold(self._places[begun], self._places[number], self._edges[number] - self._edges[begun])
                begun = -1

    def ticks(self) -> Iterator[Tick]:
        """Round times where the scale is even, and the time behind each fold; none too close to the one before."""
        step = _round(self._column_ns * _APART_PX / self._width)
        digits = 3 if step < 10_000 else 2 if step < 100_000 else 1 if step < 1_000_000 else 0
        last = float(-_APART_PX)
        for since, until in self._even():
            starts = [since] if since != self._edges[0] and since % step else []
            for at_ns in [*starts, *range(-(-since // step) * step, until + 1, step)]:
                x = self(at_ns)
                if x - last >= _APART_PX * 0.8 and x < self.tail - 20:
                    yield Tick(x, f"{at_ns / 1e6:,.{digits if at_ns % step == 0 else max(digits, 1)}f}")
                    last = x

    def _even(self) -> Iterator[tuple[int, int]]:
        """The times between folds."""
        begun = self._edges[0]
        places = dict(zip(self._places, self._edges, strict=True))
        for fold in self.folds:
            if places[fold.left] > begun:
                yield begun, places[fold.left]
            begun = places[fold.right]
        end = places[self.tail]
        if end > begun:
            yield begun, end


def _round(ns: float) -> int:
    """The next round time."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power >= ns:
                return step * power
        power *= 10
