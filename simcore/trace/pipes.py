"""Which two connections are the ends of one pipe."""

from __future__ import annotations

from collections.abc import Iterable

from simcore.trace.events import ObjectKind
from simcore.trace.model import Trace


def ends_of(connections: Iterable[tuple[int, int, int, int]]) -> dict[int, tuple[int, int]]:
    """For each end of a pipe the other end and who made it, from (maker, site, n, object) of all connections.

    A pipe's ends are made one after the other on one line.
    """
    found = {}
    row = sorted(connections)
    place = 0
    while place + 1 < len(row):
        (maker, site, n, first), (other_maker, other_site, other_n, second) = row[place : place + 2]
        place += 1
        if (maker, site, n + 1) == (other_maker, other_site, other_n):
            found[first], found[second] = (second, maker), (first, maker)
            place += 1
    return found


def pipes_of(trace: Trace) -> dict[int, tuple[int, int]]:
    """The same for the connections of a trace."""
    return ends_of(
        (info.creator, info.site, info.n, index) for index, info in enumerate(trace.objects) if info.kind == ObjectKind.CONNECTION
    )
