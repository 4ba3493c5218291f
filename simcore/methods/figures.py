"""Figures of runs as distributions: no two schedules are equal even under one method, so they are compared as such."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from simcore.methods.model import Column, Run


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its values by column, Cliff's delta of each column against the first, and the noise within columns."""

    title: str
    values: tuple[tuple[float, ...], ...]
    deltas: tuple[float, ...]
    noise: float


def cliffs_delta(a: Sequence[float], b: Sequence[float]) -> float:
    """How often a value of `a` is above one of `b` less how often below: -1 to 1, 0 when nothing sets them apart."""
    if not a or not b:
        return 0.0
    return sum((x > y) - (x < y) for x in a for y in b) / (len(a) * len(b))


def figure(title: str, columns: Sequence[Column], of: Callable[[Run], float | None]) -> Figure | None:
    """A figure of each timing run; None when no run has it."""
    values = tuple(tuple(value for run in column.runs if (value := of(run)) is not None) for column in columns)
    if not any(values):
        return None
    # Every other run against the rest of the same method: as far as this the method alone sets runs apart.
    noise = max(abs(cliffs_delta(one[::2], one[1::2])) for one in values)
    return Figure(title, values, tuple(cliffs_delta(one, values[0]) for one in values[1:]), noise)


def schedule(columns: Sequence[Column]) -> list[Figure]:
    """How the children of a run went together."""
    found = [
        figure("overlap, %", columns, overlap),
        figure("lock hand-offs", columns, hand_offs),
        figure("lock wait, ms", columns, lock_wait_ms),
        figure("context switches", columns, lambda run: float(sum(one.switches for one in run.began)) if run.began else None),
        figure("wall, ms", columns, lambda run: run.wall_ms),
    ]
    return [one for one in found if one is not None]


def overlap(run: Run) -> float | None:
    """How much of the time in which any child worked two did."""
    spans = [(one.begun, one.ended) for one in run.began if one.ended]
    if len(spans) < 2:
        return None
    points = sorted([(begun, 1) for begun, _ in spans] + [(ended, -1) for _, ended in spans])
    active = busy = both = 0
    last = points[0][0]
    for at, step in points:
        busy += (at - last) * (active >= 1)
        both += (at - last) * (active >= 2)
        active, last = active + step, at
    return 100 * both / max(busy, 1)


def owners(run: Run) -> dict[str, list[str]]:
    """Per lock the children that took it, in order."""
    taken = sorted((had, lock, one.name) for one in run.began for lock, _, had in one.taken)
    found: dict[str, list[str]] = {}
    for _, lock, name in taken:
        found.setdefault(lock, []).append(name)
    return found


def hand_offs(run: Run) -> float | None:
    """How often a lock was taken by another child than the last time."""
    found = owners(run).values()
    if not found:
        return None
    return float(sum(a != b for names in found for a, b in pairwise(names)))


def lock_wait_ms(run: Run) -> float | None:
    waits = [had - asked for one in run.began for _, asked, had in one.taken]
    return sum(waits) / 1e6 if waits else None


def in_order(run: Run) -> bool:
    """Whether the children began in the order in which they were started."""
    begun = [one.first for one in run.began]
    return begun == sorted(begun)


def serial(run: Run) -> int:
    """How many children had finished before the next began."""
    began = sorted(run.began, key=lambda one: one.begun)
    return sum(0 < one.ended < following.begun for one, following in pairwise(began))


def middle(values: Sequence[float]) -> float:
    return median(values) if values else 0.0
