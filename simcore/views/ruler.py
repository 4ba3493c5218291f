"""The two lines above a timeline: milliseconds, and the events that can be pasted back."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from simcore.trace.model import Trace
from simcore.views.cells import Marks
from simcore.views.scale import Scale

APART: Final = 12
"""Columns from one tick to the next, at least."""


def rulers(trace: Trace, axis: Scale, start: int, end: int, marks: Marks) -> Iterator[tuple[str, str]]:
    """`ms` and `@`, each with its line for these columns: a tick at the beginning, behind each fold, and between."""
    digits = _digits(axis.column_ns)
    ticks = _ticks(axis, start, end)
    times = [f"{axis.edges[tick] / 1e6:,.{digits}f}" for tick in ticks]
    at_ns = trace.columns.at_ns
    last = len(trace) - 1
    events = [f"@{min(bisect_left(at_ns, axis.edges[tick]), last)}" for tick in ticks]
    yield "ms", _line(ticks, times, start, end, marks.tick)
    yield "event", _line(ticks, events, start, end, marks.tick)


def _ticks(axis: Scale, start: int, end: int) -> list[int]:
    # The time behind a fold is what one wants to know of it.
    behind = {column + 1 for column in range(len(axis)) if axis.edges[column + 1] - axis.edges[column] > 4 * axis.column_ns}
    behind -= {column - 1 for column in behind}
    found: list[int] = []
    for column in range(start, end):
        apart = column - found[-1] if found else APART
        due = apart >= APART or (column in behind and apart >= APART // 2)
        if due and column not in axis.folds and end - column >= APART // 2:
            found.append(column)
    return found


def _line(ticks: list[int], labels: list[str], start: int, end: int, tick: str) -> str:
    line = ""
    for number, (column, label) in enumerate(zip(ticks, labels, strict=True)):
        room = (ticks[number + 1] if number + 1 < len(ticks) else end) - column - 1
        line = line.ljust(column - start) + tick + (label if len(label) <= room else "")
    return line


def _digits(column_ns: int) -> int:
    """Decimals of a millisecond that tell two columns apart, three at most."""
    return 3 if column_ns < 10_000 else 2 if column_ns < 100_000 else 1 if column_ns < 1_000_000 else 0
